/* What waits for a person: questions and conflicts, holds, parked values; reasons and rests. */
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

static struct ask_row question(int64_t item, const char *candidates)
{
    return (struct ask_row){.pu = PU,
                            .item = item,
                            .kind = ASK_QUESTION,
                            .side = LEFT,
                            .field = "",
                            .reason = "several",
                            .candidates = candidates,
                            .title = "Ann Lee",
                            .asked_ms = 40};
}

static struct ask_row conflict(int64_t link, const char *field, const char *values)
{
    return (struct ask_row){.pu = PU,
                            .link = link,
                            .kind = ASK_CONFLICT,
                            .field = field,
                            .reason = "differs",
                            .values = slice_of(values)};
}

/* ---- questions and conflicts -------------------------------------------------------------------
 */

static void ask_keeps_every_member(void **state)
{
    (void)state;
    struct ask_row out, in = question(7, "4,5");
    in.values = slice_of("values");
    OK(&box, ask_put(box.db, &in));
    OK(&box, ask_get(box.db, box.arena, in.id, &out));
    assert_true(out.pu == PU && out.item == 7 && out.link == 0 && out.asked_ms == 40);
    assert_true(out.kind == ASK_QUESTION && out.side == LEFT);
    assert_string_equal(out.field, "");
    assert_string_equal(out.reason, "several");
    assert_string_equal(out.candidates, "4,5");
    assert_string_equal(out.title, "Ann Lee");
    assert_true(slice_is(out.values, "values"));
    assert_null(out.answer);
    NONE(&box, ask_get(box.db, box.arena, in.id + 1, &out));
}

static void asked_again_keeps_number_and_answer(void **state)
{
    (void)state;
    struct ask_row out, first = question(7, "4,5"), same = question(7, "4,5");
    OK(&box, ask_put(box.db, &first));
    OK(&box, ask_answer(box.db, first.id, "link:4"));
    same.title = "Ann Lee-Smith";
    same.asked_ms = 90;
    OK(&box, ask_put(box.db, &same));
    assert_int_equal(same.id, first.id);
    OK(&box, ask_get(box.db, box.arena, first.id, &out));
    assert_string_equal(out.answer, "link:4");
    assert_string_equal(out.title, "Ann Lee-Smith");
    assert_int_equal(out.asked_ms, 40);
    /* Another question than was answered is open again. */
    struct ask_row other = question(7, "4,5,6");
    OK(&box, ask_put(box.db, &other));
    assert_int_equal(other.id, first.id);
    OK(&box, ask_get(box.db, box.arena, first.id, &out));
    assert_null(out.answer);
    struct ask_row right = question(7, "4,5");
    right.side = RIGHT;
    OK(&box, ask_put(box.db, &right));
    assert_int_not_equal(right.id, first.id);
}

static void conflicts_field_by_field(void **state)
{
    (void)state;
    size_t n;
    struct ask_row *of, out, a = conflict(2, "title", "x"), b = conflict(2, "org", "y"),
                             c = conflict(9, "org", "z"), q = question(2, NULL);
    OK(&box, ask_put(box.db, &a));
    OK(&box, ask_put(box.db, &b));
    OK(&box, ask_put(box.db, &c));
    OK(&box, ask_put(box.db, &q));
    OK(&box, asks_of_link(box.db, box.arena, 2, &of, &n));
    assert_int_equal(n, 2);
    OK(&box, asks_of_link(box.db, box.arena, 0, &of, &n)); /* questions have no link */
    assert_int_equal(n, 0);
    OK(&box, ask_of_item(box.db, box.arena, PU, LEFT, 2, &out));
    assert_int_equal(out.id, q.id);
    NONE(&box, ask_of_item(box.db, box.arena, PU, RIGHT, 2, &out));
    NONE(&box, ask_of_item(box.db, box.arena, PU, LEFT, 0, &out)); /* a conflict's empty item */
    OK(&box, ask_close(box.db, a.id));
    OK(&box, asks_of_link(box.db, box.arena, 2, &of, &n));
    assert_int_equal(n, 1);
    assert_int_equal(of[0].id, b.id);
}

static void lists_open_or_all(void **state)
{
    (void)state;
    size_t n;
    struct ask_row *of, a = question(1, NULL), b = question(2, NULL), c = question(3, NULL);
    c.pu = PU + 1;
    OK(&box, ask_put(box.db, &a));
    OK(&box, ask_put(box.db, &b));
    OK(&box, ask_put(box.db, &c));
    OK(&box, ask_answer(box.db, a.id, "leave"));
    OK(&box, asks_list(box.db, box.arena, PU, true, &of, &n));
    assert_int_equal(n, 1);
    assert_int_equal(of[0].id, b.id);
    OK(&box, asks_list(box.db, box.arena, PU, false, &of, &n));
    assert_int_equal(n, 2);
    OK(&box, asks_list(box.db, box.arena, 0, false, &of, &n));
    assert_int_equal(n, 3);
}

static void answer_makes_its_todo(void **state)
{
    (void)state;
    struct todo_row todo;
    struct link_row link = {.pu = PU, .item = {11, 12}};
    OK(&box, link_put(box.db, &link));
    struct ask_row q = question(7, "4"), c = conflict(link.id, "title", "v");
    OK(&box, ask_put(box.db, &q));
    OK(&box, ask_put(box.db, &c));
    NONE(&box, todo_get(box.db, PU, LEFT, 7, &todo));
    OK(&box, ask_answer(box.db, q.id, "create"));
    OK(&box, todo_get(box.db, PU, LEFT, 7, &todo));
    assert_true(todo.released && todo.chosen == CHOSEN && !todo.hold);
    NONE(&box, todo_get(box.db, PU, LEFT, 11, &todo));
    OK(&box, ask_answer(box.db, c.id, "left"));
    OK(&box, todo_get(box.db, PU, LEFT, 11, &todo));
    assert_true(todo.released);
    OK(&box, todo_get(box.db, PU, RIGHT, 12, &todo));
    assert_true(todo.released);
}

/* ---- holds -------------------------------------------------------------------------------------
 */

static int64_t an_op(enum op_what what, enum side side, int64_t item, bool released)
{
    struct op_row op = {.pu = PU,
                        .what = what,
                        .side = side,
                        .todo_item = item,
                        .todo_side = LEFT,
                        .released = released};
    OK(&box, todo_put(box.db, PU, LEFT, item, CHOSEN));
    OK(&box, op_put(box.db, &op));
    return op.id;
}

static struct hold_row a_hold(enum op_what what)
{
    struct hold_row hold = {
        .pu = PU, .what = what, .side = RIGHT, .reason = "12 of 15", .made_ms = 66};
    OK(&box, hold_make(box.db, &hold));
    assert_true(hold.id > 0);
    return hold;
}

static void hold_takes_ops_off_the_plan(void **state)
{
    (void)state;
    struct op_row row;
    struct hash key = hash_of(1);
    struct todo_row *todos;
    struct hold_row *holds, hold;
    int64_t by = 0, made = 0;
    size_t n;
    int64_t first = an_op(OP_DELETE, RIGHT, 1, false), left = an_op(OP_DELETE, LEFT, 2, false),
            free = an_op(OP_DELETE, RIGHT, 3, true), create = an_op(OP_CREATE, RIGHT, 4, false),
            sent = an_op(OP_DELETE, RIGHT, 5, false);
    OK(&box, op_sent(box.db, sent, 1));
    OK(&box, claim_take(box.db, 1, &key, first, 0, &by, &made));
    hold = a_hold(OP_DELETE);
    OK(&box, hold_ops(box.db, hold.id, PU, OP_DELETE, RIGHT));
    NONE(&box, op_get(box.db, box.arena, first, &row));
    OK(&box, op_get(box.db, box.arena, left, &row));
    OK(&box, op_get(box.db, box.arena, free, &row)); /* let go by a person before */
    OK(&box, op_get(box.db, box.arena, create, &row));
    OK(&box, op_get(box.db, box.arena, sent, &row));
    OK(&box, claim_take(box.db, 1, &key, create, 0, &by, &made));
    OK(&box, hold_items(box.db, box.arena, hold.id, &todos, &n));
    assert_int_equal(n, 1);
    assert_int_equal(todos[0].item, 1);
    OK(&box, holds_list(box.db, box.arena, PU, &holds, &n));
    assert_int_equal(n, 1);
    assert_true(holds[0].id == hold.id && holds[0].n == 1 && holds[0].made_ms == 66);
    assert_true(holds[0].what == OP_DELETE && holds[0].side == RIGHT && !holds[0].released);
    assert_string_equal(holds[0].reason, "12 of 15");
}

static void release_lets_its_list_go(void **state)
{
    (void)state;
    const struct todo_row start = {0};
    struct todo_row todos[4], todo, *list;
    struct hold_row *holds;
    size_t n;
    an_op(OP_DELETE, RIGHT, 1, false);
    an_op(OP_CREATE, RIGHT, 2, false);
    struct hold_row deletes = a_hold(OP_DELETE), creates = a_hold(OP_CREATE);
    OK(&box, hold_ops(box.db, deletes.id, PU, OP_DELETE, -1));
    OK(&box, hold_ops(box.db, creates.id, PU, OP_CREATE, -1));
    OK(&box, todo_next(box.db, PU, &start, todos, 4, &n));
    assert_int_equal(n, 0);
    OK(&box, hold_release(box.db, deletes.id));
    OK(&box, todo_next(box.db, PU, &start, todos, 4, &n));
    assert_int_equal(n, 1);
    assert_true(todos[0].item == 1 && todos[0].released);
    OK(&box, todo_get(box.db, PU, LEFT, 2, &todo));
    assert_true(todo.hold == creates.id && !todo.released);
    OK(&box, holds_list(box.db, box.arena, 0, &holds, &n));
    assert_int_equal(n, 2);
    assert_true(holds[0].released && holds[0].n == 0 && !holds[1].released && holds[1].n == 1);
    NONE(&box, hold_release(box.db, deletes.id));
    NONE(&box, hold_release(box.db, creates.id + 1));
    OK(&box, hold_release(box.db, creates.id));
    OK(&box, todo_get(box.db, PU, LEFT, 2, &todo));
    assert_true(is_released(todos[0].released, OP_DELETE) && is_released(todo.released, OP_CREATE));
    assert_true(is_released(todos[0].released, OP_END) && is_released(todo.released, OP_UPDATE));
    /* What the item comes to before that is made was let go by nobody. */
    assert_false(is_released(todo.released, OP_DELETE) || is_released(todo.released, OP_END));
    OK(&box, hold_items(box.db, box.arena, 0, &list, &n)); /* 0 is no hold */
    assert_int_equal(n, 0);
}

/* ---- parked ------------------------------------------------------------------------------------
 */

static void parked_field_by_field(void **state)
{
    (void)state;
    struct parked_row *of, p = {.pu = PU,
                                .link = 2,
                                .when_ms = 5,
                                .side = RIGHT,
                                .field = "title",
                                .why = "too long",
                                .code = "MAX",
                                .value = hash_of(8)};
    size_t n;
    OK(&box, parked_put(box.db, &p));
    p.when_ms = 6;
    p.value = hash_of(9);
    OK(&box, parked_put(box.db, &p)); /* the same place: replaced */
    p.field = "org";
    OK(&box, parked_put(box.db, &p));
    p.link = 0;
    p.item = 7;
    p.field = "";
    OK(&box, parked_put(box.db, &p));
    OK(&box, parked_of(box.db, box.arena, PU, 2, 0, &of, &n));
    size_t title = strcmp(of[0].field, "title") ? 1 : 0;
    assert_string_equal(of[title].field, "title");
    assert_true(n == 2 && of[title].when_ms == 6 && of[title].side == RIGHT);
    assert_string_equal(of[title].why, "too long");
    assert_string_equal(of[title].code, "MAX");
    struct hash want = hash_of(9);
    assert_memory_equal(of[title].value.of, want.of, HASH_SIZE);
    OK(&box, parked_list(box.db, box.arena, 0, &of, &n));
    assert_int_equal(n, 3);
    OK(&box, parked_clear(box.db, PU, 2, 0, "title"));
    OK(&box, parked_of(box.db, box.arena, PU, 2, 0, &of, &n));
    assert_int_equal(n, 1);
    OK(&box, parked_clear(box.db, PU, 2, 0, NULL)); /* all of it */
    OK(&box, parked_list(box.db, box.arena, PU, &of, &n));
    assert_int_equal(n, 1);
    assert_int_equal(of[0].item, 7);
}

/* ---- reasons, rests ----------------------------------------------------------------------------
 */

static void last_reason_of_an_item(void **state)
{
    (void)state;
    const char *reason = NULL;
    int64_t when = 0;
    NONE(&box, why_get(box.db, box.arena, PU, LEFT, 5, &reason, &when));
    OK(&box, why_put(box.db, PU, LEFT, 5, "private", 10));
    OK(&box, why_put(box.db, PU, LEFT, 5, "in-step", 20));
    OK(&box, why_put(box.db, PU, RIGHT, 5, "held", 30));
    OK(&box, why_get(box.db, box.arena, PU, LEFT, 5, &reason, &when));
    assert_string_equal(reason, "in-step");
    assert_int_equal(when, 20);
}

static void rests_until(void **state)
{
    (void)state;
    struct rest_row *of, out, r = {.scope = "host:crm", .until_ms = 90, .fails = 3, .text = "busy"};
    size_t n;
    NONE(&box, rest_get(box.db, box.arena, "host:crm", &out));
    OK(&box, rest_put(box.db, &r));
    r.until_ms = 95;
    r.fails = 4;
    OK(&box, rest_put(box.db, &r));
    r.scope = "credential:ff";
    r.text = NULL;
    OK(&box, rest_put(box.db, &r));
    OK(&box, rest_get(box.db, box.arena, "host:crm", &out));
    assert_true(out.until_ms == 95 && out.fails == 4);
    assert_string_equal(out.text, "busy");
    OK(&box, rests_list(box.db, box.arena, &of, &n));
    assert_int_equal(n, 2);
    assert_string_equal(of[0].scope, "credential:ff");
    assert_null(of[0].text);
    OK(&box, rest_clear(box.db, "host:crm"));
    NONE(&box, rest_get(box.db, box.arena, "host:crm", &out));
}

static void tags_by_their_ids(void **state)
{
    (void)state;
    const char *id;
    NONE(&box, tag_id_get(box.db, box.arena, "left", "box 1", "A b", &id));
    OK(&box, tag_id_put(box.db, "left", "box 1", "A b", "{1}"));
    OK(&box, tag_id_put(box.db, "left", "box 2", "A b", "{2}"));
    OK(&box, tag_id_put(box.db, "left", "box 1", "A b", "{3}"));
    OK(&box, tag_id_get(box.db, box.arena, "left", "box 1", "A b", &id));
    assert_string_equal(id, "{3}");
    NONE(&box, tag_id_get(box.db, box.arena, "left", "box 1 A", "b", &id));
    NONE(&box, tag_id_get(box.db, box.arena, "right", "box 1", "A b", &id));
    OK(&box, tag_id_put(box.db, "left", "box 1", "A b", NULL));
    NONE(&box, tag_id_get(box.db, box.arena, "left", "box 1", "A b", &id));
    OK(&box, tag_id_get(box.db, box.arena, "left", "box 2", "A b", &id));
    assert_string_equal(id, "{2}");
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(ask_keeps_every_member),   T(asked_again_keeps_number_and_answer),
        T(conflicts_field_by_field), T(lists_open_or_all),
        T(answer_makes_its_todo),    T(hold_takes_ops_off_the_plan),
        T(release_lets_its_list_go), T(parked_field_by_field),
        T(last_reason_of_an_item),   T(rests_until),
        T(tags_by_their_ids),
    };
    return cmocka_run_group_tests_name("store_waits", tests, NULL, NULL);
}
