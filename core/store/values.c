/* Contents by their digest: equal ones are stored once. */
#include <string.h>

#include "store/sql.h"

enum store_code value_put(struct db *db, struct wess_slice body, struct wess_slice *digest,
                          unsigned char buf[DIGEST_SIZE])
{
    *digest = (struct wess_slice){NULL, 0};
    if (!body.len)
        return STORE_OK;
    digest_of(body, buf);
    *digest = (struct wess_slice){buf, DIGEST_SIZE};
    if (db->dry)
        return sql_do(db, "INSERT OR IGNORE INTO temp.vals_dry(digest, body) VALUES(?, ?)", "bb",
                      *digest, body);
    return sql_do(db, "INSERT INTO main.vals(digest, body) VALUES(?, ?) ON CONFLICT DO NOTHING",
                  "bb", *digest, body);
}

struct wess_slice value_get(struct db *db, struct wess_arena *a, const void *digest, int len)
{
    struct wess_slice key = {digest, (size_t)len}, out = {NULL, 0};
    if (!digest || !len)
        return out;
    sqlite3_stmt *row = sql_row(db, "SELECT body FROM vals_v WHERE digest = ?", "b", key);
    if (row)
        out = col_blob(db, a, row, 0);
    sql_end(row);
    return out;
}
