/* One table: vCard's names and Exchange's properties, both ways, in the order of the schema. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "ews.h"
#include "keys.h"

#define TEXT_MAX 255u
#define TITLE_TAG "0x3A45"     /* PidTagDisplayNamePrefix, MS-OXPROPS */
#define DATE_TIME "T11:59:00Z" /* noon, so that no zone moves the date */

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

/* ---- shapes
 * ---------------------------------------------------------------------------------------------------
 */

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

static void path_title(struct xml_out *x)
{
    xml_open(x, "t:ExtendedFieldURI");
    xml_put_attr(x, "PropertyTag", TITLE_TAG);
    xml_put_attr(x, "PropertyType", "String");
    xml_close(x);
}

void ews_shape(struct xml_out *x, bool whole)
{
    static const char *const facts[] = {
        "item:ParentFolderId",   "item:Sensitivity",        "item:Categories",
        "item:LastModifiedTime", "contacts:DisplayName",    "contacts:GivenName",
        "contacts:Surname",      "contacts:EmailAddresses", "contacts:PhoneNumbers"};
    xml_open(x, "m:ItemShape");
    xml_element(x, "t:BaseShape", "IdOnly");
    if (whole)
        xml_element(x, "t:BodyType", "Text");
    xml_open(x, "t:AdditionalProperties");
    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
        field_uri(x, facts[i]);
    for (size_t i = 0; whole && i < ews_n_fields; i++) {
        const struct ews_field *f = &ews_fields[i];
        bool asked = !f->uri || f->set;
        for (size_t k = 0; !asked && k < sizeof(facts) / sizeof(facts[0]); k++)
            asked = !strcmp(facts[k], f->uri);
        if (!asked)
            field_uri(x, f->uri);
    }
    for (size_t i = 0; whole && i < ews_n_fields; i++)
        if (ews_fields[i].set && !strcmp(ews_fields[i].set, "PhysicalAddresses")) {
            xml_open(x, "t:IndexedFieldURI");
            xml_put_attr(x, "FieldURI", ews_fields[i].uri);
            xml_put_attr(x, "FieldIndex", ews_fields[i].index);
            xml_close(x);
        }
    if (whole)
        path_title(x);
    ews_path_stamp(x);
    xml_close(x);
    xml_close(x);
}

/* ---- reading
 * ---------------------------------------------------------------------------------------------------
 */

struct reading {
    const struct wess_host *host;
    struct wess_arena *a;
    struct wess_vec fields;
    bool spent;
};

static struct wess_field *push(struct reading *r, const char *name, uint32_t type)
{
    struct wess_field *f = wess_vec_push(r->host, r->a, &r->fields);
    r->spent |= !f;
    if (f)
        *f = (struct wess_field){.name = name, .type = type};
    return f;
}

static void spool(struct reading *r, struct wess_field *f, const char *text, size_t len)
{
    struct wess_spool *s = NULL;
    bool ok = r->host->blob_new(r->host->ctx, &s) == WESS_OK;
    if (ok && r->host->blob_put(s, text, len) != WESS_OK) {
        r->host->blob_close(s);
        ok = false;
    }
    ok = ok && r->host->blob_done(s, r->a, &f->blob) == WESS_OK;
    f->type = WESS_BLOB;
    r->spent |= !ok;
}

static void read_text(struct reading *r, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    char *text = wess_arena_text(r->host, r->a, value);
    struct wess_field *f = text ? push(r, name, WESS_TEXT) : NULL;
    r->spent |= !text;
    if (!f)
        return;
    size_t len = strlen(text), n = 0;
    for (size_t i = 0; i < len; i++) /* line ends are LF here */
        if (text[i] != '\r' || text[i + 1] != '\n')
            text[n++] = text[i] == '\r' ? '\n' : text[i];
    text[n] = 0;
    f->str = (struct wess_slice){text, n};
    if (n > WESS_INLINE_MAX)
        spool(r, f, text, n);
}

/* A date on the wire is an instant: midnight or noon of some zone, by meaning a date. */
static void read_date(struct reading *r, const char *name, const char *value)
{
    if (!value || strlen(value) < 10)
        return;
    char *text = wess_arena_textn(r->host, r->a, value, 10);
    struct wess_field *f = text ? push(r, name, WESS_DATE) : NULL;
    r->spent |= !text;
    if (f)
        f->str = (struct wess_slice){text, 10};
}

static void read_set(struct reading *r, const char *name, const xmlNode *list)
{
    size_t n = 0;
    for (const xmlNode *s = xml_first(list); s; s = xml_next(s))
        n++;
    const char **of = r->host->alloc(r->a, (n + 1) * sizeof(*of));
    struct wess_field *f = n && of ? push(r, name, WESS_SET) : NULL;
    r->spent |= !of;
    if (!f)
        return;
    n = 0;
    for (const xmlNode *s = xml_first(list); s; s = xml_next(s)) {
        of[n] = wess_arena_text(r->host, r->a, xml_text(s));
        r->spent |= !of[n];
        n += of[n] != NULL && *of[n];
    }
    f->set = (struct wess_list){of, n};
}

static const xmlNode *entry_of(const xmlNode *contact, const struct ews_field *f)
{
    for (const xmlNode *e = xml_first(xml_child(contact, f->set)); e; e = xml_next(e)) {
        const char *key = xml_attr(e, "Key");
        if (key && !strcmp(key, f->index))
            return e;
    }
    return NULL;
}

static struct wess_record *record(struct reading *r, struct wess_vec *v, const char *key)
{
    struct wess_record *of = v->of;
    for (size_t i = 0; i < v->n; i++)
        if (!strcmp(of[i].key, key))
            return &of[i];
    struct wess_record *new = wess_vec_push(r->host, r->a, v);
    struct wess_field *parts = r->host->alloc(r->a, 6 * sizeof(*parts));
    r->spent |= !new || !parts;
    if (r->spent)
        return NULL;
    *new = (struct wess_record){.key = key, .fields = parts};
    return new;
}

static void read_entry(struct reading *r, const xmlNode *contact, const struct ews_field *f,
                       struct wess_vec *v)
{
    const xmlNode *e = entry_of(contact, f);
    const char *value = f->element ? xml_text(xml_child(e, f->element)) : xml_text(e);
    const char *routing = xml_attr(e, "RoutingType");
    bool mail = !strcmp(f->name, "email");
    /* An address inside the organisation may come as a directory path: no address for others. */
    if (!value || !*value || (mail && routing && *routing && strcasecmp(routing, "SMTP")))
        return;
    char *text = wess_arena_text(r->host, r->a, value);
    const char *key = !text ? NULL : mail ? r->host->fold(r->a, text) : f->slot;
    size_t before = v->n, len = 0;
    r->spent |= !key;
    if (!key || !*key)
        return;
    struct wess_record *rec = record(r, v, key);
    if (!rec || (mail && v->n == before))
        return;
    struct wess_field *parts = (struct wess_field *)(uintptr_t)rec->fields;
    for (const char *s = text; *s; s++) /* streets have CRLF */
        if (*s != '\r')
            text[len++] = *s;
    text[len] = 0;
    parts[rec->n++] = (struct wess_field){.name = f->part, .type = WESS_TEXT, .str = {text, len}};
    if (mail)
        parts[rec->n++] =
            (struct wess_field){.name = "pref", .type = WESS_INT, .num = strtol(f->slot, NULL, 10)};
}

static void read_records(struct reading *r, const xmlNode *contact, const char *name)
{
    struct wess_vec v = {.size = sizeof(struct wess_record)};
    for (size_t i = 0; i < ews_n_fields; i++)
        if (ews_fields[i].type == WESS_RECORDS && !strcmp(ews_fields[i].name, name))
            read_entry(r, contact, &ews_fields[i], &v);
    struct wess_field *f = v.n ? push(r, name, WESS_RECORDS) : NULL;
    if (f)
        f->records = (struct wess_records){v.of, v.n};
}

static const char *extended(const xmlNode *contact, const char *attr, const char *value)
{
    for (const xmlNode *p = xml_first(contact); p; p = xml_next(p)) {
        const char *have =
            xml_is(p, "ExtendedProperty") ? xml_attr(xml_child(p, "ExtendedFieldURI"), attr) : NULL;
        if (have && !strcasecmp(have, value))
            return xml_text(xml_child(p, "Value"));
    }
    return NULL;
}

static int64_t time_ms(const char *text)
{
    struct tm tm = {0};
    if (!text || !strptime(text, "%Y-%m-%dT%H:%M:%S", &tm))
        return 0;
    return (int64_t)timegm(&tm) * 1000;
}

static void read_fields(struct reading *r, const xmlNode *contact)
{
    for (size_t i = 0; i < ews_n_fields; i++) {
        const struct ews_field *f = &ews_fields[i];
        if (f->set || !f->uri)
            continue;
        const xmlNode *n = xml_child(contact, f->element);
        if (f->type == WESS_SET)
            read_set(r, f->name, n);
        else if (f->type == WESS_DATE)
            read_date(r, f->name, xml_text(n));
        else
            read_text(r, f->name, xml_text(n));
    }
    const char *title = extended(contact, "PropertyTag", TITLE_TAG);
    if (!title)
        title = xml_text(xml_child(xml_child(contact, "CompleteName"), "Title"));
    read_text(r, "name.prefix", title);
    read_records(r, contact, "email");
    read_records(r, contact, "phone");
    read_records(r, contact, "address");
}

enum wess_code ews_item(struct wess_call *call, const xmlNode *contact, bool whole,
                        struct wess_item *out)
{
    const struct wess_host *h = call->conn->host;
    struct reading r = {h, call->arena, {.size = sizeof(struct wess_field)}, false};
    const xmlNode *id = xml_child(contact, "ItemId");
    const char *privacy = xml_text(xml_child(contact, "Sensitivity"));
    const char *stamp = extended(contact, "PropertyName", EWS_STAMP_NAME);
    *out = (struct wess_item){
        .id = wess_arena_text(h, call->arena, xml_attr(id, "Id")),
        .revision = wess_arena_text(h, call->arena, xml_attr(id, "ChangeKey")),
        .kind = "contact",
        .collection = "contacts",
        .modified_ms = time_ms(xml_text(xml_child(contact, "LastModifiedTime")))};
    if (!out->id)
        return wess_fail(&call->error, WESS_BROKEN, WESS_OF_COLLECTION, NULL,
                         "a contact came without its id");
    if (privacy && (!strcmp(privacy, "Private") || !strcmp(privacy, "Confidential")))
        out->flags |= WESS_ITEM_PRIVATE;
    read_fields(&r, contact);
    const struct wess_field *f = r.fields.of;
    for (size_t i = 0; i < r.fields.n; i++)
        if (!strcmp(f[i].name, "categories"))
            out->tags = f[i].set;
    out->fields = r.fields.of;
    out->n_fields = r.fields.n;
    char *own = stamp && *stamp ? wess_arena_text(h, call->arena, stamp) : NULL;
    if (r.spent || (stamp && *stamp && !own) ||
        wess_contact_keys(h, call->arena, out, own) != WESS_OK)
        return wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "out of memory");
    if (whole)
        out->flags |= WESS_ITEM_WHOLE;
    else
        out->n_fields = 0;
    return WESS_OK;
}

/* ---- writing
 * ---------------------------------------------------------------------------------------------------
 */

static const struct wess_field *field_of(const struct wess_item *item, const char *name)
{
    for (size_t i = 0; item && i < item->n_fields; i++)
        if (!strcmp(item->fields[i].name, name))
            return &item->fields[i];
    return NULL;
}

/* The text of an entry: of a mail address by its place, else by its slot. "" when there is none. */
static struct wess_slice entry_value(const struct wess_field *f, const struct ews_field *e)
{
    static const struct wess_slice none = {"", 0};
    for (size_t i = 0; f && f->type == WESS_RECORDS && i < f->records.n; i++) {
        const struct wess_record *r = &f->records.of[i];
        bool here = strcmp(e->name, "email") && !strcmp(r->key, e->slot);
        for (size_t k = 0; k < r->n && !here; k++)
            here = !strcmp(e->name, "email") && !strcmp(r->fields[k].name, "pref") &&
                   r->fields[k].type == WESS_INT && r->fields[k].num == strtol(e->slot, NULL, 10);
        for (size_t k = 0; here && k < r->n; k++)
            if (!strcmp(r->fields[k].name, e->part) && r->fields[k].type == WESS_TEXT)
                return r->fields[k].str;
    }
    return none;
}

static void put_crlf(struct xml_out *x, const char *text, size_t len)
{
    const char *end = text + len;
    while (text < end) {
        const char *lf = memchr(text, '\n', (size_t)(end - text));
        xml_put(x, text, (size_t)((lf ? lf : end) - text));
        if (lf)
            xml_put(x, "\r\n", 2);
        text = lf ? lf + 1 : end;
    }
}

static void put_blob(struct wess_call *call, struct xml_out *x, const struct wess_blob *b)
{
    const struct wess_host *h = call->conn->host;
    struct wess_spool *s = NULL;
    char *text = malloc((size_t)b->size + 1);
    size_t at = 0;
    int64_t n = 0;
    if (!text || h->blob_open(h->ctx, b->digest, &s) != WESS_OK) {
        x->bad = true;
        free(text);
        return;
    }
    while (at < b->size && (n = h->blob_get(s, text + at, (size_t)b->size - at)) > 0)
        at += (size_t)n;
    h->blob_close(s);
    x->bad |= at != b->size;
    put_crlf(x, text, at);
    explicit_bzero(text, at);
    free(text);
}

static void put_scalar(struct wess_call *call, struct xml_out *x, const struct ews_field *e,
                       const struct wess_field *f)
{
    char name[40];
    snprintf(name, sizeof(name), "t:%s", e->element);
    xml_open(x, name);
    if (!strcmp(e->element, "Body"))
        xml_put_attr(x, "BodyType", "Text");
    if (f->type == WESS_SET)
        for (size_t i = 0; i < f->set.n; i++)
            xml_element(x, "t:String", f->set.of[i]);
    else if (f->type == WESS_BLOB)
        put_blob(call, x, &f->blob);
    else
        put_crlf(x, f->str.data, f->str.len);
    if (f->type == WESS_DATE)
        xml_put(x, DATE_TIME, strlen(DATE_TIME));
    xml_close(x);
}

static void put_extended(struct xml_out *x, void (*path)(struct xml_out *), const char *text,
                         size_t len)
{
    xml_open(x, "t:ExtendedProperty");
    path(x);
    xml_open(x, "t:Value");
    xml_put(x, text, len);
    xml_close(x);
    xml_close(x);
}

static void open_entry(struct xml_out *x, const struct ews_field *e)
{
    xml_open(x, "t:Entry");
    xml_put_attr(x, "Key", e->index);
}

static void put_entry_value(struct xml_out *x, const struct ews_field *e, struct wess_slice v)
{
    char name[40];
    if (e->element) {
        snprintf(name, sizeof(name), "t:%s", e->element);
        xml_open(x, name);
        put_crlf(x, v.data, v.len);
        xml_close(x);
    } else {
        xml_put(x, v.data, v.len);
    }
}

/* A whole set of a new contact; returns behind it in the table. */
static size_t create_set(struct xml_out *x, const struct wess_op *op, size_t i)
{
    const struct ews_field *first = &ews_fields[i];
    const struct wess_field *f = field_of(&op->item, first->name);
    const char *open = NULL;
    char name[40];
    bool any = false;
    snprintf(name, sizeof(name), "t:%s", first->set);
    for (; i < ews_n_fields && ews_fields[i].set && !strcmp(ews_fields[i].set, first->set); i++) {
        const struct ews_field *e = &ews_fields[i];
        struct wess_slice v = entry_value(f, e);
        if (!v.len)
            continue;
        if (!any)
            xml_open(x, name);
        any = true;
        if (!open || strcmp(open, e->index)) {
            if (open)
                xml_close(x);
            open_entry(x, e);
            open = e->index;
        }
        put_entry_value(x, e, v);
    }
    if (open)
        xml_close(x);
    if (any)
        xml_close(x);
    return i;
}

void ews_contact(struct wess_call *call, struct xml_out *x, const struct wess_op *op)
{
    const struct wess_field *title = field_of(&op->item, "name.prefix");
    bool mapped = false;
    xml_open(x, "t:Contact");
    for (size_t i = 0; i < ews_n_fields;) {
        const struct ews_field *e = &ews_fields[i];
        if (!e->uri) { /* where the named properties stand */
            if (op->stamp)
                put_extended(x, ews_path_stamp, op->stamp, strlen(op->stamp));
            if (title && title->type == WESS_TEXT && title->str.len)
                put_extended(x, path_title, title->str.data, title->str.len);
        } else if (e->set) {
            i = create_set(x, op, i);
            continue;
        } else {
            const struct wess_field *f = field_of(&op->item, e->name);
            if (!mapped && !strcmp(e->name, "fn")) {
                xml_element(x, "t:FileAsMapping", "LastCommaFirst");
                mapped = true;
            }
            if (f && f->type != WESS_NULL)
                put_scalar(call, x, e, f);
        }
        i++;
    }
    xml_close(x);
}

static void open_update(struct xml_out *x, const struct ews_field *e, bool set)
{
    xml_open(x, set ? "t:SetItemField" : "t:DeleteItemField");
    if (!e->uri) {
        path_title(x);
    } else if (e->index) {
        xml_open(x, "t:IndexedFieldURI");
        xml_put_attr(x, "FieldURI", e->uri);
        xml_put_attr(x, "FieldIndex", e->index);
        xml_close(x);
    } else {
        field_uri(x, e->uri);
    }
    if (set)
        xml_open(x, "t:Contact");
}

static void close_update(struct xml_out *x, bool set)
{
    if (set)
        xml_close(x);
    xml_close(x);
}

static void update_entry(struct xml_out *x, const struct wess_op *op, const struct ews_field *e,
                         const struct wess_field *f)
{
    struct wess_slice now = entry_value(f, e);
    struct wess_slice was = entry_value(field_of(op->before, e->name), e);
    /* The places of mail addresses are counted without gaps here, and may have some there: they are
     * written as a whole. */
    bool same =
        strcmp(e->name, "email") && now.len == was.len && !memcmp(now.data, was.data, now.len);
    char set[40];
    if (same)
        return;
    snprintf(set, sizeof(set), "t:%s", e->set);
    open_update(x, e, now.len > 0);
    if (now.len) {
        xml_open(x, set);
        open_entry(x, e);
        put_entry_value(x, e, now);
        xml_close(x);
        xml_close(x);
    }
    close_update(x, now.len > 0);
}

static void update_scalar(struct wess_call *call, struct xml_out *x, const struct ews_field *e,
                          const struct wess_field *f)
{
    bool set = f->type != WESS_NULL && (f->type != WESS_SET || f->set.n);
    open_update(x, e, set);
    if (set && !e->uri)
        put_extended(x, path_title, f->str.data, f->str.len);
    else if (set)
        put_scalar(call, x, e, f);
    close_update(x, set);
}

void ews_updates(struct wess_call *call, struct xml_out *x, const struct wess_op *op)
{
    for (size_t i = 0; i < ews_n_fields; i++) {
        const struct ews_field *e = &ews_fields[i];
        const struct wess_field *f = field_of(&op->item, e->name);
        if (!f)
            continue;
        if (e->set)
            update_entry(x, op, e, f);
        else
            update_scalar(call, x, e, f);
    }
    if (op->stamp) {
        xml_open(x, "t:SetItemField");
        ews_path_stamp(x);
        xml_open(x, "t:Contact");
        put_extended(x, ews_path_stamp, op->stamp, strlen(op->stamp));
        xml_close(x);
        xml_close(x);
    }
}

/* A date without a year has no form here. */
bool ews_refuses(struct wess_call *call, const struct wess_op *op, struct wess_result *out)
{
    struct wess_refused *of = call->conn->host->alloc(call->arena, 2 * sizeof(*of));
    for (size_t i = 0; of && i < op->item.n_fields; i++) {
        const struct wess_field *f = &op->item.fields[i];
        if (f->type == WESS_DATE && f->str.len != 10 && out->n_refused < 2)
            of[out->n_refused++] =
                (struct wess_refused){f->name, "Exchange holds no date without a year", "date"};
    }
    out->refused = of;
    if (out->n_refused)
        out->code = WESS_REJECTED;
    return out->n_refused > 0;
}
