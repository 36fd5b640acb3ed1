/* Whom an item speaks of, where the remote could not be asked when it was written: looked for by
 * the keys that were kept, whether or not a pair reads that collection. Who is nobody waits by the
 * hash of the key from then on, like anybody who comes later. */
#include <string.h>

#include "engine/run.h"

#define AT_ONCE 100u     /* of one run */
#define KEYS_AT_ONCE 20u /* of one look-up */
#define RELATIONS_MOST 400u

struct asking {
    struct run *r;
    struct wess_arena *a;
    const struct run_side *side;
    struct asked_row *rows;
    struct wess_relation *of;
    size_t *row_of; /* of each relation */
    size_t n;
};

static bool bears(const struct wess_item *item, const struct wess_key *key)
{
    for (size_t i = 0; i < item->n_keys; i++)
        if (!strcmp(item->keys[i].space, key->space) && !strcmp(item->keys[i].id, key->id))
            return true;
    return false;
}

static void take(struct asking *q, const struct wess_page *page, size_t at, size_t n)
{
    for (size_t k = 0; k < page->n; k++) {
        const struct wess_item *item = &page->changes[k].item;
        for (size_t i = at; i < at + n && q->n < RELATIONS_MOST; i++) {
            if ((item->flags & (WESS_ITEM_TRASHED | WESS_ITEM_OUTSIDE)) ||
                !bears(item, &q->rows[i].key))
                continue;
            q->of[q->n] = (struct wess_relation){q->rows[i].rid, {NULL, item->id}};
            q->row_of[q->n++] = i;
        }
    }
}

/* Of one collection. What is found lives in the arena until it is related. */
static enum wess_code look(struct asking *q, size_t at, size_t n, struct wess_error *e)
{
    struct wess_key keys[KEYS_AT_ONCE] = {{NULL, NULL}};
    struct wess_page page = {0};
    for (size_t i = 0; i < n; i++)
        keys[i] = q->rows[at + i].key;
    enum wess_code rc = conn_find(q->side->conn, q->rows[at].collection, q->a, keys, n, &page, e);
    if (rc == WESS_OK && !(page.flags & WESS_PAGE_LAST) && n > 1) {
        rc = look(q, at, n / 2, e);
        return rc == WESS_OK ? look(q, at + n / 2, n - n / 2, e) : rc;
    }
    if (rc == WESS_OK)
        take(q, &page, at, n);
    return rc;
}

static enum wess_code look_all(struct asking *q, size_t n, struct wess_error *e)
{
    enum wess_code rc = WESS_OK;
    for (size_t at = 0, some; rc == WESS_OK && at < n; at += some) {
        for (some = 1; some < KEYS_AT_ONCE && at + some < n; some++)
            if (q->rows[at + some].feed != q->rows[at].feed)
                break;
        rc = look(q, at, some, e);
    }
    return rc;
}

static bool is_over(enum wess_code code)
{
    return code == WESS_OK || code == WESS_GONE || code == WESS_REJECTED;
}

static bool keep(struct asking *q, size_t n, const struct wess_result *res)
{
    struct db *db = q->r->db;
    if (db_begin_soft(db) != STORE_OK)
        return run_store_failed(q->r);
    for (size_t i = 0; i < n; i++) {
        size_t found = 0, over = 0;
        for (size_t k = 0; k < q->n; k++)
            if (q->row_of[k] == i) {
                found++;
                over += is_over(res[k].code);
            }
        if (!found)
            unmet_looked(db, q->rows[i].item, &q->rows[i].hash);
        else if (over == found)
            unmet_drop(db, q->rows[i].item, &q->rows[i].hash);
    }
    return db_commit(db) == STORE_OK || run_store_failed(q->r);
}

bool asked_run(struct run *r, struct wess_arena *a, enum side side)
{
    struct asking q = {.r = r, .a = a, .side = &r->side[side]};
    struct wess_error error = {0};
    size_t n = 0;
    q.rows = arena_alloc(a, AT_ONCE * sizeof(*q.rows));
    q.of = arena_alloc(a, RELATIONS_MOST * sizeof(*q.of));
    q.row_of = arena_alloc(a, RELATIONS_MOST * sizeof(*q.row_of));
    struct wess_result *res = arena_alloc(a, RELATIONS_MOST * sizeof(*res));
    if (!q.rows || !q.of || !q.row_of || !res)
        return run_memory(r);
    if (unmet_asked(r->db, a, q.side->feed.id, q.rows, AT_ONCE, &n) != STORE_OK)
        return run_store_failed(r);
    if (!n)
        return true;
    enum wess_code rc = look_all(&q, n, &error);
    if (rc == WESS_OK && q.n)
        rc = conn_relate(q.side->conn, q.side->collection->id, a, q.of, q.n, res, &error);
    log_line(rc == WESS_OK ? WESS_LOG_INFO : WESS_LOG_WARN,
             "pair %s user %s: %zu of %s are related to whom they speak of: code %d %s",
             r->pair->name, r->user->id, n, q.side->collection->id, (int)rc, error.text);
    return rc != WESS_OK || keep(&q, n, res);
}
