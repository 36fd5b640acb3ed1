/* Listing a folder page by page, in the order of names. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vdir.h"

/* ---- one file
 * ------------------------------------------------------------------------------------------ */

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

/* Its state tells whether it is known; what it says is asked for where it is not. Of a file so
 * young that its state proves nothing the content goes into the revision. */
static enum wess_code list_file(struct vdir_paging *p, const char *name)
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
    bool young = vdir_is_young(&f.st, &p->now);
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

bool vdir_is_listed(const void *conn, const char *name)
{
    const struct wess_conn *c = conn;
    return vdir_is_name(c->kind, name);
}

const struct vdir_listed vdir_files = {vdir_is_listed, list_file};

/* ---- pages
 * ------------------------------------------------------------------------------------------ */

enum wess_code vdir_names(struct wess_call *call, int dir, const char *after,
                          const struct vdir_listed *listed, struct names *out)
{
    return names_look(out, dir, NAMES_ROOM, after, listed->is_name, call->conn)
               ? WESS_OK
               : vdir_failed(call, "the folder cannot be listed");
}

/* Where the listing goes on behind the name in the cursor; a new look where it is not at hand. */
static enum wess_code seek(struct vdir_paging *p, struct wess_slice cursor,
                           const struct vdir_listed *listed)
{
    struct wess_conn *c = p->call->conn;
    const char *last = c->next && c->next <= c->names.n ? names_at(&c->names, c->next - 1) : "";
    bool at_hand = cursor.len && strlen(last) == cursor.len &&
                   !memcmp(last, cursor.data, cursor.len) &&
                   (c->next < c->names.n || !c->names.more);
    if (at_hand)
        return WESS_OK;
    const char *after =
        wess_arena_textn(c->host, p->call->arena, cursor.len ? cursor.data : "", cursor.len);
    if (!after)
        return vdir_spent(p->call);
    if (*after ? !listed->is_name(c, after) : cursor.len != 0)
        return wess_fail(&p->call->error, WESS_RESET, WESS_OF_COLLECTION, NULL,
                         "that cursor is none of ours");
    c->next = 0;
    return vdir_names(p->call, p->dir, after, listed, &c->names);
}

/* An empty cursor behind the last page: the next look begins a new snapshot. */
static enum wess_code close_page(struct vdir_paging *p, size_t until, struct wess_page *out)
{
    struct wess_conn *c = p->call->conn;
    *out = (struct wess_page){
        .changes = p->found.of, .n = p->found.n, .flags = WESS_PAGE_SNAPSHOT | WESS_PAGE_SORTED};
    c->next = until;
    if (until == c->names.n && !c->names.more) {
        out->flags |= WESS_PAGE_LAST;
        names_fini(&c->names);
        c->next = 0;
        return WESS_OK;
    }
    const char *last = names_at(&c->names, until - 1);
    out->next.data = wess_arena_text(c->host, p->call->arena, last);
    out->next.len = strlen(last);
    return out->next.data ? WESS_OK : vdir_spent(p->call);
}

enum wess_code vdir_page(struct wess_call *call, struct wess_slice cursor, uint32_t limit,
                         const struct vdir_listed *listed, struct wess_page *out)
{
    struct wess_conn *c = call->conn;
    const struct wess_host *h = c->host;
    struct vdir_paging p = {.call = call, .dir = -1, .found = {.size = sizeof(struct wess_change)}};
    enum wess_code rc = vdir_folder(call, &p.dir);
    if (rc == WESS_OK)
        rc = seek(&p, cursor, listed);
    clock_gettime(CLOCK_REALTIME_COARSE, &p.now);
    size_t most = limit ? limit : 1, from = c->next;
    size_t until = c->names.n - from > most ? from + most : c->names.n;
    p.found.cap = until - from;
    if (rc == WESS_OK && until > from &&
        !(p.found.of = h->alloc(call->arena, p.found.cap * p.found.size)))
        rc = vdir_spent(call);
    for (size_t i = from; rc == WESS_OK && i < until; i++)
        rc = h->cancelled(h->ctx) ? vdir_cancelled(call) : listed->one(&p, names_at(&c->names, i));
    if (p.dir >= 0)
        close(p.dir);
    return rc == WESS_OK ? close_page(&p, until, out) : rc;
}

enum wess_code vdir_changes(struct wess_call *call, struct wess_slice cursor, uint32_t limit,
                            struct wess_page *out)
{
    return vdir_page(call, cursor, limit, &vdir_files, out);
}
