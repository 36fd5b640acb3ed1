/* One table: vCard's names and Exchange's properties, both ways, in the order of the schema. */
#include <string.h>

#include "ews.h"

#define TEXT_MAX 255u

#define TEXT(name, element)                                                                        \
    {                                                                                              \
        name, NULL, NULL, "contacts:" element, NULL, NULL, element, WESS_TEXT                      \
    }
#define MAIL(place, key)                                                                           \
    {                                                                                              \
        "email", place, "value", "contacts:EmailAddress", key, "EmailAddresses", NULL,             \
            WESS_RECORDS                                                                           \
    }
#define PHONE(slot, key)                                                                           \
    {                                                                                              \
        "phone", slot, "value", "contacts:PhoneNumber", key, "PhoneNumbers", NULL, WESS_RECORDS    \
    }
#define PART(slot, key, part, sub)                                                                 \
    {                                                                                              \
        "address", slot, part, "contacts:PhysicalAddress:" sub, key, "PhysicalAddresses", sub,     \
            WESS_RECORDS                                                                           \
    }
#define PLACE(slot, key)                                                                           \
    PART(slot, key, "street", "Street"), PART(slot, key, "locality", "City"),                      \
        PART(slot, key, "region", "State"), PART(slot, key, "country", "CountryOrRegion"),         \
        PART(slot, key, "code", "PostalCode")

const struct ews_field ews_fields[] = {
    {"note", NULL, NULL, "item:Body", NULL, NULL, "Body", WESS_TEXT},
    {"categories", NULL, NULL, "item:Categories", NULL, NULL, "Categories", WESS_SET},
    {"name.prefix", NULL, NULL, NULL, NULL, NULL, NULL, WESS_TEXT}, /* by its property tag */
    TEXT("fn", "DisplayName"),
    TEXT("name.given", "GivenName"),
    TEXT("name.additional", "MiddleName"),
    TEXT("nickname", "Nickname"),
    TEXT("org", "CompanyName"),
    MAIL("1", "EmailAddress1"),
    MAIL("2", "EmailAddress2"),
    MAIL("3", "EmailAddress3"),
    PLACE("work", "Business"),
    PLACE("home", "Home"),
    PLACE("other", "Other"),
    PHONE("assistant", "AssistantPhone"),
    PHONE("fax", "BusinessFax"),
    PHONE("work", "BusinessPhone"),
    PHONE("work2", "BusinessPhone2"),
    PHONE("homefax", "HomeFax"),
    PHONE("home", "HomePhone"),
    PHONE("home2", "HomePhone2"),
    PHONE("mobile", "MobilePhone"),
    PHONE("other", "OtherTelephone"),
    PHONE("pager", "Pager"),
    TEXT("assistant", "AssistantName"),
    {"bday", NULL, NULL, "contacts:Birthday", NULL, NULL, "Birthday", WESS_DATE},
    TEXT("url", "BusinessHomePage"),
    TEXT("org.unit", "Department"),
    TEXT("name.suffix", "Generation"),
    TEXT("title", "JobTitle"),
    TEXT("manager", "Manager"),
    TEXT("role", "Profession"),
    TEXT("spouse", "SpouseName"),
    TEXT("name.family", "Surname"),
    {"anniversary", NULL, NULL, "contacts:WeddingAnniversary", NULL, NULL, "WeddingAnniversary",
     WESS_DATE},
};
const size_t ews_n_fields = sizeof(ews_fields) / sizeof(ews_fields[0]);

static const char *const phone_slots[] = {"assistant", "fax",   "home",  "home2", "homefax",
                                          "mobile",    "other", "pager", "work",  "work2"};
static const char *const place_slots[] = {"home", "other", "work"};
#define LINE(field)                                                                                \
    {                                                                                              \
        .name = field, .type = WESS_TEXT, .max_len = TEXT_MAX                                      \
    }
const struct wess_field_schema ews_schema[] = {
    {.name = "note", .type = WESS_TEXT},
    {.name = "categories", .type = WESS_SET, .max_len = TEXT_MAX},
    LINE("name.prefix"),
    LINE("fn"),
    LINE("name.given"),
    LINE("name.additional"),
    LINE("name.family"),
    LINE("name.suffix"),
    LINE("nickname"),
    LINE("org"),
    LINE("org.unit"),
    LINE("title"),
    LINE("role"),
    LINE("url"),
    LINE("manager"),
    LINE("assistant"),
    LINE("spouse"),
    {.name = "bday", .type = WESS_DATE},
    {.name = "anniversary", .type = WESS_DATE},
    {.name = "email", .type = WESS_RECORDS, .max_len = TEXT_MAX, .max_n = 3},
    {.name = "phone", .type = WESS_RECORDS, .max_len = TEXT_MAX, .allowed = {phone_slots, 10}},
    {.name = "address", .type = WESS_RECORDS, .max_len = TEXT_MAX, .allowed = {place_slots, 3}},
    {.name = "address.street", .type = WESS_TEXT, .max_len = 1000},
};
const size_t ews_n_schema = sizeof(ews_schema) / sizeof(ews_schema[0]);

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
    const char *uri = xml_attr(path, "FieldURI"), *index = xml_attr(path, "FieldIndex");
    for (size_t i = 0; uri && i < ews_n_fields; i++) {
        const struct ews_field *f = &ews_fields[i];
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

static const char *const facts[] = {
    "item:ParentFolderId",   "item:Sensitivity",        "item:Categories",
    "item:LastModifiedTime", "contacts:DisplayName",    "contacts:GivenName",
    "contacts:Surname",      "contacts:EmailAddresses", "contacts:PhoneNumbers"};

static bool is_fact(const char *uri)
{
    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
        if (!strcmp(facts[i], uri))
            return true;
    return false;
}

void ews_shape(struct xml_out *x, bool whole)
{
    xml_open(x, "m:ItemShape");
    xml_element(x, "t:BaseShape", "IdOnly");
    if (whole)
        xml_element(x, "t:BodyType", "Text");
    xml_open(x, "t:AdditionalProperties");
    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
        field_uri(x, facts[i]);
    for (size_t i = 0; whole && i < ews_n_fields; i++) {
        const struct ews_field *f = &ews_fields[i];
        /* Sets are facts already, but for postal addresses, whose parts are asked for one by one.
         */
        bool asked =
            !f->uri || (f->set ? strcmp(f->set, "PhysicalAddresses") != 0 : is_fact(f->uri));
        if (!asked)
            ews_path(x, f);
    }
    if (whole)
        ews_path_title(x);
    ews_path_stamp(x);
    xml_close(x);
    xml_close(x);
}

void ews_shape_slots(struct xml_out *x)
{
    xml_open(x, "m:ItemShape");
    xml_element(x, "t:BaseShape", "IdOnly");
    xml_open(x, "t:AdditionalProperties");
    field_uri(x, "contacts:EmailAddresses");
    ews_path_stamp(x);
    xml_close(x);
    xml_close(x);
}
