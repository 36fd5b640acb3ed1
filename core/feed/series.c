/* A series that is its occurrences (host/series.h): what the index has of them and the page does
 * not is gone, unless it is of days that nobody looked at. */
#include <limits.h>
#include <string.h>
#include <time.h>

#include "feed/page.h"

#define ROWS_AT_ONCE 100u
#define DAY 10u /* letters of "2030-09-02" */

struct rest {
    struct storing *pg;
    const struct wess_change *mark;
    const char *first, *from, *until; /* days */
    const char *nearest;              /* to the first: its id, of so many */
    size_t near;
    size_t at;            /* in the ids that are listed, which ascend as the index does */
    struct wess_arena *a; /* of the rows at hand */
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

/* ---- what becomes a series, and what is one no more --------------------------------------------
 */

/* The link goes on under the other id; what is there already has one of its own. */
static bool becomes(struct storing *pg, const char *rid, const char *other)
{
    struct pull *p = pg->pull;
    struct item_row row, there;
    if (item_by_rid(p->db, pg->scratch, p->feed->id, rid, &row) != STORE_OK ||
        (row.flags & ITEM_GONE) ||
        item_by_rid(p->db, pg->scratch, p->feed->id, other, &there) != STORE_NONE)
        return false;
    return item_rename(p->db, row.id, other, NULL) == STORE_OK;
}

/* The event is its own first occurrence. Where it cannot be that it is gone: what is written to it
 * would be written to all of them. */
static void is_first(struct rest *r, const char *first)
{
    const char *rid = r->mark->item.id;
    const char *one = *first ? arena_fmt(r->a, "%s#%s", rid, first) : "";
    r->pg->spent |= !one;
    if (one && (!*one || !becomes(r->pg, rid, one)))
        is_gone(r, rid);
}

/* An instant's day by the clocks of the series is its day in UTC or one beside it. */
static int days_apart(const char *a, const char *b)
{
    struct tm x = {0}, y = {0};
    if (!strptime(a, "%Y-%m-%d", &x) || !strptime(b, "%Y-%m-%d", &y))
        return INT_MAX;
    int64_t apart = ((int64_t)timegm(&x) - (int64_t)timegm(&y)) / 86400;
    return apart < -2 || apart > 2 ? INT_MAX : (int)(apart < 0 ? -apart : apart);
}

static void count_near(struct rest *r, const struct index_row *row, const char *day)
{
    if ((row->flags & ITEM_GONE) || days_apart(day, r->first) > 1)
        return;
    r->near++;
    r->nearest = arena_text(r->pg->scratch, row->rid);
    r->pg->spent |= !r->nearest;
}

static void weigh(struct rest *r, const struct index_row *row, const char *day)
{
    bool looked = strcmp(day, r->from) >= 0 && strcmp(day, r->until) <= 0;
    if (row->flags & ITEM_GONE)
        return;
    if (r->mark->flags & (SERIES_GONE | SERIES_SINGLE))
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

static void each_one(struct rest *r,
                     void (*each)(struct rest *, const struct index_row *, const char *day))
{
    struct storing *pg = r->pg;
    struct pull *p = pg->pull;
    struct index_row rows[ROWS_AT_ONCE];
    size_t n = ROWS_AT_ONCE;
    const char *prefix = arena_fmt(pg->scratch, "%s#", r->mark->item.id), *last = prefix;
    size_t len = prefix ? strlen(prefix) : 0;
    pg->spent |= !prefix;
    while (!pg->spent && n == ROWS_AT_ONCE && !db_failed(p->db)) {
        if (items_behind(p->db, r->a, p->feed->id, last, rows, ROWS_AT_ONCE, &n) == STORE_FAIL)
            break;
        for (size_t i = 0; i < n && !pg->spent; i++) {
            if (strncmp(rows[i].rid, prefix, len) != 0) {
                n = 0;
                break;
            }
            if (strlen(rows[i].rid) == len + DAY)
                each(r, &rows[i], rows[i].rid + len);
        }
        last = n ? arena_text(pg->scratch, rows[n - 1].rid) : NULL;
        pg->spent |= (n && !last) || arena_refused(r->a) != ARENA_GAVE;
        arena_reset(r->a);
    }
}

void store_series(struct storing *pg, const struct wess_change *mark)
{
    struct rest r = {.pg = pg,
                     .mark = mark,
                     .first = fact_of(&mark->item, SERIES_FIRST),
                     .from = fact_of(&mark->item, SERIES_FROM),
                     .until = fact_of(&mark->item, SERIES_UNTIL),
                     .a = arena_new(ARENA_BUDGET)};
    pg->spent |= !r.a;
    if (r.a && (mark->flags & SERIES_LISTED))
        is_first(&r, r.first);
    if (r.a && (mark->flags & SERIES_SINGLE))
        each_one(&r, count_near);
    if (r.near == 1 && !pg->spent) /* one of them goes on as the single event: it is clear which */
        becomes(pg, r.nearest, mark->item.id);
    if (r.a)
        each_one(&r, weigh);
    arena_free(r.a);
}
