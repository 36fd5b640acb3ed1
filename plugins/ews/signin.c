/* Signing in: names and passwords, Kerberos, tokens; and what a refusal means. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ews.h"
#include "settings.h"

#define SECRET_MAX 1024u
/* A keytab of an old password locks the account when it is tried too often. */
#define TICKET_PAUSE_MS ((int64_t)3600 * 1000)

/* ---- credentials
 * ------------------------------------------------------------------------------------------ */

static enum wess_code by_password(struct wess_call *call)
{
    struct wess_conn *c = call->conn;
    char secret[SECRET_MAX];
    if (c->signed_in)
        return WESS_OK;
    enum wess_code rc = wess_secret(c->host, "password", secret, sizeof(secret), &call->error);
    if (rc != WESS_OK)
        return rc;
    http_credentials(c->http, c->auth, c->username, secret);
    explicit_bzero(secret, sizeof(secret));
    c->signed_in = true;
    return WESS_OK;
}

static enum wess_code by_ticket(struct wess_call *call)
{
    struct wess_conn *c = call->conn;
    if (!c->signed_in)
        http_credentials(c->http, c->auth, NULL, NULL);
    c->signed_in = true;
    return WESS_OK;
}

static enum wess_code take_token(struct wess_call *call, bool refused)
{
    struct wess_conn *c = call->conn;
    bool other = false;
    enum wess_code rc = oauth_use(&c->oauth, call, refused, &other);
    if (rc == WESS_OK && other)
        http_credentials(c->http, c->auth, NULL, c->oauth.token);
    c->signed_in |= rc == WESS_OK;
    return rc;
}

static enum wess_code by_token(struct wess_call *call)
{
    return take_token(call, false);
}

enum wess_code ews_sign_in(struct wess_call *call)
{
    static enum wess_code (*const ways[])(struct wess_call *) = {
        [HTTP_AUTH_NONE] = by_ticket,   [HTTP_AUTH_BASIC] = by_password,
        [HTTP_AUTH_NTLM] = by_password, [HTTP_AUTH_NEGOTIATE] = by_ticket,
        [HTTP_AUTH_BEARER] = by_token,
    };
    return ways[call->conn->auth](call);
}

enum wess_code ews_renew(struct wess_call *call)
{
    return take_token(call, true);
}

enum wess_code ews_login(struct wess_call *call, void (*say)(void *ctx, const char *text),
                         void *ctx)
{
    const struct wess_conn *c = call->conn;
    if (c->auth == HTTP_AUTH_BEARER && c->oauth.person)
        return oauth_login(&c->oauth, call, say, ctx);
    return wess_fail(&call->error, WESS_BROKEN, WESS_OF_HOST, NULL,
                     "auth = \"%s\" needs no login: that is for auth = \"oauth_user\"",
                     c->auth_name);
}

/* ---- Exchange Online
 * ------------------------------------------------------------------------------------------ */

bool ews_is_online(const char *url)
{
    static const char *const domains[] = {
        "outlook.office365.com",    "outlook.office.com", "outlook.office365.us",
        "outlook-dod.office365.us", "outlook.de",         "partner.outlook.cn"};
    const char *host = url ? strstr(url, "://") : NULL;
    size_t len = host ? strcspn(host + 3, ":/?#") : 0;
    for (size_t i = 0; i < sizeof(domains) / sizeof(domains[0]); i++)
        if (len == strlen(domains[i]) && !strncasecmp(host + 3, domains[i], len))
            return true;
    return false;
}

/* A token for Online is taken by Online alone. */
static bool is_online(const struct wess_conn *c)
{
    return ews_is_online(c->url) || (c->auth == HTTP_AUTH_BEARER && ews_is_online(c->oauth.scope));
}

/* ---- refusals in plain words
 * ------------------------------------------------------------------------------------------ */

/* The numbers of x-ms-diagnostics. */
static const struct {
    const char *number, *text;
} reasons[] = {
    {"2000000", "its signature is not known there: check authority and tenant"},
    {"2000001", "it is no token of theirs: check authority and tenant"},
    {"2000002", "it has expired: check this machine's clock"},
    {"2000003", "it is for another service: check the setting audience"},
    {"2000004", "it is of another tenant: check the setting tenant"},
    {"2000005", "the user in it may not, or has no mailbox"},
    {"2000006", "the app in it may not: check client_id"},
    {"2000007", "Exchange has failed over it"},
    {"2000008", "it lacks a permission: grant full_access_as_app (oauth_app) or "
                "EWS.AccessAsUser.All (oauth_user), with admin consent"},
};

bool ews_may_renew(const char *diagnostics)
{
    static const char *const over[] = {"2000000", "2000001", "2000002", "2000007"};
    bool may = !*diagnostics;
    for (size_t i = 0; i < sizeof(over) / sizeof(over[0]); i++)
        may |= !strncmp(diagnostics, over[i], 7);
    return may;
}

static const char *reason_of(const char *diagnostics)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (!strncmp(diagnostics, reasons[i].number, 7))
            return reasons[i].text;
    return "check tenant, client_id and the app's permissions";
}

/* The secret was taken where tokens come from: what is wrong now is put right elsewhere, without
 * a change that could be seen here. So it is the host that rests, for ever longer. */
static void explain_401(const struct wess_conn *c, const struct http_response *r,
                        struct wess_error *e)
{
    if (c->auth == HTTP_AUTH_BEARER)
        wess_fail(e, WESS_AUTH, WESS_OF_HOST, "401", "Exchange does not take the token: %s",
                  reason_of(r->diagnostics));
    else if (c->auth == HTTP_AUTH_NEGOTIATE) {
        e->retry_after_ms = TICKET_PAUSE_MS;
        wess_fail(e, WESS_AUTH, WESS_OF_HOST, "401",
                  "Exchange takes no Kerberos ticket of ours: is KRB5_CLIENT_KTNAME set for this "
                  "program, and is HTTP/HOST of the url in the domain?");
    }
}

/* Whether the server speaks of EWS itself; else it may be a page of any firewall. */
static void explain_403(const struct wess_conn *c, struct wess_error *e)
{
    if (is_online(c))
        wess_fail(
            e, WESS_AUTH, WESS_OF_CREDENTIAL, "403",
            "Exchange Online has EWS switched off for this tenant or app: from 2026-10-01 an "
            "administrator must allow it (EwsEnabled, EwsAllowedAppIDs); on 2027-04-01 it ends "
            "for all");
}

void ews_explain(const struct wess_conn *c, const struct http_response *r, struct wess_error *e)
{
    if (r->code == WESS_OK && r->status == 401)
        explain_401(c, r, e);
    else if (r->code == WESS_OK && r->status == 403)
        explain_403(c, e);
}
