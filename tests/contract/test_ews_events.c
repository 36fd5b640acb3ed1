/* Events against the rehearsal Exchange: their fields, days, zones, people and occurrences. */
#include <curl/curl.h>

#include "ews_rounds.h"

static void test_ews_events__of_an_event_go_round(void **state)
{
    round_kind(*state, &round_event, 60);
}

static struct wess_item make(struct round *r, struct wess_field *fields, size_t n)
{
    struct wess_result out;
    struct wess_op op = {.what = WESS_CREATE, .item = {.fields = fields, .n_fields = n}};
    r->b->call.collection = "calendar";
    round_write(r, &op, &out, "created");
    return box_fetch(r->b, out.id);
}

static struct wess_result change(struct round *r, const struct wess_item *now,
                                 struct wess_field *fields, size_t n)
{
    struct wess_result out;
    struct wess_op op = {.what = WESS_UPDATE,
                         .before = now,
                         .item = {.id = now->id, .fields = fields, .n_fields = n}};
    assert_int_equal(box_apply(r->b, &op, 1, &out), WESS_OK);
    return out;
}

/* Days are days in whatever zone their midnights are told. */
static void test_ews_events__whole_days_stay_whole_days(void **state)
{
    static const char *const zones[] = {"Etc/UTC", "Pacific/Auckland", "America/Los_Angeles",
                                        "Asia/Kolkata", "Europe/London"};
    struct round r = {*state, &round_event, 0, 0};
    for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
        size_t n = 0;
        while (r.b->settings[n].name && strcmp(r.b->settings[n].name, "time_zone"))
            n++;
        r.b->settings[n] = (struct testhost_setting){"time_zone", zones[i]};
        box_open(r.b, "calendar", n + 1, 0);
        /* One day, and one across a change of the clocks. */
        struct wess_field one[] = {round_text("summary", "Round day"),
                                   round_day("start", "2030-07-04")};
        struct wess_field more[] = {round_text("summary", "Round days"),
                                    round_day("start", "2030-03-29"),
                                    round_day("end", "2030-04-02")};
        struct wess_item now = make(&r, one, 2);
        assert_string_equal(test_text(&now, "start"), "2030-07-04");
        assert_string_equal(test_text(&now, "end"), "2030-07-05");
        now = make(&r, more, 3);
        assert_string_equal(test_text(&now, "start"), "2030-03-29");
        assert_string_equal(test_text(&now, "end"), "2030-04-02");
        /* From days to hours, and back. */
        struct wess_field hours[] = {round_at("start", "2030-03-29T09:00:00", "Europe/Paris", 0),
                                     round_at("end", "2030-03-29T10:00:00", "Europe/Paris", 0)};
        assert_int_equal(change(&r, &now, hours, 2).code, WESS_OK);
        now = box_fetch(r.b, now.id);
        assert_string_equal(test_field(&now, "start")->time.local, "2030-03-29T09:00:00");
        assert_true(test_field(&now, "start")->time.ms == 1901001600000);
        assert_int_equal(change(&r, &now, more + 1, 2).code, WESS_OK);
        now = box_fetch(r.b, now.id);
        assert_string_equal(test_text(&now, "end"), "2030-04-02");
    }
}

/* Wall clocks by hand: summer, winter, the hour that comes twice, half hours, zones that are one.
 */
static void test_ews_events__times_keep_instant_and_zone(void **state)
{
    static const struct {
        const char *local, *zone;
        int64_t given, ms;
        const char *shows;
    } rows[] = {
        {"2030-07-04T09:00:00", "Europe/Berlin", 0, 1909378800000, "Europe/Berlin"},
        {"2030-12-04T09:00:00", "Europe/Berlin", 0, 1922601600000, "Europe/Berlin"},
        {"2030-07-04T09:00:00", "Europe/Vienna", 0, 1909378800000, "Europe/Berlin"},
        {"2030-07-04T09:00:00", "Asia/Kolkata", 0, 1909366200000, "Asia/Calcutta"},
        {"2030-07-04T09:00:00", "America/New_York", 0, 1909400400000, "America/New_York"},
        {"2030-10-27T01:30:00", "Europe/London", 1919291400000, 1919291400000, "Europe/London"},
        {"2030-10-27T01:30:00", "Europe/London", 1919295000000, 1919295000000, "Europe/London"},
        {"2030-07-04T09:00:00", "Etc/UTC", 0, 1909386000000, "Etc/UTC"},
    };
    struct round r = {*state, &round_event, 0, 0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wess_field of[] = {round_text("summary", "Round time"),
                                  round_at("start", rows[i].local, rows[i].zone, rows[i].given)};
        struct wess_item now = make(&r, of, 2);
        const struct wess_field *start = test_field(&now, "start");
        assert_non_null(start);
        if (start->time.ms != rows[i].ms || strcmp(start->time.zone, rows[i].shows) ||
            strcmp(start->time.local, rows[i].local))
            fail_msg("row %zu: %s %s %lld", i, start->time.local, start->time.zone,
                     (long long)start->time.ms);
    }
}

static void test_ews_events__an_event_that_cannot_be_is_refused_by_its_field(void **state)
{
    struct round r = {*state, &round_event, 0, 0};
    static const char utc[] = "Etc/UTC";
    const struct {
        struct wess_field of[3];
        const char *field;
    } rows[] = {
        {{round_text("summary", "x"), round_text("location", "y"), round_text("description", "z")},
         "start"},
        {{round_at("start", "2030-07-04T09:00:00", utc, 0),
          round_at("end", "2030-07-04T08:00:00", utc, 0), round_text("summary", "x")},
         "end"},
        {{round_day("start", "2030-07-04"), round_at("end", "2030-07-04T08:00:00", utc, 0),
          round_text("summary", "x")},
         "end"},
        {{round_day("start", "2030-01-31"), round_text("rrule", "FREQ=MONTHLY;BYMONTHDAY=31"),
          round_text("summary", "x")},
         "rrule"},
    };
    r.b->call.collection = "calendar";
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wess_op op = {.what = WESS_CREATE, .item = {.fields = rows[i].of, .n_fields = 3}};
        struct wess_result out;
        assert_int_equal(box_apply(r.b, &op, 1, &out), WESS_OK);
        assert_int_equal(out.code, WESS_REJECTED);
        assert_int_equal(out.n_refused, 1);
        assert_string_equal(out.refused[0].field, rows[i].field);
    }
}

/* A reminder of the past would ring at once; one of a series has others to come. */
static void test_ews_events__no_reminder_is_of_the_past(void **state)
{
    struct round r = {*state, &round_event, 0, 0};
    struct wess_field fields[] = {round_text("summary", "Round past"),
                                  round_at("start", "2020-07-06T09:00:00", "Europe/Berlin", 0),
                                  {.name = "alarm", .type = WESS_INT, .num = 15},
                                  round_text("rrule", "FREQ=WEEKLY;BYDAY=MO")};
    struct wess_item now = make(&r, fields, 3);
    assert_null(test_field(&now, "alarm"));
    now = make(&r, fields, 4);
    assert_int_equal(test_field(&now, "alarm")->num, 15);
    fields[1] = round_at("start", "2040-07-02T09:00:00", "Europe/Berlin", 0);
    now = make(&r, fields, 3);
    assert_int_equal(test_field(&now, "alarm")->num, 15);
}

static int64_t sent(struct box *b)
{
    json_t *answer = box_control(b, "exchange/outbox?mailbox=x");
    int64_t n = box_number(answer, "sent");
    json_decref(answer);
    return n;
}

/* People come and go, and nobody is told. */
static void test_ews_events__attendees_are_kept_and_never_told(void **state)
{
    struct round r = {*state, &round_event, 0, 0};
    struct wess_field ada[] = {round_text("value", "Ada@Example.com"),
                               round_text("cn", "Ada \U0001f4d3"),
                               round_text("role", "REQ-PARTICIPANT")};
    struct wess_field ben[] = {round_text("value", "ben@example.com"), round_text("cn", "Ben"),
                               round_text("role", "OPT-PARTICIPANT")};
    struct wess_field room[] = {round_text("value", "room@example.com"), round_text("cn", "Room"),
                                round_text("role", "NON-PARTICIPANT")};
    struct wess_record of[] = {
        {"ada@example.com", ada, 3}, {"ben@example.com", ben, 3}, {"room@example.com", room, 3}};
    struct wess_field all = {.name = "attendees", .type = WESS_RECORDS, .records = {of, 3}};
    struct wess_field two = {.name = "attendees", .type = WESS_RECORDS, .records = {of + 1, 2}};
    struct wess_field fields[] = {round_text("summary", "Round table"),
                                  round_at("start", "2030-07-04T09:00:00", "Europe/Berlin", 0),
                                  all};
    struct wess_item now = make(&r, fields, 3);
    assert_true(round_same(test_field(&now, "attendees"), &all));
    assert_non_null(test_text(&now, "organizer"));
    assert_int_equal(change(&r, &now, &two, 1).code, WESS_OK);
    now = box_fetch(r.b, now.id);
    assert_true(round_same(test_field(&now, "attendees"), &two));
    struct wess_op op = {.what = WESS_DELETE, .before = &now, .item = {.id = now.id}};
    struct wess_result out;
    round_write(&r, &op, &out, "deleted");
    assert_int_equal(sent(r.b), 0);
}

static const char *person(struct box *b, const char *more)
{
    const json_t *of = json_object_get(json_object_get(b->info, "exchange"), "mailboxes");
    const char *address = json_string_value(json_object_get(json_array_get(of, 0), "address"));
    json_t *made = box_control(b, "exchange/create?mailbox=%s&kind=CalendarItem&%s", address, more);
    const char *id = json_string_value(json_object_get(made, "id"));
    char *copy = b->th.host.alloc(&b->th.arena, strlen(id) + 1);
    strcpy(copy, id);
    json_decref(made);
    return copy;
}

/* Of somebody else's meeting only reminder, categories and show-as are written. */
static void test_ews_events__somebody_elses_meeting_is_left_alone(void **state)
{
    struct round r = {*state, &round_event, 0, 0};
    static const char *const tags[] = {"Workbooks"};
    r.b->call.collection = "calendar";
    struct wess_item now = box_fetch(
        r.b, person(r.b, "Subject=Round&Start=2030-07-04T07:00:00Z&End=2030-07-04T08:00:00Z"
                         "&MyResponseType=Accept&StartTimeZone=W.%20Europe%20Standard%20Time"));
    struct wess_field ours[] = {{.name = "alarm", .type = WESS_INT, .num = 30},
                                round_text("busystatus", "FREE"),
                                {.name = "categories", .type = WESS_SET, .set = {tags, 1}}};
    struct wess_field theirs[] = {ours[0], round_text("location", "Elsewhere")};
    struct wess_result out = change(&r, &now, theirs, 2);
    assert_int_equal(out.code, WESS_REJECTED);
    assert_int_equal(out.n_refused, 1);
    assert_string_equal(out.refused[0].field, "location");
    assert_int_equal(change(&r, &now, ours, 3).code, WESS_OK);
    now = box_fetch(r.b, now.id);
    assert_int_equal(test_field(&now, "alarm")->num, 30);
    assert_string_equal(test_text(&now, "busystatus"), "FREE");
    assert_null(test_field(&now, "location"));
    assert_string_equal(test_field(&now, "start")->time.local, "2030-07-04T09:00:00");
    assert_int_equal(sent(r.b), 0);
}

/* By the date on which they were to be, whatever hour the server tells; and not overwritten. */
static void test_ews_events__changed_occurrences_are_shown_and_kept(void **state)
{
    struct round r = {*state, &round_event, 0, 0};
    r.b->call.collection = "calendar";
    struct wess_item now = box_fetch(
        r.b,
        person(r.b,
               "Subject=Round&Start=2030-09-02T07:00:00Z&End=2030-09-02T08:00:00Z"
               "&StartTimeZone=W.%20Europe%20Standard%20Time"
               "&Recurrence=%3Ct:DailyRecurrence%3E%3Ct:Interval%3E1%3C/t:Interval%3E"
               "%3C/t:DailyRecurrence%3E%3Ct:NoEndRecurrence%3E%3Ct:StartDate%3E2030-09-02"
               "%3C/t:StartDate%3E%3C/t:NoEndRecurrence%3E"
               "&ModifiedOccurrences=%3Ct:Occurrence%3E%3Ct:ItemId%20Id=%22x%22/%3E"
               "%3Ct:Start%3E2030-11-05T12:00:00Z%3C/t:Start%3E"
               "%3Ct:End%3E2030-11-05T13:00:00Z%3C/t:End%3E"
               "%3Ct:OriginalStart%3E2030-11-04T23:00:00Z%3C/t:OriginalStart%3E%3C/t:Occurrence%3E"
               "&DeletedOccurrences=%3Ct:DeletedOccurrence%3E%3Ct:Start%3E2030-11-06T08:00:00Z"
               "%3C/t:Start%3E%3C/t:DeletedOccurrence%3E"));
    assert_string_equal(test_text(&now, "rrule"), "FREQ=DAILY");
    assert_true(test_field(&now, "start")->time.ms == 0); /* it recurs: by local time and zone */
    assert_string_equal(test_field(&now, "start")->time.local, "2030-09-02T09:00:00");
    assert_int_equal(test_field(&now, "overrides")->records.n, 2);
    const struct wess_record *moved = test_record(&now, "overrides", "2030-11-05");
    const struct wess_record *gone = test_record(&now, "overrides", "2030-11-06");
    assert_non_null(moved);
    assert_string_equal(moved->fields[0].time.local, "2030-11-05T13:00:00");
    assert_string_equal(test_record_text(gone, "status"), "CANCELLED");
    struct wess_field later = round_at("start", "2030-09-02T10:00:00", "Europe/Berlin", 0);
    struct wess_field rename = round_text("summary", "Round still");
    struct wess_result out = change(&r, &now, &later, 1);
    assert_int_equal(out.code, WESS_REJECTED);
    assert_string_equal(out.refused[0].field, "start");
    assert_int_equal(change(&r, &now, &rename, 1).code, WESS_OK);
    now = box_fetch(r.b, now.id);
    assert_int_equal(test_field(&now, "overrides")->records.n, 2);
}

static struct wess_result change_day(struct round *r, const struct wess_item *now, const char *from,
                                     const char *to, const char *summary)
{
    struct wess_field parts[] = {round_day("start", from), round_day("end", to),
                                 round_text("summary", summary ? summary : "")};
    struct wess_record one = {"2030-09-09", parts, summary ? 3 : 2};
    struct wess_field all = {.name = "overrides", .type = WESS_RECORDS, .records = {&one, 1}};
    return change(r, now, &all, 1);
}

/* A day of a series of days is one wherever it is moved to, and where it is put back. */
static void test_ews_events__a_changed_day_of_a_series_stays_a_day(void **state)
{
    struct round r = {*state, &round_event, 0, 0};
    struct wess_field fields[] = {round_text("summary", "Round week"),
                                  round_day("start", "2030-09-02"), round_day("end", "2030-09-03"),
                                  round_text("rrule", "FREQ=WEEKLY;BYDAY=MO")};
    struct wess_field none = {.name = "overrides", .type = WESS_NULL};
    struct wess_item now = make(&r, fields, 4);
    assert_int_equal(change_day(&r, &now, "2030-09-10", "2030-09-11", NULL).code, WESS_OK);
    now = box_fetch(r.b, now.id);
    const struct wess_record *one = test_record(&now, "overrides", "2030-09-09");
    assert_non_null(one);
    assert_int_equal(one->fields[0].type, WESS_DATE);
    assert_string_equal(one->fields[0].str.data, "2030-09-10");
    assert_string_equal(one->fields[1].str.data, "2030-09-11");
    assert_int_equal(change_day(&r, &now, "2030-09-10", "2030-09-11", "Other").code, WESS_OK);
    now = box_fetch(r.b, now.id);
    one = test_record(&now, "overrides", "2030-09-09");
    assert_int_equal(one->fields[0].type, WESS_DATE);
    assert_string_equal(test_record_text(one, "summary"), "Other");
    assert_int_equal(change(&r, &now, &none, 1).code, WESS_OK);
    now = box_fetch(r.b, now.id);
    one = test_record(&now, "overrides", "2030-09-09");
    if (one)
        assert_string_equal(one->fields[0].str.data, "2030-09-09");
}

/* Found by its UID as well, which Exchange cannot be asked for by name. */
static void test_ews_events__an_event_is_found_by_its_uid(void **state)
{
    struct round r = {*state, &round_event, 0, 0};
    struct wess_page page;
    static const char *const uids[] = {"round-1@example.com", NULL};
    for (size_t i = 0; i < 2; i++) {
        struct wess_field fields[] = {round_text("summary", "Round uid"),
                                      round_at("start", "2030-07-04T09:00:00", "Europe/Berlin", 0),
                                      round_text("uid", uids[i] ? uids[i] : "")};
        struct wess_item now = make(&r, fields, uids[i] ? 3 : 2);
        const char *key = r.b->th.host.fold(&r.b->th.arena, test_text(&now, "uid"));
        assert_true(test_has_key(&now, "uid", key));
        struct wess_key of = {"uid", key}, other = {"uid", "round-2@example.com"};
        assert_int_equal(r.b->c->find(&r.b->call, &of, 1, &page), WESS_OK);
        assert_int_equal(page.n, 1);
        assert_string_equal(page.changes[0].item.id, now.id);
        assert_true(page.flags & WESS_PAGE_LAST);
        /* Of one that others made, in capitals perhaps, nothing is claimed. */
        assert_int_equal(r.b->c->find(&r.b->call, &other, 1, &page), WESS_OK);
        assert_int_equal(page.n, 0);
        assert_false(page.flags & WESS_PAGE_LAST);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, round_set_up, box_tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ews_events__of_an_event_go_round),
        TEST(test_ews_events__whole_days_stay_whole_days),
        TEST(test_ews_events__times_keep_instant_and_zone),
        TEST(test_ews_events__an_event_that_cannot_be_is_refused_by_its_field),
        TEST(test_ews_events__no_reminder_is_of_the_past),
        TEST(test_ews_events__attendees_are_kept_and_never_told),
        TEST(test_ews_events__somebody_elses_meeting_is_left_alone),
        TEST(test_ews_events__changed_occurrences_are_shown_and_kept),
        TEST(test_ews_events__a_changed_day_of_a_series_stays_a_day),
        TEST(test_ews_events__an_event_is_found_by_its_uid),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
