/* The file of --trace-http. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/conn.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int trace_fd = -1;

/* It will hold what people wrote: of nobody else, and seen by nobody else. */
static const char *unfit(int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return strerror(errno);
    if (!S_ISREG(st.st_mode))
        return "it is no file";
    if (st.st_uid != geteuid())
        return "it belongs to somebody else";
    if (st.st_nlink != 1)
        return "it has a second name";
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return "others may open it: chmod 600";
    return NULL;
}

const char *trace_open(const char *path)
{
    /* O_NONBLOCK: a pipe that nobody reads is refused, and not waited for. */
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    const char *why = fd >= 0          ? unfit(fd)
                      : errno == ELOOP ? "it is a link"
                      : errno == ENXIO ? "it is no file"
                                       : strerror(errno);
    if (why) {
        if (fd >= 0)
            close(fd);
        return why;
    }
    pthread_mutex_lock(&lock);
    if (trace_fd >= 0)
        close(trace_fd);
    trace_fd = fd;
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void trace_write(const char *text, size_t len)
{
    pthread_mutex_lock(&lock);
    while (len && trace_fd >= 0) {
        ssize_t n = write(trace_fd, text, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break; /* a full disk stops nobody's work */
        text += n;
        len -= (size_t)n;
    }
    pthread_mutex_unlock(&lock);
}

void (*trace_sink(void))(const char *text, size_t len)
{
    pthread_mutex_lock(&lock);
    bool on = trace_fd >= 0;
    pthread_mutex_unlock(&lock);
    return on ? trace_write : NULL;
}
