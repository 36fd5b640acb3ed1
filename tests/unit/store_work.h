/* A fixed amount of work for a store: ten transactions with all kinds of rows, the same bytes in
 * every run, and what the database holds after each of them. */
#ifndef TEST_STORE_WORK_H
#define TEST_STORE_WORK_H

#include "store_box.h"

enum {
    WORK_STEPS = 10,
    WORK_REOPEN = 5, /* the store is closed and opened before this one */
    WORK_LARGE = 8,  /* hundreds of pages, all alike */
};

bool work_soft(int step); /* begun by db_begin_soft(): a power cut may take it back */
/* The rows of the step; within a transaction. Ends at the first call that fails. */
bool work_step(int step, struct db *, struct wess_arena *);

/* All rows of all tables as text, in the heap; what differs between installations is left out. */
char *work_dump(const char *path);

#endif
