/* Activity links: which people an activity concerns. */
#ifndef WORKBOOKS_LINKS_H
#define WORKBOOKS_LINKS_H

#include "write.h"

/* Ties what the batch wrote to the people who bear an address of these fields (NULL behind the
 * last), where it is not tied to them yet. An operation whose links are in doubt is in doubt. */
enum wess_code wb_link_people(struct wb_table *, const char *const *fields);

#endif
