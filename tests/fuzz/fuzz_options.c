/* Words of a command line, separated by zero bytes: what is taken has a command that takes it, what
 * is not is told in one piece. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "fuzz.h"

#define WORDS_MAX 24

static void taken_holds(const struct cli_args *a, char *const *argv, int argc)
{
    bool words = a->value[OPT_HELP] || a->value[OPT_VERSION];
    HOLDS(a->command || words);
    for (size_t i = 0; i < a->n; i++) {
        bool ours = false;
        for (int k = 1; k < argc; k++)
            ours |= a->of[i] == argv[k];
        HOLDS(ours);
    }
    for (size_t i = 0; i < OPT_COUNT && !words; i++)
        HOLDS(!a->value[i] || ((a->command->options | OPT_COMMON) & OPT_BIT(i)));
    for (size_t i = 0; i < OPT_COUNT; i++)
        HOLDS(!a->value[i] || cli_options[i].arg || !*a->value[i]);
    HOLDS(words || (a->n >= a->command->least && a->n <= a->command->most));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = {data, size};
    char *argv[WORDS_MAX + 2] = {strdup("wess")}, *told = NULL;
    struct cli_args args;
    size_t len = 0;
    int argc = 1;
    while (in.left && argc <= WORDS_MAX)
        argv[argc++] = fuzz_text(&in);
    FILE *err = open_memstream(&told, &len);
    HOLDS(err && argv[0]);
    char *own[WORDS_MAX + 2];
    memcpy(own, argv, sizeof(own)); /* cli_parse() changes the order */
    bool ok = cli_parse(argc, argv, &args, err);
    if (ok)
        taken_holds(&args, argv, argc);
    if (ok && args.value[OPT_HELP])
        cli_help(err, &args);
    HOLDS(!fclose(err));
    HOLDS(ok || !strncmp(told, "wess: ", 6));
    HOLDS(!len || told[len - 1] == '\n');
    for (int i = 0; i < argc; i++)
        free(own[i]);
    free(told);
    return 0;
}
