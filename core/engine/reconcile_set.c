/* Sets: element by element; both sides' additions and removals hold. */
#include <stdlib.h>
#include <string.h>

#include "engine/reconcile_work.h"

struct element {
    const char *text, *fold;
};
struct set {
    struct element *of;
    size_t n;
};

static struct set load(struct work *w, const struct wess_field *f)
{
    struct set s = {NULL, 0};
    if (!f || f->type != WESS_SET)
        return s;
    s.of = arena_alloc(w->a, (f->set.n + 1) * sizeof(*s.of));
    for (size_t i = 0; s.of && i < f->set.n; i++) {
        s.of[i] = (struct element){f->set.of[i], text_fold(w->a, f->set.of[i])};
        w->spent |= !s.of[i].fold;
        s.n++;
    }
    w->spent |= !s.of;
    if (w->spent)
        s.n = 0;
    return s;
}

static bool has(const struct set *s, const char *fold)
{
    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(s->of[i].fold, fold))
            return true;
    return false;
}

static int by_fold(const void *a, const void *b)
{
    return strcmp(((const struct element *)a)->fold, ((const struct element *)b)->fold);
}

/* now + what the other side added - what it removed. */
static struct set desired(struct work *w, const struct set *now, const struct set *other_now,
                          const struct set *other_shadow)
{
    struct set out = {arena_alloc(w->a, (now->n + other_now->n + 1) * sizeof(*out.of)), 0};
    if (!out.of) {
        w->spent = true;
        return out;
    }
    for (size_t i = 0; i < now->n; i++)
        if (!has(other_shadow, now->of[i].fold) || has(other_now, now->of[i].fold))
            out.of[out.n++] = now->of[i];
    for (size_t i = 0; i < other_now->n; i++)
        if (!has(other_shadow, other_now->of[i].fold) && !has(&out, other_now->of[i].fold))
            out.of[out.n++] = other_now->of[i];
    qsort(out.of, out.n, sizeof(*out.of), by_fold);
    return out;
}

static const struct wess_field *field_from(struct work *w, const char *name, const struct set *s)
{
    struct wess_field *f = arena_alloc(w->a, sizeof(*f));
    const char **of = arena_alloc(w->a, (s->n + 1) * sizeof(*of));
    if (!f || !of) {
        w->spent = true;
        return NULL;
    }
    for (size_t i = 0; i < s->n; i++)
        of[i] = s->of[i].text;
    *f = (struct wess_field){.name = name, .type = WESS_SET, .set = {of, s->n}};
    return s->n ? f : NULL;
}

static bool equal(const struct set *a, const struct set *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!has(b, a->of[i].fold))
            return false;
    return true;
}

void merge_set(struct work *w, const struct pairing *p)
{
    struct set now[2], shadow[2], want[2];
    bool writes[2], waits = false;
    for (int s = LEFT; s <= RIGHT; s++) {
        now[s] = load(w, p->now[s]);
        shadow[s] = load(w, p->shadow[s]);
    }
    for (int s = LEFT; s <= RIGHT; s++) {
        enum side to = (enum side)s, from = opposite(to);
        bool goes = may_go(w, p, NULL, to);
        want[s] = goes ? desired(w, &now[s], &now[from], &shadow[from]) : now[s];
        writes[s] = goes && !equal(&want[s], &now[s]);
        if (writes[s] && (w->in->side[s].locked || is_parked(w, p, NULL, to))) {
            writes[s] = false;
            waits = true;
        }
    }
    for (int s = LEFT; s <= RIGHT; s++) {
        const struct wess_field *after = field_from(w, p->name[s], &want[s]);
        bool any = writes[LEFT] || writes[RIGHT];
        if (writes[s])
            work_patch(w, p, (enum side)s, after);
        settle(w, p, (enum side)s, waits || any ? p->shadow[s] : p->now[s],
               waits ? p->shadow[s] : after);
    }
}
