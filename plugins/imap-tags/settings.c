/* The options, and whether they go together. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "imap.h"
#include "settings.h"

const struct wess_option imap_options[IMAP_N_OPTIONS] = {
    {"url", "string", NULL, NULL, NULL,
     "of the server: imaps://HOST, or imap://HOST with STARTTLS, which is insisted on but for this "
     "machine",
     WESS_OPTION_REQUIRED},
    {"auth", "choice", NULL, "plain", "plain|login|xoauth2|oauthbearer", "how to sign in", 0},
    {"username", "string", NULL, NULL, NULL, "of the account",
     WESS_OPTION_REQUIRED | WESS_OPTION_CREDENTIAL},
    {"password", "string", NULL, NULL, NULL, "of that account (plain, login)", WESS_OPTION_SECRET},
    {"access_token", "string", NULL, NULL, NULL,
     "bearer token, best from a command that renews it (xoauth2, oauthbearer)", WESS_OPTION_SECRET},
    OAUTH_OPTIONS,
    {"scope", "string", NULL, NULL, NULL, "what tokens are for (default: IMAP of Exchange Online)",
     0},
    {"mailbox", "string", NULL, NULL, NULL,
     "whose mailbox is opened, such as %{user.mailbox}, when the account may open others (plain)",
     0},
    {"folders", "list", NULL, NULL, NULL,
     "folders that are read, by path or as inbox, sent, archive, drafts, junk, trash, all, "
     "flagged; "
     "\"NAME/*\": with all below; \"*\": all but drafts, junk and trash (default: inbox)",
     0},
    {"exclude", "list", NULL, NULL, NULL, "those of them that are not, in the same words", 0},
    {"identity", "string", NULL, "Message-ID", NULL,
     "the header field by which a message is known elsewhere", 0},
    {"keywords", "list", NULL, NULL, NULL,
     "what keywords mean, as \"keyword=Tag\"; others are tags by their own name, with spaces for "
     "\"_\", but for those that begin with \"$\"",
     0},
    {"write", "list", NULL, NULL, NULL, "tags that may be set and taken off here (default: none)",
     0},
};

static const char *get(const struct wess_conn *c, const char *name)
{
    return wess_setting(c->host, name);
}

/* A list of the settings, an element a line. false: no memory. */
static bool get_list(const struct wess_conn *c, const char *name, char ***out, size_t *n)
{
    const char *s = get(c, name);
    size_t lines = s ? 1 : 0;
    for (const char *p = s; p && (p = strchr(p, '\n')); p++)
        lines++;
    *n = 0;
    *out = calloc(lines + 1, sizeof(**out));
    for (; *out && s && *n < lines; s += strcspn(s, "\n") + 1) {
        (*out)[*n] = strndup(s, strcspn(s, "\n"));
        if (!(*out)[(*n)++])
            return false;
    }
    return *out != NULL;
}

static void free_list(char **of, size_t n)
{
    for (size_t i = 0; of && i < n; i++)
        free(of[i]);
    free(of);
}

void imap_close(struct wess_conn *c)
{
    if (!c)
        return;
    imap_disconnect(c);
    oauth_fini(&c->oauth);
    imap_folders_fini(&c->folders);
    free_list(c->include, c->n_include);
    free(c->met);
    free_list(c->exclude, c->n_exclude);
    free_list(c->write, c->n_write);
    free_list(c->pairs, c->n_map);
    free(c->map);
    free(c);
}

static bool is_keyword(const char *s)
{
    for (const char *p = s; *p; p++)
        if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f || strchr("(){%*\"\\]", *p))
            return false;
    return *s != 0;
}

static enum wess_code bad(struct wess_error *e, const char *name, const char *what)
{
    return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL, "setting %s: %s", name, what);
}

static enum wess_code read_map(struct wess_conn *c, struct wess_error *e)
{
    size_t n = 0;
    if (!get_list(c, "keywords", &c->pairs, &n) || !(c->map = calloc(n + 1, sizeof(*c->map))))
        return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL, "out of memory");
    c->n_map = n;
    for (size_t i = 0; i < n; i++) {
        char *eq = strchr(c->pairs[i], '=');
        if (!eq || !eq[1])
            return bad(e, "keywords", "each is \"keyword=Tag\"");
        *eq = 0;
        c->map[i] = (struct imap_tag){c->pairs[i], eq + 1};
        if (!is_keyword(c->pairs[i]))
            return bad(e, "keywords", "a keyword has letters, digits and signs, and no space");
    }
    return WESS_OK;
}

static enum wess_code judge(struct wess_conn *c, struct wess_error *e)
{
    if (!c->url || (strncasecmp(c->url, "imaps://", 8) && strncasecmp(c->url, "imap://", 7)))
        return bad(e, "url", "it begins with imaps:// or imap://");
    if (strchr(c->url, '@') || strchr(c->url, ';'))
        return bad(e, "url", "it holds the server's name and port alone");
    if (!c->username)
        return bad(e, "username", "it is needed");
    if (!imap_takes_token(c) && !wess_is_set(c->host, "password"))
        return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL, "auth = \"%s\" needs password",
                         c->auth);
    if (c->authorize && strcmp(c->auth, "plain") != 0)
        return bad(e, "mailbox", "it goes with auth = \"plain\" alone");
    if (strlen(c->identity) > 64 || !is_keyword(c->identity) || strchr(c->identity, ':'))
        return bad(e, "identity", "it is the name of a header field");
    return imap_takes_token(c) ? imap_read_oauth(c, e) : WESS_OK;
}

enum wess_code imap_open(const struct wess_host *host, struct wess_conn **out, struct wess_error *e)
{
    struct wess_conn *c = calloc(1, sizeof(*c));
    *out = NULL;
    if (!c)
        return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL, "out of memory");
    c->host = host;
    c->at_folder = SIZE_MAX;
    c->url = get(c, "url");
    c->auth = get(c, "auth");
    c->username = get(c, "username");
    c->authorize = get(c, "mailbox");
    c->identity = get(c, "identity");
    c->auth = c->auth ? c->auth : "plain";
    c->identity = c->identity ? c->identity : "Message-ID";
    enum wess_code rc = judge(c, e);
    if (rc == WESS_OK && (!get_list(c, "folders", &c->include, &c->n_include) ||
                          !get_list(c, "exclude", &c->exclude, &c->n_exclude) ||
                          !get_list(c, "write", &c->write, &c->n_write) ||
                          !(c->met = calloc(c->n_include + 1, sizeof(*c->met)))))
        rc = wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL, "out of memory");
    if (rc == WESS_OK)
        rc = read_map(c, e);
    if (rc != WESS_OK) {
        imap_close(c);
        return rc;
    }
    *out = c;
    return WESS_OK;
}
