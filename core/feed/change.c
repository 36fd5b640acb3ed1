/* One change of a page into the store: what takes part is judged in memory, before anything of it
 * is stored. */
#include <string.h>

#include "feed/back.h"
#include "feed/page.h"
#include "feed/seen.h"
#include "model/rules.h"

struct linked { /* a link of the item at hand */
    int64_t link, pu;
    enum side side;
    bool ended;
};
struct linked_list {
    struct wess_arena *arena;
    struct linked *of;
    size_t n, cap;
    bool spent;
};

static void add_linked(void *ctx, int64_t link, int64_t pu, enum side side, bool ended)
{
    struct linked_list *l = ctx;
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 8;
        struct linked *more = arena_alloc(l->arena, cap * sizeof(*more));
        if (!more) {
            l->spent = true;
            return;
        }
        if (l->n)
            memcpy(more, l->of, l->n * sizeof(*more));
        l->of = more;
        l->cap = cap;
    }
    l->of[l->n++] = (struct linked){link, pu, side, ended};
}

static const struct subscriber *subscriber_of(const struct pull *p, const struct linked *l)
{
    for (size_t i = 0; i < p->n_subs; i++)
        if (p->subs[i].pu == l->pu && p->subs[i].side == l->side)
            return &p->subs[i];
    return NULL;
}

static bool is_linked(const struct linked_list *l, const struct subscriber *sub)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->of[i].pu == sub->pu && l->of[i].side == sub->side)
            return true;
    return false;
}

static struct linked_list links_of(struct storing *pg, int64_t item)
{
    struct linked_list l = {.arena = pg->scratch};
    links_of_item(pg->pull->db, item, add_linked, &l);
    pg->spent |= l.spent;
    return l;
}

static const char *stamp_of(const struct wess_item *item)
{
    for (size_t i = 0; i < item->n_keys; i++)
        if (!strcmp(item->keys[i].space, "wess"))
            return item->keys[i].id;
    return NULL;
}

/* ---- to-dos ------------------------------------------------------------------------------------
 */

/* Whether an item that is as it was is nothing new to its link. Read from the start, it may be all
 * the same: its pair had no part in a reading, or what it showed was not to be carried over yet. */
static bool is_in_step(const struct storing *pg, const struct linked *l,
                       const struct link_row *link, const struct item_row *row, enum chosen verdict)
{
    const char *known = link->rev[l->side];
    bool missed =
        pg->pull->from_start && row->revision && (!known || strcmp(known, row->revision) != 0);
    return link->chosen[l->side] == (verdict == CHOSEN) && !*link->unseen[l->side] && !missed;
}

/* The item is linked there, or was: what changed is weighed against the link. An ended one only
 * cares for the reason being reversed: it is chosen again, or `back` from where nobody saw it. What
 * waits for a person waits on while it is as it was, and is judged as it was. */
static void todo_of_link(struct storing *pg, const struct linked *l, const struct wess_item *facts,
                         const struct item_row *row, bool same, bool back)
{
    struct db *db = pg->pull->db;
    const struct subscriber *sub = subscriber_of(pg->pull, l);
    struct link_row link;
    struct todo_row todo;
    if (!sub)
        return;
    enum chosen verdict = judge(pg, sub->selector, facts);
    if (l->ended) {
        if (verdict == CHOSEN || back)
            todo_put(db, l->pu, l->side, row->id, verdict);
        return;
    }
    bool waits = same && todo_get(db, l->pu, l->side, row->id, &todo) == STORE_OK &&
                 todo.chosen != NOT_CHOSEN;
    if (waits && todo.chosen == verdict)
        return;
    if (same && !waits && link_get(db, pg->scratch, l->link, &link) == STORE_OK &&
        is_in_step(pg, l, &link, row, verdict))
        return;
    todo_put(db, l->pu, l->side, row->id, verdict);
}

/* Judged again, and as before: whatever it waits for, a person's word above all, it waits on. */
static bool waits_already(struct storing *pg, const struct subscriber *sub, int64_t item)
{
    struct db *db = pg->pull->db;
    struct todo_row todo;
    struct ask_row ask;
    return (todo_get(db, sub->pu, sub->side, item, &todo) == STORE_OK && todo.chosen == CHOSEN) ||
           ask_of_item(db, pg->scratch, sub->pu, sub->side, item, &ask) == STORE_OK;
}

/* Not linked there: a to-do if it takes part, or if something of it still waits that no longer
 * should. */
static void todo_unlinked(struct storing *pg, const struct subscriber *sub,
                          const struct wess_item *facts, int64_t item, bool was_chosen, bool same,
                          bool mended, bool *chosen)
{
    struct db *db = pg->pull->db;
    struct todo_row todo;
    struct ask_row ask;
    enum chosen verdict = admit(pg, sub->selector, facts);
    *chosen |= verdict == CHOSEN;
    if (same && verdict == CHOSEN && waits_already(pg, sub, item))
        return;
    if (verdict == CHOSEN || mended ||
        (was_chosen && (todo_get(db, sub->pu, sub->side, item, &todo) == STORE_OK ||
                        ask_of_item(db, pg->scratch, sub->pu, sub->side, item, &ask) == STORE_OK)))
        todo_put(db, sub->pu, sub->side, item, verdict);
}

static bool is_chosen(struct storing *pg, const struct wess_item *facts)
{
    bool chosen = false;
    for (size_t i = 0; i < pg->pull->n_subs; i++)
        chosen |= admit(pg, pg->pull->subs[i].selector, facts) == CHOSEN;
    return chosen;
}

/* links: of the item. flags: those it had until now. What could not be judged then is to be taken
 * back. */
static void todos(struct storing *pg, const struct wess_item *facts, const struct item_row *row,
                  struct linked_list links, bool same, uint32_t flags)
{
    struct pull *p = pg->pull;
    bool chosen = false, was = (row->flags & ITEM_CHOSEN) != 0;
    bool mended = (flags & ITEM_UNJUDGED) != 0, back = (flags & (ITEM_GONE | ITEM_ABSENT)) != 0;
    for (size_t i = 0; i < links.n; i++)
        todo_of_link(pg, &links.of[i], facts, row, same, back);
    for (size_t i = 0; i < p->n_subs; i++) {
        if (is_linked(&links, &p->subs[i]))
            chosen |= judge(pg, p->subs[i].selector, facts) == CHOSEN;
        else
            todo_unlinked(pg, &p->subs[i], facts, row->id, was, same, mended, &chosen);
    }
    if (chosen != was)
        item_flags(p->db, row->id, chosen ? ITEM_CHOSEN : 0, chosen ? 0 : ITEM_CHOSEN);
}

/* ---- one change --------------------------------------------------------------------------------
 */

static bool is_same(const struct item_row *row, const struct wess_item *facts)
{
    return row->revision && facts->revision && !strcmp(row->revision, facts->revision) &&
           !(row->flags & (ITEM_GONE | ITEM_ABSENT | ITEM_UNJUDGED)) &&
           (row->flags & STORED_FLAGS) == (facts->flags & STORED_FLAGS);
}

static bool keys_of(struct storing *pg, const struct wess_item *facts, struct hash **of, size_t *n)
{
    const struct pull *p = pg->pull;
    const struct key_maker maker = {p->store, p->feed, p->site, p->identity, p->by_name};
    bool ok = facts_hashes(&maker, pg->scratch, facts, of, n);
    pg->spent |= !ok;
    return ok;
}

/* Our own write comes back: nothing new but what it is known by from now on, unless a link still
 * waits to see what became of it. */
static void echo(struct storing *pg, const struct wess_item *facts, const struct item_row *row)
{
    struct hash *keys;
    size_t n;
    if (!(row->flags & ITEM_UNSEEN) || !keys_of(pg, facts, &keys, &n))
        return;
    item_keys(pg->pull->db, row->feed, row->id, keys, n);
    struct linked_list links = links_of(pg, row->id);
    for (size_t i = 0; i < links.n; i++)
        if (!links.of[i].ended)
            todo_of_link(pg, &links.of[i], facts, row, true, false);
    item_flags(pg->pull->db, row->id, 0, ITEM_UNSEEN);
}

static void take_facts(struct storing *pg, const struct wess_item *facts, struct item_row *row)
{
    row->feed = pg->pull->feed->id;
    row->rid = facts->id;
    row->revision = facts->revision;
    row->flags = (row->flags & ~(STORED_FLAGS | ITEM_GONE | ITEM_ABSENT | ITEM_UNJUDGED)) |
                 (facts->flags & STORED_FLAGS);
    row->modified_ms = facts->modified_ms;
    row->seen_ms = pg->now_ms;
}

/* It is planned, and known to people, by that; its content is read when it goes. */
static void keep_told(struct storing *pg, const struct wess_item *facts, const struct item_row *row)
{
    struct content told;
    struct wess_slice body;
    if (!facts->n_fields || !facts->revision || !row->id)
        return;
    if (content_canonical(pg->pull->filed, pg->scratch, facts->fields, facts->n_fields, NULL, &told,
                          NULL) &&
        content_encode(pg->scratch, &told, &body))
        item_content(pg->pull->db, row->id, facts->revision, body);
    else
        pg->spent = true;
}

static void put(struct storing *pg, const struct wess_item *facts, struct item_row *row)
{
    struct pull *p = pg->pull;
    struct hash *keys;
    size_t n;
    bool fresh = !row->id;
    p->changed++;
    take_facts(pg, facts, row);
    if (!keys_of(pg, facts, &keys, &n))
        return;
    bool chosen = (fresh || p->filed) && is_chosen(pg, facts);
    if (fresh && chosen)
        row->flags |= ITEM_CHOSEN;
    if (!fresh || item_add(p->db, row, pg->mark, keys, n) == STORE_NONE) {
        item_put(p->db, row, pg->mark);
        item_keys(p->db, p->feed->id, row->id, keys, n);
    }
    if (p->filed && chosen)
        keep_told(pg, facts, row);
}

/* Told as new, and known for long: a remote that lost its place says nothing of what was deleted
 * meanwhile. What we created ourselves comes back as new. */
static bool starts_over(const struct storing *pg, const struct item_row *row)
{
    return !pg->mark && !(row->flags & (ITEM_OURS | ITEM_FOUND | ITEM_UNSEEN));
}

/* Under the number of one that is known, at its very revision, and it shares no key with that: the
 * number was given anew. */
static bool is_another(struct storing *pg, const struct wess_item *facts,
                       const struct item_row *row)
{
    const struct pull *p = pg->pull;
    struct hash *now = NULL, *was = NULL;
    size_t n = 0, m = 0;
    if (!(p->collection->caps & WESS_CAP_REVISIONS_RISE) || !row->revision || !facts->revision ||
        strcmp(row->revision, facts->revision) != 0 || row->modified_ms == facts->modified_ms ||
        row->seen_ms + (int64_t)p->collection->settle_after_ms >= pg->now_ms)
        return false;
    if (!keys_of(pg, facts, &now, &n) ||
        item_key_hashes(p->db, pg->scratch, row->id, &was, &m) != STORE_OK) {
        pg->spent = true;
        return false;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < m; k++)
            if (!memcmp(&now[i], &was[k], sizeof(now[i])))
                return false;
    return n && m;
}

static void upsert(struct storing *pg, const struct wess_item *facts, bool as_new)
{
    struct pull *p = pg->pull;
    struct item_row row = {0};
    bool known = item_by_rid(p->db, pg->scratch, p->feed->id, facts->id, &row) == STORE_OK;
    bool same = known && is_same(&row, facts);
    const uint32_t flags = row.flags;
    const char *stamp = stamp_of(facts);

    p->read++;
    if (known && RULE(back_held) &&
        (back_shows(p->collection, row.revision, row.seen_ms, facts->revision, pg->now_ms) ||
         is_another(pg, facts, &row))) {
        pg->back = true; /* what was known stays, to know it by in the next run */
        if (pg->mark)
            item_mark(p->db, row.id, pg->mark);
        return;
    }
    pg->again |= as_new && same && starts_over(pg, &row);
    if (same)
        echo(pg, facts, &row);
    /* Read anew since the selects have changed, or judged again since a tag source has. */
    if (same && !pg->mark && !pg->judges && !p->from_start)
        return;
    if (same && pg->mark)
        item_mark(p->db, row.id, pg->mark);
    if (!same)
        put(pg, facts, &row);
    if (!known && p->ahead && row.id && (row.flags & ITEM_CHOSEN))
        ahead_want(p->ahead, row.id, facts->id);
    if (stamp && !(known && (row.flags & ITEM_OURS)))
        seen_stamp(p, pg->scratch, stamp, &row, pg->now_ms);
    /* What is new has none, but by its stamp. */
    struct linked_list links = {0};
    if (known || stamp)
        links = links_of(pg, row.id);
    todos(pg, facts, &row, links, same, flags);
}

static void deletion(struct storing *pg, const struct wess_item *facts)
{
    struct pull *p = pg->pull;
    struct item_row row;
    p->read++;
    if (item_by_rid(p->db, pg->scratch, p->feed->id, facts->id, &row) != STORE_OK ||
        (row.flags & ITEM_GONE))
        return;
    p->changed++;
    item_flags(p->db, row.id, ITEM_GONE, 0);
    struct linked_list links = links_of(pg, row.id);
    bool waits = false;
    for (size_t i = 0; i < links.n; i++)
        if (!links.of[i].ended)
            todo_put(p->db, links.of[i].pu, links.of[i].side, row.id, NOT_CHOSEN);
    for (size_t i = 0; i < p->n_subs; i++) {
        struct todo_row todo;
        struct ask_row ask;
        const struct subscriber *s = &p->subs[i];
        if (is_linked(&links, s) || !(row.flags & ITEM_CHOSEN))
            continue;
        if (todo_get(p->db, s->pu, s->side, row.id, &todo) != STORE_OK &&
            ask_of_item(p->db, pg->scratch, s->pu, s->side, row.id, &ask) != STORE_OK)
            continue;
        todo_put(p->db, s->pu, s->side, row.id, NOT_CHOSEN);
        waits = true;
    }
    if (!links.n && !waits)
        item_drop(p->db, row.id);
}

/* Where it is linked the reading of it says what is wrong; where nobody has linked it, that is done
 * for one of those who read the feed: told once, not once for each of a thousand users. */
static void ask_why(struct storing *pg, int64_t item)
{
    struct pull *p = pg->pull;
    struct linked_list links = links_of(pg, item);
    bool told = false;
    for (size_t i = 0; i < links.n; i++)
        if (!links.of[i].ended) {
            todo_put(p->db, links.of[i].pu, links.of[i].side, item, NOT_CHOSEN);
            told = true;
        }
    for (size_t i = 0; i < p->n_subs && !told; i++) {
        const struct subscriber *s = &p->subs[i];
        if (is_linked(&links, s) || s->selector->nothing)
            continue;
        todo_put(p->db, s->pu, s->side, item, UNJUDGED);
        told = true;
    }
}

/* Its facts are not known, so that it cannot be judged. It is there all the same: it is not swept
 * as absent. */
static void unjudged(struct storing *pg, const struct wess_item *ref)
{
    struct pull *p = pg->pull;
    struct item_row row = {0};
    bool known = item_by_rid(p->db, pg->scratch, p->feed->id, ref->id, &row) == STORE_OK;
    p->read++;
    if (known && row.revision && ref->revision && !strcmp(row.revision, ref->revision) &&
        (row.flags & (ITEM_GONE | ITEM_ABSENT | ITEM_UNJUDGED)) == ITEM_UNJUDGED) {
        if (pg->mark)
            item_mark(p->db, row.id, pg->mark);
        return;
    }
    log_line(WESS_LOG_WARN, "an item of %s cannot be judged: id of %zu bytes, left out",
             p->feed->collection, strlen(ref->id));
    p->changed++;
    row.feed = p->feed->id;
    row.rid = ref->id;
    row.revision = ref->revision;
    row.flags = (row.flags & ~(uint32_t)(ITEM_GONE | ITEM_ABSENT)) | ITEM_UNJUDGED;
    row.seen_ms = pg->now_ms;
    item_put(p->db, &row, pg->mark);
    ask_why(pg, row.id);
}

void store_change(struct storing *pg, const struct wess_change *c)
{
    if (pg->pull->join)
        store_tagged(pg, c);
    else if (c->what == SERIES_OF)
        store_series(pg, c);
    else if (c->what == WESS_DELETE)
        deletion(pg, &c->item);
    else if (c->flags & (WESS_REF_ONLY | WESS_BRIEF))
        unjudged(pg, &c->item);
    else
        upsert(pg, &c->item, (c->flags & WESS_AS_NEW) != 0);
}

/* ---- what a listing of everything does not have
 * ------------------------------------------------------------------------------ */

void store_absent(struct storing *pg, int64_t item)
{
    struct pull *p = pg->pull;
    p->changed++;
    if (p->join) {
        bool proves = (p->collection->caps & WESS_CAP_ABSENCE_PROVES) != 0;
        (proves ? tagged_none : tagged_gone)(p->db, p->feed->id, item);
        return;
    }
    struct linked_list links = links_of(pg, item);
    item_flags(p->db, item, ITEM_ABSENT, 0);
    for (size_t i = 0; i < links.n; i++)
        if (!links.of[i].ended)
            todo_put(p->db, links.of[i].pu, links.of[i].side, item, NOT_CHOSEN);
    if (!links.n)
        item_forget(p->db, item);
}
