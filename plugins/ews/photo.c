/* The picture of a contact: an attachment that says it is one (MS-OXWSCONT, MS-OXWSATT). A new item
 * brings it along. Of an old one it is a request of its own, and each moves the item's ChangeKey:
 * the new picture is there before the old one goes, so that a cut between the two loses nothing;
 * of two the newer one counts, and the next run takes the other away. */
#include <stdlib.h>
#include <string.h>

#include "ews.h"

#define PIECE 3072u /* bytes: a multiple of three, so that pieces of base64 follow each other */
#define NAME "ContactPicture.jpg" /* Outlook's, whatever the format */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* ---- reading
 * ------------------------------------------------------------------------------------------ */

static bool is_photo(const xmlNode *attachment)
{
    const char *says = xml_text(xml_child(attachment, "IsContactPhoto"));
    return xml_is(attachment, "FileAttachment") && says &&
           (!strcmp(says, "true") || !strcmp(says, "1"));
}

static const char *id_of(const xmlNode *attachment)
{
    const char *id = xml_attr(xml_child(attachment, "AttachmentId"), "Id");
    return id && *id ? id : NULL;
}

/* The newest of an item's pictures; NULL: none. */
static const char *newest_of(const xmlNode *item, size_t *n)
{
    const char *best = NULL;
    int64_t newest = 0;
    *n = 0;
    for (const xmlNode *a = xml_first(xml_child(item, "Attachments")); a; a = xml_next(a)) {
        int64_t ms = ews_time_ms(xml_text(xml_child(a, "LastModifiedTime")));
        if (!is_photo(a) || !id_of(a))
            continue;
        ++*n;
        if (best && ms < newest)
            continue;
        best = id_of(a);
        newest = ms;
    }
    return best;
}

void ews_read_photo(struct ews_reading *r, const xmlNode *item, const struct ews_field *e)
{
    size_t n;
    const char *best = newest_of(item, &n);
    r->half |= n > 1;
    char *id = best ? wess_arena_text(r->host, r->a, best) : NULL;
    struct wess_field *f = id ? ews_push(r, e->name, WESS_TEXT) : NULL;
    r->spent |= best && !id;
    if (f)
        f->str = (struct wess_slice){id, strlen(id)};
}

static bool has_photo(const struct wess_result *r)
{
    return ews_field_of(r->current, "photo") != NULL;
}

static void ask_photo(struct xml_out *x, const struct wess_result *r)
{
    xml_open(x, "m:GetAttachment");
    xml_open(x, "m:AttachmentIds");
    xml_open(x, "t:AttachmentId");
    xml_put_attr(x, "Id", ews_field_of(r->current, "photo")->str.data);
    xml_close(x);
    xml_close(x);
    xml_close(x);
}

bool ews_without(struct wess_call *call, struct wess_result *r, const char *name)
{
    const struct wess_host *h = call->conn->host;
    struct wess_item *item = h->alloc(call->arena, sizeof(*item));
    struct wess_field *of = h->alloc(call->arena, (r->current->n_fields + 1) * sizeof(*of));
    size_t n = 0;
    if (!item || !of)
        return false;
    for (size_t i = 0; i < r->current->n_fields; i++)
        if (strcmp(r->current->fields[i].name, name))
            of[n++] = r->current->fields[i];
    *item = *r->current;
    item->fields = of;
    item->n_fields = n;
    r->current = item;
    return true;
}

enum wess_code ews_fetch_photos(struct wess_call *call, struct wess_result *out, size_t n)
{
    static const struct ews_large photo = {.field = "photo",
                                           .element = "Content",
                                           .is_part = true,
                                           .has = has_photo,
                                           .ask = ask_photo};
    bool ok = true;
    if (!(call->flags & (WESS_CALL_FACTS | WESS_CALL_NO_PHOTO)))
        return ews_fetch_large(call, &photo, out, n);
    for (size_t i = 0; i < n; i++)
        if (out[i].code == WESS_OK && out[i].current && has_photo(&out[i]))
            ok &= ews_without(call, &out[i], "photo");
    return ok ? WESS_OK
              : wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "out of memory");
}

/* ---- a picture on its way
 * ------------------------------------------------------------------------------------------ */

static void put_base64(struct xml_out *x, const unsigned char *bytes, size_t len)
{
    char text[PIECE / 3 * 4];
    size_t n = 0;
    for (size_t i = 0; i < len; i += 3) {
        size_t some = len - i < 3 ? len - i : 3;
        uint32_t bits = (uint32_t)bytes[i] << 16;
        bits |= some > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
        bits |= some > 2 ? (uint32_t)bytes[i + 2] : 0;
        for (size_t k = 0; k < 4; k++)
            text[n++] = k <= some ? digits[bits >> (18 - 6 * k) & 63] : '=';
    }
    xml_put(x, text, n);
}

static void put_content(struct wess_call *call, struct xml_out *x, const struct wess_blob *b)
{
    const struct wess_host *h = call->conn->host;
    struct wess_spool *s = NULL;
    unsigned char piece[PIECE];
    uint64_t done = 0;
    if (h->blob_open(h->ctx, b->digest, &s) != WESS_OK) {
        x->bad = true;
        return;
    }
    for (size_t n = 1; n; done += n) {
        n = 0;
        for (int64_t got = 1; got > 0 && n<PIECE; n += got> 0 ? (size_t)got : 0)
            got = h->blob_get(s, piece + n, PIECE - n);
        put_base64(x, piece, n);
    }
    h->blob_close(s);
    x->bad |= done != b->size;
}

/* What its first bytes say that it is. */
static const char *media_of(struct wess_call *call, const struct wess_blob *b)
{
    static const struct {
        const char *magic, *media;
    } formats[] = {{"\x89PNG", "image/png"}, {"GIF8", "image/gif"}, {"BM", "image/bmp"}};
    const struct wess_host *h = call->conn->host;
    struct wess_spool *s = NULL;
    char first[4] = "";
    if (h->blob_open(h->ctx, b->digest, &s) == WESS_OK) {
        if (h->blob_get(s, first, sizeof(first)) < 0)
            first[0] = 0;
        h->blob_close(s);
    }
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (!memcmp(first, formats[i].magic, strlen(formats[i].magic)))
            return formats[i].media;
    return "image/jpeg";
}

static void put_file(struct wess_call *call, struct xml_out *x, const struct wess_blob *b)
{
    xml_open(x, "t:FileAttachment");
    xml_element(x, "t:Name", NAME);
    xml_element(x, "t:ContentType", media_of(call, b));
    xml_element(x, "t:IsInline", "false");
    xml_element(x, "t:IsContactPhoto", "true");
    xml_open(x, "t:Content");
    put_content(call, x, b);
    xml_close(x);
    xml_close(x);
}

bool ews_put_photo(struct ews_put *p, const struct ews_field *e)
{
    const struct wess_field *f = ews_field_of(&p->op->item, e->name);
    if (ews_is_empty(f) || f->type != WESS_BLOB)
        return false;
    xml_open(p->x, "t:Attachments");
    put_file(p->call, p->x, &f->blob);
    xml_close(p->x);
    return true;
}

/* ---- writing
 * ------------------------------------------------------------------------------------------ */

struct changing {
    struct wess_call *call;
    struct wess_result *out;
    const char *id;
    struct wess_vec old; /* ids of the pictures that it has, const char * */
    const char *newest;  /* of these, for one that is finished */
    enum wess_code code; /* of the message at hand */
    struct wess_error error;
    bool untried, finishes;
};

static enum wess_code take_old(void *ctx, size_t i, size_t at, const xmlNode *m,
                               struct wess_error *e)
{
    struct changing *c = ctx;
    const struct wess_host *h = c->call->conn->host;
    const xmlNode *item = xml_first(xml_child(m, "Items"));
    const char *key = xml_attr(xml_child(item, "ItemId"), "ChangeKey");
    (void)i;
    if (at)
        return WESS_OK;
    c->code = ews_message_item(m, false, e);
    c->error = *e;
    if (c->code == WESS_OK && (!key || !c->out->revision || strcmp(key, c->out->revision)))
        c->code = WESS_CONFLICT;
    size_t n;
    const char *newest = newest_of(item, &n);
    for (const xmlNode *a = xml_first(xml_child(item, "Attachments")); a; a = xml_next(a)) {
        const char **id =
            is_photo(a) && id_of(a) ? wess_vec_push(h, c->call->arena, &c->old) : NULL;
        if (id)
            *id = wess_arena_text(h, c->call->arena, id_of(a));
        if (is_photo(a) && id_of(a) && (!id || !*id))
            return wess_fail(e, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "out of memory");
        if (id && id_of(a) == newest)
            c->newest = *id;
    }
    return WESS_OK;
}

/* Its pictures, and whether it is still what was just written, or compared. */
static enum wess_code look(struct changing *c)
{
    const struct ews_taker taker = {.ctx = c, .message = take_old};
    struct xml_out x;
    c->code = WESS_TRANSIENT;
    ews_begin(c->call->conn, &x, c->call->conn->impersonate);
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
    ews_item_id(&x, c->id, NULL);
    xml_close(&x);
    xml_close(&x);
    return ews_ask(c->call, &x, false, &taker);
}

/* Both answers name the item's new ChangeKey, each in a place of its own. */
static enum wess_code take_done(void *ctx, size_t i, size_t at, const xmlNode *m,
                                struct wess_error *e)
{
    struct changing *c = ctx;
    const xmlNode *made = xml_child(xml_first(xml_child(m, "Attachments")), "AttachmentId");
    const char *key = xml_attr(made ? made : xml_child(m, "RootItemId"), "RootItemChangeKey");
    (void)i;
    enum wess_code code = ews_message_item(m, true, e);
    /* Of several the last key is the item's; one that is gone already is as it should be. */
    if (!at || (code != WESS_OK && code != WESS_GONE)) {
        c->code = code;
        c->error = *e;
    }
    if (code != WESS_OK)
        return WESS_OK;
    c->out->revision = key && *key && strlen(key) <= WESS_ID_MAX
                           ? wess_arena_text(c->call->conn->host, c->call->arena, key)
                           : NULL;
    return WESS_OK;
}

static void end_done(void *ctx, size_t i, struct ews_answer *a)
{
    (void)i;
    ((struct changing *)ctx)->untried = a->untried;
}

static enum wess_code send(struct changing *c, struct xml_out *x)
{
    const struct ews_taker taker = {.ctx = c, .message = take_done, .done = end_done};
    c->code = WESS_UNKNOWN;
    c->untried = true; /* until it is on the wire */
    return ews_ask(c->call, x, true, &taker);
}

static enum wess_code add(struct changing *c, const struct wess_blob *b)
{
    struct xml_out x;
    ews_begin(c->call->conn, &x, c->call->conn->impersonate);
    xml_open(&x, "m:CreateAttachment");
    xml_open(&x, "m:ParentItemId");
    xml_put_attr(&x, "Id", c->id);
    xml_put_attr(&x, "ChangeKey", c->out->revision);
    xml_close(&x);
    xml_open(&x, "m:Attachments");
    put_file(c->call, &x, b);
    xml_close(&x);
    xml_close(&x);
    return send(c, &x);
}

static enum wess_code take_away(struct changing *c)
{
    struct xml_out x;
    const char *const *ids = c->old.of;
    ews_begin(c->call->conn, &x, c->call->conn->impersonate);
    xml_open(&x, "m:DeleteAttachment");
    xml_open(&x, "m:AttachmentIds");
    for (size_t i = 0; i < c->old.n; i++) {
        if (c->finishes && ids[i] == c->newest)
            continue;
        xml_open(&x, "t:AttachmentId");
        xml_put_attr(&x, "Id", ids[i]);
        xml_close(&x);
    }
    xml_close(&x);
    xml_close(&x);
    return send(c, &x);
}

/* What one step came to. `wrote`: something of this op stands already, so that a step that was not
 * taken does not mean that nothing was. */
static bool stepped(struct changing *c, bool wrote)
{
    const struct wess_host *h = c->call->conn->host;
    if (c->untried && c->code == WESS_UNKNOWN) /* no answer says otherwise */
        c->code = wrote ? WESS_UNKNOWN : WESS_NOT_TRIED;
    if (c->code == WESS_OK || c->code == WESS_GONE)
        return true;
    if (c->code == WESS_REJECTED || c->code == WESS_TOO_BIG) {
        ews_refuse(c->call, c->out, "photo", "Exchange does not take this picture",
                   wess_arena_text(h, c->call->arena, c->error.remote_code));
        return false;
    }
    c->out->code = c->code;
    c->out->remote_code = wess_arena_text(h, c->call->arena, c->error.remote_code);
    c->out->text = wess_arena_text(h, c->call->arena, c->error.text);
    return false;
}

/* Cut off behind the new one: if that is the one that was written, those before it go. */
static enum wess_code finish(struct changing *c, const struct wess_field *want)
{
    struct wess_blob now;
    enum wess_code told = WESS_GONE;
    enum wess_code rc = c->old.n > 1 && !ews_is_empty(want)
                            ? ews_fetch_file(c->call, c->newest, &now, &told)
                            : WESS_OK;
    if (rc != WESS_OK)
        return rc;
    if (told != WESS_OK || now.size != want->blob.size ||
        strcmp(now.digest, want->blob.digest) != 0) {
        c->out->code = WESS_CONFLICT;
        return WESS_OK;
    }
    c->finishes = true;
    rc = take_away(c);
    stepped(c, true);
    return rc;
}

enum wess_code ews_write_photo(struct wess_call *call, const struct wess_op *op,
                               struct wess_result *out)
{
    const struct wess_field *want = ews_field_of(&op->item, "photo");
    const char *before = op->before && op->before->revision ? op->before->revision : "";
    struct changing c = {.call = call, .out = out, .old = {.size = sizeof(const char *)}};
    c.id = out->id ? out->id : op->item.id ? op->item.id : op->before ? op->before->id : NULL;
    if (!want || !c.id)
        return WESS_OK;
    bool wrote = !out->revision || strcmp(out->revision, before) != 0;
    enum wess_code rc = look(&c);
    if (c.code != WESS_OK) {
        /* Whatever was wrong, the picture was not written: merged again where the rest was. */
        out->code = c.code == WESS_GONE ? WESS_GONE : wrote ? WESS_CONFLICT : c.code;
        return rc;
    }
    if (ews_finishes(op))
        return finish(&c, want);
    if (!ews_is_empty(want)) {
        rc = add(&c, &want->blob);
        if (c.code != WESS_OK || rc != WESS_OK) {
            if (c.code == WESS_GONE)
                c.code = WESS_CONFLICT;
            /* It was the item's revision just now: this may be the answer to our own request, which
             * was carried out twice. What is there says so. */
            if (c.code == WESS_CONFLICT)
                c.code = WESS_UNKNOWN;
            stepped(&c, wrote);
            return rc;
        }
        wrote = true;
    }
    if (!c.old.n)
        return rc;
    rc = take_away(&c);
    if (!stepped(&c, wrote) && out->n_refused && !ews_is_empty(want)) {
        /* The new one is there all the same, and counts. */
        *out = (struct wess_result){.code = WESS_OK, .id = out->id, .request = out->request};
        call->conn->host->log(call->conn->host->ctx, WESS_LOG_WARN,
                              "the picture before this one could not be taken off a contact");
    }
    return rc;
}
