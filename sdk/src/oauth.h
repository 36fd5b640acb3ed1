/* Bearer tokens (OAuth 2) for connectors: of an app by its secret or certificate, of a person by a
 * refresh token that `wess login` brought. One token for each credential of the process, whoever of
 * its users asks; renewed some time before it ends, by one while the others wait. */
#ifndef WESS_SDK_OAUTH_H
#define WESS_SDK_OAUTH_H

#include "wess/connector.h"

struct oauth {
    const struct wess_host *host;
    bool person;                    /* else the app itself */
    const char *authority, *tenant; /* "https://login.microsoftonline.com", "example.com" */
    const char *client_id, *scope;
    const char *certificate, *key; /* of an app: PEM files, see jwt.h; NULL: by its secret */
    const char *alg;
    bool secret; /* there is a client_secret, a secret of the host */
};

/* A token that is good now, malloc'ed, and when to ask again. `stale` (or NULL): one that the
 * remote has just refused, never to be given again. Traffic counts on the call; its error is
 * filled. */
enum wess_code oauth_token(const struct oauth *, struct wess_call *, const char *stale, char **out,
                           int64_t *until_ms);
void oauth_wipe(char *token); /* wipes and frees; NULL: nothing */

/* Signs a person in by a device code (RFC 8628): tells by say() what to do, waits until it is done,
 * and puts the refresh token (secret_put). */
enum wess_code oauth_login(const struct oauth *, struct wess_call *,
                           void (*say)(void *ctx, const char *text), void *ctx);

#endif
