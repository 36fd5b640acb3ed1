"""One thing in several mailboxes is one record in the CRM, also where each user opens the CRM by a key
of their own: by the real program."""
import os
import shutil
import subprocess

from sandbox import Sandbox, main, program
from test_crm import Crm, all_there
from test_watch import until

THREE = ("--data", "load", "--users", "3", "--contacts", "0")
CSV = "id,name,mailbox,workbooks,wave\n"


class Many(Crm):
    """Several mailboxes and one CRM, opened once for each user."""
    own = 'api_key = {{ file = "{dir}/key-%{{user.id}}"; }}; assign_to = "%{{user.workbooks}}";'

    def __init__(self, box, kind, left, right, users=2, pair="", own=True, wb=""):
        super().__init__(box, kind, left, right, pair, wb)
        with open(os.path.join(self.dir, "workbooks.secret")) as f:
            key = f.read().strip()
        boxes = box.info["exchange"]["mailboxes"]
        self.users = [f"u{i + 1}" for i in range(users)]
        self.write("users.csv", CSV + "".join(
            f"{u},{boxes[i]['name']},{boxes[i]['address']},{boxes[i]['name']},pilot\n"
            for i, u in enumerate(self.users)))
        for i, u in enumerate(self.users):
            self.write(f"key-{u}", f"{key}-{i + 1}\n", 0o600)
        with open(self.config) as f:
            text = f.read()
        shared = f'api_key = {{ file = "{self.dir}/workbooks.secret"; }};'
        assert shared in text
        if own:
            text = text.replace(shared, self.own.format(dir=self.dir))
        self.write("wess.conf", text)

    def quiet(self):
        for user, run in self.sync("--no-wait", check=(0, 1)).items():
            for side in ("left", "right"):
                for what in ("created", "updated", "deleted", "ended"):
                    assert run[side][what] == 0, (user, side, what, run[side][what])
        assert self.box.exchange("outbox")["sent"] == 0, "somebody was told"

    def settle(self):
        self("sync", "--no-wait", check=(0, 1, 3, 4))
        self.box.move_clock(600)
        self("sync", "--no-wait", check=(0, 1, 4))
        self.quiet()


def customer(box, i, **fields):
    return box.exchange("create", i, categories="Workbooks",
                        **{"GivenName": "Ann", "Surname": "Ivers", "EmailAddress1": "ann@x.example", **fields})


def title(box, i):
    return box.contact(i)["fields"].get("JobTitle")


def test_people_by_keys_of_their_own():
    with Sandbox("--data", "empty") as box, Many(box, "contact", "contacts", "people") as wess:
        assert "opened once" not in wess("check", check=0).stdout
        customer(box, 0)
        customer(box, 1)
        wess.settle()
        ann = box.person()
        # Both are linked: an edit of either reaches the other.
        box.exchange("edit", 0, id=box.contact(0)["id"], JobTitle="Chair")
        wess.settle()
        assert box.person()["fields"]["person_job_title"] == "Chair" and title(box, 1) == "Chair"
        box.exchange("edit", 1, id=box.contact(1)["id"], JobTitle="Head")
        wess.settle()
        assert title(box, 0) == "Head"
        # One takes the tag off: the other's link stands.
        box.exchange("untag", 1, id=box.contact(1)["id"])
        wess.settle()
        box.exchange("edit", 0, id=box.contact(0)["id"], JobTitle="Boss")
        wess.settle()
        assert box.person()["id"] == ann["id"] and title(box, 1) == "Head"
        assert box.person()["fields"]["person_job_title"] == "Boss"


def test_people_whose_create_lost_its_answer():
    for fault in ("workbooks:people:PUT:1:lost", "workbooks:people:PUT:1:late=30000"):
        with Sandbox(*THREE) as box, Many(box, "contact", "contacts", "people", users=3) as wess:
            for i in range(3):
                customer(box, i)
            box.fault(fault)
            wess("sync", "--no-wait", check=(0, 1, 3, 4))
            wess.settle()
            wess.settle()
            box.exchange("edit", 2, id=box.contact(2)["id"], JobTitle="Chair")
            wess.settle()
            assert box.person()["fields"]["person_job_title"] == "Chair" and title(box, 0) == "Chair"


def test_whose_key_is_refused_rests_alone():
    """And is told; with another key what was missed is made up for."""
    with Sandbox(*THREE) as box, Many(box, "contact", "contacts", "people", users=3) as wess:
        for i in range(3):
            customer(box, i, EmailAddress1=f"a{i}@x.example", Surname=f"S{i}")
        wess.settle()
        with open(os.path.join(wess.dir, "key-u2")) as f:
            good = f.read()
        wess.write("key-u2", "nobody's\n", 0o600)
        asked = {}
        for word in ("Chair", "Head"):
            for i in range(3):
                box.exchange("edit", i, id=box.contact(i)["id"], JobTitle=word)
            box.requests(reset=True)
            runs = wess.sync("--no-wait", check=5)
            asked[word] = box.requests()["by_op"]["workbooks:person_queues:GET"]
            assert [runs[u]["status"] for u in wess.users] == [0, 5, 0], runs
            assert "crm" in runs["u2"]["text"] and "api_key" in runs["u2"]["text"], runs["u2"]
            told = {p["fields"]["person_last_name"]: p["fields"].get("person_job_title") for p in box.people()}
            assert told == {"S0": word, "S1": None, "S2": word}, told
        assert asked == {"Chair": 3, "Head": 2}, "a refused key is not tried again"
        said = wess("status", check=None).stdout
        assert "u2, it: crm: the credential was refused" in said and "u1, it: crm" not in said, said
        wess.write("key-u2", good, 0o600)
        wess.settle()
        assert all(p["fields"]["person_job_title"] == "Head" for p in box.people())


def merge(box, of, keeps, goes, **more):
    """As an administrator does: one goes, the other stays and has what was written last."""
    box.workbooks("delete", of=of, id=goes)
    box.workbooks("edit", of=of, id=keeps, **more)


def test_of_two_that_are_merged_the_link_follows_the_one_left():
    with Sandbox("--data", "empty") as box, \
            Many(box, "contact", "contacts", "people", own=False,
                 pair='on_delete = { left = "delete"; right = "delete"; };') as wess:
        customer(box, 0)
        customer(box, 1)
        wess.settle()
        ann = box.person()["id"]
        other = box.workbooks("create", of="people", name="Ann Ivers", person_first_name="Ann",
                              person_last_name="Ivers", **{"main_location[email]": "ann@x.example"})["id"]
        wess.settle()
        merge(box, "people", other, ann, person_job_title="Chair")
        wess.settle()
        assert title(box, 0) == "Chair" and title(box, 1) == "Chair"
        box.exchange("edit", 1, id=box.contact(1)["id"], JobTitle="Head")
        wess.settle()
        assert box.person()["id"] == other and box.person()["fields"]["person_job_title"] == "Head"


def test_of_two_meetings_by_the_rule_of_the_pair():
    rule = 'match = ( { keys = [ "summary", "start" ]; one = "%s"; } ); '
    for one, follows in (("link", True), ("ask", False)):
        with Sandbox("--data", "empty") as box, \
                Many(box, "event", "calendar", "meetings", own=False, pair=MEETINGS + rule % one) as wess:
            meeting(box, 0)
            wess.settle()
            first = record(box)
            other = box.workbooks("create", of="meetings", name="Review", all_day="false",
                                  start="2030-07-04T07:00:00Z", finish="2030-07-04T08:00:00Z")["id"]
            wess.settle()
            merge(box, "meetings", other, first["id"])
            wess.settle()
            box.exchange("edit", 0, id=entry(box, 0)["id"], Subject="Again")
            wess.settle()
            assert (record(box)["fields"]["name"] == "Again") == follows


def held_back(wess):
    for run in wess.json("sync", "--no-wait", check=4)["runs"]:
        assert "put back to an earlier time" in run["text"] and run["status"] == 4, run
        for side in ("left", "right"):
            assert run[side]["updated"] + run[side]["created"] + run[side]["deleted"] == 0, run


def test_a_database_put_back_to_an_earlier_time_is_held():
    kinds = (("contact", "contacts", "people", customer, "GivenName", "person_first_name", ""),
             ("task", "tasks", "tasks", lambda b, i: b.exchange(
                 "create", i, kind="Task", Subject="Call", categories="Workbooks"), "Subject", "name", ""),
             ("event", "calendar", "meetings", meeting, "Subject", "name", MEETINGS))
    for kind, left, right, make, field, column, pair in kinds:
        for found_by in ("listing", "writing"):
            with Sandbox("--data", "empty") as box, Many(
                    box, kind, left, right, own=False, users=1,
                    pair=pair + ' on_delete = { left = "delete"; right = "delete"; };') as wess:
                make(box, 0)
                wess.settle()
                there = all_there(box, right)[0]["id"]
                box.workbooks("backup")
                for word in ("One", "Two"):
                    item = box.contacts(0, folder=left)[0]["id"]
                    box.exchange("edit", 0, id=item, **{field: word})
                    wess.settle()
                box.workbooks("restore")
                box.move_clock(3600)
                wess.quiet()  # nothing shows yet
                if found_by == "listing":
                    box.workbooks("edit", of=right, id=there, **{column: "Three"})
                else:
                    box.exchange("edit", 0, id=box.contacts(0, folder=left)[0]["id"], **{field: "Four"})
                held_back(wess)
                box.move_clock(3600)
                held_back(wess)
                words = {"listing": "Two", "writing": "Four"}
                assert box.contacts(0, folder=left)[0]["fields"][field] == words[found_by]
                if kind == "task":  # no key of it is sure
                    continue
                # The way out: all meet anew, and the mailbox knows better.
                shutil.rmtree(os.path.join(wess.dir, "state"))
                with open(wess.config) as f:
                    text = f.read()
                wess.write("wess.conf", text.replace('first = { create = "yes"; };',
                                                     'first = { create = "yes"; differs = "left"; };'))
                wess.settle()
                assert len(all_there(box, right)) == 1
                assert all_there(box, right)[0]["fields"][column] == words[found_by]


def person_of(box, name):
    box.exchange("create", 0, GivenName=name, Surname="Newer", DisplayName=name + " Newer",
                 EmailAddress1=name.lower() + "@newer.example", categories="Workbooks")


def test_what_was_made_last_is_gone_and_nobody_told():
    """Only newer records are gone: none shows an older revision."""
    def edits(box):
        item = box.contact(0, email="olaf@newer.example")["id"]
        box.exchange("edit", 0, id=item, JobTitle="Chair")

    def numbers_are_given_anew(box):
        for i in range(2):
            box.workbooks("create", of="people", name=f"Quite Other {i}", person_last_name=f"Other {i}",
                          **{"main_location[email]": f"other{i}@x.example"})

    for names in (["Olaf"], ["Olaf", "Pia"]):
        for then in (edits, lambda box: person_of(box, "Rosa"), numbers_are_given_anew):
            with Sandbox("--data", "empty") as box, Many(
                    box, "contact", "contacts", "people", own=False, users=1,
                    pair='on_delete = { left = "delete"; right = "delete"; };') as wess:
                customer(box, 0)
                wess.settle()
                box.workbooks("backup")
                for name in names:
                    person_of(box, name)
                wess.settle()
                assert len(box.people()) == len(names) + 1
                box.workbooks("restore")
                box.move_clock(3600)
                wess.quiet()  # nothing shows yet
                then(box)
                mailbox, people = box.contacts(0), box.people()
                held_back(wess)
                box.move_clock(3600)
                held_back(wess)
                assert (mailbox, people) == (box.contacts(0), box.people())


def test_one_that_is_hidden_from_us_is_no_backup():
    with Sandbox("--data", "empty") as box, Many(
            box, "contact", "contacts", "people", own=False, users=1,
            pair='on_delete = { left = "delete"; right = "unlink"; };') as wess:
        customer(box, 0)
        person_of(box, "Olaf")
        wess.settle()
        person_of(box, "Rosa")
        wess.settle()
        box.move_clock(60)
        first = min(p["id"] for p in box.people())
        box.workbooks("edit", id=first, person_job_title="Head")
        wess.settle()
        box.workbooks("purge", id=max(p["id"] for p in box.people()))
        box.move_clock(3600)
        person_of(box, "Zoe")
        wess.settle()
        assert any(p["fields"]["name"] == "Zoe Newer" for p in box.people())


BOTH_GO = 'on_delete = { left = "delete"; right = "delete"; };'


def test_what_we_may_not_see_is_not_deleted():
    """Nothing tells of it (B4), and it looks as a deletion does: whoever reads it, or lists all, misses it."""
    week = 8 * 86400
    for edit in (False, True):
        with Sandbox("--data", "empty") as box, \
                Many(box, "contact", "contacts", "people", own=False, users=1, pair=BOTH_GO) as wess:
            customer(box, 0)
            wess.settle()
            person = box.person()["id"]
            box.workbooks("hide", id=person)
            if edit:
                box.exchange("edit", 0, id=box.contact(0)["id"], JobTitle="Chair")
            box.move_clock(week)
            run = wess.sync("--no-wait")["u1"]
            assert run["left"]["ended"] + run["right"]["ended"] == 1, run
            wess.settle()
            assert box.contact(0) and [p["id"] for p in box.people()] == [person], "deleted, or made twice"
            assert "not shown to us" in wess("why", "ann@x.example").stdout
            # Given back, which is no change either; what was edited meanwhile goes across.
            box.exchange("edit", 0, id=box.contact(0)["id"], JobTitle="Head")
            wess.settle()
            box.workbooks("hide", id=person, on=0)
            box.move_clock(week)
            wess.settle()
            assert box.person()["fields"]["person_job_title"] == "Head"
            # A deletion is believed by its word, and in a listing of all by the bin.
            box.workbooks("delete", id=person)
            box.move_clock(week)
            wess.settle()
            assert not box.contacts(0)


def test_all_is_listed_again_from_time_to_time():
    with Sandbox("--data", "empty") as box, \
            Many(box, "contact", "contacts", "people", own=False, users=1) as wess:
        customer(box, 0)
        wess.settle()
        with open(wess.config) as f:
            text = f.read()
        for days, every, read in ((3, "7d", 0), (8, "7d", 1), (1, "7d", 0), (6, "30d", 0), (40, "30d", 1),
                                 # A clock that was put forward, and back again.
                                 (400, "30d", 1), (-400, "30d", 1), (1, "30d", 0)):
            wess.write("wess.conf", f'full_check = "{every}"; {text}')
            box.move_clock(days * 86400)
            run = wess.sync("--no-wait")["u1"]
            # Of a mailbox nothing is lost, and what it has may be much.
            assert (run["left"]["read"], run["right"]["read"]) == (0, read), (days, every, run)
            assert not run["right"]["updated"] + run["left"]["updated"], run
        wess.write("wess.conf", f'full_check = "1h"; {text}')
        assert "full_check must be within" in wess("check", check=(2,)).stderr


def deleted_under_a_run(newest):
    """The newest record, which `newest` makes, goes while contents of the mailbox are read."""
    with Sandbox("--data", "empty") as box, Many(
            box, "contact", "contacts", "people", own=False, users=1,
            pair='on_delete = { left = "unlink"; right = "unlink"; };') as wess:
        customer(box, 0)
        wess.settle()
        newest(box)
        wess.settle()
        box.move_clock(3600)
        person_of(box, "Zoe")
        box.requests(reset=True)
        box.fault("ews:GetItem:1:delay=3000")
        run = subprocess.Popen([program("wess"), "sync", "--no-wait", "--config", wess.config],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env=dict(os.environ, WESS_CLOCK_FILE=box.clock_file))
        until(lambda: {"ews:GetItem", "workbooks:people:GET"} <= set(box.requests()["by_op"]), "nothing is read")
        box.workbooks("delete", id=max(p["id"] for p in box.people()))
        assert run.wait() != 4, "held"
        wess.settle()
        assert sorted(p["fields"]["name"] for p in box.people()) == ["Ann Ivers", "Zoe Newer"]


def test_one_that_somebody_deletes_while_it_is_read_is_no_backup():
    deleted_under_a_run(lambda box: box.workbooks(
        "create", of="people", name="Zoe Newer", person_last_name="Newer",
        **{"main_location[email]": "zoe@newer.example"}))


def test_one_that_somebody_deletes_before_the_creates_is_no_backup():
    deleted_under_a_run(lambda box: person_of(box, "Olaf"))


def test_a_shared_record_is_not_deleted_for_one():
    with Sandbox("--data", "empty") as box, \
            Many(box, "contact", "contacts", "people", pair='on_untag = "delete"; '
                 'on_delete = { left = "delete"; right = "delete"; };') as wess:
        customer(box, 0)
        customer(box, 1)
        wess.settle()
        box.exchange("delete", 0, id=box.contact(0)["id"])
        wess.settle()
        assert box.person() and box.contact(1)
        box.exchange("untag", 1, id=box.contact(1)["id"])
        wess.settle()
        assert not box.people() and box.contact(1)


def test_mail_by_keys_of_their_own():
    with Sandbox(*THREE) as box, \
            Many(box, "message", "messages", "emails", pair='mode = "file";', users=3) as wess:
        with open(wess.config) as f:
            text = f.read()
        wess.write("wess.conf", text.replace(' right = { queue = "%{user.workbooks}"; };', ""))
        for i in range(3):
            box.exchange("mail", i, Subject="Offer", Body="Text", categories="Workbooks",
                         InternetMessageId="<1@example.com>")
        wess.settle()
        assert len(all_there(box, "emails")) == 1


MEETINGS = 'fields = ( { field = "attendees"; direction = "to_right"; } ); with_attendees = "silent";'
UID = "one-meeting@example.com"
ASKED = "".join(f"<t:Attendee><t:Mailbox><t:EmailAddress>user{n}@example.com</t:EmailAddress></t:Mailbox>"
                "</t:Attendee>" for n in (2, 3))


def meeting(box, i, **more):
    """The organiser's, or the copy of whom they asked."""
    answer = {} if i == 0 else {"MyResponseType": "Accept"}
    usual = {"Subject": "Review", "UID": UID, "Start": "2030-07-04T07:00:00Z",
             "End": "2030-07-04T08:00:00Z", "RequiredAttendees": ASKED}
    return box.exchange("create", i, kind="CalendarItem", categories="Workbooks",
                        **{**usual, **answer, **more})


def entry(box, i):
    found = box.contacts(i, folder="calendar")
    assert len(found) == 1, f"{len(found)} in the calendar of {i}"
    return found[0]


def record(box):
    found = all_there(box, "meetings")
    assert len(found) == 1, [m["fields"]["name"] for m in found]
    return found[0]


def test_a_meeting_made_there_and_invited_to_from_a_mailbox():
    for own in (True, False):
        with Sandbox("--data", "empty") as box, \
                Many(box, "event", "calendar", "meetings", own=own, pair=MEETINGS) as wess:
            there = box.workbooks("create", of="meetings", name="Review", all_day="false",
                                  start="2030-07-04T07:00:00Z", finish="2030-07-04T08:00:00Z",
                                  assigned_to=602)["id"]
            wess.settle()
            mine = entry(box, 0)
            box.exchange("edit", 0, id=mine["id"], RequiredAttendees=ASKED)
            wess.settle()
            # Another name by now, so that nothing but its identity tells.
            meeting(box, 1, UID=mine["fields"]["UID"], Subject="Our review")
            wess("sync", "--no-wait", check=(0, 1))
            asks = wess.json("conflicts", "list")["conflicts"]
            assert all(a.get("field") for a in asks), asks
            assert record(box)["id"] == there
            # It is the organiser who moves it; what is whose is another matter.
            box.exchange("edit", 0, id=mine["id"], Start="2030-07-05T07:00:00Z", End="2030-07-05T08:00:00Z")
            wess.settle()
            assert record(box)["fields"]["start"] == "@1909465200", record(box)
            assert not [a for a in wess.json("conflicts", "list")["conflicts"] if not a.get("field")]


def writes(box):
    return box.requests()["by_op"].get("workbooks:meetings:PUT", 0)


def test_a_meeting_of_three_is_one_record():
    for own in (False, True):
        with Sandbox(*THREE) as box, \
                Many(box, "event", "calendar", "meetings", users=3, pair=MEETINGS, own=own) as wess:
            meeting(box, 0, ReminderIsSet="true", ReminderMinutesBeforeStart="15")
            meeting(box, 1, ReminderIsSet="true", ReminderMinutesBeforeStart="30")
            meeting(box, 2, UID=UID.upper())
            wess.settle()
            first = record(box)
            assert not wess.json("conflicts", "list", check=(0, 1))["conflicts"]
            # The organiser's edit travels once; a copy's is not told.
            for i in range(3):
                box.exchange("edit", i, id=entry(box, i)["id"], Subject="Review of all")
            box.requests(reset=True)
            wess.settle()
            assert record(box)["fields"]["name"] == "Review of all" and writes(box) == 1, writes(box)
            box.exchange("edit", 1, id=entry(box, 1)["id"], Subject="My words",
                         ReminderMinutesBeforeStart="45")
            wess.settle()
            assert record(box)["fields"]["name"] == "Review of all"
            assert record(box)["fields"]["reminder_minutes"] == "15", record(box)["fields"]
            # One takes the tag off, the organiser then: the record stays, and is told by who is left.
            box.exchange("untag", 1, id=entry(box, 1)["id"])
            wess.settle()
            box.exchange("untag", 0, id=entry(box, 0)["id"])
            wess.settle()
            box.exchange("edit", 2, id=entry(box, 2)["id"], Subject="Review of two")
            wess.settle()
            assert record(box)["id"] == first["id"] and record(box)["fields"]["name"] == "Review of two"


def test_a_meeting_whose_create_lost_its_answer():
    for own in (False, True):
        for fault in ("workbooks:meetings:PUT:1:lost", "workbooks:meetings:PUT:1:late=30000"):
            with Sandbox(*THREE) as box, \
                    Many(box, "event", "calendar", "meetings", users=3, pair=MEETINGS, own=own) as wess:
                for i in range(3):
                    meeting(box, i)
                box.fault(fault)
                wess("sync", "--no-wait", check=(0, 1, 3, 4))
                wess.settle()
                box.exchange("edit", 0, id=entry(box, 0)["id"], Subject="Again")
                wess.settle()
                assert record(box)["fields"]["name"] == "Again", (own, fault)


def test_a_later_mailbox_and_a_lost_state_find_it():
    with Sandbox(*THREE) as box, \
            Many(box, "event", "calendar", "meetings", users=3, pair=MEETINGS, own=False) as wess:
        # A copy first: it tells, until whoever organises it comes, whose words then count.
        meeting(box, 1, Subject="Review (copy)")
        wess.settle()
        assert record(box)["fields"]["name"] == "Review (copy)"
        meeting(box, 0)
        wess.settle()
        assert record(box)["fields"]["name"] == "Review"
        assert entry(box, 0)["fields"]["Subject"] == "Review"
        assert not wess.json("conflicts", "list", check=(0, 1))["conflicts"]
        shutil.rmtree(os.path.join(wess.dir, "state"))
        meeting(box, 2)
        wess.settle()
        box.exchange("edit", 0, id=entry(box, 0)["id"], Subject="After all")
        wess.settle()
        assert record(box)["fields"]["name"] == "After all"


def test_an_occurrence_is_a_meeting_of_its_own():
    with Sandbox(*THREE) as box, \
            Many(box, "event", "calendar", "meetings", users=3, pair=MEETINGS, own=False) as wess:
        # One who was asked to one of a series alone, two who were asked to another.
        for i, day in ((0, "04"), (1, "11"), (2, "11")):
            at = f"2030-07-{day}T07:00:00Z"
            meeting(box, i, Start=at, End=at.replace("07:00", "08:00"), RecurrenceId=at)
        wess.settle()
        starts = {m["fields"]["start"] for m in all_there(box, "meetings")}
        assert len(starts) == len(all_there(box, "meetings")) == 2, starts


if __name__ == "__main__":
    main(globals())
