/* Creates into a shared collection: the whole plan takes its claims first, all keys of an item in
 * one transaction; then the shared feed is read once more to its end as the look-up; then the
 * creates go. Who meets a claim is deferred and matches again: no thread waits. */
#include "engine/run.h"

#include <string.h>

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
        if (hash_is_within(&keys[i])) /* the key around it is claimed */
            continue;
        enum store_code rc = claim_take(r->db, r->side[op->side].feed.id, &keys[i], op->id, &by);
        if (rc == STORE_FAIL)
            return false;
        if (rc == STORE_OK || by == op->id)
            continue;
        /* Two of this user's own items with one address are two people. */
        if (!r->pair->files && op_get(r->db, a, by, &holder) == STORE_OK && holder.pu == op->pu)
            continue;
        r->report.deferred++;
        return defer(r, op, WHY_DEFERRED);
    }
    return true;
}

/* A person who saw the likely twin asked for a new record all the same. */
static bool asked_for(struct run *r, struct wess_arena *a, const struct op_row *op)
{
    struct ask_row ask;
    return ask_of_item(r->db, a, op->pu, op->todo_side, op->todo_item, &ask) == STORE_OK &&
           ask.answer && !strcmp(ask.answer, "create");
}

static bool still_missing(struct run *r, struct wess_arena *a, const struct op_row *op)
{
    enum side from = other_side(op->side);
    bool there = op->link ? match_free(r, a, from, op->item[from])
                          : match_exists(r, a, from, op->item[from]);
    if (there && !asked_for(r, a, op)) {
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
    bool ok = ops && db_begin_soft(r->db) == STORE_OK && keys_follow(r->db) == STORE_OK;
    bool whole = true;
    while (ok && n == AT_ONCE) {
        arena_reset(a);
        ops = arena_alloc(a, AT_ONCE * sizeof(*ops));
        ok = ops &&
             op_next(r->db, a, r->pu.id, OP_CREATE, side, after, ops, AT_ONCE, &n) != STORE_FAIL;
        for (size_t i = 0; ok && i < n; i++) {
            after = ops[i].id;
            ok = act(r, a, &ops[i]);
        }
        whole = run_sound(r, a);
        ok &= whole;
    }
    if (!ops)
        whole = run_memory(r);
    ok = ok && db_commit(r->db) == STORE_OK;
    arena_free(a);
    return whole && (ok || run_store_failed(r));
}

static bool claim_side(struct run *r, enum side s)
{
    const struct run_side *side = &r->side[s];
    int64_t planned = 0, released = 0, changed = 0, claims = 0;
    if (ops_planned(r->db, r->pu.id, OP_CREATE, (int)s, false, &planned) != STORE_OK ||
        ops_planned(r->db, r->pu.id, OP_CREATE, (int)s, true, &released) != STORE_OK ||
        claims_count(r->db, &claims) != STORE_OK)
        return run_store_failed(r);
    if (!planned && !released)
        return true;
    /* Where nobody else creates there is nobody to claim against, but for who left claims behind.
     */
    bool others = side->common || claims || r->pair->files;
    if (others && !each_create(r, s, claim))
        return false;
    if (!side->shared) /* two of one mailbox are one; what others file is elsewhere */
        return true;
    if (!run_look_up(r, s, &changed))
        return false;
    /* With others whether or not this reading brought news: another run may have read it, or have
     * made and settled such a record, since this one matched. */
    return !(others || changed) || each_create(r, s, still_missing);
}

bool claim_run(struct run *r)
{
    for (int s = LEFT; s <= RIGHT; s++)
        if ((r->side[s].shared || r->pair->files) && RULE(claims_first) &&
            !claim_side(r, (enum side)s))
            return false;
    return true;
}
