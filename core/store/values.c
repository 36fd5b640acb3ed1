/* Contents by their digest: equal ones are stored once, and referred to by number. */
#include <string.h>

#include "store/sql.h"

#define DIGEST_KEPT 16u /* of a SHA-256: enough that nobody meets two contents with one */

static bool known(struct db *db, struct wess_slice digest, int64_t *id)
{
    static const char real[] = "SELECT id FROM main.vals WHERE digest = ?";
    static const char dry[] = "SELECT id FROM temp.vals_dry WHERE digest = ?";
    return sql_number(db, id, real, "b", digest) == STORE_OK ||
           (db->dry && sql_number(db, id, dry, "b", digest) == STORE_OK);
}

enum store_code value_put(struct db *db, struct wess_slice body, int64_t *id)
{
    unsigned char md[DIGEST_SIZE];
    struct wess_slice digest = {md, DIGEST_KEPT};
    *id = 0;
    if (!body.len)
        return STORE_OK;
    digest_of(body, md);
    if (known(db, digest, id))
        return STORE_OK;
    if (db->dry) {
        *id = -db->next_dry_id++;
        return sql_do(db, "INSERT INTO temp.vals_dry(id, digest, body) VALUES(?, ?, ?)", "ibb", *id,
                      digest, body);
    }
    sql_do(db, "INSERT INTO main.vals(digest, body) VALUES(?, ?)", "bb", digest, body);
    *id = sql_id(db);
    return db->failed ? STORE_FAIL : STORE_OK;
}

struct wess_slice value_get(struct db *db, struct wess_arena *a, int64_t id)
{
    struct wess_slice out = {NULL, 0};
    if (!id)
        return out;
    sqlite3_stmt *row = sql_row(db, "SELECT body FROM vals_v WHERE id = ?", "i", id);
    if (row)
        out = col_blob(db, a, row, 0);
    sql_end(row);
    return out;
}
