/* What a remote was seen not to keep: looked into by `check --online`, and heeded by every run. */
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
