/* The stage "pull": SyncFolderItems, one at a time, facts only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ews.h"

#define IDLE_MOST 16u /* pages that tell nothing, before it is trouble */

/* ---- the cursor: "2 MODE AT\n" and a line a folder, "ID STATE\n"
 * ------------------------------------------------------------------------------------------ */

struct cursor {
    bool snapshot;
    size_t at;          /* the folder being read */
    const char **state; /* by place in the tree's folders; NULL: from its start */
};

static enum wess_code unknown_cursor(struct wess_call *call, const char *why)
{
    return wess_fail(&call->error, WESS_RESET, WESS_OF_COLLECTION, NULL, "%s", why);
}

/* One line; false: of a folder that is read no longer. Its items have to be looked for. */
static bool read_state(const struct ews_tree *t, char *line, struct cursor *c)
{
    char *space = strchr(line, ' ');
    if (!space || !space[1])
        return !*line;
    *space = 0;
    for (size_t i = 0; i < t->n_read; i++)
        if (!strcmp(t->folders[i].id, line)) {
            c->state[i] = space + 1;
            return true;
        }
    return false;
}

static enum wess_code read_cursor(struct wess_call *call, struct wess_slice in, struct cursor *c)
{
    const struct ews_tree *t = ews_tree_of(call);
    const struct wess_host *h = call->conn->host;
    char *text = in.len ? wess_arena_textn(h, call->arena, in.data, in.len) : NULL;
    char *rest = text, *line;
    *c = (struct cursor){.snapshot = true};
    c->state = h->alloc(call->arena, t->n_read * sizeof(*c->state));
    if (!c->state || (in.len && !text))
        return wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "out of memory");
    if (!text)
        return WESS_OK;
    line = strsep(&rest, "\n");
    if (strncmp(line, "2 s ", 4) && strncmp(line, "2 d ", 4))
        return unknown_cursor(call, "the cursor is of another form");
    c->snapshot = line[2] == 's';
    c->at = strtoul(line + 4, NULL, 10);
    while (rest && (line = strsep(&rest, "\n")))
        if (!read_state(t, line, c))
            return unknown_cursor(call, "a folder is read no longer");
    if (c->at >= t->n_read)
        return unknown_cursor(call, "the folders that are read have changed");
    return WESS_OK;
}

static bool write_cursor(struct wess_call *call, const struct cursor *c, struct wess_slice *out)
{
    const struct ews_tree *t = ews_tree_of(call);
    size_t len = 64;
    for (size_t i = 0; i < t->n_read; i++)
        len += c->state[i] ? strlen(t->folders[i].id) + strlen(c->state[i]) + 2 : 0;
    char *text = call->conn->host->alloc(call->arena, len), *at = text;
    if (!text)
        return false;
    at += sprintf(at, "2 %c %zu\n", c->snapshot ? 's' : 'd', c->at);
    for (size_t i = 0; i < t->n_read; i++)
        if (c->state[i])
            at += sprintf(at, "%s %s\n", t->folders[i].id, c->state[i]);
    *out = (struct wess_slice){text, (size_t)(at - text)};
    return true;
}

/* ---- a page
 * ------------------------------------------------------------------------------------------ */

struct syncing {
    struct wess_call *call;
    const struct ews_folder *folder;
    struct wess_vec changes;
    const char *state;
    bool snapshot, last;
    bool heard; /* a change, of whatever kind */
};

static enum wess_code too_big(struct wess_error *e)
{
    return wess_fail(e, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "the page is too large");
}

static enum wess_code add(struct syncing *s, uint32_t what, uint32_t flags,
                          const struct wess_item *item, struct wess_error *e)
{
    struct wess_change *c = wess_vec_push(s->call->conn->host, s->call->arena, &s->changes);
    if (!c)
        return too_big(e);
    *c = (struct wess_change){.what = what, .flags = flags, .item = *item};
    return WESS_OK;
}

static void left_out(struct wess_call *call)
{
    const struct wess_host *h = call->conn->host;
    h->log(h->ctx, WESS_LOG_WARN, "an item without an id, or with one too long, is left out");
}

static enum wess_code take_deletion(struct syncing *s, const xmlNode *n, struct wess_error *e)
{
    struct wess_call *call = s->call;
    const char *id = xml_attr(xml_child(n, "ItemId"), "Id");
    struct wess_item item = {0};
    if (!id || !*id || strlen(id) > WESS_ID_MAX) {
        left_out(call);
        return WESS_OK;
    }
    item.id = wess_arena_text(call->conn->host, call->arena, id);
    return item.id ? add(s, WESS_DELETE, 0, &item, e) : too_big(e);
}

static enum wess_code take_change(void *ctx, size_t i, const xmlNode *n, struct wess_error *e)
{
    struct syncing *s = ctx;
    const xmlNode *what = xml_first(n);
    const char *parent = xml_attr(xml_child(what, "ParentFolderId"), "Id");
    struct wess_item item;
    (void)i;
    s->heard = true;
    if (xml_is(n, "Delete"))
        return take_deletion(s, n, e);
    if (!xml_is(what, ews_kind_of(s->call)->element))
        return WESS_OK; /* distribution lists and whatever else lies there */
    enum wess_code rc = ews_item(s->call, what, false, &item);
    if (rc == WESS_REJECTED) {
        left_out(s->call);
        return WESS_OK;
    }
    if (rc != WESS_OK)
        return too_big(e);
    item.folder = wess_arena_text(s->call->conn->host, s->call->arena, s->folder->path);
    if (!item.folder)
        return too_big(e);
    /* An update that shows another folder is a move away. */
    if (parent && strcmp(parent, s->folder->id)) {
        item = (struct wess_item){.id = item.id};
        return add(s, WESS_DELETE, 0, &item, e);
    }
    return add(s, WESS_UPSERT, !s->snapshot && xml_is(n, "Create") ? WESS_AS_NEW : 0u, &item, e);
}

static enum wess_code take_page(void *ctx, size_t i, size_t at, const xmlNode *m,
                                struct wess_error *e)
{
    struct syncing *s = ctx;
    const char *state = xml_text(xml_child(m, "SyncState"));
    const char *last = xml_text(xml_child(m, "IncludesLastItemInRange"));
    enum wess_code rc = ews_message(m, false, e);
    (void)i;
    (void)at;
    if (rc != WESS_OK)
        return rc;
    /* A state with white space within would not come back out of the cursor. */
    if (!state || !*state || !last || strpbrk(state, " \n"))
        return wess_fail(e, WESS_TRANSIENT, WESS_OF_COLLECTION, NULL,
                         "the list of changes is not whole");
    s->state = wess_arena_text(s->call->conn->host, s->call->arena, state);
    s->last = !strcmp(last, "true") || !strcmp(last, "1");
    return s->state ? WESS_OK : too_big(e);
}

static void ask_page(const struct wess_call *call, struct xml_out *x, const struct ews_folder *f,
                     const char *state, uint32_t limit)
{
    const struct wess_conn *c = call->conn;
    char number[16];
    snprintf(number, sizeof(number), "%u", limit < EWS_PAGE ? limit : EWS_PAGE);
    ews_begin(c, x, c->impersonate);
    xml_open(x, "m:SyncFolderItems");
    ews_shape_listed(x, ews_kind_of(call));
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

/* A server that says for ever that there is more, and tells nothing. */
static bool goes_nowhere(struct ews_tree *t, const struct syncing *s)
{
    t->idle = !s->last && !s->heard ? t->idle + 1 : 0;
    return t->idle > IDLE_MOST;
}

/* A folder is read to its end; true: so are all. Changes that an earlier connection began to list
 * go on where that was cut off, and round: of the folders before, what is new has not been heard.
 */
static bool next_folder(struct ews_tree *t, struct cursor *c)
{
    bool end = ++c->at == t->n_read;
    c->at %= t->n_read;
    if (c->snapshot)
        return end;
    t->left--;
    return !t->left;
}

enum wess_code ews_changes(struct wess_call *call, struct wess_slice in, uint32_t limit,
                           struct wess_page *out)
{
    struct ews_tree *t = ews_tree_of(call);
    struct cursor at;
    struct xml_out x;
    struct syncing s = {.call = call, .changes = {.size = sizeof(struct wess_change)}};
    const struct ews_taker taker = {
        .ctx = &s, .list = "Changes", .part = take_change, .message = take_page};
    enum wess_code rc = ews_folders(call, false);
    if (rc == WESS_OK)
        rc = read_cursor(call, in, &at);
    if (rc != WESS_OK)
        return rc;
    s.folder = &t->folders[at.at];
    s.snapshot = at.snapshot;
    if (!t->left || t->left > t->n_read)
        t->left = t->n_read;
    ask_page(call, &x, s.folder, at.state[at.at], limit ? limit : 1);
    rc = ews_ask(call, &x, false, &taker);
    if (rc == WESS_OK && !s.state)
        rc = wess_fail(&call->error, WESS_TRANSIENT, WESS_OF_COLLECTION, NULL,
                       "the list of changes is not there");
    if (rc == WESS_OK && goes_nowhere(t, &s)) {
        t->idle = 0;
        rc = wess_fail(&call->error, WESS_TRANSIENT, WESS_OF_COLLECTION, NULL,
                       "the list of changes comes to no end");
    }
    if (rc != WESS_OK) {
        t->left = 0;
        return rc;
    }
    at.state[at.at] = s.state;
    bool over = s.last && next_folder(t, &at);
    out->flags = (at.snapshot ? WESS_PAGE_SNAPSHOT : 0u) | (over ? WESS_PAGE_LAST : 0u);
    at.snapshot &= !over;
    out->changes = s.changes.of;
    out->n = s.changes.n;
    return write_cursor(call, &at, &out->next) ? WESS_OK : too_big(&call->error);
}
