/* What a configuration includes is looked at before libconfig reads it: its scanner ends the whole
 * program at what it can open and not read, such as a folder, and waits at a pipe for ever. And it
 * takes a comment that is never closed for one that ends with the file. */
#include <stdlib.h>
#include <string.h>

#include "config/read.h"
#include "host/exec.h"

#define INCLUDED_BYTES ((size_t)4 << 20)
#define DEEPEST 10 /* libconfig's own bound */

struct text {
    const char *file, *at; /* file NULL: the configuration itself */
    int line, depth;
};

static bool look_through(struct reader *r, struct text t);

static bool is_sound(struct reader *r, const struct text *t, const char *name)
{
    const char *path = name ? arena_fmt(r->a, "%s%s", r->folder ? r->folder : "", name) : NULL;
    const char *why = NULL;
    char *text = NULL;
    size_t len = 0;
    if (!path)
        trouble_in(r, t->file, t->line, "out of memory");
    else if (t->depth == DEEPEST)
        trouble_in(r, t->file, t->line,
                   "%s cannot be included: that is %d deep already; no file may include itself",
                   path, DEEPEST);
    else if (!file_read(path, INCLUDED_BYTES, false, &text, &len, &why))
        trouble_in(r, t->file, t->line, "%s cannot be included: %s%s", path, why,
                   r->folder ? "; its path is taken from the folder of the configuration" : "");
    if (!text)
        return false;
    bool ok = look_through(r, (struct text){path, text, 1, t->depth + 1});
    explicit_bzero(text, len);
    free(text);
    return ok;
}

/* Behind a comment, or a text in quotes, that begins here; else the place itself. */
static const char *behind(const char *at)
{
    if (*at == '#' || (*at == '/' && at[1] == '/'))
        return at + strcspn(at, "\n");
    if (*at == '/' && at[1] == '*') {
        const char *end = strstr(at + 2, "*/");
        return end ? end + 2 : at + strlen(at);
    }
    if (*at != '"')
        return at;
    for (at++; *at && *at != '"'; at++)
        at += *at == '\\' && at[1];
    return *at ? at + 1 : at;
}

/* The name that is included by the line that begins here; NULL: none. */
static const char *included(struct reader *r, const char *at, bool *is_include)
{
    static const char word[] = "@include";
    size_t n = 0;
    at += strspn(at, " \t");
    *is_include = !strncmp(at, word, sizeof(word) - 1);
    at += *is_include ? sizeof(word) - 1 : 0;
    size_t space = strspn(at, " \t");
    *is_include = *is_include && space && at[space] == '"';
    if (!*is_include)
        return NULL;
    at += space + 1;
    char *name = arena_textn(r->a, at, strcspn(at, "\n"));
    for (; name && *at && *at != '"' && *at != '\n'; at++) {
        at += *at == '\\' && at[1] && at[1] != '\n';
        name[n++] = *at;
    }
    if (name)
        name[n] = 0;
    return name;
}

static bool look_through(struct reader *r, struct text t)
{
    bool begins = true; /* a line */
    while (*t.at) {
        bool is_include = false;
        const char *name = begins ? included(r, t.at, &is_include) : NULL;
        if (is_include && !is_sound(r, &t, name))
            return false;
        if (!is_include && t.at[0] == '/' && t.at[1] == '*' && !strstr(t.at + 2, "*/")) {
            trouble_in(r, t.file, t.line, "the comment here is never closed");
            return false;
        }
        const char *next = is_include ? t.at + strcspn(t.at, "\n") : behind(t.at);
        next += next == t.at;
        begins = next[-1] == '\n';
        for (; t.at < next; t.at++)
            t.line += *t.at == '\n';
    }
    return true;
}

bool comes_whole(struct reader *r, const char *text)
{
    return look_through(r, (struct text){NULL, text, 1, 0});
}
