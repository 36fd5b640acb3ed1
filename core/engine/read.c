/* The stage "fetch": content of what takes part and changed; of a shared feed once a revision for
 * all users of the round. */
#include "engine/run.h"

#include <string.h>

static bool differs(const char *a, const char *b)
{
    return !a || !b || strcmp(a, b) != 0;
}

static void needs(struct entry *e)
{
    switch (e->act) {
    case ACT_MERGE:
        for (int s = LEFT; s <= RIGHT; s++)
            e->need[s] = e->fresh || !e->link.shadow[s].len ||
                         differs(e->link.rev[s], e->row[s].revision) ||
                         (*e->link.unseen[s] && e->has_todo[s]);
        break;
    case ACT_CREATE:
    case ACT_ASK:
    case ACT_LOOK:
        e->need[e->todo.side] = true;
        break;
    case ACT_WAIT:
    case ACT_DROP:
    case ACT_END:
    case ACT_DELETE: /* weigh.c and load.c said which */
    case ACT_RESTORE:
        break;
    }
}

/* ---- the cache of shared feeds ------------------------------------------------------------------
 */

static bool from_cache(struct run *r, struct batch *b, struct entry *e, enum side side, bool *hit)
{
    const struct item_row *row = &e->row[side];
    struct wess_slice body;
    struct content *content = arena_alloc(b->arena, sizeof(*content));
    *hit = false;
    if (!content)
        return run_memory(r);
    if (!r->side[side].common || !row->content || differs(row->content_rev, row->revision) ||
        item_body(r->db, b->arena, row->id, &body) != STORE_OK)
        return !db_failed(r->db) || run_store_failed(r);
    if (!decode_content(b->arena, body, content))
        return run_memory(r);
    e->now[side] = content;
    e->now_rev[side] = row->revision;
    e->got[side] = WESS_OK;
    *hit = true;
    return true;
}

static bool into_cache(struct run *r, struct batch *b, struct entry **of, size_t n, enum side side)
{
    bool any = false;
    for (size_t i = 0; i < n; i++)
        any |= of[i]->got[side] == WESS_OK;
    if (!r->side[side].common || !any)
        return true;
    if (db_begin_soft(r->db) != STORE_OK)
        return run_store_failed(r);
    for (size_t i = 0; i < n; i++) {
        struct wess_slice body;
        if (of[i]->got[side] != WESS_OK || !of[i]->now_rev[side])
            continue;
        if (!encode_content(b->arena, of[i]->now[side], &body))
            return run_memory(r);
        item_content(r->db, of[i]->row[side].id, of[i]->now_rev[side], body);
    }
    return db_commit(r->db) == STORE_OK || run_store_failed(r);
}

/* ---- asking the remote
 * --------------------------------------------------------------------------- */

static bool take(struct run *r, struct batch *b, struct entry *e, enum side side,
                 const struct wess_result *res)
{
    struct content *content = arena_alloc(b->arena, sizeof(*content));
    size_t bad = 0;
    if (!content)
        return run_memory(r);
    e->got[side] = res->code;
    e->got_text[side] = arena_text(b->arena, res->text);
    e->got_code[side] = arena_text(b->arena, res->remote_code);
    if (res->code != WESS_OK)
        return true;
    if (!content_canonical(r->pair->kind, b->arena, res->current->fields, res->current->n_fields,
                           NULL, content, &bad))
        return run_memory(r);
    if (bad)
        log_line(WESS_LOG_WARN, "pair %s user %s endpoint %s item %lld: %zu values of a wrong type",
                 r->pair->name, r->user->id, r->side[side].endpoint->name,
                 (long long)e->row[side].id, bad);
    e->now[side] = content;
    e->now_rev[side] = arena_text(b->arena, res->current->revision);
    r->report.fetched++;
    return true;
}

/* One call; halves itself while the answer is too big, down to the one item that is. */
static bool ask_for(struct run *r, struct batch *b, struct entry **of, size_t n, enum side side,
                    struct wess_arena *call)
{
    struct run_side *s = &r->side[side];
    struct wess_error error = {0};
    const char **ids = arena_alloc(call, n * sizeof(*ids));
    struct wess_result *res = arena_alloc(call, n * sizeof(*res));
    if (!ids || !res)
        return run_memory(r);
    for (size_t i = 0; i < n; i++)
        ids[i] = of[i]->row[side].rid;
    enum wess_code rc =
        conn_fetch(s->conn, s->collection->id, call, 0, (struct wess_list){ids, n}, res, &error);
    if (rc == WESS_TOO_BIG && n > 1) {
        arena_reset(call);
        if (!ask_for(r, b, of, n / 2, side, call))
            return false;
        arena_reset(call);
        return ask_for(r, b, of + n / 2, n - n / 2, side, call);
    }
    if (rc == WESS_TOO_BIG) {
        of[0]->got[side] = WESS_TOO_BIG;
        return true;
    }
    if (rc != WESS_OK)
        return run_trouble(r, side, rc, &error, "fetch");
    for (size_t i = 0; i < n; i++)
        if (!take(r, b, of[i], side, &res[i]))
            return false;
    return true;
}

static bool read_side(struct run *r, struct batch *b, enum side side)
{
    const struct wess_collection *c = r->side[side].collection;
    size_t n = 0, most = c->fetch_max ? c->fetch_max : 100;
    struct entry **of = arena_alloc(b->arena, (b->n ? b->n : 1) * sizeof(*of));
    struct wess_arena *call = arena_new(ARENA_BUDGET);
    bool ok = of && call, hit = false;
    for (size_t i = 0; ok && i < b->n; i++) {
        if (!b->of[i].need[side] || !b->of[i].row[side].id)
            continue;
        ok = from_cache(r, b, &b->of[i], side, &hit);
        if (!hit)
            of[n++] = &b->of[i];
    }
    for (size_t at = 0; ok && at < n; at += most) {
        size_t len = n - at < most ? n - at : most;
        arena_reset(call);
        ok = !run_cancelled(r) && ask_for(r, b, of + at, len, side, call) &&
             into_cache(r, b, of + at, len, side);
    }
    if (!of || !call)
        run_memory(r);
    arena_free(call);
    return ok;
}

bool batch_read(struct run *r, struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        needs(&b->of[i]);
    return read_side(r, b, LEFT) && read_side(r, b, RIGHT);
}
