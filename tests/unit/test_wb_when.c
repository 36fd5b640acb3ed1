/* Times of activities, and forms with values out of the spool. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "testhost.h"
#include "upload.h"
#include "wb.h"

/* ---- times
 * ------------------------------------------------------------------------------------------ */

static void test_when__every_form_that_is_told(void **state)
{
    static const struct {
        const char *text;
        bool timed;
        int64_t s; /* 0: a day */
        const char *date, *zone;
    } cases[] = {
        {"2026-12-01,0,Europe/London", false, 0, "2026-12-01", "Europe/London"},
        {"2026-12-01T09:00:00.000Z,1,Europe/London", true, 1796115600, "2026-12-01",
         "Europe/London"},
        {"2026-12-01T09:00:00Z,1,Europe/London", true, 1796115600, "2026-12-01", "Europe/London"},
        /* The day is that of the zone, both ways round midnight. */
        {"2026-07-01T23:30:00.000Z,1,Europe/London", true, 1782948600, "2026-07-02",
         "Europe/London"},
        {"2026-07-01T23:30:00.000Z,0,Europe/London", false, 0, "2026-07-02", "Europe/London"},
        {"2026-07-01T03:30:00.000Z,1,America/New_York", true, 1782876600, "2026-06-30",
         "America/New_York"},
        /* By the format that was asked for, and by the default ones. */
        {"1796115600,1,Europe/London", true, 1796115600, "2026-12-01", "Europe/London"},
        {"Tue Dec 01 09:00:00 UTC 2026,1,Europe/London", true, 1796115600, "2026-12-01",
         "Europe/London"},
        {" 1 Dec 2026,0,Europe/London", false, 0, "2026-12-01", "Europe/London"},
        /* Without Z it is what clocks there show. */
        {"2026-07-01 10:30,1,Europe/London", true, 1782898200, "2026-07-01", "Europe/London"},
        {"2026-07-01 10:30:00,1,Europe/London", true, 1782898200, "2026-07-01", "Europe/London"},
        /* Twins, and a zone that nobody knows. */
        {"2026-12-01", false, 0, "2026-12-01", "Etc/UTC"},
        {"1796115600", true, 1796115600, "2026-12-01", "Etc/UTC"},
        {"2026-12-01T09:00:00Z,1,Middle/Earth", true, 1796115600, "2026-12-01", "Etc/UTC"},
        {"2026-12-01,0,", false, 0, "2026-12-01", "Etc/UTC"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wb_when when;
        if (!wb_when_read(cases[i].text, &when))
            fail_msg("%s is not read", cases[i].text);
        assert_int_equal(when.timed, cases[i].timed);
        assert_string_equal(when.date, cases[i].date);
        assert_string_equal(when.zone, cases[i].zone);
        if (cases[i].timed)
            assert_int_equal(when.ms, cases[i].s * 1000);
    }
}

static void test_when__what_is_none(void **state)
{
    static const char *const cases[] = {"",
                                        ",",
                                        ",,",
                                        "x,0,Europe/London",
                                        "2026-12-01,2,Europe/London",
                                        "2026-12-01,1,Europe/London", /* a day is no time */
                                        "2026-12-01,0,Europe/London,more",
                                        "2026-13-01,0,Europe/London",
                                        "2026-12-01T09:00:00.Z,1,Europe/London",
                                        "2026-12-01T09:00:00+01:00,1,Europe/London",
                                        "2026-12-01 09:00,1,Middle/Earth",
                                        "-5,1,Europe/London",
                                        "99999999999999999999,1,Europe/London"};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wb_when when;
        if (wb_when_read(cases[i], &when))
            fail_msg("%s is read", cases[i]);
    }
}

/* ---- words
 * ------------------------------------------------------------------------------------------ */

static void test_words__both_ways(void **state)
{
    struct wb_words w = {0};
    const char *bad = NULL;
    (void)state;
    assert_true(wb_words_read(&w, "B=two\nA=one\nA=three = more", &bad));
    assert_string_equal(wb_word_theirs(&w, "A"), "one");
    assert_string_equal(wb_word_ours(&w, "three = more"), "A");
    assert_null(wb_word_ours(&w, "TWO"));
    assert_int_equal(w.n_ours, 2);
    assert_string_equal(w.ours[0], "A");
    wb_words_free(&w);
    assert_false(wb_words_read(&w, "A=one\nB", &bad));
    assert_string_equal(bad, "B");
    wb_words_free(&w);
}

/* ---- uploads
 * ------------------------------------------------------------------------------------------ */

static struct wess_blob spooled(struct testhost *th, const char *data, size_t len)
{
    struct wess_spool *s = NULL;
    struct wess_blob blob;
    assert_int_equal(th->host.blob_new(th->host.ctx, &s), WESS_OK);
    assert_int_equal(th->host.blob_put(s, data, len), WESS_OK);
    assert_int_equal(th->host.blob_done(s, &th->arena, &blob), WESS_OK);
    return blob;
}

/* The same form, made in memory. */
static void whole_form(struct form *f, const char *const *data, const size_t *len, size_t n)
{
    form_add(f, "first", "1 & 2");
    for (size_t i = 0; i < n; i++) {
        form_addn(f, "rfc822[]", data[i], len[i]);
        form_add(f, "status[]", "SENT");
    }
}

static void test_upload__is_the_form_it_stands_for(void **state)
{
    static char large[70000];
    static const size_t pieces[] = {1, 2, 7, 1000, 16384, 1u << 20};
    const char *data[] = {"From: a=b&c\r\n\r\n\xc3\xa9 +%", large, ""};
    const size_t len[] = {20, sizeof(large), 0};
    struct testhost th;
    struct form whole = {0}, form = {0};
    struct wess_blob blobs[3];
    struct wb_insert of[3];
    struct wb_upload *u = calloc(1, sizeof(*u));
    (void)state;
    testhost_init(&th, NULL, 0);
    for (size_t i = 0; i < sizeof(large); i++)
        large[i] = (char)(i * 31);
    whole_form(&whole, data, len, 3);
    form_add(&form, "first", "1 & 2");
    for (size_t i = 0; i < 3; i++) {
        blobs[i] = spooled(&th, data[i], len[i]);
        form_add(&form, "rfc822[]", "");
        of[i] = (struct wb_insert){.at = form.len, .blob = &blobs[i]};
        form_add(&form, "status[]", "SENT");
    }
    *u = (struct wb_upload){.host = &th.host, .form = &form, .of = of, .n = 3};
    assert_int_equal(wb_upload_start(u), WESS_OK);
    assert_int_equal(u->len, whole.len);
    for (size_t p = 0; p < sizeof(pieces) / sizeof(pieces[0]); p++) {
        char *out = malloc(whole.len + 1);
        size_t at = 0, n;
        /* Each time from the start: it can be sent again. */
        while (at < whole.len) {
            size_t cap = whole.len - at < pieces[p] ? whole.len - at : pieces[p];
            n = wb_upload_read(u, at, out + at, cap);
            assert_true(n > 0 && n <= cap);
            at += n;
        }
        assert_memory_equal(out, whole.data, whole.len);
        /* And from the middle. */
        size_t middle = whole.len / 2;
        n = wb_upload_read(u, middle, out, 1000);
        assert_true(n > 0);
        assert_memory_equal(out, whole.data + middle, n);
        free(out);
    }
    wb_upload_end(u);
    form_fini(&form);
    form_fini(&whole);
    free(u);
    testhost_fini(&th);
}

static void test_upload__a_value_that_cannot_be_read_is_told_before(void **state)
{
    struct testhost th;
    struct form form = {0};
    struct wess_blob blob = {.digest = "no such", .size = 5};
    struct wb_insert of = {.at = 0, .blob = &blob};
    struct wb_upload *u = calloc(1, sizeof(*u));
    (void)state;
    testhost_init(&th, NULL, 0);
    form_add(&form, "a", "");
    *u = (struct wb_upload){.host = &th.host, .form = &form, .of = &of, .n = 1};
    assert_int_equal(wb_upload_start(u), WESS_REJECTED);
    wb_upload_end(u);
    form_fini(&form);
    free(u);
    testhost_fini(&th);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_when__every_form_that_is_told),
        cmocka_unit_test(test_when__what_is_none),
        cmocka_unit_test(test_words__both_ways),
        cmocka_unit_test(test_upload__is_the_form_it_stands_for),
        cmocka_unit_test(test_upload__a_value_that_cannot_be_read_is_told_before),
    };
    return cmocka_run_group_tests_name("wb_when", tests, NULL, NULL);
}
