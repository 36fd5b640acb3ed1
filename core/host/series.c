/* Reading through series.h: a page, items and what bears a key, with series as their occurrences.
 */
#include "host/series.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "error.h"
#include "keys.h"

/* Of a series nobody needs what costs requests of its own before one occurrence is read. */
#define SPARE (WESS_CALL_NO_PHOTO | WESS_CALL_NO_MIME)

#define FOUND ((uint32_t)(WESS_ITEM_TRASHED | WESS_ITEM_OUTSIDE)) /* where a series was found */

struct changes { /* that a page becomes */
    struct wess_change *of;
    size_t n, cap;
};

static enum wess_code spent(struct wess_error *e)
{
    return wess_fail(e, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "out of memory");
}

static struct wess_change *push(struct wess_arena *a, struct changes *c)
{
    if (c->n == c->cap) {
        size_t cap = c->cap ? 2 * c->cap : 64;
        struct wess_change *more = arena_alloc(a, cap * sizeof(*more));
        if (!more)
            return NULL;
        if (c->n)
            memcpy(more, c->of, c->n * sizeof(*more));
        c->of = more;
        c->cap = cap;
    }
    c->of[c->n] = (struct wess_change){.what = WESS_UPSERT};
    return &c->of[c->n++];
}

enum wess_code raw_fetch_all(struct conn *c, const char *collection, struct wess_arena *a,
                             uint32_t flags, struct wess_list ids, struct wess_result *out,
                             struct wess_error *e)
{
    enum wess_code rc = WESS_OK;
    size_t most = conn_fetch_most(c, collection);
    for (size_t at = 0; rc == WESS_OK && at < ids.n; at += most) {
        size_t n = ids.n - at < most ? ids.n - at : most;
        rc = raw_fetch(c, collection, a, flags, (struct wess_list){ids.of + at, n}, out + at, e);
    }
    return rc;
}

/* What answers for an item rather than for itself. */
static bool is_trouble(enum wess_code code)
{
    return code != WESS_OK && code != WESS_GONE && code != WESS_TOO_BIG && code != WESS_REJECTED;
}

static enum wess_code trouble_of(const struct wess_result *r, struct wess_error *e)
{
    return wess_fail(e, r->code, WESS_OF_COLLECTION, r->remote_code, "%s",
                     r->text ? r->text : "a series could not be read");
}

/* ---- a page
 * ------------------------------------------------------------------------------------------ */

struct paging {
    struct conn *conn;
    const struct series_view *view;
    const char *collection;
    struct wess_arena *a;
    struct wess_error *error;
    struct changes out;
};

static const char *day_text(struct wess_arena *a, int64_t ms)
{
    time_t at = (time_t)(ms / 1000);
    char text[16];
    struct tm tm;
    gmtime_r(&at, &tm);
    strftime(text, sizeof(text), "%Y-%m-%d", &tm);
    return arena_text(a, text);
}

static bool put_plain(struct paging *p, const struct wess_change *c)
{
    struct wess_change *out = push(p->a, &p->out);
    if (out)
        *out = *c;
    return out != NULL;
}

/* Which of it follow on the page, and between which days those are all there are. */
static bool put_mark(struct paging *p, const struct wess_item *facts, uint32_t flags,
                     const struct series_list *l)
{
    struct wess_change *m = push(p->a, &p->out);
    struct wess_fact *days = arena_alloc(p->a, 3 * sizeof(*days));
    const char **ids = arena_alloc(p->a, (l->n + 1) * sizeof(*ids));
    if (!m || !days || !ids)
        return false;
    for (size_t i = 0; i < l->n; i++)
        ids[i] = l->of[i].item.id;
    days[0] = (struct wess_fact){SERIES_FROM, day_text(p->a, p->view->window.from_ms)};
    days[1] = (struct wess_fact){SERIES_UNTIL, l->cut ? arena_text(p->a, l->until)
                                                      : day_text(p->a, p->view->window.until_ms)};
    days[2] = (struct wess_fact){SERIES_FIRST, series_day(p->a, facts)};
    *m = (struct wess_change){.what = SERIES_OF, .flags = flags, .item = *facts};
    m->item.tags = flags & SERIES_LISTED ? (struct wess_list){ids, l->n} : facts->tags;
    if (flags & SERIES_LISTED) {
        m->item.facts = days;
        m->item.n_facts = 3;
    }
    return days[0].value && days[1].value && days[2].value;
}

/* It may have been a series before: which of the occurrences it is goes by its day. */
static bool put_single(struct paging *p, const struct wess_change *c, const struct wess_item *whole)
{
    struct wess_change *m = push(p->a, &p->out);
    struct wess_fact *day = arena_alloc(p->a, sizeof(*day));
    if (!m || !day)
        return false;
    *day = (struct wess_fact){SERIES_FIRST,
                              whole ? series_day(p->a, whole) : day_text(p->a, c->item.when_ms)};
    *m = (struct wess_change){
        .what = SERIES_OF,
        .flags = SERIES_SINGLE,
        .item = {.id = c->item.id, .kind = c->item.kind, .facts = day, .n_facts = 1}};
    return day->value && put_plain(p, c);
}

static bool put_all(struct paging *p, const struct wess_item *series)
{
    struct series_list l;
    const char *why;
    if (!series_expand(p->a, series, &p->view->window, NULL, &l, &why))
        return false;
    if (why || l.cut)
        log_line(WESS_LOG_WARN, "endpoint %s: of a series %s: %s", conn_endpoint(p->conn),
                 why ? "nothing goes where nothing recurs" : "some occurrences are left out",
                 why ? why : "it has more than window.per_series");
    for (size_t i = 0; i < l.n; i++)
        if (!series_item(p->a, series, &l.of[i]))
            return false;
    if (!put_mark(p, series, SERIES_LISTED, &l))
        return false;
    for (size_t i = 0; i < l.n; i++) {
        struct wess_change *c = push(p->a, &p->out);
        if (!c)
            return false;
        c->item = l.of[i].item;
        c->item.flags &= ~(uint32_t)WESS_ITEM_WHOLE;
        c->item.fields = NULL;
        c->item.n_fields = 0;
    }
    return true;
}

static bool takes_part(const struct paging *p, const struct wess_item *facts)
{
    return !p->view->wanted || p->view->wanted(p->view->ctx, p->a, facts);
}

/* Without a date of its own it may be a series; what it is not is a single event. */
static bool may_recur(const struct wess_change *c)
{
    return c->what == WESS_UPSERT && !(c->flags & (WESS_REF_ONLY | WESS_BRIEF)) && !c->item.when_ms;
}

/* A change whose facts the connector left out, with them. */
static enum wess_code with_facts(struct paging *p, struct wess_change *of, size_t n)
{
    const char **ids = arena_alloc(p->a, (n + 1) * sizeof(*ids));
    struct wess_result *res = arena_alloc(p->a, (n + 1) * sizeof(*res));
    size_t asked = 0, at = 0;
    if (!ids || !res)
        return spent(p->error);
    for (size_t i = 0; i < n; i++)
        if (of[i].flags & WESS_BRIEF)
            ids[asked++] = of[i].item.id;
    enum wess_code rc = raw_fetch_all(p->conn, p->collection, p->a, WESS_CALL_FACTS,
                                      (struct wess_list){ids, asked}, res, p->error);
    for (size_t i = 0; rc == WESS_OK && i < n; i++) {
        if (!(of[i].flags & WESS_BRIEF))
            continue;
        const struct wess_result *r = &res[at++];
        of[i].flags &= ~(uint32_t)WESS_BRIEF;
        if (r->code == WESS_OK)
            of[i].item = *r->current;
        else if (r->code == WESS_GONE)
            of[i].what = WESS_DELETE;
        else if (is_trouble(r->code))
            rc = trouble_of(r, p->error);
        else
            of[i].flags |= WESS_REF_ONLY;
    }
    return rc;
}

/* The content of those that may be series, of[i] with res[at]. */
static enum wess_code with_content(struct paging *p, const struct wess_change *of, size_t n,
                                   struct wess_result **out)
{
    const char **ids = arena_alloc(p->a, (n + 1) * sizeof(*ids));
    size_t asked = 0;
    *out = arena_alloc(p->a, (n + 1) * sizeof(**out));
    if (!ids || !*out)
        return spent(p->error);
    for (size_t i = 0; i < n; i++)
        if (may_recur(&of[i]) && takes_part(p, &of[i].item))
            ids[asked++] = of[i].item.id;
    return raw_fetch_all(p->conn, p->collection, p->a, SPARE, (struct wess_list){ids, asked}, *out,
                         p->error);
}

/* One change of the connector's page. */
static enum wess_code put_change(struct paging *p, const struct wess_change *c,
                                 const struct wess_result *content)
{
    static const struct series_list none = {.of = NULL};
    bool ok = true;
    if (content && is_trouble(content->code))
        return trouble_of(content, p->error);
    const struct wess_item *series = content && content->code == WESS_OK ? content->current : NULL;
    if (c->what == WESS_DELETE || (content && content->code == WESS_GONE))
        ok = put_mark(p, &c->item, SERIES_GONE, &none) && put_plain(p, c);
    else if (series && series_is(series))
        ok = put_all(p, series);
    else if (!content && may_recur(c)) /* nobody shares it: as it is, for those that were */
        ok = put_mark(p, &c->item, 0, &none) && put_plain(p, c);
    else if (c->what == WESS_UPSERT && !(c->flags & WESS_REF_ONLY) && (series || !content))
        ok = put_single(p, c, series);
    else
        ok = put_plain(p, c);
    return ok ? WESS_OK : spent(p->error);
}

enum wess_code series_changes(struct conn *c, const struct series_view *v, const char *collection,
                              struct wess_arena *a, const struct wess_want *want,
                              struct wess_slice cursor, uint32_t limit, struct wess_page *out,
                              struct wess_error *e)
{
    struct paging p = {.conn = c, .view = v, .collection = collection, .a = a, .error = e};
    struct wess_result *content = NULL;
    size_t at = 0;
    enum wess_code rc = raw_changes(c, collection, a, want, cursor, limit, out, e);
    struct wess_change *of = out->n ? arena_alloc(a, out->n * sizeof(*of)) : NULL;
    if (rc != WESS_OK || !out->n) {
        out->flags &= ~(uint32_t)WESS_PAGE_SORTED;
        return rc;
    }
    if (!of)
        return spent(e);
    memcpy(of, out->changes, out->n * sizeof(*of));
    rc = with_facts(&p, of, out->n);
    if (rc == WESS_OK)
        rc = with_content(&p, of, out->n, &content);
    for (size_t i = 0; rc == WESS_OK && i < out->n; i++) {
        bool read = may_recur(&of[i]) && takes_part(&p, &of[i].item);
        rc = put_change(&p, &of[i], read ? &content[at++] : NULL);
    }
    out->changes = p.out.of;
    out->n = p.out.n;
    out->flags &= ~(uint32_t)WESS_PAGE_SORTED; /* an occurrence stands behind its series */
    return rc;
}

/* ---- items
 * ------------------------------------------------------------------------------------------ */

static size_t place_in(const char *const *of, size_t n, const char *text)
{
    size_t i = 0;
    while (i < n && strcmp(of[i], text) != 0)
        i++;
    return i;
}

static bool one_of(const struct series_view *v, struct wess_arena *a,
                   const struct wess_result *series, const char *day, struct wess_result *out)
{
    const struct wess_list also = {&day, 1};
    const struct series_window none = {.from_ms = 1, .until_ms = 0, .most = v->window.most};
    struct series_list l;
    const char *why;
    *out = *series;
    out->id = out->revision = NULL;
    if (series->code != WESS_OK)
        return true;
    out->code = WESS_GONE;
    out->current = NULL;
    if (!series_is(series->current))
        return true;
    if (!series_expand(a, series->current, &none, &also, &l, &why))
        return false;
    if (!l.n)
        return true;
    struct wess_item *item = arena_alloc(a, sizeof(*item));
    if (!item || !series_item(a, series->current, &l.of[0]))
        return false;
    *item = l.of[0].item;
    *out = (struct wess_result){
        .code = WESS_OK, .id = item->id, .revision = item->revision, .current = item};
    return true;
}

enum wess_code series_fetch(struct conn *c, const struct series_view *v, const char *collection,
                            struct wess_arena *a, uint32_t flags, struct wess_list ids,
                            struct wess_result *out, struct wess_error *e)
{
    const char **of = arena_alloc(a, (ids.n + 1) * sizeof(*of)), *day;
    const char **days = arena_alloc(a, (ids.n + 1) * sizeof(*days));
    size_t *at = arena_alloc(a, (ids.n + 1) * sizeof(*at)), n = 0;
    struct wess_result *res = arena_alloc(a, (ids.n + 1) * sizeof(*res));
    if (!of || !days || !at || !res)
        return spent(e);
    for (size_t i = 0; i < ids.n; i++) {
        const char *series = series_of_id(a, ids.of[i], &day);
        days[i] = series ? day : NULL;
        at[i] = place_in(of, n, series ? series : ids.of[i]);
        if (at[i] == n)
            of[n++] = series ? series : ids.of[i];
        if (series) /* facts of one are made of content */
            flags &= ~(uint32_t)WESS_CALL_FACTS;
    }
    enum wess_code rc = raw_fetch_all(c, collection, a, flags, (struct wess_list){of, n}, res, e);
    for (size_t i = 0; rc == WESS_OK && i < ids.n; i++) {
        if (!days[i])
            out[i] = res[at[i]];
        else if (!one_of(v, a, &res[at[i]], days[i], &out[i]))
            rc = spent(e);
    }
    return rc;
}

/* ---- what bears a key
 * ------------------------------------------------------------------------------------------ */

/* The key of a series for that of one of its occurrences; the day is kept. */
static struct wess_key whole_key(struct wess_arena *a, const struct wess_key *k, const char **day)
{
    struct wess_key out = *k;
    size_t len = strlen(k->id);
    *day = NULL;
    if (strcmp(k->space, "uid") != 0 || len < SERIES_DAY + 2 || k->id[len - SERIES_DAY - 1] != '/')
        return out;
    /* As an id of that form would be taken apart. */
    const char *series = arena_fmt(a, "%.*s%c%s", (int)(len - SERIES_DAY - 1), k->id, SERIES_MARK,
                                   k->id + len - SERIES_DAY);
    const char *uid = series ? series_of_id(a, series, day) : NULL;
    if (uid)
        out.id = uid;
    return out;
}

static enum wess_code put_found(struct paging *p, const struct wess_item *series, uint32_t flags,
                                const struct wess_list *days, const struct wess_key *keys, size_t n)
{
    struct series_list l;
    const char *why;
    if (!series_expand(p->a, series, &p->view->window, days, &l, &why))
        return spent(p->error);
    for (size_t i = 0; i < l.n; i++) {
        if (!series_item(p->a, series, &l.of[i]))
            return spent(p->error);
        struct wess_change *c = wess_bears_any(&l.of[i].item, keys, n) ? push(p->a, &p->out) : NULL;
        if (c)
            c->item = l.of[i].item;
        if (c)
            c->item.flags |= flags;
    }
    return WESS_OK;
}

static enum wess_code put_page(struct paging *p, const struct wess_page *page,
                               const struct wess_list *days, const struct wess_key *keys, size_t n)
{
    enum wess_code rc = WESS_OK;
    for (size_t i = 0; rc == WESS_OK && i < page->n; i++) {
        const struct wess_change *c = &page->changes[i];
        struct wess_result res = {.code = WESS_GONE};
        if (may_recur(c))
            rc = raw_fetch(p->conn, p->collection, p->a, SPARE, (struct wess_list){&c->item.id, 1},
                           &res, p->error);
        if (rc == WESS_OK && is_trouble(res.code))
            rc = trouble_of(&res, p->error);
        else if (rc == WESS_OK && res.code == WESS_OK && series_is(res.current))
            rc = put_found(p, res.current, c->item.flags & FOUND, days, keys, n);
        else if (rc == WESS_OK && wess_bears_any(&c->item, keys, n) && !put_plain(p, c))
            rc = spent(p->error);
    }
    return rc;
}

enum wess_code series_find(struct conn *c, const struct series_view *v, const char *collection,
                           struct wess_arena *a, const struct wess_key *keys, size_t n,
                           struct wess_page *out, struct wess_error *e)
{
    struct paging p = {.conn = c, .view = v, .collection = collection, .a = a, .error = e};
    struct wess_key *of = arena_alloc(a, (n + 1) * sizeof(*of));
    const char **days = arena_alloc(a, (n + 1) * sizeof(*days));
    struct wess_list also = {days, 0};
    if (!of || !days)
        return spent(e);
    for (size_t i = 0; i < n; i++) {
        const char *day;
        of[i] = whole_key(a, &keys[i], &day);
        if (day)
            days[also.n++] = day;
    }
    enum wess_code rc = raw_find(c, collection, a, of, n, out, e);
    if (rc == WESS_OK)
        rc = put_page(&p, out, &also, keys, n);
    out->changes = p.out.of;
    out->n = p.out.n;
    return rc;
}

/* ---- the seam
 * ------------------------------------------------------------------------------------------ */

bool series_collection(struct wess_arena *a, const struct wess_collection *c,
                       struct wess_collection *out)
{
    static const char *const recur[] = {"rrule", "rdate", "overrides"};
    struct wess_field_schema *of = arena_alloc(a, (c->n_fields + 1) * sizeof(*of));
    *out = *c;
    out->n_fields = 0;
    for (size_t i = 0; of && i < c->n_fields; i++)
        if (place_in(recur, sizeof(recur) / sizeof(recur[0]), c->fields[i].name) ==
            sizeof(recur) / sizeof(recur[0]))
            of[out->n_fields++] = c->fields[i];
    out->fields = of;
    return of != NULL;
}

enum wess_code conn_changes(struct conn *c, const char *collection, struct wess_arena *a,
                            const struct wess_want *want, struct wess_slice cursor, uint32_t limit,
                            struct wess_page *out, struct wess_error *e)
{
    const struct series_view *v = conn_view(c, collection);
    return v ? series_changes(c, v, collection, a, want, cursor, limit, out, e)
             : raw_changes(c, collection, a, want, cursor, limit, out, e);
}

enum wess_code conn_fetch(struct conn *c, const char *collection, struct wess_arena *a,
                          uint32_t flags, struct wess_list ids, struct wess_result *out,
                          struct wess_error *e)
{
    const struct series_view *v = conn_view(c, collection);
    return v ? series_fetch(c, v, collection, a, flags, ids, out, e)
             : raw_fetch(c, collection, a, flags, ids, out, e);
}

enum wess_code conn_find(struct conn *c, const char *collection, struct wess_arena *a,
                         const struct wess_key *keys, size_t n, struct wess_page *out,
                         struct wess_error *e)
{
    const struct series_view *v = conn_view(c, collection);
    return v ? series_find(c, v, collection, a, keys, n, out, e)
             : raw_find(c, collection, a, keys, n, out, e);
}

enum wess_code conn_apply(struct conn *c, const char *collection, struct wess_arena *a,
                          const struct wess_op *ops, size_t n, struct wess_result *out,
                          struct wess_error *e)
{
    const struct series_view *v = conn_view(c, collection);
    return v ? series_apply(c, v, collection, a, ops, n, out, e)
             : raw_apply(c, collection, a, ops, n, out, e);
}
