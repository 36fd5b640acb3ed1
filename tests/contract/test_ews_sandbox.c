/* The connector "ews" against the rehearsal Exchange: real HTTP, Basic and NTLM, and the faults
 * that a real one has. */
#include <curl/curl.h>

#include "box.h"

/* ---- the sandbox
 * ------------------------------------------------------------------------------------------ */

static const char *info(const struct box *b, const char *name)
{
    return box_info(b, "exchange", name);
}

static const char *mailbox(const struct box *b)
{
    const json_t *of = json_object_get(json_object_get(b->info, "exchange"), "mailboxes");
    return json_string_value(json_object_get(json_array_get(of, 0), "address"));
}

static void act(const struct box *b, const char *path)
{
    json_decref(box_control(b, "%s", path));
}

static json_t *contacts(const struct box *b, const char *name, const char *folder)
{
    json_t *answer =
        box_control(b, "exchange/list?mailbox=%s&name=%s&folder=%s", mailbox(b), name, folder);
    json_t *items = json_incref(json_object_get(answer, "items"));
    json_decref(answer);
    return items;
}

static size_t count(const struct box *b, const char *name, const char *folder)
{
    json_t *items = contacts(b, name, folder);
    size_t n = json_array_size(items);
    json_decref(items);
    return n;
}

/* ---- a connection
 * ------------------------------------------------------------------------------------------ */

static void open_as(struct box *b, const char *auth, const char *password, const char *who,
                    const char *must_not)
{
    size_t n = 0;
    b->settings[n++] = (struct testhost_setting){"url", info(b, "url")};
    b->settings[n++] = (struct testhost_setting){"username", info(b, "username")};
    b->settings[n++] = (struct testhost_setting){"password", password};
    b->settings[n++] = (struct testhost_setting){"auth", auth};
    b->settings[n++] = (struct testhost_setting){"impersonate", who};
    if (must_not)
        b->settings[n++] = (struct testhost_setting){"must_not_reach", must_not};
    box_open(b, "contacts", n, 0);
}

static int set_up_with(void **state, const char *sw, const char *auth)
{
    struct box *b = box_new("ews", sw, NULL);
    open_as(b, auth, info(b, "password"), mailbox(b), NULL);
    *state = b;
    return 0;
}

static int set_up(void **state)
{
    return set_up_with(state, NULL, "basic");
}

static int set_up_ntlm(void **state)
{
    return set_up_with(state, NULL, "ntlm");
}

static int set_up_old(void **state)
{
    return set_up_with(state, "server_version=14.1", "basic");
}

/* All pages from a cursor; the number of upserts. The cursor is copied out of the arena. */
static size_t pull(struct box *b, char **cursor, uint32_t limit)
{
    struct wess_page page = {0};
    size_t n = 0;
    while (!(page.flags & WESS_PAGE_LAST)) {
        struct wess_slice at = {*cursor, *cursor ? strlen(*cursor) : 0};
        page = (struct wess_page){0};
        assert_int_equal(b->c->changes(&b->call, at, limit, &page), WESS_OK);
        for (size_t i = 0; i < page.n; i++)
            n += page.changes[i].what == WESS_UPSERT;
        char *next = strndup(page.next.data, page.next.len);
        free(*cursor);
        *cursor = next;
    }
    return n;
}

/* ---- the whole way
 * ------------------------------------------------------------------------------------------ */

static void whole_way(struct box *b)
{
    struct wess_schema schema;
    struct wess_result out;
    char *cursor = NULL;
    assert_int_equal(b->c->check(&b->call), WESS_OK);
    assert_int_equal(b->c->describe(&b->call, &schema), WESS_OK);
    assert_non_null(strstr(schema.version, "15.2"));
    size_t all = pull(b, &cursor, 100);
    assert_true(all > 50);
    assert_int_equal(box_create(b, "Zoe Zebra", "zz1", 0, &out), WESS_OK);
    assert_int_equal(out.code, WESS_OK);
    const char *id = out.id, *revision = out.revision;
    assert_non_null(revision);
    assert_int_equal(pull(b, &cursor, 512), 1); /* our own echo */
    struct wess_item item = box_fetch(b, id);
    assert_string_equal(test_text(&item, "fn"), "Zoe Zebra");
    assert_string_equal(item.revision, revision);
    assert_true(test_has_key(&item, "wess", "zz1"));
    struct wess_field fields[] = {{.name = "title", .type = WESS_TEXT, .str = {"Keeper", 6}},
                                  {.name = "note", .type = WESS_TEXT, .str = {"a\nb", 3}}};
    struct wess_op update = {
        .what = WESS_UPDATE, .before = &item, .item = {.id = id, .fields = fields, .n_fields = 2}};
    assert_int_equal(b->c->apply(&b->call, &update, 1, &out), WESS_OK);
    assert_int_equal(out.code, WESS_OK);
    struct wess_item now = box_fetch(b, id);
    assert_string_equal(test_text(&now, "title"), "Keeper");
    assert_int_equal(strncmp(test_text(&now, "note"), "a\nb", 3), 0);
    /* A stale revision is no write, of either kind. */
    assert_int_equal(b->c->apply(&b->call, &update, 1, &out), WESS_OK);
    assert_int_equal(out.code, WESS_CONFLICT);
    struct wess_op remove = {.what = WESS_DELETE, .before = &item, .item = {.id = id}};
    assert_int_equal(b->c->apply(&b->call, &remove, 1, &out), WESS_OK);
    assert_int_equal(out.code, WESS_CONFLICT);
    remove.before = &now;
    assert_int_equal(b->c->apply(&b->call, &remove, 1, &out), WESS_OK);
    assert_int_equal(out.code, WESS_OK);
    assert_int_equal(count(b, "Zoe%20Zebra", "deleteditems"), 1);
    struct wess_page page;
    static const struct wess_key key = {"wess", "zz1"};
    assert_int_equal(b->c->find(&b->call, &key, 1, &page), WESS_OK);
    assert_int_equal(page.n, 1);
    assert_true(page.changes[0].item.flags & WESS_ITEM_TRASHED);
    free(cursor);
}

static void test_ews_sandbox__the_whole_way(void **state)
{
    whole_way(*state);
}

static void test_ews_sandbox__lost_and_late_creates_make_no_double(void **state)
{
    struct box *b = *state;
    struct wess_result out;
    box_fault(b, "ews:CreateItem:1:lost");
    assert_int_equal(box_create(b, "Lost One", "lo1", 0, &out), WESS_UNKNOWN);
    assert_int_equal(out.code, WESS_UNKNOWN);
    assert_int_equal(count(b, "Lost%20One", "contacts"), 1);
    assert_int_equal(box_create(b, "Lost One", "lo1", WESS_OP_AGAIN, &out), WESS_OK);
    assert_int_equal(out.code, WESS_OK);
    assert_null(out.revision);
    assert_int_equal(count(b, "Lost%20One", "contacts"), 1);
    assert_int_equal(box_create(b, "Never Was", "nw1", WESS_OP_AGAIN, &out), WESS_OK);
    assert_non_null(out.revision);
    assert_int_equal(count(b, "Never%20Was", "contacts"), 1);
}

static void test_ews_sandbox__faults_have_their_codes(void **state)
{
    static const struct {
        const char *plan;
        enum wess_code code;
    } of[] = {{"ews:SyncFolderItems:1:busy=5000", WESS_THROTTLED},
              {"ews:SyncFolderItems:1:http=503/30", WESS_THROTTLED},
              {"ews:SyncFolderItems:1:bad_state", WESS_RESET},
              {"ews:SyncFolderItems:1:lost", WESS_OK}, /* a read on a kept connection: libcurl's */
              {"ews:SyncFolderItems:1-3:lost", WESS_TRANSIENT},
              {"ews:SyncFolderItems:1:cut=400", WESS_TRANSIENT},
              {"ews:SyncFolderItems:1:truncate", WESS_TRANSIENT},
              {"ews:SyncFolderItems:1:garbage", WESS_TRANSIENT},
              {"ews:SyncFolderItems:1:html", WESS_BROKEN},
              {"ews:SyncFolderItems:1:redirect=http://127.0.0.1:1/x", WESS_BROKEN},
              {"ews:SyncFolderItems:1:forbidden_char", WESS_OK},
              {"ews:SyncFolderItems:1:bad_utf8", WESS_OK},
              {"ews:SyncFolderItems:1:delay=20", WESS_OK}};
    struct box *b = *state;
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
        struct wess_page page = {0};
        b->call.error = (struct wess_error){0};
        box_fault(b, of[i].plan);
        enum wess_code rc = b->c->changes(&b->call, (struct wess_slice){0}, 512, &page);
        act(b, "fault?clear=1");
        if (rc != of[i].code)
            fail_msg("%s: %d %s", of[i].plan, (int)rc, b->call.error.text);
        assert_true(rc == WESS_OK || b->call.error.text[0]);
        assert_true(rc != WESS_THROTTLED || b->call.error.retry_after_ms >= 5000);
        assert_true(rc != WESS_OK || page.n > 50);
    }
    struct wess_result out;
    box_fault(b, "ews:CreateItem:1:busy=5000");
    assert_int_equal(box_create(b, "Busy", "b1", 0, &out), WESS_THROTTLED);
    assert_int_equal(out.code, WESS_NOT_TRIED);
    box_fault(b, "ews:CreateItem:1:refuse=0");
    assert_int_equal(box_create(b, "Refused", "r1", 0, &out), WESS_OK);
    assert_int_equal(out.code, WESS_REJECTED);
}

static void test_ews_sandbox__a_wrong_password_is_one_try(void **state)
{
    static const char *const kinds[] = {"basic", "ntlm"};
    struct box *b = *state;
    for (size_t i = 0; i < 2; i++) {
        open_as(b, kinds[i], "wrong", mailbox(b), NULL);
        assert_int_equal(b->c->check(&b->call), WESS_AUTH);
        assert_int_equal(b->call.error.scope, WESS_OF_CREDENTIAL);
        assert_int_equal(b->call.requests, 1);
    }
}

static void test_ews_sandbox__impersonation_has_its_bounds(void **state)
{
    struct box *b = *state;
    open_as(b, "basic", info(b, "password"), mailbox(b), "ceo@example.com");
    assert_int_equal(b->c->check(&b->call), WESS_OK);
    open_as(b, "basic", info(b, "password"), "ceo@example.com", NULL);
    assert_int_equal(b->c->check(&b->call), WESS_AUTH);
    assert_int_equal(b->call.error.scope, WESS_OF_MAILBOX);
    assert_string_equal(b->call.error.remote_code, "ErrorImpersonateUserDenied");
    open_as(b, "basic", info(b, "password"), "nobody@example.com", NULL);
    assert_int_equal(b->c->check(&b->call), WESS_AUTH);
    assert_non_null(strstr(b->call.error.text, "list of users"));
    open_as(b, "basic", info(b, "password"), mailbox(b), "nobody@example.com");
    assert_int_equal(b->c->check(&b->call), WESS_BROKEN);
}

static void test_ews_sandbox__an_older_exchange_is_refused(void **state)
{
    struct box *b = *state;
    assert_int_equal(b->c->check(&b->call), WESS_BROKEN);
    assert_non_null(strstr(b->call.error.text, "14.2"));
}

static void test_ews_sandbox__a_wrong_path_names_the_setting(void **state)
{
    struct box *b = *state;
    char url[300];
    snprintf(url, sizeof(url), "%.*s/owa/", (int)(strstr(info(b, "url"), "/EWS") - info(b, "url")),
             info(b, "url"));
    b->c->close(b->conn);
    b->settings[0].value = url;
    struct wess_error e;
    assert_int_equal(b->c->open(&b->th.host, &b->conn, &e), WESS_OK);
    b->call = testhost_call(&b->th, b->conn, "contacts");
    assert_int_equal(b->c->check(&b->call), WESS_BROKEN);
    assert_non_null(strstr(b->call.error.text, "setting url"));
}

static void test_ews_sandbox__deletions_moves_and_lists(void **state)
{
    struct box *b = *state;
    char *cursor = NULL, path[800];
    struct wess_result out;
    struct wess_page page = {0};
    assert_int_equal(box_create(b, "Move Me", "mm1", 0, &out), WESS_OK);
    pull(b, &cursor, 512);
    char *id = curl_easy_escape(NULL, out.id, 0);
    snprintf(path, sizeof(path), "exchange/delete?mailbox=%s&id=%s&hard=1", mailbox(b), id);
    act(b, path);
    curl_free(id);
    struct wess_slice at = {cursor, strlen(cursor)};
    assert_int_equal(b->c->changes(&b->call, at, 512, &page), WESS_OK);
    assert_int_equal(page.n, 1);
    assert_int_equal(page.changes[0].what, WESS_DELETE);
    assert_string_equal(page.changes[0].item.id, out.id);
    const char *const ids[] = {out.id};
    struct wess_result gone;
    assert_int_equal(b->c->fetch(&b->call, (struct wess_list){ids, 1}, &gone), WESS_OK);
    assert_int_equal(gone.code, WESS_GONE);
    act(b, "exchange/expire_states");
    assert_int_equal(b->c->changes(&b->call, at, 512, &page), WESS_RESET);
    free(cursor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ews_sandbox__the_whole_way, set_up, box_tear_down),
        cmocka_unit_test_setup_teardown(test_ews_sandbox__the_whole_way, set_up_ntlm,
                                        box_tear_down),
        cmocka_unit_test_setup_teardown(test_ews_sandbox__lost_and_late_creates_make_no_double,
                                        set_up_ntlm, box_tear_down),
        cmocka_unit_test_setup_teardown(test_ews_sandbox__faults_have_their_codes, set_up,
                                        box_tear_down),
        cmocka_unit_test_setup_teardown(test_ews_sandbox__a_wrong_password_is_one_try, set_up,
                                        box_tear_down),
        cmocka_unit_test_setup_teardown(test_ews_sandbox__impersonation_has_its_bounds, set_up,
                                        box_tear_down),
        cmocka_unit_test_setup_teardown(test_ews_sandbox__an_older_exchange_is_refused, set_up_old,
                                        box_tear_down),
        cmocka_unit_test_setup_teardown(test_ews_sandbox__a_wrong_path_names_the_setting, set_up,
                                        box_tear_down),
        cmocka_unit_test_setup_teardown(test_ews_sandbox__deletions_moves_and_lists, set_up,
                                        box_tear_down),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
