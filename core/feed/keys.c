/* What an item is found by: hashes, so that of what nobody shared nothing can be read. */
#include <string.h>

#include "feed/pull.h"
#include "feed/stamp.h"

unsigned char key_label(const char *space)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (const char *s = space; *s; s++)
        h = (h ^ (unsigned char)*s) * 16777619u;
    return (unsigned char)(h ^ h >> 8 ^ h >> 16 ^ h >> 24);
}

struct hash key_hash(const struct store *store, const char *space, const char *id)
{
    if (!strcmp(space, "wess")) /* whoever bears a stamp, and whose twin would bear it */
        space = KEY_DERIVED;
    struct hash h = store_hash(store, space, id);
    h.of[0] = key_label(space);
    return h;
}

static bool has_key(const struct wess_item *facts, const char *space)
{
    for (size_t i = 0; i < facts->n_keys; i++)
        if (!strcmp(facts->keys[i].space, space))
            return true;
    return false;
}

bool item_store_keys(const struct key_maker *k, struct db *db, struct wess_arena *a, int64_t item,
                     const struct wess_item *facts)
{
    struct hash *of = arena_alloc(a, (2 * facts->n_keys + 1) * sizeof(*of));
    bool names = k->by_name || !has_key(facts, "email");
    size_t n = 0;
    if (!of)
        return false;
    for (size_t i = 0; i < facts->n_keys; i++) {
        const struct wess_key *key = &facts->keys[i];
        bool name = !strcmp(key->space, "fn");
        if (names || (!name && strcmp(key->space, "fn+phone") != 0))
            of[n++] = key_hash(k->store, key->space, key->id);
        if (!name)
            continue;
        const char *plain = text_fold_plain(a, key->id);
        if (!plain)
            return false;
        of[n++] = key_hash(k->store, KEY_PLAIN_NAME, plain);
    }
    if (!has_key(facts, "wess")) { /* what bears a stamp has a source, and is none */
        char stamp[STAMP_SIZE];
        stamp_make(k->site, k->identity, k->feed->collection, facts->id, 0, stamp);
        of[n++] = key_hash(k->store, KEY_DERIVED, stamp);
    }
    return item_keys(db, k->feed->id, item, of, n) == STORE_OK;
}
