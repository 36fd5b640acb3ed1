/* The disk of a run: one that fails once, or one that loses what it was not told to keep when the
 * power goes. In shared memory, so that it outlives the run. */
#ifndef PROOF_DISK_H
#define PROOF_DISK_H

#include <stdbool.h>

enum disk_trouble { DISK_WELL, DISK_FULL, DISK_BROKEN, DISK_POWER };
struct disk {
    int ops; /* of the last run that came to its end */
    enum disk_trouble how;
    int at;        /* the operation it happens at, 0: none */
    unsigned keep; /* of DISK_POWER: any number, which says what becomes of the unsynced */
};
/* For this process, before it opens a database. */
void disk_begin(const struct disk *);
void disk_end(struct disk *);
/* Now. */
_Noreturn void disk_power_off(void);

#endif
