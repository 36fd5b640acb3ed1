/* Keywords and tags: what one means to the other. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "imap.h"

static bool is_keyword(const char *word, const char *of, size_t len)
{
    return strlen(word) == len && !strncasecmp(word, of, len);
}

/* The map first; else the keyword as it is written, with spaces for "_". What begins with "$" or a
 * backslash was set by programs, and is no tag of a person's unless the map says so. */
const char *imap_tag_of(struct wess_call *call, struct imap_text k, bool *spent)
{
    const struct wess_conn *c = call->conn;
    for (size_t i = 0; i < c->n_map; i++)
        if (is_keyword(c->map[i].keyword, k.of, k.len))
            return c->map[i].tag;
    if (!k.len || *k.of == '$' || *k.of == '\\')
        return NULL;
    char *tag = wess_arena_textn(c->host, call->arena, k.of, k.len);
    *spent |= !tag;
    for (char *s = tag; s && *s; s++)
        if (*s == '_')
            *s = ' ';
    return tag;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

enum wess_code imap_tags(struct wess_call *call, struct imap_at flags, struct wess_list *out)
{
    const char *found[IMAP_KEYWORDS_MAX];
    struct imap_text flag;
    size_t n = 0, kept = 0;
    bool spent = false;
    *out = (struct wess_list){NULL, 0};
    while (imap_flag(&flags, &flag) && n < IMAP_KEYWORDS_MAX) {
        const char *tag = imap_tag_of(call, flag, &spent);
        if (tag)
            found[n++] = tag;
    }
    const char **of = n ? call->conn->host->alloc(call->arena, n * sizeof(*of)) : NULL;
    if (spent || (n && !of))
        return imap_spent(call);
    if (n)
        qsort(found, n, sizeof(*found), by_bytes);
    for (size_t i = 0; i < n; i++)
        if (!kept || strcmp(of[kept - 1], found[i]) != 0)
            of[kept++] = found[i];
    *out = (struct wess_list){of, kept};
    return WESS_OK;
}

const char *imap_keyword_of(struct wess_call *call, const char *tag)
{
    const struct wess_conn *c = call->conn;
    for (size_t i = 0; i < c->n_map; i++)
        if (!strcasecmp(c->map[i].tag, tag))
            return c->map[i].keyword;
    char *word = wess_arena_text(c->host, call->arena, tag);
    for (char *s = word; s && *s; s++) {
        if (*s == ' ')
            *s = '_';
        else if ((unsigned char)*s <= 0x20 || (unsigned char)*s >= 0x7f ||
                 strchr("(){%*\"\\]$", *s))
            return NULL;
    }
    return word && *word ? word : NULL;
}

bool imap_may_write(const struct wess_conn *c, const char *tag)
{
    for (size_t i = 0; i < c->n_write; i++)
        if (!strcasecmp(c->write[i], tag))
            return true;
    return false;
}

const char *imap_digest(struct wess_call *call, struct wess_list tags)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < tags.n; i++)
        for (const char *s = tags.of[i];; s++) {
            h = (h ^ (unsigned char)*s) * 1099511628211u;
            if (!*s)
                break;
        }
    return wess_arena_fmt(call->conn->host, call->arena, "t%016llx", (unsigned long long)h);
}
