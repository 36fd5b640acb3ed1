/* What items are found by. An item's own list of hashes stands in its row; an index leads from a
 * hash to the items that bear it.
 *
 * Hashes are random: put into the index one by one, the keys of a thousand items touch every page
 * of it. So the index follows: it holds the items up to a number, and takes up those behind it many
 * at once, in the order of their hashes (keys_follow()). Until then they are looked through one by
 * one. Items get rising numbers, and none twice. A key within another one is not in the index: who
 * bears it is among those who bear the other. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/sql.h"

#define KEYS_AT_ONCE 16u
#define FOLLOW_ITEMS 16384 /* taken up in one transaction */

/* ---- how far the index goes
 * ----------------------------------------------------------------------------------------- */

/* The last item that it holds. Another connection moves it, but not within our transaction. */
static int64_t upto(struct db *db)
{
    if (sqlite3_get_autocommit(db->sq) || !db->indexed_known)
        sql_number(db, &db->indexed, "SELECT indexed FROM numbers", "");
    db->indexed_known = !db->failed;
    return db->indexed;
}

/* The items behind `last`: id, keys, flags. */
static sqlite3_stmt *behind(struct db *db, int64_t feed, int64_t last)
{
    return sql_open(db, "SELECT id, keys, flags FROM items WHERE id > ?2 AND +feed = ?1", "ii",
                    feed, last);
}

/* ---- an item's own list
 * ----------------------------------------------------------------------------------------- */

static enum store_code each_key(struct db *db, const char *sql, int64_t feed, int64_t item,
                                const struct hash *of, size_t n)
{
    enum store_code rc = STORE_OK;
    for (size_t i = 0; rc == STORE_OK && i < n; i++)
        if (!hash_is_within(&of[i]))
            rc = sql_do(db, sql, "ihi", feed, &of[i], item);
    return rc;
}

static const char add_key[] =
    "INSERT INTO keys(feed, hash, item) VALUES(?, ?, ?) ON CONFLICT DO NOTHING";

/* Those that stand in the row leave the index; `but`: unless they are the same. */
static enum store_code drop(struct db *db, int64_t item, const struct wess_slice *but, bool *same)
{
    sqlite3_stmt *s = sql_row(db, "SELECT feed, keys FROM items WHERE id = ?", "i", item);
    struct hash of[KEYS_AT_ONCE];
    enum store_code rc = s ? STORE_OK : sql_none(db);
    const unsigned char *all = s ? sqlite3_column_blob(s, 1) : NULL;
    size_t n = all ? (size_t)sqlite3_column_bytes(s, 1) / HASH_SIZE : 0;
    *same = but && but->len == n * HASH_SIZE && (!n || !memcmp(but->data, all, but->len));
    bool indexed = !*same && item <= upto(db);
    for (size_t at = 0; rc == STORE_OK && indexed && at < n; at += KEYS_AT_ONCE) {
        size_t some = n - at < KEYS_AT_ONCE ? n - at : KEYS_AT_ONCE;
        memcpy(of, all + at * HASH_SIZE, some * HASH_SIZE);
        rc = each_key(db, "DELETE FROM keys WHERE feed = ? AND hash = ? AND item = ?",
                      col_int(s, 0), item, of, some);
    }
    sql_end(s);
    return rc == STORE_NONE ? STORE_OK : rc;
}

enum store_code keys_drop(struct db *db, int64_t item)
{
    bool same;
    return drop(db, item, NULL, &same);
}

enum store_code item_keys(struct db *db, int64_t feed, int64_t item, const struct hash *of,
                          size_t n)
{
    bool same = false;
    struct wess_slice all = {of, n * sizeof(*of)};
    enum store_code rc = drop(db, item, &all, &same);
    if (rc != STORE_OK || same)
        return rc;
    if (item <= upto(db))
        rc = each_key(db, add_key, feed, item, of, n);
    return rc == STORE_OK ? sql_do(db, "UPDATE items SET keys = ?2 WHERE id = ?1", "ib", item, all)
                          : rc;
}

/* Both lists, each hash once. */
static size_t join_keys(struct hash *all, size_t n, const struct hash *more, size_t n_more)
{
    for (size_t i = 0; i < n_more; i++) {
        bool known = false;
        for (size_t k = 0; k < n && !known; k++)
            known = !memcmp(&all[k], &more[i], sizeof(*all));
        if (!known)
            all[n++] = more[i];
    }
    return n;
}

enum store_code item_copy_keys(struct db *db, struct wess_arena *a, int64_t from_item, int64_t feed,
                               int64_t to_item)
{
    struct hash *of[2] = {NULL, NULL}, *all;
    size_t n[2] = {0, 0};
    if (item_key_hashes(db, a, to_item, &of[0], &n[0]) != STORE_OK ||
        item_key_hashes(db, a, from_item, &of[1], &n[1]) != STORE_OK ||
        !(all = arena_alloc(a, (n[0] + n[1] + 1) * sizeof(*all))))
        return STORE_FAIL;
    size_t joined = join_keys(all, join_keys(all, 0, of[0], n[0]), of[1], n[1]);
    return item_keys(db, feed, to_item, all, joined);
}

enum store_code item_key_hashes(struct db *db, struct wess_arena *a, int64_t item,
                                struct hash **out, size_t *n)
{
    sqlite3_stmt *s = sql_row(db, "SELECT keys FROM items WHERE id = ?", "i", item);
    struct wess_slice all = s ? col_blob(db, a, s, 0) : (struct wess_slice){NULL, 0};
    sql_end(s);
    *out = (struct hash *)(uintptr_t)all.data; /* a copy of ours, in the arena */
    *n = all.len / sizeof(**out);
    return db->failed ? STORE_FAIL : STORE_OK;
}

/* ---- who bears a key
 * ----------------------------------------------------------------------------------------- */

/* Whether the list in column 1 holds it. */
static bool holds(sqlite3_stmt *s, const struct hash *h)
{
    const unsigned char *all = sqlite3_column_blob(s, 1);
    size_t len = (size_t)sqlite3_column_bytes(s, 1);
    for (size_t at = 0; all && at + HASH_SIZE <= len; at += HASH_SIZE)
        if (!memcmp(all + at, h->of, HASH_SIZE))
            return true;
    return false;
}

/* Calls for each bearer, live or not, with a row of its id, keys and flags. How far the index goes
 * is asked first: outside of a transaction it may move on, and who is met twice is better than
 * missed. */
static void each_bearer(struct db *db, int64_t feed, const struct hash *h,
                        void (*each)(void *ctx, sqlite3_stmt *), void *ctx)
{
    int64_t last = upto(db);
    sqlite3_stmt *s = sql_open(db,
                               "SELECT i.id, i.keys, i.flags FROM keys k JOIN items i ON i.id ="
                               " k.item WHERE k.feed = ?1 AND k.hash = ?2",
                               "ih", feed, h);
    while (sql_next(db, s))
        each(ctx, s);
    sql_end(s);
    s = behind(db, feed, last);
    while (sql_next(db, s))
        if (!hash_is_within(h) && holds(s, h))
            each(ctx, s);
    sql_end(s);
}

struct live {
    const struct hash *also;
    int64_t *ids;
    size_t cap, n;
};
static void add_live(void *ctx, sqlite3_stmt *s)
{
    struct live *l = ctx;
    if ((col_int(s, 2) & (ITEM_GONE | ITEM_ABSENT)) || (l->also && !holds(s, l->also)))
        return;
    if (l->n < l->cap)
        l->ids[l->n] = col_int(s, 0);
    l->n++;
}

enum store_code items_by_key(struct db *db, int64_t feed, const struct hash *h,
                             const struct hash *also, int64_t *ids, size_t cap, size_t *n)
{
    struct live l = {.also = also, .ids = ids, .cap = cap};
    each_bearer(db, feed, h, add_live, &l);
    *n = l.n;
    return db->failed ? STORE_FAIL : STORE_OK;
}

/* Theirs, on the other side. */
static void add_twins(struct db *db, enum side side, sqlite3_stmt *s, int64_t *out, size_t cap,
                      size_t *n)
{
    static const char *const sql[] = {"SELECT r FROM links_v WHERE l = ? AND NOT ended",
                                      "SELECT l FROM links_v WHERE r = ? AND NOT ended"};
    sqlite3_stmt *of = sql_open(db, sql[side], "i", col_int(s, 0));
    while (*n < cap && sql_next(db, of))
        out[(*n)++] = col_int(of, 0);
    sql_end(of);
}

#define LIKE_FEED " IN (SELECT id FROM feeds WHERE collection = ?2 AND id <> ?3)"

enum store_code links_by_key(struct db *db, const struct feed_row *feed, enum side side,
                             const struct hash *h, int64_t *out, size_t cap, size_t *n)
{
    int64_t last = upto(db);
    sqlite3_stmt *s = sql_open(db, "SELECT item FROM keys WHERE hash = ?1 AND feed" LIKE_FEED,
                               "hti", h, feed->collection, feed->id);
    *n = 0;
    while (*n < cap && sql_next(db, s))
        add_twins(db, side, s, out, cap, n);
    sql_end(s);
    s = sql_open(db, "SELECT id, keys FROM items WHERE id > ?1 AND feed" LIKE_FEED, "iti", last,
                 feed->collection, feed->id);
    while (*n < cap && sql_next(db, s))
        if (holds(s, h))
            add_twins(db, side, s, out, cap, n);
    sql_end(s);
    return db->failed ? STORE_FAIL : STORE_OK;
}

struct bearers {
    struct db *db;
    struct wess_arena *arena;
    int64_t *ids;
    size_t n, cap;
};
static void add_bearer(void *ctx, sqlite3_stmt *s)
{
    struct bearers *b = ctx;
    b->ids = list_room(b->db, b->arena, b->ids, b->n, &b->cap, sizeof(*b->ids));
    if (b->ids)
        b->ids[b->n++] = col_int(s, 0);
}

enum store_code keys_bearers(struct db *db, struct wess_arena *a, int64_t feed,
                             const struct hash *h, int64_t **ids, size_t *n)
{
    struct bearers b = {.db = db, .arena = a};
    each_bearer(db, feed, h, add_bearer, &b);
    *ids = b.ids;
    *n = b.ids ? b.n : 0;
    return db->failed ? STORE_FAIL : STORE_OK;
}

static bool any_behind(struct db *db, int64_t feed, int64_t last, unsigned char label)
{
    bool any = false;
    sqlite3_stmt *s = behind(db, feed, last);
    while (!any && sql_next(db, s)) {
        const unsigned char *all = sqlite3_column_blob(s, 1);
        int len = sqlite3_column_bytes(s, 1);
        for (int at = 0; all && at < len; at += HASH_SIZE)
            any |= all[at] == label;
    }
    sql_end(s);
    return any;
}

bool keys_any(struct db *db, int64_t feed, unsigned char label)
{
    struct hash least = {{label}}, most;
    int64_t any = 1, last = upto(db);
    memset(&most, 0xff, sizeof(most));
    most.of[0] = label;
    sql_number(db, &any,
               "SELECT EXISTS(SELECT 1 FROM keys WHERE feed = ?1 AND hash BETWEEN ?2 AND ?3)",
               "ihh", feed, &least, &most);
    return any || any_behind(db, feed, last, label) || db->failed;
}

/* ---- the index follows
 * ----------------------------------------------------------------------------------------- */

struct entry {     /* small, and compared by numbers: a hundred thousand are sorted at once */
    uint64_t head; /* of the hash, in its order */
    int64_t feed, item;
    unsigned char tail;
};
struct entries {
    struct entry *of;
    size_t n, cap;
};
static_assert(HASH_SIZE == sizeof(uint64_t) + 1, "an entry holds a hash as a number and a byte");

static void entry_pack(struct entry *e, const struct hash *h)
{
    e->head = 0;
    for (size_t i = 0; i < sizeof(e->head); i++)
        e->head = e->head << 8 | h->of[i];
    e->tail = h->of[HASH_SIZE - 1];
}

static struct hash entry_hash(const struct entry *e)
{
    struct hash h;
    for (size_t i = 0; i < sizeof(e->head); i++)
        h.of[i] = (unsigned char)(e->head >> (56 - 8 * i));
    h.of[HASH_SIZE - 1] = e->tail;
    return h;
}

static int in_order(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->feed != y->feed)
        return x->feed < y->feed ? -1 : 1;
    if (x->head != y->head)
        return x->head < y->head ? -1 : 1;
    if (x->tail != y->tail)
        return x->tail < y->tail ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

static bool add_entries(struct entries *e, int64_t item, int64_t feed, const unsigned char *keys,
                        size_t n)
{
    struct hash h;
    if (e->cap - e->n < n) {
        size_t cap = 2 * (e->n + n);
        struct entry *more = realloc(e->of, cap * sizeof(*more));
        if (!more)
            return false;
        e->of = more;
        e->cap = cap;
    }
    for (size_t i = 0; i < n; i++) {
        struct entry *at = &e->of[e->n];
        memcpy(h.of, keys + i * HASH_SIZE, HASH_SIZE);
        *at = (struct entry){.feed = feed, .item = item};
        entry_pack(at, &h);
        e->n += !hash_is_within(&h);
    }
    return true;
}

/* The keys of the next items behind `from`; *to: the last of them. */
static bool collect(struct db *db, int64_t from, struct entries *e, int64_t *to)
{
    bool whole = true;
    sqlite3_stmt *s =
        sql_open(db, "SELECT id, keys, feed FROM items WHERE id > ? ORDER BY id LIMIT ?", "ii",
                 from, (int64_t)FOLLOW_ITEMS);
    e->n = 0;
    while (whole && sql_next(db, s)) {
        *to = col_int(s, 0);
        const unsigned char *keys = sqlite3_column_blob(s, 1);
        size_t len = keys ? (size_t)sqlite3_column_bytes(s, 1) : 0;
        whole = add_entries(e, *to, col_int(s, 2), keys, len / HASH_SIZE);
    }
    sql_end(s);
    return whole;
}

/* Within a transaction. */
static bool take_up(struct db *db, struct entries *e)
{
    int64_t to = upto(db);
    if (!collect(db, to, e, &to))
        return false;
    if (e->n)
        qsort(e->of, e->n, sizeof(*e->of), in_order);
    for (size_t i = 0; i < e->n && !db->failed; i++) {
        struct hash h = entry_hash(&e->of[i]);
        sql_do(db, add_key, "ihi", e->of[i].feed, &h, e->of[i].item);
    }
    sql_do(db, "UPDATE numbers SET indexed = ?", "i", to);
    db->indexed = to;
    return true;
}

static int64_t how_many_behind(struct db *db)
{
    int64_t last = 0;
    if (sql_number(db, &last, "SELECT max(id) FROM items", "") != STORE_OK)
        return 0;
    return last - upto(db);
}

enum store_code keys_follow(struct db *db, int64_t enough)
{
    struct entries e = {NULL, 0, 0};
    bool whole = true, kept = true, outside = sql_outside(db);
    while (whole && kept && !db->failed && how_many_behind(db) > enough) {
        if (outside && db_begin_soft(db) != STORE_OK)
            break;
        whole = take_up(db, &e);
        /* One that cannot be stored would be taken up again and again. */
        kept = !outside || !whole || db_commit(db) == STORE_OK;
        if (outside && !whole)
            db_rollback(db);
    }
    free(e.of);
    if (!whole)
        sql_spent(db);
    return db->failed || !whole || !kept ? STORE_FAIL : STORE_OK;
}
