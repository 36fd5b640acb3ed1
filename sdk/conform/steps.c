/* What several cases do: reading to the end, items to write, single writes. */
#include "probe.h"

#include <stdlib.h>
#include <string.h>

static struct copier to_keep(struct probe *p)
{
    return (struct copier){p, &p->keep};
}

/* ---- reading
 * ------------------------------------------------------------------------------------------ */

const struct seen_item *seen_find(const struct seen *s, const char *id)
{
    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(s->of[i].id, id))
            return &s->of[i];
    return NULL;
}

void take_page(struct probe *p, const struct wess_page *page, struct seen *s)
{
    for (size_t i = 0; i < page->n; i++) {
        const struct wess_change *c = &page->changes[i];
        struct seen_item *at = (struct seen_item *)(uintptr_t)seen_find(s, c->item.id);
        if (!at && s->n == s->cap) {
            size_t cap = s->cap ? s->cap * 2 : 64;
            struct seen_item *of = kept(p, cap * sizeof(*of));
            if (s->n)
                memcpy(of, s->of, s->n * sizeof(*of));
            s->of = of;
            s->cap = cap;
        }
        if (!at)
            at = &s->of[s->n++];
        *at = (struct seen_item){c->item.id, c->item.revision, c->what, &c->item};
    }
}

size_t pull(struct probe *p, struct wess_slice *cursor, uint32_t limit, struct seen *s)
{
    struct wess_page page;
    size_t n = 0;
    do {
        must(p, try_changes(p, *cursor, limit, &page), "changes()");
        if (page.n > limit)
            broke(p, "3.3", "with limit %u a page had %zu changes", limit, page.n);
        /* Where every reading is a snapshot, the last page may lead to the first one. */
        bool over = (page.flags & WESS_PAGE_LAST) && !(p->col->caps & WESS_CAP_DELTA);
        if (!page.next.len && !over)
            broke(p, "3.2", "a page came without a cursor");
        take_page(p, &page, s);
        *cursor = page.next;
        if (++n > PAGES_MOST)
            broke(p, "3.3", "%u pages with limit %u, and none was the last", PAGES_MOST, limit);
    } while (!(page.flags & WESS_PAGE_LAST));
    return n;
}

const struct seen_item *pull_until(struct probe *p, struct wess_slice *cursor, const char *id,
                                   uint32_t what, struct seen *s)
{
    int64_t since = 0;
    /* At least once to the end and once behind it: a snapshot that is under way need not have it.
     */
    for (int turn = 0; turn < 2 || wait_more(p, &since); turn++) {
        pull(p, cursor, LIMIT_LARGE, s);
        const struct seen_item *at = seen_find(s, id);
        if (at && at->what == what)
            return at;
    }
    return NULL;
}

/* ---- items to write
 * ------------------------------------------------------------------------------------------ */

const char *new_stamp(struct probe *p)
{
    return kept_fmt(p, "wc%sn%u", p->run, ++p->serial);
}

const struct wess_field_schema *schema_of(const struct probe *p, const char *field)
{
    for (size_t i = 0; i < p->col->n_fields; i++)
        if (!strcmp(p->col->fields[i].name, field))
            return &p->col->fields[i];
    return NULL;
}

static bool avoided(const struct probe *p, const char *field)
{
    for (size_t i = 0; i < p->setup->n_avoid; i++)
        if (!strcmp(p->setup->avoid[i], field))
            return true;
    return false;
}

bool can_write(const struct probe *p, const char *field, uint32_t type)
{
    const struct wess_field_schema *s = schema_of(p, field);
    /* Who is silent tells nobody without WESS_OP_MAY_TELL, which nothing here bears. */
    bool tells = s && (s->flags & WESS_FIELD_TELLS) && !(p->col->caps & WESS_CAP_SILENT);
    return s && s->type == type && !avoided(p, field) && !tells &&
           !(s->flags & (WESS_FIELD_READ_ONLY | WESS_FIELD_UNSHOWN));
}

void set_field(struct probe *p, struct wess_item *item, struct wess_field field)
{
    struct wess_field *of = kept(p, (item->n_fields + 1) * sizeof(*of));
    size_t at = 0;
    while (at < item->n_fields && strcmp(item->fields[at].name, field.name) != 0)
        at++;
    if (item->n_fields)
        memcpy(of, item->fields, item->n_fields * sizeof(*of));
    of[at] = field;
    item->n_fields += at == item->n_fields;
    item->fields = of;
}

void set_text(struct probe *p, struct wess_item *item, const char *name, const char *text)
{
    set_field(p, item,
              (struct wess_field){.name = name, .type = WESS_TEXT, .str = {text, strlen(text)}});
}

static void set_address(struct probe *p, struct wess_item *item)
{
    const char *mail = kept_fmt(p, "%s.%u@example.com", p->run, p->serial);
    struct wess_field *f = kept(p, 2 * sizeof(*f));
    struct wess_record *r = kept(p, sizeof(*r));
    f[0] = (struct wess_field){.name = "value", .type = WESS_TEXT, .str = {mail, strlen(mail)}};
    f[1] = (struct wess_field){.name = "pref", .type = WESS_INT, .num = 1};
    *r = (struct wess_record){mail, f, 2};
    set_field(p, item,
              (struct wess_field){.name = "email", .type = WESS_RECORDS, .records = {r, 1}});
}

static const char *const named_by[] = {"fn",          "name.given",      "name.family",
                                       "name.prefix", "name.additional", "name.suffix",
                                       "summary",     "subject"};

/* What a record has to be found again by a person, and what an event cannot be without. */
static void set_needed(struct probe *p, struct wess_item *item)
{
    static const char *const times[] = {"start", "end"};
    static const char *const at[] = {"2031-03-04T09:00:00", "2031-03-04T10:00:00"};
    const char *family = kept_fmt(p, "Test%s%u", p->run, p->serial);
    const char *whole = kept_fmt(p, "Conform %s", family);
    for (size_t i = 0; i < sizeof(named_by) / sizeof(named_by[0]); i++) {
        const char *text = !strcmp(named_by[i], "name.given")    ? "Conform"
                           : !strcmp(named_by[i], "name.family") ? family
                                                                 : whole;
        bool part = !strncmp(named_by[i], "name.", 5) && text == whole;
        if (!part && can_write(p, named_by[i], WESS_TEXT))
            set_text(p, item, named_by[i], text);
    }
    for (size_t i = 0; i < 2; i++)
        if (can_write(p, times[i], WESS_TIME))
            set_field(p, item,
                      (struct wess_field){
                          .name = times[i],
                          .type = WESS_TIME,
                          .time = {at[i], "Etc/UTC", 1930381200000 + (int64_t)i * 3600000}});
    if (can_write(p, "email", WESS_RECORDS))
        set_address(p, item);
}

struct wess_item *draft(struct probe *p)
{
    struct wess_item *item = kept(p, sizeof(*item));
    p->serial++;
    item->kind = p->col->kind;
    set_needed(p, item);
    for (size_t i = 0; i < p->col->n_fields && !item->n_fields; i++)
        if (can_write(p, p->col->fields[i].name, WESS_TEXT))
            set_text(p, item, p->col->fields[i].name, kept_fmt(p, "Conform %u", p->serial));
    if (!item->n_fields)
        skipped(p, "the schema has no text field that can be written");
    return item;
}

size_t spare_texts(struct probe *p, const char **names, size_t most)
{
    const struct wess_item *base = draft(p);
    size_t n = 0;
    for (size_t i = 0; i < p->col->n_fields && n < most; i++) {
        const struct wess_field_schema *f = &p->col->fields[i];
        const char *dot = strchr(f->name, '.');
        const struct wess_field_schema *of =
            dot ? schema_of(p, kept_fmt(p, "%.*s", (int)(dot - f->name), f->name)) : NULL;
        bool taken = field_of(base, f->name) || (of && of->type == WESS_RECORDS);
        for (size_t k = 0; k < sizeof(named_by) / sizeof(named_by[0]); k++)
            taken |= !strcmp(named_by[k], f->name);
        if (!taken && can_write(p, f->name, WESS_TEXT) && !(f->flags & WESS_FIELD_ON_CREATE) &&
            !f->allowed.n && (!f->max_len || f->max_len >= 40))
            names[n++] = f->name;
    }
    return n;
}

/* ---- looking into items
 * ------------------------------------------------------------------------------------------ */

const struct wess_field *field_of(const struct wess_item *item, const char *name)
{
    for (size_t i = 0; item && i < item->n_fields; i++)
        if (!strcmp(item->fields[i].name, name))
            return &item->fields[i];
    return NULL;
}

static const char *blob_text(struct probe *p, const struct wess_blob *b)
{
    size_t len = 0;
    const char *data = testhost_blob(&p->th, b->digest, &len);
    return data ? copy_slice(to_keep(p), (struct wess_slice){data, len}).data : "";
}

const char *text_of(struct probe *p, const struct wess_item *item, const char *name)
{
    const struct wess_field *f = field_of(item, name);
    bool str = f && (f->type == WESS_TEXT || f->type == WESS_DATE || f->type == WESS_DECIMAL);
    return str && f->str.len           ? f->str.data
           : f && f->type == WESS_BLOB ? blob_text(p, &f->blob)
                                       : "";
}

bool bears(const struct wess_item *item, const char *space, const char *id)
{
    for (size_t i = 0; i < item->n_keys; i++)
        if (!strcmp(item->keys[i].space, space) && !strcmp(item->keys[i].id, id))
            return true;
    return false;
}

bool field_refused(const struct wess_result *r, const char *field)
{
    for (size_t i = 0; i < r->n_refused; i++)
        if (!strcmp(r->refused[i].field, field))
            return true;
    return false;
}

/* ---- writing
 * ------------------------------------------------------------------------------------------ */

void to_delete(struct probe *p, const char *id)
{
    for (size_t i = 0; i < p->n_made; i++)
        if (!strcmp(p->made[i], id))
            return;
    if (p->n_made == p->cap_made) {
        size_t cap = p->cap_made ? p->cap_made * 2 : 16;
        const char **made = kept(p, cap * sizeof(*made));
        if (p->n_made)
            memcpy(made, p->made, p->n_made * sizeof(*made));
        p->made = made;
        p->cap_made = cap;
    }
    p->made[p->n_made++] = id;
}

enum wess_code apply_one(struct probe *p, const struct wess_op *op, struct wess_result *out)
{
    must(p, try_apply(p, op, 1, out), "apply()");
    return out->code;
}

const char *create(struct probe *p, const struct wess_item *item, const char *stamp,
                   struct wess_result *out)
{
    struct wess_result r;
    struct wess_op op = {.stamp = stamp, .what = WESS_CREATE, .item = *item};
    enum wess_code code = apply_one(p, &op, &r);
    if (code != WESS_OK)
        broke(p, "5.3", "a create answered %s: %s%s%s", code_name(code), r.text ? r.text : "",
              r.n_refused ? "; refused " : "", r.n_refused ? r.refused[0].field : "");
    if (!r.id)
        broke(p, "5.3", "a create answered WESS_OK without an id");
    if (out)
        *out = r;
    return r.id;
}

const struct wess_item *fetch_one(struct probe *p, const char *id)
{
    struct wess_result r;
    must(p, try_fetch(p, &id, 1, &r), "fetch()");
    if (r.code != WESS_OK)
        broke(p, "3.11", "fetch() of an item that is there answered %s: %s", code_name(r.code),
              r.text ? r.text : "");
    return r.current;
}

struct wess_op update_of(struct probe *p, const struct wess_item *before)
{
    (void)p;
    return (struct wess_op){
        .what = WESS_UPDATE, .before = before, .item = {.id = before->id, .kind = before->kind}};
}

struct wess_op delete_of(const struct wess_item *before)
{
    return (struct wess_op){
        .what = WESS_DELETE, .before = before, .item = {.id = before->id, .kind = before->kind}};
}

size_t live_with(struct probe *p, struct wess_key key, const char **id)
{
    struct wess_page page;
    size_t n = 0;
    must(p, try_find(p, &key, 1, &page), "find()");
    if (!(page.flags & WESS_PAGE_LAST))
        broke(p, "4.3", "find() of one key of one item was not the last page");
    for (size_t i = 0; i < page.n; i++) {
        const struct wess_item *item = &page.changes[i].item;
        if ((item->flags & WESS_ITEM_TRASHED) || !bears(item, key.space, key.id))
            continue;
        n++;
        if (id)
            *id = item->id;
    }
    return n;
}
