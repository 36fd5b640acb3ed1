/* The connector's table: options, opening, what the mailbox is. */
#include <stdlib.h>
#include <string.h>

#include "ews.h"
#include "zone.h"

static const struct wess_option options[] = {
    {"url", "url", NULL, NULL, NULL, "address of the service: https://HOST/EWS/Exchange.asmx",
     WESS_OPTION_REQUIRED},
    {"auth", "choice", NULL, "ntlm", "basic|ntlm", "how to sign in", 0},
    {"username", "string", NULL, NULL, NULL, "DOMAIN\\\\user or user@domain", WESS_OPTION_REQUIRED},
    {"password", "string", NULL, NULL, NULL, "of that account",
     WESS_OPTION_REQUIRED | WESS_OPTION_SECRET},
    {"impersonate", "string", NULL, NULL, NULL,
     "whose mailbox is opened, such as %{user.mailbox}; without it the account's own", 0},
    {"impersonate_as", "choice", NULL, "address", "address|upn|sid", "what impersonate holds", 0},
    {"folders", "list", NULL, NULL, NULL,
     "sub-folders of Contacts that are read as well, by path; \"*\": all", 0},
    {"task_folders", "list", NULL, NULL, NULL,
     "sub-folders of Tasks that are read as well, by path; \"*\": all", 0},
    {"calendar_folders", "list", NULL, NULL, NULL,
     "sub-folders of Calendar that are read as well, by path; \"*\": all", 0},
    {"time_zone", "string", NULL, "Etc/UTC", NULL,
     "where the mailbox's owner lives, such as Europe/London or %{user.zone}: when the day begins "
     "on which a task is due, or an event takes place",
     0},
    {"must_not_reach", "list", NULL, NULL, NULL,
     "mailboxes that check tries to open, and must not be able to", 0},
};
#define CAPS                                                                                       \
    (WESS_CAP_DELTA | WESS_CAP_CREATE | WESS_CAP_UPDATE | WESS_CAP_DELETE | WESS_CAP_CAS_UPDATE |  \
     WESS_CAP_STAMP | WESS_CAP_STAMP_LATER | WESS_CAP_SILENT | WESS_CAP_REWRITES)
static const struct wess_kind_caps kinds[] = {{"contact", CAPS}, {"task", CAPS}, {"event", CAPS}};
static const char *const fact_names[] = {"folder"};

static void close_tree(struct ews_tree *t)
{
    for (size_t i = 0; i < t->n_folders; i++) {
        free(t->folders[i].id);
        free(t->folders[i].path);
    }
    free(t->folders);
    free(t->top);
}

static void close_conn(struct wess_conn *c)
{
    if (!c)
        return;
    http_free(c->http);
    for (size_t i = 0; i < EWS_KINDS; i++)
        close_tree(&c->tree[i]);
    free(c->bin);
    free(c);
}

static enum wess_code open_conn(const struct wess_host *host, struct wess_conn **out,
                                struct wess_error *e)
{
    struct wess_conn *c = calloc(1, sizeof(*c));
    *out = NULL;
    if (!c)
        return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL, "out of memory");
    const char *auth = host->setting(host->ctx, "auth");
    c->host = host;
    c->url = host->setting(host->ctx, "url");
    c->username = host->setting(host->ctx, "username");
    c->impersonate = host->setting(host->ctx, "impersonate");
    c->impersonate_as = host->setting(host->ctx, "impersonate_as");
    const char *zone = host->setting(host->ctx, "time_zone");
    c->zone = zone ? zone : "Etc/UTC";
    c->auth = auth && !strcmp(auth, "basic") ? HTTP_AUTH_BASIC : HTTP_AUTH_NTLM;
    c->batch = EWS_FETCH;
    c->http = http_new(host);
    enum wess_code rc = WESS_OK;
    if (!c->http)
        rc = wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL, "out of memory");
    else if (!c->url || !c->username || !c->impersonate_as)
        rc = wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL, "url or username is not set");
    else if (!wess_zone_known(c->zone))
        rc = wess_fail(e, WESS_BROKEN, WESS_OF_MAILBOX, NULL,
                       "setting time_zone: there is no zone \"%.60s\"; zones are named as in "
                       "Europe/London",
                       c->zone);
    if (rc != WESS_OK) {
        close_conn(c);
        c = NULL;
    }
    *out = c;
    return rc;
}

static enum wess_code describe(struct wess_call *call, struct wess_schema *out)
{
    struct wess_conn *c = call->conn;
    const struct wess_host *h = c->host;
    const char *asked = call->collection;
    call->collection = ews_kinds[EWS_CONTACT]->collection;
    enum wess_code rc = ews_folders(call, false);
    call->collection = asked;
    struct wess_collection *col =
        rc == WESS_OK ? h->alloc(call->arena, EWS_KINDS * sizeof(*col)) : NULL;
    size_t n = 0;
    if (rc != WESS_OK)
        return rc;
    if (!col)
        return wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_MAILBOX, NULL, "out of memory");
    for (size_t i = 0; i < EWS_KINDS; i++)
        if (c->tree[i].top)
            col[n++] = (struct wess_collection){.id = ews_kinds[i]->collection,
                                                .kind = ews_kinds[i]->name,
                                                .title = ews_kinds[i]->title,
                                                .caps = CAPS,
                                                .page_max = EWS_PAGE,
                                                .fetch_max = EWS_FETCH * EWS_LANES,
                                                .write_max = EWS_WRITE,
                                                .settle_after_ms = EWS_SETTLE_MS,
                                                .facts = {fact_names, 1},
                                                .fields = ews_kinds[i]->schema,
                                                .n_fields = ews_kinds[i]->n_schema};
    /* A folder's id never changes, belongs to one mailbox, and stays when the server's name or the
     * mailbox's address changes. */
    *out = (struct wess_schema){
        .identity = wess_arena_text(h, call->arena, c->tree[EWS_CONTACT].top),
        .version = wess_arena_fmt(h, call->arena, "Exchange %s", c->version[0] ? c->version : "?"),
        .calls_max = 1,
        .of = col,
        .n = n};
    if (!out->identity || !out->version)
        return wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_MAILBOX, NULL, "out of memory");
    return WESS_OK;
}

static const struct wess_connector connector = {
    .abi = WESS_ABI,
    .size = sizeof(struct wess_connector),
    .name = "ews",
    .version = "0.1.0",
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
    .kinds = kinds,
    .n_kinds = sizeof(kinds) / sizeof(kinds[0]),
    .open = open_conn,
    .close = close_conn,
    .check = ews_check,
    .describe = describe,
    .changes = ews_changes,
    .fetch = ews_fetch,
    .find = ews_find,
    .apply = ews_apply,
};

WESS_EXPORT const struct wess_connector *wess_connector_v1(void)
{
    return &connector;
}
