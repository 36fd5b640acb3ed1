"""--trace-http: what goes over the wire, into a file that nobody else may open, without secrets."""
import os
import re
import stat

from sandbox import BY_SECRET, Sandbox, Wess, main
from test_main_job import EASY
from test_sign_in import one_user, told


def traced(wess, *words, check=(0, 1, 4)):
    path = os.path.join(wess.dir, "trace")
    run = wess(*words, "--trace-http", path, check=check)
    with open(path) as f:
        return run, f.read()


def test_bodies_and_names_are_there_and_secrets_are_not():
    for more in ({"auth": "basic"}, {"auth": "ntlm"}, {"sign_in": BY_SECRET}):
        with Sandbox() as box, Wess(box, pair=EASY, users=one_user(box), **more) as wess:
            run, text = traced(wess, "sync", "--no-wait")
            mode = os.stat(os.path.join(wess.dir, "trace")).st_mode
            assert stat.S_IMODE(mode) == 0o600, oct(mode)
            assert "SyncFolderItems" in text and "NoError" in text and "User-Agent: WESS/" in text
            assert re.search(r"client-request-id: [0-9a-f-]{36}", text)
            assert re.search(r"request-id: 5ab0c0de-", text)
            assert "api_key=(masked)" in text
            assert re.search(r"Authorization: (Basic|NTLM|Bearer) \(masked\)", text), more
            secrets = [box.info["exchange"]["password"], box.info["workbooks"]["api_key"],
                       box.info["oauth"]["client_secret"], "eyJ0eXAi.rehearsal.", "TlRMTVNTUA"]
            for secret in secrets:
                assert secret not in text, f"{secret} is in the trace of {more}"
            with open(os.path.join(wess.dir, "log")) as f:
                assert "<" not in f.read(), "a body is in the log"


def requests_of(wess, item, what):
    """By which the server's logs know who did that to the item."""
    told_of = wess.json("why", item["id"], check=(0, 1, 3, 4))["items"]
    return [h.get("request") for one in told_of for h in one["history"] if h["what"] == what]


def test_what_was_written_names_its_request():
    """The server's name for it, or ours where the answer was lost: the log has both."""
    with Sandbox() as box, Wess(box, pair=EASY) as wess:
        box.fault("ews:CreateItem:1:lost")
        wess.run("sync", "--no-wait", "--user", "u1")
        box.clear_faults()
        for _ in range(2):
            box.move_clock(150)
            wess("sync", check=(0, 1, 4))
        made = [c for c in box.contacts(0) if c["stamp"]]
        names = [name for c in made for name in requests_of(wess, c, "created")]
        assert names and all(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", n) for n in names), names
        ours = [n for n in names if not n.startswith("5ab0c0de-")]
        assert ours, names
        mail = next(v for c in made for v in [c["fields"].get("EmailAddress1")] if v)
        box.workbooks("edit", id=box.person(email=mail)["id"], person_job_title="Chair")
        wess("sync", check=(0, 1, 4))
        item = box.contact(0, email=mail)
        updated = requests_of(wess, item, "updated")
        assert updated[0].startswith("5ab0c0de-"), updated
        assert f"request {updated[0]}" in wess("why", item["id"], "-v", check=(0, 1, 3, 4)).stdout
        assert "request 5ab0" not in wess("why", item["id"], check=(0, 1, 3, 4)).stdout
        with open(os.path.join(wess.dir, "log")) as f:
            log = f.read()
        assert f"client-request-id: {ours[0]}, request-id -" in log and f"request-id {updated[0]}" in log


def test_check_and_its_tokens():
    with Sandbox() as box, Wess(box, users=one_user(box), sign_in=BY_SECRET) as wess:
        _, text = traced(wess, "check", "--online", check=0)
        assert "client_secret=(masked)" in text and '"access_token":"(masked)' in text.replace(" ", "")


def test_where_others_look_it_is_refused():
    with Sandbox() as box, Wess(box, pair=EASY, users=one_user(box)) as wess:
        path = os.path.join(wess.dir, "trace")
        real = os.path.join(wess.dir, "real")

        def refused(word):
            run = wess("sync", "--no-wait", "--trace-http", path, check=2)
            assert word in told(run) and "trace-http" in told(run), told(run)
            assert not box.requests()["total"], "it went on"
            os.path.lexists(path) and os.remove(path)
        wess.write("real", "", 0o600)
        os.symlink(real, path)
        refused("link")
        os.link(real, path)
        refused("second name")
        wess.write("trace", "", 0o640)
        refused("chmod 600")
        os.mkfifo(path, 0o600)
        refused("no file")
        assert os.path.getsize(real) == 0
        path = "/nowhere/at/all"
        run = wess("sync", "--trace-http", path, check=2)
        assert "No such file" in told(run)
        # Without it nothing is written.
        assert wess("status", "--trace-http", real, check=2)


def test_a_daemon_is_not_told_by_its_clients():
    from test_daemon import Daemon
    with Sandbox() as box, Wess(box, pair=EASY, users=one_user(box)) as wess:
        with Daemon(wess) as daemon:
            daemon.round()
            path = os.path.join(wess.dir, "trace")
            run = wess("sync", "--trace-http", path, check=2)
            assert "daemon" in told(run)
            daemon.stop()


if __name__ == "__main__":
    main(globals())
