#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fuzz_broken(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}

/* ---- input -------------------------------------------------------------------------------------
 */

unsigned fuzz_pick(struct fuzz_in *in, unsigned n)
{
    if (!in->left || n < 2)
        return 0;
    in->left--;
    return *in->at++ % n;
}

char *fuzz_copy(const uint8_t *data, size_t size)
{
    char *out = malloc(size + 1);
    if (!out)
        abort();
    if (size)
        memcpy(out, data, size);
    out[size] = 0;
    return out;
}

char *fuzz_text(struct fuzz_in *in)
{
    const uint8_t *end = in->left ? memchr(in->at, 0, in->left) : NULL;
    size_t len = end ? (size_t)(end - in->at) : in->left;
    char *out = fuzz_copy(in->at, len);
    in->at += len + (end != NULL);
    in->left -= len + (end != NULL);
    return out;
}

/* ---- what must hold ----------------------------------------------------------------------------
 */

bool fuzz_is_utf8(const char *text, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    for (size_t i = 0; i < len;) {
        unsigned char c = (unsigned char)text[i++];
        size_t more = c < 0x80 ? 0 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
        uint32_t point = more ? c & (0x3fu >> more) : c;
        if ((c >= 0x80 && c < 0xc2) || c > 0xf4 || more > len - i)
            return false;
        for (size_t k = 0; k < more; k++, i++) {
            if (((unsigned char)text[i] & 0xc0) != 0x80)
                return false;
            point = point << 6 | ((unsigned char)text[i] & 0x3fu);
        }
        if (more &&
            (point < least[more + 1] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)))
            return false;
    }
    return true;
}

static void text_holds(const char *text)
{
    HOLDS(text && fuzz_is_utf8(text, strlen(text)));
}

void fuzz_error_holds(const struct wess_error *e)
{
    HOLDS(memchr(e->text, 0, sizeof(e->text)));
    HOLDS(memchr(e->remote_code, 0, sizeof(e->remote_code)));
    HOLDS(e->scope <= WESS_OF_HOST);
    HOLDS(e->retry_after_ms >= 0);
    text_holds(e->text);
    text_holds(e->remote_code);
    for (const char *s = e->text; *s; s++)
        HOLDS((unsigned char)*s >= 0x20); /* one line */
}

static void value_holds(const struct wess_field *f)
{
    switch ((enum wess_type)f->type) {
    case WESS_DECIMAL:
    case WESS_TEXT:
    case WESS_DATE:
        HOLDS(f->str.data && f->str.len <= WESS_INLINE_MAX);
        HOLDS(fuzz_is_utf8(f->str.data, f->str.len) && !memchr(f->str.data, 0, f->str.len));
        break;
    case WESS_SET:
        for (size_t i = 0; i < f->set.n; i++) {
            text_holds(f->set.of[i]);
            HOLDS(!i || strcmp(f->set.of[i - 1], f->set.of[i]) < 0);
        }
        break;
    case WESS_RECORDS:
        for (size_t i = 0; i < f->records.n; i++) {
            text_holds(f->records.of[i].key);
            HOLDS(*f->records.of[i].key);
            for (size_t k = 0; k < i; k++)
                HOLDS(strcmp(f->records.of[i].key, f->records.of[k].key) != 0);
            fuzz_fields_hold(f->records.of[i].fields, f->records.of[i].n);
        }
        break;
    case WESS_BLOB:
        text_holds(f->blob.digest);
        break;
    case WESS_NULL:
    case WESS_BOOL:
    case WESS_INT:
    case WESS_TIME:
    case WESS_LINK:
        break;
    }
}

void fuzz_fields_hold(const struct wess_field *f, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        text_holds(f[i].name);
        HOLDS(f[i].type <= WESS_RECORDS);
        for (size_t k = 0; k < i; k++)
            HOLDS(strcmp(f[i].name, f[k].name) != 0);
        value_holds(&f[i]);
    }
}

void fuzz_item_holds(const struct wess_item *item)
{
    text_holds(item->id);
    HOLDS(*item->id && strlen(item->id) <= WESS_ID_MAX);
    if (item->revision)
        text_holds(item->revision);
    text_holds(item->kind);
    for (size_t i = 0; i < item->n_keys; i++) {
        text_holds(item->keys[i].space);
        text_holds(item->keys[i].id);
        HOLDS(*item->keys[i].id);
    }
    for (size_t i = 0; i < item->n_facts; i++) {
        text_holds(item->facts[i].name);
        text_holds(item->facts[i].value);
    }
    for (size_t i = 0; i < item->tags.n; i++)
        text_holds(item->tags.of[i]);
    HOLDS((item->flags & WESS_ITEM_WHOLE) || !item->n_fields);
    fuzz_fields_hold(item->fields, item->n_fields);
}
