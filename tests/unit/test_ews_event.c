/* Zones of events: Windows' names both ways, made-up names with and without a definition. */
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

#define PERIODS(standard, daylight)                                                                \
    "<t:Periods><t:Period Bias=\"" standard                                                        \
    "\" Name=\"Standard\" Id=\"s\"/><t:Period Bias=\"" daylight                                    \
    "\" Name=\"Daylight\" Id=\"d\"/></t:Periods>"
#define RULE(to, month, nth)                                                                       \
    "<t:RecurringDayTransition><t:To Kind=\"Period\">" to "</t:To><t:TimeOffset>PT2H"              \
    "</t:TimeOffset><t:Month>" month                                                               \
    "</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek><t:Occurrence>" nth                                \
    "</t:Occurrence></t:RecurringDayTransition>"
#define GROUPS(rules)                                                                              \
    "<t:TransitionsGroups><t:TransitionsGroup Id=\"0\">" rules                                     \
    "</t:TransitionsGroup></t:TransitionsGroups>"

static const struct {
    const char *name, *definition, *zone; /* zone: keeps the same hours as this one */
} rows[] = {
    {"W. Europe Standard Time", "", "Europe/Berlin"},
    {"Eastern Standard Time", "", "America/New_York"},
    {"Europe/Madrid", "", "Europe/Madrid"},
    {"tzone://Microsoft/Utc", "", "Etc/UTC"},
    {"Mars Standard Time", "", "Etc/UTC"},
    {"Customized Time Zone",
     PERIODS("-PT1H", "-PT2H") GROUPS(RULE("d", "3", "-1") RULE("s", "10", "-1")), "Europe/Berlin"},
    {"Customized Time Zone",
     PERIODS("PT5H", "PT4H") GROUPS(RULE("d", "3", "2") RULE("s", "11", "1")), "America/New_York"},
    {"tzone://Microsoft/Custom",
     PERIODS("PT3H30M", "PT2H30M") GROUPS(RULE("d", "3", "2") RULE("s", "11", "1")),
     "America/St_Johns"},
    {"Somewhere south",
     PERIODS("-PT12H", "-PT13H") GROUPS(RULE("s", "4", "1") RULE("d", "9", "-1")),
     "Pacific/Auckland"},
    {"No change", "<t:Periods><t:Period Bias=\"-PT5H30M\" Name=\"Standard\" Id=\"s\"/></t:Periods>",
     "Asia/Kolkata"},
    {"Nowhere", "<t:Periods><t:Period Bias=\"-PT5H37M\" Name=\"Standard\" Id=\"s\"/></t:Periods>",
     "Etc/UTC"},
    {"Hostile", "<t:Periods/><t:TransitionsGroups/>", "Etc/UTC"},
    {"Hostile", PERIODS("P", "-PT99999999999H") GROUPS(RULE("?", "99", "x")), "Etc/UTC"},
};

static void test_ews_event__zones_are_known_by_name_or_by_their_hours(void **state)
{
    (void)state;
    int64_t ms = 1909378800000; /* July 2030 */
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = NULL, zone[WESS_ZONE_SIZE];
        const char *why;
        assert_true(asprintf(&text, "<t:StartTimeZone xmlns:t=\"t\" Id=\"%s\">%s</t:StartTimeZone>",
                             rows[i].name, rows[i].definition) > 0);
        struct xml_in *in = xml_in_new(text, strlen(text), &why);
        assert_non_null(in);
        assert_non_null(xml_in_next(in, 0));
        ews_zone(xml_in_take(in), ms, zone);
        for (int64_t at = ms; at < ms + (int64_t)365 * 86400000; at += (int64_t)5 * 86400000) {
            int want = 0, got = 1;
            assert_true(wess_zone_offset(at, rows[i].zone, &want));
            assert_true(wess_zone_offset(at, zone, &got));
            if (want != got)
                fail_msg("row %zu: %s is not %s", i, zone, rows[i].zone);
        }
        xml_in_free(in);
        free(text);
    }
}

/* Every zone that Windows has a name for comes back as one that is the same to it. */
static void test_ews_event__names_go_both_ways(void **state)
{
    static const char *const zones[] = {
        "Europe/London",   "Europe/Berlin",       "Europe/Vienna",     "Europe/Paris",
        "Europe/Kiev",     "America/New_York",    "America/St_Johns",  "America/Sao_Paulo",
        "Asia/Kolkata",    "Asia/Tokyo",          "Asia/Kathmandu",    "Australia/Lord_Howe",
        "Pacific/Chatham", "Pacific/Kiritimati",  "Africa/Casablanca", "America/Los_Angeles",
        "Etc/UTC",         "Australia/Melbourne", "Asia/Tehran",       "Atlantic/Azores"};
    (void)state;
    for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
        char windows[WESS_ZONE_SIZE], back[WESS_ZONE_SIZE];
        assert_true(wess_zone_windows(zones[i], windows));
        assert_true(wess_zone_iana(windows, back));
        assert_true(wess_zone_same(zones[i], back));
    }
    char out[WESS_ZONE_SIZE], local[WESS_LOCAL_SIZE];
    assert_false(wess_zone_windows("Nowhere/Land", out));
    assert_false(wess_zone_iana("Mars Standard Time", out));
    assert_false(wess_zone_iana(NULL, out));
    assert_false(wess_zone_same("Europe/Berlin", NULL));
    assert_false(wess_zone_local(0, "Nowhere/Land", local));
    assert_true(wess_zone_instant("2030-07-04T09:00:00", NULL, 0) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ews_event__zones_are_known_by_name_or_by_their_hours),
        cmocka_unit_test(test_ews_event__names_go_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
