/* The connector "workbooks" and what a database says of its own record types (B10). */
#include <string.h>

#include "wb_replay.h"

#define PEOPLE(fields) TYPE("Crm::Person", "crm/people", fields)
#define TASKS(fields) TYPE("Activity::Task", "activity/tasks", fields)
/* Most of the columns that are asked for: what is not among them is taken for missing. */
#define NAMES                                                                                      \
    FIELD("person_middle_name", "") FIELD("person_last_name", "") FIELD("person_suffix", "")
#define JOBS FIELD("person_job_title", "") FIELD("person_job_role", "") FIELD("employer_name", "")
#define SOME FIELD("name", "") FIELD("person_first_name", "") FIELD("party_notes", "") NAMES JOBS
#define OF_TASKS                                                                                   \
    FIELD("description", "")                                                                       \
    FIELD("start", "") FIELD("completed", "") FIELD("reminder_datetime", "")

static enum wess_code describe(struct stage *t, struct wess_schema *s)
{
    t->call.error = (struct wess_error){0};
    return t->c->describe(&t->call, s);
}

static const struct wess_field_schema *field(const struct wess_schema *s, const char *collection,
                                             const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        for (size_t k = 0; !strcmp(s->of[i].id, collection) && k < s->of[i].n_fields; k++)
            if (!strcmp(s->of[i].fields[k].name, name))
                return &s->of[i].fields[k];
    return NULL;
}

static void says(struct stage *t, const char *types)
{
    wb_forget(t);
    stage_says(t, WB_TYPES, types);
    stage_says(t, WB_FIELDS, types);
}

static void test_meta__what_a_database_lacks_does_not_travel(void **state)
{
    struct stage *t = *state;
    struct wess_schema s;
    says(t, ROWS(PEOPLE(SOME) "," TASKS(OF_TASKS FIELD("name", "")
                                            FIELD("due", ",\"is_updateable\":false"))));
    assert_int_equal(describe(t, &s), WESS_OK);
    assert_non_null(field(&s, "people", "name.given"));
    assert_null(field(&s, "people", "spouse"));
    /* Of another record's columns nothing is said here. */
    assert_non_null(field(&s, "people", "email"));
    assert_null(field(&s, "tasks", "status"));
    /* Nothing is known of meetings. */
    assert_non_null(field(&s, "meetings", "start"));
    /* Whose type it is, the answer told; it is asked for by that name. */
    const char *asked = stage_request(t, WB_FIELDS, 0);
    assert_string_equal(wb_param(asked, "class_names[]", 0), "Private::Crm::Person");
    assert_string_equal(wb_param(asked, "class_names[]", 1), "Private::Activity::Task");
    stage_says(t, WB_LIST, ROWS(""));
    struct wess_page page;
    const char *const ids[] = {"1"};
    struct wess_result out;
    assert_int_equal(t->c->fetch(&t->call, (struct wess_list){ids, 1}, &out), WESS_OK);
    asked = stage_request(t, WB_LIST, 0);
    for (size_t i = 0; i < wb_params(asked, "_select_columns[]"); i++)
        assert_string_not_equal(wb_param(asked, "_select_columns[]", i), "spouse_name");
    assert_int_equal(wb_page(t, NULL, 10, &page), WESS_OK);
    assert_int_equal(stage_asked(t, WB_TYPES), 1); /* once per connection */
}

static void test_meta__a_list_of_another_sort_takes_nothing_away(void **state)
{
    struct stage *t = *state;
    struct wess_schema s;
    says(t, ROWS(PEOPLE(FIELD("name", "") FIELD("person_first_name", ""))));
    assert_int_equal(describe(t, &s), WESS_OK);
    assert_non_null(field(&s, "people", "spouse"));
}

static void test_meta__how_a_column_may_be_written(void **state)
{
    struct stage *t = *state;
    struct wess_schema s;
    says(t, ROWS(PEOPLE(NAMES JOBS FIELD("name", "")
                            FIELD("person_first_name", ",\"is_updateable\":false")
                                FIELD("website", ",\"is_updateable\":false,"
                                                 "\"is_createable\":false"))));
    assert_int_equal(describe(t, &s), WESS_OK);
    assert_int_equal(field(&s, "people", "fn")->flags, 0);
    assert_int_equal(field(&s, "people", "name.given")->flags, WESS_FIELD_ON_CREATE);
    assert_int_equal(field(&s, "people", "url")->flags, WESS_FIELD_READ_ONLY);
}

static void test_meta__an_answer_of_another_shape_says_nothing(void **state)
{
    static const char *const answers[] = {
        "{\"success\":false}",
        ROWS(""),
        ROWS("5"),
        ROWS("{\"class_name\":5}"),
        ROWS("{\"class_name\":\"X\",\"controller_path\":\"crm/people\",\"fields\":{}}"),
        ROWS("{\"class_name\":\"X\",\"controller_path\":\"crm/people\",\"fields\":[[],5,"
             "{\"name\":7}]}")};
    struct stage *t = *state;
    struct wess_schema s;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        says(t, answers[i]);
        wb_open(t, NULL);
        assert_int_equal(describe(t, &s), WESS_OK);
        assert_non_null(field(&s, "people", "spouse"));
    }
}

static void test_meta__custom_fields_have_to_be_there(void **state)
{
    struct stage *t = *state;
    struct wess_schema s;
    says(t, ROWS(PEOPLE(SOME FIELD("cf_person_tier", ""))));
    wb_open(t, "custom_fields", "people.cf_person_tier", NULL);
    assert_int_equal(describe(t, &s), WESS_OK);
    assert_non_null(field(&s, "people", "x.workbooks.cf_person_tier"));
    wb_open(t, "custom_fields", "people.cf_person_teir", NULL);
    assert_int_equal(describe(t, &s), WESS_BROKEN);
    assert_non_null(strstr(t->call.error.text, "did you mean \"cf_person_tier\"?"));
    wb_open(t, "custom_fields", "people.cf_wholly_different", NULL);
    assert_int_equal(describe(t, &s), WESS_BROKEN);
    assert_null(strstr(t->call.error.text, "did you mean"));
}

static void test_meta__words_have_to_be_in_the_list(void **state)
{
    struct stage *t = *state;
    struct wess_schema s;
    says(t, ROWS(TASKS(FIELD("name", "")
                           FIELD("activity_status", ",\"picklist\":{\"picklist_id\":150}"))));
    stage_says(t, WB_ENTRIES, ROWS("{\"id\":1,\"value\":\"New\"},{\"id\":2,\"value\":\"Done\"}"));
    wb_open(t, "task_status", "NEEDS-ACTION=New\nCOMPLETED=Done", NULL);
    assert_int_equal(describe(t, &s), WESS_OK);
    assert_string_equal(wb_param(stage_request(t, WB_ENTRIES, 0), "picklist_id", 0), "150");
    wb_open(t, "task_status", "NEEDS-ACTION=New\nCOMPLETED=Complete", NULL);
    assert_int_equal(describe(t, &s), WESS_BROKEN);
    assert_non_null(strstr(t->call.error.text, "task_status"));
    assert_non_null(strstr(t->call.error.text, "Complete"));
}

static void test_meta__settings_that_are_none(void **state)
{
    static const char *const bad[][2] = {{"custom_fields", "cf_person_tier"},
                                         {"custom_fields", "people.tier"},
                                         {"custom_fields", "emails.cf_tier"},
                                         {"custom_fields", "cats.cf_tier"},
                                         {"task_status", "COMPLETED"},
                                         {"task_priority", "=High"},
                                         {"mail_status", "SEND"},
                                         {"mail_status", "send"}};
    struct stage *t = *state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct testhost_setting settings[] = {{"url", t->url},
                                              {"api_key", "k"},
                                              {"page_size", "100"},
                                              {"overlap", "60s"},
                                              {bad[i][0], bad[i][1]}};
        struct testhost th;
        struct wess_conn *conn;
        struct wess_error e = {0};
        testhost_init(&th, settings, 5);
        assert_int_equal(t->c->open(&th.host, &conn, &e), WESS_BROKEN);
        assert_null(conn);
        assert_non_null(strstr(e.text, bad[i][0]));
        testhost_fini(&th);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_meta__##name, wb_set_up, wb_tear_down)
/* Nobody shows how actions are named: by what is understood whole alone something is denied. */
static void test_meta__what_actions_deny(void **state)
{
#define ACTING(actions)                                                                            \
    ROWS("{\"class_name\":\"Private::Activity::Task\",\"controller_path\":\"activity/tasks\","     \
         "\"actions\":" actions ",\"fields\":[{\"name\":\"id\"}]}")
    static const struct {
        const char *types;
        uint64_t lacks;
    } cases[] = {
        {ACTING("[\"index\",\"create\",\"update\"]"), WESS_CAP_DELETE},
        {ACTING("[{\"name\":\"Index\"},{\"name\":\"PUT\"}]"), WESS_CAP_CREATE | WESS_CAP_DELETE},
        {ACTING("[\"show\"]"), WESS_CAP_CREATE | WESS_CAP_UPDATE | WESS_CAP_DELETE},
        {ACTING("[\"index\",\"amend\"]"), 0},
        {ACTING("[\"index\",7]"), 0},
        {ACTING("[]"), 0},
        {ACTING("\"index\""), 0},
    };
    struct stage *t = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const uint64_t writes = WESS_CAP_CREATE | WESS_CAP_UPDATE | WESS_CAP_DELETE;
        struct wess_schema s;
        wb_open(t, NULL);
        says(t, cases[i].types);
        assert_int_equal(describe(t, &s), WESS_OK);
        for (size_t k = 0; k < s.n; k++)
            if (!strcmp(s.of[k].id, "tasks"))
                assert_int_equal(s.of[k].caps & writes, writes & ~cases[i].lacks);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_a_database_lacks_does_not_travel),
        TEST(a_list_of_another_sort_takes_nothing_away),
        TEST(how_a_column_may_be_written),
        TEST(an_answer_of_another_shape_says_nothing),
        TEST(custom_fields_have_to_be_there),
        TEST(words_have_to_be_in_the_list),
        TEST(what_actions_deny),
        TEST(settings_that_are_none),
    };
    return cmocka_run_group_tests_name("workbooks_meta", tests, NULL, NULL);
}
