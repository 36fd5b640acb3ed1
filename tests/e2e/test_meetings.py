"""Meetings with other people between two mailboxes: what would surprise them waits for a person, is
sent to them where the pair says so twice, or is written and nobody is told. Whose meeting it is, and
what is private."""
import os
import re

from sandbox import Sandbox, main
from test_kinds import PAIR, Two, make, shown

ZONE = "W. Europe Standard Time"
PEOPLE = "".join(f"<t:Attendee><t:Mailbox><t:Name>{n}</t:Name><t:EmailAddress>{n.lower()}@example.com"
                 "</t:EmailAddress></t:Mailbox></t:Attendee>" for n in ("Cy", "Di"))


class Meetings(Two):
    def __init__(self, box, more):
        super().__init__(box, "event", "calendar")
        with open(self.config) as f:
            text = f.read()
        assert PAIR in text
        self.write("wess.conf", text.replace('with_attendees = "silent";', more))

    def calm(self):
        """Until nothing more is written; what waits may wait."""
        for _ in range(2):
            self("sync", "--no-wait", check=(0, 1, 3, 4))
            self.box.move_clock(600)
        return self.sync("--no-wait", check=(0, 1, 4))["u1"]

    def held(self):
        return self.json("held", "list", check=(0, 1, 4))["held"]


def meeting(box, i=0, **more):
    return make(box, i, "CalendarItem", Start="2030-07-04T07:00:00Z", End="2030-07-04T08:00:00Z",
                StartTimeZone=ZONE, EndTimeZone=ZONE,
                **{"Subject": "Review", "Location": "Room 1", "RequiredAttendees": PEOPLE, **more})


def edit(box, i=0, **fields):
    box.exchange("edit", i, id=shown(box, i, "calendar", "Review")["id"], **fields)


def twin(box, i=1):
    return shown(box, i, "calendar", "Review")["fields"]


def outbox(box):
    found = box.exchange("outbox")
    return found["sent"], found["people"]


def test_a_changed_meeting_waits_for_a_person():
    changes = ({"Start": "2030-07-04T09:00:00Z", "End": "2030-07-04T10:00:00Z"}, {"Location": "Hall"})
    for change in changes:
        with Sandbox("--data", "empty") as box, Meetings(box, "") as wess:
            meeting(box)
            make(box, 0, "CalendarItem", Subject="Alone", Start="2030-07-04T07:00:00Z",
                 End="2030-07-04T08:00:00Z", StartTimeZone=ZONE, EndTimeZone=ZONE)
            wess.calm()
            assert twin(box)["Location"] == "Room 1" and not wess.held()
            # What surprises nobody goes across; so does whatever has no people.
            edit(box, Body="Agenda", LegacyFreeBusyStatus="OOF")
            box.exchange("edit", 0, id=shown(box, 0, "calendar", "Alone")["id"], Location="Hall")
            wess.calm()
            assert twin(box)["LegacyFreeBusyStatus"] == "OOF" and not wess.held()
            assert shown(box, 1, "calendar", "Alone")["fields"]["Location"] == "Hall"
            edit(box, **change)
            before = twin(box)
            run = wess.calm()
            assert run["status"] == 4 and twin(box) == before, run
            held = wess.held()
            assert len(held) == 1 and "would not hear of it" in held[0]["reason"], held
            assert [i["title"] for i in held[0]["items"]] == ["Review"], held
            said = wess("held", "list", "-v", check=(0, 1, 4)).stdout
            assert "1 meetings whose time, place or people would change" in said and "Review" in said
            wess("held", "release", str(held[0]["id"]), check=(0, 1))
            wess.calm()
            assert all(twin(box)[k] == v for k, v in change.items()), twin(box)
            assert not wess.held() and outbox(box) == (0, 0), "somebody was told"


def test_a_deleted_meeting_waits_for_a_person():
    with Sandbox("--data", "empty") as box, Meetings(box, "") as wess:
        meeting(box)
        wess.calm()
        box.exchange("delete", 0, id=shown(box, 0, "calendar", "Review")["id"])
        wess.calm()
        assert twin(box) and "deleted" in wess.held()[0]["reason"], wess.held()
        wess("held", "release", str(wess.held()[0]["id"]), check=(0, 1))
        wess.calm()
        assert not box.contacts(1, folder="calendar") and outbox(box) == (0, 0)


def test_silent_writes_and_tells_nobody():
    with Sandbox("--data", "empty") as box, Meetings(box, 'with_attendees = "silent"; invitations = "send";') as wess:
        meeting(box)
        wess.calm()
        edit(box, Start="2030-07-04T09:00:00Z", End="2030-07-04T10:00:00Z")
        wess.calm()
        assert twin(box)["Start"] == "2030-07-04T09:00:00Z" and not wess.held()
        box.exchange("delete", 0, id=shown(box, 0, "calendar", "Review")["id"])
        wess.calm()
        assert not box.contacts(1, folder="calendar") and outbox(box) == (0, 0)


def test_send_takes_two_words_and_counts():
    with Sandbox("--data", "empty") as box, Meetings(box, 'with_attendees = "send";') as wess:
        done = wess("check", check=2)
        assert 'needs invitations = "send" as well' in done.stdout + done.stderr
        assert outbox(box) == (0, 0)
    with Sandbox("--data", "empty") as box, Meetings(box, 'with_attendees = "send"; invitations = "send";') as wess:
        meeting(box)
        make(box, 0, "CalendarItem", Subject="Alone", Start="2030-07-04T07:00:00Z",
             End="2030-07-04T08:00:00Z", StartTimeZone=ZONE, EndTimeZone=ZONE)
        wess.calm()
        assert outbox(box) == (1, 2), outbox(box)  # two people are invited to one meeting
        edit(box, LegacyFreeBusyStatus="OOF")
        wess.calm()
        assert outbox(box) == (1, 2), "nobody is told of what is one's own"
        edit(box, Location="Hall")
        wess.calm()
        assert twin(box)["Location"] == "Hall" and outbox(box) == (2, 4), outbox(box)
        wess.calm()
        assert outbox(box) == (2, 4), "told twice"
        box.exchange("delete", 0, id=shown(box, 0, "calendar", "Review")["id"])
        wess.calm()
        assert outbox(box) == (3, 6), outbox(box)


def test_somebody_elses_meeting():
    """Of it only reminder, categories and show-as are written."""
    with Sandbox("--data", "empty") as box, Meetings(box, 'with_attendees = "silent";') as wess:
        meeting(box)
        wess.calm()
        edit(box, 1, MyResponseType="Accept")
        wess.calm()
        before = twin(box)
        edit(box, 0, LegacyFreeBusyStatus="OOF", ReminderIsSet="true", ReminderMinutesBeforeStart="20",
             Location="Hall", Body="Other words")
        box.exchange("tag", 0, id=shown(box, 0, "calendar", "Review")["id"], category="Red")
        wess.calm()
        now = twin(box)
        assert now["LegacyFreeBusyStatus"] == "OOF" and now["ReminderMinutesBeforeStart"] == "20", now
        assert "Red" in shown(box, 1, "calendar", "Review")["categories"]
        assert now["Location"] == before["Location"] and now.get("Body") == before.get("Body"), now
        assert not wess.json("parked", "list", check=(0, 1))["parked"]
        assert outbox(box) == (0, 0)


def test_private_events():
    for mode in ("skip", "mask", "full"):
        with Sandbox("--data", "empty") as box, Meetings(box, f'private = "{mode}";') as wess:
            secret = meeting(box, Subject="Doctor Who", Body="Secret words", RequiredAttendees="")
            box.exchange("private", 0, id=secret["id"])
            wess.calm()
            there = [c["fields"] for c in box.contacts(1, folder="calendar")]
            if mode == "skip":
                assert not there
                continue
            assert len(there) == 1 and there[0]["Start"] == "2030-07-04T07:00:00Z", there
            seen = str(there[0])
            assert ("Doctor" in seen and "Secret" in seen) == (mode == "full"), seen
            assert not (mode == "mask" and re.search("Doctor|Secret|Room 1", seen)), seen


SHARED = """
site = "meetings"; state_dir = "{dir}/state";
endpoints: {{
  exchange: {{ connector = "ews"; url = "{url}"; auth = "basic"; username = "EXAMPLE\\\\svc-wess";
    password = {{ file = "{dir}/exchange.secret"; }}; impersonate = "%{{user.mailbox}}"; }};
  all: {{ connector = "vdir"; kind = "event"; path = "{dir}/all"; }};
}};
users: {{ source = {{ csv = "{dir}/users.csv"; }}; waves = ( {{ name = "*"; mode = "both"; }} ); }};
pairs: {{ it: {{ kind = "event"; left = "exchange:calendar"; right = "all:calendar";
  select = {{ left = {{ tags_any = [ "Workbooks" ]; }}; }};
  first = {{ create = "yes"; differs = "left"; }}; }}; }};
log: {{ file = "{dir}/log"; level = "debug"; }};
"""


class Shared(Meetings):
    """Two mailboxes, and one folder of what both share."""

    def __init__(self, box):
        super().__init__(box, "")
        os.mkdir(os.path.join(self.dir, "all"))
        self.write("users.csv", f"id,name,mailbox\nu1,Ada,{box.mailbox(0)}\nu2,Ben,{box.mailbox(1)}\n")
        self.write("wess.conf", SHARED.format(dir=self.dir, url=box.info["exchange"]["url"]))

    def file(self):
        names = os.listdir(os.path.join(self.dir, "all"))
        assert len(names) == 1, names
        return os.path.join(self.dir, "all", names[0])

    def text(self):
        with open(self.file(), newline="") as f:
            return f.read()

    def edit(self, old, new):
        text = self.text()
        assert old in text, f"no {old} in {text}"
        name, aside = self.file(), os.path.join(self.dir, "aside")
        with open(aside, "w", newline="") as f:
            f.write(text.replace(old, new))
        os.rename(aside, name)

    def parked(self):
        return self.json("parked", "list", check=(0, 1))["parked"]


def test_a_copy_speaks_while_no_organiser_does():
    uid = {"UID": "one-meeting@example.com", "categories": "Workbooks"}
    with Sandbox("--data", "empty") as box, Shared(box) as wess:
        meeting(box, 1, MyResponseType="Accept", **uid)
        wess.calm()
        # The one copy that takes part tells what is in it, and is not written to.
        edit(box, 1, Location="Room 2")
        wess.calm()
        assert "LOCATION:Room 2" in wess.text()
        wess.edit("SUMMARY:Review", "SUMMARY:Review of all")
        wess.calm()
        assert twin(box)["Subject"] == "Review" and not wess.parked()
        # What is the owner's own goes both ways.
        wess.edit("X-MICROSOFT-CDO-BUSYSTATUS:BUSY" if "CDO-BUSYSTATUS:BUSY" in wess.text() else
                  "SUMMARY:", "X-MICROSOFT-CDO-BUSYSTATUS:OOF\r\nSUMMARY:")
        wess.calm()
        assert twin(box)["LegacyFreeBusyStatus"] == "OOF", twin(box)
        # Whoever organises it comes: their copy is the one that tells, and that is written.
        meeting(box, 0, **{**uid, "Subject": "Review of all", "Location": "Room 2"})
        wess.calm()
        edit(box, 1, Location="My room")
        wess.calm()
        assert "LOCATION:Room 2" in wess.text(), wess.text()
        wess.edit("LOCATION:Room 2", "DESCRIPTION:Bring lunch\r\nLOCATION:Room 2")
        wess.calm()
        organiser = shown(box, 0, "calendar", "Review of all")["fields"]
        assert organiser["Body"] == "Bring lunch" and "Body" not in twin(box), twin(box)
        assert not wess.parked() and outbox(box) == (0, 0)


if __name__ == "__main__":
    main(globals(), mails=3)
