/* Organisations: the card of a company, as vCard has it. Read and matched; created only where the
 * settings say so, and never renamed. */
#include <string.h>

#include "write.h"

#define TEXT(of, in)                                                                               \
    {                                                                                              \
        .name = of, .column = in, .type = WESS_TEXT                                                \
    }
#define RECORD(of, key, piece, in)                                                                 \
    {                                                                                              \
        .name = of, .slot = key, .part = piece, .column = in, .type = WESS_RECORDS                 \
    }
#define MAIL(place, in) RECORD("email", place, "value", in)
#define PHONE(slot, in) RECORD("phone", slot, "value", in)
#define PLACE(part, in) RECORD("address", "work", part, in)

static const struct wb_field fields[] = {
    TEXT("fn", "name"),
    {.name = "org", .column = "name", .type = WESS_TEXT, .shown = true},
    TEXT("url", "website"),
    MAIL("1", "main_location[email]"),
    MAIL("2", "main_location[alternate_email]"),
    PHONE("work", "main_location[telephone]"),
    PHONE("work2", "main_location[alternate_telephone]"),
    PHONE("mobile", "main_location[mobile]"),
    PHONE("fax", "main_location[fax]"),
    PLACE("street", "main_location[street_address]"),
    PLACE("locality", "main_location[town]"),
    PLACE("region", "main_location[county_province_state]"),
    PLACE("code", "main_location[postcode]"),
    PLACE("country", "main_location[country]"),
    WB_NAMED,
};

static const char *const phone_slots[] = {"fax", "mobile", "work", "work2"};
static const char *const place_slots[] = {"work"};
static const struct wess_field_schema schema[] = {
    {.name = "fn", .type = WESS_TEXT, .flags = WESS_FIELD_ON_CREATE, .max_len = WB_TEXT_MAX},
    {.name = "org", .type = WESS_TEXT, .flags = WESS_FIELD_READ_ONLY, .max_len = WB_TEXT_MAX},
    {.name = "url", .type = WESS_TEXT, .max_len = WB_TEXT_MAX},
    {.name = "email", .type = WESS_RECORDS, .max_len = WB_TEXT_MAX, .max_n = 2},
    {.name = "phone", .type = WESS_RECORDS, .max_len = WB_TEXT_MAX, .allowed = {phone_slots, 4}},
    {.name = "address", .type = WESS_RECORDS, .max_len = WB_TEXT_MAX, .allowed = {place_slots, 1}},
    WB_NAMED_SCHEMA,
};

static const char *const key_columns[] = {"name",
                                          "main_location[email]",
                                          "main_location[alternate_email]",
                                          "main_location[telephone]",
                                          "main_location[mobile]",
                                          NULL};
static const struct wb_look look_in[] = {
    {"wess", "created_through_reference"},
    {"email", "main_location[email]"},
    {"email", "main_location[alternate_email]"},
    {"fn", "name"},
};
static const char *const records[] = {"email", "phone", "address", NULL};

static void complete(struct wb_table *t, size_t op)
{
    const char *name = wb_cell_now(t, op, "name");
    if (t->ops[op].what == WESS_CREATE && (!name || !strcmp(name, WB_CLEAR)))
        wb_reject(t, op, "an organisation needs a name");
}

const struct wb_kind wb_organisation_kind = {
    .kind = "contact",
    .collection = "organisations",
    .title = "Organisations",
    .one = "organisation",
    .path = "crm/organisations.api",
    .family = WB_OF_ORGANISATIONS,
    .fields = fields,
    .n_fields = sizeof(fields) / sizeof(fields[0]),
    .schema = schema,
    .n_schema = sizeof(schema) / sizeof(schema[0]),
    .records = records,
    .keys = key_columns,
    .look = look_in,
    .n_look = sizeof(look_in) / sizeof(look_in[0]),
    .complete = complete,
};
