/* Whose mailbox a request is for: the caller's own, one that is impersonated, or one that the
 * caller is a delegate of (sections 2 and 4). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "exchange_ops.h"

#define OUT_OF_REACH "ceo@example.com"
#define SID_PREFIX "S-1-5-21-1004336348-1177238915-682003330-"

static const char *login_now; /* of the request under way: one is handled at a time */

static struct ex_mailbox *by_login(const char *login)
{
    for (size_t i = 0; i < sb_n_users; i++)
        if (!strcmp(sb_users[i].login, login))
            return ex_mailbox(sb_users[i].address);
    return NULL;
}

static struct ex_mailbox *by_sid(const char *sid)
{
    size_t n = strlen(SID_PREFIX);
    unsigned long i = sid && !strncmp(sid, SID_PREFIX, n) ? strtoul(sid + n, NULL, 10) : 0;
    return i >= 1100 && i - 1100 < ex_n_mailboxes ? &ex_mailboxes[i - 1100] : NULL;
}

static const struct {
    const char *element, *unknown;
    struct ex_mailbox *(*find)(const char *);
} ids[] = {{"PrincipalName", "ErrorInvalidUserPrincipalName", ex_mailbox},
           {"SID", "ErrorInvalidUserSid", by_sid},
           {"PrimarySmtpAddress", "ErrorNonExistentMailbox", ex_mailbox},
           {"SmtpAddress", "ErrorNonExistentMailbox", ex_mailbox}};

static struct ex_mailbox *named(const xmlNode *who, const char **code)
{
    char *name = ex_text(who);
    struct ex_mailbox *m = NULL;
    *code = "ErrorInvalidExchangeImpersonationHeaderData";
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        if (!strcmp(ids[i].element, (const char *)who->name)) {
            m = ids[i].find(name);
            *code = m ? NULL : ids[i].unknown;
        }
    if ((m && m->out_of_scope) || (name && !strcasecmp(name, OUT_OF_REACH))) {
        *code = "ErrorImpersonateUserDenied";
        m = NULL;
    }
    xmlFree(name);
    return m;
}

/* An app's requests are led by the address in X-AnchorMailbox. */
static bool is_anchored(const struct sb_request *r, const struct ex_mailbox *m)
{
    const char *anchor = sb_header(r, "X-AnchorMailbox");
    return ex_caller() != EX_APP || (anchor && !strcasecmp(anchor, m->user->address));
}

static struct ex_mailbox *impersonated(const struct sb_request *r, const xmlNode *sid,
                                       const char *account, const char **code)
{
    const xmlNode *who = ex_first(sid);
    if (!who || ex_next(who) || ex_caller() == EX_PERSON) {
        *code = "ErrorInvalidExchangeImpersonationHeaderData";
        return NULL;
    }
    if (ex_caller() == EX_ACCOUNT && strcmp(account, "svc-wess")) {
        *code = "ErrorImpersonateUserDenied";
        return NULL;
    }
    struct ex_mailbox *m = named(who, code);
    if (m && !is_anchored(r, m)) {
        *code = "ErrorNonExistentMailbox";
        return NULL;
    }
    return m;
}

bool ex_may_open(const struct ex_mailbox *own, const struct ex_mailbox *other)
{
    const char *login = own ? own->user->login : login_now;
    size_t len = login ? strlen(login) : 0;
    if (own == other)
        return true;
    for (const char *at = other->delegates; at && login && *at;) {
        size_t n = strcspn(at, ",");
        if (n == len && !strncmp(at, login, n))
            return true;
        at += n + (at[n] == ',');
    }
    return false;
}

static bool holds(const struct ex_mailbox *m, const char *id)
{
    return ex_folder_of(m, id, false) >= 0 || ex_item((struct ex_mailbox *)(uintptr_t)m, id);
}

static struct ex_mailbox *owner_of(struct ex_mailbox *own, const char *id)
{
    if (own && holds(own, id))
        return own;
    for (size_t i = 0; i < ex_n_mailboxes; i++)
        if (holds(&ex_mailboxes[i], id))
            return &ex_mailboxes[i];
    return NULL;
}

/* The mailbox of what the operation names: an address in a folder's name, or an id. NULL: none. */
static struct ex_mailbox *target(struct ex_mailbox *own, const xmlNode *n)
{
    struct ex_mailbox *m = NULL;
    for (n = ex_first(n); n && !m; n = ex_next(n)) {
        char *address = ex_text(ex_child(ex_child(n, "Mailbox"), "EmailAddress"));
        char *id = ex_attr(n, "Id");
        bool is_id =
            !strcmp((const char *)n->name, "FolderId") || !strcmp((const char *)n->name, "ItemId");
        if (address)
            m = ex_mailbox(address);
        else if (is_id && id)
            m = owner_of(own, id);
        else
            m = target(own, n);
        xmlFree(address);
        xmlFree(id);
    }
    return m;
}

struct ex_mailbox *ex_whose(const struct sb_request *r, const xmlNode *header, const xmlNode *op,
                            const char *account, const char **code)
{
    const xmlNode *sid = ex_child(ex_child(header, "ExchangeImpersonation"), "ConnectingSID");
    struct ex_mailbox *m = NULL, *other = NULL;
    *code = NULL;
    login_now = account;
    if (sid)
        m = impersonated(r, sid, account, code);
    else if (ex_caller() == EX_APP)
        *code = "ErrorInvalidExchangeImpersonationHeaderData";
    else
        m = by_login(account);
    if (*code)
        return NULL;
    other = target(m, op);
    if (!m && (!other || !ex_may_open(NULL, other)))
        *code = other ? "ErrorAccessDenied" : "ErrorMissingEmailAddress";
    return other && ex_may_open(m, other) ? other : m;
}

/* ---- as an administrator or owner would
 * ------------------------------------------------------------------------------------------ */

bool ex_who_control(const char *action, const char *query)
{
    char *address = sb_param(query, "mailbox", 0), *in = sb_param(query, "in", 0);
    char *to = sb_param(query, "to", 0), *more = NULL;
    struct ex_mailbox *m = ex_mailbox(address);
    bool known = m != NULL;
    if (m && !strcmp(action, "scope")) {
        m->out_of_scope = in && !strcmp(in, "0");
    } else if (m && to && !strcmp(action, "delegate")) {
        const char *login = ex_mailbox(to) ? ex_mailbox(to)->user->login : to;
        if (asprintf(&more, "%s%s%s", m->delegates ? m->delegates : "", m->delegates ? "," : "",
                     login) < 0)
            abort();
        free(m->delegates);
        m->delegates = more;
    } else {
        known = false;
    }
    free(address);
    free(in);
    free(to);
    return known;
}
