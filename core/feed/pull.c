#include "feed/pull.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "feed/page.h"
#include "model/rules.h"

#define PAGE_DEFAULT 100u
#define GATHER_MOST 500u          /* changes in one transaction, a page more or less */
#define GATHER_NS (10 * 1000000L) /* it waits for the next page, before it ends */
/* Of a tag source, whose index of keys has no order: each transaction writes most of it anew. */
#define GATHER_MOST_TAGGED 20000u
#define GATHER_NS_TAGGED (50 * 1000000L)
#define ROUNDS_MOST 8u
#define PAGES 4u /* one stored, one whose facts are fetched, one looked at, one listed */

/* ---- into the store
 * ---------------------------------------------------------------------------------------- */

static bool gather_begin(struct gathering *g)
{
    if (!g->open)
        g->open = !g->lost && db_begin_soft(g->db) == STORE_OK;
    return g->open;
}

static bool gather_end(struct gathering *g)
{
    if (g->open)
        g->lost |= db_commit(g->db) != STORE_OK;
    g->open = false;
    g->n = 0;
    return !g->lost;
}

static bool gather_drop(struct gathering *g, bool spent)
{
    if (g->open)
        db_rollback(g->db);
    g->open = false;
    g->lost = true;
    g->spent |= spent;
    return false;
}

/* A sorted listing stores no cursor on its way: it is cheap to begin again, and merging is the same
 * however often it is done. */
static bool is_silent(const struct pull *p, const struct page *pg)
{
    bool last = (pg->got.flags & WESS_PAGE_LAST) != 0;
    const struct feed_row *f = p->feed;
    bool stands = f->complete && !f->snapshot && f->cursor.len == pg->got.next.len &&
                  (!f->cursor.len || !memcmp(f->cursor.data, pg->got.next.data, f->cursor.len));
    return pg->sorted && !pg->n_news && !pg->n_absent && (!last || stands);
}

static bool store_page(struct pull *p, struct storing *st, struct page *pg)
{
    int64_t absent = 0;
    bool last = (pg->got.flags & WESS_PAGE_LAST) != 0;
    size_t n = pg->sorted ? pg->n_news : pg->got.n;
    if (is_silent(p, pg))
        return !st->gathering->lost;
    bool ok = gather_begin(st->gathering);
    st->now_ms = clock_now_ms();
    if (!RULE(cursor_with_page))
        ok = ok && feed_cursor(p->db, p->feed->id, pg->got.next, last, st->now_ms) == STORE_OK &&
             gather_end(st->gathering) && gather_begin(st->gathering);
    for (size_t i = 0; ok && i < n && !st->spent; i++) {
        arena_reset(st->scratch);
        st->fresh = pg->sorted && pg->fresh[i];
        store_change(st, pg->sorted ? pg->news[i] : &pg->got.changes[i]);
        st->spent |= arena_refused(st->scratch) != ARENA_GAVE;
        ok = !db_failed(p->db);
    }
    for (size_t i = 0; ok && i < pg->n_absent && !st->spent; i++) {
        arena_reset(st->scratch);
        store_absent(st, pg->absent[i]);
        st->spent |= arena_refused(st->scratch) != ARENA_GAVE;
        ok = !db_failed(p->db);
    }
    if (ok && !st->spent && last && st->mark)
        items_sweep(p->db, p->feed->id, st->mark, &absent);
    /* Whatever happens next, the place of a remote that has lost its own is not kept. */
    bool anew = st->again || st->back;
    struct wess_slice next = anew ? (struct wess_slice){"", 0} : pg->got.next;
    p->back |= st->back;
    if (ok && !st->spent && (last || !pg->sorted))
        feed_cursor(p->db, p->feed->id, next, last, st->now_ms);
    if (!ok || st->spent || db_failed(p->db)) {
        p->spent = st->spent;
        return gather_drop(st->gathering, st->spent);
    }
    p->changed += absent;
    st->gathering->n += n + pg->n_absent;
    return st->gathering->n < (p->join ? GATHER_MOST_TAGGED : GATHER_MOST) ||
           gather_end(st->gathering);
}

static bool start_snapshot(struct pull *p, struct gathering *g, int64_t *mark)
{
    bool ok = gather_end(g) && db_begin(p->db) == STORE_OK &&
              feed_start_snapshot(p->db, p->feed->id, mark) == STORE_OK;
    return ok ? db_commit(p->db) == STORE_OK : (db_rollback(p->db), false);
}

/* ---- from the connector
 * ------------------------------------------------------------------------------------ */

static bool stopped(const struct pull *p)
{
    return p->cancelled && __atomic_load_n(p->cancelled, __ATOMIC_RELAXED);
}

/* Halves the size while the answer is too big. Touches nothing of the store: another thread's. */
static void list(struct page *pg)
{
    for (;; pg->limit /= 2) {
        arena_reset(pg->arena);
        *pg = (struct page){.pull = pg->pull, .arena = pg->arena, .at = pg->at, .limit = pg->limit};
        pg->code = conn_changes(pg->pull->conn, pg->pull->collection->id, pg->arena, pg->pull->want,
                                pg->at, pg->limit, &pg->got, &pg->error);
        pg->got.flags |= RULE(whole_snapshot) ? 0u : WESS_PAGE_LAST;
        if (pg->code != WESS_TOO_BIG || pg->limit < 2)
            return;
    }
}

/* What the connector is asked for while a page is stored: the facts of the page that was listed
 * last, and the next page. */
struct asking {
    struct page *facts, *next;
    pthread_t thread;
    bool threaded;
};

static void *ask(void *ctx)
{
    struct asking *a = ctx;
    if (a->facts && a->facts->n_wanted)
        page_facts(a->facts);
    if (a->next && (!a->facts || a->facts->code == WESS_OK))
        list(a->next);
    return NULL;
}

static void ask_ahead(struct asking *a)
{
    if ((!a->facts || !a->facts->n_wanted) && !a->next)
        return;
    a->threaded = pthread_create(&a->thread, NULL, ask, a) == 0;
    if (!a->threaded)
        ask(a);
}

/* Nobody who writes waits for a remote: what is gathered is stored, unless the answer comes soon.
 */
static bool await(struct asking *a, struct gathering *g, const struct pull *p)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += p->join ? GATHER_NS_TAGGED : GATHER_NS;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    bool came = !a->threaded, ok = true;
    if (!came && g->open)
        came = pthread_timedjoin_np(a->thread, NULL, &until) == 0;
    if (!came) {
        ok = gather_end(g);
        pthread_join(a->thread, NULL);
    }
    a->threaded = false;
    return ok && !g->lost;
}

/* ---- the way of the pages
 * ------------------------------------------------------------------------------------- */

/* Whether a listing goes round: each place that it comes to is compared with one that is kept, and
 * kept itself once twice as many have come (Brent, "An improved Monte Carlo factorization
 * algorithm", 1980), so that a round of any length is seen. */
struct places {
    unsigned char kept[DIGEST_SIZE];
    uint64_t since, most; /* places since that one, and until the next is kept */
    unsigned met;
};

struct way {
    struct pull *pull;
    struct page pages[PAGES];
    size_t turn;
    struct places places;
    struct asking asking;
    struct page *waiting; /* for its facts, or for its turn behind one that does */
    struct storing storing;
    struct comparing comparing;
    bool whole;     /* it began with an empty cursor: a listing of everything */
    bool restarted; /* the remote may forget the cursor once */
    bool cut, over;
};

static enum wess_code store_failed(struct way *w)
{
    struct pull *p = w->pull;
    p->spent |= w->storing.gathering->spent;
    p->store_failed = !p->spent;
    return WESS_BROKEN;
}

static struct page *next_page(struct way *w, struct wess_slice at, uint32_t limit)
{
    struct page *pg = &w->pages[w->turn++ % PAGES];
    pg->at = at;
    pg->limit = limit;
    return pg;
}

static bool goes_round(struct places *p, struct wess_slice at)
{
    unsigned char now[DIGEST_SIZE];
    digest_of(at, now);
    if (p->most && !memcmp(p->kept, now, sizeof(now)) && ++p->met > ROUNDS_MOST)
        return true;
    if (p->since++ == p->most) {
        memcpy(p->kept, now, sizeof(now));
        p->most = p->most ? 2 * p->most : 1;
        p->since = 0;
    }
    return false;
}

static void begin_listing(struct way *w, bool anew)
{
    w->whole = true;
    w->places = (struct places){.met = 0};
    w->comparing.anew = anew && w->pull->join && w->pull->feed->complete && !w->pull->from_start;
    w->storing.mark = 0;
    w->comparing.began_ms = clock_now_ms();
    w->comparing.n = w->comparing.at = 0;
    w->comparing.ended = false;
    w->comparing.last = NULL;
}

/* From the first page on, again: a lost cursor, or a sorted listing that was cut off. */
static void list_again(struct way *w, struct page *pg)
{
    begin_listing(w, true);
    pg->at = (struct wess_slice){NULL, 0};
    list(pg);
}

static bool is_sorted(const struct page *pg)
{
    const uint32_t both = WESS_PAGE_SNAPSHOT | WESS_PAGE_SORTED;
    return (pg->got.flags & both) == both;
}

/* The page was listed, or it says why not; a lost cursor begins again, once. */
static enum wess_code take(struct way *w, struct page *pg)
{
    if (pg->code == WESS_RESET && !w->restarted) {
        w->restarted = true;
        list_again(w, pg);
    } else if (pg->code == WESS_OK && is_sorted(pg) && !w->whole) {
        /* A tag source goes on from what its cursor told it, and has begun a listing by itself. */
        if (w->pull->join)
            begin_listing(w, false);
        else
            list_again(w, pg);
    }
    if (pg->code == WESS_OK && !(pg->got.flags & WESS_PAGE_LAST) &&
        goes_round(&w->places, pg->got.next)) {
        pg->code = WESS_TRANSIENT;
        pg->error.scope = WESS_OF_COLLECTION;
        snprintf(pg->error.text, sizeof(pg->error.text),
                 "the listing goes round: it comes to a place where it has been");
    }
    w->pull->error = pg->error;
    return pg->code;
}

/* What of it is news? A listing that is not sorted marks what it has seen. */
static enum wess_code look_at(struct way *w, struct page *pg)
{
    if (is_sorted(pg)) {
        w->storing.mark = 0;
        if (compare_page(&w->comparing, pg))
            return WESS_OK;
        w->pull->spent = !db_failed(w->pull->db);
        return store_failed(w);
    }
    if (w->whole && !w->storing.mark && !w->pull->join &&
        !start_snapshot(w->pull, w->storing.gathering, &w->storing.mark))
        return store_failed(w);
    return WESS_OK;
}

/* The remote has started over without a word: what it forgot to tell shows in a listing. */
static void start_over(struct way *w)
{
    struct pull *p = w->pull;
    log_line(WESS_LOG_WARN, "%s: the remote lists from its start again; everything is compared",
             p->feed->collection);
    w->restarted = true;
    w->storing.again = false;
    begin_listing(w, true);
    w->asking = (struct asking){0};
    w->asking.next = next_page(w, (struct wess_slice){NULL, 0},
                               p->collection->page_max ? p->collection->page_max : PAGE_DEFAULT);
    ask_ahead(&w->asking);
}

static enum wess_code store(struct way *w, struct page *pg)
{
    return !pg || store_page(w->pull, &w->storing, pg) ? WESS_OK : store_failed(w);
}

static void finish(struct way *w, enum wess_code rc)
{
    struct gathering *g = w->storing.gathering;
    bool kept = await(&w->asking, g, w->pull) && gather_end(g);
    w->pull->code = kept || rc != WESS_OK ? rc : store_failed(w);
    w->over = true;
}

/* Looks at a page and stores it, in its turn: not before one that waits for its facts. */
static enum wess_code look_and_store(struct way *w, struct page *listed)
{
    enum wess_code rc = look_at(w, listed);
    if (rc == WESS_OK && !listed->n_wanted && !w->asking.facts)
        return store(w, listed);
    w->waiting = listed;
    return rc;
}

/* While a page is looked at and one before it stored, the next one is listed, and the facts of the
 * one between them are fetched. */
static void step(struct way *w)
{
    bool kept = await(&w->asking, w->storing.gathering, w->pull);
    struct page *listed = w->asking.next, *ready = w->asking.facts;
    w->asking = (struct asking){.facts = w->waiting};
    w->waiting = NULL;
    if (!kept) {
        finish(w, store_failed(w));
        return;
    }
    if (ready && ready->code != WESS_OK) {
        w->pull->error = ready->error;
        w->pull->spent = ready->spent;
        finish(w, ready->code);
        return;
    }
    enum wess_code code = listed ? take(w, listed) : WESS_OK, rc;
    if (code == WESS_OK && w->pull->ahead)
        code = ahead_pause(w->pull->ahead, &w->pull->error);
    if (code != WESS_OK) {
        rc = store(w, ready);
        finish(w, rc != WESS_OK ? rc : code);
        return;
    }
    if (listed && !(listed->got.flags & WESS_PAGE_LAST)) {
        w->cut = stopped(w->pull);
        w->asking.next = w->cut ? NULL : next_page(w, listed->got.next, listed->limit);
    }
    ask_ahead(&w->asking);
    rc = store(w, ready);
    if (rc == WESS_OK && listed)
        rc = look_and_store(w, listed);
    if (w->asking.next && w->pull->ahead)
        ahead_go(w->pull->ahead);
    bool more = w->asking.next || w->asking.facts || w->waiting;
    if (rc != WESS_OK)
        finish(w, rc);
    else if (!more && w->storing.again && !w->restarted && !w->cut)
        start_over(w);
    else if (!more)
        finish(w, w->cut ? WESS_CANCELLED : WESS_OK);
}

/* Where a deletion is known by its word alone, what nobody tells shows when all is listed: rights
 * given or taken away, a change that came too late. Feeds that began on one day do not come due on
 * one day. */
static bool is_due(const struct pull *p)
{
    const struct feed_row *f = p->feed;
    int64_t after = p->whole_after_ms - p->whole_after_ms / 4 * (f->id % 16) / 16;
    return after > 0 && collection_only_word_proves(p->collection) && f->complete && !f->snapshot &&
           (f->whole_ms + after <= clock_now_ms() || f->whole_ms > clock_now_ms());
}

static void begin(struct way *w)
{
    struct pull *p = w->pull;
    bool anew = p->from_start || is_due(p);
    struct wess_slice at = anew ? (struct wess_slice){NULL, 0} : p->feed->cursor;
    if (!at.len)
        begin_listing(w, true);
    if (!p->from_start)
        w->storing.mark = p->feed->snapshot;
    if (stopped(p)) {
        finish(w, WESS_CANCELLED);
        return;
    }
    w->asking.next =
        next_page(w, at, p->collection->page_max ? p->collection->page_max : PAGE_DEFAULT);
    ask_ahead(&w->asking);
}

static void open_way(struct way *w, struct pull *p, struct gathering *g)
{
    *w = (struct way){.pull = p};
    p->read = p->changed = 0;
    p->store_failed = p->spent = p->back = false;
    w->storing = (struct storing){.pull = p, .gathering = g, .scratch = arena_new(ARENA_BUDGET)};
    w->comparing = (struct comparing){.pull = p, .arena = arena_new(ARENA_BUDGET)};
    bool ok = w->storing.scratch && w->comparing.arena;
    for (size_t i = 0; i < PAGES; i++) {
        w->pages[i] = (struct page){.pull = p, .arena = arena_new(ARENA_BUDGET)};
        ok &= w->pages[i].arena != NULL;
    }
    p->spent = !ok;
    if (ok)
        begin(w);
    else
        finish(w, WESS_TOO_BIG);
}

static void close_way(struct way *w)
{
    for (size_t i = 0; i < PAGES; i++)
        arena_free(w->pages[i].arena);
    arena_free(w->storing.scratch);
    compare_fini(&w->comparing);
}

void feed_pull(struct pull *const *pulls, size_t n)
{
    struct way ways[PULLS_MOST];
    struct gathering gathering = {.db = n ? pulls[0]->db : NULL};
    bool any = true;
    for (size_t i = 0; i < n; i++)
        open_way(&ways[i], pulls[i], &gathering);
    while (any) {
        any = false;
        for (size_t i = 0; i < n; i++)
            if (!ways[i].over) {
                step(&ways[i]);
                any = true;
            }
    }
    for (size_t i = 0; i < n; i++)
        close_way(&ways[i]);
}
