/* The command "daemon". It takes over the configuration that cli_main() loaded. */
#ifndef CORE_CLI_SERVE_H
#define CORE_CLI_SERVE_H

#include "cli/cli.h"

int cmd_daemon(struct cli *, const struct cli_args *);

#endif
