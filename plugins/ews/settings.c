/* The options, and whether they go together. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "discover.h"
#include "ews.h"
#include "settings.h"

const struct wess_option ews_options[EWS_N_OPTIONS] = {
    {"url", "url", NULL, NULL, NULL,
     "address of the service: https://HOST/EWS/Exchange.asmx; without it that of audience (oauth), "
     "or Autodiscover",
     0},
    {"address", "string", NULL, NULL, NULL,
     "mail address by which Autodiscover looks (default: mailbox, impersonate or username)", 0},
    {"autodiscover_url", "url", NULL, NULL, NULL,
     "asked instead of the usual places: https://HOST/autodiscover/autodiscover.svc", 0},
    {"autodiscover_allow", "list", NULL, NULL, NULL,
     "further hosts and domains to which Autodiscover may lead, and the sign-in go", 0},
    {"auth", "choice", NULL, "ntlm", "basic|ntlm|negotiate|oauth_app|oauth_user", "how to sign in",
     0},
    {"username", "string", NULL, NULL, NULL, "DOMAIN\\\\user or user@domain (basic, ntlm)",
     WESS_OPTION_CREDENTIAL},
    {"password", "string", NULL, NULL, NULL, "of that account", WESS_OPTION_SECRET},
    OAUTH_OPTIONS,
    {"audience", "url", NULL, "https://outlook.office365.com", NULL,
     "for whom tokens are: the service's own https://HOST (oauth)", 0},
    {"tls_certificate", "string", NULL, NULL, NULL,
     "PEM file of a client certificate that the server asks for", 0},
    {"tls_key", "string", NULL, NULL, NULL, "PEM file of its key (default: in the same file)", 0},
    {"impersonate", "string", NULL, NULL, NULL,
     "whose mailbox is opened, such as %{user.mailbox}; without it the account's own", 0},
    {"impersonate_as", "choice", NULL, "address", "address|upn|sid", "what impersonate holds", 0},
    {"anchor", "string", NULL, NULL, NULL,
     "mail address of the mailbox for X-AnchorMailbox, when impersonate holds none", 0},
    {"mailbox", "string", NULL, NULL, NULL,
     "primary address of a shared mailbox that the account is a delegate of", 0},
    {"folders", "list", NULL, NULL, NULL,
     "sub-folders of Contacts that are read as well, by path; \"*\": all", 0},
    {"task_folders", "list", NULL, NULL, NULL,
     "sub-folders of Tasks that are read as well, by path; \"*\": all", 0},
    {"calendar_folders", "list", NULL, NULL, NULL,
     "sub-folders of Calendar that are read as well, by path; \"*\": all", 0},
    {"attachments", "bool", NULL, "false", NULL,
     "files that are attached to contacts, tasks and events travel as well", 0},
    {"mail_folders", "list", NULL, NULL, NULL,
     "folders of mail that are read, by path from the top or as inbox, sentitems, drafts, outbox, "
     "junkemail; \"NAME/*\": with all below; \"*\": all but the last three (default: inbox, "
     "sentitems)",
     0},
    {"mail_exclude", "list", NULL, NULL, NULL, "those of them that are not, in the same words", 0},
    {"time_zone", "string", NULL, "Etc/UTC", NULL,
     "where the mailbox's owner lives, such as Europe/London or %{user.zone}: when the day begins "
     "on which a task is due, or an event takes place",
     0},
    {"must_not_reach", "list", NULL, NULL, NULL,
     "mailboxes that check tries to open, and must not be able to", 0},
};

/* What each way to sign in asks for, and what would never be used. */
static const struct way {
    const char *name;
    enum http_auth auth;
    bool person;
    const char *needs[4], *never[6];
} ways[] = {
    {"basic", HTTP_AUTH_BASIC, false, {"username", "password"}, {"client_secret", "certificate"}},
    {"ntlm", HTTP_AUTH_NTLM, false, {"username", "password"}, {"client_secret", "certificate"}},
    {"negotiate",
     HTTP_AUTH_NEGOTIATE,
     false,
     {NULL},
     {"username", "password", "client_secret", "certificate"}},
    {"oauth_app",
     HTTP_AUTH_BEARER,
     false,
     {"tenant", "client_id", "impersonate"},
     {"username", "password", "refresh_token"}},
    {"oauth_user",
     HTTP_AUTH_BEARER,
     true,
     {"tenant", "client_id", "refresh_token"},
     {"password", "impersonate", "certificate"}},
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

static const char *get(const struct wess_conn *c, const char *name)
{
    return wess_setting(c->host, name);
}

static enum wess_code judge_way(const struct wess_conn *c, const struct way *w,
                                struct wess_error *e)
{
    for (size_t i = 0; i < 4 && w->needs[i]; i++)
        if (!wess_is_set(c->host, w->needs[i]))
            return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL, "auth = \"%s\" needs %s", w->name,
                             w->needs[i]);
    for (size_t i = 0; i < 6 && w->never[i]; i++)
        if (wess_is_set(c->host, w->never[i]))
            return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL,
                             "auth = \"%s\" does not go with %s: take one of them off", w->name,
                             w->never[i]);
    if (!http_can(w->auth))
        return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL,
                         "this libcurl cannot sign in by %s: choose another auth", w->name);
    return WESS_OK;
}

static bool is_one_line(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return false;
    return true;
}

static enum wess_code set_oauth(struct wess_conn *c, const struct way *w, struct wess_error *e)
{
    const char *audience = get(c, "audience");
    enum wess_code rc = oauth_read(&c->oauth, c->host, w->person, e);
    if (rc != WESS_OK)
        return rc;
    if (!oauth_is_origin(audience))
        return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL,
                         "audience is https://HOST, with nothing behind");
    if (asprintf(&c->scope, w->person ? "%s/EWS.AccessAsUser.All offline_access" : "%s/.default",
                 audience) < 0) {
        c->scope = NULL;
        return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL, "out of memory");
    }
    c->oauth.scope = c->scope;
    return WESS_OK;
}

bool ews_anchor(struct wess_conn *c, const char *address)
{
    free(c->anchor_header);
    c->anchor_header = NULL;
    if (!address || !is_one_line(address))
        return true;
    if (asprintf(&c->anchor_header, "X-AnchorMailbox: %s", address) < 0)
        c->anchor_header = NULL;
    return c->anchor_header != NULL;
}

static enum wess_code set_mailbox(struct wess_conn *c, struct wess_error *e)
{
    const char *anchor = get(c, "anchor");
    if (!anchor && c->impersonate && strchr(c->impersonate, '@'))
        anchor = c->impersonate;
    if (!anchor)
        anchor = c->mailbox;
    if (c->auth == HTTP_AUTH_BEARER && !c->oauth.person && !anchor)
        return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL,
                         "auth = \"oauth_app\" needs anchor, the mail address of the mailbox, when "
                         "impersonate holds none");
    return ews_anchor(c, anchor) ? WESS_OK
                                 : wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL, "out of memory");
}

static enum wess_code set_place(struct wess_conn *c, struct wess_error *e)
{
    const char *from[] = {get(c, "address"), c->mailbox, get(c, "anchor"), c->impersonate,
                          c->username};
    c->url = get(c, "url");
    c->autodiscover_url = get(c, "autodiscover_url");
    c->autodiscover_allow = get(c, "autodiscover_allow");
    for (size_t i = 0; !c->address && i < sizeof(from) / sizeof(from[0]); i++)
        if (disco_domain(from[i]))
            c->address = from[i];
    /* A token is for its audience, and is shown to no other host on the way. */
    if (!c->url && !c->autodiscover_url && c->auth == HTTP_AUTH_BEARER) {
        if (asprintf(&c->own_url, "%s/EWS/Exchange.asmx", get(c, "audience")) < 0) {
            c->own_url = NULL;
            return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL, "out of memory");
        }
        c->url = c->own_url;
    }
    if (!c->url && !c->address)
        return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL,
                         "it needs url, or a mail address for Autodiscover: set url or address");
    return WESS_OK;
}

static enum wess_code set_zone(struct wess_conn *c, struct wess_error *e)
{
    const char *zone = get(c, "time_zone");
    c->zone = zone ? zone : "Etc/UTC";
    if (wess_zone_known(c->zone))
        return WESS_OK;
    return wess_fail(e, WESS_BROKEN, WESS_OF_MAILBOX, NULL,
                     "setting time_zone: there is no zone \"%.60s\"; zones are named as in "
                     "Europe/London",
                     c->zone);
}

enum wess_code ews_settings(struct wess_conn *c, struct wess_error *e)
{
    const struct way *w = NULL;
    const char *auth = get(c, "auth");
    for (size_t i = 0; i < WAYS; i++)
        if (!strcmp(ways[i].name, auth ? auth : "ntlm"))
            w = &ways[i];
    if (!w)
        return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL, "auth = \"%.40s\" is not known", auth);
    c->auth = w->auth;
    c->auth_name = w->name;
    c->username = get(c, "username");
    c->impersonate = get(c, "impersonate");
    c->impersonate_as = get(c, "impersonate_as");
    if (!c->impersonate_as)
        c->impersonate_as = "address";
    c->mailbox = get(c, "mailbox");
    c->attachments = get(c, "attachments") && !strcmp(get(c, "attachments"), "true");
    enum wess_code rc = judge_way(c, w, e);
    if (rc == WESS_OK)
        rc = set_zone(c, e);
    if (rc == WESS_OK && w->auth == HTTP_AUTH_BEARER)
        rc = set_oauth(c, w, e);
    if (rc == WESS_OK)
        rc = set_mailbox(c, e);
    return rc == WESS_OK ? set_place(c, e) : rc;
}
