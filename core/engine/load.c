/* The stage "load": what is known of the items of a batch, and what that calls for. */
#include "engine/run.h"

#include <string.h>

#define LOAD_BUDGET (ARENA_BUDGET / 4) /* of a batch's arena, for rows and shadows */

static bool is_gone(const struct item_row *row)
{
    return (row->flags & (ITEM_GONE | ITEM_ABSENT)) != 0;
}

bool item_private(const struct run *r, enum side s, const struct item_row *row)
{
    return (row->flags & WESS_ITEM_PRIVATE) && r->side[s].selector.private_mode == PRIVATE_SKIP;
}

bool batch_links(const struct batch *b, enum side side, int64_t item)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->of[i].linked && b->of[i].link.item[side] == item)
            return true;
    return false;
}

static bool load_other(struct run *r, struct batch *b, struct entry *e)
{
    enum side side = e->todo.side, other = other_side(side);
    struct todo_row todo;
    int64_t id = e->link.item[other];
    e->linked = !e->link.ended;
    if (id && item_get(r->db, b->arena, id, &e->row[other]) != STORE_OK)
        e->row[other] = (struct item_row){0};
    if (!id || todo_get(r->db, r->pu.id, other, id, &todo) != STORE_OK)
        return true;
    e->end_held = todo.hold && (todo.chosen == UNTAGGED || todo.chosen == OUT_OF_SCOPE);
    e->gone_held = todo.hold && is_gone(&e->row[other]);
    e->change_held = todo.hold && !e->end_held && !e->gone_held;
    if (todo.hold)
        return true;
    e->has_todo[other] = true;
    e->chosen[other] = todo.chosen;
    e->todo.released |= todo.released;
    return true;
}

static const char *untag_reason(enum side side)
{
    return side == LEFT ? WHY_UNTAG_LEFT : WHY_UNTAG_RIGHT;
}

/* Whether a side chooses it: by its news, else as it last did. */
static bool still_chosen(const struct entry *e, enum side s)
{
    if (e->chosen[s] != NOT_CHOSEN)
        return e->chosen[s] == CHOSEN;
    return e->link.chosen[s] && (e->row[s].flags & ITEM_CHOSEN);
}

/* Whether the reason why a link ended no longer holds. */
static bool is_reversed(const struct entry *e)
{
    static const struct {
        const char *reason;
        enum side side; /* which side must show it */
        bool either;
    } table[] = {
        {WHY_UNTAG_LEFT, LEFT, false},   {WHY_UNTAG_RIGHT, RIGHT, false},
        {WHY_DELETED_LEFT, LEFT, false}, {WHY_DELETED_RIGHT, RIGHT, false},
        {WHY_OUT_OF_SCOPE, LEFT, true},  {WHY_PRIVATE, LEFT, true},
        {WHY_MOVED, LEFT, true},
    };
    const char *reason = e->link.reason ? e->link.reason : "";
    if (!strcmp(reason, WHY_HIDDEN))
        return !is_gone(&e->row[LEFT]) && !is_gone(&e->row[RIGHT]) &&
               (still_chosen(e, LEFT) || still_chosen(e, RIGHT));
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        enum side s = table[i].side;
        if (strcmp(reason, table[i].reason))
            continue;
        if (table[i].either)
            return e->chosen[LEFT] == CHOSEN || e->chosen[RIGHT] == CHOSEN;
        return e->has_todo[s] && e->chosen[s] == CHOSEN && !is_gone(&e->row[s]);
    }
    return false;
}

/* Its own mark counts, not the news of it only: the other side may be what has changed. */
static bool turned_private(const struct run *r, const struct entry *e)
{
    return RULE(private_ends) &&
           (item_private(r, LEFT, &e->row[LEFT]) || item_private(r, RIGHT, &e->row[RIGHT]));
}

/* Whatever became of the other end: who took the tag off gets nothing back, and loses nothing. */
static void outlive(struct entry *e, const bool was[2])
{
    for (int s = LEFT; s <= RIGHT; s++) {
        if (e->suspect[s] || e->chosen[s] != UNTAGGED || !was[s] || !RULE(untag_outranks))
            continue;
        e->suspect[LEFT] = e->suspect[RIGHT] = false;
        e->act = ACT_END;
        e->reason = untag_reason((enum side)s);
    }
}

/* A link that stands: the new verdicts of both sides' selects. */
static void judge_linked(struct run *r, struct entry *e)
{
    bool was[2] = {e->link.chosen[LEFT], e->link.chosen[RIGHT]}, is[2];
    for (int s = LEFT; s <= RIGHT; s++) {
        if (e->chosen[s] == UNJUDGED) /* it was linked meanwhile: its reading says what is wrong */
            e->chosen[s] = NOT_CHOSEN;
        is[s] = e->chosen[s] == NOT_CHOSEN ? was[s] : e->chosen[s] == CHOSEN;
    }
    e->act = ACT_MERGE;
    for (int s = LEFT; s <= RIGHT; s++) {
        e->suspect[s] = is_gone(&e->row[s]) || !e->row[s].id;
        e->link.chosen[s] = is[s];
    }
    /* An untag outranks what the other side shows: nothing of that is carried over, and the untag
     * is not taken for answered, before a person has said what it is. */
    if (e->end_held && !turned_private(r, e)) {
        e->suspect[LEFT] = e->suspect[RIGHT] = false;
        e->act = ACT_WAIT;
        return;
    }
    if (e->suspect[LEFT] || e->suspect[RIGHT]) {
        outlive(e, was);
        return;
    }
    if (turned_private(r, e)) {
        e->act = ACT_END;
        e->reason = WHY_PRIVATE;
        return;
    }
    for (int s = LEFT; s <= RIGHT; s++) {
        if (e->chosen[s] != UNTAGGED || !was[s] || !RULE(untag_outranks))
            continue;
        e->reason = untag_reason((enum side)s);
        e->target = other_side((enum side)s);
        e->act = r->pair->on_untag == UNTAG_DELETE ? ACT_DELETE : ACT_END;
        e->need[e->target] = e->act == ACT_DELETE;
        return;
    }
    if (!is[LEFT] && !is[RIGHT] &&
        (e->chosen[LEFT] != NOT_CHOSEN || e->chosen[RIGHT] != NOT_CHOSEN) &&
        (was[LEFT] || was[RIGHT])) {
        e->act = ACT_END;
        e->reason = WHY_OUT_OF_SCOPE;
    }
}

/* Its other end is linked with another item by now, which a person may have said. */
static bool is_taken(struct run *r, struct batch *b, const struct entry *e, enum side end)
{
    struct link_row now;
    int64_t item = e->link.item[end];
    return item &&
           (batch_links(b, end, item) ||
            (link_of(r->db, b->arena, r->pu.id, end, item, &now) == STORE_OK && !now.ended));
}

static void judge_ended(struct run *r, struct batch *b, struct entry *e)
{
    enum side other = other_side(e->todo.side);
    bool private = item_private(r, LEFT, &e->row[LEFT]) || item_private(r, RIGHT, &e->row[RIGHT]);
    if ((!is_reversed(e) && RULE(ended_stays)) || !e->row[LEFT].id || !e->row[RIGHT].id ||
        is_gone(&e->row[other]) || private || is_taken(r, b, e, other)) {
        bool filed = e->link.reason && !strcmp(e->link.reason, WHY_FILED);
        e->act = ACT_DROP;
        e->reason = filed ? WHY_FILED : private ? WHY_PRIVATE : WHY_ENDED;
        return;
    }
    bool shown = e->link.reason && !strcmp(e->link.reason, WHY_HIDDEN);
    e->link.ended = false;
    e->link.reason = e->link.who = NULL;
    for (int s = LEFT; s <= RIGHT; s++) {
        e->link.chosen[s] = shown ? still_chosen(e, (enum side)s) : e->chosen[s] == CHOSEN;
        e->link.rev[s] = NULL;
    }
    e->linked = true;
    e->act = ACT_MERGE;
    e->reason = WHY_RESUMED;
    r->report.resumed++;
}

static void judge_unlinked(struct entry *e)
{
    enum side side = e->todo.side;
    bool there = !is_gone(&e->row[side]), takes_part = e->chosen[side] == CHOSEN && there;
    e->act = takes_part ? ACT_CREATE : ACT_DROP; /* match.c looks for a twin first */
    if (there && e->chosen[side] == UNJUDGED)
        e->act = ACT_LOOK;
    else if (!takes_part)
        e->reason = e->chosen[side] == KEPT_PRIVATE ? WHY_PRIVATE : WHY_NOT_CHOSEN;
}

/* A person asked for it: what was filed before counts for nothing, but the right side's copy of it,
 * if there is one, is found as any other. */
static bool is_asked_again(const struct run *r, const struct entry *e)
{
    return r->pair->files && e->link.ended && e->todo.side == LEFT && e->link.reason &&
           !strcmp(e->link.reason, WHY_REFILE);
}

/* A create whose answer was lost, and which was seen since: nobody said whom it was related to, and
 * its source is read once more for that. */
static void judge_seen(const struct run *r, struct entry *e)
{
    e->act = ACT_FILE;
    e->need[LEFT] = !e->link.rev[RIGHT] && !is_gone(&e->row[LEFT]) && relate_can(r, RIGHT);
}

static bool load(struct run *r, struct batch *b, struct entry *e)
{
    enum side side = e->todo.side;
    enum store_code rc = item_get(r->db, b->arena, e->todo.item, &e->row[side]);
    e->got[LEFT] = e->got[RIGHT] = WESS_NOT_TRIED;
    e->has_todo[side] = true;
    e->chosen[side] = e->todo.chosen;
    if (rc == STORE_NONE) {
        e->act = ACT_DROP;
        e->reason = WHY_NOT_CHOSEN;
        return true;
    }
    if (rc == STORE_OK)
        rc = link_of(r->db, b->arena, r->pu.id, side, e->todo.item, &e->link);
    if (rc == STORE_FAIL)
        return run_store_failed(r);
    if (rc == STORE_OK && is_asked_again(r, e)) {
        e->link = (struct link_row){0};
        rc = STORE_NONE;
    }
    if (rc == STORE_NONE) {
        judge_unlinked(e);
        return true;
    }
    if (!load_other(r, b, e))
        return false;
    if (e->link.ended)
        judge_ended(r, b, e);
    else if (r->pair->files)
        judge_seen(r, e);
    else
        judge_linked(r, e);
    return true;
}

/* Both ends of a link may be in one batch: the first entry answers for both. */
static bool is_answered(const struct batch *b, const struct todo_row *todo)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->of[i].has_todo[todo->side] && b->of[i].row[todo->side].id == todo->item)
            return true;
    return false;
}

/* As many as memory allows for: at least one. */
static bool load_some(struct run *r, struct batch *b, const struct todo_row *todos, size_t n)
{
    for (b->taken = 0; b->taken < n && arena_used(b->arena) < LOAD_BUDGET; b->taken++) {
        const struct todo_row *todo = &todos[b->taken];
        if (is_answered(b, todo))
            continue;
        struct entry *e = &b->of[b->n];
        *e = (struct entry){.todo = *todo};
        if (!load(r, b, e))
            return false;
        b->n++;
    }
    return true;
}

bool batch_load(struct run *r, struct batch *b, const struct todo_row *todos, size_t n)
{
    b->n = b->taken = 0;
    memset(b->borne, 0, sizeof(b->borne));
    b->of = arena_alloc(b->arena, (n ? n : 1) * sizeof(*b->of));
    if (!b->of)
        return run_memory(r);
    bool ok = db_begin_read(r->db) == STORE_OK ? load_some(r, b, todos, n) : run_store_failed(r);
    db_end_read(r->db);
    return ok;
}
