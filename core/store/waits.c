/* What waits for a person: questions and conflicts, holds, parked values; and the reason of each
 * item. */
#include <string.h>

#include "store/sql.h"

/* ---- questions and conflicts
 * -------------------------------------------------------------------------------- */

#define ASK_COLUMNS                                                                                \
    "id, pu, link, item, kind, side, field, reason, body, candidates, title, answer, asked_ms"

static void ask_from(struct db *db, struct wess_arena *a, sqlite3_stmt *s, struct ask_row *out)
{
    *out = (struct ask_row){.id = col_int(s, 0),
                            .pu = col_int(s, 1),
                            .link = col_int(s, 2),
                            .item = col_int(s, 3),
                            .kind = (enum ask_kind)col_int(s, 4),
                            .side = (enum side)col_int(s, 5),
                            .field = col_text(db, a, s, 6),
                            .reason = col_text(db, a, s, 7),
                            .values = col_blob(db, a, s, 8),
                            .candidates = col_text(db, a, s, 9),
                            .title = col_text(db, a, s, 10),
                            .answer = col_text(db, a, s, 11),
                            .asked_ms = col_int(s, 12)};
}

static enum store_code one_ask(struct db *db, struct wess_arena *a, sqlite3_stmt *s,
                               struct ask_row *out)
{
    if (!s)
        return sql_none(db);
    ask_from(db, a, s, out);
    sql_end(s);
    return sql_ok(db);
}

static enum store_code list_asks(struct db *db, struct wess_arena *a, sqlite3_stmt *s,
                                 struct ask_row **out, size_t *n)
{
    size_t cap = 0;
    struct ask_row *of = NULL;
    *n = 0;
    while (sql_next(db, s) && (of = list_room(db, a, of, *n, &cap, sizeof(*of))))
        ask_from(db, a, s, &of[(*n)++]);
    sql_end(s);
    *out = of;
    return db->failed ? STORE_FAIL : STORE_OK;
}

enum store_code ask_put(struct db *db, struct ask_row *r)
{
    sql_filled(db, ASKS_ROWS);
    enum store_code rc = sql_do(
        db,
        "INSERT INTO asks(pu, link, item, kind, side, field, reason, body, candidates, title,"
        " asked_ms) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT(pu, kind,"
        " link, item, side, field) DO UPDATE SET reason = ?7, answer = CASE WHEN body IS ?8 AND"
        " candidates IS ?9 THEN answer END, body = ?8, candidates = ?9, title = ?10",
        "iiiiittbtti", r->pu, r->link, r->item, (int64_t)r->kind, (int64_t)r->side, r->field,
        r->reason, r->values, r->candidates, r->title, r->asked_ms);
    if (rc != STORE_OK)
        return rc;
    return sql_number(db, &r->id,
                      "SELECT id FROM asks WHERE pu = ? AND kind = ? AND link = ? AND item = ? AND"
                      " side = ? AND field = ?",
                      "iiiiit", r->pu, (int64_t)r->kind, r->link, r->item, (int64_t)r->side,
                      r->field);
}

enum store_code ask_get(struct db *db, struct wess_arena *a, int64_t id, struct ask_row *out)
{
    return one_ask(db, a, sql_row(db, "SELECT " ASK_COLUMNS " FROM asks WHERE id = ?", "i", id),
                   out);
}

enum store_code ask_of_item(struct db *db, struct wess_arena *a, int64_t pu, enum side side,
                            int64_t item, struct ask_row *out)
{
    if (sql_empty(db, ASKS_ROWS))
        return STORE_NONE;
    return one_ask(db, a,
                   sql_row(db,
                           "SELECT " ASK_COLUMNS " FROM asks WHERE pu = ? AND side = ? AND item = ?"
                           " AND kind = 2",
                           "iii", pu, (int64_t)side, item),
                   out);
}

enum store_code asks_of_link(struct db *db, struct wess_arena *a, int64_t link,
                             struct ask_row **out, size_t *n)
{
    *n = 0;
    if (sql_empty(db, ASKS_ROWS))
        return STORE_OK;
    return list_asks(
        db, a,
        sql_open(db, "SELECT " ASK_COLUMNS " FROM asks WHERE link = ? AND link > 0", "i", link),
        out, n);
}

/* An answer is worth a look at the item, or at both ends of the link. */
enum store_code ask_answer(struct db *db, int64_t id, const char *answer)
{
    sql_do(db, "UPDATE asks SET answer = ?2 WHERE id = ?1", "it", id, answer);
    sql_do(
        db,
        "INSERT INTO todos(pu, side, item, chosen, released) SELECT pu, side, item, 1, 1 FROM asks"
        " WHERE id = ?1 AND kind = 2 ON CONFLICT(pu, side, item) DO UPDATE SET hold = 0, released ="
        " 1",
        "i", id);
    sql_do(
        db,
        "INSERT INTO todos(pu, side, item, chosen, released) SELECT k.pu, 0, k.l, 0, 1 FROM"
        " main.links k JOIN asks q ON q.link = k.id WHERE q.id = ?1 AND q.kind = 1 ON CONFLICT(pu,"
        " side, item) DO UPDATE SET hold = 0, released = 1",
        "i", id);
    return sql_do(
        db,
        "INSERT INTO todos(pu, side, item, chosen, released) SELECT k.pu, 1, k.r, 0, 1 FROM"
        " main.links k JOIN asks q ON q.link = k.id WHERE q.id = ?1 AND q.kind = 1 ON"
        " CONFLICT(pu, side, item) DO UPDATE SET hold = 0, released = 1",
        "i", id);
}

enum store_code ask_close(struct db *db, int64_t id)
{
    return sql_do(db, "DELETE FROM asks WHERE id = ?", "i", id);
}

enum store_code asks_list(struct db *db, struct wess_arena *a, int64_t pu, bool open_only,
                          struct ask_row **out, size_t *n)
{
    return list_asks(db, a,
                     sql_open(db,
                              "SELECT " ASK_COLUMNS " FROM asks WHERE (?1 = 0 OR pu = ?1) AND (NOT"
                              " ?2 OR answer IS NULL) ORDER BY id",
                              "ii", pu, (int64_t)open_only),
                     out, n);
}

/* ---- holds
 * ----------------------------------------------------------------------------------------------------------
 */

enum store_code hold_make(struct db *db, struct hold_row *h)
{
    if (sql_do(
            db,
            "INSERT INTO holds(pu, what, side, reason, made_ms, released) VALUES(?, ?, ?, ?, ?, 0)",
            "iiiti", h->pu, (int64_t)h->what, (int64_t)h->side, h->reason, h->made_ms) != STORE_OK)
        return STORE_FAIL;
    h->id = sql_id(db);
    return STORE_OK;
}

enum store_code hold_ops(struct db *db, int64_t hold, int64_t pu, enum op_what what, int side)
{
    /* In a plan the operations stay, so that they are shown as what would be held. */
    if (db->dry)
        return STORE_OK;
    sql_do(db,
           "UPDATE todos SET hold = ?1 WHERE (pu, side, item) IN (SELECT pu, todo_side, todo_item"
           " FROM ops WHERE pu = ?2 AND what = ?3 AND state = 0 AND NOT released AND (?4 < 0 OR"
           " ops.side = ?4))",
           "iiii", hold, pu, (int64_t)what, (int64_t)side);
    sql_do(
        db,
        "DELETE FROM claims WHERE op IN (SELECT id FROM ops WHERE pu = ?1 AND what = ?2 AND state ="
        " 0 AND NOT released AND (?3 < 0 OR side = ?3))",
        "iii", pu, (int64_t)what, (int64_t)side);
    return sql_do(
        db,
        "DELETE FROM ops WHERE pu = ?1 AND what = ?2 AND state = 0 AND NOT released AND (?3"
        " < 0 OR side = ?3)",
        "iii", pu, (int64_t)what, (int64_t)side);
}

enum store_code ops_meetings(struct db *db, int64_t pu, enum op_what what, const char *reason,
                             int64_t *n)
{
    return sql_number(db, n,
                      "SELECT count(*) FROM ops WHERE pu = ?1 AND what = ?2 AND state = 0 AND NOT"
                      " released AND reason = ?3",
                      "iit", pu, (int64_t)what, reason);
}

enum store_code hold_meetings(struct db *db, int64_t hold, int64_t pu, enum op_what what,
                              const char *reason)
{
    if (db->dry)
        return STORE_OK;
    sql_do(db,
           "UPDATE todos SET hold = ?1 WHERE (pu, side, item) IN (SELECT pu, todo_side, todo_item"
           " FROM ops WHERE pu = ?2 AND what = ?3 AND state = 0 AND NOT released AND reason = ?4)",
           "iiit", hold, pu, (int64_t)what, reason);
    return sql_do(db,
                  "DELETE FROM ops WHERE pu = ?1 AND state = 0 AND EXISTS (SELECT 1 FROM todos t"
                  " WHERE t.pu = ops.pu AND t.side = ops.todo_side AND t.item = ops.todo_item AND"
                  " t.hold = ?2)",
                  "ii", pu, hold);
}

enum store_code holds_list(struct db *db, struct wess_arena *a, int64_t pu, struct hold_row **out,
                           size_t *n)
{
    size_t cap = 0;
    struct hold_row *of = NULL;
    sqlite3_stmt *s = sql_open(db,
                               "SELECT id, pu, what, side, reason, made_ms, released, (SELECT"
                               " count(*) FROM todos WHERE hold = holds.id AND hold > 0) FROM holds"
                               " WHERE ?1 = 0 OR pu = ?1 ORDER BY id",
                               "i", pu);
    *n = 0;
    while (sql_next(db, s) && (of = list_room(db, a, of, *n, &cap, sizeof(*of))))
        of[(*n)++] = (struct hold_row){.id = col_int(s, 0),
                                       .pu = col_int(s, 1),
                                       .what = (enum op_what)col_int(s, 2),
                                       .side = (enum side)col_int(s, 3),
                                       .reason = col_text(db, a, s, 4),
                                       .made_ms = col_int(s, 5),
                                       .released = col_int(s, 6) != 0,
                                       .n = col_int(s, 7)};
    sql_end(s);
    *out = of;
    return db->failed ? STORE_FAIL : STORE_OK;
}

enum store_code hold_items(struct db *db, struct wess_arena *a, int64_t hold, struct todo_row **out,
                           size_t *n)
{
    size_t cap = 0;
    struct todo_row *of = NULL;
    sqlite3_stmt *s = sql_open(
        db, "SELECT " TODO_COLUMNS " FROM todos WHERE hold = ? AND hold > 0 ORDER BY side, item",
        "i", hold);
    *n = 0;
    while (sql_next(db, s) && (of = list_room(db, a, of, *n, &cap, sizeof(*of))))
        todo_from(s, &of[(*n)++]);
    sql_end(s);
    *out = of;
    return db->failed ? STORE_FAIL : STORE_OK;
}

enum store_code hold_release(struct db *db, int64_t hold)
{
    int64_t what = 0, released = RELEASED;
    enum store_code rc =
        sql_number(db, &what, "SELECT what FROM holds WHERE id = ? AND NOT released", "i", hold);
    if (rc != STORE_OK)
        return rc;
    released |= what == OP_DELETE ? RELEASED_DELETE : what == OP_END ? RELEASED_END : 0;
    /* Whatever went on at their other ends meanwhile, both are read again. */
    sql_do(db,
           "UPDATE links SET l_rev = NULL, r_rev = NULL WHERE"
           " (l IN (SELECT item FROM todos WHERE hold = ?1 AND side = 0) OR"
           " r IN (SELECT item FROM todos WHERE hold = ?1 AND side = 1)) AND"
           " pu IN (SELECT pu FROM todos WHERE hold = ?1)",
           "i", hold);
    sql_do(db, "UPDATE todos SET hold = 0, released = ?2 WHERE hold = ?1 AND hold > 0", "ii", hold,
           released);
    return sql_do(db, "UPDATE holds SET released = 1 WHERE id = ?", "i", hold);
}

/* ---- parked values
 * ----------------------------------------------------------------------------------------------------
 */

enum store_code parked_put(struct db *db, const struct parked_row *p)
{
    sql_filled(db, PARKED_ROWS);
    return sql_do(
        db,
        "INSERT INTO parked(pu, link, item, when_ms, side, field, why, code, value)"
        " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(pu, link, item, side, field) DO"
        " UPDATE SET when_ms = excluded.when_ms, why = excluded.why, code = excluded.code,"
        " value = excluded.value",
        "iiiiittth", p->pu, p->link, p->item, p->when_ms, (int64_t)p->side, p->field, p->why,
        p->code, &p->value);
}

static enum store_code list_parked(struct db *db, struct wess_arena *a, sqlite3_stmt *s,
                                   struct parked_row **out, size_t *n)
{
    size_t cap = 0;
    struct parked_row *of = NULL;
    *n = 0;
    while (sql_next(db, s) && (of = list_room(db, a, of, *n, &cap, sizeof(*of)))) {
        struct parked_row *p = &of[(*n)++];
        *p = (struct parked_row){.id = col_int(s, 0),
                                 .pu = col_int(s, 1),
                                 .link = col_int(s, 2),
                                 .item = col_int(s, 3),
                                 .when_ms = col_int(s, 4),
                                 .side = (enum side)col_int(s, 5),
                                 .field = col_text(db, a, s, 6),
                                 .why = col_text(db, a, s, 7),
                                 .code = col_text(db, a, s, 8)};
        if (sqlite3_column_bytes(s, 9) == HASH_SIZE)
            memcpy(p->value.of, sqlite3_column_blob(s, 9), HASH_SIZE);
    }
    sql_end(s);
    *out = of;
    return db->failed ? STORE_FAIL : STORE_OK;
}

#define PARKED_COLUMNS "id, pu, link, item, when_ms, side, field, why, code, value"

enum store_code parked_of(struct db *db, struct wess_arena *a, int64_t pu, int64_t link,
                          int64_t item, struct parked_row **out, size_t *n)
{
    *n = 0;
    if (sql_empty(db, PARKED_ROWS))
        return STORE_OK;
    return list_parked(
        db, a,
        sql_open(db, "SELECT " PARKED_COLUMNS " FROM parked WHERE pu = ? AND link = ? AND item = ?",
                 "iii", pu, link, item),
        out, n);
}

enum store_code parked_count(struct db *db, int64_t pu, int64_t *n)
{
    *n = 0;
    return sql_empty(db, PARKED_ROWS)
               ? STORE_OK
               : sql_number(db, n, "SELECT count(*) FROM parked WHERE pu = ?", "i", pu);
}

enum store_code parked_clear(struct db *db, int64_t pu, int64_t link, int64_t item,
                             const char *field)
{
    if (sql_empty(db, PARKED_ROWS))
        return STORE_OK;
    return sql_do(db,
                  "DELETE FROM parked WHERE pu = ?1 AND link = ?2 AND item = ?3 AND (?4 IS NULL OR"
                  " field = ?4)",
                  "iiit", pu, link, item, field);
}

enum store_code parked_link(struct db *db, int64_t pu, int64_t item, int64_t link)
{
    if (sql_empty(db, PARKED_ROWS))
        return STORE_OK;
    return sql_do(db,
                  "UPDATE OR REPLACE parked SET link = ?3, item = 0 WHERE pu = ?1 AND link = 0 AND"
                  " item = ?2 AND field <> ''",
                  "iii", pu, item, link);
}

enum store_code parked_list(struct db *db, struct wess_arena *a, int64_t pu,
                            struct parked_row **out, size_t *n)
{
    return list_parked(db, a,
                       sql_open(db,
                                "SELECT " PARKED_COLUMNS
                                " FROM parked WHERE ?1 = 0 OR pu = ?1 ORDER"
                                " BY id",
                                "i", pu),
                       out, n);
}

/* ---- reasons
 * ------------------------------------------------------------------------------------------------------------
 */

enum store_code why_put(struct db *db, int64_t pu, enum side side, int64_t item, const char *reason,
                        int64_t now_ms)
{
    return sql_do(db,
                  "INSERT INTO why(pu, side, item, reason, when_ms) VALUES(?, ?, ?, ?, ?) ON"
                  " CONFLICT(pu, side, item) DO UPDATE SET reason = excluded.reason, when_ms ="
                  " excluded.when_ms",
                  "iiiti", pu, (int64_t)side, item, reason, now_ms);
}

/* Of what was written the history tells the reason. */
static enum store_code newest_reason(struct db *db, struct wess_arena *a, sqlite3_stmt *s,
                                     const char **reason, int64_t *when_ms)
{
    if (!s)
        return sql_none(db);
    if (!*reason || col_int(s, 1) > *when_ms) {
        *reason = col_text(db, a, s, 0);
        *when_ms = col_int(s, 1);
    }
    sql_end(s);
    return sql_ok(db);
}

enum store_code why_get(struct db *db, struct wess_arena *a, int64_t pu, enum side side,
                        int64_t item, const char **reason, int64_t *when_ms)
{
    static const char put[] =
        "SELECT reason, when_ms FROM why WHERE pu = ? AND side = ? AND item = ?";
    static const char done[] =
        "SELECT reason, when_ms FROM main.history WHERE id IN " HISTORY_OF_ITEM
        " AND pu = ?2 AND code = 'ok' AND reason NOT NULL ORDER BY id DESC LIMIT 1";
    *reason = NULL;
    newest_reason(db, a, sql_row(db, put, "iii", pu, (int64_t)side, item), reason, when_ms);
    newest_reason(db, a, sql_row(db, done, "ii", item, pu), reason, when_ms);
    return db->failed ? STORE_FAIL : *reason ? STORE_OK : STORE_NONE;
}

enum store_code item_known(struct db *db, struct wess_arena *a, int64_t item,
                           struct wess_slice *out)
{
    static const char *const ways[] = {
        "SELECT body FROM vals_v WHERE id = (SELECT iif(l_shadow, l_shadow, r_shadow) FROM links_v"
        " WHERE l = ?1 ORDER BY id DESC LIMIT 1)",
        "SELECT body FROM vals_v WHERE id = (SELECT iif(r_shadow, r_shadow, l_shadow) FROM links_v"
        " WHERE r = ?1 ORDER BY id DESC LIMIT 1)",
        "SELECT body FROM vals_v WHERE id = (SELECT iif(before, before, body) FROM main.history"
        " WHERE id IN " HISTORY_OF_ITEM " ORDER BY id DESC LIMIT 1)",
        "SELECT body FROM vals_v WHERE id = (SELECT content FROM items WHERE id = ?1)"};
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        sqlite3_stmt *s = sql_row(db, ways[i], "i", item);
        if (!s)
            continue;
        *out = col_blob(db, a, s, 0);
        sql_end(s);
        if (out->len)
            return STORE_OK;
    }
    return sql_none(db);
}
