/* The mailbox's list of categories: a hidden document of the calendar folder (MS-OXOCFG 2.2.5.2.2).
 * What a program writes there is kept byte for byte, and looked at more closely than a real server
 * does. */
#include <libxml/parser.h>
#include <nettle/base64.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "exchange_ops.h"

#define NS "CategoryList.xsd"
#define COLOURS 25

/* ---- the document
 * ------------------------------------------------------------------------------------------ */

static bool is_guid(const char *s)
{
    static const char form[] = "{xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}";
    for (size_t i = 0; form[i]; i++)
        if (form[i] == 'x' ? !strchr("0123456789abcdefABCDEF", s[i]) || !s[i] : s[i] != form[i])
            return false;
    return !s[sizeof(form) - 1];
}

static bool is_number(const char *s, long least, long most)
{
    char *end = NULL;
    long n = s && *s ? strtol(s, &end, 10) : most + 1;
    return end && !*end && n >= least && n <= most;
}

static bool is_category(const xmlNode *n)
{
    char *name = ex_attr(n, "name"), *color = ex_attr(n, "color"), *guid = ex_attr(n, "guid"),
         *key = ex_attr(n, "keyboardShortcut");
    bool ok = !strcmp((const char *)n->name, "category") && n->ns &&
              !strcmp((const char *)n->ns->href, NS) && name && *name && !strchr(name, ',') &&
              is_number(color, -1, COLOURS - 1) && is_number(key, 0, 11) && guid && is_guid(guid);
    xmlFree(name);
    xmlFree(color);
    xmlFree(guid);
    xmlFree(key);
    return ok;
}

/* Each once, whatever its case. */
static bool is_alone(const xmlNode *n)
{
    char *name = ex_attr(n, "name");
    bool alone = true;
    for (const xmlNode *o = ex_first(n->parent); o && o != n; o = ex_next(o)) {
        char *other = ex_attr(o, "name");
        alone &= !other || !name || strcasecmp(other, name) != 0;
        xmlFree(other);
    }
    xmlFree(name);
    return alone;
}

static bool is_list(const char *xml, size_t len)
{
    xmlDoc *doc = xmlReadMemory(xml, (int)len, NULL, NULL,
                                XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    const xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
    bool ok = root && !strcmp((const char *)root->name, "categories") && root->ns &&
              !strcmp((const char *)root->ns->href, NS);
    for (const xmlNode *n = ok ? ex_first(root) : NULL; n && ok; n = ex_next(n))
        ok = is_category(n) && is_alone(n);
    xmlFreeDoc(doc);
    return ok;
}

static bool has(const char *xml, const char *name)
{
    xmlDoc *doc = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL,
                                XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    const xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
    bool found = false;
    for (const xmlNode *n = ex_first(root); n && !found; n = ex_next(n)) {
        char *other = ex_attr(n, "name");
        found = other && !strcasecmp(other, name);
        xmlFree(other);
    }
    xmlFreeDoc(doc);
    return found;
}

/* As Outlook does when somebody picks a new one. */
void ex_category_made(struct ex_mailbox *m, const char *name)
{
    static unsigned n;
    struct sb_buf b = {0};
    if (!m->categories)
        m->categories =
            strdup("<?xml version=\"1.0\"?>\r\n<categories default=\"Red Category\" "
                   "lastSavedSession=\"5\" lastSavedTime=\"2026-11-25T09:00:00.000\" "
                   "xmlns=\"CategoryList.xsd\">\r\n\t<!-- of people -->\r\n</categories>\r\n");
    if (!m->categories || has(m->categories, name))
        return;
    const char *end = strstr(m->categories, "</categories>");
    sb_buf_add(&b, m->categories, (size_t)(end - m->categories));
    sb_buf_str(&b, "\t<category name=\"");
    ex_escape(&b, name);
    sb_buf_fmt(&b,
               "\" color=\"%u\" keyboardShortcut=\"0\" usageCount=\"7\" lastTimeUsedNotes="
               "\"1601-01-01T00:00:00.000\" lastSessionUsed=\"5\" lastTimeUsed="
               "\"2026-11-25T09:00:00.000\" guid=\"{0ED21D3B-4A2E-4C6A-9F2B-%012X}\"/>\r\n",
               n % COLOURS, n);
    n++;
    sb_buf_str(&b, end);
    free(m->categories);
    m->categories = b.data;
}

void ex_categories_start(void)
{
    for (size_t k = 0; k < ex_n_mailboxes; k++) {
        struct ex_mailbox *m = &ex_mailboxes[k];
        for (size_t i = 0; i < m->n_items; i++)
            for (size_t c = 0; c < m->items[i]->n_categories; c++)
                ex_category_made(m, m->items[i]->categories[c]);
    }
}

/* ---- operations
 * ------------------------------------------------------------------------------------------ */

static struct ex_mailbox *named(struct ex_call *c, const xmlNode *of, const char **error)
{
    char *name = ex_attr(of, "Name");
    struct ex_mailbox *m = c->mailbox;
    int folder = ex_folder_at(c, ex_first(of), &m);
    bool known = name && !strcmp(name, "CategoryList") && folder >= 0 &&
                 !strcmp(m->folders[folder].klass, "IPF.Appointment");
    xmlFree(name);
    *error = known ? NULL : "ErrorItemNotFound";
    return m;
}

void ex_get_configuration(struct ex_call *c)
{
    static const char message[] = "GetUserConfigurationResponseMessage";
    const char *error;
    struct ex_mailbox *m = named(c, ex_child(c->op, "UserConfigurationName"), &error);
    if (!error && !m->categories)
        error = "ErrorItemNotFound";
    ex_begin(c, message, error);
    if (error)
        return;
    size_t len = strlen(m->categories);
    char *text = calloc(1, BASE64_ENCODE_RAW_LENGTH(len) + 1);
    if (!text)
        abort();
    base64_encode_raw(text, len, (const uint8_t *)m->categories);
    sb_buf_fmt(c->out,
               "<m:UserConfiguration><t:UserConfigurationName Name=\"CategoryList\"><t:FolderId "
               "Id=\"%s\"/></t:UserConfigurationName><t:XmlData>%s</t:XmlData>"
               "</m:UserConfiguration>",
               m->folders[ex_folder_of(m, "calendar", true)].id, text);
    ex_end(c, message);
    free(text);
}

static const char *take(struct ex_mailbox *m, const xmlNode *configuration)
{
    char *text = ex_text(ex_child(configuration, "XmlData"));
    struct base64_decode_ctx ctx;
    size_t in = text ? strlen(text) : 0, len = BASE64_DECODE_LENGTH(in);
    uint8_t *xml = calloc(1, len + 1);
    if (!xml)
        abort();
    base64_decode_init(&ctx);
    const char *error =
        !in || !base64_decode_update(&ctx, &len, xml, in, text) || !base64_decode_final(&ctx)
            ? "ErrorSchemaValidation"
        : !is_list((const char *)xml, len) ? "ErrorCorruptData"
                                           : NULL;
    xmlFree(text);
    if (!error && !strcmp(sb_switch("category_list", "kept"), "forgotten")) {
        free(xml); /* as if another program had written its own behind ours */
        return NULL;
    }
    if (error) {
        free(xml);
        return error;
    }
    xml[len] = 0;
    free(m->categories);
    m->categories = (char *)xml;
    return NULL;
}

static void write_configuration(struct ex_call *c, const char *message, bool make)
{
    const xmlNode *configuration = ex_child(c->op, "UserConfiguration");
    const char *error;
    struct ex_mailbox *m = named(c, ex_child(configuration, "UserConfigurationName"), &error);
    if (!error && !strcmp(sb_switch("category_list", "kept"), "refused"))
        error = "ErrorAccessDenied";
    if (!error && make && m->categories)
        error = "ErrorItemSave"; /* there is one */
    if (!error && !make && !m->categories)
        error = "ErrorItemNotFound";
    if (!error)
        error = take(m, configuration);
    ex_begin(c, message, error);
    if (!error)
        ex_end(c, message);
}

void ex_create_configuration(struct ex_call *c)
{
    write_configuration(c, "CreateUserConfigurationResponseMessage", true);
}

void ex_update_configuration(struct ex_call *c)
{
    write_configuration(c, "UpdateUserConfigurationResponseMessage", false);
}

/* ---- as a person would
 * ------------------------------------------------------------------------------------------ */

/* In the list, and on every item that bears it. */
bool ex_category_rename(struct ex_mailbox *m, const char *from, const char *to)
{
    struct sb_buf old = {0}, new = {0}, b = {0};
    sb_buf_str(&old, " name=\"");
    ex_escape(&old, from);
    sb_buf_str(&old, "\"");
    sb_buf_str(&new, " name=\"");
    ex_escape(&new, to);
    sb_buf_str(&new, "\"");
    char *at = m->categories ? strstr(m->categories, old.data) : NULL;
    if (at) {
        sb_buf_add(&b, m->categories, (size_t)(at - m->categories));
        sb_buf_str(&b, new.data);
        sb_buf_str(&b, at + old.len);
        free(m->categories);
        m->categories = b.data;
    }
    sb_buf_free(&old);
    sb_buf_free(&new);
    for (size_t i = 0; i < m->n_items; i++) {
        struct ex_item *item = m->items[i];
        bool any = false;
        for (size_t c = 0; c < item->n_categories; c++)
            if (!strcmp(item->categories[c], from)) {
                ex_set(&item->categories[c], to);
                any = true;
            }
        if (any)
            ex_item_touch(m, item);
    }
    return at != NULL;
}
