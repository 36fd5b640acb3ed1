/* Contents that are read ahead: while a long listing goes on, what its run is going to read anyway
 * is asked for by a thread of its own, on a connection of its own, and lies encoded in a file
 * without a name until it is planned. It goes on behind the listing: whoever plans an item waits
 * for it. Nothing depends on it: what is not there, or not of the revision that the index has by
 * then, is read when it is planned. */
#ifndef CORE_FEED_AHEAD_H
#define CORE_FEED_AHEAD_H

#include "host/conn.h"
#include "model/model.h"

struct ahead;
struct ahead_of { /* lives as long as the ahead, and so does what it points to */
    const struct config *cfg;
    const struct cfg_endpoint *endpoint;
    const struct cfg_user *user; /* NULL: of a shared endpoint */
    const bool *cancelled;       /* NULL: never */
    const char *identity;        /* of the mailbox or database that is listed: no other is read */
    const char *collection;
    const struct series_view *view; /* as it is listed; NULL: series as they are */
    const struct kind_def *kind;
    uint32_t flags; /* WESS_CALL_*, with which it would be read later */
    size_t at_once; /* ids of one call at most */
    size_t each;    /* as many of a call go in one request: none goes with less, but the last */
};
/* NULL: out of memory. */
struct ahead *ahead_new(const struct ahead_of *);
/* An item that the index did not know: its number is above all those before. */
void ahead_want(struct ahead *, int64_t item, const char *rid);
/* There is more to list: asking begins, once as many are wanted as go in one request. */
void ahead_go(struct ahead *);
/* All is listed: what is wanted is read yet. */
void ahead_all(struct ahead *);
/* Whether the remote asked for a pause, which is meant for whoever lists or plans, too: WESS_OK, or
 * WESS_THROTTLED with its error. */
enum wess_code ahead_pause(struct ahead *, struct wess_error *);
/* Until nothing is under way any more, behind ahead_all(): who asks by himself does not come on top
 * of it. */
void ahead_await(struct ahead *);
/* Behind ahead_all(), by any thread, when its turn has come: the content of an item at that
 * revision, in the arena. */
bool ahead_take(struct ahead *, struct wess_arena *, int64_t item, const char *revision,
                struct content *);
/* Nothing more is asked for, and what is under way is dropped. The traffic that it was. */
struct conn_stats ahead_stop(struct ahead *);
void ahead_free(struct ahead *); /* stopped or not; NULL: nothing */

#endif
