/* What a remote was seen not to keep: looked into by `check --online`, and heeded by every run. And
 * by which ids it knows the tags that are asked for. */
#include <inttypes.h>
#include <stdio.h>

#include "store/sql.h"
#include "store/store.h"

#define NAME "'lacks ' || ?1 || ' ' || ?2" /* endpoints' names hold no spaces */

enum store_code lacks_get(struct db *db, const char *endpoint, const char *identity, uint64_t *caps)
{
    int64_t value = 0;
    enum store_code rc =
        sql_number(db, &value, "SELECT CAST(value AS INTEGER) FROM meta WHERE name = " NAME, "tt",
                   endpoint, identity);
    *caps = rc == STORE_OK ? (uint64_t)value : 0;
    return rc;
}

enum store_code lacks_put(struct db *db, const char *endpoint, const char *identity, uint64_t caps)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRIu64, caps);
    if (!caps)
        return sql_do(db, "DELETE FROM meta WHERE name = " NAME, "tt", endpoint, identity);
    return sql_do(db,
                  "INSERT INTO meta(name, value) VALUES(" NAME ", ?3) ON CONFLICT(name) DO UPDATE"
                  " SET value = ?3",
                  "ttt", endpoint, identity, text);
}

#define TAG "'tag ' || ?1 || ' ' || ?2 || char(10) || ?3" /* a tag may hold spaces */

enum store_code tag_id_get(struct db *db, struct wess_arena *a, const char *endpoint,
                           const char *identity, const char *tag, const char **id)
{
    sqlite3_stmt *s =
        sql_row(db, "SELECT value FROM meta WHERE name = " TAG, "ttt", endpoint, identity, tag);
    *id = NULL;
    if (!s)
        return sql_none(db);
    *id = col_text(db, a, s, 0);
    sql_end(s);
    return sql_ok(db);
}

enum store_code tag_id_put(struct db *db, const char *endpoint, const char *identity,
                           const char *tag, const char *id)
{
    if (!id)
        return sql_do(db, "DELETE FROM meta WHERE name = " TAG, "ttt", endpoint, identity, tag);
    return sql_do(db,
                  "INSERT INTO meta(name, value) VALUES(" TAG ", ?4) ON CONFLICT(name) DO UPDATE"
                  " SET value = ?4",
                  "tttt", endpoint, identity, tag, id);
}
