/* The command line: options anywhere, misspelt words answered with the nearest right one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/cli.h"

#define WORDS_MAX 16

struct line { /* words as a program gets them, and what was said about them */
    char *words[WORDS_MAX + 1];
    int n;
    struct cli_args args;
    char *said;
    bool ok;
};

static void line_parse(struct line *l, const char *text)
{
    size_t len = 0;
    char *copy = strdup(text);
    *l = (struct line){.n = 1, .words = {strdup("wess")}};
    for (char *rest = copy, *word; (word = strsep(&rest, " "));)
        if (*word && l->n < WORDS_MAX)
            l->words[l->n++] = strdup(word);
    free(copy);
    FILE *f = open_memstream(&l->said, &len);
    l->ok = cli_parse(l->n, l->words, &l->args, f);
    fclose(f);
}

static void line_free(struct line *l)
{
    for (int i = 0; i < l->n; i++)
        free(l->words[i]);
    free(l->said);
}

static void assert_refused(const char *text, const char *said)
{
    struct line l;
    line_parse(&l, text);
    if (l.ok || !strstr(l.said, said))
        fail_msg("\"%s\" said: %s", text, l.said);
    line_free(&l);
}

static void test_options__stand_anywhere(void **state)
{
    static const char *const lines[] = {
        "--user ada why Jane --json",
        "why --json Jane --user=ada",
        "why Jane --user ada --json",
        "--json --user ada why Jane",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct line l;
        line_parse(&l, lines[i]);
        assert_true(l.ok);
        assert_string_equal(l.args.command->name, "why");
        assert_string_equal(l.args.value[OPT_USER], "ada");
        assert_true(cli_has(&l.args, OPT_JSON));
        assert_false(cli_has(&l.args, OPT_VERBOSE));
        assert_int_equal(l.args.n, 1);
        assert_string_equal(l.args.of[0], "Jane");
        assert_string_equal(l.said, "");
        line_free(&l);
    }
}

static void test_options__verbs_are_found(void **state)
{
    struct line l;
    (void)state;
    line_parse(&l, "conflicts resolve 7 8 --value new");
    assert_true(l.ok);
    assert_string_equal(l.args.command->verb, "resolve");
    assert_int_equal(l.args.n, 2);
    assert_string_equal(l.args.value[OPT_VALUE], "new");
    line_free(&l);
    line_parse(&l, "held");
    assert_true(l.ok);
    assert_string_equal(l.args.command->verb, "list");
    assert_int_equal(l.args.n, 0);
    line_free(&l);
}

static void test_options__two_dashes_end_them(void **state)
{
    struct line l;
    (void)state;
    line_parse(&l, "why -- --json");
    assert_true(l.ok);
    assert_string_equal(l.args.of[0], "--json");
    assert_false(cli_has(&l.args, OPT_JSON));
    line_free(&l);
}

static void test_options__misspelt_words_name_the_nearest(void **state)
{
    static const struct {
        const char *line, *said;
    } table[] = {
        {"snyc", "did you mean \"sync\"?"},
        {"conflict list", "did you mean \"conflicts\"?"},
        {"conflicts reslove 3 --left", "did you mean \"conflicts resolve\"?"},
        {"sync --no-wiat", "did you mean --no-wait?"},
        {"sync --usr=ada", "did you mean --user?"},
        {"--onlin3 check", "did you mean --online?"},
        {"xyzzyplugh", "there is no command \"xyzzyplugh\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        assert_refused(table[i].line, table[i].said);
}

static void test_options__what_does_not_fit_is_refused(void **state)
{
    static const struct {
        const char *line, *said;
    } table[] = {
        {"", "no command given"},
        {"status --online", "status does not take --online"},
        {"sync people more", "\"more\" is one word too many"},
        {"why", "why needs more words"},
        {"link people 1", "link needs more words"},
        {"check --json=3", "--json takes no value"},
        {"sync --user", "--user needs a value"},
        {"sync -q", "there is no option -q"},
        {"conflicts list --left", "conflicts list does not take --left"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        assert_refused(table[i].line, table[i].said);
}

static void test_options__help_is_not_judged(void **state)
{
    static const char *const lines[] = {"--help", "why --help", "--version", "sync a b c -h"};
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct line l;
        line_parse(&l, lines[i]);
        assert_true(l.ok);
        line_free(&l);
    }
}

static void test_options__each_command_has_help(void **state)
{
    (void)state;
    for (size_t i = 0; i < cli_n_commands; i++) {
        struct cli_args a = {.command = &cli_commands[i]};
        char *text = NULL;
        size_t len = 0;
        FILE *f = open_memstream(&text, &len);
        cli_help(f, &a);
        fclose(f);
        assert_non_null(strstr(text, "usage: wess "));
        assert_non_null(strstr(text, cli_commands[i].name));
        assert_non_null(strstr(text, "--config FILE"));
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options__stand_anywhere),
        cmocka_unit_test(test_options__verbs_are_found),
        cmocka_unit_test(test_options__two_dashes_end_them),
        cmocka_unit_test(test_options__misspelt_words_name_the_nearest),
        cmocka_unit_test(test_options__what_does_not_fit_is_refused),
        cmocka_unit_test(test_options__help_is_not_judged),
        cmocka_unit_test(test_options__each_command_has_help),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
