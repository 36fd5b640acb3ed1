/* One rule of the engine left out, in a program whose core was built for that (WESS_RULES). */
#ifndef PROOF_RULES_H
#define PROOF_RULES_H

#include <stdbool.h>

/* false: no such rule, or this program cannot do without any; said on standard error. */
bool rules_without(const char *name);
/* All that can be left out, one a line: the name, and what it says. */
void rules_list(void);

#endif
