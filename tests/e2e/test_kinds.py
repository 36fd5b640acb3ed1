"""Tasks and events from one mailbox to another: two Exchange endpoints, the real binary between them.
exchangelib, where it is there, looks at what came of it as an independent client."""
import http.server
import os
import re
import tempfile
import threading
import urllib.parse

import test_requests as wire
from sandbox import Sandbox, Wess, main

PAIR = 'with_attendees = "silent"; first = { differs = "left"; create = "yes"; }; on_delete = { left = "delete"; right = "delete"; };'
CONFIG = """
site = "kinds"; state_dir = "{dir}/state";
endpoints: {{
  here: {{ connector = "ews"; url = "{url}"; auth = "basic"; username = "EXAMPLE\\\\svc-wess";
    password = {{ file = "{dir}/exchange.secret"; }}; impersonate = "{a}"; time_zone = "Europe/Berlin"; }};
  there: {{ connector = "ews"; url = "{url}"; auth = "basic"; username = "EXAMPLE\\\\svc-wess";
    password = {{ file = "{dir}/exchange.secret"; }}; impersonate = "{b}"; time_zone = "America/New_York"; }};
}};
users: {{ source = {{ csv = "{dir}/users.csv"; }}; waves = ( {{ name = "*"; mode = "both"; }} ); }};
pairs: {{ it: {{ kind = "{kind}"; left = "here:{collection}"; right = "there:{collection}";
  select = {{ left = {{ shared = true; }}; right = {{ shared = true; }}; }}; {pair} }}; }};
log: {{ file = "{dir}/log"; level = "debug"; }};
"""


class Two(Wess):
    """A pair of one kind between the first mailbox and the second."""

    def __init__(self, box, kind, collection):
        super().__init__(box, users=["id,name,mailbox,workbooks,wave",
                                     f"u1,Ada,{box.mailbox(0)},Ada,pilot"])
        self.write("wess.conf", CONFIG.format(
            dir=self.dir, url=box.info["exchange"]["url"], a=box.mailbox(0), b=box.mailbox(1),
            kind=kind, collection=collection, pair=PAIR))

    def settle(self):
        self("sync", "--no-wait", check=(0, 1, 3, 4))
        self.box.move_clock(600)
        self("sync", "--no-wait", check=(0, 1, 4))
        run = self.sync("--no-wait", check=(0, 1))["u1"]
        for side in ("left", "right"):
            for what in ("created", "updated", "deleted", "ended"):
                assert run[side][what] == 0, f"not in step: {side} {what} {run[side][what]}"


def make(box, i, kind, **fields):
    return box.exchange("create", i, kind=kind, **fields)


def shown(box, i, folder, name):
    found = [c for c in box.contacts(i, folder=folder) if c["fields"].get("Subject") == name]
    assert len(found) == 1, f"{len(found)} of {name} in mailbox {i}"
    return found[0]


def test_tasks():
    with Sandbox("--data", "empty") as box, Two(box, "task", "tasks") as wess:
        make(box, 0, "Task", Subject="Offer", DueDate="2030-02-02T23:00:00Z", Body="Two\nlines",
             Status="InProgress", PercentComplete="40", Importance="High")
        make(box, 1, "Task", Subject="Answer", StartDate="2030-02-03T05:00:00Z")
        wess.settle()
        offer = shown(box, 1, "tasks", "Offer")["fields"]
        # The same day, begun where the other one lives.
        assert offer["DueDate"] == "2030-02-03T05:00:00Z", offer
        assert offer["Status"] == "InProgress" and offer["PercentComplete"] == "40", offer
        assert offer["Importance"] == "High" and offer["Body"].replace("\r", "") == "Two\nlines"
        assert shown(box, 0, "tasks", "Answer")["fields"]["StartDate"] == "2030-02-02T23:00:00Z"
        # One edit each way, to different fields of one task.
        box.exchange("edit", 0, id=shown(box, 0, "tasks", "Offer")["id"], Status="Completed")
        box.exchange("edit", 1, id=shown(box, 1, "tasks", "Offer")["id"], Mileage="12 miles")
        wess.settle()
        assert shown(box, 1, "tasks", "Offer")["fields"]["Status"] == "Completed"
        assert shown(box, 0, "tasks", "Offer")["fields"]["Mileage"] == "12 miles"
        # What WESS does not know survives.
        box.exchange("edit", 1, id=shown(box, 1, "tasks", "Answer")["id"], TotalWork="90")
        box.exchange("edit", 0, id=shown(box, 0, "tasks", "Answer")["id"], Importance="Low")
        wess.settle()
        answer = shown(box, 1, "tasks", "Answer")["fields"]
        assert answer["TotalWork"] == "90" and answer["Importance"] == "Low", answer


def test_events():
    with Sandbox("--data", "empty") as box, Two(box, "event", "calendar") as wess:
        zone = "W. Europe Standard Time"
        make(box, 0, "CalendarItem", Subject="Review", Start="2030-07-04T07:00:00Z",
             End="2030-07-04T08:00:00Z", StartTimeZone=zone, EndTimeZone=zone, Location="Room 1",
             RequiredAttendees="<t:Attendee><t:Mailbox><t:Name>Cy</t:Name><t:EmailAddress>"
             "cy@example.com</t:EmailAddress></t:Mailbox></t:Attendee>")
        make(box, 0, "CalendarItem", Subject="Fair", Start="2030-07-03T22:00:00Z",
             End="2030-07-05T22:00:00Z", StartTimeZone=zone, EndTimeZone=zone, IsAllDayEvent="true",
             LegacyFreeBusyStatus="Free")
        make(box, 1, "CalendarItem", Subject="Weekly", Start="2030-09-02T13:00:00Z",
             End="2030-09-02T14:00:00Z", StartTimeZone="Eastern Standard Time",
             EndTimeZone="Eastern Standard Time",
             Recurrence="<t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Monday"
             "</t:DaysOfWeek></t:WeeklyRecurrence><t:NoEndRecurrence><t:StartDate>2030-09-02"
             "</t:StartDate></t:NoEndRecurrence>")
        wess.settle()
        review = shown(box, 1, "calendar", "Review")["fields"]
        assert review["Start"] == "2030-07-04T07:00:00Z" and review["StartTimeZone"] == zone
        assert review["Location"] == "Room 1" and "cy@example.com" in review["RequiredAttendees"]
        assert review["UID"] == shown(box, 0, "calendar", "Review")["fields"]["UID"]
        fair = shown(box, 1, "calendar", "Fair")["fields"]
        # The same two days, which begin at another midnight there.
        assert fair["IsAllDayEvent"] == "true" and fair["LegacyFreeBusyStatus"] == "Free"
        assert (fair["Start"], fair["End"]) == ("2030-07-04T04:00:00Z", "2030-07-06T04:00:00Z")
        weekly = shown(box, 0, "calendar", "Weekly")["fields"]
        assert weekly["StartTimeZone"] == "Eastern Standard Time"
        assert re.search("Monday.*2030-09-02", weekly["Recurrence"]), weekly
        # Moved on one side, renamed on the other.
        box.exchange("edit", 0, id=shown(box, 0, "calendar", "Review")["id"],
                     Start="2030-07-04T09:00:00Z", End="2030-07-04T10:00:00Z")
        box.exchange("edit", 1, id=shown(box, 1, "calendar", "Review")["id"], Subject="Review 2")
        wess.settle()
        assert shown(box, 1, "calendar", "Review 2")["fields"]["Start"] == "2030-07-04T09:00:00Z"
        assert shown(box, 0, "calendar", "Review 2")
        box.exchange("delete", 0, id=shown(box, 0, "calendar", "Fair")["id"])
        wess.settle()
        assert len(box.contacts(1, folder="calendar")) == 2
        assert box.exchange("outbox")["sent"] == 0, "somebody was told"


def recorded(kind, collection, play):
    """What went over the wire both ways while that was played."""
    return recorded_by(lambda box: Two(box, kind, collection), play)


def recorded_by(make_wess, play):
    recorder = type("Own", (wire.Recorder,), {"seen": [], "lock": threading.Lock()})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with Sandbox("--data", "empty") as box, make_wess(box) as wess:
            recorder.target = urllib.parse.urlparse(box.info["exchange"]["url"])
            with open(wess.config) as f:
                text = f.read()
            wess.write("wess.conf", text.replace(f":{recorder.target.port}/EWS",
                                                 f":{server.server_port}/EWS"))
            play(box, wess)
    finally:
        server.shutdown()
        server.server_close()
    return recorder.seen


def play_tasks(box, wess):
    rule = ("<t:DailyRecurrence><t:Interval>2</t:Interval></t:DailyRecurrence><t:NumberedRecurrence>"
            "<t:StartDate>2030-02-03</t:StartDate><t:NumberOfOccurrences>5</t:NumberOfOccurrences>"
            "</t:NumberedRecurrence>")
    make(box, 0, "Task", Subject="All", Body="Text", Sensitivity="Personal", Importance="High",
         ReminderDueBy="2031-02-02T08:00:00Z", ReminderIsSet="true", BillingInformation="B",
         StartDate="2030-02-02T23:00:00Z", DueDate="2030-02-03T23:00:00Z", Mileage="M",
         PercentComplete="40", Status="WaitingOnOthers", Recurrence=rule, categories="Red,Blue")
    wess.settle()
    box.exchange("edit", 0, id=shown(box, 0, "tasks", "All")["id"], DueDate="", Status="Completed",
                 Importance="", Body="", Mileage="", ReminderIsSet="false", Sensitivity="")
    wess.settle()
    box.exchange("delete", 0, id=shown(box, 0, "tasks", "All")["id"])
    wess.settle()
    assert not box.contacts(1, folder="tasks")


def play_events(box, wess):
    people = ("<t:Attendee><t:Mailbox><t:Name>{0}</t:Name><t:EmailAddress>{0}@example.com"
              "</t:EmailAddress></t:Mailbox></t:Attendee>")
    rule = ("<t:RelativeMonthlyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Thursday"
            "</t:DaysOfWeek><t:DayOfWeekIndex>First</t:DayOfWeekIndex></t:RelativeMonthlyRecurrence>"
            "<t:EndDateRecurrence><t:StartDate>2030-07-04</t:StartDate><t:EndDate>2031-07-04"
            "</t:EndDate></t:EndDateRecurrence>")
    zone = "W. Europe Standard Time"
    make(box, 0, "CalendarItem", Subject="All", Body="Text", Sensitivity="Personal",
         Importance="Low", ReminderIsSet="true", ReminderMinutesBeforeStart="30",
         Start="2030-07-04T07:00:00Z", End="2030-07-04T08:00:00Z", StartTimeZone=zone,
         EndTimeZone=zone, Location="Room", LegacyFreeBusyStatus="OOF", Recurrence=rule,
         RequiredAttendees=people.format("ada"), OptionalAttendees=people.format("ben"),
         Resources=people.format("room"), categories="Red,Blue")
    wess.settle()
    box.exchange("edit", 0, id=shown(box, 0, "calendar", "All")["id"], Location="",
                 Start="2030-07-04T09:00:00Z", End="2030-07-04T10:00:00Z", Recurrence="",
                 OptionalAttendees="", ReminderIsSet="false", LegacyFreeBusyStatus="Free")
    wess.settle()
    now = shown(box, 1, "calendar", "All")["fields"]
    assert "Location" not in now and "Recurrence" not in now, now
    box.exchange("delete", 0, id=shown(box, 0, "calendar", "All")["id"])
    wess.settle()
    assert not box.contacts(1, folder="calendar")
    assert box.exchange("outbox")["sent"] == 0, "somebody was told"


def ones(box, i):
    """The changed occurrences of a mailbox."""
    of = [c["fields"] for c in box.exchange("list", i, changed=1)["items"]]
    return sorted((c["Start"], c["Subject"], c.get("Location")) for c in of)


def play_series(box, wess):
    """By hand: Mondays at nine in Berlin from 2030-09-02; the clocks change on 2030-10-27."""
    zone = "W. Europe Standard Time"
    rule = ("<t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Monday</t:DaysOfWeek>"
            "</t:WeeklyRecurrence><t:NoEndRecurrence><t:StartDate>2030-09-02</t:StartDate>"
            "</t:NoEndRecurrence>")
    master = make(box, 0, "CalendarItem", Subject="All", Start="2030-09-02T07:00:00Z",
                  End="2030-09-02T08:00:00Z", StartTimeZone=zone, EndTimeZone=zone, Recurrence=rule)
    box.exchange("occurrence", 0, id=master["id"], index=10, Start="2030-11-05T12:00:00Z",
                 End="2030-11-05T13:00:00Z", Subject="Moved")
    box.exchange("occurrence", 0, id=master["id"], index=3, Location="Room 3")
    box.exchange("occurrence", 0, id=master["id"], index=2, gone=1)
    wess.settle()
    twin = shown(box, 1, "calendar", "All")["fields"]
    changed = twin["ModifiedOccurrences"]
    # The tenth is that of 2030-11-04, at nine in winter, and was moved to the day after.
    assert "<t:Start>2030-11-05T12:00:00Z</t:Start><t:End>2030-11-05T13:00:00Z</t:End>" \
        "<t:OriginalStart>2030-11-04T08:00:00Z</t:OriginalStart>" in changed, changed
    assert "<t:Start>2030-09-16T07:00:00Z</t:Start><t:End>2030-09-16T08:00:00Z</t:End>" in changed
    assert changed.count("<t:Occurrence>") == 2, changed
    assert twin["DeletedOccurrences"].count("2030-09-09T07:00:00Z") == 1, twin
    assert ones(box, 1) == [("2030-09-16T07:00:00Z", "All", "Room 3"),
                            ("2030-11-05T12:00:00Z", "Moved", None)], ones(box, 1)
    # The other way: another one goes, and one is as the series again in all but its place.
    there = shown(box, 1, "calendar", "All")["id"]
    box.exchange("occurrence", 1, id=there, index=5, gone=1)
    box.exchange("occurrence", 1, id=there, index=3, Location="Room 4")
    wess.settle()
    here = shown(box, 0, "calendar", "All")["fields"]
    assert here["DeletedOccurrences"].count("<t:DeletedOccurrence>") == 2, here
    assert "2030-09-30T07:00:00Z" in here["DeletedOccurrences"], here
    assert ones(box, 0)[0] == ("2030-09-16T07:00:00Z", "All", "Room 4"), ones(box, 0)
    box.exchange("edit", 0, id=shown(box, 0, "calendar", "All")["id"], Location="Hall")
    wess.settle()
    assert shown(box, 1, "calendar", "All")["fields"]["Location"] == "Hall"
    assert box.exchange("outbox")["sent"] == 0, "somebody was told"
    box.exchange("delete", 0, id=shown(box, 0, "calendar", "All")["id"])
    wess.settle()


def validate(kind, seen):
    with tempfile.TemporaryDirectory() as folder:
        for name in sorted(n for n in os.listdir(wire.SCHEMA) if n.startswith("ews-")):
            path = os.path.join(wire.SCHEMA, name)
            bad = wire.wrong(folder, path, [body for body, _, _ in seen])
            assert not bad, f"{kind} {name}\n" + "\n".join(bad[:8])
        path = os.path.join(wire.SCHEMA, "ews-SE.xsd")
        bad = wire.wrong(folder, path, [t for _, t, status in seen if status == 200])
        assert not bad, f"{kind}: answers of the rehearsal server\n" + "\n".join(bad[:8])
    print(f"     {kind}: {len(seen)} requests and answers")


def recorded_pair(make_wess, play):
    validate("series", recorded_by(make_wess, play))


def test_requests_and_answers_validate():
    if not os.path.isdir(wire.SCHEMA):
        print("     Microsoft's schemas are not here (WESS_SHARED)")
        return
    for kind, collection, play in (("task", "tasks", play_tasks), ("event", "calendar", play_events),
                                   ("event", "calendar", play_series)):
        seen = recorded(kind, collection, play)
        for op in (b"CreateItem", b"UpdateItem", b"DeleteItem", b"FindItem", b"GetItem"):
            assert any(b"<m:" + op in body for body, _, _ in seen), f"{kind}: no {op}"
        validate(kind, seen)


def test_series():
    with Sandbox("--data", "empty") as box, Two(box, "event", "calendar") as wess:
        play_series(box, wess)


def test_an_occurrence_that_was_not_written_is_no_deletion():
    """An item is made by one request and its changed occurrences by others: where one of those fails,
    what is missing there is written later, and not taken away here."""
    zone = "W. Europe Standard Time"
    rule = ("<t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Monday</t:DaysOfWeek>"
            "</t:WeeklyRecurrence><t:NoEndRecurrence><t:StartDate>2030-09-02</t:StartDate>"
            "</t:NoEndRecurrence>")
    for op in ("CreateItem", "UpdateItem", "DeleteItem"):
        for fault in ("lost", "http=500", "busy=1000"):
            with Sandbox("--data", "empty") as box, Two(box, "event", "calendar") as wess:
                for name in ("One", "Two"):
                    master = make(box, 0, "CalendarItem", Subject=name, Start="2030-09-02T07:00:00Z",
                                  End="2030-09-02T08:00:00Z", StartTimeZone=zone, EndTimeZone=zone,
                                  Recurrence=rule)
                    box.exchange("occurrence", 0, id=master["id"], index=3, Location="Room 3")
                    box.exchange("occurrence", 0, id=master["id"], index=2, gone=1)
                box.fault(f"ews:{op}:1:{fault}")
                for _ in range(3):
                    wess("sync", "--no-wait", check=(0, 1, 3, 4))
                    box.move_clock(700)
                wess.settle()
                for i in (0, 1):
                    assert ones(box, i) == [("2030-09-16T07:00:00Z", name, "Room 3")
                                            for name in ("One", "Two")], (op, fault, i, ones(box, i))
                    for name in ("One", "Two"):
                        gone = shown(box, i, "calendar", name)["fields"]["DeletedOccurrences"]
                        assert gone.count("2030-09-09T07:00:00Z") == 1, (op, fault, i, gone)


def written(box):
    by_op = box.requests()["by_op"]
    return sum(by_op.get(f"ews:{op}Item", 0) for op in ("Create", "Update", "Delete"))


def test_read_again_nothing_is_written():
    """Everything is listed anew, and every item has another ChangeKey and says the same."""
    for kind, collection, play in (("task", "tasks", play_tasks), ("event", "calendar", play_events),
                                   ("event", "calendar", play_series)):
        class Stop(Exception):
            pass

        with Sandbox("--data", "empty") as box, Two(box, kind, collection) as wess:
            settle = wess.settle

            def first():
                settle()
                raise Stop

            wess.settle = first
            try:
                play(box, wess)
            except Stop:
                pass
            before = written(box)
            assert before and len(box.contacts(1, folder=collection)) == 1
            for i in range(2):
                for item in box.contacts(i, folder=collection):
                    box.exchange("edit", i, id=item["id"])
            box.exchange("expire_states")
            settle()
            assert written(box) == before, f"{kind}: {written(box) - before} requests for nothing"


def test_exchangelib_agrees():
    try:
        from exchangelib import (BASIC, Account, Build, Configuration, Credentials, IMPERSONATION,
                                 Version)
    except ImportError:
        print("     exchangelib is not here")
        return
    with Sandbox("--data", "empty") as box, Two(box, "task", "tasks") as wess:
        make(box, 0, "Task", Subject="Offer", DueDate="2030-02-02T23:00:00Z", Status="Deferred",
             Importance="Low")
        wess.settle()
        e = box.info["exchange"]
        account = Account(
            primary_smtp_address=box.mailbox(1), autodiscover=False, access_type=IMPERSONATION,
            config=Configuration(service_endpoint=e["url"], auth_type=BASIC,
                                 version=Version(Build(15, 2, 2562, 17)),
                                 credentials=Credentials(e["username"], e["password"])))
        task = account.tasks.get(subject="Offer")
        assert task.status == "Deferred" and task.importance == "Low", task
        assert str(task.due_date) == "2030-02-03", task.due_date


if __name__ == "__main__":
    main(globals(), mails=0)
