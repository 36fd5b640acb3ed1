/* Events: iCalendar's names (VEVENT, RFC 5545) and Exchange's properties, both ways, in the order
 * of the schema. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ews.h"
#include "zone.h"

#define TEXT_MAX 255u
#define DAY_MS ((int64_t)86400000)

static const struct ews_word shows[] = {
    {"BUSY", "Busy"}, {"FREE", "Free"}, {"TENTATIVE", "Tentative"}, {"OOF", "OOF"}, {NULL, NULL}};
static const struct ews_word priorities[] = {
    {"0", "Normal"}, {"1", "High"}, {"9", "Low"}, {NULL, NULL}};
static const struct ews_word answers[] = {
    {"ACCEPTED", "Accept"}, {"TENTATIVE", "Tentative"}, {"DECLINED", "Decline"}, {NULL, NULL}};

static bool is_true(const xmlNode *n)
{
    const char *text = xml_text(n);
    return text && (!strcmp(text, "true") || !strcmp(text, "1"));
}

/* ---- times, as they are shown
 * ------------------------------------------------------------------------------------------ */

bool ews_recurs(const xmlNode *item)
{
    const char *type = xml_text(xml_child(item, "CalendarItemType"));
    return (type && !strcmp(type, "RecurringMaster")) || xml_child(item, "Recurrence");
}

static void zone_of(const struct ews_reading *r, const xmlNode *item, const char *name, int64_t ms,
                    char out[WESS_ZONE_SIZE])
{
    const xmlNode *n = xml_child(item, name);
    if (n)
        ews_zone(n, ms, out);
    else /* a listing brings none */
        snprintf(out, WESS_ZONE_SIZE, "%s",
                 is_true(xml_child(item, "IsAllDayEvent")) ? r->conn->zone : "Etc/UTC");
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

static void read_time(struct ews_reading *r, const xmlNode *item, const struct ews_field *e)
{
    int64_t ms = ews_time_ms(xml_text(xml_child(item, e->element)));
    char zone[WESS_ZONE_SIZE], local[WESS_LOCAL_SIZE];
    zone_of(r, item, !strcmp(e->name, "start") ? "StartTimeZone" : "EndTimeZone", ms, zone);
    if (!ms || !wess_zone_local(ms, zone, local))
        return;
    if (is_true(xml_child(item, "IsAllDayEvent"))) {
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
static void read_occurrence(struct ews_reading *r, const xmlNode *item, const struct ews_field *e)
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

/* ---- times, as they are taken
 * ------------------------------------------------------------------------------------------ */

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

static bool put_time(struct ews_put *p, const struct ews_field *e)
{
    struct moment start, end;
    if (!span_of(p->call, p->op, &start, &end))
        return false;
    ews_put_instant(p->x, e->element, !strcmp(e->name, "start") ? start.ms : end.ms);
    return true;
}

static bool put_all_day(struct ews_put *p, const struct ews_field *e)
{
    struct moment start, end;
    if (!span_of(p->call, p->op, &start, &end))
        return false;
    ews_open(p->x, e->element);
    xml_put(p->x, start.day ? "true" : "false", start.day ? 4 : 5);
    xml_close(p->x);
    return true;
}

static bool put_zone(struct ews_put *p, const struct ews_field *e)
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

/* ---- the reminder
 * ------------------------------------------------------------------------------------------ */

static void read_alarm(struct ews_reading *r, const xmlNode *item, const struct ews_field *e)
{
    const char *minutes = xml_text(xml_child(item, e->element));
    long n = minutes ? strtol(minutes, NULL, 10) : -1;
    if (!is_true(xml_child(item, "ReminderIsSet")) || n < 0)
        return;
    struct wess_field *f = ews_push(r, e->name, WESS_INT);
    if (f)
        f->num = n;
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

static bool put_minutes(struct ews_put *p, const struct ews_field *e)
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

static bool put_is_set(struct ews_put *p, const struct ews_field *e)
{
    bool set = alarm_of(p) >= 0;
    ews_open(p->x, e->element);
    xml_put(p->x, set ? "true" : "false", set ? 4 : 5);
    xml_close(p->x);
    return true;
}

/* ---- people
 * ------------------------------------------------------------------------------------------ */

static const struct {
    const char *element, *role;
} roles[] = {{"RequiredAttendees", "REQ-PARTICIPANT"},
             {"OptionalAttendees", "OPT-PARTICIPANT"},
             {"Resources", "NON-PARTICIPANT"}};

static const char *address_of(const xmlNode *mailbox)
{
    const char *routing = xml_text(xml_child(mailbox, "RoutingType"));
    const char *address = xml_text(xml_child(mailbox, "EmailAddress"));
    /* A directory path is no address for others. */
    if (routing && *routing && strcasecmp(routing, "SMTP"))
        return NULL;
    return address && *address && strlen(address) < WESS_ID_MAX ? address : NULL;
}

static void add_part(struct ews_reading *r, struct wess_record *to, const char *name,
                     const char *value)
{
    struct wess_field *parts =
        (struct wess_field *)(uintptr_t)to->fields; /* of ews_read_mailbox() */
    char *text = value && *value ? wess_arena_text(r->host, r->a, value) : NULL;
    if (!value || !*value || strlen(value) > WESS_INLINE_MAX)
        return;
    r->spent |= !text;
    if (text && to->n < EWS_PARTS)
        parts[to->n++] =
            (struct wess_field){.name = name, .type = WESS_TEXT, .str = {text, strlen(text)}};
}

static bool is_known(const struct wess_vec *v, const char *key)
{
    const struct wess_record *of = v->of;
    for (size_t i = 0; i < v->n; i++)
        if (!strcmp(of[i].key, key))
            return true;
    return false;
}

struct wess_record *ews_read_mailbox(struct ews_reading *r, const xmlNode *mailbox,
                                     struct wess_vec *v)
{
    const char *address = address_of(mailbox);
    char *text = address ? wess_arena_text(r->host, r->a, address) : NULL;
    const char *key = text ? r->host->fold(r->a, text) : NULL;
    r->spent |= address && !key;
    if (!key || !*key || is_known(v, key))
        return NULL;
    struct wess_record *new = wess_vec_push(r->host, r->a, v);
    struct wess_field *parts = r->host->alloc(r->a, EWS_PARTS * sizeof(*parts));
    r->spent |= !new || !parts;
    if (!new || !parts)
        return NULL;
    *new = (struct wess_record){.key = key, .fields = parts};
    add_part(r, new, "value", address);
    add_part(r, new, "cn", xml_text(xml_child(mailbox, "Name")));
    return new;
}

static void read_attendee(struct ews_reading *r, const xmlNode *n, const char *role,
                          struct wess_vec *v)
{
    const char *said = xml_text(xml_child(n, "ResponseType"));
    if (said && !strcmp(said, "Organizer"))
        return;
    struct wess_record *new = ews_read_mailbox(r, xml_child(n, "Mailbox"), v);
    if (!new)
        return;
    add_part(r, new, "role", role);
    for (const struct ews_word *w = answers; said && w->ours; w++)
        if (!strcmp(w->theirs, said))
            add_part(r, new, "partstat", w->ours);
}

static void read_attendees(struct ews_reading *r, const xmlNode *item, const struct ews_field *e)
{
    struct wess_vec v = {.size = sizeof(struct wess_record)};
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        for (const xmlNode *n = xml_first(xml_child(item, roles[i].element)); n; n = xml_next(n))
            read_attendee(r, n, roles[i].role, &v);
    struct wess_field *f = v.n ? ews_push(r, e->name, WESS_RECORDS) : NULL;
    if (f)
        f->records = (struct wess_records){v.of, v.n};
}

static struct wess_slice part_of(const struct wess_record *r, const char *name)
{
    for (size_t i = 0; i < r->n; i++)
        if (!strcmp(r->fields[i].name, name) && r->fields[i].type == WESS_TEXT)
            return r->fields[i].str;
    return (struct wess_slice){"", 0};
}

static bool has_role(const struct wess_record *r, const char *element)
{
    struct wess_slice role = part_of(r, "role");
    size_t at = 0; /* who has none is needed */
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        if (role.len == strlen(roles[i].role) && !memcmp(role.data, roles[i].role, role.len))
            at = i;
    return !strcmp(roles[at].element, element);
}

static void put_part(struct xml_out *x, const char *name, struct wess_slice text)
{
    if (!text.len)
        return;
    xml_open(x, name);
    xml_put(x, text.data, text.len);
    xml_close(x);
}

static bool put_attendees(struct ews_put *p, const struct ews_field *e)
{
    const struct wess_field *f = ews_will_be(p->op, e->name);
    bool any = false;
    for (size_t i = 0; f && f->type == WESS_RECORDS && i < f->records.n; i++) {
        const struct wess_record *r = &f->records.of[i];
        if (!has_role(r, e->element))
            continue;
        if (!any)
            ews_open(p->x, e->element);
        any = true;
        xml_open(p->x, "t:Attendee");
        xml_open(p->x, "t:Mailbox");
        put_part(p->x, "t:Name", part_of(r, "cn"));
        put_part(p->x, "t:EmailAddress", part_of(r, "value"));
        xml_close(p->x);
        xml_close(p->x);
    }
    if (any)
        xml_close(p->x);
    return any;
}

static void read_organizer(struct ews_reading *r, const xmlNode *item, const struct ews_field *e)
{
    const xmlNode *mailbox = xml_child(xml_child(item, e->element), "Mailbox");
    ews_read_line(r, "organizer", address_of(mailbox));
    ews_read_line(r, "organizer.cn", xml_text(xml_child(mailbox, "Name")));
}

static void read_status(struct ews_reading *r, const xmlNode *item, const struct ews_field *e)
{
    if (is_true(xml_child(item, e->element)))
        ews_read_line(r, e->name, "CANCELLED");
}

/* ---- recurrence
 * ------------------------------------------------------------------------------------------ */

static void read_rule(struct ews_reading *r, const xmlNode *item, const struct ews_field *e)
{
    const xmlNode *n = xml_child(item, e->element);
    ews_read_line(r, e->name, n ? ews_rule_read(r->host, r->a, n) : NULL);
}

const char *ews_local_start(const struct wess_op *op)
{
    const struct wess_field *f = ews_will_be(op, "start");
    return f && f->type == WESS_DATE   ? f->str.data
           : f && f->type == WESS_TIME ? f->time.local
                                       : NULL;
}

static bool put_rule(struct ews_put *p, const struct ews_field *e)
{
    const struct wess_field *f = ews_will_be(p->op, e->name);
    if (f)
        ews_rule_put(p->x, f->str.data, ews_local_start(p->op));
    return f != NULL;
}

/* The date on which an occurrence was to begin, by the clocks of the series: servers tell it an
 * hour off across a change of the clocks, or as the midnight before. */
const char *ews_original_date(struct ews_reading *r, const xmlNode *item, const char *start)
{
    char zone[WESS_ZONE_SIZE], local[WESS_LOCAL_SIZE];
    int64_t ms = ews_time_ms(start);
    zone_of(r, item, "StartTimeZone", ms, zone);
    if (!ms || !wess_zone_local(ms, zone, local))
        return NULL;
    local[10] = 0;
    const char *out = wess_arena_text(r->host, r->a, local);
    r->spent |= !out;
    return out;
}

static void add_time(struct ews_reading *r, struct wess_record *to, const xmlNode *master,
                     const char *name, const char *value)
{
    struct wess_field *parts = (struct wess_field *)(uintptr_t)to->fields;
    char zone[WESS_ZONE_SIZE], local[WESS_LOCAL_SIZE];
    int64_t ms = ews_time_ms(value);
    zone_of(r, master, "StartTimeZone", ms, zone);
    if (!ms || !wess_zone_local(ms, zone, local) || to->n == EWS_PARTS)
        return;
    parts[to->n] = (struct wess_field){.name = name, .type = WESS_TIME};
    parts[to->n].time = (struct wess_time){wess_arena_text(r->host, r->a, local),
                                           wess_arena_text(r->host, r->a, zone), 0};
    r->spent |= !parts[to->n].time.local || !parts[to->n].time.zone;
    to->n++;
}

static struct wess_record * override(struct ews_reading *r, const xmlNode *item, const char *start,
                                     struct wess_vec *v)
{
    const char *key = ews_original_date(r, item, start);
    struct wess_field *parts = key ? r->host->alloc(r->a, EWS_PARTS * sizeof(*parts)) : NULL;
    struct wess_record *new = parts && !is_known(v, key) ? wess_vec_push(r->host, r->a, v) : NULL;
    r->spent |= key && !parts;
    if (new)
        *new = (struct wess_record){.key = key, .fields = parts};
    return new;
}

static void read_overrides(struct ews_reading *r, const xmlNode *item, const struct ews_field *e)
{
    struct wess_vec v = {.size = sizeof(struct wess_record)};
    const xmlNode *n = xml_first(xml_child(item, "ModifiedOccurrences"));
    for (; n; n = xml_next(n)) {
        struct wess_record *o = override(r, item, xml_text(xml_child(n, "OriginalStart")), &v);
        if (!o)
            continue;
        add_time(r, o, item, "start", xml_text(xml_child(n, "Start")));
        add_time(r, o, item, "end", xml_text(xml_child(n, "End")));
        if (r->whole)
            add_part(r, o, EWS_OCCURRENCE_ID, xml_attr(xml_child(n, "ItemId"), "Id"));
    }
    for (n = xml_first(xml_child(item, "DeletedOccurrences")); n; n = xml_next(n)) {
        struct wess_record *o = override(r, item, xml_text(xml_child(n, "Start")), &v);
        if (o)
            add_part(r, o, "status", "CANCELLED");
    }
    struct wess_field *f = v.n ? ews_push(r, e->name, WESS_RECORDS) : NULL;
    if (f)
        f->records = (struct wess_records){v.of, v.n};
}

const char *ews_show_as(const char *theirs)
{
    for (const struct ews_word *w = shows + 1; w->ours; w++)
        if (!strcmp(w->theirs, theirs))
            return w->ours;
    return "";
}

/* They are requests of their own, behind that of the series. */
static bool put_nothing(struct ews_put *p, const struct ews_field *e)
{
    (void)p;
    (void)e;
    return false;
}

/* ---- what cannot be written
 * ------------------------------------------------------------------------------------------ */

/* NULL: nothing; else what is wrong with the times, of *field. */
static const char *bad_span(const struct wess_call *call, const struct wess_op *op,
                            const char **field)
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

static bool touches(const struct wess_op *op, const char *a, const char *b)
{
    return op->what == WESS_CREATE || ews_field_of(&op->item, a) || ews_field_of(&op->item, b);
}

static void refuse_rule(struct wess_call *call, const struct wess_op *op, struct wess_result *out)
{
    const struct wess_field *rule = ews_will_be(op, "rrule");
    const char *why = rule ? ews_rule_refused(rule->str.data, ews_local_start(op)) : NULL;
    if (why)
        ews_refuse(call, out, "rrule", why, "recurrence");
}

static bool refuses(struct wess_call *call, const struct wess_op *op, struct wess_result *out)
{
    const char *field, *why;
    if (op->what == WESS_DELETE)
        return false;
    if (touches(op, "start", "end") && (why = bad_span(call, op, &field)))
        ews_refuse(call, out, field, why, "time");
    if (touches(op, "start", "rrule"))
        refuse_rule(call, op, out);
    if (!ews_is_empty(ews_field_of(&op->item, "rdate")))
        ews_refuse(call, out, "rdate", "Exchange has no occurrences beside those of the rule",
                   "recurrence");
    return out->n_refused > 0;
}

bool ews_refuses_foreign(struct wess_call *call, const struct wess_op *op, struct wess_result *out)
{
    static const char *const own[] = {"alarm", "busystatus", "categories"};
    for (size_t i = 0; i < op->item.n_fields; i++) {
        bool ours = false;
        for (size_t k = 0; k < sizeof(own) / sizeof(own[0]); k++)
            ours |= !strcmp(own[k], op->item.fields[i].name);
        if (!ours)
            ews_refuse(call, out, op->item.fields[i].name,
                       "it is somebody else's meeting: reminder, show-as and categories are ours",
                       "organizer");
    }
    return out->n_refused > 0;
}

static bool put_priority(struct ews_put *p, const struct ews_field *e)
{
    const struct wess_field *f = ews_will_be(p->op, e->name);
    int64_t n = f && f->type == WESS_INT ? f->num : 0;
    const char *word = n > 0 && n < 5 ? "High" : n > 5 ? "Low" : "Normal";
    ews_open(p->x, e->element);
    xml_put(p->x, word, strlen(word));
    xml_close(p->x);
    return true;
}

/* ---- the table
 * ------------------------------------------------------------------------------------------ */

#define ITEM(field, of, kind, how)                                                                 \
    .name = field, .uri = "item:" of, .element = of, .type = kind, .form = how
#define EVENT(field, of, kind, how)                                                                \
    .name = field, .uri = "calendar:" of, .element = of, .type = kind, .form = how

static const struct ews_field fields[] = {
    {ITEM("summary", "Subject", WESS_TEXT, EWS_LINE)},
    {ITEM("class", "Sensitivity", WESS_TEXT, EWS_WORD), .words = ews_classes},
    {ITEM("description", "Body", WESS_TEXT, EWS_BODY)},
    {ITEM("categories", "Categories", WESS_SET, EWS_SET)},
    {ITEM("priority", "Importance", WESS_INT, EWS_WORD), .words = priorities, .put = put_priority},
    {ITEM("alarm", "ReminderIsSet", WESS_INT, EWS_MADE), .put = put_is_set},
    {ITEM("alarm", "ReminderMinutesBeforeStart", WESS_INT, EWS_MADE), .read = read_alarm,
     .put = put_minutes, .kept = true},
    {EVENT("uid", "UID", WESS_TEXT, EWS_LINE), .on_create = true},
    {EVENT("recurrence-id", "RecurrenceId", WESS_TIME, EWS_MADE), .read = read_occurrence,
     .read_only = true},
    {EVENT("start", "Start", WESS_TIME, EWS_MADE), .with = "end", .read = read_time,
     .put = put_time, .kept = true},
    {EVENT("end", "End", WESS_TIME, EWS_MADE), .with = "start", .read = read_time, .put = put_time,
     .kept = true},
    {EVENT("start", "IsAllDayEvent", WESS_TIME, EWS_MADE), .with = "end", .put = put_all_day,
     .kept = true},
    {EVENT("busystatus", "LegacyFreeBusyStatus", WESS_TEXT, EWS_WORD), .words = shows},
    {EVENT("location", "Location", WESS_TEXT, EWS_LINE)},
    {EVENT("status", "IsCancelled", WESS_TEXT, EWS_MADE), .read = read_status, .read_only = true},
    {EVENT("organizer", "Organizer", WESS_TEXT, EWS_MADE), .read = read_organizer,
     .read_only = true},
    {EVENT("attendees", "RequiredAttendees", WESS_RECORDS, EWS_MADE), .read = read_attendees,
     .put = put_attendees},
    {EVENT("attendees", "OptionalAttendees", WESS_RECORDS, EWS_MADE), .put = put_attendees},
    {EVENT("attendees", "Resources", WESS_RECORDS, EWS_MADE), .put = put_attendees},
    {EVENT("rrule", "Recurrence", WESS_TEXT, EWS_MADE), .with = "start", .read = read_rule,
     .put = put_rule},
    {EVENT("overrides", "ModifiedOccurrences", WESS_RECORDS, EWS_MADE), .read = read_overrides,
     .put = put_nothing, .kept = true},
    {EVENT("start", "StartTimeZone", WESS_TIME, EWS_MADE), .with = "end", .put = put_zone,
     .kept = true, .early = true},
    {EVENT("end", "EndTimeZone", WESS_TIME, EWS_MADE), .with = "start", .put = put_zone,
     .kept = true, .early = true},
};

static const char *const classes[] = {"CONFIDENTIAL", "PRIVATE", "PUBLIC", "X-PERSONAL"};
static const char *const shown[] = {"BUSY", "FREE", "OOF", "TENTATIVE"};
#define LINE(field, how)                                                                           \
    {                                                                                              \
        .name = field, .type = WESS_TEXT, .flags = how, .max_len = TEXT_MAX                        \
    }
static const struct wess_field_schema schema[] = {
    LINE("summary", 0),
    {.name = "class", .type = WESS_TEXT, .allowed = {classes, 4}},
    {.name = "description", .type = WESS_TEXT},
    {.name = "categories", .type = WESS_SET, .max_len = TEXT_MAX},
    {.name = "priority", .type = WESS_INT},
    {.name = "alarm", .type = WESS_INT},
    LINE("uid", WESS_FIELD_ON_CREATE),
    {.name = "recurrence-id", .type = WESS_TIME, .flags = WESS_FIELD_READ_ONLY},
    {.name = "start", .type = WESS_TIME, .flags = WESS_FIELD_TELLS},
    {.name = "end", .type = WESS_TIME, .flags = WESS_FIELD_TELLS},
    {.name = "busystatus", .type = WESS_TEXT, .allowed = {shown, 4}},
    LINE("location", WESS_FIELD_TELLS),
    LINE("status", WESS_FIELD_READ_ONLY),
    LINE("organizer", WESS_FIELD_READ_ONLY),
    LINE("organizer.cn", WESS_FIELD_READ_ONLY),
    {.name = "attendees", .type = WESS_RECORDS, .flags = WESS_FIELD_TELLS, .max_len = TEXT_MAX},
    {.name = "rrule", .type = WESS_TEXT, .flags = WESS_FIELD_TELLS},
    {.name = "rdate", .type = WESS_SET}, /* refused, so that it is told */
    {.name = "overrides", .type = WESS_RECORDS, .flags = WESS_FIELD_TELLS, .max_len = TEXT_MAX},
};

bool ews_tells(const struct wess_call *call, const struct wess_op *op)
{
    const struct wess_field *will = ews_will_be(op, "attendees");
    const struct wess_field *had = ews_field_of(op->before, "attendees");
    bool any = op->what != WESS_UPDATE;
    if (!(op->flags & WESS_OP_MAY_TELL) || ews_kind_of(call) != &ews_event_kind ||
        (ews_is_empty(will) && ews_is_empty(had)))
        return false;
    for (size_t i = 0; i < op->item.n_fields; i++)
        for (size_t k = 0; k < sizeof(schema) / sizeof(schema[0]); k++)
            any |= (schema[k].flags & WESS_FIELD_TELLS) &&
                   !strcmp(schema[k].name, op->item.fields[i].name);
    return any;
}

static const char *const facts[] = {"item:ParentFolderId",
                                    "item:Sensitivity",
                                    "item:Categories",
                                    "item:LastModifiedTime",
                                    "item:Subject",
                                    "calendar:UID",
                                    "calendar:RecurrenceId",
                                    "calendar:Start",
                                    "calendar:End",
                                    "calendar:IsAllDayEvent",
                                    "calendar:CalendarItemType",
                                    "calendar:MyResponseType",
                                    NULL};
static const char *const more[] = {"calendar:DeletedOccurrences", NULL};

const struct ews_kind ews_event_kind = {
    .name = "event",
    .collection = "calendar",
    .title = "Calendar",
    .element = "CalendarItem",
    .distinguished = "calendar",
    .class = "IPF.Appointment",
    .folder = "CalendarFolder",
    .setting = "calendar_folders",
    .fields = fields,
    .n_fields = sizeof(fields) / sizeof(fields[0]),
    .schema = schema,
    .n_schema = sizeof(schema) / sizeof(schema[0]),
    .facts = facts,
    .more = more,
    .search = ews_search_event,
    .refuses = refuses,
    .due = "start",
};
