/* The generic item: canonical form, comparison, the stored form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/model.h"
#include "model/text.h"
#include "zone.h"

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

/* ---- tasks and events
 * ------------------------------------------------------------------------------------------ */

static struct content canonical_of(const char *kind, const struct wess_field *f, size_t n,
                                   size_t *bad)
{
    struct content out = {0};
    assert_true(content_canonical(kind_find(kind), arena, f, n, NULL, &out, bad));
    return out;
}

static struct wess_field at(const char *name, const char *local, const char *zone, int64_t ms)
{
    return (struct wess_field){.name = name, .type = WESS_TIME, .time = {local, zone, ms}};
}

static void what_saying_nothing_means_is_no_value(void **state)
{
    (void)state;
    struct wess_field f[] = {text("class", "public"),
                             text("busystatus", "Busy"),
                             text("status", "CONFIRMED"),
                             {.name = "priority", .type = WESS_INT, .num = 0}};
    assert_int_equal(canonical_of("event", f, 4, NULL).n, 0);
    struct wess_field g[] = {text("class", "private"),
                             {.name = "priority", .type = WESS_INT, .num = 1}};
    struct content c = canonical_of("event", g, 2, NULL);
    assert_int_equal(c.n, 2);
    assert_string_equal(content_get(&c, "class")->str.data, "PRIVATE");
}

static void rules_have_one_spelling(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"FREQ=WEEKLY;BYDAY=WE,MO;INTERVAL=1", "FREQ=WEEKLY;BYDAY=MO,WE"},
        {"interval=2;freq=daily;count=05", "FREQ=DAILY;COUNT=5;INTERVAL=2"},
        {"FREQ=MONTHLY;BYDAY=+1TU;UNTIL=20271231T093000Z", "FREQ=MONTHLY;UNTIL=20271231;BYDAY=1TU"},
        {"FREQ=YEARLY;BYMONTH=11,2;BYDAY=SU,-1SU,1MO;",
         "FREQ=YEARLY;BYDAY=1MO,-1SU,SU;BYMONTH=2,11"},
        {"FREQ=WEEKLY;WKST=SU;BYDAY=MO,MO", "FREQ=WEEKLY;BYDAY=MO;WKST=SU"},
        {"FREQ=WEEKLY;WKST=MO", "FREQ=WEEKLY"},
        {"COUNT=3", NULL},
        {"FREQ=DAILY;EVERY=2", NULL},
        {"nonsense", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wess_field f = text("rrule", rows[i][0]);
        size_t bad = 0;
        struct content c = canonical_of("event", &f, 1, &bad);
        const struct wess_field *got = content_get(&c, "rrule");
        assert_int_equal(bad, rows[i][1] ? 0 : 1);
        if (!rows[i][1])
            assert_null(got);
        else
            assert_string_equal(got->str.data, rows[i][1]);
    }
}

static void times_compare_by_instant_unless_they_recur(void **state)
{
    (void)state;
    static const struct {
        const char *local[2], *zone[2];
        bool series, same;
    } rows[] = {
        {{"2026-12-01T09:00:00", "2026-12-01T10:00:00"}, {"Europe/London", "Europe/Paris"}, 0, 1},
        {{"2026-12-01T09:00:00", "2026-12-01T10:00:00"}, {"Europe/London", "Europe/Paris"}, 1, 0},
        {{"2026-12-01T09:00:00", "2026-12-01T09:00:00"}, {"Europe/Vienna", "Europe/Berlin"}, 1, 1},
        {{"2026-12-01T09:00:00", "2026-12-01T09:00:00"}, {"Europe/London", "Etc/UTC"}, 0, 1},
        {{"2026-12-01T09:00:00", "2026-12-01T09:00:00"}, {"Europe/London", "Etc/UTC"}, 1, 0},
        {{"2026-12-01T09:00:00", "2026-12-01T09:00:00"}, {NULL, "Etc/UTC"}, 0, 0},
        {{"2026-12-01T09:00:00", "2026-12-01T09:00:00"}, {NULL, NULL}, 0, 1},
        {{"2026-07-01T09:00:00", "2026-07-01T08:00:00"}, {"Europe/London", "Etc/UTC"}, 0, 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct wess_field *got[2];
        struct content c[2];
        for (int s = 0; s < 2; s++) {
            struct wess_field f[] = {at("start", rows[i].local[s], rows[i].zone[s], 0),
                                     text("rrule", "FREQ=DAILY")};
            c[s] = canonical_of("event", f, rows[i].series ? 2 : 1, NULL);
            got[s] = content_get(&c[s], "start");
            assert_non_null(got[s]);
        }
        if (field_equal(got[0], got[1]) != rows[i].same)
            fail_msg("row %zu", i);
    }
}

static void an_hour_that_comes_twice_stays_the_one_meant(void **state)
{
    (void)state;
    static const char local[] = "2026-10-25T01:30:00";
    int64_t first = 1792888200000, second = first + 3600000;
    assert_true(wess_zone_instant(local, "Europe/London", first) == first);
    assert_true(wess_zone_instant(local, "Europe/London", second) == second);
    assert_true(wess_zone_instant(local, "Nowhere/Land", 0) == 0);
    assert_true(wess_zone_instant("soon", "Europe/London", 0) == 0);
    /* What is not there at all is an hour later by the clock. */
    assert_true(wess_zone_instant("2026-03-29T01:30:00", "Europe/London", 0) == 1774747800000);
}

/* Whatever zone was asked for before. */
static void zones_come_in_any_order(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *local;
    } rows[] = {
        {"Europe/Vienna", "2026-07-01T14:00:00"},    {"Europe/Vienna", "2026-07-01T14:00:00"},
        {"America/New_York", "2026-07-01T08:00:00"}, {"Nowhere/Land", NULL},
        {"Europe/Vienna", "2026-07-01T14:00:00"},    {NULL, NULL},
        {"Etc/UTC", "2026-07-01T12:00:00"},          {"Asia/Tokyo", "2026-07-01T21:00:00"},
        {"Etc/UTC", "2026-07-01T12:00:00"},
    };
    const int64_t noon = 1782907200000;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char local[WESS_LOCAL_SIZE];
        assert_int_equal(wess_zone_local(noon, rows[i].zone, local), rows[i].local != NULL);
        if (!rows[i].local)
            continue;
        assert_string_equal(local, rows[i].local);
        assert_true(wess_zone_instant(local, rows[i].zone, 0) == noon);
    }
}

static void a_day_is_a_time_as_well(void **state)
{
    (void)state;
    struct wess_field f[] = {
        {.name = "start", .type = WESS_DATE, .str = {.data = "2026-11-23", .len = 10}},
        {.name = "end", .type = WESS_DATE, .str = {.data = "2026-11-24", .len = 10}},
        at("alarm", "tomorrow", NULL, 0)};
    size_t bad = 0;
    struct content c = canonical_of("event", f, 2, &bad), back;
    struct wess_slice bytes;
    assert_int_equal(bad, 0);
    assert_int_equal(c.n, 2);
    assert_true(content_encode(arena, &c, &bytes));
    assert_true(content_decode(arena, bytes, &back));
    assert_true(content_equal(&c, &back));
    c = canonical_of("task", f + 2, 1, &bad);
    assert_int_equal(c.n, 0);
    assert_int_equal(bad, 1);
}

/* Every name is found, sorted, and named once; its keys are known. */
static void the_tables_are_in_order(void **state)
{
    (void)state;
    for (size_t k = 0; kind_names(k); k++) {
        const struct kind_def *kind = kind_find(kind_names(k));
        assert_non_null(kind);
        assert_true(kind->n_sure <= kind->n_keys);
        for (size_t i = 0; i < kind->n_fields; i++) {
            const char *element;
            assert_true(!i || strcmp(kind->fields[i - 1].name, kind->fields[i].name) < 0);
            assert_ptr_equal(field_find(kind, kind->fields[i].name, &element), &kind->fields[i]);
            assert_null(element);
            assert_non_null(kind->fields[i].label);
            assert_non_null(kind->fields[i].source);
        }
    }
    assert_null(kind_find("note"));
}

static void a_text_is_cut_between_its_characters(void **state)
{
    static const char text[] = "a\xc3\xbc\xe2\x82\xac!"; /* "aü€!" */
    static const size_t heads[] = {0, 1, 1, 3, 3, 3, 6, 7, 7};
    (void)state;
    for (size_t most = 0; most < sizeof(heads) / sizeof(heads[0]); most++)
        assert_int_equal(text_head(text, strlen(text), most), heads[most]);
}

/* What was taken before the mark stays as it was, what is taken behind it is zeroed again, and many
 * pieces of work take no more than the largest of them. */
static void an_arena_goes_back_to_its_mark(void **state)
{
    enum { WORKS = 200, LARGE = 300000 };
    struct wess_arena *a = arena_new((size_t)1 << 20);
    struct arena_mark empty = arena_mark(a);
    (void)state;
    assert_non_null(arena_alloc(a, LARGE));
    arena_back(a, empty);
    assert_int_equal(arena_used(a), 0);
    char *kept = arena_text(a, "kept");
    struct arena_mark m = arena_mark(a);
    size_t used = arena_used(a);
    for (int i = 0; i < WORKS; i++) {
        for (size_t size = 1; size <= LARGE; size *= 7) {
            unsigned char *p = arena_alloc(a, size);
            assert_non_null(p);
            assert_int_equal(p[0] | p[size / 2] | p[size - 1], 0);
            memset(p, 0xff, size);
        }
        arena_back(a, m);
        assert_int_equal(arena_used(a), used);
    }
    assert_string_equal(kept, "kept");
    /* What was refused is remembered across the mark. */
    assert_null(arena_alloc(a, (size_t)2 << 20));
    arena_back(a, m);
    assert_int_equal(arena_refused(a), ARENA_FULL);
    arena_free(a);
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
        cmocka_unit_test(what_saying_nothing_means_is_no_value),
        cmocka_unit_test(rules_have_one_spelling),
        cmocka_unit_test(times_compare_by_instant_unless_they_recur),
        cmocka_unit_test(an_hour_that_comes_twice_stays_the_one_meant),
        cmocka_unit_test(zones_come_in_any_order),
        cmocka_unit_test(a_day_is_a_time_as_well),
        cmocka_unit_test(the_tables_are_in_order),
        cmocka_unit_test(an_arena_goes_back_to_its_mark),
        cmocka_unit_test(a_text_is_cut_between_its_characters),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
