/* A round: the runs of all users at one time. Shared feeds are read once; users run side by side,
 * the pairs of one user in their declared order; who met another's claim runs again at the end. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/run.h"
#include "error.h"

#define REPEATS_MAX 4       /* runs again for deferred creates */
#define WAITS_MAX 6         /* waits of a one-shot for what settles later */
#define WAIT_MOST_MS 600000 /* longer rests are told, not waited for */
#define WAIT_STEP_NS 50000000L

static const char out_of_memory[] = "out of memory: run again when there is more";

struct seat { /* a pair of a user who is not off: reads what is read for him, whether he runs or not
               */
    const struct cfg_pair *pair;
    const struct cfg_user *user;
    int64_t pu;
    struct selector selector[2];
    bool changed; /* its select is another than last time */
    /* of the runs of this round */
    bool runs, again;
    int64_t retry_at_ms;
    int status;
};
struct shared_feed {
    const struct cfg_endpoint *endpoint;
    const char *collection;
    pthread_mutex_t lock;
    bool pulled, from_start, back;
    enum wess_code code; /* of the first reading in this round */
    struct wess_error error;
    struct subscriber *subs;
    size_t n_subs;
};
struct open_conn {
    const struct cfg_endpoint *endpoint;
    struct conn *conn;
};
struct worker {
    struct round *round;
    pthread_t thread;
    bool started;
    size_t slot;
    struct open_conn *conns; /* one an endpoint */
    struct db *db;           /* of the runs that write, one after the other */
};
/* The seats of one user, which stand side by side. */
struct party {
    struct seat *of;
    size_t n;
};
struct round {
    const struct config *cfg;
    struct store *store;
    const struct round_opts *opts;
    struct wess_arena *arena;
    struct seat *seats;
    size_t n_seats;
    struct shared_feed *shared;
    size_t n_shared;
    struct db *db;        /* that looked at the seats, until a worker takes it over */
    pthread_mutex_t lock; /* everything below, and the callbacks */
    size_t next_seat;
    size_t active;
    int64_t *live; /* run ids, one slot a worker */
    size_t n_live;
    struct party *parties; /* whose runs are under way, one slot a worker */
    int status;
    const char *broken;    /* what stopped the round as a whole */
    pthread_mutex_t alone; /* round_alone() */
};

/* ---- what runs ask of their round
 * ------------------------------------------------------------------ */

const struct round_opts *round_options(const struct run *r)
{
    return r->round->opts;
}

bool round_live(void *ctx, int64_t run_id)
{
    struct round *rd = ctx;
    bool live = false;
    pthread_mutex_lock(&rd->lock);
    for (size_t i = 0; i < rd->n_live; i++)
        live |= rd->live[i] == run_id;
    pthread_mutex_unlock(&rd->lock);
    return live;
}

void round_alone(struct run *r, bool on)
{
    if (on)
        pthread_mutex_lock(&r->round->alone);
    else
        pthread_mutex_unlock(&r->round->alone);
}

size_t round_active(const struct run *r)
{
    pthread_mutex_lock(&r->round->lock);
    size_t n = r->round->active;
    pthread_mutex_unlock(&r->round->lock);
    return n;
}

void round_progress(struct run *r, const char *stage, int64_t done, int64_t of)
{
    const struct round_opts *o = r->round->opts;
    if (!o->on_progress)
        return;
    pthread_mutex_lock(&r->round->lock);
    o->on_progress(o->ctx, r->pair->name, r->user->id, stage, done, of);
    pthread_mutex_unlock(&r->round->lock);
}

void round_plan_line(struct run *r, const struct plan_line *line)
{
    const struct round_opts *o = r->round->opts;
    if (!o->on_plan)
        return;
    pthread_mutex_lock(&r->round->lock);
    o->on_plan(o->ctx, line);
    pthread_mutex_unlock(&r->round->lock);
}

void round_ask(struct run *r, const struct ask_row *ask)
{
    const struct round_opts *o = r->round->opts;
    if (!o->on_ask)
        return;
    pthread_mutex_lock(&r->round->lock);
    o->on_ask(o->ctx, r->pair->name, r->user->id, ask, r->db);
    pthread_mutex_unlock(&r->round->lock);
}

size_t round_subscribers(struct run *r, enum side side, const struct subscriber **out)
{
    struct round *rd = r->round;
    struct party p = rd->parties[r->slot];
    struct subscriber *subs = arena_alloc(r->arena, (2 * p.n + 1) * sizeof(*subs));
    size_t n = 0;
    for (size_t i = 0; subs && i < p.n; i++)
        for (int s = LEFT; s <= RIGHT; s++)
            if (p.of[i].pair->endpoint[s] == r->side[side].endpoint &&
                !strcmp(p.of[i].pair->collection[s], r->pair->collection[side]))
                subs[n++] = (struct subscriber){p.of[i].pu, (enum side)s, &p.of[i].selector[s]};
    *out = subs;
    return n;
}

bool round_shared_begin(struct run *r, enum side s, bool look_up, struct pull *p, bool *reads)
{
    struct run_side *side = &r->side[s];
    struct shared_feed *f = side->shared;
    *reads = false;
    pthread_mutex_lock(&f->lock);
    bool first = !f->pulled, failed = !first && f->code != WESS_OK, back = !first && f->back;
    if (back) {
        pthread_mutex_unlock(&f->lock);
        return run_back(r, s);
    }
    if (failed || !(first || look_up)) {
        pthread_mutex_unlock(&f->lock);
        if (!failed)
            return true;
        r->report.status = status_worse(r->report.status, EXIT_UNREACHABLE);
        snprintf(r->report.text, sizeof(r->report.text), "%s could not be read in this round: %s",
                 side->endpoint->name, f->error.text);
        return false;
    }
    *reads = true;
    *p = run_pull_of(r, s);
    p->subs = f->subs;
    p->n_subs = f->n_subs;
    p->from_start = first && f->from_start;
    /* Another thread may have read on since this run was opened. */
    return feed_get(r->db, r->arena, side->feed.endpoint, "", side->feed.collection, &side->feed) ==
               STORE_OK ||
           run_store_failed(r);
}

/* Only whoever reads reports the trouble; the others rest with it. */
bool round_shared_end(struct run *r, enum side s, const struct pull *p, bool read)
{
    struct shared_feed *f = r->side[s].shared;
    bool ok = read && run_pulled(r, s, p);
    if (read) {
        f->pulled = true;
        f->code = p->code;
        f->error = p->error;
    }
    if (read)
        f->back = p->back;
    if (read && (p->store_failed || p->spent))
        f->code = wess_fail(&f->error, p->code, WESS_OF_HOST, NULL, "%s",
                            p->spent ? "there is too little memory" : db_error(r->db));
    pthread_mutex_unlock(&f->lock);
    return ok;
}

/* ---- one run
 * --------------------------------------------------------------------------------------- */

static struct shared_feed *shared_of(struct round *rd, const struct cfg_pair *pair, enum side s)
{
    for (size_t i = 0; i < rd->n_shared; i++)
        if (rd->shared[i].endpoint == pair->endpoint[s] &&
            !strcmp(rd->shared[i].collection, pair->collection[s]))
            return &rd->shared[i];
    return NULL;
}

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

static bool may_write(const struct seat *seat, enum side s)
{
    static const bool waves[][2] = {[MODE_OFF] = {false, false},
                                    /* planned for; such a run is dry, see run_seat() */
                                    [MODE_OBSERVE] = {true, true},
                                    [MODE_TO_LEFT] = {true, false},
                                    [MODE_TO_RIGHT] = {false, true},
                                    [MODE_BOTH] = {true, true}};
    enum direction d = seat->pair->direction;
    bool pair =
        d == DIR_BOTH || (d == DIR_TO_LEFT && s == LEFT) || (d == DIR_TO_RIGHT && s == RIGHT);
    return pair && waves[seat->user->mode][s];
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
        side->shared = shared_of(w->round, seat->pair, (enum side)s);
        side->common = side->shared && side->shared->n_subs > 1;
        side->selector = seat->selector[s];
        side->writable = may_write(seat, (enum side)s);
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

void round_enter(struct run *r)
{
    pthread_mutex_lock(&r->round->lock);
    r->round->live[r->slot] = r->id;
    pthread_mutex_unlock(&r->round->lock);
}

/* ---- workers
 * --------------------------------------------------------------------------------------- */

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

static bool cancelled(const struct round *rd)
{
    return rd->opts->cancelled && __atomic_load_n(rd->opts->cancelled, __ATOMIC_RELAXED);
}

static void *work(void *ctx)
{
    struct worker *w = ctx;
    struct round *rd = w->round;
    while (!cancelled(rd) && take_user(w)) {
        struct party p = rd->parties[w->slot];
        /* Seats stand in the order of the pairs. */
        for (size_t i = 0; i < p.n && !cancelled(rd); i++)
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

static void run_all(struct round *rd, struct worker *workers, size_t n)
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

/* ---- a round's beginning and end
 * --------------------------------------------------------------------- */

static void broken(struct round *rd, int status, const char *text)
{
    rd->status = status_worse(rd->status, status);
    rd->broken = text;
}

static bool is_wanted(const struct round_opts *o, const struct seat *seat)
{
    return (!o->pair || !strcmp(o->pair, seat->pair->name)) &&
           (!o->user || !strcmp(o->user, seat->user->id));
}

static bool seat_selectors(struct round *rd, struct seat *seat)
{
    const char *why = NULL;
    for (int s = LEFT; s <= RIGHT; s++) {
        const struct cfg_select *sel = &seat->pair->select[s];
        if (!selector_make(rd->arena, sel, seat->pair->private_mode, seat->user, &seat->selector[s],
                           &why)) {
            broken(rd, why ? EXIT_USAGE : EXIT_STATE, why ? why : out_of_memory);
            return false;
        }
        selector_window(&seat->selector[s], &seat->pair->window, clock_now_ms());
        if (pair_singles(seat->pair, s ^ 1) && !pair_singles(seat->pair, s))
            selector_singles(&seat->selector[s], &seat->pair->window);
        seat->selector[s].nothing = !sel->given && seat->pair->select[s ^ 1].given;
    }
    return true;
}

/* What a source says is kept in a feed of its own. */
static bool seat_sources(struct round *rd, struct db *db, struct seat *seat)
{
    for (int s = LEFT; s <= RIGHT; s++) {
        const struct cfg_select *sel = &seat->pair->select[s];
        const char *user = sel->source && sel->source->per_user ? seat->user->id : "";
        const char *name = sel->join ? arena_fmt(rd->arena, SOURCE_FEED "%s", sel->join) : NULL;
        struct feed_row feed;
        if (!sel->source)
            continue;
        if (!name || feed_get(db, rd->arena, sel->source->name, user, name, &feed) != STORE_OK)
            return false;
        seat->selector[s].source = feed.id;
    }
    return true;
}

static bool seat_row(struct round *rd, struct db *db, struct seat *seat)
{
    struct pu_row row;
    struct wess_slice digest;
    if (pu_get(db, rd->arena, seat->pair->name, seat->user->id, &row) != STORE_OK ||
        !seat_selectors(rd, seat) || !seat_sources(rd, db, seat) ||
        !selector_digest(rd->arena, seat->selector, config_by_name(rd->cfg), &digest))
        return false;
    seat->pu = row.id;
    seat->changed = digest.len != row.select_digest.len ||
                    memcmp(digest.data, row.select_digest.data, digest.len) != 0;
    return true;
}

/* Seats of all users that are not off, in the order of users and pairs. */
static bool make_seats(struct round *rd)
{
    const struct config *cfg = rd->cfg;
    struct db *db = db_open(rd->store, false);
    rd->seats = arena_alloc(rd->arena, (cfg->n_users * cfg->n_pairs + 1) * sizeof(*rd->seats));
    bool ok = rd->seats && db && db_begin(db) == STORE_OK;
    for (size_t u = 0; ok && u < cfg->n_users; u++)
        for (size_t p = 0; ok && p < cfg->n_pairs; p++) {
            struct seat *seat = &rd->seats[rd->n_seats];
            if (cfg->users[u].mode == MODE_OFF)
                continue;
            *seat = (struct seat){.pair = &cfg->pairs[p], .user = &cfg->users[u]};
            ok = seat_row(rd, db, seat);
            seat->runs = is_wanted(rd->opts, seat);
            rd->n_seats++;
        }
    ok = ok && db_commit(db) == STORE_OK;
    if (!ok && !rd->broken && arena_refused(rd->arena) != ARENA_GAVE)
        broken(rd, EXIT_STATE, out_of_memory);
    if (!ok && !rd->broken) {
        char text[1024];
        store_say(rd->store, db, text, sizeof(text));
        const char *copy = arena_text(rd->arena, text);
        broken(rd, EXIT_STATE, copy ? copy : out_of_memory);
    }
    rd->db = db;
    return ok;
}

static bool add_shared(struct round *rd, const struct cfg_pair *pair, enum side s)
{
    struct shared_feed *f = &rd->shared[rd->n_shared];
    if (pair->endpoint[s]->per_user || shared_of(rd, pair, s))
        return true;
    *f = (struct shared_feed){.endpoint = pair->endpoint[s], .collection = pair->collection[s]};
    f->subs = arena_alloc(rd->arena, (2 * rd->n_seats + 1) * sizeof(*f->subs));
    pthread_mutex_init(&f->lock, NULL);
    rd->n_shared++;
    for (size_t i = 0; f->subs && i < rd->n_seats; i++)
        for (int side = LEFT; side <= RIGHT; side++) {
            const struct seat *seat = &rd->seats[i];
            if (seat->pair->endpoint[side] != f->endpoint ||
                strcmp(seat->pair->collection[side], f->collection) != 0)
                continue;
            f->subs[f->n_subs++] =
                (struct subscriber){seat->pu, (enum side)side, &seat->selector[side]};
            f->from_start |= seat->changed && seat->runs;
        }
    return f->subs != NULL;
}

static bool make_shared(struct round *rd)
{
    bool ok = true;
    rd->shared = arena_alloc(rd->arena, (2 * rd->cfg->n_pairs + 1) * sizeof(*rd->shared));
    for (size_t i = 0; rd->shared && ok && i < rd->cfg->n_pairs; i++)
        ok = add_shared(rd, &rd->cfg->pairs[i], LEFT) && add_shared(rd, &rd->cfg->pairs[i], RIGHT);
    return rd->shared && ok;
}

static size_t count_workers(struct round *rd)
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

/* Which seats run again: those that met another user's claim. */
static bool pick_deferred(struct round *rd)
{
    bool any = false;
    for (size_t i = 0; i < rd->n_seats; i++) {
        rd->seats[i].runs = rd->seats[i].again;
        rd->seats[i].again = false;
        any |= rd->seats[i].runs;
    }
    for (size_t i = 0; i < rd->n_shared; i++)
        rd->shared[i].from_start = false;
    return any;
}

/* Waits until something can be settled; picks the seats that wait for it. */
static bool pick_waiting(struct round *rd)
{
    int64_t now = clock_now_ms(), first = 0;
    for (size_t i = 0; i < rd->n_seats; i++)
        if (rd->seats[i].retry_at_ms && (!first || rd->seats[i].retry_at_ms < first))
            first = rd->seats[i].retry_at_ms;
    if (!first || rd->opts->no_wait || rd->opts->dry || first - now > WAIT_MOST_MS)
        return false;
    while (!cancelled(rd) && (now = clock_now_ms()) < first) {
        struct timespec step = {0, WAIT_STEP_NS};
        if (rd->opts->on_progress)
            rd->opts->on_progress(rd->opts->ctx, "", "", "wait", first - now, first - now);
        nanosleep(&step, NULL);
    }
    for (size_t i = 0; i < rd->n_seats; i++) {
        struct seat *seat = &rd->seats[i];
        seat->runs = seat->retry_at_ms && seat->retry_at_ms <= now;
    }
    return !cancelled(rd);
}

static void run_round(struct round *rd)
{
    size_t n = count_workers(rd);
    struct worker *workers = arena_alloc(rd->arena, n * sizeof(*workers));
    rd->live = arena_alloc(rd->arena, n * sizeof(*rd->live));
    rd->parties = arena_alloc(rd->arena, n * sizeof(*rd->parties));
    if (!workers || !rd->live || !rd->parties) {
        broken(rd, EXIT_STATE, out_of_memory);
        return;
    }
    rd->n_live = n;
    for (size_t i = 0; i < n; i++) {
        workers[i] = (struct worker){.round = rd, .slot = i};
        workers[i].conns =
            arena_alloc(rd->arena, (rd->cfg->n_endpoints + 1) * sizeof(*workers[i].conns));
        if (!workers[i].conns)
            n = i;
    }
    if (!n) {
        broken(rd, EXIT_STATE, out_of_memory);
        return;
    }
    workers[0].db = rd->db;
    rd->db = NULL;
    run_all(rd, workers, n);
    for (int turn = 0; turn < REPEATS_MAX && !cancelled(rd) && pick_deferred(rd); turn++)
        run_all(rd, workers, n);
    for (int turn = 0; turn < WAITS_MAX && !cancelled(rd) && pick_waiting(rd); turn++)
        run_all(rd, workers, n);
    for (size_t i = 0; i < rd->n_seats; i++)
        rd->status = status_worse(rd->status, rd->seats[i].status);
}

static void say_broken(struct round *rd)
{
    struct run_report report = {.pair = "", .user = "", .status = rd->status};
    snprintf(report.text, sizeof(report.text), "%s", rd->broken ? rd->broken : "");
    if (rd->broken && rd->opts->on_report)
        rd->opts->on_report(rd->opts->ctx, &report);
}

int round_run(const struct config *cfg, struct store *store, const struct round_opts *opts)
{
    struct round rd = {.cfg = cfg,
                       .store = store,
                       .opts = opts,
                       .arena = arena_new(ARENA_BUDGET),
                       .status = EXIT_IN_STEP};
    pthread_mutex_init(&rd.lock, NULL);
    pthread_mutex_init(&rd.alone, NULL);
    if (!rd.arena)
        broken(&rd, EXIT_STATE, out_of_memory);
    else if (make_seats(&rd) && make_shared(&rd))
        run_round(&rd);
    else if (!rd.broken)
        broken(&rd, EXIT_STATE, out_of_memory);
    say_broken(&rd);
    db_close(rd.db);
    for (size_t i = 0; i < rd.n_shared; i++)
        pthread_mutex_destroy(&rd.shared[i].lock);
    pthread_mutex_destroy(&rd.alone);
    pthread_mutex_destroy(&rd.lock);
    arena_free(rd.arena);
    return rd.status;
}
