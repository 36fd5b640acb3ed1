#include "engine/reconcile_work.h"

#include <stdlib.h>
#include <string.h>

#include "model/text.h"

#define FEW 4u /* what most plans hold of anything */

/* ---- putting results together
 * --------------------------------------------------------------------------- */

static void *grown(struct work *w, void *of, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return of;
    size_t more = *cap ? *cap * 2 : FEW;
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
        if (name_is(in->rules[i].left, left_name))
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

bool decision_stands(const struct decision *d, const struct wess_field *const now[2],
                     const struct wess_field *value)
{
    bool stands = true;
    for (int s = LEFT; s <= RIGHT; s++) {
        bool over = d->take == TAKE_VALUE || d->take == (s == LEFT ? TAKE_RIGHT : TAKE_LEFT);
        bool done = d->take == TAKE_VALUE && field_equal(now[s], value);
        stands &= !over || done || field_equal(now[s], d->asked[s]);
    }
    return stands;
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
        if (name_is(side->schema[i].name, name))
            return &side->schema[i];
    return NULL;
}

static bool is_unshown(const struct pairing *p, enum side s)
{
    return p->schema[s] && (p->schema[s]->flags & WESS_FIELD_UNSHOWN);
}

/* As the rule says; of what a side never shows nothing comes from there. */
static enum direction direction_of(const struct pairing *p, const struct field_rule *rule)
{
    static const enum direction to[] = {[LEFT] = DIR_TO_LEFT, [RIGHT] = DIR_TO_RIGHT};
    enum direction d = rule ? rule->direction : DIR_BOTH;
    for (int s = LEFT; s <= RIGHT; s++)
        if (is_unshown(p, (enum side)s))
            d = d == DIR_BOTH || d == to[s] ? to[s] : DIR_NEVER;
    return d;
}

bool may_go(const struct work *w, const struct pairing *p, const char *key, enum side to)
{
    enum direction d = direction_of(p, rule_for(w, p, key));
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

static bool is_unanswered(const struct work *w, const struct pairing *p, const char *key)
{
    size_t len = strlen(p->name[LEFT]);
    for (size_t i = 0; i < w->in->unanswered.n; i++) {
        const char *name = w->in->unanswered.of[i];
        if (!strncmp(name, p->name[LEFT], len) &&
            (key ? name[len] == '.' && !strcmp(name + len + 1, key) : !name[len]))
            return true;
    }
    return false;
}

int winner(const struct work *w, const struct pairing *p, const char *key)
{
    const struct field_rule *rule = rule_for(w, p, key);
    enum direction d = direction_of(p, rule);
    enum rule r = rule ? rule->conflict : w->in->default_rule;
    /* The first meeting has a rule of its own, which is never "newest". */
    if (w->first)
        r = w->in->first_differs;
    else if (is_unanswered(w, p, key))
        r = RULE_ASK;
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

static bool blob_fits(struct work *w, const struct pairing *p, enum side to,
                      const struct wess_field *value)
{
    const struct wess_field_schema *s = p->schema[to];
    if (value->type != WESS_BLOB || !s->max_len || value->blob.size <= s->max_len)
        return true;
    work_too_long(w, to, p->name[to], "larger than that side holds, bytes at most: ", s->max_len);
    return false;
}

bool fits(struct work *w, const struct pairing *p, enum side to, const struct wess_field *value)
{
    const struct wess_field_schema *s = p->schema[to];
    if (value && s && s->type == WESS_BLOB)
        return blob_fits(w, p, to, value);
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

void settle(struct work *w, const struct pairing *p, enum side s, const struct wess_field *settled,
            const struct wess_field *after)
{
    bool shown = !is_unshown(p, s);
    fields_add(w, &w->settled[s], p->name[s], shown ? settled : NULL, false);
    fields_add(w, &w->shadow[s], p->name[s], shown ? after : NULL, false);
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

/* What the shadow says until the value from the other side has arrived. In a first merge there is
 * none: that this side showed its own value makes the other's the change, so that a merge after a
 * cut comes to the same. */
static const struct wess_field *until(const struct work *w, const struct pairing *p, enum side to)
{
    return w->first ? p->now[to] : p->shadow[to];
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
        settle(w, p, from, p->shadow[from], p->shadow[from]);
        settle(w, p, to, until(w, p, to), until(w, p, to));
        return;
    }
    work_patch(w, p, to, p->now[from]);
    settle(w, p, from, p->shadow[from], p->now[from]);
    settle(w, p, to, until(w, p, to), p->now[from]);
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
    int wins = d ? -1 : winner(w, p, NULL);
    if (d && decision_stands(d, p->now, &d->value)) {
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

static bool is_changed(const struct pairing *p, enum side s)
{
    return p->now[s] != p->shadow[s] && !field_equal(p->now[s], p->shadow[s]);
}

/* What a side never shows it has as the other side was when both were in step. */
static void suppose_unshown(struct pairing *p)
{
    for (int s = LEFT; s <= RIGHT; s++)
        if (is_unshown(p, (enum side)s))
            p->now[s] = p->shadow[s] = p->shadow[opposite((enum side)s)];
}

/* What may be out of our sight is as it was: to show nothing of it is no deletion. */
static void suppose_hidden(struct pairing *p)
{
    for (int s = LEFT; s <= RIGHT; s++)
        if (!p->now[s] && p->schema[s] && (p->schema[s]->flags & WESS_FIELD_HIDES))
            p->now[s] = p->shadow[s];
}

static void merge_changed(struct work *w, struct pairing *p)
{
    const char *element;
    p->def = field_find(w->in->kind, p->name[LEFT], &element);
    if (!p->rule)
        p->rule = rule_of(w->in, p->name[LEFT]);
    for (int s = LEFT; s <= RIGHT; s++)
        p->schema[s] = schema_of(&w->in->side[s], p->name[s]);
    suppose_unshown(p);
    suppose_hidden(p);
    bool travels = p->def && !element && p->schema[LEFT] && p->schema[RIGHT] &&
                   !(p->rule && p->rule->direction == DIR_NEVER);
    if (!travels)
        leave(w, p);
    else if (p->def->merge == MERGE_SET)
        merge_set(w, p);
    else if (p->def->merge == MERGE_RECORDS)
        merge_records(w, p);
    else
        merge_scalar(w, p);
}

/* Most fields of a changed item did not change: nothing is looked up for them. */
static void merge_field(struct work *w, struct pairing *p)
{
    const struct wess_field *given[2] = {p->shadow[LEFT], p->shadow[RIGHT]};
    size_t before[2] = {w->settled[LEFT].n, w->settled[RIGHT].n};
    for (int s = LEFT; s <= RIGHT; s++)
        /* What we wrote and now see for the first time: the remote's own form of it. */
        if (w->in->side[s].now && names_it(&w->in->side[s].unseen, p->name[s])) {
            p->shadow[s] = p->now[s];
            w->moved |= !field_equal(given[s], p->now[s]);
        }
    if (!is_changed(p, LEFT) && !is_changed(p, RIGHT)) {
        leave(w, p);
        return;
    }
    merge_changed(w, p);
    for (int s = LEFT; s <= RIGHT; s++) {
        const struct fields *settled = &w->settled[s];
        w->moved |=
            !field_equal(settled->n > before[s] ? &settled->of[settled->n - 1] : NULL, given[s]);
    }
}

/* The contents of both sides, all sorted by name, walked side by side. */
enum { NOW, SHADOW };
struct walk {
    const struct wess_field *at[2][2], *end[2][2];
};

static void walk_begin(struct walk *k, const struct reconcile_in *in)
{
    for (int s = LEFT; s <= RIGHT; s++) {
        const struct content *of[] = {in->side[s].now, in->side[s].shadow};
        for (int i = NOW; i <= SHADOW; i++) {
            k->at[s][i] = of[i] ? of[i]->fields : NULL;
            k->end[s][i] = of[i] ? of[i]->fields + of[i]->n : NULL;
        }
    }
}

/* The next name, and who has a field of it. NULL: there is none. */
static const char *walk_next(struct walk *k, const struct wess_field *found[2][2])
{
    const char *name = NULL;
    for (int s = LEFT; s <= RIGHT; s++)
        for (int i = NOW; i <= SHADOW; i++) {
            const struct wess_field *f = k->at[s][i];
            found[s][i] = NULL;
            if (f == k->end[s][i])
                continue;
            int d = name ? strcmp(f->name, name) : -1;
            if (d < 0) {
                memset(found, 0, 4 * sizeof(found[0][0]));
                name = f->name;
            }
            if (d <= 0)
                found[s][i] = f;
        }
    for (int s = LEFT; s <= RIGHT; s++)
        for (int i = NOW; i <= SHADOW; i++)
            if (found[s][i]) {
                k->at[s][i]++;
                if (found[s][i]->type == WESS_NULL)
                    found[s][i] = NULL;
            }
    return name;
}

static bool has_two_names(const struct field_rule *rule)
{
    return strcmp(rule->left, rule->right) != 0;
}

static bool is_of_two(const struct reconcile_in *in, const char *name)
{
    for (size_t i = 0; i < in->n_rules; i++)
        if (has_two_names(&in->rules[i]) &&
            (!strcmp(in->rules[i].left, name) || !strcmp(in->rules[i].right, name)))
            return true;
    return false;
}

/* A field that a rule ties under two names. */
static void merge_two_names(struct work *w, const struct field_rule *rule)
{
    struct pairing p = {.name = {rule->left, rule->right}, .rule = rule};
    for (int s = LEFT; s <= RIGHT; s++) {
        const struct side_in *in = &w->in->side[s];
        p.shadow[s] = content_get(in->shadow, p.name[s]);
        p.now[s] = in->now ? content_get(in->now, p.name[s]) : p.shadow[s];
    }
    merge_field(w, &p);
}

/* Room for the shadows, which hold about as many fields as the larger side. */
static void make_room(struct work *w)
{
    size_t most = FEW;
    for (int s = LEFT; s <= RIGHT; s++) {
        const struct side_in *in = &w->in->side[s];
        const struct content *c = in->now ? in->now : in->shadow;
        most = c && c->n + 1 > most ? c->n + 1 : most;
    }
    for (int s = LEFT; s <= RIGHT; s++) {
        struct fields *both[] = {&w->shadow[s], &w->settled[s]};
        for (size_t i = 0; i < 2; i++) {
            both[i]->of = arena_alloc(w->a, most * sizeof(struct wess_field));
            both[i]->cap = both[i]->of ? most : 0;
        }
    }
}

static void merge_contents(struct work *w)
{
    const struct reconcile_in *in = w->in;
    const struct wess_field *found[2][2];
    const char *name;
    struct walk k;
    make_room(w);
    walk_begin(&k, in);
    for (size_t i = 0; i < in->n_rules; i++)
        w->two_names |= has_two_names(&in->rules[i]);
    w->unsorted = w->two_names;
    while (!w->spent && (name = walk_next(&k, found))) {
        struct pairing p = {.name = {name, name}};
        for (int s = LEFT; s <= RIGHT; s++) {
            p.shadow[s] = found[s][SHADOW];
            p.now[s] = found[s][in->side[s].now ? NOW : SHADOW];
        }
        if (!w->two_names || !is_of_two(in, name))
            merge_field(w, &p);
    }
    for (size_t i = 0; i < in->n_rules && !w->spent; i++)
        if (has_two_names(&in->rules[i]))
            merge_two_names(w, &in->rules[i]);
}

/* ---- the answer
 * -------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct wess_field *)a)->name, ((const struct wess_field *)b)->name);
}

/* Fields come in the order of their names, but for those of two names, and what goes along. */
static struct content content_of(const struct work *w, struct fields *f)
{
    if (f->n && w->unsorted)
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
        out->patch[s] = content_of(w, &w->patch[s]);
        out->old[s] = content_of(w, &w->old[s]);
        out->shadow[s] = content_of(w, &w->shadow[s]);
        out->settled[s] = content_of(w, &w->settled[s]);
        out->unseen[s] = unseen_after(w, (enum side)s, &out->patch[s]);
        const struct content *shadow = w->in->side[s].shadow;
        out->moved |= w->moved || !shadow || out->settled[s].n != shadow->n;
    }
    return !w->spent;
}

bool reconcile(struct wess_arena *a, const struct reconcile_in *in, struct reconcile_out *out)
{
    struct work w = {.a = a, .in = in};
    w.first = !in->side[LEFT].shadow && !in->side[RIGHT].shadow;
    merge_contents(&w);
    go_along(&w);
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
    enum direction d = direction_of(p, p->rule);
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
    fields_add(w, &w->shadow[to], p.name[to], is_unshown(&p, to) ? NULL : goes, false);
    fields_add(w, &w->shadow[from], p.name[from], kept, false);
}

bool reconcile_create(struct wess_arena *a, const struct reconcile_in *in, enum side to,
                      const struct content *from, struct reconcile_out *out)
{
    struct work w = {.a = a, .in = in};
    for (size_t i = 0; i < in->n_rules; i++)
        w.unsorted |= has_two_names(&in->rules[i]);
    for (size_t i = 0; i < from->n; i++)
        create_field(&w, to, &from->fields[i]);
    return finish(&w, out);
}
