/* Items that go round against the rehearsal Exchange: written, read, compared field by field. */
#ifndef TEST_EWS_ROUNDS_H
#define TEST_EWS_ROUNDS_H

#include "box.h"

struct kind {
    const char *collection, *name; /* the field that every item is given */
};
extern const struct kind round_contact, round_task, round_event;
struct round {
    struct box *b;
    const struct kind *kind;
    unsigned n;
    size_t trips;
};
int round_set_up(void **state); /* an empty mailbox */

struct wess_field round_text(const char *name, const char *value);
struct wess_field round_at(const char *name, const char *local, const char *zone, int64_t ms);
struct wess_field round_day(const char *name, const char *date);
bool round_same(const struct wess_field *, const struct wess_field *);
void round_write(struct round *, struct wess_op *, struct wess_result *, const char *what);
/* Every row of the kind's table; at least so many values. */
void round_kind(struct box *, const struct kind *, size_t least);

#endif
