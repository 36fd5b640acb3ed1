/* Reading the files of records: two queries for a batch, and a request for each file. */
#include "files.h"

#include <stdlib.h>
#include <string.h>

#define NAME_MOST 255u  /* bytes of a name, which is the key */
#define EXT_MOST 16u    /* bytes of its end, which say what it is */
#define PAGES_MOST 400u /* of one list: the files of a batch, and more is no list */

bool wb_has_files(const struct wess_conn *c, const struct wb_kind *k)
{
    return c->attachments && k->files && !c->notes_lack;
}

static enum wess_code spent(struct wess_call *call)
{
    return wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "out of memory");
}

/* ---- lists
 * ------------------------------------------------------------------------------------------ */

struct walk {
    struct wess_call *call;
    struct wb_noted *of;
    size_t n;
    struct wess_vec notes; /* struct note: those of ours, of whichever record */
    bool spent;
};
struct note {
    const char *id;
    size_t of;
};
typedef void take_row(struct walk *, const json_t *row);

/* Pages by number: what is added or taken away meanwhile moves nothing else. */
static enum wess_code each_row(struct walk *w, const char *path, struct wb_filter *by, size_t n,
                               const char *const *columns, take_row *take)
{
    char last[24] = "0";
    const char *from = last;
    struct wess_call *call = w->call;
    by[n] = (struct wb_filter){"id", "gt", &from, 1};
    for (size_t page = 0; page < PAGES_MOST; page++) {
        json_t *rows = NULL;
        enum wess_code rc = wb_rows_page(call, path, by, n + 1, columns, &rows);
        size_t got = json_array_size(rows);
        for (size_t i = 0; rc == WESS_OK && i < got; i++) {
            char number[24];
            const json_t *row = json_array_get(rows, i);
            const char *id = wb_text(row, "id", number);
            if (!id || strtoll(id, NULL, 10) <= strtoll(last, NULL, 10))
                rc = wess_fail(&call->error, WESS_BROKEN, WESS_OF_HOST, NULL,
                               "Workbooks does not list notes and files by their numbers");
            else
                snprintf(last, sizeof(last), "%s", id);
            if (rc == WESS_OK)
                take(w, row);
        }
        json_decref(rows);
        if (rc == WESS_OK && w->spent)
            rc = spent(call);
        if (rc != WESS_OK || got < WB_ROWS_PAGE)
            return rc;
    }
    return wess_fail(&call->error, WESS_BROKEN, WESS_OF_HOST, NULL,
                     "Workbooks lists notes or files without end");
}

static bool is_of(const json_t *row, const char *column, const char *value)
{
    char number[24];
    const char *text = wb_text(row, column, number);
    return text && value && !strcmp(text, value);
}

static char *copied(struct walk *w, const json_t *row, const char *column)
{
    char number[24];
    const char *text = wb_text(row, column, number);
    char *out = text ? wess_arena_text(w->call->conn->host, w->call->arena, text) : NULL;
    w->spent |= text && !out;
    return out;
}

/* Of two notes, which a lost answer may have left, the first gets what is new. */
static void take_note(struct walk *w, const json_t *row)
{
    for (size_t i = 0; i < w->n; i++) {
        if (!is_of(row, "resource_id", w->of[i].id) || !is_of(row, "resource_type", w->of[i].type))
            continue;
        struct note *slot = wess_vec_push(w->call->conn->host, w->call->arena, &w->notes);
        char *id = copied(w, row, "id");
        w->spent |= !slot;
        if (!slot || !id)
            return;
        *slot = (struct note){id, i};
        w->of[i].note = w->of[i].note ? w->of[i].note : id;
    }
}

static bool has_key(const struct wb_noted *of, const char *key)
{
    const struct wb_file *files = of->of.of;
    for (size_t i = 0; i < of->of.n; i++)
        if (!strcmp(files[i].key, key))
            return true;
    return false;
}

/* Two of one name are told apart by their order. */
static const char *key_for(struct walk *w, const struct wb_noted *of, const char *name)
{
    const char *key = name;
    for (unsigned k = 2; key && has_key(of, key); k++)
        key = wess_arena_fmt(w->call->conn->host, w->call->arena, "%s (%u)", name, k);
    w->spent |= !key;
    return key;
}

/* A longer name goes shorter: left out, a file that was there under another one would count as
 * taken away. */
static const char *fitting(struct walk *w, const char *name)
{
    size_t len = name ? strlen(name) : 0, head;
    const char *dot = name ? strrchr(name, '.') : NULL;
    if (len <= NAME_MOST)
        return name;
    if (!dot || strlen(dot) > EXT_MOST)
        dot = "";
    head = NAME_MOST - strlen(dot);
    while (head && ((unsigned char)name[head] & 0xc0) == 0x80)
        head--;
    name = wess_arena_fmt(w->call->conn->host, w->call->arena, "%.*s%s", (int)head, name, dot);
    w->spent |= !name;
    return name;
}

static void add_file(struct walk *w, struct wb_noted *of, const json_t *row)
{
    const json_t *size = json_object_get(row, "upload_file[file_size]");
    struct wb_file f = {.id = copied(w, row, "upload_file[id]"),
                        .name = fitting(w, copied(w, row, "upload_file[file_name]")),
                        .type = copied(w, row, "upload_file[file_content_type]"),
                        .size = (uint64_t)json_integer_value(size)};
    if (!f.id || !f.name || !*f.name)
        return;
    if (of->of.n >= WB_FILES_MOST) {
        of->beyond++;
        return;
    }
    if (f.type && (!*f.type || strlen(f.type) > NAME_MOST || !strcmp(f.type, WB_NO_TYPE)))
        f.type = NULL;
    f.key = key_for(w, of, f.name);
    struct wb_file *slot = wess_vec_push(w->call->conn->host, w->call->arena, &of->of);
    w->spent |= !slot;
    if (slot)
        *slot = f;
}

static void take_file(struct walk *w, const json_t *row)
{
    const struct note *notes = w->notes.of;
    if (!is_of(row, "resource_type", WB_NOTE_CLASS))
        return;
    for (size_t i = 0; i < w->notes.n; i++)
        if (is_of(row, "resource_id", notes[i].id))
            add_file(w, &w->of[notes[i].of], row);
}

static enum wess_code list_notes(struct walk *w)
{
    static const char *const columns[] = {"id", "resource_id", "resource_type", NULL};
    static const char *const mark[] = {WB_NOTE_MARK};
    const char **ids = w->call->conn->host->alloc(w->call->arena, w->n * sizeof(*ids));
    struct wb_filter by[3] = {{"resource_id", "eq", ids, w->n},
                              {"created_through_reference", "eq", mark, 1}};
    if (!ids)
        return spent(w->call);
    for (size_t i = 0; i < w->n; i++)
        ids[i] = w->of[i].id;
    return each_row(w, WB_NOTE_PATH, by, 2, columns, take_note);
}

static enum wess_code list_files(struct walk *w)
{
    static const char *const columns[] = {"id",
                                          "resource_id",
                                          "resource_type",
                                          "upload_file[id]",
                                          "upload_file[file_name]",
                                          "upload_file[file_content_type]",
                                          "upload_file[file_size]",
                                          NULL};
    static const char *const type[] = {WB_NOTE_CLASS}, *const attribute[] = {"upload_files"};
    const struct note *notes = w->notes.of;
    const char **ids = w->call->conn->host->alloc(w->call->arena, w->notes.n * sizeof(*ids));
    struct wb_filter by[4] = {{"resource_id", "eq", ids, w->notes.n},
                              {"resource_type", "eq", type, 1},
                              {"resource_attribute", "eq", attribute, 1}};
    if (!ids)
        return spent(w->call);
    for (size_t i = 0; i < w->notes.n; i++)
        ids[i] = notes[i].id;
    return each_row(w, WB_ATTACH_PATH, by, 3, columns, take_file);
}

enum wess_code wb_files_list(struct wess_call *call, struct wb_noted *of, size_t n)
{
    struct walk w = {.call = call, .of = of, .n = n, .notes = {.size = sizeof(struct note)}};
    for (size_t i = 0; i < n; i++) {
        of[i].note = NULL;
        of[i].beyond = 0;
        of[i].of = (struct wess_vec){.size = sizeof(struct wb_file)};
    }
    enum wess_code rc = n ? list_notes(&w) : WESS_OK;
    return rc == WESS_OK && w.notes.n ? list_files(&w) : rc;
}

/* ---- a file
 * ------------------------------------------------------------------------------------------ */

enum wess_code wb_file_fetch(struct wess_call *call, const struct wb_file *f, struct wess_blob *out,
                             enum wess_code *told)
{
    char *path =
        wess_arena_fmt(call->conn->host, call->arena, "upload_files/%s/download.api", f->id);
    enum wess_code rc = path ? wb_download(call, path, f->size, out) : spent(call);
    *told = rc == WESS_GONE || rc == WESS_TOO_BIG ? rc : WESS_OK;
    if (*told == WESS_OK)
        return rc;
    call->error = (struct wess_error){0};
    return WESS_OK;
}

/* ---- of what was fetched
 * ------------------------------------------------------------------------------------------ */

/* What is not told counts as taken away: one that cannot be read makes the record one that cannot.
 */
static void leave_out(struct wess_result *r, enum wess_code told)
{
    *r = (struct wess_result){.code = told == WESS_GONE ? WESS_TRANSIENT : told,
                              .text = told == WESS_TOO_BIG
                                          ? "a file on its note is larger than http.body_max lets "
                                            "through"
                                          : "a file on its note is not given out"};
}

static enum wess_code read_of(struct wess_call *call, const struct wb_noted *of,
                              struct wess_result *r)
{
    const struct wess_host *h = call->conn->host;
    struct wess_vec v = {.size = sizeof(struct wess_record)};
    const struct wb_file *files = of->of.of;
    for (size_t i = 0; i < of->of.n; i++) {
        struct wess_blob blob;
        enum wess_code told, rc = wb_file_fetch(call, &files[i], &blob, &told);
        if (rc != WESS_OK)
            return rc;
        if (told != WESS_OK) {
            leave_out(r, told);
            return WESS_OK;
        }
        if (!wess_attached_push(h, call->arena, &v, files[i].key, files[i].name, files[i].type,
                                &blob))
            return spent(call);
    }
    if (!v.n)
        return WESS_OK;
    r->current = wess_attached_to(h, call->arena, r->current, (struct wess_records){v.of, v.n});
    return r->current ? WESS_OK : spent(call);
}

enum wess_code wb_files_read(struct wess_call *call, const char *const *types,
                             struct wess_result *out, size_t n)
{
    struct wb_noted *of = call->conn->host->alloc(call->arena, (n + 1) * sizeof(*of));
    size_t *place = call->conn->host->alloc(call->arena, (n + 1) * sizeof(*place)), m = 0;
    if (!of || !place)
        return spent(call);
    for (size_t i = 0; i < n; i++) {
        if (out[i].code != WESS_OK || !out[i].current)
            continue;
        if (!types[i])
            return wess_fail(&call->error, WESS_BROKEN, WESS_OF_HOST, NULL,
                             "a %s came whose type cannot be read", wb_kind_of(call)->one);
        place[m] = i;
        of[m++] = (struct wb_noted){.id = out[i].id, .type = types[i]};
    }
    enum wess_code rc = wb_files_list(call, of, m);
    for (size_t i = 0; rc == WESS_OK && i < m; i++)
        rc = read_of(call, &of[i], &out[place[i]]);
    return rc;
}
