#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox.h"

static void room(struct sb_buf *b, size_t more)
{
    size_t cap = b->cap ? b->cap : 256;
    while (cap < b->len + more + 1)
        cap *= 2;
    if (cap == b->cap)
        return;
    b->data = realloc(b->data, cap);
    if (!b->data)
        abort(); /* a rehearsal server without memory has nothing to say */
    b->cap = cap;
}

void sb_buf_add(struct sb_buf *b, const void *data, size_t len)
{
    room(b, len);
    if (len)
        memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = 0;
}

void sb_buf_str(struct sb_buf *b, const char *text)
{
    sb_buf_add(b, text, strlen(text));
}

void sb_buf_fmt(struct sb_buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (len < 0)
        return;
    room(b, (size_t)len);
    va_start(ap, fmt);
    vsnprintf(b->data + b->len, (size_t)len + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)len;
}

void sb_buf_free(struct sb_buf *b)
{
    free(b->data);
    *b = (struct sb_buf){0};
}

/* ---- form parameters
 * --------------------------------------------------------------------------------------- */

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static char *decoded(const char *from, size_t len)
{
    char *out = malloc(len + 1), *at = out;
    if (!out)
        abort();
    for (size_t i = 0; i < len; i++) {
        if (from[i] == '+') {
            *at++ = ' ';
        } else if (from[i] == '%' && i + 2 < len && hex(from[i + 1]) >= 0 &&
                   hex(from[i + 2]) >= 0) {
            *at++ = (char)(hex(from[i + 1]) * 16 + hex(from[i + 2]));
            i += 2;
        } else {
            *at++ = from[i];
        }
    }
    *at = 0;
    return out;
}

void sb_params(const char *query, void (*each)(void *ctx, const char *name, const char *value),
               void *ctx)
{
    while (query && *query) {
        const char *end = strchrnul(query, '&'), *eq = memchr(query, '=', (size_t)(end - query));
        char *name = decoded(query, (size_t)((eq ? eq : end) - query));
        char *value = eq ? decoded(eq + 1, (size_t)(end - eq - 1)) : decoded("", 0);
        each(ctx, name, value);
        free(name);
        free(value);
        query = *end ? end + 1 : end;
    }
}

struct wanted {
    const char *name;
    size_t nth;
    char *value;
};
static void pick(void *ctx, const char *name, const char *value)
{
    struct wanted *w = ctx;
    if (!w->value && !strcmp(name, w->name) && !w->nth--)
        w->value = strdup(value);
}

char *sb_param(const char *query, const char *name, size_t nth)
{
    struct wanted w = {name, nth, NULL};
    sb_params(query, pick, &w);
    return w.value;
}
