/* The picture of a card: where it is, what its bytes are, and that nothing else moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "testhost.h"
#include "vdir.h"

struct fixture {
    struct testhost th;
    struct wess_conn conn;
    struct wess_call call;
    char *out;
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

#define CARD(version, lines)                                                                       \
    "BEGIN:VCARD\r\nVERSION:" version "\r\nFN:A\r\n" lines "NOTE:x\r\nEND:VCARD\r\n"

/* What the card's picture is; NULL: it has none. */
static const char *picture(struct fixture *f, const char *card, size_t *len)
{
    struct lines v;
    struct lines_fault fault;
    struct wess_field photo;
    assert_true(vcard_read(&v, card, strlen(card), &fault));
    assert_true(vdir_photo(&f->call, &v, &photo));
    lines_fini(&v);
    if (photo.type == WESS_NULL)
        return NULL;
    assert_int_equal(photo.type, WESS_BLOB);
    return testhost_blob(&f->th, photo.blob.digest, len);
}

static void test_vdir_photo__every_way_to_write_one(void **state)
{
    static const struct {
        const char *card, *bytes;
    } of[] = {
        {CARD("3.0", "PHOTO;ENCODING=b;TYPE=JPEG:aGVsbG8=\r\n"), "hello"},
        {CARD("3.0", "photo;type=jpeg;encoding=B:aGVs\r\n bG8=\r\n"), "hello"},
        {CARD("3.0", "item1.PHOTO;ENCODING=BASE64:aGVsbG8\r\n"), "hello"},
        {CARD("2.1", "PHOTO;JPEG;BASE64:\r\n aGVs\r\n bG8=\r\n\r\n"), "hello"},
        {CARD("2.1", "PHOTO;TYPE=JPEG;ENCODING=BASE64:aGVsbG8=\r\n"), "hello"},
        {CARD("4.0", "PHOTO:data:image/jpeg;base64,aGVsbG8=\r\n"), "hello"},
        {CARD("4.0", "PHOTO;PREF=1:DATA:image/png;foo=bar;BASE64,aGVsbG8=\r\n"), "hello"},
        {CARD("3.0", "PHOTO;VALUE=uri:data:image/jpeg\\;base64\\,aGVsbG8=\r\n"), "hello"},
        {CARD("3.0", "PHOTO;VALUE=uri:data:image/jpeg;base64\\,aGVsbG8=\r\n"), "hello"},
        {CARD("4.0", "PHOTO:http://x.example/a.jpg\r\n"), NULL},
        {CARD("4.0", "PHOTO:data:image/svg+xml,%3Csvg/%3E\r\n"), NULL},
        {CARD("4.0", "PHOTO:data:,\r\n"), NULL},
        {CARD("4.0", "PHOTO:data:;base64,\r\n"), NULL},
        {CARD("4.0", "PHOTO:data:;base64,a===\r\n"), NULL},
        {CARD("3.0", "PHOTO;ENCODING=b:no, it is none\r\n"), NULL},
        {CARD("3.0", "PHOTO;ENCODING=b:aGVsb\r\n"), NULL},
        {CARD("3.0", "PHOTO:\r\n"), NULL},
        {CARD("3.0", ""), NULL},
        {CARD("4.0", "PHOTO:http://x.example/a.jpg\r\nPHOTO:data:a/b;base64,aGVsbG8=\r\n"),
         "hello"},
    };
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
        size_t len = 0;
        const char *got = picture(*state, of[i].card, &len);
        if (!got != !of[i].bytes || (got && (len != 5 || memcmp(got, of[i].bytes, len))))
            fail_msg("%s: %.*s", of[i].card, (int)len, got ? got : "-");
    }
}

static struct wess_field blob(struct fixture *f, const char *bytes, size_t len)
{
    struct wess_field field = {.name = "photo", .type = WESS_BLOB};
    const struct wess_host *h = &f->th.host;
    struct wess_spool *s = NULL;
    assert_int_equal(h->blob_new(h->ctx, &s), WESS_OK);
    assert_int_equal(h->blob_put(s, bytes, len), WESS_OK);
    assert_int_equal(h->blob_done(s, f->call.arena, &field.blob), WESS_OK);
    return field;
}

static struct wess_result write(struct fixture *f, const char *card, struct wess_field photo)
{
    struct lines v;
    struct lines_fault fault;
    struct lines_buf out = {0};
    struct wess_result result = {.code = WESS_UNKNOWN};
    struct wess_op op = {.what = WESS_UPDATE, .item = {.fields = &photo, .n_fields = 1}};
    assert_true(vcard_read(&v, card, strlen(card), &fault));
    assert_int_equal(vdir_edit(&f->call, &v, &op, &result), WESS_OK);
    lines_write(&v, &out);
    lines_fini(&v);
    free(f->out);
    f->out = out.data;
    return result;
}

static void test_vdir_photo__only_its_line_moves(void **state)
{
    static const char jpeg[] = "\xff\xd8\xffJ", png[] = "\x89PNG", web[] = "RIFF....WEBP",
                      odd[] = "?";
    static const struct {
        const char *card, *bytes, *becomes;
    } of[] = {
        {CARD("3.0", ""), jpeg, "NOTE:x\r\nPHOTO;ENCODING=b;TYPE=JPEG:/9j/Sg==\r\nEND:VCARD\r\n"},
        {CARD("4.0", ""), png, "NOTE:x\r\nPHOTO:data:image/png;base64,iVBORw==\r\nEND:VCARD\r\n"},
        {CARD("3.0", "PHOTO;ENCODING=b;TYPE=JPEG;X-ABCROP-RECTANGLE=a&b:aGVsbG8=\r\n"), odd,
         "FN:A\r\nPHOTO;ENCODING=b:Pw==\r\nNOTE:x\r\n"},
        {CARD("4.0", "i.PHOTO;PREF=1;MEDIATYPE=image/gif:data:a/b;base64,aGVsbG8=\r\n"), odd,
         "FN:A\r\ni.PHOTO;PREF=1:data:application/octet-stream;base64,Pw==\r\nNOTE:x\r\n"},
        {CARD("4.0", "PHOTO:http://x.example/a.jpg\r\n"), web,
         "PHOTO:http://x.example/a.jpg\r\nNOTE:x\r\nPHOTO:data:image/webp;base64,"
         "UklGRi4uLi5XRUJQ\r\nEND"},
        {CARD("3.0", "PHOTO;ENCODING=b:aGVs\r\n bG8=\r\n"), "hello",
         "FN:A\r\nPHOTO;ENCODING=b:aGVs\r\n bG8=\r\nNOTE:x\r\n"},
        {CARD("3.0", "PHOTO;ENCODING=b:aGVsbG8=\r\nPHOTO;VALUE=uri:http://x.example/\r\n"), NULL,
         "FN:A\r\nPHOTO;VALUE=uri:http://x.example/\r\nNOTE:x\r\n"},
        {CARD("3.0", "PHOTO;ENCODING=b:no, none\r\n"), NULL,
         "FN:A\r\nPHOTO;ENCODING=b:no, none\r\nNOTE:x\r\n"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
        struct wess_field photo = of[i].bytes
                                      ? blob(f, of[i].bytes, strlen(of[i].bytes))
                                      : (struct wess_field){.name = "photo", .type = WESS_NULL};
        struct wess_result r = write(f, of[i].card, photo);
        size_t len = 0;
        assert_int_equal(r.n_refused, 0);
        if (!strstr(f->out, of[i].becomes))
            fail_msg("%s\nis no part of\n%s", of[i].becomes, f->out);
        const char *got = picture(f, f->out, &len);
        assert_int_equal(!got, !of[i].bytes);
        assert_true(!got || (len == strlen(of[i].bytes) && !memcmp(got, of[i].bytes, len)));
    }
}

static void test_vdir_photo__of_some_size(void **state)
{
    struct fixture *f = *state;
    char *bytes = malloc(VDIR_PHOTO_MAX + 1);
    size_t len = 0;
    assert_non_null(bytes);
    for (size_t i = 0; i <= VDIR_PHOTO_MAX; i++)
        bytes[i] = (char)(i * 7 + (i >> 9));
    for (size_t n = VDIR_PHOTO_MAX; n >= VDIR_PHOTO_MAX - 3; n--) {
        assert_int_equal(write(f, CARD("3.0", ""), blob(f, bytes, n)).n_refused, 0);
        const char *got = picture(f, f->out, &len);
        assert_non_null(got);
        assert_true(len == n && !memcmp(got, bytes, n) && strlen(f->out) < LINES_BYTES);
    }
    struct wess_result r = write(f, CARD("3.0", ""), blob(f, bytes, VDIR_PHOTO_MAX + 1));
    assert_int_equal(r.n_refused, 1);
    assert_string_equal(r.refused[0].field, "photo");
    assert_string_equal(f->out, CARD("3.0", ""));
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_vdir_photo__every_way_to_write_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_vdir_photo__only_its_line_moves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_vdir_photo__of_some_size, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
