/* Contents by their digest: equal ones are stored once, and referred to by number. */
#include <stdio.h>
#include <string.h>

#include "store/sql.h"

static enum store_code known(struct db *db, struct wess_slice digest, int64_t *id)
{
    static const char real[] = "SELECT id FROM main.vals WHERE digest = ?";
    static const char dry[] = "SELECT id FROM temp.vals_dry WHERE digest = ?";
    enum store_code rc = sql_number(db, id, real, "b", digest);
    return rc == STORE_NONE && db->dry ? sql_number(db, id, dry, "b", digest) : rc;
}

/* Mostly it is new: looked for only if it cannot be added. */
static enum store_code add(struct db *db, struct wess_slice digest, struct wess_slice body,
                           int64_t *id)
{
    int before = sqlite3_total_changes(db->sq);
    if (db->dry) {
        enum store_code rc = known(db, digest, id);
        if (rc != STORE_NONE)
            return rc;
        *id = -db->next_dry_id++;
        return sql_do(db, "INSERT INTO temp.vals_dry(id, digest, body) VALUES(?, ?, ?)", "ibb", *id,
                      digest, body);
    }
    if (sql_do(db, "INSERT INTO main.vals(digest, body) VALUES(?, ?) ON CONFLICT DO NOTHING", "bb",
               digest, body) != STORE_OK)
        return STORE_FAIL;
    if (sqlite3_total_changes(db->sq) == before)
        return known(db, digest, id);
    *id = sql_id(db);
    return STORE_OK;
}

/* Those of the operation at hand. */
static int64_t noted(const struct db *db, struct wess_slice body)
{
    const struct op_row *op = db->op;
    const struct wess_slice of[OP_VALUES] = {op->body, op->old, op->before, op->shadow[0],
                                             op->shadow[1]};
    for (int i = 0; i < OP_VALUES; i++)
        if (of[i].len == body.len && !memcmp(of[i].data, body.data, body.len))
            return op->value[i];
    return 0;
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
    db->op = NULL;
}

enum store_code value_put(struct db *db, struct wess_slice body, int64_t *id)
{
    unsigned char md[DIGEST_SIZE];
    struct wess_slice digest = {md, DIGEST_KEPT};
    *id = 0;
    if (!body.len || (db->op && (*id = noted(db, body))))
        return STORE_OK;
    digest_of(body, md);
    if ((*id = seen(db, md)))
        return STORE_OK;
    if (add(db, digest, body, id) != STORE_OK)
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
