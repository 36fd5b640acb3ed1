/* A card as an item: what address books write, by the core's names. */
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
#include "vdir_cards.h"

struct fixture {
    struct testhost th;
    struct wess_conn conn;
    struct wess_call call;
    struct lines v;
    struct wess_item item;
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
    lines_fini(&f->v);
    testhost_fini(&f->th);
    free(f);
    return 0;
}

static void read_item(struct fixture *f, const char *text, bool whole)
{
    struct lines_fault fault;
    lines_fini(&f->v);
    assert_true(vcard_read(&f->v, text, strlen(text), &fault));
    assert_int_equal(vdir_item(&f->call, &f->v, "a.vcf", whole, &f->item), WESS_OK);
}

/* "title" or "phone/work" or "address/work/street"; NULL: it must not be there. */
struct expected {
    const char *name, *value;
};

static const char *shown(const struct wess_item *item, const char *name)
{
    char part[3][64] = {"", "", "value"};
    if (sscanf(name, "%63[^/]/%63[^/]/%63s", part[0], part[1], part[2]) == 1)
        return test_text(item, name);
    return test_record_text(test_record(item, part[0], part[1]), part[2]);
}

static void expect(struct fixture *f, const char *card, const struct expected *of, size_t n)
{
    read_item(f, card, true);
    assert_true(f->item.flags & WESS_ITEM_WHOLE);
    for (size_t i = 0; i < n; i++) {
        const char *got = shown(&f->item, of[i].name);
        if (!of[i].value ? got != NULL : !got || strcmp(got, of[i].value))
            fail_msg("%s is \"%s\", not \"%s\"", of[i].name, got ? got : "-",
                     of[i].value ? of[i].value : "-");
    }
}
#define EXPECT(f, card, ...)                                                                       \
    do {                                                                                           \
        const struct expected expected_[] = {__VA_ARGS__};                                         \
        expect(f, card, expected_, sizeof(expected_) / sizeof(expected_[0]));                      \
    } while (0)

static int64_t pref(const struct wess_item *item, const char *key)
{
    const struct wess_record *r = test_record(item, "email", key);
    assert_non_null(r);
    assert_int_equal(r->n, 2);
    return r->fields[1].num;
}

/* ---- address books
 * ------------------------------------------------------------------------------------------ */

static void test_vdir_item__apple(void **state)
{
    struct fixture *f = *state;
    EXPECT(f, card_apple, {"fn", "Dr. Erika M\xc3\xbcller"}, {"name.family", "M\xc3\xbcller"},
           {"name.given", "Erika"}, {"name.additional", NULL}, {"name.prefix", "Dr."},
           {"org", "Fabrikam, Inc."}, {"org.unit", "Sales"}, {"phone/mobile", "+49 171 1"},
           {"phone/homefax", "+49 30 2"}, {"phone/mobile2", "+49 30 3"}, {"phone/home", NULL},
           {"address/work/street", "Hauptstr. 1\nHinterhaus"}, {"address/work/code", "10115"},
           {"address/work/locality", "Berlin"}, {"address/work/country", "Germany"},
           {"address/work/region", NULL}, {"url", "http://www.fabrikam.example"},
           {"bday", "--05-06"}, {"anniversary", "2010-06-05"}, {"spouse", "Max M\xc3\xbcller"},
           {"email/erika@home.example", "erika@home.example"},
           {"email/erika.mueller@fabrikam.example", "Erika.Mueller@Fabrikam.example"});
    assert_int_equal(pref(&f->item, "erika.mueller@fabrikam.example"), 1);
    assert_int_equal(pref(&f->item, "erika@home.example"), 2);
    assert_int_equal(f->item.tags.n, 2);
    assert_string_equal(f->item.tags.of[0], "Friends, old");
    assert_true(test_has_tag(&f->item, "Workbooks"));
    assert_true(test_has_key(&f->item, "email", "erika@home.example"));
    assert_int_equal(f->item.flags, WESS_ITEM_WHOLE);
}

static void test_vdir_item__google(void **state)
{
    struct fixture *f = *state;
    EXPECT(f, card_google, {"fn", "Ken Sato"}, {"name.family", "Sato"}, {"phone/work", "+81 3 1"},
           {"phone/work2", "+81 3 2"}, {"phone/fax", "+81 3 3"}, {"phone/other", "+81 3 4"},
           {"address/home/street", "1-2-3 Ginza, Chuo"}, {"bday", "1970-01-02"},
           {"note", "one\ntwo; three, four \\ five"}, {"org", "Contoso"}, {"org.unit", NULL},
           {"email/k.sato@other.example", "k.sato@other.example"});
    assert_true(test_has_tag(&f->item, "myContacts") && test_has_tag(&f->item, "Workbooks"));
    assert_true(test_has_key(&f->item, "email+name.family", "ken@contoso.example|sato"));
    assert_true(test_has_key(&f->item, "fn", "ken sato"));
    assert_true(test_has_key(&f->item, "fn+phone", "ken sato|8131"));
}

static void test_vdir_item__outlook(void **state)
{
    struct fixture *f = *state;
    EXPECT(f, card_outlook, {"fn", "Henry Thorne"},
           {"title", "Gesch\xc3\xa4"
                     "ftsf\xc3\xbchrer"},
           {"note", "first\nsecond still second"}, {"role", "Caf\xc3\xa9"}, {"phone/work", "+44 1"},
           {"phone/homefax", "+44 2"}, {"phone/pager", "+44 3"},
           {"email/henry@adatum.example", "henry@adatum.example"}, {"name.family", "Thorne"});
    assert_int_equal(f->item.flags, WESS_ITEM_WHOLE | WESS_ITEM_LOCKED);
}

static void test_vdir_item__evolution(void **state)
{
    struct fixture *f = *state;
    EXPECT(f, card_evolution, {"name.additional", "Q."}, {"name.suffix", "Jr."}, {"spouse", "Wei"},
           {"manager", "Boss"}, {"assistant", "Helper"}, {"anniversary", "2001-02-03"},
           {"phone/work", "1"}, {"phone/assistant", "2"}, {"phone/mobile", NULL},
           {"email/li@b.example", "li@b.example"});
    assert_int_equal(f->item.flags, WESS_ITEM_WHOLE | WESS_ITEM_PRIVATE);
    assert_true(test_has_key(&f->item, "wess", "abc123"));
    assert_int_equal(f->item.tags.n, 0);
}

static void test_vdir_item__version_4(void **state)
{
    struct fixture *f = *state;
    EXPECT(f, card_v4, {"fn", "Simon Perreault"}, {"name.suffix", "ing. jr,M.Sc."},
           {"bday", "--02-03"}, {"anniversary", "2009-08-08"}, {"org", "ABC, Inc."},
           {"org.unit", "Marketing"}, {"address/work/street", "2875 Laurier"},
           {"address/work/region", "QC"}, {"phone/work", "+1-418-656-9254;ext=102"},
           {"phone/mobile", "+1-418-262"}, {"spouse", "Alice"},
           {"url", "http://nomis80.example/a;b,c"});
    assert_int_equal(pref(&f->item, "first@v4.example"), 1);
    assert_int_equal(pref(&f->item, "second@v4.example"), 2);
    assert_int_equal(pref(&f->item, "third@v4.example"), 3);
}

/* ---- rules
 * ------------------------------------------------------------------------------------------ */

#define CARD(inner) "BEGIN:VCARD\r\nVERSION:3.0\r\n" inner "END:VCARD\r\n"

static void test_vdir_item__dates(void **state)
{
    static const struct expected cases[] = {
        {"2026-11-23", "2026-11-23"},
        {"20261123", "2026-11-23"},
        {"--1123", "--11-23"},
        {"--11-23", "--11-23"},
        {"2026-11-23T00:00:00Z", "2026-11-23"},
        {"20261123T101010", "2026-11-23"},
        {"2026-13-01", NULL},
        {"2026-11", NULL},
        {"2026", NULL},
        {"---23", NULL},
        {"circa 1800", NULL},
        {"", NULL},
        {"--1", NULL},
        {"2026/11/23", NULL},
        {"20261x23", NULL},
        {"--0000", NULL},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char card[256];
        const struct expected e = {"bday", cases[i].value};
        snprintf(card, sizeof(card), CARD("BDAY:%s\r\n"), cases[i].name);
        expect(f, card, &e, 1);
    }
}

static void test_vdir_item__slots_are_numbered_by_their_order(void **state)
{
    struct fixture *f = *state;
    EXPECT(f,
           CARD("TEL;TYPE=home:1\r\nTEL;TYPE=home:\r\nTEL;TYPE=home,fax:2\r\n"
                "TEL;TYPE=home:3\r\nTEL;TYPE=home:4\r\nTEL:5\r\nTEL;TYPE=voice:6\r\n"
                "ADR:;;a;;;;\r\nADR:;;;;;;\r\nADR;TYPE=dom:;;b;;;;\r\nADR:PO 1;;;;;;\r\n"),
           {"phone/home", "1"}, {"phone/homefax", "2"}, {"phone/home2", "3"}, {"phone/home3", "4"},
           {"phone/other", "5"}, {"phone/other2", "6"}, {"address/other/street", "a"},
           {"address/other2/street", "b"});
}

static void test_vdir_item__a_number_may_say_its_slot(void **state)
{
    struct fixture *f = *state;
    EXPECT(f,
           CARD("TEL;TYPE=work;X-WESS-SLOT=work2:1\r\nTEL;TYPE=work:2\r\nTEL;TYPE=work:3\r\n"
                "TEL;TYPE=home;X-WESS-SLOT=work4:4\r\nTEL;TYPE=home;X-WESS-SLOT=home02:5\r\n"
                "TEL;TYPE=work;X-WESS-SLOT=work2:6\r\nTEL;TYPE=home;X-WESS-SLOT=home1:7\r\n"),
           {"phone/home", "4"}, {"phone/home2", "5"}, {"phone/home3", "7"}, {"phone/work", "2"},
           {"phone/work2", "1"}, {"phone/work3", "3"}, {"phone/work4", "6"});
}

static void test_vdir_item__an_address_twice_is_one(void **state)
{
    struct fixture *f = *state;
    read_item(f, CARD("EMAIL:A@x\r\nEMAIL:b@x\r\nEMAIL:a@X\r\nEMAIL:\r\nEMAIL:  \r\n"), true);
    assert_int_equal(test_field(&f->item, "email")->records.n, 2);
    assert_string_equal(test_record_text(test_record(&f->item, "email", "a@x"), "value"), "A@x");
}

static void test_vdir_item__what_is_no_contact(void **state)
{
    static const struct {
        const char *card;
        bool contact;
    } cases[] = {{CARD("FN:x\r\n"), true},
                 {CARD("KIND:individual\r\n"), true},
                 {CARD("KIND:ORG\r\n"), true},
                 {CARD("KIND:group\r\n"), false},
                 {CARD("X-ADDRESSBOOKSERVER-KIND:group\r\n"), false},
                 {CARD("KIND:location\r\n"), false}};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        read_item(f, cases[i].card, false);
        assert_int_equal(vdir_is_contact(&f->v), cases[i].contact);
    }
}

static void test_vdir_item__only_a_stamp_of_our_form_is_one(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {"", "with space", "semi;colon", "\xc3\xa9"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char card[128];
        snprintf(card, sizeof(card), CARD("X-WESS-STAMP:%s\r\n"), bad[i]);
        read_item(f, card, false);
        assert_int_equal(f->item.n_keys, 0);
    }
}

static void test_vdir_item__a_long_note_is_a_blob_only_when_asked(void **state)
{
    struct fixture *f = *state;
    char *card = NULL, *note = malloc(WESS_INLINE_MAX + 2);
    size_t len;
    assert_non_null(note);
    memset(note, 'x', WESS_INLINE_MAX + 1);
    note[WESS_INLINE_MAX + 1] = 0;
    assert_true(asprintf(&card, CARD("NOTE:%s\r\n"), note) > 0);
    read_item(f, card, false);
    assert_int_equal(f->item.n_fields, 0);
    assert_null(f->th.blobs);
    read_item(f, card, true);
    const struct wess_field *field = test_field(&f->item, "note");
    assert_int_equal(field->type, WESS_BLOB);
    assert_string_equal(testhost_blob(&f->th, field->blob.digest, &len), note);
    free(card);
    free(note);
}

/* Wherever memory ends, it is said, and nothing leaks. */
static void test_vdir_item__memory_spent_at_any_point(void **state)
{
    struct fixture *f = *state;
    struct lines_fault fault;
    enum wess_code rc = WESS_TOO_BIG;
    assert_true(vcard_read(&f->v, card_apple, strlen(card_apple), &fault));
    for (size_t at = 1; rc != WESS_OK; at++) {
        testhost_drop(&f->th);
        f->th.arena.fail_at = at;
        rc = vdir_item(&f->call, &f->v, "a.vcf", true, &f->item);
        assert_true(rc == WESS_OK || rc == WESS_TOO_BIG);
        assert_true(at < 1000);
    }
    f->th.arena.fail_at = 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_vdir_item__##name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(apple),
        TEST(google),
        TEST(outlook),
        TEST(evolution),
        TEST(version_4),
        TEST(dates),
        TEST(slots_are_numbered_by_their_order),
        TEST(a_number_may_say_its_slot),
        TEST(an_address_twice_is_one),
        TEST(what_is_no_contact),
        TEST(only_a_stamp_of_our_form_is_one),
        TEST(a_long_note_is_a_blob_only_when_asked),
        TEST(memory_spent_at_any_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
