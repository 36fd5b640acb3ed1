/* Activity links: which people an activity concerns. */
#ifndef WORKBOOKS_LINKS_H
#define WORKBOOKS_LINKS_H

#include "write.h"

/* Ties what the batch wrote to the people who bear an address of these fields (NULL behind the
 * last), where it is not tied to them yet. Creates that fail of it for the moment are in doubt, so
 * that they come again; else it is told in the log, and the operations stand. The code is what else
 * is wrong with the service. */
enum wess_code wb_link_people(struct wb_table *, const char *const *fields);

#endif
