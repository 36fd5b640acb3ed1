#include "disk.h"

#include <sqlite3.h>
#include <string.h>

struct file { /* ours in front, the real one behind */
    sqlite3_file base;
};

static struct disk *disk;
static sqlite3_vfs *real, ours;

static sqlite3_file *behind(sqlite3_file *f)
{
    return (sqlite3_file *)(void *)((char *)f + sizeof(struct file));
}

static int strikes(void)
{
    int op = __atomic_add_fetch(&disk->ops, 1, __ATOMIC_SEQ_CST);
    return op == disk->fail_at ? disk->error : SQLITE_OK;
}

#define FORWARD(name, params, args)                                                                \
    static int f_##name params                                                                     \
    {                                                                                              \
        return behind(f)->pMethods->x##name args;                                                  \
    }
FORWARD(Close, (sqlite3_file * f), (behind(f)))
FORWARD(Read, (sqlite3_file * f, void *buf, int n, sqlite3_int64 at), (behind(f), buf, n, at))
FORWARD(FileSize, (sqlite3_file * f, sqlite3_int64 *size), (behind(f), size))
FORWARD(Lock, (sqlite3_file * f, int how), (behind(f), how))
FORWARD(Unlock, (sqlite3_file * f, int how), (behind(f), how))
FORWARD(CheckReservedLock, (sqlite3_file * f, int *out), (behind(f), out))
FORWARD(FileControl, (sqlite3_file * f, int op, void *arg), (behind(f), op, arg))
FORWARD(SectorSize, (sqlite3_file * f), (behind(f)))
FORWARD(DeviceCharacteristics, (sqlite3_file * f), (behind(f)))
FORWARD(ShmMap, (sqlite3_file * f, int region, int size, int extend, void volatile **out),
        (behind(f), region, size, extend, out))
FORWARD(ShmLock, (sqlite3_file * f, int offset, int n, int flags), (behind(f), offset, n, flags))
FORWARD(ShmUnmap, (sqlite3_file * f, int drop), (behind(f), drop))

static void f_ShmBarrier(sqlite3_file *f)
{
    behind(f)->pMethods->xShmBarrier(behind(f));
}

static int f_Write(sqlite3_file *f, const void *buf, int n, sqlite3_int64 at)
{
    int rc = strikes();
    /* A disk that is full takes the half. */
    if (rc != SQLITE_OK && n > 1)
        behind(f)->pMethods->xWrite(behind(f), buf, n / 2, at);
    return rc != SQLITE_OK ? rc : behind(f)->pMethods->xWrite(behind(f), buf, n, at);
}

static int f_Truncate(sqlite3_file *f, sqlite3_int64 size)
{
    int rc = strikes();
    return rc != SQLITE_OK ? rc : behind(f)->pMethods->xTruncate(behind(f), size);
}

static int f_Sync(sqlite3_file *f, int flags)
{
    int rc = strikes();
    return rc != SQLITE_OK ? rc : behind(f)->pMethods->xSync(behind(f), flags);
}

static const sqlite3_io_methods methods = {.iVersion = 2,
                                           .xClose = f_Close,
                                           .xRead = f_Read,
                                           .xWrite = f_Write,
                                           .xTruncate = f_Truncate,
                                           .xSync = f_Sync,
                                           .xFileSize = f_FileSize,
                                           .xLock = f_Lock,
                                           .xUnlock = f_Unlock,
                                           .xCheckReservedLock = f_CheckReservedLock,
                                           .xFileControl = f_FileControl,
                                           .xSectorSize = f_SectorSize,
                                           .xDeviceCharacteristics = f_DeviceCharacteristics,
                                           .xShmMap = f_ShmMap,
                                           .xShmLock = f_ShmLock,
                                           .xShmBarrier = f_ShmBarrier,
                                           .xShmUnmap = f_ShmUnmap};

static int v_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
    int rc = flags & SQLITE_OPEN_CREATE ? strikes() : SQLITE_OK;
    (void)vfs;
    memset(f, 0, (size_t)ours.szOsFile);
    if (rc == SQLITE_OK)
        rc = real->xOpen(real, name, behind(f), flags, out);
    if (rc == SQLITE_OK)
        f->pMethods = &methods;
    return rc;
}

static int v_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs;
    return real->xDelete(real, name, sync);
}

void disk_install(struct disk *d)
{
    disk = d;
    real = sqlite3_vfs_find(NULL);
    ours = *real;
    ours.zName = "failing";
    ours.szOsFile = real->szOsFile + (int)sizeof(struct file);
    ours.xOpen = v_open;
    ours.xDelete = v_delete;
    sqlite3_vfs_register(&ours, 1);
}
