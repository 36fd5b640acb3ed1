#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "http.h"
#include "http_url.h"
#include "imap.h"

#define POLL_MS 250                      /* how long a cancelled run may go unnoticed */
#define ANSWER_MAX ((uint64_t)256 << 20) /* bytes of what commands that went together get */
#define ANSWER_TIMES 5                   /* the time-out of silence: so long may it take */
#define PIECE 16384u
#define HELD_MOST ((size_t)256 << 10) /* of an answer that is waited for before it is looked at */

enum wess_code imap_not_understood(struct wess_call *call, const char *what)
{
    imap_disconnect(call->conn);
    return wess_fail(&call->error, WESS_TRANSIENT, WESS_OF_HOST, NULL,
                     "the server's answer is not understood: %s", what);
}

enum wess_code imap_spent(struct wess_call *call)
{
    return wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL,
                     "more than the budget of an answer");
}

static enum wess_code lost(struct wess_call *call, const char *why)
{
    imap_disconnect(call->conn);
    return wess_fail(&call->error, WESS_TRANSIENT, WESS_OF_HOST, NULL, "%s", why);
}

static enum wess_code cancelled(struct wess_call *call)
{
    imap_disconnect(call->conn);
    return wess_fail(&call->error, WESS_CANCELLED, WESS_OF_HOST, NULL, "cancelled");
}

/* ---- connecting
 * ------------------------------------------------------------------------------------------ */

void imap_disconnect(struct wess_conn *c)
{
    curl_easy_cleanup(c->easy);
    c->easy = NULL;
    imap_reader_fini(&c->reader);
    free(c->ahead.batch.text);
    c->ahead = (struct imap_ahead){0};
    c->at_folder = SIZE_MAX;
    c->enabled = c->fresh = c->listed = c->knows_features = false;
}

static void keep_line(char *into, size_t cap, const char *line, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len && n + 1 < cap; i++)
        if ((unsigned char)line[i] >= 0x20 && (unsigned char)line[i] < 0x7f)
            into[n++] = line[i];
    into[n] = 0;
}

static void take_features(struct wess_conn *c, struct imap_at at)
{
    static const struct {
        const char *word;
        uint32_t feature;
    } all[] = {{"CONDSTORE", IMAP_CONDSTORE},
               {"QRESYNC", IMAP_QRESYNC | IMAP_CONDSTORE},
               {"LIST-STATUS", IMAP_LIST_STATUS},
               {"SPECIAL-USE", IMAP_SPECIAL_USE},
               {"LIST-EXTENDED", IMAP_EXTENDED_LIST},
               {"IDLE", IMAP_IDLE},
               {"NOTIFY", IMAP_NOTIFY},
               {"LITERAL+", IMAP_LITERAL_PLUS},
               {"ENABLE", IMAP_ENABLE},
               {"IMAP4rev2", IMAP_LIST_STATUS | IMAP_SPECIAL_USE | IMAP_EXTENDED_LIST | IMAP_IDLE |
                                 IMAP_ENABLE}};
    struct imap_text word;
    c->features = 0;
    c->heard_features = true;
    do {
        if (!imap_atom(&at, &word))
            return;
        for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
            if (imap_is(word, all[i].word))
                c->features |= all[i].feature;
    } while (imap_space(&at));
}

/* What libcurl hears while it signs in: the greeting, why it was refused, and, with the last
 * answer, what the server can do. */
static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
    struct wess_conn *c = ctx;
    size_t len = size * n;
    struct imap_reader r = {0};
    struct imap_response got;
    char *room = imap_reader_room(&r, len + 1);
    c->came += len;
    if (!room)
        return 0;
    memcpy(room, line, len);
    imap_reader_came(&r, len);
    if (!*c->greeting)
        keep_line(c->greeting, sizeof(c->greeting), line, len);
    if (imap_reader_next(&r, &got) == IMAP_RESPONSE) {
        if (got.status == IMAP_DATA && imap_is(got.word, "CAPABILITY"))
            take_features(c, got.rest);
        else if (imap_is(got.code, "CAPABILITY"))
            take_features(c, got.args);
        if (got.kind == IMAP_TAGGED && got.status != IMAP_OK)
            keep_line(c->refusal, sizeof(c->refusal), got.code.len ? got.code.of : got.text.of,
                      got.code.len ? got.code.len : got.text.len);
        if (got.kind == IMAP_TAGGED) {
            /* Before the sign-in it says less: what counts came with its answer. */
            c->knows_features = c->heard_features;
            c->heard_features = false;
            c->requests++;
        }
    }
    imap_reader_fini(&r);
    return len;
}

static void set_up(struct wess_conn *c, CURL *e)
{
    const struct wess_http *s = c->host->http;
    http_transport(e, s);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "imap,imaps");
    curl_easy_setopt(e, CURLOPT_URL, c->url);
    curl_easy_setopt(e, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(e, CURLOPT_HTTPPROXYTUNNEL, s && s->proxy ? 1L : 0L);
    /* Without TLS a password goes to this machine alone. */
    curl_easy_setopt(e, CURLOPT_USE_SSL,
                     (long)(http_url_is_near(c->url) ? CURLUSESSL_TRY : CURLUSESSL_ALL));
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, c);
}

/* RFC 5530: a refusal may be of the moment. */
bool imap_of_the_moment(const char *refusal)
{
    static const char *const words[] = {"UNAVAILABLE", "LIMIT", "INUSE", "SERVERBUG",
                                        "CONTACTADMIN"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (!strcasecmp(refusal, words[i]))
            return true;
    return false;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct wess_host *h = ctx;
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return h->cancelled(h->ctx);
}

static enum wess_code dial(struct wess_call *call)
{
    struct wess_conn *c = call->conn;
    char error[CURL_ERROR_SIZE] = "";
    if (c->host->cancelled(c->host->ctx))
        return cancelled(call);
    CURL *e = curl_easy_init();
    if (!e)
        return lost(call, "out of memory");
    c->greeting[0] = c->refusal[0] = 0;
    set_up(c, e);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, error);
    curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(e, CURLOPT_XFERINFODATA, c->host);
    enum wess_code rc = imap_credentials(call, e);
    CURLcode got = rc == WESS_OK ? curl_easy_perform(e) : CURLE_OK;
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, NULL);
    c->requests += got != CURLE_OK;
    if (rc == WESS_OK && got == CURLE_ABORTED_BY_CALLBACK)
        rc = wess_fail(&call->error, WESS_CANCELLED, WESS_OF_HOST, NULL, "cancelled");
    else if (rc == WESS_OK && got != CURLE_OK)
        rc = imap_judge_sign_in(call, got, error);
    if (rc != WESS_OK) {
        curl_easy_cleanup(e);
        return rc;
    }
    c->easy = e;
    c->at_folder = SIZE_MAX;
    return WESS_OK;
}

static enum wess_code ask_features(struct wess_call *);

enum wess_code imap_connect(struct wess_call *call)
{
    struct wess_conn *c = call->conn;
    if (c->easy)
        return WESS_OK;
    enum wess_code rc = dial(call);
    if (rc == WESS_AUTH && imap_renew(call))
        rc = dial(call);
    return rc != WESS_OK || c->knows_features ? rc : ask_features(call);
}

/* ---- commands
 * ------------------------------------------------------------------------------------------ */

/* For n bytes and the zero behind them. */
static bool make_room(struct imap_batch *b, size_t n)
{
    while (b->cap - b->len <= n && !b->no_memory) {
        size_t cap = b->cap ? 2 * b->cap : 256;
        char *text = realloc(b->text, cap);
        b->no_memory = !text;
        if (text) {
            b->text = text;
            b->cap = cap;
        }
    }
    return !b->no_memory;
}

static void put_v(struct imap_batch *, const char *fmt, va_list)
    __attribute__((format(printf, 2, 0)));
static void put_v(struct imap_batch *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0 || !make_room(b, (size_t)n))
        return;
    vsnprintf(b->text + b->len, b->cap - b->len, fmt, ap);
    b->len += (size_t)n;
}

static void put_number(struct imap_batch *b, uint32_t n)
{
    char digits[10];
    size_t len = 0;
    do
        digits[len++] = (char)('0' + n % 10);
    while (n /= 10);
    while (len)
        b->text[b->len++] = digits[--len];
}

void imap_put_range(struct imap_batch *b, uint32_t first, uint32_t last, bool comma)
{
    if (!make_room(b, sizeof(",4294967295:4294967295")))
        return;
    if (comma)
        b->text[b->len++] = ',';
    put_number(b, first);
    if (last == first)
        return;
    b->text[b->len++] = ':';
    put_number(b, last);
}

void imap_put(struct imap_batch *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    put_v(b, fmt, ap);
    va_end(ap);
}

void imap_say(struct wess_conn *c, struct imap_batch *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (b->n++)
        imap_put(b, "\r\n");
    else
        b->first = c->tag + 1;
    imap_put(b, "w%u ", ++c->tag);
    put_v(b, fmt, ap);
    va_end(ap);
}

bool imap_put_string(struct wess_conn *c, struct imap_batch *b, const char *text)
{
    bool plain = true;
    for (const char *s = text; *s; s++) {
        if (*s == '\r' || *s == '\n')
            return false;
        plain &= (unsigned char)*s < 0x80;
    }
    if (!plain && !(c->features & IMAP_LITERAL_PLUS))
        return false;
    if (!plain) {
        imap_put(b, "{%zu+}\r\n%s", strlen(text), text);
        return true;
    }
    imap_put(b, "\"");
    for (const char *s = text; *s; s++)
        imap_put(b, "%s%c", *s == '"' || *s == '\\' ? "\\" : "", *s);
    imap_put(b, "\"");
    return true;
}

/* Waits until the socket is ready, cancelled, or silent for too long. */
static enum wess_code await(struct wess_call *call, short events, int64_t *waited)
{
    struct wess_conn *c = call->conn;
    int64_t most = http_timeout_ms(c->host->http);
    curl_socket_t fd = CURL_SOCKET_BAD;
    curl_easy_getinfo(c->easy, CURLINFO_ACTIVESOCKET, &fd);
    if (fd == CURL_SOCKET_BAD)
        return lost(call, "the connection was closed");
    struct pollfd p = {.fd = fd, .events = events};
    if (c->host->cancelled(c->host->ctx))
        return cancelled(call);
    if (poll(&p, 1, POLL_MS) > 0)
        return WESS_OK;
    *waited += POLL_MS;
    return *waited < most ? WESS_OK : lost(call, "the server says nothing");
}

static enum wess_code send_all(struct wess_call *call, const char *text, size_t len)
{
    struct wess_conn *c = call->conn;
    enum wess_code rc = WESS_OK;
    int64_t waited = 0;
    while (len && rc == WESS_OK) {
        size_t n = 0;
        CURLcode got = curl_easy_send(c->easy, text, len, &n);
        if (got == CURLE_AGAIN) {
            rc = await(call, POLLOUT, &waited);
        } else if (got != CURLE_OK) {
            rc = lost(call, "the connection was closed");
        } else {
            text += n;
            len -= n;
            c->sent += n;
            waited = 0;
        }
    }
    return rc;
}

static int64_t monotonic_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A server that goes on talking, or gives a byte now and then, must come to an end as well. */
static void begin_answer(struct wess_conn *c)
{
    c->came_most = c->came + ANSWER_MAX;
    c->answered_by = monotonic_ms() + ANSWER_TIMES * http_timeout_ms(c->host->http);
}

static enum wess_code receive(struct wess_call *call)
{
    struct wess_conn *c = call->conn;
    int64_t waited = 0;
    while (true) {
        size_t n = 0;
        if (c->host->cancelled(c->host->ctx))
            return cancelled(call);
        if (c->came > c->came_most || monotonic_ms() > c->answered_by)
            return lost(call, "the server does not come to the end of its answer");
        char *room = imap_reader_room(&c->reader, PIECE);
        if (!room)
            return lost(call, "out of memory");
        CURLcode got = curl_easy_recv(c->easy, room, PIECE, &n);
        if (got == CURLE_AGAIN) {
            enum wess_code rc = await(call, POLLIN, &waited);
            if (rc != WESS_OK)
                return rc;
            continue;
        }
        if (got != CURLE_OK || !n)
            return lost(call, "the server closed the connection");
        imap_reader_came(&c->reader, n);
        c->came += n;
        return WESS_OK;
    }
}

/* The next response; bytes are asked for until there is one. */
static enum wess_code next_response(struct wess_call *call, struct imap_response *out)
{
    struct wess_conn *c = call->conn;
    while (true) {
        switch (imap_reader_next(&c->reader, out)) {
        case IMAP_RESPONSE:
            return WESS_OK;
        case IMAP_FAULT:
            return imap_not_understood(call, "no IMAP, or a response over the bound");
        case IMAP_NO_MEMORY:
            return lost(call, "out of memory");
        case IMAP_MORE:
            break;
        }
        enum wess_code rc = receive(call);
        if (rc != WESS_OK)
            return rc;
    }
}

/* Of a tagged answer: which command it is of; SIZE_MAX: none of ours. */
static size_t answered(const struct imap_batch *b, struct imap_text tag)
{
    uint64_t n = 0;
    struct imap_at at = {tag.of, tag.of + tag.len};
    if (!imap_char(&at, 'w') || !imap_number(&at, UINT32_MAX, &n) || at.of != at.end ||
        n < b->first || n >= (uint64_t)b->first + b->n)
        return SIZE_MAX;
    return (size_t)(n - b->first);
}

static void note_refusal(struct wess_call *call, const struct imap_response *got)
{
    char code[48], text[160];
    keep_line(code, sizeof(code), got->code.of ? got->code.of : "", got->code.len);
    keep_line(text, sizeof(text), got->text.of, got->text.len);
    bool of_now = imap_of_the_moment(code);
    wess_fail(&call->error, of_now ? WESS_TRANSIENT : WESS_REJECTED,
              of_now ? WESS_OF_MAILBOX : WESS_OF_COLLECTION, *code ? code : NULL,
              "the server refused a command: %s", text);
}

static enum wess_code take_one(struct wess_call *call, const struct imap_response *got,
                               imap_taker *take, void *ctx)
{
    if (got->kind != IMAP_UNTAGGED)
        return WESS_OK;
    if (got->status == IMAP_BYE)
        return lost(call, "the server closed the connection (BYE)");
    return take ? take(ctx, got) : WESS_OK;
}

static enum wess_code send_batch(struct wess_call *call, struct imap_batch *b)
{
    imap_put(b, "\r\n");
    enum wess_code rc = b->no_memory ? lost(call, "out of memory") : WESS_OK;
    call->conn->requests++;
    if (rc == WESS_OK)
        rc = send_all(call, b->text, b->len);
    free(b->text);
    b->text = NULL;
    return rc;
}

enum wess_code imap_send_ahead(struct wess_call *call)
{
    struct imap_batch *b = &call->conn->ahead.batch;
    return b->text ? send_batch(call, b) : WESS_OK;
}

/* Waits for the whole answer, where it is short, and has the server work on what is asked next
 * while this is looked at. */
static enum wess_code let_go_on(struct wess_call *call, size_t answers)
{
    struct wess_conn *c = call->conn;
    bool whole = false;
    enum wess_code rc = WESS_OK;
    while (rc == WESS_OK && !(whole = imap_reader_holds(&c->reader, answers)) &&
           imap_reader_left(&c->reader) < HELD_MOST)
        rc = receive(call);
    return rc == WESS_OK && whole ? imap_send_ahead(call) : rc;
}

static enum wess_code read_answers(struct wess_call *call, const struct imap_batch *b,
                                   imap_taker *take, void *ctx, enum imap_status *done,
                                   bool *modified)
{
    enum wess_code rc = call->conn->ahead.batch.text ? let_go_on(call, b->n) : WESS_OK;
    enum wess_code refused = WESS_OK;
    struct imap_response got;
    for (size_t n = 0; rc == WESS_OK && n < b->n;) {
        rc = next_response(call, &got);
        if (rc != WESS_OK)
            break;
        if (got.kind == IMAP_TAGGED) {
            size_t i = answered(b, got.tag);
            if (i != n)
                return imap_not_understood(call, "an answer to no command");
            n++;
            if (done)
                done[i] = got.status;
            if (modified)
                *modified |= imap_is(got.code, "MODIFIED");
            if (got.status != IMAP_OK && refused == WESS_OK) {
                note_refusal(call, &got);
                refused = call->error.scope == WESS_OF_MAILBOX ? WESS_TRANSIENT : WESS_REJECTED;
            }
        } else if (got.kind == IMAP_CONTINUE) {
            return imap_not_understood(call, "a go-ahead that nobody asked for");
        } else {
            rc = take_one(call, &got, take, ctx);
        }
    }
    /* What was asked for still comes: nothing else can be said on it. */
    if (rc != WESS_OK)
        imap_disconnect(call->conn);
    else if (refused != WESS_OK)
        call->conn->at_folder = SIZE_MAX;
    return rc != WESS_OK ? rc : refused;
}

enum wess_code imap_take_ahead(struct wess_call *call, imap_taker *take, void *ctx)
{
    struct wess_conn *c = call->conn;
    const struct imap_batch b = c->ahead.batch;
    c->ahead = (struct imap_ahead){0};
    begin_answer(c);
    return read_answers(call, &b, take, ctx, NULL, NULL);
}

/* Nobody wants it any more; that it was refused is nobody's business either. */
static enum wess_code drop_ahead(struct wess_call *call)
{
    const struct imap_batch *b = &call->conn->ahead.batch;
    if (!b->n || b->text)
        return WESS_OK;
    enum wess_code rc = imap_take_ahead(call, NULL, NULL);
    return rc == WESS_REJECTED ? WESS_OK : rc;
}

enum wess_code imap_run_noting(struct wess_call *call, struct imap_batch *b, imap_taker *take,
                               void *ctx, enum imap_status *done, bool *modified)
{
    enum wess_code rc = drop_ahead(call);
    if (rc == WESS_OK)
        rc = send_batch(call, b);
    begin_answer(call->conn);
    if (rc == WESS_OK)
        rc = read_answers(call, b, take, ctx, done, modified);
    free(b->text);
    *b = (struct imap_batch){0};
    return rc;
}

enum wess_code imap_run(struct wess_call *call, struct imap_batch *b, imap_taker *take, void *ctx)
{
    return imap_run_noting(call, b, take, ctx, NULL, NULL);
}

static enum wess_code take_capability(void *ctx, const struct imap_response *got)
{
    if (got->status == IMAP_DATA && imap_is(got->word, "CAPABILITY"))
        take_features(ctx, got->rest);
    return WESS_OK;
}

static enum wess_code ask_features(struct wess_call *call)
{
    struct imap_batch b = {0};
    imap_say(call->conn, &b, "CAPABILITY");
    return imap_run(call, &b, take_capability, call->conn);
}
