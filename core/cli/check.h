/* Private to check*.c. */
#ifndef CORE_CLI_CHECK_H
#define CORE_CLI_CHECK_H

#include "cli/cli.h"

/* Signs in everywhere, for that user or all (NULL), and tells what answers. In mailboxes that
 * are written an item of our own is tried, and removed. `json`: where the answers go instead of the
 * terminal; NULL: the terminal. */
int check_online(struct cli *, const char *user, json_t **json);
/* What was seen at a remote: see struct wess_call. */
struct check_lacks {
    const char *endpoint, *identity;
    uint64_t lacks, keeps;
};
/* Notes it in the state, where it says something new. false: it cannot be; *why (malloc'ed, may be
 * NULL) tells. */
bool check_remember(const struct cli *, const struct check_lacks *, char **why);
/* Reads every secret that lies in a file, and tells each that cannot be read; false: there was one.
 * What a program, the environment or the service manager hands over is known there only. */
bool check_secrets(const struct cli *, void (*complain)(void *ctx, const char *line), void *ctx);
/* Opens each endpoint, which contacts nobody, and tells each whose options do not go together. */
bool check_opens(const struct cli *, void (*complain)(void *ctx, const char *line), void *ctx);

#endif
