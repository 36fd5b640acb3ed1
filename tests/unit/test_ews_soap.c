/* What an answer of Exchange is taken for: codes, versions, faults, cut answers, and every recorded
 * one of an independent server. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ews.h"

#define HEAD                                                                                       \
    "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope "                                       \
    "xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" "                                       \
    "xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\" "                       \
    "xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\" "                    \
    "xmlns:e=\"http://schemas.microsoft.com/exchange/services/2006/errors\">"
#define VERSION(major, minor)                                                                      \
    "<s:Header><t:ServerVersionInfo MajorVersion=\"" major "\" MinorVersion=\"" minor              \
    "\" MajorBuildNumber=\"2562\" MinorBuildNumber=\"17\"/></s:Header>"
#define TAIL "</s:Envelope>"
#define MESSAGES(op, list)                                                                         \
    "<s:Body><m:" op "Response><m:ResponseMessages>" list "</m:ResponseMessages></m:" op           \
    "Response></s:Body>"
#define FAULT(code, more)                                                                          \
    "<s:Body><s:Fault><faultcode xmlns:a=\"x\">a:" code "</faultcode><faultstring>Der Server ist " \
    "ausgelastet.</faultstring><detail><e:ResponseCode>" code "</e:ResponseCode>" more             \
    "</detail></s:Fault></s:Body>"
#define OK_MESSAGE(name, inner)                                                                    \
    "<m:" name "ResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError"                 \
    "</m:ResponseCode>" inner "</m:" name "ResponseMessage>"
#define BAD_MESSAGE(name, code, more)                                                              \
    "<m:" name "ResponseMessage ResponseClass=\"Error\"><m:MessageText>words</m:MessageText>"      \
    "<m:ResponseCode>" code "</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>" more \
    "</m:" name "ResponseMessage>"

/* A taker that counts, and judges messages as items of a batch. */
struct seen {
    size_t parts, messages, done;
    enum wess_code codes[16];
    char state[64];
    struct ews_tally tally;
};

static enum wess_code on_part(void *ctx, size_t i, const xmlNode *part, struct wess_error *e)
{
    struct seen *s = ctx;
    (void)i;
    (void)part;
    (void)e;
    s->parts++;
    return WESS_OK;
}

static enum wess_code on_message(void *ctx, size_t i, size_t at, const xmlNode *m,
                                 struct wess_error *e)
{
    struct seen *s = ctx;
    const char *state = xml_text(xml_child(m, "SyncState"));
    (void)i;
    snprintf(s->state, sizeof(s->state), "%s", state ? state : "");
    s->messages++;
    if (at < 16)
        s->codes[at] = ews_message(m, false, e);
    return at < 16 ? s->codes[at] : WESS_OK;
}

static enum wess_code on_item(void *ctx, size_t i, size_t at, const xmlNode *m,
                              struct wess_error *e)
{
    struct seen *s = ctx;
    (void)i;
    s->messages++;
    s->codes[at] = ews_message_item(m, true, e);
    ews_count(&s->tally, s->codes[at], e);
    return WESS_OK;
}

static void on_done(void *ctx, size_t i, struct ews_answer *a)
{
    struct seen *s = ctx;
    (void)i;
    s->done++;
    ews_judge(&s->tally, a);
}

static struct ews_answer read_bytes(const char *body, size_t len, long status, const char *type,
                                    bool write, const struct ews_taker *t)
{
    struct ews_answer a;
    struct http_response r = {.code = WESS_OK, .status = status, .body = malloc(len + 1)};
    assert_non_null(r.body);
    memcpy(r.body, body, len);
    r.body[len] = 0;
    r.len = len;
    snprintf(r.type, sizeof(r.type), "%s", type);
    ews_read(&r, NULL, write, t, 0, &a);
    free(r.body);
    return a;
}

static struct ews_answer read_text(const char *body, long status, bool write, struct seen *s)
{
    const struct ews_taker t = {.ctx = s, .message = write ? on_item : on_message, .done = on_done};
    *s = (struct seen){0};
    return read_bytes(body, strlen(body), status, "text/xml; charset=utf-8", write, &t);
}

/* ---- versions
 * ------------------------------------------------------------------------------------------ */

static void test_ews_soap__older_servers_are_refused_by_their_numbers(void **state)
{
    struct seen s;
    (void)state;
    struct ews_answer a =
        read_text(HEAD VERSION("14", "1") MESSAGES("GetFolder", OK_MESSAGE("GetFolder", "")) TAIL,
                  200, false, &s);
    assert_int_equal(a.code, WESS_BROKEN);
    assert_non_null(strstr(a.error.text, "14.1"));
    assert_non_null(strstr(a.error.text, "14.2 (Exchange 2010 SP2)"));
    assert_int_equal(s.messages, 0);
    a = read_text(HEAD VERSION("8", "3") FAULT("ErrorInvalidServerVersion", "") TAIL, 500, false,
                  &s);
    assert_int_equal(a.code, WESS_BROKEN);
    assert_non_null(strstr(a.error.text, "8.3"));
    a = read_text(HEAD FAULT("ErrorInvalidServerVersion", "") TAIL, 500, false, &s);
    assert_int_equal(a.code, WESS_BROKEN);
    assert_non_null(strstr(a.error.text, "14.2"));
    a = read_text(HEAD FAULT("ErrorSchemaValidation", "") TAIL, 500, false, &s);
    assert_int_equal(a.code, WESS_BROKEN);
    assert_non_null(strstr(a.error.text, "14.2"));
}

static void test_ews_soap__newer_and_silent_servers_are_taken(void **state)
{
    static const char *const good[] = {
        HEAD VERSION("14", "2") MESSAGES("GetFolder", OK_MESSAGE("GetFolder", "")) TAIL,
        HEAD VERSION("15", "0") MESSAGES("GetFolder", OK_MESSAGE("GetFolder", "")) TAIL,
        HEAD MESSAGES("GetFolder", OK_MESSAGE("GetFolder", "")) TAIL,
        HEAD "<s:Header><t:ServerVersionInfo Version=\"V2_23\"/></s:Header>" MESSAGES(
            "GetFolder", OK_MESSAGE("GetFolder", "")) TAIL};
    struct seen s;
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct ews_answer a = read_text(good[i], 200, false, &s);
        assert_int_equal(a.code, WESS_OK);
        assert_int_equal(a.n, 1);
        assert_int_equal(s.done, 1);
    }
    /* A write that was answered was done, whoever answered it. */
    struct ews_answer a =
        read_text(HEAD VERSION("14", "1") MESSAGES("CreateItem", OK_MESSAGE("CreateItem", "")) TAIL,
                  200, true, &s);
    assert_int_equal(a.code, WESS_BROKEN);
    assert_false(a.untried);
    assert_int_equal(s.codes[0], WESS_OK);
}

/* ---- faults, statuses
 * ------------------------------------------------------------------------------------------ */

static void test_ews_soap__the_pause_is_read_apart_from_its_name(void **state)
{
    static const char busy[] = HEAD FAULT(
        "ErrorServerBusy",
        "<t:MessageXml><t:Value Name=\"BackOffMilliseconds\">178510</t:Value></t:MessageXml>") TAIL;
    struct seen s;
    (void)state;
    struct ews_answer a = read_text(busy, 500, true, &s);
    assert_int_equal(a.code, WESS_THROTTLED);
    assert_true(a.untried);
    assert_int_equal(a.error.scope, WESS_OF_MAILBOX);
    assert_true(a.error.retry_after_ms >= 178510 && a.error.retry_after_ms < 190000);
    assert_string_equal(a.error.remote_code, "ErrorServerBusy");
    /* The same with HTTP 200 and 503, and without the time. */
    assert_int_equal(read_text(busy, 200, false, &s).code, WESS_THROTTLED);
    assert_int_equal(read_text(busy, 503, false, &s).code, WESS_THROTTLED);
    a = read_text(HEAD FAULT("ErrorServerBusy", "") TAIL, 500, false, &s);
    assert_int_equal(a.error.retry_after_ms, 60000);
    /* In a message it stands in another namespace. */
    a = read_text(
        HEAD MESSAGES("GetItem", BAD_MESSAGE("GetItem", "ErrorServerBusy",
                                             "<m:MessageXml><t:Value Name=\"BackOffMilliseconds\">"
                                             "300000</t:Value></m:MessageXml>")) TAIL,
        200, false, &s);
    assert_int_equal(a.code, WESS_THROTTLED);
    assert_int_equal(a.error.retry_after_ms, 301000);
    a = read_text(HEAD FAULT("ErrorServerBusy", "<t:MessageXml><t:Value "
                                                "Name=\"BackOffMilliseconds\">99999999999999</"
                                                "t:Value></t:MessageXml>") TAIL,
                  500, false, &s);
    assert_true(a.error.retry_after_ms <= (int64_t)24 * 3600 * 1000);
}

static void test_ews_soap__a_fault_of_a_write_is_doubt_unless_it_was_refused(void **state)
{
    static const struct {
        const char *body;
        enum wess_code read, write;
        bool untried;
    } of[] = {
        {HEAD FAULT("ErrorInternalServerError", "") TAIL, WESS_TRANSIENT, WESS_UNKNOWN, false},
        {HEAD FAULT("ErrorOfTomorrow", "") TAIL, WESS_TRANSIENT, WESS_UNKNOWN, false},
        {HEAD FAULT("ErrorTimeoutExpired", "") TAIL, WESS_TOO_BIG, WESS_UNKNOWN, false},
        {HEAD FAULT("ErrorImpersonateUserDenied", "") TAIL, WESS_AUTH, WESS_AUTH, true},
        {HEAD FAULT("ErrorNonExistentMailbox", "") TAIL, WESS_AUTH, WESS_AUTH, true},
        {HEAD FAULT("ErrorSchemaValidation", "") TAIL, WESS_BROKEN, WESS_BROKEN, true},
        /* Found while items were worked on: those before it may be written. */
        {HEAD "<s:Body><s:Fault><faultcode>ErrorInvalidId</faultcode></s:Fault></s:Body>" TAIL,
         WESS_BROKEN, WESS_UNKNOWN, false},
    };
    struct seen s;
    (void)state;
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
        assert_int_equal(read_text(of[i].body, 500, false, &s).code, of[i].read);
        struct ews_answer a = read_text(of[i].body, i % 2 ? 200 : 500, true, &s);
        assert_int_equal(a.code, of[i].write);
        assert_int_equal(a.untried, of[i].untried);
    }
}

static void test_ews_soap__statuses(void **state)
{
    static const struct {
        long status;
        enum wess_code read;
        enum wess_scope scope;
        bool untried;
        const char *word;
    } of[] = {
        {401, WESS_AUTH, WESS_OF_CREDENTIAL, true, "password"},
        {403, WESS_AUTH, WESS_OF_MAILBOX, true, "switched off"},
        {404, WESS_BROKEN, WESS_OF_HOST, true, "setting url"},
        {407, WESS_BROKEN, WESS_OF_HOST, true, "proxy"},
        {413, WESS_TOO_BIG, WESS_OF_COLLECTION, true, "large"},
        {429, WESS_THROTTLED, WESS_OF_HOST, true, "pause"},
        {456, WESS_AUTH, WESS_OF_CREDENTIAL, true, "locked"},
        {500, WESS_TRANSIENT, WESS_OF_HOST, false, "500"},
        {502, WESS_TRANSIENT, WESS_OF_HOST, false, "502"},
        {503, WESS_THROTTLED, WESS_OF_HOST, true, "busy"},
        {504, WESS_TRANSIENT, WESS_OF_HOST, false, "504"},
        {302, WESS_BROKEN, WESS_OF_HOST, false, "setting url"},
        {200, WESS_BROKEN, WESS_OF_HOST, false, "web page"},
    };
    static const char page[] = "<html><body>Server Error in '/EWS' Application</body></html>";
    (void)state;
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
        struct seen s = {0};
        const struct ews_taker t = {.ctx = &s, .message = on_message, .done = on_done};
        struct ews_answer a =
            read_bytes(page, sizeof(page) - 1, of[i].status, "text/html", false, &t);
        assert_int_equal(a.code, of[i].read);
        assert_int_equal(a.error.scope, of[i].scope);
        assert_non_null(strstr(a.error.text, of[i].word));
        assert_int_equal(a.error.remote_status, of[i].status);
        a = read_bytes(page, sizeof(page) - 1, of[i].status, "text/html", true, &t);
        assert_int_equal(a.untried, of[i].untried);
        assert_int_not_equal(a.code, WESS_OK);
        assert_int_equal(s.done, 2);
    }
}

static void test_ews_soap__without_an_answer(void **state)
{
    static const struct {
        enum wess_code http, read, write;
        bool untried;
    } of[] = {{WESS_NOT_TRIED, WESS_TRANSIENT, WESS_NOT_TRIED, true},
              {WESS_UNKNOWN, WESS_TRANSIENT, WESS_UNKNOWN, false},
              {WESS_TOO_BIG, WESS_TOO_BIG, WESS_UNKNOWN, false},
              {WESS_CANCELLED, WESS_CANCELLED, WESS_CANCELLED, false},
              {WESS_BROKEN, WESS_BROKEN, WESS_BROKEN, true}};
    struct seen s = {0};
    const struct ews_taker t = {.ctx = &s, .message = on_message};
    (void)state;
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
        struct ews_answer a;
        struct http_response r = {.code = of[i].http, .text = "peer certificate is bad"};
        ews_read(&r, NULL, false, &t, 0, &a);
        assert_int_equal(a.code, of[i].read);
        if (of[i].http == WESS_BROKEN)
            assert_non_null(strstr(a.error.text, "ca_file"));
        ews_read(&r, NULL, true, &t, 0, &a);
        assert_int_equal(a.code, of[i].write);
        assert_int_equal(a.untried, of[i].untried);
    }
}

/* ---- cut answers
 * ------------------------------------------------------------------------------------------ */

static const char page[] = HEAD VERSION("15", "2")
    MESSAGES("SyncFolderItems",
             OK_MESSAGE("SyncFolderItems",
                        "<m:SyncState>AAECAw==</m:SyncState><m:IncludesLastItemInRange>true"
                        "</m:IncludesLastItemInRange><m:Changes><t:Create><t:Contact><t:ItemId "
                        "Id=\"a\"/></t:Contact></t:Create><t:Delete><t:ItemId Id=\"b\"/></t:Delete>"
                        "</m:Changes>")) TAIL;

static void test_ews_soap__a_cut_listing_is_no_short_one(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof(page); len++) {
        struct seen s = {0};
        const struct ews_taker t = {
            .ctx = &s, .list = "Changes", .part = on_part, .message = on_message, .done = on_done};
        struct ews_answer a = read_bytes(page, len, 200, "text/xml", false, &t);
        bool whole = len == sizeof(page) - 1;
        assert_int_equal(a.code, whole ? WESS_OK : WESS_TRANSIENT);
        assert_int_equal(s.done, 1);
        if (whole) {
            assert_int_equal(s.parts, 2);
            assert_string_equal(s.state, "AAECAw==");
        }
    }
}

static void test_ews_soap__a_cut_write_keeps_what_was_told(void **state)
{
    static const char whole[] =
        HEAD MESSAGES("CreateItem", OK_MESSAGE("CreateItem", "<m:Items/>")
                                        BAD_MESSAGE("CreateItem", "ErrorItemSave", "")
                                            OK_MESSAGE("CreateItem", "<m:Items/>")) TAIL;
    struct seen s;
    char text[sizeof(whole)];
    (void)state;
    assert_int_equal(read_text(whole, 200, true, &s).code, WESS_OK);
    assert_int_equal(s.codes[1], WESS_REJECTED);
    memcpy(text, whole, sizeof(whole));
    *strstr(strstr(text, "ErrorItemSave"), "</m:CreateItemResponseMessage>") = 0;
    struct ews_answer a = read_text(text, 200, true, &s);
    assert_int_equal(a.code, WESS_UNKNOWN);
    assert_false(a.untried);
    assert_int_equal(s.messages, 1);
    assert_int_equal(s.codes[0], WESS_OK);
}

/* ---- response codes
 * ------------------------------------------------------------------------------------------ */

static void test_ews_soap__one_bad_item_stops_nobody(void **state)
{
    struct seen s;
    (void)state;
#define BAD(code) BAD_MESSAGE("UpdateItem", code, "")
#define GOOD OK_MESSAGE("UpdateItem", "")
    struct ews_answer a =
        read_text(HEAD MESSAGES("UpdateItem",
                                BAD("ErrorInternalServerError")
                                    GOOD BAD("ErrorIrresolvableConflict") BAD("ErrorItemNotFound")
                                        BAD("ErrorOfTomorrow") BAD("ErrorAccessDenied")) TAIL,
                  200, true, &s);
    assert_int_equal(a.code, WESS_OK);
    assert_int_equal(s.codes[0], WESS_UNKNOWN);
    assert_int_equal(s.codes[1], WESS_OK);
    assert_int_equal(s.codes[2], WESS_CONFLICT);
    assert_int_equal(s.codes[3], WESS_GONE);
    assert_int_equal(s.codes[4], WESS_REJECTED);
    assert_int_equal(s.codes[5], WESS_REJECTED);
    /* All of them: it is not theirs. One alone: it may be. */
    a = read_text(HEAD MESSAGES("UpdateItem", BAD("ErrorInternalServerError")
                                                  BAD("ErrorInternalServerError")) TAIL,
                  200, true, &s);
    assert_int_equal(a.code, WESS_UNKNOWN);
    a = read_text(HEAD MESSAGES("UpdateItem", BAD("ErrorInternalServerError")) TAIL, 200, true, &s);
    assert_int_equal(a.code, WESS_OK);
    /* Said to one, meant for all; the rest was not tried. */
    a = read_text(HEAD MESSAGES("UpdateItem", GOOD BAD("ErrorQuotaExceeded")
                                                  BAD("ErrorBatchProcessingStopped")) TAIL,
                  200, true, &s);
    assert_int_equal(a.code, WESS_TRANSIENT);
    assert_int_equal(s.codes[1], WESS_NOT_TRIED);
    assert_int_equal(s.codes[2], WESS_NOT_TRIED);
    a = read_text(HEAD MESSAGES("CreateItem", BAD_MESSAGE("CreateItem", "ErrorFolderNotFound", ""))
                      TAIL,
                  200, true, &s);
    assert_int_equal(a.code, WESS_GONE);
    assert_int_equal(a.error.scope, WESS_OF_COLLECTION);
    assert_int_equal(s.codes[0], WESS_NOT_TRIED);
    a = read_text(HEAD MESSAGES("UpdateItem", GOOD BAD("ErrorServerBusy")) TAIL, 200, true, &s);
    assert_int_equal(a.code, WESS_THROTTLED);
    /* The code within, where there is one; none at all is doubt. */
    a = read_text(
        HEAD MESSAGES("UpdateItem",
                      BAD_MESSAGE("UpdateItem", "ErrorInternalServerError",
                                  "<m:MessageXml><t:Value "
                                  "Name=\"InnerErrorResponseCode\">ErrorStaleObject"
                                  "</t:Value></m:MessageXml>") "<m:UpdateItemResponseMessage "
                                                               "ResponseClass=\"Error\"/>") TAIL,
        200, true, &s);
    assert_int_equal(s.codes[0], WESS_CONFLICT);
    assert_int_equal(s.codes[1], WESS_UNKNOWN);
}

/* ---- recorded answers of another server
 * ------------------------------------------------------------------------------------------ */

static char *slurp(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    char *text = malloc(1 << 20);
    assert_non_null(f);
    assert_non_null(text);
    *len = fread(text, 1, 1 << 20, f);
    fclose(f);
    return text;
}

struct expectation {
    const char *name;
    const char *list;
    enum wess_code code;
    size_t parts;
};
static const struct expectation expectations[] = {
    {"001-GetFolder-distinguished", NULL, WESS_OK, 0},
    {"010-FindFolder-deep", "Folders", WESS_OK, 23},
    {"013-SyncFolderItems-initial-empty", "Changes", WESS_OK, 0},
    {"015-GetItem-Contact-AllProperties", NULL, WESS_OK, 0},
    {"026-CreateItem-two-contacts", NULL, WESS_OK, 0},
    {"027-SyncFolderItems-incremental-create", "Changes", WESS_OK, 3},
    {"030-SyncFolderItems-incremental-update-delete", "Changes", WESS_OK, 2},
    {"035-CreateItem-DistributionList", NULL, WESS_TRANSIENT, 0},
    {"038-FindItem-contacts-IndexedPage", "Items", WESS_OK, 1},
    {"084-GetItem-deleted", NULL, WESS_GONE, 0},
    {"137-Error-401-bad-password", NULL, WESS_TRANSIENT, 0}, /* its status is not in the file */
    {"148-Impersonation-denied", NULL, WESS_AUTH, 0},
    {"218-control-char-in-text", NULL, WESS_OK, 0},
};

static void check_capture(const char *folder, const char *file, bool write)
{
    char path[512];
    const struct expectation *x = NULL;
    for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++)
        if (!strncmp(file, expectations[i].name, strlen(expectations[i].name)) &&
            file[strlen(expectations[i].name)] == '.')
            x = &expectations[i];
    const char *list = x                          ? x->list
                       : strstr(file, "Sync")     ? "Changes"
                       : strstr(file, "FindItem") ? "Items"
                                                  : NULL;
    struct seen s = {0};
    const struct ews_taker t = {
        .ctx = &s, .list = list, .part = on_part, .message = on_message, .done = on_done};
    size_t len;
    snprintf(path, sizeof(path), "%s/%s", folder, file);
    char *text = slurp(path, &len);
    struct ews_answer a = read_bytes(text, len, 200, "text/xml", write, &t);
    free(text);
    assert_int_equal(s.done, 1);
    if (!x || write)
        return;
    if (a.code != x->code || s.parts != x->parts)
        fail_msg("%s: code %d, %zu parts: %s", file, (int)a.code, s.parts, a.error.text);
}

static void test_ews_soap__recorded_answers(void **state)
{
    const char *shared = getenv("WESS_SHARED");
    char folder[400];
    size_t n = 0;
    (void)state;
    snprintf(folder, sizeof(folder), "%s/captures/ews", shared ? shared : ".");
    DIR *dir = opendir(folder);
    if (!dir) {
        print_message("SKIP: no recorded answers in %s (WESS_SHARED)\n", folder);
        skip();
    }
    for (struct dirent *d; (d = readdir(dir));) {
        if (!strstr(d->d_name, ".response."))
            continue;
        check_capture(folder, d->d_name, false);
        check_capture(folder, d->d_name, true);
        n++;
    }
    closedir(dir);
    assert_true(n > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ews_soap__older_servers_are_refused_by_their_numbers),
        cmocka_unit_test(test_ews_soap__newer_and_silent_servers_are_taken),
        cmocka_unit_test(test_ews_soap__the_pause_is_read_apart_from_its_name),
        cmocka_unit_test(test_ews_soap__a_fault_of_a_write_is_doubt_unless_it_was_refused),
        cmocka_unit_test(test_ews_soap__statuses),
        cmocka_unit_test(test_ews_soap__without_an_answer),
        cmocka_unit_test(test_ews_soap__a_cut_listing_is_no_short_one),
        cmocka_unit_test(test_ews_soap__a_cut_write_keeps_what_was_told),
        cmocka_unit_test(test_ews_soap__one_bad_item_stops_nobody),
        cmocka_unit_test(test_ews_soap__recorded_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
