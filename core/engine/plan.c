/* The stage "plan": what each entry of a batch becomes, in a transaction. A to-do goes only when
 * its decision is settled: here, where nothing is to be written, else in settle.c. */
#include "engine/run.h"

#include <stdio.h>
#include <string.h>

#include "model/text.h"

void todo_answered(struct run *r, enum side side, int64_t item, const char *seen)
{
    if (RULE(todo_stays))
        todo_done(r->db, r->pu.id, side, item, seen);
    else
        todo_drop(r->db, r->pu.id, side, item);
}

static void why(struct run *r, const struct entry *e, const char *reason)
{
    why_put(r->db, r->pu.id, e->todo.side, e->todo.item, reason, clock_now_ms());
}

static void answer_todos(struct run *r, const struct entry *e)
{
    for (int s = LEFT; s <= RIGHT; s++)
        if (e->has_todo[s] && e->row[s].id)
            todo_answered(r, (enum side)s, e->row[s].id, e->row[s].revision);
    if (e->todo.item != e->row[e->todo.side].id)
        todo_drop(r->db, r->pu.id, e->todo.side, e->todo.item);
}

/* ---- what could not be read
 * ----------------------------------------------------------------------- */

static void park_item(struct run *r, const struct entry *e, enum side s)
{
    static const char before[] = "it cannot be read: ";
    char text[sizeof(before) + SAID_MOST];
    const char *why = e->got_text[s] ? e->got_text[s]
                      : e->got[s] == WESS_TOO_BIG
                          ? "it is larger than this program takes in one piece"
                          : "the remote does not give it out";
    snprintf(text, sizeof(text), "%s%.*s", before, (int)text_head(why, strlen(why), SAID_MOST),
             why);
    struct parked_row row = {.pu = r->pu.id,
                             .link = e->linked ? e->link.id : 0,
                             .item = e->row[s].id,
                             .side = s,
                             .field = "",
                             .why = text,
                             .code = e->got_code[s] ? e->got_code[s] : "unreadable",
                             .when_ms = clock_now_ms(),
                             .value = store_hash(r->store, "parked", "")};
    parked_put(r->db, &row);
    r->report.parked++;
}

/* What was parked because it could not be read, and now was. */
static void unpark_item(struct run *r, const struct entry *e)
{
    for (int s = LEFT; s <= RIGHT; s++)
        if (e->need[s] && e->got[s] == WESS_OK && e->row[s].id)
            parked_clear(r->db, r->pu.id, e->linked ? e->link.id : 0, e->row[s].id, "");
}

/* true: the entry can be planned. */
static bool was_read(struct run *r, struct entry *e)
{
    for (int s = LEFT; s <= RIGHT; s++) {
        if (!e->need[s] || e->got[s] == WESS_OK)
            continue;
        switch (e->got[s]) {
        case WESS_GONE:
            if (r->side[s].missed) { /* or put back to an earlier time: see still_whole() */
                r->progress++;
                return false;
            }
            /* Gone between the list and the reading: weighed as a deletion in the next pass. */
            item_flags(r->db, e->row[s].id, item_not_found(&r->side[s]), 0);
            todo_put(r->db, r->pu.id, (enum side)s, e->row[s].id, NOT_CHOSEN);
            r->progress++;
            return false;
        case WESS_TOO_BIG:
        case WESS_REJECTED:
        case WESS_CONFLICT:
        case WESS_BROKEN:
        case WESS_RESET:
            park_item(r, e, (enum side)s);
            why(r, e, WHY_PARKED);
            answer_todos(r, e);
            return false;
        case WESS_OK:
        case WESS_UNKNOWN:
        case WESS_NOT_TRIED:
        case WESS_TRANSIENT:
        case WESS_THROTTLED:
        case WESS_AUTH:
        case WESS_CANCELLED:
            return false; /* the to-do stays for the next run */
        }
    }
    return true;
}

/* ---- acts
 * ----------------------------------------------------------------------------------------- */

/* Of the item, or of the one that its link has followed to. */
static void close_ask(struct run *r, struct wess_arena *a, const struct entry *e)
{
    enum side side = e->todo.side;
    const int64_t items[] = {e->todo.item, e->row[side].id};
    struct ask_row ask;
    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
        if (ask_of_item(r->db, a, r->pu.id, side, items[i], &ask) == STORE_OK)
            ask_close(r->db, ask.id);
}

/* "leave": remembered like an ended link, so that neither is asked about again. */
static void decline(struct run *r, const struct entry *e)
{
    enum side other = other_side(e->todo.side);
    struct link_row link = {.pu = r->pu.id, .unseen = {"", ""}};
    link.item[e->todo.side] = e->todo.item;
    link.item[other] = e->n_candidates ? e->candidates[0] : 0;
    link_put(r->db, &link);
    link_end(r->db, link.id, WHY_DECLINED, "a person", clock_now_ms());
    for (size_t i = 0; i < e->n_candidates; i++) {
        todo_put(r->db, r->pu.id, other, e->candidates[i], NOT_CHOSEN);
        r->progress++;
    }
}

static bool plan_drop(struct run *r, struct wess_arena *a, struct entry *e)
{
    const char *reason = e->reason;
    close_ask(r, a, e);
    if (!e->linked) /* and what was said of it while it could not be judged */
        parked_clear(r->db, r->pu.id, 0, e->todo.item, "");
    if (reason && !strcmp(reason, WHY_DECLINED))
        decline(r, e);
    if (r->pair->files && e->row[e->todo.side].content) /* what its listing told */
        item_content(r->db, e->row[e->todo.side].id, NULL, (struct wess_slice){NULL, 0});
    if (reason)
        why(r, e, reason);
    answer_todos(r, e);
    return true;
}

/* The one of its own side that it seems to double may be gone without a word: where a remote begins
 * its changes anew, and all is there under new ids, nothing tells of the old ones. What this run
 * has not heard of is looked at. */
static void look_at_doubled(struct run *r, struct wess_arena *a, const struct entry *e)
{
    enum side side = e->todo.side;
    struct link_row link;
    struct item_row row;
    bool doubles = !strcmp(e->reason, ASK_DUPLICATE) || !strcmp(e->reason, ASK_TWICE);
    for (size_t i = 0; doubles && !r->dry && i < e->n_candidates; i++) {
        if (link_of(r->db, a, r->pu.id, other_side(side), e->candidates[i], &link) != STORE_OK ||
            link.ended || item_get(r->db, a, link.item[side], &row) != STORE_OK ||
            row.seen_ms > r->pu.last_run_ms)
            continue;
        item_revision(r->db, row.id, NULL);
        todo_put(r->db, r->pu.id, side, row.id, NOT_CHOSEN);
        r->progress++;
    }
}

static bool plan_ask(struct run *r, struct wess_arena *a, struct entry *e)
{
    char list[CANDIDATES_MAX * 24] = "";
    struct ask_row ask = {.pu = r->pu.id,
                          .item = e->todo.item,
                          .kind = ASK_QUESTION,
                          .side = e->todo.side,
                          .field = "",
                          .reason = e->reason,
                          .candidates = list,
                          .title = content_title(a, e->now[e->todo.side]),
                          .asked_ms = clock_now_ms()};
    if (e->unfit)
        close_ask(r, a, e);
    for (size_t i = 0, at = 0; i < e->n_candidates; i++)
        at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%lld", i ? "," : "",
                               (long long)e->candidates[i]);
    ask_put(r->db, &ask);
    if (!strcmp(e->reason, ASK_TWICE) && !r->dry)
        item_flags(r->db, e->todo.item, ITEM_COPY, 0);
    look_at_doubled(r, a, e);
    r->report.questions++;
    why(r, e, e->reason);
    answer_todos(r, e);
    return true;
}

static struct op_row local_op(const struct run *r, const struct entry *e, enum op_what what)
{
    return (struct op_row){.run = r->id,
                           .pu = r->pu.id,
                           .link = e->link.id,
                           .side = e->target,
                           .what = what,
                           .state = OP_PLANNED,
                           .item = {e->link.item[LEFT], e->link.item[RIGHT]},
                           .todo_item = e->todo.item,
                           .todo_side = e->todo.side,
                           .unseen = {"", ""},
                           .reason = e->reason,
                           .released = is_released(e->todo.released, what)};
}

static bool plan_end(struct run *r, struct wess_arena *a, struct entry *e)
{
    e->target = e->todo.side;
    struct op_row op = local_op(r, e, OP_END);
    op.before = e->link.shadow[e->todo.side];
    (void)a;
    op_put(r->db, &op);
    /* A copy is asked about by what is true of it from now on. */
    if (e->reason && !strcmp(e->reason, WHY_COPY) && !r->dry) {
        todo_put(r->db, r->pu.id, e->copy_of, e->candidates[0], CHOSEN);
        r->progress++;
    }
    return true;
}

struct holders {
    int64_t pu;
    bool others;
};
static void count_holder(void *ctx, int64_t link, int64_t pu, enum side side, bool ended)
{
    struct holders *h = ctx;
    (void)link;
    (void)side;
    h->others |= !ended && pu != h->pu;
}

/* Whether somebody else's link holds it, by whatever feed. */
static bool has_others(struct run *r, struct wess_arena *a, int64_t item)
{
    struct holders h = {.pu = r->pu.id};
    int64_t *twins = NULL;
    size_t n = 0;
    item_twins(r->db, a, item, &twins, &n);
    for (size_t i = 0; i < n; i++)
        links_of_item(r->db, twins[i], count_holder, &h);
    return h.others;
}

static bool is_in(struct wess_list names, const char *name)
{
    for (size_t i = 0; i < names.n; i++)
        if (!strcmp(names.of[i], name))
            return true;
    return false;
}

/* In what can be written there: what a side says of itself (a reference) nobody edits, nor is what
 * it made of our own write an edit. */
static bool is_edited(const struct wess_collection *c, const struct content *now,
                      const struct content *shadow, struct wess_list unseen)
{
    for (size_t i = 0; i < c->n_fields; i++)
        if (!(c->fields[i].flags & (WESS_FIELD_READ_ONLY | WESS_FIELD_UNSHOWN)) &&
            !is_in(unseen, c->fields[i].name) &&
            !field_equal(content_get(now, c->fields[i].name),
                         content_get(shadow, c->fields[i].name)))
            return true;
    return false;
}

/* Deletes the twin, unless it was edited since, somebody else's link holds it, or it may not be. */
static bool plan_delete(struct run *r, struct wess_arena *a, struct entry *e)
{
    enum side t = e->target;
    struct content shadow;
    if (!decode_content(a, e->link.shadow[t], &shadow))
        return run_memory(r);
    struct wess_list unseen = still_unseen(a, e, t, &shadow);
    if (is_edited(r->side[t].collection, e->now[t], &shadow, unseen) && RULE(edit_beats_delete)) {
        bool deleted = e->gone[other_side(t)];
        if (!deleted)
            return plan_end(r, a, e);
        e->act = ACT_RESTORE; /* the edit wins */
        e->target = other_side(t);
        return merge_create(r, a, e);
    }
    if (e->gone_held)
        return true;
    bool others = RULE(shared_kept) && has_others(r, a, e->row[t].id);
    if (others || !r->side[t].writable || (e->row[t].flags & WESS_ITEM_LOCKED) ||
        !(r->side[t].collection->caps & WESS_CAP_DELETE)) {
        if (others)
            e->reason = WHY_SHARED;
        return plan_end(r, a, e);
    }
    struct op_row op = local_op(r, e, OP_DELETE);
    op.revision = e->now_rev[t];
    if (meetings_wait(r) && !op.released && meeting_tells(r, t, NULL, e->now[t]))
        op.reason = WHY_MEETING;
    if (!encode_content(a, e->now[t], &op.before))
        return run_memory(r);
    op_put(r->db, &op);
    return true;
}

/* News of the end that is left, while a person has not let go what follows from the other's being
 * gone: but for an edit, and what is private, nothing does. */
static bool is_held(const struct entry *e)
{
    static const char *const of[] = {WHY_DELETED_LEFT, WHY_DELETED_RIGHT, WHY_HIDDEN};
    for (size_t i = 0; e->gone_held && i < sizeof(of) / sizeof(of[0]); i++)
        if (e->reason && !strcmp(e->reason, of[i]))
            return true;
    return false;
}

static bool plan(struct run *r, struct wess_arena *a, struct entry *e)
{
    for (int s = LEFT; s <= RIGHT; s++)
        if (e->alive[s]) {
            item_flags(r->db, e->row[s].id, 0, ITEM_GONE | ITEM_ABSENT);
            item_revision(r->db, e->row[s].id, NULL);
            r->progress++;
        }
    for (int s = LEFT; s <= RIGHT; s++)
        if (e->unheard[s] && !r->dry) /* until it is in step: cut off, it is known by this */
            todo_put(r->db, r->pu.id, (enum side)s, e->row[s].id, NOT_CHOSEN);
    if (e->act != ACT_WAIT && e->act != ACT_DROP && e->act != ACT_END && e->act != ACT_FILE &&
        !was_read(r, e))
        return true;
    unpark_item(r, e);
    switch (e->act) {
    case ACT_WAIT:
        if (e->reason && (!strcmp(e->reason, WHY_UNCLEAR) || !strcmp(e->reason, WHY_IN_DOUBT)))
            why(r, e, e->reason);
        return true;
    case ACT_DROP:
    case ACT_LOOK: /* it can be read: its facts will be told when it changes */
        return plan_drop(r, a, e);
    case ACT_MERGE:
        close_ask(r, a, e);
        return relate_recovered(r, a, e) && merge_plan(r, a, e);
    case ACT_CREATE:
    case ACT_RESTORE:
        return merge_create(r, a, e);
    case ACT_ASK:
        return plan_ask(r, a, e);
    case ACT_END:
        return is_held(e) || plan_end(r, a, e);
    case ACT_DELETE:
        return plan_delete(r, a, e);
    case ACT_FILE:
        close_ask(r, a, e);
        if (!relate_recovered(r, a, e) || !file_keep(r, e))
            return false;
        answer_todos(r, e);
        return true;
    }
    return true;
}

bool plan_entries(struct run *r, struct wess_arena *a, struct entry *of, size_t n)
{
    struct arena_mark mark = arena_mark(a);
    for (size_t i = 0; i < n; i++) {
        if (!plan(r, a, &of[i]))
            return false;
        arena_back(a, mark); /* what is planned is in the store, and its entry is done with */
    }
    return run_sound(r, a);
}
