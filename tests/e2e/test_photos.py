"""Pictures of contacts between a mailbox and a folder of vCards: the real binary between the two."""
import base64
import hashlib
import http.server
import os
import re
import tempfile
import threading
import urllib.parse

import test_requests as wire
from sandbox import Sandbox, Wess, main

CONFIG = """
site = "photos"; state_dir = "{dir}/state";
endpoints: {{
  exchange: {{ connector = "ews"; url = "{url}"; auth = "basic"; username = "EXAMPLE\\\\svc-wess";
    password = {{ file = "{dir}/exchange.secret"; }}; impersonate = "{mailbox}"; }};
  cards: {{ connector = "vdir"; path = "{dir}/cards"; version = "{version}"; }};
}};
users: {{ source = {{ csv = "{dir}/users.csv"; }}; waves = ( {{ name = "*"; mode = "both"; }} ); }};
pairs: {{ people: {{ kind = "contact"; left = "exchange:contacts"; right = "cards:contacts";
  select = {{ left = {{ shared = true; }}; right = {{ shared = true; }}; }};
  first = {{ differs = "left"; create = "yes"; }}; }}; }};
log: {{ file = "{dir}/log"; level = "debug"; }};
"""
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 3
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(255, -1, -1)) * 40


def sha(data):
    return hashlib.sha256(data).hexdigest()


class Album(Wess):
    def __init__(self, box, version="3.0"):
        super().__init__(box, users=["id,name,mailbox", f"u1,Ada,{box.mailbox(0)}"])
        os.makedirs(os.path.join(self.dir, "cards"))
        self.write("wess.conf", CONFIG.format(
            dir=self.dir, url=box.info["exchange"]["url"], mailbox=box.mailbox(0), version=version))

    def settle(self):
        """What there was to do; then nothing is left to be done."""
        self("sync", "--no-wait", check=(0, 1, 3, 4))
        self.box.move_clock(600)
        self("sync", "--no-wait", check=(0, 1))
        run = self.sync("--no-wait", check=(0, 1))["u1"]
        for side in ("left", "right"):
            for what in ("created", "updated", "deleted", "ended"):
                assert run[side][what] == 0, f"not in step: {side} {what} {run[side][what]}"
        assert self.box.control("exchange/outbox")["sent"] == 0

    def path(self, name):
        return os.path.join(self.dir, "cards", name)

    def card(self, name=None):
        names = sorted(os.listdir(os.path.join(self.dir, "cards")))
        if not name:
            assert len(names) == 1, names
            name = names[0]
        with open(self.path(name), newline="") as f:
            return f.read()

    def put(self, name, text):
        with open(self.path(".new"), "w", newline="") as f:
            f.write(text)
        os.rename(self.path(".new"), self.path(name))

    def photo(self):
        """Of the one card: the bytes of its picture, and how it says that it has one."""
        text = self.card().replace("\r\n ", "")
        found = re.findall(r"^(PHOTO[^:]*):(?:(data:[^,]*),)?(.*?)\r?$", text, re.M)
        assert len(found) < 2, text
        if not found:
            return None, None
        name, data, value = found[0]
        return base64.b64decode(value), name + (":" + data if data else "")


def shown(box):
    return box.contact()["fields"].get("PhotoSha256")


def set_photo(box, data):
    box.exchange("photo", id=box.contact()["id"], photo=base64.b64encode(data).decode())


def test_from_the_mailbox_and_back():
    for version, says in (("3.0", "PHOTO;ENCODING=b;TYPE=JPEG"), ("4.0", "PHOTO:data:image/jpeg;base64")):
        with Sandbox("--data", "empty") as box, Album(box, version) as wess:
            box.exchange("create", DisplayName="Ada Byrne", GivenName="Ada", Surname="Byrne",
                         EmailAddress1="ada@x.example")
            wess.settle()
            assert wess.photo() == (None, None)
            set_photo(box, JPEG)
            wess.settle()
            assert wess.photo() == (JPEG, says)
            set_photo(box, PNG)  # another one there
            wess.settle()
            assert wess.photo() == (PNG, says.replace("JPEG", "PNG").replace("jpeg", "png"))
            # Another one here, and the title with it: one run, two requests more.
            name = os.listdir(os.path.join(wess.dir, "cards"))[0]
            line = re.search(r"PHOTO.*\r\n(?: .*\r\n)*", wess.card()).group(0)
            back = line.split(":", 1)[0] + ":" + (
                "data:image/jpeg;base64," if version == "4.0" else "") + base64.b64encode(JPEG).decode()
            wess.put(name, wess.card().replace(line, back + "\r\nTITLE:Countess\r\n"))
            wess.settle()
            assert shown(box) == sha(JPEG) and "Photos" not in box.contact()["fields"]
            assert box.contact()["fields"]["JobTitle"] == "Countess"
            # Taken off here.
            wess.put(name, re.sub(r"PHOTO.*\r\n(?: .*\r\n)*", "", wess.card()))
            wess.settle()
            assert shown(box) is None
            # Set here alone, and taken off there.
            wess.put(name, wess.card().replace("END:VCARD", back + "\r\nEND:VCARD"))
            wess.settle()
            assert shown(box) == sha(JPEG)
            box.exchange("photo", id=box.contact()["id"])
            wess.settle()
            assert wess.photo() == (None, None)


def test_a_new_card_brings_its_picture_in_one_request():
    with Sandbox("--data", "empty") as box, Album(box) as wess:
        wess.put("ada.vcf", "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:1\r\nN:Byrne;Ada;;;\r\nFN:Ada Byrne\r\n"
                 "PHOTO;TYPE=jpeg;ENCODING=b:" + base64.b64encode(JPEG).decode() + "\r\nEND:VCARD\r\n")
        wess.settle()
        assert shown(box) == sha(JPEG)
        asked = str(box.requests())
        assert "CreateItem" in asked and "CreateAttachment" not in asked


def test_an_address_is_no_picture_and_stays():
    address = "PHOTO;VALUE=uri:http://x.example/ada.jpg\r\n"
    with Sandbox("--data", "empty") as box, Album(box) as wess:
        wess.put("ada.vcf", "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:1\r\nN:Byrne;Ada;;;\r\nFN:Ada Byrne\r\n"
                 + address + "END:VCARD\r\n")
        wess.settle()
        assert shown(box) is None
        box.exchange("edit", id=box.contact()["id"], JobTitle="Countess")
        wess.settle()
        assert address in wess.card() and "TITLE:Countess" in wess.card()
        set_photo(box, JPEG)
        wess.settle()
        assert address in wess.card() and "PHOTO;ENCODING=b;TYPE=JPEG:" in wess.card()
        box.exchange("photo", id=box.contact()["id"])
        wess.settle()
        assert address in wess.card() and "ENCODING=b" not in wess.card()


def test_too_large_for_a_card_is_told_and_the_rest_goes_on():
    with Sandbox("--data", "empty") as box, Album(box) as wess:
        box.exchange("create", DisplayName="Ada Byrne", GivenName="Ada", Surname="Byrne")
        wess.settle()
        box.exchange("photo", id=box.contact()["id"], bytes=600000)
        box.exchange("edit", id=box.contact()["id"], JobTitle="Countess")
        wess("sync", "--no-wait", check=(0, 1, 4))
        assert "TITLE:Countess" in wess.card() and wess.photo() == (None, None)
        assert "524288" in wess("parked", check=(0, 1)).stdout
        box.exchange("photo", id=box.contact()["id"], bytes=400000)
        wess.settle()
        assert len(wess.photo()[0]) == 400000


def test_answers_lost_and_items_changed_on_the_way():
    lost = ["ews:CreateAttachment:1:lost", "ews:DeleteAttachment:1:lost",
            "ews:CreateAttachment:1:busy=1000", "ews:DeleteAttachment:1:busy=1000",
            "ews:CreateAttachment:1:message=ErrorIrresolvableConflict",
            "ews:GetAttachment:1:cut=300",
            "ews:GetAttachment:1:message=ErrorItemNotFound"]
    for plan in lost:
        with Sandbox("--data", "empty") as box, Album(box) as wess:
            box.exchange("create", DisplayName="Ada Byrne", GivenName="Ada", Surname="Byrne")
            set_photo(box, PNG)
            wess.settle()
            name = os.listdir(os.path.join(wess.dir, "cards"))[0]
            line = re.search(r"PHOTO.*\r\n(?: .*\r\n)*", wess.card()).group(0)
            box.fault(plan)
            wess.put(name, wess.card().replace(
                line, "PHOTO;ENCODING=b:" + base64.b64encode(JPEG).decode() + "\r\nTITLE:Countess\r\n"))
            for _ in range(3):
                wess("sync", "--no-wait", check=(0, 1, 3, 4, 5, 6))
                box.move_clock(600)
            box.clear_faults()
            wess.settle()
            assert shown(box) == sha(JPEG), plan
            assert wess.photo()[0] == JPEG, plan
            assert box.contact()["fields"]["JobTitle"] == "Countess", plan


def test_a_refused_picture_is_parked_and_the_rest_is_written():
    with Sandbox("--data", "empty", "--switch", "attachment_bytes=5000") as box, Album(box) as wess:
        box.exchange("create", DisplayName="Ada Byrne", GivenName="Ada", Surname="Byrne")
        set_photo(box, JPEG)
        wess.settle()
        name = os.listdir(os.path.join(wess.dir, "cards"))[0]
        line = re.search(r"PHOTO.*\r\n(?: .*\r\n)*", wess.card()).group(0)
        wess.put(name, wess.card().replace(
            line, "PHOTO;ENCODING=b:" + base64.b64encode(PNG).decode() + "\r\nTITLE:Countess\r\n"))
        for _ in range(2):
            wess("sync", "--no-wait", check=(0, 1, 4))
        assert box.contact()["fields"]["JobTitle"] == "Countess" and shown(box) == sha(JPEG)
        assert "picture" in wess("parked").stdout
        assert wess.photo()[0] == PNG


def test_requests_and_answers_validate():
    if not os.path.isdir(wire.SCHEMA):
        print("SKIP: Microsoft's schemas are not here (WESS_SHARED)")
        return
    recorder = type("Own", (wire.Recorder,), {"seen": [], "lock": threading.Lock()})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with Sandbox("--data", "empty") as box:
        recorder.target = urllib.parse.urlparse(box.info["exchange"]["url"])
        url = box.info["exchange"]["url"]
        box.info["exchange"]["url"] = url.replace(f":{recorder.target.port}/",
                                                  f":{server.server_port}/")
        with Album(box) as wess:
            card = ("BEGIN:VCARD\r\nVERSION:3.0\r\nUID:1\r\nN:Byrne;Ada;;;\r\nFN:Ada Byrne\r\n"
                    "PHOTO;ENCODING=b:{}\r\nEND:VCARD\r\n")
            wess.put("ada.vcf", card.format(base64.b64encode(JPEG).decode()))
            wess.settle()
            wess.put("ada.vcf", card.format(base64.b64encode(PNG).decode()))
            wess.settle()
    server.shutdown()
    server.server_close()
    seen = recorder.seen
    for op in ("CreateAttachment", "DeleteAttachment", "GetAttachment"):
        assert [1 for body, _, _ in seen if b"<m:" + op.encode() in body], op
    with tempfile.TemporaryDirectory() as folder:
        for name in sorted(n for n in os.listdir(wire.SCHEMA) if n.startswith("ews-")):
            bad = wire.wrong(folder, os.path.join(wire.SCHEMA, name), [body for body, _, _ in seen])
            assert not bad, name + "\n" + "\n".join(bad[:8])
        bad = wire.wrong(folder, os.path.join(wire.SCHEMA, "ews-SE.xsd"),
                         [t for _, t, status in seen if status == 200])
        assert not bad, "answers\n" + "\n".join(bad[:8])


if __name__ == "__main__":
    main(globals())
