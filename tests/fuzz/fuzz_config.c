/* A configuration of any text: refused with places, or whole. */
#include "config_host.h"

static void expires(void *ctx, const char *endpoint, const char *secret, int64_t days)
{
    HOLDS(!ctx && endpoint && secret && days < 100000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char csv[] = "id,name,mailbox,workbooks,wave\nada,Ada,ada@example.com,11,pilot\n";
    struct config *c = config_try((const char *)data, size, csv, sizeof(csv) - 1);
    if (c)
        config_expiries(c, 1795000000000, expires, NULL);
    config_free(c);
    return 0;
}
