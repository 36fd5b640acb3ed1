/* The stage "settle": what the answer to one operation means for links, shadows, to-dos and the
 * journal. Runs within the transaction of its batch, so that it is all there or not at all. */
#include "engine/run.h"

#include <stdio.h>
#include <string.h>

#include "feed/seen.h"
#include "model/text.h"

/* ---- refused values
 * -------------------------------------------------------------------------------- */

static bool is_refused(const struct wess_result *res, const char *field)
{
    size_t len;
    for (size_t i = 0; i < res->n_refused; i++) {
        const char *name = res->refused[i].field;
        len = strlen(name);
        if (!strncmp(field, name, len) && (!field[len] || field[len] == '.'))
            return true;
        len = strlen(field);
        if (!strncmp(name, field, len) && name[len] == '.')
            return true;
    }
    return false;
}

static void park_refused(struct run *r, struct wess_arena *a, const struct op_row *op,
                         const struct wess_result *res)
{
    for (size_t i = 0; i < res->n_refused; i++)
        park_op(r, a, op, res->refused[i].field, res->refused[i].text, res->refused[i].remote_code);
}

/* `c` without the fields that were refused. */
static bool without(struct wess_arena *a, const struct content *c, const struct wess_result *res,
                    struct content *out)
{
    struct wess_field *of = arena_alloc(a, (c->n + 1) * sizeof(*of));
    size_t n = 0;
    for (size_t i = 0; of && i < c->n; i++)
        if (!is_refused(res, c->fields[i].name))
            of[n++] = c->fields[i];
    *out = (struct content){of, n};
    return of != NULL;
}

/* ---- shadows
 * --------------------------------------------------------------------------------------- */

/* What an answer shows of its item. */
struct shown {
    bool whole, keyed; /* the whole of it; its keys */
    struct content now;
    struct wess_slice body; /* the same, encoded */
    struct hash *keys;
    size_t n_keys;
};

static bool shown_by(const struct run *r, struct wess_arena *a, enum side side,
                     const struct wess_result *res, struct shown *out)
{
    const struct run_side *s = &r->side[side];
    const struct wess_item *item = res->current;
    const struct key_maker maker = {r->store, &s->feed, r->cfg->site, s->schema->identity,
                                    config_by_name(r->cfg)};
    *out = (struct shown){.whole = item && (item->flags & WESS_ITEM_WHOLE),
                          .keyed = item && item->n_keys};
    return (!out->whole || (content_canonical(r->pair->kind, a, item->fields, item->n_fields, NULL,
                                              &out->now, NULL) &&
                            encode_content(a, &out->now, &out->body))) &&
           (!out->keyed || facts_hashes(&maker, a, item, &out->keys, &out->n_keys));
}

static const char *field_names(struct wess_arena *a, const struct content *c)
{
    const char **of = arena_alloc(a, (c->n + 1) * sizeof(*of));
    for (size_t i = 0; of && i < c->n; i++)
        of[i] = c->fields[i].name;
    return of ? join_names(a, (struct wess_list){of, c->n}) : NULL;
}

/* `joined` with the names of `c` taken out, and put in again where `add`. */
static const char *names_less(struct wess_arena *a, const char *joined, const struct content *c,
                              bool add)
{
    struct wess_list old = split_names(a, joined);
    const char **of = arena_alloc(a, (old.n + c->n + 1) * sizeof(*of));
    size_t n = 0;
    for (size_t i = 0; of && i < old.n; i++) {
        bool in = false;
        for (size_t k = 0; k < c->n; k++)
            in |= !strcmp(old.of[i], c->fields[k].name);
        if (!in)
            of[n++] = old.of[i];
    }
    for (size_t k = 0; of && add && k < c->n; k++)
        of[n++] = c->fields[k].name;
    return of ? join_names(a, (struct wess_list){of, n}) : NULL;
}

static const char *names_more(struct wess_arena *a, const char *joined, const char *more)
{
    struct wess_list names = split_names(a, more);
    struct wess_field *of = arena_alloc(a, (names.n + 1) * sizeof(*of));
    for (size_t i = 0; of && i < names.n; i++)
        of[i] = (struct wess_field){.name = names.of[i]};
    return of ? names_less(a, joined, &(struct content){of, names.n}, true) : NULL;
}

/* With what the source had and that side takes from nobody: what it shows there instead is what it
 * made of the create, and nobody's edit. */
static const char *with_untold(struct run *r, struct wess_arena *a, enum side to,
                               const struct wess_slice *source, const char *joined)
{
    const struct wess_collection *c = r->side[to].collection;
    struct content had, untold;
    if (!joined || !decode_content(a, *source, &had))
        return NULL;
    struct wess_field *of = arena_alloc(a, (had.n + 1) * sizeof(*of));
    untold = (struct content){of, 0};
    for (size_t i = 0; of && i < had.n; i++)
        for (size_t k = 0; k < c->n_fields; k++)
            if ((c->fields[k].flags & WESS_FIELD_READ_ONLY) &&
                !strcmp(c->fields[k].name, had.fields[i].name))
                of[untold.n++] = had.fields[i];
    return of ? names_less(a, joined, &untold, true) : NULL;
}

/* ---- what is done in any case
 * ----------------------------------------------------------------------- */

static void done(struct run *r, const struct op_row *op, const char *code)
{
    op_done(r->db, op, code, clock_now_ms());
}

/* Reads again and merges again, in the next pass of this run. */
static void again(struct run *r, const struct op_row *op)
{
    int64_t sibling = 0;
    op_drop(r->db, op->id);
    if (op->link && op_of_link(r->db, op->link, other_side(op->side), &sibling) == STORE_OK)
        op_drop(r->db, sibling);
    if (op->item[op->side])
        todo_put(r->db, r->pu.id, op->side, op->item[op->side], NOT_CHOSEN);
    r->progress++;
}

/* Where both sides are written in one field, the left write says what the right one has become: it
 * does not go unless that went well. */
static void drop_dependent(struct run *r, struct wess_arena *a, const struct op_row *op)
{
    int64_t sibling = 0;
    struct op_row row;
    if (op->link && op_of_link(r->db, op->link, other_side(op->side), &sibling) == STORE_OK &&
        op_get(r->db, a, sibling, &row) == STORE_OK && row.unseen[op->side] &&
        *row.unseen[op->side])
        op_drop(r->db, sibling);
}

static void close_answered(struct run *r, struct wess_arena *a, const struct op_row *op)
{
    struct ask_row *asks = NULL, ask;
    size_t n = 0;
    if (op->link && asks_of_link(r->db, a, op->link, &asks, &n) == STORE_OK)
        for (size_t i = 0; i < n; i++)
            if (asks[i].answer)
                ask_close(r->db, asks[i].id);
    if (op->what == OP_CREATE &&
        ask_of_item(r->db, a, op->pu, op->todo_side, op->todo_item, &ask) == STORE_OK)
        ask_close(r->db, ask.id);
}

/* Another thread has seen more of it than our answer tells. */
static void look_again(struct run *r, enum side side, int64_t item)
{
    todo_put(r->db, r->pu.id, side, item, NOT_CHOSEN);
    r->progress++;
}

/* ---- creates
 * ---------------------------------------------------------------------------------------- */

/* The snapshot of a shared feed that another thread takes now, 0: none. Its pages may be older than
 * what we created: not to be among them proves nothing. */
static int64_t snapshot_of(struct run *r, struct wess_arena *a, enum side side)
{
    const struct feed_row *feed = &r->side[side].feed;
    struct feed_row now;
    if (!r->side[side].common ||
        feed_get(r->db, a, feed->endpoint, feed->user, feed->collection, &now) != STORE_OK)
        return 0;
    return now.snapshot;
}

/* Another thread's reading of the shared feed may have come before our answer, and have seen more:
 * what it saw is not overwritten, for it is not read again. Its keys are those that it shows, or
 * else those of its source. */
static bool store_created(struct run *r, struct wess_arena *a, const struct op_row *op,
                          const struct wess_result *res, const struct shown *shown,
                          struct item_row *row, bool *overtaken)
{
    struct run_side *s = &r->side[op->side];
    int64_t mark = snapshot_of(r, a, op->side), source = op->item[other_side(op->side)];
    struct hash *keys = shown->keys;
    size_t n_keys = shown->n_keys;
    struct item_row made = {.feed = s->feed.id,
                            .rid = res->id,
                            .revision = res->revision,
                            .flags = ITEM_OURS | (shown->whole ? 0u : ITEM_UNSEEN),
                            .seen_ms = clock_now_ms()};
    *overtaken = false;
    *row = made;
    if (!shown->keyed && item_key_hashes(r->db, a, source, &keys, &n_keys) != STORE_OK)
        return false;
    if (item_add(r->db, row, mark, keys, n_keys) == STORE_NONE) {
        if (item_by_rid(r->db, a, s->feed.id, res->id, row) != STORE_OK)
            return false;
        *overtaken = s->common && res->revision && row->revision &&
                     strcmp(row->revision, res->revision) != 0;
        if (*overtaken)
            return item_flags(r->db, row->id, ITEM_OURS | ITEM_UNSEEN, 0) == STORE_OK;
        row->revision = made.revision;
        row->flags = (row->flags & ~(uint32_t)(ITEM_GONE | ITEM_ABSENT)) | made.flags;
        row->seen_ms = made.seen_ms;
        item_put(r->db, row, mark);
        if (shown->keyed)
            item_keys(r->db, row->feed, row->id, keys, n_keys);
        else
            item_copy_keys(r->db, a, source, row->feed, row->id);
    }
    return !db_failed(r->db);
}

/* The shadow of what was written: without what was refused. */
static bool written_shadow(struct wess_arena *a, const struct op_row *op,
                           const struct wess_result *res, enum side from, struct wess_slice *out)
{
    struct content source;
    *out = op->shadow[from];
    return !res->n_refused ||
           (decode_content(a, op->shadow[from], &source) && without(a, &source, res, &source) &&
            encode_content(a, &source, out));
}

static bool link_created(struct run *r, struct wess_arena *a, const struct op_row *op,
                         const struct wess_result *res, const struct shown *shown,
                         const struct item_row *row, int64_t *id)
{
    enum side to = op->side, from = other_side(to);
    struct link_row link = {0};
    struct content body;
    if (!op->link || link_get(r->db, a, op->link, &link) != STORE_OK)
        link = (struct link_row){.pu = op->pu, .unseen = {"", ""}};
    if (!written_shadow(a, op, res, from, &link.shadow[from]) ||
        !decode_content(a, op->body, &body))
        return false;
    link.shadow[to] = shown->whole ? shown->body : op->shadow[to];
    link.unseen[to] = shown->whole || !RULE(unseen_kept)
                          ? ""
                          : with_untold(r, a, to, &link.shadow[from], field_names(a, &body));
    if (!link.unseen[to])
        return false;
    if (shown->whole && r->side[to].common && res->revision)
        item_content(r->db, row->id, res->revision, shown->body);
    link.item[to] = row->id;
    link.item[from] = op->item[from];
    link.rev[to] = res->revision;
    link.rev[from] = op->seen;
    if (res->n_refused)
        link.rev[from] = NULL;
    link.chosen[from] = true;
    link.chosen[to] = content_get(&body, "categories") != NULL;
    link.made[to] = true;
    link.stamp = op->stamp;
    link.ended = false;
    if (r->pair->files)
        link.shadow[to] = op->shadow[to];
    bool ok = r->pair->files ? file_made(r, &link) : link_put(r->db, &link) == STORE_OK;
    *id = link.id;
    return ok;
}

/* Gone, or under another id, while it was not known whether its twin was made. Of a feed that this
 * run alone reads nothing new is known since it was planned. */
static bool source_left(struct run *r, struct wess_arena *a, const struct op_row *op)
{
    struct item_row row;
    if (!op->attempt && !r->side[other_side(op->side)].common)
        return false;
    return item_get(r->db, a, op->item[other_side(op->side)], &row) == STORE_OK &&
           (row.flags & (ITEM_GONE | ITEM_ABSENT));
}

static bool settle_create(struct run *r, struct wess_arena *a, const struct op_row *op,
                          const struct wess_result *res, const struct shown *shown)
{
    struct item_row row;
    int64_t link = 0;
    bool overtaken = false;
    /* Its stamp was read by another thread's pull, which settled it. */
    if (!op_stands(r->db, op->id))
        return !db_failed(r->db);
    if (!res->id || !store_created(r, a, op, res, shown, &row, &overtaken))
        return false;
    if (!res->revision && (RULE(again_merges) || !res->current)) {
        seen_settle(r->db, a, op, &row, clock_now_ms());
        r->progress++;
    } else {
        if (!link_created(r, a, op, res, shown, &row, &link))
            return false;
        parked_link(r->db, r->pu.id, op->todo_item, link);
        park_refused(r, a, op, res);
        op_made(r->db, op, row.id, link, clock_now_ms());
        todo_answered(r, op->todo_side, op->todo_item, op->seen);
        if (overtaken)
            look_again(r, op->side, row.id);
        if (source_left(r, a, op))
            look_again(r, other_side(op->side), op->item[other_side(op->side)]);
    }
    close_answered(r, a, op);
    r->report.side[op->side].created++;
    return relate_keep(r, a, op, row.id, res);
}

/* ---- updates
 * ---------------------------------------------------------------------------------------- */

static bool move_shadow(struct wess_arena *a, struct link_row *link, enum side s,
                        const struct content *part)
{
    struct content shadow;
    return decode_content(a, link->shadow[s], &shadow) &&
           content_patch(a, &shadow, part, &shadow) && encode_content(a, &shadow, &link->shadow[s]);
}

/* The part of `now` that `part` names, empty fields as WESS_NULL. */
static bool as_shown(struct wess_arena *a, const struct content *part, const struct content *now,
                     struct content *out)
{
    struct wess_field *of = arena_alloc(a, (part->n + 1) * sizeof(*of));
    for (size_t i = 0; of && i < part->n; i++) {
        const struct wess_field *f = content_get(now, part->fields[i].name);
        of[i] = f ? *f : (struct wess_field){.type = WESS_NULL};
        of[i].name = part->fields[i].name;
    }
    *out = (struct content){of, part->n};
    return of != NULL;
}

/* The item's revision after our write, unless another thread's reading of the shared feed has shown
 * a later one before our answer was stored: that one is not read again. */
static void written(struct run *r, struct wess_arena *a, const struct op_row *op,
                    const char *revision)
{
    int64_t item = op->item[op->side];
    struct item_row row;
    if (r->side[op->side].common && revision && op->revision &&
        item_get(r->db, a, item, &row) == STORE_OK && row.revision &&
        strcmp(row.revision, op->revision) != 0 && strcmp(row.revision, revision) != 0)
        look_again(r, op->side, item);
    else
        item_wrote(r->db, item, revision, clock_now_ms());
}

static bool update_link(struct run *r, struct wess_arena *a, const struct op_row *op,
                        const struct wess_result *res, const struct shown *shown, bool *last)
{
    enum side to = op->side, from = other_side(to);
    struct link_row link;
    struct content part[2], body;
    bool whole;
    int64_t sibling = 0;
    if (link_get(r->db, a, op->link, &link) != STORE_OK || !decode_content(a, op->body, &body) ||
        !decode_content(a, op->shadow[LEFT], &part[LEFT]) ||
        !decode_content(a, op->shadow[RIGHT], &part[RIGHT]) ||
        !without(a, &part[LEFT], res, &part[LEFT]) || !without(a, &part[RIGHT], res, &part[RIGHT]))
        return false;
    /* A field left to the other operation: until that is settled this side is to be read again. */
    whole = part[to].n + res->n_refused >= body.n;
    if (shown->whole && !as_shown(a, &part[to], &shown->now, &part[to]))
        return false;
    if (!move_shadow(a, &link, LEFT, &part[LEFT]) || !move_shadow(a, &link, RIGHT, &part[RIGHT]))
        return false;
    link.unseen[to] = names_less(a, link.unseen[to], &body, false);
    if (link.unseen[to] && !shown->whole && RULE(unseen_kept))
        link.unseen[to] = names_less(a, link.unseen[to], &part[to], true);
    link.unseen[from] = names_more(a, link.unseen[from], op->unseen[from]);
    if (!link.unseen[to] || !link.unseen[from])
        return false;
    *last = op_of_link(r->db, op->link, from, &sibling) != STORE_OK;
    /* Nor does its revision stand for what the other operation still has to carry over from here:
     * cut off between the two, this side must be read again. */
    link.rev[to] = whole && *last ? res->revision : NULL;
    link.changed_ms[from] = 0;
    link_put(r->db, &link);
    written(r, a, op, res->revision);
    if (shown->keyed)
        item_keys(r->db, r->side[to].feed.id, link.item[to], shown->keys, shown->n_keys);
    item_flags(r->db, link.item[to], *link.unseen[to] ? ITEM_UNSEEN : 0, op->stamp ? ITEM_COPY : 0);
    return true;
}

struct sharers {
    struct run *run;
    int64_t item;
};
static void tell_sharer(void *ctx, int64_t link, int64_t pu, enum side side, bool ended)
{
    struct sharers *s = ctx;
    (void)link;
    if (!ended && pu != s->run->pu.id)
        todo_put(s->run->db, pu, side, s->item, NOT_CHOSEN);
}

/* What we wrote for one user is news to the others who share the record. */
static void tell_sharers(struct run *r, const struct op_row *op)
{
    struct sharers s = {r, op->item[op->side]};
    if (r->side[op->side].common)
        links_of_item(r->db, s.item, tell_sharer, &s);
}

static bool settle_update(struct run *r, struct wess_arena *a, const struct op_row *op,
                          const struct wess_result *res, const struct shown *shown)
{
    struct content body;
    bool last = false;
    if (!update_link(r, a, op, res, shown, &last) || !decode_content(a, op->body, &body))
        return false;
    for (size_t i = 0; i < body.n; i++)
        parked_clear(r->db, r->pu.id, op->link, 0, body.fields[i].name);
    park_refused(r, a, op, res);
    done(r, op, "ok");
    tell_sharers(r, op);
    if (last) {
        enum side from = other_side(op->side);
        close_answered(r, a, op);
        todo_answered(r, from, op->item[from], op->seen);
        todo_answered(r, op->side, op->item[op->side], res->revision);
        if (op->todo_item != op->item[op->todo_side])
            todo_drop(r->db, r->pu.id, op->todo_side, op->todo_item);
    }
    r->report.side[op->side].updated++;
    return relate_keep(r, a, op, op->item[op->side], res);
}

/* ---- the others
 * --------------------------------------------------------------------------------------- */

static void drop_todos(struct run *r, const struct op_row *op)
{
    for (int s = LEFT; s <= RIGHT; s++)
        if (op->item[s])
            todo_drop(r->db, r->pu.id, (enum side)s, op->item[s]);
    todo_drop(r->db, r->pu.id, op->todo_side, op->todo_item);
}

/* What ended for privacy keeps no value; who took part while one side was out of reach takes part
 * again. */
static void end_link(struct run *r, struct wess_arena *a, const struct op_row *op)
{
    struct link_row link;
    if (link_get(r->db, a, op->link, &link) != STORE_OK)
        return;
    if (!strcmp(op->reason, WHY_PRIVATE))
        link.shadow[LEFT] = link.shadow[RIGHT] = (struct wess_slice){NULL, 0};
    if (strcmp(op->reason, WHY_HIDDEN) != 0)
        link.chosen[LEFT] = link.chosen[RIGHT] = false;
    link_put(r->db, &link);
    link_end(r->db, op->link, op->reason, "wess", clock_now_ms());
}

static bool settle_end(struct run *r, struct wess_arena *a, const struct op_row *op)
{
    end_link(r, a, op);
    done(r, op, "ok");
    drop_todos(r, op);
    r->report.side[op->side].ended++;
    return true;
}

static bool settle_delete(struct run *r, struct wess_arena *a, const struct op_row *op)
{
    item_flags(r->db, op->item[op->side], ITEM_GONE, 0);
    end_link(r, a, op);
    done(r, op, "ok");
    drop_todos(r, op);
    r->report.side[op->side].deleted++;
    return true;
}

static bool settle_ok(struct run *r, struct wess_arena *a, const struct op_row *op,
                      const struct wess_result *res)
{
    struct shown shown;
    switch (op->what) {
    case OP_LINK:
        done(r, op, "ok");
        r->report.linked++;
        return true;
    case OP_CREATE:
        return shown_by(r, a, op->side, res, &shown) && settle_create(r, a, op, res, &shown);
    case OP_UPDATE:
        return shown_by(r, a, op->side, res, &shown) && settle_update(r, a, op, res, &shown);
    case OP_DELETE:
        return settle_delete(r, a, op);
    case OP_END:
        return settle_end(r, a, op);
    }
    return true;
}

static bool settle_rejected(struct run *r, struct wess_arena *a, const struct op_row *op,
                            const struct wess_result *res)
{
    if (res->n_refused && RULE(bad_field_parked)) {
        park_refused(r, a, op, res);
        again(r, op); /* without the refused fields */
        return true;
    }
    park_op(r, a, op, "", res->text, res->remote_code);
    drop_dependent(r, a, op);
    why_put(r->db, r->pu.id, op->todo_side, op->todo_item, WHY_PARKED, clock_now_ms());
    done(r, op, "rejected");
    drop_todos(r, op);
    return true;
}

static bool settle_doubt(struct run *r, const struct op_row *op)
{
    const struct wess_collection *c = r->side[op->side].collection;
    int64_t due = op->sent_ms + c->settle_after_ms;
    if (!r->retry_at_ms || due < r->retry_at_ms)
        r->retry_at_ms = due;
    r->report.status = status_worse(r->report.status, EXIT_UNREACHABLE);
    if (op->request)
        op_doubted(r->db, op->id, op->request);
    why_put(r->db, r->pu.id, op->todo_side, op->todo_item, WHY_IN_DOUBT, clock_now_ms());
    return true;
}

void settle_stale(struct run *r, struct wess_arena *a, const struct op_row *op)
{
    struct link_row link;
    int64_t item = op->item[op->side];
    bool rises = (r->side[op->side].collection->caps & WESS_CAP_REVISIONS_RISE) && op->revision;
    /* What the index knows of a shared item may be later than what this was computed from. */
    if (item && !rises)
        item_revision(r->db, item, NULL);
    if (!item || !rises || !op->link || link_get(r->db, a, op->link, &link) != STORE_OK)
        return;
    link.rev[op->side] = NULL;
    link_put(r->db, &link);
}

bool settle_op(struct run *r, struct wess_arena *a, const struct op_row *op,
               const struct wess_result *res)
{
    switch (res->code) {
    case WESS_OK:
        return settle_ok(r, a, op, res);
    case WESS_GONE:
        if (op->what == OP_DELETE)
            return settle_delete(r, a, op);
        if (r->side[op->side].collection->caps & WESS_CAP_REVISIONS_RISE)
            settle_stale(r, a, op); /* that it is gone is for the reading to say: see newest.c */
        else if (op->item[op->side])
            item_flags(r->db, op->item[op->side], item_not_found(&r->side[op->side]), 0);
        again(r, op);
        return true;
    case WESS_CONFLICT:
        settle_stale(r, a, op);
        again(r, op);
        return true;
    case WESS_REJECTED:
    case WESS_TOO_BIG:
        return settle_rejected(r, a, op, res);
    case WESS_NOT_TRIED:
    case WESS_TRANSIENT:
    case WESS_THROTTLED:
    case WESS_AUTH:
    case WESS_RESET:
        drop_dependent(r, a, op);
        /* Surely not applied by this attempt; an earlier one in doubt stays so. */
        if (op->attempt)
            return settle_doubt(r, op);
        op_unsend(r->db, op->id); /* its to-do stays */
        return true;
    case WESS_UNKNOWN:
    case WESS_CANCELLED:
    case WESS_BROKEN:
        drop_dependent(r, a, op);
        return settle_doubt(r, op);
    }
    return true;
}
