#include "replay.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct replay {
    struct MHD_Daemon *daemon;
    replay_handler *handler;
    void *ctx;
    pthread_mutex_t lock;
    char **requests;
    size_t n, cap;
    char url[200];
};
struct upload { /* one request coming in */
    char *data;
    size_t len;
};
struct download { /* one answer going out */
    char *body;
    size_t len, cut;
};

static bool grow(void **of, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap)
        return true;
    size_t more = *cap ? *cap * 2 : 64;
    while (more < need)
        more *= 2;
    void *p = realloc(*of, more * size);
    if (!p)
        return false;
    *of = p;
    *cap = more;
    return true;
}

static ssize_t send_some(void *ctx, uint64_t at, char *buf, size_t max)
{
    struct download *d = ctx;
    size_t end = d->cut ? d->cut : d->len;
    if (at >= end)
        return d->cut ? MHD_CONTENT_READER_END_WITH_ERROR : MHD_CONTENT_READER_END_OF_STREAM;
    size_t n = end - (size_t)at < max ? end - (size_t)at : max;
    memcpy(buf, d->body + at, n);
    return (ssize_t)n;
}

static void drop_download(void *ctx)
{
    struct download *d = ctx;
    free(d->body);
    free(d);
}

static enum MHD_Result answer(struct MHD_Connection *connection, struct replay_reply *r)
{
    struct download *d = calloc(1, sizeof(*d));
    if (!d || r->lost) {
        free(d);
        free(r->body);
        return MHD_NO; /* closes the connection */
    }
    *d = (struct download){r->body ? r->body : strdup(""), 0, r->cut};
    d->len = r->len ? r->len : d->body ? strlen(d->body) : 0;
    struct MHD_Response *response =
        MHD_create_response_from_callback(d->len, 16384, send_some, d, drop_download);
    MHD_add_response_header(response, "Content-Type", r->type);
    if (r->location)
        MHD_add_response_header(response, "Location", r->location);
    enum MHD_Result rc = MHD_queue_response(connection, r->status, response);
    MHD_destroy_response(response);
    return rc;
}

static bool keep(struct replay *s, char *text)
{
    if (!grow((void **)&s->requests, &s->cap, s->n + 1, sizeof(*s->requests)))
        return false;
    s->requests[s->n++] = text;
    return true;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **request)
{
    struct replay *s = ctx;
    struct upload *u = *request;
    struct replay_reply r = {.status = 200, .type = "text/xml; charset=utf-8"};
    (void)url;
    (void)method;
    (void)version;
    if (!u) {
        *request = calloc(1, sizeof(*u));
        return *request ? MHD_YES : MHD_NO;
    }
    if (*size) {
        char *more = realloc(u->data, u->len + *size + 1);
        if (!more)
            return MHD_NO;
        memcpy(more + u->len, data, *size);
        u->data = more;
        u->len += *size;
        u->data[u->len] = 0;
        *size = 0;
        return MHD_YES;
    }
    char *text = u->data ? u->data : strdup("");
    u->data = NULL;
    pthread_mutex_lock(&s->lock);
    bool kept = text && keep(s, text);
    if (kept)
        s->handler(s->ctx, text, &r);
    pthread_mutex_unlock(&s->lock);
    return kept ? answer(connection, &r) : MHD_NO;
}

static void on_end(void *ctx, struct MHD_Connection *connection, void **request,
                   enum MHD_RequestTerminationCode code)
{
    struct upload *u = *request;
    (void)ctx;
    (void)connection;
    (void)code;
    if (u)
        free(u->data);
    free(u);
}

struct replay *replay_start(replay_handler *handler, void *ctx)
{
    struct replay *s = calloc(1, sizeof(*s));
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (!s)
        return NULL;
    s->handler = handler;
    s->ctx = ctx;
    pthread_mutex_init(&s->lock, NULL);
    s->daemon = MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD, 0,
                                 NULL, NULL, on_request, s, MHD_OPTION_SOCK_ADDR, &at,
                                 MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL, MHD_OPTION_END);
    if (!s->daemon) {
        replay_stop(s);
        return NULL;
    }
    return s;
}

void replay_forget(struct replay *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->requests[i]);
    s->n = 0;
}

void replay_stop(struct replay *s)
{
    if (!s)
        return;
    if (s->daemon)
        MHD_stop_daemon(s->daemon);
    replay_forget(s);
    free(s->requests);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

const char *replay_url(const struct replay *s, const char *path)
{
    struct replay *own = (struct replay *)(uintptr_t)s;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT);
    snprintf(own->url, sizeof(own->url), "http://127.0.0.1:%u%s", info->port, path);
    return own->url;
}

size_t replay_count(const struct replay *s)
{
    return s->n;
}

const char *replay_request(const struct replay *s, size_t i)
{
    return i < s->n ? s->requests[i] : "";
}
