/* Claims: who is about to create what on a remote. A claim ends with its operation, but where
 * several feeds are of that remote (an endpoint that is opened once for each user): whoever reads
 * another feed than the creator's would see what was made only when the remote lists it. There it
 * is kept for as long as a listing may be behind, and names the item. */
#include "store/sql.h"
#include "store/store.h"

/* A row: `op` that claims, and `keep` ms that it is kept once the item is made; or minus that item,
 * and until when. */
enum store_code claim_take(struct db *db, int64_t remote, const struct hash *h, int64_t op,
                           int64_t keep_ms, int64_t *holder, int64_t *made)
{
    int64_t by = 0;
    sql_filled(db, CLAIMS_ROWS);
    *holder = op;
    *made = 0;
    if (sql_do(db,
               "INSERT INTO claims(remote, hash, op, keep) VALUES(?, ?, ?, ?) ON CONFLICT DO"
               " NOTHING",
               "ihii", remote, h, op, keep_ms) != STORE_OK)
        return STORE_FAIL;
    if (sqlite3_changes(db->sq))
        return STORE_OK;
    if (sql_number(db, &by, "SELECT op FROM claims WHERE remote = ? AND hash = ?", "ih", remote,
                   h) != STORE_OK)
        return STORE_FAIL;
    *holder = by > 0 ? by : 0;
    *made = by < 0 ? -by : 0;
    return by == op ? STORE_OK : STORE_NONE;
}

enum store_code claim_over(struct db *db, int64_t remote, const struct hash *h, int64_t op,
                           int64_t keep_ms)
{
    return sql_do(db,
                  "UPDATE claims SET op = ?3, keep = ?4 WHERE remote = ?1 AND hash = ?2 AND op < 0",
                  "ihii", remote, h, op, keep_ms);
}

enum store_code claims_made(struct db *db, int64_t op, int64_t item, int64_t now_ms)
{
    return sql_do(db, "UPDATE claims SET op = -?2, keep = ?3 + keep WHERE op = ?1 AND keep > 0",
                  "iii", op, item, now_ms);
}

enum store_code claims_expire(struct db *db, int64_t now_ms)
{
    return sql_do(db, "DELETE FROM claims WHERE op < 0 AND keep <= ?", "i", now_ms);
}

enum store_code claims_count(struct db *db, int64_t *n)
{
    return sql_number(db, n, "SELECT count(*) FROM claims", "");
}
