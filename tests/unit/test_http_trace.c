/* What a trace shows, and what it never shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http_trace.h"

static void check(void (*add)(struct trace *, const char *, size_t), const char *in,
                  const char *out)
{
    struct trace t = {0};
    add(&t, in, strlen(in));
    trace_add(&t, "", 1);
    assert_false(t.spent);
    assert_string_equal(t.text, out);
    trace_fini(&t);
}

static void test_http_trace__heads_hide_what_signs_in(void **state)
{
    (void)state;
    check(trace_head,
          "POST /x?a=1&api_key=k3y&b=2 HTTP/1.1\r\nHost: h\r\nAuthorization: Basic QTpC\r\n"
          "client-request-id: 1\r\n\r\n",
          "POST /x?a=1&api_key=(masked)&b=2 HTTP/1.1\nHost: h\nAuthorization: Basic (masked)\n"
          "client-request-id: 1\n\n");
    check(trace_head, "authorization:Bearer eyJ0.x.y", "authorization:Bearer (masked)\n");
    check(trace_head, "Proxy-Authorization: abc123", "Proxy-Authorization: (masked)\n");
    check(trace_head, "Set-Cookie: X-BackEndOverrideCookie=abc; secure", "Set-Cookie: (masked)\n");
    check(trace_head, "Cookie: a", "Cookie: (masked)\n");
    check(trace_head, "WWW-Authenticate: NTLM TlRMTVNTUAACAAAA",
          "WWW-Authenticate: NTLM (masked)\n");
    check(trace_head, "WWW-Authenticate: Negotiate", "WWW-Authenticate: Negotiate\n");
    check(trace_head, "X-Api-Key: k", "X-Api-Key: (masked)\n");
    check(trace_head, "HTTP/1.1 200 OK", "HTTP/1.1 200 OK\n");
    check(trace_head, "Location: https://h/p?code=AAA&state=s",
          "Location: https://h/p?code=(masked)&state=s\n");
}

static void test_http_trace__bodies_hide_values_by_their_names(void **state)
{
    (void)state;
    check(trace_body, "grant_type=x&client_secret=a%26b&client_assertion=e.y&scope=s",
          "grant_type=x&client_secret=(masked)&client_assertion=(masked)&scope=s\n");
    check(trace_body, "{\"access_token\" : \"e\\\"y\",\"expires_in\":3599,\"refresh_token\":\"r\"}",
          "{\"access_token\" : \"(masked)\",\"expires_in\":3599,\"refresh_token\":\"(masked)\"}\n");
    check(trace_body, "{\"device_code\":12}", "{\"device_code\":(masked)}\n");
    check(trace_body, "<t:Password a=\"1\">p w</t:Password><t:Subject>S</t:Subject>",
          "<t:Password a=\"1\">(masked)</t:Password><t:Subject>S</t:Subject>\n");
    check(trace_body, "<m:ResponseCode>ErrorPasswordExpired</m:ResponseCode>",
          "<m:ResponseCode>ErrorPasswordExpired</m:ResponseCode>\n");
    check(trace_body, "<t:Token/><t:Name>N</t:Name>", "<t:Token/><t:Name>N</t:Name>\n");
    check(trace_body, "api_key=", "api_key=\n");
    check(trace_body, "{\"password\":\"open", "{\"password\":\"(masked)\n");
    check(trace_body, "", "");
}

static void test_http_trace__a_large_body_is_cut_behind_its_masks(void **state)
{
    size_t len = (3u << 20) + 9;
    char *body = malloc(len + 1);
    struct trace t = {0};
    (void)state;
    assert_non_null(body);
    memset(body, 'x', len);
    memcpy(body, "password=", 9);
    trace_body(&t, body, len);
    assert_true(t.len < 64);
    trace_fini(&t);
    body[0] = '-'; /* no name that speaks of one */
    memcpy(body + 1, "colour=", 7);
    trace_body(&t, body, len);
    assert_true(t.len > (1u << 20) && t.len < (1u << 20) + 100);
    trace_fini(&t);
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_trace__heads_hide_what_signs_in),
        cmocka_unit_test(test_http_trace__bodies_hide_values_by_their_names),
        cmocka_unit_test(test_http_trace__a_large_body_is_cut_behind_its_masks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
