/* What tells contacts, tasks and events apart (sections 7 and 8). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "exchange.h"

static const struct ex_kind kinds[] = {
    {"IPM.Contact", "Contact", "IPF.Contact",
     "contacts:", "ErrorCannotCreateContactInNonContactFolder"},
    {"IPM.Task", "Task", "IPF.Task", "task:", "ErrorCannotCreateTaskInNonTaskFolder"},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))
static const struct ex_kind list = {"IPM.DistList", "DistributionList", "IPF.Contact",
                                    "contacts:", "ErrorCannotCreateContactInNonContactFolder"};

const struct ex_kind *ex_kind_of(const struct ex_item *i)
{
    for (size_t k = 0; k < KINDS; k++)
        if (!strcmp(kinds[k].klass, i->klass))
            return &kinds[k];
    return &list;
}

const struct ex_kind *ex_kind_named(const char *element)
{
    for (size_t k = 0; k < KINDS; k++)
        if (!strcmp(kinds[k].element, element))
            return &kinds[k];
    return NULL;
}

bool ex_is_of(const struct ex_kind *kind, const char *uri)
{
    return !strncmp(uri, kind->prefix, strlen(kind->prefix));
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

const char *ex_settle(struct ex_item *i, const char *uri)
{
    return ex_is_of(&kinds[1], uri) ? settle_task(i, uri) : NULL;
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
