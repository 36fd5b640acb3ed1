/* The words of the control socket: what one end writes the other reads, and garbage hurts nobody.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/protocol.h"

static void test_request__comes_back_whole(void **state)
{
    static const char *const words[] = {"conflicts", "resolve",         "3",
                                        "--value",   "a \"b\"\n李 Zoë", ""};
    struct control_request req;
    const char *why;
    (void)state;
    char *line = control_format_request(6, words, true);
    assert_non_null(line);
    size_t len = strlen(line);
    assert_int_equal(line[len - 1], '\n');
    assert_null(memchr(line, '\n', len - 1));
    assert_true(control_parse_request(line, len - 1, &req, &why));
    assert_int_equal(req.argc, 6);
    for (int i = 0; i < 6; i++)
        assert_string_equal(req.argv[i], words[i]);
    assert_null(req.argv[6]);
    assert_true(req.terminal);
    control_request_fini(&req);
    free(line);
}

static void test_request__garbage_is_refused(void **state)
{
    static const char *const lines[] = {
        "",
        "sync",
        "{}",
        "[]",
        "null",
        "{\"argv\":\"sync\"}",
        "{\"argv\":[]}",
        "{\"argv\":[1]}",
        "{\"argv\":[\"a\",{}]}",
        "{\"argv\":[\"a\\u0000b\"]}",
        "{\"argv\":[\"a\"],\"argv\":[\"b\"]}",
        "{\"argv\":[\"a\"]} x",
        "{\"argv\":[\"\xff\"]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct control_request req;
        const char *why = NULL;
        if (control_parse_request(lines[i], strlen(lines[i]), &req, &why))
            fail_msg("taken: %s", lines[i]);
        assert_non_null(why);
        control_request_fini(&req);
    }
}

static void test_request__is_bounded(void **state)
{
    const char *many[CONTROL_ARGS_MAX + 1];
    char *huge = malloc(CONTROL_LINE_MAX + 1);
    const char *one[] = {huge};
    struct control_request req;
    const char *why;
    (void)state;
    for (size_t i = 0; i <= CONTROL_ARGS_MAX; i++)
        many[i] = "x";
    assert_null(control_format_request(CONTROL_ARGS_MAX + 1, many, false));
    char *line = control_format_request(CONTROL_ARGS_MAX, many, false);
    assert_true(control_parse_request(line, strlen(line), &req, &why));
    assert_int_equal(req.argc, CONTROL_ARGS_MAX);
    control_request_fini(&req);
    free(line);
    memset(huge, 'x', CONTROL_LINE_MAX);
    huge[CONTROL_LINE_MAX] = 0;
    assert_null(control_format_request(1, one, false));
    assert_null(control_format_request(0, one, false));
    free(huge);
}

static void test_message__comes_back_whole(void **state)
{
    static const char text[] = "Zoë\t\"x\"\r\033[K\nsecond line";
    struct control_message m;
    (void)state;
    char *line = control_format_text(CONTROL_ERR, text, strlen(text));
    assert_true(control_parse_message(line, strlen(line), &m));
    assert_int_equal(m.kind, CONTROL_ERR);
    assert_int_equal(m.len, strlen(text));
    assert_string_equal(m.text, text);
    control_message_fini(&m);
    free(line);
    line = control_format_exit(4);
    assert_true(control_parse_message(line, strlen(line), &m));
    assert_int_equal(m.kind, CONTROL_EXIT);
    assert_int_equal(m.status, 4);
    control_message_fini(&m);
    free(line);
}

static void test_message__of_any_bytes_is_json(void **state)
{
    char bytes[CONTROL_CHUNK];
    struct control_message m;
    (void)state;
    for (unsigned seed = 1; seed < 50; seed++) {
        unsigned x = seed * 2654435761u;
        for (size_t i = 0; i < sizeof(bytes); i++) {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            /* Some rounds of control characters only: those grow most when they are escaped. */
            bytes[i] = (char)(seed % 5 ? x >> 11 : x >> 11 & 0x1f);
        }
        char *line = control_format_text(CONTROL_OUT, bytes, sizeof(bytes));
        assert_non_null(line);
        assert_true(control_parse_message(line, strlen(line), &m));
        assert_int_equal(m.len, sizeof(bytes));
        control_message_fini(&m);
        free(line);
    }
}

static void test_message__garbage_is_refused(void **state)
{
    static const char *const lines[] = {
        "",
        "{}",
        "{\"exit\":\"0\"}",
        "{\"exit\":-1}",
        "{\"exit\":256}",
        "{\"out\":1}",
        "[\"out\"]",
        "{\"out\":\"a\"",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct control_message m;
        assert_false(control_parse_message(lines[i], strlen(lines[i]), &m));
        control_message_fini(&m);
    }
}

static void test_whole__keeps_unfinished_code_points_back(void **state)
{
    static const char text[] = "aë李\xf0\x9f\x98\x80";
    static const size_t whole[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};
    (void)state;
    for (size_t n = 0; n < sizeof(whole) / sizeof(whole[0]); n++)
        assert_int_equal(control_whole(text, n), whole[n]);
    assert_int_equal(control_whole("\xff\x80z", 3), 3);
    assert_int_equal(control_whole("\xed\xa0\x80", 3), 3); /* a surrogate: never whole */
}

static void test_lines__however_they_are_cut(void **state)
{
    static const char text[] = "one\n\nthree is longer\nrest";
    (void)state;
    for (size_t step = 1; step < sizeof(text); step++) {
        struct control_lines l = {0};
        char got[64] = "";
        const char *line;
        size_t len;
        for (size_t at = 0; at < strlen(text); at += step) {
            size_t n = strlen(text) - at < step ? strlen(text) - at : step;
            assert_true(control_lines_add(&l, text + at, n));
            while ((line = control_lines_next(&l, &len))) {
                strncat(got, line, len);
                strcat(got, "|");
            }
        }
        assert_string_equal(got, "one||three is longer|");
        assert_false(l.too_long);
        control_lines_fini(&l);
    }
}

static void test_lines__too_long_ends_it(void **state)
{
    struct control_lines l = {0};
    char block[4096];
    size_t len;
    (void)state;
    memset(block, 'x', sizeof(block));
    for (size_t n = 0; n <= CONTROL_LINE_MAX; n += sizeof(block)) {
        assert_false(l.too_long);
        assert_true(control_lines_add(&l, block, sizeof(block)));
        assert_null(control_lines_next(&l, &len));
    }
    assert_true(l.too_long);
    assert_true(control_lines_add(&l, "\nok\n", 4));
    assert_null(control_lines_next(&l, &len));
    control_lines_fini(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request__comes_back_whole),
        cmocka_unit_test(test_request__garbage_is_refused),
        cmocka_unit_test(test_request__is_bounded),
        cmocka_unit_test(test_message__comes_back_whole),
        cmocka_unit_test(test_message__of_any_bytes_is_json),
        cmocka_unit_test(test_message__garbage_is_refused),
        cmocka_unit_test(test_whole__keeps_unfinished_code_points_back),
        cmocka_unit_test(test_lines__however_they_are_cut),
        cmocka_unit_test(test_lines__too_long_ends_it),
    };
    return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
