/* Meetings: iCalendar's names (VEVENT, RFC 5545) and Workbooks' columns, both ways. Workbooks shows
 * no recurrence, place or privacy over its API: of what recurs the core gives it the occurrences.
 */
#include <stdlib.h>
#include <string.h>

#include "activity.h"
#include "details.h"
#include "links.h"

/* ---- reading
 * ------------------------------------------------------------------------------------------ */

static void read_alarm(struct wb_reading *r, const struct wb_field *t)
{
    char number[24], *end;
    const char *text = wb_column_text(r, t->column, number);
    if (!wb_column_true(r, "reminder_enabled") || !text || !*text)
        return;
    long long minutes = strtoll(text, &end, 10);
    if (*end || minutes < 0) {
        r->strange = t->column;
        return;
    }
    struct wess_field *f = wb_push(r, t->name, WESS_INT);
    if (f)
        f->num = minutes;
}

/* Their last day, unless the settings say otherwise, and our day after the last. */
static void read_end(struct wb_reading *r, const struct wb_field *t)
{
    size_t before = r->fields.n;
    wb_read_moment(r, t);
    struct wess_field *f = r->fields.n > before ? (struct wess_field *)r->fields.of + before : NULL;
    if (!f || f->type != WESS_DATE || r->conn->ends_after)
        return;
    char *next = wb_next_day(r->host, r->a, f->str.data, 1);
    r->spent |= !next;
    if (next)
        f->str = (struct wess_slice){next, strlen(next)};
}

/* ---- writing
 * ------------------------------------------------------------------------------------------ */

static void put_alarm(struct wb_table *t, size_t op, const struct wb_field *w,
                      const struct wess_field *f)
{
    bool on = f->type == WESS_INT;
    if (on && f->num < 0) {
        wb_refuse(t, op, w->name, "a reminder after the beginning is none to Workbooks", "value");
        return;
    }
    char *minutes =
        on ? wess_arena_fmt(t->call->conn->host, t->call->arena, "%lld", (long long)f->num) : NULL;
    t->spent |= on && !minutes;
    *wb_cell(t, op, "reminder_enabled") = on ? "true" : "false";
    if (minutes)
        *wb_cell(t, op, w->column) = minutes;
}

static const char *moment(struct wb_table *t, const struct wess_field *f, int days)
{
    if (f->type == WESS_TIME)
        return f->time.ms ? wb_instant(t, f->time.ms) : NULL;
    char *date = wess_arena_textn(t->call->conn->host, t->call->arena, f->str.data, f->str.len);
    t->spent |= !date;
    return date ? wb_next_day(t->call->conn->host, t->call->arena, date, days) : NULL;
}

/* Beginning, end and all_day make one thing, and go together. */
static void put_span(struct wb_table *t, size_t op, const struct wb_field *w,
                     const struct wess_field *f)
{
    const struct wess_field *start = wb_will_be(&t->ops[op], "start");
    const struct wess_field *end = wb_will_be(&t->ops[op], "end");
    int last = t->call->conn->ends_after ? 0 : -1;
    (void)w;
    (void)f;
    if (!start) {
        wb_reject(t, op, "a meeting needs a beginning");
        return;
    }
    if (end && end->type != start->type) {
        wb_reject(t, op, "a meeting has days or times, not both");
        return;
    }
    const char *from = moment(t, start, 0), *to = end ? moment(t, end, last) : NULL;
    if (!from || (end && !to)) {
        if (!t->spent)
            wb_reject(t, op, "a time without a zone is none to Workbooks");
        return;
    }
    *wb_cell(t, op, "start") = from;
    *wb_cell(t, op, "finish") = to ? to : WB_CLEAR;
    *wb_cell(t, op, "all_day") = start->type == WESS_DATE ? "true" : "false";
}

/* Nobody shows how Workbooks lists attendees; people it knows can be related. */
static enum wess_code finish(struct wb_table *t)
{
    static const char *const who[] = {"attendees", NULL};
    return t->call->conn->link_attendees ? wb_link_people(t, who) : WESS_OK;
}

static enum wess_code prepare(struct wb_table *t)
{
    enum wess_code rc = wb_prepare_queue(t);
    return rc == WESS_OK ? wb_details_read(t) : rc;
}

static void complete(struct wb_table *t, size_t op)
{
    wb_complete_activity(t, op);
    wb_details_put(t, op);
    if (t->ops[op].what == WESS_CREATE && !wb_field_of(&t->ops[op].item, "start"))
        wb_reject(t, op, "a meeting needs a beginning");
}

/* ---- the table
 * ------------------------------------------------------------------------------------------ */

#define DETAIL(of, sort)                                                                           \
    {                                                                                              \
        .name = of, .column = "description", .type = sort, .put = wb_put_nothing, .unread = true   \
    }

static const struct wb_field fields[] = {
    {.name = "summary", .column = "name", .type = WESS_TEXT},
    {.name = "description",
     .column = "description",
     .type = WESS_TEXT,
     .html = true,
     .blocked = true},
    {.name = "start",
     .column = "start",
     .type = WESS_TIME,
     .read = wb_read_moment,
     .put = put_span},
    {.name = "end", .column = "finish", .type = WESS_TIME, .read = read_end, .put = put_span},
    {.name = "alarm",
     .column = "reminder_minutes",
     .type = WESS_INT,
     .read = read_alarm,
     .put = put_alarm},
    {.name = "alarm", .column = "reminder_enabled", .type = WESS_INT},
    DETAIL("location", WESS_TEXT),
    DETAIL("organizer", WESS_TEXT),
    DETAIL("attendees", WESS_RECORDS),
    DETAIL("busystatus", WESS_TEXT),
    DETAIL("status", WESS_TEXT),
    {.name = "start", .column = "all_day", .type = WESS_TIME},
    WB_NAMED,
};
static const struct wess_field_schema schema[] = {
    {.name = "summary", .type = WESS_TEXT, .max_len = WB_TEXT_MAX},
    {.name = "description", .type = WESS_TEXT},
    {.name = "start", .type = WESS_TIME},
    {.name = "end", .type = WESS_TIME},
    {.name = "alarm", .type = WESS_INT},
    {.name = "location", .type = WESS_TEXT, .flags = WESS_FIELD_UNSHOWN},
    {.name = "organizer", .type = WESS_TEXT, .flags = WESS_FIELD_UNSHOWN},
    {.name = "attendees", .type = WESS_RECORDS, .flags = WESS_FIELD_UNSHOWN},
    {.name = "busystatus", .type = WESS_TEXT, .flags = WESS_FIELD_UNSHOWN},
    {.name = "status", .type = WESS_TEXT, .flags = WESS_FIELD_UNSHOWN},
    WB_NAMED_SCHEMA,
};
static const char *const keys[] = {"name", "start", NULL};
static const char *const no_records[] = {NULL};
static const struct wb_look look_in[] = {
    {"wess", "created_through_reference"},
    {"summary", "name"},
};

/* Whoever is invited to the meeting in Exchange reads what is typed in Workbooks. */
static bool holds(const struct wess_conn *c, const char *field)
{
    if (!strcmp(field, "attendees"))
        return c->link_attendees || c->details;
    if (wb_is_detail(field))
        return c->details;
    return c->share_description || strcmp(field, "description") != 0;
}

const struct wb_kind wb_meeting_kind = {
    .kind = "event",
    .collection = "meetings",
    .title = "Meetings",
    .one = "meeting",
    .path = "activity/meetings.api",
    .family = WB_OF_ACTIVITIES,
    .fields = fields,
    .n_fields = sizeof(fields) / sizeof(fields[0]),
    .schema = schema,
    .n_schema = sizeof(schema) / sizeof(schema[0]),
    .records = no_records,
    .keys = keys,
    .look = look_in,
    .n_look = sizeof(look_in) / sizeof(look_in[0]),
    .files = true,
    .when = "start",
    .holds = holds,
    .complete = complete,
    .prepare = prepare,
    .finish = finish,
};
