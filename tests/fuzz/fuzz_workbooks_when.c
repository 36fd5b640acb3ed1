/* A time of an activity in any text, and any bytes as a value of a form that is sent in pieces. */
#include <stdlib.h>
#include <string.h>

#include "form.h"
#include "fuzz.h"
#include "testhost.h"
#include "upload.h"
#include "wb.h"
#include "zone.h"

static void when_holds(const char *text)
{
    struct wb_when w;
    char local[WESS_LOCAL_SIZE];
    if (!wb_when_read(text, &w))
        return;
    HOLDS(strlen(w.date) == 10 && wess_zone_known(w.zone));
    HOLDS(!w.timed || (w.ms > 0 && w.ms % 1000 == 0));
    HOLDS(!w.timed || (wess_zone_local(w.ms, w.zone, local) && !strcmp(local, w.local)));
    HOLDS(!w.timed || !strncmp(w.date, w.local, 10));
}

/* What goes out piece by piece is the form that would be made in memory. */
static void upload_holds(struct testhost *th, const char *data, size_t len, size_t piece)
{
    struct form whole = {0}, form = {0};
    struct wess_spool *s = NULL;
    struct wess_blob blob;
    struct wb_insert of = {.blob = &blob};
    struct wb_upload *u = calloc(1, sizeof(*u));
    HOLDS(u && th->host.blob_new(th->host.ctx, &s) == WESS_OK);
    HOLDS(th->host.blob_put(s, data, len) == WESS_OK);
    HOLDS(th->host.blob_done(s, &th->arena, &blob) == WESS_OK);
    form_addn(&whole, "a", data, len);
    form_add(&whole, "b", "c");
    form_add(&form, "a", "");
    of.at = form.len;
    form_add(&form, "b", "c");
    *u = (struct wb_upload){.host = &th->host, .form = &form, .of = &of, .n = 1};
    HOLDS(wb_upload_start(u) == WESS_OK && u->len == whole.len);
    char *out = malloc(whole.len + piece);
    for (size_t at = 0, n; at < whole.len; at += n) {
        n = wb_upload_read(u, at, out + at, piece);
        HOLDS(n > 0 && n <= piece);
    }
    HOLDS(!memcmp(out, whole.data, whole.len));
    wb_upload_end(u);
    free(out);
    free(u);
    form_fini(&form);
    form_fini(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = {data, size};
    struct testhost th;
    char *text = fuzz_text(&in), *rest = fuzz_copy(in.at, in.left);
    testhost_init(&th, NULL, 0);
    when_holds(text);
    upload_holds(&th, rest, in.left, 1 + size % 97);
    testhost_fini(&th);
    free(text);
    free(rest);
    return 0;
}
