#include "config/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "config/read.h"
#include "host/exec.h"

#define CONFIG_BYTES ((size_t)4 << 20)
#define CONFIG_BUDGET ((size_t)64 << 20)
#define DAY_MS ((int64_t)86400000)
#define WARN_DAYS 30

/* ---- libconfig's bare "syntax error" helped
 * ------------------------------------------------------------------ */

struct scan {
    int line, opened_at, depth_lines[64];
    char depth[64];
    int n;
};

/* The first quote or bracket that never closes, or closes what was not open. */
static bool find_unclosed(const char *text, char *what, int *line)
{
    struct scan s = {.line = 1};
    for (const char *c = text; *c; c++) {
        s.line += *c == '\n';
        if (*c == '#' || (*c == '/' && c[1] == '/')) {
            while (c[1] && c[1] != '\n')
                c++;
        } else if (*c == '/' && c[1] == '*') {
            const char *end = strstr(c + 2, "*/");
            for (; end && c < end + 1; c++)
                s.line += *c == '\n';
        } else if (*c == '"') {
            int at = s.line;
            for (c++; *c && *c != '"'; c++) {
                if (*c == '\\' && c[1])
                    c++;
                if (*c == '\n') {
                    *what = '"';
                    *line = at;
                    return true;
                }
            }
            if (!*c) {
                *what = '"';
                *line = at;
                return true;
            }
        } else if (strchr("{[(", *c) && s.n < 64) {
            s.depth_lines[s.n] = s.line;
            s.depth[s.n++] = *c;
        } else if (strchr("}])", *c)) {
            char open = *c == '}' ? '{' : *c == ']' ? '[' : '(';
            if (s.n && s.depth[s.n - 1] == open) {
                s.n--;
                continue;
            }
            *what = s.n ? s.depth[s.n - 1] : *c;
            *line = s.n ? s.depth_lines[s.n - 1] : s.line;
            return true;
        }
    }
    if (!s.n)
        return false;
    *what = s.depth[s.n - 1];
    *line = s.depth_lines[s.n - 1];
    return true;
}

static void syntax(struct reader *r, const char *text)
{
    static const char *const ways_out[][2] = {
        {"duplicate", "it is set further up already"},
        {"", "settings are name = value; with a semicolon behind"}};
    const char *file = included_file(r, config_error_file(&r->lib));
    const char *error = config_error_text(&r->lib);
    char what = 0;
    int at = 0;
    size_t way = 0;
    if (!file && find_unclosed(text, &what, &at)) {
        trouble(r, at, "the %c here %s", what,
                strchr("}])", what) ? "closes what is not open" : "is never closed");
        return;
    }
    while (!strstr(error, ways_out[way][0]))
        way++;
    trouble_in(r, file, config_error_line(&r->lib), "%s; %s", error, ways_out[way][1]);
}

/* ---- reading
 * -------------------------------------------------------------------------------------------------
 */

/* Not from wherever the program was started. libconfig 1.5 puts the folder before whole paths too.
 */
static void include_from_its_folder(struct reader *r, const char *text)
{
    const char *slash = strrchr(r->path, '/');
    r->folder = slash && !strstr(text, "@include \"/")
                    ? arena_textn(r->a, r->path, (size_t)(slash - r->path) + 1)
                    : NULL;
    if (r->folder)
        config_set_include_dir(&r->lib, r->folder);
}

static bool parse(struct reader *r)
{
    char *text = NULL;
    size_t len = 0;
    const char *why = NULL;
    if (!file_read(r->path, CONFIG_BYTES, false, &text, &len, &why)) {
        trouble(r, 0, "%s; name another with --config", why);
        return false;
    }
    bool ok = strlen(text) == len;
    include_from_its_folder(r, text);
    if (!ok)
        trouble(r, 0, "holds a zero byte: it is not a configuration");
    else if (!comes_whole(r, text))
        ok = false;
    else if (!config_read_string(&r->lib, text)) {
        syntax(r, text);
        ok = false;
    }
    explicit_bzero(text, len);
    free(text);
    return ok;
}

static void read_log_and_http(struct reader *r, const config_setting_t *root)
{
    struct config *c = r->cfg;
    const config_setting_t *http = group_of(root, "http"), *lg = group_of(root, "log");
    check_group(r, http, &group_http);
    check_group(r, lg, &group_log);
    c->http = (struct wess_http){
        .proxy = text_of(r, http, &group_http, "proxy"),
        .ca_file = under_root(r, text_of(r, http, &group_http, "ca_file")),
        .user_agent = text_of(r, http, &group_http, "user_agent"),
        .connect_timeout_ms = (uint32_t)duration_of(r, http, &group_http, "connect_timeout"),
        .timeout_ms = (uint32_t)duration_of(r, http, &group_http, "timeout"),
        .body_max = (uint64_t)int_of(r, http, &group_http, "body_max"),
    };
    if (c->http.ca_file && access(c->http.ca_file, R_OK) != 0)
        trouble_at(r, config_setting_get_member(http, "ca_file"), "%s cannot be read: %s",
                   c->http.ca_file, strerror(errno));
    c->log_file = under_root(r, text_of(r, lg, &group_log, "file"));
    c->log_level = text_of(r, lg, &group_log, "level");
}

static void read_daemon(struct reader *r, const config_setting_t *root)
{
    struct config *c = r->cfg;
    const config_setting_t *d = group_of(root, "daemon"), *keep = group_of(root, "keep");
    check_group(r, d, &group_daemon);
    check_group(r, keep, &group_keep);
    c->every_ms = duration_of(r, d, &group_daemon, "every");
    c->watch = bool_of(r, d, &group_daemon, "watch");
    c->workers = (unsigned)int_of(r, d, &group_daemon, "workers");
    c->control = under_root(r, text_of(r, d, &group_daemon, "control"));
    if (!c->control && c->state_dir)
        c->control = arena_fmt(r->a, "%s/control", c->state_dir);
    c->full_check_ms = duration_of(r, root, &group_top, "full_check");
    c->keep_ended_ms = duration_of(r, keep, &group_keep, "ended");
    c->before_images_ms = duration_of(r, keep, &group_keep, "before_images");
}

static void check_site(struct reader *r, const config_setting_t *root)
{
    const char *site = r->cfg->site;
    size_t ok =
        site ? strspn(site, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") : 0;
    if (!site)
        trouble_at(r, root,
                   "site = \"..\" is missing: it names this installation and never changes");
    else if (!*site || site[ok] || strlen(site) > 64)
        trouble_at(r, config_setting_get_member(root, "site"),
                   "site must be 1 to 64 letters, digits, dots or hyphens");
}

/* Every %{user.X} must be there for every user. */
static void check_expansions(struct reader *r)
{
    const struct config *c = r->cfg;
    const char *why = NULL;
    for (size_t u = 0; u < c->n_users; u++)
        for (size_t p = 0; p < c->n_pairs; p++)
            for (int s = LEFT; s <= RIGHT; s++) {
                const struct cfg_pair *pair = &c->pairs[p];
                const struct cfg_endpoint *e = pair->endpoint[s];
                if (c->users[u].mode == MODE_OFF)
                    continue;
                for (size_t f = 0; f < pair->select[s].n_facts; f++)
                    if (pair->select[s].facts[f].value &&
                        !config_expand(r->a, pair->select[s].facts[f].value, &c->users[u], &why))
                        trouble(r, pair->line, "%s, asked by the select of pair %s",
                                why ? why : "out of memory", pair->name);
                for (size_t v = 0; e && v < e->n_values; v++)
                    if (e->values[v].value &&
                        !config_expand(r->a, e->values[v].value, &c->users[u], &why))
                        trouble(r, e->values[v].line, "%s, asked by %s of endpoint %s",
                                why ? why : "out of memory", e->values[v].name, e->name);
            }
}

static void read_all(struct reader *r)
{
    config_setting_t *root = config_root_setting(&r->lib);
    struct config *c = r->cfg;
    check_group(r, root, &group_top);
    c->site = text_of(r, root, &group_top, "site");
    c->state_dir = under_root(r, text_of(r, root, &group_top, "state_dir"));
    struct wess_list path = list_of(r, root, "connector_path");
    c->connector_path = path.of;
    c->n_connector_path = path.n;
    check_site(r, root);
    if (c->state_dir && *c->state_dir != '/') /* each command would have one where it is typed */
        trouble_at(r, config_setting_get_member(root, "state_dir"),
                   "state_dir must be a whole path, such as /var/lib/wess");
    read_log_and_http(r, root);
    read_daemon(r, root);
    read_endpoints(r, config_setting_get_member(root, "endpoints"));
    c->preset = text_of(r, root, &group_top, "preset");
    expand_preset(r, root);
    c->expanded = expanded_pairs(r, root);
    read_pairs(r, config_setting_get_member(root, "pairs"));
    read_users(r, group_of(root, "users"));
    if (!r->errors)
        check_expansions(r);
}

struct config *config_load(const char *path, const char *root,
                           void (*say)(void *ctx, const char *line), void *ctx)
{
    struct wess_arena *a = arena_new(CONFIG_BUDGET);
    struct config *c = a ? arena_alloc(a, sizeof(*c)) : NULL;
    struct reader r = {.cfg = c, .a = a, .path = path, .root = root, .say = say, .ctx = ctx};
    if (!c) {
        arena_free(a);
        return NULL;
    }
    c->arena = a;
    c->path = arena_text(a, path);
    config_init(&r.lib);
    if (parse(&r))
        read_all(&r);
    config_destroy(&r.lib);
    if (!r.errors)
        return c;
    config_free(c);
    return NULL;
}

void config_free(struct config *c)
{
    if (c)
        arena_free(c->arena);
}

/* ---- looking things up
 * ------------------------------------------------------------------------------------------ */

const char *cfg_user_attr(const struct cfg_user *u, const char *name)
{
    for (size_t i = 0; i < u->n_attrs; i++)
        if (!strcmp(u->attrs[i].name, name))
            return u->attrs[i].value;
    return NULL;
}

const char *config_expand(struct wess_arena *a, const char *text, const struct cfg_user *user,
                          const char **why)
{
    static const char open[] = "%{user.";
    const char *out = "", *at = text, *hit;
    *why = NULL;
    while (out && (hit = strstr(at, open))) {
        const char *name = hit + sizeof(open) - 1, *end = strchr(name, '}');
        char *attr = end ? arena_textn(a, name, (size_t)(end - name)) : NULL;
        if (end && !attr)
            return NULL;
        const char *value = attr && user ? cfg_user_attr(user, attr) : NULL;
        if (!value || !*value) {
            *why = arena_fmt(a, "user %s has no %s", user ? user->id : "(shared)",
                             attr ? attr : "closing }");
            return NULL;
        }
        out = arena_fmt(a, "%s%.*s%s", out, (int)(hit - at), at, value);
        at = end + 1;
    }
    return out ? arena_fmt(a, "%s%s", out, at) : NULL;
}

const struct cfg_endpoint *config_endpoint(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->n_endpoints; i++)
        if (c->endpoints[i].name && !strcmp(c->endpoints[i].name, name))
            return &c->endpoints[i];
    return NULL;
}

const struct cfg_pair *config_pair(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->n_pairs; i++)
        if (!strcmp(c->pairs[i].name, name))
            return &c->pairs[i];
    return NULL;
}

bool config_by_name(const struct config *cfg)
{
    for (size_t p = 0; p < cfg->n_pairs; p++)
        for (size_t m = 0; m < cfg->pairs[p].n_match; m++)
            if (!strncmp(cfg->pairs[p].match[m].space, "fn", 2))
                return true;
    return false;
}

const struct cfg_user *config_user(const struct config *c, const char *id)
{
    for (size_t i = 0; i < c->n_users; i++)
        if (!strcmp(c->users[i].id, id))
            return &c->users[i];
    return NULL;
}

void config_expiries(const struct config *c, int64_t now_ms,
                     void (*say)(void *ctx, const char *endpoint, const char *secret, int64_t days),
                     void *ctx)
{
    for (size_t e = 0; e < c->n_endpoints; e++)
        for (size_t i = 0; i < c->endpoints[e].n_secrets; i++) {
            const struct cfg_secret *s = &c->endpoints[e].secrets[i];
            struct tm tm = {0};
            if (!s->expires || !strptime(s->expires, "%Y-%m-%d", &tm))
                continue;
            int64_t days = ((int64_t)timegm(&tm) * 1000 - now_ms) / DAY_MS;
            if (days <= WARN_DAYS)
                say(ctx, c->endpoints[e].name, s->name, days);
        }
}
