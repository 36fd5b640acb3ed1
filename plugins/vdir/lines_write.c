/* Writing content lines: what is not changed goes out as it came in. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lines.h"

#define FOLD 75u /* bytes of a line, RFC 6350 3.2 */

/* ---- text that grows
 * ------------------------------------------------------------------------------------------ */

static bool make_room(struct lines_buf *b, size_t len)
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
    return !b->spent;
}

void lines_put(struct lines_buf *b, const char *text, size_t len)
{
    if (!make_room(b, len))
        return;
    if (len)
        memcpy(b->data + b->len, text, len);
    b->len += len;
    b->data[b->len] = 0;
}

void lines_puts(struct lines_buf *b, const char *text)
{
    lines_put(b, text, strlen(text));
}

void lines_buf_fini(struct lines_buf *b)
{
    free(b->data);
    *b = (struct lines_buf){0};
}

static bool is_control(char c)
{
    return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

static bool is_escaped(char c)
{
    return c == '\\' || c == ',' || c == ';';
}

/* `s` on one line: line ends as "\\n", no other control characters, and what would part it, if that
 * is asked, behind a backslash. */
static void put_value(struct lines_buf *b, struct wess_slice s, bool escape)
{
    const char *p = s.data, *end = p + s.len;
    if (!make_room(b, 2 * s.len))
        return;
    char *out = b->data + b->len;
    for (; p < end; p++) {
        bool line_end = *p == '\n' || (*p == '\r' && (p + 1 == end || p[1] != '\n'));
        if (line_end || (escape && is_escaped(*p)))
            *out++ = '\\';
        if (line_end)
            *out++ = 'n';
        else if (!is_control(*p))
            *out++ = *p;
    }
    b->len = (size_t)(out - b->data);
    *out = 0;
}

void lines_put_escaped(struct lines_buf *b, struct wess_slice s)
{
    put_value(b, s, true);
}

void lines_put_part(struct lines_buf *b, struct wess_slice s)
{
    const char *p = s.data;
    size_t last = 0;
    while (last < s.len && p[s.len - 1 - last] == '\\')
        last++;
    put_value(b, s, false);
    if (last % 2)
        lines_puts(b, "\\");
}

void lines_put_line(struct lines_buf *b, struct wess_slice s)
{
    const char *p = s.data;
    size_t from = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (p[i] != '\\' && !is_control(p[i]))
            continue;
        lines_put(b, p + from, i - from);
        lines_puts(b, p[i] == '\\' ? "\\\\" : "");
        from = i + 1;
    }
    if (from < s.len)
        lines_put(b, p + from, s.len - from);
}

/* ---- a line with another value
 * ------------------------------------------------------------------------------------------ */

static bool is_word(struct wess_slice a, const char *b)
{
    return a.len == strlen(b) && !strncasecmp(a.data, b, a.len);
}

/* Tells how the old value was written, and nothing of its meaning. */
static bool is_about_coding(const struct lines_words *w)
{
    static const char *const names[] = {"ENCODING", "CHARSET", "VALUE", "X-APPLE-OMIT-YEAR"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (is_word(w->name, names[i]))
            return true;
    return !w->name.len && is_word(w->word, "QUOTED-PRINTABLE");
}

static bool is_preference(const struct lines_words *w)
{
    return is_word(w->name, "PREF") ||
           ((!w->name.len || is_word(w->name, "TYPE")) && is_word(w->word, "PREF"));
}

/* A parameter's words come one by one: those of one name that follow each other make one list. */
static void put_word(struct lines_buf *b, const struct lines_words *w, const char **list)
{
    const char *p = w->word.data;
    bool quote = false;
    for (size_t i = 0; i < w->word.len; i++)
        quote |= strchr(":;,", p[i]) != NULL;
    if (w->name.len && *list == (const char *)w->name.data) {
        lines_puts(b, ",");
    } else {
        lines_puts(b, ";");
        lines_put(b, w->name.data, w->name.len);
        lines_puts(b, w->name.len ? "=" : "");
    }
    *list = w->name.data;
    lines_puts(b, quote ? "\"" : "");
    lines_put(b, p, w->word.len);
    lines_puts(b, quote ? "\"" : "");
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

static bool is_rewritten(const struct line *l)
{
    struct lines_words w = lines_words(l);
    if (is_open(l->params))
        return true;
    while (lines_next_word(&w))
        if (is_about_coding(&w))
            return true;
    return false;
}

static void put_head(const struct line *l, const char *mark, struct lines_buf *b)
{
    const char *list = NULL, *text = l->text.data;
    struct lines_words w = lines_words(l);
    lines_put(b, text, (size_t)((const char *)l->name.data + l->name.len - text));
    lines_puts(b, mark ? mark : "");
    while (lines_next_word(&w))
        if (!is_about_coding(&w) && !(mark && is_preference(&w)))
            put_word(b, &w, &list);
    lines_puts(b, ":");
}

void lines_plain(const struct line *l, struct wess_slice value, const char *mark,
                 struct lines_buf *out)
{
    put_head(l, mark, out);
    lines_put_part(out, value);
}

/* ---- changing
 * ------------------------------------------------------------------------------------------ */

void lines_replace(struct lines *v, size_t line, const char *text)
{
    struct line *l = &v->lines[line];
    char *now = text ? strdup(text) : NULL;
    v->spent |= !now;
    if (!now)
        return;
    /* Nothing may end the line but its end. */
    for (char *p = now; (p = strpbrk(p, "\r\n"));)
        *p = ' ';
    free(l->now);
    *l = (struct line){.at = l->at,
                       .len = l->len,
                       .row = l->row,
                       .before = l->before,
                       .aside = l->aside,
                       .now = now,
                       .text = {now, strlen(now)}};
    lines_take_apart(l);
}

void lines_set(struct lines *v, size_t line, struct wess_slice value)
{
    struct lines_buf b = {0};
    const struct line *l = &v->lines[line];
    const char *text = l->text.data;
    if (is_rewritten(l))
        put_head(l, NULL, &b);
    else
        lines_put(&b, text, (size_t)((const char *)l->value.data - text));
    lines_put(&b, value.data, value.len);
    lines_replace(v, line, b.spent ? NULL : b.data);
    lines_buf_fini(&b);
}

static bool same_group(const struct line *a, const struct line *b)
{
    return a->group.len && a->group.len == b->group.len &&
           !strncasecmp(a->group.data, b->group.data, a->group.len);
}

void lines_drop(struct lines *v, size_t line)
{
    size_t label = LINES_NONE;
    v->lines[line].dropped = true;
    for (size_t i = 0; i < v->n; i++) {
        const struct line *l = &v->lines[i];
        if (l->dropped || !same_group(l, &v->lines[line]))
            continue;
        if (!lines_is(l, "X-ABLABEL"))
            return;
        label = i;
    }
    if (label != LINES_NONE)
        v->lines[label].dropped = true;
}

void lines_add_at(struct lines *v, size_t line, const char *text)
{
    if (!lines_new_line(v)) {
        v->spent = true;
        return;
    }
    v->lines[v->n - 1].before = line;
    lines_replace(v, v->n - 1, text);
}

void lines_add(struct lines *v, const char *text)
{
    lines_add_at(v, v->end, text);
}

/* ---- the whole
 * ------------------------------------------------------------------------------------------ */

static const char *line_end(const struct lines *v, const struct line *l)
{
    const char *end = v->bytes + l->at + l->len;
    return l->len >= 2 && end[-1] == '\n' && end[-2] == '\r' ? "\r\n" : "\n";
}

/* Never within a code point. */
static void put_folded(struct lines_buf *b, const char *text, const char *eol)
{
    size_t len = strlen(text), room = FOLD;
    while (len > room) {
        size_t cut = room;
        while (cut > 1 && ((unsigned char)text[cut] & 0xc0) == 0x80)
            cut--;
        lines_put(b, text, cut);
        lines_puts(b, eol);
        lines_puts(b, " ");
        text += cut;
        len -= cut;
        room = FOLD - 1;
    }
    lines_put(b, text, len);
    lines_puts(b, eol);
}

/* Each line that is written, in its order. */
struct walk {
    const struct lines *v;
    size_t line, added; /* of the file; what was added before it */
};

static const struct line *next_written(struct walk *w)
{
    const struct lines *v = w->v;
    for (; w->line < v->n_read; w->line++, w->added = 0) {
        for (; v->n_read + w->added < v->n; w->added++) {
            const struct line *l = &v->lines[v->n_read + w->added];
            if (l->before == w->line && l->now && !l->dropped) {
                w->added++;
                return l;
            }
        }
        if (!v->lines[w->line].dropped) {
            w->added = 0;
            return &v->lines[w->line++];
        }
    }
    return NULL;
}

void lines_write(const struct lines *v, struct lines_buf *out)
{
    /* The first line's end is that of the file; the last may have none. */
    const char *eol = v->n_read ? line_end(v, &v->lines[0]) : "\r\n";
    const struct line *l;
    struct walk w = {.v = v};
    while ((l = next_written(&w)))
        if (l->now)
            put_folded(out, l->now, eol);
        else
            lines_put(out, v->bytes + l->at, l->len);
    out->spent |= v->spent;
}

/* ---- what was written, as it will be read
 * ------------------------------------------------------------------------------------------ */

/* Where reading might join it with its neighbours, or see a byte order mark in it, it does not. */
static bool stands_alone(const struct line *l)
{
    const char *p = l->text.data;
    return l->text.len && !strchr(" \t\xef", *p) && p[l->text.len - 1] != '=' &&
           (!l->now || lines_is_utf8(p, l->text.len));
}

bool lines_reread(struct lines *v, size_t len)
{
    struct line *of =
        v->spent || v->n > LINES_MAX || len > LINES_BYTES ? NULL : malloc((v->n + 1) * sizeof(*of));
    const struct line *l;
    struct walk w = {.v = v};
    size_t n = 0;
    bool sure = of != NULL;
    while (sure && (l = next_written(&w))) {
        sure = stands_alone(l);
        of[n] = *l;
        of[n].at = of[n].len = of[n].before = 0;
        of[n++].aside = false;
    }
    if (!sure || !n) {
        free(of);
        return false;
    }
    for (size_t i = 0; i < v->n; i++)
        if (v->lines[i].dropped)
            free(v->lines[i].now);
    free(v->lines);
    *v = (struct lines){.flat = v->flat, .lines = of, .n = n, .cap = n, .n_read = n, .end = n};
    return true;
}
