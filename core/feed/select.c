#include "feed/select.h"

#include <string.h>

static bool fold_list(struct wess_arena *a, struct wess_list in, struct wess_list *out)
{
    const char **of = in.n ? arena_alloc(a, in.n * sizeof(*of)) : NULL;
    if (in.n && !of)
        return false;
    for (size_t i = 0; i < in.n; i++)
        if (!(of[i] = text_fold(a, in.of[i])))
            return false;
    *out = (struct wess_list){of, in.n};
    return true;
}

bool selector_make(struct wess_arena *a, const struct cfg_select *s, enum private_mode mode,
                   const struct cfg_user *user, struct selector *out, const char **why)
{
    struct cfg_fact *facts = s->n_facts ? arena_alloc(a, s->n_facts * sizeof(*facts)) : NULL;
    *why = NULL;
    *out = (struct selector){.given = s->given,
                             .folder = s->folder,
                             .private_mode = mode,
                             .source_name = s->source ? s->source->name : NULL,
                             .join = s->join};
    if (s->n_facts && !facts)
        return false;
    for (size_t i = 0; i < s->n_facts; i++) {
        const char *value = config_expand(a, s->facts[i].value, user, why);
        facts[i].name = s->facts[i].name;
        if (!value || !(facts[i].value = text_fold(a, value)))
            return false;
    }
    out->facts = facts;
    out->n_facts = s->n_facts;
    return fold_list(a, s->tags_any, &out->any) && fold_list(a, s->tags_all, &out->all) &&
           fold_list(a, s->tags_none, &out->none);
}

#define STEPS 24 /* in which the far edge of a window moves on */

void selector_window(struct selector *s, const struct cfg_window *w, int64_t now_ms)
{
    int64_t step = w->future / STEPS;
    s->now_ms = now_ms;
    s->past_ms = w->past;
    s->until_ms = w->future ? (now_ms / step + 1) * step + w->future : 0;
}

#define PAST_USUAL ((int64_t)180 * 86400000)
#define FUTURE_USUAL ((int64_t)720 * 86400000)

/* A series has occurrences without end: where the pair has no window there is one all the same. */
void selector_singles(struct selector *s, const struct cfg_window *w)
{
    struct selector bounded = {.now_ms = 0};
    const struct cfg_window usual = {.past = w->past ? w->past : PAST_USUAL,
                                     .future = w->future ? w->future : FUTURE_USUAL,
                                     .per_series = w->per_series};
    selector_window(&bounded, &usual, s->now_ms);
    s->series = (struct series_window){.from_ms = s->now_ms - usual.past,
                                       .until_ms = bounded.until_ms,
                                       .most = (size_t)usual.per_series};
}

static bool has_tag(struct wess_arena *a, const struct wess_item *item, const char *folded)
{
    for (size_t i = 0; i < item->tags.n; i++) {
        const char *tag = text_fold(a, item->tags.of[i]);
        if (tag && !strcmp(tag, folded))
            return true;
    }
    return false;
}

static size_t count_tags(struct wess_arena *a, const struct wess_item *item, struct wess_list asked)
{
    size_t n = 0;
    for (size_t i = 0; i < asked.n; i++)
        n += has_tag(a, item, asked.of[i]);
    return n;
}

static bool has_fact(struct wess_arena *a, const struct wess_item *item, const struct cfg_fact *ask)
{
    for (size_t i = 0; i < item->n_facts; i++) {
        if (strcmp(item->facts[i].name, ask->name))
            continue;
        const char *value = text_fold(a, item->facts[i].value);
        if (value && !strcmp(value, ask->value))
            return true;
    }
    return false;
}

static bool in_scope(const struct selector *s, struct wess_arena *a, const struct wess_item *item)
{
    for (size_t i = 0; i < s->n_facts; i++)
        if (!has_fact(a, item, &s->facts[i]))
            return false;
    return !s->folder || (item->folder && !strcmp(item->folder, s->folder));
}

enum chosen selector_judge(const struct selector *s, struct wess_arena *a,
                           const struct wess_item *item)
{
    if ((item->flags & WESS_ITEM_PRIVATE) && s->private_mode == PRIVATE_SKIP)
        return KEPT_PRIVATE;
    if (s->nothing)
        return OUT_OF_SCOPE;
    if (!s->given)
        return CHOSEN;
    if (!in_scope(s, a, item))
        return OUT_OF_SCOPE;
    if ((s->any.n && !count_tags(a, item, s->any)) || count_tags(a, item, s->all) < s->all.n ||
        count_tags(a, item, s->none))
        return UNTAGGED;
    return CHOSEN;
}

bool selector_in_window(const struct selector *s, const struct wess_item *item)
{
    int64_t when_ms = item->when_ms;
    return !when_ms || ((!s->past_ms || when_ms >= s->now_ms - s->past_ms) &&
                        (!s->until_ms || when_ms <= s->until_ms));
}

/* ---- digest ------------------------------------------------------------------------------------
 */

static bool add(struct wess_arena *a, char **text, const char *word, const char *value)
{
    *text = arena_fmt(a, "%s%s=%s\n", *text, word, value ? value : "");
    return *text != NULL;
}

static bool add_list(struct wess_arena *a, char **text, const char *word, struct wess_list l)
{
    bool ok = true;
    for (size_t i = 0; ok && i < l.n; i++)
        ok = add(a, text, word, l.of[i]);
    return ok;
}

static bool add_selector(struct wess_arena *a, char **text, const struct selector *s)
{
    bool ok = add(a, text, "side",
                  s->nothing ? "nothing"
                  : s->given ? "select"
                             : "all") &&
              add_list(a, text, "any", s->any) && add_list(a, text, "all", s->all) &&
              add_list(a, text, "none", s->none) && add(a, text, "folder", s->folder) &&
              add(a, text, "private",
                  s->private_mode == PRIVATE_SKIP   ? "skip"
                  : s->private_mode == PRIVATE_MASK ? "mask"
                                                    : "full");
    for (size_t i = 0; ok && i < s->n_facts; i++)
        ok = add(a, text, s->facts[i].name, s->facts[i].value);
    if (ok && (s->past_ms || s->until_ms))
        ok = add(a, text, "window",
                 arena_fmt(a, "%lld %lld", (long long)s->past_ms, (long long)s->until_ms));
    if (ok && s->series.until_ms)
        ok = add(a, text, "series",
                 arena_fmt(a, "%lld %zu", (long long)s->series.until_ms, s->series.most));
    if (ok && s->unwritten)
        ok = add(a, text, "written", "no");
    if (ok && s->source_name)
        ok = add(a, text, "source", s->source_name) && add(a, text, "join", s->join);
    return ok;
}

/* Also of how keys are kept: more of them are had by reading anew. */
bool selector_digest(struct wess_arena *a, const struct selector side[2], bool by_name,
                     struct wess_slice *out)
{
    char *text = arena_text(a, by_name ? "1 names\n" : "1\n");
    unsigned char *digest = arena_alloc(a, DIGEST_SIZE);
    if (!text || !digest || !add_selector(a, &text, &side[LEFT]) ||
        !add_selector(a, &text, &side[RIGHT]))
        return false;
    digest_of((struct wess_slice){text, strlen(text)}, digest);
    *out = (struct wess_slice){digest, DIGEST_SIZE};
    return true;
}
