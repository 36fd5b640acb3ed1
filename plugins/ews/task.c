/* Tasks: iCalendar's names (VTODO, RFC 5545) and Exchange's properties, both ways, in the order of
 * the schema. */
#include <stdio.h>
#include <string.h>

#include "ews.h"
#include "zone.h"

#define TEXT_MAX 255u

static const struct ews_word priorities[] = {
    {"0", "Normal"}, {"1", "High"}, {"9", "Low"}, {NULL, NULL}};

/* RFC 5545 has no word for what waits, or was put off. */
static const struct ews_word states[] = {
    {"NEEDS-ACTION", "NotStarted"},   {"IN-PROCESS", "InProgress"}, {"COMPLETED", "Completed"},
    {"X-WAITING", "WaitingOnOthers"}, {"X-DEFERRED", "Deferred"},   {NULL, NULL}};

/* ---- the reminder: a switch, and when
 * ------------------------------------------------------------------------------------------ */

static bool is_true(const char *text)
{
    return text && (!strcmp(text, "true") || !strcmp(text, "1"));
}

static void read_alarm(struct ews_reading *r, const xmlNode *item, const struct ews_field *e)
{
    int64_t ms = ews_time_ms(xml_text(xml_child(item, e->element)));
    char local[WESS_LOCAL_SIZE];
    if (!is_true(xml_text(xml_child(item, "ReminderIsSet"))) || !ms ||
        !wess_zone_local(ms, "Etc/UTC", local))
        return;
    struct wess_field *f = ews_push(r, e->name, WESS_TIME);
    if (f)
        f->time = (struct wess_time){wess_arena_text(r->host, r->a, local), "Etc/UTC", ms};
    r->spent |= f && !f->time.local;
}

/* 0: none, or one in the past, which would ring at once. */
static int64_t alarm_at(const struct ews_put *p)
{
    const struct wess_host *h = p->call->conn->host;
    const struct wess_field *f = ews_will_be(p->op, "alarm");
    if (!f || f->type != WESS_TIME)
        return 0;
    int64_t ms = f->time.zone ? f->time.ms : 0;
    if (!ms)
        ms = wess_zone_instant(f->time.local, f->time.zone ? f->time.zone : p->call->conn->zone, 0);
    return ms > h->now_ms(h->ctx) ? ms : 0;
}

static bool put_due(struct ews_put *p, const struct ews_field *e)
{
    int64_t ms = alarm_at(p);
    if (ms)
        ews_put_instant(p->x, e->element, ms);
    return ms != 0;
}

static bool put_is_set(struct ews_put *p, const struct ews_field *e)
{
    ews_open(p->x, e->element);
    xml_put(p->x, alarm_at(p) ? "true" : "false", alarm_at(p) ? 4 : 5);
    xml_close(p->x);
    return true;
}

/* ---- recurrence
 * ------------------------------------------------------------------------------------------ */

static void read_rule(struct ews_reading *r, const xmlNode *item, const struct ews_field *e)
{
    const xmlNode *n = xml_child(item, e->element);
    const char *rule = n ? ews_rule_read(r->host, r->a, n) : NULL;
    ews_read_line(r, e->name, rule);
}

static const char *start_of(const struct wess_op *op)
{
    const struct wess_field *f = ews_will_be(op, "start");
    if (!f)
        f = ews_will_be(op, "due");
    return f && f->type == WESS_DATE ? f->str.data : NULL;
}

static bool put_rule(struct ews_put *p, const struct ews_field *e)
{
    const struct wess_field *f = ews_will_be(p->op, e->name);
    if (f)
        ews_rule_put(p->x, f->str.data, start_of(p->op));
    return f != NULL;
}

static bool refuses(struct wess_call *call, const struct wess_op *op, struct wess_result *out)
{
    const struct wess_field *rule = ews_will_be(op, "rrule");
    const struct wess_field *percent = ews_field_of(&op->item, "percent-complete");
    const char *why = rule ? ews_rule_refused(rule->str.data, start_of(op)) : NULL;
    if (why && (ews_field_of(&op->item, "rrule") || ews_field_of(&op->item, "start")))
        ews_refuse(call, out, "rrule", why, "recurrence");
    if (percent && percent->type == WESS_INT && (percent->num < 0 || percent->num > 100))
        ews_refuse(call, out, "percent-complete", "Exchange holds 0 to 100", "value");
    return out->n_refused > 0;
}

/* ---- completion: three properties that Exchange keeps in step by itself
 * ------------------------------------------------------------------------------------------ */

/* Exchange sets and clears the date with the status; only a date that is given is written. */
static bool put_completed(struct ews_put *p, const struct ews_field *e)
{
    const struct wess_field *f = ews_will_be(p->op, e->name);
    const struct wess_host *h = p->call->conn->host;
    char local[WESS_LOCAL_SIZE];
    if (!f || f->type != WESS_DATE)
        return false;
    snprintf(local, sizeof(local), "%.10sT00:00:00", (const char *)f->str.data);
    int64_t ms = wess_zone_instant(local, p->call->conn->zone, 0), now = h->now_ms(h->ctx);
    ews_put_instant(p->x, e->element, ms < now ? ms : now);
    return true;
}

static void read_completed(struct ews_reading *r, const xmlNode *item, const struct ews_field *e)
{
    char local[WESS_LOCAL_SIZE], date[11];
    int64_t ms = ews_time_ms(xml_text(xml_child(item, e->element)));
    if (!ms || !wess_zone_local(ms, r->conn->zone, local))
        return;
    snprintf(date, sizeof(date), "%.10s", local);
    struct wess_field *f = ews_push(r, e->name, WESS_DATE);
    char *text = f ? wess_arena_text(r->host, r->a, date) : NULL;
    r->spent |= !text;
    if (f)
        f->str = (struct wess_slice){text, text ? 10 : 0};
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

/* Nothing done is a number, and what is cleared. */
static bool put_percent(struct ews_put *p, const struct ews_field *e)
{
    const struct wess_field *f = ews_will_be(p->op, e->name);
    char text[24];
    if (!f && p->op->what == WESS_CREATE) /* it may be complete by its status */
        return false;
    snprintf(text, sizeof(text), "%lld", f && f->type == WESS_INT ? (long long)f->num : 0);
    ews_open(p->x, e->element);
    xml_put(p->x, text, strlen(text));
    xml_close(p->x);
    return true;
}

/* ---- the table
 * ------------------------------------------------------------------------------------------ */

#define ITEM(field, of, kind, how)                                                                 \
    .name = field, .uri = "item:" of, .element = of, .type = kind, .form = how
#define TASK(field, of, kind, how)                                                                 \
    .name = field, .uri = "task:" of, .element = of, .type = kind, .form = how

static const struct ews_field fields[] = {
    {ITEM("summary", "Subject", WESS_TEXT, EWS_LINE)},
    {ITEM("class", "Sensitivity", WESS_TEXT, EWS_WORD), .words = ews_classes},
    {ITEM("description", "Body", WESS_TEXT, EWS_BODY)},
    {ITEM("categories", "Categories", WESS_SET, EWS_SET)},
    {ITEM("priority", "Importance", WESS_INT, EWS_WORD), .words = priorities, .put = put_priority},
    {ITEM("alarm", "ReminderDueBy", WESS_TIME, EWS_MADE), .read = read_alarm, .put = put_due,
     .kept = true},
    {ITEM("alarm", "ReminderIsSet", WESS_TIME, EWS_MADE), .put = put_is_set},
    {TASK("x.ews.BillingInformation", "BillingInformation", WESS_TEXT, EWS_LINE)},
    {TASK("completed", "CompleteDate", WESS_DATE, EWS_MADE), .read = read_completed,
     .put = put_completed, .kept = true},
    {TASK("due", "DueDate", WESS_DATE, EWS_DATE)},
    {TASK("x.ews.Mileage", "Mileage", WESS_TEXT, EWS_LINE)},
    {TASK("owner", "Owner", WESS_TEXT, EWS_LINE), .read_only = true},
    {TASK("percent-complete", "PercentComplete", WESS_INT, EWS_NUMBER), .put = put_percent},
    {TASK("rrule", "Recurrence", WESS_TEXT, EWS_MADE), .with = "start", .read = read_rule,
     .put = put_rule},
    {TASK("start", "StartDate", WESS_DATE, EWS_DATE)},
    {TASK("status", "Status", WESS_TEXT, EWS_WORD), .words = states},
};

static const char *const classes[] = {"CONFIDENTIAL", "PRIVATE", "PUBLIC", "X-PERSONAL"};
static const char *const statuses[] = {"COMPLETED", "IN-PROCESS", "NEEDS-ACTION", "X-DEFERRED",
                                       "X-WAITING"};
static const struct wess_field_schema schema[] = {
    {.name = "summary", .type = WESS_TEXT, .max_len = TEXT_MAX},
    {.name = "class", .type = WESS_TEXT, .allowed = {classes, 4}},
    {.name = "description", .type = WESS_TEXT},
    {.name = "categories", .type = WESS_SET, .max_len = TEXT_MAX},
    {.name = "priority", .type = WESS_INT},
    {.name = "alarm", .type = WESS_TIME},
    {.name = "completed", .type = WESS_DATE},
    {.name = "due", .type = WESS_DATE},
    {.name = "owner", .type = WESS_TEXT, .flags = WESS_FIELD_READ_ONLY, .max_len = TEXT_MAX},
    {.name = "percent-complete", .type = WESS_INT},
    {.name = "rrule", .type = WESS_TEXT},
    {.name = "start", .type = WESS_DATE},
    {.name = "status", .type = WESS_TEXT, .allowed = {statuses, 5}},
    {.name = "x.ews.BillingInformation", .type = WESS_TEXT, .max_len = TEXT_MAX},
    {.name = "x.ews.Mileage", .type = WESS_TEXT, .max_len = TEXT_MAX},
};

static const char *const facts[] = {"item:Sensitivity", "item:Categories", "item:LastModifiedTime",
                                    "item:Subject",     "task:DueDate",    NULL};

const struct ews_kind ews_task_kind = {
    .name = "task",
    .collection = "tasks",
    .title = "Tasks",
    .element = "Task",
    .distinguished = "tasks",
    .class = "IPF.Task",
    .folder = "TasksFolder",
    .setting = "task_folders",
    .fields = fields,
    .n_fields = sizeof(fields) / sizeof(fields[0]),
    .schema = schema,
    .n_schema = sizeof(schema) / sizeof(schema[0]),
    .facts = facts,
    .search = ews_search_summary,
    .refuses = refuses,
    .due = "due",
};
