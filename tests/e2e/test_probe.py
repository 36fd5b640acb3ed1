"""What `wess check --online` tries in a mailbox, and what a run makes of it."""
import os
import signal
import subprocess
import time

from sandbox import Sandbox, Wess, main, program

EASY = 'first = { differs = "left"; create = "yes"; };'
NAME = "WESS check, may be deleted"


def users(box):
    return ["id,name,mailbox,workbooks,wave",
            f"u1,Ada,{box.mailbox(0)},{box.info['exchange']['mailboxes'][0]['name']},pilot"]


def writing(wess, *more):
    endpoints = wess.json("check", "--online", *more, check=0)["online"]
    notes = [n["text"] for e in endpoints if e["endpoint"] == "exchange" for n in e["notes"]
             if n["name"] == "writing"]
    return notes[0] if notes else None


def left_behind(box):
    return [c for f in ("contacts", "deleteditems") for c in box.contacts(folder=f, name=NAME)]


def count(box, op):
    return box.requests()["by_op"].get("ews:" + op, 0)


def test_tried_and_nothing_is_left():
    with Sandbox() as box, Wess(box, users=users(box), pair=EASY) as wess:
        before = [c["change_key"] for c in box.contacts()]
        assert writing(wess) == "a contact was made, changed and removed; a stale revision is refused"
        assert [c["change_key"] for c in box.contacts()] == before and not left_behind(box)
        assert box.control("exchange/outbox")["sent"] == 0
        assert not os.path.exists(os.path.join(wess.dir, "state")), "a check makes no state"
        wess("sync", "--no-wait", check=(0, 1, 3, 4))
        assert writing(wess), "beside a state, too"


def test_who_is_only_observed_is_not_tried():
    waves = 'waves = ( { name = "pilot"; mode = "observe"; } );'
    with Sandbox() as box, Wess(box, users=users(box), pair=EASY, waves=waves) as wess:
        assert writing(wess) is None
        assert not count(box, "CreateItem") and not count(box, "DeleteItem")


def test_a_server_that_takes_stale_revisions_is_compared_before_each_write():
    with Sandbox("--switch", "stale=taken") as box, Wess(box, users=users(box), pair=EASY) as wess:
        wess("sync", "--no-wait", check=(0, 1, 3, 4))
        box.move_clock(600)
        wess("sync", "--no-wait", check=(0, 1, 4))

        def edit(value):
            person = box.person(email="m.koehler@fabrikam.example")
            box.move_clock(300)
            wess("sync", "--no-wait", check=(0, 1, 4))  # what the last write has become is seen
            box.workbooks("edit", id=person["id"], person_job_title=value)
            box.requests(reset=True)
            wess("sync", "--no-wait", check=(0, 1, 4))
            assert count(box, "UpdateItem") == 1
            contact = box.contact(email="m.koehler@fabrikam.example")
            assert contact["fields"]["JobTitle"] == value
            return count(box, "GetItem")

        blind = edit("One")
        assert "stale revision is taken" in writing(wess) and not left_behind(box)
        assert edit("Two") == blind + 1, "looked at just before"
        # It is remembered by the state, not by this process; and told.
        assert edit("Three") == blind + 1


def test_a_contact_that_cannot_be_made_is_told():
    with Sandbox() as box, Wess(box, users=users(box), pair=EASY) as wess:
        box.fault("ews:CreateItem:1:message=ErrorAccessDenied")
        assert writing(wess) == "a contact of our own cannot be made: ErrorAccessDenied"
        box.fault("ews:UpdateItem:1:message=ErrorItemSave")
        assert writing(wess) == "a contact of our own cannot be changed: ErrorItemSave"
        assert not left_behind(box)
        box.fault("ews:CreateItem:1:lost")
        assert "cannot be made" in writing(wess) and not left_behind(box), "its answer was lost"


def test_a_check_that_is_killed_leaves_nothing_for_long():
    with Sandbox() as box, Wess(box, users=users(box), pair=EASY) as wess:
        box.fault("ews:UpdateItem:1:delay=30000")
        check = subprocess.Popen([program("wess"), "check", "--online", "--config", wess.config],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                 env=dict(os.environ, WESS_CLOCK_FILE=box.clock_file))
        end = time.monotonic() + 20
        while not left_behind(box):
            assert time.monotonic() < end, "it was never made"
            time.sleep(0.01)
        check.send_signal(signal.SIGKILL)
        check.wait()
        assert len(left_behind(box)) == 1
        # A run does not take it for somebody's: it is private, and bears no tag.
        wess("sync", "--no-wait", check=(0, 1, 3, 4))
        assert not [p for p in box.people() if NAME in str(p)]
        box.clear_faults()
        assert "refused" in writing(wess)
        assert not left_behind(box)


if __name__ == "__main__":
    main(globals())
