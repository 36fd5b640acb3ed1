/* The stage "reconcile" in terms of rows: what the pure merge is asked, and what its answer
 * becomes: operations, conflicts, parked fields and shadows. */
#include "engine/run.h"

#include <string.h>

#include "feed/stamp.h"

/* ---- what the merge is asked
 * ---------------------------------------------------------------------- */

/* A field that we wrote and have not seen since: what it shows is what the remote made of it, as
 * long as nobody else wrote after us. Behind a foreign revision only what is alike still counts as
 * ours; anything else is somebody's edit and must not be swallowed. */
static struct wess_list still_unseen(struct wess_arena *a, const struct entry *e, enum side s,
                                     const struct content *shadow)
{
    struct wess_list all = split_names(a, e->link.unseen[s]);
    const char **of = all.n ? arena_alloc(a, all.n * sizeof(*of)) : NULL;
    bool ours = e->now_rev[s] && e->link.rev[s] && !strcmp(e->now_rev[s], e->link.rev[s]);
    size_t n = 0;
    if (ours || !RULE(foreign_seen) || !e->now[s] || !of)
        return all;
    for (size_t i = 0; i < all.n; i++)
        if (field_alike(content_get(e->now[s], all.of[i]), content_get(shadow, all.of[i])))
            of[n++] = all.of[i];
    return (struct wess_list){of, n};
}

static bool parked_fields(struct run *r, struct wess_arena *a, const struct entry *e, enum side s,
                          struct wess_list *out)
{
    struct parked_row *rows = NULL;
    size_t n = 0, kept = 0;
    if (parked_of(r->db, a, r->pu.id, e->link.id, e->link.id ? 0 : e->todo.item, &rows, &n) ==
        STORE_FAIL)
        return run_store_failed(r);
    const char **of = n ? arena_alloc(a, n * sizeof(*of)) : NULL;
    for (size_t i = 0; of && i < n; i++) {
        const struct content *from = e->now[other_side(s)];
        const struct wess_field *f = from ? content_get(from, rows[i].field) : NULL;
        if (rows[i].side != s || !*rows[i].field)
            continue;
        /* Another value than the one refused is tried again. */
        struct hash value = parked_value(r, a, f);
        const char *element = NULL;
        if (from && memcmp(&value, &rows[i].value, sizeof(value)) != 0) {
            /* Nor is anything told of one that is gone. */
            if (!f && field_find(r->pair->kind, rows[i].field, &element) && !element)
                parked_clear(r->db, rows[i].pu, rows[i].link, rows[i].item, rows[i].field);
            continue;
        }
        of[kept++] = rows[i].field;
    }
    *out = (struct wess_list){of, kept};
    return true;
}

static enum wess_type type_of(const struct run *r, const char *field)
{
    const char *element;
    const struct field_def *def = field_find(r->pair->kind, field, &element);
    return def && !element ? def->type : WESS_TEXT;
}

static bool decisions(struct run *r, struct wess_arena *a, struct entry *e, struct merge *m)
{
    struct decision *of;
    const char **open;
    size_t n = 0, n_open = 0;
    if (!e->link.id)
        return true;
    if (asks_of_link(r->db, a, e->link.id, &m->asks, &m->n_asks) == STORE_FAIL)
        return run_store_failed(r);
    of = arena_alloc(a, (m->n_asks + 1) * sizeof(*of));
    open = arena_alloc(a, (m->n_asks + 1) * sizeof(*open));
    if (!of || !open)
        return run_memory(r);
    for (size_t i = 0; i < m->n_asks; i++) {
        const char *answer = m->asks[i].answer;
        struct decision *d = &of[n];
        if (m->asks[i].kind != ASK_CONFLICT)
            continue;
        if (!answer) {
            if (m->asks[i].reason && !strcmp(m->asks[i].reason, ASK_DIFFERS))
                open[n_open++] = m->asks[i].field;
            continue;
        }
        *d = (struct decision){.field = m->asks[i].field};
        if (!strcmp(answer, "left"))
            d->take = TAKE_LEFT;
        else if (!strcmp(answer, "right"))
            d->take = TAKE_RIGHT;
        else if (!strcmp(answer, "both"))
            d->take = TAKE_BOTH;
        else if (!strncmp(answer, "value:", 6))
            d->take = TAKE_VALUE;
        else
            continue;
        if (d->take == TAKE_VALUE) {
            const char *text = answer + 6;
            d->value = (struct wess_field){.name = d->field, .type = WESS_NULL};
            if (*text) {
                d->value.type = (uint32_t)type_of(r, d->field);
                d->value.str = (struct wess_slice){text, strlen(text)};
            }
        }
        n++;
    }
    m->in.decisions = of;
    m->in.n_decisions = n;
    m->in.unanswered = (struct wess_list){open, n_open};
    return true;
}

static bool is_locked(const struct run *r, const struct entry *e, enum side s)
{
    const struct wess_collection *c = r->side[s].collection;
    return !r->side[s].writable || !(c->caps & WESS_CAP_UPDATE) ||
           (e->row[s].flags & WESS_ITEM_LOCKED) != 0;
}

static bool prepare_side(struct run *r, struct wess_arena *a, struct entry *e, enum side s,
                         struct merge *m)
{
    struct side_in *in = &m->in.side[s];
    const struct wess_collection *c = r->side[s].collection;
    if (!decode_content(a, e->link.shadow[s], &m->shadow[s]))
        return run_memory(r);
    in->now = e->now[s];
    in->shadow = e->link.shadow[s].len ? &m->shadow[s] : NULL;
    in->unseen = still_unseen(a, e, s, &m->shadow[s]);
    in->changed_ms = e->now[s] ? e->row[s].seen_ms : e->link.changed_ms[s];
    in->schema = c->fields;
    in->n_schema = c->n_fields;
    in->locked = is_locked(r, e, s);
    return parked_fields(r, a, e, s, &in->parked);
}

static const char *name_over_there(const struct merge *m, enum side s, const char *name)
{
    for (size_t i = 0; i < m->in.n_rules; i++) {
        const char *here = s == LEFT ? m->in.rules[i].left : m->in.rules[i].right;
        const char *there = s == LEFT ? m->in.rules[i].right : m->in.rules[i].left;
        if (here && there && !strcmp(here, name))
            return there;
    }
    return name;
}

static bool has_elements(const struct wess_field *f)
{
    return f->type == WESS_RECORDS || f->type == WESS_SET;
}

static const char *element_of(struct wess_arena *a, const struct wess_field *f, size_t i)
{
    return f->type == WESS_SET ? text_fold(a, f->set.of[i]) : f->records.of[i].key;
}

static bool shows(struct wess_arena *a, const struct wess_field *f, const char *element)
{
    size_t n = f->type == WESS_SET ? f->set.n : f->records.n;
    for (size_t i = 0; i < n; i++) {
        const char *one = element_of(a, f, i);
        if (one && !strcmp(one, element))
            return true;
    }
    return false;
}

/* `f` without the elements that are not shown; NULL: without any. */
static bool only_shown(struct wess_arena *a, const struct wess_field *f,
                       const struct wess_field *shown, struct wess_field *out)
{
    *out = (struct wess_field){.name = f->name, .type = WESS_NULL};
    if (!shown)
        return true;
    bool set = f->type == WESS_SET;
    size_t most = set ? f->set.n : f->records.n, n = 0;
    const char **names = arena_alloc(a, (most + 1) * sizeof(*names));
    struct wess_record *of = arena_alloc(a, (most + 1) * sizeof(*of));
    for (size_t i = 0; names && of && i < most; i++) {
        const char *element = element_of(a, f, i);
        if (!element)
            return false;
        if (!shows(a, shown, element))
            continue;
        if (set)
            names[n++] = f->set.of[i];
        else
            of[n++] = f->records.of[i];
    }
    if (n && set)
        *out = (struct wess_field){.name = f->name, .type = WESS_SET, .set = {names, n}};
    else if (n)
        *out = (struct wess_field){.name = f->name, .type = WESS_RECORDS, .records = {of, n}};
    return names && of;
}

static bool forget_in(struct wess_arena *a, struct content *shadow, const char *name,
                      const struct wess_field *shown)
{
    const struct wess_field *f = content_get(shadow, name);
    struct wess_field left;
    return !f || (only_shown(a, f, has_elements(f) ? shown : NULL, &left) &&
                  content_patch(a, shadow, &(struct content){&left, 1}, shadow));
}

/* A create whose answer was lost may have been taken without the fields that the remote refuses, or
 * without elements that have requests of their own. What it does not show was not taken, rather
 * than cleared since: were it in the shadows the other side would lose its value. */
static bool forget_untaken(struct wess_arena *a, const struct entry *e, enum side s,
                           struct merge *m)
{
    if (!(e->row[s].flags & ITEM_FOUND) || !e->now[s])
        return true;
    struct content sent = m->shadow[s];
    for (size_t i = 0; i < sent.n; i++) {
        const char *name = sent.fields[i].name;
        const struct wess_field *shown = content_get(e->now[s], name);
        enum side other = other_side(s);
        if (shown && (!has_elements(&sent.fields[i]) || shown->type != sent.fields[i].type))
            continue;
        if (!forget_in(a, &m->shadow[s], name, shown) ||
            !forget_in(a, &m->shadow[other], name_over_there(m, s, name), shown))
            return false;
    }
    return true;
}

bool merge_prepare(struct run *r, struct wess_arena *a, struct entry *e, struct merge *m)
{
    *m = (struct merge){.in = {.kind = r->pair->kind,
                               .rules = r->pair->rules,
                               .n_rules = r->pair->n_rules,
                               .default_rule = r->pair->conflict,
                               .first_differs = r->pair->first_differs,
                               .first_empty = r->pair->first_empty}};
    if (!narrow_rules(r, a, e, &m->in))
        return run_memory(r);
    if (!prepare_side(r, a, e, LEFT, m) || !prepare_side(r, a, e, RIGHT, m))
        return false;
    if (!forget_untaken(a, e, LEFT, m) || !forget_untaken(a, e, RIGHT, m))
        return run_memory(r);
    return decisions(r, a, e, m);
}

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

static void put_too_long(struct run *r, struct wess_arena *a, const struct entry *e,
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
                        .revision = e->now[s] ? e->now_rev[s] : e->row[s].revision,
                        .seen = e->row[other_side(s)].revision,
                        .unseen = {"", ""},
                        .reason = e->reason ? e->reason : WHY_UPDATED,
                        .released = e->todo.released};
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

static bool put_linked(struct run *r, struct wess_arena *a, struct entry *e, const char *title)
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
    (void)title;
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
    if (made && !put_linked(r, a, e, title))
        return false;
    put_too_long(r, a, e, &m.out);
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

/* ---- creates
 * -------------------------------------------------------------------------------------- */

/* What we create on a side whose select asks tags bears the first of them. */
static bool with_tag(struct run *r, struct wess_arena *a, enum side to, struct content *c)
{
    const struct cfg_select *sel = &r->pair->select[to];
    const char *tag = sel->source       ? NULL /* which it bears is said elsewhere */
                      : sel->tags_any.n ? sel->tags_any.of[0]
                      : sel->tags_all.n ? sel->tags_all.of[0]
                                        : NULL;
    struct wess_field *set = arena_alloc(a, sizeof(*set));
    const char **of = arena_alloc(a, sizeof(*of));
    struct content patch = {set, 1};
    const struct wess_collection *col = r->side[to].collection;
    bool holds = false;
    for (size_t i = 0; i < col->n_fields; i++)
        holds |= !strcmp(col->fields[i].name, "categories");
    if (!tag || !holds)
        return true;
    if (!set || !of)
        return false;
    of[0] = tag;
    *set = (struct wess_field){.name = "categories", .type = WESS_SET, .set = {of, 1}};
    return content_patch(a, c, &patch, c);
}

/* An attempt that is over belongs to a link that ended, or to what a person deleted: the next
 * create bears a stamp of its own. By a natural key others look for the same one, so that it is
 * spent as long as something bears it; what is filed once more bears the same, by which a state
 * that was lost finds it. */
static bool is_spent(struct run *r, const struct entry *e, enum side from,
                     const struct wess_item *item, const char *stamp)
{
    struct hash h = key_hash(r->store, KEY_DERIVED, stamp);
    int64_t bearer;
    size_t n = 0;
    if (r->pair->files)
        return false;
    if (!stamp_is_natural(item))
        return stamp_used(r->db, e->row[from].id, stamp);
    items_by_key(r->db, r->side[other_side(from)].feed.id, &h, NULL, &bearer, 1, &n);
    return n > 0;
}

static const char *new_stamp(struct run *r, struct wess_arena *a, const struct entry *e,
                             enum side from)
{
    char stamp[STAMP_SIZE];
    int attempt = 0;
    struct op_row op;
    const struct content *now = e->now[from];
    struct wess_item item = {.id = e->row[from].rid,
                             .kind = r->pair->kind->name,
                             .fields = now ? now->fields : NULL,
                             .n_fields = now ? now->n : 0};
    if (!conn_keys(a, &item, NULL))
        return NULL;
    for (; attempt < STAMP_ATTEMPTS * 64; attempt++) {
        stamp_of_item(r->cfg->site, r->side[from].schema->identity, r->side[from].feed.collection,
                      &item, attempt, stamp);
        if (op_by_stamp(r->db, a, stamp, &op) != STORE_OK && !is_spent(r, e, from, &item, stamp))
            break;
    }
    return arena_text(a, stamp);
}

/* Until it is filed it is known by its subject, to whoever reads the plan or lets a list go. */
static bool as_filed(struct run *r, struct wess_arena *a, const struct entry *e, enum side from,
                     struct op_row *op)
{
    const struct wess_field *subject = content_get(e->now[from], "subject");
    struct content title = {subject, subject != NULL};
    struct wess_slice body;
    for (int s = LEFT; s <= RIGHT; s++)
        op->shadow[s] = file_shadow(a, r, e->now[from]);
    if (!op->shadow[LEFT].data || !encode_content(a, &title, &body))
        return false;
    if (r->dry)
        op->before = body;
    else
        item_content(r->db, op->item[from], NULL, body);
    return true;
}

bool merge_create(struct run *r, struct wess_arena *a, struct entry *e)
{
    bool restore = e->act == ACT_RESTORE, met = false;
    enum side to = restore ? e->target : other_side(e->todo.side), from = other_side(to);
    const struct wess_collection *c = r->side[to].collection;
    struct merge m;
    struct op_row op = {.run = r->id,
                        .pu = r->pu.id,
                        .link = restore ? e->link.id : 0,
                        .side = to,
                        .what = OP_CREATE,
                        .state = OP_PLANNED,
                        .todo_item = e->todo.item,
                        .todo_side = e->todo.side,
                        .seen = e->row[from].revision,
                        .unseen = {"", ""},
                        .reason = restore ? WHY_RESTORED : WHY_CREATED,
                        .released = e->todo.released};
    if (!r->side[to].writable || !(c->caps & WESS_CAP_CREATE)) {
        if (!r->dry && (c->caps & WESS_CAP_FACET) && !relate_await(r, a, e->row[from].id, to))
            return false;
        why_put(r->db, r->pu.id, e->todo.side, e->todo.item, WHY_NOT_ALLOWED, clock_now_ms());
        todo_drop(r->db, r->pu.id, e->todo.side, e->todo.item);
        return true;
    }
    if (restore && !restore_meets(r, a, e, &met))
        return false;
    if (met)
        return true;
    op.item[from] = e->row[from].id;
    if (!merge_prepare(r, a, e, &m))
        return false;
    r->report.reconciled++;
    if (!reconcile_create(a, &m.in, to, e->now[from], &m.out) ||
        (is_masked(r, e) && !mask_title(a, &m.out.patch[to])) ||
        !with_tag(r, a, to, &m.out.patch[to]) || !with_tag(r, a, to, &m.out.shadow[to]) ||
        !(op.stamp = new_stamp(r, a, e, from)) || !encode_content(a, &m.out.patch[to], &op.body) ||
        !encode_content(a, &m.out.shadow[LEFT], &op.shadow[LEFT]) ||
        !encode_content(a, &m.out.shadow[RIGHT], &op.shadow[RIGHT]))
        return run_memory(r);
    if (r->pair->files && !as_filed(r, a, e, from, &op))
        return run_memory(r);
    put_too_long(r, a, e, &m.out);
    op_put(r->db, &op);
    return true;
}
