/* What commands share: words for people, names checked, numbers read. */
#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"

#define PASSWD_BYTES 4096

void cli_say(const struct cli *c, const char *fmt, ...)
{
    va_list ap;
    fputs("wess: ", c->err);
    va_start(ap, fmt);
    vfprintf(c->err, fmt, ap);
    va_end(ap);
    fputc('\n', c->err);
}

int cli_spent(const struct cli *c)
{
    cli_say(c, "out of memory");
    return EXIT_STATE;
}

int cli_store_failed(const struct cli *c, const struct db *db)
{
    char text[1024];
    store_say(c->store, db, text, sizeof(text));
    cli_say(c, "%s", text);
    return EXIT_STATE;
}

void cli_json(const struct cli *c, json_t *j)
{
    if (j && json_dumpf(j, c->out, JSON_INDENT(2)) == 0)
        fputc('\n', c->out);
    else
        cli_spent(c);
    json_decref(j);
}

const struct cfg_pair *cli_pair(const struct cli *c, const char *name)
{
    const struct cfg_pair *pair = name ? config_pair(c->config, name) : NULL;
    if (pair || !name)
        return pair;
    const char **names = arena_alloc(c->arena, (c->config->n_pairs + 1) * sizeof(*names));
    for (size_t i = 0; names && i < c->config->n_pairs; i++)
        names[i] = c->config->pairs[i].name;
    const char *near = names ? text_nearest(name, names, c->config->n_pairs) : NULL;
    cli_say(c, "there is no pair \"%.64s\"%s%s%s", name, near ? "; did you mean \"" : "",
            near ? near : "", near ? "\"?" : "");
    return NULL;
}

bool cli_user(const struct cli *c, const struct cli_args *a, const char **id)
{
    *id = a->value[OPT_USER];
    if (!*id || config_user(c->config, *id))
        return true;
    const char **names = arena_alloc(c->arena, (c->config->n_users + 1) * sizeof(*names));
    for (size_t i = 0; names && i < c->config->n_users; i++)
        names[i] = c->config->users[i].id;
    const char *near = names ? text_nearest(*id, names, c->config->n_users) : NULL;
    cli_say(c, "there is no user \"%.64s\"%s%s%s", *id, near ? "; did you mean \"" : "",
            near ? near : "", near ? "\"?" : "");
    return false;
}

bool cli_number(const struct cli *c, const char *word, int64_t *out)
{
    const char *digits = *word == '#' ? word + 1 : word;
    char *end = NULL;
    errno = 0;
    *out = strtoll(digits, &end, 10);
    if (*digits >= '0' && *digits <= '9' && !*end && !errno && *out > 0)
        return true;
    cli_say(c, "\"%.64s\" is not a number of that list", word);
    return false;
}

const char *cli_who(const struct cli *c)
{
    struct passwd entry, *found = NULL;
    char buf[PASSWD_BYTES];
    if (getpwuid_r(c->uid, &entry, buf, sizeof(buf), &found) == 0 && found)
        return arena_text(c->arena, found->pw_name);
    return arena_fmt(c->arena, "uid %ld", (long)c->uid);
}

const char *cli_when(struct wess_arena *a, int64_t ms)
{
    char text[32];
    struct tm tm;
    time_t s = (time_t)(ms / 1000);
    if (ms <= 0)
        return "never";
    localtime_r(&s, &tm);
    strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm);
    char *out = arena_text(a, text);
    return out ? out : "";
}

const char *cli_side_name(const struct cfg_pair *pair, enum side side, struct wess_arena *a)
{
    const char *name = arena_fmt(a, "%s:%s", pair->endpoint[side]->name, pair->collection[side]);
    return name ? name : "";
}

const char *cli_what(enum op_what what)
{
    switch (what) {
    case OP_LINK:
        return "linked";
    case OP_CREATE:
        return "created";
    case OP_UPDATE:
        return "updated";
    case OP_DELETE:
        return "deleted";
    case OP_END:
        return "link ended";
    }
    return "";
}

const char *cli_count(struct wess_arena *a, int64_t n, const char *one, const char *many)
{
    const char *text = arena_fmt(a, "%lld %s", (long long)n, n == 1 ? one : many);
    return text ? text : "";
}

size_t cli_order(const struct config *cfg, const char *pair, const char *user)
{
    const struct cfg_pair *p = config_pair(cfg, pair);
    const struct cfg_user *u = config_user(cfg, user);
    size_t major = u ? (size_t)(u - cfg->users) : cfg->n_users;
    return major * (cfg->n_pairs + 1) + (p ? (size_t)(p - cfg->pairs) : cfg->n_pairs);
}
