"""Files attached to contacts, tasks and meetings in Exchange as files on a note of their records in
Workbooks, and back, by the real program."""
import os

from sandbox import Sandbox, main
from test_attachments import attach, sha
from test_crm import Crm, make
from test_mail import killed_when, largest

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


if __name__ == "__main__":
    main(globals())
