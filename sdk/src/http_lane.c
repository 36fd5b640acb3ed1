/* One transfer: what goes out, what comes, and what came of it. */
#include "http_lane.h"
#include "http_url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REDIRECTS_MAX 5u /* contract rule 2 */
#define BODY_FIRST 16384u
#define BODY_MOST (1u << 20) /* of what is laid out before it comes */
#define RETRY_AFTER_MAX_S 86400

/* ---- what libcurl calls ------------------------------------------------------------------------
 */

static void wipe_free(void *p, size_t len)
{
    if (p)
        explicit_bzero(p, len);
    free(p);
}

static bool body_room(struct lane *l, size_t more)
{
    struct http_response *out = l->out;
    size_t want = out->len + more + 1, cap = l->cap ? l->cap : l->room;
    if (want <= l->cap)
        return true;
    while (cap < want)
        cap *= 2;
    char *body = malloc(cap);
    if (!body)
        return false;
    if (out->len)
        memcpy(body, out->body, out->len);
    wipe_free(out->body, l->cap);
    out->body = body;
    l->cap = cap;
    return true;
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
    struct lane *l = ctx;
    size_t len = size * n;
    if (len > l->body_max || l->come > l->body_max - len) {
        l->over = true;
        return 0;
    }
    if (!body_room(l, len)) {
        l->no_memory = true;
        return 0;
    }
    char *piece = l->out->body + l->out->len;
    bool filtered = l->in->filter && l->answered == 200;
    memcpy(piece, data, len);
    l->come += len;
    l->out->len += filtered ? l->in->filter(l->in->filter_ctx, piece, len) : len;
    l->out->body[l->out->len] = 0;
    return len;
}

static size_t on_read(char *buf, size_t size, size_t n, void *ctx)
{
    struct lane *l = ctx;
    size_t room = size * n, left = l->in->len - l->sent;
    size_t len = left < room ? left : room;
    if (len && l->in->source)
        len = l->in->source(l->in->source_ctx, l->sent, buf, len);
    else if (len)
        memcpy(buf, (const char *)l->in->body + l->sent, len);
    if (left && !len)
        return CURL_READFUNC_ABORT;
    l->sent += len;
    l->answered = 0;
    return len;
}

/* libcurl sends a request again by itself when a kept connection turns out dead. For a write that
 * may be the second time that the server carries it out: allowed only when the server has answered
 * 401. */
static int on_seek(void *ctx, curl_off_t offset, int origin)
{
    struct lane *l = ctx;
    if (origin != SEEK_SET || offset < 0 || (size_t)offset > l->in->len)
        return CURL_SEEKFUNC_FAIL;
    if (l->sent && l->answered != 401 && !(l->in->flags & HTTP_IS_READ))
        return CURL_SEEKFUNC_FAIL;
    l->sent = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

static void take_value(char *into, size_t cap, const char *value, size_t len)
{
    while (len && (*value == ' ' || *value == '\t')) {
        value++;
        len--;
    }
    while (len && (unsigned char)value[len - 1] <= ' ')
        len--;
    if (len >= cap)
        len = cap - 1;
    memcpy(into, value, len);
    into[len] = 0;
    for (char *s = into; *s; s++)
        if ((unsigned char)*s < 0x20 || (unsigned char)*s >= 0x7f)
            *s = ' ';
}

/* A new answer begins: what an earlier leg (401, 100, redirect) said no longer counts, but for
 * where it led. */
static void answer_begins(struct lane *l, const char *line, size_t len)
{
    char status[4] = "";
    const char *sp = memchr(line, ' ', len);
    if (sp && (size_t)(line + len - sp) > 3)
        memcpy(status, sp + 1, 3);
    l->answered = strtol(status, NULL, 10);
    l->out->type[0] = l->out->request_id[0] = l->out->diagnostics[0] = 0;
    l->out->server[0] = 0;
}

/* Whether the answer says that it is to another request: one that comes once more, or late, on a
 * connection that is still in use. */
static bool is_foreign(const struct http_request *in, const char *line, size_t len)
{
    const char *value = in->echo ? strchr(in->echo, ':') : NULL;
    size_t name = value ? (size_t)(value - in->echo) + 1 : 0;
    char theirs[128], ours[128];
    if (!value || len <= name || strncasecmp(line, in->echo, name) != 0)
        return false;
    take_value(theirs, sizeof(theirs), line + name, len - name);
    take_value(ours, sizeof(ours), value + 1, strlen(value + 1));
    return *theirs && strcasecmp(theirs, ours) != 0;
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
    struct lane *l = ctx;
    struct http_response *out = l->out;
    size_t len = size * n;
    const struct {
        const char *name;
        char *into;
        size_t cap;
    } kept[] = {
        {"content-type:", out->type, sizeof(out->type)},
        {"location:", out->location, sizeof(out->location)},
        {"request-id:", out->request_id, sizeof(out->request_id)},
        {"x-request-id:", out->request_id, sizeof(out->request_id)},
        {"x-ms-diagnostics:", out->diagnostics, sizeof(out->diagnostics)},
        {"x-caserrorcode:", out->diagnostics, sizeof(out->diagnostics)},
        {"x-feserver:", out->server, sizeof(out->server)},
    };
    if (len > 5 && !strncasecmp(line, "HTTP/", 5))
        answer_begins(l, line, len);
    l->foreign |= is_foreign(l->in, line, len);
    if (l->foreign) /* which ends this connection, and what comes on it */
        return 0;
    if (len > 5 && !strncasecmp(line, "date:", 5)) {
        char date[64];
        take_value(date, sizeof(date), line + 5, len - 5);
        time_t at = curl_getdate(date, NULL);
        out->date_ms = at > 0 ? (int64_t)at * 1000 : 0;
    }
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        size_t name = strlen(kept[i].name);
        if (len > name && !strncasecmp(line, kept[i].name, name))
            take_value(kept[i].into, kept[i].cap, line + name, len - name);
    }
    return len;
}

void lane_callbacks(CURL *c)
{
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
}

/* ---- a trace -----------------------------------------------------------------------------------
 */

static bool traced(const struct http *h)
{
    return h->host->http && h->host->http->trace;
}

static int on_debug(CURL *easy, curl_infotype type, char *data, size_t len, void *ctx)
{
    struct lane *l = ctx;
    (void)easy;
    if (type == CURLINFO_HEADER_OUT || type == CURLINFO_HEADER_IN)
        trace_head(&l->trace, data, len);
    return 0;
}

static void trace_leg(struct http *h, struct lane *l)
{
    char line[400];
    if (!traced(h))
        return;
    struct trace all = {0};
    int n = snprintf(line, sizeof(line), "==== %lld ms, code %d %s\n",
                     (long long)h->host->now_ms(h->host->ctx), (int)l->out->code, l->out->text);
    trace_add(&all, line, n < (int)sizeof(line) ? (size_t)n : sizeof(line) - 1);
    trace_head(&all, l->url, strlen(l->url));
    trace_add(&all, l->trace.text, l->trace.len);
    trace_add(&all, "---- sent\n", 10);
    if (l->in->source)
        trace_add(&all, "(from the spool)\n", 17);
    else
        trace_body(&all, l->in->body, l->in->len);
    trace_add(&all, "---- came\n", 10);
    trace_body(&all, l->out->body, l->out->len);
    if (all.spent)
        h->host->log(h->host->ctx, WESS_LOG_WARN, "out of memory for the trace of a request");
    else
        h->host->http->trace(all.text, all.len);
    trace_fini(&all);
    trace_fini(&l->trace);
}

/* ---- its way ------------------------------------------------------------------------------
 */

static bool lane_headers(struct lane *l)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    for (size_t i = 0; list && i < l->in->n_headers; i++) {
        struct curl_slist *more = curl_slist_append(list, l->in->headers[i]);
        if (!more) {
            curl_slist_free_all(list);
            list = NULL;
        } else {
            list = more;
        }
    }
    l->headers = list;
    return list != NULL;
}

static void lane_method(struct lane *l)
{
    bool get = l->as_get || !strcmp(l->in->method, "GET");
    curl_easy_setopt(l->easy, CURLOPT_CUSTOMREQUEST, NULL);
    if (get) {
        curl_easy_setopt(l->easy, CURLOPT_HTTPGET, 1L);
        return;
    }
    curl_easy_setopt(l->easy, CURLOPT_POST, 1L);
    curl_easy_setopt(l->easy, CURLOPT_POSTFIELDS, NULL);
    curl_easy_setopt(l->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)l->in->len);
    if (strcmp(l->in->method, "POST"))
        curl_easy_setopt(l->easy, CURLOPT_CUSTOMREQUEST, l->in->method);
}

/* Begins, or begins again after a redirect or a 401. */
static bool lane_go(struct http *h, struct lane *l)
{
    l->sent = 0;
    l->answered = 0;
    l->out->len = 0;
    l->come = 0;
    lane_method(l);
    /* Without a body on_seek() is never asked, see there: such a write gets a connection of its
     * own. */
    bool fresh = l->repeated || (!l->in->len && !(l->in->flags & HTTP_IS_READ));
    curl_easy_setopt(l->easy, CURLOPT_URL, l->url);
    curl_easy_setopt(l->easy, CURLOPT_FRESH_CONNECT, fresh ? 1L : 0L);
    if (curl_multi_add_handle(h->multi, l->easy) != CURLM_OK)
        return false;
    h->requests++;
    return true;
}

static void lane_end(struct http *h, struct lane *l)
{
    curl_slist_free_all(l->headers);
    curl_free(l->moved);
    l->headers = NULL;
    l->url = l->moved = NULL;
    l->busy = false;
    http_finished(h, l->out);
}

bool lane_start(struct http *h, struct lane *l, const struct http_request *in,
                struct http_response *out)
{
    CURL *easy = l->easy ? l->easy : http_pattern_copy(h);
    uint64_t most = in->body_max && in->body_max < h->body_max ? in->body_max : h->body_max;
    *l = (struct lane){.easy = easy, .in = in, .out = out, .body_max = most, .busy = true};
    l->room = h->body_room ? h->body_room : BODY_FIRST;
    out->code = WESS_BROKEN;
    bool bare = (in->flags & HTTP_BARE) && h->auth == HTTP_AUTH_NONE;
    if (!http_url_allowed(in->url, bare, out->text, sizeof(out->text))) {
        lane_end(h, l);
        return false;
    }
    out->code = WESS_NOT_TRIED;
    l->url = in->url;
    if (!easy || !lane_headers(l)) {
        snprintf(out->text, sizeof(out->text), "out of memory");
        lane_end(h, l);
        return false;
    }
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, l->headers);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, l);
    curl_easy_setopt(easy, CURLOPT_READDATA, l);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, l);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, l);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, l->error);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, l);
    if (traced(h)) {
        curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
        curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, on_debug);
        curl_easy_setopt(easy, CURLOPT_DEBUGDATA, l);
    }
    if (!lane_go(h, l)) {
        lane_end(h, l);
        return false;
    }
    return true;
}

/* ---- what came of it ---------------------------------------------------------------------------
 */

static enum wess_code code_of(const struct lane *l, CURLcode rc)
{
    long request_size = 0;
    static const CURLcode settings[] = {
        CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT,       CURLE_PEER_FAILED_VERIFICATION,
        CURLE_SSL_CERTPROBLEM,      CURLE_SSL_CIPHER,          CURLE_SSL_CACERT_BADFILE,
        CURLE_SSL_ISSUER_ERROR,     CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_CRL_BADFILE,
        CURLE_SSL_INVALIDCERTSTATUS};
    if (rc == CURLE_OK)
        return WESS_OK;
    if (l->over)
        return WESS_TOO_BIG;
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        if (rc == settings[i])
            return WESS_BROKEN;
    curl_easy_getinfo(l->easy, CURLINFO_REQUEST_SIZE, &request_size);
    return request_size > 0 ? WESS_UNKNOWN : WESS_NOT_TRIED;
}

static void count(struct http *h, const struct lane *l)
{
    long head_out = 0, head_in = 0;
    curl_off_t up = 0, down = 0;
    curl_easy_getinfo(l->easy, CURLINFO_REQUEST_SIZE, &head_out);
    curl_easy_getinfo(l->easy, CURLINFO_HEADER_SIZE, &head_in);
    curl_easy_getinfo(l->easy, CURLINFO_SIZE_UPLOAD_T, &up);
    curl_easy_getinfo(l->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
    h->sent += (uint64_t)head_out + (uint64_t)up;
    h->received += (uint64_t)head_in + (uint64_t)down;
}

static void take_result(const struct lane *l, CURLcode rc)
{
    struct http_response *out = l->out;
    curl_off_t wait_s = 0;
    out->code = code_of(l, rc);
    out->timed_out = rc == CURLE_OPERATION_TIMEDOUT && out->code == WESS_UNKNOWN;
    curl_easy_getinfo(l->easy, CURLINFO_RESPONSE_CODE, &out->status);
    curl_easy_getinfo(l->easy, CURLINFO_RETRY_AFTER, &wait_s);
    if (wait_s > 0)
        out->retry_after_ms = (wait_s < RETRY_AFTER_MAX_S ? wait_s : RETRY_AFTER_MAX_S) * 1000;
    if (l->over)
        snprintf(out->text, sizeof(out->text), "the answer is over %llu bytes",
                 (unsigned long long)l->body_max);
    else if (l->foreign)
        snprintf(out->text, sizeof(out->text), "the answer to another request came");
    else if (l->no_memory)
        snprintf(out->text, sizeof(out->text), "out of memory for the answer");
    else if (rc != CURLE_OK)
        take_value(out->text, sizeof(out->text), l->error[0] ? l->error : curl_easy_strerror(rc),
                   strlen(l->error[0] ? l->error : curl_easy_strerror(rc)));
}

/* Makes the redirect's target l->url if it has the origin of the request. */
static bool redirect_target(struct lane *l)
{
    char *next = http_url_moved(l->url, l->out->location);
    if (!next)
        return false;
    curl_free(l->moved);
    l->url = l->moved = next;
    return true;
}

/* True: the lane goes on with another request, after a redirect or a 401 that need not be meant. */
static bool goes_on(struct http *h, struct lane *l)
{
    long status = l->out->status;
    bool moved = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    if (l->out->code != WESS_OK)
        return false;
    if (status == 401 && h->auth != HTTP_AUTH_BEARER && h->accepted && !l->repeated) {
        l->repeated = true;
        return lane_go(h, l);
    }
    if (!moved || !(l->in->flags & HTTP_IS_READ) || (l->in->flags & HTTP_NO_REDIRECT) ||
        l->redirects >= REDIRECTS_MAX || !redirect_target(l))
        return false;
    l->redirects++;
    l->as_get |= status == 303;
    return lane_go(h, l);
}

/* Answers come in rows of about one size. A body that grows is copied, wiped and touched anew each
 * time; what is laid out and never touched costs nothing. */
static void expect_as_large(struct http *h, const struct http_response *r)
{
    size_t room = r->len + r->len / 4;
    h->body_room = room < BODY_FIRST ? BODY_FIRST : room < BODY_MOST ? room : BODY_MOST;
}

void lane_done(struct http *h, struct lane *l, CURLcode rc)
{
    curl_multi_remove_handle(h->multi, l->easy);
    count(h, l);
    take_result(l, rc);
    trace_leg(h, l);
    if (goes_on(h, l))
        return;
    if (l->out->code == WESS_OK && !l->out->body && !body_room(l, 0))
        l->out->code = WESS_UNKNOWN;
    if (l->out->body)
        l->out->body[l->out->len] = 0;
    if (l->out->code == WESS_OK && l->out->status >= 200 && l->out->status < 300)
        h->accepted = h->auth != HTTP_AUTH_NONE;
    expect_as_large(h, l->out);
    h->refused |= l->out->code == WESS_OK && l->out->status == 401;
    lane_end(h, l);
}

void lane_stop(struct http *h, struct lane *l, enum wess_code code)
{
    curl_multi_remove_handle(h->multi, l->easy);
    count(h, l);
    l->out->code = code;
    snprintf(l->out->text, sizeof(l->out->text), "stopped before the answer came");
    trace_leg(h, l);
    lane_end(h, l);
}

void http_response_fini(struct http_response *r)
{
    if (r->body)
        wipe_free(r->body, r->len);
    *r = (struct http_response){.code = WESS_NOT_TRIED};
}
