/* Answers that are none: each place of a good answer holds something else, each byte of it is the
 * last one or another one. Nothing of it may be taken for what it is not. */
#include <jansson.h>

#include "wb_replay.h"

#define OLD "1794000000"
static const char list[] = ROWS(ROW(
    "5", OLD,
    ",\"name\":\"Ada\",\"main_location[email]\":\"a@b\",\"party_notes\":"
    "\"<p>x</p>\",\"created_through_reference\":\"st1\",\"_can_modify\":true") "," ROW("7", OLD,
                                                                                       ",\"name\":"
                                                                                       "null"));
static const char put[] =
    "{\"success\":true,\"flash\":\"\",\"updates\":{},\"failures\":[],\"affected_objects\":["
    "{\"id\":700,\"lock_version\":0,\"name\":\"Zoe\"},{\"id\":501,\"lock_version\":5}],"
    "\"affected_object_information\":[{\"success\":true,\"errors\":{},\"message\":[]},"
    "{\"success\":true,\"errors\":{},\"warnings\":{}}],\"affected_object_errors\":[{},{}]}";
static const char refused[] =
    "{\"success\":false,\"failures\":{\"a\":[\"b\"]},\"affected_objects\":[{},{}],"
    "\"affected_object_information\":[{\"success\":true,\"errors\":{}},"
    "{\"success\":false,\"errors\":{\"[]\":{\"website\":[\"no\"]}},\"message\":[{\"title\":\"t\","
    "\"body\":\"b\"}]}]}";
static const char queues[] =
    ROWS("{\"id\":10,\"name\":\"Unassigned\"},{\"id\":11,\"name\":\"Ann\"}");
static const char orgs[] = ROWS("{\"id\":7,\"name\":\"Acme\"}");
static const char *const wrong[] = {"null",
                                    "true",
                                    "false",
                                    "0",
                                    "-1",
                                    "1.5",
                                    "\"\"",
                                    "\"x\"",
                                    "[]",
                                    "{}",
                                    "[[]]",
                                    "[null]",
                                    "[{}, 1]",
                                    "{\"a\":1}",
                                    "9223372036854775807",
                                    "\"\\u0001\\u007f\"",
                                    "\"99999999999999999999\""};

static char *body;     /* what is answered now */
static const char *of; /* to what; the rest is answered well */

static bool answer(struct stage *t, const char *kind, const char *request, struct replay_reply *r)
{
    static const char *const good[][2] = {
        {WB_QUEUES, queues}, {WB_ORGS, orgs}, {WB_LIST, list}, {WB_PUT, put}};
    const char *text = body;
    for (size_t i = 0; strcmp(kind, of) != 0 && i < sizeof(good) / sizeof(good[0]); i++)
        text = strcmp(good[i][0], kind) ? text : good[i][1];
    (void)t;
    (void)request;
    r->body = strdup(text);
    return true;
}

/* ---- what is called
 * ------------------------------------------------------------------------------------------ */

static void whole_item(const struct wess_item *item)
{
    assert_non_null(item->id);
    assert_true(item->id[0] && item->kind && item->collection);
    for (size_t i = 0; i < item->n_facts; i++)
        assert_true(item->facts[i].name && item->facts[i].value);
    for (size_t i = 0; i < item->n_keys; i++)
        assert_true(item->keys[i].space && item->keys[i].id);
    for (size_t i = 0; i < item->n_fields; i++) {
        assert_non_null(item->fields[i].name);
        assert_true(item->fields[i].type == WESS_TEXT || item->fields[i].type == WESS_RECORDS);
    }
}

static void told(const struct stage *t, enum wess_code rc)
{
    assert_true(rc == WESS_OK || t->call.error.text[0]);
    assert_true(rc == WESS_OK || rc == WESS_BROKEN || rc == WESS_TRANSIENT || rc == WESS_UNKNOWN ||
                rc == WESS_TOO_BIG);
}

static void read_all(struct stage *t)
{
    static const struct wess_key keys[] = {{"email", "a@b"}, {"wess", "st1"}, {"fn", "ada"}};
    static const char *const ids[] = {"5", "7"};
    struct wess_result out[2] = {{.code = WESS_UNKNOWN}, {.code = WESS_UNKNOWN}};
    struct wess_page page;
    enum wess_code rc = wb_page(t, NULL, 2, &page);
    told(t, rc);
    for (size_t i = 0; rc == WESS_OK && i < page.n; i++)
        whole_item(&page.changes[i].item);
    /* Where reading stands can be read again, and never goes back. */
    if (rc == WESS_OK)
        assert_true(page.next.len && wb_page(t, wb_cursor(&page), 2, &page) != WESS_RESET);
    rc = t->c->fetch(&t->call, (struct wess_list){ids, 2}, out);
    told(t, rc);
    for (size_t i = 0; rc == WESS_OK && i < 2; i++)
        if (out[i].code == WESS_OK)
            whole_item(out[i].current);
        else
            assert_int_equal(out[i].code, WESS_GONE);
    rc = t->c->find(&t->call, keys, 3, &page);
    told(t, rc);
    for (size_t i = 0; rc == WESS_OK && i < page.n; i++)
        whole_item(&page.changes[i].item);
}

static void write_all(struct stage *t)
{
    static const struct wess_item before = {.id = "501", .revision = "4"};
    static const struct wess_field f[] = {TEXT_FIELD("fn", "Zoe"), TEXT_FIELD("org", "Acme")};
    struct wess_op ops[] = {
        {.what = WESS_CREATE, .stamp = "st2", .item = {.fields = f, .n_fields = 2}},
        {.what = WESS_UPDATE,
         .before = &before,
         .item = {.id = "501", .fields = f, .n_fields = 1}}};
    struct wess_result out[2] = {{.code = WESS_UNKNOWN}, {.code = WESS_UNKNOWN}};
    size_t sent = replay_count(t->server);
    t->call.error = (struct wess_error){0};
    enum wess_code rc = t->c->apply(&t->call, ops, 2, out);
    bool put_sent = false;
    for (size_t i = sent; i < replay_count(t->server); i++)
        put_sent |= strstr(replay_request(t->server, i), "_method=PUT") != NULL;
    told(t, rc);
    for (size_t i = 0; i < 2; i++) {
        assert_true(put_sent || out[i].code == WESS_NOT_TRIED);
        if (out[i].code == WESS_OK)
            assert_true(out[i].id && out[i].id[0]);
        if (out[i].code == WESS_OK && out[i].current)
            whole_item(out[i].current);
        for (size_t k = 0; k < out[i].n_refused; k++)
            assert_true(out[i].refused[k].field && out[i].refused[k].text);
    }
    /* Untried is said only where the answer says that nothing was done. */
    if (put_sent && (out[0].code == WESS_NOT_TRIED || out[1].code == WESS_NOT_TRIED)) {
        json_t *j = json_loads(body, 0, NULL);
        assert_true(json_is_false(json_object_get(j, "success")));
        json_decref(j);
    }
}

static void call_all(struct stage *t)
{
    wb_open(t, NULL); /* queues and employers are read anew */
    read_all(t);
    write_all(t);
    replay_forget(t->server);
}

/* ---- wrong types in every place
 * ------------------------------------------------------------------------------------------ */

/* Replaces the n-th value of a document; the number of those before it if there are fewer. */
static bool replace(json_t *in, size_t *n, json_t *with)
{
    const char *key;
    json_t *value;
    void *next;
    for (size_t i = 0; i < json_array_size(in); i++) {
        if (!(*n)--)
            return json_array_set(in, i, with) == 0;
        if (replace(json_array_get(in, i), n, with))
            return true;
    }
    json_object_foreach_safe(in, next, key, value)
    {
        if (!(*n)--)
            return json_object_set(in, key, with) == 0;
        if (replace(value, n, with))
            return true;
    }
    return false;
}

static void every_place(struct stage *t, const char *kind, const char *good)
{
    bool more = true;
    t->hook = answer;
    of = kind;
    for (size_t place = 0; more; place++)
        for (size_t w = 0; more && w < sizeof(wrong) / sizeof(wrong[0]); w++) {
            json_t *doc = json_loads(good, 0, NULL);
            json_t *with = json_loads(wrong[w], JSON_DECODE_ANY, NULL);
            size_t n = place;
            assert_true(doc && with);
            more = replace(doc, &n, with);
            body = json_dumps(doc, JSON_COMPACT);
            json_decref(doc);
            json_decref(with);
            call_all(t);
            free(body);
        }
}

static void test_workbooks_hostile__lists(void **state)
{
    every_place(*state, WB_LIST, list);
}

static void test_workbooks_hostile__verdicts(void **state)
{
    every_place(*state, WB_PUT, put);
    every_place(*state, WB_PUT, refused);
}

static void test_workbooks_hostile__queues_and_organisations(void **state)
{
    every_place(*state, WB_QUEUES, queues);
    every_place(*state, WB_ORGS, orgs);
}

/* ---- bytes
 * ------------------------------------------------------------------------------------------ */

static void test_workbooks_hostile__cut_at_every_byte(void **state)
{
    struct stage *t = *state;
    static const struct {
        const char *kind;
        const char *good;
    } docs[] = {{WB_LIST, list}, {WB_PUT, put}};
    struct wess_page page;
    t->hook = answer;
    for (size_t d = 0; d < 2; d++)
        for (size_t len = 1; len < strlen(docs[d].good); len++) {
            of = docs[d].kind;
            body = strndup(docs[d].good, len);
            if (!strcmp(of, WB_PUT))
                write_all(t);
            else
                assert_int_equal(wb_page(t, NULL, 2, &page), WESS_TRANSIENT);
            testhost_drop(&t->th);
            replay_forget(t->server);
            free(body);
        }
}

static void test_workbooks_hostile__another_byte(void **state)
{
    struct stage *t = *state;
    static const char other[] = {'\xff', '\xc3', '\x01', '"', '\\', '{', ']', ',', '9'};
    struct wess_page page;
    t->hook = answer;
    of = WB_LIST;
    for (size_t at = 0; at + 1 < sizeof(list); at++) {
        body = strdup(list);
        body[at] = other[at % sizeof(other)];
        enum wess_code rc = wb_page(t, NULL, 2, &page);
        told(t, rc);
        for (size_t i = 0; rc == WESS_OK && i < page.n; i++)
            whole_item(&page.changes[i].item);
        testhost_drop(&t->th);
        replay_forget(t->server);
        free(body);
    }
}

static void test_workbooks_hostile__no_text_at_all(void **state)
{
    static const char *const docs[] = {"",
                                       " ",
                                       "null",
                                       "\"x\"",
                                       "[]",
                                       "7",
                                       "{\"success\":true}",
                                       "{\"success\":true,\"data\":{}}",
                                       "{\"success\":false,\"data\":[]}",
                                       "{\"success\":1,\"data\":[]}",
                                       "{\"data\":[]}",
                                       "jsonp({\"success\":true,\"data\":[]})",
                                       "{\"success\":true,\"data\":[],\"data\":[]}"};
    struct stage *t = *state;
    struct wess_page page;
    t->hook = answer;
    of = WB_LIST;
    for (size_t i = 0; i < sizeof(docs) / sizeof(docs[0]); i++) {
        body = (char *)(uintptr_t)docs[i];
        enum wess_code rc = wb_page(t, NULL, 2, &page);
        if (rc != WESS_BROKEN && rc != WESS_TRANSIENT)
            fail_msg("\"%s\" is %d", docs[i], (int)rc);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, wb_set_up, wb_tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_workbooks_hostile__lists),
        TEST(test_workbooks_hostile__verdicts),
        TEST(test_workbooks_hostile__queues_and_organisations),
        TEST(test_workbooks_hostile__cut_at_every_byte),
        TEST(test_workbooks_hostile__another_byte),
        TEST(test_workbooks_hostile__no_text_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
