#include "feed/stamp.h"

#include <stdio.h>
#include <string.h>

#define PARTS 5

void stamp_make(const char *site, const char *identity, const char *collection, const char *rid,
                int attempt, char out[STAMP_SIZE])
{
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    unsigned char all[PARTS * DIGEST_SIZE], digest[DIGEST_SIZE];
    char number[16];
    const char *part[PARTS] = {site, identity, collection, rid, number};
    snprintf(number, sizeof(number), "%d", attempt);
    /* Each part is digested by itself, so that no choice of parts can imitate another. */
    for (size_t i = 0; i < PARTS; i++)
        digest_of((struct wess_slice){part[i] ? part[i] : "", part[i] ? strlen(part[i]) : 0},
                  all + i * DIGEST_SIZE);
    digest_of((struct wess_slice){all, sizeof(all)}, digest);
    for (size_t i = 0; i + 1 < STAMP_SIZE; i++)
        out[i] = digits[digest[i % DIGEST_SIZE] & 31u];
    out[STAMP_SIZE - 1] = 0;
}

static const char *natural_key(const struct wess_item *item, const char **space)
{
    const struct kind_def *kind = item->kind ? kind_find(item->kind) : NULL;
    *space = kind ? kind->natural : NULL;
    for (size_t i = 0; *space && i < item->n_keys; i++)
        if (!strcmp(item->keys[i].space, *space))
            return item->keys[i].id;
    return NULL;
}

bool stamp_is_natural(const struct wess_item *item)
{
    const char *space;
    return natural_key(item, &space) != NULL;
}

void stamp_of_item(const char *site, const char *identity, const char *collection,
                   const struct wess_item *item, int attempt, char out[STAMP_SIZE])
{
    const char *space, *key = natural_key(item, &space);
    if (key)
        stamp_make(site, space, NULL, key, attempt, out);
    else
        stamp_make(site, identity, collection, item->id, attempt, out);
}
