/* XML for connectors, on libxml2: documents of a remote, and requests. No DOCTYPE, no entities, no
 * network. What XML 1.0 forbids and servers send all the same (control characters) is dropped; any
 * other fault refuses the document, a truncated one above all. */
#ifndef WESS_SDK_XML_H
#define WESS_SDK_XML_H

#include <libxml/tree.h>
#include <libxml/xmlwriter.h>
#include <stdbool.h>

/* NULL: *why is a short static text. The caller frees with xmlFreeDoc(). */
xmlDoc *xml_parse(const char *text, size_t len, const char **why);
/* Elements by local name; NULL in, NULL out. */
const xmlNode *xml_first(const xmlNode *);
const xmlNode *xml_next(const xmlNode *);
const xmlNode *xml_child(const xmlNode *, const char *name);
bool xml_is(const xmlNode *, const char *name);
/* The text of an element when it is one text node, which is how answers come; "" when empty; not to
 * be freed. NULL in, NULL out. */
const char *xml_text(const xmlNode *);
const char *xml_attr(const xmlNode *, const char *name); /* "" when empty, NULL: absent */

/* Writing: names with their prefix. Text is cleaned of what XML cannot carry. */
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
void xml_end(struct xml_out *, const char **text, size_t *len); /* lives until xml_fini() */
void xml_fini(struct xml_out *);

#endif
