/* What a round is made of. Private to its files: round.c begins, repeats and ends it,
 * round_seats.c says who takes part, round_feeds.c what is read once for all of them,
 * round_workers.c has their runs done side by side. */
#ifndef CORE_ENGINE_ROUND_H
#define CORE_ENGINE_ROUND_H

#include <pthread.h>

#include "engine/run.h"

#define OUT_OF_MEMORY "out of memory: run again when there is more"

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

bool round_cancelled(const struct round *);
/* What stopped it as a whole; the text lives as long. */
void round_broken(struct round *, int status, const char *text);

/* false: broken, or out of memory. Seats first: feeds have them for subscribers. */
bool round_make_seats(struct round *);
bool round_make_feeds(struct round *);
struct shared_feed *round_shared_of(struct round *, const struct cfg_pair *, enum side);

/* How many can be busy: no more than there are users of whom something runs. */
size_t round_workers(struct round *);
/* The seats that run, each once. */
void round_run_all(struct round *, struct worker *, size_t n);

#endif
