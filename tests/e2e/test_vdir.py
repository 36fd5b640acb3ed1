"""Folders of vCards: with each other, and with the rehearsal server of Workbooks."""
import os
import re
import sqlite3
import subprocess
import tempfile
import time
import types

from sandbox import Sandbox, Wess, main, program
from test_calendars import Calendars

CONFIG = """
site = "test";
state_dir = "{dir}/state";
endpoints: {{
  left: {{ connector = "vdir"; path = "{dir}/left/%{{user.id}}"; }};
  {right};
}};
users: {{ source = {{ csv = "{dir}/users.csv"; }}; }};
pairs: {{
  people: {{ kind = "contact"; left = "left:contacts"; right = "{to}";
    select = {{ left = {{ tags_any = [ "Workbooks" ]; }}; {select} }}; {pair} }};
}};
http: {{ connect_timeout = "20s"; timeout = "20s"; }};
log: {{ file = "{dir}/log"; level = "debug"; }};
"""
VDIR = 'right: {{ connector = "vdir"; path = "{dir}/right/%{{user.id}}"; version = "4.0"; }}'
CRM = ('crm: {{ connector = "workbooks"; url = "{url}";'
       ' api_key = {{ file = "{dir}/workbooks.secret"; }}; }}')
EASY = 'first = { differs = "left"; create = "yes"; };'


class Folders(Wess):
    """One user, a folder on the left; on the right another, or Workbooks."""

    def __init__(self, pair=EASY, box=None, select=""):
        self.box = box or types.SimpleNamespace(clock_file="/nonexistent")
        self.keep = False
        self.dir = tempfile.mkdtemp(prefix="wess-vdir-")
        self.config = os.path.join(self.dir, "wess.conf")
        for side in ("left", "right"):
            os.makedirs(self.folder(side))
        name = "u1"
        right, to = VDIR.format(dir=self.dir), "right:contacts"
        if box:
            name = box.info["exchange"]["mailboxes"][0]["name"]
            self.write("workbooks.secret", box.info["workbooks"]["api_key"] + "\n", 0o600)
            right, to = CRM.format(dir=self.dir, url=box.info["workbooks"]["url"]), "crm:people"
        self.write("users.csv", f"id,name,workbooks\nu1,{name},{name}\n")
        self.write("wess.conf", CONFIG.format(dir=self.dir, right=right, to=to, pair=pair,
                                              select=select))

    def folder(self, side="left"):
        return os.path.join(self.dir, side, "u1")

    def path(self, name, side="left"):
        return os.path.join(self.folder(side), name)

    def files(self, side="left"):
        return sorted(os.listdir(self.folder(side)))

    def card(self, name, side="left"):
        with open(self.path(name, side), newline="") as f:
            return f.read()

    def put(self, name, text, side="left"):
        """As an address book does it: aside, and then in place."""
        aside = self.path(".new", side)
        with open(aside, "w", newline="") as f:
            f.write(text)
        os.rename(aside, self.path(name, side))

    def edit(self, name, old, new, side="left"):
        text = self.card(name, side)
        assert old in text, f"no {old!r} in {text}"
        self.put(name, text.replace(old, new, 1), side)

    def only(self, side="right"):
        assert len(self.files(side)) == 1, self.files(side)
        return self.files(side)[0]

    def run_one(self, *args, check=(0, 1)):
        return self.sync(*args, check=check)["u1"]

    def settled(self):
        for _ in range(2):
            self("sync")
        run = self.run_one()
        for side in ("left", "right"):
            for what in ("created", "updated", "deleted", "ended"):
                assert run[side][what] == 0, f"{side} {what} {run[side][what]}"


def until(condition, seconds=60):
    """Waits for something that another process does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.001)


def vcard(*lines, eol="\r\n"):
    return eol.join(["BEGIN:VCARD", "VERSION:3.0", *lines, "END:VCARD", ""])


ADA = vcard("PRODID:-//Somebody//EN", "N:Byrne;Ada;;;", "FN:Ada Byrne", "EMAIL;TYPE=WORK:ada@x.example",
            "item1.X-ABLabel:odd", "TITLE:Countess", "CATEGORIES:Workbooks", "X-UNKNOWN;A=b:c\\,d",
            "PHOTO;ENCODING=b:AAAA", " BBBB")
BOB = vcard("N:Stone;Bob;;;", "FN:Bob Stone", "EMAIL:bob@x.example", "CATEGORIES:Friends")


def pair_of(**more):
    wess = Folders(**more)
    wess.put("ada.vcf", ADA)
    wess.put("bob.vcf", BOB)
    wess("sync")
    return wess


def test_01_created_on_the_other_side_once():
    with pair_of() as wess:
        assert wess.files() == ["ada.vcf", "bob.vcf"] and wess.card("bob.vcf") == BOB
        twin = wess.only()
        text = wess.card(twin, "right")
        for line in ("VERSION:4.0", "FN:Ada Byrne", "N:Byrne;Ada;;;", "EMAIL:ada@x.example",
                     "TITLE:Countess", "CATEGORIES:Workbooks"):
            assert line + "\r\n" in text, f"{line} in {text}"
        assert re.search(f"^X-WESS-STAMP:{twin[9:-4]}", text, re.M), "as it is called"
        assert "bob" not in text.lower()
        wess.settled()
        assert wess.card(twin, "right") == text
        assert wess.card("ada.vcf") == ADA, "what was only read is as it was"


def test_02_created_on_the_left_from_the_right():
    with Folders(select="right = { tags_any = [ \"Share\" ]; };") as wess:
        wess.put("carl.vcf", vcard("FN:Carl", "N:Onger;Carl;;;", "CATEGORIES:Share", eol="\n"), "right")
        wess("sync")
        text = wess.card(wess.only("left"))
        assert "FN:Carl\r\n" in text and "Workbooks" in text
        wess.settled()


def test_03_edits_travel_alone_both_ways():
    with pair_of() as wess:
        twin = wess.only()
        wess.edit("ada.vcf", "TITLE:Countess", "TITLE:Lady")
        wess.edit(twin, "EMAIL:ada@x.example", "TEL;TYPE=cell:+44 1\r\nEMAIL:ada@x.example", "right")
        run = wess.run_one()
        assert run["left"]["updated"] == 1 and run["right"]["updated"] == 1, run
        assert "TITLE:Lady\r\n" in wess.card(twin, "right")
        assert wess.card("ada.vcf") == ADA.replace("TITLE:Countess", "TITLE:Lady").replace(
            "END:VCARD", "TEL;TYPE=cell:+44 1\r\nEND:VCARD"), wess.card("ada.vcf")
        wess.settled()


def test_04_a_conflict_is_asked_and_resolved():
    with pair_of() as wess:
        twin = wess.only()
        wess.edit("ada.vcf", "TITLE:Countess", "TITLE:Left word")
        wess.edit(twin, "TITLE:Countess", "TITLE:Right word", "right")
        run = wess.run_one(check=1)
        assert run["conflicts"] == 1 and run["left"]["updated"] + run["right"]["updated"] == 0
        ask = [a for a in wess.json("conflicts", "list", check=(0, 1))["conflicts"]
               if a.get("field") == "title"]
        wess("conflicts", "resolve", str(ask[0]["id"]), "--right")
        wess("sync")
        assert "TITLE:Right word\r\n" in wess.card("ada.vcf")
        wess.settled()


def test_05_deletions_as_the_pair_says():
    with pair_of() as wess:
        os.remove(wess.path("ada.vcf"))
        wess("sync")
        assert wess.only() and wess.files() == ["bob.vcf"], "an unlink by default"
        wess.settled()
    with pair_of(pair=EASY + ' on_delete = { left = "delete"; right = "delete"; };') as wess:
        wess.put("dora.vcf", ADA.replace("Ada", "Dora").replace("ada@", "dora@"))
        wess("sync")
        assert len(wess.files("right")) == 2
        os.remove(wess.path("ada.vcf"))
        run = wess.run_one()
        assert run["right"]["deleted"] == 1, run
        os.remove(wess.path(wess.only(), "right"))
        run = wess.run_one()
        assert run["left"]["deleted"] == 1 and wess.files() == ["bob.vcf"], (run, wess.files())
        wess.settled()


def test_06_taking_the_tag_off_sticks():
    with pair_of() as wess:
        twin = wess.only()
        wess.edit("ada.vcf", "CATEGORIES:Workbooks\r\n", "")
        run = wess.run_one()
        assert run["left"]["ended"] + run["right"]["ended"] == 1
        wess.edit(twin, "TITLE:Countess", "TITLE:Anything", "right")
        wess.settled()
        assert "TITLE:Countess" in wess.card("ada.vcf")
        wess.edit("ada.vcf", "TITLE:", "CATEGORIES:Workbooks\r\nTITLE:")
        wess("sync")
        wess.settled()
        assert "TITLE:Anything" in wess.card("ada.vcf") and len(wess.files("right")) == 1


def test_07_another_name_is_no_deletion():
    with pair_of(pair=EASY + ' on_delete = { left = "delete"; right = "delete"; };') as wess:
        twin = wess.only()
        os.rename(wess.path("ada.vcf"), wess.path("renamed.vcf"))
        os.rename(wess.path(twin, "right"), wess.path("other.vcf", "right"))
        wess.settled()
        assert wess.files("right") == ["other.vcf"] and "renamed.vcf" in wess.files()
        wess.edit("renamed.vcf", "TITLE:Countess", "TITLE:Still linked")
        wess("sync")
        assert "TITLE:Still linked" in wess.card("other.vcf", "right")


def test_08_a_broken_file_deletes_nothing_and_is_told():
    always = EASY + ' on_delete = { left = "delete"; right = "delete"; }; on_untag = "delete";'
    with pair_of(pair=always) as wess:
        twin = wess.only()
        before = wess.card(twin, "right")
        for broken in ("", ADA[:90], ADA + ADA, ADA.replace("Countess", "\0")):
            wess.put("ada.vcf", broken)
            run = wess.run_one()
            assert run["right"]["deleted"] == 0 and run["right"]["ended"] + run["left"]["ended"] == 0, run
            assert wess.card(twin, "right") == before
            assert wess.card("ada.vcf") == broken
        parked = wess.run("parked", "list").stdout
        assert "zero byte" in parked and "line " in parked, parked
        wess.put("ada.vcf", ADA.replace("Countess", "Whole again"))
        wess("sync")
        assert "TITLE:Whole again" in wess.card(twin, "right")
        wess.settled()
        assert "zero byte" not in wess.run("parked", "list").stdout


def test_09_private_cards_go_nowhere():
    with pair_of() as wess:
        wess.put("eve.vcf", ADA.replace("Ada", "Eve").replace("ada@", "eve@").replace(
            "TITLE", "CLASS:PRIVATE\r\nTITLE"))
        wess("sync")
        assert len(wess.files("right")) == 1
        wess.edit("ada.vcf", "TITLE:Countess", "TITLE:Secret\r\nCLASS:CONFIDENTIAL")
        wess("sync")
        assert "Secret" not in wess.card(wess.only(), "right")


def test_10_a_folder_that_is_away_deletes_nothing():
    always = EASY + ' on_delete = { left = "delete"; right = "delete"; };'
    with pair_of(pair=always) as wess:
        twin = wess.only()
        os.rename(wess.folder(), wess.folder() + "-away")
        run = wess.run("sync", "--no-wait")
        assert run.returncode == 3, run.stdout + run.stderr
        os.mkdir(wess.folder())
        run = wess.run("sync", "--no-wait")
        assert run.returncode not in (0, 1), run.stdout + run.stderr
        assert wess.files("right") == [twin] and not wess.files()
        os.rmdir(wess.folder())
        os.rename(wess.folder() + "-away", wess.folder())


def test_11_a_lost_state_doubles_nothing():
    import shutil
    with pair_of() as wess:
        before = wess.files("right")
        shutil.rmtree(os.path.join(wess.dir, "state"))
        for _ in range(2):
            wess("sync")
        assert wess.files("right") == before and wess.files() == ["ada.vcf", "bob.vcf"]


def test_12_a_folder_and_workbooks():
    with Sandbox() as box, Folders(box=box, select='right = { queue = "%{user.workbooks}"; };') as wess:
        wess.put("ada.vcf", ADA)
        wess("sync", check=(0, 1, 4))
        person = box.person(email="ada@x.example")
        assert person["fields"]["person_job_title"] == "Countess"
        assert person["fields"]["person_last_name"] == "Byrne"
        ours = [name for name in wess.files() if name != "ada.vcf"]
        assert len(ours) > 5, "what is hers in the CRM came as files"
        assert all("X-WESS-STAMP:" in wess.card(name) and "CATEGORIES:Workbooks" in wess.card(name)
                   for name in ours)
        box.move_clock(300)
        box.workbooks("edit", id=person["id"], **{"main_location[telephone]": "+44 20 1"})
        wess.edit("ada.vcf", "TITLE:Countess", "TITLE:Chair")
        wess("sync", check=(0, 1, 4))
        assert "TEL;TYPE=work:+44 20 1\r\n" in wess.card("ada.vcf")
        assert box.person(id=person["id"])["fields"]["person_job_title"] == "Chair"
        for keep in ("X-UNKNOWN;A=b:c\\,d\r\n", "PHOTO;ENCODING=b:AAAA\r\n BBBB\r\n",
                     "EMAIL;TYPE=WORK:ada@x.example\r\n"):
            assert keep in wess.card("ada.vcf")
        for _ in range(2):
            wess("sync", check=(0, 1, 4))
        run = wess.run_one(check=(0, 1, 4))
        for side in ("left", "right"):
            assert run[side]["created"] + run[side]["updated"] + run[side]["deleted"] == 0, run


def test_13_killed_while_it_writes():
    names = [f"c{i:03}" for i in range(120)]
    for wait_for in (1, 60, 119):
        with Folders() as wess:
            for name in names:
                wess.put(name + ".vcf", ADA.replace("Ada", name).replace("ada@", name + "@"))
            env = dict(os.environ, ASAN_OPTIONS="detect_leaks=0")
            process = subprocess.Popen([program("wess"), "sync", "--config", wess.config], env=env,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            until(lambda: len(wess.files("right")) >= wait_for or process.poll() is not None)
            process.kill()
            process.wait()
            wess("sync")
            wess.settled()
            made = [n for n in wess.files("right") if not n.startswith(".")]
            assert len(made) == len(names), len(made)
            text = "".join(wess.card(n, "right") for n in made)
            assert all(text.count(f"EMAIL:{name}@x.example") == 1 for name in names)


def test_14_a_broken_file_that_nobody_linked_is_parked():
    def parked():
        return [(p["title"], p["why"]) for p in wess.json("parked", "list", check=(0, 1))["parked"]]

    with pair_of() as wess:
        assert not parked()
        wess.put("cut.vcf", ADA[:90].replace("Ada", "Cut"))
        wess.put("twice.vcf", BOB + BOB)
        run = wess.run_one()
        assert run["parked"] == 2 and run["right"]["created"] == 0, run
        assert parked() == [("cut.vcf", "it cannot be read: line 6: no END:VCARD: the file was cut off"),
                            ("twice.vcf", "it cannot be read: line 8: a second card in one file")], parked()
        shown = wess.run("parked", "list").stdout
        assert "cut.vcf" in shown and "line 6" in shown and "the whole item" in shown, shown
        wess.edit("ada.vcf", "TITLE:Countess", "TITLE:Goes on")
        assert wess.run_one()["right"]["updated"] == 1, "the rest goes on"
        assert wess.run_one()["parked"] == 0, "it is told once"
        assert len(parked()) == 2
        # Still broken, at another place; tried again by hand; whole, but not selected; gone.
        wess.put("cut.vcf", "FN:no beginning\r\n")
        wess("sync", check=(0, 1))
        assert dict(parked())["cut.vcf"].endswith("line 1: no BEGIN:VCARD"), parked()
        wess("parked", "retry", "all")
        assert not parked()
        wess("sync", check=(0, 1))
        assert len(parked()) == 2
        wess.put("twice.vcf", BOB)
        wess.put("cut.vcf", ADA.replace("Ada", "Cut").replace("ada@", "cut@"))
        assert wess.run_one()["right"]["created"] == 1
        assert not parked() and len(wess.files("right")) == 2
        wess.put("third.vcf", "")
        wess("sync", check=(0, 1))
        assert parked() == [("third.vcf", "it cannot be read: the file is empty")]
        os.remove(wess.path("third.vcf"))
        wess("sync")
        assert not parked()
        wess.settled()


def test_15_only_what_changed_is_reconciled():
    names = [f"c{i:03}" for i in range(200)]
    with Folders() as wess:
        for name in names:
            wess.put(name + ".vcf", ADA.replace("Ada", name).replace("ada@", name + "@"))
        assert wess.run_one()["reconciled"] == len(names)
        wess.settled()
        assert wess.run_one()["reconciled"] == 0
        for name in names[50:53]:
            wess.edit(name + ".vcf", "TITLE:Countess", "TITLE:Chair")
        run = wess.run_one()
        assert run["reconciled"] == 3 and run["right"]["updated"] == 3, run
        for _ in range(2):  # what was written is seen
            wess("sync")
        run = wess.run_one()
        assert run["reconciled"] == 0 and run["left"]["updated"] + run["right"]["updated"] == 0, run
        made = [wess.card(n, "right") for n in wess.files("right") if not n.startswith(".")]
        assert sum("TITLE:Chair" in card for card in made) == 3


def test_16_another_select_is_asked_of_what_is_there():
    with pair_of() as wess:
        assert len(wess.files("right")) == 1
        wess.settled()
        with open(wess.config) as f:
            text = f.read()
        wess.write("wess.conf", text.replace('tags_any = [ "Workbooks" ]', 'tags_any = [ "Workbooks", "Friends" ]'))
        wess("sync", check=(0, 1))
        assert len(wess.files("right")) == 2, "who bore that tag all along takes part now"
        wess.settled()


def test_17_a_plan_tells_a_restore_from_what_was_typed_anew():
    """The link goes on with the one that somebody typed anew. What that one does not say is no news."""
    restores = ' on_delete = { left = "restore"; right = "restore"; };'
    with pair_of(pair=EASY + restores) as wess:
        wess.settled()
        os.remove(wess.path(wess.only(), "right"))
        wess.edit("ada.vcf", "TITLE:Countess", "TITLE:Duchess")
        def plan():
            (one,) = wess.json("plan", check=(0, 1, 8))["plans"]
            return {name: [(line["title"], line.get("reason")) for line in lines]
                    for name, lines in one.items() if isinstance(lines, list) and lines}
        assert plan() == {"create": [("Ada Byrne", "restored")]}, plan()
        wess.put("anew.vcf", vcard("N:Byrne;Ada;;;", "FN:Ada Byrne", "EMAIL:ada@x.example"), "right")
        planned = plan()
        again = plan()
        assert again == planned, f"a plan consumes nothing: {planned}, then {again}"
        assert planned == {"update": [("Ada Byrne", "updated")]}, planned
        run = wess.run_one()
        assert (run["right"]["created"], run["right"]["updated"], run["left"]["updated"]) == (0, 1, 0), run
        assert wess.only() == "anew.vcf"
        for card in (wess.card("anew.vcf", "right"), wess.card("ada.vcf")):
            assert all(text in card for text in ("TITLE:Duchess", "CATEGORIES:Workbooks", "PHOTO"))
        wess.settled()


def test_18_a_second_number_without_a_first():
    """Read as the first, it was written over on one side by what came there on the other."""
    with Sandbox("--data", "empty") as box, Calendars("contact", box) as wess:
        box.exchange("create", 0, kind="Contact", GivenName="Ada", Surname="Low",
                     BusinessPhone2="222", BusinessStreet="1 Main\r\nSuite 2", BusinessCity="Town")
        wess.settle()
        name = wess.files()[0]
        wess.edit(name, "END:VCARD", "TEL;TYPE=work:999\r\nEND:VCARD")
        wess.settle()
        there = box.contacts(0)[0]["fields"]
        assert (there["BusinessPhone"], there["BusinessPhone2"]) == ("999", "222"), there
        box.exchange("edit", 0, id=box.contacts(0)[0]["id"], BusinessPhone="")
        wess.settle()
        box.exchange("edit", 0, id=box.contacts(0)[0]["id"], BusinessPhone="111")
        wess.settle()
        numbers = sorted(re.findall("TEL;.*:(.*)\r\n", wess.text(name)))
        assert numbers == ["111", "222"], numbers
        assert box.contacts(0)[0]["fields"]["BusinessStreet"] == "1 Main\r\nSuite 2"


def test_19_a_clock_that_leaps_ahead_lets_nothing_go():
    """What was overwritten is kept by age: by a clock that is years ahead all of it is old."""
    day, years = 86400000, 3 * 366 * 86400000
    with Folders() as wess:
        wess.box.clock_file = os.path.join(wess.dir, "clock")

        def kept():
            db = sqlite3.connect(f"file:{wess.dir}/state/wess.db?mode=ro", uri=True)
            n = db.execute("SELECT count(*) FROM history WHERE before").fetchone()[0]
            db.close()
            return n

        def sync(ahead):
            wess.write("clock", str(ahead))
            wess("sync", check=(0, 1))

        wess.put("ada.vcf", ADA)
        sync(0)
        wess.edit("ada.vcf", "TITLE:Countess", "TITLE:Lady")
        sync(0)
        assert kept() == 1
        for ahead in (years, 0, years):
            sync(ahead)
            assert kept() == 1, ahead
        sync(years + 2 * day)  # it stays so: that is the time
        assert kept() == 0


def test_20_who_lets_changes_go_lets_no_deletions_go():
    """A list that was let go waits for the next sync: by then its items may be gone."""
    guard = (' on_delete = { left = "delete"; right = "delete"; };'
             ' guard = { max_change = 3; max_delete = 3; max_change_percent = 1; };')
    names = [f"c{i}.vcf" for i in range(6)]

    def let_go(wess, what):
        wess("sync", "--no-wait", check=(4,))
        held = wess.json("held", "list", check=(4,))["held"]
        assert [(h["what"], h["n"]) for h in held] == [(what, 6)], held
        wess("held", "release", str(held[0]["id"]))

    with Folders(EASY + guard) as wess:
        for i, name in enumerate(names):
            wess.put(name, ADA.replace("Ada", f"Ada{i}").replace("ada@", f"ada{i}@"))
        wess("sync")
        for name in names:
            wess.edit(name, "TITLE:Countess", "TITLE:Lady")
        let_go(wess, "update")
        for name in names:
            os.remove(wess.path(name))
        let_go(wess, "delete")
        assert len(wess.files("right")) == 6
        wess("sync")
        assert not wess.files("right")


def test_21_what_is_gone_is_linked_by_nobody():
    """It would be a deletion to the next sync, and its new twin be deleted for it."""
    with pair_of(pair=EASY + ' on_delete = { left = "delete"; right = "delete"; };') as wess:
        twin = wess.only()
        wess("unlink", "people", "ada.vcf")
        os.remove(wess.path("ada.vcf"))
        wess("sync")
        said = wess("link", "people", "ada.vcf", twin, check=(2,))
        assert "not there any more" in said.stderr, said
        wess("sync")
        assert wess.only() == twin


def test_22_a_deletion_that_is_held_waits_whatever_its_twin_does():
    """A record that somebody touches over there brings its link up once more: by that, one by one,
    a list that nobody let go was carried out."""
    for on_delete, what in (("delete", "delete"), ("unlink", "end the link of")):
        pair = EASY + (f' on_delete = {{ left = "{on_delete}"; right = "unlink"; }};'
                       ' guard = { max_delete = 3; max_unlink = 3; };')
        with Folders(pair) as wess:
            names = [f"c{i}.vcf" for i in range(6)]
            for i, name in enumerate(names):
                wess.put(name, ADA.replace("Ada", f"Ada{i}").replace("ada@", f"ada{i}@"))
            wess("sync")
            for name in names:
                os.remove(wess.path(name))
            wess("sync", "--no-wait", check=(4,))
            for twin in wess.files("right")[:2]:
                os.utime(wess.path(twin, "right"))
            run = wess.json("sync", "--no-wait", check=(4,))["runs"][0]
            assert not run["right"]["deleted"] and not run["left"]["ended"], run
            assert not run["right"]["ended"], run
            held = wess.json("held", "list", check=(4,))["held"]
            assert [(h["what"], h["n"]) for h in held] == [(what, 6)], held
            wess("held", "release", str(held[0]["id"]))
            wess("sync")
            assert len(wess.files("right")) == (0 if on_delete == "delete" else 6)
            assert not wess.json("held", "list")["held"]


def test_23_a_folder_is_no_pair_with_itself():
    """By another name, too: all that is made on one side would be new on the other."""
    with Folders() as wess:
        os.rmdir(wess.folder("right"))
        os.rmdir(os.path.join(wess.dir, "right"))
        os.symlink(os.path.join(wess.dir, "left"), os.path.join(wess.dir, "right"))
        wess.put("ada.vcf", ADA)
        for command in ("plan", "sync"):
            out = wess(command, check=(2,)).stdout
            assert "left and right are one and the same place; nothing was read or written" in out, out
        assert wess.files() == ["ada.vcf"]


def test_24_a_change_that_is_held_waits_whatever_its_twin_does():
    """Who touches a record over there, or edits it, lets no part of the list go; the edit goes."""
    with Folders(EASY + ' guard = { max_change = 3; };') as wess:
        names = [f"c{i}.vcf" for i in range(6)]
        for i, name in enumerate(names):
            wess.put(name, ADA.replace("Ada", f"Ada{i}").replace("ada@", f"ada{i}@"))
        wess("sync")
        twins = wess.files("right")
        for name in names:
            wess.edit(name, "TITLE:Countess", "TITLE:Lady")
        wess("sync", "--no-wait", check=(4,))

        def titles():
            return [sum(title in wess.card(twin, "right") for twin in twins)
                    for title in ("TITLE:Countess", "TITLE:Lady")]
        for twin in twins[:2]:
            os.utime(wess.path(twin, "right"))
        wess.edit(twins[2], "TITLE:", "ROLE:Poet\r\nTITLE:", "right")
        wess.edit(twins[3], "TITLE:Countess", "TITLE:Duchess", "right")
        run = wess.json("sync", "--no-wait", check=(1, 4))["runs"][0]
        assert (run["right"]["updated"], run["left"]["updated"]) == (0, 1), run
        assert titles() == [5, 0], titles()
        assert sum("ROLE:Poet" in wess.card(name) for name in names) == 1
        (held,) = [h for h in wess.json("held", "list", check=(4,))["held"] if h["what"] == "update"]
        assert held["n"] == 6, held
        wess.json("sync", "--no-wait", check=(1, 4))
        assert titles() == [5, 0], titles()
        wess("held", "release", str(held["id"]))
        wess("sync", check=(0, 1))
        assert titles() == [0, 5], "and one is asked about"
        (one,) = wess.json("conflicts", "list", check=(0, 1))["conflicts"]
        assert one["field"] == "title", one


def test_25_who_has_a_twin_by_now_leaves_the_list():
    """Of those that would be created: the others wait on."""
    with Folders("", select='right = { tags_any = [ "Workbooks" ]; };') as wess:
        def held():
            return [(h["what"], h["n"]) for h in wess.json("held", "list", check=4)["held"]]
        for i in range(3):
            wess.put(f"c{i}.vcf", ADA.replace("Ada", f"Ada{i}").replace("ada@", f"ada{i}@"))
        wess("sync", "--no-wait", check=(4,))
        assert held() == [("create", 3)], held()
        wess.put("theirs.vcf", ADA.replace("Ada", "Ada1").replace("ada@", "ada1@"), "right")
        wess("sync", "--no-wait", check=(1, 4))
        assert held() == [("create", 2)], held()


if __name__ == "__main__":
    main(globals())
