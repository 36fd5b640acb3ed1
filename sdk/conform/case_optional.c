/* The slots that a connector may leave empty. */
#include "probe.h"

#include <string.h>

#define TRIED 3u

/* ---- tags()
 * ------------------------------------------------------------------------------------------ */

static const char *id_named(const struct wess_fact *of, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(of[i].name, name))
            return of[i].value;
    return NULL;
}

static void optional_tags(struct probe *p)
{
    const struct wess_fact *of[2];
    size_t n[2];
    if (!p->c->tags)
        skipped(p, "it does not know tags by ids");
    for (size_t turn = 0; turn < 2; turn++)
        must(p, try_tags(p, &of[turn], &n[turn]), "tags()");
    for (size_t i = 0; i < n[0]; i++)
        for (size_t k = 0; k < i; k++)
            if (!strcmp(of[0][i].name, of[0][k].name) || !strcmp(of[0][i].value, of[0][k].value))
                failed(p, "tag %zu and tag %zu have one name, or one id", k, i);
    for (size_t i = 0; i < n[0]; i++) {
        const char *id = id_named(of[1], n[1], of[0][i].name);
        if (!id || strcmp(id, of[0][i].value) != 0)
            failed(p, "tag %zu has another id, or none, when they are asked for again", i);
    }
}

/* ---- values()
 * ------------------------------------------------------------------------------------------ */

static bool is_in(struct wess_list of, const char *value)
{
    for (size_t i = 0; i < of.n; i++)
        if (!strcmp(of.of[i], value))
            return true;
    return false;
}

static void look_at_fact(struct probe *p, const char *fact)
{
    struct wess_list usual, probed;
    bool all;
    must(p, try_values(p, fact, &usual, &all), "values()");
    p->call_flags = WESS_CALL_PROBE;
    must(p, try_values(p, fact, &probed, &all), "values()");
    p->call_flags = 0;
    for (size_t i = 0; i < usual.n; i++)
        if (!is_in(probed, usual.of[i]))
            failed(p, "a value of the fact %s is not among those of WESS_CALL_PROBE", fact);
}

static void optional_values(struct probe *p)
{
    struct wess_list none;
    bool all;
    if (!p->c->values)
        skipped(p, "it does not know the values of facts");
    for (size_t i = 0; i < p->col->facts.n; i++)
        look_at_fact(p, p->col->facts.of[i]);
    if (try_values(p, "no-such-fact", &none, &all) == WESS_OK && none.n)
        failed(p, "a fact that there is not has %zu values", none.n);
}

/* ---- relate()
 * ------------------------------------------------------------------------------------------ */

static void optional_relate(struct probe *p)
{
    struct wess_relation of[TRIED];
    struct wess_result r[TRIED];
    if (!p->c->relate)
        skipped(p, "it ties nothing afterwards");
    for (size_t i = 0; i < TRIED; i++)
        of[i] = (struct wess_relation){kept_fmt(p, "no-such-item-%zu", i),
                                       {p->setup->collection, "no-such-item"}};
    must(p, try_relate(p, of, TRIED, r), "relate()");
    for (size_t i = 0; i < TRIED; i++)
        if (r[i].code != WESS_GONE && r[i].code != WESS_REJECTED)
            failed(p, "an item that is not there is tied to another: result %zu is %s", i,
                   code_name(r[i].code));
}

static const struct case_def cases[] = {
    {"optional.tags", "12.1", 0, NEEDS_OPEN, optional_tags},
    {"optional.values", "12.2", 0, NEEDS_OPEN, optional_values},
    {"optional.relate", "12.3", 0, NEEDS_OPEN, optional_relate},
};
const struct suite suite_optional = {cases, sizeof(cases) / sizeof(cases[0])};
