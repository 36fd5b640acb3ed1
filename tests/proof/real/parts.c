#include "parts.h"

#include <nettle/base64.h>
#include <stdlib.h>
#include <string.h>

bool part_is(const char *field)
{
    return field && (!strcmp(field, PART_PHOTO) || !strcmp(field, PART_FILE));
}

static bool is_one(const struct ex_attachment *a, const char *field)
{
    return !strcmp(field, PART_PHOTO) ? a->photo : !a->photo && !strcmp(a->name, PART_FILE_NAME);
}

static char *decoded(const char *base64, size_t *len)
{
    struct base64_decode_ctx ctx;
    size_t in = strlen(base64);
    char *out = calloc(1, BASE64_DECODE_LENGTH(in) + 1);
    *len = BASE64_DECODE_LENGTH(in);
    base64_decode_init(&ctx);
    if (out && base64_decode_update(&ctx, len, (uint8_t *)out, in, base64) &&
        base64_decode_final(&ctx))
        return out;
    free(out);
    return NULL;
}

bool part_set(struct ex_mailbox *m, struct ex_item *i, const char *field, const char *base64)
{
    bool photo = !strcmp(field, PART_PHOTO);
    const char *name = photo ? "ContactPicture.jpg" : PART_FILE_NAME;
    size_t len = 0;
    char *bytes = *base64 ? decoded(base64, &len) : NULL;
    if (*base64 && !bytes)
        return false;
    ex_detach(i, name);
    if (bytes) {
        ex_attach(i, name, bytes, len);
        i->attachments[i->n_attachments - 1].photo = photo;
    }
    ex_item_touch(m, i);
    return true;
}

char *part_shown(const struct ex_item *i, const char *field)
{
    const struct ex_attachment *best = NULL;
    size_t n = 0;
    for (size_t k = 0; k < i->n_attachments; k++) {
        const struct ex_attachment *a = &i->attachments[k];
        if (!is_one(a, field))
            continue;
        n++;
        if (!best || a->modified_ms >= best->modified_ms)
            best = a;
    }
    if (!best)
        return NULL;
    size_t len = BASE64_ENCODE_RAW_LENGTH(best->len);
    char *text = calloc(1, len + n + 1);
    if (!text)
        abort();
    base64_encode_raw(text, best->len, (const uint8_t *)best->bytes);
    memset(text + len, '+', n - 1);
    return text;
}

/* ---- in the CRM, on a note of the record
 * ------------------------------------------------------------------------------------------ */

char *part_on_notes(const struct wb_record *p)
{
    const struct wb_set *s = &wb_sets[WB_UPLOADS];
    const struct wb_record *of;
    const char *name, *first = NULL;
    size_t len = 0, more = 0, n = 0;
    for (size_t i = 0; i < s->n; i++) {
        const char *bytes = wb_file_bytes(&s->rows[i], &name, &more, &of);
        if (!bytes || of != p || strcmp(name, PART_FILE_NAME) != 0)
            continue;
        len = n++ ? len : more;
        first = first ? first : bytes;
    }
    char *text = n ? calloc(1, BASE64_ENCODE_RAW_LENGTH(len) + n + 1) : NULL;
    if (!text)
        return NULL;
    base64_encode_raw(text, len, (const uint8_t *)first);
    memset(text + strlen(text), '+', n - 1);
    return text;
}

static const struct wb_record *note_of(const struct wb_record *p)
{
    const struct wb_set *s = &wb_sets[WB_NOTES];
    for (size_t i = 0; i < s->n; i++) {
        const char *id = wb_value(&s->rows[i], "resource_id");
        const char *type = wb_value(&s->rows[i], "resource_type");
        if (!wb_is_gone(&s->rows[i]) && id && type && strtoll(id, NULL, 10) == p->id &&
            !strcmp(type, p->of->class))
            return &s->rows[i];
    }
    return NULL;
}

/* As a person does, on the note that is there; which is no change of the record. */
bool part_on_note(const struct wb_record *p, const char *base64)
{
    const struct wb_record *note = note_of(p);
    struct sb_buf q = {0}, out = {0};
    size_t len = 0;
    char *bytes = decoded(base64, &len);
    if (!note || !bytes)
        return free(bytes), false;
    sb_buf_fmt(&q, "of=notes&id=%lld&name=" PART_FILE_NAME "&text=", (long long)note->id);
    for (size_t i = 0; i < len; i++)
        sb_buf_fmt(&q, "%%%02X", (unsigned char)bytes[i]);
    bool ok = sb_workbooks.control("attach", q.data, &out);
    sb_buf_free(&q);
    sb_buf_free(&out);
    free(bytes);
    return ok;
}

void part_list(const struct ex_item *i, struct sb_buf *b)
{
    for (size_t k = 0; k < i->n_attachments; k++)
        sb_buf_fmt(b, " <%s %zu>", i->attachments[k].name, i->attachments[k].len);
}
