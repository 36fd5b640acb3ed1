/* Tasks and events that no rule and no override can say whole: what is read of them, and what a
 * write leaves alone. */
#include "ews_replay.h"

#define FOLDER(id)                                                                                 \
    M_OK("GetFolder",                                                                              \
         "<m:Folders><t:Folder><t:FolderId Id=\"" id "\" ChangeKey=\"k\"/></t:Folder>"             \
         "</m:Folders>")

static struct wess_field text(const char *name, const char *value)
{
    return (struct wess_field){.name = name, .type = WESS_TEXT, .str = {value, strlen(value)}};
}

static struct wess_field day(const char *name, const char *date)
{
    struct wess_field f = text(name, date);
    f.type = WESS_DATE;
    return f;
}

static void begin(struct stage *t, const char *collection)
{
    stage_forget(t);
    stage_says(t, "GetFolder",
               FOLDER("F-contacts") FOLDER("F-bin") FOLDER("F-tasks") FOLDER("F-calendar"));
    ews_open(t, NULL);
    t->call.collection = collection;
}

static struct wess_result update(struct stage *t, const struct wess_item *before,
                                 const struct wess_field *of, size_t n)
{
    struct wess_op op = {.what = WESS_UPDATE,
                         .before = before,
                         .item = {.id = before->id, .fields = of, .n_fields = n}};
    struct wess_result out = {.code = WESS_UNKNOWN};
    t->call.error = (struct wess_error){0};
    t->c->apply(&t->call, &op, 1, &out);
    return out;
}

/* ---- recurrences that no rule says
 * ------------------------------------------------------------------------------------------ */

/* Two weeks after it was done it is to be done again: no rule says that, and it stays. */
static void test_ews__a_recurrence_that_no_rule_says_is_left_alone(void **state)
{
    struct stage *t = *state;
    struct wess_field was = day("start", "2030-02-01"), now = day("start", "2030-02-08");
    struct wess_item before = {.id = "a", .revision = "k1", .fields = &was, .n_fields = 1};
    begin(t, "tasks");
    stage_says(t, "UpdateItem",
               M_OK("UpdateItem", ITEMS("<t:Task><t:ItemId Id=\"a\" ChangeKey=\"k2\"/></t:Task>")));
    assert_int_equal(update(t, &before, &now, 1).code, WESS_OK);
    assert_non_null(strstr(stage_request(t, "UpdateItem", 0), "task:StartDate"));
    assert_null(strstr(stage_request(t, "UpdateItem", 0), "task:Recurrence"));
    /* Taken off by somebody it is taken off. */
    struct wess_field rule = text("rrule", "FREQ=DAILY"), none = {"rrule", .type = WESS_NULL};
    struct wess_field had[] = {was, rule}, both[] = {now, none};
    before.fields = had;
    before.n_fields = 2;
    assert_int_equal(update(t, &before, both, 2).code, WESS_OK);
    assert_non_null(strstr(stage_request(t, "UpdateItem", 1),
                           "<t:DeleteItemField><t:FieldURI FieldURI=\"task:Recurrence\"/>"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ews_set_up, stage_tear_down)
int ews_run_calendar_tests(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ews__a_recurrence_that_no_rule_says_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
