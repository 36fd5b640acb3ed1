"""The main job on rehearsal servers and a real Dovecot, as a story. Run it by ./run demo; with --stay
the servers stay up afterwards, to type commands of one's own, until ^C."""
import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
from dovecot import Dovecot, Mailbox  # noqa: E402
from sandbox import BUILD, Sandbox, program  # noqa: E402

CONFIG = """site = "demo";
state_dir = "{dir}/state";
preset = "workbooks-exchange";
endpoints: {{
  exchange: {{ connector = "ews"; url = "{exchange}";
    auth = "ntlm"; username = "EXAMPLE\\\\svc-wess";
    password = {{ file = "{dir}/exchange.secret"; }}; impersonate = "%{{user.mailbox}}";
    time_zone = "Europe/London"; }};
  crm: {{ connector = "workbooks"; url = "{workbooks}";
    api_key = {{ file = "{dir}/workbooks.secret"; }}; }};
  tags: {{ connector = "imap-tags"; url = "{imap}"; username = "%{{user.id}}";
    password = {{ file = "{dir}/imap.secret"; }}; }};
}};
pairs: {{
  people: {{ first = {{ differs = "left"; }}; on_delete = {{ left = "delete"; }};
    guard = {{ max_delete = 3; }}; }};
  mail: {{ select = {{ left = {{ tags_any = [ "Workbooks" ]; source = "tags";
    join = "message-id"; }}; }}; }};
}};
users: {{ source = {{ csv = "{dir}/users.csv"; }};
  waves = ( {{ name = "pilot"; mode = "both"; }} ); }};
log: {{ file = "{dir}/log"; }};
"""
OFFER = "<offer-2107@coho.example>"
MARGARETHE, HENRY = "m.koehler@fabrikam.example", "henry.thorne@adatum.example"
IDRIS = "idris.vance@coho.example"
step = 0


def chapter(title, text=""):
    global step
    step += 1
    print(f"\n\033[1m{step}. {title}\033[0m" if sys.stdout.isatty() else f"\n{step}. {title}")
    if text:
        tell(text, "")


def tell(text, before="\n"):
    print(before + textwrap.fill(" ".join(text.split()), 96))


def day(n):
    return (datetime.date.today() + datetime.timedelta(days=n)).isoformat()


class Demo:
    def __init__(self, folder, box, dovecot):
        self.dir, self.box = folder, box
        self.person = Mailbox(dovecot, "ada")  # Ada's other mail program
        info = box.info
        self.env = {"WESS_CONFIG": os.path.join(folder, "wess.conf"),
                    "WESS_CLOCK_FILE": box.clock_file}
        self.write("exchange.secret", info["exchange"]["password"] + "\n")
        self.write("workbooks.secret", info["workbooks"]["api_key"] + "\n")
        self.write("imap.secret", dovecot.password + "\n")
        self.write("users.csv", "id,name,mailbox,workbooks,wave\n" + "".join(
            f"{m['username'].split(chr(92))[1]},{m['name']},{m['address']},{m['name']},pilot\n"
            for m in info["exchange"]["mailboxes"]))
        self.config = CONFIG.format(
            dir=folder, exchange=info["exchange"]["url"], workbooks=info["workbooks"]["url"],
            imap=f"imap://127.0.0.1:{dovecot.port}")
        self.write("wess.conf", self.config)

    def write(self, name, text):
        with open(os.open(os.path.join(self.dir, name), os.O_CREAT | os.O_WRONLY, 0o600), "w") as f:
            f.write(text)

    def show(self, command, text, lines=None):
        print(f"\n  $ {command}")
        out = text.rstrip().splitlines()
        for line in out[:lines]:
            print(f"  | {line}".rstrip())
        if lines and len(out) > lines:
            print(f"  | ... {len(out) - lines} lines more")

    def wess(self, *args, show=True, lines=None, check=(0, 1, 4)):
        done = subprocess.run([program("wess"), *args], text=True, capture_output=True,
                              stdin=subprocess.DEVNULL, env=dict(os.environ, **self.env))
        if done.returncode not in check:
            sys.exit(f"wess {' '.join(args)}: status {done.returncode}\n{done.stdout}{done.stderr}")
        if show:
            self.show("wess " + " ".join(args), done.stdout + done.stderr, lines)
        return done

    def sync(self, *pair, **more):
        """Half an hour later the daemon would do what is typed here."""
        self.box.move_clock(1800)
        return self.wess("sync", *pair, **more)

    def waiting(self):
        return json.loads(self.wess("conflicts", "list", "--json", show=False).stdout)["conflicts"]

    def crm(self, of, name):
        found = [r for r in self.box.workbooks("list", of=of)[of] if not r["is_deleted"]
                 and (r["fields"].get("name") == name or f"Subject: {name}" in r["fields"].get("rfc822", ""))]
        if len(found) != 1:
            sys.exit(f"the CRM has {len(found)} {of} of the name {name}, not one")
        return found[0]

    def mailbox(self, folder, name):
        return [i for i in self.box.contacts(0, folder=folder) if i["fields"].get("Subject") == name][0]

    def sides(self):
        ada, ben = self.box.contacts(0), self.box.contacts(1)
        tagged = [sum("Workbooks" in c["categories"] for c in m) for m in (ada, ben)]
        tell(f"Ada's mailbox {len(ada)} contacts, {tagged[0]} tagged; Ben's {len(ben)}, {tagged[1]} tagged; "
             f"CRM {len(self.box.people())} people.")


def servers(d):
    chapter("Two mailboxes, a CRM and an IMAP server", """
        wess-sandbox plays an Exchange and a Workbooks server on loopback, and a real Dovecot has Ada's
        mail once more, for her other mail program. Ada and Ben put the category Workbooks on what belongs
        in the CRM; there, each has a queue. This is all of the configuration:""")
    d.show("cat wess.conf", d.config)
    d.wess("check")
    d.sides()


def first_meeting(d):
    chapter("What a first sync would do, before anything is done")
    d.wess("plan", lines=24)
    chapter("The first sync", """
        What is surely the same is linked. Contacts tagged before WESS came, and without a twin, are
        listed first: a person lets the list go.""")
    d.sync()
    chapter("Questions are answered, the lists let go")
    d.wess("conflicts", "list")
    for ask in d.waiting():
        number = str(ask["id"])
        if ask["title"] == "Walter Pym":
            tell("Walter Pym is in Ada's mailbox, untagged: she does not want to share him.")
            d.wess("conflicts", "resolve", number, "--leave")
        elif "Fontaine" in ask["title"]:
            tell("Renee without an accent is Renée with one: the same person.")
            d.wess("conflicts", "resolve", number, "--link", str(ask["candidates"][0]["item"]))
        else:
            tell(f"{ask['title']} shares an address with somebody else, and is a person of their own.")
            d.wess("conflicts", "resolve", number, "--create")
    d.wess("held", "release", "1", "2")
    d.sync("people")
    d.sides()


def four_tags(d):
    box = d.box
    chapter("Ada tags a contact, a task, a meeting and a mail")
    who = ("<t:Attendee><t:Mailbox><t:Name>Idris Vance</t:Name><t:EmailAddress>" + IDRIS +
           "</t:EmailAddress></t:Mailbox></t:Attendee>")
    task = box.exchange("create", 0, kind="Task", Subject="Send Idris the price list",
                        DueDate=day(9) + "T00:00:00Z", Importance="High")
    meeting = box.exchange("create", 0, kind="CalendarItem", Subject="Tasting at Coho",
                           Start=day(12) + "T10:00:00Z", End=day(12) + "T11:30:00Z",
                           RequiredAttendees=who)
    sender = f"<t:Mailbox><t:Name>Idris Vance</t:Name><t:EmailAddress>{IDRIS}</t:EmailAddress></t:Mailbox>"
    box.exchange("mail", 0, Subject="Your offer 2107", Body="We take it.", InternetMessageId=OFFER,
                 From=sender)
    d.person.append(OFFER)
    for item in (box.contact(0, email=IDRIS), task, meeting):
        box.exchange("tag", 0, id=item["id"], category="Workbooks")
    tell("In Outlook: the contact Idris Vance, the task Send Idris the price list, the meeting Tasting at Coho.")
    tell("The mail in the other program, which sets a keyword in Dovecot:", "")
    d.person.tag(OFFER)
    d.show(f"uid store {d.person.uids(OFFER)[0].decode()} +flags (Workbooks)",
           "FLAGS (" + " ".join(sorted(d.person.flags(OFFER)[0])) + ")")
    tell("Half an hour later:")
    d.sync("--user", "ada")
    idris = box.person(email=IDRIS)
    print("\n  In the CRM:")
    for of, name, shown in (("tasks", "Send Idris the price list", ("due", "activity_priority")),
                            ("meetings", "Tasting at Coho", ("start", "finish")),
                            ("emails", "Your offer 2107", ("status", "created_through"))):
        fields = d.crm(of, name)["fields"]
        print(f"    {of[:-1]:8}{name:28}" + ", ".join(f"{s} {when(fields[s])}" for s in shown))
    print(f"    person  {'Idris Vance':28}" + ", ".join(
        idris["fields"][f] for f in ("person_job_title", "employer_name")))
    links = [l["fields"] for l in box.workbooks("list", of="links")["links"]]
    if not any(l["resource_id"] == str(idris["id"]) for l in links):
        sys.exit("the meeting is not related to Idris")
    print("    The meeting is related to Idris.")


def one_customer(d):
    chapter("Two people tag the same new customer in the same half hour: one record")
    noor = {"GivenName": "Noor", "Surname": "Haddad", "EmailAddress1": "noor@wingtip.example"}
    for i in (0, 1):
        d.box.exchange("create", i, categories="Workbooks", **noor)
    d.sync("people")
    print(f"\n  Noor Haddad in the CRM: {len(d.box.people(email=noor['EmailAddress1']))} record.")
    d.box.person(email=noor["EmailAddress1"])


def when(value):
    if not value.startswith("@"):
        return value
    return datetime.datetime.fromtimestamp(int(value[1:]), datetime.timezone.utc).strftime("%F %RZ")


def edits(d):
    box = d.box
    chapter("An edit comes back, and only the edit")
    box.workbooks("edit", of="tasks", id=d.crm("tasks", "Send Idris the price list")["id"], due=day(16))
    box.workbooks("edit", id=box.person(email=HENRY)["id"], **{"main_location[mobile]": "+44 7700 900999"})
    box.exchange("edit", 0, id=box.contact(0, email=MARGARETHE)["id"], JobTitle="Chair of the Board")
    tell("In the CRM the task gets a week more and Henry a new mobile number; Ada gives Margarethe, whom she shares "
         "with Ben, a new job title.")
    d.sync(show=False)
    d.sync(show=False)
    due = d.mailbox("tasks", "Send Idris the price list")["fields"]["DueDate"]
    print(f"\n  Ada's task is due {due[:10]} · her Henry has {box.contact(0, email=HENRY)['fields']['MobilePhone']}"
          f" · the CRM's Margarethe is {box.person(email=MARGARETHE)['fields']['person_job_title']}"
          f" · Ben's is {box.contact(1, email=MARGARETHE)['fields']['JobTitle']}")

    chapter("A true conflict is asked, not guessed")
    box.exchange("edit", 0, id=box.contact(0, email=HENRY)["id"], JobTitle="Partner")
    box.workbooks("edit", id=box.person(email=HENRY)["id"], person_job_title="Senior Partner")
    d.sync("people", show=False)
    ask = [a for a in d.waiting() if a["kind"] == "conflict"][0]
    d.wess("conflicts", "show", str(ask["id"]))
    d.wess("conflicts", "resolve", str(ask["id"]), "--right")
    d.sync("people", show=False)
    print(f"\n  Both sides now say: {box.contact(0, email=HENRY)['fields']['JobTitle']}")


def untag(d):
    box = d.box
    chapter("Taking the category off sticks", """
        The CRM still selects Margarethe for Ada, but Ada took the category off. Her word counts: the link
        ends, nothing is deleted, and she does not come back.""")
    box.exchange("untag", 0, id=box.contact(0, email=MARGARETHE)["id"], category="Workbooks")
    d.sync("people", show=False)
    box.workbooks("edit", id=box.person(email=MARGARETHE)["id"], person_job_title="Honorary Chair")
    d.sync("people", show=False)
    print(f"\n  CRM: {box.person(email=MARGARETHE)['fields']['person_job_title']}"
          f" · Ada: {box.contact(0, email=MARGARETHE)['fields']['JobTitle']}"
          f" · Ben, who still shares her: {box.contact(1, email=MARGARETHE)['fields']['JobTitle']}")
    d.wess("why", MARGARETHE)


def bulk(d):
    box = d.box
    chapter("Deletions of unusual number wait for a person")
    mine = [c for c in box.contacts(0) if "Workbooks" in c["categories"] and c["stamp"] is None
            and c["fields"].get("EmailAddress1", "").endswith("example.org")][:5]
    for c in mine:
        box.exchange("delete", 0, id=c["id"])
    tell(f"Ada deletes {len(mine)} shared contacts at once; the guard lets 3 through.")
    before = len(box.people())
    d.sync("people")
    d.wess("held", "list", "-v")
    if len(box.people()) != before:
        sys.exit("the guard let something through")
    print(f"\n  Still {before} people in the CRM.")


def end(d):
    chapter("A further run is silent, and nobody got mail")
    d.box.requests(reset=True)
    d.sync(show=False)
    done = d.box.requests()["by_op"]
    writes = [op for op in done if any(w in op for w in ("Create", "Update", "Delete", "PUT"))]
    sent = d.box.exchange("outbox")["sent"] + d.box.workbooks("sent")["sent"]
    print(f"\n  {sum(done.values())} requests, {len(writes)} of them writes. Sent in all of this: {sent} mails.")
    if writes or sent:
        sys.exit(f"the last sync wrote {writes}, {sent} mails were sent")


def stay(d):
    print("\nThe servers stay up until ^C. In another terminal:\n")
    for name, value in d.env.items():
        print(f"  export {name}={value}")
    print(f"  export PATH={os.path.abspath(os.path.join(BUILD, 'bin'))}:$PATH\n", flush=True)
    signal.sigwait({signal.SIGINT, signal.SIGTERM})


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are ended
    folder = tempfile.mkdtemp(prefix="wess-demo-")
    try:
        with Sandbox() as box, Dovecot() as dovecot:
            d = Demo(folder, box, dovecot)
            for part in (servers, first_meeting, four_tags, one_customer, edits, untag, bulk, end):
                part(d)
            if "--stay" in sys.argv[1:]:
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
                stay(d)
        print("""
Servers and files of this story are gone; ./run demo --stay keeps them for commands of your own.
Real servers: docs/integrator.md, step by step.""")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
