/* Series in calendar files: deleted and changed occurrences, and their series at another hour. */
#include "vdir_ics.h"

/* ---- series
 * ------------------------------------------------------------------------------------------ */

#define MASTER                                                                                     \
    "BEGIN:VEVENT\r\nUID:s\r\nDTSTART;TZID=Europe/Berlin:20300902T090000\r\n"                      \
    "DTEND;TZID=Europe/Berlin:20300902T100000\r\nSUMMARY:All\r\nX-KEPT:1\r\n"                      \
    "RRULE:FREQ=WEEKLY;UNTIL=20301230T080000Z\r\nEXDATE;TZID=Europe/Berlin:20300909T090000,"       \
    "20300916T090000\r\nEND:VEVENT\r\n"
#define MOVED                                                                                      \
    "BEGIN:VEVENT\r\nUID:s\r\nRECURRENCE-ID:20301104T080000Z\r\n"                                  \
    "DTSTART;TZID=Europe/Berlin:20301105T130000\r\nDTEND;TZID=Europe/Berlin:20301105T140000\r\n"   \
    "SUMMARY:Moved\r\nX-THEIRS:2\r\nEND:VEVENT\r\n"

static void test_vdir_series__a_series(void **state)
{
    struct fixture *f = *state;
    look(f, CAL(MASTER MOVED));
    /* Its end is nine in Berlin in winter: that day belongs to it. */
    assert_string_equal(test_text(&f->item, "rrule"), "FREQ=WEEKLY;UNTIL=20301230");
    assert_int_equal(test_field(&f->item, "start")->time.ms, 0);
    const struct wess_field *o = test_field(&f->item, "overrides");
    assert_int_equal(o->records.n, 3);
    assert_string_equal(o->records.of[0].key, "2030-09-09");
    assert_string_equal(test_record_text(&o->records.of[0], "status"), "CANCELLED");
    assert_string_equal(o->records.of[2].key, "2030-11-04");
    assert_string_equal(test_record_text(&o->records.of[2], "summary"), "Moved");
    same_again(f, CAL(MASTER MOVED));
}

static void test_vdir_series__an_end_before_the_hour(void **state)
{
    struct fixture *f = *state;
    look(f, EVENT("DTSTART;TZID=Europe/Berlin:20300902T090000\r\n"
                  "RRULE:FREQ=DAILY;UNTIL=20301230T070000Z\r\n"));
    assert_string_equal(test_text(&f->item, "rrule"), "FREQ=DAILY;UNTIL=20301229");
}

static void test_vdir_series__occurrences_change(void **state)
{
    struct fixture *f = *state;
    struct wess_field gone = text("status", "CANCELLED"),
                      moved[] = {timed("start", "2030-11-05T13:00:00", "Europe/Berlin"),
                                 timed("end", "2030-11-05T14:00:00", "Europe/Berlin"),
                                 text("summary", "Moved again")},
                      fresh[] = {timed("start", "2030-09-23T11:00:00", "Europe/Berlin"),
                                 timed("end", "2030-09-23T12:00:00", "Europe/Berlin")};
    struct wess_record want[] = {{"2030-09-16", &gone, 1},
                                 {"2030-09-23", fresh, 2},
                                 {"2030-09-30", &gone, 1},
                                 {"2030-11-04", moved, 3}};
    struct wess_field w = {.name = "overrides", .type = WESS_RECORDS, .records = {want, 4}};
    const char *out = write_one(f, CAL(MASTER MOVED), w);
    assert_true(same_value(test_field(&f->item, "overrides"), &w));
    assert_non_null(strstr(out, "EXDATE;TZID=Europe/Berlin:20300916T090000\r\n"));
    assert_non_null(strstr(out, "EXDATE;TZID=Europe/Berlin:20300930T090000\r\n"));
    assert_non_null(strstr(out, "SUMMARY:Moved again\r\nX-THEIRS:2\r\n"));
    /* A new one is the series in all else. */
    assert_non_null(strstr(out, "RECURRENCE-ID;TZID=Europe/Berlin:20300923T090000\r\n"));
    const char *second = strstr(strstr(out, "X-KEPT:1") + 1, "X-KEPT:1");
    assert_non_null(second);
    assert_null(
        strstr(strstr(out, "X-KEPT:1") + 60, "RRULE:FREQ=WEEKLY;UNTIL=20301230T080000Z\r\nRRULE"));
    /* As the series again. */
    char *copy = strdup(out);
    out = write_one(f, copy, none("overrides"));
    free(copy);
    assert_null(strstr(out, "RECURRENCE-ID"));
    assert_null(strstr(out, "EXDATE"));
}

static void test_vdir_series__a_series_at_another_hour(void **state)
{
    struct fixture *f = *state;
    struct wess_field both[] = {timed("start", "2030-09-02T15:00:00", "Europe/London"),
                                timed("end", "2030-09-02T16:00:00", "Europe/London")};
    struct wess_op op = {.what = WESS_UPDATE, .item = {.fields = both, .n_fields = 2}};
    const char *out = apply(f, CAL(MASTER MOVED), &op);
    assert_int_equal(f->result.n_refused, 0);
    const struct wess_field *o = test_field(&f->item, "overrides");
    assert_int_equal(o->records.n, 3);
    assert_string_equal(o->records.of[0].key, "2030-09-09");
    assert_string_equal(o->records.of[2].key, "2030-11-04");
    assert_non_null(strstr(out, "EXDATE;TZID=Europe/London:20300909T150000,20300916T150000\r\n"));
    assert_non_null(strstr(out, "RECURRENCE-ID;TZID=Europe/London:20301104T150000\r\n"));
    assert_string_equal(test_text(&f->item, "rrule"), "FREQ=WEEKLY;UNTIL=20301230");
}

/* What an occurrence has of the series follows it; what it has of its own stays. */
static void test_vdir_series__occurrences_follow_the_series(void **state)
{
    struct fixture *f = *state;
    const char *file =
        CAL(MASTER MOVED "BEGIN:VEVENT\r\nUID:s\r\n"
                         "RECURRENCE-ID;TZID=Europe/Berlin:20301111T090000\r\n"
                         "DTSTART;TZID=Europe/Berlin:20301111T110000\r\nSUMMARY:All\r\n"
                         "END:VEVENT\r\n");
    const char *out = write_one(f, file, text("summary", "Every"));
    assert_null(strstr(out, "SUMMARY:All"));
    assert_non_null(strstr(out, "T110000\r\nSUMMARY:Every\r\n"));
    assert_non_null(strstr(out, "SUMMARY:Moved\r\nX-THEIRS:2\r\n"));
    /* A series no more: nothing of it is left over. */
    out = write_one(f, file, none("rrule"));
    assert_null(strstr(out, "RECURRENCE-ID"));
    assert_null(strstr(out, "EXDATE"));
    assert_int_equal(f->result.n_refused, 0);
}

/* The core has line ends and runs of spaces as one space; what nobody changed keeps its own. */
static void test_vdir_series__what_nobody_changed_keeps_its_spelling(void **state)
{
    static const char file[] =
        CAL(MASTER "BEGIN:VEVENT\r\nUID:s\r\nRECURRENCE-ID:20301104T080000Z\r\n"
                   "DTSTART;TZID=America/New_York:20301105T070000\r\n"
                   "DTEND;TZID=America/New_York:20301105T080000\r\n"
                   "SUMMARY:Moved  here\r\nLOCATION:A\\nB\r\nEND:VEVENT\r\n");
    struct fixture *f = *state;
    struct wess_field gone = text("status", "CANCELLED"),
                      moved[] = {timed("start", "2030-11-05T13:00:00", "Europe/Berlin"),
                                 timed("end", "2030-11-05T14:00:00", "Europe/Berlin"),
                                 text("summary", "Moved here"), text("location", "A B")};
    struct wess_record had[] = {{"2030-09-09", &gone, 1},
                                {"2030-09-16", &gone, 1},
                                {"2030-11-04", moved, 4}},
                       want[] = {{"2030-09-09", &gone, 1},
                                 {"2030-09-16", &gone, 1},
                                 {"2030-09-23", &gone, 1},
                                 {"2030-11-04", moved, 4}};
    struct wess_field before = {.name = "overrides", .type = WESS_RECORDS, .records = {had, 3}},
                      after = {.name = "overrides", .type = WESS_RECORDS, .records = {want, 4}};
    const struct wess_item was = {.fields = &before, .n_fields = 1};
    const struct wess_op op = {
        .what = WESS_UPDATE, .before = &was, .item = {.fields = &after, .n_fields = 1}};
    const char *out = apply(f, file, &op);
    assert_non_null(strstr(out, "EXDATE;TZID=Europe/Berlin:20300923T090000\r\n"));
    assert_string_equal(strstr(out, "BEGIN:VEVENT\r\nUID:s\r\nRECURRENCE-ID"),
                        strstr(file, "BEGIN:VEVENT\r\nUID:s\r\nRECURRENCE-ID"));
}

/* Somebody was invited to one occurrence alone. */
static void test_vdir_series__one_occurrence_alone(void **state)
{
    struct fixture *f = *state;
    const char *file = CAL(MOVED);
    look(f, file);
    assert_null(test_field(&f->item, "rrule"));
    assert_int_equal(test_field(&f->item, "start")->time.ms, 1920110400000);
    write_one(f, file, text("rrule", "FREQ=DAILY"));
    assert_int_equal(f->result.n_refused, 1);
    same_again(f, file);
}

static void test_vdir_series__what_is_there_twice_stays(void **state)
{
    static const char *const files[] = {
        EVENT("DTSTART:20300704T080000Z\r\nPRIORITY:01\r\nATTENDEE:mailto:a@x\r\n"
              "ATTENDEE;CN=A:mailto:A@x\r\nSUMMARY:a\r\nSUMMARY:b\r\n"),
        EVENT("DTSTART:20300704T080000Z\r\nRRULE:FREQ=DAILY\r\nEXDATE:20300705T080000Z,x\r\n"
              "EXDATE:20300705T080000Z\r\nRDATE:20300801T080000Z\r\n"),
        CAL(MASTER MOVED MOVED)};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        same_again(*state, files[i]);
    struct fixture *f = *state;
    const char *open = EVENT("DTSTART:20300704T080000Z\r\nORGANIZER;X=a\"b:mailto:a@x\r\n");
    write_one(f, open, text("organizer.cn", "Ada"));
    assert_string_equal(test_text(&f->item, "organizer.cn"), "Ada");
}

static void test_vdir_series__memory_spent_at_any_point(void **state)
{
    struct fixture *f = *state;
    enum wess_code rc = WESS_TOO_BIG;
    const char *file = CAL(MASTER MOVED);
    for (size_t at = 1; rc != WESS_OK; at++) {
        struct lines v;
        struct lines_fault fault;
        struct wess_field w[] = {text("summary", "x"), none("overrides"), text("organizer", "a@b")};
        struct wess_op op = {.what = WESS_UPDATE, .item = {.fields = w, .n_fields = 3}};
        struct wess_result r = {.code = WESS_UNKNOWN};
        testhost_drop(&f->th);
        assert_true(vdir_events.read(&v, file, strlen(file), &fault));
        f->th.arena.fail_at = at;
        rc = vdir_events.edit(&f->call, &v, &op, &r);
        if (rc == WESS_OK)
            rc = vdir_events.item(&f->call, &v, "a.ics", true, &f->item);
        f->th.arena.fail_at = 0;
        lines_fini(&v);
        assert_true(rc == WESS_OK || rc == WESS_TOO_BIG);
        assert_true(at < 2000);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_vdir_series__##name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_series),
        TEST(an_end_before_the_hour),
        TEST(occurrences_change),
        TEST(a_series_at_another_hour),
        TEST(occurrences_follow_the_series),
        TEST(what_nobody_changed_keeps_its_spelling),
        TEST(one_occurrence_alone),
        TEST(what_is_there_twice_stays),
        TEST(memory_spent_at_any_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
