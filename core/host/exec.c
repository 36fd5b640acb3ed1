#include "host/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int64_t monotonic_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool read_all(int fd, size_t max, int timeout_ms, char *buf, size_t *len, const char **why)
{
    int64_t until = monotonic_ms() + timeout_ms;
    *len = 0;
    for (;;) {
        int64_t left = until - monotonic_ms();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int rc = left > 0 ? poll(&p, 1, (int)left) : 0;
        if (rc < 0 && errno == EINTR)
            continue;
        if (rc <= 0) {
            *why = "it took too long";
            return false;
        }
        ssize_t n = read(fd, buf + *len, max - *len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            *why = strerror(errno);
            return false;
        }
        if (n == 0)
            return true;
        *len += (size_t)n;
        if (*len == max) {
            *why = "it gave too much output";
            return false;
        }
    }
}

static bool start(const char *const *argv, int out, pid_t *pid, const char **why)
{
    posix_spawn_file_actions_t acts;
    posix_spawn_file_actions_init(&acts);
    posix_spawn_file_actions_addopen(&acts, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&acts, out, 1);
    posix_spawnattr_t attr;
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK); /* a daemon blocks some */
    posix_spawnattr_setsigmask(&attr, &none);
    int rc = posix_spawnp(pid, argv[0], &acts, &attr, (char *const *)(uintptr_t)argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&acts);
    if (rc)
        *why = strerror(rc);
    return rc == 0;
}

bool exec_read(const char *const *argv, size_t max, int timeout_ms, char **out, size_t *len,
               const char **why)
{
    int pipefd[2], status = 0;
    pid_t pid = 0;
    char *buf = calloc(1, max + 1);
    bool ok = false;
    *out = NULL;
    *why = "out of memory";
    if (!buf || pipe2(pipefd, O_CLOEXEC) != 0) {
        free(buf);
        return false;
    }
    bool started = argv && argv[0] && start(argv, pipefd[1], &pid, why);
    close(pipefd[1]);
    if (started) {
        ok = read_all(pipefd[0], max, timeout_ms, buf, len, why);
        if (!ok)
            kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        if (ok && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
            *why = "it failed";
            ok = false;
        }
    }
    close(pipefd[0]);
    if (!ok) {
        explicit_bzero(buf, max);
        free(buf);
        return false;
    }
    buf[*len] = 0;
    *out = buf;
    return true;
}

bool file_read(const char *path, size_t max, bool secret, char **out, size_t *len, const char **why)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char *buf = NULL;
    bool ok = false;
    *out = NULL;
    if (fd < 0 || fstat(fd, &st) != 0)
        *why = strerror(errno);
    else if (!S_ISREG(st.st_mode))
        *why = "it is not a file";
    else if (secret && (st.st_mode & 077))
        *why = "others can read it: chmod 600 it";
    else if ((size_t)st.st_size > max)
        *why = "it is too large";
    else if (!(buf = calloc(1, max + 2)))
        *why = "out of memory";
    else
        ok = read_all(fd, max + 1, 5000, buf, len, why);
    if (fd >= 0)
        close(fd);
    if (!ok) {
        free(buf);
        return false;
    }
    buf[*len] = 0;
    *out = buf;
    return true;
}
