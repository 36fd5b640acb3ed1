/* `check --online`: one signed-in round trip to each endpoint of each user. */
#include "cli/check.h"

#include <stdlib.h>
#include <string.h>

#include "cli/progress.h"
#include "cli/table.h"
#include "host/conn.h"

/* A note that stands in the table: said of the next user as well, it is not said again. */
struct told {
    struct told *next;
    const char *name, *value;
};
struct look {
    struct cli *cli;
    struct progress progress;
    struct table table, notes;
    struct told *told; /* the notes of the endpoint looked at */
    json_t *json;
    int64_t done, of;
    bool stopped; /* a credential was refused: nobody else is tried with it */
    int status;
    struct conn_stats clock; /* of the endpoint looked at: what is furthest off */
    const char *warnings;
};

/* What the engine takes for one and the same time when it asks which of two is newer. */
#define CLOCKS_DIFFER_MS 60000

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
    const struct wess_fact *notes; /* in the command's arena */
    size_t n_notes;
    uint64_t lacks, keeps; /* see struct wess_call */
    bool clock_known;
    int64_t ahead_ms;
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

/* What the pairs of this endpoint say of it, for this user or for each. */
static const char *pair_wrong(const struct look *l, const struct cfg_endpoint *e,
                              const struct cfg_user *only, struct conn *conn, struct wess_arena *a)
{
    const struct config *cfg = l->cli->config;
    const char *wrong = NULL;
    for (size_t i = 0; i < 2 * cfg->n_pairs * cfg->n_users && !wrong; i++) {
        const struct cfg_pair *p = &cfg->pairs[i / 2 / cfg->n_users];
        const struct cfg_user *u = &cfg->users[i / 2 % cfg->n_users];
        if (p->endpoint[i % 2] != e || u->mode == MODE_OFF || (only && u != only))
            continue;
        wrong = conn_pair_wrong(conn, p, (int)(i % 2), u, a, true);
        if (wrong && !only)
            wrong = arena_fmt(l->cli->arena, "user %s, %s", u->id, wrong);
    }
    return wrong ? arena_text(l->cli->arena, wrong) : NULL;
}

static void keep_notes(const struct look *l, const struct conn_notes *notes, struct seen *out)
{
    struct wess_fact *of = arena_alloc(l->cli->arena, (notes->n + 1) * sizeof(*of));
    for (size_t i = 0; of && i < notes->n; i++) {
        of[out->n_notes].name = arena_text(l->cli->arena, notes->of[i].name);
        of[out->n_notes].value = arena_text(l->cli->arena, notes->of[i].value);
        out->n_notes += of[out->n_notes].name && of[out->n_notes].value;
    }
    out->notes = of;
}

/* Whether a run for this user would write there: then it is tried. */
static bool is_written(const struct look *l, const struct cfg_endpoint *e,
                       const struct cfg_user *user)
{
    static const struct {
        enum wave_mode mode;
        enum direction not ;
    } to[] = {[LEFT] = {MODE_TO_LEFT, DIR_TO_RIGHT}, [RIGHT] = {MODE_TO_RIGHT, DIR_TO_LEFT}};
    const struct config *cfg = l->cli->config;
    bool any = false;
    for (size_t p = 0; user && p < cfg->n_pairs; p++)
        for (int s = LEFT; s <= RIGHT; s++)
            any |= cfg->pairs[p].endpoint[s] == e &&
                   cfg->pairs[p].direction !=
                       to[s].not &&(user->mode == MODE_BOTH || user->mode == to[s].mode);
    return any;
}

static void look_at(const struct look *l, const struct cfg_endpoint *e, const struct cfg_user *user,
                    struct seen *out)
{
    struct wess_arena *a = arena_new(ARENA_BUDGET);
    struct conn *conn = NULL;
    *out = (struct seen){.code = WESS_BROKEN};
    if (a)
        out->code = conn_open(l->cli->config, e, user, l->cli->cancelled, &conn, &out->error);
    if (conn) {
        struct conn_notes notes;
        conn_allow_writes(conn, is_written(l, e, user));
        out->code = conn_check(conn, a, &notes, &out->error);
        keep_notes(l, &notes, out);
        out->lacks = notes.lacks;
        out->keeps = notes.keeps;
        out->clock_known = conn_stats(conn)->clock_known;
        out->ahead_ms = conn_stats(conn)->ahead_ms;
    }
    const struct wess_schema *schema =
        conn && out->code == WESS_OK ? conn_schema(conn, &out->error, &out->code) : NULL;
    if (schema) {
        out->identity = arena_text(l->cli->arena, schema->identity);
        out->version = arena_text(l->cli->arena, schema->version);
        out->collections = name_collections(l, schema);
        out->missing = missing(l, e, schema);
        if (!out->missing)
            out->missing = pair_wrong(l, e, user, conn, a);
    }
    conn_close(conn);
    arena_free(a);
}

/* ---- telling ----------------------------------------------------------------------------------
 */

static const char *text_of(const struct look *l, const struct seen *s, size_t answer)
{
    const char *remote = s->error.remote_code;
    /* What is wrong with one credential or mailbox says itself what to do. */
    bool own = s->code == WESS_BROKEN && s->error.scope != WESS_OF_HOST;
    const char *way_out = own ? "" : table[answer].way_out;
    if (s->missing)
        return s->missing;
    if (s->code == WESS_OK)
        return s->collections;
    return arena_fmt(l->cli->arena, "%s%s%s%s%s%s", s->error.text[0] ? s->error.text : "no reason",
                     *remote ? " (" : "", remote, *remote ? ")" : "", *way_out ? "; " : "",
                     way_out);
}

static json_t *notes_json(const struct seen *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->n_notes; i++)
        json_array_append_new(
            list, json_pack("{s:s,s:s}", "name", s->notes[i].name, "text", s->notes[i].value));
    return list;
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
    json_t *ahead = s->clock_known ? json_integer((json_int_t)s->ahead_ms) : NULL;
    json_array_append_new(l->json,
                          json_pack("{s:s,s:s*,s:b,s:s,s:i,s:s*,s:s*,s:s*,s:o*,s:o}", "endpoint",
                                    e->name, "user", user ? user->id : NULL, "reachable",
                                    s->code == WESS_OK, "answer", table[answer].word, "status",
                                    status, "identity", s->identity, "version", s->version, "text",
                                    text, "clock_ahead_ms", ahead, "notes", notes_json(s)));
}

/* ---- clocks -----------------------------------------------------------------------------------
 */

static int64_t span_of(int64_t ms)
{
    return ms < 0 ? -ms : ms;
}

/* The users of an endpoint reach one remote: its clock is told once. */
static void compare_clock(struct look *l, const struct seen *s)
{
    if (!s->clock_known || span_of(s->ahead_ms) < span_of(l->clock.ahead_ms))
        return;
    l->clock.clock_known = true;
    l->clock.ahead_ms = s->ahead_ms;
}

static const char *span_text(const struct look *l, int64_t ms)
{
    long long s = (long long)(ms + 500) / 1000;
    if (s < 120)
        return arena_fmt(l->cli->arena, "%lld s", s);
    if (s < 7200)
        return arena_fmt(l->cli->arena, "%lld min %lld s", s / 60, s % 60);
    return arena_fmt(l->cli->arena, "%lld h %lld min", s / 3600, s / 60 % 60);
}

/* ---- notes ------------------------------------------------------------------------------------
 */

static bool is_told(const struct look *l, const char *name, const char *value)
{
    for (const struct told *t = l->told; t; t = t->next)
        if (!strcmp(t->name, name) && !strcmp(t->value, value))
            return true;
    return false;
}

static void note(struct look *l, const struct cfg_endpoint *e, const struct cfg_user *user,
                 const char *name, const char *value)
{
    const char *cells[] = {e->name, user ? user->id : "(all)", name, value};
    struct told *t =
        value && !is_told(l, name, value) ? arena_alloc(l->cli->arena, sizeof(*t)) : NULL;
    if (!t)
        return;
    *t = (struct told){l->told, name, value};
    l->told = t;
    table_row(&l->notes, cells);
}

static void note_all(struct look *l, const struct cfg_endpoint *e, const struct cfg_user *user,
                     const struct seen *s)
{
    for (size_t i = 0; i < s->n_notes; i++)
        note(l, e, user, s->notes[i].name, s->notes[i].value);
    if (s->clock_known)
        note(l, e, user, "clock",
             span_of(s->ahead_ms) < 1000 ? "as this machine's"
                                         : arena_fmt(l->cli->arena, "%s %s this machine's",
                                                     span_text(l, span_of(s->ahead_ms)),
                                                     s->ahead_ms > 0 ? "ahead of" : "behind"));
}

static void warn_of_clock(struct look *l, const struct cfg_endpoint *e)
{
    const char *span = span_text(l, span_of(l->clock.ahead_ms)), *more = NULL;
    if (l->clock.clock_known && span_of(l->clock.ahead_ms) > CLOCKS_DIFFER_MS && span)
        more = arena_fmt(l->cli->arena,
                         "%swarning: the clock of endpoint %s is %s %s this machine's: what was "
                         "changed last cannot be told reliably; set both by NTP\n",
                         l->warnings, e->name, span, l->clock.ahead_ms > 0 ? "ahead of" : "behind");
    l->warnings = more ? more : l->warnings;
    l->clock = (struct conn_stats){0};
}

/* ---- what was seen is remembered --------------------------------------------------------------
 */

static void remember(struct look *l, const struct cfg_endpoint *e, const struct seen *s)
{
    const struct check_lacks lacks = {e->name, s->identity, s->lacks, s->keeps};
    char *why = NULL;
    const char *more;
    /* What holds, and cannot be noted, is no worse than what was thought before. */
    if (!check_remember(l->cli, &lacks, &why) && s->lacks) {
        more = arena_fmt(l->cli->arena,
                         "%swarning: endpoint %s takes stale revisions, and that cannot be "
                         "remembered (%s): stop what uses the state and check once more\n",
                         l->warnings, e->name, why ? why : "the state cannot be written");
        l->warnings = more ? more : l->warnings;
        l->status = status_worse(l->status, EXIT_STATE);
    }
    free(why);
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
    note_all(l, e, u, &seen);
    compare_clock(l, &seen);
    remember(l, e, &seen);
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
    struct look l = {
        .cli = c, .progress = {.cli = c}, .json = json ? json_array() : NULL, .warnings = ""};
    static const struct column noted[] = {
        {"ENDPOINT", false, 24}, {"USER", false, 24}, {"FOUND", false, 24}, {"", false, 0}};
    table_init(&l.table, c->arena, columns, sizeof(columns) / sizeof(columns[0]));
    table_init(&l.notes, c->arena, noted, sizeof(noted) / sizeof(noted[0]));
    for (size_t e = 0; e < c->config->n_endpoints; e++)
        l.of += c->config->endpoints[e].per_user ? (int64_t)c->config->n_users : 1;
    for (size_t e = 0; e < c->config->n_endpoints; e++) {
        l.told = NULL;
        look_at_users(&l, &c->config->endpoints[e], user);
        warn_of_clock(&l, &c->config->endpoints[e]);
    }
    progress_clear(&l.progress);
    fputs(l.warnings, c->err);
    if (json) {
        *json = l.json;
        return l.status;
    }
    fputc('\n', c->out);
    table_print(&l.table, c->out, "");
    if (l.notes.n) {
        fputc('\n', c->out);
        table_print(&l.notes, c->out, "");
    }
    if (l.status == EXIT_IN_STEP)
        fputs("\nEverything answers. `wess plan` shows what a sync would do.\n", c->out);
    return l.status;
}
