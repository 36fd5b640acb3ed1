/* The categories of a filed message, beside its bytes: the extended attribute user.xdg.tags, a list
 * with commas between (freedesktop.org's common attributes), which file managers show and search.
 */
#ifndef VDIR_EML_TAGS_H
#define VDIR_EML_TAGS_H

#include "vdir.h"

/* Whether the folder's file system has such attributes. */
bool eml_tags_held(int dir);
/* Of a file that is written. false: errno; nothing was attached. A name with a comma in it cannot
 * be said, and is left out. */
bool eml_tags_put(int fd, const struct wess_field *categories);
/* false: the arena's budget is spent. *out stays without a value when there are none. */
bool eml_tags_get(struct wess_call *, int fd, struct wess_field *out);

#endif
