/* The ways in which a run is struck. After each of them the next runs must come to what comes of it
 * unstruck. */
#ifndef PROOF_STRIKE_H
#define PROOF_STRIKE_H

#include "play.h"

enum { SHOWN = 65536 };

struct unstruck {
    char shown[SHOWN]; /* the world right after that run */
    struct w_report report;
    int status, steps, ops;
    struct memory memory;
};
struct way {
    const char *name; /* of its figures */
    long usual;       /* points of a whole proof, about */
    long wanted;      /* of them, at least */
    int scenarios;    /* at least */
    bool thin;        /* a small sample is of some scenarios, not of all */
    bool core;        /* plays the scenarios that are marked as the core */
    int parts;        /* kinds of points; a sample takes as many of each */
    int (*points)(const struct unstruck *, int part);
    /* Plays the run and strikes it at the point (from 1). NULL, or what is wrong with how it ended.
     */
    const char *(*strike)(struct play *, int point, const struct unstruck *);
};
extern const struct way way_crash, way_disk, way_disk_tail, way_memory;

/* Plays the run without a strike; false: it was killed all the same. */
bool strike_none(struct play *, const struct way *, struct unstruck *);

#endif
