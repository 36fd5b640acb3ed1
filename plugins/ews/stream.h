/* The documents of a streaming answer: several whole ones, one behind the other. */
#ifndef EWS_STREAM_H
#define EWS_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#define EWS_DOCUMENT_MOST ((size_t)1 << 20) /* of events alone: ids and times */

struct ews_stream {
    char *text;
    size_t len, cap, seen; /* seen: up to there no document ends */
};
/* More has come. Each document that is whole goes to take(), zero-terminated and writable. false:
 * one is larger than any can be, or memory is out. */
bool ews_stream_add(struct ews_stream *, const char *data, size_t len,
                    void (*take)(void *ctx, char *document, size_t len), void *ctx);
void ews_stream_fini(struct ews_stream *);

#endif
