"""Somebody else's client and our connector on one mailbox of the rehearsal server: each reads what the
other one wrote, field by field. exchangelib makes, changes and deletes contacts, tasks, events with
changed and deleted occurrences, and messages; the real binary carries them into folders and back."""
import datetime
import decimal
import os
import re
import sys
import tempfile

from sandbox import Sandbox, Wess, main

try:
    import exchangelib as ex
    from exchangelib.indexed_properties import EmailAddress, PhoneNumber, PhysicalAddress
    from exchangelib.items import SEND_TO_NONE
    from exchangelib.recurrence import Recurrence, WeeklyPattern
except ImportError:
    ex = None

CONFIG = """
site = "independent"; state_dir = "{dir}/state";
endpoints: {{
  here: {{ connector = "vdir"; kind = "{kind}"; path = "{dir}/here"; time_zone = "Europe/Berlin"; }};
  there: {{ connector = "ews"; url = "{url}"; auth = "basic"; username = "EXAMPLE\\\\svc-wess";
    password = {{ file = "{dir}/exchange.secret"; }}; impersonate = "{mailbox}";
    time_zone = "Europe/Berlin"; }};
}};
users: {{ source = {{ csv = "{dir}/users.csv"; }}; waves = ( {{ name = "*"; mode = "both"; }} ); }};
pairs: {{ it: {{ kind = "{kind}"; {pair} }}; }};
log: {{ file = "{dir}/log"; level = "debug"; }};
"""
TWO_WAYS = """left = "here:{c}"; right = "there:{c}";
  select = {{ left = {{ shared = true; }}; right = {{ shared = true; }}; }};
  first = {{ differs = "left"; create = "yes"; }};
  on_delete = {{ left = "delete"; right = "delete"; }};"""
FILED = """mode = "file"; left = "there:messages"; right = "here:messages";
  select = {{ left = {{ tags_any = [ "Workbooks" ]; shared = true; }}; }};
  first = {{ create = "yes"; }};"""
COLLECTION = {"contact": "contacts", "event": "calendar", "task": "tasks", "message": "messages"}
BERLIN = "TZID=Europe/Berlin:"


class Folder(Wess):
    """One user, a folder of files on one side and a mailbox on the other."""

    def __init__(self, kind, box):
        self.box, self.keep, self.kind = box, False, kind
        self.dir = tempfile.mkdtemp(prefix="wess-independent-")
        self.config = os.path.join(self.dir, "wess.conf")
        os.mkdir(os.path.join(self.dir, "here"))
        self.write("exchange.secret", box.info["exchange"]["password"] + "\n", 0o600)
        self.write("users.csv", "id,name\nu1,Ada\n")
        pair = (FILED if kind == "message" else TWO_WAYS).format(c=COLLECTION[kind])
        if kind == "event":
            pair += ' with_attendees = "silent";'
        self.write("wess.conf", CONFIG.format(
            dir=self.dir, url=box.info["exchange"]["url"], mailbox=box.mailbox(0), pair=pair,
            kind="contact" if kind == "message" else kind).replace(
                'pairs: { it: { kind = "contact"', f'pairs: {{ it: {{ kind = "{kind}"'))

    def path(self, name):
        return os.path.join(self.dir, "here", name)

    def files(self):
        return sorted(os.listdir(os.path.join(self.dir, "here")))

    def text(self, name):
        with open(self.path(name), newline="") as f:
            return f.read()

    def put(self, name, *lines):
        aside = self.path(".new")
        with open(aside, "w", newline="") as f:
            f.write("".join(line + "\r\n" for line in lines))
        os.rename(aside, self.path(name))

    def edit(self, name, old, new):
        text = self.text(name)
        assert old in text, f"no {old!r} in {text}"
        self.put(name, *text.replace(old, new, 1).split("\r\n")[:-1])

    def with_line(self, line):
        """Name and unfolded text of the one file that has it."""
        texts = {n: self.text(n).replace("\r\n ", "") for n in self.files()}
        found = [n for n, t in texts.items() if line + "\r\n" in t]
        assert len(found) == 1, f"{len(found)} with {line}: {texts}"
        return found[0], texts[found[0]]

    def settle(self):
        for _ in range(2):
            self("sync", "--no-wait", check=(0, 1, 3, 4))
            self.box.move_clock(600)
        run = self.sync("--no-wait", check=(0, 1))["u1"]
        for side in ("left", "right"):
            for what in ("created", "updated", "deleted", "ended"):
                assert run[side][what] == 0, f"not in step: {side} {what} {run[side][what]}"
        parked = self.json("parked", "list", check=(0, 1))["parked"]
        assert not parked, parked


def mailbox(box):
    e = box.info["exchange"]
    return ex.Account(
        primary_smtp_address=box.mailbox(0), autodiscover=False, access_type=ex.IMPERSONATION,
        default_timezone=ex.EWSTimeZone("Europe/Berlin"),
        config=ex.Configuration(service_endpoint=e["url"], auth_type=ex.BASIC,
                                version=ex.Version(ex.Build(15, 2, 2562, 17)),
                                credentials=ex.Credentials(e["username"], e["password"])))


def shows(item, wanted):
    """Every field of theirs, by exchangelib's own reading of it."""
    wrong = {}
    for name, value in wanted.items():
        got = getattr(item, name)
        if isinstance(got, str):
            got = str(got).replace("\r\n", "\n").rstrip("\n")
        if got != value:
            wrong[name] = (got, value)
    assert not wrong, wrong


def has(text, *lines):
    missing = [line for line in lines if line + "\r\n" not in text]
    assert not missing, f"{missing} in {text}"


def nobody_told(box):
    sent = box.exchange("outbox")["sent"]
    assert sent == 0, "somebody was told"
    print(f"figure mails_sent {sent}")


# ---- contacts

CARD = ("BEGIN:VCARD", "VERSION:3.0", "UID:card@x", "FN:Dr. Ida May Long Jr.", "N:Long;Ida;May;Dr.;Jr.",
        "NICKNAME:Idy", "ORG:Long & Söhne;Sales", "TITLE:Chair", "ROLE:Lawyer",
        "EMAIL;TYPE=pref:ida@long.example", "EMAIL:ida2@long.example", "EMAIL:ida3@long.example",
        "TEL;TYPE=work:+49 30 1", "TEL;TYPE=home:+49 30 2", "TEL;TYPE=cell:+49 30 3",
        "ADR;TYPE=work:;;Weg 1\\, Hof;Berlin;BE;10115;Germany",
        "ADR;TYPE=home:;;Gasse 2;Wien;;1010;Austria", "BDAY:1980-05-17", "X-ANNIVERSARY:2005-06-18",
        "X-SPOUSE:Max", "X-MANAGER:Cy", "X-ASSISTANT:Ben", "URL:http://long.example/a?b=1&c=2",
        "NOTE:Two\\nlines\\, with <b> & \\;", "CATEGORIES:Red,Blue", "END:VCARD")
SHOWN = {"display_name": "Dr. Ida May Long Jr.", "surname": "Long", "given_name": "Ida",
         "middle_name": "May", "generation": "Jr.", "nickname": "Idy", "company_name": "Long & Söhne",
         "department": "Sales", "job_title": "Chair", "profession": "Lawyer", "spouse_name": "Max",
         "manager": "Cy", "assistant_name": "Ben", "business_homepage": "http://long.example/a?b=1&c=2",
         "body": "Two\nlines, with <b> & ;", "sensitivity": "Normal"}


def indexed(values, *parts):
    return {v.label: tuple(getattr(v, p) for p in parts) for v in values or []
            if any(getattr(v, p) for p in parts)}


def test_contacts():
    with Sandbox("--data", "empty") as box, Folder("contact", box) as wess:
        account = mailbox(box)
        wess.put("ida.vcf", *CARD)
        wess.settle()
        ida = account.contacts.get(email_addresses__contains=[
            EmailAddress(label="EmailAddress1", email="ida@long.example")])
        shows(ida, SHOWN)
        assert set(ida.categories) == {"Red", "Blue"}, ida.categories
        assert indexed(ida.email_addresses, "email") == {
            f"EmailAddress{k + 1}": (f"ida{k + 1 if k else ''}@long.example",) for k in range(3)}
        assert indexed(ida.phone_numbers, "phone_number") == {
            "BusinessPhone": ("+49 30 1",), "HomePhone": ("+49 30 2",), "MobilePhone": ("+49 30 3",)}
        assert indexed(ida.physical_addresses, "street", "city", "state", "zipcode", "country") == {
            "Business": ("Weg 1, Hof", "Berlin", "BE", "10115", "Germany"),
            "Home": ("Gasse 2", "Wien", None, "1010", "Austria")}, ida.physical_addresses
        assert (str(ida.birthday)[:10], str(ida.wedding_anniversary)[:10]) == (
            "1980-05-17", "2005-06-18"), (ida.birthday, ida.wedding_anniversary)
        # Changed and cleared by them: only those lines are others.
        before = wess.text("ida.vcf").split("\r\n")
        ida.job_title, ida.department, ida.body = "Chief", None, "One line"
        ida.categories = ["Blue", "Green"]
        ida.phone_numbers = [PhoneNumber(label="MobilePhone", phone_number="+49 30 33")]
        ida.save(update_fields=["job_title", "department", "body", "categories", "phone_numbers"])
        wess.settle()
        text = wess.text("ida.vcf")
        has(text, "TITLE:Chief", "NOTE:One line", "ORG:Long & Söhne;", "TEL;TYPE=cell:+49 30 33",
            "CATEGORIES:Blue,Green")
        changed = [line for line in before if line not in text.split("\r\n")]
        assert {re.split("[:;]", line)[0] for line in changed} == {
            "ORG", "TITLE", "NOTE", "CATEGORIES", "TEL"}, changed
        assert "+49 30 1" not in text and "+49 30 2\r\n" not in text, text
        # Made by them.
        other = ex.Contact(
            folder=account.contacts, display_name="Cy Dow", given_name="Cy", surname="Dow",
            company_name="Dow; Ltd", body="A\nB", birthday=ex.EWSDate(1990, 2, 28),
            categories=["Red"], business_homepage="http://dow.example",
            email_addresses=[EmailAddress(label="EmailAddress1", email="cy@dow.example")],
            phone_numbers=[PhoneNumber(label="BusinessPhone", phone_number="1"),
                           PhoneNumber(label="Pager", phone_number="2")],
            physical_addresses=[PhysicalAddress(label="Other", street="S", city="C", zipcode="Z")])
        other.save()
        wess.settle()
        name, text = wess.with_line("FN:Cy Dow")
        has(text, "N:Dow;Cy;;;", "ORG:Dow\\; Ltd", "NOTE:A\\nB", "CATEGORIES:Red",
            "URL:http://dow.example")
        assert re.search("BDAY(;VALUE=date)?:1990-?02-?28\r\n", text), text
        assert re.search("EMAIL.*:cy@dow.example\r\n", text), text
        assert re.search("TEL;TYPE=(work|WORK).*:1\r\n", text), text
        assert re.search("TEL;TYPE=(pager|PAGER).*:2\r\n", text), text
        assert re.search("ADR.*:;;S;C;;Z;\r\n", text), text
        # Deleted by them, and by us.
        other.delete()
        wess.settle()
        assert wess.files() == ["ida.vcf"], wess.files()
        os.remove(wess.path("ida.vcf"))
        wess.settle()
        assert account.contacts.all().count() == 0 and account.trash.all().count() == 1
        nobody_told(box)


# ---- tasks

def test_tasks():
    with Sandbox("--data", "empty") as box, Folder("task", box) as wess:
        account = mailbox(box)
        wess.put("offer.ics", "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//S//EN", "BEGIN:VTODO",
                 "UID:offer@x", "DTSTAMP:20290101T000000Z", "SUMMARY:Offer & more",
                 "DESCRIPTION:Two\\nlines", "DTSTART;VALUE=DATE:20300201", "DUE;VALUE=DATE:20300203",
                 "PRIORITY:1", "PERCENT-COMPLETE:40", "STATUS:IN-PROCESS", "CATEGORIES:Red,Blue",
                 "END:VTODO", "END:VCALENDAR")
        wess.settle()
        offer = account.tasks.get(subject="Offer & more")
        shows(offer, {"body": "Two\nlines", "importance": "High", "percent_complete": 40,
                      "status": "InProgress", "start_date": datetime.date(2030, 2, 1),
                      "due_date": datetime.date(2030, 2, 3), "complete_date": None,
                      "sensitivity": "Normal", "reminder_is_set": False, "is_recurring": False})
        assert set(offer.categories) == {"Red", "Blue"}, offer.categories
        offer.status, offer.importance = "WaitingOnOthers", "Low"
        offer.due_date, offer.body = ex.EWSDate(2030, 2, 5), None
        offer.categories = ["Blue"]
        offer.save(update_fields=["status", "importance", "due_date", "body", "categories"])
        wess.settle()
        text = wess.text("offer.ics")
        has(text, "STATUS:NEEDS-ACTION", "X-WESS-STATUS:X-WAITING", "DUE;VALUE=DATE:20300205",
            "DTSTART;VALUE=DATE:20300201", "CATEGORIES:Blue", "PRIORITY:9")
        assert "DESCRIPTION" not in text, text
        made = ex.Task(folder=account.tasks, subject="Answer", body="B", status="Deferred",
                       importance="High", due_date=ex.EWSDate(2030, 3, 31), percent_complete=decimal.Decimal(25),
                       categories=["Red"])
        made.save()
        wess.settle()
        name, text = wess.with_line("SUMMARY:Answer")
        has(text, "DESCRIPTION:B", "STATUS:NEEDS-ACTION", "X-WESS-STATUS:X-DEFERRED", "PRIORITY:1",
            "DUE;VALUE=DATE:20300331", "PERCENT-COMPLETE:25", "CATEGORIES:Red")
        wess.edit(name, "PERCENT-COMPLETE:25", "PERCENT-COMPLETE:50")
        wess.edit(name, "DUE;VALUE=DATE:20300331", "DUE;VALUE=DATE:20300401")
        wess.settle()
        made.refresh()
        shows(made, {"percent_complete": 50, "due_date": datetime.date(2030, 4, 1), "body": "B"})
        made.delete()
        wess.settle()
        assert wess.files() == ["offer.ics"], wess.files()
        os.remove(wess.path("offer.ics"))
        wess.settle()
        assert account.tasks.all().count() == 0
        nobody_told(box)


# ---- events

def at(zone, *when):
    return ex.EWSDateTime(*when, tzinfo=zone)


def test_events():
    with Sandbox("--data", "empty") as box, Folder("event", box) as wess:
        account = mailbox(box)
        zone = account.default_timezone
        wess.put("talk.ics", "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//S//EN", "BEGIN:VEVENT",
                 "UID:talk@x", "DTSTAMP:20290101T000000Z", f"DTSTART;{BERLIN}20300704T090000",
                 f"DTEND;{BERLIN}20300704T103000", "SUMMARY:Talk", "LOCATION:Room\\, 1",
                 "DESCRIPTION:Text", "TRANSP:TRANSPARENT", "CATEGORIES:Red",
                 "ATTENDEE;CN=Cy;ROLE=REQ-PARTICIPANT:mailto:cy@example.com",
                 "ATTENDEE;CN=Ben;ROLE=OPT-PARTICIPANT:mailto:ben@example.com",
                 "BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:Talk", "TRIGGER:-PT15M", "END:VALARM",
                 "END:VEVENT", "END:VCALENDAR")
        wess.settle()
        talk = account.calendar.get(subject="Talk")
        shows(talk, {"location": "Room, 1", "body": "Text", "legacy_free_busy_status": "Free",
                     "is_all_day": False, "reminder_is_set": True, "uid": "talk@x",
                     "reminder_minutes_before_start": 15, "categories": ["Red"], "recurrence": None,
                     "start": at(zone, 2030, 7, 4, 9), "end": at(zone, 2030, 7, 4, 10, 30)})
        assert talk._start_timezone.ms_id == "W. Europe Standard Time", talk._start_timezone
        for people, address in ((talk.required_attendees, "cy@example.com"),
                                (talk.optional_attendees, "ben@example.com")):
            assert [p.mailbox.email_address for p in people] == [address], people
        talk.start, talk.end = at(zone, 2030, 7, 5, 11), at(zone, 2030, 7, 5, 12)
        talk.location, talk.legacy_free_busy_status = None, "OOF"
        talk.save(update_fields=["start", "end", "location", "legacy_free_busy_status"],
                  send_meeting_invitations=SEND_TO_NONE)
        wess.settle()
        text = wess.text("talk.ics")
        has(text, f"DTSTART;{BERLIN}20300705T110000", f"DTEND;{BERLIN}20300705T120000",
            "X-MICROSOFT-CDO-BUSYSTATUS:OOF", "SUMMARY:Talk", "DESCRIPTION:Text", "TRIGGER:-PT15M")
        assert "LOCATION" not in text, text
        days = ex.CalendarItem(
            folder=account.calendar, subject="Fair", start=ex.EWSDate(2030, 7, 4),
            end=ex.EWSDate(2030, 7, 5), is_all_day=True, legacy_free_busy_status="Free",
            categories=["Blue"], reminder_is_set=False)
        days.save(send_meeting_invitations=SEND_TO_NONE)
        wess.settle()
        name, text = wess.with_line("SUMMARY:Fair")
        has(text, "DTSTART;VALUE=DATE:20300704", "DTEND;VALUE=DATE:20300706", "TRANSP:TRANSPARENT",
            "CATEGORIES:Blue")
        wess.edit(name, "DTEND;VALUE=DATE:20300706", "DTEND;VALUE=DATE:20300707")
        wess.settle()
        days.refresh()
        shows(days, {"is_all_day": True, "subject": "Fair", "start": datetime.date(2030, 7, 4),
                     "end": datetime.date(2030, 7, 6)})
        days.delete(send_meeting_cancellations=SEND_TO_NONE)
        wess.settle()
        assert wess.files() == ["talk.ics"], wess.files()
        os.remove(wess.path("talk.ics"))
        wess.settle()
        assert account.calendar.all().count() == 0
        nobody_told(box)


def test_series_of_theirs():
    """By hand: Mondays at nine in Berlin from 2030-09-02; the clocks change on 2030-10-27."""
    with Sandbox("--data", "empty") as box, Folder("event", box) as wess:
        account = mailbox(box)
        zone = account.default_timezone
        master = ex.CalendarItem(
            folder=account.calendar, subject="All", start=at(zone, 2030, 9, 2, 9),
            end=at(zone, 2030, 9, 2, 10), reminder_is_set=False,
            recurrence=Recurrence(pattern=WeeklyPattern(interval=1, weekdays=["Monday"]),
                                  start=ex.EWSDate(2030, 9, 2), number=12))
        master.save(send_meeting_invitations=SEND_TO_NONE)
        moved = master.occurrence(index=10)
        moved.refresh()
        assert (moved.start, moved.type) == (at(zone, 2030, 11, 4, 9), "Occurrence"), moved
        moved.start, moved.end = at(zone, 2030, 11, 5, 13), at(zone, 2030, 11, 5, 14)
        moved.subject = "Moved"
        moved.save(update_fields=["start", "end", "subject"], send_meeting_invitations=SEND_TO_NONE)
        master.occurrence(index=2).delete(send_meeting_cancellations=SEND_TO_NONE)
        wess.settle()
        name, text = wess.with_line("SUMMARY:All")
        has(text, "RRULE:FREQ=WEEKLY;COUNT=12;BYDAY=MO" if "COUNT=12;BYDAY" in text else
            "RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=12", f"DTSTART;{BERLIN}20300902T090000",
            f"EXDATE;{BERLIN}20300909T090000", f"RECURRENCE-ID;{BERLIN}20301104T090000",
            f"DTSTART;{BERLIN}20301105T130000", f"DTEND;{BERLIN}20301105T140000", "SUMMARY:Moved")
        assert text.count("BEGIN:VEVENT") == 2, text
        # Back from the file: another one goes, the moved one moves once more, the series is renamed.
        wess.edit(name, f"EXDATE;{BERLIN}20300909T090000",
                  f"EXDATE;{BERLIN}20300909T090000,20300930T090000")
        wess.edit(name, "20301105T130000", "20301105T123000")
        wess.edit(name, "SUMMARY:All", "SUMMARY:Everybody")
        wess.settle()
        master.refresh()
        assert master.subject == "Everybody" and len(master.deleted_occurrences) == 2
        assert sorted(o.start for o in master.deleted_occurrences) == [
            at(zone, 2030, 9, 9, 9), at(zone, 2030, 9, 30, 9)], master.deleted_occurrences
        (one,) = master.modified_occurrences
        assert (one.original_start, one.start) == (
            at(zone, 2030, 11, 4, 9), at(zone, 2030, 11, 5, 12, 30)), one
        master.delete(send_meeting_cancellations=SEND_TO_NONE)
        wess.settle()
        assert not wess.files(), wess.files()
        nobody_told(box)


def test_series_of_ours():
    with Sandbox("--data", "empty") as box, Folder("event", box) as wess:
        account = mailbox(box)
        zone = account.default_timezone
        wess.put("s.ics", "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//S//EN", "BEGIN:VEVENT", "UID:s@x",
                 "DTSTAMP:20290101T000000Z", f"DTSTART;{BERLIN}20300902T090000",
                 f"DTEND;{BERLIN}20300902T100000", "SUMMARY:All", "RRULE:FREQ=WEEKLY;BYDAY=MO,TH",
                 f"EXDATE;{BERLIN}20300909T090000", "END:VEVENT", "BEGIN:VEVENT", "UID:s@x",
                 "DTSTAMP:20290101T000000Z", f"RECURRENCE-ID;{BERLIN}20301104T090000",
                 f"DTSTART;{BERLIN}20301105T130000", f"DTEND;{BERLIN}20301105T140000",
                 "SUMMARY:Moved", "LOCATION:Hall", "END:VEVENT", "END:VCALENDAR")
        wess.settle()
        all_ = account.calendar.get(subject="All")
        assert all_.type == "RecurringMaster" and all_.uid == "s@x", (all_.type, all_.uid)
        pattern = all_.recurrence.pattern
        assert (pattern.interval, pattern.weekdays) == (1, ["Monday", "Thursday"]) or (
            pattern.interval == 1 and [str(d) for d in pattern.weekdays] == ["1", "4"]), pattern
        assert str(all_.recurrence.boundary.start)[:10] == "2030-09-02", all_.recurrence
        assert [o.start for o in all_.deleted_occurrences] == [at(zone, 2030, 9, 9, 9)]
        (told,) = all_.modified_occurrences
        assert told.original_start == at(zone, 2030, 11, 4, 9), told
        one = account.calendar.get(id=told.id)
        shows(one, {"subject": "Moved", "location": "Hall", "start": at(zone, 2030, 11, 5, 13),
                    "end": at(zone, 2030, 11, 5, 14), "type": "Exception"})
        # Found by its number too, and one more is changed and one deleted by them.
        three = all_.occurrence(index=4)  # of 2030-09-12, since a deleted one counts
        three.refresh()
        three.location = "Room 3"
        three.save(update_fields=["location"], send_meeting_invitations=SEND_TO_NONE)
        all_.occurrence(index=5).delete(send_meeting_cancellations=SEND_TO_NONE)
        wess.settle()
        text = wess.text("s.ics").replace("\r\n ", "")
        has(text, f"RECURRENCE-ID;{BERLIN}20300912T090000", "LOCATION:Room 3")
        assert re.search(f"EXDATE;{BERLIN}20300916T090000\r\n", text), text
        os.remove(wess.path("s.ics"))
        wess.settle()
        assert account.calendar.all().count() == 0
        nobody_told(box)


# ---- messages: filed, and never written by us

MIME = (b"Message-ID: <offer@example.com>\r\nFrom: Ada <ada@example.com>\r\nTo: cy@dow.example\r\n"
        b"Subject: Offer\r\nDate: Mon, 04 Feb 2030 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        b"Gr\xc3\xbc\xc3\x9fe <b> & so on\r\n.\r\n")


def test_messages():
    with Sandbox("--data", "empty") as box, Folder("message", box) as wess:
        account = mailbox(box)
        offer = ex.Message(account=account, folder=account.inbox, mime_content=MIME, is_read=False,
                           importance="High", categories=["Red"])
        offer.save()
        wess.settle()
        assert not wess.files(), "it is not tagged"
        offer.categories = ["Red", "Workbooks"]
        offer.save(update_fields=["categories"])
        wess.settle()
        (name,) = wess.files()
        with open(wess.path(name), "rb") as f:
            assert f.read() == MIME
        # By us it was not touched; edited by them, it is not filed again, nor is the file changed.
        offer.refresh()
        shows(offer, {"subject": "Offer", "message_id": "<offer@example.com>", "is_read": False,
                      "importance": "High", "categories": ["Red", "Workbooks"]})
        assert offer.sender is None or offer.sender.email_address == "ada@example.com"
        assert offer.mime_content == MIME
        offer.is_read, offer.importance = True, "Low"
        offer.save(update_fields=["is_read", "importance"])
        draft = ex.Message(account=account, folder=account.drafts, subject="Draft", body="Text",
                           to_recipients=[ex.Mailbox(email_address="cy@dow.example")],
                           categories=["Workbooks"])
        draft.save()
        wess.settle()
        assert wess.files() == [name], wess.files()
        offer.delete()
        wess.settle()
        assert wess.files() == [name] and account.inbox.all().count() == 0
        assert account.drafts.get(subject="Draft").is_draft in (True, None)
        nobody_told(box)


if __name__ == "__main__":
    if not ex:
        print("SKIP: python3-exchangelib is not here")
        sys.exit(77)
    main(globals())
