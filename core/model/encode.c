/* The stored form of content. Sizes and counts are seven bits a byte, the low ones first, the
 * highest bit says that more follow (LEB128); other numbers have 8 bytes, little end first.
 *
 *     content := VERSION count field*          field  := text(name) type(1) value
 *     record  := text(key) count field*        text   := opt that is there
 *     opt     := size + 1, bytes, zero; or 0 for none
 *     value   := BOOL, INT: number . DECIMAL, TEXT, DATE: text . TIME: opt(local) opt(zone) number
 *              . LINK: opt opt . BLOB: text number . SET: count text* . RECORDS: count record*
 */
#include <string.h>

#include "model/model.h"

#define VERSION 1u
#define DEPTH_MAX 4    /* records within records */
#define FIELD_LEAST 3u /* bytes: an empty name, its type, nothing */
#define RECORD_LEAST 3u
#define TEXT_LEAST 2u
#define SIZE_BYTES 5u /* of 32 bits */
#define FEW 2048u     /* bytes that nearly all contents have room in */

/* ---- writing
 * ------------------------------------------------------------------------------------------- */

struct out {
    unsigned char *at;
    size_t len, cap; /* what goes beyond is only counted */
};

static void put(struct out *o, const void *data, size_t len)
{
    if (len && o->len + len <= o->cap)
        memcpy(o->at + o->len, data, len);
    o->len += len;
}

static void put_byte(struct out *o, unsigned char byte)
{
    put(o, &byte, 1);
}

static void put_number(struct out *o, uint64_t n)
{
    for (size_t i = 0; i < 8; i++)
        put_byte(o, (unsigned char)(n >> (8 * i)));
}

static void put_size(struct out *o, uint64_t n)
{
    for (; n > 127; n >>= 7)
        put_byte(o, (unsigned char)(n | 128));
    put_byte(o, (unsigned char)n);
}

static void put_bytes(struct out *o, const void *data, size_t len)
{
    put_size(o, (uint64_t)len + 1);
    put(o, data, len);
    put_byte(o, 0);
}

static void put_text(struct out *o, const char *s)
{
    if (s)
        put_bytes(o, s, strlen(s));
    else
        put_size(o, 0);
}

static void put_fields(struct out *o, const struct wess_field *f, size_t n);

static void put_value(struct out *o, const struct wess_field *f)
{
    switch ((enum wess_type)f->type) {
    case WESS_NULL:
        break;
    case WESS_BOOL:
    case WESS_INT:
        put_number(o, (uint64_t)f->num);
        break;
    case WESS_DECIMAL:
    case WESS_TEXT:
    case WESS_DATE:
        put_bytes(o, f->str.data, f->str.len);
        break;
    case WESS_TIME:
        put_text(o, f->time.local);
        put_text(o, f->time.zone);
        put_number(o, (uint64_t)f->time.ms);
        break;
    case WESS_LINK:
        put_text(o, f->ref.collection);
        put_text(o, f->ref.id);
        break;
    case WESS_BLOB:
        put_text(o, f->blob.digest);
        put_number(o, f->blob.size);
        break;
    case WESS_SET:
        put_size(o, f->set.n);
        for (size_t i = 0; i < f->set.n; i++)
            put_text(o, f->set.of[i]);
        break;
    case WESS_RECORDS:
        put_size(o, f->records.n);
        for (size_t i = 0; i < f->records.n; i++) {
            put_text(o, f->records.of[i].key);
            put_fields(o, f->records.of[i].fields, f->records.of[i].n);
        }
        break;
    }
}

static void put_fields(struct out *o, const struct wess_field *f, size_t n)
{
    put_size(o, n);
    for (size_t i = 0; i < n; i++) {
        put_text(o, f[i].name);
        put_byte(o, (unsigned char)f[i].type);
        put_value(o, &f[i]);
    }
}

static void put_content(struct out *o, const struct content *c)
{
    put_byte(o, VERSION);
    put_fields(o, c->fields, c->n);
}

bool content_encode(struct wess_arena *a, const struct content *c, struct wess_slice *out)
{
    unsigned char few[FEW];
    struct out o = {few, 0, sizeof(few)};
    put_content(&o, c);
    unsigned char *of = arena_alloc(a, o.len);
    if (!of)
        return false;
    *out = (struct wess_slice){of, o.len};
    if (o.len <= sizeof(few)) {
        memcpy(of, few, o.len);
    } else {
        o = (struct out){of, 0, out->len};
        put_content(&o, c);
    }
    return true;
}

/* ---- reading
 * ------------------------------------------------------------------------------------------- */

struct in {
    const unsigned char *at;
    size_t left;
    struct wess_arena *arena;
    bool bad;
};

static const unsigned char *take(struct in *in, size_t n)
{
    const unsigned char *p = in->at;
    if (in->bad || n > in->left) {
        in->bad = true;
        return NULL;
    }
    in->at += n;
    in->left -= n;
    return p;
}

static unsigned char take_byte(struct in *in)
{
    const unsigned char *p = take(in, 1);
    return p ? *p : 0;
}

static uint64_t take_number(struct in *in)
{
    const unsigned char *p = take(in, 8);
    uint64_t n = 0;
    for (size_t i = 0; p && i < 8; i++)
        n |= (uint64_t)p[i] << (8 * i);
    return n;
}

static uint64_t take_size(struct in *in)
{
    uint64_t n = 0;
    unsigned char byte = 128;
    for (size_t i = 0; byte & 128; i++) {
        byte = take_byte(in);
        in->bad |= i == SIZE_BYTES;
        if (in->bad)
            return 0;
        n |= (uint64_t)(byte & 127) << (7 * i);
    }
    return n;
}

static const char *take_opt(struct in *in, size_t *len)
{
    uint64_t n = take_size(in);
    if (!n--)
        return NULL;
    const unsigned char *p = in->bad || n >= in->left ? NULL : take(in, (size_t)n + 1);
    if (!p || p[n]) {
        in->bad = true;
        return NULL;
    }
    if (len)
        *len = (size_t)n;
    else if (memchr(p, 0, (size_t)n))
        in->bad = true;
    return (const char *)p;
}

static const char *take_text(struct in *in)
{
    const char *s = take_opt(in, NULL);
    in->bad |= !s;
    return s;
}

/* How many elements follow; each takes at least `least` bytes, so a count beyond that is a lie. */
static size_t take_count(struct in *in, size_t least)
{
    uint64_t n = take_size(in);
    in->bad |= n > in->left / least;
    return in->bad ? 0 : (size_t)n;
}

static void *room(struct in *in, size_t n, size_t size)
{
    void *p = in->bad ? NULL : arena_alloc(in->arena, n * size);
    in->bad |= !p;
    return p;
}

static struct wess_field *take_fields(struct in *in, size_t *n, int depth);

static void take_records(struct in *in, struct wess_field *f, int depth)
{
    size_t n = take_count(in, RECORD_LEAST);
    struct wess_record *of = room(in, n, sizeof(*of));
    for (size_t i = 0; of && !in->bad && i < n; i++) {
        of[i].key = take_text(in);
        of[i].fields = take_fields(in, &of[i].n, depth + 1);
    }
    f->records = (struct wess_records){of, n};
}

static void take_set(struct in *in, struct wess_field *f)
{
    size_t n = take_count(in, TEXT_LEAST);
    const char **of = room(in, n, sizeof(*of));
    for (size_t i = 0; of && !in->bad && i < n; i++)
        of[i] = take_text(in);
    f->set = (struct wess_list){of, n};
}

static void take_value(struct in *in, struct wess_field *f, int depth)
{
    switch ((enum wess_type)f->type) {
    case WESS_NULL:
        break;
    case WESS_BOOL:
    case WESS_INT:
        f->num = (int64_t)take_number(in);
        break;
    case WESS_DECIMAL:
    case WESS_TEXT:
    case WESS_DATE:
        f->str.data = take_opt(in, &f->str.len);
        in->bad |= !f->str.data;
        break;
    case WESS_TIME:
        f->time.local = take_opt(in, NULL);
        f->time.zone = take_opt(in, NULL);
        f->time.ms = (int64_t)take_number(in);
        in->bad |= !f->time.local;
        break;
    case WESS_LINK:
        f->ref.collection = take_opt(in, NULL);
        f->ref.id = take_opt(in, NULL);
        in->bad |= !f->ref.id;
        break;
    case WESS_BLOB:
        f->blob.digest = take_text(in);
        f->blob.size = take_number(in);
        break;
    case WESS_SET:
        take_set(in, f);
        break;
    case WESS_RECORDS:
        take_records(in, f, depth);
        break;
    }
}

static struct wess_field *take_fields(struct in *in, size_t *n, int depth)
{
    in->bad |= depth > DEPTH_MAX;
    size_t count = take_count(in, FIELD_LEAST);
    struct wess_field *of = room(in, count, sizeof(*of));
    for (size_t i = 0; of && !in->bad && i < count; i++) {
        of[i].name = take_text(in);
        of[i].type = take_byte(in);
        in->bad |= of[i].type > WESS_RECORDS;
        if (!in->bad)
            take_value(in, &of[i], depth);
        /* Sorted and once is what everybody relies on. */
        in->bad |= !in->bad && i && strcmp(of[i - 1].name, of[i].name) >= 0 && depth == 0;
    }
    *n = count;
    return of;
}

bool content_decode(struct wess_arena *a, struct wess_slice s, struct content *out)
{
    struct in in = {s.data, s.len, a, false};
    size_t n = 0;
    in.bad = take_byte(&in) != VERSION;
    const struct wess_field *f = take_fields(&in, &n, 0);
    *out = (struct content){NULL, 0};
    if (in.bad || in.left)
        return false;
    *out = (struct content){f, n};
    return true;
}
