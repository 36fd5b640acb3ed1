"""The long-running program: rounds at their interval, reload, the control socket, an orderly end."""
import os
import signal
import socket
import stat
import subprocess
import time

from sandbox import Sandbox, Wess, main, program
from test_main_job import EASY, until


class Daemon:
    """The real `wess daemon`, as a service manager starts it."""

    def __init__(self, wess, every="10s"):
        self.wess = wess
        self.edit('every = "30m"', f'every = "{every}"')
        self.notes = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = os.path.join(wess.dir, "notify")
        if os.path.exists(path):
            os.unlink(path)
        self.notes.bind(path)
        self.notes.settimeout(30)
        env = dict(os.environ, WESS_CLOCK_FILE=wess.box.clock_file, NOTIFY_SOCKET=path,
                   ASAN_OPTIONS="detect_leaks=0")
        self.err = open(os.path.join(wess.dir, "daemon.err"), "w+")
        self.process = subprocess.Popen([program("wess"), "daemon", "--config", wess.config],
                                        env=env, stdout=self.err, stderr=self.err)

    def edit(self, old, new):
        with open(self.wess.config) as f:
            text = f.read()
        self.wess.write("wess.conf", text.replace(old, new))

    def note(self, word):
        """Waits for a word of sd_notify(3)."""
        while True:
            got = self.notes.recv(4096).decode()
            if word in got:
                return got

    def said(self):
        self.err.flush()
        with open(self.err.name) as f:
            text = f.read()
        try:
            with open(os.path.join(self.wess.dir, "log")) as f:
                text += f.read()
        except OSError:
            pass
        return text

    def end(self, how=signal.SIGTERM, seconds=5):
        self.process.send_signal(how)
        code = self.process.wait(seconds)
        said = self.said()
        assert "Sanitizer" not in said and "runtime error" not in said, said
        return code

    def __enter__(self):
        self.note("READY=1")
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.err.close()
        self.notes.close()


def socket_path(wess):
    return os.path.join(wess.dir, "state", "control")


def raw(wess, data, answer=True):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(socket_path(wess))
        try:
            s.sendall(data)
            return s.recv(65536) if answer else b""
        except (BrokenPipeError, ConnectionResetError):
            return b""


def test_rounds_by_themselves():
    with Sandbox() as box, Wess(box, pair=EASY) as wess, Daemon(wess) as daemon:
        email = "m.koehler@fabrikam.example"
        until(lambda: "status" in daemon.said(), 60)
        left = box.contact(0, email=email)
        box.exchange("edit", 0, id=left["id"], JobTitle="Chair")
        until(lambda: box.person(email=email)["fields"].get("person_job_title") == "Chair", 60)
        assert daemon.end() == 0


def test_reload_whole_or_not_at_all():
    with Sandbox() as box, Wess(box, pair=EASY) as wess, Daemon(wess, every="1h") as daemon:
        wess("sync", check=(0, 1, 4))  # served by it
        good = open(wess.config).read()
        daemon.edit("kind = ", "kjnd = ")
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: "kjnd" in daemon.said(), 30)
        assert daemon.process.poll() is None
        wess.write("wess.conf", good)
        assert wess("status", check=(0, 1, 3, 4)).stdout, "the old one goes on"
        wess.write("users.csv", "id,name,mailbox,workbooks,wave\n")
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: "users.csv" in daemon.said() or "no users" in daemon.said(), 30)
        assert daemon.end() == 0


def test_reload_takes_a_user():
    with Sandbox() as box:
        first = box.info["exchange"]["mailboxes"][0]
        users = ["id,name,mailbox,workbooks,wave",
                 f"u1,{first['name']},{first['address']},{first['name']},pilot"]
        with Wess(box, users=users, pair=EASY) as wess, Daemon(wess, every="1h") as daemon:
            assert set(wess.sync(check=(0, 1, 4))) == {"u1"}
            second = box.info["exchange"]["mailboxes"][1]
            users.append(f"u2,{second['name']},{second['address']},{second['name']},pilot")
            wess.write("users.csv", "\n".join(users) + "\n")
            daemon.process.send_signal(signal.SIGHUP)
            until(lambda: set(wess.sync(check=(0, 1, 4))) == {"u1", "u2"}, 30)
            assert daemon.end() == 0


def test_ends_at_once_though_the_remote_is_slow():
    with Sandbox() as box, Wess(box, pair=EASY) as wess:
        box.fault("ews:SyncFolderItems:*:delay=60000")
        with Daemon(wess) as daemon:
            until(lambda: box.requests()["by_op"].get("workbooks:people:GET"), 30)
            assert daemon.end() == 0


def test_commands_are_served():
    with Sandbox() as box, Wess(box, pair=EASY) as wess, Daemon(wess, every="1h") as daemon:
        wess("sync", check=(0, 1, 4))
        mode = os.stat(socket_path(wess)).st_mode
        assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600
        assert stat.S_IMODE(os.stat(os.path.join(wess.dir, "state")).st_mode) == 0o700
        for args in (["status"], ["conflicts", "list"], ["held", "list"], ["plan"],
                     ["why", "m.koehler@fabrikam.example"], ["sync"]):
            done = wess(*args, check=(0, 1, 4))
            assert done.stdout, args
        second = wess.run("daemon")
        assert second.returncode == 6 and socket_path(wess) in second.stderr, second.stderr
        assert daemon.end() == 0


def test_garbage_on_the_socket():
    with Sandbox() as box, Wess(box, pair=EASY) as wess, Daemon(wess, every="1h") as daemon:
        for data in (b"\0\xff\n", b"{\n", b'{"argv":[]}\n', b'{"argv":[1]}\n', b"x" * 100000 + b"\n",
                     b'{"argv":["daemon"]}\n', b'{"argv":["nonsense"]}\n'):
            raw(wess, data)
        raw(wess, b'{"argv":["sta', answer=False)  # half a request, then gone
        idle = socket.socket(socket.AF_UNIX)
        idle.connect(socket_path(wess))  # says nothing
        assert wess("status", check=(0, 1, 3, 4)).stdout
        idle.close()
        assert daemon.end() == 0


def test_killed_and_started_again():
    with Sandbox() as box, Wess(box, pair=EASY) as wess:
        with Daemon(wess, every="1h") as daemon:
            until(lambda: box.requests()["total"] > 5, 30)
            daemon.process.kill()
            daemon.process.wait()
        with Daemon(wess, every="1h") as daemon:
            assert wess("sync", check=(0, 1, 4)).stdout
            assert daemon.end() == 0
        stamps = [p["fields"].get("created_through_reference") for p in box.people()]
        stamps = [s for s in stamps if s]
        assert stamps and len(stamps) == len(set(stamps)), "nobody twice"


def test_a_refused_password_is_not_hammered():
    with Sandbox() as box, Wess(box, pair=EASY) as wess:
        wess.write("exchange.secret", "wrong\n", 0o600)
        with Daemon(wess) as daemon:
            until(lambda: "401" in daemon.said() or "refused" in daemon.said(), 30)
            tried = box.requests()["by_op"]
            rounds = lambda: daemon.said().count("status 5")  # noqa: E731
            until(lambda: rounds() >= 4, 60)  # two users, two rounds
            now = box.requests()["by_op"]
            ews = lambda ops: sum(n for op, n in ops.items() if op.startswith("ews"))  # noqa: E731
            assert ews(now) <= max(ews(tried), 2), (tried, now)
            assert daemon.end() == 0


if __name__ == "__main__":
    main(globals())
