/* Answers of a token endpoint: what is taken is fit for a header or a terminal, and every refusal
 * is told. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "token.h"

static void visible(const char *text, size_t max, char least)
{
    HOLDS(!text || (*text && strlen(text) <= max));
    for (; text && *text; text++)
        HOLDS(*text >= least && *text <= 0x7e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct token_answer a;
    struct wess_error e = {0};
    const char *why = NULL;
    char *text = fuzz_copy(data, size);
    if (token_read(text, size, &a, &why)) {
        HOLDS(!why && (a.access || a.device_code || a.error[0]));
        enum wess_code rc = token_judge(&a, 400, &e);
        HOLDS(rc == WESS_AUTH || rc == WESS_BROKEN || rc == WESS_TRANSIENT);
        HOLDS(e.text[0]);
        fuzz_error_holds(&e);
    } else {
        HOLDS(why);
    }
    visible(a.access, TOKEN_MAX, 0x21);
    visible(a.refresh, TOKEN_MAX, 0x21);
    visible(a.device_code, TOKEN_MAX, 0x21);
    visible(a.user_code, 256, 0x20);
    visible(a.verification_uri, 256, 0x21);
    HOLDS(memchr(a.error, 0, sizeof(a.error)) && a.number >= 0);
    HOLDS(a.expires_in_s >= 0 && a.expires_in_s <= 366 * 86400 && a.interval_s >= 0);
    token_fini(&a);
    free(text);
    return 0;
}
