/* A secret behind a name that says so is never shown, whatever stands around it. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "http_trace.h"

static void never(const char *text, size_t len, const char *secret)
{
    HOLDS(!len || !memmem(text, len, secret, strlen(secret)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char form[] = "\n&client_secret=S3CR3T&", json[] = ",\"access_token\":\"S3CR3T\",",
                      xml[] = "<t:Password>S3CR3T</t:Password>";
    static const struct {
        const char *text;
        size_t len;
    } with[] = {{form, sizeof(form) - 1}, {json, sizeof(json) - 1}, {xml, sizeof(xml) - 1}};
    struct trace t = {0};
    trace_head(&t, (const char *)data, size);
    trace_body(&t, (const char *)data, size);
    HOLDS(!t.spent);
    trace_fini(&t);
    if (size && memmem(data, size, "S3CR3T", 6))
        return 0;
    for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
        char *body = malloc(with[i].len + size);
        HOLDS(body);
        memcpy(body, with[i].text, with[i].len);
        if (size)
            memcpy(body + with[i].len, data, size);
        trace_body(&t, body, with[i].len + size);
        never(t.text, t.len, "S3CR3T");
        trace_fini(&t);
        free(body);
    }
    return 0;
}
