/* The client's end of the control socket. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "daemon/protocol.h"

#define READ_BYTES 16384u
#define LOOK_US 300000

/* Commands name people and items: they are given to ourselves, to root, or to whoever owns the
 * state, and to nobody else who happens to listen there. */
static bool is_ours(int fd, const char *state_dir)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);
    struct stat st;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
        return false;
    return peer.uid == 0 || peer.uid == geteuid() ||
           (lstat(state_dir, &st) == 0 && st.st_uid == peer.uid);
}

int control_connect(const struct config *cfg)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (!cfg->control || strlen(cfg->control) >= sizeof(to.sun_path))
        return -1;
    memcpy(to.sun_path, cfg->control, strlen(cfg->control) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0 &&
        is_ours(fd, cfg->state_dir))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool send_all(int fd, const char *text)
{
    size_t len = strlen(text);
    for (size_t at = 0; at < len;) {
        ssize_t n = send(fd, text + at, len - at, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

/* false: nothing more is to be read. */
static bool pass_on(struct control_lines *lines, FILE *out, FILE *err, int *status, bool *ended)
{
    size_t len = 0;
    const char *line;
    while (!*ended && (line = control_lines_next(lines, &len))) {
        struct control_message m;
        if (!control_parse_message(line, len, &m))
            return false;
        if (m.kind == CONTROL_EXIT) {
            *status = m.status;
            *ended = true;
        } else {
            FILE *to = m.kind == CONTROL_OUT ? out : err;
            fwrite(m.text, 1, m.len, to);
            if (m.kind == CONTROL_ERR)
                fflush(to);
        }
        control_message_fini(&m);
    }
    return !lines->too_long;
}

static const char *talk(int fd, FILE *out, FILE *err, const bool *cancelled, int *status)
{
    struct control_lines lines = {0};
    struct timeval look = {.tv_usec = LOOK_US};
    char buf[READ_BYTES];
    const char *why = NULL;
    bool ended = false;
    /* A signal may come just before recv(): it is looked for again and again. */
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &look, sizeof(look));
    while (!ended && !why) {
        ssize_t n = recv(fd, buf, sizeof(buf), 0);
        bool stop = cancelled && __atomic_load_n(cancelled, __ATOMIC_RELAXED);
        if (stop)
            why = "interrupted";
        else if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        else if (n <= 0)
            why = "the daemon stopped before it had answered; `wess status` shows how far it came";
        else if (!control_lines_add(&lines, buf, (size_t)n))
            why = "out of memory";
        else if (!pass_on(&lines, out, err, status, &ended))
            why = "the daemon answered with something else than this program's words: are both of "
                  "the same version?";
    }
    control_lines_fini(&lines);
    return why;
}

bool control_call(int fd, int argc, const char *const *argv, bool terminal, FILE *out, FILE *err,
                  const bool *cancelled, int *status, const char **why)
{
    char *request = control_format_request(argc, argv, terminal);
    *status = EXIT_STATE;
    *why = NULL;
    if (!request)
        *why = "the command is too long, or is not UTF-8";
    else {
        bool sent = send_all(fd, request);
        /* Whoever is turned away is told so before his words are read. */
        *why = talk(fd, out, err, cancelled, status);
        if (*why && !sent)
            *why = "the daemon does not read";
    }
    free(request);
    close(fd);
    return !*why;
}
