/* What a person does to links: `wess link`, `wess unlink`, `wess refile`. */
#include "engine/run.h"

#include <string.h>

enum store_code link_by_hand_end(struct db *db, int64_t pu, enum side side, int64_t item,
                                 const char *who, int64_t now_ms)
{
    struct wess_arena *a = arena_new(ARENA_BUDGET);
    struct link_row link;
    enum store_code rc = a ? link_of(db, a, pu, side, item, &link) : STORE_FAIL;
    if (rc == STORE_OK && link.ended)
        rc = STORE_NONE;
    if (rc == STORE_OK) {
        rc = link_end(db, link.id, WHY_BY_HAND, who, now_ms);
        for (int s = LEFT; s <= RIGHT; s++)
            if (link.item[s]) {
                todo_drop(db, pu, (enum side)s, link.item[s]);
                why_put(db, pu, (enum side)s, link.item[s], WHY_BY_HAND, now_ms);
            }
    }
    arena_free(a);
    return rc;
}

static bool is_taken(struct db *db, struct wess_arena *a, int64_t pu, enum side side, int64_t item,
                     struct link_row *link)
{
    enum store_code rc = link_of(db, a, pu, side, item, link);
    return rc == STORE_OK && !link->ended;
}

/* Why the two cannot be linked now; NULL: they can. `link`: the last one of the left item. */
static const char *hindrance(struct db *db, struct wess_arena *a, int64_t pu, const int64_t item[2],
                             struct link_row *link)
{
    static const char *const taken[] = {"the left item is linked already; `wess unlink` it first",
                                        "the right item is linked already; `wess unlink` it first"};
    static const char *const in_doubt[] = {
        "it is not known yet whether the left item's twin was made; `wess sync` settles that first",
        "it is not known yet whether the right item's twin was made; `wess sync` settles that "
        "first"};
    static const char *const away[] = {
        "the left item is not there any more; linked, it would count as deleted",
        "the right item is not there any more; linked, it would count as deleted"};
    struct link_row right = {0};
    struct item_row row;
    for (int s = LEFT; s <= RIGHT; s++) {
        if (item_get(db, a, item[s], &row) == STORE_OK && (row.flags & (ITEM_GONE | ITEM_ABSENT)))
            return away[s];
        int64_t *sources = NULL;
        size_t n = 0;
        if (is_taken(db, a, pu, (enum side)s, item[s], s == LEFT ? link : &right))
            return taken[s];
        ops_create_sources(db, a, pu, (enum side)s, &sources, &n);
        for (size_t i = 0; i < n; i++)
            if (sources[i] == item[s])
                return in_doubt[s];
    }
    return NULL;
}

enum store_code link_by_hand(struct db *db, int64_t pu, int64_t left_item, int64_t right_item,
                             const char *who, int64_t now_ms, const char **why)
{
    struct wess_arena *a = arena_new(ARENA_BUDGET);
    struct link_row link = {0};
    const int64_t item[] = {left_item, right_item};
    enum store_code rc = STORE_NONE;
    (void)who;
    *why = NULL;
    if (!a)
        return STORE_FAIL;
    *why = hindrance(db, a, pu, item, &link);
    if (db_failed(db) || arena_refused(a) != ARENA_GAVE) {
        rc = STORE_FAIL;
    } else if (!*why) {
        /* An ended link of the two goes on, with its shadows. */
        if (!link.id || link.item[RIGHT] != right_item)
            link = (struct link_row){.pu = pu, .unseen = {"", ""}};
        link.item[LEFT] = left_item;
        link.item[RIGHT] = right_item;
        link.rev[LEFT] = link.rev[RIGHT] = NULL;
        /* Not by any select: only a select that chose it can leave it again. */
        link.chosen[LEFT] = link.chosen[RIGHT] = false;
        link.ended = false;
        rc = link_put(db, &link);
        todo_put(db, pu, LEFT, left_item, NOT_CHOSEN);
        todo_put(db, pu, RIGHT, right_item, NOT_CHOSEN);
        why_put(db, pu, LEFT, left_item, WHY_LINKED, now_ms);
        why_put(db, pu, RIGHT, right_item, WHY_LINKED, now_ms);
    }
    arena_free(a);
    return rc;
}

enum store_code file_by_hand_again(struct db *db, int64_t pu, int64_t left_item, const char *who,
                                   int64_t now_ms, const char **why)
{
    struct wess_arena *a = arena_new(ARENA_BUDGET);
    struct link_row link = {0};
    struct item_row item;
    enum store_code rc = a ? link_of(db, a, pu, LEFT, left_item, &link) : STORE_FAIL;
    *why = NULL;
    if (rc == STORE_OK && !(link.reason && !strcmp(link.reason, WHY_FILED)))
        rc = STORE_NONE;
    if (rc == STORE_OK)
        rc = item_get(db, a, left_item, &item);
    if (rc == STORE_OK && (item.flags & (ITEM_GONE | ITEM_ABSENT)))
        *why = "it is no longer there on the left side, so that there is nothing to file";
    else if (rc == STORE_OK && (item.flags & WESS_ITEM_PRIVATE))
        *why = "it is private now";
    else if (rc == STORE_OK && !(item.flags & ITEM_CHOSEN))
        *why = "it is not selected any more: tag it, then it can be filed once more";
    if (rc == STORE_OK && !*why) {
        /* The old link stays, with who asked and when; the new one comes with the next filing. */
        rc = link_end(db, link.id, WHY_REFILE, who, now_ms);
        todo_put(db, pu, LEFT, left_item, CHOSEN);
        why_put(db, pu, LEFT, left_item, WHY_REFILE, now_ms);
    }
    arena_free(a);
    return rc;
}
