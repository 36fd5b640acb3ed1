#include "host/conn.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "host/answer.h"
#include "host/blob.h"
#include "host/credential.h"
#include "host/kept.h"
#include "host/plugin.h"
#include "host/series.h"
#include "keys.h"
#include "model/rules.h"

#define CONN_BUDGET ((size_t)4 << 20)
#define SECRET_CAP 8192u
#define LOG_BYTES 700
#define PAUSE_MOST_MS ((int64_t)86400000) /* that a remote may ask for */
#define FETCH_USUAL 100u                  /* where a collection says nothing */

struct conn {
    const struct config *cfg;
    const struct cfg_endpoint *endpoint;
    const struct cfg_user *user;
    const bool *cancelled;
    struct wess_arena *arena;     /* settings and schema */
    const char *spool, *spool_in; /* of all; the folder to use instead */
    const char *fingerprint;
    const char **values; /* of the endpoint's settings, as they are for this user */
    struct wess_host host;
    struct wess_http http;
    struct wess_conn *theirs;
    struct conn_stats stats;
    struct wess_schema schema;
    uint64_t lacks;     /* see conn_lacks() */
    const char *series; /* the collection that shows them as occurrences, or NULL */
    const struct series_view *view;
    struct wess_collection shown; /* so described; without id: not yet */
    bool described, may_write;
    int held; /* a secret's lock; -1: none */
    char no_secret[sizeof(
        ((struct wess_error *)0)->text)]; /* why a secret could not be read in this call */
};

/* ---- what the connector is given
 * ----------------------------------------------------------------------------- */

static void host_log(void *ctx, int level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void host_log(void *ctx, int level, const char *fmt, ...)
{
    const struct conn *c = ctx;
    char text[LOG_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    log_line(level, "endpoint %s user %s: %s", c->endpoint->name, c->user ? c->user->id : "-",
             text);
}

static int64_t host_now(void *ctx)
{
    (void)ctx;
    return clock_now_ms();
}

static bool host_cancelled(void *ctx)
{
    const struct conn *c = ctx;
    return c->cancelled && __atomic_load_n(c->cancelled, __ATOMIC_RELAXED);
}

static const struct cfg_secret *secret_named(const struct conn *c, const char *name)
{
    for (size_t i = 0; i < c->endpoint->n_secrets; i++)
        if (!strcmp(c->endpoint->secrets[i].name, name))
            return &c->endpoint->secrets[i];
    return NULL;
}

static const char *host_setting(void *ctx, const char *name)
{
    struct conn *c = ctx;
    const struct wess_option *o = plugin_option(c->endpoint->plugin, name);
    for (size_t i = 0; i < c->endpoint->n_values; i++)
        if (!strcmp(c->endpoint->values[i].name, name))
            return c->values[i];
    /* Of a secret it is known here that there is one. */
    if (o && (o->flags & WESS_OPTION_SECRET))
        return secret_named(c, name) ? "" : NULL;
    return o ? o->fallback : NULL;
}

static bool rotates(const struct conn *c, const char *name)
{
    const struct wess_option *o = plugin_option(c->endpoint->plugin, name);
    return o && (o->flags & WESS_OPTION_ROTATES);
}

static enum wess_code host_secret(void *ctx, const char *name, char *buf, size_t cap)
{
    struct conn *c = ctx;
    const struct cfg_secret *s = secret_named(c, name);
    const char *why = "it is not set";
    if (s && secret_read(s, c->user, buf, cap, &why))
        return WESS_OK;
    bool file = s && s->from == SECRET_FILE;
    snprintf(c->no_secret, sizeof(c->no_secret), "%s cannot be read: %s%s%s", name,
             file ? s->text : "", file ? ": " : "", why);
    if (rotates(c, name))
        snprintf(c->no_secret, sizeof(c->no_secret), "%s: %.80s; `wess login %s` makes it", name,
                 why, c->endpoint->name);
    log_line(WESS_LOG_ERROR, "endpoint %s: %s", c->endpoint->name, c->no_secret);
    return WESS_AUTH;
}

static enum wess_code host_secret_put(void *ctx, const char *name, const char *value)
{
    struct conn *c = ctx;
    const struct cfg_secret *s = rotates(c, name) ? secret_named(c, name) : NULL;
    const char *why = "it is not set";
    if (s && secret_write(s, c->user, value, &why))
        return WESS_OK;
    log_line(WESS_LOG_ERROR, "endpoint %s: %s cannot be written: %s", c->endpoint->name, name, why);
    return WESS_REJECTED;
}

static enum wess_code host_secret_hold(void *ctx, const char *name, bool on)
{
    struct conn *c = ctx;
    const struct cfg_secret *s = rotates(c, name) ? secret_named(c, name) : NULL;
    const char *why = "it is not set";
    if (c->held >= 0)
        close(c->held);
    c->held = on && s ? secret_lock(s, c->user, host_cancelled, c, &why) : -1;
    if (!on || c->held >= 0)
        return WESS_OK;
    log_line(WESS_LOG_ERROR, "endpoint %s: %s cannot be locked: %s", c->endpoint->name, name, why);
    return host_cancelled(c) ? WESS_CANCELLED : WESS_AUTH;
}

static struct kept_at kept_at(const struct conn *c, const char *name)
{
    return (struct kept_at){c->cfg->state_dir, c->endpoint->name, c->user ? c->user->id : "", name};
}

static bool host_keep(void *ctx, struct wess_arena *a, const char *name, const void *data,
                      size_t len)
{
    const struct kept_at at = kept_at(ctx, name);
    return kept_put(a, &at, data, len);
}

static const char *host_kept(void *ctx, struct wess_arena *a, const char *name, size_t *len)
{
    const struct kept_at at = kept_at(ctx, name);
    return kept_get(a, &at, len);
}

static enum wess_code host_token(void *ctx, const char *name, bool renew, char *buf, size_t cap)
{
    (void)renew;
    return host_secret(ctx, name, buf, cap);
}

static const char *spool_of(const struct conn *c)
{
    return c->spool_in ? c->spool_in : c->spool;
}

static enum wess_code host_blob_new(void *ctx, struct wess_spool **out)
{
    return blob_spool_new(spool_of(ctx), out);
}

static enum wess_code host_blob_open(void *ctx, const char *digest, struct wess_spool **out)
{
    return blob_spool_open(spool_of(ctx), digest, out);
}

void conn_spool_in(struct conn *c, const char *dir)
{
    c->spool_in = dir;
}

/* ---- opening
 * ---------------------------------------------------------------------------------------------------
 */

/* What belongs to a credential beside its secrets: names, and the files that they name. */
static bool digest_value(EVP_MD_CTX *ctx, const char *value)
{
    struct stat st;
    bool ok = EVP_DigestUpdate(ctx, value, strlen(value) + 1);
    if (ok && *value == '/' && stat(value, &st) == 0)
        ok = EVP_DigestUpdate(ctx, &st.st_mtim, sizeof(st.st_mtim)) &&
             EVP_DigestUpdate(ctx, &st.st_size, sizeof(st.st_size));
    return ok;
}

static bool digest_values(struct conn *c, EVP_MD_CTX *ctx)
{
    bool ok = true;
    for (size_t i = 0; ok && i < c->endpoint->n_values; i++)
        if (conn_of_credential(c->endpoint, c->endpoint->values[i].name) && c->values[i])
            ok = digest_value(ctx, c->values[i]);
    return ok;
}

/* A keyed digest: tells whether the secret changed, and nothing else. The salt is the process's own
 * for what is compared in memory; what is stored is salted by the site, so that it lives on. */
static const char *fingerprint(struct conn *c)
{
    unsigned char md[EVP_MAX_MD_SIZE];
    char secret[SECRET_CAP], hex[33];
    unsigned len = 0;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
    ok = ok && EVP_DigestUpdate(ctx, c->cfg->site, strlen(c->cfg->site) + 1) &&
         EVP_DigestUpdate(ctx, c->endpoint->name, strlen(c->endpoint->name) + 1) &&
         digest_values(c, ctx);
    for (size_t i = 0; ok && i < c->endpoint->n_secrets; i++) {
        const char *why;
        if (!secret_read(&c->endpoint->secrets[i], c->user, secret, sizeof(secret), &why))
            continue;
        unsigned char slow[STRETCHED];
        ok = credential_stretch(c->cfg->site, secret, slow) &&
             EVP_DigestUpdate(ctx, slow, sizeof(slow));
        explicit_bzero(secret, sizeof(secret));
    }
    ok = ok && EVP_DigestFinal_ex(ctx, md, &len);
    EVP_MD_CTX_free(ctx);
    for (unsigned i = 0; ok && i < 16; i++)
        snprintf(hex + 2 * i, 3, "%02x", md[i]);
    return ok ? arena_text(c->arena, hex) : NULL;
}

/* Before the connector asks: to it a setting that is not there is one that nobody made, and whom it
 * then impersonates is another. */
static bool expand_settings(struct conn *c, struct wess_error *e)
{
    const struct cfg_endpoint *ep = c->endpoint;
    const char *why = NULL;
    c->values = arena_alloc(c->arena, (ep->n_values + 1) * sizeof(*c->values));
    for (size_t i = 0; c->values && i < ep->n_values; i++) {
        if (!ep->values[i].value)
            continue;
        c->values[i] = config_expand(c->arena, ep->values[i].value, c->user, &why);
        if (c->values[i])
            continue;
        snprintf(e->text, sizeof(e->text), "%s: %s", ep->values[i].name,
                 why ? why : "out of memory");
        return false;
    }
    return c->values != NULL;
}

static void fill_host(struct conn *c)
{
    c->http = c->cfg->http;
    c->http.trace = trace_sink();
    c->host = (struct wess_host){.abi = WESS_ABI,
                                 .size = sizeof(struct wess_host),
                                 .ctx = c,
                                 .log = host_log,
                                 .now_ms = host_now,
                                 .cancelled = host_cancelled,
                                 .setting = host_setting,
                                 .secret = host_secret,
                                 .secret_put = host_secret_put,
                                 .token = host_token,
                                 .alloc = arena_alloc,
                                 .blob_new = host_blob_new,
                                 .blob_put = blob_spool_put,
                                 .blob_done = blob_spool_done,
                                 .blob_open = host_blob_open,
                                 .blob_get = blob_spool_get,
                                 .blob_close = blob_spool_close,
                                 .http = &c->http,
                                 .fold = text_fold,
                                 .secret_hold = host_secret_hold,
                                 .keep = host_keep,
                                 .kept = host_kept};
}

/* All but the connector's own part. NULL: `e` tells why. */
static struct conn *prepare(const struct config *cfg, const struct cfg_endpoint *ep,
                            const struct cfg_user *user, const bool *cancelled,
                            struct wess_error *e)
{
    struct conn *c = calloc(1, sizeof(*c));
    if (c)
        c->arena = arena_new(CONN_BUDGET);
    if (!c || !c->arena) {
        free(c);
        snprintf(e->text, sizeof(e->text), "out of memory");
        return NULL;
    }
    c->cfg = cfg;
    c->endpoint = ep;
    c->user = user;
    c->cancelled = cancelled;
    c->held = -1;
    c->spool = arena_fmt(c->arena, "%s/spool", cfg->state_dir);
    fill_host(c);
    if (expand_settings(c, e) && c->spool && (c->fingerprint = fingerprint(c)))
        return c;
    if (!e->text[0])
        snprintf(e->text, sizeof(e->text), "out of memory");
    conn_close(c);
    return NULL;
}

enum wess_code conn_open(const struct config *cfg, const struct cfg_endpoint *ep,
                         const struct cfg_user *user, const bool *cancelled, struct conn **out,
                         struct wess_error *e)
{
    struct conn *c = prepare(cfg, ep, user, cancelled, e);
    *out = NULL;
    if (!c)
        return WESS_BROKEN;
    enum wess_code rc = ep->plugin->connector->open(&c->host, &c->theirs, e);
    if (rc != WESS_OK) {
        c->theirs = NULL;
        conn_close(c);
        return rc;
    }
    *out = c;
    return WESS_OK;
}

void conn_close(struct conn *c)
{
    if (!c)
        return;
    if (c->theirs)
        c->endpoint->plugin->connector->close(c->theirs);
    if (c->held >= 0)
        close(c->held);
    arena_free(c->arena);
    free(c);
}

void conn_allow_writes(struct conn *c, bool allow)
{
    c->may_write = allow;
}

void conn_lacks(struct conn *c, uint64_t caps)
{
    struct wess_collection *of =
        (struct wess_collection *)(uintptr_t)c->schema.of; /* our arena's */
    c->lacks = caps;
    for (size_t i = 0; c->described && i < c->schema.n; i++)
        of[i].caps &= ~caps;
    c->shown.caps &= ~caps;
}

const struct conn_stats *conn_stats(const struct conn *c)
{
    return &c->stats;
}

const char *conn_endpoint(const struct conn *c)
{
    return c->endpoint->name;
}

bool conn_of_credential(const struct cfg_endpoint *e, const char *name)
{
    const struct wess_option *o = plugin_option(e->plugin, name);
    return o && ((o->flags & WESS_OPTION_CREDENTIAL) || !strcmp(name, "username"));
}

const char *conn_credential(const struct conn *c)
{
    return c->fingerprint;
}

/* ---- round every call
 * -------------------------------------------------------------------------------------------- */

static enum wess_code enter(struct conn *c, struct wess_call *call, const char *collection,
                            struct wess_arena *arena, const struct wess_want *want,
                            struct wess_error *e)
{
    *e = (struct wess_error){0};
    enum wess_code rc = credential_enter(c->fingerprint, host_cancelled, c, e);
    if (rc != WESS_OK)
        return rc;
    *call = (struct wess_call){.conn = c->theirs,
                               .collection = collection,
                               .want = want,
                               .lanes = lanes_of(c->endpoint->name),
                               .arena = arena};
    return WESS_OK;
}

/* A connector need not see that the host had no memory for it: what it then answers lacks
 * something. Once it is told by the code, the arena is as good as before. */
static enum wess_code weighed(struct wess_call *call, enum wess_code rc)
{
    enum arena_want refused = arena_refused(call->arena);
    arena_pardon(call->arena);
    if (refused == ARENA_GAVE || (rc != WESS_OK && rc != WESS_TOO_BIG))
        return rc;
    if (refused == ARENA_FULL)
        return WESS_TOO_BIG;
    /* Not the remote's fault: it need not rest. */
    call->error = (struct wess_error){
        .scope = WESS_OF_HOST, .retry_after_ms = 1, .text = "there is too little memory"};
    return WESS_TRANSIENT;
}

static int64_t pause_within(int64_t asked_ms)
{
    int64_t ms = asked_ms > 0 ? asked_ms : 0;
    return ms < PAUSE_MOST_MS ? ms : PAUSE_MOST_MS;
}

static enum wess_code leave(struct conn *c, const char *what, const struct wess_call *call,
                            enum wess_code rc, const char *wrong, struct wess_error *e)
{
    bool reached = rc == WESS_OK || rc == WESS_THROTTLED || rc == WESS_RESET || rc == WESS_GONE ||
                   rc == WESS_CONFLICT || rc == WESS_REJECTED ||
                   (rc == WESS_AUTH && call->error.scope != WESS_OF_CREDENTIAL);
    bool refused = rc == WESS_AUTH && call->error.scope == WESS_OF_CREDENTIAL;
    if (rc == WESS_OK || rc == WESS_THROTTLED || rc == WESS_TOO_BIG)
        lanes_word(c->endpoint->name, rc == WESS_OK);
    c->stats.calls++;
    c->stats.requests += call->requests;
    c->stats.bytes_out += call->bytes_out;
    c->stats.bytes_in += call->bytes_in;
    if (call->remote_ms) {
        c->stats.clock_known = true;
        c->stats.ahead_ms = call->remote_ms - clock_now_ms();
    }
    *e = call->error;
    e->text[sizeof(e->text) - 1] = e->remote_code[sizeof(e->remote_code) - 1] = 0;
    e->retry_after_ms = pause_within(e->retry_after_ms);
    if (refused && *c->no_secret)
        snprintf(e->text, sizeof(e->text), "%s", c->no_secret);
    *c->no_secret = 0;
    credential_leave(c->fingerprint,
                     refused   ? CREDENTIAL_REFUSED
                     : reached ? CREDENTIAL_TAKEN
                               : CREDENTIAL_UNCLEAR,
                     e);
    log_line(WESS_LOG_DEBUG, "endpoint %s user %s %s %s: code %d, %llu requests", c->endpoint->name,
             c->user ? c->user->id : "-", what, call->collection ? call->collection : "", (int)rc,
             (unsigned long long)call->requests);
    if (!answer_code(rc))
        wrong = "an unknown code";
    if (!wrong)
        return rc;
    log_line(WESS_LOG_ERROR, "endpoint %s: connector %s broke the contract in %s: %s",
             c->endpoint->name, c->endpoint->connector, what, wrong);
    *e = (struct wess_error){0}; /* nothing that it said of itself counts */
    return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL, "connector %s broke the contract: %s",
                     c->endpoint->connector, wrong);
}

enum wess_code conn_check(struct conn *c, struct wess_arena *a, struct conn_notes *notes,
                          struct wess_error *e)
{
    struct wess_call call;
    *notes = (struct conn_notes){0};
    enum wess_code rc = enter(c, &call, NULL, a, NULL, e);
    if (rc != WESS_OK)
        return rc;
    call.flags = c->may_write ? WESS_CALL_PROBE : 0;
    rc = weighed(&call, c->endpoint->plugin->connector->check(&call));
    const char *wrong = answer_notes(call.notes, call.n_notes);
    if (!wrong)
        *notes = (struct conn_notes){call.notes, call.n_notes, call.lacks, call.keeps};
    return leave(c, "check", &call, rc, wrong, e);
}

enum wess_code conn_login(struct conn *c, struct wess_arena *a,
                          void (*say)(void *ctx, const char *text), void *ctx, struct wess_error *e)
{
    struct wess_call call = {.conn = c->theirs, .lanes = 1, .arena = a};
    *e = (struct wess_error){0};
    if (!c->endpoint->plugin->connector->login)
        return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL,
                         "connector %s has no login: its "
                         "secrets are given in the configuration",
                         c->endpoint->connector);
    enum wess_code rc = c->endpoint->plugin->connector->login(&call, say, ctx);
    *e = call.error;
    return answer_code(rc) ? rc : WESS_BROKEN;
}

const struct wess_schema *conn_schema(struct conn *c, struct wess_error *e, enum wess_code *rc)
{
    struct wess_call call;
    *rc = WESS_OK;
    if (c->described)
        return &c->schema;
    if ((*rc = enter(c, &call, NULL, c->arena, NULL, e)) != WESS_OK)
        return NULL;
    c->schema = (struct wess_schema){0};
    *rc = weighed(&call, c->endpoint->plugin->connector->describe(&call, &c->schema));
    *rc = leave(c, "describe", &call, *rc, *rc == WESS_OK ? answer_schema(&c->schema) : NULL, e);
    c->described = *rc == WESS_OK;
    return c->described ? &c->schema : NULL;
}

void conn_series(struct conn *c, const char *collection, const struct series_view *view)
{
    c->series = view ? collection : NULL;
    c->view = view;
    c->shown = (struct wess_collection){.id = NULL};
}

const struct series_view *conn_view(const struct conn *c, const char *collection)
{
    return c->view && !strcmp(c->series, collection) ? c->view : NULL;
}

size_t conn_fetch_most(const struct conn *c, const char *collection)
{
    for (size_t i = 0; i < c->schema.n; i++)
        if (!strcmp(c->schema.of[i].id, collection) && c->schema.of[i].fetch_max)
            return c->schema.of[i].fetch_max;
    return FETCH_USUAL;
}

/* NULL: out of memory. */
static const struct wess_collection *shown(struct conn *c, const struct wess_collection *of)
{
    if (!conn_view(c, of->id))
        return of;
    if (!c->shown.id && !series_collection(c->arena, of, &c->shown))
        return NULL;
    return &c->shown;
}

const struct wess_collection *conn_collection(struct conn *c, const char *id, struct wess_error *e,
                                              enum wess_code *rc)
{
    const struct wess_schema *s = conn_schema(c, e, rc);
    for (size_t i = 0; s && i < s->n; i++)
        if (!strcmp(s->of[i].id, id))
            return shown(c, &s->of[i]);
    if (s)
        *rc = wess_fail(e, WESS_BROKEN, WESS_OF_COLLECTION, NULL, "it has no collection \"%.80s\"",
                        id);
    return NULL;
}

enum wess_code raw_changes(struct conn *c, const char *collection, struct wess_arena *a,
                           const struct wess_want *want, struct wess_slice cursor, uint32_t limit,
                           struct wess_page *out, struct wess_error *e)
{
    struct wess_call call;
    *out = (struct wess_page){0};
    enum wess_code rc = enter(c, &call, collection, a, want, e);
    if (rc != WESS_OK)
        return rc;
    rc = weighed(&call, c->endpoint->plugin->connector->changes(&call, cursor, limit, out));
    rc = leave(c, "changes", &call, rc, rc == WESS_OK ? answer_page(out) : NULL, e);
    c->stats.read += rc == WESS_OK ? out->n : 0;
    return rc;
}

static void preset(struct wess_result *out, size_t n, enum wess_code code)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (struct wess_result){.code = code};
}

enum wess_code raw_fetch(struct conn *c, const char *collection, struct wess_arena *a,
                         uint32_t flags, struct wess_list ids, struct wess_result *out,
                         struct wess_error *e)
{
    struct wess_call call;
    *e = (struct wess_error){0};
    preset(out, ids.n, WESS_UNKNOWN);
    enum wess_code rc = ids.n ? enter(c, &call, collection, a, NULL, e) : WESS_OK;
    if (rc != WESS_OK || !ids.n)
        return rc;
    call.flags = flags;
    rc = weighed(&call, c->endpoint->plugin->connector->fetch(&call, ids, out));
    return leave(c, "fetch", &call, rc,
                 rc == WESS_OK ? answer_results(out, ids.n, true, NULL) : NULL, e);
}

enum wess_code raw_find(struct conn *c, const char *collection, struct wess_arena *a,
                        const struct wess_key *keys, size_t n, struct wess_page *out,
                        struct wess_error *e)
{
    struct wess_call call;
    *out = (struct wess_page){0};
    enum wess_code rc = enter(c, &call, collection, a, NULL, e);
    if (rc != WESS_OK)
        return rc;
    rc = weighed(&call, c->endpoint->plugin->connector->find(&call, keys, n, out));
    return leave(c, "find", &call, rc, rc == WESS_OK ? answer_page(out) : NULL, e);
}

enum wess_code conn_tags(struct conn *c, const char *collection, struct wess_arena *a,
                         const struct wess_fact **out, size_t *n, struct wess_error *e)
{
    struct wess_call call;
    *out = NULL;
    *n = 0;
    if (!c->endpoint->plugin || !c->endpoint->plugin->connector->tags)
        return WESS_OK;
    enum wess_code rc = enter(c, &call, collection, a, NULL, e);
    if (rc != WESS_OK)
        return rc;
    rc = weighed(&call, c->endpoint->plugin->connector->tags(&call, out, n));
    return leave(c, "tags", &call, rc, rc == WESS_OK ? answer_notes(*out, *n) : NULL, e);
}

/* Of a write whose answer lacks something, or is none, nothing is known. */
static enum wess_code leave_write(struct conn *c, const char *what, struct wess_call *call,
                                  enum wess_code said, const struct wess_op *ops,
                                  struct wess_result *out, size_t n, struct wess_error *e)
{
    enum wess_code rc = weighed(call, said);
    const char *wrong = answer_results(out, n, false, ops);
    if (rc != said || wrong)
        preset(out, n, WESS_UNKNOWN);
    return leave(c, what, call, rc, wrong, e);
}

static void count_writes(struct conn *c, const struct wess_op *ops, size_t n,
                         const struct wess_result *out)
{
    for (size_t i = 0; i < n; i++) {
        if (out[i].code != WESS_OK)
            continue;
        c->stats.created += ops[i].what == WESS_CREATE;
        c->stats.updated += ops[i].what == WESS_UPDATE;
        c->stats.deleted += ops[i].what == WESS_DELETE;
    }
}

enum wess_code raw_apply(struct conn *c, const char *collection, struct wess_arena *a,
                         const struct wess_op *ops, size_t n, struct wess_result *out,
                         struct wess_error *e)
{
    struct wess_call call;
    if (!c->may_write) {
        /* The planner leaves such operations out; this is the last guard, whatever it thought. */
        *e = (struct wess_error){0};
        preset(out, n, WESS_NOT_TRIED);
        log_line(WESS_LOG_ERROR, "endpoint %s: %zu writes stopped: not allowed for this user",
                 c->endpoint->name, n);
        return wess_fail(e, WESS_BROKEN, WESS_OF_COLLECTION, NULL,
                         "writing is not allowed for this user");
    }
    preset(out, n, RULE(unknown_preset) ? WESS_UNKNOWN : WESS_NOT_TRIED);
    enum wess_code rc = enter(c, &call, collection, a, NULL, e);
    if (rc != WESS_OK) {
        preset(out, n, WESS_NOT_TRIED);
        return rc;
    }
    call.flags = c->lacks & WESS_CAP_CAS_UPDATE ? WESS_CALL_COMPARE : 0;
    rc = c->endpoint->plugin->connector->apply(&call, ops, n, out);
    rc = leave_write(c, "apply", &call, rc, ops, out, n, e);
    count_writes(c, ops, n, out);
    return rc;
}

bool conn_relates(const struct conn *c)
{
    const struct wess_connector *k = c->endpoint->plugin->connector;
    return k->size >= offsetof(struct wess_connector, relate) + sizeof(k->relate) && k->relate;
}

enum wess_code conn_relate(struct conn *c, const char *collection, struct wess_arena *a,
                           const struct wess_relation *of, size_t n, struct wess_result *out,
                           struct wess_error *e)
{
    struct wess_call call;
    *e = (struct wess_error){0};
    preset(out, n, WESS_NOT_TRIED);
    if (!c->may_write)
        return wess_fail(e, WESS_BROKEN, WESS_OF_COLLECTION, NULL,
                         "writing is not allowed for this user");
    enum wess_code rc = enter(c, &call, collection, a, NULL, e);
    if (rc != WESS_OK)
        return rc;
    rc = c->endpoint->plugin->connector->relate(&call, of, n, out);
    return leave_write(c, "relate", &call, rc, NULL, out, n, e);
}

bool conn_keys(struct wess_arena *a, struct wess_item *item, const char *stamp)
{
    static const struct wess_host host = {
        .abi = WESS_ABI, .size = sizeof(struct wess_host), .alloc = arena_alloc, .fold = text_fold};
    return wess_item_keys(&host, a, item, stamp) == WESS_OK;
}

/* ---- watching
 * ---------------------------------------------------------------------------------------- */

struct conn_watch {
    const struct wess_connector *connector;
    struct conn **of;
    size_t n;
    struct wess_watch *theirs;
};

bool conn_can_watch(const struct cfg_endpoint *ep)
{
    return ep->per_user && ep->plugin && ep->plugin->connector->watch_open;
}

void conn_watch_close(struct conn_watch *w)
{
    if (!w)
        return;
    if (w->theirs)
        w->connector->watch_close(w->theirs);
    for (size_t i = 0; w->of && i < w->n; i++)
        conn_close(w->of[i]);
    free(w->of);
    free(w);
}

enum wess_code conn_watch_open(const struct config *cfg, const struct cfg_endpoint *ep,
                               const struct cfg_user *users, size_t n, const bool *cancelled,
                               struct conn_watch **out, struct wess_error *e)
{
    struct conn_watch *w = calloc(1, sizeof(*w));
    const struct wess_host **hosts = calloc(n + 1, sizeof(*hosts));
    enum wess_code rc = WESS_BROKEN;
    *out = NULL;
    if (w)
        w->of = calloc(n + 1, sizeof(*w->of));
    bool ok = w && w->of && hosts;
    for (size_t i = 0; ok && i < n; i++) {
        ok = (w->of[i] = prepare(cfg, ep, &users[i], cancelled, e)) != NULL;
        w->n += ok;
        hosts[i] = ok ? &w->of[i]->host : NULL;
    }
    if (ok) {
        w->connector = ep->plugin->connector;
        rc = w->connector->watch_open(hosts, n, &w->theirs, e);
    } else if (!e->text[0]) {
        snprintf(e->text, sizeof(e->text), "out of memory");
    }
    free(hosts);
    if (rc != WESS_OK) {
        conn_watch_close(w);
        return rc;
    }
    *out = w;
    return WESS_OK;
}

int conn_watch_fd(struct conn_watch *w)
{
    return w->connector->watch_fd(w->theirs);
}

enum wess_code conn_watch_ready(struct conn_watch *w, bool *woken, int64_t *next_ms,
                                struct wess_error *e)
{
    enum wess_code rc = w->connector->watch_ready(w->theirs, woken, next_ms, e);
    e->text[sizeof(e->text) - 1] = e->remote_code[sizeof(e->remote_code) - 1] = 0;
    return answer_code(rc) ? rc : WESS_BROKEN;
}
