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

#define DIGEST_HEX 64u

struct wess_spool {
    char *dir, *path; /* of the file while it is written */
    int fd;
    uint64_t size;
    bool broken;              /* a piece is missing: never to be finished */
    bool passes;              /* its folder does not outlive the run: nothing is made durable */
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

const char *blob_dir_new(struct wess_arena *a, const char *state_dir)
{
    char *dir = arena_fmt(a, "%s/spool/" PASSING "XXXXXX", state_dir);
    return dir ? mkdtemp(dir) : NULL;
}

const char *blob_dir_in(struct wess_arena *a, const char *parent)
{
    char *dir = arena_fmt(a, "%s/" PASSING "XXXXXX", parent);
    return dir ? mkdtemp(dir) : NULL;
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

void blob_dir_end(const char *dir)
{
    empty(AT_FDCWD, dir, 1);
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
    free(s->dir);
    free(s->path);
    free(s);
}

enum wess_code blob_spool_new(const char *dir, struct wess_spool **out)
{
    struct wess_spool *s = calloc(1, sizeof(*s));
    *out = NULL;
    if (!s)
        return no_memory(dir);
    const char *name = strrchr(dir, '/');
    s->fd = -1;
    s->dir = strdup(dir);
    s->passes = name && !strncmp(name + 1, PASSING, strlen(PASSING));
    sha256_init(&s->digest);
    if (!s->dir || asprintf(&s->path, "%s/new-XXXXXX", dir) < 0) {
        s->path = NULL;
        blob_spool_close(s);
        return no_memory(dir);
    }
    s->fd = mkostemp(s->path, O_CLOEXEC);
    if (s->fd < 0) {
        enum wess_code rc = trouble(dir, errno);
        free(s->path);
        s->path = NULL;
        blob_spool_close(s);
        return rc;
    }
    *out = s;
    return WESS_OK;
}

enum wess_code blob_spool_put(struct wess_spool *s, const void *data, size_t len)
{
    const char *at = data;
    if (s->broken)
        return WESS_TRANSIENT;
    sha256_update(&s->digest, len, data);
    s->size += len;
    while (len) {
        ssize_t n = write(s->fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            s->broken = true;
            return trouble(s->dir, errno);
        }
        at += n;
        len -= (size_t)n;
    }
    return WESS_OK;
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

enum wess_code blob_spool_done(struct wess_spool *s, struct wess_arena *a, struct wess_blob *out)
{
    unsigned char md[SHA256_DIGEST_SIZE];
    char *hex = arena_alloc(a, DIGEST_HEX + 1), *final = NULL;
    sha256_digest(&s->digest, sizeof(md), md);
    for (size_t i = 0; hex && i < sizeof(md); i++)
        snprintf(hex + 2 * i, 3, "%02x", md[i]);
    bool ok = hex && asprintf(&final, "%s/%s", s->dir, hex) >= 0;
    if (!ok) {
        final = NULL;
        no_memory(s->dir);
    }
    ok &= !s->broken;
    if (ok && ((!s->passes && fsync(s->fd) != 0) || rename(s->path, final) != 0 ||
               (!s->passes && !sync_folder(s->dir)))) {
        trouble(s->dir, errno);
        ok = false;
    }
    if (ok) {
        *out = (struct wess_blob){hex, s->size};
        free(s->path);
        s->path = NULL;
    }
    free(final);
    blob_spool_close(s);
    return ok ? WESS_OK : WESS_TRANSIENT;
}

enum wess_code blob_spool_open(const char *dir, const char *digest, struct wess_spool **out)
{
    struct wess_spool *s = NULL;
    char *path = NULL;
    *out = NULL;
    /* The name comes from a connector: nothing but a digest makes a path. */
    if (!digest || strlen(digest) != DIGEST_HEX || strspn(digest, "0123456789abcdef") != DIGEST_HEX)
        return WESS_BROKEN;
    if (asprintf(&path, "%s/%s", dir, digest) < 0)
        return no_memory(dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), error = errno;
    free(path);
    if (fd < 0) /* only what is not there is gone */
        return error == ENOENT || error == ELOOP ? WESS_GONE : trouble(dir, error);
    s = calloc(1, sizeof(*s));
    if (!s) {
        close(fd);
        return no_memory(dir);
    }
    s->fd = fd;
    *out = s;
    return WESS_OK;
}

int64_t blob_spool_get(struct wess_spool *s, void *buf, size_t cap)
{
    ssize_t n;
    do
        n = read(s->fd, buf, cap);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        trouble("of large values", errno);
    return n;
}
