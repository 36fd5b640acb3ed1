"""Files attached to contacts, tasks and meetings in Exchange as files on a note of their records in
Workbooks, and back, by the real program."""
import os

from sandbox import Sandbox, main
from test_attachments import attach, sha
from test_crm import Crm, make
from test_mail import killed_when, largest
from test_workbooks_session import signed_in

KINDS = {"Task": ("task", "tasks", "tasks", "Private::Activity::Task"),
         "CalendarItem": ("event", "calendar", "meetings", "Private::Activity::Meeting"),
         "Contact": ("contact", "contacts", "people", "Private::Crm::Person")}


class Files(Crm):
    """A pair of one kind between the first mailbox and Workbooks, files included."""

    def __init__(self, box, element, wb="attachments = true;"):
        self.element = element
        kind, folder, self.of, self.type = KINDS[element]
        super().__init__(box, kind, folder, self.of, wb=wb)
        with open(self.config) as f:
            text = f.read()
        self.write("wess.conf", text.replace('auth = "basic";', 'auth = "basic"; attachments = true;'))

    def new(self, name="Item"):
        zone = "GMT Standard Time"
        what = {"Task": {}, "Contact": {"DisplayName": name, "GivenName": "Ida", "Surname": name},
                "CalendarItem": {"Start": "2030-07-04T07:00:00Z", "End": "2030-07-04T08:00:00Z",
                                 "StartTimeZone": zone, "EndTimeZone": zone}}[self.element]
        return make(self.box, self.element, **what, **({} if self.element == "Contact" else {"Subject": name}))

    def item(self, name="Item"):
        (found,) = self.box.contacts(0, folder=KINDS[self.element][1], name=name)
        return found

    def here(self, name="Item"):
        return sorted((f["name"], f["sha256"]) for f in self.item(name)["fields"].get("Attachments", []))

    def record(self, name="Item"):
        (found,) = [r for r in self.box.workbooks("list", of=self.of, name=name)[self.of]
                    if not r["is_deleted"]]
        return found

    def notes(self, name="Item"):
        record = str(self.record(name)["id"])
        return [n for n in self.box.workbooks("list", of="notes")["notes"] if not n["is_deleted"] and
                (n["fields"]["resource_id"], n["fields"]["resource_type"]) == (record, self.type)]

    def there(self, name="Item"):
        notes = [n["id"] for n in self.notes(name) if n["created_through_reference"] == "wess-files"]
        assert len(notes) <= 1, notes
        return sorted((f["name"], f["sha256"]) for f in self.uploads() if f["note"] in notes)

    def uploads(self):
        return [f["fields"]["file"] for f in self.box.workbooks("list", of="upload_files")["upload_files"]
                if not f["is_deleted"]]

    def nothing_left(self):
        spool = os.path.join(self.dir, "state", "spool")
        assert os.listdir(spool) == [], os.listdir(spool)


def written(box):
    return {op: n for op, n in box.requests()["by_op"].items()
            if op.startswith("workbooks:") and op.endswith(":PUT")}


def test_each_kind_there_and_changed_and_gone():
    for element in KINDS:
        with Sandbox("--data", "empty") as box, Files(box, element) as wess:
            one = wess.new()
            attach(box, 0, one, "offer.pdf", text="An offer")
            attach(box, 0, one, "Größe, 'a' & <b>.txt", text="x")
            attach(box, 0, one, "empty", text="")
            wess.settle()
            want = sorted([("offer.pdf", sha("An offer")), ("Größe, 'a' & <b>.txt", sha("x")),
                           ("empty", sha(""))])
            assert wess.there() == want == wess.here(), (element, wess.there())
            assert len(wess.notes()) == 1
            box.exchange("detach", 0, id=wess.item()["id"], name="empty")
            box.exchange("detach", 0, id=wess.item()["id"], name="offer.pdf")
            attach(box, 0, wess.item(), "offer.pdf", text="Another offer")
            wess.settle()
            want = sorted([("offer.pdf", sha("Another offer")), ("Größe, 'a' & <b>.txt", sha("x"))])
            assert wess.there() == want == wess.here(), (element, wess.there(), wess.here())
            assert len(wess.notes()) == 1
            before = written(box)
            wess("sync", "--no-wait", check=0)
            assert written(box) == before, "what did not change was written"
            wess.nothing_left()


def test_off_by_default():
    with Sandbox("--data", "empty") as box, Files(box, "Task", wb="") as wess:
        attach(box, 0, wess.new(), "offer.pdf", text="An offer")
        wess.settle()
        assert wess.record() and not wess.uploads() and not wess.notes()
        asked = box.requests()["by_op"]
        assert not any("note" in op or "upload" in op for op in asked), asked


def test_switched_off_it_takes_nothing_away():
    """At either end, with changes on both sides; and on again."""
    for last in (True, False):
        with Sandbox("--data", "empty") as box, Files(box, "Task") as wess:
            attach(box, 0, wess.new(), "offer.pdf", text="An offer")
            wess.settle()
            want = [("offer.pdf", sha("An offer"))]
            with open(wess.config) as f:
                on = f.read()
            at = on.rindex("attachments = true;") if last else on.index("attachments = true;")
            wess.write("wess.conf", on[:at] + on[at + len("attachments = true;"):])
            box.workbooks("edit", of="tasks", id=wess.record()["id"], activity_priority="High")
            wess.settle()
            assert wess.here() == want == wess.there(), (wess.here(), wess.there())
            box.exchange("edit", 0, id=wess.item()["id"], Importance="Normal")
            wess.settle()
            assert wess.here() == want == wess.there(), (wess.here(), wess.there())
            wess.write("wess.conf", on)
            box.workbooks("edit", of="tasks", id=wess.record()["id"], activity_priority="High")
            wess.settle()
            assert wess.here() == want == wess.there(), (wess.here(), wess.there())
            wess.nothing_left()


def lose(box, wess, how):
    """Of the only note with its only file: the note, that it is ours, or the file."""
    (note,) = wess.notes()
    if how == "deleted":
        box.workbooks("delete", of="notes", id=note["id"])
    elif how == "hidden":
        box.workbooks("edit", of="notes", id=note["id"], created_through_reference="")
    else:
        (upload,) = box.workbooks("list", of="upload_files")["upload_files"]
        box.workbooks("delete", of="upload_files", id=upload["id"])


def test_a_note_out_of_sight_takes_nothing_away():
    """Deleted, or no longer known as ours, or with its last file gone: that proves nothing about the
    file in Exchange. What changes there then is attached once more."""
    for how in ("deleted", "hidden", "emptied"):
        with Sandbox("--data", "empty") as box, Files(box, "Task") as wess:
            attach(box, 0, wess.new(), "offer.pdf", text="An offer")
            wess.settle()
            lose(box, wess, how)
            box.workbooks("edit", of="tasks", id=wess.record()["id"], activity_priority="High")
            wess.settle()
            assert wess.here() == [("offer.pdf", sha("An offer"))], (how, wess.here())
            attach(box, 0, wess.item(), "other.pdf", text="Another")
            wess.settle()
            assert [n for n, _ in wess.here()] == ["offer.pdf", "other.pdf"], (how, wess.here())
            assert "other.pdf" in [n for n, _ in wess.there()], (how, wess.there())
            before = written(box)
            wess("sync", "--no-wait", check=0)
            assert written(box) == before, how
            wess.nothing_left()


def test_a_new_note_has_what_was_on_the_old_one():
    """The note goes, and nobody touches the record: it is not read before a second file is written.
    On a note with that file alone the first one would count as taken away."""
    for how in ("deleted", "hidden", "emptied"):
        with Sandbox("--data", "empty") as box, Files(box, "Task") as wess:
            attach(box, 0, wess.new(), "offer.pdf", text="An offer")
            wess.settle()
            lose(box, wess, how)
            attach(box, 0, wess.item(), "other.pdf", text="Another")
            wess.settle()
            box.workbooks("edit", of="tasks", id=wess.record()["id"], activity_priority="High")
            wess.settle()
            assert [n for n, _ in wess.here()] == ["offer.pdf", "other.pdf"], (how, wess.here())
            assert [n for n, _ in wess.there()] == ["offer.pdf", "other.pdf"], (how, wess.there())
            wess.nothing_left()


def test_more_files_than_travel():
    """A hundred of a record are read. Those beyond would count as taken away, were they written."""
    with Sandbox("--data", "empty") as box, Files(box, "Task") as wess:
        one = wess.new()
        attach(box, 0, one, "first", text="first")
        wess.settle()
        for i in range(60):
            attach(box, 0, one, f"e{i}", text=f"e{i}")
            box.workbooks("attach", of="notes", id=wess.notes()[0]["id"], name=f"w{i}", text=f"w{i}")
        wess("sync", "--no-wait", check=1)
        box.move_clock(600)
        box.workbooks("edit", of="tasks", id=wess.record()["id"], activity_priority="High")
        wess.settle()
        for files, own in ((wess.here(), "e"), (wess.there(), "w")):
            assert len(files) == 100 and {f"{own}{i}" for i in range(60)} < {n for n, _ in files}, files
        assert "holds as many files as travel" in wess("parked", "list").stdout


def test_a_database_whose_notes_are_others():
    for switch in ("lacks=subject", "denies=notes:create"):
        with Sandbox("--data", "empty", "--switch", switch) as box, Files(box, "Task") as wess:
            attach(box, 0, wess.new(), "offer.pdf", text="An offer")
            wess.settle()
            assert wess.record() and not wess.uploads() and not wess.notes()
            with open(os.path.join(wess.dir, "log")) as f:
                assert "so files stay here" in f.read()


def test_files_come_back():
    """With the record's next change; at once where the service counts it as one."""
    for touches in ("off", "on"):
        with Sandbox("--data", "empty", "--switch", f"note_touches={touches}") as box, \
                Files(box, "Task") as wess:
            for name in ("a.txt", "b.txt", "c.txt"):
                one = wess.new() if name == "a.txt" else one
                attach(box, 0, one, name, text=name)
            wess.settle()
            note = wess.notes()[0]["id"]
            box.workbooks("edit", of="notes", id=note, subject="Our files", text="Please keep in order")
            box.workbooks("attach", of="notes", id=note, name="new.txt", text="New")
            box.workbooks("attach", of="notes", id=note, name="a.txt", text="Other")
            for f in box.workbooks("list", of="upload_files")["upload_files"]:
                if not f["is_deleted"] and f["fields"]["file"]["name"] == "b.txt":
                    box.workbooks("delete", of="upload_files", id=f["id"])
            want = sorted([("a.txt", sha("Other")), ("c.txt", sha("c.txt")), ("new.txt", sha("New"))])
            wess("sync", "--no-wait", check=0)
            assert (wess.here() == want) == (touches == "on"), wess.here()
            box.workbooks("edit", of="tasks", id=wess.record()["id"], activity_priority="High")
            wess.settle()
            assert wess.here() == want == wess.there(), (wess.here(), wess.there())
            assert wess.notes()[0]["fields"]["subject"] == "Our files"
            wess.nothing_left()


def test_what_people_have_on_other_notes_is_theirs():
    with Sandbox("--data", "empty") as box, Files(box, "Task") as wess:
        one = wess.new()
        attach(box, 0, one, "a.txt", text="A")
        wess.settle()
        theirs = box.workbooks("create", of="notes", resource_id=wess.record()["id"],
                               resource_type=wess.type, subject="Theirs")
        box.workbooks("attach", of="notes", id=theirs["id"], name="a.txt", text="Theirs")
        # A note of another record with the same number, and the same mark.
        other = box.workbooks("create", of="notes", resource_id=wess.record()["id"],
                              resource_type="Private::Crm::Person", created_through_reference="wess-files")
        box.workbooks("attach", of="notes", id=other["id"], name="other.txt", text="Other")
        box.exchange("detach", 0, id=one["id"], name="a.txt")
        attach(box, 0, wess.item(), "b.txt", text="B")
        wess.settle()
        assert wess.there() == [("b.txt", sha("B"))] == wess.here(), (wess.there(), wess.here())
        assert [f["sha256"] for f in wess.uploads() if f["note"] == theirs["id"]] == [sha("Theirs")]
        box.workbooks("delete", of="tasks", id=wess.record()["id"])
        assert not [f for f in wess.uploads() if f["note"] == theirs["id"]], "a note outlived its record"


def test_a_file_that_somebody_changed_is_not_written_over():
    with Sandbox("--data", "empty") as box, Files(box, "Task") as wess:
        one = wess.new()
        attach(box, 0, one, "a.txt", text="A")
        attach(box, 0, one, "b.txt", text="B")
        wess.settle()
        for name in ("a.txt", "b.txt"):
            box.workbooks("attach", of="notes", id=wess.notes()[0]["id"], name=name, text="Of Workbooks")
            box.exchange("detach", 0, id=one["id"], name=name)
        attach(box, 0, wess.item(), "a.txt", text="Of Exchange")
        wess("sync", "--no-wait", check=(0, 1, 3, 4))
        assert [d for _, d in wess.there()] == [sha("Of Workbooks")] * 2, wess.there()
        (question,) = wess.json("conflicts", "list", check=(0, 1))["conflicts"]
        wess("conflicts", "resolve", str(question["id"]), "--right")
        wess.settle()
        # Of the other an edit beats the deletion.
        assert wess.here() == wess.there() and len(wess.here()) == 2, wess.here()


def test_what_is_refused_is_parked_by_its_name():
    with Sandbox("--data", "empty") as box, Files(box, "Task") as wess:
        one = wess.new()
        for name in ("a.txt", "virus.txt", "z.txt"):
            attach(box, 0, one, name, text=name)
        attach(box, 0, one, 'a "name".txt', text="x")
        box.fault("workbooks:resource_upload_files:PUT:2:refuse=0")
        wess("sync", "--no-wait", check=(0, 1, 3, 4))
        parked = wess("parked", "list", check=(0, 1)).stdout
        assert "virus.txt" in parked and 'a "name".txt' in parked, parked
        assert [n for n, _ in wess.there()] == ["a.txt", "z.txt"], wess.there()
        box.clear_faults()
        box.exchange("edit", 0, id=one["id"], Importance="High")
        box.exchange("detach", 0, id=one["id"], name='a "name".txt')
        wess("parked", "retry", "all", check=0)
        wess.settle()
        assert [n for n, _ in wess.there()] == ["a.txt", "virus.txt", "z.txt"] == [n for n, _ in wess.here()]
        assert wess.record()["fields"]["activity_priority"] == "High"
        wess.nothing_left()


def test_a_note_that_is_refused_parks_the_files_alone():
    with Sandbox("--data", "empty") as box, Files(box, "Task") as wess:
        one = wess.new()
        attach(box, 0, one, "a.txt", text="A")
        attach(box, 0, one, "b.txt", text="B")
        box.fault("workbooks:notes:PUT:*:refuse=0")
        wess("sync", "--no-wait", check=(0, 1, 3, 4))
        parked = wess("parked", "list", check=(0, 1)).stdout
        assert "files" in parked or "attach" in parked, parked
        assert wess.record() and not wess.there() and len(wess.here()) == 2
        box.clear_faults()
        wess("parked", "retry", "all", check=0)
        wess.settle()
        assert wess.there() == wess.here() and len(wess.there()) == 2


def test_answers_that_are_lost():
    writes = ("tasks:PUT", "notes:PUT", "resource_upload_files:PUT", "upload_files:PUT")
    reads = ("notes:GET", "resource_upload_files:GET", "download:GET")
    for op in writes + reads:
        for fault in ("lost", "cut=80", "http=500") if op in writes else ("cut=80", "http=500"):
            with Sandbox("--data", "empty") as box, Files(box, "Task") as wess:
                one = wess.new()
                attach(box, 0, one, "a.txt", text="A")
                attach(box, 0, one, "b.txt", text="B")
                names = ["a.txt", "b.txt"]
                if op in ("upload_files:PUT", "download:GET"):
                    wess.settle()
                    box.exchange("detach", 0, id=one["id"], name="b.txt")
                    box.exchange("detach", 0, id=one["id"], name="a.txt")
                    attach(box, 0, wess.item(), "a.txt", text="C")
                    names = ["a.txt"]
                box.fault(f"workbooks:{op}:1:{fault}")
                for _ in range(3):
                    wess("sync", "--no-wait", check=(0, 1, 3, 4))
                    box.move_clock(700)
                wess.settle()
                assert [n for n, _ in wess.there()] == names, (op, fault, wess.there())
                assert wess.there() == wess.here(), (op, fault)
                assert len(wess.notes()) == 1 and len(wess.uploads()) == len(names), (op, fault)
                wess.nothing_left()


def test_killed_while_files_go():
    """Once while a file goes, and once behind each of its requests."""
    for at in (1, 2, 3):
        with Sandbox("--data", "empty") as box, Files(box, "CalendarItem") as wess:
            one = wess.new()
            for name in ("a.bin", "b.bin", "c.bin"):
                attach(box, 0, one, name, size=300_000)
            cut = killed_when(wess, box, lambda: box.requests()["by_op"].get(
                "workbooks:resource_upload_files:PUT", 0) >= at)
            for _ in range(3):
                box.move_clock(700)
                wess("sync", "--no-wait", check=(0, 1, 3, 4))
            wess.settle()
            assert wess.there() == wess.here() and len(wess.uploads()) == 3, (at, wess.there())
            assert len(wess.notes()) == 1
            wess.nothing_left()
            assert cut, at


def test_a_series_brings_none():
    """Each of its occurrences would get copies of its own; a single meeting beside it has its file."""
    rule = ("<t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence><t:NumberedRecurrence>"
            "<t:StartDate>2030-07-04</t:StartDate><t:NumberOfOccurrences>5</t:NumberOfOccurrences>"
            "</t:NumberedRecurrence>")
    with Sandbox("--data", "empty") as box, Files(box, "CalendarItem") as wess:
        with open(wess.config) as f:
            text = f.read()
        wess.write("wess.conf", text.replace('first = {', 'window = { past = "1d"; future = "3000d"; }; first = {'))
        zone = "GMT Standard Time"
        series = make(box, "CalendarItem", Subject="Daily", Start="2030-07-04T07:00:00Z", Recurrence=rule,
                      End="2030-07-04T08:00:00Z", StartTimeZone=zone, EndTimeZone=zone)
        attach(box, 0, series, "plan.txt", text="Plan")
        attach(box, 0, wess.new(), "a.txt", text="A")
        wess.settle()
        meetings = [m for m in box.workbooks("list", of="meetings")["meetings"] if not m["is_deleted"]]
        assert len(meetings) == 6, len(meetings)
        assert wess.there() == [("a.txt", sha("A"))] and len(wess.uploads()) == 1, wess.uploads()


def test_by_a_session_that_ends():
    for op in ("notes:PUT", "resource_upload_files:PUT", "upload_files:PUT", "download:GET"):
        with Sandbox("--data", "empty") as box, Files(box, "Task") as wess:
            signed_in(wess)
            one = wess.new()
            attach(box, 0, one, "a.txt", text="A")
            attach(box, 0, one, "b.txt", text="B")
            if op not in ("notes:PUT", "resource_upload_files:PUT"):
                wess.settle()
                for name in ("a.txt", "b.txt"):
                    box.exchange("detach", 0, id=one["id"], name=name)
                attach(box, 0, wess.item(), "a.txt", text="C")
            box.fault(f"workbooks:{op}:1:password")
            wess("sync", "--no-wait", check=0)
            assert wess.there() == wess.here() and wess.there(), (op, wess.there(), wess.here())
            wess.settle()


def test_large_files_within_the_memory():
    with Sandbox("--data", "empty") as box, Files(box, "CalendarItem") as wess:
        attach(box, 0, wess.new(), "large.bin", size=48_000_000)
        spool = os.path.join(wess.dir, "state", "spool")
        assert killed_when(wess, box, lambda: largest(spool) > 1 << 20) == 1
        for _ in range(3):
            box.move_clock(700)
            wess("sync", "--no-wait", check=(0, 1, 3, 4))
        wess.settle()
        assert wess.there() == wess.here() and len(wess.there()) == 1
        box.workbooks("edit", of="meetings", id=wess.record()["id"], name="Item", reminder_minutes="7",
                      reminder_enabled="true")
        wess.settle()
        assert wess.there() == wess.here() and len(wess.there()) == 1
        wess.nothing_left()


if __name__ == "__main__":
    main(globals())
