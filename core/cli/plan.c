/* What a sync would do, and why: read by an integrator before anything is written. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/describe.h"
#include "cli/progress.h"
#include "cli/table.h"

#define LINES_SHOWN 20u /* of one group, without -v */

enum group { G_LINK, G_CREATE, G_UPDATE, G_DELETE, G_END, G_ASK, GROUPS };
struct line {
    const char *title, *detail, *reason;
    enum side side;
    bool held;
    json_t *ask; /* JSON only */
};
struct lines {
    struct line *of;
    size_t n, cap;
    int64_t total, held;
};
struct part { /* one pair of one user */
    const struct cfg_pair *pair;
    const char *pair_name, *user;
    size_t order;
    bool reported;
    struct run_report report;
    const char *text;
    struct lines groups[GROUPS][2]; /* by the side that is written */
};
struct plan {
    struct cli *cli;
    struct progress progress;
    size_t most; /* lines kept of a group; 0: all */
    bool json, spent;
    struct part *of;
    size_t n, cap;
    const char *broken;
};

/* ---- gathering --------------------------------------------------------------------------------
 */

static void *grow(struct plan *p, void *of, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return of;
    size_t more = *cap ? 2 * *cap : 8;
    void *new = arena_alloc(p->cli->arena, more * size);
    if (!new) {
        p->spent = true;
        return NULL;
    }
    if (n)
        memcpy(new, of, n * size);
    *cap = more;
    return new;
}

static struct part *part_of(struct plan *p, const char *pair, const char *user)
{
    struct wess_arena *a = p->cli->arena;
    for (size_t i = 0; i < p->n; i++)
        if (!strcmp(p->of[i].pair_name, pair) && !strcmp(p->of[i].user, user))
            return &p->of[i];
    struct part *of = grow(p, p->of, p->n, &p->cap, sizeof(*of));
    if (!of)
        return NULL;
    p->of = of;
    of[p->n] = (struct part){.pair = config_pair(p->cli->config, pair),
                             .pair_name = arena_text(a, pair),
                             .user = arena_text(a, user),
                             .order = cli_order(p->cli->config, pair, user)};
    if (!of[p->n].pair_name || !of[p->n].user || !of[p->n].pair) {
        p->spent = true;
        return NULL;
    }
    return &of[p->n++];
}

static struct line *add_line(struct plan *p, struct lines *g)
{
    g->total++;
    if (p->most && g->n >= p->most)
        return NULL;
    struct line *of = grow(p, g->of, g->n, &g->cap, sizeof(*of));
    if (!of)
        return NULL;
    g->of = of;
    of[g->n] = (struct line){0};
    return &of[g->n++];
}

static enum group group_of(enum op_what what)
{
    switch (what) {
    case OP_LINK:
        return G_LINK;
    case OP_CREATE:
        return G_CREATE;
    case OP_UPDATE:
        return G_UPDATE;
    case OP_DELETE:
        return G_DELETE;
    case OP_END:
        return G_END;
    }
    return G_END;
}

static void on_plan(void *ctx, const struct plan_line *l)
{
    struct plan *p = ctx;
    struct part *part = part_of(p, l->pair, l->user);
    if (!part)
        return;
    enum group g = group_of(l->what);
    /* A link and its end are of no side. */
    struct lines *lines = &part->groups[g][g == G_LINK || g == G_END ? LEFT : l->side];
    lines->held += l->held;
    struct line *line = add_line(p, lines);
    if (line)
        *line = (struct line){.title = arena_text(p->cli->arena, l->title),
                              .detail = arena_text(p->cli->arena, l->detail),
                              .reason = arena_text(p->cli->arena, l->reason),
                              .side = l->side,
                              .held = l->held};
}

static void on_ask(void *ctx, const char *pair, const char *user, const struct ask_row *row,
                   struct db *db)
{
    struct plan *p = ctx;
    struct wess_arena *a = p->cli->arena;
    struct part *part = part_of(p, pair, user);
    struct line *line = part ? add_line(p, &part->groups[G_ASK][LEFT]) : NULL;
    if (!line)
        return;
    *line = (struct line){.title = arena_text(a, row->title ? row->title : "(no name)"),
                          .reason = arena_text(a, row->reason),
                          .detail = ask_in_words(a, db, part->pair, user, row),
                          .side = row->side};
    if (p->json)
        line->ask = ask_json(a, db, part->pair, user, row);
}

static void on_report(void *ctx, const struct run_report *r)
{
    struct plan *p = ctx;
    progress_clear(&p->progress);
    if (!*r->pair) {
        p->broken = arena_text(p->cli->arena, r->text);
        return;
    }
    struct part *part = part_of(p, r->pair, r->user);
    if (!part)
        return;
    part->report = *r;
    part->reported = true;
    part->text = r->text[0] ? arena_text(p->cli->arena, r->text) : NULL;
}

static void on_progress(void *ctx, const char *pair, const char *user, const char *stage,
                        int64_t done, int64_t of)
{
    struct plan *p = ctx;
    progress_show(&p->progress, pair, user, stage, done, of);
}

/* ---- for people -------------------------------------------------------------------------------
 */

static const char *const verbs[GROUPS][2] = {
    [G_LINK] = {"would be linked", "would be linked"},
    [G_CREATE] = {"would be created in", "would be created in"},
    [G_UPDATE] = {"would be updated in", "would be updated in"},
    [G_DELETE] = {"would be deleted in", "would be deleted in"},
    [G_END] = {"would no longer be linked", "would no longer be linked"},
    [G_ASK] = {"would be asked about", "would be asked about"},
};

static bool has_place(enum group g)
{
    return g == G_CREATE || g == G_UPDATE || g == G_DELETE;
}

/* What all lines of a group say is said once. */
static const char *said_by_all(const struct lines *g)
{
    for (size_t i = 1; i < g->n; i++)
        if (strcmp(g->of[i].detail ? g->of[i].detail : "", g->of[0].detail ? g->of[0].detail : ""))
            return NULL;
    return g->n > 1 && g->of[0].detail && *g->of[0].detail ? g->of[0].detail : NULL;
}

static void print_group(const struct plan *p, const struct part *part, enum group g, enum side s)
{
    static const struct column columns[] = {{"", false, 40}, {"", false, 100}, {"", false, 0}};
    const struct lines *lines = &part->groups[g][s];
    struct cli *c = p->cli;
    const char *all = g == G_UPDATE || g == G_ASK ? NULL : said_by_all(lines);
    struct table t;
    if (!lines->total)
        return;
    fprintf(c->out, "\n  %lld %s%s%s", (long long)lines->total, verbs[g][s],
            has_place(g) ? " " : "", has_place(g) ? cli_side_name(part->pair, s, c->arena) : "");
    if (lines->held)
        fprintf(c->out, ", %lld of them held by a guard", (long long)lines->held);
    fprintf(c->out, "%s%s%s:\n", all ? " (" : "", all ? all : "", all ? ")" : "");
    table_init(&t, c->arena, columns, 3);
    for (size_t i = 0; i < lines->n; i++) {
        const struct line *l = &lines->of[i];
        const char *cells[] = {l->title, all ? NULL : l->detail, l->held ? "held" : NULL};
        table_row(&t, cells);
    }
    table_print(&t, c->out, "    ");
    if ((size_t)lines->total > lines->n)
        fprintf(c->out, "    .. and %lld more (-v shows all)\n",
                (long long)lines->total - (long long)lines->n);
}

static int64_t planned(const struct part *part)
{
    int64_t n = 0;
    for (int g = 0; g < GROUPS; g++)
        for (int s = LEFT; s <= RIGHT; s++)
            n += part->groups[g][s].total;
    return n;
}

/* What waits already is no part of the plan: it moves when a person says so. */
static void print_open(const struct plan *p, const struct part *part)
{
    struct db *db = part->report.open_held && p->cli->store ? db_open(p->cli->store, false) : NULL;
    if (db) {
        fputc('\n', p->cli->out);
        held_print(p->cli, db, part->pair_name, part->user);
    }
    db_close(db);
}

static void print_part(const struct plan *p, const struct part *part)
{
    FILE *out = p->cli->out;
    const struct run_report *r = &part->report;
    fprintf(out, "%s, %s%s: read %lld from %s and %lld from %s\n", part->pair_name, part->user,
            r->first_meeting ? " (first meeting)" : "", (long long)r->side[LEFT].read,
            cli_side_name(part->pair, LEFT, p->cli->arena), (long long)r->side[RIGHT].read,
            cli_side_name(part->pair, RIGHT, p->cli->arena));
    if (part->text)
        fprintf(out, "  %s\n", text_shown(p->cli->arena, part->text));
    for (int g = 0; g < GROUPS; g++)
        for (int s = LEFT; s <= RIGHT; s++)
            print_group(p, part, (enum group)g, (enum side)s);
    if (r->held)
        fprintf(out, "\n  A guard would hold %lld of these until `wess held release`.\n",
                (long long)r->held);
    if (r->later)
        fprintf(out,
                "\n  %s for the runs after that, which take up so much and no more (per_run).\n",
                cli_count(p->cli->arena, r->later, "item is left", "items are left"));
    print_open(p, part);
    if (!planned(part) && !part->text)
        fputs(r->open_held ? "  Nothing else to do.\n" : "  Nothing to do.\n", out);
    fputc('\n', out);
}

static void print_text(const struct plan *p)
{
    bool stopped = __atomic_load_n(p->cli->cancelled, __ATOMIC_RELAXED);
    if (p->broken)
        cli_say(p->cli, "%s", p->broken);
    if (stopped)
        cli_say(p->cli, "interrupted: the plan is not whole");
    if (!p->n && !p->broken && !stopped)
        fputs("No user takes part: every wave is off, or no pair fits.\n", p->cli->out);
    for (size_t i = 0; i < p->n; i++)
        print_part(p, &p->of[i]);
    if (p->n)
        fputs("Nothing was written to either side.\n", p->cli->out);
}

/* ---- JSON -------------------------------------------------------------------------------------
 */

static const char *const group_names[GROUPS] = {"link", "create", "update", "delete", "end", "ask"};

static json_t *line_json(const struct line *l)
{
    json_t *j =
        json_pack("{s:s*,s:s*,s:s*,s:s,s:b}", "title", l->title, "detail", l->detail, "reason",
                  l->reason, "side", l->side == LEFT ? "left" : "right", "held", l->held);
    if (j && l->ask)
        json_object_update_new(j, l->ask);
    return j;
}

static json_t *part_json(const struct part *part)
{
    const struct run_report *r = &part->report;
    json_t *j =
        json_pack("{s:s,s:s,s:i,s:s,s:b,s:I,s:I,s:I,s:I,s:I}", "pair", part->pair_name, "user",
                  part->user, "status", r->status, "text", part->text ? part->text : "",
                  "first_meeting", r->first_meeting, "read_left", (json_int_t)r->side[LEFT].read,
                  "read_right", (json_int_t)r->side[RIGHT].read, "held", (json_int_t)r->held,
                  "open_held", (json_int_t)r->open_held, "later", (json_int_t)r->later);
    for (int g = 0; j && g < GROUPS; g++) {
        json_t *list = json_array();
        for (int s = LEFT; s <= RIGHT; s++)
            for (size_t i = 0; i < part->groups[g][s].n; i++)
                json_array_append_new(list, line_json(&part->groups[g][s].of[i]));
        json_object_set_new(j, group_names[g], list);
    }
    return j;
}

static void print_json(const struct plan *p, int status)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->n; i++)
        json_array_append_new(list, part_json(&p->of[i]));
    cli_json(p->cli,
             json_pack("{s:o,s:i,s:s*}", "plans", list, "status", status, "text", p->broken));
}

/* ---- the command ------------------------------------------------------------------------------
 */

static int by_order(const void *left, const void *right)
{
    const struct part *a = left, *b = right;
    return (a->order > b->order) - (a->order < b->order);
}

/* With --check: 8 unless something keeps the plan from being whole. */
static int check_status(const struct plan *p, int status)
{
    int64_t n = 0;
    for (size_t i = 0; i < p->n; i++)
        n += planned(&p->of[i]);
    return n && (status == EXIT_IN_STEP || status == EXIT_WAITS || status == EXIT_HELD) ? EXIT_TODO
                                                                                        : status;
}

int cmd_plan(struct cli *c, const struct cli_args *a)
{
    struct plan p = {.cli = c, .progress = {.cli = c}, .json = cli_has(a, OPT_JSON)};
    const struct cfg_pair *pair = cli_pair(c, a->n ? a->of[0] : NULL);
    const char *user;
    if ((a->n && !pair) || !cli_user(c, a, &user))
        return EXIT_USAGE;
    p.most = p.json || cli_has(a, OPT_VERBOSE) ? 0 : LINES_SHOWN;
    struct round_opts opts = {.pair = pair ? pair->name : NULL,
                              .user = user,
                              .dry = true,
                              .no_wait = true,
                              .cancelled = c->cancelled,
                              .on_report = on_report,
                              .on_plan = on_plan,
                              .on_ask = on_ask,
                              .on_progress = c->terminal ? on_progress : NULL,
                              .ctx = &p};
    int status = c->round(c->round_ctx, &opts);
    progress_clear(&p.progress);
    if (p.spent)
        return cli_spent(c);
    if (p.n)
        qsort(p.of, p.n, sizeof(*p.of), by_order);
    if (cli_has(a, OPT_CHECK))
        status = check_status(&p, status);
    if (p.json)
        print_json(&p, status);
    else
        print_text(&p);
    return status;
}
