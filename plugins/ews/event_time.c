/* When an event is: its times, zones and whole days, as they are shown and as they are taken; and
 * the reminder, which is told from its beginning. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"

#define DAY_MS ((int64_t)86400000)
#define USUAL_SAYS 1525252321 /* a reminder at the usual time (MS-OXORMDR 2.2.1.3) */
#define USUAL_MINUTES 15

bool ews_is_true(const xmlNode *n)
{
    const char *text = xml_text(n);
    return text && (!strcmp(text, "true") || !strcmp(text, "1"));
}

bool ews_recurs(const xmlNode *item)
{
    const char *type = xml_text(xml_child(item, "CalendarItemType"));
    return (type && !strcmp(type, "RecurringMaster")) || xml_child(item, "Recurrence");
}

void ews_event_zone(const struct ews_reading *r, const xmlNode *item, const char *name, int64_t ms,
                    char out[WESS_ZONE_SIZE])
{
    const xmlNode *n = xml_child(item, name);
    if (n)
        ews_zone(n, ms, out);
    else /* a listing brings none */
        snprintf(out, WESS_ZONE_SIZE, "%s",
                 ews_is_true(xml_child(item, "IsAllDayEvent")) ? r->conn->zone : "Etc/UTC");
}

/* Its midnights are those of the zone that it was made in. */
static void read_whole_day(struct ews_reading *r, const char *name, const char *local)
{
    char date[11];
    char *text = ews_date(local, date) ? wess_arena_text(r->host, r->a, date) : NULL;
    struct wess_field *f = text ? ews_push(r, name, WESS_DATE) : NULL;
    r->spent |= !text;
    if (f)
        f->str = (struct wess_slice){text, 10};
}

void ews_read_time(struct ews_reading *r, const xmlNode *item, const struct ews_field *e)
{
    int64_t ms = ews_time_ms(xml_text(xml_child(item, e->element)));
    char zone[WESS_ZONE_SIZE], local[WESS_LOCAL_SIZE];
    ews_event_zone(r, item, !strcmp(e->name, "start") ? "StartTimeZone" : "EndTimeZone", ms, zone);
    if (!ms || !wess_zone_local(ms, zone, local))
        return;
    if (ews_is_true(xml_child(item, "IsAllDayEvent"))) {
        read_whole_day(r, e->name, local);
        return;
    }
    struct wess_field *f = ews_push(r, e->name, WESS_TIME);
    if (!f)
        return;
    f->time = (struct wess_time){wess_arena_text(r->host, r->a, local),
                                 wess_arena_text(r->host, r->a, zone), ews_recurs(item) ? 0 : ms};
    r->spent |= !f->time.local || !f->time.zone;
}

/* Which one of a series that one was asked to alone: the same in every mailbox, by the instant. */
void ews_read_occurrence(struct ews_reading *r, const xmlNode *item, const struct ews_field *e)
{
    int64_t ms = ews_time_ms(xml_text(xml_child(item, e->element)));
    char local[WESS_LOCAL_SIZE];
    struct wess_field *f =
        ms && wess_zone_local(ms, "Etc/UTC", local) ? ews_push(r, e->name, WESS_TIME) : NULL;
    const char *text = f ? wess_arena_text(r->host, r->a, local) : NULL;
    r->spent |= f && !text;
    if (text)
        f->time = (struct wess_time){text, "Etc/UTC", ms};
}

struct moment {
    int64_t ms;
    const char *zone; /* IANA */
    bool day;
};

static bool moment_of(const struct wess_call *call, const struct wess_field *f, struct moment *out)
{
    char local[WESS_LOCAL_SIZE];
    *out = (struct moment){.zone = call->conn->zone};
    if (f && f->type == WESS_DATE) {
        out->day = true;
        snprintf(local, sizeof(local), "%.10sT00:00:00", (const char *)f->str.data);
        out->ms = wess_zone_instant(local, out->zone, 0);
    } else if (f && f->type == WESS_TIME) {
        /* What floats is at that hour wherever its owner is. */
        if (f->time.zone)
            out->zone = f->time.zone;
        out->ms = wess_zone_instant(f->time.local, out->zone, f->time.ms);
    }
    return out->ms != 0;
}

/* Without an end it takes no time, or one day (RFC 5545 3.6.1). */
static bool span_of(const struct wess_call *call, const struct wess_op *op, struct moment *start,
                    struct moment *end)
{
    if (!moment_of(call, ews_will_be(op, "start"), start))
        return false;
    if (moment_of(call, ews_will_be(op, "end"), end))
        return true;
    *end = *start;
    end->ms += start->day ? DAY_MS : 0;
    return true;
}

bool ews_put_time(struct ews_put *p, const struct ews_field *e)
{
    struct moment start, end;
    if (!span_of(p->call, p->op, &start, &end))
        return false;
    ews_put_instant(p->x, e->element, !strcmp(e->name, "start") ? start.ms : end.ms);
    return true;
}

bool ews_put_all_day(struct ews_put *p, const struct ews_field *e)
{
    struct moment start, end;
    if (!span_of(p->call, p->op, &start, &end))
        return false;
    ews_open(p->x, e->element);
    xml_put(p->x, start.day ? "true" : "false", start.day ? 4 : 5);
    xml_close(p->x);
    return true;
}

bool ews_put_zone(struct ews_put *p, const struct ews_field *e)
{
    struct moment start, end;
    char name[WESS_ZONE_SIZE];
    if (!span_of(p->call, p->op, &start, &end) ||
        !wess_zone_windows(!strcmp(e->name, "start") ? start.zone : end.zone, name))
        return false;
    ews_open(p->x, e->element);
    xml_put_attr(p->x, "Id", name);
    xml_close(p->x);
    return true;
}

/* NULL: nothing; else what is wrong with the times, of *field. */
const char *ews_bad_span(const struct wess_call *call, const struct wess_op *op, const char **field)
{
    const struct wess_field *last = ews_will_be(op, "end");
    char name[WESS_ZONE_SIZE];
    struct moment start, end;
    *field = "start";
    if (!span_of(call, op, &start, &end))
        return "an event needs a start";
    if (!wess_zone_windows(start.zone, name))
        return "Exchange has no such time zone";
    *field = "end";
    if (!wess_zone_windows(end.zone, name))
        return "Exchange has no such time zone";
    if (last && start.day != end.day)
        return "one end of it is a day, the other an hour";
    return end.ms < start.ms ? "it ends before it begins" : NULL;
}

/* ---- the reminder
 * ------------------------------------------------------------------------------------------ */

void ews_read_alarm(struct ews_reading *r, const xmlNode *item, const struct ews_field *e)
{
    const char *minutes = xml_text(xml_child(item, e->element));
    long n = minutes ? strtol(minutes, NULL, 10) : -1;
    if (!ews_is_true(xml_child(item, "ReminderIsSet")) || n < 0)
        return;
    struct wess_field *f = ews_push(r, e->name, WESS_INT);
    if (f)
        f->num = n == USUAL_SAYS ? USUAL_MINUTES : n;
}

/* -1: none, or one in the past, which would ring at once. A series has others to come. */
static int64_t alarm_of(const struct ews_put *p)
{
    const struct wess_host *h = p->call->conn->host;
    const struct wess_field *f = ews_will_be(p->op, "alarm");
    struct moment start, end;
    if (!f || f->type != WESS_INT || !span_of(p->call, p->op, &start, &end))
        return -1;
    bool past = start.ms - f->num * 60000 <= h->now_ms(h->ctx);
    return past && !ews_will_be(p->op, "rrule") ? -1 : f->num;
}

bool ews_put_alarm_minutes(struct ews_put *p, const struct ews_field *e)
{
    char text[24];
    int64_t minutes = alarm_of(p);
    if (minutes < 0)
        return false;
    snprintf(text, sizeof(text), "%lld", (long long)minutes);
    ews_open(p->x, e->element);
    xml_put(p->x, text, strlen(text));
    xml_close(p->x);
    return true;
}

bool ews_put_alarm_is_set(struct ews_put *p, const struct ews_field *e)
{
    bool set = alarm_of(p) >= 0;
    ews_open(p->x, e->element);
    xml_put(p->x, set ? "true" : "false", set ? 4 : 5);
    xml_close(p->x);
    return true;
}
