/* The kinds, and how their properties are named on the wire. */
#include <string.h>

#include "ews.h"

const struct ews_kind *const ews_kinds[EWS_KINDS] = {&ews_contact_kind, &ews_task_kind,
                                                     &ews_event_kind, &ews_message_kind};

/* [0] is what Exchange has where nothing was said. */
const struct ews_word ews_classes[] = {{"PUBLIC", "Normal"},
                                       {"X-PERSONAL", "Personal"}, /* MS-OXCICAL 2.1.3.1.1.20.4 */
                                       {"PRIVATE", "Private"},
                                       {"CONFIDENTIAL", "Confidential"},
                                       {NULL, NULL}};

static int kind_at(const struct wess_call *call)
{
    for (int i = 0; call->collection && i < EWS_KINDS; i++)
        if (!strcmp(ews_kinds[i]->collection, call->collection))
            return i;
    return EWS_CONTACT; /* check() and describe() are of no collection */
}

const struct ews_kind *ews_kind_of(const struct wess_call *call)
{
    return ews_kinds[kind_at(call)];
}

struct ews_tree *ews_tree_of(const struct wess_call *call)
{
    return &call->conn->tree[kind_at(call)];
}

/* ---- paths
 * ------------------------------------------------------------------------------------------ */

bool ews_is_mail(const struct ews_field *f)
{
    return f->set && !strcmp(f->set, "EmailAddresses");
}

static void field_uri(struct xml_out *x, const char *uri)
{
    xml_open(x, "t:FieldURI");
    xml_put_attr(x, "FieldURI", uri);
    xml_close(x);
}

void ews_path_stamp(struct xml_out *x)
{
    xml_open(x, "t:ExtendedFieldURI");
    xml_put_attr(x, "PropertySetId", EWS_STAMP_SET);
    xml_put_attr(x, "PropertyName", EWS_STAMP_NAME);
    xml_put_attr(x, "PropertyType", "String");
    xml_close(x);
}

void ews_path_kept(struct xml_out *x)
{
    xml_open(x, "t:ExtendedFieldURI");
    xml_put_attr(x, "PropertySetId", EWS_STAMP_SET);
    xml_put_attr(x, "PropertyName", EWS_KEPT_NAME);
    xml_put_attr(x, "PropertyType", "String");
    xml_close(x);
}

void ews_path_title(struct xml_out *x)
{
    xml_open(x, "t:ExtendedFieldURI");
    xml_put_attr(x, "PropertyTag", EWS_TITLE_TAG);
    xml_put_attr(x, "PropertyType", "String");
    xml_close(x);
}

void ews_path(struct xml_out *x, const struct ews_field *f)
{
    if (!f->uri) {
        ews_path_title(x);
    } else if (f->index) {
        xml_open(x, "t:IndexedFieldURI");
        xml_put_attr(x, "FieldURI", f->uri);
        xml_put_attr(x, "FieldIndex", f->index);
        xml_close(x);
    } else {
        field_uri(x, f->uri);
    }
}

const char *ews_field_named(struct wess_call *call, const xmlNode *path)
{
    const struct ews_kind *kind = ews_kind_of(call);
    const char *uri = xml_attr(path, "FieldURI"), *index = xml_attr(path, "FieldIndex");
    for (size_t i = 0; uri && i < kind->n_fields; i++) {
        const struct ews_field *f = &kind->fields[i];
        if (!f->uri || strcmp(f->uri, uri) || (f->index && index && strcmp(f->index, index)))
            continue;
        return f->slot && index && !ews_is_mail(f)
                   ? wess_arena_fmt(call->conn->host, call->arena, "%s.%s", f->name, f->slot)
                   : f->name;
    }
    return NULL;
}

void ews_item_id(struct xml_out *x, const char *id, const char *change_key)
{
    xml_open(x, "t:ItemId");
    xml_put_attr(x, "Id", id);
    if (change_key)
        xml_put_attr(x, "ChangeKey", change_key);
    xml_close(x);
}

/* ---- shapes
 * ------------------------------------------------------------------------------------------ */

static bool is_listed(const char *const *list, const char *uri)
{
    for (; list && *list; list++)
        if (!strcmp(*list, uri))
            return true;
    return false;
}

/* Whole sets are asked for by a name of their own, but for postal addresses, whose parts are asked
 * for one by one. */
static bool is_asked(const struct ews_kind *kind, const struct ews_field *f, bool parts)
{
    if (!f->uri || (f->type == WESS_BLOB && !parts))
        return false;
    if (f->set)
        return !strcmp(f->set, "PhysicalAddresses");
    return !is_listed(kind->facts, f->uri) && !is_listed(kind->more, f->uri);
}

static void put_facts(struct xml_out *x, const struct ews_kind *kind)
{
    for (const char *const *uri = kind->facts; *uri; uri++)
        field_uri(x, *uri);
}

void ews_shape_listed(struct xml_out *x, const struct ews_kind *kind)
{
    xml_open(x, "m:ItemShape");
    xml_element(x, "t:BaseShape", "IdOnly");
    xml_open(x, "t:AdditionalProperties");
    field_uri(x, "item:ParentFolderId");
    put_facts(x, kind);
    ews_path_stamp(x);
    xml_close(x);
    xml_close(x);
}

void ews_shape(struct xml_out *x, const struct ews_kind *kind, bool whole, bool parts, bool mime)
{
    bool title = false;
    xml_open(x, "m:ItemShape");
    xml_element(x, "t:BaseShape", "IdOnly");
    if (mime)
        xml_element(x, "t:IncludeMimeContent", "true");
    if (whole)
        xml_element(x, "t:BodyType", "Text");
    xml_open(x, "t:AdditionalProperties");
    put_facts(x, kind);
    for (const char *const *uri = kind->more; whole && uri && *uri; uri++)
        field_uri(x, *uri);
    for (size_t i = 0; whole && i < kind->n_fields; i++) {
        const struct ews_field *f = &kind->fields[i];
        if (is_asked(kind, f, parts))
            ews_path(x, f);
        title |= f->form == EWS_TITLE;
    }
    if (title)
        ews_path_title(x);
    ews_path_stamp(x);
    if (whole && kind == &ews_event_kind)
        ews_path_kept(x);
    xml_close(x);
    xml_close(x);
}

void ews_shape_slots(struct xml_out *x, const struct ews_kind *kind, bool files, bool people)
{
    static const char *const asked[] = {"calendar:RequiredAttendees", "calendar:OptionalAttendees",
                                        "calendar:Resources"};
    xml_open(x, "m:ItemShape");
    xml_element(x, "t:BaseShape", "IdOnly");
    xml_open(x, "t:AdditionalProperties");
    if (files)
        field_uri(x, "item:Attachments");
    /* A property of another kind is refused with its item. */
    if (kind == &ews_event_kind)
        field_uri(x, "calendar:MyResponseType");
    for (size_t i = 0; people && i < sizeof(asked) / sizeof(asked[0]); i++)
        field_uri(x, asked[i]);
    if (kind == &ews_contact_kind)
        field_uri(x, "contacts:EmailAddresses");
    ews_path_stamp(x);
    if (kind == &ews_event_kind)
        ews_path_kept(x);
    xml_close(x);
    xml_close(x);
}
