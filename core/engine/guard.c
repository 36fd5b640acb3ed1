/* The stage "guard": a change of unusual size waits for a person. One table of limits, one way of
 * counting; what is stopped becomes a numbered hold with a fixed list and a reason, the rest goes
 * on. */
#include "engine/run.h"

#include <stdio.h>

#define DAY_MS ((int64_t)24 * 3600 * 1000)
#define PERCENT_FROM 20 /* links below which a percentage says nothing */
#define DAY_FACTOR 3
#define ALL_FACTOR 10
#define AT_ONCE 200u

enum scope { ONE_RUN, ONE_DAY, ALL_USERS };
static const struct {
    enum scope scope;
    int factor;
    const char *text;
} windows[] = {
    {ONE_RUN, 1, "in one run"},
    {ONE_DAY, DAY_FACTOR, "in 24 hours"},
    {ALL_USERS, ALL_FACTOR, "in 24 hours over all users"},
};
static const struct {
    enum op_what what;
    const char *word;
} kinds[] = {
    {OP_DELETE, "deletions"},
    {OP_END, "links ended"},
    {OP_UPDATE, "changes"},
    {OP_CREATE, "new items"},
};

static int64_t limit_of(const struct run *r, enum op_what what, int64_t links)
{
    const struct cfg_guard *g = &r->pair->guard;
    int64_t percent = links >= PERCENT_FROM ? links * g->max_change_percent / 100 : 0;
    int64_t change = percent > g->max_change ? percent : g->max_change;
    bool first = !r->pu.met;
    switch (what) {
    case OP_DELETE:
        return g->max_delete;
    case OP_END:
        return g->max_unlink;
    case OP_UPDATE:
        return first && g->max_first > change ? g->max_first : change;
    case OP_CREATE:
        return first ? g->max_first : g->max_create;
    case OP_LINK:
        break;
    }
    return INT64_MAX / ALL_FACTOR;
}

/* What counts in that window: planned now (of this user: `mine`), and for the longer ones what was
 * done before. Released operations were a person's decision and do not count; of a series that is
 * its occurrences one does. */
static bool count(struct run *r, enum op_what what, int64_t mine, enum scope scope, int64_t *n)
{
    int64_t pu = scope == ALL_USERS ? 0 : r->pu.id, done = 0, twice = 0;
    int64_t since_ms = scope == ONE_RUN ? 0 : clock_now_ms() - DAY_MS;
    bool series = r->side[LEFT].view.window.until_ms || r->side[RIGHT].view.window.until_ms;
    *n = mine;
    if (!pu && ops_planned(r->db, pu, what, -1, false, n) != STORE_OK)
        return run_store_failed(r);
    if (since_ms && ops_since(r->db, pu, what, since_ms, &done) != STORE_OK)
        return run_store_failed(r);
    if (series && ops_of_series(r->db, pu, what, since_ms, &twice) != STORE_OK)
        return run_store_failed(r);
    *n += done - twice;
    return true;
}

/* A person who lets a list go must see who is on it: what would be created is kept with its source.
 */
static bool keep_names(struct run *r)
{
    struct wess_arena *a = arena_new(ARENA_BUDGET);
    bool whole = a || run_memory(r);
    for (int s = LEFT; whole && s <= RIGHT; s++) {
        int64_t after = 0;
        size_t n = AT_ONCE;
        while (whole && n == AT_ONCE) {
            arena_reset(a);
            struct op_row *ops = arena_alloc(a, AT_ONCE * sizeof(*ops));
            n = 0;
            if (ops)
                op_next(r->db, a, r->pu.id, OP_CREATE, (enum side)s, after, ops, AT_ONCE, &n);
            for (size_t i = 0; i < n; i++) {
                after = ops[i].id;
                item_content(r->db, ops[i].todo_item, NULL, ops[i].body);
            }
            whole = run_sound(r, a);
        }
    }
    arena_free(a);
    return whole;
}

bool guard_hold(struct run *r, enum op_what what, int64_t mine, const char *reason)
{
    struct hold_row row = {.pu = r->pu.id,
                           .n = mine,
                           .made_ms = clock_now_ms(),
                           .what = what,
                           .side = RIGHT,
                           .reason = reason};
    if (db_begin(r->db) != STORE_OK)
        return run_store_failed(r);
    hold_make(r->db, &row);
    if (what == OP_CREATE && !r->pair->files && !keep_names(r)) /* of what is filed they are kept */
        return false;
    hold_ops(r->db, row.id, r->pu.id, what, -1);
    if (db_commit(r->db) != STORE_OK)
        return run_store_failed(r);
    r->report.held += mine;
    r->report.status = status_worse(r->report.status, EXIT_HELD);
    return true;
}

static bool guard(struct run *r, size_t k, int64_t links)
{
    char reason[200];
    int64_t mine = 0, limit = limit_of(r, kinds[k].what, links);
    if (ops_planned(r->db, r->pu.id, kinds[k].what, -1, false, &mine) != STORE_OK)
        return run_store_failed(r);
    if (!mine)
        return true;
    for (size_t w = 0; w < sizeof(windows) / sizeof(windows[0]); w++) {
        int64_t n = 0, most = limit * windows[w].factor;
        if (!count(r, kinds[k].what, mine, windows[w].scope, &n))
            return false;
        if (n <= most)
            continue;
        snprintf(reason, sizeof(reason), "%lld %s %s, %lld allowed", (long long)n, kinds[k].word,
                 windows[w].text, (long long)most);
        return guard_hold(r, kinds[k].what, mine, reason);
    }
    return true;
}

/* Items tagged before WESS came are listed first, and created once the list is let go. */
static bool first_creates(struct run *r)
{
    char reason[200];
    int64_t mine = 0;
    if (r->pu.met || !r->pair->first_create_ask)
        return true;
    if (ops_planned(r->db, r->pu.id, OP_CREATE, -1, false, &mine) != STORE_OK)
        return run_store_failed(r);
    if (!mine)
        return true;
    snprintf(reason, sizeof(reason), "first meeting: %lld items without a twin would be created",
             (long long)mine);
    return guard_hold(r, OP_CREATE, mine, reason);
}

bool guard_run(struct run *r)
{
    int64_t links = 0;
    /* One cause, before the numbers that it makes; and what tells people. */
    if (!guard_rename(r) || !meetings_hold(r))
        return false;
    if (link_count(r->db, r->pu.id, &links) != STORE_OK)
        return run_store_failed(r);
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
        if (!guard(r, k, links))
            return false;
    return first_creates(r);
}
