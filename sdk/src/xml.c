#include "xml.h"

#include <libxml/parser.h>
#include <libxml/xmlreader.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DECLARATION_MAX 200u /* bytes in which an XML declaration ends, or is none of ours */
#define CODE_POINT_MAX 0x10ffffu
#define TAG_MAX (16u << 10)   /* bytes in which an element begins, attributes and all */
#define NAMESPACES_MOST 1024u /* that a document declares */
#define PLAIN_RUN 16u         /* bytes that are looked at together */

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* ---- what XML can carry
 * ----------------------------------------------------------------------------------- */

/* XML 1.0, 2.2. */
static bool is_char(uint32_t c)
{
    return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c <= 0xd7ff) ||
           (c >= 0xe000 && c <= 0xfffd) || (c >= 0x10000 && c <= CODE_POINT_MAX);
}

/* The bytes of a well-formed UTF-8 character that XML can carry; 0: it is none, one byte is bad. */
static size_t good_char(const unsigned char *s, size_t left)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (s[0] < 0x80)
        return is_char(s[0]);
    size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || len > left)
        return 0;
    uint32_t c = s[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3f);
    }
    return c >= least[len] && is_char(c) ? len : 0;
}

/* The length of a character reference to something that XML cannot carry; 0: `s` begins none. */
static size_t bad_reference(const char *s, size_t left)
{
    size_t i = 2, digits = 0;
    uint32_t c = 0;
    if (left < 4 || s[0] != '&' || s[1] != '#')
        return 0;
    uint32_t base = s[2] == 'x' ? 16 : 10;
    for (i += base == 16; i < left; i++, digits++) {
        char d = s[i];
        uint32_t v = d >= '0' && d <= '9'   ? (uint32_t)(d - '0')
                     : d >= 'a' && d <= 'f' ? (uint32_t)(d - 'a' + 10)
                     : d >= 'A' && d <= 'F' ? (uint32_t)(d - 'A' + 10)
                                            : 99;
        if (v >= base)
            break;
        c = c > CODE_POINT_MAX ? c : c * base + v;
    }
    return digits && i < left && s[i] == ';' && !is_char(c) ? i + 1 : 0;
}

/* Printable ASCII that begins neither a reference nor CDATA: it needs no look. */
static bool is_plain(char c)
{
    return (unsigned char)(c - 0x20) < 0x60 && c != '&' && c != '!';
}

/* As a loop of a fixed length it becomes a few instructions. */
static bool all_plain(const char *s)
{
    unsigned odd = 0;
    for (size_t i = 0; i < PLAIN_RUN; i++)
        odd |= (unsigned)((unsigned char)(s[i] - 0x20) >= 0x60) | (s[i] == '&') | (s[i] == '!');
    return !odd;
}

/* The bytes from `at` on that stay as they are. */
static size_t plain_run(const char *text, size_t at, size_t len)
{
    size_t i = at;
    while (len - i >= PLAIN_RUN && all_plain(text + i))
        i += PLAIN_RUN;
    while (i < len && is_plain(text[i]))
        i++;
    return i - at;
}

/* Where "[CDATA[" begins behind "<!". */
static bool opens_cdata(const char *text, size_t at, size_t len)
{
    static const char rest[] = "![CDATA[";
    return at && text[at - 1] == '<' && len - at >= sizeof(rest) - 1 &&
           !memcmp(text + at, rest, sizeof(rest) - 1);
}

/* Exchange sends references to what XML 1.0 forbids, in five to ten per cent of mailboxes. Dropped
 * here, they need no recovering parser, which would also take a truncated document for a short one.
 */
size_t xml_clean(char *text, size_t len)
{
    size_t out = 0;
    bool raw = false; /* within CDATA "&" means itself */
    for (size_t i = 0, drop = 0; i < len; i += drop) {
        size_t keep = raw ? 0 : plain_run(text, i, len);
        if (!keep) {
            drop = raw ? 0 : bad_reference(text + i, len - i);
            keep = drop ? 0 : good_char((const unsigned char *)text + i, len - i);
            drop = drop || keep ? drop : 1;
            raw = raw ? len - i < 3 || memcmp(text + i, "]]>", 3) != 0 : opens_cdata(text, i, len);
        } else {
            drop = 0;
        }
        if (out != i)
            memmove(text + out, text + i, keep);
        out += keep;
        i += keep;
    }
    if (out < len)
        text[out] = 0;
    return out;
}

/* ---- reading
 * ------------------------------------------------------------------------------------------ */

struct xml_in {
    xmlTextReader *reader;
    bool broken, over;
    bool taken; /* all that is below where it stands */
};

/* Another encoding would be misread in silence, and written back. */
static bool is_utf8_text(const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    char head[DECLARATION_MAX + 1];
    if (len >= 2 && ((s[0] >= 0xfe && s[1] >= 0xfe) || !s[0] || !s[1]))
        return false;
    size_t n = len < DECLARATION_MAX ? len : DECLARATION_MAX;
    memcpy(head, text, n);
    head[n] = 0;
    const char *end = strstr(head, "?>"), *name = strstr(head, "encoding");
    if (strlen(head) < n || !name || !end || name > end)
        return true;
    name += strcspn(name, "\"'");
    return !strncasecmp(name + (*name != 0), "utf-8", 5) ||
           !strncasecmp(name + (*name != 0), "us-ascii", 8);
}

/* A document type can only stand before the root. */
static bool has_doctype(const char *text, size_t len)
{
    const char *end = text + len;
    while (text < end) {
        text = memchr(text, '<', (size_t)(end - text));
        if (!text || end - text < 4)
            return false;
        if (text[1] == '?') {
            text = memmem(text, (size_t)(end - text), "?>", 2);
        } else if (!memcmp(text, "<!--", 4)) {
            text = memmem(text, (size_t)(end - text), "-->", 3);
        } else {
            return text[1] == '!';
        }
        if (!text)
            return false;
        text += 2;
    }
    return false;
}

/* ---- what would take the parser for ever: it compares each attribute of an element with all
 * before it, and each name with the namespaces that are in force
 * ------------------------------------------------------------------------------------------ */

/* The bytes of the start tag that begins there, at most `left`; 0: it is none. */
static size_t tag_length(const char *s, size_t left)
{
    char quote = 0;
    if (left < 2 || strchr("/!?", s[1]))
        return 0;
    for (size_t i = 1; i < left; i++) {
        if (quote ? s[i] == quote : s[i] == '"' || s[i] == '\'')
            quote = quote ? 0 : s[i];
        else if (!quote && s[i] == '>')
            return i;
    }
    return left;
}

/* No more than are too many. */
static size_t count_namespaces(const char *s, size_t len)
{
    static const char word[] = "xmlns";
    const char *end = s + len;
    size_t n = 0;
    /* "x" is rare in ids and names: looking for it alone costs less than memmem(). */
    while (n <= NAMESPACES_MOST && (s = memchr(s, *word, (size_t)(end - s)))) {
        bool is_it = (size_t)(end - s) >= sizeof(word) - 1 && !memcmp(s, word, sizeof(word) - 1);
        s += is_it ? sizeof(word) - 1 : 1;
        n += is_it;
    }
    return n;
}

/* Where the next "<" of mark-up is; within CDATA it means itself. */
static const char *next_mark(const char *at, const char *end)
{
    static const char cdata[] = "<![CDATA[";
    size_t left = (size_t)(end - at);
    if (left >= sizeof(cdata) && !memcmp(at, cdata, sizeof(cdata) - 1))
        at = memmem(at, left, "]]>", 3);
    return at && ++at < end ? memchr(at, '<', (size_t)(end - at)) : NULL;
}

static bool takes_for_ever(const char *text, size_t len)
{
    const char *end = text + len, *at = memchr(text, '<', len);
    bool many = count_namespaces(text, len) > NAMESPACES_MOST; /* in texts they mean nothing */
    size_t n = 0;
    for (const char *next; at && n <= NAMESPACES_MOST; at = next) {
        next = next_mark(at, end);
        size_t most = (size_t)((next ? next : end) - at);
        size_t tag = many || most > TAG_MAX ? tag_length(at, most) : 0;
        if (tag > TAG_MAX)
            return true;
        n += many ? count_namespaces(at, tag) : 0;
    }
    return n > NAMESPACES_MOST;
}

static void no_word(void *ctx, xmlError *e)
{
    (void)ctx; /* what is wrong is told by what the reader answers */
    (void)e;
}

struct xml_in *xml_in_new(char *text, size_t len, const char **why)
{
    const int options = XML_PARSE_NONET | XML_PARSE_NOCDATA | XML_PARSE_COMPACT |
                        XML_PARSE_NOERROR | XML_PARSE_NOWARNING;
    pthread_once(&once, xmlInitParser);
    *why = len > INT_MAX              ? "it is too large"
           : !is_utf8_text(text, len) ? "it is not in UTF-8"
           : has_doctype(text, len)   ? "it declares a document type"
                                      : NULL;
    if (*why)
        return NULL;
    len = xml_clean(text, len);
    if (takes_for_ever(text, len)) {
        *why = "it has too many attributes or namespaces";
        return NULL;
    }
    *why = "out of memory";
    struct xml_in *in = calloc(1, sizeof(*in));
    if (!in)
        return NULL;
    in->reader = xmlReaderForMemory(text, (int)len, NULL, "UTF-8", options);
    if (!in->reader) {
        free(in);
        return NULL;
    }
    xmlTextReaderSetStructuredErrorHandler(in->reader, no_word, NULL);
    *why = NULL;
    return in;
}

void xml_in_free(struct xml_in *in)
{
    if (!in)
        return;
    xmlFreeTextReader(in->reader);
    free(in);
}

static bool step(struct xml_in *in)
{
    int rc = in->broken || in->over ? 0
             : in->taken            ? xmlTextReaderNext(in->reader)
                                    : xmlTextReaderRead(in->reader);
    in->taken = false;
    in->broken |=
        rc < 0 || (rc > 0 && xmlTextReaderNodeType(in->reader) == XML_READER_TYPE_DOCUMENT_TYPE);
    in->over |= rc == 0;
    return rc > 0 && !in->broken;
}

/* Is the element of depth - 1, in which we look, at its end? */
static bool is_left(struct xml_in *in, int depth)
{
    int type = xmlTextReaderNodeType(in->reader), at = xmlTextReaderDepth(in->reader);
    if (type == XML_READER_TYPE_END_ELEMENT)
        return at < depth;
    return type == XML_READER_TYPE_ELEMENT && at < depth &&
           (at < depth - 1 || xmlTextReaderIsEmptyElement(in->reader) == 1);
}

const xmlNode *xml_in_next(struct xml_in *in, int depth)
{
    if (depth > 0 && is_left(in, depth))
        return NULL;
    while (step(in)) {
        int type = xmlTextReaderNodeType(in->reader), at = xmlTextReaderDepth(in->reader);
        if (type == XML_READER_TYPE_ELEMENT && at == depth)
            return xmlTextReaderCurrentNode(in->reader);
        if (is_left(in, depth))
            return NULL;
    }
    return NULL;
}

const xmlNode *xml_in_take(struct xml_in *in)
{
    const xmlNode *n = in->broken || in->over ? NULL : xmlTextReaderExpand(in->reader);
    in->broken |= !n;
    in->taken = n != NULL;
    return n;
}

bool xml_in_whole(struct xml_in *in)
{
    while (step(in))
        continue;
    return !in->broken;
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

/* Asked some thousand times an item, and mostly not so by the first letter. */
bool xml_is(const xmlNode *n, const char *name)
{
    return n && *n->name == (unsigned char)*name && !strcmp((const char *)n->name, name);
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
    const xmlAttr *a = n ? n->properties : NULL;
    while (a && (*a->name != (unsigned char)*name || strcmp((const char *)a->name, name) != 0))
        a = a->next;
    if (!a)
        return NULL;
    return a->children && a->children->content ? (const char *)a->children->content : "";
}

/* ---- writing
 * ------------------------------------------------------------------------------------------ */

void xml_begin(struct xml_out *x)
{
    pthread_once(&once, xmlInitParser); /* two threads may write before anything is read */
    x->buffer = xmlBufferCreate();
    x->w = x->buffer ? xmlNewTextWriterMemory(x->buffer, 0) : NULL;
    x->bad = !x->w || xmlTextWriterStartDocument(x->w, NULL, "UTF-8", NULL) < 0;
}

void xml_open(struct xml_out *x, const char *name)
{
    x->bad = x->bad || xmlTextWriterStartElement(x->w, (const xmlChar *)name) < 0;
}

/* A copy of the text that XML can carry; NULL: out of memory. */
static char *carried(const char *text, size_t len)
{
    char *out = malloc(len + 1);
    size_t n = 0, keep;
    for (size_t i = 0; out && i < len; i += keep ? keep : 1) {
        keep = plain_run(text, i, len);
        if (!keep)
            keep = good_char((const unsigned char *)text + i, len - i);
        memcpy(out + n, text + i, keep);
        n += keep;
    }
    if (out)
        out[n] = 0;
    return out;
}

static void discard(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

void xml_put_attr(struct xml_out *x, const char *name, const char *value)
{
    char *text = carried(value, strlen(value));
    x->bad = x->bad || !text ||
             xmlTextWriterWriteAttribute(x->w, (const xmlChar *)name, (const xmlChar *)text) < 0;
    discard(text);
}

void xml_put(struct xml_out *x, const char *text, size_t len)
{
    char *clean = carried(text, len);
    x->bad = x->bad || !clean || xmlTextWriterWriteString(x->w, (const xmlChar *)clean) < 0;
    discard(clean);
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
    if (x->buffer) {
        int len = xmlBufferLength(x->buffer);
        if (len > 0)
            explicit_bzero((void *)(uintptr_t)xmlBufferContent(x->buffer), (size_t)len);
        xmlBufferFree(x->buffer);
    }
    *x = (struct xml_out){0};
}
