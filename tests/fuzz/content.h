/* Fields out of decisions: names of the table and others, mostly of the right type, texts that are
 * easily mistaken for one another. */
#ifndef TEST_FUZZ_CONTENT_H
#define TEST_FUZZ_CONTENT_H

#include "fuzz.h"
#include "model/model.h"

#define CONTENT_FIELDS_MAX 12u

/* As a connector might show them, in any order and any number of times. */
size_t content_raw(struct fuzz_in *, struct wess_arena *, struct wess_field *of);
/* The same in canonical form. */
struct content content_drawn(struct fuzz_in *, struct wess_arena *);
/* Names sorted, each once, values as the table has them, nothing empty. */
void content_holds(const struct content *);
/* With FUZZ_SHOW=1 in the environment, to see what a case is about. */
void content_show(const char *what, const struct content *);
/* What a connector read has a canonical form, which is its own. */
void content_of_item_holds(const struct wess_item *);
bool content_same_bytes(struct wess_arena *, const struct content *, const struct content *);

#endif
