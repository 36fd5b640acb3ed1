/* The stages "journal", "apply" and "settle" over a plan: batches to the connector, each stored
 * before it is sent. Neighbouring batches overlap: while one is on the wire the next is journalled
 * and the last one settled. */
#include "engine/wire.h"

#define WRITE_DEFAULT 100u
#define LOCAL_AT_ONCE 200u

/* ---- local operations
 * ----------------------------------------------------------------------------- */

static bool local(struct run *r, enum op_what what)
{
    struct wess_result done = {.code = WESS_OK};
    struct wess_arena *a = arena_new(ARENA_BUDGET);
    size_t n = LOCAL_AT_ONCE;
    bool ok = a != NULL, whole = true;
    while (ok && n) {
        arena_reset(a);
        struct op_row *ops = arena_alloc(a, LOCAL_AT_ONCE * sizeof(*ops));
        n = 0;
        for (int s = LEFT; ok && ops && s <= RIGHT && !n; s++)
            ok = op_next(r->db, a, r->pu.id, what, (enum side)s, 0, ops, LOCAL_AT_ONCE, &n) !=
                 STORE_FAIL;
        ok = ok && ops && db_begin(r->db) == STORE_OK;
        for (size_t i = 0; ok && i < n; i++)
            ok = settle_op(r, a, &ops[i], &done);
        whole = run_sound(r, a);
        ok = ok && whole && db_commit(r->db) == STORE_OK;
    }
    if (!a)
        whole = run_memory(r);
    arena_free(a);
    return whole && (ok || run_store_failed(r));
}

/* ---- remote operations
 * ---------------------------------------------------------------------------- */

/* How many of the batch from `at` on lie side by side in the journal. */
static size_t neighbours(const struct flight *f, size_t at)
{
    size_t n = 1;
    while (at + n < f->n && f->rows[at + n].id == f->rows[at].id + (int64_t)n)
        n++;
    return n;
}

static bool journal(struct flight *f)
{
    struct run *r = f->run;
    int64_t now = clock_now_ms();
    bool ok = db_begin(r->db) == STORE_OK;
    for (size_t at = 0, n; ok && at < f->n; at += n) {
        int64_t first = f->rows[at].id;
        n = neighbours(f, at);
        ok = ops_sent(r->db, first, first + (int64_t)n - 1, now) == STORE_OK;
    }
    for (size_t i = 0; i < f->n; i++) {
        f->rows[i].state = OP_SENT;
        f->rows[i].sent_ms = now;
    }
    return (ok && db_commit(r->db) == STORE_OK) || run_store_failed(r);
}

/* What is left of one kind of operation: the right side's first, then the left's. */
struct line {
    enum op_what what;
    int side;
    int64_t after;
};

static size_t batch_of(const struct run *r, int side)
{
    uint32_t max = r->side[side].collection->write_max;
    return max ? max : WRITE_DEFAULT;
}

static bool load(struct flight *f, struct line *l)
{
    struct run *r = f->run;
    size_t most = batch_of(r, l->side);
    arena_reset(f->arena);
    f->n = 0;
    f->error = (struct wess_error){0};
    f->side = (enum side)l->side;
    f->rows = arena_alloc(f->arena, most * sizeof(*f->rows));
    if (!f->rows)
        return run_memory(r);
    if (op_next(r->db, f->arena, r->pu.id, l->what, f->side, l->after, f->rows, most, &f->n) ==
        STORE_FAIL)
        return run_store_failed(r);
    return true;
}

/* Where both sides of a link are written, the second waits until the first is settled. */
static bool waits_for(const struct flight *f, const struct flight *before)
{
    for (size_t i = 0; before && i < f->n; i++)
        for (size_t k = 0; f->rows[i].link && k < before->n; k++)
            if (f->rows[i].link == before->rows[k].link)
                return true;
    return false;
}

/* The next batch, journalled; none while it waits for one that is not settled (`before`). */
static bool next(struct flight *f, struct line *l, const struct flight *before)
{
    if (!load(f, l))
        return false;
    if (!f->n && l->side == RIGHT) {
        *l = (struct line){.what = l->what, .side = LEFT};
        if (!load(f, l))
            return false;
    }
    if (waits_for(f, before))
        f->n = 0;
    if (!f->n)
        return true;
    f->last = f->rows[f->n - 1].id;
    if (!flight_load(f, 0))
        return run_memory(f->run);
    if (!file_load(f, false))
        return false;
    l->after = f->last;
    if (!f->n) /* none of these can go now; those behind them may */
        return next(f, l, before);
    return !RULE(journal_first) || journal(f);
}

/* What was journalled for a batch that is not sent after all. */
static void take_back(struct flight *f)
{
    file_landed(f);
    if (!f->n || db_begin(f->run->db) != STORE_OK)
        return;
    for (size_t i = 0; i < f->n; i++)
        op_unsend(f->run->db, f->rows[i].id);
    db_commit(f->run->db);
}

static void tell(struct run *r, enum op_what what, int64_t done, int64_t of)
{
    round_progress(r,
                   what == OP_CREATE   ? "create"
                   : what == OP_UPDATE ? "update"
                                       : "delete",
                   done, of);
}

/* While a batch is on the wire there is time for it. */
static bool follow(struct run *r)
{
    return keys_follow(r->db, KEYS_MANY) == STORE_OK || run_store_failed(r);
}

static bool remote(struct run *r, enum op_what what, struct flight two[2])
{
    struct line line = {.what = what, .side = RIGHT};
    struct flight *now = &two[0], *coming = &two[1];
    bool alone = r->pair->files && r->side[LEFT].conn == r->side[RIGHT].conn;
    int64_t done = 0, planned = 0;
    ops_planned(r->db, r->pu.id, what, -1, false, &planned);
    bool ok = next(now, &line, NULL);
    while (ok && now->n) {
        flight_start(now);
        while (now->flying) {
            if (alone) /* what goes next is read: a connection takes one call at a time */
                flight_land(now);
            bool more = ok && follow(r) && next(coming, &line, now);
            flight_land(now);
            /* The next batch goes before the last one is settled; not after a call that failed. */
            if (more && coming->n && now->code == WESS_OK && !run_cancelled(r))
                flight_start(coming);
            else if (more)
                take_back(coming);
            ok = flight_settle(now) && more;
            done += (int64_t)now->n;
            tell(r, what, done, planned);
            struct flight *landed = now;
            now = coming;
            coming = landed;
        }
        ok = ok && !run_cancelled(r) && next(now, &line, NULL);
    }
    return ok;
}

bool apply_run(struct run *r)
{
    /* Deletes last: what moved is then known by its new place. */
    static const enum op_what order[] = {OP_CREATE, OP_UPDATE, OP_DELETE};
    struct flight two[2] = {{.run = r, .arena = arena_new(ARENA_BUDGET)},
                            {.run = r, .arena = arena_new(ARENA_BUDGET)}};
    bool ok = (two[0].arena && two[1].arena) || run_memory(r);
    ok = ok && local(r, OP_LINK) && local(r, OP_END);
    for (size_t i = 0; ok && i < sizeof(order) / sizeof(order[0]); i++)
        ok = remote(r, order[i], two);
    arena_free(two[0].arena);
    arena_free(two[1].arena);
    return ok;
}
