/* Tasks and events that no rule and no override can say whole: what is read of them, and what a
 * write leaves alone. */
#include "ews_replay.h"

#define FOLDER(id)                                                                                 \
    M_OK("GetFolder",                                                                              \
         "<m:Folders><t:Folder><t:FolderId Id=\"" id "\" ChangeKey=\"k\"/></t:Folder>"             \
         "</m:Folders>")
#define EVENT(id, key, inner)                                                                      \
    "<t:CalendarItem><t:ItemId Id=\"" id "\" ChangeKey=\"" key "\"/>" inner "</t:CalendarItem>"
#define GOT(inner) M_OK("GetItem", ITEMS(inner))
#define UPDATED(id, key) M_OK("UpdateItem", ITEMS(EVENT(id, key, "")))

static struct wess_field text(const char *name, const char *value)
{
    return (struct wess_field){.name = name, .type = WESS_TEXT, .str = {value, strlen(value)}};
}

static struct wess_field day(const char *name, const char *date)
{
    struct wess_field f = text(name, date);
    f.type = WESS_DATE;
    return f;
}

static void begin(struct stage *t, const char *collection)
{
    stage_forget(t);
    stage_says(t, "GetFolder",
               FOLDER("F-contacts") FOLDER("F-bin") FOLDER("F-tasks") FOLDER("F-calendar"));
    ews_open(t, NULL);
    t->call.collection = collection;
}

static struct wess_result update(struct stage *t, const struct wess_item *before,
                                 const struct wess_field *of, size_t n)
{
    struct wess_op op = {.what = WESS_UPDATE,
                         .before = before,
                         .item = {.id = before->id, .fields = of, .n_fields = n}};
    struct wess_result out = {.code = WESS_UNKNOWN};
    t->call.error = (struct wess_error){0};
    t->c->apply(&t->call, &op, 1, &out);
    return out;
}

/* ---- recurrences that no rule says
 * ------------------------------------------------------------------------------------------ */

/* Two weeks after it was done it is to be done again: no rule says that, and it stays. */
static void test_ews__a_recurrence_that_no_rule_says_is_left_alone(void **state)
{
    struct stage *t = *state;
    struct wess_field was = day("start", "2030-02-01"), now = day("start", "2030-02-08");
    struct wess_item before = {.id = "a", .revision = "k1", .fields = &was, .n_fields = 1};
    begin(t, "tasks");
    stage_says(t, "UpdateItem",
               M_OK("UpdateItem", ITEMS("<t:Task><t:ItemId Id=\"a\" ChangeKey=\"k2\"/></t:Task>")));
    assert_int_equal(update(t, &before, &now, 1).code, WESS_OK);
    assert_non_null(strstr(stage_request(t, "UpdateItem", 0), "task:StartDate"));
    assert_null(strstr(stage_request(t, "UpdateItem", 0), "task:Recurrence"));
    /* Taken off by somebody it is taken off. */
    struct wess_field rule = text("rrule", "FREQ=DAILY"), none = {"rrule", .type = WESS_NULL};
    struct wess_field had[] = {was, rule}, both[] = {now, none};
    before.fields = had;
    before.n_fields = 2;
    assert_int_equal(update(t, &before, both, 2).code, WESS_OK);
    assert_non_null(strstr(stage_request(t, "UpdateItem", 1),
                           "<t:DeleteItemField><t:FieldURI FieldURI=\"task:Recurrence\"/>"));
}

/* ---- changed occurrences
 * ------------------------------------------------------------------------------------------ */

#define CHANGED(id, date)                                                                          \
    "<t:Occurrence><t:ItemId Id=\"" id "\" ChangeKey=\"k\"/><t:Start>" date                        \
    "T08:00:00Z</t:Start><t:End>" date "T09:00:00Z</t:End><t:OriginalStart>" date                  \
    "T07:00:00Z</t:OriginalStart></t:Occurrence>"
#define SERIES(changed)                                                                            \
    GOT(EVENT("s", "k1",                                                                           \
              "<t:Subject>Round</t:Subject><t:Start>2030-09-02T07:00:00Z</t:Start>"                \
              "<t:End>2030-09-02T08:00:00Z</t:End>"                                                \
              "<t:CalendarItemType>RecurringMaster</t:CalendarItemType><t:Recurrence>"             \
              "<t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence>"                  \
              "<t:NoEndRecurrence><t:StartDate>2030-09-02</t:StartDate></t:NoEndRecurrence>"       \
              "</t:Recurrence><t:ModifiedOccurrences>" changed "</t:ModifiedOccurrences>"))

static const char *series_is, *occurrences_are;

static bool by_id(struct stage *t, const char *op, const char *request, struct replay_reply *r)
{
    (void)t;
    if (strcmp(op, "GetItem"))
        return false;
    r->body = ews_envelope("GetItem", strstr(request, "Id=\"s\"") ? series_is : occurrences_are);
    return true;
}

static struct wess_result read_series(struct stage *t, const char *occurrences, enum wess_code want)
{
    static const char *const ids[] = {"s"};
    struct wess_result out = {.code = WESS_UNKNOWN};
    occurrences_are = occurrences;
    t->call.error = (struct wess_error){0};
    assert_int_equal(t->c->fetch(&t->call, (struct wess_list){ids, 1}, &out), want);
    return out;
}

/* What is not told of one counts as taken off: then the series is not told either. */
static void test_ews__a_series_is_told_with_all_its_occurrences_or_not_at_all(void **state)
{
    struct stage *t = *state;
    series_is = SERIES(CHANGED("o1", "2030-09-03") CHANGED("o2", "2030-09-04"));
    begin(t, "calendar");
    t->hook = by_id;
#define ONE GOT(EVENT("o1", "k", "<t:Subject>Other</t:Subject>"))
#define TWO GOT(EVENT("o2", "k", "<t:Subject>Round</t:Subject>"))
    struct wess_result r = read_series(t, ONE TWO, WESS_OK);
    assert_int_equal(r.code, WESS_OK);
    assert_string_equal(
        test_record_text(test_record(r.current, "overrides", "2030-09-03"), "summary"), "Other");
    static const struct {
        const char *says;
        enum wess_code call, series;
    } rows[] = {
        {M_BAD("GetItem", "ErrorInternalServerError") TWO, WESS_OK, WESS_TRANSIENT},
        {M_BAD("GetItem", "ErrorItemCorrupt") TWO, WESS_OK, WESS_REJECTED},
        {M_OK("GetItem", "<m:Items/>") TWO, WESS_OK, WESS_TRANSIENT},
        {TWO M_BAD("GetItem", "ErrorServerBusy"), WESS_THROTTLED, WESS_THROTTLED},
        {M_BAD("GetItem", "ErrorMailboxStoreUnavailable")
             M_BAD("GetItem", "ErrorBatchProcessingStopped"),
         WESS_TRANSIENT, WESS_TRANSIENT},
        {ONE, WESS_TRANSIENT, WESS_OK},
        {ONE TWO TWO TWO, WESS_TRANSIENT, WESS_OK},
        {M_BAD("GetItem", "ErrorItemNotFound") TWO, WESS_OK, WESS_OK},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        r = read_series(t, rows[i].says, rows[i].call);
        assert_int_equal(r.code, rows[i].series);
        assert_true(r.code == WESS_OK || !r.current);
    }
}

/* What stands there and is in no field of ours, or was cleared, is left alone. */
static void test_ews__of_an_occurrence_only_what_changed_is_written(void **state)
{
    struct stage *t = *state;
    struct wess_field at = {.name = "start", .type = WESS_TIME};
    at.time = (struct wess_time){"2030-09-03T10:00:00", "Europe/Berlin", 0};
    struct wess_field series[] = {at,
                                  at,
                                  text("rrule", "FREQ=DAILY"),
                                  text("location", "Room"),
                                  {.name = "overrides", .type = WESS_RECORDS}};
    struct wess_field was[] = {at, at}, now[] = {at, at, text("summary", "Other")};
    struct wess_record had = {"2030-09-03", was, 2}, have = {"2030-09-03", now, 3};
    struct wess_field said = {.name = "overrides", .type = WESS_RECORDS, .records = {&have, 1}};
    struct wess_item before = {.id = "s", .revision = "k1", .fields = series, .n_fields = 5};
    series[0].time.local = "2030-09-02T09:00:00";
    series[1] = series[0];
    series[1].name = was[1].name = now[1].name = "end";
    series[1].time.local = "2030-09-02T10:00:00";
    was[1].time.local = now[1].time.local = "2030-09-03T11:00:00";
    series[4].records = (struct wess_records){&had, 1};
    begin(t, "calendar");
    stage_says(t, "GetItem", GOT(EVENT("s", "k1", "")));
    stage_says(t, "UpdateItem", UPDATED("o1", "k2"));
    assert_int_equal(update(t, &before, &said, 1).code, WESS_OK);
    const char *q = stage_request(t, "UpdateItem", 0);
    assert_non_null(strstr(q, "InstanceIndex=\"2\""));
    assert_non_null(strstr(q, "<t:Subject>Other</t:Subject>"));
    assert_null(strstr(q, "Start"));
    assert_null(strstr(q, "Location"));
    assert_null(strstr(q, "LegacyFreeBusyStatus"));
    /* Another beginning alone: it is as long as the others. */
    now[0].time.local = "2030-09-03T20:00:00";
    have.n = 1;
    assert_int_equal(update(t, &before, &said, 1).code, WESS_OK);
    q = stage_request(t, "UpdateItem", 1);
    assert_non_null(strstr(q, "<t:Start>2030-09-03T18:00:00Z</t:Start>"));
    assert_non_null(strstr(q, "<t:End>2030-09-03T19:00:00Z</t:End>"));
    assert_null(strstr(q, "Subject"));
}

/* Who is known by a directory path alone is in no field of ours: a new list would lose him. */
static void test_ews__people_without_an_address_are_not_lost(void **state)
{
    struct stage *t = *state;
#define PERSON(mailbox) "<t:Attendee><t:Mailbox>" mailbox "</t:Mailbox></t:Attendee>"
#define BEN PERSON("<t:Name>Ben</t:Name><t:EmailAddress>ben@x.org</t:EmailAddress>")
    static const char *const lost[] = {
        PERSON("<t:Name>Ada</t:Name><t:EmailAddress>/o=X/cn=ada</t:EmailAddress>"
               "<t:RoutingType>EX</t:RoutingType>"),
        PERSON("<t:Name>Team</t:Name><t:MailboxType>PrivateDL</t:MailboxType>")};
    struct wess_field value = text("value", "eve@x.org");
    struct wess_record eve = {"eve@x.org", &value, 1};
    struct wess_field people = {.name = "attendees", .type = WESS_RECORDS, .records = {&eve, 1}};
    struct wess_field place = text("location", "Room"), start = {"start", .type = WESS_TIME};
    start.time = (struct wess_time){"2030-09-02T09:00:00", "Europe/Berlin", 1914649200000};
    struct wess_item before = {.id = "s", .revision = "k1", .fields = &start, .n_fields = 1};
    for (size_t i = 0; i < 2; i++) {
        char *list = NULL;
        assert_true(
            asprintf(&list,
                     GOT(EVENT("s", "k1", "<t:OptionalAttendees>" BEN "%s</t:OptionalAttendees>")),
                     lost[i]) > 0);
        begin(t, "calendar");
        stage_says(t, "GetItem", list);
        stage_says(t, "UpdateItem", UPDATED("s", "k2"));
        struct wess_result out = update(t, &before, &people, 1);
        assert_int_equal(out.code, WESS_REJECTED);
        assert_string_equal(out.refused[0].field, "attendees");
        assert_int_equal(stage_asked(t, "UpdateItem"), 0);
        assert_int_equal(update(t, &before, &place, 1).code, WESS_OK);
        stage_forget(t);
        free(list);
    }
    begin(t, "calendar");
    stage_says(t, "GetItem",
               GOT(EVENT("s", "k1", "<t:OptionalAttendees>" BEN "</t:OptionalAttendees>")));
    stage_says(t, "UpdateItem", UPDATED("s", "k2"));
    assert_int_equal(update(t, &before, &people, 1).code, WESS_OK);
}

/* Before all of them are written anew each is looked at; what passes is no reason to refuse it. */
static void test_ews__a_series_is_not_written_anew_unseen(void **state)
{
    struct stage *t = *state;
    static const struct {
        const char *says;
        enum wess_code code;
    } rows[] = {{ONE, WESS_NOT_TRIED},
                {M_BAD("GetItem", "ErrorServerBusy") TWO, WESS_THROTTLED},
                {M_BAD("GetItem", "ErrorInternalServerError") TWO, WESS_TRANSIENT},
                {M_BAD("GetItem", "ErrorItemNotFound") TWO, WESS_REJECTED},
                {M_BAD("GetItem", "ErrorItemCorrupt") TWO, WESS_REJECTED}};
    struct wess_field at = {.name = "start", .type = WESS_TIME}, part = text("summary", "Other");
    struct wess_record of[] = {{"2030-09-03", &part, 1}, {"2030-09-04", &part, 1}};
    at.time = (struct wess_time){"2030-09-02T09:00:00", "Etc/UTC", 0};
    struct wess_field had[] = {
        at, text("rrule", "FREQ=DAILY"), {"overrides", .type = WESS_RECORDS, .records = {of, 2}}};
    struct wess_item before = {.id = "s", .revision = "k1", .fields = had, .n_fields = 3};
    series_is = SERIES(CHANGED("o1", "2030-09-03") CHANGED("o2", "2030-09-04"));
    at.time.local = "2030-09-02T10:00:00";
    begin(t, "calendar");
    t->hook = by_id;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        occurrences_are = rows[i].says;
        assert_int_equal(update(t, &before, &at, 1).code, rows[i].code);
    }
    assert_int_equal(stage_asked(t, "UpdateItem"), 0);
}

/* ---- reminders
 * ------------------------------------------------------------------------------------------ */

/* Outlook's "the usual" is a number that no clock counts; more than five years no server takes. */
static void test_ews__a_reminder_is_within_what_exchange_counts(void **state)
{
    struct stage *t = *state;
    static const char *const ids[] = {"s"};
    struct wess_result out = {.code = WESS_UNKNOWN};
    struct wess_field start = {"start", .type = WESS_TIME};
    start.time = (struct wess_time){"2030-09-02T09:00:00", "Europe/Berlin", 1914649200000};
    struct wess_item before = {.id = "s", .revision = "k1", .fields = &start, .n_fields = 1};
    struct wess_field late = {"alarm", .type = WESS_INT, .num = 2629801};
    begin(t, "calendar");
    stage_says(t, "GetItem",
               GOT(EVENT("s", "k1",
                         "<t:ReminderIsSet>true</t:ReminderIsSet><t:ReminderMinutesBeforeStart>"
                         "1525252321</t:ReminderMinutesBeforeStart>"
                         "<t:Start>2030-09-02T07:00:00Z</t:Start>"
                         "<t:End>2030-09-02T08:00:00Z</t:End>")));
    stage_says(t, "UpdateItem", UPDATED("s", "k2"));
    assert_int_equal(t->c->fetch(&t->call, (struct wess_list){ids, 1}, &out), WESS_OK);
    assert_int_equal(test_field(out.current, "alarm")->num, 15);
    out = update(t, &before, &late, 1);
    assert_int_equal(out.code, WESS_REJECTED);
    assert_string_equal(out.refused[0].field, "alarm");
    late.num--;
    assert_int_equal(update(t, &before, &late, 1).code, WESS_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ews_set_up, stage_tear_down)
int ews_run_calendar_tests(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ews__a_recurrence_that_no_rule_says_is_left_alone),
        TEST(test_ews__a_series_is_told_with_all_its_occurrences_or_not_at_all),
        TEST(test_ews__of_an_occurrence_only_what_changed_is_written),
        TEST(test_ews__people_without_an_address_are_not_lost),
        TEST(test_ews__a_series_is_not_written_anew_unseen),
        TEST(test_ews__a_reminder_is_within_what_exchange_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
