/* Looking for items by their keys in the whole mailbox: FindItem over every folder of their kind,
 * and the bin. The server's comparing is only a sieve; what it lets through is compared again by
 * the keys that the item has. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ews.h"
#include "keys.h"

#define HITS "200"       /* of one folder; with a restriction Exchange gives 250 at most */
#define NODES_MAX 240u   /* of the 255 that a restriction may have */
#define SPLITS_MAX 4u    /* places where a full name may be cut into given and family name */
#define SPELLINGS_MAX 3u /* of a name with "ss", which may be written with a sharp s */

struct finding {
    struct wess_call *call;
    const struct wess_key *keys;
    size_t n;
    struct wess_vec found;    /* struct wess_change */
    struct wess_vec doubtful; /* ids that were hit, and show too little to be compared */
    const struct ews_folder *asked[EWS_LANES];
    bool whole, by_mail, by_stamp;
};
struct doubt {
    const char *id;
    const struct ews_folder *folder;
};

/* ---- the restriction
 * ------------------------------------------------------------------------------------------ */

/* Written twice: once to count nodes, with x NULL, once to write. */
struct ews_sieve {
    struct wess_call *call;
    struct xml_out *x;
    size_t nodes;
    bool spent;
};

static void open_node(struct ews_sieve *s, const char *name)
{
    s->nodes++;
    if (s->x)
        xml_open(s->x, name);
}

static void close_node(struct ews_sieve *s)
{
    if (s->x)
        xml_close(s->x);
}

void ews_sieve_text(struct ews_sieve *s, const char *uri, const char *index, const char *value)
{
    struct xml_out *x = s->x;
    open_node(s, "t:Contains");
    if (!x)
        return;
    xml_put_attr(x, "ContainmentMode", "FullString");
    xml_put_attr(x, "ContainmentComparison", "IgnoreCase");
    xml_open(x, index ? "t:IndexedFieldURI" : "t:FieldURI");
    xml_put_attr(x, "FieldURI", uri);
    if (index)
        xml_put_attr(x, "FieldIndex", index);
    xml_close(x);
    xml_open(x, "t:Constant");
    xml_put_attr(x, "Value", value);
    xml_close(x);
    close_node(s);
}

static void equals_stamp(struct ews_sieve *s, const char *stamp)
{
    struct xml_out *x = s->x;
    open_node(s, "t:IsEqualTo");
    if (!x)
        return;
    ews_path_stamp(x);
    xml_open(x, "t:FieldURIOrConstant");
    xml_open(x, "t:Constant");
    xml_put_attr(x, "Value", stamp);
    xml_close(x);
    xml_close(x);
    close_node(s);
}

/* Folding made a sharp s into "ss", and a server that only ignores case does not undo that. */
static void spelt(struct ews_sieve *s, const char *uri, const char *name)
{
    const struct wess_host *h = s->call->conn->host;
    const char *at = name;
    ews_sieve_text(s, uri, NULL, name);
    for (size_t i = 0; i < SPELLINGS_MAX && (at = strstr(at, "ss")); i++, at += 2) {
        char *other =
            wess_arena_fmt(h, s->call->arena, "%.*s\u00df%s", (int)(at - name), name, at + 2);
        s->spent |= !other;
        if (other)
            ews_sieve_text(s, uri, NULL, other);
    }
}

/* The key "fn" is given and family name where there are both, else the name shown. */
static void named(struct ews_sieve *s, const char *name)
{
    const struct wess_host *h = s->call->conn->host;
    const char *space = name;
    spelt(s, "contacts:DisplayName", name);
    if (!strchr(name, ' ')) {
        spelt(s, "contacts:Surname", name);
        spelt(s, "contacts:GivenName", name);
    }
    for (size_t i = 0; i < SPLITS_MAX && (space = strchr(space, ' ')); i++, space++) {
        char *given = wess_arena_textn(h, s->call->arena, name, (size_t)(space - name));
        s->spent |= !given;
        if (!given)
            return;
        open_node(s, "t:And");
        open_node(s, "t:Or");
        spelt(s, "contacts:GivenName", given);
        ews_sieve_text(s, "contacts:GivenName", NULL, given); /* an Or has two at least */
        close_node(s);
        open_node(s, "t:Or");
        spelt(s, "contacts:Surname", space + 1);
        ews_sieve_text(s, "contacts:Surname", NULL, space + 1);
        close_node(s);
        close_node(s);
    }
}

void ews_search_contact(struct ews_sieve *s, const char *space, const char *value)
{
    static const char *const places[] = {"EmailAddress1", "EmailAddress2", "EmailAddress3"};
    if (!strncmp(space, "fn", 2)) {
        named(s, value);
        return;
    }
    for (size_t i = 0; i < 3; i++)
        ews_sieve_text(s, "contacts:EmailAddress", places[i], value);
}

void ews_search_summary(struct ews_sieve *s, const char *space, const char *value)
{
    (void)space;
    spelt(s, "item:Subject", value);
}

/* MS-OXOCAL 2.2.1.27: what Outlook makes is such an id in hexadecimal; any other UID is wrapped. */
static bool is_outlooks(const char *uid)
{
    size_t len = strlen(uid);
    return len % 2 == 0 && len > 32 && !strncmp(uid, "040000008200e000", 16) &&
           strspn(uid, "0123456789abcdef") == len;
}

static size_t global_id(const char *uid, unsigned char *out)
{
    static const unsigned char head[] = {4,    0,    0,    0,    0x82, 0,    0xe0, 0,
                                         0x74, 0xc5, 0xb7, 0x10, 0x1a, 0x82, 0xe0, 8};
    size_t len = strlen(uid), n = 0;
    unsigned byte;
    if (is_outlooks(uid)) {
        for (; n < len / 2 && sscanf(uid + 2 * n, "%2x", &byte) == 1; n++)
            out[n] = (unsigned char)byte;
        return n;
    }
    memcpy(out, head, sizeof(head));
    memset(out + 16, 0, 24);
    out[36] = (unsigned char)(len + 13);
    out[37] = (unsigned char)((len + 13) >> 8);
    memcpy(out + 40, "vCal-Uid\1\0\0", 12);
    memcpy(out + 52, uid, len + 1);
    return 53 + len;
}

static char *base64(struct ews_sieve *s, const unsigned char *in, size_t n)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *out = s->call->conn->host->alloc(s->call->arena, (n + 2) / 3 * 4 + 1), *at = out;
    for (size_t i = 0; out && i < n; i += 3) {
        unsigned v = (unsigned)in[i] << 16 | (i + 1 < n ? (unsigned)in[i + 1] << 8 : 0u) |
                     (i + 2 < n ? in[i + 2] : 0u);
        *at++ = letters[v >> 18 & 63];
        *at++ = letters[v >> 12 & 63];
        *at++ = i + 1 < n ? letters[v >> 6 & 63] : '=';
        *at++ = i + 2 < n ? letters[v & 63] : '=';
    }
    return out;
}

/* calendar:UID cannot be searched for; the property that it is made of can, and it is the same of
 * all occurrences of a series: the key's moment is left out, and looked at in what is found. */
static void by_uid(struct ews_sieve *s, const char *key)
{
    char *uid = wess_arena_text(s->call->conn->host, s->call->arena, key);
    char *moment = uid ? strrchr(uid, '|') : NULL;
    if (moment && strspn(moment + 1, "0123456789-") == strlen(moment + 1))
        *moment = 0;
    unsigned char *id = uid ? s->call->conn->host->alloc(s->call->arena, strlen(uid) + 64) : NULL;
    char *text = id ? base64(s, id, global_id(uid, id)) : NULL;
    s->spent |= !text;
    open_node(s, "t:IsEqualTo");
    if (!s->x || !text)
        return;
    xml_open(s->x, "t:ExtendedFieldURI");
    xml_put_attr(s->x, "DistinguishedPropertySetId", "Meeting");
    xml_put_attr(s->x, "PropertyId", "35"); /* PidLidCleanGlobalObjectId */
    xml_put_attr(s->x, "PropertyType", "Binary");
    xml_close(s->x);
    xml_open(s->x, "t:FieldURIOrConstant");
    xml_open(s->x, "t:Constant");
    xml_put_attr(s->x, "Value", text);
    xml_close(s->x);
    xml_close(s->x);
    close_node(s);
}

void ews_search_event(struct ews_sieve *s, const char *space, const char *value)
{
    if (!strcmp(space, "uid"))
        by_uid(s, value);
    else
        ews_search_summary(s, space, value);
}

static void put_key(struct ews_sieve *s, const struct wess_key *k)
{
    const struct wess_host *h = s->call->conn->host;
    const char *bar = strchr(k->space, '+') ? strrchr(k->id, '|') : NULL;
    char *value =
        wess_arena_textn(h, s->call->arena, k->id, bar ? (size_t)(bar - k->id) : strlen(k->id));
    s->spent |= !value;
    if (!value)
        return;
    if (!strcmp(k->space, "wess"))
        equals_stamp(s, value);
    else
        ews_kind_of(s->call)->search(s, k->space, value);
}

static size_t nodes_of(struct finding *f)
{
    struct ews_sieve s = {.call = f->call, .nodes = 1};
    for (size_t i = 0; i < f->n; i++)
        put_key(&s, &f->keys[i]);
    return s.spent ? NODES_MAX + 1 : s.nodes;
}

static bool ask_find(struct finding *f, struct xml_out *x, const char *folder)
{
    const struct wess_conn *c = f->call->conn;
    struct ews_sieve s = {.call = f->call, .x = x};
    ews_begin(c, x, c->impersonate);
    xml_open(x, "m:FindItem");
    xml_put_attr(x, "Traversal", "Shallow");
    ews_shape(x, ews_kind_of(f->call), false, false, false);
    xml_open(x, "m:IndexedPageItemView");
    xml_put_attr(x, "MaxEntriesReturned", HITS);
    xml_put_attr(x, "Offset", "0");
    xml_put_attr(x, "BasePoint", "Beginning");
    xml_close(x);
    xml_open(x, "m:Restriction");
    bool several = nodes_of(f) > 2;
    if (several)
        open_node(&s, "t:Or");
    for (size_t i = 0; i < f->n; i++)
        put_key(&s, &f->keys[i]);
    if (several)
        close_node(&s);
    xml_close(x);
    xml_open(x, "m:ParentFolderIds");
    xml_open(x, "t:FolderId");
    xml_put_attr(x, "Id", folder);
    xml_close(x);
    xml_close(x);
    xml_close(x);
    return !s.spent;
}

/* ---- hits
 * ------------------------------------------------------------------------------------------ */

static enum wess_code spent(struct wess_error *e)
{
    return wess_fail(e, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "too much was found");
}

static bool has_key(const struct wess_item *item, const char *space)
{
    for (size_t i = 0; i < item->n_keys; i++)
        if (!strcmp(item->keys[i].space, space))
            return true;
    return false;
}

static enum wess_code keep(struct finding *f, const struct ews_folder *folder,
                           struct wess_item *item, struct wess_error *e)
{
    struct wess_change *c = wess_vec_push(f->call->conn->host, f->call->arena, &f->found);
    if (!c)
        return spent(e);
    item->folder = wess_arena_text(f->call->conn->host, f->call->arena, folder->path);
    if (!item->folder)
        return spent(e);
    item->flags |= folder->place == EWS_BIN         ? WESS_ITEM_TRASHED
                   : folder->place == EWS_ELSEWHERE ? WESS_ITEM_OUTSIDE
                                                    : 0u;
    *c = (struct wess_change){.what = WESS_UPSERT, .item = *item};
    return WESS_OK;
}

static enum wess_code take_hit(void *ctx, size_t i, const xmlNode *n, struct wess_error *e)
{
    struct finding *f = ctx;
    struct wess_item item;
    if (!xml_is(n, ews_kind_of(f->call)->element))
        return WESS_OK;
    enum wess_code rc = ews_item(f->call, n, false, &item);
    if (rc != WESS_OK)
        return rc == WESS_REJECTED ? WESS_OK : spent(e);
    if (wess_bears_any(&item, f->keys, f->n))
        return keep(f, f->asked[i], &item, e);
    /* FindItem may leave out addresses and cuts long values: read before it is believed. */
    if ((f->by_mail && !has_key(&item, "email")) || (f->by_stamp && !has_key(&item, "wess"))) {
        struct doubt *d = wess_vec_push(f->call->conn->host, f->call->arena, &f->doubtful);
        if (!d)
            return spent(e);
        *d = (struct doubt){item.id, f->asked[i]};
    }
    return WESS_OK;
}

static enum wess_code take_end(void *ctx, size_t i, size_t at, const xmlNode *m,
                               struct wess_error *e)
{
    struct finding *f = ctx;
    const char *last = xml_attr(xml_child(m, "RootFolder"), "IncludesLastItemInRange");
    enum wess_code rc = ews_message(m, false, e);
    (void)at;
    /* A folder that went away since it was listed holds nothing; not one that is read. */
    if (rc == WESS_GONE && f->asked[i]->place != EWS_READ)
        return WESS_OK;
    f->whole &= last && (!strcmp(last, "true") || !strcmp(last, "1"));
    return rc;
}

static void end_find(void *ctx, size_t i, struct ews_answer *a)
{
    (void)ctx;
    (void)i;
    if (a->code == WESS_OK && !a->n)
        a->code = wess_fail(&a->error, WESS_TRANSIENT, WESS_OF_COLLECTION, NULL,
                            "the answer to a search is not there");
}

static enum wess_code find_in(struct finding *f, const struct ews_folder *of, size_t n)
{
    const struct ews_taker taker = {
        .ctx = f, .list = "Items", .part = take_hit, .message = take_end, .done = end_find};
    struct xml_out x[EWS_LANES];
    bool ok = true;
    for (size_t i = 0; i < n; i++) {
        f->asked[i] = &of[i];
        ok &= ask_find(f, &x[i], of[i].id);
    }
    enum wess_code rc = ok ? ews_send(f->call, x, n, false, 0, &taker) : spent(&f->call->error);
    for (size_t i = 0; i < n; i++)
        xml_fini(&x[i]);
    return rc;
}

/* ---- those in doubt
 * ------------------------------------------------------------------------------------------ */

struct reading {
    struct finding *f;
    const struct doubt *of;
    size_t n;
};

static enum wess_code take_doubt(void *ctx, size_t i, size_t at, const xmlNode *m,
                                 struct wess_error *e)
{
    struct reading *r = ctx;
    struct finding *f = r->f;
    const xmlNode *contact = xml_first(xml_child(m, "Items"));
    struct wess_item item;
    enum wess_code rc = ews_message_item(m, false, e);
    (void)i;
    if (rc == WESS_GONE || at >= r->n)
        return WESS_OK;
    if (rc != WESS_OK || !xml_is(contact, ews_kind_of(f->call)->element))
        return rc;
    rc = ews_item(f->call, contact, false, &item);
    if (rc != WESS_OK)
        return rc == WESS_REJECTED ? WESS_OK : spent(e);
    return wess_bears_any(&item, f->keys, f->n) ? keep(f, r->of[at].folder, &item, e) : WESS_OK;
}

/* What was not looked at may be the one that is looked for. */
static void end_doubt(void *ctx, size_t i, struct ews_answer *a)
{
    const struct reading *r = ctx;
    (void)i;
    ews_each_answered(a, r->n);
}

static enum wess_code read_doubtful(struct finding *f)
{
    const struct wess_conn *c = f->call->conn;
    const struct doubt *of = f->doubtful.of;
    enum wess_code rc = WESS_OK;
    for (size_t at = 0; rc == WESS_OK && at < f->doubtful.n; at += EWS_FETCH) {
        size_t left = f->doubtful.n - at;
        struct reading r = {f, of + at, left < EWS_FETCH ? left : EWS_FETCH};
        const struct ews_taker taker = {.ctx = &r, .message = take_doubt, .done = end_doubt};
        struct xml_out x;
        ews_begin(c, &x, c->impersonate);
        xml_open(&x, "m:GetItem");
        ews_shape(&x, ews_kind_of(f->call), false, false, false);
        xml_open(&x, "m:ItemIds");
        for (size_t i = at; i < at + r.n; i++)
            ews_item_id(&x, of[i].id, NULL);
        xml_close(&x);
        xml_close(&x);
        rc = ews_ask(f->call, &x, false, &taker);
    }
    return rc;
}

/* A key has no capitals, and the search looks at them: of a UID that others made, not found is not
 * known. */
static bool is_unclear(const struct finding *f, const struct wess_key *key)
{
    const struct wess_change *of = f->found.of;
    if (strcmp(key->space, "uid") || is_outlooks(key->id))
        return false;
    for (size_t i = 0; i < f->found.n; i++)
        if (wess_bears_any(&of[i].item, key, 1))
            return false;
    return true;
}

enum wess_code ews_find(struct wess_call *call, const struct wess_key *keys, size_t n,
                        struct wess_page *out)
{
    const struct ews_tree *t = ews_tree_of(call);
    struct finding f = {.call = call,
                        .keys = keys,
                        .n = n,
                        .whole = true,
                        .found = {.size = sizeof(struct wess_change)},
                        .doubtful = {.size = sizeof(struct doubt)}};
    size_t lanes = call->lanes && call->lanes < EWS_LANES ? call->lanes : EWS_LANES;
    *out = (struct wess_page){.flags = n ? 0u : WESS_PAGE_LAST};
    if (!n)
        return WESS_OK;
    for (size_t i = 0; i < n; i++) {
        f.by_mail |= !strncmp(keys[i].space, "email", 5);
        f.by_stamp |= !strcmp(keys[i].space, "wess");
    }
    if (nodes_of(&f) > NODES_MAX) /* too many keys: the core halves them */
        return n > 1 ? WESS_OK : spent(&call->error);
    enum wess_code rc = ews_folders(call, true);
    for (size_t at = 0; rc == WESS_OK && at < t->n_folders; at += lanes)
        rc = find_in(&f, t->folders + at, t->n_folders - at < lanes ? t->n_folders - at : lanes);
    if (rc == WESS_OK)
        rc = read_doubtful(&f);
    for (size_t i = 0; i < n; i++)
        f.whole &= !is_unclear(&f, &keys[i]);
    *out = (struct wess_page){
        .changes = f.found.of, .n = f.found.n, .flags = f.whole ? WESS_PAGE_LAST : 0};
    return rc;
}
