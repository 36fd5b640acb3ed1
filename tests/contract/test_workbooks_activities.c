/* Tasks, meetings and emails: what is sent, and what is refused before anything is. */
#include <string.h>

#include "wb_replay.h"

#define ROW_OF(id, more)                                                                           \
    "{\"id\":" id ",\"lock_version\":1,\"updated_at\":\"1795000000\",\"updated_by\":41,"           \
    "\"is_deleted\":false,\"assigned_to\":11" more "}"
#define OK_ "{\"success\":true,\"errors\":{},\"warnings\":{}}"
#define DONE(rows, infos)                                                                          \
    "{\"success\":true,\"flash\":\"\",\"updates\":{},\"affected_objects\":[" rows                  \
    "],\"affected_object_information\":[" infos "]}"
#define DATE(field, day)                                                                           \
    {                                                                                              \
        .name = field, .type = WESS_DATE, .str = { day, 10 }                                       \
    }
#define NOTHING(field)                                                                             \
    {                                                                                              \
        .name = field, .type = WESS_NULL                                                           \
    }

static const struct wess_item before[] = {{.id = "7", .revision = "1"},
                                          {.id = "8", .revision = "1"}};

static struct wess_op create(const struct wess_field *f, size_t n)
{
    return (struct wess_op){
        .what = WESS_CREATE, .stamp = "st1", .item = {.fields = f, .n_fields = n}};
}

static struct wess_op update(size_t i, const struct wess_field *f, size_t n)
{
    return (struct wess_op){.what = WESS_UPDATE,
                            .before = &before[i],
                            .item = {.id = before[i].id, .fields = f, .n_fields = n}};
}

static void sent(struct stage *t, size_t record, const char *column, const char *value)
{
    const char *request = stage_request(t, WB_PUT, 0), *is = wb_param(request, column, record);
    if (value ? !is || strcmp(is, value) : is != NULL)
        fail_msg("%s of record %zu is %s, not %s", column, record, is, value);
}

static struct wess_item read_one(struct stage *t, const char *collection, const char *row)
{
    static const char *const ids[] = {"7"};
    char *rows = NULL;
    struct wess_result out;
    t->call.collection = collection;
    assert_true(asprintf(&rows, "{\"success\":true,\"data\":[%s]}", row) > 0);
    stage_says(t, WB_LIST, rows);
    enum wess_code rc = t->c->fetch(&t->call, (struct wess_list){ids, 1}, &out);
    if (rc != WESS_OK)
        fail_msg("%s: %s", rows, t->call.error.text);
    wb_forget(t);
    free(rows);
    assert_int_equal(out.code, WESS_OK);
    return *out.current;
}

/* ---- tasks
 * ------------------------------------------------------------------------------------------ */

static void test_activities__a_new_task(void **state)
{
    static const struct wess_field task[] = {TEXT_FIELD("summary", "Call"),
                                             DATE("due", "2026-12-01"),
                                             TEXT_FIELD("description", "a\nb"),
                                             {.name = "priority", .type = WESS_INT, .num = 3}};
    struct stage *t = *state;
    struct wess_op op = create(task, 4);
    t->call.collection = "tasks";
    stage_says(t, WB_PUT, DONE(ROW_OF("7", ",\"name\":\"Call\""), OK_));
    struct wess_result *r = wb_apply(t, &op, 1, WESS_OK);
    assert_int_equal(r[0].code, WESS_OK);
    assert_string_equal(r[0].id, "7");
    sent(t, 0, "name[]", "Call");
    sent(t, 0, "due[]", "2026-12-01");
    sent(t, 0, "all_day[]", "true");
    sent(t, 0, "description[]", "<p>a<br>b</p>");
    sent(t, 0, "activity_priority[]", "High");
    sent(t, 0, "activity_status[]", "New"); /* the word for nothing said */
    sent(t, 0, "created_through_reference[]", "st1");
    sent(t, 0, "assigned_to[]", NULL);
}

static void test_activities__a_day_keeps_the_hour_that_is_there(void **state)
{
    static const struct wess_field winter[] = {DATE("due", "2026-12-06")};
    static const struct wess_field none[] = {NOTHING("due")};
    struct stage *t = *state;
    struct wess_op ops[] = {update(0, winter, 1), update(1, none, 1)};
    t->call.collection = "tasks";
    stage_says(t, WB_LIST,
               ROWS("{\"id\":7,\"due\":\"2026-07-05T13:30:00.000Z,1,Europe/London\","
                    "\"start\":null},{\"id\":8,\"due\":\"2026-07-05,0,Europe/London\","
                    "\"start\":\"2026-07-05T13:30:00.000Z,1,Europe/London\"}"));
    stage_says(t, WB_PUT,
               DONE("{\"id\":7,\"lock_version\":2},{\"id\":8,\"lock_version\":2}", OK_ "," OK_));
    wb_apply(t, ops, 2, WESS_OK);
    assert_string_equal(wb_param(stage_request(t, WB_LIST, 0), "_fc[]", 0), "7,8");
    sent(t, 0, "due[]", "2026-12-06T14:30:00.000Z");
    sent(t, 0, "all_day[]", "false");
    sent(t, 1, "due[]", ":null_value:");
    sent(t, 1, "all_day[]", "false"); /* its start has a time */
}

static void test_activities__words_of_a_task(void **state)
{
    static const struct wess_field odd[] = {TEXT_FIELD("status", "X-WAITING"),
                                            TEXT_FIELD("summary", "Call")};
    static const struct wess_field plain[] = {NOTHING("status"), NOTHING("priority")};
    struct stage *t = *state;
    struct wess_op ops[] = {update(0, odd, 2), update(1, plain, 2)};
    t->call.collection = "tasks";
    stage_says(t, WB_LIST, ROWS("{\"id\":8,\"activity_priority\":\"High\"}"));
    stage_says(t, WB_PUT,
               DONE("{\"id\":7,\"lock_version\":2},{\"id\":8,\"lock_version\":2}", OK_ "," OK_));
    struct wess_result *r = wb_apply(t, ops, 2, WESS_OK);
    assert_int_equal(r[0].code, WESS_OK);
    assert_int_equal(r[0].n_refused, 1);
    assert_string_equal(r[0].refused[0].field, "status");
    sent(t, 0, "activity_status[]", ":no_value:");
    sent(t, 1, "activity_status[]", "New");
    sent(t, 1, "activity_priority[]", "Medium");
    struct wess_item item =
        read_one(t, "tasks",
                 ROW_OF("7", ",\"name\":\"Call\",\"activity_status\":\"On hold\","
                             "\"activity_priority\":\"Whenever\",\"reminder_enabled\":false,"
                             "\"reminder_datetime\":\"1796115600\""));
    assert_string_equal(test_text(&item, "status"), "On hold"); /* not a guess */
    assert_null(test_field(&item, "priority"));
    assert_null(test_field(&item, "alarm"));
}

/* It shows as none on the other side, which is no reason to write over it. */
static void test_activities__a_priority_without_a_word_stays(void **state)
{
    static const struct wess_field high[] = {{.name = "priority", .type = WESS_INT, .num = 1},
                                             TEXT_FIELD("summary", "Call")};
    struct stage *t = *state;
    struct wess_op ops[] = {update(0, high, 2), update(1, high, 2)};
    t->call.collection = "tasks";
    stage_says(t, WB_LIST,
               ROWS("{\"id\":7,\"activity_priority\":\"Whenever\"},"
                    "{\"id\":8,\"activity_priority\":null}"));
    stage_says(t, WB_PUT,
               DONE("{\"id\":7,\"lock_version\":2},{\"id\":8,\"lock_version\":2}", OK_ "," OK_));
    struct wess_result *r = wb_apply(t, ops, 2, WESS_OK);
    assert_int_equal(r[0].n_refused, 1);
    assert_string_equal(r[0].refused[0].field, "priority");
    sent(t, 0, "activity_priority[]", ":no_value:");
    sent(t, 0, "name[]", "Call");
    assert_int_equal(r[1].n_refused, 0);
    sent(t, 1, "activity_priority[]", "High");
}

static void test_activities__what_cannot_be_read_is_not_empty(void **state)
{
    static const char *const rows[] = {
        ROW_OF("7", ",\"due\":\"soon,0,Europe/London\""), ROW_OF("7", ",\"due\":true"),
        ROW_OF("7", ",\"due\":\"2026-12-01,1,Europe/London\""),
        ROW_OF("7", ",\"reminder_enabled\":\"yes\",\"reminder_datetime\":\"1796115600\""),
        ROW_OF("7", ",\"reminder_enabled\":true,\"reminder_datetime\":\"soon\"")};
    static const char *const ids[] = {"7"};
    struct stage *t = *state;
    struct wess_result out;
    t->call.collection = "tasks";
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = NULL;
        assert_true(asprintf(&text, "{\"success\":true,\"data\":[%s]}", rows[i]) > 0);
        wb_forget(t);
        stage_says(t, WB_LIST, text); /* which keeps it */
        enum wess_code rc = t->c->fetch(&t->call, (struct wess_list){ids, 1}, &out);
        if (rc != WESS_BROKEN)
            fail_msg("%s is read", rows[i]);
        assert_non_null(strstr(t->call.error.text, "cannot be read"));
        wb_forget(t);
        free(text);
    }
}

static void test_activities__no_more_in_an_hour(void **state)
{
    static const struct wess_field task[] = {TEXT_FIELD("summary", "Call")};
    struct stage *t = *state;
    struct wess_op ops[] = {create(task, 1), update(0, task, 1), create(task, 1), create(task, 1)};
    wb_open(t, "max_create", "2", NULL);
    t->call.collection = "tasks";
    stage_says(t, WB_PUT,
               DONE(ROW_OF("7", "") ",{\"id\":7,\"lock_version\":2}," ROW_OF("9", ""),
                    OK_ "," OK_ "," OK_));
    struct wess_result *r = wb_apply(t, ops, 4, WESS_THROTTLED);
    assert_int_equal(r[0].code, WESS_OK);
    assert_int_equal(r[1].code, WESS_OK);
    assert_int_equal(r[2].code, WESS_OK);
    assert_int_equal(r[3].code, WESS_NOT_TRIED);
    assert_true(t->call.error.retry_after_ms > 0 && t->call.error.retry_after_ms <= 3600000);
    /* Another connection of the process is of the same hour. */
    wb_open(t, "max_create", "2", NULL);
    t->call.collection = "tasks";
    r = wb_apply(t, ops, 1, WESS_THROTTLED);
    assert_int_equal(r[0].code, WESS_NOT_TRIED);
    assert_int_equal(stage_asked(t, WB_PUT), 1);
}

/* ---- meetings
 * ------------------------------------------------------------------------------------------ */

#define TIME(field, at)                                                                            \
    {                                                                                              \
        .name = field, .type = WESS_TIME, .time = { "2026-12-01T09:00:00", "Europe/London", at }   \
    }

static void test_activities__a_meeting_is_of_days_or_of_times(void **state)
{
    static const struct wess_field days[] = {
        TEXT_FIELD("summary", "Fair"), DATE("start", "2026-12-01"), DATE("end", "2026-12-03")};
    static const struct wess_field times[] = {
        TEXT_FIELD("summary", "Talk"), TIME("start", 1796115600000), TIME("end", 1796119200000),
        TEXT_FIELD("description", "not for everybody")};
    static const struct wess_field mixed[] = {
        TEXT_FIELD("summary", "Odd"), DATE("start", "2026-12-01"), TIME("end", 1796119200000)};
    static const struct wess_field floats[] = {TEXT_FIELD("summary", "Odd"), TIME("start", 0)};
    static const struct wess_field nowhere[] = {TEXT_FIELD("summary", "Odd")};
    struct stage *t = *state;
    struct wess_op ops[] = {create(days, 3), create(times, 4), create(mixed, 3), create(floats, 2),
                            create(nowhere, 1)};
    t->call.collection = "meetings";
    stage_says(t, WB_PUT, DONE(ROW_OF("7", "") "," ROW_OF("8", ""), OK_ "," OK_));
    struct wess_result *r = wb_apply(t, ops, 5, WESS_OK);
    sent(t, 0, "start[]", "2026-12-01");
    sent(t, 0, "finish[]", "2026-12-02"); /* its last day */
    sent(t, 0, "all_day[]", "true");
    sent(t, 1, "start[]", "2026-12-01T09:00:00.000Z");
    sent(t, 1, "finish[]", "2026-12-01T10:00:00.000Z");
    sent(t, 1, "all_day[]", "false");
    sent(t, 0, "description[]", NULL);
    assert_int_equal(r[0].code, WESS_OK);
    assert_int_equal(r[1].code, WESS_OK);
    for (size_t i = 2; i < 5; i++)
        assert_int_equal(r[i].code, WESS_REJECTED);
}

static void test_activities__the_last_day_is_a_setting(void **state)
{
    static const char row[] = ROW_OF("7", ",\"start\":\"2026-12-01,0,Europe/London\","
                                          "\"finish\":\"2026-12-31,0,Europe/London\"");
    struct stage *t = *state;
    struct wess_item item = read_one(t, "meetings", row);
    assert_memory_equal(test_field(&item, "end")->str.data, "2027-01-01", 10);
    wb_forget(t);
    wb_open(t, "all_day_finish", "after", NULL);
    item = read_one(t, "meetings", row);
    assert_memory_equal(test_field(&item, "end")->str.data, "2026-12-31", 10);
}

/* ---- emails
 * ------------------------------------------------------------------------------------------ */

static struct wess_field spooled(struct stage *t, const char *text, size_t len)
{
    const struct wess_host *h = &t->th.host;
    struct wess_spool *s = NULL;
    struct wess_field f = {.name = "mime", .type = WESS_BLOB};
    assert_int_equal(h->blob_new(h->ctx, &s), WESS_OK);
    assert_int_equal(h->blob_put(s, text, len), WESS_OK);
    assert_int_equal(h->blob_done(s, &t->th.arena, &f.blob), WESS_OK);
    return f;
}

static void test_activities__a_mail_goes_whole_and_sends_nothing(void **state)
{
    static const char mime[] = "From: a@x.org\r\n\r\n\xc3\xa9 & + % =";
    struct stage *t = *state;
    t->call.collection = "emails";
    struct wess_field mail[] = {spooled(t, mime, sizeof(mime) - 1)};
    struct wess_op ops[] = {create(mail, 1), create(NULL, 0), update(0, mail, 1)};
    stage_says(t, WB_PUT, DONE(ROW_OF("7", ",\"type\":\"X\""), OK_));
    stage_says_status(t, WB_TYPES, 404, "no such thing");
    struct wess_result *r = wb_apply(t, ops, 3, WESS_OK);
    assert_int_equal(r[0].code, WESS_OK);
    assert_int_equal(r[1].code, WESS_REJECTED);
    assert_int_equal(r[2].code, WESS_REJECTED);
    sent(t, 0, "rfc822[]", mime);
    sent(t, 0, "status[]", "DRAFT"); /* this database tells of no list */
}

static void test_activities__a_status_is_one_of_the_list(void **state)
{
    static const struct {
        const char *setting, *entries, *status; /* NULL: refused */
    } cases[] = {{NULL, "{\"value\":\"SEND\"},{\"value\":\"SENT\"}", "SENT"},
                 {NULL, "{\"value\":\"SEND\"},{\"value\":\"DRAFT\"}", "DRAFT"},
                 {NULL, "{\"value\":\"SEND\"}", NULL},
                 {"Filed", "{\"value\":\"SEND\"},{\"value\":\"Filed\"}", "Filed"},
                 {"Filed", "{\"value\":\"SENT\"}", NULL}};
    struct stage *t = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *entries = NULL;
        const char *types =
            ROWS(TYPE("E", "email/emails", FIELD("status", ",\"picklist\":{\"picklist_id\":5}")));
        assert_true(asprintf(&entries, "{\"success\":true,\"data\":[%s]}", cases[i].entries) > 0);
        wb_forget(t);
        stage_says(t, WB_TYPES, types);
        stage_says(t, WB_FIELDS, types);
        stage_says(t, WB_ENTRIES, entries);
        stage_says(t, WB_PUT, DONE(ROW_OF("7", ",\"type\":\"X\""), OK_));
        if (cases[i].setting)
            wb_open(t, "mail_status", cases[i].setting, NULL);
        else
            wb_open(t, NULL);
        t->call.collection = "emails";
        struct wess_field mail[] = {spooled(t, "A: b", 4)};
        struct wess_op op = create(mail, 1);
        wb_apply(t, &op, 1, cases[i].status ? WESS_OK : WESS_BROKEN);
        assert_int_equal(stage_asked(t, WB_PUT), cases[i].status ? 1 : 0);
        if (cases[i].status)
            sent(t, 0, "status[]", cases[i].status);
        wb_forget(t);
        free(entries);
    }
}

static void test_activities__a_status_is_not_guessed_for_want_of_an_answer(void **state)
{
    static const char *const failing[] = {WB_TYPES, WB_FIELDS, WB_ENTRIES};
    const char *types =
        ROWS(TYPE("E", "email/emails", FIELD("status", ",\"picklist\":{\"picklist_id\":5}")));
    struct stage *t = *state;
    for (size_t i = 0; i < 2 * sizeof(failing) / sizeof(failing[0]); i++) {
        bool told = i % 2;
        wb_forget(t);
        stage_says_status(t, failing[i / 2], 500, "busy");
        if (failing[i / 2] != failing[0])
            stage_says(t, WB_TYPES, types);
        if (failing[i / 2] != failing[1])
            stage_says(t, WB_FIELDS, types);
        if (failing[i / 2] != failing[2])
            stage_says(t, WB_ENTRIES, "{\"success\":true,\"data\":[{\"value\":\"SENT\"}]}");
        stage_says(t, WB_PUT, DONE(ROW_OF("7", ",\"type\":\"X\""), OK_));
        if (told)
            wb_open(t, "mail_status", "SENT", NULL);
        else
            wb_open(t, NULL);
        t->call.collection = "emails";
        struct wess_field mail[] = {spooled(t, "A: b", 4)};
        struct wess_op op = create(mail, 1);
        wb_apply(t, &op, 1, told ? WESS_OK : WESS_TRANSIENT);
        assert_int_equal(stage_asked(t, WB_PUT), told ? 1 : 0);
    }
}

static void test_activities__only_our_own_mail_is_listed(void **state)
{
    struct stage *t = *state;
    struct wess_page page;
    t->call.collection = "emails";
    stage_says(t, WB_LIST, ROWS(""));
    assert_int_equal(wb_page(t, NULL, 10, &page), WESS_OK);
    const char *request = stage_request(t, WB_LIST, 0);
    assert_string_equal(wb_param(request, "_ff[]", 2), "created_through");
    assert_string_equal(wb_param(request, "_fc[]", 2), "WESS");
    assert_string_equal(wb_param(request, "_fm", 0), "(1 OR 2) AND 3");
    for (size_t i = 0; i < wb_params(request, "_select_columns[]"); i++) {
        assert_string_not_equal(wb_param(request, "_select_columns[]", i), "rfc822");
        assert_string_not_equal(wb_param(request, "_select_columns[]", i), "assigned_to");
    }
}

/* ---- memory
 * ------------------------------------------------------------------------------------------ */

static void test_activities__each_allocation_fails_once(void **state)
{
    static const struct wess_field task[] = {TEXT_FIELD("summary", "Call"),
                                             DATE("due", "2026-12-01"),
                                             TEXT_FIELD("status", "COMPLETED")};
    struct stage *t = *state;
    struct wess_op ops[] = {create(task, 3), update(0, task, 3)};
    bool whole = false;
    t->call.collection = "tasks";
    stage_says(t, WB_LIST, ROWS("{\"id\":7,\"due\":\"2026-07-05T13:30:00.000Z,1,Europe/London\"}"));
    stage_says(t, WB_PUT, DONE(ROW_OF("7", "") ",{\"id\":7,\"lock_version\":2}", OK_ "," OK_));
    for (size_t at = 1; !whole; at++) {
        struct wess_result out[2] = {{.code = WESS_UNKNOWN}, {.code = WESS_UNKNOWN}};
        size_t puts = stage_asked(t, WB_PUT);
        assert_true(at < 300);
        testhost_drop(&t->th);
        t->th.arena.fail_at = at;
        enum wess_code rc = t->c->apply(&t->call, ops, 2, out);
        puts = stage_asked(t, WB_PUT) - puts;
        for (size_t i = 0; i < 2; i++)
            assert_true(puts ? out[i].code == WESS_OK || out[i].code == WESS_UNKNOWN
                             : out[i].code == WESS_NOT_TRIED);
        whole = rc == WESS_OK && t->th.arena.allocs < at;
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_activities__##name, wb_set_up, wb_tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_task),
        TEST(a_day_keeps_the_hour_that_is_there),
        TEST(words_of_a_task),
        TEST(a_priority_without_a_word_stays),
        TEST(what_cannot_be_read_is_not_empty),
        TEST(no_more_in_an_hour),
        TEST(a_meeting_is_of_days_or_of_times),
        TEST(the_last_day_is_a_setting),
        TEST(a_mail_goes_whole_and_sends_nothing),
        TEST(a_status_is_one_of_the_list),
        TEST(a_status_is_not_guessed_for_want_of_an_answer),
        TEST(only_our_own_mail_is_listed),
        TEST(each_allocation_fails_once),
    };
    return cmocka_run_group_tests_name("workbooks_activities", tests, NULL, NULL);
}
