/* An item as Exchange shows it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "ews.h"
#include "keys.h"
#include "zone.h"

#define TAG_MAX 1024u       /* bytes of a category that takes part */
#define FACT_TEXT_MAX 4096u /* bytes of a name that keys are made of */
#define RECORD_PARTS 6u
#define FIELDS_MOST 64u  /* of an item; more grow in the arena */
#define RECORDS_MOST 24u /* of a field */

struct wess_field *ews_push(struct ews_reading *r, const char *name, uint32_t type)
{
    struct wess_field *f = wess_vec_push(r->host, r->a, &r->fields);
    r->spent |= !f;
    if (f)
        *f = (struct wess_field){.name = name, .type = type};
    return f;
}

static void *settled(struct ews_reading *r, const struct wess_vec *v)
{
    void *of = wess_vec_kept(r->host, r->a, v);
    r->spent |= v->n && !of;
    return of;
}

/* ---- texts
 * ------------------------------------------------------------------------------------------ */

static void spool(struct ews_reading *r, struct wess_field *f, const char *text, size_t len)
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

/* Line ends are LF here, CRLF or a lone CR there. */
static size_t to_lf(char *out, const char *text, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\r' && i + 1 < len && text[i + 1] == '\n')
            continue;
        out[n++] = text[i] == '\r' ? '\n' : text[i];
    }
    out[n] = 0;
    return n;
}

static char *lf_text(struct ews_reading *r, const char *value, size_t *len)
{
    size_t n = strlen(value);
    char *text = r->host->alloc(r->a, n + 1);
    r->spent |= !text;
    if (text)
        *len = to_lf(text, value, n);
    return text;
}

/* A long one goes to the spool without a stay in the arena. */
static void read_long(struct ews_reading *r, const char *name, const char *value, size_t n)
{
    struct wess_field *f = ews_push(r, name, WESS_TEXT);
    char *text = f ? malloc(n + 1) : NULL;
    r->spent |= !text;
    if (!text)
        return;
    spool(r, f, text, to_lf(text, value, n));
    explicit_bzero(text, n);
    free(text);
}

void ews_read_line(struct ews_reading *r, const char *name, const char *value)
{
    size_t len = value ? strlen(value) : 0;
    if (!len)
        return;
    /* Of what was not selected nothing may be spooled, and no key is made of it. */
    if (!r->whole && len > FACT_TEXT_MAX)
        return;
    if (len > WESS_INLINE_MAX) {
        read_long(r, name, value, len);
        return;
    }
    char *text = lf_text(r, value, &len);
    struct wess_field *f = text ? ews_push(r, name, WESS_TEXT) : NULL;
    if (f)
        f->str = (struct wess_slice){text, len};
}

/* ---- dates, times
 * ------------------------------------------------------------------------------------------ */

int64_t ews_time_ms(const char *text)
{
    struct tm tm = {0};
    const char *rest = text ? strptime(text, "%Y-%m-%d", &tm) : NULL;
    if (rest && *rest == 'T')
        rest = strptime(rest, "T%H:%M:%S", &tm);
    int hours = 0, minutes = 0;
    if (!rest)
        return 0;
    if (*rest == '.')
        rest += 1 + strspn(rest + 1, "0123456789");
    int64_t ms = (int64_t)timegm(&tm) * 1000;
    if ((*rest == '+' || *rest == '-') && sscanf(rest + 1, "%2d:%2d", &hours, &minutes) == 2)
        ms += (*rest == '+' ? -1 : 1) * (int64_t)(hours * 60 + minutes) * 60000;
    return ms;
}

/* An instant on the wire, a date by meaning. Written as 00:00Z, 11:59Z or noon it is the date as it
 * stands; Outlook writes the midnight of its own zone, and the nearest midnight is that date in all
 * zones from eleven hours west to twelve east. */
bool ews_date(const char *text, char out[11])
{
    struct tm tm = {0};
    const char *rest = text ? strptime(text, "%Y-%m-%d", &tm) : NULL;
    if (!rest)
        return false;
    int seconds = 0;
    if (*rest == 'T') {
        struct tm clock = {0};
        if (strptime(rest + 1, "%H:%M:%S", &clock))
            seconds = clock.tm_hour * 3600 + clock.tm_min * 60 + clock.tm_sec;
    }
    if (seconds > 12 * 3600)
        tm.tm_mday++;
    time_t at = timegm(&tm);
    return gmtime_r(&at, &tm) && strftime(out, 11, "%Y-%m-%d", &tm) == 10;
}

static void push_date(struct ews_reading *r, const char *name, const char date[11])
{
    char *text = wess_arena_textn(r->host, r->a, date, 10);
    struct wess_field *f = text ? ews_push(r, name, WESS_DATE) : NULL;
    r->spent |= !text;
    if (f)
        f->str = (struct wess_slice){text, 10};
}

static void read_day(struct ews_reading *r, const char *name, const char *value)
{
    char date[11];
    if (ews_date(value, date))
        push_date(r, name, date);
}

/* Midnight where its owner lives, or by his program's word of UTC: the nearest one by his clock. */
static void read_date(struct ews_reading *r, const char *name, const char *value)
{
    char local[WESS_LOCAL_SIZE], date[11];
    int64_t ms = ews_time_ms(value);
    if (ms && wess_zone_local(ms, r->conn->zone, local) && ews_date(local, date))
        push_date(r, name, date);
}

/* None is no value. */
static void read_number(struct ews_reading *r, const char *name, const char *value)
{
    char *end;
    double number = value ? strtod(value, &end) : 0;
    struct wess_field *f = NULL;
    if (value && *value && !*end && number >= 1 && number < 1e15)
        f = ews_push(r, name, WESS_INT);
    if (f)
        f->num = (int64_t)number;
}

/* What Exchange has where nothing was said is no value, and so is a word that nobody knows. */
static void read_word(struct ews_reading *r, const struct ews_field *e, const char *value)
{
    const struct ews_word *w = e->words;
    while (value && w->ours && strcmp(w->theirs, value))
        w++;
    if (!value || !w->ours || w == e->words)
        return;
    struct wess_field *f = ews_push(r, e->name, e->type);
    if (f && e->type == WESS_INT)
        f->num = strtoll(w->ours, NULL, 10);
    else if (f)
        f->str = (struct wess_slice){w->ours, strlen(w->ours)};
}

/* ---- sets and records
 * ------------------------------------------------------------------------------------------ */

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void read_set(struct ews_reading *r, const char *name, const xmlNode *list)
{
    size_t n = 0, kept = 0;
    for (const xmlNode *s = xml_first(list); s; s = xml_next(s))
        n++;
    const char **of = n ? r->host->alloc(r->a, n * sizeof(*of)) : NULL;
    r->spent |= n && !of;
    n = 0;
    for (const xmlNode *s = of ? xml_first(list) : NULL; s; s = xml_next(s)) {
        size_t len = strlen(xml_text(s));
        if (!len || len > TAG_MAX)
            continue;
        of[n] = wess_arena_textn(r->host, r->a, xml_text(s), len);
        r->spent |= !of[n];
        n += of[n] != NULL;
    }
    if (n)
        qsort(of, n, sizeof(*of), by_bytes);
    for (size_t i = 0; i < n; i++)
        if (!kept || strcmp(of[i], of[kept - 1]))
            of[kept++] = of[i];
    struct wess_field *f = kept ? ews_push(r, name, WESS_SET) : NULL;
    if (f)
        f->set = (struct wess_list){of, kept};
}

/* Of a table's names most are the very one before, or differ by the first letter. */
static bool same_name(const char *a, const char *b)
{
    return a == b || (*a == *b && !strcmp(a, b));
}

static const xmlNode *entry_of(const xmlNode *set, const struct ews_field *f)
{
    for (const xmlNode *e = xml_first(set); e; e = xml_next(e)) {
        const char *key = xml_attr(e, "Key");
        if (key && same_name(key, f->index))
            return e;
    }
    return NULL;
}

/* An address inside the organisation may come as a directory path: no address for others. */
static bool is_smtp(const xmlNode *entry)
{
    const char *routing = xml_attr(entry, "RoutingType");
    return !routing || !*routing || !strcasecmp(routing, "SMTP");
}

/* An address has its lines, a mail address its place, all else the one value. */
static size_t parts_of(const struct ews_field *f)
{
    return ews_is_mail(f) ? 2 : f->element ? RECORD_PARTS : 1;
}

static struct wess_record *record(struct ews_reading *r, const struct ews_field *f,
                                  struct wess_vec *v, const char *key)
{
    struct wess_record *of = v->of;
    for (size_t i = 0; i < v->n; i++)
        if (!strcmp(of[i].key, key))
            return &of[i];
    /* In this order: one without a key is never among them. */
    struct wess_field *parts = r->host->alloc(r->a, parts_of(f) * sizeof(*parts));
    struct wess_record *new = parts ? wess_vec_push(r->host, r->a, v) : NULL;
    r->spent |= !new;
    if (!new)
        return NULL;
    *new = (struct wess_record){.key = key, .fields = parts};
    return new;
}

static void add_part(struct wess_record *rec, const struct ews_field *f,
                     const struct wess_field *part)
{
    struct wess_field *parts = (struct wess_field *)(uintptr_t)rec->fields; /* of record() */
    if (rec->n < parts_of(f))
        parts[rec->n++] = *part;
}

static void read_mail(struct ews_reading *r, const struct ews_field *f, const char *value,
                      struct wess_vec *v)
{
    char *text = wess_arena_text(r->host, r->a, value);
    const char *key = text ? r->host->fold(r->a, text) : NULL;
    size_t before = v->n;
    r->spent |= !key;
    if (!key || !*key || strlen(key) >= WESS_ID_MAX)
        return;
    struct wess_record *rec = record(r, f, v, key);
    if (!rec || v->n == before) /* the same address twice is one */
        return;
    struct wess_field address = {.name = "value", .type = WESS_TEXT, .str = {text, strlen(text)}};
    struct wess_field pref = {.name = "pref", .type = WESS_INT, .num = *f->slot - '0'};
    add_part(rec, f, &address);
    add_part(rec, f, &pref);
}

static void read_entry(struct ews_reading *r, const xmlNode *set, const struct ews_field *f,
                       struct wess_vec *v)
{
    const xmlNode *e = entry_of(set, f);
    const char *value = f->element ? xml_text(xml_child(e, f->element)) : xml_text(e);
    size_t len = value ? strlen(value) : 0;
    if (!len || len > WESS_INLINE_MAX || (ews_is_mail(f) && !is_smtp(e)))
        return;
    if (ews_is_mail(f)) {
        read_mail(r, f, value, v);
        return;
    }
    char *text = lf_text(r, value, &len);
    struct wess_record *rec = text ? record(r, f, v, f->slot) : NULL;
    struct wess_field part = {.name = f->part, .type = WESS_TEXT, .str = {text, len}};
    if (rec)
        add_part(rec, f, &part);
}

/* The rows [at, end) of one name, which stand in a row; the end of them. */
static size_t read_records(struct ews_reading *r, const struct ews_kind *kind,
                           const xmlNode *contact, size_t at)
{
    struct wess_record room[RECORDS_MOST];
    struct wess_vec v = {.of = room, .cap = RECORDS_MOST, .size = sizeof(*room)};
    const char *name = kind->fields[at].name, *looked = ""; /* for the set of the rows before */
    const xmlNode *set = NULL;
    for (; at < kind->n_fields && same_name(kind->fields[at].name, name); at++) {
        const struct ews_field *f = &kind->fields[at];
        if (!same_name(f->set, looked))
            set = xml_child(contact, f->set);
        looked = f->set;
        if (set)
            read_entry(r, set, f, &v);
    }
    struct wess_field *f = v.n ? ews_push(r, name, WESS_RECORDS) : NULL;
    const struct wess_record *of = f ? settled(r, &v) : NULL;
    if (f)
        f->records = (struct wess_records){of, of ? v.n : 0};
    return at;
}

/* ---- the item
 * ------------------------------------------------------------------------------------------ */

/* The value of a named property whose path has these attributes. */
static const char *extended(const xmlNode *contact, const char *attr, const char *value,
                            const char *set)
{
    for (const xmlNode *p = xml_first(contact); p; p = xml_next(p)) {
        const xmlNode *path =
            xml_is(p, "ExtendedProperty") ? xml_child(p, "ExtendedFieldURI") : NULL;
        const char *have = xml_attr(path, attr), *of = xml_attr(path, "PropertySetId");
        if (have && !strcasecmp(have, value) && (!set || (of && !strcasecmp(of, set))))
            return xml_text(xml_child(p, "Value"));
    }
    return NULL;
}

/* Anything that is not one of ours by its form was put there by somebody else. */
static const char *stamp_of(const xmlNode *contact)
{
    const char *stamp = extended(contact, "PropertyName", EWS_STAMP_NAME, EWS_STAMP_SET);
    return stamp && *stamp && strlen(stamp) <= EWS_STAMP_MAX ? stamp : NULL;
}

static void read_title(struct ews_reading *r, const xmlNode *contact, const char *name)
{
    const char *title = extended(contact, "PropertyTag", EWS_TITLE_TAG, NULL);
    if (!title)
        title = xml_text(xml_child(xml_child(contact, "CompleteName"), "Title"));
    ews_read_line(r, name, title);
}

static void read_field(struct ews_reading *r, const struct ews_field *e, const xmlNode *item)
{
    const xmlNode *n = e->element ? xml_child(item, e->element) : NULL;
    switch (e->form) {
    case EWS_LINE:
    case EWS_BODY:
        ews_read_line(r, e->name, xml_text(n));
        break;
    case EWS_SET:
        read_set(r, e->name, n);
        break;
    case EWS_DAY:
        read_day(r, e->name, xml_text(n));
        break;
    case EWS_DATE:
        read_date(r, e->name, xml_text(n));
        break;
    case EWS_WORD:
        read_word(r, e, xml_text(n));
        break;
    case EWS_NUMBER:
        read_number(r, e->name, xml_text(n));
        break;
    case EWS_TITLE:
        read_title(r, item, e->name);
        break;
    case EWS_MADE:
        if (e->read)
            e->read(r, item, e);
        break;
    case EWS_ENTRY:
        break;
    }
}

static void read_fields(struct ews_reading *r, const struct ews_kind *kind, const xmlNode *item)
{
    for (size_t i = 0; i < kind->n_fields;) {
        if (kind->fields[i].form == EWS_ENTRY)
            i = read_records(r, kind, item, i);
        else
            read_field(r, &kind->fields[i++], item);
    }
}

static bool is_foreign(const xmlNode *item)
{
    const char *answer = xml_text(xml_child(item, "MyResponseType"));
    return answer && *answer && strcmp(answer, "Organizer") != 0 && strcmp(answer, "Unknown") != 0;
}

static enum wess_code name_item(struct wess_call *call, const xmlNode *contact,
                                struct wess_item *out)
{
    const struct wess_host *h = call->conn->host;
    const xmlNode *node = xml_child(contact, "ItemId");
    const char *id = xml_attr(node, "Id"), *key = xml_attr(node, "ChangeKey");
    const char *privacy = xml_text(xml_child(contact, "Sensitivity"));
    const struct ews_kind *kind = ews_kind_of(call);
    if (!id || !*id || strlen(id) > WESS_ID_MAX || (key && strlen(key) > WESS_ID_MAX))
        return WESS_REJECTED;
    *out = (struct wess_item){.id = wess_arena_text(h, call->arena, id),
                              .revision = key && *key ? wess_arena_text(h, call->arena, key) : NULL,
                              .kind = kind->name,
                              .collection = kind->collection,
                              .modified_ms =
                                  ews_time_ms(xml_text(xml_child(contact, "LastModifiedTime")))};
    if (privacy && (!strcmp(privacy, "Private") || !strcmp(privacy, "Confidential")))
        out->flags |= WESS_ITEM_PRIVATE;
    if (is_foreign(contact))
        out->flags |= WESS_ITEM_FOREIGN;
    return out->id && (out->revision || !key || !*key) ? WESS_OK : WESS_TOO_BIG;
}

static int64_t when_of(const struct ews_kind *kind, const struct wess_item *item)
{
    const struct wess_field *f = kind->due ? ews_field_of(item, kind->due) : NULL;
    return !f ? 0 : f->type == WESS_TIME ? f->time.ms : ews_time_ms(f->str.data);
}

enum wess_code ews_item(struct wess_call *call, const xmlNode *contact, bool whole,
                        struct wess_item *out)
{
    const struct wess_host *h = call->conn->host;
    const struct ews_kind *kind = ews_kind_of(call);
    struct wess_field room[FIELDS_MOST];
    struct ews_reading r = {.conn = call->conn,
                            .host = h,
                            .a = call->arena,
                            .fields = {.of = room, .cap = FIELDS_MOST, .size = sizeof(*room)},
                            .whole = whole};
    const char *stamp = stamp_of(contact);
    enum wess_code rc = name_item(call, contact, out);
    if (rc != WESS_OK)
        return rc;
    read_fields(&r, kind, contact);
    if (whole && kind == &ews_event_kind)
        r.half |= ews_recall(&r, extended(contact, "PropertyName", EWS_KEPT_NAME, EWS_STAMP_SET));
    char *own = stamp ? wess_arena_text(h, call->arena, stamp) : NULL;
    out->fields = r.fields.of;
    out->n_fields = r.fields.n;
    out->when_ms = ews_recurs(contact) ? 0 : when_of(kind, out);
    const struct wess_field *tags = ews_field_of(out, "categories");
    if (tags)
        out->tags = tags->set;
    r.spent |= (stamp && !own) || wess_item_keys(h, call->arena, out, own) != WESS_OK;
    if (whole)
        out->flags |= WESS_ITEM_WHOLE | (r.half ? WESS_ITEM_HALF : 0u);
    out->fields = (whole || kind->tells) && !r.spent ? settled(&r, &r.fields) : NULL;
    out->n_fields = out->fields ? out->n_fields : 0;
    return r.spent ? WESS_TOO_BIG : WESS_OK;
}

static bool shows_pictures(const xmlNode *item)
{
    const xmlNode *n = xml_first(xml_child(item, "Attachments"));
    for (; n; n = xml_next(n)) {
        const char *inlined = xml_text(xml_child(n, "IsInline"));
        if (inlined && (!strcmp(inlined, "true") || !strcmp(inlined, "1")))
            return true;
    }
    return false;
}

bool ews_slots(struct wess_call *call, const xmlNode *contact, struct ews_slots *out)
{
    const struct wess_host *h = call->conn->host;
    bool ok = true;
    *out = (struct ews_slots){0};
    for (size_t i = 0; i < ews_contact_kind.n_fields; i++) {
        const struct ews_field *f = &ews_contact_kind.fields[i];
        const xmlNode *e = ews_is_mail(f) ? entry_of(xml_child(contact, f->set), f) : NULL;
        const char *value = xml_text(e);
        size_t at = e ? (size_t)(*f->slot - '1') : 0;
        if (!value || !*value || at >= EWS_MAILS)
            continue;
        char *text = wess_arena_text(h, call->arena, value);
        ok &= text != NULL;
        out->mail[at] = (struct wess_slice){text, text ? strlen(text) : 0};
        out->held[at] = !is_smtp(e);
    }
    const char *stamp = extended(contact, "PropertyName", EWS_STAMP_NAME, EWS_STAMP_SET);
    out->stamped = stamp && *stamp;
    out->kept = extended(contact, "PropertyName", EWS_KEPT_NAME, EWS_STAMP_SET) != NULL;
    out->foreign = is_foreign(contact);
    out->nameless = ews_asks_nameless(contact);
    out->pictures = shows_pictures(contact);
    return ok;
}
