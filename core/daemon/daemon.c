/* The loop: signals, the clock, the socket. It never waits for a remote and never for a client. */
#include "daemon/daemon.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "daemon/state.h"

#define STOP_MS 4000 /* after that the process ends; the journal knows what was under way */
#define HEAR_MS 1000 /* of it, for clients to take their last words */

enum { FD_SIGNAL, FD_TIMER, FD_WAKE, FD_CONTROL, FD_FIRST_CALL };
#define FDS_MAX (FD_FIRST_CALL + CONTROL_CALLS_MAX)

/* ---- what all threads use ---------------------------------------------------------------------
 */

struct kept_config *kept_new(struct config *cfg)
{
    struct kept_config *kept = calloc(1, sizeof(*kept));
    if (kept)
        *kept = (struct kept_config){
            .cfg = cfg, .holders = 1, .woken = calloc(cfg->n_users + 1, sizeof(*kept->woken))};
    return kept;
}

struct kept_config *daemon_keep(struct daemon *d)
{
    pthread_mutex_lock(&d->lock);
    struct kept_config *kept = d->current;
    kept->holders++;
    pthread_mutex_unlock(&d->lock);
    return kept;
}

void daemon_drop(struct daemon *d, struct kept_config *kept)
{
    pthread_mutex_lock(&d->lock);
    bool last = --kept->holders == 0;
    pthread_mutex_unlock(&d->lock);
    if (!last)
        return;
    config_free(kept->cfg);
    free(kept->woken);
    free(kept);
}

void daemon_wake(struct daemon *d)
{
    uint64_t one = 1;
    pthread_mutex_lock(&d->lock);
    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->lock);
    ssize_t n = write(d->wake, &one, sizeof(one));
    (void)n; /* full: it is awake anyway */
}

/* ---- the loop ---------------------------------------------------------------------------------
 */

static void drain(int fd)
{
    uint64_t count;
    ssize_t n = read(fd, &count, sizeof(count));
    (void)n;
}

static void arm(int timer, int64_t ms)
{
    int64_t ns = ms > 0 ? ms * 1000000 : 1;
    struct itimerspec at = {.it_value = {ns / 1000000000, ns % 1000000000}};
    timerfd_settime(timer, 0, &at, NULL);
}

static void begin_round(struct daemon *d)
{
    pthread_mutex_lock(&d->lock);
    d->due = true;
    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->lock);
}

static void end_round(struct daemon *d, int timer)
{
    pthread_mutex_lock(&d->lock);
    bool over = d->round_over;
    int status = d->round_status;
    size_t runs = d->round_runs;
    d->round_over = false;
    pthread_mutex_unlock(&d->lock);
    if (!over)
        return;
    int64_t next = round_next_in_ms(d);
    arm(timer, next);
    notify_state("STATUS=last round: status %d, %zu runs; the next in %lld s", status, runs,
                 (long long)(next / 1000));
}

/* true: it is asked to end. */
static bool take_signal(struct daemon *d, int fd)
{
    struct signalfd_siginfo si;
    if (read(fd, &si, sizeof(si)) != (ssize_t)sizeof(si))
        return false;
    if (si.ssi_signo == SIGHUP) {
        reload_begin(d);
        return false;
    }
    log_line(WESS_LOG_INFO, "stopping by signal %u", si.ssi_signo);
    return true;
}

static nfds_t watch_calls(struct daemon *d, struct pollfd *fds, struct call_slot **of)
{
    nfds_t n = FD_FIRST_CALL;
    for (size_t i = 0; i < CONTROL_CALLS_MAX; i++)
        if (d->slots[i].used && !d->slots[i].left) {
            of[n] = &d->slots[i];
            fds[n++] = (struct pollfd){.fd = d->slots[i].fd, .events = POLLRDHUP};
        }
    return n;
}

/* A client that went away takes its command with it. */
static void end_calls(struct daemon *d, const struct pollfd *fds, struct call_slot **of, nfds_t n)
{
    for (nfds_t i = FD_FIRST_CALL; i < n; i++)
        if (fds[i].revents) {
            of[i]->left = true;
            flag_set(&of[i]->cancelled);
            daemon_wake(d);
        }
}

static void loop(struct daemon *d, int signals, int timer)
{
    int watchdog = notify_watchdog_ms();
    bool stop = false;
    while (!stop) {
        int64_t deaf = d->deaf_until_ms - monotonic_ms();
        int wait = deaf > 0 && (watchdog < 0 || deaf < watchdog) ? (int)deaf : watchdog;
        struct pollfd fds[FDS_MAX] = {
            [FD_SIGNAL] = {.fd = signals, .events = POLLIN},
            [FD_TIMER] = {.fd = timer, .events = POLLIN},
            [FD_WAKE] = {.fd = d->wake, .events = POLLIN},
            [FD_CONTROL] = {.fd = deaf > 0 ? -1 : d->listener, .events = POLLIN}};
        struct call_slot *of[FDS_MAX] = {NULL};
        nfds_t n = watch_calls(d, fds, of);
        if (poll(fds, n, wait) < 0 && errno != EINTR) {
            log_line(WESS_LOG_ERROR, "poll: %s", strerror(errno));
            break;
        }
        if (watchdog >= 0)
            notify_state("WATCHDOG=1");
        end_calls(d, fds, of, n);
        if (fds[FD_WAKE].revents) {
            drain(d->wake);
            control_reap(d);
            reload_end(d);
            end_round(d, timer);
        }
        if (fds[FD_TIMER].revents) {
            drain(timer);
            begin_round(d);
        }
        if (fds[FD_CONTROL].revents)
            control_accept(d);
        if (fds[FD_SIGNAL].revents)
            stop = take_signal(d, signals);
    }
}

/* ---- the end ----------------------------------------------------------------------------------
 */

static bool all_over(struct daemon *d)
{
    bool calls = control_all_done(d);
    pthread_mutex_lock(&d->lock);
    bool over = calls && d->rounds_gone && d->watch_gone && (!d->loading || d->loaded);
    pthread_mutex_unlock(&d->lock);
    return over;
}

static void stop(struct daemon *d)
{
    int64_t until = monotonic_ms() + STOP_MS, left;
    notify_state("STOPPING=1\nSTATUS=stopping");
    flag_set(&d->stopping);
    control_cancel_all(d);
    daemon_wake(d);
    while (!all_over(d) && (left = until - monotonic_ms()) > 0) {
        struct pollfd fd = {.fd = d->wake, .events = POLLIN};
        int64_t heard = left - (STOP_MS - HEAR_MS);
        if (heard <= 0)
            control_cut_all(d);
        if (poll(&fd, 1, (int)(heard > 0 ? heard : left)) > 0)
            drain(d->wake);
    }
    control_close(d);
    if (!all_over(d)) {
        log_line(WESS_LOG_WARN, "something did not stop in %d s; it is recovered at the next start",
                 STOP_MS / 1000);
        _exit(EXIT_IN_STEP);
    }
    if (d->loading) {
        pthread_join(d->loader, NULL);
        config_free(d->fresh);
    }
    pthread_join(d->rounds, NULL);
    if (d->watches)
        pthread_join(d->watch, NULL);
}

/* ---- the beginning ----------------------------------------------------------------------------
 */

static int block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    /* Before any thread is made: all of them inherit it, and only the loop hears signals. */
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool serve(struct daemon *d, int signals, int timer)
{
    if (pthread_create(&d->rounds, NULL, rounds_thread, d) != 0)
        return false;
    d->watches = pthread_create(&d->watch, NULL, watch_thread, d) == 0;
    if (!d->watches)
        d->watch_gone = true;
    d->opts->log_ready(d->current->cfg);
    log_line(WESS_LOG_INFO, "ready: %zu pairs, %zu users", d->current->cfg->n_pairs,
             d->current->cfg->n_users);
    notify_state("READY=1\nSTATUS=ready");
    arm(timer, 0);
    loop(d, signals, timer);
    stop(d);
    return true;
}

static int begin(struct daemon *d, const struct config *cfg)
{
    char *why = NULL;
    const char *text = "the daemon cannot begin: out of resources";
    int status = EXIT_STATE;
    int signals = block_signals(), timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    bool served = false;
    d->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    d->listener = -1;
    if (signals >= 0 && timer >= 0 && d->wake >= 0)
        d->store = store_open(cfg->state_dir, cfg->site, STORE_OWN, &why, &status);
    if (d->store && blob_root(cfg->state_dir) != WESS_OK)
        text = "the spool folder below state_dir cannot be made or emptied";
    else if (d->store && control_listen(d, cfg->control, &why))
        served = serve(d, signals, timer);
    if (!served)
        fprintf(d->opts->err, "wess: %s\n", why ? why : text);
    if (d->store)
        status = served ? EXIT_IN_STEP : EXIT_STATE;
    free(why);
    control_close(d);
    store_close(d->store);
    int fds[] = {signals, timer, d->wake};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return status;
}

int daemon_run(struct config *cfg, const struct daemon_opts *opts)
{
    struct daemon *d = calloc(1, sizeof(*d));
    struct kept_config *kept = kept_new(cfg);
    int status = EXIT_STATE;
    if (d && kept) {
        d->opts = opts;
        d->current = kept;
        pthread_mutex_init(&d->lock, NULL);
        pthread_cond_init(&d->changed, NULL);
        status = begin(d, cfg);
        daemon_drop(d, d->current);
        pthread_cond_destroy(&d->changed);
        pthread_mutex_destroy(&d->lock);
    } else {
        fprintf(opts->err, "wess: out of memory\n");
        config_free(cfg);
        if (kept)
            free(kept->woken);
        free(kept);
    }
    free(d);
    return status;
}
