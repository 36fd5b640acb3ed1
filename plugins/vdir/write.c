/* What an operation makes of a file. What is there now is compared with what the op was computed
 * from. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "write.h"

#define UID_CAP 33u

/* ---- making ready
 * ------------------------------------------------------------------------------------------ */

static void reject(struct vdir_job *j, const char *text, const char *code)
{
    j->out->code = WESS_REJECTED;
    j->out->text = text;
    j->out->remote_code = code;
}

static enum wess_code whole_item(struct vdir_job *j, const struct vdir_file *f, const char *name,
                                 struct wess_item **out)
{
    struct wess_item *item = j->call->conn->host->alloc(j->call->arena, sizeof(*item));
    *out = item;
    return item ? vdir_file_item(j->call, f, name, true, item) : vdir_spent(j->call);
}

/* The file that an update or deletion is about, as long as it is what the op was computed from. */
static enum wess_code read_target(struct vdir_job *j, struct vdir_file *f, bool *same)
{
    const char *had = j->op->before ? j->op->before->revision : NULL;
    struct wess_item *now = NULL;
    *same = false;
    switch (vdir_file_read(j->call->conn->kind, j->dir, j->name, f)) {
    case VDIR_GONE:
        j->out->code = WESS_GONE;
        return WESS_OK;
    case VDIR_BAD:
        reject(j, vdir_fault_text(j->call, &f->fault), "bad-file");
        return WESS_OK;
    case VDIR_FAILED:
        return vdir_failed(j->call, "a file cannot be read");
    case VDIR_READ:
        break;
    }
    j->was = f->st;
    *same = !had || vdir_is_revision(had, f);
    if (*same)
        return WESS_OK;
    enum wess_code rc = whole_item(j, f, j->name, &now);
    j->out->code = WESS_CONFLICT;
    j->out->current = rc == WESS_OK ? now : NULL;
    return rc;
}

/* What reading the bytes gives: mostly, that is known from the lines `v` that were written. */
static bool read_written(const struct vdir_kind *kind, struct lines *v, struct vdir_file *f)
{
    if (kind->frame && lines_reread(v, f->len) && kind->frame(v, &f->fault)) {
        f->text = *v;
        *v = (struct lines){0};
        return true;
    }
    return kind->read(&f->text, f->bytes, f->len, &f->fault);
}

/* What is told of the file is what reading the bytes gives that will be there. Takes `v` over. */
static enum wess_code take_bytes(struct vdir_job *j, struct lines *v)
{
    struct vdir_file f = {.bytes = j->bytes.data, .len = j->bytes.len};
    enum wess_code rc = WESS_OK;
    if (j->bytes.spent)
        return vdir_spent(j->call);
    if (!read_written(j->call->conn->kind, v, &f))
        reject(j, vdir_fault_text(j->call, &f.fault), "too-large");
    else
        rc = whole_item(j, &f, j->name, &j->now);
    lines_fini(&f.text);
    j->wanted = rc == WESS_OK && j->out->code != WESS_REJECTED;
    return rc;
}

static enum wess_code ready_update(struct vdir_job *j)
{
    const struct vdir_kind *kind = j->call->conn->kind;
    struct vdir_file f;
    bool same = false;
    enum wess_code rc = read_target(j, &f, &same);
    const char *locked = rc == WESS_OK && same ? kind->read_only(&f.text) : NULL;
    if (locked) {
        reject(j, locked, "read-only");
    } else if (rc == WESS_OK && same) {
        rc = kind->edit(j->call, &f.text, j->op, j->out);
        if (rc == WESS_OK)
            lines_write(&f.text, &j->bytes);
        bool still = rc == WESS_OK && !j->bytes.spent && j->bytes.len == f.len &&
                     !memcmp(j->bytes.data, f.bytes, f.len);
        if (still) {
            rc = whole_item(j, &f, j->name, &j->now);
            j->placed = rc == WESS_OK;
        } else if (rc == WESS_OK) {
            rc = take_bytes(j, &f.text);
        }
    }
    vdir_file_fini(&f);
    return rc;
}

static enum wess_code ready_delete(struct vdir_job *j)
{
    struct vdir_file f;
    enum wess_code rc = read_target(j, &f, &j->ready);
    vdir_file_fini(&f);
    return rc;
}

/* ---- creates
 * ------------------------------------------------------------------------------------------ */

static bool random_text(char out[UID_CAP])
{
    unsigned char bytes[(UID_CAP - 1) / 2];
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return false;
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    return true;
}

static bool is_safe(const char *stamp)
{
    size_t len = stamp ? strlen(stamp) : 0;
    return len && len <= WESS_STAMP_MAX &&
           strspn(stamp, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == len;
}

enum wess_code vdir_found(struct vdir_job *j, const char *name)
{
    struct vdir_file f;
    struct wess_item *now = NULL;
    enum wess_code rc = WESS_OK;
    if (vdir_file_read(j->call->conn->kind, j->dir, name, &f) == VDIR_READ) {
        rc = whole_item(j, &f, name, &now);
        if (rc == WESS_OK) {
            j->out->code = WESS_OK;
            j->out->id = now->id;
            j->out->current = now;
        }
    }
    vdir_file_fini(&f);
    return rc;
}

static enum wess_code ready_create(struct vdir_job *j)
{
    const struct vdir_kind *kind = j->call->conn->kind;
    struct lines_buf blank = {0};
    struct lines v = {0};
    struct lines_fault fault;
    char uid[UID_CAP];
    enum wess_code rc = WESS_OK;
    if (j->found)
        rc = vdir_found(j, j->found);
    if (rc != WESS_OK || j->out->code == WESS_OK)
        return rc;
    if (!is_safe(j->op->stamp) && !random_text(uid))
        return vdir_failed(j->call, "no random name");
    const char *base = is_safe(j->op->stamp) ? j->op->stamp : uid;
    j->name = vdir_new_name(j, base);
    kind->blank(j->call, j->op, base, &blank);
    if (!j->name || blank.spent)
        rc = vdir_spent(j->call);
    else if (!kind->read(&v, blank.data, blank.len, &fault))
        reject(j, fault.why, "not-understood");
    else
        rc = kind->edit(j->call, &v, j->op, j->out);
    if (rc == WESS_OK && j->out->code != WESS_REJECTED) {
        lines_write(&v, &j->bytes);
        rc = take_bytes(j, &v);
    }
    lines_fini(&v);
    lines_buf_fini(&blank);
    return rc;
}

enum wess_code vdir_make_ready(struct vdir_job *j)
{
    switch (j->op->what) {
    case WESS_CREATE:
        return ready_create(j);
    case WESS_UPDATE:
        return ready_update(j);
    case WESS_DELETE:
        return ready_delete(j);
    default:
        reject(j, "no such operation", "operation");
        return WESS_OK;
    }
}
