/* Zones by ICU: local time to instants, and which zones are one. */
#include <stdio.h>
#include <string.h>
#include <unicode/ucal.h>
#include <unicode/ustring.h>

#include "model/model.h"

#define ZONE_MAX 64u /* of a name that there is; the longest has 32 letters */

static bool to_id(const char *zone, UChar out[ZONE_MAX])
{
    UErrorCode e = U_ZERO_ERROR;
    UChar canonical[ZONE_MAX];
    UBool system = false;
    u_strFromUTF8(out, ZONE_MAX, NULL, zone, -1, &e);
    ucal_getCanonicalTimeZoneID(out, -1, canonical, ZONE_MAX, &system, &e);
    return U_SUCCESS(e) && e != U_STRING_NOT_TERMINATED_WARNING;
}

struct parts {
    int of[6];
};

static bool read_local(const char *local, struct parts *p)
{
    int used = 0;
    return sscanf(local, "%4d-%2d-%2dT%2d:%2d:%2d%n", &p->of[0], &p->of[1], &p->of[2], &p->of[3],
                  &p->of[4], &p->of[5], &used) == 6 &&
           !local[used];
}

static bool shows(UCalendar *cal, int64_t ms, const struct parts *p)
{
    static const UCalendarDateFields fields[] = {UCAL_YEAR,        UCAL_MONTH,  UCAL_DATE,
                                                 UCAL_HOUR_OF_DAY, UCAL_MINUTE, UCAL_SECOND};
    UErrorCode e = U_ZERO_ERROR;
    ucal_setMillis(cal, (UDate)ms, &e);
    for (size_t i = 0; i < 6; i++)
        if (ucal_get(cal, fields[i], &e) != p->of[i] - (i == 1))
            return false;
    return U_SUCCESS(e);
}

int64_t zone_instant(const char *local, const char *zone, int64_t ms)
{
    UErrorCode e = U_ZERO_ERROR;
    UChar id[ZONE_MAX];
    struct parts p;
    if (!local || !zone || !read_local(local, &p) || !to_id(zone, id))
        return 0;
    UCalendar *cal = ucal_open(id, -1, "en_US_POSIX", UCAL_GREGORIAN, &e);
    int64_t out = ms;
    if (U_SUCCESS(e) && (!ms || !shows(cal, ms, &p))) {
        ucal_clear(cal);
        ucal_setDateTime(cal, p.of[0], p.of[1] - 1, p.of[2], p.of[3], p.of[4], p.of[5], &e);
        out = (int64_t)ucal_getMillis(cal, &e);
    }
    ucal_close(cal);
    return U_SUCCESS(e) ? out : 0;
}

static bool windows_name(const char *zone, UChar out[ZONE_MAX])
{
    UErrorCode e = U_ZERO_ERROR;
    UChar id[ZONE_MAX];
    if (!to_id(zone, id))
        return false;
    int32_t n = ucal_getWindowsTimeZoneID(id, -1, out, ZONE_MAX, &e);
    return U_SUCCESS(e) && n > 0 && n < (int32_t)ZONE_MAX;
}

bool zone_same(const char *a, const char *b)
{
    UChar x[ZONE_MAX], y[ZONE_MAX];
    if (a == b || !a || !b)
        return a == b;
    return !strcmp(a, b) || (windows_name(a, x) && windows_name(b, y) && !u_strcmp(x, y));
}
