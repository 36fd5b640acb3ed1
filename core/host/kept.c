#include "host/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/model.h"

#define FOLDER "kept"

static const char *path_of(struct wess_arena *a, const struct kept_at *at)
{
    unsigned char digest[DIGEST_SIZE];
    char hex[33];
    const char *all = arena_fmt(a, "%s\n%s\n%s", at->endpoint, at->user, at->name);
    if (!all)
        return NULL;
    digest_of((struct wess_slice){all, strlen(all)}, digest);
    for (size_t i = 0; i < 16; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return arena_fmt(a, "%s/" FOLDER "/%s", at->state_dir, hex);
}

static bool write_all(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno != EINTR)
            return false;
        data += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* The connections of several threads keep the same thing: one after the other, for they write to
 * one file before it takes its name. Of another process the number tells it apart. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

bool kept_put(struct wess_arena *a, const struct kept_at *at, const void *data, size_t len)
{
    const char *path = path_of(a, at), *folder = arena_fmt(a, "%s/" FOLDER, at->state_dir);
    const char *fresh = path ? arena_fmt(a, "%s.%ld", path, (long)getpid()) : NULL;
    if (!fresh || !folder || len > KEPT_MOST || (mkdir(folder, 0700) != 0 && errno != EEXIST))
        return false;
    pthread_mutex_lock(&lock);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok = fd >= 0 && write_all(fd, data, len) && fdatasync(fd) == 0;
    ok = (fd < 0 || close(fd) == 0) && ok && rename(fresh, path) == 0;
    if (!ok && fd >= 0)
        unlink(fresh);
    pthread_mutex_unlock(&lock);
    return ok;
}

const char *kept_get(struct wess_arena *a, const struct kept_at *at, size_t *len)
{
    struct stat st;
    const char *path = path_of(a, at);
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    char *out = NULL;
    *len = 0;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= 0 &&
        (size_t)st.st_size <= KEPT_MOST)
        out = arena_alloc(a, (size_t)st.st_size + 1);
    while (out && *len < (size_t)st.st_size) {
        ssize_t n = read(fd, out + *len, (size_t)st.st_size - *len);
        if (n <= 0 && !(n < 0 && errno == EINTR))
            break;
        *len += n > 0 ? (size_t)n : 0;
    }
    if (fd >= 0)
        close(fd);
    return out && *len == (size_t)st.st_size ? out : NULL;
}
