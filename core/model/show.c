/* Values for people. */
#include <string.h>

#include "model/text.h"

#define SHOW_MAX 400u /* bytes of a long text that are shown */

static const char *joined(struct wess_arena *a, const char *so_far, const char *next)
{
    if (!so_far || !next || !*next)
        return so_far;
    return arena_fmt(a, "%s%s%s", so_far, *so_far ? ", " : "", next);
}

static const char *element_text(struct wess_arena *a, const struct wess_record *r)
{
    const char *out = "";
    for (size_t i = 0; i < r->n; i++)
        if (r->fields[i].type == WESS_TEXT)
            out = joined(a, out, field_show(a, &r->fields[i]));
    return out;
}

static const char *records_text(struct wess_arena *a, const struct wess_field *f)
{
    const char *out = "";
    bool keyed = !strncmp(f->name, "phone", 5) || !strncmp(f->name, "address", 7);
    for (size_t i = 0; i < f->records.n; i++) {
        const char *one = element_text(a, &f->records.of[i]);
        if (one && keyed)
            one = arena_fmt(a, "%s (%s)", one, f->records.of[i].key);
        out = joined(a, out, one);
    }
    return out;
}

static const char *text_text(struct wess_arena *a, const struct wess_slice *s)
{
    size_t len = text_head(s->data, s->len, SHOW_MAX);
    const char *head = arena_textn(a, s->data, len);
    return head && len < s->len ? arena_fmt(a, "%s... (%zu bytes)", head, s->len) : head;
}

const char *field_show(struct wess_arena *a, const struct wess_field *f)
{
    const char *out = "";
    if (!f)
        return out;
    switch ((enum wess_type)f->type) {
    case WESS_NULL:
        return out;
    case WESS_BOOL:
        return f->num ? "yes" : "no";
    case WESS_INT:
        return arena_fmt(a, "%lld", (long long)f->num);
    case WESS_DECIMAL:
    case WESS_TEXT:
    case WESS_DATE:
        return text_text(a, &f->str);
    case WESS_TIME:
        return arena_fmt(a, "%s%s%s", f->time.local, f->time.zone ? " " : "",
                         f->time.zone ? f->time.zone : "");
    case WESS_LINK:
        return f->ref.id;
    case WESS_BLOB:
        return arena_fmt(a, "%llu bytes", (unsigned long long)f->blob.size);
    case WESS_SET:
        for (size_t i = 0; i < f->set.n; i++)
            out = joined(a, out, f->set.of[i]);
        return out;
    case WESS_RECORDS:
        return records_text(a, f);
    }
    return out;
}

static const char *full_name(struct wess_arena *a, const struct wess_field *given,
                             const struct wess_field *family)
{
    const char *first = field_show(a, given), *last = field_show(a, family);
    return first && last ? arena_fmt(a, "%s%s%s", first, given && family ? " " : "", last) : NULL;
}

const char *content_named(const struct content *c, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < c->n; i++) {
        const struct wess_field *f = &c->fields[i];
        const char *dot = strncmp(f->name, "x.", 2) ? NULL : strrchr(f->name, '.');
        if (dot && dot > f->name + 1 && !strcmp(dot + 1, name) && f->type == WESS_TEXT &&
            strlen(f->name) > len + 2)
            return f->str.data;
    }
    return NULL;
}

const char *content_title(struct wess_arena *a, const struct content *c)
{
    static const char *const single[] = {"fn",      "name",    "org",       "email",
                                         "summary", "subject", "message-id"};
    const struct wess_field *given = content_get(c, "name.given");
    const struct wess_field *family = content_get(c, "name.family");
    for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++) {
        const struct wess_field *f = content_get(c, single[i]);
        if (f)
            return field_show(a, f);
        if (i == 0 && (given || family))
            return full_name(a, given, family);
    }
    return "(no name)";
}
