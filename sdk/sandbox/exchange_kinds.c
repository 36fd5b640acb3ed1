/* What tells contacts, tasks and events apart (sections 7 and 8). */
#include <nettle/base64.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "exchange.h"

static const struct ex_kind kinds[EX_KINDS] = {
    {"IPM.Contact", "Contact", "IPF.Contact",
     "contacts:", "ErrorCannotCreateContactInNonContactFolder"},
    {"IPM.Task", "Task", "IPF.Task", "task:", "ErrorCannotCreateTaskInNonTaskFolder"},
    {"IPM.Appointment", "CalendarItem", "IPF.Appointment",
     "calendar:", "ErrorCannotCreateCalendarItemInNonCalendarFolder"},
    {"IPM.Note", "Message", "IPF.Note", "message:", "ErrorMessageDispositionRequired"},
};
static const struct ex_kind list = {"IPM.DistList", "DistributionList", "IPF.Contact",
                                    "contacts:", "ErrorCannotCreateContactInNonContactFolder"};

const struct ex_kind *ex_kind_of(const struct ex_item *i)
{
    for (size_t k = 0; k < EX_KINDS; k++)
        if (!strcmp(kinds[k].klass, i->klass))
            return &kinds[k];
    return &list;
}

const struct ex_kind *ex_kind_named(const char *element)
{
    for (size_t k = 0; k < EX_KINDS; k++)
        if (!strcmp(kinds[k].element, element))
            return &kinds[k];
    return NULL;
}

bool ex_is_of(const struct ex_kind *kind, const char *uri)
{
    return !strncmp(uri, kind->prefix, strlen(kind->prefix));
}

void ex_asks(bool of_kind[EX_KINDS], const char *uri)
{
    for (size_t k = 0; k < EX_KINDS; k++)
        of_kind[k] |= ex_is_of(&kinds[k], uri);
}

bool ex_asks_other(const bool of_kind[EX_KINDS], const struct ex_item *i)
{
    for (size_t k = 0; k < EX_KINDS; k++)
        if (of_kind[k] && strcmp(kinds[k].prefix, ex_kind_of(i)->prefix))
            return true;
    return false;
}

/* ---- tasks: three properties that go together (7.2)
 * ------------------------------------------------------------------------------------------ */

static void now_text(char out[32])
{
    time_t s = (time_t)(sb_now_ms() / 1000);
    struct tm tm;
    gmtime_r(&s, &tm);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static void complete(struct ex_item *i, bool done)
{
    char now[32];
    now_text(now);
    if (done) {
        ex_put(i, "task:Status", "Completed");
        ex_put(i, "task:PercentComplete", "100");
        if (!ex_value(i, "task:CompleteDate"))
            ex_put(i, "task:CompleteDate", now);
    } else {
        ex_put(i, "task:CompleteDate", NULL);
        if (!strcmp(ex_value(i, "task:PercentComplete"), "100"))
            ex_put(i, "task:PercentComplete", "0");
        if (!strcmp(ex_value(i, "task:Status"), "Completed"))
            ex_put(i, "task:Status", "NotStarted");
    }
    ex_put(i, "task:IsComplete", done ? "true" : "false");
}

static const char *settle_task(struct ex_item *i, const char *uri)
{
    const char *percent = ex_value(i, "task:PercentComplete");
    const char *date = ex_value(i, "task:CompleteDate");
    char now[32];
    now_text(now);
    if (!strcmp(uri, "task:Status")) {
        complete(i, !strcmp(ex_value(i, "task:Status"), "Completed"));
    } else if (!strcmp(uri, "task:PercentComplete")) {
        double n = strtod(percent, NULL);
        if (n < 0 || n > 100)
            return "ErrorInvalidPercentCompleteValue";
        complete(i, n >= 100);
    } else if (!strcmp(uri, "task:CompleteDate")) {
        if (date && strcmp(date, now) > 0)
            return "ErrorInvalidCompleteDate";
        complete(i, date != NULL);
    } else if (!strcmp(uri, "task:Recurrence")) {
        ex_put(i, "task:IsRecurring", ex_value(i, uri) ? "true" : "false");
    }
    return NULL;
}

/* ---- events (7.2, 7.4, 8)
 * ------------------------------------------------------------------------------------------ */

unsigned long ex_outbox, ex_outbox_people;

bool ex_is_zone(const char *element)
{
    return !strcmp(element, "StartTimeZone") || !strcmp(element, "EndTimeZone");
}

bool ex_has_attendees(const struct ex_item *i)
{
    return ex_value(i, "calendar:RequiredAttendees") || ex_value(i, "calendar:OptionalAttendees") ||
           ex_value(i, "calendar:Resources");
}

static const char *settle_event(struct ex_item *i, const char *uri)
{
    const char *value = ex_value(i, uri);
    if (!strcmp(uri, "calendar:Recurrence")) {
        ex_put(i, "calendar:IsRecurring", value ? "true" : "false");
        ex_put(i, "calendar:CalendarItemType", value ? "RecurringMaster" : "Single");
        /* Changed occurrences do not outlive the recurrence that they are of. */
        ex_put(i, "calendar:ModifiedOccurrences", NULL);
        ex_put(i, "calendar:DeletedOccurrences", NULL);
    } else if (strstr(uri, "TimeZone") && value && strchr(value, '/')) {
        return "ErrorTimeZone"; /* Windows' names, not IANA's */
    } else if (strstr(uri, "Attendees") || strstr(uri, "Resources")) {
        ex_put(i, "calendar:IsMeeting", ex_has_attendees(i) ? "true" : "false");
    }
    return NULL;
}

static void number_bytes(const char *uid, struct sb_buf *out)
{
    static const unsigned char head[16] = {4,    0,    0,    0,    0x82, 0,    0xe0, 0,
                                           0x74, 0xc5, 0xb7, 0x10, 0x1a, 0x82, 0xe0, 8};
    size_t len = strlen(uid);
    unsigned char zero[24] = "", size[4] = "";
    if (!strncasecmp(uid, "040000008200E000", 16)) {
        for (size_t at = 0; at + 1 < len; at += 2) {
            char hex[3] = {uid[at], uid[at + 1], 0};
            unsigned char byte = (unsigned char)strtoul(hex, NULL, 16);
            sb_buf_add(out, &byte, 1);
        }
        return;
    }
    size[0] = (unsigned char)(len + 13);
    size[1] = (unsigned char)((len + 13) >> 8);
    sb_buf_add(out, head, 16);
    sb_buf_add(out, zero, 20);
    sb_buf_add(out, size, 4);
    sb_buf_add(out, "vCal-Uid\1\0\0", 12);
    sb_buf_add(out, uid, len + 1);
}

/* MS-OXOCAL 2.2.1.27 */
static void find_by(struct ex_item *i)
{
    struct sb_buf bytes = {0};
    number_bytes(ex_value(i, "calendar:UID"), &bytes);
    char *text = malloc(BASE64_ENCODE_RAW_LENGTH(bytes.len) + 1);
    if (!text)
        abort();
    base64_encode_raw(text, bytes.len, (const uint8_t *)bytes.data);
    text[BASE64_ENCODE_RAW_LENGTH(bytes.len)] = 0;
    free(i->global_id);
    i->global_id = text;
    sb_buf_free(&bytes);
}

const char *ex_finish(const struct ex_mailbox *m, struct ex_item *i)
{
    const char *start = ex_value(i, "calendar:Start"), *end = ex_value(i, "calendar:End");
    struct sb_buf text = {0};
    if (strcmp(i->klass, "IPM.Appointment"))
        return NULL;
    if (!start || !end)
        return "ErrorCalendarEndDateIsEarlierThanStartDate";
    if (strcmp(end, start) < 0)
        return "ErrorCalendarEndDateIsEarlierThanStartDate";
    if (!ex_value(i, "calendar:UID")) {
        /* In no mailbox twice, whatever is made in one instant. */
        sb_buf_fmt(&text, "040000008200E00074C5B7101A82E00800000000%08X%08X%016llX",
                   (unsigned)(m - ex_mailboxes), (unsigned)i->created_seq,
                   (unsigned long long)i->created_ms);
        ex_put(i, "calendar:UID", text.data);
        text.len = 0;
    }
    if (!ex_value(i, "calendar:Organizer")) {
        sb_buf_fmt(&text,
                   "<t:Mailbox><t:Name>%s</t:Name><t:EmailAddress>%s</t:EmailAddress>"
                   "<t:RoutingType>SMTP</t:RoutingType></t:Mailbox>",
                   m->user->name, m->user->address);
        ex_put(i, "calendar:Organizer", text.data);
    }
    sb_buf_free(&text);
    find_by(i);
    return NULL;
}

const char *ex_settle(struct ex_item *i, const char *uri)
{
    return ex_is_of(&kinds[1], uri)   ? settle_task(i, uri)
           : ex_is_of(&kinds[2], uri) ? settle_event(i, uri)
                                      : NULL;
}

/* ---- values that are elements
 * ------------------------------------------------------------------------------------------ */

static void inner(struct sb_buf *b, const xmlNode *n)
{
    for (const xmlNode *c = n->children; c; c = c->next) {
        if (c->type == XML_TEXT_NODE && !ex_first(n)) {
            char *text = ex_text(n);
            ex_escape(b, text ? text : "");
            xmlFree(text);
        } else if (c->type == XML_ELEMENT_NODE) {
            sb_buf_fmt(b, "<t:%s", (const char *)c->name);
            for (const xmlAttr *a = c->properties; a; a = a->next) {
                char *value = ex_attr(c, (const char *)a->name);
                sb_buf_fmt(b, " %s=\"", (const char *)a->name);
                ex_escape(b, value ? value : "");
                sb_buf_str(b, "\"");
                xmlFree(value);
            }
            sb_buf_str(b, ">");
            inner(b, c);
            sb_buf_fmt(b, "</t:%s>", (const char *)c->name);
        }
    }
}

char *ex_inner(const xmlNode *n)
{
    struct sb_buf b = {0};
    sb_buf_str(&b, "");
    inner(&b, n);
    return b.data;
}
