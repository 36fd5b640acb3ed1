/* Attachments of items (section 13), of which one may be the picture of a contact. */
#include <nettle/base64.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "exchange_ops.h"

/* ---- the store
 * ------------------------------------------------------------------------------------------ */

static void attachment_free(struct ex_attachment *a)
{
    free(a->id);
    free(a->name);
    free(a->type);
    free(a->element);
    free(a->bytes);
    *a = (struct ex_attachment){0};
}

void ex_attach_free(struct ex_item *i)
{
    for (size_t k = 0; k < i->n_attachments; k++)
        attachment_free(&i->attachments[k]);
    free(i->attachments);
    i->attachments = NULL;
    i->n_attachments = 0;
}

/* An id is of its item and a number; it holds what it is of, as the real ones do. */
static struct ex_attachment *attach(struct ex_item *i)
{
    static unsigned long n;
    struct ex_attachment *more =
        realloc(i->attachments, (i->n_attachments + 1) * sizeof(*i->attachments));
    struct sb_buf id = {0};
    if (!more)
        abort();
    i->attachments = more;
    more += i->n_attachments++;
    sb_buf_fmt(&id, "%.110sBBAQ%08lx", i->id, ++n);
    *more = (struct ex_attachment){.id = id.data, .modified_ms = sb_now_ms()};
    return more;
}

static void set_bytes(struct ex_attachment *a, const void *bytes, size_t len)
{
    a->bytes = malloc(len + 1);
    if (!a->bytes)
        abort();
    if (len)
        memcpy(a->bytes, bytes, len);
    a->len = len;
}

void ex_attach_copy(struct ex_item *to, const struct ex_item *from)
{
    for (size_t k = 0; k < from->n_attachments; k++) {
        const struct ex_attachment *f = &from->attachments[k];
        struct ex_attachment *a = attach(to);
        ex_set(&a->name, f->name);
        ex_set(&a->type, f->type);
        ex_set(&a->element, f->element);
        a->photo = f->photo;
        a->inlined = f->inlined;
        a->modified_ms = f->modified_ms;
        set_bytes(a, f->bytes, f->len);
    }
}

static struct ex_item *item_with(struct ex_mailbox *m, const char *id, size_t *at)
{
    for (size_t k = 0; id && k < m->n_items; k++)
        for (*at = 0; *at < m->items[k]->n_attachments; ++*at)
            if (!strcmp(m->items[k]->attachments[*at].id, id))
                return m->items[k];
    return NULL;
}

static void detach(struct ex_item *i, size_t at)
{
    attachment_free(&i->attachments[at]);
    memmove(i->attachments + at, i->attachments + at + 1,
            (i->n_attachments - at - 1) * sizeof(*i->attachments));
    i->n_attachments--;
}

void ex_attach(struct ex_item *i, const char *name, char *bytes, size_t len)
{
    struct ex_attachment *a = attach(i);
    ex_set(&a->name, name);
    a->bytes = bytes;
    a->len = len;
}

void ex_detach(struct ex_item *i, const char *name)
{
    for (size_t k = i->n_attachments; name && k-- > 0;)
        if (!strcmp(i->attachments[k].name, name))
            detach(i, k);
}

void ex_attach_digest(const struct ex_attachment *a, char out[65])
{
    struct sha256_ctx ctx;
    uint8_t sum[SHA256_DIGEST_SIZE];
    sha256_init(&ctx);
    sha256_update(&ctx, a->len, (const uint8_t *)a->bytes);
    sha256_digest(&ctx, sizeof(sum), sum);
    for (size_t k = 0; k < sizeof(sum); k++)
        snprintf(out + 2 * k, 3, "%02x", sum[k]);
}

bool ex_attach_has(const struct ex_item *i)
{
    for (size_t k = 0; k < i->n_attachments; k++)
        if (!i->attachments[k].inlined)
            return true;
    return false;
}

/* ---- taking one in
 * ------------------------------------------------------------------------------------------ */

static bool decode(const char *text, uint8_t **out, size_t *len)
{
    struct base64_decode_ctx ctx;
    size_t in = strlen(text);
    *len = BASE64_DECODE_LENGTH(in);
    *out = calloc(1, *len + 1);
    if (!*out)
        abort();
    base64_decode_init(&ctx);
    return base64_decode_update(&ctx, len, *out, in, text) && base64_decode_final(&ctx);
}

static bool is_boolean(const xmlNode *n)
{
    char *text = ex_text(n);
    bool ok = !n || (text && (!strcmp(text, "true") || !strcmp(text, "false") ||
                              !strcmp(text, "0") || !strcmp(text, "1")));
    xmlFree(text);
    return ok;
}

static bool says_yes(const xmlNode *n)
{
    char *text = ex_text(n);
    bool yes = text && (!strcmp(text, "true") || !strcmp(text, "1"));
    xmlFree(text);
    return yes;
}

static const char *take_file(struct ex_item *i, const xmlNode *n)
{
    long most = atol(sb_switch("attachment_bytes", "0"));
    char *name = ex_text(ex_child(n, "Name")), *type = ex_text(ex_child(n, "ContentType"));
    char *text = ex_text(ex_child(n, "Content"));
    uint8_t *bytes = NULL;
    size_t len = 0;
    const char *error = NULL;
    if (strcmp((const char *)n->name, "FileAttachment"))
        error = "ErrorInvalidOperation"; /* nobody who may be tried here attaches items */
    else if (!is_boolean(ex_child(n, "IsInline")) || !is_boolean(ex_child(n, "IsContactPhoto")) ||
             ex_child(n, "AttachmentId") || !text || !decode(text, &bytes, &len))
        error = "ErrorSchemaValidation";
    else if (!name || !*name)
        error = "ErrorRequiredPropertyMissing";
    else if (most && len > (size_t)most)
        error = "ErrorAttachmentSizeLimitExceeded";
    if (!error) {
        struct ex_attachment *a = attach(i);
        ex_set(&a->name, name);
        ex_set(&a->type, type);
        a->photo = says_yes(ex_child(n, "IsContactPhoto"));
        a->inlined = says_yes(ex_child(n, "IsInline"));
        set_bytes(a, bytes, len);
    }
    free(bytes);
    xmlFree(name);
    xmlFree(type);
    xmlFree(text);
    return error;
}

const char *ex_attach_take(struct ex_item *i, const xmlNode *attachments)
{
    const char *error = NULL;
    for (const xmlNode *n = ex_first(attachments); n && !error; n = ex_next(n))
        error = take_file(i, n);
    return error;
}

/* ---- showing them
 * ------------------------------------------------------------------------------------------ */

static void put(struct sb_buf *b, const char *name, const char *text)
{
    sb_buf_fmt(b, "<t:%s>", name);
    ex_escape(b, text);
    sb_buf_fmt(b, "</t:%s>", name);
}

/* Its bytes, in base64. */
static void put_bytes(struct sb_buf *b, const char *name, const struct ex_attachment *a)
{
    char *text = calloc(1, BASE64_ENCODE_RAW_LENGTH(a->len) + 1);
    if (!text)
        abort();
    base64_encode_raw(text, a->len, (const uint8_t *)a->bytes);
    put(b, name, text);
    free(text);
}

/* An item within one comes with its MIME where that is asked for, else with what it is named. */
static void write_item(struct sb_buf *b, const struct ex_attachment *a, bool mime)
{
    sb_buf_fmt(b, "<t:%s>", a->element);
    if (mime)
        put_bytes(b, "MimeContent", a);
    put(b, "Subject", a->name);
    sb_buf_fmt(b, "</t:%s>", a->element);
}

static void write_one(struct sb_buf *b, const struct ex_attachment *a, const char *root,
                      bool content, bool mime)
{
    const char *element = a->element ? "ItemAttachment" : "FileAttachment";
    char when[32];
    time_t s = (time_t)(a->modified_ms / 1000);
    struct tm tm;
    gmtime_r(&s, &tm);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm); /* of one's own zone, without a word */
    sb_buf_fmt(b, "<t:%s><t:AttachmentId Id=\"%s\"%s/>", element, a->id, root);
    put(b, "Name", a->name);
    if (a->type)
        put(b, "ContentType", a->type);
    if (!content) {
        sb_buf_fmt(b, "<t:Size>%zu</t:Size>", a->len + 312); /* with its properties */
        put(b, "LastModifiedTime", when);
        put(b, "IsInline", a->inlined ? "true" : "false");
    }
    if (!a->element)
        put(b, "IsContactPhoto", a->photo ? "true" : "false");
    if (content && a->element)
        write_item(b, a, mime);
    else if (content)
        put_bytes(b, "Content", a);
    sb_buf_fmt(b, "</t:%s>", element);
}

void ex_attach_list(struct sb_buf *b, const struct ex_item *i)
{
    if (!i->n_attachments)
        return;
    sb_buf_str(b, "<t:Attachments>");
    for (size_t k = 0; k < i->n_attachments; k++)
        write_one(b, &i->attachments[k], "", false, false);
    sb_buf_str(b, "</t:Attachments>");
}

/* The picture that a person sees: the newest. */
static const struct ex_attachment *photo_of(const struct ex_item *i)
{
    const struct ex_attachment *best = NULL;
    for (size_t k = 0; k < i->n_attachments; k++)
        if (i->attachments[k].photo &&
            (!best || i->attachments[k].modified_ms >= best->modified_ms))
            best = &i->attachments[k];
    return best;
}

size_t ex_attach_photo(const struct ex_item *i, char digest[65])
{
    const struct ex_attachment *a = photo_of(i);
    size_t n = 0;
    for (size_t k = 0; k < i->n_attachments; k++)
        n += i->attachments[k].photo;
    if (!a)
        return 0;
    ex_attach_digest(a, digest);
    return n;
}

/* ---- operations
 * ------------------------------------------------------------------------------------------ */

/* What becomes of the item: its new ChangeKey, in the attributes of that name. */
static void root_of(const struct ex_item *i, struct sb_buf *out)
{
    char key[64];
    ex_change_key(i, key);
    sb_buf_fmt(out, " RootItemId=\"%s\" RootItemChangeKey=\"%s\"", i->id, key);
}

static bool is_stale(const struct ex_item *i, const xmlNode *id)
{
    char key[64], *given = ex_attr(id, "ChangeKey");
    ex_change_key(i, key);
    bool stale = given && strcmp(given, key) != 0;
    xmlFree(given);
    return stale;
}

void ex_create_attachment(struct ex_call *c)
{
    static const char message[] = "CreateAttachmentResponseMessage";
    const xmlNode *parent = ex_child(c->op, "ParentItemId");
    const xmlNode *list = ex_child(c->op, "Attachments");
    char *id = ex_attr(parent, "Id");
    struct ex_item *i = ex_item(c->mailbox, id);
    int64_t at = 0;
    xmlFree(id);
    if (!ex_first(list))
        ex_begin(c, message, "ErrorSchemaValidation");
    for (const xmlNode *n = ex_first(list); n; n = ex_next(n), at++) {
        const char *error = ex_stops(c, at);
        if (!error)
            error = !i                           ? "ErrorItemNotFound"
                    : !at && is_stale(i, parent) ? "ErrorIrresolvableConflict"
                    : c->fault == SB_FAULT_REFUSE_ITEM && c->fault_arg == at
                        ? "ErrorAttachmentSizeLimitExceeded"
                        : take_file(i, n);
        ex_begin(c, message, error);
        if (error)
            continue;
        ex_item_touch(c->mailbox, i);
        struct sb_buf root = {0};
        root_of(i, &root);
        sb_buf_fmt(c->out,
                   "<m:Attachments><t:FileAttachment><t:AttachmentId Id=\"%s\"%s/>"
                   "</t:FileAttachment></m:Attachments>",
                   i->attachments[i->n_attachments - 1].id, root.data);
        sb_buf_free(&root);
        ex_end(c, message);
    }
}

void ex_get_attachment(struct ex_call *c)
{
    static const char message[] = "GetAttachmentResponseMessage";
    bool mime = says_yes(ex_child(ex_child(c->op, "AttachmentShape"), "IncludeMimeContent"));
    for (const xmlNode *n = ex_first(ex_child(c->op, "AttachmentIds")); n; n = ex_next(n)) {
        size_t at = 0;
        char *id = ex_attr(n, "Id");
        const struct ex_item *i = item_with(c->mailbox, id, &at);
        xmlFree(id);
        const char *element = i ? i->attachments[at].element : NULL;
        const char *error = !i ? "ErrorInvalidAttachmentId"
                            : element && mime && !strcmp(element, "Task")
                                ? "ErrorUnsupportedMimeConversion"
                                : NULL;
        ex_begin(c, message, error);
        if (error)
            continue;
        sb_buf_str(c->out, "<m:Attachments>");
        write_one(c->out, &i->attachments[at], "", true, mime);
        sb_buf_str(c->out, "</m:Attachments>");
        ex_end(c, message);
    }
}

void ex_delete_attachment(struct ex_call *c)
{
    static const char message[] = "DeleteAttachmentResponseMessage";
    for (const xmlNode *n = ex_first(ex_child(c->op, "AttachmentIds")); n; n = ex_next(n)) {
        size_t at = 0;
        char *id = ex_attr(n, "Id");
        struct ex_item *i = item_with(c->mailbox, id, &at);
        xmlFree(id);
        ex_begin(c, message, i ? NULL : "ErrorInvalidAttachmentId");
        if (!i)
            continue;
        detach(i, at);
        ex_item_touch(c->mailbox, i);
        struct sb_buf root = {0};
        root_of(i, &root);
        sb_buf_fmt(c->out, "<m:RootItemId%s/>", root.data);
        sb_buf_free(&root);
        ex_end(c, message);
    }
}

/* ---- as a person would
 * ------------------------------------------------------------------------------------------ */

/* photo=BASE64, or bytes=N for so many of them; neither: it is taken off. */
bool ex_attach_control(struct ex_item *i, const char *query)
{
    char *text = sb_param(query, "photo", 0), *count = sb_param(query, "bytes", 0);
    uint8_t *bytes = NULL;
    size_t len = 0;
    bool ok = true;
    for (size_t k = i->n_attachments; k-- > 0;)
        if (i->attachments[k].photo)
            detach(i, k);
    if (text && *text) {
        ok = decode(text, &bytes, &len);
    } else if (count) {
        len = (size_t)atol(count);
        bytes = calloc(1, len + 4);
        if (!bytes)
            abort();
        for (size_t k = 0; k < len; k++)
            bytes[k] = (uint8_t)(k * 37 + (k >> 8));
        if (len > 3)
            memcpy(bytes, "\xff\xd8\xff", 3);
    }
    if (ok && bytes) {
        struct ex_attachment *a = attach(i);
        ex_set(&a->name, "ContactPicture.jpg");
        ex_set(&a->type, "image/jpeg");
        a->photo = true;
        set_bytes(a, bytes, len);
    }
    free(bytes);
    free(text);
    free(count);
    return ok;
}
