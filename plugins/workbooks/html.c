/* Notes are HTML there and plain text here. Pure; text → HTML → text gives the text back, but for
 * blanks at its end. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "wb.h"

#define ENTITY_MAX 10u /* characters of a name or number between '&' and ';' */

/* What editors write by name; the rest they write as numbers or as they are. */
static const struct {
    const char *name;
    uint32_t code;
} entities[] = {
    {"amp", '&'},      {"lt", '<'},       {"gt", '>'},        {"quot", '"'},     {"apos", '\''},
    {"nbsp", ' '},     {"iexcl", 0xa1},   {"cent", 0xa2},     {"pound", 0xa3},   {"yen", 0xa5},
    {"sect", 0xa7},    {"copy", 0xa9},    {"laquo", 0xab},    {"reg", 0xae},     {"deg", 0xb0},
    {"middot", 0xb7},  {"frac12", 0xbd},  {"raquo", 0xbb},    {"iquest", 0xbf},  {"Agrave", 0xc0},
    {"Aacute", 0xc1},  {"Acirc", 0xc2},   {"Atilde", 0xc3},   {"Auml", 0xc4},    {"Aring", 0xc5},
    {"AElig", 0xc6},   {"Ccedil", 0xc7},  {"Egrave", 0xc8},   {"Eacute", 0xc9},  {"Ecirc", 0xca},
    {"Euml", 0xcb},    {"Iacute", 0xcd},  {"Icirc", 0xce},    {"Ntilde", 0xd1},  {"Oacute", 0xd3},
    {"Ocirc", 0xd4},   {"Ouml", 0xd6},    {"Oslash", 0xd8},   {"Uacute", 0xda},  {"Uuml", 0xdc},
    {"szlig", 0xdf},   {"agrave", 0xe0},  {"aacute", 0xe1},   {"acirc", 0xe2},   {"atilde", 0xe3},
    {"auml", 0xe4},    {"aring", 0xe5},   {"aelig", 0xe6},    {"ccedil", 0xe7},  {"egrave", 0xe8},
    {"eacute", 0xe9},  {"ecirc", 0xea},   {"euml", 0xeb},     {"igrave", 0xec},  {"iacute", 0xed},
    {"icirc", 0xee},   {"iuml", 0xef},    {"ntilde", 0xf1},   {"ograve", 0xf2},  {"oacute", 0xf3},
    {"ocirc", 0xf4},   {"otilde", 0xf5},  {"ouml", 0xf6},     {"oslash", 0xf8},  {"ugrave", 0xf9},
    {"uacute", 0xfa},  {"ucirc", 0xfb},   {"uuml", 0xfc},     {"ndash", 0x2013}, {"mdash", 0x2014},
    {"lsquo", 0x2018}, {"rsquo", 0x2019}, {"sbquo", 0x201a},  {"ldquo", 0x201c}, {"rdquo", 0x201d},
    {"bdquo", 0x201e}, {"bull", 0x2022},  {"hellip", 0x2026}, {"euro", 0x20ac},  {"trade", 0x2122},
};

/* Elements that begin a line of their own. */
static bool is_block(const char *name, size_t len)
{
    static const char *const names[] = {"p", "div", "li", "tr", "h1", "h2", "h3", "h4", "ul", "ol"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strlen(names[i]) == len && !strncasecmp(name, names[i], len))
            return true;
    return false;
}

/* Elements whose content nobody reads. */
static bool is_hidden(const char *name, size_t len)
{
    return (len == 5 && !strncasecmp(name, "style", 5)) ||
           (len == 6 && !strncasecmp(name, "script", 6));
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The character of an entity at `s`, and its length with both ends; 0: it is none. */
static size_t entity_at(const char *s, uint32_t *code)
{
    char *end;
    size_t len = 1;
    while (len <= ENTITY_MAX &&
           (is_letter(s[len]) || (s[len] >= '0' && s[len] <= '9') || (s[len] == '#' && len == 1)))
        len++;
    if (len < 3 || s[len] != ';')
        return 0;
    for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++)
        if (strlen(entities[i].name) == len - 1 && !strncmp(s + 1, entities[i].name, len - 1)) {
            *code = entities[i].code;
            return len + 1;
        }
    if (s[1] != '#')
        return 0;
    bool hex = s[2] == 'x' || s[2] == 'X';
    unsigned long n = strtoul(s + 2 + hex, &end, hex ? 16 : 10);
    bool text = n == '\t' || n == '\n' || n == '\r' || (n >= ' ' && n != 0x7f);
    if (end != s + len || !text || n > 0x10ffff || (n >= 0xd800 && n < 0xe000))
        return 0;
    *code = n == 0xa0 ? ' ' : (uint32_t)n;
    return len + 1;
}

static bool looks_like_html(const char *s)
{
    const char *last = strrchr(s, '>');
    uint32_t code;
    for (; *s; s++) {
        if (*s == '<' && last && s < last && (is_letter(s[1]) || s[1] == '/' || s[1] == '!'))
            return true;
        if (*s == '&' && entity_at(s, &code))
            return true;
    }
    return false;
}

/* Behind a tag's '>': one within quotes is the attribute's, unless the quote never ends. */
static const char *tag_end(const char *s)
{
    const char *first = NULL;
    char quote = 0;
    for (; *s; s++) {
        if (*s == '>' && !first)
            first = s + 1;
        if (*s == '>' && !quote)
            return s + 1;
        if (quote)
            quote = *s == quote ? 0 : quote;
        else if (*s == '"' || *s == '\'')
            quote = *s;
    }
    return first ? first : s;
}

/* Behind the closing tag of a hidden element that ends at `s`. */
static const char *skip_hidden(const char *s, const char *name, size_t len)
{
    for (; *s; s++)
        if (*s == '<' && s[1] == '/' && !strncasecmp(s + 2, name, len) && !is_letter(s[2 + len]))
            return tag_end(s);
    return s;
}

/* One tag at `s`: what it does to the text so far. Returns behind it. */
static const char *tag(const char *s, char *out, size_t *n)
{
    bool closing = s[1] == '/';
    const char *name = s + 1 + closing, *end;
    size_t len = 0;
    if (!strncmp(s, "<!--", 4)) {
        end = strstr(s + 4, "-->");
        return end ? end + 3 : s + strlen(s);
    }
    while (is_letter(name[len]) || (name[len] >= '0' && name[len] <= '9'))
        len++;
    end = tag_end(name + len);
    if (!closing && is_hidden(name, len))
        return skip_hidden(end, name, len);
    if (len == 2 && !strncasecmp(name, "br", 2))
        out[(*n)++] = '\n';
    else if (is_block(name, len) && *n && (closing || out[*n - 1] != '\n'))
        out[(*n)++] = '\n';
    return end;
}

static size_t utf8(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(lead[n] | c);
    return n;
}

static const char *entity(const char *s, char *out, size_t *n)
{
    uint32_t code;
    size_t len = entity_at(s, &code);
    if (!len) {
        out[(*n)++] = *s;
        return s + 1;
    }
    if (code != '\r')
        *n += utf8(code, out + *n);
    return s + len;
}

/* A line end of the markup is a blank, where none is and the line does not end anyhow. */
static const char *line_end(const char *s, char *out, size_t *n)
{
    s += strspn(s, "\r\n");
    if (*n && out[*n - 1] != '\n' && out[*n - 1] != ' ' && *s && *s != ' ')
        out[(*n)++] = ' ';
    return s;
}

static size_t read_html(const char *s, char *out)
{
    size_t n = 0;
    while (*s)
        if (*s == '<' && (is_letter(s[1]) || s[1] == '/' || s[1] == '!' || s[1] == '?'))
            s = tag(s, out, &n);
        else if (*s == '&')
            s = entity(s, out, &n);
        else if (*s == '\n' || *s == '\r')
            s = line_end(s, out, &n);
        else
            out[n++] = *s++;
    return n;
}

char *wb_html_to_text(const struct wess_host *host, struct wess_arena *a, const char *html)
{
    size_t n = 0;
    char *out = host->alloc(a, strlen(html) + 2);
    if (!out)
        return NULL;
    if (looks_like_html(html))
        n = read_html(html, out);
    else
        for (const char *s = html; *s; s++)
            if (*s != '\r')
                out[n++] = *s;
    while (n && (out[n - 1] == '\n' || out[n - 1] == ' '))
        n--;
    out[n] = 0;
    return out;
}

char *wb_text_to_html(const struct wess_host *host, struct wess_arena *a, const char *text,
                      size_t len)
{
    char *out = host->alloc(a, len * 5 + 16), *at = out;
    if (!out)
        return NULL;
    at = stpcpy(at, "<p>");
    for (size_t i = 0; i < len; i++) {
        const char *put = text[i] == '&'    ? "&amp;"
                          : text[i] == '<'  ? "&lt;"
                          : text[i] == '>'  ? "&gt;"
                          : text[i] == '\n' ? "<br>"
                          : text[i] == '\r' ? ""
                                            : NULL;
        if (put)
            at = stpcpy(at, put);
        else
            *at++ = text[i];
    }
    stpcpy(at, "</p>");
    return out;
}
