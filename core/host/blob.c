#include "host/blob.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/conn.h"

struct wess_spool {
    struct blob_dir *dir;
    char *path;               /* of the file while it is written */
    int fd;                   /* -1: it is in memory */
    struct blob_small *small; /* while it is written: ours, with room for `cap` bytes */
    const struct blob_small *read;
    size_t cap, at;
    uint64_t size;
    bool broken;              /* a piece is missing: never to be finished */
    struct sha256_ctx digest; /* of what was put */
};

static enum wess_code trouble(const char *dir, int error)
{
    bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
    log_line(WESS_LOG_ERROR, "spool %s: %s: %s", dir, strerror(error),
             full              ? "make room, then run again"
             : error == ENOMEM ? "run again when there is more"
                               : "see the system log");
    return WESS_TRANSIENT;
}

/* Not WESS_TOO_BIG, which would put the item aside for being what it is not. */
static enum wess_code no_memory(const char *dir)
{
    return trouble(dir, ENOMEM);
}

/* ---- folders of what passes through
 * ------------------------------------------------------------------------------------------ */

#define PASSING "run-"

static struct blob_dir *make_dir(const char *parent)
{
    struct blob_dir *d = calloc(1, sizeof(*d));
    if (d && asprintf(&d->path, "%s/" PASSING "XXXXXX", parent) < 0)
        d->path = NULL;
    if (!d || !d->path || !mkdtemp(d->path)) {
        int error = d && d->path ? errno : ENOMEM;
        free(d ? d->path : NULL);
        free(d);
        errno = error;
        return NULL;
    }
    d->passes = true;
    pthread_mutex_init(&d->lock, NULL);
    return d;
}

struct blob_dir *blob_dir_new(const char *state_dir)
{
    char *spool = NULL;
    struct blob_dir *d = asprintf(&spool, "%s/spool", state_dir) < 0 ? NULL : make_dir(spool);
    int error = spool ? errno : ENOMEM;
    free(spool);
    errno = error;
    return d;
}

struct blob_dir *blob_dir_in(struct blob_dir *outer)
{
    struct blob_dir *d = make_dir(outer->path);
    if (d) {
        d->outer = outer;
        d->next = outer->within;
        outer->within = d;
    }
    return d;
}

/* Its files, and the folders of its kind in it, which hold files alone. No link is followed. */
static void empty(int at, const char *name, unsigned depth)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *e;
    if (fd >= 0 && !d)
        close(fd);
    while (d && (e = readdir(d))) {
        if (e->d_name[0] == '.' || unlinkat(dirfd(d), e->d_name, 0) == 0)
            continue;
        if (depth && !strncmp(e->d_name, PASSING, strlen(PASSING)))
            empty(dirfd(d), e->d_name, depth - 1);
    }
    if (d)
        closedir(d);
    unlinkat(at, name, AT_REMOVEDIR);
}

static void free_small(struct blob_dir *d)
{
    for (size_t i = 0; i < sizeof(d->small) / sizeof(d->small[0]); i++)
        for (struct blob_small *s = d->small[i], *next; s; s = next) {
            next = s->next;
            free(s);
        }
}

static void free_dir(struct blob_dir *d)
{
    for (struct blob_dir *w = d->within, *next; w; w = next) {
        next = w->next;
        free_dir(w);
    }
    free_small(d);
    pthread_mutex_destroy(&d->lock);
    free(d->path);
    free(d);
}

void blob_dir_end(struct blob_dir *d)
{
    struct blob_dir **at = d->outer ? &d->outer->within : NULL;
    while (at && *at != d)
        at = &(*at)->next;
    if (at)
        *at = d->next;
    empty(AT_FDCWD, d->path, 1);
    free_dir(d);
}

/* ---- the spool
 * ------------------------------------------------------------------------------------------ */

enum wess_code blob_root(const char *state_dir)
{
    char *dir = NULL;
    enum wess_code rc = WESS_BROKEN;
    struct dirent *e;
    if (asprintf(&dir, "%s/spool", state_dir) < 0)
        return no_memory(state_dir);
    if (mkdir(dir, 0700) == 0 || errno == EEXIST)
        rc = WESS_OK;
    else
        trouble(state_dir, errno);
    DIR *d = rc == WESS_OK ? opendir(dir) : NULL;
    /* A file without its digest for a name was never finished. */
    while (d && (e = readdir(d)))
        if (!strncmp(e->d_name, "new-", 4))
            unlinkat(dirfd(d), e->d_name, 0);
        else if (!strncmp(e->d_name, PASSING, strlen(PASSING)))
            empty(dirfd(d), e->d_name, 1);
    if (d)
        closedir(d);
    free(dir);
    return rc;
}

void blob_spool_close(struct wess_spool *s)
{
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    if (s->path)
        unlink(s->path);
    free(s->path);
    free(s->small);
    free(s);
}

static enum wess_code make_file(struct wess_spool *s)
{
    if (asprintf(&s->path, "%s/new-XXXXXX", s->dir->path) < 0) {
        s->path = NULL;
        return no_memory(s->dir->path);
    }
    s->fd = mkostemp(s->path, O_CLOEXEC);
    if (s->fd >= 0)
        return WESS_OK;
    enum wess_code rc = trouble(s->dir->path, errno);
    free(s->path);
    s->path = NULL;
    return rc;
}

enum wess_code blob_spool_new(struct blob_dir *dir, struct wess_spool **out)
{
    struct wess_spool *s = calloc(1, sizeof(*s));
    *out = NULL;
    if (!s)
        return no_memory(dir->path);
    s->fd = -1;
    s->dir = dir;
    sha256_init(&s->digest);
    enum wess_code rc = dir->passes ? WESS_OK : make_file(s);
    if (rc == WESS_OK)
        *out = s;
    else
        blob_spool_close(s);
    return rc;
}

static enum wess_code into_file(struct wess_spool *s, const void *data, size_t len)
{
    const char *at = data;
    while (len) {
        ssize_t n = write(s->fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return trouble(s->dir->path, errno);
        at += n;
        len -= (size_t)n;
    }
    return WESS_OK;
}

static enum wess_code into_memory(struct wess_spool *s, const void *data, size_t len)
{
    size_t had = s->small ? s->small->len : 0, cap = s->cap ? s->cap : len;
    while (cap < had + len)
        cap *= 2;
    if (!s->small || cap > s->cap) {
        struct blob_small *more = realloc(s->small, sizeof(*more) + cap);
        if (!more)
            return no_memory(s->dir->path);
        s->small = more;
        s->cap = cap;
    }
    if (len)
        memcpy(s->small->bytes + had, data, len);
    s->small->len = had + len;
    return WESS_OK;
}

/* It is larger than what stays in memory, or there is enough of that. */
static enum wess_code move_to_file(struct wess_spool *s)
{
    enum wess_code rc = make_file(s);
    if (rc == WESS_OK && s->small)
        rc = into_file(s, s->small->bytes, s->small->len);
    free(s->small);
    s->small = NULL;
    return rc;
}

enum wess_code blob_spool_put(struct wess_spool *s, const void *data, size_t len)
{
    enum wess_code rc = WESS_OK;
    if (s->broken)
        return WESS_TRANSIENT;
    sha256_update(&s->digest, len, data);
    s->size += len;
    if (s->fd < 0 && s->size > BLOB_SMALL)
        rc = move_to_file(s);
    if (rc == WESS_OK)
        rc = s->fd < 0 ? into_memory(s, data, len) : into_file(s, data, len);
    s->broken = rc != WESS_OK;
    return rc;
}

static bool sync_folder(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return ok;
}

static bool name_it(const struct wess_spool *s, const char *digest)
{
    char *final = NULL;
    if (asprintf(&final, "%s/%s", s->dir->path, digest) < 0) {
        no_memory(s->dir->path);
        return false;
    }
    bool durable = !s->dir->passes;
    bool ok = (!durable || fsync(s->fd) == 0) && rename(s->path, final) == 0 &&
              (!durable || sync_folder(s->dir->path));
    if (!ok)
        trouble(s->dir->path, errno);
    free(final);
    return ok;
}

static unsigned slot_of(const char *digest)
{
    static const char hex[] = "0123456789abcdef";
    return (unsigned)((strchr(hex, digest[0]) - hex) << 4 | (strchr(hex, digest[1]) - hex));
}

static const struct blob_small *small_of(struct blob_dir *d, const char *digest)
{
    pthread_mutex_lock(&d->lock);
    const struct blob_small *s = d->small[slot_of(digest)];
    while (s && strcmp(s->digest, digest) != 0)
        s = s->next;
    pthread_mutex_unlock(&d->lock);
    return s;
}

/* false: it is to go to a file. */
static bool keep_small(struct wess_spool *s, const char *digest)
{
    struct blob_dir *d = s->dir;
    struct blob_small *small = s->small, *exact = realloc(small, sizeof(*small) + small->len);
    s->small = small = exact ? exact : small;
    pthread_mutex_lock(&d->lock);
    bool room = d->bytes + small->len <= BLOB_MEMORY;
    if (room) {
        struct blob_small **slot = &d->small[slot_of(digest)];
        memcpy(small->digest, digest, sizeof(small->digest));
        small->next = *slot;
        *slot = small;
        d->bytes += small->len;
        s->small = NULL;
    }
    pthread_mutex_unlock(&d->lock);
    return room;
}

static bool keep(struct wess_spool *s, const char *digest)
{
    if (s->broken)
        return false;
    if (s->fd < 0 && !s->small && into_memory(s, NULL, 0) != WESS_OK)
        return false;
    if (s->fd < 0 && keep_small(s, digest))
        return true;
    if (s->fd < 0 && move_to_file(s) != WESS_OK)
        return false;
    if (!name_it(s, digest))
        return false;
    free(s->path);
    s->path = NULL;
    return true;
}

enum wess_code blob_spool_done(struct wess_spool *s, struct wess_arena *a, struct wess_blob *out)
{
    unsigned char md[SHA256_DIGEST_SIZE];
    char *hex = arena_alloc(a, BLOB_DIGEST + 1);
    if (!hex)
        no_memory(s->dir->path);
    sha256_digest(&s->digest, sizeof(md), md);
    for (size_t i = 0; hex && i < sizeof(md); i++) {
        hex[2 * i] = "0123456789abcdef"[md[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[md[i] & 15];
    }
    bool ok = hex && keep(s, hex);
    if (ok)
        *out = (struct wess_blob){hex, s->size};
    blob_spool_close(s);
    return ok ? WESS_OK : WESS_TRANSIENT;
}

enum wess_code blob_spool_open(struct blob_dir *dir, const char *digest, struct wess_spool **out)
{
    struct wess_spool *s = NULL;
    char *path = NULL;
    int fd = -1;
    *out = NULL;
    /* The name comes from a connector: nothing but a digest makes a path. */
    if (!digest || strlen(digest) != BLOB_DIGEST ||
        strspn(digest, "0123456789abcdef") != BLOB_DIGEST)
        return WESS_BROKEN;
    const struct blob_small *small = dir->passes ? small_of(dir, digest) : NULL;
    if (!small && asprintf(&path, "%s/%s", dir->path, digest) < 0)
        return no_memory(dir->path);
    if (!small)
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int error = errno;
    free(path);
    if (!small && fd < 0) /* only what is not there is gone */
        return error == ENOENT || error == ELOOP ? WESS_GONE : trouble(dir->path, error);
    s = calloc(1, sizeof(*s));
    if (!s) {
        if (fd >= 0)
            close(fd);
        return no_memory(dir->path);
    }
    s->fd = fd;
    s->read = small;
    *out = s;
    return WESS_OK;
}

static int64_t get_small(struct wess_spool *s, void *buf, size_t cap)
{
    size_t left = s->read->len - s->at, n = left < cap ? left : cap;
    memcpy(buf, s->read->bytes + s->at, n);
    s->at += n;
    return (int64_t)n;
}

int64_t blob_spool_get(struct wess_spool *s, void *buf, size_t cap)
{
    ssize_t n;
    if (s->read)
        return get_small(s, buf, cap);
    do
        n = read(s->fd, buf, cap);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        trouble("of large values", errno);
    return n;
}
