#include "http_stream.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define EVENTS_AT_ONCE 32

struct http_streams {
    const struct wess_host *host;
    CURLM *multi;
    int epoll, timer;
    struct http_stream *first;
};
struct http_stream {
    struct http_stream *next;
    CURL *easy;
    struct curl_slist *headers;
    struct http_stream_taker taker;
    bool enough;
    char error[CURL_ERROR_SIZE];
};

/* ---- one descriptor for all of libcurl's
 * ------------------------------------------------------------------------------------------ */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *known)
{
    struct http_streams *s = ctx;
    struct epoll_event e = {.data.fd = fd};
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(s->epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    e.events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0u) |
               (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0u);
    epoll_ctl(s->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e);
    curl_multi_assign(s->multi, fd, s);
    return 0;
}

static int on_timer(CURLM *multi, long ms, void *ctx)
{
    const struct http_streams *s = ctx;
    struct itimerspec at = {0};
    (void)multi;
    if (ms == 0)
        at.it_value.tv_nsec = 1;
    else if (ms > 0)
        at.it_value = (struct timespec){ms / 1000, ms % 1000 * 1000000};
    timerfd_settime(s->timer, 0, &at, NULL);
    return 0;
}

struct http_streams *http_streams_new(const struct wess_host *host)
{
    struct http_streams *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->host = host;
    s->multi = curl_multi_init();
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    struct epoll_event e = {.events = EPOLLIN, .data.fd = s->timer};
    if (!s->multi || s->epoll < 0 || s->timer < 0 ||
        epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->timer, &e) != 0) {
        http_streams_free(s);
        return NULL;
    }
    curl_multi_setopt(s->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(s->multi, CURLMOPT_SOCKETDATA, s);
    curl_multi_setopt(s->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(s->multi, CURLMOPT_TIMERDATA, s);
    curl_multi_setopt(s->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    return s;
}

int http_streams_fd(const struct http_streams *s)
{
    return s->epoll;
}

/* ---- one stream
 * ------------------------------------------------------------------------------------------ */

void http_stream_close(struct http_streams *all, struct http_stream *s)
{
    for (struct http_stream **at = &all->first; *at; at = &(*at)->next)
        if (*at == s) {
            *at = s->next;
            break;
        }
    if (s->easy)
        curl_multi_remove_handle(all->multi, s->easy);
    curl_easy_cleanup(s->easy);
    curl_slist_free_all(s->headers);
    free(s);
}

void http_streams_free(struct http_streams *s)
{
    if (!s)
        return;
    while (s->first)
        http_stream_close(s, s->first);
    curl_multi_cleanup(s->multi);
    if (s->timer >= 0)
        close(s->timer);
    if (s->epoll >= 0)
        close(s->epoll);
    free(s);
}

static size_t on_data(char *data, size_t size, size_t n, void *ctx)
{
    struct http_stream *s = ctx;
    s->enough = !s->taker.data(s->taker.ctx, data, size * n);
    return s->enough ? 0 : size * n;
}

static bool put_headers(struct http_stream *s, const struct http_request *q)
{
    s->headers = curl_slist_append(NULL, "Expect:");
    for (size_t i = 0; s->headers && i < q->n_headers; i++) {
        struct curl_slist *more = curl_slist_append(s->headers, q->headers[i]);
        if (!more)
            return false;
        s->headers = more;
    }
    return s->headers != NULL;
}

struct http_stream *http_stream_open(struct http_streams *all, struct http *like,
                                     const struct http_request *q, long silence_s, long whole_s,
                                     const struct http_stream_taker *taker, const char **why)
{
    struct http_stream *s = calloc(1, sizeof(*s));
    *why = "out of memory";
    if (!s)
        return NULL;
    s->taker = *taker;
    s->easy = http_copy(like, q->url);
    s->next = all->first;
    all->first = s;
    if (!s->easy || !put_headers(s, q)) {
        *why = s->easy ? "out of memory" : "no address for a password";
        http_stream_close(all, s);
        return NULL;
    }
    curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, s->headers);
    curl_easy_setopt(s->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->len);
    curl_easy_setopt(s->easy, CURLOPT_COPYPOSTFIELDS, q->body);
    curl_easy_setopt(s->easy, CURLOPT_READFUNCTION, NULL);
    curl_easy_setopt(s->easy, CURLOPT_SEEKFUNCTION, NULL);
    curl_easy_setopt(s->easy, CURLOPT_HEADERFUNCTION, NULL);
    /* What is packed comes when a packet is full, and not when something happens. */
    curl_easy_setopt(s->easy, CURLOPT_ACCEPT_ENCODING, NULL);
    curl_easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(s->easy, CURLOPT_WRITEDATA, s);
    curl_easy_setopt(s->easy, CURLOPT_ERRORBUFFER, s->error);
    curl_easy_setopt(s->easy, CURLOPT_PRIVATE, s);
    curl_easy_setopt(s->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(s->easy, CURLOPT_LOW_SPEED_TIME, silence_s);
    curl_easy_setopt(s->easy, CURLOPT_TIMEOUT_MS, whole_s * 1000);
    if (curl_multi_add_handle(all->multi, s->easy) != CURLM_OK) {
        http_stream_close(all, s);
        return NULL;
    }
    return s;
}

static void ended(struct http_streams *all, struct http_stream *s, CURLcode rc)
{
    struct http_response out = {.code = rc == CURLE_OK || s->enough ? WESS_OK : WESS_UNKNOWN};
    struct http_stream_taker taker = s->taker;
    curl_off_t wait_s = 0;
    curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &out.status);
    curl_easy_getinfo(s->easy, CURLINFO_RETRY_AFTER, &wait_s);
    out.retry_after_ms = wait_s > 0 && wait_s < 86400 ? wait_s * 1000 : 0;
    snprintf(out.text, sizeof(out.text), "%.150s",
             rc == CURLE_OK ? ""
             : s->error[0]  ? s->error
                            : curl_easy_strerror(rc));
    http_stream_close(all, s);
    taker.end(taker.ctx, &out);
}

void http_streams_run(struct http_streams *s)
{
    struct epoll_event e[EVENTS_AT_ONCE];
    int running, left, n = epoll_wait(s->epoll, e, EVENTS_AT_ONCE, 0);
    for (int i = 0; i < n; i++) {
        uint64_t ticks;
        bool timer = e[i].data.fd == s->timer;
        if (timer && read(s->timer, &ticks, sizeof(ticks)) < 0)
            continue;
        curl_multi_socket_action(s->multi, timer ? CURL_SOCKET_TIMEOUT : e[i].data.fd, 0, &running);
    }
    for (CURLMsg *m; (m = curl_multi_info_read(s->multi, &left));) {
        struct http_stream *one = NULL;
        CURLcode rc = m->data.result;
        if (m->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&one);
        ended(s, one, rc);
    }
}
