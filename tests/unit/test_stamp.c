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
    const char *kind, *mailbox, *id, *key; /* its natural key */
    int64_t occurrence_ms;
};

static void stamp(const struct source *s, int attempt, char out[STAMP_SIZE])
{
    struct wess_arena *a = arena_new(ARENA_BUDGET);
    struct wess_field field[2] = {
        {.name = !strcmp(s->kind, "event") ? "uid" : "message-id", .type = WESS_TEXT},
        {.name = "recurrence-id", .type = WESS_TIME}};
    struct wess_item item = {.id = s->id, .kind = s->kind, .fields = field};
    assert_non_null(a);
    if (s->key)
        field[0].str = (struct wess_slice){s->key, strlen(s->key)};
    field[1].time = (struct wess_time){"2030-07-04T07:00:00", "Etc/UTC", s->occurrence_ms};
    item.n_fields = s->occurrence_ms ? 2 : s->key != NULL;
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
    assert_stamps((struct source){"message", "ada", "1", "<a@example.com>", 0},
                  (struct source){"message", "ben", "2", " <A@example.com>", 0}, true);
    assert_stamps((struct source){"message", "ada", "1", "<a@example.com>", 0},
                  (struct source){"message", "ada", "1", "<b@example.com>", 0}, false);
}

/* MS-OXOCAL 2.2.1.27: the day of an occurrence within Outlook's own form. */
#define OUTLOOK(day) "040000008200E00074C5B7101A82E008" day "C0FFEE0123456789"

static void test_stamp__of_one_meeting_everywhere_the_same(void **state)
{
    (void)state;
    const struct source series = {"event", "ada", "1", OUTLOOK("00000000"), 0},
                        other = {"event", "ben", "2", OUTLOOK("00000000"), 0},
                        one = {"event", "ada", "1", OUTLOOK("00000000"), 1909378800000},
                        same = {"event", "cid", "3", OUTLOOK("07EE0704"), 1909378800000},
                        next = {"event", "ben", "2", OUTLOOK("00000000"), 1909983600000},
                        day = {"event", "ben", "2", OUTLOOK("07EE0704"), 0},
                        day_too = {"event", "ada", "2", OUTLOOK("07EE0704"), 0},
                        plain = {"event", "ada", "1", "One@example.com", 0},
                        folded = {"event", "ben", "2", "one@example.com", 0};
    assert_stamps(series, other, true);
    assert_stamps(plain, folded, true);
    assert_stamps(series, plain, false);
    /* One occurrence alone is another thing than its series, and than the next one. */
    assert_stamps(series, one, false);
    assert_stamps(one, same, true);
    assert_stamps(one, next, false);
    assert_stamps(series, day, false);
    assert_stamps(day, day_too, true);
}

static void test_stamp__without_a_natural_key_by_its_place(void **state)
{
    (void)state;
    assert_stamps((struct source){"message", "ada", "1", NULL, 0},
                  (struct source){"message", "ada", "1", NULL, 0}, true);
    assert_stamps((struct source){"message", "ada", "1", NULL, 0},
                  (struct source){"message", "ben", "1", NULL, 0}, false);
    assert_stamps((struct source){"task", "ada", "1", "<a@example.com>", 0},
                  (struct source){"task", "ben", "1", "<a@example.com>", 0}, false);
}

static void test_stamp__each_attempt_has_its_own(void **state)
{
    const struct source s = {"message", "ada", "1", "<a@example.com>", 0};
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
        cmocka_unit_test(test_stamp__of_one_meeting_everywhere_the_same),
        cmocka_unit_test(test_stamp__without_a_natural_key_by_its_place),
        cmocka_unit_test(test_stamp__each_attempt_has_its_own),
    };
    return cmocka_run_group_tests_name("stamp", tests, NULL, NULL);
}
