/* The log, the clock, and how a program begins. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "host/conn.h"

#define LINE_BYTES 1024
#define CLOCK_LOOK_MS 20 /* how often the offset file is read again */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1, log_level = WESS_LOG_WARN;

void host_harden(void)
{
    struct rlimit none = {0, 0};
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    setrlimit(RLIMIT_CORE, &none);
    umask(077);
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, 64 * 1024);
    mallopt(M_TRIM_THRESHOLD, 128 * 1024);
}

const char *log_open(const char *file, int level)
{
    int fd = file ? open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    const char *why = file && fd < 0 ? strerror(errno) : NULL;
    pthread_mutex_lock(&lock);
    if (log_fd >= 0)
        close(log_fd);
    log_fd = fd;
    log_level = level;
    pthread_mutex_unlock(&lock);
    return why;
}

void log_line(int level, const char *fmt, ...)
{
    static const char *const words[] = {"", "error", "warn", "info", "debug"};
    char line[LINE_BYTES];
    va_list ap;
    if (level > log_level || level < WESS_LOG_ERROR || level > WESS_LOG_DEBUG)
        return;
    int64_t now = clock_now_ms();
    time_t s = (time_t)(now / 1000);
    struct tm tm;
    gmtime_r(&s, &tm);
    size_t n = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &tm);
    n +=
        (size_t)snprintf(line + n, sizeof(line) - n, ".%03dZ %s ", (int)(now % 1000), words[level]);
    va_start(ap, fmt);
    vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
    va_end(ap);
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    n = strlen(line);
    line[n++] = '\n';
    pthread_mutex_lock(&lock);
    ssize_t done = write(log_fd >= 0 ? log_fd : STDERR_FILENO, line, n);
    (void)done; /* there is nowhere left to tell */
    pthread_mutex_unlock(&lock);
}

static int64_t read_offset(const char *path)
{
    char text[32] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    if (fd >= 0)
        close(fd);
    return n > 0 ? strtoll(text, NULL, 10) : 0;
}

int64_t clock_now_ms(void)
{
    static int64_t looked, offset;
    const char *path = getenv("WESS_CLOCK_FILE");
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    int64_t now = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
    if (!path)
        return now;
    pthread_mutex_lock(&lock);
    if (now - looked >= CLOCK_LOOK_MS || now < looked) {
        offset = read_offset(path);
        looked = now;
    }
    now += offset;
    pthread_mutex_unlock(&lock);
    return now;
}
