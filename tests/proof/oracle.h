/* What must be true of the world after quiet, known from what people did and nothing else. Shares
 * no code with the core. */
#ifndef PROOF_ORACLE_H
#define PROOF_ORACLE_H

#include "world.h"

enum { LABELS = 5 };
struct oracle {
    bool deletes; /* the pair deletes the twin of what was deleted or untagged */
    bool born[LABELS];
    bool tagged[LABELS][BOXES]; /* by a person, and never taken off */
    bool fresh[LABELS];         /* tagged since the last quiet: a first meeting discards */
    bool touched[LABELS];       /* deleted, untagged, merged: it may rest, or be gone */
    bool gone[LABELS][BOXES];   /* a person deleted it there */
    bool there[LABELS][BOXES];  /* at the last quiet */
    char agreed[LABELS][W_FIELDS][TEXT];
    char wrote[LABELS][W_FIELDS][BOXES][TEXT]; /* since then, the last by box */
    bool writes[LABELS][W_FIELDS][BOXES];
};
/* A person did this, and it was possible. */
void oracle_saw(struct oracle *, const char *line);
/* After quiet; NULL: all is well. The text is static. */
const char *oracle_judge(struct oracle *, const struct world *);

#endif
