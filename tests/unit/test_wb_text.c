/* What Workbooks and this connector write as text: notes in HTML, forms, JSON, times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "details.h"
#include "testhost.h"
#include "wb.h"

static int set_up(void **state)
{
    struct testhost *th = calloc(1, sizeof(*th));
    assert_non_null(th);
    testhost_init(th, NULL, 0);
    *state = th;
    return 0;
}

static int tear_down(void **state)
{
    testhost_fini(*state);
    free(*state);
    return 0;
}

/* ---- notes
 * ------------------------------------------------------------------------------------------ */

static void test_html__is_read_as_text(void **state)
{
    static const struct {
        const char *html, *text;
    } of[] = {
        {"", ""},
        {"plain", "plain"},
        {"a\r\nb\r\n", "a\nb"},
        {"a < b, c > d & e", "a < b, c > d & e"},
        {"R&D; AT&T", "R&D; AT&T"},
        {"<p>one</p>", "one"},
        {"<p>one</p><p>two</p>", "one\ntwo"},
        {"<P>one</P>\r\n<P>two</P>", "one\ntwo"},
        {"<p>one</p><p></p><p>two</p>", "one\n\ntwo"},
        {"one<br>two<br/>three<br />\r\nfour", "one\ntwo\nthree\nfour"},
        {"<div>Tel.\r\n 123</div>", "Tel. 123"},
        {"<p>two\nwords</p>", "two words"},
        {"<ul>\n<li>a</li>\n<li>b</li>\n</ul>", "a\nb"},
        {"<div><b>bold</b> and <i>not</i></div>", "bold and not"},
        {"<a title=\"x > y\" href='z>'>link</a>", "link"},
        {"<a title=\"never ends>text</a>", "text"},
        {"a<!-- <p>no > no</p> -->b<p>", "ab"},
        {"<style>p > a {}</style>x<script>if (a<b) {}</SCRIPT>y", "xy"},
        {"<!DOCTYPE html><p>x</p>", "x"},
        {"&lt;p&gt; &amp;amp; &quot;&apos;&#39;", "<p> &amp; \"''"},
        {"caf&eacute; &ndash; &#8364;&#x20AC;&euro;&nbsp;5", "caf\xc3\xa9 \xe2\x80\x93 "
                                                             "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
                                                             " 5"},
        {"&#x1F600;&amp;", "\xf0\x9f\x98\x80&"},
        {"&amp;&#0;&#1;&#xD800;&#1114112;&#99999999999999999999;&nosuch;&#x;&#;&",
         "&&#0;&#1;&#xD800;&#1114112;&#99999999999999999999;&nosuch;&#x;&#;&"},
        {"x<p", "x<p"},
        {"<p>x<", "x<"},
        {"<p>x</", "x"},
        {"<p>x<!--", "x"},
    };
    struct testhost *th = *state;
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
        const char *text = wb_html_to_text(&th->host, &th->arena, of[i].html);
        if (!text || strcmp(text, of[i].text))
            fail_msg("%s gives \"%s\", not \"%s\"", of[i].html, text, of[i].text);
    }
}

static void test_html__text_comes_back(void **state)
{
    static const char *const of[] = {"x",
                                     "a\nb\n\nc",
                                     "\nbegins late",
                                     "  two  blanks\tand a tab",
                                     "<p>no & mark-up</p> &amp; &lt; &#8364; &copy;",
                                     "<script>alert(1)</script>",
                                     "<!-- no comment -->",
                                     "\"quotes\" 'both'",
                                     ":no_value:",
                                     ":null_value:",
                                     "\xf0\x9f\x98\x80 \xc3\xa9 e\xcc\x81 \xd7\xa9"};
    struct testhost *th = *state;
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
        char *html = wb_text_to_html(&th->host, &th->arena, of[i], strlen(of[i]));
        assert_non_null(html);
        assert_string_not_equal(html, WB_KEEP);
        assert_string_equal(wb_html_to_text(&th->host, &th->arena, html), of[i]);
    }
}

static char *repeated(struct testhost *th, const char *unit, size_t len)
{
    size_t one = strlen(unit), n = len / one;
    char *out = th->host.alloc(&th->arena, n * one + 1);
    assert_non_null(out);
    for (size_t i = 0; i < n; i++)
        memcpy(out + i * one, unit, one);
    return out;
}

/* What costs the square of its length does not end before the test is stopped. */
static void test_html__hostile_notes_cost_their_length(void **state)
{
    static const char *const of[] = {"<a",  "<p>",      "<div ", "</p>",    "<!-",     "<!--", "&",
                                     "&#x", "<script>", "<a'\"", "<style ", "</style", "\r",   "<"};
    struct testhost *th = *state;
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
        testhost_drop(th);
        char *html = repeated(th, of[i], (size_t)6 << 20);
        char *text = wb_html_to_text(&th->host, &th->arena, html);
        assert_non_null(text);
        assert_true(strlen(text) <= strlen(html));
    }
}

static void test_html__no_memory_is_no_text(void **state)
{
    struct testhost *th = *state;
    th->arena.budget = 0;
    assert_null(wb_html_to_text(&th->host, &th->arena, "<p>x</p>"));
    assert_null(wb_text_to_html(&th->host, &th->arena, "x", 1));
}

/* ---- forms
 * ------------------------------------------------------------------------------------------ */

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The n-th value of a form, decoded as the standard says; malloc'ed. */
static char *value_of(const char *body, const char *name, size_t *len)
{
    size_t want = strlen(name);
    const char *at = body;
    while (strncmp(at, name, want) || at[want] != '=') {
        at = strchr(at, '&');
        assert_non_null(at);
        at++;
    }
    char *out = malloc(strlen(at) + 1);
    assert_non_null(out);
    *len = 0;
    for (at += want + 1; *at && *at != '&'; at++) {
        if (*at == '%') {
            assert_true(hex(at[1]) >= 0 && hex(at[2]) >= 0);
            out[(*len)++] = (char)(hex(at[1]) * 16 + hex(at[2]));
            at += 2;
        } else {
            assert_true(strchr("&=;/? \"<>\n", *at) == NULL && (unsigned char)*at < 0x80);
            out[(*len)++] = *at == '+' ? ' ' : *at;
        }
    }
    return out;
}

static void test_form__every_byte_comes_back(void **state)
{
    struct form f = {0};
    char all[256];
    size_t len;
    (void)state;
    for (size_t i = 0; i < sizeof(all); i++)
        all[i] = (char)i;
    form_add(&f, "before", "a b+c");
    form_addn(&f, "all", all, sizeof(all));
    form_number(&f, "n", INT64_MIN);
    form_add(&f, "", "");
    form_add(&f, "empty", "");
    assert_false(f.spent);
    assert_int_equal(f.len, strlen(f.data));
    assert_int_equal(strncmp(f.data, "before=a+b%2Bc&all=%00%01", 25), 0);
    char *back = value_of(f.data, "all", &len);
    assert_int_equal(len, sizeof(all));
    assert_memory_equal(back, all, sizeof(all));
    free(back);
    back = value_of(f.data, "n", &len);
    assert_memory_equal(back, "-9223372036854775808", len);
    free(back);
    assert_non_null(strstr(f.data, "&=&empty="));
    form_fini(&f);
    assert_null(f.data);
}

static void test_form__names_with_brackets_are_encoded(void **state)
{
    struct form f = {0};
    (void)state;
    form_add(&f, "main_location[email][]", "a@b");
    assert_string_equal(f.data, "main_location%5Bemail%5D%5B%5D=a%40b");
    form_fini(&f);
}

static void test_form__grows_to_any_length(void **state)
{
    struct form f = {0};
    size_t len, big = (size_t)1 << 20;
    char *text = malloc(big + 1);
    (void)state;
    assert_non_null(text);
    memset(text, '\xe2', big);
    text[big] = 0;
    for (int i = 0; i < 3; i++)
        form_add(&f, i ? "x" : "first", text);
    assert_false(f.spent);
    assert_int_equal(f.len, 3 * 3 * big + strlen("first=&x=&x="));
    char *back = value_of(f.data, "x", &len);
    assert_int_equal(len, big);
    assert_memory_equal(back, text, big);
    free(back);
    free(text);
    form_fini(&f);
}

/* ---- JSON
 * ------------------------------------------------------------------------------------------ */

static void test_json__bounded_and_strict(void **state)
{
    static const char *const bad[] = {"",
                                      "{",
                                      "{\"a\":1",
                                      "{\"a\":1}x",
                                      "{\"a\":1,\"a\":2}",
                                      "{\"a\":\"\xff\"}",
                                      "{\"a\":\"\xc0\x80\"}",
                                      "{\"a\":\"\xed\xa0\x80\"}",
                                      "{\"a\":\"\\ud800\"}",
                                      "{\"a\":\"\\u0000\"}",
                                      "{\"a\":\"b\nc\"}",
                                      "{\"a\":99999999999999999999}",
                                      "{\"a\":1e999}",
                                      "{\"\xc3\":1}",
                                      "\xef\xbb\xbf{}",
                                      "\xff\xfe{",
                                      "callback({})",
                                      "NaN"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (wb_parse(bad[i], strlen(bad[i])))
            fail_msg("%s counts as JSON", bad[i]);
    static const char quoted[] = "{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"{{{\"}";
    json_t *good = wb_parse(quoted, sizeof(quoted) - 1);
    assert_non_null(good);
    json_decref(good);
}

static void test_json__no_deeper_and_no_more_than_an_answer_is(void **state)
{
    size_t most = 4000000;
    char *text = malloc(most);
    (void)state;
    assert_non_null(text);
    memset(text, '[', most);
    assert_null(wb_parse(text, most));
    memset(text, '[', 25);
    memset(text + 25, ']', 25);
    assert_null(wb_parse(text, 50));
    json_t *deep = wb_parse(text + 1, 48);
    assert_non_null(deep);
    json_decref(deep);
    /* Millions of empty values in few bytes. */
    text[0] = '[';
    for (size_t i = 1; i + 2 < most; i += 3)
        memcpy(text + i, "[],", 3);
    memcpy(text + (most - 1) / 3 * 3 - 2, "[]]", 3);
    assert_null(wb_parse(text, (most - 1) / 3 * 3 + 1));
    free(text);
}

static void test_json__times(void **state)
{
    static const struct {
        const char *json;
        int64_t ms;
    } of[] = {{"\"1795000000\"", 1795000000000},
              {"1795000000", 1795000000000},
              {"\"Mon Nov 23 10:00:00 UTC 2026\"", 1795428000000},
              {"\"\"", 0},
              {"null", 0},
              {"true", 0},
              {"1.5", 0},
              {"[1]", 0},
              {"-5", 0},
              {"\"-5\"", 0},
              {"\"17 \"", 0},
              {"\"yesterday\"", 0},
              {"9223372036854775807", 0},
              {"\"9223372036854775807\"", 0},
              {"\"99999999999999999999999\"", 0},
              {"\"Mon Nov 23 10:00:00 CET 2026\"", 0},
              {"\"Mon Nov 23 10:00:00 UTC 1926\"", 0}};
    (void)state;
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
        json_t *v = json_loads(of[i].json, JSON_DECODE_ANY, NULL);
        assert_non_null(v);
        if (wb_time_ms(v) != of[i].ms)
            fail_msg("%s is %lld", of[i].json, (long long)wb_time_ms(v));
        json_decref(v);
    }
    assert_int_equal(wb_time_ms(NULL), 0);
}

/* ---- answers without JSON
 * ------------------------------------------------------------------------------------------
 */

static void test_judge__what_an_answer_means(void **state)
{
    static const struct {
        long status;
        const char *type, *location, *body;
        enum wess_code read, write;
    } of[] = {
        {302, "", "/crm/people.api", "", WESS_THROTTLED, WESS_UNKNOWN},
        {302, "", "https://elsewhere.example/", "", WESS_THROTTLED, WESS_UNKNOWN},
        {307, "", "", "", WESS_THROTTLED, WESS_UNKNOWN},
        {302, "", "https://x.example/login", "", WESS_AUTH, WESS_AUTH},
        {200, "text/html", "/login", "<html>", WESS_AUTH, WESS_AUTH},
        {200, "text/html; charset=utf-8", "", "<html>", WESS_TRANSIENT, WESS_UNKNOWN},
        {200, "application/json", "", "{\"success\":tru", WESS_TRANSIENT, WESS_UNKNOWN},
        {401, "", "", "{\"failure_reason\":\"session_expired\"}", WESS_AUTH, WESS_AUTH},
        {401, "", "", "<html>", WESS_AUTH, WESS_AUTH},
        {403, "", "", "{\"failure_reason\":\"something new\"}", WESS_AUTH, WESS_AUTH},
        {403, "", "", "{\"failure_reason\":\"database_being_migrated\"}", WESS_TRANSIENT,
         WESS_TRANSIENT},
        {403, "", "", "{\"failure_message\":\"no_available_database\"}", WESS_TRANSIENT,
         WESS_TRANSIENT},
        {403, "", "", "{\"failure_reason\":[]}", WESS_AUTH, WESS_AUTH},
        {404, "", "", "", WESS_BROKEN, WESS_BROKEN},
        {405, "", "", "", WESS_BROKEN, WESS_BROKEN},
        {406, "", "", "", WESS_BROKEN, WESS_BROKEN},
        {501, "", "", "", WESS_BROKEN, WESS_BROKEN},
        {429, "", "", "", WESS_THROTTLED, WESS_THROTTLED},
        {503, "", "", "", WESS_THROTTLED, WESS_THROTTLED},
        {500, "", "", "", WESS_TRANSIENT, WESS_UNKNOWN},
        {502, "", "", "", WESS_TRANSIENT, WESS_UNKNOWN},
        {504, "", "", "", WESS_TRANSIENT, WESS_UNKNOWN},
        {418, "", "", "", WESS_TRANSIENT, WESS_UNKNOWN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
        for (int write = 0; write < 2; write++) {
            struct wess_error e = {0};
            struct http_response r = {.status = of[i].status,
                                      .body = (char *)(uintptr_t)of[i].body,
                                      .len = strlen(of[i].body),
                                      .retry_after_ms = 7000};
            snprintf(r.type, sizeof(r.type), "%s", of[i].type);
            snprintf(r.location, sizeof(r.location), "%s", of[i].location);
            enum wess_code rc = wb_judge(&r, write, &e);
            if (rc != (write ? of[i].write : of[i].read))
                fail_msg("HTTP %ld %s%s is %d", of[i].status, of[i].body, of[i].location, (int)rc);
            assert_true(e.text[0]);
            assert_int_equal(e.remote_status, of[i].status);
            assert_int_equal(e.retry_after_ms, 7000);
            assert_int_equal(e.scope, rc == WESS_AUTH ? WESS_OF_CREDENTIAL : WESS_OF_HOST);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
/* What is ours is found whatever an editor made of the elements round it. */
static void test_wb__cuts_the_block_out(void **state)
{
#define BLOCK                                                                                      \
    "[From the calendar: changed there]<br />\r\nWhere: A &amp; B<br>[End of the calendar's part]"
    static const struct {
        const char *html, *rest, *block;
    } cases[] = {
        {"<p>x</p>", "<p>x</p>", NULL},
        {"<p>x</p><p>" BLOCK "</p><p>y</p>", "<p>x</p><p>y</p>", "Where: A & B"},
        {"<div><p class=\"c\">" BLOCK "</p></div>", "", "Where: A & B"},
        {"x<br>" BLOCK " y", "x<br> y", "Where: A & B"},
        /* Without its end it goes as far as its lines. */
        {"<p>x</p><p>[From the calendar: changed there]<br>With: Ada</p><p>y</p>",
         "<p>x</p><p>y</p>", "With: Ada"},
        {"<div>[From the calendar: changed there]</div>\n<DIV><b>Where:</b> A</DIV>\n<div>Where: B "
         "<i>C</i></div><div>y</div>",
         "\n<DIV><b>Where:</b> A</DIV>\n<div>Where: B <i>C</i></div><div>y</div>", ""},
        {"<div>[From the calendar: changed there]</div>\n<div><span>Where: A <i>B</i></span></div>"
         "<DIV>With: C</DIV>y",
         "y", "Where: A B"},
        {"[From the calendar: changed there] y<br>With: C", " y<br>With: C", ""},
        {"[From the calendar: changed there]<", "<", ""},
        {"[From the calendar: changed there]<br>With: C <", "", "With: C"},
        {"", "", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct testhost th;
        char *block;
        testhost_init(&th, NULL, 0);
        const char *rest = wb_details_cut(&th.host, &th.arena, cases[i].html, &block);
        assert_string_equal(rest, cases[i].rest);
        assert_int_equal(block != NULL, cases[i].block != NULL);
        if (block)
            assert_non_null(strstr(block, cases[i].block));
        testhost_fini(&th);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_html__is_read_as_text),
        TEST(test_html__text_comes_back),
        TEST(test_html__hostile_notes_cost_their_length),
        TEST(test_html__no_memory_is_no_text),
        TEST(test_form__every_byte_comes_back),
        TEST(test_form__names_with_brackets_are_encoded),
        TEST(test_form__grows_to_any_length),
        TEST(test_json__bounded_and_strict),
        TEST(test_json__no_deeper_and_no_more_than_an_answer_is),
        TEST(test_json__times),
        TEST(test_judge__what_an_answer_means),
        cmocka_unit_test(test_wb__cuts_the_block_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
