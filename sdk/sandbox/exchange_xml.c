/* Reading requests, writing items. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "exchange.h"

const xmlNode *ex_first(const xmlNode *n)
{
    const xmlNode *c = n ? n->children : NULL;
    while (c && c->type != XML_ELEMENT_NODE)
        c = c->next;
    return c;
}

const xmlNode *ex_next(const xmlNode *n)
{
    const xmlNode *c = n ? n->next : NULL;
    while (c && c->type != XML_ELEMENT_NODE)
        c = c->next;
    return c;
}

const xmlNode *ex_child(const xmlNode *n, const char *name)
{
    const xmlNode *c = ex_first(n);
    while (c && strcmp((const char *)c->name, name))
        c = ex_next(c);
    return c;
}

char *ex_attr(const xmlNode *n, const char *name)
{
    return n ? (char *)xmlGetProp((xmlNode *)(uintptr_t)n, (const xmlChar *)name) : NULL;
}

char *ex_text(const xmlNode *n)
{
    return n ? (char *)xmlNodeGetContent(n) : NULL;
}

void ex_escape(struct sb_buf *b, const char *text)
{
    for (const char *s = text; *s; s++) {
        if (*s == '&')
            sb_buf_str(b, "&amp;");
        else if (*s == '<')
            sb_buf_str(b, "&lt;");
        else if (*s == '>')
            sb_buf_str(b, "&gt;");
        else if (*s == '"')
            sb_buf_str(b, "&quot;");
        else if (*s == '\r')
            sb_buf_str(b, "&#xD;");
        else
            sb_buf_add(b, s, 1);
    }
}

void ex_extended_read(const xmlNode *path, struct ex_extended *e)
{
    static const struct {
        const char *attr;
        size_t at;
    } map[] = {{"PropertySetId", offsetof(struct ex_extended, set)},
               {"DistinguishedPropertySetId", offsetof(struct ex_extended, set)},
               {"PropertyName", offsetof(struct ex_extended, name)},
               {"PropertyTag", offsetof(struct ex_extended, tag)},
               {"PropertyType", offsetof(struct ex_extended, type)}};
    *e = (struct ex_extended){0};
    for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
        char *value = ex_attr(path, map[i].attr);
        if (value)
            ex_set((char **)((char *)e + map[i].at), value);
        xmlFree(value);
    }
}

/* ---- shapes
 * ---------------------------------------------------------------------------------------------------
 */

static void want_field(struct ex_shape *s, const char *uri)
{
    static const struct {
        const char *uri;
        size_t at;
    } items[] = {{"item:Categories", offsetof(struct ex_shape, categories)},
                 {"item:Sensitivity", offsetof(struct ex_shape, sensitivity)},
                 {"item:Body", offsetof(struct ex_shape, body)},
                 {"item:LastModifiedTime", offsetof(struct ex_shape, modified)},
                 {"item:DateTimeCreated", offsetof(struct ex_shape, created)},
                 {"item:Attachments", offsetof(struct ex_shape, attachments)},
                 {"item:HasAttachments", offsetof(struct ex_shape, has_attachments)},
                 {"item:MimeContent", offsetof(struct ex_shape, mime)},
                 {"item:ParentFolderId", offsetof(struct ex_shape, folder)},
                 {"item:Subject", offsetof(struct ex_shape, subject)},
                 {"item:Attachments", offsetof(struct ex_shape, attachments)},
                 {"item:ItemClass", offsetof(struct ex_shape, klass)},
                 {"contacts:CompleteName", offsetof(struct ex_shape, complete_name)}};
    static const char *const sets[][2] = {
        {"contacts:EmailAddresses", "contacts:EmailAddress"},
        {"contacts:PhoneNumbers", "contacts:PhoneNumber"},
        {"contacts:ImAddresses", "contacts:ImAddress"},
        {"contacts:PhysicalAddresses", "contacts:PhysicalAddress"}};
    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
        if (!strcmp(items[i].uri, uri))
            *(bool *)((char *)s + items[i].at) = true;
    for (size_t p = 0; p < PROPS && ex_props[p].uri; p++)
        if (!strcmp(ex_props[p].uri, uri) && !ex_props[p].key)
            s->props[p] = true;
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
        for (size_t p = 0; !strcmp(sets[i][0], uri) && p < PROPS && ex_props[p].uri; p++)
            if (!strncmp(ex_props[p].uri, sets[i][1], strlen(sets[i][1])))
                s->props[p] = true;
}

static void want(struct ex_shape *s, const xmlNode *n)
{
    char *uri = ex_attr(n, "FieldURI"), *key = ex_attr(n, "FieldIndex");
    ex_asks(s->of_kind, uri ? uri : "");
    if (!strcmp((const char *)n->name, "FieldURI") && uri) {
        want_field(s, uri);
    } else if (!strcmp((const char *)n->name, "IndexedFieldURI") && uri && key) {
        int p = ex_prop_find(uri, key);
        if (p >= 0)
            s->props[p] = true;
    } else if (!strcmp((const char *)n->name, "ExtendedFieldURI")) {
        s->extended = realloc(s->extended, (s->n_extended + 1) * sizeof(*s->extended));
        if (!s->extended)
            abort();
        ex_extended_read(n, &s->extended[s->n_extended++]);
    }
    xmlFree(uri);
    xmlFree(key);
}

void ex_shape_read(const xmlNode *shape, struct ex_shape *s)
{
    char *base = ex_text(ex_child(shape, "BaseShape")),
         *type = ex_text(ex_child(shape, "BodyType")),
         *mime = ex_text(ex_child(shape, "IncludeMimeContent"));
    const struct sb_request *request = s->request;
    *s = (struct ex_shape){.request = request};
    s->mime = mime && (!strcmp(mime, "true") || !strcmp(mime, "1"));
    s->html = type && !strcmp(type, "HTML");
    s->text_only = type && !strcmp(type, "Text");
    if (base && strcmp(base, "IdOnly")) {
        s->all = true;
        s->categories = s->sensitivity = s->body = s->modified = s->created = s->folder = true;
        s->subject = s->klass = s->complete_name = s->attachments = s->has_attachments = true;
        for (size_t p = 0; p < PROPS && ex_props[p].uri; p++)
            s->props[p] = true;
    }
    for (const xmlNode *n = ex_first(ex_child(shape, "AdditionalProperties")); n; n = ex_next(n))
        want(s, n);
    xmlFree(base);
    xmlFree(type);
    xmlFree(mime);
}

void ex_shape_free(struct ex_shape *s)
{
    for (size_t i = 0; i < s->n_extended; i++)
        ex_extended_free(&s->extended[i]);
    free(s->extended);
}

/* ---- items
 * ----------------------------------------------------------------------------------------------------
 */

static void element(struct sb_buf *b, const char *name, const char *text)
{
    sb_buf_fmt(b, "<t:%s>", name);
    ex_escape(b, text);
    sb_buf_fmt(b, "</t:%s>", name);
}

static void time_element(struct sb_buf *b, const char *name, int64_t ms)
{
    char text[EX_TIME], shown[EX_TIME];
    time_t s = (time_t)(ms / 1000);
    struct tm tm;
    gmtime_r(&s, &tm);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
    ex_shown(text, shown);
    element(b, name, shown);
}

/* The real one wants and returns CRLF, and wraps HTML in a document of its own; asked for text, it
 * leaves out the mark-up. */
static void write_body(struct sb_buf *b, const struct ex_item *i, const struct ex_shape *s)
{
    bool html = s->html || (i->body_html && !s->text_only);
    sb_buf_fmt(b, "<t:Body BodyType=\"%s\">", html ? "HTML" : "Text");
    if (html)
        ex_escape(b, "<html>\r\n<head>\r\n</head>\r\n<body>\r\n");
    for (const char *c = i->body; *c; c++) {
        char one[2] = {*c, 0};
        const char *end = i->body_html && !html && *c == '<' ? strchr(c, '>') : NULL;
        if (end) {
            c = end;
            continue;
        }
        if (*c == '\n' && (c == i->body || c[-1] != '\r'))
            sb_buf_str(b, "&#xD;");
        ex_escape(b, one);
    }
    if (html)
        ex_escape(b, "\r\n</body>\r\n</html>\r\n");
    sb_buf_str(b, "</t:Body>");
}

static void write_extended(struct sb_buf *b, const struct ex_item *i, const struct ex_shape *s)
{
    for (size_t k = 0; k < s->n_extended; k++) {
        const struct ex_extended *p = &s->extended[k], *e = ex_extended_of(i, p);
        if (!e)
            continue;
        sb_buf_str(b, "<t:ExtendedProperty><t:ExtendedFieldURI");
        if (p->set && strchr(p->set, '-'))
            sb_buf_fmt(b, " PropertySetId=\"%s\"", p->set);
        else if (p->set)
            sb_buf_fmt(b, " DistinguishedPropertySetId=\"%s\"", p->set);
        if (p->name)
            sb_buf_fmt(b, " PropertyName=\"%s\"", p->name);
        if (p->tag)
            sb_buf_fmt(b, " PropertyTag=\"%s\"", p->tag);
        sb_buf_fmt(b, " PropertyType=\"%s\"/>", p->type ? p->type : "String");
        element(b, "Value", e->value ? e->value : "");
        sb_buf_str(b, "</t:ExtendedProperty>");
    }
}

static void write_complete_name(struct sb_buf *b, const struct ex_item *i)
{
    const struct ex_extended path = {NULL, NULL, (char *)(uintptr_t) "0x3a45", NULL, NULL};
    const struct ex_extended *title = ex_extended_of(i, &path);
    const char *given = i->value[ex_prop_find("contacts:GivenName", NULL)];
    const char *full = i->value[ex_prop_find("contacts:DisplayName", NULL)];
    if (!title && !given && !full)
        return;
    sb_buf_str(b, "<t:CompleteName>");
    if (title && title->value)
        element(b, "Title", title->value);
    if (given)
        element(b, "FirstName", given);
    if (full)
        element(b, "FullName", full);
    sb_buf_str(b, "</t:CompleteName>");
}

/* A set: its entries one behind the other; the parts of an address within one entry. */
static size_t write_set(struct sb_buf *b, const struct ex_item *i, const struct ex_shape *s,
                        size_t p)
{
    const char *set = ex_props[p].element, *open = NULL;
    bool any = false;
    size_t end = p;
    while (end < PROPS && ex_props[end].uri && !strcmp(ex_props[end].element, set)) {
        any |= s->props[end] && i->value[end];
        end++;
    }
    if (!any)
        return end;
    sb_buf_fmt(b, "<t:%s>", set);
    for (; p < end; p++) {
        const struct ex_prop *x = &ex_props[p];
        if (!s->props[p] || !i->value[p])
            continue;
        if (!x->sub) {
            sb_buf_fmt(b, "<t:Entry Key=\"%s\">", x->key);
            ex_escape(b, i->value[p]);
            sb_buf_str(b, "</t:Entry>");
            continue;
        }
        if (!open || strcmp(open, x->key)) {
            sb_buf_fmt(b, "%s<t:Entry Key=\"%s\">", open ? "</t:Entry>" : "", x->key);
            open = x->key;
        }
        element(b, x->sub, i->value[p]);
    }
    sb_buf_fmt(b, "%s</t:%s>", open ? "</t:Entry>" : "", set);
    return end;
}

static void write_prop(struct sb_buf *b, const struct ex_item *i, const struct ex_shape *s,
                       size_t p)
{
    const struct ex_prop *x = &ex_props[p];
    const char *value = i->value[p] ? i->value[p] : x->preset;
    bool spoil = sb_fault_at(s->request, "", NULL) == SB_FAULT_FORBIDDEN_CHAR;
    char shown[EX_TIME];
    if (!s->props[p] || !value)
        return;
    if (ex_is_time(x->uri)) {
        ex_shown(value, shown);
        value = shown;
    }
    if (ex_is_zone(x->element)) {
        sb_buf_fmt(b, "<t:%s Id=\"", x->element);
        ex_escape(b, value);
        sb_buf_str(b, "\" Name=\"(UTC) Somewhere\"/>");
        return;
    }
    sb_buf_fmt(b, "<t:%s>", x->element);
    if (x->xml)
        sb_buf_str(b, value);
    else
        ex_escape(b, value);
    if (spoil && (!strcmp(x->element, "DisplayName") || !strcmp(x->element, "Subject")))
        sb_buf_str(b, "&#x1A;"); /* section 13: servers send what XML 1.0 forbids */
    sb_buf_fmt(b, "</t:%s>", x->element);
}

static void write_named(struct sb_buf *b, const struct ex_item *i, const struct ex_shape *s,
                        const char *uri)
{
    int p = ex_prop_find(uri, NULL);
    if (p >= 0 && strcmp(ex_kind_of(i)->prefix, "contacts:"))
        write_prop(b, i, s, (size_t)p);
}

static void write_props(struct sb_buf *b, const struct ex_item *i, const struct ex_shape *s)
{
    const struct ex_kind *kind = ex_kind_of(i);
    bool named = false;
    for (size_t p = 0; p < PROPS && ex_props[p].uri;) {
        if (!ex_is_of(kind, ex_props[p].uri)) {
            p++;
            continue;
        }
        if (s->complete_name && !named && !strcmp(ex_props[p].element, "CompanyName")) {
            write_complete_name(b, i);
            named = true;
        }
        if (ex_props[p].key) {
            p = write_set(b, i, s, p);
            continue;
        }
        write_prop(b, i, s, p);
        p++;
    }
}

void ex_item_write(struct sb_buf *b, const struct ex_mailbox *m, const struct ex_item *i,
                   const struct ex_shape *s, bool sync)
{
    const struct ex_kind *kind = ex_kind_of(i);
    bool list = !strcmp(i->klass, "IPM.DistList");
    const char *name = i->value[ex_prop_find("contacts:DisplayName", NULL)];
    char key[64];
    ex_change_key(i, key);
    sb_buf_fmt(b, "<t:%s>", kind->element);
    if (s->mime && !sync)
        ex_mail_write(b, i);
    sb_buf_fmt(b, "<t:ItemId Id=\"%s\" ChangeKey=\"%s\"/>", i->id, key);
    if (s->folder && i->folder >= 0)
        sb_buf_fmt(b, "<t:ParentFolderId Id=\"%s\" ChangeKey=\"AQAAAA==\"/>",
                   m->folders[i->folder].id);
    if (s->klass)
        element(b, "ItemClass", i->klass);
    if (s->subject && name)
        element(b, "Subject", name);
    write_named(b, i, s, "item:Subject");
    if (s->sensitivity)
        element(b, "Sensitivity", i->sensitivity ? i->sensitivity : "Normal");
    if (s->body && !sync && i->body)
        write_body(b, i, s);
    if (s->attachments && !sync)
        ex_attach_list(b, i);
    write_named(b, i, s, "item:DateTimeReceived");
    if (s->categories && i->n_categories) {
        sb_buf_str(b, "<t:Categories>");
        for (size_t c = 0; c < i->n_categories; c++)
            element(b, "String", i->categories[c]);
        sb_buf_str(b, "</t:Categories>");
    }
    write_named(b, i, s, "item:Importance");
    write_named(b, i, s, "item:DateTimeSent");
    if (s->created)
        time_element(b, "DateTimeCreated", i->created_ms);
    write_named(b, i, s, "item:ReminderDueBy");
    write_named(b, i, s, "item:ReminderIsSet");
    write_named(b, i, s, "item:ReminderMinutesBeforeStart");
    if (s->has_attachments)
        element(b, "HasAttachments",
                ex_attach_has(i) ? "true" : ex_value(i, "item:HasAttachments"));
    write_extended(b, i, s);
    if (s->modified)
        time_element(b, "LastModifiedTime", i->modified_ms);
    if (list) {
        if (name && s->props[ex_prop_find("contacts:DisplayName", NULL)])
            element(b, "DisplayName", name);
    } else {
        write_props(b, i, s);
    }
    sb_buf_fmt(b, "</t:%s>", kind->element);
}
