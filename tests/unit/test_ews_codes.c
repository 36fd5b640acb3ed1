/* The table of response codes against the reference, row by row: tests/data/ews-codes.md, and the
 * reference itself where it is at hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ews.h"

#define FITS sizeof(((struct wess_error *)0)->remote_code)

/* What a reaction of the reference may be in the contract's words: of a request, of one item. */
#define BIT(code) (1u << (code))
static const struct {
    const char *reaction;
    unsigned request, item;
} reactions[] = {
    {"RETRY", BIT(WESS_THROTTLED) | BIT(WESS_TRANSIENT) | BIT(WESS_NOT_TRIED),
     BIT(WESS_THROTTLED) | BIT(WESS_TRANSIENT) | BIT(WESS_NOT_TRIED)},
    {"RUN", BIT(WESS_TRANSIENT) | BIT(WESS_GONE), BIT(WESS_TRANSIENT) | BIT(WESS_NOT_TRIED)},
    {"SPLIT", BIT(WESS_TOO_BIG), BIT(WESS_TOO_BIG) | BIT(WESS_TRANSIENT)},
    {"GONE", BIT(WESS_GONE), BIT(WESS_GONE)},
    {"RESYNC", BIT(WESS_RESET), BIT(WESS_RESET)},
    {"RESUBSCRIBE", BIT(WESS_RESET), BIT(WESS_RESET)},
    {"REFETCH", BIT(WESS_CONFLICT), BIT(WESS_CONFLICT)},
    {"ITEM", BIT(WESS_REJECTED) | BIT(WESS_TOO_BIG) | BIT(WESS_AUTH),
     BIT(WESS_REJECTED) | BIT(WESS_TOO_BIG) | BIT(WESS_AUTH)},
    {"ADMIN", BIT(WESS_AUTH) | BIT(WESS_BROKEN) | BIT(WESS_TRANSIENT),
     BIT(WESS_AUTH) | BIT(WESS_BROKEN) | BIT(WESS_NOT_TRIED)},
    {"BUG", BIT(WESS_BROKEN), BIT(WESS_BROKEN) | BIT(WESS_REJECTED)},
};

/* Those whose place must be right, whatever else is. */
static const struct {
    const char *name;
    enum wess_scope scope;
} places[] = {
    {"ErrorServerBusy", WESS_OF_MAILBOX},
    {"ErrorExceededConnectionCount", WESS_OF_CREDENTIAL},
    {"ErrorADUnavailable", WESS_OF_HOST},
    {"ErrorMailboxMoveInProgress", WESS_OF_MAILBOX},
    {"ErrorQuotaExceeded", WESS_OF_COLLECTION},
    {"ErrorFolderNotFound", WESS_OF_COLLECTION},
    {"ErrorItemNotFound", WESS_OF_ITEM},
    {"ErrorIrresolvableConflict", WESS_OF_ITEM},
    {"ErrorInvalidSyncStateData", WESS_OF_COLLECTION},
    {"ErrorImpersonateUserDenied", WESS_OF_MAILBOX},
    {"ErrorNonExistentMailbox", WESS_OF_MAILBOX},
    {"ErrorPasswordExpired", WESS_OF_CREDENTIAL},
    {"ErrorSchemaValidation", WESS_OF_HOST},
    {"ErrorSubscriptionNotFound", WESS_OF_MAILBOX},
    {"ErrorOfTomorrow", WESS_OF_ITEM},
};

static void check_row(const char *file, const char *name, const char *reaction)
{
    const struct ews_code *c = ews_code(name);
    if (strcmp(c->name, name) != 0)
        fail_msg("%s: %s is not in the table", file, name);
    for (size_t i = 0; i < sizeof(reactions) / sizeof(reactions[0]); i++) {
        size_t len = strlen(reactions[i].reaction);
        /* "RETRY, then RUN": the first word says what comes first. */
        if (strncmp(reaction, reactions[i].reaction, len) != 0 ||
            strchr("ABCDEFGHIJKLMNOPQRSTUVW", reaction[len]))
            continue;
        if (!(reactions[i].request & BIT(c->code)) || !(reactions[i].item & BIT(c->item)))
            fail_msg("%s: %s is %d, of an item %d; the reference says %s", file, name, (int)c->code,
                     (int)c->item, reaction);
        return;
    }
    fail_msg("%s: %s asks for \"%s\", which this test does not know", file, name, reaction);
}

/* "| ErrorA, ErrorB, ...C | REACTION | remark |" */
static size_t check_line(const char *file, char *line)
{
    char *rest = line + 1, *names = strsep(&rest, "|"), *reaction = strsep(&rest, "|"), *one;
    size_t n = 0;
    assert_non_null(reaction);
    reaction += strspn(reaction, " ");
    while ((one = strsep(&names, ", "))) {
        char name[128];
        bool short_form = !strncmp(one, "...", 3);
        if (!*one)
            continue;
        snprintf(name, sizeof(name), "%s%s", short_form ? "ErrorCannotCreate" : "",
                 short_form ? one + 3 : one);
        check_row(file, name, reaction);
        n++;
    }
    return n;
}

static size_t check_file(const char *path)
{
    char *line = NULL;
    size_t cap = 0, n = 0;
    FILE *f = fopen(path, "r");
    if (!f)
        return 0;
    while (getline(&line, &cap, f) > 0)
        if (!strncmp(line, "| Error", 7))
            n += check_line(path, line);
    free(line);
    fclose(f);
    return n;
}

static void test_ews_codes__every_row_of_the_reference(void **state)
{
    const char *shared = getenv("WESS_SHARED");
    char path[500];
    (void)state;
    size_t n = check_file(WESS_TEST_DATA "/ews-codes.md");
    assert_true(n > 130);
    snprintf(path, sizeof(path), "%s/reference/ews.md", shared ? shared : ".");
    size_t more = check_file(path);
    if (!more)
        print_message("no reference in %s (WESS_SHARED): our copy of its table alone\n", path);
    else
        assert_int_equal(more, n);
}

static void test_ews_codes__each_concerns_the_right_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (ews_code(places[i].name)->scope != places[i].scope)
            fail_msg("%s concerns %d", places[i].name, (int)ews_code(places[i].name)->scope);
}

/* By what is kept of a name, its row is looked up again: it must fit where that decides. */
static void test_ews_codes__names_that_are_looked_up_again_fit(void **state)
{
    size_t n;
    const struct ews_code *all = ews_codes(&n);
    (void)state;
    for (size_t i = 0; i < n; i++) {
        bool again = all[i].field || all[i].item == WESS_NOT_TRIED;
        if (again && strlen(all[i].name) >= FITS)
            fail_msg("%s is too long", all[i].name);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(all[i].name, all[k].name);
    }
}

static enum wess_code of_message(const char *xml, bool item, struct wess_error *e)
{
    char text[1000];
    const char *why;
    snprintf(text, sizeof(text), "%s", xml);
    struct xml_in *in = xml_in_new(text, strlen(text), &why);
    assert_non_null(in);
    assert_non_null(xml_in_next(in, 0));
    const xmlNode *m = xml_in_take(in);
    enum wess_code rc = item ? ews_message_item(m, false, e) : ews_message(m, false, e);
    xml_in_free(in);
    return rc;
}

static void test_ews_codes__an_unknown_one_is_the_items_with_the_servers_words(void **state)
{
    static const char message[] =
        "<m ResponseClass=\"Error\"><MessageText>Dieses Element ist nicht erlaubt.</MessageText>"
        "<ResponseCode>ErrorOfTomorrow</ResponseCode></m>";
    struct wess_error e = {0};
    (void)state;
    assert_int_equal(of_message(message, true, &e), WESS_REJECTED);
    assert_int_equal(e.scope, WESS_OF_ITEM);
    assert_string_equal(e.remote_code, "ErrorOfTomorrow");
    assert_string_equal(e.text,
                        "Exchange answers ErrorOfTomorrow: Dieses Element ist nicht erlaubt.");
    /* Of a request its text goes to the log, where no words of others belong. */
    assert_int_equal(of_message(message, false, &e), WESS_REJECTED);
    assert_string_equal(e.text, "Exchange answers ErrorOfTomorrow");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ews_codes__every_row_of_the_reference),
        cmocka_unit_test(test_ews_codes__each_concerns_the_right_place),
        cmocka_unit_test(test_ews_codes__names_that_are_looked_up_again_fit),
        cmocka_unit_test(test_ews_codes__an_unknown_one_is_the_items_with_the_servers_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
