/* The connector's table: options, opening, what the mailbox is. */
#include <stdlib.h>
#include <string.h>

#include "ews.h"
#include "zone.h"

#define CAPS                                                                                       \
    (WESS_CAP_DELTA | WESS_CAP_CREATE | WESS_CAP_UPDATE | WESS_CAP_DELETE | WESS_CAP_CAS_UPDATE |  \
     WESS_CAP_STAMP | WESS_CAP_STAMP_LATER | WESS_CAP_SILENT | WESS_CAP_REWRITES)
#define CAPS_READ (WESS_CAP_DELTA | WESS_CAP_SILENT)
static const struct wess_kind_caps kinds[] = {
    {"contact", CAPS}, {"task", CAPS}, {"event", CAPS}, {"message", CAPS_READ}};
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

void ews_conn_close(struct wess_conn *c)
{
    if (!c)
        return;
    http_free(c->http);
    for (size_t i = 0; i < EWS_KINDS; i++)
        close_tree(&c->tree[i]);
    for (size_t i = 0; i < EWS_PLACES; i++)
        free(c->places[i]);
    for (size_t i = 0; i < c->n_listed; i++)
        free(c->listed[i]);
    free(c->bin);
    free(c->found);
    free(c->anchor_header);
    free(c->scope);
    free(c->own_url);
    oauth_fini(&c->oauth);
    free(c);
}

enum wess_code ews_conn_open(const struct wess_host *host, struct wess_conn **out,
                             struct wess_error *e)
{
    struct wess_conn *c = calloc(1, sizeof(*c));
    *out = NULL;
    if (!c)
        return wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL, "out of memory");
    c->host = host;
    c->batch = c->batch_most = EWS_FETCH;
    enum wess_code rc = ews_settings(c, e);
    if (rc == WESS_OK && !(c->http = http_new(host)))
        rc = wess_fail(e, WESS_BROKEN, WESS_OF_HOST, NULL, "out of memory");
    const char *certificate = host->setting(host->ctx, "tls_certificate");
    if (rc == WESS_OK && certificate)
        http_certificate(c->http, certificate, host->setting(host->ctx, "tls_key"));
    if (rc != WESS_OK) {
        ews_conn_close(c);
        c = NULL;
    }
    *out = c;
    return rc;
}

/* The fields of a kind, and with the setting its files. */
static bool fields_of(struct wess_call *call, const struct ews_kind *kind,
                      struct wess_collection *out)
{
    out->fields = kind->schema;
    out->n_fields = kind->n_schema;
    if (!call->conn->attachments || kind->read_only)
        return true;
    struct wess_field_schema *of =
        call->conn->host->alloc(call->arena, (kind->n_schema + 1) * sizeof(*of));
    if (!of)
        return false;
    memcpy(of, kind->schema, kind->n_schema * sizeof(*of));
    of[kind->n_schema] = ews_attach_schema;
    out->fields = of;
    out->n_fields = kind->n_schema + 1;
    return true;
}

static enum wess_code describe(struct wess_call *call, struct wess_schema *out)
{
    struct wess_conn *c = call->conn;
    const struct wess_host *h = c->host;
    const char *asked = call->collection;
    call->collection = ews_kinds[EWS_CONTACT]->collection;
    enum wess_code rc = ews_folders(call, false);
    call->collection = asked;
    for (size_t i = 0; i < EWS_KINDS; i++) /* a run begins: what an earlier one listed counts not */
        c->tree[i].left = 0;
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
                                                .caps = ews_kinds[i]->read_only ? CAPS_READ : CAPS,
                                                .page_max = EWS_PAGE,
                                                .fetch_max = EWS_FETCH * EWS_LANES,
                                                .write_max = EWS_WRITE * EWS_LANES,
                                                .settle_after_ms = EWS_SETTLE_MS,
                                                .facts = {fact_names, 1}};
    for (size_t i = 0, k = 0; i < EWS_KINDS; i++)
        if (c->tree[i].top && !fields_of(call, ews_kinds[i], &col[k++]))
            return wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_MAILBOX, NULL, "out of memory");
    /* A folder's id never changes, belongs to one mailbox, and stays when the server's name or the
     * mailbox's address changes. */
    *out = (struct wess_schema){
        .identity = wess_arena_text(h, call->arena, c->tree[EWS_CONTACT].top),
        .version = c->version[0] ? wess_arena_fmt(h, call->arena, "Exchange %s (%s)",
                                                  ews_release(c->version), c->version)
                                 : wess_arena_text(h, call->arena, "Exchange ?"),
        .calls_max = 2, /* a listing, and the reading of what it lists */
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
    .options = ews_options,
    .n_options = EWS_N_OPTIONS,
    .kinds = kinds,
    .n_kinds = sizeof(kinds) / sizeof(kinds[0]),
    .open = ews_conn_open,
    .close = ews_conn_close,
    .check = ews_check,
    .describe = describe,
    .changes = ews_changes,
    .fetch = ews_fetch,
    .find = ews_find,
    .apply = ews_apply,
    .watch_open = ews_watch_open,
    .watch_fd = ews_watch_fd,
    .watch_ready = ews_watch_ready,
    .watch_close = ews_watch_close,
    .login = ews_login,
    .tags = ews_tags,
};

WESS_EXPORT const struct wess_connector *wess_connector_v1(void)
{
    return &connector;
}
