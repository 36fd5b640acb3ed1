/* The settings of who fetches tokens, and the token in use. */
#include <string.h>

#include "error.h"
#include "oauth.h"
#include "settings.h"

static enum wess_code bad(struct wess_error *e, const char *text)
{
    return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL, "%s", text);
}

/* What becomes part of an address. */
static bool is_word(const char *text)
{
    return text &&
           text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                             ".-_")] == 0;
}

bool oauth_is_origin(const char *url)
{
    const char *host = url ? strstr(url, "://") : NULL;
    return host && host[3] && !strpbrk(host + 3, "/?#@ ");
}

enum wess_code oauth_read(struct oauth *o, const struct wess_host *h, bool person,
                          struct wess_error *e)
{
    *o = (struct oauth){.host = h,
                        .person = person,
                        .authority = wess_setting(h, "authority"),
                        .tenant = wess_setting(h, "tenant"),
                        .client_id = wess_setting(h, "client_id"),
                        .certificate = wess_setting(h, "certificate"),
                        .key = wess_setting(h, "certificate_key"),
                        .alg = wess_setting(h, "certificate_alg"),
                        .secret = wess_is_set(h, "client_secret")};
    if (!is_word(o->tenant) || !is_word(o->client_id))
        return bad(e, "tenant and client_id are made of letters, digits, dots and hyphens");
    if (!person && o->secret == (o->certificate != NULL))
        return bad(e, "the token of an app needs one of client_secret and certificate, that of a "
                      "person a refresh_token");
    if (!oauth_is_origin(o->authority))
        return bad(e, "authority is https://HOST, with nothing behind");
    return WESS_OK;
}

enum wess_code oauth_use(struct oauth *o, struct wess_call *call, bool refused, bool *other)
{
    char *token = NULL;
    *other = false;
    if (!refused && o->token && o->until_ms > o->host->now_ms(o->host->ctx))
        return WESS_OK;
    enum wess_code rc = oauth_token(o, call, refused ? o->token : NULL, &token, &o->until_ms);
    if (rc != WESS_OK)
        return rc;
    *other = !o->token || strcmp(o->token, token) != 0;
    oauth_wipe(o->token);
    o->token = token;
    return WESS_OK;
}

void oauth_fini(struct oauth *o)
{
    oauth_wipe(o->token);
    o->token = NULL;
}
