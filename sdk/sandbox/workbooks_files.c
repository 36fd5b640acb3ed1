/* Notes and the files on them (B8, B9): a file comes as a part of a multipart form, hangs on a note
 * by resource_upload_files, and is one of upload_files from then on. */
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workbooks.h"

#define HANDLE "upload:" /* and a number: what a column holds of an upload */
#define NOTE "Private::Note"

/* B9, Note. */
const char *const wb_note_columns[] = {
    "resource_id", "resource_type",   "subject",
    "text",        "created_through", "created_through_reference",
    NULL};
/* B9, File upload: what is attached, and what became of it. */
const char *const wb_resource_columns[] = {"resource_id",
                                           "resource_type",
                                           "resource_attribute",
                                           "upload_file[data]",
                                           "created_through",
                                           "created_through_reference",
                                           NULL};
const char *const wb_resource_shown[] = {"upload_file_id",
                                         "upload_file[id]",
                                         "upload_file[lock_version]",
                                         "upload_file[file_name]",
                                         "upload_file[file_content_type]",
                                         "upload_file[file_size]",
                                         NULL};
const char *const wb_upload_columns[] = {"data", "created_through", "created_through_reference",
                                         NULL};
const char *const wb_upload_shown[] = {"file_name", "file_content_type", "file_size", NULL};

/* ---- what was uploaded
 * ------------------------------------------------------------------------------------------ */

struct upload {
    char *name, *type, *bytes;
    size_t len;
};
static struct upload *uploads;
static size_t n_uploads, n_before; /* n_before: of earlier requests */

static size_t keep(const char *name, size_t name_len, const char *type, size_t type_len,
                   const void *bytes, size_t len)
{
    struct upload *more = realloc(uploads, (n_uploads + 1) * sizeof(*more));
    if (!more)
        abort();
    uploads = more;
    more += n_uploads;
    *more = (struct upload){strndup(name, name_len), strndup(type, type_len), malloc(len + 1), len};
    if (!more->name || !more->type || !more->bytes)
        abort();
    if (len)
        memcpy(more->bytes, bytes, len);
    return n_uploads++;
}

static const struct upload *upload_of(const char *handle)
{
    size_t len = strlen(HANDLE);
    size_t n =
        handle && !strncmp(handle, HANDLE, len) ? strtoul(handle + len, NULL, 10) : n_uploads;
    return n < n_uploads ? &uploads[n] : NULL;
}

static bool is_new(const char *handle)
{
    const struct upload *u = upload_of(handle);
    return u && (size_t)(u - uploads) >= n_before;
}

void wb_files_begin(void)
{
    n_before = n_uploads;
}

void wb_files_free(void)
{
    for (size_t i = 0; i < n_uploads; i++) {
        free(uploads[i].name);
        free(uploads[i].type);
        free(uploads[i].bytes);
    }
    free(uploads);
    uploads = NULL;
    n_uploads = 0;
}

/* ---- multipart/form-data, as the vendor's bindings write it
 * ------------------------------------------------------------------------------------------ */

#define BOUNDARY "multipart/form-data; boundary="
#define DISPOSITION "Content-Disposition: form-data; name=\""
#define FILENAME "\"; filename=\""
#define TYPE "Content-Type: "

bool wb_is_multipart(const struct sb_request *r)
{
    const char *type = sb_header(r, "Content-Type");
    return type && !strncmp(type, "multipart/", 10);
}

static void put_encoded(struct sb_buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        sb_buf_fmt(out, "%%%02X", (unsigned char)text[i]);
}

struct part {
    const char *name, *file, *type, *value; /* file NULL: none */
    size_t name_len, file_len, type_len, len;
};

/* The head of a part, which ends with an empty line. */
static bool read_head(struct part *p, const char *head, const char *end)
{
    const char *line = memmem(head, (size_t)(end - head), "\r\n", 2);
    const char *stop = (line ? line : end) - 1; /* the last quotation mark */
    p->name = head + strlen(DISPOSITION);
    if (stop < p->name || strncmp(head, DISPOSITION, strlen(DISPOSITION)) || *stop != '"')
        return false;
    const char *file = memmem(p->name, (size_t)(stop - p->name), FILENAME, strlen(FILENAME));
    p->name_len = (size_t)((file ? file : stop) - p->name);
    if (!file)
        return !line;
    p->file = file + strlen(FILENAME);
    p->file_len = (size_t)(stop - p->file);
    p->type = line ? line + 2 + strlen(TYPE) : end;
    if (p->type >= end || strncmp(line + 2, TYPE, strlen(TYPE)) != 0)
        return false;
    p->type_len = (size_t)(end - p->type);
    return p->file_len > 0 && !memchr(p->file, '"', p->file_len);
}

static void put_part(struct sb_buf *out, const struct part *p, bool keeps)
{
    char handle[40] = HANDLE;
    if (out->len)
        sb_buf_str(out, "&");
    put_encoded(out, p->name, p->name_len);
    sb_buf_str(out, "=");
    if (p->file && keeps)
        snprintf(handle, sizeof(handle), HANDLE "%zu",
                 keep(p->file, p->file_len, p->type, p->type_len, p->value, p->len));
    put_encoded(out, p->file ? handle : p->value, p->file ? strlen(handle) : p->len);
}

char *wb_form_of(const struct sb_request *r, bool keeps)
{
    const char *type = sb_header(r, "Content-Type"), *at = r->body, *end = at + r->body_len;
    char mark[128];
    struct sb_buf out = {0};
    if (strncmp(type, BOUNDARY, strlen(BOUNDARY)) || strlen(type + strlen(BOUNDARY)) > 70)
        return NULL;
    int n = snprintf(mark, sizeof(mark), "\r\n--%s", type + strlen(BOUNDARY));
    if ((size_t)(end - at) < (size_t)n || strncmp(at, mark + 2, (size_t)n - 2))
        return NULL;
    at += n - 2;
    sb_buf_str(&out, "");
    while (end - at > 2 && !strncmp(at, "\r\n", 2)) {
        struct part p = {0};
        const char *body = memmem(at + 2, (size_t)(end - at - 2), "\r\n\r\n", 4);
        const char *next =
            body ? memmem(body + 4, (size_t)(end - body - 4), mark, (size_t)n) : NULL;
        if (!next || !read_head(&p, at + 2, body))
            break;
        p.value = body + 4;
        p.len = (size_t)(next - p.value);
        put_part(&out, &p, keeps);
        at = next + n;
    }
    if (end - at == 4 && !strncmp(at, "--\r\n", 4))
        return out.data;
    sb_buf_free(&out);
    return NULL;
}

/* ---- the records
 * ------------------------------------------------------------------------------------------ */

/* B9: notes and files are of another record, and die with it. */
static struct wb_record *parent_of(const struct wb_record *p)
{
    const char *type = wb_value(p, "resource_type"), *id = wb_value(p, "resource_id");
    for (size_t i = 0; type && id && i < WB_SETS; i++)
        if (!strcmp(wb_sets[i].class, type))
            return wb_by_id(&wb_sets[i], strtoll(id, NULL, 10));
    return NULL;
}

static struct wb_record *resource_of(int64_t file)
{
    struct wb_set *s = &wb_sets[WB_RESOURCES];
    for (size_t i = 0; i < s->n; i++)
        if (s->rows[i].file == file)
            return &s->rows[i];
    return NULL;
}

bool wb_is_gone(const struct wb_record *p)
{
    const struct wb_record *up = NULL;
    if (p->deleted)
        return true;
    if (p->of == &wb_sets[WB_UPLOADS])
        up = resource_of(p->id);
    else if (p->of == &wb_sets[WB_NOTES] || p->of == &wb_sets[WB_RESOURCES])
        up = parent_of(p);
    else
        return false;
    const struct wb_record *file = p->file ? wb_by_id(&wb_sets[WB_UPLOADS], p->file) : NULL;
    return !up || (up->of == &wb_sets[WB_RESOURCES] ? wb_is_gone(parent_of(up)) : wb_is_gone(up)) ||
           (file && file->deleted);
}

/* B13: whether such a change counts as one of the record above nobody says. */
void wb_touch_above(const struct wb_record *p)
{
    bool is_upload = p->of == &wb_sets[WB_UPLOADS];
    struct wb_record *up = is_upload ? resource_of(p->id) : NULL;
    if (strcmp(sb_switch("note_touches", "off"), "on"))
        return;
    for (up = parent_of(is_upload ? up : p); up; up = parent_of(up)) {
        up->lock++;
        wb_touch(up);
    }
}

const char *wb_note_refuses(const char *column, const char *value)
{
    if (!strcmp(column, "resource_id"))
        return *value && !value[strspn(value, "0123456789")] ? NULL : "is not a number";
    if (strcmp(column, "resource_type"))
        return strcmp(column, "text") && strlen(value) > 255 * 4 ? "is too long" : NULL;
    for (size_t i = 0; i < WB_SETS; i++)
        if (!strcmp(wb_sets[i].class, value))
            return NULL;
    return "is not a type of record";
}

/* Attaching to notes is all that is shown. */
const char *wb_resource_refuses(const char *column, const char *value)
{
    if (!strcmp(column, "resource_type"))
        return strcmp(value, NOTE) ? "cannot have files" : NULL;
    if (!strcmp(column, "resource_attribute"))
        return strcmp(value, "upload_files") ? "is not an attribute" : NULL;
    if (!strcmp(column, "upload_file[data]"))
        return is_new(value) ? NULL : "is not a file";
    return wb_note_refuses(column, value);
}

const char *wb_upload_refuses(const char *column, const char *value)
{
    return strcmp(column, "data") || is_new(value) ? NULL : "is not a file";
}

const char *wb_files_lack(const struct wb_set *s, const char *(*given)(const void *, const char *),
                          const void *ctx)
{
    const char *id = given(ctx, "resource_id"), *type = given(ctx, "resource_type");
    if (s == &wb_sets[WB_UPLOADS])
        return "is attached by resource_upload_files";
    if (s != &wb_sets[WB_NOTES] && s != &wb_sets[WB_RESOURCES])
        return NULL;
    if (s == &wb_sets[WB_RESOURCES] &&
        (!given(ctx, "resource_attribute") || !given(ctx, "upload_file[data]")))
        return "must be given";
    for (size_t i = 0; id && type && i < WB_SETS; i++)
        if (!strcmp(wb_sets[i].class, type)) {
            const struct wb_record *up = wb_by_id(&wb_sets[i], strtoll(id, NULL, 10));
            return up && !wb_is_gone(up) ? NULL : "does not exist";
        }
    return "must be given";
}

void wb_resource_settle(struct wb_record *p)
{
    const char *handle = wb_value(p, "upload_file[data]");
    if (p->file || !handle)
        return;
    struct wb_record *file = wb_new(&wb_sets[WB_UPLOADS]);
    wb_set_named_value(file, "data", handle);
    p->file = file->id;
}

static json_t *show_upload(const struct wb_record *p, const char *column)
{
    const struct upload *u = upload_of(wb_value(p, "data"));
    if (u && !strcmp(column, "file_name"))
        return json_string(u->name);
    if (u && !strcmp(column, "file_content_type"))
        return json_string(u->type);
    if (u && !strcmp(column, "file_size"))
        return json_integer((json_int_t)u->len);
    return !strcmp(column, "data") ? json_null() : NULL;
}

json_t *wb_files_show(const struct wb_record *p, const char *column, bool epoch)
{
    char inner[32];
    const char *of = "upload_file[";
    size_t len = strlen(of);
    const struct wb_record *file = p->file ? wb_by_id(&wb_sets[WB_UPLOADS], p->file) : NULL;
    if (p->of == &wb_sets[WB_UPLOADS])
        return show_upload(p, column);
    if (!strcmp(column, "resource_id"))
        return json_integer(strtoll(wb_value(p, column) ? wb_value(p, column) : "0", NULL, 10));
    if (!strcmp(column, "upload_file_id"))
        return json_integer(p->file);
    if (strncmp(column, of, len) || strlen(column) > sizeof(inner) || !file)
        return NULL;
    snprintf(inner, sizeof(inner), "%.*s", (int)(strlen(column) - len - 1), column + len);
    return wb_column_json(file, inner, epoch);
}

void wb_download(const char *path, struct sb_response *out)
{
    const struct wb_record *p =
        wb_by_id(&wb_sets[WB_UPLOADS], strtoll(path + strlen("/upload_files/"), NULL, 10));
    const struct upload *u = p && !wb_is_gone(p) ? upload_of(wb_value(p, "data")) : NULL;
    out->status = u ? 200 : 404;
    out->type = "application/octet-stream";
    sb_buf_add(&out->body, u ? u->bytes : "", u ? u->len : 0);
}

bool wb_is_download(const char *path)
{
    const char *start = "/upload_files/", *end = "/download.api";
    size_t a = strlen(start), b = strlen(end), len = strlen(path);
    return len > a + b && !strncmp(path, start, a) && !strcmp(path + len - b, end) &&
           strspn(path + a, "0123456789") == len - a - b;
}

/* ---- by hand
 * ------------------------------------------------------------------------------------------ */

json_t *wb_file_told(const struct wb_record *p)
{
    const struct upload *u = upload_of(wb_value(p, "data"));
    const struct wb_record *r = resource_of(p->id);
    unsigned char digest[SHA256_DIGEST_SIZE];
    char hex[2 * SHA256_DIGEST_SIZE + 1];
    struct sha256_ctx c;
    if (!u || !r || wb_is_gone(p))
        return NULL;
    sha256_init(&c);
    sha256_update(&c, u->len, (const uint8_t *)u->bytes);
    sha256_digest(&c, sizeof(digest), digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        sprintf(hex + 2 * i, "%02x", digest[i]);
    return json_pack("{s:s,s:s,s:s,s:I}", "name", u->name, "type", u->type, "sha256", hex, "note",
                     (json_int_t)strtoll(wb_value(r, "resource_id"), NULL, 10));
}

const char *wb_file_bytes(const struct wb_record *p, const char **name, size_t *len,
                          const struct wb_record **of)
{
    const struct upload *u = upload_of(wb_value(p, "data"));
    if (!u || wb_is_gone(p))
        return NULL;
    *name = u->name;
    *len = u->len;
    *of = parent_of(parent_of(resource_of(p->id)));
    return u->bytes;
}

static struct wb_record *file_named(const struct wb_record *note, const char *name)
{
    struct wb_set *s = &wb_sets[WB_UPLOADS];
    for (size_t i = 0; i < s->n; i++) {
        const struct wb_record *r = resource_of(s->rows[i].id);
        const struct upload *u = upload_of(wb_value(&s->rows[i], "data"));
        if (r && u && parent_of(r) == note && !wb_is_gone(&s->rows[i]) && !strcmp(u->name, name))
            return &s->rows[i];
    }
    return NULL;
}

/* Puts a file on a note, in place of the one of that name. */
bool wb_attach(struct wb_record *note, const char *query)
{
    char *name = sb_param(query, "name", 0), *text = sb_param(query, "text", 0), handle[40], id[24];
    if (note && note->of == &wb_sets[WB_NOTES] && name && text) {
        struct wb_record *p = file_named(note, name);
        snprintf(handle, sizeof(handle), HANDLE "%zu",
                 keep(name, strlen(name), "text/plain", 10, text, strlen(text)));
        snprintf(id, sizeof(id), "%lld", (long long)note->id);
        if (p) {
            wb_set_named_value(p, "data", handle);
            p->lock++;
        } else {
            p = wb_new(&wb_sets[WB_RESOURCES]);
            wb_set_named_value(p, "resource_id", id);
            wb_set_named_value(p, "resource_type", NOTE);
            wb_set_named_value(p, "resource_attribute", "upload_files");
            wb_set_named_value(p, "upload_file[data]", handle);
            wb_resource_settle(p);
        }
        wb_touch_above(p);
    }
    bool ok = name && text;
    free(name);
    free(text);
    return ok;
}
