/* What an item speaks of and was not there when it was written: by the hash of a key, until a day.
 */
#include <string.h>

#include "store/sql.h"

enum store_code unmet_put(struct db *db, int64_t item, int64_t feed, const struct hash *key,
                          int64_t until_ms)
{
    return sql_do(db,
                  "INSERT OR IGNORE INTO unmet(item, feed, hash, until_ms) VALUES(?1, ?2, ?3, ?4)",
                  "iihi", item, feed, key, until_ms);
}

enum store_code unmet_ask(struct db *db, int64_t item, int64_t feed, const struct hash *hash,
                          const struct wess_key *key, int64_t until_ms)
{
    return sql_do(db,
                  "INSERT INTO unmet(item, feed, hash, until_ms, ask) VALUES(?1, ?2, ?3, ?4, ?5 ||"
                  " ' ' || ?6) ON CONFLICT DO UPDATE SET ask = excluded.ask",
                  "iihitt", item, feed, hash, until_ms, key->space, key->id);
}

enum store_code unmet_looked(struct db *db, int64_t item, const struct hash *key)
{
    return sql_do(db, "UPDATE unmet SET ask = NULL WHERE item = ?1 AND hash = ?2", "ih", item, key);
}

enum store_code unmet_asked(struct db *db, struct wess_arena *a, int64_t feed,
                            struct asked_row *out, size_t cap, size_t *n)
{
    sqlite3_stmt *s = sql_open(
        db,
        "SELECT u.item, u.feed, i.rid, f.collection, substr(u.ask, 1, instr(u.ask, ' ') - 1),"
        " substr(u.ask, instr(u.ask, ' ') + 1), u.hash FROM unmet u JOIN items i ON i.id = u.item"
        " AND i.feed = ?1 JOIN feeds f ON f.id = u.feed WHERE u.ask IS NOT NULL ORDER BY u.feed,"
        " u.item LIMIT ?2",
        "ii", feed, (int64_t)cap);
    *n = 0;
    while (*n < cap && sql_next(db, s)) {
        struct asked_row *row = &out[*n];
        *row = (struct asked_row){.item = col_int(s, 0),
                                  .feed = col_int(s, 1),
                                  .rid = col_text(db, a, s, 2),
                                  .collection = col_text(db, a, s, 3),
                                  .key = {col_text(db, a, s, 4), col_text(db, a, s, 5)}};
        if (sqlite3_column_bytes(s, 6) != HASH_SIZE || !row->rid || !row->key.id)
            continue;
        memcpy(row->hash.of, sqlite3_column_blob(s, 6), HASH_SIZE);
        ++*n;
    }
    sql_end(s);
    return db->failed ? STORE_FAIL : STORE_OK;
}

enum store_code unmet_drop(struct db *db, int64_t item, const struct hash *key)
{
    return sql_do(db, "DELETE FROM unmet WHERE item = ?1 AND hash = ?2", "ih", item, key);
}

enum store_code unmet_expire(struct db *db, int64_t now_ms)
{
    return sql_do(db, "DELETE FROM unmet WHERE until_ms < ?1", "i", now_ms);
}

bool unmet_expired(struct db *db, int64_t now_ms)
{
    int64_t any = 0;
    return sql_number(db, &any, "SELECT 1 FROM unmet WHERE until_ms < ?1 LIMIT 1", "i", now_ms) ==
           STORE_OK;
}

bool unmet_any(struct db *db)
{
    int64_t any = 0;
    return sql_number(db, &any, "SELECT 1 FROM unmet LIMIT 1", "") == STORE_OK;
}

struct finder {
    struct db *db;
    struct wess_arena *a;
    int64_t feed;
    struct met_row *out;
    size_t cap, n;
};

static void add(struct finder *f, sqlite3_stmt *s, int64_t feed, const void *hash,
                const char *other)
{
    struct met_row *row = &f->out[f->n];
    *row = (struct met_row){
        .item = col_int(s, 0), .feed = feed, .rid = col_text(f->db, f->a, s, 1), .other = other};
    memcpy(row->key.of, hash, HASH_SIZE);
    f->n += row->rid && row->other;
}

/* Those who are in the index of keys. */
static void find_indexed(struct finder *f)
{
    sqlite3_stmt *s = sql_open(
        f->db,
        "SELECT u.item, i.rid, u.hash, p.rid, u.feed FROM unmet u JOIN items i ON i.id = u.item AND"
        " i.feed = ?1 JOIN keys k ON k.feed = u.feed AND k.hash = u.hash JOIN items p ON p.id ="
        " k.item AND p.flags & ?2 = 0 LIMIT ?3",
        "iii", f->feed, (int64_t)(ITEM_GONE | ITEM_ABSENT), (int64_t)f->cap);
    while (f->n < f->cap && sql_next(f->db, s))
        if (sqlite3_column_bytes(s, 2) == HASH_SIZE)
            add(f, s, col_int(s, 4), sqlite3_column_blob(s, 2), col_text(f->db, f->a, s, 3));
    sql_end(s);
}

static void find_by(struct finder *f, int64_t feed, const struct hash *h, const char *other)
{
    sqlite3_stmt *s = sql_open(f->db,
                               "SELECT u.item, i.rid FROM unmet u JOIN items i ON i.id = u.item AND"
                               " i.feed = ?1 WHERE u.hash = ?2 AND u.feed = ?3",
                               "ihi", f->feed, h, feed);
    while (f->n < f->cap && sql_next(f->db, s))
        add(f, s, feed, h->of, other);
    sql_end(s);
}

/* Those few who are behind it: by what stands in their rows. */
static void find_behind(struct finder *f)
{
    sqlite3_stmt *s = sql_open(f->db,
                               "SELECT feed, rid, keys FROM items WHERE id > (SELECT indexed FROM"
                               " numbers) AND flags & ?1 = 0",
                               "i", (int64_t)(ITEM_GONE | ITEM_ABSENT));
    while (f->n < f->cap && sql_next(f->db, s)) {
        const char *rid = col_text(f->db, f->a, s, 1);
        struct wess_slice keys = col_blob(f->db, f->a, s, 2);
        for (size_t at = 0; at + HASH_SIZE <= keys.len; at += HASH_SIZE) {
            struct hash h;
            memcpy(h.of, (const unsigned char *)keys.data + at, HASH_SIZE);
            find_by(f, col_int(s, 0), &h, rid);
        }
    }
    sql_end(s);
}

enum store_code unmet_met(struct db *db, struct wess_arena *a, int64_t feed, struct met_row *out,
                          size_t cap, size_t *n)
{
    struct finder f = {.db = db, .a = a, .feed = feed, .out = out, .cap = cap};
    find_indexed(&f);
    find_behind(&f);
    *n = f.n;
    return db->failed ? STORE_FAIL : STORE_OK;
}
