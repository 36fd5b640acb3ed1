/* Creates into a shared collection: the whole plan takes its claims first, all keys of an item in
 * one transaction; then the shared feed is read once more to its end as the look-up; then the
 * creates go. Who meets a claim is deferred and matches again: no thread waits. */
#include "engine/run.h"

#define AT_ONCE 200u

static bool defer(struct run *r, const struct op_row *op, const char *reason)
{
    op_drop(r->db, op->id);
    why_put(r->db, r->pu.id, op->todo_side, op->todo_item, reason, clock_now_ms());
    return true;
}

/* Takes the claims of one create; gives it up when another user's create holds one. */
static bool claim(struct run *r, struct wess_arena *a, const struct op_row *op)
{
    enum side from = other_side(op->side);
    struct hash *keys = NULL;
    size_t n = 0;
    if (item_key_hashes(r->db, a, op->item[from], &keys, &n) == STORE_FAIL)
        return false;
    for (size_t i = 0; i < n; i++) {
        struct op_row holder;
        int64_t by = 0;
        enum store_code rc = claim_take(r->db, r->side[op->side].feed.id, &keys[i], op->id, &by);
        if (rc == STORE_FAIL)
            return false;
        if (rc == STORE_OK || by == op->id)
            continue;
        /* Two of this user's own items with one address are two people. */
        if (op_get(r->db, a, by, &holder) == STORE_OK && holder.pu == op->pu)
            continue;
        r->report.deferred++;
        return defer(r, op, WHY_DEFERRED);
    }
    return true;
}

static bool still_missing(struct run *r, struct wess_arena *a, const struct op_row *op)
{
    enum side from = other_side(op->side);
    if (!op->link && match_exists(r, a, from, op->item[from])) {
        r->progress++;
        return defer(r, op, WHY_DEFERRED);
    }
    return !db_failed(r->db);
}

static bool each_create(struct run *r, enum side side,
                        bool (*act)(struct run *, struct wess_arena *, const struct op_row *))
{
    struct wess_arena *a = arena_new(ARENA_BUDGET);
    struct op_row *ops = a ? arena_alloc(a, AT_ONCE * sizeof(*ops)) : NULL;
    int64_t after = 0;
    size_t n = AT_ONCE;
    bool ok = ops && db_begin_soft(r->db) == STORE_OK;
    while (ok && n == AT_ONCE) {
        arena_reset(a);
        ops = arena_alloc(a, AT_ONCE * sizeof(*ops));
        ok = ops &&
             op_next(r->db, a, r->pu.id, OP_CREATE, side, after, ops, AT_ONCE, &n) != STORE_FAIL;
        for (size_t i = 0; ok && i < n; i++) {
            after = ops[i].id;
            ok = act(r, a, &ops[i]);
        }
    }
    ok = ok && db_commit(r->db) == STORE_OK;
    arena_free(a);
    return ok || run_store_failed(r);
}

bool claim_run(struct run *r)
{
    for (int s = LEFT; s <= RIGHT; s++) {
        int64_t planned = 0, changed = 0;
        if (!r->side[s].shared || !RULE(claims_first))
            continue;
        if (ops_planned(r->db, r->pu.id, OP_CREATE, s, false, &planned) != STORE_OK)
            return run_store_failed(r);
        int64_t released = 0;
        if (ops_planned(r->db, r->pu.id, OP_CREATE, s, true, &released) != STORE_OK)
            return run_store_failed(r);
        if (!planned && !released)
            continue;
        if (!each_create(r, (enum side)s, claim))
            return false;
        if (round_pull_shared(r, (enum side)s, true, &changed) != WESS_OK)
            return false;
        if (changed && !each_create(r, (enum side)s, still_missing))
            return false;
    }
    return true;
}
