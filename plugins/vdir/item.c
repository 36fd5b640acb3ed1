/* A card as an item. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "keys.h"
#include "vdir.h"

#define FIELDS_ROOM 32u /* of a card; more grow in the arena */

struct reading {
    struct wess_call *call;
    const struct wess_host *host;
    const struct lines *v;
    struct wess_vec fields;
    bool whole, spent;
};

static struct wess_field *push(struct reading *r, const char *name, uint32_t type)
{
    struct wess_field *f = wess_vec_push(r->host, r->call->arena, &r->fields);
    r->spent |= !f;
    if (f)
        *f = (struct wess_field){.name = name, .type = type};
    return f;
}

/* ---- single values
 * ------------------------------------------------------------------------------------------ */

bool vdir_spool(struct wess_call *call, struct wess_slice text, struct wess_field *f)
{
    const struct wess_host *h = call->conn->host;
    struct wess_spool *s = NULL;
    bool ok = h->blob_new(h->ctx, &s) == WESS_OK;
    if (ok && h->blob_put(s, text.data, text.len) != WESS_OK) {
        h->blob_close(s);
        ok = false;
    }
    f->type = WESS_BLOB;
    return ok && h->blob_done(s, call->arena, &f->blob) == WESS_OK;
}

/* What keys are made of, beside addresses and phones. */
static bool is_in_keys(const char *name)
{
    return !strcmp(name, "fn") || !strcmp(name, "name.family") || !strcmp(name, "name.given");
}

static void read_field(struct reading *r, const struct vdir_field *f)
{
    struct wess_slice text;
    if (!r->whole && !is_in_keys(f->name))
        return;
    size_t line = vdir_line(r->v, f);
    if (line == LINES_NONE || !vdir_read_line(r->call, r->v, line, f, &text, &r->spent) ||
        !text.len)
        return;
    /* Of what was not selected nothing may be spooled, and no key is made of it. */
    if (text.len > WESS_INLINE_MAX && !r->whole)
        return;
    struct wess_field *out = push(r, f->name, f->form == VDIR_DATE ? WESS_DATE : WESS_TEXT);
    if (!out)
        return;
    if (text.len > WESS_INLINE_MAX)
        r->spent |= !vdir_spool(r->call, text, out);
    else
        out->str = text;
}

static void read_photo(struct reading *r)
{
    struct wess_field photo;
    r->spent |= !vdir_photo(r->call, r->v, &photo);
    struct wess_field *f = photo.type == WESS_BLOB ? push(r, "photo", WESS_BLOB) : NULL;
    if (f)
        f->blob = photo.blob;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool vdir_tag_set(struct wess_call *call, const struct lines *v, struct wess_list *tags)
{
    struct wess_list all;
    size_t kept = 0;
    *tags = (struct wess_list){NULL, 0};
    if (!vdir_tags(call, v, &all))
        return false;
    if (!all.n)
        return true;
    const char **of = (const char **)(uintptr_t)all.of; /* of vdir_tags(), ours */
    qsort(of, all.n, sizeof(*of), by_bytes);
    for (size_t i = 0; i < all.n; i++)
        if (!kept || strcmp(of[i], of[kept - 1]))
            of[kept++] = of[i];
    *tags = (struct wess_list){of, kept};
    return true;
}

static void read_tags(struct reading *r, struct wess_list *tags)
{
    r->spent |= !vdir_tag_set(r->call, r->v, tags);
    struct wess_field *f = !r->spent && tags->n ? push(r, "categories", WESS_SET) : NULL;
    if (f)
        f->set = *tags;
}

/* ---- records
 * ------------------------------------------------------------------------------------------ */

static void read_mail(struct reading *r, const struct vdir_entry *e, size_t at,
                      struct wess_record *out)
{
    struct wess_field *parts = r->host->alloc(r->call->arena, 2 * sizeof(*parts));
    r->spent |= !parts;
    if (!parts)
        return;
    parts[0] = (struct wess_field){.name = "value", .type = WESS_TEXT, .str = e->text};
    parts[1] = (struct wess_field){.name = "pref", .type = WESS_INT, .num = (int64_t)at + 1};
    *out = (struct wess_record){e->key, parts, 2};
}

static void read_phone(struct reading *r, const struct vdir_entry *e, struct wess_record *out)
{
    struct wess_field *part = r->host->alloc(r->call->arena, sizeof(*part));
    r->spent |= !part;
    if (!part)
        return;
    *part = (struct wess_field){.name = "value", .type = WESS_TEXT, .str = e->text};
    *out = (struct wess_record){e->key, part, 1};
}

static void read_place(struct reading *r, const struct vdir_entry *e, struct wess_record *out)
{
    struct wess_field *parts = r->host->alloc(r->call->arena, VDIR_PARTS * sizeof(*parts));
    size_t n = 0;
    r->spent |= !parts;
    for (size_t i = 0; parts && i < VDIR_PARTS; i++) {
        struct wess_slice raw, text;
        if (!vdir_place_part[i] || !lines_component(e->text, i, &raw) || !raw.len)
            continue;
        r->spent |= !vdir_unescape(r->call, raw, &text);
        parts[n++] =
            (struct wess_field){.name = vdir_place_part[i], .type = WESS_TEXT, .str = text};
    }
    *out = (struct wess_record){e->key, parts, n};
}

static void read_records(struct reading *r, enum vdir_records what)
{
    struct vdir_entries e;
    r->spent |= !vdir_entries(r->call, r->v, what, &e);
    if (r->spent || !e.n)
        return;
    struct wess_record *of = r->host->alloc(r->call->arena, e.n * sizeof(*of));
    struct wess_field *f = of ? push(r, vdir_record_field[what], WESS_RECORDS) : NULL;
    r->spent |= !of;
    for (size_t i = 0; f && i < e.n; i++)
        switch (what) {
        case VDIR_MAIL:
            read_mail(r, &e.of[i], i, &of[i]);
            break;
        case VDIR_PHONE:
            read_phone(r, &e.of[i], &of[i]);
            break;
        case VDIR_PLACE:
            read_place(r, &e.of[i], &of[i]);
            break;
        }
    if (f)
        f->records = (struct wess_records){of, e.n};
}

/* ---- the whole
 * ------------------------------------------------------------------------------------------ */

static bool says(const struct lines *v, const char *name, const char *value)
{
    size_t i = lines_find(v, name, 0);
    return i != LINES_NONE && v->lines[i].value.len == strlen(value) &&
           !strncasecmp(v->lines[i].value.data, value, strlen(value));
}

bool vdir_is_contact(const struct lines *v)
{
    return !says(v, "X-ADDRESSBOOKSERVER-KIND", "group") &&
           (lines_find(v, "KIND", 0) == LINES_NONE || says(v, "KIND", "individual") ||
            says(v, "KIND", "org") || says(v, "KIND", ""));
}

const char *vdir_stamp(struct wess_call *call, const struct lines *v, bool *spent)
{
    size_t i = lines_find(v, VDIR_STAMP, 0);
    struct wess_slice s = i == LINES_NONE ? (struct wess_slice){"", 0} : v->lines[i].value;
    const char *p = s.data;
    if (!s.len || s.len > WESS_STAMP_MAX)
        return NULL;
    for (size_t k = 0; k < s.len; k++)
        if (!((p[k] >= '0' && p[k] <= '9') || ((p[k] | 32) >= 'a' && (p[k] | 32) <= 'z')))
            return NULL;
    const char *stamp = wess_arena_textn(call->conn->host, call->arena, p, s.len);
    *spent |= !stamp;
    return stamp;
}

static enum wess_code too_large(struct wess_call *call)
{
    return wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL,
                     "the files are too large for one answer");
}

enum wess_code vdir_item(struct wess_call *call, const struct lines *v, const char *id, bool whole,
                         struct wess_item *out)
{
    const struct wess_host *h = call->conn->host;
    struct wess_field room[FIELDS_ROOM];
    struct wess_vec fields = {.of = room, .cap = FIELDS_ROOM, .size = sizeof(*room)};
    struct reading r = {call, h, v, fields, whole, false};
    *out = (struct wess_item){
        .id = wess_arena_text(h, call->arena, id), .kind = "contact", .collection = "contacts"};
    if (says(v, "CLASS", "PRIVATE") || says(v, "CLASS", "CONFIDENTIAL"))
        out->flags |= WESS_ITEM_PRIVATE;
    if (v->version == VCARD_21) /* its escapes and encodings are read, not written */
        out->flags |= WESS_ITEM_LOCKED;
    for (size_t i = 0; i < vdir_n_fields; i++)
        read_field(&r, &vdir_fields[i]);
    read_tags(&r, &out->tags);
    for (int what = VDIR_MAIL; what <= (whole ? VDIR_PLACE : VDIR_PHONE); what++)
        read_records(&r, (enum vdir_records)what);
    if (whole && !(call->flags & WESS_CALL_NO_PHOTO))
        read_photo(&r);
    const char *stamp = vdir_stamp(call, v, &r.spent);
    out->fields = r.fields.of;
    out->n_fields = r.fields.n;
    if (r.spent || !out->id || wess_item_keys(h, call->arena, out, stamp) != WESS_OK)
        return too_large(call);
    out->fields = whole ? wess_vec_kept(h, call->arena, &r.fields) : NULL;
    out->n_fields = whole ? r.fields.n : 0;
    if (whole)
        out->flags |= WESS_ITEM_WHOLE;
    return out->n_fields && !out->fields ? too_large(call) : WESS_OK;
}
