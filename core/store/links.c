/* Pairs of users, to-dos and links. */
#include <string.h>

#include "store/sql.h"

/* ---- pairs of users
 * ----------------------------------------------------------------------------------------- */

#define PU_COLUMNS "id, pair, user, met, select_digest, last_run_ms, last_ok_ms"

static void pu_from(struct db *db, struct wess_arena *a, sqlite3_stmt *s, struct pu_row *out)
{
    *out = (struct pu_row){.id = col_int(s, 0),
                           .pair = col_text(db, a, s, 1),
                           .user = col_text(db, a, s, 2),
                           .met = col_int(s, 3) != 0,
                           .select_digest = col_blob(db, a, s, 4),
                           .last_run_ms = col_int(s, 5),
                           .last_ok_ms = col_int(s, 6)};
}

enum store_code pu_get(struct db *db, struct wess_arena *a, const char *pair, const char *user,
                       struct pu_row *out)
{
    static const char read[] = "SELECT " PU_COLUMNS " FROM pus WHERE pair = ? AND user = ?";
    sqlite3_stmt *s = sql_row(db, read, "tt", pair, user);
    if (!s && !db->failed && db->store->how == STORE_OWN) {
        bool outside = sql_outside(db);
        if (outside && db_begin(db) != STORE_OK)
            return STORE_FAIL;
        sql_do(db, "INSERT INTO pus(pair, user) VALUES(?, ?) ON CONFLICT DO NOTHING", "tt", pair,
               user);
        if (outside && db_commit(db) != STORE_OK)
            return STORE_FAIL;
        s = sql_row(db, read, "tt", pair, user);
    }
    if (!s)
        return sql_none(db);
    pu_from(db, a, s, out);
    sql_end(s);
    return sql_ok(db);
}

enum store_code pu_save(struct db *db, const struct pu_row *row)
{
    return sql_do(db,
                  "UPDATE pus SET met = ?2, select_digest = ?3, last_run_ms = ?4, last_ok_ms = ?5"
                  " WHERE id = ?1",
                  "iibii", row->id, (int64_t)row->met, row->select_digest, row->last_run_ms,
                  row->last_ok_ms);
}

enum store_code pus_list(struct db *db, struct wess_arena *a, struct pu_row **out, size_t *n)
{
    size_t cap = 0;
    struct pu_row *of = NULL;
    sqlite3_stmt *s = sql_open(db, "SELECT " PU_COLUMNS " FROM pus ORDER BY pair, user", "");
    *n = 0;
    while (sql_next(db, s) && (of = list_room(db, a, of, *n, &cap, sizeof(*of))))
        pu_from(db, a, s, &of[(*n)++]);
    sql_end(s);
    *out = of;
    return db->failed ? STORE_FAIL : STORE_OK;
}

/* ---- to-dos
 * ---------------------------------------------------------------------------------------------------
 */

void todo_from(sqlite3_stmt *s, struct todo_row *out)
{
    *out = (struct todo_row){.pu = col_int(s, 0),
                             .item = col_int(s, 1),
                             .hold = col_int(s, 2),
                             .side = (enum side)col_int(s, 3),
                             .chosen = (enum chosen)col_int(s, 4),
                             .released = (unsigned)col_int(s, 5)};
}

bool is_released(unsigned released, enum op_what what)
{
    switch (what) {
    case OP_DELETE:
        return released & RELEASED_DELETE;
    case OP_END:
        return released & (RELEASED_END | RELEASED_DELETE);
    case OP_LINK:
    case OP_CREATE:
    case OP_UPDATE:
        break;
    }
    return released != 0;
}

/* NOT_CHOSEN says nothing new of the select: an earlier verdict stays. */
enum store_code todo_put(struct db *db, int64_t pu, enum side side, int64_t item,
                         enum chosen chosen)
{
    return sql_do(db,
                  "INSERT INTO todos(pu, side, item, chosen) VALUES(?, ?, ?, ?) ON CONFLICT(pu,"
                  " side, item) DO UPDATE SET chosen = CASE excluded.chosen WHEN 0 THEN chosen ELSE"
                  " excluded.chosen END, hold = 0",
                  "iiii", pu, (int64_t)side, item, (int64_t)chosen);
}

enum store_code todo_drop(struct db *db, int64_t pu, enum side side, int64_t item)
{
    if (db->dry) /* a plan answers nothing */
        return STORE_OK;
    return sql_do(db, "DELETE FROM todos WHERE pu = ? AND side = ? AND item = ?", "iii", pu,
                  (int64_t)side, item);
}

/* What waits on a list is answered by nobody else; but who would be created is by a twin. */
enum store_code todo_done(struct db *db, int64_t pu, enum side side, int64_t item, const char *seen)
{
    if (db->dry)
        return STORE_OK;
    return sql_do(db,
                  "DELETE FROM todos WHERE pu = ?1 AND side = ?2 AND item = ?3 AND (hold = 0 OR"
                  " hold IN (SELECT id FROM holds WHERE what = ?5)) AND NOT EXISTS(SELECT 1 FROM"
                  " items WHERE id = ?3 AND revision IS NOT ?4)",
                  "iiiti", pu, (int64_t)side, item, seen, (int64_t)OP_CREATE);
}

/* Of what an op in doubt is about, its source or either end of its link, nothing is planned. */
#define IN_DOUBT(side, end)                                                                        \
    "(side = " side " AND item IN (SELECT todo_item FROM main.ops WHERE pu = ?1 AND state = 1"     \
    " AND todo_side = " side " UNION ALL SELECT k." end " FROM main.ops o JOIN main.links k"       \
    " ON k.id = o.link WHERE o.pu = ?1 AND o.state = 1))"
#define NOT_IN_DOUBT " NOT " IN_DOUBT("0", "l") " AND NOT " IN_DOUBT("1", "r")

enum store_code todo_next(struct db *db, int64_t pu, const struct todo_row *last,
                          struct todo_row *out, size_t cap, size_t *n)
{
    sqlite3_stmt *s =
        sql_open(db,
                 "SELECT " TODO_COLUMNS " FROM todos WHERE pu = ?1 AND hold = 0 AND"
                 " (side, item) > (?2, ?3) AND" NOT_IN_DOUBT " ORDER BY side, item LIMIT ?4",
                 "iiii", pu, (int64_t)last->side, last->item, (int64_t)cap);
    *n = 0;
    while (*n < cap && sql_next(db, s))
        todo_from(s, &out[(*n)++]);
    sql_end(s);
    return db->failed ? STORE_FAIL : STORE_OK;
}

enum store_code todo_newest(struct db *db, int64_t pu, const struct todo_row *last,
                            struct todo_row *out, size_t cap, size_t *n)
{
    sqlite3_stmt *s = sql_open(
        db,
        "SELECT " TODO_COLUMNS ", modified FROM (SELECT *, coalesce((SELECT modified_ms FROM items"
        " WHERE items.id = todos.item), 0) AS modified FROM todos WHERE pu = ?1 AND hold = 0 "
        "AND" NOT_IN_DOUBT
        ") WHERE ?2 = 0 OR (modified, item, side) < (?3, ?2, ?4) ORDER BY modified DESC, item DESC,"
        " side DESC LIMIT ?5",
        "iiiii", pu, last->item, last->modified_ms, (int64_t)last->side, (int64_t)cap);
    *n = 0;
    while (*n < cap && sql_next(db, s)) {
        todo_from(s, &out[*n]);
        out[(*n)++].modified_ms = col_int(s, 6);
    }
    sql_end(s);
    return db->failed ? STORE_FAIL : STORE_OK;
}

enum store_code todo_get(struct db *db, int64_t pu, enum side side, int64_t item,
                         struct todo_row *out)
{
    sqlite3_stmt *s =
        sql_row(db, "SELECT " TODO_COLUMNS " FROM todos WHERE pu = ? AND side = ? AND item = ?",
                "iii", pu, (int64_t)side, item);
    if (!s)
        return sql_none(db);
    todo_from(s, out);
    sql_end(s);
    return sql_ok(db);
}

enum store_code todo_count(struct db *db, int64_t pu, int64_t *free, int64_t *held)
{
    enum store_code rc =
        sql_number(db, free, "SELECT count(*) FROM todos WHERE pu = ? AND hold = 0", "i", pu);
    return rc != STORE_OK
               ? rc
               : sql_number(db, held, "SELECT count(*) FROM todos WHERE pu = ? AND hold > 0", "i",
                            pu);
}

/* ---- links
 * ------------------------------------------------------------------------------------------------------
 */

#define LINK_COLUMNS                                                                               \
    "id, pu, l, r, l_rev, r_rev, l_shadow, r_shadow, l_unseen, r_unseen, l_changed, r_changed,"    \
    " flags, stamp, ended, reason, who, ended_ms"
enum { CHOSEN_L = 1, CHOSEN_R = 2, MADE_L = 4, MADE_R = 8 }; /* flags */

#define LINK_KINDS "iiiittiittiiisitti"
#define LINK_VALUES(k, shadow)                                                                     \
    (k)->id, (k)->pu, (k)->item[0], (k)->item[1], (k)->rev[0], (k)->rev[1], (shadow)[0],           \
        (shadow)[1], (k)->unseen[0] ? (k)->unseen[0] : "", (k)->unseen[1] ? (k)->unseen[1] : "",   \
        (k)->changed_ms[0], (k)->changed_ms[1], flags_of(k), (k)->stamp, (int64_t)(k)->ended,      \
        (k)->reason, (k)->who, (k)->ended_ms

static int64_t flags_of(const struct link_row *k)
{
    return (k->chosen[0] ? CHOSEN_L : 0) | (k->chosen[1] ? CHOSEN_R : 0) |
           (k->made[0] ? MADE_L : 0) | (k->made[1] ? MADE_R : 0);
}

static void link_from(struct db *db, struct wess_arena *a, sqlite3_stmt *s, struct link_row *out)
{
    const int64_t flags = col_int(s, 12);
    *out = (struct link_row){.id = col_int(s, 0),
                             .pu = col_int(s, 1),
                             .item = {col_int(s, 2), col_int(s, 3)},
                             .rev = {col_text(db, a, s, 4), col_text(db, a, s, 5)},
                             .unseen = {col_text(db, a, s, 8), col_text(db, a, s, 9)},
                             .changed_ms = {col_int(s, 10), col_int(s, 11)},
                             .chosen = {(flags & CHOSEN_L) != 0, (flags & CHOSEN_R) != 0},
                             .made = {(flags & MADE_L) != 0, (flags & MADE_R) != 0},
                             .stamp = col_stamp(db, a, s, 13),
                             .ended = col_int(s, 14) != 0,
                             .reason = col_text(db, a, s, 15),
                             .who = col_text(db, a, s, 16),
                             .ended_ms = col_int(s, 17)};
}

static enum store_code one_link(struct db *db, struct wess_arena *a, sqlite3_stmt *s,
                                struct link_row *out)
{
    if (!s)
        return sql_none(db);
    const int64_t shadow[2] = {col_int(s, 6), col_int(s, 7)};
    link_from(db, a, s, out);
    sql_end(s);
    for (int i = 0; i < 2; i++) {
        out->shadow[i] = i && shadow[i] == shadow[0] ? out->shadow[0] : value_get(db, a, shadow[i]);
        if (!out->unseen[i])
            out->unseen[i] = "";
    }
    return db->failed ? STORE_FAIL : STORE_OK;
}

enum store_code link_get(struct db *db, struct wess_arena *a, int64_t id, struct link_row *out)
{
    return one_link(db, a,
                    sql_row(db, "SELECT " LINK_COLUMNS " FROM links_v WHERE id = ?", "i", id), out);
}

/* Of the few links that an item has had in a pair the choice is made here: SQL would sort them. */
enum store_code link_of(struct db *db, struct wess_arena *a, int64_t pu, enum side side,
                        int64_t item, struct link_row *out)
{
    static const char by_left[] = "SELECT id, ended FROM links_v WHERE l = ?2 AND pu = ?1";
    static const char by_right[] = "SELECT id, ended FROM links_v WHERE r = ?2 AND pu = ?1";
    sqlite3_stmt *s = sql_open(db, side == LEFT ? by_left : by_right, "ii", pu, item);
    int64_t best = 0;
    bool best_ended = true;
    while (sql_next(db, s)) {
        int64_t id = col_int(s, 0);
        bool ended = col_int(s, 1) != 0;
        if (!best || (best_ended && !ended) || (best_ended == ended && id > best)) {
            best = id;
            best_ended = ended;
        }
    }
    sql_end(s);
    return best ? link_get(db, a, best, out) : sql_none(db);
}

/* How many links of a pair stand is kept with it: counting them would read them all. Stored once a
 * transaction. */
enum store_code links_counted(struct db *db)
{
    int64_t more = db->counted;
    db->counted = 0;
    return more ? sql_do(db, "UPDATE main.pus SET links = links + ?2 WHERE id = ?1", "ii",
                         db->counted_pu, more)
                : STORE_OK;
}

static enum store_code count_links(struct db *db, int64_t pu, int64_t more)
{
    if (db->counted_pu != pu && links_counted(db) != STORE_OK)
        return STORE_FAIL;
    db->counted_pu = pu;
    db->counted += more;
    return sql_outside(db) ? links_counted(db) : STORE_OK;
}

static enum store_code put_dry(struct db *db, struct link_row *k, const int64_t shadow[2])
{
    if (!k->id)
        k->id = db->next_dry_id++;
    return sql_do(db,
                  "INSERT OR REPLACE INTO temp.links_dry(" LINK_COLUMNS
                  ") VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                  LINK_KINDS, LINK_VALUES(k, shadow));
}

static enum store_code add_link(struct db *db, struct link_row *k, const int64_t shadow[2])
{
    if (sql_do(db,
               "INSERT INTO main.links(" LINK_COLUMNS ") VALUES(nullif(?1, 0), ?2, ?3, ?4, ?5, ?6,"
               " ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
               LINK_KINDS, LINK_VALUES(k, shadow)) != STORE_OK)
        return STORE_FAIL;
    k->id = sql_id(db);
    return k->ended ? STORE_OK : count_links(db, k->pu, 1);
}

/* A stamp that the link lets go stays with what was done under it. */
static enum store_code keep_stamp(struct db *db, const struct link_row *k)
{
    int64_t other = 0;
    sql_number(db, &other, "SELECT stamp <> ifnull(?2, '') FROM main.links WHERE id = ?1", "is",
               k->id, k->stamp);
    if (!other)
        return sql_ok(db);
    return sql_do(db,
                  "UPDATE main.history SET stamp = (SELECT stamp FROM main.links WHERE id = ?1)"
                  " WHERE id = (SELECT max(id) FROM main.history WHERE link = ?1 AND link > 0 AND"
                  " what = ?2 AND stamp IS NULL)",
                  "ii", k->id, (int64_t)OP_CREATE);
}

/* Mostly it joins the same two as before, and no index has to know. */
static enum store_code change_link(struct db *db, struct link_row *k, const int64_t shadow[2])
{
    static const char joins[] = "UPDATE main.links SET l = ?2, r = ?3 WHERE id = ?1 AND (l <> ?2 OR"
                                " r <> ?3)";
    static const char ends[] = "UPDATE main.links SET ended = ?2 WHERE id = ?1 AND ended <> ?2";
    if (keep_stamp(db, k) != STORE_OK ||
        sql_do(db, joins, "iii", k->id, k->item[0], k->item[1]) != STORE_OK)
        return STORE_FAIL;
    int before = sqlite3_total_changes(db->sq);
    if (sql_do(db, ends, "ii", k->id, (int64_t)k->ended) != STORE_OK ||
        (sqlite3_total_changes(db->sq) != before &&
         count_links(db, k->pu, k->ended ? -1 : 1) != STORE_OK))
        return STORE_FAIL;
    return sql_do(db,
                  "UPDATE main.links SET l_rev = ?5, r_rev = ?6, l_shadow = ?7, r_shadow = ?8,"
                  " l_unseen = ?9, r_unseen = ?10, l_changed = ?11, r_changed = ?12, flags = ?13,"
                  " stamp = ?14, reason = ?16, who = ?17, ended_ms = ?18 WHERE id = ?1 AND pu = ?2",
                  LINK_KINDS, LINK_VALUES(k, shadow));
}

enum store_code link_put(struct db *db, struct link_row *k)
{
    int64_t shadow[2];
    for (int i = 0; i < 2; i++)
        if (value_put(db, k->shadow[i], &shadow[i]) != STORE_OK)
            return STORE_FAIL;
    if (db->dry)
        return put_dry(db, k, shadow);
    return k->id ? change_link(db, k, shadow) : add_link(db, k, shadow);
}

enum store_code link_end(struct db *db, int64_t id, const char *reason, const char *who,
                         int64_t now)
{
    static const char ends[] = "UPDATE main.links SET ended = 1 WHERE id = ?1 AND NOT ended";
    static const char tells[] = "UPDATE main.links SET reason = ?2, who = ?3, ended_ms = ?4 WHERE"
                                " id = ?1";
    static const char dry[] = "UPDATE temp.links_dry SET ended = 1, reason = ?2, who = ?3, ended_ms"
                              " = ?4 WHERE id = ?1";
    if (db->dry)
        sql_do(db, "INSERT OR IGNORE INTO temp.links_dry SELECT * FROM main.links WHERE id = ?",
               "i", id);
    if (db->dry)
        return sql_do(db, dry, "itti", id, reason, who, now);
    int before = sqlite3_total_changes(db->sq);
    if (sql_do(db, ends, "i", id) == STORE_OK && sqlite3_total_changes(db->sq) != before)
        sql_do(db,
               "UPDATE main.pus SET links = links - 1 WHERE id = (SELECT pu FROM main.links WHERE"
               " id = ?)",
               "i", id);
    return sql_do(db, tells, "itti", id, reason, who, now);
}

enum store_code links_of_item(struct db *db, int64_t item,
                              void (*each)(void *ctx, int64_t link, int64_t pu, enum side side,
                                           bool ended),
                              void *ctx)
{
    static const char *const sql[] = {"SELECT id, pu, ended FROM links_v WHERE l = ?",
                                      "SELECT id, pu, ended FROM links_v WHERE r = ?"};
    for (int side = LEFT; side <= RIGHT; side++) {
        sqlite3_stmt *s = sql_open(db, sql[side], "i", item);
        while (sql_next(db, s))
            each(ctx, col_int(s, 0), col_int(s, 1), (enum side)side, col_int(s, 2) != 0);
        sql_end(s);
    }
    return db->failed ? STORE_FAIL : STORE_OK;
}

enum store_code link_count(struct db *db, int64_t pu, int64_t *active)
{
    if (db->dry) /* what is only planned is not counted there */
        return sql_number(db, active, "SELECT count(*) FROM links_v WHERE pu = ? AND NOT ended",
                          "i", pu);
    if (links_counted(db) != STORE_OK)
        return STORE_FAIL;
    return sql_number(db, active, "SELECT links FROM main.pus WHERE id = ?", "i", pu);
}

#define HOLDERS(end, other)                                                                        \
    "SELECT max(NOT i.flags & ?3), max(i.flags & ?3), max(i.flags & ?3 AND (k.id < ?2 OR ?2 = 0))" \
    " FROM links_v k JOIN items i ON i.id = k." end " WHERE k." other " IN " ITEM_TWINS            \
    " AND k.id <> ?2 AND NOT k.ended"

enum store_code link_holders(struct db *db, int64_t link, enum side s, int64_t item,
                             struct link_holders *out)
{
    sqlite3_stmt *row = sql_row(db, s == LEFT ? HOLDERS("l", "r") : HOLDERS("r", "l"), "iii", item,
                                link, (int64_t)WESS_ITEM_FOREIGN);
    *out = (struct link_holders){.owner = row && col_int(row, 0),
                                 .copy = row && col_int(row, 1),
                                 .older_one = row && col_int(row, 2)};
    sql_end(row);
    return sql_ok(db);
}

enum store_code links_chosen(struct db *db, int64_t pu, enum side side, int64_t *n)
{
    return sql_number(db, n,
                      "SELECT count(*) FROM links_v WHERE pu = ? AND NOT ended AND flags & ?", "ii",
                      pu, (int64_t)(side == LEFT ? CHOSEN_L : CHOSEN_R));
}
