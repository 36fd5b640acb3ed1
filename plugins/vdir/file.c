/* The folder: files, and how a file is known to be the same. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vdir.h"

/* ---- trouble
 * ------------------------------------------------------------------------------------------ */

enum wess_code vdir_failed(struct wess_call *call, const char *what)
{
    static const struct {
        int error;
        enum wess_code code;
        enum wess_scope scope;
    } table[] = {
        {ENOENT, WESS_GONE, WESS_OF_MAILBOX},      {ENOTDIR, WESS_GONE, WESS_OF_MAILBOX},
        {EACCES, WESS_AUTH, WESS_OF_MAILBOX},      {EPERM, WESS_AUTH, WESS_OF_MAILBOX},
        {EROFS, WESS_AUTH, WESS_OF_MAILBOX},       {ENOSPC, WESS_TRANSIENT, WESS_OF_MAILBOX},
        {EDQUOT, WESS_TRANSIENT, WESS_OF_MAILBOX},
    };
    int error = errno;
    enum wess_code code = WESS_TRANSIENT;
    enum wess_scope scope = WESS_OF_HOST;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].error == error) {
            code = table[i].code;
            scope = table[i].scope;
        }
    char buf[128];
    return wess_fail(&call->error, code, scope, NULL, "%s: %s", what,
                     strerror_r(error, buf, sizeof(buf)));
}

enum wess_code vdir_folder(struct wess_call *call, int *dir)
{
    *dir = open(call->conn->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *dir < 0 ? vdir_failed(call, call->conn->path) : WESS_OK;
}

bool vdir_is_name(const struct vdir_kind *kind, const char *name)
{
    size_t len = strlen(name), end = strlen(kind->suffix);
    return len > end && len <= NAME_MAX && *name != '.' && !strchr(name, '/') &&
           !strcmp(name + len - end, kind->suffix);
}

/* ---- one file
 * ------------------------------------------------------------------------------------------ */

static enum vdir_got bad(struct vdir_file *f, const char *why)
{
    f->fault = (struct lines_fault){0, why};
    return VDIR_BAD;
}

static bool read_all(int fd, struct vdir_file *f)
{
    size_t cap = (size_t)f->st.st_size + 1;
    ssize_t n = 1;
    f->bytes = malloc(cap + 1);
    while (f->bytes && f->len < cap && n > 0) {
        n = read(fd, f->bytes + f->len, cap - f->len);
        if (n > 0)
            f->len += (size_t)n;
        else if (n < 0 && errno == EINTR)
            n = 1;
    }
    if (!f->bytes)
        errno = ENOMEM;
    return f->bytes && n >= 0;
}

static enum vdir_got judge_open(struct vdir_file *f)
{
    switch (errno) {
    case ENOENT:
        return VDIR_GONE;
    case ELOOP:
        return bad(f, "it is a symbolic link, and links are not followed");
    case EACCES:
    case EPERM:
        return bad(f, "we may not read it");
    default:
        return VDIR_FAILED;
    }
}

enum vdir_got vdir_file_read(const struct vdir_kind *kind, int dir, const char *name,
                             struct vdir_file *f)
{
    *f = (struct vdir_file){0};
    if (!vdir_is_name(kind, name))
        return VDIR_GONE;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return judge_open(f);
    /* First how old it is, then what it says: what is written meanwhile is never taken for known.
     */
    enum vdir_got got = VDIR_FAILED;
    if (fstat(fd, &f->st) == 0) {
        f->young = vdir_is_young(&f->st, &now);
        if (!S_ISREG(f->st.st_mode))
            got = bad(f, "it is no file");
        else if (f->st.st_size > (off_t)LINES_BYTES)
            got = bad(f, "it is larger than a file may be (1 MiB)");
        else if (read_all(fd, f))
            got = kind->read(&f->text, f->bytes, f->len, &f->fault) ? VDIR_READ : VDIR_BAD;
    }
    int error = errno;
    close(fd);
    errno = error;
    return got;
}

void vdir_file_fini(struct vdir_file *f)
{
    lines_fini(&f->text);
    if (f->bytes)
        explicit_bzero(f->bytes, f->len);
    free(f->bytes);
    *f = (struct vdir_file){0};
}

enum wess_code vdir_file_item(struct wess_call *call, const struct vdir_file *f, const char *name,
                              bool whole, struct wess_item *out)
{
    enum wess_code rc = call->conn->kind->item(call, &f->text, name, whole, out);
    if (rc != WESS_OK)
        return rc;
    out->modified_ms = (int64_t)f->st.st_mtim.tv_sec * 1000 + f->st.st_mtim.tv_nsec / 1000000;
    out->revision = vdir_revision(call, f);
    return out->revision ? WESS_OK
                         : wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL,
                                     "the files are too large for one answer");
}

const char *vdir_fault_text(struct wess_call *call, const struct lines_fault *fault)
{
    const struct wess_host *h = call->conn->host;
    const char *text = fault->line
                           ? wess_arena_fmt(h, call->arena, "line %zu: %s", fault->line, fault->why)
                           : fault->why;
    return text ? text : fault->why;
}

/* ---- revisions
 * ------------------------------------------------------------------------------------------ */

static uint64_t digest(const void *data, size_t len) /* FNV-1a */
{
    const unsigned char *bytes = data;
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < len; i++)
        h = (h ^ bytes[i]) * 1099511628211u;
    return h;
}

static uint64_t stir(uint64_t h, uint64_t x) /* as MurmurHash3 ends */
{
    h = (h ^ x) * 0xff51afd7ed558ccdu;
    h = (h ^ h >> 32) * 0xc4ceb9fe1a85ec53u;
    return h ^ h >> 29;
}

static uint64_t ns_of(struct timespec t)
{
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* A time of whole seconds may be all that the file system keeps. */
bool vdir_is_young(const struct stat *st, const struct timespec *now)
{
    uint64_t unit = st->st_mtim.tv_nsec ? 0 : 2000000000u;
    return ns_of(*now) <= ns_of(st->st_mtim) + unit;
}

#define REVISION_CAP 48u /* a number in 11 letters; "~" and two more in hexadecimal */

#define STATE_LETTERS 11u /* of 64 bits */

static size_t state_text(const struct stat *st, char out[REVISION_CAP])
{
    uint64_t h = stir(stir(0, ns_of(st->st_mtim)), ns_of(st->st_ctim));
    h = stir(stir(h, (uint64_t)st->st_ino), (uint64_t)st->st_size);
    for (size_t i = 0; i < STATE_LETTERS; i++, h >>= 6)
        out[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[h & 63];
    out[STATE_LETTERS] = 0;
    return STATE_LETTERS;
}

static void content_text(const struct vdir_file *f, char *out, size_t cap)
{
    snprintf(out, cap, "~%zx.%" PRIx64, f->len, digest(f->bytes, f->len));
}

const char *vdir_revision(struct wess_call *call, const struct vdir_file *f)
{
    char text[REVISION_CAP];
    size_t len = state_text(&f->st, text);
    if (f->young)
        content_text(f, text + len, sizeof(text) - len);
    return wess_arena_text(call->conn->host, call->arena, text);
}

bool vdir_is_revision(const char *revision, const struct vdir_file *f)
{
    char text[REVISION_CAP];
    const char *content = strchr(revision, '~');
    if (!content) {
        state_text(&f->st, text);
        return !strcmp(revision, text);
    }
    content_text(f, text, sizeof(text));
    return !strcmp(content, text);
}
