/* The stage "match": does the other side have it already? Unique seen from both sides and free
 * links it, where the rule says so; everything else is a question, never a guess. Only hashes of
 * keys are needed, so nothing is read for it. */
#include "engine/match.h"

#include <stdlib.h>
#include <string.h>

#include "feed/stamp.h"

/* ---- turning a candidate into an act ------------------------------------------------------------
 */

void match_ask(struct entry *e, const char *reason, const struct candidates *c)
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

/* Whether that side chooses an item of which no to-do is answered here: as the one says that a
 * person has not let go yet, else as the item was judged last, where this pair alone judges it. */
static bool is_chosen_there(struct run *r, enum side s, const struct item_row *row,
                            const struct todo_row *held)
{
    const struct subscriber *subs;
    if (held && held->chosen != NOT_CHOSEN)
        return held->chosen == CHOSEN;
    bool alone = r->side[s].shared ? !r->side[s].common : round_subscribers(r, s, &subs) == 1;
    return alone && (row->flags & ITEM_CHOSEN);
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
    bool told = todo_get(r->db, r->pu.id, other, id, &todo) == STORE_OK;
    if (told && !todo.hold) {
        e->has_todo[other] = true;
        e->chosen[other] = todo.chosen;
    }
    absorb(b, e, other, id);
    for (int s = LEFT; s <= RIGHT; s++)
        e->link.chosen[s] = e->chosen[s] == CHOSEN;
    if (e->chosen[other] == NOT_CHOSEN)
        e->link.chosen[other] = is_chosen_there(r, other, &e->row[other], told ? &todo : NULL);
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
    if (batch_links(b, other, id) && (rc != STORE_OK || link.ended))
        *out = TAKEN;
    else if (rc == STORE_OK && link.ended)
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
        match_ask(e, ASK_DUPLICATE, c);
        return true;
    case WAS_LINKED:
        match_ask(e, ASK_ENDED, c);
        return true;
    case UNTAGGED_TWIN:
        match_ask(e, ASK_UNTAGGED, c);
        return true;
    case FREE:
        break;
    }
    if (!unique_here)
        match_ask(e, ASK_SEVERAL, c);
    else if (one == MATCH_ASK)
        match_ask(e, ASK_RULE, c);
    else
        return link_to(r, b, e, c->of[0]);
    return true;
}

/* ---- the ways to find a twin, in their order
 * ------------------------------------------------------ */

/* The twin that a person named, by its id over there; without id: it is gone by now, or linked. */
static bool named_twin(struct run *r, struct batch *b, enum side side, const char *rid,
                       struct item_row *out)
{
    struct link_row link;
    enum store_code rc = item_by_rid(r->db, b->arena, r->side[side].feed.id, rid, out);
    bool fits = rc == STORE_OK && !(out->flags & (ITEM_GONE | ITEM_ABSENT)) &&
                !batch_links(b, side, out->id);
    if (fits) {
        rc = link_of(r->db, b->arena, r->pu.id, side, out->id, &link);
        fits = rc != STORE_OK || link.ended;
    }
    if (!fits)
        *out = (struct item_row){0};
    return rc != STORE_FAIL || run_store_failed(r);
}

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
        if (!named_twin(r, b, other_side(e->todo.side), row.answer + 5, &twin))
            return false;
        *done = twin.id != 0;
        e->unfit = !*done;
        return e->unfit || link_to(r, b, e, twin.id);
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

/* What the candidate is linked with we made. A second bearer of that stamp is what the same request
 * made, carried out twice, or a person's copy: neither says which. */
static const char *why_taken(struct run *r, struct batch *b, const struct entry *e, int64_t id)
{
    struct link_row link;
    bool made =
        link_of(r->db, b->arena, r->pu.id, other_side(e->todo.side), id, &link) == STORE_OK &&
        link.made[e->todo.side];
    return made ? ASK_TWICE : ASK_DUPLICATE;
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
        match_ask(e, ASK_SEVERAL, c);
        return true;
    }
    if (!standing(r, b, e, c->of[0], &st))
        return false;
    if (st == TAKEN || st == WAS_LINKED)
        match_ask(e, st == TAKEN ? why_taken(r, b, e, c->of[0]) : ASK_ENDED, c);
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
        if (keys[i].of[0] == derived && !candidates_by_hash(r, b, other, &keys[i], NULL, &c))
            return false;
    /* By where it lies: attempt 0 of what has no natural key is among its keys. */
    for (int attempt = r->pair->kind->natural ? 0 : 1;
         attempt < STAMP_ATTEMPTS && match_is_borne(r, b, other, derived); attempt++) {
        char stamp[STAMP_SIZE];
        stamp_make(r->cfg->site, r->side[side].schema->identity, r->side[side].feed.collection,
                   e->row[side].rid, attempt, stamp);
        struct hash h = key_hash(r->store, KEY_DERIVED, stamp);
        if (!candidates_by_hash(r, b, other, &h, NULL, &c))
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
            candidates_add(c, row.id);
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
        if (!candidates_by_key(r, b, other_side(side), m->space, keys, n, i, &there) ||
            (there.n && !candidates_by_key(r, b, side, m->space, keys, n, i, &here)))
            return false;
        unique_here &= !there.n || here.n <= 1;
        c.many |= there.many;
        for (size_t k = 0; k < there.n; k++)
            candidates_add(&c, there.of[k]);
    }
    if (!c.n)
        return true;
    *done = true;
    if (c.n > 1 || c.many)
        match_ask(e, ASK_SEVERAL, &c);
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
            !candidates_by_hash(r, b, other_side(e->todo.side), &keys[i], NULL, &c))
            return false;
    if (!c.n)
        return true;
    *done = true;
    if (c.n > 1)
        match_ask(e, ASK_SEVERAL, &c);
    else if (!only_one(r, b, e, MATCH_ASK, true, &c))
        return false;
    if (e->reason && !strcmp(e->reason, ASK_RULE))
        e->reason = ASK_ALIKE;
    return true;
}

static bool is_about(const struct entry *e, int64_t item)
{
    for (size_t i = 0; i < e->n_candidates; i++)
        if (e->candidates[i] == item)
            return true;
    return false;
}

/* The same two may be asked about from the other side already: one question is enough. Of two that
 * are judged together the first one asks, whatever was asked before. */
static bool asked_over_there(struct run *r, struct batch *b, const struct entry *e)
{
    struct ask_row row;
    if (e->n_candidates != 1)
        return false;
    for (size_t i = 0; i < b->n; i++) {
        const struct entry *other = &b->of[i];
        if (other->todo.item == e->candidates[0])
            return other < e && other->act == ACT_ASK && is_about(other, e->todo.item);
    }
    if (ask_of_item(r->db, b->arena, r->pu.id, other_side(e->todo.side), e->candidates[0], &row) !=
            STORE_OK ||
        row.answer || !row.candidates)
        return false;
    for (const char *s = row.candidates; s && *s; s = strchr(s, ',') ? strchr(s, ',') + 1 : "")
        if (strtoll(s, NULL, 10) == e->todo.item)
            return true;
    return false;
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
    if (!done && !past_meets(r, b, e, keys, n))
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
    if (keys_follow(r->db, KEYS_FEW) != STORE_OK || db_begin_read(r->db) != STORE_OK)
        return run_store_failed(r);
    bool ok = match_all(r, b);
    db_end_read(r->db);
    return db_failed(r->db) ? run_store_failed(r) : ok;
}
