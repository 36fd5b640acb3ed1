"""The main job on rehearsal servers, as a story. Run it by ./run demo."""
import os
import shutil
import subprocess
import sys
import textwrap

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
from sandbox import CONFIG, SIGN_IN, Sandbox, program  # noqa: E402

FOLDER = os.path.join(ROOT, "build", "demo")
PAIR = """first = { differs = "left"; };
    on_delete = { left = "delete"; right = "unlink"; };
    guard = { max_delete = 3; };"""
step = 0


def chapter(title, text=""):
    global step
    step += 1
    print(f"\n\033[1m{step}. {title}\033[0m" if sys.stdout.isatty() else f"\n{step}. {title}")
    if text:
        print(textwrap.fill(textwrap.dedent(text).strip(), 96))


class Demo:
    def __init__(self, box):
        self.box = box
        shutil.rmtree(FOLDER, ignore_errors=True)
        os.makedirs(FOLDER, 0o700)
        info = box.info
        self.write("exchange.secret", info["exchange"]["password"])
        self.write("workbooks.secret", info["workbooks"]["api_key"])
        self.write("users.csv", "\n".join(["id,name,mailbox,workbooks,wave"] + [
            f"{m['username'].split(chr(92))[1]},{m['name']},{m['address']},{m['name']},pilot"
            for m in info["exchange"]["mailboxes"]]))
        sign_in = SIGN_IN.format(dir=FOLDER, exchange=info["exchange"]["url"], auth="ntlm")
        self.write("wess.conf", CONFIG.format(
            dir=FOLDER, sign_in=sign_in, workbooks=info["workbooks"]["url"], pair=PAIR,
            ews="", wb="", workers=2, http="", level="warn",
            waves='waves = ( { name = "pilot"; mode = "both"; }, { name = "*"; mode = "observe"; } );'))

    def write(self, name, text):
        path = os.path.join(FOLDER, name)
        with open(path, "w") as f:
            f.write(text + "\n")
        os.chmod(path, 0o600)

    def wess(self, *args, show=True, lines=None, check=(0, 1, 4)):
        environment = dict(os.environ, WESS_CLOCK_FILE=self.box.clock_file)
        done = subprocess.run([program("wess"), *args, "--config", os.path.join(FOLDER, "wess.conf")],
                              text=True, capture_output=True, env=environment)
        if done.returncode not in check:
            sys.exit(f"wess {' '.join(args)}: status {done.returncode}\n{done.stdout}{done.stderr}")
        if show:
            print(f"\n  $ wess {' '.join(args)}")
            out = (done.stdout + done.stderr).rstrip().splitlines()
            more = len(out) - lines if lines and len(out) > lines else 0
            for line in out[:lines] if more else out:
                print(f"  | {line}")
            if more:
                print(f"  | ... {more} lines more")
        return done

    def sync(self, **more):
        self.box.move_clock(65)  # past the overlap in which Workbooks is read twice
        return self.wess("sync", **more)

    def waiting(self):
        import json
        return json.loads(self.wess("conflicts", "list", "--json", show=False).stdout)["conflicts"]

    def sides(self):
        ada, ben = self.box.contacts(0), self.box.contacts(1)
        tagged = [sum("Workbooks" in c["categories"] for c in m) for m in (ada, ben)]
        print(f"\n  Ada's mailbox {len(ada)} contacts, {tagged[0]} tagged · Ben's mailbox {len(ben)}, "
              f"{tagged[1]} tagged · CRM {len(self.box.people())} people")


def first_meeting(d):
    chapter("Two mailboxes and a CRM", """
        wess-sandbox plays an Exchange and a Workbooks server on loopback. Ada and Ben tag the
        contacts that belong in the CRM with the category Workbooks; the CRM has its own selection,
        a queue for each of them.""")
    d.sides()
    d.wess("check", "--online")
    chapter("What a first sync would do, before anything is done")
    d.wess("plan", lines=44)
    chapter("The first sync", """
        What is surely the same is linked. Contacts tagged before WESS came, and without a twin, are
        listed first: a person lets the list go.""")
    d.sync()
    chapter("Questions are answered, the lists let go")
    d.wess("conflicts", "list")
    for ask in d.waiting():
        number = str(ask["id"])
        if ask["kind"] == "conflict":
            d.wess("conflicts", "resolve", number, "--left", show=False)
        elif ask["title"] == "Walter Pym":
            print("\n  Walter Pym is in Ada's mailbox, untagged: she does not want to share him.")
            d.wess("conflicts", "resolve", number, "--leave")
        elif "Fontaine" in ask["title"]:
            print("\n  Renee without an accent is Renée with one: the same person.")
            d.wess("conflicts", "resolve", number, "--link", str(ask["candidates"][0]["item"]))
        else:
            print(f"\n  {ask['title']} shares an address with somebody else, and is a person of their own.")
            d.wess("conflicts", "resolve", number, "--create")
    for number in ("1", "2"):
        d.wess("held", "release", number)
    d.sync()
    d.sides()


def edits(d):
    box = d.box
    chapter("Edits on both sides: only the edits travel")
    ada = box.contact(0, email="m.koehler@fabrikam.example")
    crm = box.person(email="henry.thorne@adatum.example")
    box.exchange("edit", 0, id=ada["id"], JobTitle="Chair of the Board")
    box.workbooks("edit", id=crm["id"], **{"main_location[mobile]": "+44 7700 900999"})
    print("\n  Ada gives Margarethe a new job title; in the CRM somebody gives Henry a new mobile number.")
    d.sync()
    d.sync(show=False)
    print(f"\n  CRM: Margarethe is {box.person(email='m.koehler@fabrikam.example')['fields']['person_job_title']}"
          f" · Ada: Henry's mobile is "
          f"{box.contact(0, email='henry.thorne@adatum.example')['fields']['MobilePhone']}"
          f" · Ben: Margarethe is {box.contact(1, email='m.koehler@fabrikam.example')['fields']['JobTitle']}")

    chapter("A true conflict is asked, not guessed")
    ada = box.contact(0, email="henry.thorne@adatum.example")
    box.exchange("edit", 0, id=ada["id"], JobTitle="Partner")
    box.workbooks("edit", id=crm["id"], person_job_title="Senior Partner")
    d.sync()
    ask = [a for a in d.waiting() if a["kind"] == "conflict"][0]
    d.wess("conflicts", "show", str(ask["id"]))
    d.wess("conflicts", "resolve", str(ask["id"]), "--right")
    d.sync(show=False)
    print(f"\n  Both sides now say: {box.contact(0, email='henry.thorne@adatum.example')['fields']['JobTitle']}")


def tags(d):
    box = d.box
    chapter("Taking the category off sticks", """
        The CRM still selects Margarethe for Ada, but Ada took the tag off. Her word counts: the link
        ends, nothing is deleted, and she does not come back.""")
    ada = box.contact(0, email="m.koehler@fabrikam.example")
    box.exchange("untag", 0, id=ada["id"], category="Workbooks")
    d.sync()
    crm = box.person(email="m.koehler@fabrikam.example")
    box.workbooks("edit", id=crm["id"], person_job_title="Honorary Chair")
    d.sync(show=False)
    print(f"\n  The CRM goes on ({crm['fields']['person_job_title']} became Honorary Chair); "
          f"Ada's contact stays {box.contact(0, email='m.koehler@fabrikam.example')['fields']['JobTitle']}.")

    chapter("Two people tag the same new customer: one record")
    for i in (0, 1):
        c = box.contact(i, email="idris.vance@coho.example")
        box.exchange("tag", i, id=c["id"], category="Workbooks")
    d.sync()
    print(f"\n  Idris Vance in the CRM: {len(box.people(email='idris.vance@coho.example'))} record.")


def deletions(d):
    box = d.box
    chapter("Deletions of unusual number wait for a person")
    mine = [c for c in box.contacts(0) if "Workbooks" in c["categories"] and c["stamp"] is None
            and c["fields"].get("EmailAddress1", "").endswith("example.org")][:5]
    for c in mine:
        box.exchange("delete", 0, id=c["id"])
    print(f"\n  Ada deletes {len(mine)} shared contacts at once; the guard lets 3 through.")
    d.sync()
    d.wess("held", "list", "-v")
    print(f"\n  Still {len(box.people())} people in the CRM.")


def why(d):
    chapter("Why is my contact not there? The support desk asks")
    for who in ("m.koehler@fabrikam.example", "idris.vance@coho.example", "Walter Pym"):
        d.wess("why", who)


def end(d):
    chapter("A last sync: both sides are in step, and nothing is written")
    d.sync(show=False)
    d.box.requests(reset=True)
    d.sync()
    done = d.box.requests()["by_op"]
    writes = [op for op in done if "Create" in op or "Update" in op or "Delete" in op or "PUT" in op]
    print(f"\n  {sum(done.values())} requests, {len(writes)} of them writes.")
    if writes:
        sys.exit("the last sync wrote something")
    print(f"""
The configuration of this story is {os.path.relpath(FOLDER)}/wess.conf. To point it at real servers:
  url in endpoints.exchange   https://mail.example.com/EWS/Exchange.asmx, with a service account that
                              may impersonate the pilot's mailboxes, password in a file of mode 0600
  url in endpoints.crm        leave it out (the service itself), api_key in a file of mode 0600
  users.csv                   id,name,mailbox,workbooks,wave: five people of the pilot
  a new site and state_dir    then: wess check --online, wess plan
docs/integrator.md goes through it step by step.""")


def main():
    with Sandbox() as box:
        d = Demo(box)
        for part in (first_meeting, edits, tags, deletions, why, end):
            part(d)


if __name__ == "__main__":
    main()
