/* Names and values in a form: taken apart by another hand, they are what was put in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "form.h"
#include "fuzz.h"

static size_t decoded(char *out, const char *from, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned byte;
        if (from[i] != '%') {
            out[n++] = from[i] == '+' ? ' ' : from[i];
            continue;
        }
        HOLDS(len - i > 2 && sscanf((char[]){from[i + 1], from[i + 2], 0}, "%2x", &byte) == 1);
        out[n++] = (char)byte;
        i += 2;
    }
    return n;
}

/* The next name=value of the body is this one. */
static const char *expect(const char *at, const char *name, const char *value, size_t len)
{
    const char *end = strchrnul(at, '&'), *eq = memchr(at, '=', (size_t)(end - at));
    char *out = malloc((size_t)(end - at) + 1);
    HOLDS(out && eq && !memchr(eq + 1, '=', (size_t)(end - eq - 1)));
    HOLDS(decoded(out, at, (size_t)(eq - at)) == strlen(name));
    HOLDS(!memcmp(out, name, strlen(name)));
    HOLDS(decoded(out, eq + 1, (size_t)(end - eq - 1)) == len && !memcmp(out, value, len));
    free(out);
    return *end ? end + 1 : end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = {data, size};
    struct form f = {0};
    char *name = fuzz_text(&in), *value = fuzz_text(&in), *rest = fuzz_copy(in.at, in.left);
    char number[24];
    int64_t n = 0;
    memcpy(&n, data ? data : (const uint8_t *)"", size < sizeof(n) ? size : sizeof(n));
    snprintf(number, sizeof(number), "%lld", (long long)n);
    form_add(&f, name, value);
    form_number(&f, "n", n);
    form_addn(&f, value, rest, in.left);
    HOLDS(!f.spent && f.data && strlen(f.data) == f.len && f.len < f.cap);
    for (const char *s = f.data; *s; s++)
        HOLDS(*s > ' ' && *s < 0x7f && !strchr("#?<>\"", *s));
    const char *at = expect(f.data, name, value, strlen(value));
    at = expect(at, "n", number, strlen(number));
    HOLDS(!*expect(at, value, rest, in.left));
    form_fini(&f);
    free(name);
    free(value);
    free(rest);
    return 0;
}
