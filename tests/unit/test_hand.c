/* What a person does to links, and what must be settled before. */
#include "store_box.h"

#include "engine/engine.h"

static struct box box;
static int64_t item[2]; /* one of each side, which nobody has linked */
enum { PU = 3 };

static int64_t an_item(enum side side, const char *rid)
{
    struct feed_row feed;
    OK(&box, feed_get(box.db, box.arena, side == LEFT ? "exchange" : "crm", "", "people", &feed));
    struct item_row row = {.feed = feed.id, .rid = rid, .revision = "1"};
    OK(&box, item_add(box.db, &row, 0, NULL, 0));
    return row.id;
}

static int setup(void **state)
{
    (void)state;
    box_new(&box);
    box_open(&box);
    OK(&box, db_begin(box.db));
    item[LEFT] = an_item(LEFT, "ann");
    item[RIGHT] = an_item(RIGHT, "4711");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    box_free(&box);
    return 0;
}

static int64_t put_create(enum side from)
{
    struct op_row op = {.run = 1,
                        .pu = PU,
                        .side = from == LEFT ? RIGHT : LEFT,
                        .what = OP_CREATE,
                        .stamp = from == LEFT ? "left" : "right",
                        .todo_item = item[from],
                        .todo_side = from,
                        .unseen = {"", ""}};
    op.item[from] = item[from];
    OK(&box, op_put(box.db, &op));
    return op.id;
}

static const char *link_them(void)
{
    const char *why = NULL;
    enum store_code rc = link_by_hand(box.db, PU, item[LEFT], item[RIGHT], "Ann", 1000, &why);
    assert_int_equal(rc, why ? STORE_NONE : STORE_OK);
    return why;
}

static bool are_linked(void)
{
    struct link_row link;
    return link_of(box.db, box.arena, PU, LEFT, item[LEFT], &link) == STORE_OK && !link.ended &&
           link.item[RIGHT] == item[RIGHT];
}

static void test_hand__two_are_linked_once_and_let_go(void **state)
{
    (void)state;
    assert_null(link_them());
    assert_true(are_linked());
    assert_non_null(strstr(link_them(), "the left item is linked already"));
    OK(&box, link_by_hand_end(box.db, PU, RIGHT, item[RIGHT], "Ann", 2000));
    assert_false(are_linked());
    assert_null(link_them());
    assert_true(are_linked());
}

/* The twin may be there, unseen: linked with another one, the item would have two. */
static void test_hand__what_is_being_created_is_not_linked(void **state)
{
    (void)state;
    for (int from = LEFT; from <= RIGHT; from++) {
        int64_t op = put_create((enum side)from);
        assert_false(are_linked());
        OK(&box, op_sent(box.db, op, 500));
        const char *why = link_them();
        assert_non_null(why);
        assert_non_null(strstr(why, from == LEFT ? "the left item" : "the right item"));
        assert_non_null(strstr(why, "wess sync"));
        assert_false(are_linked());
        OK(&box, op_drop(box.db, op));
    }
    put_create(LEFT); /* not sent: the next run drops it */
    assert_null(link_them());
}

/* The next sync would take it for deleted, and delete the other one as the pair says. */
static void test_hand__what_is_gone_is_not_linked(void **state)
{
    (void)state;
    for (int s = LEFT; s <= RIGHT; s++)
        for (size_t i = 0; i < 2; i++) {
            uint32_t flag = i ? ITEM_GONE : ITEM_ABSENT;
            OK(&box, item_flags(box.db, item[s], flag, 0));
            const char *why = link_them();
            assert_true(why && strstr(why, s == LEFT ? "the left item" : "the right item"));
            assert_false(are_linked());
            OK(&box, item_flags(box.db, item[s], 0, flag));
        }
    assert_null(link_them());
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_hand__##name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_are_linked_once_and_let_go),
        TEST(what_is_being_created_is_not_linked),
        TEST(what_is_gone_is_not_linked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
