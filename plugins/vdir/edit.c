/* An op as changes of lines: a line is touched only where what it says is to be something else. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "edit.h"

#define NAME_PARTS 5u

void vdir_refuse(struct wess_call *call, struct wess_result *out, const char *field,
                 const char *text)
{
    struct wess_refused *of =
        call->conn->host->alloc(call->arena, (out->n_refused + 1) * sizeof(*of));
    if (!of)
        return;
    if (out->n_refused)
        memcpy(of, out->refused, out->n_refused * sizeof(*of));
    of[out->n_refused++] = (struct wess_refused){field, text, "not-understood"};
    out->refused = of;
}

/* ---- the line under way
 * ------------------------------------------------------------------------------------------ */

bool edit_equal(struct wess_slice a, struct wess_slice b)
{
    return a.len == b.len && (!a.len || !memcmp(a.data, b.data, a.len));
}

void edit_fresh(struct edit *e)
{
    e->spent |= e->text.spent;
    e->text.len = 0;
    lines_puts(&e->text, "");
}

void edit_add(struct edit *e)
{
    lines_add(e->v, e->text.spent ? NULL : e->text.data);
}

void edit_set(struct edit *e, size_t line)
{
    if (e->text.spent)
        e->spent = true;
    else
        lines_set(e->v, line, (struct wess_slice){e->text.data, e->text.len});
}

char *edit_blob_text(struct edit *e, const struct wess_blob *b)
{
    const struct wess_host *h = e->host;
    struct wess_spool *s = NULL;
    size_t at = 0;
    int64_t n = 0;
    char *text = b->size < LINES_BYTES ? h->alloc(e->call->arena, (size_t)b->size + 1) : NULL;
    if (!text || h->blob_open(h->ctx, b->digest, &s) != WESS_OK)
        return NULL;
    while (at < b->size && (n = h->blob_get(s, text + at, (size_t)b->size - at)) > 0)
        at += (size_t)n;
    h->blob_close(s);
    return at == b->size ? text : NULL;
}

/* ---- single values
 * ------------------------------------------------------------------------------------------ */

/* Where a new value of that field goes. */
static const char *new_property(const struct edit *e, const struct vdir_field *f)
{
    bool v4 = e->v->version == VCARD_40;
    if (!strcmp(f->name, "anniversary"))
        return v4 ? "ANNIVERSARY:" : "X-ANNIVERSARY:";
    if (!strcmp(f->name, "spouse"))
        return v4 ? "RELATED;TYPE=spouse;VALUE=text:" : "X-SPOUSE:";
    return NULL;
}

/* RFC 6350 knows the basic form of a date only. */
static void put_date(struct edit *e, struct wess_slice date)
{
    const char *p = date.data;
    size_t keep = date.len == 7 ? 2 : 0;
    for (size_t i = 0; i < date.len; i++)
        if (e->v->version != VCARD_40 || p[i] != '-' || i < keep)
            lines_put(&e->text, &p[i], 1);
}

/* RELATED is an address unless it says that it is a text. */
static void set_related(struct edit *e, size_t line)
{
    struct lines_buf b = {0};
    const struct line *l = &e->v->lines[line];
    if (l->group.len) {
        lines_put(&b, l->group.data, l->group.len);
        lines_puts(&b, ".");
    }
    lines_puts(&b, "RELATED;TYPE=spouse;VALUE=text:");
    lines_put(&b, e->text.data, e->text.len);
    lines_replace(e->v, line, b.spent ? NULL : b.data);
    lines_buf_fini(&b);
}

static void write_plain(struct edit *e, const struct vdir_field *f, size_t line,
                        struct wess_slice value)
{
    const char *property = new_property(e, f);
    if (!value.len) {
        /* FN is mandatory: name_it() fills it where it stands. */
        if (line != LINES_NONE && !strcmp(f->name, "fn"))
            lines_set(e->v, line, value);
        else if (line != LINES_NONE)
            lines_drop(e->v, line);
        return;
    }
    edit_fresh(e);
    if (line == LINES_NONE) {
        lines_puts(&e->text, property ? property : f->names[0]);
        lines_puts(&e->text, property ? "" : ":");
    }
    if (f->form == VDIR_DATE)
        put_date(e, value);
    else if (f->form == VDIR_URI)
        lines_put_line(&e->text, value);
    else
        lines_put_escaped(&e->text, value);
    if (line == LINES_NONE)
        edit_add(e);
    else if (lines_is(&e->v->lines[line], "RELATED"))
        set_related(e, line);
    else
        edit_set(e, line);
}

/* One component; the others stay as they are, however they are escaped. */
static void put_components(struct edit *e, struct wess_slice old, size_t least, size_t part,
                           struct wess_slice value)
{
    struct wess_slice one;
    for (size_t i = 0; lines_component(old, i, &one) || i <= part || i < least; i++) {
        if (i)
            lines_puts(&e->text, ";");
        if (i == part)
            lines_put_escaped(&e->text, value);
        else
            lines_put_part(&e->text, one);
    }
}

static void write_part(struct edit *e, const struct vdir_field *f, size_t line,
                       struct wess_slice value)
{
    struct wess_slice old = {"", 0};
    bool name = !strcmp(f->names[0], "N");
    if (line != LINES_NONE && !vdir_decode(e->call, &e->v->lines[line], &old, &e->spent))
        return;
    if (line == LINES_NONE && !value.len)
        return;
    edit_fresh(e);
    if (line == LINES_NONE) {
        lines_puts(&e->text, f->names[0]);
        lines_puts(&e->text, ":");
    }
    put_components(e, old, name ? NAME_PARTS : 0, f->part, value);
    if (line == LINES_NONE)
        edit_add(e);
    else if (!name && strspn(e->text.data, ";") == e->text.len)
        lines_drop(e->v, line);
    else
        edit_set(e, line);
}

static void write_field(struct edit *e, const struct vdir_field *f, const struct wess_field *w)
{
    size_t line = vdir_line(e->v, f);
    struct wess_slice now = {"", 0}, value = {"", 0};
    if (line != LINES_NONE && !vdir_read_line(e->call, e->v, line, f, &now, &e->spent)) {
        if (!e->spent)
            vdir_refuse(e->call, e->out, f->name,
                        "the file has it in a form that is not understood");
        return;
    }
    if (w->type == WESS_TEXT || w->type == WESS_DATE)
        value = w->str;
    if (w->type == WESS_BLOB) {
        value.data = edit_blob_text(e, &w->blob);
        value.len = value.data ? (size_t)w->blob.size : 0;
        if (!value.data) {
            vdir_refuse(e->call, e->out, f->name, "it is longer than a file may be");
            return;
        }
    }
    if (edit_equal(now, value))
        return;
    if (f->form == VDIR_PART)
        write_part(e, f, line, value);
    else
        write_plain(e, f, line, value);
}

/* ---- categories
 * ------------------------------------------------------------------------------------------ */

static bool is_in(const struct wess_list *l, struct wess_slice s)
{
    for (size_t i = 0; i < l->n; i++)
        if (strlen(l->of[i]) == s.len && !memcmp(l->of[i], s.data, s.len))
            return true;
    return false;
}

/* The line without what is no longer wanted, `more` behind it. */
static void write_tag_line(struct edit *e, size_t line, const struct wess_list *want,
                           struct wess_list more)
{
    struct wess_slice rest, one, text;
    bool changed = more.n > 0, any = false, left = more.n > 0;
    if (!vdir_decode(e->call, &e->v->lines[line], &rest, &e->spent)) {
        if (more.n)
            vdir_refuse(e->call, e->out, "categories",
                        "the file has them in a form that is not understood");
        return;
    }
    edit_fresh(e);
    while (lines_next_in_list(&rest, &one)) {
        e->spent |= !vdir_unescape(e->call, one, &text);
        if (e->spent)
            return;
        text = vdir_trimmed(text);
        if (text.len && !is_in(want, text)) {
            changed = true;
            continue;
        }
        lines_puts(&e->text, any ? "," : "");
        lines_put_part(&e->text, one);
        left |= text.len > 0;
        any |= one.len > 0;
    }
    for (size_t i = 0; i < more.n; i++) {
        lines_puts(&e->text, any || i ? "," : "");
        lines_put_escaped(&e->text, (struct wess_slice){more.of[i], strlen(more.of[i])});
    }
    if (changed && !left)
        lines_drop(e->v, line);
    else if (changed)
        edit_set(e, line);
}

void edit_tags(struct edit *e, const struct wess_field *w)
{
    const struct wess_list none = {NULL, 0}, *want = w->type == WESS_SET ? &w->set : &none;
    struct wess_list now;
    const char **more = e->host->alloc(e->call->arena, (want->n + 1) * sizeof(*more));
    size_t n = 0, first = lines_find(e->v, "CATEGORIES", 0);
    if (!more || !vdir_tags(e->call, e->v, &now)) {
        e->spent = true;
        return;
    }
    for (size_t i = 0; i < want->n; i++)
        if (!is_in(&now, (struct wess_slice){want->of[i], strlen(want->of[i])}))
            more[n++] = want->of[i];
    if (first == LINES_NONE && n) {
        lines_add(e->v, "CATEGORIES:");
        first = e->v->n - 1;
    }
    for (size_t i = first; i != LINES_NONE && !e->v->spent;
         i = lines_find(e->v, "CATEGORIES", i + 1))
        write_tag_line(e, i, want, i == first ? (struct wess_list){more, n} : none);
}

/* ---- the whole
 * ------------------------------------------------------------------------------------------ */

static void write_one(struct edit *e, const struct wess_field *w)
{
    if (!strcmp(w->name, "categories")) {
        edit_tags(e, w);
        return;
    }
    if (!strcmp(w->name, "photo")) {
        edit_photo(e, w);
        return;
    }
    for (int what = VDIR_MAIL; what <= VDIR_PLACE; what++)
        if (!strcmp(w->name, vdir_record_field[what])) {
            edit_records(e, (enum vdir_records)what, w);
            return;
        }
    for (size_t i = 0; i < vdir_n_fields; i++)
        if (!strcmp(w->name, vdir_fields[i].name)) {
            write_field(e, &vdir_fields[i], w);
            return;
        }
    vdir_refuse(e->call, e->out, w->name, "a card has no place for it");
}

static struct wess_slice shown(struct edit *e, const char *name)
{
    struct wess_slice text = {"", 0};
    for (size_t i = 0; i < vdir_n_fields; i++) {
        size_t line =
            strcmp(vdir_fields[i].name, name) ? LINES_NONE : vdir_line(e->v, &vdir_fields[i]);
        if (line != LINES_NONE)
            vdir_read_line(e->call, e->v, line, &vdir_fields[i], &text, &e->spent);
    }
    return text;
}

/* Made of what there is. */
static void name_it(struct edit *e)
{
    size_t line = lines_find(e->v, "FN", 0);
    if (line != LINES_NONE && e->v->lines[line].value.len)
        return;
    struct wess_slice given = shown(e, "name.given"), family = shown(e, "name.family"),
                      other = shown(e, "org");
    struct vdir_entries mails = {0};
    if (!other.len && vdir_entries(e->call, e->v, VDIR_MAIL, &mails) && mails.n)
        other = mails.of[0].text;
    edit_fresh(e);
    lines_puts(&e->text, line == LINES_NONE ? "FN:" : "");
    lines_put_escaped(&e->text, given);
    lines_puts(&e->text, given.len && family.len ? " " : "");
    lines_put_escaped(&e->text, family);
    if (!given.len && !family.len)
        lines_put_escaped(&e->text, other);
    if (line == LINES_NONE)
        edit_add(e);
    else
        edit_set(e, line);
}

void edit_stamp(struct edit *e)
{
    const char *stamp = e->op->stamp;
    size_t line = lines_find(e->v, VDIR_STAMP, 0);
    if (stamp && !*stamp && line != LINES_NONE)
        lines_drop(e->v, line);
    if (!stamp || !*stamp || line != LINES_NONE)
        return;
    edit_fresh(e);
    lines_puts(&e->text, VDIR_STAMP ":");
    lines_put_line(&e->text, (struct wess_slice){stamp, strlen(stamp)});
    edit_add(e);
}

void vdir_blank(struct lines_buf *b, bool v4, const char *uid)
{
    lines_puts(b, "BEGIN:VCARD\r\nVERSION:");
    lines_puts(b, v4 ? "4.0" : "3.0");
    lines_puts(b, "\r\nUID:");
    lines_puts(b, uid);
    lines_puts(b, "\r\nEND:VCARD\r\n");
}

static bool shows(const struct wess_item *item, const char *name)
{
    for (size_t i = 0; i < item->n_fields; i++)
        if (!strcmp(item->fields[i].name, name))
            return true;
    return false;
}

enum wess_code vdir_edit(struct wess_call *call, struct lines *v, const struct wess_op *op,
                         struct wess_result *out)
{
    struct edit e = {.call = call, .host = call->conn->host, .v = v, .op = op, .out = out};
    for (size_t i = 0; i < op->item.n_fields && !e.spent && !v->spent; i++)
        write_one(&e, &op->item.fields[i]);
    if (op->what == WESS_CREATE || shows(&op->item, "fn"))
        name_it(&e);
    /* RFC 2426 asks for N as well. */
    if (op->what == WESS_CREATE && v->version == VCARD_30 && lines_find(v, "N", 0) == LINES_NONE)
        lines_add(v, "N:;;;;");
    edit_stamp(&e);
    bool spent = e.spent || e.text.spent || v->spent;
    lines_buf_fini(&e.text);
    if (spent)
        return wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL,
                         "memory for one batch is spent");
    return WESS_OK;
}
