/* What is installed, and the options of each connector. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "host/plugin.h"

static const struct {
    uint64_t cap;
    const char *word, *text;
} caps[] = {
    {WESS_CAP_DELTA, "delta", "reads only what changed"},
    {WESS_CAP_CREATE, "create", "creates"},
    {WESS_CAP_UPDATE, "update", "updates"},
    {WESS_CAP_DELETE, "delete", "deletes"},
    {WESS_CAP_CAS_UPDATE, "cas-update", "the remote refuses an update of a stale revision"},
    {WESS_CAP_CAS_DELETE, "cas-delete", "the remote refuses to delete a stale revision"},
    {WESS_CAP_STAMP, "stamp", "items carry our stamp from their creation"},
    {WESS_CAP_STAMP_LATER, "stamp-later", "an empty stamp can be filled later"},
    {WESS_CAP_FACET, "facet", "speaks of some fields only"},
    {WESS_CAP_TOMBSTONE_PROVES, "tombstone-proves", "a reported deletion is one"},
    {WESS_CAP_ABSENCE_PROVES, "absence-proves", "what is in no listing is deleted"},
    {WESS_CAP_SILENT, "silent", "no write makes the remote tell anybody"},
    {WESS_CAP_REWRITES, "rewrites", "may show other text than was written"},
    {WESS_CAP_IDS_MOVE, "ids-move", "ids stay with items that move"},
    {WESS_CAP_SINGLES, "singles", "gets the occurrences of what recurs, one by one"},
    {WESS_CAP_REVISIONS_RISE, "revisions-rise", "a database put back to an earlier time shows"},
};
#define CAPS (sizeof(caps) / sizeof(caps[0]))

struct list {
    struct cli *cli;
    struct table table;
    json_t *json;
    const char *names[64];
    size_t n;
    int status;
};

static const char *kinds_text(struct wess_arena *a, const struct wess_connector *c)
{
    const char *out = "";
    for (size_t i = 0; out && i < c->n_kinds; i++)
        out = arena_fmt(a, "%s%s%s", out, *out ? ", " : "", c->kinds[i].kind);
    return out ? out : "";
}

static void list_one(void *ctx, const char *name, const char *path, const struct plugin *p,
                     const char *why)
{
    struct list *l = ctx;
    struct wess_arena *a = l->cli->arena;
    const char *cells[] = {name, p ? p->connector->version : "refused",
                           p ? kinds_text(a, p->connector) : why, path};
    table_row(&l->table, cells);
    json_array_append_new(l->json, json_pack("{s:s,s:s,s:s*,s:s*}", "name", name, "path", path,
                                             "version", p ? p->connector->version : NULL, "refused",
                                             p     ? NULL
                                             : why ? why
                                                   : ""));
    if (!p)
        l->status = EXIT_USAGE;
    if (l->n < sizeof(l->names) / sizeof(l->names[0]))
        l->names[l->n++] = arena_text(a, name);
}

static int list_all(struct list *l, const struct config *cfg, bool json)
{
    static const struct column columns[] = {
        {"CONNECTOR", false, 24}, {"VERSION", false, 16}, {"KINDS", false, 0}, {"FILE", false, 0}};
    struct cli *c = l->cli;
    table_init(&l->table, c->arena, columns, 4);
    l->json = json_array();
    plugin_list(cfg ? cfg->connector_path : NULL, cfg ? cfg->n_connector_path : 0, list_one, l);
    if (json)
        cli_json(c, json_pack("{s:o}", "connectors", json_incref(l->json)));
    else if (l->table.n)
        table_print(&l->table, c->out, "");
    else
        fprintf(c->out, "No connector is installed.\n");
    json_decref(l->json);
    return l->status;
}

/* ---- one ----------------------------------------------------------------------------------------
 */

static const char *option_default(struct wess_arena *a, const struct wess_option *o)
{
    const char *text = o->fallback && *o->fallback         ? o->fallback
                       : (o->flags & WESS_OPTION_REQUIRED) ? "(required)"
                                                           : "-";
    if (!o->fallback || !*o->fallback || !o->unit || !*o->unit || strchr(o->fallback, o->unit[0]))
        return text;
    text = arena_fmt(a, "%s %s", o->fallback, o->unit);
    return text ? text : "";
}

static void print_options(const struct cli *c, const struct wess_connector *k)
{
    static const struct column columns[] = {{"OPTION", false, 0},
                                            {"TYPE", false, 0},
                                            {"DEFAULT", false, 0},
                                            {"RANGE", false, 0},
                                            {"", false, 0}};
    struct table t;
    table_init(&t, c->arena, columns, 5);
    for (size_t i = 0; i < k->n_options; i++) {
        const struct wess_option *o = &k->options[i];
        const char *cells[] = {o->name, (o->flags & WESS_OPTION_SECRET) ? "secret" : o->type,
                               option_default(c->arena, o), o->range, o->help};
        table_row(&t, cells);
    }
    table_print(&t, c->out, "  ");
}

static int show(const struct cli *c, const struct plugin *p)
{
    const struct wess_connector *k = p->connector;
    fprintf(c->out, "%s %s  (%s)\n\n", k->name, k->version, p->path);
    for (size_t i = 0; i < k->n_kinds; i++) {
        fprintf(c->out, "Kind %s:\n", k->kinds[i].kind);
        for (size_t n = 0; n < CAPS; n++)
            if (k->kinds[i].caps & caps[n].cap)
                fprintf(c->out, "  %s\n", caps[n].text);
    }
    fprintf(c->out, "\nOptions of an endpoint with connector = \"%s\":\n", k->name);
    print_options(c, k);
    fputs("\nA secret is given as { file = ..; }, { command = [ .. ]; }, { env = ..; } or "
          "{ credential = ..; }.\n",
          c->out);
    return EXIT_IN_STEP;
}

static json_t *caps_json(uint64_t mask)
{
    json_t *list = json_array();
    for (size_t n = 0; n < CAPS; n++)
        if (mask & caps[n].cap)
            json_array_append_new(list, json_string(caps[n].word));
    return list;
}

static int show_json(const struct cli *c, const struct plugin *p)
{
    const struct wess_connector *k = p->connector;
    json_t *kinds = json_array(), *options = json_array();
    for (size_t i = 0; i < k->n_kinds; i++)
        json_array_append_new(kinds, json_pack("{s:s,s:o}", "kind", k->kinds[i].kind, "caps",
                                               caps_json(k->kinds[i].caps)));
    for (size_t i = 0; i < k->n_options; i++) {
        const struct wess_option *o = &k->options[i];
        json_array_append_new(
            options, json_pack("{s:s,s:s,s:s*,s:s*,s:s*,s:s*,s:b,s:b}", "name", o->name, "type",
                               o->type, "unit", o->unit, "default", o->fallback, "range", o->range,
                               "help", o->help, "required", (o->flags & WESS_OPTION_REQUIRED) != 0,
                               "secret", (o->flags & WESS_OPTION_SECRET) != 0));
    }
    cli_json(c, json_pack("{s:s,s:s,s:s,s:o,s:o}", "name", k->name, "version", k->version, "path",
                          p->path, "kinds", kinds, "options", options));
    return EXIT_IN_STEP;
}

static void note_name(void *ctx, const char *name, const char *path, const struct plugin *p,
                      const char *why)
{
    struct list *l = ctx;
    (void)path;
    (void)why;
    /* One that is refused cannot be meant. */
    if (p && l->n < sizeof(l->names) / sizeof(l->names[0]))
        l->names[l->n++] = arena_text(l->cli->arena, name);
}

static int show_named(struct list *l, const struct config *cfg, const char *name, bool json)
{
    struct cli *c = l->cli;
    char *why = NULL;
    int status = EXIT_USAGE;
    const char *const *extra = cfg ? cfg->connector_path : NULL;
    size_t n = cfg ? cfg->n_connector_path : 0;
    const struct plugin *p = plugin_load(name, extra, n, &why);
    if (p) {
        status = json ? show_json(c, p) : show(c, p);
    } else {
        plugin_list(extra, n, note_name, l);
        const char *near = text_nearest(name, l->names, l->n);
        cli_say(c, "%s%s%s%s", why ? why : "out of memory", near ? "; did you mean \"" : "",
                near ? near : "", near ? "\"?" : "");
    }
    free(why);
    return status;
}

static void say_line(void *ctx, const char *line)
{
    fprintf(ctx, "%s\n", line);
}

int cmd_connectors(struct cli *c, const struct cli_args *a)
{
    struct list l = {.cli = c};
    struct config *cfg = NULL;
    bool json = cli_has(a, OPT_JSON);
    int status;
    if (cli_has(a, OPT_CONFIG) &&
        !(cfg = config_load(a->value[OPT_CONFIG], NULL, say_line, c->err)))
        return EXIT_USAGE;
    status = a->n ? show_named(&l, cfg, a->of[0], json) : list_all(&l, cfg, json);
    config_free(cfg);
    return status;
}
