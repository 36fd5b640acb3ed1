/* A round: the runs of all users at one time. Shared feeds are read once; users run side by side,
 * the pairs of one user in their declared order; who met another's claim runs again at the end. */
#include "engine/round.h"

#include <stdio.h>
#include <time.h>

#define REPEATS_MAX 4       /* runs again for deferred creates */
#define WAITS_MAX 6         /* waits of a one-shot for what settles later */
#define WAIT_MOST_MS 600000 /* longer rests are told, not waited for */
#define WAIT_STEP_NS 50000000L

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

void round_enter(struct run *r)
{
    pthread_mutex_lock(&r->round->lock);
    r->round->live[r->slot] = r->id;
    pthread_mutex_unlock(&r->round->lock);
}

/* ---- its beginning and end
 * --------------------------------------------------------------------- */

bool round_cancelled(const struct round *rd)
{
    return rd->opts->cancelled && __atomic_load_n(rd->opts->cancelled, __ATOMIC_RELAXED);
}

void round_broken(struct round *rd, int status, const char *text)
{
    rd->status = status_worse(rd->status, status);
    rd->broken = text;
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
    while (!round_cancelled(rd) && (now = clock_now_ms()) < first) {
        struct timespec step = {0, WAIT_STEP_NS};
        if (rd->opts->on_progress)
            rd->opts->on_progress(rd->opts->ctx, "", "", "wait", first - now, first - now);
        nanosleep(&step, NULL);
    }
    for (size_t i = 0; i < rd->n_seats; i++) {
        struct seat *seat = &rd->seats[i];
        seat->runs = seat->retry_at_ms && seat->retry_at_ms <= now;
    }
    return !round_cancelled(rd);
}

static void run_round(struct round *rd)
{
    size_t n = round_workers(rd);
    struct worker *workers = arena_alloc(rd->arena, n * sizeof(*workers));
    rd->live = arena_alloc(rd->arena, n * sizeof(*rd->live));
    rd->parties = arena_alloc(rd->arena, n * sizeof(*rd->parties));
    if (!workers || !rd->live || !rd->parties) {
        round_broken(rd, EXIT_STATE, OUT_OF_MEMORY);
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
        round_broken(rd, EXIT_STATE, OUT_OF_MEMORY);
        return;
    }
    workers[0].db = rd->db;
    rd->db = NULL;
    round_run_all(rd, workers, n);
    for (int turn = 0; turn < REPEATS_MAX && !round_cancelled(rd) && pick_deferred(rd); turn++)
        round_run_all(rd, workers, n);
    for (int turn = 0; turn < WAITS_MAX && !round_cancelled(rd) && pick_waiting(rd); turn++)
        round_run_all(rd, workers, n);
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
        round_broken(&rd, EXIT_STATE, OUT_OF_MEMORY);
    else if (round_make_seats(&rd) && round_make_feeds(&rd))
        run_round(&rd);
    else if (!rd.broken)
        round_broken(&rd, EXIT_STATE, OUT_OF_MEMORY);
    say_broken(&rd);
    db_close(rd.db);
    for (size_t i = 0; i < rd.n_shared; i++)
        pthread_mutex_destroy(&rd.shared[i].lock);
    pthread_mutex_destroy(&rd.alone);
    pthread_mutex_destroy(&rd.lock);
    arena_free(rd.arena);
    return rd.status;
}
