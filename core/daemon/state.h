/* What the parts of the daemon share. Private to core/daemon.
 *
 * Threads: the loop (signals, timer, socket), one that runs the rounds, one for each command that
 * came by the socket, and now and then one that loads a changed configuration. `lock` guards all
 * that is not said otherwise; `changed` is told whenever somebody may go on. */
#ifndef CORE_DAEMON_STATE_H
#define CORE_DAEMON_STATE_H

#include <pthread.h>

#include "daemon/daemon.h"
#include "host/conn.h"

#define CONTROL_CALLS_MAX 16 /* commands at one time */

struct kept_config { /* freed when nobody works by it any more */
    struct config *cfg;
    int holders;
    bool *woken; /* by user: to be run before the next round */
};
struct daemon;
struct call_slot { /* one client of the control socket */
    struct daemon *daemon;
    int fd; /* closed by the loop alone, so that it is not another one's while polled */
    bool used, done, left; /* left: the client hung up */
    uid_t uid;
    pthread_t thread;
    pthread_mutex_t sending; /* lines go out whole */
    bool cancelled;          /* atomic: read by all threads of a round */
    struct kept_config *kept;
    struct daemon_call call;
};
struct daemon {
    const struct daemon_opts *opts;
    struct store *store;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct kept_config *current;
    bool stopping; /* atomic: every round's `cancelled` */
    int wake;      /* eventfd: something for the loop to look at */
    /* rounds */
    pthread_t rounds;
    bool due, busy, round_over, rounds_gone;
    int round_status, troubled; /* troubled: rounds in a row that met an unreachable endpoint */
    int64_t round_began_ms;     /* monotonic */
    size_t runs_done;           /* the thread of the rounds alone */
    size_t round_runs;          /* of the last round that is over */
    /* watch */
    pthread_t watch;
    bool any_woken, sound, watches,
        watch_gone; /* sound: the last round met no refused credential */
    /* reload */
    pthread_t loader;
    bool loading, loaded, load_again;
    struct config *fresh;
    /* control */
    int listener;
    int64_t deaf_until_ms; /* monotonic: no descriptor was left for a command */
    char *socket_path;
    struct call_slot slots[CONTROL_CALLS_MAX];
};

static inline bool flag_is_set(const bool *flag)
{
    return __atomic_load_n(flag, __ATOMIC_RELAXED);
}
static inline void flag_set(bool *flag)
{
    __atomic_store_n(flag, true, __ATOMIC_RELAXED);
}
int64_t monotonic_ms(void);
struct kept_config *kept_new(struct config *);    /* held once; NULL: out of memory */
struct kept_config *daemon_keep(struct daemon *); /* the current one, held */
void daemon_drop(struct daemon *, struct kept_config *);
void daemon_wake(struct daemon *); /* the loop, and whoever waits */

/* ---- rounds.c ---------------------------------------------------------------------------------
 */

/* Waits until no other round is under way. false: cancelled meanwhile. */
bool round_enter_turn(struct daemon *, const bool *cancelled);
void round_leave_turn(struct daemon *);
bool round_is_busy(struct daemon *);
void *rounds_thread(void *daemon);
/* When the next round begins, from now on; after one is over. */
int64_t round_next_in_ms(struct daemon *);

/* ---- watch.c ----------------------------------------------------------------------------------
 */

void *watch_thread(void *daemon);

/* ---- control.c --------------------------------------------------------------------------------
 */

/* false: *why (malloc'ed) tells. */
bool control_listen(struct daemon *, const char *path, char **why);
void control_accept(struct daemon *);
void control_reap(struct daemon *); /* ends what is done */
void control_cancel_all(struct daemon *);
void control_cut_all(struct daemon *); /* whoever does not read is not waited for */
bool control_all_done(struct daemon *);
void control_close(struct daemon *);

/* ---- reload.c ---------------------------------------------------------------------------------
 */

void reload_begin(struct daemon *);
void reload_end(struct daemon *); /* takes over what was loaded, or refuses it */

/* ---- notify.c: the service manager, if there is one --------------------------------------------
 */

void notify_state(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int notify_watchdog_ms(void); /* how often it wants to hear of us; -1: not at all */

#endif
