/* Whether what a pair says of a side can be there: a name that is misspelt chooses nothing, or lets
 * nothing travel, and says nothing. */
#include "host/conn.h"

#include <string.h>

#include "model/model.h"

static bool is_in(struct wess_list l, const char *name)
{
    for (size_t i = 0; i < l.n; i++)
        if (!strcmp(l.of[i], name))
            return true;
    return false;
}

/* Under any spelling of its letters, as a selector compares. */
static bool is_there(struct wess_arena *a, struct wess_list values, const char *value)
{
    if (is_in(values, value))
        return true;
    const char *asked = text_fold(a, value);
    for (size_t i = 0; asked && i < values.n; i++) {
        const char *one = text_fold(a, values.of[i]);
        if (!one || !strcmp(one, asked))
            return true;
    }
    return !asked; /* without memory nothing is said */
}

/* What means something there, and not for who is signed in. */
static bool is_spelt(struct wess_arena *a, const char *word, const char *value)
{
    const char *one = *word ? text_fold(a, word) : NULL, *asked = one ? text_fold(a, value) : NULL;
    return asked && !strcmp(one, asked);
}

static const char *select_wrong(struct conn *c, const struct cfg_pair *pair, int side,
                                const struct cfg_user *user, struct wess_arena *a, bool ask)
{
    const struct cfg_select *s = &pair->select[side];
    const char *collection = pair->collection[side], *why, *wrong = NULL;
    struct wess_arena *scratch = s->n_facts ? arena_new(ARENA_BUDGET) : NULL;
    struct wess_error e = {0};
    for (size_t i = 0; scratch && i < s->n_facts && !wrong; i++) {
        struct wess_list values;
        bool all;
        const char *fact = s->facts[i].name,
                   *value = config_expand(scratch, s->facts[i].value, user, &why);
        if (conn_values(c, collection, scratch, fact, ask, &values, &all, &e) != WESS_OK || !value)
            continue;
        if (is_spelt(scratch, e.remote_code, value)) {
            wrong =
                arena_fmt(a, "%s: %s cannot tell %s \"%s\", so that nothing is chosen there: %s",
                          pair->endpoint[side]->name, collection, fact, value, e.text);
            continue;
        }
        if (!all || is_there(scratch, values, value))
            continue;
        const char *near = text_nearest(value, values.of, values.n);
        wrong = arena_fmt(a, "%s: %s has no %s \"%s\", so that nothing is chosen there%s%s%s",
                          pair->endpoint[side]->name, collection, fact, value,
                          near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    arena_free(scratch);
    return wrong;
}

/* The name of a fact that the collection does not offer. */
static const char *fact_wrong(const struct wess_collection *col, const struct cfg_pair *pair,
                              int side, struct wess_arena *a)
{
    static const char *const settings[] = {"tags_any", "tags_all", "tags_none", "folder",
                                           "shared",   "source",   "join"};
    const struct cfg_select *s = &pair->select[side];
    for (size_t i = 0; i < s->n_facts; i++) {
        const char *name = s->facts[i].name;
        if (is_in(col->facts, name))
            continue;
        const char *near = text_nearest(name, col->facts.of, col->facts.n);
        if (!near)
            near = text_nearest(name, settings, sizeof(settings) / sizeof(settings[0]));
        return arena_fmt(a,
                         "%s: a select of %s cannot ask for \"%s\", so that nothing is chosen "
                         "there%s%s%s",
                         pair->endpoint[side]->name, col->id, name, near ? "; did you mean \"" : "",
                         near ? near : "", near ? "\"?" : "");
    }
    return NULL;
}

/* The names of fields of the remote's own, as the collection lists them. */
static struct wess_list own_fields(const struct wess_collection *col, const char *prefix,
                                   struct wess_arena *a)
{
    const char **of = arena_alloc(a, (col->n_fields + 1) * sizeof(*of));
    struct wess_list out = {of, 0};
    for (size_t i = 0; of && i < col->n_fields; i++)
        if (!strncmp(col->fields[i].name, prefix, strlen(prefix)))
            of[out.n++] = col->fields[i].name;
    return out;
}

/* Of a collection that lists some of its own. */
static const char *fields_wrong(const struct wess_collection *col, const struct cfg_pair *pair,
                                int side, struct wess_arena *a)
{
    const struct cfg_endpoint *e = pair->endpoint[side];
    const char *prefix = arena_fmt(a, "x.%s.", e->connector);
    struct wess_list own = {NULL, 0};
    if (prefix && pair->n_rules)
        own = own_fields(col, prefix, a);
    for (size_t i = 0; own.n && i < pair->n_rules; i++) {
        const char *name = side == LEFT ? pair->rules[i].left : pair->rules[i].right;
        if (!name || strncmp(name, prefix, strlen(prefix)) != 0 || is_in(own, name))
            continue;
        const char *near = text_nearest(name, own.of, own.n);
        return arena_fmt(a, "%s: %s has no field \"%s\", so that it does not travel%s%s%s", e->name,
                         col->id, name, near ? "; did you mean \"" : "", near ? near : "",
                         near ? "\"?" : "");
    }
    return NULL;
}

const char *conn_pair_wrong(struct conn *c, const struct cfg_pair *pair, int side,
                            const struct cfg_user *user, struct wess_arena *a, bool ask)
{
    struct wess_error e;
    enum wess_code rc;
    const struct wess_collection *col = conn_collection(c, pair->collection[side], &e, &rc);
    const char *wrong = col ? fact_wrong(col, pair, side, a) : NULL;
    if (!wrong && col)
        wrong = fields_wrong(col, pair, side, a);
    return wrong ? wrong : select_wrong(c, pair, side, user, a, ask);
}
