/* What must be so after quiet, known from what people did and nothing else. Shares no code with the
 * core. */
#ifndef PROOF_REAL_ORACLE_H
#define PROOF_REAL_ORACLE_H

#include "real.h"

enum { PEOPLE = 5, TOLD = 2, PLACES = 3 }; /* places: a, b, the other side */
struct oracle {
    const char *place[PLACES]; /* how a script calls it; NULL: nobody there */
    bool deletes;              /* a deletion is carried over */
    bool keys_prove;           /* an item is known again under another id */
    bool asks;                 /* two that meet and are not both chosen are asked about */
    bool keys_link;            /* two that meet and are, are one */
    bool strangers;            /* new ids, and nothing says what was what */
    bool files;                /* mail: filed once, and both copies are by themselves */
    bool doubles;              /* the server carried out a create twice: two are there */
    bool ran;                  /* something of a run, since the last quiet */
    struct {
        bool born[PLACES];   /* a person made it there */
        bool gone[PLACES];   /* a person deleted it there, and nobody made it again */
        bool rests[PLACES];  /* it was linked then: it must not come back */
        bool went;           /* somebody deleted one, once */
        bool chosen[PLACES]; /* by a person, never taken off */
        bool met;            /* its sides were alike at the last quiet */
        bool loose;          /* deleted, untagged, private, copied: it may rest as it is */
        bool copied, edited; /* edited since the last quiet */
        bool there[PLACES];  /* at the last quiet */
        char value[TOLD][PLACES][24];
        bool fresh[TOLD][PLACES]; /* written since the last quiet */
    } of[PEOPLE];
};
/* A person did this, and it was possible. */
void oracle_saw(struct oracle *, const char *line);
/* After quiet; NULL: all is well. The text is static. */
const char *oracle_judge(struct oracle *, struct real_play *);

#endif
