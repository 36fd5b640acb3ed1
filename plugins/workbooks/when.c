/* Times of activities: "VALUE,FLAG,ZONE", where the flag says whether the value is a day or a time.
 * Pure. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "wb.h"
#include "zone.h"

#define VALUE_MAX 64u
#define SECONDS_MOST 253402300799 /* the year 9999 */

/* One piece of up to two commas. A comma is in no value: the rest would be the zone. */
static const char *piece(const char *at, char *out, size_t cap)
{
    size_t len = at ? strcspn(at, ",") : 0;
    snprintf(out, cap, "%.*s", (int)(len < cap ? len : cap - 1), at ? at : "");
    return at && at[len] ? at + len + 1 : NULL;
}

static bool take_zone(struct wb_when *w, const char *zone)
{
    bool known = *zone && wess_zone_known(zone);
    snprintf(w->zone, sizeof(w->zone), "%s", known ? zone : "Etc/UTC");
    return known;
}

static bool in_words(const char *text, const char *format, struct tm *tm)
{
    *tm = (struct tm){0};
    const char *end = strptime(text, format, tm);
    return end && !*end;
}

/* A day, as the API writes it, or as it writes what is a date elsewhere. */
static bool take_day(struct wb_when *w, const char *value)
{
    struct tm tm;
    if (!in_words(value, "%Y-%m-%d", &tm) && !in_words(value, "%e %b %Y", &tm))
        return false;
    return tm.tm_year >= 0 && tm.tm_year < 8100 &&
           strftime(w->date, sizeof(w->date), "%Y-%m-%d", &tm) == 10;
}

static bool take_instant(struct wb_when *w, int64_t seconds)
{
    bool ok = seconds > 0 && seconds <= SECONDS_MOST;
    w->ms = ok ? seconds * 1000 : 0;
    return ok;
}

/* Behind the seconds: a fraction, which is dropped, and Z; without it the zone tells. */
static bool take_tail(const char *tail, bool *utc)
{
    if (*tail == '.') {
        size_t digits = strspn(tail + 1, "0123456789");
        if (!digits)
            return false;
        tail += 1 + digits;
    }
    *utc = !strcmp(tail, "Z") || !strcmp(tail, " UTC");
    return *utc || !*tail;
}

static bool take_clock(struct wb_when *w, const char *value, bool zone_known)
{
    static const char *const formats[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S",
                                          "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"};
    char local[WESS_LOCAL_SIZE];
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        struct tm tm = {0};
        bool utc;
        const char *tail = strptime(value, formats[i], &tm);
        if (!tail || !take_tail(tail, &utc) || tm.tm_year < 0 || tm.tm_year >= 8100)
            continue;
        if (utc)
            return take_instant(w, timegm(&tm));
        strftime(local, sizeof(local), "%Y-%m-%dT%H:%M:%S", &tm);
        return zone_known && take_instant(w, wess_zone_instant(local, w->zone, 0) / 1000);
    }
    return false;
}

/* The guide gives one form; what else this service writes times in is understood as well. */
static bool take_time(struct wb_when *w, const char *value, bool zone_known)
{
    struct tm tm;
    char *end;
    long long n = strtoll(value, &end, 10);
    if (end != value && !*end)
        return take_instant(w, n);
    if (in_words(value, "%a %b %d %H:%M:%S UTC %Y", &tm))
        return take_instant(w, timegm(&tm));
    return take_clock(w, value, zone_known);
}

bool wb_when_read(const char *text, struct wb_when *out)
{
    char value[VALUE_MAX], flag[8], zone[WESS_ZONE_SIZE], local[WESS_LOCAL_SIZE];
    *out = (struct wb_when){0};
    const char *rest =
        piece(piece(piece(text, value, sizeof(value)), flag, sizeof(flag)), zone, sizeof(zone));
    bool known = take_zone(out, zone);
    if (rest || (*flag && strcmp(flag, "0") && strcmp(flag, "1")))
        return false;
    if (take_day(out, value))
        return strcmp(flag, "1") != 0;
    if (!take_time(out, value, known) || !wess_zone_local(out->ms, out->zone, local))
        return false;
    out->timed = strcmp(flag, "0") != 0;
    snprintf(out->local, sizeof(out->local), "%s", local);
    /* A day that comes as an instant is the day that it is there. */
    snprintf(out->date, sizeof(out->date), "%.10s", local);
    return true;
}
