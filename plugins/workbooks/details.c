#include "details.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "meta.h"

#define BEGIN "[From the calendar: changed there]"
#define END "[End of the calendar's part]"
#define PEOPLE_MOST 100u /* who is named of those who are asked to a meeting */

struct detail {
    const char *field, *label;
    const struct detail *beside; /* without that one it says nothing; NULL: it does */
};
static const struct detail attendees = {"attendees", "With: ", NULL};
static const struct detail details[] = {
    {"location", "Where: ", NULL}, {"organizer", "Organised by: ", &attendees},
    {"attendees", "With: ", NULL}, {"busystatus", "Shown as: ", NULL},
    {"status", "Status: ", NULL},
};
#define DETAILS (sizeof(details) / sizeof(details[0]))

bool wb_is_detail(const char *field)
{
    for (size_t i = 0; i < DETAILS; i++)
        if (!strcmp(details[i].field, field))
            return true;
    return false;
}

/* ---- a text that grows, in the arena
 * ------------------------------------------------------------------------------------------ */

struct text {
    const struct wess_host *host;
    struct wess_arena *a;
    char *of;
    size_t len, cap;
    bool spent;
};

static void add(struct text *t, const char *data, size_t len)
{
    if (t->len + len + 1 > t->cap) {
        size_t cap = 2 * (t->len + len + 1);
        char *more = t->host->alloc(t->a, cap);
        t->spent |= !more;
        if (!more)
            return;
        if (t->len)
            memcpy(more, t->of, t->len);
        t->of = more;
        t->cap = cap;
    }
    memcpy(t->of + t->len, data, len);
    t->len += len;
    t->of[t->len] = 0;
}

/* One line, in which nothing can pass for a mark. */
static void add_line(struct text *t, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = data[i];
        c = (unsigned char)c < ' ' ? ' ' : c == '[' ? '(' : c == ']' ? ')' : c;
        add(t, &c, 1);
    }
}

static void add_word(struct text *t, const char *word)
{
    add(t, word, strlen(word));
}

/* ---- the block in a description
 * ------------------------------------------------------------------------------------------ */

/* The element whose opening tag ends at `at`: where that begins; NULL: there is none. */
static const char *opened_before(const char *html, const char *at)
{
    const char *s = at;
    if (s == html || s[-1] != '>')
        return NULL;
    while (s > html && s[-1] != '<')
        s--;
    return s > html && *s != '/' && *s != '!' && strncmp(s, "br", 2) != 0 ? s - 1 : NULL;
}

/* Behind what breaks no line: the tag that does, or the end. */
static const char *line_end(const char *html)
{
    static const char *const breaks[] = {"br", "p", "div", "li", "ul", "ol", "table", "tr"};
    for (const char *at = html; (at = strchr(at, '<')); at++) {
        const char *name = at + 1 + (at[1] == '/');
        for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++) {
            size_t n = strlen(breaks[i]);
            if (!strncasecmp(name, breaks[i], n) && !isalnum((unsigned char)name[n]))
                return at;
        }
    }
    return html + strlen(html);
}

/* Behind the tag or the blank that is there. */
static const char *over_one(const char *html)
{
    const char *close = *html == '<' ? strchr(html, '>') : html;
    return close ? close + 1 : html + strlen(html);
}

static const char *over_blanks(const char *html)
{
    while (isspace((unsigned char)*html))
        html++;
    return html;
}

static const char *over_tags(const char *html)
{
    while (*html == '<' || isspace((unsigned char)*html))
        html = over_one(html);
    return html;
}

static bool is_line_of_ours(const char *html)
{
    html = over_tags(html);
    for (size_t i = 0; i < DETAILS; i++)
        if (!strncmp(html, details[i].label, strlen(details[i].label)))
            return true;
    return false;
}

/* As far as its lines go: what follows is somebody's. */
static const char *without_end(const char *at)
{
    while (is_line_of_ours(at))
        at = line_end(over_tags(at));
    while (!strncasecmp(over_blanks(at), "<br", 3))
        at = over_blanks(over_one(over_blanks(at)));
    return at;
}

/* Where the block begins and ends, with the elements that hold it and nothing else. */
static bool find_block(const char *html, const char **from, const char **to)
{
    const char *begin = strstr(html, BEGIN), *open;
    size_t around = 0;
    if (!begin)
        return false;
    const char *end = strstr(begin, "[End of the calendar");
    end = end ? strchr(end, ']') : NULL;
    *to = end ? end + 1 : without_end(begin + strlen(BEGIN));
    for (*from = begin; (open = opened_before(html, *from)); around++)
        *from = open;
    for (; around && !strncmp(*to, "</", 2) && strchr(*to, '>'); around--)
        *to = strchr(*to, '>') + 1;
    return true;
}

char *wb_details_cut(const struct wess_host *h, struct wess_arena *a, const char *html,
                     char **block)
{
    const char *from, *to;
    *block = NULL;
    if (!find_block(html, &from, &to))
        return wess_arena_text(h, a, html);
    char *inner = wess_arena_textn(h, a, from, (size_t)(to - from));
    *block = inner ? wb_html_to_text(h, a, inner) : NULL;
    return *block ? wess_arena_fmt(h, a, "%.*s%s", (int)(from - html), html, to) : NULL;
}

/* What the block says of one of them: from behind its label to the end of the line. */
static const char *said(const char *block, const struct detail *d, size_t *len)
{
    size_t label = strlen(d->label);
    for (const char *at = block; at && *at; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, d->label, label) != 0)
            continue;
        *len = strcspn(at + label, "\n");
        return at + label;
    }
    return NULL;
}

/* ---- a value as a line
 * ------------------------------------------------------------------------------------------ */

static const struct wess_field *part_of(const struct wess_record *r, const char *name)
{
    for (size_t i = 0; i < r->n; i++)
        if (!strcmp(r->fields[i].name, name) && r->fields[i].type == WESS_TEXT)
            return &r->fields[i];
    return NULL;
}

static void add_person(struct text *t, const struct wess_record *r)
{
    const struct wess_field *name = part_of(r, "cn");
    bool named = name && name->str.len;
    if (named)
        add_line(t, name->str.data, name->str.len);
    add_word(t, named ? " <" : "");
    add_line(t, r->key, strlen(r->key));
    add_word(t, named ? ">" : "");
}

static void add_people(struct text *t, const struct wess_records *people)
{
    size_t n = people->n < PEOPLE_MOST ? people->n : PEOPLE_MOST;
    for (size_t i = 0; i < n; i++) {
        add_word(t, i ? ", " : "");
        add_person(t, &people->of[i]);
    }
    if (n < people->n)
        add_word(t, ", and others");
}

static void add_value(struct text *t, const struct wess_field *f)
{
    if (f->type == WESS_RECORDS)
        add_people(t, &f->records);
    else if (f->type == WESS_TEXT)
        add_line(t, f->str.data, f->str.len);
}

/* A line of the block as it will be: what the operation says, else what was there. */
static bool add_detail(struct wb_table *t, size_t op, const char *was, const struct detail *d,
                       struct text *out)
{
    const struct wess_field *f = wb_field_of(&t->ops[op].item, d->field);
    size_t len = 0;
    const char *old = f || !was ? NULL : said(was, d, &len);
    if (!old && (!f || f->type == WESS_NULL))
        return false;
    add_word(out, "\n");
    add_word(out, d->label);
    if (old)
        add(out, old, len);
    else
        add_value(out, f);
    return true;
}

/* NULL: nothing is said. Who calls a meeting matters to those who are asked to one. */
static char *block_of(struct wb_table *t, size_t op, const char *was)
{
    struct text out = {.host = t->call->conn->host, .a = t->call->arena};
    bool any = false;
    add_word(&out, BEGIN);
    for (size_t i = 0; t->call->conn->details && i < DETAILS; i++) {
        size_t before = out.len;
        bool people = add_detail(t, op, was, &details[i], &out);
        if (people && details[i].beside) {
            size_t with = out.len;
            people = add_detail(t, op, was, details[i].beside, &out);
            out.len = people ? with : before;
        }
        any |= people;
    }
    add_word(&out, "\n" END);
    t->spent |= out.spent;
    return any && !out.spent ? wb_text_to_html(t->call->conn->host, t->call->arena, out.of, out.len)
                             : NULL;
}

/* ---- the description
 * ------------------------------------------------------------------------------------------ */

/* Where there are to be no blocks, any update takes out one of before. */
static bool changes(const struct wb_table *t, const struct wess_op *op)
{
    const struct wess_conn *c = t->call->conn;
    bool any = wb_field_of(&op->item, "description") ||
               (!c->details && op->what == WESS_UPDATE && wb_meta_has(c, t->kind, "description"));
    for (size_t i = 0; i < DETAILS; i++)
        any |= wb_field_of(&op->item, details[i].field) != NULL;
    return any && op->what != WESS_DELETE;
}

enum wess_code wb_details_read(struct wb_table *t)
{
    static const char *const columns[] = {"id", "description", NULL};
    struct wess_call *call = t->call;
    const char **ids = call->conn->host->alloc(call->arena, (t->n + 1) * sizeof(*ids));
    size_t n = 0;
    if (!ids)
        return WESS_TOO_BIG;
    for (size_t i = 0; i < t->n; i++)
        if (t->ops[i].what == WESS_UPDATE && changes(t, &t->ops[i]))
            ids[n++] = wb_id_of(&t->ops[i]);
    return n ? wb_rows_of(call, t->kind->path, "id", ids, n, columns, &t->found) : WESS_OK;
}

static const char *now(const struct wb_table *t, size_t op)
{
    return json_string_value(
        json_object_get(wb_row_of(t->found, wb_id_of(&t->ops[op])), "description"));
}

void wb_details_put(struct wb_table *t, size_t op)
{
    const struct wess_host *h = t->call->conn->host;
    const char *html = now(t, op), *cell = wb_cell_now(t, op, "description");
    char *was = NULL;
    if (!changes(t, &t->ops[op]))
        return;
    char *rest = html ? wb_details_cut(h, t->call->arena, html, &was) : NULL;
    const char *text = cell ? (strcmp(cell, WB_CLEAR) ? cell : "") : rest ? rest : "";
    const char *block = block_of(t, op, was);
    char *whole = wess_arena_fmt(h, t->call->arena, "%s%s", text, block ? block : "");
    t->spent |= !whole || (html && !rest);
    if (whole && (html || *whole) && (!html || strcmp(whole, html) != 0))
        *wb_cell(t, op, "description") = *whole ? whole : WB_CLEAR;
}
