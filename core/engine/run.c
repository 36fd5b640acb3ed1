/* A run from its opening to its report. */
#include "engine/run.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "feed/back.h"

#define PASSES_MAX 5   /* conflicts and late changes are merged again this often in one run */
#define PART_LEAST 50u /* to-dos of one part of a batch */
#define PART_DEFAULT 200u

/* ---- opening
 * --------------------------------------------------------------------------------------- */

struct opening { /* both sides describe themselves at the same time */
    struct conn *conn;
    const struct wess_schema *schema;
    enum wess_code code;
    struct wess_error error;
    pthread_t thread;
    bool threaded;
};

static void *describe(void *ctx)
{
    struct opening *o = ctx;
    o->schema = conn_schema(o->conn, &o->error, &o->code);
    return NULL;
}

static void describe_both(struct run *r, struct opening of[2])
{
    for (int s = LEFT; s <= RIGHT; s++)
        of[s] = (struct opening){.conn = r->side[s].conn};
    of[LEFT].threaded = of[LEFT].conn != of[RIGHT].conn &&
                        pthread_create(&of[LEFT].thread, NULL, describe, &of[LEFT]) == 0;
    describe(&of[RIGHT]);
    if (of[LEFT].threaded)
        pthread_join(of[LEFT].thread, NULL);
    else
        describe(&of[LEFT]);
}

/* What a tag source says is not asked here. */
static bool takes_part(void *ctx, struct wess_arena *a, const struct wess_item *facts)
{
    const struct selector *s = ctx;
    return s->source || selector_judge(s, a, facts) == CHOSEN;
}

static void show_series(struct run_side *side, const char *collection)
{
    side->view = (struct series_view){.window = side->selector.series,
                                      .wanted = side->common ? NULL : takes_part,
                                      .ctx = &side->selector};
    conn_series(side->conn, collection, side->selector.series.until_ms ? &side->view : NULL);
}

static bool open_side(struct run *r, enum side s, const struct opening *o)
{
    struct run_side *side = &r->side[s];
    struct wess_error error = o->error;
    enum wess_code rc = o->code;
    side->schema = o->schema;
    if (!side->schema)
        return run_trouble(r, s, rc, &error, "describe");
    show_series(side, r->pair->collection[s]);
    side->collection = conn_collection(side->conn, r->pair->collection[s], &error, &rc);
    if (!side->collection)
        return run_trouble(r, s, rc, &error, "describe");
    const char *user = side->shared ? "" : r->user->id;
    if (feed_get(r->db, r->arena, side->endpoint->name, user, r->pair->collection[s],
                 &side->feed) != STORE_OK)
        return run_store_failed(r);
    return true;
}

/* Another mailbox or database behind the same name is not ours to write to. */
static bool check_identity(struct run *r, enum side s)
{
    struct run_side *side = &r->side[s];
    const char *now = side->schema->identity ? side->schema->identity : "";
    const char *gen = side->collection->generation ? side->collection->generation : "";
    const char *was = side->feed.identity ? side->feed.identity : "";
    if (*was && strcmp(was, now)) {
        r->report.status = status_worse(r->report.status, EXIT_USAGE);
        snprintf(r->report.text, sizeof(r->report.text),
                 "%s is another mailbox or database than the one linked so far; nothing was read "
                 "or written. If that is meant, give it an endpoint name of its own",
                 side->endpoint->name);
        return false;
    }
    if (*was && !strcmp(side->feed.generation ? side->feed.generation : "", gen))
        return true;
    if (db_begin(r->db) != STORE_OK)
        return run_store_failed(r);
    feed_identity(r->db, side->feed.id, now, gen);
    feed_get(r->db, r->arena, side->feed.endpoint, side->feed.user, side->feed.collection,
             &side->feed);
    return db_commit(r->db) == STORE_OK || run_store_failed(r);
}

/* Two names of one place: all that is made on one side would be new on the other. */
static bool are_two_places(struct run *r)
{
    const char *left = r->side[LEFT].schema->identity, *right = r->side[RIGHT].schema->identity;
    if (!left || !*left || !right || strcmp(left, right) != 0 ||
        strcmp(r->pair->collection[LEFT], r->pair->collection[RIGHT]) != 0)
        return true;
    r->report.status = status_worse(r->report.status, EXIT_USAGE);
    snprintf(r->report.text, sizeof(r->report.text),
             "%s and %s are one and the same place; nothing was read or written. A pair needs two",
             r->side[LEFT].endpoint->name, r->side[RIGHT].endpoint->name);
    return false;
}

/* What a check saw this remote not keep. */
static bool heed_lacks(struct run *r, enum side s)
{
    struct run_side *side = &r->side[s];
    uint64_t caps = 0;
    if (lacks_get(r->db, side->endpoint->name, side->schema->identity, &caps) == STORE_FAIL)
        return run_store_failed(r);
    conn_lacks(side->conn, caps);
    return true;
}

/* What is chosen by the other side travels all the same. */
static void heed_names(struct run *r, enum side s)
{
    const char *wrong = conn_pair_wrong(r->side[s].conn, r->pair, (int)s, r->user, r->arena, false);
    if (!wrong || *r->report.text)
        return;
    r->report.status = status_worse(r->report.status, EXIT_USAGE);
    snprintf(r->report.text, sizeof(r->report.text), "%s", wrong);
    log_line(WESS_LOG_WARN, "pair %s user %s: it asks for what is not there", r->pair->name,
             r->user->id);
}

static bool open_run(struct run *r)
{
    struct opening sides[2];
    for (int s = LEFT; s <= RIGHT; s++)
        if (run_resting(r, (enum side)s))
            return false;
    describe_both(r, sides);
    for (int s = LEFT; s <= RIGHT; s++)
        if (!open_side(r, (enum side)s, &sides[s]) || !check_identity(r, (enum side)s))
            return false;
    if (!are_two_places(r))
        return false;
    for (int s = LEFT; s <= RIGHT; s++)
        if (!heed_lacks(r, (enum side)s))
            return false;
    for (int s = LEFT; s <= RIGHT; s++)
        heed_names(r, (enum side)s);
    for (int s = LEFT; s <= RIGHT; s++)
        conn_allow_writes(r->side[s].conn, r->side[s].writable && !r->dry);
    r->report.first_meeting = !r->pu.met;
    r->cut_off = r->pu.last_run_ms > r->pu.last_ok_ms;
    if (r->dry)
        return true;
    if (db_begin(r->db) != STORE_OK)
        return run_store_failed(r);
    run_begin(r->db, r->pu.id, clock_now_ms(), &r->id);
    ops_drop_planned(r->db, r->pu.id);
    if (db_commit(r->db) != STORE_OK)
        return run_store_failed(r);
    round_enter(r);
    return true;
}

/* ---- pull
 * ------------------------------------------------------------------------------------------ */

struct pull run_pull_of(struct run *r, enum side s)
{
    struct run_side *side = &r->side[s];
    return (struct pull){.store = r->store,
                         .db = r->db,
                         .conn = side->conn,
                         .collection = side->collection,
                         .feed = &side->feed,
                         .site = r->cfg->site,
                         .identity = side->schema->identity,
                         .by_name = config_by_name(r->cfg),
                         .filed = r->pair->files && s == LEFT ? r->pair->kind : NULL,
                         .whole_after_ms = r->pair->files ? 0 : r->cfg->full_check_ms,
                         .cancelled = round_options(r)->cancelled,
                         .live = round_live,
                         .ctx = r->round};
}

bool run_back(struct run *r, enum side s)
{
    r->report.status = status_worse(r->report.status, EXIT_HELD);
    snprintf(r->report.text, sizeof(r->report.text), "%s: %s", r->side[s].endpoint->name,
             back_text);
    log_line(WESS_LOG_ERROR, "pair %s user %s: %s", r->pair->name, r->user->id, r->report.text);
    return false;
}

bool run_pulled(struct run *r, enum side s, const struct pull *p)
{
    struct wess_error error = p->error;
    r->report.side[s].read += p->read;
    if (p->store_failed)
        return run_store_failed(r);
    if (p->spent)
        return run_memory(r);
    if (p->code != WESS_OK)
        return run_trouble(r, s, p->code, &error, "read changes");
    if (p->back)
        return run_back(r, s);
    run_welcome(r, s);
    return true;
}

/* Of a feed of this user's own. */
static bool own_begin(struct run *r, enum side s, struct pull *p)
{
    struct feed_row *f = &r->side[s].feed;
    *p = run_pull_of(r, s);
    p->n_subs = round_subscribers(r, s, &p->subs);
    if (!p->subs)
        return run_memory(r);
    return feed_get(r->db, r->arena, f->endpoint, f->user, f->collection, f) == STORE_OK ||
           run_store_failed(r);
}

bool run_look_up(struct run *r, enum side s, int64_t *changed)
{
    struct pull p, *one = &p;
    bool own = !r->side[s].shared, reads = false;
    bool ok = own ? own_begin(r, s, &p) : round_shared_begin(r, s, true, &p, &reads);
    if (ok)
        feed_pull(&one, 1);
    *changed = ok ? p.changed : 0;
    if (own)
        return ok && run_pulled(r, s, &p);
    return reads ? round_shared_end(r, s, &p, ok) && ok : ok;
}

/* ---- both sides at the same time --------------------------------------------------------------
 */

struct reading {
    struct pull of[2];
    bool reads[2];
};

/* A long listing of a remote that takes calls side by side, of a feed that is this run's alone, and
 * of which all that is new is read in this run: whole, with no files that pass through. Where many
 * run at once they keep each other busy, and memory is shared. Less goes together than a call
 * takes: the listing has its part of what is in flight. */
static bool reads_ahead(const struct run *r, const struct pull *p, enum side s)
{
    const struct run_side *side = &r->side[s];
    return conn_stats(side->conn)->requests && side->schema->calls_max != 1 &&
           side->schema->identity && p->n_subs == 1 && !r->pair->per_run && !r->pair->files &&
           !r->spool && round_active(r) == 1;
}

static void begin_ahead(struct run *r, struct pull *p, enum side s)
{
    const struct run_side *side = &r->side[s];
    const struct wess_collection *c = side->collection;
    size_t most = c->fetch_max > PART_DEFAULT ? c->fetch_max : PART_DEFAULT;
    if (!reads_ahead(r, p, s))
        return;
    p->ahead = r->ahead[s] =
        ahead_new(&(struct ahead_of){.cfg = r->cfg,
                                     .endpoint = side->endpoint,
                                     .user = side->endpoint->per_user ? r->user : NULL,
                                     .cancelled = round_options(r)->cancelled,
                                     .identity = side->schema->identity,
                                     .collection = c->id,
                                     .view = conn_view(side->conn, c->id),
                                     .kind = r->pair->kind,
                                     .flags = read_flags(r, s),
                                     .at_once = most / 4 * 3,
                                     .each = most / 4});
}

/* What was listed whole is read to its end, while it is planned; else nobody needs it. */
static void end_ahead(struct run *r, const struct pull *p, enum side s)
{
    if (r->ahead[s] && p->code == WESS_OK)
        ahead_all(r->ahead[s]);
    else if (r->ahead[s])
        ahead_stop(r->ahead[s]);
}

/* Two threads that read have left holes in the heap: what is written now needs the pages. */
static void drop_ahead(struct run *r)
{
    bool any = r->ahead[LEFT] || r->ahead[RIGHT];
    for (int s = LEFT; s <= RIGHT; s++) {
        if (!r->ahead[s])
            continue;
        struct conn_stats traffic = ahead_stop(r->ahead[s]);
        r->report.requests += traffic.requests;
        r->report.bytes += traffic.bytes_in + traffic.bytes_out;
        ahead_free(r->ahead[s]);
        r->ahead[s] = NULL;
    }
    if (any)
        malloc_trim(0);
}

static bool begin_reading(struct run *r, struct reading *d, enum side s, bool from_start)
{
    struct pull *p = &d->of[s];
    if (r->side[s].shared)
        return round_shared_begin(r, s, false, p, &d->reads[s]);
    *p = run_pull_of(r, s);
    p->from_start = from_start;
    p->n_subs = round_subscribers(r, s, &p->subs);
    d->reads[s] = true;
    begin_ahead(r, p, s);
    return p->subs || run_memory(r);
}

/* What tag sources have changed their mind about is judged first; a side of which that cannot be
 * said is not read on. */
static void read_on(struct run *r, struct reading *d)
{
    struct pull *of[2];
    size_t n = 0;
    for (int s = RIGHT; s >= LEFT; s--) {
        if (!d->reads[s])
            continue;
        feed_judge_again(&d->of[s]);
        if (d->of[s].code == WESS_OK && !d->of[s].store_failed && !d->of[s].spent)
            of[n++] = &d->of[s];
    }
    if (n == 2 && r->side[LEFT].conn == r->side[RIGHT].conn) {
        feed_pull(&of[0], 1);
        feed_pull(&of[1], 1);
    } else {
        feed_pull(of, n);
    }
}

static bool end_reading(struct run *r, const struct reading *d, enum side s, bool read)
{
    if (!d->reads[s])
        return true;
    if (r->side[s].shared)
        return round_shared_end(r, s, &d->of[s], read);
    end_ahead(r, &d->of[s], s);
    return !read || run_pulled(r, s, &d->of[s]);
}

/* Whoever locks two shared feeds does it in the same order. */
static bool read_sides(struct run *r, bool from_start)
{
    struct reading d = {.of = {{.n_subs = 0}}};
    bool ok = true, right_first = r->side[RIGHT].shared >= r->side[LEFT].shared;
    for (int i = 0; ok && i < 2; i++)
        ok = begin_reading(r, &d, (i == 0) == right_first ? RIGHT : LEFT, from_start);
    bool read = ok;
    if (read)
        read_on(r, &d);
    ok &= end_reading(r, &d, RIGHT, read);
    ok &= end_reading(r, &d, LEFT, read);
    return ok;
}

static bool pull(struct run *r)
{
    struct wess_slice digest;
    struct selector sel[2] = {r->side[LEFT].selector, r->side[RIGHT].selector};
    if (!selector_digest(r->arena, sel, config_by_name(r->cfg), &digest))
        return run_memory(r);
    bool changed = digest.len != r->pu.select_digest.len ||
                   memcmp(digest.data, r->pu.select_digest.data, digest.len) != 0;
    if (!sources_read(r) || !read_sides(r, changed))
        return false;
    if (!changed)
        return true;
    r->pu.select_digest = digest;
    if (db_begin(r->db) != STORE_OK)
        return run_store_failed(r);
    pu_save(r->db, &r->pu);
    return db_commit(r->db) == STORE_OK || run_store_failed(r);
}

/* ---- planning
 * -------------------------------------------------------------------------------------- */

/* What is read at once: as much as keeps a connection's lanes busy, less when many users run at
 * once: memory is shared. */
static size_t part_size(const struct run *r)
{
    size_t most = PART_DEFAULT, active = round_active(r);
    for (int s = LEFT; s <= RIGHT; s++)
        if (!r->side[s].common && r->side[s].collection->fetch_max > most)
            most = r->side[s].collection->fetch_max;
    most /= active ? active : 1;
    return most < PART_LEAST ? PART_LEAST : most;
}

static size_t batch_size(size_t part)
{
    size_t parts = part < BATCH_MOST ? BATCH_MOST / part : 1;
    return part * (parts < PARTS_MOST ? parts : PARTS_MOST);
}

static bool plan_batch(struct run *r, struct batch *b, struct reader *rd,
                       const struct todo_row *todos, size_t n, size_t part)
{
    return batch_load(r, b, todos, n) && run_sound(r, b->arena) && batch_weigh(r, b) &&
           run_sound(r, b->arena) && reader_begin(rd, b, part) && batch_match(r, b) &&
           run_sound(r, b->arena) && reader_plan(rd, b);
}

/* What is planned so far, and not carried out. */
static bool count_planned(struct run *r, int64_t *sum)
{
    static const enum op_what all[] = {OP_LINK, OP_CREATE, OP_UPDATE, OP_DELETE, OP_END};
    *sum = 0;
    for (size_t i = 0; i < 2 * sizeof(all) / sizeof(all[0]); i++) {
        int64_t n = 0;
        if (ops_planned(r->db, r->pu.id, all[i / 2], -1, i % 2 != 0, &n) != STORE_OK)
            return run_store_failed(r);
        *sum += n;
    }
    return true;
}

/* Where a run takes up so much and no more the newest go first. *n = 0: that is all, or so much. */
static bool next_todos(struct run *r, const struct todo_row *last, struct todo_row *out, size_t cap,
                       size_t *n)
{
    int64_t planned = 0, room = r->pair->per_run;
    *n = 0;
    if (!room)
        return todo_next(r->db, r->pu.id, last, out, cap, n) != STORE_FAIL || run_store_failed(r);
    if (!count_planned(r, &planned))
        return false;
    room -= r->taken_up + planned;
    if (room <= 0)
        return true;
    return todo_newest(r->db, r->pu.id, last, out, room < (int64_t)cap ? (size_t)room : cap, n) !=
               STORE_FAIL ||
           run_store_failed(r);
}

/* What is left is for the next runs. */
static bool take_up(struct run *r, int64_t left)
{
    int64_t planned = 0;
    if (!count_planned(r, &planned))
        return false;
    r->taken_up += planned;
    r->report.later = r->taken_up >= r->pair->per_run ? left : 0;
    return true;
}

static bool plan_all(struct run *r)
{
    size_t part = part_size(r), most = batch_size(part), n = most;
    int64_t done = 0, todo = 0, held = 0;
    struct todo_row last = {0};
    struct batch b = {.arena = arena_new(ARENA_BUDGET)};
    struct reader *rd = reader_new(r);
    struct todo_row *todos = arena_alloc(r->arena, most * sizeof(*todos));
    bool ok = (b.arena && rd && todos) || run_memory(r);
    content_unsure(); /* of an earlier run of this thread */
    if (ok && todo_count(r->db, r->pu.id, &todo, &held) != STORE_OK)
        ok = run_store_failed(r);
    while (ok && n) {
        ok = next_todos(r, &last, todos, most, &n);
        if (!ok || !n)
            break;
        arena_reset(b.arena);
        ok = !run_cancelled(r) && plan_batch(r, &b, rd, todos, n, part);
        if (b.taken)
            last = todos[b.taken - 1];
        done += (int64_t)b.taken;
        round_progress(r, "plan", done, todo);
    }
    if (ok && r->pair->per_run)
        ok = take_up(r, todo - done);
    reader_free(rd);
    arena_free(b.arena);
    return ok;
}

static bool plan_met(struct run *r)
{
    size_t part = part_size(r), most = batch_size(part);
    struct batch b = {.arena = r->n_met ? arena_new(ARENA_BUDGET) : NULL};
    struct reader *rd = r->n_met ? reader_new(r) : NULL;
    bool ok = (b.arena && rd) || !r->n_met || run_memory(r);
    for (size_t at = 0, n; ok && at < r->n_met; at += b.taken) {
        n = r->n_met - at < most ? r->n_met - at : most;
        arena_reset(b.arena);
        ok = plan_batch(r, &b, rd, r->met + at, n, part);
        if (!b.taken)
            break;
    }
    reader_free(rd);
    arena_free(b.arena);
    return ok;
}

static bool still_whole(struct run *r)
{
    for (int s = LEFT; s <= RIGHT; s++) {
        if (r->side[s].missed && !newest_there(r, (enum side)s))
            return false;
        r->side[s].missed = false;
    }
    return true;
}

static bool one_pass(struct run *r)
{
    r->progress = 0;
    if (!plan_all(r) || !plan_met(r) || !still_whole(r) || !guard_run(r))
        return false;
    drop_ahead(r);
    if (r->dry)
        return report_plan(r);
    return claim_run(r) && apply_run(r);
}

/* What the pass before could not send is planned anew with its to-do, not beside it. */
static bool begin_again(struct run *r)
{
    if (db_begin(r->db) != STORE_OK)
        return run_store_failed(r);
    ops_drop_planned(r->db, r->pu.id);
    return db_commit(r->db) == STORE_OK || run_store_failed(r);
}

static bool passes(struct run *r)
{
    for (int i = 0; i < PASSES_MAX; i++) {
        if ((i && !begin_again(r)) || !one_pass(r))
            return false;
        if (r->dry || !r->progress)
            break;
    }
    return true;
}

/* ---- closing
 * --------------------------------------------------------------------------------------- */

/* What was kept of runs that were cut off. */
static void drop_kept(struct run *r)
{
    for (int s = LEFT; s <= RIGHT; s++)
        if (run_keeps(r, (enum side)s) && !r->side[s].common)
            items_drop_content(r->db, r->side[s].feed.id);
}

static void close_run(struct run *r, bool whole)
{
    if (r->dry || !r->id)
        return;
    if (db_begin(r->db) != STORE_OK) {
        run_store_failed(r);
        return;
    }
    ops_drop_planned(r->db, r->pu.id);
    keys_follow(r->db, KEYS_FEW);
    r->pu.last_run_ms = clock_now_ms();
    if (whole) {
        drop_kept(r);
        r->pu.met |= !r->report.later;
        r->pu.last_ok_ms = r->pu.last_run_ms;
    }
    pu_save(r->db, &r->pu);
    if (db_commit(r->db) != STORE_OK)
        run_store_failed(r);
}

void run_pair(struct run *r)
{
    int64_t began = clock_now_ms();
    bool whole = open_run(r) && file_begin(r) && (r->dry || recover_writes(r)) && pull(r) &&
                 (r->dry || recover_creates(r)) && relate_meet(r) && passes(r) && relate_run(r);
    file_end(r);
    drop_ahead(r);
    close_run(r, whole);
    report_write(r, began);
}
