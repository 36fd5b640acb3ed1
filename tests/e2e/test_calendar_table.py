"""tests/data/calendar-cases.txt: every case from a folder to the rehearsal Exchange and from there to
another folder. The instants of the table are compared with what Exchange's CalendarView shows, and
with what libical alone makes of the file that was written last, and of the first one."""
import base64
import calendar
import datetime
import os
import re
import subprocess
import types
import urllib.request
import zoneinfo

from sandbox import Sandbox, Wess, main, program
from test_calendars import Calendars

HOME = "Europe/Berlin"
TABLE = os.path.join(os.path.dirname(__file__), "..", "data", "calendar-cases.txt")
VIEW = """<?xml version="1.0" encoding="utf-8"?>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"
 xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><s:Header>
<t:RequestServerVersion Version="Exchange2010_SP2"/><t:ExchangeImpersonation><t:ConnectingSID>
<t:PrimarySmtpAddress>{mailbox}</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>
</s:Header><s:Body><m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>Default</t:BaseShape>
</m:ItemShape><m:CalendarView StartDate="{start}" EndDate="{end}"/><m:ParentFolderIds>
<t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds></m:FindItem></s:Body></s:Envelope>"""


def instant(text):
    if len(text) == 10:  # a day, where the mailbox's owner lives
        day = datetime.datetime.fromisoformat(text).replace(tzinfo=zoneinfo.ZoneInfo(HOME))
        return int(day.timestamp())
    return calendar.timegm(datetime.datetime.fromisoformat(text).timetuple())


def new_part():
    return types.SimpleNamespace(lines=[], more=[], at=[])


def read_table():
    cases = []
    with open(TABLE) as f:
        for line in f.read().splitlines():
            if not line or line.startswith("#"):
                continue
            if line.startswith("["):
                cases.append(types.SimpleNamespace(name=line[1:-1], flags=set(), zone=[],
                                                   window=None, parts=[new_part()]))
                continue
            case = cases[-1]
            part = case.parts[-1]
            if line == "then":
                case.parts.append(new_part())
            elif line.startswith("! "):
                case.flags.add(line[2:])
            elif line.startswith("@ "):
                case.window = line.split()[1:]
            elif line.startswith("Z "):
                case.zone.append(line[2:])
            elif line.startswith("= "):
                part.at += [instant(t) for t in line.split()[1:]]
            elif line.startswith("+ "):
                part.more.append(line[2:])
            else:
                part.lines.append(line)
    return cases


def text_of(case, part):
    head = [f"UID:{case.name}@x", "DTSTAMP:20260101T000000Z", f"SUMMARY:{case.name}"]
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Table//EN", *case.zone, "BEGIN:VEVENT",
             *head, *part.lines, "END:VEVENT"]
    for line in part.more:
        if line.startswith("RECURRENCE-ID"):
            lines += ["BEGIN:VEVENT", *head]
        lines.append(line)
        if line.startswith("DURATION"):
            lines.append("END:VEVENT")
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


def window_of(case, part):
    if case.window:
        return [calendar.timegm(datetime.date.fromisoformat(d).timetuple()) for d in case.window]
    return min(part.at) - 86400, max(part.at) + 40 * 86400


def iso(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def seen_by_exchange(box, window):
    """Summary to the instants at which something of that name begins."""
    e = box.info["exchange"]
    body = VIEW.format(mailbox=box.mailbox(0), start=iso(window[0]), end=iso(window[1]))
    sign = base64.b64encode(f"{e['username']}:{e['password']}".encode()).decode()
    asked = urllib.request.Request(e["url"], body.encode(), {
        "Content-Type": "text/xml; charset=utf-8", "Authorization": "Basic " + sign})
    with urllib.request.urlopen(asked) as answer:
        text = answer.read().decode()
    assert "NoError" in text, text[:600]
    found = {}
    for item in re.findall("<t:CalendarItem>.*?</t:CalendarItem>", text, re.S):
        name = re.search("<t:Subject>(.*?)</t:Subject>", item).group(1)
        start = re.search("<t:Start>(.*?)Z</t:Start>", item).group(1)
        found.setdefault(name, []).append(instant(start))
    return found


def seen_by_libical(folder):
    """File to instants."""
    files = [os.path.join(folder, n) for n in sorted(os.listdir(folder))]
    done = subprocess.run([program("wess-test-instants"), HOME, *files], text=True,
                          capture_output=True)
    found = {}
    for line in done.stdout.splitlines():
        name, when = line.rsplit(" ", 1)
        found.setdefault(name, []).append(instant(when) if "-" in when[1:] else int(when))
    return found


class Back(Calendars):
    """The same mailbox, and a folder that has nothing yet."""


def names_in(folder):
    out = {}
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), newline="") as f:
            text = f.read().replace("\r\n ", "")
        out[re.search("SUMMARY:(.*?)\r\n", text).group(1)] = name
    return out


def compare(wrong, case, what, want, got, window):
    got = sorted(t for t in got if window[0] <= t < window[1])
    if sorted(want) != got:
        wrong.append(f"{case.name}: {what}: {[iso(t) for t in got]} not {[iso(t) for t in sorted(want)]}")


def same_words(wrong, case, first, last):
    """The clocks and the rule are told as they were."""
    words = [re.findall(r"(?:DTSTART|EXDATE)[^:]*:\d{8}T\d{6}\r|COUNT=\d+", re.sub(
        "BEGIN:VTIMEZONE.*END:VTIMEZONE", "", t, flags=re.S)) for t in (first, last)]
    if sorted(words[0]) != sorted(words[1]):
        wrong.append(f"{case.name}: {words[1]} not {words[0]}")


def check(box, there, back, cases, step):
    wrong = []
    first, last = (seen_by_libical(w.path("")) for w in (there, back))
    names = names_in(back.path(""))
    views = {}
    for case in cases:
        part = case.parts[min(step, len(case.parts) - 1)]
        window = window_of(case, part)
        key = tuple(window)
        if key not in views:
            views[key] = seen_by_exchange(box, window)
        compare(wrong, case, "in Exchange", part.at, views[key].get(case.name, []), window)
        if "not libical" in case.flags:
            same_words(wrong, case, there.text(case.name + ".ics"), back.text(names[case.name]))
            continue
        if not case.flags & {"first not libical", "refused"}:
            compare(wrong, case, "of the first file", part.at, first.get(case.name + ".ics", []), window)
        compare(wrong, case, "of the file that came back", part.at,
                last.get(names.get(case.name), []), window)
    return wrong


def test_table():
    cases = read_table()
    changing = [c for c in cases if len(c.parts) > 1]
    with Sandbox("--data", "empty") as box, Calendars("event", box) as there, Back("event", box) as back:
        for case in cases:
            there.put(case.name + ".ics", text_of(case, case.parts[0]))
        there.settle()
        back.settle()
        wrong = check(box, there, back, cases, 0)
        parked = {p["title"]: p for p in there.json("parked", "list", check=(0, 1))["parked"]}
        refused = {c.name for c in cases if "refused" in c.flags}
        if set(parked) != refused:
            wrong.append(f"parked: {sorted(parked)} not {sorted(refused)}")
        for case in changing:
            there.put(case.name + ".ics", text_of(case, case.parts[1]))
        there.settle()
        back.settle()
        wrong += check(box, there, back, cases, 1)
        sent = box.exchange("outbox")["sent"]
    print(f"     {len(cases)} cases, {len(changing)} of them edited between two runs, "
          f"{sum(len(p.at) for c in cases for p in c.parts)} instants")
    print(f"figure calendar_cases {len(cases)}")
    assert not wrong, "\n" + "\n".join(wrong)
    assert sent == 0 and len(cases) >= 60


def test_the_second_of_an_hour_that_comes_twice():
    """In Berlin the clocks show 02:30 at 00:30Z and at 01:30Z of 2026-10-25."""
    zone = "W. Europe Standard Time"
    with Sandbox("--data", "empty") as box, Calendars("event", box) as wess:
        for hour in ("00", "01"):
            box.exchange("create", 0, kind="CalendarItem", Subject="at " + hour, StartTimeZone=zone,
                         EndTimeZone=zone, Start=f"2026-10-25T{hour}:30:00Z",
                         End="2026-10-25T03:00:00Z")
        wess.settle()
        found = seen_by_libical(wess.path(""))
        assert found[wess.with_summary("at 01")[0]] == [instant("2026-10-25T01:30")], found
        text = wess.with_summary("at 00")[1]
        assert "DTSTART;TZID=Europe/Berlin:20261025T023000\r\n" in text, text


if __name__ == "__main__":
    main(globals(), mails=0)
