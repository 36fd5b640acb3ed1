#include "store_work.h"

#include <sqlite3.h>
#include <stdio.h>

enum { ITEMS = 12, LARGE = 60000, LARGE_ONES = 7 };

struct work {
    struct db *db;
    struct wess_arena *arena;
    struct pu_row pu;
    struct feed_row feed[2]; /* left, right */
};

static char *name(struct work *w, const char *what, int i)
{
    return arena_fmt(w->arena, "%s-%d", what, i);
}

static struct wess_slice text(struct work *w, const char *what, int i)
{
    return slice_of(name(w, what, i));
}

static int64_t item_id(struct work *w, int side, int i)
{
    struct item_row row;
    return item_by_rid(w->db, w->arena, w->feed[side].id, name(w, "id", i), &row) == STORE_OK
               ? row.id
               : 0;
}

/* ---- reading -----------------------------------------------------------------------------------
 */

static bool feeds(struct work *w)
{
    w->pu.met = true;
    w->pu.select_digest = slice_of("digest of the select");
    return feed_identity(w->db, w->feed[0].id, "mailbox 1", "gen-1") == STORE_OK &&
           feed_identity(w->db, w->feed[1].id, "database 1", NULL) == STORE_OK &&
           pu_save(w->db, &w->pu) == STORE_OK;
}

static bool page(struct work *w, int side)
{
    int64_t mark = 0;
    bool ok = feed_start_snapshot(w->db, w->feed[side].id, &mark) == STORE_OK;
    for (int i = 0; ok && i < ITEMS; i++) {
        struct item_row row = {.feed = w->feed[side].id, .rid = name(w, "id", i), .revision = "r"};
        struct hash keys[] = {hash_of(i), hash_of(1000 + i)};
        ok = item_put(w->db, &row, mark) == STORE_OK &&
             item_keys(w->db, row.feed, row.id, keys, 2) == STORE_OK &&
             item_content(w->db, row.id, "r", text(w, "content", i)) == STORE_OK &&
             todo_put(w->db, w->pu.id, (enum side)side, row.id, CHOSEN) == STORE_OK;
    }
    return ok && feed_cursor(w->db, w->feed[side].id, text(w, "cursor", side), side, 5) == STORE_OK;
}

static bool left_page(struct work *w)
{
    return page(w, LEFT);
}

static bool right_page(struct work *w)
{
    int64_t absent = 0;
    struct item_row lost = {.feed = w->feed[1].id, .rid = "lost", .revision = "r"};
    return item_put(w->db, &lost, 0) == STORE_OK && page(w, RIGHT) &&
           items_sweep(w->db, w->feed[1].id, 1, &absent) == STORE_OK;
}

/* ---- planning, writing, settling ---------------------------------------------------------------
 */

static bool plan(struct work *w)
{
    bool ok = true;
    for (int i = 0; ok && i < ITEMS; i++) {
        struct hash key = hash_of(2000 + i);
        int64_t by = 0, made = 0;
        struct op_row op = {.run = 1,
                            .pu = w->pu.id,
                            .side = RIGHT,
                            .what = i % 3 ? OP_CREATE : OP_DELETE,
                            .item = {item_id(w, LEFT, i), 0},
                            .todo_item = item_id(w, LEFT, i),
                            .stamp = name(w, "stamp", i),
                            .body = text(w, "body", i),
                            .before = text(w, "before", i)};
        ok = op_put(w->db, &op) == STORE_OK &&
             claim_take(w->db, w->feed[1].id, &key, op.id, 100, &by, &made) == STORE_OK &&
             why_put(w->db, w->pu.id, LEFT, op.todo_item, "created", 9) == STORE_OK;
    }
    struct ask_row ask = {
        .pu = w->pu.id, .item = item_id(w, RIGHT, 1), .kind = ASK_QUESTION, .field = ""};
    return ok && ask_put(w->db, &ask) == STORE_OK;
}

static bool journal(struct work *w)
{
    struct op_row ops[ITEMS];
    size_t n = 0;
    bool ok =
        op_next(w->db, w->arena, w->pu.id, OP_CREATE, RIGHT, 0, ops, ITEMS, &n) == STORE_OK && n;
    for (size_t i = 0; ok && i < n; i++)
        ok = op_sent(w->db, ops[i].id, 50) == STORE_OK;
    return ok;
}

static bool settle(struct work *w)
{
    struct op_row *ops = NULL;
    size_t n = 0;
    bool ok = ops_in_doubt(w->db, w->arena, w->pu.id, &ops, &n) == STORE_OK && n;
    for (size_t i = 0; ok && i < n; i++) {
        struct parked_row parked = {.pu = w->pu.id, .side = RIGHT, .field = "title", .why = "long"};
        struct link_row link = {.pu = w->pu.id,
                                .item = {ops[i].item[0], item_id(w, RIGHT, (int)i)},
                                .shadow = {ops[i].body, ops[i].before},
                                .stamp = ops[i].stamp};
        ok = link_put(w->db, &link) == STORE_OK;
        parked.link = link.id;
        ok = ok && op_made(w->db, &ops[i], link.item[RIGHT], link.id, 60) == STORE_OK &&
             todo_drop(w->db, w->pu.id, LEFT, ops[i].todo_item) == STORE_OK &&
             parked_put(w->db, &parked) == STORE_OK;
    }
    return ok;
}

/* ---- waiting, answering, growing, tidying ------------------------------------------------------
 */

static bool guard(struct work *w)
{
    int64_t run = 0;
    struct rest_row rest = {.scope = "host:crm", .until_ms = 99, .fails = 1, .text = "busy"};
    struct hold_row hold = {.pu = w->pu.id, .what = OP_DELETE, .side = RIGHT, .reason = "many"};
    return hold_make(w->db, &hold) == STORE_OK &&
           hold_ops(w->db, hold.id, w->pu.id, OP_DELETE, RIGHT) == STORE_OK &&
           rest_put(w->db, &rest) == STORE_OK && run_begin(w->db, w->pu.id, 70, &run) == STORE_OK;
}

static bool answers(struct work *w)
{
    struct ask_row *asks = NULL;
    struct hold_row *holds = NULL;
    struct link_row link;
    size_t n_asks = 0, n_holds = 0;
    struct run_row run = {.id = 1, .ended_ms = 80, .status = 1, .report = "{}"};
    return asks_list(w->db, w->arena, 0, true, &asks, &n_asks) == STORE_OK && n_asks &&
           ask_answer(w->db, asks[0].id, "create") == STORE_OK &&
           holds_list(w->db, w->arena, 0, &holds, &n_holds) == STORE_OK && n_holds &&
           hold_release(w->db, holds[0].id) == STORE_OK &&
           link_of(w->db, w->arena, w->pu.id, LEFT, item_id(w, LEFT, 1), &link) == STORE_OK &&
           link_end(w->db, link.id, "untag-left", "wess", 75) == STORE_OK &&
           rest_clear(w->db, "host:crm") == STORE_OK && run_end(w->db, &run) == STORE_OK;
}

/* More than the page cache holds, so that pages go out before the commit. */
static bool large(struct work *w)
{
    bool ok = true;
    for (int i = 0; ok && i < LARGE_ONES; i++) {
        char *body = arena_alloc(w->arena, LARGE);
        ok = body != NULL;
        if (ok)
            memset(body, 'a' + i, LARGE);
        ok = ok && item_content(w->db, item_id(w, RIGHT, i), "r2",
                                (struct wess_slice){body, LARGE}) == STORE_OK;
    }
    return ok;
}

static bool tidy(struct work *w)
{
    return item_content(w->db, item_id(w, RIGHT, 0), "r3", slice_of("small again")) == STORE_OK &&
           store_tidy(w->db, 1000, 100, 100) == STORE_OK;
}

static const struct {
    bool soft;
    bool (*body)(struct work *);
} steps[WORK_STEPS] = {{false, feeds},   {true, left_page}, {true, right_page}, {true, plan},
                       {false, journal}, {true, settle},    {false, guard},     {true, answers},
                       {false, large},   {true, tidy}};

bool work_soft(int step)
{
    return steps[step].soft;
}

bool work_step(int step, struct db *db, struct wess_arena *a)
{
    struct work w = {.db = db, .arena = a};
    return pu_get(db, a, "people", "u1", &w.pu) == STORE_OK &&
           feed_get(db, a, "exchange", "u1", "contacts", &w.feed[0]) == STORE_OK &&
           feed_get(db, a, "crm", "", "people", &w.feed[1]) == STORE_OK && steps[step].body(&w);
}

/* ---- what is there -----------------------------------------------------------------------------
 */

static void dump_value(FILE *out, sqlite3_stmt *s, int i)
{
    unsigned char digest[DIGEST_SIZE];
    const void *data = sqlite3_column_blob(s, i);
    size_t len = (size_t)sqlite3_column_bytes(s, i);
    if (sqlite3_column_type(s, i) == SQLITE_NULL) {
        fprintf(out, "|null");
    } else if (sqlite3_column_type(s, i) == SQLITE_BLOB || len > 60) {
        digest_of((struct wess_slice){data, len}, digest);
        fprintf(out, "|%zu:%02x%02x%02x%02x", len, digest[0], digest[1], digest[2], digest[3]);
    } else {
        fprintf(out, "|%s", (const char *)sqlite3_column_text(s, i));
    }
}

static void dump_table(FILE *out, sqlite3 *sq, const char *table)
{
    sqlite3_stmt *s = NULL;
    char *sql =
        sqlite3_mprintf("SELECT * FROM \"%w\"%s", table,
                        strcmp(table, "meta") ? "" : " WHERE name NOT IN ('installation', 'key')");
    assert_int_equal(sqlite3_prepare_v2(sq, sql, -1, &s, NULL), SQLITE_OK);
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        fprintf(out, "%s", table);
        for (int i = 0; i < sqlite3_column_count(s); i++)
            dump_value(out, s, i);
        fprintf(out, "\n");
    }
    assert_int_equal(rc, SQLITE_DONE);
    sqlite3_finalize(s);
    sqlite3_free(sql);
}

char *work_dump(const char *path)
{
    sqlite3 *sq = NULL;
    sqlite3_stmt *s = NULL;
    char *out = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&out, &len);
    assert_non_null(f);
    assert_int_equal(sqlite3_open_v2(path, &sq, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(sq,
                                        "SELECT name FROM sqlite_schema WHERE type = 'table'"
                                        " ORDER BY name",
                                        -1, &s, NULL),
                     SQLITE_OK);
    while (sqlite3_step(s) == SQLITE_ROW)
        dump_table(f, sq, (const char *)sqlite3_column_text(s, 0));
    sqlite3_finalize(s);
    sqlite3_close(sq);
    fclose(f);
    return out;
}
