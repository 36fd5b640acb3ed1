/* private = "mask": of a private event the other side is told when it is, and nothing else. */
#include "engine/reconcile.h"
#include "engine/run.h"

#include <string.h>

#define TITLE "Private"

static const char *const open_fields[] = {"busystatus", "class", "end", "rrule", "start", "uid"};

bool is_masked(const struct run *r, const struct entry *e)
{
    bool any = false;
    for (int s = LEFT; s <= RIGHT; s++)
        any |= e->row[s].id && (e->row[s].flags & WESS_ITEM_PRIVATE);
    return any && r->pair->private_mode == PRIVATE_MASK;
}

static bool is_open(const char *field)
{
    for (size_t i = 0; i < sizeof(open_fields) / sizeof(open_fields[0]); i++)
        if (!strcmp(open_fields[i], field))
            return true;
    return false;
}

/* No other field goes, either way: what the twin says of them is its own. */
bool mask_rules(const struct run *r, struct wess_arena *a, struct reconcile_in *in)
{
    size_t n = 0, most = in->n_rules;
    for (int s = LEFT; s <= RIGHT; s++)
        most += r->side[s].collection->n_fields;
    struct field_rule *of = arena_alloc(a, (most + 1) * sizeof(*of));
    for (int s = LEFT; of && s <= RIGHT; s++) {
        const struct wess_collection *c = r->side[s].collection;
        for (size_t i = 0; i < c->n_fields; i++)
            if (!is_open(c->fields[i].name))
                of[n++] = (struct field_rule){
                    .left = c->fields[i].name, .right = c->fields[i].name, .direction = DIR_NEVER};
    }
    for (size_t i = 0; of && i < in->n_rules; i++)
        if (is_open(in->rules[i].left) && is_open(in->rules[i].right))
            of[n++] = in->rules[i];
    in->rules = of;
    in->n_rules = of ? n : 0;
    return of != NULL;
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
