/* Fields as connectors show them, made canonical: sound, the same in any order, unchanged by a
 * second turn, and back from the store as they were. */
#include <stdlib.h>
#include <string.h>

#include "content.h"

static void stored_holds(struct wess_arena *a, const struct content *c)
{
    struct wess_slice bytes;
    struct content back;
    HOLDS(content_encode(a, c, &bytes) && content_decode(a, bytes, &back));
    HOLDS(content_equal(c, &back) && content_same_bytes(a, c, &back));
}

static void patch_holds(struct wess_arena *a, const struct content *base,
                        const struct content *patch)
{
    struct content out, again;
    HOLDS(content_patch(a, base, patch, &out));
    content_holds(&out);
    for (size_t i = 0; i < patch->n; i++)
        HOLDS(field_equal(content_get(&out, patch->fields[i].name), &patch->fields[i]));
    HOLDS(content_patch(a, &out, patch, &again) && content_same_bytes(a, &out, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wess_arena *a = arena_new((size_t)8 << 20), *small = arena_new(2048);
    const struct kind_def *kind = kind_find("contact");
    struct fuzz_in in = {data, size};
    struct wess_field raw[CONTENT_FIELDS_MAX];
    struct content c, again, other = {0};
    size_t bad = 0;
    HOLDS(a && small);
    size_t n = content_raw(&in, a, raw);
    HOLDS(content_canonical(kind, a, raw, n, NULL, &c, &bad));
    content_holds(&c);
    HOLDS(content_canonical(kind, a, c.fields, c.n, NULL, &again, &bad) && !bad);
    HOLDS(content_equal(&c, &again) && content_same_bytes(a, &c, &again));
    stored_holds(a, &c);
    for (size_t i = 0; i < c.n; i++)
        HOLDS(field_equal(&c.fields[i], &c.fields[i]) && field_alike(&c.fields[i], &c.fields[i]));
    struct content patch = content_drawn(&in, a);
    patch_holds(a, &c, &patch);
    HOLDS(content_equal(&c, &patch) == content_equal(&patch, &c));
    if (content_canonical(kind, small, raw, n, NULL, &other, NULL))
        HOLDS(content_same_bytes(a, &c, &other));
    arena_free(a);
    arena_free(small);
    return 0;
}
