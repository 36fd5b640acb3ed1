/* Occurrences of a series: which days, when they are, what each is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "host/series.h"
#include "zone.h"

#define FIELD_TEXT(name_, text_)                                                                   \
    {                                                                                              \
        .name = name_, .type = WESS_TEXT, .str = { text_, sizeof(text_) - 1 }                      \
    }

struct made {
    struct wess_arena *a;
    struct wess_field fields[8];
    struct wess_item item;
};

static void make(struct made *m, const char *rule, const char *start, const char *zone)
{
    size_t n = 0;
    bool day = strlen(start) == 10;
    *m = (struct made){.a = arena_new(ARENA_BUDGET)};
    assert_non_null(m->a);
    if (rule)
        m->fields[n++] =
            (struct wess_field){.name = "rrule", .type = WESS_TEXT, .str = {rule, strlen(rule)}};
    m->fields[n] = (struct wess_field){.name = "start", .type = day ? WESS_DATE : WESS_TIME};
    if (day)
        m->fields[n].str = (struct wess_slice){start, 10};
    else
        m->fields[n].time = (struct wess_time){start, zone, 0};
    n++;
    m->fields[n++] = (struct wess_field)FIELD_TEXT("summary", "Jour fixe");
    m->fields[n++] = (struct wess_field)FIELD_TEXT("uid", "U@x");
    m->item = (struct wess_item){.id = "S", .kind = "event", .fields = m->fields, .n_fields = n};
}

static struct wess_field *add(struct made *m, const char *name, uint32_t type)
{
    struct wess_field *f = &m->fields[m->item.n_fields++];
    *f = (struct wess_field){.name = name, .type = type};
    return f;
}

static int64_t at(const char *day)
{
    char local[WESS_LOCAL_SIZE];
    snprintf(local, sizeof(local), "%sT00:00:00", day);
    return wess_zone_instant(local, "Etc/UTC", 0);
}

static struct series_list expand(struct made *m, const char *from, const char *until, size_t most)
{
    const struct series_window w = {at(from), at(until), most};
    struct series_list l;
    const char *why;
    assert_true(series_expand(m->a, &m->item, &w, NULL, &l, &why));
    assert_null(why);
    for (size_t i = 0; i < l.n; i++)
        assert_true(series_item(m->a, &m->item, &l.of[i]));
    return l;
}

static void assert_days(const struct series_list *l, const char *days)
{
    char text[400] = "";
    for (size_t i = 0; i < l->n && strlen(text) < 380; i++) {
        strcat(text, i ? " " : "");
        strcat(text, l->of[i].day);
    }
    assert_string_equal(text, days);
}

static void test_series__days_of_rules(void **state)
{
    static const struct {
        const char *rule, *days;
    } cases[] = {
        {"FREQ=WEEKLY;BYDAY=MO,FR", "2030-01-04 2030-01-07 2030-01-11 2030-01-14"},
        {"FREQ=DAILY;INTERVAL=5;COUNT=3", "2030-01-02 2030-01-07 2030-01-12"},
        {"FREQ=DAILY;INTERVAL=4;UNTIL=20300110", "2030-01-02 2030-01-06 2030-01-10"},
        {"FREQ=DAILY;INTERVAL=4;UNTIL=20300110T080000Z", "2030-01-02 2030-01-06 2030-01-10"},
        {"FREQ=MONTHLY;BYDAY=2TU", "2030-01-08"},
        {"FREQ=YEARLY;BYMONTH=6", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct made m;
        make(&m, cases[i].rule, "2030-01-02T09:00:00", "Europe/Vienna");
        struct series_list l = expand(&m, "2030-01-01", "2030-01-15", 100);
        assert_days(&l, cases[i].days);
        arena_free(m.a);
    }
}

static void test_series__keeps_the_hour_by_the_clock(void **state)
{
    struct made m;
    (void)state;
    make(&m, "FREQ=WEEKLY", "2030-03-24T09:00:00", "Europe/Vienna");
    add(&m, "end", WESS_TIME)->time = (struct wess_time){"2030-03-24T10:30:00", "Europe/Vienna", 0};
    struct series_list l = expand(&m, "2030-03-01", "2030-04-05", 100);
    assert_days(&l, "2030-03-24 2030-03-31");
    const struct wess_field *start = series_field(&l.of[1].item, "start");
    const struct wess_field *end = series_field(&l.of[1].item, "end");
    assert_string_equal(start->time.local, "2030-03-31T09:00:00");
    assert_int_equal(start->time.ms, at("2030-03-31") + (int64_t)7 * 3600000);
    assert_string_equal(end->time.local, "2030-03-31T10:30:00");
    assert_int_equal(l.of[1].item.when_ms, start->time.ms);
    arena_free(m.a);
}

static void test_series__each_has_an_id_a_key_and_a_revision(void **state)
{
    struct made m;
    const char *day;
    (void)state;
    make(&m, "FREQ=DAILY", "2030-01-02", NULL);
    struct series_list l = expand(&m, "2030-01-02", "2030-01-03", 100);
    assert_int_equal(l.n, 2);
    assert_string_equal(l.of[0].item.id, "S#2030-01-02");
    assert_string_equal(l.of[0].item.keys[0].space, "uid");
    assert_string_equal(l.of[0].item.keys[0].id, "u@x/2030-01-02");
    assert_string_not_equal(l.of[0].item.revision, l.of[1].item.revision);
    assert_null(series_field(&l.of[0].item, "rrule"));
    assert_string_equal(series_of_id(m.a, "S#2030-01-02", &day), "S");
    assert_string_equal(day, "2030-01-02");
    assert_null(series_of_id(m.a, "S#2030-1-02", &day));
    assert_null(series_of_id(m.a, "#2030-01-02", &day));
    arena_free(m.a);
}

static void test_series__what_one_says_by_itself(void **state)
{
    const struct wess_field gone[] = {FIELD_TEXT("status", "CANCELLED")};
    const struct wess_field moved[] = {
        FIELD_TEXT("summary", "Moved"),
        {.name = "start", .type = WESS_TIME, .time = {"2030-02-01T10:00:00", "Europe/Vienna", 0}}};
    const struct wess_record of[] = {{"2030-01-03", gone, 1}, {"2030-01-04", moved, 2}};
    struct made m;
    (void)state;
    make(&m, "FREQ=DAILY", "2030-01-02T09:00:00", "Europe/Vienna");
    struct series_list plain = expand(&m, "2030-01-02", "2030-01-06", 100);
    add(&m, "overrides", WESS_RECORDS)->records = (struct wess_records){of, 2};
    struct series_list l = expand(&m, "2030-01-02", "2030-01-06", 100);
    assert_days(&l, "2030-01-02 2030-01-04 2030-01-05");
    assert_string_equal(l.of[0].item.revision, plain.of[0].item.revision);
    assert_string_equal(series_field(&l.of[1].item, "summary")->str.data, "Moved");
    assert_int_equal(l.of[1].when_ms, at("2030-02-01") + (int64_t)9 * 3600000);
    /* By the day to which it was moved, too. */
    l = expand(&m, "2030-02-01", "2030-02-02", 100);
    assert_days(&l, "2030-01-04 2030-02-01");
    arena_free(m.a);
}

static void test_series__no_more_than_asked_for(void **state)
{
    static const char *const far[] = {"2030-06-01", "2031-12-24T09:00:00", NULL};
    const struct wess_list also = {far, 2};
    struct made m;
    struct series_list l;
    const char *why;
    (void)state;
    make(&m, "FREQ=DAILY", "2030-01-02T09:00:00", "Europe/Vienna");
    l = expand(&m, "2030-01-01", "2030-12-31", 3);
    assert_days(&l, "2030-01-02 2030-01-03 2030-01-04");
    assert_true(l.cut);
    assert_string_equal(l.until, "2030-01-04");
    const struct series_window w = {at("2030-01-01"), at("2030-12-31"), 2};
    assert_true(series_expand(m.a, &m.item, &w, &also, &l, &why));
    assert_days(&l, "2030-01-02 2030-01-03 2030-06-01 2031-12-24");
    arena_free(m.a);
}

static void test_series__added_days(void **state)
{
    static const char *const days[] = {"2030-01-05T09:00:00", "2030-01-09"};
    struct made m;
    (void)state;
    make(&m, NULL, "2030-01-02T09:00:00", "Europe/Vienna");
    add(&m, "rdate", WESS_SET)->set = (struct wess_list){days, 2};
    struct series_list l = expand(&m, "2030-01-01", "2030-02-01", 100);
    assert_days(&l, "2030-01-02 2030-01-05 2030-01-09");
    arena_free(m.a);
}

static void test_series__rules_by_the_hour_have_none(void **state)
{
    static const char *const rules[] = {"FREQ=HOURLY", "FREQ=DAILY;BYHOUR=9,15", "nonsense"};
    const struct series_window w = {0, INT64_MAX, 10};
    (void)state;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        struct made m;
        struct series_list l;
        const char *why;
        make(&m, rules[i], "2030-01-02T09:00:00", "Europe/Vienna");
        assert_true(series_expand(m.a, &m.item, &w, NULL, &l, &why));
        assert_non_null(why);
        assert_int_equal(l.n, 0);
        arena_free(m.a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_series__days_of_rules),
        cmocka_unit_test(test_series__keeps_the_hour_by_the_clock),
        cmocka_unit_test(test_series__each_has_an_id_a_key_and_a_revision),
        cmocka_unit_test(test_series__what_one_says_by_itself),
        cmocka_unit_test(test_series__no_more_than_asked_for),
        cmocka_unit_test(test_series__added_days),
        cmocka_unit_test(test_series__rules_by_the_hour_have_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
