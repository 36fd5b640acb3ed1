"""Mailboxes that are watched: an edit starts its user's run at once, and whatever is lost of the watch
costs no more than waiting for the next round."""
import os
import select
import time

from sandbox import Sandbox, Wess, main
from test_daemon import Daemon, edit, log_of
from test_main_job import EASY

SOON = 60  # for what happens at once, on a machine that has much else to do


daemons = []


def hear():
    """The service manager's part: what is told and not read makes the daemon wait."""
    for daemon in daemons:
        while select.select([daemon.socket], [], [], 0)[0]:
            daemon.heard.append(daemon.socket.recv(65536).decode())


def until(condition, what, seconds=SOON):
    end = time.monotonic() + seconds
    while not condition():
        hear()
        assert time.monotonic() < end, what
        time.sleep(0.1)


def rest(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        hear()
        time.sleep(0.1)


def ops(box, op):
    return box.requests()["by_op"].get("ews:" + op, 0)


def title(box, value):
    left = box.contact(0, email="m.koehler@fabrikam.example")
    box.exchange("edit", 0, id=left["id"], JobTitle=value)
    return lambda: box.person(email="m.koehler@fabrikam.example")["fields"]["person_job_title"] == value


class Watched:
    """A daemon whose next round of the clock is far away, and whose watch stands."""

    def __init__(self, *switches, **more):
        self.box = Sandbox("--switch", "heartbeat_ms=500", *switches)  # the last one counts
        self.wess = Wess(self.box, pair=EASY, **more)
        edit(self.wess, 'every = "30m"', 'every = "6d"; watch = true')
        self.wess("sync", check=(0, 1, 3, 4))
        self.daemon = Daemon(self.wess)

    def __enter__(self):
        self.daemon.__enter__()
        self.daemon.round()
        daemons[:] = [self.daemon]
        return self.box, self.wess, self.daemon

    def __exit__(self, *error):
        daemons.clear()
        self.daemon.__exit__(*error)
        self.wess.__exit__(*error)
        self.box.stop()


def comes_to_rest(count, seconds=SOON):
    """Nothing is added to what is counted for some time."""
    quiet = [count(), time.monotonic()]

    def still():
        now = count()
        if now != quiet[0]:
            quiet[:] = [now, time.monotonic()]
        return time.monotonic() - quiet[1] > 4
    until(still, "it never comes to rest", seconds)


def settle(box, seconds=SOON):
    """The runs that follow the beginning of a watch."""
    until(lambda: ops(box, "GetStreamingEvents"), "no stream")
    comes_to_rest(lambda: box.requests()["total"], seconds)


def test_an_edit_starts_its_users_run_at_once():
    for auth in ("basic", "ntlm"):
        with Watched(auth=auth) as (box, wess, daemon):
            settle(box)
            assert ops(box, "Subscribe") == 2 and ops(box, "GetStreamingEvents") <= 3
            box.requests(reset=True)
            came = title(box, "Chair")
            until(came, "no run of its own")
            assert "user u1: woken" in log_of(wess)
            settle_again = box.requests()["by_op"]
            assert settle_again.get("ews:SyncFolderItems", 0) <= 3, settle_again
            daemon.stop()


def test_lost_subscriptions_and_streams_are_made_anew():
    with Watched() as (box, wess, daemon):
        settle(box)
        made = ops(box, "Subscribe")
        box.control("exchange/forget_subscriptions")
        until(lambda: ops(box, "Subscribe") == made + 2, "not subscribed anew")
        until(title(box, "One"), "an edit after it is not seen")
        streams = ops(box, "GetStreamingEvents")
        box.control("exchange/drop_streams")
        came = title(box, "Two")  # while nobody listens
        until(lambda: ops(box, "GetStreamingEvents") > streams, "not connected anew", 60)
        until(came, "what was missed is not read")
        daemon.stop()


def test_a_connection_that_falls_silent_is_given_up():
    with Watched("--switch", "heartbeat_ms=3600000") as (box, wess, daemon):
        settle(box)
        streams = ops(box, "GetStreamingEvents")
        rest(60)
        assert ops(box, "GetStreamingEvents") == streams, "given up too early"
        until(lambda: ops(box, "GetStreamingEvents") > streams, "waited for without end", 60)
        until(title(box, "Chair"), "no run of its own")
        daemon.stop()


def test_without_subscriptions_the_rounds_go_on():
    with Watched() as (box, wess, daemon):
        settle(box)
        box.fault("ews:Subscribe:*:fault=ErrorExceededSubscriptionCount")
        box.control("exchange/forget_subscriptions")
        asked = ops(box, "Subscribe")
        until(lambda: ops(box, "Subscribe") > asked, "not tried")
        rest(3)
        assert ops(box, "Subscribe") <= asked + 2, "tried without a pause"
        came = title(box, "Three")
        wess("sync", check=(0, 1, 4))
        assert came()
        daemon.stop()


def test_a_password_that_changes_is_tried_once_by_the_watch():
    with Watched() as (box, wess, daemon):
        settle(box)
        box.control("exchange/password", username=r"EXAMPLE\svc-wess", password="another-1")
        box.requests(reset=True)
        box.control("exchange/drop_streams")
        rest(15)
        tries = sum(n for op, n in box.requests()["by_op"].items() if op.startswith("ews"))
        # The stream's own, and the runs' that it woke: each credential once.
        assert tries <= 4, box.requests()["by_op"]
        daemon.stop()


def descriptors(daemon):
    return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))


def test_two_hundred_mailboxes_of_one_account():
    many = ("--data", "load", "--users", "200", "--contacts", "1")
    with Watched(*many, workers=4) as (box, wess, daemon):
        settle(box, 120)
        assert ops(box, "Subscribe") == 200 and ops(box, "GetStreamingEvents") == 1
        # Of the runs (each holds two for a connection at most) and of one watch.
        assert descriptors(daemon) < 100, descriptors(daemon)
        box.requests(reset=True)
        for i in (3, 150):
            left = box.contacts(i)[0]
            box.exchange("edit", i, id=left["id"], JobTitle="Chair")
        name = "Chair"
        until(lambda: sum(p["fields"]["person_job_title"] == name for p in box.people()) == 2,
              "no run of their own", 60)
        rest(3)
        # Those two alone were run: twice, since each reads what it wrote.
        log = log_of(wess)
        assert "user u4: woken" in log and "user u151: woken" in log
        assert ops(box, "SyncFolderItems") <= 6, box.requests()["by_op"]
        # The stream is lost: all are run at once, and nobody's next round is later for it.
        box.control("exchange/drop_streams")
        until(lambda: ops(box, "SyncFolderItems") >= 200, "not read after the loss", 120)
        until(lambda: ops(box, "GetStreamingEvents") == 1, "not connected anew", 120)
        assert not ops(box, "Subscribe")
        daemon.stop()


def test_it_is_off_unless_asked_for():
    with Sandbox() as box, Wess(box, pair=EASY) as wess, Daemon(wess) as daemon:
        daemon.round()
        time.sleep(1.5)
        assert not ops(box, "Subscribe")
        daemon.stop()


if __name__ == "__main__":
    main(globals())
