/* XML for connectors, on libxml2: answers are read from start to end with only one small part of
 * them in memory as a tree; requests are written. No DOCTYPE, no entities, no network.
 *
 *     struct xml_in *in = xml_in_new(text, len, &why);     text is cleaned in place
 *     const xmlNode *root = xml_in_next(in, 0);
 *     while (xml_in_next(in, 1))                           the children of the root
 *         use(xml_in_take(in));                            one child, whole, until the next step
 *     bool good = xml_in_whole(in);                        else the document was cut off or broken
 *     xml_in_free(in);
 *
 * What XML 1.0 forbids and servers send all the same (control characters, bytes that are not UTF-8)
 * is dropped before parsing; any other fault ends the document, a truncated one above all. */
#ifndef WESS_SDK_XML_H
#define WESS_SDK_XML_H

#include <libxml/tree.h>
#include <libxml/xmlwriter.h>
#include <stdbool.h>

/* ---- reading
 * ------------------------------------------------------------------------------------------ */

struct xml_in;

/* `text` is writable, lives until xml_in_free(), and stays the caller's. NULL: *why is a short
 * static text. */
struct xml_in *xml_in_new(char *text, size_t len, const char **why);
void xml_in_free(struct xml_in *); /* NULL: nothing */
/* Steps to the next element at `depth` (the root is 0) within the element at hand, over whatever
 * lies deeper; its attributes can be read, its content is taken or stepped into. NULL: there is no
 * further one, or the document broke. */
const xmlNode *xml_in_next(struct xml_in *, int depth);
/* The element at hand with all its content, until the next step. NULL: the document broke. */
const xmlNode *xml_in_take(struct xml_in *);
/* Reads to the end: true if there was one, and nothing was wrong on the way. */
bool xml_in_whole(struct xml_in *);

/* What xml_in_new() does to a text, for tests: drops what XML cannot carry. The new length. */
size_t xml_clean(char *text, size_t len);

/* Elements by local name; NULL in, NULL out. */
const xmlNode *xml_first(const xmlNode *);
const xmlNode *xml_next(const xmlNode *);
const xmlNode *xml_child(const xmlNode *, const char *name);
bool xml_is(const xmlNode *, const char *name);
/* The text of an element when it is one text node, which is how answers come; "" when empty; not to
 * be freed. NULL in, NULL out. */
const char *xml_text(const xmlNode *);
const char *xml_attr(const xmlNode *, const char *name); /* "" when empty, NULL: absent */

/* ---- writing: names with their prefix; texts are cleaned of what XML cannot carry
 * ------------------------------------------------------------------------------------------ */

struct xml_out {
    xmlBuffer *buffer;
    xmlTextWriter *w;
    bool bad; /* out of memory somewhere */
};
void xml_begin(struct xml_out *);
void xml_open(struct xml_out *, const char *name);
void xml_put_attr(struct xml_out *, const char *name, const char *value);
void xml_put(struct xml_out *, const char *text, size_t len);
void xml_element(struct xml_out *, const char *name, const char *text);
void xml_close(struct xml_out *);
/* Ends what is open. *text lives until xml_fini(); NULL: out of memory. */
void xml_end(struct xml_out *, const char **text, size_t *len);
void xml_fini(struct xml_out *); /* wipes: a request holds what people wrote */

#endif
