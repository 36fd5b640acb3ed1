/* Writing to Exchange: what is sent, what its answers come to, and what is never sent. */
#include "ews_replay.h"

/* ---- making ops
 * ------------------------------------------------------------------------------------------ */

static struct wess_field text(const char *name, const char *value)
{
    return (struct wess_field){.name = name, .type = WESS_TEXT, .str = {value, strlen(value)}};
}

struct full { /* a contact with something in every field */
    struct wess_field parts[40], fields[40];
    struct wess_record records[20];
    const char *tags[2];
    size_t n_parts, n_records, n;
};

static void add_record(struct full *f, const char *key, size_t n, const char *const *names,
                       const char *value)
{
    f->records[f->n_records++] = (struct wess_record){key, f->parts + f->n_parts, n};
    for (size_t i = 0; i < n; i++)
        f->parts[f->n_parts++] = text(names[i], value);
}

static void add_records(struct full *f, const char *name, size_t first)
{
    f->fields[f->n++] = (struct wess_field){
        .name = name, .type = WESS_RECORDS, .records = {f->records + first, f->n_records - first}};
}

static void fill(struct full *f)
{
    static const char *const lines[] = {
        "name.prefix", "name.given", "name.additional", "name.family", "name.suffix", "fn",
        "nickname",    "org",        "org.unit",        "title",       "role",        "manager",
        "assistant",   "spouse"};
    static const char *const phones[] = {"work", "work2",   "mobile",    "home",  "home2",
                                         "fax",  "homefax", "assistant", "other", "pager"};
    static const char *const value[] = {"value"};
    static const char *const places[] = {"work", "home", "other"};
    static const char *const parts[] = {"street", "locality", "region", "code", "country"};
    *f = (struct full){.tags = {"Friends", "Workbooks"}};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        f->fields[f->n++] = text(lines[i], "L\xc3\xb6we & <Co>\x01");
    f->fields[f->n++] = text("note", "one\ntwo\xf0\x9f\x93\x9e");
    f->fields[f->n++] = text("url", "https://example.com/a?b=c&d");
    f->fields[f->n] = text("bday", "1958-04-01");
    f->fields[f->n++].type = WESS_DATE;
    f->fields[f->n] = text("anniversary", "1990-06-30");
    f->fields[f->n++].type = WESS_DATE;
    f->fields[f->n++] =
        (struct wess_field){.name = "categories", .type = WESS_SET, .set = {f->tags, 2}};
    for (size_t i = 0; i < 10; i++)
        add_record(f, phones[i], 1, value, "+44 20 7946 0000");
    add_records(f, "phone", 0);
    for (size_t i = 0; i < 3; i++)
        add_record(f, places[i], 5, parts, "1 High St\nFloor 2");
    add_records(f, "address", 10);
    add_record(f, "a@b.org", 1, value, "a@b.org");
    add_record(f, "c@d.org", 1, value, "c@d.org");
    add_record(f, "e@f.org", 1, value, "e@f.org");
    add_records(f, "email", 13);
}

static enum wess_code apply(struct stage *t, const struct wess_op *ops, size_t n,
                            struct wess_result *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (struct wess_result){.code = WESS_UNKNOWN};
    t->call.error = (struct wess_error){0};
    return t->c->apply(&t->call, ops, n, out);
}

/* ---- creates
 * ------------------------------------------------------------------------------------------ */

static void test_ews__a_create_carries_every_field_and_the_stamp(void **state)
{
    struct stage *t = *state;
    struct full f;
    struct wess_result out[2];
    struct wess_field only_org = text("org", "Acme");
    fill(&f);
    struct wess_op ops[] = {
        {.what = WESS_CREATE, .stamp = "st1", .item = {.fields = f.fields, .n_fields = f.n}},
        {.what = WESS_CREATE, .item = {.fields = &only_org, .n_fields = 1}}};
    ews_open(t, NULL);
    stage_says(t, "CreateItem",
               M_OK("CreateItem", ITEMS(ITEM("n1", "k1", "")))
                   M_BAD("CreateItem", "ErrorItemSave"));
    assert_int_equal(apply(t, ops, 2, out), WESS_OK);
    assert_int_equal(out[0].code, WESS_OK);
    assert_string_equal(out[0].id, "n1");
    assert_string_equal(out[0].revision, "k1");
    assert_int_equal(out[1].code, WESS_REJECTED);
    assert_string_equal(out[1].remote_code, "ErrorItemSave");
    for (size_t i = 0; i < 2; i++) /* the server gave it no name: ours */
        assert_true(out[i].request && strlen(out[i].request) == 36);
    const char *q = stage_request(t, "CreateItem", 0);
    static const char *const has[] = {"MessageDisposition=\"SaveOnly\"",
                                      "<t:FolderId Id=\"F-contacts\"/>",
                                      "PropertyName=\"wess-stamp\"",
                                      "<t:Value>st1</t:Value>",
                                      "PropertyTag=\"0x3A45\"",
                                      "<t:FileAsMapping>LastCommaFirst</t:FileAsMapping>",
                                      "<t:FileAsMapping>Company</t:FileAsMapping>",
                                      "<t:Birthday>1958-04-01T11:59:00Z",
                                      "one&#13;\ntwo\xf0\x9f\x93\x9e",
                                      "<t:String>Friends</t:String><t:String>Workbooks",
                                      "<t:Entry Key=\"EmailAddress3\">e@f.org</t:Entry>",
                                      "L\xc3\xb6we &amp; &lt;Co&gt;<",
                                      "<t:Street>1 High St&#13;\nFloor 2</t:Street>"};
    for (size_t i = 0; i < sizeof(has) / sizeof(has[0]); i++)
        if (!strstr(q, has[i]))
            fail_msg("no %s in %s", has[i], q);
}

static bool lose_creates(struct stage *t, const char *op, const char *request,
                         struct replay_reply *r)
{
    (void)request;
    (void)t;
    r->lost = !strcmp(op, "CreateItem");
    return r->lost;
}

#define FOUND(items)                                                                               \
    M_OK("FindItem", "<m:RootFolder IndexedPagingOffset=\"1\" IncludesLastItemInRange=\"true\">"   \
                     "<t:Items>" items "</t:Items></m:RootFolder>")
#define NO_FOLDERS                                                                                 \
    M_OK("FindFolder", "<m:RootFolder IndexedPagingOffset=\"0\" IncludesLastItemInRange=\"true\">" \
                       "<t:Folders/></m:RootFolder>")

static void test_ews__a_create_in_doubt_is_looked_up_first(void **state)
{
    struct stage *t = *state;
    struct wess_field fn = text("fn", "Ada");
    struct wess_op ops[] = {
        {.what = WESS_CREATE, .stamp = "st1", .item = {.fields = &fn, .n_fields = 1}},
        {.what = WESS_CREATE, .stamp = "st2", .item = {.fields = &fn, .n_fields = 1}}};
    struct wess_result out[2];
    ews_open(t, NULL);
    t->hook = lose_creates;
    assert_int_equal(apply(t, ops, 2, out), WESS_UNKNOWN);
    assert_int_equal(out[0].code, WESS_UNKNOWN);
    assert_int_equal(stage_asked(t, "CreateItem"), 1); /* never sent twice by itself */
    t->hook = NULL;
    ops[0].flags = ops[1].flags = WESS_OP_AGAIN;
    t->call.lanes = 1; /* answers are given in the order of arrival */
    stage_says(t, "FindFolder", NO_FOLDERS);
    stage_says(t, "FindItem", FOUND(ITEM("old1", "k9", STAMPED("st1"))));
    stage_says(t, "FindItem", FOUND(ITEM("binned", "k9", STAMPED("st2")))); /* not a live one */
    stage_says(t, "CreateItem", M_OK("CreateItem", ITEMS(ITEM("new2", "k1", ""))));
    assert_int_equal(apply(t, ops, 2, out), WESS_OK);
    assert_string_equal(out[0].id, "old1");
    assert_null(out[0].revision);
    assert_true(test_has_key(out[0].current, "wess", "st1"));
    assert_string_equal(out[1].id, "new2");
    assert_string_equal(out[1].revision, "k1");
    assert_null(strstr(stage_request(t, "CreateItem", 1), "st1"));
}

static void test_ews__a_look_up_that_is_not_whole_creates_nothing(void **state)
{
    struct stage *t = *state;
    struct wess_field fn = text("fn", "Ada");
    struct wess_op op = {.what = WESS_CREATE,
                         .stamp = "st1",
                         .flags = WESS_OP_AGAIN,
                         .item = {.fields = &fn, .n_fields = 1}};
    struct wess_result out;
    ews_open(t, NULL);
    stage_says(t, "FindFolder", NO_FOLDERS);
    stage_says(t, "FindItem",
               M_OK("FindItem", "<m:RootFolder IncludesLastItemInRange=\"false\"><t:Items/>"
                                "</m:RootFolder>"));
    assert_int_equal(apply(t, &op, 1, &out), WESS_TRANSIENT);
    assert_int_equal(out.code, WESS_NOT_TRIED);
    assert_int_equal(stage_asked(t, "CreateItem"), 0);
}

static bool cut_creates(struct stage *t, const char *op, const char *request,
                        struct replay_reply *r)
{
    (void)request;
    (void)t;
    if (strcmp(op, "CreateItem"))
        return false;
    r->body = ews_envelope("CreateItem", M_OK("CreateItem", ITEMS(ITEM("n1", "k1", "")))
                                             M_OK("CreateItem", ITEMS(ITEM("n2", "k2", ""))));
    r->cut = (size_t)(strstr(r->body, "n2") - r->body);
    return true;
}

/* An intermediary may also end an answer as if it were whole. */
static bool shorten_creates(struct stage *t, const char *op, const char *request,
                            struct replay_reply *r)
{
    if (!cut_creates(t, op, request, r))
        return false;
    r->body[r->cut] = 0;
    r->cut = 0;
    return true;
}

static void test_ews__a_cut_answer_leaves_doubt(void **state)
{
    struct stage *t = *state;
    struct wess_field fn = text("fn", "Ada");
    struct wess_op ops[2];
    struct wess_result out[2];
    for (size_t i = 0; i < 2; i++)
        ops[i] = (struct wess_op){
            .what = WESS_CREATE, .stamp = "s", .item = {.fields = &fn, .n_fields = 1}};
    ews_open(t, NULL);
    t->hook = cut_creates;
    assert_int_equal(apply(t, ops, 2, out), WESS_UNKNOWN);
    assert_int_equal(out[0].code, WESS_UNKNOWN);
    assert_int_equal(out[1].code, WESS_UNKNOWN);
    t->hook = shorten_creates;
    assert_int_equal(apply(t, ops, 2, out), WESS_UNKNOWN);
    assert_int_equal(out[0].code, WESS_OK);
    assert_string_equal(out[0].id, "n1");
    assert_int_equal(out[1].code, WESS_UNKNOWN);
}

/* ---- requests that are refused whole
 * ------------------------------------------------------------------------------------------ */

static bool refuse_poison(struct stage *t, const char *op, const char *request,
                          struct replay_reply *r)
{
    char list[8000] = "";
    if (strcmp(op, "CreateItem"))
        return false;
    if (strstr(request, "poison") || t->at) {
        r->status = 500;
        r->body = ews_fault("ErrorSchemaValidation");
        return true;
    }
    for (const char *at = request; (at = strstr(at, "<t:Contact>")); at++)
        strcat(list, M_OK("CreateItem", ITEMS(ITEM("n", "k", ""))));
    r->body = ews_envelope("CreateItem", list);
    return true;
}

static void test_ews__one_bad_op_does_not_spoil_its_batch(void **state)
{
    struct stage *t = *state;
    enum { N = 16 };
    struct wess_field fn[N];
    struct wess_op ops[N];
    struct wess_result out[N];
    for (size_t i = 0; i < N; i++) {
        fn[i] = text("fn", i == 11 ? "poison" : "Ada");
        ops[i] = (struct wess_op){.what = WESS_CREATE, .item = {.fields = &fn[i], .n_fields = 1}};
    }
    t->hook = refuse_poison;
    ews_open(t, NULL);
    assert_int_equal(apply(t, ops, N, out), WESS_OK);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(out[i].code, i == 11 ? WESS_REJECTED : WESS_OK);
    /* Where nothing at all is understood, no op is blamed. */
    t->at = 1;
    assert_int_equal(apply(t, ops, N, out), WESS_BROKEN);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(out[i].code, WESS_NOT_TRIED);
}

static void test_ews__large_batches_go_in_pieces(void **state)
{
    struct stage *t = *state;
    enum { N = 8, SIZE = 1 << 20 };
    struct wess_field note[N];
    struct wess_op ops[N];
    struct wess_result out[N];
    char *long_text = malloc(SIZE + 1);
    assert_non_null(long_text);
    memset(long_text, 'x', SIZE);
    long_text[SIZE] = 0;
    ews_open(t, NULL);
    for (size_t i = 0; i < N; i++) {
        struct wess_spool *s;
        note[i] = (struct wess_field){.name = "note", .type = WESS_BLOB};
        assert_int_equal(t->th.host.blob_new(&t->th, &s), WESS_OK);
        t->th.host.blob_put(s, long_text, SIZE);
        assert_int_equal(t->th.host.blob_done(s, &t->th.arena, &note[i].blob), WESS_OK);
        ops[i] = (struct wess_op){.what = WESS_CREATE, .item = {.fields = &note[i], .n_fields = 1}};
    }
    t->hook = refuse_poison;
    assert_int_equal(apply(t, ops, N, out), WESS_OK);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(out[i].code, WESS_OK);
    assert_true(stage_asked(t, "CreateItem") >= 2);
    assert_non_null(strstr(stage_request(t, "CreateItem", 0), "xxxx</t:Body>"));
    free(long_text);
}

/* Each item gets the name that was written as its id; the answer about "op 150" is cut off, that
 * about "op 350" is that the server is busy. */
static bool name_creates(struct stage *t, const char *op, const char *request,
                         struct replay_reply *r)
{
    static const char name[] = "<t:DisplayName>op ";
    size_t n = 0, cap = 100000;
    (void)t;
    if (strcmp(op, "CreateItem"))
        return false;
    if (strstr(request, ">op 350<")) {
        r->status = 503;
        return true;
    }
    char *list = calloc(1, cap);
    assert_non_null(list);
    for (const char *at = request; (at = strstr(at, name));) {
        at += strlen(name);
        n += (size_t)snprintf(list + n, cap - n, M_OK("CreateItem", ITEMS(ITEM("n%.3s", "k", ""))),
                              at);
        assert_true(n < cap);
    }
    r->body = ews_envelope("CreateItem", list);
    if (strstr(request, ">op 150<"))
        r->cut = strlen(r->body) / 2;
    free(list);
    return true;
}

/* Several requests of a batch are on the wire at once: each op gets the answer of its own, the ops
 * of a request that failed are in doubt, and those behind are not tried. */
static void test_ews__requests_side_by_side_answer_for_their_own(void **state)
{
    struct stage *t = *state;
    enum { N = 500 };
    static struct wess_field fn[N];
    static struct wess_op ops[N];
    static struct wess_result out[N];
    static char names[N][8];
    for (size_t i = 0; i < N; i++) {
        snprintf(names[i], sizeof(names[i]), "op %03zu", i);
        fn[i] = text("fn", names[i]);
        ops[i] = (struct wess_op){.what = WESS_CREATE, .item = {.fields = &fn[i], .n_fields = 1}};
    }
    ews_open(t, NULL);
    t->call.lanes = 4;
    t->hook = name_creates;
    enum wess_code rc = apply(t, ops, N, out);
    assert_true(rc == WESS_UNKNOWN || rc == WESS_THROTTLED); /* whichever came first */
    assert_int_equal(stage_asked(t, "CreateItem"), 4);
    for (size_t i = 0; i < N; i++) {
        static const enum wess_code of[] = {WESS_OK, WESS_UNKNOWN, WESS_OK, WESS_NOT_TRIED,
                                            WESS_NOT_TRIED};
        assert_int_equal(out[i].code, of[i / 100]);
        if (out[i].code != WESS_OK)
            continue;
        assert_int_equal(out[i].id[0], 'n');
        assert_string_equal(out[i].id + 1, names[i] + 3);
    }
}

/* ---- updates
 * ------------------------------------------------------------------------------------------ */

static void test_ews__an_update_names_its_revision_and_changes_only(void **state)
{
    struct stage *t = *state;
    struct full f;
    struct wess_field title = text("title", "Boss");
    struct wess_item before[] = {{.id = "a", .revision = "k1"},
                                 {.id = "b", .revision = "k1"},
                                 {.id = "c", .revision = "k1"}};
    struct wess_field same = {.name = "phone", .type = WESS_NULL};
    struct wess_result out[3];
    fill(&f);
    struct wess_op ops[] = {{.what = WESS_UPDATE,
                             .before = &before[0],
                             .item = {.id = "a", .fields = f.fields, .n_fields = f.n}},
                            {.what = WESS_UPDATE,
                             .before = &before[1],
                             .item = {.id = "b", .fields = &title, .n_fields = 1}},
                            {.what = WESS_UPDATE,
                             .before = &before[2],
                             .item = {.id = "c", .fields = &same, .n_fields = 1}}};
    ews_open(t, NULL);
    stage_says(t, "GetItem",
               M_OK("GetItem", ITEMS(ITEM("a", "k1",
                                          "<t:EmailAddresses><t:Entry "
                                          "Key=\"EmailAddress2\">c@d.org</t:Entry>"
                                          "</t:EmailAddresses>"))));
    stage_says(t, "UpdateItem",
               M_OK("UpdateItem",
                    ITEMS(ITEM("a", "k2",
                               "")) "<m:ConflictResults><t:Count>0</t:Count></m:ConflictResults>")
                   M_BAD("UpdateItem", "ErrorIrresolvableConflict"));
    assert_int_equal(apply(t, ops, 3, out), WESS_OK);
    assert_int_equal(out[0].code, WESS_OK);
    assert_string_equal(out[0].revision, "k2");
    assert_int_equal(out[1].code, WESS_CONFLICT);
    assert_int_equal(out[2].code, WESS_OK); /* it came to nothing, and was not sent */
    assert_string_equal(out[2].revision, "k1");
    const char *q = stage_request(t, "UpdateItem", 0);
    assert_non_null(strstr(q, "ConflictResolution=\"NeverOverwrite\""));
    assert_non_null(strstr(q, "SendMeetingInvitationsOrCancellations=\"SendToNone\""));
    assert_non_null(strstr(q, "<t:ItemId Id=\"b\" ChangeKey=\"k1\"/>"));
    assert_null(strstr(q, "Id=\"c\""));
    assert_null(strstr(strstr(q, "Id=\"b\""), "Surname"));
    /* Looked at only where mail addresses are written. */
    assert_int_equal(stage_asked(t, "GetItem"), 1);
    assert_null(strstr(stage_request(t, "GetItem", 0), "Id=\"b\""));
}

static void test_ews__clearing_is_deleting_the_field(void **state)
{
    struct stage *t = *state;
    static const char *const names[] = {"note", "categories", "name.prefix", "fn", "bday", "url"};
    struct wess_field fields[8];
    size_t n = 0;
    for (; n < 6; n++)
        fields[n] = (struct wess_field){.name = names[n], .type = WESS_NULL};
    fields[n++] = (struct wess_field){.name = "email", .type = WESS_NULL};
    fields[n++] = (struct wess_field){.name = "phone", .type = WESS_NULL};
    struct wess_field value = text("value", "1");
    struct wess_record had = {"mobile", &value, 1};
    struct wess_field phone = {.name = "phone", .type = WESS_RECORDS, .records = {&had, 1}};
    struct wess_item before = {.id = "a", .revision = "k1", .fields = &phone, .n_fields = 1};
    struct wess_op op = {.what = WESS_UPDATE,
                         .before = &before,
                         .item = {.id = "a", .fields = fields, .n_fields = n}};
    struct wess_result out;
    ews_open(t, NULL);
    stage_says(t, "GetItem",
               M_OK("GetItem",
                    ITEMS(ITEM("a", "k1",
                               "<t:EmailAddresses><t:Entry Key=\"EmailAddress1\" "
                               "RoutingType=\"EX\">/o=x</t:Entry><t:Entry Key=\"EmailAddress3\">"
                               "c@d.org</t:Entry></t:EmailAddresses>"))));
    stage_says(t, "UpdateItem", M_OK("UpdateItem", ITEMS(ITEM("a", "k2", ""))));
    assert_int_equal(apply(t, &op, 1, &out), WESS_OK);
    const char *q = stage_request(t, "UpdateItem", 0);
    size_t cleared = 0;
    for (const char *at = q; (at = strstr(at, "<t:DeleteItemField>")); at++)
        cleared++;
    assert_int_equal(cleared, 8);
    assert_null(strstr(q, "SetItemField"));
    assert_non_null(strstr(q, "FieldIndex=\"EmailAddress3\""));
    assert_null(strstr(q, "FieldIndex=\"EmailAddress1\"")); /* what is not shown stays */
    assert_non_null(strstr(q, "FieldIndex=\"MobilePhone\""));
}

static void test_ews__a_field_is_refused_by_its_name(void **state)
{
    struct stage *t = *state;
    struct wess_item before = {.id = "a", .revision = "k1"};
    struct wess_field title = text("title", "Boss");
    struct wess_op op = {.what = WESS_UPDATE,
                         .before = &before,
                         .item = {.id = "a", .fields = &title, .n_fields = 1}};
    struct wess_result out;
    ews_open(t, NULL);
    stage_says(
        t, "UpdateItem",
        "<m:UpdateItemResponseMessage ResponseClass=\"Error\"><m:MessageText>w</m:MessageText>"
        "<m:ResponseCode>ErrorInvalidValueForProperty</m:ResponseCode><m:MessageXml>"
        "<t:IndexedFieldURI FieldURI=\"contacts:PhoneNumber\" FieldIndex=\"MobilePhone\"/>"
        "</m:MessageXml><m:Items/></m:UpdateItemResponseMessage>");
    assert_int_equal(apply(t, &op, 1, &out), WESS_OK);
    assert_int_equal(out.code, WESS_REJECTED);
    assert_int_equal(out.n_refused, 1);
    assert_string_equal(out.refused[0].field, "phone.mobile");
}

/* ---- deletions
 * ------------------------------------------------------------------------------------------ */

static void test_ews__a_deletion_compares_first_and_is_soft(void **state)
{
    struct stage *t = *state;
    struct wess_item before[] = {{.id = "a", .revision = "k1"},
                                 {.id = "b", .revision = "k1"},
                                 {.id = "c", .revision = "k1"},
                                 {.id = "d", .revision = "k1"}};
    struct wess_op ops[4];
    struct wess_result out[4];
    for (size_t i = 0; i < 4; i++)
        ops[i] = (struct wess_op){
            .what = WESS_DELETE, .before = &before[i], .item = {.id = before[i].id}};
    ews_open(t, NULL);
    stage_says(t, "GetItem",
               M_OK("GetItem", ITEMS(ITEM("a", "k1", "")))
                   M_OK("GetItem", ITEMS(ITEM("b", "k2", ""))) M_BAD("GetItem", "ErrorItemNotFound")
                       M_BAD("GetItem", "ErrorBatchProcessingStopped"));
    stage_says(t, "DeleteItem",
               "<m:DeleteItemResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError"
               "</m:ResponseCode></m:DeleteItemResponseMessage>");
    assert_int_equal(apply(t, ops, 4, out), WESS_OK);
    assert_int_equal(out[0].code, WESS_OK);
    assert_int_equal(out[1].code, WESS_CONFLICT);
    assert_int_equal(out[2].code, WESS_GONE);
    assert_int_equal(out[3].code, WESS_TRANSIENT); /* not looked at is not deleted */
    const char *q = stage_request(t, "DeleteItem", 0);
    assert_non_null(strstr(q, "DeleteType=\"MoveToDeletedItems\""));
    assert_non_null(strstr(q, "Id=\"a\""));
    assert_null(strstr(q, "Id=\"b\""));
    assert_null(strstr(q, "Id=\"d\""));
}

static void test_ews__trouble_before_writing_writes_nothing(void **state)
{
    struct stage *t = *state;
    struct wess_item before = {.id = "a", .revision = "k1"};
    struct wess_op op = {.what = WESS_DELETE, .before = &before, .item = {.id = "a"}};
    struct wess_result out;
    ews_open(t, NULL);
    stage_says_status(t, "GetItem", 503, "busy");
    assert_int_equal(apply(t, &op, 1, &out), WESS_THROTTLED);
    assert_int_equal(out.code, WESS_NOT_TRIED);
    assert_int_equal(stage_asked(t, "DeleteItem"), 0);
}

static void test_ews__each_allocation_of_a_write_fails_once(void **state)
{
    struct stage *t = *state;
    struct full f;
    struct wess_item before = {.id = "a", .revision = "k1"};
    struct wess_result out[2];
    fill(&f);
    struct wess_op ops[] = {
        {.what = WESS_CREATE, .stamp = "st1", .item = {.fields = f.fields, .n_fields = f.n}},
        {.what = WESS_UPDATE,
         .before = &before,
         .item = {.id = "a", .fields = f.fields, .n_fields = f.n}}};
    ews_open(t, NULL);
    stage_says(t, "CreateItem", M_OK("CreateItem", ITEMS(ITEM("n1", "k1", ""))));
    stage_says(t, "GetItem", M_OK("GetItem", ITEMS(ITEM("a", "k1", ""))));
    stage_says(t, "UpdateItem", M_OK("UpdateItem", ITEMS(ITEM("a", "k2", ""))));
    for (size_t at = 1; at < 200; at++) {
        testhost_drop(&t->th);
        t->th.arena.fail_at = at;
        enum wess_code rc = apply(t, ops, 2, out);
        /* A create that was answered and cannot be told is in doubt, not lost. */
        assert_true(out[0].code == WESS_OK
                        ? out[0].id != NULL
                        : out[0].code == WESS_NOT_TRIED || out[0].code == WESS_UNKNOWN);
        if (rc == WESS_OK && out[0].code == WESS_OK && out[1].code == WESS_OK && out[1].revision)
            return;
    }
    fail_msg("it never gets through");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ews_set_up, stage_tear_down)
int ews_run_write_tests(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ews__a_create_carries_every_field_and_the_stamp),
        TEST(test_ews__a_create_in_doubt_is_looked_up_first),
        TEST(test_ews__a_look_up_that_is_not_whole_creates_nothing),
        TEST(test_ews__a_cut_answer_leaves_doubt),
        TEST(test_ews__one_bad_op_does_not_spoil_its_batch),
        TEST(test_ews__requests_side_by_side_answer_for_their_own),
        TEST(test_ews__large_batches_go_in_pieces),
        TEST(test_ews__an_update_names_its_revision_and_changes_only),
        TEST(test_ews__clearing_is_deleting_the_field),
        TEST(test_ews__a_field_is_refused_by_its_name),
        TEST(test_ews__a_deletion_compares_first_and_is_soft),
        TEST(test_ews__trouble_before_writing_writes_nothing),
        TEST(test_ews__each_allocation_of_a_write_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
