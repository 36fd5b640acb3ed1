/* What a connector may forget and asks for again: a file of 0600 for each thing, in STATE_DIR/kept,
 * which may be deleted at any time. */
#ifndef CORE_HOST_KEPT_H
#define CORE_HOST_KEPT_H

#include <stdbool.h>
#include <stddef.h>

#include "model/arena.h"

#define KEPT_MOST ((size_t)8 << 20) /* bytes */

struct kept_at {
    const char *state_dir, *endpoint, *user, *name; /* user "": of all */
};
/* Whole or not at all. */
bool kept_put(struct wess_arena *, const struct kept_at *, const void *data, size_t len);
/* With a zero behind it; NULL: there is none, or it cannot be read. */
const char *kept_get(struct wess_arena *, const struct kept_at *, size_t *len);

#endif
