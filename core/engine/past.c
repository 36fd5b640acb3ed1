/* The stage "match", the past: what has no twin may be what an ended link knew under another id. */
#include "engine/match.h"

#include <string.h>

/* It was not the item's own deletion that ended the link. */
static bool outlived(const struct link_row *link, enum side side)
{
    const char *own = side == LEFT ? WHY_DELETED_LEFT : WHY_DELETED_RIGHT;
    return link->ended && link->reason && strcmp(link->reason, own) != 0 &&
           strcmp(link->reason, WHY_BOTH_GONE) != 0;
}

/* Where no key is sure the weakest one still tells what went out of reach. */
static bool is_all_there_is(const struct kind_def *kind, const struct hash *key)
{
    return !kind->n_sure && key->of[0] == key_label(kind->keys[kind->n_keys - 1]);
}

/* What becomes of the link of an item that is gone, as far as this pass has planned it. *known:
 * false: not yet. */
static bool planned_end(struct run *r, struct batch *b, enum side side, int64_t gone,
                        const char **reason, bool *known)
{
    struct todo_row todo;
    struct op_row op;
    int64_t id = 0;
    *reason = NULL;
    *known = true;
    for (size_t i = 0; i < b->n; i++)
        if (b->of[i].linked && b->of[i].link.item[side] == gone) {
            *known = b->of[i].act != ACT_WAIT;
            *reason = b->of[i].act == ACT_END ? b->of[i].reason : NULL;
            return true;
        }
    enum store_code rc = op_touching(r->db, r->pu.id, side, gone, &id);
    if (rc == STORE_OK)
        rc = op_get(r->db, b->arena, id, &op);
    if (rc == STORE_OK)
        *reason = op.what == OP_END ? op.reason : NULL;
    else
        *known = todo_get(r->db, r->pu.id, side, gone, &todo) != STORE_OK || todo.hold;
    return rc != STORE_FAIL || run_store_failed(r);
}

/* Its link has ended because it went out of reach, or is about to; what is not judged yet is waited
 * for. */
static bool went_away(struct run *r, struct batch *b, struct entry *e, const struct link_row *link,
                      bool *went)
{
    enum side side = e->todo.side;
    const char *reason = link->reason;
    bool known = true;
    if (!link->ended && !planned_end(r, b, side, link->item[side], &reason, &known))
        return false;
    if (!known)
        e->act = ACT_WAIT;
    *went = reason && (!strcmp(reason, WHY_MOVED) || !strcmp(reason, WHY_COPY) ||
                       !strcmp(reason, WHY_HIDDEN));
    return true;
}

/* Without a twin it may still be what an ended link knew under an id that is gone by now: moved, or
 * imported anew. That such a link stays ended must not hang on an id. */
bool past_meets(struct run *r, struct batch *b, struct entry *e, const struct hash *keys, size_t n)
{
    enum side side = e->todo.side;
    struct candidates c = {.n = 0};
    for (size_t i = 0; r->pu.met && i < n; i++) {
        struct item_row *rows = NULL;
        size_t n_rows = 0;
        bool sure = match_is_sure(r->pair->kind, &keys[i]);
        if (!sure && !is_all_there_is(r->pair->kind, &keys[i]))
            continue;
        if (items_find(r->db, b->arena, r->side[side].feed.id, e->row[side].rid, &keys[i], 1, &rows,
                       &n_rows) == STORE_FAIL)
            return run_store_failed(r);
        for (size_t k = 0; k < n_rows; k++) {
            struct link_row link;
            if (!(rows[k].flags & (ITEM_GONE | ITEM_ABSENT)))
                continue;
            enum store_code rc = link_of(r->db, b->arena, r->pu.id, side, rows[k].id, &link);
            if (rc == STORE_FAIL)
                return run_store_failed(r);
            bool past = rc == STORE_OK && sure && outlived(&link, side);
            if (rc == STORE_OK && !sure && !went_away(r, b, e, &link, &past))
                return false;
            if (past)
                candidates_add(&c, link.item[other_side(side)]);
        }
    }
    if (c.n)
        match_ask(e, ASK_ENDED, &c);
    return true;
}

bool past_is_back(struct run *r, struct wess_arena *a, enum side side, int64_t gone, bool *back)
{
    int64_t ids[CANDIDATES_MAX];
    struct hash *keys = NULL;
    struct item_row row;
    struct link_row link;
    size_t n = 0, found = 0;
    *back = false;
    if (item_key_hashes(r->db, a, gone, &keys, &n) == STORE_FAIL)
        return run_store_failed(r);
    for (size_t i = 0; i < n && !*back; i++) {
        if (!is_all_there_is(r->pair->kind, &keys[i]))
            continue;
        if (items_by_key(r->db, r->side[side].feed.id, &keys[i], NULL, ids, CANDIDATES_MAX,
                         &found) == STORE_FAIL)
            return run_store_failed(r);
        for (size_t k = 0; k < found && k < CANDIDATES_MAX && !*back; k++)
            *back = item_get(r->db, a, ids[k], &row) == STORE_OK && (row.flags & ITEM_CHOSEN) &&
                    link_of(r->db, a, r->pu.id, side, ids[k], &link) == STORE_NONE;
    }
    return !db_failed(r->db) || run_store_failed(r);
}
