/* From rows to the wire: a batch of operations as the connector takes them, sent by a thread of its
 * own so that journalling the next batch and settling the last one go on meanwhile. Private to
 * core/engine. */
#ifndef CORE_ENGINE_WIRE_H
#define CORE_ENGINE_WIRE_H

#include <pthread.h>

#include "engine/run.h"

struct flight {
    struct run *run;
    enum side side;
    struct wess_arena *arena; /* rows, operations and answers */
    struct op_row *rows;
    struct wess_op *ops;
    struct wess_result *results;
    size_t n;
    int64_t last; /* the operation up to which it goes */
    enum wess_code code;
    struct wess_error error;
    struct blob_dir *spool; /* of what is filed by it; NULL */
    pthread_t thread;
    bool flying, threaded;
};
/* Makes ops of rows; `again` for creates whose first attempt is in doubt. false: arena spent. */
bool flight_load(struct flight *, uint32_t flags);
void flight_start(struct flight *);
void flight_land(struct flight *); /* waits; nothing if it does not fly */
/* Within one transaction: what all answers mean. Then the trouble of the call as a whole, if any.
 */
bool flight_settle(struct flight *);

/* file.c: of a pair that files, the whole of what goes; nothing for others. What cannot be read is
 * left out, but for what is in doubt. */
bool file_load(struct flight *, bool again);
void file_landed(struct flight *); /* settled, or not sent: its spool is not needed any more */

#endif
