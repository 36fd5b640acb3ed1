/* A mailbox's list of categories, the base64 that it comes in, and what becomes of it when some are
 * put in. */
#include <stdlib.h>
#include <string.h>

#include "ews.h"
#include "fuzz.h"
#include "testhost.h"

/* All that was there still is; what was added is there once, and is found again. */
static void put_in(struct wess_call *call, const char *xml, size_t len)
{
    static const char *const names[] = {"Workbooks", "A & B <\"'>", "work\xc3\x9f", "a,b"};
    size_t added, more, n, again;
    char *with = ews_list_with(call, xml, len, names, 4, &added, &n);
    if (!with)
        return;
    HOLDS(added <= 3 && n >= len && !with[n]);
    size_t same = 0, tail = 0;
    while (same < len && xml[same] == with[same])
        same++;
    while (tail < len - same && xml[len - 1 - tail] == with[n - 1 - tail])
        tail++;
    HOLDS(same + tail + 2 >= len); /* but for the end of a tag that was empty */
    char *twice = ews_list_with(call, with, n, names, 4, &more, &again);
    HOLDS(!twice || (!more && again == n && !memcmp(twice, with, n)));
    free(twice);
    free(with);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct testhost th;
    struct wess_conn conn = {0};
    size_t len = 0;
    testhost_init(&th, NULL, 0);
    conn.host = &th.host;
    struct wess_call call = testhost_call(&th, &conn, "contacts");
    char *text = fuzz_copy(data, size);
    char *decoded = ews_from_base64(text, &len);
    HOLDS(!decoded || (len <= strlen(text) && !decoded[len]));
    free(decoded);
    put_in(&call, text, size);
    const char *names = ews_category_names(&call, text, size);
    HOLDS(!names || fuzz_is_utf8(names, strlen(names)));
    free(text);
    testhost_fini(&th);
    return 0;
}
