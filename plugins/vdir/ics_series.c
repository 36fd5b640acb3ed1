/* Changed and deleted occurrences of a series: EXDATE, and components with a RECURRENCE-ID; to the
 * core overrides, keyed by the local date on which the occurrence was to be. */
#include <stdlib.h>
#include <string.h>

#include "ics.h"

#define PARTS 6u
#define DAY 10u /* letters of a date */

const struct wess_field *ics_part(const struct wess_record *r, const char *name)
{
    for (size_t i = 0; i < r->n; i++)
        if (!strcmp(r->fields[i].name, name))
            return &r->fields[i];
    return NULL;
}

static bool is_gone(const struct wess_record *r)
{
    return ics_part(r, "status") != NULL;
}

/* The local date by the clocks of the series. */
static void to_day(const struct ics *ics, const struct ics_moment *start, struct ics_moment *m)
{
    ics_in_zone(ics, start->zone, m);
    m->is_date = true;
    m->local[DAY] = 0;
}

/* When that occurrence was to begin. */
static struct ics_moment on_day(const struct ics_moment *start, const char *day)
{
    struct ics_moment m = *start;
    memcpy(m.local, day, DAY);
    return m;
}

/* ---- reading
 * ------------------------------------------------------------------------------------------ */

struct finder {
    struct wess_call *call;
    struct ics *ics;
    struct ics_moment start;
    struct wess_vec found; /* struct wess_record */
    bool spent;
};

static struct wess_record *add(struct finder *s, const char *day)
{
    const struct wess_host *h = s->call->conn->host;
    struct wess_field *parts = h->alloc(s->call->arena, PARTS * sizeof(*parts));
    const char *key = wess_arena_text(h, s->call->arena, day);
    struct wess_record *new = parts &&key ? wess_vec_push(h, s->call->arena, &s->found) : NULL;
    s->spent |= !new;
    if (new)
        *new = (struct wess_record){.key = key, .fields = parts};
    return new;
}

static struct wess_field *add_part(struct wess_record *to, const char *name)
{
    struct wess_field *parts = (struct wess_field *)(uintptr_t)to->fields; /* of add() */
    parts[to->n] = (struct wess_field){.name = name};
    return &parts[to->n++];
}

static void add_text(struct wess_record *to, const char *name, struct wess_slice text)
{
    struct wess_field *f = text.len && text.len <= WESS_INLINE_MAX ? add_part(to, name) : NULL;
    if (f) {
        f->type = WESS_TEXT;
        f->str = text;
    }
}

static void find_gone(struct finder *s)
{
    const struct lines *v = s->ics->v;
    for (size_t i = ics_find(v, s->ics->main, "EXDATE", 0); i != LINES_NONE && !s->spent;
         i = ics_find(v, s->ics->main, "EXDATE", i + 1)) {
        struct wess_slice rest = v->lines[i].value, one;
        struct ics_moment m;
        while (!s->spent && lines_next_in_list(&rest, &one)) {
            if (!ics_moment(s->ics, &v->lines[i], one, &m))
                continue;
            to_day(s->ics, &s->start, &m);
            struct wess_record *r = add(s, m.local);
            if (r)
                add_text(r, "status", (struct wess_slice){"CANCELLED", 9});
        }
    }
}

static struct wess_slice text_of(struct finder *s, struct ics_span at, const char *name)
{
    size_t line = ics_find(s->ics->v, at, name, 0);
    struct wess_slice text = {"", 0};
    if (line != LINES_NONE)
        ics_text(s->call, s->ics->v, line, &text, &s->spent);
    return text;
}

/* Saying nothing is busy (RFC 5545 3.8.2.7). */
static const char *busy(const struct lines *v, struct ics_span at)
{
    const char *word = ics_shown(v, at, "TRANSP");
    return *word ? word : "BUSY";
}

/* Only what is unlike the series is said of one. */
static void add_unlike(struct finder *s, struct ics_span at, struct wess_record *r)
{
    static const char *const names[][2] = {{"summary", "SUMMARY"}, {"location", "LOCATION"}};
    for (size_t i = 0; i < 2; i++) {
        struct wess_slice own = text_of(s, at, names[i][1]);
        if (!edit_equal(own, text_of(s, s->ics->main, names[i][1])))
            add_text(r, names[i][0], own);
    }
    const char *shown = busy(s->ics->v, at);
    if (strcmp(shown, busy(s->ics->v, s->ics->main)) != 0)
        add_text(r, "busystatus", (struct wess_slice){shown, strlen(shown)});
}

static void add_moment(struct finder *s, struct wess_record *r, const char *name,
                       struct ics_moment *m)
{
    ics_in_zone(s->ics, s->start.zone, m);
    s->spent |= !ics_put_field(s->call, m, true, add_part(r, name));
}

static bool day_of(struct ics *ics, const struct ics_moment *start, struct ics_span at,
                   struct ics_moment *day)
{
    if (!ics_moment_of(ics, at, "RECURRENCE-ID", day))
        return false;
    to_day(ics, start, day);
    return true;
}

static bool is_called_off(const struct lines *v, struct ics_span at)
{
    return ics_says(ics_value(v, at, "STATUS"), "CANCELLED");
}

static void find_changed(struct finder *s)
{
    struct ics_span at = {0, 0};
    struct ics_moment m;
    while (!s->spent && ics_next_changed(s->ics, &at)) {
        struct wess_record *r = day_of(s->ics, &s->start, at, &m) ? add(s, m.local) : NULL;
        if (!r)
            continue;
        if (is_called_off(s->ics->v, at)) {
            add_text(r, "status", (struct wess_slice){"CANCELLED", 9});
            continue;
        }
        if (ics_moment_of(s->ics, at, "DTSTART", &m))
            add_moment(s, r, "start", &m);
        if (ics_end_of(s->ics, at, &m))
            add_moment(s, r, "end", &m);
        add_unlike(s, at, r);
    }
}

static int by_key(const void *a, const void *b)
{
    const struct wess_record *x = a, *y = b;
    int d = strcmp(x->key, y->key);
    return d ? d : (int)is_gone(y) - (int)is_gone(x);
}

bool ics_overrides(struct wess_call *call, struct ics *ics, struct wess_records *out)
{
    struct finder s = {.call = call, .ics = ics, .found = {.size = sizeof(struct wess_record)}};
    size_t kept = 0;
    *out = (struct wess_records){NULL, 0};
    if (!ics_moment_of(ics, ics->main, "DTSTART", &s.start))
        return true;
    find_gone(&s);
    find_changed(&s);
    struct wess_record *of = s.found.of;
    if (s.found.n && !s.spent)
        qsort(of, s.found.n, sizeof(*of), by_key);
    for (size_t i = 0; !s.spent && i < s.found.n; i++)
        if (of[i].n && (!kept || strcmp(of[i].key, of[kept - 1].key)))
            of[kept++] = of[i];
    *out = (struct wess_records){of, kept};
    return !s.spent;
}

void ics_read_overrides(struct ics_reading *r, const struct ics_field *f)
{
    struct wess_records found = {NULL, 0};
    if (ics_recurs(&r->ics))
        r->spent |= !ics_overrides(r->call, &r->ics, &found);
    struct wess_field *out = !r->spent && found.n ? ics_push(r, f->name, WESS_RECORDS) : NULL;
    if (out)
        out->records = found;
}

/* ---- what is wanted
 * ------------------------------------------------------------------------------------------ */

struct wanted {
    struct ics_edit *x;
    struct ics_moment start;
    int64_t length;         /* seconds; -1: it has no end */
    struct wess_record *of; /* by key */
    bool *seen;
    size_t n;
};

static bool is_day(const char *key)
{
    static const char form[] = "0000-00-00";
    size_t i = 0;
    for (; form[i]; i++)
        if (form[i] == '0' ? key[i] < '0' || key[i] > '9' : key[i] != form[i])
            return false;
    return !key[i];
}

static bool want(struct ics_edit *x, const struct wess_field *w, struct wanted *out)
{
    struct ics_moment end;
    size_t n = w->type == WESS_RECORDS ? w->records.n : 0;
    *out = (struct wanted){.x = x, .length = -1};
    out->of = x->e.host->alloc(x->e.call->arena, (n + 1) * sizeof(*out->of));
    out->seen = x->e.host->alloc(x->e.call->arena, (n + 1) * sizeof(*out->seen));
    x->e.spent |= !out->of || !out->seen;
    if (x->e.spent || !ics_moment_of(&x->ics, x->ics.main, "DTSTART", &out->start))
        return false;
    if (ics_end_of(&x->ics, x->ics.main, &end))
        out->length = ics_seconds(&out->start, &end);
    for (size_t i = 0; i < n; i++)
        if (is_day(w->records.of[i].key))
            out->of[out->n++] = w->records.of[i];
    if (out->n)
        qsort(out->of, out->n, sizeof(*out->of), by_key);
    memset(out->seen, 0, (n + 1) * sizeof(*out->seen));
    return true;
}

static size_t place_of(const struct wanted *w, const char *day)
{
    const struct wess_record key = {.key = day};
    size_t low = 0, high = w->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (strcmp(w->of[mid].key, key.key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < w->n && !strcmp(w->of[low].key, day) ? low : LINES_NONE;
}

/* ---- deleted ones
 * ------------------------------------------------------------------------------------------ */

/* The line without what is not wanted gone. */
static void sift(struct wanted *w, size_t line)
{
    static const char *const none[] = {NULL};
    struct ics_edit *x = w->x;
    const struct line *l = &x->ics.v->lines[line];
    struct wess_slice rest = l->value, one;
    struct ics_moment m;
    bool changed = false, any = false;
    edit_fresh(&x->e);
    ics_put_head(&x->e.text, l, none);
    lines_puts(&x->e.text, ":");
    while (lines_next_in_list(&rest, &one)) {
        bool known = ics_moment(&x->ics, l, one, &m);
        if (known)
            to_day(&x->ics, &w->start, &m);
        size_t at = known ? place_of(w, m.local) : LINES_NONE;
        if (known && (at == LINES_NONE || !is_gone(&w->of[at]))) {
            changed = true;
            continue;
        }
        if (known)
            w->seen[at] = true;
        lines_puts(&x->e.text, any ? "," : "");
        lines_put(&x->e.text, one.data, one.len);
        any = true;
    }
    if (changed && !any)
        x->ics.v->lines[line].dropped = true;
    else if (changed)
        ics_put(x, x->ics.main, line);
}

static void see_called_off(struct wanted *w)
{
    struct ics_span at = {0, 0};
    struct ics_moment m;
    while (ics_next_changed(&w->x->ics, &at)) {
        size_t i = is_called_off(w->x->ics.v, at) && day_of(&w->x->ics, &w->start, at, &m)
                       ? place_of(w, m.local)
                       : LINES_NONE;
        if (i != LINES_NONE)
            w->seen[i] = true;
    }
}

/* All in one line: their zone is that of the start. */
static void add_gone(struct wanted *w)
{
    struct ics_edit *x = w->x;
    bool any = false;
    edit_fresh(&x->e);
    for (size_t i = 0; i < w->n; i++) {
        if (!is_gone(&w->of[i]) || w->seen[i])
            continue;
        struct ics_moment m = on_day(&w->start, w->of[i].key);
        lines_puts(&x->e.text, any ? "," : "EXDATE");
        if (!any)
            ics_put_zone(&x->ics, &x->e.text, &m);
        ics_put_value(&x->e.text, &m);
        any = true;
    }
    if (any)
        ics_put(x, x->ics.main, LINES_NONE);
}

void ics_write_gone(struct ics_edit *x, const struct ics_field *f, const struct wess_field *w)
{
    struct wanted all;
    if (!ics_recurs(&x->ics)) {
        if (ics_field_of(&x->e, f->name) && w->type == WESS_RECORDS && w->records.n)
            ics_refuse(x, f->name, "it does not recur");
        return;
    }
    if (!want(x, w, &all))
        return;
    for (size_t i = ics_find(x->ics.v, x->ics.main, "EXDATE", 0); i != LINES_NONE;
         i = ics_find(x->ics.v, x->ics.main, "EXDATE", i + 1))
        sift(&all, i);
    see_called_off(&all);
    add_gone(&all);
}

/* ---- changed ones
 * ------------------------------------------------------------------------------------------ */

/* Start (0) and end (1) of one; false: it has no end. */
static bool time_of(const struct wanted *w, const struct wess_record *r, size_t which,
                    struct ics_moment *out)
{
    const struct wess_field *own = ics_part(r, which ? "end" : "start");
    if (own && ics_moment_of_field(own, out)) {
        /* Whole days come as midnights from who knows no days. */
        if (w->start.is_date && !out->is_date) {
            *out->zone = 0;
            out->is_date = true;
            out->local[DAY] = 0;
        }
        return w->start.is_date || !out->is_date;
    }
    if (which && w->length < 0)
        return false;
    *out = on_day(&w->start, r->key);
    ics_add_seconds(out, which ? w->length : 0);
    return true;
}

static struct wess_slice text_for(struct wanted *w, const struct wess_record *r, const char *name,
                                  const char *property)
{
    const struct wess_field *own = ics_part(r, name);
    size_t line = ics_find_now(w->x->ics.v, w->x->ics.main, property);
    struct wess_slice text = {"", 0};
    if (own && own->type == WESS_TEXT)
        return own->str;
    if (line != LINES_NONE)
        ics_text(w->x->e.call, w->x->ics.v, line, &text, &w->x->e.spent);
    return text;
}

static const char *word_for(struct wanted *w, const struct wess_record *r)
{
    const struct wess_field *own = ics_part(r, "busystatus");
    const char *text =
        own && own->type == WESS_TEXT
            ? wess_arena_textn(w->x->e.host, w->x->e.call->arena, own->str.data, own->str.len)
            : busy(w->x->ics.v, w->x->ics.main);
    w->x->e.spent |= !text;
    return text ? text : "";
}

static void set_time(struct wanted *w, struct ics_span at, const struct wess_record *r,
                     size_t which)
{
    struct ics_edit *x = w->x;
    struct ics_moment m, now;
    bool had = which ? ics_end_of(&x->ics, at, &now) : ics_moment_of(&x->ics, at, "DTSTART", &now);
    if (had)
        ics_in_zone(&x->ics, w->start.zone, &now);
    if (!time_of(w, r, which, &m) || (had && ics_same_moment(&now, &m)))
        return;
    size_t length = ics_find(x->ics.v, at, "DURATION", 0);
    if (which && length != LINES_NONE)
        x->ics.v->lines[length].dropped = true;
    ics_set_moment(x, at, which ? "DTEND" : "DTSTART", &m);
}

static bool same_part(const struct wess_field *a, const struct wess_field *b)
{
    if (!b || a->type != b->type)
        return false;
    if (a->type == WESS_TIME)
        return !strcmp(a->time.local, b->time.local) && wess_zone_same(a->time.zone, b->time.zone);
    return (a->type == WESS_TEXT || a->type == WESS_DATE) && edit_equal(a->str, b->str);
}

static const struct wess_record *record_of(const struct wess_records *all, const char *key)
{
    for (size_t i = 0; i < all->n; i++)
        if (!strcmp(all->of[i].key, key))
            return &all->of[i];
    return NULL;
}

/* As the op was computed from it: the same, where line ends and runs of spaces are one space. */
static const struct wess_record *before(const struct ics_edit *x, const char *key)
{
    const struct wess_field *all = ics_before(x, "overrides");
    return all && all->type == WESS_RECORDS ? record_of(&all->records, key) : NULL;
}

/* What it has not of its own it has of the series; what it lacks altogether stays away. */
static void change_text(struct wanted *w, struct ics_span at, const struct wess_record *r,
                        const char *name, const char *property)
{
    size_t line = ics_find(w->x->ics.v, at, property, 0);
    const struct wess_record *was = before(w->x, r->key);
    const struct wess_field *own = ics_part(r, name);
    if (own && was && same_part(own, ics_part(was, name)))
        return;
    if (!own && (line == LINES_NONE || w->x->ics.v->lines[line].value.len > WESS_INLINE_MAX))
        return;
    ics_set_text(w->x, at, property, text_for(w, r, name, property));
}

static void change_texts(struct wanted *w, struct ics_span at, const struct wess_record *r)
{
    const char *word = word_for(w, r);
    change_text(w, at, r, "summary", "SUMMARY");
    change_text(w, at, r, "location", "LOCATION");
    if (strcmp(word, busy(w->x->ics.v, at)) != 0)
        ics_set_shown(w->x, at, "TRANSP", word);
}

static bool same(const struct wess_record *a, const struct wess_record *b)
{
    bool yes = a->n == b->n;
    for (size_t i = 0; yes && i < a->n; i++)
        yes = same_part(&a->fields[i], ics_part(b, a->fields[i].name));
    return yes;
}

/* Is it to say what it said? */
static bool is_as_it_was(const struct ics_edit *x, const struct wess_record *r)
{
    const struct wess_record *had = record_of(&x->had, r->key), *was = before(x, r->key);
    return had && (same(had, r) || (was && same(was, r)));
}

static void change(struct wanted *w, struct ics_span at, const struct wess_record *r)
{
    if (!is_as_it_was(w->x, r)) {
        set_time(w, at, r, 0);
        set_time(w, at, r, 1);
    }
    change_texts(w, at, r);
}

/* ---- new ones: the series without what makes it one
 * ------------------------------------------------------------------------------------------ */

static void add_line(struct ics_edit *x)
{
    lines_add_at(x->ics.v, x->ics.cal.to, x->e.text.spent ? NULL : x->e.text.data);
    if (!x->ics.v->spent)
        x->ics.v->lines[x->ics.v->n - 1].aside = true;
    edit_fresh(&x->e);
}

static void add_moment_line(struct ics_edit *x, const char *name, const struct ics_moment *m)
{
    lines_puts(&x->e.text, name);
    ics_put_zone(&x->ics, &x->e.text, m);
    ics_put_value(&x->e.text, m);
    add_line(x);
}

static void add_text_line(struct ics_edit *x, const char *name, struct wess_slice text)
{
    if (!text.len)
        return;
    lines_puts(&x->e.text, name);
    lines_puts(&x->e.text, ":");
    lines_put_escaped(&x->e.text, text);
    add_line(x);
}

static bool is_of_series(const struct line *l)
{
    static const char *const own[] = {
        "RRULE",    "RDATE",   "EXDATE",   "EXRULE", "RECURRENCE-ID",
        "DTSTART",  "DTEND",   "DURATION", "TRANSP", "X-MICROSOFT-CDO-BUSYSTATUS",
        VDIR_STAMP, "SUMMARY", "LOCATION"};
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (lines_is(l, own[i]))
            return true;
    return false;
}

static void copy_line(struct ics_edit *x, size_t i, bool elsewhere, size_t *depth)
{
    const struct line *l = &x->ics.v->lines[i];
    if (l->dropped || !l->name.len) /* what is no property might go on with the line before */
        return;
    *depth -= lines_is(l, "END") && *depth;
    if (*depth || !(is_of_series(l) || (elsewhere && lines_is(l, ics_place_on_map)))) {
        *depth += lines_is(l, "BEGIN");
        lines_put(&x->e.text, l->text.data, l->text.len);
        add_line(x);
    }
}

/* elsewhere: it has a place of its own. */
static void copy_rest(struct ics_edit *x, bool elsewhere)
{
    struct ics_span s = x->ics.main;
    size_t depth = 0, n = x->ics.v->n;
    for (size_t i = s.from + 1; i <= s.to; i++) {
        for (size_t k = x->ics.v->n_read; k < n; k++)
            if (x->ics.v->lines[k].before == i)
                copy_line(x, k, elsewhere, &depth);
        if (i < s.to)
            copy_line(x, i, elsewhere, &depth);
    }
}

static void create(struct wanted *w, const struct wess_record *r)
{
    struct ics_edit *x = w->x;
    struct ics_moment m = on_day(&w->start, r->key), start, end;
    const char *word = word_for(w, r);
    const struct ics_word *known = ics_words;
    if (!time_of(w, r, 0, &start))
        return;
    edit_fresh(&x->e);
    lines_puts(&x->e.text, "BEGIN:VEVENT");
    add_line(x);
    add_moment_line(x, "RECURRENCE-ID", &m);
    add_moment_line(x, "DTSTART", &start);
    if (time_of(w, r, 1, &end))
        add_moment_line(x, "DTEND", &end);
    add_text_line(x, "SUMMARY", text_for(w, r, "summary", "SUMMARY"));
    add_text_line(x, "LOCATION", text_for(w, r, "location", "LOCATION"));
    while (known->word && (strcmp(known->property, "TRANSP") || strcmp(known->word, word)))
        known++;
    if (known->word)
        add_text_line(x, "TRANSP", (struct wess_slice){known->said, strlen(known->said)});
    if (known->word && known->needs_own)
        add_text_line(x, known->own, (struct wess_slice){word, strlen(word)});
    copy_rest(x, ics_part(r, "location") != NULL);
    lines_puts(&x->e.text, "END:VEVENT");
    add_line(x);
}

static void change_one(struct wanted *w, struct ics_span at, const char *day)
{
    size_t i = place_of(w, day);
    bool known = i != LINES_NONE, gone = known && is_gone(&w->of[i]);
    if (known && (w->seen[i] || (gone && is_as_it_was(w->x, &w->of[i]))))
        return; /* a second one for that day, or one that EXDATE hides: kept, not shown */
    if (!known || is_called_off(w->x->ics.v, at) != gone) {
        ics_drop(w->x, at);
        return;
    }
    w->seen[i] = true;
    if (!gone)
        change(w, at, &w->of[i]);
}

/* It recurs no more. */
static void drop_all(struct ics_edit *x)
{
    struct lines *v = x->ics.v;
    struct ics_span at = {0, 0};
    for (size_t i = ics_find(v, x->ics.main, "EXDATE", 0); i != LINES_NONE;
         i = ics_find(v, x->ics.main, "EXDATE", i + 1))
        v->lines[i].dropped = true;
    while (ics_next_changed(&x->ics, &at))
        ics_drop(x, at);
}

void ics_write_overrides(struct ics_edit *x, const struct ics_field *f, const struct wess_field *w)
{
    struct wanted all;
    struct ics_span at = {0, 0};
    struct ics_moment m;
    (void)f;
    if (!ics_recurs(&x->ics) && x->had.n)
        drop_all(x);
    if (!ics_recurs(&x->ics) || !want(x, w, &all))
        return;
    while (ics_next_changed(&x->ics, &at))
        if (day_of(&x->ics, &all.start, at, &m))
            change_one(&all, at, m.local);
    for (size_t i = 0; i < all.n && !x->e.spent && !x->ics.v->spent; i++)
        if (!all.seen[i] && !is_gone(&all.of[i]))
            create(&all, &all.of[i]);
}

/* ---- where the series begins at another hour
 * ------------------------------------------------------------------------------------------ */

/* An occurrence is named by when it was to be: by the new hour from now on. */
void ics_move_overrides(struct ics_edit *x, const struct ics_moment *was)
{
    struct wanted gone = {.x = x};
    struct ics_span at = {0, 0};
    struct ics_moment day;
    struct lines *v = x->ics.v;
    const struct wess_field all = {.type = WESS_RECORDS, .records = x->had};
    if (!x->had.n || !want(x, &all, &gone))
        return;
    for (size_t i = ics_find(v, x->ics.main, "EXDATE", 0); i != LINES_NONE;
         i = ics_find(v, x->ics.main, "EXDATE", i + 1))
        v->lines[i].dropped = true;
    while (ics_next_changed(&x->ics, &at)) {
        if (!day_of(&x->ics, was, at, &day))
            continue;
        struct ics_moment m = on_day(&gone.start, day.local);
        ics_set_moment(x, at, "RECURRENCE-ID", &m);
        size_t i = place_of(&gone, day.local);
        if (i != LINES_NONE)
            gone.seen[i] = true;
    }
    add_gone(&gone);
}
