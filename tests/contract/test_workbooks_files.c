/* Files of records against the rehearsal Workbooks: what is there already is looked at, whoever put
 * it there, and what is refused is the affair of one file. */
#include <curl/curl.h>

#include "wb_box.h"

#define NOTED "workbooks:notes:PUT"
#define SENT "workbooks:resource_upload_files:PUT"
#define CHANGED "workbooks:upload_files:PUT"

static int set_up_with(void **state, const char *sw)
{
    struct box *b = *state = box_new("workbooks", sw, "empty");
    b->settings[0] = (struct testhost_setting){"url", box_info(b, "workbooks", "url")};
    b->settings[1] = (struct testhost_setting){"api_key", box_info(b, "workbooks", "api_key")};
    b->settings[2] = (struct testhost_setting){"attachments", "true"};
    box_open(b, "tasks", 3, 0);
    return 0;
}

static int set_up(void **state)
{
    return set_up_with(state, NULL);
}

static int set_up_whole_batches(void **state)
{
    return set_up_with(state, "per_object=off");
}

static int set_up_touching(void **state)
{
    return set_up_with(state, "note_touches=on");
}

/* ---- files
 * ------------------------------------------------------------------------------------------ */

struct file {
    const char *name, *bytes; /* bytes NULL: what is in no spool */
};

static struct wess_field blob(struct box *b, const char *bytes)
{
    struct wess_field f = {.name = "data", .type = WESS_BLOB, .blob = {"nowhere", 1}};
    const struct wess_host *h = &b->th.host;
    struct wess_spool *s = NULL;
    if (!bytes)
        return f;
    assert_int_equal(h->blob_new(h->ctx, &s), WESS_OK);
    assert_int_equal(h->blob_put(s, bytes, strlen(bytes)), WESS_OK);
    assert_int_equal(h->blob_done(s, b->call.arena, &f.blob), WESS_OK);
    return f;
}

/* The field, in the arena. */
static struct wess_field files(struct box *b, const struct file *of, size_t n)
{
    struct wess_record *r = b->th.host.alloc(b->call.arena, (n + 1) * sizeof(*r));
    for (size_t i = 0; i < n; i++) {
        struct wess_field *f = b->th.host.alloc(b->call.arena, 2 * sizeof(*f));
        f[0] = blob(b, of[i].bytes);
        f[1] = (struct wess_field){
            .name = "filename", .type = WESS_TEXT, .str = {of[i].name, strlen(of[i].name)}};
        r[i] = (struct wess_record){.key = of[i].name, .fields = f, .n = 2};
    }
    return (struct wess_field){.name = "attach", .type = WESS_RECORDS, .records = {r, n}};
}
#define FILES(...)                                                                                 \
    (const struct file[]){__VA_ARGS__},                                                            \
        sizeof((const struct file[]){__VA_ARGS__}) / sizeof(struct file)

static struct wess_op create(struct box *b, const char *stamp, struct wess_field of)
{
    struct wess_field *f = b->th.host.alloc(b->call.arena, 2 * sizeof(*f));
    f[0] = (struct wess_field){.name = "summary", .type = WESS_TEXT, .str = {stamp, strlen(stamp)}};
    f[1] = of;
    return (struct wess_op){
        .what = WESS_CREATE, .stamp = stamp, .item = {.fields = f, .n_fields = 2}};
}

static struct wess_result created(struct box *b, const char *stamp, struct wess_field of)
{
    struct wess_op op = create(b, stamp, of);
    struct wess_result out;
    assert_int_equal(box_apply(b, &op, 1, &out), WESS_OK);
    assert_int_equal(out.code, WESS_OK);
    return out;
}

static struct wess_result update(struct box *b, const struct wess_item *before,
                                 struct wess_field of)
{
    struct wess_op op = {.what = WESS_UPDATE,
                         .before = before,
                         .item = {.id = before->id, .fields = &of, .n_fields = 1}};
    struct wess_result out = {.code = WESS_UNKNOWN};
    b->call.error = (struct wess_error){0};
    b->c->apply(&b->call, &op, 1, &out);
    return out;
}

/* What an item shows, as "name=bytes, " in the order of the note. */
static void assert_shows(struct box *b, const struct wess_item *item, const char *wanted)
{
    char now[512] = "";
    const struct wess_field *f = test_field(item, "attach");
    for (size_t i = 0; f && i < f->records.n; i++) {
        const struct wess_record *r = &f->records.of[i];
        size_t len = 0, at = strlen(now);
        const char *bytes = NULL;
        for (size_t k = 0; k < r->n; k++)
            if (r->fields[k].type == WESS_BLOB)
                bytes = testhost_blob(&b->th, r->fields[k].blob.digest, &len);
        snprintf(now + at, sizeof(now) - at, "%s=%.*s, ", r->key, (int)len, bytes ? bytes : "");
    }
    assert_string_equal(now, wanted);
}

static void assert_there(struct box *b, const char *id, const char *wanted)
{
    struct wess_item item = box_fetch(b, id);
    assert_shows(b, &item, wanted);
}

static int64_t only_note(struct box *b)
{
    json_t *all = box_control(b, "workbooks/list?of=notes");
    assert_int_equal(json_array_size(json_object_get(all, "notes")), 1);
    int64_t id = box_number(json_array_get(json_object_get(all, "notes"), 0), "id");
    json_decref(all);
    return id;
}

static void put_by_hand(struct box *b, const char *name, const char *text)
{
    json_decref(box_control(b, "workbooks/attach?of=notes&id=%lld&name=%s&text=%s",
                            (long long)only_note(b), name, text));
}

/* ---- tests
 * ------------------------------------------------------------------------------------------ */

static void test_files__the_whole_way(void **state)
{
    struct box *b = *state;
    struct wess_result r =
        created(b, "st1", files(b, FILES({"a.txt", "A"}, {"b, c;'\xc3\xa9.txt", ""})));
    assert_shows(b, r.current, "a.txt=A, b, c;'\xc3\xa9.txt=, ");
    struct wess_item now = box_fetch(b, r.id);
    assert_shows(b, &now, "a.txt=A, b, c;'\xc3\xa9.txt=, ");
    r = update(b, &now, files(b, FILES({"a.txt", "Other"}, {"new", "N"})));
    assert_int_equal(r.code, WESS_OK);
    assert_there(b, now.id, "a.txt=Other, new=N, ");
    now = box_fetch(b, now.id);
    int64_t before = box_requests(b, SENT) + box_requests(b, CHANGED);
    assert_int_equal(update(b, &now, files(b, FILES({"a.txt", "Other"}, {"new", "N"}))).code,
                     WESS_OK);
    assert_int_equal(box_requests(b, SENT) + box_requests(b, CHANGED), before);
    assert_int_equal(update(b, &now, (struct wess_field){.name = "attach"}).code, WESS_OK);
    assert_there(b, now.id, "");
    only_note(b);
}

static void test_files__again_doubles_nothing(void **state)
{
    struct box *b = *state;
    struct wess_field of = files(b, FILES({"a.txt", "A"}, {"b.txt", "B"}));
    struct wess_result r = created(b, "st1", of);
    const char *id = r.id;
    struct wess_op op = create(b, "st1", of);
    op.flags = WESS_OP_AGAIN;
    assert_int_equal(box_apply(b, &op, 1, &r), WESS_OK);
    assert_int_equal(r.code, WESS_OK);
    assert_string_equal(r.id, id);
    assert_null(r.revision);
    assert_int_equal(box_requests(b, SENT), 2);
    /* What an earlier attempt did not come to is made up for; what is another by now stays. */
    put_by_hand(b, "a.txt", "Theirs");
    op = create(b, "st1", files(b, FILES({"a.txt", "A"}, {"c.txt", "C"})));
    op.flags = WESS_OP_AGAIN;
    assert_int_equal(box_apply(b, &op, 1, &r), WESS_OK);
    assert_there(b, id, "a.txt=Theirs, b.txt=B, c.txt=C, ");
    only_note(b);
}

/* The record's revision says nothing of it. */
static void test_files__what_somebody_changed_is_a_conflict(void **state)
{
    struct box *b = *state;
    struct wess_result r =
        created(b, "st1", files(b, FILES({"a.txt", "A"}, {"b.txt", "B"}, {"c.txt", "C"})));
    struct wess_item now = box_fetch(b, r.id);
    put_by_hand(b, "a.txt", "X");
    put_by_hand(b, "d.txt", "D");
    /* Written, taken away, added. */
    assert_int_equal(
        update(b, &now, files(b, FILES({"a.txt", "Ours"}, {"b.txt", "B"}, {"c.txt", "C"}))).code,
        WESS_CONFLICT);
    assert_int_equal(update(b, &now, files(b, FILES({"b.txt", "B"}, {"c.txt", "C"}))).code,
                     WESS_CONFLICT);
    assert_int_equal(
        update(b, &now,
               files(b, FILES({"a.txt", "A"}, {"b.txt", "B"}, {"c.txt", "C"}, {"d.txt", "Ours"})))
            .code,
        WESS_CONFLICT);
    assert_there(b, now.id, "a.txt=X, b.txt=B, c.txt=C, d.txt=D, ");
    /* What they did as well is no quarrel. */
    assert_int_equal(
        update(b, &now,
               files(b, FILES({"a.txt", "X"}, {"b.txt", "B"}, {"c.txt", "C"}, {"d.txt", "D"})))
            .code,
        WESS_OK);
    assert_int_equal(box_requests(b, CHANGED), 0);
}

static void test_files__a_refused_file_is_named(void **state)
{
    struct box *b = *state;
    box_fault(b, SENT ":2:refuse=0," SENT ":3:http=413");
    struct wess_result r =
        created(b, "st1",
                files(b, FILES({"a.txt", "A"}, {"b.txt", "B"}, {"c.txt", "C"}, {"d\"", "D"},
                               {"e%20.txt", "E"}, {"f 100%.txt", "F"}, {"g/h.txt", "G"})));
    assert_int_equal(r.n_refused, 5);
    static const char *const names[] = {"attach.b.txt", "attach.c.txt", "attach.d\"",
                                        "attach.e%20.txt", "attach.g/h.txt"};
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(r.refused[i].field, names[i]);
    assert_non_null(r.revision);
    assert_shows(b, r.current, "a.txt=A, f 100%.txt=F, ");
    assert_there(b, r.id, "a.txt=A, f 100%.txt=F, ");
}

static void test_files__a_refused_note_is_told_once(void **state)
{
    struct box *b = *state;
    box_fault(b, NOTED ":1:refuse=0");
    struct wess_result r = created(b, "st1", files(b, FILES({"a.txt", "A"}, {"b.txt", "B"})));
    assert_int_equal(r.n_refused, 1);
    assert_string_equal(r.refused[0].field, "attach");
    assert_int_equal(box_requests(b, NOTED), 1);
    assert_int_equal(box_requests(b, SENT), 0);
    assert_there(b, r.id, "");
}

static void test_files__what_is_in_no_spool_is_merged_again(void **state)
{
    struct box *b = *state;
    struct wess_op ops[] = {create(b, "st1", files(b, FILES({"a.txt", NULL}))),
                            create(b, "st2", files(b, FILES({"a.txt", "A"})))};
    struct wess_result out[2];
    assert_int_equal(box_apply(b, ops, 2, out), WESS_OK);
    assert_int_equal(out[0].code, WESS_CONFLICT);
    assert_int_equal(out[1].code, WESS_OK);
    json_t *all = box_control(b, "workbooks/list?of=tasks");
    assert_int_equal(json_array_size(json_object_get(all, "tasks")), 1);
    json_decref(all);
}

/* Of three records the second does not get its file: it and the third are in doubt. */
static void test_files__an_answer_that_is_lost_leaves_a_doubt(void **state)
{
    struct box *b = *state;
    struct wess_op ops[3];
    struct wess_result out[3];
    static const char *const stamps[] = {"st1", "st2", "st3"};
    for (size_t i = 0; i < 3; i++)
        ops[i] = create(b, stamps[i], files(b, FILES({"a.txt", "A"})));
    box_fault(b, SENT ":2:http=500");
    for (size_t i = 0; i < 3; i++)
        out[i] = (struct wess_result){.code = WESS_UNKNOWN};
    assert_int_equal(b->c->apply(&b->call, ops, 3, out), WESS_UNKNOWN);
    assert_int_equal(out[0].code, WESS_OK);
    assert_int_equal(out[1].code, WESS_UNKNOWN);
    assert_int_equal(out[2].code, WESS_UNKNOWN);
    for (size_t i = 0; i < 3; i++)
        ops[i].flags = WESS_OP_AGAIN;
    assert_int_equal(box_apply(b, ops, 3, out), WESS_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(out[i].code, WESS_OK);
        assert_there(b, out[i].id, "a.txt=A, ");
    }
}

/* It was made: what becomes of its files does not undo that. */
static void test_files__a_record_that_was_made_is_not_made_again(void **state)
{
    static const char *const faults[] = {NOTED ":1:stale", SENT ":1:stale", SENT ":2:stale"};
    static const char *const stamps[] = {"st1", "st2", "st3"};
    struct box *b = *state;
    for (size_t i = 0; i < 3; i++) {
        struct wess_op op = create(b, stamps[i], files(b, FILES({"a.txt", "A"}, {"b.txt", "B"})));
        struct wess_result out;
        box_fault(b, faults[i]);
        assert_int_equal(box_apply(b, &op, 1, &out), WESS_OK);
        assert_int_equal(out.code, WESS_UNKNOWN);
        op.flags = WESS_OP_AGAIN;
        assert_int_equal(box_apply(b, &op, 1, &out), WESS_OK);
        assert_int_equal(out.code, WESS_OK);
        assert_there(b, out.id, "a.txt=A, b.txt=B, ");
    }
}

/* Somebody puts another file in the place of one between its being looked at and the write. */
static struct box *meddled;
static enum wess_code (*spooled)(struct wess_spool *, struct wess_arena *, struct wess_blob *);
static enum wess_code meddle(struct wess_spool *s, struct wess_arena *a, struct wess_blob *out)
{
    if (meddled)
        put_by_hand(meddled, "a.txt", "Theirs");
    meddled = NULL;
    return spooled(s, a, out);
}

static void test_files__what_comes_between_a_look_and_a_write_stays(void **state)
{
    struct box *b = *state;
    struct wess_result r = created(b, "st1", files(b, FILES({"a.txt", "A"}, {"b.txt", "B"})));
    spooled = b->th.host.blob_done;
    b->th.host.blob_done = meddle;
    for (size_t gone = 0; gone < 2; gone++) {
        struct wess_item now = box_fetch(b, r.id);
        struct wess_field of = gone ? files(b, FILES({"b.txt", "B"}))
                                    : files(b, FILES({"a.txt", "Ours"}, {"b.txt", "B"}));
        meddled = b;
        assert_int_equal(update(b, &now, of).code, WESS_CONFLICT);
        assert_null(meddled);
        assert_there(b, r.id, "a.txt=Theirs, b.txt=B, ");
        put_by_hand(b, "a.txt", "A");
    }
}

/* As many letters as the column has may be more bytes than a key. */
static void test_files__a_long_name_goes_shorter(void **state)
{
    struct box *b = *state;
    struct wess_result r = created(b, "st1", files(b, FILES({"a.txt", "A"})));
    char name[2048] = "", wanted[512] = "a.txt=A, ";
    for (size_t i = 0; i < 200; i++)
        strcat(name, "%C3%A9");
    strcat(name, ".txt");
    for (size_t i = 0; i < 125; i++)
        strcat(wanted, "\xc3\xa9");
    strcat(wanted, ".txt=Long, ");
    put_by_hand(b, name, "Long");
    assert_there(b, r.id, wanted);
    struct wess_item now = box_fetch(b, r.id);
    assert_int_equal(update(b, &now, files(b, FILES({"a.txt", "A"}))).code, WESS_OK);
    assert_there(b, r.id, "a.txt=A, ");
}

/* More files than a page of the list has, of records whose numbers the list mixes. */
static void test_files__a_list_of_several_pages(void **state)
{
    static char names[70][8];
    static struct file of[70];
    struct box *b = *state;
    const char *ids[3];
    for (size_t i = 0; i < 70; i++) {
        snprintf(names[i], sizeof(names[i]), "f%zu", i);
        of[i] = (struct file){names[i], names[i]};
    }
    for (size_t i = 0; i < 3; i++)
        ids[i] = created(b, i ? i > 1 ? "st3" : "st2" : "st1", files(b, of, 70)).id;
    struct wess_result out[3];
    assert_int_equal(b->c->fetch(&b->call, (struct wess_list){ids, 3}, out), WESS_OK);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(test_field(out[i].current, "attach")->records.n, 70);
}

static void test_files__one_that_is_too_large_leaves_its_record_out(void **state)
{
    static char large[100001];
    struct box *b = *state;
    memset(large, 'x', 100000);
    struct wess_error e = {0};
    struct wess_result out[2];
    const char *const ids[] = {created(b, "st1", files(b, FILES({"a.txt", large}))).id,
                               created(b, "st2", files(b, FILES({"a.txt", "A"}))).id};
    b->c->close(b->conn);
    b->th.http.body_max = 50000;
    assert_int_equal(b->c->open(&b->th.host, &b->conn, &e), WESS_OK);
    b->call.conn = b->conn;
    assert_int_equal(b->c->fetch(&b->call, (struct wess_list){ids, 2}, out), WESS_OK);
    assert_int_equal(out[0].code, WESS_TOO_BIG);
    assert_int_equal(out[1].code, WESS_OK);
    assert_shows(b, out[1].current, "a.txt=A, ");
}

#define TEST(name, before) cmocka_unit_test_setup_teardown(name, before, box_tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_files__the_whole_way, set_up),
        TEST(test_files__the_whole_way, set_up_whole_batches),
        TEST(test_files__the_whole_way, set_up_touching),
        TEST(test_files__again_doubles_nothing, set_up),
        TEST(test_files__what_somebody_changed_is_a_conflict, set_up),
        TEST(test_files__a_refused_file_is_named, set_up),
        TEST(test_files__a_refused_file_is_named, set_up_whole_batches),
        TEST(test_files__a_refused_note_is_told_once, set_up),
        TEST(test_files__what_is_in_no_spool_is_merged_again, set_up),
        TEST(test_files__an_answer_that_is_lost_leaves_a_doubt, set_up),
        TEST(test_files__a_record_that_was_made_is_not_made_again, set_up),
        TEST(test_files__what_comes_between_a_look_and_a_write_stays, set_up),
        TEST(test_files__a_long_name_goes_shorter, set_up),
        TEST(test_files__a_list_of_several_pages, set_up),
        TEST(test_files__one_that_is_too_large_leaves_its_record_out, set_up),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
