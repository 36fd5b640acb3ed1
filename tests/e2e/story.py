"""The whole job as a story of three people, told chapter by chapter: each has a mailbox of the
rehearsal Exchange and one of a real Dovecot, and all share the rehearsal Workbooks; the first keeps a
folder of calendar files as well. A chapter is what people do while no run is under way; how the runs
after it go is whoever tells the story's business (test_whole_story.py)."""
import datetime
import os
import re
import shutil

from dovecot import Dovecot, Mailbox
from sandbox import Sandbox, Wess

USERS = ("ada", "ben", "cy")
# The pairs of the preset, written out: a second endpoint of the mailboxes has the series, whose other
# side is a folder.
CONFIG = """site = "story"; state_dir = "{dir}/state";
endpoints: {{
  exchange: {{ connector = "ews"; {mailbox} }};
  series: {{ connector = "ews"; attachments = true; {mailbox} }};
  crm: {{ connector = "workbooks"; url = "{workbooks}"; api_key = {{ file = "{dir}/workbooks.secret"; }}; }};
  tags: {{ connector = "imap-tags"; url = "imap://127.0.0.1:{imap}"; username = "%{{user.id}}";
    password = {{ file = "{dir}/imap.secret"; }}; }};
  files: {{ connector = "vdir"; kind = "event"; path = "{dir}/files/%{{user.id}}"; attachments = true;
    time_zone = "Europe/London"; }};
}};
pairs: {{
  people: {{ kind = "contact"; left = "exchange:contacts"; right = "crm:people"; {select}
    first = {{ differs = "left"; create = "yes"; }}; on_delete = {{ left = "delete"; }}; }};
  tasks: {{ kind = "task"; left = "exchange:tasks"; right = "crm:tasks"; {select} {window}
    first = {{ create = "yes"; }}; on_delete = {{ left = "delete"; right = "delete"; }}; }};
  meetings: {{ kind = "event"; left = "exchange:calendar"; right = "crm:meetings"; {select} {window}
    first = {{ create = "yes"; }}; fields = ( {{ field = "attendees"; direction = "to_right"; }} ); }};
  mail: {{ kind = "message"; mode = "file"; left = "exchange:messages"; right = "crm:emails"; {window}
    first = {{ create = "yes"; }}; select = {{ left = {{ tags_any = [ "Workbooks" ]; source = "tags"; }}; }}; }};
  diary: {{ kind = "event"; left = "series:calendar"; right = "files:calendar";
    select = {{ left = {{ tags_any = [ "Diary" ]; }}; }}; first = {{ create = "yes"; }};
    on_delete = {{ left = "delete"; right = "delete"; }}; }};
}};
users: {{ source = {{ csv = "{dir}/users.csv"; }}; waves = ( {{ name = "*"; mode = "both"; }} ); }};
daemon: {{ workers = 4; }};
http: {{ connect_timeout = "20s"; timeout = "5s"; }};
log: {{ file = "{dir}/log"; level = "debug"; }};
"""
MAILBOX = """url = "{exchange}"; auth = "basic"; username = "EXAMPLE\\\\svc-wess"; password = {{
    file = "{dir}/exchange.secret"; }}; impersonate = "%{{user.mailbox}}"; time_zone = "Europe/London";"""
SELECT = """select = { left = { tags_any = [ "Workbooks" ]; };
    right = { queue = "%{user.workbooks}"; }; };"""
WINDOW = """window = { past = "180d"; future = "720d"; };"""
TODAY = datetime.date.today()  # once: a story is told within one day
NOOR, OTTO, PIA = "noor@wingtip.example", "otto@coho.example", "pia@coho.example"
OFFER = "<offer-2107@coho.example>"
TASTING = "040000008200E00074C5B7101A82E00800000000B0A1E2C3D4F5DC01000000000000000010000000AA"
WORDS = {"categories": "Workbooks"}


def day(n, hour=None):
    text = (TODAY + datetime.timedelta(days=n)).isoformat()
    return text if hour is None else f"{text}T{hour:02}:00:00Z"


class Story(Wess):
    def __init__(self):
        self.servers = Sandbox("--data", "load", "--users", "3", "--contacts", "0", "--employers", "0")
        self.dovecot = Dovecot()
        names = [m["name"] for m in self.servers.info["exchange"]["mailboxes"]]
        super().__init__(self.servers, users=["id,name,mailbox,workbooks,wave"] + [
            f"{u},{names[i]},{self.servers.mailbox(i)},{names[i]},pilot" for i, u in enumerate(USERS)])
        self.mail = [Mailbox(self.dovecot, u) for u in USERS]
        for user in USERS:
            os.makedirs(os.path.join(self.dir, "files", user))
        self.write("imap.secret", self.dovecot.password + "\n", 0o600)
        info = self.servers.info
        self.write("wess.conf", CONFIG.format(
            dir=self.dir, workbooks=info["workbooks"]["url"], imap=self.dovecot.port, select=SELECT,
            window=WINDOW, mailbox=MAILBOX.format(dir=self.dir, exchange=info["exchange"]["url"])))
        for name in ("Coho", "Wingtip"):
            self.box.workbooks("organisation", name=name)

    def __exit__(self, kind, *rest):
        super().__exit__(kind, *rest)
        self.dovecot.stop()
        shutil.rmtree(self.dovecot.dir, ignore_errors=True)
        self.servers.stop()

    # ---- what people do, and see ---------------------------------------------------------------
    def make(self, i, kind, **fields):
        return self.box.exchange("create", i, kind=kind, **{**WORDS, **fields})

    def item(self, i, folder, name):
        found = [c for c in self.box.contacts(i, folder=folder) if c["fields"].get("Subject") == name]
        assert len(found) == 1, f"{len(found)} of {name} in the mailbox of {USERS[i]}"
        return found[0]

    def edit(self, i, folder, name, action="edit", /, **fields):
        self.box.exchange(action, i, id=self.item(i, folder, name)["id"], **fields)

    def contact(self, i, email, action="edit", **fields):
        self.box.exchange(action, i, id=self.box.contact(i, email=email, folder="contacts")["id"], **fields)

    def there(self, of, name):
        found = [r for r in self.records(of) if r["fields"].get("name") == name]
        assert len(found) == 1, f"{len(found)} {of} named {name} in the CRM"
        return found[0]

    def records(self, of):
        return [r for r in self.box.workbooks("list", of=of)[of] if not r["is_deleted"]]

    def crm(self, of, name, action="edit", /, **fields):
        self.box.workbooks(action, of=of, id=self.there(of, name)["id"], **fields)

    def questions(self):
        return self.json("conflicts", "list", check=(0, 1))["conflicts"]

    def sent(self):
        return self.box.exchange("outbox")["sent"] + self.box.workbooks("sent")["sent"]


# ---- the chapters -----------------------------------------------------------------------------------

def card(s, i, name, email, **more):
    s.make(i, "Contact", DisplayName=name, GivenName=name.split()[0], Surname=name.split()[1],
           EmailAddress1=email, **more)


def one_customer(s):
    """One customer in all three mailboxes, and others; one the CRM has for Ben already."""
    for i in range(3):
        card(s, i, "Noor Haddad", NOOR, CompanyName="Wingtip")
    card(s, 0, "Otto Berg", OTTO, CompanyName="Coho")
    card(s, 0, "O. Berg", "berg@coho.example")
    card(s, 1, "Ida Lund", "ida@coho.example")
    card(s, 2, "Not Shared", "not@shared.example", categories="Red")
    s.box.workbooks("create", name="Pia Holm", person_first_name="Pia", person_last_name="Holm",
                    queue_id=12, **{"main_location[email]": PIA})


def four_kinds(s):
    """A task, a series with exceptions and a file, and in all three mailboxes a meeting with the
    customer, and one mail, tagged by its keyword."""
    s.make(0, "Task", Subject="Price list", DueDate=day(9, 0), Importance="High", Body="Two\nlines")
    s.make(1, "Task", Subject="Call Ida", DueDate=day(3, 0))
    who = (f"<t:Attendee><t:Mailbox><t:Name>Noor</t:Name><t:EmailAddress>{NOOR}</t:EmailAddress>"
           "</t:Mailbox></t:Attendee>")
    for i in (1, 0, 2):  # Ben asks the others to it
        answer = {} if i == 1 else {"MyResponseType": "Accept"}
        s.make(i, "CalendarItem", Subject="Tasting", UID=TASTING, Start=day(12, 10), End=day(12, 11),
               RequiredAttendees=who, **answer)
    begin = TODAY + datetime.timedelta(days=28 - TODAY.weekday())  # a Monday
    rule = ("<t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Monday</t:DaysOfWeek>"
            "</t:WeeklyRecurrence><t:NumberedRecurrence>"
            f"<t:StartDate>{begin}</t:StartDate><t:NumberOfOccurrences>8</t:NumberOfOccurrences>"
            "</t:NumberedRecurrence>")
    s.make(0, "CalendarItem", Subject="Weekly", Start=f"{begin}T09:00:00Z", End=f"{begin}T10:00:00Z",
           StartTimeZone="GMT Standard Time", EndTimeZone="GMT Standard Time", Recurrence=rule,
           categories="Diary,Workbooks")
    s.edit(0, "calendar", "Weekly", "occurrence", index=2, gone=1)
    s.edit(0, "calendar", "Weekly", "occurrence", index=4, Subject="Weekly, in the hall")
    s.edit(0, "calendar", "Weekly", "attach", name="agenda.txt", text="One, two")
    sender = f"<t:Mailbox><t:Name>Otto</t:Name><t:EmailAddress>{OTTO}</t:EmailAddress></t:Mailbox>"
    for i in range(3):
        s.box.exchange("mail", i, Subject="Your offer", Body="We take it.", InternetMessageId=OFFER, From=sender)
        s.mail[i].append(OFFER)
        s.mail[i].tag(OFFER)


def edits(s):
    """Edits alone travel, both ways; somebody changes employers."""
    s.contact(0, NOOR, JobTitle="Buyer")
    s.crm("people", "Noor Haddad", **{"main_location[mobile]": "+44 7700 900999"})
    s.crm("people", "Otto Berg", employer="Wingtip")
    s.edit(0, "tasks", "Price list", DueDate=day(10, 0))
    s.crm("tasks", "Price list", activity_priority="Medium")
    s.crm("meetings", "Tasting", name="Tasting at Coho")
    s.edit(0, "calendar", "Weekly", "attach", name="map.txt", text="Here")


def conflict(s):
    s.contact(0, OTTO, JobTitle="Partner")
    s.crm("people", "Otto Berg", person_job_title="Senior Partner")


def resolve(s):
    found = [q for q in s.questions() if q.get("field") == "title"]
    assert len(found) == 1, s.questions()
    s("conflicts", "resolve", str(found[0]["id"]), "--right")


def untag(s):
    """The tag taken off sticks, for its mailbox alone."""
    s.contact(1, NOOR, "untag")
    s.edit(1, "tasks", "Call Ida", "untag")
    s.crm("people", "Noor Haddad", person_job_title="Head Buyer")
    s.mail[2].untag(OFFER)


def retag(s):
    s.contact(1, NOOR, "tag")
    s.edit(1, "tasks", "Call Ida", "tag")
    s.mail[2].tag(OFFER)


def merge(s):
    """Two people are one in the CRM, by hand: the one that stays gets the address of the other."""
    s.crm("people", "Otto Berg", **{"home_location[email]": "berg@coho.example"})
    s.crm("people", "O. Berg", "delete")


def deletions(s):
    s.contact(1, "ida@coho.example", "delete")
    s.edit(0, "tasks", "Price list", "delete")
    s.crm("tasks", "Call Ida", "delete")
    s.edit(0, "calendar", "Weekly", "occurrence", index=6, gone=1)
    s.contact(0, "berg@coho.example", "delete")


CHAPTERS = (one_customer, four_kinds, edits, conflict, resolve, untag, retag, merge, deletions)

# ---- how it ends ------------------------------------------------------------------------------------

# Of the servers' own doing, or of the moment of writing.
FLEETING = re.compile(r"DateTime|LastModified|UID$|Id$|CompleteDate|^id$|lock_version|_at$|_by$|object_ref|"
                      r"created_through_reference|rfc822$|MimeSha256|rfc822_sha256|completed|_id$")
LINES = re.compile(r"^(X-WESS|UID|DTSTAMP|CREATED|LAST-MODIFIED|SEQUENCE|PRODID)")


def plain(fields):
    return {k: re.sub(r'(Id|ChangeKey)="[^"]*"', "", v) if isinstance(v, str) else v
            for k, v in sorted(fields.items()) if not FLEETING.search(k)}


def look(s):
    """All that people see, without ids, stamps and times of writing."""
    shown = {}
    for i, user in enumerate(USERS):
        for folder in ("contacts", "tasks", "calendar", "inbox"):
            shown[f"{user} {folder}"] = sorted(
                str((sorted(c["categories"]), c["sensitivity"], plain(c["fields"])))
                for c in s.box.contacts(i, folder=folder))
        shown[f"{user} keywords"] = sorted(map(sorted, s.mail[i].flags(OFFER)))
        place = os.path.join(s.dir, "files", user)
        shown[f"{user} files"] = sorted(lines_of(os.path.join(place, f)) for f in os.listdir(place)
                                        if f.endswith(".ics"))
    people = {str(p["id"]): p["fields"].get("name") for p in s.records("people")}
    for of in ("people", "tasks", "meetings", "emails"):
        shown[of] = sorted(str((r["queue"], plain(r["fields"]))) for r in s.records(of))
    shown["links"] = sorted((l["fields"]["activity_type"], people.get(l["fields"]["resource_id"], "?"))
                            for l in s.records("links"))
    shown["questions"] = sorted((q["title"], q.get("field") or "") for q in s.questions())
    return shown


def lines_of(path):
    with open(path, newline="") as f:
        text = f.read().replace("\r\n ", "")
    return "\n".join(line for line in text.split("\r\n") if not LINES.match(line))


def once(s):
    """One record of each, whoever shares it, and a stamp on no two."""
    names = [r["fields"].get("name") for r in s.records("people")]
    assert len(names) == len(set(names)), names
    assert len(s.records("emails")) == 1, "one mail, filed once"
    assert len([m for m in s.records("meetings") if "Tasting" in m["fields"]["name"]]) == 1, "one meeting"
    for of in ("people", "tasks", "meetings", "emails"):
        stamps = [r["created_through_reference"] for r in s.records(of) if r["created_through_reference"]]
        assert len(stamps) == len(set(stamps)), (of, stamps)
