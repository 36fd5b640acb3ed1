/* Users whose mailbox changed are run at once: a thread of its own, since opening a watch talks to
 * remotes and the loop does not. Whatever goes wrong here costs no more than waiting for the next
 * round. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/state.h"

#define USERS_MOST 200u   /* of one watch */
#define WATCHES_MOST 256u /* of all endpoints */
#define LOOK_MS 500       /* how often it is asked whether to go on */
#define GATHER_MS 2000    /* one act of a person makes several events */
#define REST_FIRST_MS ((int64_t)60000)
#define REST_MOST_MS ((int64_t)3600000)

struct watched {
    struct conn_watch *watch;
    size_t first, n; /* of the configuration's users */
    int64_t next_ms; /* wall clock; when it wants to be asked again at the latest */
};
struct watching {
    struct daemon *d;
    struct kept_config *kept;
    struct watched of[WATCHES_MOST];
    size_t n;
    bool *woken;      /* by user, not yet told */
    int64_t since_ms; /* of the first of them; 0: none */
};

static bool goes_on(const struct watching *w)
{
    struct daemon *d = w->d;
    pthread_mutex_lock(&d->lock);
    bool same = d->current == w->kept;
    pthread_mutex_unlock(&d->lock);
    return same && !flag_is_set(&d->stopping);
}

/* ---- opening and closing ----------------------------------------------------------------------
 */

static void open_some(struct watching *w, const struct cfg_endpoint *e, size_t first, size_t n)
{
    struct wess_error error = {0};
    struct watched *one = &w->of[w->n];
    if (w->n == WATCHES_MOST)
        return;
    *one = (struct watched){.first = first, .n = n};
    if (conn_watch_open(w->kept->cfg, e, &w->kept->cfg->users[first], n, &w->d->stopping,
                        &one->watch, &error) == WESS_OK)
        w->n++;
    else
        log_line(WESS_LOG_WARN, "endpoint %s: no watch: %s", e->name, error.text);
}

static void open_all(struct watching *w)
{
    const struct config *cfg = w->kept->cfg;
    for (size_t i = 0; i < cfg->n_endpoints; i++)
        for (size_t at = 0; conn_can_watch(&cfg->endpoints[i]) && at < cfg->n_users;
             at += USERS_MOST) {
            size_t left = cfg->n_users - at;
            open_some(w, &cfg->endpoints[i], at, left < USERS_MOST ? left : USERS_MOST);
        }
}

static void close_one(struct watching *w, size_t i)
{
    conn_watch_close(w->of[i].watch);
    w->of[i] = w->of[--w->n];
}

/* ---- what comes -------------------------------------------------------------------------------
 */

/* false: it has ended. */
static bool ask(struct watching *w, struct watched *one)
{
    bool woken[USERS_MOST] = {false};
    struct wess_error e = {0};
    enum wess_code rc = conn_watch_ready(one->watch, woken, &one->next_ms, &e);
    for (size_t i = 0; i < one->n; i++) {
        w->woken[one->first + i] |= woken[i];
        if (woken[i] && !w->since_ms)
            w->since_ms = monotonic_ms();
    }
    if (rc != WESS_OK && rc != WESS_CANCELLED)
        log_line(WESS_LOG_WARN, "a watch of %zu users has ended, they are polled: %s", one->n,
                 e.text);
    return rc == WESS_OK;
}

static void hand_on(struct watching *w)
{
    struct daemon *d = w->d;
    if (!w->since_ms || monotonic_ms() - w->since_ms < GATHER_MS)
        return;
    w->since_ms = 0;
    pthread_mutex_lock(&d->lock);
    for (size_t i = 0; i < w->kept->cfg->n_users; i++) {
        w->kept->woken[i] |= w->woken[i];
        d->any_woken |= w->woken[i];
        w->woken[i] = false;
    }
    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->lock);
}

static void wait_for_any(const struct watching *w, struct pollfd *fds)
{
    int64_t now = clock_now_ms(), wait = LOOK_MS;
    for (size_t i = 0; i < w->n; i++) {
        fds[i] = (struct pollfd){.fd = conn_watch_fd(w->of[i].watch), .events = POLLIN};
        if (w->of[i].next_ms - now < wait)
            wait = w->of[i].next_ms > now ? w->of[i].next_ms - now : 0;
    }
    poll(fds, w->n, (int)wait);
}

/* Until they have all ended, the configuration is another, or the daemon stops. true: some ended
 * for a reason of their own. */
static bool attend(struct watching *w)
{
    struct pollfd fds[WATCHES_MOST];
    bool lost = false;
    while (w->n && goes_on(w)) {
        wait_for_any(w, fds);
        int64_t now = clock_now_ms();
        for (size_t i = w->n; i-- > 0;)
            if ((fds[i].revents || w->of[i].next_ms <= now) && !ask(w, &w->of[i])) {
                close_one(w, i);
                lost = true;
            }
        hand_on(w);
    }
    return lost;
}

/* ---- the thread -------------------------------------------------------------------------------
 */

static bool watch_once(struct daemon *d)
{
    struct watching *w = calloc(1, sizeof(*w));
    bool lost = true;
    if (w) {
        w->d = d;
        w->kept = daemon_keep(d);
        w->woken = calloc(w->kept->cfg->n_users + 1, sizeof(*w->woken));
        if (w->woken && w->kept->woken)
            open_all(w);
        /* Where there is nothing to watch it is not asked for again before the next round. */
        lost = !w->n || attend(w);
        while (w->n)
            close_one(w, w->n - 1);
        free(w->woken);
        daemon_drop(d, w->kept);
    }
    free(w);
    return lost;
}

static void pause_until(struct daemon *d, int64_t until)
{
    while (monotonic_ms() < until && !flag_is_set(&d->stopping)) {
        struct timespec t = {0, LOOK_MS * 1000000L};
        nanosleep(&t, NULL);
    }
}

/* A round has to show first that the credentials are good: no watch tries a password that is not
 * known to be taken. */
static bool may_begin(struct daemon *d)
{
    pthread_mutex_lock(&d->lock);
    while (!flag_is_set(&d->stopping) && !(d->sound && d->current->cfg->watch))
        pthread_cond_wait(&d->changed, &d->lock);
    pthread_mutex_unlock(&d->lock);
    return !flag_is_set(&d->stopping);
}

void *watch_thread(void *ctx)
{
    struct daemon *d = ctx;
    int64_t rest = REST_FIRST_MS;
    while (may_begin(d)) {
        bool lost = watch_once(d);
        if (!lost) {
            rest = REST_FIRST_MS;
            pause_until(d, monotonic_ms() + LOOK_MS);
            continue;
        }
        pthread_mutex_lock(&d->lock);
        d->sound = false;
        pthread_mutex_unlock(&d->lock);
        pause_until(d, monotonic_ms() + rest);
        rest = rest < REST_MOST_MS / 2 ? rest * 2 : REST_MOST_MS;
    }
    pthread_mutex_lock(&d->lock);
    d->watch_gone = true;
    pthread_mutex_unlock(&d->lock);
    daemon_wake(d);
    return NULL;
}
