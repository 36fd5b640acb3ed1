/* Creates into a collection that others write to, by the same feed or by one of their own (an
 * endpoint that is opened once for each user): the whole plan takes its claims first, all keys of
 * an item in one transaction; then the feed is read once more to its end as the look-up; then the
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

/* What another feed of the remote has made this one's listing may not show yet: it is known from
 * now on, and read before anything is believed of it. */
static bool adopt(struct run *r, struct wess_arena *a, enum side side, int64_t made, bool *news)
{
    const struct feed_row *feed = &r->side[side].feed;
    struct item_row item, own;
    enum store_code rc = item_get(r->db, a, made, &item);
    *news = rc == STORE_OK && item_by_rid(r->db, a, feed->id, item.rid, &own) == STORE_NONE;
    if (!*news)
        return !db_failed(r->db);
    own = (struct item_row){.feed = feed->id, .rid = item.rid, .seen_ms = clock_now_ms()};
    return item_add(r->db, &own, 0, NULL, 0) == STORE_OK &&
           item_copy_keys(r->db, a, made, feed->id, own.id) == STORE_OK;
}

/* Takes the claim of one key, unless another create holds it or has made what it claimed. */
static bool take(struct run *r, struct wess_arena *a, const struct op_row *op,
                 const struct hash *key, bool *met)
{
    const struct run_side *side = &r->side[op->side];
    int64_t remote = side->feed.remote, by = 0, made = 0;
    struct op_row holder;
    bool news = false;
    *met = false;
    enum store_code rc = claim_take(r->db, remote, key, op->id, side->keep_claims_ms, &by, &made);
    if (rc != STORE_NONE)
        return rc == STORE_OK;
    if (made && !adopt(r, a, op->side, made, &news))
        return false;
    if (made && !news) /* it is known here, and was matched with */
        return claim_over(r->db, remote, key, op->id, side->keep_claims_ms) == STORE_OK;
    /* Two of this user's own items with one address are two people. */
    if (!made && !r->pair->files && op_get(r->db, a, by, &holder) == STORE_OK &&
        holder.pu == op->pu)
        return true;
    r->progress += news;
    r->report.deferred += !news;
    *met = true;
    return true;
}

/* Takes the claims of one create; gives it up when another user's create holds one. */
static bool claim(struct run *r, struct wess_arena *a, const struct op_row *op)
{
    struct hash *keys = NULL;
    size_t n = 0;
    bool met = false;
    if (item_key_hashes(r->db, a, op->item[other_side(op->side)], &keys, &n) == STORE_FAIL)
        return false;
    for (size_t i = 0; i < n && !met; i++)
        if (!hash_is_within(&keys[i]) /* the key around it is claimed */
            && !take(r, a, op, &keys[i], &met))
            return false;
    return !met || defer(r, op, WHY_DEFERRED);
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
    bool ok = ops && db_begin_soft(r->db) == STORE_OK && keys_follow(r->db, KEYS_FEW) == STORE_OK &&
              claims_expire(r->db, clock_now_ms()) == STORE_OK;
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

/* Whether that feed is of the remote of this side, as far as anybody knows. */
static bool is_apart(struct run *r, const struct run_side *side, const char *endpoint,
                     const char *user, bool *apart)
{
    const struct feed_row *own = &side->feed;
    int64_t remote = 0;
    if (!strcmp(endpoint, own->endpoint) && !strcmp(user, own->user))
        return true;
    enum store_code rc = feed_remote(r->db, endpoint, user, own->collection, &remote);
    *apart |= rc == STORE_NONE || !remote || remote == own->remote;
    return rc != STORE_FAIL;
}

/* Whether others may write to the same collection by feeds of their own. What an endpoint is of is
 * known once it was opened: until then it may be of any. */
static bool find_apart(struct run *r, const struct run_side *side, bool *apart)
{
    const struct config *cfg = r->cfg;
    *apart = false;
    for (size_t i = 0; i < cfg->n_users * cfg->n_pairs * 2 && !*apart; i++) {
        const struct cfg_user *u = &cfg->users[i / 2 / cfg->n_pairs];
        const struct cfg_pair *p = &cfg->pairs[i / 2 % cfg->n_pairs];
        const struct cfg_endpoint *ep = p->endpoint[i % 2];
        if (u->mode == MODE_OFF || strcmp(ep->connector, side->endpoint->connector) ||
            strcmp(p->collection[i % 2], side->feed.collection))
            continue;
        if (!is_apart(r, side, ep->name, ep->per_user ? u->id : "", apart))
            return run_store_failed(r);
    }
    return true;
}

static bool claim_side(struct run *r, enum side s)
{
    struct run_side *side = &r->side[s];
    int64_t planned = 0, released = 0, changed = 0, claims = 0;
    bool apart = false, siblings = false;
    if (ops_planned(r->db, r->pu.id, OP_CREATE, (int)s, false, &planned) != STORE_OK ||
        (!planned &&
         ops_planned(r->db, r->pu.id, OP_CREATE, (int)s, true, &released) != STORE_OK) ||
        claims_count(r->db, &claims) != STORE_OK)
        return run_store_failed(r);
    if (!planned && !released)
        return true;
    if (!newest_there(r, s))
        return false;
    if (!find_apart(r, side, &apart))
        return false;
    side->keep_claims_ms = apart ? side->collection->settle_after_ms : 0;
    /* Where nobody else creates there is nobody to claim against, but for who left claims behind.
     */
    bool others = side->common || apart || claims || r->pair->files;
    if (others && !each_create(r, s, claim))
        return false;
    /* Who opens another feed from now on meets the claims. */
    if (feed_has_siblings(r->db, side->feed.id, &siblings) != STORE_OK)
        return run_store_failed(r);
    if (!side->shared && !siblings) /* two of one mailbox are one; what others file is elsewhere */
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
        if (RULE(claims_first) && !claim_side(r, (enum side)s))
            return false;
    return true;
}
