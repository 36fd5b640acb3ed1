/* What is to be made on a side that has no such item: its content, and the stamp it will bear. */
#include <string.h>

#include "engine/run.h"
#include "feed/stamp.h"

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
    if (r->pair->kind->natural && !conn_keys(a, &item, NULL))
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
    const struct item_row *row = &e->row[from];
    bool told = row->content && row->content_rev && !strcmp(row->content_rev, row->revision);
    if (r->dry)
        op->before = body;
    else if (!told) /* as when its listing told of it */
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
                        .released = is_released(e->todo.released, OP_CREATE)};
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
    merge_too_long(r, a, e, &m.out);
    op_put(r->db, &op);
    return true;
}
