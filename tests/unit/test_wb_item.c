/* A person as Workbooks shows it, and what is made of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "testhost.h"
#include "wb.h"

struct fixture {
    struct testhost th;
    struct wess_conn conn;
    struct wess_call call;
    struct wb_queue queues[3];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    testhost_init(&f->th, NULL, 0);
    f->conn.host = &f->th.host;
    f->queues[0] = (struct wb_queue){strdup("10"), strdup("Unassigned")};
    f->queues[1] = (struct wb_queue){strdup("11"), strdup("Ann")};
    f->queues[2] = (struct wb_queue){strdup("11"), strdup("Ann again")};
    f->conn.queues[WB_OF_PEOPLE] = (struct wb_queues){.of = f->queues, .n = 3};
    f->call = testhost_call(&f->th, &f->conn, "people");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < 3; i++) {
        free(f->queues[i].id);
        free(f->queues[i].name);
    }
    testhost_fini(&f->th);
    free(f);
    return 0;
}

static enum wess_code read_row(struct fixture *f, const char *json, bool whole,
                               struct wess_item *out)
{
    json_t *row = json_loads(json, 0, NULL);
    if (!row)
        fail_msg("the test's own JSON is wrong: %s", json);
    f->call.error = (struct wess_error){0};
    enum wess_code rc = wb_item(&f->call, row, whole, out);
    json_decref(row); /* nothing of the item may live in it */
    return rc;
}

#define PERSON                                                                                     \
    "\"id\":5001,\"lock_version\":3,\"updated_at\":\"1795000000\",\"updated_by\":41,"              \
    "\"is_deleted\":false,\"assigned_to\":11,\"_can_modify\":true,"                                \
    "\"created_through_reference\":\"st1\",\"name\":\"Ada Lovell\","                               \
    "\"person_first_name\":\"Ada\",\"person_last_name\":\"Lovell\","                               \
    "\"main_location[email]\":\"Ada@X.org\",\"main_location[alternate_email]\":\"ADA@x.org\","     \
    "\"home_location[email]\":\"home@x.org\",\"main_location[telephone]\":\"+44 (0)20 7\","        \
    "\"main_location[street_address]\":\"1 High St\\r\\nFlat 2\\rBack\","                          \
    "\"main_location[town]\":\"Leeds\",\"home_location[country]\":\"UK\","                         \
    "\"party_notes\":\"<p>One<br />\\r\\ntwo</p>\",\"website\":\"\",\"spouse_name\":null,"         \
    "\"employer_name\":\"X & Co\""

static void test_item__of_a_whole_person(void **state)
{
    struct fixture *f = *state;
    struct wess_item item;
    assert_int_equal(read_row(f, "{" PERSON "}", true, &item), WESS_OK);
    assert_string_equal(item.id, "5001");
    assert_string_equal(item.revision, "3");
    assert_string_equal(item.modified_by, "41");
    assert_int_equal(item.modified_ms, 1795000000000);
    assert_int_equal(item.flags, WESS_ITEM_WHOLE);
    assert_string_equal(test_text(&item, "fn"), "Ada Lovell");
    assert_string_equal(test_text(&item, "org"), "X & Co");
    assert_string_equal(test_text(&item, "note"), "One\ntwo");
    assert_null(test_field(&item, "url"));
    assert_null(test_field(&item, "spouse"));
    /* The same address twice is one; its place is the first. */
    assert_int_equal(test_field(&item, "email")->records.n, 2);
    const struct wess_record *mail = test_record(&item, "email", "ada@x.org");
    assert_string_equal(test_record_text(mail, "value"), "Ada@X.org");
    assert_int_equal(mail->fields[1].num, 1);
    assert_int_equal(test_record(&item, "email", "home@x.org")->fields[1].num, 3);
    const struct wess_record *work = test_record(&item, "address", "work");
    assert_string_equal(test_record_text(work, "street"), "1 High St\nFlat 2\nBack");
    assert_string_equal(test_record_text(work, "locality"), "Leeds");
    assert_string_equal(test_record_text(test_record(&item, "address", "home"), "country"), "UK");
    assert_true(test_has_key(&item, "email+name.family", "ada@x.org|lovell"));
    assert_true(test_has_key(&item, "fn+phone", "ada lovell|440207"));
    assert_true(test_has_key(&item, "wess", "st1"));
    assert_int_equal(item.n_facts, 2);
    assert_string_equal(item.facts[0].value, "11");
    assert_string_equal(item.facts[1].value, "Ann");
}

static void test_item__of_facts_has_no_content(void **state)
{
    struct fixture *f = *state;
    struct wess_item item;
    assert_int_equal(read_row(f, "{" PERSON "}", false, &item), WESS_OK);
    assert_int_equal(item.n_fields, 0);
    assert_int_equal(item.flags, 0);
    assert_true(test_has_key(&item, "email", "home@x.org"));
    assert_int_equal(item.n_facts, 2);
}

static void test_item__deleted_and_locked(void **state)
{
    struct fixture *f = *state;
    struct wess_item item;
    assert_int_equal(
        read_row(f, "{\"id\":\"7\",\"is_deleted\":true,\"_can_modify\":false}", false, &item),
        WESS_OK);
    assert_int_equal(item.flags, WESS_ITEM_TRASHED | WESS_ITEM_LOCKED);
    assert_string_equal(item.id, "7");
    assert_null(item.revision);
    assert_int_equal(item.n_facts, 0);
    assert_int_equal(read_row(f, "{\"id\":7,\"assigned_to\":99}", false, &item), WESS_OK);
    assert_int_equal(item.n_facts, 1);
}

static void test_item__without_id_is_none(void **state)
{
    static const char *const bad[] = {"{}",
                                      "{\"id\":null}",
                                      "{\"id\":\"\"}",
                                      "{\"id\":true}",
                                      "{\"id\":1.5}",
                                      "{\"id\":[5]}",
                                      "[]",
                                      "[1]"};
    struct fixture *f = *state;
    struct wess_item item;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(read_row(f, bad[i], true, &item), WESS_BROKEN);
}

/* An unreadable value that counted as an empty one would empty the other side. */
static void test_item__wrong_types_in_every_place(void **state)
{
    static const char *const values[] = {"true",    "false", "1.5",          "[]",
                                         "[\"x\"]", "{}",    "{\"x\":\"y\"}"};
    static const char *const facts[] = {"lock_version", "updated_by", "assigned_to",
                                        "created_through_reference"};
    struct fixture *f = *state;
    struct wess_item item;
    char json[200];
    for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++)
        for (size_t c = 0; c < wb_person_kind.n_fields + 4; c++) {
            const char *column = c < 4 ? facts[c] : wb_person_kind.fields[c - 4].column;
            snprintf(json, sizeof(json), "{\"id\":1,\"%s\":%s}", column, values[v]);
            if (read_row(f, json, true, &item) != WESS_BROKEN)
                fail_msg("%s counts as a person", json);
            assert_non_null(strstr(f->call.error.text, column));
        }
    assert_int_equal(read_row(f, "{\"id\":1,\"is_deleted\":\"true\"}", true, &item), WESS_BROKEN);
    assert_int_equal(read_row(f, "{\"id\":1,\"is_deleted\":1}", true, &item), WESS_BROKEN);
    assert_int_equal(read_row(f, "{\"id\":1,\"is_deleted\":null}", true, &item), WESS_OK);
}

static void test_item__numbers_and_control_characters_are_text(void **state)
{
    struct fixture *f = *state;
    struct wess_item item;
    assert_int_equal(read_row(f,
                              "{\"id\":1,\"main_location[postcode]\":10115,"
                              "\"person_job_title\":\"a\\u0001b\\tc\\u007f\"}",
                              true, &item),
                     WESS_OK);
    assert_string_equal(test_record_text(test_record(&item, "address", "work"), "code"), "10115");
    assert_string_equal(test_text(&item, "title"), "a\x01"
                                                   "b\tc\x7f");
}

static void test_item__long_ids_and_values(void **state)
{
    struct fixture *f = *state;
    struct wess_item item;
    char id[513] = "", *json;
    size_t len = (size_t)WESS_INLINE_MAX + 10;
    char *note = malloc(len + 1);
    assert_non_null(note);
    memset(id, '7', 512);
    memset(note, 'n', len);
    note[len] = 0;
    assert_true(asprintf(&json,
                         "{\"id\":\"%s\",\"party_notes\":\"<p>%s</p>\",\"lock_version\":\"%s\"}",
                         id, note, id) > 0);
    assert_int_equal(read_row(f, json, true, &item), WESS_OK);
    assert_string_equal(item.id, id);
    assert_string_equal(item.revision, id);
    const struct wess_field *blob = test_field(&item, "note");
    assert_int_equal(blob->type, WESS_BLOB);
    size_t have = 0;
    const char *data = testhost_blob(&f->th, blob->blob.digest, &have);
    assert_int_equal(have, len);
    assert_memory_equal(data, note, len);
    free(json);
    free(note);
}

static void test_item__each_allocation_fails_once(void **state)
{
    struct fixture *f = *state;
    struct wess_item item;
    enum wess_code rc = WESS_TOO_BIG;
    for (size_t at = 1; rc == WESS_TOO_BIG; at++) {
        testhost_drop(&f->th);
        f->th.arena.fail_at = at;
        rc = read_row(f, "{" PERSON "}", true, &item);
        assert_true(at < 300);
    }
    assert_int_equal(rc, WESS_OK);
}

/* Every field of the schema has its columns, and every column its field. */
static void test_item__table_and_schema_agree(void **state)
{
    (void)state;
    for (size_t i = 0; i < wb_person_kind.n_fields; i++) {
        const struct wess_field_schema *of = NULL;
        for (size_t k = 0; k < wb_person_kind.n_schema; k++)
            if (!strcmp(wb_person_kind.schema[k].name, wb_person_kind.fields[i].name))
                of = &wb_person_kind.schema[k];
        assert_non_null(of);
        assert_int_equal(of->type, wb_person_kind.fields[i].type);
        bool allowed = !of->allowed.n;
        for (size_t k = 0; k < of->allowed.n; k++)
            allowed |= !strcmp(of->allowed.of[k], wb_person_kind.fields[i].slot);
        assert_true(allowed);
    }
}

/* The queues that a login tells: what is no number is none, and what it does not tell stays. */
static void test_item__own_queues_of_a_login(void **state)
{
    struct fixture *f = *state;
    static const char *const strange[] = {
        "null",
        "[]",
        "7",
        "{\"Private::Crm::PersonQueue\":-7}",
        "{\"Private::Crm::PersonQueue\":0}",
        "{\"Private::Crm::PersonQueue\":\"\"}",
        "{\"Private::Crm::PersonQueue\":\"7x\"}",
        "{\"Private::Crm::PersonQueue\":1.5}",
        "{\"Private::Crm::PersonQueue\":[7]}",
        "{\"PersonQueue\":7}",
        "{\"Private::Crm::PersonQueue\":\"99999999999999999999\"}"};
    struct wb_queues *of = f->conn.queues;
    assert_true(wb_queues_own(&f->conn, NULL));
    for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
        json_t *j = json_loads(strange[i], JSON_DECODE_ANY, NULL);
        assert_non_null(j);
        assert_true(wb_queues_own(&f->conn, j));
        json_decref(j);
        for (size_t k = 0; k < WB_FAMILIES; k++)
            assert_null(of[k].own);
    }
    json_t *j = json_loads("{\"Private::Crm::PersonQueue\":11,"
                           "\"Private::Activity::ActivityQueue\":\"602\"}",
                           0, NULL);
    assert_true(wb_queues_own(&f->conn, j));
    json_object_del(j, "Private::Crm::PersonQueue");
    json_object_set_new(j, "Private::Activity::ActivityQueue", json_integer(603));
    assert_true(wb_queues_own(&f->conn, j));
    json_decref(j);
    assert_string_equal(of[WB_OF_PEOPLE].own, "11");
    assert_string_equal(of[WB_OF_ACTIVITIES].own, "603");
    assert_null(of[WB_OF_ORGANISATIONS].own);
    for (size_t k = 0; k < WB_FAMILIES; k++)
        free(of[k].own);
}

static bool has_queue(const struct wess_item *item, const char *value)
{
    for (size_t i = 0; i < item->n_facts; i++)
        if (!strcmp(item->facts[i].name, "queue") && !strcmp(item->facts[i].value, value))
            return true;
    return false;
}

/* "mine" is the user's own alone: a queue that somebody called so goes by its number. */
static void test_item__in_the_own_queue(void **state)
{
    struct fixture *f = *state;
    struct wess_item item;
    f->conn.queues[WB_OF_PEOPLE].own = (char[]){"10"};
    free(f->queues[1].name);
    f->queues[1].name = strdup(" Mine");
    assert_int_equal(read_row(f, "{\"id\":1,\"assigned_to\":10}", false, &item), WESS_OK);
    assert_true(has_queue(&item, "10") && has_queue(&item, "Unassigned"));
    assert_true(has_queue(&item, "mine"));
    assert_int_equal(read_row(f, "{\"id\":1,\"assigned_to\":11}", false, &item), WESS_OK);
    assert_true(has_queue(&item, "11") && item.n_facts == 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_item__of_a_whole_person),
        TEST(test_item__of_facts_has_no_content),
        TEST(test_item__deleted_and_locked),
        TEST(test_item__without_id_is_none),
        TEST(test_item__wrong_types_in_every_place),
        TEST(test_item__numbers_and_control_characters_are_text),
        TEST(test_item__long_ids_and_values),
        TEST(test_item__each_allocation_fails_once),
        TEST(test_item__table_and_schema_agree),
        TEST(test_item__own_queues_of_a_login),
        TEST(test_item__in_the_own_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
