/* Files attached to an item (MS-OXWSATT): a list of names comes with the item, each file by a
 * request of its own, in pieces. A mail, contact or event that is attached is read as the file of
 * its MIME. Inline pictures and a contact's photo are none of these, and are left alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "mime_cut.h"

#define FILES_MOST 100u /* of one item */
#define NAME_MOST 255u  /* bytes of a name, which is the key */

/* More than are read would count as taken away. */
const struct wess_field_schema ews_attach_schema = {
    .name = WESS_ATTACHED, .type = WESS_RECORDS, .max_n = FILES_MOST};

/* ---- the list
 * ------------------------------------------------------------------------------------------ */

static bool is_true(const xmlNode *n)
{
    const char *text = n ? xml_text(n) : NULL;
    return text && (!strcmp(text, "true") || !strcmp(text, "1"));
}

static bool has_key(const struct ews_files *l, const char *key)
{
    const struct ews_listed *of = l->of.of;
    for (size_t i = 0; i < l->of.n; i++)
        if (!strcmp(of[i].key, key))
            return true;
    return false;
}

/* Two of one name are told apart by their order. */
static const char *key_for(const struct ews_files *l, struct wess_arena *a, const char *name)
{
    const char *key = name;
    for (unsigned k = 2; key && has_key(l, key); k++)
        key = wess_arena_fmt(l->host, a, "%s (%u)", name, k);
    return key;
}

/* Forms of MIME, by how they begin; the last one is that of everything else. */
static const struct {
    const char *begin, *ext, *type;
} forms[] = {{"BEGIN:VCARD", ".vcf", "text/vcard"},
             {"BEGIN:VCALENDAR", ".ics", "text/calendar"},
             {"", ".eml", "message/rfc822"}};
enum { FORMS = sizeof(forms) / sizeof(forms[0]), FORM_MAIL = FORMS - 1, EXT_LEN = 4 };

static bool is_attached(const xmlNode *n, const char **id, const char **name)
{
    *id = xml_attr(xml_child(n, "AttachmentId"), "Id");
    *name = xml_text(xml_child(n, "Name"));
    return (xml_is(n, "FileAttachment") || xml_is(n, "ItemAttachment")) && *id && **id &&
           strlen(*id) <= WESS_ID_MAX && *name && **name && strlen(*name) <= NAME_MOST &&
           !is_true(xml_child(n, "IsInline")) && !is_true(xml_child(n, "IsContactPhoto"));
}

static void add_listed(struct ews_files *l, struct wess_arena *a, const xmlNode *n)
{
    const char *id, *name, *type = xml_text(xml_child(n, "ContentType"));
    const char *size = xml_text(xml_child(n, "Size"));
    bool item = xml_is(n, "ItemAttachment");
    if (!is_attached(n, &id, &name) || l->of.n >= FILES_MOST)
        return;
    struct ews_listed one = {
        .id = wess_arena_text(l->host, a, id),
        .name = item ? wess_arena_fmt(l->host, a, "%s%s", name, forms[FORM_MAIL].ext)
                     : wess_arena_text(l->host, a, name),
        .type = type && *type && strlen(type) <= NAME_MOST && !item
                    ? wess_arena_text(l->host, a, type)
                    : NULL,
        .size = size ? strtoull(size, NULL, 10) : 0,
        .item = item};
    one.key = one.name ? key_for(l, a, one.name) : NULL;
    struct ews_listed *slot = one.id && one.key ? wess_vec_push(l->host, a, &l->of) : NULL;
    l->spent |= !slot;
    if (slot)
        *slot = one;
}

struct listing {
    struct wess_call *call;
    struct ews_files *of; /* one for each id that was asked */
    size_t n;
};

static enum wess_code take_list(void *ctx, size_t i, size_t at, const xmlNode *m,
                                struct wess_error *e)
{
    struct listing *l = ctx;
    struct wess_call *call = l->call;
    const xmlNode *item = xml_first(xml_child(m, "Items"));
    (void)i;
    if (at >= l->n)
        return WESS_OK;
    struct ews_files *one = &l->of[at];
    one->code = ews_message_item(m, false, e);
    if (one->code != WESS_OK || !item)
        return WESS_OK;
    const char *key = xml_attr(xml_child(item, "ItemId"), "ChangeKey");
    one->revision = key ? wess_arena_text(one->host, call->arena, key) : NULL;
    for (const xmlNode *n = xml_first(xml_child(item, "Attachments")); n; n = xml_next(n))
        add_listed(one, call->arena, n);
    return one->spent ? wess_fail(e, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "out of memory")
                      : WESS_OK;
}

enum wess_code ews_attach_lists(struct wess_call *call, const char *const *ids,
                                struct ews_files *of, size_t n)
{
    struct listing l = {call, of, n};
    const struct ews_taker taker = {.ctx = &l, .message = take_list};
    struct xml_out x;
    for (size_t i = 0; i < n; i++)
        of[i] = (struct ews_files){.host = call->conn->host,
                                   .of = {.size = sizeof(struct ews_listed)},
                                   .code = WESS_UNKNOWN};
    ews_begin(call->conn, &x, call->conn->impersonate);
    xml_open(&x, "m:GetItem");
    xml_open(&x, "m:ItemShape");
    xml_element(&x, "t:BaseShape", "IdOnly");
    xml_open(&x, "t:AdditionalProperties");
    xml_open(&x, "t:FieldURI");
    xml_put_attr(&x, "FieldURI", "item:Attachments");
    xml_close(&x);
    xml_close(&x);
    xml_close(&x);
    xml_open(&x, "m:ItemIds");
    for (size_t i = 0; i < n; i++)
        ews_item_id(&x, ids[i], NULL);
    xml_close(&x);
    xml_close(&x);
    return ews_ask(call, &x, false, &taker);
}

/* ---- one file comes
 * ------------------------------------------------------------------------------------------ */

struct coming {
    struct mime_cut cut;
    enum wess_code code; /* of the file */
};

static size_t cut_out(void *ctx, size_t i, char *data, size_t len)
{
    struct coming *c = ctx;
    (void)i;
    return mime_cut(&c->cut, data, len);
}

/* Taken away since it was listed. */
enum wess_code ews_attach_code(enum wess_code code, const struct wess_error *e)
{
    return !strcmp(e->remote_code, "ErrorInvalidAttachmentId") ? WESS_GONE : code;
}

static enum wess_code take_file(void *ctx, size_t i, size_t at, const xmlNode *m,
                                struct wess_error *e)
{
    struct coming *c = ctx;
    (void)i;
    if (!at)
        c->code = ews_attach_code(ews_message_item(m, false, e), e);
    return WESS_OK;
}

static void put_ids(struct xml_out *x, const char *id)
{
    xml_open(x, "m:AttachmentIds");
    xml_open(x, "t:AttachmentId");
    xml_put_attr(x, "Id", id);
    xml_close(x);
    xml_close(x);
}

void ews_attach_put_id(struct xml_out *x, const char *op, const char *id)
{
    xml_open(x, op);
    put_ids(x, id);
    xml_close(x);
}

static void ask_file(struct wess_call *call, struct xml_out *x, const char *id, bool mime)
{
    ews_begin(call->conn, x, call->conn->impersonate);
    xml_open(x, "m:GetAttachment");
    if (mime) {
        xml_open(x, "m:AttachmentShape");
        xml_element(x, "t:IncludeMimeContent", "true");
        xml_close(x);
    }
    put_ids(x, id);
    xml_close(x);
}

/* The content of a file, or the MIME of an item. */
static enum wess_code fetch(struct wess_call *call, const char *id, bool mime,
                            struct wess_blob *out, enum wess_code *told, char head[MIME_HEAD])
{
    const struct wess_host *h = call->conn->host;
    struct coming c = {.cut = {.host = h, .element = mime ? "MimeContent" : "Content"},
                       .code = WESS_UNKNOWN};
    const struct ews_taker taker = {.ctx = &c, .message = take_file, .filter = cut_out};
    struct xml_out x;
    *told = WESS_OK;
    if (h->blob_new(h->ctx, &c.cut.spool) != WESS_OK)
        return wess_fail(&call->error, WESS_TRANSIENT, WESS_OF_HOST, NULL,
                         "an attached file cannot be spooled");
    ask_file(call, &x, id, mime);
    enum wess_code rc = ews_ask(call, &x, false, &taker);
    memcpy(head, c.cut.head, MIME_HEAD);
    if (mime && c.code == WESS_OK && !c.cut.seen)
        c.code = WESS_REJECTED;
    bool whole = mime_cut_end(&c.cut) || (!c.cut.bad && !c.cut.n_letters);
    if (rc != WESS_OK || c.code != WESS_OK || !whole) {
        h->blob_close(c.cut.spool);
        *told = rc == WESS_OK ? c.code : WESS_OK;
    } else if (h->blob_done(c.cut.spool, call->arena, out) == WESS_OK) {
        return WESS_OK;
    }
    return rc != WESS_OK || *told != WESS_OK
               ? rc
               : wess_fail(&call->error, WESS_TRANSIENT, WESS_OF_HOST, NULL,
                           "an attached file did not come whole, or cannot be spooled");
}

enum wess_code ews_fetch_file(struct wess_call *call, const char *id, struct wess_blob *out,
                              enum wess_code *told)
{
    char head[MIME_HEAD];
    return fetch(call, id, false, out, told, head);
}

bool ews_is_listed_as(const struct ews_listed *l, const char *key)
{
    size_t len = strlen(l->key), stem = len - EXT_LEN;
    if (!strcmp(l->key, key))
        return true;
    for (size_t f = 0; l->item && len > EXT_LEN && strlen(key) == len && f < FORMS; f++)
        if (!strncmp(l->key, key, stem) && !strcmp(key + stem, forms[f].ext))
            return true;
    return false;
}

enum wess_code ews_fetch_listed(struct wess_call *call, struct ews_listed *l, struct wess_blob *out,
                                enum wess_code *told)
{
    const struct wess_host *h = call->conn->host;
    char head[MIME_HEAD];
    enum wess_code rc = fetch(call, l->id, l->item, out, told, head);
    size_t f = 0;
    if (rc != WESS_OK || *told != WESS_OK || !l->item)
        return rc;
    while (f < FORM_MAIL && strncmp(head, forms[f].begin, strlen(forms[f].begin)))
        f++;
    l->type = forms[f].type;
    if (f == FORM_MAIL || strcmp(l->key, l->name)) /* one of several of that name keeps its own */
        return WESS_OK;
    l->name = l->key = wess_arena_fmt(h, call->arena, "%.*s%s", (int)(strlen(l->key) - EXT_LEN),
                                      l->key, forms[f].ext);
    return l->key
               ? WESS_OK
               : wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "out of memory");
}

/* ---- reading
 * ------------------------------------------------------------------------------------------ */

/* Two of one name are what is left of one that changed. */
static bool add_files(struct wess_call *call, struct wess_result *r, const struct wess_vec *v,
                      bool half)
{
    struct wess_item *item = wess_attached_to(call->conn->host, call->arena, r->current,
                                              (struct wess_records){v->of, v->n});
    if (item)
        item->flags |= half ? WESS_ITEM_HALF : 0u;
    r->current = item;
    return item != NULL;
}

/* One that cannot be read makes the item one that cannot: what is not told counts as taken away. */
static void leave_out(struct wess_call *call, struct wess_result *r, enum wess_code told)
{
    call->error = (struct wess_error){0};
    *r = (struct wess_result){.code = told == WESS_GONE ? WESS_TRANSIENT : told,
                              .text = "a file that is attached to it is not given out"};
    if (told == WESS_TOO_BIG)
        r->text = "a file that is attached to it is larger than http.body_max lets through";
}

static enum wess_code fetch_of(struct wess_call *call, struct wess_result *r,
                               const struct ews_files *l)
{
    const struct wess_host *h = call->conn->host;
    struct wess_vec v = {.size = sizeof(struct wess_record)};
    struct ews_listed *of = l->of.of;
    bool half = false;
    for (size_t i = 0; i < l->of.n; i++) {
        struct wess_blob blob;
        enum wess_code told, rc = ews_fetch_listed(call, &of[i], &blob, &told);
        if (of[i].item && rc == WESS_OK && told == WESS_REJECTED)
            continue; /* a task, or what else has no MIME, stays where it is */
        half |= strcmp(of[i].key, of[i].name) != 0;
        if (rc == WESS_TOO_BIG || (rc == WESS_OK && told != WESS_OK)) {
            leave_out(call, r, rc == WESS_OK ? told : rc);
            return WESS_OK;
        }
        if (rc != WESS_OK)
            return rc;
        if (!wess_attached_push(h, call->arena, &v, of[i].key, of[i].name, of[i].type, &blob))
            return wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "out of memory");
    }
    return !v.n || add_files(call, r, &v, half)
               ? WESS_OK
               : wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "out of memory");
}

static enum wess_code fetch_some(struct wess_call *call, struct wess_result **of, size_t n)
{
    const char *ids[EWS_FETCH];
    struct ews_files *lists = call->conn->host->alloc(call->arena, EWS_FETCH * sizeof(*lists));
    if (!lists)
        return wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "out of memory");
    for (size_t i = 0; i < n; i++)
        ids[i] = of[i]->id;
    enum wess_code rc = ews_attach_lists(call, ids, lists, n);
    for (size_t i = 0; rc == WESS_OK && i < n; i++) {
        if (lists[i].code == WESS_OK)
            rc = fetch_of(call, of[i], &lists[i]);
        else
            *of[i] = (struct wess_result){.code = lists[i].code,
                                          .text = "its list of attached files cannot be read"};
    }
    return rc;
}

enum wess_code ews_fetch_attachments(struct wess_call *call, struct wess_result *out, size_t n)
{
    struct wess_result *some[EWS_FETCH];
    enum wess_code rc = WESS_OK;
    for (size_t at = 0; rc == WESS_OK && at < n;) {
        size_t k = 0;
        for (; at < n && k < EWS_FETCH; at++)
            if (out[at].code == WESS_OK && out[at].current)
                some[k++] = &out[at];
        if (k)
            rc = fetch_some(call, some, k);
    }
    return rc;
}
