/* Activity links: which people an activity concerns. */
#ifndef WORKBOOKS_LINKS_H
#define WORKBOOKS_LINKS_H

#include "write.h"

/* Ties what the batch wrote to the people who bear an address of these fields (NULL behind the
 * last), where it is not tied to them yet. Addresses that nobody bears go into the results (unmet),
 * and all of them where that fails: it is told in the log, and the operations stand; the code is
 * what else is wrong with the service. */
enum wess_code wb_link_people(struct wb_table *, const char *const *fields);
/* wess_connector.relate */
enum wess_code wb_relate(struct wess_call *, const struct wess_relation *, size_t n,
                         struct wess_result *);

#endif
