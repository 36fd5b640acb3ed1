/* Reading people of Workbooks: the list of changes, people by their ids, looking for keys. */
#include <time.h>

#include "wb_replay.h"

/* Of the test host's clock, which stands at 1795000000. */
#define OLD "1794000000"
#define NOW "1795000000"

/* ---- opening
 * ------------------------------------------------------------------------------------------ */

static void test_workbooks__check_and_describe(void **state)
{
    struct stage *t = *state;
    struct wess_schema s;
    stage_says(t, WB_LIST, ROWS(""));
    assert_int_equal(t->c->check(&t->call), WESS_OK);
    assert_string_equal(wb_param(stage_request(t, WB_LIST, 0), "_limit", 0), "0");
    assert_int_equal(t->c->describe(&t->call, &s), WESS_OK);
    assert_int_equal(s.n, 5);
    assert_string_equal(s.of[0].id, "people");
    assert_int_equal(s.of[0].write_max, 100);
    assert_int_equal(s.of[0].fetch_max, 100);
    assert_int_equal(s.of[0].page_max, 100);
    assert_true(s.of[0].caps & WESS_CAP_CAS_UPDATE);
    assert_false(s.of[0].caps & WESS_CAP_ABSENCE_PROVES);
    assert_int_equal(stage_asked(t, WB_QUEUES), 1);
    assert_int_equal(stage_asked(t, WB_TYPES), 1);
    assert_int_equal(t->call.requests, 3);
}

static void test_workbooks__identity_is_the_database(void **state)
{
    struct stage *t = *state;
    struct wess_schema s;
    assert_int_equal(t->c->describe(&t->call, &s), WESS_OK);
    char *one = strdup(s.identity);
    assert_string_equal(wb_param(stage_request(t, WB_QUEUES, 0), "_sort[]", 0), "id");
    wb_open(t, NULL);
    assert_int_equal(t->c->describe(&t->call, &s), WESS_OK);
    assert_string_equal(s.identity, one);
    t->n_script = 0;
    stage_says(t, WB_QUEUES, ROWS("{\"id\":77,\"name\":\"Unassigned\"}"));
    wb_open(t, NULL);
    assert_int_equal(t->c->describe(&t->call, &s), WESS_OK);
    assert_string_not_equal(s.identity, one);
    assert_null(strstr(s.identity, "canary"));
    free(one);
}

static void test_workbooks__an_address_ends_with_a_slash(void **state)
{
    struct stage *t = *state;
    struct wess_conn *conn;
    struct wess_error e = {0};
    t->url[strlen(t->url) - 1] = 0;
    assert_int_equal(t->c->open(&t->th.host, &conn, &e), WESS_BROKEN);
    assert_null(conn);
    assert_non_null(strstr(e.text, "url"));
    t->c->close(NULL);
}

static void test_workbooks__no_key_is_no_request(void **state)
{
    struct stage *t = *state;
    struct wess_page page;
    wb_open(t, NULL);
    t->settings[1].name = "elsewhere";
    assert_int_equal(wb_page(t, NULL, 100, &page), WESS_AUTH);
    assert_int_equal(t->call.error.scope, WESS_OF_CREDENTIAL);
    assert_int_equal(replay_count(t->server), 0);
}

/* ---- changes
 * ------------------------------------------------------------------------------------------ */

static void test_workbooks__the_query_of_a_page(void **state)
{
    struct stage *t = *state;
    struct wess_page page;
    stage_says(t, WB_LIST, ROWS(ROW("5", OLD, "") "," ROW("7", OLD, "")));
    stage_says(t, WB_LIST, ROWS(""));
    assert_int_equal(wb_page(t, NULL, 2, &page), WESS_OK);
    assert_int_equal(page.n, 2);
    assert_int_equal(page.flags, WESS_PAGE_SNAPSHOT);
    const char *request = stage_request(t, WB_LIST, 0), *cursor = wb_cursor(&page);
    assert_string_equal(wb_param(request, "_fm", 0), "(1 OR 2)");
    assert_string_equal(wb_param(request, "_sort[]", 0), "updated_at");
    assert_string_equal(wb_param(request, "_sort[]", 1), "id");
    assert_string_equal(wb_param(request, "_dir[]", 0), "ASC");
    assert_string_equal(wb_param(request, "_dir[]", 1), "ASC");
    assert_string_equal(wb_param(request, "_limit", 0), "2");
    assert_null(strstr(request, "party_notes")); /* facts only */
    assert_string_equal(cursor, "2 " OLD " 7 snapshot\n");
    assert_int_equal(wb_page(t, cursor, 2, &page), WESS_OK);
    assert_int_equal(page.n, 0);
    assert_int_equal(page.flags, WESS_PAGE_SNAPSHOT | WESS_PAGE_LAST);
    assert_string_equal(wb_cursor(&page), "2 " OLD " 7\n");
    request = stage_request(t, WB_LIST, 1);
    assert_string_equal(wb_param(request, "_fm", 0), "(1 OR 2) AND (3 OR (4 AND 5))");
    assert_string_equal(wb_param(request, "_ft[]", 2), "gt");
    assert_string_equal(wb_param(request, "_fc[]", 2), OLD);
    assert_string_equal(wb_param(request, "_ft[]", 3), "eq");
    assert_string_equal(wb_param(request, "_ff[]", 4), "id");
    assert_string_equal(wb_param(request, "_fc[]", 4), "7");
}

/* Two records of the last minute: read once, then left out by second and id, until the overlap has
 * passed. A second that still runs is read again. The clock is the server's, by its Date. */
static void test_workbooks__the_overlap_is_read_once(void **state)
{
    struct stage *t = *state;
    struct wess_page page;
    long long now = (long long)time(NULL);
    char rows[700], seen[64];
    snprintf(rows, sizeof(rows),
             ROWS(ROW("5", "%lld", "") "," ROW("7", "%lld", "") "," ROW("6", "%lld", "")), now - 30,
             now - 30, now + 30);
    stage_says(t, WB_LIST, rows);
    stage_says(t, WB_LIST, ROWS(""));
    assert_int_equal(wb_page(t, "2 1794999000 1\n", 100, &page), WESS_OK);
    assert_int_equal(page.flags, WESS_PAGE_LAST);
    const char *cursor = wb_cursor(&page);
    long long back = strtoll(cursor + 2, NULL, 10);
    assert_true(back >= now - 60 && back < now - 30);
    snprintf(seen, sizeof(seen), "2 %lld 0\n%lld 5 7\n", back, now - 30);
    assert_string_equal(cursor, seen);
    assert_int_equal(wb_page(t, cursor, 100, &page), WESS_OK);
    const char *request = stage_request(t, WB_LIST, 1);
    snprintf(seen, sizeof(seen), "%lld", now - 30);
    assert_string_equal(wb_param(request, "_fm", 0),
                        "(1 OR 2) AND (3 OR (4 AND 5)) AND (6 OR (7 AND 8))");
    assert_string_equal(wb_param(request, "_ft[]", 5), "ne");
    assert_string_equal(wb_param(request, "_fc[]", 5), seen);
    assert_string_equal(wb_param(request, "_ft[]", 6), "eq");
    assert_string_equal(wb_param(request, "_fc[]", 6), seen);
    assert_string_equal(wb_param(request, "_ff[]", 7), "id");
    assert_string_equal(wb_param(request, "_ft[]", 7), "ne");
    assert_string_equal(wb_param(request, "_fc[]", 7), "5,7");
}

static void test_workbooks__deleted_ones(void **state)
{
    static const char gone[] = ROWS("{\"id\":5,\"updated_at\":\"" OLD "\",\"is_deleted\":true},"
                                    "{\"id\":6,\"updated_at\":\"" OLD "\",\"is_deleted\":false}");
    struct stage *t = *state;
    struct wess_page page;
    stage_says(t, WB_LIST, gone);
    assert_int_equal(wb_page(t, NULL, 100, &page), WESS_OK);
    assert_int_equal(page.n, 1); /* no news in a snapshot */
    assert_string_equal(page.changes[0].item.id, "6");
    assert_int_equal(wb_page(t, "2 1793000000 1\n", 100, &page), WESS_OK);
    assert_int_equal(page.n, 2);
    assert_int_equal(page.changes[0].what, WESS_DELETE);
    assert_int_equal(page.changes[1].what, WESS_UPSERT);
}

/* Rows that do not ascend from where reading stands: the list is another one, and asking for the
 * rest of it might never end. */
static void test_workbooks__a_list_that_does_not_ascend_is_none(void **state)
{
    static const char *const bad[] = {
        ROWS(ROW("7", OLD, "") "," ROW("5", OLD, "")),
        ROWS(ROW("7", OLD, "") "," ROW("7", OLD, "")),
        ROWS(ROW("7", NOW, "") "," ROW("8", OLD, "")),
        ROWS(ROW("3", OLD, "")),
        ROWS(ROW("4", OLD, "")),
        ROWS(ROW("9", "1793999999", "")),
        ROWS(ROW("9", "", "")),
        ROWS(ROW("9", "never", "")),
        ROWS(ROW("9", "-1", "")),
        ROWS(ROW("9", "99999999999999999999", "")),
        ROWS(ROW("0", NOW, "")),
        ROWS(ROW("-9", NOW, "")),
        ROWS(ROW("\"x9\"", NOW, "")),
        ROWS(ROW("\"9x\"", NOW, "")),
        ROWS(ROW("9223372036854775807", NOW, "")),
        ROWS(ROW("null", NOW, "")),
        ROWS("{\"id\":9}"),
        ROWS("7"),
        ROWS("[]"),
    };
    struct stage *t = *state;
    struct wess_page page;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        wb_forget(t);
        stage_says(t, WB_LIST, bad[i]);
        enum wess_code rc = wb_page(t, "2 " OLD " 4\n", 2, &page);
        if (rc != WESS_BROKEN || !t->call.error.text[0])
            fail_msg("%s is %d", bad[i], (int)rc);
        assert_int_equal(page.n, 0);
    }
}

static void test_workbooks__a_foreign_cursor_starts_over(void **state)
{
    struct stage *t = *state;
    struct wess_page page;
    assert_int_equal(wb_page(t, "H4sIAAAA", 100, &page), WESS_RESET);
    assert_int_equal(wb_page(t, "1 5 6\n", 100, &page), WESS_RESET);
    assert_int_equal(stage_asked(t, WB_LIST), 0);
}

/* A list of n rows whatever was asked. */
static char *many_rows(size_t n)
{
    char *out = malloc(n * 200 + 100), *at = out;
    assert_non_null(out);
    at += sprintf(at, "{\"success\":true,\"data\":[");
    for (size_t i = 0; i < n; i++)
        at += sprintf(at, "%s" ROW("%zu", OLD, ""), i ? "," : "", i + 1);
    strcpy(at, "]}");
    return out;
}

static void test_workbooks__a_page_that_was_capped_is_not_the_last(void **state)
{
    struct stage *t = *state;
    struct wess_page page;
    char *hundred = many_rows(100), *more = many_rows(150), *all = many_rows(200);
    wb_open(t, "page_size", "200", NULL);
    stage_says(t, WB_LIST, hundred);
    stage_says(t, WB_LIST, more);
    stage_says(t, WB_LIST, all);
    assert_int_equal(wb_page(t, NULL, 200, &page), WESS_OK);
    assert_string_equal(wb_param(stage_request(t, WB_LIST, 0), "_limit", 0), "200");
    assert_int_equal(page.n, 100);
    assert_false(page.flags & WESS_PAGE_LAST);
    assert_int_equal(wb_page(t, NULL, 200, &page), WESS_OK);
    assert_int_equal(page.n, 150);
    assert_true(page.flags & WESS_PAGE_LAST);
    assert_int_equal(wb_page(t, NULL, 200, &page), WESS_OK);
    assert_false(page.flags & WESS_PAGE_LAST);
    free(hundred);
    free(more);
    free(all);
}

/* ---- what does not fit
 * ------------------------------------------------------------------------------------------ */

static bool huge_name(struct stage *t, const char *kind, const char *request,
                      struct replay_reply *r)
{
    bool bare = strstr(request, "lock_version") == NULL;
    if (strcmp(kind, WB_LIST))
        return false;
    char *name = calloc(1, t->at + 1);
    assert_non_null(name);
    memset(name, 'n', t->at);
    assert_true(asprintf(&r->body, "{\"success\":true,\"data\":[" ROW("5", OLD, "%s%s%s") "]}",
                         bare ? "" : ",\"name\":\"", bare ? "" : name, bare ? "" : "\"") > 0);
    free(name);
    return true;
}

static void test_workbooks__one_person_over_the_budget_is_named_only(void **state)
{
    struct stage *t = *state;
    struct wess_page page;
    t->hook = huge_name;
    for (int over = 0; over < 2; over++) {
        t->at = (size_t)1 << 20;
        t->th.http.body_max = over ? 100000 : (uint64_t)64 << 20;
        wb_open(t, NULL);
        t->th.arena.budget = over ? TESTHOST_BUDGET : 500000;
        assert_int_equal(wb_page(t, NULL, 2, &page), WESS_TOO_BIG);
        testhost_drop(&t->th);
        assert_int_equal(wb_page(t, NULL, 1, &page), WESS_OK);
        assert_int_equal(page.n, 1);
        assert_int_equal(page.changes[0].flags, WESS_REF_ONLY);
        assert_int_equal(page.changes[0].what, WESS_UPSERT);
        assert_string_equal(page.changes[0].item.id, "5");
        assert_string_equal(wb_cursor(&page), "2 " OLD " 5 snapshot\n");
        const char *const ids[] = {"5"};
        struct wess_result out = {.code = WESS_UNKNOWN};
        testhost_drop(&t->th);
        assert_int_equal(t->c->fetch(&t->call, (struct wess_list){ids, 1}, &out), WESS_TOO_BIG);
    }
}

static void test_workbooks__each_allocation_fails_once(void **state)
{
    static const char person[] =
        ROWS(ROW("5", OLD, ",\"name\":\"Ada\",\"created_through_reference\":\"s1\""));
    static const struct wess_key keys[] = {{"fn", "ada"}, {"wess", "s1"}, {"email+x", "a|b"}};
    static const char *const ids[] = {"5"};
    struct stage *t = *state;
    struct wess_page page;
    struct wess_result out;
    struct wess_schema schema;
    stage_says(t, WB_LIST, person);
    for (int what = 0; what < 4; what++) {
        enum wess_code rc = WESS_TOO_BIG;
        for (size_t at = 1; rc == WESS_TOO_BIG; at++) {
            assert_true(at < 300);
            testhost_drop(&t->th);
            t->th.arena.fail_at = at;
            rc = what == 0   ? wb_page(t, "2 1793999950 0\n1793999950 1 2\n", 10, &page)
                 : what == 1 ? t->c->fetch(&t->call, (struct wess_list){ids, 1}, &out)
                 : what == 2 ? t->c->find(&t->call, keys, 3, &page)
                             : t->c->describe(&t->call, &schema);
        }
        assert_int_equal(rc, WESS_OK);
    }
}

/* ---- fetch
 * ------------------------------------------------------------------------------------------ */

static void test_workbooks__people_by_their_ids(void **state)
{
    static const char *const ids[] = {"7", "5", "999"};
    struct stage *t = *state;
    struct wess_result out[3];
    stage_says(
        t, WB_LIST,
        ROWS(ROW("5", OLD, ",\"name\":\"Ada\"") "," ROW("6", OLD, "") "," ROW("7", OLD, "")));
    assert_int_equal(t->c->fetch(&t->call, (struct wess_list){ids, 3}, out), WESS_OK);
    assert_string_equal(out[0].current->id, "7");
    assert_string_equal(test_text(out[1].current, "fn"), "Ada");
    assert_string_equal(out[1].revision, "1");
    assert_true(out[1].current->flags & WESS_ITEM_WHOLE);
    assert_int_equal(out[2].code, WESS_GONE);
    assert_null(out[2].current);
    const char *request = stage_request(t, WB_LIST, 0);
    assert_string_equal(wb_param(request, "_fc[]", 0), "7,5,999");
    assert_int_equal(wb_params(request, "_ff[]"), 1); /* deleted ones are gone */
    assert_non_null(strstr(request, "party_notes"));
}

static void test_workbooks__fetches_a_hundred_at_once(void **state)
{
    static char names[250][520];
    static const char *ids[250];
    static struct wess_result out[250];
    struct stage *t = *state;
    for (size_t i = 0; i < 250; i++) {
        memset(names[i], '9', 508); /* 512 bytes */
        snprintf(names[i] + 508, 12, "%04zu", i);
        ids[i] = names[i];
    }
    stage_says(t, WB_LIST, ROWS(""));
    assert_int_equal(t->c->fetch(&t->call, (struct wess_list){ids, 250}, out), WESS_OK);
    assert_int_equal(stage_asked(t, WB_LIST), 3);
    for (size_t i = 0; i < 250; i++) {
        assert_int_equal(out[i].code, WESS_GONE);
        assert_null(out[i].current);
    }
    assert_int_equal(strncmp(wb_param(stage_request(t, WB_LIST, 2), "_fc[]", 0), names[200], 512),
                     0);
}

/* ---- find
 * ------------------------------------------------------------------------------------------ */

static void test_workbooks__keys_are_looked_for_in_their_columns(void **state)
{
    static const struct wess_key keys[] = {
        {"email", "a,b@x.org"}, {"email+name.family", "ada@x.org|lovell"},
        {"fn", "ada lovell"},   {"fn+phone", "bob|441"},
        {"wess", "st1"},        {"other", "z"}};
    static const char found[] = ROWS(ROW("5", OLD,
                                         ",\"main_location[email]\":\"ADA@x.org\",\"person_last_"
                                         "name\":\"Lovell\"") "," ROW("6", OLD,
                                                                      ",\"main_location[email]\":"
                                                                      "\"b@x.org\"") ",{\"id\":7,"
                                                                                     "\"is_"
                                                                                     "deleted\":"
                                                                                     "true,"
                                                                                     "\"created_"
                                                                                     "through_"
                                                                                     "reference\":"
                                                                                     "\"st1\"}");
    struct stage *t = *state;
    struct wess_page page;
    stage_says(t, WB_LIST, found);
    assert_int_equal(t->c->find(&t->call, keys, 6, &page), WESS_OK);
    assert_true(page.flags & WESS_PAGE_LAST);
    assert_int_equal(page.n, 2); /* each once; who bears no key is none */
    assert_string_equal(page.changes[0].item.id, "5");
    assert_string_equal(page.changes[1].item.id, "7");
    assert_true(page.changes[1].item.flags & WESS_ITEM_TRASHED);
    assert_int_equal(stage_asked(t, WB_LIST), 5);
    static const struct {
        const char *column, *values;
    } asked[] = {{"created_through_reference", "st1"},
                 {"main_location[email]", "a\\,b@x.org,ada@x.org"},
                 {"main_location[alternate_email]", "a\\,b@x.org,ada@x.org"},
                 {"home_location[email]", "a\\,b@x.org,ada@x.org"},
                 {"name", "ada lovell,bob"}};
    for (size_t i = 0; i < 5; i++) {
        const char *request = stage_request(t, WB_LIST, i);
        assert_string_equal(wb_param(request, "_ff[]", 0), asked[i].column);
        assert_string_equal(wb_param(request, "_fc[]", 0), asked[i].values);
        assert_string_equal(wb_param(request, "_fm", 0), "1 AND (2 OR 3)");
    }
    assert_int_equal(t->c->find(&t->call, NULL, 0, &page), WESS_OK);
    assert_int_equal(page.flags, WESS_PAGE_LAST);
}

static void test_workbooks__a_look_up_that_was_capped_is_not_whole(void **state)
{
    static const struct {
        size_t rows;
        bool whole;
    } of[] = {{0, true}, {99, true}, {100, false}, {150, true}, {200, false}, {201, false}};
    static const struct wess_key key = {"fn", "nobody"};
    struct stage *t = *state;
    struct wess_page page;
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
        char *rows = many_rows(of[i].rows);
        wb_forget(t);
        stage_says(t, WB_LIST, rows);
        assert_int_equal(t->c->find(&t->call, &key, 1, &page), WESS_OK);
        assert_int_equal(!!(page.flags & WESS_PAGE_LAST), of[i].whole);
        free(rows);
    }
}

/* ---- redirects
 * ------------------------------------------------------------------------------------------ */

static bool redirecting(struct stage *t, const char *kind, const char *request,
                        struct replay_reply *r)
{
    (void)kind;
    if (!t->at)
        return false;
    t->at--;
    r->status = 302;
    r->location = "/crm/people.api?wait=1";
    r->body = strdup("wait");
    (void)request;
    return true;
}

/* Greedy clients are delayed by a redirect to the same place: followed, but not for ever. */
static void test_workbooks__redirects_that_delay(void **state)
{
    struct stage *t = *state;
    stage_says(t, WB_LIST, ROWS(""));
    t->hook = redirecting;
    t->at = 3;
    assert_int_equal(t->c->check(&t->call), WESS_OK);
    assert_int_equal(replay_count(t->server), 4);
    t->at = 1000;
    assert_int_equal(t->c->check(&t->call), WESS_THROTTLED);
    assert_int_equal(t->call.error.remote_status, 302);
    assert_int_equal(replay_count(t->server), 4 + 6);
}

static bool to_login(struct stage *t, const char *kind, const char *request, struct replay_reply *r)
{
    (void)kind;
    (void)request;
    r->status = t->at++ ? 200 : 302;
    r->location = r->status == 302 ? "/login" : NULL;
    r->type = "text/html";
    r->body = strdup("<html>Sign in</html>");
    return true;
}

static void test_workbooks__a_redirect_to_login_is_a_refused_key(void **state)
{
    struct stage *t = *state;
    t->hook = to_login;
    assert_int_equal(t->c->check(&t->call), WESS_AUTH);
    assert_int_equal(t->call.error.scope, WESS_OF_CREDENTIAL);
    assert_int_equal(t->at, 2);
}

static void silent(void *ctx, const char *request, struct replay_reply *r)
{
    (void)ctx;
    (void)request;
    r->body = strdup("{}");
}

static void test_workbooks__nothing_is_sent_elsewhere(void **state)
{
    struct stage *t = *state;
    struct replay *other = replay_start(silent, NULL);
    assert_non_null(other);
    stage_says_status(t, WB_LIST, 302, "moved")->location = replay_url(other, "/crm/people.api");
    assert_int_equal(t->c->check(&t->call), WESS_THROTTLED);
    assert_int_equal(replay_count(other), 0);
    assert_int_equal(replay_count(t->server), 1);
    replay_stop(other);
}

/* ---- nobody there
 * ------------------------------------------------------------------------------------------ */

static void test_workbooks__nobody_listens(void **state)
{
    struct stage *t = *state;
    snprintf(t->url, sizeof(t->url), "http://127.0.0.1:1/");
    wb_open(t, NULL);
    assert_int_equal(t->c->check(&t->call), WESS_TRANSIENT);
    assert_int_equal(t->call.error.scope, WESS_OF_HOST);
    snprintf(t->url, sizeof(t->url), "http://secure.workbooks.example/");
    wb_open(t, NULL);
    assert_int_equal(t->c->check(&t->call), WESS_BROKEN);
    assert_non_null(strstr(t->call.error.text, "https"));
}

static void test_workbooks__a_cancelled_call_ends(void **state)
{
    struct stage *t = *state;
    struct wess_page page;
    t->th.cancel = true;
    assert_int_equal(t->c->check(&t->call), WESS_CANCELLED);
    assert_int_equal(wb_page(t, NULL, 100, &page), WESS_CANCELLED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, wb_set_up, wb_tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_workbooks__check_and_describe),
        TEST(test_workbooks__identity_is_the_database),
        TEST(test_workbooks__an_address_ends_with_a_slash),
        TEST(test_workbooks__no_key_is_no_request),
        TEST(test_workbooks__the_query_of_a_page),
        TEST(test_workbooks__the_overlap_is_read_once),
        TEST(test_workbooks__deleted_ones),
        TEST(test_workbooks__a_list_that_does_not_ascend_is_none),
        TEST(test_workbooks__a_foreign_cursor_starts_over),
        TEST(test_workbooks__a_page_that_was_capped_is_not_the_last),
        TEST(test_workbooks__one_person_over_the_budget_is_named_only),
        TEST(test_workbooks__each_allocation_fails_once),
        TEST(test_workbooks__people_by_their_ids),
        TEST(test_workbooks__fetches_a_hundred_at_once),
        TEST(test_workbooks__keys_are_looked_for_in_their_columns),
        TEST(test_workbooks__a_look_up_that_was_capped_is_not_whole),
        TEST(test_workbooks__redirects_that_delay),
        TEST(test_workbooks__a_redirect_to_login_is_a_refused_key),
        TEST(test_workbooks__nothing_is_sent_elsewhere),
        TEST(test_workbooks__nobody_listens),
        TEST(test_workbooks__a_cancelled_call_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
