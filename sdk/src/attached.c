#include "attached.h"

#include <string.h>

enum { DATA, NAME, TYPE, PARTS };
static const char *const parts[PARTS] = {[DATA] = "data", [NAME] = "filename", [TYPE] = "fmttype"};

/* ---- told
 * ------------------------------------------------------------------------------------------ */

static struct wess_field text_part(size_t which, const char *text)
{
    return (struct wess_field){
        .name = parts[which], .type = WESS_TEXT, .str = {text, strlen(text)}};
}

bool wess_attached_push(const struct wess_host *h, struct wess_arena *a, struct wess_vec *records,
                        const char *key, const char *name, const char *type,
                        const struct wess_blob *blob)
{
    struct wess_record *r = wess_vec_push(h, a, records);
    struct wess_field *f = h->alloc(a, PARTS * sizeof(*f));
    size_t n = 0;
    if (!r || !f)
        return false;
    f[n++] = (struct wess_field){.name = parts[DATA], .type = WESS_BLOB, .blob = *blob};
    f[n++] = text_part(NAME, name);
    if (type)
        f[n++] = text_part(TYPE, type);
    *r = (struct wess_record){.key = key, .fields = f, .n = n};
    return true;
}

struct wess_item *wess_attached_to(const struct wess_host *h, struct wess_arena *a,
                                   const struct wess_item *was, struct wess_records files)
{
    struct wess_item *item = h->alloc(a, sizeof(*item));
    struct wess_field *of = h->alloc(a, (was->n_fields + 1) * sizeof(*of));
    if (!item || !of)
        return NULL;
    if (was->n_fields)
        memcpy(of, was->fields, was->n_fields * sizeof(*of));
    of[was->n_fields] =
        (struct wess_field){.name = WESS_ATTACHED, .type = WESS_RECORDS, .records = files};
    *item = *was;
    item->fields = of;
    item->n_fields = was->n_fields + 1;
    return item;
}

/* ---- read
 * ------------------------------------------------------------------------------------------ */

struct wess_records wess_attached_of(const struct wess_field *f)
{
    return f && f->type == WESS_RECORDS ? f->records : (struct wess_records){NULL, 0};
}

const struct wess_record *wess_attached_find(const struct wess_field *f, const char *key)
{
    struct wess_records all = wess_attached_of(f);
    for (size_t i = 0; i < all.n; i++)
        if (!strcmp(all.of[i].key, key))
            return &all.of[i];
    return NULL;
}

static const struct wess_field *part(const struct wess_record *r, size_t which, uint32_t type)
{
    for (size_t i = 0; r && i < r->n; i++)
        if (!strcmp(r->fields[i].name, parts[which]) && r->fields[i].type == type)
            return &r->fields[i];
    return NULL;
}

const struct wess_blob *wess_attached_bytes(const struct wess_record *r)
{
    const struct wess_field *f = part(r, DATA, WESS_BLOB);
    return f ? &f->blob : NULL;
}

const char *wess_attached_name(const struct wess_record *r)
{
    const struct wess_field *f = part(r, NAME, WESS_TEXT);
    return f ? f->str.data : NULL;
}

const char *wess_attached_type(const struct wess_record *r)
{
    const struct wess_field *f = part(r, TYPE, WESS_TEXT);
    return f ? f->str.data : NULL;
}

bool wess_blob_same(const struct wess_blob *a, const struct wess_blob *b)
{
    return a && b && a->size == b->size && !strcmp(a->digest, b->digest);
}

bool wess_attached_missing(const struct wess_host *h, const struct wess_field *want,
                           const struct wess_field *had)
{
    struct wess_records all = wess_attached_of(want);
    for (size_t i = 0; i < all.n; i++) {
        const struct wess_blob *b = wess_attached_bytes(&all.of[i]);
        struct wess_spool *s = NULL;
        if (!b || wess_blob_same(b, wess_attached_bytes(wess_attached_find(had, all.of[i].key))))
            continue;
        if (h->blob_open(h->ctx, b->digest, &s) != WESS_OK)
            return true;
        h->blob_close(s);
    }
    return false;
}
