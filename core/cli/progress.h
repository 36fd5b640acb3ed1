/* One line on a terminal that tells how far long work is. */
#ifndef CORE_CLI_PROGRESS_H
#define CORE_CLI_PROGRESS_H

#include "cli/cli.h"

struct progress {
    const struct cli *cli;
    int64_t shown_ms, began_ms, began_at; /* of the stage that is shown */
    char stage[96];
    bool shown;
};
/* At most a few times a second; nothing when nobody watches. */
void progress_show(struct progress *, const char *pair, const char *user, const char *stage,
                   int64_t done, int64_t of);
void progress_clear(struct progress *);

#endif
