/* Recurrence (section 7.4): on which days a pattern has an occurrence, found by going through the
 * days one after the other; and what the clocks of its zone say then. */
#include "exchange_pattern.h"

#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/ucal.h>
#include <unicode/ustring.h>

#define DAYS_MOST (400L * 366) /* gone through for one series */
#define ZONE_MOST 64

static const char *const week[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                   "Thursday", "Friday", "Saturday"};
static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
static const char *const nths[] = {"First", "Second", "Third", "Fourth", "Last"};

/* ---- days, counted from 1970-01-01
 * ------------------------------------------------------------------------------------------ */

struct date {
    int year, month, day;
};

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int length_of(int year, int month)
{
    static const int of[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return of[month - 1] + (month == 2 && is_leap(year));
}

static long number_of(struct date d)
{
    long n = (d.year - 1970) * 365L;
    for (int y = 1970; y < d.year; y++)
        n += is_leap(y);
    for (int y = d.year; y < 1970; y++)
        n -= is_leap(y);
    for (int m = 1; m < d.month; m++)
        n += length_of(d.year, m);
    return n + d.day - 1;
}

static struct date next_date(struct date d)
{
    if (++d.day > length_of(d.year, d.month)) {
        d.day = 1;
        d.month++;
    }
    if (d.month > 12) {
        d.month = 1;
        d.year++;
    }
    return d;
}

static int weekday_of(long n)
{
    return (int)(((n + 4) % 7 + 7) % 7); /* that day was a Thursday */
}

static bool read_date(const xmlNode *n, struct date *out)
{
    char *text = ex_text(n);
    bool ok = text && sscanf(text, "%4d-%2d-%2d", &out->year, &out->month, &out->day) == 3 &&
              out->month >= 1 && out->month <= 12 && out->day >= 1;
    xmlFree(text);
    return ok;
}

/* ---- what a pattern says
 * ------------------------------------------------------------------------------------------ */

enum { DAILY, WEEKLY, MONTHLY, YEARLY };
struct pattern {
    int freq;
    bool relative;
    int interval, first_day, nth, day, month;
    bool days[7];
    struct date start, end;
    long first; /* the day of the start */
    bool ends;
    long count; /* 0: no such end */
};

static int place_of(const char *const *list, int n, const char *word)
{
    for (int i = 0; word && i < n; i++)
        if (!strcmp(list[i], word))
            return i;
    return -1;
}

static int word_in(const xmlNode *of, const char *name, const char *const *list, int n, int preset)
{
    char *text = ex_text(ex_child(of, name));
    int at = place_of(list, n, text);
    xmlFree(text);
    return at < 0 ? preset : at;
}

static int number_in(const xmlNode *of, const char *name, int preset)
{
    char *text = ex_text(ex_child(of, name));
    int n = text ? atoi(text) : preset;
    xmlFree(text);
    return n;
}

static void read_days(const xmlNode *of, bool days[7])
{
    char *text = ex_text(ex_child(of, "DaysOfWeek")), *rest = text, *one;
    while (rest && (one = strsep(&rest, " ")))
        for (int i = 0; i < 7; i++) {
            bool weekend = i == 0 || i == 6;
            days[i] |= !strcmp(one, week[i]) || !strcmp(one, "Day") ||
                       (!strcmp(one, "Weekday") && !weekend) ||
                       (!strcmp(one, "WeekendDay") && weekend);
        }
    xmlFree(text);
}

static bool read_pattern(const xmlNode *n, struct pattern *p)
{
    static const char *const freqs[] = {"Daily", "Weekly", "Monthly", "Yearly"};
    const char *name = n ? (const char *)n->name : "";
    int freq = 0;
    while (freq < 4 && !strstr(name, freqs[freq]))
        freq++;
    if (freq == 4 || strstr(name, "Regeneration"))
        return false;
    *p = (struct pattern){.freq = freq};
    p->relative = !strncmp(name, "Relative", 8);
    p->interval = number_in(n, "Interval", 1);
    p->first_day = word_in(n, "FirstDayOfWeek", week, 7, 0);
    p->nth = word_in(n, "DayOfWeekIndex", nths, 5, 0);
    p->day = number_in(n, "DayOfMonth", 1);
    p->month = word_in(n, "Month", months, 12, 0) + 1;
    read_days(n, p->days);
    const xmlNode *range = ex_next(n);
    p->ends = read_date(ex_child(range, "EndDate"), &p->end);
    p->count = number_in(range, "NumberOfOccurrences", 0);
    if (p->interval < 1 || !read_date(ex_child(range, "StartDate"), &p->start))
        return false;
    p->first = number_of(p->start);
    return true;
}

static bool is_nth(const struct pattern *p, struct date d, long n)
{
    int length = length_of(d.year, d.month), before = 0, after = 0;
    if (!p->days[weekday_of(n)])
        return false;
    for (int day = 1; day <= length; day++) {
        before += day < d.day && p->days[weekday_of(n + day - d.day)];
        after += day > d.day && p->days[weekday_of(n + day - d.day)];
    }
    return p->nth == 4 ? !after : before == p->nth;
}

/* Where the month is too short it is its last day. */
static bool is_day_of_month(const struct pattern *p, struct date d)
{
    int length = length_of(d.year, d.month);
    return d.day == (p->day < length ? p->day : length);
}

static bool has(const struct pattern *p, struct date d, long n)
{
    long first = p->first;
    long weeks = (n - (weekday_of(n) - p->first_day + 7) % 7 -
                  (first - (weekday_of(first) - p->first_day + 7) % 7)) /
                 7;
    long month = (d.year - p->start.year) * 12L + d.month - p->start.month;
    switch (p->freq) {
    case DAILY:
        return (n - first) % p->interval == 0;
    case WEEKLY:
        return p->days[weekday_of(n)] && weeks % p->interval == 0;
    case MONTHLY:
        if (month % p->interval)
            return false;
        break;
    case YEARLY:
        if (d.month != p->month)
            return false;
        break;
    }
    return p->relative ? is_nth(p, d, n) : is_day_of_month(p, d);
}

/* ---- clocks
 * ------------------------------------------------------------------------------------------ */

/* A Windows zone's; NULL: UTC. */
static UCalendar *clock_of(const char *windows)
{
    UChar in[ZONE_MOST], id[ZONE_MOST] = {0};
    UErrorCode e = U_ZERO_ERROR;
    if (windows && strlen(windows) < ZONE_MOST) {
        u_uastrcpy(in, windows);
        ucal_getTimeZoneIDForWindowsID(in, -1, "001", id, ZONE_MOST, &e);
    }
    if (!*id || U_FAILURE(e))
        u_uastrcpy(id, "Etc/UTC");
    e = U_ZERO_ERROR;
    UCalendar *cal = ucal_open(id, -1, "en_US_POSIX", UCAL_GREGORIAN, &e);
    if (!cal || U_FAILURE(e))
        abort();
    /* An hour that comes twice is the first one; one that is left out comes an hour later. */
    ucal_setAttribute(cal, UCAL_REPEATED_WALL_TIME, UCAL_WALLTIME_FIRST);
    return cal;
}

static int part(UCalendar *cal, time_t t, UCalendarDateFields field)
{
    UErrorCode e = U_ZERO_ERROR;
    ucal_setMillis(cal, (UDate)t * 1000, &e);
    return ucal_get(cal, field, &e);
}

static time_t at_clock(UCalendar *cal, struct date d, int second)
{
    UErrorCode e = U_ZERO_ERROR;
    ucal_clear(cal);
    ucal_setDateTime(cal, d.year, d.month - 1, d.day, second / 3600, second / 60 % 60, second % 60,
                     &e);
    return (time_t)(ucal_getMillis(cal, &e) / 1000);
}

/* ---- the series
 * ------------------------------------------------------------------------------------------ */

void ex_pattern_each(const char *recurrence, const char *zone, time_t start,
                     bool (*take)(void *ctx, int index, time_t begins), void *ctx)
{
    struct sb_buf text = {0};
    struct pattern p;
    sb_buf_fmt(&text, "<r xmlns:t=\"t\">%s</r>", recurrence);
    xmlDoc *doc = xmlReadMemory(text.data, (int)text.len, NULL, NULL, XML_PARSE_NONET);
    bool known = doc && read_pattern(ex_first(xmlDocGetRootElement(doc)), &p);
    xmlFreeDoc(doc);
    sb_buf_free(&text);
    if (!known)
        return;
    UCalendar *cal = clock_of(zone);
    int second = part(cal, start, UCAL_HOUR_OF_DAY) * 3600 + part(cal, start, UCAL_MINUTE) * 60 +
                 part(cal, start, UCAL_SECOND);
    struct date d = p.start;
    long n = p.first, last = p.ends ? number_of(p.end) : n + DAYS_MOST;
    bool more = true;
    for (int index = 0; more && n <= last; n++, d = next_date(d)) {
        if (!has(&p, d, n))
            continue;
        /* The first one is where it was put, though its hour may come twice that day. */
        index++;
        more = take(ctx, index, index == 1 ? start : at_clock(cal, d, second)) &&
               (!p.count || index < p.count);
    }
    ucal_close(cal);
}
