/* The small readers of the Workbooks connector, each with what it must keep: a cursor comes back as
 * it was written, a note comes back as it was sent. */
#include <stdlib.h>
#include <string.h>

#include "details.h"
#include "fuzz.h"
#include "testhost.h"
#include "wb.h"

static void cursor_holds(struct wess_call *call, const uint8_t *data, size_t size)
{
    struct wb_cursor c, again;
    struct wess_slice out, twice;
    if (wb_cursor_read(call, (struct wess_slice){data, size}, &c) != WESS_OK)
        return;
    HOLDS(wb_cursor_write(call, &c, &out));
    HOLDS(wb_cursor_read(call, out, &again) == WESS_OK);
    HOLDS(again.seconds == c.seconds && again.id == c.id && again.snapshot == c.snapshot);
    HOLDS(again.n == c.n && again.total == c.total);
    HOLDS(wb_cursor_write(call, &again, &twice));
    HOLDS(out.len == twice.len && !memcmp(out.data, twice.data, out.len));
    for (size_t i = 1; i < c.n; i++)
        HOLDS(c.seen[i - 1].at < c.seen[i].at);
    wb_cursor_rest(&again, c.seconds / 2 + 1);
    for (size_t i = 0; i < again.n; i++)
        HOLDS(again.seen[i].at >= c.seconds / 2 + 1);
}

/* As a text in canonical form goes there and comes back. */
static void note_holds(struct testhost *th, const char *text)
{
    struct wess_arena *a = &th->arena;
    size_t len = strlen(text);
    char *plain = wb_html_to_text(&th->host, a, text);
    HOLDS(plain && strlen(plain) <= len + 1);
    HOLDS(!fuzz_is_utf8(text, len) || fuzz_is_utf8(plain, strlen(plain)));
    char *html = wb_text_to_html(&th->host, a, text, len);
    char *back = html ? wb_html_to_text(&th->host, a, html) : NULL;
    char *want = fuzz_copy((const uint8_t *)text, len);
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        if (text[i] != '\r')
            want[n++] = text[i];
    while (n && (want[n - 1] == '\n' || want[n - 1] == ' '))
        n--;
    want[n] = 0;
    HOLDS(back && !strcmp(back, want));
    free(want);
}

/* What is left of a description without its block is no longer, and in its order. */
static void block_holds(struct testhost *th, const char *text)
{
    char *block, *rest = wb_details_cut(&th->host, &th->arena, text, &block);
    size_t at = 0;
    HOLDS(rest && strlen(rest) <= strlen(text));
    for (const char *s = text; *s && rest[at]; s++)
        at += *s == rest[at];
    HOLDS(!rest[at]);
    HOLDS(block || !strcmp(rest, text));
}

static void json_holds(const char *text, size_t len)
{
    json_t *j = wb_parse(text, len);
    char number[24];
    if (json_is_object(j)) {
        wb_time_ms(json_object_get(j, "updated_at"));
        const char *id = wb_text(j, "id", number);
        HOLDS(!id || fuzz_is_utf8(id, strlen(id)));
    }
    json_decref(j);
    struct http_response r = {.body = (char *)(uintptr_t)text, .len = len, .status = 403};
    struct wess_error e = {0};
    enum wess_code rc = wb_judge(&r, true, &e);
    HOLDS(rc == WESS_AUTH || rc == WESS_TRANSIENT);
    fuzz_error_holds(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct testhost th;
    struct wess_conn conn = {0};
    struct fuzz_in in = {data, size};
    testhost_init(&th, NULL, 0);
    conn.host = &th.host;
    struct wess_call call = testhost_call(&th, &conn, "people");
    cursor_holds(&call, data, size);
    json_holds((const char *)data, size);
    char *text = fuzz_text(&in);
    note_holds(&th, text);
    block_holds(&th, text);
    free(text);
    testhost_fini(&th);
    return 0;
}
