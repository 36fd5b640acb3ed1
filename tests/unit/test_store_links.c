/* Pairs of users, to-dos, links with their shadows. */
#include "store_box.h"

static struct box box;
static struct pu_row pu;

static int setup(void **state)
{
    (void)state;
    box_new(&box);
    box_open(&box);
    OK(&box, pu_get(box.db, box.arena, "people", "u1", &pu));
    OK(&box, db_begin(box.db));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    box_free(&box);
    return 0;
}

/* ---- pairs of users ----------------------------------------------------------------------------
 */

static void pu_is_one_row(void **state)
{
    (void)state;
    struct pu_row row, *of;
    size_t n;
    OK(&box, pu_get(box.db, box.arena, "people", "u1", &row));
    assert_int_equal(row.id, pu.id);
    assert_false(row.met);
    row.met = true;
    row.select_digest = slice_of("0123456789");
    row.last_run_ms = 30;
    row.last_ok_ms = 20;
    OK(&box, pu_save(box.db, &row));
    OK(&box, pu_get(box.db, box.arena, "people", "u0", &pu));
    OK(&box, pu_get(box.db, box.arena, "events", "u1", &pu));
    OK(&box, pus_list(box.db, box.arena, &of, &n));
    assert_int_equal(n, 3);
    assert_string_equal(of[0].pair, "events");
    assert_string_equal(of[1].user, "u0");
    assert_false(of[1].met);
    assert_int_equal(of[2].id, row.id);
    assert_true(of[2].met && slice_is(of[2].select_digest, "0123456789"));
    assert_true(of[2].last_run_ms == 30 && of[2].last_ok_ms == 20);
}

/* ---- to-dos ------------------------------------------------------------------------------------
 */

static struct todo_row todo_of(enum side side, int64_t item)
{
    struct todo_row out;
    OK(&box, todo_get(box.db, pu.id, side, item, &out));
    return out;
}

static void todo_once_an_item(void **state)
{
    (void)state;
    int64_t free = 0, held = 0;
    OK(&box, todo_put(box.db, pu.id, LEFT, 5, CHOSEN));
    OK(&box, todo_put(box.db, pu.id, LEFT, 5, UNTAGGED));
    OK(&box, todo_put(box.db, pu.id, RIGHT, 5, OUT_OF_SCOPE));
    assert_int_equal(todo_of(LEFT, 5).chosen, UNTAGGED);
    OK(&box, todo_put(box.db, pu.id, LEFT, 5, NOT_CHOSEN)); /* an earlier verdict stays */
    assert_int_equal(todo_of(LEFT, 5).chosen, UNTAGGED);
    OK(&box, todo_count(box.db, pu.id, &free, &held));
    assert_true(free == 2 && held == 0);
    OK(&box, todo_drop(box.db, pu.id, LEFT, 5));
    struct todo_row row;
    NONE(&box, todo_get(box.db, pu.id, LEFT, 5, &row));
    assert_int_equal(todo_of(RIGHT, 5).chosen, OUT_OF_SCOPE);
    OK(&box, todo_drop(box.db, pu.id, LEFT, 5));
}

static void todos_in_turn(void **state)
{
    (void)state;
    struct todo_row of[4];
    struct todo_row last = {0};
    const struct todo_row start = {0};
    size_t n = 0, all = 0;
    for (int64_t i = 10; i < 17; i++)
        OK(&box, todo_put(box.db, pu.id, LEFT, i, CHOSEN));
    OK(&box, todo_put(box.db, pu.id + 1, LEFT, 99, CHOSEN));
    struct op_row op = {.pu = pu.id, .what = OP_UPDATE, .todo_item = 12, .todo_side = LEFT};
    OK(&box, op_put(box.db, &op));
    OK(&box, op_sent(box.db, op.id, 1)); /* in doubt: its source waits */
    do {
        OK(&box, todo_next(box.db, pu.id, &last, of, 4, &n));
        for (size_t i = 0; i < n; i++) {
            assert_true(of[i].side > last.side || of[i].item > last.item);
            assert_true(of[i].item != 12 && of[i].item != 99);
            last = of[i];
        }
        all += n;
    } while (n == 4);
    assert_int_equal(all, 6);
    OK(&box, op_unsend(box.db, op.id)); /* only planned: it does not */
    OK(&box, todo_next(box.db, pu.id, &start, of, 4, &n));
    assert_int_equal(of[2].item, 12);
}

/* How many stand is stored at the end of a transaction: of one that is taken back, none. */
static void taken_back_is_not_counted(void **state)
{
    (void)state;
    struct link_row link = {.pu = pu.id, .item = {1, 2}, .unseen = {"", ""}};
    int64_t before = 0, now = 0;
    OK(&box, link_count(box.db, pu.id, &before));
    OK(&box, link_put(box.db, &link));
    OK(&box, link_count(box.db, pu.id, &now));
    assert_int_equal(now, before + 1);
    link = (struct link_row){.pu = pu.id, .item = {3, 4}, .unseen = {"", ""}};
    OK(&box, link_put(box.db, &link));
    db_rollback(box.db);
    OK(&box, link_count(box.db, pu.id, &now));
    assert_int_equal(now, before);
}

static void new_state_leaves_its_hold(void **state)
{
    (void)state;
    int64_t free = 0, held = 0;
    struct hold_row hold = {.pu = pu.id, .what = OP_DELETE, .side = RIGHT, .reason = "many"};
    struct op_row op = {
        .pu = pu.id, .what = OP_DELETE, .side = RIGHT, .todo_item = 5, .todo_side = LEFT};
    OK(&box, todo_put(box.db, pu.id, LEFT, 5, UNTAGGED));
    OK(&box, op_put(box.db, &op));
    OK(&box, hold_make(box.db, &hold));
    OK(&box, hold_ops(box.db, hold.id, pu.id, OP_DELETE, -1));
    OK(&box, todo_count(box.db, pu.id, &free, &held));
    assert_true(free == 0 && held == 1);
    assert_int_equal(todo_of(LEFT, 5).hold, hold.id);
    OK(&box, todo_put(box.db, pu.id, LEFT, 5, CHOSEN));
    assert_int_equal(todo_of(LEFT, 5).hold, 0);
    OK(&box, todo_count(box.db, pu.id, &free, &held));
    assert_true(free == 1 && held == 0);
}

/* ---- links -------------------------------------------------------------------------------------
 */

static struct link_row a_link(int64_t left, int64_t right)
{
    struct link_row out = {.pu = pu.id, .item = {left, right}};
    OK(&box, link_put(box.db, &out));
    assert_true(out.id > 0);
    return out;
}

static struct link_row again(int64_t id)
{
    struct link_row out;
    OK(&box, link_get(box.db, box.arena, id, &out));
    return out;
}

static void link_keeps_every_member(void **state)
{
    (void)state;
    struct link_row in = {.pu = pu.id,
                          .item = {3, 4},
                          .rev = {"L1", NULL},
                          .shadow = {slice_of("left shadow"), slice_of("right shadow")},
                          .unseen = {"title\norg", NULL},
                          .changed_ms = {100, 200},
                          .chosen = {true, false},
                          .made = {false, true},
                          .stamp = "STAMP1"};
    OK(&box, link_put(box.db, &in));
    struct link_row out = again(in.id);
    assert_int_equal(out.pu, pu.id);
    assert_true(out.item[LEFT] == 3 && out.item[RIGHT] == 4);
    assert_string_equal(out.rev[LEFT], "L1");
    assert_null(out.rev[RIGHT]);
    assert_true(slice_is(out.shadow[LEFT], "left shadow"));
    assert_true(slice_is(out.shadow[RIGHT], "right shadow"));
    assert_string_equal(out.unseen[LEFT], "title\norg");
    assert_string_equal(out.unseen[RIGHT], "");
    assert_true(out.changed_ms[LEFT] == 100 && out.changed_ms[RIGHT] == 200);
    assert_true(out.chosen[LEFT] && !out.chosen[RIGHT]);
    assert_true(!out.made[LEFT] && out.made[RIGHT]);
    assert_string_equal(out.stamp, "STAMP1");
    assert_false(out.ended);
    out.shadow[LEFT] = (struct wess_slice){0};
    out.shadow[RIGHT] = slice_of("later");
    out.rev[RIGHT] = "R2";
    OK(&box, link_put(box.db, &out));
    assert_int_equal(out.id, in.id);
    out = again(in.id);
    assert_int_equal(out.shadow[LEFT].len, 0);
    assert_true(slice_is(out.shadow[RIGHT], "later"));
    assert_string_equal(out.rev[RIGHT], "R2");
}

static void active_before_newest_ended(void **state)
{
    (void)state;
    struct link_row found, first = a_link(1, 2), second, third;
    OK(&box, link_end(box.db, first.id, "deleted-right", "wess", 50));
    second = a_link(1, 5);
    OK(&box, link_end(box.db, second.id, "untag-left", "wess", 60));
    OK(&box, link_of(box.db, box.arena, pu.id, LEFT, 1, &found));
    assert_int_equal(found.id, second.id);
    assert_true(found.ended);
    assert_string_equal(found.reason, "untag-left");
    assert_string_equal(found.who, "wess");
    assert_int_equal(found.ended_ms, 60);
    third = a_link(1, 2);
    struct link_row later = a_link(1, 7);
    OK(&box, link_end(box.db, later.id, "by-hand", "somebody", 70));
    OK(&box, link_of(box.db, box.arena, pu.id, LEFT, 1, &found));
    assert_int_equal(found.id, third.id);
    OK(&box, link_of(box.db, box.arena, pu.id, RIGHT, 2, &found));
    assert_int_equal(found.id, third.id);
    NONE(&box, link_of(box.db, box.arena, pu.id, RIGHT, 1, &found)); /* the other side's number */
    NONE(&box, link_of(box.db, box.arena, pu.id + 1, LEFT, 1, &found));
    NONE(&box, link_get(box.db, box.arena, later.id + 1, &found));
    int64_t active = 0;
    OK(&box, link_count(box.db, pu.id, &active));
    assert_int_equal(active, 1);
}

struct seen {
    int n, ended, right;
};

static void each_link(void *ctx, int64_t link, int64_t of, enum side side, bool ended)
{
    struct seen *s = ctx;
    assert_true(link > 0 && of > 0);
    s->n++;
    s->ended += ended;
    s->right += side == RIGHT;
}

static void links_of_every_user(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct link_row theirs = {.pu = pu.id + 1, .item = {8, 2}};
    OK(&box, link_put(box.db, &theirs));
    OK(&box, link_end(box.db, a_link(1, 2).id, "by-hand", "x", 1));
    a_link(2, 3);
    OK(&box, links_of_item(box.db, 2, each_link, &seen));
    assert_int_equal(seen.n, 3);
    assert_int_equal(seen.ended, 1);
    assert_int_equal(seen.right, 2);
}

static void equal_shadows_are_kept_once(void **state)
{
    (void)state;
    for (int64_t i = 1; i <= 20; i++) {
        struct link_row k = a_link(i, i + 100);
        k.shadow[LEFT] = k.shadow[RIGHT] = slice_of("what all show");
        OK(&box, link_put(box.db, &k));
    }
    OK(&box, db_commit(box.db));
    char *n = file_ask(box_path(&box, "wess.db"), "SELECT count(*) FROM vals");
    assert_non_null(n);
    assert_string_equal(n, "1");
    free(n);
}

/* What is missing is not taken for empty. */
static void a_missing_value_is_damage(void **state)
{
    (void)state;
    struct link_row k = a_link(1, 101), got;
    k.shadow[LEFT] = slice_of("what it showed");
    OK(&box, link_put(box.db, &k));
    OK(&box, db_commit(box.db));
    free(file_ask(box_path(&box, "wess.db"), "DELETE FROM vals"));
    assert_int_equal(link_get(box.db, box.arena, k.id, &got), STORE_FAIL);
    assert_non_null(strstr(db_error(box.db), "is missing; restore the backup"));
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(pu_is_one_row),
        T(todo_once_an_item),
        T(todos_in_turn),
        T(taken_back_is_not_counted),
        T(new_state_leaves_its_hold),
        T(link_keeps_every_member),
        T(active_before_newest_ended),
        T(links_of_every_user),
        T(equal_shadows_are_kept_once),
        T(a_missing_value_is_damage),
    };
    return cmocka_run_group_tests_name("store_links", tests, NULL, NULL);
}
