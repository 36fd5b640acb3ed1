/* Contacts: vCard's names and Exchange's properties, both ways, in the order of the schema. */
#include "ews.h"

#define TEXT_MAX 255u

#define TEXT(field, of)                                                                            \
    {                                                                                              \
        .name = field, .uri = "contacts:" of, .element = of, .type = WESS_TEXT, .form = EWS_LINE   \
    }
#define DAY(field, of)                                                                             \
    {                                                                                              \
        .name = field, .uri = "contacts:" of, .element = of, .type = WESS_DATE, .form = EWS_DAY    \
    }
#define ENTRY(field, place, what, path, key, of)                                                   \
    {                                                                                              \
        .name = field, .slot = place, .part = what, .uri = "contacts:" path, .index = key,         \
        .set = of, .type = WESS_RECORDS, .form = EWS_ENTRY                                         \
    }
#define MAIL(place, key) ENTRY("email", place, "value", "EmailAddress", key, "EmailAddresses")
#define PHONE(place, key) ENTRY("phone", place, "value", "PhoneNumber", key, "PhoneNumbers")
#define CHAT(place, key) ENTRY("impp", place, "value", "ImAddress", key, "ImAddresses")
#define PART(place, key, what, sub)                                                                \
    {                                                                                              \
        .name = "address", .slot = place, .part = what, .uri = "contacts:PhysicalAddress:" sub,    \
        .index = key, .set = "PhysicalAddresses", .element = sub, .type = WESS_RECORDS,            \
        .form = EWS_ENTRY                                                                          \
    }
#define PLACE(slot, key)                                                                           \
    PART(slot, key, "street", "Street"), PART(slot, key, "locality", "City"),                      \
        PART(slot, key, "region", "State"), PART(slot, key, "country", "CountryOrRegion"),         \
        PART(slot, key, "code", "PostalCode")

static const struct ews_field fields[] = {
    {.name = "class",
     .uri = "item:Sensitivity",
     .element = "Sensitivity",
     .type = WESS_TEXT,
     .form = EWS_WORD,
     .words = ews_classes},
    {.name = "note", .uri = "item:Body", .element = "Body", .type = WESS_TEXT, .form = EWS_BODY},
    {.name = "photo",
     .uri = "item:Attachments",
     .type = WESS_BLOB,
     .form = EWS_MADE,
     .read = ews_read_photo,
     .put = ews_put_photo,
     .on_create = true}, /* later by requests of their own */
    {.name = "categories",
     .uri = "item:Categories",
     .element = "Categories",
     .type = WESS_SET,
     .form = EWS_SET},
    {.name = "name.prefix", .type = WESS_TEXT, .form = EWS_TITLE},
    TEXT("fn", "DisplayName"),
    TEXT("name.given", "GivenName"),
    TEXT("x.ews.Initials", "Initials"),
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
    PHONE("callback", "Callback"),
    PHONE("car", "CarPhone"),
    PHONE("main", "CompanyMainPhone"),
    PHONE("homefax", "HomeFax"),
    PHONE("home", "HomePhone"),
    PHONE("home2", "HomePhone2"),
    PHONE("isdn", "Isdn"),
    PHONE("mobile", "MobilePhone"),
    PHONE("otherfax", "OtherFax"),
    PHONE("other", "OtherTelephone"),
    PHONE("pager", "Pager"),
    PHONE("primary", "PrimaryPhone"),
    PHONE("radio", "RadioPhone"),
    PHONE("telex", "Telex"),
    PHONE("tty", "TtyTddPhone"),
    TEXT("assistant", "AssistantName"),
    DAY("bday", "Birthday"),
    TEXT("url", "BusinessHomePage"),
    TEXT("org.unit", "Department"),
    TEXT("name.suffix", "Generation"),
    CHAT("1", "ImAddress1"),
    CHAT("2", "ImAddress2"),
    CHAT("3", "ImAddress3"),
    TEXT("title", "JobTitle"),
    TEXT("manager", "Manager"),
    TEXT("x.ews.Mileage", "Mileage"),
    TEXT("x.ews.OfficeLocation", "OfficeLocation"),
    TEXT("role", "Profession"),
    TEXT("spouse", "SpouseName"),
    TEXT("name.family", "Surname"),
    DAY("anniversary", "WeddingAnniversary"),
};

static const char *const phone_slots[] = {"assistant", "callback", "car",   "fax",     "home",
                                          "home2",     "homefax",  "isdn",  "main",    "mobile",
                                          "other",     "otherfax", "pager", "primary", "radio",
                                          "telex",     "tty",      "work",  "work2"};
static const char *const chat_slots[] = {"1", "2", "3"};
static const char *const place_slots[] = {"home", "other", "work"};
static const char *const classes[] = {"CONFIDENTIAL", "PRIVATE", "PUBLIC", "X-PERSONAL"};
#define LINE(field)                                                                                \
    {                                                                                              \
        .name = field, .type = WESS_TEXT, .max_len = TEXT_MAX                                      \
    }
static const struct wess_field_schema schema[] = {
    {.name = "class", .type = WESS_TEXT, .allowed = {classes, 4}},
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
    LINE("x.ews.Initials"),
    LINE("x.ews.Mileage"),
    LINE("x.ews.OfficeLocation"),
    {.name = "bday", .type = WESS_DATE},
    {.name = "anniversary", .type = WESS_DATE},
    {.name = "email", .type = WESS_RECORDS, .max_len = TEXT_MAX, .max_n = 3},
    {.name = "impp", .type = WESS_RECORDS, .max_len = TEXT_MAX, .allowed = {chat_slots, 3}},
    {.name = "phone", .type = WESS_RECORDS, .max_len = TEXT_MAX, .allowed = {phone_slots, 19}},
    {.name = "address", .type = WESS_RECORDS, .max_len = TEXT_MAX, .allowed = {place_slots, 3}},
    {.name = "address.street", .type = WESS_TEXT, .max_len = 1000},
    {.name = "photo", .type = WESS_BLOB, .max_len = EWS_PHOTO_MAX},
};

static const char *const facts[] = {
    "item:Sensitivity",        "item:Categories",       "item:LastModifiedTime",
    "contacts:DisplayName",    "contacts:GivenName",    "contacts:Surname",
    "contacts:EmailAddresses", "contacts:PhoneNumbers", NULL};
static const char *const more[] = {"contacts:ImAddresses", NULL};

const struct ews_kind ews_contact_kind = {
    .name = "contact",
    .collection = "contacts",
    .title = "Contacts",
    .element = "Contact",
    .distinguished = "contacts",
    .class = "IPF.Contact",
    .folder = "ContactsFolder",
    .setting = "folders",
    .fields = fields,
    .n_fields = sizeof(fields) / sizeof(fields[0]),
    .schema = schema,
    .n_schema = sizeof(schema) / sizeof(schema[0]),
    .facts = facts,
    .more = more,
    .search = ews_search_contact,
    .refuses = ews_refuses_contact,
    .create = ews_put_file_as,
};
