/* An older state: the copy of it that is made before it is upgraded, and what becomes of it. The
 * makers are static, as are the tables of old: so their source is taken in here. */
#include "store/schema.c"
#include "store_box.h"

#include <unistd.h>

#include "faultvfs.h"

static struct box box;
static sqlite3 *sq;

static int setup(void **state)
{
    (void)state;
    struct feed_row row;
    faultvfs_install();
    box_new(&box);
    box_open(&box);
    OK(&box, feed_get(box.db, box.arena, "crm", "", "people", &row));
    assert_int_equal(sqlite3_open(box_path(&box, "wess.db"), &sq), SQLITE_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    faultvfs_plan(NULL);
    sqlite3_close(sq);
    box_free(&box);
    faultvfs_remove();
    return 0;
}

static bool there(const char *name)
{
    return access(box_path(&box, name), F_OK) == 0;
}

static void is_whole(void)
{
    char *sound = file_ask(box_path(&box, "wess.db.v1"), "PRAGMA integrity_check");
    char *feeds =
        file_ask(box_path(&box, "wess.db.v1"), "SELECT group_concat(endpoint) FROM feeds");
    assert_non_null(sound);
    assert_non_null(feeds);
    assert_string_equal(sound, "ok");
    assert_string_equal(feeds, "crm");
    free(sound);
    free(feeds);
    assert_false(there("wess.db.v1.part"));
}

static void copy_is_whole(void **state)
{
    (void)state;
    char why[200] = "";
    assert_true(copy_away(box.store, sq, 1, why, sizeof(why)));
    is_whole();
}

static void copy_after_one_cut_off(void **state)
{
    (void)state;
    char why[200] = "";
    file_put(box_path(&box, "wess.db.v1.part"), "half a copy", 11);
    file_put(box_path(&box, "wess.db.v1"), "of an upgrade that was rolled back", 34);
    if (!copy_away(box.store, sq, 1, why, sizeof(why)))
        fail_msg("%s", why);
    is_whole();
}

static void no_room_for_a_copy(void **state)
{
    (void)state;
    char why[200] = "";
    struct fault_plan plan = {.how = FAULT_FULL, .calls = FAULT_WRITE, .at = 1};
    for (;; plan.at++) {
        faultvfs_plan(&plan);
        bool ok = copy_away(box.store, sq, 1, why, sizeof(why));
        bool hit = faultvfs_hit() != 0;
        faultvfs_plan(NULL);
        if (!hit)
            break;
        assert_false(ok);
        assert_non_null(strstr(why, "make room"));
        assert_false(there("wess.db.v1") || there("wess.db.v1.part"));
    }
    assert_true(plan.at > 10);
    is_whole();
}

/* Two users who open one database, and one who opens another: two feeds of one collection. */
static const char old_rows[] =
    "INSERT INTO feeds(id, endpoint, user, collection, identity) VALUES"
    " (1, 'crm', 'u1', 'people', 'db 1'), (2, 'crm', 'u2', 'people', 'db 1'),"
    " (3, 'crm', 'u3', 'people', 'db 2'), (4, 'crm', 'u4', 'people', NULL),"
    " (5, 'crm', 'u1', 'tasks', 'db 1');"
    "INSERT INTO claims VALUES(1, x'0101', 10), (2, x'0101', 11), (3, x'0101', 12);";

static void old_state(int version, const char *rows)
{
    static const char *const files[] = {"wess.db", "wess.db-wal", "wess.db-shm"};
    char sql[80];
    box_close(&box);
    sqlite3_close(sq);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        unlink(box_path(&box, files[i]));
    for (int i = 0; i < version; i++)
        file_sql(box_path(&box, "wess.db"), steps[i]);
    file_sql(box_path(&box, "wess.db"),
             "INSERT INTO meta VALUES('site', 'test'), ('installation', '1')");
    file_sql(box_path(&box, "wess.db"), rows);
    snprintf(sql, sizeof(sql),
             "PRAGMA application_id = " APPLICATION_ID "; PRAGMA user_version = %d", version);
    file_sql(box_path(&box, "wess.db"), sql);
    assert_int_equal(sqlite3_open(box_path(&box, "wess.db"), &sq), SQLITE_OK);
}

static void old_feeds_learn_what_they_are_of(void **state)
{
    (void)state;
    for (int version = 1; version <= 2; version++) {
        struct feed_row one, two, other, unknown, tasks;
        bool any = false;
        int64_t by = 0, made = 0, remote = 0;
        struct hash key = {{1, 1}};
        old_state(version, old_rows);
        box_open(&box);
        OK(&box, feed_get(box.db, box.arena, "crm", "u1", "people", &one));
        OK(&box, feed_get(box.db, box.arena, "crm", "u2", "people", &two));
        OK(&box, feed_get(box.db, box.arena, "crm", "u3", "people", &other));
        OK(&box, feed_get(box.db, box.arena, "crm", "u4", "people", &unknown));
        OK(&box, feed_get(box.db, box.arena, "crm", "u1", "tasks", &tasks));
        assert_true(one.id == 1 && one.remote > 0 && one.remote == two.remote);
        assert_true(other.remote > 0 && other.remote != one.remote && unknown.remote == 0);
        assert_true(tasks.remote > 0 && tasks.remote != one.remote);
        OK(&box, feed_has_siblings(box.db, one.id, &any));
        assert_true(any);
        OK(&box, feed_has_siblings(box.db, unknown.id, &any));
        assert_false(any);
        /* What was claimed stays so, by whoever reads the collection. */
        char *claims =
            file_ask(box_path(&box, "wess.db"),
                     "SELECT group_concat(remote || ':' || op) FROM (SELECT * FROM claims"
                     " ORDER BY remote)");
        assert_non_null(claims);
        assert_string_equal(claims, "1:10,2:12");
        free(claims);
        OK(&box, feed_identity(box.db, unknown.id, "db 2", "g"));
        OK(&box, feed_remote(box.db, "crm", "u4", "people", &remote));
        assert_int_equal(remote, other.remote);
        OK(&box, claim_take(box.db, remote, &key, 77, 0, &by, &made));
        assert_true(there(version == 1 ? "wess.db.v1" : "wess.db.v2"));
    }
}

/* What a pair has not heard of yet it hears of after the upgrade. */
static const char told_rows[] =
    "INSERT INTO tagged(feed, rid, key, revision, tags, gone, turn) VALUES (2, 'a', NULL, '1', "
    "NULL,"
    " 0, 1), (2, 'b', NULL, '1', NULL, 0, 3), (3, 'a', NULL, '1', NULL, 0, 9);"
    "INSERT INTO joined VALUES(1, 2, 1);";

static void turns_of_tag_sources_stay(void **state)
{
    (void)state;
    struct turned heard[4];
    int64_t turn = 0;
    size_t n = 0;
    old_state(5, told_rows);
    box_open(&box);
    OK(&box, joined_get(box.db, 1, 2, &turn));
    OK(&box, tagged_turned(box.db, box.arena, 2, turn, heard, 4, &n));
    assert_true(n == 1 && heard[0].turn == 3);
    assert_true(there("wess.db.v5"));
}

/* What is to be done, and what a person has to let go first. */
static const char waiting_rows[] =
    "INSERT INTO todos(id, pu, side, item, chosen, hold, released) VALUES(1, 1, 1, 7, 1, 0, 0),"
    " (2, 1, 0, 9, 2, 3, 0), (3, 1, 0, 8, 1, 0, 1), (4, 2, 0, 8, 1, 0, 0);"
    "INSERT INTO holds(id, pu, what, side, reason, made_ms) VALUES(3, 1, 3, 1, 'many', 0);";

static void todos_stay(void **state)
{
    (void)state;
    const struct todo_row start = {0};
    struct todo_row free[4], *held = NULL;
    size_t n = 0;
    old_state(7, waiting_rows);
    box_open(&box);
    OK(&box, todo_next(box.db, 1, &start, free, 4, &n));
    assert_int_equal(n, 2);
    assert_true(free[0].side == LEFT && free[0].item == 8 && free[0].released);
    assert_true(free[1].side == RIGHT && free[1].item == 7 && free[1].chosen == 1);
    OK(&box, hold_items(box.db, box.arena, 3, &held, &n));
    assert_true(n == 1 && held[0].item == 9 && held[0].chosen == 2);
    assert_true(there("wess.db.v7"));
}

/* An item that a question calls a copy is one after the upgrade, and what was planned and sent is
 * found. */
static const char asked_rows[] =
    "INSERT INTO items(id, feed, rid, flags, modified_ms, seen_ms) VALUES(1, 1, 'a', 2, 0, 0),"
    " (2, 1, 'b', 2, 0, 0);"
    "INSERT INTO asks(pu, link, item, kind, side, field, reason, asked_ms) VALUES(1, 0, 2, 2, 0,"
    " '', 'made-twice', 0);"
    "INSERT INTO ops(id, run, pu, link, side, what, state, l, r, todo_item, todo_side, body, old,"
    " before, l_shadow, r_shadow) VALUES(1, 1, 1, 0, 1, 2, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0),"
    " (2, 1, 1, 0, 1, 2, 1, 2, 0, 2, 0, 0, 0, 0, 0, 0);";

static void copies_and_the_journal_stay(void **state)
{
    (void)state;
    struct item_row one, copy;
    struct op_row *sent, planned;
    size_t n = 0;
    old_state(6, asked_rows);
    box_open(&box);
    OK(&box, item_get(box.db, box.arena, 1, &one));
    OK(&box, item_get(box.db, box.arena, 2, &copy));
    assert_int_equal(one.flags, 2);
    assert_int_equal(copy.flags, 2 | ITEM_COPY);
    OK(&box, op_next(box.db, box.arena, 1, OP_CREATE, RIGHT, 0, &planned, 1, &n));
    assert_true(n == 1 && planned.id == 1 && !planned.request);
    OK(&box, ops_in_doubt(box.db, box.arena, 1, &sent, &n));
    assert_true(n == 1 && sent[0].id == 2);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(copy_is_whole),
        T(copy_after_one_cut_off),
        T(no_room_for_a_copy),
        T(old_feeds_learn_what_they_are_of),
        T(turns_of_tag_sources_stay),
        T(copies_and_the_journal_stay),
        T(todos_stay),
    };
    return cmocka_run_group_tests_name("store_copy", tests, NULL, NULL);
}
