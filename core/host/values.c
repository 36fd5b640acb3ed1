/* Whether what a select asks can be: a name that is misspelt chooses nothing, and says nothing. */
#include "host/conn.h"

#include <string.h>

#include "model/model.h"

/* Under any spelling of its letters, as a selector compares. */
static bool is_there(struct wess_arena *a, struct wess_list values, const char *value)
{
    const char *asked = text_fold(a, value);
    for (size_t i = 0; asked && i < values.n; i++) {
        const char *one = text_fold(a, values.of[i]);
        if (!one || !strcmp(one, asked))
            return true;
    }
    return !asked; /* without memory nothing is said */
}

const char *conn_select_wrong(struct conn *c, const struct cfg_pair *pair, int side,
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
        if (conn_values(c, collection, scratch, fact, ask, &values, &all, &e) != WESS_OK ||
            !value || !all || is_there(scratch, values, value))
            continue;
        const char *near = text_nearest(value, values.of, values.n);
        wrong = arena_fmt(a, "%s: %s has no %s \"%s\", so that nothing is chosen there%s%s%s",
                          pair->endpoint[side]->name, collection, fact, value,
                          near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    arena_free(scratch);
    return wrong;
}
