/* Tasks and meetings (B7, B9): times that are days or instants, picklists, reminders. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "workbooks.h"

#define ZONE "Europe/London" /* of the user whose key it is */
#define DUE_HOUR 9           /* what a day becomes when it is read as a time */
#define TEXT_MAX 255

/* B9, Task and meeting: what is seen on one. Location, attendees, recurrence, show-as and privacy
 * have no name that anybody shows, so they are unknown attributes here. */
const char *const wb_activity_columns[] = {"name",
                                           "description",
                                           "activity_type",
                                           "activity_status",
                                           "activity_priority",
                                           "assigned_to",
                                           "primary_contact_id",
                                           "primary_contact_type",
                                           "reminder_enabled",
                                           "reminder_datetime",
                                           "reminder_minutes",
                                           "completed_date",
                                           "start",
                                           "finish",
                                           "due",
                                           "started",
                                           "completed",
                                           "start_date",
                                           "start_datetime",
                                           "finish_date",
                                           "finish_datetime",
                                           "due_date",
                                           "due_datetime",
                                           "all_day",
                                           "created_through",
                                           "created_through_reference",
                                           NULL};
const char *const wb_activity_shown[] = {"queue[name]", "scheduled_start", "scheduled_finish",
                                         "duration", NULL};
static const char *const times[] = {"start", "finish", "due", "started", "completed"};
static const char *const flags[] = {"all_day", "reminder_enabled"};
/* B9: the entries that are seen; which there are is configured. */
static const struct {
    const char *column;
    const char *entries[4];
} picklists[] = {
    {"activity_type", {"To-do", "Phone call", "Email"}},
    {"activity_status", {"New", "Complete"}},
    {"activity_priority", {"High", "Medium"}},
};

static bool is_one_of(const char *const *of, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(of[i], name))
            return true;
    return false;
}
#define IS_TIME(name) is_one_of(times, sizeof(times) / sizeof(times[0]), name)
#define IS_FLAG(name) is_one_of(flags, sizeof(flags) / sizeof(flags[0]), name)

int wb_activity_twin(const char *column, char base[32])
{
    static const char *const tails[] = {"_datetime", "_date", ""};
    for (int i = 0; i < 3; i++) {
        size_t tail = strlen(tails[i]), len = strlen(column);
        if (len <= tail || strcmp(column + len - tail, tails[i]))
            continue;
        snprintf(base, 32, "%.*s", (int)(len - tail), column);
        if (IS_TIME(base))
            return i + 1;
    }
    return 0;
}

/* ---- times
 * ------------------------------------------------------------------------------------------ */

static time_t last_sunday(int year, int month)
{
    struct tm tm = {.tm_year = year, .tm_mon = month + 1, .tm_mday = 0};
    time_t at = timegm(&tm);
    gmtime_r(&at, &tm);
    return at - tm.tm_wday * 86400 + 3600;
}

/* Seconds that clocks in London are ahead of UTC. */
static int ahead(time_t at)
{
    struct tm tm;
    gmtime_r(&at, &tm);
    return at >= last_sunday(tm.tm_year, 2) && at < last_sunday(tm.tm_year, 9) ? 3600 : 0;
}

static bool reads(const char *text, const char *format, const char *tail, struct tm *tm)
{
    *tm = (struct tm){0};
    const char *end = strptime(text, format, tm);
    if (!end)
        return false;
    if (*end == '.' && *tail)
        end += 1 + strspn(end + 1, "0123456789");
    return !strcmp(end, tail);
}

/* B7: what is taken for a time. -1: nothing that is; `naive`: it was in the user's zone. */
static int64_t instant_of(const char *value)
{
    static const struct {
        const char *format, *tail;
        bool naive;
    } forms[] = {{"%Y-%m-%dT%H:%M:%S", "Z", false},
                 {"%a %b %d %H:%M:%S UTC %Y", "", false},
                 {"%Y-%m-%d %H:%M:%S", "", true},
                 {"%Y-%m-%d %H:%M", "", true},
                 {"%Y-%m-%dT%H:%M:%S", "", true}};
    struct tm tm;
    char *end;
    long long n = strtoll(value, &end, 10);
    if (end != value && !*end)
        return n;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        if (reads(value, forms[i].format, forms[i].tail, &tm)) {
            time_t at = timegm(&tm);
            return at - (forms[i].naive ? ahead(at) : 0);
        }
    return -1;
}

static bool day_of(const char *value, char out[12])
{
    struct tm tm;
    if (!reads(value, "%Y-%m-%d", "", &tm) && !reads(value, "%e %b %Y", "", &tm))
        return false;
    return strftime(out, 12, "%Y-%m-%d", &tm) == 10;
}

/* Kept as "2026-12-01" or as "@SECONDS". */
static char *keep_time(const char *value)
{
    char text[32];
    if (!day_of(value, text))
        snprintf(text, sizeof(text), "@%lld", (long long)instant_of(value));
    return strdup(text);
}

static int64_t seconds_of(const char *kept)
{
    struct tm tm;
    if (*kept == '@')
        return strtoll(kept + 1, NULL, 10);
    reads(kept, "%Y-%m-%d", "", &tm);
    tm.tm_hour = DUE_HOUR;
    time_t at = timegm(&tm);
    return at - ahead(at);
}

static void local_day(const char *kept, char out[12])
{
    struct tm tm;
    time_t at = (time_t)seconds_of(kept);
    at += ahead(at);
    gmtime_r(&at, &tm);
    strftime(out, 12, "%Y-%m-%d", &tm);
}

static json_t *show_time(const char *kept, bool epoch)
{
    char text[40];
    struct tm tm;
    if (*kept != '@')
        return json_sprintf("%s,0,%s", kept, ZONE);
    time_t at = (time_t)seconds_of(kept);
    /* B7: whether the format asked for reaches these is not known. */
    if (epoch && !strcmp(sb_switch("when_format", "iso"), "asked"))
        return json_sprintf("%lld,1,%s", (long long)at, ZONE);
    gmtime_r(&at, &tm);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S.000Z", &tm);
    return json_sprintf("%s,1,%s", text, ZONE);
}

static json_t *show_twin(int twin, const char *kept, bool epoch)
{
    char day[12];
    local_day(kept, day);
    return twin == 1 ? wb_time_json(seconds_of(kept), epoch) : json_string(day);
}

/* ---- the slots
 * ------------------------------------------------------------------------------------------ */

static bool is_true(const char *value)
{
    static const char *const words[] = {"true", "t", "on", "1", "yes", "y"}; /* B7 */
    return is_one_of(words, sizeof(words) / sizeof(words[0]), value);
}

static const char *picked(const char *column, const char *value)
{
    for (size_t i = 0; i < sizeof(picklists) / sizeof(picklists[0]); i++) {
        if (strcmp(picklists[i].column, column))
            continue;
        for (size_t k = 0; k < 4 && picklists[i].entries[k]; k++)
            if (!strcmp(picklists[i].entries[k], value))
                return NULL;
        return "is not included in the list";
    }
    return NULL;
}

static bool is_number(const char *value)
{
    return *value && !value[strspn(value, "0123456789")] && strlen(value) < 10;
}

const char *wb_activity_refuses(const char *column, const char *value)
{
    char base[32], day[12];
    int twin = wb_activity_twin(column, base);
    if (twin && !(twin != 1 && day_of(value, day)) && !(twin != 2 && instant_of(value) > 0))
        return "is not a valid date";
    if (!strcmp(column, "reminder_datetime") && instant_of(value) <= 0)
        return "is not a valid date";
    if (!strcmp(column, "completed_date") && !day_of(value, day))
        return "is not a valid date";
    if (!strcmp(column, "reminder_minutes") && !is_number(value))
        return "is not a number";
    if (!strcmp(column, "assigned_to"))
        return is_number(value) && atol(value) >= ACTIVITY_UNASSIGNED &&
                       atol(value) < FIRST_ACTIVITY_QUEUE + (long)sb_n_users
                   ? NULL
                   : "does not exist";
    if (strcmp(column, "description") && strlen(value) > TEXT_MAX * 4)
        return "is too long";
    return picked(column, value);
}

char *wb_activity_rewrite(const char *column, const char *value)
{
    char base[32], text[32];
    if (wb_activity_twin(column, base))
        return keep_time(value);
    if (IS_FLAG(column))
        return strdup(is_true(value) ? "true" : "false");
    if (!strcmp(column, "reminder_datetime")) {
        snprintf(text, sizeof(text), "%lld", (long long)instant_of(value));
        return strdup(text);
    }
    return strdup(value);
}

/* B9: if start and finish are unset, the scheduled ones follow due. */
static const char *scheduled(const struct wb_record *p, const char *column)
{
    const char *own = wb_value(p, column + sizeof("scheduled_") - 1);
    return own ? own : wb_value(p, "due");
}

static json_t *show_read_only(const struct wb_record *p, const char *column, bool epoch)
{
    const char *from = scheduled(p, "scheduled_start"), *to = scheduled(p, "scheduled_finish");
    if (!strncmp(column, "scheduled_", 10))
        return scheduled(p, column) ? show_time(scheduled(p, column), epoch) : json_null();
    if (!strcmp(column, "duration"))
        return from && to ? json_integer(seconds_of(to) - seconds_of(from)) : json_null();
    if (strcmp(column, "queue[name]"))
        return NULL;
    size_t user = (size_t)(p->queue - FIRST_ACTIVITY_QUEUE);
    return json_string(p->queue < FIRST_ACTIVITY_QUEUE || user >= sb_n_users ? "Unassigned"
                                                                             : sb_users[user].name);
}

json_t *wb_activity_show(const struct wb_record *p, const char *column, bool epoch)
{
    char base[32];
    int twin = wb_activity_twin(column, base);
    const char *kept = wb_value(p, twin ? base : column);
    if (twin)
        return !kept       ? json_null()
               : twin == 3 ? show_time(kept, epoch)
                           : show_twin(twin, kept, epoch);
    if (IS_FLAG(column))
        return json_boolean(kept && !strcmp(kept, "true"));
    if (!strcmp(column, "reminder_datetime"))
        return kept ? wb_time_json(strtoll(kept, NULL, 10), epoch) : json_null();
    if (!strcmp(column, "reminder_minutes"))
        return kept ? json_integer(strtoll(kept, NULL, 10)) : json_null();
    return show_read_only(p, column, epoch);
}

const char *wb_activity_text(const struct wb_record *p, const char *column, char buf[32])
{
    char base[32];
    if (!wb_activity_twin(column, base))
        return (const char *)-1;
    const char *kept = wb_value(p, base);
    if (!kept)
        return NULL;
    snprintf(buf, 32, "%lld", (long long)seconds_of(kept));
    return buf;
}

void wb_activity_settle(struct wb_record *p)
{
    const char *all_day = wb_value(p, "all_day");
    bool whole = all_day && !strcmp(all_day, "true");
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        static const char *const tails[] = {"_date", "_datetime"};
        for (size_t t = 0; t < 2; t++) { /* a twin that was set is the time itself */
            char name[48];
            snprintf(name, sizeof(name), "%s%s", times[i], tails[t]);
            const char *twin = wb_value(p, name);
            char *kept = twin ? strdup(twin) : NULL;
            if (!kept)
                continue;
            free(p->value[wb_column(p->of, times[i])]);
            p->value[wb_column(p->of, times[i])] = kept;
            wb_set_value(p, wb_column(p->of, name), NULL);
        }
        const char *kept = wb_value(p, times[i]);
        if (!kept || *kept != '@' || !whole)
            continue;
        /* B7: with all_day a time that is given is lost. */
        char day[12];
        local_day(kept, day);
        wb_set_value(p, wb_column(p->of, times[i]), day);
    }
}
