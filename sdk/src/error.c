#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define VEC_FIRST 4u /* most lists of an item have fewer */

static void clean_line(char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = ' ';
}

/* A text cut by snprintf may end inside a UTF-8 sequence: cut that off too. */
static void trim_utf8(char *s)
{
    size_t len = strlen(s), at = len;
    while (at > 0 && ((unsigned char)s[at - 1] & 0xc0) == 0x80)
        at--;
    if (at == 0)
        return;
    unsigned char lead = (unsigned char)s[at - 1];
    size_t want = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (len - (at - 1) < want)
        s[at - 1] = 0;
}

enum wess_code wess_fail(struct wess_error *e, enum wess_code code, enum wess_scope scope,
                         const char *remote, const char *fmt, ...)
{
    va_list ap;
    e->scope = (uint32_t)scope;
    snprintf(e->remote_code, sizeof(e->remote_code), "%s", remote ? remote : "");
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    clean_line(e->text);
    trim_utf8(e->text);
    clean_line(e->remote_code);
    trim_utf8(e->remote_code);
    return code;
}

char *wess_arena_textn(const struct wess_host *host, struct wess_arena *arena, const char *text,
                       size_t len)
{
    char *copy = text ? host->alloc(arena, len + 1) : NULL;
    if (copy && len)
        memcpy(copy, text, len);
    return copy;
}

char *wess_arena_text(const struct wess_host *host, struct wess_arena *arena, const char *text)
{
    return text ? wess_arena_textn(host, arena, text, strlen(text)) : NULL;
}

char *wess_arena_fmt(const struct wess_host *host, struct wess_arena *arena, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *out = len < 0 ? NULL : host->alloc(arena, (size_t)len + 1);
    if (!out)
        return NULL;
    va_start(ap, fmt);
    vsnprintf(out, (size_t)len + 1, fmt, ap);
    va_end(ap);
    return out;
}

void *wess_vec_push(const struct wess_host *host, struct wess_arena *arena, struct wess_vec *v)
{
    if (v->n == v->cap) {
        size_t cap = v->cap ? v->cap * 2 : VEC_FIRST;
        void *of = host->alloc(arena, cap * v->size);
        if (!of)
            return NULL;
        if (v->n)
            memcpy(of, v->of, v->n * v->size);
        v->of = of;
        v->cap = cap;
    }
    char *new = (char *)v->of + v->size * v->n++;
    memset(new, 0, v->size);
    return new;
}

void *wess_vec_kept(const struct wess_host *host, struct wess_arena *arena,
                    const struct wess_vec *v)
{
    void *of = v->n ? host->alloc(arena, v->n * v->size) : NULL;
    if (of)
        memcpy(of, v->of, v->n * v->size);
    return of;
}
