#include "feed/seen.h"

void seen_settle(struct db *db, struct wess_arena *scratch, const struct op_row *op,
                 const struct item_row *created, int64_t now_ms)
{
    enum side from = op->side == LEFT ? RIGHT : LEFT;
    struct link_row link = {0};
    /* A create that restores one end of a link goes on with that link. */
    if (!op->link || link_get(db, scratch, op->link, &link) != STORE_OK)
        link = (struct link_row){.pu = op->pu, .unseen = {"", ""}};
    link.item[op->side] = created->id;
    link.item[from] = op->item[from];
    link.rev[op->side] = link.rev[from] = NULL;
    link.shadow[op->side] = op->shadow[op->side];
    link.shadow[from] = op->shadow[from];
    link.unseen[op->side] = op->unseen[op->side] ? op->unseen[op->side] : "";
    link.chosen[from] = true;
    link.chosen[op->side] = false;
    link.made[op->side] = true;
    link.stamp = op->stamp;
    link.ended = false;
    link_put(db, &link);
    item_flags(db, created->id, ITEM_OURS | ITEM_UNSEEN | ITEM_FOUND, 0);
    op_made(db, op, created->id, link.id, now_ms);
    todo_put(db, op->pu, from, op->item[from], CHOSEN);
    todo_put(db, op->pu, op->side, created->id, NOT_CHOSEN);
}

/* The same record is another item in another feed of its remote: whose create it was reads that by
 * a feed of their own. Who is no subscriber at all, having left, has none. */
static bool is_of_feed(const struct pull *p, const struct op_row *op)
{
    bool siblings = false;
    for (size_t i = 0; i < p->n_subs; i++)
        if (p->subs[i].pu == op->pu && p->subs[i].side == op->side)
            return true;
    return !*p->feed->user && feed_has_siblings(p->db, p->feed->id, &siblings) == STORE_OK &&
           !siblings;
}

void seen_stamp(const struct pull *p, struct wess_arena *scratch, const char *stamp,
                const struct item_row *item, int64_t now_ms)
{
    struct op_row op;
    if (op_by_stamp(p->db, scratch, stamp, &op) == STORE_OK && op.what == OP_CREATE &&
        op.state == OP_SENT && !(p->live && p->live(p->ctx, op.run)) && is_of_feed(p, &op))
        seen_settle(p->db, scratch, &op, item, now_ms);
}
