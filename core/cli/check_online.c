/* `check --online`: one signed-in round trip to each endpoint of each user. */
#include "cli/check.h"

#include <string.h>

#include "cli/progress.h"
#include "cli/table.h"
#include "host/conn.h"

struct look {
    struct cli *cli;
    struct progress progress;
    struct table table;
    json_t *json;
    int64_t done, of;
    bool stopped; /* a credential was refused: nobody else is tried with it */
    int status;
};

/* What an answer means to whoever reads it. */
static const struct {
    enum wess_code code;
    int status;
    const char *word, *way_out;
} table[] = {
    {WESS_OK, EXIT_IN_STEP, "reachable", ""},
    {WESS_UNKNOWN, EXIT_UNREACHABLE, "no answer", "try again"},
    {WESS_NOT_TRIED, EXIT_UNREACHABLE, "unreachable",
     "check the address, the network, the proxy and the certificate"},
    {WESS_TRANSIENT, EXIT_UNREACHABLE, "unreachable", "try again"},
    {WESS_THROTTLED, EXIT_UNREACHABLE, "busy", "try again later"},
    {WESS_AUTH, EXIT_CREDENTIAL, "refused", "check user name, secret and rights there"},
    {WESS_CONFLICT, EXIT_UNREACHABLE, "odd answer", "see the log"},
    {WESS_GONE, EXIT_UNREACHABLE, "not there", "check the mailbox's name, or take the user off"},
    {WESS_REJECTED, EXIT_USAGE, "rejected", "see the log for the remote's words"},
    {WESS_TOO_BIG, EXIT_UNREACHABLE, "too large", "raise http.body_max"},
    {WESS_RESET, EXIT_UNREACHABLE, "odd answer", "see the log"},
    {WESS_CANCELLED, EXIT_UNREACHABLE, "interrupted", ""},
    {WESS_BROKEN, EXIT_USAGE, "not usable", "check url and the endpoint's options"},
};
#define ANSWERS (sizeof(table) / sizeof(table[0]))

static size_t answer_of(enum wess_code code)
{
    for (size_t i = 0; i < ANSWERS; i++)
        if (table[i].code == code)
            return i;
    return ANSWERS - 1;
}

/* ---- one endpoint of one user -----------------------------------------------------------------
 */

struct seen {
    enum wess_code code;
    struct wess_error error;
    const char *identity, *version, *collections, *missing;
};

static const char *name_collections(const struct look *l, const struct wess_schema *schema)
{
    const char *out = "";
    for (size_t i = 0; out && i < schema->n; i++)
        out = arena_fmt(l->cli->arena, "%s%s%s", out, i ? ", " : "", schema->of[i].id);
    return out ? out : "";
}

/* A collection that a pair of this endpoint names and the remote does not have. */
static const char *missing(const struct look *l, const struct cfg_endpoint *e,
                           const struct wess_schema *schema)
{
    const struct config *cfg = l->cli->config;
    for (size_t p = 0; p < cfg->n_pairs; p++)
        for (int s = LEFT; s <= RIGHT; s++) {
            bool there = cfg->pairs[p].endpoint[s] != e;
            for (size_t i = 0; i < schema->n && !there; i++)
                there = !strcmp(schema->of[i].id, cfg->pairs[p].collection[s]);
            if (!there)
                return arena_fmt(l->cli->arena, "it has no collection \"%s\", which pair %s names",
                                 cfg->pairs[p].collection[s], cfg->pairs[p].name);
        }
    return NULL;
}

static void look_at(const struct look *l, const struct cfg_endpoint *e, const struct cfg_user *user,
                    struct seen *out)
{
    struct wess_arena *a = arena_new(ARENA_BUDGET);
    struct conn *conn = NULL;
    *out = (struct seen){.code = WESS_BROKEN};
    if (a)
        out->code = conn_open(l->cli->config, e, user, l->cli->cancelled, &conn, &out->error);
    if (conn)
        out->code = conn_check(conn, a, &out->error);
    const struct wess_schema *schema =
        conn && out->code == WESS_OK ? conn_schema(conn, &out->error, &out->code) : NULL;
    if (schema) {
        out->identity = arena_text(l->cli->arena, schema->identity);
        out->version = arena_text(l->cli->arena, schema->version);
        out->collections = name_collections(l, schema);
        out->missing = missing(l, e, schema);
    }
    conn_close(conn);
    arena_free(a);
}

/* ---- telling ----------------------------------------------------------------------------------
 */

static const char *text_of(const struct look *l, const struct seen *s, size_t answer)
{
    const char *remote = s->error.remote_code;
    if (s->missing)
        return s->missing;
    if (s->code == WESS_OK)
        return s->collections;
    return arena_fmt(l->cli->arena, "%s%s%s%s%s%s", s->error.text[0] ? s->error.text : "no reason",
                     *remote ? " (" : "", remote, *remote ? ")" : "",
                     *table[answer].way_out ? "; " : "", table[answer].way_out);
}

static void tell(struct look *l, const struct cfg_endpoint *e, const struct cfg_user *user,
                 const struct seen *s)
{
    size_t answer = answer_of(s->code);
    const char *text = text_of(l, s, answer);
    int status = s->missing ? EXIT_USAGE : table[answer].status;
    const char *cells[] = {
        e->name, user ? user->id : "(all)", table[answer].word, s->identity, s->version, text};
    l->status = status_worse(l->status, status);
    if (!l->json) {
        table_row(&l->table, cells);
        return;
    }
    json_array_append_new(l->json,
                          json_pack("{s:s,s:s*,s:b,s:s,s:i,s:s*,s:s*,s:s*}", "endpoint", e->name,
                                    "user", user ? user->id : NULL, "reachable", s->code == WESS_OK,
                                    "answer", table[answer].word, "status", status, "identity",
                                    s->identity, "version", s->version, "text", text));
}

/* ---- all of them ------------------------------------------------------------------------------
 */

static bool is_wanted(const struct cfg_user *u, const char *user)
{
    return user ? !strcmp(u->id, user) : u->mode != MODE_OFF;
}

static void look_and_tell(struct look *l, const struct cfg_endpoint *e, const struct cfg_user *u)
{
    struct seen seen;
    if (__atomic_load_n(l->cli->cancelled, __ATOMIC_RELAXED))
        return;
    progress_show(&l->progress, "", u ? u->id : "", e->name, ++l->done, l->of);
    look_at(l, e, u, &seen);
    tell(l, e, u, &seen);
}

static void look_at_users(struct look *l, const struct cfg_endpoint *e, const char *user)
{
    const struct config *cfg = l->cli->config;
    if (!e->per_user) {
        look_and_tell(l, e, NULL);
        return;
    }
    for (size_t u = 0; u < cfg->n_users; u++)
        if (is_wanted(&cfg->users[u], user))
            look_and_tell(l, e, &cfg->users[u]);
}

int check_online(struct cli *c, const char *user, json_t **json)
{
    static const struct column columns[] = {{"ENDPOINT", false, 24}, {"USER", false, 24},
                                            {"ANSWER", false, 0},    {"WHO IT IS", false, 44},
                                            {"VERSION", false, 32},  {"", false, 0}};
    struct look l = {.cli = c, .progress = {.cli = c}, .json = json ? json_array() : NULL};
    table_init(&l.table, c->arena, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t e = 0; e < c->config->n_endpoints; e++)
        l.of += c->config->endpoints[e].per_user ? (int64_t)c->config->n_users : 1;
    for (size_t e = 0; e < c->config->n_endpoints; e++)
        look_at_users(&l, &c->config->endpoints[e], user);
    progress_clear(&l.progress);
    if (json) {
        *json = l.json;
        return l.status;
    }
    fputc('\n', c->out);
    table_print(&l.table, c->out, "");
    if (l.status == EXIT_IN_STEP)
        fputs("\nEverything answers. `wess plan` shows what a sync would do.\n", c->out);
    return l.status;
}
