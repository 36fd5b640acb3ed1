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
    bool secret;      /* there is a client_secret, a secret of the host */
    char *token;      /* the one in use, see oauth_use(); NULL: none yet */
    int64_t until_ms; /* when to ask for the next */
};

/* Rows of a connector's table of options: what oauth_read() reads. */
#define OAUTH_N_OPTIONS 8u
/* clang-format off */
#define OAUTH_OPTIONS                                                                              \
    {"tenant", "string", NULL, NULL, NULL,                                                         \
     "of Entra, where tokens come from: its id or a domain of it", WESS_OPTION_CREDENTIAL},        \
    {"client_id", "string", NULL, NULL, NULL, "of the app registration", WESS_OPTION_CREDENTIAL},  \
    {"client_secret", "string", NULL, NULL, NULL, "of the app registration", WESS_OPTION_SECRET},  \
    {"certificate", "string", NULL, NULL, NULL,                                                    \
     "PEM file of the app's certificate, instead of client_secret", WESS_OPTION_CREDENTIAL},       \
    {"certificate_key", "string", NULL, NULL, NULL,                                                \
     "PEM file of its private key, 0600 (default: in the same file)", WESS_OPTION_CREDENTIAL},     \
    {"certificate_alg", "choice", NULL, "PS256", "PS256|RS256", "how the app signs",               \
     WESS_OPTION_CREDENTIAL},                                                                      \
    {"refresh_token", "string", NULL, NULL, NULL,                                                  \
     "file that `wess login` writes and each renewal replaces: tokens of a person, not of the app",\
     WESS_OPTION_SECRET | WESS_OPTION_ROTATES},                                                    \
    {"authority", "url", NULL, "https://login.microsoftonline.com", NULL,                          \
     "where tokens come from", WESS_OPTION_CREDENTIAL}
/* clang-format on */

/* Reads these settings, of the app or of a person; `scope` is left to the connector. WESS_BROKEN
 * says which is missing, wrong or too much. What it points to lives as long as the host. */
enum wess_code oauth_read(struct oauth *, const struct wess_host *, bool person,
                          struct wess_error *);
bool oauth_is_origin(const char *url); /* "https://HOST", with nothing behind */
/* Makes o->token one that is good now; `refused`: the one in use was, just now, and is never given
 * again. *other: it is another one than before. Traffic counts on the call; its error is filled. */
enum wess_code oauth_use(struct oauth *, struct wess_call *, bool refused, bool *other);
void oauth_fini(struct oauth *); /* wipes the token */

/* The same, malloc'ed, and when to ask again. `stale` (or NULL): one that was refused. */
enum wess_code oauth_token(const struct oauth *, struct wess_call *, const char *stale, char **out,
                           int64_t *until_ms);
void oauth_wipe(char *token); /* wipes and frees; NULL: nothing */

/* Signs a person in by a device code (RFC 8628): tells by say() what to do, waits until it is done,
 * and puts the refresh token (secret_put). */
enum wess_code oauth_login(const struct oauth *, struct wess_call *,
                           void (*say)(void *ctx, const char *text), void *ctx);

#endif
