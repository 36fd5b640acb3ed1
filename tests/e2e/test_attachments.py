"""Files attached to contacts, tasks and events, from one mailbox to another and back, by the real
binary; exchangelib, where it is there, attaches and reads them as an independent client."""
import hashlib
import os
import re
import tempfile

import test_requests as wire
from sandbox import Sandbox, main
from test_calendars import Calendars, event, todo
from test_kinds import Two, make, recorded, shown
from test_mail import killed_when, largest

FOLDER = {"Task": ("task", "tasks"), "CalendarItem": ("event", "calendar"),
          "Contact": ("contact", "contacts")}


class Files(Two):
    """A pair of one kind between two mailboxes, files included."""

    def __init__(self, box, element, attachments="true"):
        self.element = element
        super().__init__(box, *FOLDER[element])
        with open(self.config) as f:
            text = f.read()
        self.write("wess.conf", text.replace('auth = "basic";',
                                             f'auth = "basic"; attachments = {attachments};'))

    def item(self, i, name="Item"):
        folder = FOLDER[self.element][1]
        if self.element == "Contact":
            (found,) = self.box.contacts(i, folder=folder, name=name)
            return found
        return shown(self.box, i, folder, name)

    def attached(self, i, name="Item"):
        files = self.item(i, name)["fields"].get("Attachments", [])
        return sorted((f["name"], f["sha256"]) for f in files)

    def nothing_left(self):
        spool = os.path.join(self.dir, "state", "spool")
        assert os.listdir(spool) == [], os.listdir(spool)


def new(box, i, element, name="Item"):
    if element == "Contact":
        return make(box, i, element, DisplayName=name, GivenName="Ida", Surname=name,
                    EmailAddress1=f"{name.lower()}@x.example")
    if element == "Task":
        return make(box, i, element, Subject=name)
    zone = "W. Europe Standard Time"
    return make(box, i, element, Subject=name, Start="2030-07-04T07:00:00Z",
                End="2030-07-04T08:00:00Z", StartTimeZone=zone, EndTimeZone=zone)


def attach(box, i, item, name, **what):
    box.exchange("attach", i, id=item["id"], name=name, **what)


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def test_each_kind_both_ways():
    for element in FOLDER:
        with Sandbox("--data", "empty") as box, Files(box, element) as wess:
            one = new(box, 0, element)
            attach(box, 0, one, "offer.pdf", text="An offer")
            attach(box, 0, one, "Größe & more.txt", text="x")
            attach(box, 0, one, "empty", text="")
            wess.settle()
            want = sorted([("offer.pdf", sha("An offer")), ("Größe & more.txt", sha("x")),
                           ("empty", sha(""))])
            assert wess.attached(1) == want == wess.attached(0), (element, wess.attached(1))
            # One comes there, one goes here, and a field is edited on the way.
            attach(box, 1, wess.item(1), "answer.txt", text="Yes")
            box.exchange("detach", 0, id=wess.item(0)["id"], name="empty")
            wess.settle()
            want = sorted([("offer.pdf", sha("An offer")), ("Größe & more.txt", sha("x")),
                           ("answer.txt", sha("Yes"))])
            assert wess.attached(0) == want and wess.attached(1) == want, (
                element, wess.attached(0), wess.attached(1))
            # Another content under the same name.
            box.exchange("detach", 1, id=wess.item(1)["id"], name="offer.pdf")
            attach(box, 1, wess.item(1), "offer.pdf", text="Another offer")
            wess.settle()
            assert ("offer.pdf", sha("Another offer")) in wess.attached(0), wess.attached(0)
            assert len(wess.attached(0)) == 3 and wess.attached(1) == wess.attached(0)
            wess.nothing_left()
            assert box.exchange("outbox")["sent"] == 0, "somebody was told"


def test_not_unless_it_is_said():
    with Sandbox("--data", "empty") as box, Files(box, "Task", "false") as wess:
        one = new(box, 0, "Task")
        attach(box, 0, one, "offer.pdf", text="An offer")
        wess.settle()
        asked = box.requests()["by_op"]
        assert not wess.attached(1) and not any("Attachment" in op for op in asked), asked
        # What is attached on the other side stays, whatever else is written.
        attach(box, 1, wess.item(1), "theirs.txt", text="x")
        box.exchange("edit", 0, id=one["id"], Importance="High")
        wess.settle()
        assert wess.attached(1) == [("theirs.txt", sha("x"))]


ITEMS = (("Re: the offer", "Message", "From: a@x.example\r\nSubject: Re: the offer\r\n\r\nYes.\r\n", ".eml"),
         ("Ida", "Contact", "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ida\r\nEND:VCARD\r\n", ".vcf"),
         ("Visit", "CalendarItem", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n", ".ics"))


def test_items_that_are_attached_travel_as_files():
    for element in FOLDER:
        with Sandbox("--data", "empty") as box, Files(box, element) as wess:
            one = new(box, 0, element)
            for name, what, mime, _ in ITEMS:
                attach(box, 0, one, name, element=what, text=mime)
            attach(box, 0, one, "Call", element="Task", text="-")  # which has no MIME, and stays
            box.exchange("edit", 0, id=one["id"], **{"JobTitle" if element == "Contact" else "Location"
                         if element == "CalendarItem" else "Importance":
                         "High" if element == "Task" else "Hall"})
            wess.settle()
            there = sorted((name + ext, sha(mime)) for name, _, mime, ext in ITEMS)
            assert wess.attached(1) == there, wess.attached(1)
            # One is changed there, one taken away: so here, and the others are as they were.
            other = wess.item(1)
            box.exchange("detach", 1, id=other["id"], name="Ida.vcf")
            box.exchange("detach", 1, id=other["id"], name="Visit.ics")
            attach(box, 1, other, "Visit.ics", text="BEGIN:VCALENDAR another")
            box.exchange("edit", 1, id=other["id"], Sensitivity="Normal")
            wess.settle()
            assert wess.attached(0) == sorted([
                ("Call", sha("-")), ("Re: the offer", sha(ITEMS[0][2])),
                ("Visit.ics", sha("BEGIN:VCALENDAR another"))]), wess.attached(0)
            assert wess.attached(1) == sorted([
                (ITEMS[0][0] + ".eml", sha(ITEMS[0][2])),
                ("Visit.ics", sha("BEGIN:VCALENDAR another"))]), wess.attached(1)
            wess.nothing_left()


def test_a_file_that_is_refused():
    with Sandbox("--data", "empty") as box, Files(box, "Task") as wess:
        one = new(box, 0, "Task")
        attach(box, 0, one, "offer.pdf", text="An offer")
        box.fault("ews:CreateAttachment:*:refuse=0")
        wess("sync", "--no-wait", check=(0, 1, 3, 4))
        box.move_clock(600)
        wess("sync", "--no-wait", check=(0, 1, 3, 4))
        parked = wess("parked", "list", check=(0, 1)).stdout
        assert "offer.pdf" in parked, parked
        assert len(box.contacts(1, folder="tasks")) == 1 and not wess.attached(1)
        assert wess.attached(0) == [("offer.pdf", sha("An offer"))]
        box.clear_faults()
        wess("parked", "retry", "all", check=0)
        wess.settle()
        assert wess.attached(1) == wess.attached(0)
        wess.nothing_left()


def test_what_cannot_be_read_is_not_taken_away():
    with Sandbox("--data", "empty") as box, Files(box, "Task") as wess:
        one, two = new(box, 0, "Task"), new(box, 0, "Task", "Other")
        attach(box, 0, one, "a.txt", text="A")
        wess.settle()
        with open(wess.config) as f:
            wess.write("wess.conf", f.read() + "http: { body_max = 1000000; };\n")
        attach(box, 0, one, "large.bin", size=4 << 20)
        box.exchange("edit", 0, id=one["id"], Importance="High")
        box.exchange("edit", 0, id=two["id"], Importance="Low")
        wess("sync", "--no-wait", check=(0, 1))
        parked = wess("parked", "list", check=(0, 1)).stdout
        assert "http.body_max" in parked, parked
        assert wess.attached(1) == [("a.txt", sha("A"))] and len(wess.attached(0)) == 2
        assert wess.item(1, "Other")["fields"]["Importance"] == "Low"
        box.exchange("detach", 0, id=one["id"], name="large.bin")
        wess.settle()
        assert wess.item(1)["fields"]["Importance"] == "High"
        assert wess.attached(1) == wess.attached(0) == [("a.txt", sha("A"))]
        wess.nothing_left()


def test_answers_that_are_lost():
    for op in ("CreateAttachment", "DeleteAttachment", "GetAttachment", "CreateItem"):
        for fault in ("lost", "cut=300", "http=500", "busy=1000"):
            with Sandbox("--data", "empty") as box, Files(box, "Task") as wess:
                one = new(box, 0, "Task")
                attach(box, 0, one, "a.txt", text="A")
                attach(box, 0, one, "b.txt", text="B")
                if op == "DeleteAttachment":
                    wess.settle()
                    box.exchange("detach", 0, id=one["id"], name="b.txt")
                box.fault(f"ews:{op}:1:{fault}")
                for _ in range(3):
                    wess("sync", "--no-wait", check=(0, 1, 3, 4))
                    box.move_clock(700)
                wess.settle()
                names = ["a.txt"] if op == "DeleteAttachment" else ["a.txt", "b.txt"]
                for i in (0, 1):
                    assert len(box.contacts(i, folder="tasks")) == 1, (op, fault)
                    assert [n for n, _ in wess.attached(i)] == names, (op, fault, i, wess.attached(i))
                wess.nothing_left()


def test_large_and_killed():
    """48 MB both ways, once killed while they come and once while they go."""
    with Sandbox("--data", "empty") as box, Files(box, "CalendarItem") as wess:
        attach(box, 0, new(box, 0, "CalendarItem", "There"), "large.bin", size=48_000_000)
        attach(box, 1, new(box, 1, "CalendarItem", "Here"), "large.bin", size=48_000_000)
        spool = os.path.join(wess.dir, "state", "spool")
        cut = killed_when(wess, box, lambda: largest(spool) > 1 << 20)
        cut += killed_when(wess, box,
                           lambda: box.requests()["by_op"].get("ews:CreateAttachment", 0) > 0)
        assert cut == 2
        for _ in range(3):
            box.move_clock(700)
            wess("sync", "--no-wait", check=(0, 1, 3, 4))
        wess.settle()
        wess.nothing_left()
        for name in ("There", "Here"):
            assert wess.attached(0, name) == wess.attached(1, name), name
            assert len(wess.attached(0, name)) == 1, wess.attached(0, name)
        for i in (0, 1):
            assert len(box.contacts(i, folder="calendar")) == 2
        print(f"     killed {cut} times at work")


INLINE = "ATTACH;VALUE=BINARY;ENCODING=BASE64;FMTTYPE=text/plain;FILENAME=offer.txt:"


def test_a_folder_of_calendar_files():
    """Within the file, as base64; what only says where a file is stays as it is."""
    for element, kind, of in (("CalendarItem", "event", event), ("Task", "task", todo)):
        with Sandbox("--data", "empty") as box, Calendars(kind, box) as wess:
            with open(wess.config) as f:
                text = f.read()
            wess.write("wess.conf", text.replace('connector = "vdir";', 'connector = "vdir"; attachments = true;')
                       .replace('auth = "basic";', 'auth = "basic"; attachments = true;'))
            start = ["DTSTART:20300704T080000Z"] if kind == "event" else []
            wess.put("item.ics", of("item@x", *start, "SUMMARY:Item", "ATTACH:http://x.example/a",
                                    INLINE + "QW4gb2ZmZXI=", "X-KEPT:1"))
            there = new(box, 0, element, "There")
            attach(box, 0, there, 'a "b", c.txt', text="Text")
            attach(box, 0, there, "empty", text="")
            attach(box, 0, there, "longer", size=100000)
            attach(box, 0, there, "too large", size=700000)
            wess("sync", "--no-wait", check=(0, 1, 3, 4))
            parked = wess("parked", "list", check=(0, 1)).stdout
            assert "larger than a calendar file holds" in parked, parked
            box.exchange("detach", 0, id=wess.mail("There")["id"], name="too large")
            wess.settle()
            (one,) = wess.mail("Item")["fields"]["Attachments"]
            assert (one["name"], one["sha256"], one["type"]) == (
                "offer.txt", sha("An offer"), "text/plain"), one
            name, text = wess.with_summary("There")
            found = re.findall('BINARY;ENCODING=BASE64;FILENAME="(.*?)":(.*)\r\n', text)
            assert sorted(n for n, _ in found) == ["a ^'b^', c.txt", "empty", "longer"], [
                n for n, _ in found]
            assert ("empty", "") in found and max(len(b) for _, b in found) > 130000
            # Changed there, taken away here.
            box.exchange("detach", 0, id=wess.mail("Item")["id"], name="offer.txt")
            attach(box, 0, wess.mail("Item"), "offer.txt", text="Another")
            wess.edit(name, 'ATTACH;VALUE=BINARY;ENCODING=BASE64;FILENAME="empty":\r\n', "")
            wess.settle()
            text = wess.text("item.ics").replace("\r\n ", "")
            assert 'FILENAME="offer.txt":QW5vdGhlcg==\r\n' in text, text
            assert "ATTACH:http://x.example/a\r\n" in text and "X-KEPT:1" in text, text
            names = sorted(f["name"] for f in wess.mail("There")["fields"]["Attachments"])
            assert names == ['a "b", c.txt', "longer"], names
            spool = os.path.join(wess.dir, "state", "spool")
            assert os.listdir(spool) == [], os.listdir(spool)


def play(box, wess):
    with open(wess.config) as f:
        text = f.read()
    wess.write("wess.conf", text.replace('auth = "basic";', 'auth = "basic"; attachments = true;'))
    one = new(box, 0, "Task")
    attach(box, 0, one, "a <b> & c.txt", text="A")
    attach(box, 0, one, "a <b>", element="Message", text="Subject: A")
    wess.settle()
    for name in ("a <b> & c.txt", "a <b>"):
        box.exchange("detach", 0, id=one["id"], name=name)
    wess.settle()
    there = shown(box, 1, "tasks", "Item")["fields"]
    assert "Attachments" not in there, there


def test_requests_and_answers_validate():
    if not os.path.isdir(wire.SCHEMA):
        print("     Microsoft's schemas are not here (WESS_SHARED)")
        return
    seen = recorded("task", "tasks", play)
    for op in (b"CreateAttachment", b"GetAttachment", b"DeleteAttachment"):
        assert any(b"<m:" + op in body for body, _, _ in seen), op
    with tempfile.TemporaryDirectory() as folder:
        for name in sorted(n for n in os.listdir(wire.SCHEMA) if n.startswith("ews-")):
            bad = wire.wrong(folder, os.path.join(wire.SCHEMA, name), [b for b, _, _ in seen])
            assert not bad, f"{name}\n" + "\n".join(bad[:8])
        bad = wire.wrong(folder, os.path.join(wire.SCHEMA, "ews-SE.xsd"),
                         [t for _, t, status in seen if status == 200])
        assert not bad, "answers of the rehearsal server\n" + "\n".join(bad[:8])
    print(f"     {len(seen)} requests and answers")


def test_exchangelib_agrees():
    try:
        import exchangelib as ex
    except ImportError:
        print("     exchangelib is not here")
        return
    with Sandbox("--data", "empty") as box, Files(box, "CalendarItem") as wess:
        e = box.info["exchange"]

        def account(i):
            return ex.Account(
                primary_smtp_address=box.mailbox(i), autodiscover=False,
                access_type=ex.IMPERSONATION, default_timezone=ex.EWSTimeZone("Europe/Berlin"),
                config=ex.Configuration(service_endpoint=e["url"], auth_type=ex.BASIC,
                                        version=ex.Version(ex.Build(15, 2, 2562, 17)),
                                        credentials=ex.Credentials(e["username"], e["password"])))
        new(box, 0, "CalendarItem")
        theirs = account(0).calendar.get(subject="Item")
        data = bytes(range(256)) * 700
        theirs.attach(ex.FileAttachment(name="data.bin", content=data,
                                        content_type="application/x-data"))
        theirs.attach(ex.FileAttachment(name="logo.png", content=b"x", is_inline=True,
                                        content_id="logo"))
        wess.settle()
        ours = account(1).calendar.get(subject="Item")
        (one,) = ours.attachments
        assert (one.name, one.content, one.content_type) == (
            "data.bin", data, "application/x-data"), (one.name, one.content_type)
        one.detach()
        wess.settle()
        # The picture within the text is none of ours, and stays.
        theirs.refresh()
        assert [a.name for a in theirs.attachments] == ["logo.png"], theirs.attachments
        wess.nothing_left()


if __name__ == "__main__":
    main(globals())
