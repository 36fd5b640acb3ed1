/* Recurrence rules and Exchange's patterns, both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ews.h"
#include "testhost.h"

/* A rule as it is written, on the wire, and as it comes back (NULL: as it was written). */
static const struct {
    const char *rule, *start, *has, *back;
} pairs[] = {
    {"FREQ=DAILY", "2030-01-07", "<t:DailyRecurrence><t:Interval>1</t:Interval>", NULL},
    {"FREQ=DAILY;COUNT=5;INTERVAL=3", "2030-01-07", "<t:NumberOfOccurrences>5<", NULL},
    {"FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR", "2030-01-07",
     "<t:DaysOfWeek>Monday Tuesday Wednesday Thursday Friday</t:DaysOfWeek>",
     "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"},
    {"FREQ=WEEKLY", "2030-01-07", "<t:DaysOfWeek>Monday</t:DaysOfWeek>", "FREQ=WEEKLY;BYDAY=MO"},
    {"FREQ=WEEKLY;UNTIL=20301231;INTERVAL=2;BYDAY=MO,SU;WKST=SU", "2030-01-07",
     "<t:FirstDayOfWeek>Sunday</t:FirstDayOfWeek></t:WeeklyRecurrence><t:EndDateRecurrence>"
     "<t:StartDate>2030-01-07</t:StartDate><t:EndDate>2030-12-31</t:EndDate>",
     NULL},
    {"FREQ=MONTHLY;BYMONTHDAY=7", "2030-01-07", "<t:DayOfMonth>7</t:DayOfMonth>", NULL},
    {"FREQ=MONTHLY;BYMONTHDAY=-1", "2030-01-31", "<t:DayOfMonth>31</t:DayOfMonth>", NULL},
    {"FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1", "2030-01-30", "<t:DayOfMonth>30<", NULL},
    {"FREQ=MONTHLY;BYMONTHDAY=28,29;BYSETPOS=-1", "2030-02-28", "<t:DayOfMonth>29<", NULL},
    {"FREQ=MONTHLY;BYDAY=2TU", "2030-01-08",
     "<t:DaysOfWeek>Tuesday</t:DaysOfWeek><t:DayOfWeekIndex>Second</t:DayOfWeekIndex>", NULL},
    {"FREQ=MONTHLY;BYDAY=-1FR", "2030-01-25", "<t:DayOfWeekIndex>Last<", NULL},
    {"FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "2030-01-31",
     "<t:DaysOfWeek>Weekday</t:DaysOfWeek>", NULL},
    {"FREQ=MONTHLY;BYDAY=SA,SU;BYSETPOS=1", "2030-01-05", "<t:DaysOfWeek>WeekendDay<", NULL},
    {"FREQ=MONTHLY", "2030-01-15", "<t:DayOfMonth>15<", "FREQ=MONTHLY;BYMONTHDAY=15"},
    {"FREQ=YEARLY;BYMONTHDAY=4;BYMONTH=7", "2030-07-04", "<t:Month>July</t:Month>", NULL},
    {"FREQ=YEARLY", "2030-07-04", "<t:DayOfMonth>4</t:DayOfMonth><t:Month>July<",
     "FREQ=YEARLY;BYMONTHDAY=4;BYMONTH=7"},
    {"FREQ=YEARLY;BYMONTHDAY=-1;BYMONTH=2", "2030-02-28", "<t:DayOfMonth>31<", NULL},
    {"FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10", "2030-10-27",
     "<t:RelativeYearlyRecurrence><t:DaysOfWeek>Sunday", NULL},
    {"FREQ=YEARLY;INTERVAL=2;BYMONTHDAY=4;BYMONTH=7", "2030-07-04", "<t:Interval>24<", NULL},
};

/* What Exchange cannot say, or would say otherwise. */
static const char *const refused[][2] = {
    {"FREQ=MONTHLY;BYMONTHDAY=31", "2030-01-31"},
    {"FREQ=MONTHLY", "2030-01-30"},
    {"FREQ=YEARLY", "2028-02-29"},
    {"FREQ=YEARLY;BYMONTHDAY=29;BYMONTH=2", "2028-02-29"},
    {"FREQ=MONTHLY;BYMONTHDAY=1,15", "2030-01-01"},
    {"FREQ=MONTHLY;BYDAY=1MO,3MO", "2030-01-07"},
    {"FREQ=YEARLY;BYDAY=20MO", "2030-05-20"},
    {"FREQ=YEARLY;BYMONTHDAY=1;BYMONTH=1,7", "2030-01-01"},
    {"FREQ=MONTHLY;BYDAY=-2FR", "2030-01-18"},
    {"FREQ=HOURLY", "2030-01-07"},
    {"FREQ=DAILY;BYHOUR=9,17", "2030-01-07"},
    {"FREQ=DAILY;INTERVAL=2;BYDAY=MO", "2030-01-07"},
    {"FREQ=YEARLY;BYWEEKNO=20", "2030-05-13"},
    {"FREQ=DAILY;INTERVAL=0", "2030-01-07"},
    {"FREQ=WEEKLY;BYDAY=TU", "2030-01-07"}, /* a Monday */
    {"FREQ=MONTHLY;BYDAY=2TU", "2030-01-15"},
    {"FREQ=DAILY", NULL},
};

static char *written(const char *rule, const char *start)
{
    struct xml_out x;
    const char *text;
    size_t len;
    xml_begin(&x);
    ews_rule_put(&x, rule, start);
    xml_end(&x, &text, &len);
    char *out = text ? strndup(text, len) : NULL;
    xml_fini(&x);
    assert_non_null(out);
    return out;
}

static const char *read_back(struct testhost *th, const char *recurrence)
{
    char *text = NULL;
    const char *why, *inner = strstr(recurrence, "<t:Recurrence>");
    assert_non_null(inner);
    assert_true(asprintf(&text, "<x xmlns:t=\"t\">%s</x>", inner) > 0);
    struct xml_in *in = xml_in_new(text, strlen(text), &why);
    assert_non_null(in);
    assert_non_null(xml_in_next(in, 0));
    const char *rule = ews_rule_read(&th->host, &th->arena, xml_first(xml_in_take(in)));
    xml_in_free(in);
    free(text);
    return rule;
}

static void test_ews_recur__rules_go_round(void **state)
{
    struct testhost th;
    (void)state;
    testhost_init(&th, NULL, 0);
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        const char *why = ews_rule_refused(pairs[i].rule, pairs[i].start);
        if (why)
            fail_msg("%s: %s", pairs[i].rule, why);
        char *xml = written(pairs[i].rule, pairs[i].start);
        if (!strstr(xml, pairs[i].has))
            fail_msg("%s: no %s in %s", pairs[i].rule, pairs[i].has, xml);
        const char *back = read_back(&th, xml);
        assert_non_null(back);
        assert_string_equal(back, pairs[i].back ? pairs[i].back : pairs[i].rule);
        free(xml);
    }
    testhost_fini(&th);
}

static void test_ews_recur__what_exchange_cannot_say_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        if (!ews_rule_refused(refused[i][0], refused[i][1]))
            fail_msg("%s is taken", refused[i][0]);
}

static void test_ews_recur__answers_of_servers(void **state)
{
    static const char *const of[][2] = {
        {"<t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Monday "
         "Wednesday</t:DaysOfWeek><t:FirstDayOfWeek>Monday</t:FirstDayOfWeek></t:WeeklyRecurrence>"
         "<t:NumberedRecurrence><t:StartDate>2026-09-07T00:00:00.000000Z</t:StartDate>"
         "<t:NumberOfOccurrences>6</t:NumberOfOccurrences></t:NumberedRecurrence>",
         "FREQ=WEEKLY;COUNT=6;BYDAY=MO,WE"},
        {"<t:DailyRecurrence><t:Interval>2</t:Interval></t:DailyRecurrence><t:EndDateRecurrence>"
         "<t:StartDate>2030-01-07+01:00</t:StartDate><t:EndDate>2030-01-31+01:00</t:EndDate>"
         "</t:EndDateRecurrence>",
         "FREQ=DAILY;UNTIL=20300131;INTERVAL=2"},
        {"<t:RelativeMonthlyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Day</t:DaysOfWeek>"
         "<t:DayOfWeekIndex>Last</t:DayOfWeekIndex></t:RelativeMonthlyRecurrence>"
         "<t:NoEndRecurrence><t:StartDate>2030-01-31</t:StartDate></t:NoEndRecurrence>",
         "FREQ=MONTHLY;BYMONTHDAY=-1"},
        {"<t:DailyRegeneration><t:Interval>3</t:Interval></t:DailyRegeneration>"
         "<t:NoEndRecurrence><t:StartDate>2030-01-31</t:StartDate></t:NoEndRecurrence>",
         NULL},
        {"<t:RelativeMonthlyRecurrence/><t:NoEndRecurrence/>", NULL},
        {"<t:AbsoluteYearlyRecurrence><t:DayOfMonth>99999999999</t:DayOfMonth><t:Month>Monday"
         "</t:Month></t:AbsoluteYearlyRecurrence><t:NoEndRecurrence/>",
         NULL},
        {"", NULL},
    };
    struct testhost th;
    (void)state;
    testhost_init(&th, NULL, 0);
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
        char *xml = NULL;
        assert_true(asprintf(&xml, "<t:Recurrence>%s</t:Recurrence>", of[i][0]) > 0);
        const char *rule = read_back(&th, xml);
        if (of[i][1] ? !rule || strcmp(rule, of[i][1]) : rule != NULL)
            fail_msg("row %zu: %s", i, rule ? rule : "nothing");
        free(xml);
    }
    testhost_fini(&th);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ews_recur__rules_go_round),
        cmocka_unit_test(test_ews_recur__what_exchange_cannot_say_is_refused),
        cmocka_unit_test(test_ews_recur__answers_of_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
