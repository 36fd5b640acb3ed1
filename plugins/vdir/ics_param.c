/* Parameters of a property, with quotes and the escapes of RFC 6868. */
#include <string.h>
#include <strings.h>

#include "ics.h"

static bool is_word(struct wess_slice a, const char *b)
{
    return a.len == strlen(b) && !strncasecmp(a.data, b, a.len);
}

static size_t unescape(struct wess_slice in, char *out)
{
    static const char from[] = "n'^", to[] = "\n\"^";
    const char *p = in.data;
    size_t n = 0;
    for (size_t i = 0; i < in.len; i++) {
        const char *known = p[i] == '^' && i + 1 < in.len ? strchr(from, p[i + 1]) : NULL;
        if (p[i] == '"')
            continue;
        out[n++] = known ? to[known - from] : p[i];
        i += known != NULL;
    }
    out[n] = 0;
    return n;
}

struct wess_slice ics_param(struct wess_call *call, const struct line *l, const char *want,
                            bool *spent)
{
    struct wess_slice rest = l->params, name, value;
    while (lines_next_param(&rest, &name, &value)) {
        if (!is_word(name, want))
            continue;
        char *text = call->conn->host->alloc(call->arena, value.len + 1);
        *spent |= !text;
        if (!text)
            break;
        return vdir_trimmed((struct wess_slice){text, unescape(value, text)});
    }
    return (struct wess_slice){NULL, 0};
}

/* A quote that is never closed would reach into what follows. */
static bool is_open(struct wess_slice param)
{
    const char *p = param.data;
    bool open = false;
    for (size_t i = 0; i < param.len; i++)
        open ^= p[i] == '"';
    return open;
}

void ics_put_head(struct lines_buf *b, const struct line *l, const char *const *without)
{
    struct wess_slice rest = l->params, name, value;
    lines_put(b, l->name.data, l->name.len);
    while (lines_next_param(&rest, &name, &value)) {
        const char *end = (const char *)value.data + value.len;
        const struct wess_slice all = {name.data, (size_t)(end - (const char *)name.data)};
        bool drop = !name.len || is_open(all);
        for (size_t i = 0; without[i]; i++)
            drop |= is_word(name, without[i]);
        if (drop)
            continue;
        lines_puts(b, ";");
        lines_put(b, all.data, all.len);
    }
}

void ics_put_param(struct lines_buf *b, const char *name, struct wess_slice value)
{
    static const char from[] = "\n\"^";
    static const char *const to[] = {"^n", "^'", "^^"};
    const char *p = value.data;
    if (!value.len)
        return;
    lines_puts(b, ";");
    lines_puts(b, name);
    lines_puts(b, "=\"");
    for (size_t i = 0; i < value.len; i++) {
        const char *known = p[i] ? strchr(from, p[i]) : NULL;
        if (known)
            lines_puts(b, to[known - from]);
        else if ((unsigned char)p[i] >= 0x20 && p[i] != 0x7f)
            lines_put(b, &p[i], 1);
    }
    lines_puts(b, "\"");
}
