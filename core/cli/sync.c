/* One round now, told in a short table, and then what waits for a person. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "daemon/daemon.h"
#include "host/conn.h"

struct ran { /* all that the runs of one pair and user did in this round */
    const char *pair, *user, *text, *log_ref;
    size_t order; /* as the configuration has them */
    struct run_report sum;
};
struct sync {
    struct cli *cli;
    struct progress progress;
    struct ran *of;
    size_t n, cap;
    bool spent;
    const char *broken; /* what stopped the round as a whole */
};

/* ---- gathering --------------------------------------------------------------------------------
 */

static int by_order(const void *left, const void *right)
{
    const struct ran *a = left, *b = right;
    return (a->order > b->order) - (a->order < b->order);
}

static struct ran *ran_of(struct sync *s, const struct run_report *r)
{
    struct wess_arena *a = s->cli->arena;
    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(s->of[i].pair, r->pair) && !strcmp(s->of[i].user, r->user))
            return &s->of[i];
    if (s->n == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 16;
        struct ran *more = arena_alloc(a, cap * sizeof(*more));
        if (!more)
            return NULL;
        if (s->n)
            memcpy(more, s->of, s->n * sizeof(*more));
        s->of = more;
        s->cap = cap;
    }
    struct ran *ran = &s->of[s->n];
    *ran = (struct ran){.pair = arena_text(a, r->pair),
                        .user = arena_text(a, r->user),
                        .order = cli_order(s->cli->config, r->pair, r->user)};
    if (!ran->pair || !ran->user)
        return NULL;
    s->n++;
    return ran;
}

static void add_side(struct side_counts *to, const struct side_counts *of)
{
    to->read += of->read;
    to->created += of->created;
    to->updated += of->updated;
    to->deleted += of->deleted;
    to->ended += of->ended;
}

/* A run may be repeated within its round: what it did adds up, how it stands is the last word. */
static void on_report(void *ctx, const struct run_report *r)
{
    struct sync *s = ctx;
    if (!*r->pair) {
        s->broken = arena_text(s->cli->arena, r->text);
        return;
    }
    struct ran *ran = ran_of(s, r);
    if (!ran) {
        s->spent = true;
        return;
    }
    struct run_report *sum = &ran->sum;
    for (int i = LEFT; i <= RIGHT; i++)
        add_side(&sum->side[i], &r->side[i]);
    sum->reconciled += r->reconciled;
    sum->linked += r->linked;
    sum->questions += r->questions;
    sum->conflicts += r->conflicts;
    sum->parked += r->parked;
    sum->held += r->held;
    sum->deferred = r->deferred;
    sum->later = r->later;
    sum->requests += r->requests;
    sum->bytes += r->bytes;
    sum->ms += r->ms;
    sum->status = r->status;
    sum->observed = r->observed;
    sum->open_questions = r->open_questions;
    sum->open_parked = r->open_parked;
    sum->open_held = r->open_held;
    ran->text = r->text[0] ? arena_text(s->cli->arena, r->text) : NULL;
    ran->log_ref = r->log_ref[0] ? arena_text(s->cli->arena, r->log_ref) : NULL;
    progress_clear(&s->progress);
}

static void on_progress(void *ctx, const char *pair, const char *user, const char *stage,
                        int64_t done, int64_t of)
{
    struct sync *s = ctx;
    progress_show(&s->progress, pair, user, stage, done, of);
}

/* ---- JSON -------------------------------------------------------------------------------------
 */

static json_t *side_json(const struct side_counts *c)
{
    return json_pack("{s:I,s:I,s:I,s:I,s:I}", "read", (json_int_t)c->read, "created",
                     (json_int_t)c->created, "updated", (json_int_t)c->updated, "deleted",
                     (json_int_t)c->deleted, "ended", (json_int_t)c->ended);
}

static json_t *ran_json(const struct ran *r)
{
    const struct run_report *p = &r->sum;
    return json_pack(
        "{s:s,s:s,s:i,s:s,s:b,s:o,s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "pair",
        r->pair, "user", r->user, "status", p->status, "text", r->text ? r->text : "", "observed",
        p->observed, "left", side_json(&p->side[LEFT]), "right", side_json(&p->side[RIGHT]),
        "reconciled", (json_int_t)p->reconciled, "linked", (json_int_t)p->linked, "questions",
        (json_int_t)p->questions, "conflicts", (json_int_t)p->conflicts, "parked",
        (json_int_t)p->parked, "held", (json_int_t)p->held, "deferred", (json_int_t)p->deferred,
        "later", (json_int_t)p->later, "requests", (json_int_t)p->requests, "bytes",
        (json_int_t)p->bytes, "ms", (json_int_t)p->ms);
}

static void print_json(const struct sync *s, int status)
{
    json_t *runs = json_array();
    for (size_t i = 0; i < s->n; i++)
        json_array_append_new(runs, ran_json(&s->of[i]));
    cli_json(s->cli,
             json_pack("{s:o,s:i,s:s*}", "runs", runs, "status", status, "text", s->broken));
}

/* ---- the table --------------------------------------------------------------------------------
 */

static const char *number(const struct sync *s, int64_t n)
{
    return n ? arena_fmt(s->cli->arena, "%lld", (long long)n) : "0";
}

/* Sums of a whole run stand in its first line; zeroes there are left blank. */
static const char *once(const struct sync *s, int side, int64_t n)
{
    return side == LEFT && n ? number(s, n) : NULL;
}

/* It could not even begin: its text says all. */
static bool is_idle(const struct ran *r)
{
    const struct run_report *p = &r->sum;
    int64_t n = p->linked + p->questions + p->conflicts + p->parked + p->held;
    for (int side = LEFT; side <= RIGHT; side++)
        n += p->side[side].read + p->side[side].created + p->side[side].updated +
             p->side[side].deleted + p->side[side].ended;
    return !n && r->text;
}

static void add_rows(const struct sync *s, struct table *t, const struct ran *r)
{
    const struct cfg_pair *pair = config_pair(s->cli->config, r->pair);
    const struct run_report *p = &r->sum;
    for (int side = LEFT; side <= RIGHT; side++) {
        const struct side_counts *n = &p->side[side];
        const char *cells[] = {
            side == LEFT ? r->pair : NULL,
            side == LEFT ? r->user : NULL,
            pair ? cli_side_name(pair, (enum side)side, s->cli->arena) : NULL,
            number(s, n->read),
            number(s, n->created),
            number(s, n->updated),
            number(s, n->deleted),
            number(s, n->ended),
            once(s, side, p->linked),
            once(s, side, p->questions + p->conflicts),
            once(s, side, p->parked),
            once(s, side, p->held),
        };
        table_row(t, cells);
    }
}

static void print_runs(const struct sync *s)
{
    static const struct column columns[] = {
        {"PAIR", false, 20},  {"USER", false, 20},    {"SIDE", false, 30},  {"READ", true, 0},
        {"CREATED", true, 0}, {"UPDATED", true, 0},   {"DELETED", true, 0}, {"ENDED", true, 0},
        {"LINKED", true, 0},  {"QUESTIONS", true, 0}, {"PARKED", true, 0},  {"HELD", true, 0}};
    struct table t;
    table_init(&t, s->cli->arena, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < s->n; i++)
        if (!is_idle(&s->of[i]))
            add_rows(s, &t, &s->of[i]);
    table_print(&t, s->cli->out, "");
    const char *gap = t.n ? "\n" : "";
    for (size_t i = 0; i < s->n; i++)
        if (s->of[i].text) {
            fprintf(s->cli->out, "%s%s, %s: %s%s%s\n", gap, s->of[i].pair, s->of[i].user,
                    text_shown(s->cli->arena, s->of[i].text),
                    s->of[i].log_ref ? "; in the log: " : "",
                    s->of[i].log_ref ? s->of[i].log_ref : "");
            gap = "";
        }
}

/* ---- what waits for a person ------------------------------------------------------------------
 */

static void print_waiting(const struct sync *s, const char *user)
{
    const struct cli *c = s->cli;
    int64_t asks = 0, held = 0, parked = 0;
    for (size_t i = 0; i < s->n; i++) {
        asks += s->of[i].sum.open_questions;
        held += s->of[i].sum.open_held;
        parked += s->of[i].sum.open_parked;
    }
    if (!asks && !held && !parked)
        return;
    fputs("\nThis waits for you:\n", c->out);
    if (asks)
        fprintf(c->out, "  %s\n      wess conflicts list\n",
                cli_count(c->arena, asks, "decision", "decisions"));
    if (parked)
        fprintf(c->out, "  %s that a remote will not take\n      wess parked list\n",
                cli_count(c->arena, parked, "value", "values"));
    struct db *db = held ? db_open(c->store, false) : NULL;
    if (db)
        held_print(c, db, NULL, user);
    db_close(db);
}

static bool print_later(const struct sync *s)
{
    int64_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        n += s->of[i].sum.later;
    if (n)
        fprintf(s->cli->out,
                "\n%s for the next runs, which take up so much and no more"
                " (per_run).\n",
                cli_count(s->cli->arena, n, "item is left", "items are left"));
    return n != 0;
}

static bool wrote_anything(const struct sync *s)
{
    int64_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct run_report *r = &s->of[i].sum;
        if (r->observed)
            continue;
        n += r->linked;
        for (int side = LEFT; side <= RIGHT; side++)
            n += r->side[side].created + r->side[side].updated + r->side[side].deleted +
                 r->side[side].ended;
    }
    return n > 0;
}

static void print_text(const struct sync *s, int status, const char *user)
{
    FILE *out = s->cli->out;
    bool stopped = __atomic_load_n(s->cli->cancelled, __ATOMIC_RELAXED);
    if (s->broken)
        cli_say(s->cli, "%s", s->broken);
    if (stopped)
        cli_say(s->cli, "interrupted; what was settled stands, the next sync goes on from there");
    if (!s->n && !s->broken && !stopped)
        fputs("No user takes part: every wave is off, or no pair fits.\n", out);
    print_runs(s);
    print_waiting(s, user);
    if (!print_later(s) && status == EXIT_IN_STEP && s->n && !stopped)
        fprintf(out, "\n%s\n",
                wrote_anything(s) ? "In step." : "In step; there was nothing to do.");
}

int cmd_sync(struct cli *c, const struct cli_args *a)
{
    struct sync s = {.cli = c, .progress = {.cli = c}};
    const struct cfg_pair *pair = cli_pair(c, a->n ? a->of[0] : NULL);
    const char *user;
    if ((a->n && !pair) || !cli_user(c, a, &user))
        return EXIT_USAGE;
    struct round_opts opts = {.pair = pair ? pair->name : NULL,
                              .user = user,
                              .no_wait = cli_has(a, OPT_NO_WAIT),
                              .cancelled = c->cancelled,
                              .on_report = on_report,
                              .on_progress = c->terminal ? on_progress : NULL,
                              .ctx = &s};
    int status = c->round(c->round_ctx, &opts);
    progress_clear(&s.progress);
    if (!__atomic_load_n(c->cancelled, __ATOMIC_RELAXED))
        tidy_when_due(c->config, c->store);
    if (s.spent)
        return cli_spent(c);
    if (s.n)
        qsort(s.of, s.n, sizeof(*s.of), by_order);
    if (cli_has(a, OPT_JSON))
        print_json(&s, status);
    else
        print_text(&s, status, user);
    return status;
}
