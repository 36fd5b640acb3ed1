/* The runs of a round, side by side: users are taken in turn, the pairs of one user in their order.
 */
#include <stdio.h>
#include <string.h>

#include "engine/round.h"

static struct conn *conn_for(struct worker *w, struct run *r, const struct cfg_endpoint *ep)
{
    size_t i = (size_t)(ep - r->cfg->endpoints);
    struct wess_error error = {0};
    if (w->conns[i].conn)
        return w->conns[i].conn;
    enum wess_code rc = conn_open(r->cfg, ep, ep->per_user ? r->user : NULL,
                                  w->round->opts->cancelled, &w->conns[i].conn, &error);
    w->conns[i].endpoint = ep;
    if (rc == WESS_OK)
        return w->conns[i].conn;
    w->conns[i].conn = NULL;
    r->report.status =
        status_worse(r->report.status, rc == WESS_AUTH ? EXIT_CREDENTIAL : EXIT_UNREACHABLE);
    snprintf(r->report.text, sizeof(r->report.text), "%s cannot be opened: %s", ep->name,
             error.text);
    return NULL;
}

static void drop_conns(struct worker *w, bool of_user)
{
    for (size_t i = 0; i < w->round->cfg->n_endpoints; i++) {
        if (!w->conns[i].conn || (of_user && !w->conns[i].endpoint->per_user))
            continue;
        conn_close(w->conns[i].conn);
        w->conns[i].conn = NULL;
    }
}

static void count_traffic(struct run *r, const struct conn_stats before[2])
{
    for (int s = LEFT; s <= RIGHT; s++) {
        if (!r->side[s].conn)
            continue;
        const struct conn_stats *now = conn_stats(r->side[s].conn);
        r->report.requests += now->requests - before[s].requests;
        r->report.bytes +=
            now->bytes_in + now->bytes_out - before[s].bytes_in - before[s].bytes_out;
    }
}

static bool prepare(struct worker *w, struct run *r, const struct seat *seat,
                    struct conn_stats before[2])
{
    if (pu_get(r->db, r->arena, seat->pair->name, seat->user->id, &r->pu) != STORE_OK)
        return run_store_failed(r);
    for (int s = LEFT; s <= RIGHT; s++) {
        struct run_side *side = &r->side[s];
        side->endpoint = seat->pair->endpoint[s];
        side->shared = round_shared_of(w->round, seat->pair, (enum side)s);
        side->common = side->shared && side->shared->n_subs > 1;
        side->selector = seat->selector[s];
        side->writable = !side->selector.unwritten;
        if (!(side->conn = conn_for(w, r, side->endpoint)))
            return false;
        before[s] = *conn_stats(side->conn);
    }
    for (int s = LEFT; s <= RIGHT; s++) {
        struct run_source *source = &r->source[s];
        source->of.endpoint = seat->pair->select[s].source;
        if (source->of.endpoint)
            source->failed = !(source->of.conn = conn_for(w, r, source->of.endpoint));
    }
    return true;
}

/* A dry run leaves its plan in temporary tables: each has a connection of its own. */
static struct db *db_for(struct worker *w, bool dry)
{
    if (dry)
        return db_open(w->round->store, true);
    struct db *db = w->db ? w->db : db_open(w->round->store, false);
    w->db = NULL;
    return db;
}

/* Kept for the next run, unless something went wrong with it. */
static void leave_db(struct worker *w, struct db *db)
{
    if (!db || db_dry(db) || db_failed(db)) {
        db_close(db);
        return;
    }
    db_rollback(db); /* what a run that stopped had begun */
    w->db = db;
}

static void run_seat(struct worker *w, struct seat *seat)
{
    struct round *rd = w->round;
    struct run r = {.round = rd,
                    .cfg = rd->cfg,
                    .pair = seat->pair,
                    .user = seat->user,
                    .store = rd->store,
                    .arena = arena_new(ARENA_BUDGET),
                    .slot = w->slot,
                    .dry = rd->opts->dry || seat->user->mode == MODE_OBSERVE,
                    .report = {.pair = seat->pair->name, .user = seat->user->id}};
    struct conn_stats before[2] = {{0}, {0}};
    int64_t began = clock_now_ms();
    if (r.arena)
        r.db = db_for(w, r.dry);
    if (!r.db) {
        r.report.status = EXIT_STATE;
        snprintf(r.report.text, sizeof(r.report.text), "out of memory");
        if (r.arena)
            store_say(rd->store, NULL, r.report.text, sizeof(r.report.text));
    } else if (prepare(w, &r, seat, before)) {
        run_pair(&r);
        count_traffic(&r, before);
    } else {
        report_write(&r, began);
    }
    if (r.dry && !rd->opts->dry) {
        r.report.observed = true;
        if (!*r.report.text)
            snprintf(r.report.text, sizeof(r.report.text),
                     "observed: nothing is written for this user; the numbers are what would be");
    }
    pthread_mutex_lock(&rd->lock);
    rd->live[w->slot] = 0;
    seat->status = r.report.status;
    seat->again = r.report.deferred > 0;
    seat->retry_at_ms = r.retry_at_ms;
    if (rd->opts->on_report)
        rd->opts->on_report(rd->opts->ctx, &r.report);
    pthread_mutex_unlock(&rd->lock);
    leave_db(w, r.db);
    arena_free(r.arena);
}

/* The seats from *at on that are one user's; *at is moved behind them. */
static struct party next_party(struct round *rd, size_t *at, bool *runs)
{
    struct party p = {&rd->seats[*at], 0};
    *runs = false;
    for (; *at < rd->n_seats && rd->seats[*at].user == p.of->user; ++*at) {
        *runs |= rd->seats[*at].runs;
        p.n++;
    }
    return p;
}

/* The next user of whom something runs. */
static bool take_user(struct worker *w)
{
    struct round *rd = w->round;
    bool runs = false;
    pthread_mutex_lock(&rd->lock);
    while (!runs && rd->next_seat < rd->n_seats)
        rd->parties[w->slot] = next_party(rd, &rd->next_seat, &runs);
    rd->active += runs;
    pthread_mutex_unlock(&rd->lock);
    return runs;
}

static void leave_user(struct round *rd)
{
    pthread_mutex_lock(&rd->lock);
    rd->active--;
    pthread_mutex_unlock(&rd->lock);
}

static void *work(void *ctx)
{
    struct worker *w = ctx;
    struct round *rd = w->round;
    while (!round_cancelled(rd) && take_user(w)) {
        struct party p = rd->parties[w->slot];
        /* Seats stand in the order of the pairs. */
        for (size_t i = 0; i < p.n && !round_cancelled(rd); i++)
            if (p.of[i].runs)
                run_seat(w, &p.of[i]);
        drop_conns(w, true);
        leave_user(rd);
    }
    drop_conns(w, false);
    db_close(w->db);
    w->db = NULL;
    return NULL;
}

void round_run_all(struct round *rd, struct worker *workers, size_t n)
{
    rd->next_seat = 0;
    for (size_t i = 0; i < rd->n_shared; i++)
        rd->shared[i].pulled = false;
    for (size_t i = 1; i < n; i++)
        workers[i].started = pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0;
    work(&workers[0]);
    for (size_t i = 1; i < n; i++)
        if (workers[i].started)
            pthread_join(workers[i].thread, NULL);
}

size_t round_workers(struct round *rd)
{
    size_t n = rd->opts->workers ? rd->opts->workers : rd->cfg->workers, users = 0, at = 0;
    bool runs;
    while (at < rd->n_seats) {
        next_party(rd, &at, &runs);
        users += runs;
    }
    n = n < users ? n : users;
    return n ? n : 1;
}
