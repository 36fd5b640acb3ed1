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
/* A request that is not taken as it is written: none of it was carried out. */
#define OUR_FAULT(name) BOTH(name, WESS_BROKEN, WESS_OF_HOST, NULL)
/* Written wrongly too, but found while items were worked on: the others are not concerned. */
#define OUR_SLIP(name, text)                                                                       \
    {                                                                                              \
        name, WESS_BROKEN, WESS_OF_HOST, WESS_REJECTED, text, NULL                                 \
    }
#define WORN_ID(name) OUR_SLIP(name, "Exchange does not know this form of an id")
#define NO_FIELD(name) OUR_SLIP(name, "Exchange does not take this field here")
#define NO_FLAG(name) OUR_SLIP(name, "Exchange misses a word of the request")
/* No more of this kind now: what was not tried waits, and reading goes on. */
#define FULL(name, text)                                                                           \
    {                                                                                              \
        name, WESS_TRANSIENT, WESS_OF_COLLECTION, WESS_NOT_TRIED, text, NULL                       \
    }
#define TOO_LARGE(name)                                                                            \
    {                                                                                              \
        name, WESS_TOO_BIG, WESS_OF_COLLECTION, WESS_REJECTED, "it is larger than Exchange takes", \
            NULL                                                                                   \
    }
/* A watch has to be begun anew, and what it may have missed to be listed. */
#define UNSUBSCRIBED(name) BOTH(name, WESS_RESET, WESS_OF_MAILBOX, "the watch has ended")
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
    BOTH("ErrorCalendarViewRangeTooBig", WESS_TOO_BIG, WESS_OF_COLLECTION, NULL),
    BOTH("ErrorExceededSubscriptionCount", WESS_TRANSIENT, WESS_OF_CREDENTIAL,
         "too many subscriptions of one account"),
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
    FULL("ErrorQuotaExceeded", "the mailbox is full"),
    FULL("ErrorMessagePerFolderCountReceiveQuotaExceeded", "the folder is full"),
    FULL("ErrorSubmissionQuotaExceeded", "the account has sent its share for now"),
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
    STALE("ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange"),
    STALE("ErrorCalendarCannotUseIdForOccurrenceId"),
    STALE("ErrorCalendarCannotUseIdForRecurringMasterId"),
    OUR_FAULT("ErrorSchemaValidation"),
    OUR_FAULT("ErrorInvalidRequest"),
    OUR_FAULT("ErrorIncorrectSchemaVersion"),
    WORN_ID("ErrorInvalidId"),
    WORN_ID("ErrorInvalidIdMalformed"),
    WORN_ID("ErrorInvalidIdEmpty"),
    WORN_ID("ErrorInvalidIdMonikerTooLong"),
    WORN_ID("ErrorInvalidIdStoreObjectIdTooLong"),
    WORN_ID("ErrorCannotUseFolderIdForItemId"),
    WORN_ID("ErrorCannotUseItemIdForFolderId"),
    NO_FIELD("ErrorInvalidPropertyRequest"),
    NO_FIELD("ErrorInvalidPropertySet"),
    NO_FIELD("ErrorInvalidPropertyDelete"),
    NO_FIELD("ErrorInvalidPropertyAppend"),
    NO_FIELD("ErrorInvalidPropertyForOperation"),
    NO_FIELD("ErrorIncorrectUpdatePropertyCount"),
    NO_FIELD("ErrorUpdatePropertyMismatch"),
    NO_FIELD("ErrorInvalidExtendedProperty"),
    NO_FIELD("ErrorInvalidExtendedPropertyValue"),
    NO_FIELD("ErrorUnsupportedMapiPropertyType"),
    NO_FLAG("ErrorMessageDispositionRequired"),
    NO_FLAG("ErrorSendMeetingInvitationsRequired"),
    NO_FLAG("ErrorSendMeetingInvitationsOrCancellationsRequired"),
    NO_FLAG("ErrorSendMeetingCancellationsRequired"),
    NO_FLAG("ErrorAffectedTaskOccurrencesRequired"),
    OUR_SLIP("ErrorCannotCreateContactInNonContactFolder", "the folder is not one of contacts"),
    OUR_SLIP("ErrorCannotCreateCalendarItemInNonCalendarFolder", "the folder is not a calendar"),
    OUR_SLIP("ErrorCannotCreateTaskInNonTaskFolder", "the folder is not one of tasks"),
    BOTH("ErrorInvalidServerVersion", WESS_BROKEN, WESS_OF_HOST,
         "this Exchange is older than 14.2 (Exchange 2010 SP2), the oldest that works"),
    BOTH("ErrorInvalidSchemaVersionForMailboxVersion", WESS_BROKEN, WESS_OF_MAILBOX,
         "the mailbox is on an Exchange older than 14.2 (Exchange 2010 SP2)"),
    BAD("ErrorInvalidValueForProperty", NULL, "Exchange takes no such value"),
    BAD("ErrorPropertyUpdate", NULL, "Exchange takes no such value"),
    BAD("ErrorItemSavePropertyError", NULL, "Exchange takes no such value"),
    BAD("ErrorItemSave", NULL, "Exchange cannot save it"),
    BAD("ErrorItemCorrupt", NULL, "it is damaged in Exchange: repair or delete it there"),
    BAD("ErrorCorruptData", NULL, "it is damaged in Exchange: repair or delete it there"),
    BAD("ErrorItemPropertyRequestFailed", NULL, "Exchange cannot read a field of it"),
    BAD("ErrorContentConversionFailed", NULL, "Exchange cannot convert its text"),
    BAD("ErrorMimeContentConversionFailed", NULL, "Exchange cannot convert its text"),
    BAD("ErrorUnsupportedMimeConversion", NULL, "Exchange cannot convert its text"),
    BAD("ErrorMimeContentInvalid", NULL, "Exchange cannot read it as a message"),
    BAD("ErrorMimeContentInvalidBase64String", NULL, "Exchange cannot read it as a message"),
    TOO_LARGE("ErrorDataSizeLimitExceeded"),
    TOO_LARGE("ErrorMessageSizeExceeded"),
    TOO_LARGE("ErrorAttachmentSizeLimitExceeded"),
    BAD("ErrorObjectTypeChanged", NULL, "it has become an item of another kind"),
    BAD("ErrorVirusDetected", NULL, "Exchange's scanner holds it back: ask its administrator"),
    BAD("ErrorVirusMessageDeleted", NULL, "Exchange's scanner has deleted it"),
    BAD("ErrorCalendarIsNotOrganizer", NULL, "it is somebody else's meeting"),
    BAD("ErrorCannotDeleteObject", NULL, "the account may not delete in this mailbox"),
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
    {"ErrorSendAsDenied", WESS_AUTH, WESS_OF_COLLECTION, WESS_REJECTED,
     "the account may not send as this mailbox", NULL},
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
    UNSUBSCRIBED("ErrorSubscriptionNotFound"),
    UNSUBSCRIBED("ErrorInvalidSubscription"),
    UNSUBSCRIBED("ErrorExpiredSubscription"),
    UNSUBSCRIBED("ErrorReadEventsFailed"),
    UNSUBSCRIBED("ErrorMissedNotificationEvents"),
    UNSUBSCRIBED("ErrorInvalidWatermark"),
    UNSUBSCRIBED("ErrorEventNotFound"),
    UNSUBSCRIBED("ErrorNewEventStreamConnectionOpened"),
};

const struct ews_code *ews_codes(size_t *n)
{
    *n = sizeof(table) / sizeof(table[0]);
    return table;
}

static const struct ews_code unknown = {"", WESS_REJECTED, WESS_OF_ITEM, WESS_REJECTED, NULL, NULL};

const struct ews_code *ews_code(const char *name)
{
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

/* A code of tomorrow is shown with the server's own words, to whoever asks after the item. */
static enum wess_code told(const struct ews_code *c, const char *name, const xmlNode *message,
                           bool of_item, enum wess_code code, struct wess_error *e)
{
    const char *words = xml_text(xml_child(message, "MessageText"));
    enum wess_scope scope = of_item && code == WESS_REJECTED ? WESS_OF_ITEM : c->scope;
    if (c->text)
        return wess_fail(e, code, scope, name, "%s", c->text);
    if (c == &unknown && of_item && words && *words)
        return wess_fail(e, code, scope, name, "Exchange answers %s: %s", name, words);
    return wess_fail(e, code, scope, name, "Exchange answers %s", name);
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
    return told(c, name, message, of_item, code, e);
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
    t->stopped += of_item == WESS_NOT_TRIED && !folder;
    if ((wide && !t->wide) || (trouble && t->code == WESS_OK)) {
        t->error = *e;
        t->code = folder ? ews_code(e->remote_code)->code : of_item;
    }
    t->wide |= wide;
}

void ews_judge(const struct ews_tally *t, struct ews_answer *a)
{
    /* One bad item among good ones must not stop the rest, run after run; what made the server
     * give up the batch is no trouble of one. */
    bool all = t->n > 1 && t->failed == t->n;
    if (a->code != WESS_OK || !(t->wide || all || (t->stopped && t->failed)))
        return;
    a->code = t->code;
    a->error = t->error;
}

void ews_each_answered(struct ews_answer *a, size_t asked)
{
    if (a->code == WESS_OK && a->n != asked)
        a->code = wess_fail(&a->error, WESS_TRANSIENT, WESS_OF_COLLECTION, NULL,
                            "Exchange answered for another number of items");
}
