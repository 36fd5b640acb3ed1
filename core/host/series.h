/* A series as its occurrences. A remote that cannot hold what recurs (WESS_CAP_SINGLES) is beside
 * one that can: to everybody behind the seam of conn.h the series of that one are then as many
 * single events, each with an id, a revision and a key of its own:
 *
 *     id SERIES#2030-09-02   key {"uid", "UID/2030-09-02"}   revision: what it shows, digested
 *
 * with the day on which it was to be by the clocks of the series (the key of its override). What is
 * written to one becomes an override of the series. */
#ifndef CORE_HOST_SERIES_H
#define CORE_HOST_SERIES_H

#include "host/conn.h"

#define SERIES_DAY 10u /* letters of "2030-09-02" */
#define SERIES_MARK '#'

struct series_one {
    char day[SERIES_DAY + 1]; /* when it was to be */
    int64_t when_ms;
    const struct wess_record *override; /* NULL: it is as the series */
    struct wess_item item;              /* content, keys and facts; see series_item() */
};
struct series_list {
    struct series_one *of; /* ascending */
    size_t n;
    char until[SERIES_DAY + 1]; /* the last day of what is listed: of some there were too many */
    bool cut;                   /* so it was */
};
bool series_is(const struct wess_item *); /* it recurs, as its content says */
/* Those of a series (content as fetch() gives it) whose own day or beginning lies between the two
 * instants, and `also` whichever days, at most `most`. Deleted ones are none. false: arena spent. A
 * rule by hours or less has none: *why says so, NULL otherwise. */
bool series_expand(struct wess_arena *, const struct wess_item *series,
                   const struct series_window *, const struct wess_list *also,
                   struct series_list *out, const char **why);
/* Its content as that of a single event, with its id, revision and keys. false: arena spent. */
bool series_item(struct wess_arena *, const struct wess_item *series, struct series_one *);
/* The day of its beginning by its own clocks; "": it has none. NULL: arena spent. */
const char *series_day(struct wess_arena *, const struct wess_item *whole);
/* "SERIES#DAY" in two, the series in the arena; NULL: it is no such id, or arena spent. */
const char *series_of_id(struct wess_arena *, const char *id, const char **day);
const struct wess_field *series_field(const struct wess_item *, const char *name);

/* What such a collection can hold: without what recurs. false: arena spent. */
size_t conn_fetch_most(const struct conn *, const char *collection); /* ids of one call */
bool series_collection(struct wess_arena *, const struct wess_collection *,
                       struct wess_collection *out);

/* What conn_changes() and the others are for such a collection; raw: what the connector says. */
enum wess_code series_changes(struct conn *, const struct series_view *, const char *collection,
                              struct wess_arena *, const struct wess_want *, struct wess_slice,
                              uint32_t limit, struct wess_page *, struct wess_error *);
enum wess_code series_fetch(struct conn *, const struct series_view *, const char *collection,
                            struct wess_arena *, uint32_t flags, struct wess_list ids,
                            struct wess_result *, struct wess_error *);
enum wess_code series_find(struct conn *, const struct series_view *, const char *collection,
                           struct wess_arena *, const struct wess_key *, size_t n,
                           struct wess_page *, struct wess_error *);
enum wess_code series_apply(struct conn *, const struct series_view *, const char *collection,
                            struct wess_arena *, const struct wess_op *, size_t n,
                            struct wess_result *, struct wess_error *);
enum wess_code raw_changes(struct conn *, const char *collection, struct wess_arena *,
                           const struct wess_want *, struct wess_slice, uint32_t limit,
                           struct wess_page *, struct wess_error *);
enum wess_code raw_fetch(struct conn *, const char *collection, struct wess_arena *, uint32_t flags,
                         struct wess_list ids, struct wess_result *, struct wess_error *);
enum wess_code raw_find(struct conn *, const char *collection, struct wess_arena *,
                        const struct wess_key *, size_t n, struct wess_page *, struct wess_error *);
enum wess_code raw_apply(struct conn *, const char *collection, struct wess_arena *,
                         const struct wess_op *, size_t n, struct wess_result *,
                         struct wess_error *);
/* Several ids however many one call takes. */
enum wess_code raw_fetch_all(struct conn *, const char *collection, struct wess_arena *,
                             uint32_t flags, struct wess_list ids, struct wess_result *,
                             struct wess_error *);

#endif
