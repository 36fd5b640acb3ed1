#include "stream.h"

#include <stdlib.h>
#include <string.h>

void ews_stream_fini(struct ews_stream *s)
{
    free(s->text);
    *s = (struct ews_stream){0};
}

/* "</soap:Envelope >" */
static bool ends_envelope(const char *tag, size_t len)
{
    static const char name[] = "Envelope";
    while (len && strchr(" \t\r\n", tag[len - 1]))
        len--;
    size_t n = sizeof(name) - 1;
    return len >= n && !memcmp(tag + len - n, name, n) && (len == n || tag[len - n - 1] == ':');
}

/* Where the first document ends; 0: it is not whole yet. */
static size_t end_of_first(struct ews_stream *s)
{
    while (s->seen + 1 < s->len) {
        const char *open = memchr(s->text + s->seen, '<', s->len - s->seen);
        s->seen = open ? (size_t)(open - s->text) : s->len;
        if (s->seen + 1 >= s->len)
            break;
        if (open[1] == '/') {
            const char *close = memchr(open, '>', s->len - s->seen);
            if (!close)
                break;
            if (ends_envelope(open + 2, (size_t)(close - open) - 2))
                return (size_t)(close - s->text) + 1;
        }
        s->seen++;
    }
    return 0;
}

static bool room(struct ews_stream *s, size_t more)
{
    size_t cap = s->cap ? s->cap : 4096;
    if (more > EWS_DOCUMENT_MOST || s->len + more > EWS_DOCUMENT_MOST)
        return false;
    while (cap < s->len + more + 1)
        cap *= 2;
    char *text = cap > s->cap ? realloc(s->text, cap) : s->text;
    if (!text)
        return false;
    s->text = text;
    s->cap = cap;
    return true;
}

bool ews_stream_add(struct ews_stream *s, const char *data, size_t len,
                    void (*take)(void *ctx, char *document, size_t len), void *ctx)
{
    size_t end;
    if (!room(s, len))
        return false;
    if (len)
        memcpy(s->text + s->len, data, len);
    s->len += len;
    s->text[s->len] = 0;
    while ((end = end_of_first(s))) {
        char kept = s->text[end];
        s->text[end] = 0;
        take(ctx, s->text, end);
        s->text[end] = kept;
        memmove(s->text, s->text + end, s->len - end + 1);
        s->len -= end;
        s->seen = 0;
    }
    return true;
}
