/* Watching: streaming subscriptions. What comes by them says only that somebody's folders changed;
 * whatever is lost on the way costs no more than waiting for the next round. */
#include <stdlib.h>
#include <string.h>

#include "ews.h"
#include "http_stream.h"
#include "stream.h"

#define GROUP_MOST 200u /* subscriptions of one affinity group */
#define GROUPS_MOST 8u  /* connections that hang: a server lets an account have ten */
#define MINUTES "29"
#define WHOLE_S (29L * 60 + 60)
#define SILENCE_S 90L /* two heartbeats missed */
#define REST_FIRST_MS 5000
#define REST_MOST_MS 600000

/* One user. */
struct follower {
    struct wess_conn *conn; /* NULL: his settings do not go; he is polled */
    char *subscription;     /* NULL: to be made */
    bool shut;              /* refused for good: he is polled */
    bool woken;
};
/* Those who sign in as the same account share a connection. */
struct group {
    struct wess_watch *watch;
    struct follower *of[GROUP_MOST];
    size_t n;
    struct http_stream *stream; /* NULL: none now */
    struct ews_stream documents;
    char name[EWS_REQUEST_ID];
    bool again, closed; /* subscriptions were lost; the server ended it in good order */
    unsigned failures;
    int64_t began_ms;
    int64_t next_ms; /* when to begin, where there is no stream */
    enum wess_code code;
    struct wess_error error;
};
struct wess_watch {
    const struct wess_host *host;
    struct http_streams *streams;
    struct follower *followers;
    size_t n;
    struct group *groups[GROUPS_MOST];
    size_t n_groups;
};

/* ---- who goes with whom
 * ------------------------------------------------------------------------------------------ */

static bool alike(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

/* One account that opens other mailboxes; whoever signs in as himself goes alone. */
static bool same_account(const struct wess_conn *a, const struct wess_conn *b)
{
    bool other = (a->impersonate && b->impersonate) || (a->mailbox && b->mailbox);
    return other && a->auth == b->auth && !a->oauth.person && !b->oauth.person &&
           alike(a->url, b->url) && alike(a->username, b->username) &&
           alike(a->impersonate_as, b->impersonate_as) && a->url;
}

static struct group *group_of(struct wess_watch *w, const struct wess_conn *c)
{
    for (size_t i = 0; i < w->n_groups; i++)
        if (w->groups[i]->n < GROUP_MOST && same_account(w->groups[i]->of[0]->conn, c))
            return w->groups[i];
    struct group *g = w->n_groups < GROUPS_MOST ? calloc(1, sizeof(*g)) : NULL;
    if (g) {
        g->watch = w;
        w->groups[w->n_groups++] = g;
    }
    return g;
}

static void follow(struct wess_watch *w, struct follower *f, const struct wess_host *user)
{
    struct wess_error e = {0};
    if (ews_conn_open(user, &f->conn, &e) != WESS_OK)
        return;
    struct group *g = group_of(w, f->conn);
    if (!g) {
        ews_conn_close(f->conn);
        f->conn = NULL;
        return;
    }
    if (!g->n) {
        f->conn->affinity = true;
        http_keep_cookies(f->conn->http);
    }
    g->of[g->n++] = f;
}

void ews_watch_close(struct wess_watch *w)
{
    if (!w)
        return;
    http_streams_free(w->streams);
    for (size_t i = 0; i < w->n_groups; i++) {
        ews_stream_fini(&w->groups[i]->documents);
        free(w->groups[i]);
    }
    for (size_t i = 0; w->followers && i < w->n; i++) {
        free(w->followers[i].subscription);
        ews_conn_close(w->followers[i].conn);
    }
    free(w->followers);
    free(w);
}

enum wess_code ews_watch_open(const struct wess_host *const *users, size_t n,
                              struct wess_watch **out, struct wess_error *e)
{
    struct wess_watch *w = n ? calloc(1, sizeof(*w)) : NULL;
    *out = NULL;
    if (w) {
        w->host = users[0];
        w->n = n;
        w->followers = calloc(n, sizeof(*w->followers));
        w->streams = http_streams_new(w->host);
    }
    if (!w || !w->followers || !w->streams) {
        ews_watch_close(w);
        return wess_fail(e, WESS_TRANSIENT, WESS_OF_HOST, NULL, "no resources for a watch");
    }
    for (size_t i = 0; i < n; i++)
        follow(w, &w->followers[i], users[i]);
    *out = w;
    return WESS_OK;
}

int ews_watch_fd(struct wess_watch *w)
{
    return http_streams_fd(w->streams);
}

/* ---- subscribing
 * ------------------------------------------------------------------------------------------ */

static enum wess_code take_subscription(void *ctx, size_t i, size_t at, const xmlNode *m,
                                        struct wess_error *e)
{
    struct follower *f = ctx;
    const char *id = xml_text(xml_child(m, "SubscriptionId"));
    enum wess_code rc = ews_message(m, false, e);
    (void)i;
    (void)at;
    if (rc != WESS_OK)
        return rc;
    if (!id || !*id || strlen(id) > WESS_ID_MAX || !(f->subscription = strdup(id)))
        return wess_fail(e, WESS_TRANSIENT, WESS_OF_MAILBOX, NULL, "no subscription came");
    f->woken = true; /* what happened before it is not told */
    return WESS_OK;
}

static enum wess_code subscribe(struct group *g, struct follower *f, struct wess_error *e)
{
    static const char *const events[] = {"CreatedEvent", "DeletedEvent", "ModifiedEvent",
                                         "MovedEvent", "CopiedEvent"};
    /* Through the first one's connection: its cookies lead to the server that holds the group. */
    struct wess_call call = {.conn = g->of[0]->conn, .lanes = 1};
    const struct ews_taker taker = {.ctx = f, .message = take_subscription};
    struct xml_out x;
    ews_begin(call.conn, &x, f->conn->impersonate);
    xml_open(&x, "m:Subscribe");
    xml_open(&x, "m:StreamingSubscriptionRequest");
    xml_open(&x, "t:FolderIds");
    for (size_t i = 0; i < EWS_KINDS; i++)
        ews_distinguished(f->conn, &x, ews_kinds[i]->distinguished);
    xml_close(&x);
    xml_open(&x, "t:EventTypes");
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        xml_element(&x, "t:EventType", events[i]);
    xml_close(&x);
    xml_close(&x);
    xml_close(&x);
    enum wess_code rc = ews_ask(&call, &x, false, &taker);
    *e = call.error;
    return rc;
}

/* One who is refused is left to polling, the rest goes on. */
static enum wess_code subscribe_all(struct group *g, size_t *have)
{
    *have = 0;
    for (size_t i = 0; i < g->n; i++) {
        struct follower *f = g->of[i];
        struct wess_error e = {0};
        enum wess_code rc = f->shut || f->subscription ? WESS_OK : subscribe(g, f, &e);
        bool his = e.scope == WESS_OF_MAILBOX || e.scope == WESS_OF_COLLECTION;
        if (rc != WESS_OK && (!his || rc == WESS_THROTTLED || rc == WESS_CANCELLED)) {
            g->error = e;
            return rc;
        }
        f->shut |= rc != WESS_OK;
        *have += f->subscription != NULL;
    }
    return WESS_OK;
}

/* ---- what comes
 * ------------------------------------------------------------------------------------------ */

static struct follower *subscriber(struct group *g, const char *id)
{
    for (size_t i = 0; id && i < g->n; i++)
        if (g->of[i]->subscription && !strcmp(g->of[i]->subscription, id))
            return g->of[i];
    return NULL;
}

static void take_notifications(struct group *g, const xmlNode *list)
{
    for (const xmlNode *n = xml_first(list); n; n = xml_next(n)) {
        struct follower *f = subscriber(g, xml_text(xml_child(n, "SubscriptionId")));
        for (const xmlNode *e = f ? xml_first(n) : NULL; e; e = xml_next(e))
            f->woken |= strstr((const char *)e->name, "Event") && !xml_is(e, "StatusEvent") &&
                        !xml_is(e, "MoreEvents");
    }
}

static void forget(struct follower *f)
{
    free(f->subscription);
    f->subscription = NULL;
}

static enum wess_code take_message(void *ctx, size_t i, size_t at, const xmlNode *m,
                                   struct wess_error *e)
{
    struct group *g = ctx;
    const char *status = xml_text(xml_child(m, "ConnectionStatus"));
    enum wess_code rc = ews_message(m, false, e);
    const xmlNode *dead = xml_first(xml_child(m, "ErrorSubscriptionIds"));
    (void)i;
    (void)at;
    take_notifications(g, xml_child(m, "Notifications"));
    /* The code decides, whatever the status says: one bad id spoils the whole request. */
    for (; dead; dead = xml_next(dead)) {
        struct follower *f = subscriber(g, xml_text(dead));
        if (f)
            forget(f);
        g->again = true;
    }
    if (rc == WESS_RESET && !g->again)
        for (size_t k = 0; k < g->n; k++)
            forget(g->of[k]);
    g->again |= rc == WESS_RESET;
    g->closed |= status && !strcmp(status, "Closed");
    return rc == WESS_RESET ? WESS_OK : rc;
}

/* One that ends as it begins is no success, whatever comes by it. */
static bool has_stood(const struct group *g)
{
    const struct wess_host *h = g->watch->host;
    return h->now_ms(h->ctx) - g->began_ms >= REST_FIRST_MS;
}

static void take_document(void *ctx, char *text, size_t len)
{
    struct group *g = ctx;
    struct http_response r = {.code = WESS_OK, .status = 200, .body = text, .len = len};
    const struct ews_taker taker = {.ctx = g, .message = take_message};
    struct ews_answer a;
    ews_read(&r, NULL, false, &taker, 0, &a);
    if (a.code != WESS_OK && g->code == WESS_OK) {
        g->code = a.code;
        g->error = a.error;
    } else if (a.code == WESS_OK && !g->again && has_stood(g)) {
        g->failures = 0;
    }
}

static bool on_data(void *ctx, const char *data, size_t len)
{
    struct group *g = ctx;
    bool ok = ews_stream_add(&g->documents, data, len, take_document, g);
    return ok && g->code == WESS_OK && !g->again && !g->closed;
}

static void rest(struct group *g, int64_t at_least_ms)
{
    int64_t wait = REST_FIRST_MS;
    for (unsigned i = 0; i < g->failures && wait < REST_MOST_MS; i++)
        wait *= 2;
    g->failures++;
    wait = wait < at_least_ms ? at_least_ms : wait;
    g->next_ms = g->watch->host->now_ms(g->watch->host->ctx) + wait;
}

static void on_end(void *ctx, const struct http_response *r)
{
    struct group *g = ctx;
    const struct wess_host *h = g->watch->host;
    struct ews_answer a = {.code = WESS_OK};
    const struct ews_taker none = {.ctx = g, .message = take_message};
    struct http_response copy = *r;
    g->stream = NULL;
    ews_stream_fini(&g->documents);
    if (g->code == WESS_OK && r->code == WESS_OK && r->status != 200 && r->status != 500) {
        ews_read(&copy, NULL, false, &none, 0, &a);
        g->code = a.code;
        g->error = a.error;
    }
    h->log(h->ctx, WESS_LOG_INFO, "the watch of %zu mailboxes ends: HTTP %ld, code %d %s, %s %s",
           g->n, r->status, (int)g->code, g->error.remote_code, g->name, r->text);
    if (g->closed && g->code == WESS_OK && has_stood(g))
        g->next_ms = h->now_ms(h->ctx);
    else
        rest(g, g->error.retry_after_ms);
    /* Nobody knows what was missed. */
    for (size_t i = 0; i < g->n; i++)
        g->of[i]->woken |= !g->of[i]->shut;
}

/* ---- the stream
 * ------------------------------------------------------------------------------------------ */

static void put_stream(struct group *g, struct xml_out *x)
{
    ews_begin(g->of[0]->conn, x, g->of[0]->conn->impersonate);
    xml_open(x, "m:GetStreamingEvents");
    xml_open(x, "m:SubscriptionIds");
    for (size_t i = 0; i < g->n; i++)
        if (g->of[i]->subscription)
            xml_element(x, "t:SubscriptionId", g->of[i]->subscription);
    xml_close(x);
    xml_element(x, "m:ConnectionTimeout", MINUTES);
    xml_close(x);
}

static enum wess_code stream(struct group *g)
{
    const struct wess_conn *c = g->of[0]->conn;
    const struct http_stream_taker taker = {.ctx = g, .data = on_data, .end = on_end};
    const char *headers[] = {"Content-Type: text/xml; charset=utf-8", "Accept: text/xml",
                             "return-client-request-id: true",        g->name,
                             "X-PreferServerAffinity: true",          c->anchor_header};
    const char *text, *why = "out of memory";
    size_t len;
    struct xml_out x;
    g->began_ms = g->watch->host->now_ms(g->watch->host->ctx);
    ews_name_request(g->name);
    put_stream(g, &x);
    xml_end(&x, &text, &len);
    struct http_request q = {.url = c->url,
                             .method = "POST",
                             .headers = headers,
                             .n_headers = c->anchor_header ? 6 : 5,
                             .body = text,
                             .len = len};
    if (text)
        g->stream =
            http_stream_open(g->watch->streams, c->http, &q, SILENCE_S, WHOLE_S, &taker, &why);
    xml_fini(&x);
    return g->stream ? WESS_OK
                     : wess_fail(&g->error, WESS_TRANSIENT, WESS_OF_HOST, NULL, "%s", why);
}

static enum wess_code begin(struct group *g)
{
    size_t have = 0;
    g->code = WESS_OK;
    g->again = g->closed = false;
    g->error = (struct wess_error){0};
    enum wess_code rc = subscribe_all(g, &have);
    if (rc == WESS_OK && have)
        rc = stream(g);
    if (rc != WESS_OK || !have)
        rest(g, have || rc != WESS_OK ? g->error.retry_after_ms : REST_MOST_MS);
    return rc;
}

/* What is nobody's mailbox alone ends the watch: a password is not tried twice by it. */
static bool is_over(enum wess_code rc, const struct wess_error *e)
{
    return rc == WESS_BROKEN || (rc == WESS_AUTH && e->scope != WESS_OF_MAILBOX) ||
           rc == WESS_CANCELLED;
}

enum wess_code ews_watch_ready(struct wess_watch *w, bool *woken, int64_t *next_ms,
                               struct wess_error *e)
{
    int64_t now = w->host->now_ms(w->host->ctx);
    enum wess_code rc = WESS_OK;
    http_streams_run(w->streams);
    for (size_t i = 0; i < w->n_groups && rc == WESS_OK; i++) {
        struct group *g = w->groups[i];
        enum wess_code mine = g->code;
        if (mine == WESS_OK || !is_over(mine, &g->error))
            mine = !g->stream && g->next_ms <= now ? begin(g) : WESS_OK;
        if (is_over(mine, &g->error)) {
            rc = mine;
            *e = g->error;
        }
    }
    *next_ms = INT64_MAX;
    for (size_t i = 0; i < w->n_groups; i++)
        if (!w->groups[i]->stream && w->groups[i]->next_ms < *next_ms)
            *next_ms = w->groups[i]->next_ms;
    for (size_t i = 0; i < w->n; i++) {
        woken[i] = w->followers[i].woken;
        w->followers[i].woken = false;
    }
    return rc;
}
