/* The picture of a card: PHOTO of RFC 2426 (ENCODING=b) and RFC 6350 (a data: URI, RFC 2397). One
 * that is somewhere else, and told by its address alone, is passed by and kept as it is. */
#include <string.h>
#include <strings.h>

#include "edit.h"

#define PIECE 3072u /* bytes: a multiple of three, so that pieces of base64 follow each other */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* ---- where it is
 * ------------------------------------------------------------------------------------------ */

static bool is_word(struct wess_slice a, const char *b)
{
    return a.len == strlen(b) && !strncasecmp(a.data, b, a.len);
}

static bool is_base64_line(const struct line *l)
{
    struct lines_words w = lines_words(l);
    while (lines_next_word(&w))
        if ((!w.name.len || is_word(w.name, "ENCODING")) &&
            (is_word(w.word, "BASE64") || (w.name.len && is_word(w.word, "b"))))
            return true;
    return false;
}

/* Behind "data:image/jpeg;base64,". Some writers escape what stands in it as in a text. */
static bool data_of(struct wess_slice value, struct wess_slice *out)
{
    static const char coding[] = "base64";
    const char *p = value.data, *comma = value.len ? memchr(p, ',', value.len) : NULL;
    if (!comma || value.len < 5 || strncasecmp(p, "data:", 5))
        return false;
    const char *end = comma > p && comma[-1] == '\\' ? comma - 1 : comma;
    size_t len = sizeof(coding) - 1;
    if ((size_t)(end - p) < len + 6 || strncasecmp(end - len, coding, len) ||
        *(end - len - 1) != ';')
        return false;
    *out = (struct wess_slice){comma + 1, value.len - (size_t)(comma + 1 - p)};
    return true;
}

static int value_of(char c)
{
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_base64(struct wess_slice s)
{
    const char *p = s.data;
    size_t n = 0, padding = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (is_blank(p[i]))
            continue;
        if (p[i] == '=' ? ++padding > 2 : value_of(p[i]) < 0 || padding)
            return false;
        n += p[i] != '=';
    }
    return n && n % 4 != 1 && (!padding || (n + padding) % 4 == 0);
}

/* The line whose picture is in the card; LINES_NONE: there is none. */
static size_t line_of(const struct lines *v, struct wess_slice *base64)
{
    for (size_t i = lines_find(v, "PHOTO", 0); i != LINES_NONE; i = lines_find(v, "PHOTO", i + 1)) {
        const struct line *l = &v->lines[i];
        *base64 = l->value;
        if ((is_base64_line(l) || data_of(l->value, base64)) && is_base64(*base64))
            return i;
    }
    return LINES_NONE;
}

/* ---- reading
 * ------------------------------------------------------------------------------------------ */

static bool put_all(const struct wess_host *h, struct wess_spool *s, struct wess_slice base64)
{
    const char *p = base64.data;
    unsigned char piece[PIECE];
    uint32_t bits = 0;
    unsigned n_bits = 0;
    size_t n = 0;
    for (size_t i = 0; i < base64.len; i++) {
        int value = value_of(p[i]);
        if (value < 0)
            continue;
        bits = bits << 6 | (uint32_t)value;
        n_bits += 6;
        if (n_bits < 8)
            continue;
        n_bits -= 8;
        piece[n++] = (unsigned char)(bits >> n_bits);
        if (n == PIECE && h->blob_put(s, piece, n) != WESS_OK)
            return false;
        n %= PIECE;
    }
    return !n || h->blob_put(s, piece, n) == WESS_OK;
}

static bool spool(struct wess_call *call, struct wess_slice base64, struct wess_blob *out)
{
    const struct wess_host *h = call->conn->host;
    struct wess_spool *s = NULL;
    if (h->blob_new(h->ctx, &s) != WESS_OK)
        return false;
    if (!put_all(h, s, base64)) {
        h->blob_close(s);
        return false;
    }
    return h->blob_done(s, call->arena, out) == WESS_OK;
}

bool vdir_photo(struct wess_call *call, const struct lines *v, struct wess_field *out)
{
    struct wess_slice base64;
    *out = (struct wess_field){.name = "photo", .type = WESS_NULL};
    if (line_of(v, &base64) == LINES_NONE)
        return true;
    out->type = WESS_BLOB;
    return spool(call, base64, &out->blob);
}

/* ---- writing
 * ------------------------------------------------------------------------------------------ */

/* What its first bytes say that it is. */
static const struct {
    const char *magic;
    size_t at, len;
    const char *type, *media;
} formats[] = {
    {"\xff\xd8\xff", 0, 3, "JPEG", "image/jpeg"},
    {"\x89PNG", 0, 4, "PNG", "image/png"},
    {"GIF8", 0, 4, "GIF", "image/gif"},
    {"WEBP", 8, 4, "WEBP", "image/webp"},
    {"BM", 0, 2, "BMP", "image/bmp"},
};
#define FORMATS (sizeof(formats) / sizeof(formats[0]))

static size_t format_of(const char *bytes, size_t len)
{
    size_t i = 0;
    while (i < FORMATS && (len < formats[i].at + formats[i].len ||
                           memcmp(bytes + formats[i].at, formats[i].magic, formats[i].len)))
        i++;
    return i;
}

/* Tells of the old picture, or how it was written. */
static bool is_of_old(struct wess_slice name)
{
    static const char *const names[] = {"ENCODING",  "TYPE",    "VALUE",
                                        "MEDIATYPE", "X-VALUE", "X-ABCROP-RECTANGLE"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (is_word(name, names[i]))
            return true;
    return false;
}

static void put_head(struct edit *e, const struct line *old)
{
    struct wess_slice rest = old ? old->params : (struct wess_slice){"", 0}, name, value;
    if (old && old->group.len) {
        lines_put(&e->text, old->group.data, old->group.len);
        lines_puts(&e->text, ".");
    }
    lines_puts(&e->text, "PHOTO");
    while (lines_next_param(&rest, &name, &value)) {
        if (!name.len || !value.len || is_of_old(name))
            continue;
        lines_puts(&e->text, ";");
        lines_put(&e->text, name.data, name.len);
        lines_puts(&e->text, "=");
        lines_put(&e->text, value.data, value.len);
    }
}

static void put_coding(struct edit *e, const char *bytes, size_t len)
{
    size_t f = format_of(bytes, len);
    if (e->v->version == VCARD_40) {
        lines_puts(&e->text, ":data:");
        lines_puts(&e->text, f < FORMATS ? formats[f].media : "application/octet-stream");
        lines_puts(&e->text, ";base64,");
        return;
    }
    lines_puts(&e->text, ";ENCODING=b");
    lines_puts(&e->text, f < FORMATS ? ";TYPE=" : "");
    lines_puts(&e->text, f < FORMATS ? formats[f].type : "");
    lines_puts(&e->text, ":");
}

static void put_base64(struct edit *e, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t bits = (uint32_t)(unsigned char)bytes[i] << 16;
        bits |= n > 1 ? (uint32_t)(unsigned char)bytes[i + 1] << 8 : 0;
        bits |= n > 2 ? (uint32_t)(unsigned char)bytes[i + 2] : 0;
        char four[4];
        for (size_t k = 0; k < 4; k++)
            four[k] = k <= n ? digits[bits >> (18 - 6 * k) & 63] : '=';
        lines_put(&e->text, four, 4);
    }
}

static void write_photo(struct edit *e, size_t line, const char *bytes, size_t len)
{
    edit_fresh(e);
    put_head(e, line == LINES_NONE ? NULL : &e->v->lines[line]);
    put_coding(e, bytes, len);
    put_base64(e, bytes, len);
    if (line == LINES_NONE)
        edit_add(e);
    else
        lines_replace(e->v, line, e->text.spent ? NULL : e->text.data);
}

void edit_photo(struct edit *e, const struct wess_field *w)
{
    struct wess_slice base64;
    struct wess_blob now = {0};
    size_t line = line_of(e->v, &base64);
    if (w->type != WESS_BLOB || !w->blob.size) {
        for (; line != LINES_NONE; line = line_of(e->v, &base64))
            lines_drop(e->v, line);
        return;
    }
    if (line != LINES_NONE && !spool(e->call, base64, &now)) {
        e->spent = true;
        return;
    }
    if (now.digest && !strcmp(now.digest, w->blob.digest))
        return;
    const char *bytes = w->blob.size <= VDIR_PHOTO_MAX ? edit_blob_text(e, &w->blob) : NULL;
    if (bytes)
        write_photo(e, line, bytes, (size_t)w->blob.size);
    else
        vdir_refuse(e->call, e->out, "photo", "it is larger than a file has room for");
}
