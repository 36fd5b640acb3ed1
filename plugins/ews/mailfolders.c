/* Which folders of mail are read. They are named by path from the mailbox's top, or by the name
 * that Exchange has for some of them in every language; a slash and a star behind it stand for all
 * that is below as well. */
#include <stdlib.h>
#include <string.h>

#include "ews.h"
#include "settings.h"

/* What was sent or has come; the last ones only when they are named. */
static const char *const places[EWS_PLACES] = {"inbox", "sentitems", "drafts", "outbox",
                                               "junkemail"};
#define UNASKED 2u /* the first that "*" does not stand for */

static const char usual[] = "inbox\nsentitems";

static const char *setting(const struct wess_conn *c, const char *name, const char *fallback)
{
    const char *value = wess_setting(c->host, name);
    return value ? value : fallback;
}

/* ---- the places
 * ------------------------------------------------------------------------------------------ */

static enum wess_code take_place(void *ctx, size_t i, size_t at, const xmlNode *m,
                                 struct wess_error *e)
{
    struct wess_conn *c = ((struct wess_call *)ctx)->conn;
    const xmlNode *folder = xml_first(xml_child(m, "Folders"));
    const char *id = xml_attr(xml_child(folder, "FolderId"), "Id");
    (void)i;
    if (ews_message(m, false, e) != WESS_OK || !id || at >= EWS_PLACES)
        return WESS_OK; /* a mailbox may be without */
    free(c->places[at]);
    c->places[at] = strdup(id);
    return c->places[at] ? WESS_OK
                         : wess_fail(e, WESS_TOO_BIG, WESS_OF_MAILBOX, NULL, "out of memory");
}

enum wess_code ews_mail_places(struct wess_call *call)
{
    const struct ews_taker taker = {.ctx = call, .message = take_place};
    struct xml_out x;
    ews_begin(call->conn, &x, call->conn->impersonate);
    xml_open(&x, "m:GetFolder");
    xml_open(&x, "m:FolderShape");
    xml_element(&x, "t:BaseShape", "IdOnly");
    xml_close(&x);
    xml_open(&x, "m:FolderIds");
    for (size_t i = 0; i < EWS_PLACES; i++)
        ews_distinguished(call->conn, &x, places[i]);
    xml_close(&x);
    xml_close(&x);
    return ews_ask(call, &x, false, &taker);
}

const char *ews_mail_place(const struct wess_conn *c, const char *id)
{
    for (size_t i = 0; i < EWS_PLACES; i++)
        if (c->places[i] && !strcmp(c->places[i], id))
            return places[i];
    return NULL;
}

/* ---- which are asked for
 * ------------------------------------------------------------------------------------------ */

static bool is_below(const char *path, const char *top, size_t len)
{
    return path && !strncmp(path, top, len) && (!path[len] || path[len] == '/');
}

/* One name of a list: NAME, NAME and all below, or all. */
static bool fits(const char *name, size_t len, const char *path, const char *place)
{
    bool deep = len > 2 && !memcmp(name + len - 2, "/*", 2);
    if (len == 1 && *name == '*') {
        for (size_t i = UNASKED; i < EWS_PLACES; i++)
            if (is_below(place, places[i], strlen(places[i])))
                return false;
        return true;
    }
    len -= deep ? 2 : 0;
    return (is_below(path, name, len) && (deep || !path[len])) ||
           (is_below(place, name, len) && (deep || !place[len]));
}

static bool is_on(const char *list, const char *path, const char *place)
{
    for (const char *at = list; *at;) {
        size_t len = strcspn(at, "\n");
        if (fits(at, len, path, place))
            return true;
        at += len + (at[len] == '\n');
    }
    return false;
}

bool ews_mail_is_read(const struct wess_conn *c, const char *path, const char *place)
{
    return is_on(setting(c, "mail_folders", usual), path, place) &&
           !is_on(setting(c, "mail_exclude", ""), path, place);
}

bool ews_mail_names(const char *name, size_t len, const char *path, const char *place)
{
    return fits(name, len, path, place);
}
