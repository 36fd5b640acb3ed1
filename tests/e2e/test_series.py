"""A series beside a database that has no recurrence: its occurrences of the window, one by one."""
import datetime
import os
import time

from sandbox import Sandbox, main
from test_calendars import Calendars, event
from test_crm import Crm, all_there, here, make, queue_of

ZONE = "W. Europe Standard Time"
DAY = 86400


def on(days, hour=8):
    when = datetime.datetime.utcfromtimestamp(time.time() + days * DAY)
    return f"{when:%Y-%m-%d}T{hour:02}:00:00Z"


def rule(days, every=7):
    return (f"<t:DailyRecurrence><t:Interval>{every}</t:Interval></t:DailyRecurrence>"
            f"<t:NoEndRecurrence><t:StartDate>{on(days)[:10]}</t:StartDate></t:NoEndRecurrence>")


class Series(Crm):
    def __init__(self, box, more='past = "10d"; future = "24d";', pair=""):
        super().__init__(box, "event", "calendar", "meetings",
                         pair=f"window = {{ {more} }}; {pair}")

    def weekly(self, subject="Weekly", begins=-21, every=7, **more):
        return make(self.box, "CalendarItem", Subject=subject, Start=on(begins),
                    End=on(begins, 9), StartTimeZone="UTC", EndTimeZone="UTC",
                    Recurrence=rule(begins, every), **more)["id"]


def days_of(box, name="Weekly"):
    """The days of the meetings of that name, counted from today."""
    today = int(time.time()) // DAY
    return sorted(int(m["fields"]["start"].lstrip("@")) // DAY - today
                  for m in all_there(box, "meetings", name=name))


def on_day(box, days, name="Weekly"):
    today = int(time.time()) // DAY
    return [m for m in all_there(box, "meetings", name=name)
            if int(m["fields"]["start"].lstrip("@")) // DAY - today == days][0]


def test_1_occurrences_of_the_window_are_meetings_of_their_own():
    with Sandbox("--data", "empty") as box, Series(box) as wess:
        series = wess.weekly()
        make(box, "CalendarItem", Subject="Once", Start=on(3), End=on(3, 9))
        wess.settle()
        assert days_of(box) == [-7, 0, 7, 14, 21], days_of(box)
        assert days_of(box, "Once") == [3]
        assert len(box.contacts(0, folder="calendar")) == 2
        # One is moved, one deleted, one renamed over there.
        box.exchange("occurrence", 0, id=series, index=5, Start=on(9), End=on(9, 9))
        box.exchange("occurrence", 0, id=series, index=6, gone=1)
        gone = on_day(box, 14)
        box.workbooks("edit", of="meetings", id=on_day(box, 0)["id"], name="Weekly with Ann")
        wess.settle()
        assert days_of(box) == [-7, 9, 14, 21], days_of(box)
        now = here(box, "calendar", "Weekly")["fields"]
        assert now["ModifiedOccurrences"].count("<t:Occurrence>") == 2, now
        # A deletion ends the link, as the pair says; what is there stays, and is not made again.
        box.workbooks("edit", of="meetings", id=gone["id"], name="Weekly kept")
        wess.settle()
        assert here(box, "calendar", "Weekly")["fields"]["DeletedOccurrences"].count("<t:Start>") == 1
        # The rest of it changes: all of them do, but for what one of them says by itself.
        box.exchange("edit", 0, id=series, Subject="Jour fixe")
        wess.settle()
        assert days_of(box, "Jour fixe") == [-7, 21], days_of(box, "Jour fixe")
        assert days_of(box, "Weekly with Ann") == [0]


def test_2_what_comes_into_the_window_is_made_and_what_leaves_it_is_left_alone():
    with Sandbox("--data", "empty") as box, Series(box) as wess:
        wess.weekly()
        wess.settle()
        before = days_of(box)
        box.move_clock(8 * DAY)
        wess.settle()
        assert days_of(box) == before + [28], days_of(box)
        # The oldest is out of the window by now: a change of it here is still one.
        box.workbooks("edit", of="meetings", id=on_day(box, -7)["id"], name="Long ago")
        wess.settle()
        now = here(box, "calendar", "Weekly")["fields"]
        assert now["ModifiedOccurrences"].count("<t:Occurrence>") == 1, now
        assert len(all_there(box, "meetings")) == 6


def test_3_a_series_that_is_untagged_or_deleted_ends_all_its_links():
    with Sandbox("--data", "empty") as box, Series(box) as wess:
        first, second = wess.weekly(), wess.weekly("Other", -20)
        wess.settle()
        box.exchange("untag", 0, id=first)
        box.exchange("delete", 0, id=second)
        wess.settle()
        assert len(days_of(box)) == 5 and len(days_of(box, "Other")) == 5
        for name in ("Weekly", "Other"):
            box.workbooks("edit", of="meetings", id=on_day(box, days_of(box, name)[0], name)["id"],
                          name=name + " alone")
        box.exchange("edit", 0, id=first, Subject="Mine")
        wess.settle()
        assert len(days_of(box)) == 4 and not days_of(box, "Mine")
        assert not here(box, "calendar", "Mine")["fields"].get("ModifiedOccurrences")


def test_4_no_more_of_one_than_the_pair_says():
    with Sandbox("--data", "empty") as box, Series(box, "per_series = 6;") as wess:
        wess.weekly(begins=-3, every=1)
        wess.settle()
        assert days_of(box) == [-3, -2, -1, 0, 1, 2], days_of(box)
        with open(os.path.join(wess.dir, "log")) as f:
            assert "window.per_series" in f.read()


def test_5_a_rule_that_changes_moves_its_days():
    with Sandbox("--data", "empty") as box, Series(box, pair='on_delete = { left = "delete"; };') as wess:
        series = wess.weekly()
        wess.settle()
        box.exchange("edit", 0, id=series, Start=on(-20), End=on(-20, 9), Recurrence=rule(-20))
        wess.settle()
        assert days_of(box) == [-6, 1, 8, 15, 22], days_of(box)


def test_7_for_the_guard_a_series_is_one():
    with Sandbox("--data", "empty") as box, \
            Series(box, pair='on_delete = { left = "delete"; }; guard = { max_delete = 2; };') as wess:
        ids = [wess.weekly(name) for name in ("A", "B", "C", "D", "E")]
        wess.settle()
        for of_series in ids[:2]:
            box.exchange("delete", 0, id=of_series)
        wess.settle()
        assert days_of(box, "A") == days_of(box, "B") == []
        for of_series in ids[2:]:
            box.exchange("delete", 0, id=of_series)
        assert "deletions" in wess("sync", "--no-wait", check=(4,)).stdout
        assert len(days_of(box, "C")) == 5


def test_6_what_one_cannot_say_is_parked():
    with Sandbox("--data", "empty") as box, Series(box) as wess:
        wess.weekly()
        wess.settle()
        box.workbooks("edit", of="meetings", id=on_day(box, 7)["id"], reminder_minutes="30",
                      reminder_enabled="true")
        wess.settle()
        assert "occurrence" in wess.run("parked", "list", check=(0, 1)).stdout


FOLDER = """
site = "series"; state_dir = "{dir}/state";
endpoints: {{ here: {{ connector = "vdir"; kind = "event"; path = "{dir}/here"; time_zone = "UTC"; }};
  crm: {{ connector = "workbooks"; url = "{url}"; api_key = {{ file = "{dir}/workbooks.secret"; }}; }}; }};
users: {{ source = {{ csv = "{dir}/users.csv"; }}; waves = ( {{ name = "*"; mode = "both"; }} ); }};
pairs: {{ it: {{ kind = "event"; left = "here:calendar"; right = "crm:meetings";
  select = {{ left = {{ shared = true; }}; right = {{ shared = true; }}; }};
  window = {{ past = "10d"; future = "24d"; }}; first = {{ create = "yes"; }}; }}; }};
log: {{ file = "{dir}/log"; level = "debug"; }};
"""


class FromFolder(Calendars):
    def __init__(self, box):
        super().__init__("event")
        self.box = box
        self.exchange = True  # a server whose clock moves
        self.write("workbooks.secret", box.info["workbooks"]["api_key"] + "\n", 0o600)
        self.write("wess.conf", FOLDER.format(dir=self.dir, url=box.info["workbooks"]["url"]))


def compact(days, hour=8):
    return on(days, hour).replace("-", "").replace(":", "")


def test_8_from_a_folder_of_files_it_is_the_same():
    with Sandbox("--data", "empty") as box, FromFolder(box) as wess:
        lines = (f"DTSTART:{compact(-21)}", "DURATION:PT1H", "SUMMARY:Weekly",
                 "RRULE:FREQ=WEEKLY")
        wess.put("w.ics", event("w@x", *lines))
        wess.put("o.ics", event("o@x", f"DTSTART:{compact(3)}", "DURATION:PT1H", "SUMMARY:Once"))
        wess.settle()
        assert days_of(box) == [-7, 0, 7, 14, 21] and days_of(box, "Once") == [3]
        # One deleted, one renamed over there; the rest is untouched.
        wess.edit("w.ics", "RRULE:FREQ=WEEKLY", f"RRULE:FREQ=WEEKLY\r\nEXDATE:{compact(7)}")
        box.workbooks("edit", of="meetings", id=on_day(box, 14)["id"], name="Weekly with Ann")
        wess.settle()
        text = wess.text("w.ics")
        assert f"RECURRENCE-ID:{compact(14)}" in text and "SUMMARY:Weekly with Ann" in text, text
        assert text.count("BEGIN:VEVENT") == 2 and days_of(box) == [-7, 0, 7, 21]
        os.remove(wess.path("w.ics"))
        box.move_clock(600)
        wess("sync", "--no-wait", check=(0, 1))
        box.workbooks("edit", of="meetings", id=on_day(box, 0)["id"], name="Alone")
        wess.settle()
        assert wess.files() == ["o.ics"], wess.files()


def test_9_an_event_that_becomes_a_series_keeps_its_meeting():
    with Sandbox("--data", "empty") as box, Series(box) as wess:
        event_id = make(box, "CalendarItem", Subject="Talk", Start=on(2), End=on(2, 9),
                        StartTimeZone="UTC", EndTimeZone="UTC")["id"]
        wess.settle()
        (first,) = all_there(box, "meetings", name="Talk")
        box.exchange("edit", 0, id=event_id, Recurrence=rule(2))
        wess.settle()
        assert days_of(box, "Talk") == [2, 9, 16, 23], days_of(box, "Talk")
        assert on_day(box, 2, "Talk")["id"] == first["id"], "it has a twin of its own"
        # Both ways still: it is that occurrence now.
        box.workbooks("edit", of="meetings", id=first["id"], name="Talk with Ann")
        wess.settle()
        now = here(box, "calendar", "Talk")["fields"]
        assert now["ModifiedOccurrences"].count("<t:Occurrence>") == 1, now
        box.exchange("edit", 0, id=event_id, Subject="Speech")
        wess.settle()
        assert days_of(box, "Speech") == [9, 16, 23]


def test_a_series_that_becomes_an_event_keeps_one_meeting():
    with Sandbox("--data", "empty") as box, Series(box) as wess:
        series = wess.weekly("Talk", begins=2)
        wess.settle()
        assert days_of(box, "Talk") == [2, 9, 16, 23]
        first = on_day(box, 2, "Talk")
        box.exchange("edit", 0, id=series, Recurrence="")
        wess.settle()
        box.exchange("edit", 0, id=series, Subject="Talk alone")
        wess.settle()
        assert [m["id"] for m in all_there(box, "meetings", name="Talk alone")] == [first["id"]]
        # The others are there no more: their links end, as where a series is deleted.
        assert days_of(box, "Talk") == [9, 16, 23], days_of(box, "Talk")


if __name__ == "__main__":
    main(globals())
