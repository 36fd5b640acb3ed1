/* The journal and the history it becomes. */
#include <string.h>

#include "store/sql.h"

#define OP_COLUMNS                                                                                 \
    "id, run, pu, link, side, what, state, l, r, todo_item, todo_side, stamp, revision, seen,"     \
    " body, old, before, l_shadow, r_shadow, l_unseen, r_unseen, reason, sent_ms, attempt, "       \
    "released, request"

/* Columns 14 to 18; mostly one and the same value. */
static void values_from(struct db *db, struct wess_arena *a, sqlite3_stmt *s, int64_t id[OP_VALUES],
                        struct wess_slice out[OP_VALUES])
{
    for (int i = 0; i < OP_VALUES; i++) {
        int same = 0;
        id[i] = col_int(s, 14 + i);
        while (id[same] != id[i])
            same++;
        out[i] = same < i ? out[same] : value_get(db, a, id[i]);
    }
}

static void op_from(struct db *db, struct wess_arena *a, sqlite3_stmt *s, struct op_row *out)
{
    struct wess_slice values[OP_VALUES];
    int64_t id[OP_VALUES];
    values_from(db, a, s, id, values);
    *out = (struct op_row){.id = col_int(s, 0),
                           .run = col_int(s, 1),
                           .pu = col_int(s, 2),
                           .link = col_int(s, 3),
                           .side = (enum side)col_int(s, 4),
                           .what = (enum op_what)col_int(s, 5),
                           .state = (enum op_state)col_int(s, 6),
                           .item = {col_int(s, 7), col_int(s, 8)},
                           .todo_item = col_int(s, 9),
                           .todo_side = (enum side)col_int(s, 10),
                           .stamp = col_text(db, a, s, 11),
                           .revision = col_text(db, a, s, 12),
                           .seen = col_text(db, a, s, 13),
                           .body = values[0],
                           .old = values[1],
                           .before = values[2],
                           .shadow = {values[3], values[4]},
                           .unseen = {col_text(db, a, s, 19), col_text(db, a, s, 20)},
                           .reason = col_text(db, a, s, 21),
                           .sent_ms = col_int(s, 22),
                           .attempt = (int)col_int(s, 23),
                           .released = col_int(s, 24) != 0,
                           .request = col_text(db, a, s, 25)};
    memcpy(out->value, id, sizeof(id));
}

static bool same_value(struct wess_slice a, struct wess_slice b)
{
    return a.len == b.len && (!a.len || !memcmp(a.data, b.data, a.len));
}

/* Mostly one and the same: that needs no second digest. */
static enum store_code put_values(struct db *db, struct op_row *o)
{
    const struct wess_slice of[] = {o->body, o->old, o->before, o->shadow[0], o->shadow[1]};
    int64_t *id = o->value;
    for (size_t i = 0; i < OP_VALUES; i++) {
        size_t same = 0;
        while (!same_value(of[same], of[i]))
            same++;
        if (same < i)
            id[i] = id[same];
        else if (value_put(db, of[i], &id[i]) != STORE_OK)
            return STORE_FAIL;
    }
    return STORE_OK;
}

enum store_code op_put(struct db *db, struct op_row *o)
{
    const int64_t *v = o->value;
    if (put_values(db, o) != STORE_OK)
        return STORE_FAIL;
    if (db->dry)
        o->id = db->next_dry_id++;
    if (sql_do(
            db,
            "INSERT INTO ops(" OP_COLUMNS ") VALUES(nullif(?1, 0), ?2, ?3, ?4, ?5, ?6, ?7, ?8,"
            " ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25,"
            " ?26)",
            "iiiiiiiiiiitttiiiiitttiiit", o->id, o->run, o->pu, o->link, (int64_t)o->side,
            (int64_t)o->what, (int64_t)o->state, o->item[0], o->item[1], o->todo_item,
            (int64_t)o->todo_side, o->stamp, o->revision, o->seen, v[0], v[1], v[2], v[3], v[4],
            o->unseen[0], o->unseen[1], o->reason, o->sent_ms, (int64_t)o->attempt,
            (int64_t)o->released, o->request) != STORE_OK)
        return STORE_FAIL;
    if (!db->dry)
        o->id = sql_id(db);
    return STORE_OK;
}

enum store_code op_next(struct db *db, struct wess_arena *a, int64_t pu, enum op_what what,
                        enum side side, int64_t after, struct op_row *out, size_t cap, size_t *n)
{
    *n = 0;
    bool outside = sql_outside(db);
    if (outside && db_begin_read(db) != STORE_OK)
        return STORE_FAIL;
    sqlite3_stmt *s =
        sql_open(db,
                 "SELECT " OP_COLUMNS " FROM ops WHERE pu = ? AND state = 0 AND what ="
                 " ? AND side = ? AND id > ? ORDER BY id LIMIT ?",
                 "iiiii", pu, (int64_t)what, (int64_t)side, after, (int64_t)cap);
    while (*n < cap && sql_next(db, s))
        op_from(db, a, s, &out[(*n)++]);
    sql_end(s);
    if (outside)
        db_end_read(db);
    return db->failed ? STORE_FAIL : STORE_OK;
}

static enum store_code one_op(struct db *db, struct wess_arena *a, sqlite3_stmt *s,
                              struct op_row *out)
{
    if (!s)
        return sql_none(db);
    op_from(db, a, s, out);
    sql_end(s);
    return sql_ok(db);
}

enum store_code op_get(struct db *db, struct wess_arena *a, int64_t id, struct op_row *out)
{
    return one_op(db, a, sql_row(db, "SELECT " OP_COLUMNS " FROM ops WHERE id = ?", "i", id), out);
}

bool op_stands(struct db *db, int64_t id)
{
    int64_t there = 0;
    return sql_number(db, &there, "SELECT 1 FROM ops WHERE id = ?", "i", id) == STORE_OK;
}

enum store_code op_by_stamp(struct db *db, struct wess_arena *a, const char *stamp,
                            struct op_row *out)
{
    return one_op(
        db, a,
        sql_row(db, "SELECT " OP_COLUMNS " FROM ops WHERE stamp = ? AND state = 1", "t", stamp),
        out);
}

enum store_code op_of_link(struct db *db, int64_t link, enum side side, int64_t *op)
{
    return sql_number(db, op,
                      "SELECT id FROM ops WHERE link = ? AND link > 0 AND side = ? AND state = 0",
                      "ii", link, (int64_t)side);
}

enum store_code op_touching(struct db *db, int64_t pu, enum side side, int64_t item, int64_t *op)
{
    static const char left[] = "SELECT id FROM ops WHERE pu = ? AND state = 0 AND l = ?";
    static const char right[] = "SELECT id FROM ops WHERE pu = ? AND state = 0 AND r = ?";
    return sql_number(db, op, side == LEFT ? left : right, "ii", pu, item);
}

/* Borne by a link of the item, or kept by what was done under such a link or came to none. */
#define STAMP_OF_LINK(end)                                                                         \
    "EXISTS(SELECT 1 FROM main.links k WHERE k." end " = ?1 AND (k.stamp = ?2 OR EXISTS(SELECT 1"  \
    " FROM main.history h WHERE h.link = k.id AND h.link > 0 AND h.stamp = ?2)))"
#define STAMP_OF_NONE(end)                                                                         \
    "EXISTS(SELECT 1 FROM main.history WHERE link = 0 AND " end " = ?1 AND stamp = ?2)"

bool stamp_used(struct db *db, int64_t source, const char *stamp)
{
    int64_t used = 0;
    sql_number(db, &used,
               "SELECT " STAMP_OF_LINK("l") " OR " STAMP_OF_LINK("r") " OR " STAMP_OF_NONE(
                   "l") " OR " STAMP_OF_NONE("r"),
               "is", source, stamp);
    return used != 0;
}

enum store_code ops_sent(struct db *db, int64_t from, int64_t to, int64_t now_ms)
{
    return sql_do(db,
                  "UPDATE ops SET state = 1, sent_ms = ?3, attempt = attempt + 1 WHERE id BETWEEN"
                  " ?1 AND ?2",
                  "iii", from, to, now_ms);
}

enum store_code op_sent(struct db *db, int64_t id, int64_t now_ms)
{
    return ops_sent(db, id, id, now_ms);
}

enum store_code op_waits_from(struct db *db, int64_t id, int64_t now_ms)
{
    return sql_do(db, "UPDATE ops SET sent_ms = ?2 WHERE id = ?1", "ii", id, now_ms);
}

enum store_code op_unsend(struct db *db, int64_t id)
{
    return sql_do(db, "UPDATE ops SET state = 0, attempt = attempt - 1 WHERE id = ?", "i", id);
}

enum store_code op_doubted(struct db *db, int64_t id, const char *request)
{
    return sql_do(db, "UPDATE ops SET request = ?2 WHERE id = ?1", "it", id, request);
}

static enum store_code drop(struct db *db, int64_t from, int64_t to)
{
    if (!sql_empty(db, CLAIMS_ROWS))
        sql_do(db, "DELETE FROM claims WHERE op BETWEEN ? AND ?", "ii", from, to);
    return sql_do(db, "DELETE FROM ops WHERE id BETWEEN ? AND ?", "ii", from, to);
}

enum store_code op_drop(struct db *db, int64_t id)
{
    return drop(db, id, id);
}

/* Those of a batch mostly lie side by side, and go in one stroke. */
static enum store_code drop_over(struct db *db)
{
    int64_t from = db->over_from;
    db->over_from = 0;
    return from ? drop(db, from, db->over_to) : STORE_OK;
}

static enum store_code over(struct db *db, int64_t id)
{
    if (!db->op)
        return op_drop(db, id);
    if (db->over_from && db->over_to + 1 != id && drop_over(db) != STORE_OK)
        return STORE_FAIL;
    if (!db->over_from)
        db->over_from = id;
    db->over_to = id;
    return STORE_OK;
}

enum store_code op_at_hand(struct db *db, const struct op_row *op)
{
    db->op = db->dry ? NULL : op;
    return db->op ? STORE_OK : drop_over(db);
}

/* Into the history, and off the journal. `made`: the item of the side written, 0: none new; `link`:
 * that now bears the stamp. */
static enum store_code op_over(struct db *db, const struct op_row *o, const char *code,
                               int64_t now_ms, int64_t made, int64_t link)
{
    static const char add[] =
        "INSERT INTO history(run, pu, link, l, r, when_ms, side, what, reason, code, stamp,"
        " released, body, before, request) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    sql_do(db, add, "iiiiiiiittsiiit", o->run, o->pu, link ? link : o->link,
           made && o->side == LEFT ? made : o->item[LEFT],
           made && o->side == RIGHT ? made : o->item[RIGHT], now_ms, (int64_t)o->side,
           (int64_t)o->what, o->reason, code, link ? NULL : o->stamp, (int64_t)o->released,
           o->value[OP_BODY], o->value[OP_BEFORE], o->request);
    return over(db, o->id);
}

enum store_code op_done(struct db *db, const struct op_row *o, const char *code, int64_t now_ms)
{
    return op_over(db, o, code, now_ms, 0, 0);
}

enum store_code op_made(struct db *db, const struct op_row *o, int64_t item, int64_t link,
                        int64_t now_ms)
{
    if (!sql_empty(db, CLAIMS_ROWS) && claims_made(db, o->id, item, now_ms) != STORE_OK)
        return STORE_FAIL;
    return op_over(db, o, "ok", now_ms, item, link);
}

enum store_code ops_drop_planned(struct db *db, int64_t pu)
{
    sql_do(db, "DELETE FROM claims WHERE op IN (SELECT id FROM ops WHERE pu = ? AND state = 0)",
           "i", pu);
    return sql_do(db, "DELETE FROM ops WHERE pu = ? AND state = 0", "i", pu);
}

enum store_code ops_in_doubt(struct db *db, struct wess_arena *a, int64_t pu, struct op_row **out,
                             size_t *n)
{
    size_t cap = 0;
    struct op_row *of = NULL;
    /* By the index of those that were sent, which are few, not through all in the order of ids. */
    sqlite3_stmt *s = sql_open(
        db, "SELECT " OP_COLUMNS " FROM ops WHERE pu = ? AND state = 1 ORDER BY +id", "i", pu);
    *n = 0;
    while (sql_next(db, s) && (of = list_room(db, a, of, *n, &cap, sizeof(*of))))
        op_from(db, a, s, &of[(*n)++]);
    sql_end(s);
    *out = of;
    return db->failed ? STORE_FAIL : STORE_OK;
}

enum store_code ops_create_sources(struct db *db, struct wess_arena *a, int64_t pu, enum side from,
                                   int64_t **out, size_t *n)
{
    size_t cap = 0;
    int64_t *of = NULL;
    sqlite3_stmt *s = sql_open(db,
                               "SELECT CASE side WHEN 0 THEN r ELSE l END FROM main.ops WHERE pu ="
                               " ?1 AND state = 1 AND what = ?2 AND side <> ?3",
                               "iii", pu, (int64_t)OP_CREATE, (int64_t)from);
    *n = 0;
    while (sql_next(db, s) && (of = list_room(db, a, of, *n, &cap, sizeof(*of))))
        of[(*n)++] = col_int(s, 0);
    sql_end(s);
    *out = of;
    return db->failed ? STORE_FAIL : STORE_OK;
}

/* ---- counting
 * ----------------------------------------------------------------------------------------------------
 */

enum store_code ops_planned(struct db *db, int64_t pu, enum op_what what, int side, bool released,
                            int64_t *n)
{
    static const char of_all[] = "SELECT count(*) FROM ops WHERE pu IN (SELECT id FROM pus) AND"
                                 " what = ?1 AND state = 0 AND released = ?2 AND (?3 < 0 OR side ="
                                 " ?3)";
    static const char of_one[] = "SELECT count(*) FROM ops WHERE what = ?1 AND state = 0 AND"
                                 " released = ?2 AND (?3 < 0 OR side = ?3) AND pu = ?4";
    if (!pu)
        return sql_number(db, n, of_all, "iii", (int64_t)what, (int64_t)released, (int64_t)side);
    return sql_number(db, n, of_one, "iiii", (int64_t)what, (int64_t)released, (int64_t)side, pu);
}

/* Newest first, down to the first one that is older. */
static void count_since(struct db *db, int64_t pu, enum op_what what, int64_t since_ms, int64_t *n)
{
    sqlite3_stmt *s =
        sql_open(db,
                 "SELECT when_ms, code = 'ok' AND NOT released FROM main.history WHERE"
                 " pu = ? AND what = ? ORDER BY id DESC",
                 "ii", pu, (int64_t)what);
    while (sql_next(db, s) && col_int(s, 0) >= since_ms)
        *n += col_int(s, 1);
    sql_end(s);
}

enum store_code ops_since(struct db *db, int64_t pu, enum op_what what, int64_t since_ms,
                          int64_t *n)
{
    *n = 0;
    if (pu) {
        count_since(db, pu, what, since_ms, n);
    } else {
        sqlite3_stmt *s = sql_open(db, "SELECT id FROM pus", "");
        while (sql_next(db, s))
            count_since(db, col_int(s, 0), what, since_ms, n);
        sql_end(s);
    }
    return db->failed ? STORE_FAIL : STORE_OK;
}

/* Of an occurrence by its id (host/series.h): the series is the id up to its mark. */
#define OF_SERIES                                                                                  \
    "SELECT count(*) - count(DISTINCT i.feed || ' ' || substr(i.rid, 1, length(i.rid) - 11)) "     \
    "FROM "
#define AN_OCCURRENCE " AND i.rid GLOB '*#[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'"

enum store_code ops_of_series(struct db *db, int64_t pu, enum op_what what, int64_t since_ms,
                              int64_t *n)
{
    int64_t done = 0;
    enum store_code rc = sql_number(
        db, n,
        OF_SERIES "ops o JOIN items i ON i.id IN (o.l, o.r, o.todo_item) WHERE o.what = ?1 AND"
                  " o.state = 0 AND o.released = 0 AND (?2 = 0 OR o.pu = ?2)" AN_OCCURRENCE,
        "ii", (int64_t)what, pu);
    if (rc == STORE_OK && since_ms)
        rc = sql_number(db, &done,
                        OF_SERIES "main.history h JOIN items i ON i.id IN (h.l, h.r) WHERE"
                                  " h.what = ?1 AND (?2 = 0 OR h.pu = ?2) AND h.when_ms >= ?3 AND"
                                  " h.code = 'ok' AND NOT h.released" AN_OCCURRENCE,
                        "iii", (int64_t)what, pu, since_ms);
    *n += done;
    return rc;
}

/* ---- history
 * ------------------------------------------------------------------------------------------------------
 */

enum store_code history_of_item(struct db *db, struct wess_arena *a, int64_t item,
                                struct history_row **out, size_t *n)
{
    size_t cap = 0;
    struct history_row *of = NULL;
    sqlite3_stmt *s =
        sql_open(db,
                 "SELECT id, run, pu, link, l, r, when_ms, side, what, reason, code,"
                 " body, before, request FROM main.history WHERE id IN " HISTORY_OF_ITEM
                 " ORDER BY id DESC LIMIT 200",
                 "i", item);
    *n = 0;
    while (sql_next(db, s) && (of = list_room(db, a, of, *n, &cap, sizeof(*of))))
        of[(*n)++] = (struct history_row){.id = col_int(s, 0),
                                          .run = col_int(s, 1),
                                          .pu = col_int(s, 2),
                                          .link = col_int(s, 3),
                                          .item = {col_int(s, 4), col_int(s, 5)},
                                          .when_ms = col_int(s, 6),
                                          .side = (enum side)col_int(s, 7),
                                          .what = (enum op_what)col_int(s, 8),
                                          .reason = col_text(db, a, s, 9),
                                          .code = col_text(db, a, s, 10),
                                          .request = col_text(db, a, s, 13),
                                          .body = value_get(db, a, col_int(s, 11)),
                                          .before = value_get(db, a, col_int(s, 12))};
    sql_end(s);
    *out = of;
    return db->failed ? STORE_FAIL : STORE_OK;
}
