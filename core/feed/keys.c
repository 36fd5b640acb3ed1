/* What an item is found by: hashes, so that of what nobody shared nothing can be read. */
#include <string.h>

#include "feed/pull.h"
#include "feed/stamp.h"

static unsigned char label_of(const char *space, size_t len)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)space[i]) * 16777619u;
    return (unsigned char)(h ^ h >> 8 ^ h >> 16 ^ h >> 24);
}

unsigned char key_label(const char *space)
{
    unsigned char label = label_of(space, strlen(space)) & (HASH_WITHIN - 1);
    return strchr(space, '+') ? label | HASH_WITHIN : label;
}

bool key_base(const char *space, unsigned char *label)
{
    const char *plus = strchr(space, '+');
    if (plus)
        *label = label_of(space, (size_t)(plus - space)) & (HASH_WITHIN - 1);
    return plus != NULL;
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

/* A key within another one is found through that: by itself it is worth nothing. */
static bool stands(const struct wess_item *facts, const char *space)
{
    const char *plus = strchr(space, '+');
    for (size_t i = 0; plus && i < facts->n_keys; i++)
        if (!strncmp(facts->keys[i].space, space, (size_t)(plus - space)) &&
            !facts->keys[i].space[plus - space])
            return true;
    return !plus;
}

bool facts_hashes(const struct key_maker *k, struct wess_arena *a, const struct wess_item *facts,
                  struct hash **out, size_t *n)
{
    struct hash *of = arena_alloc(a, (2 * facts->n_keys + 1) * sizeof(*of));
    bool names = k->by_name || !has_key(facts, "email");
    *out = of;
    *n = 0;
    if (!of)
        return false;
    for (size_t i = 0; i < facts->n_keys; i++) {
        const struct wess_key *key = &facts->keys[i];
        bool name = !strcmp(key->space, "fn");
        if ((names || (!name && strcmp(key->space, "fn+phone") != 0)) && stands(facts, key->space))
            of[(*n)++] = key_hash(k->store, key->space, key->id);
        if (!name)
            continue;
        const char *plain = text_fold_plain(a, key->id);
        if (!plain)
            return false;
        of[(*n)++] = key_hash(k->store, KEY_PLAIN_NAME, plain);
    }
    if (!has_key(facts, "wess")) { /* what bears a stamp has a source, and is none */
        char stamp[STAMP_SIZE];
        stamp_of_item(k->site, k->identity, k->feed->collection, facts, 0, stamp);
        of[(*n)++] = key_hash(k->store, KEY_DERIVED, stamp);
    }
    return true;
}
