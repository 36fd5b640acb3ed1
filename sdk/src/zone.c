#include "zone.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unicode/ucal.h>
#include <unicode/uenum.h>
#include <unicode/ustring.h>

#define CAP WESS_ZONE_SIZE

static const UCalendarDateFields fields[] = {UCAL_YEAR,        UCAL_MONTH,  UCAL_DATE,
                                             UCAL_HOUR_OF_DAY, UCAL_MINUTE, UCAL_SECOND};
struct parts {
    int of[6];
};

static bool to_id(const char *zone, UChar out[CAP])
{
    UErrorCode e = U_ZERO_ERROR;
    UChar canonical[CAP];
    UBool system = false;
    if (!zone || strlen(zone) >= CAP)
        return false;
    u_strFromUTF8(out, CAP, NULL, zone, -1, &e);
    ucal_getCanonicalTimeZoneID(out, -1, canonical, CAP, &system, &e);
    return U_SUCCESS(e) && system;
}

static bool to_text(const UChar *in, char out[CAP])
{
    UErrorCode e = U_ZERO_ERROR;
    u_strToUTF8(out, CAP, NULL, in, -1, &e);
    return U_SUCCESS(e) && e != U_STRING_NOT_TERMINATED_WARNING;
}

/* One goes round: to make a calendar takes ten times what it is asked for, and nearly always it is
 * for the zone of the time before. */
static struct {
    pthread_mutex_t lock;
    char zone[CAP];
    UCalendar *of;
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static UCalendar *kept_for(const char *zone)
{
    UCalendar *cal = NULL;
    pthread_mutex_lock(&kept.lock);
    if (kept.of && zone && !strcmp(kept.zone, zone)) {
        cal = kept.of;
        kept.of = NULL;
    }
    pthread_mutex_unlock(&kept.lock);
    return cal;
}

static UCalendar *calendar(const char *zone)
{
    UErrorCode e = U_ZERO_ERROR;
    UChar id[CAP];
    UCalendar *cal = kept_for(zone);
    if (!cal && to_id(zone, id))
        cal = ucal_open(id, -1, "en_US_POSIX", UCAL_GREGORIAN, &e);
    if (cal && U_FAILURE(e)) {
        ucal_close(cal);
        cal = NULL;
    }
    return cal;
}

/* `zone` is the one that calendar() took. */
static void give_back(UCalendar *cal, const char *zone)
{
    if (!cal)
        return;
    pthread_mutex_lock(&kept.lock);
    UCalendar *old = kept.of;
    kept.of = cal;
    strcpy(kept.zone, zone);
    pthread_mutex_unlock(&kept.lock);
    ucal_close(old);
}

bool wess_zone_known(const char *zone)
{
    UChar id[CAP];
    return to_id(zone, id);
}

static bool read_local(const char *local, struct parts *p)
{
    static const char form[] = "0000-00-00T00:00:00";
    size_t part = 0;
    *p = (struct parts){{0}};
    for (size_t i = 0; form[i]; i++) {
        bool digit = local[i] >= '0' && local[i] <= '9';
        if (form[i] == '0' ? !digit : local[i] != form[i])
            return false;
        part += !digit;
        if (digit)
            p->of[part] = p->of[part] * 10 + (local[i] - '0');
    }
    return !local[sizeof(form) - 1];
}

static bool at(UCalendar *cal, int64_t ms, struct parts *p)
{
    UErrorCode e = U_ZERO_ERROR;
    ucal_setMillis(cal, (UDate)ms, &e);
    for (size_t i = 0; i < 6; i++)
        p->of[i] = ucal_get(cal, fields[i], &e) + (i == 1);
    return U_SUCCESS(e);
}

static bool shows(UCalendar *cal, int64_t ms, const struct parts *p)
{
    struct parts now;
    return at(cal, ms, &now) && !memcmp(&now, p, sizeof(now));
}

int64_t wess_zone_instant(const char *local, const char *zone, int64_t ms)
{
    UErrorCode e = U_ZERO_ERROR;
    struct parts p;
    UCalendar *cal = local && read_local(local, &p) ? calendar(zone) : NULL;
    int64_t out = ms;
    if (!cal)
        return 0;
    if (!ms || !shows(cal, ms, &p)) {
        ucal_clear(cal);
        /* RFC 5545 3.3.5: an hour that comes twice is the first one. */
        ucal_setAttribute(cal, UCAL_REPEATED_WALL_TIME, UCAL_WALLTIME_FIRST);
        ucal_setDateTime(cal, p.of[0], p.of[1] - 1, p.of[2], p.of[3], p.of[4], p.of[5], &e);
        out = (int64_t)ucal_getMillis(cal, &e);
    }
    give_back(cal, zone);
    return U_SUCCESS(e) ? out : 0;
}

bool wess_zone_local(int64_t ms, const char *zone, char out[WESS_LOCAL_SIZE])
{
    UCalendar *cal = calendar(zone);
    struct parts p;
    bool ok = cal && at(cal, ms, &p) && p.of[0] >= 0 && p.of[0] <= 9999;
    give_back(cal, zone);
    if (ok)
        snprintf(out, WESS_LOCAL_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u", (unsigned)p.of[0] % 10000u,
                 (unsigned)p.of[1] % 100u, (unsigned)p.of[2] % 100u, (unsigned)p.of[3] % 100u,
                 (unsigned)p.of[4] % 100u, (unsigned)p.of[5] % 100u);
    return ok;
}

static bool offset_of(UCalendar *cal, int64_t ms, int *minutes)
{
    UErrorCode e = U_ZERO_ERROR;
    ucal_setMillis(cal, (UDate)ms, &e);
    *minutes = (ucal_get(cal, UCAL_ZONE_OFFSET, &e) + ucal_get(cal, UCAL_DST_OFFSET, &e)) / 60000;
    return U_SUCCESS(e);
}

bool wess_zone_offset(int64_t ms, const char *zone, int *minutes)
{
    UCalendar *cal = calendar(zone);
    bool ok = cal && offset_of(cal, ms, minutes);
    give_back(cal, zone);
    return ok;
}

static bool windows_name(const char *zone, UChar out[CAP])
{
    UErrorCode e = U_ZERO_ERROR;
    UChar id[CAP];
    if (!to_id(zone, id))
        return false;
    int32_t n = ucal_getWindowsTimeZoneID(id, -1, out, CAP, &e);
    return U_SUCCESS(e) && n > 0 && n < CAP;
}

bool wess_zone_same(const char *a, const char *b)
{
    UChar x[CAP], y[CAP];
    if (a == b || !a || !b)
        return a == b;
    return !strcmp(a, b) || (windows_name(a, x) && windows_name(b, y) && !u_strcmp(x, y));
}

bool wess_zone_windows(const char *zone, char out[WESS_ZONE_SIZE])
{
    UChar name[CAP];
    return windows_name(zone, name) && to_text(name, out);
}

bool wess_zone_iana(const char *windows, char out[WESS_ZONE_SIZE])
{
    UErrorCode e = U_ZERO_ERROR;
    UChar in[CAP], id[CAP];
    if (!windows || strlen(windows) >= CAP)
        return false;
    u_strFromUTF8(in, CAP, NULL, windows, -1, &e);
    int32_t n = U_SUCCESS(e) ? ucal_getTimeZoneIDForWindowsID(in, -1, "001", id, CAP, &e) : 0;
    if (U_SUCCESS(e) && n > 0 && n < CAP)
        return to_text(id, out);
    if (!wess_zone_known(windows))
        return false;
    strcpy(out, windows);
    return true;
}

static bool is_like(const char *zone, const int64_t *ms, const int *minutes, size_t n)
{
    UCalendar *cal = calendar(zone);
    bool same = cal != NULL;
    for (size_t i = 0; same && i < n; i++) {
        int now = 0;
        same = offset_of(cal, ms[i], &now) && now == minutes[i];
    }
    give_back(cal, zone);
    return same;
}

bool wess_zone_like(const int64_t *ms, const int *minutes, size_t n, char out[WESS_ZONE_SIZE])
{
    UErrorCode e = U_ZERO_ERROR;
    UEnumeration *all =
        ucal_openTimeZoneIDEnumeration(UCAL_ZONE_TYPE_CANONICAL_LOCATION, NULL, NULL, &e);
    bool found = false;
    for (const char *zone; all && !found && (zone = uenum_next(all, NULL, &e)) && U_SUCCESS(e);) {
        char windows[CAP], main[CAP];
        /* Of those that Windows calls one, the one that its name leads back to. */
        found = is_like(zone, ms, minutes, n) && wess_zone_windows(zone, windows) &&
                wess_zone_iana(windows, main) && is_like(main, ms, minutes, n);
        if (found)
            strcpy(out, main);
    }
    uenum_close(all);
    return found;
}
