/* Tables for a terminal: aligned by what the screen shows, whatever the script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/table.h"

static struct wess_arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new(ARENA_BUDGET);
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static char *printed(const struct table *t, const char *indent)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    table_print(t, f, indent);
    fclose(f);
    return text;
}

static void assert_printed(const struct table *t, const char *indent, const char *expected)
{
    char *text = printed(t, indent);
    assert_string_equal(text, expected);
    free(text);
}

static void test_width__counts_screen_columns(void **state)
{
    static const struct {
        const char *text;
        int width;
    } table[] = {
        {"", 0},
        {"Jane", 4},
        {"Zoë", 3},
        {"Zoe\xcc\x88", 3},              /* e and a combining diaeresis */
        {"李小龍", 6},                   /* wide */
        {"ｱｲｳ", 3},                      /* half-width kana */
        {"Ａ", 2},                       /* full-width A */
        {"\xe1\x84\x92\xe1\x85\xa1", 2}, /* a Hangul syllable in two parts */
        {"a\xe2\x80\x8b"
         "b",
         2},             /* zero-width space */
        {"\xff\xfe", 2}, /* not UTF-8: a mark each */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        assert_int_equal(text_width(table[i].text), table[i].width);
}

static void test_shown__takes_the_sting_out(void **state)
{
    (void)state;
    assert_string_equal(text_shown(arena, "a\033[31mred\nb"), "a [31mred b");
    assert_string_equal(text_shown(arena, "tab\tand\r\nend"), "tab and end");
    assert_string_equal(text_shown(arena, "x\xe2\x80\xae"
                                          "cod.exe"),
                        "x cod.exe");
    assert_string_equal(text_shown(arena, "C1:\xc2\x9b"
                                          "2J"),
                        "C1: 2J");
    assert_string_equal(text_shown(arena, "bad\xff"), "bad?");
    assert_string_equal(text_shown(arena, ""), "");
    assert_string_equal(text_shown(arena, "Zoë 李"), "Zoë 李");
}

static void test_cut__never_wider_than_asked(void **state)
{
    (void)state;
    assert_string_equal(text_cut(arena, "Bartholomew", 5), "Bart…");
    assert_string_equal(text_cut(arena, "Bart", 4), "Bart");
    assert_string_equal(text_cut(arena, "李小龍", 4), "李…");
    assert_int_equal(text_width(text_cut(arena, "李小龍李小龍", 6)), 5);
    assert_string_equal(text_cut(arena, "Zoë Zoë", 4), "Zoë…");
    assert_string_equal(text_cut(arena, "anything", 0), "anything");
}

static void test_table__aligns_by_width(void **state)
{
    static const struct column columns[] = {{"NAME", false, 0}, {"N", true, 0}, {"END", false, 0}};
    static const char *const rows[][3] = {
        {"Zoë", "7", "x"}, {"李小龍", "120", "y"}, {"J", NULL, "z"}};
    struct table t;
    (void)state;
    table_init(&t, arena, columns, 3);
    for (size_t i = 0; i < 3; i++)
        table_row(&t, rows[i]);
    assert_printed(&t, "  ",
                   "  NAME      N  END\n"
                   "  Zoë       7  x\n"
                   "  李小龍  120  y\n"
                   "  J            z\n");
}

static void test_table__leaves_out_what_is_empty(void **state)
{
    static const struct column columns[] = {{"A", false, 0}, {"B", true, 0}, {"C", false, 0}};
    static const char *const rows[][3] = {{"1", NULL, ""}, {"2", "", NULL}};
    struct table t;
    (void)state;
    table_init(&t, arena, columns, 3);
    for (size_t i = 0; i < 2; i++)
        table_row(&t, rows[i]);
    assert_printed(&t, "", "A\n1\n2\n");
}

static void test_table__has_no_head_without_titles(void **state)
{
    static const struct column columns[] = {{"", false, 0}, {NULL, false, 3}};
    static const char *const row[] = {"left", "value"};
    struct table t;
    (void)state;
    table_init(&t, arena, columns, 2);
    assert_printed(&t, "", "");
    table_row(&t, row);
    assert_printed(&t, "", "left  va…\n");
}

static void test_table__tells_when_memory_ended(void **state)
{
    static const struct column columns[] = {{"", false, 0}};
    static const char *const row[] = {"one"};
    struct wess_arena *small = arena_new(2000);
    struct table t;
    (void)state;
    table_init(&t, small, columns, 1);
    for (int i = 0; i < 1000; i++)
        table_row(&t, row);
    assert_true(t.spent);
    char *text = printed(&t, "");
    assert_non_null(strstr(text, "more than fits in memory"));
    free(text);
    arena_free(small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_width__counts_screen_columns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shown__takes_the_sting_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut__never_wider_than_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_table__aligns_by_width, setup, teardown),
        cmocka_unit_test_setup_teardown(test_table__leaves_out_what_is_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(test_table__has_no_head_without_titles, setup, teardown),
        cmocka_unit_test_setup_teardown(test_table__tells_when_memory_ended, setup, teardown),
    };
    return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
