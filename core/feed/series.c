/* A series that is its occurrences (host/series.h): what the index has of them and the page does
 * not is gone, unless it is of days that nobody looked at. */
#include <string.h>

#include "feed/page.h"

#define ROWS_AT_ONCE 100u
#define DAY 10u /* letters of "2030-09-02" */

struct rest {
    struct storing *pg;
    const struct wess_change *mark;
    const char *from, *until; /* days */
    size_t at;                /* in the ids that are listed, which ascend as the index does */
    struct wess_arena *a;     /* of the rows at hand */
};

static const char *fact_of(const struct wess_item *item, const char *name)
{
    for (size_t i = 0; i < item->n_facts; i++)
        if (!strcmp(item->facts[i].name, name))
            return item->facts[i].value;
    return "";
}

static bool is_listed(struct rest *r, const char *rid)
{
    const struct wess_list *ids = &r->mark->item.tags;
    while (r->at < ids->n && strcmp(ids->of[r->at], rid) < 0)
        r->at++;
    return r->at < ids->n && !strcmp(ids->of[r->at], rid);
}

static void is_gone(struct rest *r, const char *rid)
{
    const struct wess_change c = {.what = WESS_DELETE, .item = {.id = rid}};
    store_change(r->pg, &c);
}

/* It is what its series is: untagged, private. */
static void takes_no_part(struct rest *r, const char *rid, const char *day)
{
    struct wess_change c = {.what = WESS_UPSERT, .item = r->mark->item};
    struct wess_key *keys = arena_alloc(r->a, (c.item.n_keys + 1) * sizeof(*keys));
    size_t n = 0;
    for (size_t i = 0; keys && i < c.item.n_keys; i++) {
        if (strcmp(c.item.keys[i].space, "uid") != 0)
            continue;
        const char *id = arena_fmt(r->a, "%s/%s", c.item.keys[i].id, day);
        if (id)
            keys[n++] = (struct wess_key){"uid", id};
        r->pg->spent |= !id;
    }
    r->pg->spent |= !keys;
    c.item.id = rid;
    c.item.revision = NULL; /* of it nothing is known but this */
    c.item.keys = keys;
    c.item.n_keys = n;
    if (keys)
        store_change(r->pg, &c);
}

static void weigh(struct rest *r, const struct index_row *row, const char *day)
{
    bool looked = strcmp(day, r->from) >= 0 && strcmp(day, r->until) <= 0;
    if (row->flags & ITEM_GONE)
        return;
    if (r->mark->flags & SERIES_GONE)
        is_gone(r, row->rid);
    else if (!(r->mark->flags & SERIES_LISTED))
        takes_no_part(r, row->rid, day);
    else if (is_listed(r, row->rid))
        return;
    else if (looked)
        is_gone(r, row->rid);
    else if (r->pg->mark)
        item_mark(r->pg->pull->db, row->id, r->pg->mark);
}

void store_series(struct storing *pg, const struct wess_change *mark)
{
    struct rest r = {.pg = pg,
                     .mark = mark,
                     .from = fact_of(&mark->item, SERIES_FROM),
                     .until = fact_of(&mark->item, SERIES_UNTIL),
                     .a = arena_new(ARENA_BUDGET)};
    struct pull *p = pg->pull;
    struct index_row rows[ROWS_AT_ONCE];
    size_t n = ROWS_AT_ONCE;
    const char *prefix = arena_fmt(pg->scratch, "%s#", mark->item.id), *last = prefix;
    size_t len = prefix ? strlen(prefix) : 0;
    pg->spent |= !r.a || !prefix;
    while (!pg->spent && n == ROWS_AT_ONCE && !db_failed(p->db)) {
        if (items_behind(p->db, r.a, p->feed->id, last, rows, ROWS_AT_ONCE, &n) == STORE_FAIL)
            break;
        for (size_t i = 0; i < n && !pg->spent; i++) {
            if (strncmp(rows[i].rid, prefix, len) != 0) {
                n = 0;
                break;
            }
            if (strlen(rows[i].rid) == len + DAY)
                weigh(&r, &rows[i], rows[i].rid + len);
        }
        last = n ? arena_text(pg->scratch, rows[n - 1].rid) : NULL;
        pg->spent |= (n && !last) || (r.a && arena_refused(r.a) != ARENA_GAVE);
        arena_reset(r.a);
    }
    if (r.a)
        arena_free(r.a);
}
