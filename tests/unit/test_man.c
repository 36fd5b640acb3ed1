/* The man pages name every command, option and setting that there is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/cli.h"

#define PAGE_MAX ((size_t)1 << 20)

/* The page without what makes hyphens of hyphens; the caller frees it. */
static char *page(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, PAGE_MAX);
    assert_non_null(f);
    assert_non_null(text);
    size_t n = fread(text, 1, PAGE_MAX - 1, f), out = 0;
    fclose(f);
    for (size_t i = 0; i < n; i++)
        if (text[i] != '\\' || text[i + 1] != '-')
            text[out++] = text[i];
    text[out] = 0;
    return text;
}

static void assert_named(const char *text, const char *page_name, const char *name)
{
    if (!strstr(text, name))
        fail_msg("%s does not name %s", page_name, name);
}

static void test_man__names_every_command_and_option(void **state)
{
    char *text = page(MAN_DIR "/wess.1"), name[64];
    (void)state;
    for (size_t i = 0; i < cli_n_commands; i++) {
        snprintf(name, sizeof(name), "%s%s%s", cli_commands[i].name,
                 cli_commands[i].verb ? " " : "", cli_commands[i].verb ? cli_commands[i].verb : "");
        assert_named(text, "wess.1", name);
    }
    for (size_t i = 0; i < OPT_COUNT; i++) {
        snprintf(name, sizeof(name), "--%s", cli_options[i].name);
        assert_named(text, "wess.1", name);
    }
    free(text);
}

static void test_man__names_every_setting(void **state)
{
    char *text = page(MAN_DIR "/wess.conf.5"), *all = NULL, *rest;
    size_t len = 0, n = 0;
    FILE *f = open_memstream(&all, &len);
    (void)state;
    config_describe(f);
    fclose(f);
    rest = all;
    for (char *line; (line = strsep(&rest, "\n"));) {
        line[strcspn(line, "\t")] = 0;
        char *dot = strrchr(line, '.');
        if (!*line)
            continue;
        assert_named(text, "wess.conf.5", dot ? dot + 1 : line);
        n++;
    }
    assert_true(n > 40);
    free(all);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_man__names_every_command_and_option),
        cmocka_unit_test(test_man__names_every_setting),
    };
    return cmocka_run_group_tests_name("man", tests, NULL, NULL);
}
