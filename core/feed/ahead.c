#include "feed/ahead.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define QUEUE_CALLS 2u     /* as many calls' ids wait; what comes on top is left out */
#define KEPT_MOST 32768u   /* contents */
#define KEPT_FIRST 1024u   /* the room for them grows from here */
#define LOOK_NS 250000000L /* how long a cancelled run may go unnoticed */

struct wanted {
    struct wanted *next;
    int64_t item;
    char rid[];
};
struct kept { /* in the order of numbers, and of places: the next one begins where this one ends */
    int64_t item, at;
};
struct ahead {
    struct ahead_of of;
    pthread_t thread;
    pthread_mutex_t lock; /* what follows, until `over` */
    pthread_cond_t changed;
    struct wanted *first, **last;
    size_t n_wanted;
    int64_t newest;      /* item that was wanted */
    bool started, ended; /* the thread */
    bool stop;           /* it is to end */
    enum wess_code code; /* what ended it */
    struct wess_error error;
    /* Of the thread, and of who asks when it has ended. */
    bool over; /* what is under way is dropped; read by the connection */
    struct conn *conn;
    struct wess_arena *call, *scratch; /* an answer; one content */
    struct conn_stats stats;
    int fd; /* of the file; -1: none yet */
    int64_t end;
    struct kept *kept;
    size_t n_kept, cap;
};

/* ---- the file ----------------------------------------------------------------------------------
 * One content: its revision, zero-terminated, and how content_encode() writes it. */

static int open_file(const char *dir)
{
    char path[4096];
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || snprintf(path, sizeof(path), "%s/ahead-XXXXXX", dir) >= (int)sizeof(path))
        return fd;
    fd = mkostemp(path, O_CLOEXEC); /* a file system that has no files without a name */
    if (fd >= 0)
        unlink(path);
    return fd;
}

static bool put(int fd, int64_t at, const void *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = pwrite(fd, (const char *)data + done, len - done, at + (off_t)done);
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

static bool get(int fd, int64_t at, void *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = pread(fd, (char *)data + done, len - done, at + (off_t)done);
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

static bool room(struct ahead *a)
{
    size_t cap = a->cap ? a->cap * 2 : KEPT_FIRST;
    if (a->n_kept < a->cap)
        return true;
    struct kept *more = a->cap < KEPT_MOST ? realloc(a->kept, cap * sizeof(*more)) : NULL;
    if (!more)
        return false;
    a->kept = more;
    a->cap = cap;
    return true;
}

/* false: there is no room for it, or for any behind it. */
static bool keep(struct ahead *a, int64_t item, const struct wess_item *shown)
{
    struct wess_arena *arena = a->scratch;
    struct content content;
    struct wess_slice body;
    size_t bad = 0, name = shown->revision ? strlen(shown->revision) + 1 : 0;
    if (!name)
        return true;
    arena_reset(arena);
    if (!content_canonical(a->of.kind, arena, shown->fields, shown->n_fields, NULL, &content,
                           &bad) ||
        !content_encode(arena, &content, &body))
        return false;
    if (bad) /* whoever plans it tells of that */
        return true;
    if (!room(a) || !put(a->fd, a->end, shown->revision, name) ||
        !put(a->fd, a->end + (int64_t)name, body.data, body.len))
        return false;
    a->kept[a->n_kept++] = (struct kept){item, a->end};
    a->end += (int64_t)(name + body.len);
    return true;
}

/* ---- asking, by the thread
 * --------------------------------------------------------------------------------------------- */

/* A whole call's ids, or none at the end. */
static struct wanted *next_call(struct ahead *a)
{
    struct wanted *of = NULL, **end;
    pthread_mutex_lock(&a->lock);
    while (!a->stop && a->n_wanted < a->of.at_once)
        pthread_cond_wait(&a->changed, &a->lock);
    if (!a->stop) {
        of = a->first;
        end = &a->first;
        for (size_t i = 0; i < a->of.at_once; i++)
            end = &(*end)->next;
        a->first = *end;
        if (!a->first)
            a->last = &a->first;
        *end = NULL;
        a->n_wanted -= a->of.at_once;
    }
    pthread_mutex_unlock(&a->lock);
    return of;
}

static void free_wanted(struct wanted *w)
{
    while (w) {
        struct wanted *next = w->next;
        free(w);
        w = next;
    }
}

/* Halves itself while the answer is too big. */
static enum wess_code read_some(struct ahead *a, const struct wanted *of, size_t n)
{
    struct wess_arena *arena = a->call;
    arena_reset(arena);
    const char **ids = arena_alloc(arena, n * sizeof(*ids));
    struct wess_result *res = arena_alloc(arena, n * sizeof(*res));
    const struct wanted *w = of;
    if (!ids || !res)
        return WESS_TRANSIENT;
    for (size_t i = 0; i < n; i++, w = w->next)
        ids[i] = w->rid;
    enum wess_code rc = conn_fetch(a->conn, a->of.collection, arena, a->of.flags,
                                   (struct wess_list){ids, n}, res, &a->error);
    if (rc == WESS_TOO_BIG && n > 1) {
        const struct wanted *half = of;
        for (size_t i = 0; i < n / 2; i++)
            half = half->next;
        rc = read_some(a, of, n / 2);
        return rc == WESS_OK ? read_some(a, half, n - n / 2) : rc;
    }
    w = of;
    for (size_t i = 0; rc == WESS_OK && i < n; i++, w = w->next)
        if (res[i].code == WESS_OK && res[i].current && !keep(a, w->item, res[i].current))
            rc = WESS_TRANSIENT;
    return rc == WESS_TOO_BIG ? WESS_OK : rc;
}

static enum wess_code open_conn(struct ahead *a)
{
    enum wess_code rc =
        conn_open(a->of.cfg, a->of.endpoint, a->of.user, &a->over, &a->conn, &a->error);
    const struct wess_schema *s = rc == WESS_OK ? conn_schema(a->conn, &a->error, &rc) : NULL;
    if (s && (!s->identity || strcmp(s->identity, a->of.identity) != 0))
        rc = WESS_BROKEN;
    if (rc == WESS_OK)
        conn_series(a->conn, a->of.collection, a->of.view);
    a->fd = rc == WESS_OK ? open_file(a->of.cfg->state_dir) : -1;
    return rc == WESS_OK && a->fd < 0 ? WESS_TRANSIENT : rc;
}

static void *work(void *ctx)
{
    struct ahead *a = ctx;
    struct wanted *of;
    a->call = arena_new(ARENA_BUDGET);
    a->scratch = arena_new(ARENA_BUDGET);
    enum wess_code rc = a->call && a->scratch ? open_conn(a) : WESS_TRANSIENT;
    while (rc == WESS_OK && (of = next_call(a))) {
        size_t before = a->n_kept;
        int64_t end = a->end;
        rc = read_some(a, of, a->of.at_once);
        free_wanted(of);
        if (content_unsure()) {
            a->n_kept = before;
            a->end = end;
            rc = WESS_TRANSIENT;
        }
    }
    arena_free(a->call);
    arena_free(a->scratch);
    if (a->conn)
        a->stats = *conn_stats(a->conn);
    conn_close(a->conn);
    pthread_mutex_lock(&a->lock);
    a->code = rc;
    a->ended = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

/* ---- for whoever lists, and whoever plans
 * ------------------------------------------------------------------------------------------ */

struct ahead *ahead_new(const struct ahead_of *of)
{
    struct ahead *a = calloc(1, sizeof(*a));
    if (!a)
        return NULL;
    a->of = *of;
    a->last = &a->first;
    a->fd = -1;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    return a;
}

void ahead_want(struct ahead *a, int64_t item, const char *rid)
{
    size_t len = strlen(rid) + 1;
    pthread_mutex_lock(&a->lock);
    bool wanted =
        !a->stop && !a->ended && item > a->newest && a->n_wanted < QUEUE_CALLS * a->of.at_once;
    struct wanted *w = wanted ? malloc(sizeof(*w) + len) : NULL;
    if (w) {
        *w = (struct wanted){.item = item};
        memcpy(w->rid, rid, len);
        *a->last = w;
        a->last = &w->next;
        a->newest = item;
        a->n_wanted++;
    }
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

void ahead_go(struct ahead *a)
{
    pthread_mutex_lock(&a->lock);
    if (a->n_wanted >= a->of.at_once && !a->started && !a->stop) {
        a->started = pthread_create(&a->thread, NULL, work, a) == 0;
        a->stop |= !a->started;
    }
    pthread_mutex_unlock(&a->lock);
}

enum wess_code ahead_pause(struct ahead *a, struct wess_error *e)
{
    pthread_mutex_lock(&a->lock);
    bool pause = a->ended && a->code == WESS_THROTTLED;
    if (pause)
        *e = a->error;
    pthread_mutex_unlock(&a->lock);
    return pause ? WESS_THROTTLED : WESS_OK;
}

static bool is_cancelled(const struct ahead *a)
{
    return a->of.cancelled && __atomic_load_n(a->of.cancelled, __ATOMIC_RELAXED);
}

struct conn_stats ahead_stop(struct ahead *a, bool wait)
{
    pthread_mutex_lock(&a->lock);
    a->stop = true;
    pthread_cond_broadcast(&a->changed);
    while (a->started && !a->ended) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += (until.tv_nsec + LOOK_NS) / 1000000000L;
        until.tv_nsec = (until.tv_nsec + LOOK_NS) % 1000000000L;
        if (!wait || is_cancelled(a))
            __atomic_store_n(&a->over, true, __ATOMIC_RELAXED);
        pthread_cond_timedwait(&a->changed, &a->lock, &until);
    }
    pthread_mutex_unlock(&a->lock);
    if (a->started)
        pthread_join(a->thread, NULL);
    a->started = false;
    free_wanted(a->first);
    a->first = NULL;
    return a->stats;
}

bool ahead_take(const struct ahead *a, struct wess_arena *arena, int64_t item, const char *revision,
                struct content *out)
{
    size_t low = 0, high = a->n_kept, name = revision ? strlen(revision) + 1 : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (a->kept[middle].item < item)
            low = middle + 1;
        else
            high = middle;
    }
    if (!name || low == a->n_kept || a->kept[low].item != item)
        return false;
    int64_t end = low + 1 < a->n_kept ? a->kept[low + 1].at : a->end;
    size_t len = (size_t)(end - a->kept[low].at);
    char *text = len >= name ? arena_alloc(arena, len) : NULL;
    return text && get(a->fd, a->kept[low].at, text, len) && !memcmp(text, revision, name) &&
           content_decode(arena, (struct wess_slice){text + name, len - name}, out);
}

void ahead_free(struct ahead *a)
{
    if (!a)
        return;
    ahead_stop(a, false);
    free(a->kept);
    if (a->fd >= 0)
        close(a->fd);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    free(a);
}
