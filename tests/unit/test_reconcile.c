/* The three-way merge: a row for each case, each both ways round; and what must hold for any input.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/reconcile.h"

static struct wess_arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new(64u << 20);
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* ---- building contents from a line ------------------------------------------------------------
 * "title=Chair; categories=A,B; phone.mobile=1": fields in any order. */

static struct wess_field line_field(const char *name, const char *value)
{
    return (struct wess_field){
        .name = name, .type = WESS_TEXT, .str = {.data = value, .len = strlen(value)}};
}

static struct wess_field set_field(const char *name, char *value)
{
    const char **of = arena_alloc(arena, 16 * sizeof(*of));
    size_t n = 0;
    char *rest = value;
    for (char *one; (one = strsep(&rest, ","));)
        of[n++] = one;
    return (struct wess_field){.name = name, .type = WESS_SET, .set = {.of = of, .n = n}};
}

static void add_element(struct wess_field *f, const char *key, const char *value)
{
    struct wess_record *of = arena_alloc(arena, 16 * sizeof(*of));
    struct wess_field *part = arena_alloc(arena, sizeof(*part));
    if (f->records.n)
        memcpy(of, f->records.of, f->records.n * sizeof(*of));
    *part = line_field("value", value);
    of[f->records.n] = (struct wess_record){.key = key, .fields = part, .n = 1};
    f->records = (struct wess_records){.of = of, .n = f->records.n + 1};
}

static void take_field(struct wess_field *fields, size_t *n, char *name, char *value)
{
    char *dot = strchr(name, '.');
    if (!dot) {
        fields[(*n)++] =
            !strcmp(name, "categories") ? set_field(name, value) : line_field(name, value);
        return;
    }
    *dot = '\0';
    if (!*n || strcmp(fields[*n - 1].name, name))
        fields[(*n)++] = (struct wess_field){.name = name, .type = WESS_RECORDS};
    add_element(&fields[*n - 1], dot + 1, value);
}

static const struct content *content(const char *line)
{
    struct content *out = arena_alloc(arena, sizeof(*out));
    struct wess_field *fields = arena_alloc(arena, 32 * sizeof(*fields));
    size_t n = 0, bad = 0;
    char *rest = line ? arena_text(arena, line) : NULL;
    if (!line)
        return NULL;
    for (char *one; rest && (one = strsep(&rest, ";"));) {
        char *name = one + strspn(one, " "), *eq = strchr(name, '=');
        if (!eq)
            continue;
        *eq = '\0';
        take_field(fields, &n, name, eq + 1);
    }
    assert_true(content_canonical(kind_find("contact"), arena, fields, n, NULL, out, &bad));
    assert_int_equal(bad, 0);
    return out;
}

/* ---- showing them ------------------------------------------------------------------------------
 */

static void show_field(FILE *f, const struct wess_field *field)
{
    if (field->type == WESS_NULL)
        fprintf(f, "%s=; ", field->name);
    else if (field->type != WESS_RECORDS)
        fprintf(f, "%s=%s; ", field->name, field_show(arena, field));
    else
        for (size_t i = 0; i < field->records.n; i++)
            for (size_t k = 0; k < field->records.of[i].n; k++)
                if (!strcmp(field->records.of[i].fields[k].name, "value"))
                    fprintf(f, "%s.%s=%s; ", field->name, field->records.of[i].key,
                            field_show(arena, &field->records.of[i].fields[k]));
}

static const char *shown(const struct content *c)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    for (size_t i = 0; c && i < c->n; i++)
        show_field(f, &c->fields[i]);
    fclose(f);
    char *out = arena_text(arena, text);
    free(text);
    return out;
}

/* ---- sides -------------------------------------------------------------------------------------
 */

static const struct wess_field_schema all[] = {
    {.name = "categories", .type = WESS_SET}, {.name = "family", .type = WESS_TEXT},
    {.name = "role", .type = WESS_TEXT},      {.name = "note", .type = WESS_TEXT},
    {.name = "org", .type = WESS_TEXT},       {.name = "phone", .type = WESS_RECORDS},
    {.name = "title", .type = WESS_TEXT}};
#define N_ALL (sizeof(all) / sizeof(all[0]))

static struct side_in side(const char *shadow, const char *now)
{
    return (struct side_in){.now = content(now),
                            .shadow = content(shadow),
                            .schema = all,
                            .n_schema = N_ALL,
                            .changed_ms = 1};
}

static struct reconcile_in input(struct side_in left, struct side_in right)
{
    return (struct reconcile_in){.kind = kind_find("contact"), .side = {left, right}};
}

struct row {
    const char *what;
    const char *shadow_l, *now_l, *shadow_r, *now_r; /* NULL now: was not read */
    enum rule rule;
    const char *to_l, *to_r; /* the patches */
    size_t conflicts;
};

static enum rule mirrored(enum rule rule)
{
    return rule == RULE_LEFT ? RULE_RIGHT : rule == RULE_RIGHT ? RULE_LEFT : rule;
}

static void check_row(const struct row *r, bool swap)
{
    struct reconcile_out out = {0};
    struct side_in l = side(r->shadow_l, r->now_l), r_ = side(r->shadow_r, r->now_r);
    struct reconcile_in in = swap ? input(r_, l) : input(l, r_);
    in.default_rule = in.first_differs = swap ? mirrored(r->rule) : r->rule;
    assert_true(reconcile(arena, &in, &out));
    const char *to_l = shown(&out.patch[swap ? RIGHT : LEFT]);
    const char *to_r = shown(&out.patch[swap ? LEFT : RIGHT]);
    if (strcmp(to_l, r->to_l) || strcmp(to_r, r->to_r) || out.n_conflicts != r->conflicts)
        fail_msg("%s%s: left gets [%s] wanted [%s], right gets [%s] wanted [%s], %zu conflicts",
                 r->what, swap ? " (swapped)" : "", to_l, r->to_l, to_r, r->to_r, out.n_conflicts);
}

static const struct row rows[] = {
    {"nothing changed", "title=A", "title=A", "title=A", "title=A", RULE_ASK, "", "", 0},
    {"one side was not read", "title=A", NULL, "title=A", "title=A", RULE_ASK, "", "", 0},
    {"one side changed", "title=A", "title=B", "title=A", "title=A", RULE_ASK, "", "title=B; ", 0},
    {"one side changed, the other was not read", "title=A", "title=B", "title=A", NULL, RULE_ASK,
     "", "title=B; ", 0},
    {"one side cleared", "title=A; role=X", "role=X", "title=A; role=X", "title=A; role=X",
     RULE_ASK, "", "title=; ", 0},
    {"one side filled", "role=X", "role=X; title=A", "role=X", "role=X", RULE_ASK, "", "title=A; ",
     0},
    {"both the same change", "title=A", "title=B", "title=A", "title=B", RULE_ASK, "", "", 0},
    {"different fields", "title=A; role=X", "title=B; role=X", "title=A; role=X", "title=A; role=Y",
     RULE_ASK, "role=Y; ", "title=B; ", 0},
    {"a conflict is asked", "title=A", "title=B", "title=A", "title=C", RULE_ASK, "", "", 1},
    {"a conflict by rule", "title=A", "title=B", "title=A", "title=C", RULE_LEFT, "", "title=B; ",
     0},
    {"changed and cleared", "title=A; role=X", "title=B; role=X", "title=A; role=X", "role=X",
     RULE_ASK, "", "", 1},
    {"a rewriting side is no change", "title=A", "title=A", "title=a.", "title=a.", RULE_ASK, "",
     "", 0},
    {"a change beside a rewritten value", "title=A", "title=B", "title=a.", "title=a.", RULE_ASK,
     "", "title=B; ", 0},
    {"sets: added on one side", "categories=A", "categories=A,B", "categories=A", "categories=A",
     RULE_ASK, "", "categories=A, B; ", 0},
    {"sets: taken off on one side", "categories=A,B", "categories=A", "categories=A,B",
     "categories=A,B", RULE_ASK, "", "categories=A; ", 0},
    {"sets: each added one", "categories=A", "categories=A,B", "categories=A", "categories=A,C",
     RULE_ASK, "categories=A, B, C; ", "categories=A, B, C; ", 0},
    {"sets: one added, one taken off", "categories=A,B", "categories=A,B,C", "categories=A,B",
     "categories=B", RULE_ASK, "categories=B, C; ", "categories=B, C; ", 0},
    {"records: one changed", "phone.mobile=1111; phone.work=2222",
     "phone.mobile=1112; phone.work=2222", "phone.mobile=1111; phone.work=2222",
     "phone.mobile=1111; phone.work=2222", RULE_ASK, "", "phone.mobile=1112; phone.work=2222; ", 0},
    {"records: each changed another", "phone.mobile=1111; phone.work=2222",
     "phone.mobile=1112; phone.work=2222", "phone.mobile=1111; phone.work=2222",
     "phone.mobile=1111; phone.work=2223", RULE_ASK, "phone.mobile=1112; phone.work=2223; ",
     "phone.mobile=1112; phone.work=2223; ", 0},
    {"records: the same one, differently", "phone.mobile=1111", "phone.mobile=1112",
     "phone.mobile=1111", "phone.mobile=1113", RULE_ASK, "", "", 1},
    {"first: equal", NULL, "title=A", NULL, "title=A", RULE_ASK, "", "", 0},
    {"first: the empty one is filled", NULL, "title=A; role=X", NULL, "role=X", RULE_ASK, "",
     "title=A; ", 0},
    {"first: each fills the other", NULL, "title=A", NULL, "role=X", RULE_ASK, "role=X; ",
     "title=A; ", 0},
    {"first: they differ, asked", NULL, "title=A", NULL, "title=B", RULE_ASK, "", "", 1},
    {"first: they differ, by rule", NULL, "title=A", NULL, "title=B", RULE_LEFT, "", "title=A; ",
     0},
    {"first: sets are joined", NULL, "categories=A", NULL, "categories=B", RULE_ASK,
     "categories=A, B; ", "categories=A, B; ", 0},
};

static void every_row_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_row(&rows[i], false);
        check_row(&rows[i], true);
    }
}

static void newest_takes_the_later(void **state)
{
    (void)state;
    for (int later = LEFT; later <= RIGHT; later++) {
        struct reconcile_out out = {0}, close = {0};
        struct reconcile_in in = input(side("title=A", "title=L"), side("title=A", "title=R"));
        in.default_rule = RULE_NEWEST;
        in.side[later].changed_ms = 1000 + 3600 * 1000;
        in.side[!later].changed_ms = 1000;
        assert_true(reconcile(arena, &in, &out));
        assert_int_equal(out.n_conflicts, 0);
        assert_string_equal(shown(&out.patch[!later]), later == LEFT ? "title=L; " : "title=R; ");
        assert_int_equal(out.patch[later].n, 0);
        in.side[later].changed_ms = 1001; /* as good as at once: nobody knows, so it is asked */
        assert_true(reconcile(arena, &in, &close));
        assert_int_equal(close.n_conflicts, 1);
    }
}

/* A number is asked about while another one was changed: the second look must not take the edit
 * that waits for an echo of ours. */
static void a_conflict_waits_beside_a_change(void **state)
{
    (void)state;
    for (int swap = 0; swap < 2; swap++) {
        struct reconcile_out out = {0}, again = {0};
        struct side_in l =
            side("phone.mobile=1000; phone.work=1", "phone.mobile=2000; phone.work=2");
        struct side_in r =
            side("phone.mobile=1000; phone.work=1", "phone.mobile=3000; phone.work=1");
        struct reconcile_in in = swap ? input(r, l) : input(l, r);
        struct content now[2];
        assert_true(reconcile(arena, &in, &out));
        assert_int_equal(out.n_conflicts, 1);
        for (int s = LEFT; s <= RIGHT; s++) {
            assert_true(content_patch(arena, in.side[s].now, &out.patch[s], &now[s]));
            in.side[s].now = &now[s];
            in.side[s].shadow = &out.shadow[s];
            in.side[s].unseen = out.unseen[s];
        }
        assert_true(reconcile(arena, &in, &again));
        assert_int_equal(again.n_conflicts, 1);
        assert_int_equal(again.patch[LEFT].n + again.patch[RIGHT].n, 0);
    }
}

/* What the first meeting left to be asked is still asked when other elements are in step. */
static void an_element_of_the_first_meeting_is_asked_again(void **state)
{
    (void)state;
    struct reconcile_out out = {0}, again = {0};
    struct reconcile_in in = input(side(NULL, "phone.mobile=1000; phone.work=2"),
                                   side(NULL, "phone.mobile=1000; phone.work=3"));
    in.default_rule = RULE_LEFT;
    assert_true(reconcile(arena, &in, &out));
    assert_int_equal(out.n_conflicts, 1);
    const char *open[] = {out.conflicts[0].field};
    in.unanswered = (struct wess_list){open, 1};
    for (int s = LEFT; s <= RIGHT; s++)
        in.side[s].shadow = &out.settled[s];
    assert_true(reconcile(arena, &in, &again));
    assert_int_equal(again.n_conflicts, 1);
    assert_int_equal(again.patch[LEFT].n + again.patch[RIGHT].n, 0);
}

static void a_locked_side_gets_nothing(void **state)
{
    (void)state;
    struct reconcile_out out = {0};
    struct reconcile_in in = input(side("title=A", "title=B"), side("title=A", "title=A"));
    in.side[RIGHT].locked = true;
    assert_true(reconcile(arena, &in, &out));
    assert_int_equal(out.patch[RIGHT].n + out.patch[LEFT].n, 0);
}

static void a_field_the_side_cannot_hold_stays(void **state)
{
    (void)state;
    struct reconcile_out out = {0};
    struct reconcile_in in =
        input(side("title=A", "title=B; note=long"), side("title=A", "title=A"));
    static const struct wess_field_schema few[] = {{.name = "title", .type = WESS_TEXT}};
    in.side[RIGHT].schema = few;
    in.side[RIGHT].n_schema = 1;
    assert_true(reconcile(arena, &in, &out));
    assert_string_equal(shown(&out.patch[RIGHT]), "title=B; ");
}

static void a_value_too_long_is_told(void **state)
{
    (void)state;
    struct reconcile_out out = {0};
    struct reconcile_in in = input(side("title=A; role=X", "title=Chairwoman; role=Y"),
                                   side("title=A; role=X", "title=A; role=X"));
    static const struct wess_field_schema tight[] = {
        {.name = "role", .type = WESS_TEXT}, {.name = "title", .type = WESS_TEXT, .max_len = 4}};
    in.side[RIGHT].schema = tight;
    in.side[RIGHT].n_schema = 2;
    assert_true(reconcile(arena, &in, &out));
    assert_string_equal(shown(&out.patch[RIGHT]), "role=Y; ");
    assert_int_equal(out.n_too_long, 1);
    assert_string_equal(out.too_long[0].field, "title");
}

static void a_blob_too_large_is_told(void **state)
{
    (void)state;
    static const struct wess_field_schema small[] = {
        {.name = "photo", .type = WESS_BLOB, .max_len = 100}};
    struct wess_field of[] = {{.name = "photo", .type = WESS_BLOB, .blob = {"d1", 100}},
                              {.name = "title", .type = WESS_TEXT, .str = {"A", 1}}};
    const struct content has = {of, 2};
    for (uint64_t size = 100; size <= 101; size++) {
        struct reconcile_out out = {0};
        struct reconcile_in in = input(side("title=A", "title=A"), side("title=A", "title=A"));
        of[0].blob.size = size;
        in.side[LEFT].now = &has;
        for (int s = LEFT; s <= RIGHT; s++) {
            in.side[s].schema = small;
            in.side[s].n_schema = 1;
        }
        assert_true(reconcile(arena, &in, &out));
        assert_int_equal(out.patch[RIGHT].n, size == 100);
        assert_int_equal(out.n_too_long, size != 100);
    }
}

static void direction_of_a_field(void **state)
{
    (void)state;
    static const struct field_rule to_right = {
        .left = "title", .right = "title", .direction = DIR_TO_RIGHT};
    struct reconcile_out out = {0};
    struct reconcile_in in = input(side("title=A", "title=A"), side("title=A", "title=B"));
    in.rules = &to_right;
    in.n_rules = 1;
    assert_true(reconcile(arena, &in, &out));
    assert_int_equal(out.patch[LEFT].n, 0);
}

/* Nothing comes of a side that never shows it: neither its silence nor what is new there. */
static void a_field_that_is_never_shown(void **state)
{
    static const struct {
        const char *left_was, *left, *right_was, *right, *to_right;
    } told[] = {
        {"title=A", "title=A", "title=A", "", ""}, /* its silence is no deletion */
        {"title=A", "title=B", "", "", "title=B; "},
        {"title=A", "", "", "", "title=; "}, /* taken away here, it goes there */
        {"", "title=A", "", "", "title=A; "},
        {"phone.mobile=1", "phone.work=2", "", "", "phone.work=2; "},
        {"title=A", "title=A", "", "title=X", ""},
    };
    static const struct wess_field_schema unshown[] = {
        {.name = "phone", .type = WESS_RECORDS, .flags = WESS_FIELD_UNSHOWN},
        {.name = "title", .type = WESS_TEXT, .flags = WESS_FIELD_UNSHOWN}};
    (void)state;
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        struct reconcile_out out = {0};
        struct reconcile_in in =
            input(side(told[i].left_was, told[i].left), side(told[i].right_was, told[i].right));
        in.side[RIGHT].schema = unshown;
        in.side[RIGHT].n_schema = 2;
        assert_true(reconcile(arena, &in, &out));
        assert_string_equal(shown(&out.patch[RIGHT]), told[i].to_right);
        assert_int_equal(out.patch[LEFT].n + out.n_conflicts, 0);
    }
}

static void what_a_side_may_hide_is_as_it_was(void **state)
{
    static const struct {
        const char *left_was, *left, *right_was, *right, *to_left, *to_right;
    } told[] = {
        {"title=A", "title=A", "title=A", "", "", ""},
        {"title=A", "title=B", "title=A", "", "", "title=B; "},
        {"title=A", "", "title=A", "", "", "title=; "},
        {"title=A", "title=A", "title=A", "title=X", "title=X; ", ""},
        {"phone.home=2; phone.work=1", "phone.home=2; phone.work=1", "phone.home=2; phone.work=1",
         "phone.work=1", "phone.work=1; ", ""}, /* it shows the field */
        {"phone.work=1", "phone.work=1", "phone.work=1", "", "", ""},
    };
    static const struct wess_field_schema hiding[] = {
        {.name = "phone", .type = WESS_RECORDS, .flags = WESS_FIELD_HIDES},
        {.name = "title", .type = WESS_TEXT, .flags = WESS_FIELD_HIDES}};
    (void)state;
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        struct reconcile_out out = {0};
        struct reconcile_in in =
            input(side(told[i].left_was, told[i].left), side(told[i].right_was, told[i].right));
        in.side[RIGHT].schema = hiding;
        in.side[RIGHT].n_schema = 2;
        assert_true(reconcile(arena, &in, &out));
        assert_string_equal(shown(&out.patch[LEFT]), told[i].to_left);
        assert_string_equal(shown(&out.patch[RIGHT]), told[i].to_right);
        assert_int_equal(out.n_conflicts, 0);
    }
}

/* ---- what must hold for any input --------------------------------------------------------------
 */

static uint32_t seed;

static unsigned dice(unsigned n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 16) % n;
}

static const char *random_line(void)
{
    static const char *const texts[] = {"A", "B", "C"};
    static const char *const sets[] = {"A", "A,B", "B,C", "A,B,C"};
    static const char *const numbers[] = {"11111", "22222"};
    char *line = arena_alloc(arena, 256);
    size_t n = 0;
    line[0] = '\0';
    if (dice(3))
        n += (size_t)sprintf(line + n, "title=%s;", texts[dice(3)]);
    if (dice(3))
        n += (size_t)sprintf(line + n, "note=%s;", texts[dice(3)]);
    if (dice(3))
        n += (size_t)sprintf(line + n, "categories=%s;", sets[dice(4)]);
    if (dice(2))
        n += (size_t)sprintf(line + n, "phone.mobile=%s;", numbers[dice(2)]);
    if (dice(2))
        n += (size_t)sprintf(line + n, "phone.work=%s;", numbers[dice(2)]);
    return line;
}

/* Applying what was decided and looking again: nothing is left to do, and both show the same. */
static void it_converges(void **state)
{
    (void)state;
    static const enum rule rules[] = {RULE_LEFT, RULE_RIGHT, RULE_ASK};
    for (seed = 1; seed < 6000; seed += 3) {
        arena_reset(arena);
        bool first = dice(4) == 0;
        const char *base = first ? NULL : random_line();
        struct reconcile_in in = input(side(base, random_line()), side(base, random_line()));
        in.default_rule = in.first_differs = rules[dice(3)];
        struct reconcile_out out = {0}, again = {0};
        assert_true(reconcile(arena, &in, &out));
        struct content now[2];
        for (int s = LEFT; s <= RIGHT; s++)
            assert_true(content_patch(arena, in.side[s].now, &out.patch[s], &now[s]));
        if (!out.n_conflicts && !content_equal(&now[LEFT], &now[RIGHT]))
            fail_msg("seed %u: [%s] and [%s]", seed, shown(&now[LEFT]), shown(&now[RIGHT]));
        for (int s = LEFT; s <= RIGHT; s++) {
            in.side[s].now = &now[s];
            in.side[s].shadow = &out.shadow[s];
            in.side[s].unseen = out.unseen[s];
        }
        assert_true(reconcile(arena, &in, &again));
        if (again.patch[LEFT].n || again.patch[RIGHT].n || again.n_conflicts != out.n_conflicts)
            fail_msg("seed %u: a second look decides again: [%s] [%s], %zu conflicts, were %zu",
                     seed, shown(&again.patch[LEFT]), shown(&again.patch[RIGHT]), again.n_conflicts,
                     out.n_conflicts);
    }
}

/* What hangs on the start goes again with a new one: what both sides show of it, or one alone. */
static void a_reminder_goes_with_the_start(void **state)
{
    (void)state;
    const struct wess_field_schema plain[] = {{.name = "alarm", .type = WESS_INT},
                                              {.name = "start", .type = WESS_TIME}},
                                   hangs[] = {{.name = "alarm",
                                               .type = WESS_INT,
                                               .flags = WESS_FIELD_WITH_START},
                                              {.name = "start", .type = WESS_TIME}};
    const struct wess_field alarm = {.name = "alarm", .type = WESS_INT, .num = 15},
                            other = {.name = "alarm", .type = WESS_INT, .num = 30},
                            was = {.name = "start",
                                   .type = WESS_TIME,
                                   .time = {"2030-07-04T09:00:00", "Etc/UTC", 1909386000000}},
                            is = {.name = "start",
                                  .type = WESS_TIME,
                                  .time = {"2029-07-04T09:00:00", "Etc/UTC", 1877850000000}};
    const struct wess_field in_step[] = {alarm, was}, moved[] = {alarm, is}, both[] = {other, is};
    const struct content old = {in_step, 2}, now = {moved, 2}, bare = {&was, 1}, edited = {both, 2},
                         late = {&is, 1};
    const struct {
        const struct content *left, *from_shadow, *from;
        size_t n;
        int64_t alarm;
    } cases[] = {{&old, &old, &now, 2, 15},    /* as it is */
                 {&bare, &old, &now, 2, 15},   /* one that was left out when it was of the past */
                 {&old, &bare, &late, 2, 15},  /* one of its own, which the other side has not */
                 {&old, &old, &edited, 2, 30}, /* it goes by itself */
                 {&bare, &bare, &late, 1, 0},  {&old, &old, &old, 0, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct side_in box = {.now = cases[i].left,
                              .shadow = cases[i].left,
                              .schema = hangs,
                              .n_schema = 2},
                       crm = {.now = cases[i].from,
                              .shadow = cases[i].from_shadow,
                              .schema = plain,
                              .n_schema = 2};
        struct reconcile_in in = input(box, crm);
        struct reconcile_out out;
        in.kind = kind_find("event");
        assert_true(reconcile(arena, &in, &out));
        assert_int_equal(out.patch[RIGHT].n, 0);
        assert_int_equal(out.patch[LEFT].n, cases[i].n);
        assert_int_equal(out.unseen[LEFT].n, cases[i].n);
        const struct wess_field *f = content_get(&out.patch[LEFT], "alarm");
        assert_int_equal(f ? f->num : 0, cases[i].alarm);
    }
}

/* No value that only one side holds is lost without somebody having changed it. */
static void swapping_sides_mirrors(void **state)
{
    (void)state;
    for (seed = 2; seed < 6000; seed += 3) {
        arena_reset(arena);
        const char *base = dice(4) ? random_line() : NULL;
        struct side_in l = side(base, random_line()), r = side(base, random_line());
        struct reconcile_in in = input(l, r), back = input(r, l);
        struct reconcile_out a = {0}, b = {0};
        assert_true(reconcile(arena, &in, &a) && reconcile(arena, &back, &b));
        assert_int_equal(a.n_conflicts, b.n_conflicts);
        assert_string_equal(shown(&a.patch[LEFT]), shown(&b.patch[RIGHT]));
        assert_string_equal(shown(&a.patch[RIGHT]), shown(&b.patch[LEFT]));
    }
}

/* A spent arena is an answer, never a crash or half a plan. */
static void a_small_arena_is_told(void **state)
{
    (void)state;
    struct reconcile_in in = input(side("title=A; note=x", "title=B; categories=A"),
                                   side("title=A; note=x", "title=A; note=y; phone.work=11111"));
    bool ever = false;
    for (size_t budget = 64; budget < 65536; budget = budget * 5 / 4) {
        struct wess_arena *small = arena_new(budget);
        struct reconcile_out out = {0};
        ever |= small && reconcile(small, &in, &out);
        arena_free(small);
    }
    assert_true(ever);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_both_ways),
        cmocka_unit_test(newest_takes_the_later),
        cmocka_unit_test(a_conflict_waits_beside_a_change),
        cmocka_unit_test(an_element_of_the_first_meeting_is_asked_again),
        cmocka_unit_test(a_locked_side_gets_nothing),
        cmocka_unit_test(a_field_the_side_cannot_hold_stays),
        cmocka_unit_test(a_value_too_long_is_told),
        cmocka_unit_test(a_blob_too_large_is_told),
        cmocka_unit_test(direction_of_a_field),
        cmocka_unit_test(a_field_that_is_never_shown),
        cmocka_unit_test(what_a_side_may_hide_is_as_it_was),
        cmocka_unit_test(it_converges),
        cmocka_unit_test(a_reminder_goes_with_the_start),
        cmocka_unit_test(swapping_sides_mirrors),
        cmocka_unit_test(a_small_arena_is_told),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
