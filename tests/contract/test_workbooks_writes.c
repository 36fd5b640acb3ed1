/* Writing people: what is sent, and what each sort of answer says of each record. */
#include "wb_replay.h"

#define DONE(rows, infos)                                                                          \
    "{\"success\":true,\"flash\":\"\",\"updates\":{},\"affected_objects\":[" rows                  \
    "],\"affected_object_information\":[" infos "]}"
#define FAILED(rows, infos)                                                                        \
    "{\"success\":false,\"affected_objects\":[" rows "],\"affected_object_information\":[" infos   \
    "]}"
#define OK_ "{\"success\":true,\"errors\":{},\"warnings\":{}}"
#define BAD_(errors) "{\"success\":false,\"errors\":" errors ",\"warnings\":{}}"
#define STALE "This record has already been updated elsewhere"
#define LOCK(id, lock) "{\"id\":" id ",\"lock_version\":" lock "}"

static const struct wess_field title[] = {TEXT_FIELD("title", "Keeper")};
static const struct wess_item before[] = {
    {.id = "501", .revision = "4"}, {.id = "502", .revision = "9"}, {.id = "503", .revision = "0"}};

static struct wess_op update(size_t i)
{
    return (struct wess_op){
        .what = WESS_UPDATE,
        .before = &before[i],
        .item = {.id = before[i].id, .fields = title, .n_fields = 1},
    };
}

static struct wess_op removal(size_t i)
{
    return (struct wess_op){
        .what = WESS_DELETE, .before = &before[i], .item = {.id = before[i].id}};
}

static struct wess_op create(const char *stamp, uint32_t flags, const struct wess_field *f,
                             size_t n)
{
    return (struct wess_op){
        .what = WESS_CREATE, .stamp = stamp, .flags = flags, .item = {.fields = f, .n_fields = n}};
}

/* ---- what is sent
 * ------------------------------------------------------------------------------------------ */

static void test_workbooks__one_square_array(void **state)
{
    static const struct wess_field person[] = {TEXT_FIELD("name.given", "Zoe"),
                                               TEXT_FIELD("name.family", "Z"),
                                               TEXT_FIELD("note", "a & b\n:no_value:"),
                                               {.name = "url", .type = WESS_NULL}};
    struct stage *t = *state;
    struct wess_op ops[] = {update(0), create("st9", 0, person, 4), removal(1)};
    stage_says(t, WB_PUT,
               DONE(LOCK("501", "5") ",{\"id\":600,\"lock_version\":0,\"name\":\"Zoe Z\"},"
                                     "" LOCK("502", "9"),
                    OK_ "," OK_ "," OK_));
    struct wess_result *r = wb_apply(t, ops, 3, WESS_OK);
    assert_int_equal(r[0].code, WESS_OK);
    assert_string_equal(r[0].id, "501");
    assert_string_equal(r[0].revision, "5");
    assert_int_equal(r[1].code, WESS_OK);
    assert_string_equal(r[1].id, "600");
    assert_string_equal(test_text(r[1].current, "fn"), "Zoe Z");
    assert_int_equal(r[2].code, WESS_OK);
    const char *request = stage_request(t, WB_PUT, 0);
    static const char *const columns[][4] = {
        {"__method[]", "PUT", "POST", "DELETE"},
        {"id[]", "501", "0", "502"},
        {"lock_version[]", "4", "0", "9"},
        {"person_job_title[]", "Keeper", ":no_value:", ":no_value:"},
        {"person_first_name[]", ":no_value:", "Zoe", ":no_value:"},
        {"name[]", ":no_value:", "Zoe Z", ":no_value:"},
        {"party_notes[]", ":no_value:", "<p>a &amp; b<br>:no_value:</p>", ":no_value:"},
        {"website[]", ":no_value:", ":null_value:", ":no_value:"},
        {"created_through_reference[]", ":no_value:", "st9", ":no_value:"}};
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
        for (size_t k = 0; k < 3; k++)
            assert_string_equal(wb_param(request, columns[i][0], k), columns[i][k + 1]);
}

static bool all_done(struct stage *t, const char *kind, const char *request, struct replay_reply *r)
{
    size_t n = wb_params(request, "__method[]");
    char *rows = calloc(1, n * 80 + 200), *at = rows;
    (void)t;
    if (strcmp(kind, WB_PUT)) {
        free(rows);
        return false;
    }
    assert_non_null(rows);
    at += sprintf(at, "{\"success\":true,\"affected_objects\":[");
    for (size_t i = 0; i < n; i++)
        at += sprintf(at, "%s{\"id\":%s,\"lock_version\":7}", i ? "," : "",
                      wb_param(request, "id[]", i));
    strcpy(at, "]}");
    r->body = rows;
    return true;
}

static void test_workbooks__a_hundred_at_once(void **state)
{
    static char ids[250][8];
    static struct wess_item old[250];
    static struct wess_op ops[250];
    struct stage *t = *state;
    for (size_t i = 0; i < 250; i++) {
        snprintf(ids[i], sizeof(ids[i]), "%zu", i + 1);
        old[i] = (struct wess_item){.id = ids[i], .revision = "6"};
        ops[i] = (struct wess_op){.what = WESS_UPDATE,
                                  .before = &old[i],
                                  .item = {.id = ids[i], .fields = title, .n_fields = 1}};
    }
    t->hook = all_done;
    struct wess_result *r = wb_apply(t, ops, 250, WESS_OK);
    for (size_t i = 0; i < 250; i++) {
        assert_int_equal(r[i].code, WESS_OK);
        assert_string_equal(r[i].id, ids[i]);
    }
    assert_int_equal(stage_asked(t, WB_PUT), 3);
    assert_int_equal(wb_params(stage_request(t, WB_PUT, 2), "__method[]"), 50);
    /* One fails: those behind it are surely not applied. */
    t->hook = NULL;
    stage_says_status(t, WB_PUT, 503, "busy");
    r = wb_apply(t, ops, 250, WESS_THROTTLED);
    for (size_t i = 0; i < 250; i++)
        assert_int_equal(r[i].code, WESS_NOT_TRIED);
    assert_int_equal(stage_asked(t, WB_PUT), 4);
}

static const struct wess_field pref1 = {.name = "pref", .type = WESS_INT, .num = 1};

/* Of addresses and phones only what differs from what the operation was computed from. */
static void test_workbooks__only_columns_that_change(void **state)
{
    const struct wess_field old_mail[] = {TEXT_FIELD("value", "a@b"), pref1};
    const struct wess_field new_mail[] = {TEXT_FIELD("value", "A@b"), pref1};
    const struct wess_field work[] = {TEXT_FIELD("value", "123")};
    const struct wess_record was[] = {{"a@b", old_mail, 2}}, is[] = {{"a@b", new_mail, 2}};
    const struct wess_record phones[] = {{"work", work, 1}, {"mobile", work, 1}};
    const struct wess_field old[] = {
        {.name = "email", .type = WESS_RECORDS, .records = {was, 1}},
        {.name = "phone", .type = WESS_RECORDS, .records = {phones, 2}}};
    const struct wess_field new[] = {
        {.name = "email", .type = WESS_RECORDS, .records = {is, 1}},
        {.name = "phone", .type = WESS_RECORDS, .records = {phones, 1}},
        {.name = "address", .type = WESS_NULL}};
    const struct wess_item base = {.id = "501", .revision = "4", .fields = old, .n_fields = 2};
    const struct wess_op op = {
        .what = WESS_UPDATE, .before = &base, .item = {.id = "501", .fields = new, .n_fields = 3}};
    struct stage *t = *state;
    stage_says(t, WB_PUT, DONE(LOCK("501", "5"), OK_));
    assert_int_equal(wb_apply(t, &op, 1, WESS_OK)->code, WESS_OK);
    const char *request = stage_request(t, WB_PUT, 0);
    assert_string_equal(wb_param(request, "main_location[email][]", 0), "A@b");
    assert_string_equal(wb_param(request, "main_location[mobile][]", 0), ":null_value:");
    assert_null(wb_param(request, "main_location[telephone][]", 0));
    assert_null(wb_param(request, "main_location[alternate_email][]", 0));
    assert_null(wb_param(request, "main_location[town][]", 0));
}

static void test_workbooks__what_cannot_be_written_is_refused_here(void **state)
{
    static const struct wess_field reserved[] = {TEXT_FIELD("title", ":no_value:"),
                                                 TEXT_FIELD("role", ":null_value:"),
                                                 TEXT_FIELD("spouse", "no :no_value: inside")};
    static const struct wess_field nameless[] = {TEXT_FIELD("title", "x")};
    struct stage *t = *state;
    struct wess_op one = update(0);
    one.item.fields = reserved;
    one.item.n_fields = 3;
    stage_says(t, WB_PUT, DONE(LOCK("501", "5"), OK_));
    struct wess_result *r = wb_apply(t, &one, 1, WESS_OK);
    assert_int_equal(r->code, WESS_OK);
    assert_int_equal(r->n_refused, 2);
    assert_string_equal(r->refused[0].field, "title");
    assert_string_equal(r->refused[1].field, "role");
    const char *request = stage_request(t, WB_PUT, 0);
    assert_null(wb_param(request, "person_job_title[]", 0));
    assert_string_equal(wb_param(request, "spouse_name[]", 0), "no :no_value: inside");
    wb_forget(t);
    struct wess_op none = create("st1", 0, nameless, 1);
    r = wb_apply(t, &none, 1, WESS_OK);
    assert_int_equal(r->code, WESS_REJECTED);
    assert_int_equal(stage_asked(t, WB_PUT), 0);
}

static void test_workbooks__an_empty_note_is_cleared(void **state)
{
    static const struct wess_field empty[] = {TEXT_FIELD("note", "")};
    struct stage *t = *state;
    struct wess_op op = update(0);
    op.item.fields = empty;
    stage_says(t, WB_PUT, DONE(LOCK("501", "5"), OK_));
    wb_apply(t, &op, 1, WESS_OK);
    assert_string_equal(wb_param(stage_request(t, WB_PUT, 0), "party_notes[]", 0), ":null_value:");
}

/* A note of a megabyte, and an id of 512 bytes: both go whole. */
static void test_workbooks__large_notes_and_long_ids(void **state)
{
    struct stage *t = *state;
    const struct wess_host *h = &t->th.host;
    struct wess_spool *spool = NULL;
    size_t len = (size_t)1 << 20;
    char *text = malloc(len + 1), id[513] = "", *answer = NULL;
    struct wess_field note = {.name = "note", .type = WESS_BLOB};
    struct wess_item old = {.id = id, .revision = "1"};
    struct wess_op op = {
        .what = WESS_UPDATE, .before = &old, .item = {.id = id, .fields = &note, .n_fields = 1}};
    assert_non_null(text);
    memset(text, 'n', len);
    text[len] = 0;
    memset(id, '7', 512);
    assert_int_equal(h->blob_new(h->ctx, &spool), WESS_OK);
    assert_int_equal(h->blob_put(spool, text, len), WESS_OK);
    assert_int_equal(h->blob_done(spool, &t->th.arena, &note.blob), WESS_OK);
    assert_true(asprintf(&answer, DONE(LOCK("\"%s\"", "2"), OK_), id) > 0);
    stage_says(t, WB_PUT, answer);
    struct wess_result *r = wb_apply(t, &op, 1, WESS_OK);
    assert_int_equal(r->code, WESS_OK);
    assert_string_equal(r->id, id);
    const char *request = stage_request(t, WB_PUT, 0),
               *sent = wb_param(request, "party_notes[]", 0);
    assert_int_equal(strlen(sent), len + strlen("<p></p>"));
    assert_memory_equal(sent + 3, text, len);
    assert_string_equal(wb_param(request, "id[]", 0), id);
    /* What the host no longer has is not written as something else. */
    note.blob.digest = "nowhere";
    r = wb_apply(t, &op, 1, WESS_TOO_BIG);
    assert_int_equal(r->code, WESS_NOT_TRIED);
    assert_int_equal(stage_asked(t, WB_PUT), 1);
    free(answer);
    free(text);
}

/* ---- answers
 * ------------------------------------------------------------------------------------------ */

struct expected {
    const char *what, *body;
    enum wess_code call, of[3];
    const char *refused[3]; /* the field of each */
};

static void expect(struct stage *t, const struct expected *e, size_t n)
{
    struct wess_op ops[] = {update(0), update(1), update(2)};
    wb_forget(t);
    stage_says(t, WB_PUT, e->body);
    struct wess_result *r = wb_apply(t, ops, n, e->call);
    for (size_t i = 0; i < n; i++) {
        if (r[i].code != e->of[i])
            fail_msg("%s: record %zu is %d", e->what, i, (int)r[i].code);
        if (e->refused[i]) {
            assert_int_equal(r[i].n_refused, 1);
            assert_string_equal(r[i].refused[0].field, e->refused[i]);
            assert_null(strstr(r[i].refused[0].text, "secret"));
        } else {
            assert_int_equal(r[i].n_refused, 0);
        }
        assert_true(r[i].code != WESS_REJECTED || r[i].text);
        assert_true(!r[i].text || !strstr(r[i].text, "secret"));
    }
}

#define L3 LOCK("501", "5") "," LOCK("502", "10") "," LOCK("503", "1")
static void test_workbooks__each_record_has_its_verdict(void **state)
{
    static const struct expected of[] = {
        {"done", DONE(L3, OK_ "," OK_ "," OK_), WESS_OK, {WESS_OK, WESS_OK, WESS_OK}, {0}},
        {"no information", DONE(L3, ""), WESS_OK, {WESS_OK, WESS_OK, WESS_OK}, {0}},
        {"information without a word",
         DONE(L3, "{},{},{}"),
         WESS_OK,
         {WESS_OK, WESS_OK, WESS_OK},
         {0}},
        {"errors are an array",
         DONE(L3, "{\"success\":true,\"errors\":[]}," OK_ "," OK_),
         WESS_OK,
         {WESS_OK, WESS_OK, WESS_OK},
         {0}},
        {"stale in errors",
         DONE(L3, OK_ "," BAD_("{\"[]\":\"" STALE "\"}") "," OK_),
         WESS_OK,
         {WESS_OK, WESS_CONFLICT, WESS_OK},
         {0}},
        {"stale in its failures",
         DONE(L3, OK_ ",{\"success\":false,\"errors\":{},\"failures\":[\"" STALE "\"]}," OK_),
         WESS_OK,
         {WESS_OK, WESS_CONFLICT, WESS_OK},
         {0}},
        {"stale above the records",
         "{\"success\":true,\"failures\":{\"x\":[\"" STALE "\"]},\"affected_objects\":[" L3
         "],\"affected_object_information\":[" OK_
         "," BAD_("{}") "," BAD_("{\"website\":\"secret\"}") "]}",
         WESS_OK,
         {WESS_OK, WESS_CONFLICT, WESS_REJECTED},
         {NULL, NULL, "url"}},
        {"a field",
         DONE(L3, OK_ "," BAD_("{\"person_job_title\":[\"secret\"]}") "," OK_),
         WESS_OK,
         {WESS_OK, WESS_REJECTED, WESS_OK},
         {NULL, "title", NULL}},
        {"an address",
         DONE(L3,
              BAD_("{\"main_location[email]\":\"secret\",\"home_location[email]\":\"x\"}") "," BAD_(
                  "{\"employer_link\":\"secret\"}") "," BAD_("{\"[]\":{\"party_notes\":\"secret\"}"
                                                             "}")),
         WESS_OK,
         {WESS_REJECTED, WESS_REJECTED, WESS_REJECTED},
         {"email", "org", "note"}},
        {"errors though success",
         DONE(L3, OK_ ",{\"success\":true,\"errors\":{\"website\":\"secret\"}}," OK_),
         WESS_OK,
         {WESS_OK, WESS_REJECTED, WESS_OK},
         {NULL, "url", NULL}},
        {"unknown words",
         DONE(L3, OK_ "," BAD_("{\"cf_person_x\":\"secret\",\"[]\":\"secret\"}") "," BAD_("7")),
         WESS_OK,
         {WESS_OK, WESS_REJECTED, WESS_REJECTED},
         {0}},
        {"gone",
         DONE(L3, OK_ ",{\"success\":false,\"errors\":{},\"inaccessible\":true}," OK_),
         WESS_OK,
         {WESS_OK, WESS_GONE, WESS_OK},
         {0}},
    };
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
        expect(*state, &of[i], 3);
}

static void test_workbooks__all_or_nothing(void **state)
{
    static const struct expected of[] = {
        {"one is stale",
         FAILED("{},{},{}", OK_ "," BAD_("{\"[]\":\"" STALE "\"}") "," OK_),
         WESS_OK,
         {WESS_NOT_TRIED, WESS_CONFLICT, WESS_NOT_TRIED},
         {0}},
        {"one is wrong",
         FAILED("{},{},{}", OK_ "," OK_ "," BAD_("{\"website\":\"secret\"}")),
         WESS_OK,
         {WESS_NOT_TRIED, WESS_NOT_TRIED, WESS_REJECTED},
         {NULL, NULL, "url"}},
        {"errors of each record",
         "{\"success\":false,\"errors\":{\"[]\":{\"website\":\"secret\"}},"
         "\"affected_object_errors\":[{},{\"website\":[\"secret\"]},{}]}",
         WESS_OK,
         {WESS_NOT_TRIED, WESS_REJECTED, WESS_NOT_TRIED},
         {NULL, "url", NULL}},
        {"nobody is named",
         "{\"success\":false,\"errors\":{\"[]\":{\"website\":\"secret\"}}}",
         WESS_TOO_BIG,
         {WESS_NOT_TRIED, WESS_NOT_TRIED, WESS_NOT_TRIED},
         {0}},
        {"stale, nobody is named",
         "{\"success\":false,\"failures\":[\"" STALE "\"]}",
         WESS_TOO_BIG,
         {WESS_NOT_TRIED, WESS_NOT_TRIED, WESS_NOT_TRIED},
         {0}},
        {"all are well",
         FAILED("{},{},{}", OK_ "," OK_ "," OK_),
         WESS_TOO_BIG,
         {WESS_NOT_TRIED, WESS_NOT_TRIED, WESS_NOT_TRIED},
         {0}},
    };
    static const struct expected alone[] = {
        {"named above",
         "{\"success\":false,\"errors\":{\"[]\":{\"website\":\"secret\"}}}",
         WESS_OK,
         {WESS_REJECTED},
         {"url"}},
        {"stale",
         "{\"success\":false,\"failures\":[\"" STALE "\"]}",
         WESS_OK,
         {WESS_CONFLICT},
         {0}},
        {"stale in a hash",
         "{\"success\":false,\"failures\":{\"501\":{\"a\":\"" STALE "\"}}}",
         WESS_OK,
         {WESS_CONFLICT},
         {0}},
        {"too many",
         "{\"success\":false,\"failures\":[\"secret\"]}",
         WESS_OK,
         {WESS_REJECTED},
         {0}},
    };
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
        expect(*state, &of[i], 3);
    for (size_t i = 0; i < sizeof(alone) / sizeof(alone[0]); i++)
        expect(*state, &alone[i], 1);
}

/* An answer that does not fit what was asked: what became of the records is not known. */
static void test_workbooks__what_was_not_said_is_unknown(void **state)
{
    static const struct expected of[] = {
        {"no word", "{}", WESS_UNKNOWN, {WESS_UNKNOWN, WESS_UNKNOWN, WESS_UNKNOWN}, {0}},
        {"no success",
         "{\"success\":\"true\",\"affected_objects\":[" L3 "]}",
         WESS_UNKNOWN,
         {WESS_UNKNOWN, WESS_UNKNOWN, WESS_UNKNOWN},
         {0}},
        {"fewer",
         DONE(LOCK("501", "5"), OK_),
         WESS_UNKNOWN,
         {WESS_UNKNOWN, WESS_UNKNOWN, WESS_UNKNOWN},
         {0}},
        {"fewer rows",
         DONE(LOCK("501", "5"), OK_ "," OK_ "," BAD_("{\"website\":\"x\"}")),
         WESS_OK,
         {WESS_UNKNOWN, WESS_UNKNOWN, WESS_REJECTED},
         {NULL, NULL, "url"}},
        {"another order",
         DONE(LOCK("502", "5") "," LOCK("501", "5") "," LOCK("503", "1"), OK_ "," OK_ "," OK_),
         WESS_OK,
         {WESS_UNKNOWN, WESS_UNKNOWN, WESS_OK},
         {0}},
        {"rows that are none",
         DONE("1,[],{\"id\":[503]}", OK_ "," OK_ "," OK_),
         WESS_OK,
         {WESS_UNKNOWN, WESS_UNKNOWN, WESS_UNKNOWN},
         {0}},
    };
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
        expect(*state, &of[i], 3);
}

/* ---- no answer
 * ------------------------------------------------------------------------------------------ */

static void test_workbooks__http_answers_to_a_write(void **state)
{
    static const struct {
        unsigned status;
        const char *type, *body, *location;
        enum wess_code call, of;
    } of[] = {
        {503, NULL, "", NULL, WESS_THROTTLED, WESS_NOT_TRIED},
        {401, NULL, "{\"failure_reason\":\"no_session\"}", NULL, WESS_AUTH, WESS_NOT_TRIED},
        {403, NULL, "{\"failure_reason\":\"database_archived\"}", NULL, WESS_TRANSIENT,
         WESS_NOT_TRIED},
        {404, NULL, "", NULL, WESS_BROKEN, WESS_NOT_TRIED},
        {500, NULL, "", NULL, WESS_UNKNOWN, WESS_UNKNOWN},
        {502, "text/html", "<html>", NULL, WESS_UNKNOWN, WESS_UNKNOWN},
        {504, NULL, "", NULL, WESS_UNKNOWN, WESS_UNKNOWN},
        {200, "text/html", "<html>", NULL, WESS_UNKNOWN, WESS_UNKNOWN},
        {200, NULL, "[]", NULL, WESS_UNKNOWN, WESS_UNKNOWN},
        {200, NULL, "", NULL, WESS_UNKNOWN, WESS_UNKNOWN},
        {302, NULL, "", "/crm/people.api", WESS_UNKNOWN, WESS_UNKNOWN},
        {307, NULL, "", "http://127.0.0.1:1/", WESS_UNKNOWN, WESS_UNKNOWN},
        {302, NULL, "", "/login", WESS_AUTH, WESS_NOT_TRIED},
    };
    struct stage *t = *state;
    struct wess_op op = update(0);
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
        wb_forget(t);
        struct stage_line *s = stage_says_status(t, WB_PUT, of[i].status, of[i].body);
        s->type = of[i].type;
        s->location = of[i].location;
        struct wess_result *r = wb_apply(t, &op, 1, of[i].call);
        if (r->code != of[i].of)
            fail_msg("HTTP %u %s is %d", of[i].status, of[i].body, (int)r->code);
        assert_int_equal(stage_asked(t, WB_PUT), 1); /* never sent twice */
    }
}

/* Whatever part of the answer comes, as the whole body or before the connection ends. */
static bool cut_answer(struct stage *t, const char *kind, const char *request,
                       struct replay_reply *r)
{
    (void)request;
    if (strcmp(kind, WB_PUT))
        return false;
    r->body = strdup(DONE(LOCK("501", "5"), OK_));
    if (t->at % 2)
        r->cut = t->at / 2 + 1;
    else if (t->at)
        r->body[t->at / 2] = 0;
    return true;
}

static void test_workbooks__an_answer_cut_anywhere_is_unknown(void **state)
{
    struct stage *t = *state;
    struct wess_op op = update(0);
    size_t len = strlen(DONE(LOCK("501", "5"), OK_));
    t->hook = cut_answer;
    assert_int_equal(wb_apply(t, &op, 1, WESS_OK)->code, WESS_OK);
    for (t->at = 1; t->at + 2 < 2 * len; t->at++) {
        struct wess_result *r = wb_apply(t, &op, 1, WESS_UNKNOWN);
        assert_int_equal(r->code, WESS_UNKNOWN);
        testhost_drop(&t->th);
    }
}

static bool lose(struct stage *t, const char *kind, const char *request, struct replay_reply *r)
{
    (void)t;
    (void)request;
    r->lost = !strcmp(kind, WB_PUT);
    return r->lost;
}

static void test_workbooks__a_lost_answer_is_sent_once(void **state)
{
    struct stage *t = *state;
    struct wess_op op = update(0);
    stage_says(t, WB_PUT, DONE(LOCK("501", "5"), OK_));
    wb_apply(t, &op, 1,
             WESS_OK); /* the connection is kept: libcurl must not send again by itself */
    t->hook = lose;
    assert_int_equal(wb_apply(t, &op, 1, WESS_UNKNOWN)->code, WESS_UNKNOWN);
    assert_int_equal(stage_asked(t, WB_PUT), 2);
}

static bool huge_answer(struct stage *t, const char *kind, const char *request,
                        struct replay_reply *r)
{
    (void)t;
    (void)request;
    if (strcmp(kind, WB_PUT))
        return false;
    r->body = calloc(1, 200001);
    memset(r->body, ' ', 200000);
    return true;
}

/* Too large an answer to a write: it was carried out all the same. */
static void test_workbooks__an_enormous_answer_to_a_write_is_unknown(void **state)
{
    struct stage *t = *state;
    struct wess_op op = update(0);
    t->th.http.body_max = 100000;
    wb_open(t, NULL);
    t->hook = huge_answer;
    assert_int_equal(wb_apply(t, &op, 1, WESS_UNKNOWN)->code, WESS_UNKNOWN);
}

static void test_workbooks__nobody_listens_to_a_write(void **state)
{
    struct stage *t = *state;
    struct wess_op op = update(0);
    snprintf(t->url, sizeof(t->url), "http://127.0.0.1:1/");
    wb_open(t, NULL);
    assert_int_equal(wb_apply(t, &op, 1, WESS_TRANSIENT)->code, WESS_NOT_TRIED);
}

/* ---- again
 * ------------------------------------------------------------------------------------------ */

static const struct wess_field zoe[] = {TEXT_FIELD("fn", "Zoe")};

static void test_workbooks__again_finds_what_was_created(void **state)
{
    struct stage *t = *state;
    struct wess_op ops[] = {create("st1", WESS_OP_AGAIN, zoe, 1), create("st2", 0, zoe, 1),
                            create("st3", WESS_OP_AGAIN, zoe, 1)};
    stage_says(
        t, WB_LIST,
        ROWS(ROW(
            "600", "1794000000",
            ",\"created_through_reference\":\"st1\",\"name\":\"Zoe\"") "," ROW("601", "1794000000",
                                                                               ",\"created_through_"
                                                                               "reference\":"
                                                                               "\"ST3\"")));
    stage_says(
        t, WB_PUT,
        DONE("{\"id\":700,\"lock_version\":0},{\"id\":701,\"lock_version\":0}", OK_ "," OK_));
    struct wess_result *r = wb_apply(t, ops, 3, WESS_OK);
    assert_string_equal(r[0].id, "600");
    assert_null(r[0].revision);
    assert_string_equal(test_text(r[0].current, "fn"), "Zoe");
    assert_string_equal(r[1].id, "700");
    assert_string_equal(r[2].id, "701");
    const char *request = stage_request(t, WB_LIST, 0);
    assert_string_equal(wb_param(request, "_ff[]", 0), "created_through_reference");
    assert_string_equal(wb_param(request, "_fc[]", 0), "st1,st3");
    assert_string_equal(wb_param(stage_request(t, WB_PUT, 0), "created_through_reference[]", 0),
                        "st2");
    /* All found: nothing is sent. */
    wb_forget(t);
    stage_says(t, WB_LIST,
               ROWS(ROW("600", "1794000000", ",\"created_through_reference\":\"st1\"")));
    assert_int_equal(wb_apply(t, ops, 1, WESS_OK)->code, WESS_OK);
    assert_int_equal(stage_asked(t, WB_PUT), 0);
}

/* It may have been created: that stays so until it has been looked up. */
static void test_workbooks__in_doubt_until_looked_up(void **state)
{
    struct stage *t = *state;
    struct wess_op ops[] = {create("st1", WESS_OP_AGAIN, zoe, 1), create("st2", 0, zoe, 1)};
    stage_says_status(t, WB_LIST, 503, "busy");
    struct wess_result *r = wb_apply(t, ops, 2, WESS_THROTTLED);
    assert_int_equal(r[0].code, WESS_UNKNOWN);
    assert_int_equal(r[1].code, WESS_NOT_TRIED);
    assert_int_equal(stage_asked(t, WB_PUT), 0);
    wb_forget(t);
    stage_says(t, WB_LIST, ROWS(""));
    stage_says_status(t, WB_PUT, 503, "busy");
    r = wb_apply(t, ops, 2, WESS_THROTTLED);
    assert_int_equal(r[0].code, WESS_NOT_TRIED);
    assert_int_equal(r[1].code, WESS_NOT_TRIED);
}

/* ---- employers
 * ------------------------------------------------------------------------------------------ */

#define ORG(id, name) "{\"id\":" id ",\"name\":\"" name "\"}"

static void test_workbooks__employers_are_tied_to_what_exists(void **state)
{
    static const struct wess_field of[][1] = {{TEXT_FIELD("org", "  ACME, Ltd ")},
                                              {TEXT_FIELD("org", "Twice")},
                                              {TEXT_FIELD("org", "Nowhere")},
                                              {{.name = "org", .type = WESS_NULL}}};
    static const struct wess_item old = {.id = "501", .revision = "1"};
    struct stage *t = *state;
    struct wess_op ops[4];
    for (size_t i = 0; i < 4; i++)
        ops[i] = (struct wess_op){.what = WESS_UPDATE,
                                  .before = &old,
                                  .item = {.id = "501", .fields = of[i], .n_fields = 1}};
    stage_says(t, WB_ORGS,
               ROWS(ORG("7", "Acme, ltd") "," ORG("8", "twice") "," ORG("9", "TWICE") "," ORG(
                   "10", "Nowhere else")));
    t->hook = all_done;
    struct wess_result *r = wb_apply(t, ops, 4, WESS_OK);
    static const char *const links[] = {"7", ":no_value:", ":no_value:", ":null_value:"};
    for (size_t i = 0; i < 4; i++) {
        bool refused = i == 1 || i == 2;
        assert_int_equal(r[i].code, WESS_OK);
        assert_int_equal(r[i].n_refused, refused);
        assert_true(!refused || !strcmp(r[i].refused[0].field, "org"));
        assert_string_equal(wb_param(stage_request(t, WB_PUT, 0), "employer_link[]", i), links[i]);
    }
    const char *request = stage_request(t, WB_PUT, 0);
    assert_null(wb_param(request, "employer_name[]", 0)); /* might create one */
    assert_null(wb_param(request, "_link_or_create_employer[]", 0));
    request = stage_request(t, WB_ORGS, 0);
    assert_string_equal(wb_param(request, "_fc[]", 0), "  ACME\\, Ltd ,Twice,Nowhere");
    wb_apply(t, ops, 4, WESS_OK);
    assert_int_equal(stage_asked(t, WB_ORGS), 1); /* it has learnt */
    /* Left alone: neither tied nor untied. */
    wb_open(t, "employer", "ignore", NULL);
    r = wb_apply(t, ops, 4, WESS_OK);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(r[i].n_refused, 1);
    assert_null(wb_param(stage_request(t, WB_PUT, 2), "employer_link[]", 0));
    assert_int_equal(stage_asked(t, WB_ORGS), 1);
}

/* So many of one name that others may be missing: asked again in smaller parts. */
static bool many_of_one_name(struct stage *t, const char *kind, const char *request,
                             struct replay_reply *r)
{
    if (!strcmp(kind, WB_PUT))
        return all_done(t, kind, request, r);
    if (strcmp(kind, WB_ORGS))
        return false;
    long limit = strtol(wb_param(request, "_limit", 0), NULL, 10);
    const char *names = wb_param(request, "_fc[]", 0);
    assert_true(limit <= 100);
    r->body = calloc(1, 20000);
    char *at = r->body + sprintf(r->body, "{\"success\":true,\"data\":[");
    long n = 0;
    const char *behind = wb_param(request, "_fc[]", 1);
    long from = behind ? strtol(behind, NULL, 10) : 0;
    if (strstr(names, "Many"))
        for (; n < limit && from + n < 120; n++)
            at += sprintf(at, "%s" ORG("%ld", "many"), n ? "," : "", from + n + 1);
    for (int i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof(name), "Org %02d", i);
        if (n < limit && strstr(names, name))
            at += sprintf(at, "%s" ORG("%d", "%s"), n++ ? "," : "", 1000 + i, name);
    }
    strcpy(at, "]}");
    return true;
}

static void test_workbooks__one_name_of_many_hides_no_other(void **state)
{
    static char names[60][16];
    static struct wess_field of[60];
    static struct wess_op ops[60];
    static const struct wess_item old = {.id = "501", .revision = "1"};
    struct stage *t = *state;
    for (size_t i = 0; i < 60; i++) {
        snprintf(names[i], sizeof(names[i]), i == 20 ? "Many" : "Org %02zu", i);
        of[i] = (struct wess_field){
            .name = "org", .type = WESS_TEXT, .str = {names[i], strlen(names[i])}};
        ops[i] = (struct wess_op){.what = WESS_UPDATE,
                                  .before = &old,
                                  .item = {.id = "501", .fields = &of[i], .n_fields = 1}};
    }
    t->hook = many_of_one_name;
    struct wess_result *r = wb_apply(t, ops, 60, WESS_OK);
    for (size_t i = 0; i < 60; i++)
        assert_int_equal(r[i].n_refused, i == 20);
    assert_string_equal(wb_param(stage_request(t, WB_PUT, 0), "employer_link[]", 59), "1059");
}

/* ---- memory
 * ------------------------------------------------------------------------------------------ */

/* Spent at any point: what was not sent is untried, what was sent is done or in doubt. */
static void test_workbooks__each_allocation_fails_once(void **state)
{
    static const struct wess_field person[] = {TEXT_FIELD("fn", "Zoe"), TEXT_FIELD("note", "n"),
                                               TEXT_FIELD("org", "Acme"),
                                               TEXT_FIELD("title", ":no_value:")};
    struct stage *t = *state;
    struct wess_op ops[] = {create("st1", WESS_OP_AGAIN, person, 4), update(0)};
    enum wess_code rc = WESS_TOO_BIG;
    bool whole = false;
    stage_says(t, WB_LIST, ROWS(""));
    stage_says(t, WB_ORGS, ROWS(ORG("7", "Acme")));
    stage_says(
        t, WB_PUT,
        DONE("{\"id\":700,\"lock_version\":0,\"name\":\"Zoe\"}," LOCK("501", "5"), OK_ "," OK_));
    for (size_t at = 1; !whole; at++) {
        struct wess_result out[2] = {{.code = WESS_UNKNOWN}, {.code = WESS_UNKNOWN}};
        size_t sent = stage_asked(t, WB_PUT);
        assert_true(at < 300);
        testhost_drop(&t->th);
        t->th.arena.fail_at = at;
        rc = t->c->apply(&t->call, ops, 2, out);
        sent = stage_asked(t, WB_PUT) - sent;
        for (size_t i = 0; i < 2; i++)
            assert_true(sent
                            ? out[i].code == WESS_OK || out[i].code == WESS_UNKNOWN
                            : out[i].code == WESS_NOT_TRIED || (!i && out[i].code == WESS_UNKNOWN));
        whole = rc == WESS_OK && t->th.arena.allocs < at;
        assert_true(!whole || (out[0].code == WESS_OK && out[0].current && out[0].n_refused == 1));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, wb_set_up, wb_tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_workbooks__one_square_array),
        TEST(test_workbooks__a_hundred_at_once),
        TEST(test_workbooks__only_columns_that_change),
        TEST(test_workbooks__what_cannot_be_written_is_refused_here),
        TEST(test_workbooks__an_empty_note_is_cleared),
        TEST(test_workbooks__large_notes_and_long_ids),
        TEST(test_workbooks__each_record_has_its_verdict),
        TEST(test_workbooks__all_or_nothing),
        TEST(test_workbooks__what_was_not_said_is_unknown),
        TEST(test_workbooks__http_answers_to_a_write),
        TEST(test_workbooks__an_answer_cut_anywhere_is_unknown),
        TEST(test_workbooks__a_lost_answer_is_sent_once),
        TEST(test_workbooks__an_enormous_answer_to_a_write_is_unknown),
        TEST(test_workbooks__nobody_listens_to_a_write),
        TEST(test_workbooks__again_finds_what_was_created),
        TEST(test_workbooks__in_doubt_until_looked_up),
        TEST(test_workbooks__employers_are_tied_to_what_exists),
        TEST(test_workbooks__one_name_of_many_hides_no_other),
        TEST(test_workbooks__each_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
