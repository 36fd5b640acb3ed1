"""The connector imap-tags before a server that does what Dovecot will not: by a strict one of the
test's own, and by scripts."""
import base64
import os
import subprocess
import time

from imap_server import Folder, Message, Proxy, Server
from sandbox import Sandbox, Wess, main, program
from test_daemon import Daemon
from test_watch import until

CONFIG = """
site = "mail"; state_dir = "{dir}/state";
endpoints: {{
  tags: {{ connector = "imap-tags"; url = "imap://127.0.0.1:{port}"; username = "%{{user.id}}"; {more}
    {secret} = {{ file = "{dir}/secret"; }}; }};
  exchange: {{ connector = "ews"; url = "{url}"; auth = "basic"; username = "EXAMPLE\\\\svc-wess";
    password = {{ file = "{dir}/exchange.secret"; }}; impersonate = "%{{user.mailbox}}"; }};
  there: {{ connector = "vdir"; path = "{dir}/there"; }};
}};
users: {{ source = {{ csv = "{dir}/users.csv"; }}; waves = ( {{ name = "*"; mode = "both"; }} ); }};
pairs: {{ mail: {{ kind = "message"; mode = "file"; left = "exchange:messages"; right = "there:messages";
  select = {{ left = {{ tags_any = [ "Workbooks" ]; source = "tags"; }}; }};
  first = {{ create = "yes"; }}; }}; }};
log: {{ file = "{dir}/log"; level = "debug"; }};
http: {{ connect_timeout = "{patience}"; timeout = "{patience}"; }};
"""
HUNG = 150  # a watchdog
SOON = "4s"  # where a server that says nothing is what is tried


class Files(Wess):
    """Messages of an Exchange mailbox, chosen by the server's keywords."""

    def __init__(self, server, more="", secret="password", box=None, patience="60s"):
        self.own = None if box else Sandbox("--data", "empty")
        box = box or self.own
        super().__init__(box, users=["id,name,mailbox,wave", f"u1,User,{box.mailbox(0)},pilot"])
        os.mkdir(os.path.join(self.dir, "there"))
        self.write("secret", server.password + "\n", 0o600)
        self.write("wess.conf", CONFIG.format(dir=self.dir, port=server.port, more=more,
                                              secret=secret, url=box.info["exchange"]["url"],
                                              patience=patience))

    def __exit__(self, kind, *_):
        super().__exit__(kind)
        if self.own:
            self.own.stop()

    def mail(self, name):
        self.box.exchange("mail", 0, Subject=name, Body="Text",
                          InternetMessageId=f"<{name}@example.com>")

    def filed(self, n, check=0):
        run = self.sync("--no-wait", check=check)["u1"]
        names = [x for x in os.listdir(os.path.join(self.dir, "there")) if x.endswith(".eml")]
        assert len(names) == n, (names, run)
        return run


def inbox(*tagged, **more):
    return Folder("INBOX", [Message(i + 1, f"<{name}@example.com>", ["Workbooks"])
                            for i, name in enumerate(tagged)], **more)


def test_strict_server():
    """Everything that is said is understood by another reader of the standard."""
    folder = inbox("a", "b")
    with Server(folder) as server, Files(server) as wess:
        for name in "abcd":
            wess.mail(name)
        wess.filed(2)
        server.asked.clear()
        wess.filed(2)
        assert not any("FETCH" in a or "EXAMINE" in a for a in server.asked), server.asked
        folder.add("<c@example.com>", "workbooks")
        folder.change(1)
        wess.filed(3)
        # Without QRESYNC an expunge shows in the numbers alone.
        folder.expunge(2)
        folder.add("<d@example.com>", "$Forwarded", "WorkBooks", "\\Seen")
        wess.filed(4)
        checked = wess("check", "--online", check=0).stdout
        assert "CONDSTORE" in checked, checked


def test_folder_without_modseq():
    folder = inbox("a", counts=False)
    with Server(folder) as server, Files(server) as wess:
        for name in "ab":
            wess.mail(name)
        wess.filed(1)
        folder.add("<b@example.com>", "Workbooks")
        wess.filed(2)
        wess.filed(2)


def test_large_scan_is_read_in_windows():
    folder = inbox(*[f"m{i}" for i in range(4500)])
    for i, m in enumerate(folder.messages):
        m.uid = 1 + i * 3 + (i > 2000) * 100000  # thin, and with a hole
    folder.next = folder.messages[-1].uid + 1
    with Server(folder) as server, Files(server) as wess:
        for name in ("m0", "m2000", "m2001", "m4499"):
            wess.mail(name)
        wess.filed(4)
        lists = [a for a in server.asked if a.startswith("UIDFETCH") and "BODY" not in a]
        assert len(lists) < 60, len(lists)


def test_the_next_window_is_asked_for_ahead():
    folder = inbox(*[f"m{i}" for i in range(1800)])
    with Server(folder) as server, Files(server) as wess:
        for i in (0, 499, 500, 1799):
            wess.mail(f"m{i}")
        folder.expunge(1200)

        def gone_meanwhile(tag, rest):  # told by the listing, and by the time of the header gone
            if "BODY" in rest and len(folder.messages) == 1799:
                folder.expunge(2)
                folder.modseq -= 1
        server.hooks["UIDFETCH"] = gone_meanwhile
        wess.filed(4)
        asked = [("H" if "BODY" in a else a.split()[1]) for a in server.asked if a.startswith("UIDFETCH")]
        # What bears the tag, and behind it the next window, before this one has been told.
        assert asked == ["1:500", "H", "501:1000", "H", "1001:1500", "H", "1501:1800", "H"], asked
        wess.filed(4)


def test_all_changed_at_once():
    """What there is no room for is not told again with each page."""
    folder = inbox(*[f"m{i}" for i in range(2600)])
    with Server(folder) as server, Files(server) as wess:
        for i in (0, 2599):
            wess.mail(f"m{i}")
        wess.filed(2)
        for m in folder.messages:
            folder.change(m.uid, "Workbooks", "Later")
        wess.mail("new")
        server.asked.clear()

        def arrives(tag, rest):
            if not any(m.id == "<new@example.com>" for m in folder.messages):
                folder.add("<new@example.com>", "Workbooks")
        server.hooks["UIDFETCH"] = arrives
        wess.sync("--no-wait")
        asked = [a.split()[1] for a in server.asked if a.startswith("UIDFETCH")]
        assert asked == ["1:*", "501:1000", "1001:1500", "1501:2000", "2001:2500", "2501:2600"], asked
        wess.filed(3)


def test_a_window_that_was_asked_for_ahead_and_is_refused():
    folder = inbox(*[f"m{i}" for i in range(1200)])
    with Server(folder) as server, Files(server) as wess:
        wess.mail("m0")
        wess.mail("m1100")

        def refuse(tag, rest):
            return None if "BODY" in rest or rest.startswith("1:") else f"{tag} NO [SERVERBUG] no\r\n".encode()
        server.hooks["UIDFETCH"] = refuse
        wess.filed(1, check=3)
        server.hooks.clear()
        wess.box.move_clock(1300)
        wess.filed(2)


def test_watch_by_notify():
    def refuse(tag, rest):
        return f"{tag} NO [BADEVENT (MessageNew)] not these\r\n".encode()
    for names, hook, asked in ((["Work", "Old"], None, 'MAILBOXES ("Old" "Work")'),
                               ([f"{i:03}" + "x" * 100 for i in range(50)], None, "(PERSONAL ("),
                               (["Work"], refuse, 'MAILBOXES ("Work")'), ([], None, None)):
        folders = [Folder(n) for n in names]
        with Server(inbox("a"), *folders, capability="IDLE ENABLE CONDSTORE LITERAL+ NOTIFY") as server, \
                Files(server, 'folders = [ "*" ];') as wess:
            if hook:
                server.hooks["NOTIFY"] = hook
            with open(wess.config) as f:
                text = f.read()
            wess.write("wess.conf", text + 'daemon: { every = "6d"; watch = true; };\n')
            with Daemon(wess):
                until(lambda: "IDLE" in server.asked, "it does not watch")
            told = [a for a in server.asked if a.startswith("NOTIFY")]
            assert len(told) == (asked is not None) and all(asked in a for a in told), told


def test_sign_in():
    for auth, way, secret in (("plain", "PLAIN", "password"), ("xoauth2", "XOAUTH2", "access_token"),
                              ("oauthbearer", "OAUTHBEARER", "access_token")):
        with Server(inbox("a")) as server, Files(server, f'auth = "{auth}";', secret) as wess:
            wess.mail("a")
            wess.filed(1)
            assert server.signed_in and all(w == way for w, _ in server.signed_in), server.signed_in
            said = server.signed_in[0][1]
            assert "u1" in said and "secret" in said, said
            with open(os.path.join(wess.dir, "log")) as f:
                log = f.read()
            assert "secret" not in log and base64.b64encode(said.encode()).decode() not in log
    with Server(inbox("a")) as server, Files(server, 'mailbox = "other";') as wess:
        wess.mail("a")
        wess.filed(1)
        assert server.signed_in[0][1] == "other\0u1\0secret", server.signed_in


BY_APP = """auth = "{auth}"; authority = "{authority}"; tenant = "{tenant}"; client_id = "{client_id}";"""


class Tokens:
    """A server that takes the tokens it is told to take, and those alone."""

    def __init__(self, server, takes):
        self.heard, self.takes = [], takes
        server.hooks["AUTHENTICATE"] = self.judge

    def judge(self, tag, rest):
        token = base64.b64decode(rest.split()[1]).decode().split("auth=Bearer ")[1].split("\1")[0]
        self.heard.append(token)
        told = "OK in" if self.takes(token) else "NO [AUTHENTICATIONFAILED] no"
        return f"{tag} {told}\r\n".encode()


def told(wess):
    with open(os.path.join(wess.dir, "log")) as f:
        return f.read()


def test_tokens_of_an_app():
    for auth in ("xoauth2", "oauthbearer"):
        with Sandbox("--data", "empty") as box, Server(inbox("a")) as server:
            way = BY_APP.format(auth=auth, **box.info["oauth"])
            with Files(server, way, "client_secret", box=box) as wess:
                wess.write("secret", box.info["oauth"]["client_secret"] + "\n", 0o600)
                wess.mail("a")
                # The first one is refused: another is fetched, once.
                tokens = Tokens(server, lambda t: len(set(tokens.heard)) > 1)
                box.requests(reset=True)
                wess.filed(1)
                assert len(tokens.heard) == 2 and len(set(tokens.heard)) == 2, tokens.heard
                assert box.requests(reset=True)["by_op"]["ews:token"] == 2
                assert not any(t in told(wess) for t in tokens.heard)
                # None is taken: that is told, and not tried for ever.
                tokens = Tokens(server, lambda t: False)
                run = wess.filed(1, check=5)
                assert "does not take the token" in run["text"], run
                assert len(tokens.heard) == 2, tokens.heard
                wess.filed(1, check=3)
                assert len(tokens.heard) == 2, "asked during the pause"
                # A secret that is refused where tokens come from is not sent to the mail server.
                box.move_clock(4000)
                wess.write("secret", "another\n", 0o600)
                wess.filed(1, check=5)
                assert len(tokens.heard) == 2, tokens.heard


def test_tokens_of_a_person():
    with Sandbox("--data", "empty") as box, Server(inbox("a")) as server:
        way = BY_APP.format(auth="xoauth2", **box.info["oauth"])
        with Files(server, way, "refresh_token", box=box) as wess:
            os.remove(os.path.join(wess.dir, "secret"))
            wess.mail("a")
            tokens = Tokens(server, lambda t: True)
            assert "wess login tags" in wess.run("check", check=2).stderr
            p = subprocess.Popen([program("wess"), "login", "tags", "--user", "u1", "--config", wess.config],
                                 stdout=subprocess.PIPE, text=True,
                                 env=dict(os.environ, WESS_CLOCK_FILE=box.clock_file))
            box.control("exchange/device", user_code=p.stdout.readline().split()[-1], mailbox=box.mailbox(0))
            assert p.wait(60) == 0
            p.stdout.close()
            wess.filed(1)
            wess.filed(1)
            assert len(set(tokens.heard)) == len(tokens.heard) == 2, "each process has its own"


def test_tokens_that_do_not_go_together():
    with Server(inbox("a")) as server:
        good = 'auth = "xoauth2"; tenant = "t"; client_id = "c"; '
        for way, secret, says in ((good, "access_token", "one of them"),
                                  ('auth = "xoauth2";', "client_secret", "one of them"),
                                  (good.replace('"t"', '"a b"'), "client_secret", "letters"),
                                  (good + 'certificate = "/x";', "client_secret", "one of client_secret"),
                                  (good + 'authority = "https://x/y";', "client_secret", "nothing behind")):
            with Files(server, way, secret) as wess:
                run = wess.run("check", check=2)
                assert says in run.stdout + run.stderr, (way, run.stdout + run.stderr)


def test_refusals():
    def refuse(code):
        return lambda tag, rest: f"{tag} NO [{code}] said no\r\n".encode()
    with Server(inbox("a")) as server, Files(server) as wess:
        wess.mail("a")
        server.hooks["AUTHENTICATE"] = refuse("UNAVAILABLE")
        run = wess.filed(0, check=3)
        assert "UNAVAILABLE" in run["text"] and "stays as it was" in run["text"], run
    with Server(inbox("a")) as server, Files(server) as wess:
        wess.mail("a")
        server.hooks["AUTHENTICATE"] = refuse("AUTHENTICATIONFAILED")
        wess.filed(0, check=5)
        tried = len(server.asked)
        wess.filed(0, check=5)
        assert len(server.asked) == tried
    with Server(inbox("a"), inbox("b", validity=8)) as server:
        server.folders[1].name = "Shut"
        server.hooks["EXAMINE"] = lambda tag, rest: (
            f"{tag} NO [NOPERM] not yours\r\n".encode() if "Shut" in rest else None)
        with Files(server, 'folders = [ "*" ];') as wess:
            wess.mail("a")
            wess.mail("b")
            wess.filed(1)  # the folder that cannot be read stops nobody


def test_without_tls_nobody_signs_in():
    """Somewhere else than on this machine; whether it is not offered, or taken out on the way."""
    with Server(inbox("a")) as server, Proxy(server.port) as proxy, Files(server) as wess:
        wess.mail("a")
        with open(wess.config) as f:
            text = f.read()
        wess.write("wess.conf", text.replace(f"127.0.0.1:{server.port}", "imap.example").replace(
            "http: {", f"http: {{ proxy = \"http://127.0.0.1:{proxy.port}\";"))
        run = wess.filed(0, check=3)
        assert "offers no TLS" in run["text"] and proxy.asked == ["imap.example:143"], (run, proxy.asked)
        assert not server.signed_in and b"AUTH" not in proxy.said and b"LOGIN" not in proxy.said


def test_what_check_says():
    with Server(inbox("a"), greeting="The Microsoft Exchange IMAP4 service is ready.") as server, \
            Files(server) as wess:
        told = wess("check", "--online", check=2).stdout
        assert "keeps no keywords" in told and "connector ews" in told, told
    with Server(inbox("a", permanent="\\Seen \\Deleted")) as server, Files(server) as wess:
        told = wess("check", "--online", check=0).stdout
        assert "takes no new keywords" in told, told


def test_another_uidvalidity_meanwhile():
    folder = inbox("a")
    with Server(folder) as server, Files(server) as wess:
        wess.mail("a")
        wess.mail("b")
        wess.filed(1)
        folder.add("<b@example.com>", "Workbooks")

        def recreated(tag, rest):
            server.hooks.clear()
            folder.validity += 1
        server.hooks["EXAMINE"] = recreated
        wess.filed(2)  # listed anew in the same run


def test_noise():
    """What others change meanwhile is told unasked: twice, without a UID, out of order, of others."""
    folder = inbox("a", "b", "c")
    with Server(folder) as server, Files(server) as wess:
        for name in "abc":
            wess.mail(name)

        def noisy(tag, rest):
            if "BODY" in rest:
                return None
            return (b"* 3 FETCH (UID 3 MODSEQ (1) FLAGS (Workbooks))\r\n* 1 FETCH (FLAGS (Other))\r\n"
                    b"* 9 FETCH (UID 99 FLAGS (Workbooks))\r\n* 2 EXISTS\r\n* OK [X (y) {5}] {17}\r\n"
                    b"* 1 FETCH (UID 1 MODSEQ (1) FLAGS (Workbooks) X-NEW ((1 (\"q\\\"\" NIL)) {3}\r\n(\r\n))\r\n"
                    b"* 3 FETCH (FLAGS (Workbooks) UID 3 MODSEQ (1))\r\n* SEARCH\r\n* NO warned\r\n"
                    + f"{tag} OK done\r\n".encode())
        server.hooks["UIDFETCH"] = noisy
        wess.filed(2)


def peak(wess):
    code = ("import resource,subprocess,sys;"
            "rc=subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL).returncode;"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, rc)")
    done = subprocess.run(["python3", "-c", code, program("wess"), "sync", "--no-wait", "--config",
                           wess.config], text=True, capture_output=True, timeout=HUNG,
                          env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
    assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
    kib, status = done.stdout.split()
    return int(kib), int(status)


def test_hostile():
    """No crash, no hang, no memory: the source is told to be unreachable, and the run goes on."""
    endless = b"* " + b"x" * (8 << 20)
    attacks = {
        "garbage": b"\0\1\2\377 what\r\n",
        "bare line feed": b"* OK fine\n",
        "endless line": endless,
        "huge literal": b"* 1 FETCH (UID 1 BODY[HEADER.FIELDS (MESSAGE-ID)] {999999999}\r\n",
        "large literal": b"* 1 FETCH (UID 1 X {1048570}\r\n" + b"x" * 1048570 + b" FLAGS ()\r\n",
        "many literals": b"* 1 FETCH (UID 1" + b" X {9}\r\n123456789" * 200000 + b")\r\n",
        "deep": b"* 1 FETCH (UID 1 X " + b"(" * 100000 + b")" * 100000 + b")\r\n",
        "numbers": b"* 99999999999999999999 EXISTS\r\n* 1 FETCH (UID 18446744073709551616)\r\n",
        "open end": b"* 1 FETCH (UID 1 FLAGS (Work",
        "bye": b"* BYE nothing for you\r\n",
        "another's answer": b"w999 OK done\r\n",
        "go ahead": b"+ go ahead\r\n",
        "silence": b"",
        "vanished": b"* VANISHED (EARLIER) 1:4294967295\r\n",
        "flood": b"* 1 FETCH (UID 1 FLAGS (Workbooks))\r\n" * 300000,
    }
    box = Sandbox("--data", "empty")
    with Server(inbox("a")) as server, Files(server, box=box, patience=SOON) as wess:
        usual = peak(wess)[0]
    for where in ("UIDFETCH", "LIST"):
        for name, text in attacks.items():
            with Server(inbox("a")) as server, Files(server, box=box, patience=SOON) as wess:
                def attack(tag, rest):
                    return text + (b"$CLOSE" if name == "open end" else b"")
                server.hooks[where] = attack
                begun = time.monotonic()
                most, status = peak(wess)
                took = time.monotonic() - begun
                assert status in (0, 3), (where, name, status)
                assert took < HUNG / 2, (where, name, took)
                assert most - usual < 40 << 10, (where, name, usual, most)
    box.stop()
    print(f"     {2 * len(attacks)} attacks, usually {usual >> 10} MiB")


def test_no_end():
    """Talk without an end, quick or slow, comes to one."""
    for pause in (0, 0.3):
        with Server(inbox("a")) as server, Files(server, patience=SOON) as wess:
            server.endless["UIDFETCH"] = (b"* 1 FETCH (FLAGS (Workbooks))\r\n" * (1 if pause else 2000),
                                          pause)
            begun = time.monotonic()
            most, status = peak(wess)
            took = time.monotonic() - begun
            assert status == 3 and took < HUNG, (pause, status, took)
            assert most < 200 << 10, most


def test_hostile_sign_in():
    """Before the sign-in it is libcurl that reads; what it passes on is no more to be trusted."""
    for text in (b"\0\377\r\n", b"* " + b"A" * 300000 + b"\r\n", b"* BYE\r\n",
                 b"* CAPABILITY " + b"X " * 50000 + b"\r\n"):
        with Server(inbox("a")) as server, Files(server, patience=SOON) as wess:
            server.hooks["CAPABILITY"] = lambda tag, rest: text
            status = peak(wess)[1]
            assert status in (0, 3), (text[:20], status)


if __name__ == "__main__":
    main(globals())
