/* Endpoints: the options that their connector declares, and where their secrets come from. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "config/read.h"
#include "host/plugin.h"

static bool speaks_of_user(const char *text)
{
    return text && strstr(text, "%{user.") != NULL;
}

static void nearest_option(struct reader *r, const config_setting_t *s, const struct plugin *p)
{
    const char *names[64];
    size_t n = 0;
    for (; n < p->connector->n_options && n < 64; n++)
        names[n] = p->connector->options[n].name;
    const char *near = text_nearest(config_setting_name(s), names, n);
    trouble_at(r, s, "connector %s has no option \"%s\"%s%s%s; `wess connectors %s` lists them",
               p->name, config_setting_name(s), near ? "; did you mean \"" : "", near ? near : "",
               near ? "\"?" : "", p->name);
}

/* The value as text, checked against the type that the connector declares. */
static const char *option_text(struct reader *r, const config_setting_t *s,
                               const struct wess_option *o)
{
    int type = config_setting_type(s);
    int64_t ms;
    if (!strcmp(o->type, "list")) {
        struct wess_list l = list_of(r, config_setting_parent(s), o->name);
        const char *out = "";
        check_value(r, s, &(struct setting_def){.name = o->name, .type = SET_LIST});
        for (size_t i = 0; out && i < l.n; i++)
            out = arena_fmt(r->a, "%s%s%s", out, i ? "\n" : "", l.of[i]);
        return out;
    }
    if (!strcmp(o->type, "int") || !strcmp(o->type, "size")) {
        if (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64)
            return arena_fmt(r->a, "%lld", config_setting_get_int64(s));
        trouble_at(r, s, "%s must be a whole number", o->name);
        return NULL;
    }
    if (!strcmp(o->type, "bool")) {
        if (type == CONFIG_TYPE_BOOL)
            return config_setting_get_bool(s) ? "true" : "false";
        trouble_at(r, s, "%s must be true or false", o->name);
        return NULL;
    }
    const char *text = config_setting_get_string(s);
    if (!text) {
        trouble_at(r, s, "%s must be a text in quotes", o->name);
        return NULL;
    }
    if (!strcmp(o->type, "duration") && !parse_duration(text, &ms)) {
        trouble_at(r, s, "%s must be a time such as \"60s\"", o->name);
        return NULL;
    }
    if (!strcmp(o->type, "url") && strncmp(text, "https://", 8) && strncmp(text, "http://", 7)) {
        trouble_at(r, s, "%s must be an address that starts with https://", o->name);
        return NULL;
    }
    return clean_text(r, s, text);
}

static bool fits_range(const struct wess_option *o, const char *text)
{
    const char *dots = o->range ? strstr(o->range, "..") : NULL;
    if (!o->range)
        return true;
    if (dots) {
        long long n = strtoll(text, NULL, 10);
        return n >= strtoll(o->range, NULL, 10) && n <= strtoll(dots + 2, NULL, 10);
    }
    size_t len = strlen(text);
    for (const char *at = o->range; *at;) {
        const char *end = strchrnul(at, '|');
        if ((size_t)(end - at) == len && !strncmp(at, text, len))
            return true;
        at = *end ? end + 1 : end;
    }
    return false;
}

/* ---- secrets
 * ------------------------------------------------------------------------------------------------
 */

static const char *const *argv_of(struct reader *r, struct wess_list l)
{
    const char **of = array_of(r, l.n + 1, sizeof(*of));
    for (size_t i = 0; of && i < l.n; i++)
        of[i] = l.of[i];
    return of;
}

static bool is_date(const char *text)
{
    struct tm tm = {0};
    const char *end = strlen(text) == 10 ? strptime(text, "%Y-%m-%d", &tm) : NULL;
    return end && !*end;
}

static void secret_from_group(struct reader *r, const config_setting_t *s, struct cfg_secret *out)
{
    static const struct {
        const char *name;
        enum secret_from from;
    } ways[] = {{"file", SECRET_FILE},
                {"command", SECRET_COMMAND},
                {"env", SECRET_ENV},
                {"credential", SECRET_CREDENTIAL}};
    int given = 0;
    check_group(r, s, &group_secret);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (!config_setting_get_member(s, ways[i].name))
            continue;
        given++;
        out->from = ways[i].from;
        if (ways[i].from == SECRET_COMMAND)
            out->argv = argv_of(r, list_of(r, s, "command"));
        else
            out->text = text_of(r, s, &group_secret, ways[i].name);
        if (ways[i].from == SECRET_FILE)
            out->text = under_root(r, out->text);
    }
    if (given != 1)
        trouble_at(r, s, "%s needs one of file, command, env or credential", out->name);
    out->expires = text_of(r, s, &group_secret, "expires");
    if (out->expires && !is_date(out->expires))
        trouble_at(r, s, "expires must be a date such as \"2027-06-30\"");
}

/* What holds a secret in clear is for its owner only. */
static void check_mode(struct reader *r, const config_setting_t *s)
{
    const char *file = included_file(r, config_setting_source_file(s));
    struct stat st;
    if (stat(file ? file : r->path, &st) != 0 || (st.st_mode & 077))
        trouble_at(r, s,
                   "%s stands in clear in a file that others can read: chmod 600 it, or keep the "
                   "secret in { file = ..; }",
                   config_setting_name(s));
}

static void read_secret(struct reader *r, const config_setting_t *s, struct cfg_endpoint *e,
                        struct cfg_secret *out)
{
    *out = (struct cfg_secret){.name = config_setting_name(s),
                               .line = (int)config_setting_source_line(s)};
    out->name = arena_text(r->a, out->name);
    if (config_setting_type(s) == CONFIG_TYPE_GROUP) {
        secret_from_group(r, s, out);
    } else if (config_setting_get_string(s)) {
        out->from = SECRET_INLINE;
        out->text = clean_text(r, s, config_setting_get_string(s));
        check_mode(r, s);
    } else {
        trouble_at(r, s,
                   "%s must be { file = ..; }, { command = [..]; }, { env = ..; } or "
                   "{ credential = ..; }",
                   out->name);
    }
    e->per_user |= speaks_of_user(out->text);
    for (size_t i = 0; out->argv && out->argv[i]; i++)
        e->per_user |= speaks_of_user(out->argv[i]);
}

/* ---- one endpoint
 * --------------------------------------------------------------------------------------------- */

static void read_option(struct reader *r, const config_setting_t *s, struct cfg_endpoint *e)
{
    const struct wess_option *o = plugin_option(e->plugin, config_setting_name(s));
    struct cfg_value *value = (struct cfg_value *)(uintptr_t)&e->values[e->n_values];
    struct cfg_secret *secret = (struct cfg_secret *)(uintptr_t)&e->secrets[e->n_secrets];
    if (!o) {
        nearest_option(r, s, e->plugin);
        return;
    }
    if (o->flags & WESS_OPTION_SECRET) {
        read_secret(r, s, e, secret);
        if ((o->flags & WESS_OPTION_ROTATES) && secret->from != SECRET_FILE)
            trouble_at(r, s, "%s must be { file = ..; }: it is written anew each time it is used",
                       o->name);
        e->n_secrets++;
        return;
    }
    *value = (struct cfg_value){
        .name = o->name, .value = option_text(r, s, o), .line = (int)config_setting_source_line(s)};
    if (!value->value)
        return;
    if (!fits_range(o, value->value))
        trouble_at(r, s, "%s must be within %s, not \"%s\"", o->name, o->range, value->value);
    e->per_user |= speaks_of_user(value->value);
    e->n_values++;
}

static void require_options(struct reader *r, const config_setting_t *s,
                            const struct cfg_endpoint *e)
{
    const struct wess_connector *c = e->plugin->connector;
    for (size_t i = 0; i < c->n_options; i++)
        if ((c->options[i].flags & WESS_OPTION_REQUIRED) &&
            !config_setting_get_member(s, c->options[i].name))
            trouble_at(r, s, "endpoint %s needs %s: %s", e->name, c->options[i].name,
                       c->options[i].help);
}

static void read_endpoint(struct reader *r, const config_setting_t *s, struct cfg_endpoint *e)
{
    const char *connector = NULL;
    char *why = NULL;
    size_t n = (size_t)config_setting_length(s);
    e->name = arena_text(r->a, config_setting_name(s));
    e->line = (int)config_setting_source_line(s);
    if (config_setting_type(s) != CONFIG_TYPE_GROUP) {
        trouble_at(r, s, "endpoint %s must be a group: { connector = ..; }", e->name);
        return;
    }
    if (!config_setting_lookup_string(s, "connector", &connector)) {
        trouble_at(r, s, "endpoint %s needs a connector, such as connector = \"ews\"", e->name);
        return;
    }
    e->connector = arena_text(r->a, connector);
    e->plugin = plugin_load(connector, r->cfg->connector_path, r->cfg->n_connector_path, &why);
    if (!e->plugin) {
        trouble_at(r, s, "connector %s: %s", connector, why ? why : "not found");
        free(why);
        return;
    }
    e->values = array_of(r, n, sizeof(*e->values));
    e->secrets = array_of(r, n, sizeof(*e->secrets));
    for (size_t i = 0; e->values && e->secrets && i < n; i++) {
        const config_setting_t *o = config_setting_get_elem(s, (unsigned)i);
        if (strcmp(config_setting_name(o), "connector"))
            read_option(r, o, e);
    }
    require_options(r, s, e);
}

void read_endpoints(struct reader *r, const config_setting_t *s)
{
    int n = s && config_setting_type(s) == CONFIG_TYPE_GROUP ? config_setting_length(s) : 0;
    struct cfg_endpoint *of = array_of(r, (size_t)n, sizeof(*of));
    if (!n)
        trouble_at(r, s, "endpoints: { NAME: { connector = ..; }; } is missing");
    for (int i = 0; of && i < n; i++)
        read_endpoint(r, config_setting_get_elem(s, (unsigned)i), &of[i]);
    r->cfg->endpoints = of;
    r->cfg->n_endpoints = of ? (size_t)n : 0;
}
