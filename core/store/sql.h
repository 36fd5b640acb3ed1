/* SQLite with as little ceremony as possible. Private to core/store. */
#ifndef CORE_STORE_SQL_H
#define CORE_STORE_SQL_H

#include <nettle/hmac.h>
#include <pthread.h>
#include <sqlite3.h>

#include "store/store.h"

#define STATEMENTS                                                                                 \
    1024u /* slots of the cache; a power of two, well above the number of statements */
#define KEY_SIZE 32u
#define DIGEST_KEPT 12u /* of a SHA-256: enough that nobody meets two contents with one */
#define VALUES_SEEN 4u

/* Tables that mostly hold nothing. */
enum sparse { ASKS_ROWS, PARKED_ROWS, CLAIMS_ROWS, TABLES_SPARSE };

struct store {
    char *dir, *path, *site, *installation;
    struct hmac_sha256_ctx mac; /* ready for a message */
    int lock_fd;
    enum store_open how;
    pthread_mutex_t lock; /* whose turn it is to write: first come, first served */
    pthread_cond_t turn;
    uint64_t next_ticket, serving;
    char trouble[512]; /* under the lock: why db_open() answered NULL */
};
struct db {
    struct store *store;
    sqlite3 *sq;
    bool dry, in_turn, reading, failed, soft;
    struct {
        const char *sql;
        sqlite3_stmt *stmt;
    } cache[STATEMENTS];
    int64_t next_dry_id;
    struct value_seen { /* values.c: the last ones of this transaction */
        unsigned char digest[DIGEST_KEPT];
        int64_t id;
    } seen[VALUES_SEEN];
    unsigned next_seen;
    const struct op_row *op; /* op_at_hand() */
    int64_t indexed;         /* keys.c: how far the index goes, if known in this transaction */
    bool indexed_known;
    int64_t number; /* items.c: the last one given to an item, if known in this transaction */
    bool numbered;  /* it is to be stored */
    int64_t counted_pu, counted; /* links.c: so many more links of it stand, to be stored */
    int64_t over_from, over_to;  /* ops.c: those off the journal that still stand in it, 0: none */
    int64_t turn,
        turn_feed; /* of tagged.c: the next one of that feed, 0 while nobody hears of it */
    unsigned char rows[TABLES_SPARSE]; /* sql_empty(): what is known in this transaction */
    char error[512];
};

/* Kinds of arguments, one letter each: i int64_t · t const char * (NULL: null) · s the same, a
 * stamp · b struct wess_slice (empty: null) · h const struct hash *. SQL is a literal: its address
 * is the key of the cache. */
enum store_code sql_do(struct db *, const char *sql, const char *kinds, ...);
/* Whether no transaction is under way: one that SQLite gave up by itself, for want of memory or
 * room, is so until its caller ends it. */
bool sql_outside(const struct db *);
/* A row to read; NULL: none, or the db failed. End it with sql_end(). */
sqlite3_stmt *sql_row(struct db *, const char *sql, const char *kinds, ...);
/* The first call answers the first row. */
sqlite3_stmt *sql_open(struct db *, const char *sql, const char *kinds, ...);
bool sql_next(struct db *, sqlite3_stmt *);
void sql_end(sqlite3_stmt *);
/* STORE_OK with the number of the first column, STORE_NONE or STORE_FAIL. */
enum store_code sql_number(struct db *, int64_t *out, const char *sql, const char *kinds, ...);
enum store_code sql_fail(struct db *);
/* What SQLite says of its last error, and the way out; `sq` NULL: of `code` alone. */
void sql_say(sqlite3 *sq, int code, char *why, size_t cap);
/* STORE_NONE, or STORE_FAIL when the db failed. */
enum store_code sql_none(const struct db *);
/* STORE_OK, or STORE_FAIL when the db failed, as it does when a row did not fit. */
enum store_code sql_ok(const struct db *);
/* Whether the table surely holds no row, within a transaction: looked up once in it. Who puts a row
 * says so. */
bool sql_empty(struct db *, enum sparse);
void sql_filled(struct db *, enum sparse);
int64_t sql_id(struct db *); /* of the row inserted last */

void sql_spent(struct db *); /* no memory: the db fails, and says so */

/* Columns; texts and blobs are copied into the arena. What does not fit fails the db: half a row is
 * never taken for a whole one. */
const char *col_text(struct db *, struct wess_arena *, sqlite3_stmt *, int);
const char *col_raw(struct db *, sqlite3_stmt *, int); /* not copied: until the row is left */
const char *col_stamp(struct db *, struct wess_arena *, sqlite3_stmt *, int);
struct wess_slice col_blob(struct db *, struct wess_arena *, sqlite3_stmt *, int);
static inline int64_t col_int(sqlite3_stmt *s, int i)
{
    return sqlite3_column_int64(s, i);
}
/* A growing array in the arena for lists whose length is not known. NULL: spent (the db fails). */
void *list_room(struct db *, struct wess_arena *, void *of, size_t n, size_t *cap, size_t size);

/* At the end of a transaction: what its items are numbered up to (items.c), how many links more
 * stand (links.c). */
enum store_code items_numbered(struct db *);
enum store_code links_counted(struct db *);

/* keys.c: the item leaves the index. */
enum store_code keys_drop(struct db *, int64_t item);

/* values.c: equal contents are stored once. */
enum store_code value_put(struct db *, struct wess_slice body, int64_t *id); /* empty: 0 */
struct wess_slice value_get(struct db *, struct wess_arena *, int64_t id);
void values_forget(struct db *); /* at the end of a transaction */

/* claims.c: what the op made, to whoever meets its claims. */
enum store_code claims_made(struct db *, int64_t op, int64_t item, int64_t now_ms);

/* remotes.c: the ids of item ?1 as every feed of its remote knows it. */
#define ITEM_TWINS                                                                                 \
    "(SELECT ?1 UNION SELECT t.id FROM items i JOIN feeds f ON f.id = i.feed AND f.remote > 0"     \
    " JOIN feeds g ON g.remote = f.remote JOIN items t ON t.feed = g.id AND t.rid = i.rid WHERE"   \
    " i.id = ?1)"

/* ops.c: the rows of the history that are about item ?1. */
#define HISTORY_OF_ITEM                                                                            \
    "(SELECT h.id FROM main.links k JOIN main.history h ON h.link = k.id AND h.link > 0 WHERE k.l" \
    " = ?1 UNION SELECT h.id FROM main.links k JOIN main.history h ON h.link = k.id AND h.link >"  \
    " 0 WHERE k.r = ?1 UNION SELECT id FROM main.history WHERE link = 0 AND l = ?1 UNION SELECT"   \
    " id FROM main.history WHERE link = 0 AND r = ?1)"

/* links.c */
#define TODO_COLUMNS "pu, item, hold, side, chosen, released"
void todo_from(sqlite3_stmt *, struct todo_row *);

/* schema.c */
bool schema_ready(struct store *, sqlite3 *, bool fresh, char *why, size_t cap);
extern const char schema_dry[]; /* what a dry db puts over the real tables */
extern const char schema_views[];

#endif
