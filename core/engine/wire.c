#include "engine/wire.h"

static bool load_item(struct wess_arena *a, struct run *r, enum side side, const char *rid,
                      const char *revision, struct wess_slice body, struct wess_item *out)
{
    struct content c;
    if (!decode_content(a, body, &c))
        return false;
    *out = (struct wess_item){.id = rid,
                              .revision = revision,
                              .kind = r->pair->kind->name,
                              .collection = r->side[side].collection->id,
                              .fields = c.fields,
                              .n_fields = c.n};
    return true;
}

static bool load_op(struct flight *f, size_t i, uint32_t flags)
{
    static const uint32_t what[] = {
        [OP_CREATE] = WESS_CREATE, [OP_UPDATE] = WESS_UPDATE, [OP_DELETE] = WESS_DELETE};
    const struct op_row *row = &f->rows[i];
    struct wess_op *op = &f->ops[i];
    struct item_row target = {0};
    const char *rid = NULL;
    if (row->what != OP_CREATE) {
        if (item_get(f->run->db, f->arena, row->item[f->side], &target) != STORE_OK)
            return false;
        rid = target.rid;
    }
    *op = (struct wess_op){.stamp = row->stamp, .what = what[row->what], .flags = flags};
    if (f->run->pair->with_attendees == ATTENDEES_SEND)
        op->flags |= WESS_OP_MAY_TELL;
    if (row->what != OP_CREATE && RULE(before_compared)) {
        struct wess_item *before = arena_alloc(f->arena, sizeof(*before));
        op->before = before;
        if (!before ||
            !load_item(f->arena, f->run, f->side, rid, row->revision, row->before, before))
            return false;
        before->flags = WESS_ITEM_WHOLE; /* what is not listed was empty */
    }
    return load_item(f->arena, f->run, f->side, rid, row->revision, row->body, &op->item);
}

bool flight_load(struct flight *f, uint32_t flags)
{
    f->ops = arena_alloc(f->arena, f->n * sizeof(*f->ops));
    f->results = arena_alloc(f->arena, f->n * sizeof(*f->results));
    for (size_t i = 0; f->ops && f->results && i < f->n; i++)
        if (!load_op(f, i, flags))
            return false;
    return f->ops && f->results;
}

static bool none_tried(const struct wess_result *results, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (results[i].code != WESS_NOT_TRIED)
            return false;
    return true;
}

/* A batch that is refused whole, with nobody to blame, is halved down to whoever is. */
static void send(struct flight *f, const struct wess_op *ops, struct wess_result *results, size_t n)
{
    struct run_side *s = &f->run->side[f->side];
    f->code = conn_apply(s->conn, s->collection->id, f->arena, ops, n, results, &f->error);
    if ((f->code != WESS_REJECTED && f->code != WESS_TOO_BIG) || !none_tried(results, n))
        return;
    if (n > 1 && RULE(culprits_found)) {
        send(f, ops, results, n / 2);
        if (f->code == WESS_OK)
            send(f, ops + n / 2, results + n / 2, n - n / 2);
        return;
    }
    results[0].code = f->code;
    results[0].text = arena_text(f->arena, f->error.text);
    results[0].remote_code = arena_text(f->arena, f->error.remote_code);
    f->code = WESS_OK;
}

static void *fly(void *ctx)
{
    struct flight *f = ctx;
    for (size_t i = 0; i < f->n; i++)
        f->results[i] = (struct wess_result){.code = WESS_NOT_TRIED};
    send(f, f->ops, f->results, f->n);
    return NULL;
}

void flight_start(struct flight *f)
{
    f->flying = true;
    if (f->spool)
        conn_spool_in(f->run->side[f->side].conn, f->spool);
    f->threaded = pthread_create(&f->thread, NULL, fly, f) == 0;
    if (!f->threaded)
        fly(f);
}

void flight_land(struct flight *f)
{
    if (f->flying && f->threaded)
        pthread_join(f->thread, NULL);
    f->flying = false;
}

bool flight_settle(struct flight *f)
{
    struct run *r = f->run;
    file_landed(f);
    bool ok = db_begin_soft(r->db) == STORE_OK;
    struct arena_mark mark = arena_mark(f->arena);
    for (size_t i = 0; ok && i < f->n; i++) {
        if (f->results[i].request)
            f->rows[i].request = f->results[i].request;
        op_at_hand(r->db, &f->rows[i]);
        ok = settle_op(r, f->arena, &f->rows[i], &f->results[i]);
        arena_back(f->arena, mark);
    }
    ok = op_at_hand(r->db, NULL) == STORE_OK && ok;
    if (!run_sound(r, f->arena))
        return false;
    if (!ok || db_commit(r->db) != STORE_OK)
        return run_store_failed(r);
    if (f->code != WESS_OK)
        return run_trouble(r, f->side, f->code, &f->error, "apply");
    return true;
}
