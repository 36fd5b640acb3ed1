/* Transactions: whole or not at all, one writer at a time; and a dry db, of which nothing but facts
 * reaches the file. */
#include "store_box.h"

#include <pthread.h>

static struct box box;
static int64_t feed;

static int setup(void **state)
{
    (void)state;
    struct feed_row row;
    box_new(&box);
    box_open(&box);
    OK(&box, feed_get(box.db, box.arena, "crm", "", "people", &row));
    feed = row.id;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    box_free(&box);
    return 0;
}

static enum store_code put(struct db *db, const char *rid)
{
    struct item_row row = {.feed = feed, .rid = rid};
    return item_put(db, &row, 0);
}

static bool there(const char *rid)
{
    struct item_row row;
    enum store_code rc = item_by_rid(box.db, box.arena, feed, rid, &row);
    assert_int_not_equal(rc, STORE_FAIL);
    return rc == STORE_OK;
}

/* ---- whole or not at all -----------------------------------------------------------------------
 */

static void commit_and_rollback(void **state)
{
    (void)state;
    OK(&box, db_begin(box.db));
    OK(&box, put(box.db, "a"));
    OK(&box, db_commit(box.db));
    OK(&box, db_begin_soft(box.db));
    OK(&box, put(box.db, "b"));
    db_rollback(box.db);
    OK(&box, db_begin_soft(box.db));
    OK(&box, put(box.db, "c"));
    OK(&box, db_commit(box.db));
    assert_true(there("a") && !there("b") && there("c"));
}

/* ---- turns of a tag source ---- */

static void tag(const char *rid)
{
    const struct tagged_row row = {.feed = feed, .rid = rid, .revision = "1"};
    OK(&box, tagged_put(box.db, &row));
}

static void later_hearers_begin_there(void **state)
{
    (void)state;
    struct turned heard[4];
    int64_t turn = -1;
    size_t n = 9;
    OK(&box, db_begin_soft(box.db));
    tag("a");
    tag("b");
    OK(&box, db_commit(box.db));
    OK(&box, tagged_turn(box.db, feed, &turn));
    assert_int_equal(turn, 0);
    OK(&box, db_begin_soft(box.db));
    OK(&box, joined_put(box.db, feed + 1, feed, turn));
    OK(&box, db_commit(box.db));
    OK(&box, tagged_turned(box.db, box.arena, feed, turn, heard, 4, &n));
    assert_int_equal(n, 0);
    for (int i = 0; i < 2; i++) {
        OK(&box, db_begin_soft(box.db));
        tag("b");
        tag("c");
        OK(&box, db_commit(box.db));
    }
    OK(&box, tagged_turned(box.db, box.arena, feed, turn, heard, 4, &n));
    assert_true(n == 2 && heard[0].turn == 3 && heard[1].turn == 4);
}

static void not_being_listed_may_take_tags_off(void **state)
{
    (void)state;
    const struct hash key = {{1}}, bears = {{2}};
    struct tagged_row row = {.feed = feed,
                             .revision = "1",
                             .key = key,
                             .has_key = true,
                             .tags = {bears.of, sizeof(bears.of)}};
    struct tagged_row got;
    bool is = false;
    OK(&box, db_begin_soft(box.db));
    for (int i = 0; i < 2; i++) {
        row.rid = i ? "n" : "g";
        row.key.of[0] = (unsigned char)(10 + i);
        OK(&box, tagged_put(box.db, &row));
        OK(&box, tagged_get(box.db, box.arena, feed, row.rid, &got));
        OK(&box, (i ? tagged_none : tagged_gone)(box.db, feed, got.id));
    }
    OK(&box, db_commit(box.db));
    for (int i = 0; i < 2; i++) {
        row.key.of[0] = (unsigned char)(10 + i);
        OK(&box, tagged_bears(box.db, feed, &row.key, &bears, &is));
        assert_int_equal(is, i == 0);
    }
}

static void one_failure_fails_all(void **state)
{
    (void)state;
    for (int soft = 0; soft < 2; soft++) {
        OK(&box, soft ? db_begin_soft(box.db) : db_begin(box.db));
        OK(&box, put(box.db, "before"));
        assert_false(db_failed(box.db));
        assert_int_equal(put(box.db, NULL), STORE_FAIL); /* an item without an id */
        assert_true(db_failed(box.db));
        assert_int_equal(put(box.db, "after"), STORE_FAIL);
        struct item_row row;
        assert_int_equal(item_by_rid(box.db, box.arena, feed, "before", &row), STORE_FAIL);
        assert_int_equal(db_commit(box.db), STORE_FAIL);
        assert_non_null(strstr(db_error(box.db), "wess.db"));
        assert_non_null(strstr(db_error(box.db), "rid")); /* the first failure's word */
        assert_false(db_failed(box.db));
        assert_false(there("before"));
        assert_false(there("after"));
    }
    OK(&box, db_begin(box.db));
    OK(&box, put(box.db, "later"));
    OK(&box, db_commit(box.db));
    assert_true(there("later"));
}

static void closed_within_is_rolled_back(void **state)
{
    (void)state;
    struct db *other = db_open(box.store, false);
    assert_non_null(other);
    OK(&box, db_begin(other));
    OK(&box, put(other, "x"));
    db_close(other); /* and gives its turn */
    OK(&box, db_begin(box.db));
    OK(&box, db_commit(box.db));
    assert_false(there("x"));
}

static void others_see_what_is_committed(void **state)
{
    (void)state;
    struct item_row row;
    struct db *other = db_open(box.store, false);
    assert_non_null(other);
    OK(&box, db_begin(other));
    OK(&box, put(other, "x"));
    assert_false(there("x"));
    assert_int_equal(item_by_rid(other, box.arena, feed, "x", &row), STORE_OK);
    OK(&box, db_commit(other));
    db_close(other);
    assert_true(there("x"));
}

/* ---- turns -------------------------------------------------------------------------------------
 */

enum { WRITERS = 4, TIMES = 40 };

static void *writer(void *arg)
{
    struct db *db = db_open(box.store, false);
    size_t *done = arg;
    for (int i = 0; db && i < TIMES; i++) {
        int64_t n = 0; /* read, then written: lost when two are at it */
        if ((i % 2 ? db_begin_soft(db) : db_begin(db)) == STORE_OK &&
            feed_start_snapshot(db, feed, &n) == STORE_OK && db_commit(db) == STORE_OK)
            ++*done;
    }
    db_close(db);
    return NULL;
}

static void writers_take_turns(void **state)
{
    (void)state;
    pthread_t threads[WRITERS];
    size_t done[WRITERS] = {0};
    int64_t n = 0;
    for (size_t i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, writer, &done[i]), 0);
    for (size_t i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < WRITERS; i++)
        assert_int_equal(done[i], TIMES);
    OK(&box, db_begin(box.db));
    OK(&box, feed_start_snapshot(box.db, feed, &n));
    db_rollback(box.db);
    assert_int_equal(n, WRITERS * TIMES + 1);
}

/* ---- dry ---------------------------------------------------------------------------------------
 */

static const char dump[] =
    "SELECT (SELECT count(*) || coalesce(sum(id), '') || coalesce(sum(ended), '') FROM links) ||"
    " '/' || (SELECT count(*) FROM vals) || '/' || (SELECT count(*) || coalesce(sum(state), '')"
    " FROM ops) || '/' || (SELECT count(*) FROM claims) || '/' || (SELECT count(*) FROM history)"
    " || '/' || (SELECT count(*) || coalesce(group_concat(field), '') FROM asks) || '/' || (SELECT"
    " count(*) FROM holds) || '/' || (SELECT count(*) || coalesce(group_concat(why), '') FROM"
    " parked) || '/' || (SELECT count(*) FROM why) || '/' || (SELECT count(*) ||"
    " coalesce(sum(hold), '') FROM todos)";

static struct link_row real_link, real_end;
static struct op_row real_op;
static struct ask_row real_ask;

/* One of each, in earnest. */
static void real_rows(void)
{
    struct hash key = hash_of(1);
    int64_t by = 0, made = 0;
    real_link = (struct link_row){.pu = 1, .item = {1, 2}, .shadow = {slice_of("l"), {0}}};
    real_end = (struct link_row){.pu = 1, .item = {8, 9}};
    real_op = (struct op_row){.pu = 1, .what = OP_CREATE, .side = RIGHT, .stamp = "DOUBT"};
    real_ask = (struct ask_row){.pu = 1, .item = 5, .kind = ASK_QUESTION, .field = ""};
    struct parked_row parked = {.pu = 1, .link = 1, .field = "title", .why = "real"};
    OK(&box, db_begin(box.db));
    OK(&box, link_put(box.db, &real_link));
    OK(&box, link_put(box.db, &real_end));
    OK(&box, op_put(box.db, &real_op));
    OK(&box, claim_take(box.db, feed, &key, real_op.id, 0, &by, &made));
    OK(&box, op_sent(box.db, real_op.id, 5));
    OK(&box, ask_put(box.db, &real_ask));
    OK(&box, parked_put(box.db, &parked));
    OK(&box, todo_put(box.db, 1, LEFT, 5, CHOSEN));
    OK(&box, db_commit(box.db));
}

static void plan_links(struct db *db)
{
    struct link_row k, fresh = {.pu = 1, .item = {3, 4}, .shadow = {slice_of("new"), {0}}};
    int64_t n = 0;
    OK(&box, link_put(db, &fresh));
    OK(&box, link_of(db, box.arena, 1, LEFT, 3, &k));
    assert_true(k.id == fresh.id && slice_is(k.shadow[LEFT], "new"));
    OK(&box, link_end(db, fresh.id, "by-hand", "x", 1));
    OK(&box, link_get(db, box.arena, fresh.id, &k));
    assert_true(k.ended);
    OK(&box, link_get(db, box.arena, real_link.id, &k));
    assert_true(slice_is(k.shadow[LEFT], "l"));
    k.shadow[LEFT] = slice_of("planned");
    OK(&box, link_put(db, &k)); /* lies over the real one */
    OK(&box, link_get(db, box.arena, real_link.id, &k));
    assert_true(slice_is(k.shadow[LEFT], "planned"));
    OK(&box, link_count(db, 1, &n));
    assert_int_equal(n, 2);
    OK(&box, link_end(db, real_end.id, "untag-left", "wess", 9));
    OK(&box, link_get(db, box.arena, real_end.id, &k));
    assert_true(k.ended && k.item[RIGHT] == 9);
}

static void plan_ops(struct db *db)
{
    struct op_row op = {.pu = 1, .what = OP_CREATE, .side = RIGHT}, other = op, got;
    struct hash key = hash_of(2), held = hash_of(1);
    int64_t by = 0, made = 0, n = 0;
    OK(&box, op_put(db, &op));
    OK(&box, op_put(db, &other));
    OK(&box, op_get(db, box.arena, op.id, &got));
    OK(&box, ops_planned(db, 1, OP_CREATE, -1, false, &n));
    assert_int_equal(n, 2);
    OK(&box, claim_take(db, feed, &key, op.id, 0, &by, &made));
    NONE(&box, claim_take(db, feed, &key, other.id, 0, &by, &made)); /* planning is the same code */
    assert_int_equal(by, op.id);
    NONE(&box, claim_take(db, feed, &held, other.id, 0, &by, &made)); /* of an op in doubt */
    assert_int_equal(by, real_op.id);
    OK(&box, op_sent(db, op.id, 1));
    OK(&box, op_done(db, &op, "ok", 2));
    OK(&box, ops_drop_planned(db, 1));
    NONE(&box, op_get(db, box.arena, other.id, &got));
}

static void plan_waits(struct db *db)
{
    struct ask_row got, *asks, ask = {.pu = 1, .link = 1, .kind = ASK_CONFLICT, .field = "org"};
    struct parked_row *of, parked = {.pu = 1, .link = 1, .field = "title", .why = "planned"};
    struct hold_row hold = {.pu = 1, .what = OP_CREATE, .reason = "many"};
    const char *reason = NULL;
    int64_t when = 0;
    size_t n;
    OK(&box, ask_put(db, &ask));
    OK(&box, asks_list(db, box.arena, 1, true, &asks, &n));
    assert_int_equal(n, 2);
    OK(&box, ask_get(db, box.arena, real_ask.id, &got));
    OK(&box, ask_close(db, real_ask.id));
    OK(&box, parked_put(db, &parked));
    OK(&box, parked_of(db, box.arena, 1, 1, 0, &of, &n));
    assert_int_equal(n, 1);
    assert_string_equal(of[0].why, "planned");
    OK(&box, hold_make(db, &hold));
    OK(&box, hold_ops(db, hold.id, 1, OP_CREATE, -1));
    OK(&box, why_put(db, 1, LEFT, 5, "planned", 3));
    OK(&box, why_get(db, box.arena, 1, LEFT, 5, &reason, &when));
    assert_string_equal(reason, "planned");
    OK(&box, todo_drop(db, 1, LEFT, 5));
}

static void dry_leaves_nothing(void **state)
{
    (void)state;
    real_rows();
    char *before = file_ask(box_path(&box, "wess.db"), dump);
    assert_non_null(before);
    struct db *dry = db_open(box.store, true);
    assert_non_null(dry);
    assert_true(db_dry(dry) && !db_dry(box.db));
    OK(&box, db_begin(dry));
    plan_links(dry);
    plan_ops(dry);
    plan_waits(dry);
    if (db_commit(dry) != STORE_OK)
        fail_msg("%s", db_error(dry));
    struct link_row k;
    OK(&box, link_get(box.db, box.arena, real_link.id, &k));
    assert_true(slice_is(k.shadow[LEFT], "l") && !k.ended);
    db_close(dry);
    char *after = file_ask(box_path(&box, "wess.db"), dump);
    assert_non_null(after);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

/* Reading again would only cost: what was read stays. */
static void dry_keeps_facts(void **state)
{
    (void)state;
    struct feed_row row;
    struct hash key = hash_of(1);
    int64_t ids[1];
    size_t n;
    struct db *dry = db_open(box.store, true);
    assert_non_null(dry);
    OK(&box, db_begin(dry));
    struct item_row item = {.feed = feed, .rid = "fact", .revision = "r1"};
    assert_int_equal(item_put(dry, &item, 0), STORE_OK);
    assert_int_equal(item_keys(dry, feed, item.id, &key, 1), STORE_OK);
    assert_int_equal(item_content(dry, item.id, "r1", slice_of("never")), STORE_OK);
    assert_int_equal(feed_cursor(dry, feed, slice_of("c"), true, 3), STORE_OK);
    assert_int_equal(db_commit(dry), STORE_OK);
    db_close(dry);
    assert_true(there("fact"));
    OK(&box, items_by_key(box.db, feed, &key, NULL, ids, 1, &n));
    assert_int_equal(n, 1);
    OK(&box, feed_get(box.db, box.arena, "crm", "", "people", &row));
    assert_true(slice_is(row.cursor, "c"));
    struct wess_slice body;
    NONE(&box, item_body(box.db, box.arena, ids[0], &body)); /* content is no fact */
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(commit_and_rollback),
        T(one_failure_fails_all),
        T(closed_within_is_rolled_back),
        T(others_see_what_is_committed),
        T(writers_take_turns),
        T(dry_leaves_nothing),
        T(dry_keeps_facts),
        T(later_hearers_begin_there),
        T(not_being_listed_may_take_tags_off),
    };
    return cmocka_run_group_tests_name("store_turns", tests, NULL, NULL);
}
