/* Creates that are tried again: an earlier attempt may have been carried out, and its file been
 * given another name since. One look through the folder serves all of a batch. */
#include <stdlib.h>
#include <string.h>

#include "write.h"

struct lost {
    struct vdir_job **of; /* in the order of their stamps */
    size_t n;
};

static bool is_again(const struct wess_op *op)
{
    return op->what == WESS_CREATE && op->stamp && (op->flags & WESS_OP_AGAIN);
}

static int in_order(const void *a, const void *b)
{
    const struct vdir_job *const *x = a, *const *y = b;
    return strcmp((*x)->op->stamp, (*y)->op->stamp);
}

static int compare(const void *key, const void *b)
{
    const struct wess_slice *stamp = key;
    const struct vdir_job *const *job = b;
    const char *other = (*job)->op->stamp;
    int d = strncmp(stamp->data, other, stamp->len);
    return d ? d : -(other[stamp->len] != 0);
}

/* Whose create made this file. */
static struct vdir_job *maker(const struct lost *l, const struct lines *v)
{
    size_t i = lines_find(v, VDIR_STAMP, 0);
    struct vdir_job *const *job = i == LINES_NONE ? NULL
                                                  : bsearch(&v->lines[i].value, l->of, l->n,
                                                            sizeof(struct vdir_job *), compare);
    return job ? *job : NULL;
}

static enum wess_code look_at(struct vdir_paging *p, const char *name, void *ctx)
{
    const struct vdir_kind *kind = p->call->conn->kind;
    struct vdir_file f;
    enum vdir_got got = vdir_file_read(kind, p->dir, name, &f);
    struct vdir_job *job = got == VDIR_READ && kind->is_ours(&f.text) ? maker(ctx, &f.text) : NULL;
    vdir_file_fini(&f);
    if (got == VDIR_FAILED)
        return vdir_one_failed(p->call, name);
    if (!job || job->found)
        return WESS_OK;
    job->found = wess_arena_text(p->call->conn->host, p->call->arena, name);
    return job->found ? WESS_OK : vdir_spent(p->call);
}

/* Mostly it has the name that it was given. */
static enum wess_code look_by_name(struct vdir_job *j)
{
    const char *name = wess_arena_fmt(j->call->conn->host, j->call->arena, "%s%s", j->op->stamp,
                                      j->call->conn->kind->suffix);
    if (name && vdir_bears_stamp(j, name))
        j->found = name;
    return name ? WESS_OK : vdir_spent(j->call);
}

enum wess_code vdir_look_again(struct wess_call *call, struct vdir_job *jobs, size_t n)
{
    struct vdir_paging p = {.call = call, .dir = -1};
    struct lost l = {calloc(n + 1, sizeof(struct vdir_job *)), 0};
    enum wess_code rc = l.of ? WESS_OK : vdir_spent(call);
    for (size_t i = 0; rc == WESS_OK && i < n; i++) {
        if (!is_again(jobs[i].op))
            continue;
        rc = look_by_name(&jobs[i]);
        if (!jobs[i].found)
            l.of[l.n++] = &jobs[i];
    }
    if (l.n)
        qsort(l.of, l.n, sizeof(struct vdir_job *), in_order);
    if (rc == WESS_OK && l.n)
        rc = vdir_each(&p, look_at, &l);
    free(l.of);
    return rc;
}
