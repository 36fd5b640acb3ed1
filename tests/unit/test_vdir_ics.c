/* Calendar files: every field of events and tasks there and back, and what is not ours kept. */
#include <libical/ical.h>

#include "model/model.h"
#include "vdir_ics.h"

/* ---- values
 * ------------------------------------------------------------------------------------------ */

static struct wess_field date(const char *name, const char *value)
{
    struct wess_field f = text(name, value);
    f.type = WESS_DATE;
    return f;
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

static const char *const added[] = {"2030-07-05T09:00:00", "2030-08-01T23:30:00",
                                    "2030-12-24T12:00:00"};

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
                (struct wess_field){.name = def->name,
                                    .type = WESS_SET,
                                    .set = {strcmp(def->name, "rdate") ? tags : added, n}};
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
        if (!strcmp(def->fields[i].name, "attach") ||      /* a setting's: test_attachments.py */
            !strcmp(def->fields[i].name, "recurrence-id")) /* of an occurrence alone, read only */
            continue;
        look(f, plain);
        if (!alone(def->fields[i].name))
            assert_null(test_field(&f->item, def->fields[i].name));
        bool recurs =
            !strcmp(def->fields[i].name, "overrides") || !strcmp(def->fields[i].name, "rdate");
        go_round(f, recurs ? series : plain, &def->fields[i]);
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

/* One occurrence that lies there without its series is another thing than that. */
static void test_vdir_ics__an_occurrence_alone_has_its_moment_in_its_key(void **state)
{
    struct fixture *f = *state;
    f->conn.kind = &vdir_events;
    look(f, EVENT("DTSTART:20300704T080000Z\r\nRECURRENCE-ID:20300704T070000Z\r\n"));
    assert_non_null(test_field(&f->item, "recurrence-id"));
    bool found = false;
    for (size_t i = 0; i < f->item.n_keys; i++)
        found |= !strcmp(f->item.keys[i].space, "uid") &&
                 strstr(f->item.keys[i].id, "|1909378800000") != NULL;
    assert_true(found);
}

static void test_vdir_ics__every_field_of_a_task(void **state)
{
    all_rows(*state, &vdir_tasks, TASK(FOREIGN), TASK(FOREIGN));
}

/* A definition says the same as the tables that it was made of, for years before and behind. */
static void test_vdir_ics__definitions_keep_the_hours(void **state)
{
    static const char *const zones[] = {
        "Europe/Berlin",     "Europe/Dublin",    "America/New_York", "America/Sao_Paulo",
        "America/St_Johns",  "Australia/Sydney", "Asia/Kathmandu",   "Australia/Lord_Howe",
        "Pacific/Chatham",   "America/Havana",   "Asia/Tehran",      "Asia/Jerusalem",
        "Africa/Casablanca", "America/Asuncion", "Europe/Moscow",    "Asia/Tokyo",
        "Europe/Lisbon",     "America/Caracas"};
    static const int years[] = {1970, 1999, 2006, 2018, 2026, 2040};
    size_t compared = 0;
    (void)state;
    for (size_t z = 0; z < sizeof(zones) / sizeof(zones[0]); z++)
        for (size_t y = 0; y < sizeof(years) / sizeof(years[0]); y++) {
            struct icaltimetype from = {.year = years[y], .month = 7, .day = 1};
            from.zone = icaltimezone_get_utc_timezone();
            int64_t start = (int64_t)icaltime_as_timet(from) * 1000;
            struct lines_buf b = {0};
            assert_true(ics_define_zone(zones[z], start, &b));
            icalcomponent *c = icalparser_parse_string(b.data);
            icaltimezone *zone = icaltimezone_new();
            assert_true(c && icaltimezone_set_component(zone, c));
            for (int day = 0; day < 6 * 365; day += 9, compared++) {
                int64_t at = start + ((int64_t)day * 24 + 12) * 3600000;
                struct icaltimetype t = icaltime_from_timet_with_zone((time_t)(at / 1000), 0, NULL);
                int minutes = 0, summer = 0;
                t.zone = icaltimezone_get_utc_timezone();
                assert_true(wess_zone_offset(at, zones[z], &minutes));
                int told = icaltimezone_get_utc_offset_of_utc_time(zone, &t, &summer);
                if (told / 60 != minutes)
                    fail_msg("%s, %d days behind July %d: %d, not %d\n%s", zones[z], day, years[y],
                             told / 60, minutes, b.data);
            }
            icaltimezone_free(zone, 1);
            lines_buf_fini(&b);
        }
    print_message("%zu instants\n", compared);
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

static const char *fault_of(struct fixture *f, const char *text, size_t *line)
{
    struct lines v;
    struct lines_fault fault;
    bool ok = f->conn.kind->read(&v, text, strlen(text), &fault);
    lines_fini(&v);
    *line = ok ? 0 : fault.line;
    return ok ? NULL : fault.why;
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

/* A definition that claims a change each second is none. */
static void test_vdir_ics__a_zone_without_bounds(void **state)
{
    static const char file[] =
        CAL("BEGIN:VTIMEZONE\r\nTZID:Our office\r\nBEGIN:STANDARD\r\nDTSTART:16010101T030000\r\n"
            "TZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nRRULE:FREQ=SECONDLY\r\nEND:STANDARD\r\n"
            "END:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:u\r\n"
            "DTSTART;TZID=Our office:20300704T090000\r\nEND:VEVENT\r\n");
    size_t line;
    const char *why = fault_of(*state, file, &line);
    assert_true(why && strstr(why, "zone") && line == 14);
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

/* What other programs show instead of a text would go on saying what it said. */
static void test_vdir_ics__what_stands_for_a_text_goes_with_it(void **state)
{
#define HTML "X-ALT-DESC;FMTTYPE=text/html:<p>Old</p>\r\n"
#define RICH "X-ALT-DESC;FMTTYPE=text/rtf:Old\r\n"
#define MAP "X-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-TITLE=Hall:geo:51.5,7.5\r\n"
    struct fixture *f = *state;
    static const char file[] = EVENT(
        "DTSTART;TZID=Europe/Berlin:20300701T090000\r\nDTEND;TZID=Europe/Berlin:20300701T100000"
        "\r\nRRULE:FREQ=WEEKLY\r\nDESCRIPTION:Old\r\n" HTML RICH "LOCATION:Hall\r\n" MAP);
    struct wess_field place = text("location", "Café");
    struct wess_record other = {"2030-07-08", &place, 1};
    struct wess_field overrides = {
        .name = "overrides", .type = WESS_RECORDS, .records = {&other, 1}};
    same_again(f, file);
    const char *out = write_one(f, file, text("description", "New"));
    assert_null(strstr(out, "X-ALT-DESC"));
    assert_non_null(strstr(out, MAP));
    out = write_one(f, file, text("location", "Tower"));
    assert_non_null(strstr(out, HTML));
    assert_null(strstr(out, MAP));
    /* The one that is elsewhere is not on the map where the series is. */
    out = write_one(f, file, overrides);
    const char *map = strstr(out, MAP), *html = strstr(out, HTML);
    assert_true(map && html);
    assert_null(strstr(map + 1, MAP));
    assert_non_null(strstr(html + 1, HTML));
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

/* Who organises may be said by a place of the calendar's own, with the address beside it. */
static void test_vdir_ics__an_organizer_elsewhere(void **state)
{
    static const char apple[] =
        EVENT("DTSTART:20300704T070000Z\r\nORGANIZER;CN=Cy;EMAIL=cy@x:/principal/1\r\n");
    static const char urn[] = EVENT("DTSTART:20300704T070000Z\r\nORGANIZER;CN=Cy:urn:uuid:1\r\n");
    struct fixture *f = *state;
    look(f, apple);
    assert_string_equal(test_text(&f->item, "organizer"), "cy@x");
    assert_string_equal(write_one(f, apple, text("organizer", "ada@x")), apple);
    assert_int_equal(f->result.n_refused, 1);
    look(f, urn);
    assert_null(test_field(&f->item, "organizer"));
    assert_string_equal(write_one(f, urn, text("organizer", "ada@x")), urn);
    assert_int_equal(f->result.n_refused, 1);
}

/* An answer that is none elsewhere, and what the core spells otherwise, stay with their guest. */
static void test_vdir_ics__guests_that_nobody_changed(void **state)
{
    static const char file[] = EVENT(
        "DTSTART:20300704T070000Z\r\nATTENDEE;PARTSTAT=DELEGATED;CN=A;DELEGATED-TO=\"mailto:c@x\""
        ":mailto:a@x\r\nATTENDEE;CN=\"B  B\";PARTSTAT=NEEDS-ACTION:mailto:b@x\r\n");
    struct wess_field a[] = {text("value", "a@x"), text("cn", "A"),
                             text("role", "REQ-PARTICIPANT")},
                      b[] = {text("value", "b@x"), text("cn", "B B"),
                             text("role", "REQ-PARTICIPANT")},
                      c[] = {text("value", "a@x"), text("cn", "A A"),
                             text("role", "REQ-PARTICIPANT")};
    struct wess_record had[] = {{"a@x", a, 3}, {"b@x", b, 3}},
                       want[] = {{"a@x", c, 3}, {"b@x", b, 3}};
    struct wess_field before = {.name = "attendees", .type = WESS_RECORDS, .records = {had, 2}},
                      after = {.name = "attendees", .type = WESS_RECORDS, .records = {want, 2}};
    const struct wess_item was = {.fields = &before, .n_fields = 1};
    const struct wess_op op = {
        .what = WESS_UPDATE, .before = &was, .item = {.fields = &after, .n_fields = 1}};
    const char *out = apply(*state, file, &op);
    assert_non_null(
        strstr(out, "ATTENDEE;PARTSTAT=DELEGATED;DELEGATED-TO=\"mailto:c@x\";CN=\"A A\""));
    assert_non_null(strstr(out, "ATTENDEE;CN=\"B  B\";PARTSTAT=NEEDS-ACTION:mailto:b@x\r\n"));
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
        /* Told without its rule it would be one event, and its twin cut down to that. */
        {EVENT("DTSTART:20300704\r\nRRULE:FREQ=DAILY;COUNT=3;UNTIL=20301231\r\n"), "rule", 7},
        {EVENT("DTSTART:20300704\r\nRRULE:FREQ=DAILY;X-MORE=1\r\n"), "rule", 7},
        {EVENT("DTSTART:20300704\r\nRRULE:RSCALE=CHINESE;FREQ=YEARLY\r\n"), "rule", 7},
        {EVENT("DTSTART:20300704\r\nRRULE:FREQ=DAILY;UNTIL=soon\r\n"), "rule", 7},
        {EVENT("DTSTART:20300704\r\nRRULE:\r\n"), "rule", 7},
        {EVENT("DTSTART:20300704\r\nRRULE:FREQ=DAILY\r\nRRULE:FREQ=YEARLY\r\n"), "one rule", 8},
        {EVENT("DTSTART:20300704\r\nRRULE:FREQ=DAILY\r\nEXRULE:FREQ=YEARLY\r\n"), "one rule", 8},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t line;
        const char *why = fault_of(f, cases[i].file, &line);
        if (!why || !strstr(why, cases[i].why) || line != cases[i].line)
            fail_msg("case %zu: line %zu: %s", i, line, why ? why : "sound");
    }
    size_t line;
    assert_null(fault_of(f, EVENT("DTSTART:20300704\r\nRRULE:freq=daily;;wkst=mo;\r\n"), &line));
    f->conn.kind = &vdir_tasks;
    assert_non_null(fault_of(f, TASK("DUE:20300704\r\nRRULE:W1 MO\r\n"), &line));
    f->conn.kind = &vdir_events;
    /* A task among events is sound, and nothing of theirs. */
    struct lines v;
    struct lines_fault fault;
    const char *task = TASK("");
    assert_true(vdir_events.read(&v, task, strlen(task), &fault));
    assert_false(vdir_events.is_ours(&v));
    lines_fini(&v);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_vdir_ics__##name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_field_of_an_event),
        TEST(an_occurrence_alone_has_its_moment_in_its_key),
        TEST(every_field_of_a_task),
        TEST(definitions_keep_the_hours),
        TEST(a_long_text_is_a_blob),
        TEST(zones),
        TEST(a_zone_without_bounds),
        TEST(a_new_zone_is_defined),
        TEST(ends),
        TEST(folds_and_line_ends),
        TEST(what_stands_for_a_text_goes_with_it),
        TEST(words_that_the_standard_lacks),
        TEST(days_of_a_task),
        TEST(reminders),
        TEST(people),
        TEST(an_organizer_elsewhere),
        TEST(guests_that_nobody_changed),
        TEST(identifier_and_keys),
        TEST(broken_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
