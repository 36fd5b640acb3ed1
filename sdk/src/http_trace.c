#include "http_trace.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BODY_MOST ((size_t)1 << 20)
#define NAME_MOST 256u /* how far back a name may begin */
#define MASK "(masked)"

void trace_fini(struct trace *t)
{
    if (t->text)
        explicit_bzero(t->text, t->cap);
    free(t->text);
    *t = (struct trace){0};
}

static bool room(struct trace *t, size_t more)
{
    size_t cap = t->cap ? t->cap : 4096;
    while (cap < t->len + more)
        cap *= 2;
    char *text = cap > t->cap ? malloc(cap) : t->text;
    t->spent |= !text;
    if (!text || text == t->text)
        return text != NULL;
    if (t->len)
        memcpy(text, t->text, t->len);
    bool spent = t->spent;
    size_t len = t->len;
    trace_fini(t);
    *t = (struct trace){text, len, cap, spent};
    return true;
}

void trace_add(struct trace *t, const char *text, size_t len)
{
    if (t->spent || !len || !room(t, len))
        return;
    memcpy(t->text + t->len, text, len);
    t->len += len;
}

/* ---- names that speak of a secret
 * ------------------------------------------------------------------------------------------ */

static bool same(const char *a, const char *b, size_t len)
{
    return strncasecmp(a, b, len) == 0;
}

static bool holds(const char *name, size_t len, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= len; i++)
        if (same(name + i, word, n))
            return true;
    return false;
}

static bool is_secret(const char *name, size_t len)
{
    static const char *const words[] = {"password",    "passwd",        "secret",     "token",
                                        "assertion",   "api_key",       "apikey",     "api-key",
                                        "cookie",      "authorization", "session_id", "sessionid",
                                        "device_code", "user_code",     "credential", "private"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (holds(name, len, words[i]))
            return true;
    return len == 4 && same(name, "code", 4); /* of an authorization */
}

static bool of_name(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.' || c == ':' || c == '%';
}

/* The word that ends before `at`, past quotes and blanks. */
static bool named_before(const char *text, size_t at)
{
    while (at && (text[at - 1] == '"' || text[at - 1] == '\'' || text[at - 1] == ' '))
        at--;
    size_t end = at;
    while (at && end - at < NAME_MOST && of_name(text[at - 1]))
        at--;
    return is_secret(text + at, end - at);
}

/* The name of the start tag that ends at the '>' of `at`. */
static bool tag_before(const char *text, size_t at)
{
    size_t begin = at;
    while (begin && at - begin < NAME_MOST && text[begin - 1] != '<' && text[begin - 1] != '>')
        begin--;
    if (!begin || text[begin - 1] != '<' || text[begin] == '/')
        return false;
    size_t len = 0;
    while (begin + len < at && of_name(text[begin + len]))
        len++;
    return is_secret(text + begin, len);
}

/* How many bytes from `at` on are the value behind a separator; `*skip` of them stay as they are.
 */
static size_t value_len(const char *text, size_t len, size_t at, char separator, size_t *skip)
{
    size_t i = at;
    const char *ends = separator == '=' ? "& \t\r\n<" : ",}] \t\r\n<";
    while (separator == ':' && i < len && (text[i] == ' ' || text[i] == '\t'))
        i++;
    char quote = i < len && (text[i] == '"' || text[i] == '\'') ? text[i++] : 0;
    *skip = i - at;
    if (separator == '>')
        while (i < len && text[i] != '<')
            i++;
    else if (quote)
        for (; i < len && text[i] != quote; i++)
            i += text[i] == '\\' && i + 1 < len;
    else
        while (i < len && (!text[i] || !strchr(ends, text[i])))
            i++;
    return i - at;
}

static void masked(struct trace *t, const char *text, size_t len)
{
    size_t kept = 0, at = 0;
    while (at < len) {
        char c = text[at++];
        bool secret = (c == '=' || c == ':') ? named_before(text, at - 1)
                      : c == '>'             ? tag_before(text, at - 1)
                                             : false;
        if (!secret)
            continue;
        size_t skip, n = value_len(text, len, at, c, &skip);
        if (n <= skip)
            continue;
        trace_add(t, text + kept, at + skip - kept);
        trace_add(t, MASK, strlen(MASK));
        at = kept = at + n;
    }
    trace_add(t, text + kept, len - kept);
}

/* ---- heads and bodies
 * ------------------------------------------------------------------------------------------ */

static bool signs_in(const char *name, size_t len)
{
    static const char *const exact[] = {"www-authenticate", "proxy-authenticate",
                                        "authentication-info", "proxy-authentication-info"};
    for (size_t i = 0; i < sizeof(exact) / sizeof(exact[0]); i++)
        if (len == strlen(exact[i]) && same(name, exact[i], len))
            return true;
    return is_secret(name, len);
}

/* How many bytes of a value name the way of signing in: "Bearer" of "Bearer eyJ..". */
static size_t way_len(const char *value, size_t len)
{
    static const char *const ways[] = {"basic", "bearer", "digest", "negotiate", "ntlm"};
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        size_t n = strlen(ways[i]);
        if (len >= n && same(value, ways[i], n) && (len == n || value[n] == ' '))
            return n;
    }
    return 0;
}

static void head_line(struct trace *t, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    size_t name = colon ? (size_t)(colon - line) : 0, at = name + 1;
    if (!name || memchr(line, ' ', name) || !signs_in(line, name)) {
        masked(t, line, len); /* an address may bear a key */
        return;
    }
    while (at < len && line[at] == ' ')
        at++;
    size_t way = way_len(line + at, len - at);
    trace_add(t, line, at + way);
    if (at + way < len)
        trace_add(t, way ? " " MASK : MASK, strlen(MASK) + (way > 0));
}

void trace_head(struct trace *t, const char *head, size_t len)
{
    for (size_t at = 0, end; at < len; at = end + 1) {
        const char *lf = memchr(head + at, '\n', len - at);
        end = lf ? (size_t)(lf - head) : len;
        size_t line = end - at;
        while (line && (head[at + line - 1] == '\r' || head[at + line - 1] == '\n'))
            line--;
        head_line(t, head + at, line);
        trace_add(t, "\n", 1);
    }
}

void trace_body(struct trace *t, const char *body, size_t len)
{
    char cut[64];
    /* Masked before it is cut: a value must not end where its name is left. */
    size_t whole = t->len;
    masked(t, body, len);
    if (!t->spent && t->len - whole > BODY_MOST) {
        size_t more = t->len - whole - BODY_MOST;
        t->len = whole + BODY_MOST;
        snprintf(cut, sizeof(cut), "\n... %zu bytes more", more);
        trace_add(t, cut, strlen(cut));
    }
    if (len)
        trace_add(t, "\n", 1);
}
