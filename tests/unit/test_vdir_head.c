/* The Message-ID in the head of a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "eml_head.h"

static void is(const char *head, const char *expected)
{
    char out[EML_ID_MAX];
    size_t n = eml_message_id(head, strlen(head), out);
    assert_int_equal(n, strlen(expected));
    assert_memory_equal(out, expected, n);
}

static void test_head__found_and_unfolded(void **state)
{
    (void)state;
    is("Message-ID: <a@b>\r\n\r\n", "<a@b>");
    is("From: x\nmessage-id:<a@b>  \nTo: y\n\nbody\n", "<a@b>");
    is("Message-ID:\r\n <a@b>\r\nTo: y\r\n\r\n", "<a@b>");
    is("X-Message-ID: <no>\r\nSubject: Message-ID: <no>\r\n Message-ID: <no>\r\n"
       "Message-Id: <yes>\r\nMessage-ID: <later>\r\n\r\n",
       "<yes>");
}

static void test_head__none(void **state)
{
    (void)state;
    is("", "");
    is("\r\nMessage-ID: <body>\r\n", "");
    is("From: x\n\nMessage-ID: <body>\n", "");
    is("Message-ID:\r\n\r\n", "");
    is("Message-ID: <cut", ""); /* what was read ends here */
    is("Message-ID: <\xc3\xa4@b>\r\n\r\n", "");
    is("Message-ID: <a\001@b>\r\n\r\n", "");
}

static void test_head__length(void **state)
{
    char head[EML_ID_MAX + 40], out[EML_ID_MAX];
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        size_t n = (size_t)snprintf(head, sizeof(head), "Message-ID: ");
        memset(head + n, 'a', EML_ID_MAX + more);
        n += EML_ID_MAX + more;
        memcpy(head + n, "\r\n\r\n", 4);
        assert_int_equal(eml_message_id(head, n + 4, out), more ? 0 : EML_ID_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_head__found_and_unfolded),
        cmocka_unit_test(test_head__none),
        cmocka_unit_test(test_head__length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
