/* The commands of wess(1). A command is a function of a context and its arguments: the program runs
 * it by itself, or hands its words to a running daemon, which runs the same function there. */
#ifndef CORE_CLI_CLI_H
#define CORE_CLI_CLI_H

#include <jansson.h>
#include <sys/types.h>

#include "engine/engine.h"

#define CLI_DEFAULT_CONFIG "/etc/wess/wess.conf"

/* ---- Options and commands (options.c, commands.c) ---------------------------------------------
 */

enum cli_opt {
    OPT_CONFIG,
    OPT_USER,
    OPT_JSON,
    OPT_VERBOSE,
    OPT_HELP,
    OPT_VERSION,
    OPT_ONLINE,
    OPT_EXPANDED,
    OPT_ROOT,
    OPT_CHECK,
    OPT_NO_WAIT,
    OPT_LEFT,
    OPT_RIGHT,
    OPT_BOTH,
    OPT_VALUE,
    OPT_LINK,
    OPT_CREATE,
    OPT_LEAVE,
    OPT_TRACE_HTTP,
    OPT_COUNT
};
#define OPT_BIT(o) (1u << (o))
/* What every command takes. */
#define OPT_COMMON                                                                                 \
    (OPT_BIT(OPT_CONFIG) | OPT_BIT(OPT_USER) | OPT_BIT(OPT_JSON) | OPT_BIT(OPT_VERBOSE) |          \
     OPT_BIT(OPT_HELP) | OPT_BIT(OPT_VERSION))
#define OPT_ANSWERS                                                                                \
    (OPT_BIT(OPT_LEFT) | OPT_BIT(OPT_RIGHT) | OPT_BIT(OPT_BOTH) | OPT_BIT(OPT_VALUE) |             \
     OPT_BIT(OPT_LINK) | OPT_BIT(OPT_CREATE) | OPT_BIT(OPT_LEAVE))
struct cli_option {
    const char *name, *arg; /* arg NULL: takes none */
    char letter;            /* 0: none */
    const char *help;
};
extern const struct cli_option cli_options[OPT_COUNT];

enum cli_need {
    NEED_NOTHING,
    NEED_CONFIG,
    NEED_READ, /* the state, to look at; also beside a running daemon */
    NEED_OWN   /* the state, alone: through the daemon when it runs */
};
struct cli;
struct cli_args;
struct cli_command {
    const char *name, *verb; /* verb NULL: none */
    const char *words;       /* "N (--left | ..)" */
    const char *summary, *help;
    uint32_t options; /* beside OPT_COMMON */
    enum cli_need need;
    size_t least, most; /* how many words */
    int (*run)(struct cli *, const struct cli_args *);
};
extern const struct cli_command cli_commands[];
extern const size_t cli_n_commands;

struct cli_args {
    const struct cli_command *command; /* NULL: none was named */
    const char *value[OPT_COUNT];      /* NULL: not given; "" for those without an argument */
    const char *const *of;             /* the words behind the command */
    size_t n;
};
/* argv[0] is the program's name; argv is reordered. Troubles are told on `err`, with the nearest
 * right name: false. With --help or --version the rest is not judged. */
bool cli_parse(int argc, char **argv, struct cli_args *, FILE *err);
static inline bool cli_has(const struct cli_args *a, enum cli_opt o)
{
    return a->value[o] != NULL;
}
void cli_help(FILE *, const struct cli_args *);
void cli_usage(FILE *, const struct cli_command *); /* one line */

/* ---- Running ----------------------------------------------------------------------------------
 */

struct cli {
    const struct config *config; /* as the command needs it */
    struct store *store;
    FILE *out, *err;
    struct wess_arena *arena; /* lives as long as the command */
    bool terminal;            /* `err` is watched by a person */
    uid_t uid;                /* whoever asked */
    const bool *cancelled;
    int (*round)(void *ctx, const struct round_opts *);
    void *round_ctx;
};
int cli_main(int argc, char **argv);
/* Runs the command inside the daemon. */
struct daemon_call;
int cli_serve(struct daemon_call *);
/* NULL, or why the log's file cannot be opened; the second tells it. */
const char *cli_log_open(const struct config *);
void cli_log_ready(const struct config *);

/* ---- What commands share ----------------------------------------------------------------------
 */

/* "wess: ..." on err, with a '\n'. */
void cli_say(const struct cli *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int cli_spent(const struct cli *); /* out of memory, told; answers EXIT_STATE */
int cli_store_failed(const struct cli *, const struct db *);
void cli_json(const struct cli *, json_t *); /* prints and drops it */
/* The pair of that name; NULL and told, with the nearest name. NULL name: NULL, nothing told. */
const struct cfg_pair *cli_pair(const struct cli *, const char *name);
/* --user, checked. false: told. */
bool cli_user(const struct cli *, const struct cli_args *, const char **id);
/* "3", "#3"; false: told. */
bool cli_number(const struct cli *, const char *word, int64_t *out);
const char *cli_who(const struct cli *);               /* a name for whoever asked, in the arena */
const char *cli_when(struct wess_arena *, int64_t ms); /* "2026-11-25 17:30"; "never" for 0 */
const char *cli_side_name(const struct cfg_pair *, enum side, struct wess_arena *);
/* Where a pair of a user stands in lists: as the configuration has them. */
size_t cli_order(const struct config *, const char *pair, const char *user);
const char *cli_what(enum op_what); /* "created" */
const char *cli_count(struct wess_arena *, int64_t, const char *one, const char *many);

/* ---- The commands -----------------------------------------------------------------------------
 */

int cmd_check(struct cli *, const struct cli_args *);
int cmd_plan(struct cli *, const struct cli_args *);
int cmd_sync(struct cli *, const struct cli_args *);
int cmd_status(struct cli *, const struct cli_args *);
int cmd_why(struct cli *, const struct cli_args *);
int cmd_conflicts_list(struct cli *, const struct cli_args *);
int cmd_conflicts_show(struct cli *, const struct cli_args *);
int cmd_conflicts_resolve(struct cli *, const struct cli_args *);
/* Each list that is held for that pair and user (NULL: all), with the way out. */
void held_print(const struct cli *, struct db *, const char *pair, const char *user);
int cmd_held_list(struct cli *, const struct cli_args *);
int cmd_held_release(struct cli *, const struct cli_args *);
int cmd_parked_list(struct cli *, const struct cli_args *);
int cmd_parked_retry(struct cli *, const struct cli_args *);
int cmd_parked_forget(struct cli *, const struct cli_args *);
int cmd_link(struct cli *, const struct cli_args *);
int cmd_unlink(struct cli *, const struct cli_args *);
int cmd_refile(struct cli *, const struct cli_args *);
int cmd_login(struct cli *, const struct cli_args *);
int cmd_connectors(struct cli *, const struct cli_args *);

#endif
