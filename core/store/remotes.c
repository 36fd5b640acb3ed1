/* Remotes: a collection by the identity that its endpoint tells. Mostly one feed is of one; several
 * are, of an endpoint that is opened once for each user, or of two endpoints on one database. Each
 * knows an item by a row of its own. */
#include "store/sql.h"
#include "store/store.h"

enum store_code feed_identity(struct db *db, int64_t feed, const char *identity, const char *gen)
{
    if (sql_do(db,
               "INSERT INTO remotes(identity, collection) SELECT ?2, collection FROM feeds WHERE id"
               " = ?1 ON CONFLICT DO NOTHING",
               "it", feed, identity) != STORE_OK)
        return STORE_FAIL;
    return sql_do(db,
                  "UPDATE feeds SET identity = ?2, generation = ?3, remote = (SELECT r.id FROM"
                  " remotes r WHERE r.identity = ?2 AND r.collection = feeds.collection) WHERE id ="
                  " ?1",
                  "itt", feed, identity, gen);
}

enum store_code feed_remote(struct db *db, const char *endpoint, const char *user,
                            const char *collection, int64_t *remote)
{
    return sql_number(db, remote,
                      "SELECT remote FROM feeds WHERE endpoint = ? AND user = ? AND collection = ?",
                      "ttt", endpoint, user, collection);
}

enum store_code feed_of_remote(struct db *db, const char *identity, const char *collection,
                               int64_t *feed)
{
    return sql_number(
        db, feed,
        "SELECT f.id FROM feeds f JOIN remotes r ON r.id = f.remote WHERE r.identity ="
        " ? AND r.collection = ? ORDER BY f.id LIMIT 1",
        "tt", identity, collection);
}

enum store_code feed_has_siblings(struct db *db, int64_t feed, bool *any)
{
    int64_t n = 0;
    enum store_code rc = sql_number(db, &n,
                                    "SELECT EXISTS(SELECT 1 FROM feeds f JOIN feeds g ON g.remote ="
                                    " f.remote AND g.id <> f.id WHERE f.id = ? AND f.remote > 0)",
                                    "i", feed);
    *any = n != 0;
    return rc;
}

enum store_code item_twins(struct db *db, struct wess_arena *a, int64_t item, int64_t **ids,
                           size_t *n)
{
    size_t cap = 0;
    int64_t *of = NULL;
    sqlite3_stmt *s = sql_open(db, "SELECT * FROM " ITEM_TWINS, "i", item);
    *n = 0;
    while (sql_next(db, s) && (of = list_room(db, a, of, *n, &cap, sizeof(*of))))
        of[(*n)++] = col_int(s, 0);
    sql_end(s);
    *ids = of;
    return db->failed ? STORE_FAIL : STORE_OK;
}
