/* Writing: batches with an answer per item. Every write is silent; an update names the revision
 * that it was computed from, and the server refuses a stale one. */
#include <stdlib.h>
#include <string.h>

#include "ews.h"

struct writing {
    struct wess_call *call;
    const struct wess_op *ops;
    struct wess_result *out;
    size_t *at; /* places in ops of what this request carries */
    size_t n;
};

static const char *id_of(const struct wess_op *op)
{
    return op->item.id ? op->item.id : op->before ? op->before->id : "";
}

static void put_id(struct xml_out *x, const struct wess_op *op)
{
    xml_open(x, "t:ItemId");
    xml_put_attr(x, "Id", id_of(op));
    if (op->before && op->before->revision)
        xml_put_attr(x, "ChangeKey", op->before->revision);
    xml_close(x);
}

/* ---- answers
 * ---------------------------------------------------------------------------------------------------
 */

static void told(struct writing *w, struct wess_result *r, const struct wess_error *e)
{
    const struct wess_host *h = w->call->conn->host;
    r->remote_code = wess_arena_text(h, w->call->arena, e->remote_code);
    r->text = wess_arena_text(h, w->call->arena, e->text);
}

/* A field named by the server is refused alone, so that the rest can be sent again. */
static void refused_field(struct writing *w, struct wess_result *r, const xmlNode *message)
{
    const struct wess_host *h = w->call->conn->host;
    const xmlNode *path = xml_first(xml_child(message, "MessageXml"));
    const char *uri = xml_attr(path, "FieldURI"), *index = xml_attr(path, "FieldIndex");
    for (size_t i = 0; uri && i < ews_n_fields; i++) {
        const struct ews_field *f = &ews_fields[i];
        if (!f->uri || strcmp(f->uri, uri) || (f->index && index && strcmp(f->index, index)))
            continue;
        struct wess_refused *of = h->alloc(w->call->arena, sizeof(*of));
        if (!of)
            return;
        *of = (struct wess_refused){f->name, "Exchange refuses this value", r->remote_code};
        r->refused = of;
        r->n_refused = 1;
        return;
    }
}

static enum wess_code take_one(struct writing *w, const xmlNode *m, const struct wess_op *op,
                               struct wess_result *r)
{
    const struct wess_host *h = w->call->conn->host;
    const xmlNode *id = xml_child(xml_first(xml_child(m, "Items")), "ItemId");
    struct wess_error e = {0};
    r->code = ews_message(m, true, &e);
    if (r->code != WESS_OK) {
        told(w, r, &e);
        if (r->code == WESS_REJECTED)
            refused_field(w, r, m);
        if (r->code == WESS_THROTTLED || r->code == WESS_TRANSIENT || r->code == WESS_AUTH) {
            w->call->error = e;
            return r->code;
        }
        return WESS_OK;
    }
    r->id = wess_arena_text(h, w->call->arena, xml_attr(id, "Id"));
    r->revision = wess_arena_text(h, w->call->arena, xml_attr(id, "ChangeKey"));
    if (op->what == WESS_CREATE && !r->id)
        r->code = WESS_UNKNOWN;
    return WESS_OK;
}

static enum wess_code take_answers(void *ctx, size_t i, const struct ews_answer *a)
{
    struct writing *w = ctx;
    const xmlNode *m = xml_first(a->messages);
    enum wess_code rc = WESS_OK;
    (void)i;
    if (a->code != WESS_OK) {
        for (size_t k = 0; k < w->n; k++)
            w->out[w->at[k]].code = a->code == WESS_UNKNOWN || a->code == WESS_CANCELLED
                                        ? WESS_UNKNOWN
                                        : WESS_NOT_TRIED;
        return a->code;
    }
    for (size_t k = 0; k < w->n && m; k++, m = xml_next(m)) {
        enum wess_code one = take_one(w, m, &w->ops[w->at[k]], &w->out[w->at[k]]);
        if (rc == WESS_OK)
            rc = one;
    }
    return rc; /* those without an answer stay unknown */
}

/* ---- requests
 * --------------------------------------------------------------------------------------------------
 */

static void begin(struct writing *w, struct xml_out *x)
{
    ews_begin(w->call->conn, x, w->call->conn->impersonate);
}

static enum wess_code send(struct writing *w, struct xml_out *x)
{
    for (size_t k = 0; k < w->n; k++)
        w->out[w->at[k]].code = WESS_UNKNOWN;
    enum wess_code rc = ews_send(w->call, x, 1, true, take_answers, w);
    /* Nothing went out: no memory, no password. */
    for (size_t k = 0; k < w->n && x->bad; k++)
        w->out[w->at[k]].code = WESS_NOT_TRIED;
    if (rc == WESS_AUTH)
        for (size_t k = 0; k < w->n; k++)
            if (w->out[w->at[k]].code == WESS_UNKNOWN)
                w->out[w->at[k]].code = WESS_NOT_TRIED;
    xml_fini(x);
    return rc;
}

static enum wess_code create(struct writing *w)
{
    struct xml_out x;
    begin(w, &x);
    xml_open(&x, "m:CreateItem");
    xml_put_attr(&x, "MessageDisposition", "SaveOnly");
    xml_open(&x, "m:SavedItemFolderId");
    xml_open(&x, "t:FolderId");
    xml_put_attr(&x, "Id", w->call->conn->folders[0].id);
    xml_close(&x);
    xml_close(&x);
    xml_open(&x, "m:Items");
    for (size_t k = 0; k < w->n; k++)
        ews_contact(w->call, &x, &w->ops[w->at[k]]);
    xml_close(&x);
    xml_close(&x);
    return send(w, &x);
}

static enum wess_code update(struct writing *w)
{
    struct xml_out x;
    begin(w, &x);
    xml_open(&x, "m:UpdateItem");
    xml_put_attr(&x, "ConflictResolution", "NeverOverwrite");
    xml_put_attr(&x, "MessageDisposition", "SaveOnly");
    xml_put_attr(&x, "SendMeetingInvitationsOrCancellations", "SendToNone");
    xml_open(&x, "m:ItemChanges");
    for (size_t k = 0; k < w->n; k++) {
        const struct wess_op *op = &w->ops[w->at[k]];
        xml_open(&x, "t:ItemChange");
        put_id(&x, op);
        xml_open(&x, "t:Updates");
        ews_updates(w->call, &x, op);
        xml_close(&x);
        xml_close(&x);
    }
    xml_close(&x);
    xml_close(&x);
    return send(w, &x);
}

static enum wess_code delete (struct writing *w) {
    struct xml_out x; begin(w, &x); xml_open(&x, "m:DeleteItem");
    xml_put_attr(&x, "DeleteType", "MoveToDeletedItems");
    xml_put_attr(&x, "SendMeetingCancellations", "SendToNone");
    xml_put_attr(&x, "AffectedTaskOccurrences", "AllOccurrences");
    xml_open(&x, "m:ItemIds");
    for (size_t k = 0; k < w->n; k++) put_id(&x, &w->ops[w->at[k]]);
    xml_close(&x);
    xml_close(&x);
    return send(w, &x);
}

/* ---- before writing
 * --------------------------------------------------------------------------------------------- */

/* Creates that may have been carried out are looked up by their stamps first. */
static enum wess_code look_up(struct writing *w)
{
    struct wess_call *call = w->call;
    struct wess_key *keys = call->conn->host->alloc(call->arena, (w->n + 1) * sizeof(*keys));
    struct wess_page page = {0};
    size_t n = 0, kept = 0;
    if (!keys)
        return WESS_TOO_BIG;
    for (size_t k = 0; k < w->n; k++)
        if ((w->ops[w->at[k]].flags & WESS_OP_AGAIN) && w->ops[w->at[k]].stamp)
            keys[n++] = (struct wess_key){"wess", w->ops[w->at[k]].stamp};
    enum wess_code rc = n ? ews_find(call, keys, n, &page) : WESS_OK;
    for (size_t k = 0; rc == WESS_OK && k < w->n; k++) {
        const struct wess_op *op = &w->ops[w->at[k]];
        const struct wess_key *stamp = NULL;
        struct wess_result *r = &w->out[w->at[k]];
        bool found = false;
        for (size_t i = 0; op->stamp && n && !found && i < page.n; i++) {
            const struct wess_item *item = &page.changes[i].item;
            if (item->flags & WESS_ITEM_TRASHED)
                continue;
            for (size_t q = 0; q < item->n_keys; q++) {
                stamp = &item->keys[q];
                if (strcmp(stamp->space, "wess") || strcmp(stamp->id, op->stamp))
                    continue;
                *r = (struct wess_result){.code = WESS_OK, .id = item->id};
                found = true;
            }
        }
        if (!found)
            w->at[kept++] = w->at[k];
    }
    w->n = rc == WESS_OK ? kept : w->n;
    return rc;
}

struct comparing {
    struct writing *w;
};
static enum wess_code take_keys(void *ctx, size_t i, const struct ews_answer *a)
{
    struct writing *w = ((struct comparing *)ctx)->w;
    const xmlNode *m = xml_first(a->messages);
    size_t kept = 0;
    (void)i;
    if (a->code != WESS_OK)
        return a->code;
    for (size_t k = 0; k < w->n && m; k++, m = xml_next(m)) {
        const struct wess_op *op = &w->ops[w->at[k]];
        struct wess_result *r = &w->out[w->at[k]];
        struct wess_error e = {0};
        const char *now =
            xml_attr(xml_child(xml_first(xml_child(m, "Items")), "ItemId"), "ChangeKey");
        r->code = ews_message(m, false, &e);
        if (r->code == WESS_OK && op->before->revision && now && strcmp(now, op->before->revision))
            r->code = WESS_CONFLICT;
        else if (r->code == WESS_OK)
            w->at[kept++] = w->at[k];
    }
    w->n = kept;
    return WESS_OK;
}

/* DeleteItem does not look at the ChangeKey: compared just before, and deleted softly. */
static enum wess_code compare(struct writing *w)
{
    struct comparing c = {w};
    struct xml_out x;
    begin(w, &x);
    xml_open(&x, "m:GetItem");
    xml_open(&x, "m:ItemShape");
    xml_element(&x, "t:BaseShape", "IdOnly");
    xml_close(&x);
    xml_open(&x, "m:ItemIds");
    for (size_t k = 0; k < w->n; k++) {
        xml_open(&x, "t:ItemId");
        xml_put_attr(&x, "Id", id_of(&w->ops[w->at[k]]));
        xml_close(&x);
    }
    xml_close(&x);
    xml_close(&x);
    enum wess_code rc = ews_send(w->call, &x, 1, false, take_keys, &c);
    xml_fini(&x);
    return rc;
}

/* ---- the slot
 * ----------------------------------------------------------------------------------------------------
 */

static enum wess_code apply_kind(struct wess_call *call, const struct wess_op *ops, size_t n,
                                 enum wess_what what, struct wess_result *out)
{
    struct writing w = {.call = call, .ops = ops, .out = out};
    w.at = call->conn->host->alloc(call->arena, (n + 1) * sizeof(*w.at));
    if (!w.at)
        return WESS_TOO_BIG;
    for (size_t i = 0; i < n; i++)
        if (ops[i].what == (uint32_t)what && !ews_refuses(call, &ops[i], &out[i]))
            w.at[w.n++] = i;
    enum wess_code rc = w.n && what == WESS_CREATE   ? look_up(&w)
                        : w.n && what == WESS_DELETE ? compare(&w)
                                                     : WESS_OK;
    if (rc != WESS_OK || !w.n)
        return rc;
    return what == WESS_CREATE ? create(&w) : what == WESS_UPDATE ? update(&w) : delete (&w);
}

enum wess_code ews_apply(struct wess_call *call, const struct wess_op *ops, size_t n,
                         struct wess_result *out)
{
    static const enum wess_what order[] = {WESS_CREATE, WESS_UPDATE, WESS_DELETE};
    for (size_t i = 0; i < n; i++)
        out[i].code = WESS_NOT_TRIED; /* until it is on the wire */
    enum wess_code rc = ews_folders(call);
    for (size_t k = 0; rc == WESS_OK && k < 3; k++)
        rc = apply_kind(call, ops, n, order[k], out);
    return rc;
}
