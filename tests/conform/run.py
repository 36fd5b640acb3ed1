"""wess-conform on every connector of this build: the example, and those that speak to the rehearsal
servers. Its last lines are what a log needs: the cases of each, and that there are enough."""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
from sandbox import BUILD, Sandbox, program  # noqa: E402

EXCHANGE = """
endpoint = {{ connector = "ews"; url = "{exchange[url]}"; auth = "{auth}";
  username = "EXAMPLE\\\\svc-wess"; password = {{ file = "{dir}/secret"; }};
  impersonate = "{exchange[mailboxes][0][address]}"; }};
collection = "{collection}";
scratch = true;
avoid = [ "rrule" ];  # a text of its own kind
"""
WORKBOOKS = """
endpoint = {{ connector = "workbooks"; url = "{workbooks[url]}";
  api_key = {{ file = "{dir}/secret"; }};
  share_description = true; }};
collection = "{collection}";
scratch = true;
# Another record, which has to be there; what no public source shows.
avoid = [ "org", "rrule" ];
"""
FOUNDING = WORKBOOKS.replace("share_description", "create_organisations")
REPORT = WORKBOOKS.replace("share_description = true;", 'reports = [ "people.Exchange Sync" ];')
SESSION = WORKBOOKS.replace("api_key = ", 'username = "{workbooks[username]}"; attachments = true; password = ')
FOLDER = """
endpoint = {{ connector = "vdir"; path = "{dir}/cards"; version = "{version}"; }};
collection = "contacts";
scratch = true;
"""
MAILS = """
endpoint = {{ connector = "vdir"; path = "{dir}/cards"; }};
collection = "messages";
scratch = true;
"""
CALENDAR = """
endpoint = {{ connector = "vdir"; path = "{dir}/cards"; kind = "{kind}"; }};
collection = "{collection}";
scratch = true;
avoid = [ "rrule" ];  # a text of its own kind
"""
MAILBOX = """
endpoint = {{ connector = "imap-tags"; url = "imap://127.0.0.1:{port}"; auth = "{auth}";
  username = "u1"; password = {{ file = "{dir}/secret"; }}; folders = [ "inbox", "sent" ];
  write = [ "Workbooks" ]; }};
collection = "messages";
scratch = true;
"""
MEMORY = """
endpoint = {{ connector = "memory"; }};
collection = "people";
scratch = true;
"""


def conform(plugin, config, info, secret, *args, **more):
    with tempfile.TemporaryDirectory(prefix="wess-conform-") as folder:
        with open(os.path.join(folder, "secret"), "w") as f:
            f.write(secret + "\n")
        os.mkdir(os.path.join(folder, "cards"))
        path = os.path.join(folder, "conform.conf")
        with open(path, "w") as f:
            f.write(config.format(dir=folder, **info, **more))
        done = subprocess.run([program("wess-conform"), os.path.join(BUILD, "plugins", plugin),
                               "--config", path, *args], text=True, capture_output=True,
                              timeout=800)
    print(done.stdout, end="")
    print(done.stderr, end="", file=sys.stderr)
    bad = [w for w in ("Sanitizer", "runtime error") if w in done.stderr]
    assert not bad, f"{plugin}: {bad}"
    assert done.returncode == 0, f"{plugin}: status {done.returncode}"
    return done.stdout


def test_example(*args):
    conform("example/memory.so", MEMORY, {}, "none", *args)


def test_folder(*args):
    for version in ("3.0", "4.0"):
        conform("vdir.so", FOLDER, {}, "none", *args, version=version)
    for kind, collection in (("event", "calendar"), ("task", "tasks")):
        conform("vdir.so", CALENDAR, {}, "none", *args, kind=kind, collection=collection)
    conform("vdir.so", MAILS, {}, "none", *args)


def test_exchange(*args):
    for auth, collection in (("basic", "calendar"), ("basic", "tasks"), ("basic", "contacts"), ("ntlm", "contacts")):
        with Sandbox(clock=False) as box:
            conform("ews.so", EXCHANGE, box.info, box.info["exchange"]["password"], *args,
                    auth=auth, collection=collection)
    with Sandbox(clock=False) as box:
        for i in range(12):
            box.exchange("mail", 0, Subject=f"Mail {i}", Body="Text", InternetMessageId=f"<{i}@example.com>",
                         categories="Workbooks" if i % 2 else "")
        conform("ews.so", EXCHANGE, box.info, box.info["exchange"]["password"], *args, auth="basic",
                collection="messages")


def test_mailbox(*args):
    from dovecot import Dovecot, Mailbox
    with Dovecot() as server:
        box = Mailbox(server)
        for i in range(12):
            box.append(f"<{i}@example.com>", ["Workbooks"] if i % 2 else [])
        box.append(None, ["Workbooks", "$Forwarded"])
        box.append("<1@example.com>", ["Other_one"], "Sent")
        for auth in ("plain", "login"):
            conform("imap-tags.so", MAILBOX, {}, server.password, *args, port=server.port,
                    auth=auth)


def test_workbooks(*args):
    for collection in ("people", "organisations", "tasks", "meetings", "emails"):
        with Sandbox(clock=False) as box:
            conform("workbooks.so", WORKBOOKS, box.info, box.info["workbooks"]["api_key"], *args,
                    collection=collection)
    with Sandbox(clock=False) as box:
        conform("workbooks.so", FOUNDING, box.info, box.info["workbooks"]["api_key"], *args,
                collection="organisations")
    with Sandbox(clock=False) as box:
        ids = [str(box.workbooks("create", name=f"Person {i}")["id"]) for i in range(12)]
        box.workbooks("report", name="Exchange Sync", ids=",".join(ids))
        conform("workbooks.so", REPORT, box.info, box.info["workbooks"]["api_key"], *args,
                collection="people")
    with Sandbox(clock=False) as box:
        conform("workbooks.so", SESSION, box.info, box.info["workbooks"]["password"], *args,
                collection="tasks")


# What WESS_LIE makes of the example, and the clauses that it may be caught by.
LIES = {
    "another ABI": "10.1",
    "a slot is empty": "10.2",
    "an option comes twice": "10.3",
    "claims more than its kind": "10.4",
    "another identity each time": "10.5",
    "has a collection twice": "10.6",
    "close(NULL) crashes": "2.4",
    "leaves a descriptor": "2.2",
    "leaves a file open": "2.2",
    "starts a thread": "2.2",
    "hangs": "2.4",
    "says NOT_TRIED and did": "2.5",
    "errors have no text": "2.6",
    "has two lines of text": "2.6",
    "the scope is unknown": "2.6",
    "answers an unknown code": "2.6",
    "tells its secret in a text": "2.7",
    "tells its secret in the log": "2.7",
    "never asks for its secret": "2.8",
    "blames the host for its secret": "2.8",
    "counts no request": "2.9",
    "a snapshot is not flagged": "3.1",
    "takes its newest cursor only": "3.2",
    "brings more than the limit": "3.3",
    "never comes to an end": "3.3",
    "a snapshot misses items": "3.6",
    "is not sorted": "3.5",
    "tells of no change": "3.7",
    "tells of no deletion": "3.7",
    "takes any cursor": "3.8",
    "has no kind": "3.9",
    "has a field twice": "3.9",
    "keys are not folded": "3.10",
    "text is no UTF-8": "11.1",
    "one bad id fails a fetch": "3.11",
    "fetch mixes the order": "3.11",
    "fetch brings no whole item": "3.12",
    "what is gone is refused": "3.13",
    "finds by the first key only": "4.1",
    "finds what nobody asked for": "4.1",
    "find is never the last page": "4.3",
    "one bad op is told of another": "5.2",
    "one bad op stops the batch": "5.2",
    "a create has no id": "5.3",
    "an update wipes the rest": "5.4",
    "does not clear": "5.5",
    "updates what is gone": "5.6",
    "a second delete is broken": "5.6",
    "names no refused field": "5.7",
    "answers a wrong revision": "5.8",
    "a create, again, doubles": "6.1",
    "a create, again, has a revision": "6.1",
    "a create, again, is only looked for": "6.2",
    "hides the stamp": "6.3",
    "writes no stamp": "6.3",
    "writes a stale update": "7.1",
    "answers from the heap": "1.1",
    "points into its inputs": "1.1",
    "keeps an answer": "1.2",
    "keeps an op": "1.2",
    "answers less without memory": "1.3",
    "fetch answers less without memory": "1.3",
    "writes past its memory": "1.5 2.4",  # a sanitizer stops it where it does
    "cuts what it could hold": "11.5",
    "has a tag twice": "12.1",
    "has other ids each time": "12.1",
    "a probe tells less": "12.2",
    "any fact has values": "12.2",
    "ties what is not there": "12.3",
    "answers one relation alone": "12.3",
}
LIAR = """
endpoint = { connector = "liar"; %s };
collection = "people";
scratch = true;
patience = 5;
"""


def caught(lie, folder):
    """The clauses that the failures of this liar are explained by."""
    path = os.path.join(folder, "liar.conf")
    no_secret = lie == "counts no request"
    with open(path, "w") as f:
        f.write(LIAR % ("" if no_secret else 'password = "canary-secret";'))
    done = subprocess.run(
        [program("wess-conform"), os.path.join(BUILD, "plugins", "example", "liar.so"), "--config",
         path, "--json"], text=True, capture_output=True, timeout=300,
        env=dict(os.environ, WESS_LIE=lie, ASAN_OPTIONS="detect_leaks=0"))
    assert done.returncode in (0, 1), f"{lie}: status {done.returncode}: {done.stderr}"
    cases = json.loads(done.stdout)["cases"]
    failed = [c for c in cases if c["result"] == "fail"]
    assert (done.returncode == 1) == bool(failed), f"{lie}: status {done.returncode}"
    for c in failed[:3]:
        print(f"     {c['case']}: {c['why'][:110]} [{c['clause']}]")
    return {c["clause"] for c in failed}


def test_liars(*args):
    right = 0
    with tempfile.TemporaryDirectory(prefix="wess-conform-") as folder:
        assert not caught("nothing", folder), "the example fails without a lie"
        for lie, clauses in LIES.items():
            by = caught(lie, folder)
            good = bool(by & set(clauses.split()))
            right += good
            print(f"{'ok  ' if good else 'FAIL'} {lie}: wanted {clauses}, caught by "
                  f"{' '.join(sorted(by)) or 'nothing'}", flush=True)
    print(f"figure conform_caught {right} of {len(LIES)}", flush=True)
    assert right == len(LIES), "a liar got through, or was not told why"


def test_words(*args):
    """The page for authors has every clause, the man page every option, each case a clause."""
    root = os.path.join(os.path.dirname(__file__), "..", "..")

    def ask(option):
        return subprocess.run([program("wess-conform"), option], text=True, capture_output=True,
                              check=True).stdout

    def read(path):
        with open(os.path.join(root, path)) as f:
            return f.read()

    page = read("docs/connector-author.md").lower()
    clauses = [line.split(None, 1) for line in ask("--clauses").splitlines()]
    for number, text in clauses:
        assert f"| {number} | {text.lower()} |" in page, f"the page lacks {number} {text}"
    names = set()
    for line in ask("--list").splitlines():
        name, number, text = line.split(None, 2)
        assert [number, text] in clauses, f"{name} is about no clause"
        assert name not in names, f"{name} twice"
        names.add(name)
    man = read("docs/man/wess-conform.1").replace("\\-", "-")
    for word in ask("--help").split():
        if word.startswith("--"):
            assert word.rstrip(".,") in man, f"the man page lacks {word}"
    example = read("sdk/example/memory.c").count("\n")
    assert example <= 150, "the example is too long to be read at one sitting"
    print(f"{len(names)} cases, {len(clauses)} clauses, an example of {example} lines")


def ask(*args, config=None, lie=""):
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
        f.write(config or "")
        f.flush()
        args += ("--config", f.name) if config is not None else ()
        return subprocess.run([program("wess-conform"), *args], text=True, capture_output=True,
                              env=dict(os.environ, WESS_LIE=lie), timeout=300)


def test_usage(*args):
    """What it is asked the wrong way, and what it must not do."""
    memory, liar = (os.path.join(BUILD, "plugins", "example", n) for n in ("memory.so", "liar.so"))
    good = MEMORY.format()
    for words, config, said in (
            ((), good, "one connector"),
            ((memory,), None, "--config"),
            ((memory, "--nonsense"), good, "unknown option"),
            ((memory, "--case", "nonsense"), good, "no case"),
            (("/nowhere.so",), good, "cannot open"),
            ((program("wess-conform"),), good, "wess-conform:"),
            ((memory, "--config", "/"), None, "/: not a file"),
            ((memory, "--config", "/nowhere.conf"), None, "/nowhere.conf: No such file"),
            ((memory,), "endpoint = {", "syntax error"),
            ((memory,), 'collection = "people";', "no endpoint"),
            ((memory,), "endpoint = {};", "no collection"),
            ((memory,), 'endpoint = { connector = "ews"; }; collection = "x";', ":1: "),
            ((memory,), 'endpoint = {};\ncolection = "x";', ":2: colection"),
            ((memory,), 'endpoint = { uri = "x"; }; collection = "x";', "no setting uri"),
            ((liar,), 'endpoint = { password = { file = "/nowhere"; }; }; collection = "x";',
             "password cannot be read")):
        done = ask(*words, config=config)
        assert done.returncode == 2 and said in done.stderr, (words, config, done)
        assert not done.stdout, done.stdout
    # Another collection than it has: told once, and nothing that needs one is run.
    done = ask(memory, config='endpoint = {}; collection = "others"; scratch = true;')
    assert done.returncode == 1 and done.stdout.count("not ok") == 1, done.stdout
    assert 'no collection "others"' in done.stdout and "contract 10.6" in done.stdout
    # Without the permission nothing is created.
    done = ask(memory, config='endpoint = {}; collection = "people";')
    assert done.returncode == 0 and done.stdout.count("scratch = true") > 40, done.stdout
    # A refused credential is not tried again.
    done = ask(liar, config=LIAR % 'password = "canary-secret";', lie="refused")
    assert done.returncode == 1 and "Bail out!" in done.stdout, done.stdout
    assert done.stdout.count("not ok") == 1, done.stdout
    done = ask(memory, "--case", "again.", config=good)
    assert done.returncode == 0 and "1..4" in done.stdout, done.stdout


def main():
    wanted = [a for a in sys.argv[1:] if not a.startswith("-")]
    args = [a for a in sys.argv[1:] if a.startswith("-")]
    failed = 0
    for name in wanted or ("words", "usage", "example", "folder", "mailbox", "liars", "exchange",
                           "workbooks"):
        try:
            globals()["test_" + name](*args)
            print(f"ok   {name}", flush=True)
        except AssertionError as error:
            failed += 1
            print(f"FAIL {name}: {error}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
