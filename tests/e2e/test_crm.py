"""Tasks, meetings and mail between Exchange and Workbooks, by the real program, both ways."""
import datetime
import os
import re
import subprocess

from sandbox import Sandbox, Wess, main, program
from test_watch import until

CONFIG = """
site = "crm"; state_dir = "{dir}/state";
endpoints: {{
  exchange: {{ connector = "ews"; url = "{url}"; auth = "basic"; username = "EXAMPLE\\\\svc-wess";
    password = {{ file = "{dir}/exchange.secret"; }}; impersonate = "%{{user.mailbox}}"; time_zone = "Europe/London"; }};
  crm: {{ connector = "workbooks"; url = "{workbooks}"; api_key = {{ file = "{dir}/workbooks.secret"; }};
    {wb} }};
}};
users: {{ source = {{ csv = "{dir}/users.csv"; }}; waves = ( {{ name = "*"; mode = "both"; }} ); }};
pairs: {{ it: {{ kind = "{kind}"; left = "exchange:{left}"; right = "crm:{right}";
  select = {{ left = {{ tags_any = [ "Workbooks" ]; }}; right = {{ queue = "%{{user.workbooks}}"; }}; }};
  first = {{ create = "yes"; }}; {pair} }}; }};
log: {{ file = "{dir}/log"; level = "debug"; }};
"""
TAG = {"categories": "Workbooks"}


class Crm(Wess):
    """One pair between the first mailbox and Workbooks."""

    def __init__(self, box, kind, left, right, pair="", wb=""):
        name = box.info["exchange"]["mailboxes"][0]["name"]
        super().__init__(box, users=["id,name,mailbox,workbooks,wave",
                                     f"u1,{name},{box.mailbox(0)},{name},pilot"])
        self.name = name
        self.write("wess.conf", CONFIG.format(
            dir=self.dir, url=box.info["exchange"]["url"], workbooks=box.info["workbooks"]["url"],
            kind=kind, left=left, right=right, pair=pair, wb=wb))

    def settle(self, check=(0, 1)):
        self("sync", "--no-wait", check=(0, 1, 3, 4))
        self.box.move_clock(600)
        self("sync", "--no-wait", check=(0, 1, 4))
        run = self.sync("--no-wait", check=check)["u1"]
        for side in ("left", "right"):
            for what in ("created", "updated", "deleted", "ended"):
                assert run[side][what] == 0, f"not in step: {side} {what} {run[side][what]}"
        assert self.box.exchange("outbox")["sent"] == 0, "somebody was told"


def make(box, kind, **fields):
    return box.exchange("create", 0, kind=kind, **{**TAG, **fields})


def here(box, folder, name):
    found = [c for c in box.contacts(0, folder=folder) if c["fields"].get("Subject") == name]
    assert len(found) == 1, f"{len(found)} of {name} in the mailbox"
    return found[0]


def all_there(box, of, **where):
    return [r for r in box.workbooks("list", of=of, **where)[of] if not r["is_deleted"]]


def there(box, of, name):
    found = all_there(box, of, name=name)
    assert len(found) == 1, f"{len(found)} of {name} in Workbooks"
    return found[0]


def queue_of(wess):
    """The user's queue of activities in the rehearsal server: behind that of nobody and its own."""
    return 602


def test_tasks():
    with Sandbox("--data", "empty") as box, Crm(box, "task", "tasks", "tasks") as wess:
        make(box, "Task", Subject="Offer", DueDate="2030-02-03T00:00:00Z", Body="Two\nlines",
             Importance="High")
        box.workbooks("create", of="tasks", name="Call back", due="2030-02-05",
                      activity_status="New", activity_priority="Medium",
                      description="<p>Ask <b>Ann</b></p>", assigned_to=queue_of(wess))
        # Nobody's, and somebody else's.
        box.workbooks("create", of="tasks", name="Not mine", assigned_to=queue_of(wess) + 1)
        make(box, "Task", Subject="Untagged", categories="Red")
        wess.settle()
        offer = there(box, "tasks", "Offer")["fields"]
        assert offer["due"] == "2030-02-03" and offer["all_day"] == "true", offer
        assert offer["activity_status"] == "New" and offer["activity_priority"] == "High", offer
        assert "Two<br" in offer["description"] and offer["created_through"] == "WESS", offer
        back = here(box, "tasks", "Call back")["fields"]
        assert back["DueDate"] == "2030-02-05T00:00:00Z" and back["Body"] == "Ask Ann", back
        assert here(box, "tasks", "Call back")["categories"] == ["Workbooks"]
        assert len(all_there(box, "tasks")) == 3 and len(box.contacts(0, folder="tasks")) == 3
        # An edit each way, to different fields of one task.
        box.exchange("edit", 0, id=here(box, "tasks", "Offer")["id"], Status="Completed")
        box.workbooks("edit", of="tasks", id=there(box, "tasks", "Offer")["id"], due="2030-02-04")
        # In Workbooks it gets a time, which the mailbox does not show.
        box.workbooks("edit", of="tasks", id=there(box, "tasks", "Call back")["id"],
                      due="2030-07-05T13:30:00Z", all_day="false", activity_status="Complete")
        wess.settle()
        offer = there(box, "tasks", "Offer")["fields"]
        assert offer["activity_status"] == "Complete" and offer["due"] == "2030-02-04", offer
        assert offer["completed"], offer
        assert here(box, "tasks", "Offer")["fields"]["DueDate"] == "2030-02-04T00:00:00Z"
        back = here(box, "tasks", "Call back")
        assert back["fields"]["Status"] == "Completed", back
        assert back["fields"]["DueDate"] == "2030-07-04T23:00:00Z", back
        # The day moves to winter time, and the hour by the clock stays.
        box.exchange("edit", 0, id=back["id"], DueDate="2030-12-06T00:00:00Z")
        wess.settle()
        due = there(box, "tasks", "Call back")["fields"]
        assert due["due"] == "@1922797800" and due["all_day"] == "false", due  # 14:30 in London


def test_a_queue_of_tasks_that_is_not_there_is_told():
    """By each run, though the queues of people are all that it asked for to know the database."""
    with Sandbox("--data", "empty") as box, Crm(box, "task", "tasks", "tasks") as wess:
        wess.write("users.csv", f"id,name,mailbox,workbooks\nu1,A,{box.mailbox(0)},{wess.name}x\n")
        for said in (wess("sync", "--no-wait", check=(2,)).stdout,
                     wess("check", "--online", check=(2,)).stdout):
            assert f'tasks has no queue "{wess.name}x", so that nothing is chosen there' in said, said


def test_tasks_however_the_service_spells_it():
    """What the sources say in two ways is said so that either will do."""
    for ways in (("skip_total=one", "method_key=bare", "formula=list", "create_filter=free"),
                 ("failure=message", "errors=array", "batch_cap=303", "page_cap=100")):
        switches = [word for way in ways for word in ("--switch", way)]
        with Sandbox("--data", "empty", *switches) as box, Crm(box, "task", "tasks", "tasks") as wess:
            for i in range(130):
                box.workbooks("create", of="tasks", name=f"Call {i}", assigned_to=queue_of(wess))
            make(box, "Task", Subject="Offer")
            wess.settle()
            box.exchange("edit", 0, id=here(box, "tasks", "Offer")["id"], Importance="High")
            wess.settle()
            assert there(box, "tasks", "Offer")["fields"]["activity_priority"] == "High"
            assert len(box.contacts(0, folder="tasks")) == len(all_there(box, "tasks")) == 131


def test_a_tag_that_is_taken_off_sticks():
    with Sandbox("--data", "empty") as box, Crm(box, "task", "tasks", "tasks") as wess:
        make(box, "Task", Subject="Offer")
        wess.settle()
        task = here(box, "tasks", "Offer")["id"]
        box.exchange("untag", 0, id=task)
        wess.settle()
        box.exchange("edit", 0, id=task, Importance="High")
        wess.settle()
        assert there(box, "tasks", "Offer")["fields"]["activity_priority"] == "Medium"
        assert here(box, "tasks", "Offer")


def test_tasks_without_a_day_are_not_doubled_by_new_ids():
    """After an import each has another id, and nothing sure says which it was: that is asked."""
    with Sandbox("--data", "empty") as box, Crm(box, "task", "tasks", "tasks") as wess:
        make(box, "Task", Subject="Offer")
        make(box, "Task", Subject="Call back", DueDate="2030-02-03T00:00:00Z")
        wess.settle()
        box.exchange("new_ids", 0)
        make(box, "Task", Subject="Another")
        wess.settle(check=1)
        assert len(all_there(box, "tasks")) == 3 and len(box.contacts(0, folder="tasks")) == 3
        asked = wess.json("conflicts", "list", check=(0, 1))["conflicts"]
        assert len(asked) == 2, asked
        for a in asked:
            shown = wess.json("conflicts", "show", str(a["id"]))
            wess("conflicts", "resolve", str(a["id"]), "--link", str(shown["candidates"][0]["item"]))
        wess.settle()
        box.exchange("edit", 0, id=here(box, "tasks", "Offer")["id"], Importance="High")
        wess.settle()
        assert there(box, "tasks", "Offer")["fields"]["activity_priority"] == "High"
        assert len(all_there(box, "tasks")) == 3


def test_no_more_are_created_in_an_hour_than_the_settings_allow():
    with Sandbox("--data", "empty") as box, \
            Crm(box, "task", "tasks", "tasks", wb="max_create = 2;") as wess:
        for i in range(5):
            make(box, "Task", Subject=f"Task {i}")
        done = wess("sync", "--no-wait", check=(3,))
        assert len(all_there(box, "tasks")) == 2 and "max_create" in done.stdout, done.stdout
        # Another process has no hour of its own; what waited goes with the next ones.
        box.move_clock(600)
        wess("sync", "--no-wait", check=(3,))
        assert len(all_there(box, "tasks")) == 2
        for n in (4, 5):
            box.move_clock(3600)
            wess("sync", "--no-wait", check=(0, 3))
            assert len(all_there(box, "tasks")) == n
        wess.settle()


def test_a_word_without_a_match_is_parked():
    with Sandbox("--data", "empty") as box, Crm(box, "task", "tasks", "tasks") as wess:
        make(box, "Task", Subject="Offer", Importance="Low", Status="InProgress")
        wess.settle()
        offer = there(box, "tasks", "Offer")["fields"]
        assert offer["name"] == "Offer" and "activity_priority" not in offer, offer
        parked = wess.run("parked", "list", check=(0, 1)).stdout
        assert "task_priority" in parked and "task_status" in parked, parked
        box.workbooks("edit", of="tasks", id=there(box, "tasks", "Offer")["id"], activity_priority="Whenever")
        wess("sync", "--no-wait", check=(0, 1, 3))
        with open(os.path.join(wess.dir, "log")) as f:
            log = f.read()
        assert "task_priority: it counts as none, and is not written over" in log, log


def test_a_conflict_waits():
    with Sandbox("--data", "empty") as box, Crm(box, "task", "tasks", "tasks") as wess:
        make(box, "Task", Subject="Offer", DueDate="2030-02-03T00:00:00Z")
        wess.settle()
        box.exchange("edit", 0, id=here(box, "tasks", "Offer")["id"], DueDate="2030-02-04T00:00:00Z")
        box.workbooks("edit", of="tasks", id=there(box, "tasks", "Offer")["id"], due="2030-02-05")
        wess.settle(check=(1,))
        assert there(box, "tasks", "Offer")["fields"]["due"] == "2030-02-05"
        n = wess.json("conflicts", "list", check=(0, 1))
        assert "due" in str(n), n
        number = n["conflicts"][0]["number"] if "number" in n["conflicts"][0] else n["conflicts"][0]["id"]
        wess("conflicts", "resolve", str(number), "--left")
        wess.settle()
        assert there(box, "tasks", "Offer")["fields"]["due"] == "2030-02-04"


def test_meetings():
    with Sandbox("--data", "empty") as box, Crm(box, "event", "calendar", "meetings") as wess:
        zone = "W. Europe Standard Time"
        make(box, "CalendarItem", Subject="Review", Start="2030-07-04T07:00:00Z", Body="Secret",
             End="2030-07-04T08:00:00Z", StartTimeZone=zone, EndTimeZone=zone,
             ReminderIsSet="true", ReminderMinutesBeforeStart="30")
        make(box, "CalendarItem", Subject="Fair", Start="2030-07-03T23:00:00Z",
             End="2030-07-05T23:00:00Z", StartTimeZone="GMT Standard Time",
             EndTimeZone="GMT Standard Time", IsAllDayEvent="true")
        rule = ("<t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Monday</t:DaysOfWeek>"
                "</t:WeeklyRecurrence><t:NoEndRecurrence><t:StartDate>2030-09-02</t:StartDate>"
                "</t:NoEndRecurrence>")
        make(box, "CalendarItem", Subject="Weekly", Start="2030-09-02T07:00:00Z",
             End="2030-09-02T08:00:00Z", StartTimeZone=zone, EndTimeZone=zone, Recurrence=rule)
        box.workbooks("create", of="meetings", name="Visit", start="2030-02-05T09:00:00Z",
                      finish="2030-02-05T10:30:00Z", all_day="false", description="<p>Private</p>",
                      assigned_to=queue_of(wess))
        box.workbooks("create", of="meetings", name="Day off", start="2030-02-06",
                      finish="2030-02-06", all_day="true", assigned_to=queue_of(wess))
        wess.settle()
        review = there(box, "meetings", "Review")["fields"]
        assert review["start"] == "@1909378800" and review["finish"] == "@1909382400", review
        assert review["all_day"] == "false" and review["reminder_minutes"] == "30", review
        # What is typed on one side is not for whom the other side invites.
        assert "description" not in review, review
        assert "Body" not in here(box, "calendar", "Visit")["fields"]
        fair = there(box, "meetings", "Fair")["fields"]
        assert (fair["start"], fair["finish"], fair["all_day"]) == ("2030-07-04", "2030-07-05", "true")
        assert here(box, "calendar", "Visit")["categories"] == ["Workbooks"]
        visit = here(box, "calendar", "Visit")["fields"]
        assert visit["Start"] == "2030-02-05T09:00:00Z" and visit["End"] == "2030-02-05T10:30:00Z"
        off = here(box, "calendar", "Day off")["fields"]
        assert off["IsAllDayEvent"] == "true" and off["Start"] == "2030-02-06T00:00:00Z", off
        assert off["End"] == "2030-02-07T00:00:00Z", off
        # Of a series those of the window go (test_series.py), and here none is in it.
        assert not all_there(box, "meetings", name="Weekly")
        # Moved here, renamed there.
        box.exchange("edit", 0, id=here(box, "calendar", "Review")["id"],
                     Start="2030-07-04T09:00:00Z", End="2030-07-04T10:00:00Z")
        box.workbooks("edit", of="meetings", id=there(box, "meetings", "Review")["id"],
                      name="Review 2")
        box.workbooks("edit", of="meetings", id=there(box, "meetings", "Visit")["id"],
                      start="2030-02-05", finish="2030-02-06", all_day="true")
        wess.settle()
        assert there(box, "meetings", "Review 2")["fields"]["start"] == "@1909386000"
        assert here(box, "calendar", "Review 2")["fields"]["Start"] == "2030-07-04T09:00:00Z"
        visit = here(box, "calendar", "Visit")["fields"]
        assert visit["IsAllDayEvent"] == "true" and visit["End"] == "2030-02-07T00:00:00Z", visit


def test_no_reminder_stays_in_the_past():
    """A meeting is put off into the past over there: its reminder would ring at once. It is taken off here,
    which is no edit of anybody, and comes back with a start that is still to come."""
    def on_day(offset, hour):
        return (datetime.datetime.now(datetime.timezone.utc) +
                datetime.timedelta(days=offset)).strftime(f"%Y-%m-%dT{hour:02d}:00:00Z")

    def move(day):
        box.workbooks("edit", of="meetings", id=there(box, "meetings", "Review")["id"],
                      start=on_day(day, 9), finish=on_day(day, 10))
        wess.settle()
        assert there(box, "meetings", "Review")["fields"]["reminder_minutes"] == "30"
        assert there(box, "meetings", "Review")["fields"]["reminder_enabled"] == "true"
        event = here(box, "calendar", "Review")["fields"]
        assert event["Start"] == on_day(day, 9), event
        return event["ReminderIsSet"]

    with Sandbox("--data", "empty") as box, Crm(box, "event", "calendar", "meetings") as wess:
        make(box, "CalendarItem", Subject="Review", Start=on_day(5, 9), End=on_day(5, 10),
             ReminderIsSet="true", ReminderMinutesBeforeStart="30")
        wess.settle()
        assert move(-2) == "false"
        assert move(-3) == "false"
        assert move(7) == "true"
        assert here(box, "calendar", "Review")["fields"]["ReminderMinutesBeforeStart"] == "30"


ATTENDEE = ("<t:Attendee><t:Mailbox><t:Name>{0}</t:Name><t:EmailAddress>{0}@x.example"
            "</t:EmailAddress></t:Mailbox></t:Attendee>")


def kill_at_links(box, wess):
    """A run that is killed when what it wrote is to be related to people."""
    box.requests(reset=True)
    box.fault("workbooks:activity_links:*:1:delay=8000")
    run = subprocess.Popen([program("wess"), "sync", "--no-wait", "--config", wess.config],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           env=dict(os.environ, WESS_CLOCK_FILE=box.clock_file))
    until(lambda: any("activity_links" in op for op in box.requests()["by_op"]), "no links are asked for")
    run.kill()
    run.wait()
    box.clear_faults()


def test_attendees_are_related_to_the_people_they_are():
    with Sandbox("--data", "empty") as box, \
            Crm(box, "event", "calendar", "meetings") as wess:
        ids = {n: str(box.workbooks("create", name=n, **{where: n + "@x.example"})["id"])
               for n, where in (("Ada", "main_location[email]"), ("Ben", "home_location[email]"))}
        make(box, "CalendarItem", Subject="Review", Start="2030-07-04T07:00:00Z",
             End="2030-07-04T08:00:00Z",
             RequiredAttendees=ATTENDEE.format("Ada") + ATTENDEE.format("Nobody"))
        box.fault("workbooks:activity_links:PUT:1:lost")
        wess.settle()
        meeting = there(box, "meetings", "Review")["id"]
        links = [l["fields"] for l in all_there(box, "links")]
        assert [(l["activity_id"], l["activity_type"], l["resource_id"], l["resource_type"])
                for l in links] == [(str(meeting), "Private::Activity::Meeting", ids["Ada"],
                                     "Private::Crm::Person")], links
        # Somebody more comes; an edit over there takes nobody away here.
        event = here(box, "calendar", "Review")["id"]
        box.exchange("edit", 0, id=event, RequiredAttendees=ATTENDEE.format("Ada") +
                     ATTENDEE.format("Ben") + ATTENDEE.format("Nobody"))
        box.workbooks("edit", of="meetings", id=meeting, name="Review 2")
        wess.settle()
        assert sorted(l["fields"]["resource_id"] for l in all_there(box, "links")) == \
            sorted(ids.values())
        there_now = here(box, "calendar", "Review 2")["fields"]["RequiredAttendees"]
        assert there_now.count("<t:Attendee>") == 3, there_now


def test_many_meetings_of_many_people_are_all_related():
    """More links than go in a request, and, of the last one, more than come in an answer."""
    with Sandbox("--data", "empty") as box, Crm(box, "event", "calendar", "meetings") as wess:
        people = [f"p{i}" for i in range(120)]
        for name in people:
            box.workbooks("create", name=name, **{"main_location[email]": name + "@x.example"})
        for i in range(52):
            make(box, "CalendarItem", Subject=f"M{i}", Start="2030-07-04T07:00:00Z", End="2030-07-04T08:00:00Z",
                 RequiredAttendees="".join(map(ATTENDEE.format, people if i == 51 else people[:10])))
        wess.settle()
        assert len(all_there(box, "links")) == 51 * 10 + 120
        # What is there is seen, all of it.
        box.exchange("edit", 0, id=here(box, "calendar", "M51")["id"], RequiredAttendees="".join(
            map(ATTENDEE.format, people[:-1])))
        wess.settle()
        assert len(all_there(box, "links")) == 51 * 10 + 120


def test_who_came_with_an_update_of_a_killed_run_is_related():
    """Though somebody has changed the meeting since, so that the update is no longer to be seen."""
    with Sandbox("--data", "empty") as box, \
            Crm(box, "event", "calendar", "meetings", wb="link_attendees = true;") as wess:
        for name in ("Ada", "Ben"):
            box.workbooks("create", name=name, **{"main_location[email]": name + "@x.example"})
        make(box, "CalendarItem", Subject="Review", Start="2030-07-04T07:00:00Z",
             End="2030-07-04T08:00:00Z", RequiredAttendees=ATTENDEE.format("Ada"))
        wess.settle()
        assert len(all_there(box, "links")) == 1
        meeting = there(box, "meetings", "Review")["id"]
        box.exchange("edit", 0, id=here(box, "calendar", "Review")["id"], Subject="Review 2",
                     RequiredAttendees=ATTENDEE.format("Ada") + ATTENDEE.format("Ben"))
        kill_at_links(box, wess)
        assert there(box, "meetings", "Review 2") and len(all_there(box, "links")) == 1
        box.workbooks("edit", of="meetings", id=meeting, name="Review 3")
        for _ in range(2):
            box.move_clock(600)
            wess("sync", "--no-wait", check=(0, 1))
        assert len(all_there(box, "links")) == 2


def test_what_has_no_column_is_a_block_that_is_ours_alone():
    with Sandbox("--data", "empty") as box, \
            Crm(box, "event", "calendar", "meetings", wb="share_description = true;",
                pair='with_attendees = "silent";') as wess:
        make(box, "CalendarItem", Subject="Review", Start="2030-07-04T07:00:00Z", Body="Agenda",
             End="2030-07-04T08:00:00Z", Location="Room [1] <A>",
             RequiredAttendees=ATTENDEE.format("Ada"))
        wess.settle()
        text = there(box, "meetings", "Review")["fields"]["description"]
        assert text.startswith("<p>Agenda</p><p>[From the calendar"), text
        for line in ("Where: Room (1) &lt;A&gt;<br", "With: Ada &lt;ada@x.example&gt;<br",
                     "Organised by: " + box.mailbox(0)):
            assert line in text, text
        # A note that is typed below goes across, the block does not.
        number = there(box, "meetings", "Review")["id"]
        box.workbooks("edit", of="meetings", id=number,
                      description=text.replace("Agenda", "Agenda 2") + "<p>Bring <b>tea</b></p>")
        wess.settle()
        body = here(box, "calendar", "Review")["fields"]["Body"].replace("\r", "")
        assert body == "Agenda 2\nBring tea", body
        # Another place is another line, and nothing else of the note.
        box.exchange("edit", 0, id=here(box, "calendar", "Review")["id"], Location="Room 2")
        wess.settle()
        text = there(box, "meetings", "Review")["fields"]["description"]
        assert text.count("[From the calendar") == 1 and "Where: Room 2<br" in text, text
        assert "<b>tea</b>" in text and "Room (1)" not in text, text
        # Without the end of the block its lines are not taken for a note either, and no note for one of them.
        box.workbooks("edit", of="meetings", id=number,
                      description=text.replace("[End of the calendar's part]", "") + "<p>And <b>milk</b></p>")
        wess.settle()
        body = here(box, "calendar", "Review")["fields"]["Body"].replace("\r", "")
        assert body == "Agenda 2\nBring tea\nAnd milk", body
        box.exchange("edit", 0, id=here(box, "calendar", "Review")["id"], Location="Room 3")
        wess.settle()
        text = there(box, "meetings", "Review")["fields"]["description"]
        assert text.count("[From the calendar") == 1 and "Where: Room 3<br" in text, text
        assert "<b>tea</b>" in text and "<b>milk</b>" in text and "Room 2" not in text, text
        # Nothing left to say: no block.
        make(box, "CalendarItem", Subject="Walk", Start="2030-07-05T07:00:00Z", Body="Boots",
             End="2030-07-05T08:00:00Z", Location="Gate")
        wess.settle()
        assert "Where: Gate" in there(box, "meetings", "Walk")["fields"]["description"]
        box.exchange("edit", 0, id=here(box, "calendar", "Walk")["id"], Location="")
        wess.settle()
        text = there(box, "meetings", "Walk")["fields"]["description"]
        assert text == "<p>Boots</p>", text


def test_no_block_where_nobody_wants_it():
    with Sandbox("--data", "empty") as box, \
            Crm(box, "event", "calendar", "meetings", wb="meeting_details = false;") as wess:
        make(box, "CalendarItem", Subject="Review", Start="2030-07-04T07:00:00Z", Body="Agenda",
             End="2030-07-04T08:00:00Z", Location="Room 1")
        wess.settle()
        assert "description" not in there(box, "meetings", "Review")["fields"]


def test_a_block_of_before_goes_with_the_next_update():
    with Sandbox("--data", "empty") as box, \
            Crm(box, "event", "calendar", "meetings") as wess:
        make(box, "CalendarItem", Subject="Review", Start="2030-07-04T07:00:00Z",
             End="2030-07-04T08:00:00Z", Location="Room 1")
        wess.settle()
        meeting = there(box, "meetings", "Review")
        text = meeting["fields"]["description"]
        assert "Where: Room 1" in text, text
        box.workbooks("edit", of="meetings", id=meeting["id"], description="<p>Bring <b>tea</b></p>" + text)
        with open(wess.config) as f:
            config = f.read()
        wess.write("wess.conf", config.replace('connector = "workbooks";',
                                               'connector = "workbooks"; meeting_details = false;'))
        wess.settle()
        assert "Where: Room 1" in there(box, "meetings", "Review")["fields"]["description"]
        box.exchange("edit", 0, id=here(box, "calendar", "Review")["id"], Subject="Review 2")
        wess.settle()
        text = there(box, "meetings", "Review 2")["fields"]["description"]
        assert text == "<p>Bring <b>tea</b></p>", text


PEOPLE = """
pairs: {{ people: {{ kind = "contact"; left = "exchange:contacts"; right = "crm:people";
    select = {{ left = {{ tags_any = [ "Workbooks" ]; }}; right = {{ queue = "%{{user.workbooks}}"; }}; }};
    first = {{ create = "yes"; }}; }};
"""


def with_people(wess):
    with open(wess.config) as f:
        text = f.read()
    wess.write("wess.conf", text.replace("pairs: {", PEOPLE.replace("{{", "{").replace("}}", "}").strip()))


def test_people_who_come_later_are_related_to_what_was_there():
    with Sandbox("--data", "empty") as box, \
            Crm(box, "event", "calendar", "meetings") as wess:
        with_people(wess)
        make(box, "CalendarItem", Subject="Review", Start="2030-07-04T07:00:00Z",
             End="2030-07-04T08:00:00Z",
             RequiredAttendees=ATTENDEE.format("Ada") + ATTENDEE.format("Ben"))
        wess("sync", "--no-wait", check=(0, 1, 3, 4))
        assert not all_there(box, "links")
        meeting = str(there(box, "meetings", "Review")["id"])
        # One is a contact that somebody tags, one is typed over there.
        ben = str(box.workbooks("create", name="Ben", **{"main_location[email]": "ben@x.example"})["id"])
        box.exchange("create", 0, GivenName="Ada", Surname="Lovell", EmailAddress1="ada@x.example", **TAG)
        # Half of it is lost on the way: looked for before it is added once more.
        box.fault("workbooks:activity_links:PUT:1:lost")
        for _ in range(2):
            wess("sync", "--no-wait", check=(0, 1, 3, 4))
            box.move_clock(600)
        wess("sync", "--no-wait", check=(0, 1, 4))
        ada = str(box.workbooks("list", of="people", name="Ada Lovell")["people"][0]["id"])
        links = sorted((l["fields"]["activity_id"], l["fields"]["resource_id"]) for l in all_there(box, "links"))
        assert links == sorted([(meeting, ada), (meeting, ben)]), links
        # Nobody is waited for any more: nothing is asked.
        before = wess.log_tail()
        wess("sync", "--no-wait", check=(0, 1))
        assert "relate" not in wess.log_tail()[len(before):]


def test_people_who_come_later_are_read_by_another_endpoint():
    """Meetings have one of their own, for assign_to; it is one database all the same."""
    with Sandbox("--data", "empty") as box, \
            Crm(box, "event", "calendar", "meetings") as wess:
        with_people(wess)
        with open(wess.config) as f:
            text = f.read()
        other = re.search(r"(?ms)^  crm: \{.*?\}; *$.*?\}; *$", text)[0]
        own = other.replace("crm:", "activities:").replace('"workbooks";', '"workbooks"; assign_to = "%{user.workbooks}";')
        wess.write("wess.conf", text.replace(other, other + "\n" + own).replace("crm:meetings", "activities:meetings"))
        make(box, "CalendarItem", Subject="Review", Start="2030-07-04T07:00:00Z",
             End="2030-07-04T08:00:00Z", RequiredAttendees=ATTENDEE.format("Ada") + ATTENDEE.format("Ben"))
        wess("sync", "--no-wait", check=(0, 1, 3, 4))
        assert there(box, "meetings", "Review") and not all_there(box, "links")
        ada = str(box.workbooks("create", name="Ada", **{"main_location[email]": "ada@x.example"})["id"])
        wess("sync", "--no-wait", check=(0, 1, 3, 4))
        assert [l["fields"]["resource_id"] for l in all_there(box, "links")] == [ada]


def test_who_comes_after_a_month_is_too_late():
    with Sandbox("--data", "empty") as box, \
            Crm(box, "event", "calendar", "meetings") as wess:
        with_people(wess)
        make(box, "CalendarItem", Subject="Review", Start="2030-07-04T07:00:00Z",
             End="2030-07-04T08:00:00Z",
             RequiredAttendees=ATTENDEE.format("Ada") + ATTENDEE.format("Ben"))
        wess("sync", "--no-wait", check=(0, 1, 3, 4))
        box.workbooks("create", name="Ada", **{"main_location[email]": "ada@x.example"})
        wess("sync", "--no-wait", check=(0, 1, 3, 4))
        assert len(all_there(box, "links")) == 1
        box.move_clock(31 * 86400)
        box.workbooks("create", name="Ben", **{"main_location[email]": "ben@x.example"})
        for _ in range(2):
            wess("sync", "--no-wait", check=(0, 1, 3, 4))
        assert len(all_there(box, "links")) == 1, all_there(box, "links")


def test_relations_that_failed_for_the_moment_are_made_up_for():
    faults = {"workbooks:people:GET:1:truncate": 1, "workbooks:activity_links:GET:1:http=500": 1,
              "workbooks:activity_links:PUT:1:http=500": 1,
              # A service that never takes them does not hold up the meeting.
              "workbooks:activity_links:PUT:*:http=500": 0}
    for fault, made in faults.items():
        with Sandbox("--data", "empty") as box, \
                Crm(box, "event", "calendar", "meetings") as wess:
            with_people(wess)
            box.workbooks("create", name="Ada", **{"main_location[email]": "Ada@x.example"})
            make(box, "CalendarItem", Subject="Review", Start="2030-07-04T07:00:00Z",
                 End="2030-07-04T08:00:00Z", RequiredAttendees=ATTENDEE.format("Ada"))
            box.fault(fault)
            wess("sync", "--no-wait", check=3)
            box.move_clock(600)
            wess("sync", "--no-wait", check=(0, 3))
            box.move_clock(600)
            wess.settle(check=0)
            assert there(box, "meetings", "Review")
            assert len(all_there(box, "links")) == made, fault


def test_meetings_of_a_window():
    with Sandbox("--data", "empty") as box, \
            Crm(box, "event", "calendar", "meetings") as wess:
        with open(wess.config) as f:
            text = f.read()
        wess.write("wess.conf", text.replace('kind = "event";', 'kind = "event"; window = { past = "30d"; future = "60d"; };'))
        for name, days in {"past": -40, "soon": -20, "next": 40, "far": 80}.items():
            box.workbooks("create", of="meetings", name=name, all_day="false",
                          start=in_days(days) + "T08:00:00Z", finish=in_days(days) + "T08:30:00Z",
                          assigned_to=queue_of(wess))
        wess.settle()
        names = sorted(c["fields"]["Subject"] for c in box.contacts(0, folder="calendar"))
        assert names == ["next", "soon"], names
        # Moved out of it: no deletion, and its link stays.
        box.workbooks("edit", of="meetings", id=there(box, "meetings", "next")["id"],
                      start=in_days(100) + "T08:00:00Z", finish=in_days(100) + "T08:30:00Z")
        wess.settle()
        box.exchange("edit", 0, id=here(box, "calendar", "next")["id"], Subject="next one")
        wess.settle()
        assert there(box, "meetings", "next one")


def test_descriptions_travel_where_told_to():
    with Sandbox("--data", "empty") as box, \
            Crm(box, "event", "calendar", "meetings", wb="share_description = true;") as wess:
        make(box, "CalendarItem", Subject="Review", Start="2030-07-04T07:00:00Z", Body="a\nb",
             End="2030-07-04T08:00:00Z")
        wess.settle()
        assert "a<br" in there(box, "meetings", "Review")["fields"]["description"]


class Filing(Crm):
    """Mail of two mailboxes, filed in one Workbooks."""

    def __init__(self, box, wb="", ews=""):
        super().__init__(box, "message", "messages", "emails", pair='mode = "file";', wb=wb)
        self.write("users.csv", "id,name,mailbox,workbooks,wave\n" + "".join(
            f"u{i + 1},User {i},{box.mailbox(i)},{box.info['exchange']['mailboxes'][i]['name']},pilot\n" for i in range(2)))
        with open(self.config) as f:
            text = f.read()
        self.write("wess.conf", text.replace(
            ' right = { queue = "%{user.workbooks}"; };', ""))

    def quiet(self):
        for user, run in self.sync("--no-wait", check=(0, 1)).items():
            for side in ("left", "right"):
                for what in ("created", "updated", "deleted", "ended"):
                    assert run[side][what] == 0, (user, side, what, run[side][what])

    def file(self):
        self("sync", "--no-wait", check=(0, 1, 3, 4))
        self.box.move_clock(600)
        self("sync", "--no-wait", check=(0, 1, 4))
        self.quiet()
        assert self.box.workbooks("sent")["sent"] == 0, "a mail was sent"
        assert self.box.exchange("outbox")["sent"] == 0, "somebody was told"


def mail(box, i, subject, number, **more):
    return box.exchange("mail", i, Subject=subject, Body="Text\nof it", categories="Workbooks",
                        InternetMessageId=f"<{number}@example.com>", **more)


def test_a_field_of_the_database_s_own():
    rule = 'fields = ( { left = "x.ews.Mileage"; right = "x.workbooks.cf_person_tier"; } );'
    with Sandbox("--data", "empty") as box, \
            Crm(box, "contact", "contacts", "people", pair=rule,
                wb='custom_fields = [ "people.cf_person_tier" ];') as wess:
        box.exchange("create", 0, GivenName="Ada", Surname="Lovell", Mileage="gold", **TAG)
        wess.settle()
        assert box.person()["fields"]["cf_person_tier"] == "gold"
        box.workbooks("edit", id=box.person()["id"], cf_person_tier="silver")
        wess.settle()
        assert box.contact(0)["fields"]["Mileage"] == "silver"


def test_a_filter_chooses():
    """Columns that the settings name, beside the queue."""
    by = 'select_columns = [ "tasks.activity_type", "people.cf_person_grade", "people.person_job_title" ];'
    with Sandbox("--data", "empty") as box, Crm(box, "task", "tasks", "tasks", wb=by) as wess:
        with open(wess.config) as f:
            text = f.read()
        wess.write("wess.conf", text.replace('queue = "', 'activity_type = "phone call"; queue = "'))
        for name, kind, more in (("Ring", "Phone call", {}), ("Do", "To-do", {}), ("None", "", {}),
                                 ("Theirs", "Phone call", {"queue_id": 999})):
            box.workbooks("create", of="tasks", name=name, activity_type=kind, **{"queue_id": queue_of(wess), **more})
        wess.settle()
        names = lambda: sorted(c["fields"]["Subject"] for c in box.contacts(0, folder="tasks"))
        assert names() == ["Ring"], names()
        box.workbooks("edit", of="tasks", id=there(box, "tasks", "Do")["id"], activity_type="Phone call")
        box.workbooks("edit", of="tasks", id=there(box, "tasks", "Ring")["id"], activity_type="To-do")
        wess.settle()
        assert names() == ["Do", "Ring"], "what leaves a filter is not deleted"
        # Another filter is read anew; no column of that name, and none that was not named.
        wess.write("wess.conf", text.replace('queue = "', 'activity_type = "To-do"; queue = "'))
        wess.settle()
        assert names() == ["Do", "Ring"] and not all_there(box, "tasks", name="Ring")[0]["is_deleted"]
        wess.write("wess.conf", text.replace("tasks.activity_type", "tasks.activity_typ"))
        assert 'tasks in Workbooks have no field "activity_typ"; did you mean "activity_type"?' in \
            wess.run("check", "--online", check=2).stdout
        wess.write("wess.conf", text.replace('queue = "', 'activity_status = "New"; queue = "'))
        assert 'cannot ask for "activity_status"' in wess.run("check", "--online", check=2).stdout
        for bad in ("emails.status", "tasks.main[x]", "tasks", "x.y"):
            wess.write("wess.conf", text.replace("tasks.activity_type", bad))
            assert f'"{bad}" is not of the form' in wess.run("check", "--online", check=2).stdout, bad


def test_a_mapped_field_that_a_side_lacks_is_told():
    rule = 'fields = ( {{ left = "x.ews.{}"; right = "x.workbooks.{}"; }} );'
    for names, said in ((("Mileage", "cf_person_teir"), 'crm: people has no field "x.workbooks.cf_person_teir", so that it '
                         'does not travel; did you mean "x.workbooks.cf_person_tier"?'),
                        (("Milage", "cf_person_tier"), 'exchange: contacts has no field "x.ews.Milage", so that it '
                         'does not travel; did you mean "x.ews.Mileage"?'),
                        (("Mileage", "cf_person_tier"), None)):
        with Sandbox("--data", "empty") as box, \
                Crm(box, "contact", "contacts", "people", pair=rule.format(*names),
                    wb='custom_fields = [ "people.cf_person_tier" ];') as wess:
            status = 2 if said else 0
            assert (said or "Everything answers") in wess.run("check", "--online", check=status).stdout
            assert wess.sync("--no-wait", check=status)["u1"]["text"] == (said or "")


def describes(wess, of="crm user -"):
    """How many requests each describe took, in turn."""
    with open(os.path.join(wess.dir, "log")) as f:
        return [int(line.split()[-2]) for line in f if f"{of} describe : code 0" in line]


def test_what_a_database_says_of_itself_is_kept():
    with Sandbox("--data", "empty") as box, Crm(box, "task", "tasks", "tasks") as wess:
        for _ in range(3):
            wess("sync", "--no-wait", check=(0, 1))
        assert describes(wess) == [3, 1, 1], describes(wess)
        kept = os.path.join(wess.dir, "state", "kept")
        name, = os.listdir(kept)
        assert os.stat(os.path.join(kept, name)).st_mode & 0o777 == 0o600
        # Of another database, damaged, or old: it is asked for once more.
        with open(os.path.join(kept, name)) as f:
            text = f.read()
        for bad in (text.replace("http://", "http://x"), text[:200], "", "1 5 nonsense", text.replace('"required": true', '"required": null', 1)):
            with open(os.path.join(kept, name), "w") as f:
                f.write(bad)
            wess("sync", "--no-wait", check=(0, 1))
            assert describes(wess)[-1] == 3, (bad[:60], describes(wess))
        box.move_clock(7 * 3600)
        wess("sync", "--no-wait", check=(0, 1))
        assert describes(wess)[-1] == 3
        make(box, "Task", Subject="Offer")
        wess.settle()
        assert there(box, "tasks", "Offer")


def test_settings_are_checked_once_against_an_answer():
    with Sandbox("--data", "empty") as box, \
            Crm(box, "task", "tasks", "tasks", wb='task_status = [ "COMPLETED=Complete" ];') as wess:
        asked = []
        for _ in range(3):
            wess("sync", "--no-wait", check=(0, 1))
            asked.append(sum(n for op, n in box.requests(reset=True)["by_op"].items() if "value" in op))
        assert asked == [1, 0, 0], asked
        # Other settings, and what the list said hours ago, are.
        with open(wess.config) as f:
            text = f.read()
        wess.write("wess.conf", text.replace("COMPLETED=Complete", "COMPLETED=Done"))
        wess("sync", "--no-wait", check=(2, 3, 7, 1, 0, 5))
        assert 'has no "Done"' in wess.log_tail(), wess.log_tail()
        wess.write("wess.conf", text)
        box.move_clock(7 * 3600)
        box.requests(reset=True)
        wess("sync", "--no-wait", check=(0, 1, 3))
        assert any("value" in op for op in box.requests()["by_op"])


def test_what_the_database_does_not_permit_is_not_tried():
    with Sandbox("--data", "empty", "--switch", "denies=tasks:create") as box, \
            Crm(box, "task", "tasks", "tasks") as wess:
        make(box, "Task", Subject="Offer")
        box.workbooks("create", of="tasks", name="Call", assigned_to=queue_of(wess))
        wess("sync", "--no-wait", check=(0, 1))
        assert not all_there(box, "tasks", name="Offer") and here(box, "tasks", "Call")
        assert "does not permit us to create tasks" in wess.log_tail()
        box.exchange("edit", 0, id=here(box, "tasks", "Call")["id"], Subject="Call back")
        box.move_clock(600)
        wess("sync", "--no-wait", check=(0, 1))
        assert there(box, "tasks", "Call back")


def test_what_is_longer_than_the_database_holds_is_told():
    with Sandbox("--data", "empty") as box, Crm(box, "contact", "contacts", "people") as wess:
        box.exchange("create", 0, GivenName="Ada", Surname="Lovell", JobTitle="x" * 256, **TAG)
        wess.settle()
        assert "person_job_title" not in box.person()["fields"]
        assert "longer than that side holds" in wess.run("parked", "list", check=(0, 1)).stdout


def test_a_record_is_called_as_people_there_call_it():
    with Sandbox("--data", "empty") as box, Crm(box, "contact", "contacts", "people") as wess:
        box.exchange("create", 0, GivenName="Ada", Surname="Lovell", JobTitle="x" * 256, **TAG)
        wess.settle()
        ref = f"PERS-{box.person()['id']}"
        said = wess.run("why", "Ada Lovell", check=(0, 1)).stdout
        assert f"{ref}, https://" in said, said
        known = wess.json("why", "Ada Lovell", check=(0, 1))
        assert ref in str(known) and "https://" in str(known), known
        # And what has to be decided of it.
        box.exchange("edit", 0, id=box.contact(0)["id"], NickName="Ada", SpouseName="Bo")
        box.workbooks("edit", id=box.person()["id"], spouse_name="Cy")
        wess("sync", "--no-wait", check=1)
        said = wess("conflicts", "show", "1", check=(0, 1)).stdout
        assert f"There it is: {ref}, https://" in said, said
        wess("conflicts", "resolve", "1", "--left")
        wess.settle()
        # Nothing of it is written back, and it is no change.
        assert not [f for f in box.contact(0)["fields"] if "ref" in f.lower()]


def test_values_of_a_picklist_by_the_settings():
    rule = 'fields = ( { left = "x.ews.Mileage"; right = "x.workbooks.cf_person_grade"; } );'
    wb = ('custom_fields = [ "people.cf_person_grade" ]; picklist_values = '
          '[ "people.cf_person_grade:A=Gold", "people.cf_person_grade:B=Silver" ];')
    with Sandbox("--data", "empty") as box, \
            Crm(box, "contact", "contacts", "people", pair=rule, wb=wb) as wess:
        box.exchange("create", 0, GivenName="Ada", Surname="Lovell", Mileage="A", **TAG)
        wess.settle()
        assert box.person()["fields"]["cf_person_grade"] == "Gold"
        box.workbooks("edit", id=box.person()["id"], cf_person_grade="Silver")
        wess.settle()
        assert box.contact(0)["fields"]["Mileage"] == "B"
        # Without a word: parked on its way there, as it stands on its way here.
        box.exchange("edit", 0, id=box.contact(0)["id"], Mileage="Z")
        wess.settle()
        assert box.person()["fields"]["cf_person_grade"] == "Silver"
        assert "picklist_values" in wess.run("parked", "list", check=(0, 1)).stdout
        box.exchange("edit", 0, id=box.contact(0)["id"], Mileage="A")
        wess.settle()
        box.workbooks("edit", id=box.person()["id"], cf_person_grade="Bronze")
        wess.settle()
        assert box.contact(0)["fields"]["Mileage"] == "Bronze"
        assert "cf_person_grade has no word in the setting picklist_values" in wess.log_tail()
    # A value that the list there does not have is a mistake of the settings.
    with Sandbox("--data", "empty") as box, \
            Crm(box, "contact", "contacts", "people", pair=rule, wb=wb.replace("Gold", "Golden")) as wess:
        said = wess("sync", "--no-wait", check=(2, 3)).stdout
        assert 'picklist_values: the list in Workbooks has no "Golden"' in said, said
    for bad in ("people.cf_person_grade:A", "people.cf_other:A=B", "people.cf_person_grade"):
        with Sandbox("--data", "empty") as box, \
                Crm(box, "contact", "contacts", "people", pair=rule,
                    wb=f'custom_fields = [ "people.cf_person_grade" ]; picklist_values = [ "{bad}" ];') as wess:
            assert "picklist_values" in wess("sync", "--no-wait", check=(2, 3)).stdout, bad


def test_a_database_that_lacks_a_column_keeps_the_rest():
    with Sandbox("--data", "empty", "--switch", "lacks=spouse_name") as box, \
            Crm(box, "contact", "contacts", "people") as wess:
        box.exchange("create", 0, GivenName="Ada", Surname="Lovell", SpouseName="Bo",
                     JobTitle="Countess", **TAG)
        wess.settle()
        assert box.person()["fields"]["person_job_title"] == "Countess"
        assert "no spouse_name" in wess.log_tail()
    with Sandbox("--data", "empty", "--switch", "lacks=cf_person_tier") as box, \
            Crm(box, "contact", "contacts", "people",
                wb='custom_fields = [ "people.cf_person_tier" ];') as wess:
        wess("check", "--online", check=None)
        assert 'have no field "cf_person_tier"' in wess.run("check", "--online").stdout


def test_mail_is_filed_once_and_whole():
    with Sandbox("--data", "empty") as box, Filing(box) as wess:
        first = mail(box, 0, "Offer", 1)
        large = mail(box, 0, "Large", 2, size=5_000_000)
        again = mail(box, 1, "Offer", 1)  # the first to come is filed
        for i in range(3, 33):
            mail(box, 1, f"Small {i}", i)
        wess.file()
        filed = all_there(box, "emails")
        assert len(filed) == 32, len(filed)
        digests = {f["fields"]["rfc822_sha256"] for f in filed}
        assert len(digests & {m["fields"]["MimeSha256"] for m in (first, again)}) == 1
        assert large["fields"]["MimeSha256"] in digests
        assert {f["fields"]["status"] for f in filed} == {"SENT"}
        assert all(f["created_through_reference"] for f in filed)
        # Nothing that happens to it moves anything.
        box.exchange("untag", 0, id=first["id"])
        wess.quiet()
        box.exchange("tag", 0, id=first["id"])
        wess.file()
        assert len(all_there(box, "emails")) == 32


def test_mail_of_many_batches_is_filed_once():
    """Twenty at a time, one read while another is written. What could not be read is not sent, what
    is on the wire is settled, and after a kill each is there once."""
    with Sandbox("--data", "empty") as box, Filing(box) as wess:
        came = [mail(box, 0, f"Small {i}", i) for i in range(170)]
        box.fault("ews:GetItem:4-:http=500")
        wess("sync", "--no-wait", "--user", "u1", check=(3, 4))
        assert len(all_there(box, "emails")) == 60
        box.clear_faults()
        box.move_clock(3600)
        box.fault("workbooks:emails:PUT:3:delay=8000")
        run = subprocess.Popen([program("wess"), "sync", "--no-wait", "--config", wess.config],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env=dict(os.environ, WESS_CLOCK_FILE=box.clock_file))
        until(lambda: len(all_there(box, "emails")) >= 100, "no two batches went")
        run.kill()
        run.wait()
        box.clear_faults()
        for _ in range(2):
            box.move_clock(600)
            wess("sync", "--no-wait", check=(0, 1, 3))
        filed = sorted(f["fields"]["rfc822_sha256"] for f in all_there(box, "emails"))
        assert filed == sorted(m["fields"]["MimeSha256"] for m in came)
        wess.quiet()


def test_mail_whose_answer_was_lost_is_filed_once():
    with Sandbox("--data", "empty") as box, Filing(box) as wess:
        mail(box, 0, "Offer", 1)
        box.fault("workbooks:emails:PUT:1:lost")
        wess.file()
        assert len(all_there(box, "emails")) == 1


def test_mail_is_related_to_people_where_workbooks_takes_it():
    for takes in ("off", "on"):
        with Sandbox("--data", "empty", "--switch", f"email_links={takes}") as box, \
                Filing(box) as wess:
            people = {"main_location[email]": "ada@x.example", "name": "Ada"}
            ada = box.workbooks("create", **people)["id"]
            box.workbooks("create", name="Ben", **{"main_location[email]": "ben@x.example"})
            mail(box, 0, "Offer", 1, 
                 From="<t:Mailbox><t:Name>Ada</t:Name><t:EmailAddress>Ada@x.example</t:EmailAddress>"
                 "</t:Mailbox>")
            wess.file()
            links = all_there(box, "links")
            assert len(all_there(box, "emails")) == 1
            assert [l["fields"]["resource_id"] for l in links] == ([str(ada)] if takes == "on" else [])
            wess.file()
            assert len(all_there(box, "links")) == len(links)


def test_mail_stands_without_links_that_cannot_be_had():
    for fault in ("GET:*:http=404", "PUT:*:http=404", "GET:1:http=500", "PUT:1:lost"):
        with Sandbox("--data", "empty", "--switch", "email_links=on") as box, Filing(box) as wess:
            box.workbooks("create", name="Ada", **{"main_location[email]": "ada@x.example"})
            mail(box, 0, "Offer", 1,
                 From="<t:Mailbox><t:EmailAddress>ada@x.example</t:EmailAddress></t:Mailbox>")
            box.fault(f"workbooks:activity_links:{fault}")
            # Hers alone: a run of the other user that is a little later makes up for it at once.
            wess("sync", "--no-wait", "--user", "u1", check=(0, 1, 3, 4))
            assert len(all_there(box, "links")) == ("lost" in fault), fault
            wess.file()
            assert len(all_there(box, "emails")) == 1, fault
            # What failed for the moment is made up for, without a pair that reads people.
            assert len(all_there(box, "links")) == (":1:" in fault), fault
            with open(os.path.join(wess.dir, "log")) as f:
                assert "related to people" in f.read(), fault


def test_mail_is_related_to_all_who_share_an_address():
    """More of them than come in one answer, and one more beside them."""
    for many in (7, 130):
        with Sandbox("--data", "empty", "--switch", "email_links=on") as box, Filing(box) as wess:
            for i in range(many):
                box.workbooks("create", name=f"P{i}", **{"main_location[email]": "Info@x.example"})
            box.workbooks("create", name="Ada", **{"main_location[email]": "ada@x.example"})
            mail(box, 0, "Offer", 1,
                 From="<t:Mailbox><t:EmailAddress>info@x.example</t:EmailAddress></t:Mailbox>",
                 ToRecipients="<t:Mailbox><t:EmailAddress>ada@x.example</t:EmailAddress></t:Mailbox>")
            wess.file()
            assert len(all_there(box, "links")) == many + 1, len(all_there(box, "links"))


def test_mail_of_a_killed_run_is_related():
    """It is found by its stamp, and nobody said whom it was related to."""
    with Sandbox("--data", "empty", "--switch", "email_links=on") as box, Filing(box) as wess:
        for who in ("ada", "ben"):
            box.workbooks("create", name=who, **{"main_location[email]": f"{who}@x.example"})
        mail(box, 0, "Offer", 1,
             From="<t:Mailbox><t:EmailAddress>ada@x.example</t:EmailAddress></t:Mailbox>",
             ToRecipients="<t:Mailbox><t:EmailAddress>Ben@x.example</t:EmailAddress></t:Mailbox>")
        kill_at_links(box, wess)
        assert len(all_there(box, "emails")) == 1 and not all_there(box, "links")
        box.move_clock(600)
        wess.file()
        assert len(all_there(box, "emails")) == 1
        assert len(all_there(box, "links")) == 2
        box.requests(reset=True)
        wess.file()
        assert not any("people" in op or "links" in op for op in box.requests()["by_op"])


def test_who_could_not_be_looked_for_is_looked_for_later():
    with Sandbox("--data", "empty", "--switch", "email_links=on") as box, Filing(box) as wess:
        box.workbooks("create", name="Ada", **{"main_location[email]": "ada@x.example"})
        for i in range(20):
            mail(box, 0, "Offer", i, From=f"<t:Mailbox><t:EmailAddress>{'ada' if i % 2 else 'no'}{i % 3}"
                 "@x.example</t:EmailAddress></t:Mailbox>")
        box.workbooks("create", name="Eve", **{"home_location[email]": "Ada1@x.example"})
        box.fault("workbooks:people:GET:*:http=500")
        wess("sync", "--no-wait", check=(0, 1, 3, 4))
        box.move_clock(600)
        wess("sync", "--no-wait", check=(0, 1, 3, 4))
        assert len(all_there(box, "emails")) == 20 and not all_there(box, "links")
        box.clear_faults()
        for _ in range(2):
            box.move_clock(600)
            wess.file()
        assert len(all_there(box, "links")) == len([i for i in range(20) if i % 2 and i % 3 == 1])
        box.requests(reset=True)
        wess.file()
        assert not any("people" in op or "links" in op for op in box.requests()["by_op"])


def test_filed_mail_is_related_to_who_comes_later():
    with Sandbox("--data", "empty", "--switch", "email_links=on") as box, Filing(box) as wess:
        with_people(wess)
        mail(box, 0, "Offer", 1,
             From="<t:Mailbox><t:EmailAddress>ada@x.example</t:EmailAddress></t:Mailbox>")
        wess.file()
        assert not all_there(box, "links") and len(all_there(box, "emails")) == 1
        box.workbooks("create", name="Ada", **{"home_location[email]": "Ada@X.example"})
        wess.file()
        assert len(all_there(box, "links")) == 1 and len(all_there(box, "emails")) == 1


def test_a_status_that_would_send_is_refused():
    for word in ("SEND", "send"):
        with Sandbox("--data", "empty") as box, Filing(box, wb=f'mail_status = "{word}";') as wess:
            mail(box, 0, "Offer", 1)
            said = wess.run("check", check=2)
            assert "mail_status" in said.stdout + said.stderr, said
            wess("sync", "--no-wait", check=(2, 3))
            assert not all_there(box, "emails") and box.workbooks("sent")["sent"] == 0


def test_a_status_that_the_database_does_not_have_is_told():
    with Sandbox("--data", "empty") as box, Filing(box, wb='mail_status = "DRAFT";') as wess:
        wess("sync", "--no-wait", check=0)
        with open(wess.config) as f:
            text = f.read()
        wess.write("wess.conf", text.replace('"DRAFT"', '"RECEIVED"'))
        mail(box, 0, "Offer", 1)
        said = wess.run("check", "--online", check=2)
        assert 'mail_status: the list in Workbooks has no "RECEIVED"' in said.stdout + said.stderr, said
        wess("sync", "--no-wait", check=(2, 3))
        assert not all_there(box, "emails")


PRESET = """
site = "crm"; state_dir = "{dir}/state"; preset = "workbooks-exchange";
endpoints: {{
  exchange: {{ connector = "ews"; url = "{url}"; auth = "basic"; username = "EXAMPLE\\\\svc-wess";
    password = {{ file = "{dir}/exchange.secret"; }}; impersonate = "%{{user.mailbox}}"; time_zone = "Europe/London"; }};
  crm: {{ connector = "workbooks"; url = "{workbooks}"; api_key = {{ file = "{dir}/workbooks.secret"; }}; }};
}};
users: {{ source = {{ csv = "{dir}/users.csv"; }}; waves = ( {{ name = "*"; mode = "both"; }} ); }};
{more}
log: {{ file = "{dir}/log"; level = "debug"; }};
"""


class Preset(Crm):
    def __init__(self, box, more=""):
        super().__init__(box, "task", "tasks", "tasks")
        self.write("wess.conf", PRESET.format(
            dir=self.dir, url=box.info["exchange"]["url"], workbooks=box.info["workbooks"]["url"],
            more=more))

    def settle(self, check=(0, 1)):
        for _ in range(2):
            self("sync", "--no-wait", check=(0, 1, 3, 4))
            self.box.move_clock(600)
        for run in self.json("sync", "--no-wait", check=check)["runs"]:
            for side in ("left", "right"):
                for what in ("created", "updated", "deleted", "ended"):
                    assert run[side][what] == 0, (run["pair"], side, what, run[side][what])
        assert self.box.exchange("outbox")["sent"] == 0, "somebody was told"
        assert self.box.workbooks("sent")["sent"] == 0, "a mail was sent"


CREATE = "".join(f'{p}: {{ first = {{ create = "yes"; }}; }}; '
                 for p in ("mail", "people", "tasks", "meetings"))


def test_a_preset_is_all_four():
    with Sandbox("--data", "empty") as box, Preset(box, f"pairs: {{ {CREATE} }};") as wess:
        make(box, "Task", Subject="Call")
        make(box, "CalendarItem", Subject="Review", RequiredAttendees=ATTENDEE.format("Ada"),
             Start=in_days(30) + "T07:00:00Z", End=in_days(30) + "T08:00:00Z")
        make(box, "CalendarItem", Subject="Long ago", Start=in_days(-200) + "T07:00:00Z",
             End=in_days(-200) + "T08:00:00Z")
        box.exchange("create", 0, GivenName="Ada", Surname="Lovell", EmailAddress1="ada@x.example",
                     categories="Workbooks")
        mail(box, 0, "Offer", 1)
        wess.settle()
        for of, n in (("people", 1), ("tasks", 1), ("meetings", 1), ("emails", 1)):
            assert len(all_there(box, of)) == n, of
        # People came first, so the meeting met her.
        ada = box.person()["id"]
        assert [l["fields"]["resource_id"] for l in all_there(box, "links")] == [str(ada)]
        pairs = [r["pair"] for r in wess.json("sync", "--no-wait")["runs"]]
        assert pairs == ["people", "tasks", "meetings", "mail"], pairs
        # An edit each way, of each kind.
        box.workbooks("edit", id=ada, person_job_title="Countess")
        box.workbooks("edit", of="tasks", id=there(box, "tasks", "Call")["id"], due="2030-01-02")
        box.exchange("edit", 0, id=here(box, "calendar", "Review")["id"], Subject="Review 2")
        wess.settle()
        assert box.contact(0)["fields"]["JobTitle"] == "Countess"
        assert here(box, "tasks", "Call")["fields"]["DueDate"] == "2030-01-02T00:00:00Z"
        assert there(box, "meetings", "Review 2")


def in_days(n):
    return (datetime.date.today() + datetime.timedelta(days=n)).isoformat()


def expanded(wess):
    return wess("check", "--expanded").stdout


def test_what_the_crm_is_asked_does_not_grow_with_users():
    """Nothing changed, of all four kinds: each collection is read once, for all users of the key."""
    asked = {}
    for users in (2, 6):
        with Sandbox("--data", "load", "--users", "6", "--contacts", "0") as box, \
                Preset(box, f"pairs: {{ {CREATE} }}; daemon: {{ workers = 1; }};") as wess:
            boxes = box.info["exchange"]["mailboxes"]
            wess.write("users.csv", "id,name,mailbox,workbooks\n" + "".join(
                f"u{i},{m['name']},{m['address']},{m['name']}\n" for i, m in enumerate(boxes[:users])))
            for i in range(users):
                box.exchange("create", i, kind="Task", Subject=f"Call {i}", **TAG)
                box.exchange("create", i, GivenName="Ada", Surname=f"Lovell {i}", **TAG,
                             EmailAddress1=f"ada{i}@x.example")
                mail(box, i, "Offer", i)
            wess.settle()
            assert [len(all_there(box, of)) for of in ("people", "tasks", "emails")] == [users] * 3
            box.move_clock(3600)
            box.requests(reset=True)
            wess("sync", "--no-wait", check=0)
            by_op = box.requests()["by_op"]
            asked[users] = {op: n for op, n in by_op.items() if op.startswith("workbooks:")}
            assert by_op["ews:SyncFolderItems"] == 5 * users, by_op
            assert {op: n for op, n in asked[users].items() if n > 1} == {}, asked[users]
    assert asked[2] == asked[6], asked


def test_a_preset_can_be_read_and_overridden():
    more = ('preset_without = [ "mail" ]; pairs: { meetings: { conflict = "left"; '
            'on_delete = { left = "delete"; }; select = { left = { folder = "Calendar"; }; }; }; };')
    with Sandbox("--data", "empty") as box, Preset(box) as wess, Preset(box, more) as own:
        text = expanded(wess)
        lacks = [w for w in ("people: {", "tasks: {", "meetings: {", "mail: {", 'right = "crm:people"') if w not in text]
        assert not lacks and "password" not in text, (lacks, text)
        assert text.count("per_run = 500;") == 4
        assert text.count('window: { past = "180d"; future = "720d"; };') == 3
        # What is printed is the configuration, without the preset.
        with open(wess.config) as f:
            written = f.read().replace('preset = "workbooks-exchange";', "")
        wess.write("wess.conf", written + text)
        assert expanded(wess) == text
        # In the order in which they go, wherever they are written.
        more = "".join(f"{p}: {{ per_run = 7; }}; " for p in ("mail", "meetings", "people"))
        wess.write("wess.conf", written.replace("endpoints:", 'preset = "workbooks-exchange"; endpoints:') +
                   f"pairs: {{ {more} }};")
        text = expanded(wess)
        names = re.findall(r"(?m)^  (\w+): {", text)
        assert names == ["people", "tasks", "meetings", "mail"] and text.count("per_run = 7;") == 3, text
        wess.write("wess.conf", written.replace("endpoints:", 'preset = "workbooks-exchange"; endpoints:') +
                   "pairs: { meeting: { per_run = 7; }; };")
        said = wess.run("check", check=2).stderr
        assert 'the preset has no pair "meeting"; did you mean "meetings"?' in said, said
        wess.write("wess.conf", written + text)
        text = expanded(own)
        assert "mail" not in text and 'conflict = "left"' in text, text
        meetings = text[text.index("meetings"):]
        meetings = meetings[:meetings.find("\n  };")]
        # A side's select is one thing; of the other groups it is member by member.
        assert 'folder = "Calendar"' in meetings and "tags_any" not in meetings, meetings
        assert "queue" in meetings and 'left = "delete"' in meetings, meetings


if __name__ == "__main__":
    main(globals())
