/* The tables of events and tasks: the core's names, iCalendar's properties, and both ways. */
#include "ics.h"

#define BOTH(form) ics_read_##form, ics_write_##form

/* The order is that of writing: the rule ends by the start, what was added to the series goes into
 * its changed occurrences; properties stand before alarms. */
static const struct ics_field event_fields[] = {
    {"uid", "UID", 0, ics_read_text, ics_write_uid, true},
    {"recurrence-id", "RECURRENCE-ID", 0, ics_read_time, NULL, true}, /* of one that is alone */
    {"start", "DTSTART", 0, BOTH(time), true},
    {"end", "DTEND", 0, BOTH(time), false},
    {"summary", "SUMMARY", 0, BOTH(text), true},
    {"location", "LOCATION", 0, BOTH(text), false},
    {"description", "DESCRIPTION", 0, BOTH(text), false},
    {"class", "CLASS", 0, BOTH(word), false},
    {"status", "STATUS", 0, BOTH(word), false},
    {"busystatus", "TRANSP", 0, BOTH(shown), false},
    {"priority", "PRIORITY", 9, BOTH(number), false},
    {"organizer", "ORGANIZER", 0, BOTH(organizer), false},
    {"organizer.cn", "ORGANIZER", 0, BOTH(organizer), false},
    {"attendees", "ATTENDEE", 0, BOTH(attendees), false},
    {"attach", "ATTACH", 0, BOTH(attach), false},
    {"rrule", "RRULE", 0, BOTH(rule), true},
    {"rdate", "RDATE", 0, BOTH(rdate), false},
    {"overrides", "EXDATE", 0, ics_read_overrides, ics_write_gone, false},
    {"alarm", "VALARM", 0, BOTH(minutes), false},
    {"overrides", "RECURRENCE-ID", 0, NULL, ics_write_overrides, false},
};
const struct ics_table ics_event_table = {event_fields,
                                          sizeof(event_fields) / sizeof(event_fields[0])};

static const struct ics_field task_fields[] = {
    {"start", "DTSTART", 0, BOTH(day), false},
    {"due", "DUE", 0, BOTH(day), true},
    {"summary", "SUMMARY", 0, BOTH(text), true},
    {"description", "DESCRIPTION", 0, BOTH(text), false},
    {"class", "CLASS", 0, BOTH(word), false},
    {"status", "STATUS", 0, BOTH(shown), false},
    {"completed", "COMPLETED", 0, BOTH(day), false},
    {"percent-complete", "PERCENT-COMPLETE", 100, BOTH(number), false},
    {"priority", "PRIORITY", 9, BOTH(number), false},
    {"owner", "X-WESS-OWNER", 0, BOTH(text), false},
    {"attach", "ATTACH", 0, BOTH(attach), false},
    {"rrule", "RRULE", 0, BOTH(rule), false},
    {"alarm", "VALARM", 0, BOTH(alarm), false},
};
const struct ics_table ics_task_table = {task_fields, sizeof(task_fields) / sizeof(task_fields[0])};

/* ---- what the core is told of them
 * ------------------------------------------------------------------------------------------ */

static const char *const classes[] = {"CONFIDENTIAL", "PRIVATE", "PUBLIC", "X-PERSONAL"};
static const char *const shows[] = {"BUSY", "FREE", "OOF", "TENTATIVE"};
static const char *const event_states[] = {"CANCELLED", "CONFIRMED", "TENTATIVE"};
static const char *const task_states[] = {"CANCELLED",    "COMPLETED",  "IN-PROCESS",
                                          "NEEDS-ACTION", "X-DEFERRED", "X-WAITING"};
#define FIELD(field, is)                                                                           \
    {                                                                                              \
        .name = field, .type = is                                                                  \
    }
#define WORDS(field, list)                                                                         \
    {                                                                                              \
        .name = field, .type = WESS_TEXT, .allowed = { list, sizeof(list) / sizeof(list[0]) }      \
    }
const struct wess_field_schema ics_event_schema[] = {
    FIELD("summary", WESS_TEXT),
    FIELD("description", WESS_TEXT),
    FIELD("location", WESS_TEXT),
    FIELD("start", WESS_TIME),
    FIELD("end", WESS_TIME),
    WORDS("busystatus", shows),
    WORDS("status", event_states),
    WORDS("class", classes),
    FIELD("priority", WESS_INT),
    FIELD("alarm", WESS_INT),
    FIELD("categories", WESS_SET),
    FIELD("organizer", WESS_TEXT),
    FIELD("organizer.cn", WESS_TEXT),
    FIELD("attendees", WESS_RECORDS),
    FIELD("rrule", WESS_TEXT),
    FIELD("rdate", WESS_SET),
    FIELD("overrides", WESS_RECORDS),
    {.name = "uid", .type = WESS_TEXT, .flags = WESS_FIELD_ON_CREATE},
    {.name = "recurrence-id", .type = WESS_TIME, .flags = WESS_FIELD_READ_ONLY},
};
const size_t ics_n_event_schema = sizeof(ics_event_schema) / sizeof(ics_event_schema[0]);
const struct wess_field_schema ics_task_schema[] = {
    FIELD("summary", WESS_TEXT), FIELD("description", WESS_TEXT),     FIELD("start", WESS_DATE),
    FIELD("due", WESS_DATE),     FIELD("completed", WESS_DATE),       WORDS("status", task_states),
    WORDS("class", classes),     FIELD("percent-complete", WESS_INT), FIELD("priority", WESS_INT),
    FIELD("alarm", WESS_TIME),   FIELD("categories", WESS_SET),       FIELD("owner", WESS_TEXT),
    FIELD("rrule", WESS_TEXT),
};
const size_t ics_n_task_schema = sizeof(ics_task_schema) / sizeof(ics_task_schema[0]);
