/* The mailbox's own list of categories, from which Outlook takes their colours and offers them
 * (MS-OXOCFG 2.2.5.2.2): what an item is given is put in. Entries go before the end of the
 * document, all else stays byte for byte. Nobody compares revisions there, so it is read again
 * behind the write, and what another program made of it is told. An item never fails for it. */
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ews.h"

#define NS "CategoryList.xsd"
#define COLOURS 25u          /* 0 to 24; -1: none */
#define ENTRY_MAX 2000u      /* categories of a list that is still worked on */
#define NAME_MAX_BYTES 1024u /* of one that is put in */
#define GUID_MAX 64u
#define NEVER "1601-01-01T00:00:00.000"

/* ---- what is in it
 * ------------------------------------------------------------------------------------------ */

struct listed {
    struct wess_vec folded; /* const char *, without case */
    struct wess_vec ids;    /* struct wess_fact: as they are written, and their GUIDs */
    size_t used[COLOURS];
};

/* It stays when the category is renamed (MS-OXOCFG 2.2.5.2.2.1). */
static bool read_id(struct wess_call *call, const char *name, const char *guid, struct listed *out)
{
    const struct wess_host *h = call->conn->host;
    if (!name || !guid || !*guid || strlen(guid) > GUID_MAX || strlen(name) > NAME_MAX_BYTES)
        return true;
    char *id = wess_arena_text(h, call->arena, guid);
    struct wess_fact *slot = id ? wess_vec_push(h, call->arena, &out->ids) : NULL;
    if (slot)
        *slot = (struct wess_fact){name, id};
    return slot != NULL;
}

static bool read_one(struct wess_call *call, const xmlNode *at, struct listed *out)
{
    const struct wess_host *h = call->conn->host;
    const char *name = xml_attr(at, "name"), *color = xml_attr(at, "color");
    char *end = NULL;
    unsigned long colour =
        color && *color >= '0' && *color <= '9' ? strtoul(color, &end, 10) : COLOURS;
    if (end && !*end && colour < COLOURS)
        out->used[colour]++;
    if (!name || !*name)
        return true;
    char *text = wess_arena_text(h, call->arena, name);
    if (!read_id(call, text, xml_attr(at, "guid"), out))
        return false;
    const char **slot = text ? wess_vec_push(h, call->arena, &out->folded) : NULL;
    if (slot)
        *slot = h->fold(call->arena, text);
    return slot && *slot && out->folded.n <= ENTRY_MAX;
}

/* false: it is no such list, or more than is worked on. */
static bool read_list(struct wess_call *call, const char *xml, size_t len, struct listed *out)
{
    const char *why;
    char *copy = malloc(len + 1);
    struct xml_in *in = NULL;
    *out = (struct listed){.folded = {.size = sizeof(const char *)},
                           .ids = {.size = sizeof(struct wess_fact)}};
    if (copy) {
        memcpy(copy, xml, len);
        copy[len] = 0;
        in = xml_in_new(copy, len, &why);
    }
    const xmlNode *at = in ? xml_in_next(in, 0) : NULL;
    bool ok = xml_is(at, "categories");
    while (ok && (at = xml_in_next(in, 1)))
        ok = !xml_is(at, "category") || read_one(call, at, out);
    ok = ok && xml_in_whole(in);
    xml_in_free(in);
    free(copy);
    return ok;
}

static bool has(const struct listed *l, const char *folded)
{
    const char *const *of = l->folded.of;
    for (size_t i = 0; i < l->folded.n; i++)
        if (!strcmp(of[i], folded))
            return true;
    return false;
}

/* ---- what is put in
 * ------------------------------------------------------------------------------------------ */

struct text {
    char *data;
    size_t len, cap;
    bool spent;
};

static void add(struct text *t, const char *data, size_t len)
{
    if (!t->spent && t->len + len + 1 > t->cap) {
        size_t cap = 2 * (t->len + len + 1);
        char *more = realloc(t->data, cap);
        t->spent = !more;
        if (more) {
            t->data = more;
            t->cap = cap;
        }
    }
    if (t->spent)
        return;
    if (len)
        memcpy(t->data + t->len, data, len);
    t->len += len;
    t->data[t->len] = 0;
}

static void adds(struct text *t, const char *s)
{
    add(t, s, strlen(s));
}

static void add_value(struct text *t, const char *value)
{
    for (const char *p = value; *p; p++)
        if (*p == '&')
            adds(t, "&amp;");
        else if (*p == '<')
            adds(t, "&lt;");
        else if (*p == '"')
            adds(t, "&quot;");
        else
            add(t, p, 1);
}

/* Outlook breaks at commas, and no attribute carries a control character. */
static bool can_be_listed(const char *name)
{
    for (const char *p = name; *p; p++)
        if (*p == ',' || (unsigned char)*p < ' ' || *p == 0x7f)
            return false;
    return *name && strlen(name) <= NAME_MAX_BYTES;
}

/* The first that is used least, as Outlook picks it. */
static unsigned next_colour(struct listed *l)
{
    unsigned best = 0;
    for (unsigned i = 1; i < COLOURS; i++)
        if (l->used[i] < l->used[best])
            best = i;
    l->used[best]++;
    return best;
}

static void add_entry(struct text *t, const char *prefix, const char *name, unsigned colour)
{
    unsigned char r[16];
    char rest[256];
    t->spent |= RAND_bytes(r, sizeof(r)) != 1;
    adds(t, "<");
    adds(t, prefix);
    adds(t, "category name=\"");
    add_value(t, name);
    snprintf(rest, sizeof(rest),
             "\" color=\"%u\" keyboardShortcut=\"0\" lastTimeUsedNotes=\"" NEVER
             "\" lastSessionUsed=\"0\" lastTimeUsed=\"" NEVER "\" guid=\"{%02X%02X%02X%02X-"
             "%02X%02X-4%01X%02X-%02X%02X-%02X%02X%02X%02X%02X%02X}\"/>",
             colour, r[0], r[1], r[2], r[3], r[4], r[5], r[6] & 15u, r[7], (r[8] & 63u) | 128u,
             r[9], r[10], r[11], r[12], r[13], r[14], r[15]);
    adds(t, rest);
}

/* Where the root ends: what is before that, the prefix of its name, what is from there on. */
struct ending {
    size_t at;
    char prefix[32];
    bool open; /* it has no end tag: "<categories .../>" */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* "x:categories" at `p`, its prefix taken. The bytes behind the name; 0: it is another. */
static size_t root_name(const char *p, size_t len, struct ending *out)
{
    static const char name[] = "categories";
    size_t n = 0, room = sizeof(name) - 1;
    while (n < len && p[n] != '>' && p[n] != '/' && !is_blank(p[n]))
        n++;
    if (n < room || n - room >= sizeof(out->prefix) || memcmp(p + n - room, name, room) ||
        (n > room && p[n - room - 1] != ':'))
        return 0;
    memcpy(out->prefix, p, n - room);
    out->prefix[n - room] = 0;
    return n;
}

static bool find_end(const char *xml, size_t len, struct ending *out)
{
    size_t at = len;
    while (at && is_blank(xml[at - 1]))
        at--;
    if (at < 3 || xml[at - 1] != '>')
        return false; /* something stands behind it */
    size_t lt = at;
    while (lt && xml[lt - 1] != '<')
        lt--;
    if (!lt)
        return false;
    *out = (struct ending){.at = lt - 1};
    if (xml[lt] == '/')
        return root_name(xml + lt + 1, at - lt - 2, out) > 0;
    out->open = xml[at - 2] == '/';
    out->at = at - 2;
    return out->open && root_name(xml + lt, at - lt, out) > 0;
}

char *ews_list_with(struct wess_call *call, const char *xml, size_t len, const char *const *names,
                    size_t n, size_t *added, size_t *out_len)
{
    const struct wess_host *h = call->conn->host;
    struct listed before, after;
    struct ending end;
    struct text t = {0};
    *added = 0;
    if (!read_list(call, xml, len, &before) || !find_end(xml, len, &end))
        return NULL;
    add(&t, xml, end.at);
    adds(&t, end.open ? ">" : "");
    for (size_t i = 0; i < n; i++) {
        const char *folded = h->fold(call->arena, names[i]);
        if (!folded || !can_be_listed(names[i]) || has(&before, folded))
            continue;
        const char **slot = wess_vec_push(h, call->arena, &before.folded);
        t.spent |= !slot;
        if (slot)
            *slot = folded;
        add_entry(&t, end.prefix, names[i], next_colour(&before));
        ++*added;
    }
    adds(&t, end.open ? "</" : "");
    adds(&t, end.open ? end.prefix : "");
    adds(&t, end.open ? "categories" : "");
    add(&t, xml + end.at + (end.open ? 1 : 0), len - end.at - (end.open ? 1 : 0));
    /* What was put together is read once more before anybody gets it. */
    if (t.spent || !read_list(call, t.data, t.len, &after) || after.folded.n != before.folded.n) {
        free(t.data);
        return NULL;
    }
    *out_len = t.len;
    return t.data;
}

/* ---- asking for it, and writing it
 * ------------------------------------------------------------------------------------------ */

struct asking {
    struct wess_call *call;
    const char *const *names;
    size_t n;
    enum wess_code code;
    char *xml;
    size_t len;
    struct wess_error error;
};

static enum wess_code take_list(void *ctx, size_t i, size_t at, const xmlNode *m,
                                struct wess_error *e)
{
    struct asking *a = ctx;
    const char *text = xml_text(xml_child(xml_child(m, "UserConfiguration"), "XmlData"));
    (void)i;
    if (at)
        return WESS_OK;
    a->code = ews_message_item(m, false, e);
    a->error = *e;
    if (a->code == WESS_OK)
        a->xml = ews_from_base64(text, &a->len);
    *e = (struct wess_error){0};
    return WESS_OK;
}

static enum wess_code take_done(void *ctx, size_t i, size_t at, const xmlNode *m,
                                struct wess_error *e)
{
    struct asking *a = ctx;
    (void)i;
    if (at)
        return WESS_OK;
    a->code = ews_message_item(m, true, e);
    a->error = *e;
    *e = (struct wess_error){0};
    return WESS_OK;
}

void ews_ask_list(struct wess_call *call, struct xml_out *x)
{
    const struct wess_conn *c = call->conn;
    ews_begin(c, x, c->impersonate);
    xml_open(x, "m:GetUserConfiguration");
    xml_open(x, "m:UserConfigurationName");
    xml_put_attr(x, "Name", "CategoryList");
    ews_distinguished(c, x, "calendar");
    xml_close(x);
    xml_element(x, "m:UserConfigurationProperties", "XmlData");
}

static void get_list(struct asking *a)
{
    const struct ews_taker taker = {.ctx = a, .message = take_list};
    struct xml_out x;
    free(a->xml);
    a->xml = NULL;
    a->code = WESS_TRANSIENT;
    ews_ask_list(a->call, &x);
    enum wess_code rc = ews_ask(a->call, &x, false, &taker);
    if (rc != WESS_OK) {
        a->code = rc;
        a->error = a->call->error;
    }
}

static char *to_base64(const char *data, size_t len)
{
    unsigned char *out = len < INT32_MAX / 2 ? malloc((len + 2) / 3 * 4 + 1) : NULL;
    if (out)
        EVP_EncodeBlock(out, (const unsigned char *)data, (int)len);
    return (char *)out;
}

static void put_list(struct asking *a, const char *op, const char *xml, size_t len)
{
    const struct ews_taker taker = {.ctx = a, .message = take_done};
    const struct wess_conn *c = a->call->conn;
    struct xml_out x;
    char *text = to_base64(xml, len);
    a->code = WESS_UNKNOWN;
    ews_begin(c, &x, c->impersonate);
    xml_open(&x, op);
    xml_open(&x, "m:UserConfiguration");
    xml_open(&x, "t:UserConfigurationName");
    xml_put_attr(&x, "Name", "CategoryList");
    ews_distinguished(c, &x, "calendar");
    xml_close(&x);
    x.bad |= !text;
    xml_element(&x, "t:XmlData", text ? text : "");
    free(text);
    enum wess_code rc = ews_ask(a->call, &x, true, &taker);
    if (rc != WESS_OK) {
        a->code = rc;
        a->error = a->call->error;
    }
}

static void tell(const struct asking *a, const char *what)
{
    const struct wess_host *h = a->call->conn->host;
    h->log(h->ctx, WESS_LOG_WARN, "%s%s%s; items bear their categories all the same", what,
           a->error.remote_code[0] ? ": " : "", a->error.remote_code);
}

/* Whether all of them are in it. */
static bool are_listed(const struct asking *a)
{
    const struct wess_host *h = a->call->conn->host;
    struct listed l;
    if (!a->xml || !read_list(a->call, a->xml, a->len, &l))
        return false;
    for (size_t i = 0; i < a->n; i++) {
        const char *folded = h->fold(a->call->arena, a->names[i]);
        if (!folded || (can_be_listed(a->names[i]) && !has(&l, folded)))
            return false;
    }
    return true;
}

static void put_in(struct asking *a)
{
    static const char empty[] =
        "<?xml version=\"1.0\"?><categories default=\"\" "
        "lastSavedSession=\"0\" lastSavedTime=\"" NEVER "\" xmlns=\"" NS "\"></categories>";
    size_t added = 0, len = 0;
    get_list(a);
    bool none = a->code == WESS_GONE;
    if (!none && (a->code != WESS_OK || !a->xml)) {
        tell(a, "the mailbox's list of categories cannot be read");
        return;
    }
    char *xml = ews_list_with(a->call, none ? empty : a->xml, none ? sizeof(empty) - 1 : a->len,
                              a->names, a->n, &added, &len);
    if (!xml)
        tell(a, "the mailbox's list of categories is none that could be written");
    if (xml && added) {
        put_list(a, none ? "m:CreateUserConfiguration" : "m:UpdateUserConfiguration", xml, len);
        if (a->code != WESS_OK) {
            tell(a, "the mailbox's list of categories cannot be written");
        } else {
            get_list(a);
            if (!are_listed(a))
                tell(a, "another program wrote the mailbox's list of categories at the same time, "
                        "and what was put in is not there");
        }
    }
    free(xml);
}

/* ---- which ones
 * ------------------------------------------------------------------------------------------ */

static bool is_in(const char *const *of, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(of[i], name))
            return true;
    return false;
}

/* Looked for once a connection, whatever came of it. false: it was, or there are too many. */
static bool is_new(struct wess_conn *c, const char *name)
{
    if (c->n_listed >= EWS_LISTED || is_in((const char *const *)c->listed, c->n_listed, name))
        return false;
    c->listed[c->n_listed] = strdup(name);
    return c->listed[c->n_listed] && ++c->n_listed;
}

static void collect(struct wess_call *call, const struct wess_op *op, struct wess_vec *names)
{
    const struct wess_field *now = ews_field_of(&op->item, "categories");
    const struct wess_field *had = ews_field_of(op->before, "categories");
    for (size_t i = 0; now && now->type == WESS_SET && i < now->set.n; i++) {
        const char *name = now->set.of[i];
        if (had && had->type == WESS_SET && is_in(had->set.of, had->set.n, name))
            continue;
        const char **slot =
            is_new(call->conn, name) ? wess_vec_push(call->conn->host, call->arena, names) : NULL;
        if (slot)
            *slot = name;
    }
}

void ews_list_categories(struct wess_call *call, const struct wess_op *ops, size_t n,
                         const struct wess_result *out)
{
    struct wess_vec names = {.size = sizeof(const char *)};
    const struct wess_error before = call->error;
    for (size_t i = 0; i < n; i++)
        if (ops[i].what != WESS_DELETE && out[i].code == WESS_OK)
            collect(call, &ops[i], &names);
    struct asking a = {.call = call, .names = names.of, .n = names.n};
    if (!a.n)
        return;
    put_in(&a);
    free(a.xml);
    call->error = before;
}

/* A list that is not there, or that cannot be read, says nothing. */
enum wess_code ews_tags(struct wess_call *call, const struct wess_fact **out, size_t *n)
{
    struct asking a = {.call = call};
    struct listed l;
    get_list(&a);
    if (a.xml && read_list(call, a.xml, a.len, &l)) {
        *out = l.ids.of;
        *n = l.ids.n;
    }
    free(a.xml);
    return a.code == WESS_GONE || a.code == WESS_REJECTED ? WESS_OK : a.code;
}
