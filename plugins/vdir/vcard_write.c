/* Writing a card: what is not changed goes out as it came in. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "vcard.h"

#define FOLD 75u /* bytes of a line, RFC 6350 3.2 */

/* ---- text that grows
 * ------------------------------------------------------------------------------------------ */

void vcard_put(struct vcard_buf *b, const char *text, size_t len)
{
    if (!b->spent && b->len + len + 1 > b->cap) {
        size_t cap = b->cap ? b->cap : 256;
        while (cap < b->len + len + 1)
            cap *= 2;
        char *more = realloc(b->data, cap);
        b->spent = !more;
        if (more) {
            b->data = more;
            b->cap = cap;
        }
    }
    if (b->spent)
        return;
    if (len)
        memcpy(b->data + b->len, text, len);
    b->len += len;
    b->data[b->len] = 0;
}

void vcard_puts(struct vcard_buf *b, const char *text)
{
    vcard_put(b, text, strlen(text));
}

void vcard_buf_fini(struct vcard_buf *b)
{
    free(b->data);
    *b = (struct vcard_buf){0};
}

static bool is_control(char c)
{
    return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

void vcard_put_escaped(struct vcard_buf *b, struct wess_slice s)
{
    const char *p = s.data;
    for (size_t i = 0; i < s.len; i++) {
        if (p[i] == '\n' || (p[i] == '\r' && (i + 1 == s.len || p[i + 1] != '\n')))
            vcard_puts(b, "\\n");
        else if (strchr("\\,;", p[i]) && p[i])
            vcard_put(b, (const char[]){'\\', p[i]}, 2);
        else if (!is_control(p[i]))
            vcard_put(b, &p[i], 1);
    }
}

void vcard_put_part(struct vcard_buf *b, struct wess_slice s)
{
    const char *p = s.data;
    size_t last = 0;
    while (last < s.len && p[s.len - 1 - last] == '\\')
        last++;
    for (size_t i = 0; i < s.len; i++)
        if (p[i] == '\n' || (p[i] == '\r' && (i + 1 == s.len || p[i + 1] != '\n')))
            vcard_puts(b, "\\n");
        else if (!is_control(p[i]))
            vcard_put(b, &p[i], 1);
    if (last % 2)
        vcard_puts(b, "\\");
}

void vcard_put_line(struct vcard_buf *b, struct wess_slice s)
{
    const char *p = s.data;
    for (size_t i = 0; i < s.len; i++) {
        if (p[i] == '\\')
            vcard_puts(b, "\\\\");
        else if (!is_control(p[i]))
            vcard_put(b, &p[i], 1);
    }
}

/* ---- a line with another value
 * ------------------------------------------------------------------------------------------ */

static bool is_word(struct wess_slice a, const char *b)
{
    return a.len == strlen(b) && !strncasecmp(a.data, b, a.len);
}

/* Tells how the old value was written, and nothing of its meaning. */
static bool is_about_coding(const struct vcard_words *w)
{
    static const char *const names[] = {"ENCODING", "CHARSET", "VALUE", "X-APPLE-OMIT-YEAR"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (is_word(w->name, names[i]))
            return true;
    return !w->name.len && is_word(w->word, "QUOTED-PRINTABLE");
}

static bool is_preference(const struct vcard_words *w)
{
    return is_word(w->name, "PREF") ||
           ((!w->name.len || is_word(w->name, "TYPE")) && is_word(w->word, "PREF"));
}

/* A parameter's words come one by one: those of one name that follow each other make one list. */
static void put_word(struct vcard_buf *b, const struct vcard_words *w, const char **list)
{
    const char *p = w->word.data;
    bool quote = false;
    for (size_t i = 0; i < w->word.len; i++)
        quote |= strchr(":;,", p[i]) != NULL;
    if (w->name.len && *list == (const char *)w->name.data) {
        vcard_puts(b, ",");
    } else {
        vcard_puts(b, ";");
        vcard_put(b, w->name.data, w->name.len);
        vcard_puts(b, w->name.len ? "=" : "");
    }
    *list = w->name.data;
    vcard_puts(b, quote ? "\"" : "");
    vcard_put(b, p, w->word.len);
    vcard_puts(b, quote ? "\"" : "");
}

/* A quote that is never closed would reach into another value, and end elsewhere. */
static bool is_open(struct wess_slice params)
{
    const char *p = params.data;
    bool open = false;
    for (size_t i = 0; i < params.len; i++)
        open ^= p[i] == '"';
    return open;
}

static bool is_rewritten(const struct vcard_line *l)
{
    struct vcard_words w = vcard_words(l);
    if (is_open(l->params))
        return true;
    while (vcard_next_word(&w))
        if (is_about_coding(&w))
            return true;
    return false;
}

static void put_head(const struct vcard_line *l, const char *mark, struct vcard_buf *b)
{
    const char *list = NULL, *text = l->text.data;
    struct vcard_words w = vcard_words(l);
    vcard_put(b, text, (size_t)((const char *)l->name.data + l->name.len - text));
    vcard_puts(b, mark ? mark : "");
    while (vcard_next_word(&w))
        if (!is_about_coding(&w) && !(mark && is_preference(&w)))
            put_word(b, &w, &list);
    vcard_puts(b, ":");
}

void vcard_plain(const struct vcard_line *l, struct wess_slice value, const char *mark,
                 struct vcard_buf *out)
{
    put_head(l, mark, out);
    vcard_put_part(out, value);
}

/* ---- changing
 * ------------------------------------------------------------------------------------------ */

void vcard_replace(struct vcard *v, size_t line, const char *text)
{
    struct vcard_line *l = &v->lines[line];
    char *now = text ? strdup(text) : NULL;
    v->spent |= !now;
    if (!now)
        return;
    /* Nothing may end the line but its end. */
    for (char *p = now; *p; p++)
        if (*p == '\r' || *p == '\n')
            *p = ' ';
    free(l->now);
    *l = (struct vcard_line){
        .at = l->at, .len = l->len, .row = l->row, .now = now, .text = {now, strlen(now)}};
    vcard_take_apart(l);
}

void vcard_set(struct vcard *v, size_t line, struct wess_slice value)
{
    struct vcard_buf b = {0};
    const struct vcard_line *l = &v->lines[line];
    const char *text = l->text.data;
    if (is_rewritten(l))
        put_head(l, NULL, &b);
    else
        vcard_put(&b, text, (size_t)((const char *)l->value.data - text));
    vcard_put(&b, value.data, value.len);
    vcard_replace(v, line, b.spent ? NULL : b.data);
    vcard_buf_fini(&b);
}

static bool same_group(const struct vcard_line *a, const struct vcard_line *b)
{
    return a->group.len && a->group.len == b->group.len &&
           !strncasecmp(a->group.data, b->group.data, a->group.len);
}

void vcard_drop(struct vcard *v, size_t line)
{
    size_t label = VCARD_NONE;
    v->lines[line].dropped = true;
    for (size_t i = 0; i < v->n; i++) {
        const struct vcard_line *l = &v->lines[i];
        if (l->dropped || !same_group(l, &v->lines[line]))
            continue;
        if (!vcard_is(l, "X-ABLABEL"))
            return;
        label = i;
    }
    if (label != VCARD_NONE)
        v->lines[label].dropped = true;
}

void vcard_add(struct vcard *v, const char *text)
{
    if (vcard_new_line(v))
        vcard_replace(v, v->n - 1, text);
    else
        v->spent = true;
}

/* ---- the whole
 * ------------------------------------------------------------------------------------------ */

static const char *line_end(const struct vcard *v, const struct vcard_line *l)
{
    const char *end = v->bytes + l->at + l->len;
    return l->len >= 2 && end[-1] == '\n' && end[-2] == '\r' ? "\r\n" : "\n";
}

/* Never within a code point. */
static void put_folded(struct vcard_buf *b, const char *text, const char *eol)
{
    size_t len = strlen(text), room = FOLD;
    while (len > room) {
        size_t cut = room;
        while (cut > 1 && ((unsigned char)text[cut] & 0xc0) == 0x80)
            cut--;
        vcard_put(b, text, cut);
        vcard_puts(b, eol);
        vcard_puts(b, " ");
        text += cut;
        len -= cut;
        room = FOLD - 1;
    }
    vcard_put(b, text, len);
    vcard_puts(b, eol);
}

static void put_changed(const struct vcard_line *l, const char *eol, struct vcard_buf *out)
{
    if (l->now && !l->dropped)
        put_folded(out, l->now, eol);
}

void vcard_write(const struct vcard *v, struct vcard_buf *out)
{
    /* The first line's end is that of the file; the last may have none. */
    const char *eol = v->n_read ? line_end(v, &v->lines[0]) : "\r\n";
    for (size_t i = 0; i < v->n_read; i++) {
        const struct vcard_line *l = &v->lines[i];
        for (size_t k = v->n_read; i == v->end && k < v->n; k++)
            put_changed(&v->lines[k], eol, out);
        if (l->now)
            put_changed(l, eol, out);
        else if (!l->dropped)
            vcard_put(out, v->bytes + l->at, l->len);
    }
    out->spent |= v->spent;
}
