/* Plays scripts: what people do in the world, and runs of the real engine on it, each in a process
 * of its own that may be killed at any step. Scenarios and random histories are such scripts.
 *
 * - add|new|tag|untag|queue|set|delete|purge|move|copy|merge|absorb|private|public BOX LABEL ...
 *   (world.h; add: new, and it takes part: tagged, or in the queue of the first user)
 * - keep BOX all; putback BOX all: a backup of its own, and back to it
 * - fault KIND BOX N: strikes the box's Nth call from here
 * - during STEP EDIT: a person's edit at that step of the next run
 * - when WHAT EDIT: the same, at the next edge of that name: write, fetch, fetched
 * - clock SECONDS; run; kill STEP (a run that is killed there); quiet (until nothing moves)
 * - answer WORD (all open questions); release (all holds); lose (the state); save; restore
 * - users N: from here on only the first N are in the list of users; pair SETTINGS: and the pair
 *   has these
 */
#ifndef PROOF_PLAY_H
#define PROOF_PLAY_H

#include "world.h"

struct play {
    struct world *world;
    char dir[96]; /* of this player: configuration, state */
    int users;
    bool mirrored;  /* the shared side is the left one */
    bool own;       /* each user opens the shared side for himself */
    char pair[512]; /* settings of the pair */
    unsigned workers;
    struct config *cfg;
    char error[512]; /* why a script stopped */
};

/* A folder below `root`, a world, a configuration. */
bool play_open(struct play *, const char *root, enum manner);
void play_close(struct play *);
bool play_configure(struct play *, const char *pair_settings);
/* false: play->error. */
bool play_line(struct play *, const char *line);
bool play_script(struct play *, const char *script); /* lines */
/* One round in a child; answers its exit status, -1 when it was killed. */
int play_run(struct play *);
/* Runs until a run writes nothing and nothing waits for time; false: it does not end. */
bool play_quiet(struct play *);
/* World and state, kept aside and put back. */
bool play_save(struct play *, const char *name);
bool play_restore(struct play *, const char *name);

#endif
