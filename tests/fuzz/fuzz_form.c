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

#define MARK "form-data-0123456789"

/* The next part has this head, and this value. */
static const char *expect_part(const struct form *f, const char *at, const char *head,
                               const char *value, size_t len)
{
    size_t n = strlen(head);
    HOLDS((size_t)(f->data + f->len - at) >= n + len && !memcmp(at, head, n));
    HOLDS(!len || !memcmp(at + n, value, len));
    return at + n + len;
}

/* In parts: what a header can say of a file, or it is refused. */
static void multipart_holds(const char *name, const char *value, const char *rest, size_t len)
{
    struct form f = {.boundary = MARK};
    char *head = NULL;
    form_addn(&f, "a[]", rest, len);
    size_t before = f.len;
    bool said = form_file(&f, "data[]", name, value);
    HOLDS(said || f.len == before);
    HOLDS(!said || !strpbrk(name, "\r\n\"\\"));
    HOLDS(asprintf(&head,
                   "\r\n--" MARK "\r\nContent-Disposition: form-data; name=\"data[]\"; "
                   "filename=\"%s\"\r\nContent-Type: %s\r\n\r\n",
                   name, value) > 0);
    form_end(&f);
    HOLDS(!f.spent);
    const char *at = expect_part(
        &f, f.data, "--" MARK "\r\nContent-Disposition: form-data; name=\"a[]\"\r\n\r\n", rest,
        len);
    at = said ? expect_part(&f, at, head, "", 0) : at;
    HOLDS(expect_part(&f, at, "\r\n--" MARK "--\r\n", "", 0) == f.data + f.len);
    free(head);
    form_fini(&f);
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
    multipart_holds(name, value, rest, in.left);
    free(name);
    free(value);
    free(rest);
    return 0;
}
