/* Can the secrets be read? `check` asks before the first sync finds out. */
#include "cli/check.h"

#include <string.h>

#include "host/conn.h"
#include "host/plugin.h"

#define SECRET_CAP 8192u

struct asked {
    const struct cli *cli;
    void (*complain)(void *ctx, const char *line);
    void *ctx;
    bool sound;
};

static void ask(struct asked *a, const struct cfg_endpoint *e, const struct cfg_secret *s,
                const struct cfg_user *user)
{
    char value[SECRET_CAP];
    const char *why = NULL;
    bool read = secret_read(s, user, value, sizeof(value), &why);
    explicit_bzero(value, sizeof(value));
    if (read)
        return;
    a->sound = false;
    const struct wess_option *o = plugin_option(e->plugin, s->name);
    bool login = o && (o->flags & WESS_OPTION_ROTATES);
    const char *line = arena_fmt(
        a->cli->arena, "%s:%d: %s of endpoint %s cannot be read%s%s: %s: %s%s%s%s%s",
        a->cli->config->path, s->line, s->name, e->name, user ? " for user " : "",
        user ? user->id : "", s->text, why, login ? "; `wess login " : "", login ? e->name : "",
        login && user ? " --user ID" : "", login ? "` makes it" : "");
    a->complain(a->ctx, line ? line : "out of memory");
}

static void ask_of_users(struct asked *a, const struct cfg_endpoint *e, const struct cfg_secret *s)
{
    const struct config *cfg = a->cli->config;
    if (!strstr(s->text, "%{user.")) {
        ask(a, e, s, NULL);
        return;
    }
    for (size_t u = 0; u < cfg->n_users; u++)
        if (cfg->users[u].mode != MODE_OFF)
            ask(a, e, s, &cfg->users[u]);
}

bool check_secrets(const struct cli *c, void (*complain)(void *ctx, const char *line), void *ctx)
{
    struct asked a = {.cli = c, .complain = complain, .ctx = ctx, .sound = true};
    for (size_t i = 0; i < c->config->n_endpoints; i++) {
        const struct cfg_endpoint *e = &c->config->endpoints[i];
        for (size_t k = 0; k < e->n_secrets; k++)
            if (e->secrets[k].from == SECRET_FILE && e->secrets[k].text)
                ask_of_users(&a, e, &e->secrets[k]);
    }
    return a.sound;
}
