"""Two programs and one state: who comes second is told whose it is and what to do, and who comes
after one that was killed goes on at once, with nothing doubled and nothing lost."""
import os
import re
import signal
import subprocess

from sandbox import Sandbox, Wess, main
from test_daemon import PATIENCE, Daemon, in_background
from test_main_job import quiet, until

PAIR = 'first = { differs = "left"; create = "yes"; }; guard = { max_first = 10000; max_create = 10000; };'
USERS, CONTACTS = 2, 30
LOAD = ("--data", "load", "--users", str(USERS), "--contacts", str(CONTACTS), "--employers", "3")
DONE = (0, 1, 4)


def asked(box, op):
    return any(name.startswith(op) for name in box.requests()["by_op"])


def refused(wess, owner, *args):
    run = wess.run(*args)
    assert run.returncode == 6, f"{args}: {run.returncode}\n{run.stderr}"
    assert re.search(rf"in use by process {owner}\b", run.stderr), f"{owner} in: {run.stderr}"
    assert "wait until it has ended" in run.stderr, f"no way out in: {run.stderr}"


def whole(box, wess):
    """Everybody once on each side, and a further run has nothing to do."""
    wess("sync", check=DONE)
    for run in wess.sync(check=DONE).values():
        quiet(run)
    people = box.people()
    stamps = [p["created_through_reference"] for p in people]
    assert len(people) == USERS * CONTACTS and all(stamps), len(people)
    assert len(set(stamps)) == len(stamps), "each once"
    for i in range(USERS):
        assert len(box.contacts(i)) == CONTACTS
    assert "lock" in os.listdir(os.path.join(wess.dir, "state"))


def test_1_the_second_is_refused():
    with Sandbox(*LOAD) as box, Wess(box, pair=PAIR) as wess:
        box.fault("workbooks:people:PUT:1:delay=6000")
        first = in_background(wess, "sync")
        until(lambda: asked(box, "workbooks:people:PUT"), PATIENCE)
        for command in (("sync",), ("daemon",), ("held", "release", "1")):
            refused(wess, first.pid, *command)
        # Who only looks is not kept out.
        assert wess.run("status").returncode in DONE
        assert wess.run("held", "list").returncode in DONE
        out, err = first.communicate(timeout=PATIENCE)
        assert first.returncode in DONE, f"{first.returncode} {out}{err}"
        box.clear_faults()
        whole(box, wess)


def test_2_a_daemon_is_asked_and_not_pushed_aside():
    with Sandbox(*LOAD) as box, Wess(box, pair=PAIR) as wess:
        box.fault("workbooks:people:PUT:1:delay=3000")
        with Daemon(wess, leaks=False) as daemon:
            until(lambda: asked(box, "workbooks:people:PUT"), PATIENCE)
            clients = [in_background(wess, "sync") for _ in range(3)]
            for client in clients:
                out, err = client.communicate(timeout=PATIENCE)
                assert client.returncode in DONE, f"{client.returncode} {out}{err}"
            box.clear_faults()
            whole(box, wess)
            daemon.stop()


def killed_at(plan, op, after):
    """The first is killed in the midst of a call; the next one begins in the same moment."""
    with Sandbox(*LOAD) as box, Wess(box, pair=PAIR) as wess:
        if after:
            wess("sync", check=DONE)
            edited(box)
        box.requests(reset=True)
        box.fault(plan)
        first = in_background(wess, "sync", "--no-wait")
        until(lambda: asked(box, op), PATIENCE)
        first.send_signal(signal.SIGKILL)
        second = in_background(wess, "sync", "--no-wait")
        first.communicate(timeout=PATIENCE)
        assert first.returncode == -signal.SIGKILL, "it had ended already"
        out, err = second.communicate(timeout=PATIENCE)
        if second.returncode == 6:  # it came before the kernel had taken the first away
            out, err = in_background(wess, "sync", "--no-wait").communicate(timeout=PATIENCE)
        else:
            assert second.returncode in (*DONE, 3), f"{plan}: {second.returncode} {out}{err}"
        box.clear_faults()
        # What a server still has in hand takes its real time, whatever the clock says: none would
        # carry it out behind the time after which it is looked up.
        until(lambda: not box.requests()["under_way"], PATIENCE)
        box.move_clock(150)  # what was in doubt can be looked up
        whole(box, wess)
        if after:
            for i in range(USERS):
                titles = {c["fields"].get("JobTitle") for c in box.contacts(i)}
                assert titles == {"Edited"}, titles
            assert {p["fields"].get("person_job_title") for p in box.people()} == {"Edited"}


def edited(box):
    for i in range(USERS):
        for contact in box.contacts(i):
            box.exchange("edit", i, id=contact["id"], JobTitle="Edited")


def test_3_killed_while_it_reads():
    killed_at("ews:SyncFolderItems:1:delay=3000", "ews:SyncFolderItems", False)
    killed_at("workbooks:people:GET:1:delay=3000", "workbooks:people:GET", False)
    killed_at("ews:GetItem:1:delay=3000", "ews:GetItem", False)


def test_4_killed_while_it_creates():
    killed_at("workbooks:people:PUT:1:delay=5000", "workbooks:people:PUT", False)
    killed_at("workbooks:people:PUT:1:late=3000", "workbooks:people:PUT", False)


def test_5_killed_while_it_changes():
    killed_at("workbooks:people:PUT:1:delay=5000", "workbooks:people:PUT", True)


def at_once(wess, n):
    """Programs that wait for one moment, and then begin."""
    gate, opened = os.pipe()
    env = dict(os.environ, WESS_CLOCK_FILE=wess.box.clock_file, ASAN_OPTIONS="detect_leaks=0")
    command = 'read line <&0; exec "$@" </dev/null'
    from sandbox import program
    started = [subprocess.Popen(["sh", "-c", command, "sh", program("wess"), "sync", "--config",
                                 wess.config], stdin=gate, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, env=env) for _ in range(n)]
    os.close(gate)
    os.close(opened)  # all of them read the end of the line
    return started


def only_one(box, wess):
    """Of five at the same moment one works; the others name it while it does."""
    box.requests(reset=True)
    box.fault("ews:*:1:delay=6000")
    started = at_once(wess, 5)
    until(lambda: sum(p.poll() is not None for p in started) >= 4, PATIENCE)
    box.clear_faults()
    ended = [(p, *p.communicate(timeout=PATIENCE)) for p in started]
    worked = [p for p, _, _ in ended if p.returncode in DONE]
    assert len(worked) == 1, [(p.returncode, err) for p, _, err in ended]
    for p, _, err in ended:
        if p is not worked[0]:
            assert p.returncode == 6, f"{p.returncode}: {err}"
            assert re.search(rf"in use by process {worked[0].pid}\b", err), (worked[0].pid, err)


def test_6_of_five_at_once_one_works():
    with Sandbox(*LOAD) as box, Wess(box, pair=PAIR) as wess:
        only_one(box, wess)  # nothing is there yet: folder, key and database are made by one
        only_one(box, wess)
        whole(box, wess)


if __name__ == "__main__":
    main(globals())
