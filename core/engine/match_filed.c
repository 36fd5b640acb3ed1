/* The stage "match" of a pair that files: what lies there already, or was filed before, is not
 * filed again. */
#include <string.h>

#include "engine/match.h"

/* Whether another one that bears this key was filed, or this one itself under an id that is gone by
 * now: what became of its copy since is all one. */
static bool was_filed(struct run *r, struct batch *b, const struct entry *e,
                      const struct hash *natural, bool *filed)
{
    enum side side = e->todo.side;
    struct item_row *rows = NULL;
    struct link_row link;
    size_t n = 0;
    /* An old link of its own is one that a person wants to count for nothing. */
    enum store_code rc = link_of(r->db, b->arena, r->pu.id, side, e->todo.item, &link);
    *filed = false;
    if (rc == STORE_OK)
        return true;
    if (rc == STORE_FAIL || items_find(r->db, b->arena, r->side[side].feed.id, e->row[side].rid,
                                       natural, 1, &rows, &n) == STORE_FAIL)
        return run_store_failed(r);
    for (size_t i = 0; i < n && !*filed; i++) {
        rc = link_of(r->db, b->arena, r->pu.id, side, rows[i].id, &link);
        if (rc == STORE_FAIL)
            return run_store_failed(r);
        *filed = rc == STORE_OK && link.ended && link.reason && !strcmp(link.reason, WHY_FILED);
    }
    return true;
}

/* What bears its natural key, or its stamp, is the same one: in how many mailboxes it lies, and
 * whether it was filed by us, is all one. */
bool match_filed(struct run *r, struct batch *b, struct entry *e)
{
    const char *natural = r->pair->kind->natural;
    enum side other = other_side(e->todo.side);
    struct candidates c = {.n = 0};
    struct hash *keys = NULL;
    size_t n = 0;
    bool filed = false;
    if (item_key_hashes(r->db, b->arena, e->todo.item, &keys, &n) == STORE_FAIL)
        return run_store_failed(r);
    for (size_t i = 0; i < n && !c.n; i++)
        if ((keys[i].of[0] == key_label(KEY_DERIVED) || keys[i].of[0] == key_label(natural)) &&
            !candidates_by_hash(r, b, other, &keys[i], NULL, &c))
            return false;
    for (size_t i = 0; i < n && !c.n && !filed; i++)
        if (keys[i].of[0] == key_label(natural) && !was_filed(r, b, e, &keys[i], &filed))
            return false;
    if (filed) {
        e->act = ACT_DROP;
        e->reason = WHY_FILED;
    }
    if (!c.n)
        return true;
    e->act = ACT_FILE;
    e->link = (struct link_row){.pu = r->pu.id, .unseen = {"", ""}};
    e->link.item[e->todo.side] = e->todo.item;
    e->link.item[other] = c.of[0];
    return true;
}
