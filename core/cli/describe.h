/* Questions and conflicts in words and in JSON: of what nobody shared only that it is there. */
#ifndef CORE_CLI_DESCRIBE_H
#define CORE_CLI_DESCRIBE_H

#include "cli/cli.h"

#define CANDIDATES_SHOWN 16u

/* "phone (mobile): left A, right B", or the question's reason with its candidates. */
const char *ask_in_words(struct wess_arena *, struct db *, const struct cfg_pair *,
                         const char *user, const struct ask_row *);
json_t *ask_json(struct wess_arena *, struct db *, const struct cfg_pair *, const char *user,
                 const struct ask_row *);
/* The ids of a question's candidates. */
size_t ask_candidates(const struct ask_row *, int64_t *ids, size_t cap);
/* What may be told of a candidate: its title, or "an untagged contact of USER with the same
 * address". */
const char *candidate_in_words(struct wess_arena *, struct db *, const struct cfg_pair *,
                               const char *user, const struct ask_row *, int64_t id);
/* A conflict's three values; `name` "base", "left", "right". "" for an empty one. */
const char *ask_value(struct wess_arena *, const struct content *, const char *name);
/* An answer that is not carried out yet, in words; NULL: open. */
const char *answer_in_words(struct wess_arena *, const struct ask_row *);

#endif
