/* What goes again with a new start (WESS_FIELD_WITH_START): a reminder that would be of the past
 * now, or no longer is. As with any write, what the remote makes of it is no change of its own. */
#include "engine/reconcile_work.h"

#include <string.h>

static const struct wess_field *field_of(const struct fields *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (!strcmp(f->of[i].name, name))
            return &f->of[i];
    return NULL;
}

/* As both sides show it. false: it goes by itself, or waits for a person. */
static bool is_settled(const struct work *w, struct pairing *p)
{
    for (int s = LEFT; s <= RIGHT; s++) {
        const struct side_in *in = &w->in->side[s];
        p->schema[s] = schema_of(in, p->name[s]);
        p->now[s] = content_get(in->now ? in->now : in->shadow, p->name[s]);
        if (field_of(&w->patch[s], p->name[s]) ||
            !field_equal(field_of(&w->settled[s], p->name[s]), p->now[s]))
            return false;
    }
    return true;
}

/* The other side's value, or its own. */
static void go_with(struct work *w, const char *name, enum side to)
{
    struct pairing p = {.name = {name, name}, .rule = rule_of(w->in, name)};
    if (!is_settled(w, &p) || !may_go(w, &p, NULL, to) || is_parked(w, &p, NULL, to))
        return;
    const struct wess_field *value = p.now[opposite(to)] ? p.now[opposite(to)] : p.now[to];
    if (!value)
        return;
    work_patch(w, &p, to, value);
    w->unsorted = true;
}

void go_along(struct work *w)
{
    for (int s = LEFT; s <= RIGHT; s++) {
        const struct side_in *in = &w->in->side[s];
        for (size_t i = 0; field_of(&w->patch[s], "start") && i < in->n_schema; i++)
            if (in->schema[i].flags & WESS_FIELD_WITH_START)
                go_with(w, in->schema[i].name, (enum side)s);
    }
}
