/* Signing in, and sending requests side by side. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "ews.h"

#define SECRET_MAX 1024u
#define REQUEST_ID_SIZE 64u

static enum wess_code sign_in(struct wess_call *call)
{
    struct wess_conn *c = call->conn;
    char secret[SECRET_MAX];
    if (c->signed_in)
        return WESS_OK;
    if (c->host->secret(c->host->ctx, "password", secret, sizeof(secret)) != WESS_OK)
        return wess_fail(&call->error, WESS_AUTH, WESS_OF_CREDENTIAL, NULL,
                         "the password cannot be read");
    http_credentials(c->http, c->auth, c->username, secret);
    explicit_bzero(secret, sizeof(secret));
    c->signed_in = true;
    return WESS_OK;
}

/* By which the server's own logs find a request. */
static void name_request(char out[REQUEST_ID_SIZE])
{
    unsigned char b[16] = {0};
    if (getrandom(b, sizeof(b), 0) < 0)
        memset(b, 0, sizeof(b)); /* a name only: the request goes without */
    snprintf(out, REQUEST_ID_SIZE,
             "client-request-id: %02x%02x%02x%02x-%02x%02x-4%01x%02x-a%01x%02x-"
             "%02x%02x%02x%02x%02x%02x",
             b[0], b[1], b[2], b[3], b[4], b[5], b[6] & 15, b[7], b[8] & 15, b[9], b[10], b[11],
             b[12], b[13], b[14], b[15]);
}

/* ---- sending
 * ------------------------------------------------------------------------------------------ */

struct sending {
    struct wess_call *call;
    const struct ews_taker *taker;
    bool write;
    enum wess_code rc;
};

static void log_failure(const struct wess_host *h, const struct http_response *r,
                        const struct ews_answer *a)
{
    if (a->code == WESS_OK)
        return;
    h->log(h->ctx, WESS_LOG_INFO, "HTTP %ld, code %d %s, request-id %s %s", r->status, (int)a->code,
           a->error.remote_code, r->request_id[0] ? r->request_id : "-", r->diagnostics);
}

static void take(void *ctx, size_t i, struct http_response *r)
{
    struct sending *s = ctx;
    struct wess_conn *c = s->call->conn;
    struct ews_answer a;
    ews_read(r, s->write, s->taker, i, &a);
    log_failure(c->host, r, &a);
    if (r->date_ms)
        s->call->remote_ms = r->date_ms;
    http_response_fini(r);
    if (a.version[0])
        memcpy(c->version, a.version, sizeof(c->version));
    if (a.code != WESS_OK && s->rc == WESS_OK) {
        s->rc = a.code;
        s->call->error = a.error;
    }
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

enum wess_code ews_send(struct wess_call *call, struct xml_out *docs, size_t n, bool write,
                        uint64_t body_max, const struct ews_taker *taker)
{
    struct wess_conn *c = call->conn;
    char names[EWS_LANES][REQUEST_ID_SIZE];
    const char *headers[EWS_LANES][4];
    struct http_request q[EWS_LANES] = {{0}};
    struct http_response r[EWS_LANES] = {{0}};
    struct sending s = {.call = call, .taker = taker, .write = write, .rc = sign_in(call)};
    for (size_t i = 0; i < n && s.rc == WESS_OK; i++) {
        const char *text;
        size_t len;
        xml_end(&docs[i], &text, &len);
        if (!text)
            s.rc = wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL,
                             "out of memory for a request");
        name_request(names[i]);
        headers[i][0] = "Content-Type: text/xml; charset=utf-8";
        headers[i][1] = "Accept: text/xml";
        headers[i][2] = "return-client-request-id: true";
        headers[i][3] = names[i];
        q[i] = (struct http_request){
            .url = c->url,
            .method = "POST",
            .headers = headers[i],
            .n_headers = 4,
            .body = text,
            .len = len,
            .body_max = body_max,
            /* A POST that only reads may be sent again; none is ever sent elsewhere. */
            .flags = HTTP_NO_REDIRECT | (write ? 0u : HTTP_IS_READ)};
    }
    if (s.rc != WESS_OK)
        return s.rc;
    count(call, -1);
    http_perform_each(c->http, q, n, call->lanes < EWS_LANES ? call->lanes : EWS_LANES, r, take,
                      &s);
    count(call, 1);
    return s.rc;
}

enum wess_code ews_ask(struct wess_call *call, struct xml_out *doc, bool write,
                       const struct ews_taker *taker)
{
    enum wess_code rc = ews_send(call, doc, 1, write, 0, taker);
    xml_fini(doc);
    return rc;
}
