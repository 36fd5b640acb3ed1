#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/conn_private.h"
#include "host/plugin.h"

#define CONN_BUDGET ((size_t)4 << 20)

/* Before the connector asks: to it a setting that is not there is one that nobody made, and whom it
 * then impersonates is another. */
static bool expand_settings(struct conn *c, struct wess_error *e)
{
    const struct cfg_endpoint *ep = c->endpoint;
    const char *why = NULL;
    c->values = arena_alloc(c->arena, (ep->n_values + 1) * sizeof(*c->values));
    for (size_t i = 0; c->values && i < ep->n_values; i++) {
        if (!ep->values[i].value)
            continue;
        c->values[i] = config_expand(c->arena, ep->values[i].value, c->user, &why);
        if (c->values[i])
            continue;
        snprintf(e->text, sizeof(e->text), "%s: %s", ep->values[i].name,
                 why ? why : "out of memory");
        return false;
    }
    return c->values != NULL;
}

struct conn *conn_prepare(const struct config *cfg, const struct cfg_endpoint *ep,
                          const struct cfg_user *user, const bool *cancelled, struct wess_error *e)
{
    struct conn *c = calloc(1, sizeof(*c));
    if (c)
        c->arena = arena_new(CONN_BUDGET);
    if (!c || !c->arena) {
        free(c);
        snprintf(e->text, sizeof(e->text), "out of memory");
        return NULL;
    }
    c->cfg = cfg;
    c->endpoint = ep;
    c->user = user;
    c->cancelled = cancelled;
    c->held = -1;
    c->spool.path = arena_fmt(c->arena, "%s/spool", cfg->state_dir);
    conn_services(c);
    if (expand_settings(c, e) && c->spool.path && (c->fingerprint = conn_fingerprint(c)))
        return c;
    if (!e->text[0])
        snprintf(e->text, sizeof(e->text), "out of memory");
    conn_close(c);
    return NULL;
}

enum wess_code conn_open(const struct config *cfg, const struct cfg_endpoint *ep,
                         const struct cfg_user *user, const bool *cancelled, struct conn **out,
                         struct wess_error *e)
{
    struct conn *c = conn_prepare(cfg, ep, user, cancelled, e);
    *out = NULL;
    if (!c)
        return WESS_BROKEN;
    enum wess_code rc = ep->plugin->connector->open(&c->host, &c->theirs, e);
    if (rc != WESS_OK) {
        c->theirs = NULL;
        conn_close(c);
        return rc;
    }
    *out = c;
    return WESS_OK;
}

void conn_close(struct conn *c)
{
    if (!c)
        return;
    if (c->theirs)
        c->endpoint->plugin->connector->close(c->theirs);
    if (c->held >= 0)
        close(c->held);
    arena_free(c->arena);
    free(c);
}

void conn_allow_writes(struct conn *c, bool allow)
{
    c->may_write = allow;
}

void conn_lacks(struct conn *c, uint64_t caps)
{
    struct wess_collection *of =
        (struct wess_collection *)(uintptr_t)c->schema.of; /* our arena's */
    c->lacks = caps;
    for (size_t i = 0; c->described && i < c->schema.n; i++)
        of[i].caps &= ~caps;
    c->shown.caps &= ~caps;
}

const struct conn_stats *conn_stats(const struct conn *c)
{
    return &c->stats;
}

const char *conn_endpoint(const struct conn *c)
{
    return c->endpoint->name;
}

const char *conn_credential(const struct conn *c)
{
    return c->fingerprint;
}
