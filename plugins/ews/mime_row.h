/* The messages of one answer, each with its MIME: those are cut out one after the other while the
 * answer comes, each spooled by itself and closed at its end. See mime_cut.h. */
#ifndef EWS_MIME_ROW_H
#define EWS_MIME_ROW_H

#include "mime_cut.h"

struct mime_part {
    bool begun, whole; /* whole: all of it is spooled */
    struct wess_blob blob;
};
struct mime_row {
    struct wess_call *call;
    struct mime_cut cut;
    struct mime_part *of; /* by response message */
    size_t n, come;       /* response messages that were asked for; that have begun */
    uint64_t bytes;       /* of what was spooled */
};
/* false: out of memory. Ended by mime_row_end(), which throws away what is half. */
bool mime_row_begin(struct mime_row *, struct wess_call *, const struct wess_host *, size_t n);
/* A piece of the answer, worked on in place: how much of it is left. */
size_t mime_row_cut(struct mime_row *, char *data, size_t len);
void mime_row_end(struct mime_row *);

#endif
