/* Candidates for a twin, found by hashes of keys. Private to the match*.c of core/engine. */
#ifndef CORE_ENGINE_MATCH_H
#define CORE_ENGINE_MATCH_H

#include "engine/run.h"

struct candidates {
    int64_t of[CANDIDATES_MAX];
    size_t n;
    bool many; /* more than fit */
};

void candidates_add(struct candidates *, int64_t item);
/* Who of that side bears the key; with `also`, both. false: the store failed, told by who began to
 * read. */
bool candidates_by_hash(struct run *, struct batch *, enum side, const struct hash *,
                        const struct hash *also, struct candidates *);
/* The same of key `at` of a space, which may lie within another one. */
bool candidates_by_key(struct run *, struct batch *, enum side, const char *space,
                       const struct hash *keys, size_t n, size_t at, struct candidates *);
/* Whether any item of that side bears a key of that space, as of the beginning of this batch. */
bool match_is_borne(struct run *, struct batch *, enum side, unsigned char label);
/* Two that bear it are one item: the stamp, or what hardly another one bears. */
bool match_is_sure(const struct kind_def *, const struct hash *);
/* A person is asked which of them it is. */
void match_ask(struct entry *, const char *reason, const struct candidates *);

/* match_filed.c: the stage for a pair that files. */
bool match_filed(struct run *, struct batch *, struct entry *);

#endif
