/* A create whose answer was lost settles itself when its stamp is read. */
#ifndef CORE_FEED_SEEN_H
#define CORE_FEED_SEEN_H

#include "feed/pull.h"

/* The item bears the stamp. Where a create into this feed, of a run that is over, left that stamp
 * in doubt, the two are linked, without trusting the revision: the merge runs again. Within the
 * caller's transaction. */
void seen_stamp(const struct pull *, struct wess_arena *scratch, const char *stamp,
                const struct item_row *item, int64_t now_ms);

/* The same for whoever looked the stamp up: links source and created item by the op, ends the op as
 * "ok" and makes to-dos of both ends. */
void seen_settle(struct db *, struct wess_arena *scratch, const struct op_row *op,
                 const struct item_row *created, int64_t now_ms);

#endif
