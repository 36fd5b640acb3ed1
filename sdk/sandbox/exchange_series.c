/* Occurrences of a series (sections 4 and 7.4): changed ones are items of their own that no folder
 * lists. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "exchange_ops.h"
#include "exchange_pattern.h"

static time_t moment(const char *text)
{
    struct tm tm = {0};
    return text && strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) ? timegm(&tm) : 0;
}

static void moment_text(time_t t, char out[32])
{
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

struct one {
    int index;
    time_t begins;
};

static bool take_index(void *ctx, int index, time_t begins)
{
    struct one *o = ctx;
    if (index == o->index)
        o->begins = begins;
    return index < o->index;
}

/* When the occurrence of that number was to begin; 0: there is none. */
static time_t begins(const struct ex_item *master, int index)
{
    const char *rule = ex_value(master, "calendar:Recurrence");
    struct one o = {index, 0};
    if (index > 0 && rule)
        ex_pattern_each(rule, ex_value(master, "calendar:StartTimeZone"),
                        moment(ex_value(master, "calendar:Start")), take_index, &o);
    return o.begins;
}

/* ---- changed and deleted ones
 * ------------------------------------------------------------------------------------------ */

static bool is_changed(const struct ex_item *i)
{
    return i->master && !strcmp(ex_value(i, "calendar:CalendarItemType"), "Exception");
}

static bool is_changed_of(const struct ex_item *i, const struct ex_item *master)
{
    return is_changed(i) && !strcmp(i->master, master->id);
}

static void list_changed(struct ex_mailbox *m, struct ex_item *master)
{
    struct sb_buf b = {0};
    for (size_t i = 0; i < m->n_items; i++) {
        const struct ex_item *x = m->items[i];
        if (is_changed_of(x, master))
            sb_buf_fmt(&b,
                       "<t:Occurrence><t:ItemId Id=\"%s\" ChangeKey=\"EQ==\"/><t:Start>%s</t:Start>"
                       "<t:End>%s</t:End><t:OriginalStart>%s</t:OriginalStart></t:Occurrence>",
                       x->id, ex_value(x, "calendar:Start"), ex_value(x, "calendar:End"),
                       x->original);
    }
    ex_put(master, "calendar:ModifiedOccurrences", b.data);
    ex_item_touch(m, master);
    sb_buf_free(&b);
}

void ex_series_tell(struct ex_mailbox *m, struct ex_item *changed)
{
    struct ex_item *master = changed->master ? ex_item(m, changed->master) : NULL;
    if (!master)
        return;
    ex_put(changed, "calendar:CalendarItemType", "Exception");
    list_changed(m, master);
}

/* The item of an occurrence, once somebody looked at it or changed it. */
static struct ex_item *item_at(struct ex_mailbox *m, const struct ex_item *master,
                               const char *start)
{
    for (size_t i = 0; i < m->n_items; i++)
        if (m->items[i]->master && !strcmp(m->items[i]->master, master->id) &&
            !strcmp(m->items[i]->original, start))
            return m->items[i];
    return NULL;
}

static struct ex_item *new_occurrence(struct ex_mailbox *m, const struct ex_item *master, time_t at)
{
    time_t length =
        moment(ex_value(master, "calendar:End")) - moment(ex_value(master, "calendar:Start"));
    struct ex_item *i = ex_item_copy(m, master, -1);
    char text[32];
    ex_put(i, "calendar:Recurrence", NULL);
    ex_put(i, "calendar:ModifiedOccurrences", NULL);
    ex_put(i, "calendar:DeletedOccurrences", NULL);
    ex_put(i, "calendar:IsRecurring", NULL);
    ex_put(i, "calendar:CalendarItemType", "Occurrence");
    i->master = strdup(master->id);
    moment_text(at, text);
    i->original = strdup(text);
    ex_put(i, "calendar:Start", text);
    moment_text(at + length, text);
    ex_put(i, "calendar:End", text);
    return i;
}

/* One that nobody changed is as its series is now, under the id that it always has. */
static struct ex_item *as_now(struct ex_mailbox *m, const struct ex_item *master, time_t at)
{
    char start[32];
    moment_text(at, start);
    struct ex_item *was = item_at(m, master, start), *now;
    if (was && is_changed(was))
        return was;
    now = new_occurrence(m, master, at);
    if (was) {
        char *id = now->id;
        now->id = was->id;
        was->id = id;
        ex_item_remove(m, was);
    }
    return now;
}

static void take_out(struct ex_mailbox *m, struct ex_item *one)
{
    free(one->master); /* no folder is told of it */
    one->master = NULL;
    ex_item_remove(m, one);
}

void ex_series_drop(struct ex_mailbox *m, struct ex_item *one)
{
    struct ex_item *master = ex_item(m, one->master);
    const char *deleted = ex_value(master, "calendar:DeletedOccurrences");
    struct sb_buf all = {0};
    sb_buf_fmt(&all, "%s<t:DeletedOccurrence><t:Start>%s</t:Start></t:DeletedOccurrence>",
               deleted ? deleted : "", one->original);
    ex_put(master, "calendar:DeletedOccurrences", all.data);
    sb_buf_free(&all);
    take_out(m, one);
    list_changed(m, master);
}

struct ex_item *ex_series_item(struct ex_mailbox *m, const xmlNode *id, const char **error)
{
    char *master_id = ex_attr(id, "RecurringMasterId"), *index = ex_attr(id, "InstanceIndex");
    struct ex_item *master = ex_item(m, master_id);
    time_t at = master && index ? begins(master, atoi(index)) : 0;
    const char *deleted = master ? ex_value(master, "calendar:DeletedOccurrences") : NULL;
    char start[32] = "", entry[120];
    moment_text(at, start);
    snprintf(entry, sizeof(entry),
             "<t:DeletedOccurrence><t:Start>%s</t:Start></t:DeletedOccurrence>", start);
    *error = !master ? "ErrorItemNotFound"
             : !at   ? "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange"
             : deleted && strstr(deleted, entry) ? "ErrorCalendarOccurrenceIsDeletedFromRecurrence"
                                                 : NULL;
    xmlFree(master_id);
    xmlFree(index);
    return *error ? NULL : as_now(m, master, at);
}

struct ex_item *ex_named_item(struct ex_mailbox *m, const xmlNode *n, const char **error)
{
    const char *element = (const char *)n->name;
    bool of_series = !strcmp(element, "RecurringMasterItemId");
    *error = NULL;
    if (!strcmp(element, "OccurrenceItemId"))
        return ex_series_item(m, n, error);
    char *id = ex_attr(n, of_series ? "OccurrenceId" : "Id");
    struct ex_item *i = ex_item(m, id);
    xmlFree(id);
    if (i && of_series)
        i = i->master ? ex_item(m, i->master) : NULL;
    *error = i ? NULL : "ErrorItemNotFound";
    return i;
}

/* The recurrence was written: what was changed or deleted of the old one is gone. */
void ex_series_forget(struct ex_mailbox *m, const struct ex_item *master)
{
    for (size_t i = m->n_items; i-- > 0;) {
        struct ex_item *x = m->items[i];
        if (!x->master || strcmp(x->master, master->id))
            continue;
        take_out(m, x);
    }
}

/* ---- FindItem with a CalendarView (section 10): occurrences, not series
 * ------------------------------------------------------------------------------------------ */

#define VIEW_MOST ((time_t)2 * 366 * 86400)

struct view {
    struct ex_call *c;
    struct ex_mailbox *m;
    const struct ex_item *master;
    time_t from, to, length;
    struct sb_buf items;
    int n;
};

static void show(struct view *v, const struct ex_item *i, const char *start, const char *end,
                 const char *type, const char *id)
{
    time_t from = moment(start), to = moment(end);
    bool inside = from < v->to && (to > v->from || (from == to && from >= v->from));
    const char *subject = ex_value(i, "item:Subject"), *place = ex_value(i, "calendar:Location");
    if (!inside)
        return;
    v->n++;
    sb_buf_fmt(&v->items, "<t:CalendarItem><t:ItemId Id=\"%s\" ChangeKey=\"EQ==\"/><t:Subject>",
               id);
    ex_escape(&v->items, subject ? subject : "");
    sb_buf_fmt(&v->items, "</t:Subject><t:Start>%s</t:Start><t:End>%s</t:End>", start, end);
    if (place) {
        sb_buf_str(&v->items, "<t:Location>");
        ex_escape(&v->items, place);
        sb_buf_str(&v->items, "</t:Location>");
    }
    sb_buf_fmt(&v->items, "<t:CalendarItemType>%s</t:CalendarItemType></t:CalendarItem>", type);
}

static bool exception_at(struct ex_mailbox *m, const struct ex_item *master, const char *start)
{
    const struct ex_item *i = item_at(m, master, start);
    return i && is_changed(i);
}

static bool is_deleted(const struct ex_item *master, const char *start)
{
    const char *deleted = ex_value(master, "calendar:DeletedOccurrences");
    return deleted && strstr(deleted, start);
}

static bool show_occurrence(void *ctx, int index, time_t begins)
{
    struct view *v = ctx;
    char start[32], end[32], id[96];
    moment_text(begins, start);
    moment_text(begins + v->length, end);
    snprintf(id, sizeof(id), "%.60s.%d", v->master->id, index);
    if (!is_deleted(v->master, start) && !exception_at(v->m, v->master, start))
        show(v, v->master, start, end, "Occurrence", id);
    return begins < v->to;
}

static void show_series(struct view *v, const struct ex_item *master)
{
    time_t start = moment(ex_value(master, "calendar:Start"));
    v->master = master;
    v->length = moment(ex_value(master, "calendar:End")) - start;
    ex_pattern_each(ex_value(master, "calendar:Recurrence"),
                    ex_value(master, "calendar:StartTimeZone"), start, show_occurrence, v);
    for (size_t i = 0; i < v->m->n_items; i++) {
        const struct ex_item *x = v->m->items[i];
        if (is_changed_of(x, master))
            show(v, x, ex_value(x, "calendar:Start"), ex_value(x, "calendar:End"), "Exception",
                 x->id);
    }
}

const char *ex_calendar_view(struct ex_call *c, struct ex_mailbox *m, int folder)
{
    const xmlNode *of = ex_child(c->op, "CalendarView");
    char *from = ex_attr(of, "StartDate"), *to = ex_attr(of, "EndDate");
    struct view v = {.c = c, .m = m, .from = moment(from), .to = moment(to)};
    xmlFree(from);
    xmlFree(to);
    if (!v.from || v.to < v.from)
        return "ErrorInvalidOperation";
    if (v.to - v.from > VIEW_MOST)
        return "ErrorCalendarViewRangeTooBig";
    for (size_t i = 0; i < m->n_items; i++) {
        const struct ex_item *x = m->items[i];
        if (x->folder != folder || strcmp(x->klass, "IPM.Appointment"))
            continue;
        if (ex_value(x, "calendar:Recurrence"))
            show_series(&v, x);
        else
            show(&v, x, ex_value(x, "calendar:Start"), ex_value(x, "calendar:End"), "Single",
                 x->id);
    }
    ex_begin(c, "FindItemResponseMessage", NULL);
    sb_buf_fmt(c->out,
               "<m:RootFolder TotalItemsInView=\"%d\" IncludesLastItemInRange=\"true\"><t:Items>",
               v.n);
    sb_buf_add(c->out, v.items.data ? v.items.data : "", v.items.len);
    sb_buf_str(c->out, "</t:Items></m:RootFolder>");
    ex_end(c, "FindItemResponseMessage");
    sb_buf_free(&v.items);
    return NULL;
}
