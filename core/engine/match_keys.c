/* Who bears a key, and what that says: asked by the stage "match" of what is new, and by others of
 * what is gone, in doubt, or about to be made. */
#include <string.h>

#include "engine/match.h"

void candidates_add(struct candidates *c, int64_t id)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->of[i] == id)
            return;
    if (c->n < CANDIDATES_MAX)
        c->of[c->n++] = id;
    else
        c->many = true;
}

bool match_is_borne(struct run *r, struct batch *b, enum side side, unsigned char label)
{
    unsigned char *known = &b->borne[side][label];
    if (!*known)
        *known = keys_any(r->db, r->side[side].feed.id, label) ? BORNE : NOT_BORNE;
    return *known == BORNE;
}

bool candidates_by_hash(struct run *r, struct batch *b, enum side side, const struct hash *h,
                        const struct hash *also, struct candidates *c)
{
    int64_t ids[CANDIDATES_MAX + 1];
    size_t n = 0;
    if (!match_is_borne(r, b, side, h->of[0]))
        return true;
    if (items_by_key(r->db, r->side[side].feed.id, h, also, ids, CANDIDATES_MAX + 1, &n) ==
        STORE_FAIL)
        return false; /* told by who began to read */
    for (size_t i = 0; i < n && i < CANDIDATES_MAX + 1; i++)
        candidates_add(c, ids[i]);
    return true;
}

/* Those of the side who bear key `at` of a space. */
bool candidates_by_key(struct run *r, struct batch *b, enum side side, const char *space,
                       const struct hash *keys, size_t n, size_t at, struct candidates *c)
{
    unsigned char base;
    if (!key_base(space, &base))
        return candidates_by_hash(r, b, side, &keys[at], NULL, c);
    for (size_t i = 0; i < n; i++)
        if (keys[i].of[0] == base && !candidates_by_hash(r, b, side, &keys[i], &keys[at], c))
            return false;
    return true;
}

bool match_is_sure(const struct kind_def *kind, const struct hash *key)
{
    if (key->of[0] == key_label(KEY_DERIVED))
        return true;
    for (size_t k = 0; k < kind->n_sure; k++)
        if (key->of[0] == key_label(kind->keys[k]))
            return true;
    return false;
}

/* Without an address it is known by its name. */
bool match_by_name(const struct hash *keys, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (keys[i].of[0] == key_label("email"))
            return false;
    return true;
}

/* Whether a twin would be looked for under that key. */
static bool is_asked(const struct run *r, const struct hash *key, bool by_name, const char **space)
{
    *space = "";
    if (key->of[0] == key_label(KEY_DERIVED) ||
        (r->pair->files && key->of[0] == key_label(r->pair->kind->natural)) ||
        (by_name && key->of[0] == key_label(KEY_PLAIN_NAME)))
        return true;
    for (size_t m = 0; m < r->pair->n_match; m++) {
        *space = r->pair->match[m].space;
        if (key->of[0] == key_label(*space))
            return true;
    }
    return false;
}

bool match_ties(const struct run *r, const struct hash *key, bool by_name)
{
    const char *space;
    return is_asked(r, key, by_name, &space) || match_is_sure(r->pair->kind, key);
}

static bool lookalikes(struct run *r, struct wess_arena *a, enum side from, int64_t item,
                       struct candidates *c)
{
    struct batch fresh = {.n = 0}; /* knows nothing of what is borne */
    struct hash *keys = NULL;
    const char *space;
    size_t n = 0;
    if (item_key_hashes(r->db, a, item, &keys, &n) != STORE_OK)
        return false;
    bool by_name = match_by_name(keys, n);
    for (size_t i = 0; i < n; i++)
        if (is_asked(r, &keys[i], by_name, &space) &&
            !candidates_by_key(r, &fresh, other_side(from), space, keys, n, i, c))
            return false;
    return true;
}

/* Two that bear it are linked without asking. */
static bool links(const struct run *r, const struct hash *key, const char **space)
{
    *space = "";
    if (key->of[0] == key_label(KEY_DERIVED))
        return true;
    for (size_t m = 0; m < r->pair->n_match; m++) {
        *space = r->pair->match[m].space;
        if (key->of[0] == key_label(*space))
            return r->pair->match[m].one == MATCH_LINK;
    }
    return false;
}

bool match_survivor(struct run *r, struct batch *b, enum side side, int64_t gone,
                    struct item_row *out)
{
    struct candidates c = {.n = 0};
    struct hash *keys = NULL;
    struct link_row link;
    const char *space;
    size_t n = 0;
    *out = (struct item_row){0};
    if (item_key_hashes(r->db, b->arena, gone, &keys, &n) != STORE_OK)
        return run_store_failed(r);
    for (size_t i = 0; i < n; i++)
        if (links(r, &keys[i], &space) && !candidates_by_key(r, b, side, space, keys, n, i, &c))
            return run_store_failed(r);
    if (c.n != 1 || c.many)
        return true;
    if (item_get(r->db, b->arena, c.of[0], out) != STORE_OK)
        return run_store_failed(r);
    bool untagged = !(out->flags & ITEM_CHOSEN) &&
                    (r->side[side].selector.any.n || r->side[side].selector.all.n);
    if (untagged || item_private(r, side, out) || batch_links(b, side, out->id) ||
        link_of(r->db, b->arena, r->pu.id, side, out->id, &link) != STORE_NONE)
        *out = (struct item_row){0};
    return !db_failed(r->db) || run_store_failed(r);
}

bool match_exists(struct run *r, struct wess_arena *a, enum side from, int64_t item)
{
    struct candidates c = {.n = 0};
    return lookalikes(r, a, from, item, &c) && c.n;
}

bool match_free(struct run *r, struct wess_arena *a, enum side from, int64_t item)
{
    struct candidates c = {.n = 0};
    struct link_row link;
    if (!lookalikes(r, a, from, item, &c))
        return false;
    for (size_t i = 0; i < c.n; i++)
        if (link_of(r->db, a, r->pu.id, other_side(from), c.of[i], &link) == STORE_NONE)
            return true;
    return false;
}
