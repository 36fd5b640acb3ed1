/* What a connector answered, held against the contract. Private to core/host. */
#ifndef CORE_HOST_ANSWER_H
#define CORE_HOST_ANSWER_H

#include "wess/connector.h"

/* NULL: as the contract has it; else what is wrong, in few words. */
const char *answer_page(const struct wess_page *);
const char *answer_results(const struct wess_result *, size_t n, bool fetched,
                           const struct wess_op *ops);
const char *answer_schema(const struct wess_schema *);
const char *answer_notes(const struct wess_fact *, size_t n);
bool answer_code(enum wess_code);

#endif
