/* Random histories: what befalls the world, as lines of a script. The same seed, the same history.
 */
#ifndef PROOF_HISTORY_H
#define PROOF_HISTORY_H

#include "world.h"

enum { LINES = 320 };

struct history {
    enum manner manner;
    bool mirrored, deletes, rewrites, own; /* as in struct play */
    int users;
    char line[LINES][SCRIPT_LINE];
    size_t n;
};

/* Two people, one after the other. */
void history_invent(struct history *, unsigned long seed);
/* A crowd of up to eight, who meet the same customers at the same time. */
void history_crowd(struct history *, unsigned long seed);
bool history_is_edit(const char *line);

#endif
