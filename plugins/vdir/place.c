/* Temporary files, and putting them in place. Those of a large batch lie in a folder of their own:
 * by the end of it the large one has taken in each name once, instead of three times. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "write.h"

#define TEMP_PREFIX ".wess-"
#define TEMP_SUFFIX ".tmp"
#define LEFT_OVER_S 3600 /* a batch takes seconds */
#define NAMES_MAX 100u   /* names tried for one new file */
#define TURNS_MAX 8u     /* times that somebody else writes while we put back */

/* ---- temporary files
 * ------------------------------------------------------------------------------------------ */

bool vdir_temp_name(char out[VDIR_TEMP_CAP])
{
    uint64_t r;
    if (getrandom(&r, sizeof(r), 0) != (ssize_t)sizeof(r))
        return false;
    snprintf(out, VDIR_TEMP_CAP, TEMP_PREFIX "%016llx" TEMP_SUFFIX, (unsigned long long)r);
    return true;
}

bool vdir_write_all(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

/* Who may read the file replaced may read the new one. */
static bool take_rights(int fd, const struct stat *was)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return false;
    /* Not everybody may give a file away; it is then ours, with the old one's rights. */
    if ((st.st_uid != was->st_uid || st.st_gid != was->st_gid) &&
        fchown(fd, was->st_uid, was->st_gid) != 0 && errno != EPERM)
        return false;
    return fchmod(fd, was->st_mode & 07777) == 0;
}

bool vdir_temp_write(struct vdir_job *j)
{
    char temp[VDIR_TEMP_CAP];
    if (!vdir_temp_name(temp))
        return false;
    int fd = openat(j->aside, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    memcpy(j->temp, temp, sizeof(temp));
    bool ok = vdir_write_all(fd, j->bytes.data, j->bytes.len) &&
              (j->op->what == WESS_CREATE || take_rights(fd, &j->was)) &&
              (!j->sync || fsync(fd) == 0);
    ok = ok && fstat(fd, &j->made) == 0;
    int error = errno;
    if (close(fd) != 0 && ok) {
        error = errno;
        ok = false;
    }
    errno = error;
    return ok;
}

void vdir_temp_drop(struct vdir_job *j)
{
    const struct wess_host *h = j->call->conn->host;
    if (*j->temp && unlinkat(j->aside, j->temp, 0) != 0 && errno != ENOENT)
        h->log(h->ctx, WESS_LOG_WARN, "%s is left over: errno %d", j->temp, errno);
    *j->temp = 0;
}

/* 0: it is not; else how unlinkat() takes it. */
enum left_over { NOT_LEFT_OVER, A_FILE, A_FOLDER };

static enum left_over left_over(int dir, const char *name, int64_t now_s)
{
    struct stat st;
    size_t len = strlen(name), end = strlen(TEMP_SUFFIX);
    if (len <= end || strncmp(name, TEMP_PREFIX, strlen(TEMP_PREFIX)) != 0 ||
        strcmp(name + len - end, TEMP_SUFFIX) != 0 ||
        fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        st.st_ctim.tv_sec >= now_s - LEFT_OVER_S)
        return NOT_LEFT_OVER;
    return S_ISREG(st.st_mode) ? A_FILE : S_ISDIR(st.st_mode) ? A_FOLDER : NOT_LEFT_OVER;
}

static DIR *open_folder(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (fd >= 0 && !d)
        close(fd);
    return d;
}

/* `dir` holds temporary files alone: none of them is older than it by much. */
static void empty(int dir, const char *name)
{
    const struct dirent *entry;
    DIR *d = open_folder(dir, name);
    while (d && (entry = readdir(d)))
        if (!strncmp(entry->d_name, TEMP_PREFIX, strlen(TEMP_PREFIX)))
            unlinkat(dirfd(d), entry->d_name, 0);
    if (d)
        closedir(d);
}

static bool drop_left_over(int dir, const char *name, enum left_over what)
{
    if (what == A_FOLDER)
        empty(dir, name);
    return unlinkat(dir, name, what == A_FOLDER ? AT_REMOVEDIR : 0) == 0;
}

void vdir_tidy(struct wess_call *call, int dir)
{
    const struct wess_host *h = call->conn->host;
    const struct dirent *entry;
    DIR *d = call->conn->tidied ? NULL : open_folder(dir, ".");
    int64_t now_s = h->now_ms(h->ctx) / 1000;
    call->conn->tidied = true;
    while (d && (entry = readdir(d))) {
        enum left_over what = left_over(dir, entry->d_name, now_s);
        if (what != NOT_LEFT_OVER)
            h->log(h->ctx, WESS_LOG_INFO, "%s of a process that was killed %s", entry->d_name,
                   drop_left_over(dir, entry->d_name, what) ? "is removed" : "cannot be removed");
    }
    if (d)
        closedir(d);
}

/* ---- a folder for them
 * ------------------------------------------------------------------------------------------ */

int vdir_aside_make(int dir, char name[VDIR_TEMP_CAP])
{
    if (!vdir_temp_name(name) || mkdirat(dir, name, 0700) != 0) {
        *name = 0;
        return -1;
    }
    return openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

void vdir_aside_drop(struct wess_call *call, int dir, const char *name)
{
    const struct wess_host *h = call->conn->host;
    if (*name && unlinkat(dir, name, AT_REMOVEDIR) != 0)
        h->log(h->ctx, WESS_LOG_WARN, "%s is left over: errno %d", name, errno);
}

/* ---- a new file
 * ------------------------------------------------------------------------------------------ */

int vdir_rename_new(int aside, const char *from, int dir, const char *to)
{
    if (renameat2(aside, from, dir, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    return linkat(aside, from, dir, to, 0) == 0 ? unlinkat(aside, from, 0) : -1;
}

bool vdir_bears_stamp(struct vdir_job *j, const char *name)
{
    struct vdir_file f;
    bool spent = false, ours = false;
    if (j->op->stamp && vdir_file_read(j->call->conn->kind, j->dir, name, &f) == VDIR_READ) {
        const char *stamp = vdir_stamp(j->call, &f.text, &spent);
        ours = stamp && !strcmp(stamp, j->op->stamp);
    }
    if (j->op->stamp)
        vdir_file_fini(&f);
    return ours;
}

enum wess_code vdir_place_new(struct vdir_job *j)
{
    const char *base = j->name, *suffix = j->call->conn->kind->suffix;
    for (unsigned i = 2; i < NAMES_MAX; i++) {
        if (vdir_rename_new(j->aside, j->temp, j->dir, j->name) == 0) {
            *j->temp = 0;
            j->placed = true;
            return WESS_OK;
        }
        if (errno != EEXIST)
            return vdir_failed(j->call, "a file cannot be put in place");
        /* Carried out before, by an attempt whose answer was lost. */
        if (vdir_bears_stamp(j, j->name))
            return vdir_found(j, j->name);
        j->name = wess_arena_fmt(j->call->conn->host, j->call->arena, "%.*s-%u%s",
                                 (int)(strlen(base) - strlen(suffix)), base, i, suffix);
        if (!j->name)
            return vdir_spent(j->call);
    }
    errno = EEXIST;
    return vdir_failed(j->call, "there is no name left for a new file");
}

/* ---- another content
 * ------------------------------------------------------------------------------------------ */

/* Renaming moves the time of the inode, so that one is not asked. */
bool vdir_is_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool is_what_was_compared(const struct vdir_job *j, int dir, const char *name)
{
    struct stat st;
    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && vdir_is_file(&st, &j->was);
}

static enum wess_code not_ours(struct vdir_job *j)
{
    enum wess_code rc = vdir_found(j, j->name);
    j->out->id = NULL;
    j->out->code = j->out->current ? WESS_CONFLICT : WESS_GONE;
    return rc;
}

/* Where two files cannot change places a moment is left between comparing and replacing. */
static enum wess_code replace(struct vdir_job *j)
{
    if (!is_what_was_compared(j, j->dir, j->name))
        return not_ours(j);
    if (renameat(j->aside, j->temp, j->dir, j->name) != 0)
        return vdir_failed(j->call, "a file cannot be replaced");
    *j->temp = 0;
    j->placed = true;
    return WESS_OK;
}

/* Theirs goes back in ours' place. When what comes out is not what was put there, somebody wrote
 * once more, and that is what has to stand there. */
static bool put_back(const struct vdir_job *j)
{
    struct stat there = j->made, in, out;
    for (unsigned i = 0; i < TURNS_MAX; i++) {
        if (fstatat(j->aside, j->temp, &in, AT_SYMLINK_NOFOLLOW) != 0)
            return false;
        if (renameat2(j->aside, j->temp, j->dir, j->name, RENAME_EXCHANGE) != 0)
            return errno == ENOENT && vdir_rename_new(j->aside, j->temp, j->dir, j->name) == 0;
        if (fstatat(j->aside, j->temp, &out, AT_SYMLINK_NOFOLLOW) != 0)
            return false;
        if (vdir_is_file(&out, &there))
            return true;
        there = in;
    }
    return false;
}

/* The two change places in one step, and what comes out is looked at: when it is not what was
 * compared, somebody wrote meanwhile. */
enum wess_code vdir_place_changed(struct vdir_job *j)
{
    if (!is_what_was_compared(j, j->dir, j->name))
        return not_ours(j);
    if (renameat2(j->aside, j->temp, j->dir, j->name, RENAME_EXCHANGE) != 0) {
        if (errno == EINVAL || errno == ENOSYS)
            return replace(j);
        return errno == ENOENT ? not_ours(j) : vdir_failed(j->call, "a file cannot be replaced");
    }
    if (is_what_was_compared(j, j->aside, j->temp)) {
        j->placed = true; /* the temporary file is the old one now, and dropped */
        return WESS_OK;
    }
    if (put_back(j))
        return not_ours(j);
    *j->temp = 0; /* theirs is not dropped with the job */
    j->doubtful = true;
    return vdir_failed(j->call, "a file that was changed meanwhile cannot be put back");
}

/* ---- none
 * ------------------------------------------------------------------------------------------ */

/* It goes out of sight first, and is removed once it is seen to be what was compared. */
enum wess_code vdir_remove(struct vdir_job *j)
{
    char temp[VDIR_TEMP_CAP];
    if (!is_what_was_compared(j, j->dir, j->name))
        return not_ours(j);
    if (!vdir_temp_name(temp) || renameat(j->dir, j->name, j->aside, temp) != 0) {
        if (errno != ENOENT)
            return vdir_failed(j->call, "a file cannot be removed");
        j->out->code = WESS_GONE;
        return WESS_OK;
    }
    if (is_what_was_compared(j, j->aside, temp)) {
        memcpy(j->temp, temp, sizeof(temp)); /* dropped with the job */
        j->placed = true;
        return WESS_OK;
    }
    if (vdir_rename_new(j->aside, temp, j->dir, j->name) != 0) {
        if (errno != EEXIST)
            return vdir_failed(j->call, "a file that was changed meanwhile cannot be put back");
        memcpy(j->temp, temp, sizeof(temp)); /* written once more since: that is what counts */
    }
    return not_ours(j);
}
