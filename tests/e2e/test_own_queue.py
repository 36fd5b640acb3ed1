"""queue = "mine": the queue of the user who signed in, as a login tells it."""
import os

from sandbox import Sandbox, Wess, main

KEY = 'api_key = {{ file = "{dir}/workbooks.secret"; }};'
EACH = 'username = "%{{user.workbooks}}"; password = {{ file = "{dir}/%{{user.id}}.word"; }};'
CONFIG = """
site = "own"; state_dir = "{dir}/state";
endpoints: {{
  exchange: {{ connector = "ews"; url = "{url}"; auth = "basic"; username = "EXAMPLE\\\\svc-wess";
    password = {{ file = "{dir}/exchange.secret"; }}; impersonate = "%{{user.mailbox}}"; time_zone = "Europe/London"; }};
  crm: {{ connector = "workbooks"; url = "{workbooks}"; {sign_in} {wb} }};
}};
users: {{ source = {{ csv = "{dir}/users.csv"; }}; waves = ( {{ name = "*"; mode = "both"; }} ); }};
pairs: {{ it: {{ kind = "{kind}"; left = "exchange:{left}"; right = "crm:{right}";
  select = {{ {tags} right = {{ queue = "{queue}"; {shared} }}; }}; first = {{ create = "yes"; }}; }}; }};
log: {{ file = "{dir}/log"; level = "debug"; }};
"""
TAGS = 'left = {{ tags_any = [ "Workbooks" ]; }};'.replace("{{", "{").replace("}}", "}")
SHARED = "shared = true;"


class Own(Wess):
    """Both mailboxes; each user signs in to Workbooks by an address and password of their own."""

    def __init__(self, box, kind="contact", left="contacts", right="people", **more):
        of = box.info["exchange"]["mailboxes"]
        super().__init__(box, users=["id,name,mailbox,workbooks"] + [
            f"u{i + 1},{m['name']},{m['address']},{m['address']}" for i, m in enumerate(of)])
        for i, m in enumerate(of):
            self.write(f"u{i + 1}.word", m["password"] + "\n", 0o600)
        self.said = dict(kind=kind, left=left, right=right, sign_in=EACH, wb="", queue="mine",
                         shared="", tags=TAGS)
        self.say(**more)

    def say(self, **more):
        self.said.update(more)
        info = self.box.info
        text = dict(self.said, sign_in=self.said["sign_in"].format(dir=self.dir))
        self.write("wess.conf", CONFIG.format(dir=self.dir, url=info["exchange"]["url"],
                                              workbooks=info["workbooks"]["url"], **text))

    def come(self, check=(0, 1)):
        """Until nothing is left to do; what the last run of each user said."""
        for _ in range(3):
            runs = self.sync("--no-wait", check=check)
            self.box.move_clock(600)
        for run in runs.values():
            for side in ("left", "right"):
                for what in ("created", "updated", "deleted", "ended"):
                    assert run[side][what] == 0, f"not in step: {side} {what} {run[side]}"
        return runs


def person(box, name, queue):
    given, family = name.split()
    box.workbooks("create", name=name, person_first_name=given, person_last_name=family,
                  queue_id=queue, **{"main_location[email]": f"{family}@x.example".lower()})


def names(box, i, folder="contacts", field="DisplayName"):
    return sorted(c["fields"][field] for c in box.contacts(i, folder=folder))


def three(box):
    person(box, "Fay Adason", 11)
    person(box, "Gil Benson", 12)
    person(box, "Hal Nobody", 10)


def test_1_each_gets_their_own_people():
    with Sandbox("--data", "empty") as box, Own(box) as wess:
        three(box)
        said = wess("check", "--online").stdout
        assert "cannot tell" not in said, said
        wess.come()
        assert names(box, 0) == ["Fay Adason"] and names(box, 1) == ["Gil Benson"]
        # Given to the other: taken up there, and let go here without a deletion.
        box.workbooks("edit", id=box.person(email="adason@x.example")["id"], queue_id=12)
        wess.come()
        assert names(box, 0) == ["Fay Adason"]
        assert names(box, 1) == ["Fay Adason", "Gil Benson"]


def test_2_each_family_has_its_own():
    for kind, left, right, more in (("task", "tasks", "tasks", {}),
                                    ("event", "calendar", "meetings", {"start": "2030-02-06T09:00:00Z",
                                                                       "finish": "2030-02-06T10:00:00Z"})):
        with Sandbox("--data", "empty") as box, Own(box, kind, left, right) as wess:
            for i, name in enumerate(("Service's", "Ada's", "Ben's")):
                box.workbooks("create", of=right, name=name, queue_id=601 + i, **more)
            # 11 is Ada's queue of people, and none of activities.
            box.workbooks("create", of=right, name="No one's", queue_id=11, **more)
            wess.come()
            assert names(box, 0, left, "Subject") == ["Ada's"], right
            assert names(box, 1, left, "Subject") == ["Ben's"], right


def test_3_organisations():
    with Sandbox("--data", "empty") as box, Own(box, right="organisations",
                                                tags="") as wess:
        for i, name in enumerate(("Ada Ltd", "Ben Ltd")):
            box.workbooks("create", of="organisations", name=name, queue_id=701 + i)
        wess.say(tags="")
        wess.come()
        assert (names(box, 0, field="CompanyName"), names(box, 1, field="CompanyName")) == (
            ["Ada Ltd"], ["Ben Ltd"])


def test_4_a_key_has_no_queue_of_its_own():
    with Sandbox("--data", "empty") as box, Own(box, sign_in=KEY, shared=SHARED) as wess:
        three(box)
        for i in (0, 1):
            box.exchange("create", i, GivenName="Tia", Surname="Tagged", DisplayName="Tia Tagged",
                         EmailAddress1="tia@x.example", categories="Workbooks")
        for said in (wess("check", "--online", check=(2,)).stdout, wess("sync", "--no-wait", check=(2,)).stdout):
            assert 'cannot tell queue "mine", so that nothing is chosen there: it needs a login' in said, said
            assert "or write the queue's name or number" in said, said
        # What the other side chooses travels all the same; nobody else's people came.
        wess.come(check=(2,))
        assert len(box.people(email="tia@x.example")) == 1
        assert names(box, 0) == names(box, 1) == ["Tia Tagged"]


def test_5_a_login_that_tells_none():
    with Sandbox("--data", "empty") as box, Own(box) as wess:
        three(box)
        box.exchange("create", 0, GivenName="Tia", Surname="Tagged", DisplayName="Tia Tagged",
                     EmailAddress1="tia@x.example", categories="Workbooks")
        wess.come()
        before = len(box.people())
        assert names(box, 0) == ["Fay Adason", "Tia Tagged"]
        box.workbooks("my_queues", on=0)
        person(box, "Ida Adasdaughter", 11)
        for name in ("adason", "tia"):
            box.workbooks("edit", id=box.person(email=name + "@x.example")["id"],
                          person_job_title="Head")
        said = wess("sync", "--no-wait", check=(2,)).stdout
        assert "the login of this user tells no queue of its own" in said, said
        assert "tells no queue of its own" in wess("check", "--online", check=(2,)).stdout
        wess.come(check=(2,))
        # What is linked goes on, nobody was deleted, and nobody new came.
        assert names(box, 0) == ["Fay Adason", "Tia Tagged"] and len(box.people()) == before + 1
        assert all(c["fields"]["JobTitle"] == "Head" for c in box.contacts(0))
        # Told again: who came meanwhile comes now, though nothing of them changed since.
        box.workbooks("my_queues", on=1)
        wess.come()
        assert names(box, 0) == ["Fay Adason", "Ida Adasdaughter", "Tia Tagged"]


def test_6_from_a_key_of_each_to_a_login_of_each():
    with Sandbox("--data", "empty") as box, \
            Own(box, sign_in='api_key = {{ file = "{dir}/%{{user.id}}.key"; }};') as wess:
        three(box)
        for i in (1, 2):
            wess.write(f"u{i}.key", f'{box.info["workbooks"]["api_key"]}-{i}\n', 0o600)
        assert "it needs a login" in wess("sync", "--no-wait", check=(2,)).stdout
        assert names(box, 0) == []
        wess.say(sign_in=EACH)
        wess.come()
        assert names(box, 0) == ["Fay Adason"] and names(box, 1) == ["Gil Benson"]


def test_7_the_login_of_another_person():
    with Sandbox("--data", "empty") as box, Own(box) as wess:
        three(box)
        of = box.info["exchange"]["mailboxes"]
        wess.come()
        # They were mixed up in the list of users.
        with open(os.path.join(wess.dir, "users.csv")) as f:
            lines = f.read().splitlines()
        wess.write("users.csv", "\n".join([lines[0]] + [
            f"u{i + 1},x,{of[i]['address']},{of[1 - i]['address']}" for i in (0, 1)]) + "\n")
        for i in (0, 1):
            wess.write(f"u{i + 1}.word", of[1 - i]["password"] + "\n", 0o600)
        wess.come()
        assert "Gil Benson" in names(box, 0) and "Fay Adason" in names(box, 1)
        assert len(box.people()) == 3


def test_8_a_queue_that_is_called_so():
    with Sandbox("--data", "empty") as box, Own(box) as wess:
        three(box)
        box.workbooks("name_queue", id=12, name="Mine")
        wess.come()
        assert names(box, 0) == ["Fay Adason"] and names(box, 1) == ["Gil Benson"]
        # By its number it is reached.
        wess.say(queue="12", shared=SHARED, sign_in=KEY)
        wess("check", "--online")


def test_9_made_in_the_own_queue():
    with Sandbox("--data", "empty") as box, Own(box, "task", "tasks", "tasks", wb='assign_to = "mine";') as wess:
        for i, name in enumerate(("Ada's", "Ben's")):
            box.exchange("create", i, kind="Task", Subject=name, categories="Workbooks")
        wess.come()
        rows = {r["fields"]["name"]: r["queue"] for r in box.workbooks("list", of="tasks")["tasks"]}
        assert rows == {"Ada's": 602, "Ben's": 603}, rows
        wess.say(sign_in=KEY, shared=SHARED)
        said = wess("check", check=(2,))
        assert 'assign_to = "mine" needs username and password' in said.stdout + said.stderr


if __name__ == "__main__":
    main(globals())
