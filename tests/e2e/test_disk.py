"""A state folder that cannot grow: a clear word with the place and the way out, status 7, and once
there is room again the next run ends as if nothing had been: nothing doubled, nothing lost."""
import os
import resource
import signal
import sqlite3
import subprocess

from sandbox import Sandbox, Wess, main, program

EASY = 'first = { differs = "left"; create = "yes"; };'
STATE = 7


def limited(wess, size, *args):
    """The program with no file of its own able to grow past `size` bytes: a write answers EFBIG, as
    one on a full disk answers ENOSPC."""
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(
            resource.RLIMIT_FSIZE)[1]))

    environment = dict(os.environ, WESS_CLOCK_FILE=wess.box.clock_file,
                       ASAN_OPTIONS="detect_leaks=0")
    done = subprocess.run([program("wess"), *args, "--config", wess.config], text=True,
                          capture_output=True, env=environment, timeout=300, preexec_fn=limit,
                          restore_signals=False, stdin=subprocess.DEVNULL)
    done.said = done.stdout + done.stderr
    assert "Sanitizer" not in done.said and "runtime error" not in done.said, done.said
    return done


def told(wess, run):
    """Whatever was too much: the file and what to do."""
    assert run.returncode == STATE, f"{run.returncode}: {run.said}"
    assert wess.dir + "/state" in run.said, run.said
    assert "full" in run.said or "make room" in run.said, run.said


def sound(wess):
    path = wess.dir + "/state/wess.db"
    if not os.path.exists(path) or not os.path.getsize(path):
        return
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    db.close()


def tag(box, n, first=0):
    """Contacts that people chose to share, each with an address of its own."""
    for i in range(first, first + n):
        made = box.exchange("create", 0, GivenName="Ada", Surname=f"Disk{i:03}",
                            EmailAddress1=f"ada{i:03}@disk.example", Body="word " * 200)
        box.exchange("tag", 0, id=made["id"], category="Workbooks")


def settled(wess):
    """Runs until nothing is in doubt any more; how many more times it took."""
    for i in range(6):
        run = wess.run("sync", "--no-wait")
        assert run.returncode in (0, 1, 3, 4), run.stdout + run.stderr
        if run.returncode != 3:
            return i
        wess.box.move_clock(400)
    raise AssertionError("still unsettled after six runs")


def check_step(box, n):
    """Each of ours is there once on both sides."""
    people = [str(p["fields"]) for p in box.people()]
    contacts = [str(c) for c in box.contacts()]
    for i in range(n):
        who = f"ada{i:03}@disk.example"
        for where in (people, contacts):
            found = sum(who in item for item in where)
            assert found == 1, f"{who}: {found} of {len(where)}"


def test_first_sync():
    """From a disk where not even the lock can be written to one that lasts for a good part."""
    n = 12
    stopped = 0
    for size in (0, 2, 16, 4096, 20000, 65536, 150000, 400000, 1000000):
        with Sandbox() as box, Wess(box, pair=EASY, level="error") as wess:
            tag(box, n)
            run = limited(wess, size, "sync", "--no-wait")
            if run.returncode in (0, 1, 3, 4):
                continue  # all fitted
            told(wess, run)
            sound(wess)
            stopped += 1
            settled(wess)
            check_step(box, n)
            box.requests(reset=True)
            assert settled(wess) == 0
            check_step(box, n)
            sound(wess)
    assert stopped >= 5, stopped


def one_user(box):
    name = box.info["exchange"]["mailboxes"][0]["name"]
    return ["id,name,mailbox,workbooks,wave", f"u1,{name},{box.mailbox()},{name},pilot"]


def test_later_sync():
    """A state in use; then the disk fills up while people go on: before anything is sent, in the
    middle, after it was sent and before it is settled."""
    with Sandbox() as box, Wess(box, pair=EASY, level="error", users=one_user(box)) as wess:
        settled(wess)
        n = 0
        seen = set()
        for limit in (4096, 32000, 80000, *range(168000, 264000, 8000), 320000, 400000):
            before = len(box.people())
            tag(box, 3, n)
            if n:
                found = [c for c in box.contacts() if f"ada{n - 1:03}@disk.example" in str(c)]
                box.exchange("edit", 0, id=found[0]["id"], JobTitle=f"Limit {limit}")
            n += 3
            run = limited(wess, limit, "sync", "--no-wait")
            if run.returncode == STATE:
                told(wess, run)
                seen.add(len(box.people()) - before)
            else:
                assert run.returncode in (0, 1, 3, 4), run.said
            sound(wess)
            settled(wess)
            assert len(box.people()) == before + 3
            if n > 3:
                person = box.person(email=f"ada{n - 4:03}@disk.example")
                assert person["fields"]["person_job_title"] == f"Limit {limit}", person
        check_step(box, n)
        print("people made before the disk was full:", sorted(seen))
        assert {0, 3} <= seen, seen


def test_what_only_shows():
    """Commands that read a state on a full disk work, or say why not."""
    with Sandbox() as box, Wess(box, pair=EASY, level="error") as wess:
        tag(box, 2)
        settled(wess)
        for args in (("status",), ("conflicts", "list"), ("parked", "list"), ("held", "list")):
            run = limited(wess, 0, *args)
            if run.returncode == STATE:
                told(wess, run)
            else:
                assert run.returncode in (0, 1, 4), f"{args}: {run.returncode} {run.said}"
        check_step(box, 2)


if __name__ == "__main__":
    main(globals())
