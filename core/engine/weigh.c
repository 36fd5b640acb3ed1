/* The stage "weigh": what was reported deleted, or is no longer seen, is a deletion only if proved:
 * by the collection's own word, or by looking for the item in the whole mailbox or database. */
#include "engine/run.h"

#include <string.h>

#include "keys.h"

#define FIND_AT_ONCE 20u /* items looked for in one call */

/* UNCLEAR: the remote cannot answer for one of its keys alone. A_COPY: only a copy of it is here;
 * UNLIKE_COPY: one of which something else was made. */
enum found { NOWHERE, IN_BIN, ELSEWHERE, UNCLEAR, UNLIKE_COPY, A_COPY, HERE };

static bool proved_by_word(const struct run_side *s, const struct item_row *row)
{
    uint64_t caps = s->collection->caps;
    return !row->id || !RULE(deletion_proved) ||
           ((row->flags & ITEM_GONE) && (caps & WESS_CAP_TOMBSTONE_PROVES)) ||
           ((row->flags & ITEM_ABSENT) && (caps & WESS_CAP_ABSENCE_PROVES));
}

/* What is found nowhere there may as well be hidden from us. */
static bool only_word_proves(const struct run_side *s)
{
    return collection_only_word_proves(s->collection) && RULE(deletion_proved);
}

uint32_t item_not_found(const struct run_side *s)
{
    return only_word_proves(s) ? ITEM_ABSENT : ITEM_GONE;
}

/* The keys by which the lost item would be known again: its stamp, else the strongest of its
 * shadow. */
static bool lost_keys(struct run *r, struct batch *b, const struct entry *e, enum side side,
                      const struct wess_key **out, size_t *n, bool *sure)
{
    const struct kind_def *kind = r->pair->kind;
    struct content shadow;
    struct wess_item item = {.id = e->row[side].rid, .kind = r->pair->kind->name};
    *n = 0;
    if (!decode_content(b->arena, e->link.shadow[side], &shadow))
        return run_memory(r);
    item.fields = shadow.fields;
    item.n_fields = shadow.n;
    if (!conn_keys(b->arena, &item, e->link.made[side] ? e->link.stamp : NULL))
        return run_memory(r);
    for (size_t s = 0; s <= kind->n_keys; s++) {
        const char *space = s ? kind->keys[s - 1] : "wess";
        struct wess_key *of = arena_alloc(b->arena, (item.n_keys + 1) * sizeof(*of));
        if (!of)
            return run_memory(r);
        for (size_t i = 0; i < item.n_keys; i++)
            if (!strcmp(item.keys[i].space, space))
                of[(*n)++] = item.keys[i];
        *out = of;
        *sure = s <= kind->n_sure;
        if (*n)
            return true;
    }
    return true;
}

struct found_items {
    const struct wess_item **of;
    size_t n, cap;
    const struct wess_key **unclear; /* which no answer is known of; room for all that are asked */
    size_t n_unclear;
};

static bool keep(struct wess_arena *a, struct found_items *v, const struct wess_item *item)
{
    if (v->n == v->cap) {
        size_t cap = v->cap ? v->cap * 2 : 16;
        const struct wess_item **more = arena_alloc(a, cap * sizeof(*more));
        if (!more)
            return false;
        if (v->n)
            memcpy(more, v->of, v->n * sizeof(*more));
        v->of = more;
        v->cap = cap;
    }
    v->of[v->n++] = item;
    return true;
}

/* Asks for all keys at once; halves them while there is too much to answer. One alone that has too
 * much is set aside: its item stays as it was, and the rest goes on. */
static bool find(struct run *r, struct wess_arena *a, enum side side, const struct wess_key *keys,
                 size_t n, struct found_items *out)
{
    struct run_side *s = &r->side[side];
    struct wess_page page = {0};
    struct wess_error error = {0};
    enum wess_code rc = conn_find(s->conn, s->collection->id, a, keys, n, &page, &error);
    bool part = rc == WESS_TOO_BIG || (rc == WESS_OK && !(page.flags & WESS_PAGE_LAST));
    if (part && n > 1) {
        size_t half = n / 2;
        return find(r, a, side, keys, half, out) && find(r, a, side, keys + half, n - half, out);
    }
    if (part)
        out->unclear[out->n_unclear++] = keys;
    else if (rc != WESS_OK)
        return run_trouble(r, side, rc, &error, "find");
    for (size_t i = 0; i < page.n; i++)
        if (!keep(a, out, &page.changes[i].item))
            return run_memory(r);
    return true;
}

/* ---- copies
 * ----------------------------------------------------------------------------------------------
 */

/* Its stamp came with the copying, and says nothing of what was made of it since. */
static bool is_copy(const struct item_row *row)
{
    return (row->flags & ITEM_COPY) && RULE(copies_known);
}

/* Whether it bears each of the keys by which people know it: not those that an item alone has. */
static bool bears(const struct kind_def *kind, const struct hash *keys, size_t n,
                  const struct hash *of, size_t n_of)
{
    for (size_t i = 0; i < n_of; i++) {
        bool own = of[i].of[0] == key_label(KEY_DERIVED) ||
                   (kind->natural && of[i].of[0] == key_label(kind->natural));
        bool has = own;
        for (size_t k = 0; k < n && !has; k++)
            has = !memcmp(&keys[k], &of[i], sizeof(of[i]));
        if (!has)
            return false;
    }
    return true;
}

/* Whether a copy is still known by what the lost one is known by, and by nothing else. */
static bool still_alike(struct run *r, struct wess_arena *a, int64_t lost, int64_t copy)
{
    struct hash *of[2] = {NULL, NULL};
    size_t n[2] = {0, 0};
    return item_key_hashes(r->db, a, lost, &of[0], &n[0]) == STORE_OK &&
           item_key_hashes(r->db, a, copy, &of[1], &n[1]) == STORE_OK &&
           bears(r->pair->kind, of[0], n[0], of[1], n[1]) &&
           bears(r->pair->kind, of[1], n[1], of[0], n[0]);
}

/* ---- one suspect
 * --------------------------------------------------------------------------------- */

struct suspect {
    struct entry *e;
    enum side side;
    const struct wess_key *keys;
    size_t n;
    bool sure; /* of its keys: hardly another item bears them */
};

/* What one that bears its keys says of it. */
static enum found judge_one(struct run *r, struct batch *b, const struct suspect *s,
                            const struct wess_item *item, struct item_row *row)
{
    const struct item_row *lost = &s->e->row[s->side];
    struct link_row link;
    bool other = strcmp(item->id, lost->rid) != 0;
    *row = other ? (struct item_row){0} : *lost;
    if (item->flags & WESS_ITEM_TRASHED) /* another one than this was deleted */
        return other && only_word_proves(&r->side[s->side]) ? NOWHERE : IN_BIN;
    if (item->flags & WESS_ITEM_OUTSIDE)
        return ELSEWHERE;
    if (!other)
        return HERE;
    /* Another contact of that address, linked by itself, is not this one. */
    if (item_by_rid(r->db, b->arena, r->side[s->side].feed.id, item->id, row) == STORE_OK &&
        (batch_links(b, s->side, row->id) ||
         link_of(r->db, b->arena, r->pu.id, s->side, row->id, &link) == STORE_OK))
        return NOWHERE;
    /* Out of reach rather than deleted, and never taken for an unlike one. */
    if (!s->sure)
        return ELSEWHERE;
    if (!is_copy(row))
        return HERE;
    return still_alike(r, b->arena, lost->id, row->id) ? A_COPY : UNLIKE_COPY;
}

static enum found where(struct run *r, struct batch *b, const struct suspect *s,
                        const struct found_items *found, struct item_row *row)
{
    enum found best = NOWHERE;
    for (size_t i = 0; i < found->n_unclear; i++)
        for (size_t k = 0; k < s->n; k++)
            if (!strcmp(found->unclear[i]->space, s->keys[k].space) &&
                !strcmp(found->unclear[i]->id, s->keys[k].id))
                best = UNCLEAR;
    for (size_t i = 0; i < found->n && best < HERE; i++) {
        struct item_row one;
        if (!wess_bears_any(found->of[i], s->keys, s->n))
            continue;
        enum found f = judge_one(r, b, s, found->of[i], &one);
        if (f <= best)
            continue;
        best = f;
        *row = one;
    }
    return best;
}

/* The item lives on under another id of the same collection: the link follows it. */
static void follow(struct run *r, struct batch *b, struct entry *e, enum side side,
                   const struct item_row *row)
{
    struct todo_row todo;
    if (!row->id || row->id == e->row[side].id) {
        /* Seen by the look-up only, or not gone at all: the next pull brings its facts. */
        e->alive[side] = row->id != 0;
        e->act = ACT_WAIT;
        return;
    }
    e->row[side] = *row;
    e->link.item[side] = row->id;
    e->link.rev[side] = NULL;
    e->suspect[side] = false;
    e->unheard[side] = todo_get(r->db, r->pu.id, side, row->id, &todo) == STORE_NONE;
    if (!e->unheard[side] && !todo.hold) {
        e->has_todo[side] = true;
        e->chosen[side] = todo.chosen;
        e->link.chosen[side] = todo.chosen == CHOSEN;
    }
    for (size_t i = 0; i < b->n; i++)
        if (&b->of[i] != e && b->of[i].todo.side == side && b->of[i].todo.item == row->id)
            b->of[i].act = ACT_WAIT;
}

/* The link goes on with a copy. What that one shows may be older than what the link remembers, or
 * made of it since: so the two meet as if for the first time. */
static void follow_copy(struct run *r, struct batch *b, struct entry *e, enum side side,
                        const struct item_row *row)
{
    follow(r, b, e, side, row);
    item_flags(r->db, row->id, 0, ITEM_COPY); /* the stamp is its own from now on */
    e->row[side].flags &= ~(uint32_t)ITEM_COPY;
    e->fresh = true;
    e->reason = WHY_LINKED;
    for (int s = LEFT; s <= RIGHT; s++) {
        e->link.shadow[s] = (struct wess_slice){NULL, 0};
        e->link.unseen[s] = "";
    }
}

static void out_of_reach(struct entry *e, const char *reason)
{
    e->act = ACT_END;
    e->reason = reason;
}

/* Which of them a person meant is asked about the copy. */
static void leave_to(struct entry *e, enum side side, int64_t copy)
{
    out_of_reach(e, WHY_COPY);
    e->copy_of = side;
    e->candidates[0] = copy;
    e->n_candidates = 1;
}

/* It is gone, or, not proved, out of reach; but where two records were merged the link goes on with
 * the one that is left. What that one does not show it never had, rather than lost since: nothing
 * is taken from the twin. */
static bool believe_gone(struct run *r, struct batch *b, struct entry *e, enum side side,
                         bool proved)
{
    struct item_row row = {0};
    if (e->row[side].id && RULE(survivor_followed) &&
        !match_survivor(r, b, side, e->row[side].id, &row))
        return false;
    e->gone[side] = !row.id && proved;
    if (!row.id && !proved)
        out_of_reach(e, WHY_HIDDEN);
    if (!row.id)
        return true;
    if (is_copy(&row)) {
        if (still_alike(r, b->arena, e->row[side].id, row.id))
            follow_copy(r, b, e, side, &row);
        else
            leave_to(e, side, row.id);
        return !db_failed(r->db) || run_store_failed(r);
    }
    e->link.made[side] = false; /* it bears no stamp of this link */
    follow(r, b, e, side, &row);
    e->row[side].flags |= ITEM_FOUND;
    return true;
}

static void verdict(struct run *r, struct entry *e)
{
    static const char *const reasons[2] = {WHY_DELETED_LEFT, WHY_DELETED_RIGHT};
    if (e->act == ACT_WAIT || e->act == ACT_END)
        return;
    if (e->gone[LEFT] && e->gone[RIGHT]) {
        e->act = ACT_END;
        e->reason = WHY_BOTH_GONE;
        return;
    }
    for (int s = LEFT; s <= RIGHT; s++) {
        enum side other = other_side((enum side)s);
        if (!e->gone[s])
            continue;
        e->reason = reasons[s];
        switch (r->pair->on_delete[s]) {
        case DEL_UNLINK:
            e->act = ACT_END;
            break;
        case DEL_DELETE: /* plan.c: an edit of the twin wins over it */
            e->act = ACT_DELETE;
            e->target = other;
            e->need[other] = true;
            break;
        case DEL_RESTORE:
            e->act = ACT_RESTORE;
            e->target = (enum side)s;
            e->need[other] = true;
            break;
        }
    }
}

/* ---- the batch
 * ----------------------------------------------------------------------------------- */

static bool judge(struct run *r, struct batch *b, struct suspect *s,
                  const struct found_items *found)
{
    struct item_row row = {0};
    enum found f = where(r, b, s, found, &row);
    bool back = false;
    if (db_failed(r->db))
        return run_store_failed(r);
    if (f == NOWHERE && !past_is_back(r, b->arena, s->side, s->e->row[s->side].id, &back))
        return false;
    switch (back ? ELSEWHERE : f) {
    case NOWHERE:
    case IN_BIN:
        return believe_gone(r, b, s->e, s->side,
                            f == IN_BIN || !only_word_proves(&r->side[s->side]));
    case ELSEWHERE:
        out_of_reach(s->e, WHY_MOVED);
        break;
    case UNCLEAR:
        s->e->act = ACT_WAIT;
        s->e->reason = WHY_UNCLEAR;
        r->report.deferred++;
        break;
    case UNLIKE_COPY:
        leave_to(s->e, s->side, row.id);
        break;
    case A_COPY:
        follow_copy(r, b, s->e, s->side, &row);
        break;
    case HERE:
        follow(r, b, s->e, s->side, &row);
        break;
    }
    return true;
}

/* What is found has an arena of its own: what other items filled must not make it too much. */
static bool look(struct run *r, struct batch *b, struct suspect *of, size_t n, enum side side)
{
    struct wess_arena *a = arena_new(ARENA_BUDGET);
    struct found_items found = {0};
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += of[i].n;
    struct wess_key *all = a ? arena_alloc(a, (total + 1) * sizeof(*all)) : NULL;
    found.unclear = all ? arena_alloc(a, (total + 1) * sizeof(*found.unclear)) : NULL;
    if (!found.unclear) {
        arena_free(a);
        return run_memory(r);
    }
    total = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < of[i].n; k++)
            all[total++] = of[i].keys[k];
    bool ok = !total || find(r, a, side, all, total, &found);
    for (size_t i = 0; ok && i < n; i++)
        ok = judge(r, b, &of[i], &found);
    arena_free(a);
    return ok;
}

static bool weigh_side(struct run *r, struct batch *b, enum side side)
{
    struct suspect of[FIND_AT_ONCE];
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        struct entry *e = &b->of[i];
        if (!e->linked || !e->suspect[side])
            continue;
        if (proved_by_word(&r->side[side], &e->row[side])) {
            if (!believe_gone(r, b, e, side, true))
                return false;
            continue;
        }
        of[n] = (struct suspect){.e = e, .side = side};
        if (!lost_keys(r, b, e, side, &of[n].keys, &of[n].n, &of[n].sure))
            return false;
        if (++n == FIND_AT_ONCE) {
            if (!look(r, b, of, n, side))
                return false;
            n = 0;
        }
    }
    return !n || look(r, b, of, n, side);
}

bool batch_weigh(struct run *r, struct batch *b)
{
    if (!weigh_side(r, b, LEFT) || !weigh_side(r, b, RIGHT))
        return false;
    for (size_t i = 0; i < b->n; i++)
        if (b->of[i].linked)
            verdict(r, &b->of[i]);
    return true;
}
