"""Series whose changed occurrences Exchange forgets when their recurrence is written: a deleted one
comes back, the rule or the hour changes. Cut off at every request, and again by people meanwhile."""
import os
import re

import test_requests as wire
from sandbox import Sandbox, main
from test_calendar_table import instant, iso, seen_by_exchange, seen_by_libical
from test_calendars import BERLIN, Calendars, ics
from test_kinds import recorded_pair

WINDOW = (instant("2030-09-01"), instant("2030-10-01"))


def series(start="090000", rule="FREQ=DAILY;COUNT=6", gone=("03",), until="100000", more=()):
    head = ["UID:s@x", "DTSTAMP:20290101T000000Z"]
    lines = ["BEGIN:VEVENT", *head, f"DTSTART;{BERLIN}20300902T{start}", f"DTEND;{BERLIN}20300902T{until}",
             "SUMMARY:All", "DESCRIPTION:Said of all", "X-KEPT:1", f"RRULE:{rule}",
             *[f"EXDATE;{BERLIN}203009{d}T{start}" for d in gone], "END:VEVENT"]
    lines += ["BEGIN:VEVENT", *head, f"RECURRENCE-ID;{BERLIN}20300906T{start}",
              f"DTSTART;{BERLIN}20300906T140000", f"DTEND;{BERLIN}20300906T153000", "SUMMARY:Moved\\, far",
              "DESCRIPTION:Said of all", "X-THEIRS:1", "END:VEVENT"]
    lines += ["BEGIN:VEVENT", *head, f"RECURRENCE-ID;{BERLIN}20300904T{start}",
              f"DTSTART;{BERLIN}20300904T{start}", f"DTEND;{BERLIN}20300904T{until}", "SUMMARY:All",
              "LOCATION:Room 4", "DESCRIPTION:Said of all", "END:VEVENT"]
    return ics(*lines, *more)


FIRST = series()
EDITS = {"one comes back": series(gone=()),
         "another rule": series(rule="FREQ=DAILY;INTERVAL=2;COUNT=4", gone=("08",)),
         "another hour": series(start="080000", until="090000")}


def in_step(box, wess, what):
    """Both sides have the same occurrences, and the changed ones what was said of them."""
    seen = sorted(seen_by_exchange(box, WINDOW).get("All", []) +
                  seen_by_exchange(box, WINDOW).get("Moved, far", []))
    want = sorted(seen_by_libical(wess.path(""))["s.ics"])
    assert seen == want, f"{what}: {[iso(t) for t in seen]} not {[iso(t) for t in want]}"
    text = wess.text("s.ics")
    for line in ("SUMMARY:Moved\\, far", "X-THEIRS:1", "LOCATION:Room 4", "X-KEPT:1"):
        assert line in text, f"{what}: no {line} in {text}"
    changed = [c["fields"] for c in box.exchange("list", 0, changed=1)["items"]]
    assert sorted(c.get("Location", "") for c in changed) == ["", "Room 4"], (what, changed)
    series_of = wess.mail("All")
    assert series_of["named"] == ["wess-stamp"], (what, series_of)
    assert box.exchange("outbox")["sent"] == 0, "somebody was told"
    return want


def begun(box, wess):
    wess.put("s.ics", FIRST)
    wess.settle()
    in_step(box, wess, "first")


def edit(wess, name):
    """As a calendar program that keeps what Exchange said since."""
    organizer = re.search("ORGANIZER;CN=.*\r\n", wess.text("s.ics").replace("\r\n ", ""))
    wess.put("s.ics", EDITS[name].replace("X-KEPT:1\r\n", "X-KEPT:1\r\n" + organizer.group(), 1))


def test_each_edit_comes_across():
    for name in EDITS:
        with Sandbox("--data", "empty") as box, Calendars("event", box) as wess:
            begun(box, wess)
            edit(wess, name)
            wess.settle()
            when = in_step(box, wess, name)
            print(f"     {name}: {len(when)} occurrences")
            assert not wess.json("parked", "list", check=(0, 1))["parked"]


def test_cut_off_at_every_request():
    cuts = 0
    for name in EDITS:
        # Before it was carried out, and behind it: then the answer is lost.
        for kind in ("http=500", "lost"):
            for op in ("UpdateItem", "DeleteItem"):
                at = 0
                while True:
                    at += 1
                    with Sandbox("--data", "empty") as box, Calendars("event", box) as wess:
                        begun(box, wess)
                        edit(wess, name)
                        before = box.requests()["by_op"].get(f"ews:{op}", 0)
                        box.fault(f"ews:{op}:{at}:{kind}")
                        wess("sync", "--no-wait", check=(0, 1, 3, 4))
                        asked = box.requests()["by_op"].get(f"ews:{op}", 0) - before
                        box.clear_faults()
                        if asked < at:
                            break
                        cuts += 1
                        box.move_clock(3600)
                        wess("sync", "--no-wait", check=(0, 1, 3, 4))
                        box.move_clock(3600)
                        wess.settle()
                        in_step(box, wess, f"{name}, {op} {at} {kind}")
    print(f"     cut off at {cuts} requests")
    assert cuts >= 20


def test_what_would_be_lost_is_refused_by_name():
    kinds = {"HasAttachments": ("true", "an attachment"), "Body": ("Own words", "a text of its own"),
             "ReminderMinutesBeforeStart": ("45", "a reminder of its own"),
             "RequiredAttendees": ("<t:Attendee><t:Mailbox><t:EmailAddress>cy@example.com"
                                   "</t:EmailAddress></t:Mailbox></t:Attendee>", "people")}
    for field, (value, why) in kinds.items():
        with Sandbox("--data", "empty") as box, Calendars("event", box) as wess:
            begun(box, wess)
            box.exchange("occurrence", 0, id=wess.mail("All")["id"], index=3, **{field: value})
            wess.settle()
            before = wess.mail("All")["fields"]
            edit(wess, "one comes back")
            for _ in range(2):
                wess("sync", "--no-wait", check=(0, 1))
            parked = wess.json("parked", "list", check=(0, 1))["parked"]
            assert len(parked) == 1 and parked[0]["field"] == "overrides.2030-09-04", parked
            assert why in parked[0]["why"] and "2030-09-04" in parked[0]["why"], parked
            now = wess.mail("All")["fields"]
            for kept in ("Recurrence", "DeletedOccurrences", "ModifiedOccurrences"):
                assert now[kept] == before[kept], kept
            # Once it is gone the rest follows.
            box.exchange("occurrence", 0, id=wess.mail("All")["id"], index=3,
                         **{field: {"Body": "Said of all", "HasAttachments": "false",
                                    "ReminderMinutesBeforeStart": "0"}.get(field, "")})
            wess("parked", "retry", "all", check=(0, 1))
            wess.settle()
            in_step(box, wess, field)


def test_a_person_changes_the_half_written_series():
    with Sandbox("--data", "empty") as box, Calendars("event", box) as wess:
        begun(box, wess)
        edit(wess, "another rule")
        box.fault("ews:UpdateItem:2:http=500")
        wess("sync", "--no-wait", check=(0, 1, 3))
        box.clear_faults()
        half = wess.mail("All")
        assert "wess-series-was" in half["named"], half
        theirs = half["fields"]["Recurrence"].replace("<t:Interval>2<", "<t:Interval>3<")
        assert theirs != half["fields"]["Recurrence"]
        box.exchange("edit", 0, id=half["id"], Recurrence=theirs)
        box.move_clock(3600)
        wess("sync", "--no-wait", check=(0, 1, 3))
        assert wess.mail("All")["fields"]["Recurrence"] == theirs, "nobody was asked"
        found = wess.json("conflicts", "list", check=(0, 1))["conflicts"]
        assert [c["field"] for c in found] == ["rrule"], found


def test_requests_validate():
    if not os.path.isdir(wire.SCHEMA):
        print("     Microsoft's schemas are not here (WESS_SHARED)")
        return

    def play(box, wess):
        begun(box, wess)
        for name in EDITS:
            edit(wess, name)
            wess.settle()

    recorded_pair(lambda box: Calendars("event", box), play)


if __name__ == "__main__":
    main(globals(), mails=0)
