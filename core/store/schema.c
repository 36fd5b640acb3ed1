/* The tables, and how an older state becomes one of today. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/sql.h"

#define APPLICATION_ID "1464161107" /* "WESS" */

static const char version_1[] =
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT) STRICT, WITHOUT ROWID;"
    "CREATE TABLE feeds(id INTEGER PRIMARY KEY, endpoint TEXT NOT NULL, user TEXT NOT NULL,"
    " collection TEXT NOT NULL, identity TEXT, generation TEXT, cursor BLOB, snapshot INT NOT NULL"
    " DEFAULT 0, snapshots INT NOT NULL DEFAULT 0, complete INT NOT NULL DEFAULT 0, read_ms INT NOT"
    " NULL DEFAULT 0, UNIQUE(endpoint, user, collection)) STRICT;"
    /* In the order in which sorted listings come: merging them reads it from end to end. */
    "CREATE TABLE items(id INT NOT NULL UNIQUE, feed INT NOT NULL, rid TEXT NOT NULL,"
    " revision TEXT, flags INT NOT NULL, modified_ms INT NOT NULL, seen_ms INT NOT NULL, mark INT"
    " NOT NULL DEFAULT 0, content INT NOT NULL DEFAULT 0, content_rev TEXT, keys BLOB, "
    "PRIMARY KEY(feed, rid)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE keys(feed INT NOT NULL, hash BLOB NOT NULL, item INT NOT NULL,"
    " PRIMARY KEY(feed, hash, item)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE numbers(item INT NOT NULL, indexed INT NOT NULL) STRICT;" /* the last one given,
                                                                             and in keys */
    "INSERT INTO numbers VALUES(0, 0);"
    "CREATE TABLE pus(id INTEGER PRIMARY KEY, pair TEXT NOT NULL, user TEXT NOT NULL, met INT NOT"
    " NULL DEFAULT 0, select_digest BLOB, last_run_ms INT NOT NULL DEFAULT 0, last_ok_ms INT NOT"
    " NULL DEFAULT 0, links INT NOT NULL DEFAULT 0, UNIQUE(pair, user)) STRICT;" /* that stand */
    "CREATE TABLE todos(id INTEGER PRIMARY KEY AUTOINCREMENT, pu INT NOT NULL, side INT NOT NULL,"
    " item INT NOT NULL, chosen INT NOT NULL, hold INT NOT NULL DEFAULT 0, released INT NOT NULL"
    " DEFAULT 0, UNIQUE(pu, side, item)) STRICT;"
    "CREATE INDEX todos_free ON todos(pu, hold, id);"
    "CREATE INDEX todos_hold ON todos(hold) WHERE hold > 0;"
    "CREATE TABLE vals(id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, body BLOB NOT NULL) "
    "STRICT;"
    "CREATE TABLE links(id INTEGER PRIMARY KEY, pu INT NOT NULL, l INT NOT NULL,"
    " r INT NOT NULL, l_rev TEXT, r_rev TEXT, l_shadow INT NOT NULL, r_shadow INT NOT NULL,"
    " l_unseen TEXT NOT NULL, r_unseen TEXT NOT NULL, l_changed INT NOT NULL, r_changed INT NOT"
    " NULL, flags INT NOT NULL, stamp ANY, ended INT NOT NULL, reason TEXT, who TEXT, ended_ms INT"
    " NOT NULL) STRICT;"
    "CREATE INDEX links_l ON links(l, pu);"
    "CREATE INDEX links_r ON links(r, pu);"
    "CREATE TABLE ops(id INTEGER PRIMARY KEY, run INT NOT NULL, pu INT NOT NULL,"
    " link INT NOT NULL, side INT NOT NULL, what INT NOT NULL, state INT NOT NULL, l INT NOT NULL,"
    " r INT NOT NULL, todo_item INT NOT NULL, todo_side INT NOT NULL, stamp TEXT, revision TEXT,"
    " seen TEXT, body INT NOT NULL, old INT NOT NULL, before INT NOT NULL, l_shadow INT NOT NULL,"
    " r_shadow INT NOT NULL, l_unseen TEXT,"
    " r_unseen TEXT, reason TEXT, sent_ms INT NOT NULL DEFAULT 0, attempt INT NOT NULL DEFAULT 0,"
    " released INT NOT NULL DEFAULT 0) STRICT;"
    "CREATE INDEX ops_plan ON ops(pu, state, what, side, id);"
    "CREATE INDEX ops_stamp ON ops(stamp) WHERE state = 1;" /* few: those on the wire */
    "CREATE INDEX ops_link ON ops(link, side) WHERE link > 0;"
    "CREATE TABLE claims(feed INT NOT NULL, hash BLOB NOT NULL, op INT NOT NULL,"
    " PRIMARY KEY(feed, hash)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX claims_op ON claims(op);"
    "CREATE TABLE history(id INTEGER PRIMARY KEY, run INT NOT NULL, pu INT NOT NULL,"
    " link INT NOT NULL, l INT NOT NULL, r INT NOT NULL, when_ms INT NOT NULL, side INT NOT NULL,"
    " what INT NOT NULL, reason TEXT, code TEXT NOT NULL, stamp ANY, released INT NOT"
    " NULL, body INT NOT NULL, before INT NOT NULL) STRICT;"
    "CREATE INDEX history_pu ON history(pu, what);"
    /* What was done to an item is found by its links; what came to none, by the item. */
    "CREATE INDEX history_link ON history(link) WHERE link > 0;"
    "CREATE INDEX history_l ON history(l) WHERE link = 0;"
    "CREATE INDEX history_r ON history(r) WHERE link = 0;"
    "CREATE TABLE asks(id INTEGER PRIMARY KEY AUTOINCREMENT, pu INT NOT NULL, link INT NOT NULL,"
    " item INT NOT NULL, kind INT NOT NULL, side INT NOT NULL, field TEXT NOT NULL, reason TEXT,"
    " body BLOB, candidates TEXT, title TEXT, answer TEXT, asked_ms INT NOT NULL,"
    " UNIQUE(pu, kind, link, item, side, field)) STRICT;"
    "CREATE INDEX asks_item ON asks(pu, side, item);"
    "CREATE INDEX asks_link ON asks(link) WHERE link > 0;"
    "CREATE TABLE holds(id INTEGER PRIMARY KEY AUTOINCREMENT, pu INT NOT NULL, what INT NOT NULL,"
    " side INT NOT NULL, reason TEXT, made_ms INT NOT NULL, released INT NOT NULL DEFAULT 0) "
    "STRICT;"
    "CREATE INDEX holds_pu ON holds(pu);"
    "CREATE TABLE parked(id INTEGER PRIMARY KEY AUTOINCREMENT, pu INT NOT NULL, link INT NOT NULL,"
    " item INT NOT NULL, when_ms INT NOT NULL, side INT NOT NULL, field TEXT NOT NULL, why TEXT,"
    " code TEXT, value BLOB, UNIQUE(pu, link, item, side, field)) STRICT;"
    "CREATE TABLE why(pu INT NOT NULL, side INT NOT NULL, item INT NOT NULL, reason TEXT NOT NULL,"
    " when_ms INT NOT NULL, PRIMARY KEY(pu, side, item)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE rests(scope TEXT PRIMARY KEY, until_ms INT NOT NULL, fails INT NOT NULL,"
    " text TEXT) STRICT, WITHOUT ROWID;"
    "CREATE TABLE runs(id INTEGER PRIMARY KEY AUTOINCREMENT, pu INT NOT NULL, began_ms INT NOT "
    "NULL,"
    " ended_ms INT NOT NULL DEFAULT 0, status INT NOT NULL DEFAULT 0, report TEXT) STRICT;"
    "CREATE INDEX runs_pu ON runs(pu, id);";

/* What tag sources say, by the keys of their items. */
static const char version_2[] =
    "CREATE TABLE tagged(id INTEGER PRIMARY KEY, feed INT NOT NULL, rid TEXT NOT NULL, key BLOB,"
    " revision TEXT, tags BLOB, gone INT NOT NULL, turn INT NOT NULL, UNIQUE(feed, rid)) STRICT;"
    "CREATE INDEX tagged_key ON tagged(feed, key);"
    "CREATE INDEX tagged_turn ON tagged(feed, turn);"
    /* How far a feed has heard of them. */
    "CREATE TABLE joined(feed INT NOT NULL, source INT NOT NULL, turn INT NOT NULL, PRIMARY"
    " KEY(feed, source)) STRICT, WITHOUT ROWID;";

/* Several feeds may be of one collection: of endpoints that are opened once for each user. Claims
 * are by that, and those of such a collection outlive their operation: see claims.c. */
static const char version_3[] =
    "CREATE TABLE remotes(id INTEGER PRIMARY KEY, identity TEXT NOT NULL, collection TEXT NOT NULL,"
    " UNIQUE(identity, collection)) STRICT;"
    "INSERT INTO remotes(identity, collection) SELECT DISTINCT identity, collection FROM feeds"
    " WHERE identity IS NOT NULL;"
    "ALTER TABLE feeds ADD COLUMN remote INT NOT NULL DEFAULT 0;" /* 0: not known yet */
    "UPDATE feeds SET remote = coalesce((SELECT r.id FROM remotes r WHERE r.identity ="
    " feeds.identity AND r.collection = feeds.collection), 0);"
    "CREATE INDEX feeds_remote ON feeds(remote);"
    "DROP INDEX claims_op;"
    "ALTER TABLE claims RENAME TO claims_2;"
    "CREATE TABLE claims(remote INT NOT NULL, hash BLOB NOT NULL, op INT NOT NULL, keep INT NOT"
    " NULL, PRIMARY KEY(remote, hash)) STRICT, WITHOUT ROWID;"
    "INSERT OR IGNORE INTO claims SELECT f.remote, c.hash, c.op, 0 FROM claims_2 c JOIN feeds f ON"
    " f.id = c.feed;"
    "DROP TABLE claims_2;"
    "CREATE INDEX claims_op ON claims(op);";

/* What items speak of that was not there when they were written. */
static const char version_4[] =
    "CREATE TABLE unmet(item INT NOT NULL, feed INT NOT NULL, hash BLOB NOT NULL, until_ms INT NOT"
    " NULL, PRIMARY KEY(hash, item)) STRICT, WITHOUT ROWID;";

/* The key itself where the remote could not be asked for it: "SPACE ID". */
static const char version_5[] = "ALTER TABLE unmet ADD COLUMN ask TEXT;";

/* A first listing, of which nobody has heard, costs an index less. Of a feed: when all of it was
 * listed last. */
static const char version_6[] = "DROP INDEX tagged_turn;"
                                "CREATE INDEX tagged_turn ON tagged(feed, turn) WHERE turn > 0;"
                                "ALTER TABLE feeds ADD COLUMN whole_ms INT NOT NULL DEFAULT 0;"
                                "UPDATE feeds SET whole_ms = read_ms;";

/* Of what is sent nobody asks by its kind: sending and settling an op leave that index alone. Which
 * items are copies was known by the question about them alone. By what a remote's own logs know who
 * wrote what. */
#define OPS_PLAN "ops_plan ON ops(pu, what, side, id, released) WHERE state = 0;"
static const char version_7[] = "DROP INDEX ops_plan; CREATE INDEX " OPS_PLAN
                                "UPDATE items SET flags = flags | 32768 WHERE id IN (SELECT item"
                                " FROM asks WHERE reason = 'made-twice');"
                                "ALTER TABLE ops ADD COLUMN request TEXT;"
                                "ALTER TABLE history ADD COLUMN request TEXT;";

/* What is to be done is found by what it is about, in one tree: a first reading puts as many rows
 * as there are items, and each goes again. */
static const char version_8[] =
    "CREATE TABLE todos_8(pu INT NOT NULL, side INT NOT NULL, item INT NOT NULL, chosen INT NOT"
    " NULL, hold INT NOT NULL DEFAULT 0, released INT NOT NULL DEFAULT 0, PRIMARY KEY(pu, side,"
    " item)) STRICT, WITHOUT ROWID;"
    "INSERT INTO todos_8 SELECT pu, side, item, chosen, hold, released FROM todos;"
    "DROP TABLE todos;"
    "ALTER TABLE todos_8 RENAME TO todos;"
    "CREATE INDEX todos_hold ON todos(hold) WHERE hold > 0;";

/* Step i leads from version i to i + 1. */
static const char *const steps[] = {version_1, version_2, version_3, version_4,
                                    version_5, version_6, version_7, version_8};
#define NEWEST ((int)(sizeof(steps) / sizeof(steps[0])))

/* Links and values are read through views, so that a dry db can put its own over them. */
const char schema_views[] = "CREATE TEMP VIEW links_v AS SELECT * FROM main.links;"
                            "CREATE TEMP VIEW vals_v AS SELECT * FROM main.vals;";
/* What is only planned stays in the connection. */
const char schema_dry[] =
    "CREATE TEMP TABLE links_dry AS SELECT * FROM main.links WHERE 0;"
    "CREATE UNIQUE INDEX temp.links_dry_id ON links_dry(id);"
    "CREATE INDEX temp.links_dry_l ON links_dry(l, pu);"
    "CREATE INDEX temp.links_dry_r ON links_dry(r, pu);"
    "CREATE TEMP TABLE vals_dry(id INTEGER PRIMARY KEY, digest BLOB UNIQUE, body BLOB);"
    "CREATE TEMP VIEW links_v AS SELECT * FROM main.links WHERE NOT EXISTS (SELECT 1 FROM links_dry"
    " d WHERE d.id = links.id) UNION ALL SELECT * FROM links_dry;"
    "CREATE TEMP VIEW vals_v AS SELECT * FROM main.vals UNION ALL SELECT * FROM vals_dry;"
    "CREATE TEMP TABLE ops AS SELECT * FROM main.ops WHERE 0;"
    "CREATE INDEX temp." OPS_PLAN "CREATE INDEX temp.ops_link ON ops(link, side);"
    "CREATE INDEX temp.ops_stamp ON ops(stamp) WHERE state = 1;"
    "CREATE TEMP TABLE claims(remote INT, hash BLOB, op INT, keep INT, PRIMARY KEY(remote, hash));"
    /* What is in doubt stays claimed. */
    "INSERT INTO temp.claims SELECT c.remote, c.hash, c.op, c.keep FROM main.claims c JOIN main.ops"
    " o ON o.id = c.op AND o.state = 1;"
    "CREATE TEMP TABLE history AS SELECT * FROM main.history WHERE 0;"
    "CREATE TEMP TABLE asks(id INTEGER PRIMARY KEY, pu INT, link INT, item INT, kind INT, side INT,"
    " field TEXT, reason TEXT, body BLOB, candidates TEXT, title TEXT, answer TEXT, asked_ms INT,"
    " UNIQUE(pu, kind, link, item, side, field));"
    "CREATE INDEX temp.asks_item ON asks(pu, side, item);"
    "INSERT INTO temp.asks SELECT * FROM main.asks;"
    "CREATE TEMP TABLE holds(id INTEGER PRIMARY KEY, pu INT, what INT, side INT, reason TEXT,"
    " made_ms INT, released INT DEFAULT 0);"
    "INSERT INTO temp.holds SELECT id, pu, what, side, reason, made_ms, released FROM main.holds;"
    "CREATE TEMP TABLE parked(id INTEGER PRIMARY KEY, pu INT, link INT, item INT, when_ms INT,"
    " side INT, field TEXT, why TEXT, code TEXT, value BLOB, UNIQUE(pu, link, item, side, field));"
    "INSERT INTO temp.parked SELECT * FROM main.parked;"
    "CREATE TEMP TABLE why(pu INT, side INT, item INT, reason TEXT, when_ms INT,"
    " PRIMARY KEY(pu, side, item));";

static bool run(sqlite3 *sq, const char *sql, char *why, size_t cap)
{
    if (sqlite3_exec(sq, sql, NULL, NULL, NULL) == SQLITE_OK)
        return true;
    sql_say(sq, sqlite3_errcode(sq), why, cap);
    return false;
}

static bool number(sqlite3 *sq, const char *sql, int *out, char *why, size_t cap)
{
    sqlite3_stmt *s = NULL;
    bool ok =
        sqlite3_prepare_v2(sq, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW;
    if (ok)
        *out = sqlite3_column_int(s, 0);
    else
        sql_say(sq, sqlite3_errcode(sq), why, cap);
    sqlite3_finalize(s);
    return ok;
}

/* A file of that name that some other program made is not written to. An empty one is ours: it was
 * cut off before its tables. */
static bool is_ours(sqlite3 *sq, bool *ours, char *why, size_t cap)
{
    int ok = 0;
    if (!number(sq,
                "SELECT id = " APPLICATION_ID " OR (id = 0 AND NOT EXISTS(SELECT 1 FROM"
                " sqlite_schema)) FROM (SELECT application_id AS id FROM pragma_application_id)",
                &ok, why, cap))
        return false;
    *ours = ok != 0;
    return true;
}

/* Its name says that it is whole, so it gets it only then, and on the disk. */
static bool keep_copy(const char *part, const char *copy, char *why, size_t cap)
{
    int fd = open(part, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    bool ok = fd >= 0 && fsync(fd) == 0 && rename(part, copy) == 0;
    if (!ok)
        snprintf(why, cap, "the copy of the older state, %s: %s; make room or see the system log",
                 part, strerror(errno));
    if (fd >= 0)
        close(fd);
    return ok;
}

/* A copy of the older state, before anything of it is changed. */
static bool copy_away(struct store *store, sqlite3 *sq, int version, char *why, size_t cap)
{
    char *copy = sqlite3_mprintf("%s.v%d", store->path, version);
    char *part = copy ? sqlite3_mprintf("%s.part", copy) : NULL;
    char *sql = part ? sqlite3_mprintf("VACUUM INTO '%q'", part) : NULL;
    bool ok = false;
    snprintf(why, cap, "out of memory");
    /* Cut off before: SQLite copies into no file that is there. */
    if (sql && unlink(part) != 0 && errno != ENOENT)
        snprintf(why, cap, "the copy of the older state, %s: %s", part, strerror(errno));
    else if (sql && run(sq, sql, why, cap))
        ok = keep_copy(part, copy, why, cap);
    if (!ok && part)
        unlink(part);
    sqlite3_free(sql);
    sqlite3_free(part);
    sqlite3_free(copy);
    return ok;
}

bool schema_ready(struct store *store, sqlite3 *sq, bool fresh, char *why, size_t cap)
{
    int version = 0;
    bool ours = false;
    char sql[64];
    if (!is_ours(sq, &ours, why, cap))
        return false;
    if (!ours) {
        snprintf(why, cap,
                 "it is the database of another program: move it away, or set another"
                 " state_dir");
        return false;
    }
    if (!number(sq, "PRAGMA user_version", &version, why, cap))
        return false;
    if (version > NEWEST) {
        snprintf(why, cap,
                 "it was written by a newer version (state %d, this one knows %d): use "
                 "that version, or restore an older backup",
                 version, NEWEST);
        return false;
    }
    /* Kept in the file, so once an opening is enough; not before we know that it is ours. */
    if (store->how == STORE_OWN && !run(sq, "PRAGMA journal_mode = WAL", why, cap))
        return false;
    if (version == NEWEST)
        return true;
    if (store->how == STORE_READ) {
        snprintf(why, cap, "there is no state here yet, or an older one: run `wess sync` first");
        return false;
    }
    if (!fresh && version > 0 && !copy_away(store, sq, version, why, cap))
        return false;
    if (!run(sq, "BEGIN IMMEDIATE; PRAGMA application_id = " APPLICATION_ID, why, cap))
        return false;
    for (; version < NEWEST; version++)
        if (!run(sq, steps[version], why, cap))
            return false;
    snprintf(sql, sizeof(sql), "PRAGMA user_version = %d; COMMIT", NEWEST);
    return run(sq, sql, why, cap);
}
