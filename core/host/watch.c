/* Many users of an endpoint, watched at once. */
#include <stdio.h>
#include <stdlib.h>

#include "host/answer.h"
#include "host/conn_private.h"
#include "host/plugin.h"

struct conn_watch {
    const struct wess_connector *connector;
    struct conn **of;
    size_t n;
    struct wess_watch *theirs;
};

bool conn_can_watch(const struct cfg_endpoint *ep)
{
    return ep->per_user && ep->plugin && ep->plugin->connector->watch_open;
}

void conn_watch_close(struct conn_watch *w)
{
    if (!w)
        return;
    if (w->theirs)
        w->connector->watch_close(w->theirs);
    for (size_t i = 0; w->of && i < w->n; i++)
        conn_close(w->of[i]);
    free(w->of);
    free(w);
}

enum wess_code conn_watch_open(const struct config *cfg, const struct cfg_endpoint *ep,
                               const struct cfg_user *users, size_t n, const bool *cancelled,
                               struct conn_watch **out, struct wess_error *e)
{
    struct conn_watch *w = calloc(1, sizeof(*w));
    const struct wess_host **hosts = calloc(n + 1, sizeof(*hosts));
    enum wess_code rc = WESS_BROKEN;
    *out = NULL;
    if (w)
        w->of = calloc(n + 1, sizeof(*w->of));
    bool ok = w && w->of && hosts;
    for (size_t i = 0; ok && i < n; i++) {
        ok = (w->of[i] = conn_prepare(cfg, ep, &users[i], cancelled, e)) != NULL;
        w->n += ok;
        hosts[i] = ok ? &w->of[i]->host : NULL;
    }
    if (ok) {
        w->connector = ep->plugin->connector;
        rc = w->connector->watch_open(hosts, n, &w->theirs, e);
    } else if (!e->text[0]) {
        snprintf(e->text, sizeof(e->text), "out of memory");
    }
    free(hosts);
    if (rc != WESS_OK) {
        conn_watch_close(w);
        return rc;
    }
    *out = w;
    return WESS_OK;
}

int conn_watch_fd(struct conn_watch *w)
{
    return w->connector->watch_fd(w->theirs);
}

enum wess_code conn_watch_ready(struct conn_watch *w, bool *woken, int64_t *next_ms,
                                struct wess_error *e)
{
    enum wess_code rc = w->connector->watch_ready(w->theirs, woken, next_ms, e);
    e->text[sizeof(e->text) - 1] = e->remote_code[sizeof(e->remote_code) - 1] = 0;
    return answer_code(rc) ? rc : WESS_BROKEN;
}
