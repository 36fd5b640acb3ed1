/* A disk that fails: every write, truncation, sync and creation of SQLite's is counted, and the one
 * asked for fails with the error asked for. */
#ifndef PROOF_DISK_H
#define PROOF_DISK_H

struct disk {
    int ops, fail_at; /* 0: never */
    int error;        /* SQLITE_FULL or SQLITE_IOERR */
};
/* Takes the place of the default VFS; once a process. `disk` may be in shared memory. */
void disk_install(struct disk *);

#endif
