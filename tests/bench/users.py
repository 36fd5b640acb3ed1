"""Many users and all four kinds: a round in which nothing changed, by the preset, against the rehearsal
servers, each answering after 50 ms.

    ./run bench users      WESS_BENCH_USERS=500, and a tenth of them beside

Every figure is a line: figure NAME VALUE UNIT limit LIMIT ok|short
"""
import datetime
import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, os.path.join(here, "..", "e2e")]
from bench import figure, fell_short, load, peak_mib, run_measured, write_users, writes  # noqa: E402
from sandbox import Wess  # noqa: E402

USERS = int(os.environ.get("WESS_BENCH_USERS", "500"))
CONTACTS = 4
FOLDERS = 5  # contacts, tasks, the calendar, the inbox and what was sent
ROOM = "guard = {{ max_first = 100000; max_create = 100000; }}; first = {{ create = \"yes\"; }};"
CONFIG = """
site = "bench"; state_dir = "{dir}/state"; preset = "workbooks-exchange";
endpoints: {{
  exchange: {{ connector = "ews"; url = "{exchange}"; auth = "basic"; username = "EXAMPLE\\\\svc-wess";
    password = {{ file = "{dir}/exchange.secret"; }}; impersonate = "%{{user.mailbox}}";
    time_zone = "Europe/London"; }};
  crm: {{ connector = "workbooks"; url = "{workbooks}"; api_key = {{ file = "{dir}/workbooks.secret"; }}; }};
}};
pairs: {{ people: {{ {room} }}; tasks: {{ {room} }}; meetings: {{ {room} }}; mail: {{ {room} }}; }};
users: {{ source = {{ csv = "{dir}/users.csv"; }}; }};
daemon: {{ workers = 8; }};
http: {{ connect_timeout = "10s"; timeout = "60s"; }};
log: {{ file = "{dir}/log"; level = "warn"; }};
"""
SOON = (datetime.date.today() + datetime.timedelta(days=30)).isoformat()


def fill(box, i):
    tagged = {"categories": "Workbooks"}
    box.exchange("create", i, kind="Task", Subject=f"Task of {i}", DueDate=SOON + "T00:00:00Z", **tagged)
    box.exchange("create", i, kind="CalendarItem", Subject=f"Meeting of {i}", Start=SOON + "T09:00:00Z",
                 End=SOON + "T10:00:00Z", **tagged)
    box.exchange("mail", i, Subject=f"Mail of {i}", Body="Text", InternetMessageId=f"<m{i}@example.com>",
                 **tagged)


def held(box):
    return [sum(not r["is_deleted"] for r in box.workbooks("list", of=of)[of])
            for of in ("people", "tasks", "meetings", "emails")]


def quiet_round(users):
    with load(CONTACTS, users=users, delay=0) as box, Wess(box) as wess:
        wess.write("wess.conf", CONFIG.format(
            dir=wess.dir, exchange=box.info["exchange"]["url"], workbooks=box.info["workbooks"]["url"],
            room=ROOM.format()))
        for i in range(users):
            fill(box, i)
        for joined in list(range(50, users, 50)) + [users] * 3:  # in waves, as people do it
            write_users(wess, box, joined)
            run_measured(wess, "sync")
            box.move_clock(300)
        assert held(box) == [users * CONTACTS, users, users, users], held(box)
        box.fault("ews:*:*:delay=50,workbooks:*:*:delay=50")
        box.requests(reset=True)
        seconds, _ = run_measured(wess, "sync")
        asked = box.requests(reset=True)["by_op"]
        assert not writes({"by_op": asked}), asked
        box.clear_faults()
        peak = peak_mib(wess, "sync")
    print(f"     {users} users: {seconds:.2f} s, {peak:.0f} MiB, {asked}", flush=True)
    return seconds, peak, asked


def of_crm(asked):
    return sum(n for op, n in asked.items() if op.startswith("workbooks"))


def main():
    _, _, few = quiet_round(max(USERS // 10, 8))  # not fewer than workers, who ask what the CRM is
    seconds, peak, many = quiet_round(USERS)
    figure("users_round_seconds", seconds, "s", 120)
    figure("users_round_memory", peak, "MiB", 256)
    figure("users_requests_per_folder", many["ews:SyncFolderItems"] / USERS / FOLDERS, "requests", 1)
    figure("users_requests_beside", (sum(many.values()) - of_crm(many)) / USERS - FOLDERS, "requests", 4)
    figure("users_crm_requests", of_crm(many) - of_crm(few), "requests", 0)
    sys.exit(1 if fell_short() else 0)


if __name__ == "__main__":
    main()
