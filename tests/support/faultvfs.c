#include "faultvfs.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What was done to a file since its last sync: how to take it back, and how to do it again. */
struct change {
    struct change *next, *prev;
    char *path;
    sqlite3_int64 at, old_size;
    unsigned char *was, *is; /* is NULL: cut off at `at` */
    size_t n_was, n_is;
};
struct file {
    sqlite3_file base;
    char *path;         /* NULL: a temporary file, which no power cut leaves */
    sqlite3_file *real; /* in the memory behind this struct */
};

static struct {
    sqlite3_vfs vfs, *real;
    struct fault_plan plan;
    unsigned counts[FAULT_ANY + 1], counted;
    enum fault_call hit;
    bool dead;
    struct change *first, *last;
} f;
/* No write is half noted when the power goes in another thread. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Noreturn void power_off(void);

/* ---- what was not synced -----------------------------------------------------------------------
 */

static void forget(struct change *c)
{
    *(c->prev ? &c->prev->next : &f.first) = c->next;
    *(c->next ? &c->next->prev : &f.last) = c->prev;
    free(c->path);
    free(c->was);
    free(c->is);
    free(c);
}

static void forget_file(const char *path)
{
    for (struct change *c = f.first, *next; c; c = next) {
        next = c->next;
        if (path && !strcmp(c->path, path))
            forget(c);
    }
}

static void *copy_of(const void *data, size_t n)
{
    void *out = malloc(n ? n : 1);
    if (!out)
        abort();
    if (n)
        memcpy(out, data, n);
    return out;
}

static void note(struct file *file, const void *data, size_t n, sqlite3_int64 at)
{
    if (f.plan.how != FAULT_CUT)
        return;
    struct change *c = calloc(1, sizeof(*c));
    if (!c || file->real->pMethods->xFileSize(file->real, &c->old_size) != SQLITE_OK)
        abort();
    sqlite3_int64 end = data ? at + (sqlite3_int64)n : c->old_size;
    if (end > c->old_size)
        end = c->old_size;
    c->path = copy_of(file->path, strlen(file->path) + 1);
    c->at = at;
    c->is = data ? copy_of(data, n) : NULL;
    c->n_is = n;
    c->n_was = end > at ? (size_t)(end - at) : 0;
    c->was = calloc(1, c->n_was + 1);
    if (!c->was || (c->n_was && file->real->pMethods->xRead(file->real, c->was, (int)c->n_was,
                                                            at) != SQLITE_OK))
        abort();
    c->prev = f.last;
    *(f.last ? &f.last->next : &f.first) = c;
    f.last = c;
}

/* ---- when to fail ------------------------------------------------------------------------------
 */

/* Counts the call; true: it is to fail. */
static bool fails(enum fault_call call)
{
    f.counts[call]++;
    if (f.dead)
        return true;
    if (f.plan.how == FAULT_NEVER || !(f.plan.calls & call))
        return false;
    f.counted++;
    if (f.counted != f.plan.at && !(f.plan.stays && f.counted > f.plan.at))
        return false;
    if (!f.hit)
        f.hit = call;
    f.dead = f.plan.how == FAULT_CUT;
    if (f.dead && f.plan.ends)
        power_off();
    return true;
}

static int no_room(int io_error)
{
    return f.plan.how == FAULT_FULL ? SQLITE_FULL : io_error;
}

/* ---- files -------------------------------------------------------------------------------------
 */

static struct file *self(sqlite3_file *file)
{
    return (struct file *)(void *)file;
}

static sqlite3_file *real(sqlite3_file *file)
{
    return self(file)->real;
}

static int file_close(sqlite3_file *file)
{
    int rc = real(file)->pMethods->xClose(real(file));
    free(self(file)->path);
    return rc;
}

static int file_read(sqlite3_file *file, void *buf, int n, sqlite3_int64 at)
{
    return real(file)->pMethods->xRead(real(file), buf, n, at);
}

static int write_out(sqlite3_file *file, const void *data, int n, sqlite3_int64 at)
{
    bool failed = fails(FAULT_WRITE);
    if (failed && f.plan.how != FAULT_CUT && n > 1)
        n /= 2; /* a disk that is full takes what it can */
    else if (failed)
        return SQLITE_IOERR_WRITE;
    if (self(file)->path)
        note(self(file), data, (size_t)n, at);
    int rc = real(file)->pMethods->xWrite(real(file), data, n, at);
    return failed ? no_room(SQLITE_IOERR_WRITE) : rc;
}

static int file_write(sqlite3_file *file, const void *data, int n, sqlite3_int64 at)
{
    pthread_mutex_lock(&lock);
    int rc = write_out(file, data, n, at);
    pthread_mutex_unlock(&lock);
    return rc;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int rc = SQLITE_IOERR_TRUNCATE;
    pthread_mutex_lock(&lock);
    if (!fails(FAULT_TRUNCATE)) {
        if (self(file)->path)
            note(self(file), NULL, 0, size);
        rc = real(file)->pMethods->xTruncate(real(file), size);
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

static int file_sync(sqlite3_file *file, int flags)
{
    (void)flags;
    pthread_mutex_lock(&lock);
    bool failed = fails(FAULT_SYNC);
    if (!failed)
        forget_file(self(file)->path);
    pthread_mutex_unlock(&lock);
    return failed ? no_room(SQLITE_IOERR_FSYNC) : SQLITE_OK;
}

static bool refused(enum fault_call call)
{
    pthread_mutex_lock(&lock);
    bool out = fails(call);
    pthread_mutex_unlock(&lock);
    return out;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real(file)->pMethods->xFileSize(real(file), size);
}

static int file_lock(sqlite3_file *file, int how)
{
    return real(file)->pMethods->xLock(real(file), how);
}

static int file_unlock(sqlite3_file *file, int how)
{
    return real(file)->pMethods->xUnlock(real(file), how);
}

static int file_reserved(sqlite3_file *file, int *out)
{
    return real(file)->pMethods->xCheckReservedLock(real(file), out);
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
    return real(file)->pMethods->xFileControl(real(file), op, arg);
}

static int file_sector(sqlite3_file *file)
{
    return real(file)->pMethods->xSectorSize(real(file));
}

static int file_character(sqlite3_file *file)
{
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

static int shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    if (extend && refused(FAULT_INDEX))
        return SQLITE_IOERR_SHMSIZE;
    return real(file)->pMethods->xShmMap(real(file), page, size, extend, out);
}

static int shm_lock(sqlite3_file *file, int at, int n, int flags)
{
    return real(file)->pMethods->xShmLock(real(file), at, n, flags);
}

static void shm_barrier(sqlite3_file *file)
{
    real(file)->pMethods->xShmBarrier(real(file));
}

static int shm_unmap(sqlite3_file *file, int delete)
{
    return real(file)->pMethods->xShmUnmap(real(file), delete);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_character,
    .xShmMap = shm_map,
    .xShmLock = shm_lock,
    .xShmBarrier = shm_barrier,
    .xShmUnmap = shm_unmap,
};

/* ---- the VFS -----------------------------------------------------------------------------------
 */

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out)
{
    struct file *own = self(file);
    (void)vfs;
    *own = (struct file){.real = (sqlite3_file *)(void *)(own + 1)};
    if (refused(FAULT_OPEN))
        return SQLITE_CANTOPEN;
    int rc = f.real->xOpen(f.real, path, own->real, flags, out);
    if (rc != SQLITE_OK)
        return rc;
    own->path = path ? copy_of(path, strlen(path) + 1) : NULL;
    own->base.pMethods = &methods;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
    (void)vfs;
    int rc = SQLITE_IOERR_DELETE;
    pthread_mutex_lock(&lock);
    if (!fails(FAULT_DELETE)) {
        forget_file(path);
        rc = f.real->xDelete(f.real, path, sync);
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

void faultvfs_install(void)
{
    f.real = sqlite3_vfs_find(NULL);
    f.vfs = *f.real;
    f.vfs.zName = "fault";
    f.vfs.pNext = NULL;
    f.vfs.szOsFile = (int)sizeof(struct file) + f.real->szOsFile;
    f.vfs.xOpen = vfs_open;
    f.vfs.xDelete = vfs_delete;
    faultvfs_plan(NULL);
    if (sqlite3_vfs_register(&f.vfs, 1) != SQLITE_OK)
        abort();
}

void faultvfs_remove(void)
{
    faultvfs_plan(NULL);
    sqlite3_vfs_unregister(&f.vfs);
    sqlite3_vfs_register(f.real, 1);
}

void faultvfs_plan(const struct fault_plan *plan)
{
    f.plan = plan ? *plan : (struct fault_plan){.how = FAULT_NEVER};
    while (f.first)
        forget(f.first);
    memset(f.counts, 0, sizeof(f.counts));
    f.counted = 0;
    f.hit = 0;
    f.dead = false;
}

unsigned faultvfs_count(enum fault_call call)
{
    return f.counts[call];
}

unsigned faultvfs_counted(void)
{
    return f.counted;
}

enum fault_call faultvfs_hit(void)
{
    return f.hit;
}

/* ---- after a power cut -------------------------------------------------------------------------
 */

static bool put(const char *path, const void *data, size_t n, sqlite3_int64 at, sqlite3_int64 size)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && (!n || pwrite(fd, data, n, at) == (ssize_t)n) &&
              (size < 0 || ftruncate(fd, size) == 0);
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool kept(enum fault_keep keep, size_t i, size_t some)
{
    switch (keep) {
    case KEEP_NOTHING:
        return false;
    case KEEP_SOME:
        return i < some;
    case KEEP_EVERY_SECOND:
        return i % 2 == 1;
    case KEEP_ALL:
        break;
    }
    return true;
}

static bool put_back(enum fault_keep keep, unsigned of)
{
    size_t n = 0, i = 0;
    bool ok = true;
    for (const struct change *c = f.last; c; c = c->prev, n++)
        ok &= put(c->path, c->was, c->n_was, c->at, c->old_size);
    size_t some = of % (n + 1);
    for (const struct change *c = f.first; c; c = c->next, i++) {
        if (kept(keep, i, some))
            ok &= put(c->path, c->is, c->n_is, c->at, c->is ? -1 : c->at);
        else if (keep == KEEP_SOME && i == some && c->is)
            ok &= put(c->path, c->is, c->n_is / 2, c->at, -1);
    }
    return ok;
}

bool faultvfs_restart(enum fault_keep keep, unsigned some)
{
    bool ok = put_back(keep, some);
    faultvfs_plan(NULL);
    return ok;
}

/* Under the lock, and never out of it. */
static _Noreturn void power_off(void)
{
    if (!put_back(f.plan.keep, f.plan.some))
        abort();
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

_Noreturn void faultvfs_power_off(void)
{
    pthread_mutex_lock(&lock);
    power_off();
}
