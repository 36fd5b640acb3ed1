/* Creates that may have been carried out, and what looks like them: an item in their place (moved,
 * renamed), or one that a person made on the other side meanwhile. Neither is created nor linked
 * before the create is settled; then the rules decide, as at any first meeting. */
#include "engine/run.h"

#include <string.h>

/* ---- who meets a create in doubt
 * --------------------------------------------------------------------------------- */

static bool add_keys(struct run *r, struct batch *b, struct doubts *d, int64_t item)
{
    struct hash *keys = NULL;
    size_t n = 0;
    if (item_key_hashes(r->db, b->arena, item, &keys, &n) == STORE_FAIL)
        return false;
    struct hash *of = arena_alloc(b->arena, (d->n + n + 1) * sizeof(*of));
    bool by_name = match_by_name(keys, n);
    if (!of) /* told by run_sound() */
        return true;
    if (d->n)
        memcpy(of, d->of, d->n * sizeof(*of));
    d->of = of;
    for (size_t i = 0; i < n; i++)
        if (match_ties(r, &keys[i], by_name))
            d->of[d->n++] = keys[i];
    return true;
}

bool doubts_load(struct run *r, struct batch *b)
{
    for (int s = LEFT; s <= RIGHT; s++) {
        int64_t *sources = NULL;
        size_t n = 0;
        b->doubts[s] = (struct doubts){NULL, 0};
        if (ops_create_sources(r->db, b->arena, r->pu.id, (enum side)s, &sources, &n) != STORE_OK)
            return false;
        for (size_t i = 0; i < n; i++)
            if (!add_keys(r, b, &b->doubts[s], sources[i]))
                return false;
    }
    return true;
}

static bool is_among(const struct doubts *d, const struct hash *keys, size_t n)
{
    for (size_t i = 0; i < d->n; i++)
        for (size_t k = 0; k < n; k++)
            if (!memcmp(d->of[i].of, keys[k].of, HASH_SIZE))
                return true;
    return false;
}

bool doubt_meets(const struct batch *b, struct entry *e, const struct hash *keys, size_t n)
{
    enum side side = e->todo.side;
    bool here = e->act == ACT_CREATE && is_among(&b->doubts[side], keys, n);
    bool there = e->act != ACT_DROP && is_among(&b->doubts[other_side(side)], keys, n);
    if ((!here && !there) || !RULE(doubt_waits))
        return false;

    e->act = ACT_WAIT;
    e->reason = WHY_IN_DOUBT;
    e->linked = e->fresh = false;
    e->link = (struct link_row){0};
    return true;
}

/* ---- what was deleted, and typed anew
 * ---------------------------------------------------------------------------- */

/* For the next pass. A dry run has one alone, and leaves no to-do behind. */
static bool match_later(struct run *r, enum side side, int64_t item)
{
    if (!r->dry) {
        todo_put(r->db, r->pu.id, side, item, CHOSEN);
        r->progress++;
        return true;
    }
    struct todo_row *more = arena_alloc(r->arena, (r->n_met + 1) * sizeof(*more));
    if (!more)
        return run_memory(r);
    if (r->n_met)
        memcpy(more, r->met, r->n_met * sizeof(*more));
    more[r->n_met++] =
        (struct todo_row){.pu = r->pu.id, .item = item, .side = side, .chosen = CHOSEN};
    r->met = more;
    return true;
}

bool restore_meets(struct run *r, struct wess_arena *a, struct entry *e, bool *met)
{
    enum side to = e->target, from = other_side(to);
    int64_t living = e->row[from].id, gone = e->row[to].id;
    *met = RULE(restore_looks) && match_free(r, a, from, living);
    if (!*met)
        return !db_failed(r->db) || run_store_failed(r);
    e->link.item[from] = 0;
    e->link.stamp = NULL; /* the history keeps it */
    e->link.chosen[LEFT] = e->link.chosen[RIGHT] = false;
    link_put(r->db, &e->link);
    link_end(r->db, e->link.id, to == LEFT ? WHY_DELETED_LEFT : WHY_DELETED_RIGHT, "wess",
             clock_now_ms());
    if (gone)
        todo_drop(r->db, r->pu.id, to, gone);
    if (e->todo.side == to && e->todo.item != gone)
        todo_drop(r->db, r->pu.id, to, e->todo.item);
    return match_later(r, from, living);
}
