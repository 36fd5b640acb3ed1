"""A tag source: what is filed from Exchange is chosen by the keywords of an IMAP mailbox. A real
Dovecot, the rehearsal's Exchange and a folder of .eml files, the real binary between them."""
import os
import re
import shutil
import subprocess
import sys

from sandbox import Sandbox, Wess, main

if not (shutil.which("dovecot") or os.path.exists("/usr/sbin/dovecot")):
    print("skipped: there is no dovecot")
    sys.exit(77)
from dovecot import Dovecot, Mailbox  # noqa: E402
from imap_server import Proxy  # noqa: E402
from test_daemon import Daemon, log_of  # noqa: E402
from test_watch import comes_to_rest, daemons, until  # noqa: E402

CONFIG = """
site = "mail"; state_dir = "{dir}/state";
endpoints: {{
  exchange: {{ connector = "ews"; url = "{url}"; auth = "basic"; username = "EXAMPLE\\\\svc-wess";
    password = {{ file = "{dir}/exchange.secret"; }}; impersonate = "%{{user.mailbox}}"; }};
  tags: {{ connector = "imap-tags"; url = "{imap}"; username = "%{{user.id}}"; {imap_more}
    password = {{ file = "{dir}/imap.secret"; }}; }};
  archive: {{ connector = "vdir"; path = "{dir}/archive"; }};
}};
users: {{ source = {{ csv = "{dir}/users.csv"; }}; waves = ( {{ name = "*"; mode = "both"; }} ); }};
pairs: {{ mail: {{ kind = "message"; mode = "file"; left = "exchange:messages";
  right = "archive:messages"; first = {{ create = "{create}"; }};
  select = {{ left = {{ tags_any = [ "Workbooks" ]; source = "tags"; join = "message-id"; }}; }}; }}; }};
log: {{ file = "{dir}/log"; level = "debug"; }};
http: {{ connect_timeout = "20s"; timeout = "60s"; {http} }};
"""


class Tagged(Wess):
    def __init__(self, box, server, create="yes", imap_more="", http="", url=None):
        super().__init__(box, users=["id,name,mailbox,wave", f"u1,User,{box.mailbox(0)},pilot"])
        self.archive = os.path.join(self.dir, "archive")
        os.mkdir(self.archive)
        self.write("imap.secret", server.password + "\n", 0o600)
        self.write("wess.conf", CONFIG.format(
            dir=self.dir, url=box.info["exchange"]["url"], create=create, imap_more=imap_more,
            imap=url or f"imap://127.0.0.1:{server.port}", http=http))

    def files(self):
        return sorted(n for n in os.listdir(self.archive) if n.endswith(".eml"))

    def filed(self, n, check=0):
        runs = self.sync(check=check)
        assert len(self.files()) == n, (self.files(), runs)
        return runs["u1"]

    def state(self):
        return subprocess.run(["strings", "-n", "4", os.path.join(self.dir, "state", "wess.db")],
                              text=True, capture_output=True).stdout


def mail(box, number, subject="Offer", **more):
    return box.exchange("mail", 0, Subject=subject, Body="Text",
                        InternetMessageId=f"<{number}@example.com>", **more)


def identity(number):
    return f"<{number}@example.com>"


class Both:
    def __init__(self, dovecot="", **more):
        self.server, self.box = Dovecot(dovecot), Sandbox("--data", "empty")
        self.person = Mailbox(self.server)
        self.wess = Tagged(self.box, self.server, **more)

    def __enter__(self):
        return self.box, self.person, self.wess, self.server

    def __exit__(self, kind, *_):
        self.wess.__exit__(kind)
        self.server.__exit__()
        self.box.__exit__()


def test_tag_on():
    with Both() as (box, person, wess, _):
        for n in ("one", "two", "three"):
            mail(box, n)
            person.append(identity(n))
        person.tag(identity("one"))
        wess.filed(1)
        wess.filed(1)
        # The message itself has not changed in Exchange: the source's word is enough.
        person.tag(identity("two"), "WORKBOOKS")
        wess.filed(2)
        wess.filed(2)
        # What nobody shared, nobody sees; not even by whom it is known.
        assert "three@example" not in wess.state() and "Workbooks" not in wess.state()
        with open(os.path.join(wess.dir, "log")) as f:
            assert "example.com>" not in f.read()
        # Categories of Exchange itself do not count here.
        mail(box, "four", categories="Workbooks")
        wess.filed(2)


def test_tag_before_the_message():
    with Both() as (box, person, wess, _):
        person.append(identity("early"), ["Workbooks"])
        person.append(identity("gone"), ["Workbooks"])
        wess.filed(0)
        # Expunged there is not untagged.
        person.expunge(identity("gone"))
        wess.filed(0)
        mail(box, "early")
        mail(box, "gone")
        wess.filed(2)


def test_tag_off():
    with Both(create="ask") as (box, person, wess, _):
        for n in ("one", "two"):
            mail(box, n)
            person.append(identity(n), ["Workbooks"])
        wess.filed(0, check=4)
        person.untag(identity("one"))
        wess.filed(0, check=4)
        held = wess("held", "list", check=(0, 4)).stdout
        wess("held", "release", "1", check=(0, 1))
        wess.filed(1)
        person.untag(identity("two"))
        wess.filed(1)
        assert "1" in held


def test_source_unreachable():
    with Both() as (box, person, wess, server):
        mail(box, "one")
        person.append(identity("one"), ["Workbooks"])
        person.append(identity("late"), ["Workbooks"])
        wess.filed(1)
        port = server.port
        server.stop()
        mail(box, "late")
        mail(box, "untagged")
        run = wess.filed(2, check=3)
        assert "tags" in run["text"] and "stays as it was" in run["text"], run
        mail(box, "never")
        run = wess.filed(2, check=3)
        assert "stays as it was" in run["text"], run
        with Dovecot() as other:  # a mailbox without any of them: nothing comes of it
            with open(wess.config) as f:
                text = f.read().replace(f":{port}", f":{other.port}")
            wess.write("wess.conf", text)
            box.move_clock(1200)
            wess.sync(check=(0, 1, 3))
            assert len(wess.files()) == 2


def test_wrong_password():
    with Both() as (box, person, wess, server):
        mail(box, "one")
        person.append(identity("one"), ["Workbooks"])
        wess.write("imap.secret", "wrong\n", 0o600)
        run = wess.filed(0, check=5)
        assert "stays as it was" in run["text"] and "wrong" not in run["text"], run
        # It is not tried again until it changes.
        asked = server.log().count("auth failed")
        wess.filed(0, check=5)
        assert server.log().count("auth failed") == asked
        wess.write("imap.secret", server.password + "\n", 0o600)
        wess.filed(1)


def test_same_message_id():
    with Both(imap_more='folders = [ "inbox", "sent" ];', create="ask") as (box, person, wess, _):
        for n in ("both", "moved", "other"):
            mail(box, n)
        person.append(identity("both"), ["Workbooks"])
        person.append(identity("both"), [], "Sent")
        person.append(identity("moved"), ["Workbooks"])
        person.append(None, ["Workbooks"])
        wess.filed(0, check=4)
        assert wess.json("held", "list", check=(0, 4))["held"][0]["n"] == 2
        # Moved: the other folder's copy speaks, with its tag, and then without.
        person.move(identity("moved"), "Sent")
        wess.filed(0, check=4)
        assert wess.json("held", "list", check=(0, 4))["held"][0]["n"] == 2
        person.untag(identity("moved"), folder="Sent")
        person.untag(identity("both"))
        wess.filed(0, check=(0, 1))
        assert not wess.json("held", "list", check=(0, 4))["held"]


def test_known_by_another_header():
    """Where the copies over there have a Message-ID of their own, and the first one in another line."""
    own = "Message-Id-Old: {}\r\nX-Old-Id: {}\r\n"
    with Both(imap_more='identity = "X-Old-Id";') as (box, person, wess, _):
        for n in ("one", "two", "three"):
            mail(box, n)
        person.append("<a@other.example>", ["Workbooks"], more=own.format(identity("three"), identity("one")))
        person.append(identity("two"), ["Workbooks"])
        wess.filed(1)
        assert "Message-Id-Old" not in wess.state()
        person.append("<b@other.example>", more=own.format("<x@y>", "\r\n (moved)\t" + identity("three")))
        wess.filed(1)
        person.tag("<b@other.example>")
        wess.filed(2)
        # By the usual one again, what is there already is known anew.
        with open(wess.config) as f:
            text = f.read()
        wess.write("wess.conf", text.replace('identity = "X-Old-Id";', ""))
        wess.filed(3)
        for bad in ("a b", "Message-ID:"):
            wess.write("wess.conf", text.replace('"X-Old-Id"', f'"{bad}"'))
            said = wess.run("check", check=2)
            assert "identity" in said.stdout + said.stderr, said


def test_a_word_that_is_given_a_meaning_later():
    with Both() as (box, person, wess, _):
        for n, word in (("one", "$label1"), ("two", "Customers"), ("three", "Workbooks"), ("four", "$label2")):
            mail(box, n)
            person.append(identity(n), [word])
        wess.filed(1)
        with open(wess.config) as f:
            text = f.read()
        wess.write("wess.conf", text.replace('username = "%{user.id}";', 'username = "%{user.id}"; '
                                             'keywords = [ "$label1=Workbooks", "customers=Workbooks" ];'))
        wess.filed(3)
        wess.filed(3)


def test_moved_and_untagged_between():
    with Both(imap_more='folders = [ "inbox", "sent" ];', create="ask") as (box, person, wess, _):
        mail(box, "one")
        person.append(identity("one"), ["Workbooks"])
        wess.filed(0, check=4)
        person.move(identity("one"), "Sent")
        person.untag(identity("one"), folder="Sent")
        wess.filed(0, check=(0, 1))


def test_another_uidvalidity():
    with Both(create="ask", imap_more='folders = [ "Work" ];') as (box, person, wess, _):
        person.ok(person.c.create("Work"))
        for n in ("one", "two"):
            mail(box, n)
            person.append(identity(n), ["Workbooks"], "Work")
        wess.filed(0, check=4)
        person.ok(person.c.select("INBOX"))
        person.ok(person.c.delete("Work"))
        wess.filed(0, check=4)
        person.ok(person.c.create("Work"))
        person.append(identity("one"), [], "Work")
        person.append(identity("two"), ["Workbooks"], "Work")
        wess.filed(0, check=4)
        wess("held", "release", "1", check=(0, 1))
        wess.filed(1)


def test_without_condstore():
    lean = "imap_capability = IMAP4rev1 SASL-IR LITERAL+ ID IDLE NAMESPACE UIDPLUS"
    with Both("protocol imap {\n" + lean + "\n}\n") as (box, person, wess, _):
        for n in range(20):
            mail(box, n)
            person.append(identity(n), ["Workbooks"] if n % 4 == 0 else ["Other"])
        wess.filed(5)
        person.tag(identity(1))
        person.untag(identity(0))
        wess.filed(6)
        wess.filed(6)
        checked = wess("check", "--online", check=0).stdout
        assert "found by reading all flags" in checked, checked


def test_many_folders_and_words():
    with Both(imap_more='folders = [ "*", "Projects/*" ]; exclude = [ "Projects/Old" ];'
              ' keywords = [ "$label1=Workbooks", "proj_x=Workbooks" ];') as (
                  box, person, wess, _):
        for name in ("Projects", "Projects/2030", "Projects/Old", "&AOQ-&-b"):
            person.ok(person.c.create(f'"{name}"'))
        where = {"a": "INBOX", "b": "Projects/2030", "c": "Projects/Old", "d": '"&AOQ-&-b"',
                 "e": "Trash", "f": "Sent"}
        for n, folder in where.items():
            mail(box, n)
            person.append(identity(n), ["$Label1" if n in "abc" else "Proj_X"], folder)
        wess.filed(4)
        checked = wess("check", "--online", check=0).stdout
        assert "\u00e4&b" in checked and "any can be set" in checked and "not there" not in checked, checked
        with open(wess.config) as f:
            text = f.read()
        wess.write("wess.conf", text.replace('[ "*", "Projects/*" ]', '[ "inbox", "sentt", "projects/*", "Trash" ]'))
        checked = wess("check", "--online", check=0).stdout
        assert re.search(r"not there +sentt, projects/\*", checked), checked


def test_tls():
    with Dovecot(tls=True) as server, Sandbox("--data", "empty") as box:
        Mailbox(server).append(identity("one"), ["Workbooks"])
        mail(box, "one")
        ca = f'ca_file = "{server.certificate}";'
        for url in (f"imaps://localhost:{server.ports}", f"imap://localhost:{server.port}"):
            with Tagged(box, server, http=ca, url=url) as wess:
                wess.filed(1)
        with Tagged(box, server, url=f"imaps://localhost:{server.ports}") as wess:
            run = wess.filed(0, check=3)
            assert "certificate" in run["text"], run


BACK = """pairs: { back: { kind = "message"; left = "exchange:messages"; right = "tags:messages";
  direction = "to_right"; select = { left = { tags_any = [ "Workbooks", "Filed" ]; }; };
  first = { differs = "left"; }; }; };
"""


class Back(Tagged):
    """Categories of Exchange become keywords of the same messages over there."""

    def __init__(self, box, server, write='[ "Workbooks", "Filed" ]'):
        super().__init__(box, server, imap_more=f"write = {write};")
        with open(self.config) as f:
            text = f.read()
        self.write("wess.conf", text[:text.index("pairs:")] + BACK + text[text.index("log:"):])

    def settle(self, check=0):
        run = None
        for _ in range(3):
            run = self.sync("--no-wait", check=(0, 1, 3))["u1"]
            self.box.move_clock(150)
        assert run["status"] == check and run["right"]["updated"] == 0, run
        for side in ("left", "right"):
            assert run[side]["created"] + run[side]["deleted"] == 0, run


def test_tags_are_written_back():
    with Dovecot() as server, Sandbox("--data", "empty") as box, Back(box, server) as wess:
        person = Mailbox(server)
        one = mail(box, "one", categories="Workbooks,Red")
        mail(box, "two", categories="Red")
        mail(box, "absent", categories="Workbooks")
        for n in ("one", "two"):
            person.append(identity(n), ["Mine", "\\Flagged"])
        mail(box, "bare", categories="Workbooks")
        person.append(identity("bare"))
        wess.settle()
        assert person.flags(identity("bare")) == [{"Workbooks"}]
        # What the setting names is set, whatever else a message bears is left alone.
        assert person.flags(identity("one")) == [{"Mine", "Workbooks", "\\Flagged"}]
        assert person.flags(identity("two")) == [{"Mine", "\\Flagged"}]
        assert not person.uids(identity("absent")), "messages are not made"
        box.exchange("tag", 0, id=one["id"], category="Blue")
        wess.settle()
        box.exchange("tag", 0, id=one["id"], category="Filed")
        box.exchange("untag", 0, id=one["id"], category="Workbooks")
        box.exchange("untag", 0, id=one["id"], category="Blue")
        wess.settle()
        assert person.flags(identity("one")) == [{"Mine", "Filed", "\\Flagged"}]
        # What a person sets there stays there, and a deletion deletes nothing.
        person.tag(identity("one"), "Workbooks")
        wess.settle()
        there = {m["fields"]["InternetMessageId"]: m for m in box.contacts(0, folder="inbox")}
        assert sorted(there[identity("one")]["categories"]) == ["Filed", "Red"]
        box.exchange("delete", 0, id=one["id"])
        wess.settle()
        assert person.flags(identity("one")) == [{"Mine", "Filed", "Workbooks", "\\Flagged"}]
        assert not [op for op in box.requests()["by_op"] if "Update" in op or "Create" in op]
        with open(wess.config) as f:
            text = f.read()
        for old, new, says in (('direction = "to_right"; ', "", "goes one way"),
                               ('right = "tags:', 'right = "archive:', "is filed")):
            assert old in text
            wess.write("wess.conf", text.replace(old, new))
            told = wess.run("check", check=2)
            assert says in told.stdout + told.stderr, told.stdout + told.stderr


def test_a_message_that_comes_later_gets_its_keywords():
    with Dovecot() as server, Sandbox("--data", "empty") as box, Back(box, server) as wess:
        person = Mailbox(server)
        mail(box, "late", categories="Workbooks")
        never = mail(box, "untagged", categories="Workbooks")
        wess.settle()
        box.exchange("untag", 0, id=never["id"], category="Workbooks")
        wess.settle()
        for n in ("late", "untagged", "other"):
            person.append(identity(n), ["Mine"])
        wess.settle()
        assert person.flags(identity("late")) == [{"Mine", "Workbooks"}]
        assert person.flags(identity("untagged")) == person.flags(identity("other")) == [{"Mine"}]
        # It is waited for for 30 days, and costs nothing meanwhile.
        mail(box, "too late", categories="Workbooks")
        wess.settle()
        box.move_clock(31 * 86400)
        wess.settle()
        person.append(identity("too late"), ["Mine"])
        wess.settle()
        assert person.flags(identity("too late")) == [{"Mine"}]


def test_nothing_is_written_back_unless_it_is_named():
    with Dovecot() as server, Sandbox("--data", "empty") as box, Back(box, server, "[]") as wess:
        person = Mailbox(server)
        mail(box, "one", categories="Workbooks")
        person.append(identity("one"))
        wess.settle(check=1)
        assert person.flags(identity("one")) == [set()]
        assert "names no tags" in wess("parked", "list", check=1).stdout


def test_through_a_proxy():
    """The name is the proxy's to look up, and nothing is said in the clear but STARTTLS."""
    with Dovecot(tls=True) as server, Sandbox("--data", "empty") as box:
        Mailbox(server).append(identity("one"), ["Workbooks"])
        mail(box, "one")
        for scheme in ("http", "socks5h"):
            for url, port in (("imaps://imap.example", server.ports), ("imap://imap.example:1430", server.port)):
                with Proxy(port) as proxy:
                    http = f'ca_file = "{server.certificate}"; proxy = "{scheme}://127.0.0.1:{proxy.port}";'
                    with Tagged(box, server, http=http, url=url) as wess:
                        wess.filed(1)
                    assert set(proxy.asked) == {"imap.example:" + ("993" if "imaps" in url else "1430")}
                    assert (b" STARTTLS\r\n" in proxy.said) == (port == server.port), (scheme, url)
                    assert b"AUTHENTICATE" not in proxy.said and b"EXAMINE" not in proxy.said
            with Proxy(server.port, refuses=True) as proxy:
                http = f'ca_file = "{server.certificate}"; proxy = "{scheme}://127.0.0.1:{proxy.port}";'
                with Tagged(box, server, http=http, url="imap://imap.example") as wess:
                    run = wess.filed(0, check=3)
                    assert proxy.asked and "stays as it was" in run["text"], run


def test_settings_that_do_not_go():
    with Both() as (box, person, wess, _):
        with open(wess.config) as f:
            good = f.read()
        for old, new, says in (
                ('source = "tags"', 'source = "tag"', "no endpoint"),
                ('source = "tags"', 'source = "archive"', "must be one for each user"),
                ('join = "message-id"', 'join = "email"', "has no key"),
                ('source = "tags"; join', "join", "join goes with source"),
                ("imap://", "pop3://", "imaps://"),
                ('username = "%{user.id}"; ', "", "username"),
                ('tags_any = [ "Workbooks" ]; source', "shared = true; source", "tags_any")):
            assert old in good, old
            wess.write("wess.conf", good.replace(old, new, 1))
            told = wess.run("check", check=2)
            assert says in told.stdout + told.stderr, (new, told.stdout + told.stderr)


def test_other_tags_are_asked_for():
    with Both() as (box, person, wess, _):
        for n, word in (("one", "Workbooks"), ("two", "Other_One"), ("three", "Third")):
            mail(box, n)
            person.append(identity(n), [word])
        wess.filed(1)
        with open(wess.config) as f:
            text = f.read()
        wess.write("wess.conf", text.replace('[ "Workbooks" ]', '[ "other one", "Third" ]'))
        wess.filed(3)
        person.append(identity("late"), ["Third"])
        mail(box, "late")
        wess.filed(4)
        wess.filed(4)


def test_one_for_all():
    """Side and source without a word of users: one of each, read once."""
    with Both() as (box, person, wess, _):
        with open(wess.config) as f:
            text = f.read().replace("%{user.mailbox}", box.mailbox(0))
        wess.write("wess.conf", text.replace("%{user.id}", "u1").replace(
            'source = "tags"', 'shared = true; source = "tags"'))
        wess.write("users.csv", "id,name,mailbox,wave\n" + "".join(
            f"u{i},User,u{i}@example.com,pilot\n" for i in range(1, 5)))
        for n in ("one", "two"):
            mail(box, n)
            person.append(identity(n))
        person.tag(identity("one"))
        wess.sync(check=(0, 1))
        assert len(wess.files()) == 1
        person.tag(identity("two"))
        wess.sync(check=(0, 1))
        assert len(wess.files()) == 2
        wess.sync(check=(0, 1))
        assert len(wess.files()) == 2


def test_plan():
    with Both() as (box, person, wess, _):
        mail(box, "one", "Offer")
        mail(box, "two", "Secret")
        person.append(identity("one"), ["Workbooks"])
        person.append(identity("two"))
        for _ in range(2):
            plan = wess("plan", check=(0, 1, 4, 8)).stdout
            assert "Offer" in plan and "Secret" not in plan and not wess.files(), plan
        person.tag(identity("two"))
        plan = wess("plan", check=(0, 1, 4, 8)).stdout
        assert "Offer" in plan and "Secret" in plan, plan
        person.untag(identity("one"))
        wess.filed(1)


def test_watch():
    with Both() as (box, person, wess, server):
        for n in ("one", "two"):
            mail(box, n)
            person.append(identity(n))
        with open(wess.config) as f:
            text = f.read()
        wess.write("wess.conf", text + 'daemon: { every = "6d"; watch = true; };\n')
        wess.filed(0)
        with Daemon(wess) as daemon:
            daemons[:] = [daemon]
            daemon.round()
            until(lambda: "describe" in log_of(wess).split("last round")[-1], "it does not begin")
            comes_to_rest(lambda: log_of(wess).count("pair mail user u1: status"))
            person.tag(identity("one"))
            until(lambda: len(wess.files()) == 1, "the tag is not heard of")
            # The connection is lost: it comes back, and what was missed is made up for.
            who = subprocess.run(["pgrep", "-P", str(server.process.pid), "-f", "dovecot/imap$"],
                                 text=True, capture_output=True).stdout.split()
            assert who, "nothing to cut off"
            for pid in who:
                os.kill(int(pid), 15)
            person.__init__(server)
            person.tag(identity("two"))
            until(lambda: len(wess.files()) == 2, "what was missed is not made up for")
            daemons.clear()


def test_watch_of_several_folders():
    """Dovecot has NOTIFY: a tag set in a folder that is not the selected one is heard of as well."""
    with Both(imap_more='folders = [ "*" ];') as (box, person, wess, server):
        person.ok(person.c.create("Work"))
        for n, folder in (("one", "Work"), ("two", "Sent"), ("three", "INBOX")):
            mail(box, n)
            person.append(identity(n), folder=folder)
        with open(wess.config) as f:
            text = f.read()
        wess.write("wess.conf", text + 'daemon: { every = "6d"; watch = true; };\n')
        wess.filed(0)
        with Daemon(wess) as daemon:
            daemons[:] = [daemon]
            daemon.round()
            comes_to_rest(lambda: log_of(wess).count("pair mail user u1: status"))
            for i, (n, folder) in enumerate((("one", "Work"), ("two", "Sent"), ("three", "INBOX"))):
                person.tag(identity(n), folder=folder)
                until(lambda: len(wess.files()) == i + 1, f"a tag in {folder} is not heard of")
            daemons.clear()


if __name__ == "__main__":
    main(globals())
