/* Filing, and what passes through: what is created once on the right and never moves again. It is
 * remembered by an ended link, with its natural key and digest alone. Its whole content is read
 * when it goes, a batch at a time, and passes through a spool folder of the run's own: nothing of
 * it outlives the batch, and what a killed process leaves goes with the next start. */
#include "engine/wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- what is remembered
 * --------------------------------------------------------------------------- */

struct wess_slice file_shadow(struct wess_arena *a, const struct run *r, const struct content *now)
{
    const char *const names[] = {r->pair->kind->natural, "mime"};
    struct wess_field of[sizeof(names) / sizeof(names[0])];
    struct content kept = {of, 0};
    struct wess_slice out = {NULL, 0};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct wess_field *f = content_get(now, names[i]);
        if (f)
            of[kept.n++] = *f;
    }
    encode_content(a, &kept, &out);
    return out;
}

bool file_made(struct run *r, struct link_row *link)
{
    link->ended = true;
    link->reason = WHY_FILED;
    link->who = "wess";
    link->ended_ms = clock_now_ms();
    link_put(r->db, link);
    item_content(r->db, link->item[LEFT], NULL, (struct wess_slice){NULL, 0});
    for (int s = LEFT; s <= RIGHT; s++)
        why_put(r->db, r->pu.id, (enum side)s, link->item[s], WHY_FILED, link->ended_ms);
    return !db_failed(r->db);
}

bool file_keep(struct run *r, struct entry *e)
{
    r->report.linked += !e->linked;
    return file_made(r, &e->link) || run_store_failed(r);
}

/* ---- the spool of a run
 * --------------------------------------------------------------------------- */

static void spool_in(struct run *r, struct blob_dir *dir)
{
    for (int s = LEFT; s <= RIGHT; s++)
        conn_spool_in(r->side[s].conn, dir);
}

/* Files that are attached are read where they are merged, and written in the same run: what was
 * read passes through as what is filed does. */
static bool passes_files(const struct run *r)
{
    bool any = false;
    for (int s = LEFT; s <= RIGHT; s++) {
        const struct wess_collection *c = r->side[s].collection;
        for (size_t i = 0; c && i < c->n_fields; i++)
            any |= !strcmp(c->fields[i].name, "attach");
    }
    return any;
}

bool file_begin(struct run *r)
{
    if (!r->pair->files && !passes_files(r))
        return true;
    r->spool = blob_dir_new(r->cfg->state_dir);
    if (r->spool) {
        spool_in(r, r->spool);
        return true;
    }
    r->report.status = status_worse(r->report.status, EXIT_STATE);
    snprintf(r->report.text, sizeof(r->report.text),
             "%s/spool: no folder can be made in it: %s; nothing was filed", r->cfg->state_dir,
             strerror(errno));
    return false;
}

void file_end(struct run *r)
{
    if (!r->spool)
        return;
    spool_in(r, NULL);
    blob_dir_end(r->spool);
    r->spool = NULL;
}

/* ---- a batch on its way
 * --------------------------------------------------------------------------- */

/* Where it goes nothing else of it may be held. */
static uint32_t source_flags(const struct flight *f)
{
    const struct wess_collection *to = f->run->side[f->side].collection;
    for (size_t i = 0; i < to->n_fields; i++)
        if (strcmp(to->fields[i].name, "mime") != 0 &&
            strcmp(to->fields[i].name, "categories") != 0)
            return 0;
    return f->run->pair->files ? WESS_CALL_MIME : 0;
}

static enum wess_code read_some(struct flight *f, struct wess_list ids, struct wess_result *out)
{
    const struct run_side *s = &f->run->side[other_side(f->side)];
    enum wess_code rc =
        conn_fetch(s->conn, s->collection->id, f->arena, source_flags(f), ids, out, &f->error);
    size_t half = ids.n / 2;
    if (rc != WESS_TOO_BIG)
        return rc;
    if (!half) {
        out[0].code = WESS_TOO_BIG;
        return WESS_OK;
    }
    rc = read_some(f, (struct wess_list){ids.of, half}, out);
    return rc != WESS_OK
               ? rc
               : read_some(f, (struct wess_list){ids.of + half, ids.n - half}, out + half);
}

static bool read_sources(struct flight *f, struct wess_result *out)
{
    struct run *r = f->run;
    enum side from = other_side(f->side);
    const char **ids = arena_alloc(f->arena, f->n * sizeof(*ids));
    if (!ids)
        return run_memory(r);
    for (size_t i = 0; i < f->n; i++) {
        struct item_row row;
        if (item_get(r->db, f->arena, f->rows[i].item[from], &row) != STORE_OK)
            return run_store_failed(r);
        ids[i] = row.rid;
    }
    if (f->spool)
        conn_spool_in(r->side[from].conn, f->spool);
    enum wess_code rc = read_some(f, (struct wess_list){ids, f->n}, out);
    conn_spool_in(r->side[from].conn, r->spool);
    return rc == WESS_OK || run_trouble(r, from, rc, &f->error, "fetch");
}

static bool holds(const struct wess_collection *c, const char *name)
{
    for (size_t i = 0; i < c->n_fields; i++)
        if (!strcmp(c->fields[i].name, name))
            return !(c->fields[i].flags & WESS_FIELD_READ_ONLY);
    return false;
}

/* What goes: of the whole that was read now, what the other side holds. */
static bool fill(struct flight *f, size_t i, const struct wess_item *item)
{
    struct run *r = f->run;
    const struct wess_collection *to = r->side[f->side].collection;
    struct content now;
    if (!content_canonical(r->pair->kind, f->arena, item->fields, item->n_fields, NULL, &now, NULL))
        return false;
    struct wess_field *of = arena_alloc(f->arena, (now.n + 1) * sizeof(*of));
    size_t n = 0;
    for (size_t k = 0; of && k < now.n; k++)
        if (holds(to, now.fields[k].name))
            of[n++] = now.fields[k];
    f->ops[i].item.fields = of;
    f->ops[i].item.n_fields = n;
    for (int s = LEFT; s <= RIGHT; s++)
        f->rows[i].shadow[s] = file_shadow(f->arena, r, &now);
    return of && f->rows[i].shadow[LEFT].data;
}

static bool is_private(const struct flight *f, const struct wess_result *res)
{
    return (res->current->flags & WESS_ITEM_PRIVATE) &&
           f->run->side[other_side(f->side)].selector.private_mode == PRIVATE_SKIP;
}

/* What cannot be read does not go: gone or made private since is weighed again, with news of it;
 * what never can be read is parked; the rest stays planned for the next run. */
static bool leave_out(struct flight *f, size_t i, const struct wess_result *res)
{
    struct run *r = f->run;
    struct op_row *op = &f->rows[i];
    enum side from = other_side(f->side);
    struct wess_result refused = {
        .code = WESS_REJECTED, .text = res->text, .remote_code = res->remote_code};
    switch (res->code) {
    case WESS_OK:
    case WESS_GONE:
        op_drop(r->db, op->id);
        if (res->code == WESS_GONE)
            item_flags(r->db, op->item[from], item_not_found(&r->side[from]), 0);
        else
            item_flags(r->db, op->item[from], WESS_ITEM_PRIVATE, 0);
        todo_put(r->db, r->pu.id, from, op->item[from],
                 res->code == WESS_GONE ? NOT_CHOSEN : KEPT_PRIVATE);
        return true;
    case WESS_TOO_BIG:
    case WESS_REJECTED:
    case WESS_CONFLICT:
    case WESS_BROKEN:
    case WESS_RESET:
        return settle_op(r, f->arena, op, &refused);
    case WESS_UNKNOWN:
    case WESS_NOT_TRIED:
    case WESS_TRANSIENT:
    case WESS_THROTTLED:
    case WESS_AUTH:
    case WESS_CANCELLED:
        return true;
    }
    return true;
}

/* An op in doubt goes whatever became of its source: it may have been carried out. */
static bool take_sources(struct flight *f, const struct wess_result *res, bool again)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->n; i++) {
        bool read = res[i].code == WESS_OK && !is_private(f, &res[i]);
        if (read && !fill(f, i, res[i].current))
            return run_memory(f->run);
        if (!read && !again && !leave_out(f, i, &res[i]))
            return run_store_failed(f->run);
        if (!read && !again)
            continue;
        f->rows[kept] = f->rows[i];
        f->ops[kept++] = f->ops[i];
    }
    f->n = kept;
    return true;
}

/* What was enough for one call: the rest is for the next batch. Where not even the first was asked
 * for, that is for another reason. */
static void cut(struct flight *f, const struct wess_result *res)
{
    size_t n = 0;
    while (n < f->n && res[n].code != WESS_NOT_TRIED)
        n++;
    if (!n || n == f->n)
        return;
    f->n = n;
    f->last = f->rows[n - 1].id;
}

/* Of creates in doubt: the files that they attach are not in this run's spool. What is found to be
 * there already is completed by them; what became of each reading shows in the merge. */
static bool read_files_again(struct flight *f)
{
    struct wess_result *res = arena_alloc(f->arena, f->n * sizeof(*res));
    return res ? read_sources(f, res) : run_memory(f->run);
}

bool file_load(struct flight *f, bool again)
{
    struct run *r = f->run;
    if (again && r->spool && !r->pair->files && f->n)
        return read_files_again(f);
    if (!r->pair->files || !f->n || f->rows[0].what != OP_CREATE)
        return true;
    struct wess_result *res = arena_alloc(f->arena, f->n * sizeof(*res));
    if (!res || !(f->spool = blob_dir_in(r->spool)))
        return run_memory(r);
    if (!read_sources(f, res))
        return false;
    cut(f, res);
    if (db_begin(r->db) != STORE_OK)
        return run_store_failed(r);
    if (!take_sources(f, res, again) || !run_sound(r, f->arena))
        return false;
    return db_commit(r->db) == STORE_OK || run_store_failed(r);
}

void file_landed(struct flight *f)
{
    if (f->spool)
        blob_dir_end(f->spool);
    f->spool = NULL;
}
