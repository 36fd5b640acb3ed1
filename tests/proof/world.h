/* The remotes of the proofs, in shared memory: they outlive a process that is killed. Mailboxes of
 * some users and one database that all share, with the manners of real ones, and their lies.
 * Knows nothing of the core. Sizes are fixed: nothing real is kept here. */
#ifndef PROOF_WORLD_H
#define PROOF_WORLD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk.h"
#include "memory.h"

enum { BOXES = 9, ITEMS = 64, TEXT = 96, FAULTS = 16, LATE = 16, DURING = 8, SCRIPT_LINE = 160 };
enum { SHARED_BOX = 0 }; /* 1.. are mailboxes */

enum w_field { GIVEN, FAMILY, ORG, TITLE, NOTE, MAIL, MOBILE, WORK, W_FIELDS };
extern const char *const w_field_names[W_FIELDS]; /* as a script writes them */

enum manner {
    PER_ITEM,       /* answers each item; deletions are looked for; a move gives a new id */
    ALL_OR_NOTHING, /* refuses a batch whole; tombstones prove; repeats the end of its changes;
                     * answers a write with what it shows */
    NO_REVISION,    /* lists everything each time, in order; has no revisions to compare */
    MANNERS
};
extern const char *const manner_names[MANNERS];

struct w_item {
    bool live, trashed, private;
    uint32_t id, revision;
    uint64_t seq; /* of its last change or deletion */
    int64_t modified_ms;
    char stamp[72];
    bool tagged;
    int queue; /* user's number, 0: none */
    char field[W_FIELDS][TEXT];
};
struct w_box {
    struct w_item items[ITEMS];
    size_t n;
    uint64_t seq;
    uint32_t next_id;
};
enum fault_kind {
    F_LOST,     /* a write is done, its answer lost */
    F_LATE,     /* a write is done after the client gave up */
    F_CUT,      /* a write is not done, and no answer */
    F_BUSY,     /* the call is refused for now */
    F_THROTTLE, /* the same, with a time to come back */
    F_RESET,    /* the cursor is forgotten */
    F_REPEAT,   /* a page comes twice */
    F_BEHIND,   /* a listing does not have yet what was written lately */
    FAULT_KINDS
};
extern const char *const fault_names[FAULT_KINDS];
struct w_fault {
    enum fault_kind kind;
    int box, in; /* in: calls until it strikes; 0: free */
};
struct w_late {
    bool used;
    int box;
    int64_t due_ms;
    bool create;
    struct w_item item; /* as it is to become */
};
struct w_during { /* a person's edit while a run is under way */
    int at;       /* step; 0: free; -1: at the next edge called `what` */
    char what[16];
    char line[SCRIPT_LINE];
};
struct w_report { /* what the runs since the last look said */
    int runs, status;
    int64_t questions, held, parked, conflicts;
    char text[320];
};
struct world {
    struct w_box box[BOXES], kept; /* kept: a backup of one */
    enum manner manner;
    bool rewrites; /* notes are shown with brackets around what was written */
    int64_t now_ms;
    struct w_fault fault[FAULTS];
    char refused[BOXES][TEXT];   /* of whom the box takes no write: a family name */
    char forbidden[BOXES][TEXT]; /* a text that no field of the box takes */
    struct w_late late[LATE];
    struct w_during during[DURING];
    char done[DURING][SCRIPT_LINE]; /* of those, what was possible; emptied by who looks */
    size_t n_done;
    int steps, kill_at; /* edges of requests and transactions; 0: never */
    void (*end)(void);  /* ends the process there, NULL: a kill */
    struct disk disk;
    struct memory memory;
    pthread_mutex_t lock; /* of a run's process; nobody else calls meanwhile */
    bool lingers;         /* steps take a little while, now and then, by chance */
    uint64_t chance;
    int writes, requests;
    struct w_report report;
    char trace[64]; /* what the last step was */
};

struct world *world_new(void); /* NULL: no memory */
void world_free(struct world *);
/* A new lock: a process that was killed may have left the old one held. */
void world_ready(struct world *);
/* Whoever looks or changes from a run's threads. Not round world_step(), which may do it itself. */
void world_lock(struct world *);
void world_unlock(struct world *);
/* An edge: of a transaction, or of a request. Ends the process at the one asked for. */
void world_step(struct world *, const char *what);
/* What people meant to do meanwhile and had no time for: now, whatever became of the run. */
void world_meanwhile(struct world *);
/* What was committed late, by now. */
void world_settle(struct world *);
struct w_item *world_find(struct world *, int box, uint32_t id);
struct w_item *world_label(struct world *, int box, const char *family); /* live, not in the bin */
struct w_item *world_add(struct world *, int box);                       /* NULL: full */
void world_touch(struct world *, int box, struct w_item *);
void world_delete(struct world *, int box, struct w_item *);
/* One strikes now? Counts a call of the box down. */
bool world_fault(struct world *, int box, enum fault_kind);
/* Runs a script line that is an edit; false: unknown, or no such item. */
bool world_edit(struct world *, const char *line);
/* All that people see, sorted, one line an item, in `out`. Ids, revisions and stamps left out. */
void world_show(const struct world *, char *out, size_t cap);
/* Is it so? "BOX NAME" is there, once; "BOX NAME none" is not; "BOX NAME FIELD VALUE" (- is
 * empty), "BOX NAME queue N". */
bool world_is(const struct world *, const char *line);
/* A stamp that two live items of a box bear; NULL: none. */
const char *world_double_stamp(const struct world *);

#endif
