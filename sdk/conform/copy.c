#include "probe.h"

#include <string.h>

static void *more(struct copier c, size_t size)
{
    void *at = testarena_alloc(c.to, size);
    if (!at)
        failed(c.p, "the suite itself is out of memory");
    return at;
}

struct wess_slice copy_slice(struct copier c, struct wess_slice s)
{
    char *to = more(c, s.len + 1); /* with a zero behind it, for those who print */
    if (s.len)
        memcpy(to, s.data, s.len);
    return (struct wess_slice){to, s.len};
}

const char *copy_text(struct copier c, const char *text)
{
    return text ? copy_slice(c, (struct wess_slice){text, strlen(text)}).data : NULL;
}

struct wess_list copy_list(struct copier c, struct wess_list l)
{
    const char **of = more(c, (l.n + 1) * sizeof(*of));
    for (size_t i = 0; i < l.n; i++)
        of[i] = copy_text(c, l.of[i]);
    return (struct wess_list){of, l.n};
}

static struct wess_records copy_records(struct copier c, struct wess_records r)
{
    struct wess_record *of = more(c, (r.n + 1) * sizeof(*of));
    for (size_t i = 0; i < r.n; i++)
        of[i] = (struct wess_record){copy_text(c, r.of[i].key),
                                     copy_fields(c, r.of[i].fields, r.of[i].n), r.of[i].n};
    return (struct wess_records){of, r.n};
}

static void copy_value(struct copier c, struct wess_field *f)
{
    switch ((enum wess_type)f->type) {
    case WESS_NULL:
    case WESS_BOOL:
    case WESS_INT:
        break;
    case WESS_DECIMAL:
    case WESS_TEXT:
    case WESS_DATE:
        f->str = copy_slice(c, f->str);
        break;
    case WESS_TIME:
        f->time.local = copy_text(c, f->time.local);
        f->time.zone = copy_text(c, f->time.zone);
        break;
    case WESS_LINK:
        f->ref = (struct wess_ref){copy_text(c, f->ref.collection), copy_text(c, f->ref.id)};
        break;
    case WESS_BLOB:
        f->blob.digest = copy_text(c, f->blob.digest);
        break;
    case WESS_SET:
        f->set = copy_list(c, f->set);
        break;
    case WESS_RECORDS:
        f->records = copy_records(c, f->records);
        break;
    }
}

const struct wess_field *copy_fields(struct copier c, const struct wess_field *f, size_t n)
{
    struct wess_field *of = more(c, (n + 1) * sizeof(*of));
    for (size_t i = 0; i < n; i++) {
        of[i] = f[i];
        of[i].name = copy_text(c, f[i].name);
        copy_value(c, &of[i]);
    }
    return of;
}

const struct wess_key *copy_keys(struct copier c, const struct wess_key *k, size_t n)
{
    struct wess_key *of = more(c, (n + 1) * sizeof(*of));
    for (size_t i = 0; i < n; i++)
        of[i] = (struct wess_key){copy_text(c, k[i].space), copy_text(c, k[i].id)};
    return of;
}

const struct wess_fact *copy_facts(struct copier c, const struct wess_fact *f, size_t n)
{
    struct wess_fact *of = more(c, (n + 1) * sizeof(*of));
    for (size_t i = 0; i < n; i++)
        of[i] = (struct wess_fact){copy_text(c, f[i].name), copy_text(c, f[i].value)};
    return of;
}

struct wess_item copy_item(struct copier c, const struct wess_item *i)
{
    struct wess_item out = *i;
    out.id = copy_text(c, i->id);
    out.revision = copy_text(c, i->revision);
    out.kind = copy_text(c, i->kind);
    out.collection = copy_text(c, i->collection);
    out.folder = copy_text(c, i->folder);
    out.modified_by = copy_text(c, i->modified_by);
    out.tags = copy_list(c, i->tags);
    out.facts = copy_facts(c, i->facts, i->n_facts);
    out.keys = copy_keys(c, i->keys, i->n_keys);
    out.fields = copy_fields(c, i->fields, i->n_fields);
    return out;
}

const struct wess_item *copy_item_at(struct copier c, const struct wess_item *i)
{
    struct wess_item *out = i ? more(c, sizeof(*out)) : NULL;
    if (out)
        *out = copy_item(c, i);
    return out;
}

struct wess_page copy_page(struct copier c, const struct wess_page *page)
{
    struct wess_page out = *page;
    struct wess_change *of = more(c, (page->n + 1) * sizeof(*of));
    for (size_t i = 0; i < page->n; i++) {
        of[i] = page->changes[i];
        of[i].item = copy_item(c, &page->changes[i].item);
    }
    out.changes = of;
    out.next = copy_slice(c, page->next);
    return out;
}

void copy_result(struct copier c, struct wess_result *r)
{
    struct wess_refused *of = more(c, (r->n_refused + 1) * sizeof(*of));
    for (size_t i = 0; i < r->n_refused; i++)
        of[i] = (struct wess_refused){copy_text(c, r->refused[i].field),
                                      copy_text(c, r->refused[i].text),
                                      copy_text(c, r->refused[i].remote_code)};
    r->refused = of;
    r->id = copy_text(c, r->id);
    r->revision = copy_text(c, r->revision);
    r->text = copy_text(c, r->text);
    r->remote_code = copy_text(c, r->remote_code);
    r->current = copy_item_at(c, r->current);
}

struct wess_op copy_op(struct copier c, const struct wess_op *op)
{
    struct wess_op out = *op;
    out.stamp = copy_text(c, op->stamp);
    out.before = copy_item_at(c, op->before);
    out.item = copy_item(c, &op->item);
    return out;
}

static struct wess_collection copy_collection(struct copier c, const struct wess_collection *col)
{
    struct wess_collection out = *col;
    struct wess_field_schema *fields = more(c, (col->n_fields + 1) * sizeof(*fields));
    for (size_t i = 0; i < col->n_fields; i++) {
        fields[i] = col->fields[i];
        fields[i].name = copy_text(c, col->fields[i].name);
        fields[i].allowed = copy_list(c, col->fields[i].allowed);
    }
    out.fields = fields;
    out.id = copy_text(c, col->id);
    out.kind = copy_text(c, col->kind);
    out.title = copy_text(c, col->title);
    out.generation = copy_text(c, col->generation);
    out.facts = copy_list(c, col->facts);
    return out;
}

struct wess_schema copy_schema(struct copier c, const struct wess_schema *s)
{
    struct wess_schema out = *s;
    struct wess_collection *of = more(c, (s->n + 1) * sizeof(*of));
    for (size_t i = 0; i < s->n; i++)
        of[i] = copy_collection(c, &s->of[i]);
    out.of = of;
    out.identity = copy_text(c, s->identity);
    out.version = copy_text(c, s->version);
    out.account = copy_text(c, s->account);
    return out;
}
