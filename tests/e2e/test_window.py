"""What begins to take part lies in the window, and no more of it at once than a pair says."""
import datetime
import os
import time
import types

from sandbox import main
from test_calendars import Calendars, event

DAY = 86400


class Window(Calendars):
    def __init__(self, more):
        super().__init__("event")
        self.box = types.SimpleNamespace(clock_file=os.path.join(self.dir, "clock"))
        self.move(0)
        with open(self.config) as f:
            text = f.read()
        self.write("wess.conf", text.replace("on_delete =", more + " on_delete ="))

    def move(self, days):
        self.write("clock", f"{days * DAY * 1000}\n")

    def day(self, days, name, *lines, side="here"):
        when = datetime.datetime.utcfromtimestamp(time.time() + days * DAY)
        self.put(f"{name}.ics", event(f"{name}@x", f"DTSTART:{when:%Y%m%dT%H%M%S}Z",
                                      "DURATION:PT1H", f"SUMMARY:{name}", *lines), side)

    def there(self):
        found = set()
        for name in self.files("there"):
            text = self.text(name, "there")
            found.add(text.split("SUMMARY:")[1].split("\r\n")[0])
        return found


def test_1_what_begins_to_take_part_lies_in_the_window():
    with Window('window = { past = "30d"; future = "48d"; };') as wess:
        for days, name in ((-400, "old"), (-31, "gone"), (-29, "late"), (1, "soon"), (47, "far"),
                           (60, "next"), (300, "beyond")):
            wess.day(days, name)
        wess.day(-800, "weekly", "RRULE:FREQ=WEEKLY")
        wess.settle()
        assert wess.there() == {"late", "soon", "far", "weekly"}, wess.there()
        # What is linked grows old in step; what lay ahead comes near though nobody touched it.
        wess.move(20)
        wess.edit("late.ics", "SUMMARY:late", "SUMMARY:late minuted")
        wess.settle()
        assert wess.there() == {"late minuted", "soon", "far", "weekly", "next"}, wess.there()
        # Moved into it by a person.
        wess.day(3, "gone")
        wess.settle()
        assert "gone" in wess.there()
        # A wider window is read anew; a narrower one ends nothing.
        with open(wess.config) as f:
            text = f.read()
        wess.write("wess.conf", text.replace('"48d"', '"400d"'))
        wess.settle()
        assert "beyond" in wess.there() and "old" not in wess.there()
        wess.write("wess.conf", text.replace('"30d"', '"1d"'))
        wess.settle()
        assert len(wess.there()) == 7 and len(wess.files()) == 8, wess.there()


def test_2_a_run_takes_up_so_much_and_the_newest_first():
    with Window("per_run = 4;") as wess:
        for i in range(10):
            wess.day(i, f"d{i}", f"LAST-MODIFIED:203001{i + 10}T000000Z")
        plan = wess("plan").stdout
        assert "6 items are left for the runs after that" in plan, plan
        run = wess("sync", "--no-wait")
        assert "6 items are left for the next runs" in run.stdout, run.stdout
        assert wess.there() == {"d9", "d8", "d7", "d6"}, wess.there()
        assert wess.sync("--no-wait")["u1"]["later"] == 2
        assert len(wess.there()) == 8, wess.there()
        assert wess.sync("--no-wait")["u1"]["later"] == 0
        assert len(wess.there()) == 10, wess.there()
        # What the first runs brought is met; a change there is a change.
        wess.edit("d9.ics", "SUMMARY:d9", "SUMMARY:d9 moved")
        wess.settle()
        assert "d9 moved" in wess.there()


def test_3_settings_that_cannot_be():
    for more, said in (('window = { past = "yesterday"; };', "past must be a time such as"),
                       ('window = { past = "2h"; };', "past must be within 1d..36500d"),
                       ('window = { before = "2d"; };', "before"),
                       ("per_run = -1;", "per_run must be within")):
        with Window(more) as wess:
            assert said in wess("check", check=(2,)).stderr, more
    with Window('window = { past = "30d"; };') as wess:
        with open(wess.config) as f:
            text = f.read()
        wess.write("wess.conf", text.replace("event", "contact").replace(":calendar", ":contacts"))
        assert "a contact has no date: leave out window" in wess("check", check=(2,)).stderr


if __name__ == "__main__":
    main(globals())
