/* The order of elements that Exchange 2010 enforces (sections 1 and 7.1): a table of its own. */
#include <string.h>

#include "exchange.h"

/* What every item has. */
#define ITEM                                                                                       \
    "MimeContent ItemId ParentFolderId ItemClass Subject Sensitivity Body Attachments "            \
    "DateTimeReceived Size Categories Importance InReplyTo IsSubmitted IsDraft IsFromMe IsResend " \
    "IsUnmodified InternetMessageHeaders DateTimeSent DateTimeCreated ResponseObjects "            \
    "ReminderDueBy ReminderIsSet ReminderMinutesBeforeStart DisplayCc DisplayTo HasAttachments "   \
    "ExtendedProperty Culture EffectiveRights LastModifiedName LastModifiedTime IsAssociated "

static const struct {
    const char *parent;
    const char *children; /* in order, a space between; "*": any, not looked into */
} orders[] = {
    {"GetFolder", "FolderShape FolderIds"},
    {"FindFolder", "FolderShape IndexedPageFolderView FractionalPageFolderView Restriction "
                   "ParentFolderIds"},
    {"GetUserConfiguration", "UserConfigurationName UserConfigurationProperties"},
    {"CreateUserConfiguration", "UserConfiguration"},
    {"UpdateUserConfiguration", "UserConfiguration"},
    {"UserConfiguration", "UserConfigurationName ItemId Dictionary XmlData BinaryData"},
    {"SyncFolderHierarchy", "FolderShape SyncFolderId SyncState"},
    {"SyncFolderItems", "ItemShape SyncFolderId SyncState Ignore MaxChangesReturned SyncScope"},
    {"GetItem", "ItemShape ItemIds"},
    {"Subscribe", "PullSubscriptionRequest PushSubscriptionRequest StreamingSubscriptionRequest"},
    {"StreamingSubscriptionRequest", "FolderIds EventTypes"},
    {"GetStreamingEvents", "SubscriptionIds ConnectionTimeout"},
    {"CreateItem", "SavedItemFolderId Items"},
    {"UpdateItem", "SavedItemFolderId ItemChanges"},
    {"DeleteItem", "ItemIds"},
    {"MoveItem", "ToFolderId ItemIds ReturnNewItemIds"},
    {"CopyItem", "ToFolderId ItemIds ReturnNewItemIds"},
    {"FindItem", "ItemShape IndexedPageItemView FractionalPageItemView CalendarView ContactsView "
                 "GroupBy DistinguishedGroupBy Restriction SortOrder ParentFolderIds QueryString"},
    {"CreateAttachment", "ParentItemId Attachments"},
    {"GetAttachment", "AttachmentShape AttachmentIds"},
    {"DeleteAttachment", "AttachmentIds"},
    {"FileAttachment", "AttachmentId Name ContentType ContentId ContentLocation Size "
                       "LastModifiedTime IsInline IsContactPhoto Content"},
    {"ConvertId", "SourceIds"},
    {"ResolveNames", "ParentFolderIds UnresolvedEntry"},
    {"CreateAttachment", "ParentItemId Attachments"},
    {"GetAttachment", "AttachmentShape AttachmentIds"},
    {"DeleteAttachment", "AttachmentIds"},
    {"FileAttachment", "AttachmentId Name ContentType ContentId ContentLocation Size "
                       "LastModifiedTime IsInline IsContactPhoto Content"},
    {"FolderShape", "BaseShape AdditionalProperties"},
    {"ItemShape", "BaseShape IncludeMimeContent BodyType UniqueBodyType NormalizedBodyType "
                  "FilterHtmlContent ConvertHtmlCodePageToUTF8 InlineImageUrlTemplate "
                  "BlockExternalImages AddBlankTargetToLinks MaximumBodySize AdditionalProperties"},
    {"ItemChange", "ItemId OccurrenceItemId RecurringMasterItemId Updates"},
    {"SetItemField", "FieldURI IndexedFieldURI ExtendedFieldURI Contact Task CalendarItem Item "
                     "Message DistributionList"},
    {"AppendToItemField", "FieldURI IndexedFieldURI ExtendedFieldURI Contact Item Message"},
    {"DeleteItemField", "FieldURI IndexedFieldURI ExtendedFieldURI"},
    {"ExtendedProperty", "ExtendedFieldURI Value Values"},
    {"Contact", ITEM
     "FileAs FileAsMapping DisplayName GivenName Initials MiddleName Nickname CompleteName "
     "CompanyName EmailAddresses PhysicalAddresses PhoneNumbers AssistantName Birthday "
     "BusinessHomePage Children Companies ContactSource Department Generation ImAddresses JobTitle "
     "Manager Mileage OfficeLocation PostalAddressIndex Profession SpouseName Surname "
     "WeddingAnniversary HasPicture"},
    {"Task",
     ITEM "ActualWork AssignedTime BillingInformation ChangeCount Companies CompleteDate "
          "Contacts DelegationState Delegator DueDate IsAssignmentEditable IsComplete "
          "IsRecurring IsTeamTask Mileage Owner PercentComplete Recurrence StartDate Status "
          "StatusDescription TotalWork"},
    {"CalendarItem",
     ITEM "UID RecurrenceId DateTimeStamp Start End OriginalStart IsAllDayEvent "
          "LegacyFreeBusyStatus Location When IsMeeting IsCancelled IsRecurring "
          "MeetingRequestWasSent IsResponseRequested CalendarItemType MyResponseType Organizer "
          "RequiredAttendees OptionalAttendees Resources ConflictingMeetingCount "
          "AdjacentMeetingCount ConflictingMeetings AdjacentMeetings Duration TimeZone "
          "AppointmentReplyTime AppointmentSequenceNumber AppointmentState Recurrence "
          "FirstOccurrence LastOccurrence ModifiedOccurrences DeletedOccurrences MeetingTimeZone "
          "StartTimeZone EndTimeZone ConferenceType AllowNewTimeProposal IsOnlineMeeting "
          "MeetingWorkspaceUrl NetShowUrl"},
    {"Message",
     ITEM "Sender ToRecipients CcRecipients BccRecipients IsReadReceiptRequested "
          "IsDeliveryReceiptRequested ConversationIndex ConversationTopic From InternetMessageId "
          "IsRead IsResponseRequested References ReplyTo ReceivedBy ReceivedRepresenting"},
    {"Attendee", "Mailbox ResponseType LastResponseTime"},
    {"Recurrence",
     "RelativeYearlyRecurrence AbsoluteYearlyRecurrence RelativeMonthlyRecurrence "
     "AbsoluteMonthlyRecurrence WeeklyRecurrence DailyRecurrence DailyRegeneration "
     "WeeklyRegeneration MonthlyRegeneration YearlyRegeneration NoEndRecurrence EndDateRecurrence "
     "NumberedRecurrence"},
    {"RelativeYearlyRecurrence", "DaysOfWeek DayOfWeekIndex Month"},
    {"AbsoluteYearlyRecurrence", "DayOfMonth Month"},
    {"RelativeMonthlyRecurrence", "Interval DaysOfWeek DayOfWeekIndex"},
    {"AbsoluteMonthlyRecurrence", "Interval DayOfMonth"},
    {"WeeklyRecurrence", "Interval DaysOfWeek FirstDayOfWeek"},
    {"DailyRecurrence", "Interval"},
    {"NoEndRecurrence", "StartDate"},
    {"EndDateRecurrence", "StartDate EndDate"},
    {"NumberedRecurrence", "StartDate NumberOfOccurrences"},
};

/* The place of a name in the list; -1: not in it. */
static int place(const char *list, const char *name)
{
    size_t len = strlen(name);
    int i = 0;
    for (const char *at = list; *at; i++) {
        const char *end = strchrnul(at, ' ');
        if ((size_t)(end - at) == len && !strncmp(at, name, len))
            return i;
        at = *end ? end + 1 : end;
    }
    return -1;
}

static const char *check_address(const xmlNode *entry)
{
    static const char parts[] = "Street City State CountryOrRegion PostalCode";
    int last = -1;
    for (const xmlNode *n = ex_first(entry); n; n = ex_next(n)) {
        int at = place(parts, (const char *)n->name);
        if (at <= last)
            return (const char *)n->name;
        last = at;
    }
    return NULL;
}

const char *ex_order(const xmlNode *node)
{
    const char *list = NULL, *name = (const char *)node->name;
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
        if (!strcmp(orders[i].parent, name))
            list = orders[i].children;
    int last = -1;
    if (!strcmp(name, "Entry") && node->parent &&
        !strcmp((const char *)node->parent->name, "PhysicalAddresses"))
        return check_address(node);
    for (const xmlNode *n = ex_first(node); n; n = ex_next(n)) {
        if (list) {
            int at = place(list, (const char *)n->name);
            bool repeats = at == last && !strcmp((const char *)n->name, "ExtendedProperty");
            if (at < 0 || at < last || (at == last && !repeats))
                return (const char *)n->name;
            last = at;
        }
        const char *wrong = ex_order(n);
        if (wrong)
            return wrong;
    }
    return NULL;
}
