"""Which records take part is said by a saved report of Workbooks, read as a tag source."""
from sandbox import Sandbox, Wess, main

CONFIG = """
site = "report"; state_dir = "{dir}/state";
endpoints: {{
  exchange: {{ connector = "ews"; url = "{exchange}"; auth = "basic"; username = "EXAMPLE\\\\svc-wess";
    password = {{ file = "{dir}/exchange.secret"; }}; impersonate = "%{{user.mailbox}}"; }};
  crm: {{ connector = "workbooks"; url = "{workbooks}"; api_key = {{ file = "{dir}/workbooks.secret"; }}; }};
  chosen: {{ connector = "workbooks"; url = "{workbooks}"; api_key = {{ file = "{dir}/workbooks.secret"; }};
    reports = [ "people.Exchange Sync" ]; page_size = {page}; {more} }};
}};
users: {{ source = {{ csv = "{dir}/users.csv"; }}; waves = ( {{ name = "*"; mode = "both"; }} ); }};
pairs: {{ people: {{ kind = "contact"; left = "exchange:contacts"; right = "crm:people";
  first = {{ create = "yes"; }}; select = {{ left = {{ tags_any = [ "Workbooks" ]; }};
  right = {{ queue = "%{{user.workbooks}}"; tags_any = [ "Exchange Sync" ]; source = "chosen"; join = "{join}"; }}; }}; }}; }};
log: {{ file = "{dir}/log"; level = "debug"; }};
"""
NAME = "Exchange Sync"
QUEUE = 11  # of the first user


class Reported(Wess):
    def __init__(self, box, users=1, page=100, more="", join="id"):
        super().__init__(box, users=["id,name,mailbox,workbooks,wave"] +
                         [f"u{i},User {i},{box.mailbox(i)},{QUEUE + i},pilot" for i in range(users)])
        self.page, self.join = page, join
        self.configure(more)

    def configure(self, more=""):
        info = self.box.info
        self.write("wess.conf", CONFIG.format(
            dir=self.dir, exchange=info["exchange"]["url"], workbooks=info["workbooks"]["url"],
            page=self.page, more=more, join=self.join))

    def settle(self, check=(0, 1)):
        self("sync", "--no-wait", check=check)


def person(box, i, user=0):
    return box.workbooks("create", name=f"Ada Number{i}", queue_id=QUEUE + user, person_first_name="Ada", person_last_name=f"Number{i}",
                         **{"main_location[email]": f"ada{i}@x.example"})["id"]


def report(box, ids, **more):
    return box.workbooks("report", name=NAME, ids=",".join(map(str, ids)), **more)


def names(box, mailbox=0):
    return sorted(c["fields"]["Surname"] for c in box.exchange("list", mailbox)["items"])


def test_who_is_in_the_report_takes_part():
    with Sandbox("--data", "empty") as box, Reported(box) as wess:
        ids = [person(box, i) for i in range(4)]
        report(box, ids[:2])
        wess.settle()
        assert names(box) == ["Number0", "Number1"], names(box)
        # One comes in though nobody has changed it; its edits travel from then on.
        report(box, ids[:3])
        wess.settle()
        assert names(box) == ["Number0", "Number1", "Number2"], names(box)
        box.workbooks("edit", id=ids[2], person_job_title="Smith")
        wess.settle()
        assert "Smith" in str(box.exchange("list", 0)), "not followed"
        # One goes out: nothing is deleted, and nothing of it travels any more.
        report(box, [ids[0], ids[2]])
        wess.settle()
        box.workbooks("edit", id=ids[1], person_job_title="Cooper")
        wess.settle()
        assert names(box) == ["Number0", "Number1", "Number2"], names(box)
        assert "Cooper" not in str(box.exchange("list", 0)), "followed still"
        # It comes back, and is the one it was.
        report(box, ids[:3])
        wess.settle()
        box.workbooks("edit", id=ids[1], person_job_title="Fletcher")
        wess.settle()
        assert names(box) == ["Number0", "Number1", "Number2"], names(box)
        assert "Fletcher" in str(box.exchange("list", 0)), "not followed again"


def test_a_report_that_cannot_be_read_leaves_all_as_it_was():
    with Sandbox("--data", "empty") as box, Reported(box, page=3) as wess:
        ids = [person(box, i) for i in range(8)]
        report(box, ids[:7])
        wess.settle()
        assert len(names(box)) == 7
        for trouble in ("workbooks:Exchange Sync:GET:1:http=500", "workbooks:Exchange Sync:GET:2:truncate"):
            box.fault(trouble)
            wess.settle(check=(3, 4))
            box.move_clock(7200)
        # Nothing in it at all is no word against anybody.
        report(box, [])
        wess.settle()
        assert "lists nothing" in wess.log_tail()
        report(box, ids[:7])
        wess.settle()
        for i in range(7):
            box.workbooks("edit", id=ids[i], person_job_title=f"Smith{i}")
        wess.settle()
        assert all(f"Smith{i}" in str(box.exchange("list", 0)) for i in range(7))


def test_rows_that_move_while_it_is_read_untag_nobody():
    with Sandbox("--data", "empty") as box, Reported(box, page=3) as wess:
        ids = [person(box, i) for i in range(9)]
        report(box, ids[:8])
        wess.settle()
        assert len(names(box)) == 8
        # One goes from the first page and one comes at the end: the fourth is on no page.
        report(box, ids[:8], then=",".join(map(str, ids[1:])))
        wess.settle(check=(3, 4))
        assert "changed while it was read" in wess.log_tail()
        box.move_clock(7200)
        wess.settle()
        for i in range(1, 9):
            box.workbooks("edit", id=ids[i], person_job_title=f"Smith{i}")
        wess.settle()
        assert all(f"Smith{i}" in str(box.exchange("list", 0)) for i in range(1, 9))


def test_one_reading_serves_all_users():
    with Sandbox("--data", "load", "--users", "3", "--contacts", "0") as box, Reported(box, users=3) as wess:
        report(box, [person(box, i, user=i) for i in range(3)])
        wess.settle()
        assert [names(box, i) for i in range(3)] == [[f"Number{i}"] for i in range(3)]
        box.requests(reset=True)
        wess.settle()
        asked = str(box.requests()).count("Exchange")
        assert asked == 1, box.requests()


def test_what_is_not_there_is_named():
    with Sandbox("--data", "empty") as box, Reported(box) as wess:
        told = wess.run("check", "--online", check=None)
        assert told.returncode not in (0, 1) and 'no report "Exchange Sync"' in told.stdout + told.stderr, told
        report(box, [person(box, 0)], column="person_id")
        wess.configure('report_id_column = "persn_id";')
        told = wess.run("check", "--online", check=None)
        assert told.returncode not in (0, 1) and 'column "persn_id"' in told.stdout + told.stderr, told
        wess.configure('report_id_column = "person_id";')
        wess("check", "--online", check=(0, 1))
        wess.settle()
        assert names(box) == ["Number0"]


if __name__ == "__main__":
    main(globals())
