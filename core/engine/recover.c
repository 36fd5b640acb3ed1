/* The stage "recover": operations in doubt from a run that was cut off, or whose answer was lost. A
 * create is looked up by its stamp, not before the remote can no longer carry it out late; an
 * update or a deletion by reading its item. */
#include "engine/wire.h"

#include <string.h>

/* ---- creates
 * -------------------------------------------------------------------------------------- */

static bool again(struct run *r, enum side side, const struct op_row *rows, size_t n)
{
    uint32_t max = r->side[side].collection->write_max;
    size_t most = max ? max : 100;
    struct flight f = {.run = r, .side = side, .arena = arena_new(ARENA_BUDGET)};
    bool ok = f.arena || run_memory(r);
    for (size_t at = 0; ok && at < n; at += most) {
        arena_reset(f.arena);
        f.n = n - at < most ? n - at : most;
        f.error = (struct wess_error){0};
        f.rows = arena_alloc(f.arena, f.n * sizeof(*f.rows));
        if (!f.rows || (memcpy(f.rows, rows + at, f.n * sizeof(*f.rows)), false) ||
            !flight_load(&f, RULE(again_flagged) ? WESS_OP_AGAIN : 0)) {
            ok = run_memory(r);
            break;
        }
        if (!file_load(&f, true)) {
            ok = false;
            break;
        }
        ok = db_begin(r->db) == STORE_OK;
        for (size_t i = 0; ok && i < f.n; i++) {
            f.rows[i].sent_ms = clock_now_ms();
            ok = op_sent(r->db, f.rows[i].id, f.rows[i].sent_ms) == STORE_OK;
        }
        if (!ok || db_commit(r->db) != STORE_OK) {
            ok = run_store_failed(r);
            break;
        }
        flight_start(&f);
        flight_land(&f);
        ok = flight_settle(&f);
    }
    arena_free(f.arena);
    return ok;
}

static bool recover_creates(struct run *r, enum side side, const struct op_row *rows, size_t n)
{
    int64_t now = clock_now_ms(), settle = r->side[side].collection->settle_after_ms;
    struct op_row *due = arena_alloc(r->arena, (n + 1) * sizeof(*due));
    size_t n_due = 0;
    if (!due)
        return run_memory(r);
    for (size_t i = 0; i < n; i++) {
        if (rows[i].what != OP_CREATE || rows[i].side != side)
            continue;
        if (rows[i].sent_ms + settle <= now || !RULE(settle_first)) {
            due[n_due++] = rows[i];
            continue;
        }
        if (!r->retry_at_ms || rows[i].sent_ms + settle < r->retry_at_ms)
            r->retry_at_ms = rows[i].sent_ms + settle;
    }
    return !n_due || again(r, side, due, n_due);
}

/* ---- updates and deletions
 * ------------------------------------------------------------------------- */

static void both_again(struct run *r, const struct op_row *op)
{
    op_drop(r->db, op->id);
    item_revision(r->db, op->item[op->side], NULL);
    for (int s = LEFT; s <= RIGHT; s++)
        if (op->item[s])
            todo_put(r->db, r->pu.id, (enum side)s, op->item[s], NOT_CHOSEN);
}

/* Does the item show what the update sent? */
static bool was_applied(struct run *r, struct wess_arena *a, const struct op_row *op,
                        const struct wess_item *item)
{
    struct content now, body;
    if (!content_canonical(r->pair->kind, a, item->fields, item->n_fields, NULL, &now, NULL) ||
        !decode_content(a, op->body, &body))
        return false;
    for (size_t i = 0; i < body.n; i++) {
        const struct wess_field *sent = &body.fields[i];
        if (!field_alike(content_get(&now, sent->name), sent->type == WESS_NULL ? NULL : sent))
            return false;
    }
    return true;
}

static bool judge(struct run *r, struct wess_arena *a, const struct op_row *op,
                  struct wess_result *res)
{
    switch (res->code) {
    case WESS_GONE:
        return settle_op(r, a, op, res);
    case WESS_OK:
        if (op->what == OP_UPDATE && RULE(own_write) && was_applied(r, a, op, res->current)) {
            /* Somebody may have written other fields since: the revision is not trusted. */
            res->revision = res->id = NULL;
            if (!settle_op(r, a, op, res))
                return false;
            todo_put(r->db, r->pu.id, op->side, op->item[op->side], NOT_CHOSEN);
            return true;
        }
        both_again(r, op);
        return true;
    case WESS_UNKNOWN:
    case WESS_NOT_TRIED:
    case WESS_TRANSIENT:
    case WESS_THROTTLED:
    case WESS_AUTH:
    case WESS_CONFLICT:
    case WESS_REJECTED:
    case WESS_TOO_BIG:
    case WESS_RESET:
    case WESS_CANCELLED:
    case WESS_BROKEN:
        break;
    }
    return true; /* stays in doubt */
}

static bool read_and_judge(struct run *r, enum side side, const struct op_row *ops, size_t n,
                           struct wess_arena *a)
{
    struct run_side *s = &r->side[side];
    struct wess_error error = {0};
    const char **ids = arena_alloc(a, n * sizeof(*ids));
    struct wess_result *res = arena_alloc(a, n * sizeof(*res));
    if (!ids || !res)
        return run_memory(r);
    for (size_t i = 0; i < n; i++) {
        struct item_row row;
        if (item_get(r->db, a, ops[i].item[side], &row) != STORE_OK)
            return run_store_failed(r);
        ids[i] = row.rid;
    }
    enum wess_code rc =
        conn_fetch(s->conn, s->collection->id, a, 0, (struct wess_list){ids, n}, res, &error);
    if (rc != WESS_OK)
        return run_trouble(r, side, rc, &error, "recover");
    bool ok = db_begin(r->db) == STORE_OK;
    for (size_t i = 0; ok && i < n; i++)
        ok = judge(r, a, &ops[i], &res[i]);
    if (!run_sound(r, a))
        return false;
    return (ok && db_commit(r->db) == STORE_OK) || run_store_failed(r);
}

static bool recover_writes(struct run *r, enum side side, const struct op_row *rows, size_t n)
{
    enum { AT_ONCE = 50 };
    struct op_row some[AT_ONCE];
    struct wess_arena *a = arena_new(ARENA_BUDGET);
    size_t have = 0;
    bool ok = a || run_memory(r);
    for (size_t i = 0; ok && i <= n; i++) {
        bool take = i < n && rows[i].side == side && rows[i].what != OP_CREATE;
        if (take)
            some[have++] = rows[i];
        if (have && (have == AT_ONCE || i == n)) {
            arena_reset(a);
            ok = read_and_judge(r, side, some, have, a);
            have = 0;
        }
    }
    arena_free(a);
    return ok;
}

bool recover_run(struct run *r)
{
    struct op_row *rows = NULL;
    size_t n = 0;
    if (ops_in_doubt(r->db, r->arena, r->pu.id, &rows, &n) == STORE_FAIL)
        return run_store_failed(r);
    for (int s = LEFT; n && s <= RIGHT; s++)
        if (!recover_writes(r, (enum side)s, rows, n) || !recover_creates(r, (enum side)s, rows, n))
            return false;
    return true;
}
