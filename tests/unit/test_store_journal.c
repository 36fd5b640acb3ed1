/* The journal: operations, claims, counts for guards, the history they become, and what time takes
 * away. */
#include "store_box.h"

static struct box box;
enum { PU = 3 };

static int setup(void **state)
{
    (void)state;
    box_new(&box);
    box_open(&box);
    OK(&box, db_begin(box.db));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    box_free(&box);
    return 0;
}

static struct op_row an_op(enum op_what what, enum side side, const char *stamp)
{
    struct op_row op = {.run = 1, .pu = PU, .side = side, .what = what, .stamp = stamp};
    OK(&box, op_put(box.db, &op));
    assert_true(op.id > 0);
    return op;
}

/* ---- operations --------------------------------------------------------------------------------
 */

static void same_text(const char *a, const char *b)
{
    if (!a || !b)
        assert_true(a == b);
    else
        assert_string_equal(a, b);
}

static void same_slice(struct wess_slice a, struct wess_slice b)
{
    assert_int_equal(a.len, b.len);
    if (a.len)
        assert_memory_equal(a.data, b.data, a.len);
}

static void same_op(const struct op_row *a, const struct op_row *b)
{
    assert_true(a->id == b->id && a->run == b->run && a->pu == b->pu && a->link == b->link);
    assert_true(a->side == b->side && a->what == b->what && a->state == b->state);
    assert_true(a->item[0] == b->item[0] && a->item[1] == b->item[1]);
    assert_true(a->todo_item == b->todo_item && a->todo_side == b->todo_side);
    assert_true(a->sent_ms == b->sent_ms && a->attempt == b->attempt);
    assert_true(a->released == b->released);
    same_text(a->stamp, b->stamp);
    same_text(a->revision, b->revision);
    same_text(a->seen, b->seen);
    same_text(a->reason, b->reason);
    same_slice(a->body, b->body);
    same_slice(a->old, b->old);
    same_slice(a->before, b->before);
    for (int i = 0; i < 2; i++) {
        same_slice(a->shadow[i], b->shadow[i]);
        same_text(a->unseen[i], b->unseen[i]);
    }
}

static void op_keeps_every_member(void **state)
{
    (void)state;
    struct op_row out, in = {.run = 2,
                             .pu = PU,
                             .link = 4,
                             .side = RIGHT,
                             .what = OP_UPDATE,
                             .item = {5, 6},
                             .todo_item = 5,
                             .todo_side = LEFT,
                             .stamp = "S1",
                             .revision = "r1",
                             .seen = "L7",
                             .body = {"a\0b", 3},
                             .old = slice_of("old"),
                             .before = slice_of("whole"),
                             .shadow = {slice_of("sl"), slice_of("sr")},
                             .unseen = {"", "title"},
                             .reason = "changed-left",
                             .released = true};
    OK(&box, op_put(box.db, &in));
    OK(&box, op_get(box.db, box.arena, in.id, &out));
    same_op(&in, &out);
    struct op_row bare = an_op(OP_LINK, LEFT, NULL);
    OK(&box, op_get(box.db, box.arena, bare.id, &out));
    same_op(&bare, &out);
    NONE(&box, op_get(box.db, box.arena, bare.id + 1, &out));
}

static void ops_in_turn(void **state)
{
    (void)state;
    struct op_row of[3];
    size_t n, all = 0;
    int64_t after = 0;
    for (int i = 0; i < 7; i++)
        an_op(OP_CREATE, RIGHT, NULL);
    an_op(OP_CREATE, LEFT, NULL);
    an_op(OP_DELETE, RIGHT, NULL);
    struct op_row sent = an_op(OP_CREATE, RIGHT, NULL);
    OK(&box, op_sent(box.db, sent.id, 9));
    do {
        OK(&box, op_next(box.db, box.arena, PU, OP_CREATE, RIGHT, after, of, 3, &n));
        for (size_t i = 0; i < n; after = of[i++].id)
            assert_true(of[i].id > after && of[i].what == OP_CREATE && of[i].side == RIGHT);
        all += n;
    } while (n == 3);
    assert_int_equal(all, 7);
    OK(&box, op_next(box.db, box.arena, PU + 1, OP_CREATE, RIGHT, 0, of, 3, &n));
    assert_int_equal(n, 0);
}

static void found_by_item_link_and_stamp(void **state)
{
    (void)state;
    int64_t id = 0;
    struct op_row out, op = {.pu = PU, .link = 8, .what = OP_UPDATE, .item = {5, 6}, .stamp = "S"};
    OK(&box, op_put(box.db, &op));
    OK(&box, op_touching(box.db, PU, LEFT, 5, &id));
    assert_int_equal(id, op.id);
    OK(&box, op_touching(box.db, PU, RIGHT, 6, &id));
    NONE(&box, op_touching(box.db, PU, LEFT, 6, &id));
    NONE(&box, op_touching(box.db, PU + 1, LEFT, 5, &id));
    OK(&box, op_of_link(box.db, 8, LEFT, &id));
    NONE(&box, op_of_link(box.db, 8, RIGHT, &id));
    NONE(&box, op_by_stamp(box.db, box.arena, "S", &out)); /* planned is not in doubt */
    OK(&box, op_sent(box.db, op.id, 1));
    OK(&box, op_by_stamp(box.db, box.arena, "S", &out));
    assert_int_equal(out.id, op.id);
    NONE(&box, op_touching(box.db, PU, LEFT, 5, &id));
    NONE(&box, op_of_link(box.db, 8, LEFT, &id));
}

static void sent_until_known(void **state)
{
    (void)state;
    struct op_row *doubt, op = an_op(OP_CREATE, RIGHT, "A"), other = an_op(OP_UPDATE, LEFT, NULL);
    size_t n;
    OK(&box, op_sent(box.db, op.id, 1000));
    OK(&box, ops_drop_planned(box.db, PU)); /* what may be on the wire stays */
    NONE(&box, op_get(box.db, box.arena, other.id, &other));
    OK(&box, ops_in_doubt(box.db, box.arena, PU, &doubt, &n));
    assert_int_equal(n, 1);
    assert_true(doubt[0].id == op.id && doubt[0].state == OP_SENT);
    assert_true(doubt[0].sent_ms == 1000 && doubt[0].attempt == 1);
    OK(&box, op_unsend(box.db, op.id));
    OK(&box, ops_in_doubt(box.db, box.arena, PU, &doubt, &n));
    assert_int_equal(n, 0);
    OK(&box, op_sent(box.db, op.id, 2000));
    OK(&box, op_get(box.db, box.arena, op.id, &op));
    assert_true(op.attempt == 1 && op.sent_ms == 2000);
}

static void done_becomes_history(void **state)
{
    (void)state;
    struct history_row *of;
    size_t n;
    struct op_row op = {.run = 4,
                        .pu = PU,
                        .link = 2,
                        .side = RIGHT,
                        .what = OP_UPDATE,
                        .item = {5, 6},
                        .stamp = "T",
                        .body = slice_of("patch"),
                        .before = slice_of("image"),
                        .reason = "changed-left"};
    struct link_row other = {.pu = PU, .item = {7, 8}}, link = {.pu = PU, .item = {5, 6}};
    OK(&box, link_put(box.db, &other));
    OK(&box, link_put(box.db, &link));
    assert_int_equal(link.id, op.link);
    OK(&box, op_put(box.db, &op));
    assert_false(stamp_used(box.db, 5, "T"));
    OK(&box, op_done(box.db, &op, "ok", 77));
    assert_true(stamp_used(box.db, 5, "T"));
    assert_false(stamp_used(box.db, 7, "T"));
    NONE(&box, op_get(box.db, box.arena, op.id, &op));
    OK(&box, history_of_item(box.db, box.arena, 6, &of, &n));
    assert_int_equal(n, 1);
    assert_true(of[0].run == 4 && of[0].pu == PU && of[0].link == 2 && of[0].when_ms == 77);
    assert_true(of[0].item[0] == 5 && of[0].item[1] == 6 && of[0].what == OP_UPDATE);
    assert_string_equal(of[0].code, "ok");
    assert_string_equal(of[0].reason, "changed-left");
    assert_true(slice_is(of[0].body, "patch") && slice_is(of[0].before, "image"));
    assert_false(stamp_used(box.db, 5, "V"));
}

static void the_request_goes_with_it(void **state)
{
    (void)state;
    struct history_row *of;
    size_t n;
    struct op_row one = {.pu = PU, .side = LEFT, .what = OP_UPDATE, .item = {5, 0}}, other = one;
    OK(&box, op_put(box.db, &one));
    OK(&box, op_put(box.db, &other));
    OK(&box, op_doubted(box.db, one.id, "lost"));
    OK(&box, op_get(box.db, box.arena, one.id, &one));
    assert_string_equal(one.request, "lost");
    OK(&box, op_done(box.db, &one, "ok", 1));
    other.request = "answered";
    OK(&box, op_done(box.db, &other, "ok", 2));
    OK(&box, history_of_item(box.db, box.arena, 5, &of, &n));
    assert_int_equal(n, 2);
    assert_string_equal(of[0].request, "answered");
    assert_string_equal(of[1].request, "lost");
}

/* A link bears the stamp of what it made; one that it lets go is not used again either. */
static void stamp_stays_used(void **state)
{
    (void)state;
    static const char ours[] = "0123456789abcdefghjkmnpqrstvwxyz", second[] = "T2";
    struct link_row link = {.pu = PU, .item = {5, 6}, .stamp = ours}, got;
    struct op_row op = an_op(OP_CREATE, RIGHT, ours);
    OK(&box, link_put(box.db, &link));
    OK(&box, op_made(box.db, &op, 6, link.id, 1));
    assert_true(stamp_used(box.db, 5, ours));
    OK(&box, link_get(box.db, box.arena, link.id, &got));
    assert_string_equal(got.stamp, ours);
    got.stamp = second;
    OK(&box, link_put(box.db, &got));
    assert_true(stamp_used(box.db, 5, ours));
    assert_true(stamp_used(box.db, 5, second));
    assert_true(stamp_used(box.db, 6, ours));
    OK(&box, link_get(box.db, box.arena, link.id, &got));
    assert_string_equal(got.stamp, second);
}

/* ---- claims ------------------------------------------------------------------------------------
 */

static void claim_is_held_until_its_op_ends(void **state)
{
    (void)state;
    struct hash key = hash_of(1), second = hash_of(2);
    int64_t by = 0, made = 0;
    struct op_row a = an_op(OP_CREATE, RIGHT, "A"), b = an_op(OP_CREATE, RIGHT, "B"),
                  c = an_op(OP_CREATE, RIGHT, "C");
    OK(&box, claim_take(box.db, 1, &key, a.id, 0, &by, &made));
    OK(&box, claim_take(box.db, 1, &key, a.id, 0, &by, &made)); /* its own, again */
    NONE(&box, claim_take(box.db, 1, &key, b.id, 0, &by, &made));
    assert_int_equal(by, a.id);
    OK(&box, claim_take(box.db, 2, &key, b.id, 0, &by, &made)); /* another feed */
    OK(&box, claim_take(box.db, 1, &second, b.id, 0, &by, &made));
    OK(&box, op_sent(box.db, a.id, 1));
    OK(&box, ops_drop_planned(box.db, PU));
    NONE(&box, claim_take(box.db, 1, &key, c.id, 0, &by, &made)); /* still in doubt */
    OK(&box, claim_take(box.db, 1, &second, c.id, 0, &by, &made));
    OK(&box, op_done(box.db, &a, "ok", 5));
    OK(&box, claim_take(box.db, 1, &key, c.id, 0, &by, &made));
    OK(&box, op_drop(box.db, c.id));
    struct op_row d = an_op(OP_CREATE, RIGHT, "D");
    OK(&box, claim_take(box.db, 1, &key, d.id, 0, &by, &made));
}

static void claim_of_what_others_read_by_themselves_outlives_its_op(void **state)
{
    (void)state;
    struct hash key = hash_of(1), second = hash_of(2);
    int64_t by = 0, made = 0, n = 0;
    struct op_row a = an_op(OP_CREATE, RIGHT, "A"), b = an_op(OP_CREATE, RIGHT, "B"),
                  c = an_op(OP_CREATE, RIGHT, "C");
    OK(&box, claim_take(box.db, 1, &key, a.id, 100, &by, &made));
    OK(&box, claim_take(box.db, 1, &second, c.id, 100, &by, &made));
    OK(&box, op_made(box.db, &a, 77, 1, 1000));
    OK(&box, op_done(box.db, &c, "rejected", 1000)); /* made nothing */
    OK(&box, claim_take(box.db, 1, &second, b.id, 0, &by, &made));
    NONE(&box, claim_take(box.db, 1, &key, b.id, 100, &by, &made));
    assert_true(by == 0 && made == 77);
    OK(&box, claims_expire(box.db, 1099));
    NONE(&box, claim_take(box.db, 1, &key, b.id, 100, &by, &made));
    OK(&box, claim_over(box.db, 1, &key, b.id, 100));
    struct op_row d = an_op(OP_CREATE, RIGHT, "D");
    NONE(&box, claim_take(box.db, 1, &key, d.id, 100, &by, &made));
    assert_true(by == b.id && made == 0);
    OK(&box, op_made(box.db, &b, 78, 2, 2000));
    OK(&box, claims_expire(box.db, 2100));
    OK(&box, claims_count(box.db, &n));
    assert_int_equal(n, 0);
}

/* ---- counts ------------------------------------------------------------------------------------
 */

static int64_t planned(int64_t pu, enum op_what what, int side, bool released)
{
    int64_t n = -1;
    OK(&box, ops_planned(box.db, pu, what, side, released, &n));
    return n;
}

static int64_t since(int64_t pu, int64_t ms)
{
    int64_t n = -1;
    OK(&box, ops_since(box.db, pu, OP_DELETE, ms, &n));
    return n;
}

static void counts_for_guards(void **state)
{
    (void)state;
    struct op_row other = {.pu = PU + 1, .what = OP_DELETE, .side = LEFT, .released = true};
    struct pu_row pu = {0};
    for (char user[] = "a"; pu.id < PU + 1; user[0]++)
        OK(&box, pu_get(box.db, box.arena, "people", user, &pu));
    an_op(OP_DELETE, LEFT, NULL);
    struct op_row op = an_op(OP_DELETE, RIGHT, NULL);
    OK(&box, op_put(box.db, &other));
    assert_int_equal(planned(PU, OP_DELETE, -1, false), 2);
    assert_int_equal(planned(PU, OP_DELETE, LEFT, false), 1);
    assert_int_equal(planned(PU, OP_CREATE, -1, false), 0);
    assert_int_equal(planned(0, OP_DELETE, -1, true), 1);
    assert_int_equal(planned(PU, OP_DELETE, -1, true), 0);
    OK(&box, op_sent(box.db, op.id, 1));
    assert_int_equal(planned(PU, OP_DELETE, -1, false), 1);
    OK(&box, op_done(box.db, &op, "ok", 100));
    op = an_op(OP_DELETE, LEFT, NULL);
    OK(&box, op_done(box.db, &op, "rejected", 100));
    op = an_op(OP_DELETE, LEFT, NULL);
    OK(&box, op_done(box.db, &op, "ok", 300));
    OK(&box, op_done(box.db, &other, "ok", 300)); /* released: a person let it go */
    assert_int_equal(since(PU, 0), 2);
    assert_int_equal(since(PU, 100), 2);
    assert_int_equal(since(PU, 101), 1);
    assert_int_equal(since(PU + 1, 0), 0);
    assert_int_equal(since(0, 0), 2);
}

/* ---- history and time --------------------------------------------------------------------------
 */

static void newest_first(void **state)
{
    (void)state;
    struct history_row *of;
    size_t n;
    for (int i = 0; i < 230; i++) {
        struct op_row op = {.pu = PU, .what = OP_UPDATE, .item = {9, 10}};
        OK(&box, op_put(box.db, &op));
        OK(&box, op_done(box.db, &op, "ok", i));
    }
    OK(&box, history_of_item(box.db, box.arena, 9, &of, &n));
    assert_int_equal(n, 200);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(of[i].when_ms, 229 - (int)i);
}

static void known_is_newest_first(void **state)
{
    (void)state;
    struct wess_slice got;
    struct feed_row feed;
    OK(&box, feed_get(box.db, box.arena, "crm", "", "people", &feed));
    struct item_row item = {.feed = feed.id, .rid = "a"};
    OK(&box, item_put(box.db, &item, 0));
    NONE(&box, item_known(box.db, box.arena, item.id, &got));
    OK(&box, item_content(box.db, item.id, "r", slice_of("content")));
    OK(&box, item_known(box.db, box.arena, item.id, &got));
    assert_true(slice_is(got, "content"));
    struct op_row op = {.pu = PU, .what = OP_UPDATE, .item = {0, item.id}, .body = slice_of("b")};
    op.before = slice_of("image");
    OK(&box, op_put(box.db, &op));
    OK(&box, op_done(box.db, &op, "ok", 1));
    OK(&box, item_known(box.db, box.arena, item.id, &got));
    assert_true(slice_is(got, "image"));
    struct link_row link = {.pu = PU, .item = {1, item.id}, .shadow = {{0}, slice_of("shadow")}};
    OK(&box, link_put(box.db, &link));
    OK(&box, item_known(box.db, box.arena, item.id, &got));
    assert_true(slice_is(got, "shadow"));
}

static void runs_and_their_last(void **state)
{
    (void)state;
    struct run_row out;
    int64_t first = 0, second = 0;
    NONE(&box, run_last(box.db, box.arena, PU, &out));
    OK(&box, run_begin(box.db, PU, 10, &first));
    NONE(&box, run_last(box.db, box.arena, PU, &out)); /* not ended */
    struct run_row end = {.id = first, .ended_ms = 20, .status = 4, .report = "{\"x\":1}"};
    OK(&box, run_end(box.db, &end));
    OK(&box, run_begin(box.db, PU, 30, &second));
    OK(&box, run_last(box.db, box.arena, PU, &out));
    assert_true(out.id == first && out.pu == PU && out.began_ms == 10 && out.ended_ms == 20);
    assert_int_equal(out.status, 4);
    assert_string_equal(out.report, "{\"x\":1}");
    assert_true(second > first);
}

static char *count(const char *sql)
{
    char *heap = file_ask(box_path(&box, "wess.db"), sql);
    char *out = arena_text(box.arena, heap ? heap : "error");
    free(heap);
    return out;
}

static void done_at(int64_t ms, const char *text)
{
    struct op_row op = {.pu = PU, .what = OP_UPDATE, .item = {1, 2}};
    op.body = op.before = slice_of(text);
    OK(&box, op_put(box.db, &op));
    OK(&box, op_done(box.db, &op, "ok", ms));
}

static struct link_row a_link(const char *left, const char *right, int64_t ended)
{
    struct link_row k = {.pu = PU, .item = {1, 2}, .shadow = {slice_of(left), slice_of(right)}};
    OK(&box, link_put(box.db, &k));
    if (ended)
        OK(&box, link_end(box.db, k.id, "by-hand", "x", ended));
    return k;
}

static void tidy_by_age(void **state)
{
    (void)state;
    struct link_row got, old = a_link("old", "shared", 499), recent = a_link("recent", "r", 500),
                         active = a_link("active", "shared", 0);
    struct feed_row feed;
    OK(&box, feed_get(box.db, box.arena, "crm", "", "people", &feed));
    struct item_row item = {.feed = feed.id, .rid = "a"};
    OK(&box, item_put(box.db, &item, 0));
    OK(&box, item_content(box.db, item.id, "r", slice_of("first")));
    OK(&box, item_content(box.db, item.id, "s", slice_of("second"))); /* "first" is nobody's */
    done_at(799, "old");
    done_at(800, "new");
    int64_t run = 0, open_run = 0;
    OK(&box, run_begin(box.db, PU, 1, &run));
    struct run_row end = {.id = run, .ended_ms = 799, .report = "{}"};
    OK(&box, run_end(box.db, &end));
    OK(&box, run_begin(box.db, PU, 2, &open_run));
    OK(&box, store_tidy(box.db, 1000, 200, 500));
    OK(&box, link_get(box.db, box.arena, old.id, &got));
    assert_true(got.ended && !got.shadow[0].len && !got.shadow[1].len);
    assert_string_equal(got.reason, "by-hand"); /* remembered all the same */
    OK(&box, link_get(box.db, box.arena, recent.id, &got));
    assert_true(slice_is(got.shadow[0], "recent"));
    OK(&box, link_get(box.db, box.arena, active.id, &got));
    assert_true(slice_is(got.shadow[0], "active") && slice_is(got.shadow[1], "shared"));
    OK(&box, db_commit(box.db));
    assert_string_equal(
        count("SELECT count(*) || ' ' || sum(body > 0) || ' ' || sum(before > 0) FROM"
              " history"),
        "2 1 1");
    assert_string_equal(count("SELECT group_concat(id) FROM runs"),
                        arena_fmt(box.arena, "%lld", (long long)open_run));
    assert_string_equal(count("SELECT group_concat(b) FROM (SELECT CAST(body AS TEXT) b FROM vals"
                              " ORDER BY 1)"),
                        "active,new,r,recent,second,shared");
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(op_keeps_every_member),
        T(ops_in_turn),
        T(found_by_item_link_and_stamp),
        T(sent_until_known),
        T(done_becomes_history),
        T(the_request_goes_with_it),
        T(stamp_stays_used),
        T(claim_is_held_until_its_op_ends),
        T(claim_of_what_others_read_by_themselves_outlives_its_op),
        T(counts_for_guards),
        T(newest_first),
        T(known_is_newest_first),
        T(runs_and_their_last),
        T(tidy_by_age),
    };
    return cmocka_run_group_tests_name("store_journal", tests, NULL, NULL);
}
