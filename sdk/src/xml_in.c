/* The reader of xml.h: it works in the text itself. Names and values stay where they came, decoded
 * and ended by a zero in place of what followed them; only the nodes that lead to them are made, of
 * libxml2's kind. */
#include <libxml/parserInternals.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "xml.h"

#define DECLARATION_MAX 200u /* bytes in which an XML declaration ends, or is none of ours */
#define DEPTH_MAX 256        /* elements in one another, as in libxml2 */
#define ATTRS_MAX 256        /* of an element */
#define BLOCK_BYTES (32u << 10)
#define CODE_POINT_MAX 0x10ffffu

/* ---- memory of nodes: what lies behind a mark is given back at once
 * ------------------------------------------------------------------------------------------ */

struct block {
    struct block *next;
    size_t used;
    _Alignas(max_align_t) char data[BLOCK_BYTES];
};
struct mark {
    struct block *block; /* NULL: none yet */
    size_t used;
};
struct open {
    const char *name; /* with its prefix */
    size_t len;
    struct mark inside; /* of its first child */
};
struct xml_in {
    char *at, *end;
    struct block *first, *last;
    struct open open[DEPTH_MAX];
    int depth;      /* elements that are open */
    xmlNode *hand;  /* the element that xml_in_next() stands at; NULL: none */
    xmlNode *text;  /* the text that goes on where `tail` is; NULL: another one begins */
    char *tail;     /* its zero */
    bool markup;    /* at is behind a '<' */
    bool empty;     /* the element just opened ends as well */
    bool root_seen; /* or begun */
    bool broken, over;
};

static struct mark mark_now(const struct xml_in *in)
{
    return (struct mark){in->last, in->last ? in->last->used : 0};
}

static void give_back(struct xml_in *in, struct mark m)
{
    in->last = m.block ? m.block : in->first;
    if (in->last)
        in->last->used = m.block ? m.used : 0;
}

static void *room(struct xml_in *in, size_t size)
{
    size_t whole = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
    struct block *b = in->last;
    if (!b || BLOCK_BYTES - b->used < whole) {
        struct block **next = b ? &b->next : &in->first;
        struct block *had = *next;
        if (!had && !(had = malloc(sizeof(*had))))
            return NULL;
        if (!*next)
            had->next = NULL;
        *next = in->last = b = had;
        b->used = 0;
    }
    void *p = memset(b->data + b->used, 0, whole);
    b->used += whole;
    return p;
}

/* ---- characters
 * ------------------------------------------------------------------------------------------ */

enum {
    SPACE = 1,
    NAME_FIRST = 2, /* may begin a name */
    NAME = 4,       /* may go on in one */
    IN_TEXT = 8,    /* wants a look, in text */
    IN_VALUE = 16,  /* wants a look, in the value of an attribute */
};

/* XML 1.0, 2.3. Beyond ASCII every character may stand in a name. */
static unsigned char kind_of(unsigned char c)
{
    bool letter = (c | 32) >= 'a' && (c | 32) <= 'z';
    bool first = letter || c == '_' || c == ':' || c >= 0x80;
    bool name = first || (c >= '0' && c <= '9') || c == '-' || c == '.';
    bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    unsigned kind = (space ? SPACE : 0u) | (first ? NAME_FIRST : 0u) | (name ? NAME : 0u);
    if (c == '<' || c == '&' || c == '\r' || c == ']')
        kind |= IN_TEXT;
    if (c == '<' || c == '&' || c == '"' || c == '\'' || (space && c != ' '))
        kind |= IN_VALUE;
    return (unsigned char)kind;
}

static unsigned char kinds[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_kinds(void)
{
    for (unsigned c = 0; c < sizeof(kinds); c++)
        kinds[c] = kind_of((unsigned char)c);
}

static bool is(char c, unsigned kind)
{
    return (kinds[(unsigned char)c] & kind) != 0;
}

static char *skip(char *p, const char *end, unsigned kind)
{
    while (p < end && is(*p, kind))
        p++;
    return p;
}

static bool begins(const char *p, const char *end, const char *with)
{
    size_t len = strlen(with);
    return (size_t)(end - p) >= len && !memcmp(p, with, len);
}

static char *put_utf8(char *out, uint32_t c)
{
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    int len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    if (len == 1) {
        *out = (char)c;
        return out + 1;
    }
    for (int i = len - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(lead[len] | c);
    return out + len;
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : 16;
}

/* "#38;" or "#x26;", behind the '&'; shorter than what stands for it nowhere. */
static char *number(char *p, const char *end, char **out)
{
    int base = p + 1 < end && p[1] == 'x' ? 16 : 10;
    uint32_t c = 0;
    char *from = p += base == 16 ? 2 : 1;
    for (; p < end && digit_of(*p) < base; p++)
        c = c > CODE_POINT_MAX ? c : c * (uint32_t)base + (uint32_t)digit_of(*p);
    if (p == from || p == end || *p != ';' || !xml_can_carry(c))
        return NULL;
    *out = put_utf8(*out, c);
    return p + 1;
}

/* What stands for one character, from its '&' on. NULL: it is none. */
static char *reference(char *p, const char *end, char **out)
{
    static const struct {
        const char *name;
        char means;
    } known[] = {{"amp;", '&'}, {"lt;", '<'}, {"gt;", '>'}, {"quot;", '"'}, {"apos;", '\''}};
    if (++p < end && *p == '#')
        return number(p, end, out);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (begins(p, end, known[i].name)) {
            *(*out)++ = known[i].means;
            return p + strlen(known[i].name);
        }
    return NULL;
}

/* One character that wants a look, in a text or value; NULL: it may not stand there. 2.11, 3.3.3.
 */
static char *odd(char *p, const char *end, bool value, char **out)
{
    if (*p == '&')
        return reference(p, end, out);
    if (*p == '<' || (!value && begins(p, end, "]]>")))
        return NULL;
    if (*p == '\r' && p + 1 < end && p[1] == '\n')
        p++;
    *(*out)++ = !value ? (*p == '\r' ? '\n' : *p) : is(*p, SPACE) ? ' ' : *p;
    return p + 1;
}

/* Decodes from `p` up to `until`, to where *out is; where that stands, NULL: it does not, or what
 * comes before is not well-formed. */
static char *decode(char *p, const char *end, char until, char **out)
{
    bool value = until != '<';
    for (;;) {
        char *run = p;
        while (p < end && !is(*p, value ? IN_VALUE : IN_TEXT))
            p++;
        if (*out != run)
            memmove(*out, run, (size_t)(p - run));
        *out += p - run;
        if (p == end)
            return NULL;
        if (*p == until)
            return p;
        if (!(p = odd(p, end, value, out)))
            return NULL;
    }
}

/* ---- pieces of the document
 * ------------------------------------------------------------------------------------------ */

enum piece { OPENED, CLOSED, OTHER, BROKEN, OVER };

static void append(xmlNode *parent, xmlNode *child)
{
    child->parent = parent;
    child->prev = parent->last;
    if (parent->last)
        parent->last->next = child;
    else
        parent->children = child;
    parent->last = child;
}

static xmlNode *text_node(struct xml_in *in, xmlNode *parent, char *content)
{
    xmlNode *n = room(in, sizeof(*n));
    if (!n)
        return NULL;
    n->type = XML_TEXT_NODE;
    n->name = xmlStringText; /* by which libxml2 knows it */
    n->content = (xmlChar *)content;
    if (parent)
        append(parent, n);
    return n;
}

/* Text that lies at [from, to), and goes on with what the last one ended with. */
static bool add_text(struct xml_in *in, xmlNode *parent, char *from, char *to)
{
    if (!parent || from == to)
        return true;
    if (in->text) {
        memmove(in->tail, from, (size_t)(to - from));
        in->tail += to - from;
    } else {
        in->text = text_node(in, parent, from);
        in->tail = to;
    }
    *in->tail = 0;
    return in->text != NULL;
}

/* Up to the next '<', which a zero may stand for from now on. */
static enum piece read_text(struct xml_in *in, xmlNode *parent)
{
    char *from = in->at, *to = from;
    if (!in->depth) {
        in->at = skip(from, in->end, SPACE);
        if (in->at == in->end)
            return in->root_seen ? OVER : BROKEN;
        to = in->at;
        if (*to != '<')
            return BROKEN;
    } else if (!(in->at = decode(from, in->end, '<', &to))) {
        return BROKEN;
    } else if (!add_text(in, parent, from, to)) {
        return BROKEN;
    }
    in->at++;
    in->markup = true;
    return OTHER;
}

static enum piece read_cdata(struct xml_in *in, xmlNode *parent)
{
    char *from = in->at + strlen("![CDATA["), *to = from;
    char *stop = memmem(from, (size_t)(in->end - from), "]]>", 3);
    if (!stop || !in->depth)
        return BROKEN;
    for (char *p = from; p < stop; p++)
        if (*p != '\r')
            *to++ = *p;
        else if (p[1] != '\n')
            *to++ = '\n';
    in->at = stop + 3;
    return add_text(in, parent, from, to) ? OTHER : BROKEN;
}

static enum piece read_comment(struct xml_in *in)
{
    char *from = in->at + strlen("!--");
    char *stop = memmem(from, (size_t)(in->end - from), "--", 2);
    if (!stop || stop + 2 == in->end || stop[2] != '>')
        return BROKEN;
    in->at = stop + 3;
    return OTHER;
}

static enum piece read_instruction(struct xml_in *in)
{
    char *name = in->at + 1, *behind = skip(name, in->end, NAME);
    char *stop = memmem(behind, (size_t)(in->end - behind), "?>", 2);
    bool named = behind > name && is(*name, NAME_FIRST);
    bool reserved = behind - name == 3 && !strncasecmp(name, "xml", 3);
    if (!stop || !named || reserved || (stop != behind && !is(*behind, SPACE)))
        return BROKEN;
    in->at = stop + 2;
    return OTHER;
}

/* The name from `p` on, with a prefix or none. NULL: it is none. */
static char *name_end(char *p, const char *end)
{
    char *behind = p < end && is(*p, NAME_FIRST) ? skip(p, end, NAME) : p;
    char *colon = memchr(p, ':', (size_t)(behind - p));
    bool ok = behind > p && behind < end;
    if (ok && colon)
        ok = colon > p && colon + 1 < behind && is(colon[1], NAME_FIRST) &&
             !memchr(colon + 1, ':', (size_t)(behind - colon - 1));
    return ok ? behind : NULL;
}

static const xmlChar *local(const char *name)
{
    const char *colon = strchr(name, ':');
    return (const xmlChar *)(colon ? colon + 1 : name);
}

static bool twice(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

/* Declarations of prefixes are none. */
static bool add_attr(struct xml_in *in, xmlNode *n, xmlAttr **last, char *name, char *value)
{
    if (!strcmp(name, "xmlns") || !strncmp(name, "xmlns:", 6))
        return true;
    xmlAttr *a = room(in, sizeof(*a));
    xmlNode *text = a && *value ? text_node(in, NULL, value) : NULL;
    if (!a || (*value && !text))
        return false;
    a->type = XML_ATTRIBUTE_NODE;
    a->name = local(name);
    a->parent = n;
    a->children = a->last = text;
    if (text)
        text->parent = (xmlNode *)a;
    a->prev = *last;
    if (*last)
        (*last)->next = a;
    else
        n->properties = a;
    *last = a;
    return true;
}

/* name = "value", from `p` on; where it ends, NULL: it is none. */
static char *read_attr(struct xml_in *in, xmlNode *n, xmlAttr **last, char *p, const char **name)
{
    char *behind = name_end(p, in->end), *equals = behind ? skip(behind, in->end, SPACE) : NULL;
    if (!equals || equals == in->end || *equals != '=')
        return NULL;
    char *quote = skip(equals + 1, in->end, SPACE), *value = quote + 1, *to = value;
    if (quote == in->end || (*quote != '"' && *quote != '\''))
        return NULL;
    char *stop = decode(value, in->end, *quote, &to);
    if (!stop)
        return NULL;
    *behind = *to = 0;
    *name = p;
    return add_attr(in, n, last, p, value) ? stop + 1 : NULL;
}

/* The attributes from `p` on, and the end of the tag: behind that, or NULL. `c` stood at `p`. */
static char *read_attrs(struct xml_in *in, xmlNode *n, char *p, char c)
{
    const char *names[ATTRS_MAX];
    xmlAttr *last = NULL;
    for (size_t count = 0;; count++) {
        bool gap = is(c, SPACE);
        if (gap) {
            p = skip(p + 1, in->end, SPACE);
            if (p == in->end)
                return NULL;
            c = *p;
        }
        in->empty = c == '/';
        if (c == '>')
            return p + 1;
        if (c == '/')
            return p + 1 < in->end && p[1] == '>' ? p + 2 : NULL;
        p = gap && count < ATTRS_MAX ? read_attr(in, n, &last, p, &names[count]) : NULL;
        if (!p || p == in->end || twice(names, count, names[count]))
            return NULL;
        c = *p;
    }
}

/* An element begins: below `parent`, which is wanted whole, or in place of its last sibling. */
static enum piece read_start(struct xml_in *in, xmlNode *parent, xmlNode **out)
{
    char *name = in->at, *behind = name_end(name, in->end);
    if (!behind || in->depth == DEPTH_MAX || (!in->depth && in->root_seen))
        return BROKEN;
    if (!parent && in->depth)
        give_back(in, in->open[in->depth - 1].inside);
    xmlNode *n = room(in, sizeof(*n));
    char c = *behind;
    *behind = 0;
    if (!n)
        return BROKEN;
    n->type = XML_ELEMENT_NODE;
    n->name = local(name);
    in->at = read_attrs(in, n, behind, c);
    if (!in->at)
        return BROKEN;
    if (parent)
        append(parent, n);
    in->open[in->depth++] = (struct open){name, (size_t)(behind - name), mark_now(in)};
    in->root_seen = true;
    *out = n;
    return OPENED;
}

static enum piece read_end(struct xml_in *in)
{
    char *name = in->at + 1;
    const struct open *o = in->depth ? &in->open[in->depth - 1] : NULL;
    if (!o || !begins(name, in->end, o->name))
        return BROKEN;
    in->at = skip(name + o->len, in->end, SPACE);
    if (in->at == in->end || *in->at++ != '>')
        return BROKEN;
    in->depth--;
    return CLOSED;
}

static enum piece read_markup(struct xml_in *in, xmlNode *parent, xmlNode **out)
{
    in->markup = false;
    if (begins(in->at, in->end, "![CDATA["))
        return read_cdata(in, parent);
    in->text = NULL;
    if (in->at == in->end)
        return BROKEN;
    if (begins(in->at, in->end, "!--"))
        return read_comment(in);
    return *in->at == '/'   ? read_end(in)
           : *in->at == '?' ? read_instruction(in)
                            : read_start(in, parent, out);
}

/* The next piece; texts go below `parent`, if that is wanted whole. */
static enum piece step(struct xml_in *in, xmlNode *parent, xmlNode **out)
{
    enum piece what = OTHER;
    if (in->broken || in->over)
        return in->broken ? BROKEN : OVER;
    if (in->empty) {
        in->empty = false;
        in->depth--;
        return CLOSED;
    }
    while (what == OTHER)
        what = in->markup ? read_markup(in, parent, out) : read_text(in, parent);
    in->broken |= what == BROKEN;
    in->over |= what == OVER;
    return what;
}

/* ---- the interface
 * ------------------------------------------------------------------------------------------ */

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

/* A byte order mark and an XML declaration, which can only stand at the very start. */
static char *behind_declaration(char *p, const char *end)
{
    if (begins(p, end, "\xef\xbb\xbf"))
        p += 3;
    if (!begins(p, end, "<?xml") || p + 5 == end || !is(p[5], SPACE))
        return p;
    char *stop = memmem(p, (size_t)(end - p), "?>", 2);
    return stop ? stop + 2 : p;
}

struct xml_in *xml_in_new(char *text, size_t len, const char **why)
{
    pthread_once(&once, make_kinds);
    *why = !is_utf8_text(text, len) ? "it is not in UTF-8"
           : has_doctype(text, len) ? "it declares a document type"
                                    : NULL;
    if (*why)
        return NULL;
    struct xml_in *in = malloc(sizeof(*in));
    if (!in) {
        *why = "out of memory";
        return NULL;
    }
    *in = (struct xml_in){.end = text + xml_clean(text, len)};
    in->at = behind_declaration(text, in->end);
    return in;
}

void xml_in_free(struct xml_in *in)
{
    while (in && in->first) {
        struct block *next = in->first->next;
        free(in->first);
        in->first = next;
    }
    free(in);
}

const xmlNode *xml_in_next(struct xml_in *in, int depth)
{
    xmlNode *n = NULL;
    in->hand = NULL;
    while (in->depth >= depth) {
        enum piece what = step(in, NULL, &n);
        if (what == OPENED && in->depth == depth + 1)
            return in->hand = n;
        if (what == BROKEN || what == OVER)
            return NULL;
    }
    return NULL;
}

const xmlNode *xml_in_take(struct xml_in *in)
{
    xmlNode *whole = in->hand, *at = whole, *n = NULL;
    int outside = in->depth - 1;
    in->hand = NULL;
    in->text = NULL;
    while (at && in->depth > outside) {
        enum piece what = step(in, at, &n);
        at = what == OPENED ? n : what == CLOSED && at != whole ? at->parent : at;
        if (what == BROKEN || what == OVER)
            whole = at = NULL;
    }
    in->text = NULL;
    in->broken |= !whole;
    return whole;
}

bool xml_in_whole(struct xml_in *in)
{
    xmlNode *n;
    in->hand = NULL;
    while (!in->over && !in->broken)
        step(in, NULL, &n);
    return !in->broken;
}
