/* Files that stand in a calendar file itself (RFC 5545 3.8.1.1, ATTACH with VALUE=BINARY): a name
 * of RFC 8607 tells them apart. An ATTACH that only says where a file is stays as it is. */
#include <nettle/base64.h>
#include <string.h>

#include "attached.h"
#include "ics.h"

#define PARTS 3u
#define FILES_MOST 100u
#define NAME_MOST 255u
#define NAMELESS "file"
/* What fits into a file of LINES_BYTES beside all else, folds included. */
#define BYTES_MOST ((uint64_t)600 << 10)

/* More than are read would count as taken away. */
const struct wess_field_schema ics_attach_schema = {
    .name = WESS_ATTACHED, .type = WESS_RECORDS, .max_n = FILES_MOST};

struct inlined {
    struct wess_call *call;
    struct ics *ics;
    struct wess_vec of; /* struct wess_record */
    bool spent;
};

static bool is_inline(const struct line *l)
{
    struct wess_slice how = lines_param(l, "ENCODING");
    return ics_says(how, "BASE64");
}

static struct wess_slice name_of(struct inlined *p, const struct line *l)
{
    static const char *const params[] = {"FILENAME", "X-FILENAME", "X-APPLE-FILENAME"};
    struct wess_slice name = {NULL, 0};
    for (size_t i = 0; !name.len && i < sizeof(params) / sizeof(params[0]); i++)
        name = ics_param(p->call, l, params[i], &p->spent);
    return name.len && name.len <= NAME_MOST ? name
                                             : (struct wess_slice){NAMELESS, strlen(NAMELESS)};
}

static bool known(const struct wess_vec *of, const char *key)
{
    const struct wess_record *r = of->of;
    for (size_t i = 0; i < of->n; i++)
        if (!strcmp(r[i].key, key))
            return true;
    return false;
}

/* Two of one name are told apart by their order. */
static const char *key_for(struct inlined *p, struct wess_slice name)
{
    const struct wess_host *h = p->call->conn->host;
    const char *text = wess_arena_textn(h, p->call->arena, name.data, name.len), *key = text;
    for (unsigned k = 2; key && known(&p->of, key); k++)
        key = wess_arena_fmt(h, p->call->arena, "%s (%u)", text, k);
    p->spent |= !key;
    return key;
}

/* Its bytes, spooled; false: it is no base64, and stays as it is. */
static bool spool(struct inlined *p, const struct line *l, struct wess_field *out)
{
    struct base64_decode_ctx ctx;
    size_t len = BASE64_DECODE_LENGTH(l->value.len);
    uint8_t *bytes = p->call->conn->host->alloc(p->call->arena, len + 1);
    p->spent |= !bytes;
    if (!bytes)
        return false;
    base64_decode_init(&ctx);
    if (!base64_decode_update(&ctx, &len, bytes, l->value.len, l->value.data) ||
        !base64_decode_final(&ctx))
        return false;
    *out = (struct wess_field){.name = "data"};
    bool ok = vdir_spool(p->call, (struct wess_slice){bytes, len}, out);
    p->spent |= !ok;
    return ok;
}

static bool read_file(struct inlined *p, const struct line *l, struct wess_record *out)
{
    const struct wess_host *h = p->call->conn->host;
    struct wess_field *parts = h->alloc(p->call->arena, PARTS * sizeof(*parts));
    struct wess_slice name = name_of(p, l), type = ics_param(p->call, l, "FMTTYPE", &p->spent);
    const char *key = key_for(p, name);
    p->spent |= !parts;
    if (p->spent || !spool(p, l, &parts[0]))
        return false;
    parts[1] = (struct wess_field){.name = "filename", .type = WESS_TEXT, .str = name};
    parts[2] = (struct wess_field){.name = "fmttype", .type = WESS_TEXT, .str = type};
    *out = (struct wess_record){
        .key = key, .fields = parts, .n = type.len && type.len <= NAME_MOST ? 3 : 2};
    return true;
}

/* The next one, from line *at on. */
static bool next_file(struct inlined *p, size_t *at, struct wess_record *out)
{
    while (!p->spent && p->of.n < FILES_MOST &&
           (*at = ics_find(p->ics->v, p->ics->main, "ATTACH", *at)) != LINES_NONE) {
        const struct line *l = &p->ics->v->lines[*at];
        if (is_inline(l) && read_file(p, l, out)) {
            struct wess_record *slot = wess_vec_push(p->call->conn->host, p->call->arena, &p->of);
            p->spent |= !slot;
            if (slot)
                *slot = *out;
            return slot != NULL;
        }
        ++*at;
    }
    return false;
}

void ics_read_attach(struct ics_reading *r, const struct ics_field *f)
{
    struct inlined p = {
        .call = r->call, .ics = &r->ics, .of = {.size = sizeof(struct wess_record)}};
    struct wess_record one;
    if (!r->call->conn->attachments)
        return;
    for (size_t at = 0; next_file(&p, &at, &one); at++)
        ;
    r->spent |= p.spent;
    struct wess_field *out = !p.spent && p.of.n ? ics_push(r, f->name, WESS_RECORDS) : NULL;
    if (out)
        out->records = (struct wess_records){p.of.of, p.of.n};
}

/* ---- writing
 * ------------------------------------------------------------------------------------------ */

static void refuse(struct ics_edit *x, const char *key, const char *why)
{
    const char *name = wess_arena_fmt(x->e.host, x->e.call->arena, WESS_ATTACHED ".%s", key);
    x->e.spent |= !name;
    if (name)
        ics_refuse(x, name, why);
}

/* false: it is refused. */
static bool put_base64(struct ics_edit *x, const struct wess_record *r)
{
    const struct wess_blob *data = wess_attached_bytes(r);
    if (!data || data->size > BYTES_MOST) {
        refuse(x, r->key, "it is larger than a calendar file holds");
        return false;
    }
    char *bytes = edit_blob_text(&x->e, data);
    size_t len = (size_t)data->size;
    char *text = x->e.host->alloc(x->e.call->arena, BASE64_ENCODE_RAW_LENGTH(len) + 1);
    x->e.spent |= !text;
    if (!bytes || !text) {
        refuse(x, r->key, "its content is not at hand now");
        return false;
    }
    base64_encode_raw(text, len, (const uint8_t *)bytes);
    lines_put(&x->e.text, text, BASE64_ENCODE_RAW_LENGTH(len));
    return true;
}

static struct wess_slice slice_of(const char *text)
{
    return (struct wess_slice){text, strlen(text)};
}

static void put_file(struct ics_edit *x, size_t line, const struct wess_record *r)
{
    const char *name = wess_attached_name(r), *type = wess_attached_type(r);
    edit_fresh(&x->e);
    lines_puts(&x->e.text, "ATTACH;VALUE=BINARY;ENCODING=BASE64");
    ics_put_param(&x->e.text, "FMTTYPE", slice_of(type ? type : ""));
    ics_put_param(&x->e.text, "FILENAME", slice_of(name && *name ? name : r->key));
    lines_puts(&x->e.text, ":");
    if (put_base64(x, r))
        ics_put(x, x->ics.main, line);
}

/* All of them together stand in one file, which has its bound. */
static bool fit(struct wess_records all)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < all.n; i++) {
        const struct wess_blob *data = wess_attached_bytes(&all.of[i]);
        bytes += data ? data->size : 0;
    }
    return bytes <= BYTES_MOST;
}

void ics_write_attach(struct ics_edit *x, const struct ics_field *f, const struct wess_field *w)
{
    struct inlined p = {
        .call = x->e.call, .ics = &x->ics, .of = {.size = sizeof(struct wess_record)}};
    struct wess_records all = wess_attached_of(w);
    struct wess_record now;
    if (!x->e.call->conn->attachments)
        return;
    if (!fit(all)) {
        ics_refuse(x, f->name, "together they are larger than a calendar file holds");
        return;
    }
    for (size_t at = 0; next_file(&p, &at, &now); at++) {
        const struct wess_record *want = wess_attached_find(w, now.key);
        if (!want)
            lines_drop(x->ics.v, at);
        else if (!wess_blob_same(wess_attached_bytes(&now), wess_attached_bytes(want)))
            put_file(x, at, want);
    }
    for (size_t i = 0; i < all.n && !p.spent; i++)
        if (!known(&p.of, all.of[i].key))
            put_file(x, LINES_NONE, &all.of[i]);
    x->e.spent |= p.spent;
}
