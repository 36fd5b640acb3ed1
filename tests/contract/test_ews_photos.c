/* Pictures of contacts, and revisions that the server does not compare: what is sent, and what its
 * answers come to. */
#include "ews_replay.h"

#define ATTACHED(id, key)                                                                          \
    M_OK("CreateAttachment", "<m:Attachments><t:FileAttachment><t:AttachmentId Id=\"" id "\" " key \
                             "/></t:FileAttachment></m:Attachments>")
#define ROOT(key) "RootItemId=\"a\" RootItemChangeKey=\"" key "\""
#define PHOTO(id, more)                                                                            \
    "<t:FileAttachment><t:AttachmentId Id=\"" id "\"/><t:Name>x</t:Name>" more                     \
    "<t:IsContactPhoto>true</t:IsContactPhoto></t:FileAttachment>"
#define FILED "<t:FileAttachment><t:AttachmentId Id=\"f1\"/><t:Name>x</t:Name></t:FileAttachment>"
#define HELD(inner) "<t:Attachments>" inner "</t:Attachments>"
#define SHOWN(id, content)                                                                         \
    M_OK("GetAttachment", "<m:Attachments><t:FileAttachment><t:AttachmentId Id=\"" id "\"/>"       \
                          "<t:Name>x</t:Name>" content "</t:FileAttachment></m:Attachments>")

static struct wess_field photo(struct stage *t, const char *bytes)
{
    struct wess_field f = {.name = "photo", .type = WESS_BLOB};
    const struct wess_host *h = &t->th.host;
    struct wess_spool *s = NULL;
    assert_int_equal(h->blob_new(h->ctx, &s), WESS_OK);
    assert_int_equal(h->blob_put(s, bytes, strlen(bytes)), WESS_OK);
    assert_int_equal(h->blob_done(s, t->call.arena, &f.blob), WESS_OK);
    return f;
}

static struct wess_result update(struct stage *t, const struct wess_field *of, size_t n)
{
    static const struct wess_item before = {.id = "a", .revision = "k1"};
    struct wess_op op = {
        .what = WESS_UPDATE, .before = &before, .item = {.id = "a", .fields = of, .n_fields = n}};
    struct wess_result out = {.code = WESS_UNKNOWN};
    t->call.error = (struct wess_error){0};
    t->c->apply(&t->call, &op, 1, &out);
    return out;
}

/* ---- reading
 * ------------------------------------------------------------------------------------------ */

static const struct wess_field *shown(struct stage *t, struct wess_result *out)
{
    const char *ids[] = {"a"};
    *out = (struct wess_result){.code = WESS_UNKNOWN};
    t->call.error = (struct wess_error){0};
    if (t->c->fetch(&t->call, (struct wess_list){ids, 1}, out) != WESS_OK || out->code != WESS_OK)
        return NULL;
    for (size_t i = 0; i < out->current->n_fields; i++)
        if (!strcmp(out->current->fields[i].name, "photo"))
            return &out->current->fields[i];
    return NULL;
}

static void test_ews__the_newest_picture_counts(void **state)
{
    struct stage *t = *state;
    struct wess_result out;
    size_t len = 0;
    ews_open(t, NULL);
    stage_says(t, "GetItem",
               M_OK("GetItem",
                    ITEMS(ITEM("a", "k1",
                               HELD(PHOTO("p1", "<t:LastModifiedTime>2026-11-01T10:00:00</t:Last"
                                                "ModifiedTime>")
                                        PHOTO("p2", "<t:LastModifiedTime>2026-11-02T10:00:00</t:"
                                                    "LastModifiedTime>") FILED)))));
    stage_says(t, "GetAttachment", SHOWN("p2", "<t:Content>aGVs\nbG8=</t:Content>"));
    const struct wess_field *f = shown(t, &out);
    assert_non_null(f);
    assert_int_equal(f->type, WESS_BLOB);
    assert_memory_equal(testhost_blob(&t->th, f->blob.digest, &len), "hello", 5);
    assert_int_equal(len, 5);
    assert_non_null(strstr(stage_request(t, "GetAttachment", 0), "Id=\"p2\""));
    /* Nobody beside has a place for it. */
    t->call.flags = WESS_CALL_NO_PHOTO;
    assert_null(shown(t, &out));
    assert_int_equal(out.code, WESS_OK);
    assert_int_equal(stage_asked(t, "GetAttachment"), 1);
    t->call.flags = 0;
    /* An empty one is none; one that went meanwhile, or came broken, says nothing of its item. */
    stage_forget(t);
    stage_says(t, "GetItem", M_OK("GetItem", ITEMS(ITEM("a", "k1", HELD(PHOTO("p1", ""))))));
    stage_says(t, "GetAttachment", SHOWN("p1", "<t:Content/>"));
    stage_says(t, "GetAttachment", M_BAD("GetAttachment", "ErrorItemNotFound"));
    stage_says(t, "GetAttachment", SHOWN("p1", "<t:Content>aGVsbG8</t:Content>"));
    assert_null(shown(t, &out));
    assert_int_equal(out.code, WESS_OK);
    assert_null(shown(t, &out));
    assert_int_equal(out.code, WESS_TRANSIENT);
    assert_null(shown(t, &out));
    assert_int_equal(t->call.error.scope, WESS_OF_COLLECTION);
}

/* ---- writing
 * ------------------------------------------------------------------------------------------ */

static void test_ews__a_picture_is_there_before_the_old_one_goes(void **state)
{
    struct stage *t = *state;
    ews_open(t, NULL);
    struct wess_field f = photo(t, "\x89PNG");
    stage_says(
        t, "GetItem",
        M_OK("GetItem", ITEMS(ITEM("a", "k1", HELD(PHOTO("p1", "") FILED PHOTO("p2", ""))))));
    stage_says(t, "CreateAttachment", ATTACHED("p3", ROOT("k2")));
    stage_says(t, "DeleteAttachment",
               M_OK("DeleteAttachment", "<m:RootItemId " ROOT("k3") "/>")
                   M_OK("DeleteAttachment", "<m:RootItemId " ROOT("k4") "/>"));
    struct wess_result out = update(t, &f, 1);
    assert_int_equal(out.code, WESS_OK);
    assert_string_equal(out.revision, "k4");
    assert_int_equal(stage_asked(t, "UpdateItem"), 0);
    const char *made = stage_request(t, "CreateAttachment", 0);
    assert_non_null(strstr(made, "<m:ParentItemId Id=\"a\" ChangeKey=\"k1\"/>"));
    assert_non_null(strstr(made, "<t:ContentType>image/png</t:ContentType>"));
    assert_non_null(strstr(made, "<t:Content>iVBORw==</t:Content>"));
    const char *gone = stage_request(t, "DeleteAttachment", 0);
    assert_non_null(strstr(gone, "Id=\"p1\""));
    assert_non_null(strstr(gone, "Id=\"p2\""));
    assert_null(strstr(gone, "Id=\"f1\""));
    /* Cleared: they go, and nothing comes. */
    struct wess_field none = {.name = "photo", .type = WESS_NULL};
    out = update(t, &none, 1);
    assert_int_equal(out.code, WESS_OK);
    assert_int_equal(stage_asked(t, "CreateAttachment"), 1);
    assert_int_equal(stage_asked(t, "DeleteAttachment"), 2);
}

static void test_ews__a_picture_that_cannot_be_written(void **state)
{
    static const struct {
        const char *answer;
        enum wess_code code;
        bool refused;
    } of[] = {
        {M_BAD("CreateAttachment", "ErrorItemSave"), WESS_REJECTED, true},
        {M_BAD("CreateAttachment", "ErrorAttachmentSizeLimitExceeded"), WESS_REJECTED, true},
        /* Perhaps the second answer to a request that came twice: what is there says so. */
        {M_BAD("CreateAttachment", "ErrorIrresolvableConflict"), WESS_UNKNOWN, false},
        {ATTACHED("p3", ""), WESS_OK, false}, /* which does not tell the item's revision */
    };
    struct stage *t = *state;
    ews_open(t, NULL);
    struct wess_field f = photo(t, "x");
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
        stage_forget(t);
        stage_says(t, "GetFolder", FOLDERS_OK);
        stage_says(t, "GetItem", M_OK("GetItem", ITEMS(ITEM("a", "k1", ""))));
        stage_says(t, "CreateAttachment", of[i].answer);
        struct wess_result out = update(t, &f, 1);
        assert_int_equal(out.code, of[i].code);
        assert_int_equal(out.n_refused, of[i].refused);
        assert_null(of[i].code == WESS_OK ? out.revision : NULL);
        assert_int_equal(stage_asked(t, "DeleteAttachment"), 0);
    }
    /* Somebody was there between the item and its picture: merged again, by their revision. */
    stage_forget(t);
    stage_says(t, "GetItem", M_OK("GetItem", ITEMS(ITEM("a", "k9", ""))));
    struct wess_field both[] = {f, {.name = "title", .type = WESS_TEXT, .str = {"Boss", 4}}};
    stage_says(t, "UpdateItem", M_OK("UpdateItem", ITEMS(ITEM("a", "k2", ""))));
    assert_int_equal(update(t, both, 2).code, WESS_CONFLICT);
    assert_int_equal(stage_asked(t, "UpdateItem"), 0);
    stage_forget(t);
    stage_says(t, "GetItem", M_OK("GetItem", ITEMS(ITEM("a", "k1", ""))));
    stage_says(t, "GetItem", M_OK("GetItem", ITEMS(ITEM("a", "k9", ""))));
    stage_says(t, "UpdateItem", M_OK("UpdateItem", ITEMS(ITEM("a", "k2", ""))));
    assert_int_equal(update(t, both, 2).code, WESS_CONFLICT);
    assert_int_equal(stage_asked(t, "UpdateItem"), 1);
    assert_int_equal(stage_asked(t, "CreateAttachment"), 0);
}

/* ---- a server that takes stale revisions
 * ------------------------------------------------------------------------------------------ */

static void test_ews__told_so_it_compares_before_each_write(void **state)
{
    struct stage *t = *state;
    struct wess_field title = {.name = "title", .type = WESS_TEXT, .str = {"Boss", 4}};
    ews_open(t, NULL);
    stage_says(t, "GetItem", M_OK("GetItem", ITEMS(ITEM("a", "k9", ""))));
    stage_says(t, "UpdateItem", M_OK("UpdateItem", ITEMS(ITEM("a", "k2", ""))));
    assert_int_equal(update(t, &title, 1).code, WESS_OK);
    assert_int_equal(stage_asked(t, "GetItem"), 0);
    t->call.flags = WESS_CALL_COMPARE;
    assert_int_equal(update(t, &title, 1).code, WESS_CONFLICT);
    assert_int_equal(stage_asked(t, "UpdateItem"), 1);
    t->call.flags = 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ews_set_up, stage_tear_down)
int ews_run_photo_tests(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ews__the_newest_picture_counts),
        TEST(test_ews__a_picture_is_there_before_the_old_one_goes),
        TEST(test_ews__a_picture_that_cannot_be_written),
        TEST(test_ews__told_so_it_compares_before_each_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
