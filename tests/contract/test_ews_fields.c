/* Every row of the field tables goes round against the rehearsal Exchange: written with a new item,
 * cleared, written again; the longest there is, beyond the first plane, each word and each slot.
 * The rows come from what the connector says of itself. */
#include <curl/curl.h>

#include "box.h"

struct kind {
    const char *collection, *name; /* the field that every item is given */
};
static const struct kind contact = {"contacts", "fn"}, task = {"tasks", "summary"},
                         event = {"calendar", "summary"};

static int set_up(void **state)
{
    struct box *b = box_new("ews", NULL, "empty");
    const json_t *of = json_object_get(json_object_get(b->info, "exchange"), "mailboxes");
    size_t n = 0;
    b->settings[n++] = (struct testhost_setting){"url", box_info(b, "exchange", "url")};
    b->settings[n++] = (struct testhost_setting){"username", box_info(b, "exchange", "username")};
    b->settings[n++] = (struct testhost_setting){"password", box_info(b, "exchange", "password")};
    b->settings[n++] = (struct testhost_setting){"auth", "basic"};
    b->settings[n++] = (struct testhost_setting){
        "impersonate", json_string_value(json_object_get(json_array_get(of, 0), "address"))};
    box_open(b, "contacts", n, 0);
    b->th.now_ms = (int64_t)1795860000 * 1000; /* some day in November 2026 */
    *state = b;
    return 0;
}

/* ---- values
 * ------------------------------------------------------------------------------------------ */

static struct wess_field text(const char *name, const char *value)
{
    return (struct wess_field){.name = name, .type = WESS_TEXT, .str = {value, strlen(value)}};
}

static struct wess_field at(const char *name, const char *local, const char *zone, int64_t ms)
{
    return (struct wess_field){.name = name, .type = WESS_TIME, .time = {local, zone, ms}};
}

static struct wess_field day(const char *name, const char *date)
{
    return (struct wess_field){.name = name, .type = WESS_DATE, .str = {date, 10}};
}

static bool same(const struct wess_field *a, const struct wess_field *b);

static bool same_records(const struct wess_records *a, const struct wess_records *b)
{
    bool same_all = a->n == b->n;
    for (size_t i = 0; same_all && i < a->n; i++) {
        const struct wess_record *other = NULL;
        for (size_t k = 0; k < b->n; k++)
            if (!strcmp(a->of[i].key, b->of[k].key))
                other = &b->of[k];
        same_all = other != NULL;
        for (size_t k = 0; same_all && k < a->of[i].n; k++) {
            bool found = false;
            for (size_t m = 0; m < other->n; m++)
                found |= !strcmp(a->of[i].fields[k].name, other->fields[m].name) &&
                         same(&a->of[i].fields[k], &other->fields[m]);
            same_all = found;
        }
    }
    return same_all;
}

static bool same(const struct wess_field *a, const struct wess_field *b)
{
    if (!a || !b || a->type != b->type)
        return a == b;
    switch ((enum wess_type)a->type) {
    case WESS_TEXT:
    case WESS_DATE:
    case WESS_DECIMAL:
        return a->str.len == b->str.len && !memcmp(a->str.data, b->str.data, a->str.len);
    case WESS_TIME:
        return a->time.ms == b->time.ms;
    case WESS_SET:
        for (size_t i = 0; a->set.n == b->set.n && i < a->set.n; i++)
            if (strcmp(a->set.of[i], b->set.of[i]))
                return false;
        return a->set.n == b->set.n;
    case WESS_RECORDS:
        return same_records(&a->records, &b->records);
    case WESS_BOOL:
    case WESS_INT:
        return a->num == b->num;
    case WESS_NULL:
    case WESS_LINK:
    case WESS_BLOB:
        break;
    }
    return false;
}

/* ---- one field goes round
 * ------------------------------------------------------------------------------------------ */

struct round {
    struct box *b;
    const struct kind *kind;
    unsigned n;
    size_t trips;
};

static void write_one(struct round *r, struct wess_op *op, struct wess_result *out,
                      const char *what)
{
    const char *field = op->item.n_fields ? op->item.fields[op->item.n_fields - 1].name : "item";
    assert_int_equal(box_apply(r->b, op, 1, out), WESS_OK);
    if (out->code != WESS_OK)
        fail_msg("%s %s: %s %s", field, what, out->text ? out->text : "",
                 out->n_refused ? out->refused[0].text : "");
}

static void expect(struct round *r, const char *id, const struct wess_field *want, const char *what,
                   struct wess_item *now)
{
    *now = box_fetch(r->b, id);
    const struct wess_field *name = test_field(now, r->kind->name);
    const struct wess_field *got = test_field(now, want->name);
    if (!name || strncmp(name->str.data, "Round", 5))
        fail_msg("%s %s: the name of the item changed", want->name, what);
    if (want->type == WESS_NULL ? got != NULL : !same(want, got))
        fail_msg("%s %s: it shows %s", want->name, what,
                 !got                     ? "nothing"
                 : got->type == WESS_TEXT ? (const char *)got->str.data
                                          : "something else");
    r->trips++;
}

/* `beside`: what the field cannot be without; its name NULL: nothing. */
static void go(struct round *r, struct wess_field value, struct wess_field beside)
{
    char name[40], stamp[40];
    snprintf(name, sizeof(name), "Round %u", ++r->n);
    snprintf(stamp, sizeof(stamp), "round%u", r->n);
    struct wess_field none = {.name = value.name, .type = WESS_NULL};
    struct wess_field fields[5] = {text(r->kind->name, name)};
    size_t n = 1;
    if (r->kind == &event) { /* which is at some time */
        fields[n++] = at("start", "2031-03-04T09:00:00", "Europe/Berlin", 1930377600000);
        fields[n++] = at("end", "2031-03-04T10:00:00", "Europe/Berlin", 1930381200000);
    }
    struct wess_item now;
    struct wess_result out;
    bool is_name = !strcmp(value.name, r->kind->name);
    if (beside.name)
        fields[n++] = beside;
    fields[is_name ? 0 : n] = value;
    n += !is_name;
    r->b->call.collection = r->kind->collection;
    struct wess_op op = {
        .what = WESS_CREATE, .stamp = stamp, .item = {.fields = fields, .n_fields = n}};
    write_one(r, &op, &out, "created");
    char *id = strdup(out.id);
    expect(r, id, &value, "created", &now);
    if (!is_name) {
        op = (struct wess_op){.what = WESS_UPDATE,
                              .before = &now,
                              .item = {.id = id, .fields = &none, .n_fields = 1}};
        write_one(r, &op, &out, "cleared");
        expect(r, id, &none, "cleared", &now);
        op.item.fields = &value;
        write_one(r, &op, &out, "written");
        expect(r, id, &value, "written", &now);
    }
    op = (struct wess_op){.what = WESS_DELETE, .before = &now, .item = {.id = id}};
    write_one(r, &op, &out, "deleted");
    free(id);
    testhost_drop(&r->b->th);
}

#define ALONE ((struct wess_field){.name = NULL})

/* `n` times the same letters, which are "Round" at first for the name of the item. */
static char *repeated(const char *what, size_t n)
{
    size_t len = strlen(what);
    char *out = malloc(n * len + 6);
    assert_non_null(out);
    strcpy(out, "Round");
    for (size_t i = 0; i < n; i++)
        memcpy(out + 5 + i * len, what, len + 1);
    return out;
}

static void go_text(struct round *r, const struct wess_field_schema *s)
{
    static const char *const more[] = {"Round \U0001f4d3 \U00020000 Stra\u00dfe", "Round <&>\"'"};
    size_t most = s->max_len ? s->max_len : 5000;
    bool uri = !strcmp(s->name, "url");
    if (uri) {
        go(r, text(s->name, "https://example.com/a?b=c&d"), ALONE);
        return;
    }
    if (!strcmp(s->name, "rrule")) {
        struct wess_field start = {.name = "start", .type = WESS_DATE, .str = {"2030-01-07", 10}};
        if (r->kind == &event)
            go(r, text(s->name, "FREQ=WEEKLY;COUNT=5;BYDAY=TU,TH"), ALONE);
        else
            go(r, text(s->name, "FREQ=WEEKLY;COUNT=5;BYDAY=MO,WE"), start);
        return;
    }
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
        go(r, text(s->name, more[i]), ALONE);
    char *narrow = repeated("x", most - 5), *wide = repeated("\U0001f4d3", (most - 5) / 2);
    go(r, text(s->name, narrow), ALONE);
    go(r, text(s->name, wide), ALONE);
    free(narrow);
    free(wide);
}

static void go_record(struct round *r, const char *name, const char *key, const char *part,
                      const char *value)
{
    struct wess_field f = text(part, value);
    struct wess_record record = {key, &f, 1};
    go(r, (struct wess_field){.name = name, .type = WESS_RECORDS, .records = {&record, 1}}, ALONE);
}

static void go_records(struct round *r, const struct wess_field_schema *s)
{
    static const char *const parts[] = {"street", "locality", "region", "code", "country"};
    char *wide = repeated("\U0001f4d3", 125);
    for (size_t i = 0; i < s->allowed.n; i++) {
        if (strcmp(s->name, "address")) {
            go_record(r, s->name, s->allowed.of[i], "value", wide);
            continue;
        }
        for (size_t k = 0; k < 5; k++)
            go_record(r, s->name, s->allowed.of[i], parts[k], wide);
    }
    if (!strcmp(s->name, "email"))
        go_record(r, s->name, "ada@example.com", "value", "ada@example.com");
    free(wide);
}

static void go_words(struct round *r, const struct wess_field_schema *s)
{
    static const char *const presets[] = {"PUBLIC", "NEEDS-ACTION", "BUSY", "CONFIRMED"};
    for (size_t i = 0; i < s->allowed.n; i++) {
        bool preset = false;
        for (size_t k = 0; k < sizeof(presets) / sizeof(presets[0]); k++)
            preset |= !strcmp(presets[k], s->allowed.of[i]);
        if (!preset) /* which is no value */
            go(r, text(s->name, s->allowed.of[i]), ALONE);
    }
}

static void go_number(struct round *r, const struct wess_field_schema *s)
{
    static const int64_t of[] = {1, 9, 15, 50};
    bool priority = !strcmp(s->name, "priority"); /* three steps */
    for (size_t i = priority ? 0 : 2; i < (priority ? 2u : 4u); i++)
        go(r, (struct wess_field){.name = s->name, .type = WESS_INT, .num = of[i]}, ALONE);
}

/* Which Exchange does not have: told by its name. */
static void go_refused(struct round *r, const struct wess_field_schema *s)
{
    static const char *const of[] = {"2031-03-05T09:00:00"};
    struct wess_field fields[] = {
        text("summary", "Round added"),
        at("start", "2031-03-04T09:00:00", "Europe/Berlin", 1930377600000),
        {.name = s->name, .type = WESS_SET, .set = {of, 1}}};
    struct wess_result out;
    struct wess_op op = {.what = WESS_CREATE, .item = {.fields = fields, .n_fields = 3}};
    r->b->call.collection = r->kind->collection;
    assert_int_equal(box_apply(r->b, &op, 1, &out), WESS_OK);
    assert_int_equal(out.code, WESS_REJECTED);
    assert_int_equal(out.n_refused, 1);
    assert_string_equal(out.refused[0].field, s->name);
    r->trips++;
}

static void go_set(struct round *r, const struct wess_field_schema *s)
{
    if (!strcmp(s->name, "rdate")) {
        go_refused(r, s);
        return;
    }
    static const char *const of[] = {"Red", "\U0001f4d3 & <co>"};
    go(r, (struct wess_field){.name = s->name, .type = WESS_SET, .set = {of, 2}}, ALONE);
}

static void go_date(struct round *r, const struct wess_field_schema *s)
{
    static const char *const of[] = {"1969-07-20", "2000-02-29", "2026-11-01"};
    /* Exchange keeps the day of completion as long as the task is complete. */
    bool done = !strcmp(s->name, "completed");
    for (size_t i = 0; i < 3 && !done; i++)
        go(r, (struct wess_field){.name = s->name, .type = WESS_DATE, .str = {of[i], 10}}, ALONE);
}

static void go_time(struct round *r, const struct wess_field_schema *s)
{
    struct wess_field when = {.name = s->name,
                              .type = WESS_TIME,
                              .time = {"2031-03-04T09:00:00", "Etc/UTC", 1930381200000}};
    if (!strcmp(s->name, "alarm")) /* start and end have tests of their own */
        go(r, when, ALONE);
}

static void go_field(struct round *r, const struct wess_field_schema *s)
{
    if ((s->flags & (WESS_FIELD_READ_ONLY | WESS_FIELD_ON_CREATE)) || strstr(s->name, "address."))
        return;
    if (s->type == WESS_TEXT && s->allowed.n)
        go_words(r, s);
    else if (s->type == WESS_TEXT)
        go_text(r, s);
    else if (s->type == WESS_RECORDS)
        go_records(r, s);
    else if (s->type == WESS_INT)
        go_number(r, s);
    else if (s->type == WESS_SET)
        go_set(r, s);
    else if (s->type == WESS_DATE)
        go_date(r, s);
    else if (s->type == WESS_TIME)
        go_time(r, s);
}

/* Rows with tests of their own, below: all others go round by what the table says of them. */
static bool has_own_test(const struct wess_field_schema *s)
{
    static const char *const own[] = {"start",     "end",   "completed", "overrides",
                                      "attendees", "rdate", "photo"};
    bool apart = (s->flags & (WESS_FIELD_READ_ONLY | WESS_FIELD_ON_CREATE)) != 0 ||
                 strstr(s->name, "address.") != NULL; /* its parts */
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        apart |= !strcmp(own[i], s->name);
    return apart;
}

static void go_kind(struct box *b, const struct kind *kind, size_t least)
{
    struct round r = {b, kind, 0, 0};
    struct wess_schema schema;
    struct wess_field_schema *of = NULL;
    size_t n = 0;
    assert_int_equal(b->c->describe(&b->call, &schema), WESS_OK);
    for (size_t i = 0; i < schema.n; i++)
        if (!strcmp(schema.of[i].id, kind->collection)) {
            n = schema.of[i].n_fields;
            of = malloc(n * sizeof(*of));
            memcpy(of, schema.of[i].fields, n * sizeof(*of)); /* of constants */
        }
    assert_non_null(of);
    for (size_t i = 0; i < n; i++) {
        size_t before = r.trips;
        go_field(&r, &of[i]);
        if (r.trips == before && !has_own_test(&of[i]))
            fail_msg("%s: no value of it went round", of[i].name);
    }
    free(of);
    print_message("%zu trips\n", r.trips);
    assert_true(r.trips >= least);
}

static void test_ews_fields__of_a_contact_go_round(void **state)
{
    go_kind(*state, &contact, 300);
}

static void test_ews_fields__of_a_task_go_round(void **state)
{
    go_kind(*state, &task, 60);
}

/* Status, percentage and day of completion are one thing to Exchange. */
static void test_ews_fields__a_task_is_done_and_undone(void **state)
{
    struct round r = {*state, &task, 0, 0};
    struct box *b = r.b;
    struct wess_field made[] = {
        text("summary", "Round done"),
        text("status", "COMPLETED"),
        {.name = "completed", .type = WESS_DATE, .str = {"2026-11-01", 10}}};
    struct wess_field undone[] = {text("status", "IN-PROCESS"),
                                  {.name = "completed", .type = WESS_NULL}};
    struct wess_op op = {.what = WESS_CREATE, .item = {.fields = made, .n_fields = 3}};
    struct wess_result out;
    b->call.collection = "tasks";
    write_one(&r, &op, &out, "created");
    struct wess_item now = box_fetch(b, out.id);
    assert_string_equal(test_text(&now, "completed"), "2026-11-01");
    assert_int_equal(test_field(&now, "percent-complete")->num, 100);
    op = (struct wess_op){.what = WESS_UPDATE,
                          .before = &now,
                          .item = {.id = now.id, .fields = undone, .n_fields = 2}};
    write_one(&r, &op, &out, "undone");
    now = box_fetch(b, now.id);
    assert_string_equal(test_text(&now, "status"), "IN-PROCESS");
    assert_null(test_field(&now, "completed"));
}

/* A reminder of the past would ring at once: it is left out. */
static void test_ews_fields__no_reminder_is_of_the_past(void **state)
{
    struct round r = {*state, &task, 0, 0};
    struct wess_field made[] = {text("summary", "Round late"),
                                {.name = "alarm",
                                 .type = WESS_TIME,
                                 .time = {"2020-03-04T09:00:00", "Etc/UTC", 1583312400000}}};
    struct wess_op op = {.what = WESS_CREATE, .item = {.fields = made, .n_fields = 2}};
    struct wess_result out;
    r.b->call.collection = "tasks";
    write_one(&r, &op, &out, "created");
    struct wess_item now = box_fetch(r.b, out.id);
    assert_null(test_field(&now, "alarm"));
}

/* ---- events
 * ------------------------------------------------------------------------------------------ */

static void test_ews_fields__of_an_event_go_round(void **state)
{
    go_kind(*state, &event, 60);
}

static struct wess_item make(struct round *r, struct wess_field *fields, size_t n)
{
    struct wess_result out;
    struct wess_op op = {.what = WESS_CREATE, .item = {.fields = fields, .n_fields = n}};
    r->b->call.collection = "calendar";
    write_one(r, &op, &out, "created");
    return box_fetch(r->b, out.id);
}

static struct wess_result change(struct round *r, const struct wess_item *now,
                                 struct wess_field *fields, size_t n)
{
    struct wess_result out;
    struct wess_op op = {.what = WESS_UPDATE,
                         .before = now,
                         .item = {.id = now->id, .fields = fields, .n_fields = n}};
    assert_int_equal(box_apply(r->b, &op, 1, &out), WESS_OK);
    return out;
}

/* Days are days in whatever zone their midnights are told. */
static void test_ews_fields__whole_days_stay_whole_days(void **state)
{
    static const char *const zones[] = {"Etc/UTC", "Pacific/Auckland", "America/Los_Angeles",
                                        "Asia/Kolkata", "Europe/London"};
    struct round r = {*state, &event, 0, 0};
    for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
        size_t n = 0;
        while (r.b->settings[n].name && strcmp(r.b->settings[n].name, "time_zone"))
            n++;
        r.b->settings[n] = (struct testhost_setting){"time_zone", zones[i]};
        box_open(r.b, "calendar", n + 1, 0);
        /* One day, and one across a change of the clocks. */
        struct wess_field one[] = {text("summary", "Round day"), day("start", "2030-07-04")};
        struct wess_field more[] = {text("summary", "Round days"), day("start", "2030-03-29"),
                                    day("end", "2030-04-02")};
        struct wess_item now = make(&r, one, 2);
        assert_string_equal(test_text(&now, "start"), "2030-07-04");
        assert_string_equal(test_text(&now, "end"), "2030-07-05");
        now = make(&r, more, 3);
        assert_string_equal(test_text(&now, "start"), "2030-03-29");
        assert_string_equal(test_text(&now, "end"), "2030-04-02");
        /* From days to hours, and back. */
        struct wess_field hours[] = {at("start", "2030-03-29T09:00:00", "Europe/Paris", 0),
                                     at("end", "2030-03-29T10:00:00", "Europe/Paris", 0)};
        assert_int_equal(change(&r, &now, hours, 2).code, WESS_OK);
        now = box_fetch(r.b, now.id);
        assert_string_equal(test_field(&now, "start")->time.local, "2030-03-29T09:00:00");
        assert_true(test_field(&now, "start")->time.ms == 1901001600000);
        assert_int_equal(change(&r, &now, more + 1, 2).code, WESS_OK);
        now = box_fetch(r.b, now.id);
        assert_string_equal(test_text(&now, "end"), "2030-04-02");
    }
}

/* Wall clocks by hand: summer, winter, the hour that comes twice, half hours, zones that are one.
 */
static void test_ews_fields__times_keep_instant_and_zone(void **state)
{
    static const struct {
        const char *local, *zone;
        int64_t given, ms;
        const char *shows;
    } rows[] = {
        {"2030-07-04T09:00:00", "Europe/Berlin", 0, 1909378800000, "Europe/Berlin"},
        {"2030-12-04T09:00:00", "Europe/Berlin", 0, 1922601600000, "Europe/Berlin"},
        {"2030-07-04T09:00:00", "Europe/Vienna", 0, 1909378800000, "Europe/Berlin"},
        {"2030-07-04T09:00:00", "Asia/Kolkata", 0, 1909366200000, "Asia/Calcutta"},
        {"2030-07-04T09:00:00", "America/New_York", 0, 1909400400000, "America/New_York"},
        {"2030-10-27T01:30:00", "Europe/London", 1919291400000, 1919291400000, "Europe/London"},
        {"2030-10-27T01:30:00", "Europe/London", 1919295000000, 1919295000000, "Europe/London"},
        {"2030-07-04T09:00:00", "Etc/UTC", 0, 1909386000000, "Etc/UTC"},
    };
    struct round r = {*state, &event, 0, 0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wess_field of[] = {text("summary", "Round time"),
                                  at("start", rows[i].local, rows[i].zone, rows[i].given)};
        struct wess_item now = make(&r, of, 2);
        const struct wess_field *start = test_field(&now, "start");
        assert_non_null(start);
        if (start->time.ms != rows[i].ms || strcmp(start->time.zone, rows[i].shows) ||
            strcmp(start->time.local, rows[i].local))
            fail_msg("row %zu: %s %s %lld", i, start->time.local, start->time.zone,
                     (long long)start->time.ms);
    }
}

static void test_ews_fields__an_event_that_cannot_be_is_refused_by_its_field(void **state)
{
    struct round r = {*state, &event, 0, 0};
    static const char utc[] = "Etc/UTC";
    const struct {
        struct wess_field of[3];
        const char *field;
    } rows[] = {
        {{text("summary", "x"), text("location", "y"), text("description", "z")}, "start"},
        {{at("start", "2030-07-04T09:00:00", utc, 0), at("end", "2030-07-04T08:00:00", utc, 0),
          text("summary", "x")},
         "end"},
        {{day("start", "2030-07-04"), at("end", "2030-07-04T08:00:00", utc, 0),
          text("summary", "x")},
         "end"},
        {{day("start", "2030-01-31"), text("rrule", "FREQ=MONTHLY;BYMONTHDAY=31"),
          text("summary", "x")},
         "rrule"},
    };
    r.b->call.collection = "calendar";
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wess_op op = {.what = WESS_CREATE, .item = {.fields = rows[i].of, .n_fields = 3}};
        struct wess_result out;
        assert_int_equal(box_apply(r.b, &op, 1, &out), WESS_OK);
        assert_int_equal(out.code, WESS_REJECTED);
        assert_int_equal(out.n_refused, 1);
        assert_string_equal(out.refused[0].field, rows[i].field);
    }
}

static int64_t sent(struct box *b)
{
    json_t *answer = box_control(b, "exchange/outbox?mailbox=x");
    int64_t n = box_number(answer, "sent");
    json_decref(answer);
    return n;
}

/* People come and go, and nobody is told. */
static void test_ews_fields__attendees_are_kept_and_never_told(void **state)
{
    struct round r = {*state, &event, 0, 0};
    struct wess_field ada[] = {text("value", "Ada@Example.com"), text("cn", "Ada \U0001f4d3"),
                               text("role", "REQ-PARTICIPANT")};
    struct wess_field ben[] = {text("value", "ben@example.com"), text("cn", "Ben"),
                               text("role", "OPT-PARTICIPANT")};
    struct wess_field room[] = {text("value", "room@example.com"), text("cn", "Room"),
                                text("role", "NON-PARTICIPANT")};
    struct wess_record of[] = {
        {"ada@example.com", ada, 3}, {"ben@example.com", ben, 3}, {"room@example.com", room, 3}};
    struct wess_field all = {.name = "attendees", .type = WESS_RECORDS, .records = {of, 3}};
    struct wess_field two = {.name = "attendees", .type = WESS_RECORDS, .records = {of + 1, 2}};
    struct wess_field fields[] = {text("summary", "Round table"),
                                  at("start", "2030-07-04T09:00:00", "Europe/Berlin", 0), all};
    struct wess_item now = make(&r, fields, 3);
    assert_true(same(test_field(&now, "attendees"), &all));
    assert_non_null(test_text(&now, "organizer"));
    assert_int_equal(change(&r, &now, &two, 1).code, WESS_OK);
    now = box_fetch(r.b, now.id);
    assert_true(same(test_field(&now, "attendees"), &two));
    struct wess_op op = {.what = WESS_DELETE, .before = &now, .item = {.id = now.id}};
    struct wess_result out;
    write_one(&r, &op, &out, "deleted");
    assert_int_equal(sent(r.b), 0);
}

static const char *person(struct box *b, const char *more)
{
    const json_t *of = json_object_get(json_object_get(b->info, "exchange"), "mailboxes");
    const char *address = json_string_value(json_object_get(json_array_get(of, 0), "address"));
    json_t *made = box_control(b, "exchange/create?mailbox=%s&kind=CalendarItem&%s", address, more);
    const char *id = json_string_value(json_object_get(made, "id"));
    char *copy = b->th.host.alloc(&b->th.arena, strlen(id) + 1);
    strcpy(copy, id);
    json_decref(made);
    return copy;
}

/* Of somebody else's meeting only reminder, categories and show-as are written. */
static void test_ews_fields__somebody_elses_meeting_is_left_alone(void **state)
{
    struct round r = {*state, &event, 0, 0};
    static const char *const tags[] = {"Workbooks"};
    r.b->call.collection = "calendar";
    struct wess_item now = box_fetch(
        r.b, person(r.b, "Subject=Round&Start=2030-07-04T07:00:00Z&End=2030-07-04T08:00:00Z"
                         "&MyResponseType=Accept&StartTimeZone=W.%20Europe%20Standard%20Time"));
    struct wess_field ours[] = {{.name = "alarm", .type = WESS_INT, .num = 30},
                                text("busystatus", "FREE"),
                                {.name = "categories", .type = WESS_SET, .set = {tags, 1}}};
    struct wess_field theirs[] = {ours[0], text("location", "Elsewhere")};
    struct wess_result out = change(&r, &now, theirs, 2);
    assert_int_equal(out.code, WESS_REJECTED);
    assert_int_equal(out.n_refused, 1);
    assert_string_equal(out.refused[0].field, "location");
    assert_int_equal(change(&r, &now, ours, 3).code, WESS_OK);
    now = box_fetch(r.b, now.id);
    assert_int_equal(test_field(&now, "alarm")->num, 30);
    assert_string_equal(test_text(&now, "busystatus"), "FREE");
    assert_null(test_field(&now, "location"));
    assert_string_equal(test_field(&now, "start")->time.local, "2030-07-04T09:00:00");
    assert_int_equal(sent(r.b), 0);
}

/* By the date on which they were to be, whatever hour the server tells; and not overwritten. */
static void test_ews_fields__changed_occurrences_are_shown_and_kept(void **state)
{
    struct round r = {*state, &event, 0, 0};
    r.b->call.collection = "calendar";
    struct wess_item now = box_fetch(
        r.b,
        person(r.b,
               "Subject=Round&Start=2030-09-02T07:00:00Z&End=2030-09-02T08:00:00Z"
               "&StartTimeZone=W.%20Europe%20Standard%20Time"
               "&Recurrence=%3Ct:DailyRecurrence%3E%3Ct:Interval%3E1%3C/t:Interval%3E"
               "%3C/t:DailyRecurrence%3E%3Ct:NoEndRecurrence%3E%3Ct:StartDate%3E2030-09-02"
               "%3C/t:StartDate%3E%3C/t:NoEndRecurrence%3E"
               "&ModifiedOccurrences=%3Ct:Occurrence%3E%3Ct:ItemId%20Id=%22x%22/%3E"
               "%3Ct:Start%3E2030-11-05T12:00:00Z%3C/t:Start%3E"
               "%3Ct:End%3E2030-11-05T13:00:00Z%3C/t:End%3E"
               "%3Ct:OriginalStart%3E2030-11-04T23:00:00Z%3C/t:OriginalStart%3E%3C/t:Occurrence%3E"
               "&DeletedOccurrences=%3Ct:DeletedOccurrence%3E%3Ct:Start%3E2030-11-06T08:00:00Z"
               "%3C/t:Start%3E%3C/t:DeletedOccurrence%3E"));
    assert_string_equal(test_text(&now, "rrule"), "FREQ=DAILY");
    assert_true(test_field(&now, "start")->time.ms == 0); /* it recurs: by local time and zone */
    assert_string_equal(test_field(&now, "start")->time.local, "2030-09-02T09:00:00");
    assert_int_equal(test_field(&now, "overrides")->records.n, 2);
    const struct wess_record *moved = test_record(&now, "overrides", "2030-11-05");
    const struct wess_record *gone = test_record(&now, "overrides", "2030-11-06");
    assert_non_null(moved);
    assert_string_equal(moved->fields[0].time.local, "2030-11-05T13:00:00");
    assert_string_equal(test_record_text(gone, "status"), "CANCELLED");
    struct wess_field later = at("start", "2030-09-02T10:00:00", "Europe/Berlin", 0);
    struct wess_field rename = text("summary", "Round still");
    struct wess_result out = change(&r, &now, &later, 1);
    assert_int_equal(out.code, WESS_REJECTED);
    assert_string_equal(out.refused[0].field, "start");
    assert_int_equal(change(&r, &now, &rename, 1).code, WESS_OK);
    now = box_fetch(r.b, now.id);
    assert_int_equal(test_field(&now, "overrides")->records.n, 2);
}

/* Found by its UID as well, which Exchange cannot be asked for by name. */
static void test_ews_fields__an_event_is_found_by_its_uid(void **state)
{
    struct round r = {*state, &event, 0, 0};
    struct wess_page page;
    static const char *const uids[] = {"round-1@example.com", NULL};
    for (size_t i = 0; i < 2; i++) {
        struct wess_field fields[] = {text("summary", "Round uid"),
                                      at("start", "2030-07-04T09:00:00", "Europe/Berlin", 0),
                                      text("uid", uids[i] ? uids[i] : "")};
        struct wess_item now = make(&r, fields, uids[i] ? 3 : 2);
        const char *key = r.b->th.host.fold(&r.b->th.arena, test_text(&now, "uid"));
        assert_true(test_has_key(&now, "uid", key));
        struct wess_key of = {"uid", key}, other = {"uid", "round-2@example.com"};
        assert_int_equal(r.b->c->find(&r.b->call, &of, 1, &page), WESS_OK);
        assert_int_equal(page.n, 1);
        assert_string_equal(page.changes[0].item.id, now.id);
        assert_true(page.flags & WESS_PAGE_LAST);
        /* Of one that others made, in capitals perhaps, nothing is claimed. */
        assert_int_equal(r.b->c->find(&r.b->call, &other, 1, &page), WESS_OK);
        assert_int_equal(page.n, 0);
        assert_false(page.flags & WESS_PAGE_LAST);
    }
}

/* ---- messages: read alone
 * ------------------------------------------------------------------------------------------ */

#define MAILBOX                                                                                    \
    "%3Ct:Mailbox%3E%3Ct:Name%3EAd%C3%A1%3C/t:Name%3E%3Ct:EmailAddress%3EAda@example.com"          \
    "%3C/t:EmailAddress%3E%3C/t:Mailbox%3E"
#define MAN "%F0%9F%93%93"
#define MAN10 MAN MAN MAN MAN MAN MAN MAN MAN MAN MAN

static const struct {
    const char *field, *query; /* as the server keeps it */
    const char *text;          /* as it is shown; NULL: records, a set, a time or a number */
} shown_rows[] = {
    {"subject", "Subject=" MAN10 MAN10, NULL},
    {"subject", "Subject=%3C%26%3E", "<&>"},
    {"body", "Body=A%0A" MAN, "A\n\U0001f4d3"},
    {"categories", "categories=Red," MAN, NULL},
    {"importance", "Importance=High", "HIGH"},
    {"importance", "Importance=Low", "LOW"},
    {"date", "DateTimeSent=2026-11-01T09:00:00Z", NULL},
    {"to", "ToRecipients=" MAILBOX, NULL},
    {"cc", "CcRecipients=" MAILBOX, NULL},
    {"from", "From=" MAILBOX, NULL},
    {"message-id", "InternetMessageId=%3Ca@example.com%3E", "<a@example.com>"},
    {"read", "IsRead=true", NULL},
};

/* The others a server fills in by itself. */
static const char *const may_be_absent[] = {"subject", "categories", "cc", "read"};

static struct wess_item mail_with(struct box *b, const char *query)
{
    const json_t *of = json_object_get(json_object_get(b->info, "exchange"), "mailboxes");
    const char *address = json_string_value(json_object_get(json_array_get(of, 0), "address"));
    json_t *made = box_control(b, "exchange/mail?mailbox=%s&%s", address, query);
    struct wess_item now = box_fetch(b, json_string_value(json_object_get(made, "id")));
    json_decref(made);
    return now;
}

/* Each row, with a value and without one; and none can be written. */
static void test_ews_fields__of_a_message_are_shown(void **state)
{
    struct box *b = *state;
    struct wess_schema schema;
    size_t rows = 0;
    assert_int_equal(b->c->describe(&b->call, &schema), WESS_OK);
    b->call.collection = "messages";
    for (size_t i = 0; i < schema.n; i++)
        for (size_t k = 0; !strcmp(schema.of[i].id, "messages") && k < schema.of[i].n_fields; k++) {
            bool has = !strcmp(schema.of[i].fields[k].name, "mime"); /* see test_ews_mime.c */
            for (size_t m = 0; m < sizeof(shown_rows) / sizeof(shown_rows[0]); m++)
                has |= !strcmp(shown_rows[m].field, schema.of[i].fields[k].name);
            if (!has)
                fail_msg("%s: it is never shown", schema.of[i].fields[k].name);
            assert_true(schema.of[i].fields[k].flags & WESS_FIELD_READ_ONLY);
            rows++;
        }
    assert_true(rows >= 10);
    for (size_t m = 0; m < sizeof(shown_rows) / sizeof(shown_rows[0]); m++) {
        struct wess_item bare = mail_with(b, "x=1"), now = mail_with(b, shown_rows[m].query);
        const struct wess_field *f = test_field(&now, shown_rows[m].field);
        if (!f || (shown_rows[m].text && strcmp(f->str.data, shown_rows[m].text) != 0))
            fail_msg("%s: it shows %s", shown_rows[m].field,
                     f && f->type == WESS_TEXT ? (const char *)f->str.data : "nothing");
        for (size_t k = 0; k < sizeof(may_be_absent) / sizeof(may_be_absent[0]); k++)
            if (!strcmp(may_be_absent[k], shown_rows[m].field))
                assert_null(test_field(&bare, shown_rows[m].field));
        testhost_drop(&b->th);
    }
    struct wess_field subject = text("subject", "Other");
    struct wess_result out;
    struct wess_op op = {.what = WESS_CREATE, .item = {.fields = &subject, .n_fields = 1}};
    assert_int_equal(box_apply(b, &op, 1, &out), WESS_BROKEN);
}

/* ---- chance
 * ------------------------------------------------------------------------------------------ */

static unsigned chance(unsigned *seed, unsigned n)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % n;
}

static const char *words(struct box *b, unsigned *seed, size_t most)
{
    static const char *const of[] = {"alpha ",  "\u00df\u0142 ", "\U0001f4d3", "<&> ",  "\"q\" ",
                                     "\u05d0 ", "\u65e5\u672c ", "a;b,c ",     "100% ", "]]> "};
    char *out = b->th.host.alloc(&b->th.arena, 400);
    strcpy(out, "Round");
    for (unsigned n = chance(seed, 12); n; n--) {
        const char *word = of[chance(seed, 10)];
        if (strlen(out) + strlen(word) < most)
            strcat(out, word);
    }
    strcat(out, "."); /* no space at the end */
    return out;
}

/* false: this one is left out. */
static bool random_field(struct box *b, unsigned *seed, const struct wess_field_schema *s,
                         struct wess_field *out)
{
    static const char *const no[] = {"rrule", "start", "end", "url", "completed", "uid", "alarm"};
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
        if (!strcmp(no[i], s->name))
            return false;
    if (strstr(s->name, "address.") || (s->flags & WESS_FIELD_READ_ONLY))
        return false;
    *out = (struct wess_field){.name = s->name, .type = s->type};
    if (s->type == WESS_TEXT && s->allowed.n) {
        *out = text(s->name, s->allowed.of[chance(seed, (unsigned)s->allowed.n)]);
        return strcmp(out->str.data, "PUBLIC") && strcmp(out->str.data, "NEEDS-ACTION") &&
               strcmp(out->str.data, "COMPLETED") && strcmp(out->str.data, "BUSY");
    }
    if (s->type == WESS_TEXT)
        *out = text(s->name, words(b, seed, 100));
    else if (s->type == WESS_DATE)
        *out = day(s->name, chance(seed, 2) ? "1984-02-29" : "2031-12-31");
    else if (s->type == WESS_INT)
        out->num = strcmp(s->name, "priority") ? 1 + chance(seed, 98) : chance(seed, 2) ? 1 : 9;
    else if (s->type == WESS_RECORDS && s->allowed.n) {
        struct wess_field *part = b->th.host.alloc(&b->th.arena, sizeof(*part));
        struct wess_record *record = b->th.host.alloc(&b->th.arena, sizeof(*record));
        *part = text(strcmp(s->name, "address") ? "value" : "locality", words(b, seed, 100));
        *record =
            (struct wess_record){s->allowed.of[chance(seed, (unsigned)s->allowed.n)], part, 1};
        out->records = (struct wess_records){record, 1};
    } else
        return false;
    return true;
}

static void shows_all(const struct wess_item *now, const struct wess_field *of, size_t n,
                      unsigned seed)
{
    for (size_t i = 0; i < n; i++)
        if (!same(&of[i], test_field(now, of[i].name)))
            fail_msg("seed %u: %s is not what was written", seed, of[i].name);
}

/* A random item is written, read, changed in random fields, read again. */
static void random_item(struct round *r, const struct wess_field_schema *schema, size_t n,
                        unsigned seed)
{
    enum { MOST = 64 };
    struct wess_field of[MOST], changed[MOST], value;
    struct wess_result out;
    unsigned roll = seed;
    size_t k = 0, m = 0;
    if (r->kind == &event) {
        of[k++] = at("start", "2031-03-04T09:00:00", "Europe/Berlin", 1930377600000);
        of[k++] = at("end", "2031-03-04T10:00:00", "Europe/Berlin", 1930381200000);
    }
    for (size_t i = 0; i < n && k < MOST; i++)
        if (chance(&roll, 2) && random_field(r->b, &roll, &schema[i], &value))
            of[k++] = value;
    struct wess_op op = {.what = WESS_CREATE, .item = {.fields = of, .n_fields = k}};
    write_one(r, &op, &out, "created");
    struct wess_item now = box_fetch(r->b, out.id);
    shows_all(&now, of, k, seed);
    for (size_t i = 0; i < n && m < MOST; i++)
        if (!chance(&roll, 4) && random_field(r->b, &roll, &schema[i], &value))
            changed[m++] = value;
    op = (struct wess_op){.what = WESS_UPDATE,
                          .before = &now,
                          .item = {.id = now.id, .fields = changed, .n_fields = m}};
    if (!m)
        return;
    write_one(r, &op, &out, "changed");
    now = box_fetch(r->b, now.id);
    shows_all(&now, changed, m, seed);
    for (size_t i = 0; i < k; i++) { /* and what was not changed is as it was */
        bool again = false;
        for (size_t c = 0; c < m; c++)
            again |= !strcmp(changed[c].name, of[i].name);
        if (!again)
            shows_all(&now, &of[i], 1, seed);
    }
}

static void test_ews_fields__random_items_go_round(void **state)
{
    static const struct kind *const kinds[] = {&contact, &task, &event};
    struct box *b = *state;
    for (size_t k = 0; k < 3; k++) {
        struct round r = {b, kinds[k], 0, 0};
        for (unsigned seed = 1; seed <= 60; seed++) {
            struct wess_schema schema;
            assert_int_equal(b->c->describe(&b->call, &schema), WESS_OK);
            b->call.collection = kinds[k]->collection;
            for (size_t i = 0; i < schema.n; i++)
                if (!strcmp(schema.of[i].id, kinds[k]->collection))
                    random_item(&r, schema.of[i].fields, schema.of[i].n_fields, seed);
            testhost_drop(&b->th);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, box_tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ews_fields__of_a_contact_go_round),
        TEST(test_ews_fields__of_a_task_go_round),
        TEST(test_ews_fields__of_an_event_go_round),
        TEST(test_ews_fields__whole_days_stay_whole_days),
        TEST(test_ews_fields__times_keep_instant_and_zone),
        TEST(test_ews_fields__an_event_that_cannot_be_is_refused_by_its_field),
        TEST(test_ews_fields__attendees_are_kept_and_never_told),
        TEST(test_ews_fields__somebody_elses_meeting_is_left_alone),
        TEST(test_ews_fields__changed_occurrences_are_shown_and_kept),
        TEST(test_ews_fields__an_event_is_found_by_its_uid),
        TEST(test_ews_fields__a_task_is_done_and_undone),
        TEST(test_ews_fields__no_reminder_is_of_the_past),
        TEST(test_ews_fields__of_a_message_are_shown),
        TEST(test_ews_fields__random_items_go_round),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
