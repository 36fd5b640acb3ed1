/* Times: what a calendar file writes, as local text and IANA zone; and the definitions of zones. */
#include <libical/ical.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ics.h"

#define MONTHS 12
#define CHANGES_MAX 64u /* of the clocks, that a definition lists */
#define DAY_S ((int64_t)86400)
#define UTC "Etc/UTC"

/* ---- zones
 * ------------------------------------------------------------------------------------------ */

static bool copy_name(struct wess_slice s, char out[WESS_ZONE_SIZE])
{
    if (!s.len || s.len >= WESS_ZONE_SIZE)
        return false;
    memcpy(out, s.data, s.len);
    out[s.len] = 0;
    return true;
}

/* "/freeassociation.sourceforge.net/Europe/Berlin": who named it stands before the name. */
static bool zone_named(const char *name, char out[WESS_ZONE_SIZE])
{
    for (const char *at = name; at; at = strchr(at, '/')) {
        at += *at == '/';
        if (*at && wess_zone_iana(at, out))
            return true;
    }
    return false;
}

/* In quotes there may be commas. */
static struct wess_slice whole_param(const struct line *l, const char *want)
{
    struct wess_slice rest = l->params, name, value;
    while (lines_next_param(&rest, &name, &value)) {
        const char *p = value.data;
        if (!ics_says(name, want))
            continue;
        if (value.len >= 2 && p[0] == '"' && p[value.len - 1] == '"')
            return (struct wess_slice){p + 1, value.len - 2};
        return value;
    }
    return (struct wess_slice){NULL, 0};
}

static bool definition_of(const struct ics *ics, const char *tzid, struct ics_span *at)
{
    *at = (struct ics_span){0, 0};
    while (ics_next(ics->v, ics->cal, "VTIMEZONE", at))
        if (ics_says(ics_value(ics->v, *at, "TZID"), tzid))
            return true;
    return false;
}

/* The clocks of a definition in the middle of each month of a year. */
static bool offsets_of(icaltimezone *zone, int64_t at[MONTHS], int minutes[MONTHS])
{
    for (int m = 0; m < MONTHS; m++) {
        struct icaltimetype t = {.year = 2027, .month = m + 1, .day = 15, .hour = 12};
        int is_dst = 0;
        t.zone = icaltimezone_get_utc_timezone();
        at[m] = (int64_t)icaltime_as_timet(t) * 1000;
        minutes[m] = icaltimezone_get_utc_offset_of_utc_time(zone, &t, &is_dst) / 60;
    }
    return true;
}

/* Changes of the clocks come once a year; what a file claims beyond that is not reckoned out. */
static bool is_modest(icalcomponent *zone)
{
    size_t n = 0;
    bool modest = true;
    for (icalcomponent *c = icalcomponent_get_first_component(zone, ICAL_ANY_COMPONENT); c;
         c = icalcomponent_get_next_component(zone, ICAL_ANY_COMPONENT), n++)
        for (icalproperty *p = icalcomponent_get_first_property(c, ICAL_RRULE_PROPERTY); p;
             p = icalcomponent_get_next_property(c, ICAL_RRULE_PROPERTY)) {
            struct icalrecurrencetype r = icalproperty_get_rrule(p);
            modest &= r.freq == ICAL_YEARLY_RECURRENCE &&
                      r.by_second[0] == ICAL_RECURRENCE_ARRAY_MAX &&
                      r.by_minute[0] == ICAL_RECURRENCE_ARRAY_MAX &&
                      r.by_hour[0] == ICAL_RECURRENCE_ARRAY_MAX;
        }
    return modest && n > 0 && n <= CHANGES_MAX;
}

static bool zone_by_rules(const struct ics *ics, struct ics_span s, char out[WESS_ZONE_SIZE])
{
    const struct line *first = &ics->v->lines[s.from], *last = &ics->v->lines[s.to];
    char *text = strndup(ics->v->bytes + first->at, last->at + last->len - first->at);
    icalcomponent *c = text ? icalparser_parse_string(text) : NULL;
    icaltimezone *zone = c ? icaltimezone_new() : NULL;
    int64_t at[MONTHS];
    int minutes[MONTHS];
    bool ok = zone && icalcomponent_isa(c) == ICAL_VTIMEZONE_COMPONENT && is_modest(c) &&
              icaltimezone_set_component(zone, c);
    if (!ok && c)
        icalcomponent_free(c);
    ok = ok && offsets_of(zone, at, minutes) && wess_zone_like(at, minutes, MONTHS, out);
    if (zone)
        icaltimezone_free(zone, 1);
    free(text);
    return ok;
}

static bool find_zone(const struct ics *ics, const char *tzid, char out[WESS_ZONE_SIZE])
{
    struct ics_span at;
    char place[WESS_ZONE_SIZE];
    if (zone_named(tzid, out))
        return true;
    if (!definition_of(ics, tzid, &at))
        return false;
    return (copy_name(ics_value(ics->v, at, "X-LIC-LOCATION"), place) && zone_named(place, out)) ||
           zone_by_rules(ics, at, out);
}

/* A file names one zone again and again. */
static bool zone_of(struct ics *ics, struct wess_slice tzid, char out[WESS_ZONE_SIZE])
{
    char name[WESS_ZONE_SIZE];
    if (!copy_name(tzid, name))
        return false;
    if (!ics->asked || strcmp(ics->tzid, name) != 0) {
        ics->known = find_zone(ics, name, ics->zone);
        ics->asked = true;
        memcpy(ics->tzid, name, sizeof(name));
    }
    memcpy(out, ics->zone, WESS_ZONE_SIZE);
    return ics->known;
}

/* ---- reading
 * ------------------------------------------------------------------------------------------ */

static bool number(const char *p, size_t n, int least, int most)
{
    int value = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        value = value * 10 + p[i] - '0';
    }
    return value >= least && value <= most;
}

static bool is_day(const char *p)
{
    int year = atoi((const char[]){p[0], p[1], p[2], p[3], 0});
    int month = atoi((const char[]){p[4], p[5], 0}), day = atoi((const char[]){p[6], p[7], 0});
    return day <= icaltime_days_in_month(month, year);
}

static bool read_value(struct wess_slice s, struct ics_moment *out, bool *utc)
{
    const char *p = s.data;
    *utc = s.len == 16 && (p[15] == 'Z' || p[15] == 'z');
    if (s.len < 8 || !number(p, 4, 1, 9999) || !number(p + 4, 2, 1, 12) ||
        !number(p + 6, 2, 1, 31) || !is_day(p))
        return false;
    out->is_date = s.len == 8;
    snprintf(out->local, sizeof(out->local), "%.4s-%.2s-%.2s", p, p + 4, p + 6);
    if (out->is_date)
        return true;
    if ((s.len != 15 && !*utc) || (p[8] != 'T' && p[8] != 't') || !number(p + 9, 2, 0, 23) ||
        !number(p + 11, 2, 0, 59) || !number(p + 13, 2, 0, 59))
        return false;
    snprintf(out->local + 10, sizeof(out->local) - 10, "T%.2s:%.2s:%.2s", p + 9, p + 11, p + 13);
    return true;
}

bool ics_moment(struct ics *ics, const struct line *l, struct wess_slice value,
                struct ics_moment *out)
{
    struct wess_slice tzid = whole_param(l, "TZID");
    bool utc = false;
    *out = (struct ics_moment){0};
    if (!read_value(vdir_trimmed(value), out, &utc))
        return false;
    if (utc)
        strcpy(out->zone, UTC);
    else if (!out->is_date && tzid.len)
        return zone_of(ics, tzid, out->zone);
    return true;
}

bool ics_moment_of(struct ics *ics, struct ics_span s, const char *name, struct ics_moment *out)
{
    size_t at = ics_find_now(ics->v, s, name);
    return at != LINES_NONE && ics_moment(ics, &ics->v->lines[at], ics->v->lines[at].value, out);
}

bool ics_moment_of_field(const struct wess_field *f, struct ics_moment *out)
{
    *out = (struct ics_moment){0};
    if (f && f->type == WESS_DATE && f->str.len == 10) {
        out->is_date = true;
        memcpy(out->local, f->str.data, 10);
        return true;
    }
    if (!f || f->type != WESS_TIME || strlen(f->time.local) + 1 != WESS_LOCAL_SIZE ||
        (f->time.zone && strlen(f->time.zone) >= WESS_ZONE_SIZE))
        return false;
    strcpy(out->local, f->time.local);
    strcpy(out->zone, f->time.zone ? f->time.zone : "");
    /* An hour that comes twice is the first one in a file: the second is told in UTC. */
    if (f->time.zone && f->time.ms &&
        wess_zone_instant(f->time.local, f->time.zone, 0) != f->time.ms &&
        wess_zone_instant(f->time.local, f->time.zone, f->time.ms) == f->time.ms &&
        wess_zone_local(f->time.ms, UTC, out->local))
        strcpy(out->zone, UTC);
    return !*out->zone || wess_zone_known(out->zone);
}

bool ics_duration(struct wess_slice s, int64_t *seconds)
{
    char text[32];
    s = vdir_trimmed(s);
    if (!s.len || s.len >= sizeof(text))
        return false;
    memcpy(text, s.data, s.len);
    text[s.len] = 0;
    struct icaldurationtype d = icaldurationtype_from_string(text);
    if (icaldurationtype_is_bad_duration(d))
        return false;
    int64_t n = (((int64_t)d.weeks * 7 + d.days) * 24 + d.hours) * 3600 + (int64_t)d.minutes * 60 +
                d.seconds;
    *seconds = d.is_neg ? -n : n;
    return true;
}

/* ---- reckoning
 * ------------------------------------------------------------------------------------------ */

/* Its hour on the wall as if it were that of UTC. */
static int64_t wall_ms(const struct ics_moment *m)
{
    char local[WESS_LOCAL_SIZE];
    snprintf(local, sizeof(local), "%.10s%s", m->local, m->is_date ? "T00:00:00" : m->local + 10);
    return wess_zone_instant(local, UTC, 0);
}

int64_t ics_instant(const struct ics *ics, const struct ics_moment *m)
{
    char local[WESS_LOCAL_SIZE];
    snprintf(local, sizeof(local), "%.10s%s", m->local, m->is_date ? "T00:00:00" : m->local + 10);
    return wess_zone_instant(local, *m->zone ? m->zone : ics->home, 0);
}

void ics_in_zone(const struct ics *ics, const char *zone, struct ics_moment *m)
{
    char local[WESS_LOCAL_SIZE];
    if (m->is_date || !*m->zone || !*zone || wess_zone_same(m->zone, zone) ||
        !wess_zone_local(ics_instant(ics, m), zone, local))
        return;
    memcpy(m->local, local, sizeof(local));
    snprintf(m->zone, sizeof(m->zone), "%s", zone);
}

bool ics_same_moment(const struct ics_moment *a, const struct ics_moment *b)
{
    return a->is_date == b->is_date && !strcmp(a->local, b->local) &&
           wess_zone_same(*a->zone ? a->zone : NULL, *b->zone ? b->zone : NULL);
}

void ics_add_seconds(struct ics_moment *m, int64_t seconds)
{
    char local[WESS_LOCAL_SIZE];
    if (!wess_zone_local(wall_ms(m) + seconds * 1000, UTC, local))
        return;
    memcpy(m->local, local, sizeof(local));
    if (m->is_date)
        m->local[10] = 0;
}

int64_t ics_seconds(const struct ics_moment *from, const struct ics_moment *to)
{
    return (wall_ms(to) - wall_ms(from)) / 1000;
}

bool ics_put_field(struct wess_call *call, const struct ics_moment *m, bool timeless,
                   struct wess_field *out)
{
    const struct wess_host *h = call->conn->host;
    const char *local = wess_arena_text(h, call->arena, m->local);
    const char *zone = *m->zone ? wess_arena_text(h, call->arena, m->zone) : NULL;
    if (!local || (*m->zone && !zone))
        return false;
    out->type = m->is_date ? WESS_DATE : WESS_TIME;
    if (m->is_date)
        out->str = (struct wess_slice){local, 10};
    else
        out->time = (struct wess_time){local, zone,
                                       zone && !timeless ? wess_zone_instant(local, zone, 0) : 0};
    return true;
}

/* ---- writing
 * ------------------------------------------------------------------------------------------ */

static bool is_utc(const struct ics_moment *m)
{
    return *m->zone && (!strcmp(m->zone, UTC) || !strcmp(m->zone, "UTC"));
}

void ics_put_value(struct lines_buf *b, const struct ics_moment *m)
{
    for (const char *s = m->local; *s; s++)
        if (*s != '-' && *s != ':')
            lines_put(b, s, 1);
    lines_puts(b, is_utc(m) ? "Z" : "");
}

/* The name under which the file has that zone already. */
static bool defined_as(struct ics *ics, const char *zone, char out[WESS_ZONE_SIZE])
{
    struct ics_span at = {0, 0};
    char known[WESS_ZONE_SIZE];
    while (ics_next(ics->v, ics->cal, "VTIMEZONE", &at))
        if (copy_name(vdir_trimmed(ics_value(ics->v, at, "TZID")), out) &&
            find_zone(ics, out, known) && wess_zone_same(known, zone))
            return true;
    return false;
}

static bool is_added(const struct lines *v, const char *zone)
{
    for (size_t i = v->n_read; i < v->n; i++)
        if (lines_is(&v->lines[i], "TZID") && ics_says(v->lines[i].value, zone))
            return true;
    return false;
}

/* Before the first component. */
static void define(struct ics *ics, const struct ics_moment *m)
{
    struct ics_span first = {0, 0};
    struct lines_buf b = {0};
    if (!ics_define_zone(m->zone, ics_instant(ics, m), &b))
        ics->v->spent |= b.spent;
    char *rest = b.data, *one;
    ics_next(ics->v, ics->cal, NULL, &first);
    while (rest && (one = strsep(&rest, "\n"))) {
        if (!*one)
            continue;
        lines_add_at(ics->v, first.from, one);
        if (!ics->v->spent)
            ics->v->lines[ics->v->n - 1].aside = true;
    }
    lines_buf_fini(&b);
}

void ics_put_zone(struct ics *ics, struct lines_buf *b, const struct ics_moment *m)
{
    char name[WESS_ZONE_SIZE];
    if (m->is_date) {
        lines_puts(b, ";VALUE=DATE:");
        return;
    }
    if (!*m->zone || is_utc(m)) {
        lines_puts(b, ":");
        return;
    }
    if (!defined_as(ics, m->zone, name)) {
        snprintf(name, sizeof(name), "%s", m->zone);
        if (!is_added(ics->v, name))
            define(ics, m);
    }
    lines_puts(b, strpbrk(name, ":;,") ? ";TZID=\"" : ";TZID=");
    lines_puts(b, name);
    lines_puts(b, strpbrk(name, ":;,") ? "\":" : ":");
}
