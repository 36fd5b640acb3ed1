/* A person signs in to an endpoint; what comes of it is kept in the secret's file. */
#include <string.h>

#include "cli/cli.h"
#include "host/conn.h"

#define LOGIN_BUDGET ((size_t)1 << 20)

static void say(void *ctx, const char *text)
{
    const struct cli *c = ctx;
    fprintf(c->out, "%s\n", text);
    fflush(c->out);
}

static const struct cfg_endpoint *endpoint_named(const struct cli *c, const char *name)
{
    const struct cfg_endpoint *e = config_endpoint(c->config, name);
    if (e)
        return e;
    const char **names = arena_alloc(c->arena, (c->config->n_endpoints + 1) * sizeof(*names));
    for (size_t i = 0; names && i < c->config->n_endpoints; i++)
        names[i] = c->config->endpoints[i].name;
    const char *near = names ? text_nearest(name, names, c->config->n_endpoints) : NULL;
    cli_say(c, "there is no endpoint \"%.64s\"%s%s%s", name, near ? "; did you mean \"" : "",
            near ? near : "", near ? "\"?" : "");
    return NULL;
}

static bool user_for(const struct cli *c, const struct cli_args *a, const struct cfg_endpoint *e,
                     const struct cfg_user **out)
{
    const char *id;
    if (!cli_user(c, a, &id))
        return false;
    *out = id ? config_user(c->config, id) : NULL;
    if (e->per_user && !id)
        cli_say(c, "endpoint %s has a sign-in for each user: say whose with --user ID", e->name);
    return !e->per_user || id;
}

int cmd_login(struct cli *c, const struct cli_args *a)
{
    const struct cfg_endpoint *e = endpoint_named(c, a->of[0]);
    const struct cfg_user *user = NULL;
    struct wess_arena *arena = arena_new(LOGIN_BUDGET);
    struct wess_error error = {0};
    struct conn *conn = NULL;
    enum wess_code rc = WESS_BROKEN;
    int status = EXIT_USAGE;
    bool asked = e && arena && user_for(c, a, e, &user);
    if (asked)
        rc = conn_open(c->config, e, e->per_user ? user : NULL, c->cancelled, &conn, &error);
    if (conn)
        rc = conn_login(conn, arena, say, c, &error);
    if (asked && rc != WESS_OK) {
        cli_say(c, "endpoint %s: %s%s%s%s", e->name, error.text[0] ? error.text : "no sign-in",
                error.remote_code[0] ? " (" : "", error.remote_code,
                error.remote_code[0] ? ")" : "");
        status = rc == WESS_AUTH     ? EXIT_CREDENTIAL
                 : rc == WESS_BROKEN ? EXIT_USAGE
                                     : EXIT_UNREACHABLE;
    } else if (asked) {
        fprintf(c->out, "Signed in. `wess check --online` shows what the endpoint answers.\n");
        status = EXIT_IN_STEP;
    }
    conn_close(conn);
    arena_free(arena);
    return status;
}
