/* One table: vCard's names and Workbooks' columns, both ways. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "keys.h"
#include "wb.h"

#define SECONDS_MOST 253402300799 /* the year 9999 */
#define TEXT(name, column)                                                                         \
    {                                                                                              \
        name, NULL, NULL, column, WESS_TEXT, false                                                 \
    }
#define MAIL(place, column)                                                                        \
    {                                                                                              \
        "email", place, "value", column, WESS_RECORDS, false                                       \
    }
#define PHONE(slot, column)                                                                        \
    {                                                                                              \
        "phone", slot, "value", column, WESS_RECORDS, false                                        \
    }
#define PLACE(slot, part, column)                                                                  \
    {                                                                                              \
        "address", slot, part, column, WESS_RECORDS, false                                         \
    }

const struct wb_field wb_fields[] = {
    TEXT("fn", "name"),
    TEXT("name.given", "person_first_name"),
    TEXT("name.additional", "person_middle_name"),
    TEXT("name.family", "person_last_name"),
    TEXT("name.prefix", "person_personal_title"),
    TEXT("name.suffix", "person_suffix"),
    TEXT("title", "person_job_title"),
    TEXT("role", "person_job_role"),
    TEXT("org", "employer_name"), /* read; written as employer_link, see employer.c */
    TEXT("url", "website"),
    TEXT("assistant", "assistant_name"),
    TEXT("spouse", "spouse_name"),
    {"note", NULL, NULL, "party_notes", WESS_TEXT, true},
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
};
const size_t wb_n_fields = sizeof(wb_fields) / sizeof(wb_fields[0]);

static const char *const phone_slots[] = {"assistant", "fax",    "home", "home2",
                                          "homefax",   "mobile", "work", "work2"};
static const char *const place_slots[] = {"home", "work"};
#define LINE(field)                                                                                \
    {                                                                                              \
        .name = field, .type = WESS_TEXT, .max_len = WB_TEXT_MAX                                   \
    }
const struct wess_field_schema wb_schema[] = {
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
};
const size_t wb_n_schema = sizeof(wb_schema) / sizeof(wb_schema[0]);

/* Columns of the facts: what selecting and matching ask. */
static const char *const fact_columns[] = {"id",
                                           "lock_version",
                                           "updated_at",
                                           "updated_by",
                                           "is_deleted",
                                           "assigned_to",
                                           "created_through_reference",
                                           "_can_modify"};
static const char *const key_columns[] = {"name",
                                          "person_first_name",
                                          "person_last_name",
                                          "main_location[email]",
                                          "main_location[alternate_email]",
                                          "home_location[email]",
                                          "main_location[telephone]",
                                          "main_location[mobile]",
                                          "home_location[telephone]"};

void wb_select(struct form *f, bool whole)
{
    for (size_t i = 0; i < sizeof(fact_columns) / sizeof(fact_columns[0]); i++)
        form_add(f, "_select_columns[]", fact_columns[i]);
    for (size_t i = 0; !whole && i < sizeof(key_columns) / sizeof(key_columns[0]); i++)
        form_add(f, "_select_columns[]", key_columns[i]);
    for (size_t i = 0; whole && i < wb_n_fields; i++)
        form_add(f, "_select_columns[]", wb_fields[i].column);
}

void wb_select_bare(struct form *f)
{
    form_add(f, "_select_columns[]", "id");
    form_add(f, "_select_columns[]", "updated_at");
    form_add(f, "_select_columns[]", "is_deleted");
}

/* ---- reading a row
 * --------------------------------------------------------------------------------------- */

const char *wb_text(const json_t *row, const char *column, char number[24])
{
    const json_t *v = json_object_get(row, column);
    if (json_is_string(v))
        return json_string_length(v) == strlen(json_string_value(v)) ? json_string_value(v) : NULL;
    if (!json_is_integer(v))
        return NULL;
    snprintf(number, 24, "%lld", (long long)json_integer_value(v));
    return number;
}

static int64_t in_ms(long long seconds)
{
    return seconds > 0 && seconds <= SECONDS_MOST ? (int64_t)seconds * 1000 : 0;
}

int64_t wb_time_ms(const json_t *v)
{
    struct tm tm = {0};
    const char *text = json_string_value(v);
    char *end;
    if (json_is_integer(v))
        return in_ms(json_integer_value(v));
    if (!text)
        return 0;
    long long n = strtoll(text, &end, 10);
    if (end != text && !*end)
        return in_ms(n);
    if (!strptime(text, "%a %b %d %H:%M:%S UTC %Y", &tm))
        return 0;
    return in_ms(timegm(&tm));
}

struct reading {
    const struct wess_host *host;
    struct wess_arena *a;
    const json_t *row;
    struct wess_vec fields;
    const char *strange; /* a column whose value is none that a column can have */
    bool spent;
};

/* A value of another type than a column has must not count as an empty one: an empty one is written
 * to the other side. */
static const char *column_text(struct reading *r, const char *column, char number[24])
{
    const json_t *v = json_object_get(r->row, column);
    if (v && !json_is_null(v) && !json_is_string(v) && !json_is_integer(v))
        r->strange = column;
    return wb_text(r->row, column, number);
}

/* A copy whose lines end as the contract says. */
static char *unix_lines(struct reading *r, const char *value)
{
    char *out = wess_arena_text(r->host, r->a, value), *at = out;
    for (const char *s = value; out && *s; s++) {
        if (*s == '\r' && s[1] == '\n')
            continue;
        *at++ = *s == '\r' ? '\n' : *s;
    }
    if (out)
        *at = 0;
    return out;
}

static struct wess_field *push(struct reading *r, const char *name, uint32_t type)
{
    struct wess_field *f = wess_vec_push(r->host, r->a, &r->fields);
    r->spent |= !f;
    if (f)
        *f = (struct wess_field){.name = name, .type = type};
    return f;
}

static void big_text(struct reading *r, struct wess_field *f, const char *text, size_t len)
{
    struct wess_spool *s = NULL;
    if (r->host->blob_new(r->host->ctx, &s) != WESS_OK) {
        r->spent = true;
        return;
    }
    if (r->host->blob_put(s, text, len) != WESS_OK) {
        r->host->blob_close(s);
        r->spent = true;
        return;
    }
    f->type = WESS_BLOB;
    r->spent |= r->host->blob_done(s, r->a, &f->blob) != WESS_OK;
}

static void read_text(struct reading *r, const struct wb_field *t)
{
    char number[24];
    const char *value = column_text(r, t->column, number);
    if (!value || !*value)
        return;
    char *text = t->html ? wb_html_to_text(r->host, r->a, value) : unix_lines(r, value);
    struct wess_field *f = text && *text ? push(r, t->name, WESS_TEXT) : NULL;
    r->spent |= !text;
    if (!f)
        return;
    size_t len = strlen(text);
    f->str = (struct wess_slice){text, len};
    if (len > WESS_INLINE_MAX)
        big_text(r, f, text, len);
}

static struct wess_record *record(struct reading *r, struct wess_vec *records, const char *key)
{
    struct wess_record *of = records->of;
    for (size_t i = 0; i < records->n; i++)
        if (!strcmp(of[i].key, key))
            return &of[i];
    struct wess_record *new = wess_vec_push(r->host, r->a, records);
    r->spent |= !new;
    if (new)
        *new = (struct wess_record){.key = key};
    return new;
}

static void add_part(struct reading *r, struct wess_record *rec, const char *name, const char *text,
                     int64_t num)
{
    struct wess_field *f = r->host->alloc(r->a, (rec->n + 1) * sizeof(*f));
    if (!f) {
        r->spent = true;
        return;
    }
    if (rec->n)
        memcpy(f, rec->fields, rec->n * sizeof(*f));
    f[rec->n] = (struct wess_field){.name = name, .type = text ? WESS_TEXT : WESS_INT};
    if (text)
        f[rec->n].str = (struct wess_slice){text, strlen(text)};
    else
        f[rec->n].num = num;
    rec->fields = f;
    rec->n++;
}

static void read_record(struct reading *r, const struct wb_field *t, struct wess_vec *records)
{
    char number[24];
    const char *value = column_text(r, t->column, number);
    bool mail = !strcmp(t->name, "email");
    if (!value || !*value)
        return;
    char *text = unix_lines(r, value);
    const char *key = !text ? NULL : mail ? r->host->fold(r->a, text) : t->slot;
    if (!key) {
        r->spent = true;
        return;
    }
    if (!*key)
        return;
    size_t before = records->n;
    struct wess_record *rec = record(r, records, key);
    if (!rec || (mail && records->n == before)) /* the same address twice is one */
        return;
    add_part(r, rec, t->part, text, 0);
    if (mail)
        add_part(r, rec, "pref", NULL, strtol(t->slot, NULL, 10));
}

static void read_records(struct reading *r, const char *name)
{
    struct wess_vec records = {.size = sizeof(struct wess_record)};
    for (size_t i = 0; i < wb_n_fields; i++)
        if (!strcmp(wb_fields[i].name, name))
            read_record(r, &wb_fields[i], &records);
    struct wess_field *f = records.n ? push(r, name, WESS_RECORDS) : NULL;
    if (f)
        f->records = (struct wess_records){records.of, records.n};
}

/* A queue's id, and its name where that is known. */
static void read_queue(struct reading *r, const struct wess_conn *c, struct wess_item *out)
{
    char number[24];
    const char *queue = column_text(r, "assigned_to", number);
    if (!queue)
        return;
    struct wess_fact *facts = r->host->alloc(r->a, 2 * sizeof(*facts));
    char *id = wess_arena_text(r->host, r->a, queue);
    if (!facts || !id) {
        r->spent = true;
        return;
    }
    facts[out->n_facts++] = (struct wess_fact){"queue", id};
    for (size_t i = 0; i < c->n_queues && out->n_facts < 2; i++)
        if (c->queues[i].name && !strcmp(c->queues[i].id, queue)) {
            char *name = wess_arena_text(r->host, r->a, c->queues[i].name);
            r->spent |= !name;
            if (name)
                facts[out->n_facts++] = (struct wess_fact){"queue", name};
        }
    out->facts = facts;
}

/* NULL: there is none. */
static const char *copied(struct reading *r, const char *column)
{
    char number[24];
    const char *value = column_text(r, column, number);
    if (!value || !*value)
        return NULL;
    const char *copy = wess_arena_text(r->host, r->a, value);
    r->spent |= !copy;
    return copy;
}

static uint32_t flags_of(struct reading *r)
{
    const json_t *deleted = json_object_get(r->row, "is_deleted");
    if (deleted && !json_is_boolean(deleted) && !json_is_null(deleted))
        r->strange = "is_deleted";
    return (json_is_false(json_object_get(r->row, "_can_modify")) ? WESS_ITEM_LOCKED : 0u) |
           (json_is_true(deleted) ? WESS_ITEM_TRASHED : 0u);
}

enum wess_code wb_item(struct wess_call *call, const json_t *row, bool whole, struct wess_item *out)
{
    struct reading r = {.host = call->conn->host,
                        .a = call->arena,
                        .row = row,
                        .fields = {.size = sizeof(struct wess_field)}};
    *out = (struct wess_item){.id = copied(&r, "id"),
                              .revision = copied(&r, "lock_version"),
                              .kind = "contact",
                              .collection = "people",
                              .modified_by = copied(&r, "updated_by"),
                              .modified_ms = wb_time_ms(json_object_get(row, "updated_at")),
                              .flags = flags_of(&r)};
    if (!out->id && !r.spent)
        return wess_fail(&call->error, WESS_BROKEN, WESS_OF_HOST, NULL, "a person came without id");
    for (size_t i = 0; i < wb_n_fields; i++)
        if (wb_fields[i].type == WESS_TEXT)
            read_text(&r, &wb_fields[i]);
    read_records(&r, "email");
    read_records(&r, "phone");
    read_records(&r, "address");
    out->fields = r.fields.of;
    out->n_fields = r.fields.n;
    read_queue(&r, call->conn, out);
    const char *stamp = copied(&r, "created_through_reference");
    if (r.strange)
        return wess_fail(&call->error, WESS_BROKEN, WESS_OF_HOST, NULL,
                         "a person came whose %s cannot be read", r.strange);
    if (r.spent || wess_item_keys(r.host, r.a, out, stamp) != WESS_OK)
        return wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_HOST, NULL, "out of memory");
    if (whole)
        out->flags |= WESS_ITEM_WHOLE;
    else
        out->n_fields = 0;
    return WESS_OK;
}
