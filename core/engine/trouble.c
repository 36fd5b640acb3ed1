#include "engine/run.h"

#include <stdio.h>
#include <string.h>

#define REST_FIRST_MS 10000
#define REST_MOST_MS 600000
#define REST_LONGEST_MS ((int64_t)86400000) /* that a remote may ask for */
#define REST_FOREVER INT64_MAX

/* What each answer of a whole call means to a run. */
static const struct {
    enum wess_code code;
    int status;
    bool rests;
    const char *way_out;
} table[] = {
    {WESS_UNKNOWN, EXIT_UNREACHABLE, true, "it is looked up in the next run"},
    {WESS_NOT_TRIED, EXIT_UNREACHABLE, true, "it is tried again by itself"},
    {WESS_TRANSIENT, EXIT_UNREACHABLE, true, "it is tried again by itself"},
    {WESS_THROTTLED, EXIT_UNREACHABLE, true, "it is tried again when the remote allows it"},
    {WESS_AUTH, EXIT_CREDENTIAL, true, "set the right credential, then run `wess check --online`"},
    {WESS_GONE, EXIT_UNREACHABLE, true,
     "nothing in it counts as deleted; restore access or take the "
     "user off the list"},
    {WESS_REJECTED, EXIT_UNREACHABLE, false, "see the log for the remote's words"},
    {WESS_TOO_BIG, EXIT_UNREACHABLE, false, "the answer is larger than this program accepts"},
    {WESS_BROKEN, EXIT_UNREACHABLE, false, "run `wess check --online`"},
};

static bool speaks_of_user(const char *text)
{
    return text && strstr(text, "%{user.");
}

/* Whose sign-in it is: the user's own, or one that all of the endpoint share. */
static const char *credential_owner(const struct run *r, const struct run_side *s)
{
    const struct cfg_endpoint *e = s->endpoint;
    bool own = false;
    for (size_t i = 0; i < e->n_values; i++)
        own |= conn_of_credential(e, e->values[i].name) && speaks_of_user(e->values[i].value);
    for (size_t i = 0; i < e->n_secrets; i++) {
        own |= speaks_of_user(e->secrets[i].text);
        for (size_t k = 0; e->secrets[i].argv && e->secrets[i].argv[k]; k++)
            own |= speaks_of_user(e->secrets[i].argv[k]);
    }
    return own ? r->user->id : "";
}

static const char *scope_name(struct run *r, const struct run_side *s, uint32_t scope)
{
    switch ((enum wess_scope)scope) {
    case WESS_OF_COLLECTION:
        return arena_fmt(r->arena, "collection:%s:%s:%s", s->endpoint->name, s->feed.user,
                         s->feed.collection);
    case WESS_OF_MAILBOX:
        return arena_fmt(r->arena, "mailbox:%s:%s", s->endpoint->name,
                         s->endpoint->per_user ? r->user->id : "");
    case WESS_OF_CREDENTIAL:
        return arena_fmt(r->arena, "credential:%s:%s:%s", s->endpoint->name, credential_owner(r, s),
                         conn_credential(s->conn));
    case WESS_OF_ITEM:
    case WESS_OF_HOST:
        break;
    }
    return arena_fmt(r->arena, "host:%s", s->endpoint->name);
}

static void store_rest(struct run *r, const char *scope, enum wess_code code,
                       const struct wess_error *e)
{
    struct rest_row rest = {0};
    int64_t now = clock_now_ms(), wait = REST_FIRST_MS;
    if (!scope || db_begin(r->db) != STORE_OK)
        return;
    if (rest_get(r->db, r->arena, scope, &rest) != STORE_OK)
        rest.fails = 0;
    for (int i = 0; i < rest.fails && wait < REST_MOST_MS; i++)
        wait *= 2;
    if (e->retry_after_ms > 0)
        wait = e->retry_after_ms;
    else if (wait > REST_MOST_MS)
        wait = REST_MOST_MS;
    bool for_good = code == WESS_AUTH && e->scope == WESS_OF_CREDENTIAL;
    rest = (struct rest_row){.scope = scope,
                             .until_ms = for_good ? REST_FOREVER : now + wait,
                             .fails = rest.fails + 1,
                             .text = e->text};
    rest_put(r->db, &rest);
    if (db_commit(r->db) != STORE_OK)
        run_store_failed(r);
    if (!for_good && (!r->retry_at_ms || rest.until_ms < r->retry_at_ms))
        r->retry_at_ms = rest.until_ms;
}

bool run_trouble_with(struct run *r, const struct run_side *side, enum wess_code code,
                      const struct wess_error *e, const char *stage)
{
    const struct cfg_endpoint *ep = side->endpoint;
    if (code == WESS_CANCELLED || run_cancelled(r))
        return false;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (table[i].code != code)
            continue;
        /* Both sides may be in trouble: what is said is about the worse. */
        bool worse = status_worse(r->report.status, table[i].status) == table[i].status;
        r->report.status = status_worse(r->report.status, table[i].status);
        if (worse || !*r->report.text)
            snprintf(r->report.text, sizeof(r->report.text), "%s (%s): %s%s%s; %s", ep->name, stage,
                     e->text[0] ? e->text : "no answer", e->remote_code[0] ? ", " : "",
                     e->remote_code, table[i].way_out);
        if (table[i].rests && !r->dry)
            store_rest(r, scope_name(r, side, e->scope), code, e);
    }
    log_line(WESS_LOG_WARN, "pair %s user %s endpoint %s %s: code %d scope %u status %d %s %s",
             r->pair->name, r->user->id, ep->name, stage, (int)code, e->scope, e->remote_status,
             e->remote_code, e->text);
    return false;
}

bool run_trouble(struct run *r, enum side side, enum wess_code code, const struct wess_error *e,
                 const char *stage)
{
    return run_trouble_with(r, &r->side[side], code, e, stage);
}

bool run_store_failed(struct run *r)
{
    r->report.status = status_worse(r->report.status, EXIT_STATE);
    snprintf(r->report.text, sizeof(r->report.text), "%s", db_error(r->db));
    log_line(WESS_LOG_ERROR, "pair %s user %s: %s", r->pair->name, r->user->id, db_error(r->db));
    db_rollback(r->db);
    return false;
}

bool run_memory(struct run *r)
{
    r->report.status = status_worse(r->report.status, EXIT_STATE);
    snprintf(r->report.text, sizeof(r->report.text),
             "there is too little memory for one batch; the run stopped, what was settled stands");
    db_rollback(r->db);
    return false;
}

bool run_sound(struct run *r, const struct wess_arena *a)
{
    bool unsure = content_unsure();
    if (db_failed(r->db))
        return run_store_failed(r);
    if (unsure || arena_refused(a) != ARENA_GAVE || arena_refused(r->arena) != ARENA_GAVE)
        return run_memory(r);
    return true;
}

bool run_cancelled(struct run *r)
{
    const bool *cancelled = round_options(r)->cancelled;
    return cancelled && __atomic_load_n(cancelled, __ATOMIC_RELAXED);
}

bool run_resting_with(struct run *r, const struct run_side *side)
{
    static const uint32_t scopes[] = {WESS_OF_CREDENTIAL, WESS_OF_HOST, WESS_OF_MAILBOX,
                                      WESS_OF_COLLECTION};
    int64_t now = clock_now_ms();
    for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
        struct rest_row rest;
        const char *scope = scope_name(r, side, scopes[i]);
        enum store_code rc = scope ? rest_get(r->db, r->arena, scope, &rest) : STORE_FAIL;
        /* Not known is not allowed: a credential that was refused may lock its account. */
        if (!run_sound(r, r->arena))
            return true;
        if (rc != STORE_OK || rest.until_ms <= now)
            continue;
        bool for_good = rest.until_ms == REST_FOREVER;
        if (!for_good && rest.until_ms - now > REST_LONGEST_MS)
            continue; /* none is as long: the clock was put back since */
        r->report.status =
            status_worse(r->report.status, for_good ? EXIT_CREDENTIAL : EXIT_UNREACHABLE);
        if (for_good)
            snprintf(r->report.text, sizeof(r->report.text),
                     "%s: the credential was refused (%s); it is not tried again until it changes",
                     side->endpoint->name, rest.text ? rest.text : "");
        else
            snprintf(r->report.text, sizeof(r->report.text), "%s rests for %lld s more: %s",
                     side->endpoint->name, (long long)((rest.until_ms - now + 999) / 1000),
                     rest.text ? rest.text : "");
        if (!for_good && (!r->retry_at_ms || rest.until_ms < r->retry_at_ms))
            r->retry_at_ms = rest.until_ms;
        return true;
    }
    return false;
}

bool run_resting(struct run *r, enum side side)
{
    bool rests = run_resting_with(r, &r->side[side]);
    r->report.skipped |= rests && run_sound(r, r->arena);
    return rests;
}

/* Once a sign-in works, those that it took the place of are no news any more. */
static void forget_refusals(struct run *r, const struct run_side *side)
{
    const char *prefix =
        arena_fmt(r->arena, "credential:%s:%s:", side->endpoint->name, credential_owner(r, side));
    size_t n = 0, len = prefix ? strlen(prefix) : 0;
    struct rest_row *rests = NULL;
    if (!prefix || rests_list(r->db, r->arena, &rests, &n) != STORE_OK)
        return;
    for (size_t i = 0; i < n; i++)
        if (!strncmp(rests[i].scope, prefix, len) && !strchr(rests[i].scope + len, ':') &&
            db_begin(r->db) == STORE_OK) {
            rest_clear(r->db, rests[i].scope);
            db_commit(r->db);
        }
}

void run_welcome_with(struct run *r, const struct run_side *side)
{
    static const uint32_t scopes[] = {WESS_OF_HOST, WESS_OF_MAILBOX, WESS_OF_COLLECTION};
    if (!r->dry)
        forget_refusals(r, side);
    for (size_t i = 0; !r->dry && i < sizeof(scopes) / sizeof(scopes[0]); i++) {
        struct rest_row rest;
        const char *scope = scope_name(r, side, scopes[i]);
        if (!scope || rest_get(r->db, r->arena, scope, &rest) != STORE_OK ||
            db_begin(r->db) != STORE_OK)
            continue;
        rest_clear(r->db, scope);
        db_commit(r->db);
    }
}

void run_welcome(struct run *r, enum side side)
{
    run_welcome_with(r, &r->side[side]);
}
