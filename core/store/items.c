/* Feeds and items. Facts are stored in a dry db too: reading again would only cost. */
#include <string.h>

#include "store/sql.h"

/* ---- feeds
 * ------------------------------------------------------------------------------------------------
 */

enum store_code feed_get(struct db *db, struct wess_arena *a, const char *endpoint,
                         const char *user, const char *collection, struct feed_row *out)
{
    static const char read[] = "SELECT id, identity, generation, cursor, snapshot, complete,"
                               " read_ms, endpoint, user, collection, remote, whole_ms FROM"
                               " feeds WHERE endpoint = ? AND user = ? AND collection = ?";
    sqlite3_stmt *s = sql_row(db, read, "ttt", endpoint, user, collection);
    if (!s && !db->failed) {
        bool outside = sql_outside(db);
        if (outside && db_begin(db) != STORE_OK)
            return STORE_FAIL;
        sql_do(db,
               "INSERT INTO feeds(endpoint, user, collection) VALUES(?, ?, ?) ON CONFLICT DO"
               " NOTHING",
               "ttt", endpoint, user, collection);
        if (outside && db_commit(db) != STORE_OK)
            return STORE_FAIL;
        s = sql_row(db, read, "ttt", endpoint, user, collection);
    }
    if (!s)
        return STORE_FAIL;
    *out = (struct feed_row){.id = col_int(s, 0),
                             .remote = col_int(s, 10),
                             .endpoint = col_text(db, a, s, 7),
                             .user = col_text(db, a, s, 8),
                             .collection = col_text(db, a, s, 9),
                             .identity = col_text(db, a, s, 1),
                             .generation = col_text(db, a, s, 2),
                             .cursor = col_blob(db, a, s, 3),
                             .snapshot = col_int(s, 4),
                             .complete = col_int(s, 5) != 0,
                             .read_ms = col_int(s, 6),
                             .whole_ms = col_int(s, 11)};
    sql_end(s);
    return sql_ok(db);
}

enum store_code feed_start_snapshot(struct db *db, int64_t feed, int64_t *number)
{
    if (sql_do(db,
               "UPDATE feeds SET snapshots = snapshots + 1, snapshot = snapshots + 1, cursor = NULL"
               " WHERE id = ?",
               "i", feed) != STORE_OK)
        return STORE_FAIL;
    return sql_number(db, number, "SELECT snapshot FROM feeds WHERE id = ?", "i", feed);
}

enum store_code feed_cursor(struct db *db, int64_t feed, struct wess_slice cursor, bool last,
                            int64_t now_ms)
{
    if (!last)
        return sql_do(db, "UPDATE feeds SET cursor = ?2 WHERE id = ?1", "ib", feed, cursor);
    return sql_do(db,
                  "UPDATE feeds SET cursor = ?2, whole_ms = CASE WHEN snapshot OR NOT whole_ms THEN"
                  " ?3 ELSE whole_ms END, snapshot = 0, complete = 1, read_ms = ?3 WHERE id = ?1",
                  "ibi", feed, cursor, now_ms);
}

/* ---- items
 * ------------------------------------------------------------------------------------------------
 */

#define ITEM_COLUMNS "id, feed, rid, revision, flags, modified_ms, seen_ms, content, content_rev"

static void item_from(struct db *db, struct wess_arena *a, sqlite3_stmt *s, struct item_row *out)
{
    *out = (struct item_row){.id = col_int(s, 0),
                             .feed = col_int(s, 1),
                             .rid = col_text(db, a, s, 2),
                             .revision = col_text(db, a, s, 3),
                             .flags = (uint32_t)col_int(s, 4),
                             .modified_ms = col_int(s, 5),
                             .seen_ms = col_int(s, 6),
                             .content = col_int(s, 7),
                             .content_rev = col_text(db, a, s, 8)};
}

static enum store_code one_item(struct db *db, struct wess_arena *a, sqlite3_stmt *s,
                                struct item_row *out)
{
    if (!s)
        return sql_none(db);
    item_from(db, a, s, out);
    sql_end(s);
    return sql_ok(db);
}

enum store_code item_get(struct db *db, struct wess_arena *a, int64_t id, struct item_row *out)
{
    return one_item(db, a, sql_row(db, "SELECT " ITEM_COLUMNS " FROM items WHERE id = ?", "i", id),
                    out);
}

enum store_code item_by_rid(struct db *db, struct wess_arena *a, int64_t feed, const char *rid,
                            struct item_row *out)
{
    return one_item(db, a,
                    sql_row(db, "SELECT " ITEM_COLUMNS " FROM items WHERE feed = ? AND rid = ?",
                            "it", feed, rid),
                    out);
}

/* Rising, and none twice: what refers to an item that is gone never means another one. Within a
 * transaction. */
static int64_t next_number(struct db *db)
{
    if (!db->number && sql_number(db, &db->number, "SELECT item FROM numbers", "") != STORE_OK)
        return 0;
    db->numbered = true;
    return ++db->number;
}

enum store_code items_numbered(struct db *db)
{
    bool moved = db->numbered;
    db->numbered = false;
    return moved ? sql_do(db, "UPDATE numbers SET item = ?", "i", db->number) : STORE_OK;
}

static enum store_code add(struct db *db, struct item_row *row, int64_t mark, const struct hash *of,
                           size_t n)
{
    int64_t id = next_number(db);
    int before = sqlite3_total_changes(db->sq);
    if (sql_do(db,
               "INSERT INTO items(id, feed, rid, revision, flags, modified_ms, seen_ms, mark, keys)"
               " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
               "iittiiiib", id, row->feed, row->rid, row->revision, (int64_t)row->flags,
               row->modified_ms, row->seen_ms, mark,
               (struct wess_slice){of, n * sizeof(*of)}) != STORE_OK)
        return STORE_FAIL;
    if (sqlite3_total_changes(db->sq) == before)
        return STORE_NONE;
    row->id = id; /* behind all that the index of keys has: it follows later */
    return STORE_OK;
}

enum store_code item_add(struct db *db, struct item_row *row, int64_t mark, const struct hash *of,
                         size_t n)
{
    bool outside = sql_outside(db);
    if (outside && db_begin(db) != STORE_OK)
        return STORE_FAIL;
    enum store_code rc = add(db, row, mark, of, n);
    return outside && db_commit(db) != STORE_OK ? STORE_FAIL : rc;
}

enum store_code item_put(struct db *db, struct item_row *row, int64_t mark)
{
    static const char change[] =
        "UPDATE items SET revision = ?3, flags = ?4, modified_ms = ?5, seen_ms = ?6, mark ="
        " max(mark, ?7) WHERE feed = ?1 AND rid = ?2";
    if (!row->id) {
        enum store_code rc = item_add(db, row, mark, NULL, 0);
        if (rc != STORE_NONE)
            return rc;
    }
    int before = sqlite3_total_changes(db->sq);
    if (sql_do(db, change, "ittiiii", row->feed, row->rid, row->revision, (int64_t)row->flags,
               row->modified_ms, row->seen_ms, mark) != STORE_OK)
        return STORE_FAIL;
    if (row->id && sqlite3_total_changes(db->sq) == before)
        return item_add(db, row, mark, NULL, 0); /* dropped meanwhile */
    return row->id ? STORE_OK
                   : sql_number(db, &row->id, "SELECT id FROM items WHERE feed = ? AND rid = ?",
                                "it", row->feed, row->rid);
}

enum store_code item_mark(struct db *db, int64_t item, int64_t mark)
{
    return sql_do(db, "UPDATE items SET mark = ?2 WHERE id = ?1", "ii", item, mark);
}

enum store_code item_flags(struct db *db, int64_t item, uint32_t set, uint32_t clear)
{
    return sql_do(db, "UPDATE items SET flags = (flags & ~?3) | ?2 WHERE id = ?1", "iii", item,
                  (int64_t)set, (int64_t)clear);
}

enum store_code item_revision(struct db *db, int64_t item, const char *revision)
{
    return sql_do(db, "UPDATE items SET revision = ?2 WHERE id = ?1", "it", item, revision);
}

enum store_code item_wrote(struct db *db, int64_t item, const char *revision, int64_t now_ms)
{
    return sql_do(db, "UPDATE items SET revision = ?2, seen_ms = ?3 WHERE id = ?1", "iti", item,
                  revision, now_ms);
}

enum store_code item_rename(struct db *db, int64_t item, const char *rid, const char *revision)
{
    return sql_do(db, "UPDATE items SET rid = ?2, revision = ?3 WHERE id = ?1", "itt", item, rid,
                  revision);
}

enum store_code item_content(struct db *db, int64_t item, const char *rev, struct wess_slice body)
{
    int64_t value;
    if (db->dry) /* what is only planned is not kept */
        return STORE_OK;
    if (value_put(db, body, &value) != STORE_OK)
        return STORE_FAIL;
    return sql_do(db, "UPDATE items SET content = ?2, content_rev = ?3 WHERE id = ?1", "iit", item,
                  value, rev);
}

enum store_code items_drop_content(struct db *db, int64_t feed)
{
    return sql_do(
        db, "UPDATE items SET content = 0, content_rev = NULL WHERE feed = ? AND content != 0", "i",
        feed);
}

enum store_code item_body(struct db *db, struct wess_arena *a, int64_t item, struct wess_slice *out)
{
    sqlite3_stmt *s =
        sql_row(db, "SELECT body FROM vals_v WHERE id = (SELECT content FROM items WHERE id = ?)",
                "i", item);
    if (!s)
        return sql_none(db);
    *out = col_blob(db, a, s, 0);
    sql_end(s);
    return sql_ok(db);
}

/* ---- dropping
 * ---------------------------------------------------------------------------------------- */

/* The source of a create in doubt: what came of it may have to be linked. */
#define IN_DOUBT(id) "EXISTS(SELECT 1 FROM main.ops WHERE state = 1 AND (l = " id " OR r = " id "))"

enum store_code item_drop(struct db *db, int64_t item)
{
    int64_t linked = 0;
    if (sql_number(db, &linked,
                   "SELECT EXISTS(SELECT 1 FROM main.links WHERE l = ?1) OR EXISTS(SELECT 1 FROM"
                   " main.links WHERE r = ?1) OR " IN_DOUBT("?1"),
                   "i", item) != STORE_OK ||
        linked)
        return db->failed ? STORE_FAIL : STORE_NONE;
    keys_drop(db, item);
    sql_do(db, "DELETE FROM todos WHERE item = ?", "i", item);
    sql_do(db, "DELETE FROM main.parked WHERE link = 0 AND item = ?", "i", item);
    return sql_do(db, "DELETE FROM items WHERE id = ?", "i", item);
}

enum store_code item_forget(struct db *db, int64_t item)
{
    enum store_code rc = item_drop(db, item);
    /* Nobody can answer, and nothing would close, a question about an item that is nowhere. */
    return rc == STORE_OK ? sql_do(db, "DELETE FROM asks WHERE kind = 2 AND item = ?", "i", item)
                          : rc;
}

enum store_code items_behind(struct db *db, struct wess_arena *a, int64_t feed, const char *rid,
                             struct index_row *out, size_t cap, size_t *n)
{
    sqlite3_stmt *s = sql_open(db,
                               "SELECT id, rid, revision, flags, seen_ms FROM items WHERE feed = ?1"
                               " AND rid > ?2 ORDER BY rid LIMIT ?3",
                               "iti", feed, rid, (int64_t)cap);
    *n = 0;
    while (*n < cap && sql_next(db, s))
        out[(*n)++] = (struct index_row){.id = col_int(s, 0),
                                         .rid = col_text(db, a, s, 1),
                                         .revision = col_text(db, a, s, 2),
                                         .flags = (uint32_t)col_int(s, 3),
                                         .seen_ms = col_int(s, 4)};
    sql_end(s);
    return db->failed ? STORE_FAIL : STORE_OK;
}

/* As the remote says; what we wrote ourselves, as our clock does. */
#define CHANGED "CASE WHEN modified_ms THEN modified_ms ELSE seen_ms END"

enum store_code items_newest(struct db *db, struct wess_arena *a, int64_t feed, int64_t seen_ms,
                             struct newest_row *out, size_t cap, size_t *n, int64_t *changed_ms)
{
    sqlite3_stmt *s = sql_open(
        db,
        "SELECT rid, " CHANGED " FROM items WHERE feed = ?1 AND flags & ?2 ="
        " 0 AND seen_ms < ?3 AND rid NOT GLOB '*[^0-9]*' AND NOT EXISTS(SELECT 1 FROM feeds"
        " f JOIN feeds g ON g.remote = f.remote AND f.remote > 0 AND g.id <> f.id JOIN items"
        " t ON t.feed = g.id AND t.rid = items.rid WHERE f.id = ?1 AND t.flags & ?2) ORDER"
        " BY length(rid) DESC, rid DESC LIMIT ?4",
        "iiii", feed, (int64_t)(ITEM_GONE | ITEM_ABSENT), seen_ms, (int64_t)cap);
    *n = 0;
    while (*n < cap && sql_next(db, s)) {
        out[*n] = (struct newest_row){col_text(db, a, s, 0), col_int(s, 1)};
        *n += out[*n].rid != NULL;
    }
    sql_end(s);
    *changed_ms = 0;
    if (*n)
        sql_number(db, changed_ms,
                   "SELECT MAX(" CHANGED ") FROM items WHERE feed = ?1 AND flags & ?2 = 0", "ii",
                   feed, (int64_t)(ITEM_GONE | ITEM_ABSENT));
    return db->failed ? STORE_FAIL : STORE_OK;
}

/* ---- sweep
 * ------------------------------------------------------------------------------------------------
 */

enum store_code items_sweep(struct db *db, int64_t feed, int64_t mark, int64_t *absent)
{
    static const char *const todos[] = {
        "INSERT INTO todos(pu, side, item, chosen) SELECT k.pu, 0, i.id, 0 FROM items i JOIN"
        " main.links k ON k.l = i.id AND NOT k.ended WHERE i.feed = ?1 AND i.mark < ?2 AND NOT"
        " (i.flags & ?3) ON CONFLICT(pu, side, item) DO UPDATE SET chosen = 0, hold = 0",
        "INSERT INTO todos(pu, side, item, chosen) SELECT k.pu, 1, i.id, 0 FROM items i JOIN"
        " main.links k ON k.r = i.id AND NOT k.ended WHERE i.feed = ?1 AND i.mark < ?2 AND NOT"
        " (i.flags & ?3) ON CONFLICT(pu, side, item) DO UPDATE SET chosen = 0, hold = 0"};
    static const char unseen_unlinked[] =
        "SELECT id FROM items i WHERE feed = ?1 AND mark < ?2 AND NOT EXISTS(SELECT 1 FROM"
        " main.links WHERE l = i.id) AND NOT EXISTS(SELECT 1 FROM main.links WHERE r = i.id)"
        " AND NOT " IN_DOUBT("i.id");
    int64_t gone = ITEM_GONE | ITEM_ABSENT;
    for (size_t i = 0; i < 2; i++)
        if (sql_do(db, todos[i], "iii", feed, mark, gone) != STORE_OK)
            return STORE_FAIL;
    sqlite3_stmt *s = sql_open(db, unseen_unlinked, "ii", feed, mark);
    while (sql_next(db, s)) {
        int64_t id = col_int(s, 0);
        keys_drop(db, id);
        sql_do(db, "DELETE FROM todos WHERE item = ?", "i", id);
        sql_do(db, "DELETE FROM main.parked WHERE link = 0 AND item = ?", "i", id);
        sql_do(db, "DELETE FROM items WHERE id = ?", "i", id);
    }
    sql_end(s);
    /* Nobody can answer, and nothing would close, a question about an item that is nowhere. */
    sql_do(db, "DELETE FROM main.asks WHERE kind = 2 AND item NOT IN (SELECT id FROM items)", "");
    if (db->dry)
        sql_do(db, "DELETE FROM temp.asks WHERE kind = 2 AND item NOT IN (SELECT id FROM items)",
               "");
    sql_do(db,
           "UPDATE items SET flags = flags | ?3 WHERE feed = ?1 AND mark < ?2 AND NOT (flags & ?4)",
           "iiii", feed, mark, (int64_t)ITEM_ABSENT, gone);
    *absent = sqlite3_changes(db->sq);
    return db->failed ? STORE_FAIL : STORE_OK;
}

/* Those not yet in the list. */
static void find_more(struct db *db, struct wess_arena *a, sqlite3_stmt *s, struct item_row **of,
                      size_t *n, size_t *cap)
{
    while (sql_next(db, s) && (*of = list_room(db, a, *of, *n, cap, sizeof(**of)))) {
        bool known = false;
        for (size_t k = 0; k < *n; k++)
            known |= (*of)[k].id == col_int(s, 0);
        if (!known)
            item_from(db, a, s, &(*of)[(*n)++]);
    }
    sql_end(s);
}

enum store_code items_find(struct db *db, struct wess_arena *a, int64_t feed, const char *rid,
                           const struct hash *keys, size_t n_keys, struct item_row **out, size_t *n)
{
    static const char by_rid[] = "SELECT " ITEM_COLUMNS " FROM items WHERE feed = ?1 AND rid = ?2";
    static const char by_id[] = "SELECT " ITEM_COLUMNS " FROM items WHERE id = ?";
    size_t cap = 0;
    *out = NULL;
    *n = 0;
    for (size_t i = 0; i < n_keys; i++) {
        int64_t *ids = NULL;
        size_t found = 0;
        if (keys_bearers(db, a, feed, &keys[i], &ids, &found) != STORE_OK)
            return STORE_FAIL;
        for (size_t k = 0; k < found; k++)
            find_more(db, a, sql_open(db, by_id, "i", ids[k]), out, n, &cap);
    }
    find_more(db, a, sql_open(db, by_rid, "it", feed, rid), out, n, &cap);
    return db->failed ? STORE_FAIL : STORE_OK;
}
