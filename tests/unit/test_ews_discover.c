/* Autodiscover: answers taken apart, places in their order, and whom the sign-in may go to. */
#include <resolv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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
        "https://autodiscover.example.com/autodiscover/autodiscover.xml",
        "https://example.com/autodiscover/autodiscover.json",
        "https://autodiscover.example.com/autodiscover/autodiscover.json"};
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        char *place = disco_place("example.com", i);
        assert_string_equal(place, places[i]);
        assert_int_equal(disco_is_soap(place), i < 2);
        assert_int_equal(disco_is_json(place), i >= 4);
        free(place);
    }
    assert_null(disco_place("example.com", 6));
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

static void test_ews_discover__json(void **state)
{
    static const struct {
        const char *text, *url, *code;
    } of[] = {
        {"{\"Protocol\":\"Ews\",\"Url\":\"https://a.example/EWS/\"}", "https://a.example/EWS/", ""},
        {"{\"Url\":\"https://a.example/\",\"protocol\":\"x\",\"Protocol\":\"EWS\"}",
         "https://a.example/", ""},
        {"{\"Protocol\":\"ActiveSync\",\"Url\":\"https://a.example/\"}", NULL, ""},
        {"{\"Protocol\":\"Ews\",\"Url\":\"https://a.example/ x\"}", NULL, ""},
        {"{\"Protocol\":\"Ews\",\"Url\":5}", NULL, ""},
        {"{\"ErrorCode\":\"ProtocolNotSupported\",\"ErrorMessage\":\"x\"}", NULL,
         "ProtocolNotSupported"},
        {"{\"ErrorCode\":\"a b\\n\"}", NULL, "a"},
        {"{}", NULL, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
        struct disco d;
        assert_true(disco_read_json(of[i].text, strlen(of[i].text), &d));
        assert_int_equal(d.what, of[i].url ? DISCO_FOUND : DISCO_NOTHING);
        if (of[i].url)
            assert_string_equal(d.text, of[i].url);
        assert_string_equal(d.code, of[i].code);
        disco_fini(&d);
    }
    static const char *const none[] = {"", "[]", "{", "nothing", "{\"Protocol\":\"Ews\"}}"};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        struct disco d;
        assert_false(disco_read_json(none[i], strlen(none[i]), &d));
        disco_fini(&d);
    }
    char *url =
        disco_json_url("https://a.example/autodiscover/autodiscover.json", "a+b/c@x.example");
    assert_string_equal(url, "https://a.example/autodiscover/autodiscover.json/v1.0/"
                             "a%2Bb%2Fc@x.example?Protocol=Ews");
    free(url);
}

/* ---- DNS: an answer as a server gives it, its name compressed
 * ------------------------------------------------------------------------------------------ */

struct dns {
    unsigned char of[512];
    size_t len;
};

static void put(struct dns *d, const void *bytes, size_t len)
{
    memcpy(d->of + d->len, bytes, len);
    d->len += len;
}

static void question(struct dns *d, unsigned char answers)
{
    const unsigned char head[] = {0x12, 0x34, 0x81, 0x80, 0, 1, 0, answers, 0, 0, 0, 0};
    d->len = 0;
    put(d, head, sizeof(head));
    put(d,
        "\x0d_autodiscover\x04_tcp\x01x\x07"
        "example\0\0\x21\0\1",
        34);
}

static void srv(struct dns *d, unsigned priority, unsigned weight, unsigned port, const char *host,
                size_t len)
{
    const unsigned char head[] = {0xc0,
                                  12,
                                  0,
                                  33,
                                  0,
                                  1,
                                  0,
                                  0,
                                  1,
                                  0,
                                  0,
                                  (unsigned char)(len + 6),
                                  0,
                                  (unsigned char)priority,
                                  0,
                                  (unsigned char)weight,
                                  (unsigned char)(port >> 8),
                                  (unsigned char)port};
    put(d, head, sizeof(head));
    put(d, host, len);
}
#define SRV(d, priority, weight, port, host) srv(d, priority, weight, port, host, sizeof(host))

static void names(const struct dns *d, uint32_t chance, const char *host)
{
    char *got = disco_read_srv(d->of, d->len, chance);
    if (!got != !host || (host && strcmp(got, host)))
        fail_msg("%s, not %s", got ? got : "-", host ? host : "-");
    free(got);
}

static void test_ews_discover__srv(void **state)
{
    struct dns d;
    (void)state;
    question(&d, 1);
    SRV(&d, 10, 0, 443, "\4mail\1y\7example");
    names(&d, 0, "mail.y.example");
    question(&d, 1); /* its end is that of the question */
    srv(&d, 10, 0, 443, "\4mail\xc0\x1f", 7);
    names(&d, 0, "mail.x.example");
    question(&d, 3); /* the lowest number first, and of those by weight */
    SRV(&d, 20, 9, 443, "\1c\1y");
    SRV(&d, 5, 1, 443, "\1a\1y");
    SRV(&d, 5, 3, 443, "\1b\1y");
    names(&d, 0, "a.y");
    for (uint32_t chance = 1; chance < 4; chance++)
        names(&d, chance, "b.y");
    names(&d, 4, "a.y");
    question(&d, 2); /* another port, and "decidedly not there" */
    SRV(&d, 0, 0, 8443, "\1a\1y");
    SRV(&d, 0, 0, 443, "");
    names(&d, 0, NULL);
    question(&d, 1); /* no host's name */
    SRV(&d, 0, 0, 443, "\3a/b\1y");
    names(&d, 0, NULL);
    question(&d, 1); /* one that leads round in a circle */
    srv(&d, 0, 0, 443, "\xc0\x40", 2);
    d.of[d.len - 1] = (unsigned char)(d.len - 2);
    names(&d, 0, NULL);
    question(&d, 1);
    SRV(&d, 0, 0, 443, "\1a\1y");
    d.of[3] |= 3; /* NXDOMAIN */
    names(&d, 0, NULL);
    d.of[3] = 0x80;
    for (size_t len = d.len; d.len--; len--) /* cut off anywhere */
        names(&d, 0, NULL);
}

/* In place of the resolver's own. */
static struct dns answer;
static char asked[300];
int res_nquery(res_state s, const char *name, int class, int type, unsigned char *out, int cap)
{
    assert_int_equal(class, 1);
    assert_int_equal(type, 33);
    assert_true(s->retrans <= 2 && s->retry == 1 && s->nscount <= 2);
    snprintf(asked, sizeof(asked), "%s", name);
    assert_true((size_t)cap >= answer.len);
    memcpy(out, answer.of, answer.len);
    return answer.len ? (int)answer.len : -1;
}

static void test_ews_discover__srv_is_asked_for(void **state)
{
    (void)state;
    question(&answer, 1);
    SRV(&answer, 0, 0, 443, "\4mail\1y\7example");
    char *host = disco_ask_srv("x.example", 0);
    assert_string_equal(host, "mail.y.example");
    assert_string_equal(asked, "_autodiscover._tcp.x.example");
    free(host);
    answer.len = 0;
    assert_null(disco_ask_srv("x.example", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ews_discover__soap),
        cmocka_unit_test(test_ews_discover__pox),
        cmocka_unit_test(test_ews_discover__json),
        cmocka_unit_test(test_ews_discover__srv),
        cmocka_unit_test(test_ews_discover__srv_is_asked_for),
        cmocka_unit_test(test_ews_discover__what_is_no_answer),
        cmocka_unit_test(test_ews_discover__places_in_their_order),
        cmocka_unit_test(test_ews_discover__whom_the_sign_in_may_go_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
