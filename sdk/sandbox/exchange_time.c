/* Points in time (section 8): taken with an offset or without, kept as UTC, and shown in the zone
 * that the request's TimeZoneContext names. */
#include <libical/ical.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unicode/ucal.h>
#include <unicode/ustring.h>

#include "exchange.h"

#define NAME_MAX_UNITS 64

static icaltimezone *asked; /* of the request that is carried out; NULL: UTC */

icaltimezone *ex_zone(const char *windows)
{
    UChar in[NAME_MAX_UNITS], out[NAME_MAX_UNITS];
    UErrorCode e = U_ZERO_ERROR;
    char name[NAME_MAX_UNITS] = "";
    if (!windows || strlen(windows) >= NAME_MAX_UNITS)
        return NULL;
    u_uastrcpy(in, windows);
    if (ucal_getTimeZoneIDForWindowsID(in, -1, "001", out, NAME_MAX_UNITS, &e) > 0 && U_SUCCESS(e))
        u_austrcpy(name, out);
    return *name ? icaltimezone_get_builtin_timezone(name) : NULL;
}

const char *ex_time_context(const xmlNode *header)
{
    const xmlNode *definition = ex_child(ex_child(header, "TimeZoneContext"), "TimeZoneDefinition");
    char *id = ex_attr(definition, "Id");
    asked = ex_zone(id);
    bool unknown = id && !asked && strcmp(id, "UTC") != 0;
    xmlFree(id);
    return unknown ? "ErrorTimeZone" : NULL;
}

bool ex_is_time(const char *uri)
{
    static const char *const uris[] = {"item:DateTimeReceived", "item:DateTimeSent",
                                       "item:ReminderDueBy",    "task:CompleteDate",
                                       "task:DueDate",          "task:StartDate",
                                       "calendar:Start",        "calendar:End",
                                       "contacts:Birthday",     "contacts:WeddingAnniversary"};
    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++)
        if (!strcmp(uris[i], uri))
            return true;
    return false;
}

/* Seconds east of UTC that stand behind the clock's time; false: it is no offset. */
static bool read_offset(const char *text, long *seconds)
{
    int hours = 0, minutes = 0, used = 0;
    *seconds = 0;
    if (!strcmp(text, "Z"))
        return true;
    if ((*text != '+' && *text != '-') ||
        sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 || text[1 + used])
        return false;
    *seconds = (*text == '-' ? -1 : 1) * (hours * 3600L + minutes * 60L);
    return true;
}

static void utc_text(time_t t, char out[EX_TIME])
{
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(out, EX_TIME, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

bool ex_utc(const char *text, const char *windows, char out[EX_TIME])
{
    struct tm tm = {0};
    long offset = 0;
    const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
    if (rest && *rest == '.')
        rest += 1 + strspn(rest + 1, "0123456789");
    if (!rest || (*rest && !read_offset(rest, &offset)))
        return false;
    icaltimezone *zone = *rest ? NULL : ex_zone(windows);
    time_t t = timegm(&tm) - offset;
    if (!*rest && (zone || asked))
        t = icaltime_as_timet_with_zone(icaltime_from_timet_with_zone(t, 0, NULL),
                                        zone ? zone : asked);
    utc_text(t, out);
    return true;
}

void ex_shown(const char *utc, char out[EX_TIME])
{
    struct tm tm = {0};
    int summer = 0;
    if (!asked || !strptime(utc, "%Y-%m-%dT%H:%M:%SZ", &tm)) {
        snprintf(out, EX_TIME, "%s", utc);
        return;
    }
    time_t t = timegm(&tm);
    icaltimetype at = icaltime_from_timet_with_zone(t, 0, icaltimezone_get_utc_timezone());
    int offset = icaltimezone_get_utc_offset_of_utc_time(asked, &at, &summer);
    size_t len;
    char sign = offset < 0 ? '-' : '+';
    utc_text(t + offset, out);
    len = strlen(out) - 1; /* over the Z */
    offset = abs(offset);
    snprintf(out + len, EX_TIME - len, "%c%02d:%02d", sign, offset / 3600 % 24, offset / 60 % 60);
}
