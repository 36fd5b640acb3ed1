/* Where reading stands, as text and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "testhost.h"
#include "wb.h"

struct fixture {
    struct testhost th;
    struct wess_conn conn;
    struct wess_call call;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    testhost_init(&f->th, NULL, 0);
    f->conn.host = &f->th.host;
    f->call = testhost_call(&f->th, &f->conn, "people");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    testhost_fini(&f->th);
    free(f);
    return 0;
}

static struct wess_slice slice(const char *text)
{
    return (struct wess_slice){text, strlen(text)};
}

/* The text of a cursor; without a zero behind it, as the store gives it back. */
static struct wess_slice written(struct fixture *f, const struct wb_cursor *c)
{
    struct wess_slice out;
    assert_true(wb_cursor_write(&f->call, c, &out));
    char *exact = f->th.host.alloc(&f->th.arena, out.len);
    memcpy(exact, out.data, out.len);
    return (struct wess_slice){exact, out.len};
}

static void is_text(struct wess_slice s, const char *text)
{
    assert_int_equal(s.len, strlen(text));
    assert_memory_equal(s.data, text, s.len);
}

static void test_cursor__empty_begins_a_snapshot(void **state)
{
    struct fixture *f = *state;
    struct wb_cursor c;
    assert_int_equal(wb_cursor_read(&f->call, (struct wess_slice){0}, &c), WESS_OK);
    assert_true(c.snapshot);
    assert_int_equal(c.seconds, 0);
    assert_int_equal(c.n, 0);
}

static void test_cursor__comes_back(void **state)
{
    struct fixture *f = *state;
    struct wb_cursor c = {.seconds = 1795000000, .id = 5012, .snapshot = true}, back;
    assert_true(wb_cursor_saw(&f->call, &c, 1794999990, 12));
    assert_true(wb_cursor_saw(&f->call, &c, 1794999990, 7));
    assert_true(wb_cursor_saw(&f->call, &c, 1794999970, 9007199254740992));
    struct wess_slice text = written(f, &c);
    is_text(text, "2 1795000000 5012 snapshot\n1794999970 9007199254740992\n1794999990 12 7\n");
    assert_int_equal(wb_cursor_read(&f->call, text, &back), WESS_OK);
    is_text(written(f, &back), "2 1795000000 5012 snapshot\n1794999970 9007199254740992\n"
                               "1794999990 12 7\n");
    c.snapshot = false;
    text = written(f, &c);
    assert_int_equal(wb_cursor_read(&f->call, text, &back), WESS_OK);
    assert_false(back.snapshot);
    assert_int_equal(back.n, 2);
    assert_int_equal(back.total, 3);
}

static void test_cursor__whose_queue_comes_back(void **state)
{
    struct fixture *f = *state;
    struct wb_cursor c = {.seconds = 1795000000, .id = 5, .mine = 999999999999999999}, back;
    is_text(written(f, &c), "2 1795000000 5 mine=999999999999999999\n");
    c.snapshot = true;
    assert_true(wb_cursor_saw(&f->call, &c, 1794999990, 12));
    struct wess_slice text = written(f, &c);
    is_text(text, "2 1795000000 5 snapshot mine=999999999999999999\n1794999990 12\n");
    assert_int_equal(wb_cursor_read(&f->call, text, &back), WESS_OK);
    assert_true(back.snapshot && back.mine == c.mine && back.total == 1);
    assert_int_equal(wb_cursor_read(&f->call, slice("2 1795000000 5\n"), &back), WESS_OK);
    assert_int_equal(back.mine, 0);
}

static void test_cursor__any_set_of_ids_comes_back(void **state)
{
    struct fixture *f = *state;
    unsigned random = 12345;
    for (int turn = 0; turn < 50; turn++) {
        struct wb_cursor c = {.seconds = 1795000000 + turn, .id = turn}, back;
        testhost_drop(&f->th);
        for (int i = 0; i < turn * 5; i++) {
            random = random * 1103515245u + 12345u;
            assert_true(wb_cursor_saw(&f->call, &c, 1795000000 + (random >> 16) % 40, i + 1));
        }
        for (size_t i = 1; i < c.n; i++)
            assert_true(c.seen[i - 1].at < c.seen[i].at);
        struct wess_slice one = written(f, &c);
        assert_int_equal(wb_cursor_read(&f->call, one, &back), WESS_OK);
        struct wess_slice two = written(f, &back);
        assert_int_equal(one.len, two.len);
        assert_memory_equal(one.data, two.data, one.len);
    }
}

static void test_cursor__foreign_ones_start_over(void **state)
{
    static const char *const bad[] = {"x",
                                      "2",
                                      "2 ",
                                      "2 5",
                                      "1 1795000000 3\n",
                                      "22 5 6\n",
                                      "3 5 6 snapshot\n",
                                      "-2 5 6\n",
                                      "2 -5 6\n",
                                      "2 5 -6\n",
                                      "2 5 6 snap",
                                      "2 5 6 snapshots\n",
                                      "2 5 6snapshot\n",
                                      "2 5 6\r\n",
                                      "2 5 6 mine=\n",
                                      "2 5 6 mine=x\n",
                                      "2 5 6 mine=-1\n",
                                      "2 5 6 mine=7 snapshot\n",
                                      "2 5 6 mine=99999999999999999999\n",
                                      "2 5 6\n\n",
                                      "2 5 6\n7 8 x\n",
                                      "2 5 6\n7 -8\n",
                                      "2 5 6\n7 8\n9 ",
                                      "2 99999999999999999999 6\n",
                                      "2 5 6\n7 99999999999999999999\n",
                                      "H4sIAAAAAAAEAGNgYGBgAAD//w==",
                                      "{\"seconds\":5}",
                                      "\xff\xfe\x32"};
    struct fixture *f = *state;
    struct wb_cursor c;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (wb_cursor_read(&f->call, slice(bad[i]), &c) != WESS_RESET)
            fail_msg("\"%s\" counts as a cursor", bad[i]);
    assert_int_equal(wb_cursor_read(&f->call, (struct wess_slice){"2 5 6\0\n", 7}, &c), WESS_RESET);
    assert_int_equal(f->call.error.scope, WESS_OF_COLLECTION);
}

/* Each cut of a good one is refused or is a shorter good one, and no byte behind it is read. */
static void test_cursor__cut_anywhere(void **state)
{
    static const char text[] = "2 1795000000 5012 snapshot\n1794999970 33 44\n1794999990 12 7\n";
    struct fixture *f = *state;
    for (size_t len = 1; len < sizeof(text); len++) {
        char *exact = malloc(len);
        struct wb_cursor c;
        assert_non_null(exact);
        memcpy(exact, text, len);
        enum wess_code rc = wb_cursor_read(&f->call, (struct wess_slice){exact, len}, &c);
        free(exact);
        assert_true(rc == WESS_OK || rc == WESS_RESET);
    }
}

static void test_cursor__rests_where_late_commits_may_still_come(void **state)
{
    struct fixture *f = *state;
    struct wb_cursor c = {.seconds = 1000, .id = 9, .snapshot = true};
    for (int64_t s = 930; s <= 1000; s += 10)
        assert_true(wb_cursor_saw(&f->call, &c, s, s + 1));
    wb_cursor_rest(&c, 940);
    is_text(written(f, &c), "2 940 0\n940 941\n950 951\n960 961\n970 971\n980 981\n990 991\n"
                            "1000 1001\n");
    /* Long quiet: it stays at the last record, to the id. */
    c = (struct wb_cursor){.seconds = 1000, .id = 9, .snapshot = true};
    wb_cursor_rest(&c, 1001);
    is_text(written(f, &c), "2 1000 9\n");
    /* Nor does it go back before what was left out as seen. */
    c = (struct wb_cursor){.seconds = 940, .id = 3};
    assert_true(wb_cursor_saw(&f->call, &c, 1000, 5));
    assert_true(wb_cursor_saw(&f->call, &c, 1000, 9));
    assert_true(wb_cursor_saw(&f->call, &c, 1000, 7));
    assert_true(wb_cursor_saw(&f->call, &c, 990, 11));
    wb_cursor_rest(&c, 1100);
    is_text(written(f, &c), "2 1000 9\n");
    c = (struct wb_cursor){.seconds = 1000, .id = 12};
    assert_true(wb_cursor_saw(&f->call, &c, 1000, 9));
    wb_cursor_rest(&c, 1100);
    is_text(written(f, &c), "2 1000 12\n");
    /* The very second of the edge is read again. */
    c = (struct wb_cursor){.seconds = 1000, .id = 9};
    wb_cursor_rest(&c, 1000);
    is_text(written(f, &c), "2 1000 0\n");
    /* Nothing was there at all. */
    c = (struct wb_cursor){.snapshot = true};
    wb_cursor_rest(&c, 940);
    is_text(written(f, &c), "2 0 0\n");
}

/* More than it keeps: the overlap is read again, nothing is left out wrongly. */
static void test_cursor__too_many_ids_are_none(void **state)
{
    struct fixture *f = *state;
    struct wb_cursor c = {.seconds = 1000, .id = 30000}, back;
    for (int64_t i = 1; i <= 30000; i++)
        assert_true(wb_cursor_saw(&f->call, &c, 990 + i / 3000, i));
    assert_true(c.total < 30000);
    struct wess_slice text = written(f, &c);
    assert_int_equal(wb_cursor_read(&f->call, text, &back), WESS_OK);
    wb_cursor_rest(&c, 940);
    is_text(written(f, &c), "2 940 0\n");
    wb_cursor_rest(&back, 940);
    is_text(written(f, &back), "2 940 0\n");
}

static void test_cursor__each_allocation_fails_once(void **state)
{
    static const char text[] = "2 5 6\n7 8 9\n10 11\n12 13\n";
    struct fixture *f = *state;
    enum wess_code rc = WESS_TOO_BIG;
    for (size_t at = 1; rc == WESS_TOO_BIG; at++) {
        struct wb_cursor c;
        struct wess_slice out;
        testhost_drop(&f->th);
        f->th.arena.fail_at = at;
        rc = wb_cursor_read(&f->call, slice(text), &c);
        if (rc == WESS_OK)
            rc = wb_cursor_write(&f->call, &c, &out) ? WESS_OK : WESS_TOO_BIG;
        assert_true(at < 100);
    }
    assert_int_equal(rc, WESS_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_cursor__empty_begins_a_snapshot),
        TEST(test_cursor__comes_back),
        TEST(test_cursor__whose_queue_comes_back),
        TEST(test_cursor__any_set_of_ids_comes_back),
        TEST(test_cursor__foreign_ones_start_over),
        TEST(test_cursor__cut_anywhere),
        TEST(test_cursor__rests_where_late_commits_may_still_come),
        TEST(test_cursor__too_many_ids_are_none),
        TEST(test_cursor__each_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
