"""Workbooks by user name and password: a session with a cookie that changes, a token, an end."""
import os

from sandbox import Sandbox, main
from test_crm import Crm, Filing, all_there, here, mail, make, queue_of, there


def word(wess, text):
    wess.write("word.secret", text + "\n")
    os.chmod(os.path.join(wess.dir, "word.secret"), 0o600)


def signed_in(wess, more=""):
    """The same configuration, by name and password."""
    with open(wess.config) as f:
        text = f.read()
    key = 'api_key = { file = "' + wess.dir + '/workbooks.secret"; };'
    assert key in text, text
    word(wess, wess.box.info["workbooks"]["password"])
    wess.write("wess.conf", text.replace(
        key, f'username = "{wess.box.info["workbooks"]["username"]}"; '
             f'password = {{ file = "{wess.dir}/word.secret"; }}; {more}'))
    return wess


def sessions(box):
    return box.workbooks("sessions")


def test_1_tasks_by_a_session():
    with Sandbox("--data", "empty") as box, Crm(box, "task", "tasks", "tasks") as wess:
        signed_in(wess)
        make(box, "Task", Subject="Offer", DueDate="2030-02-03T00:00:00Z")
        box.workbooks("create", of="tasks", name="Call", assigned_to=queue_of(wess))
        wess.settle()
        assert there(box, "tasks", "Offer") and here(box, "tasks", "Call")
        told = sessions(box)
        # One for each run, and each ended behind it.
        assert told["sessions"] == 0 and told["logins"] == told["logouts"] == 3, told


def test_2_a_session_that_ends_is_begun_again():
    for dead in ("status", "redirect"):
        with Sandbox("--data", "empty", "--switch", f"dead_session={dead}") as box, \
                Crm(box, "event", "calendar", "meetings") as wess:
            signed_in(wess)
            make(box, "CalendarItem", Subject="Review", Start="2030-07-04T07:00:00Z",
                 End="2030-07-04T08:00:00Z")
            # Over in the middle of a list, and of the write: each goes once more.
            box.fault("workbooks:meetings:GET:1:password")
            wess("sync", "--no-wait", check=(0, 1))
            assert there(box, "meetings", "Review") and sessions(box)["logins"] == 2
            make(box, "CalendarItem", Subject="Visit", Start="2030-07-05T07:00:00Z",
                 End="2030-07-05T08:00:00Z")
            box.fault("workbooks:meetings:PUT:1:password")
            wess("sync", "--no-wait", check=(0, 1))
            assert there(box, "meetings", "Visit") and sessions(box)["logins"] == 4
            wess.settle()
            box.exchange("edit", 0, id=here(box, "calendar", "Review")["id"], Subject="Review 2")
            wess.settle()
            assert len(all_there(box, "meetings")) == 2 and there(box, "meetings", "Review 2")


def test_3_a_redirect_to_the_same_place_is_a_wait():
    with Sandbox("--data", "empty") as box, Crm(box, "task", "tasks", "tasks") as wess:
        signed_in(wess)
        make(box, "Task", Subject="Offer")
        box.fault("workbooks:tasks:GET:1:busy=10")
        wess.settle()
        assert there(box, "tasks", "Offer")
        logins = sessions(box)["logins"]
        assert logins == 3, logins  # nobody signed in once more for it
        # Of a write it is not known: looked up before it is sent again, and there once.
        make(box, "Task", Subject="Second")
        box.fault("workbooks:tasks:PUT:1:busy=10")
        wess.settle()
        assert there(box, "tasks", "Second")


def test_4_who_is_refused_is_not_tried_again():
    with Sandbox("--data", "empty") as box, Crm(box, "task", "tasks", "tasks") as wess:
        signed_in(wess)
        word(wess, "Not-The-Word")
        said = wess("sync", "--no-wait", check=(5,)).stdout
        assert "refuses the user name or the password" in said, said
        assert "Not-The-Word" not in said + wess.log_tail()
        wess("sync", "--no-wait", check=(5,))
        assert sessions(box)["logins"] == 0
        word(wess, box.info["workbooks"]["password"])
        wess("sync", "--no-wait", check=(0, 1))
        assert sessions(box)["logins"] == 1
        box.workbooks("expire_key")
        assert "expired" in wess("sync", "--no-wait", check=(5,)).stdout


def test_5_one_of_several_databases():
    with Sandbox("--data", "empty", "--switch", "databases=several") as box, \
            Crm(box, "task", "tasks", "tasks") as wess:
        signed_in(wess)
        assert "set database" in wess("sync", "--no-wait", check=(2, 3)).stdout
        with open(wess.config) as f:
            text = f.read()
        wess.write("wess.conf", text.replace('username =', 'database = "12"; username =', 2).replace(
            'database = "12"; username = "EXAMPLE', 'username = "EXAMPLE', 1))
        make(box, "Task", Subject="Offer")
        wess.settle()
        assert there(box, "tasks", "Offer")


def test_6_mail_is_filed_by_a_session():
    with Sandbox("--data", "empty") as box, Filing(box) as wess:
        signed_in(wess)
        mail(box, 0, "Offer", 1)
        wess.file()
        assert len(all_there(box, "emails")) == 1


def test_7_settings_that_cannot_be():
    for change, said in (("both", "not both"), ("neither", "give api_key, or username"),
                         ("no word", "username needs a password")):
        with Sandbox("--data", "empty") as box, Crm(box, "task", "tasks", "tasks") as wess:
            key = 'api_key = { file = "' + wess.dir + '/workbooks.secret"; };'
            with open(wess.config) as f:
                text = f.read()
            wess.write("wess.conf", text.replace(key, {
                "both": key + 'username = "x"; ', "neither": "", "no word": 'username = "x";'}[change]))
            assert said in str(wess("sync", "--no-wait", check=(2, 3, 5))), change


if __name__ == "__main__":
    main(globals())
