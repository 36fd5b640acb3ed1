/* The stage "fetch": content of what takes part and changed; of a shared feed once a revision for
 * all users of the round. While one part of a batch is read by a thread of its own, the one before
 * it is planned: the thread touches nothing of the store. */
#include "engine/run.h"

#include <pthread.h>
#include <string.h>

#include "feed/back.h"

struct reading {
    struct run *run;
    struct wess_arena *arena, *call; /* contents; the answer of one call */
    struct entry *of;                /* a part of the batch */
    size_t n;
    /* out */
    size_t fetched;
    enum wess_code code; /* of `side`, as is `error` */
    struct wess_error error;
    enum side side;
    bool spent, back; /* back: `side` was put back to an earlier time */
    pthread_t thread;
    bool threaded;
};

static bool differs(const char *a, const char *b)
{
    return !a || !b || strcmp(a, b) != 0;
}

static void needs(struct entry *e)
{
    switch (e->act) {
    case ACT_MERGE:
        for (int s = LEFT; s <= RIGHT; s++)
            e->need[s] = e->fresh || !e->link.shadow[s].len ||
                         differs(e->link.rev[s], e->row[s].revision) ||
                         (*e->link.unseen[s] && e->has_todo[s]);
        break;
    case ACT_CREATE:
    case ACT_ASK:
    case ACT_LOOK:
        e->need[e->todo.side] = true;
        break;
    case ACT_WAIT:
    case ACT_DROP:
    case ACT_END:
    case ACT_FILE:
    case ACT_DELETE: /* weigh.c and load.c said which */
    case ACT_RESTORE:
        break;
    }
}

static bool wants(const struct entry *e, enum side side)
{
    return e->need[side] && e->row[side].id && e->got[side] == WESS_NOT_TRIED;
}

/* ---- the cache of shared feeds ------------------------------------------------------------------
 */

static bool from_cache(struct run *r, struct wess_arena *a, struct entry *e, enum side side)
{
    const struct item_row *row = &e->row[side];
    struct wess_slice body;
    if (!r->side[side].common || !row->content || differs(row->content_rev, row->revision) ||
        item_body(r->db, a, row->id, &body) != STORE_OK)
        return !db_failed(r->db) || run_store_failed(r);
    struct content *content = arena_alloc(a, sizeof(*content));
    if (!content || !decode_content(a, body, content))
        return run_memory(r);
    e->now[side] = content;
    e->now_rev[side] = row->revision;
    e->got[side] = WESS_OK;
    return true;
}

static bool look_into_cache(struct reading *d)
{
    for (size_t i = 0; i < d->n; i++)
        for (int s = LEFT; s <= RIGHT; s++)
            if (wants(&d->of[i], (enum side)s) &&
                !from_cache(d->run, d->arena, &d->of[i], (enum side)s))
                return false;
    return true;
}

static bool into_cache(struct reading *d, enum side side)
{
    struct run *r = d->run;
    bool any = false;
    for (size_t i = 0; i < d->n; i++)
        any |= d->of[i].read[side];
    if (!r->side[side].common || !any)
        return true;
    if (db_begin_soft(r->db) != STORE_OK)
        return run_store_failed(r);
    for (size_t i = 0; i < d->n; i++) {
        const struct entry *e = &d->of[i];
        struct wess_slice body;
        if (!e->read[side] || !e->now_rev[side])
            continue;
        if (!encode_content(d->arena, e->now[side], &body))
            return run_memory(r);
        item_content(r->db, e->row[side].id, e->now_rev[side], body);
    }
    return db_commit(r->db) == STORE_OK || run_store_failed(r);
}

/* ---- asking the remote, by the thread
 * --------------------------------------------------------------------------- */

static bool no_memory(struct reading *d)
{
    d->spent = true;
    return false;
}

static bool take(struct reading *d, struct entry *e, enum side side, const struct wess_result *res)
{
    const struct run *r = d->run;
    struct content *content = arena_alloc(d->arena, sizeof(*content));
    size_t bad = 0;
    if (!content)
        return no_memory(d);
    e->got[side] = res->code;
    e->got_text[side] = arena_text(d->arena, res->text);
    e->got_code[side] = arena_text(d->arena, res->remote_code);
    if (res->code != WESS_OK)
        return true;
    if (RULE(back_held) &&
        back_shows(r->side[side].collection, e->row[side].revision, e->row[side].seen_ms,
                   res->current->revision, clock_now_ms())) {
        d->back = true;
        return false;
    }
    if (!content_canonical(r->pair->kind, d->arena, res->current->fields, res->current->n_fields,
                           NULL, content, &bad))
        return no_memory(d);
    const char *ref = content_named(content, "ref");
    if (bad)
        log_line(WESS_LOG_WARN,
                 "pair %s user %s endpoint %s item %lld%s%s: %zu values of a wrong type",
                 r->pair->name, r->user->id, r->side[side].endpoint->name,
                 (long long)e->row[side].id, ref ? " " : "", ref ? ref : "", bad);
    e->now[side] = content;
    e->now_rev[side] = arena_text(d->arena, res->current->revision);
    e->read[side] = true;
    d->fetched++;
    return true;
}

static bool holds(const struct wess_collection *c, const char *field)
{
    for (size_t i = 0; i < c->n_fields; i++)
        if (!strcmp(c->fields[i].name, field))
            return true;
    return false;
}

/* What need not come. Of what is filed the whole is read when it goes, not when it is planned. A
 * picture costs a request of its own, and the content of a side that several pairs read is kept
 * for all of them. */
uint32_t read_flags(const struct run *r, enum side side)
{
    uint32_t flags = r->pair->files ? WESS_CALL_NO_MIME : 0;
    if (!r->side[side].common && !holds(r->side[side == LEFT ? RIGHT : LEFT].collection, "photo"))
        flags |= WESS_CALL_NO_PHOTO;
    return flags;
}

/* One call; halves itself while the answer is too big, down to the one item that is. */
static bool ask_for(struct reading *d, struct entry **of, size_t n, enum side side)
{
    const struct run_side *s = &d->run->side[side];
    uint32_t flags = read_flags(d->run, side);
    arena_reset(d->call);
    const char **ids = arena_alloc(d->call, n * sizeof(*ids));
    struct wess_result *res = arena_alloc(d->call, n * sizeof(*res));
    if (!ids || !res)
        return no_memory(d);
    for (size_t i = 0; i < n; i++)
        ids[i] = of[i]->row[side].rid;
    d->side = side;
    d->code = conn_fetch(s->conn, s->collection->id, d->call, flags, (struct wess_list){ids, n},
                         res, &d->error);
    if (d->code == WESS_TOO_BIG && n > 1)
        return ask_for(d, of, n / 2, side) && ask_for(d, of + n / 2, n - n / 2, side);
    if (d->code == WESS_TOO_BIG) {
        of[0]->got[side] = WESS_TOO_BIG;
        d->code = WESS_OK;
        return true;
    }
    for (size_t i = 0; d->code == WESS_OK && i < n; i++)
        if (!take(d, of[i], side, &res[i]))
            return false;
    return d->code == WESS_OK;
}

/* While it was listed, and at the revision that it was listed with. */
static bool was_read(struct reading *d, struct entry *e, enum side side)
{
    const struct ahead *ahead = d->run->ahead[side];
    const struct item_row *row = &e->row[side];
    struct content *content = ahead ? arena_alloc(d->arena, sizeof(*content)) : NULL;
    if (!content || !ahead_take(ahead, d->arena, row->id, row->revision, content))
        return false;
    e->got[side] = WESS_OK;
    e->now[side] = content;
    e->now_rev[side] = row->revision;
    d->fetched++;
    return true;
}

static bool read_side(struct reading *d, enum side side)
{
    const struct wess_collection *c = d->run->side[side].collection;
    size_t n = 0, most = c->fetch_max ? c->fetch_max : 100;
    struct entry **of = arena_alloc(d->arena, (d->n + 1) * sizeof(*of));
    if (!of)
        return no_memory(d);
    for (size_t i = 0; i < d->n; i++)
        if (wants(&d->of[i], side) && !was_read(d, &d->of[i], side))
            of[n++] = &d->of[i];
    for (size_t at = 0; at < n; at += most)
        if (run_cancelled(d->run) || !ask_for(d, of + at, n - at < most ? n - at : most, side))
            return false;
    return true;
}

static void *read_sides(void *ctx)
{
    struct reading *d = ctx;
    if (read_side(d, LEFT))
        read_side(d, RIGHT);
    arena_reset(d->call); /* before what was taken of it is planned */
    d->spent |= content_unsure();
    return NULL;
}

/* ---- a part, beside the planning of the one before it
 * --------------------------------------------------------------------------- */

static bool start(struct reading *d, struct entry *of, size_t n)
{
    arena_reset(d->arena);
    d->of = of;
    d->n = n;
    d->fetched = 0;
    d->code = WESS_OK;
    d->spent = d->back = false;
    bool any = false;
    for (size_t i = 0; i < n; i++)
        needs(&of[i]);
    if (!look_into_cache(d))
        return false;
    for (size_t i = 0; i < n; i++)
        any |= wants(&of[i], LEFT) || wants(&of[i], RIGHT);
    d->threaded = any && pthread_create(&d->thread, NULL, read_sides, d) == 0;
    if (any && !d->threaded)
        read_sides(d);
    return true;
}

static void await(struct reading *d)
{
    if (d->threaded)
        pthread_join(d->thread, NULL);
    d->threaded = false;
}

/* What the thread found; of what it read before it failed the cache keeps what it can. */
static bool finish(struct reading *d)
{
    struct run *r = d->run;
    bool gone[2] = {false, false};
    r->report.fetched += (int64_t)d->fetched;
    if (d->spent)
        return run_memory(r);
    if (d->back)
        return run_back(r, d->side);
    if (!into_cache(d, LEFT) || !into_cache(d, RIGHT))
        return false;
    if (d->code != WESS_OK)
        return run_trouble(r, d->side, d->code, &d->error, "fetch");
    for (size_t i = 0; i < d->n; i++)
        for (int s = LEFT; s <= RIGHT; s++)
            gone[s] |= d->of[i].need[s] && d->of[i].got[s] == WESS_GONE;
    for (int s = LEFT; s <= RIGHT; s++)
        if (gone[s] && !newest_there(r, (enum side)s, false))
            return false;
    return !run_cancelled(r) && run_sound(r, d->arena);
}

static bool read_and_plan(struct run *r, struct batch *b, size_t part, struct reading two[2])
{
    struct reading *now = &two[0], *coming = &two[1];
    bool ok = start(now, b->of, b->n < part ? b->n : part);
    for (size_t at = 0; ok && at < b->n; at += part) {
        size_t behind = b->n - at > part ? b->n - at - part : 0;
        await(now);
        if (behind)
            ok = start(coming, now->of + part, behind < part ? behind : part);
        ok = finish(now) && ok && plan_entries(r, now->arena, now->of, now->n);
        struct reading *planned = now;
        now = coming;
        coming = planned;
    }
    await(&two[0]);
    await(&two[1]);
    return ok;
}

bool batch_read(struct run *r, struct batch *b, size_t part)
{
    struct reading two[2];
    bool whole = true;
    for (int i = 0; i < 2; i++) {
        two[i] = (struct reading){
            .run = r, .arena = arena_new(ARENA_BUDGET), .call = arena_new(ARENA_BUDGET)};
        whole &= two[i].arena && two[i].call;
    }
    bool ok = whole ? !b->n || read_and_plan(r, b, part, two) : run_memory(r);
    for (int i = 0; i < 2; i++) {
        arena_free(two[i].arena);
        arena_free(two[i].call);
    }
    return ok;
}
