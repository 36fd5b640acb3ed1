/* The content of a message in an answer: the same however it is cut into pieces, and what is left
 * of the answer is a part of it. */
#include <stdlib.h>
#include <string.h>

#include "ews.h"
#include "fuzz.h"
#include "mime_cut.h"
#include "mime_row.h"
#include "testhost.h"

struct outcome {
    char *left;
    size_t len;
    bool whole;
    struct wess_blob blob;
};

static struct outcome cut(struct testhost *th, const uint8_t *data, size_t size, size_t piece)
{
    struct mime_cut m = {.host = &th->host, .element = "MimeContent"};
    struct outcome o = {.left = fuzz_copy(data, size)};
    HOLDS(th->host.blob_new(th->host.ctx, &m.spool) == WESS_OK);
    for (size_t at = 0; at < size; at += piece) {
        size_t n = size - at < piece ? size - at : piece;
        size_t kept = mime_cut(&m, o.left + at, n);
        HOLDS(kept <= n);
        memmove(o.left + o.len, o.left + at, kept);
        o.len += kept;
    }
    o.whole = mime_cut_end(&m);
    HOLDS(th->host.blob_done(m.spool, &th->arena, &o.blob) == WESS_OK);
    HOLDS(o.blob.size <= size * 3 / 4);
    return o;
}

/* The same of several in one answer: what is whole, and what is left. */
static struct outcome cut_row(struct testhost *th, const uint8_t *data, size_t size, size_t piece,
                              struct mime_row *r)
{
    struct wess_call call = {.arena = &th->arena};
    struct outcome o = {.left = fuzz_copy(data, size)};
    HOLDS(mime_row_begin(r, &call, &th->host, 4));
    for (size_t at = 0; at < size; at += piece) {
        size_t n = size - at < piece ? size - at : piece;
        size_t kept = mime_row_cut(r, o.left + at, n);
        HOLDS(kept <= n);
        memmove(o.left + o.len, o.left + at, kept);
        o.len += kept;
    }
    mime_row_end(r);
    HOLDS(r->bytes <= size * 3 / 4);
    return o;
}

static void row_holds(struct testhost *th, const uint8_t *data, size_t size)
{
    struct mime_row whole, some;
    struct outcome a = cut_row(th, data, size, size ? size : 1, &whole),
                   b = cut_row(th, data, size, 3, &some);
    HOLDS(a.len == b.len && !memcmp(a.left, b.left, a.len));
    for (size_t i = 0; i < 4; i++)
        HOLDS(whole.of[i].whole == some.of[i].whole &&
              (!whole.of[i].whole || !strcmp(whole.of[i].blob.digest, some.of[i].blob.digest)));
    free(a.left);
    free(b.left);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct testhost th;
    testhost_init(&th, NULL, 0);
    struct outcome whole = cut(&th, data, size, size ? size : 1);
    for (size_t piece = 1; piece < 8; piece++) {
        struct outcome o = cut(&th, data, size, piece);
        HOLDS(o.len == whole.len && !memcmp(o.left, whole.left, o.len));
        HOLDS(o.whole == whole.whole && !strcmp(o.blob.digest, whole.blob.digest));
        free(o.left);
    }
    free(whole.left);
    row_holds(&th, data, size);
    testhost_fini(&th);
    return 0;
}
