/* What tag sources say. Keys and tags are hashes: of what nobody shared nothing can be read. */
#include <string.h>

#include "store/sql.h"

/* ---- rows of a source
 * ---------------------------------------------------------------------------------------- */

enum store_code tagged_get(struct db *db, struct wess_arena *a, int64_t feed, const char *rid,
                           struct tagged_row *out)
{
    sqlite3_stmt *s = sql_row(db,
                              "SELECT id, key, revision, tags, gone FROM tagged WHERE feed = ? AND"
                              " rid = ?",
                              "it", feed, rid);
    if (!s)
        return sql_none(db);
    struct wess_slice key = col_blob(db, a, s, 1);
    *out = (struct tagged_row){.id = col_int(s, 0),
                               .feed = feed,
                               .rid = rid,
                               .revision = col_text(db, a, s, 2),
                               .tags = col_blob(db, a, s, 3),
                               .gone = col_int(s, 4) != 0};
    out->has_key = key.len == sizeof(out->key.of);
    if (out->has_key)
        memcpy(out->key.of, key.data, key.len);
    sql_end(s);
    return sql_ok(db);
}

static bool is_heard(struct db *db, int64_t feed)
{
    int64_t heard = 0;
    sql_number(db, &heard, "SELECT EXISTS(SELECT 1 FROM joined WHERE source = ?)", "i", feed);
    return heard != 0;
}

/* Each change has a number, so that whoever selects by it hears of it once; asked for once in a
 * transaction. 0 while nobody does: whoever comes later reads everything first. */
static int64_t next_turn(struct db *db, int64_t feed)
{
    if (db->turn_feed != feed) {
        db->turn = 0;
        if (is_heard(db, feed) && tagged_turn(db, feed, &db->turn) == STORE_OK)
            db->turn++;
        db->turn_feed = db->failed ? 0 : feed;
    }
    return db->turn ? db->turn++ : 0;
}

enum store_code tagged_put(struct db *db, const struct tagged_row *row)
{
    struct wess_slice key = {row->has_key ? row->key.of : NULL, row->has_key ? HASH_SIZE : 0};
    return sql_do(db,
                  "INSERT INTO tagged(feed, rid, key, revision, tags, gone, turn) VALUES(?1, ?2,"
                  " ?3, ?4, ?5, 0, ?6) ON CONFLICT(feed, rid) DO UPDATE SET key = ?3, revision ="
                  " ?4, tags = ?5, gone = 0, turn = ?6",
                  "itbtbi", row->feed, row->rid, key, row->revision, row->tags,
                  next_turn(db, row->feed));
}

enum store_code tagged_revision(struct db *db, int64_t id, const char *revision)
{
    return sql_do(db, "UPDATE tagged SET revision = ?2 WHERE id = ?1", "it", id, revision);
}

enum store_code tagged_gone(struct db *db, int64_t feed, int64_t id)
{
    return sql_do(db,
                  "UPDATE tagged SET gone = 1, turn = ?3 WHERE feed = ?1 AND id = ?2 AND NOT gone",
                  "iii", feed, id, next_turn(db, feed));
}

enum store_code tagged_none(struct db *db, int64_t feed, int64_t id)
{
    return sql_do(db,
                  "UPDATE tagged SET gone = 1, tags = NULL, turn = ?3 WHERE feed = ?1 AND id = ?2"
                  " AND NOT gone",
                  "iii", feed, id, next_turn(db, feed));
}

enum store_code tagged_behind(struct db *db, struct wess_arena *a, int64_t feed, const char *rid,
                              struct index_row *out, size_t cap, size_t *n)
{
    sqlite3_stmt *s = sql_open(db,
                               "SELECT id, rid, revision, gone FROM tagged WHERE feed = ?1 AND rid"
                               " > ?2 ORDER BY rid LIMIT ?3",
                               "iti", feed, rid, (int64_t)cap);
    *n = 0;
    while (*n < cap && sql_next(db, s))
        out[(*n)++] = (struct index_row){.id = col_int(s, 0),
                                         .rid = col_text(db, a, s, 1),
                                         .revision = col_text(db, a, s, 2),
                                         .flags = col_int(s, 3) ? ITEM_GONE : 0};
    sql_end(s);
    return db->failed ? STORE_FAIL : STORE_OK;
}

/* ---- by key
 * ---------------------------------------------------------------------------------------- */

enum store_code tagged_known(struct db *db, int64_t feed, const struct hash *key, bool *known)
{
    int64_t n = 0;
    enum store_code rc = sql_number(
        db, &n, "SELECT EXISTS(SELECT 1 FROM tagged WHERE feed = ? AND key = ?)", "ih", feed, key);
    *known = n != 0;
    return rc;
}

enum store_code tagged_bears(struct db *db, int64_t feed, const struct hash *key,
                             const struct hash *tag, bool *out)
{
    sqlite3_stmt *s =
        sql_open(db, "SELECT gone, tags FROM tagged WHERE feed = ? AND key = ? ORDER BY gone", "ih",
                 feed, key);
    int64_t gone = -1;
    *out = false;
    while (sql_next(db, s)) {
        /* Those that are gone speak only where there is no other. */
        if (gone == 0 && col_int(s, 0))
            break;
        gone = col_int(s, 0);
        const unsigned char *tags = sqlite3_column_blob(s, 1);
        int len = sqlite3_column_bytes(s, 1);
        for (int i = 0; tags && i + HASH_SIZE <= len; i += HASH_SIZE)
            *out |= !memcmp(tags + i, tag->of, HASH_SIZE);
    }
    sql_end(s);
    return db->failed ? STORE_FAIL : STORE_OK;
}

/* ---- who has heard of what
 * ---------------------------------------------------------------------------------------- */

enum store_code tagged_turn(struct db *db, int64_t feed, int64_t *turn)
{
    return sql_number(db, turn,
                      "SELECT coalesce(max(turn), 0) FROM tagged WHERE feed = ? AND turn > 0", "i",
                      feed);
}

enum store_code tagged_turned(struct db *db, struct wess_arena *a, int64_t feed, int64_t after,
                              struct turned *out, size_t cap, size_t *n)
{
    sqlite3_stmt *s =
        sql_open(db,
                 "SELECT turn, key, rid FROM tagged WHERE feed = ?1 AND turn > 0 AND turn >"
                 " ?2 ORDER BY turn LIMIT ?3",
                 "iii", feed, after, (int64_t)cap);
    *n = 0;
    while (*n < cap && sql_next(db, s)) {
        struct turned *t = &out[(*n)++];
        const void *key = sqlite3_column_blob(s, 1);
        *t = (struct turned){.turn = col_int(s, 0), .rid = col_text(db, a, s, 2)};
        t->has_key = key && sqlite3_column_bytes(s, 1) == HASH_SIZE;
        if (t->has_key)
            memcpy(t->key.of, key, HASH_SIZE);
    }
    sql_end(s);
    return db->failed ? STORE_FAIL : STORE_OK;
}

enum store_code joined_get(struct db *db, int64_t feed, int64_t source, int64_t *turn)
{
    return sql_number(db, turn, "SELECT turn FROM joined WHERE feed = ? AND source = ?", "ii", feed,
                      source);
}

enum store_code joined_put(struct db *db, int64_t feed, int64_t source, int64_t turn)
{
    db->turn_feed = 0;
    return sql_do(db,
                  "INSERT INTO joined(feed, source, turn) VALUES(?1, ?2, ?3) ON CONFLICT(feed,"
                  " source) DO UPDATE SET turn = ?3",
                  "iii", feed, source, turn);
}
