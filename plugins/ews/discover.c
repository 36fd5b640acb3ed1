/* Where the service of a mailbox is, asked at the places where such answers are given. Credentials
 * go to hosts of the mailbox's own domain and to those that the settings name, and to nobody else.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "discover.h"

#define HOPS_MAX 10u
#define PLACES_MAX 32u /* asked in one search */
#define REFUSALS_MAX                                                                               \
    2u /* then no further place gets the password: accounts are locked for less                    \
        */
#define KEPT_MAX 8192u
#define KEPT_MS ((int64_t)24 * 3600 * 1000)

/* ---- what is kept
 * ------------------------------------------------------------------------------------------ */

static struct kept {
    struct kept *next;
    char *address, *from, *url;
    int64_t until_ms;
} * all;
static size_t n_all;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const char *from_of(const struct wess_conn *c)
{
    return c->autodiscover_url ? c->autodiscover_url : "";
}

static struct kept **find(const struct wess_conn *c)
{
    struct kept **k = &all;
    while (*k && (strcmp((*k)->address, c->address) || strcmp((*k)->from, from_of(c))))
        k = &(*k)->next;
    return k;
}

static void drop(struct kept **at)
{
    struct kept *k = *at;
    *at = k->next;
    free(k->address);
    free(k->from);
    free(k->url);
    free(k);
    n_all--;
}

static char *known(const struct wess_conn *c)
{
    pthread_mutex_lock(&lock);
    struct kept *k = *find(c);
    bool good = k && k->until_ms > c->host->now_ms(c->host->ctx);
    char *url = good ? strdup(k->url) : NULL;
    pthread_mutex_unlock(&lock);
    return url;
}

static void keep(const struct wess_conn *c, const char *url)
{
    struct kept *k = calloc(1, sizeof(*k));
    if (k)
        *k = (struct kept){NULL, strdup(c->address), strdup(from_of(c)), strdup(url),
                           c->host->now_ms(c->host->ctx) + KEPT_MS};
    pthread_mutex_lock(&lock);
    if (*find(c))
        drop(find(c));
    if (k) {
        k->next = all;
        all = k;
        n_all++;
    }
    if (k && (!k->address || !k->from || !k->url || n_all > KEPT_MAX))
        drop(&all);
    pthread_mutex_unlock(&lock);
}

void ews_forget_place(struct wess_conn *c)
{
    if (!c->found)
        return;
    pthread_mutex_lock(&lock);
    if (*find(c))
        drop(find(c));
    pthread_mutex_unlock(&lock);
    free(c->found);
    c->found = NULL;
    c->url = NULL;
}

/* ---- one search
 * ------------------------------------------------------------------------------------------ */

struct search {
    struct wess_call *call;
    char *address; /* asked for now */
    char *allow;   /* hosts, one a line */
    char *asked[PLACES_MAX];
    size_t n_asked;
    char *next; /* a place that an answer named */
    char *found;
    unsigned hops, refusals;
    bool restart, stop;
    bool passing;      /* a place gave no answer */
    enum wess_code rc; /* what to say when nothing is found */
};

/* The first trouble that names a way out is told, not the last place that is not there. */
#define SAY(s, code, scope, ...)                                                                   \
    do {                                                                                           \
        if ((s)->rc == WESS_OK)                                                                    \
            (s)->rc = wess_fail(&(s)->call->error, code, scope, NULL, __VA_ARGS__);                \
    } while (0)

static void follow_place(struct search *s, char *place)
{
    char *host = NULL;
    switch (disco_trusts(place, disco_domain(s->address), s->allow, &host)) {
    case DISCO_NO_URL:
        SAY(s, WESS_BROKEN, WESS_OF_HOST, "Autodiscover leads to what is no address");
        break;
    case DISCO_NOT_SECURE:
        SAY(s, WESS_BROKEN, WESS_OF_HOST,
            "Autodiscover leads to %.80s without https, which is not followed", host);
        break;
    case DISCO_STRANGER:
        SAY(s, WESS_BROKEN, WESS_OF_HOST,
            "Autodiscover leads to %.80s: if that is right, add it to autodiscover_allow, or set "
            "url",
            host);
        break;
    case DISCO_TRUSTED:
        free(s->next);
        s->next = strdup(place);
        break;
    }
    free(host);
}

static void follow_address(struct search *s, const char *address)
{
    const char *domain = disco_domain(address), *was = disco_domain(s->address);
    if (!domain || !strcasecmp(address, s->address)) {
        SAY(s, WESS_BROKEN, WESS_OF_MAILBOX, "Autodiscover leads back to %.80s", s->address);
        return;
    }
    if (!disco_allows_domain(domain, was, s->allow)) {
        SAY(s, WESS_BROKEN, WESS_OF_MAILBOX,
            "Autodiscover leads to an address of %.80s: if that is right, add the domain to "
            "autodiscover_allow, or set url",
            domain);
        return;
    }
    free(s->address);
    s->address = strdup(address);
    s->restart = s->address != NULL;
    s->stop = !s->address;
}

static void take(struct search *s, const struct disco *d)
{
    switch (d->what) {
    case DISCO_NOTHING:
        if (d->code[0])
            SAY(s, WESS_BROKEN, WESS_OF_MAILBOX, "Autodiscover does not know the mailbox (%.40s)",
                d->code);
        break;
    case DISCO_FOUND:
        s->found = strdup(d->text);
        break;
    case DISCO_ADDRESS:
        s->hops++;
        follow_address(s, d->text);
        break;
    case DISCO_PLACE:
        s->hops++;
        follow_place(s, d->text);
        break;
    }
}

static void refused(struct search *s)
{
    s->refusals++;
    s->stop = s->refusals >= REFUSALS_MAX;
    if (s->rc == WESS_OK || s->stop)
        s->rc = wess_fail(&s->call->error, WESS_AUTH, WESS_OF_CREDENTIAL, NULL,
                          "Autodiscover refuses the sign-in");
}

static void judge(struct search *s, struct http_response *r, bool soap)
{
    struct disco d = {0};
    if (r->code == WESS_CANCELLED) {
        s->stop = true;
        s->rc = wess_fail(&s->call->error, WESS_CANCELLED, WESS_OF_HOST, NULL, "stopped");
    } else if (r->code == WESS_OK && r->status == 401) {
        refused(s);
    } else if (r->code == WESS_OK && r->status >= 300 && r->status < 400 && r->location[0]) {
        s->hops++;
        follow_place(s, r->location);
    } else if (r->code == WESS_OK && r->status == 200 && r->len) {
        if (soap ? disco_read_soap(r->body, r->len, &d) : disco_read_pox(r->body, r->len, &d))
            take(s, &d);
    } else if (r->code != WESS_OK || r->status >= 500) {
        s->passing = true;
    }
    disco_fini(&d);
}

static bool was_asked(const struct search *s, const char *place)
{
    for (size_t i = 0; i < s->n_asked; i++)
        if (!strcasecmp(s->asked[i], place))
            return true;
    return false;
}

static void count(struct wess_call *call, const struct http *h, int sign)
{
    uint64_t requests, sent, received;
    http_count(h, &requests, &sent, &received);
    call->requests += sign < 0 ? -requests : requests;
    call->bytes_out += sign < 0 ? -sent : sent;
    call->bytes_in += sign < 0 ? -received : received;
}

/* Without credentials: it needs none, and tells where to go with them. */
static void ask_json(struct search *s, const char *place)
{
    struct wess_conn *c = s->call->conn;
    struct http *h = http_new(c->host);
    struct http_response r;
    struct disco d = {0};
    const char *headers[] = {"Accept: application/json"};
    char *url = disco_json_url(place, s->address);
    if (h && url) {
        const struct http_request q = {.url = url,
                                       .method = "GET",
                                       .headers = headers,
                                       .n_headers = 1,
                                       .flags = HTTP_NO_REDIRECT | HTTP_IS_READ,
                                       .body_max = DISCO_ANSWER_BYTES};
        http_perform(h, &q, 1, 1, &r);
        count(s->call, h, 1);
        bool said = r.code == WESS_OK && (r.status == 200 || r.status == 404) && r.len;
        if (said && disco_read_json(r.body, r.len, &d))
            take(s, &d);
        else if (r.code != WESS_OK || (r.status != 401 && r.status != 200))
            judge(s, &r, false);
        c->host->log(c->host->ctx, WESS_LOG_INFO, "Autodiscover at %.200s: HTTP %ld %s", place,
                     r.status, r.text);
        http_response_fini(&r);
        disco_fini(&d);
    }
    http_free(h);
    free(url);
}

static void ask(struct search *s, const char *place)
{
    struct wess_conn *c = s->call->conn;
    char name[EWS_REQUEST_ID];
    const char *headers[] = {"Content-Type: text/xml; charset=utf-8", "Accept: text/xml", name,
                             c->anchor_header};
    struct http_response r;
    struct xml_out x;
    const char *text;
    size_t len;
    bool soap = disco_is_soap(place);
    if (soap)
        disco_ask_soap(&x, s->address, place);
    else
        disco_ask_pox(&x, s->address);
    xml_end(&x, &text, &len);
    ews_name_request(name);
    const struct http_request q = {.url = place,
                                   .method = "POST",
                                   .headers = headers,
                                   .n_headers = c->anchor_header ? 4 : 3,
                                   .body = text,
                                   .len = len,
                                   .flags = HTTP_NO_REDIRECT | HTTP_IS_READ,
                                   .body_max = DISCO_ANSWER_BYTES};
    if (text) {
        count(s->call, c->http, -1);
        http_perform(c->http, &q, 1, 1, &r);
        count(s->call, c->http, 1);
        judge(s, &r, soap);
        c->host->log(c->host->ctx, WESS_LOG_INFO,
                     "Autodiscover at %.200s: HTTP %ld %s, request-id %s", place, r.status, r.text,
                     r.request_id);
        http_response_fini(&r);
    }
    xml_fini(&x);
}

/* Asks a place, and those that it leads to. */
static void ask_on(struct search *s, char *place)
{
    while (place && !s->stop && !s->found && !s->restart && s->hops <= HOPS_MAX) {
        bool again = was_asked(s, place) || s->n_asked == PLACES_MAX;
        if (!again) {
            s->asked[s->n_asked++] = place;
            if (disco_is_json(place))
                ask_json(s, place);
            else
                ask(s, place);
        } else {
            free(place);
        }
        place = s->next;
        s->next = NULL;
    }
    free(place);
}

/* The last place of the list: asked without credentials, over plain http, for a redirect alone. */
static char *ask_bare(struct search *s)
{
    struct wess_conn *c = s->call->conn;
    struct http *h = http_new(c->host);
    struct http_response r;
    char *url = NULL;
    if (!h || asprintf(&url, "http://autodiscover.%s/autodiscover/autodiscover.xml",
                       disco_domain(s->address)) < 0) {
        http_free(h);
        return NULL;
    }
    const struct http_request q = {.url = url,
                                   .method = "GET",
                                   .flags = HTTP_NO_REDIRECT | HTTP_IS_READ | HTTP_BARE,
                                   .body_max = DISCO_ANSWER_BYTES};
    http_perform(h, &q, 1, 1, &r);
    count(s->call, h, 1);
    if (r.code == WESS_OK && r.status == 302 && r.location[0])
        follow_place(s, r.location);
    http_response_fini(&r);
    http_free(h);
    free(url);
    char *next = s->next;
    s->next = NULL;
    return next;
}

/* What DNS names, where nobody answered at the usual places: in both forms, once somebody has said
 * that the host is right. */
static void ask_named(struct search *s)
{
    static const char *const forms[] = {"svc", "xml"};
    const struct wess_host *h = s->call->conn->host;
    char *host = disco_ask_srv(disco_domain(s->address), (uint32_t)h->now_ms(h->ctx));
    for (size_t i = 0; host && i < 2 && !s->stop && !s->found && !s->restart; i++) {
        char *place = NULL;
        if (asprintf(&place, "https://%s/autodiscover/autodiscover.%s", host, forms[i]) < 0)
            break;
        follow_place(s, place);
        free(place);
        place = s->next;
        s->next = NULL;
        ask_on(s, place);
    }
    free(host);
}

static void look_everywhere(struct search *s)
{
    const struct wess_conn *c = s->call->conn;
    char *place;
    if (c->autodiscover_url) {
        ask_on(s, strdup(c->autodiscover_url));
        return;
    }
    for (size_t i = 0;
         !s->stop && !s->found && !s->restart && (place = disco_place(disco_domain(s->address), i));
         i++)
        ask_on(s, place);
    if (!s->stop && !s->found && !s->restart)
        ask_on(s, ask_bare(s));
    if (!s->stop && !s->found && !s->restart)
        ask_named(s);
}

/* The host of a place that the settings name is trusted by that. */
static char *allowed_hosts(const struct wess_conn *c)
{
    char *host = NULL, *out = NULL;
    if (c->autodiscover_url)
        disco_trusts(c->autodiscover_url, "", NULL, &host);
    if (asprintf(&out, "%s\n%s", c->autodiscover_allow ? c->autodiscover_allow : "",
                 host ? host : "") < 0)
        out = NULL;
    free(host);
    return out;
}

static enum wess_code conclude(struct search *s)
{
    struct wess_conn *c = s->call->conn;
    char *host = NULL;
    if (s->found && disco_trusts(s->found, "", NULL, &host) != DISCO_STRANGER) {
        /* Strangers are well here: a trusted place has named it. */
        SAY(s, WESS_BROKEN, WESS_OF_HOST,
            "Autodiscover gives an address of EWS that is not https: set url");
        free(s->found);
        s->found = NULL;
    }
    free(host);
    if (s->found) {
        c->found = s->found;
        c->url = c->found;
        keep(c, c->found);
        s->call->error = (struct wess_error){0};
        return WESS_OK;
    }
    /* A refusal by one place proves nothing while another, which may be the right one, is silent.
     */
    if (s->hops > HOPS_MAX || (s->passing && s->refusals && s->refusals < REFUSALS_MAX))
        s->rc = WESS_OK;
    if (s->hops > HOPS_MAX)
        SAY(s, WESS_BROKEN, WESS_OF_MAILBOX,
            "Autodiscover for %.80s goes round in circles: set url", c->address);
    SAY(s, s->passing ? WESS_TRANSIENT : WESS_BROKEN, WESS_OF_HOST,
        "Autodiscover for %.80s finds nothing: set url, or autodiscover_url", c->address);
    return s->rc;
}

enum wess_code ews_discover(struct wess_call *call)
{
    struct wess_conn *c = call->conn;
    struct search s = {.call = call, .rc = WESS_OK};
    if (c->url)
        return WESS_OK;
    if ((c->found = known(c))) {
        c->url = c->found;
        return WESS_OK;
    }
    s.address = strdup(c->address);
    s.allow = allowed_hosts(c);
    do {
        s.restart = false;
        for (size_t i = 0; i < s.n_asked; i++)
            free(s.asked[i]);
        s.n_asked = 0;
        if (s.address && s.allow)
            look_everywhere(&s);
    } while (s.restart && !s.stop && s.hops <= HOPS_MAX);
    enum wess_code rc = conclude(&s);
    for (size_t i = 0; i < s.n_asked; i++)
        free(s.asked[i]);
    free(s.address);
    free(s.allow);
    free(s.next);
    return rc;
}
