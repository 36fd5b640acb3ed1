#include <string.h>

#include "model/text.h"
#include "zone.h"

#define SCRATCH ((size_t)4 << 20)

static _Thread_local bool unsure;

bool content_unsure(void)
{
    bool was = unsure;
    unsure = false;
    return was;
}

const struct wess_field *content_get(const struct content *c, const char *name)
{
    size_t low = 0, high = c ? c->n : 0;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int d = strcmp(c->fields[mid].name, name);
        if (!d)
            return c->fields[mid].type == WESS_NULL ? NULL : &c->fields[mid];
        if (d < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

static bool is_empty(const struct wess_field *f)
{
    return !f || f->type == WESS_NULL;
}

/* ---- equal
 * ------------------------------------------------------------------------------------------- */

static bool equal_str(const struct wess_slice *a, const struct wess_slice *b)
{
    return a->len == b->len && (a->data == b->data || !a->len || !memcmp(a->data, b->data, a->len));
}

static bool is_phone(const struct wess_field *f)
{
    return !strncmp(f->name, "phone", 5) && (!f->name[5] || f->name[5] == '.');
}

static bool same_element(const struct wess_field *a, const struct wess_field *b, bool phone,
                         bool (*same)(const struct wess_field *, const struct wess_field *));

static bool same_fields(const struct wess_record *a, const struct wess_record *b, bool phone,
                        bool (*same)(const struct wess_field *, const struct wess_field *))
{
    if (a->n != b->n || !same_text(a->key, b->key))
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!same_text(a->fields[i].name, b->fields[i].name) ||
            !same_element(&a->fields[i], &b->fields[i], phone, same))
            return false;
    return true;
}

static bool same_records(const struct wess_field *a, const struct wess_field *b,
                         bool (*same)(const struct wess_field *, const struct wess_field *))
{
    if (a->records.n != b->records.n)
        return false;
    if (a->records.of == b->records.of)
        return true;
    for (size_t i = 0; i < a->records.n; i++)
        if (!same_fields(&a->records.of[i], &b->records.of[i], is_phone(a), same))
            return false;
    return true;
}

static bool made_equal(const struct wess_slice *a, const struct wess_slice *b,
                       const char *(*make)(struct wess_arena *, const char *))
{
    struct wess_arena *scratch = arena_new(SCRATCH);
    const char *s = scratch ? arena_textn(scratch, a->data, a->len) : NULL;
    const char *t = s ? arena_textn(scratch, b->data, b->len) : NULL;
    const char *x = t ? make(scratch, s) : NULL, *y = x ? make(scratch, t) : NULL;
    bool same = y && !strcmp(x, y);
    unsure |= !y;
    arena_free(scratch);
    return same;
}

static bool same_name(const char *a, const char *b)
{
    struct wess_slice x = {a, strlen(a)}, y = {b, strlen(b)};
    return equal_str(&x, &y) || made_equal(&x, &y, text_fold);
}

static bool same_sets(const struct wess_list *a, const struct wess_list *b)
{
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++)
        same = same_text(a->of[i], b->of[i]) || same_name(a->of[i], b->of[i]);
    return same;
}

static bool same_element(const struct wess_field *a, const struct wess_field *b, bool phone,
                         bool (*same)(const struct wess_field *, const struct wess_field *))
{
    if (same(a, b))
        return true;
    /* A number written otherwise is the same number. */
    return phone && a->type == WESS_TEXT && b->type == WESS_TEXT &&
           made_equal(&a->str, &b->str, text_digits);
}

/* An instant is the same wherever it is told; what has none goes by its local time. */
static bool same_time(const struct wess_time *a, const struct wess_time *b)
{
    return (a->ms && a->ms == b->ms) ||
           (same_text(a->local, b->local) && wess_zone_same(a->zone, b->zone));
}

bool field_equal(const struct wess_field *a, const struct wess_field *b)
{
    if (a == b)
        return true;
    if (is_empty(a) || is_empty(b))
        return is_empty(a) && is_empty(b);
    if (a->type != b->type)
        return false;
    switch ((enum wess_type)a->type) {
    case WESS_BOOL:
    case WESS_INT:
        return a->num == b->num;
    case WESS_DECIMAL:
    case WESS_TEXT:
    case WESS_DATE:
        return equal_str(&a->str, &b->str) ||
               (is_phone(a) && made_equal(&a->str, &b->str, text_digits));
    case WESS_TIME:
        return same_time(&a->time, &b->time);
    case WESS_LINK:
        return same_text(a->ref.collection, b->ref.collection) && same_text(a->ref.id, b->ref.id);
    case WESS_BLOB:
        return a->blob.size == b->blob.size && same_text(a->blob.digest, b->blob.digest);
    case WESS_SET:
        return a->set.of == b->set.of ? a->set.n == b->set.n : same_sets(&a->set, &b->set);
    case WESS_RECORDS:
        return same_records(a, b, field_equal);
    case WESS_NULL:
        break;
    }
    return true;
}

bool field_alike(const struct wess_field *a, const struct wess_field *b)
{
    if (field_equal(a, b))
        return true;
    if (is_empty(a) || is_empty(b) || a->type != b->type)
        return false;
    if (a->type == WESS_TEXT)
        return made_equal(&a->str, &b->str, text_bare);
    return a->type == WESS_RECORDS && same_records(a, b, field_alike);
}

bool content_equal(const struct content *a, const struct content *b)
{
    size_t na = a ? a->n : 0, nb = b ? b->n : 0;
    if (na != nb)
        return false;
    for (size_t i = 0; i < na; i++)
        if (!same_text(a->fields[i].name, b->fields[i].name) ||
            !field_equal(&a->fields[i], &b->fields[i]))
            return false;
    return true;
}

bool content_patch(struct wess_arena *a, const struct content *base, const struct content *patch,
                   struct content *out)
{
    struct wess_field *of = arena_alloc(a, (base->n + patch->n + 1) * sizeof(*of));
    size_t i = 0, k = 0, n = 0;
    if (!of)
        return false;
    /* Patches are put together by hand in places: their order is not relied on. */
    struct wess_field *sorted = arena_alloc(a, (patch->n + 1) * sizeof(*sorted));
    if (!sorted)
        return false;
    for (size_t p = 0; p < patch->n; p++) {
        size_t at = p;
        for (; at && strcmp(sorted[at - 1].name, patch->fields[p].name) > 0; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = patch->fields[p];
    }
    while (i < base->n || k < patch->n) {
        int d = i == base->n    ? 1
                : k == patch->n ? -1
                                : strcmp(base->fields[i].name, sorted[k].name);
        if (d < 0) {
            of[n++] = base->fields[i++];
            continue;
        }
        if (sorted[k].type != WESS_NULL)
            of[n++] = sorted[k];
        i += d == 0;
        k++;
    }
    *out = (struct content){of, n};
    return true;
}
