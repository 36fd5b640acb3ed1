/* What a token endpoint answers, and what is made of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "token.h"

static bool read_text(const char *text, struct token_answer *a)
{
    const char *why = NULL;
    bool ok = token_read(text, strlen(text), a, &why);
    assert_true(ok || why);
    return ok;
}

static void test_token__is_taken(void **state)
{
    struct token_answer a;
    (void)state;
    assert_true(read_text("{\"token_type\":\"bearer\",\"expires_in\":3599,\"access_token\":\"abc\","
                          "\"refresh_token\":\"def\"}",
                          &a));
    assert_string_equal(a.access, "abc");
    assert_string_equal(a.refresh, "def");
    assert_int_equal(a.expires_in_s, 3599);
    assert_string_equal(a.error, "");
    token_fini(&a);
    assert_true(read_text("{\"expires_in\":\"60\",\"access_token\":\"abc\"}", &a));
    assert_int_equal(a.expires_in_s, 60);
    token_fini(&a);
}

/* A token becomes a line of a header, a code a line of a terminal. */
static void test_token__what_is_not_fit_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "null",
        "{\"access_token\":\"\"}",
        "{\"access_token\":7}",
        "{\"access_token\":\"a b\"}",
        "{\"access_token\":\"a\\r\\nX-Evil: 1\"}",
        "{\"access_token\":\"caf\\u00e9\"}",
        "{\"access_token\":\"a\\u0000b\"}",
        "{\"access_token\":\"a\",\"access_token\":\"b\"}",
        "{\"access_token\":\"a\",\"token_type\":\"mac\"}",
        "{\"access_token\":\"a\",\"refresh_token\":\"b\\n\"}",
        "{\"device_code\":\"a\",\"user_code\":\"\\u001b[2J\"}",
        "{\"device_code\":\"a\",\"user_code\":\"b\",\"verification_uri\":\"https://x y\"}",
        "<html>sign in</html>",
    };
    struct token_answer a;
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (read_text(bad[i], &a))
            fail_msg("taken: %s", bad[i]);
        token_fini(&a);
    }
    char *large = malloc(TOKEN_MAX + 64);
    assert_non_null(large);
    size_t n = (size_t)sprintf(large, "{\"access_token\":\"");
    memset(large + n, 'a', TOKEN_MAX + 1);
    strcpy(large + n + TOKEN_MAX + 1, "\"}");
    assert_false(read_text(large, &a));
    token_fini(&a);
    free(large);
}

static void test_token__spans_are_bounded(void **state)
{
    struct token_answer a;
    (void)state;
    assert_true(read_text("{\"access_token\":\"a\",\"expires_in\":-5}", &a));
    assert_int_equal(a.expires_in_s, 0);
    token_fini(&a);
    assert_true(read_text("{\"access_token\":\"a\",\"expires_in\":9223372036854775807}", &a));
    assert_int_equal(a.expires_in_s, 366 * 86400);
    token_fini(&a);
}

static void test_token__refusals_are_told(void **state)
{
    static const struct {
        const char *text;
        int status;
        enum wess_code code;
        const char *remote, *words;
    } cases[] = {
        {"{\"error\":\"invalid_client\",\"error_codes\":[7000215]}", 401, WESS_AUTH,
         "AADSTS7000215", "client_secret is wrong"},
        {"{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000222: expired\"}", 401,
         WESS_AUTH, "AADSTS7000222", "has expired"},
        {"{\"error\":\"invalid_grant\",\"error_codes\":[700082]}", 400, WESS_AUTH, "AADSTS700082",
         "wess login"},
        {"{\"error\":\"invalid_grant\"}", 400, WESS_AUTH, "invalid_grant", "wess login"},
        {"{\"error\":\"invalid_request\",\"error_codes\":[90002]}", 400, WESS_BROKEN, "AADSTS90002",
         "tenant"},
        {"{\"error\":\"temporarily_unavailable\"}", 503, WESS_TRANSIENT, "temporarily_unavailable",
         "not available"},
        {"{\"error\":\"of_another_kind\"}", 400, WESS_AUTH, "of_another_kind", "refuses us"},
        {"{\"error\":\"of_another_kind\"}", 500, WESS_TRANSIENT, "of_another_kind", "refuses us"},
        {"{\"error\":5}", 400, WESS_AUTH, "unknown", "refuses us"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct token_answer a;
        struct wess_error e = {0};
        assert_true(read_text(cases[i].text, &a));
        assert_int_equal(token_judge(&a, cases[i].status, &e), cases[i].code);
        assert_string_equal(e.remote_code, cases[i].remote);
        assert_non_null(strstr(e.text, cases[i].words));
        assert_int_equal(e.scope, cases[i].code == WESS_AUTH ? WESS_OF_CREDENTIAL : WESS_OF_HOST);
        token_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token__is_taken),
        cmocka_unit_test(test_token__what_is_not_fit_is_refused),
        cmocka_unit_test(test_token__spans_are_bounded),
        cmocka_unit_test(test_token__refusals_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
