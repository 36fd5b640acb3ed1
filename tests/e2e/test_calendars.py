"""Folders of events and tasks: with each other, and with the rehearsal server of Exchange."""
import os
import re
import tempfile
import types

from sandbox import Sandbox, Wess, main

CONFIG = """
site = "calendars"; state_dir = "{dir}/state";
endpoints: {{
  here: {{ connector = "vdir"; kind = "{kind}"; path = "{dir}/here"; time_zone = "Europe/Berlin"; }};
  {there}
}};
users: {{ source = {{ csv = "{dir}/users.csv"; }}; waves = ( {{ name = "*"; mode = "both"; }} ); }};
pairs: {{ it: {{ kind = "{kind}"; left = "here:{collection}"; right = "there:{collection}";
  select = {{ left = {{ shared = true; }}; right = {{ shared = true; }}; }};
  first = {{ differs = "left"; create = "yes"; }}; with_attendees = "silent";
  on_delete = {{ left = "delete"; right = "delete"; }}; }}; }};
log: {{ file = "{dir}/log"; level = "debug"; }};
"""
FOLDER = 'there: {{ connector = "vdir"; kind = "{kind}"; path = "{dir}/there"; }};'
EXCHANGE = ('there: {{ connector = "ews"; url = "{url}"; auth = "basic"; username = "EXAMPLE\\\\svc-wess";'
            ' password = {{ file = "{dir}/exchange.secret"; }}; impersonate = "{mailbox}";'
            ' time_zone = "Europe/Berlin"; }};')
COLLECTION = {"event": "calendar", "task": "tasks", "contact": "contacts"}


class Calendars(Wess):
    """One user: a folder on the left; on the right another, or a mailbox."""

    def __init__(self, kind, box=None):
        self.box = box or types.SimpleNamespace(clock_file="/nonexistent")
        self.keep = False
        self.exchange = box is not None
        self.collection = COLLECTION[kind]
        self.dir = tempfile.mkdtemp(prefix="wess-calendars-")
        self.config = os.path.join(self.dir, "wess.conf")
        for side in ("here", "there"):
            os.mkdir(os.path.join(self.dir, side))
        there = FOLDER.format(kind=kind, dir=self.dir)
        if box:
            self.write("exchange.secret", box.info["exchange"]["password"] + "\n", 0o600)
            there = EXCHANGE.format(url=box.info["exchange"]["url"], dir=self.dir,
                                    mailbox=box.mailbox(0))
        self.write("users.csv", "id,name\nu1,Ada\n")
        self.write("wess.conf", CONFIG.format(dir=self.dir, kind=kind, there=there,
                                              collection=self.collection))

    def path(self, name, side="here"):
        return os.path.join(self.dir, side, name)

    def files(self, side="here"):
        return sorted(os.listdir(os.path.join(self.dir, side)))

    def text(self, name, side="here"):
        with open(self.path(name, side), newline="") as f:
            return f.read()

    def put(self, name, text, side="here"):
        """As a calendar program does it: aside, and then in place."""
        aside = self.path(".new", side)
        with open(aside, "w", newline="") as f:
            f.write(text)
        os.rename(aside, self.path(name, side))

    def edit(self, name, old, new, side="here"):
        text = self.text(name, side)
        assert old in text, f"no {old!r} in {text}"
        self.put(name, text.replace(old, new, 1), side)

    def with_summary(self, summary, side="here"):
        """The unfolded text of the one file about that."""
        texts = {n: self.text(n, side).replace("\r\n ", "") for n in self.files(side)}
        found = [n for n, t in texts.items() if f"SUMMARY:{summary}\r\n" in t]
        assert len(found) == 1, f"{len(found)} of {summary}: {texts}"
        return found[0], texts[found[0]]

    def mail(self, summary):
        found = [c for c in self.box.contacts(0, folder=self.collection)
                 if c["fields"].get("Subject") == summary]
        assert len(found) == 1, f"{len(found)} of {summary}"
        return found[0]

    def settle(self):
        for _ in range(2):
            self("sync", "--no-wait", check=(0, 1, 3, 4))
            if self.exchange:
                self.box.move_clock(600)
        run = self.sync("--no-wait", check=(0, 1))["u1"]
        for side in ("left", "right"):
            for what in ("created", "updated", "deleted", "ended"):
                assert run[side][what] == 0, f"not in step: {side} {what} {run[side][what]}"


def ics(*lines, eol="\r\n"):
    return eol.join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Somebody//EN", *lines,
                     "END:VCALENDAR", ""])


def event(uid, *lines, eol="\r\n"):
    return ics("BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20290101T000000Z", *lines, "END:VEVENT",
               eol=eol)


def todo(uid, *lines):
    return ics("BEGIN:VTODO", f"UID:{uid}", "DTSTAMP:20290101T000000Z", *lines, "END:VTODO")


BERLIN = "TZID=Europe/Berlin:"
TALK = event("talk@x", f"DTSTART;{BERLIN}20300704T090000", "DURATION:PT1H", "SUMMARY:Talk",
             "LOCATION:Room\\, 1", "X-ODD;A=\"b:c\":d\\,e", "ATTACH:http://x.example/a", " bc",
             "BEGIN:VALARM", "ACTION:EMAIL", "TRIGGER:-P1D", "END:VALARM", eol="\n")


def test_1_events_in_two_folders():
    with Calendars("event") as wess:
        wess.put("talk.ics", TALK)
        wess.put("fair.ics", event("fair@x", "DTSTART;VALUE=DATE:20300704", "SUMMARY:Fair",
                                   "DTEND;VALUE=DATE:20300706", "TRANSP:TRANSPARENT"), "there")
        wess.settle()
        assert wess.text("talk.ics") == TALK, "what was only read is as it was"
        name, text = wess.with_summary("Talk", "there")
        for line in ("UID:talk@x", f"DTSTART;{BERLIN}20300704T090000", "LOCATION:Room\\, 1",
                     f"DTEND;{BERLIN}20300704T100000", "TZID:Europe/Berlin"):
            assert line + "\r\n" in text, f"{line} in {text}"
        assert f"\r\nX-WESS-STAMP:{name[9:-4]}" in text
        assert "DTEND;VALUE=DATE:20300706\r\nSUMMARY:Fair" in wess.with_summary("Fair")[1]
        # One edit each way, to different fields of one event.
        wess.edit("talk.ics", "SUMMARY:Talk", "SUMMARY:Talk 2")
        wess.edit(name, "LOCATION:Room\\, 1", "LOCATION:Hall", "there")
        wess.settle()
        assert wess.text("talk.ics") == TALK.replace("Talk", "Talk 2").replace(
            "Room\\, 1", "Hall"), wess.text("talk.ics")
        assert wess.with_summary("Talk 2", "there")
        os.remove(wess.path(name, "there"))
        wess.settle()
        assert len(wess.files()) == 1 and len(wess.files("there")) == 1


def test_2_a_broken_file_is_parked_and_the_rest_goes_on():
    with Calendars("event") as wess:
        wess.put("talk.ics", TALK)
        wess.put("bad.ics", TALK.replace("UID:talk@x", "UID:b").replace("20300704T090000", "soon"))
        wess.put("task.ics", todo("t", "SUMMARY:A task among events"))
        wess("sync", check=(0, 1))
        parked = wess.json("parked", "list", check=(0, 1))["parked"]
        assert [p["title"] for p in parked] == ["bad.ics"], parked
        assert "line 7" in parked[0]["why"], parked
        assert len(wess.files("there")) == 1
        wess.put("bad.ics", event("b", "DTSTART:20300101T000000Z", "SUMMARY:Whole"))
        wess.settle()
        assert wess.with_summary("Whole", "there")
        assert not wess.json("parked", "list", check=(0, 1))["parked"]


def test_3_tasks_in_two_folders():
    with Calendars("task") as wess:
        offer = todo("offer@x", "SUMMARY:Offer", "DUE;VALUE=DATE:20300203", "PRIORITY:1",
                     "PERCENT-COMPLETE:40", "STATUS:IN-PROCESS", "X-MORE:1")
        wess.put("offer.ics", offer)
        wess.settle()
        name, text = wess.with_summary("Offer", "there")
        assert "DUE;VALUE=DATE:20300203\r\n" in text and "PERCENT-COMPLETE:40\r\n" in text
        wess.edit(name, "STATUS:IN-PROCESS", "STATUS:COMPLETED", "there")
        wess.settle()
        assert wess.text("offer.ics") == offer.replace("IN-PROCESS", "COMPLETED")


def test_4_a_task_and_exchange():
    with Sandbox("--data", "empty") as box, Calendars("task", box) as wess:
        box.exchange("create", 0, kind="Task", Subject="Offer", DueDate="2030-02-02T23:00:00Z",
                     Status="WaitingOnOthers", Importance="High", Body="Two\nlines")
        wess.put("answer.ics", todo("answer@x", "SUMMARY:Answer", "DUE;VALUE=DATE:20300301",
                                    "STATUS:IN-PROCESS", "X-MORE:1"))
        wess.settle()
        name, text = wess.with_summary("Offer")
        for line in ("DUE;VALUE=DATE:20300203", "STATUS:NEEDS-ACTION", "X-WESS-STATUS:X-WAITING",
                     "PRIORITY:1", "DESCRIPTION:Two\\nlines"):
            assert line + "\r\n" in text, f"{line} in {text}"
        assert wess.mail("Answer")["fields"]["DueDate"] == "2030-02-28T23:00:00Z"
        wess.edit(name, "DUE;VALUE=DATE:20300203", "DUE;VALUE=DATE:20300204")
        box.exchange("edit", 0, id=wess.mail("Answer")["id"], Status="Completed")
        wess.settle()
        assert wess.mail("Offer")["fields"]["DueDate"] == "2030-02-03T23:00:00Z"
        text = wess.text("answer.ics")
        assert "STATUS:COMPLETED\r\n" in text and "X-MORE:1\r\n" in text, text
        box.exchange("delete", 0, id=wess.mail("Offer")["id"])
        wess.settle()
        assert wess.files() == ["answer.ics"]


def test_5_an_event_and_exchange():
    zone = "W. Europe Standard Time"
    with Sandbox("--data", "empty") as box, Calendars("event", box) as wess:
        box.exchange("create", 0, kind="CalendarItem", Subject="Review",
                     Start="2030-07-04T07:00:00Z", End="2030-07-04T08:00:00Z", StartTimeZone=zone,
                     EndTimeZone=zone, Location="Room 1", ReminderIsSet="true",
                     ReminderMinutesBeforeStart="15", LegacyFreeBusyStatus="OOF",
                     RequiredAttendees="<t:Attendee><t:Mailbox><t:Name>Cy</t:Name><t:EmailAddress>"
                     "cy@example.com</t:EmailAddress></t:Mailbox></t:Attendee>")
        wess.put("talk.ics", TALK)
        wess.put("fair.ics", event("fair@x", "DTSTART;VALUE=DATE:20300704", "SUMMARY:Fair",
                                   "DTEND;VALUE=DATE:20300706", "TRANSP:TRANSPARENT"))
        wess.settle()
        name, text = wess.with_summary("Review")
        for line in (f"DTSTART;{BERLIN}20300704T090000", f"DTEND;{BERLIN}20300704T100000",
                     "TRIGGER:-PT15M", "X-MICROSOFT-CDO-BUSYSTATUS:OOF", "LOCATION:Room 1"):
            assert line + "\r\n" in text, f"{line} in {text}"
        assert re.search('ATTENDEE;CN="Cy";.*:mailto:cy@example.com\r\n', text), text
        talk = wess.mail("Talk")["fields"]
        assert (talk["Start"], talk["End"]) == ("2030-07-04T07:00:00Z", "2030-07-04T08:00:00Z")
        fair = wess.mail("Fair")["fields"]
        assert fair["IsAllDayEvent"] == "true" and fair["LegacyFreeBusyStatus"] == "Free", fair
        # Moved here, renamed there.
        wess.edit(name, "20300704T090000", "20300704T083000")
        box.exchange("edit", 0, id=wess.mail("Review")["id"], Subject="Review 2")
        box.exchange("edit", 0, id=wess.mail("Talk")["id"], Location="Hall")
        wess.settle()
        assert wess.mail("Review 2")["fields"]["Start"] == "2030-07-04T06:30:00Z"
        assert wess.with_summary("Review 2")[0] == name
        text = re.sub("ORGANIZER;CN=.*\n", "", wess.text("talk.ics"))  # Exchange says who
        assert text == TALK.replace("Room\\, 1", "Hall"), text
        os.remove(wess.path("fair.ics"))
        wess.settle()
        assert len(box.contacts(0, folder="calendar")) == 2
        assert box.exchange("outbox")["sent"] == 0, "somebody was told"


def test_5b_who_organises_stays_as_the_file_says():
    """Exchange makes the mailbox the organizer of what is created there, and takes no other: that
    is no edit of the file's, which another program may hold for a different meeting then."""
    lines = [f"DTSTART;{BERLIN}20300704T090000", "DURATION:PT1H", "SUMMARY:Board",
             'ORGANIZER;CN="Cy":mailto:cy@example.com', "LOCATION:Room 1"]
    with Sandbox("--data", "empty") as box, Calendars("event", box) as wess:
        wess.put("board.ics", event("board@x", *lines))
        wess.settle()
        assert wess.text("board.ics") == event("board@x", *lines), wess.text("board.ics")
        box.exchange("edit", 0, id=wess.mail("Board")["id"], Location="Hall")
        wess.settle()
        assert wess.text("board.ics") == event("board@x", *lines[:-1], "LOCATION:Hall")


def test_6_a_series_from_exchange():
    """By hand: Mondays at nine in Berlin from 2030-09-02; the clocks change on 2030-10-27."""
    zone = "W. Europe Standard Time"
    rule = ("<t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Monday</t:DaysOfWeek>"
            "</t:WeeklyRecurrence><t:NoEndRecurrence><t:StartDate>2030-09-02</t:StartDate>"
            "</t:NoEndRecurrence>")
    with Sandbox("--data", "empty") as box, Calendars("event", box) as wess:
        master = box.exchange("create", 0, kind="CalendarItem", Subject="All",
                              Start="2030-09-02T07:00:00Z", End="2030-09-02T08:00:00Z",
                              StartTimeZone=zone, EndTimeZone=zone, Recurrence=rule)
        box.exchange("occurrence", 0, id=master["id"], index=10, Start="2030-11-05T12:00:00Z",
                     End="2030-11-05T13:00:00Z", Subject="Moved")
        box.exchange("occurrence", 0, id=master["id"], index=2, gone=1)
        wess.settle()
        name, text = wess.with_summary("All")
        for line in ("RRULE:FREQ=WEEKLY;BYDAY=MO", f"EXDATE;{BERLIN}20300909T090000",
                     f"RECURRENCE-ID;{BERLIN}20301104T090000",
                     f"DTSTART;{BERLIN}20301105T130000", "SUMMARY:Moved"):
            assert line + "\r\n" in text, f"{line} in {text}"
        # Back: another one goes, and the moved one is moved once more.
        wess.edit(name, "EXDATE;TZID=Europe/Berlin:20300909T090000",
                  "EXDATE;TZID=Europe/Berlin:20300909T090000,20300930T090000")
        wess.edit(name, "20301105T130000", "20301105T123000")
        wess.settle()
        now = wess.mail("All")["fields"]
        assert now["DeletedOccurrences"].count("<t:DeletedOccurrence>") == 2, now
        assert "2030-09-30T07:00:00Z" in now["DeletedOccurrences"], now
        assert "<t:Start>2030-11-05T11:30:00Z</t:Start>" in now["ModifiedOccurrences"], now
        assert box.exchange("outbox")["sent"] == 0, "somebody was told"


def test_7_a_series_to_exchange():
    series = ics(
        "BEGIN:VEVENT", "UID:s@x", f"DTSTART;{BERLIN}20300902T090000",
        f"DTEND;{BERLIN}20300902T100000", "SUMMARY:All", "X-KEPT:1", "RRULE:FREQ=WEEKLY;BYDAY=MO",
        f"EXDATE;{BERLIN}20300909T090000", "END:VEVENT", "BEGIN:VEVENT", "UID:s@x",
        f"RECURRENCE-ID;{BERLIN}20301104T090000", f"DTSTART;{BERLIN}20301105T130000",
        f"DTEND;{BERLIN}20301105T140000", "SUMMARY:Moved", "X-THEIRS:1", "END:VEVENT")
    with Sandbox("--data", "empty") as box, Calendars("event", box) as wess:
        wess.put("s.ics", series)
        wess.settle()
        # Exchange says who organises.
        organizer = re.search("ORGANIZER;CN=.*\r\n", wess.text("s.ics")).group()
        assert wess.text("s.ics") == series.replace("END:VEVENT", organizer + "END:VEVENT", 1)
        now = wess.mail("All")
        assert "2030-09-09T07:00:00Z" in now["fields"]["DeletedOccurrences"], now
        assert "<t:Start>2030-11-05T12:00:00Z</t:Start>" in now["fields"]["ModifiedOccurrences"]
        box.exchange("occurrence", 0, id=now["id"], index=4, gone=1)
        box.exchange("occurrence", 0, id=now["id"], index=5, Location="Room 5")
        wess.settle()
        text = wess.text("s.ics")
        assert f"EXDATE;{BERLIN}20300923T090000\r\n" in text, text
        assert f"RECURRENCE-ID;{BERLIN}20300930T090000\r\n" in text and "LOCATION:Room 5" in text
        assert "SUMMARY:Moved\r\nX-THEIRS:1\r\n" in text and text.count("X-KEPT:1") == 2, text
        assert box.exchange("outbox")["sent"] == 0, "somebody was told"


def test_7b_a_rule_that_is_not_understood_cuts_nothing_down():
    """Told as one event, it would make one of its twin: weeks of appointments gone."""
    with Sandbox("--data", "empty") as box, Calendars("event", box) as wess:
        wess.put("s.ics", event("s@x", f"DTSTART;{BERLIN}20300902T090000", "DURATION:PT1H",
                                "SUMMARY:All", "RRULE:FREQ=WEEKLY;BYDAY=MO"))
        wess.settle()
        wess.edit("s.ics", "BYDAY=MO", "BYDAY=MO;COUNT=9;UNTIL=20301231")
        wess("sync", "--no-wait", check=(0, 1))
        assert "Weekly" in wess.mail("All")["fields"]["Recurrence"]
        parked = wess.json("parked", "list", check=(0, 1))["parked"]
        assert len(parked) == 1 and "a rule of a series" in parked[0]["why"], parked
        wess.edit("s.ics", ";UNTIL=20301231", "")
        wess.settle()
        assert "NumberOfOccurrences>9<" in wess.mail("All")["fields"]["Recurrence"]
        assert not wess.json("parked", "list", check=(0, 1))["parked"]


def test_8_events_and_tasks_in_one_folder():
    with Calendars("event") as wess:
        with open(wess.config) as f:
            text = f.read()
        more = "".join(f'tasks_{side}: {{ connector = "vdir"; kind = "task"; path = "{wess.dir}/{side}"; }};\n'
                       for side in ("here", "there"))
        text = text.replace("\n};\nusers", "\n" + more + "};\nusers").replace(
            "pairs: {", 'pairs: { tasks: { kind = "task"; left = "tasks_here:tasks";'
            ' right = "tasks_there:tasks"; first = { create = "yes"; };'
            ' select = { left = { shared = true; }; right = { shared = true; }; }; };')
        wess.write("wess.conf", text)
        wess.put("talk.ics", TALK)
        wess.put("offer.ics", todo("offer@x", "SUMMARY:Offer"))
        for _ in range(3):
            wess("sync", "--no-wait", check=(0, 1))
        assert len(wess.files("there")) == 2 and len(wess.files()) == 2, wess.files("there")
        assert "BEGIN:VTODO" in wess.with_summary("Offer", "there")[1]
        assert "BEGIN:VEVENT" in wess.with_summary("Talk", "there")[1]


def test_9_added_occurrences_are_told_and_kept():
    """Exchange has no RDATE: the dates stay where they are, byte for byte, and are told by name."""
    added = [f"RDATE;{BERLIN}20300920T150000,20300921T150000", "RDATE;VALUE=PERIOD:20300925T080000Z/PT2H",
             "RDATE:20300930T170000Z"]
    series = event("s@x", f"DTSTART;{BERLIN}20300902T090000", f"DTEND;{BERLIN}20300902T100000",
                   "SUMMARY:All", "RRULE:FREQ=WEEKLY;COUNT=3;BYDAY=MO", *added)
    with Sandbox("--data", "empty") as box, Calendars("event", box) as wess:
        wess.put("s.ics", series)
        wess.settle()
        parked = wess.json("parked", "list", check=(0, 1))["parked"]
        assert [p["field"] for p in parked] == ["rdate"] and "Exchange" in parked[0]["why"], parked
        assert "Weekly" in wess.mail("All")["fields"]["Recurrence"]
        # Edited on both sides: the lines are as they were.
        box.exchange("occurrence", 0, id=wess.mail("All")["id"], index=2, gone=1)
        box.exchange("edit", 0, id=wess.mail("All")["id"], Location="Hall")
        wess.settle()
        wess.edit("s.ics", "SUMMARY:All", "SUMMARY:Every")
        wess.settle()
        text = wess.text("s.ics")
        for line in (*added, "LOCATION:Hall", f"EXDATE;{BERLIN}20300909T090000"):
            assert line + "\r\n" in text, f"{line} in {text}"
        assert wess.mail("Every")["fields"]["Location"] == "Hall"
        assert [p["field"] for p in wess.json("parked", "list", check=(0, 1))["parked"]] == ["rdate"]
        # Gone from the file, it is no longer told.
        wess.put("s.ics", text.replace("\r\n".join(added) + "\r\n", ""))
        wess.settle()
        assert not wess.json("parked", "list", check=(0, 1))["parked"]
    with Calendars("event") as wess:
        wess.put("s.ics", series)
        wess.settle()
        name, text = wess.with_summary("All", "there")
        assert f"RDATE;{BERLIN}20300920T150000,20300921T150000,20300930T190000\r\n" in text, text
        wess.edit(name, "20300920T150000,", "", "there")
        wess.settle()
        assert wess.text("s.ics") == series.replace("20300920T150000,", "")


if __name__ == "__main__":
    main(globals(), mails=0)
