/* Tasks: iCalendar's names (VTODO, RFC 5545) and Workbooks' columns, both ways. Ours have days;
 * Workbooks may have times in their place, which are kept when the day changes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activity.h"
#include "meta.h"
#include "zone.h"

/* ---- words
 * ------------------------------------------------------------------------------------------ */

static void read_status(struct wb_reading *r, const struct wb_field *t)
{
    char number[24];
    const char *text = wb_column_text(r, t->column, number);
    const char *ours = text && *text ? wb_word_ours(&r->conn->statuses, text) : NULL;
    if (!text || !*text)
        return;
    if (!ours)
        wb_word_missing(r->conn, "task_status", t->column, WB_AS_IT_STANDS);
    struct wess_field *f = wb_push(r, t->name, WESS_TEXT);
    char *copy = f ? wess_arena_text(r->host, r->a, ours ? ours : text) : NULL;
    r->spent |= !copy;
    if (copy)
        f->str = (struct wess_slice){copy, strlen(copy)};
}

static void put_status(struct wb_table *t, size_t op, const struct wb_field *w,
                       const struct wess_field *f)
{
    const char *ours =
        f->type == WESS_TEXT ? wb_text_of(t, &t->ops[op].item, w->name) : "NEEDS-ACTION";
    const char *word = ours ? wb_word_theirs(&t->call->conn->statuses, ours) : NULL;
    if (word)
        wb_put(t, op, w->name, w->column, word);
    else
        wb_refuse(t, op, w->name, "the setting task_status has no word for it", "no-word");
}

/* 0: what nobody said. */
static void read_priority(struct wb_reading *r, const struct wb_field *t)
{
    char number[24];
    const char *text = wb_column_text(r, t->column, number);
    const char *ours = text && *text ? wb_word_ours(&r->conn->priorities, text) : NULL;
    int64_t n = ours ? strtoll(ours, NULL, 10) : 0;
    if (text && *text && !ours)
        wb_word_missing(r->conn, "task_priority", t->column,
                        "it counts as none, and is not written over");
    struct wess_field *f = n ? wb_push(r, t->name, WESS_INT) : NULL;
    if (f)
        f->num = n;
}

/* RFC 5545 3.8.1.9: 1 to 4 is high, 5 is medium, 6 to 9 is low. */
static const char *priority_word(const struct wb_words *w, int64_t n)
{
    char exact[24];
    snprintf(exact, sizeof(exact), "%lld", (long long)n);
    const char *word = wb_word_theirs(w, exact);
    if (!word)
        word = wb_word_theirs(w, n > 0 && n < 5 ? "1" : n > 5 ? "9" : "0");
    return word;
}

/* What is there now, of an update that writes days or the priority. */
static const json_t *row_now(const struct wb_table *t, size_t op)
{
    return wb_row_of(t->found, wb_id_of(&t->ops[op]));
}

/* Another word than we know counts as none here: to write over it would lose it for good. */
static bool has_own_priority(const struct wb_table *t, size_t op, const char *column)
{
    char number[24];
    const char *now = wb_text(row_now(t, op), column, number);
    return now && *now && !wb_word_ours(&t->call->conn->priorities, now);
}

static void put_priority(struct wb_table *t, size_t op, const struct wb_field *w,
                         const struct wess_field *f)
{
    const char *word = priority_word(&t->call->conn->priorities, f->type == WESS_INT ? f->num : 0);
    if (has_own_priority(t, op, w->column))
        wb_refuse(t, op, w->name, "it has a priority that the setting task_priority does not name",
                  "no-word");
    else if (word || f->type == WESS_NULL)
        wb_put(t, op, w->name, w->column, word ? word : "");
    else
        wb_refuse(t, op, w->name, "the setting task_priority has no word for it", "no-word");
}

/* ---- the reminder: a switch, and when
 * ------------------------------------------------------------------------------------------ */

static void read_alarm(struct wb_reading *r, const struct wb_field *t)
{
    char local[WESS_LOCAL_SIZE], number[24];
    int64_t ms = wb_time_ms(json_object_get(r->row, t->column));
    const char *text = wb_column_text(r, t->column, number);
    if (text && *text && !ms)
        r->strange = t->column;
    if (!ms || !wb_column_true(r, "reminder_enabled") || !wess_zone_local(ms, "Etc/UTC", local))
        return;
    struct wess_field *f = wb_push(r, t->name, WESS_TIME);
    if (f)
        f->time = (struct wess_time){wess_arena_text(r->host, r->a, local), "Etc/UTC", ms};
    r->spent |= f && !f->time.local;
}

static void put_alarm(struct wb_table *t, size_t op, const struct wb_field *w,
                      const struct wess_field *f)
{
    if (f->type == WESS_TIME && !f->time.ms) {
        wb_refuse(t, op, w->name, "a time without a zone is none to Workbooks", "floating");
        return;
    }
    bool on = f->type == WESS_TIME;
    *wb_cell(t, op, "reminder_enabled") = on ? "true" : "false";
    char *at = on ? wess_arena_fmt(t->call->conn->host, t->call->arena, "%lld",
                                   (long long)(f->time.ms / 1000))
                  : NULL;
    t->spent |= on && !at;
    if (at)
        *wb_cell(t, op, w->column) = at;
}

/* ---- days
 * ------------------------------------------------------------------------------------------ */

static const char *const day_columns[] = {"start", "finish", "due"};

static bool is_timed(const json_t *row, const char *column, struct wb_when *when)
{
    const char *text = json_string_value(json_object_get(row, column));
    return text && wb_when_read(text, when) && when->timed;
}

/* The same time of another day; NULL: noted, or no such time. */
static const char *moved(struct wb_table *t, const struct wb_when *was, const char *date)
{
    char local[WESS_LOCAL_SIZE];
    snprintf(local, sizeof(local), "%.10s%s", date, was->local + 10);
    int64_t ms = wess_zone_instant(local, was->zone, 0);
    return ms ? wb_instant(t, ms) : NULL;
}

static void put_day(struct wb_table *t, size_t op, const struct wb_field *w,
                    const struct wess_field *f)
{
    struct wb_when was;
    const char *date = f->type == WESS_DATE ? wess_arena_textn(t->call->conn->host, t->call->arena,
                                                               f->str.data, f->str.len)
                                            : "";
    t->spent |= !date;
    if (!date)
        return;
    const char *at =
        *date && is_timed(row_now(t, op), w->column, &was) ? moved(t, &was, date) : NULL;
    wb_put(t, op, w->name, w->column, at ? at : date);
}

/* With all_day a time that is given is lost; without it a day gets one. */
static void put_all_day(struct wb_table *t, size_t op)
{
    const json_t *row = row_now(t, op);
    bool timed = false, any = false, written = false;
    struct wb_when when;
    for (size_t i = 0; i < sizeof(day_columns) / sizeof(day_columns[0]); i++) {
        const char *cell = wb_cell_now(t, op, day_columns[i]);
        written |= cell != NULL;
        any |= cell && strcmp(cell, WB_CLEAR) != 0;
        timed |= cell ? strchr(cell, 'T') != NULL : is_timed(row, day_columns[i], &when);
    }
    if (written && (any || timed))
        *wb_cell(t, op, "all_day") = timed ? "false" : "true";
}

static bool writes_days(const struct wess_op *op)
{
    return op->what == WESS_UPDATE &&
           (wb_field_of(&op->item, "due") || wb_field_of(&op->item, "start") ||
            wb_field_of(&op->item, "completed"));
}

static bool writes_priority(const struct wb_table *t, const struct wess_op *op)
{
    return op->what == WESS_UPDATE && wb_field_of(&op->item, "priority") &&
           wb_meta_has(t->call->conn, t->kind, "activity_priority");
}

static enum wess_code prepare(struct wb_table *t)
{
    struct wess_call *call = t->call;
    const char *columns[] = {"id", "start", "finish", "due", "completed", NULL, NULL};
    const char **ids = call->conn->host->alloc(call->arena, (t->n + 1) * sizeof(*ids));
    enum wess_code rc = ids ? wb_prepare_queue(t) : WESS_TOO_BIG;
    size_t n = 0;
    for (size_t i = 0; ids && i < t->n; i++) {
        bool priority = writes_priority(t, &t->ops[i]);
        if (priority)
            columns[5] = "activity_priority";
        if (priority || writes_days(&t->ops[i]))
            ids[n++] = wb_id_of(&t->ops[i]);
    }
    if (rc == WESS_OK && n)
        rc = wb_rows_of(call, t->kind->path, "id", ids, n, columns, &t->found);
    return rc;
}

/* What nobody said has a word too, and is said of what is new: the service's own default may be
 * another. */
static void put_defaults(struct wb_table *t, size_t op)
{
    const struct wess_conn *c = t->call->conn;
    const char *status = wb_word_theirs(&c->statuses, "NEEDS-ACTION");
    const char *priority = wb_word_theirs(&c->priorities, "0");
    if (status && !wb_field_of(&t->ops[op].item, "status") &&
        wb_meta_has(c, t->kind, "activity_status"))
        *wb_cell(t, op, "activity_status") = status;
    if (priority && !wb_field_of(&t->ops[op].item, "priority") &&
        wb_meta_has(c, t->kind, "activity_priority"))
        *wb_cell(t, op, "activity_priority") = priority;
}

static void complete(struct wb_table *t, size_t op)
{
    wb_complete_activity(t, op);
    put_all_day(t, op);
    if (t->ops[op].what == WESS_CREATE)
        put_defaults(t, op);
}

/* ---- the table
 * ------------------------------------------------------------------------------------------ */

static const struct wb_field fields[] = {
    {.name = "summary", .column = "name", .type = WESS_TEXT},
    {.name = "description", .column = "description", .type = WESS_TEXT, .html = true},
    {.name = "due", .column = "due", .type = WESS_DATE, .read = wb_read_day, .put = put_day},
    {.name = "start", .column = "start", .type = WESS_DATE, .read = wb_read_day, .put = put_day},
    {.name = "completed",
     .column = "completed",
     .type = WESS_DATE,
     .read = wb_read_day,
     .put = put_day},
    {.name = "status",
     .column = "activity_status",
     .type = WESS_TEXT,
     .read = read_status,
     .put = put_status},
    {.name = "priority",
     .column = "activity_priority",
     .type = WESS_INT,
     .read = read_priority,
     .put = put_priority},
    {.name = "alarm",
     .column = "reminder_datetime",
     .type = WESS_TIME,
     .read = read_alarm,
     .put = put_alarm},
    {.name = "alarm", .column = "reminder_enabled", .type = WESS_TIME},
    WB_NAMED,
};
static const struct wess_field_schema schema[] = {
    {.name = "summary", .type = WESS_TEXT, .max_len = WB_TEXT_MAX},
    {.name = "description", .type = WESS_TEXT},
    {.name = "due", .type = WESS_DATE},
    {.name = "start", .type = WESS_DATE},
    {.name = "completed", .type = WESS_DATE},
    {.name = "status", .type = WESS_TEXT},
    {.name = "priority", .type = WESS_INT},
    {.name = "alarm", .type = WESS_TIME},
    WB_NAMED_SCHEMA,
};
static const char *const keys[] = {"name", "due", NULL};
static const char *const no_records[] = {NULL};
static const struct wb_look look_in[] = {
    {"wess", "created_through_reference"},
    {"summary", "name"},
};

static bool adapt(struct wess_call *call, struct wess_field_schema *f)
{
    return strcmp(f->name, "status") || wb_words_list(call, &call->conn->statuses, &f->allowed);
}

const struct wb_kind wb_task_kind = {
    .kind = "task",
    .collection = "tasks",
    .title = "Tasks",
    .one = "task",
    .path = "activity/tasks.api",
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
    .when = "due",
    .adapt = adapt,
    .complete = complete,
    .prepare = prepare,
};
