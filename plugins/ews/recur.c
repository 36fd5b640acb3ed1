/* Recurrence rules (RFC 5545 3.3.10) and Exchange's patterns (MS-OXWSCDATA 2.2.4.*), both ways.
 * What the other cannot say is refused, never something like it. Exchange moves the 31st to a
 * shorter month's last day where a rule leaves that month out, so there "31" is BYMONTHDAY=-1. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ews.h"

#define ALL_DAYS 0x7fu
#define WEEKDAYS 0x3eu
#define WEEKEND 0x41u
#define MOST_DAILY 999
#define MOST_INTERVAL 99
#define MOST_COUNT 999
#define LIST_MAX 8u /* days of a month that are told apart */

static const char *const short_days[] = {"SU", "MO", "TU", "WE", "TH", "FR", "SA"};
static const char *const long_days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};
static const char *const indexes[] = {"Last", "First", "Second", "Third", "Fourth"};
static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};

enum freq { DAILY, WEEKLY, MONTHLY, YEARLY, OTHER };
static const char *const freqs[] = {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"};

/* What both have words for. */
struct pattern {
    enum freq freq;
    int interval;
    unsigned days;  /* a bit a weekday, Sunday first */
    int index;      /* of a relative pattern: 1..4, -1 the last; 0: none */
    int day, month; /* day: 31 is the last one of its month */
    const char *first_day;
    int count;
    char until[11]; /* "2026-12-31" */
};

static int at_word(const char *const *list, int n, const char *word)
{
    for (int i = 0; word && i < n; i++)
        if (!strcmp(list[i], word))
            return i;
    return -1;
}

/* ---- reading
 * ------------------------------------------------------------------------------------------ */

static unsigned days_of(const char *text)
{
    unsigned out = 0;
    char word[16];
    for (int used = 0; text && sscanf(text, "%15s%n", word, &used) == 1; text += used) {
        int day = at_word(long_days, 7, word);
        if (day >= 0)
            out |= 1u << day;
        else if (!strcmp(word, "Day"))
            out |= ALL_DAYS;
        else if (!strcmp(word, "Weekday"))
            out |= WEEKDAYS;
        else if (!strcmp(word, "WeekendDay"))
            out |= WEEKEND;
    }
    return out;
}

static int number_in(const xmlNode *n, const char *name)
{
    const char *text = xml_text(xml_child(n, name));
    long v = text ? strtol(text, NULL, 10) : 0;
    return v > 0 && v < 100000 ? (int)v : 0;
}

static bool read_pattern(const xmlNode *n, struct pattern *p)
{
    static const struct {
        const char *name;
        enum freq freq;
    } of[] = {{"DailyRecurrence", DAILY},
              {"WeeklyRecurrence", WEEKLY},
              {"AbsoluteMonthlyRecurrence", MONTHLY},
              {"RelativeMonthlyRecurrence", MONTHLY},
              {"AbsoluteYearlyRecurrence", YEARLY},
              {"RelativeYearlyRecurrence", YEARLY}};
    const char *index = xml_text(xml_child(n, "DayOfWeekIndex"));
    const char *week = xml_text(xml_child(n, "FirstDayOfWeek"));
    size_t i = 0;
    while (i < sizeof(of) / sizeof(of[0]) && !xml_is(n, of[i].name))
        i++;
    if (i == sizeof(of) / sizeof(of[0])) /* a task that comes again once it is done, and the like */
        return false;
    p->freq = of[i].freq;
    p->interval = number_in(n, "Interval");
    p->days = days_of(xml_text(xml_child(n, "DaysOfWeek")));
    p->index = index ? at_word(indexes, 5, index) : 0;
    if (index && !p->index)
        p->index = -1;
    p->day = number_in(n, "DayOfMonth");
    p->month = 1 + at_word(months, 12, xml_text(xml_child(n, "Month")));
    int first = at_word(long_days, 7, week);
    p->first_day = first >= 0 ? short_days[first] : NULL;
    return true;
}

/* "2030-01-07", "2030-01-07+01:00", "2030-01-07T00:00:00Z": the date as it stands. */
static void date_part(const char *text, char out[11])
{
    snprintf(out, 11, "%.10s", text ? text : "");
}

static bool read_range(const xmlNode *n, struct pattern *p, char start[11])
{
    date_part(xml_text(xml_child(n, "StartDate")), start);
    p->count = number_in(n, "NumberOfOccurrences");
    date_part(xml_text(xml_child(n, "EndDate")), p->until);
    /* Every other year is so many months there. */
    if (p->freq == MONTHLY && p->interval && p->interval % 12 == 0) {
        p->freq = YEARLY;
        p->interval /= 12;
        p->month = atoi(start + (strlen(start) > 5 ? 5 : strlen(start)));
    }
    return n != NULL;
}

struct text {
    char of[256];
    size_t n;
};
static void say(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#include <stdarg.h>
static void say(struct text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(t->of + t->n, sizeof(t->of) - t->n, fmt, ap);
    va_end(ap);
    if (n > 0 && (size_t)n < sizeof(t->of) - t->n)
        t->n += (size_t)n;
}

static void say_days(struct text *t, unsigned days, int index)
{
    bool any = false;
    say(t, ";BYDAY=");
    for (int i = 0; i < 7; i++) {
        int day = (i + 1) % 7; /* Monday first */
        if (!(days >> day & 1u))
            continue;
        say(t, any ? "," : "");
        any = true;
        if (index)
            say(t, "%d", index);
        say(t, "%s", short_days[day]);
    }
}

static bool is_one(unsigned days)
{
    return days && !(days & (days - 1));
}

static int days_in(int month)
{
    static const int of[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month >= 1 && month <= 12 ? of[month - 1] : 28;
}

static void say_month_day(struct text *t, const struct pattern *p, int *setpos)
{
    int least = p->freq == YEARLY ? days_in(p->month) : 28;
    if (p->day <= least) {
        say(t, ";BYMONTHDAY=%d", p->day);
    } else if (p->day >= 31 || p->freq == YEARLY) {
        say(t, ";BYMONTHDAY=-1");
    } else { /* the 29th or 30th, in February the last */
        say(t, p->day == 29 ? ";BYMONTHDAY=28,29" : ";BYMONTHDAY=28,29,30");
        *setpos = -1;
    }
}

static void say_where(struct text *t, const struct pattern *p, int *setpos)
{
    if (p->freq == DAILY)
        return;
    if (p->freq == WEEKLY)
        say_days(t, p->days, 0);
    else if (p->index && is_one(p->days))
        say_days(t, p->days, p->index);
    else if (p->index && p->days == ALL_DAYS)
        say(t, ";BYMONTHDAY=%d", p->index);
    else if (p->index) {
        say_days(t, p->days, 0);
        *setpos = p->index;
    } else {
        say_month_day(t, p, setpos);
    }
    if (p->freq == YEARLY)
        say(t, ";BYMONTH=%d", p->month);
}

static bool is_whole(const struct pattern *p)
{
    switch (p->freq) {
    case DAILY:
        return true;
    case WEEKLY:
        return p->days != 0;
    case MONTHLY:
        return p->index ? p->days != 0 : p->day != 0;
    case YEARLY:
        return p->month && (p->index ? p->days != 0 : p->day != 0);
    case OTHER:
        break;
    }
    return false;
}

const char *ews_rule_read(const struct wess_host *host, struct wess_arena *a,
                          const xmlNode *recurrence)
{
    const xmlNode *pattern = xml_first(recurrence);
    struct pattern p = {.interval = 1};
    struct text t = {"", 0};
    char start[11];
    int setpos = 0;
    if (!pattern || !read_pattern(pattern, &p) || !read_range(xml_next(pattern), &p, start) ||
        !is_whole(&p))
        return NULL;
    say(&t, "FREQ=%s", freqs[p.freq]);
    if (p.until[0])
        say(&t, ";UNTIL=%.4s%.2s%.2s", p.until, p.until + 5, p.until + 8);
    if (p.count)
        say(&t, ";COUNT=%d", p.count);
    if (p.interval > 1)
        say(&t, ";INTERVAL=%d", p.interval);
    say_where(&t, &p, &setpos);
    if (setpos)
        say(&t, ";BYSETPOS=%d", setpos);
    /* Where it changes nothing it is not said. */
    if (p.freq == WEEKLY && p.interval > 1 && p.first_day && strcmp(p.first_day, "MO"))
        say(&t, ";WKST=%s", p.first_day);
    return wess_arena_text(host, a, t.of);
}

/* ---- taking a rule apart
 * ------------------------------------------------------------------------------------------ */

struct rule {
    struct pattern p;
    int month_days[LIST_MAX], n_month_days, n_months, setpos;
    bool many_indexes, strange, has_days;
};

static void take_days(struct rule *r, char *list)
{
    char *one;
    bool first = true;
    r->has_days = true;
    while ((one = strsep(&list, ","))) {
        char *end;
        int index = (int)strtol(one, &end, 10), day = at_word(short_days, 7, end);
        if (day < 0)
            r->strange = true;
        else
            r->p.days |= 1u << day;
        r->many_indexes |= !first && index != r->p.index;
        r->p.index = index;
        first = false;
    }
}

static void take_month_days(struct rule *r, char *list)
{
    char *one;
    while ((one = strsep(&list, ","))) {
        if (r->n_month_days < (int)LIST_MAX)
            r->month_days[r->n_month_days] = atoi(one);
        r->n_month_days++;
    }
}

static void take_part(struct rule *r, const char *name, char *value)
{
    if (!strcmp(name, "FREQ")) {
        int f = at_word(freqs, 4, value);
        r->p.freq = f < 0 ? OTHER : (enum freq)f;
    } else if (!strcmp(name, "INTERVAL")) {
        r->p.interval = atoi(value);
    } else if (!strcmp(name, "COUNT")) {
        r->p.count = atoi(value);
        r->strange |= r->p.count < 1 || r->p.count > MOST_COUNT;
    } else if (!strcmp(name, "UNTIL") && strlen(value) >= 8) {
        snprintf(r->p.until, sizeof(r->p.until), "%.4s-%.2s-%.2s", value, value + 4, value + 6);
    } else if (!strcmp(name, "BYDAY")) {
        take_days(r, value);
    } else if (!strcmp(name, "BYMONTHDAY")) {
        take_month_days(r, value);
    } else if (!strcmp(name, "BYMONTH")) {
        r->n_months = 1 + (strchr(value, ',') != NULL);
        r->p.month = atoi(value);
    } else if (!strcmp(name, "BYSETPOS")) {
        r->setpos = atoi(value);
        r->strange |= strchr(value, ',') != NULL;
    } else if (!strcmp(name, "WKST")) {
        int day = at_word(short_days, 7, value);
        r->p.first_day = day < 0 ? NULL : long_days[day];
    } else {
        r->strange = true;
    }
}

static struct rule take_rule(const char *text)
{
    struct rule r = {.p = {.interval = 1, .freq = OTHER}};
    char *copy = strdup(text), *rest = copy, *one;
    while (rest && (one = strsep(&rest, ";"))) {
        char *equals = strchr(one, '=');
        if (equals) {
            *equals = 0;
            take_part(&r, one, equals + 1);
        }
    }
    r.strange |= !copy;
    free(copy);
    return r;
}

/* ---- from a rule to a pattern
 * ------------------------------------------------------------------------------------------ */

static bool read_start(const char *start, struct tm *out)
{
    *out = (struct tm){0};
    if (!start || !strptime(start, "%Y-%m-%d", out))
        return false;
    time_t at = timegm(out);
    return gmtime_r(&at, out) != NULL;
}

/* "28,29" with BYSETPOS=-1 is the 29th, or the last of a shorter month. */
static bool is_moved(const struct rule *r, int last)
{
    if (r->setpos != -1 || r->n_month_days != last - 27)
        return false;
    for (int i = 0; i < r->n_month_days; i++)
        if (r->month_days[i] != 28 + i)
            return false;
    return true;
}

/* The day of the month; 0: Exchange cannot say it. */
static int month_day(const struct rule *r, const struct tm *start)
{
    int least = r->p.freq == YEARLY ? days_in(r->p.month) : 28;
    if (is_moved(r, 29))
        return 29;
    if (is_moved(r, 30))
        return 30;
    if (r->n_month_days > 1 || r->setpos)
        return 0;
    int day = r->n_month_days ? r->month_days[0] : start->tm_mday;
    if (day == -1)
        return 31;
    return day > 0 && day <= least ? day : 0;
}

static const char *relative(struct rule *r)
{
    if (r->many_indexes || r->n_month_days)
        return "Exchange knows one weekday of a month, not several";
    if (r->p.index && r->setpos)
        return "Exchange has no such recurrence";
    if (!r->p.index)
        r->p.index = r->setpos;
    bool one = is_one(r->p.days), set = r->p.days == WEEKDAYS || r->p.days == WEEKEND;
    if ((!one && !set && r->p.days != ALL_DAYS) || r->p.index < -1 || r->p.index > 4 || !r->p.index)
        return "Exchange has no such recurrence";
    return NULL;
}

static const char *absolute(struct rule *r, const struct tm *start)
{
    r->p.day = month_day(r, start);
    r->p.index = 0;
    return r->p.day ? NULL : "Exchange moves such a day to the last one of a shorter month";
}

static const char *by_month(struct rule *r, const struct tm *start)
{
    const char *why;
    if (r->p.freq == MONTHLY && r->n_months)
        return "Exchange has no months in a monthly recurrence";
    if (r->n_months > 1)
        return "Exchange knows one month a year";
    if (r->p.freq == YEARLY && !r->n_months)
        r->p.month = start->tm_mon + 1;
    if (r->p.freq == YEARLY && r->has_days && !r->n_months)
        return "Exchange counts weekdays within a month, not a year";
    why = r->has_days ? relative(r) : absolute(r, start);
    if (!why && r->p.freq == YEARLY && r->p.interval > 1) {
        r->p.freq = MONTHLY;
        r->p.interval *= 12;
    }
    return why;
}

static const char *by_week(struct rule *r, const struct tm *start)
{
    if (r->p.index || r->many_indexes || r->setpos || r->n_month_days || r->n_months)
        return "Exchange has no such recurrence";
    /* Every day, on some weekdays only, is weekly. */
    if (r->p.freq == DAILY && r->has_days && r->p.interval != 1)
        return "Exchange has no such recurrence";
    if (r->has_days)
        r->p.freq = WEEKLY;
    if (!r->p.days)
        r->p.days = 1u << start->tm_wday;
    return NULL;
}

/* Exchange begins with the first day that fits its pattern, a rule with its start. */
static bool fits(const struct pattern *p, const struct tm *start)
{
    int month = days_in(start->tm_mon + 1) +
                (start->tm_mon == 1 && start->tm_year % 4 == 0 &&
                 (start->tm_year % 100 != 0 || (start->tm_year + 1900) % 400 == 0));
    bool day = p->days >> start->tm_wday & 1u;
    if (p->freq == DAILY)
        return true;
    if (p->freq == WEEKLY)
        return day;
    if (p->freq == YEARLY && p->month != start->tm_mon + 1)
        return false;
    if (!p->index)
        return start->tm_mday == (p->day < month ? p->day : month);
    if (!day)
        return false;
    int before = 0, after = 0;
    for (int d = 1; d <= month; d++) {
        int wday = ((start->tm_wday + d - start->tm_mday) % 7 + 7) % 7;
        before += d < start->tm_mday && (p->days >> wday & 1u);
        after += d > start->tm_mday && (p->days >> wday & 1u);
    }
    return p->index > 0 ? before == p->index - 1 : after == 0;
}

static const char *to_pattern(const char *text, const char *start, struct pattern *out)
{
    struct tm day;
    struct rule r = take_rule(text);
    const char *why;
    if (!read_start(start, &day))
        return "a recurrence needs a start";
    if (r.strange || r.p.freq == OTHER)
        return "Exchange has no such recurrence";
    why = r.p.freq == DAILY || r.p.freq == WEEKLY ? by_week(&r, &day) : by_month(&r, &day);
    if (!why &&
        (r.p.interval < 1 || r.p.interval > (r.p.freq == DAILY ? MOST_DAILY : MOST_INTERVAL)))
        why = "Exchange knows no such interval";
    if (!why && !fits(&r.p, &day))
        why = "its first occurrence is none of its rule, which Exchange cannot hold";
    *out = r.p;
    return why;
}

const char *ews_rule_refused(const char *rule, const char *start)
{
    struct pattern p;
    return to_pattern(rule, start, &p);
}

/* ---- writing
 * ------------------------------------------------------------------------------------------ */

static void put_number(struct xml_out *x, const char *name, int n)
{
    char text[16];
    snprintf(text, sizeof(text), "%d", n);
    xml_element(x, name, text);
}

static void put_days(struct xml_out *x, const struct pattern *p)
{
    char text[96] = "";
    if (p->freq != WEEKLY && p->days == ALL_DAYS)
        strcpy(text, "Day");
    else if (p->freq != WEEKLY && p->days == WEEKDAYS)
        strcpy(text, "Weekday");
    else if (p->freq != WEEKLY && p->days == WEEKEND)
        strcpy(text, "WeekendDay");
    for (int i = 0; i < 7 && (!*text || p->freq == WEEKLY || is_one(p->days)); i++)
        if (p->days >> i & 1u) {
            strcat(text, *text ? " " : "");
            strcat(text, long_days[i]);
        }
    xml_element(x, "t:DaysOfWeek", text);
}

static void put_pattern(struct xml_out *x, const struct pattern *p)
{
    static const char *const names[][2] = {
        {"t:DailyRecurrence", NULL},
        {"t:WeeklyRecurrence", NULL},
        {"t:AbsoluteMonthlyRecurrence", "t:RelativeMonthlyRecurrence"},
        {"t:AbsoluteYearlyRecurrence", "t:RelativeYearlyRecurrence"}};
    bool relative_to = p->index != 0;
    xml_open(x, names[p->freq][relative_to]);
    if (p->freq != YEARLY)
        put_number(x, "t:Interval", p->interval);
    if (p->freq == WEEKLY || relative_to)
        put_days(x, p);
    if (relative_to)
        xml_element(x, "t:DayOfWeekIndex", indexes[p->index < 0 ? 0 : p->index]);
    if (p->day && !relative_to)
        put_number(x, "t:DayOfMonth", p->day);
    if (p->freq == YEARLY)
        xml_element(x, "t:Month", months[p->month - 1]);
    if (p->freq == WEEKLY)
        xml_element(x, "t:FirstDayOfWeek", p->first_day ? p->first_day : "Monday");
    xml_close(x);
}

void ews_rule_put(struct xml_out *x, const char *rule, const char *start)
{
    struct pattern p;
    char first[11];
    if (to_pattern(rule, start, &p)) /* refused before */
        return;
    date_part(start, first);
    xml_open(x, "t:Recurrence");
    put_pattern(x, &p);
    xml_open(x, p.until[0] ? "t:EndDateRecurrence"
                : p.count  ? "t:NumberedRecurrence"
                           : "t:NoEndRecurrence");
    xml_element(x, "t:StartDate", first);
    if (p.until[0])
        xml_element(x, "t:EndDate", p.until);
    else if (p.count)
        put_number(x, "t:NumberOfOccurrences", p.count);
    xml_close(x);
    xml_close(x);
}
