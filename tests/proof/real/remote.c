#include "real.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

bool real_step(struct real_shared *s, const char *side, const char *what)
{
    int at = __atomic_add_fetch(&s->steps, 1, __ATOMIC_SEQ_CST);
    if (at != __atomic_load_n(&s->kill_at, __ATOMIC_SEQ_CST))
        return false;
    snprintf(s->trace, sizeof(s->trace), "%s %s", side, what);
    __atomic_store_n(&s->killed, true, __ATOMIC_SEQ_CST);
    kill(s->client, SIGKILL);
    return true;
}

static int listen_on(unsigned *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 64) ||
        getsockname(fd, (struct sockaddr *)&at, &len))
        return -1;
    *port = ntohs(at.sin_port);
    return fd;
}

bool real_remote_start(struct real_remote *r)
{
    int ends[2], exchange = listen_on(&r->port_exchange), workbooks = listen_on(&r->port_workbooks);
    int imap = listen_on(&r->port_imap);
    if (exchange < 0 || workbooks < 0 || imap < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends))
        return false;
    fflush(NULL);
    r->pid = fork();
    r->control = ends[r->pid != 0];
    close(ends[r->pid == 0]);
    if (r->pid == 0)
        real_serve(r, exchange, workbooks, imap);
    close(exchange);
    close(workbooks);
    close(imap);
    return r->pid > 0;
}

void real_remote_stop(struct real_remote *r)
{
    if (r->pid <= 0)
        return;
    /* The processes that keep something end with the one that serves. */
    if (send(r->control, "stop", 4, MSG_NOSIGNAL) != 4)
        kill(r->pid, SIGKILL);
    close(r->control);
    waitpid(r->pid, NULL, 0);
    r->pid = 0;
}

bool real_remote_ask(struct real_remote *r, const char *line, char *out, size_t cap)
{
    size_t len = 0, at = 0;
    if (cap)
        *out = 0;
    if (send(r->control, line, strlen(line), MSG_NOSIGNAL) < 0 ||
        read(r->control, &len, sizeof(len)) != sizeof(len))
        return false;
    char *text = calloc(1, len + 1);
    while (text && at < len) {
        ssize_t n = read(r->control, text + at, len - at);
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    bool ok = text && at == len && strcmp(text, "!") != 0;
    if (text && cap)
        snprintf(out, cap, "%s", text);
    free(text);
    return ok;
}
