/* XML of a remote: read to any depth, never read twice differently; what is written is read back.
 */
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "xml.h"

/* Elements at this depth and below, each stepped into or taken whole as the input says. */
static size_t walk(struct xml_in *in, struct fuzz_in *how, int depth)
{
    size_t n = 0;
    const xmlNode *e;
    while ((e = xml_in_next(in, depth))) {
        HOLDS(e->type == XML_ELEMENT_NODE && e->name);
        n++;
        if (depth < 8 && fuzz_pick(how, 3)) {
            n += walk(in, how, depth + 1);
        } else if ((e = xml_in_take(in))) {
            const char *text = xml_text(e);
            HOLDS(fuzz_is_utf8(text, strlen(text)));
            for (const xmlNode *c = xml_first(e); c; c = xml_next(c))
                HOLDS(xml_child(e, (const char *)c->name) != NULL);
            xml_attr(e, "Id");
        }
    }
    return n;
}

static void cleaning_holds(const uint8_t *data, size_t size)
{
    char *text = fuzz_copy(data, size);
    size_t len = xml_clean(text, size);
    HOLDS(len <= size && fuzz_is_utf8(text, len));
    /* What is well-formed text already is left alone. */
    bool plain = fuzz_is_utf8((const char *)data, size) && !memchr(data, '&', size);
    for (size_t i = 0; i < size && plain; i++)
        plain = data[i] >= 0x20 && data[i] != 0xef; /* U+FFFE, U+FFFF */
    HOLDS(!plain || (len == size && !memcmp(text, data, size)));
    free(text);
}

static void writing_holds(const uint8_t *data, size_t size)
{
    struct xml_out x;
    const char *doc, *why;
    char *text = fuzz_copy(data, size), *copy;
    size_t len;
    xml_begin(&x);
    xml_open(&x, "a");
    xml_put_attr(&x, "Id", text);
    xml_put(&x, text, strlen(text));
    xml_end(&x, &doc, &len);
    HOLDS(doc);
    copy = fuzz_copy((const uint8_t *)doc, len);
    struct xml_in *in = xml_in_new(copy, len, &why);
    HOLDS(in && xml_in_next(in, 0) && xml_in_take(in) && xml_in_whole(in));
    xml_in_free(in);
    xml_fini(&x);
    free(copy);
    free(text);
}

/* ---- the same tree as libxml2 makes of it
 * ------------------------------------------------------------------------------------------ */

/* Of a prefix that nobody declared libxml2 makes a part of the name. */
static const char *local(const xmlChar *name)
{
    const char *colon = strchr((const char *)name, ':');
    return colon ? colon + 1 : (const char *)name;
}

static void show(FILE *out, const xmlNode *n)
{
    for (; n; n = n->next) {
        if (n->type == XML_TEXT_NODE)
            fprintf(out, "'%s'", (const char *)n->content);
        if (n->type != XML_ELEMENT_NODE)
            continue;
        fprintf(out, "<%s", local(n->name));
        for (const xmlAttr *a = n->properties; a; a = a->next)
            fprintf(out, " %s=\"%s\"", local(a->name),
                    a->children ? (const char *)a->children->content : "");
        fputc('>', out);
        show(out, n->children);
        fputs("</>", out);
    }
}

static char *shown(const xmlNode *root)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    HOLDS(out);
    show(out, root);
    fclose(out);
    return text;
}

/* "a:b:c" and ":a" libxml2 takes for names. */
static bool has_odd_name(const uint8_t *data, size_t size)
{
    return memchr(data, ':', size) != NULL;
}

static void reading_holds(const uint8_t *data, size_t size)
{
    const int options =
        XML_PARSE_NONET | XML_PARSE_NOCDATA | XML_PARSE_NOERROR | XML_PARSE_NOWARNING;
    const char *why;
    char *own = fuzz_copy(data, size), *other = fuzz_copy(data, size);
    struct xml_in *in = xml_in_new(own, size, &why);
    const xmlNode *root = in && xml_in_next(in, 0) ? xml_in_take(in) : NULL;
    bool whole = root && xml_in_whole(in);
    xmlDoc *doc = NULL;
    if (in) {
        size_t len = xml_clean(other, size);
        doc = xmlReadMemory(other, (int)len, NULL, "UTF-8", options);
    }
    HOLDS(whole || !doc || doc->intSubset || has_odd_name(data, size));
    if (whole && doc) {
        char *ours = shown(root), *theirs = shown(xmlDocGetRootElement(doc));
        HOLDS(!strcmp(ours, theirs));
        free(ours);
        free(theirs);
    }
    xmlFreeDoc(doc);
    xml_in_free(in);
    free(own);
    free(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *why = "unset";
    char *text = fuzz_copy(data, size);
    struct fuzz_in how = {data, size};
    struct xml_in *in = xml_in_new(text, size, &why);
    HOLDS((in == NULL) == (why != NULL));
    if (in) {
        size_t n = walk(in, &how, 0);
        HOLDS(!xml_in_whole(in) || n > 0);
    }
    xml_in_free(in);
    free(text);
    reading_holds(data, size);
    cleaning_holds(data, size);
    writing_holds(data, size);
    return 0;
}
