/* Rests, runs, and what is let go with time. */
#include <string.h>

#include "store/sql.h"

enum store_code rest_get(struct db *db, struct wess_arena *a, const char *scope,
                         struct rest_row *out)
{
    sqlite3_stmt *s =
        sql_row(db, "SELECT until_ms, fails, text, scope FROM rests WHERE scope = ?", "t", scope);
    if (!s)
        return sql_none(db);
    *out = (struct rest_row){.scope = col_text(db, a, s, 3),
                             .until_ms = col_int(s, 0),
                             .fails = (int)col_int(s, 1),
                             .text = col_text(db, a, s, 2)};
    sql_end(s);
    return sql_ok(db);
}

enum store_code rest_put(struct db *db, const struct rest_row *r)
{
    return sql_do(db,
                  "INSERT INTO rests(scope, until_ms, fails, text) VALUES(?, ?, ?, ?) ON"
                  " CONFLICT(scope) DO UPDATE SET until_ms = excluded.until_ms, fails ="
                  " excluded.fails, text = excluded.text",
                  "tiit", r->scope, r->until_ms, (int64_t)r->fails, r->text);
}

enum store_code rest_clear(struct db *db, const char *scope)
{
    return sql_do(db, "DELETE FROM rests WHERE scope = ?", "t", scope);
}

enum store_code rests_list(struct db *db, struct wess_arena *a, struct rest_row **out, size_t *n)
{
    size_t cap = 0;
    struct rest_row *of = NULL;
    sqlite3_stmt *s =
        sql_open(db, "SELECT scope, until_ms, fails, text FROM rests ORDER BY scope", "");
    *n = 0;
    while (sql_next(db, s) && (of = list_room(db, a, of, *n, &cap, sizeof(*of))))
        of[(*n)++] = (struct rest_row){.scope = col_text(db, a, s, 0),
                                       .until_ms = col_int(s, 1),
                                       .fails = (int)col_int(s, 2),
                                       .text = col_text(db, a, s, 3)};
    sql_end(s);
    *out = of;
    return db->failed ? STORE_FAIL : STORE_OK;
}

enum store_code run_begin(struct db *db, int64_t pu, int64_t now_ms, int64_t *id)
{
    enum store_code rc =
        sql_do(db, "INSERT INTO runs(pu, began_ms) VALUES(?, ?)", "ii", pu, now_ms);
    *id = sql_id(db);
    return rc;
}

enum store_code run_end(struct db *db, const struct run_row *r)
{
    return sql_do(db, "UPDATE runs SET ended_ms = ?2, status = ?3, report = ?4 WHERE id = ?1",
                  "iiit", r->id, r->ended_ms, (int64_t)r->status, r->report);
}

enum store_code run_last(struct db *db, struct wess_arena *a, int64_t pu, struct run_row *out)
{
    sqlite3_stmt *s =
        sql_row(db,
                "SELECT id, pu, began_ms, ended_ms, status, report FROM runs WHERE pu ="
                " ? AND ended_ms > 0 ORDER BY id DESC LIMIT 1",
                "i", pu);
    if (!s)
        return sql_none(db);
    *out = (struct run_row){.id = col_int(s, 0),
                            .pu = col_int(s, 1),
                            .began_ms = col_int(s, 2),
                            .ended_ms = col_int(s, 3),
                            .status = (int)col_int(s, 4),
                            .report = col_text(db, a, s, 5)};
    sql_end(s);
    return sql_ok(db);
}

/* Before-images go by age; reports with them; an ended link loses its values after its time; then
 * the values that nothing refers to any more. */
enum store_code store_tidy(struct db *db, int64_t now_ms, int64_t keep_images_ms,
                           int64_t keep_ended_ms)
{
    int64_t images = now_ms - keep_images_ms, ended = now_ms - keep_ended_ms;
    sql_do(db, "UPDATE history SET body = 0, before = 0 WHERE when_ms < ? AND (body OR before)",
           "i", images);
    sql_do(db, "DELETE FROM runs WHERE ended_ms > 0 AND ended_ms < ?", "i", images);
    sql_do(db,
           "UPDATE links SET l_shadow = 0, r_shadow = 0 WHERE ended AND reason IS NOT 'filed' AND "
           "ended_ms < ?",
           "i", ended);
    return sql_do(
        db,
        "DELETE FROM vals WHERE id NOT IN (SELECT l_shadow FROM links UNION SELECT"
        " r_shadow FROM links UNION SELECT content FROM items UNION SELECT body FROM"
        " history UNION SELECT before FROM history UNION SELECT body FROM ops UNION SELECT"
        " old FROM ops UNION SELECT before FROM ops UNION SELECT l_shadow FROM ops UNION"
        " SELECT r_shadow FROM ops)",
        "");
}
