/* An event that recurs: its rule, and the occurrences that are not as the rule has them. */
#include <string.h>

#include "event.h"

void ews_read_rule(struct ews_reading *r, const xmlNode *item, const struct ews_field *e)
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

bool ews_put_event_rule(struct ews_put *p, const struct ews_field *e)
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
    ews_event_zone(r, item, "StartTimeZone", ms, zone);
    if (!ms || !wess_zone_local(ms, zone, local))
        return NULL;
    local[10] = 0;
    const char *out = wess_arena_text(r->host, r->a, local);
    r->spent |= !out;
    return out;
}

/* One of a series of days is told as the midnights of its days. */
static bool is_day(const xmlNode *master, const char *local)
{
    return ews_is_true(xml_child(master, "IsAllDayEvent")) && !strcmp(local + 10, "T00:00:00");
}

static void add_time(struct ews_reading *r, struct wess_record *to, const xmlNode *master,
                     const char *name, const char *value)
{
    struct wess_field *parts = (struct wess_field *)(uintptr_t)to->fields;
    char zone[WESS_ZONE_SIZE], local[WESS_LOCAL_SIZE];
    int64_t ms = ews_time_ms(value);
    ews_event_zone(r, master, "StartTimeZone", ms, zone);
    if (!ms || !wess_zone_local(ms, zone, local) || to->n == EWS_PARTS)
        return;
    if (is_day(master, local)) {
        local[10] = 0;
        const char *date = wess_arena_text(r->host, r->a, local);
        parts[to->n] =
            (struct wess_field){.name = name, .type = WESS_DATE, .str = {date, date ? 10 : 0}};
        r->spent |= !date;
    } else {
        parts[to->n] = (struct wess_field){.name = name, .type = WESS_TIME};
        parts[to->n].time = (struct wess_time){wess_arena_text(r->host, r->a, local),
                                               wess_arena_text(r->host, r->a, zone), 0};
        r->spent |= !parts[to->n].time.local || !parts[to->n].time.zone;
    }
    to->n++;
}

static struct wess_record * override(struct ews_reading *r, const xmlNode *item, const char *start,
                                     struct wess_vec *v)
{
    const char *key = ews_original_date(r, item, start);
    struct wess_field *parts = key ? r->host->alloc(r->a, EWS_PARTS * sizeof(*parts)) : NULL;
    struct wess_record *new =
        parts && !ews_has_record(v, key) ? wess_vec_push(r->host, r->a, v) : NULL;
    r->spent |= key && !parts;
    if (new)
        *new = (struct wess_record){.key = key, .fields = parts};
    return new;
}

void ews_read_overrides(struct ews_reading *r, const xmlNode *item, const struct ews_field *e)
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
            ews_add_part(r, o, EWS_OCCURRENCE_ID, xml_attr(xml_child(n, "ItemId"), "Id"));
    }
    for (n = xml_first(xml_child(item, "DeletedOccurrences")); n; n = xml_next(n)) {
        struct wess_record *o = override(r, item, xml_text(xml_child(n, "Start")), &v);
        if (o)
            ews_add_part(r, o, "status", "CANCELLED");
    }
    struct wess_field *f = v.n ? ews_push(r, e->name, WESS_RECORDS) : NULL;
    if (f)
        f->records = (struct wess_records){v.of, v.n};
}
