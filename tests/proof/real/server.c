/* HTTP round the handlers of wess-sandbox, in one thread: a process that can be forked. What its
 * frame does for them there (server.c of the sandbox) is done here. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "entra.h"
#include "faults.h"
#include "imap.h"
#include "real.h"
#include "server.h"

#define CONNS 64
#define HEADERS 48
#define LATES 32
#define WHENS 6

struct conn {
    int fd;
    const struct sb_server *server; /* NULL: of IMAP */
    struct sb_buf in, stale;        /* stale: an answer that comes once more */
    void *slot;
};
struct context { /* what sb_request.ctx points to */
    char *name[HEADERS], *value[HEADERS];
    size_t n;
    struct sb_round round;
};
struct late { /* to be carried out after its client has gone */
    const struct sb_server *server;
    char *text;
    size_t len;
    int64_t due_ms;
    struct sb_round round;
};
struct when {
    char op[64], line[REAL_LINE];
};
static struct real_remote *remote;
static struct conn conns[CONNS];
static size_t n_conns;
static struct late lates[LATES];
static struct when whens[WHENS];
static struct sb_buf done; /* of those, what was possible */

/* ---- what the handlers ask of their frame ------------------------------------------------------
 */

int64_t real_now_ms(const struct real_shared *s)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 +
           __atomic_load_n(&s->clock_ms, __ATOMIC_SEQ_CST);
}

int64_t sb_now_ms(void)
{
    return real_now_ms(remote->shared);
}

void sb_clock_move(int64_t ms)
{
    __atomic_add_fetch(&remote->shared->clock_ms, ms, __ATOMIC_SEQ_CST);
}

const char *sb_switch(const char *name, const char *fallback)
{
    (void)name;
    return fallback;
}

const char *sb_header(const struct sb_request *r, const char *name)
{
    const struct context *c = r->ctx;
    for (size_t i = 0; i < c->n; i++)
        if (!strcasecmp(c->name[i], name))
            return c->value[i];
    return NULL;
}

enum sb_fault sb_fault_at(const struct sb_request *r, const char *op, int64_t *arg)
{
    const struct context *c = r->ctx;
    (void)op;
    if (arg)
        *arg = c->round.inner_arg;
    return c->round.inner;
}

const char *sb_fault_word(const struct sb_request *r)
{
    return ((const struct context *)r->ctx)->round.inner_word;
}

long sb_under_way(const char *prefix)
{
    (void)prefix;
    return 1;
}

/* ---- one request -------------------------------------------------------------------------------
 */

static size_t whole_request(const struct sb_buf *in)
{
    const char *end = in->len ? memmem(in->data, in->len, "\r\n\r\n", 4) : NULL;
    if (!end)
        return 0;
    const char *length = strcasestr(in->data, "\r\nContent-Length:");
    size_t head = (size_t)(end - in->data) + 4;
    size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
    return in->len - head >= body ? head + body : 0;
}

static void read_headers(struct context *c, char *at)
{
    char *line;
    while (at && (line = strsep(&at, "\n")) && c->n < HEADERS) {
        char *colon = strchr(line, ':'), *end = strchr(line, '\r');
        if (end)
            *end = 0;
        if (!colon)
            continue;
        *colon = 0;
        c->name[c->n] = line;
        c->value[c->n++] = colon + 1 + strspn(colon + 1, " ");
    }
}

/* `text` is taken apart. */
static void read_request(char *text, size_t len, struct sb_request *r, struct context *c)
{
    char *body = strstr(text, "\r\n\r\n"), *rest = text, *line = strsep(&rest, "\n");
    *body = 0;
    body += 4;
    char *method = strsep(&line, " "), *path = line ? strsep(&line, " ") : NULL;
    char *query = path ? strchr(path, '?') : NULL;
    if (query)
        *query++ = 0;
    read_headers(c, rest);
    r->method = method;
    r->path = path ? path : "";
    r->query = query ? query : "";
    r->body = body;
    r->body_len = len - (size_t)(body - text);
    r->ctx = c;
}

static bool is_write(const char *op)
{
    static const char *const writes[] = {
        "ews:CreateItem", "ews:UpdateItem",       "ews:DeleteItem",      "ews:MoveItem",
        "ews:CopyItem",   "ews:CreateAttachment", "ews:DeleteAttachment"};
    for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
        if (!strcmp(op, writes[i]))
            return true;
    const char *method = strrchr(op, ':');
    return !strncmp(op, "workbooks:", 10) && strncmp(op, "workbooks:login", 15) != 0 &&
           (!strcmp(method, ":PUT") || !strcmp(method, ":DELETE") || !strcmp(method, ":POST"));
}

static void write_all(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0 && errno != EINTR)
            return;
        data += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
}

static void spoil(const struct sb_round *round, struct sb_response *r)
{
    if (round->inner == SB_FAULT_TRUNCATE)
        r->body.len /= 2;
    if (round->inner == SB_FAULT_GARBAGE) {
        r->body.len = 0;
        sb_buf_str(&r->body, "\x01\x02 this is no document <<<");
    }
}

static void send_answer(struct conn *c, const struct sb_response *r, const struct sb_round *round)
{
    int64_t cut = round->cut;
    struct sb_buf out = {0};
    const char *at = r->headers.data;
    sb_buf_fmt(&out, "HTTP/1.1 %d Answer\r\nContent-Type: %s\r\nContent-Length: %zu\r\n", r->status,
               r->type, r->body.len);
    for (size_t len; at && *at; at += len + (at[len] == '\n')) {
        len = strcspn(at, "\n");
        sb_buf_add(&out, at, len);
        sb_buf_str(&out, "\r\n");
    }
    sb_buf_str(&out, "\r\n");
    size_t body = cut >= 0 && (size_t)cut < r->body.len ? (size_t)cut : r->body.len;
    if (body)
        sb_buf_add(&out, r->body.data, body);
    write_all(c->fd, c->stale.data, c->stale.len);
    write_all(c->fd, out.data, out.len);
    c->stale.len = 0;
    if (round->again)
        sb_buf_add(&c->stale, out.data, out.len);
    sb_buf_free(&out);
}

static void carry_out(const struct sb_server *server, struct sb_request *r,
                      const struct sb_round *round, struct sb_response *out)
{
    if (!round->status && !round->html) {
        server->handle(r, out);
        spoil(round, out);
        return;
    }
    out->status = round->status ? round->status : 200;
    out->type = "text/html";
    if (round->retry_after)
        sb_buf_fmt(&out->headers, "Retry-After: %lld\n", (long long)round->retry_after);
    sb_buf_str(&out->body, "<html><body>Service page</body></html>");
}

/* As whatever stands between may do that lost sight of an answer. */
static void carry_out_twice(const struct sb_server *server, struct sb_request *r,
                            const struct sb_round *round, struct sb_response *out)
{
    struct sb_response other = {.status = 200, .type = "text/plain"};
    carry_out(server, r, round, round->twice == 2 ? &other : out);
    carry_out(server, r, round, round->twice == 2 ? out : &other);
    sb_buf_free(&other.body);
    sb_buf_free(&other.headers);
}

static void put_off(const struct sb_server *server, const char *text, size_t len,
                    const struct sb_round *round)
{
    for (size_t i = 0; i < LATES; i++)
        if (!lates[i].text) {
            lates[i] =
                (struct late){server, malloc(len + 1), len, sb_now_ms() + round->late_ms, *round};
            memcpy(lates[i].text, text, len + 1);
            return;
        }
    abort();
}

static bool settle_late(void)
{
    bool waits = false;
    for (size_t i = 0; i < LATES; i++) {
        struct late *l = &lates[i];
        waits |= l->text && l->due_ms > sb_now_ms();
        if (!l->text || l->due_ms > sb_now_ms())
            continue;
        struct context ctx = {.round = l->round};
        struct sb_response out = {.status = 200, .type = "text/plain"};
        void *slot = NULL;
        struct sb_request r = {.connection = &slot};
        read_request(l->text, l->len, &r, &ctx);
        carry_out(l->server, &r, &l->round, &out);
        sb_buf_free(&out.body);
        sb_buf_free(&out.headers);
        free(slot);
        free(l->text);
        l->text = NULL;
    }
    return waits;
}

static void people_meanwhile(const char *op)
{
    for (size_t i = 0; i < WHENS; i++)
        if (*whens[i].line && (!op || !strcmp(whens[i].op, op))) {
            if (real_edit(remote, whens[i].line))
                sb_buf_fmt(&done, "%s\n", whens[i].line);
            *whens[i].line = 0;
        }
}

static bool people_wait(void)
{
    bool any = false;
    for (size_t i = 0; i < WHENS; i++)
        any |= *whens[i].line != 0;
    return any;
}

/* false: the connection is to be closed. */
static bool answer(struct conn *c, char *text, size_t len)
{
    struct context ctx = {0};
    struct sb_response out = {.status = 200, .type = "text/plain"};
    struct sb_request r = {.connection = &c->slot};
    struct sb_round round;
    char op[64] = "?", *copy = malloc(len + 1);
    bool open = false;
    memcpy(copy, text, len + 1);
    read_request(text, len, &r, &ctx);
    c->server->name_request(&r, op, sizeof(op));
    remote->shared->requests++;
    settle_late();
    if (!real_step(remote->shared, "asked", op)) {
        people_meanwhile(op);
        sb_fault_due(op, &round);
        ctx.round = round;
        remote->shared->writes += is_write(op);
        if (round.late_ms) {
            put_off(c->server, copy, len, &round);
        } else {
            (round.twice ? carry_out_twice : carry_out)(c->server, &r, &round, &out);
            open = !real_step(remote->shared, "answered", op) && !round.lost;
            /* A delay has no end here: the client gives up. */
            if (open && !round.delay_ms)
                send_answer(c, &out, &round);
            open &= round.cut < 0;
        }
    }
    sb_buf_free(&out.body);
    sb_buf_free(&out.headers);
    free(copy);
    return open;
}

/* The same for a command of IMAP, without its line end. */
static bool answer_line(struct conn *c, const char *line)
{
    struct sb_buf out = {0};
    struct sb_round round;
    char op[64];
    bool open = false;
    real_imap_op(line, op);
    remote->shared->requests++;
    settle_late();
    if (!real_step(remote->shared, "asked", op)) {
        people_meanwhile(op);
        sb_fault_due(op, &round);
        real_imap_answer(line, round.status != 0, &out);
        open = !real_step(remote->shared, "answered", op) && !round.lost;
        if (open && !round.delay_ms)
            write_all(c->fd, out.data,
                      round.cut >= 0 && (size_t)round.cut < out.len ? (size_t)round.cut : out.len);
        open &= round.cut < 0;
    }
    sb_buf_free(&out);
    return open;
}

/* ---- connections -------------------------------------------------------------------------------
 */

static void drop(struct conn *c)
{
    close(c->fd);
    free(c->slot);
    sb_buf_free(&c->in);
    sb_buf_free(&c->stale);
    *c = conns[--n_conns];
}

static size_t whole_line(const struct sb_buf *in)
{
    const char *end = in->len ? memmem(in->data, in->len, "\r\n", 2) : NULL;
    return end ? (size_t)(end - in->data) + 2 : 0;
}

static bool feed(struct conn *c)
{
    char buf[65536];
    ssize_t n = read(c->fd, buf, sizeof(buf));
    size_t len;
    bool open = n > 0;
    if (open)
        sb_buf_add(&c->in, buf, (size_t)n);
    while (open && (len = c->server ? whole_request(&c->in) : whole_line(&c->in))) {
        char *text = malloc(len + 1);
        memcpy(text, c->in.data, len);
        text[c->server ? len : len - 2] = 0;
        memmove(c->in.data, c->in.data + len, c->in.len - len + 1);
        c->in.len -= len;
        open = c->server ? answer(c, text, len) : answer_line(c, text);
        free(text);
    }
    return open;
}

static void accept_one(int fd, const struct sb_server *server)
{
    int peer = accept(fd, NULL, NULL);
    if (peer < 0 || n_conns == CONNS) {
        close(peer);
        return;
    }
    conns[n_conns++] = (struct conn){.fd = peer, .server = server};
    struct sb_buf hello = {0};
    if (server)
        return;
    real_imap_greet(&hello);
    write_all(peer, hello.data, hello.len);
    sb_buf_free(&hello);
}

/* ---- being told --------------------------------------------------------------------------------
 */

static void reply(const char *text)
{
    size_t len = strlen(text);
    write_all(remote->control, (const char *)&len, sizeof(len));
    write_all(remote->control, text, len);
}

/* What it holds stays in this process, which waits; its child goes on, until it is told to leave:
 * "back" (another child begins here), "forget" (this process goes on by itself). */
static void keep(void)
{
    enum { BACK = 7, FORGET = 8 };
    int status = BACK << 8;
    while (WIFEXITED(status) && WEXITSTATUS(status) == BACK) {
        pid_t pid = fork();
        if (pid == 0) {
            reply("ok");
            return;
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
            _exit(1);
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != FORGET)
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    reply("ok");
}

static bool take_when(const char *rest)
{
    for (size_t i = 0; i < WHENS; i++)
        if (!*whens[i].line) {
            int from = 0;
            return sscanf(rest, "%63s %n", whens[i].op, &from) == 1 && from &&
                   snprintf(whens[i].line, REAL_LINE, "%s", rest + from) > 0;
        }
    return false;
}

static void obey(const char *line)
{
    static char shown[REAL_SHOWN];
    bool ok = true;
    *shown = 0;
    bool waits = settle_late();
    if (!strcmp(line, "keep")) {
        keep();
        return;
    }
    if (!strcmp(line, "back") || !strcmp(line, "forget"))
        _exit(*line == 'b' ? 7 : 8);
    if (!strcmp(line, "stop"))
        _exit(0);
    if (!strcmp(line, "show"))
        real_show(remote, shown, sizeof(shown));
    else if (!strcmp(line, "meanwhile"))
        people_meanwhile(NULL);
    else if (!strcmp(line, "late"))
        snprintf(shown, sizeof(shown), "%d", waits || people_wait());
    else if (!strcmp(line, "calm"))
        sb_fault_clear();
    else if (!strcmp(line, "files"))
        snprintf(shown, sizeof(shown), "%llx", (unsigned long long)real_files_mark(remote));
    else if (!strncmp(line, "value ", 6))
        ok = real_value(remote, line + 6, shown, sizeof(shown));
    else if (!strcmp(line, "done")) {
        snprintf(shown, sizeof(shown), "%s", done.len ? done.data : "");
        done.len = 0;
    } else if (!strncmp(line, "fault ", 6))
        ok = sb_fault_plan(line + 6);
    else if (!strncmp(line, "when ", 5))
        ok = take_when(line + 5);
    else if (!strncmp(line, "is ", 3))
        ok = real_is(remote, line + 3);
    else
        ok = real_edit(remote, line);
    reply(ok ? (*shown ? shown : "ok") : "!");
}

/* A line comes whole: SOCK_SEQPACKET. */
static void take_control(void)
{
    char line[REAL_LINE + 32];
    ssize_t n = read(remote->control, line, sizeof(line) - 1);
    if (n <= 0)
        _exit(0);
    line[n] = 0;
    obey(line);
}

static void serve_connections(const struct pollfd *polled, size_t n)
{
    /* From the end: drop() moves the last one into the gap. */
    for (size_t i = n; i; i--)
        if (polled[i - 1].revents && !feed(&conns[i - 1]))
            drop(&conns[i - 1]);
}

void real_serve(struct real_remote *r, int listen_exchange, int listen_workbooks, int listen_imap)
{
    remote = r;
    signal(SIGPIPE, SIG_IGN);
    sb_load.empty = true;
    sb_exchange.start("");
    sb_workbooks.start("");
    for (;;) {
        struct pollfd p[CONNS + 4] = {{listen_exchange, POLLIN, 0},
                                      {listen_workbooks, POLLIN, 0},
                                      {listen_imap, POLLIN, 0},
                                      {r->control, POLLIN, 0}};
        size_t n = n_conns;
        for (size_t i = 0; i < n; i++)
            p[4 + i] = (struct pollfd){conns[i].fd, POLLIN, 0};
        int ready = poll(p, 4 + n, -1);
        if (ready < 0 && errno != EINTR)
            _exit(1);
        serve_connections(p + 4, n);
        if (p[0].revents)
            accept_one(listen_exchange, &sb_exchange);
        if (p[1].revents)
            accept_one(listen_workbooks, &sb_workbooks);
        if (p[2].revents)
            accept_one(listen_imap, NULL);
        /* Requests on the way come first: they were sent before. */
        if (ready == 1 && p[3].revents)
            take_control();
    }
}
