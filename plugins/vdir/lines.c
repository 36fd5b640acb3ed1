/* Reading content lines: lines, parameters, values. */
#include "lines.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BOM "\xef\xbb\xbf"
#define LINES_FIRST 64u

static bool same_word(struct wess_slice a, const char *b)
{
    size_t len = strlen(b);
    return a.len == len && !strncasecmp(a.data, b, len);
}

bool lines_is(const struct line *l, const char *name)
{
    return same_word(l->name, name);
}

size_t lines_find(const struct lines *v, const char *name, size_t from)
{
    size_t len = strlen(name);
    for (size_t i = from; i < v->n; i++) {
        const struct line *l = &v->lines[i];
        if (l->name.len == len && !l->dropped && !l->aside && !strncasecmp(l->name.data, name, len))
            return i;
    }
    return LINES_NONE;
}

/* ---- one line
 * ------------------------------------------------------------------------------------------ */

/* The first `stop` that stands outside of quotes; `end`: none. */
static const char *outside(const char *at, const char *end, char stop)
{
    bool quoted = false;
    for (; at < end; at++) {
        if (*at == '"')
            quoted = !quoted;
        else if (!quoted && *at == stop)
            return at;
    }
    return end;
}

static struct wess_slice span(const char *from, const char *to)
{
    return (struct wess_slice){from, (size_t)(to - from)};
}

static bool is_name(struct wess_slice s)
{
    const char *p = s.data;
    for (size_t i = 0; i < s.len; i++)
        if (!(p[i] == '-' || p[i] == '_' || (p[i] >= '0' && p[i] <= '9') ||
              ((p[i] | 32) >= 'a' && (p[i] | 32) <= 'z')))
            return false;
    return s.len > 0;
}

/* Group, name, parameters and value of an unfolded line. */
void lines_take_apart(struct line *l)
{
    const char *text = l->text.data, *end = text + l->text.len;
    const char *colon = outside(text, end, ':');
    if (colon == end) /* a quote that is never closed */
        colon = l->text.len ? memchr(text, ':', l->text.len) : NULL;
    if (!colon)
        return;
    const char *semi = outside(text, colon, ';');
    const char *dot = memchr(text, '.', (size_t)(semi - text));
    struct wess_slice name = span(dot ? dot + 1 : text, semi);
    struct wess_slice group = span(text, dot ? dot : text);
    /* Written again it would go on with the line before. */
    if (!is_name(name) || (group.len && !is_name(group)))
        return;
    l->name = name;
    l->group = group;
    l->params = span(semi < colon ? semi + 1 : colon, colon);
    l->value = span(colon + 1, end);
}

/* ---- parameters
 * ------------------------------------------------------------------------------------------ */

struct lines_words lines_words(const struct line *l)
{
    return (struct lines_words){.rest = l->params};
}

bool lines_next_param(struct wess_slice *rest, struct wess_slice *name, struct wess_slice *value)
{
    if (!rest->len)
        return false;
    const char *at = rest->data, *end = at + rest->len;
    const char *stop = outside(at, end, ';'), *is = outside(at, stop, '=');
    *name = span(at, is);
    *value = is < stop ? span(is + 1, stop) : span(stop, stop);
    *rest = stop < end ? span(stop + 1, end) : span(end, end);
    return true;
}

static void next_param(struct lines_words *w)
{
    const char *at = w->rest.data, *end = at + w->rest.len;
    const char *stop = outside(at, end, ';'), *is = outside(at, stop, '=');
    w->name = is < stop ? span(at, is) : span(at, at);
    w->list = is < stop ? span(is + 1, stop) : span(at, stop);
    w->rest = stop < end ? span(stop + 1, end) : span(end, end);
}

bool lines_next_word(struct lines_words *w)
{
    for (;;) {
        while (!w->list.len && w->rest.len)
            next_param(w);
        if (!w->list.len)
            return false;
        /* TYPE="work,fax" is a list in quotes, and meant as one. */
        const char *at = w->list.data, *end = at + w->list.len, *stop = at;
        while (at < end && (*at == '"' || *at == ',' || *at == ' '))
            at++;
        for (stop = at; stop < end && *stop != '"' && *stop != ',';)
            stop++;
        w->word = span(at, stop);
        w->list = span(stop, end);
        if (w->word.len)
            return true;
    }
}

bool lines_has_type(const struct line *l, const char *word)
{
    struct lines_words w = lines_words(l);
    while (lines_next_word(&w))
        if ((!w.name.len || same_word(w.name, "TYPE")) && same_word(w.word, word))
            return true;
    return false;
}

struct wess_slice lines_param(const struct line *l, const char *name)
{
    struct lines_words w = lines_words(l);
    while (lines_next_word(&w))
        if (same_word(w.name, name))
            return w.word;
    return (struct wess_slice){NULL, 0};
}

/* ---- UTF-8
 * ------------------------------------------------------------------------------------------ */

/* Bytes of the code point at `p`; 0: it is none. */
static size_t code_point(const unsigned char *p, size_t room)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = *p < 0x80 ? 1 : *p < 0xc2 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : *p < 0xf5 ? 4 : 0;
    if (len < 2 || len > room)
        return len > room ? 0 : len;
    uint32_t c = *p & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3fu);
    }
    return c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : len;
}

/* Mostly all of it: eight bytes at a time. */
static size_t ascii_run(const char *text, size_t len)
{
    size_t at = 0;
    for (uint64_t some; at + sizeof(some) <= len; at += sizeof(some)) {
        memcpy(&some, text + at, sizeof(some));
        if (some & 0x8080808080808080u)
            break;
    }
    return at;
}

bool lines_is_utf8(const char *text, size_t len)
{
    for (size_t at = ascii_run(text, len), n; at < len; at += n)
        if (!(n = code_point((const unsigned char *)text + at, len - at)))
            return false;
    return true;
}

/* ---- values
 * ------------------------------------------------------------------------------------------ */

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 87 : -1;
}

/* What Windows-1252, which Outlook writes, has where ISO-8859-1 has control characters. */
static uint32_t of_windows(unsigned char c)
{
    static const uint16_t of[] = {0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
                                  0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8d,   0x017d, 0x8f,
                                  0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
                                  0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178};
    return c >= 0x80 && c < 0xa0 ? of[c - 0x80] : c;
}

/* At most three bytes, as it was written in three. */
static size_t put_letter(uint32_t c, char *out)
{
    size_t n = 0;
    if (c >= 0x800) {
        out[n++] = (char)(0xe0 | c >> 12);
        out[n++] = (char)(0x80 | (c >> 6 & 0x3f));
    } else {
        out[n++] = (char)(0xc0 | c >> 6);
    }
    out[n++] = (char)(0x80 | (c & 0x3f));
    return n;
}

enum charset { UTF_8, LATIN_1, WINDOWS_1252 };

static size_t unquote(const char *in, size_t len, enum charset charset, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)in[i];
        bool coded = c == '=' && i + 2 < len && hex(in[i + 1]) >= 0 && hex(in[i + 2]) >= 0;
        if (coded) {
            c = (unsigned char)(hex(in[i + 1]) << 4 | hex(in[i + 2]));
            i += 2;
        }
        if (coded && charset != UTF_8 && c >= 0x80)
            n += put_letter(charset == WINDOWS_1252 ? of_windows(c) : c, out + n);
        else
            out[n++] = (char)c;
    }
    return n;
}

static bool is_quoting(const struct lines_words *w)
{
    return (!w->name.len || same_word(w->name, "ENCODING")) &&
           same_word(w->word, "QUOTED-PRINTABLE");
}

static bool is_quoted_printable(const struct line *l)
{
    struct lines_words w = lines_words(l);
    while (lines_next_word(&w))
        if (is_quoting(&w))
            return true;
    return false;
}

bool lines_stands_plain(const struct line *l)
{
    struct lines_words w = lines_words(l);
    while (lines_next_word(&w))
        if (same_word(w.name, "CHARSET") || same_word(w.name, "ENCODING") || is_quoting(&w))
            return false;
    return true;
}

bool lines_decode(const struct line *l, char *out, size_t *len)
{
    struct wess_slice charset = lines_param(l, "CHARSET"), coding = lines_param(l, "ENCODING");
    bool quoted = is_quoted_printable(l);
    enum charset set = same_word(charset, "ISO-8859-1")     ? LATIN_1
                       : same_word(charset, "WINDOWS-1252") ? WINDOWS_1252
                                                            : UTF_8;
    bool known = !charset.data || set != UTF_8 || same_word(charset, "UTF-8") ||
                 same_word(charset, "US-ASCII");
    bool other = coding.data && !quoted && !same_word(coding, "8BIT") && !same_word(coding, "7BIT");
    *len = 0;
    if (other || (quoted && !known))
        return false;
    if (quoted)
        *len = unquote(l->value.data, l->value.len, set, out);
    else if ((*len = l->value.len))
        memcpy(out, l->value.data, l->value.len);
    out[*len] = 0;
    return !memchr(out, 0, *len) && lines_is_utf8(out, *len);
}

static const char *unescaped(const char *at, const char *end, char stop)
{
    for (; at < end && *at != stop; at++)
        if (*at == '\\' && at + 1 < end)
            at++;
    return at < end ? at : end;
}

bool lines_component(struct wess_slice value, size_t i, struct wess_slice *out)
{
    const char *at = value.data, *end = at + value.len, *stop = unescaped(at, end, ';');
    for (; i && stop < end; i--) {
        at = stop + 1;
        stop = unescaped(at, end, ';');
    }
    *out = i ? (struct wess_slice){"", 0} : span(at, stop);
    return !i;
}

bool lines_next_in_list(struct wess_slice *rest, struct wess_slice *out)
{
    const char *at = rest->data;
    if (!at)
        return false;
    const char *end = at + rest->len;
    const char *stop = unescaped(at, end, ',');
    *out = span(at, stop);
    *rest = stop < end ? span(stop + 1, end) : (struct wess_slice){NULL, 0};
    return true;
}

static bool is_escape(char c)
{
    return (c | 32) == 'n' || c == ',' || c == ';' || c == ':' || c == '\\';
}

size_t lines_unescape(struct wess_slice in, char *out)
{
    const char *at = in.data, *end = at + in.len;
    size_t n = 0;
    for (; at < end; at++) {
        bool escape = *at == '\\' && at + 1 < end && is_escape(at[1]);
        at += escape;
        out[n++] = escape && (*at | 32) == 'n' ? '\n' : *at;
    }
    out[n] = 0;
    return n;
}

/* ---- the whole
 * ------------------------------------------------------------------------------------------ */

struct reader {
    struct lines *v;
    const char *at, *end; /* of the bytes */
    char *flat;           /* where the next text goes */
    size_t row;
    struct lines_fault *fault;
};

static bool wrong(struct reader *r, size_t line, const char *why)
{
    *r->fault = (struct lines_fault){line, why};
    return false;
}

struct line *lines_new_line(struct lines *v)
{
    if (v->n == v->cap) {
        size_t cap = v->cap ? v->cap * 2 : LINES_FIRST;
        struct line *more = realloc(v->lines, cap * sizeof(*more));
        if (!more)
            return NULL;
        v->lines = more;
        v->cap = cap;
    }
    v->lines[v->n] = (struct line){0};
    return &v->lines[v->n++];
}

/* Copies one line of the file behind the text; returns its end of line cut off. */
static void take_row(struct reader *r, size_t skip)
{
    const char *lf = memchr(r->at, '\n', (size_t)(r->end - r->at));
    const char *next = lf ? lf + 1 : r->end, *stop = lf ? lf : r->end;
    if (stop > r->at && stop[-1] == '\r')
        stop--;
    size_t len = (size_t)(stop - r->at);
    if (len > skip) {
        memcpy(r->flat, r->at + skip, len - skip);
        r->flat += len - skip;
    }
    r->at = next;
    r->row++;
}

/* vCard 2.1 breaks encoded lines by an equals sign at their end. */
static bool goes_on(const struct reader *r, const char *text)
{
    struct line l = {.text = span(text, r->flat)};
    if (r->flat == text || r->flat[-1] != '=' || r->at == r->end)
        return false;
    lines_take_apart(&l);
    return l.name.len && is_quoted_printable(&l);
}

static bool read_line(struct reader *r)
{
    struct line *l = lines_new_line(r->v);
    char *text = r->flat;
    const char *from = r->at;
    if (r->v->n > LINES_MAX)
        return wrong(r, r->row + 1, "it has more lines than a file may have (4096)");
    if (!l)
        return wrong(r, 0, "out of memory");
    l->row = r->row + 1;
    take_row(r, from == r->v->bytes && r->end - from >= 3 && !memcmp(from, BOM, 3) ? 3 : 0);
    for (;;) {
        if (r->at < r->end && r->flat > text && (*r->at == ' ' || *r->at == '\t')) {
            take_row(r, 1);
        } else if (goes_on(r, text)) {
            r->flat--;
            take_row(r, 0);
        } else {
            break;
        }
    }
    l->at = (size_t)(from - r->v->bytes);
    l->len = (size_t)(r->at - from);
    l->text = span(text, r->flat);
    if (!lines_is_utf8(text, l->text.len))
        return wrong(r, l->row, "the bytes are not UTF-8");
    lines_take_apart(l);
    return true;
}

bool lines_is_blank(const struct line *l)
{
    const char *p = l->text.data;
    for (size_t i = 0; i < l->text.len; i++)
        if (p[i] != ' ' && p[i] != '\t')
            return false;
    return true;
}

static struct wess_slice trimmed(struct wess_slice s)
{
    const char *p = s.data;
    while (s.len && (p[s.len - 1] == ' ' || p[s.len - 1] == '\t'))
        s.len--;
    return s;
}

bool lines_is_mark(const struct line *l, const char *mark, const char *what)
{
    return lines_is(l, mark) && same_word(trimmed(l->value), what);
}

bool lines_read(struct lines *v, const char *bytes, size_t len, struct lines_fault *fault)
{
    struct reader r = {.v = v, .at = bytes, .end = bytes + len, .fault = fault};
    *v = (struct lines){.bytes = bytes};
    *fault = (struct lines_fault){0};
    if (!len)
        return wrong(&r, 0, "the file is empty");
    if (len > LINES_BYTES)
        return wrong(&r, 0, "it is larger than a file may be (1 MiB)");
    const char *nul = memchr(bytes, 0, len);
    if (nul) {
        size_t row = 1;
        for (const char *p = bytes; p < nul; p++)
            row += *p == '\n';
        return wrong(&r, row, "it holds a zero byte");
    }
    v->flat = r.flat = malloc(len + 1);
    if (!v->flat)
        return wrong(&r, 0, "out of memory");
    while (r.at < r.end)
        if (!read_line(&r))
            return false;
    v->n_read = v->n;
    v->end = v->n;
    return true;
}

void lines_fini(struct lines *v)
{
    for (size_t i = 0; i < v->n; i++)
        free(v->lines[i].now);
    free(v->lines);
    free(v->flat);
    *v = (struct lines){0};
}
