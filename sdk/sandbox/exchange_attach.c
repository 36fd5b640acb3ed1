/* Files attached to items (section 13): names with the item, bytes by operations of their own, each
 * of which makes the item another one. */
#include <nettle/base64.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exchange_ops.h"

static unsigned long counter;

static struct ex_attachment *room(struct ex_item *i)
{
    i->attachments = realloc(i->attachments, (i->n_attachments + 1) * sizeof(*i->attachments));
    if (!i->attachments)
        abort();
    struct ex_attachment *a = &i->attachments[i->n_attachments++];
    *a = (struct ex_attachment){0};
    if (asprintf(&a->id, "AAMkAGRmZWQ0Att%08lu=", ++counter) < 0)
        abort();
    return a;
}

static void drop(struct ex_attachment *a)
{
    free(a->id);
    free(a->name);
    free(a->type);
    free(a->data);
}

void ex_attach_free(struct ex_item *i)
{
    for (size_t k = 0; k < i->n_attachments; k++)
        drop(&i->attachments[k]);
    free(i->attachments);
    i->attachments = NULL;
    i->n_attachments = 0;
}

void ex_attach_copy(struct ex_item *to, const struct ex_item *from)
{
    for (size_t k = 0; k < from->n_attachments; k++) {
        const struct ex_attachment *f = &from->attachments[k];
        struct ex_attachment *a = room(to);
        ex_set(&a->name, f->name);
        ex_set(&a->type, f->type);
        a->inlined = f->inlined;
        a->len = f->len;
        a->data = malloc(f->len + 1);
        if (!a->data)
            abort();
        memcpy(a->data, f->data, f->len + 1);
    }
}

void ex_attach(struct ex_item *i, const char *name, char *data, size_t len)
{
    struct ex_attachment *a = room(i);
    ex_set(&a->name, name);
    a->data = data;
    a->len = len;
}

static void take_out(struct ex_item *i, size_t at)
{
    drop(&i->attachments[at]);
    memmove(i->attachments + at, i->attachments + at + 1,
            (i->n_attachments - at - 1) * sizeof(*i->attachments));
    i->n_attachments--;
}

void ex_detach(struct ex_item *i, const char *name)
{
    for (size_t k = i->n_attachments; name && k-- > 0;)
        if (!strcmp(i->attachments[k].name, name))
            take_out(i, k);
}

void ex_attach_digest(const struct ex_attachment *a, char out[65])
{
    struct sha256_ctx ctx;
    uint8_t md[SHA256_DIGEST_SIZE];
    sha256_init(&ctx);
    sha256_update(&ctx, a->len, (const uint8_t *)a->data);
    sha256_digest(&ctx, sizeof(md), md);
    for (size_t k = 0; k < sizeof(md); k++)
        snprintf(out + 2 * k, 3, "%02x", md[k]);
}

/* ---- on the wire
 * ------------------------------------------------------------------------------------------ */

static void put(struct sb_buf *b, const char *element, const char *text)
{
    if (!text)
        return;
    sb_buf_fmt(b, "<t:%s>", element);
    ex_escape(b, text);
    sb_buf_fmt(b, "</t:%s>", element);
}

static void write_content(struct sb_buf *b, const struct ex_attachment *a)
{
    char *text = malloc(BASE64_ENCODE_RAW_LENGTH(a->len) + 1);
    if (!text)
        abort();
    base64_encode_raw(text, a->len, (const uint8_t *)a->data);
    sb_buf_str(b, "<t:Content>");
    sb_buf_add(b, text, BASE64_ENCODE_RAW_LENGTH(a->len));
    sb_buf_str(b, "</t:Content>");
    free(text);
}

static void write_one(struct sb_buf *b, const struct ex_attachment *a, bool content)
{
    sb_buf_fmt(b, "<t:FileAttachment><t:AttachmentId Id=\"%s\"/>", a->id);
    put(b, "Name", a->name);
    put(b, "ContentType", a->type);
    if (!content) /* somewhat more than its bytes */
        sb_buf_fmt(b, "<t:Size>%zu</t:Size><t:IsInline>%s</t:IsInline>", a->len + 300,
                   a->inlined ? "true" : "false");
    else
        write_content(b, a);
    sb_buf_str(b, "</t:FileAttachment>");
}

void ex_attach_write(struct sb_buf *b, const struct ex_item *i)
{
    if (!i->n_attachments)
        return;
    sb_buf_str(b, "<t:Attachments>");
    for (size_t k = 0; k < i->n_attachments; k++)
        write_one(b, &i->attachments[k], false);
    sb_buf_str(b, "</t:Attachments>");
}

bool ex_attach_has(const struct ex_item *i)
{
    for (size_t k = 0; k < i->n_attachments; k++)
        if (!i->attachments[k].inlined)
            return true;
    return false;
}

/* ---- the operations
 * ------------------------------------------------------------------------------------------ */

static struct ex_item *owner_of(struct ex_mailbox *m, const char *id, size_t *at)
{
    for (size_t k = 0; id && k < m->n_items; k++)
        for (size_t a = 0; a < m->items[k]->n_attachments; a++)
            if (!strcmp(m->items[k]->attachments[a].id, id)) {
                *at = a;
                return m->items[k];
            }
    return NULL;
}

static const char *take(struct ex_item *i, const xmlNode *n)
{
    char *name = ex_text(ex_child(n, "Name")), *type = ex_text(ex_child(n, "ContentType"));
    char *content = ex_text(ex_child(n, "Content")), *inlined = ex_text(ex_child(n, "IsInline"));
    size_t in = content ? strlen(content) : 0, len = BASE64_DECODE_LENGTH(in);
    struct base64_decode_ctx ctx;
    uint8_t *plain = calloc(1, len + 1);
    if (!plain)
        abort();
    base64_decode_init(&ctx);
    const char *error = strcmp((const char *)n->name, "FileAttachment") != 0
                            ? "ErrorInvalidOperation"
                        : !name || !*name ? "ErrorMissingInformation"
                        : !content || !base64_decode_update(&ctx, &len, plain, in, content) ||
                                !base64_decode_final(&ctx)
                            ? "ErrorSchemaValidation"
                            : NULL;
    if (!error) {
        struct ex_attachment *a = room(i);
        ex_set(&a->name, name);
        ex_set(&a->type, type);
        a->inlined = inlined && (!strcmp(inlined, "true") || !strcmp(inlined, "1"));
        a->data = (char *)plain;
        a->len = len;
    } else {
        free(plain);
    }
    xmlFree(name);
    xmlFree(type);
    xmlFree(content);
    xmlFree(inlined);
    return error;
}

void ex_create_attachment(struct ex_call *c)
{
    static const char message[] = "CreateAttachmentResponseMessage";
    char *id = ex_attr(ex_child(c->op, "ParentItemId"), "Id"), key[64];
    struct ex_item *i = ex_item(c->mailbox, id);
    int64_t at = 0;
    for (const xmlNode *n = ex_first(ex_child(c->op, "Attachments")); n; n = ex_next(n), at++) {
        bool refused = c->fault == SB_FAULT_REFUSE_ITEM && c->fault_arg == at;
        const char *error = !i        ? "ErrorItemNotFound"
                            : refused ? "ErrorAttachmentSizeLimitExceeded"
                                      : take(i, n);
        if (!error)
            ex_item_touch(c->mailbox, i);
        ex_begin(c, message, error);
        if (error)
            continue;
        ex_change_key(i, key);
        sb_buf_fmt(c->out,
                   "<m:Attachments><t:FileAttachment><t:AttachmentId Id=\"%s\" RootItemId=\"%s\" "
                   "RootItemChangeKey=\"%s\"/></t:FileAttachment></m:Attachments>",
                   i->attachments[i->n_attachments - 1].id, i->id, key);
        ex_end(c, message);
    }
    xmlFree(id);
}

void ex_get_attachment(struct ex_call *c)
{
    static const char message[] = "GetAttachmentResponseMessage";
    for (const xmlNode *n = ex_first(ex_child(c->op, "AttachmentIds")); n; n = ex_next(n)) {
        char *id = ex_attr(n, "Id");
        size_t at = 0;
        const struct ex_item *i = owner_of(c->mailbox, id, &at);
        xmlFree(id);
        ex_begin(c, message, i ? NULL : "ErrorInvalidAttachmentId");
        if (!i)
            continue;
        sb_buf_str(c->out, "<m:Attachments>");
        write_one(c->out, &i->attachments[at], true);
        sb_buf_str(c->out, "</m:Attachments>");
        ex_end(c, message);
    }
}

void ex_delete_attachment(struct ex_call *c)
{
    static const char message[] = "DeleteAttachmentResponseMessage";
    for (const xmlNode *n = ex_first(ex_child(c->op, "AttachmentIds")); n; n = ex_next(n)) {
        char *id = ex_attr(n, "Id"), key[64];
        size_t at = 0;
        struct ex_item *i = owner_of(c->mailbox, id, &at);
        xmlFree(id);
        ex_begin(c, message, i ? NULL : "ErrorInvalidAttachmentId");
        if (!i)
            continue;
        take_out(i, at);
        ex_item_touch(c->mailbox, i);
        ex_change_key(i, key);
        sb_buf_fmt(c->out, "<m:RootItemId RootItemId=\"%s\" RootItemChangeKey=\"%s\"/>", i->id,
                   key);
        ex_end(c, message);
    }
}
