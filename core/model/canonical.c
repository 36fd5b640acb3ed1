#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "model/text.h"
#include "zone.h"

struct maker {
    const struct kind_def *kind;
    struct wess_arena *a;
    size_t bad;
    bool spent, series; /* series: it recurs, so its times have no instant */
};

/* ---- single values
 * ----------------------------------------------------------------------------------- */

static bool text_value(struct maker *m, const struct wess_field *in, bool one_line,
                       struct wess_field *out)
{
    bool bad = false;
    const char *text =
        text_canonical(m->a, in->str.data ? in->str.data : "", in->str.len, one_line, &bad);
    m->bad += bad;
    m->spent |= !text && !bad;
    if (!text || !*text)
        return false;
    *out = (struct wess_field){.name = in->name, .type = in->type, .str = {text, strlen(text)}};
    return true;
}

static bool is_digits(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] < '0' || s[i] > '9')
            return false;
    return true;
}

/* "2026-11-23", or "--11-23" without a year (RFC 6350 4.3.1). */
static bool is_date(const struct wess_slice *s)
{
    const char *d = s->data;
    if (s->len == 10)
        return is_digits(d, 4) && d[4] == '-' && is_digits(d + 5, 2) && d[7] == '-' &&
               is_digits(d + 8, 2);
    return s->len == 7 && d[0] == '-' && d[1] == '-' && is_digits(d + 2, 2) && d[4] == '-' &&
           is_digits(d + 5, 2);
}

static const char *copy(struct maker *m, const char *text)
{
    const char *out = arena_text(m->a, text);
    m->spent |= text && !out;
    return out;
}

static bool is_local_time(const char *s)
{
    static const char form[] = "0000-00-00T00:00:00";
    size_t i = 0;
    for (; s && form[i]; i++)
        if (form[i] == '0' ? s[i] < '0' || s[i] > '9' : s[i] != form[i])
            return false;
    return s && !s[i];
}

/* What recurs, or floats, is at no one instant. Elsewhere the zone's rules of today make it. */
static bool time_value(struct maker *m, const struct wess_field *in, struct wess_field *out)
{
    if (!is_local_time(in->time.local)) {
        m->bad++;
        return false;
    }
    out->time.local = copy(m, in->time.local);
    out->time.zone = copy(m, in->time.zone);
    out->time.ms = 0;
    if (in->time.zone && !m->series) {
        int64_t ms = wess_zone_instant(in->time.local, in->time.zone, in->time.ms);
        out->time.ms = ms ? ms : in->time.ms;
    }
    return out->time.local != NULL;
}

static bool plain_value(struct maker *m, const struct wess_field *in, struct wess_field *out)
{
    *out = *in;
    switch ((enum wess_type)in->type) {
    case WESS_BOOL:
    case WESS_INT:
        return true;
    case WESS_DECIMAL:
    case WESS_TEXT:
        return text_value(m, in, true, out);
    case WESS_DATE:
        if (is_date(&in->str))
            return text_value(m, in, true, out);
        break;
    case WESS_TIME:
        return time_value(m, in, out);
    case WESS_LINK:
        out->ref.collection = copy(m, in->ref.collection);
        out->ref.id = copy(m, in->ref.id);
        return out->ref.id != NULL;
    case WESS_BLOB:
        out->blob.digest = copy(m, in->blob.digest);
        return out->blob.digest != NULL;
    case WESS_NULL:
    case WESS_SET:
    case WESS_RECORDS:
        break;
    }
    m->bad += in->type != WESS_NULL;
    return false;
}

/* Mostly they come in that order. */
static void in_order(void *of, size_t n, size_t size, int (*order)(const void *, const void *))
{
    const char *at = of;
    for (size_t i = 1; i < n; i++, at += size)
        if (order(at, at + size) > 0) {
            qsort(of, n, size, order);
            return;
        }
}

/* ---- sets
 * -----------------------------------------------------------------------------------------------
 */

struct element {
    const char *text, *fold;
};
static int by_fold(const void *a, const void *b)
{
    const struct element *x = a, *y = b;
    int d = strcmp(x->fold, y->fold);
    return d ? d : strcmp(x->text, y->text);
}

static bool set_value(struct maker *m, const struct wess_field *in, struct wess_field *out)
{
    size_t n = 0, kept = 0;
    struct element *of = arena_alloc(m->a, (in->set.n + 1) * sizeof(*of));
    const char **names = arena_alloc(m->a, (in->set.n + 1) * sizeof(*names));
    if (!of || !names) {
        m->spent = true;
        return false;
    }
    for (size_t i = 0; i < in->set.n; i++) {
        bool bad = false;
        const char *text = text_canonical(m->a, in->set.of[i], strlen(in->set.of[i]), true, &bad);
        const char *fold = text ? text_fold(m->a, text) : NULL;
        m->bad += bad;
        m->spent |= !bad && !fold;
        if (fold && *fold)
            of[n++] = (struct element){text, fold};
    }
    in_order(of, n, sizeof(*of), by_fold);
    for (size_t i = 0; i < n; i++)
        if (!kept || strcmp(of[i].fold, of[i - 1].fold))
            names[kept++] = of[i].text;
    *out = (struct wess_field){.name = in->name, .type = WESS_SET, .set = {names, kept}};
    return kept > 0;
}

/* ---- records
 * -------------------------------------------------------------------------------------------- */

static int by_field_name(const void *a, const void *b)
{
    return strcmp(((const struct wess_field *)a)->name, ((const struct wess_field *)b)->name);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct wess_record *)a)->key, ((const struct wess_record *)b)->key);
}

static bool has_part(const struct wess_field *f, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (name_is(f[i].name, name))
            return true;
    return false;
}

static bool record_value(struct maker *m, const struct wess_record *in, struct wess_record *out)
{
    struct wess_field *f = arena_alloc(m->a, (in->n + 1) * sizeof(*f));
    size_t n = 0, values = 0;
    if (!f) {
        m->spent = true;
        return false;
    }
    for (size_t i = 0; i < in->n; i++) {
        /* A part that is named twice: the first one holds. */
        if (has_part(f, n, in->fields[i].name) || !plain_value(m, &in->fields[i], &f[n]))
            continue;
        f[n].name = copy(m, in->fields[i].name);
        if (!f[n].name)
            return false;
        values += strcmp(in->fields[i].name, "pref") != 0;
        n++;
    }
    *out = (struct wess_record){copy(m, in->key), f, n};
    if (m->spent) /* names may be missing */
        return false;
    in_order(f, n, sizeof(*f), by_field_name);
    return values > 0 && out->key && *out->key;
}

static int64_t pref_of(const struct wess_record *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (name_is(r->fields[i].name, "pref") && r->fields[i].type == WESS_INT)
            return r->fields[i].num;
    return INT64_MAX;
}

static int by_pref(const void *a, const void *b)
{
    int64_t x = pref_of(a), y = pref_of(b);
    return x < y ? -1 : x > y ? 1 : by_key(a, b);
}

/* The order among elements that have one: 1..n without gaps or ties. */
static void renumber(struct wess_record *of, size_t n)
{
    int64_t next = 1;
    in_order(of, n, sizeof(*of), by_pref);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < of[i].n; k++) {
            /* Ours since record_value() made it. */
            struct wess_field *f = (struct wess_field *)(uintptr_t)&of[i].fields[k];
            if (name_is(f->name, "pref") && f->type == WESS_INT)
                f->num = next++;
        }
    in_order(of, n, sizeof(*of), by_key);
}

static bool records_value(struct maker *m, const struct wess_field *in, struct wess_field *out)
{
    struct wess_record *of = arena_alloc(m->a, (in->records.n + 1) * sizeof(*of));
    size_t n = 0, kept = 0;
    if (!of) {
        m->spent = true;
        return false;
    }
    for (size_t i = 0; i < in->records.n; i++)
        n += record_value(m, &in->records.of[i], &of[n]);
    in_order(of, n, sizeof(*of), by_key);
    for (size_t i = 0; i < n; i++)
        if (!kept || strcmp(of[i].key, of[kept - 1].key))
            of[kept++] = of[i];
    renumber(of, kept);
    *out = (struct wess_field){.name = in->name, .type = WESS_RECORDS, .records = {of, kept}};
    return kept > 0;
}

/* ---- all fields
 * ------------------------------------------------------------------------------------------ */

static bool is_wanted(const struct wess_list *want, const char *name)
{
    for (size_t i = 0; want && i < want->n; i++)
        if (name_is(want->of[i], name))
            return true;
    return !want;
}

/* A word of a list: in capitals. */
static bool word_value(struct maker *m, const struct wess_field *in, struct wess_field *out)
{
    if (!text_value(m, in, true, out))
        return false;
    char *word = arena_textn(m->a, out->str.data, out->str.len);
    m->spent |= !word;
    for (char *s = word; s && *s; s++)
        *s = (char)toupper((unsigned char)*s);
    out->str.data = word;
    return word != NULL;
}

static bool rule_value(struct maker *m, const struct wess_field *in, struct wess_field *out)
{
    bool bad = false;
    if (!text_value(m, in, true, out))
        return false;
    const char *rule = rrule_canonical(m->a, out->str.data, &bad);
    m->bad += bad;
    m->spent |= !rule && !bad;
    if (rule)
        out->str = (struct wess_slice){rule, strlen(rule)};
    return rule != NULL;
}

static bool scalar_value(struct maker *m, const struct field_def *def, const struct wess_field *in,
                         struct wess_field *out)
{
    if (in->type == WESS_TEXT && def->form == FORM_TEXT)
        return text_value(m, in, false, out);
    if (in->type == WESS_TEXT && def->form == FORM_WORD)
        return word_value(m, in, out);
    if (in->type == WESS_TEXT && def->form == FORM_RULE)
        return rule_value(m, in, out);
    return plain_value(m, in, out);
}

/* It says what saying nothing means. */
static bool is_preset(const struct field_def *def, const struct wess_field *f)
{
    if (!def->preset)
        return false;
    if (f->type == WESS_INT)
        return f->num == strtoll(def->preset, NULL, 10);
    return f->type == WESS_TEXT && !strcmp(f->str.data, def->preset);
}

/* A long text is a blob, and what lasts whole days has dates for times. */
static bool fits_type(const struct field_def *def, uint32_t type)
{
    return type == (uint32_t)def->type || (type == WESS_BLOB && def->type == WESS_TEXT) ||
           (type == WESS_DATE && def->type == WESS_TIME);
}

static bool value(struct maker *m, const struct field_def *def, const struct wess_field *in,
                  struct wess_field *out)
{
    if (in->type == WESS_NULL)
        return false;
    if (!fits_type(def, in->type)) {
        m->bad++;
        return false;
    }
    switch (def->merge) {
    case MERGE_SET:
        return set_value(m, in, out);
    case MERGE_RECORDS:
        return records_value(m, in, out);
    case MERGE_SCALAR:
        break;
    }
    return scalar_value(m, def, in, out) && !is_preset(def, out);
}

static bool recurs(const struct wess_field *f, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (name_is(f[i].name, "rrule"))
            return f[i].type == WESS_TEXT && f[i].str.len;
    return false;
}

bool content_canonical(const struct kind_def *kind, struct wess_arena *a,
                       const struct wess_field *f, size_t n, const struct wess_list *want,
                       struct content *out, size_t *bad)
{
    struct maker m = {kind, a, 0, false, recurs(f, n)};
    struct wess_field *of = arena_alloc(a, (n + 1) * sizeof(*of));
    size_t kept = 0, once = 0;
    for (size_t i = 0; of && i < n; i++) {
        const char *element;
        const struct field_def *def = field_find(kind, f[i].name, &element);
        if (!def || element || !is_wanted(want, f[i].name) || !value(&m, def, &f[i], &of[kept]))
            continue;
        of[kept].name = strcmp(def->name, f[i].name) ? copy(&m, f[i].name) : def->name;
        kept++;
    }
    if (!of || m.spent)
        return false;
    in_order(of, kept, sizeof(*of), by_field_name);
    for (size_t i = 0; i < kept; i++)
        if (!once || strcmp(of[i].name, of[once - 1].name))
            of[once++] = of[i];
    *out = (struct content){of, once};
    if (bad)
        *bad = m.bad;
    return true;
}
