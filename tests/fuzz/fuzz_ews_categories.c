/* A mailbox's list of categories, and the base64 that it comes in. */
#include <stdlib.h>
#include <string.h>

#include "ews.h"
#include "fuzz.h"
#include "testhost.h"

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
    const char *names = ews_category_names(&call, text, size);
    HOLDS(!names || fuzz_is_utf8(names, strlen(names)));
    free(text);
    testhost_fini(&th);
    return 0;
}
