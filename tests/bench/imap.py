"""Keywords of a large mailbox on a real Dovecot, beside a client that only reads and drops the same
bytes, and beside mbsync.

    ./run bench imap [PART...]      scan mbsync

Every figure is a line: figure NAME VALUE UNIT limit LIMIT ok|short
"""
import os
import re
import shutil
import socket
import sys
import tempfile
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, os.path.join(here, "..", "e2e")]
from bench import Measured, figure, fell_short  # noqa: E402
from dovecot import Dovecot  # noqa: E402
from sandbox import program  # noqa: E402

MESSAGES = int(os.environ.get("WESS_BENCH_MESSAGES", "100000"))
TURNS = 3
PAIRS = ("cd", "ef", "ab")  # who drops, who scans; mbsync reads b
PAGE = 500  # messages of a request, as IMAP_PAGE and IMAP_FETCH
CONFIG = """
site = "bench"; state_dir = "{dir}/state";
endpoints: {{
  tags: {{ connector = "imap-tags"; url = "imap://127.0.0.1:{port}"; username = "%{{user.id}}";
    password = {{ file = "{dir}/secret"; }}; }};
  here: {{ connector = "vdir"; path = "{dir}/here/%{{user.id}}"; }};
  there: {{ connector = "vdir"; path = "{dir}/there"; }};
}};
users: {{ source = {{ list = ( {{ id = "{user}"; name = "One"; }} ); }}; }};
pairs: {{ mail: {{ kind = "message"; mode = "file"; left = "here:messages"; right = "there:messages";
  select = {{ left = {{ tags_any = [ "Workbooks" ]; source = "tags"; }}; }}; }}; }};
log: {{ file = "{dir}/log"; level = "debug"; }};
"""
MBSYNC = """
FSync no

IMAPAccount a
Host 127.0.0.1
Port {port}
User b
Pass {password}
SSLType None
AuthMechs LOGIN

IMAPStore far
Account a

MaildirStore near
Path {dir}/maildir/
Inbox {dir}/maildir/inbox

Channel c
Far :far:
Near :near:
Sync Pull
Create Near
SyncState *
"""


class Raw:
    """A client that reads what it asked for, and drops it."""

    def __init__(self, server, user):
        self.s = socket.create_connection(("127.0.0.1", server.port))
        self.buffer = bytearray(1 << 16)
        self.came = self.n = 0
        self.s.recv(1 << 16)
        self.ask(b"LOGIN %s " % user.encode() + server.password.encode())

    def ask(self, command):
        self.n += 1
        tag = b"w%d" % self.n
        self.s.sendall(tag + b" " + command + b"\r\n")
        end, tail = b"\r\n" + tag + b" OK", b""
        while True:
            n = self.s.recv_into(self.buffer)
            assert n, "the server is gone"
            self.came += n
            # The answer is at the end of what came last.
            tail = (tail + bytes(self.buffer[max(0, n - 2000):n]))[-2000:]
            if (end in tail or tail.startswith(end[2:])) and tail.endswith(b"\r\n"):
                return


def fill(server, user):
    s = socket.create_connection(("127.0.0.1", server.port))
    file = s.makefile("rb")
    file.readline()
    s.sendall(b"a LOGIN %s " % user.encode() + server.password.encode() + b"\r\n")
    while not file.readline().startswith(b"a "):
        pass
    for at in range(0, MESSAGES, 1000):
        parts = [b"b APPEND INBOX"]
        for i in range(at, min(at + 1000, MESSAGES)):
            text = (f"Message-ID: <{i}.{i * 7919 % 100003}@mail.example.com>\r\n"
                    f"From: somebody@example.com\r\nSubject: {i}\r\n\r\nText\r\n").encode()
            words = b"Workbooks" if i % 3 == 0 else b"Other $Forwarded" if i % 3 == 1 else b"Later"
            parts.append(b" (%s) {%d+}\r\n%s" % (words, len(text), text))
        s.sendall(b"".join(parts) + b"\r\n")
        while not (line := file.readline()).startswith(b"b "):
            pass
        assert line.startswith(b"b OK"), line
    s.close()


def commands(log):
    """What was asked, as the log counts it; for the floor the same is asked by hand."""
    found = re.findall(r"endpoint tags user \S+ (\S+) .*?code \d+, (\d+) requests", log)
    return sum(int(n) for _, n in found)


def floor(server, user):
    start = time.monotonic()
    c = Raw(server, user)
    c.ask(b'LIST "" "*" RETURN (SPECIAL-USE STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))')
    c.ask(b"ENABLE QRESYNC")
    c.ask(b"EXAMINE INBOX")
    for at in range(1, MESSAGES + 1, PAGE):
        c.ask(b"UID FETCH %d:%d (UID FLAGS MODSEQ)" % (at, at + PAGE - 1))
        asked = b",".join(b"%d" % uid for uid in range(at, min(at + PAGE, MESSAGES + 1))
                          if uid % 3 == 1)  # those that bear the tag, see fill()
        c.ask(b"UID FETCH %s (UID BODY.PEEK[HEADER.FIELDS (Message-ID)])" % asked)
    took = time.monotonic() - start
    c.s.close()
    return took, c.came


class Scan:
    """A first run, and one with nothing to do, on a state of their own."""

    def __init__(self, server, user):
        with tempfile.TemporaryDirectory(prefix="wess-bench-") as d:
            for name in (f"here/{user}", "there"):
                os.makedirs(os.path.join(d, name))
            path, log = os.path.join(d, "wess.conf"), os.path.join(d, "log")
            with open(path, "w") as f:
                f.write(CONFIG.format(dir=d, port=server.port, user=user))
            secret = os.path.join(d, "secret")
            with open(secret, "w") as f:
                f.write(server.password + "\n")
            os.chmod(secret, 0o600)
            run = [program("wess"), "sync", "--config", path]
            self.first = Measured(run)
            open(log, "w").close()
            self.again = Measured(run)
            with open(log) as f:
                self.trips = commands(f.read())


def scan(server):
    """A first scan meets a server that has not looked at the messages yet either: each client has a
    mailbox of its own, and of three such pairs the one in the middle counts, for a scan is short and
    the machine does other things. And once more with all that the server then has at hand."""
    pairs = []
    for left, right in PAIRS:
        cold, came = floor(server, left)
        one = Scan(server, right)
        pairs.append(one.first.seconds / cold)
        print(f"     {MESSAGES} messages, {came >> 20} MiB: {cold:.2f} s to drop, "
              f"{one.first.seconds:.2f} s with {one.first.cpu:.2f} s of CPU; nothing to do: "
              f"{one.again.seconds:.3f} s")
    warm = min(floor(server, left)[0] for _ in range(TURNS))
    others = [Scan(server, right) for _ in range(TURNS)]
    print(f"     once more: {warm:.2f} s to drop, {min(s.first.seconds for s in others):.2f} s")
    figure("imap_scan_to_floor", sorted(pairs)[len(pairs) // 2], "x", 1.3)
    figure("imap_scan_to_warm_floor", min(s.first.seconds for s in others) / warm, "x", 1.3)
    figure("imap_scan_cpu", one.first.cpu / MESSAGES * 1e6, "us", 5)
    figure("imap_noop_round_trips", one.trips, "requests", 3)
    figure("imap_memory", max(s.first.peak for s in [one, *others]), "MiB", 24)
    return min(s.again.seconds for s in others)


def mbsync(server, noop):
    if not shutil.which("mbsync"):
        print("     mbsync (isync) is not installed")
        return
    with tempfile.TemporaryDirectory(prefix="wess-bench-") as d:
        os.mkdir(os.path.join(d, "maildir"))
        path = os.path.join(d, "mbsyncrc")
        with open(path, "w") as f:
            f.write(MBSYNC.format(dir=d, port=server.port, password=server.password))
        run = ["mbsync", "-q", "-c", path, "c"]
        first, again = Measured(run), Measured(run)
    print(f"     mbsync, which fetches them whole: {first.seconds:.2f} s, {first.peak:.0f} MiB; nothing "
          f"to do: {again.seconds:.3f} s")
    figure("imap_noop_to_mbsync", noop / again.seconds, "x", 1)


def main():
    parts = sys.argv[1:] or ["scan", "mbsync"]
    with Dovecot() as server:
        for user in "".join(PAIRS):
            fill(server, user)
        noop = scan(server)
        if "mbsync" in parts:
            mbsync(server, noop)
    sys.exit(1 if fell_short() else 0)


if __name__ == "__main__":
    main()
