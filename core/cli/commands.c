/* The table of commands, and the help that is made of it. */
#include <string.h>

#include "cli/cli.h"
#include "cli/serve.h"

#define MANY ((size_t)1000)

const struct cli_command cli_commands[] = {
    {"check", NULL, "", "is the configuration sound, and does everything answer",
     "Reads the whole configuration and tells every trouble with file, line and the way out, "
     "before\n"
     "anything is contacted. With --online it signs in to every endpoint for every user; in a "
     "mailbox\n"
     "that a run would write it makes a contact of its own, and removes it.",
     OPT_BIT(OPT_ONLINE) | OPT_BIT(OPT_EXPANDED) | OPT_BIT(OPT_ROOT) | OPT_BIT(OPT_TRACE_HTTP),
     NEED_NOTHING, 0, 0, cmd_check},
    {"plan", NULL, "[PAIR]", "what a sync would do, and why; writes nothing anywhere",
     "Reads the changes of both sides and shows what would be linked, created, updated, ended and\n"
     "asked. Nothing is written to either side; of the state only what was read is kept.",
     OPT_BIT(OPT_CHECK) | OPT_BIT(OPT_TRACE_HTTP), NEED_OWN, 0, 1, cmd_plan},
    {"sync", NULL, "[PAIR]", "one round now",
     "Brings the pairs of all users (or of one pair, of one user) in step, then tells what waits "
     "for\n"
     "a person and what to type next. What can only be settled a little later is waited for, "
     "unless\n"
     "--no-wait.",
     OPT_BIT(OPT_NO_WAIT) | OPT_BIT(OPT_TRACE_HTTP), NEED_OWN, 0, 1, cmd_sync},
    {"daemon", NULL, "", "a round every so often, until it is told to end",
     "Runs in the foreground. SIGHUP loads the configuration again (wrong: refused whole, the old\n"
     "one goes on), SIGTERM and SIGINT end it within five seconds. Other commands reach it by its\n"
     "control socket by themselves.",
     OPT_BIT(OPT_TRACE_HTTP), NEED_CONFIG, 0, 0, cmd_daemon},
    {"status", NULL, "", "how each pair of each user stands, and what waits", "", 0, NEED_READ, 0,
     0, cmd_status},
    {"why", NULL, "ITEM", "what happened to an item, and why",
     "ITEM is an item's number or id, one of its mail addresses, or its given and family name.", 0,
     NEED_READ, 1, 1, cmd_why},
    {"conflicts", "list", "", "what waits for a decision", "", 0, NEED_READ, 0, 0,
     cmd_conflicts_list},
    {"conflicts", "show", "N", "one decision, side by side", "", 0, NEED_READ, 1, 1,
     cmd_conflicts_show},
    {"conflicts", "resolve",
     "N.. (--left | --right | --both | --value V | --link ID | --create | --leave)",
     "decides; the next sync carries it out",
     "A conflict of a field is answered by --left, --right, --both or --value; a question about a\n"
     "whole item by --link, --create or --leave.",
     OPT_ANSWERS, NEED_OWN, 1, MANY, cmd_conflicts_resolve},
    {"held", "list", "", "what a guard stopped", "With -v each item of each list.", 0, NEED_READ, 0,
     0, cmd_held_list},
    {"held", "release", "N..", "lets a list go; the next sync carries it out", "", 0, NEED_OWN, 1,
     MANY, cmd_held_release},
    {"parked", "list", "", "what a remote will not take", "", 0, NEED_READ, 0, 0, cmd_parked_list},
    {"parked", "retry", "N.. | all", "tries again in the next sync", "", 0, NEED_OWN, 1, MANY,
     cmd_parked_retry},
    {"parked", "forget", "N.. | all", "takes it off the list until the item changes again", "", 0,
     NEED_OWN, 1, MANY, cmd_parked_forget},
    {"link", NULL, "PAIR LEFT RIGHT", "links two items, or takes up a link that had ended",
     "LEFT and RIGHT are items as for `why`. What differs is merged by the next sync.", 0, NEED_OWN,
     3, 3, cmd_link},
    {"unlink", NULL, "PAIR ITEM", "ends a link; both items stay as they are",
     "Neither is linked or created again by itself; `wess link` takes the link up again.", 0,
     NEED_OWN, 2, 2, cmd_unlink},
    {"refile", NULL, "PAIR ITEM", "files an item once more",
     "Of a pair that files: ITEM is the left item's number or id, or its Message-ID. The next "
     "sync\n"
     "files it again, unless its copy is still there: nothing is ever written over that.",
     0, NEED_OWN, 2, 2, cmd_refile},
    {"login", NULL, "ENDPOINT", "a person signs in to an endpoint",
     "For an endpoint that keeps a person's sign-in (its refresh token): tells which page to open\n"
     "and which code to enter there, waits until that is done, and writes the secret's file anew.\n"
     "Where each user has one of his own --user says whose.",
     0, NEED_CONFIG, 1, 1, cmd_login},
    {"connectors", NULL, "[NAME]", "what is installed; with NAME its options",
     "With --config the connector_path of that configuration is searched too.", 0, NEED_NOTHING, 0,
     1, cmd_connectors},
};
const size_t cli_n_commands = sizeof(cli_commands) / sizeof(cli_commands[0]);

void cli_usage(FILE *f, const struct cli_command *c)
{
    fprintf(f, "usage: wess %s", c->name);
    if (c->verb)
        fprintf(f, " %s", c->verb);
    if (*c->words)
        fprintf(f, " %s", c->words);
    for (size_t i = 0; i < OPT_COUNT; i++) {
        const struct cli_option *o = &cli_options[i];
        if ((c->options & OPT_BIT(i)) && !(OPT_ANSWERS & OPT_BIT(i)))
            fprintf(f, " [--%s%s%s]", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
    }
    fputc('\n', f);
}

static void print_option(FILE *f, const struct cli_option *o)
{
    char name[64];
    char letter[8] = "    ";
    if (o->letter)
        snprintf(letter, sizeof(letter), "-%c, ", o->letter);
    snprintf(name, sizeof(name), "%s--%s%s%s", letter, o->name, o->arg ? " " : "",
             o->arg ? o->arg : "");
    fprintf(f, "  %-22s %s\n", name, o->help);
}

static void print_options(FILE *f, uint32_t which)
{
    for (size_t i = 0; i < OPT_COUNT; i++)
        if (which & OPT_BIT(i))
            print_option(f, &cli_options[i]);
}

static void overview(FILE *f)
{
    fputs("usage: wess COMMAND [OPTIONS] [WORDS]\n\n"
          "Keeps Exchange mailboxes and Workbooks in step.\n\n",
          f);
    for (size_t i = 0; i < cli_n_commands; i++) {
        char name[64];
        const struct cli_command *c = &cli_commands[i];
        snprintf(name, sizeof(name), "%s%s%s", c->name, c->verb ? " " : "", c->verb ? c->verb : "");
        fprintf(f, "  %-18s %s\n", name, c->summary);
    }
    fputs("\nOptions of every command:\n", f);
    print_options(f, OPT_COMMON);
    fputs("\n`wess COMMAND --help` tells more of each; exit statuses are in wess(1).\n", f);
}

void cli_help(FILE *f, const struct cli_args *a)
{
    uint32_t options = 0;
    if (!a->command) {
        overview(f);
        return;
    }
    for (size_t i = 0; i < cli_n_commands; i++) {
        const struct cli_command *c = &cli_commands[i];
        if (strcmp(c->name, a->command->name))
            continue;
        cli_usage(f, c);
        fprintf(f, "  %c%s.\n", c->summary[0] - ('a' - 'A'), c->summary + 1);
        if (*c->help)
            fprintf(f, "\n%s\n", c->help);
        fputc('\n', f);
        options |= c->options;
    }
    fputs("Options:\n", f);
    print_options(f, options | OPT_COMMON);
}
