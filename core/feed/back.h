/* A remote that was put back to an earlier time, from a backup of its own: what it shows then is no
 * edit of anybody, and must not travel. */
#ifndef CORE_FEED_BACK_H
#define CORE_FEED_BACK_H

#include "store/store.h"
#include "wess/connector.h"

/* Whether `shows` is an older revision than `known`, which was known at `known_ms`: longer ago than
 * an answer of this collection may be behind (settle_after_ms). Only where revisions rise. */
bool back_shows(const struct wess_collection *, const char *known, int64_t known_ms,
                const char *shows, int64_t now_ms);
/* For people: what it means, and the ways out. */
extern const char back_text[];

#endif
