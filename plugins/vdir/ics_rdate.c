/* Added occurrences (RDATE, RFC 5545 3.8.5.2): a set of local times by the clocks of the series, or
 * of days. Periods are kept, and not shown. */
#include <stdlib.h>
#include <string.h>

#include "ics.h"

/* How one is told: "2030-09-20T15:00:00", "2030-09-20". */
static bool moment_of(struct ics *ics, const struct line *l, struct wess_slice value,
                      const struct ics_moment *start, struct ics_moment *out)
{
    if (!ics_moment(ics, l, value, out))
        return false;
    ics_in_zone(ics, start->zone, out);
    return true;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void ics_read_rdate(struct ics_reading *r, const struct ics_field *f)
{
    const struct lines *v = r->ics.v;
    struct wess_vec found = {.size = sizeof(const char *)};
    struct ics_moment start, m;
    size_t kept = 0;
    if (!ics_moment_of(&r->ics, r->ics.main, "DTSTART", &start))
        return;
    for (size_t i = ics_find(v, r->ics.main, f->property, 0); i != LINES_NONE;
         i = ics_find(v, r->ics.main, f->property, i + 1)) {
        struct wess_slice rest = v->lines[i].value, one;
        while (!r->spent && lines_next_in_list(&rest, &one)) {
            if (!moment_of(&r->ics, &v->lines[i], one, &start, &m))
                continue;
            const char **new = wess_vec_push(r->host, r->call->arena, &found);
            if (new)
                *new = wess_arena_text(r->host, r->call->arena, m.local);
            r->spent |= !new || !*new;
        }
    }
    const char **of = found.of;
    if (!found.n || r->spent)
        return;
    qsort(of, found.n, sizeof(*of), by_text);
    for (size_t i = 0; i < found.n; i++)
        if (!kept || strcmp(of[i], of[kept - 1]))
            of[kept++] = of[i];
    struct wess_field *out = ics_push(r, f->name, WESS_SET);
    if (out)
        out->set = (struct wess_list){of, kept};
}

/* ---- writing
 * ------------------------------------------------------------------------------------------ */

struct wanted {
    struct ics_edit *x;
    struct ics_moment start;
    const struct wess_list *set; /* NULL: none */
    bool *seen;
};

static size_t place_of(const struct wanted *w, const char *local)
{
    for (size_t i = 0; w->set && i < w->set->n; i++)
        if (!strcmp(w->set->of[i], local))
            return i;
    return LINES_NONE;
}

/* The line without what is not wanted; as it is where all of it is. */
static void sift(struct wanted *w, size_t line)
{
    static const char *const none[] = {NULL};
    struct ics_edit *x = w->x;
    const struct line *l = &x->ics.v->lines[line];
    struct wess_slice rest = l->value, one;
    bool changed = false, any = false;
    edit_fresh(&x->e);
    ics_put_head(&x->e.text, l, none);
    lines_puts(&x->e.text, ":");
    while (lines_next_in_list(&rest, &one)) {
        struct ics_moment m;
        bool known = moment_of(&x->ics, l, one, &w->start, &m);
        size_t at = known ? place_of(w, m.local) : LINES_NONE;
        if (known && at == LINES_NONE) {
            changed = true;
            continue;
        }
        if (known)
            w->seen[at] = true;
        lines_puts(&x->e.text, any ? "," : "");
        lines_put(&x->e.text, one.data, one.len);
        any = true;
    }
    if (changed && !any)
        x->ics.v->lines[line].dropped = true;
    else if (changed)
        ics_put(x, x->ics.main, line);
}

static bool read_wanted(const struct wanted *w, const char *local, struct ics_moment *m)
{
    const struct wess_field f = {.type = w->start.is_date ? WESS_DATE : WESS_TIME,
                                 .str = {local, strlen(local)}};
    struct wess_field t = f;
    if (f.type == WESS_TIME)
        t.time = (struct wess_time){local, *w->start.zone ? w->start.zone : NULL, 0};
    return ics_moment_of_field(&t, m);
}

static void add_others(struct wanted *w, const char *field)
{
    struct ics_edit *x = w->x;
    bool any = false;
    edit_fresh(&x->e);
    for (size_t i = 0; w->set && i < w->set->n; i++) {
        struct ics_moment m;
        if (w->seen[i])
            continue;
        if (!read_wanted(w, w->set->of[i], &m)) {
            ics_refuse(x, field, "no time of the kind that the series has");
            return;
        }
        lines_puts(&x->e.text, any ? "," : "RDATE");
        if (!any)
            ics_put_zone(&x->ics, &x->e.text, &m);
        ics_put_value(&x->e.text, &m);
        any = true;
    }
    if (any)
        ics_put(x, x->ics.main, LINES_NONE);
}

void ics_write_rdate(struct ics_edit *x, const struct ics_field *f, const struct wess_field *want)
{
    struct wanted w = {.x = x, .set = want->type == WESS_SET ? &want->set : NULL};
    size_t n = w.set ? w.set->n : 0;
    w.seen = x->e.host->alloc(x->e.call->arena, n + 1);
    x->e.spent |= !w.seen;
    if (x->e.spent || !ics_moment_of(&x->ics, x->ics.main, "DTSTART", &w.start))
        return;
    memset(w.seen, 0, n + 1);
    for (size_t i = ics_find(x->ics.v, x->ics.main, f->property, 0); i != LINES_NONE;
         i = ics_find(x->ics.v, x->ics.main, f->property, i + 1))
        sift(&w, i);
    add_others(&w, f->name);
}
