/* The mark that an item we created carries. It derives from the site, where the item came from and
 * the attempt, so that a rebuilt state arrives at the same one; 32 letters and digits. */
#ifndef CORE_FEED_STAMP_H
#define CORE_FEED_STAMP_H

#include "model/model.h"

#define STAMP_SIZE 33u   /* with its zero */
#define STAMP_ATTEMPTS 4 /* creates of one source that are looked for when the state was lost */

/* `site` of the configuration; `identity` of the source's endpoint by its own word. */
void stamp_make(const char *site, const char *identity, const char *collection, const char *rid,
                int attempt, char out[STAMP_SIZE]);

/* Of an item that bears the natural key of its kind: by that alone, so that every mailbox in which
 * it lies, and a rebuilt state, arrive at the same one. Of any other by where it lies. Its kind and
 * keys must be set. */
void stamp_of_item(const char *site, const char *identity, const char *collection,
                   const struct wess_item *, int attempt, char out[STAMP_SIZE]);
bool stamp_is_natural(const struct wess_item *); /* it bears that key */

#endif
