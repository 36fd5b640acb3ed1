"""The rehearsal servers and the real program, for end-to-end tests. Standard library only.

    with Sandbox() as box, Wess(box) as wess:
        wess("sync", "--json")
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request

BUILD = os.environ.get("WESS_BUILD", "build/dev")


def program(name):
    return os.path.join(BUILD, "bin", name)


class Sandbox:
    """wess-sandbox on free ports of loopback; stopped with the test."""
    mails_sent = 0  # of all of them: writes of which attendees would have heard by mail

    def __init__(self, *args, clock=True):
        self.dir = tempfile.mkdtemp(prefix="wess-sandbox-")
        self.clock_file = os.path.join(self.dir, "clock")
        more = ["--clock-file", self.clock_file] if clock else []
        self.err = open(os.path.join(self.dir, "err"), "w+")
        self.process = subprocess.Popen(
            [program("wess-sandbox"), "--json", *more, *args],
            stdout=subprocess.PIPE, stderr=self.err, text=True)
        line = self.process.stdout.readline()
        if not line:
            self.err.seek(0)
            raise RuntimeError("wess-sandbox did not start: " + self.err.read())
        self.info = json.loads(line)

    def control(self, path, **params):
        url = self.info["control"] + "/" + path
        if params:
            url += "?" + urllib.parse.urlencode(params)
        context = None
        if url.startswith("https"):
            import ssl
            context = ssl._create_unverified_context()
        with urllib.request.urlopen(url, context=context) as answer:
            return json.load(answer)

    # ---- as a person would -------------------------------------------------------------------
    def mailbox(self, i=0):
        return self.info["exchange"]["mailboxes"][i]["address"]

    def contacts(self, i=0, folder="contacts", **where):
        return self.control("exchange/list", mailbox=self.mailbox(i), folder=folder, **where)["items"]

    def contact(self, i=0, **where):
        found = self.contacts(i, **where)
        assert len(found) == 1, f"{len(found)} contacts with {where}"
        return found[0]

    def exchange(self, action, i=0, **params):
        return self.control("exchange/" + action, mailbox=self.mailbox(i), **params)

    def people(self, **where):
        everybody = self.control("workbooks/list", **where)["people"]
        return [p for p in everybody if not p["is_deleted"]]

    def person(self, **where):
        found = self.people(**where)
        assert len(found) == 1, f"{len(found)} people with {where}"
        return found[0]

    def workbooks(self, action, **params):
        return self.control("workbooks/" + action, **params)

    def requests(self, reset=False):
        return self.control("requests", **({"reset": 1} if reset else {}))

    def move_clock(self, seconds):
        return self.control("clock", move_ms=int(seconds * 1000))

    def fault(self, plan):
        answer = self.control("fault", plan=plan)
        assert answer["ok"], plan

    def clear_faults(self):
        self.control("fault", clear=1)

    def stop(self):
        if self.process.poll() is None:
            Sandbox.mails_sent += self.control("exchange/outbox")["sent"]
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        self.process.stdout.close()
        self.err.seek(0)
        said = self.err.read()
        self.err.close()
        shutil.rmtree(self.dir, ignore_errors=True)
        assert code == 0 and "Sanitizer" not in said and "runtime error" not in said, said

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


CONFIG = """
site = "test";
state_dir = "{dir}/state";
endpoints: {{
  exchange: {{ connector = "ews"; {sign_in} {ews} }};
  crm: {{ connector = "workbooks"; url = "{workbooks}"; api_key = {{ file = "{dir}/workbooks.secret"; }}; {wb} }};
}};
users: {{ source = {{ csv = "{dir}/users.csv"; }}; {waves} }};
pairs: {{
  people: {{ kind = "contact"; left = "exchange:contacts"; right = "crm:people";
    select = {{ left = {{ tags_any = [ "Workbooks" ]; }}; right = {{ queue = "%{{user.workbooks}}"; }}; }};
    {pair} }};
}};
daemon: {{ every = "30m"; workers = {workers}; }};
http: {{ connect_timeout = "20s"; timeout = "20s"; {http} }};
log: {{ file = "{dir}/log"; level = "{level}"; }};
"""

# How the endpoint signs in, unless a test says otherwise.
SIGN_IN = """url = "{exchange}"; auth = "{auth}"; username = "EXAMPLE\\\\svc-wess";
    password = {{ file = "{dir}/exchange.secret"; }}; impersonate = "%{{user.mailbox}}";"""
# By tokens: of the app for all mailboxes, of a person for their own.
AS_APP = """url = "{exchange}"; auth = "oauth_app"; authority = "{authority}"; tenant = "{tenant}";
    client_id = "{client_id}"; impersonate = "%{{user.mailbox}}";"""
BY_SECRET = AS_APP + """ client_secret = {{ file = "{dir}/app.secret"; }};"""
AS_PERSON = """url = "{exchange}"; auth = "oauth_user"; authority = "{authority}"; tenant = "{tenant}";
    client_id = "{client_id}"; refresh_token = {{ file = "{dir}/tokens-%{{user.id}}"; }};"""


class Wess:
    """A configuration of its own, and the real binary."""

    def __init__(self, box, users=None, pair="", ews="", wb="", waves="", auth="basic", workers=4,
                 http="", level="debug", keep=False, sign_in=SIGN_IN):
        self.box = box
        self.keep = keep
        self.dir = tempfile.mkdtemp(prefix="wess-test-")
        self.config = os.path.join(self.dir, "wess.conf")
        info = box.info
        self.write("exchange.secret", info["exchange"]["password"] + "\n", 0o600)
        self.write("app.secret", info["oauth"]["client_secret"] + "\n", 0o600)
        self.write("workbooks.secret", info["workbooks"]["api_key"] + "\n", 0o600)
        if users is None:
            users = ["id,name,mailbox,workbooks,wave"] + [
                f"u{i + 1},{m['name']},{m['address']},{m['name']},pilot"
                for i, m in enumerate(info["exchange"]["mailboxes"])]
        self.write("users.csv", "\n".join(users) + "\n")
        sign_in = sign_in.format(dir=self.dir, exchange=info["exchange"]["url"], auth=auth,
                                 **info["oauth"])
        self.write("wess.conf", CONFIG.format(
            dir=self.dir, sign_in=sign_in, workbooks=info["workbooks"]["url"], pair=pair, ews=ews, wb=wb, waves=waves, workers=workers, http=http,
            level=level))

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)

    def run(self, *args, check=None, env=None, timeout=300):
        environment = dict(os.environ, WESS_CLOCK_FILE=self.box.clock_file, **(env or {}))
        if check is None:  # the exact status counts; see below
            environment["ASAN_OPTIONS"] = "detect_leaks=0"
        done = subprocess.run([program("wess"), *args, "--config", self.config], text=True,
                              capture_output=True, env=environment, timeout=timeout,
                              stdin=subprocess.DEVNULL)
        if "Tracer caught signal" in done.stderr:
            # After the program had finished, gcc 12's leak checker fell over a thread that had just
            # ended: it says nothing about leaks, and the exit status is its own.
            print("note: the leak checker itself failed, once", args, flush=True)
            done.returncode = check[0] if isinstance(check, (tuple, list)) else check
            done.stderr = done.stderr.split("Tracer caught signal")[0]
        bad = [w for w in ("Sanitizer", "runtime error") if w in done.stderr]
        assert not bad, done.stderr
        if check is not None:
            allowed = check if isinstance(check, (tuple, list)) else (check,)
            assert done.returncode in allowed, (
                f"{args}: status {done.returncode}, wanted {allowed}\n{done.stdout}\n{done.stderr}\n"
                + self.log_tail())
        return done

    def __call__(self, *args, check=(0, 1), **more):
        return self.run(*args, check=check, **more)

    def json(self, *args, check=(0, 1)):
        return json.loads(self.run(*args, "--json", check=check).stdout)

    def sync(self, *args, check=(0, 1)):
        return {r["user"]: r for r in self.json("sync", *args, check=check)["runs"]}

    def log_tail(self):
        try:
            with open(os.path.join(self.dir, "log")) as f:
                return "".join(f.readlines()[-30:])
        except OSError:
            return ""

    def close(self):
        if not self.keep:
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            sys.stderr.write(self.log_tail())
        self.close()


def main(tests, mails=None):
    """Runs functions named test_*; prints what a ctest log needs. `mails`: how many writes may have
    told attendees, over all the sandboxes of the file."""
    wanted = sys.argv[1:]
    passed = failed = 0
    for name, test in sorted(tests.items()):
        if not name.startswith("test_") or (wanted and name not in wanted):
            continue
        try:
            test()
            passed += 1
            print(f"ok   {name}", flush=True)
        except Exception as error:  # noqa: a test may fail in any way
            import traceback
            failed += 1
            print(f"FAIL {name}: {error}", flush=True)
            traceback.print_exc()
    if mails is not None and not wanted:
        print(f"figure mails_sent {Sandbox.mails_sent}")
        failed += Sandbox.mails_sent != mails
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
