/* Writing through series.h: what is written to an occurrence becomes an override of its series, all
 * of a batch that are of one series in one operation of it. */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "host/series.h"

#define PARTS_MOST 8u
#define NO_PLACE "an occurrence of a series has no place of its own for it"

/* What an override can say (struct wess_record). */
static const char *const parts[] = {"start", "end", "summary", "location", "busystatus"};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

struct whole { /* a series of which something is written */
    const char *id;
    const struct wess_item *now;
    struct wess_record *of; /* its overrides as they will be */
    size_t n;
    bool written;
    size_t at; /* of its operation */
    uint32_t flags;
};
struct writing {
    struct wess_arena *a;
    const struct wess_op *ops;
    struct wess_result *out;
    const char **day;     /* of each operation; NULL: it is of no series */
    struct whole **whole; /* of each */
    struct whole *of;
    size_t n_of;
};

static bool is_part(const char *name)
{
    for (size_t i = 0; i < PARTS; i++)
        if (!strcmp(parts[i], name))
            return true;
    return false;
}

static const struct wess_field *field_in(const struct wess_field *f, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(f[i].name, name))
            return &f[i];
    return NULL;
}

/* ---- one override
 * ------------------------------------------------------------------------------------------ */

static struct wess_record *record_for(struct writing *w, struct whole *s, const char *day)
{
    for (size_t i = 0; i < s->n; i++)
        if (!strncmp(s->of[i].key, day, SERIES_DAY))
            return &s->of[i];
    s->of[s->n] = (struct wess_record){.key = arena_text(w->a, day)};
    return s->of[s->n].key ? &s->of[s->n++] : NULL;
}

/* In place of what was said of it: its times are told both, the rest where it was or is unlike. */
static bool put_parts(struct writing *w, struct wess_record *r, const struct wess_op *op,
                      const struct wess_item *now)
{
    struct wess_field *f = arena_alloc(w->a, PARTS_MOST * sizeof(*f));
    size_t n = 0;
    if (!f)
        return false;
    for (size_t i = 0; i < PARTS; i++) {
        const struct wess_field *said = field_in(op->item.fields, op->item.n_fields, parts[i]);
        const struct wess_field *is = series_field(now, parts[i]);
        const struct wess_field *own = field_in(r->fields, r->n, parts[i]);
        bool time = !strcmp(parts[i], "start") || !strcmp(parts[i], "end");
        if (said && said->type != WESS_NULL)
            f[n++] = *said;
        else if (!said && (time ? is : own))
            f[n++] = time ? *is : *own;
    }
    r->fields = f;
    r->n = n;
    return true;
}

static bool put_gone(struct writing *w, struct wess_record *r)
{
    struct wess_field *f = arena_alloc(w->a, sizeof(*f));
    if (!f)
        return false;
    *f = (struct wess_field){.name = "status", .type = WESS_TEXT, .str = {"CANCELLED", 9}};
    r->fields = f;
    r->n = 1;
    return true;
}

/* What the series cannot say of one is refused, and parked; the rest is written. */
static bool refuse_others(struct writing *w, size_t i, size_t *left)
{
    const struct wess_item *item = &w->ops[i].item;
    struct wess_refused *of = arena_alloc(w->a, (item->n_fields + 1) * sizeof(*of));
    struct wess_result *out = &w->out[i];
    *left = 0;
    if (!of)
        return false;
    for (size_t k = 0; k < item->n_fields; k++) {
        if (is_part(item->fields[k].name))
            ++*left;
        else
            of[out->n_refused++] =
                (struct wess_refused){item->fields[k].name, NO_PLACE, "occurrence"};
    }
    out->refused = of;
    return true;
}

/* The occurrence as it is now; NULL: it is none, or memory is out. */
static const struct wess_item *one_now(struct writing *w, const struct whole *s, const char *day)
{
    const struct series_window none = {.from_ms = 1, .until_ms = 0, .most = 1};
    const struct wess_list also = {&day, 1};
    struct series_list l;
    const char *why;
    if (!series_is(s->now) || !series_expand(w->a, s->now, &none, &also, &l, &why) || !l.n ||
        !series_item(w->a, s->now, &l.of[0]))
        return NULL;
    return &l.of[0].item;
}

/* Into the overrides of its series, or its own verdict. */
static enum wess_code put_one(struct writing *w, size_t i)
{
    const struct wess_op *op = &w->ops[i];
    struct whole *s = w->whole[i];
    struct wess_result *out = &w->out[i];
    const struct wess_item *now = one_now(w, s, w->day[i]);
    const char *base = op->before ? op->before->revision : NULL;
    size_t left = 1;
    if (arena_refused(w->a) != ARENA_GAVE)
        return WESS_TOO_BIG;
    out->code = WESS_GONE;
    if (!now)
        return WESS_OK;
    out->code = WESS_CONFLICT;
    if (base && strcmp(base, now->revision) != 0)
        return WESS_OK;
    if (op->what == WESS_UPDATE && !refuse_others(w, i, &left))
        return WESS_TOO_BIG;
    out->code = WESS_REJECTED;
    out->text = NO_PLACE;
    if (!left)
        return WESS_OK;
    out->text = NULL;
    struct wess_record *r = record_for(w, s, w->day[i]);
    if (!r || !(op->what == WESS_DELETE ? put_gone(w, r) : put_parts(w, r, op, now)))
        return WESS_TOO_BIG;
    out->code = WESS_UNKNOWN;
    s->written = true;
    s->flags |= op->flags & WESS_OP_MAY_TELL;
    return WESS_OK;
}

/* ---- the batch
 * ------------------------------------------------------------------------------------------ */

static bool make(struct writing *w, size_t n)
{
    const char *day;
    w->day = arena_alloc(w->a, (n + 1) * sizeof(*w->day));
    w->whole = arena_alloc(w->a, (n + 1) * sizeof(struct whole *));
    w->of = arena_alloc(w->a, (n + 1) * sizeof(*w->of));
    if (!w->day || !w->whole || !w->of)
        return false;
    for (size_t i = 0; i < n; i++) {
        const char *id = w->ops[i].what == WESS_CREATE ? NULL : w->ops[i].item.id;
        const char *series = id ? series_of_id(w->a, id, &day) : NULL;
        size_t k = 0;
        if (!series)
            continue;
        while (k < w->n_of && strcmp(w->of[k].id, series) != 0)
            k++;
        w->n_of += k == w->n_of;
        w->of[k].id = series;
        w->whole[i] = &w->of[k];
        w->day[i] = day;
    }
    return true;
}

/* Room for its overrides and one more of each operation. */
static bool take_overrides(struct writing *w, struct whole *s, size_t n)
{
    const struct wess_field *f = series_field(s->now, "overrides");
    size_t had = f && f->type == WESS_RECORDS ? f->records.n : 0;
    s->of = arena_alloc(w->a, (had + n + 1) * sizeof(*s->of));
    if (s->of && had)
        memcpy(s->of, f->records.of, had * sizeof(*s->of));
    s->n = had;
    return s->of != NULL;
}

static enum wess_code read_wholes(struct writing *w, struct conn *c, const char *collection,
                                  size_t n, struct wess_error *e)
{
    const char **ids = arena_alloc(w->a, (w->n_of + 1) * sizeof(*ids));
    struct wess_result *res = arena_alloc(w->a, (w->n_of + 1) * sizeof(*res));
    if (!ids || !res)
        return WESS_TOO_BIG;
    for (size_t k = 0; k < w->n_of; k++)
        ids[k] = w->of[k].id;
    enum wess_code rc =
        raw_fetch_all(c, collection, w->a, 0, (struct wess_list){ids, w->n_of}, res, e);
    for (size_t k = 0; rc == WESS_OK && k < w->n_of; k++) {
        w->of[k].now = res[k].code == WESS_OK ? res[k].current : NULL;
        if (w->of[k].now && !take_overrides(w, &w->of[k], n))
            rc = WESS_TOO_BIG;
        for (size_t i = 0; !w->of[k].now && i < n; i++)
            if (w->whole[i] == &w->of[k])
                w->out[i].code = res[k].code == WESS_GONE ? WESS_GONE : WESS_NOT_TRIED;
    }
    return rc;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct wess_record *)a)->key, ((const struct wess_record *)b)->key);
}

/* The operation on the series: its overrides, whole. */
static bool op_of(struct writing *w, struct whole *s, struct wess_op *out)
{
    struct wess_field *f = arena_alloc(w->a, sizeof(*f));
    if (!f)
        return false;
    qsort(s->of, s->n, sizeof(*s->of), by_key);
    *f = (struct wess_field){.name = "overrides", .type = WESS_RECORDS, .records = {s->of, s->n}};
    *out = (struct wess_op){.what = WESS_UPDATE,
                            .flags = s->flags,
                            .before = s->now,
                            .item = {.id = s->id,
                                     .revision = s->now->revision,
                                     .kind = s->now->kind,
                                     .fields = f,
                                     .n_fields = 1}};
    return true;
}

/* "overrides.2030-09-02", or all of them. */
static bool refuses(const struct wess_result *r, const char *day, const char **text)
{
    for (size_t i = 0; i < r->n_refused; i++) {
        const char *dot = strchr(r->refused[i].field, '.');
        if (dot && strncmp(dot + 1, day, SERIES_DAY) != 0)
            continue;
        *text = r->refused[i].text;
        return true;
    }
    return false;
}

static void tell(struct writing *w, size_t i, const struct wess_result *series)
{
    struct wess_result *out = &w->out[i];
    const char *text = series->text;
    out->code = series->code;
    out->remote_code = series->remote_code;
    out->request = series->request;
    if (series->code == WESS_OK && refuses(series, w->day[i], &text))
        out->code = WESS_REJECTED;
    out->text = series->code == WESS_OK && out->code == WESS_OK ? NULL : text;
    out->id = out->revision = NULL; /* of the series; what one shows is read */
    out->current = NULL;
}

static enum wess_code send(struct writing *w, struct conn *c, const char *collection, size_t n,
                           struct wess_error *e)
{
    struct wess_op *ops = arena_alloc(w->a, (n + 1) * sizeof(*ops));
    struct wess_result *res = arena_alloc(w->a, (n + 1) * sizeof(*res));
    size_t *at = arena_alloc(w->a, (n + 1) * sizeof(*at)), some = 0;
    if (!ops || !res || !at)
        return WESS_TOO_BIG;
    for (size_t i = 0; i < n; i++) {
        if (!w->whole[i]) {
            ops[at[i] = some++] = w->ops[i];
            w->out[i].code = WESS_UNKNOWN;
        }
    }
    for (size_t k = 0; k < w->n_of; k++)
        if (w->of[k].written && !op_of(w, &w->of[k], &ops[w->of[k].at = some++]))
            return WESS_TOO_BIG;
    enum wess_code rc = some ? raw_apply(c, collection, w->a, ops, some, res, e) : WESS_OK;
    for (size_t i = 0; some && i < n; i++) {
        if (!w->whole[i])
            w->out[i] = res[at[i]];
        else if (w->out[i].code == WESS_UNKNOWN)
            tell(w, i, &res[w->whole[i]->at]);
    }
    return rc;
}

enum wess_code series_apply(struct conn *c, const struct series_view *v, const char *collection,
                            struct wess_arena *a, const struct wess_op *ops, size_t n,
                            struct wess_result *out, struct wess_error *e)
{
    struct writing w = {.a = a, .ops = ops, .out = out};
    (void)v;
    for (size_t i = 0; i < n; i++)
        out[i] = (struct wess_result){.code = ops[i].flags & WESS_OP_AGAIN ? WESS_UNKNOWN
                                                                           : WESS_NOT_TRIED};
    enum wess_code rc = make(&w, n) ? WESS_OK : WESS_TOO_BIG;
    if (rc == WESS_OK && !w.n_of)
        return raw_apply(c, collection, a, ops, n, out, e);
    if (rc == WESS_OK)
        rc = read_wholes(&w, c, collection, n, e);
    for (size_t i = 0; rc == WESS_OK && i < n; i++)
        if (w.whole[i] && w.whole[i]->now)
            rc = put_one(&w, i);
    if (rc == WESS_OK)
        return send(&w, c, collection, n, e);
    /* Nothing has gone yet. */
    for (size_t i = 0; i < n; i++)
        out[i] = (struct wess_result){.code = ops[i].flags & WESS_OP_AGAIN ? WESS_UNKNOWN
                                                                           : WESS_NOT_TRIED};
    return rc == WESS_TOO_BIG
               ? wess_fail(e, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "out of memory")
               : rc;
}
