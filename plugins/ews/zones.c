/* Zones as Exchange names them: Windows' names, and definitions that somebody made up. */
#include <stdlib.h>
#include <string.h>

#include "ews.h"
#include "zone.h"

#define FALLBACK "Etc/UTC"
#define MONTHS 12
#define DAY_MS ((int64_t)86400000)

/* "PT8H", "-PT1H30M": minutes. */
static int duration(const char *text)
{
    int sign = 1, total = 0, n = 0;
    for (const char *s = text ? text : ""; *s; s++) {
        if (*s == '-')
            sign = -1;
        else if (*s >= '0' && *s <= '9')
            n = n < 10000 ? n * 10 + (*s - '0') : n;
        else {
            total += *s == 'H' ? n * 60 : *s == 'M' ? n : 0;
            n = 0;
        }
    }
    return sign * total;
}

/* Minutes east of UTC of the period that a transition leads to. */
static bool east_of(const xmlNode *definition, const char *period, int *minutes)
{
    for (const xmlNode *p = xml_first(xml_child(definition, "Periods")); p; p = xml_next(p)) {
        const char *id = xml_attr(p, "Id");
        if (period && (!id || strcmp(id, period)))
            continue;
        *minutes = -duration(xml_attr(p, "Bias"));
        return true;
    }
    return false;
}

/* The last group holds today's rules. */
static const xmlNode *rules_of(const xmlNode *definition)
{
    const xmlNode *group = xml_first(xml_child(definition, "TransitionsGroups")), *last = NULL;
    for (; group; group = xml_next(group))
        last = group;
    return last;
}

/* Months since January, in halves: a change up to the second week comes before the middle. */
static int half_of(const xmlNode *t)
{
    const char *month = xml_text(xml_child(t, "Month")),
               *nth = xml_text(xml_child(t, "Occurrence"));
    const char *day = xml_text(xml_child(t, "Day"));
    int m = month ? atoi(month) - 1 : 0, n = nth ? atoi(nth) : day ? atoi(day) / 7 + 1 : 1;
    return 2 * m + (n < 1 || n > 2);
}

/* The period that holds in the middle of a month: what began last, or the year before. */
static const char *period_in(const xmlNode *rules, int month)
{
    const xmlNode *best = NULL, *latest = NULL;
    for (const xmlNode *t = xml_first(rules); t; t = xml_next(t)) {
        int at = half_of(t);
        if (at <= 2 * month && (!best || at >= half_of(best)))
            best = t;
        if (!latest || at >= half_of(latest))
            latest = t;
    }
    return xml_text(xml_child(best ? best : latest, "To"));
}

static bool by_definition(const xmlNode *definition, int64_t ms, char out[WESS_ZONE_SIZE])
{
    const xmlNode *rules = rules_of(definition);
    int64_t at[MONTHS];
    int minutes[MONTHS];
    int64_t year = (ms ? ms : (int64_t)1767225600000) / (DAY_MS * 365); /* near enough */
    for (int m = 0; m < MONTHS; m++) {
        at[m] = year * DAY_MS * 365 + year / 4 * DAY_MS + (m * 61 / 2 + 14) * DAY_MS + DAY_MS / 2;
        if (!east_of(definition, rules ? period_in(rules, m) : NULL, &minutes[m]))
            return false;
    }
    return wess_zone_like(at, minutes, MONTHS, out);
}

void ews_zone(const xmlNode *definition, int64_t ms, char out[WESS_ZONE_SIZE])
{
    const char *id = xml_attr(definition, "Id"), *name = xml_attr(definition, "Name");
    if (wess_zone_iana(id, out) || wess_zone_iana(name, out) || by_definition(definition, ms, out))
        return;
    strcpy(out, FALLBACK);
}
