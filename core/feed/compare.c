/* A sorted listing of everything, merged with the index: one ordered look at either, no mark, and
 * no row is touched of what is as it was. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/page.h"

#define ROWS_AT_ONCE 500u

/* ---- the index in the order of ids
 * ----------------------------------------------------------------------------- */

static bool more_rows(struct comparing *c)
{
    struct pull *p = c->pull;
    char *last = c->n ? strdup(c->rows[c->n - 1].rid) : NULL;
    if (c->n && !last)
        return false;
    arena_reset(c->arena);
    c->rows = arena_alloc(c->arena, ROWS_AT_ONCE * sizeof(*c->rows));
    c->at = c->n = 0;
    bool ok = c->rows && (p->join ? tagged_behind : items_behind)(p->db, c->arena, p->feed->id,
                                                                  last ? last : "", c->rows,
                                                                  ROWS_AT_ONCE, &c->n) == STORE_OK;
    c->ended = c->n == 0;
    free(last);
    return ok;
}

/* The row at hand; NULL: there is none. */
static bool row_at(struct comparing *c, const struct index_row **row)
{
    *row = NULL;
    if (c->at == c->n && !c->ended && !more_rows(c))
        return false;
    if (c->at < c->n)
        *row = &c->rows[c->at];
    return true;
}

/* ---- one page
 * --------------------------------------------------------------------------------------------- */

static bool is_known(const struct pull *p, const struct index_row *row, const struct wess_change *c)
{
    const uint32_t other = ITEM_GONE | ITEM_ABSENT | ITEM_UNSEEN |
                           (c->flags & (WESS_BRIEF | WESS_REF_ONLY) ? 0u : ITEM_UNJUDGED);
    return c->what == WESS_UPSERT && !p->from_start && row->revision && c->item.revision &&
           !(row->flags & other) && !strcmp(row->revision, c->item.revision) &&
           ((c->flags & (WESS_BRIEF | WESS_REF_ONLY)) ||
            (row->flags & STORED_FLAGS) == (c->item.flags & STORED_FLAGS));
}

/* Of a tag source: never tagged, and not tagged now. */
static bool is_nothing(const struct pull *p, const struct wess_change *c)
{
    return p->join && !(c->flags & WESS_BRIEF) && !c->item.tags.n;
}

/* What was found or made since the listing began may be missing in it. */
static bool is_missed(const struct comparing *c, const struct index_row *row)
{
    return !(row->flags & (ITEM_GONE | ITEM_ABSENT)) && row->seen_ms < c->began_ms;
}

static bool add_absent(struct page *pg, int64_t item, size_t *cap)
{
    if (pg->n_absent == *cap) {
        size_t more = *cap ? *cap * 2 : 64;
        int64_t *of = arena_alloc(pg->arena, more * sizeof(*of));
        if (!of)
            return false;
        if (pg->n_absent)
            memcpy(of, pg->absent, pg->n_absent * sizeof(*of));
        pg->absent = of;
        *cap = more;
    }
    pg->absent[pg->n_absent++] = item;
    return true;
}

/* The rows before `id` (NULL: all that are left) are not listed. */
static bool skip_to(struct comparing *c, struct page *pg, const char *id, size_t *cap)
{
    const struct index_row *row;
    for (;; c->at++) {
        if (!row_at(c, &row))
            return false;
        if (!row || (id && strcmp(row->rid, id) >= 0))
            return true;
        if (is_missed(c, row) && !add_absent(pg, row->id, cap))
            return false;
    }
}

static void add_news(struct page *pg, const struct wess_change *c, bool fresh)
{
    pg->n_wanted += (c->flags & WESS_BRIEF) != 0;
    pg->fresh[pg->n_news] = fresh;
    pg->news[pg->n_news++] = c;
}

static bool want_facts(struct page *pg, const struct wess_change *listed)
{
    struct wess_change *c = arena_alloc(pg->arena, sizeof(*c));
    if (!c)
        return false;
    *c = *listed;
    c->flags |= WESS_BRIEF;
    add_news(pg, c, true);
    return true;
}

static bool compare_one(struct comparing *c, struct page *pg, const struct wess_change *change,
                        size_t *cap)
{
    const struct index_row *row = NULL;
    /* Listed again, behind its place: looked up like any other news. */
    bool again = c->last && strcmp(change->item.id, c->last) <= 0;
    if (!again && (!skip_to(c, pg, change->item.id, cap) || !row_at(c, &row)))
        return false;
    if (!again)
        c->last = change->item.id;
    bool here = row && !strcmp(row->rid, change->item.id);
    bool known = here && is_known(c->pull, row, change);
    c->at += here;
    if (known)
        return true;
    if (!here && is_nothing(c->pull, change))
        return !c->anew || want_facts(pg, change);
    add_news(pg, change, !again && !here);
    return true;
}

/* What is behind the last page is in no listing. A source that lists nothing at all any more speaks
 * against nobody: its report was emptied, or its rights were taken away. */
static bool end_listing(struct comparing *c, struct page *pg, size_t *cap)
{
    const struct index_row *row = NULL;
    if (!c->pull->join || c->last)
        return skip_to(c, pg, NULL, cap);
    bool ok = row_at(c, &row);
    if (ok && row && (c->pull->collection->caps & WESS_CAP_ABSENCE_PROVES))
        log_line(WESS_LOG_WARN, "%s: the tag source lists nothing; who takes part stays as it was",
                 c->pull->feed->collection);
    return ok;
}

bool compare_page(struct comparing *c, struct page *pg)
{
    size_t cap = 0;
    pg->sorted = true;
    pg->news = arena_alloc(pg->arena, (pg->got.n + 1) * sizeof(struct wess_change *));
    pg->fresh = arena_alloc(pg->arena, pg->got.n + 1);
    bool ok = pg->news && pg->fresh;
    for (size_t i = 0; ok && i < pg->got.n; i++)
        ok = compare_one(c, pg, &pg->got.changes[i], &cap);
    if (ok && (pg->got.flags & WESS_PAGE_LAST))
        ok = end_listing(c, pg, &cap);
    /* The page's memory goes before the next one is compared. */
    char *last = c->last ? strdup(c->last) : NULL;
    ok = ok && (last || !c->last);
    free(c->kept);
    c->last = c->kept = last;
    return ok;
}

void compare_fini(struct comparing *c)
{
    free(c->kept);
    c->last = c->kept = NULL;
    arena_free(c->arena);
    c->arena = NULL;
}

/* ---- facts on demand
 * --------------------------------------------------------------------------------------- */

static bool no_memory(struct page *pg)
{
    pg->code = WESS_TOO_BIG;
    pg->spent = true;
    return false;
}

/* What came of asking for the facts of one. false: the reading stops. */
static bool take_facts(struct page *pg, const struct wess_change **news,
                       const struct wess_result *res)
{
    const struct wess_item *listed = &(*news)->item;
    struct wess_change *c = arena_alloc(pg->arena, sizeof(*c));
    if (!c)
        return no_memory(pg);
    *c = (struct wess_change){.what = WESS_UPSERT, .item = *listed};
    switch (res->code) {
    case WESS_OK:
        c->item = *res->current;
        c->item.id = listed->id;
        c->item.n_fields = 0;
        break;
    case WESS_GONE: /* between the listing and now */
        c->what = WESS_DELETE;
        break;
    case WESS_REJECTED:
    case WESS_TOO_BIG:
    case WESS_BROKEN:
    case WESS_CONFLICT:
    case WESS_RESET:
        c->flags = WESS_REF_ONLY;
        if (res->revision)
            c->item.revision = res->revision;
        break;
    case WESS_UNKNOWN:
    case WESS_NOT_TRIED:
    case WESS_TRANSIENT:
    case WESS_THROTTLED:
    case WESS_AUTH:
    case WESS_CANCELLED:
        pg->code = res->code;
        snprintf(pg->error.text, sizeof(pg->error.text), "%s", res->text ? res->text : "");
        return false;
    }
    *news = c;
    return true;
}

static bool ask_facts(struct page *pg, const struct wess_change ***of, size_t n)
{
    const struct pull *p = pg->pull;
    const char **ids = arena_alloc(pg->arena, (n + 1) * sizeof(*ids));
    struct wess_result *res = arena_alloc(pg->arena, (n + 1) * sizeof(*res));
    if (!ids || !res)
        return no_memory(pg);
    for (size_t i = 0; i < n; i++)
        ids[i] = (*of[i])->item.id;
    pg->code = conn_fetch(p->conn, p->collection->id, pg->arena, WESS_CALL_FACTS,
                          (struct wess_list){ids, n}, res, &pg->error);
    if (pg->code == WESS_TOO_BIG && n > 1)
        return ask_facts(pg, of, n / 2) && ask_facts(pg, of + n / 2, n - n / 2);
    if (pg->code == WESS_TOO_BIG) {
        res[0].code = WESS_TOO_BIG;
        pg->code = WESS_OK;
    }
    for (size_t i = 0; pg->code == WESS_OK && i < n; i++)
        if (!take_facts(pg, of[i], &res[i]))
            return false;
    return pg->code == WESS_OK;
}

void page_facts(struct page *pg)
{
    const struct wess_collection *col = pg->pull->collection;
    size_t most = col->fetch_max ? col->fetch_max : 100, n = 0;
    const struct wess_change ***of = arena_alloc(pg->arena, (pg->n_wanted + 1) * sizeof(*of));
    for (size_t i = 0; of && i < pg->n_news; i++)
        if (pg->news[i]->flags & WESS_BRIEF)
            of[n++] = &pg->news[i];
    if (!of)
        no_memory(pg);
    for (size_t at = 0; of && at < n; at += most)
        if (!ask_facts(pg, of + at, n - at < most ? n - at : most))
            return;
}
