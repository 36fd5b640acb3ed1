/* What the pure merge is asked, of rows: both sides as they are, their shadows, what people
 * decided. */
#include <string.h>

#include "engine/run.h"

struct wess_list still_unseen(struct wess_arena *a, const struct entry *e, enum side s,
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

/* What the sides showed when it was asked. */
static bool as_asked(struct wess_arena *a, const struct ask_row *ask, struct decision *d)
{
    static const char *const names[] = {"left", "right"};
    struct content values;
    if (!decode_content(a, ask->values, &values))
        return false;
    for (int s = LEFT; s <= RIGHT; s++)
        d->asked[s] = content_get(&values, names[s]);
    return true;
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
        if (!as_asked(a, &m->asks[i], d))
            return run_memory(r);
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

/* News of one end brings its link up while a person has not let go what changed at the other: that
 * does not go by the way. */
static bool is_locked(const struct run *r, const struct entry *e, enum side s)
{
    const struct wess_collection *c = r->side[s].collection;
    return !r->side[s].writable || !(c->caps & WESS_CAP_UPDATE) ||
           (e->row[s].flags & WESS_ITEM_LOCKED) != 0 || (e->change_held && s == e->todo.side);
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
