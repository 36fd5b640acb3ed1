/* A disk that fails on demand: a SQLite VFS over the usual one, for the databases this process
 * opens. Opens, writes, truncations, syncs, deletions and growth of the shared index are counted;
 * the Nth can be made to fail, once or from then on, or to be the moment at which the power goes.
 *
 * After a power cut nothing reaches the disk any more. Close all connections, then
 * faultvfs_restart() puts the files as a disk may show them afterwards: all that was synced, and of
 * the rest what `keep` says. A plan with `ends` does so at once, in the same instant as the process
 * is killed. Syncs are bookkeeping only, so tests are quick. Plans are made while no other thread
 * is about; the calls may come from any. */
#ifndef TEST_SUPPORT_FAULTVFS_H
#define TEST_SUPPORT_FAULTVFS_H

#include <stdbool.h>

enum fault_call {
    FAULT_OPEN = 1,
    FAULT_WRITE = 2,
    FAULT_TRUNCATE = 4,
    FAULT_SYNC = 8,
    FAULT_DELETE = 16,
    FAULT_INDEX = 32, /* the shared index grows: it needs room on the disk too */
    FAULT_ANY = 63
};
enum fault_how { FAULT_NEVER, FAULT_FULL, FAULT_IO, FAULT_CUT };
enum fault_keep {
    KEEP_NOTHING,
    KEEP_SOME, /* the first `some` of them, or of what is left after as many rounds; one is torn */
    KEEP_EVERY_SECOND,
    KEEP_ALL
};

struct fault_plan {
    enum fault_how how;
    unsigned calls; /* enum fault_call: which are counted */
    unsigned at;    /* the Nth of them, from 1 */
    bool stays;     /* so do all later ones */
    /* Of a cut: */
    bool ends; /* the process with it */
    enum fault_keep keep;
    unsigned some;
};

void faultvfs_install(void); /* the default VFS from now on */
void faultvfs_remove(void);
void faultvfs_plan(const struct fault_plan *); /* NULL: no faults. Counts from 0 again;
                                                  what the files hold now counts as synced. Writes
                                                  can be taken back under a plan that cuts */
unsigned faultvfs_count(enum fault_call);      /* calls of that kind since the plan */
unsigned faultvfs_counted(void);               /* calls that the plan counts */
enum fault_call faultvfs_hit(void); /* the first call that failed by the plan; 0: none did */
bool faultvfs_restart(enum fault_keep, unsigned some); /* false: the files could not be put */
/* The power goes now, by a plan that cuts: files are put, the process is killed. */
_Noreturn void faultvfs_power_off(void);

#endif
