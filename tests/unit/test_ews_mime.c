/* The content of a message, cut out of an answer however it is cut into pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ews.h"
#include "mime_cut.h"
#include "mime_row.h"
#include "testhost.h"

static const struct {
    const char *answer, *left, *content; /* content NULL: it is not whole */
} rows[] = {
    {"<m:Items><t:Message><t:MimeContent CharacterSet=\"UTF-8\">SGVsbG8=</t:MimeContent>"
     "<t:ItemId Id=\"a\"/></t:Message></m:Items>",
     "<m:Items><t:Message><t:MimeContent CharacterSet=\"UTF-8\"></t:MimeContent>"
     "<t:ItemId Id=\"a\"/></t:Message></m:Items>",
     "Hello"},
    {"<MimeContent>SGVs\r\nbG8g\n</MimeContent>", "<MimeContent></MimeContent>", "Hello "},
    {"<x:MimeContent>SGVs&#xD;&#10;bG8=</x:MimeContent>", "<x:MimeContent></x:MimeContent>",
     "Hello"},
    {"<t:MimeContent></t:MimeContent>", "<t:MimeContent></t:MimeContent>", ""},
    {"<t:MimeContent/><a>SGVs</a>", "<t:MimeContent/><a>SGVs</a>", NULL},
    /* A slash ends an empty element only at its very end. */
    {"<t:MimeContent of='a/b/' to=\"/\">SGVs</t:MimeContent>",
     "<t:MimeContent of='a/b/' to=\"/\"></t:MimeContent>", "Hel"},
    {"<t:MimeContent of='a/b' /><a>SGVs</a>", "<t:MimeContent of='a/b' /><a>SGVs</a>", NULL},
    {"<a>SGVsbG8=</a>", "<a>SGVsbG8=</a>", NULL},
    {"<t:MimeContent>SGVsbG8=", "<t:MimeContent>", NULL},
    {"<t:MimeContent>SGVsbG8</t:MimeContent>", "<t:MimeContent></t:MimeContent>", NULL},
    {"<t:MimeContent>SGVs*G8=</t:MimeContent>", "<t:MimeContent></t:MimeContent>", NULL},
    {"<t:MimeContent>SG==SGVs</t:MimeContent>", "<t:MimeContent></t:MimeContent>", NULL},
    {"<t:MimeContentOfAnotherNameWhichIsLong>SGVs</t:MimeContentOfAnotherNameWhichIsLong>",
     "<t:MimeContentOfAnotherNameWhichIsLong>SGVs</t:MimeContentOfAnotherNameWhichIsLong>", NULL},
    /* A second one is none of ours. */
    {"<t:MimeContent>SGVs</t:MimeContent><t:MimeContent>bG8=</t:MimeContent>",
     "<t:MimeContent></t:MimeContent><t:MimeContent>bG8=</t:MimeContent>", "Hel"},
};

static void cut(const char *answer, size_t piece, const char *left, const char *content)
{
    struct testhost th;
    struct mime_cut m = {.element = "MimeContent"};
    struct wess_blob blob;
    char *text = strdup(answer), out[512];
    size_t len = strlen(answer), kept = 0, blob_len = 0;
    testhost_init(&th, NULL, 0);
    m.host = &th.host;
    assert_non_null(text);
    assert_int_equal(th.host.blob_new(th.host.ctx, &m.spool), WESS_OK);
    for (size_t at = 0; at < len; at += piece) {
        size_t n = mime_cut(&m, text + at, len - at < piece ? len - at : piece);
        memcpy(out + kept, text + at, n);
        kept += n;
    }
    out[kept] = 0;
    assert_string_equal(out, left);
    assert_int_equal(mime_cut_end(&m), content != NULL);
    if (content) {
        assert_int_equal(th.host.blob_done(m.spool, &th.arena, &blob), WESS_OK);
        const char *data = testhost_blob(&th, blob.digest, &blob_len);
        assert_int_equal(blob_len, strlen(content));
        assert_memory_equal(data ? data : "", content, blob_len);
    } else {
        th.host.blob_close(m.spool);
    }
    free(text);
    testhost_fini(&th);
}

static void test_ews_mime__whatever_the_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (size_t piece = 1; piece < 64; piece++)
            cut(rows[i].answer, piece, rows[i].left, rows[i].content);
}

/* More than one piece of what is spooled at once. */
static void test_ews_mime__long(void **state)
{
    enum { LETTERS = 4 * 5000 };
    struct testhost th;
    struct mime_cut m = {.element = "MimeContent"};
    struct wess_blob blob;
    char *text = malloc(LETTERS);
    size_t len = 0;
    char head[] = "<t:MimeContent>", tail[] = "</t:MimeContent>";
    (void)state;
    assert_non_null(text);
    memset(text, 'A', LETTERS);
    testhost_init(&th, NULL, 0);
    m.host = &th.host;
    assert_int_equal(th.host.blob_new(th.host.ctx, &m.spool), WESS_OK);
    assert_int_equal(mime_cut(&m, head, strlen(head)), strlen(head));
    assert_int_equal(mime_cut(&m, text, LETTERS), 0);
    assert_int_equal(mime_cut(&m, tail, strlen(tail)), strlen(tail));
    assert_true(mime_cut_end(&m));
    assert_int_equal(th.host.blob_done(m.spool, &th.arena, &blob), WESS_OK);
    assert_non_null(testhost_blob(&th, blob.digest, &len));
    assert_int_equal(len, LETTERS / 4 * 3);
    free(text);
    testhost_fini(&th);
}

/* ---- several in one answer
 * ------------------------------------------------------------------------------------------ */

#define MESSAGE(of) "<m:GetItemResponseMessage R=\"x\">" of "</m:GetItemResponseMessage>"
#define MIME(of) "<t:MimeContent>" of "</t:MimeContent>"
#define ASKED 3u

/* By response message; NULL: it has none that is whole. */
static const struct {
    const char *answer, *left, *content[ASKED];
    size_t come;
} several[] = {
    {MESSAGE(MIME("SGVs")) MESSAGE(MIME("bG8=")) MESSAGE(MIME("")),
     MESSAGE(MIME("")) MESSAGE(MIME("")) MESSAGE(MIME("")),
     {"Hel", "lo", ""},
     3},
    /* One of them failed. */
    {MESSAGE(MIME("SGVs")) MESSAGE("<m:MessageText>no</m:MessageText>") MESSAGE(MIME("bG8=")),
     MESSAGE(MIME("")) MESSAGE("<m:MessageText>no</m:MessageText>") MESSAGE(MIME("")),
     {"Hel", NULL, "lo"},
     3},
    /* What is no base64 is of that one alone. */
    {MESSAGE(MIME("SG*s")) MESSAGE(MIME("bG8=")),
     MESSAGE(MIME("")) MESSAGE(MIME("")),
     {NULL, "lo", NULL},
     2},
    /* A second one within a message, and a message that nobody asked for. */
    {MESSAGE(MIME("SGVs") MIME("bG8=")) MESSAGE("") MESSAGE("") MESSAGE(MIME("bG8=")),
     MESSAGE(MIME("") MIME("bG8=")) MESSAGE("") MESSAGE("") MESSAGE(MIME("bG8=")),
     {"Hel", NULL, NULL},
     4},
    {MIME("SGVs") MESSAGE(MIME("bG8=")), MIME("SGVs") MESSAGE(MIME("")), {"lo", NULL, NULL}, 1},
    /* Cut off. */
    {"<GetItemResponseMessage><MimeContent>SGVs",
     "<GetItemResponseMessage><MimeContent>",
     {NULL, NULL, NULL},
     1},
};

static void cut_several(size_t row, size_t piece)
{
    const char *answer = several[row].answer;
    struct testhost th;
    struct mime_row r;
    struct wess_call call = {0};
    char *text = strdup(answer), out[1024];
    size_t len = strlen(answer), kept = 0;
    testhost_init(&th, NULL, 0);
    call.arena = &th.arena;
    assert_non_null(text);
    assert_true(mime_row_begin(&r, &call, &th.host, ASKED));
    for (size_t at = 0; at < len; at += piece) {
        size_t n = mime_row_cut(&r, text + at, len - at < piece ? len - at : piece);
        memcpy(out + kept, text + at, n);
        kept += n;
    }
    mime_row_end(&r);
    out[kept] = 0;
    assert_string_equal(out, several[row].left);
    for (size_t i = 0; i < ASKED; i++) {
        const char *content = several[row].content[i];
        size_t n = 0;
        assert_int_equal(r.of[i].whole, content != NULL);
        const char *data = content ? testhost_blob(&th, r.of[i].blob.digest, &n) : NULL;
        assert_int_equal(n, content ? strlen(content) : 0);
        assert_memory_equal(data ? data : "", content ? content : "", n);
    }
    assert_int_equal(r.come, several[row].come);
    free(text);
    testhost_fini(&th);
}

static void test_ews_mime__several_in_one_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(several) / sizeof(several[0]); i++)
        for (size_t piece = 1; piece < 200; piece++)
            cut_several(i, piece);
}

/* ---- which folders are read
 * ------------------------------------------------------------------------------------------ */

static void test_ews_mime__folders_by_path_and_by_place(void **state)
{
    static const struct {
        const char *name, *path, *place;
        bool fits;
    } names[] = {
        {"inbox", "Posteingang", "inbox", true},
        {"inbox", "Posteingang/Angebote", "inbox/Angebote", false},
        {"inbox/*", "Posteingang/Angebote", "inbox/Angebote", true},
        {"inbox/*", "Posteingang", "inbox", true},
        {"Posteingang/Angebote", "Posteingang/Angebote", "inbox/Angebote", true},
        {"Post/*", "Posteingang", "inbox", false},
        {"Alt/*", "Alt/2020/Mai", NULL, true},
        {"Alt", "Alt/2020", NULL, false},
        {"*", "Alt/2020", NULL, true},
        {"*", "Entwürfe", "drafts", false},
        {"*", "Entwürfe/Neu", "drafts/Neu", false},
        {"drafts", "Entwürfe", "drafts", true},
        {"*", "Junk", "junkemail", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (ews_mail_names(names[i].name, strlen(names[i].name), names[i].path, names[i].place) !=
            names[i].fits)
            fail_msg("%s and %s", names[i].name, names[i].path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ews_mime__whatever_the_pieces),
        cmocka_unit_test(test_ews_mime__long),
        cmocka_unit_test(test_ews_mime__several_in_one_answer),
        cmocka_unit_test(test_ews_mime__folders_by_path_and_by_place),
    };
    return cmocka_run_group_tests_name("ews_mime", tests, NULL, NULL);
}
