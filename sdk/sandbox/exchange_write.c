/* Operations that write (section 6): per-item answers, compare by ChangeKey. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exchange_ops.h"

#define TEXT_UNITS 255

/* ---- taking values in
 * ------------------------------------------------------------------------------------------- */

static size_t code_points(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

/* NULL, or the error of a value that is not taken. */
static const char *set_prop(struct ex_item *i, int p, const char *value)
{
    if (p < 0)
        return "ErrorInvalidPropertySet";
    if (value && !ex_props[p].xml &&
        code_points(value) > (strcmp(ex_props[p].sub ? ex_props[p].sub : "", "Street")
                                  ? TEXT_UNITS
                                  : 4 * TEXT_UNITS))
        return "ErrorInvalidValueForProperty";
    ex_set(&i->value[p], value);
    return NULL;
}

/* Kept as UTC, whatever it came as. */
static const char *set_time(struct ex_item *i, int p, const char *value)
{
    bool ends = !strcmp(ex_props[p].uri, "calendar:End");
    char utc[EX_TIME];
    if (!ex_utc(value, ex_value(i, ends ? "calendar:EndTimeZone" : "calendar:StartTimeZone"), utc))
        return "ErrorSchemaValidation";
    return set_prop(i, p, utc);
}

/* xs:boolean has two words for each; a server shows one. */
static const char *set_switch(struct ex_item *i, int p, const char *value)
{
    bool on = !strcmp(value, "1") || !strcmp(value, "true");
    if (!on && strcmp(value, "0") != 0 && strcmp(value, "false") != 0)
        return "ErrorSchemaValidation";
    return set_prop(i, p, on ? "true" : "false");
}

static const char *set_value(struct ex_item *i, int p, const char *value)
{
    const char *preset = p < 0 ? NULL : ex_props[p].preset;
    if (p >= 0 && ex_is_time(ex_props[p].uri))
        return set_time(i, p, value);
    if (preset && (!strcmp(preset, "false") || !strcmp(preset, "true")))
        return set_switch(i, p, value);
    return set_prop(i, p, value);
}

static const char *take_categories(struct ex_item *i, const xmlNode *n)
{
    char *of[64];
    size_t count = 0;
    for (const xmlNode *s = ex_first(n); s && count < 64; s = ex_next(s))
        of[count++] = ex_text(s);
    ex_categories(i, of, count);
    for (size_t k = 0; k < count; k++)
        xmlFree(of[k]);
    return count ? NULL : "ErrorSchemaValidation"; /* an empty list is not a way to clear */
}

static const char *take_extended(struct ex_item *i, const xmlNode *n)
{
    struct ex_extended e;
    char *value = ex_text(ex_child(n, "Value"));
    ex_extended_read(ex_child(n, "ExtendedFieldURI"), &e);
    ex_set(&e.value, value);
    xmlFree(value);
    const char *error = (e.set && e.name) || e.tag ? NULL : "ErrorInvalidExtendedProperty";
    if (!error)
        ex_extend(i, &e);
    ex_extended_free(&e);
    return error;
}

static const char *take_set(struct ex_item *i, const xmlNode *set)
{
    const char *name = (const char *)set->name, *error = NULL;
    for (const xmlNode *entry = ex_first(set); entry && !error; entry = ex_next(entry)) {
        char *key = ex_attr(entry, "Key");
        bool known = false;
        for (size_t p = 0; p < PROPS && ex_props[p].uri; p++) {
            if (strcmp(ex_props[p].element, name) || !key || !ex_props[p].key ||
                strcmp(ex_props[p].key, key))
                continue;
            known = true;
            const xmlNode *part = ex_props[p].sub ? ex_child(entry, ex_props[p].sub) : entry;
            char *text = part ? ex_text(part) : NULL;
            if (part)
                error = set_prop(i, (int)p, text);
            xmlFree(text);
        }
        if (!known)
            error = "ErrorSchemaValidation";
        xmlFree(key);
    }
    return error;
}

/* What a real server stores with a contact, and nobody here asks for again. Of tasks and events
 * some of it has a row. */
static bool is_not_kept(const char *name)
{
    static const char *const names[] = {"ItemClass",
                                        "Subject",
                                        "Culture",
                                        "Importance",
                                        "ReminderIsSet",
                                        "ReminderDueBy",
                                        "ReminderMinutesBeforeStart",
                                        "PostalAddressIndex",
                                        "IsReadReceiptRequested",
                                        "IsDeliveryReceiptRequested",
                                        "IsResponseRequested"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

/* The row of an element of this item; -1: none. */
static int row_of(const struct ex_item *i, const char *name)
{
    const struct ex_kind *kind = ex_kind_of(i);
    char uri[80];
    bool contact = !strcmp(kind->prefix, "contacts:");
    snprintf(uri, sizeof(uri), "item:%s", name);
    int p = contact ? -1 : ex_prop_find(uri, NULL);
    if (p >= 0)
        return p;
    snprintf(uri, sizeof(uri), "%s%s", kind->prefix, name);
    return ex_prop_find(uri, NULL);
}

static const char *take_element(struct ex_item *i, const xmlNode *n)
{
    const char *name = (const char *)n->name, *error = NULL;
    char *text = NULL;
    if (!strcmp(name, "Categories"))
        return take_categories(i, n);
    if (!strcmp(name, "Attachments"))
        return ex_attach_take(i, n);
    if (!strcmp(name, "ExtendedProperty"))
        return take_extended(i, n);
    if (!strcmp(name, "EmailAddresses") || !strcmp(name, "PhoneNumbers") ||
        !strcmp(name, "PhysicalAddresses") || !strcmp(name, "ImAddresses"))
        return take_set(i, n);
    int p = row_of(i, name);
    text = p >= 0 && ex_props[p].xml ? ex_inner(n)
           : ex_is_zone(name)        ? ex_attr(n, "Id")
                                     : ex_text(n);
    if (!strcmp(name, "Body")) {
        char *type = ex_attr(n, "BodyType");
        i->body_html = type && !strcmp(type, "HTML");
        ex_set(&i->body, text);
        xmlFree(type);
    } else if (!strcmp(name, "Sensitivity")) {
        ex_set(&i->sensitivity, text);
    } else if (!strcmp(name, "MimeContent")) {
        error = ex_mail_take(i, text) ? NULL : "ErrorMimeContentInvalidBase64String";
    } else if (p >= 0 || !is_not_kept(name)) {
        error = set_value(i, p, text);
        if (!error)
            error = ex_settle(i, ex_props[p].uri);
    }
    if (p >= 0 && ex_props[p].xml)
        free(text);
    else
        xmlFree(text);
    return error;
}

/* Section 4: an occurrence has its series' key. */
static const struct ex_item *keyed(struct ex_call *c, const struct ex_item *i)
{
    return i->master ? ex_item(c->mailbox, i->master) : i;
}

static void write_item_id(struct ex_call *c, const struct ex_item *i)
{
    const char *element = ex_kind_of(i)->element;
    char key[64];
    ex_change_key(keyed(c, i), key);
    sb_buf_fmt(c->out, "<m:Items><t:%s><t:ItemId Id=\"%s\" ChangeKey=\"%s\"/></t:%s></m:Items>",
               element, i->id, key, element);
}

/* Whether a write would have told anybody is counted; not to say so is an error (section 6). */
static const char *tells(struct ex_call *c, const char *attribute, unsigned people,
                         const char *error)
{
    char *how = ex_attr(c->op, attribute);
    bool said = how != NULL;
    if (said && people && strcmp(how, "SendToNone") != 0) {
        ex_outbox++;
        ex_outbox_people += people;
    }
    xmlFree(how);
    return said ? NULL : error;
}

/* A message is kept or sent: not to say which is an error, and to send it is counted and refused,
 * since nobody who may be tried here sends mail. */
static const char *disposes(struct ex_call *c, bool fresh)
{
    char *how = ex_attr(c->op, "MessageDisposition");
    bool said = how != NULL, kept = said && !strcmp(how, "SaveOnly");
    ex_outbox += said && !kept;
    xmlFree(how);
    return !said   ? "ErrorMessageDispositionRequired"
           : kept  ? NULL
           : fresh ? "ErrorSendAsDenied"
                   : "ErrorInvalidOperation";
}

static const char *const lists[] = {"RequiredAttendees", "OptionalAttendees", "Resources"};

static unsigned people_in(const xmlNode *event)
{
    unsigned n = 0;
    for (size_t i = 0; i < 3; i++)
        for (const xmlNode *a = ex_first(ex_child(event, lists[i])); a; a = ex_next(a))
            n++;
    return n;
}

static unsigned people_of(const struct ex_item *i)
{
    unsigned n = 0;
    for (size_t k = 0; k < 3; k++) {
        char uri[64];
        snprintf(uri, sizeof(uri), "calendar:%s", lists[k]);
        const char *at = ex_value(i, uri);
        for (; at && (at = strstr(at, "<t:Attendee>")); at++)
            n++;
    }
    return n;
}

/* ---- CreateItem
 * ---------------------------------------------------------------------------------------------------
 */

static void create_one(struct ex_call *c, struct ex_mailbox *m, int folder, const xmlNode *n,
                       const char *stopped, bool refused)
{
    static const char message[] = "CreateItemResponseMessage";
    const struct ex_kind *kind = ex_kind_named((const char *)n->name);
    bool mail = kind && !strcmp(kind->klass, "IPM.Note");
    const char *error = stopped                                          ? stopped
                        : refused                                        ? "ErrorItemSave"
                        : folder < 0                                     ? "ErrorFolderNotFound"
                        : !kind                                          ? "ErrorInvalidOperation"
                        : mail                                           ? disposes(c, true)
                        : strcmp(m->folders[folder].klass, kind->folder) ? kind->wrong
                                                                         : NULL;
    struct ex_item *i = error ? NULL : ex_item_new(m, folder, kind->klass);
    if (!error && !strcmp(kind->klass, "IPM.Appointment"))
        error =
            tells(c, "SendMeetingInvitations", people_in(n), "ErrorSendMeetingInvitationsRequired");
    for (const xmlNode *e = ex_first(n); i && e && !error; e = ex_next(e))
        error = take_element(i, e);
    if (i && !error)
        error = ex_finish(m, i);
    if (i && !error && mail)
        ex_mail_make(i);
    if (error && i) {
        /* Never was: no trace of it in the changes either. */
        i->folder = -1;
        ex_item_remove(m, i);
    }
    ex_begin(c, message, error);
    if (error)
        return;
    write_item_id(c, i);
    ex_end(c, message);
}

void ex_create_item(struct ex_call *c)
{
    const xmlNode *saved = ex_first(ex_child(c->op, "SavedItemFolderId"));
    struct ex_mailbox *m = c->mailbox;
    int folder = saved ? ex_folder_at(c, saved, &m) : ex_folder_of(m, "contacts", true);
    int64_t at = 0;
    for (const xmlNode *n = ex_first(ex_child(c->op, "Items")); n; n = ex_next(n), at++)
        create_one(c, m, folder, n, ex_stops(c, at),
                   c->fault == SB_FAULT_REFUSE_ITEM && c->fault_arg == at);
}

/* ---- UpdateItem
 * ------------------------------------------------------------------------------------------------------
 */

static const char *set_field(struct ex_item *i, const xmlNode *change)
{
    const xmlNode *path = ex_first(change), *item = ex_next(path), *value = ex_first(item);
    if (!value || ex_next(value))
        return "ErrorIncorrectUpdatePropertyCount";
    if (!strcmp((const char *)value->name, "Attachments")) /* has operations of its own */
        return "ErrorInvalidPropertySet";
    (void)path;
    return take_element(i, value);
}

static const char *delete_field(struct ex_item *i, const xmlNode *path)
{
    char *uri = ex_attr(path, "FieldURI"), *key = ex_attr(path, "FieldIndex");
    const char *error = NULL;
    if (!strcmp((const char *)path->name, "ExtendedFieldURI")) {
        struct ex_extended e;
        ex_extended_read(path, &e);
        ex_extended_remove(i, &e);
        ex_extended_free(&e);
    } else if (uri && !strcmp(uri, "item:Categories")) {
        ex_categories(i, NULL, 0);
    } else if (uri && !strcmp(uri, "item:Body")) {
        ex_set(&i->body, NULL);
    } else if (uri && !strcmp(uri, "item:Sensitivity")) {
        ex_set(&i->sensitivity, NULL);
    } else {
        int p = uri ? ex_prop_find(uri, key) : -1;
        if (p < 0)
            error = "ErrorInvalidPropertyDelete";
        else
            ex_set(&i->value[p], NULL);
        if (!error)
            error = ex_settle(i, uri);
    }
    xmlFree(uri);
    xmlFree(key);
    return error;
}

static const char *update(struct ex_item *i, const xmlNode *updates)
{
    const char *error = NULL;
    for (const xmlNode *u = ex_first(updates); u && !error; u = ex_next(u)) {
        if (!strcmp((const char *)u->name, "SetItemField"))
            error = set_field(i, u);
        else if (!strcmp((const char *)u->name, "DeleteItemField"))
            error = delete_field(i, ex_first(u));
        else
            error = "ErrorInvalidPropertyAppend";
    }
    return error;
}

static const char *check_key(struct ex_call *c, const struct ex_item *i, const xmlNode *id,
                             const char *resolution)
{
    char key[64], *given = ex_attr(id, "ChangeKey");
    bool never = resolution && !strcmp(resolution, "NeverOverwrite") &&
                 strcmp(sb_switch("stale", "refused"), "taken") != 0;
    const char *error = NULL;
    ex_change_key(i, key);
    if (never && c->fault == SB_FAULT_STALE)
        error = "ErrorIrresolvableConflict";
    else if (!given && resolution && strcmp(resolution, "AlwaysOverwrite"))
        error = "ErrorChangeKeyRequired";
    else if (never && strcmp(given, key))
        error = "ErrorIrresolvableConflict";
    xmlFree(given);
    return error;
}

static bool writes_rule(const xmlNode *change)
{
    bool any = false;
    for (const xmlNode *u = ex_first(ex_child(change, "Updates")); u; u = ex_next(u)) {
        char *uri = ex_attr(ex_first(u), "FieldURI");
        any |= uri && !strcmp(uri, "calendar:Recurrence");
        xmlFree(uri);
    }
    return any;
}

static void update_one(struct ex_call *c, const xmlNode *change, const char *resolution,
                       const char *stopped, bool refused)
{
    static const char message[] = "UpdateItemResponseMessage";
    const xmlNode *node = ex_child(change, "ItemId"), *one = ex_child(change, "OccurrenceItemId");
    const char *error = NULL;
    struct ex_item *i = ex_named_item(c->mailbox, one ? one : node, &error);
    if (!error && one && writes_rule(change))
        error = "ErrorInvalidPropertyForOperation"; /* 7.2: not of an occurrence */
    if (!error)
        error = check_key(c, keyed(c, i), one ? one : node, resolution);
    if (stopped)
        error = stopped;
    if (!error && refused)
        error = "ErrorItemSave";
    if (!error && !strcmp(i->klass, "IPM.Appointment"))
        error = tells(c, "SendMeetingInvitationsOrCancellations", people_of(i),
                      "ErrorSendMeetingInvitationsOrCancellationsRequired");
    if (!error && !strcmp(i->klass, "IPM.Note"))
        error = disposes(c, false);
    if (!error) {
        /* All of an item's updates or none: tried on a copy. */
        struct ex_item *copy = ex_item_copy(c->mailbox, i, -1);
        error = update(copy, ex_child(change, "Updates"));
        if (!error)
            error = ex_finish(c->mailbox, copy);
        ex_item_remove(c->mailbox, copy);
    }
    if (!error) {
        if (!one && writes_rule(change))
            ex_series_forget(c->mailbox, i);
        update(i, ex_child(change, "Updates"));
        ex_finish(c->mailbox, i);
        ex_item_touch(c->mailbox, i);
        ex_series_tell(c->mailbox, i);
    }
    ex_begin(c, message, error);
    if (error)
        return;
    write_item_id(c, i);
    sb_buf_str(c->out, "<m:ConflictResults><t:Count>0</t:Count></m:ConflictResults>");
    ex_end(c, message);
}

void ex_update_item(struct ex_call *c)
{
    char *resolution = ex_attr(c->op, "ConflictResolution");
    int64_t at = 0;
    for (const xmlNode *n = ex_first(ex_child(c->op, "ItemChanges")); n; n = ex_next(n), at++)
        update_one(c, n, resolution, ex_stops(c, at),
                   c->fault == SB_FAULT_REFUSE_ITEM && c->fault_arg == at);
    xmlFree(resolution);
}

/* ---- DeleteItem, MoveItem, CopyItem
 * -------------------------------------------------------------------------------------- */

void ex_delete_item(struct ex_call *c)
{
    char *type = ex_attr(c->op, "DeleteType"), *tasks = ex_attr(c->op, "AffectedTaskOccurrences");
    for (const xmlNode *n = ex_first(ex_child(c->op, "ItemIds")); n; n = ex_next(n)) {
        const char *wrong;
        struct ex_item *i = ex_named_item(c->mailbox, n, &wrong);
        /* The ChangeKey is not looked at: the real one does not either. */
        const char *error = wrong ? wrong
                            : !tasks && !strcmp(i->klass, "IPM.Task")
                                ? "ErrorAffectedTaskOccurrencesRequired"
                                : NULL;
        if (!error && !strcmp(i->klass, "IPM.Appointment"))
            error = tells(c, "SendMeetingCancellations", people_of(i),
                          "ErrorSendMeetingCancellationsRequired");
        ex_begin(c, "DeleteItemResponseMessage", error);
        if (error)
            continue;
        if (i->master) /* section 5: it leaves no trace but in the series */
            ex_series_drop(c->mailbox, i);
        else if (type && !strcmp(type, "MoveToDeletedItems"))
            ex_item_move(c->mailbox, i, ex_folder_of(c->mailbox, "deleteditems", true));
        else
            ex_item_remove(c->mailbox, i);
        ex_end(c, "DeleteItemResponseMessage");
    }
    xmlFree(type);
    xmlFree(tasks);
}

static void relocate(struct ex_call *c, const char *message, bool copy)
{
    struct ex_mailbox *m;
    int folder = ex_folder_at(c, ex_first(ex_child(c->op, "ToFolderId")), &m);
    for (const xmlNode *n = ex_first(ex_child(c->op, "ItemIds")); n; n = ex_next(n)) {
        char *id = ex_attr(n, "Id");
        struct ex_item *i = ex_item(c->mailbox, id);
        xmlFree(id);
        ex_begin(c, message,
                 !i           ? "ErrorItemNotFound"
                 : folder < 0 ? "ErrorToFolderNotFound"
                              : NULL);
        if (!i || folder < 0)
            continue;
        if (copy)
            i = ex_item_copy(c->mailbox, i, folder);
        else
            ex_item_move(c->mailbox, i, folder);
        write_item_id(c, i);
        ex_end(c, message);
    }
}

void ex_move_item(struct ex_call *c)
{
    relocate(c, "MoveItemResponseMessage", false);
}

void ex_copy_item(struct ex_call *c)
{
    relocate(c, "CopyItemResponseMessage", true);
}
