/* Activity links: which people an activity concerns. */
#ifndef WORKBOOKS_LINKS_H
#define WORKBOOKS_LINKS_H

#include "write.h"

/* Ties what the batch wrote to the people who bear an address of these fields (NULL behind the
 * last), where it is not tied to them yet. What fails of it is told in the log, and the
 * operations stand; the code is what else is wrong with the service. */
enum wess_code wb_link_people(struct wb_table *, const char *const *fields);

#endif
