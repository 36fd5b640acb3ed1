/* Recurrence (section 7.4). */
#ifndef SANDBOX_EXCHANGE_PATTERN_H
#define SANDBOX_EXCHANGE_PATTERN_H

#include <time.h>

#include "exchange.h"

/* Each occurrence in turn, counted from 1, until there are no more of them or take() says false.
 * `recurrence`: what is in a Recurrence; `zone`: Windows' name; `start`: of the first. */
void ex_pattern_each(const char *recurrence, const char *zone, time_t start,
                     bool (*take)(void *ctx, int index, time_t begins), void *ctx);

#endif
