#include "net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"

struct http {
    int none;
};
static struct {
    struct fuzz_in all, left;
    const char *type;
    size_t requests;
    bool silent;
} net;

void net_start(const uint8_t *data, size_t size, const char *type)
{
    net.all = (struct fuzz_in){data, size};
    net.type = type;
    net_rewind();
}

void net_rewind(void)
{
    net.left = net.all;
    net.requests = 0;
    net.silent = false;
}

size_t net_requests(void)
{
    return net.requests;
}

bool net_was_silent(void)
{
    return net.silent;
}

struct http *http_new(const struct wess_host *host)
{
    (void)host;
    return calloc(1, sizeof(struct http));
}

void http_free(struct http *h)
{
    free(h);
}

void http_credentials(struct http *h, enum http_auth auth, const char *user, const char *secret)
{
    HOLDS(h && secret && (user || auth == HTTP_AUTH_BEARER));
}

bool http_can(enum http_auth auth)
{
    return auth <= HTTP_AUTH_BEARER;
}

void http_keep_cookies(struct http *h)
{
    (void)h;
}

void *http_copy(struct http *h, const char *url)
{
    (void)h;
    (void)url;
    return NULL; /* no stream is opened here */
}

void http_certificate(struct http *h, const char *certificate, const char *key)
{
    HOLDS(h && certificate && (!key || *key));
}

/* "!503 text/html\n": the status, and what is left of the answer. */
static void take_status(struct http_response *out)
{
    char *end, *line = out->body;
    if (line[0] != '!' || !(end = strchr(line, '\n')))
        return;
    *end = 0;
    out->status = strtol(line + 1, &line, 10) % 1000;
    snprintf(out->type, sizeof(out->type), "%s", line + (*line == ' '));
    snprintf(out->location, sizeof(out->location), "https://mail.example.com/%s", out->type);
    out->len -= (size_t)(end + 1 - out->body);
    memmove(out->body, end + 1, out->len + 1);
}

static void answer(struct http_response *out)
{
    struct fuzz_in before = net.left;
    *out = (struct http_response){.code = WESS_OK, .status = 200};
    snprintf(out->type, sizeof(out->type), "%s", net.type);
    out->body = fuzz_text(&net.left);
    out->len = strlen(out->body);
    if (!net.left.left) /* the last one stays */
        net.left = before;
    take_status(out);
    /* Of exactly its size. */
    char *body = fuzz_copy((const uint8_t *)out->body, out->len);
    free(out->body);
    out->body = body;
    if (out->status <= 0) {
        http_response_fini(out);
        *out = (struct http_response){.code = WESS_UNKNOWN, .text = "broken off"};
        net.silent = true;
    }
}

void http_perform_each(struct http *h, const struct http_request *in, size_t n, uint32_t lanes,
                       struct http_response *out,
                       void (*done)(void *ctx, size_t i, struct http_response *), void *ctx)
{
    HOLDS(h && lanes);
    for (size_t i = 0; i < n; i++) {
        HOLDS(++net.requests <= NET_REQUESTS_MOST);
        HOLDS(in[i].body && fuzz_is_utf8(in[i].body, in[i].len));
        answer(&out[i]);
        if (done)
            done(ctx, i, &out[i]);
    }
}

void http_perform(struct http *h, const struct http_request *in, size_t n, uint32_t lanes,
                  struct http_response *out)
{
    http_perform_each(h, in, n, lanes, out, NULL, NULL);
}

void http_response_fini(struct http_response *r)
{
    free(r->body);
    *r = (struct http_response){.code = WESS_NOT_TRIED};
}

void http_count(const struct http *h, uint64_t *requests, uint64_t *sent, uint64_t *received)
{
    (void)h;
    *requests = net.requests;
    *sent = *received = 0;
}
