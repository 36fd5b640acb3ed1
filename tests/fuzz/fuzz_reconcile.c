/* The merge for any two items, rules and capacities: what must hold whatever they are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "content.h"
#include "engine/reconcile.h"

#define TEXTS(field, max)                                                                          \
    {                                                                                              \
        .name = field, .type = WESS_TEXT, .max_len = max                                           \
    }
static const char *const slots[] = {"home", "mobile", "work"};
static const struct wess_field_schema wide[] = {TEXTS("title", 0),
                                                TEXTS("note", 0),
                                                TEXTS("fn", 0),
                                                TEXTS("org", 0),
                                                TEXTS("name.family", 0),
                                                TEXTS("url", 0),
                                                {.name = "bday", .type = WESS_DATE},
                                                {.name = "categories", .type = WESS_SET},
                                                {.name = "email", .type = WESS_RECORDS},
                                                {.name = "phone", .type = WESS_RECORDS},
                                                {.name = "address", .type = WESS_RECORDS}};
static const struct wess_field_schema tight[] = {
    TEXTS("title", 2),
    TEXTS("note", 0),
    {.name = "fn", .type = WESS_TEXT, .flags = WESS_FIELD_READ_ONLY},
    {.name = "categories", .type = WESS_SET},
    {.name = "email", .type = WESS_RECORDS, .max_n = 2},
    {.name = "phone", .type = WESS_RECORDS, .max_len = 5, .allowed = {slots, 3}}};
static const struct field_rule rules[] = {{"org", "org", DIR_TO_RIGHT, RULE_ASK},
                                          {"url", "url", DIR_TO_LEFT, RULE_LEFT},
                                          {"title", "title", DIR_BOTH, RULE_NEWEST},
                                          {"phone.mobile", "phone.mobile", DIR_BOTH, RULE_LEFT},
                                          {"bday", "bday", DIR_NEVER, RULE_ASK}};
static const struct field_rule mirrored[] = {{"org", "org", DIR_TO_LEFT, RULE_ASK},
                                             {"url", "url", DIR_TO_RIGHT, RULE_RIGHT},
                                             {"title", "title", DIR_BOTH, RULE_NEWEST},
                                             {"phone.mobile", "phone.mobile", DIR_BOTH, RULE_RIGHT},
                                             {"bday", "bday", DIR_NEVER, RULE_ASK}};

/* ---- a case ------------------------------------------------------------------------------------
 */

struct drawn {
    struct reconcile_in in;
    struct content now[2], shadow[2];
    const char *parked[2][1], *unseen[2][1];
    bool still; /* neither side changed */
};

static void draw_side(struct fuzz_in *in, struct wess_arena *a, struct drawn *d, int s, bool first)
{
    static const char *const some[] = {"title", "phone.mobile", "categories", "email"};
    struct side_in *side = &d->in.side[s];
    bool narrow = fuzz_pick(in, 2);
    unsigned changed = fuzz_pick(in, 4), odd = fuzz_pick(in, 16);
    side->shadow = first ? NULL : &d->shadow[s];
    d->now[s] = d->shadow[s];
    if (first || changed == 1)
        d->now[s] = content_drawn(in, a);
    struct content patch = changed == 2 ? content_drawn(in, a) : (struct content){0};
    HOLDS(content_patch(a, &d->now[s], &patch, &d->now[s]));
    side->now = changed == 3 && !first ? NULL : &d->now[s];
    side->schema = narrow ? tight : wide;
    side->n_schema = narrow ? sizeof(tight) / sizeof(*tight) : sizeof(wide) / sizeof(*wide);
    side->changed_ms = (int64_t)fuzz_pick(in, 3) * 50000;
    side->locked = odd == 1;
    d->parked[s][0] = some[fuzz_pick(in, 4)];
    side->parked = (struct wess_list){d->parked[s], odd == 2};
    d->unseen[s][0] = some[fuzz_pick(in, 4)];
    side->unseen = (struct wess_list){d->unseen[s], odd == 3};
    d->still &= !first && content_same_bytes(a, &d->now[s], &d->shadow[s]);
}

static void draw_case(struct fuzz_in *in, struct wess_arena *a, struct drawn *d)
{
    static const enum rule any[] = {RULE_ASK, RULE_LEFT, RULE_RIGHT, RULE_NEWEST};
    bool first = fuzz_pick(in, 4) == 3;
    *d = (struct drawn){.still = true};
    d->in = (struct reconcile_in){.kind = kind_find("contact"),
                                  .rules = rules,
                                  .n_rules = fuzz_pick(in, 2) * sizeof(rules) / sizeof(*rules),
                                  .default_rule = any[fuzz_pick(in, 4)],
                                  .first_differs = any[fuzz_pick(in, 3)],
                                  .first_empty = fuzz_pick(in, 2) ? EMPTY_LEAVE : EMPTY_FILL};
    d->shadow[LEFT] = content_drawn(in, a);
    d->shadow[RIGHT] = fuzz_pick(in, 4) ? d->shadow[LEFT] : content_drawn(in, a);
    draw_side(in, a, d, LEFT, first);
    draw_side(in, a, d, RIGHT, first);
}

static struct reconcile_in swapped(const struct reconcile_in *in)
{
    static const enum rule back[] = {
        [RULE_ASK] = RULE_ASK, [RULE_LEFT] = RULE_RIGHT, [RULE_RIGHT] = RULE_LEFT, RULE_NEWEST};
    struct reconcile_in out = *in;
    out.side[LEFT] = in->side[RIGHT];
    out.side[RIGHT] = in->side[LEFT];
    out.rules = mirrored;
    out.default_rule = back[in->default_rule];
    out.first_differs = back[in->first_differs];
    return out;
}

/* ---- what must hold ----------------------------------------------------------------------------
 */

static const struct wess_field_schema *schema_for(const struct side_in *side, const char *name)
{
    for (size_t i = 0; i < side->n_schema; i++)
        if (!strcmp(side->schema[i].name, name))
            return &side->schema[i];
    return NULL;
}

static void plan_holds(const struct drawn *d, const struct reconcile_out *out)
{
    for (int s = LEFT; s <= RIGHT; s++) {
        const struct content *patch = &out->patch[s];
        HOLDS(!patch->n || !d->in.side[s].locked);
        HOLDS(patch->n == out->old[s].n);
        for (size_t i = 0; i < patch->n; i++) {
            const struct wess_field *f = &patch->fields[i], *was = &out->old[s].fields[i];
            const struct wess_field_schema *schema = schema_for(&d->in.side[s], f->name);
            HOLDS(!i || strcmp(patch->fields[i - 1].name, f->name) < 0);
            HOLDS(schema && !(schema->flags & WESS_FIELD_READ_ONLY));
            HOLDS(!strcmp(f->name, was->name) && !field_equal(f, was));
            HOLDS(field_equal(was, content_get(&d->now[s], f->name)));
        }
        content_holds(&out->shadow[s]);
        content_holds(&out->settled[s]);
    }
    if (d->still && !d->in.side[LEFT].unseen.n && !d->in.side[RIGHT].unseen.n)
        HOLDS(!out->patch[LEFT].n && !out->patch[RIGHT].n && !out->n_conflicts);
}

static void same_plan(struct wess_arena *a, const struct reconcile_out *x, int left,
                      const struct reconcile_out *y, int other)
{
    HOLDS(content_same_bytes(a, &x->patch[left], &y->patch[other]));
    HOLDS(content_same_bytes(a, &x->patch[!left], &y->patch[!other]));
    HOLDS(x->n_conflicts == y->n_conflicts);
}

static void show(const char *what, const struct reconcile_in *in, const struct reconcile_out *out)
{
    for (int s = LEFT; s <= RIGHT && getenv("FUZZ_SHOW"); s++) {
        const struct side_in *side = &in->side[s];
        fprintf(stderr, "%s, %s%s%s, changed %lld, rule %d, first %d%s, rules %zu\n", what,
                s == LEFT ? "left" : "right", side->schema == tight ? ", tight" : "",
                side->locked ? ", locked" : "", (long long)side->changed_ms, (int)in->default_rule,
                (int)in->first_differs, in->first_empty == EMPTY_LEAVE ? " leave" : "",
                in->n_rules);
        for (size_t i = 0; i < side->parked.n; i++)
            fprintf(stderr, "  parked %s\n", side->parked.of[i]);
        for (size_t i = 0; i < side->unseen.n; i++)
            fprintf(stderr, "  unseen %s\n", side->unseen.of[i]);
        content_show("  shadow", side->shadow);
        content_show("  now", side->now);
        content_show("  patch", &out->patch[s]);
        content_show("  shadow after", &out->shadow[s]);
        content_show("  settled", &out->settled[s]);
    }
    for (size_t i = 0; i < out->n_conflicts && getenv("FUZZ_SHOW"); i++)
        fprintf(stderr, "  conflict %s\n", out->conflicts[i].field);
}

static bool any_rests(const struct reconcile_in *in)
{
    return in->side[LEFT].locked || in->side[RIGHT].locked || in->side[LEFT].parked.n ||
           in->side[RIGHT].parked.n;
}

/* Carried out and looked at again: nothing is left to do, but what is open. */
static void it_settles(struct wess_arena *a, const struct drawn *d, const struct reconcile_out *out)
{
    struct reconcile_in in = d->in;
    struct reconcile_out again;
    struct content now[2];
    /* A first meeting has rules of its own: what had to wait then goes by the others. */
    if (!in.side[LEFT].shadow && (out->n_too_long || any_rests(&in)))
        return;
    for (int s = LEFT; s <= RIGHT; s++) {
        HOLDS(content_patch(a, &d->now[s], &out->patch[s], &now[s]));
        in.side[s].now = &now[s];
        in.side[s].shadow = &out->shadow[s];
        in.side[s].unseen = out->unseen[s];
    }
    const char **open = arena_alloc(a, (out->n_conflicts + 1) * sizeof(*open));
    HOLDS(open);
    for (size_t i = 0; i < out->n_conflicts; i++)
        open[i] = out->conflicts[i].field;
    if (!d->in.side[LEFT].shadow)
        in.unanswered = (struct wess_list){open, out->n_conflicts};
    HOLDS(reconcile(a, &in, &again));
    show("again", &in, &again);
    HOLDS(!again.patch[LEFT].n && !again.patch[RIGHT].n);
    HOLDS(again.n_conflicts == out->n_conflicts);
}

/* Nothing of it carried out: the same comes up again. */
static void it_waits(struct wess_arena *a, const struct drawn *d, const struct reconcile_out *out)
{
    struct reconcile_in in = d->in;
    struct reconcile_out again;
    if (!in.side[LEFT].shadow)
        return; /* a first meeting has rules of its own */
    for (int s = LEFT; s <= RIGHT; s++) {
        in.side[s].shadow = &out->settled[s];
        in.side[s].now = &d->now[s];
        in.side[s].unseen = (struct wess_list){0};
    }
    HOLDS(reconcile(a, &in, &again));
    show("again", &in, &again);
    same_plan(a, out, LEFT, &again, LEFT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wess_arena *a = arena_new((size_t)32 << 20), *small = arena_new(4096);
    struct fuzz_in in = {data, size};
    struct reconcile_out out, twice;
    struct drawn d;
    HOLDS(a && small);
    draw_case(&in, a, &d);
    HOLDS(reconcile(a, &d.in, &out) && reconcile(a, &d.in, &twice));
    show("first", &d.in, &out);
    plan_holds(&d, &out);
    same_plan(a, &out, LEFT, &twice, LEFT);
    struct reconcile_in back = swapped(&d.in);
    HOLDS(reconcile(a, &back, &twice));
    show("swapped", &back, &twice);
    same_plan(a, &out, LEFT, &twice, RIGHT);
    it_settles(a, &d, &out);
    it_waits(a, &d, &out);
    if (reconcile(small, &d.in, &twice))
        same_plan(a, &out, LEFT, &twice, LEFT);
    arena_free(a);
    arena_free(small);
    return 0;
}
