/* Is the configuration sound, and does everything in it answer? */
#include "cli/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/table.h"
#include "host/conn.h"
#include "host/plugin.h"

/* ---- what was understood ----------------------------------------------------------------------
 */

static const char *value_of(const struct cfg_endpoint *e, const char *name)
{
    for (size_t i = 0; i < e->n_values; i++)
        if (!strcmp(e->values[i].name, name))
            return e->values[i].value;
    const struct wess_option *o = plugin_option(e->plugin, name);
    return o ? o->fallback : NULL;
}

static void print_endpoints(const struct cli *c)
{
    static const struct column columns[] = {
        {"ENDPOINT", false, 24}, {"CONNECTOR", false, 24}, {"WHERE", false, 60}, {"", false, 0}};
    struct table t;
    table_init(&t, c->arena, columns, 4);
    for (size_t i = 0; i < c->config->n_endpoints; i++) {
        const struct cfg_endpoint *e = &c->config->endpoints[i];
        const char *cells[] = {
            e->name, arena_fmt(c->arena, "%s %s", e->connector, e->plugin->connector->version),
            value_of(e, "url"), e->per_user ? "one for each user" : "shared"};
        table_row(&t, cells);
    }
    table_print(&t, c->out, "");
}

static const char *select_in_words(struct wess_arena *a, const struct cfg_select *sel)
{
    const char *out = "";
    if (!sel->given)
        return "";
    for (size_t i = 0; out && i < sel->tags_any.n; i++)
        out = arena_fmt(a, "%s%s\"%s\"", out, i ? " or " : "tagged ", sel->tags_any.of[i]);
    for (size_t i = 0; out && i < sel->tags_all.n; i++)
        out = arena_fmt(a, "%s%s\"%s\"", out, *out ? " and " : "tagged ", sel->tags_all.of[i]);
    for (size_t i = 0; out && i < sel->tags_none.n; i++)
        out = arena_fmt(a, "%s%snot tagged \"%s\"", out, *out ? ", " : "", sel->tags_none.of[i]);
    if (out && sel->source)
        out = arena_fmt(a, "%s in %s", out, sel->source->name);
    for (size_t i = 0; out && i < sel->n_facts; i++)
        out = arena_fmt(a, "%s%s%s %s", out, *out ? ", " : "", sel->facts[i].name,
                        sel->facts[i].value);
    if (out && sel->folder)
        out = arena_fmt(a, "%s%sin folder %s", out, *out ? ", " : "", sel->folder);
    return out ? out : "";
}

static void print_pairs(const struct cli *c)
{
    static const struct column columns[] = {{"PAIR", false, 24},
                                            {"KIND", false, 0},
                                            {"SIDE", false, 40},
                                            {"WHAT IS SELECTED THERE", false, 80}};
    struct table t;
    table_init(&t, c->arena, columns, 4);
    for (size_t i = 0; i < c->config->n_pairs; i++)
        for (int s = LEFT; s <= RIGHT; s++) {
            const struct cfg_pair *p = &c->config->pairs[i];
            const char *chosen = select_in_words(c->arena, &p->select[s]);
            bool none = !p->select[s].given && p->select[s ^ 1].given;
            const char *cells[] = {s == LEFT ? p->name : NULL, s == LEFT ? p->kind->name : NULL,
                                   cli_side_name(p, (enum side)s, c->arena),
                                   *chosen ? chosen
                                   : none  ? "what the other side selects"
                                           : "everything"};
            table_row(&t, cells);
        }
    fputc('\n', c->out);
    table_print(&t, c->out, "");
}

static void print_users(const struct cli *c)
{
    static const char *const words[] = {[MODE_OFF] = "off",
                                        [MODE_OBSERVE] = "observed only",
                                        [MODE_TO_LEFT] = "written to the left only",
                                        [MODE_TO_RIGHT] = "written to the right only",
                                        [MODE_BOTH] = "both ways"};
    size_t counts[MODE_BOTH + 1] = {0};
    for (size_t i = 0; i < c->config->n_users; i++)
        counts[c->config->users[i].mode]++;
    fprintf(c->out, "\n%s:", cli_count(c->arena, (int64_t)c->config->n_users, "user", "users"));
    const char *sep = " ";
    for (size_t m = 0; m <= MODE_BOTH; m++)
        if (counts[m]) {
            fprintf(c->out, "%s%zu %s", sep, counts[m], words[m]);
            sep = ", ";
        }
    fputc('\n', c->out);
}

static void print_expiry(void *ctx, const char *endpoint, const char *secret, int64_t days)
{
    const struct cli *c = ctx;
    if (days < 0)
        fprintf(c->err, "warning: %s of %s has expired\n", secret, endpoint);
    else
        fprintf(c->err, "warning: %s of %s expires in %s\n", secret, endpoint,
                cli_count(c->arena, days, "day", "days"));
}

static void print_understood(const struct cli *c)
{
    fprintf(c->out, "%s: site %s, state in %s\n\n", c->config->path, c->config->site,
            c->config->state_dir);
    print_endpoints(c);
    print_pairs(c);
    print_users(c);
}

/* ---- the command ------------------------------------------------------------------------------
 */

struct complaints {
    const struct cli *cli;
    json_t *list; /* NULL: they are printed */
    size_t n;
};

static void complain(void *ctx, const char *line)
{
    struct complaints *w = ctx;
    w->n++;
    if (w->list)
        json_array_append_new(w->list, json_string(line));
    fprintf(w->cli->err, "%s\n", line);
}

static const char *path_of(const struct cli_args *a)
{
    const char *env = getenv("WESS_CONFIG");
    if (cli_has(a, OPT_CONFIG))
        return a->value[OPT_CONFIG];
    return env && *env ? env : CLI_DEFAULT_CONFIG;
}

static bool check_log(const struct cli *c, struct complaints *said)
{
    const char *why = cli_log_open(c->config), *line;
    if (!why)
        return true;
    line = arena_fmt(c->arena, "%s: log.file %s cannot be opened: %s", c->config->path,
                     c->config->log_file, why);
    complain(said, line ? line : "out of memory");
    return false;
}

static int check_loaded(struct cli *c, const struct cli_args *a, struct complaints *said,
                        json_t **online)
{
    const char *user;
    bool json = cli_has(a, OPT_JSON);
    if (!cli_user(c, a, &user))
        return EXIT_USAGE;
    if (cli_has(a, OPT_EXPANDED) && c->config->expanded && !json) {
        fputs(c->config->expanded, c->out);
        return EXIT_IN_STEP;
    }
    if (!json)
        print_understood(c);
    config_expiries(c->config, clock_now_ms(), print_expiry, c);
    bool sound = check_log(c, said);
    sound = check_secrets(c, complain, said) && sound;
    sound = check_opens(c, complain, said) && sound;
    int status = sound ? EXIT_IN_STEP : EXIT_USAGE;
    if (cli_has(a, OPT_ONLINE))
        return status_worse(status, check_online(c, user, json ? online : NULL));
    if (!json && status == EXIT_IN_STEP)
        fputs("\nThe configuration is sound. Nothing was contacted; `wess check --online` signs "
              "in.\n",
              c->out);
    return status;
}

/* As a whole path, wherever it is typed. false: there is no such folder, which is told. */
static bool whole_root(struct cli *c, const struct cli_args *a, struct complaints *said,
                       const char **out)
{
    const char *given = a->value[OPT_ROOT];
    char *whole = given ? realpath(given, NULL) : NULL;
    if (given && !whole) {
        const char *line = arena_fmt(c->arena, "--root %s: %s", given, strerror(errno));
        complain(said, line ? line : "out of memory");
    }
    *out = whole ? arena_text(c->arena, whole) : NULL;
    free(whole);
    return !given || *out;
}

int cmd_check(struct cli *c, const struct cli_args *a)
{
    bool json = cli_has(a, OPT_JSON);
    struct complaints said = {.cli = c, .list = json ? json_array() : NULL};
    json_t *online = NULL, *expanded = NULL;
    const char *root;
    struct config *cfg =
        whole_root(c, a, &said, &root) ? config_load(path_of(a), root, complain, &said) : NULL;
    int status = EXIT_USAGE;
    if (cfg) {
        c->config = cfg;
        status = check_loaded(c, a, &said, &online);
        if (json && cli_has(a, OPT_EXPANDED) && cfg->expanded)
            expanded = json_string(cfg->expanded);
        c->config = NULL;
        config_free(cfg);
    }
    if (said.n && !json && !(cfg && cli_has(a, OPT_ONLINE)))
        cli_say(c, "%s; nothing was contacted",
                cli_count(c->arena, (int64_t)said.n, "trouble found", "troubles found"));
    if (json)
        cli_json(c, json_pack("{s:b,s:o,s:o*,s:o*,s:i}", "sound", cfg && !said.n, "troubles",
                              said.list, "online", online, "expanded", expanded, "status", status));
    return status;
}
