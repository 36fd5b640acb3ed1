/* What `why` tells of one item, or of two linked ones, for one pair and user. Private to why*.c. */
#ifndef CORE_CLI_WHY_H
#define CORE_CLI_WHY_H

#include "cli/places.h"

#define WAITS_MAX 16u

struct wait { /* something that stands still, and what to type */
    const char *text, *next;
};
struct subject {
    const struct place *place;
    struct item_row item[2]; /* id 0: none */
    bool has_link;
    struct link_row link;
    struct todo_row todo[2]; /* id 0: none */
    const char *reason;      /* the last one; NULL: none */
    int64_t reason_ms;
    struct wait waits[WAITS_MAX];
    size_t n_waits;
    struct history_row *history;
    size_t n_history;
};
/* Fills in everything but place, item and link. false: the state cannot be read. */
bool subject_load(const struct cli *, struct db *, struct subject *);
/* It was selected once, is linked or was: there is something to tell. */
bool subject_speaks(const struct subject *);
const char *subject_title(const struct cli *, struct db *, const struct subject *);
/* "#12, chosen", "#12, known, not selected". */
const char *subject_side(const struct cli *, const struct subject *, enum side);
const char *subject_state(const struct cli *, const struct subject *);
const char *subject_next(const struct cli *, const struct subject *);
const char *history_text(const struct cli *, const struct subject *, const struct history_row *);

void subject_print(const struct cli *, struct db *, const struct subject *, bool all);
json_t *subject_json(const struct cli *, struct db *, const struct subject *);

#endif
