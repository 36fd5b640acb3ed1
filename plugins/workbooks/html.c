/* Notes are HTML there and plain text here. Pure; text → HTML → text gives the text back. */
#include <string.h>
#include <strings.h>

#include "wb.h"

static const struct {
    const char *entity;
    const char *text;
} entities[] = {{"&amp;", "&"},  {"&lt;", "<"},   {"&gt;", ">"},   {"&quot;", "\""}, {"&#39;", "'"},
                {"&apos;", "'"}, {"&nbsp;", " "}, {"&#160;", " "}, {"&#13;", ""}};

/* Elements that begin a line of their own. */
static bool is_block(const char *name, size_t len)
{
    static const char *const names[] = {"p", "div", "li", "tr", "h1", "h2", "h3", "h4", "ul", "ol"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strlen(names[i]) == len && !strncasecmp(name, names[i], len))
            return true;
    return false;
}

static bool looks_like_html(const char *s)
{
    for (; *s; s++) {
        if (*s == '<' &&
            ((s[1] >= 'a' && s[1] <= 'z') || (s[1] >= 'A' && s[1] <= 'Z') || s[1] == '/' ||
             s[1] == '!') &&
            strchr(s, '>'))
            return true;
        if (*s == '&')
            for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++)
                if (!strncmp(s, entities[i].entity, strlen(entities[i].entity)))
                    return true;
    }
    return false;
}

/* One tag at `s`: what it does to the text so far. Returns behind it. */
static const char *tag(const char *s, char *out, size_t *n)
{
    const char *end = strchr(s, '>');
    bool closing = s[1] == '/';
    const char *name = s + 1 + closing;
    size_t len = 0;
    if (!end)
        return s + strlen(s);
    while ((name[len] >= 'a' && name[len] <= 'z') || (name[len] >= 'A' && name[len] <= 'Z') ||
           (name[len] >= '0' && name[len] <= '9'))
        len++;
    if (len == 2 && !strncasecmp(name, "br", 2))
        out[(*n)++] = '\n';
    else if (closing && is_block(name, len) && *n)
        out[(*n)++] = '\n';
    else if (!closing && is_block(name, len) && *n && out[*n - 1] != '\n')
        out[(*n)++] = '\n';
    return end + 1;
}

static const char *entity(const char *s, char *out, size_t *n)
{
    for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
        size_t len = strlen(entities[i].entity);
        if (strncmp(s, entities[i].entity, len))
            continue;
        for (const char *t = entities[i].text; *t; t++)
            out[(*n)++] = *t;
        return s + len;
    }
    out[(*n)++] = *s;
    return s + 1;
}

char *wb_html_to_text(const struct wess_host *host, struct wess_arena *a, const char *html)
{
    size_t n = 0, len = strlen(html);
    char *out = host->alloc(a, len + 2);
    if (!out)
        return NULL;
    if (!looks_like_html(html)) {
        for (const char *s = html; *s; s++)
            if (*s != '\r')
                out[n++] = *s;
    } else {
        for (const char *s = html; *s;) {
            if (*s == '<')
                s = tag(s, out, &n);
            else if (*s == '&')
                s = entity(s, out, &n);
            else if (*s == '\n' || *s == '\r')
                s++; /* layout of the markup */
            else
                out[n++] = *s++;
        }
    }
    while (n && (out[n - 1] == '\n' || out[n - 1] == ' '))
        n--;
    out[n] = 0;
    return out;
}

char *wb_text_to_html(const struct wess_host *host, struct wess_arena *a, const char *text,
                      size_t len)
{
    char *out = host->alloc(a, len * 6 + 16), *at = out;
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
