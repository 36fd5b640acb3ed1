#include "ews_rounds.h"

const struct kind round_contact = {"contacts", "fn"}, round_task = {"tasks", "summary"},
                  round_event = {"calendar", "summary"};

int round_set_up(void **state)
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

struct wess_field round_text(const char *name, const char *value)
{
    return (struct wess_field){.name = name, .type = WESS_TEXT, .str = {value, strlen(value)}};
}

struct wess_field round_at(const char *name, const char *local, const char *zone, int64_t ms)
{
    return (struct wess_field){.name = name, .type = WESS_TIME, .time = {local, zone, ms}};
}

struct wess_field round_day(const char *name, const char *date)
{
    return (struct wess_field){.name = name, .type = WESS_DATE, .str = {date, 10}};
}

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
                         round_same(&a->of[i].fields[k], &other->fields[m]);
            same_all = found;
        }
    }
    return same_all;
}

bool round_same(const struct wess_field *a, const struct wess_field *b)
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

void round_write(struct round *r, struct wess_op *op, struct wess_result *out, const char *what)
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
    if (want->type == WESS_NULL ? got != NULL : !round_same(want, got))
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
    struct wess_field fields[5] = {round_text(r->kind->name, name)};
    size_t n = 1;
    if (r->kind == &round_event) { /* which is at some time */
        fields[n++] = round_at("start", "2031-03-04T09:00:00", "Europe/Berlin", 1930377600000);
        fields[n++] = round_at("end", "2031-03-04T10:00:00", "Europe/Berlin", 1930381200000);
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
    round_write(r, &op, &out, "created");
    char *id = strdup(out.id);
    expect(r, id, &value, "created", &now);
    if (!is_name) {
        op = (struct wess_op){.what = WESS_UPDATE,
                              .before = &now,
                              .item = {.id = id, .fields = &none, .n_fields = 1}};
        round_write(r, &op, &out, "cleared");
        expect(r, id, &none, "cleared", &now);
        op.item.fields = &value;
        round_write(r, &op, &out, "written");
        expect(r, id, &value, "written", &now);
    }
    op = (struct wess_op){.what = WESS_DELETE, .before = &now, .item = {.id = id}};
    round_write(r, &op, &out, "deleted");
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
        go(r, round_text(s->name, "https://example.com/a?b=c&d"), ALONE);
        return;
    }
    if (!strcmp(s->name, "rrule")) {
        struct wess_field start = {.name = "start", .type = WESS_DATE, .str = {"2030-01-07", 10}};
        if (r->kind == &round_event)
            go(r, round_text(s->name, "FREQ=WEEKLY;COUNT=5;BYDAY=TU,TH"), ALONE);
        else
            go(r, round_text(s->name, "FREQ=WEEKLY;COUNT=5;BYDAY=MO,WE"), start);
        return;
    }
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
        go(r, round_text(s->name, more[i]), ALONE);
    char *narrow = repeated("x", most - 5), *wide = repeated("\U0001f4d3", (most - 5) / 2);
    go(r, round_text(s->name, narrow), ALONE);
    go(r, round_text(s->name, wide), ALONE);
    free(narrow);
    free(wide);
}

static void go_record(struct round *r, const char *name, const char *key, const char *part,
                      const char *value)
{
    struct wess_field f = round_text(part, value);
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
            go(r, round_text(s->name, s->allowed.of[i]), ALONE);
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
        round_text("summary", "Round added"),
        round_at("start", "2031-03-04T09:00:00", "Europe/Berlin", 1930377600000),
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

void round_kind(struct box *b, const struct kind *kind, size_t least)
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
