/* Reading: SyncFolderItems one at a time, GetItem side by side, FindItem to look for keys. */
#include <stdlib.h>
#include <string.h>

#include "ews.h"

#define FIND_MOST 200u  /* hits of one look-up */
#define FIND_NODES 240u /* of 255 that a restriction may have */
#define BATCH_LEAST 10u

/* ---- the cursor: "2 MODE AT\n" and a line a folder, "ID STATE\n"
 * ------------------------------------------------- */

struct cursor {
    bool snapshot;
    size_t at;                          /* the folder being read */
    const char *state[EWS_FOLDERS_MAX]; /* by place in conn->folders; NULL: from its start */
};

static enum wess_code read_cursor(struct wess_call *call, struct wess_slice in, struct cursor *c)
{
    const struct wess_conn *conn = call->conn;
    char *text = wess_arena_textn(conn->host, call->arena, in.data, in.len), *rest = text, *line;
    *c = (struct cursor){.snapshot = true};
    if (!in.len)
        return WESS_OK;
    if (!text)
        return WESS_TOO_BIG;
    line = strsep(&rest, "\n");
    if (strncmp(line, "2 s ", 4) && strncmp(line, "2 d ", 4))
        return wess_fail(&call->error, WESS_RESET, WESS_OF_COLLECTION, NULL, "unknown cursor");
    c->snapshot = line[2] == 's';
    c->at = strtoul(line + 4, NULL, 10);
    while (rest && (line = strsep(&rest, "\n"))) {
        char *space = strchr(line, ' ');
        if (!space)
            continue;
        *space = 0;
        for (size_t i = 0; i < conn->n_folders; i++)
            if (!strcmp(conn->folders[i].id, line))
                c->state[i] = space + 1;
    }
    if (c->at >= conn->n_folders)
        c->at = 0;
    return WESS_OK;
}

static bool write_cursor(struct wess_call *call, const struct cursor *c, struct wess_slice *out)
{
    const struct wess_conn *conn = call->conn;
    size_t len = 64;
    for (size_t i = 0; i < conn->n_folders; i++)
        len += c->state[i] ? strlen(conn->folders[i].id) + strlen(c->state[i]) + 2 : 0;
    char *text = conn->host->alloc(call->arena, len), *at = text;
    if (!text)
        return false;
    at += sprintf(at, "2 %c %zu\n", c->snapshot ? 's' : 'd', c->at);
    for (size_t i = 0; i < conn->n_folders; i++)
        if (c->state[i])
            at += sprintf(at, "%s %s\n", conn->folders[i].id, c->state[i]);
    *out = (struct wess_slice){text, (size_t)(at - text)};
    return true;
}

/* ---- SyncFolderItems
 * -------------------------------------------------------------------------------------------- */

struct syncing {
    struct wess_call *call;
    const struct ews_folder *folder;
    struct wess_vec changes;
    const char *state;
    bool last;
};

static enum wess_code take_change(struct syncing *s, const xmlNode *n)
{
    struct wess_call *call = s->call;
    const struct wess_host *h = call->conn->host;
    const xmlNode *what = xml_first(n);
    const char *parent = xml_attr(xml_child(what, "ParentFolderId"), "Id");
    bool deletion = xml_is(n, "Delete");
    if (!deletion && !xml_is(what, "Contact"))
        return WESS_OK; /* distribution lists and whatever else lies there */
    struct wess_change *c = wess_vec_push(h, call->arena, &s->changes);
    if (!c)
        return WESS_TOO_BIG;
    c->what = deletion ? WESS_DELETE : WESS_UPSERT;
    if (deletion) {
        c->item.id = wess_arena_text(h, call->arena, xml_attr(what, "Id"));
        if (!c->item.id)
            return wess_fail(&call->error, WESS_BROKEN, WESS_OF_COLLECTION, NULL,
                             "a deletion came without an id");
        return WESS_OK;
    }
    enum wess_code rc = ews_item(call, what, false, &c->item);
    c->item.folder = s->folder->path;
    /* An update that shows another folder is a move away. */
    if (rc == WESS_OK && parent && strcmp(parent, s->folder->id)) {
        c->what = WESS_DELETE;
        c->item = (struct wess_item){.id = c->item.id};
    }
    return rc;
}

static enum wess_code take_page(void *ctx, size_t i, const struct ews_answer *a)
{
    struct syncing *s = ctx;
    const xmlNode *m = xml_first(a->messages);
    (void)i;
    if (a->code != WESS_OK)
        return a->code;
    enum wess_code rc = ews_message(m, false, &s->call->error);
    if (rc != WESS_OK)
        return rc;
    const char *state = xml_text(xml_child(m, "SyncState"));
    const char *last = xml_text(xml_child(m, "IncludesLastItemInRange"));
    s->state = state && *state ? wess_arena_text(s->call->conn->host, s->call->arena, state) : NULL;
    s->last = last && (!strcmp(last, "true") || !strcmp(last, "1"));
    if (!s->state || !last)
        return wess_fail(&s->call->error, WESS_TRANSIENT, WESS_OF_COLLECTION, NULL,
                         "the list of changes is not whole");
    for (const xmlNode *n = xml_first(xml_child(m, "Changes")); n && rc == WESS_OK; n = xml_next(n))
        if (!xml_is(n, "ReadFlagChange"))
            rc = take_change(s, n);
    return rc;
}

static void ask_page(struct wess_conn *c, struct xml_out *x, const struct ews_folder *f,
                     const char *state, uint32_t limit)
{
    char number[16];
    snprintf(number, sizeof(number), "%u", limit < EWS_PAGE ? limit : EWS_PAGE);
    ews_begin(c, x, c->impersonate);
    xml_open(x, "m:SyncFolderItems");
    ews_shape(x, false);
    xml_open(x, "m:SyncFolderId");
    xml_open(x, "t:FolderId");
    xml_put_attr(x, "Id", f->id);
    xml_close(x);
    xml_close(x);
    if (state)
        xml_element(x, "m:SyncState", state);
    xml_element(x, "m:MaxChangesReturned", number);
    xml_close(x);
}

enum wess_code ews_changes(struct wess_call *call, struct wess_slice in, uint32_t limit,
                           struct wess_page *out)
{
    struct wess_conn *c = call->conn;
    struct cursor at;
    struct xml_out x;
    struct syncing s = {.call = call, .changes = {.size = sizeof(struct wess_change)}};
    enum wess_code rc = ews_folders(call);
    if (rc == WESS_OK)
        rc = read_cursor(call, in, &at);
    if (rc != WESS_OK)
        return rc;
    s.folder = &c->folders[at.at];
    ask_page(c, &x, s.folder, at.state[at.at], limit);
    rc = ews_send(call, &x, 1, false, take_page, &s);
    xml_fini(&x);
    if (rc != WESS_OK)
        return rc;
    at.state[at.at] = s.state;
    at.at += s.last;
    bool over = at.at == c->n_folders;
    out->flags = (at.snapshot ? WESS_PAGE_SNAPSHOT : 0u) | (over ? WESS_PAGE_LAST : 0u);
    if (over) {
        at.at = 0;
        at.snapshot = false;
    }
    out->changes = s.changes.of;
    out->n = s.changes.n;
    return write_cursor(call, &at, &out->next) ? WESS_OK : WESS_TOO_BIG;
}

/* ---- GetItem
 * -----------------------------------------------------------------------------------------------------
 */

struct getting {
    struct wess_call *call;
    const char *const *ids;
    struct wess_result *out;
    size_t each, n; /* ids of one request; of all */
};

static enum wess_code take_item(struct wess_call *call, const xmlNode *m, struct wess_result *r)
{
    struct wess_error e = {0};
    const xmlNode *contact = xml_first(xml_child(m, "Items"));
    r->code = ews_message(m, false, &e);
    if (r->code != WESS_OK) {
        r->remote_code = wess_arena_text(call->conn->host, call->arena, e.remote_code);
        r->text = wess_arena_text(call->conn->host, call->arena, e.text);
        /* Trouble of more than the item is trouble of the call. */
        if (r->code == WESS_THROTTLED || r->code == WESS_TRANSIENT || r->code == WESS_AUTH) {
            call->error = e;
            return r->code;
        }
        return WESS_OK;
    }
    struct wess_item *item = call->conn->host->alloc(call->arena, sizeof(*item));
    if (!item)
        return WESS_TOO_BIG;
    if (!xml_is(contact, "Contact")) {
        r->code = WESS_REJECTED;
        r->text = "it is no contact any more";
        return WESS_OK;
    }
    enum wess_code rc = ews_item(call, contact, true, item);
    r->id = item->id;
    r->revision = item->revision;
    r->current = item;
    return rc;
}

static enum wess_code take_items(void *ctx, size_t i, const struct ews_answer *a)
{
    struct getting *g = ctx;
    size_t at = i * g->each, end = at + g->each < g->n ? at + g->each : g->n;
    if (a->code != WESS_OK)
        return a->code;
    const xmlNode *m = xml_first(a->messages);
    enum wess_code rc = WESS_OK;
    for (; at < end && m && rc == WESS_OK; at++, m = xml_next(m))
        rc = take_item(g->call, m, &g->out[at]);
    if (rc == WESS_OK && (at < end || m))
        return wess_fail(&g->call->error, WESS_TRANSIENT, WESS_OF_COLLECTION, NULL,
                         "Exchange answered for another number of items");
    return rc;
}

static void put_id(struct xml_out *x, const char *id)
{
    xml_open(x, "t:ItemId");
    xml_put_attr(x, "Id", id);
    xml_close(x);
}

static enum wess_code get_some(struct getting *g)
{
    struct xml_out x[EWS_LANES];
    struct wess_conn *c = g->call->conn;
    size_t n = 0;
    for (size_t at = 0; at < g->n; at += g->each, n++) {
        ews_begin(c, &x[n], c->impersonate);
        xml_open(&x[n], "m:GetItem");
        ews_shape(&x[n], true);
        xml_open(&x[n], "m:ItemIds");
        for (size_t i = at; i < at + g->each && i < g->n; i++)
            put_id(&x[n], g->ids[i]);
        xml_close(&x[n]);
        xml_close(&x[n]);
    }
    uint64_t before = g->call->bytes_in;
    enum wess_code rc = ews_send(g->call, x, n, false, take_items, g);
    size_t mean = n ? (size_t)(g->call->bytes_in - before) / n : 0;
    /* Batches are bounded by what an answer weighs. */
    if (rc == WESS_TOO_BIG || mean > EWS_ANSWER_BYTES)
        c->batch = c->batch / 2 > BATCH_LEAST ? c->batch / 2 : BATCH_LEAST;
    for (size_t i = 0; i < n; i++)
        xml_fini(&x[i]);
    return rc;
}

enum wess_code ews_fetch(struct wess_call *call, struct wess_list ids, struct wess_result *out)
{
    enum wess_code rc = WESS_OK;
    uint32_t lanes = call->lanes < EWS_LANES ? call->lanes : EWS_LANES;
    for (size_t at = 0; at < ids.n && rc == WESS_OK;) {
        struct getting g = {.call = call, .ids = ids.of + at, .out = out + at};
        size_t left = ids.n - at;
        g.each = call->conn->batch;
        g.n = g.each * (lanes ? lanes : 1) < left ? g.each * (lanes ? lanes : 1) : left;
        rc = get_some(&g);
        at += g.n;
    }
    return rc;
}

/* ---- FindItem
 * ------------------------------------------------------------------------------------------------------
 */

static void contains(struct xml_out *x, const char *uri, const char *index, const char *value)
{
    xml_open(x, "t:Contains");
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
    xml_close(x);
}

static void equals_stamp(struct xml_out *x, const char *stamp)
{
    xml_open(x, "t:IsEqualTo");
    ews_path_stamp(x);
    xml_open(x, "t:FieldURIOrConstant");
    xml_open(x, "t:Constant");
    xml_put_attr(x, "Value", stamp);
    xml_close(x);
    xml_close(x);
    xml_close(x);
}

static size_t nodes_of(const struct wess_key *k)
{
    return !strncmp(k->space, "email", 5) ? 3 : 1;
}

static void put_key(struct wess_call *call, struct xml_out *x, const struct wess_key *k)
{
    static const char *const places[] = {"EmailAddress1", "EmailAddress2", "EmailAddress3"};
    const char *bar = strchr(k->space, '+') ? strrchr(k->id, '|') : NULL;
    char *value = wess_arena_textn(call->conn->host, call->arena, k->id,
                                   bar ? (size_t)(bar - k->id) : strlen(k->id));
    if (!value) {
        x->bad = true;
    } else if (!strcmp(k->space, "wess")) {
        equals_stamp(x, value);
    } else if (!strncmp(k->space, "email", 5)) {
        for (size_t i = 0; i < 3; i++)
            contains(x, "contacts:EmailAddress", places[i], value);
    } else {
        contains(x, "contacts:DisplayName", NULL, value);
    }
}

static void ask_find(struct wess_call *call, struct xml_out *x, const char *folder,
                     const struct wess_key *keys, size_t n)
{
    size_t nodes = 0;
    for (size_t i = 0; i < n; i++)
        nodes += nodes_of(&keys[i]);
    ews_begin(call->conn, x, call->conn->impersonate);
    xml_open(x, "m:FindItem");
    xml_put_attr(x, "Traversal", "Shallow");
    ews_shape(x, false);
    xml_open(x, "m:IndexedPageItemView");
    xml_put_attr(x, "MaxEntriesReturned", "200");
    xml_put_attr(x, "Offset", "0");
    xml_put_attr(x, "BasePoint", "Beginning");
    xml_close(x);
    xml_open(x, "m:Restriction");
    if (nodes > 1)
        xml_open(x, "t:Or");
    for (size_t i = 0; i < n; i++)
        put_key(call, x, &keys[i]);
    if (nodes > 1)
        xml_close(x);
    xml_close(x);
    xml_open(x, "m:ParentFolderIds");
    xml_open(x, "t:FolderId");
    xml_put_attr(x, "Id", folder);
    xml_close(x);
    xml_close(x);
    xml_close(x);
}

struct finding {
    struct wess_call *call;
    const struct wess_key *keys;
    size_t n;
    struct wess_vec changes;
    uint32_t flags; /* of what is found there */
    bool whole;
};

static bool bears_any(const struct wess_item *item, const struct wess_key *keys, size_t n)
{
    for (size_t i = 0; i < item->n_keys; i++)
        for (size_t k = 0; k < n; k++)
            if (!strcmp(item->keys[i].space, keys[k].space) &&
                !strcmp(item->keys[i].id, keys[k].id))
                return true;
    return false;
}

static enum wess_code take_found(void *ctx, size_t i, const struct ews_answer *a)
{
    struct finding *f = ctx;
    const xmlNode *m = xml_first(a->messages), *root;
    (void)i;
    if (a->code != WESS_OK)
        return a->code;
    enum wess_code rc = ews_message(m, false, &f->call->error);
    root = xml_child(m, "RootFolder");
    const char *last = xml_attr(root, "IncludesLastItemInRange");
    f->whole &= last && (!strcmp(last, "true") || !strcmp(last, "1"));
    for (const xmlNode *n = xml_first(xml_child(root, "Items")); n && rc == WESS_OK;
         n = xml_next(n)) {
        struct wess_item item;
        if (!xml_is(n, "Contact"))
            continue;
        rc = ews_item(f->call, n, false, &item);
        if (rc != WESS_OK || !bears_any(&item, f->keys, f->n))
            continue;
        struct wess_change *c = wess_vec_push(f->call->conn->host, f->call->arena, &f->changes);
        if (!c)
            return WESS_TOO_BIG;
        item.flags |= f->flags;
        *c = (struct wess_change){.what = WESS_UPSERT, .item = item};
    }
    return rc;
}

static enum wess_code find_in(struct finding *f, const char *folder)
{
    struct xml_out x;
    ask_find(f->call, &x, folder, f->keys, f->n);
    enum wess_code rc = ews_send(f->call, &x, 1, false, take_found, f);
    xml_fini(&x);
    return rc;
}

enum wess_code ews_find(struct wess_call *call, const struct wess_key *keys, size_t n,
                        struct wess_page *out)
{
    struct wess_conn *c = call->conn;
    struct finding f = {.call = call,
                        .keys = keys,
                        .n = n,
                        .whole = true,
                        .changes = {.size = sizeof(struct wess_change)}};
    size_t nodes = 0;
    enum wess_code rc = ews_folders(call);
    for (size_t i = 0; i < n; i++)
        nodes += nodes_of(&keys[i]);
    if (nodes > FIND_NODES) {
        *out = (struct wess_page){0}; /* too many keys: the core halves them */
        return rc;
    }
    for (size_t i = 0; rc == WESS_OK && n && i < c->n_folders; i++)
        rc = find_in(&f, c->folders[i].id);
    /* Not where it is read: anywhere else in the mailbox. */
    if (rc == WESS_OK && n)
        rc = ews_others(call);
    f.flags = WESS_ITEM_OUTSIDE;
    for (size_t i = 0; rc == WESS_OK && n && i < c->n_others; i++)
        rc = find_in(&f, c->others[i].id);
    f.flags = WESS_ITEM_TRASHED;
    if (rc == WESS_OK && n && c->bin)
        rc = find_in(&f, c->bin);
    *out = (struct wess_page){
        .changes = f.changes.of, .n = f.changes.n, .flags = f.whole ? WESS_PAGE_LAST : 0};
    return rc;
}
