#include "feed/stamp.h"

#include <stdio.h>
#include <string.h>

#define PARTS 5

void stamp_make(const char *site, const char *identity, const char *collection, const char *rid,
                int attempt, char out[STAMP_SIZE])
{
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    unsigned char all[PARTS * DIGEST_SIZE], digest[DIGEST_SIZE];
    char number[16];
    const char *part[PARTS] = {site, identity, collection, rid, number};
    snprintf(number, sizeof(number), "%d", attempt);
    /* Each part is digested by itself, so that no choice of parts can imitate another. */
    for (size_t i = 0; i < PARTS; i++)
        digest_of((struct wess_slice){part[i] ? part[i] : "", part[i] ? strlen(part[i]) : 0},
                  all + i * DIGEST_SIZE);
    digest_of((struct wess_slice){all, sizeof(all)}, digest);
    for (size_t i = 0; i + 1 < STAMP_SIZE; i++)
        out[i] = digits[digest[i % DIGEST_SIZE] & 31u];
    out[STAMP_SIZE - 1] = 0;
}
