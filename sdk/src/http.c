#include "http.h"

#include "http_lane.h"
#include "http_url.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_MS 250 /* how long a cancelled run may go unnoticed */
#define BODY_MAX_DEFAULT ((uint64_t)64 << 20)
#define CONNECT_TIMEOUT_MS 30000L
#define TIMEOUT_MS 120000L
#define IDLE_MAX 16u /* sets of kept connections that nobody uses now */

static const char AGENT[] = "WESS/0.1";

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static void curl_start(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* ---- setting up --------------------------------------------------------------------------------
 */

void http_transport(void *easy, const struct wess_http *s)
{
    long connect_ms = s && s->connect_timeout_ms ? (long)s->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (s && s->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, s->ca_file);
    /* An empty proxy also switches off what the environment says. */
    curl_easy_setopt(easy, CURLOPT_PROXY, s && s->proxy ? s->proxy : "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, s && s->proxy ? "localhost,127.0.0.1,::1" : "*");
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)http_timeout_ms(s));
}

int64_t http_timeout_ms(const struct wess_http *s)
{
    return s && s->timeout_ms ? (int64_t)s->timeout_ms : TIMEOUT_MS;
}

static void pattern_set(struct http *h)
{
    const struct wess_http *s = h->host->http;
    CURL *c = h->pattern;

    http_transport(c, s);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    /* NTLM signs in a connection, which HTTP/2 does not know. */
    curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(c, CURLOPT_USERAGENT, s && s->user_agent ? s->user_agent : AGENT);
    curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "gzip");
    lane_callbacks(c);
    h->body_max = s && s->body_max ? s->body_max : BODY_MAX_DEFAULT;
}

/* Connections outlive who opened them: the mailboxes of one server are opened one after the other,
 * each with TLS and NTLM to be agreed on, mostly by the same account. libcurl takes a connection
 * again only for the same server and TLS settings, one signed in by NTLM only for the same name and
 * password, and none that was idle for two minutes. One signed in by Negotiate is closed
 * with who opened it: of those libcurl does not know whose they are. */
static struct {
    pthread_mutex_t lock;
    CURLM *of[IDLE_MAX];
    size_t n;
} idle = {.lock = PTHREAD_MUTEX_INITIALIZER};

static CURLM *take_idle(void)
{
    pthread_mutex_lock(&idle.lock);
    CURLM *m = idle.n ? idle.of[--idle.n] : NULL;
    pthread_mutex_unlock(&idle.lock);
    if (m)
        return m;
    m = curl_multi_init();
    if (m) {
        curl_multi_setopt(m, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
        curl_multi_setopt(m, CURLMOPT_MAXCONNECTS, (long)LANES_MAX);
    }
    return m;
}

static void leave_idle(CURLM *m)
{
    pthread_mutex_lock(&idle.lock);
    bool kept = m && idle.n < IDLE_MAX;
    if (kept)
        idle.of[idle.n++] = m;
    pthread_mutex_unlock(&idle.lock);
    if (m && !kept)
        curl_multi_cleanup(m);
}

struct http *http_new(const struct wess_host *host)
{
    pthread_once(&curl_once, curl_start);
    struct http *h = calloc(1, sizeof(*h));
    if (!h)
        return NULL;
    h->host = host;
    h->pattern = curl_easy_init();
    if (!h->pattern) {
        http_free(h);
        return NULL;
    }
    pattern_set(h);
    return h;
}

void http_free(struct http *h)
{
    if (!h)
        return;
    for (size_t i = 0; i < LANES_MAX; i++)
        curl_easy_cleanup(h->lanes[i].easy);
    curl_easy_cleanup(h->pattern);
    curl_share_cleanup(h->cookies);
    if (h->auth == HTTP_AUTH_NEGOTIATE)
        curl_multi_cleanup(h->multi);
    else
        leave_idle(h->multi);
    free(h);
}

static const struct {
    unsigned long method;
    int feature; /* of curl_version_info(); 0: always there */
    bool named;  /* with name and password */
} ways[] = {
    [HTTP_AUTH_NONE] = {CURLAUTH_NONE, 0, false},
    [HTTP_AUTH_BASIC] = {CURLAUTH_BASIC, 0, true},
    [HTTP_AUTH_NTLM] = {CURLAUTH_NTLM, CURL_VERSION_NTLM, true},
    [HTTP_AUTH_NEGOTIATE] = {CURLAUTH_NEGOTIATE, CURL_VERSION_SPNEGO, false},
    [HTTP_AUTH_BEARER] = {CURLAUTH_BEARER, 0, false},
};

bool http_can(enum http_auth auth)
{
    const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);
    return !ways[auth].feature || (v->features & ways[auth].feature);
}

static void set_credentials(CURL *c, enum http_auth auth, const char *user, const char *secret)
{
    bool named = ways[auth].named;
    /* An empty name asks GSSAPI for whoever the environment's tickets are of. */
    const char *name = named ? user : auth == HTTP_AUTH_NEGOTIATE ? "" : NULL;
    curl_easy_setopt(c, CURLOPT_HTTPAUTH, (long)ways[auth].method);
    curl_easy_setopt(c, CURLOPT_USERNAME, name);
    curl_easy_setopt(c, CURLOPT_PASSWORD, named ? secret : name);
    curl_easy_setopt(c, CURLOPT_XOAUTH2_BEARER, auth == HTTP_AUTH_BEARER ? secret : NULL);
}

void http_certificate(struct http *h, const char *certificate, const char *key)
{
    curl_easy_setopt(h->pattern, CURLOPT_SSLCERT, certificate);
    curl_easy_setopt(h->pattern, CURLOPT_SSLKEY, key ? key : certificate);
}

void http_credentials(struct http *h, enum http_auth auth, const char *user, const char *secret)
{
    h->auth = auth;
    h->accepted = false;
    set_credentials(h->pattern, auth, user, secret);
    for (size_t i = 0; i < LANES_MAX; i++)
        if (h->lanes[i].easy)
            set_credentials(h->lanes[i].easy, auth, user, secret);
}

CURL *http_pattern_copy(const struct http *h)
{
    CURL *easy = curl_easy_duphandle(h->pattern);
    if (easy && h->cookies) {
        /* libcurl copies neither. */
        curl_easy_setopt(easy, CURLOPT_SHARE, h->cookies);
        curl_easy_setopt(easy, CURLOPT_COOKIEFILE, "");
    }
    return easy;
}

/* ---- many transfers ----------------------------------------------------------------------------
 */

void http_finished(struct http *h, struct http_response *out)
{
    if (h->done)
        h->done(h->done_ctx, (size_t)(out - h->first), out);
}

static void reap(struct http *h, uint32_t *open)
{
    CURLMsg *msg;
    int left;
    while ((msg = curl_multi_info_read(h->multi, &left))) {
        struct lane *l = NULL;
        if (msg->msg != CURLMSG_DONE)
            continue;
        CURLcode rc = msg->data.result;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&l);
        lane_done(h, l, rc);
        *open -= !l->busy;
    }
}

static void stop_all(struct http *h, enum wess_code code)
{
    for (size_t i = 0; i < LANES_MAX; i++)
        if (h->lanes[i].busy)
            lane_stop(h, &h->lanes[i], code);
}

static struct lane *free_lane(struct http *h)
{
    for (size_t i = 0; i < LANES_MAX; i++)
        if (!h->lanes[i].busy)
            return &h->lanes[i];
    return NULL;
}

/* A password that the server has not yet taken is tried by one request alone: several at once, and
 * a wrong one locks the account. */
static uint32_t lanes_now(const struct http *h, uint32_t lanes)
{
    bool unproved = h->auth != HTTP_AUTH_NONE && !h->accepted;
    return unproved || !lanes ? 1 : lanes < LANES_MAX ? lanes : LANES_MAX;
}

/* Carries out what it can; the number of requests that were begun. */
static size_t perform(struct http *h, const struct http_request *in, size_t n, uint32_t lanes,
                      struct http_response *out)
{
    size_t next = 0;
    uint32_t open = 0;
    int running;
    if (!h->multi && !(h->multi = take_idle())) /* descriptors: for who asks only */
        return 0;
    while (next < n || open) {
        for (; next < n && !h->refused && open < lanes_now(h, lanes); next++)
            open += lane_start(h, free_lane(h), &in[next], &out[next]);
        if (curl_multi_perform(h->multi, &running) != CURLM_OK) {
            stop_all(h, WESS_UNKNOWN);
            break;
        }
        reap(h, &open);
        /* After a refused password the rest stays untried. */
        if (h->refused && !open)
            break;
        if (h->host->cancelled && h->host->cancelled(h->host->ctx)) {
            stop_all(h, WESS_CANCELLED);
            break;
        }
        if (open)
            curl_multi_poll(h->multi, NULL, 0, POLL_MS, NULL);
    }
    return next;
}

void http_perform_each(struct http *h, const struct http_request *in, size_t n, uint32_t lanes,
                       struct http_response *out,
                       void (*done)(void *ctx, size_t i, struct http_response *), void *ctx)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (struct http_response){.code = WESS_NOT_TRIED};
    h->first = out;
    h->done = done;
    h->done_ctx = ctx;
    h->refused = false;
    for (size_t i = perform(h, in, n, lanes, out); i < n; i++)
        http_finished(h, &out[i]);
    h->first = NULL;
    h->done = NULL;
    h->done_ctx = NULL;
}

void http_perform(struct http *h, const struct http_request *in, size_t n, uint32_t lanes,
                  struct http_response *out)
{
    http_perform_each(h, in, n, lanes, out, NULL, NULL);
}

void http_keep_cookies(struct http *h)
{
    if (!h->cookies && (h->cookies = curl_share_init())) {
        curl_share_setopt(h->cookies, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE);
        curl_easy_setopt(h->pattern, CURLOPT_SHARE, h->cookies);
        curl_easy_setopt(h->pattern, CURLOPT_COOKIEFILE, "");
    }
}

void *http_copy(struct http *h, const char *url)
{
    char why[160];
    CURL *easy = http_url_allowed(url, false, why, sizeof(why)) ? http_pattern_copy(h) : NULL;
    if (easy)
        curl_easy_setopt(easy, CURLOPT_URL, url);
    return easy;
}

void http_count(const struct http *h, uint64_t *requests, uint64_t *sent, uint64_t *received)
{
    *requests = h->requests;
    *sent = h->sent;
    *received = h->received;
}
