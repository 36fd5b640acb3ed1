"""The engine between two folders of vCards, beside the peers and a floor in the same run.

    ./run bench engine [PART...]      folders reconcile users; million only when it is named

Every figure is a line: figure NAME VALUE UNIT limit LIMIT ok|short
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bench import (PAIR, Measured, figure, fell_short, load, peak_mib, program,  # noqa: E402
                   run_measured, write_users, writes)
from sandbox import Wess  # noqa: E402

ITEMS = int(os.environ.get("WESS_BENCH_ITEMS", "100000"))
USERS = int(os.environ.get("WESS_BENCH_USERS", "500"))
MANY = int(os.environ.get("WESS_BENCH_MANY", "1000000"))
WHERE = os.path.join(os.environ["WESS_BUILD"], "bench")

WESS = """
site = "bench";
state_dir = "{dir}/state";
endpoints: {{
  left: {{ connector = "vdir"; path = "{dir}/left"; }};
  right: {{ connector = "vdir"; path = "{dir}/right"; }};
}};
users: {{ source = {{ list = ( {{ id = "u1"; name = "One"; }} ); }}; }};
pairs: {{
  cards: {{ kind = "contact"; left = "left:contacts"; right = "right:contacts";
    first = {{ differs = "left"; create = "yes"; }}; conflict = "left";
    guard = {{ max_first = 1000000; max_create = 1000000; max_change = 1000000; max_change_percent = 100; }}; }};
}};
log: {{ file = "{dir}/log"; level = "warn"; }};
"""
VDIRSYNCER = """
[general]
status_path = "{dir}/status/"
[pair cards]
a = "left"
b = "right"
collections = null
conflict_resolution = "a wins"
[storage left]
type = "filesystem"
path = "{dir}/left"
fileext = ".vcf"
[storage right]
type = "filesystem"
path = "{dir}/right"
fileext = ".vcf"
"""


class Place:
    """Two folders, and what a program keeps about them. Old ones are moved aside and deleted at the
    end: deleting a large folder slows down what is written after it."""

    kept = []

    def __init__(self, items):
        os.makedirs(WHERE, exist_ok=True)
        self.dir = tempfile.mkdtemp(prefix="engine-", dir=WHERE)
        self.left, self.right = (os.path.join(self.dir, s) for s in ("left", "right"))
        os.mkdir(self.left)
        os.mkdir(self.right)
        floor("make", self.left, items)
        Place.kept.append(self.dir)

    def count(self):
        return len(os.listdir(self.left)), len(os.listdir(self.right))

    def edit(self, percent, title):
        """Another title in so many cards of each side, other ones on the two sides."""
        step = round(100 / percent)
        floor("edit", self.left, step, 1, title)
        floor("edit", self.right, step, 2, title)


class Peer:
    """A program between the two folders of a place."""

    def __init__(self, place):
        self.place = place
        self.seconds = self.peak = 0

    def run(self):
        run = Measured(self.command(), self.good, dict(os.environ, **self.environment()))
        self.seconds, self.peak = run.seconds, run.peak
        return self.seconds

    def environment(self):
        return {}

    good = (0,)


class Engine(Peer):
    name = "wess"
    good = (0, 1)

    def __init__(self, place):
        super().__init__(place)
        self.config = os.path.join(place.dir, "wess.conf")
        with open(self.config, "w") as f:
            f.write(WESS.format(dir=place.dir))

    def command(self):
        return [program("wess"), "sync", "--config", self.config]

    def state_bytes(self):
        state = os.path.join(self.place.dir, "state")
        return sum(os.path.getsize(os.path.join(state, f)) for f in os.listdir(state)
                   if os.path.isfile(os.path.join(state, f)))


class Unison(Peer):
    name = "unison"

    def command(self):
        return ["unison", self.place.left, self.place.right, "-batch", "-auto", "-silent",
                "-confirmbigdel=false", "-prefer", self.place.left, "-ui", "text"]

    def environment(self):
        return {"UNISON": os.path.join(self.place.dir, "unison"), "HOME": self.place.dir}


class Vdirsyncer(Peer):
    name = "vdirsyncer"

    def __init__(self, place):
        super().__init__(place)
        self.config = os.path.join(place.dir, "vdirsyncer.conf")
        with open(self.config, "w") as f:
            f.write(VDIRSYNCER.format(dir=place.dir))
        subprocess.run(["vdirsyncer", "-c", self.config, "discover", "cards"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def command(self):
        return ["vdirsyncer", "-c", self.config, "sync"]

    def environment(self):
        return {"LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"}


def floor(*args):
    start = time.monotonic()
    subprocess.run([program("bench_floor"), *map(str, args)], check=True)
    return time.monotonic() - start


def best(times, what):
    return min(what() for _ in range(times))


def say(text):
    print("# " + text, flush=True)


def settle(peer):
    """The files that were written a moment ago are old, and everything is known."""
    time.sleep(2.5)
    peer.run()
    peer.run()


def same_content(place):
    assert len(set(place.count())) == 1, place.count()


def folders(items):
    """First sync into an empty folder, nothing to do, one in a hundred changed on each side."""
    copy = Place(items)
    syncfs = floor("copy", copy.left, copy.right)
    places = {peer: peer(Place(items)) for peer in (Engine, Unison, Vdirsyncer)}
    first = {peer: one.run() for peer, one in places.items()}
    wess, unison, vdirsyncer = places[Engine], places[Unison], places[Vdirsyncer]
    say("first sync: syncfs floor %.2f s, " % syncfs +
        ", ".join(f"{p.name} {s:.2f} s, {places[p].peak:.0f} MiB" for p, s in first.items()))
    same_content(wess.place)
    figure("engine_first_to_floor", first[Engine] / syncfs, "x", 2)
    figure("engine_first_to_unison", first[Engine] / first[Unison], "x", 1 / 5)
    figure("engine_first_memory", wess.peak, "MiB", 32)
    state, values = wess.state_bytes(), stored_values(wess)
    settle(wess)
    noop = {peer: best(3, one.run) for peer, one in places.items()}
    stat = best(3, lambda: floor("stat", wess.place.left, wess.place.right))
    say("no-op: stat floor %.2f s, " % stat +
        ", ".join(f"{p.name} {s:.2f} s, {places[p].peak:.0f} MiB" for p, s in noop.items()))
    figure("engine_noop_to_floor", noop[Engine] / stat, "x", 1.5)
    figure("engine_noop_to_unison", noop[Engine] / noop[Unison], "x", 0.4)
    figure("engine_noop_to_vdirsyncer", noop[Engine] / noop[Vdirsyncer], "x", 1 / 20)
    figure("engine_noop_memory", wess.peak, "MiB", 32)
    for one in places.values():
        one.place.edit(1, "Director")
    time.sleep(2.5)
    changed = {peer: one.run() for peer, one in places.items()}
    say("1 % changed: " + ", ".join(f"{p.name} {s:.2f} s" for p, s in changed.items()))
    figure("engine_changed_to_unison", changed[Engine] / changed[Unison], "x", 0.4)
    figure("engine_changed_memory", wess.peak, "MiB", 32)
    say(f"state {state / 2**20:.1f} MiB, of it values {values / 2**20:.1f} MiB")
    figure("engine_state_per_item", (state - values) / (2 * items), "bytes", 400)


def stored_values(wess):
    import sqlite3
    db = sqlite3.connect(os.path.join(wess.place.dir, "state", "wess.db"))
    return db.execute("SELECT coalesce(sum(length(body)), 0) FROM vals").fetchone()[0]


def reconcile():
    """The pure merge alone, on one core; unchanged items never come to it (tests/e2e/test_vdir.py,
    which counts them)."""
    out = subprocess.run([program("bench_reconcile"), "3"], check=True, capture_output=True,
                         text=True).stdout
    figure("engine_reconcile_rate", float(out.split()[0]), "items/s", 300000, at_least=True)


def quiet_round(users, contacts):
    """What a round of so many users costs when nothing changed: each server answers after 50 ms.
    Whatever there is to do is done before, without that."""
    with load(contacts, users=users, delay=0) as box, \
            Wess(box, pair=PAIR, level="warn", workers=8) as wess:
        for joined in list(range(50, users, 50)) + [users] * 3:  # in waves, as people do it
            write_users(wess, box, joined)
            run_measured(wess, "sync")
            box.move_clock(300)
        assert len(box.people()) == users * contacts, len(box.people())
        box.fault("ews:*:*:delay=50,workbooks:*:*:delay=50")
        box.requests(reset=True)
        seconds, _ = run_measured(wess, "sync")
        asked = box.requests(reset=True)["by_op"]
        assert not writes({"by_op": asked}), asked
        box.clear_faults()
        peak = peak_mib(wess, "sync")
    say(f"{users} users: {seconds:.2f} s, {peak:.0f} MiB, {asked}")
    return seconds, peak, sum(n for op, n in asked.items() if op.startswith("workbooks"))


def users():
    _, _, few = quiet_round(50, 20)
    seconds, peak, many = quiet_round(USERS, 20)
    figure("engine_users_seconds", seconds, "s", 60)
    figure("engine_users_memory", peak, "MiB", 256)
    figure("engine_users_crm_requests", many - few, "requests", 0)


def million():
    """Cost grows with the items, and no faster: ten times as many, ten times the time."""
    peers = {}
    for items in (MANY // 10, MANY):
        wess = peers[items] = Engine(Place(items))
        first, peak = wess.run(), wess.peak
        same_content(wess.place)
        settle(wess)
        noop = best(3, wess.run)
        say(f"{items} items: first sync {first:.1f} s, {peak:.0f} MiB; no-op {noop:.2f} s,"
            f" {wess.peak:.0f} MiB")
        peers[items] = (first, noop, max(peak, wess.peak))
    few, many = peers[MANY // 10], peers[MANY]
    figure("engine_million_first_growth", many[0] / few[0] / 10, "x", 1.5)
    figure("engine_million_noop_growth", many[1] / few[1] / 10, "x", 1.5)
    figure("engine_million_memory", many[2], "MiB", 96)


PARTS = {"folders": lambda: folders(ITEMS), "reconcile": reconcile, "users": users}
MORE = {"million": million}  # takes a quarter of an hour and 16 GB


def main():
    try:
        for part in sys.argv[1:] or PARTS:
            {**PARTS, **MORE}[part]()
    finally:
        shutil.rmtree(WHERE, ignore_errors=True)
    print(f"{fell_short()} figures short of their limit")
    sys.exit(1 if fell_short() else 0)


if __name__ == "__main__":
    main()
