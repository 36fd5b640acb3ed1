#include "faultlibc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static struct {
    unsigned calls, at, n;
    int error;
} plan;

void faultlibc_plan(unsigned calls, unsigned at, int error)
{
    plan.calls = calls;
    plan.at = at;
    plan.error = error;
    plan.n = 0;
}

bool faultlibc_met(void)
{
    return plan.at && plan.n >= plan.at;
}

static bool fails(enum libc_call call)
{
    if (!plan.at || !(plan.calls & call) || ++plan.n != plan.at)
        return false;
    if (plan.error != LIBC_SHORT)
        errno = plan.error;
    return true;
}

/* Names that the linker asks for. */
int __wrap_open(const char *path, int flags, ...);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    if (flags & O_CREAT) {
        va_list ap;
        va_start(ap, flags);
        mode = va_arg(ap, mode_t);
        va_end(ap);
    }
    return fails(LIBC_OPEN) ? -1 : __real_open(path, flags, mode);
}

int __wrap_mkostemp(char *path, int flags);
int __real_mkostemp(char *path, int flags);
int __wrap_mkostemp(char *path, int flags)
{
    return fails(LIBC_OPEN) ? -1 : __real_mkostemp(path, flags);
}

ssize_t __wrap_write(int fd, const void *data, size_t n);
ssize_t __real_write(int fd, const void *data, size_t n);
ssize_t __wrap_write(int fd, const void *data, size_t n)
{
    if (!fails(LIBC_WRITE))
        return __real_write(fd, data, n);
    return plan.error == LIBC_SHORT ? __real_write(fd, data, n / 2) : -1;
}

ssize_t __wrap_read(int fd, void *data, size_t n);
ssize_t __real_read(int fd, void *data, size_t n);
ssize_t __wrap_read(int fd, void *data, size_t n)
{
    if (!fails(LIBC_READ))
        return __real_read(fd, data, n);
    return plan.error == LIBC_SHORT ? __real_read(fd, data, (n + 1) / 2) : -1;
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t n, off_t at);
ssize_t __real_pwrite(int fd, const void *data, size_t n, off_t at);
ssize_t __wrap_pwrite(int fd, const void *data, size_t n, off_t at)
{
    if (!fails(LIBC_WRITE))
        return __real_pwrite(fd, data, n, at);
    return plan.error == LIBC_SHORT ? __real_pwrite(fd, data, n / 2, at) : -1;
}

int __wrap_ftruncate(int fd, off_t size);
int __real_ftruncate(int fd, off_t size);
int __wrap_ftruncate(int fd, off_t size)
{
    return fails(LIBC_TRUNCATE) ? -1 : __real_ftruncate(fd, size);
}

int __wrap_fsync(int fd);
int __real_fsync(int fd);
int __wrap_fsync(int fd)
{
    return fails(LIBC_SYNC) ? -1 : __real_fsync(fd);
}

int __wrap_rename(const char *from, const char *to);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
    return fails(LIBC_RENAME) ? -1 : __real_rename(from, to);
}

int __wrap_mkdir(const char *path, mode_t mode);
int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode)
{
    return fails(LIBC_FOLDER) ? -1 : __real_mkdir(path, mode);
}
