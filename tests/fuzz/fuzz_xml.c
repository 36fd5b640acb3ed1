/* XML of a remote: read to any depth, never read twice differently; what is written is read back.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "xml.h"

#define ATTRIBUTE_MOST 2048u /* escaped six times as long: the reader refuses tags beyond 16 kB */

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
    if (size < ATTRIBUTE_MOST)
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
    cleaning_holds(data, size);
    writing_holds(data, size);
    return 0;
}
