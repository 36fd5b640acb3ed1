/* The stage "recover": operations in doubt from a run that was cut off, or whose answer was lost. A
 * create is looked up by its stamp, not before the remote can no longer carry it out late, and when
 * all is read: beside what a person made in its place meanwhile it is not sent again. An update or
 * a deletion is looked up by reading its item, before anything else is read. */
#include "engine/wire.h"

#include <string.h>

#include "keys.h"

/* ---- creates
 * -------------------------------------------------------------------------------------- */

static bool again(struct run *r, enum side side, const struct op_row *rows, size_t n)
{
    uint32_t max = r->side[side].collection->write_max;
    size_t most = max ? max : 100;
    struct flight f = {.run = r, .side = side, .arena = arena_new(ARENA_BUDGET)};
    bool ok = f.arena || run_memory(r);
    for (size_t at = 0; ok && at < n; at += f.n) {
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

/* Never carried out, and now it never will be: its item is matched again, by the rules. */
static void give_up(struct run *r, const struct op_row *op)
{
    struct link_row link;
    bool restores = op->link && link_get(r->db, r->arena, op->link, &link) == STORE_OK;
    op_drop(r->db, op->id);
    for (int s = LEFT; restores && s <= RIGHT; s++)
        if (link.item[s])
            todo_put(r->db, r->pu.id, (enum side)s, link.item[s], NOT_CHOSEN);
    if (restores)
        return;
    enum side from = other_side(op->side);
    struct item_row row;
    if (item_get(r->db, r->arena, op->item[from], &row) == STORE_OK &&
        (row.flags & (ITEM_GONE | ITEM_ABSENT)))
        item_forget(r->db, row.id);
    else
        todo_put(r->db, r->pu.id, from, op->item[from], CHOSEN);
}

/* Whether the remote has what a create in doubt made, by its stamp alone. false: it cannot be
 * asked; told. */
static bool look_up(struct run *r, const struct op_row *op, bool *made, bool *unclear)
{
    struct run_side *s = &r->side[op->side];
    struct wess_arena *a = arena_new(ARENA_BUDGET);
    struct wess_key key = {.space = "wess", .id = op->stamp};
    struct wess_page page = {0};
    struct wess_error error = {0};
    if (!a)
        return run_memory(r);
    enum wess_code rc = conn_find(s->conn, s->collection->id, a, &key, 1, &page, &error);
    *unclear = rc == WESS_TOO_BIG || (rc == WESS_OK && !(page.flags & WESS_PAGE_LAST));
    *made = false;
    /* What a person deleted since is not to be made once more beside their own. */
    for (size_t i = 0; rc == WESS_OK && i < page.n; i++)
        *made |= !(page.changes[i].item.flags & WESS_ITEM_TRASHED) &&
                 wess_bears_any(&page.changes[i].item, &key, 1);
    arena_free(a);
    return rc == WESS_OK || *unclear || run_trouble(r, op->side, rc, &error, "recover");
}

/* Somebody may have made it meanwhile; what is filed they may have moved to another id. */
static bool is_met(struct run *r, enum side from, int64_t item)
{
    return r->pair->files ? match_exists(r, r->arena, from, item)
                          : match_free(r, r->arena, from, item);
}

/* Leaves of `due` what is to be looked up and, if it is not there, sent again. */
static bool look_around(struct run *r, struct op_row *due, size_t *n)
{
    size_t kept = 0;
    for (size_t i = 0; i < *n; i++) {
        bool made = false, unclear = false;
        enum side from = other_side(due[i].side);
        if (!RULE(doubt_looks) || !is_met(r, from, due[i].item[from])) {
            due[kept++] = due[i];
            continue;
        }
        if (!look_up(r, &due[i], &made, &unclear))
            return false;
        if (made)
            due[kept++] = due[i];
        if (made || unclear) /* which stays in doubt */
            continue;
        if (db_begin(r->db) != STORE_OK)
            return run_store_failed(r);
        give_up(r, &due[i]);
        if (db_commit(r->db) != STORE_OK)
            return run_store_failed(r);
    }
    *n = kept;
    return run_sound(r, r->arena);
}

/* What others have read of a shared side in this round may be older than what a person made. */
static bool read_again(struct run *r, enum side side)
{
    int64_t changed = 0;
    return !r->side[side].shared || run_look_up(r, side, &changed);
}

/* Sent in the future: the clock was put back. How long ago that was nobody knows, so that it waits
 * from now on, and not until then. */
static bool heed_clock(struct run *r, const struct op_row *op, int64_t now, int64_t *sent_ms)
{
    *sent_ms = op->sent_ms;
    if (op->sent_ms <= now)
        return true;
    *sent_ms = now;
    return (db_begin(r->db) == STORE_OK && op_waits_from(r->db, op->id, now) == STORE_OK &&
            db_commit(r->db) == STORE_OK) ||
           run_store_failed(r);
}

static bool side_creates(struct run *r, enum side side, const struct op_row *rows, size_t n)
{
    int64_t now = clock_now_ms(), settle = r->side[side].collection->settle_after_ms;
    struct op_row *due = arena_alloc(r->arena, (n + 1) * sizeof(*due));
    size_t n_due = 0;
    if (!due)
        return run_memory(r);
    for (size_t i = 0; i < n; i++) {
        if (rows[i].what != OP_CREATE || rows[i].side != side)
            continue;
        int64_t sent_ms;
        if (!heed_clock(r, &rows[i], now, &sent_ms))
            return false;
        if (sent_ms + settle <= now || !RULE(settle_first)) {
            due[n_due++] = rows[i];
            continue;
        }
        if (!r->retry_at_ms || sent_ms + settle < r->retry_at_ms)
            r->retry_at_ms = sent_ms + settle;
    }
    return !n_due || (read_again(r, side) && look_around(r, due, &n_due) &&
                      (!n_due || again(r, side, due, n_due)));
}

/* ---- updates and deletions
 * ------------------------------------------------------------------------- */

static void both_again(struct run *r, const struct op_row *op)
{
    op_drop(r->db, op->id);
    settle_stale(r, r->arena, op);
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

static bool read_items(struct run *r, enum side side, const struct op_row *ops, size_t n,
                       struct wess_arena *a, struct wess_result *out)
{
    struct run_side *s = &r->side[side];
    struct wess_error error = {0};
    const char **ids = arena_alloc(a, n * sizeof(*ids));
    if (!ids)
        return run_memory(r);
    for (size_t i = 0; i < n; i++) {
        struct item_row row;
        if (item_get(r->db, a, ops[i].item[side], &row) != STORE_OK)
            return run_store_failed(r);
        ids[i] = row.rid;
    }
    enum wess_code rc =
        conn_fetch(s->conn, s->collection->id, a, 0, (struct wess_list){ids, n}, out, &error);
    return rc == WESS_OK || run_trouble(r, side, rc, &error, "recover");
}

/* ---- updates of several requests, cut off between two of them
 * ------------------------------------------------------------------------- */

static bool is_half(const struct run *r, const struct op_row *op, const struct wess_result *res)
{
    const char *now = res->code == WESS_OK ? res->current->revision : NULL;
    return now && op->what == OP_UPDATE && r->side[op->side].writable &&
           (res->current->flags & WESS_ITEM_HALF) && op->revision && strcmp(now, op->revision) != 0;
}

/* Answered, so that what shows now is all that comes of it. */
static bool is_settled(enum wess_code code)
{
    return code == WESS_OK || code == WESS_CONFLICT || code == WESS_GONE || code == WESS_REJECTED ||
           code == WESS_TOO_BIG;
}

/* Finished, each from where it was cut off, before anything is made of what they show. Leaves of
 * `ops` those that are not in doubt for it. */
static bool finish(struct run *r, enum side side, struct op_row *ops, size_t *n,
                   const struct wess_result *shown, struct wess_arena *a)
{
    struct flight f = {.run = r, .side = side, .arena = a};
    size_t kept = 0, at = 0;
    f.rows = arena_alloc(a, *n * sizeof(*f.rows));
    for (size_t i = 0; f.rows && i < *n; i++)
        if (is_half(r, &ops[i], &shown[i])) {
            f.rows[f.n] = ops[i];
            f.rows[f.n++].revision = shown[i].current->revision;
        }
    if (!f.rows || !flight_load(&f, WESS_OP_AGAIN))
        return run_memory(r);
    flight_start(&f);
    flight_land(&f);
    if (f.code != WESS_OK)
        return run_trouble(r, side, f.code, &f.error, "recover");
    for (size_t i = 0; i < *n; i++)
        if (!is_half(r, &ops[i], &shown[i]) || is_settled(f.results[at++].code))
            ops[kept++] = ops[i];
    *n = kept;
    return true;
}

static bool any_half(const struct run *r, const struct op_row *ops, size_t n,
                     const struct wess_result *shown)
{
    bool any = false;
    for (size_t i = 0; i < n; i++)
        any |= is_half(r, &ops[i], &shown[i]);
    return any;
}

static bool read_and_judge(struct run *r, enum side side, struct op_row *ops, size_t n,
                           struct wess_arena *a)
{
    struct wess_result *res = arena_alloc(a, n * sizeof(*res));
    if (!res)
        return run_memory(r);
    if (!read_items(r, side, ops, n, a, res))
        return false;
    if (any_half(r, ops, n, res) &&
        (!finish(r, side, ops, &n, res, a) || !read_items(r, side, ops, n, a, res)))
        return false;
    bool ok = db_begin(r->db) == STORE_OK;
    for (size_t i = 0; ok && i < n; i++)
        ok = judge(r, a, &ops[i], &res[i]);
    if (!run_sound(r, a))
        return false;
    return (ok && db_commit(r->db) == STORE_OK) || run_store_failed(r);
}

static bool side_writes(struct run *r, enum side side, const struct op_row *rows, size_t n)
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

/* ---- both sides
 * ---------------------------------------------------------------------------------------- */

static bool each_side(struct run *r,
                      bool (*settle)(struct run *, enum side, const struct op_row *, size_t))
{
    struct op_row *rows = NULL;
    size_t n = 0;
    if (ops_in_doubt(r->db, r->arena, r->pu.id, &rows, &n) == STORE_FAIL)
        return run_store_failed(r);
    for (int s = LEFT; n && s <= RIGHT; s++)
        if (!settle(r, (enum side)s, rows, n))
            return false;
    return true;
}

bool recover_writes(struct run *r)
{
    return each_side(r, side_writes);
}

bool recover_creates(struct run *r)
{
    return each_side(r, side_creates);
}
