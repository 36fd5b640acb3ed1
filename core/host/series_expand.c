/* The days of a rule (RFC 5545 3.3.10, by libical), what is changed of one, and what comes of it.
 */
#include <libical/ical.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/series.h"
#include "model/text.h"
#include "zone.h"

#define DAY_MS ((int64_t)86400000)
#define DAYS_MOST 100000 /* of a rule that are counted: three hundred years of days */

const struct wess_field *series_field(const struct wess_item *item, const char *name)
{
    for (size_t i = 0; i < item->n_fields; i++)
        if (!strcmp(item->fields[i].name, name) && item->fields[i].type != WESS_NULL)
            return &item->fields[i];
    return NULL;
}

bool series_is(const struct wess_item *item)
{
    return series_field(item, "rrule") || series_field(item, "rdate");
}

static bool is_day(const char *text)
{
    static const char form[] = "0000-00-00";
    for (size_t i = 0; i < SERIES_DAY; i++)
        if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
            return false;
    return true;
}

const char *series_of_id(struct wess_arena *a, const char *id, const char **day)
{
    size_t len = strlen(id);
    if (len < SERIES_DAY + 2 || id[len - SERIES_DAY - 1] != SERIES_MARK ||
        !is_day(id + len - SERIES_DAY))
        return NULL;
    *day = id + len - SERIES_DAY;
    return arena_textn(a, id, len - SERIES_DAY - 1);
}

/* ---- moments
 * ------------------------------------------------------------------------------------------ */

static const char *local_of(const struct wess_field *f)
{
    const char *text = !f                     ? NULL
                       : f->type == WESS_TIME ? f->time.local
                       : f->type == WESS_DATE ? f->str.data
                                              : NULL;
    return text && strlen(text) >= SERIES_DAY && is_day(text) ? text : NULL;
}

const char *series_day(struct wess_arena *a, const struct wess_item *whole)
{
    const char *local = local_of(series_field(whole, "start"));
    return arena_textn(a, local ? local : "", local ? SERIES_DAY : 0);
}

static icaltimetype day_of(const char *text)
{
    return (icaltimetype){
        .year = atoi(text), .month = atoi(text + 5), .day = atoi(text + 8), .is_date = 1};
}

static void write_day(icaltimetype t, char out[SERIES_DAY + 1])
{
    snprintf(out, SERIES_DAY + 1, "%04u-%02u-%02u", (unsigned)t.year % 10000u,
             (unsigned)t.month % 100u, (unsigned)t.day % 100u);
}

/* Wall clock as if there were no zones: differences and sums by the clock. */
static int64_t clock_ms(const char *local)
{
    char text[WESS_LOCAL_SIZE];
    snprintf(text, sizeof(text), "%.10s%s", local, local[SERIES_DAY] ? local + 10 : "T00:00:00");
    return wess_zone_instant(text, "Etc/UTC", 0);
}

/* An hour that the clocks leave out is the one behind it. What floats is nowhere in time. */
static int64_t instant_of(const char *local, const char *zone)
{
    char later[WESS_LOCAL_SIZE];
    int64_t ms = zone ? wess_zone_instant(local, zone, 0) : 0;
    if (!ms && zone && wess_zone_local(clock_ms(local) + DAY_MS / 24, "Etc/UTC", later))
        ms = wess_zone_instant(later, zone, 0);
    return ms;
}

/* About when, to the day: for windows. */
static int64_t about_ms(const struct wess_field *start, const char *day)
{
    char local[WESS_LOCAL_SIZE];
    snprintf(local, sizeof(local), "%.10s%s", day,
             start->type == WESS_TIME ? start->time.local + 10 : "T00:00:00");
    int64_t ms =
        start->type == WESS_TIME && start->time.zone ? instant_of(local, start->time.zone) : 0;
    return ms ? ms : clock_ms(local);
}

/* ---- which days
 * ------------------------------------------------------------------------------------------ */

struct days {
    struct wess_arena *a;
    const struct wess_field *start;
    const struct wess_field *overrides;
    const struct series_window *window;
    const struct wess_list *also;
    struct series_list *out;
    size_t cap;
};

static const struct wess_record *override_of(const struct wess_field *f, const char *day)
{
    for (size_t i = 0; f && f->type == WESS_RECORDS && i < f->records.n; i++)
        if (!strncmp(f->records.of[i].key, day, SERIES_DAY))
            return &f->records.of[i];
    return NULL;
}

static const struct wess_field *part_of(const struct wess_record *r, const char *name)
{
    for (size_t i = 0; r && i < r->n; i++)
        if (!strcmp(r->fields[i].name, name) && r->fields[i].type != WESS_NULL)
            return &r->fields[i];
    return NULL;
}

static bool is_asked(const struct days *d, const char *day)
{
    for (size_t i = 0; d->also && i < d->also->n; i++)
        if (!strncmp(d->also->of[i], day, SERIES_DAY))
            return true;
    return false;
}

static bool is_within(const struct series_window *w, int64_t ms)
{
    return ms >= w->from_ms && ms <= w->until_ms;
}

static bool is_listed(const struct series_list *l, const char *day)
{
    for (size_t i = l->n; i-- > 0;)
        if (!strcmp(l->of[i].day, day))
            return true;
    return false;
}

/* false: arena spent. */
static bool add(struct days *d, const char *day, int64_t when_ms, const struct wess_record *r)
{
    struct series_list *l = d->out;
    if (l->n == d->cap) {
        size_t cap = d->cap ? 2 * d->cap : 32;
        struct series_one *more = arena_alloc(d->a, cap * sizeof(*more));
        if (!more)
            return false;
        if (l->n)
            memcpy(more, l->of, l->n * sizeof(*more));
        l->of = more;
        d->cap = cap;
    }
    l->of[l->n] = (struct series_one){.when_ms = when_ms, .override = r};
    memcpy(l->of[l->n++].day, day, SERIES_DAY);
    return true;
}

/* In the window by its own day, or by the day to which it was moved. */
static bool take(struct days *d, const char *day)
{
    const struct wess_record *r = override_of(d->overrides, day);
    const struct wess_field *moved = part_of(r, "start");
    bool asked = is_asked(d, day);
    int64_t ms = about_ms(d->start, day);
    int64_t now = local_of(moved) ? about_ms(moved, local_of(moved)) : ms;
    bool within = is_within(d->window, ms) || is_within(d->window, now);
    if (part_of(r, "status") || (!asked && !within) || is_listed(d->out, day))
        return true;
    if (!asked && d->out->n >= d->window->most) {
        d->out->cut = true;
        return true;
    }
    if (!asked && strcmp(day, d->out->until) > 0)
        memcpy(d->out->until, day, SERIES_DAY);
    return add(d, day, now, r);
}

/* Behind it nothing is asked for. */
static bool is_beyond(const struct days *d, const char *day)
{
    bool later = false;
    for (size_t i = 0; d->also && i < d->also->n; i++)
        later |= strncmp(d->also->of[i], day, SERIES_DAY) >= 0;
    return !later && (d->out->cut || about_ms(d->start, day) > d->window->until_ms);
}

static bool by_rule(struct days *d, const char *rule)
{
    struct icalrecurrencetype r = icalrecurrencetype_from_string(rule);
    char day[SERIES_DAY + 1];
    bool ok = true;
    /* Days are counted: an end by the hour is that day. */
    r.until.is_date = !icaltime_is_null_time(r.until);
    r.until.hour = r.until.minute = r.until.second = 0;
    icalrecur_iterator *it = icalrecur_iterator_new(r, day_of(local_of(d->start)));
    for (int n = 0; it && ok && n < DAYS_MOST; n++) {
        icaltimetype t = icalrecur_iterator_next(it);
        if (icaltime_is_null_time(t))
            break;
        write_day(t, day);
        if (is_beyond(d, day))
            break;
        ok = take(d, day);
    }
    if (it)
        icalrecur_iterator_free(it);
    return ok;
}

/* A moved one may stand behind the end of the window by its own day. */
static bool by_overrides(struct days *d)
{
    bool ok = true;
    for (size_t i = 0; ok && d->overrides && i < d->overrides->records.n; i++) {
        const struct wess_record *r = &d->overrides->records.of[i];
        if (strlen(r->key) >= SERIES_DAY && is_day(r->key) && local_of(part_of(r, "start")))
            ok = take(d, arena_textn(d->a, r->key, SERIES_DAY));
    }
    return ok;
}

static bool by_dates(struct days *d, const struct wess_field *dates)
{
    bool ok = true;
    for (size_t i = 0; ok && dates && dates->type == WESS_SET && i < dates->set.n; i++)
        if (strlen(dates->set.of[i]) >= SERIES_DAY && is_day(dates->set.of[i]))
            ok = take(d, arena_textn(d->a, dates->set.of[i], SERIES_DAY));
    return ok;
}

static int by_day(const void *a, const void *b)
{
    return strcmp(((const struct series_one *)a)->day, ((const struct series_one *)b)->day);
}

/* One a day and no more: an id has the day alone. */
static bool has_hours(const char *rule)
{
    static const char *const words[] = {"HOURLY",  "MINUTELY",  "SECONDLY",
                                        "BYHOUR=", "BYMINUTE=", "BYSECOND="};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strstr(rule, words[i]))
            return true;
    return false;
}

bool series_expand(struct wess_arena *a, const struct wess_item *series,
                   const struct series_window *w, const struct wess_list *also,
                   struct series_list *out, const char **why)
{
    const struct wess_field *rule = series_field(series, "rrule");
    const struct wess_field *overrides = series_field(series, "overrides");
    struct days d = {.a = a,
                     .start = series_field(series, "start"),
                     .overrides = overrides && overrides->type == WESS_RECORDS ? overrides : NULL,
                     .window = w,
                     .also = also,
                     .out = out};
    bool bad = false;
    *out = (struct series_list){.of = NULL};
    *why = NULL;
    if (!local_of(d.start)) {
        *why = "a series that begins nowhere";
        return true;
    }
    char *text =
        rule && rule->type == WESS_TEXT ? arena_textn(a, rule->str.data, rule->str.len) : NULL;
    const char *canonical = text ? rrule_canonical(a, text, &bad) : NULL;
    if ((text && bad) || (canonical && has_hours(canonical))) {
        *why = "a rule that is not by days";
        return true;
    }
    if (text && !canonical)
        return false;
    char *first = arena_textn(a, local_of(d.start), SERIES_DAY);
    bool ok = first && (!canonical || by_rule(&d, canonical)) && (canonical || take(&d, first)) &&
              by_dates(&d, series_field(series, "rdate")) && by_overrides(&d);
    if (out->n)
        qsort(out->of, out->n, sizeof(*out->of), by_day);
    return ok && arena_refused(a) == ARENA_GAVE;
}

/* ---- what one is
 * ------------------------------------------------------------------------------------------ */

static bool put_moment(struct wess_arena *a, struct wess_field *f, const char *name,
                       const struct wess_field *like, int64_t clock)
{
    char local[WESS_LOCAL_SIZE];
    if (!wess_zone_local(clock, "Etc/UTC", local))
        return false;
    *f = (struct wess_field){.name = name, .type = like->type};
    if (like->type == WESS_DATE) {
        f->str = (struct wess_slice){arena_textn(a, local, SERIES_DAY), SERIES_DAY};
        return f->str.data != NULL;
    }
    f->time = (struct wess_time){arena_text(a, local), like->time.zone,
                                 instant_of(local, like->time.zone)};
    return f->time.local != NULL;
}

/* An override tells its times without their instant. */
static struct wess_field own_moment(const struct wess_field *f, const char *name)
{
    struct wess_field out = *f;
    out.name = name;
    if (f->type == WESS_TIME && !f->time.ms && f->time.local)
        out.time.ms = instant_of(f->time.local, f->time.zone);
    return out;
}

/* Its times are the series' on its own day, as long as the series lasts, unless it has its own. */
static bool put_times(struct wess_arena *a, const struct wess_item *series,
                      const struct series_one *one, struct wess_field *out, size_t *n)
{
    const struct wess_field *start = series_field(series, "start"),
                            *end = series_field(series, "end"),
                            *own = part_of(one->override, "start"),
                            *own_end = part_of(one->override, "end");
    char first[WESS_LOCAL_SIZE];
    snprintf(first, sizeof(first), "%s%s", one->day,
             start->type == WESS_TIME ? start->time.local + 10 : "T00:00:00");
    int64_t from = clock_ms(local_of(own) ? local_of(own) : first);
    if (local_of(own))
        out[(*n)++] = own_moment(own, "start");
    else if (!put_moment(a, &out[(*n)++], "start", start, from))
        return false;
    if (local_of(own_end))
        out[(*n)++] = own_moment(own_end, "end");
    else if (local_of(end) &&
             !put_moment(a, &out[(*n)++], "end", end,
                         from + clock_ms(local_of(end)) - clock_ms(local_of(start))))
        return false;
    return true;
}

/* Files too: each occurrence would get copies of its own. */
static bool is_of_series(const char *name)
{
    static const char *const names[] = {"rrule", "rdate", "overrides", "start",
                                        "end",   "uid",   "attach"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

static void put_parts(const struct series_one *one, struct wess_field *fields, size_t *n)
{
    static const char *const names[] = {"summary", "location", "busystatus"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct wess_field *own = part_of(one->override, names[i]);
        size_t at = 0;
        while (at < *n && strcmp(fields[at].name, names[i]) != 0)
            at++;
        if (!own)
            continue;
        fields[at] = *own;
        *n += at == *n;
    }
}

/* What it shows, short enough to be its revision: two that differ differ here. */
static const char *digest_text(struct wess_arena *a, const struct wess_item *item)
{
    static const char digits[] = "0123456789abcdef";
    struct arena_mark mark = arena_mark(a);
    struct content c;
    struct wess_slice bytes;
    unsigned char digest[DIGEST_SIZE];
    char text[33];
    const struct kind_def *kind = kind_find("event");
    bool ok = content_canonical(kind, a, item->fields, item->n_fields, NULL, &c, NULL) &&
              content_encode(a, &c, &bytes);
    if (ok)
        digest_of(bytes, digest);
    arena_back(a, mark);
    for (size_t i = 0; ok && i < 32; i++)
        text[i] = digits[i % 2 ? digest[i / 2] & 15u : digest[i / 2] >> 4];
    text[32] = 0;
    return ok ? arena_text(a, text) : NULL;
}

bool series_item(struct wess_arena *a, const struct wess_item *series, struct series_one *one)
{
    const struct wess_field *uid = series_field(series, "uid");
    struct wess_field *f = arena_alloc(a, (series->n_fields + 6) * sizeof(*f));
    struct wess_item *item = &one->item;
    size_t n = 0;
    if (!f)
        return false;
    for (size_t i = 0; i < series->n_fields; i++)
        if (!is_of_series(series->fields[i].name))
            f[n++] = series->fields[i];
    put_parts(one, f, &n);
    if (!put_times(a, series, one, f, &n))
        return false;
    if (uid && uid->type == WESS_TEXT) {
        char *text =
            arena_fmt(a, "%.*s/%s", (int)uid->str.len, (const char *)uid->str.data, one->day);
        if (!text)
            return false;
        f[n++] = (struct wess_field){.name = "uid", .type = WESS_TEXT, .str = {text, strlen(text)}};
    }
    *item = *series;
    item->fields = f;
    item->n_fields = n;
    item->when_ms = one->when_ms;
    item->id = arena_fmt(a, "%s%c%s", series->id, SERIES_MARK, one->day);
    item->revision = digest_text(a, item);
    return item->id && item->revision && conn_keys(a, item, NULL);
}
