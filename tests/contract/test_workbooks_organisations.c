/* The connector "workbooks" against the rehearsal Workbooks: organisations, for themselves and as
 * employers. */
#include <curl/curl.h>

#include "wb_box.h"

static void open_with(struct box *b, const char *collection, const char *create)
{
    b->settings[0] = (struct testhost_setting){"url", box_info(b, "workbooks", "url")};
    b->settings[1] = (struct testhost_setting){"api_key", box_info(b, "workbooks", "api_key")};
    b->settings[2] = (struct testhost_setting){"create_organisations", create};
    box_open(b, collection, 3, 0);
}

static int set_up(void **state)
{
    *state = box_new("workbooks", NULL, "empty");
    open_with(*state, "people", "true");
    return 0;
}

static uint64_t caps_of(struct box *b, const char *collection)
{
    struct wess_schema schema;
    assert_int_equal(b->c->describe(&b->call, &schema), WESS_OK);
    for (size_t i = 0; i < schema.n; i++)
        if (!strcmp(schema.of[i].id, collection))
            return schema.of[i].caps;
    fail_msg("no collection %s", collection);
    return 0;
}

static size_t count(const struct box *b, const char *path)
{
    json_t *answer = box_control(b, "%s", path);
    size_t n = json_array_size(json_object_get(answer, "organisations"));
    json_decref(answer);
    return n;
}

static int64_t org_of(const struct box *b, const char *person)
{
    json_t *answer = box_control(b, "workbooks/list?name=%s", person);
    const json_t *p = json_array_get(json_object_get(answer, "people"), 0);
    assert_non_null(p);
    json_t *orgs = box_control(b, "workbooks/organisations");
    const char *name =
        json_string_value(json_object_get(json_object_get(p, "fields"), "employer_name"));
    int64_t id = 0;
    for (size_t i = 0; name && i < json_array_size(json_object_get(orgs, "organisations")); i++) {
        const json_t *o = json_array_get(json_object_get(orgs, "organisations"), i);
        if (!strcmp(json_string_value(json_object_get(o, "name")), name))
            id = box_number(o, "id");
    }
    json_decref(orgs);
    json_decref(answer);
    return id;
}

struct people {
    struct wess_field fields[4][2];
    struct wess_op ops[4];
    struct wess_result out[4];
};

static enum wess_code create(struct box *b, struct people *p, const char *const *employers,
                             size_t n)
{
    static const char *const names[] = {"Anna", "Bert", "Cleo", "Dirk"};
    for (size_t i = 0; i < n; i++) {
        p->fields[i][0] = (struct wess_field){
            .name = "fn", .type = WESS_TEXT, .str = {names[i], strlen(names[i])}};
        p->fields[i][1] = (struct wess_field){
            .name = "org", .type = WESS_TEXT, .str = {employers[i], strlen(employers[i])}};
        p->ops[i] = (struct wess_op){.what = WESS_CREATE,
                                     .stamp = names[i],
                                     .item = {.fields = p->fields[i], .n_fields = 2}};
    }
    return box_apply(b, p->ops, n, p->out);
}

static void test_workbooks_organisations__are_only_read_unless_told(void **state)
{
    struct box *b = *state;
    assert_true(caps_of(b, "organisations") & WESS_CAP_CREATE);
    open_with(b, "organisations", "false");
    uint64_t caps = caps_of(b, "organisations");
    assert_false(caps & (WESS_CAP_CREATE | WESS_CAP_UPDATE | WESS_CAP_DELETE | WESS_CAP_STAMP));
    assert_true(caps & WESS_CAP_DELTA);
    /* And an employer that is not there stays away. */
    static const char *const employers[] = {"Nowhere"};
    static struct people p;
    open_with(b, "people", "false");
    assert_int_equal(create(b, &p, employers, 1), WESS_OK);
    assert_int_equal(p.out[0].n_refused, 1);
    assert_int_equal(count(b, "workbooks/organisations"), 0);
}

static void test_workbooks_organisations__have_a_card(void **state)
{
    struct box *b = *state;
    json_decref(box_control(b, "workbooks/create?of=organisations&name=Acme%%20Ltd&website="
                               "acme.example&main_location%%5Bemail%%5D=info@acme.example"));
    open_with(b, "organisations", "false");
    struct wess_item item = box_fetch(b, "301");
    assert_string_equal(test_text(&item, "fn"), "Acme Ltd");
    assert_string_equal(test_text(&item, "org"), "Acme Ltd");
    assert_string_equal(test_text(&item, "url"), "acme.example");
    assert_string_equal(test_text(&item, "x.workbooks.ref"), "ORG-301");
    assert_true(test_has_key(&item, "email", "info@acme.example"));
    static const struct wess_key key = {"fn", "acme ltd"};
    struct wess_page page;
    assert_int_equal(b->c->find(&b->call, &key, 1, &page), WESS_OK);
    assert_int_equal(page.n, 1);
}

/* Letter by letter comes first: what is alike only when folded is another. */
static void test_workbooks_organisations__the_exact_name_wins(void **state)
{
    static const char *const employers[] = {"Acme ltd", "ACME LTD", "acme Ltd"};
    struct box *b = *state;
    static struct people p;
    json_decref(box_control(b, "workbooks/organisation?name=Acme%%20ltd"));
    json_decref(box_control(b, "workbooks/organisation?name=ACME%%20LTD"));
    assert_int_equal(create(b, &p, employers, 3), WESS_OK);
    assert_int_equal(org_of(b, "Anna"), 301);
    assert_int_equal(org_of(b, "Bert"), 302);
    assert_int_equal(p.out[2].n_refused, 1); /* of two it could be either */
    assert_int_equal(count(b, "workbooks/organisations"), 2);
}

static void test_workbooks_organisations__are_created_once(void **state)
{
    static const char *const employers[] = {"New & Co, Ltd", "NEW & CO, LTD", "Other",
                                            "New & Co, Ltd"};
    struct box *b = *state;
    static struct people p;
    assert_int_equal(create(b, &p, employers, 4), WESS_OK);
    assert_int_equal(count(b, "workbooks/organisations"), 2);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(p.out[i].code, WESS_OK);
        assert_int_equal(p.out[i].n_refused, 0);
    }
    assert_int_equal(org_of(b, "Anna"), 301);
    assert_int_equal(org_of(b, "Bert"), 301);
    assert_int_equal(org_of(b, "Dirk"), 301);
    assert_int_equal(box_requests(b, "workbooks:organisations:PUT"), 1);
    /* Another connection finds them. */
    open_with(b, "people", "true");
    assert_int_equal(create(b, &p, employers + 2, 1), WESS_OK);
    assert_int_equal(count(b, "workbooks/organisations"), 2);
}

/* Whether it is there nobody knows: the people wait, and are not written without it. */
static void test_workbooks_organisations__a_lost_answer_is_waited_for(void **state)
{
    static const char *const employers[] = {"New Ltd"};
    struct box *b = *state;
    static struct people p;
    box_fault(b, "workbooks:organisations:PUT:1:lost");
    assert_int_equal(create(b, &p, employers, 1), WESS_TRANSIENT);
    assert_int_equal(p.out[0].code, WESS_NOT_TRIED);
    assert_true(b->call.error.retry_after_ms > 0);
    assert_int_equal(wb_box_count(b, "Anna"), 0);
    open_with(b, "people", "true");
    assert_int_equal(create(b, &p, employers, 1), WESS_OK);
    assert_int_equal(count(b, "workbooks/organisations"), 1);
    assert_int_equal(org_of(b, "Anna"), 301);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, box_tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_workbooks_organisations__are_only_read_unless_told),
        TEST(test_workbooks_organisations__have_a_card),
        TEST(test_workbooks_organisations__the_exact_name_wins),
        TEST(test_workbooks_organisations__are_created_once),
        TEST(test_workbooks_organisations__a_lost_answer_is_waited_for),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
