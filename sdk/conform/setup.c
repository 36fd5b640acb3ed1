/* The file: settings as in an endpoint of wess.conf(5), what is tested, and the permission. */
#include "conform.h"

#include <errno.h>
#include <libconfig.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE_S 300
#define SECRET_MAX 8192u

struct reading {
    const char *path;
    const struct wess_connector *c;
    struct setup *out;
    char **why;
};

static bool wrong(struct reading *r, const config_setting_t *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static bool wrong(struct reading *r, const config_setting_t *at, const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0)
        text = NULL;
    va_end(ap);
    unsigned line = at ? config_setting_source_line(at) : 0;
    if (asprintf(r->why, "%s:%u: %s", r->path, line, text ? text : "") < 0)
        *r->why = NULL;
    free(text);
    return false;
}

static const struct wess_option *option(const struct wess_connector *c, const char *name)
{
    for (size_t i = 0; name && i < c->n_options; i++)
        if (c->options[i].name && !strcmp(c->options[i].name, name))
            return &c->options[i];
    return NULL;
}

/* ---- values
 * ------------------------------------------------------------------------------------------ */

static char *scalar(const config_setting_t *s)
{
    char *out = NULL;
    int n = 0;
    switch (config_setting_type(s)) {
    case CONFIG_TYPE_STRING:
        return strdup(config_setting_get_string(s));
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        n = asprintf(&out, "%lld", config_setting_get_int64(s));
        break;
    case CONFIG_TYPE_BOOL:
        return strdup(config_setting_get_bool(s) ? "true" : "false");
    default:
        return NULL;
    }
    return n < 0 ? NULL : out;
}

/* A list comes as its elements joined by LF. */
static char *joined(const config_setting_t *s)
{
    char *out = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&out, &len);
    for (int i = 0; f && i < config_setting_length(s); i++) {
        char *one = scalar(config_setting_get_elem(s, (unsigned)i));
        fprintf(f, "%s%s", i ? "\n" : "", one ? one : "");
        free(one);
    }
    if (f)
        fclose(f);
    return out;
}

static char *from_file(const char *path)
{
    char text[SECRET_MAX] = "";
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
    if (f)
        fclose(f);
    while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        text[--n] = 0;
    return n ? strdup(text) : NULL;
}

/* "..." or { file = "..." } or { env = "..." }. */
static char *secret(const config_setting_t *s)
{
    const char *text = NULL;
    if (!config_setting_is_group(s))
        return scalar(s);
    if (config_setting_lookup_string(s, "file", &text))
        return from_file(text);
    if (config_setting_lookup_string(s, "env", &text))
        return getenv(text) ? strdup(getenv(text)) : NULL;
    return NULL;
}

static bool add(struct reading *r, const char *name, char *value)
{
    struct setup *o = r->out;
    struct testhost_setting *more = realloc(o->settings, (o->n + 1) * sizeof(*more));
    if (more)
        o->settings = more;
    if (!more || !value) {
        free(value);
        return wrong(r, NULL, "out of memory");
    }
    o->settings[o->n++] = (struct testhost_setting){name, value};
    return true;
}

static bool is_set(const struct setup *o, const char *name)
{
    for (size_t i = 0; i < o->n; i++)
        if (!strcmp(o->settings[i].name, name))
            return true;
    return false;
}

/* ---- groups
 * ------------------------------------------------------------------------------------------ */

static bool read_endpoint(struct reading *r, const config_setting_t *group, const char *plugin)
{
    for (int i = 0; i < config_setting_length(group); i++) {
        const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
        const char *name = config_setting_name(s);
        const struct wess_option *o = option(r->c, name);
        bool hidden = o && (o->flags & WESS_OPTION_SECRET);
        if (!strcmp(name, "connector")) {
            char *which = scalar(s);
            bool same = which && !strcmp(which, plugin);
            free(which);
            if (!same)
                return wrong(r, s, "this is the endpoint of another connector than %s", plugin);
            continue;
        }
        if (!o)
            return wrong(r, s, "%s has no setting %s", plugin, name);
        char *value = hidden ? secret(s) : config_setting_is_aggregate(s) ? joined(s) : scalar(s);
        if (!value)
            return wrong(r, s, "%s cannot be read", name);
        if (!add(r, o->name, value))
            return false;
    }
    for (size_t i = 0; i < r->c->n_options; i++) {
        const struct wess_option *o = &r->c->options[i];
        if (!o->name || is_set(r->out, o->name))
            continue;
        if (o->flags & WESS_OPTION_REQUIRED)
            return wrong(r, group, "%s needs the setting %s: %s", plugin, o->name, o->help);
        if (o->fallback && !add(r, o->name, strdup(o->fallback)))
            return false;
    }
    return true;
}

static bool read_avoid(struct reading *r, const config_setting_t *s)
{
    int n = config_setting_length(s);
    r->out->avoid = calloc((size_t)n + 1, sizeof(*r->out->avoid));
    for (int i = 0; r->out->avoid && i < n; i++)
        r->out->avoid[r->out->n_avoid++] = scalar(config_setting_get_elem(s, (unsigned)i));
    for (size_t i = 0; i < r->out->n_avoid; i++)
        if (!r->out->avoid[i])
            return wrong(r, s, "avoid is an array of names of fields");
    return true;
}

static bool read_root(struct reading *r, const config_setting_t *root, const char *plugin)
{
    const config_setting_t *endpoint = NULL;
    for (int i = 0; i < config_setting_length(root); i++) {
        const config_setting_t *s = config_setting_get_elem(root, (unsigned)i);
        const char *name = config_setting_name(s);
        if (!strcmp(name, "endpoint") && config_setting_is_group(s))
            endpoint = s;
        else if (!strcmp(name, "collection") && config_setting_type(s) == CONFIG_TYPE_STRING)
            r->out->collection = scalar(s);
        else if (!strcmp(name, "ca_file") && config_setting_type(s) == CONFIG_TYPE_STRING)
            r->out->ca_file = scalar(s);
        else if (!strcmp(name, "scratch") && config_setting_type(s) == CONFIG_TYPE_BOOL)
            r->out->scratch = config_setting_get_bool(s);
        else if (!strcmp(name, "patience") && config_setting_get_int(s) > 0)
            r->out->patience_s = (unsigned)config_setting_get_int(s);
        else if (strcmp(name, "avoid") || !config_setting_is_aggregate(s))
            return wrong(r, s, "%s is unknown, or of another type", name);
        else if (!read_avoid(r, s))
            return false;
    }
    if (!endpoint)
        return wrong(r, root, "there is no endpoint = { ... } with the settings of %s", plugin);
    if (!r->out->collection)
        return wrong(r, root, "there is no collection = \"...\"");
    return read_endpoint(r, endpoint, plugin);
}

bool setup_read(const char *path, const struct wess_connector *c, const char *plugin,
                struct setup *out, char **why)
{
    struct reading r = {path, c, out, why};
    config_t cfg;
    *out = (struct setup){.patience_s = PATIENCE_S};
    config_init(&cfg);
    struct stat st;
    bool there = stat(path, &st) == 0 && access(path, R_OK) == 0;
    /* libconfig ends the program at a folder. */
    bool is_file = there && (S_ISREG(st.st_mode) || S_ISCHR(st.st_mode));
    bool ok = is_file && config_read_file(&cfg, path);
    int said = ok        ? 0
               : is_file ? asprintf(why, "%s:%d: %s", path, config_error_line(&cfg),
                                    config_error_text(&cfg))
                         : asprintf(why, "%s: %s", path, there ? "not a file" : strerror(errno));
    if (said < 0)
        *why = NULL;
    ok = ok && read_root(&r, config_root_setting(&cfg), plugin);
    config_destroy(&cfg);
    return ok;
}

void setup_fini(struct setup *s)
{
    for (size_t i = 0; i < s->n; i++)
        free((char *)(uintptr_t)s->settings[i].value);
    for (size_t i = 0; i < s->n_avoid; i++)
        free((char *)(uintptr_t)s->avoid[i]);
    free(s->settings);
    free(s->avoid);
    free(s->collection);
    free(s->ca_file);
}
