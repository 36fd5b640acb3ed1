/* Mailboxes, folders, items (sections 4 and 5). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exchange.h"

struct ex_mailbox *ex_mailboxes;
size_t ex_n_mailboxes;
#define ID_FIRST 0x5eed0001u
static uint64_t id_counter = ID_FIRST;

#define P1(n)                                                                                      \
    {                                                                                              \
        .uri = "contacts:" n, .element = n                                                         \
    }
#define MAIL(k)                                                                                    \
    {                                                                                              \
        .uri = "contacts:EmailAddress", .element = "EmailAddresses", .key = k                      \
    }
#define PHONE(k)                                                                                   \
    {                                                                                              \
        .uri = "contacts:PhoneNumber", .element = "PhoneNumbers", .key = k                         \
    }
#define PLACE(k, s)                                                                                \
    {                                                                                              \
        .uri = "contacts:PhysicalAddress:" s, .element = "PhysicalAddresses", .key = k, .sub = s   \
    }
#define IM(k)                                                                                      \
    {                                                                                              \
        .uri = "contacts:ImAddress", .element = "ImAddresses", .key = k                            \
    }
#define SAYS(prefix, n, value)                                                                     \
    {                                                                                              \
        .uri = prefix ":" n, .element = n, .preset = value                                         \
    }
#define XML(prefix, n)                                                                             \
    {                                                                                              \
        .uri = prefix ":" n, .element = n, .xml = true                                             \
    }
#define PLACES(k)                                                                                  \
    PLACE(k, "Street"), PLACE(k, "City"), PLACE(k, "State"), PLACE(k, "CountryOrRegion"),          \
        PLACE(k, "PostalCode")

/* Section 7.1: the order of children, as far as they are kept here. */
const struct ex_prop ex_props[PROPS] = {
    P1("FileAs"), P1("FileAsMapping"), P1("DisplayName"), P1("GivenName"), P1("Initials"),
    P1("MiddleName"), P1("Nickname"), P1("CompanyName"), MAIL("EmailAddress1"),
    MAIL("EmailAddress2"), MAIL("EmailAddress3"), PLACES("Business"), PLACES("Home"),
    PLACES("Other"), PHONE("AssistantPhone"), PHONE("BusinessFax"), PHONE("BusinessPhone"),
    PHONE("BusinessPhone2"), PHONE("Callback"), PHONE("CarPhone"), PHONE("CompanyMainPhone"),
    PHONE("HomeFax"), PHONE("HomePhone"), PHONE("HomePhone2"), PHONE("Isdn"), PHONE("MobilePhone"),
    PHONE("OtherFax"), PHONE("OtherTelephone"), PHONE("Pager"), PHONE("PrimaryPhone"),
    PHONE("RadioPhone"), PHONE("Telex"), PHONE("TtyTddPhone"), P1("AssistantName"), P1("Birthday"),
    P1("BusinessHomePage"), P1("Department"), P1("Generation"), IM("ImAddress1"), IM("ImAddress2"),
    IM("ImAddress3"), P1("JobTitle"), P1("Manager"), P1("Mileage"), P1("OfficeLocation"),
    P1("PostalAddressIndex"), P1("Profession"), P1("SpouseName"), P1("Surname"),
    P1("WeddingAnniversary"),
    /* of tasks and events; written by name */
    SAYS("item", "Subject", NULL), SAYS("item", "DateTimeReceived", NULL),
    SAYS("item", "DateTimeSent", NULL), SAYS("item", "Importance", "Normal"),
    SAYS("item", "ReminderDueBy", NULL), SAYS("item", "ReminderIsSet", "false"),
    SAYS("item", "ReminderMinutesBeforeStart", "0"), SAYS("item", "HasAttachments", "false"),
    SAYS("task", "ActualWork", NULL), SAYS("task", "BillingInformation", NULL),
    SAYS("task", "CompleteDate", NULL), SAYS("task", "DueDate", NULL),
    SAYS("task", "IsComplete", "false"), SAYS("task", "IsRecurring", "false"),
    SAYS("task", "Mileage", NULL), SAYS("task", "Owner", NULL),
    SAYS("task", "PercentComplete", "0"), XML("task", "Recurrence"),
    SAYS("task", "StartDate", NULL), SAYS("task", "Status", "NotStarted"),
    SAYS("task", "StatusDescription", NULL), SAYS("task", "TotalWork", NULL),
    SAYS("calendar", "UID", NULL), SAYS("calendar", "RecurrenceId", NULL),
    SAYS("calendar", "Start", NULL), SAYS("calendar", "End", NULL),
    SAYS("calendar", "IsAllDayEvent", "false"), SAYS("calendar", "LegacyFreeBusyStatus", "Busy"),
    SAYS("calendar", "Location", NULL), SAYS("calendar", "IsMeeting", "false"),
    SAYS("calendar", "IsCancelled", "false"), SAYS("calendar", "IsRecurring", "false"),
    SAYS("calendar", "CalendarItemType", "Single"), SAYS("calendar", "MyResponseType", "Organizer"),
    XML("calendar", "Organizer"), XML("calendar", "RequiredAttendees"),
    XML("calendar", "OptionalAttendees"), XML("calendar", "Resources"),
    XML("calendar", "Recurrence"), XML("calendar", "ModifiedOccurrences"),
    XML("calendar", "DeletedOccurrences"), SAYS("calendar", "StartTimeZone", NULL),
    SAYS("calendar", "EndTimeZone", NULL), XML("message", "ToRecipients"),
    XML("message", "CcRecipients"), XML("message", "From"),
    SAYS("message", "InternetMessageId", NULL), SAYS("message", "IsRead", "false")};

const char *ex_value(const struct ex_item *i, const char *uri)
{
    int p = ex_prop_find(uri, NULL);
    return p < 0 ? NULL : i->value[p] ? i->value[p] : ex_props[p].preset;
}

void ex_put(struct ex_item *i, const char *uri, const char *value)
{
    int p = ex_prop_find(uri, NULL);
    if (p >= 0)
        ex_set(&i->value[p], value);
}

int ex_prop_find(const char *uri, const char *key)
{
    for (int i = 0; i < (int)PROPS && ex_props[i].uri; i++)
        if (!strcmp(ex_props[i].uri, uri) &&
            (key ? ex_props[i].key && !strcmp(ex_props[i].key, key) : !ex_props[i].key))
            return i;
    return -1;
}

/* Long, case-sensitive, opaque. */
static char *new_id(const char *kind)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint64_t x = (++id_counter) * 0x9e3779b97f4a7c15u;
    char *out = malloc(160);
    if (!out)
        abort();
    int n = snprintf(out, 160, "AAMkAGRmZWQ0%s", kind);
    for (; n < 118; n++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        out[n] = alphabet[x & 63];
    }
    snprintf(out + n, (size_t)(160 - n), "%08llxAAA=", (unsigned long long)id_counter);
    return out;
}

void ex_change_key(const struct ex_item *i, char out[64])
{
    snprintf(out, 64,
             "EQAAABYAAAD%010llxSeq%lldAAA=", (unsigned long long)i->created_ms & 0xffffffffu,
             (long long)i->seq);
}

void ex_set(char **slot, const char *value)
{
    char *new = value &&*value ? strdup(value) : NULL;
    free(*slot);
    *slot = new;
}

/* ---- mailboxes and folders
 * ------------------------------------------------------------------------------------- */

struct ex_mailbox *ex_mailbox(const char *address)
{
    for (size_t i = 0; address && i < ex_n_mailboxes; i++)
        if (!strcasecmp(ex_mailboxes[i].user->address, address))
            return &ex_mailboxes[i];
    return NULL;
}

int ex_folder_of(const struct ex_mailbox *m, const char *id, bool distinguished)
{
    for (size_t i = 0; id && i < m->n_folders; i++) {
        const char *have = distinguished ? m->folders[i].distinguished : m->folders[i].id;
        if (have && !strcmp(have, id))
            return (int)i;
    }
    return -1;
}

static void add_folder(struct ex_mailbox *m, const char *distinguished, const char *name,
                       const char *klass, int parent)
{
    m->folders[m->n_folders++] =
        (struct ex_folder){new_id("Fold"), distinguished ? strdup(distinguished) : NULL,
                           strdup(name), strdup(klass), parent};
}

bool ex_folder_new(struct ex_mailbox *m, const char *name, const char *klass, int parent)
{
    if (m->n_folders == sizeof(m->folders) / sizeof(m->folders[0]))
        return false;
    add_folder(m, NULL, name, klass, parent);
    return true;
}

/* ---- items
 * -------------------------------------------------------------------------------------------------------
 */

void ex_item_touch(struct ex_mailbox *m, struct ex_item *i)
{
    i->seq = ++m->seq;
    i->modified_ms = sb_now_ms();
}

struct ex_item *ex_item_new(struct ex_mailbox *m, int folder, const char *klass)
{
    struct ex_item *i = calloc(1, sizeof(*i));
    if (!i)
        abort();
    if (m->n_items == m->cap_items) {
        m->cap_items = m->cap_items ? m->cap_items * 2 : 256;
        m->items = realloc(m->items, m->cap_items * sizeof(*m->items));
        if (!m->items)
            abort();
    }
    i->id = new_id("Item");
    i->klass = strdup(klass);
    i->folder = folder;
    i->created_ms = sb_now_ms();
    ex_item_touch(m, i);
    i->created_seq = i->seq;
    m->items[m->n_items++] = i;
    return i;
}

struct ex_item *ex_item(struct ex_mailbox *m, const char *id)
{
    for (size_t i = 0; id && i < m->n_items; i++)
        if (!strcmp(m->items[i]->id, id))
            return m->items[i];
    return NULL;
}

void ex_extended_free(struct ex_extended *e)
{
    free(e->set);
    free(e->name);
    free(e->tag);
    free(e->type);
    free(e->value);
    *e = (struct ex_extended){0};
}

static void item_free(struct ex_item *i)
{
    for (size_t p = 0; p < PROPS; p++)
        free(i->value[p]);
    ex_categories(i, NULL, 0);
    for (size_t e = 0; e < i->n_extended; e++)
        ex_extended_free(&i->extended[e]);
    free(i->extended);
    ex_attach_free(i);
    free(i->id);
    free(i->klass);
    free(i->sensitivity);
    free(i->global_id);
    free(i->master);
    free(i->original);
    free(i->body);
    free(i->mime);
    ex_attach_free(i);
    free(i);
}

static void note_deletion(struct ex_mailbox *m, const struct ex_item *i)
{
    m->deletions = realloc(m->deletions, (m->n_deletions + 1) * sizeof(*m->deletions));
    if (!m->deletions)
        abort();
    m->deletions[m->n_deletions++] =
        (struct ex_deletion){i->folder, strdup(i->id), ++m->seq, i->created_seq};
}

void ex_item_remove(struct ex_mailbox *m, struct ex_item *i)
{
    size_t at = 0;
    note_deletion(m, i);
    while (m->items[at] != i)
        at++;
    memmove(m->items + at, m->items + at + 1, (m->n_items - at - 1) * sizeof(*m->items));
    m->n_items--;
    item_free(i);
}

/* A move is Delete here and Create there; ChangeKey stays, the id is another. */
void ex_item_move(struct ex_mailbox *m, struct ex_item *i, int folder)
{
    note_deletion(m, i);
    free(i->id);
    i->id = new_id("Item");
    i->folder = folder;
    i->created_seq = i->seq = ++m->seq;
}

struct ex_item *ex_item_copy(struct ex_mailbox *m, const struct ex_item *from, int folder)
{
    struct ex_item *i = ex_item_new(m, folder, from->klass);
    for (size_t p = 0; p < PROPS; p++)
        ex_set(&i->value[p], from->value[p]);
    ex_set(&i->sensitivity, from->sensitivity);
    ex_set(&i->body, from->body);
    ex_set(&i->global_id, from->global_id);
    i->body_html = from->body_html;
    i->mime = from->mime ? malloc(from->mime_len) : NULL;
    if (i->mime)
        memcpy(i->mime, from->mime, i->mime_len = from->mime_len);
    ex_attach_copy(i, from);
    ex_categories(i, from->categories, from->n_categories);
    for (size_t e = 0; e < from->n_extended; e++)
        ex_extend(i, &from->extended[e]); /* copies carry named properties along */
    ex_attach_copy(i, from);
    return i;
}

void ex_categories(struct ex_item *i, char **of, size_t n)
{
    char **new = n ? calloc(n, sizeof(*new)) : NULL;
    for (size_t c = 0; c < n; c++)
        new[c] = strdup(of[c]);
    for (size_t c = 0; c < i->n_categories; c++)
        free(i->categories[c]);
    free(i->categories);
    i->categories = new;
    i->n_categories = n;
}

static bool same(const char *a, const char *b)
{
    return !strcasecmp(a ? a : "", b ? b : "");
}

static bool same_path(const struct ex_extended *a, const struct ex_extended *b)
{
    return same(a->set, b->set) && same(a->name, b->name) && same(a->tag, b->tag);
}

const struct ex_extended *ex_extended_of(const struct ex_item *i, const struct ex_extended *path)
{
    for (size_t e = 0; e < i->n_extended; e++)
        if (same_path(&i->extended[e], path))
            return &i->extended[e];
    return NULL;
}

void ex_extended_remove(struct ex_item *i, const struct ex_extended *path)
{
    for (size_t e = 0; e < i->n_extended; e++)
        if (same_path(&i->extended[e], path)) {
            ex_extended_free(&i->extended[e]);
            i->extended[e] = i->extended[--i->n_extended];
            return;
        }
}

static char *dup_or_null(const char *s)
{
    return s ? strdup(s) : NULL;
}

void ex_extend(struct ex_item *i, const struct ex_extended *e)
{
    ex_extended_remove(i, e);
    i->extended = realloc(i->extended, (i->n_extended + 1) * sizeof(*i->extended));
    if (!i->extended)
        abort();
    i->extended[i->n_extended++] =
        (struct ex_extended){dup_or_null(e->set), dup_or_null(e->name), dup_or_null(e->tag),
                             dup_or_null(e->type), dup_or_null(e->value)};
}

/* ---- the data
 * ------------------------------------------------------------------------------------------------------
 */

static void put(struct ex_item *i, const char *uri, const char *key, const char *value)
{
    int p = ex_prop_find(uri, key);
    if (p >= 0 && value)
        ex_set(&i->value[p], value);
}

static void add_person(struct ex_mailbox *m, const struct sb_person *d, bool tagged, bool private)
{
    static char *tag[] = {(char *)(uintptr_t) "Workbooks"};
    struct ex_item *i = ex_item_new(m, ex_folder_of(m, "contacts", true), "IPM.Contact");
    char name[300];
    snprintf(name, sizeof(name), "%s%s%s", d->first ? d->first : "", d->first && d->last ? " " : "",
             d->last ? d->last : "");
    put(i, "contacts:DisplayName", NULL, *name ? name : d->company ? d->company : d->email[0]);
    put(i, "contacts:GivenName", NULL, d->first);
    put(i, "contacts:MiddleName", NULL, d->middle);
    put(i, "contacts:Surname", NULL, d->last);
    put(i, "contacts:JobTitle", NULL, d->job);
    put(i, "contacts:CompanyName", NULL, d->company);
    put(i, "contacts:EmailAddress", "EmailAddress1", d->email[0]);
    put(i, "contacts:EmailAddress", "EmailAddress2", d->email[1]);
    put(i, "contacts:EmailAddress", "EmailAddress3", d->email[2]);
    put(i, "contacts:PhoneNumber", "BusinessPhone", d->work_phone);
    put(i, "contacts:PhoneNumber", "MobilePhone", d->mobile);
    put(i, "contacts:PhoneNumber", "HomePhone", d->home_phone);
    put(i, "contacts:PhoneNumber", "BusinessFax", d->fax);
    put(i, "contacts:PhysicalAddress:Street", "Business", d->street);
    put(i, "contacts:PhysicalAddress:City", "Business", d->town);
    put(i, "contacts:PhysicalAddress:State", "Business", d->region);
    put(i, "contacts:PhysicalAddress:PostalCode", "Business", d->postcode);
    put(i, "contacts:PhysicalAddress:CountryOrRegion", "Business", d->country);
    put(i, "contacts:PhysicalAddress:Street", "Home", d->home_street);
    put(i, "contacts:PhysicalAddress:City", "Home", d->home_town);
    put(i, "contacts:PhysicalAddress:PostalCode", "Home", d->home_postcode);
    put(i, "contacts:PhysicalAddress:CountryOrRegion", "Home", d->home_country);
    put(i, "contacts:BusinessHomePage", NULL, d->website);
    if (d->title) {
        const struct ex_extended title = {NULL, NULL, (char *)(uintptr_t) "0x3a45",
                                          (char *)(uintptr_t) "String",
                                          (char *)(uintptr_t)d->title};
        ex_extend(i, &title);
    }
    ex_set(&i->body, d->note);
    if (private)
        ex_set(&i->sensitivity, "Private");
    if (tagged)
        ex_categories(i, tag, 1);
}

static void fill(struct ex_mailbox *m, size_t which)
{
    const struct sb_person *all;
    size_t n = sb_people(&all);
    char scratch[SB_SCRATCH];
    struct sb_person one;
    for (size_t i = 0; which < 2 && i < n; i++)
        if (all[i].in_mailbox[which])
            add_person(m, &all[i], all[i].tagged[which], all[i].is_private[which]);
    for (unsigned i = 0; sb_load.on && i < sb_load.contacts; i++) {
        sb_load_person((unsigned)which, i, sb_load.employers, &one, scratch);
        add_person(m, &one, i < sb_load.tagged, false);
    }
    if (!sb_load.on && !sb_load.empty) {
        struct ex_item *list = ex_item_new(m, ex_folder_of(m, "contacts", true), "IPM.DistList");
        put(list, "contacts:DisplayName", NULL, "Board of directors");
    }
}

void ex_store_start(void)
{
    const struct sb_person *all;
    sb_people(&all);
    ex_mailboxes = calloc(sb_n_users, sizeof(*ex_mailboxes));
    if (!ex_mailboxes)
        abort();
    ex_n_mailboxes = sb_n_users;
    for (size_t i = 0; i < sb_n_users; i++) {
        struct ex_mailbox *m = &ex_mailboxes[i];
        m->user = &sb_users[i];
        add_folder(m, "root", "Root", "IPF", -1);
        add_folder(m, "msgfolderroot", "Top of Information Store", "IPF", 0);
        add_folder(m, "contacts", "Contacts", "IPF.Contact", 1);
        add_folder(m, NULL, "Suppliers", "IPF.Contact", 2);
        add_folder(m, "deleteditems", "Deleted Items", "IPF.Note", 1);
        add_folder(m, "inbox", "Inbox", "IPF.Note", 1);
        add_folder(m, "outbox", "Outbox", "IPF.Note", 1);
        add_folder(m, "sentitems", "Sent Items", "IPF.Note", 1);
        add_folder(m, "drafts", "Drafts", "IPF.Note", 1);
        add_folder(m, "calendar", "Calendar", "IPF.Appointment", 1);
        add_folder(m, "tasks", "Tasks", "IPF.Task", 1);
        fill(m, i);
    }
}

void ex_store_stop(void)
{
    for (size_t i = 0; i < ex_n_mailboxes; i++) {
        struct ex_mailbox *m = &ex_mailboxes[i];
        for (size_t k = 0; k < m->n_items; k++)
            item_free(m->items[k]);
        for (size_t k = 0; k < m->n_deletions; k++)
            free(m->deletions[k].id);
        for (size_t k = 0; k < m->n_folders; k++) {
            free(m->folders[k].id);
            free(m->folders[k].distinguished);
            free(m->folders[k].name);
            free(m->folders[k].klass);
        }
        free(m->items);
        free(m->deletions);
        free(m->delegates);
        free(m->categories);
    }
    free(ex_mailboxes);
    /* So that it can be started again. */
    ex_mailboxes = NULL;
    ex_n_mailboxes = 0;
    id_counter = ID_FIRST;
}
