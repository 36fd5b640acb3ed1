/* Contents by their digest: equal ones are stored once, and referred to by number. */
#include <stdio.h>
#include <string.h>

#include "store/sql.h"

static bool known(struct db *db, struct wess_slice digest, int64_t *id)
{
    static const char real[] = "SELECT id FROM main.vals WHERE digest = ?";
    static const char dry[] = "SELECT id FROM temp.vals_dry WHERE digest = ?";
    return sql_number(db, id, real, "b", digest) == STORE_OK ||
           (db->dry && sql_number(db, id, dry, "b", digest) == STORE_OK);
}

/* An operation and its shadows mostly hold the same. Only within a transaction: outside of it
 * another connection may tidy the value away. */
static int64_t seen(const struct db *db, const unsigned char *digest)
{
    for (unsigned i = 0; i < VALUES_SEEN; i++)
        if (db->seen[i].id && !memcmp(db->seen[i].digest, digest, DIGEST_KEPT))
            return db->seen[i].id;
    return 0;
}

static void remember(struct db *db, const unsigned char *digest, int64_t id)
{
    struct value_seen *v = &db->seen[db->next_seen++ % VALUES_SEEN];
    if (sqlite3_get_autocommit(db->sq))
        return;
    memcpy(v->digest, digest, DIGEST_KEPT);
    v->id = id;
}

void values_forget(struct db *db)
{
    memset(db->seen, 0, sizeof(db->seen));
}

enum store_code value_put(struct db *db, struct wess_slice body, int64_t *id)
{
    unsigned char md[DIGEST_SIZE];
    struct wess_slice digest = {md, DIGEST_KEPT};
    *id = 0;
    if (!body.len)
        return STORE_OK;
    digest_of(body, md);
    if ((*id = seen(db, md)))
        return STORE_OK;
    if (!known(db, digest, id) && db->dry) {
        *id = -db->next_dry_id++;
        sql_do(db, "INSERT INTO temp.vals_dry(id, digest, body) VALUES(?, ?, ?)", "ibb", *id,
               digest, body);
    } else if (!*id) {
        sql_do(db, "INSERT INTO main.vals(digest, body) VALUES(?, ?)", "bb", digest, body);
        *id = sql_id(db);
    }
    if (db->failed)
        return STORE_FAIL;
    remember(db, md, *id);
    return STORE_OK;
}

/* What refers to it would be taken for empty, and written so. Who only reads may have come between
 * two states, and shows nothing. */
static void missing(struct db *db, int64_t id)
{
    snprintf(db->error, sizeof(db->error),
             "%s is damaged: value %lld is missing; restore the backup, or move it away: everything"
             " is then linked again by stamp and keys",
             db->store->path, (long long)id);
    db->failed = true;
}

struct wess_slice value_get(struct db *db, struct wess_arena *a, int64_t id)
{
    struct wess_slice out = {NULL, 0};
    if (!id)
        return out;
    sqlite3_stmt *row = sql_row(db, "SELECT body FROM vals_v WHERE id = ?", "i", id);
    if (row)
        out = col_blob(db, a, row, 0);
    else if (!db->failed && db->store->how == STORE_OWN)
        missing(db, id);
    sql_end(row);
    return out;
}
