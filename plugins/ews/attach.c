/* Files attached to an item (MS-OXWSATT): a list of names comes with the item, each file by a
 * request of its own, in pieces, in either direction. Inline pictures, items within items and a
 * contact's photo are none of these, and are left alone. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ews.h"
#include "mime_cut.h"

#define FIELD "attach"
#define FILES_MOST 100u    /* of one item */
#define NAME_MOST 255u     /* bytes of a name, which is the key */
#define RAW ((size_t)3072) /* bytes encoded at a time */

const struct wess_field_schema ews_attach_schema = {.name = FIELD, .type = WESS_RECORDS};

/* One file as the item lists it. */
struct listed {
    const char *id, *key, *name, *type;
    uint64_t size; /* as Exchange counts, somewhat more than its bytes */
};
struct list {
    const struct wess_host *host;
    struct wess_vec of; /* struct listed */
    const char *revision;
    enum wess_code code;
    bool spent;
};

/* ---- the list
 * ------------------------------------------------------------------------------------------ */

static bool is_true(const xmlNode *n)
{
    const char *text = n ? xml_text(n) : NULL;
    return text && (!strcmp(text, "true") || !strcmp(text, "1"));
}

static bool has_key(const struct list *l, const char *key)
{
    const struct listed *of = l->of.of;
    for (size_t i = 0; i < l->of.n; i++)
        if (!strcmp(of[i].key, key))
            return true;
    return false;
}

/* Two of one name are told apart by their order. */
static const char *key_for(const struct list *l, struct wess_arena *a, const char *name)
{
    const char *key = name;
    for (unsigned k = 2; key && has_key(l, key); k++)
        key = wess_arena_fmt(l->host, a, "%s (%u)", name, k);
    return key;
}

static bool is_file(const xmlNode *n, const char **id, const char **name)
{
    *id = xml_attr(xml_child(n, "AttachmentId"), "Id");
    *name = xml_text(xml_child(n, "Name"));
    return xml_is(n, "FileAttachment") && *id && **id && strlen(*id) <= WESS_ID_MAX && *name &&
           **name && strlen(*name) <= NAME_MOST && !is_true(xml_child(n, "IsInline")) &&
           !is_true(xml_child(n, "IsContactPhoto"));
}

static void add_listed(struct list *l, struct wess_arena *a, const xmlNode *n)
{
    const char *id, *name, *type = xml_text(xml_child(n, "ContentType"));
    const char *size = xml_text(xml_child(n, "Size"));
    if (!is_file(n, &id, &name) || l->of.n >= FILES_MOST)
        return;
    struct listed one = {.id = wess_arena_text(l->host, a, id),
                         .name = wess_arena_text(l->host, a, name),
                         .type = type && *type && strlen(type) <= NAME_MOST
                                     ? wess_arena_text(l->host, a, type)
                                     : NULL,
                         .size = size ? strtoull(size, NULL, 10) : 0};
    one.key = one.name ? key_for(l, a, one.name) : NULL;
    struct listed *slot = one.id && one.key ? wess_vec_push(l->host, a, &l->of) : NULL;
    l->spent |= !slot;
    if (slot)
        *slot = one;
}

struct listing {
    struct wess_call *call;
    struct list *of; /* one for each id that was asked */
    size_t n;
};

static enum wess_code take_list(void *ctx, size_t i, size_t at, const xmlNode *m,
                                struct wess_error *e)
{
    struct listing *l = ctx;
    struct wess_call *call = l->call;
    const xmlNode *item = xml_first(xml_child(m, "Items"));
    (void)i;
    if (at >= l->n)
        return WESS_OK;
    struct list *one = &l->of[at];
    one->code = ews_message_item(m, false, e);
    if (one->code != WESS_OK || !item)
        return WESS_OK;
    const char *key = xml_attr(xml_child(item, "ItemId"), "ChangeKey");
    one->revision = key ? wess_arena_text(one->host, call->arena, key) : NULL;
    for (const xmlNode *n = xml_first(xml_child(item, "Attachments")); n; n = xml_next(n))
        add_listed(one, call->arena, n);
    return one->spent ? wess_fail(e, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "out of memory")
                      : WESS_OK;
}

/* What each item bears; its code says when it cannot be told. */
static enum wess_code ask_lists(struct wess_call *call, const char *const *ids, struct list *of,
                                size_t n)
{
    struct listing l = {call, of, n};
    const struct ews_taker taker = {.ctx = &l, .message = take_list};
    struct xml_out x;
    for (size_t i = 0; i < n; i++)
        of[i] = (struct list){
            .host = call->conn->host, .of = {.size = sizeof(struct listed)}, .code = WESS_UNKNOWN};
    ews_begin(call->conn, &x, call->conn->impersonate);
    xml_open(&x, "m:GetItem");
    xml_open(&x, "m:ItemShape");
    xml_element(&x, "t:BaseShape", "IdOnly");
    xml_open(&x, "t:AdditionalProperties");
    xml_open(&x, "t:FieldURI");
    xml_put_attr(&x, "FieldURI", "item:Attachments");
    xml_close(&x);
    xml_close(&x);
    xml_close(&x);
    xml_open(&x, "m:ItemIds");
    for (size_t i = 0; i < n; i++)
        ews_item_id(&x, ids[i], NULL);
    xml_close(&x);
    xml_close(&x);
    return ews_ask(call, &x, false, &taker);
}

/* ---- one file comes
 * ------------------------------------------------------------------------------------------ */

struct coming {
    struct mime_cut cut;
    enum wess_code code; /* of the file */
};

static size_t cut_out(void *ctx, size_t i, char *data, size_t len)
{
    struct coming *c = ctx;
    (void)i;
    return mime_cut(&c->cut, data, len);
}

/* Taken away since it was listed. */
static enum wess_code file_code(enum wess_code code, const struct wess_error *e)
{
    return !strcmp(e->remote_code, "ErrorInvalidAttachmentId") ? WESS_GONE : code;
}

static enum wess_code take_file(void *ctx, size_t i, size_t at, const xmlNode *m,
                                struct wess_error *e)
{
    struct coming *c = ctx;
    (void)i;
    if (!at)
        c->code = file_code(ews_message_item(m, false, e), e);
    return WESS_OK;
}

static void put_ids(struct xml_out *x, const char *op, const char *id)
{
    xml_open(x, op);
    xml_open(x, "m:AttachmentIds");
    xml_open(x, "t:AttachmentId");
    xml_put_attr(x, "Id", id);
    xml_close(x);
    xml_close(x);
    xml_close(x);
}

enum wess_code ews_fetch_file(struct wess_call *call, const char *id, struct wess_blob *out,
                              enum wess_code *told)
{
    const struct wess_host *h = call->conn->host;
    struct coming c = {.cut = {.host = h, .element = "Content"}, .code = WESS_UNKNOWN};
    const struct ews_taker taker = {.ctx = &c, .message = take_file, .filter = cut_out};
    struct xml_out x;
    *told = WESS_OK;
    if (h->blob_new(h->ctx, &c.cut.spool) != WESS_OK)
        return wess_fail(&call->error, WESS_TRANSIENT, WESS_OF_HOST, NULL,
                         "an attached file cannot be spooled");
    ews_begin(call->conn, &x, call->conn->impersonate);
    put_ids(&x, "m:GetAttachment", id);
    enum wess_code rc = ews_ask(call, &x, false, &taker);
    bool whole = mime_cut_end(&c.cut) || (!c.cut.bad && !c.cut.n_letters);
    if (rc != WESS_OK || c.code != WESS_OK || !whole) {
        h->blob_close(c.cut.spool);
        *told = rc == WESS_OK ? c.code : WESS_OK;
    } else if (h->blob_done(c.cut.spool, call->arena, out) == WESS_OK) {
        return WESS_OK;
    }
    return rc != WESS_OK || *told != WESS_OK
               ? rc
               : wess_fail(&call->error, WESS_TRANSIENT, WESS_OF_HOST, NULL,
                           "an attached file did not come whole, or cannot be spooled");
}

/* ---- reading
 * ------------------------------------------------------------------------------------------ */

static bool add_record(struct wess_call *call, struct wess_vec *v, const struct listed *l,
                       const struct wess_blob *blob)
{
    const struct wess_host *h = call->conn->host;
    struct wess_record *r = wess_vec_push(h, call->arena, v);
    struct wess_field *f = h->alloc(call->arena, 3 * sizeof(*f));
    size_t n = 0;
    if (!r || !f)
        return false;
    f[n++] = (struct wess_field){.name = "data", .type = WESS_BLOB, .blob = *blob};
    f[n++] = (struct wess_field){
        .name = "filename", .type = WESS_TEXT, .str = {l->name, strlen(l->name)}};
    if (l->type)
        f[n++] = (struct wess_field){
            .name = "fmttype", .type = WESS_TEXT, .str = {l->type, strlen(l->type)}};
    *r = (struct wess_record){.key = l->key, .fields = f, .n = n};
    return true;
}

/* The item once more, with its files. Two of one name are what is left of one that changed. */
static bool add_field(struct wess_call *call, struct wess_result *r, const struct wess_vec *v,
                      bool half)
{
    const struct wess_host *h = call->conn->host;
    const struct wess_item *was = r->current;
    struct wess_item *item = h->alloc(call->arena, sizeof(*item));
    struct wess_field *of = h->alloc(call->arena, (was->n_fields + 1) * sizeof(*of));
    if (!item || !of)
        return false;
    if (was->n_fields)
        memcpy(of, was->fields, was->n_fields * sizeof(*of));
    of[was->n_fields] =
        (struct wess_field){.name = FIELD, .type = WESS_RECORDS, .records = {v->of, v->n}};
    *item = *was;
    item->fields = of;
    item->n_fields = was->n_fields + 1;
    item->flags |= half ? WESS_ITEM_HALF : 0u;
    r->current = item;
    return true;
}

/* One that cannot be read makes the item one that cannot: what is not told counts as taken away. */
static void leave_out(struct wess_call *call, struct wess_result *r, enum wess_code told)
{
    call->error = (struct wess_error){0};
    *r = (struct wess_result){.code = told == WESS_GONE ? WESS_TRANSIENT : told,
                              .text = "a file that is attached to it is not given out"};
    if (told == WESS_TOO_BIG)
        r->text = "a file that is attached to it is larger than http.body_max lets through";
}

static enum wess_code fetch_of(struct wess_call *call, struct wess_result *r, const struct list *l)
{
    struct wess_vec v = {.size = sizeof(struct wess_record)};
    const struct listed *of = l->of.of;
    bool half = false;
    for (size_t i = 0; i < l->of.n; i++) {
        struct wess_blob blob;
        half |= strcmp(of[i].key, of[i].name) != 0;
        enum wess_code told, rc = ews_fetch_file(call, of[i].id, &blob, &told);
        if (rc == WESS_TOO_BIG || (rc == WESS_OK && told != WESS_OK)) {
            leave_out(call, r, rc == WESS_OK ? told : rc);
            return WESS_OK;
        }
        if (rc != WESS_OK)
            return rc;
        if (!add_record(call, &v, &of[i], &blob))
            return wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "out of memory");
    }
    return !v.n || add_field(call, r, &v, half)
               ? WESS_OK
               : wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "out of memory");
}

static enum wess_code fetch_some(struct wess_call *call, struct wess_result **of, size_t n)
{
    const char *ids[EWS_FETCH];
    struct list *lists = call->conn->host->alloc(call->arena, EWS_FETCH * sizeof(*lists));
    if (!lists)
        return wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "out of memory");
    for (size_t i = 0; i < n; i++)
        ids[i] = of[i]->id;
    enum wess_code rc = ask_lists(call, ids, lists, n);
    for (size_t i = 0; rc == WESS_OK && i < n; i++) {
        if (lists[i].code == WESS_OK)
            rc = fetch_of(call, of[i], &lists[i]);
        else
            *of[i] = (struct wess_result){.code = lists[i].code,
                                          .text = "its list of attached files cannot be read"};
    }
    return rc;
}

enum wess_code ews_fetch_attachments(struct wess_call *call, struct wess_result *out, size_t n)
{
    struct wess_result *some[EWS_FETCH];
    enum wess_code rc = WESS_OK;
    for (size_t at = 0; rc == WESS_OK && at < n;) {
        size_t k = 0;
        for (; at < n && k < EWS_FETCH; at++)
            if (out[at].code == WESS_OK && out[at].current)
                some[k++] = &out[at];
        if (k)
            rc = fetch_some(call, some, k);
    }
    return rc;
}

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
    struct list now;
    enum wess_code code; /* of the request under way */
};

static const struct wess_field *part(const struct wess_record *r, const char *name, uint32_t type)
{
    for (size_t i = 0; r && i < r->n; i++)
        if (!strcmp(r->fields[i].name, name) && r->fields[i].type == type)
            return &r->fields[i];
    return NULL;
}

static const struct wess_record *record_of(const struct wess_field *f, const char *key)
{
    for (size_t i = 0; f && f->type == WESS_RECORDS && i < f->records.n; i++)
        if (!strcmp(f->records.of[i].key, key))
            return &f->records.of[i];
    return NULL;
}

static const struct listed *listed_as(const struct list *l, const char *key)
{
    const struct listed *of = l->of.of;
    for (size_t i = 0; i < l->of.n; i++)
        if (!strcmp(of[i].key, key))
            return &of[i];
    return NULL;
}

static bool same_bytes(const struct wess_record *a, const struct wess_record *b)
{
    const struct wess_field *x = part(a, "data", WESS_BLOB), *y = part(b, "data", WESS_BLOB);
    return x && y && x->blob.size == y->blob.size && !strcmp(x->blob.digest, y->blob.digest);
}

bool ews_attachments_missing(struct wess_call *call, const struct wess_op *op)
{
    const struct wess_host *h = call->conn->host;
    const struct wess_field *want = ews_field_of(&op->item, FIELD);
    const struct wess_field *had = ews_field_of(op->before, FIELD);
    for (size_t i = 0; want && want->type == WESS_RECORDS && i < want->records.n; i++) {
        const struct wess_record *r = &want->records.of[i];
        const struct wess_field *data = part(r, "data", WESS_BLOB);
        struct wess_spool *s = NULL;
        if (!data || same_bytes(r, record_of(had, r->key)))
            continue;
        if (h->blob_open(h->ctx, data->blob.digest, &s) != WESS_OK)
            return true;
        h->blob_close(s);
    }
    return false;
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
    w->code = file_code(ews_message_item(m, true, e), e);
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
        const char *name = wess_arena_fmt(call->conn->host, call->arena, FIELD ".%s", key);
        ews_refuse(call, w->out, name, "Exchange refuses this file", "attachment");
        call->error = (struct wess_error){0};
    } else if (w->code != WESS_OK) {
        w->out->code = WESS_CONFLICT;
    }
    return WESS_OK;
}

static void put_create(struct xml_out *x, const struct writing *w, const struct wess_record *r)
{
    const struct wess_field *name = part(r, "filename", WESS_TEXT);
    const struct wess_field *type = part(r, "fmttype", WESS_TEXT);
    xml_open(x, "m:CreateAttachment");
    xml_open(x, "m:ParentItemId");
    xml_put_attr(x, "Id", w->id);
    const char *key = w->out->revision ? w->out->revision : w->now.revision;
    if (key)
        xml_put_attr(x, "ChangeKey", key);
    xml_close(x);
    xml_open(x, "m:Attachments");
    xml_open(x, "t:FileAttachment");
    xml_element(x, "t:Name", name ? name->str.data : r->key);
    if (type)
        xml_element(x, "t:ContentType", type->str.data);
    xml_element(x, "t:Content", "");
    xml_close(x);
    xml_close(x);
    xml_close(x);
}

static enum wess_code attach(struct writing *w, const struct wess_record *r)
{
    const struct wess_host *h = w->call->conn->host;
    const struct wess_field *data = part(r, "data", WESS_BLOB);
    const struct ews_taker taker = {.ctx = w, .message = take_done};
    struct going *g = data ? h->alloc(w->call->arena, sizeof(*g)) : NULL;
    struct xml_out x;
    if (!data)
        return WESS_OK;
    if (!g)
        return wess_fail(&w->call->error, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "out of memory");
    g->host = h;
    g->blob = &data->blob;
    g->spool = NULL;
    w->code = WESS_UNKNOWN;
    if (!begin_again(g)) {
        w->out->code = WESS_CONFLICT;
        return WESS_OK;
    }
    const struct ews_insert insert = {.behind = "<t:Content>",
                                      .len = (size_t)(data->blob.size + 2) / 3 * 4,
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
    const struct listed *l = listed_as(&w->now, key);
    struct xml_out x;
    if (!l)
        return WESS_OK;
    w->code = WESS_UNKNOWN;
    ews_begin(w->call->conn, &x, w->call->conn->impersonate);
    put_ids(&x, "m:DeleteAttachment", l->id);
    enum wess_code rc = ews_ask(w->call, &x, true, &taker);
    if (rc == WESS_OK && w->code == WESS_GONE)
        w->code = WESS_OK;
    return judge(w, rc, key);
}

/* Whether a file that is listed has these bytes. */
static enum wess_code has_bytes(struct writing *w, const struct listed *l,
                                const struct wess_record *r, bool *same)
{
    const struct wess_field *data = part(r, "data", WESS_BLOB);
    struct wess_blob blob;
    enum wess_code told;
    *same = false;
    if (!data)
        return WESS_OK;
    enum wess_code rc = ews_fetch_file(w->call, l->id, &blob, &told);
    *same = rc == WESS_OK && told == WESS_OK && blob.size == data->blob.size &&
            !strcmp(blob.digest, data->blob.digest);
    return rc;
}

/* Of an earlier attempt that was cut off: what bears that name already is looked at. */
static enum wess_code is_there(struct writing *w, const struct wess_record *r, bool *there)
{
    const struct listed *l = listed_as(&w->now, r->key);
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
    const struct listed *of = w->now.of.of, *first = listed_as(&w->now, r->key);
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
    for (size_t i = 0; rc == WESS_OK && w->out->code == WESS_OK && want->type == WESS_RECORDS &&
                       i < want->records.n;
         i++) {
        const struct wess_record *r = &want->records.of[i], *old = record_of(had, r->key);
        if (old && !same_bytes(r, old))
            rc = finish_one(w, r, old);
    }
    return rc;
}

static enum wess_code write_all(struct writing *w, const struct wess_field *want,
                                const struct wess_field *had)
{
    enum wess_code rc = WESS_OK;
    for (size_t i = 0; rc == WESS_OK && w->out->code != WESS_CONFLICT &&
                       want->type == WESS_RECORDS && i < want->records.n;
         i++) {
        const struct wess_record *r = &want->records.of[i], *old = record_of(had, r->key);
        if (!same_bytes(r, old))
            rc = write_one(w, r, old);
    }
    for (size_t i = 0; rc == WESS_OK && w->out->code != WESS_CONFLICT && had &&
                       had->type == WESS_RECORDS && i < had->records.n;
         i++)
        if (!record_of(want, had->records.of[i].key))
            rc = detach(w, had->records.of[i].key);
    return rc;
}

enum wess_code ews_write_attachments(struct wess_call *call, const struct wess_op *op,
                                     struct wess_result *out)
{
    const struct wess_field *want = ews_field_of(&op->item, FIELD);
    struct writing w = {.call = call, .op = op, .out = out};
    w.id = out->id ? out->id : op->item.id ? op->item.id : op->before ? op->before->id : NULL;
    if (!want || !w.id)
        return WESS_OK;
    enum wess_code rc = ask_lists(call, &w.id, &w.now, 1);
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
    rc = (ews_finishes(op) ? finish_all : write_all)(&w, want, ews_field_of(op->before, FIELD));
    if (out->current) /* found by its stamp, and completed: it is merged again */
        out->revision = NULL;
    return rc;
}
