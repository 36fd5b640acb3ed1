/* The stage "match": does the other side have it already? Unique seen from both sides and free
 * links it, where the rule says so; everything else is a question, never a guess. Only hashes of
 * keys are needed, so nothing is read for it. */
#include "engine/run.h"

#include <stdlib.h>
#include <string.h>

#include "feed/stamp.h"

struct candidates {
    int64_t of[CANDIDATES_MAX];
    size_t n;
    bool many; /* more than fit */
};

static void add_candidate(struct candidates *c, int64_t id)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->of[i] == id)
            return;
    if (c->n < CANDIDATES_MAX)
        c->of[c->n++] = id;
    else
        c->many = true;
}

/* Whether any item of that side bears a key of that space, as of the beginning of this batch. */
static bool is_borne(struct run *r, struct batch *b, enum side side, unsigned char label)
{
    unsigned char *known = &b->borne[side][label];
    if (!*known)
        *known = keys_any(r->db, r->side[side].feed.id, label) ? BORNE : NOT_BORNE;
    return *known == BORNE;
}

static bool by_hash(struct run *r, struct batch *b, enum side side, const struct hash *h,
                    const struct hash *also, struct candidates *c)
{
    int64_t ids[CANDIDATES_MAX + 1];
    size_t n = 0;
    if (!is_borne(r, b, side, h->of[0]))
        return true;
    if (items_by_key(r->db, r->side[side].feed.id, h, also, ids, CANDIDATES_MAX + 1, &n) ==
        STORE_FAIL)
        return false; /* told by who began to read */
    for (size_t i = 0; i < n && i < CANDIDATES_MAX + 1; i++)
        add_candidate(c, ids[i]);
    return true;
}

/* Those of the side who bear key `at` of a space. */
static bool by_key(struct run *r, struct batch *b, enum side side, const char *space,
                   const struct hash *keys, size_t n, size_t at, struct candidates *c)
{
    unsigned char base;
    if (!key_base(space, &base))
        return by_hash(r, b, side, &keys[at], NULL, c);
    for (size_t i = 0; i < n; i++)
        if (keys[i].of[0] == base && !by_hash(r, b, side, &keys[i], &keys[at], c))
            return false;
    return true;
}

/* ---- turning a candidate into an act ------------------------------------------------------------
 */

static void ask(struct entry *e, const char *reason, const struct candidates *c)
{
    e->act = ACT_ASK;
    e->reason = reason;
    e->n_candidates = c->n;
    memcpy(e->candidates, c->of, c->n * sizeof(c->of[0]));
}

/* An entry of the same batch that stands for that item leaves it to this one. */
static void absorb(struct batch *b, struct entry *e, enum side side, int64_t item)
{
    for (size_t i = 0; i < b->n; i++) {
        struct entry *twin = &b->of[i];
        if (twin == e || twin->todo.side != side || twin->todo.item != item)
            continue;
        e->has_todo[side] = true;
        e->chosen[side] = twin->chosen[side];
        e->todo.released |= twin->todo.released;
        twin->act = ACT_WAIT;
    }
}

static bool link_to(struct run *r, struct batch *b, struct entry *e, int64_t id)
{
    enum side side = e->todo.side, other = other_side(side);
    struct todo_row todo;
    if (item_get(r->db, b->arena, id, &e->row[other]) != STORE_OK)
        return run_store_failed(r);
    if (item_private(r, other, &e->row[other])) {
        /* It takes no part: neither is it read, nor doubled. */
        e->act = ACT_DROP;
        e->reason = WHY_PRIVATE;
        return true;
    }
    e->link = (struct link_row){.pu = r->pu.id, .unseen = {"", ""}};
    e->link.item[side] = e->todo.item;
    e->link.item[other] = id;
    e->linked = e->fresh = true;
    e->act = ACT_MERGE;
    e->reason = WHY_LINKED;
    if (todo_get(r->db, r->pu.id, other, id, &todo) == STORE_OK && !todo.hold) {
        e->has_todo[other] = true;
        e->chosen[other] = todo.chosen;
    }
    absorb(b, e, other, id);
    for (int s = LEFT; s <= RIGHT; s++)
        e->link.chosen[s] = e->chosen[s] == CHOSEN;
    return true;
}

enum standing { FREE, TAKEN, WAS_LINKED, UNTAGGED_TWIN, MOVING };

/* How the only candidate stands towards this pair and user. */
static bool standing(struct run *r, struct batch *b, const struct entry *e, int64_t id,
                     enum standing *out)
{
    enum side other = other_side(e->todo.side);
    struct link_row link;
    struct item_row row, twin;
    enum store_code rc = link_of(r->db, b->arena, r->pu.id, other, id, &link);
    *out = FREE;
    if (rc == STORE_FAIL || item_get(r->db, b->arena, id, &row) != STORE_OK)
        return run_store_failed(r);
    if (rc == STORE_OK && link.ended)
        *out = WAS_LINKED;
    else if (rc == STORE_OK)
        /* Its twin is reported gone: this may be the same item at another place; that is weighed
         * first. */
        *out = item_get(r->db, b->arena, link.item[e->todo.side], &twin) == STORE_OK &&
                       (twin.flags & (ITEM_GONE | ITEM_ABSENT))
                   ? MOVING
                   : TAKEN;
    else if (!(row.flags & ITEM_CHOSEN) &&
             (r->side[other].selector.any.n || r->side[other].selector.all.n))
        *out = UNTAGGED_TWIN;
    return true;
}

static bool only_one(struct run *r, struct batch *b, struct entry *e, enum match_one one,
                     bool unique_here, const struct candidates *c)
{
    enum standing st;
    if (!standing(r, b, e, c->of[0], &st))
        return false;
    switch (st) {
    case MOVING:
        e->act = ACT_WAIT;
        return true;
    case TAKEN:
        ask(e, ASK_DUPLICATE, c);
        return true;
    case WAS_LINKED:
        ask(e, ASK_ENDED, c);
        return true;
    case UNTAGGED_TWIN:
        ask(e, ASK_UNTAGGED, c);
        return true;
    case FREE:
        break;
    }
    if (!unique_here)
        ask(e, ASK_SEVERAL, c);
    else if (one == MATCH_ASK)
        ask(e, ASK_RULE, c);
    else
        return link_to(r, b, e, c->of[0]);
    return true;
}

/* ---- the ways to find a twin, in their order
 * ------------------------------------------------------ */

static bool answered(struct run *r, struct batch *b, struct entry *e, bool *done)
{
    struct ask_row row;
    enum store_code rc = ask_of_item(r->db, b->arena, r->pu.id, e->todo.side, e->todo.item, &row);
    if (rc == STORE_FAIL)
        return run_store_failed(r);
    if (rc != STORE_OK || !row.answer)
        return true;
    *done = true;
    if (!strncmp(row.answer, "link:", 5)) {
        struct item_row twin;
        const char *id = row.answer + 5;
        enum side other = other_side(e->todo.side);
        struct link_row link;
        if (item_by_rid(r->db, b->arena, r->side[other].feed.id, id, &twin) != STORE_OK &&
            item_get(r->db, b->arena, strtoll(id, NULL, 10), &twin) != STORE_OK) {
            *done = false; /* no such item any more: asked again */
            return true;
        }
        if (link_of(r->db, b->arena, r->pu.id, other, twin.id, &link) == STORE_OK && !link.ended) {
            *done = false;
            return true;
        }
        return link_to(r, b, e, twin.id);
    }
    if (!strcmp(row.answer, "create"))
        return true; /* the act is ACT_CREATE already */
    e->act = ACT_DROP;
    e->reason = WHY_DECLINED;
    for (const char *s = row.candidates; s && *s; s = strchr(s, ',') ? strchr(s, ',') + 1 : "")
        if (e->n_candidates < CANDIDATES_MAX)
            e->candidates[e->n_candidates++] = strtoll(s, NULL, 10);
    return true;
}

/* Who bears what only one and the same has. */
static bool the_same(struct run *r, struct batch *b, struct entry *e, const struct candidates *c,
                     bool *done)
{
    enum standing st;
    if (!c->n)
        return true;
    *done = true;
    if (c->n > 1) {
        ask(e, ASK_SEVERAL, c);
        return true;
    }
    if (!standing(r, b, e, c->of[0], &st))
        return false;
    if (st == TAKEN || st == WAS_LINKED)
        ask(e, st == TAKEN ? ASK_DUPLICATE : ASK_ENDED, c);
    else if (st == MOVING)
        e->act = ACT_WAIT;
    else
        return link_to(r, b, e, c->of[0]);
    return true;
}

static bool by_stamp(struct run *r, struct batch *b, struct entry *e, const struct hash *keys,
                     size_t n, bool *done)
{
    enum side side = e->todo.side, other = other_side(side);
    const unsigned char derived = key_label(KEY_DERIVED);
    struct candidates c = {.n = 0};
    for (size_t i = 0; i < n; i++)
        if (keys[i].of[0] == derived && !by_hash(r, b, other, &keys[i], NULL, &c))
            return false;
    /* By where it lies: attempt 0 of what has no natural key is among its keys. */
    for (int attempt = r->pair->kind->natural ? 0 : 1;
         attempt < STAMP_ATTEMPTS && is_borne(r, b, other, derived); attempt++) {
        char stamp[STAMP_SIZE];
        stamp_make(r->cfg->site, r->side[side].schema->identity, r->side[side].feed.collection,
                   e->row[side].rid, attempt, stamp);
        struct hash h = key_hash(r->store, KEY_DERIVED, stamp);
        if (!by_hash(r, b, other, &h, NULL, &c))
            return false;
    }
    return the_same(r, b, e, &c, done);
}

/* The one of our own feed, if it is there. */
static bool add_here(struct run *r, struct batch *b, enum side other, int64_t item,
                     struct candidates *c)
{
    int64_t *twins = NULL;
    struct item_row row;
    size_t n = 0;
    if (item_twins(r->db, b->arena, item, &twins, &n) == STORE_FAIL)
        return run_store_failed(r);
    for (size_t i = 0; i < n; i++)
        if (item_get(r->db, b->arena, twins[i], &row) == STORE_OK &&
            row.feed == r->side[other].feed.id && !(row.flags & (ITEM_GONE | ITEM_ABSENT)))
            add_candidate(c, row.id);
    return !db_failed(r->db) || run_store_failed(r);
}

/* The same one lies in another mailbox, and is linked there: a meeting that was made on the other
 * side bears no stamp, and who is invited has it by its own identity. */
static bool by_copies(struct run *r, struct batch *b, struct entry *e, const struct hash *keys,
                      size_t n, bool *done)
{
    const char *natural = r->pair->kind->natural;
    enum side side = e->todo.side;
    struct candidates c = {.n = 0};
    for (size_t i = 0; natural && i < n; i++) {
        int64_t ids[CANDIDATES_MAX];
        size_t found = 0;
        if (keys[i].of[0] != key_label(natural))
            continue;
        if (links_by_key(r->db, &r->side[side].feed, side, &keys[i], ids, CANDIDATES_MAX, &found) !=
            STORE_OK)
            return run_store_failed(r);
        for (size_t k = 0; k < found; k++)
            if (!add_here(r, b, other_side(side), ids[k], &c))
                return false;
    }
    return the_same(r, b, e, &c, done);
}

static bool by_rule(struct run *r, struct batch *b, struct entry *e, const struct cfg_match *m,
                    const struct hash *keys, size_t n, bool *done)
{
    enum side side = e->todo.side;
    struct candidates c = {.n = 0};
    bool unique_here = true;
    for (size_t i = 0; i < n; i++) {
        struct candidates there = {.n = 0}, here = {.n = 0};
        if (keys[i].of[0] != key_label(m->space))
            continue;
        if (!by_key(r, b, other_side(side), m->space, keys, n, i, &there) ||
            (there.n && !by_key(r, b, side, m->space, keys, n, i, &here)))
            return false;
        unique_here &= !there.n || here.n <= 1;
        c.many |= there.many;
        for (size_t k = 0; k < there.n; k++)
            add_candidate(&c, there.of[k]);
    }
    if (!c.n)
        return true;
    *done = true;
    if (c.n > 1 || c.many)
        ask(e, ASK_SEVERAL, &c);
    else
        return only_one(r, b, e, m->one, unique_here, &c);
    return true;
}

/* Without an address nothing links by itself: the same name, or alike but for accents, is asked. */
static bool by_name(struct run *r, struct batch *b, struct entry *e, const struct hash *keys,
                    size_t n, bool *done)
{
    struct candidates c = {.n = 0};
    bool has_phone = false;
    if (!r->pair->kind->by_name)
        return true;
    for (size_t i = 0; i < n; i++) {
        if (keys[i].of[0] == key_label("email"))
            return true;
        has_phone |= keys[i].of[0] == key_label("fn+phone");
    }
    e->no_claim = !has_phone;
    for (size_t i = 0; i < n; i++)
        if (keys[i].of[0] == key_label(KEY_PLAIN_NAME) &&
            !by_hash(r, b, other_side(e->todo.side), &keys[i], NULL, &c))
            return false;
    if (!c.n)
        return true;
    *done = true;
    if (c.n > 1)
        ask(e, ASK_SEVERAL, &c);
    else if (!only_one(r, b, e, MATCH_ASK, true, &c))
        return false;
    if (e->reason && !strcmp(e->reason, ASK_RULE))
        e->reason = ASK_ALIKE;
    return true;
}

/* Two that bear it are one item: the stamp, or what hardly another one bears. */
static bool is_sure(const struct kind_def *kind, const struct hash *key)
{
    if (key->of[0] == key_label(KEY_DERIVED))
        return true;
    for (size_t k = 0; k < kind->n_sure; k++)
        if (key->of[0] == key_label(kind->keys[k]))
            return true;
    return false;
}

/* It was not the item's own deletion that ended the link. */
static bool outlived(const struct link_row *link, enum side side)
{
    const char *own = side == LEFT ? WHY_DELETED_LEFT : WHY_DELETED_RIGHT;
    return link->ended && link->reason && strcmp(link->reason, own) != 0 &&
           strcmp(link->reason, WHY_BOTH_GONE) != 0;
}

/* Where no key is sure the weakest one still tells what went out of reach. */
static bool is_all_there_is(const struct kind_def *kind, const struct hash *key)
{
    return !kind->n_sure && key->of[0] == key_label(kind->keys[kind->n_keys - 1]);
}

/* Its link has ended so, or is about to: the same batch may tell of both. */
static bool went_away(const struct batch *b, const struct link_row *link)
{
    const char *reason = link->ended ? link->reason : NULL;
    for (size_t i = 0; !link->ended && i < b->n; i++)
        if (b->of[i].link.id == link->id)
            reason = b->of[i].reason;
    return reason && !strcmp(reason, WHY_MOVED);
}

/* Without a twin it may still be what an ended link knew under an id that is gone by now: moved, or
 * imported anew. That such a link stays ended must not hang on an id. */
static bool by_past(struct run *r, struct batch *b, struct entry *e, const struct hash *keys,
                    size_t n)
{
    enum side side = e->todo.side;
    struct candidates c = {.n = 0};
    for (size_t i = 0; r->pu.met && i < n; i++) {
        struct item_row *rows = NULL;
        size_t n_rows = 0;
        bool sure = is_sure(r->pair->kind, &keys[i]);
        if (!sure && !is_all_there_is(r->pair->kind, &keys[i]))
            continue;
        if (items_find(r->db, b->arena, r->side[side].feed.id, e->row[side].rid, &keys[i], 1, &rows,
                       &n_rows) == STORE_FAIL)
            return run_store_failed(r);
        for (size_t k = 0; k < n_rows; k++) {
            struct link_row link;
            if (!(rows[k].flags & (ITEM_GONE | ITEM_ABSENT)))
                continue;
            enum store_code rc = link_of(r->db, b->arena, r->pu.id, side, rows[k].id, &link);
            if (rc == STORE_FAIL)
                return run_store_failed(r);
            if (rc == STORE_OK && (sure ? outlived(&link, side) : went_away(b, &link)))
                add_candidate(&c, link.item[other_side(side)]);
        }
    }
    if (c.n)
        ask(e, ASK_ENDED, &c);
    return true;
}

/* The same two may be asked about from the other side already: one question is enough. */
static bool asked_over_there(struct run *r, struct batch *b, const struct entry *e)
{
    struct ask_row row;
    if (e->n_candidates != 1 ||
        ask_of_item(r->db, b->arena, r->pu.id, other_side(e->todo.side), e->candidates[0], &row) !=
            STORE_OK ||
        row.answer || !row.candidates)
        return false;
    for (const char *s = row.candidates; s && *s; s = strchr(s, ',') ? strchr(s, ',') + 1 : "")
        if (strtoll(s, NULL, 10) == e->todo.item)
            return true;
    for (size_t i = 0; i < b->n; i++)
        if (&b->of[i] < e && b->of[i].act == ACT_ASK && b->of[i].todo.item == e->candidates[0])
            return true;
    return false;
}

/* Whether another one that bears this key was filed, or this one itself under an id that is gone by
 * now: what became of its copy since is all one. */
static bool was_filed(struct run *r, struct batch *b, const struct entry *e,
                      const struct hash *natural, bool *filed)
{
    enum side side = e->todo.side;
    struct item_row *rows = NULL;
    struct link_row link;
    size_t n = 0;
    /* An old link of its own is one that a person wants to count for nothing. */
    enum store_code rc = link_of(r->db, b->arena, r->pu.id, side, e->todo.item, &link);
    *filed = false;
    if (rc == STORE_OK)
        return true;
    if (rc == STORE_FAIL || items_find(r->db, b->arena, r->side[side].feed.id, e->row[side].rid,
                                       natural, 1, &rows, &n) == STORE_FAIL)
        return run_store_failed(r);
    for (size_t i = 0; i < n && !*filed; i++) {
        rc = link_of(r->db, b->arena, r->pu.id, side, rows[i].id, &link);
        if (rc == STORE_FAIL)
            return run_store_failed(r);
        *filed = rc == STORE_OK && link.ended && link.reason && !strcmp(link.reason, WHY_FILED);
    }
    return true;
}

/* What bears its natural key, or its stamp, is the same one: in how many mailboxes it lies, and
 * whether it was filed by us, is all one. */
static bool match_filed(struct run *r, struct batch *b, struct entry *e)
{
    const char *natural = r->pair->kind->natural;
    enum side other = other_side(e->todo.side);
    struct candidates c = {.n = 0};
    struct hash *keys = NULL;
    size_t n = 0;
    bool filed = false;
    if (item_key_hashes(r->db, b->arena, e->todo.item, &keys, &n) == STORE_FAIL)
        return run_store_failed(r);
    for (size_t i = 0; i < n && !c.n; i++)
        if ((keys[i].of[0] == key_label(KEY_DERIVED) || keys[i].of[0] == key_label(natural)) &&
            !by_hash(r, b, other, &keys[i], NULL, &c))
            return false;
    for (size_t i = 0; i < n && !c.n && !filed; i++)
        if (keys[i].of[0] == key_label(natural) && !was_filed(r, b, e, &keys[i], &filed))
            return false;
    if (filed) {
        e->act = ACT_DROP;
        e->reason = WHY_FILED;
    }
    if (!c.n)
        return true;
    e->act = ACT_FILE;
    e->link = (struct link_row){.pu = r->pu.id, .unseen = {"", ""}};
    e->link.item[e->todo.side] = e->todo.item;
    e->link.item[other] = c.of[0];
    return true;
}

static bool match(struct run *r, struct batch *b, struct entry *e)
{
    struct hash *keys = NULL;
    size_t n = 0;
    bool done = false;
    if (r->pair->files)
        return match_filed(r, b, e);
    if (!answered(r, b, e, &done))
        return false;
    if (done)
        return !db_failed(r->db) || run_store_failed(r);
    if (item_key_hashes(r->db, b->arena, e->todo.item, &keys, &n) == STORE_FAIL)
        return run_store_failed(r);
    if (!by_stamp(r, b, e, keys, n, &done) || (!done && !by_copies(r, b, e, keys, n, &done)))
        return false;
    for (size_t i = 0; !done && i < r->pair->n_match; i++)
        if (!by_rule(r, b, e, &r->pair->match[i], keys, n, &done))
            return false;
    if (!done && !by_name(r, b, e, keys, n, &done))
        return false;
    if (!done && !by_past(r, b, e, keys, n))
        return false;
    if (doubt_meets(b, e, keys, n))
        return true;
    if (e->act == ACT_ASK && asked_over_there(r, b, e)) {
        e->act = ACT_DROP;
        e->n_candidates = 0;
    }
    return true;
}

static bool match_all(struct run *r, struct batch *b)
{
    if (!doubts_load(r, b))
        return run_store_failed(r);
    for (size_t i = 0; i < b->n; i++)
        if (b->of[i].act == ACT_CREATE && !b->of[i].linked && !match(r, b, &b->of[i]))
            return false;
    return true;
}

bool batch_match(struct run *r, struct batch *b)
{
    bool any = false;
    for (size_t i = 0; i < b->n; i++)
        any |= b->of[i].act == ACT_CREATE && !b->of[i].linked;
    if (!any)
        return true;
    if (keys_follow(r->db) != STORE_OK || db_begin_read(r->db) != STORE_OK)
        return run_store_failed(r);
    bool ok = match_all(r, b);
    db_end_read(r->db);
    return db_failed(r->db) ? run_store_failed(r) : ok;
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
    return is_asked(r, key, by_name, &space) || is_sure(r->pair->kind, key);
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
            !by_key(r, &fresh, other_side(from), space, keys, n, i, c))
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
        if (links(r, &keys[i], &space) && !by_key(r, b, side, space, keys, n, i, &c))
            return run_store_failed(r);
    if (c.n != 1 || c.many)
        return true;
    if (item_get(r->db, b->arena, c.of[0], out) != STORE_OK)
        return run_store_failed(r);
    bool untagged = !(out->flags & ITEM_CHOSEN) &&
                    (r->side[side].selector.any.n || r->side[side].selector.all.n);
    if (untagged || item_private(r, side, out) ||
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
