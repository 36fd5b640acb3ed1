/* What was written before all that it speaks of was there: a mail whose sender becomes somebody a
 * month later. Who was missing is kept by the hash of an address, so that it costs no request until
 * somebody of the same endpoint bears it; then the connector is asked to tie the two. What it ties
 * it looks for first, and it is kept until it has said yes: cut off, it is asked once more. */
#include "engine/run.h"

#include <string.h>

#define KEPT_MS ((int64_t)30 * 86400000)
#define AT_ONCE 100u /* of one run */

/* Where those who come are heard of: of an endpoint that no pair reads that collection of, by
 * another one on the same database, where there is such. */
static bool heard_of(struct run *r, struct wess_arena *a, const struct run_side *s,
                     const char *collection, struct feed_row *out)
{
    const char *identity = s->schema->identity;
    if (feed_get(r->db, a, s->endpoint->name, s->feed.user, collection, out) != STORE_OK)
        return false;
    return out->remote || !identity ||
           feed_of_remote(r->db, identity, collection, &out->id) != STORE_FAIL;
}

bool relate_keep(struct run *r, struct wess_arena *a, const struct op_row *op, int64_t item,
                 const struct wess_result *res)
{
    const struct run_side *s = &r->side[op->side];
    struct feed_row feed;
    for (size_t i = 0; i < res->n_unmet; i++) {
        const struct wess_unmet *u = &res->unmet[i];
        struct hash key = key_hash(r->store, u->key.space, u->key.id);
        if (!heard_of(r, a, s, u->collection, &feed))
            return false;
        if (u->flags & WESS_UNMET_UNSURE)
            unmet_ask(r->db, item, feed.id, &key, &u->key, clock_now_ms() + KEPT_MS);
        else
            unmet_put(r->db, item, feed.id, &key, clock_now_ms() + KEPT_MS);
    }
    return !db_failed(r->db);
}

bool relate_await(struct run *r, struct wess_arena *a, int64_t item, enum side with)
{
    struct hash *keys = NULL;
    size_t n = 0;
    if (item_key_hashes(r->db, a, item, &keys, &n) != STORE_OK)
        return run_store_failed(r);
    for (size_t i = 0; i < n; i++)
        unmet_put(r->db, item, r->side[with].feed.id, &keys[i], clock_now_ms() + KEPT_MS);
    return !db_failed(r->db) || run_store_failed(r);
}

bool relate_can(const struct run *r, enum side to)
{
    return !r->dry && r->side[to].writable && conn_relates(r->side[to].conn);
}

/* Where the people are whom items of that side are related to. */
static const char *contacts_of(const struct run_side *s)
{
    for (size_t i = 0; i < s->schema->n; i++)
        if (!strcmp(s->schema->of[i].kind, "contact"))
            return s->schema->of[i].id;
    return NULL;
}

static bool ask_each(struct run *r, int64_t item, const struct feed_row *contacts,
                     const struct wess_field *f)
{
    for (size_t i = 0; f && f->type == WESS_RECORDS && i < f->records.n; i++) {
        const struct wess_key key = {"email", f->records.of[i].key};
        struct hash h = key_hash(r->store, key.space, key.id);
        if (*key.id)
            unmet_ask(r->db, item, contacts->id, &h, &key, clock_now_ms() + KEPT_MS);
    }
    return !db_failed(r->db);
}

bool relate_recovered(struct run *r, struct wess_arena *a, const struct entry *e)
{
    const char *const mail[] = {"from", "to", "cc"};
    const char *const *fields = r->pair->files ? mail : &r->pair->kind->people;
    size_t n = r->pair->files ? sizeof(mail) / sizeof(mail[0]) : r->pair->kind->people != NULL;
    for (int to = LEFT; n && to <= RIGHT; to++) {
        const struct run_side *s = &r->side[to];
        const struct content *shown = e->now[other_side((enum side)to)];
        const char *contacts = contacts_of(s);
        struct feed_row feed;
        if (!shown || e->fresh || e->link.rev[to] || !contacts || !relate_can(r, (enum side)to))
            continue;
        if (!heard_of(r, a, s, contacts, &feed))
            return run_store_failed(r);
        for (size_t i = 0; i < n; i++)
            if (!ask_each(r, e->row[to].id, &feed, content_get(shown, fields[i])))
                return run_store_failed(r);
    }
    return true;
}

/* Its twin is there now: it is looked at again. */
static bool meet_side(struct run *r, struct wess_arena *a, enum side side)
{
    struct met_row *met = arena_alloc(a, AT_ONCE * sizeof(*met));
    struct item_row row;
    size_t n = 0;
    if (!met)
        return run_memory(r);
    if (unmet_met(r->db, a, r->side[side].feed.id, met, AT_ONCE, &n) != STORE_OK)
        return run_store_failed(r);
    if (!n)
        return true;
    if (db_begin_soft(r->db) != STORE_OK)
        return run_store_failed(r);
    for (size_t i = 0; i < n; i++) {
        if (met[i].feed != r->side[other_side(side)].feed.id)
            continue;
        unmet_drop(r->db, met[i].item, &met[i].key);
        if (item_get(r->db, a, met[i].item, &row) == STORE_OK && (row.flags & ITEM_CHOSEN) &&
            !(row.flags & (ITEM_GONE | ITEM_ABSENT)))
            todo_put(r->db, r->pu.id, side, met[i].item, CHOSEN);
    }
    return db_commit(r->db) == STORE_OK || run_store_failed(r);
}

bool relate_meet(struct run *r)
{
    bool ok = true;
    if (r->dry || !unmet_any(r->db))
        return !db_failed(r->db) || run_store_failed(r);
    for (int s = LEFT; ok && s <= RIGHT; s++) {
        if (!(r->side[other_side((enum side)s)].collection->caps & WESS_CAP_FACET))
            continue;
        struct wess_arena *a = arena_new(ARENA_BUDGET);
        ok = a ? meet_side(r, a, (enum side)s) : run_memory(r);
        arena_free(a);
    }
    return ok;
}

static bool forget(struct run *r, const struct met_row *met, const struct wess_result *res,
                   size_t n)
{
    if (db_begin_soft(r->db) != STORE_OK)
        return run_store_failed(r);
    for (size_t i = 0; i < n; i++)
        if (res[i].code == WESS_OK || res[i].code == WESS_GONE || res[i].code == WESS_REJECTED)
            unmet_drop(r->db, met[i].item, &met[i].key);
    return db_commit(r->db) == STORE_OK || run_store_failed(r);
}

static bool give_up_old(struct run *r)
{
    int64_t now_ms = clock_now_ms();
    if (!unmet_expired(r->db, now_ms))
        return !db_failed(r->db) || run_store_failed(r);
    if (db_begin_soft(r->db) != STORE_OK)
        return run_store_failed(r);
    unmet_expire(r->db, now_ms);
    return db_commit(r->db) == STORE_OK || run_store_failed(r);
}

/* Trouble with it is no trouble of the run: it is tried with the next one. */
static bool relate_side(struct run *r, struct wess_arena *a, enum side side)
{
    struct run_side *s = &r->side[side];
    struct met_row *met = arena_alloc(a, AT_ONCE * sizeof(*met));
    struct wess_relation *of = arena_alloc(a, AT_ONCE * sizeof(*of));
    struct wess_result *res = arena_alloc(a, AT_ONCE * sizeof(*res));
    struct wess_error error = {0};
    size_t n = 0;
    if (!met || !of || !res)
        return run_memory(r);
    if (unmet_met(r->db, a, s->feed.id, met, AT_ONCE, &n) != STORE_OK)
        return run_store_failed(r);
    for (size_t i = 0; i < n; i++)
        of[i] = (struct wess_relation){met[i].rid, {NULL, met[i].other}};
    if (!n)
        return true;
    enum wess_code rc = conn_relate(s->conn, s->collection->id, a, of, n, res, &error);
    log_line(rc == WESS_OK ? WESS_LOG_INFO : WESS_LOG_WARN,
             "pair %s user %s: %zu of %s relate to who came later: code %d %s", r->pair->name,
             r->user->id, n, s->collection->id, (int)rc, error.text);
    return forget(r, met, res, n);
}

bool relate_run(struct run *r)
{
    if (r->dry || !unmet_any(r->db))
        return !db_failed(r->db) || run_store_failed(r);
    bool ok = give_up_old(r);
    for (int s = LEFT; ok && s <= RIGHT; s++) {
        struct wess_arena *a = arena_new(ARENA_BUDGET);
        if (!a)
            return run_memory(r);
        /* Of a shared feed another run would find the same ones, and tie them too. */
        round_alone(r, true);
        if (r->side[s].writable && conn_relates(r->side[s].conn))
            ok = relate_side(r, a, (enum side)s) && asked_run(r, a, (enum side)s);
        round_alone(r, false);
        arena_free(a);
    }
    return ok;
}
