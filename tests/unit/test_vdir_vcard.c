/* Taking cards apart and putting them together: what is not changed stays byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vdir.h"
#include "vdir_cards.h"

#define CARD(inner) "BEGIN:VCARD\r\nVERSION:3.0\r\n" inner "END:VCARD\r\n"

static struct wess_slice slice(const char *text)
{
    return (struct wess_slice){text, strlen(text)};
}

static void expect_slice(struct wess_slice got, const char *want)
{
    assert_int_equal(got.len, strlen(want));
    assert_memory_equal(got.len ? got.data : "", want, got.len);
}

static void read_card(struct lines *v, const char *text)
{
    struct lines_fault fault;
    bool ok = vcard_read(v, text, strlen(text), &fault);
    if (!ok)
        print_error("line %zu: %s\n", fault.line, fault.why);
    assert_true(ok);
}

static void expect_written(const struct lines *v, const char *want)
{
    struct lines_buf out = {0};
    lines_write(v, &out);
    assert_false(out.spent);
    assert_string_equal(out.data, want);
    lines_buf_fini(&out);
}

/* ---- frames
 * ------------------------------------------------------------------------------------------ */

static void test_vdir_vcard__what_is_broken_is_named(void **state)
{
    static const struct {
        const char *text;
        size_t len, line;
        const char *why;
    } cases[] = {
        {"", 0, 0, "empty"},
        {"hello", 5, 1, "BEGIN"},
        {"\r\n\r\nFN:x\r\n", 10, 3, "BEGIN"},
        {"BEGIN:VCARD\r\nFN:x\r\n", 19, 2, "cut off"},
        {"BEGIN:VCARD\nFN:x\nEND:VCAR", 25, 3, "cut off"},
        {"BEGIN:VCARD\nEND:VCARD\nBEGIN:VCARD\nEND:VCARD\n", 44, 3, "second card"},
        {"BEGIN:VCARD\nBEGIN:VCARD\nEND:VCARD\n", 34, 2, "second card"},
        {"BEGIN:VCARD\nEND:VCARD\nFN:x\n", 27, 3, "behind"},
        {"BEGIN:VCALENDAR\nEND:VCALENDAR\n", 30, 1, "BEGIN"},
        {"BEGIN:VCARD\nFN:a\0b\nEND:VCARD\n", 29, 2, "zero byte"},
        {"BEGIN:VCARD\nFN:caf\xe9\nEND:VCARD\n", 30, 2, "UTF-8"},
        {"BEGIN:VCARD\nFN:\xed\xa0\x80\nEND:VCARD\n", 29, 2, "UTF-8"},
        {"BEGIN:VCARD\nFN:\xc0\xaf\nEND:VCARD\n", 28, 2, "UTF-8"},
        {"BEGIN:VCARD\nVERSION:9.9\nEND:VCARD\n", 34, 2, "version"},
        {"BEGIN:VCARD\rFN:x\rEND:VCARD\r", 27, 1, "BEGIN"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lines v;
        struct lines_fault fault;
        /* Exactly as long as it is, so that reading behind it is found. */
        char *text = malloc(cases[i].len + !cases[i].len);
        assert_non_null(text);
        memcpy(text, cases[i].text, cases[i].len);
        assert_false(vcard_read(&v, text, cases[i].len, &fault));
        assert_int_equal(fault.line, cases[i].line);
        assert_non_null(strstr(fault.why, cases[i].why));
        lines_fini(&v);
        free(text);
    }
}

static void test_vdir_vcard__a_bound_is_kept(void **state)
{
    struct lines v;
    struct lines_fault fault;
    char *text = malloc(LINES_BYTES + 1);
    static const char begin[] = "BEGIN:VCARD\n", end[] = "\nEND:VCARD\n";
    (void)state;
    assert_non_null(text);
    memset(text, 'x', LINES_BYTES + 1);
    memcpy(text, begin, strlen(begin));
    memcpy(text + LINES_BYTES - strlen(end), end, strlen(end));
    assert_true(vcard_read(&v, text, LINES_BYTES, &fault));
    lines_fini(&v);
    assert_false(vcard_read(&v, text, LINES_BYTES + 1, &fault));
    assert_non_null(strstr(fault.why, "larger"));
    lines_fini(&v);
    memset(text + strlen(begin), '\n', LINES_BYTES - strlen(begin) - strlen(end));
    assert_false(vcard_read(&v, text, LINES_BYTES, &fault));
    assert_non_null(strstr(fault.why, "more lines"));
    lines_fini(&v);
    free(text);
}

static void test_vdir_vcard__every_card_comes_out_as_it_went_in(void **state)
{
    static const char *const cards[] = {
        card_apple,
        card_google,
        card_outlook,
        card_evolution,
        card_v4,
        "\xef\xbb\xbf" CARD("FN:with a mark in front\r\n"),
        "begin:vcard\nversion:3.0\nfn:small\n\nno property at all\nend:vcard \n\n",
        CARD("FN:mixed\nNOTE:ends\r\nTITLE:x\n"),
        /* A fold within a letter, as some write it. */
        CARD("NOTE:caf\xc3\r\n \xa9 au lait\r\n"),
        CARD("NOTE:a\r\n\tb\r\n  c\r\n"),
        CARD("X-ODD;A=\"open:never closed\r\n;;;:\r\n.:x\r\n:\r\na.b.c:d\r\n"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cards) / sizeof(cards[0]); i++) {
        struct lines v;
        read_card(&v, cards[i]);
        expect_written(&v, cards[i]);
        lines_fini(&v);
    }
}

/* Whatever a card is cut to: refused or written back as it is, and nothing read outside of it. */
static void test_vdir_vcard__cut_anywhere(void **state)
{
    static const char *const cards[] = {card_apple, card_google, card_outlook, card_evolution,
                                        card_v4};
    (void)state;
    for (size_t i = 0; i < sizeof(cards) / sizeof(cards[0]); i++)
        for (size_t len = 0; len <= strlen(cards[i]); len++) {
            struct lines v;
            struct lines_fault fault;
            struct lines_buf out = {0};
            char *text = malloc(len + !len);
            assert_non_null(text);
            memcpy(text, cards[i], len);
            if (vcard_read(&v, text, len, &fault)) {
                lines_write(&v, &out);
                assert_int_equal(out.len, len);
                assert_memory_equal(out.data, text, len);
            } else {
                assert_non_null(fault.why);
            }
            lines_buf_fini(&out);
            lines_fini(&v);
            free(text);
        }
}

/* ---- lines
 * ------------------------------------------------------------------------------------------ */

static void test_vdir_vcard__lines_are_taken_apart(void **state)
{
    static const struct {
        const char *line, *group, *name, *params, *value;
    } cases[] = {
        {"FN:a:b", "", "FN", "", "a:b"},
        {"item1.EMAIL;type=pref:x@y", "item1", "EMAIL", "type=pref", "x@y"},
        {"ORG;SORT-AS=\"a;b:c\";X=1:v", "", "ORG", "SORT-AS=\"a;b:c\";X=1", "v"},
        {"N:", "", "N", "", ""},
        {"TEL;HOME;VOICE:1", "", "TEL", "HOME;VOICE", "1"},
        {"NOTE;X=\"open:text", "", "NOTE", "X=\"open", "text"},
        {" g.FN:x", "", "", "", ""},
        {"a b.FN:x", "", "", "", ""},
        {"just words", "", "", "", ""},
        {"two words:x", "", "", "", ""},
        {":x", "", "", "", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct line l = {.text = slice(cases[i].line)};
        lines_take_apart(&l);
        expect_slice(l.group, cases[i].group);
        expect_slice(l.name, cases[i].name);
        expect_slice(l.params, cases[i].params);
        expect_slice(l.value, cases[i].value);
    }
}

static void test_vdir_vcard__types_in_every_spelling(void **state)
{
    static const char *const home[] = {"TEL;TYPE=home:1",       "TEL;TYPE=HOME,WORK:1",
                                       "TEL;type=work,home:1",  "TEL;HOME;VOICE:1",
                                       "TEL;TYPE=\"home\":1",   "TEL;TYPE=\"work,Home\":1",
                                       "TEL;TYPE=x;TYPE=home:1"};
    static const char *const not [] = {"TEL;TYPE=homefax:1", "TEL;X-LABEL=home:1", "TEL:home",
                                       "TEL;TYPE=:1", "TEL;TYPE=\"\":1"};
    (void)state;
    for (size_t i = 0; i < sizeof(home) / sizeof(home[0]) + sizeof(not ) / sizeof(not [0]); i++) {
        size_t n = sizeof(home) / sizeof(home[0]);
        struct line l = {.text = slice(i < n ? home[i] : not [i - n])};
        lines_take_apart(&l);
        assert_int_equal(lines_has_type(&l, "home"), i < n);
    }
    struct line l = {.text = slice("TEL;PREF=7;VALUE=\"uri\":tel:1")};
    lines_take_apart(&l);
    expect_slice(lines_param(&l, "pref"), "7");
    expect_slice(lines_param(&l, "value"), "uri");
    assert_null(lines_param(&l, "charset").data);
}

/* ---- values
 * ------------------------------------------------------------------------------------------ */

static void test_vdir_vcard__transfer_encodings(void **state)
{
    static const struct {
        const char *line, *text; /* NULL: not understood */
    } cases[] = {
        {"NOTE:plain", "plain"},
        {"NOTE;CHARSET=UTF-8:caf\xc3\xa9", "caf\xc3\xa9"},
        {"NOTE;ENCODING=QUOTED-PRINTABLE:a=3Db=0Ac", "a=b\nc"},
        {"NOTE;QUOTED-PRINTABLE;CHARSET=utf-8:caf=c3=A9", "caf\xc3\xa9"},
        {"NOTE;ENCODING=quoted-printable;CHARSET=ISO-8859-1:caf=E9", "caf\xc3\xa9"},
        {"NOTE;ENCODING=QUOTED-PRINTABLE;CHARSET=Windows-1252:Stra=DFe =96 5 =80",
         "Stra\xc3\x9f"
         "e \xe2\x80\x93 5 \xe2\x82\xac"},
        {"NOTE;ENCODING=QUOTED-PRINTABLE:broken =C3", NULL},
        {"NOTE;ENCODING=QUOTED-PRINTABLE:zero =00", NULL},
        {"NOTE;ENCODING=QUOTED-PRINTABLE;CHARSET=Shift_JIS:=83=65", NULL},
        {"NOTE;ENCODING=QUOTED-PRINTABLE:odd =Z1 =4", "odd =Z1 =4"},
        {"NOTE;ENCODING=b:aGVsbG8=", NULL},
        {"NOTE;ENCODING=8BIT:x", "x"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct line l = {.text = slice(cases[i].line)};
        size_t len;
        lines_take_apart(&l);
        char *out = malloc(l.value.len + 1);
        assert_non_null(out);
        assert_int_equal(lines_decode(&l, out, &len), cases[i].text != NULL);
        if (cases[i].text)
            expect_slice((struct wess_slice){out, len}, cases[i].text);
        free(out);
    }
}

static void test_vdir_vcard__escapes_both_ways(void **state)
{
    static const struct {
        const char *escaped, *text, *again;
    } cases[] = {
        {"a\\nb\\Nc", "a\nb\nc", "a\\nb\\nc"},
        {"a\\,b\\;c\\\\d", "a,b;c\\d", "a\\,b\\;c\\\\d"},
        {"http\\://x", "http://x", "http://x"},
        {"a,b", "a,b", "a\\,b"},
        {"C:\\temp\\", "C:\\temp\\", "C:\\\\temp\\\\"},
        {"", "", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[64];
        struct lines_buf b = {0};
        size_t len = lines_unescape(slice(cases[i].escaped), out);
        expect_slice((struct wess_slice){out, len}, cases[i].text);
        lines_put_escaped(&b, slice(cases[i].text));
        expect_slice((struct wess_slice){b.data, b.len}, cases[i].again);
        lines_buf_fini(&b);
    }
    struct lines_buf b = {0};
    lines_put_escaped(&b, slice("a\r\nb\rc\x01\x7f\td"));
    assert_string_equal(b.data, "a\\nb\\nc\td");
    lines_buf_fini(&b);
}

static void test_vdir_vcard__components_and_lists(void **state)
{
    struct wess_slice out, rest = slice("a\\,b,c,,d");
    static const char *const list[] = {"a\\,b", "c", "", "d"};
    (void)state;
    assert_true(lines_component(slice("a\\;b;c;"), 0, &out));
    expect_slice(out, "a\\;b");
    assert_true(lines_component(slice("a\\;b;c;"), 2, &out));
    expect_slice(out, "");
    assert_false(lines_component(slice("a\\;b;c;"), 3, &out));
    for (size_t i = 0; i < 4; i++) {
        assert_true(lines_next_in_list(&rest, &out));
        expect_slice(out, list[i]);
    }
    assert_false(lines_next_in_list(&rest, &out));
}

/* ---- changing
 * ------------------------------------------------------------------------------------------ */

static void test_vdir_vcard__only_the_line_changed_changes(void **state)
{
    struct lines v;
    (void)state;
    read_card(&v, "BEGIN:VCARD\nVERSION:3.0\nFN:old\r\nitem1.TEL;HOME:1\nitem1.X-ABLabel:x\n"
                  "NOTE;ENCODING=QUOTED-PRINTABLE;X=\"a:b\";TYPE=work,home:=41=\n=42\n"
                  "item2.URL:u\nitem2.X-ABLabel:y\nitem2.X-MORE:z\nEND:VCARD\n");
    lines_set(&v, lines_find(&v, "fn", 0), slice("new"));
    lines_set(&v, lines_find(&v, "note", 0), slice("plain"));
    lines_drop(&v, lines_find(&v, "tel", 0));
    lines_drop(&v, lines_find(&v, "url", 0));
    lines_add(&v, "TITLE:added");
    assert_int_equal(lines_find(&v, "tel", 0), LINES_NONE);
    expect_slice(v.lines[lines_find(&v, "title", 0)].value, "added");
    lines_set(&v, lines_find(&v, "title", 0), slice("twice"));
    expect_written(&v, "BEGIN:VCARD\nVERSION:3.0\nFN:new\nNOTE;X=\"a:b\";TYPE=work,home:plain\n"
                       "item2.X-ABLabel:y\nitem2.X-MORE:z\nTITLE:twice\nEND:VCARD\n");
    lines_fini(&v);
}

/* Where the parameters end must not hang on the value. */
static void test_vdir_vcard__a_quote_that_is_never_closed(void **state)
{
    struct lines v, w;
    struct lines_fault fault;
    struct lines_buf out = {0};
    (void)state;
    read_card(&v, CARD("ORG;X=\"a;Y=b:old\r\n"));
    lines_set(&v, lines_find(&v, "ORG", 0), slice("say \"x\": y"));
    lines_write(&v, &out);
    assert_true(vcard_read(&w, out.data, out.len, &fault));
    expect_slice(w.lines[lines_find(&w, "ORG", 0)].value, "say \"x\": y");
    lines_fini(&w);
    lines_fini(&v);
    lines_buf_fini(&out);
}

static void test_vdir_vcard__long_lines_fold_between_letters(void **state)
{
    struct lines v, w;
    struct lines_fault fault;
    struct lines_buf out = {0}, value = {0};
    (void)state;
    for (size_t i = 0; i < 200; i++)
        lines_puts(&value, i % 3 ? "\xe6\xbc\xa2" : "a");
    read_card(&v, CARD("NOTE:x\r\n"));
    lines_set(&v, lines_find(&v, "NOTE", 0), (struct wess_slice){value.data, value.len});
    lines_write(&v, &out);
    size_t row = 0;
    for (size_t i = 0; i < out.len; i++) {
        if (out.data[i] == '\n') {
            row = 0;
            continue;
        }
        assert_true(++row <= 76); /* the CR counts */
        if (row == 1)
            assert_int_not_equal((unsigned char)out.data[i] & 0xc0, 0x80);
    }
    assert_true(vcard_read(&w, out.data, out.len, &fault));
    expect_slice(w.lines[lines_find(&w, "NOTE", 0)].value, value.data);
    lines_fini(&w);
    lines_fini(&v);
    lines_buf_fini(&out);
    lines_buf_fini(&value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vdir_vcard__what_is_broken_is_named),
        cmocka_unit_test(test_vdir_vcard__a_bound_is_kept),
        cmocka_unit_test(test_vdir_vcard__every_card_comes_out_as_it_went_in),
        cmocka_unit_test(test_vdir_vcard__cut_anywhere),
        cmocka_unit_test(test_vdir_vcard__lines_are_taken_apart),
        cmocka_unit_test(test_vdir_vcard__types_in_every_spelling),
        cmocka_unit_test(test_vdir_vcard__transfer_encodings),
        cmocka_unit_test(test_vdir_vcard__escapes_both_ways),
        cmocka_unit_test(test_vdir_vcard__components_and_lists),
        cmocka_unit_test(test_vdir_vcard__only_the_line_changed_changes),
        cmocka_unit_test(test_vdir_vcard__a_quote_that_is_never_closed),
        cmocka_unit_test(test_vdir_vcard__long_lines_fold_between_letters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
