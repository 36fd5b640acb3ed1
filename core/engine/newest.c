/* A remote that was put back to an earlier time may show nothing older than before: where only what
 * was made since is gone, its newest records are, and nobody tells. Looked for before anything is
 * created there, since the ids of what is gone are given anew, and before anything is done about a
 * record that was not found. */
#include <string.h>

#include "engine/run.h"
#include "feed/back.h"
#include "model/rules.h"

#define NEWEST 3u

/* How many of them, from the newest on, are gone. */
static bool count_gone(struct run *r, struct wess_arena *a, enum side s,
                       const struct newest_row *rows, size_t n, size_t *gone)
{
    const struct run_side *side = &r->side[s];
    const char *ids[NEWEST];
    struct wess_result *res = arena_alloc(a, NEWEST * sizeof(*res));
    struct wess_error error = {0};
    *gone = 0;
    if (!res)
        return run_memory(r);
    for (size_t i = 0; i < n; i++)
        ids[i] = rows[i].rid;
    enum wess_code rc = conn_fetch(side->conn, side->collection->id, a, WESS_CALL_FACTS,
                                   (struct wess_list){ids, n}, res, &error);
    if (rc != WESS_OK)
        return run_trouble(r, s, rc, &error, "fetch");
    while (*gone < n && res[*gone].code == WESS_GONE)
        ++*gone;
    return true;
}

/* One alone may have been hidden from us, unless it is also the last that was changed. */
static bool tells(const struct newest_row *rows, size_t gone, int64_t changed_ms)
{
    return gone > 1 || (gone && rows[0].changed_ms >= changed_ms);
}

static bool look(struct run *r, struct wess_arena *a, enum side s, bool *back)
{
    const struct run_side *side = &r->side[s];
    struct newest_row rows[NEWEST];
    int64_t changed_ms = 0;
    size_t n = 0, gone = 0;
    if (items_newest(r->db, a, side->feed.id, clock_now_ms() - side->collection->settle_after_ms,
                     rows, NEWEST, &n, &changed_ms) != STORE_OK)
        return run_store_failed(r);
    if (n && !count_gone(r, a, s, rows, n, &gone))
        return false;
    *back = tells(rows, gone, changed_ms);
    return true;
}

bool newest_missed(struct run *r, enum side s, bool *missed)
{
    const struct run_side *side = &r->side[s];
    *missed = false;
    if (side->newest_seen || !(side->collection->caps & WESS_CAP_REVISIONS_RISE) ||
        !RULE(back_held))
        return true;
    struct wess_arena *a = arena_new(ARENA_BUDGET);
    bool ok = a ? look(r, a, s, missed) : run_memory(r);
    arena_free(a);
    return ok;
}

bool newest_there(struct run *r, enum side s)
{
    int64_t changed = 0;
    bool missed;
    if (!newest_missed(r, s, &missed))
        return false;
    /* Somebody may have deleted them since the feed was read, and then the remote tells. */
    if (missed && (!run_look_up(r, s, &changed) || !newest_missed(r, s, &missed)))
        return false;
    r->side[s].newest_seen = !missed;
    return !missed || run_back(r, s);
}
