"""Mail, filed: two mailboxes on the left, one folder of .eml files on the right, the real binary
between them."""
import hashlib
import http.server
import os
import signal
import subprocess
import tempfile
import threading
import time
import urllib.parse

import test_requests as wire
from sandbox import Sandbox, Wess, main, program

CONFIG = """
site = "mail"; state_dir = "{dir}/state";
endpoints: {{
  exchange: {{ connector = "ews"; url = "{url}"; auth = "basic"; username = "EXAMPLE\\\\svc-wess";
    password = {{ file = "{dir}/exchange.secret"; }}; impersonate = "%{{user.mailbox}}"; {ews} }};
  archive: {{ connector = "vdir"; path = "{path}"; }};
}};
users: {{ source = {{ csv = "{dir}/users.csv"; }}; waves = ( {{ name = "*"; mode = "both"; }} ); }};
pairs: {{ mail: {{ kind = "message"; mode = "file"; left = "exchange:messages";
  right = "archive:messages"; {select} first = {{ create = "{create}"; }}; {pair} }}; }};
log: {{ file = "{dir}/log"; level = "debug"; }};
"""
TAGGED = 'select = { left = { tags_any = [ "Workbooks" ]; }; };'


class Mail(Wess):
    """Two users who file into one folder."""

    def __init__(self, box, ews="", select=TAGGED, create="yes", pair="", path=None):
        super().__init__(box, users=["id,name,mailbox,workbooks,wave"] + [
            f"u{i + 1},User {i},{box.mailbox(i)},U,pilot" for i in range(2)])
        self.archive = os.path.join(self.dir, "archive")
        os.mkdir(self.archive)
        for user in ("u1", "u2"):
            os.mkdir(os.path.join(self.archive, user))
        self.write("wess.conf", CONFIG.format(
            dir=self.dir, url=box.info["exchange"]["url"], path=self.archive + (path or ""),
            ews=ews, select=select, create=create, pair=pair))

    def files(self, below=""):
        folder = os.path.join(self.archive, below)
        return sorted(n for n in os.listdir(folder) if n.endswith(".eml"))

    def digests(self, below=""):
        out = []
        for name in self.files(below):
            path = os.path.join(self.archive, below, name)
            assert os.stat(path).st_mode & 0o777 == 0o600, name
            with open(path, "rb") as f:
                out.append(hashlib.sha256(f.read()).hexdigest())
        return sorted(out)

    def nothing_left(self):
        """No spool file, and no half file, is left behind."""
        spool = os.path.join(self.dir, "state", "spool")
        assert os.listdir(spool) == [], os.listdir(spool)
        left = [n for n in os.listdir(self.archive) if n.endswith(".tmp")]
        assert not left, left

    def quiet(self):
        for user, run in self.sync(check=0).items():
            for side in ("left", "right"):
                for what in ("created", "updated", "deleted", "ended"):
                    assert run[side][what] == 0, (user, side, what, run[side][what])


def mail(box, i, subject, number, tag=True, **more):
    return box.exchange("mail", i, Subject=subject, Body="Text\nof it",
                        InternetMessageId=f"<{number}@example.com>",
                        **({"categories": "Workbooks"} if tag else {}), **more)


def digest(item):
    return item["fields"]["MimeSha256"]


def test_filed_once():
    with Sandbox("--data", "empty") as box, Mail(box) as wess:
        one = mail(box, 0, "Offer", "one")
        two = mail(box, 1, "Answer", "two")
        mail(box, 0, "Private life", "three", tag=False)
        sent = mail(box, 0, "Sent", "four", folder="sentitems")
        runs = wess.sync(check=0)
        assert sum(r["right"]["created"] for r in runs.values()) == 3, runs
        assert wess.digests() == sorted(digest(m) for m in (one, two, sent))
        # Nothing of theirs was touched.
        for i in range(2):
            for item in box.contacts(i, folder="inbox"):
                assert "IsRead" not in item["fields"] and not item.get("stamp"), item
        wess.quiet()
        wess.nothing_left()
        with open(os.path.join(wess.dir, "log")) as f:
            log = f.read()
        assert "Offer" not in log and "example.com>" not in log
        assert "Private life" not in subprocess.run(
            ["strings", os.path.join(wess.dir, "state", "wess.db")], text=True,
            capture_output=True).stdout


def test_in_both_mailboxes():
    with Sandbox("--data", "empty") as box, Mail(box) as wess:
        both = [mail(box, i, "To both", "both") for i in range(2)]
        copy = mail(box, 0, "To both", "both", folder="sentitems")
        wess.sync(check=(0, 1))
        assert len(wess.files()) == 1, wess.files()
        assert wess.digests()[0] in [digest(m) for m in (*both, copy)]
        wess.quiet()
        # Who tags it later meets what is filed already.
        late = [mail(box, i, "Later", "later", tag=not i) for i in range(2)]
        wess.sync(check=(0, 1))
        box.exchange("tag", 1, id=late[1]["id"])
        wess.sync(check=(0, 1))
        assert len(wess.files()) == 2 and digest(late[0]) in wess.digests()
        wess.quiet()
        wess.nothing_left()


def test_a_folder_for_each_user():
    with Sandbox("--data", "empty") as box, Mail(box, path="/%{user.id}") as wess:
        both = [mail(box, i, "To both", "both") for i in range(2)]
        mail(box, 0, "To both", "both", folder="sentitems")
        wess.sync(check=(0, 1))
        assert len(wess.files("u1")) == 1 and wess.digests("u2") == [digest(both[1])]
        wess.quiet()


def test_nothing_moves_after_filing():
    with Sandbox("--data", "empty") as box, Mail(box) as wess:
        offer, gone, other = (mail(box, 0, s, s) for s in ("Offer", "Gone", "Other"))
        wess.sync(check=0)
        assert len(wess.files()) == 3
        box.exchange("edit", 0, id=offer["id"], IsRead="true", Subject="Another subject")
        box.exchange("untag", 0, id=other["id"])
        box.exchange("delete", 0, id=gone["id"])
        before = wess.digests()
        wess.quiet()
        assert wess.digests() == before
        # Tagged again it is the same one.
        box.exchange("tag", 0, id=other["id"])
        wess.quiet()
        # A file that is changed or taken away stays so, and is not filed again.
        first, second, third = (os.path.join(wess.archive, n) for n in wess.files())
        os.unlink(first)
        with open(second, "a") as f:
            f.write("more\n")
        os.rename(third, os.path.join(wess.archive, "renamed.eml"))
        box.exchange("edit", 0, id=offer["id"], IsRead="false")
        wess.quiet()
        assert not os.path.exists(first) and len(wess.files()) == 2
        assert len(box.contacts(0, folder="inbox")) == 2
        for word in (offer["id"], "Offer@example.com", "<offer@EXAMPLE.com>"):
            told = wess("why", word).stdout
            assert "nothing that happens to either copy moves the other" in told, told
            assert "<Offer@example.com>" in told and "Next" not in told, told
        wess("link", "mail", offer["id"], os.path.basename(second), check=2)
        wess.nothing_left()


def test_categories_are_tags_of_the_file():
    """user.xdg.tags of freedesktop.org, where the file system has such attributes."""
    with Sandbox("--data", "empty") as box, Mail(box) as wess:
        try:
            os.setxattr(wess.archive, "user.test", b"1")
        except OSError:
            print("     no extended attributes here")
            return
        one = mail(box, 0, "Offer", "one", tag=False, Importance="High", IsRead="true")
        plain = mail(box, 1, "Plain", "two")
        for category in ("Wichtig, sehr", "Größe", "Workbooks"):
            box.exchange("tag", 0, id=one["id"], category=category)
        wess.sync(check=0)
        tags = {}
        for name in wess.files():
            path = os.path.join(wess.archive, name)
            with open(path, "rb") as f:
                tags[hashlib.sha256(f.read()).hexdigest()] = os.getxattr(path, "user.xdg.tags")
            assert os.listxattr(path) == ["user.xdg.tags"], os.listxattr(path)
        # What has a comma in it cannot be said; the bytes are those that came.
        assert tags == {digest(one): "Größe,Workbooks".encode(), digest(plain): b"Workbooks"}, tags
        wess.quiet()


def test_filed_once_more():
    with Sandbox("--data", "empty") as box, Mail(box) as wess:
        offer, other = (mail(box, 0, s, s) for s in ("Offer", "Other"))
        mail(box, 0, "Private life", "three", tag=False)
        wess.sync(check=0)
        names = {}
        for name in wess.files():
            with open(os.path.join(wess.archive, name), "rb") as f:
                names[hashlib.sha256(f.read()).hexdigest()] = name
        gone = names[digest(offer)]
        os.unlink(os.path.join(wess.archive, gone))
        wess.quiet()
        assert "not filed" in wess("refile", "mail", "three@example.com", check=2).stderr
        assert "by no number" in wess("refile", "mail", "nobody@example.com", check=2).stderr
        told = wess("refile", "mail", "<Offer@example.com>", check=0).stdout
        assert "filed once more by the next sync" in told, told
        told = wess("why", offer["id"]).stdout
        assert "asked to have it filed once more" in told, told
        # A plan tells it and does nothing.
        assert "Offer" in wess("plan", check=(0, 1, 4, 8)).stdout
        assert gone not in wess.files()
        runs = wess.sync(check=0)
        assert runs["u1"]["right"]["created"] == 1 and gone in wess.files(), (runs, wess.files())
        assert wess.digests() == sorted((digest(offer), digest(other)))
        told = wess("why", offer["id"], "-v").stdout
        assert "nothing that happens to either copy moves the other" in told, told
        assert told.count("created in archive") == 2, told
        wess.quiet()
        # Its copy is still there, changed: nothing is written over it, and it counts as filed.
        with open(os.path.join(wess.archive, gone), "a") as f:
            f.write("a note\n")
        before = wess.digests()
        wess("refile", "mail", offer["id"], check=0)
        wess.quiet()
        assert wess.digests() == before
        assert "nothing that happens" in wess("why", offer["id"]).stdout
        # What is not there, or not selected, cannot be filed.
        box.exchange("untag", 0, id=offer["id"])
        box.exchange("delete", 0, id=other["id"])
        wess.quiet()
        assert "not selected" in wess("refile", "mail", offer["id"], check=2).stderr
        assert "no longer there" in wess("refile", "mail", other["id"], check=2).stderr
        # A state that was lost knows what was filed twice by its stamp.
        subprocess.run(["rm", "-rf", os.path.join(wess.dir, "state")], check=True)
        box.exchange("tag", 0, id=offer["id"])
        wess.sync(check=(0, 1))
        assert wess.digests() == before
        wess.nothing_left()


def test_a_message_without_mime_stops_no_other():
    with Sandbox("--data", "empty") as box, Mail(box) as wess:
        came = [mail(box, 0, f"Mail {i}", i) for i in range(2)]
        none = box.exchange("create", 0, kind="Message", Subject="None", categories="Workbooks",
                            InternetMessageId="<none@mail.example>")
        box.exchange("move", 0, id=none["id"], folder="inbox")
        wess.sync("--no-wait", check=(0, 1))
        assert set(wess.digests()) == {digest(m) for m in came}
        shown = wess("parked", "list").stdout
        assert "no MIME" in shown, shown


def test_what_cannot_be_read_is_left_out():
    # The plan goes by what was listed: the first GetItem reads the messages.
    for fault, filed in (("refuse=0", 3), ("cut=700", 4), ("truncate", 4), ("garbage", 4),
                         ("http=500", 4), ("busy", 4), ("html", 4)):
        with Sandbox("--data", "empty") as box, Mail(box) as wess:
            came = [mail(box, 0, f"Mail {i}", i) for i in range(4)]
            box.fault("ews:GetItem:1:" + fault)
            wess.run("sync", "--no-wait")
            box.clear_faults()
            box.move_clock(3600)
            wess.sync("--no-wait", check=(0, 1))
            assert len(wess.files()) == filed, (fault, wess.files())
            assert set(wess.digests()) <= {digest(m) for m in came}, fault
            parked = wess("parked", "list").stdout
            assert ("damaged in Exchange" in parked) == (filed < 4), (fault, parked)
            wess.nothing_left()


def test_requests_and_answers_validate():
    if not os.path.isdir(wire.SCHEMA):
        print("     Microsoft's schemas are not here (WESS_SHARED)")
        return
    recorder = type("Own", (wire.Recorder,), {"seen": [], "lock": threading.Lock()})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with Sandbox("--data", "empty") as box, Mail(box, ews='mail_folders = [ "*" ];') as wess:
            recorder.target = urllib.parse.urlparse(box.info["exchange"]["url"])
            with open(wess.config) as f:
                text = f.read()
            wess.write("wess.conf", text.replace(f":{recorder.target.port}/EWS",
                                                 f":{server.server_port}/EWS"))
            who = ("<t:Mailbox><t:Name>{0}</t:Name><t:EmailAddress>{0}@example.com"
                   "</t:EmailAddress></t:Mailbox>")
            mail(box, 0, "All", "all", From=who.format("ada"), CcRecipients=who.format("cy"),
                 ToRecipients=who.format("ben") + who.format("room"), Importance="High",
                 IsRead="true")
            mail(box, 1, "Another", "another", size=20000)
            wess.sync(check=0)
            assert len(wess.files()) == 2
    finally:
        server.shutdown()
        server.server_close()
    seen = recorder.seen
    assert any(b"IncludeMimeContent" in body for body, _, _ in seen)
    assert not any(b"<m:" + op in body for op in (b"CreateItem", b"UpdateItem", b"DeleteItem",
                                                  b"SendItem") for body, _, _ in seen)
    with tempfile.TemporaryDirectory() as folder:
        for name in sorted(n for n in os.listdir(wire.SCHEMA) if n.startswith("ews-")):
            bad = wire.wrong(folder, os.path.join(wire.SCHEMA, name), [b for b, _, _ in seen])
            assert not bad, f"{name}\n" + "\n".join(bad[:8])
        bad = wire.wrong(folder, os.path.join(wire.SCHEMA, "ews-SE.xsd"),
                         [t for _, t, status in seen if status == 200])
        assert not bad, "answers of the rehearsal server\n" + "\n".join(bad[:8])
    print(f"     {len(seen)} requests and answers")


def test_state_lost():
    with Sandbox("--data", "empty") as box, Mail(box) as wess:
        for i in range(3):
            mail(box, i % 2, f"Mail {i}", i)
        wess.sync(check=0)
        files = wess.files()
        subprocess.run(["rm", "-rf", os.path.join(wess.dir, "state")], check=True)
        wess.sync(check=(0, 1))
        assert wess.files() == files
        wess.quiet()


def test_folders():
    words = 'mail_folders = [ "inbox/*", "Old" ]; mail_exclude = [ "Inbox/Noise" ];'
    with Sandbox("--data", "empty") as box, Mail(box, ews=words) as wess:
        for name, parent in (("Offers", "inbox"), ("Noise", "inbox"), ("Old", "msgfolderroot"),
                             ("Below", "Old")):
            box.exchange("folder", 0, name=name, parent=parent)
        came = {f: mail(box, 0, f, f, folder=f) for f in (
            "inbox", "Offers", "Noise", "Old", "Below", "sentitems", "drafts", "deleteditems")}
        wess.sync("--user", "u1", check=(0, 1))
        assert wess.digests() == sorted(digest(came[f]) for f in ("inbox", "Offers", "Old"))
        with open(wess.config) as f:
            text = f.read()
        wess.write("wess.conf", text.replace('mail_folders = [ "inbox/*", "Old" ]',
                                             'mail_folders = [ "*" ]'))
        wess.sync("--user", "u1", check=(0, 1))
        assert wess.digests() == sorted(digest(came[f]) for f in (
            "inbox", "Offers", "Old", "Below", "sentitems"))
        wess.write("wess.conf", text.replace('[ "inbox/*", "Old" ]', '[ "Nowhere" ]'))
        told = wess("sync", "--user", "u1", check=3).stdout
        assert "mail_folders" in told, told


def test_listed_first_and_planned():
    with Sandbox("--data", "empty") as box, Mail(box, create="ask") as wess:
        mail(box, 0, "Offer", "one", size=100000)
        plan = wess("plan", check=(0, 1, 4, 8)).stdout
        assert "Offer" in plan, plan
        wess.sync(check=4)
        assert not wess.files()
        held = wess("held", "list", "-v", check=4).stdout
        assert "Offer" in held, held
        # Of what only waits no content was read.
        assert not any("IncludeMimeContent" in str(r) for r in box.requests())
        wess("held", "release", "1")
        wess.sync(check=0)
        assert len(wess.files()) == 1
        wess.quiet()
        wess.nothing_left()


def test_refused_settings():
    with Sandbox("--data", "empty") as box:
        for pair, says in (('on_untag = "delete";', "leave out on_untag"),
                           ('direction = "both";', "leave out direction"),
                           ('mode = "sync";', "mode")):
            with Mail(box, pair=pair) as wess:
                if "sync" in pair:
                    with open(wess.config) as f:
                        text = f.read().replace('mode = "file"; ', "")
                    wess.write("wess.conf", text)
                told = wess.run("check", check=2)
                assert says in told.stdout + told.stderr, told.stdout + told.stderr


def killed(wess, box, after):
    environment = dict(os.environ, WESS_CLOCK_FILE=box.clock_file)
    run = subprocess.Popen([program("wess"), "sync", "--config", wess.config], env=environment,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(after)
    alive = run.poll() is None
    run.send_signal(signal.SIGKILL)
    run.wait()
    return alive


def test_killed():
    with Sandbox("--data", "empty") as box, Mail(box) as wess:
        came = [mail(box, i % 2, f"Mail {i}", i, size=500000) for i in range(60)]
        cut = sum(killed(wess, box, 0.15 * k) for k in range(1, 14))
        assert cut > 2, "never killed while at work"
        box.move_clock(600)
        wess("sync", check=(0, 1, 3))
        box.move_clock(600)
        wess("sync", check=(0, 1))
        assert wess.digests() == sorted(digest(m) for m in came)
        for name in os.listdir(wess.archive):  # of a killed process; gone within an hour
            assert name.endswith((".eml", ".tmp")) or name in ("u1", "u2"), name
        spool = os.path.join(wess.dir, "state", "spool")
        assert os.listdir(spool) == [], os.listdir(spool)
        wess.quiet()
        print(f"     killed {cut} times at work")


def largest(folder, end=""):
    """Bytes of the largest file somewhere below whose name ends so."""
    sizes = [0]
    for top, _, names in os.walk(folder):
        for name in names:
            try:
                sizes.append(os.path.getsize(os.path.join(top, name)) if name.endswith(end) else 0)
            except OSError:  # gone meanwhile
                pass
    return max(sizes)


def killed_when(wess, box, so_far):
    """Killed at the moment at which that much is on the disk; False: it was done before."""
    environment = dict(os.environ, WESS_CLOCK_FILE=box.clock_file)
    run = subprocess.Popen([program("wess"), "sync", "--config", wess.config], env=environment,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while run.poll() is None and not so_far():
        pass
    alive = run.poll() is None
    run.kill()
    run.wait()
    return alive


def test_killed_within_a_large_one():
    """In the middle of what comes, and in the middle of what is written."""
    with Sandbox("--data", "empty") as box, Mail(box) as wess:
        large = mail(box, 0, "Large", "large", size=48_000_000)
        spool = os.path.join(wess.dir, "state", "spool")
        cut = killed_when(wess, box, lambda: largest(spool) > 1 << 20)
        assert cut and largest(spool) > 1 << 20 and not wess.files()
        cut += killed_when(wess, box, lambda: largest(wess.archive, ".tmp") > 1 << 20)
        assert not wess.files() or cut == 1
        box.move_clock(600)
        wess("sync", check=(0, 1, 3))
        box.move_clock(600)
        wess("sync", check=(0, 1))
        assert wess.digests() == [digest(large)] and os.listdir(spool) == []
        wess.quiet()
        print(f"     killed {cut} times at work")


def test_as_many_at_once_as_their_size_allows():
    with Sandbox("--data", "empty") as box, Mail(box) as wess:
        came = [mail(box, 0, f"Small {i}", i) for i in range(250)]
        box.requests(reset=True)
        wess.sync(check=0)
        by_op = box.requests(reset=True)["by_op"]
        assert by_op["ews:GetItem"] == 2, by_op
        assert wess.digests() == sorted(digest(m) for m in came)
        # More than one call brings (WESS_FETCH_BYTES): all go in one run all the same.
        came += [mail(box, 0, f"Large {i}", f"large {i}", size=9 << 20) for i in range(6)]
        wess.sync(check=0)
        assert wess.digests() == sorted(digest(m) for m in came)
        wess.quiet()
        wess.nothing_left()


def test_what_is_read_behind_a_batch_fails():
    """What is on the wire by then is settled; what was to be read goes with the next run, be it
    killed among its batches."""
    with Sandbox("--data", "empty") as box, Mail(box) as wess:
        came = [mail(box, 0, f"Small {i}", i) for i in range(1700)]
        box.fault("ews:GetItem:5-:http=500")  # of the third batch
        wess("sync", "--user", "u1", check=(3, 4))
        assert len(wess.files()) == 800, len(wess.files())
        wess.nothing_left()
        box.clear_faults()
        box.move_clock(3600)
        assert killed_when(wess, box, lambda: len(wess.files()) > 1000)
        assert 1000 < len(wess.files()) < 1700, len(wess.files())
        box.move_clock(600)
        wess("sync", check=(0, 1, 3))
        box.move_clock(600)
        wess("sync", check=(0, 1))
        assert wess.digests() == sorted(digest(m) for m in came)
        assert not os.listdir(os.path.join(wess.dir, "state", "spool"))
        wess.quiet()


def test_large():
    with Sandbox("--data", "empty") as box, Mail(box) as wess:
        small = mail(box, 0, "Small", "small")
        wess.sync(check=0)
        environment = dict(os.environ, WESS_CLOCK_FILE=box.clock_file)

        def peak():
            done = subprocess.run(["/usr/bin/env", "python3", "-c", (
                "import resource,subprocess,sys;"
                "rc=subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL).returncode;"
                "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, rc)"),
                program("wess"), "sync", "--config", wess.config], env=environment, text=True,
                capture_output=True)
            kib, status = done.stdout.split()
            assert status in ("0", "1"), done.stderr
            return int(kib)

        mail(box, 0, "Small 2", "small 2")
        usual = peak()
        large = mail(box, 0, "Large", "large", size=16 << 20)
        most = peak()
        assert digest(large) in wess.digests() and digest(small) in wess.digests()
        assert most - usual < 8 << 10, f"{usual} KiB, {most} KiB with a mail of 16 MiB"
        print(f"     {usual >> 10} MiB, {most >> 10} MiB with a mail of 16 MiB")
        # Too large for what an answer may have: it is told, and the rest goes on.
        wess.write("wess.conf", open(wess.config).read() + "http: { body_max = 1000000; };\n")
        mail(box, 0, "Larger", "larger", size=4 << 20)
        last = mail(box, 0, "Small 3", "small 3")
        wess.sync(check=(0, 1))
        assert digest(last) in wess.digests() and len(wess.files()) == 4
        parked = wess("parked", "list").stdout
        assert "http.body_max" in parked, parked
        wess.nothing_left()


if __name__ == "__main__":
    main(globals())
