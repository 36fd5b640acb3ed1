/* Who is asked to an event, and by whom. */
#include <string.h>
#include <strings.h>

#include "event.h"

static const struct ews_word answers[] = {
    {"ACCEPTED", "Accept"}, {"TENTATIVE", "Tentative"}, {"DECLINED", "Decline"}, {NULL, NULL}};

static const struct {
    const char *element, *role;
} roles[] = {{"RequiredAttendees", "REQ-PARTICIPANT"},
             {"OptionalAttendees", "OPT-PARTICIPANT"},
             {"Resources", "NON-PARTICIPANT"}};

static const char *address_of(const xmlNode *mailbox)
{
    const char *routing = xml_text(xml_child(mailbox, "RoutingType"));
    const char *address = xml_text(xml_child(mailbox, "EmailAddress"));
    /* A directory path is no address for others. */
    if (routing && *routing && strcasecmp(routing, "SMTP"))
        return NULL;
    return address && *address && strlen(address) < WESS_ID_MAX ? address : NULL;
}

void ews_add_part(struct ews_reading *r, struct wess_record *to, const char *name,
                  const char *value)
{
    struct wess_field *parts =
        (struct wess_field *)(uintptr_t)to->fields; /* of ews_read_mailbox() */
    char *text = value && *value ? wess_arena_text(r->host, r->a, value) : NULL;
    if (!value || !*value || strlen(value) > WESS_INLINE_MAX)
        return;
    r->spent |= !text;
    if (text && to->n < EWS_PARTS)
        parts[to->n++] =
            (struct wess_field){.name = name, .type = WESS_TEXT, .str = {text, strlen(text)}};
}

bool ews_has_record(const struct wess_vec *v, const char *key)
{
    const struct wess_record *of = v->of;
    for (size_t i = 0; i < v->n; i++)
        if (!strcmp(of[i].key, key))
            return true;
    return false;
}

struct wess_record *ews_read_mailbox(struct ews_reading *r, const xmlNode *mailbox,
                                     struct wess_vec *v)
{
    const char *address = address_of(mailbox);
    char *text = address ? wess_arena_text(r->host, r->a, address) : NULL;
    const char *key = text ? r->host->fold(r->a, text) : NULL;
    r->spent |= address && !key;
    if (!key || !*key || ews_has_record(v, key))
        return NULL;
    struct wess_record *new = wess_vec_push(r->host, r->a, v);
    struct wess_field *parts = r->host->alloc(r->a, EWS_PARTS * sizeof(*parts));
    r->spent |= !new || !parts;
    if (!new || !parts)
        return NULL;
    *new = (struct wess_record){.key = key, .fields = parts};
    ews_add_part(r, new, "value", address);
    ews_add_part(r, new, "cn", xml_text(xml_child(mailbox, "Name")));
    return new;
}

static void read_attendee(struct ews_reading *r, const xmlNode *n, const char *role,
                          struct wess_vec *v)
{
    const char *said = xml_text(xml_child(n, "ResponseType"));
    if (said && !strcmp(said, "Organizer"))
        return;
    struct wess_record *new = ews_read_mailbox(r, xml_child(n, "Mailbox"), v);
    if (!new)
        return;
    ews_add_part(r, new, "role", role);
    for (const struct ews_word *w = answers; said && w->ours; w++)
        if (!strcmp(w->theirs, said))
            ews_add_part(r, new, "partstat", w->ours);
}

void ews_read_attendees(struct ews_reading *r, const xmlNode *item, const struct ews_field *e)
{
    struct wess_vec v = {.size = sizeof(struct wess_record)};
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        for (const xmlNode *n = xml_first(xml_child(item, roles[i].element)); n; n = xml_next(n))
            read_attendee(r, n, roles[i].role, &v);
    struct wess_field *f = v.n ? ews_push(r, e->name, WESS_RECORDS) : NULL;
    if (f)
        f->records = (struct wess_records){v.of, v.n};
}

bool ews_asks_nameless(const xmlNode *item)
{
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        for (const xmlNode *n = xml_first(xml_child(item, roles[i].element)); n; n = xml_next(n)) {
            const char *said = xml_text(xml_child(n, "ResponseType"));
            bool himself = said && !strcmp(said, "Organizer");
            if (!himself && !address_of(xml_child(n, "Mailbox")))
                return true;
        }
    return false;
}

static struct wess_slice part_of(const struct wess_record *r, const char *name)
{
    for (size_t i = 0; i < r->n; i++)
        if (!strcmp(r->fields[i].name, name) && r->fields[i].type == WESS_TEXT)
            return r->fields[i].str;
    return (struct wess_slice){"", 0};
}

static bool has_role(const struct wess_record *r, const char *element)
{
    struct wess_slice role = part_of(r, "role");
    size_t at = 0; /* who has none is needed */
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        if (role.len == strlen(roles[i].role) && !memcmp(role.data, roles[i].role, role.len))
            at = i;
    return !strcmp(roles[at].element, element);
}

static void put_part(struct xml_out *x, const char *name, struct wess_slice text)
{
    if (!text.len)
        return;
    xml_open(x, name);
    xml_put(x, text.data, text.len);
    xml_close(x);
}

bool ews_put_attendees(struct ews_put *p, const struct ews_field *e)
{
    const struct wess_field *f = ews_will_be(p->op, e->name);
    bool any = false;
    for (size_t i = 0; f && f->type == WESS_RECORDS && i < f->records.n; i++) {
        const struct wess_record *r = &f->records.of[i];
        if (!has_role(r, e->element))
            continue;
        if (!any)
            ews_open(p->x, e->element);
        any = true;
        xml_open(p->x, "t:Attendee");
        xml_open(p->x, "t:Mailbox");
        put_part(p->x, "t:Name", part_of(r, "cn"));
        put_part(p->x, "t:EmailAddress", part_of(r, "value"));
        xml_close(p->x);
        xml_close(p->x);
    }
    if (any)
        xml_close(p->x);
    return any;
}

void ews_read_organizer(struct ews_reading *r, const xmlNode *item, const struct ews_field *e)
{
    const xmlNode *mailbox = xml_child(xml_child(item, e->element), "Mailbox");
    ews_read_line(r, "organizer", address_of(mailbox));
    ews_read_line(r, "organizer.cn", xml_text(xml_child(mailbox, "Name")));
}
