/* Signing in: passwords and tokens, those of the settings and those that the SDK fetches; and what
 * a refusal means. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "imap.h"
#include "settings.h"

#define SECRET_CAP 16384u
#define ONLINE "https://outlook.office365.com/"

/* ---- where tokens come from
 * ------------------------------------------------------------------------------------------ */

/* Of the app where there is no refresh token, else of the person. */
enum wess_code imap_read_oauth(struct wess_conn *c, struct wess_error *e)
{
    const struct wess_host *h = c->host;
    bool given = wess_is_set(h, "access_token"), person = wess_is_set(h, "refresh_token");
    const char *scope = wess_setting(h, "scope");
    c->fetches = wess_setting(h, "client_id") != NULL;
    if (given == c->fetches)
        return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL,
                         "a token comes from access_token, or by tenant and client_id: say one of "
                         "them");
    enum wess_code rc = given ? WESS_OK : oauth_read(&c->oauth, h, person, e);
    c->oauth.scope = scope    ? scope
                     : person ? ONLINE "IMAP.AccessAsUser.All offline_access"
                              : ONLINE ".default";
    return rc;
}

bool imap_renew(struct wess_call *call)
{
    struct wess_conn *c = call->conn;
    bool other;
    return c->refused_token && oauth_use(&c->oauth, call, true, &other) == WESS_OK;
}

enum wess_code imap_login(struct wess_call *call, void (*say)(void *ctx, const char *text),
                          void *ctx)
{
    const struct wess_conn *c = call->conn;
    if (c->fetches && c->oauth.person)
        return oauth_login(&c->oauth, call, say, ctx);
    return wess_fail(&call->error, WESS_BROKEN, WESS_OF_HOST, NULL,
                     "this endpoint needs no login: that is for a refresh_token");
}

/* ---- credentials
 * ------------------------------------------------------------------------------------------ */

static const struct way {
    const char *auth, *options, *secret;
    CURLoption option;
} ways[] = {{"plain", "AUTH=PLAIN", "password", CURLOPT_PASSWORD},
            {"login", "AUTH=LOGIN", "password", CURLOPT_PASSWORD},
            {"xoauth2", "AUTH=XOAUTH2", "access_token", CURLOPT_XOAUTH2_BEARER},
            {"oauthbearer", "AUTH=OAUTHBEARER", "access_token", CURLOPT_XOAUTH2_BEARER}};

static const struct way *way_of(const struct wess_conn *c)
{
    size_t i = 0;
    while (i + 1 < sizeof(ways) / sizeof(ways[0]) && strcmp(ways[i].auth, c->auth) != 0)
        i++;
    return &ways[i];
}

bool imap_takes_token(const struct wess_conn *c)
{
    return way_of(c)->option == CURLOPT_XOAUTH2_BEARER;
}

static enum wess_code by_secret(struct wess_call *call, CURL *e, const struct way *w)
{
    char secret[SECRET_CAP];
    enum wess_code rc =
        wess_secret(call->conn->host, w->secret, secret, sizeof(secret), &call->error);
    if (rc != WESS_OK)
        return rc;
    curl_easy_setopt(e, w->option, secret);
    explicit_bzero(secret, sizeof(secret));
    return WESS_OK;
}

static enum wess_code by_token(struct wess_call *call, CURL *e, const struct way *w)
{
    struct wess_conn *c = call->conn;
    bool other;
    enum wess_code rc = oauth_use(&c->oauth, call, false, &other);
    if (rc == WESS_OK)
        curl_easy_setopt(e, w->option, c->oauth.token);
    return rc;
}

enum wess_code imap_credentials(struct wess_call *call, CURL *e)
{
    struct wess_conn *c = call->conn;
    const struct way *w = way_of(c);
    c->refused_token = false;
    enum wess_code rc = c->fetches ? by_token(call, e, w) : by_secret(call, e, w);
    if (rc != WESS_OK)
        return rc;
    curl_easy_setopt(e, CURLOPT_USERNAME, c->username);
    curl_easy_setopt(e, CURLOPT_LOGIN_OPTIONS, w->options);
    curl_easy_setopt(e, CURLOPT_SASL_IR, 1L);
    if (c->authorize)
        curl_easy_setopt(e, CURLOPT_SASL_AUTHZID, c->authorize);
    return WESS_OK;
}

/* ---- refusals
 * ------------------------------------------------------------------------------------------ */

/* The secret was taken where tokens come from: what is wrong now is put right elsewhere, without a
 * change that could be seen here. So it is the host that rests, for ever longer. */
static enum wess_code refused(struct wess_call *call)
{
    struct wess_conn *c = call->conn;
    const char *code = *c->refusal ? c->refusal : NULL;
    if (!c->fetches)
        return wess_fail(&call->error, WESS_AUTH, WESS_OF_CREDENTIAL, code,
                         "the server refused the sign-in");
    c->refused_token = true;
    return wess_fail(&call->error, WESS_AUTH, WESS_OF_HOST, code,
                     "the server does not take the token: check scope and username, and what the "
                     "app may");
}

enum wess_code imap_judge_sign_in(struct wess_call *call, CURLcode rc, const char *text)
{
    const struct wess_conn *c = call->conn;
    const char *why = *text ? text : curl_easy_strerror(rc);
    enum wess_code code = WESS_TRANSIENT;
    enum wess_scope scope = WESS_OF_HOST;
    if (rc == CURLE_LOGIN_DENIED && imap_of_the_moment(c->refusal)) {
        scope = WESS_OF_CREDENTIAL;
    } else if (rc == CURLE_LOGIN_DENIED) {
        return refused(call);
    } else if (rc == CURLE_PEER_FAILED_VERIFICATION || rc == CURLE_SSL_CACERT_BADFILE ||
               rc == CURLE_URL_MALFORMAT || rc == CURLE_UNSUPPORTED_PROTOCOL) {
        code = WESS_BROKEN;
    } else if (rc == CURLE_USE_SSL_FAILED) {
        code = WESS_BROKEN;
        why = "the server offers no TLS (STARTTLS): without it nobody signs in";
    }
    return wess_fail(&call->error, code, scope, *c->refusal ? c->refusal : NULL, "%s", why);
}
