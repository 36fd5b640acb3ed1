/* An op as changes of lines: what is written, and that nothing else moves. */
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
#include "vdir_reread.h"

#define FIELDS 12u
#define RECORDS 6u

struct fixture {
    struct testhost th;
    struct wess_conn conn;
    struct wess_call call;
    struct wess_result result;
    char *out; /* the card as written */
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
    free(f->out);
    testhost_fini(&f->th);
    free(f);
    return 0;
}

/* ---- making ops
 * ------------------------------------------------------------------------------------------ */

static struct wess_slice slice(const char *text)
{
    return (struct wess_slice){text, strlen(text)};
}

static struct wess_field text(const char *name, const char *value)
{
    return (struct wess_field){.name = name, .type = WESS_TEXT, .str = slice(value)};
}

static struct wess_field date(const char *name, const char *value)
{
    return (struct wess_field){.name = name, .type = WESS_DATE, .str = slice(value)};
}

static struct wess_field none(const char *name)
{
    return (struct wess_field){.name = name, .type = WESS_NULL};
}

/* key, value, key, value .. ; of mails the order is the preference. */
struct pairs {
    struct wess_field parts[RECORDS][2];
    struct wess_record of[RECORDS];
};
static struct wess_field pairs(struct pairs *p, const char *name, const char *const *of, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        p->parts[i][0] = text("value", of[2 * i + 1]);
        p->parts[i][1] =
            (struct wess_field){.name = "pref", .type = WESS_INT, .num = (int64_t)i + 1};
        p->of[i] = (struct wess_record){of[2 * i], p->parts[i], strcmp(name, "email") ? 1 : 2};
    }
    return (struct wess_field){.name = name, .type = WESS_RECORDS, .records = {p->of, n / 2}};
}
#define PAIRS(p, name, ...)                                                                        \
    pairs(p, name, (const char *const[]){__VA_ARGS__},                                             \
          sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static struct wess_field tags(const char *const *of, size_t n)
{
    return (struct wess_field){.name = "categories", .type = WESS_SET, .set = {of, n}};
}

/* ---- carrying them out
 * ------------------------------------------------------------------------------------------ */

static void apply(struct fixture *f, const char *card, const struct wess_op *op)
{
    struct lines v;
    struct lines_fault fault;
    struct lines_buf out = {0};
    bool sure;
    f->result = (struct wess_result){.code = WESS_UNKNOWN};
    assert_true(vcard_read(&v, card, strlen(card), &fault));
    assert_int_equal(vdir_edit(&f->call, &v, op, &f->result), WESS_OK);
    lines_write(&v, &out);
    assert_false(out.spent);
    free(f->out);
    f->out = out.data;
    assert_true(rereads(&v, f->out, strlen(f->out), &sure));
    lines_fini(&v);
}

static void update(struct fixture *f, const char *card, const struct wess_field *of, size_t n)
{
    struct wess_op op = {.what = WESS_UPDATE, .item = {.fields = of, .n_fields = n}};
    apply(f, card, &op);
}
#define UPDATE(f, card, ...)                                                                       \
    do {                                                                                           \
        const struct wess_field fields_[] = {__VA_ARGS__};                                         \
        update(f, card, fields_, sizeof(fields_) / sizeof(fields_[0]));                            \
    } while (0)

/* The output is the card with these pieces in place of those: old, new, old, new .. */
static void expect(struct fixture *f, const char *card, const char *const *of, size_t n)
{
    char *want = strdup(card);
    for (size_t i = 0; i < n; i += 2) {
        char *at = want ? strstr(want, of[i]) : NULL, *next = NULL;
        assert_non_null(at);
        assert_true(asprintf(&next, "%.*s%s%s", (int)(at - want), want, of[i + 1],
                             at + strlen(of[i])) >= 0);
        free(want);
        want = next;
    }
    assert_string_equal(f->out, want);
    free(want);
}
#define EXPECT(f, card, ...)                                                                       \
    expect(f, card, (const char *const[]){__VA_ARGS__},                                            \
           sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void expect_same(struct fixture *f, const char *card)
{
    assert_string_equal(f->out, card);
}

/* ---- single values
 * ------------------------------------------------------------------------------------------ */

static void test_vdir_edit__one_line_a_field(void **state)
{
    struct fixture *f = *state;
    UPDATE(f, card_apple, text("fn", "Erika M\xc3\xbcller-Lang"), text("name.family", "M, L"),
           text("org.unit", "Board"), text("url", "https://new.example/a;b,c"),
           date("bday", "1970-05-06"), text("spouse", "Moritz"), date("anniversary", "2011-01-02"),
           text("title", "Chair"));
    EXPECT(f, card_apple, "FN:Dr. Erika M\xc3\xbcller", "FN:Erika M\xc3\xbcller-Lang",
           "N:M\xc3\xbcller;", "N:M\\, L;", "Inc.;Sales;", "Inc.;Board;",
           "http\\://www.fabrikam.example", "https://new.example/a;b,c",
           "BDAY;X-APPLE-OMIT-YEAR=1604:1604-05-06", "BDAY:1970-05-06", ":Max M\xc3\xbcller",
           ":Moritz", ":2010-06-05", ":2011-01-02", "END:VCARD", "TITLE:Chair\r\nEND:VCARD");
    assert_int_equal(f->result.n_refused, 0);
}

static void test_vdir_edit__what_is_said_already_is_left_as_it_stands(void **state)
{
    struct fixture *f = *state;
    struct pairs mail, phone;
    UPDATE(f, card_apple, text("url", "http://www.fabrikam.example"), date("bday", "--05-06"),
           text("org", "Fabrikam, Inc."), none("note"), none("name.suffix"),
           tags((const char *const[]){"Friends, old", "Workbooks"}, 2),
           PAIRS(&mail, "email", "erika.mueller@fabrikam.example", "Erika.Mueller@Fabrikam.example",
                 "erika@home.example", "erika@home.example"),
           PAIRS(&phone, "phone", "homefax", "+49 30 2", "mobile", "+49 171 1", "mobile2",
                 "+49 30 3"));
    expect_same(f, card_apple);
    UPDATE(f, card_outlook, text("note", "first\nsecond still second"),
           text("role", "Caf\xc3\xa9"));
    expect_same(f, card_outlook);
}

static void test_vdir_edit__an_empty_value_takes_its_line(void **state)
{
    struct fixture *f = *state;
    UPDATE(f, card_apple, none("url"), none("org"), none("spouse"), none("bday"),
           none("name.prefix"));
    EXPECT(f, card_apple, "item3.URL;type=pref:http\\://www.fabrikam.example\r\n", "",
           "item3.X-ABLabel:_$!<HomePage>!$_\r\n", "", "ORG:Fabrikam\\, Inc.;Sales;", "ORG:;Sales;",
           "BDAY;X-APPLE-OMIT-YEAR=1604:1604-05-06\r\n", "",
           "item4.X-ABRELATEDNAMES;type=pref:Max M\xc3\xbcller\r\n", "",
           "item4.X-ABLabel:_$!<Spouse>!$_\r\n", "", ";Dr.;", ";;");
    UPDATE(f, card_google, none("org"), none("note"));
    EXPECT(f, card_google, "ORG:Contoso\n", "", "NOTE:one\\ntwo\\; three\\, four \\\\ five\n", "");
    UPDATE(f, card_google, none("fn"));
    expect_same(f, card_google); /* it is mandatory, and made of the name */
}

static void test_vdir_edit__version_4_its_own_way(void **state)
{
    struct fixture *f = *state;
    UPDATE(f, card_v4, date("bday", "--12-24"), date("anniversary", "2009-08-09"),
           text("spouse", "Bob"), none("nickname"), text("manager", "M"));
    EXPECT(f, card_v4, "BDAY:--0203", "BDAY:--1224", "20090808T1430-0500", "20090809",
           "VALUE=text:Alice", "VALUE=text:Bob", "END:VCARD", "X-MANAGER:M\r\nEND:VCARD");
    UPDATE(f, card_v4, none("spouse"));
    EXPECT(f, card_v4, "RELATED;TYPE=spouse;VALUE=text:Alice\r\n", "");
}

static void test_vdir_edit__what_is_not_understood_is_not_overwritten(void **state)
{
    static const char card[] = "BEGIN:VCARD\nVERSION:3.0\nBDAY;VALUE=text:circa 1800\n"
                               "NOTE;ENCODING=QUOTED-PRINTABLE;CHARSET=Shift_JIS:=83=65\nFN:x\n"
                               "END:VCARD\n";
    struct fixture *f = *state;
    UPDATE(f, card, date("bday", "1970-01-01"), text("note", "new"), text("title", "t"),
           text("x.other.thing", "1"));
    EXPECT(f, card, "END:VCARD", "TITLE:t\nEND:VCARD");
    assert_int_equal(f->result.n_refused, 3);
    assert_string_equal(f->result.refused[0].field, "bday");
    assert_string_equal(f->result.refused[1].field, "note");
    assert_string_equal(f->result.refused[2].field, "x.other.thing");
}

static void test_vdir_edit__texts_that_could_break_a_card(void **state)
{
    struct fixture *f = *state;
    UPDATE(f, card_google, text("title", "a\r\nEND:VCARD\nBEGIN:VCARD"),
           text("url", "h\nEND:VCARD"));
    EXPECT(f, card_google, "END:VCARD",
           "TITLE:a\\nEND:VCARD\\nBEGIN:VCARD\nURL:hEND:VCARD\nEND:VCARD");
}

/* A backslash at the end stands for itself, and does not escape what is put behind it. */
static void test_vdir_edit__a_backslash_at_the_end(void **state)
{
    static const char card[] = "BEGIN:VCARD\nVERSION:3.0\nFN:x\nORG:A\\\nCATEGORIES:,B\\\n"
                               "END:VCARD\n";
    struct fixture *f = *state;
    UPDATE(f, card, text("org.unit", "U"), tags((const char *const[]){"B\\", "C"}, 2));
    EXPECT(f, card, "ORG:A\\", "ORG:A\\\\;U", "CATEGORIES:,B\\", "CATEGORIES:B\\\\,C");
    UPDATE(f, card, text("org", "A\\"), tags((const char *const[]){"B\\"}, 1));
    expect_same(f, card);
}

/* What an encoding hid must not come out as lines of its own. */
static void test_vdir_edit__an_encoded_line_end_stays_in_its_line(void **state)
{
    static const char card[] =
        "BEGIN:VCARD\nVERSION:3.0\nFN:x\n"
        "ORG;ENCODING=QUOTED-PRINTABLE:A=0D=0AEND:VCARD;=0AX-B:1\n"
        "CATEGORIES;ENCODING=QUOTED-PRINTABLE:a=0AX-C:1,b\n"
        "EMAIL;ENCODING=QUOTED-PRINTABLE:a@x=0AX-D:1\nEMAIL;TYPE=pref:b@x\nEND:VCARD\n";
    struct fixture *f = *state;
    struct pairs m;
    UPDATE(f, card, text("org.unit", "U"), tags((const char *const[]){"b", "c"}, 2),
           PAIRS(&m, "email", "a@x x-d:1", "a@x\nX-D:1", "b@x", "b@x"));
    EXPECT(f, card, "ORG;ENCODING=QUOTED-PRINTABLE:A=0D=0AEND:VCARD;=0AX-B:1",
           "ORG:A\\nEND:VCARD;U", "CATEGORIES;ENCODING=QUOTED-PRINTABLE:a=0AX-C:1,b",
           "CATEGORIES:b,c", "EMAIL;ENCODING=QUOTED-PRINTABLE:a@x=0AX-D:1",
           "EMAIL;TYPE=pref:a@x\\nX-D:1", "EMAIL;TYPE=pref:b@x", "EMAIL:b@x");
}

/* ---- categories
 * ------------------------------------------------------------------------------------------ */

static void test_vdir_edit__categories_line_by_line(void **state)
{
    struct fixture *f = *state;
    UPDATE(f, card_google, tags((const char *const[]){"New, one", "Workbooks"}, 2));
    EXPECT(f, card_google, "CATEGORIES:myContacts", "CATEGORIES:New\\, one");
    UPDATE(f, card_google, tags((const char *const[]){"myContacts"}, 1));
    EXPECT(f, card_google, "CATEGORIES:Workbooks\n", "");
    UPDATE(f, card_google, none("categories"));
    EXPECT(f, card_google, "CATEGORIES:myContacts\nCATEGORIES:Workbooks\n", "");
    UPDATE(f, card_apple, tags((const char *const[]){"Friends, old", "Z"}, 2));
    EXPECT(f, card_apple, "CATEGORIES:Workbooks,Friends\\, old", "CATEGORIES:Friends\\, old,Z");
    UPDATE(f, card_v4, tags((const char *const[]){"A", "B"}, 2));
    EXPECT(f, card_v4, "END:VCARD", "CATEGORIES:A,B\r\nEND:VCARD");
}

/* ---- records
 * ------------------------------------------------------------------------------------------ */

static void test_vdir_edit__mail_addresses(void **state)
{
    struct fixture *f = *state;
    struct pairs m;
    UPDATE(f, card_google,
           PAIRS(&m, "email", "ken@contoso.example", "Ken@contoso.example", "new@x.example",
                 "new@x.example"));
    /* In the place of another it has that one's label; behind all others a line of its own. */
    EXPECT(f, card_google, ":ken@contoso", ":Ken@contoso", ":k.sato@other.example",
           ":new@x.example");
    UPDATE(f, card_google,
           PAIRS(&m, "email", "k.sato@other.example", "k.sato@other.example", "new@x.example",
                 "new@x.example"));
    EXPECT(f, card_google, "EMAIL;TYPE=INTERNET:ken@contoso.example\n", "", "END:VCARD",
           "EMAIL;TYPE=internet:new@x.example\nEND:VCARD");
    UPDATE(f, card_google, none("email"));
    EXPECT(f, card_google, "EMAIL;TYPE=INTERNET:ken@contoso.example\n", "",
           "item1.EMAIL;TYPE=INTERNET:k.sato@other.example\nitem1.X-ABLabel:spare\n", "");
}

static void test_vdir_edit__the_order_of_addresses(void **state)
{
    struct fixture *f = *state;
    struct pairs m;
    UPDATE(f, card_apple,
           PAIRS(&m, "email", "erika@home.example", "erika@home.example",
                 "erika.mueller@fabrikam.example", "Erika.Mueller@Fabrikam.example"));
    EXPECT(f, card_apple,
           "EMAIL;type=INTERNET;type=HOME:erika@home.example\r\n"
           "EMAIL;type=INTERNET;type=WORK;type=pref:Erika.Mueller@Fabrikam.example\r\n",
           "EMAIL;TYPE=pref;type=INTERNET;type=HOME:erika@home.example\r\n"
           "EMAIL;type=INTERNET;type=WORK:Erika.Mueller@Fabrikam.example\r\n");
    UPDATE(f, card_v4,
           PAIRS(&m, "email", "new@v4.example", "new@v4.example", "third@v4.example",
                 "third@v4.example", "first@v4.example", "first@v4.example"));
    EXPECT(f, card_v4, "EMAIL;PREF=2:second@v4.example\r\n", "",
           "EMAIL;TYPE=work;PREF=1:first@v4.example\r\nEMAIL:third@v4.example\r\n",
           "EMAIL;PREF=1:new@v4.example\r\nEMAIL:third@v4.example\r\n", "END:VCARD",
           "EMAIL;TYPE=work:first@v4.example\r\nEND:VCARD");
}

static void test_vdir_edit__phones_by_slot(void **state)
{
    struct fixture *f = *state;
    struct pairs p;
    UPDATE(f, card_google,
           PAIRS(&p, "phone", "fax", "+81 3 3", "homefax", "7", "mobile", "8", "other", "9", "work",
                 "+81 3 1"));
    EXPECT(f, card_google, "TEL;TYPE=WORK:+81 3 2\n", "", "TEL:+81 3 4", "TEL:9", "END:VCARD",
           "TEL;TYPE=home,fax:7\nTEL;TYPE=cell:8\nEND:VCARD");
    UPDATE(f, card_v4, PAIRS(&p, "phone", "mobile", "+1-418-262", "work", "1", "work2", "2"));
    EXPECT(f, card_v4, "TEL;VALUE=uri;TYPE=\"work,voice\";PREF=1:tel:+1-418-656-9254;ext=102",
           "TEL;TYPE=work,voice;PREF=1:1", "END:VCARD", "TEL;TYPE=work:2\r\nEND:VCARD");
    UPDATE(f, card_google, PAIRS(&p, "phone", "fax", "+81 3 3", "telex", "5"));
    assert_int_equal(f->result.n_refused, 1);
    assert_string_equal(f->result.refused[0].field, "phone");
}

/* A second number without a first stays the second: as the first it would be written over by what
 * comes there later. */
static void test_vdir_edit__a_second_number_without_a_first(void **state)
{
    static const char two[] =
        "BEGIN:VCARD\nVERSION:3.0\nTEL;TYPE=WORK;X-A=\"b:c\":1\nTEL;TYPE=WORK:2\n"
        "TEL;TYPE=HOME:3\nEND:VCARD\n";
    struct fixture *f = *state;
    struct pairs p;
    UPDATE(f, two, PAIRS(&p, "phone", "home", "3", "work2", "2"));
    EXPECT(f, two, "TEL;TYPE=WORK;X-A=\"b:c\":1\nTEL;", "TEL;X-WESS-SLOT=work2;");
    char *gap = strdup(f->out);
    UPDATE(f, gap, PAIRS(&p, "phone", "home", "3", "work", "9", "work2", "2"));
    EXPECT(f, gap, "END:VCARD", "TEL;TYPE=work:9\nEND:VCARD");
    UPDATE(f, gap, PAIRS(&p, "phone", "home", "3", "work2", "2", "work4", "9"));
    EXPECT(f, gap, "END:VCARD", "TEL;X-WESS-SLOT=work4;TYPE=work:9\nEND:VCARD");
    free(gap);
    static const char none[] = "BEGIN:VCARD\nVERSION:3.0\nEND:VCARD\n";
    UPDATE(f, none, PAIRS(&p, "phone", "work2", "2"));
    EXPECT(f, none, "END:VCARD", "TEL;X-WESS-SLOT=work2;TYPE=work:2\nEND:VCARD");
    UPDATE(f, two, PAIRS(&p, "phone", "work", "1", "work2", "2"));
    EXPECT(f, two, "TEL;TYPE=HOME:3\n", "");
}

/* The core has line ends and runs of spaces as one space; what nobody changed keeps its own. */
static void test_vdir_edit__what_nobody_changed_keeps_its_spelling(void **state)
{
    static const char card[] = "BEGIN:VCARD\nVERSION:3.0\nTEL;TYPE=WORK:1  2\nTEL;TYPE=HOME:3\n"
                               "EMAIL:a@x\nADR;TYPE=WORK:;;1 Main\\nSuite 2;Town;;1;\n"
                               "ADR;TYPE=HOME:;;A\\n B;C;;;\nEND:VCARD\n";
    struct wess_field work[] = {text("street", "1 Main Suite 2"), text("locality", "Town"),
                                text("code", "1")},
                      moved[] = {text("street", "1 Main Suite 2"), text("locality", "City"),
                                 text("code", "1")},
                      home[] = {text("street", "A B"), text("locality", "C")};
    struct wess_record had[] = {{"home", home, 2}, {"work", work, 3}},
                       want[] = {{"home", home, 2}, {"work", moved, 3}};
    struct fixture *f = *state;
    struct pairs p, q;
    const struct wess_field before[] = {{.name = "address",
                                         .type = WESS_RECORDS,
                                         .records = {had, 2}},
                                        PAIRS(&p, "phone", "home", "3", "work", "1 2")},
                            after[] = {
                                {.name = "address", .type = WESS_RECORDS, .records = {want, 2}},
                                PAIRS(&q, "phone", "home", "4", "work", "1 2")};
    const struct wess_item was = {.fields = before, .n_fields = 2};
    const struct wess_op op = {
        .what = WESS_UPDATE, .before = &was, .item = {.fields = after, .n_fields = 2}};
    apply(f, card, &op);
    EXPECT(f, card, "HOME:3", "HOME:4", "Town", "City");
}

static void test_vdir_edit__places_part_by_part(void **state)
{
    struct wess_field home[] = {text("street", "1-2-3 Ginza, Chuo"), text("locality", "Osaka"),
                                text("code", "104-0061"), text("country", "Japan")},
                      work[] = {text("street", "a;b\nc"), text("region", "R")};
    struct wess_record of[] = {{"home", home, 4}, {"work", work, 2}};
    const struct wess_field places = {.name = "address", .type = WESS_RECORDS, .records = {of, 2}};
    struct fixture *f = *state;
    UPDATE(f, card_google, places);
    EXPECT(f, card_google, ";Tokyo;", ";Osaka;", "END:VCARD",
           "ADR;TYPE=work:;;a\\;b\\nc;;R;;\nEND:VCARD");
    UPDATE(f, card_v4, none("address"));
    EXPECT(f, card_v4,
           "ADR;LABEL=\"Suite D2-630: Laurier\";TYPE=work:;Suite D2-630;2875 L\r\n"
           " aurier;Quebec;QC;G1V 2M2;Canada\r\n",
           "");
}

/* ---- stamps, new cards
 * ------------------------------------------------------------------------------------------ */

static void test_vdir_edit__a_stamp_goes_into_an_empty_slot_only(void **state)
{
    struct fixture *f = *state;
    struct wess_op op = {.what = WESS_UPDATE, .stamp = "new1"};
    apply(f, card_google, &op);
    EXPECT(f, card_google, "END:VCARD", "X-WESS-STAMP:new1\nEND:VCARD");
    apply(f, card_evolution, &op);
    expect_same(f, card_evolution);
}

static void test_vdir_edit__an_empty_stamp_takes_off_what_is_there(void **state)
{
    struct fixture *f = *state;
    struct wess_op op = {.what = WESS_UPDATE, .stamp = ""};
    apply(f, card_evolution, &op);
    EXPECT(f, card_evolution, "X-WESS-STAMP:abc123\r\n", "");
    apply(f, card_google, &op);
    expect_same(f, card_google);
}

static void test_vdir_edit__a_new_card(void **state)
{
    struct fixture *f = *state;
    struct pairs m;
    const struct wess_field of[] = {text("name.given", "Ada"),
                                    text("name.family", "Byrne"),
                                    PAIRS(&m, "email", "ada@x", "Ada@x"),
                                    date("bday", "--02-03"),
                                    date("anniversary", "2001-02-03"),
                                    text("spouse", "Max")};
    struct wess_op op = {.what = WESS_CREATE, .stamp = "s1", .item = {.fields = of, .n_fields = 6}};
    struct lines_buf blank = {0};
    vdir_blank(&blank, false, "s1");
    apply(f, blank.data, &op);
    assert_string_equal(f->out,
                        "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:s1\r\nN:Byrne;Ada;;;\r\n"
                        "EMAIL;TYPE=internet:Ada@x\r\nBDAY:--02-03\r\nX-ANNIVERSARY:2001-02-03\r\n"
                        "X-SPOUSE:Max\r\nFN:Ada Byrne\r\nX-WESS-STAMP:s1\r\nEND:VCARD\r\n");
    lines_buf_fini(&blank);
    vdir_blank(&blank, true, "s1");
    apply(f, blank.data, &op);
    assert_string_equal(
        f->out, "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:s1\r\nN:Byrne;Ada;;;\r\nEMAIL:Ada@x\r\n"
                "BDAY:--0203\r\nANNIVERSARY:20010203\r\nRELATED;TYPE=spouse;VALUE=text:Max\r\n"
                "FN:Ada Byrne\r\nX-WESS-STAMP:s1\r\nEND:VCARD\r\n");
    lines_buf_fini(&blank);
}

/* What was written is what is read again: every field of every card, into a blank one. */
static void test_vdir_edit__everything_read_can_be_written(void **state)
{
    static const char *const cards[] = {card_apple, card_google, card_outlook, card_evolution,
                                        card_v4};
    struct fixture *f = *state;
    for (size_t i = 0; i < 2 * sizeof(cards) / sizeof(cards[0]); i++) {
        struct lines v, w;
        struct lines_fault fault;
        struct lines_buf blank = {0};
        struct wess_item item, again;
        assert_true(vcard_read(&v, cards[i / 2], strlen(cards[i / 2]), &fault));
        assert_int_equal(vdir_item(&f->call, &v, "a", true, &item), WESS_OK);
        struct wess_op op = {.what = WESS_CREATE, .stamp = "abc123", .item = item};
        vdir_blank(&blank, i % 2, "u");
        apply(f, blank.data, &op);
        assert_int_equal(f->result.n_refused, 0);
        assert_true(vcard_read(&w, f->out, strlen(f->out), &fault));
        assert_int_equal(vdir_item(&f->call, &w, "a", true, &again), WESS_OK);
        assert_int_equal(again.n_fields, item.n_fields);
        for (size_t k = 0; k < item.n_fields; k++) {
            const struct wess_field *a = &item.fields[k], *b = test_field(&again, a->name);
            assert_non_null(b);
            assert_int_equal(a->type, b->type);
            if (a->type == WESS_TEXT || a->type == WESS_DATE)
                assert_string_equal(test_text(&item, a->name), test_text(&again, a->name));
            if (a->type == WESS_SET)
                assert_int_equal(a->set.n, b->set.n);
            for (size_t r = 0; a->type == WESS_RECORDS && r < a->records.n; r++)
                for (size_t p = 0; p < a->records.of[r].n; p++) {
                    const struct wess_record *x = &a->records.of[r],
                                             *y = test_record(&again, a->name, x->key);
                    const char *part = x->fields[p].name;
                    assert_non_null(y);
                    if (x->fields[p].type == WESS_TEXT)
                        assert_string_equal(test_record_text(x, part), test_record_text(y, part));
                    else
                        assert_int_equal(x->fields[p].num, y->fields[p].num);
                }
        }
        lines_fini(&v);
        lines_fini(&w);
        lines_buf_fini(&blank);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_vdir_edit__##name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(one_line_a_field),
        TEST(what_is_said_already_is_left_as_it_stands),
        TEST(an_empty_value_takes_its_line),
        TEST(version_4_its_own_way),
        TEST(what_is_not_understood_is_not_overwritten),
        TEST(texts_that_could_break_a_card),
        TEST(a_backslash_at_the_end),
        TEST(an_encoded_line_end_stays_in_its_line),
        TEST(categories_line_by_line),
        TEST(mail_addresses),
        TEST(the_order_of_addresses),
        TEST(phones_by_slot),
        TEST(a_second_number_without_a_first),
        TEST(what_nobody_changed_keeps_its_spelling),
        TEST(places_part_by_part),
        TEST(a_stamp_goes_into_an_empty_slot_only),
        TEST(an_empty_stamp_takes_off_what_is_there),
        TEST(a_new_card),
        TEST(everything_read_can_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
