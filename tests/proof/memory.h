/* The memory of a run: one piece of it is not to be had, and all that was is given back in the end.
 * In shared memory, so that it outlives the run. */
#ifndef PROOF_MEMORY_H
#define PROOF_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "faultmem.h"

enum { MEMORY_PLACES = 32 };
struct memory {
    bool watched;
    enum mem_kind kind;
    unsigned at; /* which request of that kind fails, 0: none */
    /* of the last run that was watched */
    unsigned asked[MEM_KINDS];
    struct mem_left left[MEMORY_PLACES];
    size_t n_left, left_sqlite;
};
/* For this process, before it opens a database. */
void memory_begin(const struct memory *);
void memory_end(struct memory *);

#endif
