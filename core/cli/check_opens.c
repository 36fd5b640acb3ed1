/* Do the options of an endpoint go together? Its connector says, without contacting anybody. */
#include "cli/check.h"

#include "host/conn.h"

/* One user stands for all: what differs between them is values, not which options there are. */
static const struct cfg_user *any_user(const struct config *cfg)
{
    for (size_t i = 0; i < cfg->n_users; i++)
        if (cfg->users[i].mode != MODE_OFF)
            return &cfg->users[i];
    return NULL;
}

/* Opening reads the secrets. A program is not run for a mere check. */
static bool asks_a_program(const struct cfg_endpoint *e)
{
    for (size_t i = 0; i < e->n_secrets; i++)
        if (e->secrets[i].from == SECRET_COMMAND)
            return true;
    return false;
}

bool check_opens(const struct cli *c, void (*complain)(void *ctx, const char *line), void *ctx)
{
    bool sound = true;
    for (size_t i = 0; i < c->config->n_endpoints; i++) {
        const struct cfg_endpoint *e = &c->config->endpoints[i];
        const struct cfg_user *user = e->per_user ? any_user(c->config) : NULL;
        struct wess_error error = {0};
        struct conn *conn = NULL;
        if ((e->per_user && !user) || asks_a_program(e))
            continue;
        if (conn_open(c->config, e, user, c->cancelled, &conn, &error) != WESS_OK) {
            const char *line = arena_fmt(c->arena, "%s:%d: endpoint %s: %s", c->config->path,
                                         e->line, e->name, error.text);
            complain(ctx, line ? line : "out of memory");
            sound = false;
        }
        conn_close(conn);
    }
    return sound;
}
