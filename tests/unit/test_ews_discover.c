/* Autodiscover: answers taken apart, places in their order, and whom the sign-in may go to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "discover.h"

#define SOAP(user)                                                                                 \
    "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>"                   \
    "<GetUserSettingsResponseMessage "                                                             \
    "xmlns=\"http://schemas.microsoft.com/exchange/2010/Autodiscover\"><Response>"                 \
    "<ErrorCode>NoError</ErrorCode><UserResponses><UserResponse>" user                             \
    "</UserResponse></UserResponses></Response></GetUserSettingsResponseMessage></s:Body>"         \
    "</s:Envelope>"
#define SETTING(name, value)                                                                       \
    "<UserSetting><Name>" name "</Name><Value>" value "</Value></UserSetting>"
#define POX(account)                                                                               \
    "<Autodiscover><Response><Account><AccountType>email</AccountType>" account                    \
    "</Account></Response></Autodiscover>"

static void reads(bool soap, const char *text, enum disco_what what, const char *value,
                  const char *code)
{
    struct disco d;
    char *copy = strdup(text);
    assert_true(soap ? disco_read_soap(copy, strlen(copy), &d)
                     : disco_read_pox(copy, strlen(copy), &d));
    assert_int_equal(d.what, what);
    if (value)
        assert_string_equal(d.text, value);
    else
        assert_null(d.text);
    assert_string_equal(d.code, code);
    disco_fini(&d);
    free(copy);
}

static void test_ews_discover__soap(void **state)
{
    (void)state;
    reads(
        true,
        SOAP("<ErrorCode>NoError</ErrorCode><UserSettings>" SETTING("InternalEwsUrl", "https://in/")
                 SETTING("ExternalEwsUrl", "https://out/") "</UserSettings>"),
        DISCO_FOUND, "https://out/", "");
    reads(true,
          SOAP("<ErrorCode>NoError</ErrorCode><UserSettings>" SETTING(
              "InternalEwsUrl", "https://in/") "</UserSettings>"),
          DISCO_FOUND, "https://in/", "");
    reads(true,
          SOAP("<ErrorCode>RedirectUrl</ErrorCode><RedirectTarget>https://x/</RedirectTarget>"),
          DISCO_PLACE, "https://x/", "RedirectUrl");
    reads(true,
          SOAP("<ErrorCode>RedirectAddress</ErrorCode><RedirectTarget>a@b.c</RedirectTarget>"),
          DISCO_ADDRESS, "a@b.c", "RedirectAddress");
    reads(true, SOAP("<ErrorCode>InvalidUser</ErrorCode>"), DISCO_NOTHING, NULL, "InvalidUser");
    reads(true, SOAP("<ErrorCode>NoError</ErrorCode>"), DISCO_NOTHING, NULL, "");
    /* What could not be a line of a request is not taken. */
    reads(true,
          SOAP("<ErrorCode>RedirectUrl</ErrorCode><RedirectTarget>https://x/ y"
               "</RedirectTarget>"),
          DISCO_NOTHING, NULL, "RedirectUrl");
}

static void test_ews_discover__pox(void **state)
{
    (void)state;
    reads(false,
          POX("<Action>settings</Action><Protocol><Type>EXCH</Type><EwsUrl>https://in/</EwsUrl>"
              "</Protocol><Protocol><Type>EXPR</Type><ASUrl>https://as/</ASUrl>"
              "<EwsUrl>https://out/</EwsUrl></Protocol>"),
          DISCO_FOUND, "https://out/", "");
    reads(false,
          POX("<Action>settings</Action><Protocol><Type>WEB</Type><EwsUrl>https://web/</EwsUrl>"
              "</Protocol><Protocol><Type>EXCH</Type><ASUrl>https://as/</ASUrl></Protocol>"),
          DISCO_FOUND, "https://as/", "");
    reads(false, POX("<Action>redirectUrl</Action><RedirectUrl>https://x/</RedirectUrl>"),
          DISCO_PLACE, "https://x/", "");
    reads(false, POX("<Action>redirectAddr</Action><RedirectAddr>a@b.c</RedirectAddr>"),
          DISCO_ADDRESS, "a@b.c", "");
    reads(false,
          "<Autodiscover><Response><Error><ErrorCode>500</ErrorCode></Error></Response>"
          "</Autodiscover>",
          DISCO_NOTHING, NULL, "500");
}

static void test_ews_discover__what_is_no_answer(void **state)
{
    static const char *const bad[] = {
        "", "<html><body>Sign in</body></html>", "<Autodiscover/>",
        "<Autodiscover><Response><Account><Action>settings</Action>",
        "<!DOCTYPE a [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><Autodiscover><Response><Account>"
        "<Action>redirectUrl</Action><RedirectUrl>&e;</RedirectUrl></Account></Response>"
        "</Autodiscover>"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct disco d;
        char *copy = strdup(bad[i]);
        assert_false(disco_read_soap(copy, strlen(copy), &d));
        strcpy(copy, bad[i]);
        assert_false(disco_read_pox(copy, strlen(copy), &d));
        assert_null(d.text);
        free(copy);
    }
}

static void test_ews_discover__places_in_their_order(void **state)
{
    static const char *const places[] = {
        "https://example.com/autodiscover/autodiscover.svc",
        "https://autodiscover.example.com/autodiscover/autodiscover.svc",
        "https://example.com/autodiscover/autodiscover.xml",
        "https://autodiscover.example.com/autodiscover/autodiscover.xml"};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        char *place = disco_place("example.com", i);
        assert_string_equal(place, places[i]);
        assert_int_equal(disco_is_soap(place), i < 2);
        free(place);
    }
    assert_null(disco_place("example.com", 4));
    assert_string_equal(disco_domain("ada@example.com"), "example.com");
    assert_null(disco_domain("ada"));
    assert_null(disco_domain("@example.com"));
    assert_null(disco_domain("ada@exa mple.com"));
    assert_null(disco_domain("ada@example.com/x"));
    assert_null(disco_domain("ada@evil.example:443"));
    assert_null(disco_domain(NULL));
}

static void test_ews_discover__whom_the_sign_in_may_go_to(void **state)
{
    static const struct {
        const char *place;
        enum disco_trust trust;
    } cases[] = {
        {"https://example.com/x", DISCO_TRUSTED},
        {"https://AUTODISCOVER.example.com/x", DISCO_TRUSTED},
        {"https://mail.example.net/x", DISCO_TRUSTED},
        {"https://mail.example.net:8443/x", DISCO_TRUSTED},
        {"https://mail.example.com/x", DISCO_STRANGER},
        {"https://example.com.evil.example/x", DISCO_STRANGER},
        {"https://evil.example/?example.com", DISCO_STRANGER},
        {"https://example.com@evil.example/", DISCO_NO_URL},
        {"http://example.com/x", DISCO_NOT_SECURE},
        {"http://mail.example.net/x", DISCO_NOT_SECURE},
        {"http://127.0.0.1:8080/x", DISCO_STRANGER},
        {"http://127.evil.example/x", DISCO_NOT_SECURE},
        {"file:///etc/passwd", DISCO_NO_URL},
        {"/autodiscover/autodiscover.svc", DISCO_NO_URL},
        {"", DISCO_NO_URL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *host = NULL;
        enum disco_trust t =
            disco_trusts(cases[i].place, "example.com", "other.example\nmail.example.net", &host);
        if (t != cases[i].trust)
            fail_msg("%s: %d", cases[i].place, (int)t);
        free(host);
    }
    assert_true(disco_allows_domain("Example.com", "example.com", NULL));
    assert_false(disco_allows_domain("example.org", "example.com", NULL));
    assert_true(disco_allows_domain("example.org", "example.com", "example.org"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ews_discover__soap),
        cmocka_unit_test(test_ews_discover__pox),
        cmocka_unit_test(test_ews_discover__what_is_no_answer),
        cmocka_unit_test(test_ews_discover__places_in_their_order),
        cmocka_unit_test(test_ews_discover__whom_the_sign_in_may_go_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
