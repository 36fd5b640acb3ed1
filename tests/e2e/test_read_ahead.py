"""Contents that are read while a long listing goes on: what becomes of the run is the same, whatever
became of that."""
import os
import threading
import time

from sandbox import Sandbox, Wess, main

CONTACTS = 2600
PAGES = -(-CONTACTS // 512)
SLOW = f"ews:SyncFolderItems:{PAGES}:delay=3000"  # there is time for the reading, on any machine
CONFIG = """
site = "test"; state_dir = "{dir}/state";
endpoints: {{
  exchange: {{ connector = "ews"; url = "{url}"; auth = "basic"; username = "EXAMPLE\\\\svc-wess";
    password = {{ file = "{dir}/exchange.secret"; }}; impersonate = "%{{user.mailbox}}"; }};
  folder: {{ connector = "vdir"; path = "{dir}/cards"; }};
}};
users: {{ source = {{ list = ( {{ id = "u1"; name = "One"; mailbox = "{mailbox}"; }} ); }}; }};
pairs: {{ cards: {{ kind = "contact"; left = "exchange:contacts"; right = "folder:contacts";
  select = {{ left = {{ tags_any = [ "Workbooks" ]; }}; }};
  first = {{ differs = "left"; create = "yes"; }}; conflict = "left";
  guard = {{ max_first = 10000; max_create = 10000; }}; }}; }};
log: {{ file = "{dir}/log"; level = "debug"; }};
"""


class Pair(Wess):
    def __init__(self, box):
        super().__init__(box)
        os.mkdir(self.cards())
        self.write("wess.conf", CONFIG.format(dir=self.dir, url=box.info["exchange"]["url"],
                                              mailbox=box.mailbox()))

    def cards(self):
        return os.path.join(self.dir, "cards")

    def texts(self):
        texts = []
        for name in os.listdir(self.cards()):
            with open(os.path.join(self.cards(), name)) as f:
                texts.append(f.read())
        return texts

    def calls(self):
        """What the mailbox was asked for, in the order of the answers."""
        try:
            with open(os.path.join(self.dir, "log")) as f:
                return [word for line in f for word in ("changes", "fetch")
                        if f"endpoint exchange user u1 {word} " in line]
        except OSError:  # it has only begun
            return []


def mailbox(delay=50):
    return Sandbox("--data", "load", "--contacts", str(CONTACTS), "--employers", "20", "--delay",
                   str(delay))


def test_what_is_listed_is_read_meanwhile_and_once():
    with mailbox() as box, Pair(box) as pair:
        box.fault(SLOW)
        box.requests(reset=True)
        pair.sync("--no-wait")
        by_op = box.requests(reset=True)["by_op"]
        assert len(os.listdir(pair.cards())) == CONTACTS
        calls = pair.calls()
        last_page = len(calls) - 1 - calls[::-1].index("changes")
        assert calls[:last_page].count("fetch") >= 2, calls
        assert by_op["ews:SyncFolderItems"] == PAGES, by_op
        # Whole requests, but for the last: the same as if they had been read by themselves.
        assert by_op["ews:GetItem"] == -(-CONTACTS // 200), by_op
        pair.sync("--no-wait")
        assert "ews:GetItem" not in box.requests()["by_op"], box.requests()


def test_an_item_that_changes_meanwhile_is_told_of_by_the_next_run():
    with mailbox() as box, Pair(box) as pair:
        ids = [c["id"] for c in box.contacts()]
        box.fault(SLOW)

        def edit():
            while pair.calls().count("fetch") < 2:
                time.sleep(0.02)
            for i in ids[::20]:
                box.exchange("edit", id=i, JobTitle="Changed meanwhile")

        editing = threading.Thread(target=edit)
        editing.start()
        pair.sync("--no-wait")
        editing.join()
        pair.sync("--no-wait")
        texts = pair.texts()
        assert len(texts) == CONTACTS
        assert sum("Changed meanwhile" in t for t in texts) == len(ids[::20])


def test_a_pause_that_the_reading_is_told_of_ends_the_listing():
    with mailbox() as box, Pair(box) as pair:
        box.fault("ews:GetItem:2:busy=300000,ews:SyncFolderItems:4-:delay=3000")
        box.requests(reset=True)
        runs = pair.sync("--no-wait", check=(0, 1, 3))
        by_op = box.requests(reset=True)["by_op"]
        assert runs["u1"]["status"] == 3, runs
        assert by_op["ews:SyncFolderItems"] < PAGES, by_op
        assert not os.listdir(pair.cards())
        pair.sync("--no-wait", check=(0, 1, 3))
        assert box.requests(reset=True)["total"] == 0, "it was to rest"
        box.move_clock(301)
        pair.sync("--no-wait")
        assert len(os.listdir(pair.cards())) == CONTACTS


def test_what_goes_wrong_with_it_alone_is_made_up_for():
    for trouble in ("http=500", "cut=2000", "truncate", "fault=ErrorInternalServerError", "lost"):
        with mailbox() as box, Pair(box) as pair:
            box.fault(f"ews:GetItem:1-2:{trouble},{SLOW}")
            pair.sync("--no-wait")
            assert len(os.listdir(pair.cards())) == CONTACTS, trouble


def test_nobody_waits_for_it_when_the_listing_breaks_off():
    with mailbox() as box, Pair(box) as pair:
        box.fault("ews:GetItem:*:delay=20000,ews:SyncFolderItems:4:http=500")
        start = time.monotonic()
        runs = pair.sync("--no-wait", check=(0, 1, 3))
        assert time.monotonic() - start < 15 and runs["u1"]["status"] == 3, runs
        box.clear_faults()
        box.move_clock(3600)
        pair.sync("--no-wait")
        assert len(os.listdir(pair.cards())) == CONTACTS


if __name__ == "__main__":
    main(globals())
