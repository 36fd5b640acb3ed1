/* Reading files by name. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "vdir.h"

/* ---- trouble
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

/* One file's trouble is not the folder's going. */
enum wess_code vdir_one_failed(struct wess_call *call, const char *name)
{
    enum wess_code rc = vdir_failed(call, name);
    return rc == WESS_GONE || rc == WESS_AUTH ? WESS_TRANSIENT : rc;
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
