/* Where the things of a script lie (edits.c). */
#ifndef PROOF_REAL_PLACES_H
#define PROOF_REAL_PLACES_H

#include "exchange.h"
#include "real.h"
#include "workbooks.h"

const struct wb_set *real_set(enum real_kind); /* of the CRM */
const char *real_label(const struct ex_item *);
char *real_file(const char *path); /* unfolded, malloc'ed, with a NUL behind; NULL: none */

#endif
