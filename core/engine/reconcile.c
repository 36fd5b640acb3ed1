#include "engine/reconcile_work.h"

#include <stdlib.h>
#include <string.h>

#include "model/text.h"

/* ---- putting results together
 * --------------------------------------------------------------------------- */

static void *grown(struct work *w, void *of, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return of;
    size_t more = *cap ? *cap * 2 : 8;
    void *out = arena_alloc(w->a, more * size);
    if (!out) {
        w->spent = true;
        return NULL;
    }
    if (n)
        memcpy(out, of, n * size);
    *cap = more;
    return out;
}

void fields_add(struct work *w, struct fields *f, const char *name, const struct wess_field *value,
                bool null)
{
    bool empty = !value || value->type == WESS_NULL;
    if (empty && !null)
        return;
    struct wess_field *of = grown(w, f->of, f->n, &f->cap, sizeof(*of));
    if (!of)
        return;
    f->of = of;
    of[f->n] = empty ? (struct wess_field){.type = WESS_NULL} : *value;
    of[f->n++].name = name;
}

void work_patch(struct work *w, const struct pairing *p, enum side to,
                const struct wess_field *value)
{
    fields_add(w, &w->patch[to], p->name[to], value, true);
    fields_add(w, &w->old[to], p->name[to], p->now[to], true);
}

static struct wess_field value_of(const struct wess_field *f, const char *name)
{
    struct wess_field out = f ? *f : (struct wess_field){.type = WESS_NULL};
    out.name = name;
    return out;
}

void work_conflict(struct work *w, const char *field, const struct wess_field *base,
                   const struct wess_field *left, const struct wess_field *right)
{
    struct conflict *of = grown(w, w->conflicts, w->n_conflicts, &w->cap_conflicts, sizeof(*of));
    if (!of)
        return;
    w->conflicts = of;
    of[w->n_conflicts++] = (struct conflict){.field = field,
                                             .base = value_of(base, field),
                                             .left = value_of(left, field),
                                             .right = value_of(right, field)};
}

void work_too_long(struct work *w, enum side side, const char *field, const char *fmt, uint32_t n)
{
    struct too_long *of = grown(w, w->too_long, w->n_too_long, &w->cap_too_long, sizeof(*of));
    char *why = arena_alloc(w->a, strlen(fmt) + 24);
    if (!of || !why) {
        w->spent = true;
        return;
    }
    char *at = stpcpy(why, fmt), digits[12];
    size_t len = 0;
    do
        digits[len++] = (char)('0' + n % 10);
    while (n /= 10);
    while (len)
        *at++ = digits[--len];
    w->too_long = of;
    of[w->n_too_long++] = (struct too_long){side, field, why};
}

/* ---- rules
 * --------------------------------------------------------------------------------------------- */

const struct field_rule *rule_of(const struct reconcile_in *in, const char *left_name)
{
    for (size_t i = 0; i < in->n_rules; i++)
        if (!strcmp(in->rules[i].left, left_name))
            return &in->rules[i];
    return NULL;
}

const struct decision *decision_of(const struct reconcile_in *in, const char *field)
{
    for (size_t i = 0; i < in->n_decisions; i++)
        if (!strcmp(in->decisions[i].field, field))
            return &in->decisions[i];
    return NULL;
}

/* The rule of an element ("phone.mobile") before that of its field. */
static const struct field_rule *rule_for(const struct work *w, const struct pairing *p,
                                         const char *key)
{
    size_t len = strlen(p->name[LEFT]);
    for (size_t i = 0; key && i < w->in->n_rules; i++) {
        const char *name = w->in->rules[i].left;
        if (!strncmp(name, p->name[LEFT], len) && name[len] == '.' && !strcmp(name + len + 1, key))
            return &w->in->rules[i];
    }
    return p->rule;
}

const struct wess_field_schema *schema_of(const struct side_in *side, const char *name)
{
    for (size_t i = 0; i < side->n_schema; i++)
        if (!strcmp(side->schema[i].name, name))
            return &side->schema[i];
    return NULL;
}

bool may_go(const struct work *w, const struct pairing *p, const char *key, enum side to)
{
    const struct field_rule *rule = rule_for(w, p, key);
    enum direction d = rule ? rule->direction : DIR_BOTH;
    if (!p->schema[to] || (p->schema[to]->flags & (WESS_FIELD_READ_ONLY | WESS_FIELD_ON_CREATE)))
        return false;
    return d == DIR_BOTH || d == (to == LEFT ? DIR_TO_LEFT : DIR_TO_RIGHT);
}

bool is_parked(const struct work *w, const struct pairing *p, const char *key, enum side to)
{
    const struct wess_list *parked = &w->in->side[to].parked;
    size_t len = strlen(p->name[to]);
    for (size_t i = 0; i < parked->n; i++)
        if (!strcmp(parked->of[i], p->name[to]) ||
            (key && !strncmp(parked->of[i], p->name[to], len) && parked->of[i][len] == '.' &&
             !strcmp(parked->of[i] + len + 1, key)))
            return true;
    return false;
}

static int newest(const struct work *w)
{
    int64_t l = w->in->side[LEFT].changed_ms, r = w->in->side[RIGHT].changed_ms;
    if (l <= 0 || r <= 0)
        return -1;
    if (l - r >= NEWEST_LEAST_MS)
        return LEFT;
    return r - l >= NEWEST_LEAST_MS ? RIGHT : -1;
}

int winner(const struct work *w, const struct pairing *p, const char *key, bool fresh)
{
    const struct field_rule *rule = rule_for(w, p, key);
    enum direction d = rule ? rule->direction : DIR_BOTH;
    enum rule r = rule ? rule->conflict : w->in->default_rule;
    /* The first meeting has a rule of its own, which is never "newest". A value that neither side
     * had in step may be what it left unanswered: then it is asked again. */
    if (w->first || (fresh && w->in->first_differs == RULE_ASK))
        r = w->in->first_differs;
    else if (d == DIR_TO_RIGHT)
        return LEFT;
    else if (d == DIR_TO_LEFT)
        return RIGHT;
    switch (r) {
    case RULE_LEFT:
        return LEFT;
    case RULE_RIGHT:
        return RIGHT;
    case RULE_NEWEST:
        return newest(w);
    case RULE_ASK:
        break;
    }
    return -1;
}

bool fits(struct work *w, const struct pairing *p, enum side to, const struct wess_field *value)
{
    const struct wess_field_schema *s = p->schema[to];
    if (!value || value->type != WESS_TEXT || !s || !s->max_len || value->str.len <= s->max_len)
        return true;
    char *text = arena_textn(w->a, value->str.data, value->str.len);
    if (!text) {
        w->spent = true;
        return false;
    }
    if (text_length(text) <= s->max_len)
        return true;
    work_too_long(w, to, p->name[to],
                  "longer than that side holds, characters at most: ", s->max_len);
    return false;
}

/* ---- scalars
 * ------------------------------------------------------------------------------------------- */

static void settle(struct work *w, const struct pairing *p, enum side s,
                   const struct wess_field *settled, const struct wess_field *after)
{
    fields_add(w, &w->settled[s], p->name[s], settled, false);
    fields_add(w, &w->shadow[s], p->name[s], after, false);
}

/* Nothing of this field travels: each side's shadow is what it shows. */
static void leave(struct work *w, const struct pairing *p)
{
    for (int s = LEFT; s <= RIGHT; s++)
        settle(w, p, (enum side)s, p->now[s], p->now[s]);
}

/* Both shadows stay: the same comes up next time. */
static void wait(struct work *w, const struct pairing *p)
{
    for (int s = LEFT; s <= RIGHT; s++)
        settle(w, p, (enum side)s, p->shadow[s], p->shadow[s]);
}

/* `from` has the value that the other side is to show. */
static void carry(struct work *w, const struct pairing *p, enum side from)
{
    enum side to = opposite(from);
    if (!may_go(w, p, NULL, to)) {
        leave(w, p);
        return;
    }
    if (w->in->side[to].locked || is_parked(w, p, NULL, to) || !fits(w, p, to, p->now[from])) {
        wait(w, p);
        return;
    }
    work_patch(w, p, to, p->now[from]);
    settle(w, p, from, p->shadow[from], p->now[from]);
    settle(w, p, to, p->shadow[to], p->now[from]);
}

static const struct wess_field *both_texts(struct work *w, const struct pairing *p)
{
    struct wess_field *f = arena_alloc(w->a, sizeof(*f));
    const struct wess_field *l = p->now[LEFT], *r = p->now[RIGHT];
    char *text = f ? arena_fmt(w->a, "%.*s\n%.*s", (int)l->str.len, (const char *)l->str.data,
                               (int)r->str.len, (const char *)r->str.data)
                   : NULL;
    if (!text) {
        w->spent = true;
        return l;
    }
    *f = (struct wess_field){.name = l->name, .type = WESS_TEXT, .str = {text, strlen(text)}};
    return f;
}

/* A person's value for both sides. */
static void write_both(struct work *w, const struct pairing *p, const struct wess_field *value)
{
    for (int s = LEFT; s <= RIGHT; s++)
        if (w->in->side[s].locked || !may_go(w, p, NULL, (enum side)s) ||
            !fits(w, p, (enum side)s, value)) {
            wait(w, p);
            return;
        }
    for (int s = LEFT; s <= RIGHT; s++) {
        if (!field_equal(p->now[s], value))
            work_patch(w, p, (enum side)s, value);
        settle(w, p, (enum side)s, p->shadow[s], value);
    }
}

static void decided(struct work *w, const struct pairing *p, const struct decision *d)
{
    bool joins = p->def->form == FORM_TEXT && p->now[LEFT] && p->now[RIGHT] &&
                 p->now[LEFT]->type == WESS_TEXT && p->now[RIGHT]->type == WESS_TEXT;
    switch (d->take) {
    case TAKE_LEFT:
        carry(w, p, LEFT);
        break;
    case TAKE_RIGHT:
        carry(w, p, RIGHT);
        break;
    case TAKE_VALUE:
        write_both(w, p, &d->value);
        break;
    case TAKE_BOTH:
        if (joins)
            write_both(w, p, both_texts(w, p));
        else
            leave(w, p); /* each keeps its own */
        break;
    }
}

static void merge_scalar(struct work *w, const struct pairing *p)
{
    bool changed[2];
    const struct decision *d = decision_of(w->in, p->name[LEFT]);
    for (int s = LEFT; s <= RIGHT; s++)
        changed[s] = !field_equal(p->now[s], p->shadow[s]);
    if (field_equal(p->now[LEFT], p->now[RIGHT]) || (!changed[LEFT] && !changed[RIGHT])) {
        leave(w, p);
        return;
    }
    if (w->first && (!p->now[LEFT] || !p->now[RIGHT])) {
        if (w->in->first_empty == EMPTY_LEAVE)
            leave(w, p);
        else
            carry(w, p, p->now[LEFT] ? LEFT : RIGHT);
        return;
    }
    if (changed[LEFT] != changed[RIGHT]) {
        carry(w, p, changed[LEFT] ? LEFT : RIGHT);
        return;
    }
    bool fresh = !p->shadow[LEFT] && !p->shadow[RIGHT];
    int wins = d ? -1 : winner(w, p, NULL, fresh);
    if (d) {
        decided(w, p, d);
    } else if (wins >= 0) {
        carry(w, p, (enum side)wins);
    } else {
        work_conflict(w, p->name[LEFT], p->shadow[LEFT], p->now[LEFT], p->now[RIGHT]);
        wait(w, p);
    }
}

/* ---- all fields
 * ------------------------------------------------------------------------------------------ */

static bool names_it(const struct wess_list *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (!strcmp(l->of[i], name))
            return true;
    return false;
}

static void look_up(const struct work *w, struct pairing *p)
{
    for (int s = LEFT; s <= RIGHT; s++) {
        const struct side_in *in = &w->in->side[s];
        p->shadow[s] = content_get(in->shadow, p->name[s]);
        p->now[s] = in->now ? content_get(in->now, p->name[s]) : p->shadow[s];
        p->schema[s] = schema_of(in, p->name[s]);
        /* What we wrote and now see for the first time: the remote's own form of it. */
        if (in->now && names_it(&in->unseen, p->name[s]))
            p->shadow[s] = p->now[s];
    }
}

static void merge_field(struct work *w, const char *left, const char *right,
                        const struct field_rule *rule)
{
    const char *element;
    struct pairing p = {.name = {left, right}, .rule = rule};
    p.def = field_find(w->in->kind, left, &element);
    look_up(w, &p);
    bool travels = p.def && !element && p.schema[LEFT] && p.schema[RIGHT] &&
                   !(rule && rule->direction == DIR_NEVER);
    if (!travels)
        leave(w, &p);
    else if (p.def->merge == MERGE_SET)
        merge_set(w, &p);
    else if (p.def->merge == MERGE_RECORDS)
        merge_records(w, &p);
    else
        merge_scalar(w, &p);
}

/* Fields under one name on both sides, then those that a rule ties under two. */
static bool is_own_name(const struct reconcile_in *in, const char *name)
{
    for (size_t i = 0; i < in->n_rules; i++)
        if (strcmp(in->rules[i].left, in->rules[i].right) &&
            (!strcmp(in->rules[i].left, name) || !strcmp(in->rules[i].right, name)))
            return true;
    return false;
}

static bool is_new(const struct fields *seen, const char *name)
{
    for (size_t i = 0; i < seen->n; i++)
        if (!strcmp(seen->of[i].name, name))
            return false;
    return true;
}

static void merge_contents(struct work *w)
{
    const struct reconcile_in *in = w->in;
    const struct content *all[] = {in->side[LEFT].now, in->side[LEFT].shadow, in->side[RIGHT].now,
                                   in->side[RIGHT].shadow};
    struct fields seen = {0};
    for (size_t c = 0; c < sizeof(all) / sizeof(all[0]); c++)
        for (size_t i = 0; all[c] && i < all[c]->n && !w->spent; i++) {
            const char *name = all[c]->fields[i].name;
            if (!is_new(&seen, name) || is_own_name(in, name))
                continue;
            fields_add(w, &seen, name, NULL, true);
            merge_field(w, name, name, rule_of(in, name));
        }
    for (size_t i = 0; i < in->n_rules && !w->spent; i++)
        if (strcmp(in->rules[i].left, in->rules[i].right))
            merge_field(w, in->rules[i].left, in->rules[i].right, &in->rules[i]);
}

/* ---- the answer
 * -------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct wess_field *)a)->name, ((const struct wess_field *)b)->name);
}

static struct content content_of(struct fields *f)
{
    if (f->n)
        qsort(f->of, f->n, sizeof(*f->of), by_name);
    return (struct content){f->of, f->n};
}

static struct wess_list unseen_after(struct work *w, enum side s, const struct content *patch)
{
    const struct side_in *in = &w->in->side[s];
    const char **of = arena_alloc(w->a, (in->unseen.n + patch->n + 1) * sizeof(*of));
    size_t n = 0;
    if (!of) {
        w->spent = true;
        return (struct wess_list){NULL, 0};
    }
    for (size_t i = 0; !in->now && i < in->unseen.n; i++)
        of[n++] = in->unseen.of[i];
    for (size_t i = 0; i < patch->n; i++)
        if (in->now || !names_it(&in->unseen, patch->fields[i].name))
            of[n++] = patch->fields[i].name;
    return (struct wess_list){of, n};
}

static bool finish(struct work *w, struct reconcile_out *out)
{
    *out = (struct reconcile_out){.conflicts = w->conflicts,
                                  .n_conflicts = w->n_conflicts,
                                  .too_long = w->too_long,
                                  .n_too_long = w->n_too_long};
    for (int s = LEFT; s <= RIGHT; s++) {
        out->patch[s] = content_of(&w->patch[s]);
        out->old[s] = content_of(&w->old[s]);
        out->shadow[s] = content_of(&w->shadow[s]);
        out->settled[s] = content_of(&w->settled[s]);
        out->unseen[s] = unseen_after(w, (enum side)s, &out->patch[s]);
        out->moved |=
            !w->in->side[s].shadow || !content_equal(&out->settled[s], w->in->side[s].shadow);
    }
    return !w->spent;
}

bool reconcile(struct wess_arena *a, const struct reconcile_in *in, struct reconcile_out *out)
{
    struct work w = {.a = a, .in = in};
    w.first = !in->side[LEFT].shadow && !in->side[RIGHT].shadow;
    merge_contents(&w);
    return finish(&w, out);
}

/* ---- creates
 * ------------------------------------------------------------------------------------------------
 */

static const char *name_there(const struct reconcile_in *in, const char *name, enum side to)
{
    for (size_t i = 0; i < in->n_rules; i++) {
        const struct field_rule *r = &in->rules[i];
        if (strcmp(r->left, r->right) && !strcmp(to == RIGHT ? r->left : r->right, name))
            return to == RIGHT ? r->right : r->left;
    }
    return name;
}

static bool may_create(const struct work *w, const struct pairing *p, enum side to)
{
    enum direction d = p->rule ? p->rule->direction : DIR_BOTH;
    return p->def && p->schema[to] && !(p->schema[to]->flags & WESS_FIELD_READ_ONLY) &&
           (d == DIR_BOTH || d == (to == LEFT ? DIR_TO_LEFT : DIR_TO_RIGHT)) && w->in != NULL;
}

static void create_field(struct work *w, enum side to, const struct wess_field *value)
{
    enum side from = opposite(to);
    const char *element;
    struct pairing p = {0};
    const struct wess_field *kept = value, *goes = value;
    p.name[from] = value->name;
    p.name[to] = name_there(w->in, value->name, to);
    p.rule = rule_of(w->in, p.name[LEFT]);
    p.def = field_find(w->in->kind, value->name, &element);
    p.schema[to] = schema_of(&w->in->side[to], p.name[to]);
    p.schema[from] = schema_of(&w->in->side[from], p.name[from]);
    p.now[from] = value;
    if (!may_create(w, &p, to))
        goes = NULL;
    else if (is_parked(w, &p, NULL, to) || !fits(w, &p, to, value))
        kept = goes = NULL;
    else if (p.def->merge == MERGE_RECORDS)
        goes = create_records(w, &p, to, value, &kept);
    fields_add(w, &w->patch[to], p.name[to], goes, false);
    fields_add(w, &w->shadow[to], p.name[to], goes, false);
    fields_add(w, &w->shadow[from], p.name[from], kept, false);
}

bool reconcile_create(struct wess_arena *a, const struct reconcile_in *in, enum side to,
                      const struct content *from, struct reconcile_out *out)
{
    struct work w = {.a = a, .in = in};
    for (size_t i = 0; i < from->n; i++)
        create_field(&w, to, &from->fields[i]);
    return finish(&w, out);
}
