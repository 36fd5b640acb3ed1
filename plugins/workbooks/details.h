/* What a meeting has and Workbooks shows no column for: lines of a block at the end of its
 * description, between two marks, written and taken out whole. It is never read as anybody's text.
 */
#ifndef WORKBOOKS_DETAILS_H
#define WORKBOOKS_DETAILS_H

#include "write.h"

bool wb_is_detail(const char *field);
/* The HTML of a description without the block, in the arena; NULL: budget spent. *block: its text,
 * or NULL where there is none. */
char *wb_details_cut(const struct wess_host *, struct wess_arena *, const char *html, char **block);
/* Before a batch is filled in: the descriptions, as they are, of those that it changes. */
enum wess_code wb_details_read(struct wb_table *);
/* The description of an operation with its block, behind all else that is filled in. */
void wb_details_put(struct wb_table *, size_t op);

#endif
