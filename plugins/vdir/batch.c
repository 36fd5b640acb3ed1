/* A batch. Every file is written aside, made durable with others, and only then takes its place.
 * Three threads work side by side: one makes what is to stand there, one writes it aside, and one
 * puts new files in place. What takes more thought (a name that is taken, a file that stands there)
 * is left to the end. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "write.h"

#define WRITE_TOGETHER 16u  /* told to the writer at once */
#define PLACE_TOGETHER 200u /* made durable and put in place at once, while the next are made */
#define TICKS_MAX                                                                                  \
    20u /* milliseconds; where the clock of the files is another one, they stay young */

/* ---- putting in place
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

/* Those that are written aside and stand nowhere yet. */
static size_t left_to_place(const struct vdir_job *jobs, size_t n)
{
    size_t left = 0;
    for (size_t i = 0; i < n; i++)
        left += jobs[i].ready && !jobs[i].placed;
    return left;
}

static enum wess_code place_rest(struct wess_call *call, int dir, struct vdir_job *jobs, size_t n)
{
    const struct wess_host *h = call->conn->host;
    enum wess_code rc = WESS_OK;
    if (!left_to_place(jobs, n))
        return WESS_OK;
    if (n > VDIR_SYNC_EACH && syncfs(dir) != 0)
        return vdir_failed(call, "the files cannot be made durable");
    if (h->cancelled(h->ctx))
        return vdir_cancelled(call);
    let_age(jobs, n);
    for (size_t i = 0; rc == WESS_OK && i < n; i++)
        if (jobs[i].ready && !jobs[i].placed)
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

/* ---- the three threads
 * ------------------------------------------------------------------------------------------ */

struct pipeline {
    struct wess_call *call;
    struct vdir_job *jobs;
    int dir;
    pthread_mutex_t lock;
    pthread_cond_t more;
    size_t made, written;    /* under the lock: so many are made, or not to be; written aside */
    bool all_made, all_over; /* under the lock: no more come */
    int sync_error; /* errno of what the placer could not make durable: the kernel tells it once */
    pthread_t writer, placer;
    bool writes, places; /* the threads run */
};

static void write_aside(struct vdir_job *j)
{
    j->ready = vdir_temp_write(j);
    j->error = j->ready ? 0 : errno;
}

static void tell(struct pipeline *l, size_t *count, size_t n, bool *end, bool over)
{
    pthread_mutex_lock(&l->lock);
    *count = n;
    *end = over;
    pthread_cond_broadcast(&l->more);
    pthread_mutex_unlock(&l->lock);
}

/* How many there are, once there are `enough`, or no more come. */
static size_t await(struct pipeline *l, const size_t *count, size_t enough, const bool *end)
{
    pthread_mutex_lock(&l->lock);
    while (*count < enough && !*end)
        pthread_cond_wait(&l->more, &l->lock);
    size_t n = *count;
    pthread_mutex_unlock(&l->lock);
    return n;
}

static void *write_made(void *ctx)
{
    struct pipeline *l = ctx;
    size_t done = 0, made;
    while ((made = await(l, &l->made, done + 1, &l->all_made)) > done) {
        for (; done < made; done++)
            if (l->jobs[done].wanted)
                write_aside(&l->jobs[done]);
        tell(l, &l->written, done, &l->all_over, false);
    }
    tell(l, &l->written, done, &l->all_over, true);
    return NULL;
}

static bool is_new(const struct vdir_job *j)
{
    return j->ready && j->op->what == WESS_CREATE;
}

/* Nothing that asks for memory of the call, which is the first thread's. */
static bool place_new(struct pipeline *l, struct vdir_job *jobs, size_t n)
{
    const struct wess_host *h = l->call->conn->host;
    if (h->cancelled(h->ctx))
        return false;
    if (syncfs(l->dir) != 0) {
        l->sync_error = errno;
        return false;
    }
    let_age(jobs, n);
    for (size_t i = 0; i < n; i++) {
        struct vdir_job *j = &jobs[i];
        if (!is_new(j) || vdir_rename_new(j->aside, j->temp, j->dir, j->name) != 0)
            continue;
        *j->temp = 0;
        j->placed = true;
    }
    return true;
}

/* What else goes wrong goes wrong once more at the end, where it is told. */
static void *place_written(void *ctx)
{
    struct pipeline *l = ctx;
    size_t done = 0, written;
    bool ok = true;
    while (ok && (written = await(l, &l->written, done + PLACE_TOGETHER, &l->all_over)) > done) {
        size_t fresh = 0;
        for (size_t i = done; i < written; i++) {
            fresh += is_new(&l->jobs[i]);
            ok &= !l->jobs[i].error;
        }
        if (ok && fresh)
            ok = place_new(l, l->jobs + done, written - done);
        done = written;
    }
    return NULL;
}

static void begin(struct pipeline *l, size_t n)
{
    l->writes = n > VDIR_SYNC_EACH && pthread_create(&l->writer, NULL, write_made, l) == 0;
    l->places = l->writes && pthread_create(&l->placer, NULL, place_written, l) == 0;
}

static void end(struct pipeline *l, size_t made)
{
    tell(l, &l->made, made, &l->all_made, true);
    if (l->writes)
        pthread_join(l->writer, NULL);
    else
        write_made(l);
    if (l->places)
        pthread_join(l->placer, NULL);
    pthread_cond_destroy(&l->more);
    pthread_mutex_destroy(&l->lock);
}

static enum wess_code all_ready(struct wess_call *call, int dir, struct vdir_job *jobs, size_t n)
{
    struct pipeline l = {.call = call,
                         .jobs = jobs,
                         .dir = dir,
                         .lock = PTHREAD_MUTEX_INITIALIZER,
                         .more = PTHREAD_COND_INITIALIZER};
    size_t made = 0;
    enum wess_code rc = WESS_OK;
    begin(&l, n);
    while (rc == WESS_OK && made < n) {
        rc = vdir_make_ready(&jobs[made]);
        made += rc == WESS_OK;
        if (made % WRITE_TOGETHER == 0)
            tell(&l, &l.made, made, &l.all_made, false);
    }
    end(&l, made);
    if (rc == WESS_OK && l.sync_error) {
        errno = l.sync_error;
        rc = vdir_failed(call, "the files cannot be made durable");
    }
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
        rc = all_ready(call, dir, jobs, n);
    if (rc == WESS_OK)
        rc = place_rest(call, dir, jobs, n);
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
    enum wess_code rc;
    vdir_tidy(call, dir);
    int aside = n > VDIR_SYNC_EACH ? vdir_aside_make(dir, name) : dir;
    for (size_t i = 0; i < n; i++) {
        jobs[i].dir = dir;
        jobs[i].aside = aside;
        if (aside < 0)
            jobs[i].out->code = WESS_NOT_TRIED;
    }
    rc = aside < 0 ? vdir_failed(call, "the folder takes no temporary files")
                   : run_jobs(call, dir, jobs, n);
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
