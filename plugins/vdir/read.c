/* Reading: the listing page by page, files by name, and looking for keys. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vdir.h"

/* ---- changes
 * ------------------------------------------------------------------------------------------ */

enum wess_code vdir_spent(struct wess_call *call)
{
    return wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL,
                     "the files are too large for one answer");
}

enum wess_code vdir_cancelled(struct wess_call *call)
{
    return wess_fail(&call->error, WESS_CANCELLED, WESS_OF_HOST, NULL, "stopped");
}

/* Only an id that is text can be told; what is not is left alone. */
static bool is_text(const char *name)
{
    const char *s = name;
    while (*s >= ' ' && *s < 127)
        s++;
    if (!*s)
        return true;
    struct line l = {.value = {name, strlen(name)}};
    char out[NAME_MAX + 1];
    size_t len;
    return lines_decode(&l, out, &len);
}

/* One file's trouble is not the folder's going. */
enum wess_code vdir_one_failed(struct wess_call *call, const char *name)
{
    enum wess_code rc = vdir_failed(call, name);
    return rc == WESS_GONE || rc == WESS_AUTH ? WESS_TRANSIENT : rc;
}

/* Its state tells whether it is known; what it says is asked for where it is not. Of a file so
 * young that its state proves nothing the content goes into the revision. */
static enum wess_code list_one(struct vdir_paging *p, const char *name, const struct timespec *now)
{
    const struct wess_host *h = p->call->conn->host;
    struct vdir_file f;
    struct wess_change *c;
    if (!is_text(name)) {
        h->log(h->ctx, WESS_LOG_WARN, "a file whose name is not UTF-8 is left out");
        return WESS_OK;
    }
    if (fstatat(p->dir, name, &f.st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? WESS_OK : vdir_one_failed(p->call, name);
    bool young = vdir_is_young(&f.st, now);
    f.young = false;
    if (young && vdir_file_read(p->call->conn->kind, p->dir, name, &f) == VDIR_GONE)
        return WESS_OK;
    c = wess_vec_push(h, p->call->arena, &p->found);
    if (c)
        *c = (struct wess_change){.what = WESS_UPSERT,
                                  .flags = WESS_BRIEF,
                                  .item = {.id = wess_arena_text(h, p->call->arena, name),
                                           .revision = vdir_revision(p->call, &f)}};
    if (young)
        vdir_file_fini(&f);
    return c && c->item.id && c->item.revision ? WESS_OK : vdir_spent(p->call);
}

/* Where the listing goes on behind the name in the cursor; a new look where it is not at hand. */
static enum wess_code seek(struct vdir_paging *p, struct wess_slice cursor)
{
    struct wess_conn *c = p->call->conn;
    const char *last = c->next && c->next <= c->names.n ? c->names.of[c->next - 1] : "";
    enum wess_code rc = WESS_OK;
    if (cursor.len && strlen(last) == cursor.len && !memcmp(last, cursor.data, cursor.len))
        return WESS_OK;
    rc = vdir_list(p->call, p->dir, &c->names);
    c->next = 0;
    char *after = rc == WESS_OK && cursor.len
                      ? wess_arena_textn(c->host, p->call->arena, cursor.data, cursor.len)
                      : NULL;
    if (rc == WESS_OK && cursor.len && !after)
        return vdir_spent(p->call);
    if (after && (!vdir_is_name(c->kind, after) || strlen(after) != cursor.len))
        return wess_fail(&p->call->error, WESS_RESET, WESS_OF_COLLECTION, NULL,
                         "that cursor is none of ours");
    while (after && c->next < c->names.n && strcmp(c->names.of[c->next], after) <= 0)
        c->next++;
    return rc;
}

enum wess_code vdir_changes(struct wess_call *call, struct wess_slice cursor, uint32_t limit,
                            struct wess_page *out)
{
    struct wess_conn *c = call->conn;
    const struct wess_host *h = c->host;
    struct vdir_paging p = {call, -1, {.size = sizeof(struct wess_change)}};
    struct timespec now;
    enum wess_code rc = vdir_folder(call, &p.dir);
    if (rc == WESS_OK)
        rc = seek(&p, cursor);
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    size_t from = c->next, until = c->names.n - from > limit ? from + limit : c->names.n;
    p.found.cap = until - from;
    if (rc == WESS_OK && until > from &&
        !(p.found.of = h->alloc(call->arena, p.found.cap * p.found.size)))
        rc = vdir_spent(call);
    for (size_t i = from; rc == WESS_OK && i < until; i++)
        rc = h->cancelled(h->ctx) ? vdir_cancelled(call) : list_one(&p, c->names.of[i], &now);
    if (p.dir >= 0)
        close(p.dir);
    if (rc != WESS_OK)
        return rc;
    *out = (struct wess_page){
        .changes = p.found.of, .n = p.found.n, .flags = WESS_PAGE_SNAPSHOT | WESS_PAGE_SORTED};
    c->next = until;
    if (until == c->names.n) { /* an empty cursor: the next one begins a new snapshot */
        out->flags |= WESS_PAGE_LAST;
        vdir_names_fini(&c->names);
        c->next = 0;
        return WESS_OK;
    }
    out->next.data = wess_arena_text(h, call->arena, c->names.of[until - 1]);
    out->next.len = strlen(c->names.of[until - 1]);
    return out->next.data ? WESS_OK : vdir_spent(call);
}

/* ---- fetch
 * ------------------------------------------------------------------------------------------ */

static enum wess_code fetch_item(struct wess_call *call, const char *id, const struct vdir_file *f,
                                 struct wess_result *r)
{
    struct wess_item *item = call->conn->host->alloc(call->arena, sizeof(*item));
    bool whole = !(call->flags & WESS_CALL_FACTS);
    enum wess_code rc = item ? vdir_file_item(call, f, id, whole, item) : vdir_spent(call);
    if (rc != WESS_OK)
        return rc;
    r->code = WESS_OK;
    r->id = item->id;
    r->revision = item->revision;
    r->current = item;
    return WESS_OK;
}

static enum wess_code fetch_one(struct wess_call *call, int dir, const char *id,
                                struct wess_result *r)
{
    const struct wess_host *h = call->conn->host;
    const struct vdir_kind *kind = call->conn->kind;
    struct vdir_file f;
    enum wess_code rc = WESS_OK;
    switch (vdir_file_read(kind, dir, id, &f)) {
    case VDIR_READ:
        if (kind->is_ours(&f.text))
            rc = fetch_item(call, id, &f, r);
        else
            r->code = WESS_GONE;
        break;
    case VDIR_GONE:
        r->code = WESS_GONE;
        break;
    case VDIR_BAD:
        r->code = WESS_REJECTED;
        r->text = vdir_fault_text(call, &f.fault);
        r->remote_code = "bad-file";
        if (call->flags & WESS_CALL_FACTS)
            h->log(h->ctx, WESS_LOG_WARN, "%s: %s; it is left as it is", id, r->text);
        break;
    case VDIR_FAILED:
        r->code = vdir_one_failed(call, "a file cannot be read");
        break;
    }
    vdir_file_fini(&f);
    return rc;
}

enum wess_code vdir_fetch(struct wess_call *call, struct wess_list ids, struct wess_result *out)
{
    const struct wess_host *h = call->conn->host;
    int dir = -1;
    enum wess_code rc = vdir_folder(call, &dir);
    for (size_t i = 0; rc == WESS_OK && i < ids.n; i++)
        rc = h->cancelled(h->ctx) ? vdir_cancelled(call) : fetch_one(call, dir, ids.of[i], &out[i]);
    if (dir >= 0)
        close(dir);
    return rc;
}
