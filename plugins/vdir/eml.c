/* Messages: a folder with one .eml in each file, byte for byte as it came. They are filed, never
 * changed: what we made is known again by its name, which is its stamp, and under another name, as
 * anybody's, by its Message-ID. Nothing of a message is held in memory but a piece. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "eml.h"
#include "eml_head.h"
#include "eml_tags.h"
#include "write.h"

#define SUFFIX ".eml"
#define PIECE ((size_t)16 << 10)
#define STAMP_LEAST 32u /* letters: a shorter name was given by somebody else */
#define NAMES_MAX 100u  /* names tried for one new file */

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

static const struct wess_field_schema schema[] = {
    {.name = "mime", .type = WESS_BLOB, .flags = WESS_FIELD_ON_CREATE},
    {.name = "categories", .type = WESS_SET, .flags = WESS_FIELD_ON_CREATE},
};
static const struct wess_collection eml_collection = {
    .id = "messages",
    .kind = "message",
    .title = "Messages",
    .caps = EML_CAPS,
    .page_max = VDIR_PAGE,
    .fetch_max = EML_AT_ONCE,
    .write_max = EML_AT_ONCE,
    .fields = schema,
    .n_fields = 1,
};

enum wess_code eml_describe(struct wess_call *call, struct wess_collection *out)
{
    int dir = -1;
    enum wess_code rc = vdir_folder(call, &dir);
    *out = eml_collection;
    out->n_fields += dir >= 0 && eml_tags_held(dir);
    if (dir >= 0)
        close(dir);
    return rc;
}

bool eml_is_asked(const struct wess_call *call)
{
    return call->collection && !strcmp(call->collection, eml_collection.id);
}

/* ---- names
 * ------------------------------------------------------------------------------------------ */

/* Printable, so that it can be told; never a path. */
static bool is_name(const char *name)
{
    size_t len = strlen(name), end = strlen(SUFFIX), i = 0;
    while (i < len && name[i] > ' ' && name[i] < 127 && name[i] != '/')
        i++;
    return i == len && len > end && len <= WESS_ID_MAX && *name != '.' &&
           !strcmp(name + len - end, SUFFIX);
}

/* The letters before the end of a name, or before the number of a further one. */
static size_t stamp_len(const char *name)
{
    size_t len = strspn(name, letters);
    return len >= STAMP_LEAST && len <= WESS_STAMP_MAX && !strcmp(name + len, SUFFIX) ? len : 0;
}

/* ---- as an item
 * ------------------------------------------------------------------------------------------ */

static bool facts(struct wess_call *call, const char *name, const struct stat *st,
                  struct wess_item *out)
{
    const struct wess_host *h = call->conn->host;
    const struct vdir_file f = {.st = *st};
    size_t len = stamp_len(name);
    struct wess_key *key = len ? h->alloc(call->arena, sizeof(*key)) : NULL;
    char *stamp = key ? wess_arena_textn(h, call->arena, name, len) : NULL;
    *out = (struct wess_item){.id = wess_arena_text(h, call->arena, name),
                              .kind = eml_collection.kind,
                              .collection = eml_collection.id,
                              .revision = vdir_revision(call, &f),
                              .when_ms = (int64_t)st->st_mtim.tv_sec * 1000};
    out->modified_ms = out->when_ms;
    if (key)
        *key = (struct wess_key){"wess", stamp};
    out->keys = key;
    out->n_keys = key != NULL;
    return out->id && out->revision && (!len || stamp);
}

/* WESS_GONE: there is no such message. */
static enum wess_code look(struct wess_call *call, int dir, const char *name, struct wess_item *out)
{
    struct stat st;
    if (!is_name(name))
        return WESS_GONE;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? WESS_GONE : vdir_one_failed(call, name);
    if (!S_ISREG(st.st_mode))
        return WESS_GONE;
    return facts(call, name, &st, out) ? WESS_OK : vdir_spent(call);
}

static ssize_t read_head(int fd, char *head)
{
    size_t n = 0;
    for (ssize_t got; n < EML_HEAD_MAX; n += (size_t)got) {
        got = read(fd, head + n, EML_HEAD_MAX - n);
        if (got < 0 && errno == EINTR)
            got = 0;
        else if (got <= 0)
            return got < 0 ? -1 : (ssize_t)n;
    }
    return (ssize_t)n;
}

/* Its Message-ID, as a key. WESS_GONE: it went away meanwhile. */
static enum wess_code add_key(struct wess_call *call, int dir, const char *name,
                              struct wess_item *item)
{
    const struct wess_host *h = call->conn->host;
    struct wess_key *keys = h->alloc(call->arena, 2 * sizeof(*keys));
    char *head = malloc(EML_HEAD_MAX), id[EML_ID_MAX], *text = NULL;
    int fd = head ? openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
    ssize_t len = fd >= 0 ? read_head(fd, head) : -1;
    enum wess_code rc = !keys || !head              ? vdir_spent(call)
                        : fd < 0 && errno == ENOENT ? WESS_GONE
                        : len < 0                   ? vdir_one_failed(call, name)
                                                    : WESS_OK;
    size_t n = rc == WESS_OK ? eml_message_id(head, (size_t)len, id) : 0;
    if (fd >= 0)
        close(fd);
    free(head);
    if (!n)
        return rc;
    text = wess_arena_textn(h, call->arena, id, n);
    const char *folded = text ? h->fold(call->arena, text) : NULL;
    if (!folded)
        return vdir_spent(call);
    if (item->n_keys)
        keys[1] = item->keys[0];
    keys[0] = (struct wess_key){"message-id", folded};
    item->keys = keys;
    item->n_keys += *folded != 0;
    return WESS_OK;
}

/* With what it is known by to others. */
static enum wess_code look_into(struct wess_call *call, int dir, const char *name,
                                struct wess_item *out)
{
    enum wess_code rc = look(call, dir, name, out);
    return rc == WESS_OK ? add_key(call, dir, name, out) : rc;
}

/* ---- changes
 * ------------------------------------------------------------------------------------------ */

static enum wess_code list_one(struct vdir_paging *p, const char *name)
{
    struct wess_item item;
    enum wess_code rc = look(p->call, p->dir, name, &item);
    struct wess_change *c = NULL;
    if (rc != WESS_OK)
        return rc == WESS_GONE ? WESS_OK : rc;
    c = wess_vec_push(p->call->conn->host, p->call->arena, &p->found);
    if (!c)
        return vdir_spent(p->call);
    *c = (struct wess_change){.what = WESS_UPSERT, .item = item};
    return WESS_OK;
}

/* By its state alone: into a file that is not known in that state the core has us look. */
static enum wess_code brief_one(struct vdir_paging *p, const char *name)
{
    size_t before = p->found.n;
    enum wess_code rc = list_one(p, name);
    if (rc != WESS_OK || p->found.n == before)
        return rc;
    struct wess_change *c = (struct wess_change *)p->found.of + before;
    const struct wess_item item = {.id = c->item.id, .revision = c->item.revision};
    *c = (struct wess_change){.what = WESS_UPSERT, .flags = WESS_BRIEF, .item = item};
    return WESS_OK;
}

static bool is_listed(const void *conn, const char *name)
{
    (void)conn;
    return is_name(name);
}

enum wess_code eml_changes(struct wess_call *call, struct wess_slice cursor, uint32_t limit,
                           struct wess_page *out)
{
    static const struct vdir_listed files = {is_listed, brief_one};
    return vdir_page(call, cursor, limit, &files, out);
}

/* ---- fetch
 * ------------------------------------------------------------------------------------------ */

static bool copy_in(const struct wess_host *h, int fd, struct wess_spool *to, char *piece)
{
    ssize_t n;
    while ((n = read(fd, piece, PIECE)) != 0)
        if ((n < 0 && errno != EINTR) || (n > 0 && h->blob_put(to, piece, (size_t)n) != WESS_OK))
            return false;
    return true;
}

static bool spool_file(struct wess_call *call, int dir, const char *name, struct wess_blob *out,
                       struct wess_field *tags)
{
    const struct wess_host *h = call->conn->host;
    struct wess_spool *spool = NULL;
    char *piece = malloc(PIECE);
    int fd = piece ? openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
    bool ok = fd >= 0 && h->blob_new(h->ctx, &spool) == WESS_OK;
    if (ok && !copy_in(h, fd, spool, piece)) {
        h->blob_close(spool);
        ok = false;
    }
    ok = ok && h->blob_done(spool, call->arena, out) == WESS_OK && eml_tags_get(call, fd, tags);
    if (fd >= 0)
        close(fd);
    free(piece);
    return ok;
}

static enum wess_code fetch_one(struct wess_call *call, int dir, const char *id,
                                struct wess_result *r)
{
    const struct wess_host *h = call->conn->host;
    struct wess_item *item = h->alloc(call->arena, sizeof(*item));
    struct wess_field *mime = h->alloc(call->arena, 2 * sizeof(*mime));
    enum wess_code rc = item && mime ? look_into(call, dir, id, item) : vdir_spent(call);
    if (rc == WESS_GONE)
        r->code = WESS_GONE;
    if (rc != WESS_OK)
        return rc == WESS_GONE ? WESS_OK : rc;
    if (!(call->flags & (WESS_CALL_FACTS | WESS_CALL_NO_MIME))) {
        mime[0] = (struct wess_field){.name = "mime", .type = WESS_BLOB};
        mime[1] = (struct wess_field){.type = WESS_NULL};
        if (!spool_file(call, dir, id, &mime->blob, &mime[1])) {
            r->code = WESS_TRANSIENT;
            r->text = "it cannot be read or spooled now";
            return WESS_OK;
        }
        item->fields = mime;
        item->n_fields = mime[1].type == WESS_NULL ? 1 : 2;
        item->flags |= WESS_ITEM_WHOLE;
    }
    *r = (struct wess_result){
        .code = WESS_OK, .id = item->id, .revision = item->revision, .current = item};
    return WESS_OK;
}

enum wess_code eml_fetch(struct wess_call *call, struct wess_list ids, struct wess_result *out)
{
    const struct wess_host *h = call->conn->host;
    int dir = -1;
    uint64_t bytes = 0;
    enum wess_code rc = vdir_folder(call, &dir);
    for (size_t i = 0; rc == WESS_OK && i < ids.n; i++) {
        if (bytes > WESS_FETCH_BYTES)
            out[i].code = WESS_NOT_TRIED;
        else
            rc = h->cancelled(h->ctx) ? vdir_cancelled(call)
                                      : fetch_one(call, dir, ids.of[i], &out[i]);
        if (out[i].code == WESS_OK && out[i].current->n_fields)
            bytes += out[i].current->fields->blob.size; /* the first is the MIME */
    }
    if (dir >= 0)
        close(dir);
    return rc;
}

/* ---- find: by the stamp alone, which is a name; what a file says is not looked into
 * ------------------------------------------------------------------------------------------ */

static char *named_by(struct wess_call *call, const char *stamp)
{
    return wess_arena_fmt(call->conn->host, call->arena, "%s" SUFFIX, stamp);
}

enum wess_code eml_find(struct wess_call *call, const struct wess_key *keys, size_t n,
                        struct wess_page *out)
{
    struct vdir_paging p = {.call = call, .dir = -1, .found = {.size = sizeof(struct wess_change)}};
    bool all = true;
    enum wess_code rc = vdir_folder(call, &p.dir);
    for (size_t i = 0; rc == WESS_OK && i < n; i++) {
        bool stamp = !strcmp(keys[i].space, "wess");
        char *name = stamp ? named_by(call, keys[i].id) : NULL;
        all &= stamp || strcmp(keys[i].space, "message-id") != 0; /* no mail bears others */
        if (stamp)
            rc = name ? list_one(&p, name) : vdir_spent(call);
    }
    if (p.dir >= 0)
        close(p.dir);
    if (rc == WESS_OK)
        *out = (struct wess_page){
            .changes = p.found.of, .n = p.found.n, .flags = all ? WESS_PAGE_LAST : 0};
    return rc;
}

/* ---- filing: all of a batch are written aside, made durable together, then put in place
 * ------------------------------------------------------------------------------------------ */

struct filing {
    struct wess_call *call;
    int dir;
    bool sync; /* each file by itself */
    const struct wess_op *op;
    struct wess_result *out;
    const char *base;         /* its name, without the end */
    char temp[VDIR_TEMP_CAP]; /* where it is written aside; "": nowhere */
};

static bool copy_out(const struct wess_host *h, struct wess_spool *from, int fd)
{
    char *piece = malloc(PIECE);
    int64_t n = piece ? 1 : -1;
    bool ok = piece != NULL;
    while (ok && (n = h->blob_get(from, piece, PIECE)) > 0)
        ok = vdir_write_all(fd, piece, (size_t)n);
    if (!piece)
        errno = ENOMEM;
    else if (n < 0)
        errno = EIO;
    free(piece);
    return ok && n == 0;
}

static const struct wess_field *field_of(const struct wess_op *op, const char *name, uint32_t type)
{
    for (size_t i = 0; i < op->item.n_fields; i++)
        if (!strcmp(op->item.fields[i].name, name) && op->item.fields[i].type == type)
            return &op->item.fields[i];
    return NULL;
}

/* The message is what counts: it is filed without them where they find no room. */
static void attach_tags(struct filing *f, int fd)
{
    const struct wess_host *h = f->call->conn->host;
    const struct wess_field *tags = field_of(f->op, "categories", WESS_SET);
    if (tags && !eml_tags_put(fd, tags))
        h->log(h->ctx, WESS_LOG_WARN, "%s: its categories are not attached: %s", f->temp,
               strerror(errno));
}

/* false: errno. */
static bool write_aside(struct filing *f, struct wess_spool *from)
{
    if (!vdir_temp_name(f->temp))
        return false;
    int fd = openat(f->dir, f->temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        *f->temp = 0;
        return false;
    }
    attach_tags(f, fd);
    bool ok = copy_out(f->call->conn->host, from, fd) && (!f->sync || fsync(fd) == 0);
    int error = errno;
    if (close(fd) != 0 && ok) {
        error = errno;
        ok = false;
    }
    errno = error;
    return ok;
}

/* By an earlier attempt whose answer was lost: what stands there counts, and is read anew. */
static enum wess_code found(struct filing *f, const char *name)
{
    struct wess_item *item = f->call->conn->host->alloc(f->call->arena, sizeof(*item));
    enum wess_code rc = item ? look_into(f->call, f->dir, name, item) : vdir_spent(f->call);
    if (rc == WESS_OK)
        *f->out = (struct wess_result){.code = WESS_OK, .id = item->id, .current = item};
    return rc == WESS_GONE ? WESS_OK : rc;
}

static enum wess_code placed(struct filing *f, const char *name)
{
    struct wess_item item;
    enum wess_code rc = look(f->call, f->dir, name, &item);
    *f->temp = 0;
    f->out->code = WESS_UNKNOWN; /* until it is seen there */
    if (rc == WESS_OK)
        *f->out = (struct wess_result){.code = WESS_OK, .id = item.id, .revision = item.revision};
    return rc == WESS_GONE ? WESS_OK : rc;
}

static enum wess_code place(struct filing *f)
{
    const struct wess_host *h = f->call->conn->host;
    const char *name = named_by(f->call, f->base);
    for (unsigned i = 2; name && i < NAMES_MAX; i++) {
        if (vdir_rename_new(f->dir, f->temp, f->dir, name) == 0)
            return placed(f, name);
        if (errno != EEXIST)
            return vdir_failed(f->call, "a file cannot be put in place");
        if (f->op->stamp && stamp_len(name))
            return found(f, name);
        name = wess_arena_fmt(h, f->call->arena, "%s-%u" SUFFIX, f->base, i);
    }
    errno = EEXIST;
    return name ? vdir_failed(f->call, "there is no name left for a new file")
                : vdir_spent(f->call);
}

static const char *base_name(struct filing *f)
{
    const struct wess_host *h = f->call->conn->host;
    const char *stamp = f->op->stamp;
    size_t len = stamp ? strspn(stamp, letters) : 0;
    uint64_t r[2];
    if (len && !stamp[len] && len <= WESS_STAMP_MAX)
        return stamp;
    if (getrandom(r, sizeof(r), 0) != (ssize_t)sizeof(r))
        return NULL;
    return wess_arena_fmt(h, f->call->arena, "mail-%016llx%016llx", (unsigned long long)r[0],
                          (unsigned long long)r[1]);
}

static void reject(struct filing *f, const char *text)
{
    f->out->code = WESS_REJECTED;
    f->out->text = text;
    f->out->remote_code = "no-message";
}

static void drop(struct filing *f)
{
    if (*f->temp)
        unlinkat(f->dir, f->temp, 0);
    *f->temp = 0;
}

/* What is not to be put in place, for whatever reason, has no temporary file behind this. */
static enum wess_code make_ready(struct filing *f)
{
    const struct wess_host *h = f->call->conn->host;
    const struct wess_field *mime = field_of(f->op, "mime", WESS_BLOB);
    struct wess_spool *from = NULL;
    f->base = base_name(f);
    enum wess_code rc = f->base ? WESS_OK : vdir_spent(f->call);
    if (rc == WESS_OK && f->op->stamp && (f->op->flags & WESS_OP_AGAIN)) {
        const char *name = named_by(f->call, f->base);
        rc = name ? found(f, name) : vdir_spent(f->call);
    }
    if (rc != WESS_OK || f->out->code == WESS_OK)
        return rc;
    if (f->op->what != WESS_CREATE || !mime) {
        reject(f, f->op->what == WESS_CREATE ? "it has no content" : "messages are never changed");
        return WESS_OK;
    }
    if (h->blob_open(h->ctx, mime->blob.digest, &from) != WESS_OK)
        return wess_fail(&f->call->error, WESS_TRANSIENT, WESS_OF_HOST, NULL,
                         "the content of a message is not in the spool");
    bool ok = write_aside(f, from);
    if (!ok)
        rc = vdir_failed(f->call, "a file cannot be written");
    h->blob_close(from);
    if (!ok)
        drop(f);
    return rc;
}

/* Those before one that fails are filed all the same. */
static enum wess_code all_ready(struct filing *of, size_t n)
{
    const struct wess_host *h = n ? of->call->conn->host : NULL;
    enum wess_code rc = WESS_OK;
    for (size_t i = 0; rc == WESS_OK && i < n; i++)
        rc = h->cancelled(h->ctx) ? vdir_cancelled(of->call) : make_ready(&of[i]);
    return rc;
}

static enum wess_code place_all(struct filing *of, size_t n)
{
    enum wess_code rc = WESS_OK;
    if (n && !of->sync && syncfs(of->dir) != 0)
        return vdir_failed(of->call, "the files cannot be made durable");
    for (size_t i = 0; rc == WESS_OK && i < n; i++)
        if (*of[i].temp)
            rc = place(&of[i]);
    return rc;
}

/* Only now is it certain: what was put in place outlives a loss of power. */
static enum wess_code settle_names(struct wess_call *call, int dir, struct wess_result *out,
                                   size_t n)
{
    if (fsync(dir) == 0)
        return WESS_OK;
    for (size_t i = 0; i < n; i++)
        out[i].code = out[i].code == WESS_OK ? WESS_UNKNOWN : out[i].code;
    return vdir_failed(call, "the folder cannot be made durable");
}

enum wess_code eml_apply(struct wess_call *call, const struct wess_op *ops, size_t n,
                         struct wess_result *out)
{
    const struct wess_host *h = call->conn->host;
    struct filing *of = h->alloc(call->arena, (n + 1) * sizeof(*of));
    int dir = -1;
    enum wess_code rc = of ? vdir_folder(call, &dir) : vdir_spent(call), placed, settled;
    for (size_t i = 0; i < n; i++)
        out[i].code = WESS_NOT_TRIED;
    if (rc != WESS_OK)
        return rc;
    vdir_tidy(call, dir);
    for (size_t i = 0; i < n; i++)
        of[i] = (struct filing){
            .call = call, .dir = dir, .sync = n <= VDIR_SYNC_EACH, .op = &ops[i], .out = &out[i]};
    rc = all_ready(of, n);
    placed = place_all(of, n);
    for (size_t i = 0; i < n; i++)
        drop(&of[i]);
    settled = settle_names(call, dir, out, n);
    close(dir);
    return settled != WESS_OK ? settled : rc != WESS_OK ? rc : placed;
}
