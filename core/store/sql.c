#include "store/sql.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ROWS_UNKNOWN, ROWS_SOME, ROWS_NONE };

/* ---- errors
 * -------------------------------------------------------------------------------------------- */

static const struct {
    int code;
    const char *way_out;
} ways_out[] = {
    {SQLITE_FULL, "the disk is full: make room, then run again; nothing was lost"},
    {SQLITE_IOERR, "the disk does not read or write: see whether it is full, and the system log;"
                   " nothing was lost"},
    {SQLITE_CORRUPT, "the file is damaged: restore the backup, or move it away; items are then "
                     "linked again by stamp and keys"},
    {SQLITE_NOTADB, "the file is not a database: restore the backup, or move it away; items are "
                    "then linked again by stamp and keys"},
    {SQLITE_READONLY, "it cannot be written: check owner, rights and mount of the folder and of "
                      "all in it"},
    {SQLITE_CANTOPEN, "it cannot be opened: check owner, rights and room of the folder"},
    {SQLITE_BUSY, "another program holds it"},
    {SQLITE_NOMEM, "there is too little memory: run again when there is more"},
};

void sql_say(sqlite3 *sq, int code, char *why, size_t cap)
{
    const char *way = "this is a defect, please report it";
    for (size_t i = 0; i < sizeof(ways_out) / sizeof(ways_out[0]); i++)
        if (ways_out[i].code == (code & 0xff))
            way = ways_out[i].way_out;
    snprintf(why, cap, "%s; %s", sq ? sqlite3_errmsg(sq) : sqlite3_errstr(code), way);
}

enum store_code sql_fail(struct db *db)
{
    if (db->failed)
        return STORE_FAIL;
    int n = snprintf(db->error, sizeof(db->error), "%s: ", db->store->path);
    if (n > 0 && (size_t)n < sizeof(db->error))
        sql_say(db->sq, sqlite3_errcode(db->sq), db->error + n, sizeof(db->error) - (size_t)n);
    db->failed = true;
    return STORE_FAIL;
}

enum store_code sql_none(const struct db *db)
{
    return db->failed ? STORE_FAIL : STORE_NONE;
}

enum store_code sql_ok(const struct db *db)
{
    return db->failed ? STORE_FAIL : STORE_OK;
}

/* ---- statements
 * ------------------------------------------------------------------------------------------ */

static sqlite3_stmt *prepared(struct db *db, const char *sql)
{
    size_t at = ((uintptr_t)sql >> 4) & (STATEMENTS - 1), looked = 0;
    for (; db->cache[at].sql && db->cache[at].sql != sql; at = (at + 1) & (STATEMENTS - 1))
        if (++looked == STATEMENTS) {
            snprintf(db->error, sizeof(db->error),
                     "%s: more statements than there is room for;"
                     " this is a defect, please report it",
                     db->store->path);
            db->failed = true;
            return NULL;
        }
    if (!db->cache[at].sql) {
        if (sqlite3_prepare_v3(db->sq, sql, -1, SQLITE_PREPARE_PERSISTENT, &db->cache[at].stmt,
                               NULL) != SQLITE_OK) {
            sql_fail(db);
            return NULL;
        }
        db->cache[at].sql = sql;
    }
    return db->cache[at].stmt;
}

/* ---- stamps: ours are letters of five bits each, and kept in two thirds of the room
 * ------------------------------------------------------------------------------------------ */

#define STAMP_LETTERS 32u
#define STAMP_PACKED (STAMP_LETTERS * 5u / 8u)
static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz"; /* of stamp_make() */

/* false: it is none of ours, and kept as it is. */
static bool pack_stamp(const char *text, unsigned char out[STAMP_PACKED])
{
    unsigned bits = 0, n = 0;
    size_t at = 0;
    if (!text || strlen(text) != STAMP_LETTERS)
        return false;
    for (size_t i = 0; i < STAMP_LETTERS; i++) {
        const char *letter = memchr(letters, text[i], STAMP_LETTERS);
        if (!letter)
            return false;
        bits = (bits << 5 | (unsigned)(letter - letters)) & 0xfffu;
        n += 5;
        if (n >= 8) {
            n -= 8;
            out[at++] = (unsigned char)(bits >> n);
        }
    }
    return true;
}

static void unpack_stamp(const unsigned char *in, char out[STAMP_LETTERS + 1])
{
    unsigned bits = 0, n = 0;
    size_t at = 0;
    for (size_t i = 0; i < STAMP_PACKED; i++) {
        bits = (bits << 8 | in[i]) & 0xfffu;
        for (n += 8; n >= 5; n -= 5)
            out[at++] = letters[bits >> (n - 5) & 31u];
    }
    out[at] = 0;
}

static int bind_stamp(sqlite3_stmt *s, int i, const char *text)
{
    unsigned char packed[STAMP_PACKED];
    if (pack_stamp(text, packed))
        return sqlite3_bind_blob(s, i, packed, (int)sizeof(packed), SQLITE_TRANSIENT);
    return sqlite3_bind_text(s, i, text, -1, SQLITE_STATIC);
}

static bool bind(sqlite3_stmt *s, const char *kinds, va_list ap)
{
    int rc = SQLITE_OK;
    for (int i = 1; *kinds && rc == SQLITE_OK; kinds++, i++) {
        if (*kinds == 'i') {
            rc = sqlite3_bind_int64(s, i, va_arg(ap, int64_t));
        } else if (*kinds == 't') {
            const char *text = va_arg(ap, const char *);
            rc = sqlite3_bind_text(s, i, text, -1, SQLITE_STATIC);
        } else if (*kinds == 's') {
            rc = bind_stamp(s, i, va_arg(ap, const char *));
        } else if (*kinds == 'b') {
            struct wess_slice b = va_arg(ap, struct wess_slice);
            rc = b.len ? sqlite3_bind_blob64(s, i, b.data, b.len, SQLITE_STATIC)
                       : sqlite3_bind_null(s, i);
        } else {
            const struct hash *h = va_arg(ap, const struct hash *);
            rc = sqlite3_bind_blob(s, i, h->of, HASH_SIZE, SQLITE_STATIC);
        }
    }
    return rc == SQLITE_OK;
}

static sqlite3_stmt *begin(struct db *db, const char *sql, const char *kinds, va_list ap)
{
    sqlite3_stmt *s = db->failed ? NULL : prepared(db, sql);
    if (s && !bind(s, kinds, ap)) {
        sql_fail(db);
        sql_end(s);
        return NULL;
    }
    return s;
}

void sql_end(sqlite3_stmt *s)
{
    if (!s)
        return;
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
}

bool sql_next(struct db *db, sqlite3_stmt *s)
{
    int rc = s ? sqlite3_step(s) : SQLITE_DONE;
    if (rc == SQLITE_ROW)
        return true;
    if (rc != SQLITE_DONE)
        sql_fail(db);
    return false;
}

enum store_code sql_do(struct db *db, const char *sql, const char *kinds, ...)
{
    va_list ap;
    va_start(ap, kinds);
    sqlite3_stmt *s = begin(db, sql, kinds, ap);
    va_end(ap);
    while (sql_next(db, s))
        ;
    sql_end(s);
    return db->failed ? STORE_FAIL : STORE_OK;
}

bool sql_outside(const struct db *db)
{
    return !db->in_turn && !db->reading;
}

sqlite3_stmt *sql_open(struct db *db, const char *sql, const char *kinds, ...)
{
    va_list ap;
    va_start(ap, kinds);
    sqlite3_stmt *s = begin(db, sql, kinds, ap);
    va_end(ap);
    return s;
}

sqlite3_stmt *sql_row(struct db *db, const char *sql, const char *kinds, ...)
{
    va_list ap;
    va_start(ap, kinds);
    sqlite3_stmt *s = begin(db, sql, kinds, ap);
    va_end(ap);
    if (s && sql_next(db, s))
        return s;
    sql_end(s);
    return NULL;
}

enum store_code sql_number(struct db *db, int64_t *out, const char *sql, const char *kinds, ...)
{
    va_list ap;
    va_start(ap, kinds);
    sqlite3_stmt *s = begin(db, sql, kinds, ap);
    va_end(ap);
    bool there = s && sql_next(db, s);
    if (there)
        *out = sqlite3_column_int64(s, 0);
    sql_end(s);
    return there ? STORE_OK : sql_none(db);
}

bool sql_empty(struct db *db, enum sparse table)
{
    static const char *const any[] = {[ASKS_ROWS] = "SELECT EXISTS(SELECT 1 FROM asks)",
                                      [PARKED_ROWS] = "SELECT EXISTS(SELECT 1 FROM parked)",
                                      [CLAIMS_ROWS] = "SELECT EXISTS(SELECT 1 FROM claims)"};
    int64_t n = 1;
    if (sqlite3_get_autocommit(db->sq))
        return false;
    if (db->rows[table] == ROWS_UNKNOWN && sql_number(db, &n, any[table], "") == STORE_OK)
        db->rows[table] = n ? ROWS_SOME : ROWS_NONE;
    return db->rows[table] == ROWS_NONE;
}

void sql_filled(struct db *db, enum sparse table)
{
    db->rows[table] = ROWS_SOME;
}

int64_t sql_id(struct db *db)
{
    return sqlite3_last_insert_rowid(db->sq);
}

void sql_spent(struct db *db)
{
    snprintf(db->error, sizeof(db->error), "%s: out of memory", db->store->path);
    db->failed = true;
}

/* ---- columns
 * --------------------------------------------------------------------------------------------- */

static void spent(struct db *db)
{
    snprintf(db->error, sizeof(db->error), "%s: a row is larger than memory allows",
             db->store->path);
    db->failed = true;
}

const char *col_text(struct db *db, struct wess_arena *a, sqlite3_stmt *s, int i)
{
    const unsigned char *text = sqlite3_column_text(s, i);
    if (!text && sqlite3_column_type(s, i) == SQLITE_NULL)
        return NULL;
    const char *copy =
        text ? arena_textn(a, (const char *)text, (size_t)sqlite3_column_bytes(s, i)) : NULL;
    if (!copy)
        spent(db);
    return copy;
}

const char *col_raw(struct db *db, sqlite3_stmt *s, int i)
{
    const char *text = (const char *)sqlite3_column_text(s, i);
    if (!text && sqlite3_column_type(s, i) != SQLITE_NULL)
        spent(db);
    return text;
}

const char *col_stamp(struct db *db, struct wess_arena *a, sqlite3_stmt *s, int i)
{
    char text[STAMP_LETTERS + 1];
    if (sqlite3_column_type(s, i) != SQLITE_BLOB || sqlite3_column_bytes(s, i) != (int)STAMP_PACKED)
        return col_text(db, a, s, i);
    unpack_stamp(sqlite3_column_blob(s, i), text);
    const char *copy = arena_text(a, text);
    if (!copy)
        spent(db);
    return copy;
}

struct wess_slice col_blob(struct db *db, struct wess_arena *a, sqlite3_stmt *s, int i)
{
    const void *data = sqlite3_column_blob(s, i);
    size_t len = (size_t)sqlite3_column_bytes(s, i);
    if (!len && sqlite3_column_type(s, i) != SQLITE_BLOB)
        return (struct wess_slice){NULL, 0};
    void *copy = data ? arena_alloc(a, len) : NULL;
    if (!copy) {
        spent(db);
        return (struct wess_slice){NULL, 0};
    }
    memcpy(copy, data, len);
    return (struct wess_slice){copy, len};
}

void *list_room(struct db *db, struct wess_arena *a, void *of, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return of;
    size_t more = *cap ? *cap * 2 : 16;
    void *out = arena_alloc(a, more * size);
    if (!out) {
        snprintf(db->error, sizeof(db->error), "a list is longer than memory allows");
        db->failed = true;
        return NULL;
    }
    if (n)
        memcpy(out, of, n * size);
    *cap = more;
    return out;
}
