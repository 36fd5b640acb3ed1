/* Sending requests side by side. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "ews.h"

/* By which the server's own logs find a request. */
void ews_name_request(char out[EWS_REQUEST_ID])
{
    unsigned char b[16] = {0};
    if (getrandom(b, sizeof(b), 0) < 0)
        memset(b, 0, sizeof(b)); /* a name only: the request goes without */
    snprintf(out, EWS_REQUEST_ID,
             "client-request-id: %02x%02x%02x%02x-%02x%02x-4%01x%02x-a%01x%02x-"
             "%02x%02x%02x%02x%02x%02x",
             b[0], b[1], b[2], b[3], b[4], b[5], b[6] & 15, b[7], b[8] & 15, b[9], b[10], b[11],
             b[12], b[13], b[14], b[15]);
}

/* ---- sending
 * ------------------------------------------------------------------------------------------ */

struct joined {
    const struct ews_insert *insert; /* NULL: none */
    const char *text;
    size_t before, len; /* of the text: where the insert is; all of it */
};
struct sending {
    struct wess_call *call;
    const struct ews_taker *taker;
    bool write;
    enum wess_code rc;
    char names[EWS_LANES][EWS_REQUEST_ID];
    const char *headers[EWS_LANES][6];
    struct http_request q[EWS_LANES];
    struct piece {
        const struct ews_taker *taker;
        size_t i;
    } pieces[EWS_LANES];
    size_t at[EWS_LANES]; /* which document q[i] is, of those that are sent again */
    bool again[EWS_LANES], may_again, moved;
    struct joined joined;
};

/* Ids, numbers and machines' names only. */
static void log_answer(const struct wess_host *h, const struct http_response *r,
                       const struct ews_answer *a, const char *name)
{
    h->log(h->ctx, a->code == WESS_OK ? WESS_LOG_DEBUG : WESS_LOG_INFO,
           "HTTP %ld, code %d %s, %s, request-id %s %s %s", r->status, (int)a->code,
           a->error.remote_code, name, r->request_id[0] ? r->request_id : "-", r->server,
           r->diagnostics);
}

/* A token that is refused: what was sent with it, and what was not sent because of it, was not
 * carried out, and goes again with another token, once. */
static bool goes_again(struct sending *s, size_t i, const struct http_response *r)
{
    bool refused = r->code == WESS_OK && r->status == 401 && ews_may_renew(r->diagnostics);
    if (!s->may_again || (!refused && r->code != WESS_NOT_TRIED))
        return false;
    s->again[i] = true;
    return true;
}

static bool any_again(const struct sending *s)
{
    for (size_t i = 0; i < EWS_LANES; i++)
        if (s->again[i])
            return true;
    return false;
}

/* The service may have moved since Autodiscover found it. */
static bool doubts_place(const struct ews_answer *a)
{
    static const char *const moved[] = {"ErrorWrongServerVersion", "ErrorCrossSiteRequest",
                                        "ErrorProxyRequestNotAllowed"};
    bool gone = a->error.remote_status == 404 || a->error.remote_status == 405;
    for (size_t i = 0; i < sizeof(moved) / sizeof(moved[0]); i++)
        gone |= !strcmp(a->error.remote_code, moved[i]);
    return gone;
}

static void take(void *ctx, size_t k, struct http_response *r)
{
    struct sending *s = ctx;
    struct wess_conn *c = s->call->conn;
    size_t i = s->at[k];
    struct ews_answer a;
    if (r->date_ms)
        s->call->remote_ms = r->date_ms;
    if (goes_again(s, i, r)) {
        c->host->log(c->host->ctx, WESS_LOG_INFO, "HTTP %ld, %s, request-id %s %s: a new token",
                     r->status, s->names[i], r->request_id, r->diagnostics);
        http_response_fini(r);
        return;
    }
    ews_read(r, s->names[i], s->write, s->taker, i, &a);
    if (a.code != WESS_OK)
        ews_explain(c, r, &a.error);
    log_answer(c->host, r, &a, s->names[i]);
    http_response_fini(r);
    if (a.version[0])
        memcpy(c->version, a.version, sizeof(c->version));
    s->moved |= doubts_place(&a);
    if (a.code != WESS_OK && s->rc == WESS_OK) {
        s->rc = a.code;
        s->call->error = a.error;
    }
}

static size_t filter_piece(void *ctx, char *data, size_t len)
{
    const struct piece *p = ctx;
    return p->taker->filter(p->taker->ctx, p->i, data, len);
}

static void count(struct wess_call *call, int sign)
{
    uint64_t requests, sent, received;
    http_count(call->conn->http, &requests, &sent, &received);
    if (sign < 0) {
        requests = -requests;
        sent = -sent;
        received = -received;
    }
    call->requests += requests;
    call->bytes_out += sent;
    call->bytes_in += received;
}

/* A document with an insert: what stands before it, it, and what stands behind. */
static size_t read_joined(void *ctx, size_t at, char *buf, size_t cap)
{
    const struct joined *j = ctx;
    const struct ews_insert *in = j->insert;
    if (at >= j->before && at < j->before + in->len) {
        size_t left = j->before + in->len - at;
        return in->read(in->ctx, at - j->before, buf, left < cap ? left : cap);
    }
    bool first = at < j->before;
    const char *from = j->text + (first ? at : at - in->len);
    size_t left = first ? j->before - at : j->len + in->len - at;
    size_t len = left < cap ? left : cap;
    memcpy(buf, from, len);
    return len;
}

static enum wess_code join(struct sending *s)
{
    struct joined *j = &s->joined;
    const char *at = strstr(s->q[0].body, j->insert->behind);
    if (!at)
        return wess_fail(&s->call->error, WESS_BROKEN, WESS_OF_HOST, NULL,
                         "there is no place in the request for its content");
    j->text = s->q[0].body;
    j->len = s->q[0].len;
    j->before = (size_t)(at - j->text) + strlen(j->insert->behind);
    s->q[0].len += j->insert->len;
    s->q[0].source = read_joined;
    s->q[0].source_ctx = j;
    return WESS_OK;
}

static enum wess_code prepare(struct sending *s, struct xml_out *docs, size_t n, uint64_t body_max)
{
    const struct wess_conn *c = s->call->conn;
    for (size_t i = 0; i < n; i++) {
        const char *text;
        size_t len;
        xml_end(&docs[i], &text, &len);
        if (!text)
            return wess_fail(&s->call->error, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL,
                             "out of memory for a request");
        ews_name_request(s->names[i]);
        s->headers[i][0] = "Content-Type: text/xml; charset=utf-8";
        s->headers[i][1] = "Accept: text/xml";
        s->headers[i][2] = "return-client-request-id: true";
        s->headers[i][3] = s->names[i];
        size_t n_headers = 4;
        if (c->anchor_header)
            s->headers[i][n_headers++] = c->anchor_header;
        if (c->affinity)
            s->headers[i][n_headers++] = "X-PreferServerAffinity: true";
        s->at[i] = i;
        s->pieces[i] = (struct piece){s->taker, i};
        s->q[i] = (struct http_request){
            .url = c->url,
            .method = "POST",
            .headers = s->headers[i],
            .n_headers = n_headers,
            .body = text,
            .len = len,
            .body_max = body_max || s->taker->filter ? body_max : EWS_PLAIN_BYTES,
            .echo = s->names[i],
            .filter = s->taker->filter ? filter_piece : NULL,
            .filter_ctx = &s->pieces[i],
            /* A POST that only reads may be sent again; none is ever sent elsewhere. */
            .flags = HTTP_NO_REDIRECT | (s->write ? 0u : HTTP_IS_READ)};
    }
    return s->joined.insert ? join(s) : WESS_OK;
}

static void carry_out(struct sending *s, size_t n)
{
    struct wess_call *call = s->call;
    struct http_response r[EWS_LANES] = {{0}};
    count(call, -1);
    http_perform_each(call->conn->http, s->q, n, call->lanes < EWS_LANES ? call->lanes : EWS_LANES,
                      r, take, s);
    count(call, 1);
}

static void send_again(struct sending *s, size_t n)
{
    size_t k = 0;
    enum wess_code rc = ews_renew(s->call);
    for (size_t i = 0; i < n; i++)
        if (s->again[i]) {
            s->q[k] = s->q[i];
            s->at[k++] = i;
        }
    s->may_again = false;
    if (rc == WESS_OK) {
        carry_out(s, k);
        return;
    }
    s->rc = rc;
    /* Whoever takes the answers is told of each that it was not carried out. */
    for (size_t i = 0; i < k; i++) {
        struct http_response r = {.code = WESS_NOT_TRIED};
        take(s, i, &r);
    }
}

static enum wess_code send_docs(struct wess_call *call, struct xml_out *docs, size_t n, bool write,
                                uint64_t body_max, const struct ews_insert *insert,
                                const struct ews_taker *taker)
{
    struct sending s = {.call = call,
                        .taker = taker,
                        .write = write,
                        .joined = {.insert = insert},
                        .rc = ews_sign_in(call),
                        .may_again = call->conn->auth == HTTP_AUTH_BEARER};
    if (s.rc == WESS_OK)
        s.rc = ews_discover(call);
    if (s.rc == WESS_OK)
        s.rc = prepare(&s, docs, n, body_max);
    if (s.rc != WESS_OK)
        return s.rc;
    carry_out(&s, n);
    if (any_again(&s))
        send_again(&s, n);
    if (s.moved)
        ews_forget_place(call->conn);
    return s.rc;
}

enum wess_code ews_send(struct wess_call *call, struct xml_out *docs, size_t n, bool write,
                        uint64_t body_max, const struct ews_taker *taker)
{
    return send_docs(call, docs, n, write, body_max, NULL, taker);
}

enum wess_code ews_ask_with(struct wess_call *call, struct xml_out *doc,
                            const struct ews_insert *insert, const struct ews_taker *taker)
{
    enum wess_code rc = send_docs(call, doc, 1, true, 0, insert, taker);
    xml_fini(doc);
    return rc;
}

enum wess_code ews_ask(struct wess_call *call, struct xml_out *doc, bool write,
                       const struct ews_taker *taker)
{
    enum wess_code rc = ews_send(call, doc, 1, write, 0, taker);
    xml_fini(doc);
    return rc;
}
