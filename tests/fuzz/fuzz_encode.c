/* Stored contents, damaged in any way: refused, or read as something that is written back as the
 * same bytes; every text that was read can be used. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "model/model.h"

static void used(const struct wess_field *f, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        HOLDS(strlen(f[i].name) < SIZE_MAX && f[i].type <= WESS_RECORDS);
        if (f[i].type == WESS_TEXT)
            HOLDS(!((const char *)f[i].str.data)[f[i].str.len]);
        for (size_t k = 0; f[i].type == WESS_SET && k < f[i].set.n; k++)
            HOLDS(f[i].set.of[k]);
        for (size_t k = 0; f[i].type == WESS_RECORDS && k < f[i].records.n; k++) {
            HOLDS(f[i].records.of[k].key);
            used(f[i].records.of[k].fields, f[i].records.of[k].n);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wess_arena *a = arena_new((size_t)8 << 20), *small = arena_new(512);
    char *exact = malloc(size ? size : 1);
    struct wess_slice in = {exact, size}, out;
    struct content c = {0}, again = {0};
    HOLDS(a && small && exact);
    if (size)
        memcpy(exact, data, size);
    if (content_decode(a, in, &c)) {
        used(c.fields, c.n);
        HOLDS(content_encode(a, &c, &out));
        HOLDS(out.len == size && !memcmp(out.data, data, size));
        HOLDS(content_equal(&c, &c));
        for (size_t i = 0; i < c.n; i++) {
            HOLDS(field_show(a, &c.fields[i]));
            HOLDS(c.fields[i].type == WESS_NULL || content_get(&c, c.fields[i].name));
        }
        HOLDS(content_title(a, &c));
    } else {
        HOLDS(!c.fields && !c.n);
    }
    /* Without memory it is refused. */
    HOLDS(content_decode(small, in, &again) || !again.n);
    arena_free(a);
    arena_free(small);
    free(exact);
    return 0;
}
