/* The one seam round every call: who may call now, what of the answer is believed, what is counted.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "host/answer.h"
#include "host/conn_private.h"
#include "host/credential.h"
#include "host/plugin.h"
#include "host/series.h"
#include "keys.h"
#include "model/rules.h"

#define FETCH_USUAL 100u                  /* where a collection says nothing */
#define PAUSE_MOST_MS ((int64_t)86400000) /* that a remote may ask for */

static enum wess_code enter(struct conn *c, struct wess_call *call, const char *collection,
                            struct wess_arena *arena, const struct wess_want *want,
                            struct wess_error *e)
{
    *e = (struct wess_error){0};
    enum wess_code rc = credential_enter(c->fingerprint, conn_cancelled, c, e);
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

enum wess_code conn_values(struct conn *c, const char *collection, struct wess_arena *a,
                           const char *fact, bool ask, struct wess_list *out, bool *all,
                           struct wess_error *e)
{
    struct wess_call call;
    *out = (struct wess_list){NULL, 0};
    *all = false;
    if (!c->endpoint->plugin || !c->endpoint->plugin->connector->values)
        return WESS_OK;
    enum wess_code rc = enter(c, &call, collection, a, NULL, e);
    if (rc != WESS_OK)
        return rc;
    call.flags = ask ? WESS_CALL_PROBE : 0u;
    rc = weighed(&call, c->endpoint->plugin->connector->values(&call, fact, out, all));
    return leave(c, "values", &call, rc, NULL, e);
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
