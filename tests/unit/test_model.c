/* The generic item: canonical form, comparison, the stored form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/model.h"

static struct wess_arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new(16u << 20);
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct wess_field text(const char *name, const char *value)
{
    return (struct wess_field){
        .name = name, .type = WESS_TEXT, .str = {.data = value, .len = strlen(value)}};
}

static struct content canonical(const struct wess_field *f, size_t n, size_t *bad)
{
    struct content out = {0};
    assert_true(content_canonical(kind_find("contact"), arena, f, n, NULL, &out, bad));
    return out;
}

static void text_in_canonical_form(void **state)
{
    (void)state;
    static const struct {
        const char *field, *in, *out; /* NULL: no value */
    } rows[] = {
        {"title", "Chair", "Chair"},
        {"title", "  Chair\t", "Chair"},
        {"title", "", NULL},
        {"title", " \n ", NULL},
        {"title", "e\xcc\x81", "\xc3\xa9"}, /* NFC */
        {"title",
         "a\x01"
         "b",
         "ab"},
        {"note", "one  \r\ntwo\r\n", "one\ntwo"},
        {"note", "a\tb", "a\tb"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wess_field f = text(rows[i].field, rows[i].in);
        struct content c = canonical(&f, 1, NULL);
        const struct wess_field *got = content_get(&c, rows[i].field);
        if (!rows[i].out)
            assert_null(got);
        else if (!got || got->str.len != strlen(rows[i].out) ||
                 memcmp(got->str.data, rows[i].out, got->str.len))
            fail_msg("row %zu: [%s]", i, got ? field_show(arena, got) : "nothing");
    }
}

static void what_does_not_fit_is_dropped(void **state)
{
    (void)state;
    struct wess_field f[] = {text("no-such-field", "x"),
                             {.name = "title", .type = WESS_INT, .num = 3}};
    size_t bad = 0;
    struct content c = canonical(f, 2, &bad);
    assert_int_equal(c.n, 0);
    assert_int_equal(bad, 1);
}

static void sets_are_sorted_each_once(void **state)
{
    (void)state;
    static const char *const of[] = {"b", "a", "b"};
    struct wess_field f = {.name = "categories", .type = WESS_SET, .set = {.of = of, .n = 3}};
    struct content c = canonical(&f, 1, NULL);
    const struct wess_field *got = content_get(&c, "categories");
    assert_non_null(got);
    assert_int_equal(got->set.n, 2);
    assert_string_equal(got->set.of[0], "a");
    assert_string_equal(got->set.of[1], "b");
}

static struct content sample(void)
{
    static const char *const tags[] = {"A", "B"};
    struct wess_field value = text("value", "+44 20 1"),
                      *fields = arena_alloc(arena, 4 * sizeof(*fields));
    struct wess_record *phone = arena_alloc(arena, sizeof(*phone));
    struct wess_field *part = arena_alloc(arena, sizeof(*part));
    *part = value;
    *phone = (struct wess_record){.key = "work", .fields = part, .n = 1};
    fields[0] = text("title", "Chair");
    fields[1] = (struct wess_field){.name = "categories", .type = WESS_SET, .set = {tags, 2}};
    fields[2] = (struct wess_field){.name = "phone", .type = WESS_RECORDS, .records = {phone, 1}};
    fields[3] = (struct wess_field){
        .name = "bday", .type = WESS_DATE, .str = {.data = "--11-23", .len = 7}};
    return canonical(fields, 4, NULL);
}

static void the_stored_form_is_the_same_again(void **state)
{
    (void)state;
    struct content c = sample(), back = {0};
    struct wess_slice one, two;
    assert_int_equal(c.n, 4);
    assert_true(content_encode(arena, &c, &one));
    assert_true(content_decode(arena, one, &back));
    assert_true(content_equal(&c, &back));
    assert_true(content_encode(arena, &back, &two));
    assert_int_equal(one.len, two.len);
    assert_memory_equal(one.data, two.data, one.len);
}

/* Cut anywhere, or with any byte changed: refused or read, never beyond its end (the sanitizer
 * looks: each input has a buffer of just its size). */
static void a_damaged_stored_form(void **state)
{
    (void)state;
    struct content c = sample(), back;
    struct wess_slice whole;
    assert_true(content_encode(arena, &c, &whole));
    for (size_t len = 0; len < whole.len; len++) {
        unsigned char *copy = malloc(len ? len : 1);
        memcpy(copy, whole.data, len);
        back = (struct content){0};
        assert_false(content_decode(arena, (struct wess_slice){copy, len}, &back) && back.n == c.n);
        free(copy);
    }
    for (size_t i = 0; i < whole.len; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            unsigned char *copy = malloc(whole.len);
            memcpy(copy, whole.data, whole.len);
            copy[i] ^= (unsigned char)(1u << bit);
            back = (struct content){0};
            if (content_decode(arena, (struct wess_slice){copy, whole.len}, &back))
                (void)content_title(arena, &back);
            free(copy);
        }
}

static void a_patch_puts_and_takes_out(void **state)
{
    (void)state;
    struct content base = sample(), out;
    struct wess_field f[] = {{.name = "bday", .type = WESS_NULL}, text("title", "Head")};
    assert_true(content_patch(arena, &base, &(struct content){f, 2}, &out));
    assert_null(content_get(&out, "bday"));
    assert_string_equal(field_show(arena, content_get(&out, "title")), "Head");
    assert_non_null(content_get(&out, "phone"));
}

static void alike_is_what_remotes_rewrite(void **state)
{
    (void)state;
    struct wess_field a = text("note", "one\ntwo"), b = text("note", "<p>one</p>\n<p>two</p>");
    struct wess_field c = text("note", "one\nthree");
    assert_true(field_alike(&a, &b));
    assert_false(field_alike(&a, &c));
    assert_false(field_equal(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_in_canonical_form),
        cmocka_unit_test(what_does_not_fit_is_dropped),
        cmocka_unit_test(sets_are_sorted_each_once),
        cmocka_unit_test(the_stored_form_is_the_same_again),
        cmocka_unit_test(a_damaged_stored_form),
        cmocka_unit_test(a_patch_puts_and_takes_out),
        cmocka_unit_test(alike_is_what_remotes_rewrite),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
