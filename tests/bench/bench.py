"""Speed and size of a first sync, beside a floor of plain curl in the same run.

Every figure is a line: figure NAME VALUE UNIT limit LIMIT ok|short
"""
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from sandbox import Sandbox, Wess, program  # noqa: E402

short = 0
PAIR = """first = { create = "yes"; }; guard = { max_first = 100000; max_create = 100000; };"""
SOAP = ('<?xml version="1.0" encoding="utf-8"?><soap:Envelope '
        'xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types" '
        'xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><soap:Header>'
        '<t:RequestServerVersion Version="Exchange2010_SP2"/></soap:Header><soap:Body>{}</soap:Body>'
        '</soap:Envelope>')
FACTS = "".join(f'<t:FieldURI FieldURI="{f}"/>' for f in (
    "item:ParentFolderId", "item:Sensitivity", "item:Categories", "item:LastModifiedTime",
    "contacts:DisplayName", "contacts:GivenName", "contacts:Surname", "contacts:EmailAddresses",
    "contacts:PhoneNumbers"))
MAIL_FACTS = "".join(f'<t:FieldURI FieldURI="{f}"/>' for f in (
    "item:ParentFolderId", "item:Sensitivity", "item:Categories", "item:LastModifiedTime",
    "item:DateTimeSent", "message:InternetMessageId"))
MORE = "".join(f'<t:FieldURI FieldURI="{f}"/>' for f in (
    "item:Body", "contacts:CompanyName", "contacts:JobTitle", "contacts:PhysicalAddresses"))


def figure(name, value, unit, limit, at_least=False):
    global short
    ok = value >= limit if at_least else value <= limit
    short += not ok
    shown = f"{value:.4g}" if value < 10000 else f"{value:.0f}"
    print(f"figure {name} {shown} {unit} limit {limit:g} {'ok' if ok else 'short'}", flush=True)


def fell_short():
    return short


def wess_command(wess, *args):
    return [program("wess"), *args, "--config", wess.config]


def run_measured(wess, *args):
    """Wall seconds and peak resident kilobytes of one run of the real program."""
    env = dict(os.environ, WESS_CLOCK_FILE=wess.box.clock_file)
    start = time.monotonic()
    child = subprocess.Popen(wess_command(wess, *args), env=env, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
    out, err = child.communicate()
    seconds = time.monotonic() - start
    if child.returncode not in (0, 1):
        sys.exit(f"wess {args}: {child.returncode}\n{out}{err}\n{wess.log_tail()}")
    return seconds, out


class Measured:
    """One run of a program: wall and CPU seconds, and its own peak, read while it runs (a child's
    ru_maxrss begins with its parent's)."""

    def __init__(self, command, good=(0,), env=None):
        start = time.monotonic()
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                 env=env)
        self.peak = 0
        watching = threading.Thread(target=self.watch, args=(child.pid,))
        watching.start()
        out = child.stdout.read()
        watching.join()
        _, status, usage = os.wait4(child.pid, 0)
        self.seconds = time.monotonic() - start
        self.cpu = usage.ru_utime + usage.ru_stime
        if os.waitstatus_to_exitcode(status) not in good:
            sys.exit(f"{command[0]}: {os.waitstatus_to_exitcode(status)}\n{out[-4000:]}")

    def watch(self, pid):
        while True:
            with open(f"/proc/{pid}/status") as f:
                found = re.search(r"VmHWM:\s*(\d+) kB", f.read())
            if not found:  # it has ended, and waits for us
                return
            self.peak = max(self.peak, int(found.group(1)) / 1024)
            time.sleep(0.005)


def peak_mib(wess, *args):
    env = dict(os.environ, WESS_CLOCK_FILE=wess.box.clock_file)
    return Measured(wess_command(wess, *args), (0, 1), env).peak


class Floor:
    """The least that must go over the wire, by plain curl."""

    def __init__(self, box):
        self.box = box
        self.dir = tempfile.mkdtemp(prefix="wess-floor-")
        self.auth = ["-u", "EXAMPLE\\svc-wess:" + box.info["exchange"]["password"]]

    def file(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def exchange(self, name, body):
        head = ("<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>"
                f"{self.box.mailbox()}</t:PrimarySmtpAddress></t:ConnectingSID>"
                "</t:ExchangeImpersonation>")
        text = SOAP.format(body).replace("</soap:Header>", head + "</soap:Header>")
        return ["--data-binary", "@" + self.file(name, text), "-o",
                os.path.join(self.dir, name + ".out"), self.box.info["exchange"]["url"]]

    def curl(self, *parts):
        """One curl, several requests one after the other on one connection."""
        command = ["curl", "-sS", "--basic"]
        for i, part in enumerate(parts):
            command += ([] if i == 0 else ["--next", "-sS", "--basic"]) + self.auth + [
                "-H", "Content-Type: text/xml; charset=utf-8"] + part
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def sync_pages(self, n, folder="contacts", facts=FACTS):
        state, ids = None, []
        for i in range(n):
            body = ("<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>"
                    f"<t:AdditionalProperties>{facts}</t:AdditionalProperties></m:ItemShape>"
                    f'<m:SyncFolderId><t:DistinguishedFolderId Id="{folder}"/></m:SyncFolderId>' +
                    (f"<m:SyncState>{state}</m:SyncState>" if state else "") +
                    "<m:MaxChangesReturned>512</m:MaxChangesReturned></m:SyncFolderItems>")
            self.curl(self.exchange("sync", body))
            with open(os.path.join(self.dir, "sync.out")) as f:
                text = f.read()
            state = re.search("<m:SyncState>([^<]*)<", text).group(1)
            ids += re.findall('<t:ItemId Id="([^"]*)"', text)
        return ids

    # Where it lies is asked of the listing alone.
    WHOLE = ("<t:BaseShape>IdOnly</t:BaseShape><t:BodyType>Text</t:BodyType><t:AdditionalProperties>"
             + FACTS.replace('<t:FieldURI FieldURI="item:ParentFolderId"/>', "") + MORE +
             "</t:AdditionalProperties>")

    def get_items(self, ids, lane, shape=WHOLE):
        parts = []
        for i in range(0, len(ids), 200):
            items = "".join(f'<t:ItemId Id="{x}"/>' for x in ids[i:i + 200])
            body = (f"<m:GetItem><m:ItemShape>{shape}</m:ItemShape><m:ItemIds>{items}</m:ItemIds>"
                    "</m:GetItem>")
            parts.append(self.exchange(f"get{lane}-{i}", body))
        if parts:
            self.curl(*parts)

    def batches(self, n, each):
        import urllib.parse
        parts, key = [], self.box.info["workbooks"]["api_key"]
        for b in range(n):
            pairs = [("_method", "PUT"), ("client", "api"), ("api_key", key),
                     ("_per_object_transactions", "true"), ("_fm", "or"), ("_ff[]", "id"),
                     ("_ft[]", "eq"), ("_fc[]", "0")]
            for i in range(each):
                k = b * each + i
                pairs += [("__method[]", "POST"), ("id[]", "0"), ("lock_version[]", "0"),
                          ("name[]", f"Floor {k}"), ("person_first_name[]", "Floor"),
                          ("person_last_name[]", str(k)), ("person_job_title[]", "Engineer"),
                          ("main_location[email][]".replace("[email][]", "[email]") + "[]",
                           f"floor.{k}@load.example"),
                          ("main_location[telephone][]", f"+44 20 7{k:06d}"),
                          ("main_location[mobile][]", f"+44 77{k:08d}"),
                          ("main_location[street_address][]", "1 High Street"),
                          ("main_location[town][]", "London"), ("main_location[postcode][]", "LS1 1AB"),
                          ("main_location[country][]", "United Kingdom"),
                          ("created_through_reference[]", f"floor{k}")]
            path = self.file(f"batch{b}", urllib.parse.urlencode(pairs))
            parts.append(["--data-binary", "@" + path, "-o", os.path.join(self.dir, "batch.out"),
                          self.box.info["workbooks"]["url"] + "crm/people.api"])
        command = ["curl", "-sS"]
        for i, part in enumerate(parts):
            command += ([] if i == 0 else ["--next", "-sS"]) + part
        return lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def seconds(self, contacts):
        send = self.batches(contacts // 100, 100)  # bodies are made before the clock starts
        start = time.monotonic()
        ids = self.sync_pages(-(-contacts // 512))
        lanes = [threading.Thread(target=self.get_items, args=(
            [x for i in range(lane, len(ids), 800) for x in ids[i:i + 200]], lane))
            for lane in range(0, 800, 200)]
        for t in lanes:
            t.start()
        for t in lanes:
            t.join()
        send()
        return time.monotonic() - start


def load(contacts, users=1, delay=50):
    return Sandbox("--data", "load", "--contacts", str(contacts), "--users", str(users),
                   "--employers", "200", "--delay", str(delay))


def first_sync(contacts):
    with load(contacts) as box:
        floor = Floor(box).seconds(contacts)
    with load(contacts) as box, Wess(box, pair=PAIR, level="warn") as wess:
        write_users(wess, box, 1)
        box.requests(reset=True)
        seconds, _ = run_measured(wess, "sync")
        counted = box.requests(reset=True)
        assert len(box.people()) == contacts, len(box.people())
        print(f"# floor {floor:.2f} s, first sync {seconds:.2f} s, {counted['by_op']}")
        figure("first_sync_requests", counted["total"], "requests", 150)
        figure("first_sync_wall_to_floor", seconds / floor, "x", 1.4)
        box.move_clock(5)
        run_measured(wess, "sync")
        counted = box.requests(reset=True)
        figure("second_run_requests", counted["total"], "requests", 60)
        figure("second_run_writes", writes(counted), "requests", 0)
        box.move_clock(70)
        run_measured(wess, "sync")
        counted = box.requests(reset=True)
        figure("third_run_requests", counted["total"], "requests", 6)


def writes(counted):
    return sum(n for op, n in counted["by_op"].items() if re.search("Create|Update|Delete|PUT", op))


def write_users(wess, box, n):
    wess.write("users.csv", "\n".join(["id,name,mailbox,workbooks,wave"] + [
        f"u{i + 1},{m['name']},{m['address']},{m['name']},pilot"
        for i, m in enumerate(box.info["exchange"]["mailboxes"][:n])]) + "\n")


def memory():
    peaks = {}
    for contacts in (500, 5000):
        with load(contacts, delay=0) as box, Wess(box, pair=PAIR, level="warn") as wess:
            peaks[contacts] = peak_mib(wess, "sync")
    figure("peak_memory_500", peaks[500], "MiB", 32)
    figure("peak_memory_5000", peaks[5000], "MiB", 32)
    figure("peak_memory_growth", peaks[5000] - peaks[500], "MiB", 6)
    with load(1000, users=8, delay=0) as box, Wess(box, pair=PAIR, level="warn", workers=8) as wess:
        figure("peak_memory_8_users", peak_mib(wess, "sync"), "MiB", 48)


def start_up():
    with load(10, delay=0) as box, Wess(box, pair=PAIR) as wess:
        for name, args, limit in (("version", ["--version"], 10), ("check", ["check"], 50)):
            times = []
            for _ in range(15):
                start = time.monotonic()
                subprocess.run(wess_command(wess, *args), stdout=subprocess.DEVNULL, check=True)
                times.append((time.monotonic() - start) * 1000)
            figure(f"start_{name}", sorted(times)[len(times) // 2], "ms", limit)


if __name__ == "__main__":
    parts = {"first": lambda: first_sync(5000), "memory": memory, "start": start_up}
    for part in sys.argv[1:] or parts:
        parts[part]()
    print(f"{short} figures short of their limit")
    sys.exit(1 if short else 0)
