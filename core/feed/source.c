/* Tag sources: another endpoint says which items bear which tags, by a key that both know. What it
 * says is kept by the hash of that key, whether the item has been seen here or not; whoever selects
 * by it hears of each change once. */
#include <string.h>

#include "feed/page.h"

#define TURNS_AT_ONCE 200u

/* ---- what the source says
 * ---------------------------------------------------------------------------------------- */

static struct hash tag_hash(struct storing *pg, const char *folded)
{
    size_t len = strlen(folded);
    if (*folded && !strcmp(pg->tag, folded))
        return pg->last;
    struct hash h = store_hash(pg->pull->store, "tag", folded);
    if (len < sizeof(pg->tag)) {
        memcpy(pg->tag, folded, len + 1);
        pg->last = h;
    }
    return h;
}

/* What nobody asks for is not kept. */
static bool is_wanted(const struct pull *p, const char *folded)
{
    bool wanted = !p->want;
    for (size_t i = 0; p->want && i < p->want->tags.n; i++)
        wanted |= !strcmp(p->want->tags.of[i], folded);
    return wanted;
}

/* Hashes of the tags in folded form; an empty slice for none. */
static bool tag_hashes(struct storing *pg, struct wess_list tags, struct wess_slice *out)
{
    struct hash *of = tags.n ? arena_alloc(pg->scratch, tags.n * sizeof(*of)) : NULL;
    size_t n = 0;
    for (size_t i = 0; of && i < tags.n; i++) {
        const char *folded = text_fold(pg->scratch, tags.of[i]);
        if (!folded)
            return false;
        if (is_wanted(pg->pull, folded))
            of[n++] = tag_hash(pg, folded);
    }
    *out = (struct wess_slice){of, n * sizeof(*of)};
    return of || !tags.n;
}

static const char *key_in(const struct wess_item *item, const char *space)
{
    for (size_t i = 0; i < item->n_keys; i++)
        if (!strcmp(item->keys[i].space, space))
            return item->keys[i].id;
    return NULL;
}

static bool says_the_same(const struct tagged_row *a, const struct tagged_row *b)
{
    return !a->gone && a->has_key == b->has_key && a->tags.len == b->tags.len &&
           (!a->has_key || !memcmp(a->key.of, b->key.of, HASH_SIZE)) &&
           (!a->tags.len || !memcmp(a->tags.data, b->tags.data, a->tags.len));
}

/* An item without tags is remembered only where it speaks against another one of its key. */
static bool counts(struct storing *pg, bool known, const struct tagged_row *now)
{
    bool others = false;
    if (known || now->tags.len)
        return true;
    if (now->has_key)
        tagged_known(pg->pull->db, now->feed, &now->key, &others);
    return others;
}

static void put_tagged(struct storing *pg, const struct wess_item *item)
{
    struct pull *p = pg->pull;
    struct tagged_row was = {0}, now = {.feed = p->feed->id, .rid = item->id};
    bool known =
        !pg->fresh && tagged_get(p->db, pg->scratch, p->feed->id, item->id, &was) == STORE_OK;
    const char *key = key_in(item, p->join);
    now.revision = item->revision;
    now.key = was.key; /* a scan of tags alone need not tell it again */
    now.has_key = was.has_key;
    if (key) {
        now.key = key_hash(p->store, p->join, key);
        now.has_key = true;
    }
    if (!tag_hashes(pg, item->tags, &now.tags)) {
        pg->spent = true;
        return;
    }
    if (!counts(pg, known, &now))
        return;
    if (known && says_the_same(&was, &now)) {
        tagged_revision(p->db, was.id, now.revision);
        return;
    }
    p->changed++;
    tagged_put(p->db, &now);
}

void store_tagged(struct storing *pg, const struct wess_change *c)
{
    struct pull *p = pg->pull;
    struct tagged_row was;
    p->read++;
    if (c->flags & (WESS_REF_ONLY | WESS_BRIEF))
        return; /* what it bears is not known: it stays as it was */
    if (c->what != WESS_DELETE)
        put_tagged(pg, &c->item);
    else if (tagged_get(p->db, pg->scratch, p->feed->id, c->item.id, &was) == STORE_OK)
        tagged_gone(p->db, p->feed->id, was.id);
}

/* ---- judging by it
 * ---------------------------------------------------------------------------------------- */

static bool bears(struct storing *pg, const struct selector *s, const struct wess_item *item,
                  const char *folded)
{
    struct pull *p = pg->pull;
    struct hash tag = tag_hash(pg, folded);
    bool found = false;
    if (!strcmp(s->join, KEY_ID)) {
        struct hash key = key_hash(p->store, KEY_ID, item->id);
        tagged_bears(p->db, s->source, &key, &tag, &found);
    }
    for (size_t i = 0; !found && i < item->n_keys; i++) {
        if (strcmp(item->keys[i].space, s->join) != 0)
            continue;
        struct hash key = key_hash(p->store, s->join, item->keys[i].id);
        tagged_bears(p->db, s->source, &key, &tag, &found);
    }
    return found;
}

/* The same item, bearing those of the tags asked for that the source knows it to bear. */
enum chosen judge(struct storing *pg, const struct selector *s, const struct wess_item *facts)
{
    const struct wess_list *const asked[] = {&s->any, &s->all, &s->none};
    struct wess_item item = *facts;
    size_t n = 0;
    if (!s->source)
        return selector_judge(s, pg->scratch, facts);
    const char **of = arena_alloc(pg->scratch, (s->any.n + s->all.n + s->none.n + 1) * sizeof(*of));
    pg->spent |= !of;
    for (size_t l = 0; of && l < sizeof(asked) / sizeof(asked[0]); l++)
        for (size_t i = 0; i < asked[l]->n; i++)
            if (bears(pg, s, facts, asked[l]->of[i]))
                of[n++] = asked[l]->of[i];
    item.tags = (struct wess_list){of, n};
    return selector_judge(s, pg->scratch, &item);
}

enum chosen admit(struct storing *pg, const struct selector *s, const struct wess_item *facts)
{
    enum chosen verdict = judge(pg, s, facts);
    return verdict == CHOSEN && !selector_in_window(s, facts) ? OUT_OF_SCOPE : verdict;
}

/* ---- judging again
 * ---------------------------------------------------------------------------------------- */

static const struct wess_change **list_more(struct wess_arena *a, const struct wess_change **of,
                                            size_t n, size_t *cap)
{
    if (n < *cap)
        return of;
    *cap = *cap ? *cap * 2 : 64;
    const struct wess_change **more = arena_alloc(a, *cap * sizeof(*more));
    if (more && n)
        memcpy(more, of, n * sizeof(*more));
    return more;
}

static bool gather_row(struct page *pg, const struct item_row *row, size_t *cap)
{
    if (row->flags & (ITEM_GONE | ITEM_ABSENT))
        return true;
    struct wess_change *c = arena_alloc(pg->arena, sizeof(*c));
    pg->news = list_more(pg->arena, pg->news, pg->n_news, cap);
    if (!c || !pg->news)
        return false;
    *c = (struct wess_change){.what = WESS_UPSERT,
                              .flags = WESS_BRIEF,
                              .item = {.id = row->rid, .kind = "", .revision = row->revision}};
    pg->news[pg->n_news++] = c;
    pg->n_wanted++;
    return true;
}

static bool gather_bearers(struct page *pg, const struct turned *turn, size_t *cap)
{
    struct pull *p = pg->pull;
    struct item_row row;
    int64_t *ids = NULL;
    size_t found = 0;
    bool ok = !turn->has_key ||
              keys_bearers(p->db, pg->arena, p->feed->id, &turn->key, &ids, &found) == STORE_OK;
    for (size_t k = 0; ok && k < found; k++)
        ok = item_get(p->db, pg->arena, ids[k], &row) == STORE_OK && gather_row(pg, &row, cap);
    return ok;
}

/* By its id; what was not listed here yet is judged when it is. */
static bool gather_one(struct page *pg, const struct turned *turn, size_t *cap)
{
    struct pull *p = pg->pull;
    struct item_row row;
    enum store_code rc =
        turn->rid ? item_by_rid(p->db, pg->arena, p->feed->id, turn->rid, &row) : STORE_FAIL;
    return rc == STORE_NONE || (rc == STORE_OK && gather_row(pg, &row, cap));
}

/* Those that a part of the changes is about, as a page of what is to be asked for. */
static bool gather(struct page *pg, const char *join, const struct turned *turns, size_t n)
{
    bool by_id = !strcmp(join, KEY_ID), ok = true;
    size_t cap = 0;
    for (size_t i = 0; ok && i < n; i++)
        ok = (by_id ? gather_one : gather_bearers)(pg, &turns[i], &cap);
    return ok;
}

static bool store_judged(struct pull *p, struct page *pg, struct wess_arena *scratch,
                         int64_t source, int64_t turn)
{
    struct gathering g = {.db = p->db};
    struct storing st = {
        .pull = p, .gathering = &g, .scratch = scratch, .now_ms = clock_now_ms(), .judges = true};
    bool ok = db_begin_soft(p->db) == STORE_OK;
    for (size_t i = 0; ok && i < pg->n_news && !st.spent; i++) {
        /* What is gone, or cannot be read, the feed itself will tell. */
        if (pg->news[i]->what != WESS_UPSERT || pg->news[i]->flags)
            continue;
        arena_reset(scratch);
        store_change(&st, pg->news[i]);
        st.spent |= arena_refused(scratch) != ARENA_GAVE;
        ok = !db_failed(p->db);
    }
    ok = ok && !st.spent && joined_put(p->db, p->feed->id, source, turn) == STORE_OK;
    p->spent |= st.spent;
    if (ok)
        return db_commit(p->db) == STORE_OK;
    db_rollback(p->db);
    return false;
}

/* A part of the changes. *after: the last of them; false: the reading stops. */
static bool judge_some(struct pull *p, const struct selector *s, int64_t *after, bool *more)
{
    struct turned turns[TURNS_AT_ONCE];
    size_t n = 0;
    struct page pg = {.pull = p, .arena = arena_new(ARENA_BUDGET), .code = WESS_OK};
    struct wess_arena *scratch = arena_new(ARENA_BUDGET);
    bool ok =
        pg.arena && scratch &&
        tagged_turned(p->db, pg.arena, s->source, *after, turns, TURNS_AT_ONCE, &n) == STORE_OK;
    *more = n > 0;
    ok = ok && gather(&pg, s->join, turns, n);
    if (ok && pg.n_wanted)
        page_facts(&pg);
    if (ok && n && pg.code == WESS_OK)
        ok = store_judged(p, &pg, scratch, s->source, *after = turns[n - 1].turn);
    p->code = pg.code;
    p->error = pg.error;
    p->spent |=
        pg.spent || !pg.arena || !scratch || (pg.arena && arena_refused(pg.arena) != ARENA_GAVE);
    p->store_failed = !ok && !p->spent;
    arena_free(pg.arena);
    arena_free(scratch);
    return ok && p->code == WESS_OK && !p->spent;
}

static bool judge_by(struct pull *p, const struct selector *s)
{
    const int64_t source = s->source;
    int64_t after = 0;
    bool more = true, ok = true;
    enum store_code rc = joined_get(p->db, p->feed->id, source, &after);
    /* The first time everything is read, and judged, from the start. */
    if (rc == STORE_NONE && tagged_turn(p->db, source, &after) == STORE_OK &&
        db_begin_soft(p->db) == STORE_OK) {
        joined_put(p->db, p->feed->id, source, after);
        ok = db_commit(p->db) == STORE_OK;
    } else if (rc != STORE_OK) {
        ok = false;
    }
    p->store_failed = !ok;
    while (ok && more)
        ok = judge_some(p, s, &after, &more);
    return ok;
}

void feed_judge_again(struct pull *p)
{
    p->code = WESS_OK;
    p->store_failed = p->spent = false;
    for (size_t i = 0; i < p->n_subs; i++) {
        int64_t source = p->subs[i].selector->source;
        bool done = !source;
        for (size_t k = 0; k < i; k++)
            done |= p->subs[k].selector->source == source;
        if (!done && !judge_by(p, p->subs[i].selector))
            return;
    }
}
