/* People: vCard's names and Workbooks' columns, both ways. */
#include <string.h>

#include "write.h"

/* ---- what is not simply a column
 * ------------------------------------------------------------------------------------------ */

static void put_employer(struct wb_table *t, size_t op, const struct wb_field *w,
                         const struct wess_field *f)
{
    const struct wess_host *h = t->call->conn->host;
    (void)w;
    if (!t->call->conn->match_employer) {
        wb_refuse(t, op, "org", "employers are left alone (setting employer)", "ignored");
        return;
    }
    if (f->type == WESS_NULL) {
        *wb_cell(t, op, WB_EMPLOYER) = WB_CLEAR;
        return;
    }
    char *name = wess_arena_textn(h, t->call->arena, f->str.data, f->str.len);
    const char *id = name ? wb_employer(t->call->conn, name) : NULL;
    if (!name)
        t->spent = true;
    else if (id)
        *wb_cell(t, op, WB_EMPLOYER) = id;
    else
        wb_refuse(t, op, "org", "no organisation of that name in Workbooks, or several",
                  "no-match");
}

/* `name` is mandatory and not made from its parts there. */
static const char *full_name(struct wb_table *t, const struct wess_item *item)
{
    const char *given = wb_text_of(t, item, "name.given"),
               *family = wb_text_of(t, item, "name.family");
    const struct wess_field *mail = wb_field_of(item, "email");
    const char *other = wb_text_of(t, item, "org");
    if (given && family)
        return wess_arena_fmt(t->call->conn->host, t->call->arena, "%s %s", given, family);
    if (given || family)
        return given ? given : family;
    if (other)
        return other;
    return mail && mail->type == WESS_RECORDS && mail->records.n ? mail->records.of[0].key : NULL;
}

/* ---- the table
 * ------------------------------------------------------------------------------------------ */

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
#define PLACE(slot, part, in) RECORD("address", slot, part, in)

static const struct wb_field fields[] = {
    TEXT("fn", "name"),
    TEXT("name.given", "person_first_name"),
    TEXT("name.additional", "person_middle_name"),
    TEXT("name.family", "person_last_name"),
    TEXT("name.prefix", "person_personal_title"),
    TEXT("name.suffix", "person_suffix"),
    TEXT("title", "person_job_title"),
    TEXT("role", "person_job_role"),
    /* Read; written as employer_link, see employer.c. */
    {.name = "org", .column = "employer_name", .type = WESS_TEXT, .put = put_employer},
    TEXT("url", "website"),
    TEXT("assistant", "assistant_name"),
    TEXT("spouse", "spouse_name"),
    {.name = "note", .column = "party_notes", .type = WESS_TEXT, .html = true},
    MAIL("1", "main_location[email]"),
    MAIL("2", "main_location[alternate_email]"),
    MAIL("3", "home_location[email]"),
    PHONE("work", "main_location[telephone]"),
    PHONE("work2", "main_location[alternate_telephone]"),
    PHONE("mobile", "main_location[mobile]"),
    PHONE("fax", "main_location[fax]"),
    PHONE("home", "home_location[telephone]"),
    PHONE("home2", "home_location[alternate_telephone]"),
    PHONE("homefax", "home_location[fax]"),
    PHONE("assistant", "assistant_phone"),
    PLACE("work", "street", "main_location[street_address]"),
    PLACE("work", "locality", "main_location[town]"),
    PLACE("work", "region", "main_location[county_province_state]"),
    PLACE("work", "code", "main_location[postcode]"),
    PLACE("work", "country", "main_location[country]"),
    PLACE("home", "street", "home_location[street_address]"),
    PLACE("home", "locality", "home_location[town]"),
    PLACE("home", "region", "home_location[county_province_state]"),
    PLACE("home", "code", "home_location[postcode]"),
    PLACE("home", "country", "home_location[country]"),
    WB_NAMED,
};

static const char *const phone_slots[] = {"assistant", "fax",    "home", "home2",
                                          "homefax",   "mobile", "work", "work2"};
static const char *const place_slots[] = {"home", "work"};
#define LINE(field)                                                                                \
    {                                                                                              \
        .name = field, .type = WESS_TEXT, .max_len = WB_TEXT_MAX                                   \
    }
static const struct wess_field_schema schema[] = {
    LINE("fn"),
    LINE("name.given"),
    LINE("name.additional"),
    LINE("name.family"),
    LINE("name.prefix"),
    LINE("name.suffix"),
    LINE("title"),
    LINE("role"),
    LINE("org"),
    LINE("url"),
    LINE("assistant"),
    LINE("spouse"),
    {.name = "note", .type = WESS_TEXT, .max_len = 1u << 20},
    {.name = "email", .type = WESS_RECORDS, .max_len = WB_TEXT_MAX, .max_n = 3},
    {.name = "phone", .type = WESS_RECORDS, .max_len = WB_TEXT_MAX, .allowed = {phone_slots, 8}},
    {.name = "address", .type = WESS_RECORDS, .max_len = WB_TEXT_MAX, .allowed = {place_slots, 2}},
    WB_NAMED_SCHEMA,
};

static const char *const key_columns[] = {"name",
                                          "person_first_name",
                                          "person_last_name",
                                          "main_location[email]",
                                          "main_location[alternate_email]",
                                          "home_location[email]",
                                          "main_location[telephone]",
                                          "main_location[mobile]",
                                          "home_location[telephone]",
                                          NULL};

static const struct wb_look look_in[] = {
    {"wess", "created_through_reference"},
    {"email", "main_location[email]"},
    {"email", "main_location[alternate_email]"},
    {"email", "home_location[email]"},
    {"fn", "name"},
};
static const char *const records[] = {"email", "phone", "address", NULL};

static void complete(struct wb_table *t, size_t op)
{
    if (t->ops[op].what != WESS_CREATE)
        return;
    const char **name = wb_cell(t, op, "name");
    if (!*name || !strcmp(*name, WB_CLEAR))
        *name = full_name(t, &t->ops[op].item);
    if (!*name)
        wb_reject(t, op, "a person needs a name, a company or an address");
}

static enum wess_code prepare(struct wb_table *t)
{
    return wb_employers(t->call, t->ops, t->n);
}

const struct wb_kind wb_person_kind = {
    .kind = "contact",
    .collection = "people",
    .title = "People",
    .one = "person",
    .path = "crm/people.api",
    .family = WB_OF_PEOPLE,
    .fields = fields,
    .n_fields = sizeof(fields) / sizeof(fields[0]),
    .schema = schema,
    .n_schema = sizeof(schema) / sizeof(schema[0]),
    .records = records,
    .keys = key_columns,
    .look = look_in,
    .n_look = sizeof(look_in) / sizeof(look_in[0]),
    .files = true,
    .complete = complete,
    .prepare = prepare,
};
