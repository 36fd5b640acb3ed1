#include "feed/pull.h"

#include <pthread.h>
#include <string.h>

#include "feed/seen.h"
#include "feed/stamp.h"
#include "model/rules.h"

#define PAGE_DEFAULT 100u
#define STORED_FLAGS ((uint32_t)(WESS_ITEM_PRIVATE | WESS_ITEM_TELLS | WESS_ITEM_LOCKED))

/* One page under way. */
struct page {
    struct pull *pull;
    struct wess_arena *arena, *scratch; /* of the page; of one item */
    int64_t mark;                       /* the snapshot's number, 0: none */
    bool spent;
};
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

static struct linked_list links_of(struct page *pg, int64_t item)
{
    struct linked_list l = {.arena = pg->scratch};
    links_of_item(pg->pull->db, item, add_linked, &l);
    pg->spent |= l.spent;
    return l;
}

/* ---- keys --------------------------------------------------------------------------------------
 */

static const char *stamp_of(const struct wess_item *item)
{
    for (size_t i = 0; i < item->n_keys; i++)
        if (!strcmp(item->keys[i].space, "wess"))
            return item->keys[i].id;
    return NULL;
}

unsigned char key_label(const char *space)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (const char *s = space; *s; s++)
        h = (h ^ (unsigned char)*s) * 16777619u;
    return (unsigned char)(h ^ h >> 8 ^ h >> 16 ^ h >> 24);
}

struct hash key_hash(const struct store *store, const char *space, const char *id)
{
    struct hash h = store_hash(store, space, id);
    h.of[0] = key_label(space);
    return h;
}

bool item_store_keys(struct store *store, struct db *db, struct wess_arena *a,
                     const struct feed_row *feed, const char *site, const char *identity,
                     int64_t item, const struct wess_item *facts)
{
    struct hash *of = arena_alloc(a, (2 * facts->n_keys + 1) * sizeof(*of));
    char stamp[STAMP_SIZE];
    size_t n = 0;
    if (!of)
        return false;
    for (size_t i = 0; i < facts->n_keys; i++) {
        const struct wess_key *key = &facts->keys[i];
        of[n++] = key_hash(store, key->space, key->id);
        if (!strcmp(key->space, "wess"))
            of[n++] = key_hash(store, KEY_DERIVED, key->id);
        if (strcmp(key->space, "fn"))
            continue;
        const char *plain = text_fold_plain(a, key->id);
        if (!plain)
            return false;
        of[n++] = key_hash(store, KEY_PLAIN_NAME, plain);
    }
    stamp_make(site, identity, feed->collection, facts->id, 0, stamp);
    of[n++] = key_hash(store, KEY_DERIVED, stamp);
    item_keys(db, feed->id, item, of, n);
    return true;
}

/* ---- to-dos ------------------------------------------------------------------------------------
 */

/* The item is linked there, or was: what changed is weighed against the link. An ended one only
 * cares for the reason being reversed. */
static void todo_of_link(struct page *pg, const struct linked *l, const struct wess_item *facts,
                         int64_t item, bool same)
{
    struct db *db = pg->pull->db;
    const struct subscriber *sub = subscriber_of(pg->pull, l);
    struct link_row link;
    if (!sub)
        return;
    enum chosen verdict = selector_judge(sub->selector, pg->scratch, facts);
    if (l->ended) {
        if (verdict == CHOSEN)
            todo_put(db, l->pu, l->side, item, verdict);
        return;
    }
    if (same && link_get(db, pg->scratch, l->link, &link) == STORE_OK &&
        link.chosen[l->side] == (verdict == CHOSEN) && !*link.unseen[l->side])
        return;
    todo_put(db, l->pu, l->side, item, verdict);
}

/* Not linked there: a to-do if it takes part, or if something of it still waits that no longer
 * should. */
static void todo_unlinked(struct page *pg, const struct subscriber *sub,
                          const struct wess_item *facts, int64_t item, bool was_chosen,
                          bool *chosen)
{
    struct db *db = pg->pull->db;
    struct todo_row todo;
    struct ask_row ask;
    enum chosen verdict = selector_judge(sub->selector, pg->scratch, facts);
    *chosen |= verdict == CHOSEN;
    if (verdict == CHOSEN ||
        (was_chosen && (todo_get(db, sub->pu, sub->side, item, &todo) == STORE_OK ||
                        ask_of_item(db, pg->scratch, sub->pu, sub->side, item, &ask) == STORE_OK)))
        todo_put(db, sub->pu, sub->side, item, verdict);
}

static void todos(struct page *pg, const struct wess_item *facts, const struct item_row *row,
                  bool same)
{
    struct pull *p = pg->pull;
    bool chosen = false, was = (row->flags & ITEM_CHOSEN) != 0;
    struct linked_list links = links_of(pg, row->id);
    for (size_t i = 0; i < links.n; i++)
        todo_of_link(pg, &links.of[i], facts, row->id, same);
    for (size_t i = 0; i < p->n_subs; i++) {
        if (is_linked(&links, &p->subs[i]))
            chosen |= selector_judge(p->subs[i].selector, pg->scratch, facts) == CHOSEN;
        else
            todo_unlinked(pg, &p->subs[i], facts, row->id, was, &chosen);
    }
    if (chosen != was)
        item_flags(p->db, row->id, chosen ? ITEM_CHOSEN : 0, chosen ? 0 : ITEM_CHOSEN);
}

/* ---- one change --------------------------------------------------------------------------------
 */

static bool is_same(const struct item_row *row, const struct wess_item *facts)
{
    return row->revision && facts->revision && !strcmp(row->revision, facts->revision) &&
           !(row->flags & (ITEM_GONE | ITEM_ABSENT)) &&
           (row->flags & STORED_FLAGS) == (facts->flags & STORED_FLAGS);
}

/* Our own write comes back: nothing new, unless a link still waits to see what became of it. */
static void echo(struct page *pg, const struct wess_item *facts, const struct item_row *row)
{
    if (!(row->flags & ITEM_UNSEEN))
        return;
    struct linked_list links = links_of(pg, row->id);
    for (size_t i = 0; i < links.n; i++)
        if (!links.of[i].ended)
            todo_of_link(pg, &links.of[i], facts, row->id, true);
    item_flags(pg->pull->db, row->id, 0, ITEM_UNSEEN);
}

static void upsert(struct page *pg, const struct wess_item *facts, int64_t now_ms)
{
    struct pull *p = pg->pull;
    struct item_row row = {0};
    bool known = item_by_rid(p->db, pg->scratch, p->feed->id, facts->id, &row) == STORE_OK;
    bool same = known && is_same(&row, facts);
    const char *stamp = stamp_of(facts);

    p->read++;
    if (same)
        echo(pg, facts, &row);
    if (same && !pg->mark)
        return;
    if (same) {
        item_mark(p->db, row.id, pg->mark);
    } else {
        p->changed++;
        row.feed = p->feed->id;
        row.rid = facts->id;
        row.revision = facts->revision;
        row.flags =
            (row.flags & ~(STORED_FLAGS | ITEM_GONE | ITEM_ABSENT)) | (facts->flags & STORED_FLAGS);
        row.modified_ms = facts->modified_ms;
        row.seen_ms = now_ms;
        item_put(p->db, &row, pg->mark);
        pg->spent |= !item_store_keys(p->store, p->db, pg->scratch, p->feed, p->site, p->identity,
                                      row.id, facts);
    }
    if (stamp && !(known && (row.flags & ITEM_OURS)))
        seen_stamp(p->db, pg->scratch, stamp, &row, p->live, p->ctx, now_ms);
    todos(pg, facts, &row, same);
}

static void deletion(struct page *pg, const struct wess_item *facts)
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

/* Its facts are not known, so that it cannot be judged. It is there all the same: it is not swept
 * as absent, and where it is linked the reading of it says what is wrong. */
static void unjudged(struct page *pg, const struct wess_item *ref, int64_t now_ms)
{
    struct pull *p = pg->pull;
    struct item_row row = {0};
    bool known = item_by_rid(p->db, pg->scratch, p->feed->id, ref->id, &row) == STORE_OK;
    p->read++;
    if (known && row.revision && ref->revision && !strcmp(row.revision, ref->revision) &&
        !(row.flags & (ITEM_GONE | ITEM_ABSENT))) {
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
    row.flags &= ~(uint32_t)(ITEM_GONE | ITEM_ABSENT);
    row.seen_ms = now_ms;
    item_put(p->db, &row, pg->mark);
    struct linked_list links = links_of(pg, row.id);
    for (size_t i = 0; i < links.n; i++)
        if (!links.of[i].ended)
            todo_put(p->db, links.of[i].pu, links.of[i].side, row.id, NOT_CHOSEN);
}

static void change(struct page *pg, const struct wess_change *c, int64_t now_ms)
{
    if (c->what == WESS_DELETE)
        deletion(pg, &c->item);
    else if (c->flags & WESS_REF_ONLY)
        unjudged(pg, &c->item, now_ms);
    else
        upsert(pg, &c->item, now_ms);
}

/* ---- pages -------------------------------------------------------------------------------------
 */

static bool store_page(struct pull *p, struct page *pg, const struct wess_page *page, int64_t mark)
{
    int64_t now = clock_now_ms(), absent = 0;
    bool last = (page->flags & WESS_PAGE_LAST) != 0;
    bool ok = db_begin_soft(p->db) == STORE_OK;
    if (!RULE(cursor_with_page))
        ok = feed_cursor(p->db, p->feed->id, page->next, last, now) == STORE_OK &&
             db_commit(p->db) == STORE_OK && db_begin_soft(p->db) == STORE_OK;
    pg->mark = mark;
    for (size_t i = 0; ok && i < page->n && !pg->spent; i++) {
        arena_reset(pg->scratch);
        change(pg, &page->changes[i], now);
        ok = !db_failed(p->db);
    }
    if (ok && !pg->spent && last && mark)
        items_sweep(p->db, p->feed->id, mark, &absent);
    if (ok && !pg->spent)
        feed_cursor(p->db, p->feed->id, page->next, last, now);
    if (!ok || pg->spent || db_failed(p->db)) {
        db_rollback(p->db);
        return false;
    }
    p->changed += absent;
    return db_commit(p->db) == STORE_OK;
}

static bool start_over(struct pull *p, int64_t *mark)
{
    bool ok =
        db_begin(p->db) == STORE_OK && feed_start_snapshot(p->db, p->feed->id, mark) == STORE_OK;
    return ok ? db_commit(p->db) == STORE_OK : (db_rollback(p->db), false);
}

static bool stopped(const struct pull *p)
{
    return p->cancelled && __atomic_load_n(p->cancelled, __ATOMIC_RELAXED);
}

/* A page that is asked for; the next one is on the wire while this one is stored. */
struct asking {
    struct pull *pull;
    struct wess_arena *arena;
    struct wess_slice at;
    uint32_t limit;
    struct wess_page page;
    struct wess_error error;
    enum wess_code code;
    pthread_t thread;
    bool threaded;
};

/* Halves the size while the answer is too big. Touches nothing of the store: another thread's. */
static void *ask(void *ctx)
{
    struct asking *q = ctx;
    for (;; q->limit /= 2) {
        arena_reset(q->arena);
        q->code = conn_changes(q->pull->conn, q->pull->collection->id, q->arena, NULL, q->at,
                               q->limit, &q->page, &q->error);
        q->page.flags |= RULE(whole_snapshot) ? 0u : WESS_PAGE_LAST;
        if (q->code != WESS_TOO_BIG || q->limit < 2)
            return NULL;
    }
}

static void ask_ahead(struct asking *q, struct wess_slice at, uint32_t limit)
{
    q->at = at;
    q->limit = limit;
    q->threaded = pthread_create(&q->thread, NULL, ask, q) == 0;
    if (!q->threaded)
        ask(q);
}

static void await(struct asking *q)
{
    if (q->threaded)
        pthread_join(q->thread, NULL);
    q->threaded = false;
}

static enum wess_code store_failed(struct pull *p)
{
    p->store_failed = true;
    return WESS_BROKEN;
}

/* The pages from `q` on. The remote may forget the cursor once: then everything is listed again. */
static enum wess_code pages(struct pull *p, struct page *pg, struct asking *q,
                            struct asking *coming, int64_t mark)
{
    bool restarted = false, last = false;
    while (!last) {
        if (q->code == WESS_RESET && !restarted) {
            restarted = true;
            if (!start_over(p, &mark))
                return store_failed(p);
            q->at = (struct wess_slice){NULL, 0};
            ask(q);
            continue;
        }
        p->error = q->error;
        if (q->code != WESS_OK)
            return q->code;
        last = (q->page.flags & WESS_PAGE_LAST) != 0;
        if (!last && !stopped(p))
            ask_ahead(coming, q->page.next, q->limit); /* its cursor lives in this page's arena */
        else
            coming->code = WESS_CANCELLED;
        pg->arena = q->arena;
        bool stored = store_page(p, pg, &q->page, mark);
        await(coming);
        if (!stored)
            return store_failed(p);
        struct asking *done = q;
        q = coming;
        coming = done;
    }
    return WESS_OK;
}

static enum wess_code pull_pages(struct pull *p, struct page *pg, struct wess_arena *kept[2])
{
    struct asking two[2] = {{.pull = p, .arena = kept[0]}, {.pull = p, .arena = kept[1]}};
    int64_t mark = p->feed->snapshot;
    two[0].at = p->feed->cursor;
    two[0].limit = p->collection->page_max ? p->collection->page_max : PAGE_DEFAULT;
    if (p->from_start || !two[0].at.len) {
        two[0].at = (struct wess_slice){NULL, 0};
        if ((p->from_start || !mark) && !start_over(p, &mark))
            return store_failed(p);
    }
    if (stopped(p))
        return WESS_CANCELLED;
    ask(&two[0]);
    return pages(p, pg, &two[0], &two[1], mark);
}

enum wess_code feed_pull(struct pull *p)
{
    struct page pg = {.pull = p, .scratch = arena_new(ARENA_BUDGET)};
    struct wess_arena *kept[2] = {arena_new(ARENA_BUDGET), arena_new(ARENA_BUDGET)};
    enum wess_code rc = WESS_TOO_BIG;
    p->read = p->changed = 0;
    p->store_failed = false;
    if (pg.scratch && kept[0] && kept[1])
        rc = pull_pages(p, &pg, kept);
    arena_free(pg.scratch);
    arena_free(kept[0]);
    arena_free(kept[1]);
    return rc;
}
