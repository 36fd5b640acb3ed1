/* A streaming answer is cut into its documents, wherever the network cuts it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stream.h"

static char seen[64];

static void take(void *ctx, char *document, size_t len)
{
    (void)ctx;
    assert_int_equal(strlen(document), len);
    strcat(seen, len > 40 ? "L" : "s");
}

static void test_ews_stream__is_cut_at_envelopes(void **state)
{
    static const char in[] = "<?xml version=\"1.0\"?><s:Envelope><s:Body/></s:Envelope>\r\n"
                             "<Envelope></Envelope ><a:Envelope></a:Envelopes></Envelope"
                             "></x:Env";
    struct ews_stream s = {0};
    (void)state;
    for (size_t step = 1; step < sizeof(in); step++) {
        *seen = 0;
        for (size_t at = 0; at < sizeof(in) - 1; at += step)
            assert_true(ews_stream_add(
                &s, in + at, sizeof(in) - 1 - at < step ? sizeof(in) - 1 - at : step, take, NULL));
        assert_string_equal(seen, "Lss");
        assert_string_equal(s.text, "</x:Env");
        ews_stream_fini(&s);
    }
}

static void test_ews_stream__what_never_ends_is_given_up(void **state)
{
    static char junk[65536];
    struct ews_stream s = {0};
    size_t n = 0;
    (void)state;
    memset(junk, '<', sizeof(junk));
    while (n < 100 && ews_stream_add(&s, junk, sizeof(junk), take, NULL))
        n++;
    assert_true(n <= EWS_DOCUMENT_MOST / sizeof(junk));
    ews_stream_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ews_stream__is_cut_at_envelopes),
        cmocka_unit_test(test_ews_stream__what_never_ends_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
