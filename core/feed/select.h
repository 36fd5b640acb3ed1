/* Which items take part: a side's `select`, made ready for one user, and the verdict on one item.
 * Pure; judged in memory before a page is stored, since of an unselected item nothing readable is.
 */
#ifndef CORE_FEED_SELECT_H
#define CORE_FEED_SELECT_H

#include "config/config.h"
#include "host/conn.h"
#include "store/store.h"

struct selector {
    bool given;     /* false: chooses everything */
    bool nothing;   /* only the other side was given a select: this one chooses nothing by itself */
    bool unwritten; /* the wave or the pair's direction forbids to write that side */
    struct wess_list any, all, none; /* tags, folded */
    const struct cfg_fact *facts;    /* values folded, %{user.X} replaced */
    size_t n_facts;
    const char *folder;
    enum private_mode private_mode;
    int64_t past_ms;          /* how long ago what begins to take part may be; 0: without bound */
    int64_t now_ms, until_ms; /* of the round; when it is at the latest, 0: without bound */
    struct series_window series; /* until_ms 0: what recurs is one item */
    int64_t source;              /* the feed of the tag source; 0: the item's own tags */
    const char *source_name, *join;
};
/* In `a`. false: *why names a user's missing attribute, or is NULL when the arena is spent. */
bool selector_make(struct wess_arena *a, const struct cfg_select *, enum private_mode,
                   const struct cfg_user *, struct selector *, const char **why);
/* What lies far ahead comes into the window with time and without a word of the remote: the far
 * edge moves in steps, and with it the digest. */
void selector_window(struct selector *, const struct cfg_window *, int64_t now_ms);
/* The other side holds nothing that recurs: what recurs here is its occurrences in the window. */
void selector_singles(struct selector *, const struct cfg_window *);
/* `scratch` serves for folding. Out of scope outranks a missing tag: leaving by a fact is never an
 * untag. */
enum chosen selector_judge(const struct selector *, struct wess_arena *scratch,
                           const struct wess_item *);
/* Or it has no date. Asked of what is not linked alone: growing old ends nothing. */
bool selector_in_window(const struct selector *, const struct wess_item *);
/* Changes when anything that selects changes, or which sides may be written: the feed is then read
 * from its start. */
bool selector_digest(struct wess_arena *a, const struct selector side[2], bool by_name,
                     struct wess_slice *out);

#endif
