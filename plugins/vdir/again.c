/* What new files are called, and creates that are tried again: an earlier attempt may have been
 * carried out, and its file been given another name since. One look through the names serves all of
 * a batch, and one through the files those that have other names. */
#include <stdlib.h>
#include <string.h>

#include "write.h"

/* ---- names: the time, so that what is new comes last in every sorted list and in the core's
 * index, and as much of the stamp as tells it from others
 * ----------------------------------------------------------------------------------------- */

#define TIME_LETTERS 9u /* milliseconds, for a thousand years */
#define STAMP_LETTERS 16u

const char *vdir_new_name(struct vdir_job *j, const char *stamp)
{
    static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";
    const struct wess_host *h = j->call->conn->host;
    uint64_t ms = (uint64_t)h->now_ms(h->ctx);
    char time[TIME_LETTERS];
    for (size_t i = TIME_LETTERS; i--; ms >>= 5)
        time[i] = letters[ms & 31u];
    return wess_arena_fmt(h, j->call->arena, "%.*s%.*s%s", (int)TIME_LETTERS, time,
                          (int)STAMP_LETTERS, stamp, j->call->conn->kind->suffix);
}

static size_t letters_of(const char *stamp)
{
    return strnlen(stamp, STAMP_LETTERS);
}

/* ---- what is tried again
 * ----------------------------------------------------------------------------------------- */

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

/* By the letters of it that stand in a name. */
static int compare_letters(const void *key, const void *b)
{
    const struct wess_slice *part = key;
    const struct vdir_job *const *job = b;
    const char *other = (*job)->op->stamp;
    int d = strncmp(part->data, other, part->len);
    return d ? d : -(letters_of(other) != part->len);
}

static struct vdir_job *job_of(const struct lost *l, struct wess_slice key,
                               int (*order)(const void *, const void *))
{
    struct vdir_job *const *job = bsearch(&key, l->of, l->n, sizeof(struct vdir_job *), order);
    return job ? *job : NULL;
}

/* Whose create made this file. */
static struct vdir_job *maker(const struct lost *l, const struct lines *v)
{
    size_t i = lines_find(v, VDIR_STAMP, 0);
    return i == LINES_NONE ? NULL : job_of(l, v->lines[i].value, compare);
}

static enum wess_code look_at_name(struct vdir_paging *p, const char *name, void *ctx)
{
    size_t len = strlen(name);
    struct wess_slice part = {name + TIME_LETTERS, 0};
    if (len <= TIME_LETTERS)
        return WESS_OK;
    part.len = strcspn(part.data, ".-");
    struct vdir_job *job = job_of(ctx, part, compare_letters);
    if (!job || job->found || !vdir_bears_stamp(job, name))
        return WESS_OK;
    job->found = wess_arena_text(p->call->conn->host, p->call->arena, name);
    return job->found ? WESS_OK : vdir_spent(p->call);
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

/* Those that are to be looked for still, in the order of their stamps. */
static void still_lost(struct lost *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        if (!l->of[i]->found)
            l->of[n++] = l->of[i];
    l->n = n;
}

/* Mostly it has the name that it was given. */
enum wess_code vdir_look_again(struct wess_call *call, struct vdir_job *jobs, size_t n)
{
    struct vdir_paging p = {.call = call, .dir = -1};
    struct lost l = {calloc(n + 1, sizeof(struct vdir_job *)), 0};
    enum wess_code rc = l.of ? WESS_OK : vdir_spent(call);
    for (size_t i = 0; rc == WESS_OK && i < n; i++)
        if (is_again(jobs[i].op))
            l.of[l.n++] = &jobs[i];
    if (l.n)
        qsort(l.of, l.n, sizeof(struct vdir_job *), in_order);
    if (rc == WESS_OK && l.n)
        rc = vdir_each(&p, look_at_name, &l);
    still_lost(&l);
    if (rc == WESS_OK && l.n)
        rc = vdir_each(&p, look_at, &l);
    free(l.of);
    return rc;
}
