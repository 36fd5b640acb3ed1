/* The arena of the host for tests. What was dropped is unreadable from then on: a connector that
 * keeps a pointer into it is stopped where it uses it, with or without a sanitizer. Between two
 * pieces of memory lie bytes that are looked at when the arena is dropped. */
#ifndef TEST_TESTARENA_H
#define TEST_TESTARENA_H

#include "wess/connector.h"

struct testarena_chunk;
struct wess_arena { /* what the connector sees as opaque */
    struct testarena_chunk *chunks, *sealed;
    size_t used, budget; /* bytes; over the budget: NULL */
    size_t allocs;       /* calls since the last drop */
    size_t fail_at;      /* from the n-th call since the last drop on it answers NULL; 0: never */
    size_t n_sealed;
};

void *testarena_alloc(struct wess_arena *, size_t); /* zeroed, aligned for any type */
/* Seals what was given out. false: something was written outside of its piece. */
bool testarena_drop(struct wess_arena *);
void testarena_fini(struct wess_arena *);
bool testarena_owns(const struct wess_arena *, const void *);    /* given out since the drop */
bool testarena_dropped(const struct wess_arena *, const void *); /* sealed; signal-safe */
/* "email" -> its folded form, as connector.h has it; NULL: budget spent. */
const char *testarena_fold(struct wess_arena *, const char *text);

#endif
