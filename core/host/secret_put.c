/* A secret that is replaced: its file is always a whole one, for its owner only. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "host/conn.h"

#define EXPAND_BYTES ((size_t)64 << 10)
#define LOOK_NS 100000000L

static char *path_of(const struct cfg_secret *s, const struct cfg_user *user, const char *end,
                     const char **why)
{
    struct wess_arena *a = arena_new(EXPAND_BYTES);
    const char *missing = NULL;
    const char *path = a && s->text ? config_expand(a, s->text, user, &missing) : NULL;
    char *out = NULL;
    if (s->from != SECRET_FILE)
        *why = "only { file = ..; } can be written";
    else if (!path)
        *why = missing ? "a user's attribute is missing" : "out of memory";
    else if (asprintf(&out, "%s%s", path, end) < 0)
        out = NULL, *why = "out of memory";
    arena_free(a);
    return out;
}

static bool write_all(int fd, const char *text, size_t len)
{
    while (len) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno != EINTR)
            return false;
        text += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* malloc'ed; NULL: out of memory. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
}

/* What root writes belongs to whom the folder belongs to: the daemon is not root. */
static bool give_to_owner(int fd, const char *path)
{
    struct stat st;
    char *dir = geteuid() == 0 ? folder_of(path) : NULL;
    bool ok = !dir || (stat(dir, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) == 0);
    free(dir);
    return ok;
}

/* So that the new name is on the disk as well. */
static void sync_folder(const char *path)
{
    char *dir = folder_of(path);
    int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(dir);
}

bool secret_write(const struct cfg_secret *s, const struct cfg_user *user, const char *value,
                  const char **why)
{
    char *path = path_of(s, user, "", why), *temp = path ? path_of(s, user, ".XXXXXX", why) : NULL;
    int fd = temp ? mkostemp(temp, O_CLOEXEC) : -1; /* mode 0600 */
    bool ok = fd >= 0 && give_to_owner(fd, path) && write_all(fd, value, strlen(value)) &&
              write_all(fd, "\n", 1) && fsync(fd) == 0;
    if (temp && !ok)
        *why = strerror(errno);
    if (fd >= 0 && close(fd) != 0 && ok) {
        *why = strerror(errno);
        ok = false;
    }
    if (ok && rename(temp, path) != 0) {
        *why = strerror(errno);
        ok = false;
    }
    if (ok)
        sync_folder(path);
    else if (fd >= 0)
        unlink(temp);
    free(temp);
    free(path);
    return ok;
}

int secret_lock(const struct cfg_secret *s, const struct cfg_user *user,
                bool (*cancelled)(void *ctx), void *ctx, const char **why)
{
    const struct timespec bit = {0, LOOK_NS};
    char *path = path_of(s, user, ".lock", why);
    int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    if (path && fd < 0)
        *why = strerror(errno);
    if (fd >= 0)
        give_to_owner(fd, path);
    while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK && !cancelled(ctx)) {
            nanosleep(&bit, NULL);
            continue;
        }
        *why = errno == EWOULDBLOCK ? "stopped" : strerror(errno);
        close(fd);
        fd = -1;
    }
    free(path);
    return fd;
}
