/* What of an item goes no further than the rules of its pair: of a private event with private =
 * "mask" the other side is told when it is, and nothing else; of somebody else's meeting what is
 * not one's own is never written, and told for as long as the copy of whoever organises it takes no
 * part. */
#include "engine/reconcile.h"
#include "engine/run.h"

#include <string.h>

#define TITLE "Private"

struct narrowing {
    const char *const *open; /* fields that go as the pair says; NULL behind the last */
    enum direction rest;     /* where the others may go at most */
};
static const char *const when[] = {"busystatus", "class", "end", "rrule", "start", "uid", NULL};
static const char *const own[] = {"alarm", "busystatus", "categories", NULL};
static const char *const nothing[] = {NULL};

bool is_masked(const struct run *r, const struct entry *e)
{
    bool any = false;
    for (int s = LEFT; s <= RIGHT; s++)
        any |= e->row[s].id && (e->row[s].flags & WESS_ITEM_PRIVATE);
    return any && r->pair->private_mode == PRIVATE_MASK;
}

static bool is_open(const struct narrowing *n, const char *field)
{
    for (const char *const *open = n->open; *open; open++)
        if (!strcmp(*open, field))
            return true;
    return false;
}

static enum direction narrower(enum direction a, enum direction b)
{
    return a == DIR_BOTH ? b : b == DIR_BOTH || a == b ? a : DIR_NEVER;
}

/* The pair's rules, narrowed, before those for what it has no rule for. */
static bool narrow(const struct run *r, struct wess_arena *a, const struct narrowing *by,
                   struct reconcile_in *in)
{
    size_t n = 0, most = in->n_rules;
    for (int s = LEFT; s <= RIGHT; s++)
        most += r->side[s].collection->n_fields;
    struct field_rule *of = arena_alloc(a, (most + 1) * sizeof(*of));
    for (size_t i = 0; of && i < in->n_rules; i++) {
        of[n] = in->rules[i];
        if (!is_open(by, of[n].left) || !is_open(by, of[n].right))
            of[n].direction = narrower(of[n].direction, by->rest);
        n++;
    }
    for (int s = LEFT; of && s <= RIGHT; s++) {
        const struct wess_collection *c = r->side[s].collection;
        for (size_t i = 0; i < c->n_fields; i++)
            if (!is_open(by, c->fields[i].name))
                of[n++] = (struct field_rule){.left = c->fields[i].name,
                                              .right = c->fields[i].name,
                                              .direction = by->rest,
                                              .conflict = in->default_rule};
    }
    in->rules = of;
    in->n_rules = of ? n : 0;
    return of != NULL;
}

/* Somebody else's meeting is told by one copy: that of whoever organises it, or else the one that
 * was linked first. Of the others nothing goes either way. */
static bool by_owner(struct run *r, struct wess_arena *a, enum side s,
                     const struct link_holders *by, struct reconcile_in *in)
{
    const struct narrowing none = {nothing, DIR_NEVER},
                           some = {own, s == LEFT ? DIR_TO_RIGHT : DIR_TO_LEFT};
    return narrow(r, a, by->owner || by->older_one ? &none : &some, in);
}

/* What is one meeting, and whose. */
static bool by_holders(struct run *r, struct wess_arena *a, const struct entry *e, enum side s,
                       struct reconcile_in *in)
{
    int64_t twin = e->row[other_side(s)].id;
    bool foreign = (e->row[s].flags & WESS_ITEM_FOREIGN) != 0;
    struct link_holders by = {0};
    if (!r->pair->kind->people || (!foreign && !e->fresh))
        return true;
    if (twin && link_holders(r->db, e->link.id, s, twin, &by) != STORE_OK)
        return false;
    if (foreign)
        return by_owner(r, a, s, &by, in);
    /* Copies told of it until now; whoever organises it comes. */
    if (by.copy && !by.owner)
        in->first_differs = s == LEFT ? RULE_LEFT : RULE_RIGHT;
    return true;
}

bool narrow_rules(struct run *r, struct wess_arena *a, const struct entry *e,
                  struct reconcile_in *in)
{
    static const struct narrowing masked = {when, DIR_NEVER};
    bool ok = !is_masked(r, e) || narrow(r, a, &masked, in);
    for (int s = LEFT; ok && s <= RIGHT; s++)
        ok = by_holders(r, a, e, (enum side)s, in);
    return ok;
}

bool mask_title(struct wess_arena *a, struct content *c)
{
    struct wess_field *f = arena_alloc(a, sizeof(*f));
    if (!f)
        return false;
    *f = (struct wess_field){
        .name = "summary", .type = WESS_TEXT, .str = {TITLE, sizeof(TITLE) - 1}};
    return content_patch(a, c, &(struct content){f, 1}, c);
}
