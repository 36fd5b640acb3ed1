/* The connector "workbooks" against the rehearsal Workbooks: writing, and the faults that a real
 * one has. */
#include <curl/curl.h>
#include <poll.h>

#include "wb_box.h"

static int set_up(void **state)
{
    return wb_box_set_up(state, NULL);
}

static int set_up_whole_batches(void **state)
{
    return wb_box_set_up(state, "per_object=off");
}

static int set_up_arrays(void **state)
{
    return wb_box_set_up(state, "errors=array");
}

static int set_up_message(void **state)
{
    return wb_box_set_up(state, "failure=message");
}

/* ---- writing
 * ------------------------------------------------------------------------------------------ */

static void test_workbooks_sandbox__the_whole_way(void **state)
{
    struct box *b = *state;
    struct wess_schema schema;
    struct wess_result out;
    assert_int_equal(b->c->check(&b->call), WESS_OK);
    assert_int_equal(b->c->describe(&b->call, &schema), WESS_OK);
    assert_int_equal(box_create(b, "Zoe Zebra", "zz1", 0, &out), WESS_OK);
    assert_int_equal(out.code, WESS_OK);
    const char *id = out.id;
    struct wess_item item = box_fetch(b, id);
    assert_string_equal(test_text(&item, "fn"), "Zoe Zebra");
    assert_string_equal(item.revision, out.revision);
    assert_true(test_has_key(&item, "wess", "zz1"));
    struct wess_field fields[] = {{.name = "title", .type = WESS_TEXT, .str = {"K\xc3\xa9", 3}},
                                  {.name = "note", .type = WESS_TEXT, .str = {"a\n<b> & c", 9}}};
    struct wess_op update = {
        .what = WESS_UPDATE, .before = &item, .item = {.id = id, .fields = fields, .n_fields = 2}};
    assert_int_equal(box_apply(b, &update, 1, &out), WESS_OK);
    assert_int_equal(out.code, WESS_OK);
    struct wess_item now = box_fetch(b, id);
    assert_string_equal(now.revision, out.revision);
    assert_string_equal(test_text(&now, "title"), "K\xc3\xa9");
    assert_string_equal(test_text(&now, "note"), "a\n<b> & c");
    /* A stale revision is no write, of either kind. */
    struct wess_op remove = {.what = WESS_DELETE, .before = &item, .item = {.id = id}};
    assert_int_equal(box_apply(b, &update, 1, &out), WESS_OK);
    assert_int_equal(out.code, WESS_CONFLICT);
    assert_int_equal(box_apply(b, &remove, 1, &out), WESS_OK);
    assert_int_equal(out.code, WESS_CONFLICT);
    remove.before = update.before = &now;
    assert_int_equal(box_apply(b, &remove, 1, &out), WESS_OK);
    assert_int_equal(out.code, WESS_OK);
    assert_int_equal(box_apply(b, &remove, 1, &out), WESS_OK);
    assert_int_equal(out.code, WESS_GONE);
    assert_int_equal(box_apply(b, &update, 1, &out), WESS_OK);
    assert_int_equal(out.code, WESS_GONE);
    struct wess_page page;
    static const struct wess_key key = {"wess", "zz1"};
    assert_int_equal(b->c->find(&b->call, &key, 1, &page), WESS_OK);
    assert_int_equal(page.n, 1);
    assert_true(page.changes[0].item.flags & WESS_ITEM_TRASHED);
    const char *const ids[] = {id};
    assert_int_equal(b->c->fetch(&b->call, (struct wess_list){ids, 1}, &out), WESS_OK);
    assert_int_equal(out.code, WESS_GONE);
}

/* Three updates, the second from an old revision. */
static void write_three(struct box *b, struct wess_result out[3])
{
    static const struct wess_field title = {.name = "title", .type = WESS_TEXT, .str = {"New", 3}};
    static char ids[3][24];
    static struct wess_item before[3];
    struct wess_op ops[3];
    for (size_t i = 0; i < 3; i++) {
        snprintf(ids[i], sizeof(ids[i]), "%lld", (long long)wb_box_new_person(b, "Three"));
        before[i] = (struct wess_item){.id = ids[i], .revision = "0"};
        ops[i] = (struct wess_op){.what = WESS_UPDATE,
                                  .before = &before[i],
                                  .item = {.id = ids[i], .fields = &title, .n_fields = 1}};
    }
    wb_box_touch(b, "edit", strtoll(ids[1], NULL, 10), "&website=x");
    assert_int_equal(box_apply(b, ops, 3, out), WESS_OK);
}

static void test_workbooks_sandbox__one_stale_record(void **state)
{
    struct wess_result out[3];
    write_three(*state, out);
    assert_int_equal(out[0].code, WESS_OK);
    assert_int_equal(out[1].code, WESS_CONFLICT);
    assert_int_equal(out[2].code, WESS_OK);
}

static void test_workbooks_sandbox__one_stale_record_of_a_whole_batch(void **state)
{
    struct wess_result out[3];
    struct box *b = *state;
    write_three(b, out);
    assert_int_equal(out[0].code, WESS_NOT_TRIED);
    assert_int_equal(out[1].code, WESS_CONFLICT);
    assert_int_equal(out[2].code, WESS_NOT_TRIED);
    json_t *answer = box_control(b, "workbooks/list?name=Three"), *p;
    size_t i;
    json_array_foreach(json_object_get(answer, "people"), i, p)
        assert_null(json_object_get(json_object_get(p, "fields"), "person_job_title"));
    json_decref(answer);
}

static void test_workbooks_sandbox__a_refused_field_is_named(void **state)
{
    struct box *b = *state;
    struct wess_result out;
    box_fault(b, "workbooks:people:PUT:1:refuse=0");
    assert_int_equal(box_create(b, "Refused", "rf1", 0, &out), WESS_OK);
    assert_int_equal(out.code, WESS_REJECTED);
    assert_int_equal(out.n_refused, 1);
    assert_string_equal(out.refused[0].field, "url");
    assert_int_equal(wb_box_count(b, "Refused"), 0);
    int64_t locked = wb_box_new_person(b, "Locked");
    char id[24];
    wb_box_touch(b, "lock", locked, "");
    snprintf(id, sizeof(id), "%lld", (long long)locked);
    struct wess_item item = box_fetch(b, id);
    assert_true(item.flags & WESS_ITEM_LOCKED);
    struct wess_field f = {.name = "title", .type = WESS_TEXT, .str = {"x", 1}};
    struct wess_op op = {
        .what = WESS_UPDATE, .before = &item, .item = {.id = id, .fields = &f, .n_fields = 1}};
    assert_int_equal(box_apply(b, &op, 1, &out), WESS_OK);
    assert_int_equal(out.code, WESS_REJECTED);
    assert_int_equal(out.n_refused, 0);
    assert_non_null(out.text);
}

static void test_workbooks_sandbox__batches_of_a_hundred(void **state)
{
    static char names[250][16], stamps[250][16];
    static struct wess_field f[250];
    static struct wess_op ops[250];
    static struct wess_result out[250];
    struct box *b = *state;
    for (size_t i = 0; i < 250; i++) {
        snprintf(names[i], sizeof(names[i]), "Batch %zu", i);
        snprintf(stamps[i], sizeof(stamps[i]), "ba%zu", i);
        f[i] = (struct wess_field){
            .name = "fn", .type = WESS_TEXT, .str = {names[i], strlen(names[i])}};
        ops[i] = (struct wess_op){
            .what = WESS_CREATE, .stamp = stamps[i], .item = {.fields = &f[i], .n_fields = 1}};
    }
    assert_int_equal(box_apply(b, ops, 250, out), WESS_OK);
    assert_int_equal(box_requests(b, "workbooks:people:PUT"), 3);
    for (size_t i = 0; i < 250; i++) {
        assert_int_equal(out[i].code, WESS_OK);
        assert_string_equal(test_text(out[i].current, "fn"), names[i]);
    }
    /* All of them again: found, a page at a time, and none is doubled. */
    testhost_drop(&b->th);
    for (size_t i = 0; i < 250; i++)
        ops[i].flags = WESS_OP_AGAIN;
    assert_int_equal(box_apply(b, ops, 250, out), WESS_OK);
    assert_int_equal(box_requests(b, "workbooks:people:PUT"), 3);
    for (size_t i = 0; i < 250; i++) {
        assert_int_equal(out[i].code, WESS_OK);
        assert_null(out[i].revision);
    }
}

static void test_workbooks_sandbox__an_employer_is_never_created(void **state)
{
    static const char *const names[] = {"acme ltd", "Nowhere Known Ltd", "A,B \\ & Co"};
    struct box *b = *state;
    struct wess_result out[3];
    struct wess_field f[3][2];
    struct wess_op ops[3];
    json_decref(box_control(b, "workbooks/organisation?name=ACME%%20Ltd"));
    json_decref(box_control(b, "workbooks/organisation?name=A%%2CB%%20%%5C%%20%%26%%20Co"));
    json_t *before = box_control(b, "workbooks/organisations");
    for (size_t i = 0; i < 3; i++) {
        f[i][0] = (struct wess_field){.name = "fn", .type = WESS_TEXT, .str = {"Emp", 3}};
        f[i][1] = (struct wess_field){
            .name = "org", .type = WESS_TEXT, .str = {names[i], strlen(names[i])}};
        ops[i] = (struct wess_op){
            .what = WESS_CREATE, .stamp = names[i], .item = {.fields = f[i], .n_fields = 2}};
    }
    assert_int_equal(box_apply(b, ops, 3, out), WESS_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(out[i].code, WESS_OK);
        assert_int_equal(out[i].n_refused, i == 1);
    }
    assert_string_equal(test_text(out[0].current, "org"), "ACME Ltd");
    assert_null(test_text(out[1].current, "org"));
    json_t *after = box_control(b, "workbooks/organisations");
    assert_true(json_equal(before, after));
    json_decref(before);
    json_decref(after);
}

/* ---- faults
 * ------------------------------------------------------------------------------------------ */

static void test_workbooks_sandbox__no_answer_makes_no_double(void **state)
{
    static const char *const plans[] = {"lost",    "cut=0",        "cut=1",   "cut=20",
                                        "cut=200", "cut=600",      "cut=900", "truncate",
                                        "garbage", "huge=70000000"};
    struct box *b = *state;
    struct wess_result out;
    char plan[64], name[16];
    for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
        snprintf(plan, sizeof(plan), "workbooks:people:PUT:1:%s", plans[i]);
        snprintf(name, sizeof(name), "Lost%zu", i);
        box_fault(b, plan);
        enum wess_code rc = box_create(b, name, name, 0, &out);
        if (rc != WESS_UNKNOWN || out.code != WESS_UNKNOWN)
            fail_msg("%s is %d, %d", plans[i], (int)rc, (int)out.code);
        assert_int_equal(wb_box_count(b, name), 1);
        json_decref(box_control(b, "fault?clear=1"));
        testhost_drop(&b->th);
        assert_int_equal(box_create(b, name, name, WESS_OP_AGAIN, &out), WESS_OK);
        assert_int_equal(out.code, WESS_OK);
        assert_null(out.revision);
        assert_int_equal(wb_box_count(b, name), 1);
    }
    /* What never arrived is sent. */
    static const char *const never[] = {"http=500", "http=502", "html",
                                        "redirect=http://127.0.0.1:1/x"};
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        snprintf(plan, sizeof(plan), "workbooks:people:PUT:1:%s", never[i]);
        snprintf(name, sizeof(name), "Never%zu", i);
        box_fault(b, plan);
        assert_int_equal(box_create(b, name, name, 0, &out), WESS_UNKNOWN);
        assert_int_equal(out.code, WESS_UNKNOWN);
        assert_int_equal(wb_box_count(b, name), 0);
        assert_int_equal(box_create(b, name, name, WESS_OP_AGAIN, &out), WESS_OK);
        assert_non_null(out.revision);
        assert_int_equal(wb_box_count(b, name), 1);
    }
}

/* Carried out after the client has gone: in doubt, and found once it is there. */
static void test_workbooks_sandbox__late_answers(void **state)
{
    struct box *b = *state;
    struct wess_result out;
    struct wess_page page;
    box_fault(b, "workbooks:people:PUT:1:late=100");
    assert_int_equal(box_create(b, "Late", "la1", 0, &out), WESS_UNKNOWN);
    while (!wb_box_count(b, "Late"))
        poll(NULL, 0, 10);
    assert_int_equal(box_create(b, "Late", "la1", WESS_OP_AGAIN, &out), WESS_OK);
    assert_null(out.revision);
    wb_box_open(b, NULL, 300, NULL);
    assert_int_equal(box_create(b, "Warm", "wa1", 0, &out), WESS_OK);
    box_fault(b, "workbooks:people:PUT:1:delay=1500");
    assert_int_equal(box_create(b, "Slow", "sl1", 0, &out), WESS_UNKNOWN);
    assert_int_equal(out.code, WESS_UNKNOWN);
    box_fault(b, "workbooks:people:GET:1:delay=1500");
    assert_int_equal(b->c->changes(&b->call, (struct wess_slice){0}, 10, &page), WESS_TRANSIENT);
    while (!wb_box_count(b, "Slow"))
        poll(NULL, 0, 10);
    wb_box_open(b, NULL, 0, NULL);
    assert_int_equal(box_create(b, "Slow", "sl1", WESS_OP_AGAIN, &out), WESS_OK);
    assert_null(out.revision);
    assert_int_equal(wb_box_count(b, "Slow"), 1);
}

static void test_workbooks_sandbox__faults_have_their_codes(void **state)
{
    static const struct {
        const char *plan;
        enum wess_code code;
    } of[] = {{"workbooks:people:GET:1:http=503/30", WESS_THROTTLED},
              {"workbooks:people:GET:1:http=429/30", WESS_THROTTLED},
              {"workbooks:people:GET:*:busy=1", WESS_THROTTLED},
              {"workbooks:people:GET:1-3:busy=1", WESS_OK}, /* delayed, and followed */
              {"workbooks:people:GET:1:http=500", WESS_TRANSIENT},
              {"workbooks:people:GET:1:http=404", WESS_BROKEN},
              {"workbooks:people:GET:1:password", WESS_AUTH},
              {"workbooks:people:GET:1:truncate", WESS_TRANSIENT},
              {"workbooks:people:GET:1:garbage", WESS_TRANSIENT},
              {"workbooks:people:GET:1:html", WESS_TRANSIENT},
              {"workbooks:people:GET:1:bad_utf8", WESS_TRANSIENT},
              {"workbooks:people:GET:1:cut=0", WESS_TRANSIENT},
              {"workbooks:people:GET:1:cut=30", WESS_TRANSIENT},
              {"workbooks:people:GET:1:huge=70000000", WESS_TOO_BIG},
              {"workbooks:people:GET:1:redirect=http://127.0.0.1:1/x", WESS_THROTTLED},
              {"workbooks:person_queues:GET:1:html", WESS_TRANSIENT},
              {"workbooks:person_queues:GET:1:http=503", WESS_THROTTLED}};
    struct box *b = *state;
    wb_box_new_person(b, "Anybody");
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
        struct wess_page page = {0};
        wb_box_open(b, NULL, 0, NULL);
        box_fault(b, of[i].plan);
        enum wess_code rc = b->c->changes(&b->call, (struct wess_slice){0}, 100, &page);
        json_decref(box_control(b, "fault?clear=1"));
        if (rc != of[i].code)
            fail_msg("%s: %d %s", of[i].plan, (int)rc, b->call.error.text);
        assert_true(rc == WESS_OK || b->call.error.text[0]);
        assert_true(rc != WESS_OK || page.n == 1);
        if (strstr(of[i].plan, "/30"))
            assert_int_equal(b->call.error.retry_after_ms, 30000);
    }
}

static void test_workbooks_sandbox__a_wrong_key(void **state)
{
    struct box *b = *state;
    wb_box_open(b, "00000-wrong", 0, NULL);
    assert_int_equal(b->c->check(&b->call), WESS_AUTH);
    assert_int_equal(b->call.error.scope, WESS_OF_CREDENTIAL);
    assert_string_equal(b->call.error.remote_code, "unrecognised_name_or_password");
    assert_null(strstr(b->call.error.text, "wrong"));
    assert_int_equal(b->call.requests, 1);
    wb_box_open(b, NULL, 0, NULL);
    json_decref(box_control(b, "workbooks/expire_key"));
    assert_int_equal(b->c->check(&b->call), WESS_AUTH);
    json_decref(box_control(b, "workbooks/expire_key?on=0"));
    assert_int_equal(b->c->check(&b->call), WESS_OK);
}

#define TEST(name, before) cmocka_unit_test_setup_teardown(name, before, box_tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_workbooks_sandbox__the_whole_way, set_up),
        TEST(test_workbooks_sandbox__the_whole_way, set_up_arrays),
        TEST(test_workbooks_sandbox__one_stale_record, set_up),
        TEST(test_workbooks_sandbox__one_stale_record_of_a_whole_batch, set_up_whole_batches),
        TEST(test_workbooks_sandbox__a_refused_field_is_named, set_up),
        TEST(test_workbooks_sandbox__a_refused_field_is_named, set_up_whole_batches),
        TEST(test_workbooks_sandbox__batches_of_a_hundred, set_up),
        TEST(test_workbooks_sandbox__an_employer_is_never_created, set_up),
        TEST(test_workbooks_sandbox__no_answer_makes_no_double, set_up),
        TEST(test_workbooks_sandbox__late_answers, set_up),
        TEST(test_workbooks_sandbox__faults_have_their_codes, set_up),
        TEST(test_workbooks_sandbox__a_wrong_key, set_up),
        TEST(test_workbooks_sandbox__a_wrong_key, set_up_message),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
