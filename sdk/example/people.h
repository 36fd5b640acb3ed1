/* What the example's connector talks to: a "remote" in memory, with revisions and a list of
 * changes. A real connector has requests here. */
#ifndef EXAMPLE_PEOPLE_H
#define EXAMPLE_PEOPLE_H

#include <stdbool.h>
#include <stddef.h>

#define PERSON_LEN 200 /* characters of a value */
enum { PERSON_NAME, PERSON_TITLE, PERSON_VALUES };
struct person {
    char id[16], revision[16], stamp[65], value[PERSON_VALUES][4 * PERSON_LEN + 1];
    unsigned change; /* the number of its last change, among all changes */
    bool deleted;
};
enum people_answer { PEOPLE_DONE, PEOPLE_STALE, PEOPLE_GONE, PEOPLE_FULL };

/* The person whose last change comes next after that one; false: none. */
bool people_next(unsigned after, struct person *out);
bool people_get(const char *id, struct person *out); /* false: no such person, or deleted */
bool people_get_stamped(const char *stamp, struct person *out);
/* false: the value cannot hold the text. */
bool people_set(struct person *, unsigned value, const char *text, size_t len);
/* Stores it as it is, if nobody changed it since revision `was`; without an id it is a new one.
 * The id and the new revision are filled in. */
enum people_answer people_put(struct person *, const char *was);

#endif
