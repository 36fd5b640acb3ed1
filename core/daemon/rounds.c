/* Rounds, one at a time: those of the clock in a thread of their own, those of a person in the
 * thread of their command. */
#include <string.h>
#include <time.h>

#include "daemon/state.h"

#define SOON_MS ((int64_t)120000) /* after an unreachable endpoint, doubling up to the interval */

int64_t monotonic_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool round_enter_turn(struct daemon *d, const bool *cancelled)
{
    pthread_mutex_lock(&d->lock);
    while (d->busy && !flag_is_set(cancelled))
        pthread_cond_wait(&d->changed, &d->lock);
    bool mine = !flag_is_set(cancelled);
    if (mine)
        d->busy = true;
    pthread_mutex_unlock(&d->lock);
    return mine;
}

void round_leave_turn(struct daemon *d)
{
    pthread_mutex_lock(&d->lock);
    d->busy = false;
    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->lock);
}

bool round_is_busy(struct daemon *d)
{
    pthread_mutex_lock(&d->lock);
    bool busy = d->busy;
    pthread_mutex_unlock(&d->lock);
    return busy;
}

static void on_report(void *ctx, const struct run_report *r)
{
    struct daemon *d = ctx;
    d->runs_done++;
    notify_state("STATUS=a round is under way: %zu runs done", d->runs_done);
    if (r->text[0])
        log_line(WESS_LOG_WARN, "pair %s user %s: %s", r->pair, r->user, r->text);
}

static void note_status(struct daemon *d, int status)
{
    pthread_mutex_lock(&d->lock);
    d->round_status = status;
    d->troubled = status == EXIT_UNREACHABLE ? d->troubled + 1 : 0;
    d->sound = status != EXIT_CREDENTIAL && status != EXIT_STATE;
    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->lock);
}

/* `user` NULL: all of them. */
static void one_round(struct daemon *d, struct kept_config *kept, const char *user)
{
    struct round_opts opts = {.user = user,
                              .no_wait = true, /* a person may want the turn meanwhile */
                              .cancelled = &d->stopping,
                              .on_report = on_report,
                              .ctx = d};
    if (round_enter_turn(d, &d->stopping)) {
        d->runs_done = 0;
        notify_state("STATUS=a round is under way");
        int status = round_run(kept->cfg, d->store, &opts);
        if (!flag_is_set(&d->stopping))
            tidy_when_due(kept->cfg, d->store);
        round_leave_turn(d);
        log_line(WESS_LOG_INFO, "round of %zu runs over: status %d", d->runs_done, status);
        if (!user)
            note_status(d, status);
    }
}

static void full_round(struct daemon *d)
{
    struct kept_config *kept = daemon_keep(d);
    one_round(d, kept, NULL);
    daemon_drop(d, kept);
    pthread_mutex_lock(&d->lock);
    d->round_over = true;
    d->round_runs = d->runs_done; /* the woken runs that follow count anew */
    pthread_mutex_unlock(&d->lock);
    daemon_wake(d);
}

static bool take_woken(struct daemon *d, struct kept_config *kept, size_t user)
{
    pthread_mutex_lock(&d->lock);
    bool woken = kept->woken && kept->woken[user];
    if (woken)
        kept->woken[user] = false;
    pthread_mutex_unlock(&d->lock);
    return woken;
}

static void woken_runs(struct daemon *d)
{
    struct kept_config *kept = daemon_keep(d);
    for (size_t i = 0; i < kept->cfg->n_users && !flag_is_set(&d->stopping); i++)
        if (take_woken(d, kept, i)) {
            log_line(WESS_LOG_INFO, "user %s: woken", kept->cfg->users[i].id);
            one_round(d, kept, kept->cfg->users[i].id);
        }
    daemon_drop(d, kept);
}

void *rounds_thread(void *ctx)
{
    struct daemon *d = ctx;
    for (;;) {
        pthread_mutex_lock(&d->lock);
        while (!d->due && !d->any_woken && !flag_is_set(&d->stopping))
            pthread_cond_wait(&d->changed, &d->lock);
        bool due = d->due;
        if (due) {
            d->due = false;
            d->round_began_ms = monotonic_ms();
        } else {
            d->any_woken = false;
        }
        pthread_mutex_unlock(&d->lock);
        if (flag_is_set(&d->stopping))
            break;
        if (due)
            full_round(d);
        else
            woken_runs(d);
    }
    pthread_mutex_lock(&d->lock);
    d->rounds_gone = true;
    pthread_mutex_unlock(&d->lock);
    daemon_wake(d);
    return NULL;
}

int64_t round_next_in_ms(struct daemon *d)
{
    pthread_mutex_lock(&d->lock);
    int64_t every = d->current->cfg->every_ms, soon = SOON_MS, left;
    for (int i = 1; i < d->troubled && soon < every; i++)
        soon *= 2;
    left = d->round_began_ms + every - monotonic_ms();
    if (d->troubled && soon < left)
        left = soon;
    pthread_mutex_unlock(&d->lock);
    return left > 0 ? left : 0;
}
