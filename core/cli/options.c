/* Words on the command line: options before or after arguments, long ones by any unique beginning.
 */
#include <getopt.h>
#include <pthread.h>
#include <string.h>

#include "cli/cli.h"

#define VALUE_BASE 256 /* of getopt's answers for long options, behind all letters */

const struct cli_option cli_options[OPT_COUNT] = {
    [OPT_CONFIG] = {"config", "FILE", 0,
                    "the configuration (default: $WESS_CONFIG, or " CLI_DEFAULT_CONFIG ")"},
    [OPT_USER] = {"user", "ID", 0, "only this user"},
    [OPT_JSON] = {"json", NULL, 0, "the answer as JSON on standard output"},
    [OPT_VERBOSE] = {"verbose", NULL, 'v', "everything, not only the beginning of long lists"},
    [OPT_HELP] = {"help", NULL, 'h', "this text"},
    [OPT_VERSION] = {"version", NULL, 0, "the version"},
    [OPT_ONLINE] = {"online", NULL, 0, "signs in everywhere and tells what answers there"},
    [OPT_EXPANDED] = {"expanded", NULL, 0, "prints the pairs with what a preset puts in"},
    [OPT_ROOT] = {"root", "DIR", 0, "puts DIR before every path that the configuration names"},
    [OPT_CHECK] = {"check", NULL, 0, "exit status 8 when there is something to do"},
    [OPT_NO_WAIT] = {"no-wait", NULL, 0, "does not wait for what can be settled a little later"},
    [OPT_LEFT] = {"left", NULL, 0, "the left value"},
    [OPT_RIGHT] = {"right", NULL, 0, "the right value"},
    [OPT_BOTH] = {"both", NULL, 0, "both: texts one behind the other, lists joined"},
    [OPT_VALUE] = {"value", "V", 0, "this value instead; empty clears the field"},
    [OPT_LINK] = {"link", "ID", 0, "it is this item of the other side"},
    [OPT_CREATE] = {"create", NULL, 0, "it is somebody else: create a twin of its own"},
    [OPT_LEAVE] = {"leave", NULL, 0, "leave both alone, and do not ask again"},
    [OPT_TRACE_HTTP] = {"trace-http", "FILE", 0,
                        "what goes over the wire, without secrets, but with what people wrote"},
};

/* ---- telling what is wrong --------------------------------------------------------------------
 */

static void unknown_option(const char *word, FILE *err)
{
    const char *names[OPT_COUNT];
    char name[64];
    for (size_t i = 0; i < OPT_COUNT; i++)
        names[i] = cli_options[i].name;
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
    const char *near = text_nearest(name, names, OPT_COUNT);
    fprintf(err, "wess: there is no option --%s", name);
    if (near)
        fprintf(err, "; did you mean --%s?", near);
    fputc('\n', err);
}

static const char *long_word(const char *word)
{
    return word && !strncmp(word, "--", 2) ? word + 2 : NULL;
}

static void bad_option(int answer, char **argv, int at, FILE *err)
{
    const char *word = long_word(argv[at]);
    if (answer == ':' && word)
        fprintf(err, "wess: --%s needs a value\n", word);
    else if (answer == ':')
        fprintf(err, "wess: -%c needs a value\n", optopt);
    else if (optopt >= VALUE_BASE && word)
        fprintf(err, "wess: --%.*s takes no value\n", (int)strcspn(word, "="), word);
    else if (optopt && optopt < VALUE_BASE)
        fprintf(err, "wess: there is no option -%c\n", optopt);
    else
        unknown_option(word ? word : argv[at], err);
}

static void unknown_command(const char *word, FILE *err)
{
    const char *names[64];
    size_t n = 0;
    for (size_t i = 0; i < cli_n_commands && n < sizeof(names) / sizeof(names[0]); i++)
        names[n++] = cli_commands[i].name;
    const char *near = text_nearest(word, names, n);
    fprintf(err, "wess: there is no command \"%.64s\"", word);
    if (near)
        fprintf(err, "; did you mean \"%s\"?", near);
    fputs(near ? "\n" : "; `wess --help` lists them\n", err);
}

static void unknown_verb(const char *name, const char *word, FILE *err)
{
    const char *verbs[16];
    size_t n = 0;
    for (size_t i = 0; i < cli_n_commands && n < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (!strcmp(cli_commands[i].name, name) && cli_commands[i].verb)
            verbs[n++] = cli_commands[i].verb;
    const char *near = text_nearest(word, verbs, n);
    fprintf(err, "wess: %s does not know \"%.64s\"", name, word);
    if (near)
        fprintf(err, "; did you mean \"%s %s\"?", name, near);
    fputc('\n', err);
    for (size_t i = 0; i < cli_n_commands; i++)
        if (!strcmp(cli_commands[i].name, name))
            cli_usage(err, &cli_commands[i]);
}

/* ---- reading ----------------------------------------------------------------------------------
 */

static void fill_long(struct option *of)
{
    for (size_t i = 0; i < OPT_COUNT; i++)
        of[i] = (struct option){.name = cli_options[i].name,
                                .has_arg = cli_options[i].arg ? required_argument : no_argument,
                                .val = VALUE_BASE + (int)i};
    of[OPT_COUNT] = (struct option){0};
}

static int option_of(int answer)
{
    if (answer >= VALUE_BASE)
        return answer - VALUE_BASE;
    for (int i = 0; i < OPT_COUNT; i++)
        if (cli_options[i].letter == answer)
            return i;
    return -1;
}

/* getopt keeps its place in globals: one reader at a time. */
static bool read_options(int argc, char **argv, struct cli_args *out, FILE *err)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    struct option table[OPT_COUNT + 1];
    bool ok = true;
    int answer;
    fill_long(table);
    pthread_mutex_lock(&lock);
    optind = 0;
    opterr = 0;
    while (ok && (answer = getopt_long(argc, argv, ":vh", table, NULL)) != -1) {
        int o = option_of(answer);
        if (o < 0) {
            /* The word just read: getopt moves arguments behind options while it goes. */
            bad_option(answer, argv, optind > 1 ? optind - 1 : 1, err);
            ok = false;
        } else {
            out->value[o] = optarg ? optarg : "";
        }
    }
    out->of = (const char *const *)argv + optind;
    out->n = (size_t)(argc - optind);
    pthread_mutex_unlock(&lock);
    return ok;
}

static bool has_verbs(const char *name)
{
    for (size_t i = 0; i < cli_n_commands; i++)
        if (!strcmp(cli_commands[i].name, name))
            return cli_commands[i].verb != NULL;
    return false;
}

static const struct cli_command *find(const char *name, const char *verb)
{
    for (size_t i = 0; i < cli_n_commands; i++)
        if (!strcmp(cli_commands[i].name, name) && (!verb || !strcmp(cli_commands[i].verb, verb)))
            return &cli_commands[i];
    return NULL;
}

/* The first word names the command; the first of its verbs is meant when none is given. */
static bool find_command(struct cli_args *out, FILE *err)
{
    const char *name = out->n ? out->of[0] : NULL;
    if (!name)
        return true;
    bool verbs = has_verbs(name);
    const char *verb = verbs && out->n > 1 ? out->of[1] : NULL;
    out->command = find(name, verb);
    if (!out->command && verb)
        unknown_verb(name, verb, err);
    else if (!out->command)
        unknown_command(name, err);
    else {
        size_t taken = verb ? 2 : 1;
        out->of += taken;
        out->n -= taken;
    }
    return out->command != NULL;
}

static bool judge(const struct cli_args *a, FILE *err)
{
    const struct cli_command *c = a->command;
    for (size_t i = 0; i < OPT_COUNT; i++)
        if (a->value[i] && !((c->options | OPT_COMMON) & OPT_BIT(i))) {
            fprintf(err, "wess: %s%s%s does not take --%s\n", c->name, c->verb ? " " : "",
                    c->verb ? c->verb : "", cli_options[i].name);
            cli_usage(err, c);
            return false;
        }
    if (a->n >= c->least && a->n <= c->most)
        return true;
    if (a->n > c->most)
        fprintf(err, "wess: \"%.64s\" is one word too many\n", a->of[c->most]);
    else
        fprintf(err, "wess: %s%s%s needs more words\n", c->name, c->verb ? " " : "",
                c->verb ? c->verb : "");
    cli_usage(err, c);
    return false;
}

bool cli_parse(int argc, char **argv, struct cli_args *out, FILE *err)
{
    *out = (struct cli_args){0};
    if (!read_options(argc, argv, out, err) || !find_command(out, err))
        return false;
    if (cli_has(out, OPT_HELP) || cli_has(out, OPT_VERSION))
        return true;
    if (!out->command) {
        fputs("wess: no command given; `wess --help` lists them\n", err);
        return false;
    }
    return judge(out, err);
}
