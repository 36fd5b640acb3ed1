/* Scenarios to be cut: what was before, and what is under way. $box and $crm stand for the sides.
 */
#ifndef PROOF_SCENARIOS_H
#define PROOF_SCENARIOS_H

#include <stdbool.h>
#include <stddef.h>

struct scenario {
    const char *name, *pair, *before, *then; /* then: what a person does after the cut run */
    const char *outcome;                     /* what is so in the end, as world_is() takes it */
};
extern const struct scenario scenarios[];
extern const size_t n_scenarios;
/* One of the few that between them go through every stage. */
bool scenario_is_core(const struct scenario *);

#endif
