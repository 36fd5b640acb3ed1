/* The field tables: one row a field, named by the standard that defines it. */
#include <string.h>

#include "model/model.h"

#define LINE_MAX_LEN 1024u
#define TEXT_MAX_LEN 0u /* bound by the spool only */

#define LINE(name, label, source)                                                                  \
    {                                                                                              \
        name, WESS_TEXT, MERGE_SCALAR, FORM_LINE, LINE_MAX_LEN, true, label, source                \
    }

static const struct field_def contact_fields[] = {
    {"address", WESS_RECORDS, MERGE_RECORDS, FORM_POSTAL, LINE_MAX_LEN, true, "postal address",
     "RFC 6350 6.3.1"},
    {"anniversary", WESS_DATE, MERGE_SCALAR, FORM_DATE, 0, true, "anniversary", "RFC 6350 6.2.6"},
    LINE("assistant", "assistant", "MS-OXOCNTC 2.2.1.10.7"),
    {"bday", WESS_DATE, MERGE_SCALAR, FORM_DATE, 0, true, "birthday", "RFC 6350 6.2.5"},
    {"categories", WESS_SET, MERGE_SET, FORM_SET, 255, false, "categories", "RFC 6350 6.7.1"},
    {"email", WESS_RECORDS, MERGE_RECORDS, FORM_MAIL, LINE_MAX_LEN, true, "mail address",
     "RFC 6350 6.4.2"},
    LINE("fn", "full name", "RFC 6350 6.2.1"),
    LINE("manager", "manager", "MS-OXOCNTC 2.2.1.10.8"),
    LINE("name.additional", "middle name", "RFC 6350 6.2.2"),
    LINE("name.family", "family name", "RFC 6350 6.2.2"),
    LINE("name.given", "given name", "RFC 6350 6.2.2"),
    LINE("name.prefix", "form of address", "RFC 6350 6.2.2"),
    LINE("name.suffix", "name suffix", "RFC 6350 6.2.2"),
    LINE("nickname", "nickname", "RFC 6350 6.2.3"),
    {"note", WESS_TEXT, MERGE_SCALAR, FORM_TEXT, TEXT_MAX_LEN, true, "note", "RFC 6350 6.7.2"},
    LINE("org", "company", "RFC 6350 6.6.4"),
    LINE("org.unit", "department", "RFC 6350 6.6.4"),
    {"phone", WESS_RECORDS, MERGE_RECORDS, FORM_PHONE, 255, true, "phone", "RFC 6350 6.4.1"},
    LINE("role", "role", "RFC 6350 6.6.2"),
    LINE("spouse", "spouse", "RFC 6350 6.6.6"),
    LINE("title", "job title", "RFC 6350 6.6.1"),
    {"url", WESS_TEXT, MERGE_SCALAR, FORM_URL, 2048, true, "web page", "RFC 6350 6.7.8"},
};
static const char *const contact_keys[] = {"email", "email+name.family", "fn", "fn+phone"};

static const struct kind_def kinds[] = {
    {"contact", contact_fields, sizeof(contact_fields) / sizeof(contact_fields[0]), contact_keys,
     sizeof(contact_keys) / sizeof(contact_keys[0])},
};

/* Fields of one connector only travel as plain lines. */
static const struct field_def foreign = LINE("x", "custom field", "x.CONNECTOR.NAME");

const struct kind_def *kind_find(const char *name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (!strcmp(kinds[i].name, name))
            return &kinds[i];
    return NULL;
}

const struct field_def *field_find(const struct kind_def *kind, const char *name,
                                   const char **element)
{
    if (element)
        *element = NULL;
    for (size_t i = 0; i < kind->n_fields; i++)
        if (!strcmp(kind->fields[i].name, name))
            return &kind->fields[i];
    for (size_t i = 0; i < kind->n_fields; i++) {
        size_t len = strlen(kind->fields[i].name);
        if (kind->fields[i].type != WESS_RECORDS || strncmp(kind->fields[i].name, name, len) != 0 ||
            name[len] != '.' || !name[len + 1])
            continue;
        if (element)
            *element = name + len + 1;
        return &kind->fields[i];
    }
    const char *dot = strncmp(name, "x.", 2) ? NULL : strchr(name + 2, '.');
    return dot && dot > name + 2 && dot[1] ? &foreign : NULL;
}
