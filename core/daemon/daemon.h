/* The long-running program: a round every so often, a control socket for the commands, reload and
 * an orderly end by signals. What a command does is the caller's; this folder knows no command. */
#ifndef CORE_DAEMON_DAEMON_H
#define CORE_DAEMON_DAEMON_H

#include <stdio.h>
#include <sys/types.h>

#include "engine/engine.h"

/* One command that came by the control socket. It lives until `command` returns. */
struct daemon_call {
    const struct config *config;
    struct store *store;
    int argc;
    char **argv; /* without the program's name; NULL behind the last */
    FILE *out, *err;
    bool terminal;         /* whoever asked watches a terminal */
    uid_t uid;             /* whoever asked */
    const bool *cancelled; /* the client went away, or the daemon stops */
    /* round_run(), one at a time: waits while another round is under way. */
    int (*round)(void *ctx, const struct round_opts *);
    void *ctx;
};
struct daemon_opts {
    const char *config_path, *root;
    int (*command)(struct daemon_call *); /* answers the exit status; called from several threads */
    void (*log_ready)(const struct config *); /* the log as this config wants it */
    FILE *err;                                /* troubles before the log is open */
};
/* Serves until SIGTERM or SIGINT; takes over the config. Answers the exit status. */
int daemon_run(struct config *, const struct daemon_opts *);

/* ---- The other end ----------------------------------------------------------------------------
 */

/* A connection to the daemon that owns the state; -1: nobody answers there. */
int control_connect(const struct config *);
/* Hands the command over and passes on what it prints. Closes the connection. `cancelled` ends it
 * early. false: *why (static) says what went wrong on the way; *status is set either way. */
bool control_call(int fd, int argc, const char *const *argv, bool terminal, FILE *out, FILE *err,
                  const bool *cancelled, int *status, const char **why);

/* Lets go what is old, at most once a day; after a round. */
void tidy_when_due(const struct config *, struct store *);

#endif
