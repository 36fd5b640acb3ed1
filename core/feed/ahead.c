#include "feed/ahead.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define QUEUE_CALLS 8u     /* as many calls' ids wait; what comes on top is left out */
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
    int64_t read_to;     /* item that was asked for last */
    bool started, ended; /* the thread */
    bool all;            /* nothing more will be wanted */
    bool stop;           /* it is to end */
    enum wess_code code; /* what ended it */
    struct wess_error error;
    struct kept *kept;
    size_t n_shown; /* of those kept, which may be taken */
    int64_t shown_end;
    /* Of the thread, and of who asks when it has ended. */
    bool over; /* what is under way is dropped; read by the connection */
    struct conn *conn;
    struct wess_arena *call, *scratch; /* an answer; one content */
    struct conn_stats stats;
    int fd; /* of the file; -1: none yet */
    int64_t end;
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
    if (a->cap >= KEPT_MOST)
        return false;
    pthread_mutex_lock(&a->lock);
    struct kept *more = realloc(a->kept, cap * sizeof(*more));
    if (more) {
        a->kept = more;
        a->cap = cap;
    }
    pthread_mutex_unlock(&a->lock);
    return more != NULL;
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

/* What goes together now: whole requests, but for the last of all. */
static size_t call_size(const struct ahead *a)
{
    if (a->n_wanted >= a->of.at_once)
        return a->of.at_once;
    return a->all ? a->n_wanted : a->n_wanted - a->n_wanted % a->of.each;
}

/* The ids of a call, or none at the end. */
static struct wanted *next_call(struct ahead *a, size_t *n)
{
    struct wanted *of = NULL, **end;
    pthread_mutex_lock(&a->lock);
    while (!a->stop && !a->all && !call_size(a))
        pthread_cond_wait(&a->changed, &a->lock);
    *n = a->stop ? 0 : call_size(a);
    if (*n) {
        of = a->first;
        end = &a->first;
        for (size_t i = 0; i < *n; i++)
            end = &(*end)->next;
        a->first = *end;
        if (!a->first)
            a->last = &a->first;
        *end = NULL;
        a->n_wanted -= *n;
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

/* What was kept of a call may be taken. */
static void show(struct ahead *a, const struct wanted *of)
{
    while (of->next)
        of = of->next;
    pthread_mutex_lock(&a->lock);
    a->read_to = of->item;
    a->n_shown = a->n_kept;
    a->shown_end = a->end;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

static void *work(void *ctx)
{
    struct ahead *a = ctx;
    struct wanted *of;
    size_t n;
    a->call = arena_new(ARENA_BUDGET);
    a->scratch = arena_new(ARENA_BUDGET);
    enum wess_code rc = a->call && a->scratch ? open_conn(a) : WESS_TRANSIENT;
    while (rc == WESS_OK && (of = next_call(a, &n))) {
        rc = read_some(a, of, n);
        if (content_unsure())
            rc = WESS_TRANSIENT;
        else
            show(a, of);
        free_wanted(of);
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
    bool wanted = !a->stop && !a->all && !a->ended && item > a->newest &&
                  a->n_wanted < QUEUE_CALLS * a->of.at_once;
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
    if (call_size(a) && !a->started && !a->stop) {
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

void ahead_all(struct ahead *a)
{
    pthread_mutex_lock(&a->lock);
    a->all = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

/* Until the thread has told something, or for so long as a cancelled run may go unnoticed. */
static void await_news(struct ahead *a)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (until.tv_nsec + LOOK_NS) / 1000000000L;
    until.tv_nsec = (until.tv_nsec + LOOK_NS) % 1000000000L;
    if (a->of.cancelled && __atomic_load_n(a->of.cancelled, __ATOMIC_RELAXED))
        __atomic_store_n(&a->over, true, __ATOMIC_RELAXED);
    pthread_cond_timedwait(&a->changed, &a->lock, &until);
}

void ahead_await(struct ahead *a)
{
    pthread_mutex_lock(&a->lock);
    while (a->started && !a->ended)
        await_news(a);
    pthread_mutex_unlock(&a->lock);
}

struct conn_stats ahead_stop(struct ahead *a)
{
    pthread_mutex_lock(&a->lock);
    a->stop = true;
    __atomic_store_n(&a->over, true, __ATOMIC_RELAXED);
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    if (a->started)
        pthread_join(a->thread, NULL);
    a->started = false;
    free_wanted(a->first);
    a->first = NULL;
    a->n_wanted = 0;
    return a->stats;
}

/* Where one lies, and how long it is; false: it was not kept. */
static bool find(const struct ahead *a, int64_t item, int64_t *at, size_t *len)
{
    size_t low = 0, high = a->n_shown;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (a->kept[middle].item < item)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == a->n_shown || a->kept[low].item != item)
        return false;
    *at = a->kept[low].at;
    *len = (size_t)((low + 1 < a->n_shown ? a->kept[low + 1].at : a->shown_end) - *at);
    return true;
}

bool ahead_take(struct ahead *a, struct wess_arena *arena, int64_t item, const char *revision,
                struct content *out)
{
    size_t name = revision ? strlen(revision) + 1 : 0, len = 0;
    int64_t at = 0;
    pthread_mutex_lock(&a->lock);
    while (a->started && !a->ended && item > a->read_to && item <= a->newest)
        await_news(a);
    bool kept = name && find(a, item, &at, &len) && len >= name;
    pthread_mutex_unlock(&a->lock);
    char *text = kept ? arena_alloc(arena, len) : NULL;
    return text && get(a->fd, at, text, len) && !memcmp(text, revision, name) &&
           content_decode(arena, (struct wess_slice){text + name, len - name}, out);
}

void ahead_free(struct ahead *a)
{
    if (!a)
        return;
    ahead_stop(a);
    free(a->kept);
    if (a->fd >= 0)
        close(a->fd);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    free(a);
}
