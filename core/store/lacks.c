/* What a remote was seen not to keep: looked into by `check --online`, and heeded by every run. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/sql.h"
#include "store/store.h"

/* Endpoints' names hold no spaces. NULL: out of memory. */
static char *name_of(const char *endpoint, const char *identity)
{
    char *name = NULL;
    return asprintf(&name, "lacks %s %s", endpoint, identity) < 0 ? NULL : name;
}

enum store_code lacks_get(struct db *db, const char *endpoint, const char *identity, uint64_t *caps)
{
    int64_t value = 0;
    char *name = name_of(endpoint, identity);
    enum store_code rc =
        !name ? STORE_FAIL
              : sql_number(db, &value, "SELECT CAST(value AS INTEGER) FROM meta WHERE name = ?",
                           "t", name);
    free(name);
    *caps = rc == STORE_OK ? (uint64_t)value : 0;
    return rc;
}

enum store_code lacks_put(struct db *db, const char *endpoint, const char *identity, uint64_t caps)
{
    char text[24], *name = name_of(endpoint, identity);
    snprintf(text, sizeof(text), "%" PRIu64, caps);
    enum store_code rc = !name  ? STORE_FAIL
                         : caps ? sql_do(db,
                                         "INSERT INTO meta(name, value) VALUES(?1, ?2) ON CONFLICT"
                                         "(name) DO UPDATE SET value = ?2",
                                         "tt", name, text)
                                : sql_do(db, "DELETE FROM meta WHERE name = ?", "t", name);
    free(name);
    return rc;
}
