/* The names in a folder, in the order of their bytes, as many at a time as bounded memory holds: a
 * folder larger than that is looked through once for each part of it. */
#ifndef VDIR_NAMES_H
#define VDIR_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAMES_ROOM ((size_t)8 << 20) /* bytes; two hundred thousand names of usual length */

struct names {
    char *bytes; /* each with its NUL, in the order in which they came */
    size_t len, cap;
    uint32_t *at; /* where each begins; sorted */
    size_t n;
    bool more;       /* others come behind the last one here */
    char bound[256]; /* which is that one; d_name is as long */
};

/* Those behind `after` ("": all) that `is_ours` takes, in place of what was held. false: errno, and
 * nothing is held: half a listing would make deletions of the other half. `room`: NAMES_ROOM, or
 * less. */
bool names_look(struct names *, int dir, size_t room, const char *after,
                bool (*is_ours)(const void *ctx, const char *name), const void *ctx);
const char *names_at(const struct names *, size_t i);
void names_fini(struct names *);

#endif
