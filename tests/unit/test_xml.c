/* XML of a remote: what is dropped, what ends a document, and that a cut one is never a short one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "xml.h"

static char *copy(const char *text, size_t len)
{
    char *out = malloc(len + 1);
    assert_non_null(out);
    memcpy(out, text, len);
    out[len] = 0;
    return out;
}

/* The texts of the root's children, joined by '|'. false: the document broke. */
static bool read_children(const char *text, size_t len, char out[512])
{
    char *own = copy(text, len);
    const char *why;
    struct xml_in *in = xml_in_new(own, len, &why);
    size_t n = 0;
    out[0] = 0;
    if (!in) {
        assert_non_null(why);
        free(own);
        return false;
    }
    if (xml_in_next(in, 0))
        while (xml_in_next(in, 1)) {
            const xmlNode *child = xml_in_take(in);
            if (child)
                n += (size_t)snprintf(out + n, 512 - n, "%s|", xml_text(child));
        }
    bool whole = xml_in_whole(in);
    xml_in_free(in);
    free(own);
    return whole;
}

static void expect(const char *text, const char *children)
{
    char out[512];
    bool whole = read_children(text, strlen(text), out);
    if (!children) {
        assert_false(whole);
        return;
    }
    assert_true(whole);
    assert_string_equal(out, children);
}

static void test_xml__forbidden_characters_are_dropped_and_nothing_else(void **state)
{
    static const char *const bad[] = {"&#x0;",
                                      "&#x1;",
                                      "&#x10;",
                                      "&#x1A;",
                                      "&#x1F;",
                                      "&#0;",
                                      "&#31;",
                                      "&#xFFFE;",
                                      "&#xFFFF;",
                                      "&#xD800;",
                                      "&#xDFFF;",
                                      "&#x110000;",
                                      "&#x99999999999;",
                                      "\x01",
                                      "\x1a",
                                      "\x1f",
                                      "\xff",
                                      "\xc3",
                                      "\xed\xa0\x80",
                                      "\xef\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xc0\xaf"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[128];
        snprintf(text, sizeof(text), "<r><a>x%sy</a><b>z</b></r>", bad[i]);
        expect(text, "xy|z|");
    }
    expect("<r><a>&#x1F4DE;&#233;&amp;&#x26;#x1;</a></r>", "\xf0\x9f\x93\x9e\xc3\xa9&&#x1;|");
    expect("<r><a>a&#xD;&#xA;b</a><b>\xf0\x9f\x93\x9e</b></r>", "a\r\nb|\xf0\x9f\x93\x9e|");
    expect("<r><a><![CDATA[&#x1; ]] <x>]]></a><b>&#x1;</b></r>", "&#x1; ]] <x>||");
}

static void test_xml__a_cut_document_is_never_a_short_one(void **state)
{
    static const char text[] = "<?xml version=\"1.0\"?><r><a k=\"v\">one &amp; two</a><b/>"
                               "<c><d>deep</d></c><a>last</a></r>";
    char whole[512], cut[512];
    (void)state;
    assert_true(read_children(text, sizeof(text) - 1, whole));
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        assert_false(read_children(text, len, cut));
        /* What was handed out before the cut is what the whole document says. */
        assert_memory_equal(whole, cut, strlen(cut));
    }
}

static void test_xml__other_faults_end_the_document(void **state)
{
    (void)state;
    expect("<r><a>x & y</a></r>", NULL);
    expect("<r><a>&nbsp;</a></r>", NULL);
    expect("<r><a></b></r>", NULL);
    expect("<r><a>1</a></r><r/>", NULL);
    expect("<r><a>1</a></r>trailing", NULL);
    expect("no xml", NULL);
    expect("", NULL);
}

static void test_xml__no_document_type_no_other_encoding(void **state)
{
    (void)state;
    expect("<!DOCTYPE r [<!ENTITY e \"x\">]><r><a>&e;</a></r>", NULL);
    expect("<?xml version=\"1.0\"?><!-- c --><!DOCTYPE r><r/>", NULL);
    expect("<?xml version=\"1.0\" encoding=\"iso-8859-1\"?><r><a>\xe9</a></r>", NULL);
    expect("<?xml version=\"1.0\" encoding=\"UTF-16\"?><r/>", NULL);
    expect("<?xml version=\"1.0\" encoding=\"utf-8\"?><r><a>\xc3\xa9</a></r>", "\xc3\xa9|");
    expect("\xef\xbb\xbf<r><a>with a mark</a></r>", "with a mark|");
    char out[512];
    assert_false(read_children("\xff\xfe<\0r\0/\0>\0", 10, out));
}

static void test_xml__steps_stay_within_their_element(void **state)
{
    static const char text[] =
        "<r><e/><l><i>1</i><x><i>no</i></x><i>2</i></l><e></e><l><i>3</i></l></r>";
    const char *why;
    char *own = copy(text, sizeof(text) - 1);
    struct xml_in *in = xml_in_new(own, sizeof(text) - 1, &why);
    char seen[64] = "";
    (void)state;
    assert_non_null(xml_in_next(in, 0));
    for (const xmlNode *n; (n = xml_in_next(in, 1));) {
        strcat(seen, (const char *)n->name);
        while ((n = xml_in_next(in, 2)))
            if (xml_is(n, "i"))
                strcat(seen, xml_text(xml_in_take(in)));
    }
    assert_string_equal(seen, "el12el3");
    assert_true(xml_in_whole(in));
    xml_in_free(in);
    free(own);
}

static void test_xml__depth_is_bounded(void **state)
{
    enum { DEEP = 20000 };
    char *text = malloc(DEEP * 7 + 1), out[512];
    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < DEEP; i++)
        memcpy(text + i * 3, "<a>", 3);
    for (size_t i = 0; i < DEEP; i++)
        memcpy(text + (size_t)DEEP * 3 + i * 4, "</a>", 4);
    bool whole = read_children(text, (size_t)DEEP * 7, out);
    free(text);
    assert_false(whole);
}

/* Far beyond what the parser holds at a time: the pieces are small. */
static void test_xml__a_long_document_is_read_in_pieces(void **state)
{
    enum { N = 40000, PIECE = 400 };
    char *text = malloc((size_t)N * (PIECE + 7) + 8), *at = text;
    const char *why;
    size_t n = 0;
    (void)state;
    assert_non_null(text);
    at = stpcpy(at, "<r>");
    for (size_t i = 0; i < N; i++) {
        at = stpcpy(at, "<a>");
        memset(at, 'x', PIECE);
        at = stpcpy(at + PIECE, "</a>");
    }
    at = stpcpy(at, "</r>");
    struct xml_in *in = xml_in_new(text, (size_t)(at - text), &why);
    assert_non_null(xml_in_next(in, 0));
    while (xml_in_next(in, 1))
        n += strlen(xml_text(xml_in_take(in))) == PIECE;
    bool whole = xml_in_whole(in);
    xml_in_free(in);
    free(text);
    assert_true(whole);
    assert_int_equal(n, N);
}

static void test_xml__writing_sends_nothing_forbidden(void **state)
{
    struct xml_out x;
    const char *text;
    size_t len;
    (void)state;
    xml_begin(&x);
    xml_open(&x, "r");
    xml_put_attr(&x, "k", "a\x01<\"\xff");
    xml_put(&x, "b\x02&\r\n\xef\xbf\xbe\xed\xa0\x80\xf0\x9f\x93\x9e", 16);
    xml_end(&x, &text, &len);
    assert_non_null(text);
    assert_non_null(strstr(text, "k=\"a&lt;&quot;\""));
    assert_non_null(strstr(text, ">b&amp;&#13;\n\xf0\x9f\x93\x9e</r>"));
    xml_fini(&x);
}

/* ---- what would take the parser for ever
 * ------------------------------------------------------------------------------------------ */

static char *repeated(const char *head, const char *piece, size_t n, const char *tail)
{
    size_t at = strlen(head), step = strlen(piece);
    char *out = malloc(at + n * (step + 16) + strlen(tail) + 1);
    assert_non_null(out);
    memcpy(out, head, at);
    for (size_t i = 0; i < n; i++)
        at += (size_t)sprintf(out + at, "%s%zu=\">\"", piece, i);
    strcpy(out + at, tail);
    return out;
}

static bool is_taken(char *own)
{
    char out[512];
    bool ok = read_children(own, strlen(own), out);
    free(own);
    return ok;
}

static void test_xml__attributes_and_namespaces_without_number(void **state)
{
    (void)state;
    assert_true(is_taken(repeated("<r><c", " a", 1000, "/></r>")));
    assert_false(is_taken(repeated("<r><c", " a", 300000, "/></r>")));
    assert_true(is_taken(repeated("<r><c", " xmlns:a", 500, "/></r>")));
    assert_false(is_taken(repeated("<r><c", " xmlns:a", 1200, "/></r>")));
    /* In a text they are words, and in CDATA so is what looks like an element. */
    assert_true(is_taken(repeated("<r><c>", " xmlns:a", 5000, "</c></r>")));
    assert_true(is_taken(repeated("<r><c><![CDATA[<b", " a", 5000, "]]></c></r>")));
    /* What XML cannot carry is dropped before, and hides nothing. */
    char *own = repeated("<r><\x01"
                         "c",
                         " a", 300000, "/></r>");
    assert_false(is_taken(own));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_xml__forbidden_characters_are_dropped_and_nothing_else),
        cmocka_unit_test(test_xml__a_cut_document_is_never_a_short_one),
        cmocka_unit_test(test_xml__other_faults_end_the_document),
        cmocka_unit_test(test_xml__attributes_and_namespaces_without_number),
        cmocka_unit_test(test_xml__no_document_type_no_other_encoding),
        cmocka_unit_test(test_xml__steps_stay_within_their_element),
        cmocka_unit_test(test_xml__depth_is_bounded),
        cmocka_unit_test(test_xml__a_long_document_is_read_in_pieces),
        cmocka_unit_test(test_xml__writing_sends_nothing_forbidden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
