#include "xml.h"

#include <libxml/parser.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* ---- reading
 * ------------------------------------------------------------------------------------------------
 */

/* Sees every fault; `_private` of the context tells whether one was more than a bad character. */
static void on_error(void *ctx, xmlError *e)
{
    xmlParserCtxt *parser = ctx;
    bool *fatal = parser->_private;
    if (e->level >= XML_ERR_ERROR && e->code != XML_ERR_INVALID_CHARREF &&
        e->code != XML_ERR_INVALID_CHAR)
        *fatal = true;
}

static void drop_bad_bytes(xmlNode *n)
{
    for (; n; n = n->next) {
        if (n->type == XML_TEXT_NODE && n->content && !xmlCheckUTF8(n->content)) {
            xmlChar *out = n->content;
            for (const xmlChar *s = n->content; *s;) {
                int len = 4;
                int c = xmlGetUTF8Char(s, &len);
                if (c < 0) {
                    s++;
                    continue;
                }
                memmove(out, s, (size_t)len);
                out += len;
                s += len;
            }
            *out = 0;
        }
        if (n->type == XML_ELEMENT_NODE)
            drop_bad_bytes(n->children);
    }
}

xmlDoc *xml_parse(const char *text, size_t len, const char **why)
{
    const int options = XML_PARSE_RECOVER | XML_PARSE_NONET | XML_PARSE_HUGE | XML_PARSE_NOCDATA |
                        XML_PARSE_COMPACT | XML_PARSE_NODICT;
    bool fatal = false;
    *why = "it is not XML";
    pthread_once(&once, xmlInitParser);
    if (len > INT_MAX)
        return NULL;
    xmlParserCtxt *ctxt = xmlNewParserCtxt();
    if (!ctxt)
        return NULL;
    ctxt->_private = &fatal;
    ctxt->sax->serror = on_error;
    xmlDoc *doc = xmlCtxtReadMemory(ctxt, text, (int)len, NULL, NULL, options);
    if (doc && (doc->intSubset || doc->extSubset)) {
        *why = "it declares a document type";
        fatal = true;
    } else if (fatal) {
        *why = "it is cut off or malformed";
    }
    xmlFreeParserCtxt(ctxt);
    if (doc && (fatal || !xmlDocGetRootElement(doc))) {
        xmlFreeDoc(doc);
        return NULL;
    }
    if (doc)
        drop_bad_bytes(doc->children);
    return doc;
}

const xmlNode *xml_first(const xmlNode *n)
{
    const xmlNode *c = n ? n->children : NULL;
    while (c && c->type != XML_ELEMENT_NODE)
        c = c->next;
    return c;
}

const xmlNode *xml_next(const xmlNode *n)
{
    const xmlNode *c = n ? n->next : NULL;
    while (c && c->type != XML_ELEMENT_NODE)
        c = c->next;
    return c;
}

bool xml_is(const xmlNode *n, const char *name)
{
    return n && !strcmp((const char *)n->name, name);
}

const xmlNode *xml_child(const xmlNode *n, const char *name)
{
    const xmlNode *c = xml_first(n);
    while (c && !xml_is(c, name))
        c = xml_next(c);
    return c;
}

const char *xml_text(const xmlNode *n)
{
    if (!n)
        return NULL;
    const xmlNode *t = n->children;
    while (t && t->type != XML_TEXT_NODE)
        t = t->next;
    return t && t->content ? (const char *)t->content : "";
}

const char *xml_attr(const xmlNode *n, const char *name)
{
    const xmlAttr *a = n ? xmlHasProp((xmlNode *)(uintptr_t)n, (const xmlChar *)name) : NULL;
    if (!a)
        return NULL;
    return a->children && a->children->content ? (const char *)a->children->content : "";
}

/* ---- writing
 * ------------------------------------------------------------------------------------------------
 */

void xml_begin(struct xml_out *x)
{
    x->buffer = xmlBufferCreate();
    x->w = x->buffer ? xmlNewTextWriterMemory(x->buffer, 0) : NULL;
    x->bad = !x->w || xmlTextWriterStartDocument(x->w, NULL, "UTF-8", NULL) < 0;
}

void xml_open(struct xml_out *x, const char *name)
{
    x->bad = x->bad || xmlTextWriterStartElement(x->w, (const xmlChar *)name) < 0;
}

void xml_put_attr(struct xml_out *x, const char *name, const char *value)
{
    x->bad = x->bad ||
             xmlTextWriterWriteAttribute(x->w, (const xmlChar *)name, (const xmlChar *)value) < 0;
}

/* U+0000-0008, 000B, 000C, 000E-001F, FFFE and FFFF can be sent in no form. */
static bool can_carry(const char *s, size_t left, size_t *len)
{
    unsigned char c = (unsigned char)*s;
    *len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (*len > left)
        *len = left;
    if (c < 0x20)
        return c == '\t' || c == '\n' || c == '\r';
    return !(*len == 3 && c == 0xef && (unsigned char)s[1] == 0xbf && (unsigned char)s[2] >= 0xbe);
}

void xml_put(struct xml_out *x, const char *text, size_t len)
{
    char *clean = malloc(len + 1);
    size_t n = 0, step;
    if (!clean) {
        x->bad = true;
        return;
    }
    for (size_t i = 0; i < len; i += step)
        if (can_carry(text + i, len - i, &step)) {
            memcpy(clean + n, text + i, step);
            n += step;
        }
    clean[n] = 0;
    x->bad = x->bad || xmlTextWriterWriteString(x->w, (const xmlChar *)clean) < 0;
    free(clean);
}

void xml_element(struct xml_out *x, const char *name, const char *text)
{
    xml_open(x, name);
    xml_put(x, text, strlen(text));
    xml_close(x);
}

void xml_close(struct xml_out *x)
{
    x->bad = x->bad || xmlTextWriterEndElement(x->w) < 0;
}

void xml_end(struct xml_out *x, const char **text, size_t *len)
{
    x->bad = x->bad || xmlTextWriterEndDocument(x->w) < 0 || xmlTextWriterFlush(x->w) < 0;
    *text = x->bad ? NULL : (const char *)xmlBufferContent(x->buffer);
    *len = x->bad ? 0 : (size_t)xmlBufferLength(x->buffer);
}

void xml_fini(struct xml_out *x)
{
    if (x->w)
        xmlFreeTextWriter(x->w);
    if (x->buffer)
        xmlBufferFree(x->buffer);
    *x = (struct xml_out){0};
}
