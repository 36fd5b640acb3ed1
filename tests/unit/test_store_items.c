/* Feeds, items, their keys and contents, to-dos; what a snapshot sweeps away. */
#include "store_box.h"

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
    OK(&box, db_begin(box.db));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    box_free(&box);
    return 0;
}

static struct item_row an_item(const char *rid, int64_t mark)
{
    struct item_row row = {.feed = feed, .rid = rid, .revision = "r1", .flags = ITEM_CHOSEN};
    OK(&box, item_put(box.db, &row, mark));
    assert_true(row.id > 0);
    return row;
}

static struct item_row again(int64_t id)
{
    struct item_row row;
    OK(&box, item_get(box.db, box.arena, id, &row));
    return row;
}

static int64_t a_link(int64_t pu, int64_t left, int64_t right)
{
    struct link_row link = {.pu = pu, .item = {left, right}};
    OK(&box, link_put(box.db, &link));
    return link.id;
}

/* ---- feeds -------------------------------------------------------------------------------------
 */

static void feed_is_one_row(void **state)
{
    (void)state;
    struct feed_row same, users, other;
    OK(&box, feed_get(box.db, box.arena, "crm", "", "people", &same));
    OK(&box, feed_get(box.db, box.arena, "crm", "u1", "people", &users));
    OK(&box, feed_get(box.db, box.arena, "crm", "", "tasks", &other));
    assert_int_equal(same.id, feed);
    assert_true(users.id != feed && other.id != feed && users.id != other.id);
    assert_string_equal(users.user, "u1");
    assert_null(users.identity);
    assert_int_equal(users.cursor.len, 0);
    assert_false(users.complete);
}

/* Two feeds of one remote know an item by a row each. */
static void item_is_known_by_its_twins(void **state)
{
    (void)state;
    struct feed_row own, others;
    int64_t *ids = NULL;
    size_t n = 0;
    bool any = true;
    OK(&box, feed_get(box.db, box.arena, "crm", "u1", "people", &own));
    OK(&box, feed_get(box.db, box.arena, "crm", "u2", "people", &others));
    struct item_row a = {.feed = own.id, .rid = "7"}, b = {.feed = others.id, .rid = "7"},
                    c = {.feed = others.id, .rid = "8"};
    OK(&box, item_put(box.db, &a, 0));
    OK(&box, item_put(box.db, &b, 0));
    OK(&box, item_put(box.db, &c, 0));
    OK(&box, feed_identity(box.db, own.id, "database 12", "g"));
    OK(&box, item_twins(box.db, box.arena, a.id, &ids, &n));
    assert_true(n == 1 && ids[0] == a.id);
    OK(&box, feed_identity(box.db, others.id, "database 13", "g"));
    OK(&box, feed_has_siblings(box.db, own.id, &any));
    assert_false(any);
    OK(&box, feed_identity(box.db, others.id, "database 12", "g"));
    OK(&box, item_twins(box.db, box.arena, a.id, &ids, &n));
    assert_true(n == 2 && ids[0] + ids[1] == a.id + b.id);
    OK(&box, item_twins(box.db, box.arena, c.id, &ids, &n));
    assert_int_equal(n, 1);
    /* Whose item it is shows through either. */
    struct item_row copy = {.feed = feed, .rid = "c", .flags = WESS_ITEM_FOREIGN},
                    mine = {.feed = feed, .rid = "m"};
    OK(&box, item_put(box.db, &copy, 0));
    OK(&box, item_put(box.db, &mine, 0));
    int64_t link = a_link(1, copy.id, b.id);
    struct link_holders by;
    OK(&box, link_holders(box.db, link, LEFT, b.id, &by));
    assert_false(by.owner || by.copy || by.older_one);
    int64_t later = a_link(2, mine.id, a.id);
    OK(&box, link_holders(box.db, link, LEFT, b.id, &by));
    assert_true(by.owner && !by.copy);
    OK(&box, link_holders(box.db, later, LEFT, a.id, &by));
    assert_true(!by.owner && by.copy && by.older_one);
    OK(&box, link_holders(box.db, 0, LEFT, a.id, &by));
    assert_true(by.owner && by.older_one);
}

/* What another feed of the same remote was told of, or we deleted there ourselves, is no sign. */
static void newest_is_not_what_a_twin_knows_gone(void **state)
{
    (void)state;
    struct feed_row own, others;
    struct newest_row rows[3];
    int64_t changed_ms = 0;
    size_t n = 0;
    OK(&box, feed_get(box.db, box.arena, "crm", "u1", "people", &own));
    OK(&box, feed_get(box.db, box.arena, "crm", "u2", "people", &others));
    struct item_row a = {.feed = own.id, .rid = "9", .modified_ms = 1},
                    b = {.feed = own.id, .rid = "10", .modified_ms = 2},
                    twin = {.feed = others.id, .rid = "10", .flags = ITEM_GONE};
    OK(&box, item_put(box.db, &a, 0));
    OK(&box, item_put(box.db, &b, 0));
    OK(&box, item_put(box.db, &twin, 0));
    OK(&box, feed_identity(box.db, own.id, "database 12", "g"));
    OK(&box, feed_identity(box.db, others.id, "database 13", "g"));
    OK(&box, items_newest(box.db, box.arena, own.id, 1000, rows, 3, &n, &changed_ms));
    assert_int_equal(n, 2);
    assert_string_equal(rows[0].rid, "10");
    OK(&box, feed_identity(box.db, others.id, "database 12", "g"));
    OK(&box, items_newest(box.db, box.arena, own.id, 1000, rows, 3, &n, &changed_ms));
    assert_int_equal(n, 1);
    assert_string_equal(rows[0].rid, "9");
}

static void feed_keeps_identity_and_cursor(void **state)
{
    (void)state;
    struct feed_row row;
    OK(&box, feed_identity(box.db, feed, "database 12", "gen-1"));
    OK(&box, feed_cursor(box.db, feed, (struct wess_slice){"a\0b", 3}, false, 500));
    OK(&box, feed_get(box.db, box.arena, "crm", "", "people", &row));
    assert_string_equal(row.identity, "database 12");
    assert_string_equal(row.generation, "gen-1");
    assert_int_equal(row.cursor.len, 3);
    assert_memory_equal(row.cursor.data, "a\0b", 3);
    assert_false(row.complete); /* not its last page */
    assert_int_equal(row.read_ms, 0);
    OK(&box, feed_cursor(box.db, feed, slice_of("end"), true, 600));
    OK(&box, feed_get(box.db, box.arena, "crm", "", "people", &row));
    assert_true(row.complete);
    assert_int_equal(row.read_ms, 600);
    OK(&box, feed_cursor(box.db, feed, slice_of("next"), false, 700));
    OK(&box, feed_get(box.db, box.arena, "crm", "", "people", &row));
    assert_true(row.complete && row.read_ms == 600);
}

static void snapshots_are_numbered(void **state)
{
    (void)state;
    struct feed_row row;
    int64_t first = 0, second = 0, third = 0;
    OK(&box, feed_cursor(box.db, feed, slice_of("old"), false, 1));
    OK(&box, feed_start_snapshot(box.db, feed, &first));
    OK(&box, feed_get(box.db, box.arena, "crm", "", "people", &row));
    assert_int_equal(row.snapshot, first);
    assert_int_equal(row.cursor.len, 0);
    OK(&box, feed_start_snapshot(box.db, feed, &second)); /* the first was given up */
    OK(&box, feed_cursor(box.db, feed, slice_of("c"), true, 2));
    OK(&box, feed_get(box.db, box.arena, "crm", "", "people", &row));
    assert_int_equal(row.snapshot, 0);
    OK(&box, feed_start_snapshot(box.db, feed, &third));
    assert_true(0 < first && first < second && second < third);
}

/* ---- items -------------------------------------------------------------------------------------
 */

static void item_by_its_remote_id(void **state)
{
    (void)state;
    struct feed_row other;
    struct item_row found, row = an_item("Id-1", 0);
    OK(&box, feed_get(box.db, box.arena, "crm", "", "tasks", &other));
    OK(&box, item_by_rid(box.db, box.arena, feed, "Id-1", &found));
    assert_int_equal(found.id, row.id);
    NONE(&box, item_by_rid(box.db, box.arena, feed, "id-1", &found)); /* bytewise */
    NONE(&box, item_by_rid(box.db, box.arena, other.id, "Id-1", &found));
    NONE(&box, item_get(box.db, box.arena, row.id + 1, &found));
    struct item_row twin = {.feed = other.id, .rid = "Id-1"};
    OK(&box, item_put(box.db, &twin, 0));
    assert_int_not_equal(twin.id, row.id);
    assert_null(again(twin.id).revision);
}

static void item_put_again_updates(void **state)
{
    (void)state;
    struct item_row row = an_item("a", 7);
    struct item_row next = {.feed = feed,
                            .rid = "a",
                            .revision = "r2",
                            .flags = ITEM_GONE,
                            .modified_ms = 11,
                            .seen_ms = 12};
    OK(&box, item_put(box.db, &next, 0));
    assert_int_equal(next.id, row.id);
    row = again(row.id);
    assert_string_equal(row.revision, "r2");
    assert_int_equal(row.flags, ITEM_GONE);
    assert_int_equal(row.modified_ms, 11);
    assert_int_equal(row.seen_ms, 12);
}

static void flags_revision_name(void **state)
{
    (void)state;
    struct item_row row = an_item("a", 0);
    OK(&box, item_flags(box.db, row.id, ITEM_OURS | WESS_ITEM_PRIVATE, ITEM_CHOSEN));
    assert_int_equal(again(row.id).flags, ITEM_OURS | WESS_ITEM_PRIVATE);
    OK(&box, item_revision(box.db, row.id, NULL));
    assert_null(again(row.id).revision);
    OK(&box, item_rename(box.db, row.id, "b", "r9"));
    row = again(row.id);
    assert_string_equal(row.rid, "b");
    assert_string_equal(row.revision, "r9");
}

static void text_of_any_length_and_letters(void **state)
{
    (void)state;
    char *rid = arena_alloc(box.arena, 70001);
    memset(rid, 'x', 70000);
    struct item_row row = an_item(rid, 0);
    struct item_row found;
    OK(&box, item_by_rid(box.db, box.arena, feed, rid, &found));
    assert_int_equal(found.id, row.id);
    assert_string_equal(found.rid, rid);
    const char *odd = "'; DROP TABLE items; --%_\xc3\xa9";
    int64_t id = an_item(odd, 0).id;
    OK(&box, item_by_rid(box.db, box.arena, feed, odd, &found));
    assert_int_equal(found.id, id);
}

static void content_by_revision(void **state)
{
    (void)state;
    struct wess_slice body;
    struct item_row a = an_item("a", 0), b = an_item("b", 0);
    NONE(&box, item_body(box.db, box.arena, a.id, &body));
    OK(&box, item_content(box.db, a.id, "r1", slice_of("same content")));
    OK(&box, item_content(box.db, b.id, "r5", slice_of("same content")));
    OK(&box, item_body(box.db, box.arena, b.id, &body));
    assert_true(slice_is(body, "same content"));
    a = again(a.id);
    b = again(b.id);
    assert_string_equal(a.content_rev, "r1");
    assert_string_equal(b.content_rev, "r5");
    assert_int_equal(a.content, b.content); /* kept once */
    OK(&box, item_content(box.db, a.id, "r2", slice_of("another")));
    OK(&box, item_body(box.db, box.arena, a.id, &body));
    assert_true(slice_is(body, "another"));
    OK(&box, item_body(box.db, box.arena, b.id, &body));
    assert_true(slice_is(body, "same content"));
}

/* ---- keys --------------------------------------------------------------------------------------
 */

static void keys_find_live_items(void **state)
{
    (void)state;
    int64_t ids[2];
    size_t n;
    struct hash keys[] = {hash_of(1), hash_of(2), hash_of(1)};
    struct item_row of[3] = {an_item("a", 0), an_item("b", 0), an_item("c", 0)};
    for (size_t i = 0; i < 3; i++)
        OK(&box, item_keys(box.db, feed, of[i].id, keys, 3));
    OK(&box, items_by_key(box.db, feed, &keys[1], NULL, ids, 2, &n));
    assert_int_equal(n, 3); /* all are counted, `cap` are told */
    OK(&box, item_flags(box.db, of[0].id, ITEM_GONE, 0));
    OK(&box, item_flags(box.db, of[1].id, ITEM_ABSENT, 0));
    OK(&box, items_by_key(box.db, feed, &keys[0], NULL, ids, 2, &n));
    assert_int_equal(n, 1);
    assert_int_equal(ids[0], of[2].id);
    struct hash none = hash_of(3);
    OK(&box, items_by_key(box.db, feed, &none, NULL, ids, 2, &n));
    assert_int_equal(n, 0);
    OK(&box, items_by_key(box.db, feed + 1, &keys[0], NULL, ids, 2, &n));
    assert_int_equal(n, 0);
}

static void key_within_another_is_found_through_it(void **state)
{
    (void)state;
    int64_t ids[2];
    size_t n;
    struct hash mail = hash_of(1), jones = hash_of(2), smith = hash_of(3);
    jones.of[0] |= HASH_WITHIN;
    smith.of[0] |= HASH_WITHIN;
    struct hash of_a[] = {mail, jones}, of_b[] = {mail, smith};
    struct item_row a = {.feed = feed, .rid = "a"}, b = an_item("b", 0);
    OK(&box, item_add(box.db, &a, 0, of_a, 2));
    OK(&box, item_keys(box.db, feed, b.id, of_b, 2));
    assert_true(a.id > 0);
    NONE(&box, item_add(box.db, &a, 0, of_b, 2)); /* it is there, and stays as it is */
    OK(&box, items_by_key(box.db, feed, &mail, NULL, ids, 2, &n));
    assert_int_equal(n, 2);
    OK(&box, items_by_key(box.db, feed, &mail, &smith, ids, 2, &n));
    assert_int_equal(n, 1);
    assert_int_equal(ids[0], b.id);
    OK(&box, items_by_key(box.db, feed, &jones, NULL, ids, 2, &n));
    assert_int_equal(n, 0); /* not by itself */
    assert_true(keys_any(box.db, feed, mail.of[0]));
    assert_false(keys_any(box.db, feed, (unsigned char)(mail.of[0] ^ 1)));
    assert_false(keys_any(box.db, feed + 1, mail.of[0]));
    OK(&box, item_keys(box.db, feed, a.id, NULL, 0));
    OK(&box, items_by_key(box.db, feed, &mail, &jones, ids, 2, &n));
    assert_int_equal(n, 0);
}

static void keys_are_replaced_and_copied(void **state)
{
    (void)state;
    struct feed_row other;
    struct hash old[] = {hash_of(1), hash_of(2)}, new = hash_of(3), *got;
    struct item_row row = an_item("a", 0);
    int64_t ids[2];
    size_t n;
    OK(&box, item_keys(box.db, feed, row.id, old, 2));
    OK(&box, item_key_hashes(box.db, box.arena, row.id, &got, &n));
    assert_int_equal(n, 2);
    OK(&box, item_keys(box.db, feed, row.id, &new, 1));
    OK(&box, item_key_hashes(box.db, box.arena, row.id, &got, &n));
    assert_int_equal(n, 1);
    assert_memory_equal(got[0].of, new.of, HASH_SIZE);
    OK(&box, feed_get(box.db, box.arena, "exchange", "u1", "contacts", &other));
    struct item_row twin = {.feed = other.id, .rid = "t"};
    OK(&box, item_put(box.db, &twin, 0));
    OK(&box, item_copy_keys(box.db, box.arena, row.id, other.id, twin.id));
    OK(&box, item_copy_keys(box.db, box.arena, row.id, other.id, twin.id));
    OK(&box, items_by_key(box.db, other.id, &new, NULL, ids, 2, &n));
    assert_int_equal(n, 1);
    assert_int_equal(ids[0], twin.id);
    OK(&box, item_keys(box.db, feed, row.id, NULL, 0));
    OK(&box, items_by_key(box.db, feed, &new, NULL, ids, 2, &n));
    assert_int_equal(n, 0);
}

static void find_by_id_or_any_key(void **state)
{
    (void)state;
    struct hash keys[] = {hash_of(1), hash_of(2)};
    struct item_row a = an_item("a", 0), b = an_item("b", 0), c = an_item("c", 0), *got;
    size_t n;
    OK(&box, item_keys(box.db, feed, a.id, keys, 2));
    OK(&box, item_keys(box.db, feed, b.id, &keys[1], 1));
    OK(&box, item_flags(box.db, b.id, ITEM_GONE, 0));
    OK(&box, items_find(box.db, box.arena, feed, "c", keys, 2, &got, &n));
    assert_int_equal(n, 3); /* each once, gone or not */
    int64_t sum = got[0].id + got[1].id + got[2].id;
    assert_int_equal(sum, a.id + b.id + c.id);
    OK(&box, items_find(box.db, box.arena, feed, "nowhere", NULL, 0, &got, &n));
    assert_int_equal(n, 0);
}

static void more_than_one_list_holds(void **state)
{
    (void)state;
    struct hash key = hash_of(1);
    struct item_row *got;
    size_t n;
    for (int i = 0; i < 100; i++) {
        struct item_row row = an_item(arena_fmt(box.arena, "i%d", i), 0);
        OK(&box, item_keys(box.db, feed, row.id, &key, 1));
    }
    OK(&box, items_find(box.db, box.arena, feed, "i7", &key, 1, &got, &n));
    assert_int_equal(n, 100);
}

/* ---- going -------------------------------------------------------------------------------------
 */

static void drop_takes_keys_and_todos(void **state)
{
    (void)state;
    struct hash key = hash_of(1);
    struct todo_row todo;
    int64_t ids[1];
    size_t n;
    struct item_row a = an_item("a", 0), b = an_item("b", 0);
    OK(&box, item_keys(box.db, feed, a.id, &key, 1));
    OK(&box, todo_put(box.db, 1, LEFT, a.id, CHOSEN));
    OK(&box, todo_put(box.db, 1, LEFT, b.id, CHOSEN));
    OK(&box, item_drop(box.db, a.id));
    NONE(&box, item_get(box.db, box.arena, a.id, &a));
    NONE(&box, todo_get(box.db, 1, LEFT, a.id, &todo));
    OK(&box, todo_get(box.db, 1, LEFT, b.id, &todo));
    OK(&box, items_by_key(box.db, feed, &key, NULL, ids, 1, &n));
    assert_int_equal(n, 0);
}

static void linked_is_not_dropped(void **state)
{
    (void)state;
    struct item_row a = an_item("a", 0), b = an_item("b", 0);
    int64_t link = a_link(1, a.id, b.id);
    NONE(&box, item_drop(box.db, a.id));
    OK(&box, link_end(box.db, link, "by-hand", "somebody", 5));
    NONE(&box, item_drop(box.db, b.id)); /* remembered with its end */
    assert_int_equal(again(a.id).id, a.id);
}

static void doubted_is_kept(void **state)
{
    (void)state;
    struct item_row source = an_item("source", 1), other = an_item("other", 1);
    struct op_row op = {.run = 1,
                        .pu = 1,
                        .side = RIGHT,
                        .what = OP_CREATE,
                        .item = {source.id, 0},
                        .unseen = {"", ""}};
    int64_t absent = -1, *of = NULL;
    size_t n = 0;
    OK(&box, op_put(box.db, &op));
    OK(&box, ops_create_sources(box.db, box.arena, 1, LEFT, &of, &n));
    assert_int_equal(n, 0); /* planned only */
    OK(&box, op_sent(box.db, op.id, 5));
    OK(&box, ops_create_sources(box.db, box.arena, 1, LEFT, &of, &n));
    assert_int_equal(n, 1);
    assert_int_equal(of[0], source.id);
    OK(&box, ops_create_sources(box.db, box.arena, 1, RIGHT, &of, &n));
    assert_int_equal(n, 0);
    NONE(&box, item_drop(box.db, source.id));
    OK(&box, items_sweep(box.db, feed, 2, &absent));
    assert_true(again(source.id).flags & ITEM_ABSENT);
    NONE(&box, item_get(box.db, box.arena, other.id, &other));
    OK(&box, op_drop(box.db, op.id));
    OK(&box, item_drop(box.db, source.id));
}

static void sweep_drops_and_flags(void **state)
{
    (void)state;
    int64_t absent = -1;
    struct todo_row todo;
    struct item_row seen = an_item("seen", 2), marked = an_item("marked", 1),
                    lost = an_item("lost", 1), linked = an_item("linked", 1),
                    ended = an_item("ended", 1), gone = an_item("gone", 1),
                    twin = an_item("twin", 2);
    int64_t link = a_link(9, linked.id, twin.id);
    OK(&box, link_end(box.db, a_link(9, ended.id, twin.id), "by-hand", "x", 1));
    a_link(9, twin.id, gone.id);
    OK(&box, item_flags(box.db, gone.id, ITEM_GONE, 0));
    OK(&box, todo_put(box.db, 9, LEFT, lost.id, CHOSEN));
    OK(&box, item_mark(box.db, marked.id, 2));
    OK(&box, items_sweep(box.db, feed, 2, &absent));
    assert_int_equal(absent, 2);
    assert_int_equal(again(seen.id).flags, ITEM_CHOSEN);
    assert_int_equal(again(marked.id).flags, ITEM_CHOSEN);
    NONE(&box, item_get(box.db, box.arena, lost.id, &lost));
    NONE(&box, todo_get(box.db, 9, LEFT, lost.id, &todo));
    assert_true(again(linked.id).flags & ITEM_ABSENT);
    OK(&box, todo_get(box.db, 9, LEFT, linked.id, &todo));
    assert_int_equal(todo.chosen, NOT_CHOSEN);
    assert_true(again(ended.id).flags & ITEM_ABSENT);
    NONE(&box, todo_get(box.db, 9, LEFT, ended.id, &todo));
    assert_false(again(gone.id).flags & ITEM_ABSENT); /* told before */
    NONE(&box, todo_get(box.db, 9, RIGHT, gone.id, &todo));
    OK(&box, items_sweep(box.db, feed, 2, &absent));
    assert_int_equal(absent, 0);
    (void)link;
}

/* What asked about an item that is nowhere any more would be asked for ever. */
static void sweep_closes_questions(void **state)
{
    (void)state;
    int64_t absent = 0;
    struct ask_row *of;
    size_t n;
    struct item_row lost = an_item("lost", 1), seen = an_item("seen", 2);
    struct ask_row one = {.pu = 1, .item = lost.id, .kind = ASK_QUESTION, .field = ""};
    struct ask_row two = {.pu = 1, .item = seen.id, .kind = ASK_QUESTION, .field = ""};
    struct ask_row three = {.pu = 1, .link = 4, .kind = ASK_CONFLICT, .field = "title"};
    OK(&box, ask_put(box.db, &one));
    OK(&box, ask_put(box.db, &two));
    OK(&box, ask_put(box.db, &three));
    OK(&box, items_sweep(box.db, feed, 2, &absent));
    OK(&box, asks_list(box.db, box.arena, 1, true, &of, &n));
    assert_int_equal(n, 2);
    assert_int_equal(of[0].id, two.id);
    assert_int_equal(of[1].id, three.id);
}

static void sweep_is_of_one_feed(void **state)
{
    (void)state;
    struct feed_row other;
    int64_t absent = 0;
    OK(&box, feed_get(box.db, box.arena, "crm", "", "tasks", &other));
    struct item_row theirs = {.feed = other.id, .rid = "a"};
    OK(&box, item_put(box.db, &theirs, 0));
    OK(&box, items_sweep(box.db, feed, 5, &absent));
    assert_int_equal(again(theirs.id).id, theirs.id);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(feed_is_one_row),
        T(feed_keeps_identity_and_cursor),
        T(item_is_known_by_its_twins),
        T(newest_is_not_what_a_twin_knows_gone),
        T(snapshots_are_numbered),
        T(item_by_its_remote_id),
        T(item_put_again_updates),
        T(flags_revision_name),
        T(text_of_any_length_and_letters),
        T(content_by_revision),
        T(keys_find_live_items),
        T(key_within_another_is_found_through_it),
        T(keys_are_replaced_and_copied),
        T(find_by_id_or_any_key),
        T(more_than_one_list_holds),
        T(drop_takes_keys_and_todos),
        T(linked_is_not_dropped),
        T(doubted_is_kept),
        T(sweep_drops_and_flags),
        T(sweep_closes_questions),
        T(sweep_is_of_one_feed),
    };
    return cmocka_run_group_tests_name("store_items", tests, NULL, NULL);
}
