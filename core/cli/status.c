/* How each pair of each user stands: what an administrator looks at in the morning. */
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/places.h"
#include "cli/table.h"
#include "daemon/daemon.h"
#include "host/conn.h"

#define RESTS_FOREVER INT64_MAX
#define CREDENTIAL "credential:"
#define CREDENTIAL_LEN (sizeof(CREDENTIAL) - 1)

struct standing {
    const struct place *place;
    struct run_row last;
    bool ran;
    const char *text;
    int64_t links, questions, held, parked, todo;
    int status;
};
struct board {
    const struct cli *cli;
    struct db *db;
    struct standing *of;
    size_t n;
    struct rest_row *rests;
    size_t n_rests;
    bool daemon;
    int status;
};

static bool is_credential(const struct rest_row *r)
{
    return !strncmp(r->scope, CREDENTIAL, CREDENTIAL_LEN);
}

static int endpoint_length(const struct rest_row *r)
{
    return (int)strcspn(r->scope + CREDENTIAL_LEN, ":");
}

/* ---- gathering --------------------------------------------------------------------------------
 */

static const char *report_text(struct wess_arena *a, const char *report)
{
    json_t *j = report ? json_loads(report, 0, NULL) : NULL;
    const char *text = json_string_value(json_object_get(j, "text"));
    const char *out = text && *text ? arena_text(a, text) : NULL;
    json_decref(j);
    return out;
}

static bool gather_waits(struct board *b, struct standing *s)
{
    struct ask_row *asks = NULL;
    struct hold_row *holds = NULL;
    struct parked_row *parked = NULL;
    size_t n = 0, n_holds = 0, n_parked = 0;
    int64_t pu = s->place->pu.id;
    struct wess_arena *a = b->cli->arena;
    if (asks_list(b->db, a, pu, true, &asks, &n) != STORE_OK ||
        holds_list(b->db, a, pu, &holds, &n_holds) != STORE_OK ||
        parked_list(b->db, a, pu, &parked, &n_parked) != STORE_OK)
        return false;
    s->questions = (int64_t)n;
    s->parked = (int64_t)n_parked;
    for (size_t i = 0; i < n_holds; i++)
        if (!holds[i].released)
            s->held += holds[i].n;
    return true;
}

static bool gather_one(struct board *b, struct standing *s, const struct place *p)
{
    int64_t held = 0;
    *s = (struct standing){.place = p};
    enum store_code rc = run_last(b->db, b->cli->arena, p->pu.id, &s->last);
    s->ran = rc == STORE_OK;
    if (rc == STORE_FAIL || link_count(b->db, p->pu.id, &s->links) != STORE_OK ||
        todo_count(b->db, p->pu.id, &s->todo, &held) != STORE_OK || !gather_waits(b, s))
        return false;
    if (s->ran)
        s->text = report_text(b->cli->arena, s->last.report);
    /* What waited when the run ended may have been answered since: that is counted, not believed.
     */
    s->status = s->ran ? s->last.status : EXIT_IN_STEP;
    if (s->status == EXIT_WAITS || s->status == EXIT_HELD)
        s->status = EXIT_IN_STEP;
    if (s->questions || s->parked)
        s->status = status_worse(s->status, EXIT_WAITS);
    if (s->held)
        s->status = status_worse(s->status, EXIT_HELD);
    b->status = status_worse(b->status, s->status);
    return true;
}

/* A rest of an endpoint that the configuration no longer names is nobody's trouble. */
static bool still_matters(const struct cli *c, const struct rest_row *r)
{
    const char *colon = strchr(r->scope, ':');
    for (size_t i = 0; colon && i < c->config->n_endpoints; i++) {
        const char *name = c->config->endpoints[i].name;
        size_t len = strlen(name);
        if (!strncmp(colon + 1, name, len) && (colon[len + 1] == ':' || !colon[len + 1]))
            return true;
    }
    return false;
}

static bool gather_rests(struct board *b)
{
    size_t n = 0;
    if (rests_list(b->db, b->cli->arena, &b->rests, &n) != STORE_OK)
        return false;
    for (size_t i = 0; i < n; i++)
        if (still_matters(b->cli, &b->rests[i]))
            b->rests[b->n_rests++] = b->rests[i];
    return true;
}

/* A rest outlives its run, and is there even when no run could begin. */
static void judge_rests(struct board *b)
{
    int64_t now = clock_now_ms();
    for (size_t i = 0; i < b->n_rests; i++)
        if (b->rests[i].until_ms > now)
            b->status = status_worse(b->status, is_credential(&b->rests[i]) ? EXIT_CREDENTIAL
                                                                            : EXIT_UNREACHABLE);
}

static bool gather(struct board *b, const char *user)
{
    struct places places;
    struct wess_arena *a = b->cli->arena;
    if (!b->db || !places_load(b->cli, b->db, NULL, user, &places) || !gather_rests(b))
        return false;
    b->of = arena_alloc(a, (places.n + 1) * sizeof(*b->of));
    for (size_t i = 0; b->of && i < places.n; i++)
        if (!gather_one(b, &b->of[b->n++], &places.of[i]))
            return false;
    judge_rests(b);
    int fd = control_connect(b->cli->config);
    b->daemon = fd >= 0;
    if (fd >= 0)
        close(fd);
    return b->of != NULL;
}

/* ---- for people -------------------------------------------------------------------------------
 */

static const char *stands(const struct standing *s)
{
    static const struct {
        int status;
        const char *word;
    } words[] = {{EXIT_IN_STEP, "in step"},
                 {EXIT_WAITS, "waits for you"},
                 {EXIT_USAGE, "misconfigured"},
                 {EXIT_UNREACHABLE, "unreachable"},
                 {EXIT_HELD, "held"},
                 {EXIT_CREDENTIAL, "credential refused"},
                 {EXIT_STATE, "trouble with state"}};
    if (s->place->user && s->place->user->mode == MODE_OFF)
        return "off";
    if (!s->place->user)
        return "no longer listed: paused";
    if (!s->ran)
        return s->place->user->mode == MODE_OBSERVE ? "observed" : "never run";
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (words[i].status == s->status)
            return words[i].word;
    return "";
}

static const char *number(const struct board *b, int64_t n)
{
    return n ? arena_fmt(b->cli->arena, "%lld", (long long)n) : NULL;
}

static void print_table(const struct board *b)
{
    static const struct column columns[] = {
        {"USER", false, 20},     {"PAIR", false, 20}, {"STANDS", false, 28},
        {"LAST RUN", false, 16}, {"LINKS", true, 0},  {"TO DO", true, 0},
        {"DECISIONS", true, 0},  {"HELD", true, 0},   {"PARKED", true, 0}};
    struct table t;
    table_init(&t, b->cli->arena, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < b->n; i++) {
        const struct standing *s = &b->of[i];
        const char *cells[] = {place_user(s->place),
                               s->place->pair->name,
                               stands(s),
                               cli_when(b->cli->arena, s->last.ended_ms),
                               number(b, s->links),
                               number(b, s->todo),
                               number(b, s->questions),
                               number(b, s->held),
                               number(b, s->parked)};
        table_row(&t, cells);
    }
    table_print(&t, b->cli->out, "");
    if (!b->n)
        fputs("Nothing has run yet; `wess sync` begins.\n", b->cli->out);
}

static void print_rests(const struct board *b)
{
    const struct cli *c = b->cli;
    int64_t now = clock_now_ms();
    for (size_t i = 0; i < b->n_rests; i++) {
        const struct rest_row *r = &b->rests[i];
        const char *text = text_shown(c->arena, r->text ? r->text : "");
        if (r->until_ms <= now)
            continue;
        if (is_credential(r))
            fprintf(c->out, "A credential of %.*s was refused: %s\n", endpoint_length(r),
                    r->scope + CREDENTIAL_LEN, text);
        else if (r->until_ms == RESTS_FOREVER)
            fprintf(c->out, "%s rests until it changes: %s\n", r->scope, text);
        else
            fprintf(c->out, "%s rests until %s: %s\n", r->scope, cli_when(c->arena, r->until_ms),
                    text);
    }
}

static void print_expiry(void *ctx, const char *endpoint, const char *secret, int64_t days)
{
    const struct cli *c = ctx;
    if (days < 0)
        fprintf(c->out, "%s of %s has expired.\n", secret, endpoint);
    else
        fprintf(c->out, "%s of %s expires in %s.\n", secret, endpoint,
                cli_count(c->arena, days, "day", "days"));
}

static void print_text(const struct board *b)
{
    const struct cli *c = b->cli;
    int64_t questions = 0, held = 0, parked = 0;
    print_table(b);
    fputc('\n', c->out);
    for (size_t i = 0; i < b->n; i++) {
        questions += b->of[i].questions;
        held += b->of[i].held;
        parked += b->of[i].parked;
        if (b->of[i].text)
            fprintf(c->out, "%s, %s: %s\n", place_user(b->of[i].place), b->of[i].place->pair->name,
                    text_shown(c->arena, b->of[i].text));
    }
    print_rests(b);
    config_expiries(c->config, clock_now_ms(), print_expiry, (void *)c);
    fprintf(c->out, "The daemon is %s.\n", b->daemon ? "running" : "not running");
    if (questions)
        fputs("Decisions: wess conflicts list\n", c->out);
    if (held)
        fputs("Held: wess held list\n", c->out);
    if (parked)
        fputs("Parked: wess parked list\n", c->out);
}

/* ---- JSON -------------------------------------------------------------------------------------
 */

static void print_json(const struct board *b)
{
    json_t *list = json_array(), *rests = json_array();
    for (size_t i = 0; i < b->n; i++) {
        const struct standing *s = &b->of[i];
        json_array_append_new(
            list, json_pack("{s:s,s:s,s:s,s:i,s:s*,s:I,s:I,s:I,s:I,s:I,s:I,s:b}", "pair",
                            s->place->pair->name, "user", place_user(s->place), "stands", stands(s),
                            "status", s->status, "text", s->text, "last_run_ms",
                            (json_int_t)s->last.ended_ms, "links", (json_int_t)s->links, "todo",
                            (json_int_t)s->todo, "decisions", (json_int_t)s->questions, "held",
                            (json_int_t)s->held, "parked", (json_int_t)s->parked, "met",
                            s->place->pu.met));
    }
    for (size_t i = 0; i < b->n_rests; i++)
        json_array_append_new(rests, json_pack("{s:s,s:I,s:s*}", "scope", b->rests[i].scope,
                                               "until_ms", (json_int_t)b->rests[i].until_ms, "text",
                                               b->rests[i].text));
    cli_json(b->cli, json_pack("{s:o,s:o,s:b,s:i}", "runs", list, "rests", rests, "daemon",
                               b->daemon, "status", b->status));
}

int cmd_status(struct cli *c, const struct cli_args *a)
{
    struct board b = {.cli = c, .status = EXIT_IN_STEP};
    const char *user;
    if (!cli_user(c, a, &user))
        return EXIT_USAGE;
    b.db = db_open(c->store, false);
    if (!gather(&b, user))
        b.status = cli_store_failed(c, b.db);
    else if (cli_has(a, OPT_JSON))
        print_json(&b);
    else
        print_text(&b);
    db_close(b.db);
    return b.status;
}
