/* Which settings go together, what a refusal is told as, and what servers are called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ews.h"
#include "testhost.h"

#define OAUTH                                                                                      \
    {"auth", "oauth_app"}, {"tenant", "example.com"}, {"client_id", "c0ffee"},                     \
    {                                                                                              \
        "authority", "https://login.example"                                                       \
    }
#define AUDIENCE                                                                                   \
    {                                                                                              \
        "audience", "https://outlook.office365.com"                                                \
    }

struct setting {
    const char *name, *value;
};

static void judged(const struct setting *of, size_t n, const char *words, const char *anchor)
{
    struct testhost_setting settings[16];
    struct testhost th;
    struct wess_conn *conn = NULL;
    struct wess_error e = {0};
    for (size_t i = 0; i < n; i++)
        settings[i] = (struct testhost_setting){of[i].name, of[i].value};
    testhost_init(&th, settings, n);
    enum wess_code rc = wess_connector_v1()->open(&th.host, &conn, &e);
    if (words) {
        assert_int_equal(rc, WESS_BROKEN);
        if (!strstr(e.text, words))
            fail_msg("\"%s\" lacks \"%s\"", e.text, words);
    } else {
        if (rc != WESS_OK)
            fail_msg("refused: %s", e.text);
        if (anchor)
            assert_string_equal(conn->anchor_header, anchor);
    }
    wess_connector_v1()->close(conn);
    testhost_fini(&th);
}
#define JUDGED(words, anchor, ...)                                                                 \
    do {                                                                                           \
        const struct setting of[] = {__VA_ARGS__};                                                 \
        judged(of, sizeof(of) / sizeof(of[0]), words, anchor);                                     \
    } while (0)
#define URL                                                                                        \
    {                                                                                              \
        "url", "https://mail.example.com/EWS/Exchange.asmx"                                        \
    }

static void test_ews_sign_in__what_goes_together(void **state)
{
    (void)state;
    JUDGED(NULL, NULL, URL, {"auth", "basic"}, {"username", "u"}, {"password", "p"});
    JUDGED(NULL, NULL, URL, {"auth", "negotiate"});
    JUDGED("needs username", NULL, URL, {"auth", "ntlm"}, {"password", "p"});
    JUDGED("needs password", NULL, URL, {"auth", "ntlm"}, {"username", "u"});
    JUDGED("does not go with password", NULL, URL, {"auth", "negotiate"}, {"password", "p"});
    JUDGED("needs impersonate", NULL, URL, OAUTH, AUDIENCE, {"client_secret", "s"});
    JUDGED("one of client_secret and certificate", NULL, URL, OAUTH, AUDIENCE,
           {"impersonate", "ada@example.com"});
    JUDGED("one of client_secret and certificate", NULL, URL, OAUTH, AUDIENCE,
           {"impersonate", "ada@example.com"}, {"client_secret", "s"}, {"certificate", "/c"});
    JUDGED(NULL, "X-AnchorMailbox: ada@example.com", URL, OAUTH, AUDIENCE,
           {"impersonate", "ada@example.com"}, {"client_secret", "s"});
    JUDGED("needs anchor", NULL, URL, OAUTH, AUDIENCE, {"impersonate", "S-1-5-21-1"},
           {"impersonate_as", "sid"}, {"client_secret", "s"});
    JUDGED(NULL, "X-AnchorMailbox: ada@example.com", URL, OAUTH, AUDIENCE,
           {"impersonate", "S-1-5-21-1"}, {"impersonate_as", "sid"}, {"client_secret", "s"},
           {"anchor", "ada@example.com"});
    JUDGED("does not go with impersonate", NULL, URL, {"auth", "oauth_user"}, {"tenant", "t"},
           {"client_id", "c"}, {"refresh_token", "r"}, {"impersonate", "ada@example.com"});
    JUDGED("letters, digits", NULL, URL, {"auth", "oauth_app"}, {"tenant", "a/../b"},
           {"client_id", "c"}, {"authority", "https://login.example"}, AUDIENCE,
           {"client_secret", "s"}, {"impersonate", "ada@example.com"});
    JUDGED("nothing behind", NULL, URL, {"auth", "oauth_app"}, {"tenant", "t"}, {"client_id", "c"},
           {"authority", "https://login.example/x"}, AUDIENCE, {"client_secret", "s"},
           {"impersonate", "ada@example.com"});
    JUDGED("set url or address", NULL, {"auth", "basic"}, {"username", "EXAMPLE\\u"},
           {"password", "p"});
    JUDGED(NULL, NULL, {"auth", "basic"}, {"username", "u@example.com"}, {"password", "p"});
}

static void explained(const struct wess_conn *c, long status, const char *diagnostics,
                      const char *words)
{
    struct http_response r = {.code = WESS_OK, .status = status};
    struct wess_error e = {.text = "as it was"};
    snprintf(r.diagnostics, sizeof(r.diagnostics), "%s", diagnostics);
    ews_explain(c, &r, &e);
    if (!strstr(e.text, words))
        fail_msg("\"%s\" lacks \"%s\"", e.text, words);
}

/* Without url a token goes to the host that it is for, and nowhere else to find out. */
static void test_ews_sign_in__a_token_goes_to_its_audience(void **state)
{
    static const struct testhost_setting settings[] = {
        OAUTH, AUDIENCE, {"client_secret", "s"}, {"impersonate", "ada@example.com"}};
    struct testhost th;
    struct wess_conn *conn = NULL;
    struct wess_error e = {0};
    (void)state;
    testhost_init(&th, settings, sizeof(settings) / sizeof(settings[0]));
    assert_int_equal(wess_connector_v1()->open(&th.host, &conn, &e), WESS_OK);
    assert_string_equal(conn->url, "https://outlook.office365.com/EWS/Exchange.asmx");
    assert_null(conn->found);
    wess_connector_v1()->close(conn);
    testhost_fini(&th);
}

static void test_ews_sign_in__refusals_in_plain_words(void **state)
{
    struct wess_conn token = {.auth = HTTP_AUTH_BEARER,
                              .url = "https://mail.example.com/EWS/Exchange.asmx",
                              .oauth = {.scope = "https://mail.example.com/.default"}};
    struct wess_conn online = token, here = {.auth = HTTP_AUTH_NTLM, .url = token.url};
    (void)state;
    online.oauth.scope = "https://outlook.office365.com/.default";
    explained(&token, 401, "2000003;reason=\"The audience\"", "setting audience");
    explained(&token, 401, "2000008;reason=\"x\"", "full_access_as_app");
    explained(&token, 401, "", "does not take the token");
    explained(&here, 401, "", "as it was");
    explained(&here, 403, "", "as it was");
    explained(&token, 403, "", "as it was");
    explained(&online, 403, "", "2026-10-01");
    explained(&online, 403, "", "2027-04-01");
    explained(&online, 403, "", "it ends for all");
    online = here;
    online.url = "https://outlook.office365.com/EWS/Exchange.asmx";
    explained(&online, 403, "", "it ends for all");
    here.auth = HTTP_AUTH_NEGOTIATE;
    explained(&here, 401, "", "KRB5_CLIENT_KTNAME");
    assert_true(ews_is_online("https://OUTLOOK.office365.com:443/EWS/Exchange.asmx"));
    assert_false(ews_is_online("https://outlook.office365.com.evil.example/"));
    assert_false(ews_is_online("https://evil.example/?https://outlook.office365.com/"));
    assert_false(ews_is_online(NULL));
}

static void test_ews_sign_in__servers_by_name(void **state)
{
    static const char *const names[][2] = {
        {"8.0.685.24", "2007"},         {"8.3.83.6", "2007 SP3"},
        {"14.0.639.21", "2010"},        {"14.1.218.15", "2010 SP1"},
        {"14.2.247.5", "2010 SP2"},     {"14.3.123.4", "2010 SP3"},
        {"15.0.516.32", "2013"},        {"15.0.847.32", "2013 SP1"},
        {"15.1.2507.6", "2016"},        {"15.2.1118.7", "2019"},
        {"15.2.2562.17", "SE"},         {"15.20.8769.14", "Online"},
        {"15.21.1.1", "newer than SE"}, {"16.0.1.1", "newer than SE"},
        {"6.5.1.1", "older than 2007"}, {"", "of an unknown version"}};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_string_equal(ews_release(names[i][0]), names[i][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ews_sign_in__what_goes_together),
        cmocka_unit_test(test_ews_sign_in__a_token_goes_to_its_audience),
        cmocka_unit_test(test_ews_sign_in__refusals_in_plain_words),
        cmocka_unit_test(test_ews_sign_in__servers_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
