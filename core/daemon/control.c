/* The daemon's end of the control socket: each client has a thread, in which its command runs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/protocol.h"
#include "daemon/state.h"

#define DEAF_MS 1000
#define BACKLOG 16
#define READ_SECONDS 10  /* for the request to arrive */
#define WRITE_SECONDS 30 /* for a client to take what it asked for */
#define READ_BYTES 4096u
#define REST_BYTES 4u /* of a code point that is not complete yet */

/* ---- texts out --------------------------------------------------------------------------------
 */

static bool send_line(struct call_slot *s, char *line)
{
    size_t len = line ? strlen(line) : 0, at = 0;
    pthread_mutex_lock(&s->sending);
    while (line && at < len) {
        ssize_t n = send(s->fd, line + at, len - at, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    pthread_mutex_unlock(&s->sending);
    free(line);
    if (!line || at < len)
        flag_set(&s->cancelled); /* nobody reads any more */
    return line && at == len;
}

struct stream { /* a FILE that sends what it is given */
    struct call_slot *slot;
    enum control_kind kind;
    char rest[CONTROL_CHUNK + REST_BYTES];
    size_t n;
};

static ssize_t stream_write(void *cookie, const char *buf, size_t size)
{
    struct stream *st = cookie;
    for (size_t at = 0; at < size;) {
        size_t part = size - at < CONTROL_CHUNK ? size - at : CONTROL_CHUNK;
        if (part > sizeof(st->rest) - st->n)
            part = sizeof(st->rest) - st->n;
        memcpy(st->rest + st->n, buf + at, part);
        st->n += part;
        at += part;
        size_t whole = control_whole(st->rest, st->n);
        if (whole && !send_line(st->slot, control_format_text(st->kind, st->rest, whole)))
            return 0;
        memmove(st->rest, st->rest + whole, st->n - whole);
        st->n -= whole;
    }
    return (ssize_t)size;
}

static int stream_close(void *cookie)
{
    struct stream *st = cookie;
    if (st->n)
        send_line(st->slot, control_format_text(st->kind, st->rest, st->n));
    free(st);
    return 0;
}

static FILE *stream_new(struct call_slot *s, enum control_kind kind)
{
    static const cookie_io_functions_t io = {.write = stream_write, .close = stream_close};
    struct stream *st = calloc(1, sizeof(*st));
    FILE *f = NULL;
    if (st) {
        *st = (struct stream){.slot = s, .kind = kind};
        f = fopencookie(st, "w", io);
    }
    if (f && kind == CONTROL_ERR)
        setvbuf(f, NULL, _IOLBF, BUFSIZ);
    if (!f)
        free(st);
    return f;
}

/* ---- one client -------------------------------------------------------------------------------
 */

static int run_round(void *ctx, const struct round_opts *opts)
{
    struct call_slot *s = ctx;
    struct daemon *d = s->daemon;
    if (round_is_busy(d)) {
        fprintf(s->call.err, "a round is under way; this one begins when it is over\n");
        fflush(s->call.err);
    }
    if (!round_enter_turn(d, &s->cancelled))
        return EXIT_UNREACHABLE;
    int status = round_run(s->call.config, d->store, opts);
    round_leave_turn(d);
    return status;
}

/* NULL: a request is in `out`. */
static const char *read_request(struct call_slot *s, struct control_request *out)
{
    struct control_lines lines = {0};
    char buf[READ_BYTES];
    const char *why = NULL, *line = NULL;
    size_t len = 0;
    *out = (struct control_request){0};
    while (!why && !line) {
        ssize_t n = recv(s->fd, buf, sizeof(buf), 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            why = "no request came";
        else if (!control_lines_add(&lines, buf, (size_t)n))
            why = "out of memory";
        else if (!(line = control_lines_next(&lines, &len)) && lines.too_long)
            why = "the request is too long";
    }
    if (line)
        control_parse_request(line, len, out, &why);
    control_lines_fini(&lines);
    return why;
}

static int run_command(struct call_slot *s, const struct control_request *req)
{
    struct daemon *d = s->daemon;
    int status = EXIT_STATE;
    s->kept = daemon_keep(d);
    s->call = (struct daemon_call){.config = s->kept->cfg,
                                   .store = d->store,
                                   .argc = req->argc,
                                   .argv = (char **)req->argv,
                                   .out = stream_new(s, CONTROL_OUT),
                                   .err = stream_new(s, CONTROL_ERR),
                                   .terminal = req->terminal,
                                   .uid = s->uid,
                                   .cancelled = &s->cancelled,
                                   .round = run_round,
                                   .ctx = s};
    if (s->call.out && s->call.err)
        status = d->opts->command(&s->call);
    if (s->call.out)
        fclose(s->call.out);
    if (s->call.err)
        fclose(s->call.err);
    daemon_drop(d, s->kept);
    return status;
}

static void *serve(void *ctx)
{
    struct call_slot *s = ctx;
    struct daemon *d = s->daemon;
    struct control_request req;
    int status = EXIT_USAGE;
    const char *why = read_request(s, &req);
    if (why) {
        char text[128];
        int n = snprintf(text, sizeof(text), "wess: %s\n", why);
        send_line(s, control_format_text(CONTROL_ERR, text, (size_t)n));
    } else {
        status = run_command(s, &req);
    }
    send_line(s, control_format_exit(status));
    control_request_fini(&req);
    pthread_mutex_lock(&d->lock);
    s->done = true;
    pthread_mutex_unlock(&d->lock);
    daemon_wake(d);
    return NULL;
}

/* ---- clients coming and going: the loop's ------------------------------------------------------
 */

static bool is_welcome(int fd, uid_t *uid)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
        return false;
    *uid = peer.uid;
    return peer.uid == 0 || peer.uid == geteuid();
}

/* A word to somebody who is not served; the loop never waits for him. */
static void turn_away(int fd, const char *text, int status)
{
    char *lines[] = {control_format_text(CONTROL_ERR, text, strlen(text)),
                     control_format_exit(status)};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (lines[i] && send(fd, lines[i], strlen(lines[i]), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            log_line(WESS_LOG_DEBUG, "control: %s", strerror(errno));
        free(lines[i]);
    }
    close(fd);
}

static struct call_slot *free_slot(struct daemon *d)
{
    for (size_t i = 0; i < CONTROL_CALLS_MAX; i++)
        if (!d->slots[i].used)
            return &d->slots[i];
    return NULL;
}

/* Whoever calls waits in the queue, and to be told so again at once would not help. */
static void be_deaf(struct daemon *d, int error)
{
    if (error == EINTR || error == EAGAIN || error == ECONNABORTED)
        return;
    log_line(WESS_LOG_WARN, "control: a command has to wait: %s%s", strerror(error),
             error == EMFILE ? "; raise the limit of the daemon (LimitNOFILE in its unit)" : "");
    d->deaf_until_ms = monotonic_ms() + DEAF_MS;
}

void control_accept(struct daemon *d)
{
    struct timeval in = {.tv_sec = READ_SECONDS}, out = {.tv_sec = WRITE_SECONDS};
    uid_t uid = 0;
    int fd = accept4(d->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
        be_deaf(d, errno);
        return;
    }
    struct call_slot *s = free_slot(d);
    if (!is_welcome(fd, &uid)) {
        log_line(WESS_LOG_WARN, "control: uid %ld is turned away", (long)uid);
        turn_away(fd, "wess: the daemon takes commands from its own user and root only\n",
                  EXIT_USAGE);
        return;
    }
    if (!s) {
        turn_away(fd, "wess: the daemon serves as many commands as it can; try again\n",
                  EXIT_UNREACHABLE);
        return;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &in, sizeof(in));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &out, sizeof(out));
    *s = (struct call_slot){.daemon = d, .fd = fd, .used = true, .uid = uid};
    pthread_mutex_init(&s->sending, NULL);
    if (pthread_create(&s->thread, NULL, serve, s) == 0)
        return;
    s->used = false;
    turn_away(fd, "wess: the daemon has no thread for this command; try again\n", EXIT_UNREACHABLE);
}

void control_reap(struct daemon *d)
{
    for (size_t i = 0; i < CONTROL_CALLS_MAX; i++) {
        struct call_slot *s = &d->slots[i];
        pthread_mutex_lock(&d->lock);
        bool done = s->used && s->done;
        pthread_mutex_unlock(&d->lock);
        if (!done)
            continue;
        pthread_join(s->thread, NULL);
        pthread_mutex_destroy(&s->sending);
        close(s->fd);
        s->used = false;
    }
}

void control_cancel_all(struct daemon *d)
{
    for (size_t i = 0; i < CONTROL_CALLS_MAX; i++)
        if (d->slots[i].used) {
            flag_set(&d->slots[i].cancelled);
            shutdown(d->slots[i].fd, SHUT_RD);
        }
}

void control_cut_all(struct daemon *d)
{
    for (size_t i = 0; i < CONTROL_CALLS_MAX; i++)
        if (d->slots[i].used)
            shutdown(d->slots[i].fd, SHUT_RDWR);
}

bool control_all_done(struct daemon *d)
{
    control_reap(d);
    for (size_t i = 0; i < CONTROL_CALLS_MAX; i++)
        if (d->slots[i].used)
            return false;
    return true;
}

/* ---- the socket -------------------------------------------------------------------------------
 */

static bool because(char **why, const char *path, const char *what, const char *detail)
{
    if (asprintf(why, "%s: %s%s", path, what, detail) < 0)
        *why = NULL;
    return false;
}

/* What is left of a daemon that did not end in order may go; anything else stays. */
static bool make_way(const struct sockaddr_un *at, char **why)
{
    struct stat st;
    const char *path = at->sun_path;
    if (lstat(path, &st) != 0)
        return errno == ENOENT ||
               because(why, path, "the control socket cannot be made: ", strerror(errno));
    if (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid())
        return because(why, path,
                       "is in the way of the control socket and not ours; move it, or "
                       "set another daemon.control",
                       "");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool answers = fd < 0 || connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0 ||
                   errno != ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    if (answers)
        return because(why, path, "another daemon serves this control socket", "");
    return unlink(path) == 0 || because(why, path, "cannot be removed: ", strerror(errno));
}

bool control_listen(struct daemon *d, const char *path, char **why)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(at.sun_path))
        return because(why, path, "is too long for a socket; set a shorter daemon.control", "");
    memcpy(at.sun_path, path, strlen(path) + 1);
    if (!make_way(&at, why))
        return false;
    d->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* The umask gives it to nobody else from its first moment on. */
    bool ok = d->listener >= 0 && bind(d->listener, (const struct sockaddr *)&at, sizeof(at)) == 0;
    if (ok)
        d->socket_path = strdup(path);
    ok = ok && d->socket_path && chmod(path, 0600) == 0 && listen(d->listener, BACKLOG) == 0;
    return ok || because(why, path, "the control socket cannot be made: ", strerror(errno));
}

void control_close(struct daemon *d)
{
    if (d->socket_path)
        unlink(d->socket_path);
    free(d->socket_path);
    d->socket_path = NULL;
    if (d->listener >= 0)
        close(d->listener);
    d->listener = -1;
}
