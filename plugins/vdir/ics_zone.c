/* The definition of a zone (VTIMEZONE, RFC 5545 3.6.5) out of ICU's changes of its clocks: those
 * that come every year on the same weekday of a month as one rule, each of the others by itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unicode/ucal.h>
#include <unicode/ustring.h>

#include "ics.h"

#define CHANGES_MOST 80u
#define YEARS_AHEAD 30
#define YEARS_RULE 3u /* of the same change: a rule */
#define YEAR_MS ((int64_t)366 * 86400 * 1000)

struct change {
    int64_t ms;
    int from, to; /* seconds east of UTC */
    bool summer, done;
    struct tm was; /* what the clocks showed then, by `from` */
};
struct changes {
    struct change of[CHANGES_MOST];
    size_t n;
    int last_year; /* as far as was looked */
};

static UCalendar *open_calendar(const char *zone)
{
    UChar id[WESS_ZONE_SIZE];
    UErrorCode e = U_ZERO_ERROR;
    u_strFromUTF8(id, WESS_ZONE_SIZE, NULL, zone, -1, &e);
    UCalendar *cal = ucal_open(id, -1, "en_US_POSIX", UCAL_GREGORIAN, &e);
    if (cal && U_FAILURE(e)) {
        ucal_close(cal);
        return NULL;
    }
    return cal;
}

/* Seconds east of UTC at that instant. */
static int offset_at(UCalendar *cal, int64_t ms, bool *summer)
{
    UErrorCode e = U_ZERO_ERROR;
    ucal_setMillis(cal, (UDate)ms, &e);
    int dst = ucal_get(cal, UCAL_DST_OFFSET, &e);
    *summer = dst != 0;
    return (ucal_get(cal, UCAL_ZONE_OFFSET, &e) + dst) / 1000;
}

static bool move_to(UCalendar *cal, int64_t *ms, UTimeZoneTransitionType which)
{
    UErrorCode e = U_ZERO_ERROR;
    UDate at = 0;
    ucal_setMillis(cal, (UDate)*ms, &e);
    if (!ucal_getTimeZoneTransitionDate(cal, which, &at, &e) || U_FAILURE(e))
        return false;
    *ms = (int64_t)at;
    return true;
}

static void add_change(struct changes *c, UCalendar *cal, int64_t ms)
{
    struct change new = {.ms = ms};
    bool before;
    new.from = offset_at(cal, ms - 1, &before);
    new.to = offset_at(cal, ms, &new.summer);
    time_t wall = (time_t)(ms / 1000) + new.from;
    if (new.from == new.to || !gmtime_r(&wall, &new.was))
        return;
    c->of[c->n++] = new;
    c->last_year = new.was.tm_year;
}

/* What held already at `from`, and what came then. */
static void find_changes(struct changes *c, UCalendar *cal, int64_t from)
{
    int64_t at = from - 2 * YEAR_MS, end = from + YEARS_AHEAD * YEAR_MS;
    if (move_to(cal, &at, UCAL_TZ_TRANSITION_PREVIOUS_INCLUSIVE))
        add_change(c, cal, at);
    else
        at = from - 2 * YEAR_MS;
    while (c->n < CHANGES_MOST && move_to(cal, &at, UCAL_TZ_TRANSITION_NEXT) && at < end)
        add_change(c, cal, at);
}

/* ---- rules
 * ------------------------------------------------------------------------------------------ */

static bool is_last(const struct tm *t)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return t->tm_mday + 7 > days[t->tm_mon];
}

static int week_of(const struct tm *t, bool last)
{
    return last ? is_last(t) ? -1 : 0 : (t->tm_mday - 1) / 7 + 1;
}

static bool is_same(const struct change *a, const struct change *b, bool last)
{
    return !b->done && a->from == b->from && a->to == b->to && a->summer == b->summer &&
           a->was.tm_mon == b->was.tm_mon && a->was.tm_wday == b->was.tm_wday &&
           a->was.tm_hour == b->was.tm_hour && a->was.tm_min == b->was.tm_min &&
           a->was.tm_sec == b->was.tm_sec && week_of(&a->was, last) == week_of(&b->was, last);
}

/* How many years running a change comes in that week of its month; *end: the last of them. With
 * `take` they are done with. */
static size_t run_of(struct changes *c, size_t first, bool last, bool take, size_t *end)
{
    size_t n = 1;
    *end = first;
    if (last && !is_last(&c->of[first].was))
        return 0;
    for (size_t i = first + 1; i < c->n; i++) {
        if (c->of[i].was.tm_year != c->of[*end].was.tm_year + 1 ||
            !is_same(&c->of[first], &c->of[i], last))
            continue;
        *end = i;
        c->of[i].done |= take;
        n++;
    }
    return n;
}

/* ---- text
 * ------------------------------------------------------------------------------------------ */

static void put_number(struct lines_buf *b, int digits, int n)
{
    char text[32];
    snprintf(text, sizeof(text), "%0*d", digits, n);
    lines_puts(b, text);
}

static void put_offset(struct lines_buf *b, const char *name, int seconds)
{
    int n = seconds < 0 ? -seconds : seconds;
    lines_puts(b, name);
    lines_puts(b, seconds < 0 ? "-" : "+");
    put_number(b, 2, n / 3600);
    put_number(b, 2, n / 60 % 60);
    if (n % 60)
        put_number(b, 2, n % 60);
    lines_puts(b, "\n");
}

static void put_moment(struct lines_buf *b, const char *name, const struct tm *t, const char *end)
{
    char text[32];
    strftime(text, sizeof(text), "%Y%m%dT%H%M%S", t);
    lines_puts(b, name);
    lines_puts(b, text);
    lines_puts(b, end);
}

static void put_rule(struct lines_buf *b, const struct changes *c, const struct change *first,
                     const struct change *end, bool last)
{
    static const char *const days[] = {"SU", "MO", "TU", "WE", "TH", "FR", "SA"};
    time_t until = (time_t)(end->ms / 1000);
    struct tm t;
    lines_puts(b, "RRULE:FREQ=YEARLY;BYMONTH=");
    put_number(b, 1, first->was.tm_mon + 1);
    lines_puts(b, ";BYDAY=");
    put_number(b, 1, week_of(&first->was, last));
    lines_puts(b, days[first->was.tm_wday]);
    /* What was still so when the looking ended has no end. */
    if (end->was.tm_year < c->last_year - 1 && gmtime_r(&until, &t))
        put_moment(b, ";UNTIL=", &t, "Z");
    lines_puts(b, "\n");
}

static void put_change(struct lines_buf *b, struct changes *c, size_t i)
{
    struct change *first = &c->of[i];
    size_t end, end_last, n = run_of(c, i, false, false, &end);
    bool last = run_of(c, i, true, false, &end_last) >= n;
    const char *name = first->summer ? "DAYLIGHT\n" : "STANDARD\n";
    n = run_of(c, i, last, false, &end);
    lines_puts(b, "BEGIN:");
    lines_puts(b, name);
    put_moment(b, "DTSTART:", &first->was, "\n");
    put_offset(b, "TZOFFSETFROM:", first->from);
    put_offset(b, "TZOFFSETTO:", first->to);
    if (n >= YEARS_RULE) {
        run_of(c, i, last, true, &end);
        put_rule(b, c, first, &c->of[end], last);
    }
    lines_puts(b, "END:");
    lines_puts(b, name);
}

static void put_fixed(struct lines_buf *b, int east)
{
    lines_puts(b, "BEGIN:STANDARD\nDTSTART:16010101T000000\n");
    put_offset(b, "TZOFFSETFROM:", east);
    put_offset(b, "TZOFFSETTO:", east);
    lines_puts(b, "END:STANDARD\n");
}

bool ics_define_zone(const char *zone, int64_t from, struct lines_buf *b)
{
    struct changes *c = calloc(1, sizeof(*c));
    UCalendar *cal = c ? open_calendar(zone) : NULL;
    bool summer;
    if (cal) {
        find_changes(c, cal, from);
        lines_puts(b, "BEGIN:VTIMEZONE\nTZID:");
        lines_puts(b, zone);
        lines_puts(b, "\n");
        for (size_t i = 0; i < c->n; i++)
            if (!c->of[i].done)
                put_change(b, c, i);
        /* Before the first change that is told another clock held. */
        if (!c->n || c->of[0].ms > from)
            put_fixed(b, c->n ? c->of[0].from : offset_at(cal, from, &summer));
        lines_puts(b, "END:VTIMEZONE\n");
        ucal_close(cal);
    }
    free(c);
    return cal && !b->spent;
}
