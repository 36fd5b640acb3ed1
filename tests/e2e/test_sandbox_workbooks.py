"""The rehearsal Workbooks, point by point, against what is known of the real one. Each row names a
sentence of the reference (WESS_SHARED/reference/workbooks.md) that it rests on, which has to be
there; without the reference the rows run all the same."""
import json
import os
import urllib.error
import urllib.parse
import urllib.request

from sandbox import Sandbox, main

REFERENCE = os.path.join(os.environ.get("WESS_SHARED", ""), "reference", "workbooks.md")


class Client:
    """Speaks the API by itself: what is asked is in the rows."""

    def __init__(self, box):
        self.box = box
        self.url = box.info["workbooks"]["url"]
        self.key = box.info["workbooks"]["api_key"]

    def ask(self, path, method, *fields, **headers):
        form = [("_method", method), ("client", "api"), ("api_version", "1"),
                ("api_key", self.key), *fields]
        request = urllib.request.Request(self.url + path, urllib.parse.urlencode(form).encode(),
                                         {"User-Agent": "table", **headers})
        try:
            with urllib.request.urlopen(request) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return {"status": error.code, **json.loads(error.read() or "{}")}

    def list(self, path, *fields):
        return self.ask(path, "GET", ("_start", "0"), ("_limit", "100"),
                        ("_strict_attribute_checking", "true"), *fields)

    def rows(self, path, *fields):
        return self.list(path, *fields)["data"]

    def change(self, path, *records, strict="true", each="true"):
        """Records as dicts with the same keys: a square array behind its filter."""
        fields = [("_fm", "or"), ("_strict_attribute_checking", strict)]
        if each:
            fields.append(("_per_object_transactions", each))
        for r in records:
            fields += [("_ff[]", "id"), ("_ft[]", "eq"), ("_fc[]", str(r.get("id", 0)))]
        for r in records:
            fields += [("__method[]", r.get("method", "POST")), ("id[]", str(r.get("id", 0))),
                       ("lock_version[]", str(r.get("lock", 0)))]
            fields += [(f"{k}[]", v) for k, v in r.items() if k not in ("method", "id", "lock")]
        return self.ask(path, "PUT", *fields)

    def make(self, path, **fields):
        answer = self.change(path, fields)
        assert answer["affected_object_information"][0]["success"], answer
        return answer["affected_objects"][0]

    def upload(self, path, *records):
        """As change(), in a multipart form: a value (name, type, bytes) is a file."""
        mark, body = "form-data-77aa", b""
        fields = [("_method", "PUT"), ("api_key", self.key), ("_fm", "or"),
                  ("_strict_attribute_checking", "true"), ("_per_object_transactions", "true")]
        for r in records:
            fields += [("_ff[]", "id"), ("_ft[]", "eq"), ("_fc[]", str(r.get("id", 0)))]
        for r in records:
            fields += [("__method[]", r.get("method", "POST")), ("id[]", str(r.get("id", 0))),
                       ("lock_version[]", str(r.get("lock", 0)))]
            fields += [(f"{k}[]", v) for k, v in r.items() if k not in ("method", "id", "lock")]
        for name, value in fields:
            body += f'--{mark}\r\nContent-Disposition: form-data; name="{name}"'.encode()
            if isinstance(value, tuple):
                body += f'; filename="{value[0]}"\r\nContent-Type: {value[1]}'.encode()
                value = value[2]
            body += b"\r\n\r\n" + (value if isinstance(value, bytes) else str(value).encode()) + b"\r\n"
        request = urllib.request.Request(
            self.url + path, body + f"--{mark}--\r\n".encode(),
            {"User-Agent": "table", "Content-Type": f"multipart/form-data; boundary={mark}"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def download(self, file):
        form = urllib.parse.urlencode([("_method", "GET"), ("api_key", self.key)]).encode()
        request = urllib.request.Request(f"{self.url}upload_files/{file}/download.api", form,
                                         {"User-Agent": "table"})
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            return error.code

    def refused(self, path, **fields):
        answer = self.change(path, fields)
        info = answer["affected_object_information"][0]
        assert not info["success"], answer
        return info["errors"]


TASKS, MEETINGS, EMAILS = "activity/tasks.api", "activity/meetings.api", "email/emails.api"
LINKS, PEOPLE = "activity/activity_links.api", "crm/people.api"


def a_day_and_a_time(c):
    task = c.make(TASKS, name="a", due="2026-12-01")
    assert task["due"] == "2026-12-01,0,Europe/London", task
    task = c.make(TASKS, name="b", due="2026-12-01T09:00:00.000Z")
    assert task["due"] == "2026-12-01T09:00:00.000Z,1,Europe/London", task


def twins(c):
    task = c.make(TASKS, name="a", due="2026-12-01T09:00:00.000Z")
    assert task["due_date"] == "2026-12-01" and "09:00:00" in task["due_datetime"], task


def one_of_three(c):
    assert "due" in str(c.refused(TASKS, name="a", due="2026-12-01", due_date="2026-12-01"))


def invented_time(c):
    day = c.make(TASKS, name="a", due="2026-12-01")
    assert day["due_datetime"] and day["due"].split(",")[1] == "0", day


def naive(c):
    assert c.make(TASKS, name="a", due="2026-07-01 10:30")["due"].startswith("2026-07-01T09:30")


def all_day_loses(c):
    lost = c.make(TASKS, name="a", due="2026-12-01T09:00:00.000Z", all_day="true")
    assert lost["due"] == "2026-12-01,0,Europe/London", lost


def scheduled_follow_due(c):
    task = c.make(TASKS, name="a", due="2026-12-01")
    assert task["scheduled_start"] == task["due"] == task["scheduled_finish"], task


def read_only_results(c):
    assert c.refused(TASKS, name="a", duration="5") and c.refused(MEETINGS, name="a", scheduled_start="x")


def true_words(c):
    for word in ("true", "t", "on", "1", "yes", "y"):
        assert c.make(TASKS, name="a", all_day=word)["all_day"] is True
    assert c.make(TASKS, name="a", all_day="ja")["all_day"] is False


def epoch_input(c):
    at = c.make(TASKS, name="a", reminder_datetime="1796115600")["reminder_datetime"]
    assert at == "Tue Dec 01 09:00:00 UTC 2026", at


def asked_format(c):
    c.make(TASKS, name="a")
    row = c.rows(TASKS, ("_json_output_datetime_format", "%s"))[0]
    assert row["updated_at"].isdigit(), row


def unknown_names(c):
    for name in ("location", "attendees", "recurrence", "show_as", "private", "organizer"):
        assert c.refused(MEETINGS, name="a", **{name: "x"})
        assert not c.list(MEETINGS, ("_select_columns[]", name))["success"]


def unknown_mail_names(c):
    for name in ("message_id", "person_id", "resource_id"):
        assert c.refused(EMAILS, rfc822="A: b", status="DRAFT", **{name: "x"})


def words_of_lists(c):
    for name, word in (("activity_status", "Complete"), ("activity_priority", "High"),
                       ("activity_type", "To-do")):
        assert c.make(TASKS, name="a", **{name: word})[name] == word
        assert c.refused(TASKS, name="a", **{name: "Whatever"})


def queues_apart(c):
    people = {r["id"] for r in c.rows("crm/person_queues.api")}
    acts = {r["id"] for r in c.rows("activity/activity_queues.api")}
    assert people and acts and not people & acts


def default_assignee(c):
    mine = c.make(TASKS, name="a")["assigned_to"]
    names = {r["id"]: r["name"] for r in c.rows("activity/activity_queues.api")}
    assert names[mine] == "WESS service", names


def every_record(c):
    for path, more in ((TASKS, {"name": "a"}), (MEETINGS, {"name": "a"}),
                       (EMAILS, {"rfc822": "A: b", "status": "DRAFT"})):
        row = c.make(path, created_through_reference="mine", **more)
        assert row["created_through_reference"] == "mine" and row["object_ref"].endswith(
            "-%d" % row["id"]) and row["type"].startswith("Private::"), row
        for name in ("updated_at", "created_at", "is_deleted", "_can_modify", "lock_version"):
            assert name in row, (path, name)


def statuses(c):
    for status in ("DRAFT", "SENT"):
        assert c.make(EMAILS, rfc822="A: b", status=status)["status"] == status
    assert c.refused(EMAILS, rfc822="A: b", status="RECEIVED")


def a_link(c):
    task, person = c.make(TASKS, name="a"), c.make(PEOPLE, name="Ada")
    row = c.make(LINKS, activity_id=str(task["id"]), activity_type=task["type"],
                 resource_id=str(person["id"]), resource_type=person["type"])
    assert row["activity_id"] == task["id"] and row["resource_id"] == person["id"], row
    found = c.rows(LINKS, ("_ff[]", "activity_id"), ("_ft[]", "eq"), ("_fc[]", str(task["id"])))
    assert len(found) == 1, found


def stale(c):
    task = c.make(TASKS, name="a")
    info = c.change(TASKS, {"method": "PUT", "id": task["id"], "lock": 7, "name": "b"})
    assert "already been updated elsewhere" in str(info["affected_object_information"]), info


def nothing_changed(c):
    task = c.make(TASKS, name="a", due="2026-12-01")
    again = c.change(TASKS, {"method": "PUT", "id": task["id"], "lock": 0, "due": "2026-12-01"})
    assert again["affected_objects"] == [{"id": task["id"], "lock_version": 0}], again


def keep_and_clear(c):
    task = c.make(TASKS, name="a", due="2026-12-01", description="b")
    c.change(TASKS, {"method": "PUT", "id": task["id"], "lock": 0, "due": ":null_value:",
                     "description": ":no_value:"})
    row = c.rows(TASKS)[0]
    assert row["due"] is None and row["description"], row


def deleted_are_hidden(c):
    task = c.make(TASKS, name="a")
    c.change(TASKS, {"method": "DELETE", "id": task["id"], "lock": 0})
    assert not c.rows(TASKS)
    both = [("_ff[]", "is_deleted"), ("_ft[]", "true"), ("_fc[]", ""), ("_ff[]", "is_deleted"),
            ("_ft[]", "false"), ("_fc[]", ""), ("_fm", "or")]
    assert len(c.rows(TASKS, *both)) == 1


def hidden_leave_no_trace(c):
    task = c.make(TASKS, name="a")
    c.box.workbooks("hide", of="tasks", id=task["id"])
    both = [("_ff[]", "is_deleted"), ("_ft[]", "true"), ("_fc[]", ""), ("_ff[]", "is_deleted"),
            ("_ft[]", "false"), ("_fc[]", ""), ("_fm", "or")]
    assert not c.rows(TASKS, *both)
    answer = c.change(TASKS, {"method": "PUT", "id": task["id"], "lock": 0, "name": "b"})
    assert not answer["affected_object_information"][0]["success"], answer
    c.box.workbooks("hide", of="tasks", id=task["id"], on=0)
    rows = c.rows(TASKS)
    assert [(r["name"], r["lock_version"]) for r in rows] == [("a", 0)], rows


def not_square(c):
    answer = c.ask(TASKS, "PUT", ("_fm", "or"), ("_ff[]", "id"), ("_ft[]", "eq"), ("_fc[]", "0"),
                   ("__method[]", "POST"), ("id[]", "0"), ("lock_version[]", "0"),
                   ("name[]", "a"), ("name[]", "b"))
    assert not answer["success"], answer


def too_many(c):
    assert not c.change(TASKS, *[{"name": str(i)} for i in range(101)])["success"]
    assert c.change(TASKS, *[{"name": str(i)} for i in range(100)])["success"]


def all_or_nothing(c):
    c.change(TASKS, {"name": "a", "due": "2026-12-01"}, {"name": "b", "due": "nonsense"}, each=None)
    assert not c.rows(TASKS)
    c.change(TASKS, {"name": "a", "due": "2026-12-01"}, {"name": "b", "due": "nonsense"})
    assert len(c.rows(TASKS)) == 1


def metadata(c):
    rows = c.ask("metadata/types.api", "GET", ("class_names[]", "Private::Activity::Task"),
                 ("_select_columns[]", "class_name"), ("_select_columns[]", "controller_path"),
                 ("_select_columns[]", "fields"))["data"]
    assert len(rows) == 1 and set(rows[0]) == {"class_name", "controller_path", "fields"}, rows
    status = [f for f in rows[0]["fields"] if f["name"] == "activity_status"][0]
    for name in ("title", "datatype", "required", "is_createable", "is_updateable",
                 "is_filterable", "is_nullable"):
        assert name in status, name
    entries = c.ask("picklist_data/Private_PicklistEntry/id/value.api", "GET",
                    ("picklist_id", str(status["picklist"]["picklist_id"])))["data"]
    assert [e["value"] for e in entries] == ["New", "Complete"], entries


def reports(c):
    number = c.box.workbooks("report", name="Exchange Sync", ids="7,5", column="person_id")["id"]
    sort = ("_sort[]", "person_id"), ("_dir[]", "ASC")
    for path in ("data_view/Exchange%20Sync.api", f"data_view/{number}/data.api"):
        answer = c.list(path, *sort)
        assert answer["total"] == 2 and [r["person_id"] for r in answer["data"]] == [5, 7], answer
        assert not c.list(path, ("_sort[]", "persn_id"))["success"]
        assert not c.ask(path, "GET")["success"]
    for path in ("data_view/Exchange.api", "data_view/1/data.api"):
        try:
            c.ask(path, "GET")
            raise AssertionError(path)
        except ValueError:  # a page, and no JSON
            pass


NOTES, ATTACH, FILES = "notes.api", "resource_upload_files.api", "upload_files.api"
DATA = b"a\0b\r\n--c\r\n"


def a_note(c, path=TASKS, kind="Private::Activity::Task"):
    record = c.make(path, name="a")
    return record, c.make(NOTES, resource_id=str(record["id"]), resource_type=kind, subject="Files", text="x")


def on_note(note, name="a.txt", data=DATA, **more):
    return {"resource_id": note["id"], "resource_type": "Private::Note",
            "resource_attribute": "upload_files", "upload_file[data]": (name, "text/plain", data), **more}


def notes(c):
    record, note = a_note(c)
    rows = c.rows(NOTES, ("_ff[]", "resource_id"), ("_ft[]", "eq"), ("_fc[]", str(record["id"])))
    assert [r["id"] for r in rows] == [note["id"]] and rows[0]["text"], rows
    assert c.refused(NOTES, resource_id="1", resource_type="Private::Activity::Task")
    c.change(TASKS, {"method": "DELETE", "id": record["id"], "lock": 0})
    assert not c.rows(NOTES)


def uploads(c):
    note = a_note(c)[1]
    made = c.upload(ATTACH, on_note(note), on_note(note, "Байкал, O'Reilly", b""))
    a, b = made["affected_objects"]
    assert a["upload_file_id"] == a["upload_file[id]"] and a["upload_file[lock_version]"] == 0, a
    rows = c.rows(ATTACH, ("_ff[]", "resource_id"), ("_ft[]", "eq"), ("_fc[]", str(note["id"])))
    assert [r["upload_file[file_name]"] for r in rows] == ["a.txt", "Байкал, O'Reilly"], rows
    assert c.download(a["upload_file_id"]) == DATA and c.download(b["upload_file_id"]) == b""
    assert c.download(99) == 404


def upload_columns(c):
    c.upload(ATTACH, on_note(a_note(c)[1]))
    row = c.rows(FILES)[0]
    assert (row["file_name"], row["file_content_type"], row["file_size"]) == ("a.txt", "text/plain", len(DATA))


def replaced_files(c):
    file = c.upload(ATTACH, on_note(a_note(c)[1]))["affected_objects"][0]["upload_file_id"]
    new = {"method": "PUT", "id": file, "lock": 0, "data": ("b.txt", "text/html", b"other")}
    assert c.upload(FILES, new)["affected_objects"][0]["lock_version"] == 1
    assert c.download(file) == b"other" and c.rows(FILES)[0]["file_name"] == "b.txt"
    assert not c.upload(FILES, new)["affected_object_information"][0]["success"]
    c.change(FILES, {"method": "DELETE", "id": file, "lock": 1})
    assert not c.rows(FILES) and not c.rows(ATTACH) and c.download(file) == 404
    assert c.refused(FILES, data="x")


def on_notes_alone(c):
    task = a_note(c)[0]
    bad = on_note(task, resource_type="Private::Activity::Task")
    assert not c.upload(ATTACH, bad)["affected_object_information"][0]["success"]
    assert c.refused(ATTACH, **{**on_note(a_note(c)[1]), "upload_file[data]": "upload:0"})


def forms(c):
    c.upload(ATTACH, on_note(a_note(c)[1]))
    assert len(c.rows(FILES)) == 1


def without_key(c):
    c.key = "wrong"
    assert c.list(TASKS)["status"] == 401


ROWS = [
    ("date) or `2026-12-01T09:00:00.000Z,1,Europe/London` (time)", a_day_and_a_time),
    ("Each var_date_time field X also appears as `X_date` and `X_datetime`", twins),
    ("but set only **one** of the three in a request", one_of_three),
    ("Reading `X_datetime` of a date-only value invents a time", invented_time),
    ("Naive input such as `2026-12-01 10:30` is taken in the user's zone", naive),
    ("If times are given, `all_day` must be false or the time is lost", all_day_loses),
    ("If `start`/`finish` are unset, the scheduled ones follow `due`", scheduled_follow_due),
    ("read-only results `scheduled_start`, `scheduled_finish`, `duration`", read_only_results),
    ("input `true t on 1 yes y` = true, all else false", true_words),
    ("Input accepts the default forms and epoch integers", epoch_input),
    ("Set `_json_output_datetime_format=%s` to get epoch seconds", asked_format),
    ("Meeting location, attendee list, organiser, recurrence, show-as, private flag: names UNKNOWN",
     unknown_names),
    ("how a mail is related to people, are UNKNOWN", unknown_mail_names),
    ("`activity_status` (New, Complete; configurable picklist", words_of_lists),
    ("each user has one queue per record family", queues_apart),
    ("Default assignee of a created task is the session's user", default_assignee),
    ("`created_through_reference` (free text for the other system's id)", every_record),
    ("`status` seen: `DRAFT`, `SEND`", statuses),
    ("**Activity link**: `activity_id`, `activity_type` (class name), `resource_id`", a_link),
    ('text contains "already been updated elsewhere"', stale),
    ("An update that changes nothing succeeds, returns just `id` and `lock_version`",
     nothing_changed),
    ("`:no_value:` = leave alone; `:null_value:` = set null", keep_and_clear),
    ("Default lists hide deleted records", deleted_are_hidden),
    ("A record whose permissions were taken away looks exactly like a deleted one", hidden_leave_no_trace),
    ("Parameters form a *square array*", not_square),
    ("Documented limit 100 records per request", too_many),
    ("with `_per_object_transactions` each record stands alone", all_or_nothing),
    ("`metadata/types.api` with `class_names[]` and `_select_columns[]", metadata),
    ("`data_view/<id>/data.api` or `data_view/<name>.api` for saved report views", reports),
    ("`resource_id`, `resource_type`, `subject` (note), `text` (HTML). They die with their parent", notes),
    ("Answer carries `upload_file_id`, `upload_file[id]`, `upload_file[lock_version]`", uploads),
    ("Columns `file_name`, `file_content_type`, `file_size`", upload_columns),
    ("Replace with an update on `upload_files`, part `data[]`", replaced_files),
    ("Only attaching to `Private::Note` is shown", on_notes_alone),
    ("`application/x-www-form-urlencoded`, or `multipart/form-data` for files", forms),
    ("`unrecognised_name_or_password`", without_key),
]


def test_each_row_is_in_the_reference():
    if not os.path.isfile(REFERENCE):
        print("     the reference is not here (WESS_SHARED)")
        return
    with open(REFERENCE) as f:
        text = f.read()
    missing = [phrase for phrase, _ in ROWS if phrase not in text]
    assert not missing, missing


def test_each_row_holds():
    for phrase, row in ROWS:
        with Sandbox("--data", "empty") as box:
            try:
                row(Client(box))
            except AssertionError as error:
                raise AssertionError(f"{row.__name__} ({phrase}): {error}") from error


def test_where_the_sources_disagree_it_goes_both_ways():
    """B12; how a dead session is told is in test_workbooks_session.py."""
    for cap in (100, 303):
        with Sandbox("--data", "empty", "--switch", f"batch_cap={cap}") as box:
            c = Client(box)
            assert c.change(TASKS, *[{"name": str(i)} for i in range(cap)])["success"], cap
            assert not c.change(TASKS, *[{"name": str(i)} for i in range(cap + 1)])["success"], cap
    for cap in (100, 200):
        with Sandbox("--data", "empty", "--switch", f"page_cap={cap}") as box:
            c = Client(box)
            for _ in range(3):
                c.change(TASKS, *[{"name": str(i)} for i in range(70)])
            asked = c.ask(TASKS, "GET", ("_start", "0"), ("_limit", "200"))
            assert (len(asked["data"]), asked["total"]) == (cap, 210), asked["total"]
            # Without _start the limit is not heard.
            assert len(c.ask(TASKS, "GET", ("_limit", "200"))["data"]) == 100
    for member in ("reason", "message"):
        with Sandbox("--data", "empty", "--switch", f"failure={member}") as box:
            c = Client(box)
            c.key = "0"
            assert c.ask(TASKS, "GET")[f"failure_{member}"] == "unrecognised_name_or_password"
    for errors in ("object", "array"):
        with Sandbox("--data", "empty", "--switch", f"errors={errors}") as box:
            said = Client(box).change(TASKS, {"name": "a"})["affected_object_information"][0]["errors"]
            assert said == ({} if errors == "object" else []), said


def both_ways(name, *values):
    for value in values:
        with Sandbox("--data", "empty", "--switch", f"{name}={value}") as box:
            yield value, Client(box)


def test_where_the_sources_spell_it_otherwise_it_goes_both_ways():
    """B12: what is heard, and what is needed; and the connector says it so that either will do."""
    for way, c in both_ways("skip_total", "two", "one"):
        for i in range(3):
            c.make(TASKS, name=str(i))
        for spelt in ("__skip_total_rows", "_skip_total_rows"):
            total = c.ask(TASKS, "GET", ("_start", "0"), ("_limit", "2"), (spelt, "true"))["total"]
            assert total == (2 if (way == "two") == spelt.startswith("__") else 3), (way, spelt, total)
    for way, c in both_ways("method_key", "underscores", "bare"):
        task = c.make(TASKS, name="a")
        c.ask(TASKS, "PUT", ("_ff[]", "id"), ("_ft[]", "eq"), ("_fc[]", str(task["id"])), ("method[]", "DELETE"),
              ("id[]", str(task["id"])), ("lock_version[]", "0"))
        assert bool(c.rows(TASKS)) == (way == "underscores"), way
    for way, c in both_ways("formula", "one", "list"):
        for name in "ab":
            c.make(TASKS, name=name)
        either = [f for name in "ab" for f in (("_ff[]", "name"), ("_ft[]", "eq"), ("_fc[]", name))]
        assert len(c.rows(TASKS, *either, ("_fm[]", "or"))) == (0 if way == "one" else 2), way
        assert len(c.rows(TASKS, *either, ("_fm", "or"))) == 2
    for way, c in both_ways("create_filter", "needed", "free"):
        made = c.ask(TASKS, "PUT", ("__method[]", "POST"), ("id[]", "0"), ("lock_version[]", "0"), ("name[]", "a"))
        assert made["success"] == (way == "free") == bool(c.rows(TASKS)), (way, made)


def test_what_the_format_reaches_is_a_switch():
    for value, begins in (("iso", "2026-12-01T"), ("asked", "1796115600,1,")):
        with Sandbox("--data", "empty", "--switch", f"when_format={value}") as box:
            c = Client(box)
            c.make(TASKS, name="a", due="2026-12-01T09:00:00.000Z")
            row = c.rows(TASKS, ("_json_output_datetime_format", "%s"))[0]
            assert row["due"].startswith(begins), row


def test_a_mail_that_is_to_be_sent_is_counted():
    with Sandbox("--data", "empty") as box:
        assert Client(box).make(EMAILS, rfc822="A: b", status="SEND")
        assert box.workbooks("sent")["sent"] == 1


if __name__ == "__main__":
    main(globals())
