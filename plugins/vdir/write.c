/* Writing: every file of a batch is written aside, all are made durable together, and only then do
 * they take their places. What is there now is compared with what the op was computed from. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "write.h"

#define WRITE_TOGETHER 16u /* of a larger batch: told to the writer at once */
#define UID_CAP 33u
#define TICKS_MAX                                                                                  \
    20u /* milliseconds; where the clock of the files is another one, they stay young */

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

static enum wess_code make_ready(struct vdir_job *j)
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

/* ---- the batch
 * ------------------------------------------------------------------------------------------ */

static enum wess_code place(struct vdir_job *j)
{
    switch (j->op->what) {
    case WESS_CREATE:
        return vdir_place_new(j);
    case WESS_UPDATE:
        return vdir_place_changed(j);
    default:
        return vdir_remove(j);
    }
}

/* From now on the clock marks every foreign write with another time than ours have, so that their
 * state tells them apart: at most one tick of it. */
static void let_age(const struct vdir_job *jobs, size_t n)
{
    const struct timespec step = {0, 1000000};
    struct timespec now;
    for (unsigned turn = 0; turn < TICKS_MAX; turn++) {
        bool young = false;
        clock_gettime(CLOCK_REALTIME_COARSE, &now);
        for (size_t i = 0; i < n; i++)
            young |= jobs[i].ready && jobs[i].op->what != WESS_DELETE &&
                     vdir_is_young(&jobs[i].made, &now);
        if (!young)
            return;
        nanosleep(&step, NULL);
    }
}

static enum wess_code place_all(struct wess_call *call, int dir, struct vdir_job *jobs, size_t n)
{
    const struct wess_host *h = call->conn->host;
    enum wess_code rc = WESS_OK;
    if (n > VDIR_SYNC_EACH && syncfs(dir) != 0)
        return vdir_failed(call, "the files cannot be made durable");
    if (h->cancelled(h->ctx))
        return vdir_cancelled(call);
    let_age(jobs, n);
    for (size_t i = 0; rc == WESS_OK && i < n; i++)
        if (jobs[i].ready)
            rc = place(&jobs[i]);
    return rc;
}

/* The revision of what we put there, as long as it stands there. */
static const char *revision_now(struct vdir_job *j)
{
    struct vdir_file f = {.bytes = j->bytes.data, .len = j->bytes.len};
    struct timespec now;
    if (!j->ready) /* nothing was to be written */
        return j->now->revision;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (fstatat(j->dir, j->name, &f.st, AT_SYMLINK_NOFOLLOW) != 0 || !vdir_is_file(&f.st, &j->made))
        return NULL;
    f.young = vdir_is_young(&j->made, &now);
    return vdir_revision(j->call, &f);
}

/* Only now is it certain: what was put in place outlives a loss of power. */
static void answer(struct vdir_job *j, bool durable)
{
    struct wess_result *r = j->out;
    if (!j->placed) {
        if (r->code == WESS_UNKNOWN && !j->doubtful)
            r->code = WESS_NOT_TRIED;
        return;
    }
    r->code = durable ? WESS_OK : WESS_UNKNOWN;
    if (!durable || j->op->what == WESS_DELETE)
        return;
    /* A new one may have got another name; that is in the arena too. */
    if (strcmp(j->now->id, j->name) != 0)
        j->now->id = j->name;
    r->id = j->now->id;
    r->revision = j->now->revision = revision_now(j);
    r->current = r->revision ? j->now : NULL;
}

/* ---- written aside by a thread of its own, while the next ones are made ready
 * ------------------------------------------------------------------------------------------ */

struct writer {
    struct vdir_job *jobs;
    size_t made; /* under the lock: so many are ready to be written, or not to be */
    bool over;   /* under the lock: no more come */
    pthread_mutex_t lock;
    pthread_cond_t more;
    pthread_t thread;
    bool threaded;
};

static void write_aside(struct vdir_job *j)
{
    j->ready = vdir_temp_write(j);
    j->error = j->ready ? 0 : errno;
}

/* How many are made, once there are more than `done`, or no more come. */
static size_t await_more(struct writer *w, size_t done)
{
    pthread_mutex_lock(&w->lock);
    while (w->made == done && !w->over)
        pthread_cond_wait(&w->more, &w->lock);
    size_t made = w->made;
    pthread_mutex_unlock(&w->lock);
    return made;
}

static void *write_made(void *ctx)
{
    struct writer *w = ctx;
    size_t done = 0, made;
    while ((made = await_more(w, done)) > done)
        for (; done < made; done++)
            if (w->jobs[done].wanted)
                write_aside(&w->jobs[done]);
    return NULL;
}

static void tell_writer(struct writer *w, size_t made, bool over)
{
    pthread_mutex_lock(&w->lock);
    w->made = made;
    w->over = over;
    pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->lock);
}

static void writer_begin(struct writer *w, struct vdir_job *jobs, size_t n)
{
    *w = (struct writer){
        .jobs = jobs, .lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};
    w->threaded = n > VDIR_SYNC_EACH && pthread_create(&w->thread, NULL, write_made, w) == 0;
}

static void writer_end(struct writer *w, size_t made)
{
    tell_writer(w, made, true);
    if (w->threaded)
        pthread_join(w->thread, NULL);
    else
        write_made(w);
    pthread_cond_destroy(&w->more);
    pthread_mutex_destroy(&w->lock);
}

static enum wess_code all_ready(struct wess_call *call, struct vdir_job *jobs, size_t n)
{
    struct writer w;
    size_t made = 0;
    enum wess_code rc = WESS_OK;
    writer_begin(&w, jobs, n);
    while (rc == WESS_OK && made < n) {
        rc = make_ready(&jobs[made]);
        made += rc == WESS_OK;
        if (made % WRITE_TOGETHER == 0)
            tell_writer(&w, made, false);
    }
    writer_end(&w, made);
    for (size_t i = 0; rc == WESS_OK && i < made; i++)
        if (jobs[i].error) {
            errno = jobs[i].error;
            rc = vdir_failed(call, "a file cannot be written");
        }
    return rc;
}

static enum wess_code run_jobs(struct wess_call *call, int dir, struct vdir_job *jobs, size_t n)
{
    bool any = false, durable = true;
    enum wess_code rc = vdir_look_again(call, jobs, n);
    if (rc == WESS_OK)
        rc = all_ready(call, jobs, n);
    if (rc == WESS_OK)
        rc = place_all(call, dir, jobs, n);
    for (size_t i = 0; i < n; i++)
        any |= jobs[i].placed && jobs[i].ready;
    if (any && fsync(dir) != 0) {
        durable = false;
        rc = vdir_failed(call, "the folder cannot be made durable");
    }
    for (size_t i = 0; i < n; i++)
        answer(&jobs[i], durable);
    return rc;
}

/* ---- what is left over: files that were not put in place, and those that they took the place of.
 * Giving back a file's room waits for the disk, so several are given back at once. */

#define DROPPERS 4u

struct dropper {
    struct vdir_job *jobs;
    size_t n, next; /* `next` is shared: taken one by one */
};

static void *drop(void *ctx)
{
    struct dropper *d = ctx;
    size_t i;
    while ((i = __atomic_fetch_add(&d->next, 1, __ATOMIC_RELAXED)) < d->n)
        vdir_temp_drop(&d->jobs[i]);
    return NULL;
}

static void drop_all(struct vdir_job *jobs, size_t n)
{
    struct dropper d = {.jobs = jobs, .n = n};
    pthread_t more[DROPPERS - 1];
    size_t started = 0;
    for (size_t i = 0; n > VDIR_SYNC_EACH && i < DROPPERS - 1; i++)
        started += pthread_create(&more[started], NULL, drop, &d) == 0;
    drop(&d);
    while (started)
        pthread_join(more[--started], NULL);
}

static void begin_jobs(struct wess_call *call, struct vdir_job *jobs, const struct wess_op *ops,
                       size_t n, struct wess_result *out)
{
    for (size_t i = 0; i < n; i++)
        jobs[i] = (struct vdir_job){.call = call,
                                    .op = &ops[i],
                                    .out = &out[i],
                                    .sync = n <= VDIR_SYNC_EACH,
                                    .name = ops[i].item.id  ? ops[i].item.id
                                            : ops[i].before ? ops[i].before->id
                                                            : ""};
}

/* The jobs of a batch that is carried out, in the folder `dir`. */
static enum wess_code run_in(struct wess_call *call, int dir, struct vdir_job *jobs, size_t n)
{
    char name[VDIR_TEMP_CAP] = "";
    int aside = n > VDIR_SYNC_EACH ? vdir_aside_make(dir, name) : dir;
    enum wess_code rc = WESS_OK;
    vdir_tidy(call, dir);
    for (size_t i = 0; i < n; i++) {
        jobs[i].dir = dir;
        jobs[i].aside = aside;
    }
    if (aside < 0)
        rc = vdir_failed(call, "the folder takes no temporary files");
    else
        rc = run_jobs(call, dir, jobs, n);
    drop_all(jobs, n);
    if (aside >= 0 && aside != dir)
        close(aside);
    vdir_aside_drop(call, dir, name);
    return rc;
}

enum wess_code vdir_apply(struct wess_call *call, const struct wess_op *ops, size_t n,
                          struct wess_result *out)
{
    struct vdir_job *jobs = calloc(n + 1, sizeof(*jobs));
    int dir = -1;
    enum wess_code rc = jobs ? vdir_folder(call, &dir) : vdir_spent(call);
    if (jobs)
        begin_jobs(call, jobs, ops, n, out);
    if (rc == WESS_OK)
        rc = run_in(call, dir, jobs, n);
    for (size_t i = 0; i < n; i++) {
        if (dir < 0)
            out[i].code = WESS_NOT_TRIED;
        if (jobs)
            lines_buf_fini(&jobs[i].bytes);
    }
    free(jobs);
    if (dir >= 0)
        close(dir);
    return rc;
}
