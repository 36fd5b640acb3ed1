/* Tasks and meetings: times, the queue of what is created. */
#include "activity.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- reading
 * ------------------------------------------------------------------------------------------ */

/* false: it is empty, or strange, which is noted. */
static bool when_of(struct wb_reading *r, const struct wb_field *t, struct wb_when *when)
{
    char number[24];
    const char *text = wb_column_text(r, t->column, number);
    if (!text || !*text)
        return false;
    if (wb_when_read(text, when))
        return true;
    r->strange = t->column;
    return false;
}

static void put_day(struct wb_reading *r, const struct wb_field *t, const struct wb_when *when)
{
    struct wess_field *f = wb_push(r, t->name, WESS_DATE);
    char *text = f ? wess_arena_text(r->host, r->a, when->date) : NULL;
    r->spent |= !text;
    if (text)
        f->str = (struct wess_slice){text, strlen(text)};
}

void wb_read_day(struct wb_reading *r, const struct wb_field *t)
{
    struct wb_when when;
    if (when_of(r, t, &when))
        put_day(r, t, &when);
}

void wb_read_moment(struct wb_reading *r, const struct wb_field *t)
{
    struct wb_when when;
    if (!when_of(r, t, &when))
        return;
    if (!when.timed) {
        put_day(r, t, &when);
        return;
    }
    struct wess_field *f = wb_push(r, t->name, WESS_TIME);
    if (!f)
        return;
    f->time = (struct wess_time){wess_arena_text(r->host, r->a, when.local),
                                 wess_arena_text(r->host, r->a, when.zone), when.ms};
    r->spent |= !f->time.local || !f->time.zone;
}

/* ---- writing
 * ------------------------------------------------------------------------------------------ */

const char *wb_instant(struct wb_table *t, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    char text[WB_INSTANT_SIZE];
    struct tm tm;
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S.000Z", &tm);
    const char *out = wess_arena_text(t->call->conn->host, t->call->arena, text);
    t->spent |= !out;
    return out;
}

char *wb_next_day(const struct wess_host *h, struct wess_arena *a, const char *date, int days)
{
    struct tm tm = {0};
    char text[12];
    const char *end = strptime(date, "%Y-%m-%d", &tm);
    if (!end || *end)
        return NULL;
    time_t at = timegm(&tm) + (time_t)days * 86400;
    gmtime_r(&at, &tm);
    strftime(text, sizeof(text), "%Y-%m-%d", &tm);
    return wess_arena_text(h, a, text);
}

const struct wess_field *wb_will_be(const struct wess_op *op, const char *name)
{
    const struct wess_field *f = wb_field_of(&op->item, name);
    if (!f && op->what == WESS_UPDATE)
        f = wb_field_of(op->before, name);
    return f && f->type != WESS_NULL ? f : NULL;
}

enum wess_code wb_prepare_queue(struct wb_table *t)
{
    const struct wess_conn *c = t->call->conn;
    bool creates = false;
    for (size_t i = 0; i < t->n; i++)
        creates |= t->ops[i].what == WESS_CREATE;
    if (!c->assign_to || !creates)
        return WESS_OK;
    if (c->assign_mine)
        return c->queues[t->kind->family].own
                   ? WESS_OK
                   : wess_fail(&t->call->error, WESS_BROKEN, WESS_OF_HOST, NULL,
                               "assign_to is \"" WB_MINE "\", and the login of this user tells no "
                               "queue of its own");
    enum wess_code rc = wb_queue_named(t->call, t->kind->family, c->assign_to);
    if (rc == WESS_OK && !wb_queue_id(&c->queues[t->kind->family], c->assign_to))
        rc = wess_fail(&t->call->error, WESS_BROKEN, WESS_OF_HOST, NULL,
                       "the setting assign_to names no queue of activities in Workbooks");
    return rc;
}

void wb_complete_activity(struct wb_table *t, size_t op)
{
    const struct wess_conn *c = t->call->conn;
    const struct wb_queues *queues = &c->queues[t->kind->family];
    const char *queue = c->assign_mine ? queues->own
                        : c->assign_to ? wb_queue_id(queues, c->assign_to)
                                       : NULL;
    const char **name = wb_cell(t, op, "name");
    bool create = t->ops[op].what == WESS_CREATE;
    if (create ? !*name || !strcmp(*name, WB_CLEAR) : *name && !strcmp(*name, WB_CLEAR))
        wb_reject(t, op, "what has no subject cannot be in Workbooks");
    if (create && queue)
        *wb_cell(t, op, "assigned_to") = queue;
}
