"""Bad input of every sort: a clear word that names the place and the way out, the right status, and
nothing lost."""
import http.server
import os
import sqlite3
import subprocess
import tempfile
import threading

from sandbox import Sandbox, Wess, main

EASY = 'first = { differs = "left"; create = "yes"; };'


def edit(wess, old, new, name="wess.conf"):
    path = os.path.join(wess.dir, name)
    with open(path) as f:
        text = f.read()
    assert old in text, old
    wess.write(name, text.replace(old, new, 1), 0o644)


def said(run):
    return run.stdout + run.stderr


def refused(wess, status, *words, args=("check",)):
    run = wess.run(*args)
    assert run.returncode == status, f"{args}: {run.returncode}\n{said(run)}"
    for word in words:
        assert word.lower() in said(run).lower(), f"no {word!r} in:\n{said(run)}"
    return said(run)


def test_configuration():
    with Sandbox() as box:
        cases = [
            ("state_dir", "state_dirr", 2, ["wess.conf:", "state_dirr", "state_dir"]),
            ("workers = 4", 'workers = "many"', 2, ["wess.conf:", "workers"]),
            ('every = "30m"', 'every = "soon"', 2, ["wess.conf:", "every"]),
            ('connector = "ews"', 'connector = "ewss"', 2, ["wess.conf:", "ewss"]),
            ('connector = "ews"', 'connector = "../ews"', 2, ["wess.conf:"]),
            ('kind = "contact"', 'kind = "person"', 2, ["wess.conf:", "person"]),
            ("site =", "site = = ", 2, ["wess.conf:"]),
            ('right = "crm:people"', 'right = "nowhere:people"', 2, ["wess.conf:", "nowhere"]),
        ]
        for old, new, status, words in cases:
            with Wess(box) as wess:
                edit(wess, old, new)
                refused(wess, status, *words)
        with Wess(box) as wess:
            os.remove(wess.config)
            refused(wess, 2, "wess.conf")


def test_a_root_is_taken_from_where_it_is_typed():
    with Sandbox() as box, Wess(box) as wess:
        assert "is sound" in wess("check", "--root", os.path.relpath("/"), check=0).stdout
        said = wess.run("check", "--root", "no/such/folder", check=2)
        assert "--root no/such/folder: No such file" in said.stderr, said.stderr


def test_log():
    with Sandbox() as box:
        for file in ("{dir}", "{dir}/nowhere/log"):
            with Wess(box) as wess:
                edit(wess, "{dir}/log".format(dir=wess.dir), file.format(dir=wess.dir))
                refused(wess, 2, "wess.conf: log.file " + file.format(dir=wess.dir), "1 trouble")
                assert wess.json("check", check=2)["sound"] is False
                run = wess.run("sync")
                assert run.stderr.count("log.file") == 1 and "standard error" in run.stderr, run


def test_secrets():
    with Sandbox() as box:
        with Wess(box) as wess:
            os.remove(os.path.join(wess.dir, "exchange.secret"))
            refused(wess, 2, "wess.conf:", "password of endpoint exchange", "no such file")
            refused(wess, 5, "exchange.secret: ", args=("sync",))
        with Wess(box) as wess:
            os.chmod(os.path.join(wess.dir, "workbooks.secret"), 0o640)
            refused(wess, 2, "api_key of endpoint crm", "chmod 600", "1 trouble")
            assert wess.json("check", check=2)["sound"] is False
            refused(wess, 5, "workbooks.secret", "chmod 600", args=("sync",))
        with Wess(box) as wess:
            wess.write("exchange.secret", "wrong-password-7\n", 0o600)
            box.requests(reset=True)
            run = wess.run("sync", "--no-wait")
            assert run.returncode == 5, said(run)
            assert said(run).count("refuses user name or password") == 2, "each user is told why"
            stands = wess.json("status", check=5)["runs"]
            assert [s["stands"] for s in stands] == ["credential refused"] * 2, stands
            assert all("refuses user name" in s["text"] for s in stands), stands
            assert "wrong-password-7" not in said(run) + wess.log_tail()
            ews = sum(n for op, n in box.requests()["by_op"].items() if op.startswith("ews"))
            assert ews == 1, "one try over all users: a second could lock the account"
            assert not [p for p in box.people() if p["created_through_reference"]]
            box.requests(reset=True)
            wess.run("sync", "--no-wait")
            ews = sum(n for op, n in box.requests()["by_op"].items() if op.startswith("ews"))
            assert ews == 0, "the credential rests until it changes"
            wess.write("exchange.secret", box.info["exchange"]["password"] + "\n", 0o600)
            wess("sync", "--no-wait", check=(0, 1, 4))
            assert not wess.json("status", check=(0, 1, 4))["rests"], "and is no news any more"


class Answers(http.server.BaseHTTPRequestHandler):
    kind = "html"
    seen = []

    def do_GET(self):
        type(self).seen.append(dict(self.headers))
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        if self.kind == "404":
            self.send_response(404)
            body = b"not here"
        elif self.kind == "redirect":
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            body = b""
        else:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            body = b"<html><body>Welcome to the proxy <b>login</b></body></html>"
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_):
        pass


def test_another_server_answers():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/EWS/Exchange.asmx"
    try:
        with Sandbox() as box:
            for kind in ("404", "html", "redirect"):
                Answers.kind = kind
                with Wess(box) as wess:
                    edit(wess, box.info["exchange"]["url"], address)
                    run = wess.run("sync", "--no-wait")
                    assert run.returncode in (2, 3), f"{kind}: {run.returncode} {said(run)}"
                    assert "exchange" in said(run).lower(), said(run)
                    assert not [p for p in box.people() if p["created_through_reference"]]
    finally:
        server.shutdown()
        server.server_close()


def test_certificate_not_trusted():
    folder = tempfile.mkdtemp(prefix="wess-cert-")
    key, cert = os.path.join(folder, "key"), os.path.join(folder, "cert")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key,
                    "-out", cert, "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    with Sandbox("--tls-cert", cert, "--tls-key", key) as box:
        with Wess(box) as wess:
            run = wess.run("sync", "--no-wait")
            assert run.returncode == 3 and "certificate" in said(run).lower(), said(run)
            assert sum(box.requests()["by_op"].values()) == 0, "nothing was sent"
        with Wess(box, http=f'ca_file = "{cert}";', pair=EASY) as wess:
            wess("sync", "--no-wait", check=(0, 1, 4))


def test_exchange_too_old():
    with Sandbox("--switch", "server_version=14.1") as box, Wess(box) as wess:
        run = wess.run("sync", "--no-wait")
        assert run.returncode in (2, 3), said(run)
        assert "2013" in said(run) or "14.1" in said(run) or "old" in said(run), said(run)


def test_hostile_answers():
    plans = ["ews:SyncFolderItems:1:" + kind for kind in
             ("truncate", "garbage", "html", "cut=300")]
    plans += ["workbooks:people:GET:1:" + kind for kind in
              ("truncate", "garbage", "html", "bad_utf8", "cut=30")]
    plans += ["ews:SyncFolderItems:*:huge=70000000", "workbooks:people:GET:*:huge=70000000"]
    with Sandbox() as box:
        for plan in plans:
            with Wess(box, pair=EASY) as wess:
                box.fault(plan)
                run = wess.run("sync", "--no-wait", "--user", "u1")
                assert run.returncode in (2, 3), f"{plan}: {run.returncode}\n{said(run)}"
                box.clear_faults()
                assert not [p for p in box.people() if p["created_through_reference"]], plan
    for kind in ("forbidden_char", "bad_utf8"):
        with Sandbox() as box, Wess(box, pair=EASY) as wess:
            box.fault("ews:GetItem:1:" + kind)
            wess("sync", "--no-wait", check=(0, 1, 4))
            box.clear_faults()
            box.move_clock(3600)
            wess("sync", "--no-wait", check=(0, 1, 4))
            assert [p for p in box.people() if p["created_through_reference"]], kind


def test_state_not_ours():
    with Sandbox() as box:
        with Wess(box, pair=EASY) as wess:
            wess("sync", check=(0, 1, 4))
            edit(wess, 'site = "test"', 'site = "another"')
            refused(wess, 7, "site", args=("sync",))
        with Wess(box, pair=EASY) as wess:
            wess("sync", check=(0, 1, 4))
            path = [os.path.join(wess.dir, "state", n) for n in os.listdir(wess.dir + "/state")
                    if n.endswith(".db")][0]
            before = len(box.people())
            with sqlite3.connect(path) as db:
                version = db.execute("PRAGMA user_version").fetchone()[0]
                db.execute(f"PRAGMA user_version = {version + 7}")
            db.close()
            refused(wess, 7, "newer", args=("sync",))
            with sqlite3.connect(path) as db:
                db.execute(f"PRAGMA user_version = {version}")
            db.close()
            wess("sync", check=(0, 1, 4))
            with open(path, "r+b") as f:
                f.write(b"not a database at all" * 10)
            refused(wess, 7, path, args=("sync",))
            assert len(box.people()) == before
        with Wess(box) as wess:
            os.mkdir(wess.dir + "/state", 0o755)
            os.chmod(wess.dir + "/state", 0o755)
            refused(wess, 7, "chmod 700", args=("sync",))


def test_users():
    head = "id,name,mailbox,workbooks,wave"
    with Sandbox() as box:
        for users, words in (
                ([head.replace(",mailbox", ""), "u1,Ann,Ann,pilot"], ["mailbox"]),
                ([head, "u1,Ann,ann@x.example,Ann,pilot", "u1,Bob,bob@x.example,Bob,pilot"],
                 ["users.csv:3", "u1"]),
                ([head, 'u1,"Ann,ann@x.example,Ann,pilot'], ["users.csv:"]),
                ([head], ["wess.conf:", "no users"])):
            with Wess(box, users=users) as wess:
                refused(wess, 2, *words)
        with Wess(box) as wess:
            with open(wess.dir + "/users.csv", "ab") as f:
                f.write(b"u9,\xff\xfe,x@x.example,x,pilot\n")
            refused(wess, 2, "users.csv:", "utf-8")
        with Wess(box) as wess:
            refused(wess, 2, "nobody", args=("sync", "--user", "nobody"))
            refused(wess, 2, "--sink", args=("sync", "--sink"))


def test_items_that_do_not_fit():
    """A long note travels, what the other side cannot hold is told by name, and the rest goes on."""
    with Sandbox() as box, Wess(box, pair=EASY) as wess:
        def tagged(**fields):
            made = box.exchange("create", 0, **fields)
            box.exchange("tag", 0, id=made["id"], category="Workbooks")
            return made["id"]
        tagged(GivenName="Ida", Surname="Long", EmailAddress1="ida@long.example", Body="word " * 900)
        wide = tagged(GivenName="Max", Surname="Wide", EmailAddress1="max@wide.example",
                      JobTitle="t" * 300)
        tagged(JobTitle="nobody at all")
        run = wess.run("sync", "--no-wait")
        assert run.returncode in (0, 1, 4), said(run)
        assert len(box.person(email="ida@long.example")["fields"]["party_notes"]) > 4000
        person = box.person(email="max@wide.example")
        assert not person["fields"].get("person_job_title")
        parked = said(wess.run("parked", "list"))
        assert "job title" in parked or "title" in parked, parked
        box.exchange("edit", 0, id=wide, JobTitle="Head")
        wess("sync", "--no-wait", check=(0, 1, 4))
        assert box.person(email="max@wide.example")["fields"]["person_job_title"] == "Head"


def test_clocks_are_compared():
    with Sandbox(clock=False) as box, Wess(box) as wess:
        def look():
            run = wess.run("check", "--online")
            assert run.returncode == 0, said(run)
            ahead = {e["endpoint"]: e["clock_ahead_ms"]
                     for e in wess.json("check", "--online")["online"]}
            return run.stderr, ahead

        told, ahead = look()
        assert "clock" not in told and all(abs(ms) < 20000 for ms in ahead.values()), (told, ahead)
        box.move_clock(40)
        told, ahead = look()
        assert "clock" not in told, told
        box.move_clock(50)  # only the servers' clock moves
        told, ahead = look()
        assert told.count("warning: the clock of endpoint") == 2, told
        assert "exchange is" in told and "crm is" in told and "ahead of this machine's" in told, told
        assert all(70000 < ms < 110000 for ms in ahead.values()), ahead
        box.move_clock(-90 - 600)
        told, ahead = look()
        assert "behind this machine's" in told and " min " in told, told
        assert all(-640000 < ms < -560000 for ms in ahead.values()), ahead


def test_not_a_connector():
    with Sandbox() as box, Wess(box) as wess:
        folder = os.path.join(wess.dir, "plugins")
        os.mkdir(folder, 0o700)
        with open(os.path.join(folder, "odd.so"), "wb") as f:
            f.write(b"\x7fELF but no more")
        run = wess.run("connectors", "odd", env={"WESS_CONNECTOR_PATH": folder})
        assert run.returncode == 2 and "did you mean" not in said(run), said(run)
        run = wess.run("connectors", "ewss", env={"WESS_CONNECTOR_PATH": folder})
        assert run.returncode == 2 and 'did you mean "ews"?' in said(run), said(run)
        edit(wess, 'connector = "ews"', 'connector = "odd"')
        run = wess.run("check", env={"WESS_CONNECTOR_PATH": folder})
        assert run.returncode == 2 and "odd.so" in said(run), said(run)


if __name__ == "__main__":
    main(globals())
