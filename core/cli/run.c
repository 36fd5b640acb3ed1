/* From words to a command that has what it needs: a configuration, the state, or the daemon that
 * holds the state. */
#include "cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/serve.h"
#include "daemon/daemon.h"
#include "host/conn.h"

#define COMMAND_BUDGET ((size_t)256 << 20) /* what a command may hold to show it */
#define EXIT_SIGNALLED 128

static bool interrupted; /* atomic: asked from all threads */
static volatile sig_atomic_t by_signal;

static void on_signal(int signal)
{
    by_signal = signal;
    __atomic_store_n(&interrupted, true, __ATOMIC_RELAXED);
}

static void catch_signals(void)
{
    struct sigaction stop = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGXFSZ, &ignore, NULL); /* the write says so, as it does of a full disk */
}

/* ---- the configuration ------------------------------------------------------------------------
 */

static const char *config_path(const struct cli_args *a)
{
    const char *env = getenv("WESS_CONFIG");
    if (cli_has(a, OPT_CONFIG))
        return a->value[OPT_CONFIG];
    return env && *env ? env : CLI_DEFAULT_CONFIG;
}

static void say_line(void *ctx, const char *line)
{
    fprintf(ctx, "%s\n", line);
}

const char *cli_log_open(const struct config *cfg)
{
    static const char *const words[] = {"", "error", "warn", "info", "debug"};
    int level = WESS_LOG_WARN;
    for (int i = WESS_LOG_ERROR; i <= WESS_LOG_DEBUG; i++)
        if (cfg->log_level && !strcmp(cfg->log_level, words[i]))
            level = i;
    return log_open(cfg->log_file, level);
}

void cli_log_ready(const struct config *cfg)
{
    const char *why = cli_log_open(cfg);
    if (why)
        log_line(WESS_LOG_ERROR, "log.file %s cannot be opened: %s; the log goes to standard error",
                 cfg->log_file, why);
}

/* ---- with the state ---------------------------------------------------------------------------
 */

static int round_alone(void *ctx, const struct round_opts *opts)
{
    const struct cli *c = ctx;
    return round_run(c->config, c->store, opts);
}

/* Without what it was that a person typed before the command. */
static int hand_over(struct cli *c, int fd, int argc, char **argv)
{
    const char *why;
    int status;
    if (!control_call(fd, argc - 1, (const char *const *)argv + 1, c->terminal, c->out, c->err,
                      c->cancelled, &status, &why))
        cli_say(c, "%s", why);
    return status;
}

static int with_store(struct cli *c, const struct cli_args *a)
{
    enum store_open how = a->command->need == NEED_OWN ? STORE_OWN : STORE_READ;
    char *why = NULL;
    int status = EXIT_STATE;
    c->store = store_open(c->config->state_dir, c->config->site, how, &why, &status);
    if (!c->store) {
        cli_say(c, "%s", why ? why : "out of memory");
    } else if (how == STORE_OWN && blob_root(c->config->state_dir) != WESS_OK) {
        cli_say(c, "%s/spool cannot be made or emptied", c->config->state_dir);
        status = EXIT_STATE;
    } else {
        status = a->command->run(c, a);
    }
    free(why);
    store_close(c->store);
    return status;
}

/* It is the daemon that talks to the remotes then. */
static int not_traced(struct cli *c, int fd)
{
    close(fd);
    cli_say(c, "a daemon does the work here: stop it, or give --trace-http to `wess daemon`");
    return EXIT_USAGE;
}

static bool trace_ready(struct cli *c, const char *path)
{
    const char *why = path ? trace_open(path) : NULL;
    if (why)
        cli_say(c, "--trace-http %s: %s; it has to be a file of your own that nobody else may open",
                path, why);
    return !why;
}

static int with_config(struct cli *c, const struct cli_args *a, int argc, char **argv)
{
    struct config *cfg = config_load(config_path(a), NULL, say_line, c->err);
    int fd = -1, status;
    if (!cfg)
        return EXIT_USAGE;
    c->config = cfg;
    cli_log_ready(cfg);
    if (a->command->need == NEED_OWN)
        fd = control_connect(cfg);
    if (fd >= 0 && cli_has(a, OPT_TRACE_HTTP))
        status = not_traced(c, fd);
    else if (fd >= 0)
        status = hand_over(c, fd, argc, argv);
    else if (a->command->need == NEED_CONFIG)
        status = a->command->run(c, a);
    else
        status = with_store(c, a);
    if (a->command->run != cmd_daemon) /* the daemon took it over */
        config_free(cfg);
    return status;
}

static int run(struct cli *c, const struct cli_args *a, int argc, char **argv)
{
    int status;
    if (cli_has(a, OPT_HELP)) {
        cli_help(c->out, a);
        return EXIT_IN_STEP;
    }
    if (cli_has(a, OPT_VERSION)) {
        fprintf(c->out, "wess %s\n", WESS_VERSION);
        return EXIT_IN_STEP;
    }
    if (!trace_ready(c, a->value[OPT_TRACE_HTTP]))
        return EXIT_USAGE;
    c->arena = arena_new(COMMAND_BUDGET);
    if (!c->arena)
        return cli_spent(c);
    status =
        a->command->need == NEED_NOTHING ? a->command->run(c, a) : with_config(c, a, argc, argv);
    arena_free(c->arena);
    return status;
}

int cli_main(int argc, char **argv)
{
    struct cli_args args;
    struct cli c = {.out = stdout,
                    .err = stderr,
                    .terminal = isatty(STDERR_FILENO) == 1,
                    .uid = getuid(),
                    .cancelled = &interrupted,
                    .round = round_alone,
                    .round_ctx = &c};
    host_harden();
    catch_signals();
    int status = EXIT_USAGE;
    if (cli_parse(argc, argv, &args, stderr))
        status = run(&c, &args, argc, argv);
    /* An answer that did not arrive is no answer. */
    if (fflush(stdout) != 0 && errno != EPIPE) {
        cli_say(&c, "standard output: %s", strerror(errno));
        status = EXIT_STATE;
    }
    return by_signal && args.command && args.command->run != cmd_daemon ? EXIT_SIGNALLED + by_signal
                                                                        : status;
}

/* ---- in the daemon ----------------------------------------------------------------------------
 */

static int serve(struct daemon_call *call, const struct cli_args *a)
{
    struct cli c = {.config = call->config,
                    .store = call->store,
                    .out = call->out,
                    .err = call->err,
                    .arena = arena_new(COMMAND_BUDGET),
                    .terminal = call->terminal,
                    .uid = call->uid,
                    .cancelled = call->cancelled,
                    .round = call->round,
                    .round_ctx = call->ctx};
    int status = c.arena ? a->command->run(&c, a) : cli_spent(&c);
    arena_free(c.arena);
    return status;
}

int cli_serve(struct daemon_call *call)
{
    struct cli_args args;
    int status = EXIT_USAGE, argc = call->argc + 1;
    char **argv = calloc((size_t)argc + 1, sizeof(*argv));
    static char name[] = "wess";
    if (!argv)
        return EXIT_STATE;
    argv[0] = name;
    memcpy(argv + 1, call->argv, (size_t)call->argc * sizeof(*argv));
    if (!cli_parse(argc, argv, &args, call->err))
        status = EXIT_USAGE;
    else if (cli_has(&args, OPT_TRACE_HTTP) || cli_has(&args, OPT_HELP) ||
             cli_has(&args, OPT_VERSION) || !args.command ||
             (args.command->need != NEED_OWN && args.command->need != NEED_READ))
        fprintf(call->err, "wess: that is not for the daemon\n");
    else
        status = serve(call, &args);
    free(argv);
    return status;
}

static const struct daemon_opts *daemon_options(const struct cli *c, const struct cli_args *a)
{
    static struct daemon_opts opts;
    opts = (struct daemon_opts){.config_path = config_path(a),
                                .command = cli_serve,
                                .log_ready = cli_log_ready,
                                .err = c->err};
    return &opts;
}

int cmd_daemon(struct cli *c, const struct cli_args *a)
{
    int fd = control_connect(c->config);
    struct config *mine = (struct config *)c->config;
    if (fd < 0)
        return daemon_run(mine, daemon_options(c, a));
    struct ucred peer = {0};
    socklen_t len = sizeof(peer);
    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len); /* unknown: it is named by its place */
    close(fd);
    cli_say(c, "a daemon runs already: process %ld, which answers at %s", (long)peer.pid,
            c->config->control);
    config_free(mine);
    return EXIT_OWNED;
}
