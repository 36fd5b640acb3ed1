/* Stamps: by the natural key of the item where it has one, else by where it lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "feed/stamp.h"
#include "host/conn.h"

struct source {
    const char *kind, *mailbox, *id, *message_id;
};

static void stamp(const struct source *s, int attempt, char out[STAMP_SIZE])
{
    struct wess_arena *a = arena_new(ARENA_BUDGET);
    struct wess_field field = {.name = "message-id", .type = WESS_TEXT};
    struct wess_item item = {.id = s->id, .kind = s->kind, .fields = &field};
    assert_non_null(a);
    if (s->message_id)
        field.str = (struct wess_slice){s->message_id, strlen(s->message_id)};
    item.n_fields = s->message_id != NULL;
    assert_true(conn_keys(a, &item, NULL));
    stamp_of_item("site", s->mailbox, "messages", &item, attempt, out);
    arena_free(a);
}

static void assert_stamps(struct source a, struct source b, bool same)
{
    char x[STAMP_SIZE], y[STAMP_SIZE];
    stamp(&a, 0, x);
    stamp(&b, 0, y);
    assert_int_equal(!strcmp(x, y), same);
}

static void test_stamp__of_one_mail_everywhere_the_same(void **state)
{
    (void)state;
    assert_stamps((struct source){"message", "ada", "1", "<a@example.com>"},
                  (struct source){"message", "ben", "2", " <A@example.com>"}, true);
    assert_stamps((struct source){"message", "ada", "1", "<a@example.com>"},
                  (struct source){"message", "ada", "1", "<b@example.com>"}, false);
}

static void test_stamp__without_a_natural_key_by_its_place(void **state)
{
    (void)state;
    assert_stamps((struct source){"message", "ada", "1", NULL},
                  (struct source){"message", "ada", "1", NULL}, true);
    assert_stamps((struct source){"message", "ada", "1", NULL},
                  (struct source){"message", "ben", "1", NULL}, false);
    assert_stamps((struct source){"task", "ada", "1", "<a@example.com>"},
                  (struct source){"task", "ben", "1", "<a@example.com>"}, false);
}

static void test_stamp__each_attempt_has_its_own(void **state)
{
    const struct source s = {"message", "ada", "1", "<a@example.com>"};
    char x[STAMP_SIZE], y[STAMP_SIZE];
    (void)state;
    stamp(&s, 0, x);
    stamp(&s, 1, y);
    assert_string_not_equal(x, y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stamp__of_one_mail_everywhere_the_same),
        cmocka_unit_test(test_stamp__without_a_natural_key_by_its_place),
        cmocka_unit_test(test_stamp__each_attempt_has_its_own),
    };
    return cmocka_run_group_tests_name("stamp", tests, NULL, NULL);
}
