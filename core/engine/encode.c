/* Small bridges between rows, which hold bytes, and the model, which holds content. */
#include "engine/run.h"

#include <string.h>

bool encode_content(struct wess_arena *a, const struct content *c, struct wess_slice *out)
{
    *out = (struct wess_slice){NULL, 0};
    return !c || content_encode(a, c, out);
}

bool decode_content(struct wess_arena *a, struct wess_slice in, struct content *out)
{
    *out = (struct content){NULL, 0};
    return !in.len || content_decode(a, in, out);
}

struct wess_list split_names(struct wess_arena *a, const char *joined)
{
    size_t n = 0, cap = 1;
    char *text = arena_text(a, joined && *joined ? joined : NULL);
    if (!text)
        return (struct wess_list){NULL, 0};
    for (const char *s = text; *s; s++)
        cap += *s == '\n';
    const char **of = arena_alloc(a, cap * sizeof(*of));
    char *rest = text;
    for (char *word; of && (word = strsep(&rest, "\n"));)
        if (*word)
            of[n++] = word;
    return (struct wess_list){of, of ? n : 0};
}

const char *join_names(struct wess_arena *a, struct wess_list l)
{
    size_t len = 1;
    for (size_t i = 0; i < l.n; i++)
        len += strlen(l.of[i]) + 1;
    char *out = arena_alloc(a, len), *at = out;
    for (size_t i = 0; out && i < l.n; i++) {
        if (i)
            *at++ = '\n';
        at = stpcpy(at, l.of[i]);
    }
    return out;
}
