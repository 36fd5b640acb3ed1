/* What a connector is given: its settings and secrets, the log, a place for large values and for
 * what it may forget. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/blob.h"
#include "host/conn_private.h"
#include "host/kept.h"
#include "host/plugin.h"

#define LOG_BYTES 700

static void host_log(void *ctx, int level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void host_log(void *ctx, int level, const char *fmt, ...)
{
    const struct conn *c = ctx;
    char text[LOG_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    log_line(level, "endpoint %s user %s: %s", c->endpoint->name, c->user ? c->user->id : "-",
             text);
}

static int64_t host_now(void *ctx)
{
    (void)ctx;
    return clock_now_ms();
}

bool conn_cancelled(void *ctx)
{
    const struct conn *c = ctx;
    return c->cancelled && __atomic_load_n(c->cancelled, __ATOMIC_RELAXED);
}

static const struct cfg_secret *secret_named(const struct conn *c, const char *name)
{
    for (size_t i = 0; i < c->endpoint->n_secrets; i++)
        if (!strcmp(c->endpoint->secrets[i].name, name))
            return &c->endpoint->secrets[i];
    return NULL;
}

static const char *host_setting(void *ctx, const char *name)
{
    struct conn *c = ctx;
    const struct wess_option *o = plugin_option(c->endpoint->plugin, name);
    for (size_t i = 0; i < c->endpoint->n_values; i++)
        if (!strcmp(c->endpoint->values[i].name, name))
            return c->values[i];
    /* Of a secret it is known here that there is one. */
    if (o && (o->flags & WESS_OPTION_SECRET))
        return secret_named(c, name) ? "" : NULL;
    return o ? o->fallback : NULL;
}

static bool rotates(const struct conn *c, const char *name)
{
    const struct wess_option *o = plugin_option(c->endpoint->plugin, name);
    return o && (o->flags & WESS_OPTION_ROTATES);
}

static enum wess_code host_secret(void *ctx, const char *name, char *buf, size_t cap)
{
    struct conn *c = ctx;
    const struct cfg_secret *s = secret_named(c, name);
    const char *why = "it is not set";
    if (s && secret_read(s, c->user, buf, cap, &why))
        return WESS_OK;
    bool file = s && s->from == SECRET_FILE;
    snprintf(c->no_secret, sizeof(c->no_secret), "%s cannot be read: %s%s%s", name,
             file ? s->text : "", file ? ": " : "", why);
    if (rotates(c, name))
        snprintf(c->no_secret, sizeof(c->no_secret), "%s: %.80s; `wess login %s` makes it", name,
                 why, c->endpoint->name);
    log_line(WESS_LOG_ERROR, "endpoint %s: %s", c->endpoint->name, c->no_secret);
    return WESS_AUTH;
}

static enum wess_code host_secret_put(void *ctx, const char *name, const char *value)
{
    struct conn *c = ctx;
    const struct cfg_secret *s = rotates(c, name) ? secret_named(c, name) : NULL;
    const char *why = "it is not set";
    if (s && secret_write(s, c->user, value, &why))
        return WESS_OK;
    log_line(WESS_LOG_ERROR, "endpoint %s: %s cannot be written: %s", c->endpoint->name, name, why);
    return WESS_REJECTED;
}

static enum wess_code host_secret_hold(void *ctx, const char *name, bool on)
{
    struct conn *c = ctx;
    const struct cfg_secret *s = rotates(c, name) ? secret_named(c, name) : NULL;
    const char *why = "it is not set";
    if (c->held >= 0)
        close(c->held);
    c->held = on && s ? secret_lock(s, c->user, conn_cancelled, c, &why) : -1;
    if (!on || c->held >= 0)
        return WESS_OK;
    log_line(WESS_LOG_ERROR, "endpoint %s: %s cannot be locked: %s", c->endpoint->name, name, why);
    return conn_cancelled(c) ? WESS_CANCELLED : WESS_AUTH;
}

static struct kept_at kept_at(const struct conn *c, const char *name)
{
    return (struct kept_at){c->cfg->state_dir, c->endpoint->name, c->user ? c->user->id : "", name};
}

static bool host_keep(void *ctx, struct wess_arena *a, const char *name, const void *data,
                      size_t len)
{
    const struct kept_at at = kept_at(ctx, name);
    return kept_put(a, &at, data, len);
}

static const char *host_kept(void *ctx, struct wess_arena *a, const char *name, size_t *len)
{
    const struct kept_at at = kept_at(ctx, name);
    return kept_get(a, &at, len);
}

static enum wess_code host_token(void *ctx, const char *name, bool renew, char *buf, size_t cap)
{
    (void)renew;
    return host_secret(ctx, name, buf, cap);
}

static struct blob_dir *spool_of(struct conn *c)
{
    return c->spool_in ? c->spool_in : &c->spool;
}

static enum wess_code host_blob_new(void *ctx, struct wess_spool **out)
{
    return blob_spool_new(spool_of(ctx), out);
}

static enum wess_code host_blob_open(void *ctx, const char *digest, struct wess_spool **out)
{
    return blob_spool_open(spool_of(ctx), digest, out);
}

void conn_services(struct conn *c)
{
    c->http = c->cfg->http;
    c->http.trace = trace_sink();
    c->host = (struct wess_host){.abi = WESS_ABI,
                                 .size = sizeof(struct wess_host),
                                 .ctx = c,
                                 .log = host_log,
                                 .now_ms = host_now,
                                 .cancelled = conn_cancelled,
                                 .setting = host_setting,
                                 .secret = host_secret,
                                 .secret_put = host_secret_put,
                                 .token = host_token,
                                 .alloc = arena_alloc,
                                 .blob_new = host_blob_new,
                                 .blob_put = blob_spool_put,
                                 .blob_done = blob_spool_done,
                                 .blob_open = host_blob_open,
                                 .blob_get = blob_spool_get,
                                 .blob_close = blob_spool_close,
                                 .http = &c->http,
                                 .fold = text_fold,
                                 .secret_hold = host_secret_hold,
                                 .keep = host_keep,
                                 .kept = host_kept};
}

void conn_spool_in(struct conn *c, struct blob_dir *dir)
{
    c->spool_in = dir;
}
