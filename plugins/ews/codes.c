/* What each response code asks of the core. */
#include <stdlib.h>
#include <string.h>

#include "ews.h"

#define BUSY_MS 60000       /* when it does not say for how long */
#define BUSY_MARGIN_MS 1000 /* sending on during the time prolongs it */
#define BUSY_MOST_MS ((int64_t)24 * 3600 * 1000)

/* A request, and an item of one, mean the same. */
#define BOTH(name, code, scope, text)                                                              \
    {                                                                                              \
        name, code, scope, code, text, NULL                                                        \
    }
#define BUSY(name, scope, text) BOTH(name, WESS_THROTTLED, scope, text)
#define PASSING(name, scope) BOTH(name, WESS_TRANSIENT, scope, NULL)
#define MAILBOX_SHUT(name, text) BOTH(name, WESS_AUTH, WESS_OF_MAILBOX, text)
#define ACCOUNT_SHUT(name, text) BOTH(name, WESS_AUTH, WESS_OF_CREDENTIAL, text)
#define FOLDER_GONE(name)                                                                          \
    {                                                                                              \
        name, WESS_GONE, WESS_OF_COLLECTION, WESS_NOT_TRIED, "a folder is gone, or closed to us",  \
            NULL                                                                                   \
    }
#define STALE(name) BOTH(name, WESS_CONFLICT, WESS_OF_ITEM, NULL)
#define OUR_FAULT(name) BOTH(name, WESS_BROKEN, WESS_OF_HOST, NULL)
#define BAD_MAIL(name)                                                                             \
    {                                                                                              \
        name, WESS_REJECTED, WESS_OF_ITEM, WESS_REJECTED, "Exchange takes no such mail address",   \
            "email"                                                                                \
    }
#define BAD(name, field, text)                                                                     \
    {                                                                                              \
        name, WESS_REJECTED, WESS_OF_ITEM, WESS_REJECTED, text, field                              \
    }

static const struct ews_code table[] = {
    BUSY("ErrorServerBusy", WESS_OF_MAILBOX, "Exchange asks for a pause"),
    BUSY("ErrorExceededConnectionCount", WESS_OF_CREDENTIAL, "too many connections of one account"),
    BUSY("ErrorTooManyObjectsOpened", WESS_OF_MAILBOX, NULL),
    BOTH("ErrorExceededFindCountLimit", WESS_TOO_BIG, WESS_OF_COLLECTION, NULL),
    {"ErrorTimeoutExpired", WESS_TOO_BIG, WESS_OF_COLLECTION, WESS_TRANSIENT,
     "Exchange ran out of time", NULL},
    BOTH("ErrorRequestStreamTooBig", WESS_TOO_BIG, WESS_OF_COLLECTION, NULL),
    PASSING("ErrorInternalServerTransientError", WESS_OF_MAILBOX),
    PASSING("ErrorInternalServerError", WESS_OF_MAILBOX),
    PASSING("ErrorInsufficientResources", WESS_OF_HOST),
    PASSING("ErrorNotEnoughMemory", WESS_OF_HOST),
    PASSING("ErrorADUnavailable", WESS_OF_HOST),
    PASSING("ErrorADOperation", WESS_OF_HOST),
    PASSING("ErrorConnectionFailed", WESS_OF_MAILBOX),
    PASSING("ErrorClientDisconnected", WESS_OF_MAILBOX),
    PASSING("ErrorMailboxStoreUnavailable", WESS_OF_MAILBOX),
    PASSING("ErrorMailboxFailover", WESS_OF_MAILBOX),
    PASSING("ErrorMailboxMoveInProgress", WESS_OF_MAILBOX),
    PASSING("ErrorNoRespondingCASInDestinationSite", WESS_OF_MAILBOX),
    PASSING("ErrorNoApplicableProxyCASServersAvailable", WESS_OF_MAILBOX),
    PASSING("ErrorProxyRequestNotAllowed", WESS_OF_MAILBOX),
    PASSING("ErrorProxiedSubscriptionCallFailure", WESS_OF_MAILBOX),
    PASSING("ErrorWrongServerVersion", WESS_OF_MAILBOX),
    PASSING("ErrorCrossSiteRequest", WESS_OF_MAILBOX),
    {"ErrorBatchProcessingStopped", WESS_NOT_TRIED, WESS_OF_ITEM, WESS_NOT_TRIED, NULL, NULL},
    {"ErrorQuotaExceeded", WESS_TRANSIENT, WESS_OF_COLLECTION, WESS_NOT_TRIED,
     "the mailbox is full", NULL},
    {"ErrorMessagePerFolderCountReceiveQuotaExceeded", WESS_TRANSIENT, WESS_OF_COLLECTION,
     WESS_NOT_TRIED, "the folder is full", NULL},
    BOTH("ErrorItemNotFound", WESS_GONE, WESS_OF_ITEM, NULL),
    BOTH("ErrorCalendarCannotUpdateDeletedItem", WESS_GONE, WESS_OF_ITEM, NULL),
    FOLDER_GONE("ErrorFolderNotFound"),
    FOLDER_GONE("ErrorSyncFolderNotFound"),
    FOLDER_GONE("ErrorParentFolderNotFound"),
    FOLDER_GONE("ErrorSavedItemFolderNotFound"),
    FOLDER_GONE("ErrorToFolderNotFound"),
    BOTH("ErrorInvalidSyncStateData", WESS_RESET, WESS_OF_COLLECTION, NULL),
    STALE("ErrorIrresolvableConflict"),
    STALE("ErrorStaleObject"),
    STALE("ErrorChangeKeyRequired"),
    STALE("ErrorChangeKeyRequiredForWriteOperations"),
    STALE("ErrorInvalidChangeKey"),
    OUR_FAULT("ErrorSchemaValidation"),
    OUR_FAULT("ErrorInvalidRequest"),
    OUR_FAULT("ErrorIncorrectSchemaVersion"),
    BOTH("ErrorInvalidServerVersion", WESS_BROKEN, WESS_OF_HOST,
         "this Exchange is older than 14.2 (Exchange 2010 SP2), the oldest that works"),
    BOTH("ErrorInvalidSchemaVersionForMailboxVersion", WESS_BROKEN, WESS_OF_MAILBOX,
         "the mailbox is on an Exchange older than 14.2 (Exchange 2010 SP2)"),
    BAD_MAIL("ErrorInvalidContactEmailAddress"),
    BAD_MAIL("ErrorInvalidSmtpAddress"),
    BAD_MAIL("ErrorInvalidRoutingType"),
    BAD("ErrorInvalidRecipients", "attendees", "Exchange takes no such attendee"),
    BAD("ErrorInvalidCompleteDate", "completed", "Exchange takes no such day of completion"),
    BAD("ErrorInvalidPercentCompleteValue", "percent-complete", "Exchange holds 0 to 100"),
    BAD("ErrorCalendarEndDateIsEarlierThanStartDate", "end", "it ends before it begins"),
    BAD("ErrorCalendarDurationIsTooLong", "end", "Exchange holds no event longer than five years"),
    BAD("ErrorCalendarInvalidTimeZone", "start", "Exchange knows no such time zone"),
    BAD("ErrorTimeZone", "start", "Exchange knows no such time zone"),
    BAD("ErrorCalendarInvalidRecurrence", "rrule", "Exchange takes no such recurrence"),
    BAD("ErrorUnsupportedRecurrence", "rrule", "Exchange takes no such recurrence"),
    BAD("ErrorRecurrenceHasNoOccurrence", "rrule", "the recurrence has no occurrence"),
    BAD("ErrorRecurrenceEndDateTooBig", "rrule", "Exchange's calendar ends in the year 4500"),
    BAD("ErrorOccurrenceCrossingBoundary", "overrides",
        "an occurrence may not pass its neighbours"),
    BAD("ErrorOccurrenceTimeSpanTooBig", "overrides", "an occurrence is too long"),
    BOTH("ErrorCalendarOccurrenceIsDeletedFromRecurrence", WESS_GONE, WESS_OF_ITEM, NULL),
    {"ErrorAccessDenied", WESS_AUTH, WESS_OF_COLLECTION, WESS_REJECTED,
     "the account has no right to it", NULL},
    BOTH("ErrorCreateItemAccessDenied", WESS_AUTH, WESS_OF_COLLECTION,
         "the account may not create in this folder"),
    MAILBOX_SHUT("ErrorImpersonateUserDenied", "the account may not open this mailbox: it needs "
                                               "the role ApplicationImpersonation for it"),
    MAILBOX_SHUT("ErrorImpersonationDenied", "the account may not open this mailbox: it needs the "
                                             "role ApplicationImpersonation for it"),
    MAILBOX_SHUT("ErrorImpersonationFailed", "the account could not be let into this mailbox"),
    MAILBOX_SHUT("ErrorInvalidExchangeImpersonationHeaderData",
                 "Exchange does not take what impersonate says"),
    MAILBOX_SHUT("ErrorInvalidUserPrincipalName", "there is no user of that name: check "
                                                  "impersonate and impersonate_as"),
    MAILBOX_SHUT("ErrorInvalidUserSid", "there is no user of that SID: check impersonate"),
    MAILBOX_SHUT("ErrorNonExistentMailbox", "there is no mailbox of that address: check "
                                            "impersonate and the list of users"),
    MAILBOX_SHUT("ErrorMissingEmailAddress", "the account has no mailbox of its own: set "
                                             "impersonate"),
    MAILBOX_SHUT("ErrorNonPrimarySmtpAddress", "that is not the mailbox's main address"),
    ACCOUNT_SHUT("ErrorAccountDisabled", "the account is disabled"),
    ACCOUNT_SHUT("ErrorPasswordExpired", "the password has expired"),
    ACCOUNT_SHUT("ErrorPasswordChangeRequired", "the password must be changed first"),
    ACCOUNT_SHUT("ErrorInvalidLicense", "the account has no licence"),
    ACCOUNT_SHUT("ErrorOrganizationAccessBlocked", "EWS is switched off for the organisation"),
};

const struct ews_code *ews_code(const char *name)
{
    static const struct ews_code unknown = {"",   WESS_REJECTED, WESS_OF_ITEM, WESS_REJECTED,
                                            NULL, NULL};
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (!strcmp(table[i].name, name))
            return &table[i];
    return &unknown;
}

/* The text of <Value Name="NAME">text</Value>: name and text told apart. */
static const char *value_named(const xmlNode *message_xml, const char *name)
{
    for (const xmlNode *v = xml_first(message_xml); v; v = xml_next(v)) {
        const char *have = xml_attr(v, "Name");
        if (have && !strcmp(have, name))
            return xml_text(v);
    }
    return NULL;
}

int64_t ews_backoff(const xmlNode *message_xml, enum wess_code code)
{
    const char *text = value_named(message_xml, "BackOffMilliseconds");
    int64_t ms = text ? strtoll(text, NULL, 10) : 0;
    if (ms <= 0)
        return code == WESS_THROTTLED ? BUSY_MS : 0;
    return ms > BUSY_MOST_MS ? BUSY_MOST_MS : ms + BUSY_MARGIN_MS;
}

static enum wess_code meaning(const xmlNode *message, bool write, bool of_item,
                              struct wess_error *e)
{
    const char *class = xml_attr(message, "ResponseClass");
    const char *name = xml_text(xml_child(message, "ResponseCode"));
    const xmlNode *xml = xml_child(message, "MessageXml");
    const char *inner = value_named(xml, "InnerErrorResponseCode");
    if ((class && !strcmp(class, "Success")) || (name && !strcmp(name, "NoError")))
        return WESS_OK;
    if (!name || !*name)
        return wess_fail(e, write ? WESS_UNKNOWN : WESS_TRANSIENT, WESS_OF_COLLECTION, NULL,
                         "Exchange answers without a code");
    if (inner && *inner && !strcmp(name, "ErrorInternalServerError"))
        name = inner;
    const struct ews_code *c = ews_code(name);
    enum wess_code code = of_item ? c->item : c->code;
    e->retry_after_ms = ews_backoff(xml, code);
    /* It may have failed after the write. */
    if (write && (code == WESS_TRANSIENT || code == WESS_TOO_BIG))
        code = WESS_UNKNOWN;
    if (c->text)
        return wess_fail(e, code, c->scope, name, "%s", c->text);
    return wess_fail(e, code, c->scope, name, "Exchange answers %s", name);
}

enum wess_code ews_message(const xmlNode *message, bool write, struct wess_error *e)
{
    return meaning(message, write, false, e);
}

enum wess_code ews_message_item(const xmlNode *message, bool write, struct wess_error *e)
{
    return meaning(message, write, true, e);
}

void ews_count(struct ews_tally *t, enum wess_code of_item, const struct wess_error *e)
{
    /* Said to one item, meant for all: the folder is gone, the mailbox full, a pause asked for. */
    bool folder = of_item == WESS_NOT_TRIED && e->scope == WESS_OF_COLLECTION;
    bool wide = folder || of_item == WESS_THROTTLED || of_item == WESS_AUTH;
    bool trouble = of_item == WESS_TRANSIENT || of_item == WESS_UNKNOWN;
    t->n++;
    t->failed += trouble;
    if ((wide && !t->wide) || (trouble && t->code == WESS_OK)) {
        t->error = *e;
        t->code = folder ? ews_code(e->remote_code)->code : of_item;
    }
    t->wide |= wide;
}

void ews_judge(const struct ews_tally *t, struct ews_answer *a)
{
    /* One bad item among good ones must not stop the rest, run after run. */
    if (a->code != WESS_OK || !(t->wide || (t->n > 1 && t->failed == t->n)))
        return;
    a->code = t->code;
    a->error = t->error;
}
