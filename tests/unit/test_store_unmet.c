/* What items speak of and was not there: found when it is, whether the index of keys has it or not.
 */
#include <stdio.h>

#include "store_box.h"

static struct box box;
static int64_t people, mails;

static int setup(void **state)
{
    (void)state;
    struct feed_row row;
    box_new(&box);
    box_open(&box);
    OK(&box, feed_get(box.db, box.arena, "crm", "", "people", &row));
    people = row.id;
    OK(&box, feed_get(box.db, box.arena, "crm", "", "emails", &row));
    mails = row.id;
    OK(&box, db_begin(box.db));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    box_free(&box);
    return 0;
}

static struct hash address(const char *text)
{
    struct hash h = store_hash(box.store, "email", text);
    h.of[0] = 1; /* a key of its own, within no other */
    return h;
}

static int64_t an_item(int64_t feed, const char *rid, const char *bears)
{
    struct item_row row = {.feed = feed, .rid = rid, .revision = "r1"};
    struct hash key = address(bears);
    OK(&box, item_add(box.db, &row, 0, &key, 1));
    return row.id;
}

static size_t met(int64_t feed, struct met_row *out, size_t cap)
{
    size_t n = 0;
    OK(&box, unmet_met(box.db, box.arena, feed, out, cap, &n));
    return n;
}

static void who_is_there_is_found(void **state)
{
    (void)state;
    struct met_row of[4];
    struct hash ada = address("ada@x"), ben = address("ben@x");
    int64_t mail = an_item(mails, "m1", "nobody");
    assert_false(unmet_any(box.db));
    OK(&box, unmet_put(box.db, mail, people, &ada, 100));
    OK(&box, unmet_put(box.db, mail, people, &ben, 100));
    OK(&box, unmet_put(box.db, mail, people, &ben, 200)); /* told twice is once */
    assert_true(unmet_any(box.db));
    assert_int_equal(met(mails, of, 4), 0);
    int64_t there = an_item(people, "p1", "ada@x");
    an_item(mails, "m2", "ben@x"); /* of another feed than is asked for */
    assert_int_equal(met(mails, of, 4), 1);
    assert_int_equal(of[0].item, mail);
    assert_string_equal(of[0].rid, "m1");
    assert_string_equal(of[0].other, "p1");
    assert_int_equal(met(people, of, 4), 0);
    OK(&box, item_flags(box.db, there, ITEM_GONE, 0));
    assert_int_equal(met(mails, of, 4), 0);
    OK(&box, item_flags(box.db, there, 0, ITEM_GONE));
    OK(&box, unmet_drop(box.db, mail, &of[0].key));
    assert_int_equal(met(mails, of, 4), 0);
}

static void in_the_index_of_keys_or_behind_it(void **state)
{
    (void)state;
    struct met_row of[4];
    struct hash ada = address("ada@x"), ben = address("ben@x");
    int64_t mail = an_item(mails, "m1", "nobody");
    OK(&box, unmet_put(box.db, mail, people, &ada, 100));
    OK(&box, unmet_put(box.db, mail, people, &ben, 100));
    an_item(people, "p1", "ada@x");
    for (int i = 0; i < 3000; i++) {
        char rid[16];
        snprintf(rid, sizeof(rid), "q%d", i);
        an_item(people, rid, rid);
    }
    OK(&box, keys_follow(box.db, KEYS_FEW));
    an_item(people, "p2", "ben@x");
    assert_int_equal(met(mails, of, 4), 2);
    assert_string_equal(of[0].other, "p1");
    assert_string_equal(of[1].other, "p2");
    assert_int_equal(met(mails, of, 1), 1);
}

static void who_could_not_be_looked_for_is_asked_for(void **state)
{
    (void)state;
    struct asked_row of[4];
    size_t n = 0;
    const struct wess_key key = {"email", "a da@x"};
    struct hash ada = address("ada@x"), ben = address("ben@x");
    int64_t mail = an_item(mails, "m1", "nobody");
    OK(&box, unmet_put(box.db, mail, people, &ben, 100));
    OK(&box, unmet_put(box.db, mail, people, &ada, 100));
    OK(&box, unmet_ask(box.db, mail, people, &ada, &key, 200)); /* told before, and not by itself */
    OK(&box, unmet_asked(box.db, box.arena, mails, of, 4, &n));
    assert_int_equal(n, 1);
    assert_string_equal(of[0].rid, "m1");
    assert_string_equal(of[0].collection, "people");
    assert_string_equal(of[0].key.space, "email");
    assert_string_equal(of[0].key.id, "a da@x");
    assert_memory_equal(&of[0].hash, &ada, sizeof(ada));
    OK(&box, unmet_asked(box.db, box.arena, people, of, 4, &n));
    assert_int_equal(n, 0);
    OK(&box, unmet_looked(box.db, mail, &ada));
    OK(&box, unmet_asked(box.db, box.arena, mails, of, 4, &n));
    assert_int_equal(n, 0);
    /* From then on like anybody who comes later. */
    an_item(people, "p1", "ada@x");
    struct met_row met_[4];
    assert_int_equal(met(mails, met_, 4), 1);
    assert_int_equal(met_[0].feed, people);
}

static void after_its_day_nobody_waits(void **state)
{
    (void)state;
    struct met_row of[4];
    struct hash ada = address("ada@x");
    int64_t mail = an_item(mails, "m1", "nobody");
    OK(&box, unmet_put(box.db, mail, people, &ada, 100));
    assert_false(unmet_expired(box.db, 100));
    assert_true(unmet_expired(box.db, 101));
    OK(&box, unmet_expire(box.db, 101));
    an_item(people, "p1", "ada@x");
    assert_int_equal(met(mails, of, 4), 0);
    assert_false(unmet_any(box.db));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_is_there_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(in_the_index_of_keys_or_behind_it, setup, teardown),
        cmocka_unit_test_setup_teardown(who_could_not_be_looked_for_is_asked_for, setup, teardown),
        cmocka_unit_test_setup_teardown(after_its_day_nobody_waits, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
