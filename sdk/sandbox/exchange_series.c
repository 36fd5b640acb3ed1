/* Occurrences of a series (sections 4 and 7.4): counted by libical, changed ones are items of their
 * own that no folder lists. */
#include <libical/ical.h>
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "exchange.h"

#define MOST 20000

static const char *two_letters(const char *day)
{
    static const char *const of[][2] = {{"Sunday", "SU"},    {"Monday", "MO"},   {"Tuesday", "TU"},
                                        {"Wednesday", "WE"}, {"Thursday", "TH"}, {"Friday", "FR"},
                                        {"Saturday", "SA"}};
    for (size_t i = 0; i < 7; i++)
        if (!strcmp(of[i][0], day))
            return of[i][1];
    return NULL;
}

static void by_days(struct sb_buf *b, const xmlNode *pattern, const char *index)
{
    char *days = ex_text(ex_child(pattern, "DaysOfWeek")), *rest = days, *one;
    bool any = false;
    while (rest && (one = strsep(&rest, " ")))
        if (two_letters(one)) {
            sb_buf_fmt(b, "%s%s%s", any ? "," : ";BYDAY=", index, two_letters(one));
            any = true;
        }
    xmlFree(days);
}

static const char *index_number(const xmlNode *pattern)
{
    static const char *const of[][2] = {
        {"First", "1"}, {"Second", "2"}, {"Third", "3"}, {"Fourth", "4"}, {"Last", "-1"}};
    char *text = ex_text(ex_child(pattern, "DayOfWeekIndex"));
    const char *out = "";
    for (size_t i = 0; text && i < 5; i++)
        if (!strcmp(of[i][0], text))
            out = of[i][1];
    xmlFree(text);
    return out;
}

static void number(struct sb_buf *b, const char *name, const xmlNode *n)
{
    char *text = ex_text(n);
    if (text)
        sb_buf_fmt(b, ";%s=%s", name, text);
    xmlFree(text);
}

/* The patterns that the tests have; a series of another kind has no occurrences here. */
static bool rule_of(const struct ex_item *master, struct sb_buf *b)
{
    static const char *const freqs[] = {"Daily", "Weekly", "Monthly"};
    struct sb_buf text = {0};
    const char *freq = NULL;
    sb_buf_fmt(&text, "<r xmlns:t=\"t\">%s</r>", ex_value(master, "calendar:Recurrence"));
    xmlDoc *doc = xmlReadMemory(text.data, (int)text.len, NULL, NULL, XML_PARSE_NONET);
    const xmlNode *pattern = doc ? ex_first(xmlDocGetRootElement(doc)) : NULL;
    for (size_t i = 0; pattern && i < 3; i++)
        if (strstr((const char *)pattern->name, freqs[i]))
            freq = freqs[i];
    if (freq) {
        sb_buf_fmt(b, "FREQ=%s", *freq == 'D' ? "DAILY" : *freq == 'W' ? "WEEKLY" : "MONTHLY");
        number(b, "INTERVAL", ex_child(pattern, "Interval"));
        number(b, "BYMONTHDAY", ex_child(pattern, "DayOfMonth"));
        number(b, "COUNT", ex_child(ex_next(pattern), "NumberOfOccurrences"));
        by_days(b, pattern, index_number(pattern));
    }
    xmlFreeDoc(doc);
    sb_buf_free(&text);
    return freq != NULL;
}

static icaltimezone *zone_of(const struct ex_item *master)
{
    icaltimezone *zone = ex_zone(ex_value(master, "calendar:StartTimeZone"));
    return zone ? zone : icaltimezone_get_utc_timezone();
}

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

/* When the occurrence of that number was to begin; 0: there is none. */
static time_t begins(const struct ex_item *master, int index)
{
    struct sb_buf rule = {0};
    icaltimezone *zone = zone_of(master);
    time_t out = 0;
    if (index < 1 || !ex_value(master, "calendar:Recurrence") || !rule_of(master, &rule)) {
        sb_buf_free(&rule);
        return 0;
    }
    icaltimetype start = icaltime_from_timet_with_zone(moment(ex_value(master, "calendar:Start")),
                                                       0, icaltimezone_get_utc_timezone());
    start = icaltime_convert_to_zone(start, zone);
    icalrecur_iterator *it =
        icalrecur_iterator_new(icalrecurrencetype_from_string(rule.data), start);
    for (int n = 1; it && n <= index && n < MOST; n++) {
        icaltimetype t = icalrecur_iterator_next(it);
        if (icaltime_is_null_time(t))
            break;
        if (n == index)
            out = icaltime_as_timet_with_zone(t, zone);
    }
    if (it)
        icalrecur_iterator_free(it);
    sb_buf_free(&rule);
    return out;
}

/* ---- changed and deleted ones
 * ------------------------------------------------------------------------------------------ */

static bool is_changed(const struct ex_item *i)
{
    return i->master && !strcmp(ex_value(i, "calendar:CalendarItemType"), "Exception");
}

void ex_series_tell(struct ex_mailbox *m, struct ex_item *changed)
{
    struct ex_item *master = changed->master ? ex_item(m, changed->master) : NULL;
    struct sb_buf b = {0};
    if (!master)
        return;
    ex_put(changed, "calendar:CalendarItemType", "Exception");
    for (size_t i = 0; i < m->n_items; i++) {
        const struct ex_item *x = m->items[i];
        if (!is_changed(x) || strcmp(x->master, master->id))
            continue;
        sb_buf_fmt(&b,
                   "<t:Occurrence><t:ItemId Id=\"%s\" ChangeKey=\"EQ==\"/><t:Start>%s</t:Start>"
                   "<t:End>%s</t:End><t:OriginalStart>%s</t:OriginalStart></t:Occurrence>",
                   x->id, ex_value(x, "calendar:Start"), ex_value(x, "calendar:End"), x->original);
    }
    ex_put(master, "calendar:ModifiedOccurrences", b.data);
    ex_item_touch(m, master);
    sb_buf_free(&b);
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

void ex_series_drop(struct ex_mailbox *m, struct ex_item *one)
{
    struct ex_item *master = ex_item(m, one->master);
    const char *deleted = ex_value(master, "calendar:DeletedOccurrences");
    struct sb_buf all = {0};
    sb_buf_fmt(&all, "%s<t:DeletedOccurrence><t:Start>%s</t:Start></t:DeletedOccurrence>",
               deleted ? deleted : "", one->original);
    ex_put(master, "calendar:DeletedOccurrences", all.data);
    sb_buf_free(&all);
    ex_item_remove(m, one);
    ex_item_touch(m, master);
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
