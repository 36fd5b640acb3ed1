/* Records (addresses, phones): element by element by their keys, then field by field within one.
 * The order among elements ("pref") is each side's own, unless one side alone changed its order. */
#include <stdlib.h>
#include <string.h>

#include "engine/reconcile_work.h"

/* One element under all that is known of it; NULL: absent. */
struct element {
    const char *key;
    const struct wess_record *now[2], *shadow[2];
    const struct wess_record *want[2];  /* what each side is to show */
    const struct wess_record *after[2]; /* what its shadow says then */
    const struct wess_record *until[2]; /* what its shadow says before */
    bool waits;                         /* something of it is open: a conflict, no room, parked */
};
struct elements {
    struct element *of;
    size_t n;
};

static const struct wess_record *find(const struct wess_field *f, const char *key)
{
    for (size_t i = 0; f && f->type == WESS_RECORDS && i < f->records.n; i++)
        if (!strcmp(f->records.of[i].key, key))
            return &f->records.of[i];
    return NULL;
}

static const struct wess_field *part(const struct wess_record *r, const char *name)
{
    for (size_t i = 0; r && i < r->n; i++)
        if (!strcmp(r->fields[i].name, name))
            return r->fields[i].type == WESS_NULL ? NULL : &r->fields[i];
    return NULL;
}

static int64_t pref(const struct wess_record *r)
{
    const struct wess_field *f = part(r, "pref");
    return f && f->type == WESS_INT ? f->num : INT64_MAX;
}

static bool is_phone(const struct pairing *p)
{
    return p->def->form == FORM_PHONE;
}

/* The same but for its place in the order. */
static bool same(const struct pairing *p, const struct wess_record *a, const struct wess_record *b)
{
    if (!a || !b)
        return a == b;
    for (int turn = 0; turn < 2; turn++) {
        const struct wess_record *x = turn ? b : a, *y = turn ? a : b;
        for (size_t i = 0; i < x->n; i++) {
            struct wess_field f = x->fields[i];
            const struct wess_field *other = part(y, f.name);
            struct wess_field g = other ? *other : (struct wess_field){.type = WESS_NULL};
            /* An address is its key: folded, it is the same however it is written. */
            if (!strcmp(f.name, "pref") || (p->def->form == FORM_MAIL && !strcmp(f.name, "value")))
                continue;
            if (is_phone(p))
                f.name = g.name = "phone"; /* compared as a number */
            if (!field_equal(&f, &g))
                return false;
        }
    }
    return true;
}

static void collect(struct work *w, const struct pairing *p, struct elements *e)
{
    const struct wess_field *all[] = {p->now[LEFT], p->now[RIGHT], p->shadow[LEFT],
                                      p->shadow[RIGHT]};
    size_t cap = 1;
    for (size_t i = 0; i < 4; i++)
        cap += all[i] && all[i]->type == WESS_RECORDS ? all[i]->records.n : 0;
    e->n = 0;
    e->of = arena_alloc(w->a, cap * sizeof(*e->of));
    w->spent |= !e->of;
    for (size_t i = 0; e->of && i < 4; i++)
        for (size_t k = 0; all[i] && all[i]->type == WESS_RECORDS && k < all[i]->records.n; k++) {
            const char *key = all[i]->records.of[k].key;
            bool known = false;
            for (size_t x = 0; x < e->n; x++)
                known |= !strcmp(e->of[x].key, key);
            if (known)
                continue;
            struct element *el = &e->of[e->n++];
            *el = (struct element){.key = key};
            for (int s = LEFT; s <= RIGHT; s++) {
                el->now[s] = find(p->now[s], key);
                el->shadow[s] = find(p->shadow[s], key);
            }
        }
}

static bool holds(const struct wess_field_schema *s, const char *key)
{
    for (size_t i = 0; s && i < s->allowed.n; i++)
        if (!strcmp(s->allowed.of[i], key))
            return true;
    return s && !s->allowed.n;
}

static const char *element_name(struct work *w, const struct pairing *p, const char *key)
{
    const char *name = arena_fmt(w->a, "%s.%s", p->name[LEFT], key);
    w->spent |= !name;
    return name ? name : p->name[LEFT];
}

/* Of "FIELD.PART", which is looked for in every element of every item. */
static const struct wess_field_schema *schema_of_part(const struct side_in *side, const char *field,
                                                      const char *part)
{
    size_t len = strlen(field);
    for (size_t i = 0; i < side->n_schema; i++) {
        const char *name = side->schema[i].name;
        if (*name == *field && !strncmp(name, field, len) && name[len] == '.' &&
            !strcmp(name + len + 1, part))
            return &side->schema[i];
    }
    return NULL;
}

/* A text of the element that is longer than that side holds. */
static bool element_fits(struct work *w, const struct pairing *p, enum side to,
                         const struct wess_record *r)
{
    for (size_t i = 0; r && i < r->n; i++) {
        struct pairing sub = *p;
        const struct wess_field_schema *s =
            schema_of_part(&w->in->side[to], p->name[to], r->fields[i].name);
        sub.schema[to] = s ? s : p->schema[to];
        if (!fits(w, &sub, to, &r->fields[i]))
            return false;
    }
    return true;
}

/* ---- one element
 * ------------------------------------------------------------------------------------------ */

static void keep(struct element *e)
{
    for (int s = LEFT; s <= RIGHT; s++)
        e->want[s] = e->after[s] = e->until[s] = e->now[s];
}

static void wait(struct element *e)
{
    for (int s = LEFT; s <= RIGHT; s++) {
        e->want[s] = e->now[s];
        e->after[s] = e->until[s] = e->shadow[s];
    }
    e->waits = true;
}

/* `value` (NULL: absent) is what the other side of `from` is to show. */
static void carry(struct work *w, const struct pairing *p, struct element *e, enum side from,
                  const struct wess_record *value)
{
    enum side to = opposite(from);
    if (!may_go(w, p, e->key, to)) {
        keep(e);
        return;
    }
    if (w->in->side[to].locked || is_parked(w, p, e->key, to) || !element_fits(w, p, to, value)) {
        wait(e);
    } else {
        e->want[to] = e->after[to] = value;
        e->want[from] = e->after[from] = e->now[from];
        e->until[from] = e->shadow[from];
    }
    /* In a first merge, so that a merge after a cut comes to the same. */
    e->until[to] = w->first ? e->now[to] : e->shadow[to];
    if (e->waits)
        e->after[to] = e->until[to];
}

static int by_part_name(const void *a, const void *b)
{
    return strcmp(((const struct wess_field *)a)->name, ((const struct wess_field *)b)->name);
}

/* Field by field for that side: what only one changed, and what nobody changed as this side has it.
 * NULL: both changed one of them, unlike. */
static const struct wess_record *blend(struct work *w, const struct element *e, enum side to)
{
    size_t cap = 0, n = 0;
    for (int s = LEFT; s <= RIGHT; s++)
        cap += e->now[s]->n;
    struct wess_record *out = arena_alloc(w->a, sizeof(*out));
    struct wess_field *of = arena_alloc(w->a, (cap + 1) * sizeof(*of));
    if (!out || !of) {
        w->spent = true;
        return NULL;
    }
    for (int s = LEFT; s <= RIGHT; s++)
        for (size_t i = 0; i < e->now[s]->n; i++) {
            const char *name = e->now[s]->fields[i].name;
            const struct wess_field *l = part(e->now[LEFT], name), *r = part(e->now[RIGHT], name);
            bool left_changed = !field_equal(l, part(e->shadow[LEFT], name));
            bool right_changed = !field_equal(r, part(e->shadow[RIGHT], name));
            const struct wess_field *own = to == LEFT ? l : r;
            const struct wess_field *value = left_changed ? l : right_changed ? r : own;
            bool known = false;
            for (size_t k = 0; k < n; k++)
                known |= !strcmp(of[k].name, name);
            if (known)
                continue;
            if (strcmp(name, "pref") && left_changed && right_changed && !field_equal(l, r))
                return NULL;
            if (value)
                of[n++] = *value;
        }
    qsort(of, n, sizeof(*of), by_part_name); /* canonical, whichever side a part came from */
    *out = (struct wess_record){e->key, of, n};
    return out;
}

static const struct wess_field *as_field(struct work *w, const struct pairing *p,
                                         const struct wess_record *r)
{
    struct wess_field *f = r ? arena_alloc(w->a, sizeof(*f)) : NULL;
    w->spent |= r && !f;
    if (f)
        *f = (struct wess_field){.name = p->name[LEFT], .type = WESS_RECORDS, .records = {r, 1}};
    return f;
}

/* A person's value: the text of the element. */
static const struct wess_record *from_decision(struct work *w, const struct element *e,
                                               const struct decision *d)
{
    struct wess_record *r = arena_alloc(w->a, sizeof(*r));
    struct wess_field *f = arena_alloc(w->a, sizeof(*f));
    if (!r || !f) {
        w->spent = true;
        return NULL;
    }
    *f = d->value;
    f->name = "value";
    f->type = WESS_TEXT;
    *r = (struct wess_record){e->key, f, d->value.type == WESS_NULL ? 0 : 1};
    return r->n ? r : NULL;
}

static void both_want(struct work *w, const struct pairing *p, struct element *e,
                      const struct wess_record *left, const struct wess_record *right)
{
    const struct wess_record *value[] = {left, right};
    for (int s = LEFT; s <= RIGHT; s++)
        if (w->in->side[s].locked || !may_go(w, p, e->key, (enum side)s) ||
            !element_fits(w, p, (enum side)s, value[s])) {
            wait(e);
            return;
        }
    for (int s = LEFT; s <= RIGHT; s++) {
        e->want[s] = e->after[s] = value[s];
        e->until[s] = e->shadow[s];
    }
}

static bool still_says(struct work *w, const struct pairing *p, const struct element *e,
                       const struct decision *d)
{
    const struct wess_field *now[] = {as_field(w, p, e->now[LEFT]), as_field(w, p, e->now[RIGHT])};
    bool value = d->take == TAKE_VALUE;
    return decision_stands(d, now, value ? as_field(w, p, from_decision(w, e, d)) : NULL);
}

static void clash(struct work *w, const struct pairing *p, struct element *e)
{
    const char *name = element_name(w, p, e->key);
    const struct decision *said = decision_of(w->in, name);
    const struct decision *d = said && still_says(w, p, e, said) ? said : NULL;
    /* An edit beats a removal. */
    if (!d && (!e->now[LEFT] || !e->now[RIGHT])) {
        enum side edited = e->now[LEFT] ? LEFT : RIGHT;
        carry(w, p, e, edited, e->now[edited]);
        return;
    }
    bool two = e->now[LEFT] && e->now[RIGHT];
    const struct wess_record *l = two ? blend(w, e, LEFT) : NULL;
    const struct wess_record *r = l ? blend(w, e, RIGHT) : NULL;
    if (!d && l && r) {
        both_want(w, p, e, l, r);
        return;
    }
    int wins = said ? -1 : winner(w, p, e->key);
    if (d && d->take == TAKE_VALUE) {
        const struct wess_record *value = from_decision(w, e, d);
        both_want(w, p, e, value, value);
    } else if (d && d->take == TAKE_BOTH)
        keep(e);
    else if (d || wins >= 0) {
        enum side from = d ? (d->take == TAKE_LEFT ? LEFT : RIGHT) : (enum side)wins;
        carry(w, p, e, from, e->now[from]);
    } else {
        work_conflict(w, name, as_field(w, p, e->shadow[LEFT]), as_field(w, p, e->now[LEFT]),
                      as_field(w, p, e->now[RIGHT]));
        wait(e);
    }
}

static void merge_element(struct work *w, const struct pairing *p, struct element *e)
{
    bool l = !same(p, e->now[LEFT], e->shadow[LEFT]);
    bool r = !same(p, e->now[RIGHT], e->shadow[RIGHT]);
    if (!holds(p->schema[LEFT], e->key) || !holds(p->schema[RIGHT], e->key) || (!l && !r) ||
        same(p, e->now[LEFT], e->now[RIGHT]))
        keep(e);
    else if (w->first && w->in->first_empty == EMPTY_LEAVE && (!e->now[LEFT] || !e->now[RIGHT]))
        keep(e);
    else if (l != r)
        carry(w, p, e, l ? LEFT : RIGHT, e->now[l ? LEFT : RIGHT]);
    else
        clash(w, p, e);
}

/* ---- room
 * ---------------------------------------------------------------------------------------------------
 */

/* Additions beyond what a side can hold wait, the last in the order first. */
static void make_room(struct work *w, const struct pairing *p, struct elements *e, enum side to)
{
    uint32_t max = p->schema[to] ? p->schema[to]->max_n : 0;
    size_t n = 0;
    bool told = false;
    for (size_t i = 0; i < e->n; i++)
        n += e->of[i].want[to] != NULL;
    while (max && n > max) {
        struct element *last = NULL;
        for (size_t i = 0; i < e->n; i++) {
            struct element *x = &e->of[i];
            if (x->want[to] && !x->now[to] && (!last || pref(x->want[to]) >= pref(last->want[to])))
                last = x;
        }
        if (!last)
            break;
        wait(last);
        n--;
        if (!told)
            work_too_long(w, to, p->name[to], "that side has no room, elements at most: ", max);
        told = true;
    }
}

/* ---- edits that wait
 * ------------------------------------------------------------------------------------------------
 */

/* An edit of that side that has not travelled. */
static bool is_edit(const struct work *w, const struct pairing *p, const struct element *e,
                    enum side s)
{
    enum side other = opposite(s);
    if (!e->waits || same(p, e->now[s], e->shadow[s]))
        return false;
    /* Both changed it; or it may well go later: what a locked side does not take, and an addition
     * without room, may wait for ever, and must not stop the rest. */
    return !same(p, e->now[other], e->shadow[other]) ||
           (!w->in->side[other].locked && e->shadow[s]);
}

/* A field that we wrote is unseen as a whole, and what it then shows is taken for ours. So a side
 * with an edit that waits is not written: the edit would be taken for ours too, and be overwritten
 * unasked. What was to go there waits with it. */
static void hold_back(const struct work *w, const struct pairing *p, struct elements *e,
                      bool held[2])
{
    bool more = true;
    held[LEFT] = held[RIGHT] = false;
    while (more) {
        more = false;
        for (int s = LEFT; s <= RIGHT; s++) {
            for (size_t i = 0; i < e->n; i++)
                held[s] |= is_edit(w, p, &e->of[i], (enum side)s);
            for (size_t i = 0; held[s] && i < e->n; i++)
                if (e->of[i].want[s] != e->of[i].now[s]) {
                    wait(&e->of[i]);
                    more = true;
                }
        }
    }
}

/* ---- order
 * --------------------------------------------------------------------------------------------------
 */

struct placed {
    const struct wess_record *record;
    int64_t at;
};
static int by_place(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    return x->at < y->at ? -1 : x->at > y->at ? 1 : strcmp(x->record->key, y->record->key);
}

static bool order_changed(const struct elements *e, enum side s)
{
    for (size_t i = 0; i < e->n; i++)
        for (size_t k = 0; k < e->n; k++) {
            const struct element *a = &e->of[i], *b = &e->of[k];
            if (!a->now[s] || !b->now[s] || !a->shadow[s] || !b->shadow[s])
                continue;
            if ((pref(a->now[s]) < pref(b->now[s])) != (pref(a->shadow[s]) < pref(b->shadow[s])))
                return true;
        }
    return false;
}

static const struct wess_record *with_pref(struct work *w, const struct wess_record *r, int64_t n)
{
    struct wess_record *out = arena_alloc(w->a, sizeof(*out));
    struct wess_field *of = arena_alloc(w->a, (r->n + 1) * sizeof(*of));
    if (!out || !of) {
        w->spent = true;
        return r;
    }
    memcpy(of, r->fields, r->n * sizeof(*of));
    for (size_t i = 0; i < r->n; i++)
        if (!strcmp(of[i].name, "pref"))
            of[i].num = n;
    *out = (struct wess_record){r->key, of, r->n};
    return out;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct wess_record *)a)->key, ((const struct wess_record *)b)->key);
}

enum which { WANT, AFTER, UNTIL };

/* The list of a side: its own order, or the other's where only that was changed; new ones behind.
 */
static const struct wess_field *list(struct work *w, const struct pairing *p,
                                     const struct elements *e, enum side s, enum which which,
                                     bool follow)
{
    struct wess_field *f = arena_alloc(w->a, sizeof(*f));
    struct wess_record *of = arena_alloc(w->a, (e->n + 1) * sizeof(*of));
    struct placed *order = arena_alloc(w->a, (e->n + 1) * sizeof(*order));
    size_t n = 0;
    int64_t next = 1;
    if (!f || !of || !order) {
        w->spent = true;
        return NULL;
    }
    for (size_t i = 0; i < e->n; i++) {
        const struct element *x = &e->of[i];
        const struct wess_record *r = which == WANT    ? x->want[s]
                                      : which == AFTER ? x->after[s]
                                                       : x->until[s];
        const struct wess_record *place = follow ? x->now[opposite(s)] : x->now[s];
        int64_t at = place ? pref(place) : INT64_MAX - 1;
        /* Behind what is there, in the order of where it comes from. */
        if (!place && r && pref(r) != INT64_MAX)
            at = INT64_MAX / 2 + pref(r);
        if (r)
            order[n++] = (struct placed){r, at};
    }
    qsort(order, n, sizeof(*order), by_place);
    for (size_t i = 0; i < n; i++)
        of[i] = *(pref(order[i].record) == INT64_MAX ? order[i].record
                                                     : with_pref(w, order[i].record, next++));
    qsort(of, n, sizeof(*of), by_key);
    *f = (struct wess_field){.name = p->name[s], .type = WESS_RECORDS, .records = {of, n}};
    return n ? f : NULL;
}

/* ---- the field
 * ------------------------------------------------------------------------------------------------
 */

void merge_records(struct work *w, const struct pairing *p)
{
    struct elements e;
    const struct wess_field *want[2], *after[2];
    bool writes[2], follow[2], moved[2], held[2], waits = false;
    collect(w, p, &e);
    for (size_t i = 0; !w->spent && i < e.n; i++)
        merge_element(w, p, &e.of[i]);
    if (w->spent)
        return;
    for (int s = LEFT; s <= RIGHT; s++) {
        make_room(w, p, &e, (enum side)s);
        moved[s] = !w->first && order_changed(&e, (enum side)s);
    }
    hold_back(w, p, &e, held);
    for (size_t i = 0; i < e.n; i++)
        waits |= e.of[i].waits;
    for (int s = LEFT; s <= RIGHT; s++) {
        enum side to = (enum side)s;
        follow[s] = !held[s] && moved[opposite(to)] && !moved[s] && may_go(w, p, NULL, to) &&
                    !w->in->side[s].locked && !is_parked(w, p, NULL, to);
        want[s] = list(w, p, &e, to, WANT, follow[s]);
        after[s] = list(w, p, &e, to, AFTER, follow[s]);
        writes[s] = !field_equal(want[s], p->now[s]);
    }
    for (int s = LEFT; s <= RIGHT; s++) {
        bool open = writes[LEFT] || writes[RIGHT] || waits;
        const struct wess_field *until = follow[LEFT] || follow[RIGHT]
                                             ? p->shadow[s]
                                             : list(w, p, &e, (enum side)s, UNTIL, false);
        if (writes[s])
            work_patch(w, p, (enum side)s, want[s]);
        settle(w, p, (enum side)s, open ? until : p->now[s], after[s]);
    }
}

const struct wess_field *create_records(struct work *w, const struct pairing *p, enum side to,
                                        const struct wess_field *value,
                                        const struct wess_field **kept)
{
    enum side from = opposite(to);
    struct elements e;
    collect(w, p, &e);
    for (size_t i = 0; !w->spent && i < e.n; i++) {
        struct element *x = &e.of[i];
        x->want[from] = x->after[from] = x->now[from];
        if (!holds(p->schema[to], x->key))
            continue;
        if (is_parked(w, p, x->key, to) || !element_fits(w, p, to, x->now[from]))
            wait(x);
        else
            x->want[to] = x->after[to] = x->now[from];
    }
    (void)value;
    if (w->spent)
        return NULL;
    make_room(w, p, &e, to);
    *kept = list(w, p, &e, from, AFTER, false);
    return list(w, p, &e, to, WANT, false);
}
