/* Reading from Exchange: folders, changes, batches, searches. */
#include "ews_replay.h"

/* ---- check, describe, folders
 * ------------------------------------------------------------------------------------------ */

static void test_ews__check_and_describe(void **state)
{
    struct stage *t = *state;
    struct wess_schema s;
    ews_open(t, NULL);
    assert_int_equal(t->c->check(&t->call), WESS_OK);
    /* The second asks for the list of categories, which this mailbox has not: none the worse. */
    assert_int_equal(replay_count(t->server), 2);
    assert_int_equal(t->call.requests, 2);
    assert_true(t->call.n_notes > 3);
    assert_string_equal(t->call.notes[1].name, "mailbox");
    assert_string_equal(t->call.notes[1].value, "ada@example.com, who may be impersonated");
    assert_int_equal(t->c->describe(&t->call, &s), WESS_OK);
    assert_string_equal(s.identity, "F-contacts");
    assert_string_equal(s.version, "Exchange SE (15.2.2562.17)");
    assert_int_equal(s.n, 1);
    assert_string_equal(s.of[0].id, "contacts");
    assert_int_equal(s.of[0].caps & ~t->c->kinds[0].caps, 0);
    assert_int_equal(replay_count(t->server), 2);
    assert_non_null(strstr(replay_request(t->server, 0),
                           "<t:PrimarySmtpAddress>ada@example.com</t:PrimarySmtpAddress>"));
    /* A check asks, whatever is known. */
    assert_int_equal(t->c->check(&t->call), WESS_OK);
    assert_int_equal(replay_count(t->server), 4);
}

static bool shut_for_some(struct stage *t, const char *op, const char *request,
                          struct replay_reply *r)
{
    (void)t;
    (void)op;
    if (strstr(request, "ceo@example.com"))
        r->body = ews_fault("ErrorImpersonateUserDenied");
    else if (strstr(request, "typo@example.com"))
        r->body = ews_fault("ErrorNonExistentMailbox");
    else
        return false;
    r->status = 500;
    return true;
}

static void test_ews__must_not_reach(void **state)
{
    struct stage *t = *state;
    t->hook = shut_for_some;
    ews_open(t, "must_not_reach", "ceo@example.com", NULL);
    assert_int_equal(t->c->check(&t->call), WESS_OK);
    ews_open(t, "must_not_reach", "ceo@example.com\nboss@example.com", NULL);
    assert_int_equal(t->c->check(&t->call), WESS_BROKEN);
    assert_non_null(strstr(t->call.error.text, "boss@example.com"));
    /* An address that does not exist proves nothing. */
    ews_open(t, "must_not_reach", "typo@example.com", NULL);
    assert_int_equal(t->c->check(&t->call), WESS_BROKEN);
    assert_non_null(strstr(t->call.error.text, "does not exist"));
}

#define FOLDER(tag, id, parent, class, name)                                                       \
    "<t:" tag "><t:FolderId Id=\"" id "\" ChangeKey=\"k\"/><t:ParentFolderId Id=\"" parent         \
    "\"/><t:FolderClass>" class "</t:FolderClass><t:DisplayName>" name "</t:DisplayName></t:" tag  \
                                ">"
#define TREE(attrs, folders)                                                                       \
    M_OK("FindFolder", "<m:RootFolder " attrs "><t:Folders>" folders "</t:Folders></"              \
                       "m:RootFolder>")
#define CONTACTS(id, parent, name) FOLDER("ContactsFolder", id, parent, "IPF.Contact", name)
/* In two pages, children before their parents. */
static const char tree_1[] =
    TREE("IndexedPagingOffset=\"4\" TotalItemsInView=\"8\" IncludesLastItemInRange=\"false\"",
         CONTACTS("F-leads", "F-sales", "Leads") CONTACTS("F-contacts", "F-root", "Kontakte")
             CONTACTS("F-sales", "F-contacts", "Sales")
                 FOLDER("Folder", "F-inbox", "F-root", "IPF.Note", "Inbox"));
static const char tree_2[] =
    TREE("IndexedPagingOffset=\"8\" TotalItemsInView=\"8\" IncludesLastItemInRange=\"true\"",
         FOLDER("Folder", "F-bin", "F-root", "IPF.Note", "Deleted")
             CONTACTS("F-old", "F-bin", "Old") CONTACTS("F-private", "F-root", "Mine")
                 FOLDER("ContactsFolder", "F-gal", "F-contacts", "IPF.Contact.GalContacts", "GAL"));

#define SYNCED(state, last, changes)                                                               \
    M_OK("SyncFolderItems", "<m:SyncState>" state "</m:SyncState><m:IncludesLastItemInRange>" last \
                            "</m:IncludesLastItemInRange><m:Changes>" changes "</m:Changes>")
#define CREATED(id, folder)                                                                        \
    "<t:Create>" ITEM(id, "k1",                                                                    \
                      "<t:ParentFolderId Id=\"" folder "\"/><t:DisplayName>Ada"                    \
                      "</t:DisplayName>") "</t:Create>"

static struct wess_page pull(struct stage *t, struct wess_slice cursor, enum wess_code code)
{
    struct wess_page page = {0};
    t->call.error = (struct wess_error){0};
    assert_int_equal(t->c->changes(&t->call, cursor, 512, &page), code);
    return page;
}

static void test_ews__sub_folders_are_read_one_after_the_other(void **state)
{
    struct stage *t = *state;
    ews_open(t, "folders", "*", NULL);
    stage_says(t, "FindFolder", tree_1);
    stage_says(t, "FindFolder", tree_2);
    stage_says(t, "SyncFolderItems", SYNCED("S1", "true", CREATED("a", "F-contacts")));
    stage_says(t, "SyncFolderItems", SYNCED("S2", "true", CREATED("b", "F-leads")));
    stage_says(t, "SyncFolderItems", SYNCED("S3", "true", CREATED("c", "F-sales")));
    struct wess_page one = pull(t, (struct wess_slice){0}, WESS_OK);
    assert_int_equal(stage_asked(t, "FindFolder"), 2);
    assert_non_null(strstr(stage_request(t, "FindFolder", 1), "Offset=\"4\""));
    assert_int_equal(one.flags, WESS_PAGE_SNAPSHOT);
    assert_string_equal(one.changes[0].item.folder, "");
    struct wess_page two = pull(t, one.next, WESS_OK);
    assert_int_equal(two.flags, WESS_PAGE_SNAPSHOT);
    assert_string_equal(two.changes[0].item.folder, "Sales/Leads");
    struct wess_page three = pull(t, two.next, WESS_OK);
    assert_int_equal(three.flags, WESS_PAGE_SNAPSHOT | WESS_PAGE_LAST);
    assert_string_equal(three.changes[0].item.folder, "Sales");
    assert_int_equal(stage_asked(t, "SyncFolderItems"), 3); /* not what Exchange fills by itself */
    stage_says(t, "SyncFolderItems", SYNCED("S4", "true", ""));
    struct wess_page next = pull(t, three.next, WESS_OK);
    assert_int_equal(next.flags, 0);
    assert_non_null(
        strstr(stage_request(t, "SyncFolderItems", 3), "<m:SyncState>S1</m:SyncState>"));
    /* A folder that is read no longer: what lay in it must be looked for. */
    char *cursor = strndup(next.next.data, next.next.len);
    struct wess_slice old = {cursor, strlen(cursor)};
    ews_open(t, "folders", "Sales", NULL);
    t->script[1].used = t->script[2].used = false;
    pull(t, old, WESS_RESET);
    free(cursor);
}

/* ---- changes
 * ------------------------------------------------------------------------------------------ */

static void test_ews__changes_are_facts_page_by_page(void **state)
{
    struct stage *t = *state;
    ews_open(t, NULL);
    stage_says(
        t, "SyncFolderItems",
        SYNCED("S1", "false",
               "<t:Create>" ITEM(
                   "a", "k1",
                   "<t:ParentFolderId Id=\"F-contacts\"/><t:Categories>"
                   "<t:String>Workbooks</t:String></t:Categories>" STAMPED(
                       "st1") "<t:DisplayName>Ada&#x1A; Lovell</t:DisplayName>"
                              "<t:EmailAddresses><t:Entry "
                              "Key=\"EmailAddress1\">Ada@x.org</t:Entry>"
                              "</t:EmailAddresses>") "</t:Create>"
                                                     "<t:Create><t:DistributionList><t:ItemId "
                                                     "Id=\"l\"/></t:DistributionList>"
                                                     "</t:Create><t:ReadFlagChange><t:ItemId "
                                                     "Id=\"r\"/><t:IsRead>true</t:IsRead>"
                                                     "</t:ReadFlagChange>"));
    stage_says(
        t, "SyncFolderItems",
        SYNCED("S2", "1",
               "<t:Update>" ITEM(
                   "b", "k2", "<t:ParentFolderId Id=\"F-bin\"/>") "</t:Update>"
                                                                  "<t:Delete><t:ItemId Id=\"c\" "
                                                                  "ChangeKey=\"x\"/></t:Delete>"
                                                                  "<t:Create>" ITEM(
                                                                      "", "k", "") "</t:Create>"));
    struct wess_page one = pull(t, (struct wess_slice){0}, WESS_OK);
    assert_int_equal(one.n, 1);
    const struct wess_item *a = &one.changes[0].item;
    assert_int_equal(one.flags, WESS_PAGE_SNAPSHOT);
    assert_string_equal(a->id, "a");
    assert_string_equal(a->revision, "k1");
    assert_int_equal(a->n_fields, 0);
    assert_true(test_has_tag(a, "Workbooks"));
    assert_true(test_has_key(a, "wess", "st1"));
    assert_true(test_has_key(a, "email", "ada@x.org"));
    assert_true(test_has_key(a, "fn", "ada lovell"));
    struct wess_page two = pull(t, one.next, WESS_OK);
    assert_int_equal(two.flags, WESS_PAGE_SNAPSHOT | WESS_PAGE_LAST);
    assert_int_equal(two.n, 2); /* an item without an id is left out */
    assert_int_equal(two.changes[0].what, WESS_DELETE);
    assert_string_equal(two.changes[0].item.id, "b");
    assert_int_equal(two.changes[1].what, WESS_DELETE);
    assert_string_equal(two.changes[1].item.id, "c");
    const char *first = stage_request(t, "SyncFolderItems", 0);
    assert_non_null(strstr(first, "item:ParentFolderId")); /* by which b is known to have moved */
    assert_null(strstr(first, "SyncState"));
    assert_non_null(strstr(first, "<m:MaxChangesReturned>512</m:MaxChangesReturned>"));
    assert_null(strstr(first, "item:Body"));
}

static void test_ews__states_that_are_not_known_start_over(void **state)
{
    struct stage *t = *state;
    static const char *const bad[] = {"x", "2 q 0\nF S\n", "2 d 9\n", "2 s 0\nF-other S\n"};
    ews_open(t, NULL);
    stage_says(t, "SyncFolderItems", SYNCED("S1", "true", ""));
    struct wess_page one = pull(t, (struct wess_slice){0}, WESS_OK);
    stage_says(t, "SyncFolderItems", M_BAD("SyncFolderItems", "ErrorInvalidSyncStateData"));
    pull(t, one.next, WESS_RESET);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        pull(t, (struct wess_slice){bad[i], strlen(bad[i])}, WESS_RESET);
    stage_says(t, "SyncFolderItems", M_BAD("SyncFolderItems", "ErrorSyncFolderNotFound"));
    pull(t, one.next, WESS_GONE);
    assert_int_equal(t->call.error.scope, WESS_OF_COLLECTION);
    stage_says(t, "SyncFolderItems", SYNCED("", "true", ""));
    pull(t, one.next, WESS_TRANSIENT);
}

/* ---- fetch
 * ------------------------------------------------------------------------------------------ */

/* Answers GetItem for each id asked: "big" weighs much, "huge" more than one may, "gone" is gone.
 */
static bool give_items(struct stage *t, const char *op, const char *request, struct replay_reply *r)
{
    if (strcmp(op, "GetItem"))
        return false;
    size_t cap = (size_t)64 << 20, n = 0;
    char *list = malloc(cap);
    for (const char *at = request; (at = strstr(at, "<t:ItemId Id=\""));) {
        at += strlen("<t:ItemId Id=\"");
        int len = (int)strcspn(at, "\"");
        size_t pad = !strncmp(at, "big", 3) ? 100000 : !strncmp(at, "huge", 4) ? 9000000 : 10;
        if (!strncmp(at, "gone", 4)) {
            n += (size_t)snprintf(list + n, cap - n, "%s", M_BAD("GetItem", "ErrorItemNotFound"));
            continue;
        }
        if (n + pad + 1000 > cap)
            break;
        n += (size_t)snprintf(list + n, cap - n,
                              "<m:GetItemResponseMessage ResponseClass=\"Success\">"
                              "<m:ResponseCode>NoError</m:ResponseCode><m:Items><t:Contact>"
                              "<t:ItemId Id=\"%.*s\" ChangeKey=\"k\"/><t:Body>",
                              len, at);
        memset(list + n, 'x', pad);
        n += pad;
        n += (size_t)snprintf(list + n, cap - n,
                              "</t:Body></t:Contact></m:Items></m:GetItemResponseMessage>");
    }
    list[n] = 0;
    r->body = ews_envelope("GetItem", list);
    free(list);
    t->at++;
    return true;
}

static struct wess_result *fetch(struct stage *t, size_t n, const char *const *ids,
                                 enum wess_code code)
{
    static struct wess_result out[1000];
    for (size_t i = 0; i < n; i++)
        out[i] = (struct wess_result){.code = WESS_UNKNOWN};
    t->call.error = (struct wess_error){0};
    assert_int_equal(t->c->fetch(&t->call, (struct wess_list){ids, n}, out), code);
    return out;
}

static void test_ews__batches_shrink_with_the_weight_of_answers(void **state)
{
    struct stage *t = *state;
    static char names[800][16];
    static const char *ids[800];
    t->hook = give_items;
    ews_open(t, NULL);
    for (size_t i = 0; i < 800; i++) {
        snprintf(names[i], sizeof(names[i]), "small%03zu", i);
        ids[i] = names[i];
    }
    struct wess_result *r = fetch(t, 800, ids, WESS_OK);
    assert_int_equal(stage_asked(t, "GetItem"), 4);
    for (size_t i = 0; i < 800; i++) {
        assert_int_equal(r[i].code, WESS_OK);
        assert_string_equal(r[i].current->id, ids[i]);
    }
    /* 300 items of 100 kB do not fit into two answers: halved, and nothing is lost. */
    for (size_t i = 0; i < 300; i++)
        snprintf(names[i], sizeof(names[i]), "big%03zu", i);
    testhost_drop(&t->th);
    t->th.arena.budget = (size_t)256 << 20;
    replay_forget(t->server);
    r = fetch(t, 300, ids, WESS_OK);
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(r[i].code, WESS_OK);
        assert_string_equal(r[i].current->id, ids[i]);
        assert_int_equal(test_field(r[i].current, "note")->type, WESS_BLOB);
    }
    size_t asked = stage_asked(t, "GetItem");
    assert_true(asked > 6 && asked < 40);
    /* It has learnt. */
    replay_forget(t->server);
    fetch(t, 300, ids, WESS_OK);
    assert_true(stage_asked(t, "GetItem") < asked);
}

static void test_ews__one_huge_item_is_too_big_alone(void **state)
{
    struct stage *t = *state;
    static const char *const ids[] = {"a", "b", "huge", "gone", "c"};
    t->hook = give_items;
    ews_open(t, NULL);
    struct wess_result *r = fetch(t, 5, ids, WESS_OK);
    assert_int_equal(r[0].code, WESS_OK);
    assert_int_equal(r[1].code, WESS_OK);
    assert_int_equal(r[2].code, WESS_TOO_BIG);
    assert_int_equal(r[3].code, WESS_GONE);
    assert_int_equal(r[4].code, WESS_OK);
    assert_string_equal(r[4].current->id, "c");
}

/* A server that manages eight items in its minute, one that gives up a batch after eight, and one
 * that falls over one item. */
enum { SLOW = 1, STOPS, FALLS, FALLS_ALWAYS };
static size_t kind_of_trouble;

static bool give_with_trouble(struct stage *t, const char *op, const char *request,
                              struct replay_reply *r)
{
    size_t n = 0, given = 0;
    static char list[200000];
    *list = 0;
    if (strcmp(op, "GetItem"))
        return false;
    for (const char *at = request; (at = strstr(at, "<t:ItemId Id=")); at++)
        n++;
    bool falls = kind_of_trouble == FALLS_ALWAYS ||
                 (kind_of_trouble == FALLS && strstr(request, "Id=\"small150\""));
    if ((kind_of_trouble == SLOW && n > 8) || falls) {
        r->status = 500;
        r->body = ews_fault(falls ? "ErrorInternalServerError" : "ErrorTimeoutExpired");
        return true;
    }
    if (kind_of_trouble != STOPS || n <= 8)
        return give_items(t, op, request, r);
    for (; given < n; given++)
        strcat(list, given < 8 ? M_OK("GetItem", ITEMS(ITEM("x", "k", "")))
                               : "<m:GetItemResponseMessage ResponseClass=\"Warning\">"
                                 "<m:ResponseCode>ErrorBatchProcessingStopped</m:ResponseCode>"
                                 "<m:Items/></m:GetItemResponseMessage>");
    r->body = ews_envelope("GetItem", list);
    return true;
}

static void test_ews__batches_are_halved_down_to_what_is_managed(void **state)
{
    struct stage *t = *state;
    static char names[200][16];
    static const char *ids[200];
    for (size_t i = 0; i < 200; i++) {
        snprintf(names[i], sizeof(names[i]), "small%03zu", i);
        ids[i] = names[i];
    }
    t->hook = give_with_trouble;
    for (kind_of_trouble = SLOW; kind_of_trouble <= FALLS; kind_of_trouble++) {
        ews_open(t, NULL);
        replay_forget(t->server);
        struct wess_result *r = fetch(t, 200, ids, WESS_OK);
        for (size_t i = 0; i < 200; i++) {
            bool bad = kind_of_trouble == FALLS && i == 150;
            assert_int_equal(r[i].code, bad ? WESS_TRANSIENT : WESS_OK);
            if (!bad)
                assert_string_equal(r[i].current->id, ids[i]);
        }
        if (kind_of_trouble == FALLS)
            continue;
        /* What was learnt is not tried again in this run: 25 to 34 requests of six to eight. */
        replay_forget(t->server);
        fetch(t, 200, ids, WESS_OK);
        assert_true(stage_asked(t, "GetItem") < 40);
    }
    /* Where nothing comes at all, it is no item's fault, and few requests show it. */
    kind_of_trouble = FALLS_ALWAYS;
    ews_open(t, NULL);
    replay_forget(t->server);
    fetch(t, 200, ids, WESS_TRANSIENT);
    assert_true(stage_asked(t, "GetItem") < 60);
}

static void test_ews__what_stops_a_batch_is_the_mailboxs_trouble(void **state)
{
    struct stage *t = *state;
    static const char *const ids[] = {"a", "b", "c"};
    ews_open(t, NULL);
    stage_says(t, "GetItem",
               M_OK("GetItem", ITEMS(ITEM("a", "k", "")))
                   M_BAD("GetItem", "ErrorMailboxMoveInProgress")
                       M_BAD("GetItem", "ErrorBatchProcessingStopped"));
    fetch(t, 3, ids, WESS_TRANSIENT);
    assert_int_equal(t->call.error.scope, WESS_OF_MAILBOX);
    assert_string_equal(t->call.error.remote_code, "ErrorMailboxMoveInProgress");
    assert_int_equal(stage_asked(t, "GetItem"), 1);
}

static void test_ews__trouble_of_one_item_is_its_own(void **state)
{
    struct stage *t = *state;
    static const char *const ids[] = {"a", "b", "c"};
    ews_open(t, NULL);
    stage_says(t, "GetItem",
               M_BAD("GetItem", "ErrorInternalServerError")
                   M_OK("GetItem", ITEMS(ITEM("b", "k", "")))
                       M_OK("GetItem", ITEMS("<t:Message><t:ItemId Id=\"c\"/></t:Message>")));
    struct wess_result *r = fetch(t, 3, ids, WESS_OK);
    assert_int_equal(r[0].code, WESS_TRANSIENT);
    assert_int_equal(r[1].code, WESS_OK);
    assert_int_equal(r[2].code, WESS_REJECTED);
    stage_says(t, "GetItem",
               M_BAD("GetItem", "ErrorInternalServerError")
                   M_BAD("GetItem", "ErrorInternalServerError")
                       M_BAD("GetItem", "ErrorInternalServerError"));
    fetch(t, 3, ids, WESS_TRANSIENT);
    stage_says(t, "GetItem", M_OK("GetItem", ITEMS(ITEM("a", "k", ""))));
    fetch(t, 3, ids, WESS_TRANSIENT); /* an answer for another number of items */
    stage_says_status(t, "GetItem", 503, "<html/>");
    fetch(t, 3, ids, WESS_THROTTLED);
}

/* ---- find
 * ------------------------------------------------------------------------------------------ */

#define FOUND(last, items)                                                                         \
    M_OK("FindItem", "<m:RootFolder IndexedPagingOffset=\"1\" IncludesLastItemInRange=\"" last     \
                     "\"><t:Items>" items "</t:Items></m:RootFolder>")
#define MAIL(address)                                                                              \
    "<t:EmailAddresses><t:Entry Key=\"EmailAddress1\">" address "</t:Entry></t:EmailAddresses>"

static bool find_by_folder(struct stage *t, const char *op, const char *request,
                           struct replay_reply *r)
{
    const char *in = strstr(request, "<m:ParentFolderIds>");
    (void)t;
    if (strcmp(op, "FindItem"))
        return false;
    const char *found =
        strstr(in, "\"F-contacts\"")
            ? FOUND("true", ITEM("here", "k", MAIL("Ada@X.org")) ITEM("doubt", "k", "")
                                ITEM("other", "k", MAIL("b@x.org")))
        : strstr(in, "\"F-private\"") ? FOUND("true", ITEM("out", "k", MAIL("ada@x.org")))
        : strstr(in, "\"F-old\"")     ? FOUND("true", ITEM("old", "k", MAIL("ada@x.org")))
        : strstr(in, "\"F-leads\"")   ? M_BAD("FindItem", "ErrorFolderNotFound")
                                      : FOUND("true", "");
    r->body = ews_envelope("FindItem", found);
    return true;
}

static uint32_t flags_of(const struct wess_page *p, const char *id)
{
    for (size_t i = 0; i < p->n; i++)
        if (!strcmp(p->changes[i].item.id, id))
            return p->changes[i].item.flags;
    return UINT32_MAX;
}

static void test_ews__the_whole_mailbox_is_looked_through(void **state)
{
    struct stage *t = *state;
    static const struct wess_key keys[] = {{"email", "ada@x.org"}};
    struct wess_page page;
    t->hook = find_by_folder;
    ews_open(t, NULL);
    stage_says(t, "FindFolder", tree_1);
    stage_says(t, "FindFolder", tree_2);
    stage_says(t, "GetItem", M_OK("GetItem", ITEMS(ITEM("doubt", "k", MAIL("ada@x.org")))));
    assert_int_equal(t->c->find(&t->call, keys, 1, &page), WESS_OK);
    assert_true(page.flags & WESS_PAGE_LAST);
    assert_int_equal(page.n, 4);
    assert_int_equal(flags_of(&page, "here"), 0);
    assert_int_equal(flags_of(&page, "doubt"), 0);
    assert_int_equal(flags_of(&page, "out"), WESS_ITEM_OUTSIDE);
    assert_int_equal(flags_of(&page, "old"), WESS_ITEM_TRASHED);
    /* Contacts, Leads, Sales, Old, Mine, and the bin itself. */
    assert_int_equal(stage_asked(t, "FindItem"), 6);
    assert_int_equal(t->c->find(&t->call, NULL, 0, &page), WESS_OK);
    assert_int_equal(page.flags, WESS_PAGE_LAST);
}

static void test_ews__a_search_says_when_it_was_not_whole(void **state)
{
    struct stage *t = *state;
    static struct wess_key keys[200];
    static char names[200][32];
    struct wess_page page;
    ews_open(t, NULL);
    stage_says(t, "FindFolder", tree_2);
    stage_says(t, "FindItem", FOUND("false", ITEM("a", "k", MAIL("a@b"))));
    keys[0] = (struct wess_key){"email", "a@b"};
    assert_int_equal(t->c->find(&t->call, keys, 1, &page), WESS_OK);
    assert_false(page.flags & WESS_PAGE_LAST);
    /* More keys than a restriction may hold: none is looked for in part. */
    size_t before = stage_asked(t, "FindItem");
    for (size_t i = 0; i < 200; i++) {
        snprintf(names[i], sizeof(names[i]), "name%zu|jones", i);
        keys[i] = (struct wess_key){"email+name.family", names[i]};
    }
    assert_int_equal(t->c->find(&t->call, keys, 200, &page), WESS_OK);
    assert_false(page.flags & WESS_PAGE_LAST);
    assert_int_equal(stage_asked(t, "FindItem"), before);
    assert_int_equal(t->c->find(&t->call, keys, 60, &page), WESS_OK);
    assert_true(stage_asked(t, "FindItem") > before);
}

/* What was to be compared and did not come may be the one; what came beyond it is nobody's. */
static void test_ews__a_search_looks_at_all_that_it_doubts(void **state)
{
    struct stage *t = *state;
    static const struct wess_key keys[] = {{"email", "ada@x.org"}};
    static const char *const answers[] = {
        M_OK("GetItem", ITEMS(ITEM("one", "k", MAIL("b@x.org")))),
        M_OK("GetItem", ITEMS(ITEM("one", "k", MAIL("b@x.org"))))
            M_OK("GetItem", ITEMS(ITEM("two", "k", MAIL("ada@x.org"))))
                M_OK("GetItem", ITEMS(ITEM("three", "k", MAIL("ada@x.org"))))};
    struct wess_page page;
    for (size_t i = 0; i < 2; i++) {
        stage_forget(t);
        stage_says(t, "GetFolder", FOLDERS_OK);
        stage_says(t, "FindFolder", tree_2);
        stage_says(t, "FindItem", FOUND("true", ITEM("one", "k", "") ITEM("two", "k", "")));
        stage_says(t, "FindItem", FOUND("true", ""));
        stage_says(t, "GetItem", answers[i]);
        ews_open(t, NULL);
        assert_int_equal(t->c->find(&t->call, keys, 1, &page), WESS_TRANSIENT);
    }
}

static void test_ews__names_are_found_by_their_parts(void **state)
{
    struct stage *t = *state;
    static const struct wess_key keys[] = {{"fn", "bernd otto weiss"},
                                           {"wess", "st9"},
                                           {"fn+phone", "ada|441"},
                                           {"fn", "a\x01<b\" c"}};
    struct wess_page page;
    ews_open(t, NULL);
    stage_says(t, "FindFolder", tree_2);
    stage_says(t, "FindItem",
               FOUND("true", ITEM("w", "k",
                                  "<t:GivenName>Bernd Otto</t:GivenName><t:Surname>Weiss"
                                  "</t:Surname>") ITEM("s", "k", STAMPED("st9"))
                                 ITEM("n", "k", STAMPED("ST9"))));
    stage_says(t, "FindItem", FOUND("true", ""));
    assert_int_equal(t->c->find(&t->call, keys, 4, &page), WESS_OK);
    assert_int_equal(page.n, 2);
    const char *request = stage_request(t, "FindItem", 0);
    assert_non_null(strstr(request, "Value=\"bernd otto wei\xc3\x9f\""));
    assert_non_null(strstr(request, "Value=\"wei\xc3\x9f\""));
    assert_non_null(strstr(request, "Value=\"bernd otto\""));
    assert_non_null(strstr(request, "Value=\"a&lt;b&quot; c\""));
}

/* ---- in between
 * ------------------------------------------------------------------------------------------ */

static bool elsewhere(struct stage *t, const char *op, const char *request, struct replay_reply *r)
{
    (void)op;
    (void)request;
    r->status = 302;
    r->location = t->at ? "http://evil.example/EWS" : t->url;
    r->body = strdup("moved");
    return true;
}

static void test_ews__nothing_is_sent_elsewhere(void **state)
{
    struct stage *t = *state;
    t->hook = elsewhere;
    ews_open(t, NULL);
    for (t->at = 0; t->at < 2; t->at++) {
        assert_int_equal(t->c->check(&t->call), WESS_BROKEN);
        assert_non_null(strstr(t->call.error.text, "setting url"));
        assert_int_equal(replay_count(t->server), t->at + 1);
    }
}

static void test_ews__a_wrong_password_is_tried_once(void **state)
{
    struct stage *t = *state;
    struct wess_page page;
    t->n_script = 0;
    stage_says_status(t, "GetFolder", 401, "no");
    ews_open(t, NULL);
    assert_int_equal(t->c->changes(&t->call, (struct wess_slice){0}, 512, &page), WESS_AUTH);
    assert_int_equal(t->call.error.scope, WESS_OF_CREDENTIAL);
    assert_int_equal(replay_count(t->server), 1);
    assert_null(strstr(t->call.error.text, "canary"));
}

static void test_ews__nobody_listens(void **state)
{
    struct stage *t = *state;
    snprintf(t->url, sizeof(t->url), "http://127.0.0.1:1/EWS/Exchange.asmx");
    ews_open(t, NULL);
    assert_int_equal(t->c->check(&t->call), WESS_TRANSIENT);
    assert_int_equal(t->call.error.scope, WESS_OF_HOST);
    snprintf(t->url, sizeof(t->url), "http://mail.example.com/EWS/Exchange.asmx");
    ews_open(t, NULL);
    assert_int_equal(t->c->check(&t->call), WESS_BROKEN);
    assert_non_null(strstr(t->call.error.text, "https"));
}

static void test_ews__a_cancelled_call_ends(void **state)
{
    struct stage *t = *state;
    ews_open(t, NULL);
    t->th.cancel = true;
    assert_int_equal(t->c->check(&t->call), WESS_CANCELLED);
}

static void test_ews__each_allocation_fails_once(void **state)
{
    struct stage *t = *state;
    static const char *const ids[] = {"a", "b"};
    struct wess_page page;
    struct wess_result out[2];
    static const struct wess_key keys[] = {{"fn", "ada lovell"}};
    ews_open(t, "folders", "*", NULL);
    stage_says(t, "FindFolder", tree_2);
    stage_says(t, "SyncFolderItems",
               SYNCED("S1", "true", CREATED("a", "F-contacts") CREATED("b", "F-contacts")));
    stage_says(t, "GetItem",
               M_OK("GetItem", ITEMS(ITEM("a", "k", "<t:Surname>x</t:Surname>")))
                   M_OK("GetItem", ITEMS(ITEM("b", "k", ""))));
    stage_says(t, "FindItem",
               FOUND("true", ITEM("a", "k",
                                  "<t:DisplayName>Ada Lovell"
                                  "</t:DisplayName>")));
    for (int what = 0; what < 3; what++) {
        enum wess_code rc = WESS_TOO_BIG;
        for (size_t at = 1; rc == WESS_TOO_BIG; at++) {
            assert_true(at < 300);
            testhost_drop(&t->th);
            t->th.arena.fail_at = at;
            rc = what == 0   ? t->c->changes(&t->call, (struct wess_slice){0}, 512, &page)
                 : what == 1 ? t->c->fetch(&t->call, (struct wess_list){ids, 2}, out)
                             : t->c->find(&t->call, keys, 1, &page);
        }
        assert_int_equal(rc, WESS_OK);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ews_set_up, stage_tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ews__check_and_describe),
        TEST(test_ews__must_not_reach),
        TEST(test_ews__sub_folders_are_read_one_after_the_other),
        TEST(test_ews__changes_are_facts_page_by_page),
        TEST(test_ews__states_that_are_not_known_start_over),
        TEST(test_ews__batches_shrink_with_the_weight_of_answers),
        TEST(test_ews__one_huge_item_is_too_big_alone),
        TEST(test_ews__batches_are_halved_down_to_what_is_managed),
        TEST(test_ews__what_stops_a_batch_is_the_mailboxs_trouble),
        TEST(test_ews__trouble_of_one_item_is_its_own),
        TEST(test_ews__the_whole_mailbox_is_looked_through),
        TEST(test_ews__a_search_says_when_it_was_not_whole),
        TEST(test_ews__a_search_looks_at_all_that_it_doubts),
        TEST(test_ews__names_are_found_by_their_parts),
        TEST(test_ews__nothing_is_sent_elsewhere),
        TEST(test_ews__a_wrong_password_is_tried_once),
        TEST(test_ews__nobody_listens),
        TEST(test_ews__a_cancelled_call_ends),
        TEST(test_ews__each_allocation_fails_once),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    failed += ews_run_write_tests();
    failed += ews_run_photo_tests();
    return failed + ews_run_calendar_tests();
}
