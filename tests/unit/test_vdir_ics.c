/* Calendar files: every field of events and tasks there and back, and what is not ours kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ics.h"
#include "model/model.h"
#include "testhost.h"

#define CAL(inside) "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" inside "END:VCALENDAR\r\n"
#define EVENT(inside)                                                                              \
    CAL("BEGIN:VEVENT\r\nUID:u1\r\nDTSTAMP:20260101T000000Z\r\n" inside "END:VEVENT\r\n")
#define TASK(inside) CAL("BEGIN:VTODO\r\nUID:u1\r\n" inside "END:VTODO\r\n")
#define FOREIGN                                                                                    \
    "X-ODD;A=\"b:c\";D=e:f\\,g\r\nATTACH:http://x.example/a\r\n  b\r\n"                            \
    "BEGIN:VALARM\r\nACTION:EMAIL\r\nTRIGGER:-P1D\r\nX-IN:1\r\nEND:VALARM\r\n"

struct fixture {
    struct testhost th;
    struct wess_conn conn;
    struct wess_call call;
    struct wess_result result;
    struct wess_item item;
    char *out;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    testhost_init(&f->th, NULL, 0);
    f->conn =
        (struct wess_conn){.host = &f->th.host, .kind = &vdir_events, .zone = "Europe/Berlin"};
    f->call = testhost_call(&f->th, &f->conn, "calendar");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    free(f->out);
    testhost_fini(&f->th);
    free(f);
    return 0;
}

/* ---- reading and writing
 * ------------------------------------------------------------------------------------------ */

static void look(struct fixture *f, const char *text)
{
    struct lines v;
    struct lines_fault fault;
    struct wess_item facts;
    if (!f->conn.kind->read(&v, text, strlen(text), &fault))
        fail_msg("line %zu: %s\n%s", fault.line, fault.why, text);
    assert_true(f->conn.kind->is_ours(&v));
    assert_int_equal(f->conn.kind->item(&f->call, &v, "a.ics", true, &f->item), WESS_OK);
    assert_int_equal(f->conn.kind->item(&f->call, &v, "a.ics", false, &facts), WESS_OK);
    assert_int_equal(facts.n_keys, f->item.n_keys);
    lines_fini(&v);
}

static const char *fault_of(struct fixture *f, const char *text, size_t *line)
{
    struct lines v;
    struct lines_fault fault;
    bool ok = f->conn.kind->read(&v, text, strlen(text), &fault);
    lines_fini(&v);
    *line = ok ? 0 : fault.line;
    return ok ? NULL : fault.why;
}

static const char *apply(struct fixture *f, const char *text, const struct wess_op *op)
{
    struct lines v;
    struct lines_fault fault;
    struct lines_buf out = {0};
    f->result = (struct wess_result){.code = WESS_UNKNOWN};
    assert_true(f->conn.kind->read(&v, text, strlen(text), &fault));
    assert_int_equal(f->conn.kind->edit(&f->call, &v, op, &f->result), WESS_OK);
    lines_write(&v, &out);
    assert_false(out.spent);
    lines_fini(&v);
    free(f->out);
    f->out = out.data;
    look(f, f->out);
    return f->out;
}

static const char *write_one(struct fixture *f, const char *text, struct wess_field w)
{
    struct wess_op op = {.what = WESS_UPDATE, .item = {.fields = &w, .n_fields = 1}};
    char *copy = strdup(text);
    const char *out = apply(f, copy, &op);
    free(copy);
    return out;
}

/* It says so already: nothing is touched. */
static void same_again(struct fixture *f, const char *text)
{
    char *copy = strdup(text);
    look(f, copy);
    struct wess_item item = f->item;
    struct wess_op op = {.what = WESS_UPDATE, .item = item};
    assert_string_equal(apply(f, copy, &op), copy);
    assert_int_equal(f->result.n_refused, 0);
    free(copy);
}

static bool same_fields(const struct wess_field *a, size_t n, const struct wess_field *b, size_t m);

static bool same_time(const struct wess_time *a, const struct wess_time *b)
{
    return !strcmp(a->local, b->local) && wess_zone_same(a->zone, b->zone);
}

static bool same_records(const struct wess_records *a, const struct wess_records *b)
{
    for (size_t i = 0; a->n == b->n && i < a->n; i++)
        if (strcmp(a->of[i].key, b->of[i].key) != 0 ||
            !same_fields(a->of[i].fields, a->of[i].n, b->of[i].fields, b->of[i].n))
            return false;
    return a->n == b->n;
}

static bool same_value(const struct wess_field *a, const struct wess_field *b)
{
    if (a->type != b->type)
        return false;
    switch ((enum wess_type)a->type) {
    case WESS_INT:
        return a->num == b->num;
    case WESS_TIME:
        return same_time(&a->time, &b->time);
    case WESS_BLOB:
        return !strcmp(a->blob.digest, b->blob.digest);
    case WESS_SET:
        for (size_t i = 0; i < a->set.n && a->set.n == b->set.n; i++)
            if (strcmp(a->set.of[i], b->set.of[i]) != 0)
                return false;
        return a->set.n == b->set.n;
    case WESS_RECORDS:
        return same_records(&a->records, &b->records);
    default:
        return a->str.len == b->str.len && !memcmp(a->str.data, b->str.data, a->str.len);
    }
}

static bool same_fields(const struct wess_field *a, size_t n, const struct wess_field *b, size_t m)
{
    for (size_t i = 0; n == m && i < n; i++) {
        bool found = false;
        for (size_t k = 0; k < m; k++)
            found |= !strcmp(a[i].name, b[k].name) && same_value(&a[i], &b[k]);
        if (!found)
            return false;
    }
    return n == m;
}

/* ---- values
 * ------------------------------------------------------------------------------------------ */

static struct wess_field text(const char *name, const char *value)
{
    return (struct wess_field){.name = name, .type = WESS_TEXT, .str = {value, strlen(value)}};
}

static struct wess_field date(const char *name, const char *value)
{
    struct wess_field f = text(name, value);
    f.type = WESS_DATE;
    return f;
}

static struct wess_field timed(const char *name, const char *local, const char *zone)
{
    return (struct wess_field){.name = name, .type = WESS_TIME, .time = {local, zone, 0}};
}

static struct wess_field none(const char *name)
{
    return (struct wess_field){.name = name, .type = WESS_NULL};
}

static char longest[1025];
static const char *const texts[] = {"a", "\xf0\x9d\x84\x9e beyond, the; BMP \\ \"and\" ^n",
                                    "it's: a \\n trap;,", longest};
static const char *const rules[] = {"FREQ=WEEKLY;BYDAY=MO", "FREQ=DAILY;COUNT=5",
                                    "FREQ=MONTHLY;UNTIL=20301231;BYDAY=1TH"};
static const char *const days[] = {"2030-02-03", "1999-12-31", "2028-02-29"};
static const char *const tags[] = {"Blue, dark", "Red", "\xf0\x9f\x93\x85"};

struct values {
    struct wess_field of[8];
    struct wess_field parts[2][4];
    struct wess_record records[2];
    size_t n;
};

static void add_records(struct values *v, const char *name)
{
    bool people = !strcmp(name, "attendees");
    v->parts[0][0] = text(people ? "value" : "status", people ? "Ada@x.example" : "CANCELLED");
    v->parts[0][1] = text("role", "REQ-PARTICIPANT");
    v->parts[0][2] = text("cn", texts[1]);
    v->parts[0][3] = text("partstat", "ACCEPTED");
    v->parts[1][0] = people ? text("value", "b@x.example")
                            : timed("start", "2030-07-18T12:00:00", "Europe/Berlin");
    v->parts[1][1] = people ? text("role", "OPT-PARTICIPANT")
                            : timed("end", "2030-07-18T13:30:00", "Europe/Berlin");
    v->parts[1][2] = text("summary", texts[1]);
    v->parts[1][3] = text("busystatus", "OOF");
    v->records[0] =
        (struct wess_record){people ? "ada@x.example" : "2030-07-11", v->parts[0], people ? 4 : 1};
    v->records[1] =
        (struct wess_record){people ? "b@x.example" : "2030-07-18", v->parts[1], people ? 2 : 4};
    for (size_t n = 2; n; n--)
        v->of[v->n++] =
            (struct wess_field){.name = name, .type = WESS_RECORDS, .records = {v->records, n}};
}

static const struct wess_field_schema *schema_of(const struct vdir_kind *kind, const char *name)
{
    for (size_t i = 0; i < *kind->n_schema; i++)
        if (!strcmp(kind->schema[i].name, name))
            return &kind->schema[i];
    return NULL;
}

static void add_texts(struct values *v, const struct field_def *def,
                      const struct wess_field_schema *s)
{
    for (size_t i = 0; i < s->allowed.n; i++)
        v->of[v->n++] = text(def->name, s->allowed.of[i]);
    for (size_t i = 0; !s->allowed.n && def->form == FORM_RULE && i < 3; i++)
        v->of[v->n++] = text(def->name, rules[i]);
    for (size_t i = 0; !s->allowed.n && def->form != FORM_RULE && i < 4; i++)
        v->of[v->n++] = text(def->name, texts[i]);
}

/* What that row of the core's table may hold. */
static void values_of(struct values *v, const struct vdir_kind *kind, const struct field_def *def)
{
    const struct wess_field_schema *s = schema_of(kind, def->name);
    v->n = 0;
    if (!s)
        fail_msg("%s has no place for %s", kind->kind, def->name);
    switch (def->type) {
    case WESS_TEXT:
        add_texts(v, def, s);
        break;
    case WESS_INT:
        for (int64_t n = 0; n < 10; n += 3)
            v->of[v->n++] = (struct wess_field){.name = def->name, .type = WESS_INT, .num = n};
        break;
    case WESS_DATE:
        for (size_t i = 0; i < 3; i++)
            v->of[v->n++] = date(def->name, days[i]);
        break;
    case WESS_TIME:
        v->of[v->n++] = timed(def->name, "2030-07-04T09:00:00", "Etc/UTC");
        if (strcmp(def->name, "alarm") != 0) {
            v->of[v->n++] = timed(def->name, "2030-07-04T10:30:00", "Europe/Berlin");
            v->of[v->n++] = timed(def->name, "2030-07-04T10:30:00", "America/New_York");
            v->of[v->n++] = timed(def->name, "2030-07-04T10:30:15", NULL);
        }
        break;
    case WESS_SET:
        for (size_t n = 1; n <= 3; n++)
            v->of[v->n++] =
                (struct wess_field){.name = def->name, .type = WESS_SET, .set = {tags, n}};
        break;
    default:
        add_records(v, def->name);
    }
}

/* ---- each row of the tables, there and back
 * ------------------------------------------------------------------------------------------ */

static bool alone(const char *name)
{
    return !strcmp(name, "uid") || !strcmp(name, "start");
}

static void go_round(struct fixture *f, const char *start, const struct field_def *def)
{
    struct values v;
    char *now = strdup(start);
    values_of(&v, f->conn.kind, def);
    for (size_t i = 0; i < v.n && strcmp(def->name, "uid"); i++) {
        const char *out = write_one(f, now, v.of[i]);
        const struct wess_field *shown = test_field(&f->item, def->name);
        if (f->result.n_refused || !shown || !same_value(shown, &v.of[i]))
            fail_msg("%s, value %zu: %s\n%s", def->name, i,
                     f->result.n_refused ? f->result.refused[0].text : "is shown as another", out);
        assert_non_null(
            strstr(out, "X-ODD;A=\"b:c\";D=e:f\\,g\r\nATTACH:http://x.example/a\r\n  b"));
        assert_non_null(strstr(out, "ACTION:EMAIL\r\nTRIGGER:-P1D\r\nX-IN:1\r\nEND:VALARM\r\n"));
        free(now);
        now = strdup(out);
        same_again(f, now);
    }
    if (!alone(def->name)) {
        write_one(f, now, none(def->name));
        assert_null(test_field(&f->item, def->name));
        assert_non_null(strstr(f->out, "X-IN:1"));
    }
    free(now);
}

static void all_rows(struct fixture *f, const struct vdir_kind *kind, const char *plain,
                     const char *series)
{
    const struct kind_def *def = kind_find(kind->kind);
    memset(longest, 'x', sizeof(longest) - 1);
    f->conn.kind = kind;
    for (size_t i = 0; i < def->n_fields; i++) {
        look(f, plain);
        if (!alone(def->fields[i].name))
            assert_null(test_field(&f->item, def->fields[i].name));
        go_round(f, strcmp(def->fields[i].name, "overrides") ? plain : series, &def->fields[i]);
    }
    /* And nothing is offered that the core does not know. */
    for (size_t i = 0; i < *kind->n_schema; i++)
        assert_non_null(field_find(def, kind->schema[i].name, NULL));
}

static void test_vdir_ics__every_field_of_an_event(void **state)
{
    all_rows(*state, &vdir_events, EVENT("DTSTART:20300704T080000Z\r\n" FOREIGN),
             EVENT("DTSTART;TZID=Europe/Berlin:20300704T090000\r\n"
                   "DTEND;TZID=Europe/Berlin:20300704T100000\r\n"
                   "RRULE:FREQ=WEEKLY\r\nSUMMARY:All\r\n" FOREIGN));
}

static void test_vdir_ics__every_field_of_a_task(void **state)
{
    all_rows(*state, &vdir_tasks, TASK(FOREIGN), TASK(FOREIGN));
}

static void test_vdir_ics__a_long_text_is_a_blob(void **state)
{
    struct fixture *f = *state;
    size_t len;
    char *big = malloc(80001);
    memset(big, 'y', 80000);
    big[80000] = 0;
    char *file = malloc(90000);
    sprintf(file, EVENT("DTSTART:20300704T080000Z\r\nDESCRIPTION:%s\r\n"), big);
    look(f, file);
    const struct wess_field *shown = test_field(&f->item, "description");
    assert_true(shown && shown->type == WESS_BLOB && shown->blob.size == 80000);
    assert_memory_equal(testhost_blob(&f->th, shown->blob.digest, &len), big, 80000);
    struct wess_field w = *shown;
    write_one(f, EVENT("DTSTART:20300704T080000Z\r\n"), w);
    assert_true(same_value(test_field(&f->item, "description"), &w));
    free(file);
    free(big);
}

/* ---- what there is in the wild
 * ------------------------------------------------------------------------------------------ */

#define RULES(name)                                                                                \
    "BEGIN:VTIMEZONE\r\nTZID:" name "\r\nBEGIN:STANDARD\r\nDTSTART:16010101T030000\r\n"            \
    "TZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\n"        \
    "END:STANDARD\r\nBEGIN:DAYLIGHT\r\nDTSTART:16010101T020000\r\nTZOFFSETFROM:+0100\r\n"          \
    "TZOFFSETTO:+0200\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\r\nEND:DAYLIGHT\r\n"               \
    "END:VTIMEZONE\r\n"

static void test_vdir_ics__zones(void **state)
{
    static const struct {
        const char *line, *zone;
        int64_t ms; /* reckoned by hand: 2030-07-04T07:00:00Z is 1909378800 */
    } cases[] = {
        {"DTSTART:20300704T070000Z", "Etc/UTC", 1909378800000},
        {"DTSTART;TZID=Europe/Berlin:20300704T090000", "Europe/Berlin", 1909378800000},
        {"DTSTART;TZID=\"Europe/Berlin\";X-A=b:20300704T090000", "Europe/Berlin", 1909378800000},
        {"DTSTART;TZID=W. Europe Standard Time:20300704T090000", "Europe/Berlin", 1909378800000},
        {"DTSTART;TZID=/mozilla.org/20050126_1/Europe/Berlin:20300704T090000", "Europe/Berlin",
         1909378800000},
        {"DTSTART;TZID=Our office:20300704T090000", "Europe/Berlin", 1909378800000},
        {"DTSTART:20300704T090000", NULL, 0},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char file[2048];
        snprintf(file, sizeof(file),
                 CAL(RULES("Our office") "BEGIN:VEVENT\r\nUID:u\r\n%s\r\nEND:VEVENT\r\n"),
                 cases[i].line);
        look(f, file);
        const struct wess_field *start = test_field(&f->item, "start");
        assert_true(start && start->type == WESS_TIME);
        /* A made-up zone is one that keeps the same hours. */
        bool made_up = strstr(cases[i].line, "office");
        assert_true(made_up || wess_zone_same(start->time.zone, cases[i].zone));
        const char *zone = made_up ? start->time.zone : cases[i].zone;
        assert_int_equal(start->time.ms, cases[i].ms);
        same_again(f, file);
        /* Another hour: the zone keeps its name, and no definition is added. */
        char *out = strdup(write_one(
            f, file, timed("start", i ? "2030-07-04T11:00:00" : "2030-07-04T09:00:00", zone)));
        char *hour = strstr(out, i ? "T110000" : "T090000Z");
        assert_non_null(hour);
        memcpy(hour, i ? "T090000" : "T070000", 7);
        assert_string_equal(out, file);
        free(out);
    }
}

static void test_vdir_ics__a_new_zone_is_defined(void **state)
{
    struct fixture *f = *state;
    const char *out = write_one(f, EVENT("DTSTART:20300704T070000Z\r\n"),
                                timed("start", "2030-07-04T09:00:00", "Europe/Berlin"));
    assert_non_null(strstr(out, "VERSION:2.0\r\nBEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\n"));
    assert_non_null(strstr(out, "END:VTIMEZONE\r\nBEGIN:VEVENT\r\n"));
    assert_non_null(strstr(out, "BYMONTH=10"));
    assert_null(strstr(out, "1916"));
    assert_non_null(strstr(out, "DTSTART;TZID=Europe/Berlin:20300704T090000\r\n"));
    /* Whole days and what floats have none. */
    out = write_one(f, EVENT("DTSTART:20300704T070000Z\r\n"), date("start", "2030-07-04"));
    assert_non_null(strstr(out, "DTSTART;VALUE=DATE:20300704\r\n"));
    assert_null(strstr(out, "VTIMEZONE"));
}

static void test_vdir_ics__ends(void **state)
{
    struct fixture *f = *state;
    const char *file = EVENT("DTSTART;TZID=Europe/Berlin:20300704T090000\r\nDURATION:PT1H30M\r\n");
    look(f, file);
    const struct wess_field *end = test_field(&f->item, "end");
    assert_string_equal(end->time.local, "2030-07-04T10:30:00");
    same_again(f, file);
    /* Another start alone: it ends when it did. */
    const char *out = write_one(f, file, timed("start", "2030-07-04T08:00:00", "Europe/Berlin"));
    assert_non_null(strstr(out, "DTEND;TZID=Europe/Berlin:20300704T103000\r\n"));
    assert_null(strstr(out, "DURATION"));
    /* Both moved: it lasts as long. */
    struct wess_field both[] = {timed("start", "2030-07-05T09:00:00", "Europe/Berlin"),
                                timed("end", "2030-07-05T10:30:00", "Europe/Berlin")};
    struct wess_op op = {.what = WESS_UPDATE, .item = {.fields = both, .n_fields = 2}};
    out = apply(f, file, &op);
    assert_non_null(strstr(out, "DURATION:PT1H30M\r\n"));
    assert_null(strstr(out, "DTEND"));
    write_one(f, file, timed("end", "2030-07-04T08:00:00", "Europe/Berlin"));
    assert_int_equal(f->result.n_refused, 1);
    assert_string_equal(f->result.refused[0].field, "end");
    write_one(f, file, none("start"));
    assert_int_equal(f->result.n_refused, 1);
}

static void test_vdir_ics__folds_and_line_ends(void **state)
{
    struct fixture *f = *state;
    static const char file[] = "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:u\n"
                               "DTSTART:20300704T0700\n 00Z\nSUMMARY:One\n\t two\\, three\n"
                               "BEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT15M\nEND:VALARM\n"
                               "END:VEVENT\nEND:VCALENDAR";
    look(f, file);
    assert_string_equal(test_text(&f->item, "summary"), "One two, three");
    assert_int_equal(test_field(&f->item, "alarm")->num, 15);
    same_again(f, file);
    const char *out = write_one(f, file, text("location", "Room"));
    assert_non_null(strstr(out, "three\nLOCATION:Room\nBEGIN:VALARM\n"));
    assert_null(strstr(out, "\r"));
}

static void test_vdir_ics__words_that_the_standard_lacks(void **state)
{
    struct fixture *f = *state;
    f->conn.kind = &vdir_tasks;
    const char *out = write_one(f, TASK(""), text("status", "X-WAITING"));
    assert_non_null(strstr(out, "STATUS:NEEDS-ACTION\r\nX-WESS-STATUS:X-WAITING\r\n"));
    /* Who does not know that one ticks it off. */
    look(f, TASK("STATUS:COMPLETED\r\nX-WESS-STATUS:X-WAITING\r\n"));
    assert_string_equal(test_text(&f->item, "status"), "COMPLETED");
    f->conn.kind = &vdir_events;
    out = write_one(f, EVENT("DTSTART:20300704T070000Z\r\n"), text("busystatus", "OOF"));
    assert_non_null(strstr(out, "TRANSP:OPAQUE\r\nX-MICROSOFT-CDO-BUSYSTATUS:OOF\r\n"));
    look(f, EVENT("DTSTART:20300704T070000Z\r\nTRANSP:TRANSPARENT\r\n"
                  "X-MICROSOFT-CDO-BUSYSTATUS:OOF\r\n"));
    assert_string_equal(test_text(&f->item, "busystatus"), "FREE");
}

static void test_vdir_ics__days_of_a_task(void **state)
{
    struct fixture *f = *state;
    f->conn.kind = &vdir_tasks; /* its owner lives in Berlin */
    look(f, TASK("DUE:20300703T230000Z\r\nDTSTART;VALUE=DATE:20300701\r\n"));
    assert_string_equal(test_text(&f->item, "due"), "2030-07-04");
    const char *out = write_one(f, TASK("DUE:20300703T230000Z\r\n"), date("due", "2030-07-05"));
    assert_non_null(strstr(out, "DUE:20300704T230000Z\r\n"));
    out = write_one(f, TASK("DUE;TZID=Europe/London:20300704T170000\r\n"),
                    date("start", "2030-07-01"));
    assert_non_null(strstr(out, "DTSTART;TZID=Europe/London:20300701T170000\r\n"));
    out = write_one(f, TASK("DTSTART:20300701T080000Z\r\nDURATION:P3D\r\n"),
                    date("due", "2030-07-09"));
    assert_null(strstr(out, "DURATION"));
    out = write_one(f, TASK(""), date("completed", "2030-07-05"));
    assert_non_null(strstr(out, "COMPLETED:20300704T220000Z\r\n"));
    write_one(f, TASK(""), date("due", "--07-05"));
    assert_int_equal(f->result.n_refused, 1);
}

static void test_vdir_ics__reminders(void **state)
{
    struct fixture *f = *state;
    const char *alarm = "BEGIN:VALARM\r\nACTION:AUDIO\r\nX-A:1\r\nTRIGGER;RELATED=START:-PT1H\r\n"
                        "END:VALARM\r\n";
    char file[1024];
    snprintf(file, sizeof(file), EVENT("DTSTART:20300704T070000Z\r\n%s"), alarm);
    look(f, file);
    assert_int_equal(test_field(&f->item, "alarm")->num, 60);
    struct wess_field w = {.name = "alarm", .type = WESS_INT, .num = 5};
    assert_non_null(strstr(write_one(f, file, w), "ACTION:AUDIO\r\nX-A:1\r\nTRIGGER:-PT5M\r\n"));
    assert_null(strstr(write_one(f, file, none("alarm")), "VALARM"));
    f->conn.kind = &vdir_tasks;
    snprintf(file, sizeof(file), TASK("DTSTART:20300704T070000Z\r\n%s"), alarm);
    look(f, file);
    assert_string_equal(test_field(&f->item, "alarm")->time.local, "2030-07-04T06:00:00");
}

static void test_vdir_ics__people(void **state)
{
    struct fixture *f = *state;
    const char *file = EVENT("DTSTART:20300704T070000Z\r\n"
                             "ORGANIZER;CN=\"Doe, John\":mailto:John@x.example\r\n"
                             "ATTENDEE;CN=John;PARTSTAT=ACCEPTED:mailto:john@x.example\r\n"
                             "ATTENDEE;RSVP=TRUE;CN=Ada;X-A=\"b;c\":MAILTO:Ada@x.example\r\n"
                             "ATTENDEE:urn:uuid:1\r\n");
    look(f, file);
    assert_string_equal(test_text(&f->item, "organizer.cn"), "Doe, John");
    const struct wess_field *people = test_field(&f->item, "attendees");
    assert_int_equal(people->records.n, 1);
    assert_string_equal(people->records.of[0].key, "ada@x.example");
    same_again(f, file);
    struct wess_field parts[] = {text("value", "Ada@x.example"), text("cn", "Ada"),
                                 text("role", "REQ-PARTICIPANT"), text("partstat", "DECLINED")};
    struct wess_record r = {"ada@x.example", parts, 4};
    const char *out = write_one(
        f, file,
        (struct wess_field){.name = "attendees", .type = WESS_RECORDS, .records = {&r, 1}});
    assert_non_null(strstr(out, "ATTENDEE;RSVP=TRUE;X-A=\"b;c\";CN=\"Ada\";"));
    assert_non_null(strstr(out, "ATTENDEE:urn:uuid:1\r\n"));
    assert_non_null(strstr(out, "ATTENDEE;CN=John;PARTSTAT=ACCEPTED:mailto:john@x.example\r\n"));
}

static void test_vdir_ics__identifier_and_keys(void **state)
{
    struct fixture *f = *state;
    look(f, EVENT("DTSTART:20300704T070000Z\r\nSUMMARY:Talk\r\nX-WESS-STAMP:abc1\r\n"
                  "CLASS:PRIVATE\r\n"));
    assert_true(test_has_key(&f->item, "uid", "u1"));
    assert_true(test_has_key(&f->item, "summary+start", "talk|1909378800000"));
    assert_true(test_has_key(&f->item, "wess", "abc1"));
    assert_true(f->item.flags & WESS_ITEM_PRIVATE);
    assert_int_equal(f->item.when_ms, 1909378800000);
    write_one(f, EVENT("DTSTART:20300704T070000Z\r\n"), text("uid", "u2"));
    assert_int_equal(f->result.n_refused, 1);
    struct wess_field fields[] = {text("uid", "their-uid"),
                                  timed("start", "2030-07-04T09:00:00", "Europe/Berlin")};
    struct wess_op op = {
        .what = WESS_CREATE, .stamp = "s1", .item = {.fields = fields, .n_fields = 2}};
    struct lines_buf blank = {0};
    vdir_events.blank(&f->call, &op, "s1", &blank);
    const char *out = apply(f, blank.data, &op);
    assert_non_null(strstr(out, "UID:their-uid\r\n"));
    assert_non_null(strstr(out, "X-WESS-STAMP:s1\r\n"));
    lines_buf_fini(&blank);
}

/* ---- broken files
 * ------------------------------------------------------------------------------------------ */

static void test_vdir_ics__broken_files(void **state)
{
    static const struct {
        const char *file, *why;
        size_t line;
    } cases[] = {
        {"BEGIN:VCARD\r\nEND:VCARD\r\n", "no BEGIN:VCALENDAR", 1},
        {"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", "cut off", 2},
        {"BEGIN:VCALENDAR\r\nEND:VEVENT\r\n", "not begun", 2},
        {CAL("") "BEGIN:VCALENDAR\r\n", "second calendar", 4},
        {CAL("") "X:1\r\n", "behind", 4},
        {EVENT(""), "without DTSTART", 3},
        {EVENT("DTSTART:yesterday\r\n"), "no time", 6},
        {EVENT("DTSTART:20300231\r\n"), "no time", 6},
        {EVENT("DTSTART;TZID=Nowhere:20300704T090000\r\n"), "zone", 6},
        {CAL("BEGIN:VEVENT\r\nUID:a\r\nDTSTART:20300704\r\nEND:VEVENT\r\n"
             "BEGIN:VEVENT\r\nUID:b\r\nDTSTART:20300704\r\nEND:VEVENT\r\n"),
         "second UID", 7},
        {CAL("BEGIN:VEVENT\r\nUID:a\r\nDTSTART:20300704\r\nEND:VEVENT\r\n"
             "BEGIN:VEVENT\r\nUID:a\r\nDTSTART:20300704\r\nEND:VEVENT\r\n"),
         "second item", 7},
        {EVENT("DTSTART:20300704\r\nRECURRENCE-ID;RANGE=THISANDFUTURE:20300704\r\n"), "RANGE", 7},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t line;
        const char *why = fault_of(f, cases[i].file, &line);
        if (!why || !strstr(why, cases[i].why) || line != cases[i].line)
            fail_msg("case %zu: line %zu: %s", i, line, why ? why : "sound");
    }
    /* A task among events is sound, and nothing of theirs. */
    struct lines v;
    struct lines_fault fault;
    const char *task = TASK("");
    assert_true(vdir_events.read(&v, task, strlen(task), &fault));
    assert_false(vdir_events.is_ours(&v));
    lines_fini(&v);
}

/* ---- series
 * ------------------------------------------------------------------------------------------ */

#define MASTER                                                                                     \
    "BEGIN:VEVENT\r\nUID:s\r\nDTSTART;TZID=Europe/Berlin:20300902T090000\r\n"                      \
    "DTEND;TZID=Europe/Berlin:20300902T100000\r\nSUMMARY:All\r\nX-KEPT:1\r\n"                      \
    "RRULE:FREQ=WEEKLY;UNTIL=20301230T080000Z\r\nEXDATE;TZID=Europe/Berlin:20300909T090000,"       \
    "20300916T090000\r\nEND:VEVENT\r\n"
#define MOVED                                                                                      \
    "BEGIN:VEVENT\r\nUID:s\r\nRECURRENCE-ID:20301104T080000Z\r\n"                                  \
    "DTSTART;TZID=Europe/Berlin:20301105T130000\r\nDTEND;TZID=Europe/Berlin:20301105T140000\r\n"   \
    "SUMMARY:Moved\r\nX-THEIRS:2\r\nEND:VEVENT\r\n"

static void test_vdir_ics__a_series(void **state)
{
    struct fixture *f = *state;
    look(f, CAL(MASTER MOVED));
    /* Its end is nine in Berlin in winter: that day belongs to it. */
    assert_string_equal(test_text(&f->item, "rrule"), "FREQ=WEEKLY;UNTIL=20301230");
    assert_int_equal(test_field(&f->item, "start")->time.ms, 0);
    const struct wess_field *o = test_field(&f->item, "overrides");
    assert_int_equal(o->records.n, 3);
    assert_string_equal(o->records.of[0].key, "2030-09-09");
    assert_string_equal(test_record_text(&o->records.of[0], "status"), "CANCELLED");
    assert_string_equal(o->records.of[2].key, "2030-11-04");
    assert_string_equal(test_record_text(&o->records.of[2], "summary"), "Moved");
    same_again(f, CAL(MASTER MOVED));
}

static void test_vdir_ics__an_end_before_the_hour(void **state)
{
    struct fixture *f = *state;
    look(f, EVENT("DTSTART;TZID=Europe/Berlin:20300902T090000\r\n"
                  "RRULE:FREQ=DAILY;UNTIL=20301230T070000Z\r\n"));
    assert_string_equal(test_text(&f->item, "rrule"), "FREQ=DAILY;UNTIL=20301229");
}

static void test_vdir_ics__occurrences_change(void **state)
{
    struct fixture *f = *state;
    struct wess_field gone = text("status", "CANCELLED"),
                      moved[] = {timed("start", "2030-11-05T13:00:00", "Europe/Berlin"),
                                 timed("end", "2030-11-05T14:00:00", "Europe/Berlin"),
                                 text("summary", "Moved again")},
                      fresh[] = {timed("start", "2030-09-23T11:00:00", "Europe/Berlin"),
                                 timed("end", "2030-09-23T12:00:00", "Europe/Berlin")};
    struct wess_record want[] = {{"2030-09-16", &gone, 1},
                                 {"2030-09-23", fresh, 2},
                                 {"2030-09-30", &gone, 1},
                                 {"2030-11-04", moved, 3}};
    struct wess_field w = {.name = "overrides", .type = WESS_RECORDS, .records = {want, 4}};
    const char *out = write_one(f, CAL(MASTER MOVED), w);
    assert_true(same_value(test_field(&f->item, "overrides"), &w));
    assert_non_null(strstr(out, "EXDATE;TZID=Europe/Berlin:20300916T090000\r\n"));
    assert_non_null(strstr(out, "EXDATE;TZID=Europe/Berlin:20300930T090000\r\n"));
    assert_non_null(strstr(out, "SUMMARY:Moved again\r\nX-THEIRS:2\r\n"));
    /* A new one is the series in all else. */
    assert_non_null(strstr(out, "RECURRENCE-ID;TZID=Europe/Berlin:20300923T090000\r\n"));
    const char *second = strstr(strstr(out, "X-KEPT:1") + 1, "X-KEPT:1");
    assert_non_null(second);
    assert_null(
        strstr(strstr(out, "X-KEPT:1") + 60, "RRULE:FREQ=WEEKLY;UNTIL=20301230T080000Z\r\nRRULE"));
    /* As the series again. */
    char *copy = strdup(out);
    out = write_one(f, copy, none("overrides"));
    free(copy);
    assert_null(strstr(out, "RECURRENCE-ID"));
    assert_null(strstr(out, "EXDATE"));
}

static void test_vdir_ics__a_series_at_another_hour(void **state)
{
    struct fixture *f = *state;
    struct wess_field both[] = {timed("start", "2030-09-02T15:00:00", "Europe/London"),
                                timed("end", "2030-09-02T16:00:00", "Europe/London")};
    struct wess_op op = {.what = WESS_UPDATE, .item = {.fields = both, .n_fields = 2}};
    const char *out = apply(f, CAL(MASTER MOVED), &op);
    assert_int_equal(f->result.n_refused, 0);
    const struct wess_field *o = test_field(&f->item, "overrides");
    assert_int_equal(o->records.n, 3);
    assert_string_equal(o->records.of[0].key, "2030-09-09");
    assert_string_equal(o->records.of[2].key, "2030-11-04");
    assert_non_null(strstr(out, "EXDATE;TZID=Europe/London:20300909T150000,20300916T150000\r\n"));
    assert_non_null(strstr(out, "RECURRENCE-ID;TZID=Europe/London:20301104T150000\r\n"));
    assert_string_equal(test_text(&f->item, "rrule"), "FREQ=WEEKLY;UNTIL=20301230");
}

/* What an occurrence has of the series follows it; what it has of its own stays. */
static void test_vdir_ics__occurrences_follow_the_series(void **state)
{
    struct fixture *f = *state;
    const char *file =
        CAL(MASTER MOVED "BEGIN:VEVENT\r\nUID:s\r\n"
                         "RECURRENCE-ID;TZID=Europe/Berlin:20301111T090000\r\n"
                         "DTSTART;TZID=Europe/Berlin:20301111T110000\r\nSUMMARY:All\r\n"
                         "END:VEVENT\r\n");
    const char *out = write_one(f, file, text("summary", "Every"));
    assert_null(strstr(out, "SUMMARY:All"));
    assert_non_null(strstr(out, "T110000\r\nSUMMARY:Every\r\n"));
    assert_non_null(strstr(out, "SUMMARY:Moved\r\nX-THEIRS:2\r\n"));
    /* A series no more: nothing of it is left over. */
    out = write_one(f, file, none("rrule"));
    assert_null(strstr(out, "RECURRENCE-ID"));
    assert_null(strstr(out, "EXDATE"));
    assert_int_equal(f->result.n_refused, 0);
}

/* Somebody was invited to one occurrence alone. */
static void test_vdir_ics__one_occurrence_alone(void **state)
{
    struct fixture *f = *state;
    const char *file = CAL(MOVED);
    look(f, file);
    assert_null(test_field(&f->item, "rrule"));
    assert_int_equal(test_field(&f->item, "start")->time.ms, 1920110400000);
    write_one(f, file, text("rrule", "FREQ=DAILY"));
    assert_int_equal(f->result.n_refused, 1);
    same_again(f, file);
}

static void test_vdir_ics__what_is_there_twice_stays(void **state)
{
    static const char *const files[] = {
        EVENT("DTSTART:20300704T080000Z\r\nPRIORITY:01\r\nATTENDEE:mailto:a@x\r\n"
              "ATTENDEE;CN=A:mailto:A@x\r\nSUMMARY:a\r\nSUMMARY:b\r\n"),
        EVENT("DTSTART:20300704T080000Z\r\nRRULE:FREQ=DAILY\r\nEXDATE:20300705T080000Z,x\r\n"
              "EXDATE:20300705T080000Z\r\nRDATE:20300801T080000Z\r\n"),
        CAL(MASTER MOVED MOVED)};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        same_again(*state, files[i]);
    struct fixture *f = *state;
    const char *open = EVENT("DTSTART:20300704T080000Z\r\nORGANIZER;X=a\"b:mailto:a@x\r\n");
    write_one(f, open, text("organizer.cn", "Ada"));
    assert_string_equal(test_text(&f->item, "organizer.cn"), "Ada");
}

static void test_vdir_ics__memory_spent_at_any_point(void **state)
{
    struct fixture *f = *state;
    enum wess_code rc = WESS_TOO_BIG;
    const char *file = CAL(MASTER MOVED);
    for (size_t at = 1; rc != WESS_OK; at++) {
        struct lines v;
        struct lines_fault fault;
        struct wess_field w[] = {text("summary", "x"), none("overrides"), text("organizer", "a@b")};
        struct wess_op op = {.what = WESS_UPDATE, .item = {.fields = w, .n_fields = 3}};
        struct wess_result r = {.code = WESS_UNKNOWN};
        testhost_drop(&f->th);
        assert_true(vdir_events.read(&v, file, strlen(file), &fault));
        f->th.arena.fail_at = at;
        rc = vdir_events.edit(&f->call, &v, &op, &r);
        if (rc == WESS_OK)
            rc = vdir_events.item(&f->call, &v, "a.ics", true, &f->item);
        f->th.arena.fail_at = 0;
        lines_fini(&v);
        assert_true(rc == WESS_OK || rc == WESS_TOO_BIG);
        assert_true(at < 2000);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_vdir_ics__##name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_field_of_an_event),
        TEST(every_field_of_a_task),
        TEST(a_long_text_is_a_blob),
        TEST(zones),
        TEST(a_new_zone_is_defined),
        TEST(ends),
        TEST(folds_and_line_ends),
        TEST(words_that_the_standard_lacks),
        TEST(days_of_a_task),
        TEST(reminders),
        TEST(people),
        TEST(identifier_and_keys),
        TEST(broken_files),
        TEST(a_series),
        TEST(an_end_before_the_hour),
        TEST(occurrences_change),
        TEST(a_series_at_another_hour),
        TEST(occurrences_follow_the_series),
        TEST(one_occurrence_alone),
        TEST(what_is_there_twice_stays),
        TEST(memory_spent_at_any_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
