/* Writing the files of records, once these are written: the note first, then each file by a request
 * of its own, as a part of a multipart form that comes out of the spool. What is there already is
 * looked at before, since the record's revision says nothing of it: a file that somebody put there
 * or changed is merged, never written over. */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "files.h"
#include "upload.h"

#define SUBJECT "Files from Exchange"
#define TEXT "Kept in step by WESS: what is added, replaced or deleted here goes to Exchange."
#define BOUNDARY_BYTES 16u
#define TOO_LARGE 413 /* HTTP */

struct going {
    struct wb_table *t;
    size_t op;
    struct wess_result *out;
    struct wb_noted *of;
    const struct wess_field *want, *had;
    bool no_note; /* it is refused, and said so */
    size_t added;
};

/* ---- what is to be written
 * ------------------------------------------------------------------------------------------ */

static const struct wess_field *had_by(const struct wess_op *op)
{
    return op->what == WESS_UPDATE ? wb_field_of(op->before, WESS_ATTACHED) : NULL;
}

void wb_files_leave_missing(struct wb_table *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (wb_is_sent(t, i) && t->ops[i].what != WESS_DELETE &&
            wess_attached_missing(t->call->conn->host, wb_field_of(&t->ops[i].item, WESS_ATTACHED),
                                  had_by(&t->ops[i]))) {
            t->skip[i] = true;
            t->out[i].code = WESS_CONFLICT;
        }
}

/* ---- one request, of one record
 * ------------------------------------------------------------------------------------------ */

static enum wess_code spent(struct wess_call *call)
{
    return wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "out of memory");
}

static const char *new_boundary(struct wess_call *call)
{
    unsigned char b[BOUNDARY_BYTES];
    char hex[2 * BOUNDARY_BYTES + 1];
    if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
        return NULL;
    for (size_t i = 0; i < sizeof(b); i++)
        snprintf(hex + 2 * i, 3, "%02x", b[i]);
    return wess_arena_fmt(call->conn->host, call->arena, "form-data-%s", hex);
}

/* As a batch of one. */
static void begin(struct form *f, const char *verb, const char *id, const char *lock)
{
    form_add(f, "_per_object_transactions", "true");
    form_add(f, "_fm", "or");
    form_add(f, "_ff[]", "id");
    form_add(f, "_ft[]", "eq");
    form_add(f, "_fc[]", id);
    form_add(f, "__method[]", verb);
    form_add(f, "id[]", id);
    form_add(f, "lock_version[]", lock);
}

/* What became of it; WESS_UNKNOWN may have been carried out. */
static enum wess_code judge(struct going *g, enum wess_what what, const char *id,
                            const json_t *answer, struct wess_result *out)
{
    struct wess_call *call = g->t->call;
    struct wess_op op = {.what = what, .item = {.id = id}};
    bool skip = false;
    const char *type = NULL;
    struct wb_table one = {.call = call,
                           .kind = g->t->kind,
                           .ops = &op,
                           .out = out,
                           .n = 1,
                           .skip = &skip,
                           .types = &type};
    *out = (struct wess_result){.code = WESS_UNKNOWN};
    enum wess_code rc = wb_read_answer(&one, answer);
    if (rc == WESS_OK)
        call->error = (struct wess_error){0};
    return rc;
}

static enum wess_code send_plain(struct going *g, const char *path, struct form *f,
                                 enum wess_what what, const char *id, struct wess_result *out)
{
    json_t *answer = NULL;
    enum wess_code rc = wb_post(g->t->call, path, f, true, &answer);
    if (rc == WESS_OK)
        rc = judge(g, what, id, answer, out);
    json_decref(answer);
    return rc;
}

/* With a file as its last value. A server before the service may refuse it for its size. */
static enum wess_code send_file(struct going *g, const char *path, struct form *f,
                                const struct wess_blob *blob, enum wess_what what, const char *id,
                                struct wess_result *out)
{
    struct wess_call *call = g->t->call;
    struct wb_upload *up = call->conn->host->alloc(call->arena, sizeof(*up));
    struct wb_insert at = {.at = f->len, .blob = blob};
    json_t *answer = NULL;
    if (!up)
        return spent(call);
    *up = (struct wb_upload){.host = call->conn->host, .form = f, .of = &at, .n = 1};
    enum wess_code rc = wb_post_upload(call, path, up, &answer);
    if (rc == WESS_OK)
        rc = judge(g, what, id, answer, out);
    json_decref(answer);
    if (rc == WESS_OK || call->error.remote_status != TOO_LARGE)
        return rc;
    call->error = (struct wess_error){0};
    *out = (struct wess_result){.code = WESS_REJECTED};
    return WESS_OK;
}

static bool refuse(struct going *g, const char *key, const char *text)
{
    const struct wess_host *h = g->t->call->conn->host;
    const char *name =
        key ? wess_arena_fmt(h, g->t->call->arena, WESS_ATTACHED ".%s", key) : WESS_ATTACHED;
    if (name)
        wb_refuse(g->t, g->op, name, text, "attachment");
    return name && !g->t->spent;
}

/* One that was refused is the affair of that file; one that is another by now is merged again. */
static enum wess_code settle(struct going *g, const char *key, enum wess_code rc,
                             const struct wess_result *out)
{
    if (rc != WESS_OK)
        return rc;
    if (out->code == WESS_UNKNOWN || out->code == WESS_CONFLICT || out->code == WESS_GONE)
        g->out->code = out->code == WESS_GONE ? WESS_CONFLICT : out->code;
    else if (out->code == WESS_NOT_TRIED)
        g->out->code = WESS_UNKNOWN;
    else if (out->code != WESS_OK && !refuse(g, key, "Workbooks refuses this file"))
        return spent(g->t->call);
    return WESS_OK;
}

/* ---- the note
 * ------------------------------------------------------------------------------------------ */

/* Refused, it is told of the field as a whole. */
static enum wess_code make_note(struct going *g)
{
    struct wess_call *call = g->t->call;
    struct form f = {0};
    struct wess_result out = {.code = WESS_UNKNOWN};
    enum wess_code rc = wb_begin(call, "PUT", &f);
    begin(&f, "POST", "0", "0");
    form_add(&f, "resource_id[]", g->of->id);
    form_add(&f, "resource_type[]", g->of->type);
    form_add(&f, "subject[]", SUBJECT);
    form_add(&f, "text[]", TEXT);
    form_add(&f, "created_through_reference[]", WB_NOTE_MARK);
    if (rc == WESS_OK)
        rc = send_plain(g, WB_NOTE_PATH, &f, WESS_CREATE, "0", &out);
    form_fini(&f);
    g->of->note = rc == WESS_OK && out.code == WESS_OK ? out.id : NULL;
    g->no_note = rc == WESS_OK && out.code == WESS_REJECTED;
    if (g->no_note)
        return refuse(g, NULL, "Workbooks takes no note for this record") ? WESS_OK : spent(call);
    return settle(g, NULL, rc, &out);
}

/* ---- files
 * ------------------------------------------------------------------------------------------ */

/* false: its name cannot be said. Of one with a slash many a server keeps what is behind that:
 * under another name it would count as taken away, and as a new one. */
static bool put_file(struct form *f, const char *column, const struct wess_record *r)
{
    const char *name = wess_attached_name(r), *type = wess_attached_type(r);
    const char *file = name ? name : r->key, *word = type ? type : "";
    if (strchr(file, '/'))
        return false;
    return form_file(f, column, file, word) || form_file(f, column, file, WB_NO_TYPE);
}

static enum wess_code send_or_refuse(struct going *g, const struct wess_record *r, const char *path,
                                     const char *column, struct form *f, enum wess_what what,
                                     const char *id)
{
    struct wess_result out = {.code = WESS_UNKNOWN};
    if (!put_file(f, column, r))
        return refuse(g, r->key,
                      "a name with quotation marks, a slash or the like is none to Workbooks")
                   ? WESS_OK
                   : spent(g->t->call);
    return settle(g, r->key, send_file(g, path, f, wess_attached_bytes(r), what, id, &out), &out);
}

/* Behind so many it would not be told, and what is not told counts as taken away. */
static bool has_room(const struct going *g)
{
    return g->of->of.n + g->of->beyond + g->added < WB_FILES_MOST;
}

static enum wess_code attach(struct going *g, const struct wess_record *r)
{
    if (!has_room(g))
        return refuse(g, r->key, "its note holds as many files as travel") ? WESS_OK
                                                                           : spent(g->t->call);
    g->added++;
    struct form f = {.boundary = new_boundary(g->t->call)};
    enum wess_code rc = f.boundary ? WESS_OK : spent(g->t->call);
    if (rc == WESS_OK && !g->of->note && !g->no_note)
        rc = make_note(g);
    if (rc == WESS_OK && g->of->note)
        rc = wb_begin(g->t->call, "PUT", &f);
    if (rc == WESS_OK && g->of->note) {
        begin(&f, "POST", "0", "0");
        form_add(&f, "resource_id[]", g->of->note);
        form_add(&f, "resource_type[]", WB_NOTE_CLASS);
        form_add(&f, "resource_attribute[]", "upload_files");
        rc = send_or_refuse(g, r, WB_ATTACH_PATH, "upload_file[data][]", &f, WESS_CREATE, "0");
    }
    form_fini(&f);
    return rc;
}

/* As it is now; NULL: it is not there. */
static enum wess_code lock_of(struct going *g, const struct wb_file *file, const char **lock)
{
    static const char *const columns[] = {"id", "lock_version", NULL};
    struct wess_call *call = g->t->call;
    json_t *rows = NULL;
    char number[24];
    *lock = NULL;
    enum wess_code rc = wb_rows_of(call, WB_FILE_PATH, "id", &file->id, 1, columns, &rows);
    const char *text = wb_text(json_array_get(rows, 0), "lock_version", number);
    if (text)
        *lock = wess_arena_text(call->conn->host, call->arena, text);
    json_decref(rows);
    return rc == WESS_OK && text && !*lock ? spent(call) : rc;
}

static enum wess_code replace(struct going *g, const struct wb_file *file,
                              const struct wess_record *r, const char *lock)
{
    struct form f = {.boundary = new_boundary(g->t->call)};
    enum wess_code rc = f.boundary ? wb_begin(g->t->call, "PUT", &f) : spent(g->t->call);
    if (rc == WESS_OK) {
        begin(&f, "PUT", file->id, lock);
        rc = send_or_refuse(g, r, WB_FILE_PATH, "data[]", &f, WESS_UPDATE, file->id);
    }
    form_fini(&f);
    return rc;
}

static enum wess_code detach(struct going *g, const struct wb_file *file, const char *lock)
{
    struct form f = {0};
    struct wess_result out = {.code = WESS_UNKNOWN};
    enum wess_code rc = wb_begin(g->t->call, "PUT", &f);
    begin(&f, "DELETE", file->id, lock);
    if (rc == WESS_OK)
        rc = send_plain(g, WB_FILE_PATH, &f, WESS_DELETE, file->id, &out);
    form_fini(&f);
    if (rc == WESS_OK && out.code == WESS_GONE)
        return WESS_OK;
    return settle(g, file->key, rc, &out);
}

static const struct wb_file *file_of(const struct going *g, const char *key)
{
    const struct wb_file *of = g->of->of.of;
    for (size_t i = 0; i < g->of->of.n; i++)
        if (!strcmp(of[i].key, key))
            return &of[i];
    return NULL;
}

/* What a file that is there turns out to be: what is wanted, what was there before, or another. */
static enum wess_code look(struct going *g, const struct wb_file *file,
                           const struct wess_blob *want, const struct wess_blob *old,
                           bool *is_wanted, bool *is_old)
{
    struct wess_blob blob;
    enum wess_code told;
    *is_wanted = *is_old = false;
    if ((!want || file->size != want->size) && (!old || file->size != old->size))
        return WESS_OK;
    enum wess_code rc = wb_file_fetch(g->t->call, file, &blob, &told);
    *is_wanted = rc == WESS_OK && told == WESS_OK && wess_blob_same(&blob, want);
    *is_old = rc == WESS_OK && told == WESS_OK && wess_blob_same(&blob, old);
    return rc;
}

/* The file's lock_version is read before its bytes are: what somebody puts there in between is not
 * written over. */
static enum wess_code lock_and_look(struct going *g, const struct wb_file *file,
                                    const struct wess_blob *want, const struct wess_blob *old,
                                    const char **lock, bool *is_wanted)
{
    bool is_old = false;
    enum wess_code rc = lock_of(g, file, lock);
    if (rc == WESS_OK)
        rc = look(g, file, want, old, is_wanted, &is_old);
    if (!is_old)
        *lock = NULL;
    return rc;
}

/* What is neither is merged; in a record that is being created, once that is there. */
static enum wess_code write_one(struct going *g, const struct wess_record *r,
                                const struct wess_record *before)
{
    const struct wb_file *file = file_of(g, r->key);
    const struct wess_blob *old = wess_attached_bytes(before);
    bool create = g->t->ops[g->op].what == WESS_CREATE, is_wanted = false;
    const char *lock = NULL;
    if (!file && !old)
        return attach(g, r);
    enum wess_code rc =
        file ? lock_and_look(g, file, wess_attached_bytes(r), old, &lock, &is_wanted) : WESS_OK;
    if (rc != WESS_OK || (file && (is_wanted || create)))
        return rc;
    if (!lock)
        g->out->code = WESS_CONFLICT;
    return lock ? replace(g, file, r, lock) : rc;
}

static enum wess_code take_away(struct going *g, const struct wess_record *before)
{
    const struct wb_file *file = file_of(g, before->key);
    bool is_wanted;
    const char *lock = NULL;
    if (!file)
        return WESS_OK;
    enum wess_code rc =
        lock_and_look(g, file, NULL, wess_attached_bytes(before), &lock, &is_wanted);
    if (rc == WESS_OK && !lock)
        g->out->code = WESS_CONFLICT;
    return rc == WESS_OK && lock ? detach(g, file, lock) : rc;
}

/* It was to have files that stay, and shows none: its note was deleted, or is out of our sight. A
 * new note with what is new alone would say that the others were taken away. */
static bool is_out_of_sight(const struct going *g)
{
    return !g->of->of.n && wess_attached_of(g->had).n && wess_attached_of(g->want).n;
}

static enum wess_code write_all(struct going *g)
{
    struct wess_records want = wess_attached_of(g->want), had = wess_attached_of(g->had);
    enum wess_code rc = WESS_OK;
    if (is_out_of_sight(g))
        g->out->code = WESS_CONFLICT;
    for (size_t i = 0; rc == WESS_OK && g->out->code == WESS_OK && i < want.n; i++) {
        const struct wess_record *before = wess_attached_find(g->had, want.of[i].key);
        const struct wess_blob *bytes = wess_attached_bytes(&want.of[i]);
        if (bytes && !wess_blob_same(bytes, wess_attached_bytes(before)))
            rc = write_one(g, &want.of[i], before);
    }
    for (size_t i = 0; rc == WESS_OK && g->out->code == WESS_OK && i < had.n; i++)
        if (!wess_attached_find(g->want, had.of[i].key))
            rc = take_away(g, &had.of[i]);
    return rc;
}

/* What a new record shows has its files too; those that were refused are not there. */
static bool show(struct going *g)
{
    const struct wess_host *h = g->t->call->conn->host;
    struct wess_records want = wess_attached_of(g->want);
    struct wess_record *of = h->alloc(g->t->call->arena, (want.n + 1) * sizeof(*of));
    size_t n = 0;
    if (!g->out->current || g->out->code != WESS_OK)
        return true;
    for (size_t i = 0; of && i < want.n; i++) {
        bool refused = false;
        for (size_t k = 0; k < g->out->n_refused; k++) {
            const char *field = g->out->refused[k].field, *dot = strchr(field, '.');
            refused |= !strncmp(field, WESS_ATTACHED, strlen(WESS_ATTACHED)) &&
                       (!dot || !strcmp(dot + 1, want.of[i].key));
        }
        if (!refused)
            of[n++] = want.of[i];
    }
    if (of && n)
        g->out->current =
            wess_attached_to(h, g->t->call->arena, g->out->current, (struct wess_records){of, n});
    return of && g->out->current;
}

/* ---- a batch
 * ------------------------------------------------------------------------------------------ */

static bool has_files(const struct wb_table *t, size_t i)
{
    const struct wess_op *op = &t->ops[i];
    return op->what != WESS_DELETE && t->out[i].code == WESS_OK &&
           wb_field_of(&op->item, WESS_ATTACHED) &&
           (wess_attached_of(wb_field_of(&op->item, WESS_ATTACHED)).n ||
            wess_attached_of(had_by(op)).n);
}

static enum wess_code write_each(struct wb_table *t, struct wb_noted *of, enum wess_code rc)
{
    for (size_t i = 0, at = 0; i < t->n; i++) {
        if (!has_files(t, i))
            continue;
        struct going g = {.t = t,
                          .op = i,
                          .out = &t->out[i],
                          .of = of ? &of[at++] : NULL,
                          .want = wb_field_of(&t->ops[i].item, WESS_ATTACHED),
                          .had = had_by(&t->ops[i])};
        if (rc == WESS_OK)
            rc = g.of->type ? write_all(&g) : WESS_UNKNOWN;
        if (rc == WESS_OK && !show(&g))
            rc = spent(t->call);
        /* A record that was made is not to be made once more: looked up, it gets the rest. */
        if (rc != WESS_OK || (t->ops[i].what == WESS_CREATE && t->out[i].code == WESS_CONFLICT))
            t->out[i].code = WESS_UNKNOWN;
    }
    return rc;
}

enum wess_code wb_files_write(struct wb_table *t, enum wess_code rc)
{
    struct wb_noted *of = t->call->conn->host->alloc(t->call->arena, (t->n + 1) * sizeof(*of));
    size_t n = 0;
    if (!of)
        rc = spent(t->call);
    for (size_t i = 0; i < t->n; i++)
        n += has_files(t, i);
    if (!n)
        return rc;
    if (rc == WESS_OK)
        rc = wb_learn_types(t);
    n = 0;
    for (size_t i = 0; of && i < t->n; i++)
        if (has_files(t, i))
            of[n++] = (struct wb_noted){.id = t->out[i].id ? t->out[i].id : wb_id_of(&t->ops[i]),
                                        .type = t->types[i]};
    if (rc == WESS_OK)
        rc = wb_files_list(t->call, of, n);
    return write_each(t, of, rc);
}
