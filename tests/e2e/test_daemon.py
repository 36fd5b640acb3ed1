"""The long-running program: its rounds, its signals, its control socket, and clients of every sort."""
import json
import os
import re
import resource
import signal
import socket
import stat
import subprocess

from sandbox import Sandbox, Wess, main, program
from test_main_job import EASY, quiet, ready, until

PATIENCE = 120  # a watchdog for what may never come; no measure of speed


class Daemon:
    """`wess daemon`, with the test as its service manager."""

    def __init__(self, wess, leaks=True, wait=True, **env):
        self.wess = wess
        self.place = os.path.join(wess.dir, "notify")
        if os.path.exists(self.place):
            os.remove(self.place)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.place)
        self.socket.settimeout(PATIENCE)
        self.heard = []
        self.err = open(os.path.join(wess.dir, "daemon.err"), "w+")
        env = dict(os.environ, WESS_CLOCK_FILE=wess.box.clock_file, NOTIFY_SOCKET=self.place, **env)
        if not leaks:
            env["ASAN_OPTIONS"] = "detect_leaks=0"
        self.process = subprocess.Popen([program("wess"), "daemon", "--config", wess.config],
                                        stdin=subprocess.DEVNULL, stdout=self.err, stderr=self.err,
                                        env=env)
        if wait:
            self.wait("READY=1")
            assert self.process.poll() is None

    def hear(self):
        try:
            said = self.socket.recv(65536).decode()
        except socket.timeout:
            raise AssertionError(f"the daemon fell silent; heard {self.heard}\n{self.said()}") from None
        self.heard.append(said)
        return said

    def wait(self, words):
        """The next message that has these words."""
        while words not in (said := self.hear()):
            pass
        return said

    def round(self):
        """The end of the next round of the clock."""
        return int(re.search(r"status (\d+)", self.wait("last round"))[1])

    def send(self, number):
        self.process.send_signal(number)

    def said(self):
        self.err.flush()
        with open(self.err.name) as f:
            return f.read()

    def end(self):
        """Its exit status, after all that it still says."""
        code = self.process.wait(PATIENCE)
        self.socket.setblocking(False)
        try:
            while True:
                self.heard.append(self.socket.recv(65536).decode())
        except BlockingIOError:
            pass
        said = self.said()
        if "Tracer caught signal" in said:  # the leak checker itself failed, see sandbox.py
            code = 0
        assert "Sanitizer" not in said.split("Tracer caught signal")[0], said
        assert "runtime error" not in said, said
        return code

    def stop(self, number=signal.SIGTERM):
        self.send(number)
        code = self.end()
        assert code == 0, f"{code}: {self.said()}"
        assert [m for m in self.heard if m.startswith("STOPPING=1")], self.heard

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.err.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def edit(wess, old, new, name="wess.conf"):
    with open(os.path.join(wess.dir, name)) as f:
        text = f.read()
    assert old in text, old
    wess.write(name, text.replace(old, new, 1))


def log_of(wess):
    with open(os.path.join(wess.dir, "log")) as f:
        return f.read()


def control_of(wess):
    return os.path.join(wess.dir, "state", "control")


def client(wess, data=b""):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.connect(control_of(wess))
    s.settimeout(PATIENCE)
    if data:
        s.sendall(data)
    return s


def answer(s):
    """All that comes until the daemon closes: messages, and the exit status."""
    data = b""
    while part := s.recv(65536):
        data += part
    s.close()
    messages = [json.loads(line) for line in data.splitlines()]
    assert list(messages[-1]) == ["exit"], messages
    return "".join(m.get("err", "") for m in messages), messages[-1]["exit"]


def in_background(wess, *args):
    env = dict(os.environ, WESS_CLOCK_FILE=wess.box.clock_file, ASAN_OPTIONS="detect_leaks=0")
    return subprocess.Popen([program("wess"), *args, "--config", wess.config], text=True, env=env,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_01_a_round_every_so_often():
    with Sandbox() as box, ready(box) as wess:
        edit(wess, 'every = "30m"', 'every = "10s"')
        email = "henry.thorne@adatum.example"
        left, right = box.contact(0, email=email), box.person(email=email)
        with Daemon(wess, WATCHDOG_USEC="2000000") as daemon:
            assert daemon.round() in (0, 1)
            box.exchange("edit", 0, id=left["id"], JobTitle="Chair")
            box.move_clock(1)
            box.workbooks("edit", id=right["id"], **{"main_location[mobile]": "+44 7700 900001"})
            assert daemon.round() in (0, 1)
            assert box.person(email=email)["fields"]["person_job_title"] == "Chair"
            assert box.contact(0, email=email)["fields"]["MobilePhone"] == "+44 7700 900001"
            box.requests(reset=True)
            assert daemon.round() in (0, 1)
            written = [op for op in box.requests()["by_op"] if "Update" in op or "Create" in op
                       or ":P" in op]
            assert not written, f"a round without changes writes nothing: {written}"
            assert "WATCHDOG=1" in daemon.heard
            daemon.stop()


def test_02_a_good_configuration_is_taken_over():
    with Sandbox() as box:
        info = box.info["exchange"]["mailboxes"]
        users = ["id,name,mailbox,workbooks,wave"] + [
            f"u{i + 1},{m['name']},{m['address']},{m['name']},pilot" for i, m in enumerate(info)]
        with Wess(box, users=users[:2], pair=EASY) as wess, Daemon(wess) as daemon:
            daemon.round()
            assert set(wess.sync(check=(0, 1, 4))) == {"u1"}
            wess.write("users.csv", "\n".join(users) + "\n")
            edit(wess, 'every = "30m"', 'every = "10s"')
            daemon.send(signal.SIGHUP)
            assert re.match(r"RELOADING=1\nMONOTONIC_USEC=[1-9]\d+\n", daemon.wait("RELOADING=1"))
            assert daemon.wait("READY=1").endswith("the changed configuration is in use")
            assert set(wess.sync(check=(0, 1, 4))) == {"u1", "u2"}
            assert "is taken over" in log_of(wess)
            daemon.stop()
            assert daemon.heard[-1].startswith("STOPPING=1"), "and nothing comes behind it"


def test_03_a_broken_configuration_is_refused_whole():
    users = "id,name,mailbox,workbooks,wave\nu1,Ann,ann@x.example,Ann,pilot\n"
    broken = [
        ("wess.conf", lambda t: t.replace("workers = 4", 'workers = "many"'), r"wess\.conf:\d+: workers"),
        ("wess.conf", lambda t: t.replace("site =", "site = = "), r"wess\.conf:\d+: "),
        ("wess.conf", lambda t: t.replace('connector = "ews"', 'connector = "ewss"'), "ewss"),
        ("wess.conf", lambda t: t.replace("/state\"", "/elsewhere\""), "state_dir changes with a restart"),
        ("wess.conf", lambda t: t.replace('site = "test"', 'site = "other"'), "site never changes"),
        ("wess.conf", lambda t: t.replace("daemon: { ", 'daemon: { control = "/tmp/x"; '),
         "daemon.control changes with a restart"),
        ("wess.conf", lambda _: "", r"wess\.conf"),
        ("wess.conf", lambda t: t + '\n@include "state"\n', "/state cannot be included: it is not a file"),
        ("wess.conf", lambda t: t.replace('left = { tags_any = [ "Workbooks" ]; }', 'left = "Workbooks"'),
         "left of a select must be a group"),
        ("users.csv", lambda _: users + "u1,Bob,bob@x.example,Bob,pilot\n", r"users\.csv:3: .*u1"),
    ]
    with Sandbox() as box, Wess(box, pair=EASY) as wess, Daemon(wess) as daemon:
        daemon.round()
        runs = set(wess.sync(check=(0, 1, 4)))
        for name, change, words in broken:
            with open(os.path.join(wess.dir, name)) as f:
                good = f.read()
            seen = len(log_of(wess))
            bad = change(good)
            assert bad != good, words
            wess.write(name, bad)
            daemon.send(signal.SIGHUP)
            told = daemon.wait("READY=1")
            wess.write(name, good)
            assert "refused, the old one goes on" in told, told
            log = log_of(wess)[seen:]
            assert re.search(words, log), f"no {words!r} in:\n{log}"
            assert "wess.conf is refused, the old configuration goes on" in log, log
            assert set(wess.sync(check=(0, 1, 4))) == runs
        # Hang-ups that come while one is being answered are answered too.
        for _ in range(20):
            daemon.send(signal.SIGHUP)
        assert daemon.wait("READY=1").endswith("in use")
        wess.sync(check=(0, 1, 4))
        daemon.stop(signal.SIGINT)


def test_04_it_ends_while_idle_and_while_it_waits():
    with Sandbox() as box, Wess(box, pair=EASY) as wess, Daemon(wess) as daemon:
        daemon.round()
        daemon.stop()
        assert not os.path.exists(control_of(wess))
    for plan, op in (("ews:*:*:delay=9000", "ews:"), ("workbooks:*:*:delay=9000", "workbooks:")):
        with Sandbox() as box, Wess(box, pair=EASY) as wess:
            box.fault(plan)
            with Daemon(wess, leaks=False) as daemon:
                # One user's first call is under way, and the others wait for what it proves.
                until(lambda: any(o.startswith(op) for o in box.requests()["by_op"]), PATIENCE)
                waiting = in_background(wess, "sync")
                until(lambda: "round is under way" in waiting.stderr.readline(), PATIENCE)
                daemon.stop()
                assert "did not stop" not in log_of(wess), "it was cut off, not waited for"
                out, err = waiting.communicate(timeout=PATIENCE)
                assert waiting.returncode in (3, 7), f"{waiting.returncode} {out}{err}"
            box.clear_faults()
            with Daemon(wess) as daemon:
                assert daemon.round() in (0, 1, 4)
                daemon.stop()


def test_05_commands_are_served():
    pair = EASY + ' on_delete = { left = "delete"; right = "unlink"; }; guard = { max_delete = 3; };'
    with Sandbox() as box, ready(box, pair) as wess, Daemon(wess) as daemon:
        daemon.round()
        control = os.lstat(control_of(wess))
        assert stat.S_ISSOCK(control.st_mode) and stat.S_IMODE(control.st_mode) == 0o600
        assert stat.S_IMODE(os.stat(os.path.dirname(control_of(wess))).st_mode) == 0o700
        status = wess.json("status")
        assert status["daemon"] is True and len(status["runs"]) == 2
        # A conflict
        email = "henry.thorne@adatum.example"
        left, right = box.contact(0, email=email), box.person(email=email)
        box.exchange("edit", 0, id=left["id"], JobTitle="Left word")
        box.workbooks("edit", id=right["id"], person_job_title="Right word")
        assert wess.sync(check=1)["u1"]["conflicts"] == 1
        ask = next(a for a in wess.json("conflicts", "list", check=1)["conflicts"]
                   if a.get("field") == "title")
        wess("conflicts", "resolve", str(ask["id"]), "--right", check=0)
        assert "Henry Thorne" in wess("plan", "-v").stdout
        assert wess.run("plan", "--check").returncode == 8
        wess("sync")
        assert box.contact(0, email=email)["fields"]["JobTitle"] == "Right word"
        shown = wess("why", email).stdout
        assert "Thorne" in shown, shown
        # A link by hand
        wess("unlink", "people", email, "--user", "u1", check=0)
        box.exchange("edit", 0, id=left["id"], JobTitle="Alone")
        wess("sync")
        assert box.person(id=right["id"])["fields"]["person_job_title"] == "Right word"
        wess("link", "people", email, str(right["id"]), "--user", "u1", check=0)
        wess("sync")
        assert box.person(id=right["id"])["fields"]["person_job_title"] == "Alone"
        # A hold
        linked = [c for c in box.contacts(0) if "Workbooks" in c["categories"]
                  and c["sensitivity"] == "Normal"
                  and c["fields"].get("EmailAddress1", "").endswith("example.org")][:5]
        before = len(box.people())
        for c in linked:
            box.exchange("delete", 0, id=c["id"])
        wess("sync", check=4)
        assert len(box.people()) == before
        hold = wess.json("held", "list", check=4)["held"][0]
        wess("held", "release", str(hold["id"]), check=0)
        wess("sync")
        assert len(box.people()) == before - 5
        # What is wrong is told by the same words and status as without a daemon.
        assert wess.run("sync", "--user", "nobody").returncode == 2
        assert wess.run("held", "release", "999").returncode == 2
        daemon.stop()
        assert wess.json("status")["daemon"] is False


def test_06_a_second_daemon_is_refused():
    with Sandbox() as box, Wess(box, pair=EASY) as wess, Daemon(wess) as daemon:
        daemon.round()
        for gone in (False, True):
            if gone:  # the lock is the kernel's, not the socket's
                os.remove(control_of(wess))
            run = wess.run("daemon")
            assert run.returncode == 6, f"{run.returncode}: {run.stderr}"
            assert str(daemon.process.pid) in run.stderr, run.stderr
        run = wess.run("sync")
        assert run.returncode == 6 and str(daemon.process.pid) in run.stderr, run.stderr
        daemon.stop()


def test_07_bad_clients_harm_nobody():
    refused = [b"\n", b"sync\n", b"\x00\xff\xfe\n", b"{}\n", b'{"argv":[]}\n', b'{"argv":[1]}\n',
               b'{"argv":["sync"],"argv":["x"]}\n', b'{"argv":["a\\u0000b"]}\n', b"[" * 60000 + b"\n",
               b'{"argv":["' + b"x" * 60000 + b'"]}\n', b'{"argv":["no-such-command"]}\n',
               b'{"argv":["daemon"]}\n', b'{"argv":["check"]}\n', b'{"argv":["sync","--sink"]}\n',
               b'{"argv":["sync","--config","/etc/passwd","x","y"]}\n']
    with Sandbox() as box, Wess(box, pair=EASY) as wess, Daemon(wess) as daemon:
        daemon.round()
        for data in refused:
            text, status = answer(client(wess, data))
            assert status == 2 and text, f"{data[:40]}: {status} {text}"
        # A line without an end: told as soon as it is too long, whatever would follow.
        s = client(wess)
        try:
            s.sendall(b"x" * 1000000)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert b"too long" in s.recv(65536)
        s.close()
        # Half a request, and then nothing: by hanging up, by closing one way, by silence.
        client(wess, b'{"argv":["sy').close()
        s = client(wess, b'{"argv":["sy')
        s.shutdown(socket.SHUT_WR)
        assert answer(s)[1] == 2
        assert answer(client(wess, b'{"argv":["sy')) == ("wess: no request came\n", 2)
        # In pieces it is a request all the same.
        s = client(wess)
        for piece in (b'{"argv":["held', b'","list"', b"]}", b"\n"):
            s.sendall(piece)
        assert answer(s)[1] in (0, 4)
        # All seats taken
        seats = [client(wess) for _ in range(16)]
        text, status = answer(client(wess))
        assert status == 3 and "try again" in text, (status, text)
        run = wess.run("sync")
        assert run.returncode == 3 and "try again" in run.stderr, run.stderr
        for s in seats:
            s.close()
        until(lambda: wess.run("sync").returncode != 3, PATIENCE)
        assert daemon.process.poll() is None
        daemon.stop()


def test_08_a_client_that_never_reads():
    with Sandbox("--data", "load", "--users", "1", "--contacts", "5000", "--employers", "20") as box:
        request = b'{"argv":["held","list","-v","--json"]}\n'
        with Wess(box) as wess, Daemon(wess) as daemon:
            assert daemon.round() == 4
            assert len(wess("held", "list", "-v", "--json", check=4).stdout) > 300000, \
                "more than a socket holds"
            deaf = [client(wess, request) for _ in range(4)]
            for _ in range(4):
                client(wess, request).close()
            for s in deaf:  # its answer has begun, and it takes nothing of it
                assert s.recv(1, socket.MSG_PEEK)
            # They are waited for as long as that is bearable; nobody else waits with them.
            until(lambda: wess.run("sync").returncode == 4, PATIENCE)
            assert wess.json("status", check=4)["daemon"] is True
            daemon.stop()
            assert "did not stop" not in log_of(wess)
            for s in deaf:
                s.close()


def test_09_killed_it_starts_again():
    with Sandbox() as box:
        one = box.info["exchange"]["mailboxes"][0]
        users = ["id,name,mailbox,workbooks,wave",
                 f"u1,{one['name']},{one['address']},{one['name']},pilot"]
        with Wess(box, users=users, pair=EASY) as wess:
            killed_while_it_creates(box, wess)
            # Something else in the socket's place is not removed.
            wess.write("state/control", "a file of somebody's\n")
            run = wess.run("daemon")
            assert run.returncode == 7 and "in the way" in run.stderr, run.stderr
            with open(control_of(wess)) as f:
                assert f.read() == "a file of somebody's\n"


def killed_while_it_creates(box, wess):
    before = len(box.people())
    box.fault("workbooks:people:PUT:*:delay=1500")
    with Daemon(wess, leaks=False) as daemon:
        until(lambda: box.requests()["by_op"].get("workbooks:people:PUT"), PATIENCE)
        daemon.process.kill()
        daemon.process.wait()
        assert os.path.exists(control_of(wess)), "what it left behind"
    assert len(box.people()) == before, "the server had not come to it yet"
    until(lambda: len(box.people()) > before, PATIENCE)
    box.clear_faults()
    box.move_clock(150)
    with Daemon(wess) as daemon:
        daemon.round()
        wess("sync", check=(0, 1, 4))
        stamps = [p["created_through_reference"] for p in box.people()
                  if p["created_through_reference"]]
        assert stamps and len(stamps) == len(set(stamps)), "each once"
        for run in wess.sync(check=(0, 1, 4)).values():
            quiet(run)
        daemon.stop()


def test_10_a_refused_credential_is_not_hammered():
    def asked(box):
        return sum(n for op, n in box.requests()["by_op"].items() if op.startswith("ews"))

    with Sandbox() as box, Wess(box, pair=EASY) as wess:
        edit(wess, 'every = "30m"', 'every = "10s"')
        wess.write("exchange.secret", "wrong-password-7\n", 0o600)
        with Daemon(wess) as daemon:
            assert daemon.round() == 5
            for _ in range(3):
                wess("sync", check=5)
            daemon.send(signal.SIGHUP)
            daemon.wait("in use")
            assert daemon.round() == 5
            assert asked(box) == 1, "one try, whatever asks"
            assert wess.json("status", check=5)["runs"][1]["stands"] == "credential refused"
            daemon.stop()
        with Daemon(wess) as daemon:
            assert daemon.round() == 5
            assert asked(box) == 1, "a restart is no news either"
            # A secret is read when it is needed: no signal.
            wess.write("exchange.secret", box.info["exchange"]["password"] + "\n", 0o600)
            assert daemon.round() in (0, 1, 4)
            assert not wess.json("status", check=(0, 1, 4))["rests"]
            daemon.stop()
        assert "wrong-password-7" not in log_of(wess)


def test_11_without_a_descriptor_it_waits():
    """A command that it cannot take is taken once it can, and until then nothing turns in circles."""
    def ticks(pid):
        with open(f"/proc/{pid}/stat") as f:
            return sum(int(n) for n in f.read().rsplit(")", 1)[1].split()[11:13])

    with Sandbox() as box, ready(box, EASY) as wess, Daemon(wess, leaks=False) as daemon:
        daemon.round()
        pid = daemon.process.pid
        most = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        until(lambda: os.path.lexists(f"/proc/{pid}/fd/5"), PATIENCE)
        first = client(wess)
        until(lambda: all(os.path.lexists(f"/proc/{pid}/fd/{fd}") for fd in range(6)), PATIENCE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (6, most[1]))
        before = ticks(pid)
        s = client(wess, b"nothing that it knows\n")
        until(lambda: log_of(wess).count("a command has to wait") >= 2, PATIENCE)
        assert ticks(pid) - before < 50, "half a second of CPU time, where nothing is to be done"
        resource.prlimit(pid, resource.RLIMIT_NOFILE, most)
        assert answer(s)[1] == 2
        first.close()
        daemon.stop()


if __name__ == "__main__":
    main(globals())
