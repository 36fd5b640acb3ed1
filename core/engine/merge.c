/* The stage "reconcile" in terms of rows: what becomes of the pure merge's answer: operations,
 * conflicts, parked fields and shadows. What it is asked: merge_prepare.c. */
#include <string.h>

#include "engine/run.h"

/* ---- conflicts and parked fields
 * ------------------------------------------------------------------ */

static struct wess_field renamed(struct wess_field f, const char *name)
{
    f.name = name;
    return f;
}

/* What the first meeting asked stays its question. */
static const char *why_asked(const struct entry *e, const struct merge *m, const char *field)
{
    bool first = !e->link.shadow[LEFT].len && !e->link.shadow[RIGHT].len;
    for (size_t i = 0; i < m->in.unanswered.n; i++)
        first |= !strcmp(m->in.unanswered.of[i], field);
    return first ? ASK_DIFFERS : WHY_CONFLICT;
}

static bool put_conflict(struct run *r, struct wess_arena *a, const struct entry *e,
                         const struct merge *m, const struct conflict *c, const char *title)
{
    struct wess_field three[3];
    struct content values = {three, 0};
    struct ask_row ask = {.pu = r->pu.id,
                          .link = e->link.id,
                          .item = e->row[LEFT].id,
                          .kind = ASK_CONFLICT,
                          .side = LEFT,
                          .field = c->field,
                          .reason = why_asked(e, m, c->field),
                          .title = title,
                          .asked_ms = clock_now_ms()};
    if (c->base.type != WESS_NULL)
        three[values.n++] = renamed(c->base, "base");
    if (c->left.type != WESS_NULL)
        three[values.n++] = renamed(c->left, "left");
    if (c->right.type != WESS_NULL)
        three[values.n++] = renamed(c->right, "right");
    if (!encode_content(a, &values, &ask.values))
        return run_memory(r);
    ask_put(r->db, &ask);
    r->report.conflicts++;
    return true;
}

static bool put_conflicts(struct run *r, struct wess_arena *a, struct entry *e,
                          const struct merge *m, const char *title)
{
    for (size_t i = 0; i < m->n_asks; i++) {
        bool still = false;
        for (size_t k = 0; k < m->out.n_conflicts; k++)
            still |= !strcmp(m->out.conflicts[k].field, m->asks[i].field);
        /* An answer stays until what it decided is carried out: see settle.c. */
        if (!still && m->asks[i].kind == ASK_CONFLICT &&
            (!m->asks[i].answer || (!m->out.patch[LEFT].n && !m->out.patch[RIGHT].n)))
            ask_close(r->db, m->asks[i].id);
    }
    for (size_t i = 0; i < m->out.n_conflicts; i++)
        if (!put_conflict(r, a, e, m, &m->out.conflicts[i], title))
            return false;
    return true;
}

void merge_too_long(struct run *r, struct wess_arena *a, const struct entry *e,
                    const struct reconcile_out *out)
{
    for (size_t i = 0; i < out->n_too_long; i++) {
        const struct too_long *t = &out->too_long[i];
        enum side from = other_side(t->side);
        const struct wess_field *f = e->now[from] ? content_get(e->now[from], t->field) : NULL;
        struct parked_row row = {.pu = r->pu.id,
                                 .link = e->link.id,
                                 .item = e->link.id ? 0 : e->todo.item,
                                 .side = t->side,
                                 .field = t->field,
                                 .why = t->why,
                                 .code = "capacity",
                                 .when_ms = clock_now_ms(),
                                 .value = parked_value(r, a, f)};
        parked_put(r->db, &row);
        r->report.parked++;
    }
}

/* ---- operations
 * ----------------------------------------------------------------------------------- */

static bool names(const struct content *c, const char *field)
{
    for (size_t i = 0; i < c->n; i++)
        if (!strcmp(c->fields[i].name, field))
            return true;
    return false;
}

/* The part of a shadow that one operation moves when it has gone well: the fields it writes, on
 * both sides. Where both sides are written in one field (a set, addresses) that is the second
 * operation's affair: the right one goes first and leaves them alone. */
static bool moved_part(struct wess_arena *a, const struct reconcile_out *out, enum side written,
                       enum side of, struct content *part)
{
    struct wess_field *f = arena_alloc(a, (out->patch[written].n + 1) * sizeof(*f));
    size_t n = 0;
    if (!f)
        return false;
    for (size_t i = 0; i < out->patch[written].n; i++) {
        const char *name = out->patch[written].fields[i].name;
        const struct wess_field *value = content_get(&out->shadow[of], name);
        if (written == RIGHT && names(&out->patch[LEFT], name))
            continue;
        f[n] = value ? *value : (struct wess_field){.type = WESS_NULL};
        f[n++].name = name;
    }
    *part = (struct content){f, n};
    return true;
}

/* The fields that both operations of a plan write, as the left one carries them: when it has gone
 * well the right side is known to show what it made of them. */
static const char *written_twice(struct wess_arena *a, const struct reconcile_out *out)
{
    const char **of = arena_alloc(a, (out->patch[LEFT].n + 1) * sizeof(*of));
    size_t n = 0;
    for (size_t i = 0; of && i < out->patch[LEFT].n; i++)
        if (names(&out->patch[RIGHT], out->patch[LEFT].fields[i].name))
            of[n++] = out->patch[LEFT].fields[i].name;
    return of ? join_names(a, (struct wess_list){of, n}) : NULL;
}

/* The stamp of another one, which came with the copying, comes off with what is written anyhow. */
static const char *stamp_of(const struct run *r, const struct entry *e, enum side s)
{
    bool can = (r->side[s].collection->caps & WESS_CAP_STAMP_LATER) != 0;
    return can && (e->row[s].flags & ITEM_COPY) && RULE(copies_cleared) ? "" : NULL;
}

static bool put_update(struct run *r, struct wess_arena *a, struct entry *e, struct merge *m,
                       enum side s)
{
    struct content part[2], before;
    struct op_row op = {.run = r->id,
                        .pu = r->pu.id,
                        .link = e->link.id,
                        .side = s,
                        .what = OP_UPDATE,
                        .state = OP_PLANNED,
                        .item = {e->link.item[LEFT], e->link.item[RIGHT]},
                        .todo_item = e->todo.item,
                        .todo_side = e->todo.side,
                        .stamp = stamp_of(r, e, s),
                        .revision = e->now[s] ? e->now_rev[s] : e->row[s].revision,
                        .seen = e->row[other_side(s)].revision,
                        .unseen = {"", ""},
                        .reason = e->reason ? e->reason : WHY_UPDATED,
                        .released = is_released(e->todo.released, OP_UPDATE)};
    before = e->now[s] ? *e->now[s] : m->shadow[s];
    if (meetings_wait(r) && !op.released && meeting_tells(r, s, &m->out.patch[s], &before))
        op.reason = WHY_MEETING;
    if (s == LEFT && !(op.unseen[RIGHT] = written_twice(a, &m->out)))
        return run_memory(r);
    if (!moved_part(a, &m->out, s, LEFT, &part[LEFT]) ||
        !moved_part(a, &m->out, s, RIGHT, &part[RIGHT]) ||
        !encode_content(a, &m->out.patch[s], &op.body) ||
        !encode_content(a, &m->out.old[s], &op.old) || !encode_content(a, &before, &op.before) ||
        !encode_content(a, &part[LEFT], &op.shadow[LEFT]) ||
        !encode_content(a, &part[RIGHT], &op.shadow[RIGHT]))
        return run_memory(r);
    op_put(r->db, &op);
    return true;
}

/* Shadows as they are if nothing of the plan is carried out. While something is open the revisions
 * are not noted, so that the next look reads both sides again. */
static bool settle_link(struct run *r, struct wess_arena *a, struct entry *e, struct merge *m)
{
    bool open = m->out.patch[LEFT].n || m->out.patch[RIGHT].n || m->out.n_conflicts;
    for (int s = LEFT; s <= RIGHT; s++) {
        struct wess_list unseen = e->now[s] ? (struct wess_list){NULL, 0} : m->in.side[s].unseen;
        /* What waits (a locked side, a parked value) shows only when this side is read again. */
        bool waits = e->now[s] && !content_equal(e->now[s], &m->out.settled[s]);
        if (open || waits)
            e->link.rev[s] = NULL;
        else if (e->now[s])
            e->link.rev[s] = e->now_rev[s];
        e->link.unseen[s] = join_names(a, unseen);
        e->link.changed_ms[s] = open ? m->in.side[s].changed_ms : 0;
        if (!encode_content(a, &m->out.settled[s], &e->link.shadow[s]) || !e->link.unseen[s])
            return run_memory(r);
    }
    link_put(r->db, &e->link);
    for (int s = LEFT; s <= RIGHT; s++)
        if (e->now[s] && (e->row[s].flags & ITEM_FOUND))
            item_flags(r->db, e->row[s].id, 0, ITEM_FOUND);
    return true;
}

static const char *title_of(struct wess_arena *a, const struct entry *e, const struct merge *m)
{
    for (int s = LEFT; s <= RIGHT; s++)
        if (e->now[s])
            return content_title(a, e->now[s]);
    return content_title(a, &m->shadow[LEFT]);
}

static bool put_linked(struct run *r, struct wess_arena *a, struct entry *e)
{
    struct op_row op = {.run = r->id,
                        .pu = r->pu.id,
                        .link = e->link.id,
                        .side = other_side(e->todo.side),
                        .what = OP_LINK,
                        .state = OP_PLANNED,
                        .item = {e->link.item[LEFT], e->link.item[RIGHT]},
                        .todo_item = e->todo.item,
                        .todo_side = e->todo.side,
                        .unseen = {"", ""},
                        .reason = e->reason};
    if (!encode_content(a, e->now[e->todo.side], &op.before))
        return run_memory(r);
    op_put(r->db, &op);
    return true;
}

/* What other threads have learnt of a shared item since it was loaded here, they could not tell a
 * link that did not stand yet: it is told now. false: the item is not there any more. */
static bool catch_up(struct run *r, struct wess_arena *a, const struct entry *e)
{
    for (int s = LEFT; s <= RIGHT; s++) {
        const struct item_row *was = &e->row[s];
        struct item_row is;
        if (r->dry || !r->side[s].common)
            continue;
        if (item_get(r->db, a, e->link.item[s], &is) != STORE_OK)
            return false;
        bool same = was->revision && is.revision ? !strcmp(was->revision, is.revision)
                                                 : !was->revision && !is.revision;
        if (same && !((was->flags ^ is.flags) & (ITEM_GONE | ITEM_ABSENT)))
            continue;
        todo_put(r->db, r->pu.id, (enum side)s, is.id, NOT_CHOSEN);
        r->progress++;
    }
    return true;
}

bool merge_plan(struct run *r, struct wess_arena *a, struct entry *e)
{
    struct merge m;
    bool made = e->fresh || (e->reason && !strcmp(e->reason, WHY_RESUMED));
    if (made && !catch_up(r, a, e)) {
        r->progress++;
        return true; /* its to-do stays, and is matched anew */
    }
    if (made)
        link_put(r->db, &e->link);
    if (!merge_prepare(r, a, e, &m))
        return false;
    r->report.reconciled++;
    if (!reconcile(a, &m.in, &m.out))
        return run_memory(r);
    const char *title = title_of(a, e, &m);
    if (made && !put_linked(r, a, e))
        return false;
    merge_too_long(r, a, e, &m.out);
    if (!put_conflicts(r, a, e, &m, title) || !settle_link(r, a, e, &m))
        return false;
    /* The right side first, see moved_part(). */
    for (int s = RIGHT; s >= LEFT; s--)
        if (m.out.patch[s].n && !put_update(r, a, e, &m, (enum side)s))
            return false;
    bool writes = m.out.patch[LEFT].n || m.out.patch[RIGHT].n;
    const char *why = m.out.n_conflicts ? WHY_CONFLICT : made ? e->reason : WHY_IN_STEP;
    for (int s = LEFT; s <= RIGHT; s++) {
        if (!writes || m.out.n_conflicts || made) /* else what is written tells it */
            why_put(r->db, r->pu.id, (enum side)s, e->link.item[s], why, clock_now_ms());
        if (!writes)
            todo_answered(r, (enum side)s, e->link.item[s], e->row[s].revision);
    }
    if (!writes && e->todo.item != e->link.item[e->todo.side])
        todo_drop(r->db, r->pu.id, e->todo.side, e->todo.item);
    return true;
}
