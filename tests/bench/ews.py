"""The Exchange connector alone, between the rehearsal server and a folder of cards, beside exchangelib
doing the same and a floor of plain curl, in one run.

    ./run bench ews [PART...]      pull push large messages mail files

Every figure is a line: figure NAME VALUE UNIT limit LIMIT ok|short
"""
import contextlib
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bench import MAIL_FACTS, Floor, Measured, figure, fell_short, load, writes  # noqa: E402
from sandbox import Sandbox, Wess, program  # noqa: E402

# Folders go at the very end: behind a large deletion the making of files is slow for minutes.
KEPT = contextlib.ExitStack()
MESSAGES = int(os.environ.get("WESS_BENCH_MESSAGES", "10000"))
CONTACTS = int(os.environ.get("WESS_BENCH_CONTACTS", "10000"))
LARGE = int(os.environ.get("WESS_BENCH_LARGE", "100000"))
TAGGED = 200
PUSHED = 5000
CONFIG = """
site = "bench";
state_dir = "{dir}/state";
endpoints: {{
  exchange: {{ connector = "ews"; url = "{url}"; auth = "basic"; username = "EXAMPLE\\\\svc-wess";
    password = {{ file = "{dir}/exchange.secret"; }}; impersonate = "%{{user.mailbox}}"; }};
  folder: {{ connector = "vdir"; path = "{dir}/cards-%{{user.id}}"; }};
}};
users: {{ source = {{ list = ( {{ id = "u1"; name = "One"; mailbox = "{mailbox}"; }} ); }}; }};
pairs: {{
  cards: {{ kind = "contact"; left = "exchange:contacts"; right = "folder:contacts"; {select}
    first = {{ differs = "left"; create = "yes"; }}; conflict = "left";
    guard = {{ max_first = 1000000; max_create = 1000000; max_change = 1000000; max_change_percent = 100; }}; }};
}};
log: {{ file = "{dir}/log"; level = "warn"; }};
"""
TAG = 'select = { left = { tags_any = [ "Workbooks" ]; }; };'

# The same work by the best known client in another language: everything of every contact.
PEER = """
import sys
from exchangelib import BASIC, IMPERSONATION, Account, Build, Configuration, Credentials, Version
from exchangelib import Contact
from exchangelib.indexed_properties import EmailAddress
url, user, password, mailbox, what, n = sys.argv[1:7]
account = Account(primary_smtp_address=mailbox, autodiscover=False, access_type=IMPERSONATION,
                  config=Configuration(service_endpoint=url, auth_type=BASIC,
                                       version=Version(Build(15, 2, 2562, 17)),
                                       credentials=Credentials(user, password)))
if what == "mail":
    assert sum(len(m.mime_content) > 0 for m in account.inbox.all()) == int(n)
elif what == "pull":
    assert sum(1 for c in account.contacts.all()) == int(n)
else:
    account.bulk_create(account.contacts, [
        Contact(given_name="Peer", surname=str(i), display_name=f"Peer {i}", company_name="Peer Ltd",
                categories=["Workbooks"], job_title="Engineer",
                email_addresses=[EmailAddress(label="EmailAddress1", email=f"peer.{i}@load.example")])
        for i in range(int(n))])
"""


class Pair(Wess):
    """A mailbox and a folder."""

    def __init__(self, box, select=TAG):
        super().__init__(box)
        os.mkdir(self.cards())
        self.write("wess.conf", CONFIG.format(dir=self.dir, url=box.info["exchange"]["url"],
                                              mailbox=box.mailbox(), select=select))

    def measured(self, command="sync"):
        env = dict(os.environ, WESS_CLOCK_FILE=self.box.clock_file)
        return Measured([program("wess"), command, "--config", self.config], (0, 1), env)

    def cards(self):
        return os.path.join(self.dir, "cards-u1")


def peer(box, what, n):
    e = box.info["exchange"]
    return Measured([sys.executable, "-c", PEER, e["url"], e["username"], e["password"],
                     box.mailbox(), what, str(n)])


def floor(box, contacts, pages=(), shape=Floor.WHOLE):
    """Every page, and every item four requests at a time."""
    f = Floor(box)
    start = time.monotonic()
    ids = f.sync_pages(-(-contacts // 512), *pages)
    lanes = [threading.Thread(target=f.get_items, args=(
        [x for i in range(lane, len(ids), 800) for x in ids[i:i + 200]], lane, shape))
        for lane in range(0, 800, 200)]
    for t in lanes:
        t.start()
    for t in lanes:
        t.join()
    assert len(ids) == contacts, len(ids)
    return time.monotonic() - start, -(-contacts // 512) + -(-contacts // 200)


def asked(box):
    counted = box.requests(reset=True)
    return counted["total"], counted


def plan(box, delay, least, other):
    """What a client that only reads does, and judged and merged: nothing is written."""
    name = f"ews_plan_{delay}ms"
    with Pair(box) as pair:
        planned = pair.measured("plan")
        assert not os.listdir(pair.cards())
    print(f"# planned: {planned.seconds:.2f} s, CPU {planned.cpu:.2f} s", flush=True)
    figure(name + "_to_floor", planned.seconds / least, "x", 1.2)
    figure(name + "_cpu_to_exchangelib", planned.cpu / other.cpu, "x", 1 / 20)


def first(name, box, pair, n, beside):
    """Everything of a mailbox into a folder, beside the floor and the peer who did the same before."""
    least, requests, other = beside
    box.requests(reset=True)
    run = pair.measured()
    total, counted = asked(box)
    assert len(os.listdir(pair.cards())) == n
    print(f"# {name}, {n} items: floor {least:.2f} s, {requests} requests; wess {run.seconds:.2f} s, CPU"
          f" {run.cpu:.2f} s, {run.peak:.1f} MiB, {counted['by_op']}; exchangelib {other.seconds:.2f} s,"
          f" CPU {other.cpu:.2f} s, {other.peak:.0f} MiB", flush=True)
    figure(name + "_requests", total / requests, "x", 1.2)
    figure(name + "_to_floor", run.seconds / least, "x", 1.2)
    if not name.endswith("_0ms"):
        figure(name + "_to_exchangelib", run.seconds / other.seconds, "x", 1 / 3)
    figure(name + "_cpu_to_exchangelib", run.cpu / other.cpu, "x", 1 / 20)
    figure(name + "_memory", run.peak, "MiB", 32)


def then(name, box, pair, most):
    """A further run: how many requests it takes."""
    box.requests(reset=True)
    run = pair.measured()
    total, counted = asked(box)
    assert not writes(counted), counted
    print(f"# {name}: {run.seconds:.2f} s, {counted['by_op']}", flush=True)
    figure(name + "_requests", total, "requests", most)


def pull(delay):
    name = f"ews_pull_{delay}ms"
    with load(CONTACTS, delay=delay) as box:
        beside = (*floor(box, CONTACTS), peer(box, "pull", CONTACTS))
    with load(CONTACTS, delay=delay) as box:
        pair = KEPT.enter_context(Pair(box))
        first(name, box, pair, CONTACTS, beside)
        plan(box, delay, beside[0], beside[2])
        pair.measured()
        then(f"ews_noop_{delay}ms", box, pair, 3)  # whose, which folders, changes
        ids = [c["id"] for c in box.contacts()]
        for i in range(CONTACTS // 100):
            box.exchange("edit", id=ids[i * 100], JobTitle="Director")
        then(f"ews_changed_{delay}ms", box, pair, 5)


def push(delay):
    name = f"ews_push_{delay}ms"
    with Sandbox("--data", "empty", "--delay", str(delay)) as box:
        other = peer(box, "push", PUSHED)
    with Sandbox("--data", "empty", "--delay", str(delay)) as box:
        pair = KEPT.enter_context(Pair(box, ""))
        subprocess.run([program("bench_floor"), "make", pair.cards(), str(PUSHED)], check=True)
        box.requests(reset=True)
        first = pair.measured()
        total, counted = asked(box)
        assert len(box.contacts()) == PUSHED, len(box.contacts())
        print(f"# {PUSHED} pushed, {delay} ms: wess {first.seconds:.2f} s, CPU {first.cpu:.2f} s,"
              f" {first.peak:.0f} MiB, {total} requests; exchangelib {other.seconds:.2f} s, CPU"
              f" {other.cpu:.2f} s, {counted['by_op']}", flush=True)
        figure(name + "_to_exchangelib", first.seconds / other.seconds, "x", 1 / 3 if delay else 1)
        figure(name + "_memory", first.peak, "MiB", 32)


def large():
    """A large mailbox, of which little is tagged: the pages, and little more."""
    with Sandbox("--data", "load", "--contacts", str(LARGE), "--tagged", str(TAGGED), "--employers",
                 "200") as box, Pair(box) as pair:
        box.requests(reset=True)
        first = pair.measured()
        total, counted = asked(box)
        assert len(os.listdir(pair.cards())) == TAGGED
        print(f"# {LARGE} contacts, {TAGGED} tagged: {first.seconds:.2f} s, {first.peak:.0f} MiB,"
              f" {counted['by_op']}", flush=True)
        figure("ews_large_requests", total - -(-LARGE // 512), "requests", 3)
        figure("ews_large_memory", first.peak, "MiB", 32)


MAIL = """
site = "bench"; state_dir = "{dir}/state";
endpoints: {{
  exchange: {{ connector = "ews"; url = "{url}"; auth = "basic"; username = "EXAMPLE\\\\svc-wess";
    password = {{ file = "{dir}/exchange.secret"; }}; impersonate = "%{{user.mailbox}}"; }};
  folder: {{ connector = "vdir"; path = "{dir}/cards-%{{user.id}}"; }};
}};
users: {{ source = {{ list = ( {{ id = "u1"; name = "One"; mailbox = "{mailbox}"; }} ); }}; }};
pairs: {{ mail: {{ kind = "message"; mode = "file"; left = "exchange:messages";
  right = "folder:messages"; select = {{ left = {{ tags_any = [ "Workbooks" ]; }}; }};
  first = {{ create = "yes"; }};
  guard = {{ max_first = 1000000; max_create = 1000000; }}; }}; }};
log: {{ file = "{dir}/log"; level = "warn"; }};
"""


MIME = "<t:BaseShape>IdOnly</t:BaseShape><t:IncludeMimeContent>true</t:IncludeMimeContent>"


def send(box, numbers):
    for i in numbers:
        box.exchange("mail", Subject=f"Small {i}", InternetMessageId=f"<{i}@bench.example>",
                     categories="Workbooks", size=4000)


def messages(delay):
    """A mailbox of small mail, all of it filed; nothing of that is ever pushed."""
    name = f"ews_messages_{delay}ms"
    with Sandbox("--data", "empty", "--delay", str(delay)) as box:
        pair = KEPT.enter_context(Pair(box))
        pair.write("wess.conf", MAIL.format(dir=pair.dir, url=box.info["exchange"]["url"],
                                            mailbox=box.mailbox()))
        send(box, range(MESSAGES))
        beside = (*floor(box, MESSAGES, ("inbox", MAIL_FACTS), MIME), peer(box, "mail", MESSAGES))
        first(name, box, pair, MESSAGES, beside)
        # Whose it is, which folders there are, and one request for each that holds mail.
        then(f"ews_messages_noop_{delay}ms", box, pair, 5)
        send(box, range(MESSAGES, MESSAGES + MESSAGES // 100))
        then(f"ews_messages_new_{delay}ms", box, pair, 6)
        assert len(os.listdir(pair.cards())) == MESSAGES + MESSAGES // 100


def mail():
    """Mail of the size that people send, and of the largest that an answer may have (base64 makes it
    64 MB); four at once, as they come."""
    for name, size, n in (("16mb", 16_000_000, 4), ("48mb", 48_000_000, 2)):
        with Sandbox("--data", "empty") as box, Pair(box) as pair:
            pair.write("wess.conf", MAIL.format(dir=pair.dir, url=box.info["exchange"]["url"],
                                                mailbox=box.mailbox()))
            for i in range(n):
                box.exchange("mail", Subject=f"Large {i}", InternetMessageId=f"<{i}@bench.example>",
                             categories="Workbooks", size=size)
            filed = pair.measured()
            sizes = [os.path.getsize(os.path.join(pair.cards(), f)) for f in os.listdir(pair.cards())]
            assert len(sizes) == n and min(sizes) > size, sizes
            spool = os.listdir(os.path.join(pair.dir, "state", "spool"))
            assert not spool, spool
            print(f"# {n} mails of {size // 1_000_000} MB: {filed.seconds:.2f} s, CPU"
                  f" {filed.cpu:.2f} s, {filed.peak:.1f} MiB", flush=True)
            figure(f"ews_mail_{name}_memory", filed.peak, "MiB", 32)


FILES = """
site = "bench"; state_dir = "{dir}/state";
endpoints: {{
  left: {{ connector = "ews"; url = "{url}"; auth = "basic"; username = "EXAMPLE\\\\svc-wess";
    password = {{ file = "{dir}/exchange.secret"; }}; impersonate = "{a}"; attachments = true; }};
  right: {{ connector = "ews"; url = "{url}"; auth = "basic"; username = "EXAMPLE\\\\svc-wess";
    password = {{ file = "{dir}/exchange.secret"; }}; impersonate = "{b}"; attachments = true; }};
}};
users: {{ source = {{ list = ( {{ id = "u1"; name = "One"; }} ); }}; }};
pairs: {{ it: {{ kind = "task"; left = "left:tasks"; right = "right:tasks";
  select = {{ left = {{ shared = true; }}; right = {{ shared = true; }}; }};
  first = {{ differs = "left"; create = "yes"; }}; }}; }};
log: {{ file = "{dir}/log"; level = "warn"; }};
"""


def files():
    """A file of 48 MB attached to a task in one mailbox, and another in the other one."""
    with Sandbox("--data", "empty") as box, Pair(box) as pair:
        pair.write("wess.conf", FILES.format(dir=pair.dir, url=box.info["exchange"]["url"],
                                             a=box.mailbox(0), b=box.mailbox(1)))
        for i in range(2):
            made = box.exchange("create", i, kind="Task", Subject=f"Task {i}")
            box.exchange("attach", i, id=made["id"], name="large.bin", size=48_000_000)
        first = pair.measured()
        for i in range(2):
            sizes = [f["size"] for t in box.contacts(i, folder="tasks")
                     for f in t["fields"]["Attachments"]]
            assert len(sizes) == 2 and min(sizes) >= 48_000_000, sizes
        spool = os.listdir(os.path.join(pair.dir, "state", "spool"))
        assert not spool, spool
        print(f"# two files of 48 MB, one each way: {first.seconds:.2f} s, CPU {first.cpu:.2f} s,"
              f" {first.peak:.1f} MiB", flush=True)
        figure("ews_attachment_48mb_memory", first.peak, "MiB", 32)


PARTS = {"pull": lambda: [pull(d) for d in (0, 50)], "push": lambda: [push(d) for d in (0, 50)],
         "messages": lambda: [messages(d) for d in (0, 50)], "large": large, "mail": mail, "files": files}

if __name__ == "__main__":
    with KEPT:
        for part in sys.argv[1:] or PARTS:
            PARTS[part]()
    print(f"{fell_short()} figures short of their limit")
    sys.exit(1 if fell_short() else 0)
