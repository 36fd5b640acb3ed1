/* Every row of the field tables goes round against the rehearsal Exchange: written with a new item,
 * cleared, written again; the longest there is, beyond the first plane, each word and each slot.
 * The rows come from what the connector says of itself. */
#include <curl/curl.h>

#include "ews_rounds.h"

static void test_ews_fields__of_a_contact_go_round(void **state)
{
    round_kind(*state, &round_contact, 300);
}

static void test_ews_fields__of_a_task_go_round(void **state)
{
    round_kind(*state, &round_task, 60);
}

/* Status, percentage and day of completion are one thing to Exchange. */
static void test_ews_fields__a_task_is_done_and_undone(void **state)
{
    struct round r = {*state, &round_task, 0, 0};
    struct box *b = r.b;
    struct wess_field made[] = {
        round_text("summary", "Round done"),
        round_text("status", "COMPLETED"),
        {.name = "completed", .type = WESS_DATE, .str = {"2026-11-01", 10}}};
    struct wess_field undone[] = {round_text("status", "IN-PROCESS"),
                                  {.name = "completed", .type = WESS_NULL}};
    struct wess_op op = {.what = WESS_CREATE, .item = {.fields = made, .n_fields = 3}};
    struct wess_result out;
    b->call.collection = "tasks";
    round_write(&r, &op, &out, "created");
    struct wess_item now = box_fetch(b, out.id);
    assert_string_equal(test_text(&now, "completed"), "2026-11-01");
    assert_int_equal(test_field(&now, "percent-complete")->num, 100);
    op = (struct wess_op){.what = WESS_UPDATE,
                          .before = &now,
                          .item = {.id = now.id, .fields = undone, .n_fields = 2}};
    round_write(&r, &op, &out, "undone");
    now = box_fetch(b, now.id);
    assert_string_equal(test_text(&now, "status"), "IN-PROCESS");
    assert_null(test_field(&now, "completed"));
}

/* A reminder of the past would ring at once: it is left out. */
static void test_ews_fields__no_reminder_is_of_the_past(void **state)
{
    struct round r = {*state, &round_task, 0, 0};
    struct wess_field made[] = {round_text("summary", "Round late"),
                                {.name = "alarm",
                                 .type = WESS_TIME,
                                 .time = {"2020-03-04T09:00:00", "Etc/UTC", 1583312400000}}};
    struct wess_op op = {.what = WESS_CREATE, .item = {.fields = made, .n_fields = 2}};
    struct wess_result out;
    r.b->call.collection = "tasks";
    round_write(&r, &op, &out, "created");
    struct wess_item now = box_fetch(r.b, out.id);
    assert_null(test_field(&now, "alarm"));
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
    struct wess_field subject = round_text("subject", "Other");
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
        *out = round_text(s->name, s->allowed.of[chance(seed, (unsigned)s->allowed.n)]);
        return strcmp(out->str.data, "PUBLIC") && strcmp(out->str.data, "NEEDS-ACTION") &&
               strcmp(out->str.data, "COMPLETED") && strcmp(out->str.data, "BUSY");
    }
    if (s->type == WESS_TEXT)
        *out = round_text(s->name, words(b, seed, 100));
    else if (s->type == WESS_DATE)
        *out = round_day(s->name, chance(seed, 2) ? "1984-02-29" : "2031-12-31");
    else if (s->type == WESS_INT)
        out->num = strcmp(s->name, "priority") ? 1 + chance(seed, 98) : chance(seed, 2) ? 1 : 9;
    else if (s->type == WESS_RECORDS && s->allowed.n) {
        struct wess_field *part = b->th.host.alloc(&b->th.arena, sizeof(*part));
        struct wess_record *record = b->th.host.alloc(&b->th.arena, sizeof(*record));
        *part = round_text(strcmp(s->name, "address") ? "value" : "locality", words(b, seed, 100));
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
        if (!round_same(&of[i], test_field(now, of[i].name)))
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
    if (r->kind == &round_event) {
        of[k++] = round_at("start", "2031-03-04T09:00:00", "Europe/Berlin", 1930377600000);
        of[k++] = round_at("end", "2031-03-04T10:00:00", "Europe/Berlin", 1930381200000);
    }
    for (size_t i = 0; i < n && k < MOST; i++)
        if (chance(&roll, 2) && random_field(r->b, &roll, &schema[i], &value))
            of[k++] = value;
    struct wess_op op = {.what = WESS_CREATE, .item = {.fields = of, .n_fields = k}};
    round_write(r, &op, &out, "created");
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
    round_write(r, &op, &out, "changed");
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
    static const struct kind *const kinds[] = {&round_contact, &round_task, &round_event};
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, round_set_up, box_tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ews_fields__of_a_contact_go_round),
        TEST(test_ews_fields__of_a_task_go_round),
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
