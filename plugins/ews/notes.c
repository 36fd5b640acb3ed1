/* What a check found in a mailbox, in words for people. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ews.h"

#define SHOWN 12u /* categories, folders; the rest is counted */

/* ---- the list
 * ------------------------------------------------------------------------------------------ */

struct notes {
    struct wess_call *call;
    struct wess_vec of;
};

/* NULL text: nothing to tell, or no memory; a note is not worth a failure. */
static void note(struct notes *n, const char *name, const char *text)
{
    const struct wess_host *h = n->call->conn->host;
    struct wess_fact *f = text && *text ? wess_vec_push(h, n->call->arena, &n->of) : NULL;
    if (f)
        *f = (struct wess_fact){name, text};
    n->call->notes = n->of.of;
    n->call->n_notes = n->of.n;
}

/* A list that grows: "a, b". */
static const char *joined(struct wess_call *call, const char *list, const char *more)
{
    if (!list)
        return NULL;
    return wess_arena_fmt(call->conn->host, call->arena, "%s%s%s", list, *list ? ", " : "", more);
}

/* ---- who, where, which folders
 * ------------------------------------------------------------------------------------------ */

static const char *who(struct wess_call *call)
{
    const struct wess_conn *c = call->conn;
    const struct wess_host *h = c->host;
    if (c->auth == HTTP_AUTH_BEARER && !c->oauth.person)
        return wess_arena_fmt(h, call->arena, "app %s of tenant %s", c->oauth.client_id,
                              c->oauth.tenant);
    if (c->auth == HTTP_AUTH_BEARER)
        return "the person who typed `wess login`";
    if (c->auth == HTTP_AUTH_NEGOTIATE)
        return "the principal of the keytab or ticket (klist shows it)";
    return wess_arena_fmt(h, call->arena, "%s, by %s", c->username, c->auth_name);
}

static const char *whose(struct wess_call *call)
{
    const struct wess_conn *c = call->conn;
    const struct wess_host *h = c->host;
    if (c->impersonate && c->mailbox)
        return wess_arena_fmt(h, call->arena, "%s, which %s may open; that one may be impersonated",
                              c->mailbox, c->impersonate);
    if (c->impersonate)
        return wess_arena_fmt(h, call->arena, "%s, who may be impersonated", c->impersonate);
    if (c->mailbox)
        return wess_arena_fmt(h, call->arena, "%s, as a delegate", c->mailbox);
    return "the account's own";
}

static const char *place(struct wess_call *call)
{
    const struct wess_conn *c = call->conn;
    return wess_arena_fmt(c->host, call->arena, "%s%s", c->url,
                          c->found ? " (found by Autodiscover)" : "");
}

/* Each kind's own folder, and those below it that are read as well. */
static const char *folders(struct wess_call *call)
{
    const struct wess_conn *c = call->conn;
    const char *list = "";
    size_t n = 0;
    for (size_t k = 0; k < EWS_KINDS; k++) {
        const struct ews_tree *t = &c->tree[k];
        bool own = !ews_kinds[k]->by_place;
        if (t->top && own && ++n <= SHOWN)
            list = joined(call, list, ews_kinds[k]->title);
        for (size_t i = own ? 1 : 0; i < t->n_read; i++)
            if (++n <= SHOWN)
                list = joined(call, list, t->folders[i].path);
    }
    if (n > SHOWN && list)
        list = wess_arena_fmt(c->host, call->arena, "%s and %zu more", list, n - SHOWN);
    return c->bin ? list : joined(call, list, "and no Deleted Items");
}

/* ---- categories
 * ------------------------------------------------------------------------------------------ */

char *ews_from_base64(const char *text, size_t *len)
{
    size_t n = text ? strlen(text) : 0;
    unsigned char *out = n && n % 4 == 0 && n < INT32_MAX ? malloc(n / 4 * 3 + 1) : NULL;
    int made = out ? EVP_DecodeBlock(out, (const unsigned char *)text, (int)n) : -1;
    if (made < 0) {
        free(out);
        return NULL;
    }
    size_t pad = (text[n - 1] == '=') + (size_t)(n > 1 && text[n - 2] == '=');
    *len = (size_t)made - pad;
    out[*len] = 0;
    return (char *)out;
}

const char *ews_category_names(struct wess_call *call, char *xml, size_t len)
{
    const char *why, *list = "";
    size_t n = 0;
    struct xml_in *in = xml_in_new(xml, len, &why);
    const xmlNode *at = in ? xml_in_next(in, 0) : NULL;
    bool ok = xml_is(at, "categories");
    while (ok && (at = xml_in_next(in, 1))) {
        const char *name = xml_is(at, "category") ? xml_attr(at, "name") : NULL;
        if (name && *name && ++n <= SHOWN)
            list = joined(call, list, name);
    }
    ok = ok && xml_in_whole(in);
    xml_in_free(in);
    if (!ok || !list)
        return NULL;
    if (n > SHOWN)
        return wess_arena_fmt(call->conn->host, call->arena, "%s and %zu more", list, n - SHOWN);
    return *list ? list : "none in the mailbox's list";
}

static enum wess_code take_categories(void *ctx, size_t i, size_t at, const xmlNode *m,
                                      struct wess_error *e)
{
    struct notes *n = ctx;
    size_t len = 0;
    const char *text = xml_text(xml_child(xml_child(m, "UserConfiguration"), "XmlData"));
    char *xml = ews_message(m, false, e) == WESS_OK ? ews_from_base64(text, &len) : NULL;
    (void)i;
    (void)at;
    if (xml)
        note(n, "categories", ews_category_names(n->call, xml, len));
    free(xml);
    *e = (struct wess_error){0};
    return WESS_OK;
}

static void ask_categories(struct notes *n)
{
    const struct ews_taker taker = {.ctx = n, .message = take_categories};
    struct wess_error before = n->call->error;
    struct xml_out x;
    ews_ask_list(n->call, &x);
    ews_ask(n->call, &x, false, &taker);
    n->call->error = before; /* a mailbox without the list is none the worse */
}

/* ---- what to type, so that it reaches no further than it must
 * ------------------------------------------------------------------------------------------ */

static void limit_app(struct notes *n)
{
    const struct wess_conn *c = n->call->conn;
    note(n, "to limit it, type 1",
         wess_arena_fmt(c->host, n->call->arena,
                        "New-ServicePrincipal -AppId %s -ObjectId OBJECT-ID-OF-THE-ENTERPRISE-APP",
                        c->oauth.client_id));
    note(n, "to limit it, type 2",
         "New-ManagementScope -Name wess -RecipientRestrictionFilter \"MemberOfGroup -eq "
         "'DN-OF-A-GROUP-OF-THE-USERS'\"");
    note(n, "to limit it, type 3",
         wess_arena_fmt(c->host, n->call->arena,
                        "New-ManagementRoleAssignment -Name wess -App %s -Role \"Application "
                        "EWS.AccessAsApp\" -CustomResourceScope wess, and take full_access_as_app "
                        "off the app registration",
                        c->oauth.client_id));
}

static void limit_account(struct notes *n)
{
    const struct wess_conn *c = n->call->conn;
    const char *slash = c->username ? strrchr(c->username, '\\') : NULL;
    const char *name = slash ? slash + 1 : c->username ? c->username : "ACCOUNT";
    note(n, "to limit it, type 1",
         "New-ManagementScope -Name wess -RecipientRestrictionFilter \"MemberOfGroup -eq "
         "'DN-OF-A-GROUP-OF-THE-USERS'\"");
    note(n, "to limit it, type 2",
         wess_arena_fmt(c->host, n->call->arena,
                        "New-ManagementRoleAssignment -Name wess -Role ApplicationImpersonation "
                        "-User '%s' -CustomRecipientWriteScope wess",
                        name));
}

void ews_note_all(struct wess_call *call)
{
    const struct wess_conn *c = call->conn;
    const char *list = c->host->setting(c->host->ctx, "must_not_reach"), *shut = "";
    struct notes n = {.call = call, .of = {.size = sizeof(struct wess_fact)}};
    note(&n, "signed in as", who(call));
    note(&n, "mailbox", whose(call));
    note(&n, "service", place(call));
    note(&n, "folders read", folders(call));
    ask_categories(&n);
    if (call->flags & WESS_CALL_PROBE)
        note(&n, "writing", ews_probe(call));
    for (const char *at = list ? list : ""; *at; at += *at == '\n') {
        size_t len = strcspn(at, "\n");
        const char *one = wess_arena_textn(c->host, call->arena, at, len);
        shut = one ? joined(call, shut, one) : NULL;
        at += len;
    }
    note(&n, "out of reach, as it must be", shut);
    if (c->impersonate && c->auth == HTTP_AUTH_BEARER)
        limit_app(&n);
    else if (c->impersonate)
        limit_account(&n);
}
