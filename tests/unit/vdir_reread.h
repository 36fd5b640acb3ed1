/* What is told of a card that was written without reading it is what reading it tells. */
#ifndef TEST_VDIR_REREAD_H
#define TEST_VDIR_REREAD_H

#include <string.h>

#include "vdir.h"

static inline bool same_slice(struct wess_slice a, struct wess_slice b)
{
    return a.len == b.len && (!a.len || !memcmp(a.data, b.data, a.len));
}

static inline bool same_line(const struct line *a, const struct line *b)
{
    return same_slice(a->text, b->text) && same_slice(a->group, b->group) &&
           same_slice(a->name, b->name) && same_slice(a->params, b->params) &&
           same_slice(a->value, b->value) && !a->dropped && a->aside == b->aside;
}

/* `written`: what lines_write() made `text` of. *sure: it was known without reading. */
static inline bool rereads(struct lines *written, const char *text, size_t len, bool *sure)
{
    struct lines read;
    struct lines_fault fault;
    bool same = vcard_read(&read, text, len, &fault);
    *sure = lines_reread(written, len);
    if (*sure)
        same = same && vdir_contacts.frame(written, &fault) && written->n == read.n &&
               written->n_read == read.n_read && written->end == read.end &&
               written->version == read.version;
    for (size_t i = 0; *sure && same && i < read.n; i++)
        same = same_line(&written->lines[i], &read.lines[i]);
    lines_fini(&read);
    return same;
}

#endif
