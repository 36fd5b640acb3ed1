/* Events: iCalendar's names (VEVENT, RFC 5545) and Exchange's properties, both ways, in the order
 * of the schema. */
#include <string.h>

#include "event.h"

#define TEXT_MAX 255u
#define ALARM_MOST 2629800 /* minutes, of the schema: one more fails the whole request */

static const struct ews_word shows[] = {
    {"BUSY", "Busy"}, {"FREE", "Free"}, {"TENTATIVE", "Tentative"}, {"OOF", "OOF"}, {NULL, NULL}};
static const struct ews_word priorities[] = {
    {"0", "Normal"}, {"1", "High"}, {"9", "Low"}, {NULL, NULL}};

static void read_status(struct ews_reading *r, const xmlNode *item, const struct ews_field *e)
{
    if (ews_is_true(xml_child(item, e->element)))
        ews_read_line(r, e->name, "CANCELLED");
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
    const struct wess_field *alarm = ews_field_of(&op->item, "alarm");
    const char *field, *why;
    if (op->what == WESS_DELETE)
        return false;
    if (touches(op, "start", "end") && (why = ews_bad_span(call, op, &field)))
        ews_refuse(call, out, field, why, "time");
    if (touches(op, "start", "rrule"))
        refuse_rule(call, op, out);
    if (alarm && alarm->type == WESS_INT && alarm->num > ALARM_MOST)
        ews_refuse(call, out, "alarm", "Exchange reminds five years before at most", "value");
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
    {ITEM("alarm", "ReminderIsSet", WESS_INT, EWS_MADE), .put = ews_put_alarm_is_set},
    {ITEM("alarm", "ReminderMinutesBeforeStart", WESS_INT, EWS_MADE), .read = ews_read_alarm,
     .put = ews_put_alarm_minutes, .kept = true},
    {EVENT("uid", "UID", WESS_TEXT, EWS_LINE), .on_create = true},
    {EVENT("recurrence-id", "RecurrenceId", WESS_TIME, EWS_MADE), .read = ews_read_occurrence,
     .read_only = true},
    {EVENT("start", "Start", WESS_TIME, EWS_MADE), .with = "end", .read = ews_read_time,
     .put = ews_put_time, .kept = true},
    {EVENT("end", "End", WESS_TIME, EWS_MADE), .with = "start", .read = ews_read_time,
     .put = ews_put_time, .kept = true},
    {EVENT("start", "IsAllDayEvent", WESS_TIME, EWS_MADE), .with = "end", .put = ews_put_all_day,
     .kept = true},
    {EVENT("busystatus", "LegacyFreeBusyStatus", WESS_TEXT, EWS_WORD), .words = shows},
    {EVENT("location", "Location", WESS_TEXT, EWS_LINE)},
    {EVENT("status", "IsCancelled", WESS_TEXT, EWS_MADE), .read = read_status, .read_only = true},
    {EVENT("organizer", "Organizer", WESS_TEXT, EWS_MADE), .read = ews_read_organizer,
     .read_only = true},
    {EVENT("attendees", "RequiredAttendees", WESS_RECORDS, EWS_MADE), .read = ews_read_attendees,
     .put = ews_put_attendees},
    {EVENT("attendees", "OptionalAttendees", WESS_RECORDS, EWS_MADE), .put = ews_put_attendees},
    {EVENT("attendees", "Resources", WESS_RECORDS, EWS_MADE), .put = ews_put_attendees},
    {EVENT("rrule", "Recurrence", WESS_TEXT, EWS_MADE), .with = "start", .read = ews_read_rule,
     .put = ews_put_event_rule},
    {EVENT("overrides", "ModifiedOccurrences", WESS_RECORDS, EWS_MADE), .read = ews_read_overrides,
     .put = put_nothing, .kept = true},
    {EVENT("start", "StartTimeZone", WESS_TIME, EWS_MADE), .with = "end", .put = ews_put_zone,
     .kept = true, .early = true},
    {EVENT("end", "EndTimeZone", WESS_TIME, EWS_MADE), .with = "start", .put = ews_put_zone,
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
    {.name = "alarm", .type = WESS_INT, .flags = WESS_FIELD_WITH_START},
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

static const char *const facts[] = {"item:Sensitivity",
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
