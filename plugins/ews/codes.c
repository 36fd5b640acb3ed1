/* What each response code asks of the core. */
#include <stdlib.h>
#include <string.h>

#include "ews.h"

static const struct ews_code table[] = {
    {"ErrorServerBusy", WESS_THROTTLED, WESS_OF_MAILBOX},
    {"ErrorExceededConnectionCount", WESS_THROTTLED, WESS_OF_CREDENTIAL},
    {"ErrorExceededFindCountLimit", WESS_TOO_BIG, WESS_OF_COLLECTION},
    {"ErrorTooManyObjectsOpened", WESS_THROTTLED, WESS_OF_MAILBOX},
    {"ErrorTimeoutExpired", WESS_TOO_BIG, WESS_OF_COLLECTION},
    {"ErrorInternalServerTransientError", WESS_TRANSIENT, WESS_OF_MAILBOX},
    {"ErrorInternalServerError", WESS_TRANSIENT, WESS_OF_MAILBOX},
    {"ErrorInsufficientResources", WESS_TRANSIENT, WESS_OF_HOST},
    {"ErrorNotEnoughMemory", WESS_TRANSIENT, WESS_OF_HOST},
    {"ErrorADUnavailable", WESS_TRANSIENT, WESS_OF_HOST},
    {"ErrorADOperation", WESS_TRANSIENT, WESS_OF_HOST},
    {"ErrorConnectionFailed", WESS_TRANSIENT, WESS_OF_MAILBOX},
    {"ErrorClientDisconnected", WESS_TRANSIENT, WESS_OF_MAILBOX},
    {"ErrorMailboxStoreUnavailable", WESS_TRANSIENT, WESS_OF_MAILBOX},
    {"ErrorMailboxFailover", WESS_TRANSIENT, WESS_OF_MAILBOX},
    {"ErrorMailboxMoveInProgress", WESS_TRANSIENT, WESS_OF_MAILBOX},
    {"ErrorNoRespondingCASInDestinationSite", WESS_TRANSIENT, WESS_OF_MAILBOX},
    {"ErrorWrongServerVersion", WESS_TRANSIENT, WESS_OF_MAILBOX},
    {"ErrorCrossSiteRequest", WESS_TRANSIENT, WESS_OF_MAILBOX},
    {"ErrorBatchProcessingStopped", WESS_NOT_TRIED, WESS_OF_ITEM},
    {"ErrorQuotaExceeded", WESS_TRANSIENT, WESS_OF_MAILBOX},
    {"ErrorItemNotFound", WESS_GONE, WESS_OF_ITEM},
    {"ErrorCalendarCannotUpdateDeletedItem", WESS_GONE, WESS_OF_ITEM},
    {"ErrorFolderNotFound", WESS_GONE, WESS_OF_COLLECTION},
    {"ErrorSyncFolderNotFound", WESS_GONE, WESS_OF_COLLECTION},
    {"ErrorParentFolderNotFound", WESS_GONE, WESS_OF_COLLECTION},
    {"ErrorSavedItemFolderNotFound", WESS_GONE, WESS_OF_COLLECTION},
    {"ErrorToFolderNotFound", WESS_GONE, WESS_OF_COLLECTION},
    {"ErrorInvalidSyncStateData", WESS_RESET, WESS_OF_COLLECTION},
    {"ErrorIrresolvableConflict", WESS_CONFLICT, WESS_OF_ITEM},
    {"ErrorStaleObject", WESS_CONFLICT, WESS_OF_ITEM},
    {"ErrorChangeKeyRequired", WESS_CONFLICT, WESS_OF_ITEM},
    {"ErrorChangeKeyRequiredForWriteOperations", WESS_CONFLICT, WESS_OF_ITEM},
    {"ErrorInvalidChangeKey", WESS_CONFLICT, WESS_OF_ITEM},
    {"ErrorSchemaValidation", WESS_BROKEN, WESS_OF_HOST},
    {"ErrorInvalidRequest", WESS_BROKEN, WESS_OF_HOST},
    {"ErrorIncorrectSchemaVersion", WESS_BROKEN, WESS_OF_HOST},
    {"ErrorInvalidServerVersion", WESS_BROKEN, WESS_OF_HOST},
    {"ErrorInvalidSchemaVersionForMailboxVersion", WESS_BROKEN, WESS_OF_HOST},
    {"ErrorDataSizeLimitExceeded", WESS_REJECTED, WESS_OF_ITEM},
    {"ErrorAccessDenied", WESS_AUTH, WESS_OF_COLLECTION},
    {"ErrorCreateItemAccessDenied", WESS_AUTH, WESS_OF_COLLECTION},
    {"ErrorImpersonateUserDenied", WESS_AUTH, WESS_OF_MAILBOX},
    {"ErrorImpersonationDenied", WESS_AUTH, WESS_OF_MAILBOX},
    {"ErrorImpersonationFailed", WESS_AUTH, WESS_OF_MAILBOX},
    {"ErrorInvalidExchangeImpersonationHeaderData", WESS_AUTH, WESS_OF_MAILBOX},
    {"ErrorInvalidUserPrincipalName", WESS_AUTH, WESS_OF_MAILBOX},
    {"ErrorInvalidUserSid", WESS_AUTH, WESS_OF_MAILBOX},
    {"ErrorNonExistentMailbox", WESS_AUTH, WESS_OF_MAILBOX},
    {"ErrorMissingEmailAddress", WESS_AUTH, WESS_OF_MAILBOX},
    {"ErrorNonPrimarySmtpAddress", WESS_AUTH, WESS_OF_MAILBOX},
    {"ErrorAccountDisabled", WESS_AUTH, WESS_OF_CREDENTIAL},
    {"ErrorPasswordExpired", WESS_AUTH, WESS_OF_CREDENTIAL},
    {"ErrorPasswordChangeRequired", WESS_AUTH, WESS_OF_CREDENTIAL},
    {"ErrorInvalidLicense", WESS_AUTH, WESS_OF_CREDENTIAL},
    {"ErrorOrganizationAccessBlocked", WESS_AUTH, WESS_OF_CREDENTIAL},
};

const struct ews_code *ews_code(const char *name)
{
    static const struct ews_code unknown = {"", WESS_REJECTED, WESS_OF_ITEM};
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (!strcmp(table[i].name, name))
            return &table[i];
    return &unknown;
}

/* BackOffMilliseconds, told apart from its name: <Value Name="BackOffMilliseconds">N</Value>. */
static int64_t backoff(const xmlNode *xml)
{
    for (const xmlNode *v = xml_first(xml); v; v = xml_next(v)) {
        const char *name = xml_attr(v, "Name");
        if (name && !strcmp(name, "BackOffMilliseconds"))
            return strtoll(xml_text(v), NULL, 10);
    }
    return 0;
}

static const char *inner_code(const xmlNode *xml)
{
    for (const xmlNode *v = xml_first(xml); v; v = xml_next(v)) {
        const char *name = xml_attr(v, "Name");
        if (name && !strcmp(name, "InnerErrorResponseCode"))
            return xml_text(v);
    }
    return NULL;
}

enum wess_code ews_message(const xmlNode *message, bool write, struct wess_error *e)
{
    const char *class = xml_attr(message, "ResponseClass");
    const char *name = xml_text(xml_child(message, "ResponseCode"));
    const xmlNode *xml = xml_child(message, "MessageXml");
    const char *inner = inner_code(xml);
    if (!name)
        name = xml_text(message); /* of a fault: its code alone */
    if (name && (!strcmp(name, "NoError") || (class && !strcmp(class, "Success"))))
        return WESS_OK;
    if (inner && *inner)
        name = inner;
    const struct ews_code *c = ews_code(name ? name : "");
    e->retry_after_ms = backoff(xml);
    /* A timeout of a write may have come after the write. */
    enum wess_code code = write && c->code == WESS_TOO_BIG ? WESS_UNKNOWN : c->code;
    return wess_fail(e, code, c->scope, name, "Exchange answers %s", name ? name : "nothing");
}
