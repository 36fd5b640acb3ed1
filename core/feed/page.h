/* A page on its way into the store. Private to core/feed.
 *
 *     list (the connector's changes) -> compare (sorted listings, with the index) -> facts (of what
 *          is not known) -> store (page, absences and cursor in one transaction) */
#ifndef CORE_FEED_PAGE_H
#define CORE_FEED_PAGE_H

#include <pthread.h>

#include "feed/pull.h"

struct page {
    struct pull *pull;
    struct wess_arena *arena;
    struct wess_slice at; /* the cursor it was asked for with */
    uint32_t limit;
    struct wess_page got;
    struct wess_error error;
    enum wess_code code;
    bool spent; /* no memory for its facts: `code` is not the connector's */
    /* compare.c */
    bool sorted; /* compared with the index: only what follows is news */
    const struct wess_change **news;
    bool *fresh; /* of each: the index does not know its id */
    size_t n_news;
    size_t n_wanted; /* of them, told by id and revision alone: facts are to be fetched */
    int64_t *absent; /* items of the index that it does not list */
    size_t n_absent;
};

/* Of the connector's flags, those that the index keeps. */
#define STORED_FLAGS                                                                               \
    ((uint32_t)(WESS_ITEM_PRIVATE | WESS_ITEM_TELLS | WESS_ITEM_LOCKED | WESS_ITEM_FOREIGN))

/* The transaction of pages that come quickly one after the other, of all the feeds that are read
 * side by side: what it loses they all have lost. */
struct gathering {
    struct db *db;
    bool open, lost, spent; /* spent: lost for want of memory */
    size_t n;               /* changes in it */
};

#define TAG_KEPT 64u
/* One page on its way into it. */
struct storing {
    struct pull *pull;
    struct gathering *gathering;
    struct wess_arena *scratch; /* of one item */
    int64_t mark;               /* the snapshot's number; 0: none, or a sorted one */
    int64_t now_ms;
    bool spent;
    struct hash last; /* of the tag `tag`: most of a source's items bear the same one */
    char tag[TAG_KEPT];
    bool back;   /* something was put back to an earlier time */
    bool again;  /* the remote starts over by itself: everything has to be listed */
    bool fresh;  /* the change at hand is of an id that the index does not know */
    bool judges; /* known or not, it is judged: a tag source has changed its mind */
};

/* change.c: one change into the store, judged in memory first. */
void store_change(struct storing *, const struct wess_change *);
/* The listing of everything does not have it. */
void store_absent(struct storing *, int64_t item);

/* series.c: of a series that is its occurrences, what comes before them on a page (SERIES_OF). */
void store_series(struct storing *, const struct wess_change *);

/* source.c: what a tag source says of one of its items. */
void store_tagged(struct storing *, const struct wess_change *);
/* The verdict on an item, by its own tags or by those of a source. */
enum chosen judge(struct storing *, const struct selector *, const struct wess_item *);
enum chosen admit(struct storing *, const struct selector *,
                  const struct wess_item *); /* not linked: in the window as well */

/* compare.c: which of a page is news. The index is read in the order of ids behind the last one. */
struct comparing {
    struct pull *pull;
    struct wess_arena *arena; /* of the rows at hand */
    struct index_row *rows;
    size_t n, at;
    bool ended;       /* the index has no more */
    const char *last; /* the id up to which it is compared; NULL: none */
    char *kept;       /* the same, once its page is done */
    bool anew;        /* of a tag source: what it said may lie elsewhere by now, tagged or not */
    int64_t began_ms; /* what is younger than the listing is not missed in it */
};
bool compare_page(struct comparing *, struct page *); /* false: the db failed, or memory is out */
void compare_fini(struct comparing *);
/* Asks for the facts of what is told by id and revision alone. Touches nothing of the store. */
void page_facts(struct page *);

#endif
