"""wess-conform on every connector of this build: the example, and those that speak to the rehearsal
servers. Its last lines are what a log needs: the cases of each, and that there are enough."""
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
collection = "contacts";
scratch = true;
"""
WORKBOOKS = """
endpoint = {{ connector = "workbooks"; url = "{workbooks[url]}";
  api_key = {{ file = "{dir}/secret"; }}; }};
collection = "people";
scratch = true;
avoid = [ "org" ];  # another record, which has to be there
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


def test_exchange(*args):
    for auth in ("basic", "ntlm"):
        with Sandbox(clock=False) as box:
            conform("ews.so", EXCHANGE, box.info, box.info["exchange"]["password"], *args,
                    auth=auth)


def test_workbooks(*args):
    with Sandbox(clock=False) as box:
        conform("workbooks.so", WORKBOOKS, box.info, box.info["workbooks"]["api_key"], *args)


def main():
    wanted = [a for a in sys.argv[1:] if not a.startswith("-")]
    args = [a for a in sys.argv[1:] if a.startswith("-")]
    failed = 0
    for name in ("example", "exchange", "workbooks"):
        if wanted and name not in wanted:
            continue
        try:
            globals()["test_" + name](*args)
            print(f"ok   {name}", flush=True)
        except AssertionError as error:
            failed += 1
            print(f"FAIL {name}: {error}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
