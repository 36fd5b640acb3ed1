/* Names, revisions, and the sieve before folding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "testhost.h"
#include "vdir.h"

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
    f->conn = (struct wess_conn){.host = &f->th.host, .kind = &vdir_contacts};
    f->call = testhost_call(&f->th, &f->conn, "contacts");
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

static void test_vdir_file__names(void **state)
{
    static const char *const good[] = {"a.vcf", "a b.vcf", "a..vcf", "\xc3\xa9.vcf"};
    static const char *const bad[] = {"",      ".vcf",   ".a.vcf", "a/b.vcf", "../a.vcf", "a.vcf/",
                                      "a.VCF", "a.vcf~", "a.tmp",  ".",       "..",       "avcf"};
    char wide[300];
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(vdir_is_name(&vdir_contacts, good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(vdir_is_name(&vdir_contacts, bad[i]));
    memset(wide, 'a', sizeof(wide));
    strcpy(wide + 252, ".vcf");
    assert_false(vdir_is_name(&vdir_contacts, wide));
    assert_true(vdir_is_name(&vdir_contacts, wide + 1));
}

/* Any change of state is another revision; of a young file the content counts, whatever its state.
 */
static void test_vdir_file__revisions(void **state)
{
    struct fixture *f = *state;
    char abc[] = "abc", abd[] = "abd";
    struct vdir_file file = {.bytes = abc, .len = 3}, other;
    file.st = (struct stat){.st_ino = 7, .st_size = 3, .st_mtim = {5, 6}, .st_ctim = {7, 8}};
    const char *rev = vdir_revision(&f->call, &file);
    assert_string_equal(rev, vdir_revision(&f->call, &file));
    for (int i = 0; i < 4; i++) {
        other = file;
        other.st.st_ino += i == 0;
        other.st.st_mtim.tv_nsec += i == 1;
        other.st.st_ctim.tv_sec += i == 2;
        other.st.st_size += i == 3;
        assert_string_not_equal(rev, vdir_revision(&f->call, &other));
        assert_false(vdir_is_revision(rev, &other));
    }
    assert_true(vdir_is_revision(rev, &file));
    assert_false(vdir_is_revision("", &file));
    assert_false(vdir_is_revision("of another make", &file));
    file.young = true;
    const char *young = vdir_revision(&f->call, &file);
    assert_string_not_equal(young, rev);
    other = file;
    other.st.st_mtim.tv_sec++;
    assert_true(vdir_is_revision(young, &other));
    other = file;
    other.bytes = abd;
    assert_false(vdir_is_revision(young, &other));
    assert_string_not_equal(young, vdir_revision(&f->call, &other));
}

/* A write in the same tick of the clock has the same time, or in the same two seconds where only
 * whole ones are kept. */
static void test_vdir_file__young(void **state)
{
    const struct stat fine = {.st_mtim = {100, 5}}, whole = {.st_mtim = {100, 0}};
    (void)state;
    assert_true(vdir_is_young(&fine, &(struct timespec){99, 0}));
    assert_true(vdir_is_young(&fine, &(struct timespec){100, 5}));
    assert_false(vdir_is_young(&fine, &(struct timespec){100, 6}));
    assert_true(vdir_is_young(&whole, &(struct timespec){102, 0}));
    assert_false(vdir_is_young(&whole, &(struct timespec){102, 1}));
}

/* Nothing that bears a key is held back; a card that clearly does not is. */
static void test_vdir_file__the_sieve(void **state)
{
    static const struct {
        const char *line, *space, *id;
        bool through;
    } cases[] = {
        {"EMAIL:Ada@X.example", "email", "ada@x.example", true},
        {"EMAIL:bob@x.example", "email", "ada@x.example", true}, /* "example" is in both */
        {"EMAIL:bob@y", "email", "ada@x", false},
        {"FN:Stra\xc3\x9f"
         "e",
         "fn", "strasse", true},
        {"FN:\xef\xbc\xa1\xef\xbd\x84\xef\xbd\x81", "fn", "ada", true}, /* wide letters */
        {"FN:\xe2\x84\xaa"
         "en Sato",
         "fn", "ken sato", true}, /* the sign for kelvin */
        {"FN:A\xcc\x81"
         "da",
         "fn",
         "\xc3\xa1"
         "da",
         true},
        {"FN:So\xc2\xad"
         "ft",
         "fn", "soft", true},
        {"NOTE:\xe2\x80\x9cquoted\xe2\x80\x9d, caf\xc3\xa9 \xe6\xbc\xa2", "fn", "ada", false},
        {"FN;ENCODING=QUOTED-PRINTABLE:=41da", "fn", "ada", true},
        {"FN:x", "fn", "\xc3\xa9", true},
        {"TEL:+44 (1) 23", "fn+phone", "ada|4412", false},
        {"TEL:+44 (1) 23\r\nFN:ADA", "fn+phone", "ada|44123", true},
        {"X-WESS-STAMP:s1", "wess", "s1", true},
        {"X-WESS-STAMP:s1", "wess", "s2", false},
        {"X-WESS-STAMP:Big", "wess", "Big", true},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct vdir_sieve *s = NULL;
        const struct wess_key key = {cases[i].space, cases[i].id};
        char card[256];
        struct lines v;
        struct lines_fault fault;
        snprintf(card, sizeof(card), "BEGIN:VCARD\r\n%s\r\nEND:VCARD\r\n", cases[i].line);
        assert_true(vcard_read(&v, card, strlen(card), &fault));
        assert_int_equal(vdir_sieve_new(&f->call, &key, 1, &s), WESS_OK);
        if (vdir_sieve(s, &v) != cases[i].through)
            fail_msg("%s: %s", cases[i].line, cases[i].id);
        lines_fini(&v);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_vdir_file__##name, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(names), TEST(revisions), TEST(young), TEST(the_sieve)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
