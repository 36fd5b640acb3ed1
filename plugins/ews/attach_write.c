/* Writing attached files (MS-OXWSATT): each by a request of its own, its bytes as they are read
 * from the spool. One that changed is there before the old one of that name goes; cut off between
 * the two, the next run takes the old one away. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"

#define RAW ((size_t)3072) /* bytes encoded at a time */

/* ---- one file goes
 * ------------------------------------------------------------------------------------------ */

/* Its bytes in base64, as they are asked for. */
struct going {
    const struct wess_host *host;
    const struct wess_blob *blob;
    struct wess_spool *spool;
    size_t at; /* letters given out */
    size_t n_text, n_given;
    unsigned char raw[RAW];
    char text[RAW / 3 * 4 + 4];
};

static bool begin_again(struct going *g)
{
    if (g->spool)
        g->host->blob_close(g->spool);
    g->spool = NULL;
    g->at = g->n_text = g->n_given = 0;
    return g->host->blob_open(g->host->ctx, g->blob->digest, &g->spool) == WESS_OK;
}

static bool more(struct going *g)
{
    size_t n = 0;
    int64_t got = 1;
    while (n < RAW && (got = g->host->blob_get(g->spool, g->raw + n, RAW - n)) > 0)
        n += (size_t)got;
    if (got < 0 || !n)
        return false;
    g->n_text = (size_t)EVP_EncodeBlock((unsigned char *)g->text, g->raw, (int)n);
    g->n_given = 0;
    return true;
}

static size_t read_base64(void *ctx, size_t at, char *buf, size_t cap)
{
    struct going *g = ctx;
    if (at != g->at && (at || !begin_again(g)))
        return 0;
    if (g->n_given == g->n_text && !more(g))
        return 0;
    size_t left = g->n_text - g->n_given, len = left < cap ? left : cap;
    memcpy(buf, g->text + g->n_given, len);
    g->n_given += len;
    g->at += len;
    return len;
}

/* ---- writing
 * ------------------------------------------------------------------------------------------ */

struct writing {
    struct wess_call *call;
    const struct wess_op *op;
    struct wess_result *out;
    const char *id;
    struct ews_files now;
    enum wess_code code; /* of the request under way */
};

static const struct ews_listed *listed_as(const struct ews_files *l, const char *key)
{
    const struct ews_listed *of = l->of.of;
    for (size_t i = 0; i < l->of.n; i++)
        if (ews_is_listed_as(&of[i], key))
            return &of[i];
    return NULL;
}

static bool same_bytes(const struct wess_record *a, const struct wess_record *b)
{
    return wess_blob_same(wess_attached_bytes(a), wess_attached_bytes(b));
}

bool ews_attachments_missing(struct wess_call *call, const struct wess_op *op)
{
    return wess_attached_missing(call->conn->host, ews_field_of(&op->item, WESS_ATTACHED),
                                 ews_field_of(op->before, WESS_ATTACHED));
}

static enum wess_code take_done(void *ctx, size_t i, size_t at, const xmlNode *m,
                                struct wess_error *e)
{
    struct writing *w = ctx;
    const xmlNode *made = xml_child(xml_first(xml_child(m, "Attachments")), "AttachmentId");
    const xmlNode *gone = xml_child(m, "RootItemId");
    const char *key = xml_attr(made ? made : gone, "RootItemChangeKey");
    (void)i;
    if (at)
        return WESS_OK;
    w->code = ews_attach_code(ews_message_item(m, true, e), e);
    /* The item has another revision now, which mostly is told. */
    if (w->code == WESS_OK)
        w->out->revision = key && *key && strlen(key) <= WESS_ID_MAX
                               ? wess_arena_text(w->call->conn->host, w->call->arena, key)
                               : NULL;
    return WESS_OK;
}

/* What was not carried out for certain leaves the op in doubt: it is looked at, and merged again.
 */
static enum wess_code judge(struct writing *w, enum wess_code rc, const char *key)
{
    struct wess_call *call = w->call;
    if (rc != WESS_OK || w->code == WESS_UNKNOWN) {
        w->out->code = WESS_UNKNOWN;
        return rc == WESS_OK ? WESS_UNKNOWN : rc;
    }
    if (w->code == WESS_REJECTED || w->code == WESS_TOO_BIG) {
        const char *name = wess_arena_fmt(call->conn->host, call->arena, WESS_ATTACHED ".%s", key);
        ews_refuse(call, w->out, name, "Exchange refuses this file", "attachment");
        call->error = (struct wess_error){0};
    } else if (w->code != WESS_OK) {
        w->out->code = WESS_CONFLICT;
    }
    return WESS_OK;
}

static void put_create(struct xml_out *x, const struct writing *w, const struct wess_record *r)
{
    const char *name = wess_attached_name(r), *type = wess_attached_type(r);
    xml_open(x, "m:CreateAttachment");
    xml_open(x, "m:ParentItemId");
    xml_put_attr(x, "Id", w->id);
    const char *key = w->out->revision ? w->out->revision : w->now.revision;
    if (key)
        xml_put_attr(x, "ChangeKey", key);
    xml_close(x);
    xml_open(x, "m:Attachments");
    xml_open(x, "t:FileAttachment");
    xml_element(x, "t:Name", name ? name : r->key);
    if (type)
        xml_element(x, "t:ContentType", type);
    xml_element(x, "t:Content", "");
    xml_close(x);
    xml_close(x);
    xml_close(x);
}

static enum wess_code attach(struct writing *w, const struct wess_record *r)
{
    const struct wess_host *h = w->call->conn->host;
    const struct wess_blob *data = wess_attached_bytes(r);
    const struct ews_taker taker = {.ctx = w, .message = take_done};
    struct going *g = data ? h->alloc(w->call->arena, sizeof(*g)) : NULL;
    struct xml_out x;
    if (!data)
        return WESS_OK;
    if (!g)
        return wess_fail(&w->call->error, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "out of memory");
    g->host = h;
    g->blob = data;
    g->spool = NULL;
    w->code = WESS_UNKNOWN;
    if (!begin_again(g)) {
        w->out->code = WESS_CONFLICT;
        return WESS_OK;
    }
    const struct ews_insert insert = {.behind = "<t:Content>",
                                      .len = (size_t)(data->size + 2) / 3 * 4,
                                      .read = read_base64,
                                      .ctx = g};
    ews_begin(w->call->conn, &x, w->call->conn->impersonate);
    put_create(&x, w, r);
    enum wess_code rc = ews_ask_with(w->call, &x, &insert, &taker);
    if (g->spool)
        h->blob_close(g->spool);
    /* It was the item's revision just now: this may be the answer to our own request, which was
     * carried out twice. What is there says so. */
    if (rc == WESS_OK && w->code == WESS_CONFLICT)
        w->code = WESS_UNKNOWN;
    return judge(w, rc, r->key);
}

static enum wess_code detach(struct writing *w, const char *key)
{
    const struct ews_taker taker = {.ctx = w, .message = take_done};
    const struct ews_listed *l = listed_as(&w->now, key);
    struct xml_out x;
    if (!l)
        return WESS_OK;
    w->code = WESS_UNKNOWN;
    ews_begin(w->call->conn, &x, w->call->conn->impersonate);
    ews_attach_put_id(&x, "m:DeleteAttachment", l->id);
    enum wess_code rc = ews_ask(w->call, &x, true, &taker);
    if (rc == WESS_OK && w->code == WESS_GONE)
        w->code = WESS_OK;
    return judge(w, rc, key);
}

/* Whether a file that is listed has these bytes. */
static enum wess_code has_bytes(struct writing *w, const struct ews_listed *l,
                                const struct wess_record *r, bool *same)
{
    const struct wess_blob *data = wess_attached_bytes(r);
    struct wess_blob blob;
    enum wess_code told;
    *same = false;
    if (!data)
        return WESS_OK;
    struct ews_listed read = *l;
    enum wess_code rc = ews_fetch_listed(w->call, &read, &blob, &told);
    *same = rc == WESS_OK && told == WESS_OK && wess_blob_same(&blob, data);
    return rc;
}

/* Of an earlier attempt that was cut off: what bears that name already is looked at. */
static enum wess_code is_there(struct writing *w, const struct wess_record *r, bool *there)
{
    const struct ews_listed *l = listed_as(&w->now, r->key);
    *there = false;
    return l ? has_bytes(w, l, r, there) : WESS_OK;
}

/* A file that changed goes, and then the old one of that name is taken away. */
static enum wess_code write_one(struct writing *w, const struct wess_record *r,
                                const struct wess_record *old)
{
    bool there = false;
    enum wess_code rc = old ? WESS_OK : is_there(w, r, &there);
    if (rc != WESS_OK || there)
        return rc;
    rc = attach(w, r);
    return rc == WESS_OK && w->out->code == WESS_OK && old ? detach(w, r->key) : rc;
}

/* Cut off between its two requests, if the new one is there: then the old one of that name goes. */
static enum wess_code finish_one(struct writing *w, const struct wess_record *r,
                                 const struct wess_record *old)
{
    const struct ews_listed *of = w->now.of.of, *first = listed_as(&w->now, r->key);
    bool made = false, left = false;
    enum wess_code rc = WESS_OK;
    for (size_t i = 0; rc == WESS_OK && !made && first && i < w->now.of.n; i++)
        if (&of[i] != first && !strcmp(of[i].name, first->name))
            rc = has_bytes(w, &of[i], r, &made);
    if (rc == WESS_OK && made)
        rc = has_bytes(w, first, old, &left);
    return rc == WESS_OK && left ? detach(w, r->key) : rc;
}

static enum wess_code finish_all(struct writing *w, const struct wess_field *want,
                                 const struct wess_field *had)
{
    enum wess_code rc = WESS_OK;
    struct wess_records all = wess_attached_of(want);
    for (size_t i = 0; rc == WESS_OK && w->out->code == WESS_OK && i < all.n; i++) {
        const struct wess_record *r = &all.of[i], *old = wess_attached_find(had, r->key);
        if (old && !same_bytes(r, old))
            rc = finish_one(w, r, old);
    }
    return rc;
}

static enum wess_code write_all(struct writing *w, const struct wess_field *want,
                                const struct wess_field *had)
{
    enum wess_code rc = WESS_OK;
    struct wess_records all = wess_attached_of(want), old_ones = wess_attached_of(had);
    for (size_t i = 0; rc == WESS_OK && w->out->code != WESS_CONFLICT && i < all.n; i++) {
        const struct wess_record *r = &all.of[i], *old = wess_attached_find(had, r->key);
        if (!same_bytes(r, old))
            rc = write_one(w, r, old);
    }
    for (size_t i = 0; rc == WESS_OK && w->out->code != WESS_CONFLICT && i < old_ones.n; i++)
        if (!wess_attached_find(want, old_ones.of[i].key))
            rc = detach(w, old_ones.of[i].key);
    return rc;
}

enum wess_code ews_write_attachments(struct wess_call *call, const struct wess_op *op,
                                     struct wess_result *out)
{
    const struct wess_field *want = ews_field_of(&op->item, WESS_ATTACHED);
    struct writing w = {.call = call, .op = op, .out = out};
    w.id = out->id ? out->id : op->item.id ? op->item.id : op->before ? op->before->id : NULL;
    if (!want || !w.id)
        return WESS_OK;
    enum wess_code rc = ews_attach_lists(call, &w.id, &w.now, 1);
    if (rc != WESS_OK || w.now.code != WESS_OK) {
        out->code = WESS_UNKNOWN;
        return rc;
    }
    /* An item that is another one by now was changed by somebody else: nothing of theirs is
     * touched.
     */
    if (out->revision && (!w.now.revision || strcmp(out->revision, w.now.revision) != 0)) {
        out->code = WESS_CONFLICT;
        return WESS_OK;
    }
    rc = (ews_finishes(op) ? finish_all : write_all)(&w, want,
                                                     ews_field_of(op->before, WESS_ATTACHED));
    if (out->current) /* found by its stamp, and completed: it is merged again */
        out->revision = NULL;
    return rc;
}
