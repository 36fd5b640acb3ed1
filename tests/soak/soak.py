"""The real daemon between the rehearsal servers, for as long as one likes: people edit, tag, untag,
make and delete on both sides, servers fail, time jumps, the daemon is killed. Every few rounds all is
left in peace; then both sides must be equal, nobody there twice, nothing lost, and nothing left to do.

    soak.py [MINUTES] [--rounds N] [--seed S]     the same seed, the same people's doings
"""
import argparse
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from sandbox import Sandbox, Wess  # noqa: E402
from test_daemon import PATIENCE, Daemon, in_background  # noqa: E402
from test_main_job import until  # noqa: E402

PAIR = """conflict = "left"; first = { differs = "left"; create = "yes"; };
    on_delete = { left = "delete"; right = "delete"; };
    guard = { max_first = 100000; max_create = 100000; max_delete = 100000; max_unlink = 100000;
      max_change = 100000; max_change_percent = 100; };"""
USERS = 4
ALIVE = 60  # customers at a time
PEACE_EVERY = 5
PEACE_ROUNDS = 20
DAY = 86400
FIELDS = {"JobTitle": "person_job_title", "MobilePhone": "main_location[mobile]"}
FAULTS = (
    "workbooks:people:PUT:1:lost", "workbooks:people:PUT:1-2:http=503", "workbooks:people:PUT:1:cut=40",
    "workbooks:people:PUT:1:delay=300", "workbooks:people:PUT:1:late=400", "workbooks:people:GET:1:http=503",
    "workbooks:people:GET:2:cut=200", "workbooks:people:GET:1:truncate", "workbooks:people:GET:1:delay=300",
    "ews:UpdateItem:1:lost", "ews:UpdateItem:1:cut=200", "ews:CreateItem:1:lost", "ews:CreateItem:1:late=300",
    "ews:SyncFolderItems:1:http=503", "ews:SyncFolderItems:1:bad_state", "ews:SyncFolderItems:2:busy=500",
    "ews:GetItem:1:delay=300", "ews:GetItem:1:cut=500", "ews:DeleteItem:1:lost", "ews:*:4:http=503",
)


class Customer:
    """What is known of one from what people did."""

    def __init__(self, number):
        self.name = f"Cust{number}"
        self.email = f"cust{number}@soak.example"
        self.boxes = set()   # whose contact it is, tagged
        self.retired = False  # deleted or untagged by somebody: it may rest, or be gone
        self.wrote = {f: {} for f in FIELDS}  # field: value by who wrote it last, since the last peace
        self.agreed = {f: None for f in FIELDS}


class Soak:
    def __init__(self, box, wess, dice):
        self.box, self.wess, self.dice = box, wess, dice
        self.customers, self.number, self.version = [], 0, 0
        self.differences, self.kills, self.done, self.writes = [], 0, 0, 0
        self.daemon = None
        self.figures = []  # of the daemon's last life

    # ---- the daemon ---------------------------------------------------------------------------
    def start(self):
        self.daemon = Daemon(self.wess, leaks=False)
        self.figures = []

    def hear(self):
        """What it says is taken away, so that it is never kept waiting."""
        self.daemon.socket.setblocking(False)
        try:
            while self.daemon.socket.recv(65536):
                pass
        except BlockingIOError:
            pass
        self.daemon.socket.settimeout(PATIENCE)
        assert self.daemon.process.poll() is None, f"the daemon ended: {self.daemon.said()}"

    def sync(self, check):
        self.hear()
        return self.wess.json("sync", "--no-wait", check=check)["runs"]

    def kill(self, after):
        self.box.requests(reset=True)
        client = in_background(self.wess, "sync", "--no-wait")
        until(lambda: client.poll() is not None
              or sum(self.box.requests()["by_op"].values()) >= after, PATIENCE)
        self.daemon.process.kill()
        self.daemon.process.wait()
        client.communicate(timeout=PATIENCE)
        self.daemon.close()
        self.kills += 1
        self.start()

    def pass_time(self, seconds):
        """Not while a server is at work: what it does in a moment would come hours late."""
        until(lambda: not self.box.requests()["under_way"], PATIENCE)
        self.box.move_clock(seconds)

    # ---- people -------------------------------------------------------------------------------
    def value(self, field):
        self.version += 1
        return f"Title {self.version}" if field == "JobTitle" else f"+44 7700 {900000 + self.version % 100000}"

    def alive(self):
        return [c for c in self.customers if not c.retired]

    def contact(self, customer, user):
        return next(iter(self.box.contacts(user, email=customer.email)), None)

    def person(self, customer):
        return next(iter(self.box.people(email=customer.email)), None)

    def meet(self):
        """One to all people meet a new customer at the same time; some know more of him."""
        self.number += 1
        customer = Customer(self.number)
        for user in self.dice.sample(range(USERS), self.dice.choice((1, 1, 2, USERS))):
            self.have(customer, user)
        self.customers.append(customer)

    def have(self, customer, user):
        fields = {f: self.value(f) for f in FIELDS if self.dice.random() < 0.3}
        made = self.box.exchange("create", user, GivenName="Soak", Surname=customer.name,
                                 EmailAddress1=customer.email, **fields)
        self.box.exchange("tag", user, id=made["id"], category="Workbooks")
        customer.boxes.add(user)
        for field, value in fields.items():
            customer.wrote[field][user] = value

    def share(self, customer, user, field):
        if user not in customer.boxes:
            self.have(customer, user)

    def edit_left(self, customer, user, field):
        contact = self.contact(customer, user) if user in customer.boxes else None
        if contact:
            customer.wrote[field][user] = self.value(field)
            self.box.exchange("edit", user, id=contact["id"], **{field: customer.wrote[field][user]})

    def edit_right(self, customer, user, field):
        person = self.person(customer)
        if person:
            customer.wrote[field]["crm"] = self.value(field)
            self.box.workbooks("edit", id=person["id"], **{FIELDS[field]: customer.wrote[field]["crm"]})

    def untag(self, customer, user, field):
        contact = self.contact(customer, user) if user in customer.boxes else None
        if contact:
            customer.retired = True
            self.box.exchange("untag", user, id=contact["id"], category="Workbooks")

    def delete_left(self, customer, user, field):
        contact = self.contact(customer, user) if user in customer.boxes else None
        if contact:
            customer.retired = True
            self.box.exchange("delete", user, id=contact["id"])

    def delete_right(self, customer, user, field):
        person = self.person(customer)
        if person:
            customer.retired = True
            self.box.workbooks("delete", id=person["id"])

    def retag(self):
        """Who was untagged is tagged again: it may come back, but not twice."""
        gone = [c for c in self.customers if c.retired]
        if gone:
            customer, user = self.dice.choice(gone), self.dice.randrange(USERS)
            contact = self.contact(customer, user)
            if contact:
                self.box.exchange("tag", user, id=contact["id"], category="Workbooks")

    def live(self):
        for _ in range(self.dice.randint(3, 10)):
            alive, draw = self.alive(), self.dice.random()
            if len(alive) < 5 or (draw < 0.3 and len(alive) < ALIVE):
                self.meet()
            elif draw < 0.33:
                self.retag()
            else:
                does = self.dice.choices((self.edit_left, self.edit_right, self.share, self.untag,
                                          self.delete_left, self.delete_right),
                                         (8, 5, 3, 1, 1, 1))[0]
                does(self.dice.choice(alive), self.dice.randrange(USERS), self.dice.choice(list(FIELDS)))

    def trouble(self, may_kill):
        if self.dice.random() < 0.5:
            for plan in self.dice.sample(FAULTS, self.dice.randint(1, 3)):
                self.box.fault(plan)
        if self.dice.random() < 0.1:
            self.box.exchange("expire_states", self.dice.randrange(USERS))
        if self.dice.random() < 0.4:
            self.pass_time(self.dice.choice((1, 30, 120, 1800)))
        after = self.dice.randint(1, 60)
        if self.dice.random() < 0.25 and may_kill:
            self.kill(after)

    # ---- peace --------------------------------------------------------------------------------
    def peace(self):
        self.box.clear_faults()
        for _ in range(PEACE_ROUNDS):
            self.pass_time(3600)
            runs = self.sync((0, 1, 3, 4))
            self.writes += written(runs)
            if not written(runs) and all(run["status"] in (0, 1) for run in runs):
                break
        else:
            self.differ("it does not come to rest: " + str(runs))
        again = written(self.sync((0, 1)))
        if again:
            self.differ(f"a further round wrote {again}")
        self.judge()
        self.measure()

    def differ(self, text):
        print("DIFFERENCE " + text, flush=True)
        self.differences.append(text)

    def judge(self):
        boxes = [by_email(self.box.contacts(i)) for i in range(USERS)]
        people = by_email(self.box.people(), "main_location[email]")
        stamps = [p["created_through_reference"] for p in self.box.people()
                  if p["created_through_reference"]]
        if len(set(stamps)) != len(stamps):
            self.differ("two people bear one stamp")
        for customer in self.customers:
            there = [box.get(customer.email, []) for box in boxes] + [people.get(customer.email, [])]
            if any(len(items) > 1 for items in there):
                self.differ(f"{customer.email} is there twice: {[len(items) for items in there]}")
            elif not customer.retired:
                self.judge_one(customer, there[:-1], there[-1])
        self.customers = [c for c in self.customers if not c.retired or any(
            box.get(c.email) for box in boxes) or people.get(c.email)]

    def judge_one(self, customer, contacts, people):
        if not people or any(not contacts[user] for user in customer.boxes):
            self.differ(f"{customer.email} is missing: {[len(c) for c in contacts]}, {len(people)}")
            return
        for left, right in FIELDS.items():
            value = people[0]["fields"].get(right) or None
            shown = {contacts[u][0]["fields"].get(left) or None for u in customer.boxes}
            if shown != {value}:
                self.differ(f"{customer.email} {left}: {shown} in mailboxes, {value} in the CRM")
            wrote = set(customer.wrote[left].values())
            if value not in (wrote or {customer.agreed[left]}):
                self.differ(f"{customer.email} {left}: {value}, which nobody wrote last: {wrote}")
            customer.agreed[left] = value
            customer.wrote[left].clear()

    def measure(self):
        pid = self.daemon.process.pid
        with open(f"/proc/{pid}/status") as f:
            status = dict(line.split(":", 1) for line in f if ":" in line)
        folder = os.path.join(self.wess.dir, "state")
        size = sum(os.path.getsize(os.path.join(at, name))
                   for at, _, names in os.walk(folder) for name in names)
        self.figures.append({"rss": int(status["VmRSS"].split()[0]) / 1024,
                             "hwm": int(status["VmHWM"].split()[0]) / 1024,
                             "fds": least_open(pid),
                             "state": size / 1024, "writes": self.writes})


def least_open(pid):
    """A leak is open at every look; a run of the watch's, or a stream that begins anew, is not."""
    def look():
        time.sleep(0.05)
        return len(os.listdir(f"/proc/{pid}/fd"))
    return min(look() for _ in range(40))


def by_email(items, field="EmailAddress1"):
    found = {}
    for item in items:
        found.setdefault(item["fields"].get(field), []).append(item)
    return found


def written(runs):
    return sum(run[side][what] for run in runs for side in ("left", "right")
               for what in ("created", "updated", "deleted"))


def figure(name, value, unit, limit, least=False):
    ok = value >= limit if least else value <= limit
    print(f"figure {name} {value:.4g} {unit} limit {limit:g} {'ok' if ok else 'short'}", flush=True)
    return ok


def tell(soak, rounds, wanted, sides_only):
    """Growth is measured over the second half of the daemon's last life, which has no kills."""
    print(f"# {soak.kills} kills, {soak.number} customers, {soak.writes} writes")
    ok = figure("soak_rounds", rounds, "rounds", wanted, least=True)
    ok &= figure("soak_differences", len(soak.differences), "differences", 0)
    if sides_only or len(soak.figures) < 3:
        print("# what grows is not told")
        return ok
    was, now = soak.figures[len(soak.figures) // 2], soak.figures[-1]
    ok &= figure("soak_memory", now["hwm"], "MiB", 64)
    ok &= figure("soak_memory_growth", now["rss"] - was["rss"], "MiB", 4)
    ok &= figure("soak_fds", now["fds"], "open", 40)
    ok &= figure("soak_fds_growth", now["fds"] - was["fds"], "open", 0)
    ok &= figure("soak_state_growth", (now["state"] - was["state"]) / max(1, now["writes"] - was["writes"]),
                 "KiB/write", 4)
    return ok


def main():
    args = argparse.ArgumentParser(description="The daemon among people and failing servers.")
    args.add_argument("minutes", nargs="?", type=float, default=5)
    args.add_argument("--rounds", type=int)
    args.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3), "big"))
    args.add_argument("--sides-only", action="store_true", help="memory and files are not judged")
    args = args.parse_args()
    again = f"--rounds {args.rounds}" if args.rounds else f"{args.minutes:g}"
    print(f"# seed {args.seed}; again: ./run soak {again} --seed {args.seed}", flush=True)
    began, rounds = time.monotonic(), 0

    def part():  # of the whole that is over
        if args.rounds:
            return rounds / args.rounds
        return (time.monotonic() - began) / (60 * args.minutes)

    data = ("--data", "load", "--users", str(USERS), "--contacts", "5", "--employers", "2")
    with Sandbox(*data) as box, Wess(box, pair=PAIR, workers=USERS, level="warn") as wess:
        wess.write("wess.conf", open(wess.config).read() +
                   'keep: { before_images = "1d"; ended = "1d"; };\n')
        soak = Soak(box, wess, random.Random(args.seed))
        soak.start()
        try:
            while part() < 1 or rounds % PEACE_EVERY:
                soak.live()
                soak.trouble(may_kill=part() < 0.5)
                soak.writes += written(soak.sync((0, 1, 3, 4)))
                rounds += 1
                if rounds % PEACE_EVERY == 0:
                    soak.peace()
                    if soak.dice.random() < 0.3:
                        soak.pass_time(DAY)
            soak.daemon.stop()
        finally:
            soak.daemon.close()
    return 0 if tell(soak, rounds, args.rounds or 1, args.sides_only) else 1


if __name__ == "__main__":
    sys.exit(main())
