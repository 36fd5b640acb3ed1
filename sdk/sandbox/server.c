/* HTTP round the two servers: connections, faults, the request log, control requests. */
#include "server.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "faults.h"

#define OPS_MAX 64u
#define BODY_MAX ((size_t)128 << 20)

struct incoming { /* one request being received */
    struct sb_buf body;
    const struct sb_server *server;
};
struct context {                       /* what sb_request.ctx points to */
    struct MHD_Connection *connection; /* NULL: the client has gone */
    struct sb_round round;
    char agent[256], type[128], auth[4096], anchor[400];
};
static struct {
    char op[64];
    long n, under_way;
} ops[OPS_MAX];
static size_t n_ops;
static long total, under_way; /* counted; not carried out yet */
static int64_t bytes_in, bytes_out, clock_offset, delay_all;
static pthread_mutex_t sb_lock = PTHREAD_MUTEX_INITIALIZER, log_lock = PTHREAD_MUTEX_INITIALIZER;
static char clock_path[512];

/* ---- clock
 * -------------------------------------------------------------------------------------------------
 */

int64_t sb_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 +
           __atomic_load_n(&clock_offset, __ATOMIC_RELAXED);
}

void sb_clock_move(int64_t ms)
{
    int64_t now = __atomic_add_fetch(&clock_offset, ms, __ATOMIC_RELAXED);
    FILE *f = *clock_path ? fopen(clock_path, "w") : NULL;
    if (f) {
        fprintf(f, "%lld\n", (long long)now);
        fclose(f);
    }
}

void server_clock_file(const char *path)
{
    snprintf(clock_path, sizeof(clock_path), "%s", path);
    sb_clock_move(0);
}

void server_delay(int64_t ms)
{
    delay_all = ms;
}

static void pause_ms(int64_t ms)
{
    struct timespec t = {ms / 1000, (ms % 1000) * 1000000};
    if (ms > 0)
        nanosleep(&t, NULL);
}

/* ---- requests
 * ------------------------------------------------------------------------------------------------
 */

const char *sb_header(const struct sb_request *r, const char *name)
{
    const struct context *c = r->ctx;
    if (c->connection)
        return MHD_lookup_connection_value(c->connection, MHD_HEADER_KIND, name);
    return !strcasecmp(name, "User-Agent")        ? c->agent
           : !strcasecmp(name, "Content-Type")    ? c->type
           : !strcasecmp(name, "X-AnchorMailbox") ? (*c->anchor ? c->anchor : NULL)
           : !strcasecmp(name, "Authorization")   ? (*c->auth ? c->auth : NULL)
                                                  : NULL;
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
    long n = 0;
    pthread_mutex_lock(&log_lock);
    for (size_t i = 0; i < n_ops; i++)
        n += strncmp(ops[i].op, prefix, strlen(prefix)) ? 0 : ops[i].under_way;
    pthread_mutex_unlock(&log_lock);
    return n;
}

static void count(const char *op, size_t in)
{
    pthread_mutex_lock(&log_lock);
    size_t i = 0;
    while (i < n_ops && strcmp(ops[i].op, op))
        i++;
    if (i == n_ops && n_ops < OPS_MAX) {
        snprintf(ops[n_ops].op, sizeof(ops[0].op), "%s", op);
        ops[n_ops].under_way = 0;
        ops[n_ops++].n = 0;
    }
    if (i < OPS_MAX) {
        ops[i].n++;
        ops[i].under_way++;
    }
    total++;
    under_way++;
    bytes_in += (int64_t)in;
    pthread_mutex_unlock(&log_lock);
}

static void carried_out(const char *op)
{
    pthread_mutex_lock(&log_lock);
    for (size_t i = 0; i < n_ops; i++)
        ops[i].under_way -= !strcmp(ops[i].op, op) && ops[i].under_way > 0;
    under_way--;
    pthread_mutex_unlock(&log_lock);
}

struct late { /* carried out after the client has gone */
    const struct sb_server *server;
    struct sb_request request;
    struct context context;
    char *path, *query, *body, op[64];
    void *slot;
};
static void *run_late(void *ctx)
{
    struct late *l = ctx;
    struct sb_response response = {.status = 200, .type = "text/plain"};
    pause_ms(l->context.round.late_ms);
    pthread_mutex_lock(&sb_lock);
    l->server->handle(&l->request, &response);
    pthread_mutex_unlock(&sb_lock);
    carried_out(l->op);
    sb_buf_free(&response.body);
    sb_buf_free(&response.headers);
    free(l->path);
    free(l->query);
    free(l->body);
    free(l->slot);
    free(l);
    return NULL;
}

static void keep(char *into, size_t cap, const char *text)
{
    snprintf(into, cap, "%s", text ? text : "");
}

static void start_late(const struct sb_server *server, const struct sb_request *r,
                       const struct context *c, const char *op)
{
    struct late *l = calloc(1, sizeof(*l));
    pthread_t thread;
    if (!l) {
        carried_out(op);
        return;
    }
    keep(l->op, sizeof(l->op), op);
    l->server = server;
    l->context.round = c->round;
    keep(l->context.agent, sizeof(l->context.agent), sb_header(r, "User-Agent"));
    keep(l->context.type, sizeof(l->context.type), sb_header(r, "Content-Type"));
    keep(l->context.auth, sizeof(l->context.auth), sb_header(r, "Authorization"));
    keep(l->context.anchor, sizeof(l->context.anchor), sb_header(r, "X-AnchorMailbox"));
    l->path = strdup(r->path);
    l->query = strdup(r->query);
    l->body = malloc(r->body_len + 1);
    if (l->body)
        memcpy(l->body, r->body, r->body_len + 1);
    /* A signed-in connection stays so. */
    l->slot = r->connection && *r->connection ? server_slot_copy(*r->connection) : NULL;
    l->request = (struct sb_request){.method = "POST",
                                     .path = l->path,
                                     .query = l->query,
                                     .body = l->body,
                                     .body_len = r->body_len,
                                     .connection = &l->slot,
                                     .ctx = &l->context};
    if (!pthread_create(&thread, NULL, run_late, l))
        pthread_detach(thread);
    else
        carried_out(op);
}

/* ---- answers
 * --------------------------------------------------------------------------------------------------
 */

struct cut {
    char *data;
    size_t len, at, cut;
};
static ssize_t cut_reader(void *ctx, uint64_t pos, char *buf, size_t max)
{
    struct cut *c = ctx;
    (void)pos;
    if (c->at >= c->cut)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t n = c->cut - c->at < max ? c->cut - c->at : max;
    memcpy(buf, c->data + c->at, n);
    c->at += n;
    return (ssize_t)n;
}
static void cut_free(void *ctx)
{
    struct cut *c = ctx;
    free(c->data);
    free(c);
}

/* ---- answers without an end
 * ------------------------------------------------------------------------------------------ */

struct stream {
    long (*more)(void *ctx, char *buf, size_t max);
    void (*more_free)(void *ctx);
    void *ctx;
};
static bool streams_end;

void server_end_streams(void)
{
    __atomic_store_n(&streams_end, true, __ATOMIC_RELAXED);
}

static ssize_t stream_reader(void *ctx, uint64_t pos, char *buf, size_t max)
{
    struct stream *s = ctx;
    (void)pos;
    while (!__atomic_load_n(&streams_end, __ATOMIC_RELAXED)) {
        pthread_mutex_lock(&sb_lock);
        long n = s->more(s->ctx, buf, max);
        pthread_mutex_unlock(&sb_lock);
        if (n)
            return n > 0     ? n
                   : n == -1 ? MHD_CONTENT_READER_END_OF_STREAM
                             : MHD_CONTENT_READER_END_WITH_ERROR;
        pause_ms(20);
    }
    return MHD_CONTENT_READER_END_OF_STREAM;
}

static void stream_free(void *ctx)
{
    struct stream *s = ctx;
    s->more_free(s->ctx);
    free(s);
}

static struct MHD_Response *make_stream(const struct sb_response *r)
{
    struct stream *s = malloc(sizeof(*s));
    if (!s)
        abort();
    *s = (struct stream){r->more, r->more_free, r->more_ctx};
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, stream_reader, s, stream_free);
}

static struct MHD_Response *make_response(struct sb_response *r, int64_t cut)
{
    size_t len = r->body.len;
    char *data = r->body.data ? r->body.data : strdup("");
    r->body = (struct sb_buf){0};
    if (cut < 0 || (size_t)cut >= len)
        return MHD_create_response_from_buffer(len, data, MHD_RESPMEM_MUST_FREE);
    struct cut *c = malloc(sizeof(*c));
    if (!c)
        abort();
    *c = (struct cut){data, len, 0, (size_t)cut};
    return MHD_create_response_from_callback(len, 1024, cut_reader, c, cut_free);
}

static void add_headers(struct MHD_Response *m, const struct sb_response *r)
{
    char *copy = r->headers.data ? strdup(r->headers.data) : NULL, *rest = copy, *line;
    char date[64];
    time_t now = (time_t)(sb_now_ms() / 1000);
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
    MHD_add_response_header(m, "Date", date);
    MHD_add_response_header(m, "Content-Type", r->type);
    while (rest && (line = strsep(&rest, "\n"))) {
        char *colon = strchr(line, ':');
        if (!colon)
            continue;
        *colon = 0;
        MHD_add_response_header(m, line, colon + 1 + (colon[1] == ' '));
    }
    free(copy);
}

static enum MHD_Result answer(struct MHD_Connection *connection, struct sb_response *r, int64_t cut)
{
    pthread_mutex_lock(&log_lock);
    bytes_out += (int64_t)r->body.len;
    pthread_mutex_unlock(&log_lock);
    struct MHD_Response *m = r->more ? make_stream(r) : make_response(r, cut);
    add_headers(m, r);
    enum MHD_Result rc = MHD_queue_response(connection, (unsigned)r->status, m);
    MHD_destroy_response(m);
    sb_buf_free(&r->headers);
    return rc;
}

static void frame_answer(const struct sb_round *round, struct sb_response *r)
{
    if (*round->redirect) {
        r->status = 302;
        sb_buf_fmt(&r->headers, "Location: %s\n", round->redirect);
    } else if (round->status) {
        r->status = round->status;
        if (round->retry_after)
            sb_buf_fmt(&r->headers, "Retry-After: %lld\n", (long long)round->retry_after);
    }
    r->type = "text/html";
    sb_buf_str(&r->body, "<html><body>Service page</body></html>");
}

static void spoil(const struct sb_round *round, struct sb_response *r)
{
    if (round->inner == SB_FAULT_TRUNCATE)
        r->body.len /= 2;
    if (round->inner == SB_FAULT_GARBAGE) {
        r->body.len = 0;
        sb_buf_str(&r->body, "\x01\x02 this is no document <<<");
    }
    if (round->bad_utf8)
        for (size_t i = r->body.len / 2; i < r->body.len; i++)
            if (r->body.data[i] >= 'a' && r->body.data[i] <= 'z' &&
                strchr(">\"", r->body.data[i - 1])) {
                r->body.data[i] = (char)0xff;
                break;
            }
    for (int64_t n = 0; n < round->huge; n += 1024) {
        char rubbish[1024];
        memset(rubbish, ' ', sizeof(rubbish));
        sb_buf_add(&r->body, rubbish, sizeof(rubbish));
    }
}

static bool control(const char *path, const char *query, struct sb_buf *out)
{
    char *arg;
    if (!strcmp(path, "clock")) {
        if ((arg = sb_param(query, "move_ms", 0)))
            sb_clock_move(strtoll(arg, NULL, 10));
        free(arg);
        sb_buf_fmt(out, "{\"now_ms\":%lld}", (long long)sb_now_ms());
        return true;
    }
    if (!strcmp(path, "fault")) {
        bool ok = true;
        if ((arg = sb_param(query, "clear", 0)))
            sb_fault_clear();
        free(arg);
        if ((arg = sb_param(query, "plan", 0)))
            ok = sb_fault_plan(arg);
        free(arg);
        sb_buf_str(out, ok ? "{\"ok\":true}" : "{\"ok\":false,\"error\":\"plan not understood\"}");
        return true;
    }
    if (!strcmp(path, "requests")) {
        pthread_mutex_lock(&log_lock);
        sb_buf_fmt(
            out,
            "{\"total\":%ld,\"under_way\":%ld,\"bytes_in\":%lld,\"bytes_out\":%lld,\"by_op\":{",
            total, under_way, (long long)bytes_in, (long long)bytes_out);
        for (size_t i = 0; i < n_ops; i++)
            sb_buf_fmt(out, "%s\"%s\":%ld", i ? "," : "", ops[i].op, ops[i].n);
        sb_buf_str(out, "}}");
        if ((arg = sb_param(query, "reset", 0))) {
            n_ops = 0;
            total = 0;
            bytes_in = bytes_out = 0;
        }
        pthread_mutex_unlock(&log_lock);
        free(arg);
        return true;
    }
    const struct sb_server *const servers[] = {&sb_exchange, &sb_workbooks};
    for (size_t i = 0; i < 2; i++) {
        size_t len = strlen(servers[i]->name);
        if (!strncmp(path, servers[i]->name, len) && path[len] == '/') {
            pthread_mutex_lock(&sb_lock);
            bool ok = servers[i]->control(path + len + 1, query, out);
            pthread_mutex_unlock(&sb_lock);
            return ok;
        }
    }
    return false;
}

/* The query as it was sent: MHD has taken it apart already. */
struct query {
    struct sb_buf text;
};
static enum MHD_Result add_arg(void *ctx, enum MHD_ValueKind kind, const char *key,
                               const char *value)
{
    struct query *q = ctx;
    (void)kind;
    if (q->text.len)
        sb_buf_str(&q->text, "&");
    for (int turn = 0; turn < 2; turn++) {
        for (const char *c = turn ? (value ? value : "") : key; *c; c++)
            if (strchr("&=%+#", *c) || (unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f)
                sb_buf_fmt(&q->text, "%%%02X", (unsigned char)*c);
            else
                sb_buf_add(&q->text, c, 1);
        if (!turn)
            sb_buf_str(&q->text, "=");
    }
    return MHD_YES;
}

/* As whatever stands between may do that lost sight of an answer. */
static void handle_once_or_twice(const struct sb_server *server, struct sb_request *r,
                                 struct sb_response *out, int twice)
{
    struct sb_response other = {.status = 200, .type = "text/plain"};
    if (twice == 2)
        server->handle(r, &other);
    server->handle(r, out);
    if (twice == 1)
        server->handle(r, &other);
    sb_buf_free(&other.body);
    sb_buf_free(&other.headers);
}

/* An answer that comes once more takes the place of the next one of its connection. */
static void stale_answer(const void *connection, const struct sb_round *round,
                         struct sb_response *r)
{
    static struct {
        const void *of;
        struct sb_buf headers, body;
    } stale;
    pthread_mutex_lock(&log_lock);
    bool due = stale.of && stale.of == connection;
    if (due || round->again) {
        struct sb_buf headers = stale.headers, body = stale.body;
        stale.of = round->again ? connection : NULL;
        stale.headers = stale.body = (struct sb_buf){0};
        if (round->again) {
            sb_buf_add(&stale.headers, r->headers.data, r->headers.len);
            sb_buf_add(&stale.body, r->body.data, r->body.len);
        }
        if (due) {
            sb_buf_free(&r->headers);
            sb_buf_free(&r->body);
            r->headers = headers;
            r->body = body;
        }
    }
    pthread_mutex_unlock(&log_lock);
}

static enum MHD_Result carry_out(struct MHD_Connection *connection, struct incoming *in,
                                 const char *url, const char *method)
{
    struct query q = {0};
    struct context ctx = {.connection = connection};
    struct sb_response response = {.status = 200, .type = "text/plain"};
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    char op[64] = "?";
    sb_buf_add(&in->body, "", 0);
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_arg, &q);
    sb_buf_add(&q.text, "", 0);
    struct sb_request request = {.method = method,
                                 .path = url,
                                 .query = q.text.data,
                                 .body = in->body.data,
                                 .body_len = in->body.len,
                                 .connection = info ? info->socket_context : NULL,
                                 .ctx = &ctx};
    enum MHD_Result rc = MHD_NO;
    if (!strncmp(url, "/control/", 9)) {
        response.type = "application/json";
        if (!control(url + 9, request.query, &response.body)) {
            response.status = 404;
            sb_buf_str(&response.body, "{\"error\":\"no such control request\"}");
        }
        rc = answer(connection, &response, -1);
        sb_buf_free(&q.text);
        return rc;
    }
    in->server->name_request(&request, op, sizeof(op));
    count(op, request.body_len);
    sb_fault_due(op, &ctx.round);
    pause_ms(delay_all + ctx.round.delay_ms);
    if (ctx.round.late_ms) {
        start_late(in->server, &request, &ctx, op);
    } else {
        if (ctx.round.status || *ctx.round.redirect || ctx.round.html) {
            frame_answer(&ctx.round, &response);
        } else {
            pthread_mutex_lock(&sb_lock);
            handle_once_or_twice(in->server, &request, &response, ctx.round.twice);
            pthread_mutex_unlock(&sb_lock);
            pause_ms(response.pause_ms);
            spoil(&ctx.round, &response);
        }
        carried_out(op);
        stale_answer(request.connection, &ctx.round, &response);
        if (!ctx.round.lost)
            rc = answer(connection, &response, ctx.round.cut);
        sb_buf_free(&response.body);
        sb_buf_free(&response.headers);
    }
    sb_buf_free(&q.text);
    return rc;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *len, void **state)
{
    struct incoming *in = *state;
    (void)version;
    if (!in) {
        in = calloc(1, sizeof(*in));
        if (!in)
            return MHD_NO;
        in->server = cls;
        *state = in;
        return MHD_YES;
    }
    if (*len) {
        if (in->body.len + *len > BODY_MAX)
            return MHD_NO;
        sb_buf_add(&in->body, data, *len);
        *len = 0;
        return MHD_YES;
    }
    return carry_out(connection, in, url, method);
}

static void on_done(void *cls, struct MHD_Connection *connection, void **state,
                    enum MHD_RequestTerminationCode why)
{
    struct incoming *in = *state;
    (void)cls;
    (void)connection;
    (void)why;
    if (in) {
        sb_buf_free(&in->body);
        free(in);
    }
    *state = NULL;
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **slot,
                          enum MHD_ConnectionNotificationCode what)
{
    (void)cls;
    (void)connection;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *slot = calloc(1, sizeof(void *));
    } else if (*slot) {
        free(*(void **)*slot);
        free(*slot);
        *slot = NULL;
    }
}

struct MHD_Daemon *server_start(const struct sb_server *server, uint16_t port, const char *cert,
                                const char *key)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    unsigned flags =
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | (cert ? MHD_USE_TLS : 0);
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)cert},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key},
                                   {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    return MHD_start_daemon(flags, port, NULL, NULL, on_request, (void *)(uintptr_t)server,
                            MHD_OPTION_SOCK_ADDR, &at, MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL,
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, NULL, MHD_OPTION_ARRAY,
                            cert ? tls : none, MHD_OPTION_END);
}

uint16_t server_port(struct MHD_Daemon *d)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT);
    return info ? info->port : 0;
}
