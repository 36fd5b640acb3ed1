/* Documents come out the same however the bytes arrive, none lost, none made up. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "stream.h"

struct seen {
    char *text;
    size_t len, n;
};

static void take(void *ctx, char *document, size_t len)
{
    struct seen *s = ctx;
    HOLDS(len >= 11 && document[len - 1] == '>' && document[len] == 0);
    memcpy(s->text + s->len, document, len);
    s->len += len;
    s->n++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ews_stream whole = {0}, parts = {0};
    struct seen a = {.text = malloc(size + 1)}, b = {.text = malloc(size + 1)};
    size_t step = size ? data[0] % 7 + 1u : 1;
    HOLDS(a.text && b.text);
    if (ews_stream_add(&whole, (const char *)data, size, take, &a)) {
        for (size_t at = 0; at < size; at += step)
            HOLDS(ews_stream_add(&parts, (const char *)data + at,
                                 size - at < step ? size - at : step, take, &b));
        HOLDS(a.n == b.n && a.len == b.len && whole.len == parts.len);
        HOLDS(!a.len || (!memcmp(a.text, data, a.len) && !memcmp(b.text, data, a.len)));
    }
    ews_stream_fini(&whole);
    ews_stream_fini(&parts);
    free(a.text);
    free(b.text);
    return 0;
}
