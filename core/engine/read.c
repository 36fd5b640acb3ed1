/* The stage "fetch": content of what takes part and changed; of a shared feed once a revision for
 * all users of the round. A thread of its own reads one part of a batch after the other: first,
 * while the batch is matched, what is needed whatever that finds; then the twins that were found.
 * Each part is planned as soon as it was read. The thread touches nothing of the store. */
#include "engine/run.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "feed/back.h"

/* What is read of some entries of a batch. */
struct part {
    struct run *run;
    struct wess_arena *arena, *call; /* contents; the answer of one call, of all parts */
    struct entry *of;
    size_t n;
    /* out */
    size_t fetched;
    enum wess_code code; /* of `side`, as is `error` */
    struct wess_error error;
    enum side side;
    bool spent, back; /* back: `side` was put back to an earlier time */
};
struct reader {
    struct run *run;
    struct wess_arena *call;
    struct part parts[PARTS_MOST];
    size_t n;
    pthread_t thread;
    bool threaded;
    pthread_mutex_t lock; /* what follows */
    pthread_cond_t changed;
    bool matched; /* the twins are known */
    size_t read;  /* parts that are read, or will not be */
};

static bool differs(const char *a, const char *b)
{
    return !a || !b || strcmp(a, b) != 0;
}

/* Of a twin that was found nothing is known here yet. */
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

/* ---- what the index holds: of shared feeds, of a run that was cut off, and of what is filed what
 * its listing told
 * --------------------------------------------------------------------------- */

static bool from_cache(struct run *r, struct wess_arena *a, struct entry *e, enum side side)
{
    const struct item_row *row = &e->row[side];
    struct wess_slice body;
    /* Whom filed mail is related to its listing does not tell. */
    bool told = r->pair->files && e->act != ACT_FILE;
    if ((!run_keeps(r, side) && !told) || !row->content ||
        differs(row->content_rev, row->revision) || item_body(r->db, a, row->id, &body) != STORE_OK)
        return !db_failed(r->db) || run_store_failed(r);
    struct content *content = arena_alloc(a, sizeof(*content));
    if (!content || !decode_content(a, body, content))
        return run_memory(r);
    e->now[side] = content;
    e->now_rev[side] = row->revision;
    e->got[side] = WESS_OK;
    return true;
}

/* Of a twin before it is said to be needed: from then on it is the thread's. */
static bool look_into_cache(struct run *r, const struct batch *b, bool twins)
{
    for (size_t i = 0; i < b->n; i++)
        for (int s = LEFT; s <= RIGHT; s++) {
            struct entry *e = &b->of[i];
            bool asked = twins ? e->fresh && s != (int)e->todo.side : wants(e, (enum side)s);
            if (asked && !from_cache(r, b->arena, e, (enum side)s))
                return false;
        }
    return true;
}

static bool into_cache(struct part *d, enum side side)
{
    struct run *r = d->run;
    bool any = false;
    for (size_t i = 0; i < d->n; i++)
        any |= d->of[i].read[side];
    if (!run_keeps(r, side) || !any)
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

static bool no_memory(struct part *d)
{
    d->spent = true;
    return false;
}

static bool take(struct part *d, struct entry *e, enum side side, const struct wess_result *res)
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
static bool ask_for(struct part *d, struct entry **of, size_t n, enum side side)
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
static bool was_read(struct part *d, struct entry *e, enum side side)
{
    struct ahead *ahead = d->run->ahead[side];
    const struct item_row *row = &e->row[side];
    struct content *content = ahead ? arena_alloc(d->arena, sizeof(*content)) : NULL;
    if (!content || !ahead_take(ahead, d->arena, row->id, row->revision, content))
        return false;
    e->got[side] = WESS_OK;
    e->now[side] = content;
    e->now_rev[side] = row->revision;
    e->read[side] = true;
    d->fetched++;
    return true;
}

/* What is read ahead and what is asked for here do not go at the same time, and a pause that the
 * one was asked for is for both. */
static bool goes_alone(struct part *d, enum side side)
{
    struct ahead *ahead = d->run->ahead[side];
    if (!ahead)
        return true;
    ahead_await(ahead);
    d->side = side;
    d->code = ahead_pause(ahead, &d->error);
    return d->code == WESS_OK;
}

static bool read_side(struct part *d, enum side side)
{
    const struct wess_collection *c = d->run->side[side].collection;
    size_t n = 0, most = c->fetch_max ? c->fetch_max : 100;
    struct entry **of = arena_alloc(d->arena, (d->n + 1) * sizeof(*of));
    if (!of)
        return no_memory(d);
    for (size_t i = 0; i < d->n; i++)
        if (wants(&d->of[i], side) && !was_read(d, &d->of[i], side))
            of[n++] = &d->of[i];
    if (n && !goes_alone(d, side))
        return false;
    for (size_t at = 0; at < n; at += most)
        if (run_cancelled(d->run) || !ask_for(d, of + at, n - at < most ? n - at : most, side))
            return false;
    return true;
}

static bool read_part(struct part *d)
{
    bool ok = read_side(d, LEFT) && read_side(d, RIGHT);
    arena_reset(d->call); /* before what was taken of it is planned */
    d->spent |= content_unsure();
    return ok && !d->spent;
}

/* ---- the thread, beside the matching and the planning
 * --------------------------------------------------------------------------- */

static bool is_matched(struct reader *rd, bool wait)
{
    pthread_mutex_lock(&rd->lock);
    while (wait && !rd->matched)
        pthread_cond_wait(&rd->changed, &rd->lock);
    bool matched = rd->matched;
    pthread_mutex_unlock(&rd->lock);
    return matched;
}

static void tell_matched(struct reader *rd)
{
    pthread_mutex_lock(&rd->lock);
    rd->matched = true;
    pthread_cond_signal(&rd->changed);
    pthread_mutex_unlock(&rd->lock);
}

static void tell_read(struct reader *rd, size_t parts)
{
    pthread_mutex_lock(&rd->lock);
    rd->read = parts;
    pthread_cond_signal(&rd->changed);
    pthread_mutex_unlock(&rd->lock);
}

static void need_twins(struct part *d)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->of[i].fresh)
            needs(&d->of[i]);
}

/* What fails ends the reading, and is told when its part is planned. */
static void *read_parts(void *ctx)
{
    struct reader *rd = ctx;
    bool ok = true;
    for (size_t i = 0; ok && i < rd->n && !is_matched(rd, false); i++)
        ok = read_part(&rd->parts[i]);
    is_matched(rd, true);
    for (size_t i = 0; i < rd->n; i++) {
        need_twins(&rd->parts[i]);
        ok = ok && read_part(&rd->parts[i]);
        tell_read(rd, i + 1);
    }
    return NULL;
}

static bool is_read(struct reader *rd, size_t part, bool wait)
{
    pthread_mutex_lock(&rd->lock);
    while (wait && rd->threaded && rd->read <= part)
        pthread_cond_wait(&rd->changed, &rd->lock);
    bool read = !rd->threaded || rd->read > part;
    pthread_mutex_unlock(&rd->lock);
    return read;
}

static void await_all(struct reader *rd)
{
    tell_matched(rd);
    if (rd->threaded)
        pthread_join(rd->thread, NULL);
    rd->threaded = false;
}

/* ---- a batch
 * --------------------------------------------------------------------------- */

struct reader *reader_new(struct run *r)
{
    struct reader *rd = calloc(1, sizeof(*rd));
    if (!rd)
        return NULL;
    pthread_mutex_init(&rd->lock, NULL);
    pthread_cond_init(&rd->changed, NULL);
    rd->run = r;
    rd->call = arena_new(ARENA_BUDGET);
    if (rd->call)
        return rd;
    reader_free(rd);
    return NULL;
}

void reader_free(struct reader *rd)
{
    if (!rd)
        return;
    await_all(rd);
    for (size_t i = 0; i < PARTS_MOST; i++)
        arena_free(rd->parts[i].arena);
    arena_free(rd->call);
    pthread_cond_destroy(&rd->changed);
    pthread_mutex_destroy(&rd->lock);
    free(rd);
}

static bool share_out(struct reader *rd, const struct batch *b, size_t size)
{
    rd->n = 0;
    rd->read = 0;
    rd->matched = false;
    for (size_t at = 0; at < b->n; at += size) {
        struct part *d = &rd->parts[rd->n++];
        struct wess_arena *arena = d->arena ? d->arena : arena_new(ARENA_BUDGET);
        if (!arena)
            return false;
        arena_reset(arena);
        *d = (struct part){.run = rd->run,
                           .arena = arena,
                           .call = rd->call,
                           .of = b->of + at,
                           .n = b->n - at < size ? b->n - at : size};
    }
    return true;
}

static bool wants_any(const struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        if (wants(&b->of[i], LEFT) || wants(&b->of[i], RIGHT))
            return true;
    return false;
}

bool reader_begin(struct reader *rd, struct batch *b, size_t part)
{
    await_all(rd);
    if (!share_out(rd, b, part))
        return run_memory(rd->run);
    for (size_t i = 0; i < b->n; i++)
        needs(&b->of[i]);
    if (!look_into_cache(rd->run, b, false))
        return false;
    rd->threaded = wants_any(b) && pthread_create(&rd->thread, NULL, read_parts, rd) == 0;
    return true;
}

static bool any_gone(const struct part *d, bool gone[2])
{
    for (size_t i = 0; i < d->n; i++)
        for (int s = LEFT; s <= RIGHT; s++)
            gone[s] |= d->of[i].need[s] && d->of[i].got[s] == WESS_GONE;
    return gone[LEFT] || gone[RIGHT];
}

/* What the thread found; of what it read before it failed the cache keeps what it can. */
static bool finish(struct reader *rd, struct part *d)
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
    if (any_gone(d, gone))
        await_all(rd); /* a connection takes one call at a time */
    for (int s = LEFT; s <= RIGHT; s++)
        if (gone[s] && !r->side[s].missed && !newest_missed(r, (enum side)s, &r->side[s].missed))
            return false;
    return !run_cancelled(r) && run_sound(r, d->arena);
}

/* Whether a part can be planned in the transaction of the one before it: it is read, and nothing is
 * to be asked, stored or told of it first. */
static bool joins(struct reader *rd, size_t part)
{
    struct run *r = rd->run;
    bool gone[2] = {false, false};
    if (run_cancelled(r) || run_keeps(r, LEFT) || run_keeps(r, RIGHT) || !is_read(rd, part, false))
        return false;
    const struct part *d = &rd->parts[part];
    return !d->spent && !d->back && d->code == WESS_OK && !any_gone(d, gone);
}

bool reader_plan(struct reader *rd, struct batch *b)
{
    struct run *r = rd->run;
    bool ok = look_into_cache(r, b, true), open = false;
    tell_matched(rd);
    if (ok && !rd->threaded) /* what is there was not needed before the twins were known */
        read_parts(rd);
    for (size_t i = 0; ok && i < rd->n; i++) {
        struct part *d = &rd->parts[i];
        if (open && !joins(rd, i)) {
            ok = db_commit(r->db) == STORE_OK || run_store_failed(r);
            open = false;
        }
        is_read(rd, i, true);
        ok = ok && finish(rd, d);
        if (ok && !open)
            ok = open = db_begin_soft(r->db) == STORE_OK || run_store_failed(r);
        ok = ok && plan_entries(r, d->arena, d->of, d->n);
        arena_reset(d->arena);
    }
    if (ok && open)
        ok = db_commit(r->db) == STORE_OK || run_store_failed(r);
    else if (open) /* cancelled: what was planned is planned anew */
        db_rollback(r->db);
    await_all(rd);
    return ok;
}
