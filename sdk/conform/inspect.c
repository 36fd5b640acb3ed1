/* An answer by itself, held against the contract: where its memory is, and what form it has. */
#include "probe.h"

#include <dlfcn.h>
#include <string.h>

#define ERROR_TEXT_MAX sizeof(((struct wess_error *)0)->text)

/* What is being looked at, for the message. */
struct look {
    struct probe *p;
    const char *call, *id; /* "changes()"; the item, or NULL */
};

static _Noreturn void breach(struct look l, const char *clause, const char *what, const char *name)
{
    broke(l.p, clause, "%s: %s%s%s%s%s%s", l.call, what, name ? " (" : "", name ? name : "",
          name ? ")" : "", l.id ? ", item " : "", l.id ? l.id : "");
}

/* ---- where memory is
 * ------------------------------------------------------------------------------------------ */

/* From the arena of the call, or constant: in a mapped object. */
static void stands(struct look l, const void *at, const char *what, const char *name)
{
    Dl_info info;
    if (!at || testarena_owns(&l.p->th.arena, at) || dladdr(at, &info))
        return;
    if (testarena_owns(&l.p->in, at))
        breach(l, "1.1", "points into the inputs of the call", name ? name : what);
    breach(l, "1.1", "is not in the arena of the call", name ? name : what);
}

static void array(struct look l, const void *at, size_t n, const char *what)
{
    if (n && !at)
        breach(l, "1.1", "has a number of elements, and no elements", what);
    if (n)
        stands(l, at, what, NULL);
}

/* ---- text
 * ------------------------------------------------------------------------------------------ */

/* Bytes of the code point at s; 0: none that UTF-8 has. */
static size_t point(const unsigned char *s, size_t left)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = *s < 0x80 ? 1 : *s >> 5 == 6 ? 2 : *s >> 4 == 14 ? 3 : *s >> 3 == 30 ? 4 : 0;
    uint32_t c = n == 1 ? *s : *s & (0xffu >> (n + 1));
    if (!n || n > left)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3fu);
    }
    return c >= least[n] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) ? n : 0;
}

static bool is_utf8(const char *text, size_t len)
{
    for (size_t at = 0, n; at < len; at += n)
        if (!(n = point((const unsigned char *)text + at, len - at)))
            return false;
    return true;
}

static void text(struct look l, const char *s, const char *what, bool may_lack)
{
    if (!s && may_lack)
        return;
    if (!s)
        breach(l, "3.9", "is missing", what);
    stands(l, s, what, NULL);
    if (!is_utf8(s, strlen(s)))
        breach(l, "11.1", "is not UTF-8", what);
}

static void ident(struct look l, const char *s, const char *what)
{
    text(l, s, what, false);
    if (!*s || strlen(s) > WESS_ID_MAX)
        breach(l, "3.9", "is empty, or longer than WESS_ID_MAX", what);
}

static void list(struct look l, struct wess_list of, const char *what, bool set)
{
    array(l, of.of, of.n, what);
    for (size_t i = 0; i < of.n; i++) {
        text(l, of.of[i], what, false);
        if (set && i && strcmp(of.of[i - 1], of.of[i]) >= 0)
            breach(l, "11.2", "is not sorted, or has an element twice", what);
    }
}

/* '0' stands for a digit. */
static bool has_form(const char *s, size_t len, const char *form)
{
    if (len != strlen(form))
        return false;
    for (size_t i = 0; i < len; i++)
        if (form[i] == '0' ? s[i] < '0' || s[i] > '9' : s[i] != form[i])
            return false;
    return true;
}

static bool is_decimal(const char *s, size_t len)
{
    size_t digits = 0, dots = 0;
    for (size_t i = len && *s == '-'; i < len; i++) {
        digits += s[i] >= '0' && s[i] <= '9';
        dots += s[i] == '.';
    }
    return digits && dots < 2 && digits + dots + (len && *s == '-') == len;
}

/* ---- values
 * ------------------------------------------------------------------------------------------ */

static void fields(struct look, const struct wess_field *, size_t n);

static void records(struct look l, const struct wess_field *f)
{
    const struct wess_record *of = f->records.of;
    array(l, of, f->records.n, f->name);
    for (size_t i = 0; i < f->records.n; i++) {
        text(l, of[i].key, f->name, false);
        if (!*of[i].key)
            breach(l, "11.3", "has a record without a key", f->name);
        for (size_t k = 0; k < i; k++)
            if (!strcmp(of[k].key, of[i].key))
                breach(l, "11.3", "has two records with one key", f->name);
        if (!strcmp(f->name, "email") &&
            strcmp(testarena_fold(&l.p->keep, of[i].key), of[i].key) != 0)
            breach(l, "11.3", "is keyed by an address that is not folded", f->name);
        fields(l, of[i].fields, of[i].n);
    }
}

static void string(struct look l, const struct wess_field *f)
{
    const char *s = f->str.data;
    if (f->str.len && !s)
        breach(l, "11.1", "has a length and no text", f->name);
    stands(l, s, f->name, NULL);
    if (f->str.len > WESS_INLINE_MAX)
        breach(l, "1.4", "is longer than WESS_INLINE_MAX and no blob", f->name);
    if (!is_utf8(s, f->str.len))
        breach(l, "11.1", "is not UTF-8", f->name);
    if (f->type == WESS_TEXT && f->str.len && memchr(s, '\r', f->str.len))
        breach(l, "11.1", "has other line ends than LF", f->name);
    if (f->type == WESS_DATE && f->str.len && !has_form(s, f->str.len, "0000-00-00") &&
        !has_form(s, f->str.len, "--00-00"))
        breach(l, "11.4", "is no date", f->name);
    if (f->type == WESS_DECIMAL && f->str.len && !is_decimal(s, f->str.len))
        breach(l, "11.4", "is no decimal number", f->name);
}

static void value(struct look l, const struct wess_field *f)
{
    size_t len = 0;
    switch ((enum wess_type)f->type) {
    case WESS_NULL:
    case WESS_INT:
        return;
    case WESS_BOOL:
        if (f->num != 0 && f->num != 1)
            breach(l, "11.4", "is neither true nor false", f->name);
        return;
    case WESS_DECIMAL:
    case WESS_TEXT:
    case WESS_DATE:
        string(l, f);
        return;
    case WESS_TIME:
        text(l, f->time.local, f->name, false);
        text(l, f->time.zone, f->name, true);
        if (!has_form(f->time.local, strlen(f->time.local), "0000-00-00T00:00:00"))
            breach(l, "11.4", "is no local time", f->name);
        return;
    case WESS_LINK:
        text(l, f->ref.collection, f->name, true);
        ident(l, f->ref.id, f->name);
        return;
    case WESS_BLOB:
        text(l, f->blob.digest, f->name, false);
        if (!testhost_blob(&l.p->th, f->blob.digest, &len) || len != f->blob.size)
            breach(l, "1.4", "is a blob that the host does not have", f->name);
        return;
    case WESS_SET:
        list(l, f->set, f->name, true);
        return;
    case WESS_RECORDS:
        records(l, f);
        return;
    }
    breach(l, "11.4", "has an unknown type", f->name);
}

static void fields(struct look l, const struct wess_field *f, size_t n)
{
    array(l, f, n, "the list of fields");
    for (size_t i = 0; i < n; i++) {
        text(l, f[i].name, "the name of a field", false);
        for (size_t k = 0; k < i; k++)
            if (!strcmp(f[k].name, f[i].name))
                breach(l, "3.9", "is listed twice", f[i].name);
        value(l, &f[i]);
    }
}

/* ---- items
 * ------------------------------------------------------------------------------------------ */

static void keys(struct look l, const struct wess_item *item)
{
    array(l, item->keys, item->n_keys, "the list of keys");
    for (size_t i = 0; i < item->n_keys; i++) {
        const struct wess_key *k = &item->keys[i];
        text(l, k->space, "the space of a key", false);
        text(l, k->id, "a key", false);
        if (!*k->space || !*k->id)
            breach(l, "3.10", "is empty", "a key");
        if (strcmp(k->space, "wess") && strcmp(testarena_fold(&l.p->keep, k->id), k->id) != 0)
            breach(l, "3.10", "is not folded", k->space);
    }
}

static void item(struct look l, const struct wess_item *i, bool id_only)
{
    ident(l, i->id, "the id of an item");
    l.id = i->id;
    if (id_only)
        return;
    text(l, i->revision, "the revision", true);
    text(l, i->kind, "the kind", true);
    text(l, i->collection, "the collection", true);
    text(l, i->folder, "the folder", true);
    text(l, i->modified_by, "modified_by", true);
    if (l.p->col && (!i->kind || strcmp(i->kind, l.p->col->kind) != 0))
        breach(l, "3.9", "is not the one of the collection", "the kind");
    if (i->revision && strlen(i->revision) > WESS_ID_MAX)
        breach(l, "3.9", "is longer than WESS_ID_MAX", "the revision");
    list(l, i->tags, "the tags", false);
    array(l, i->facts, i->n_facts, "the list of facts");
    for (size_t k = 0; k < i->n_facts; k++) {
        text(l, i->facts[k].name, "the name of a fact", false);
        text(l, i->facts[k].value, "a fact", false);
    }
    keys(l, i);
    fields(l, i->fields, i->n_fields);
}

void inspect_page(struct probe *p, const struct wess_page *page, bool changes)
{
    struct look l = {p, changes ? "changes()" : "find()", NULL};
    array(l, page->changes, page->n, "the list of changes");
    if (page->next.len && !page->next.data)
        breach(l, "3.2", "has a length and no bytes", "the cursor");
    stands(l, page->next.data, "the cursor", NULL);
    for (size_t i = 0; i < page->n; i++) {
        const struct wess_change *c = &page->changes[i];
        if (c->what != WESS_UPSERT && c->what != WESS_DELETE)
            breach(l, "3.9", "is neither WESS_UPSERT nor WESS_DELETE", "a change");
        if ((c->flags & WESS_BRIEF) && !(page->flags & WESS_PAGE_SORTED))
            breach(l, "3.14", "is WESS_BRIEF on a page that is not sorted", "a change");
        item(l, &c->item, c->what == WESS_DELETE || (c->flags & (WESS_REF_ONLY | WESS_BRIEF)));
    }
}

void inspect_facts(struct probe *p, const struct wess_fact *of, size_t n, const char *call)
{
    struct look l = {p, call, NULL};
    array(l, of, n, "the list");
    for (size_t i = 0; i < n; i++) {
        ident(l, of[i].name, "a name");
        ident(l, of[i].value, "a value");
    }
}

void inspect_list(struct probe *p, struct wess_list of, const char *call)
{
    struct look l = {p, call, NULL};
    list(l, of, "a value", false);
}

void inspect_results(struct probe *p, const struct wess_result *r, size_t n, bool fetched)
{
    struct look l = {p, fetched ? "fetch()" : "apply()", NULL};
    for (size_t i = 0; i < n; i++) {
        if ((unsigned)r[i].code > WESS_BROKEN)
            breach(l, "5.1", "is none that the contract has", "a result's code");
        text(l, r[i].text, "a result's text", true);
        text(l, r[i].remote_code, "a result's remote_code", true);
        if (r[i].text && secret_in(p, r[i].text))
            breach(l, "2.7", "tells the secret", secret_in(p, r[i].text));
        if (r[i].id)
            ident(l, r[i].id, "a result's id");
        text(l, r[i].revision, "a result's revision", true);
        array(l, r[i].refused, r[i].n_refused, "the list of refused fields");
        for (size_t k = 0; k < r[i].n_refused; k++) {
            text(l, r[i].refused[k].field, "a refused field", false);
            text(l, r[i].refused[k].text, "why a field is refused", true);
            text(l, r[i].refused[k].remote_code, "why a field is refused", true);
        }
        stands(l, r[i].current, "a result's item", NULL);
        if (r[i].current)
            item(l, r[i].current, false);
        if (fetched && r[i].code == WESS_OK && !r[i].current)
            breach(l, "3.12", "is WESS_OK and has no item", "a result");
    }
}

void inspect_schema(struct probe *p, const struct wess_schema *s)
{
    struct look l = {p, "describe()", NULL};
    text(l, s->identity, "the identity", false);
    text(l, s->version, "the version", true);
    text(l, s->account, "the account", true);
    array(l, s->of, s->n, "the list of collections");
    for (size_t i = 0; i < s->n; i++) {
        const struct wess_collection *c = &s->of[i];
        ident(l, c->id, "the id of a collection");
        ident(l, c->kind, "the kind of a collection");
        text(l, c->title, "the title", true);
        text(l, c->generation, "the generation", true);
        list(l, c->facts, "the names of facts", false);
        array(l, c->fields, c->n_fields, "the list of fields");
        for (size_t k = 0; k < c->n_fields; k++) {
            ident(l, c->fields[k].name, "the name of a field");
            list(l, c->fields[k].allowed, c->fields[k].name, false);
            if (c->fields[k].type > WESS_RECORDS || c->fields[k].type == WESS_NULL)
                breach(l, "10.6", "has an unknown type", c->fields[k].name);
        }
    }
}

void inspect_code(struct probe *p, enum wess_code code, const struct wess_error *e,
                  const char *call)
{
    struct look l = {p, call, NULL};
    if ((unsigned)code > WESS_BROKEN)
        breach(l, "2.6", "answers a code that the contract does not have", NULL);
    if (code == WESS_OK)
        return;
    if (!memchr(e->text, 0, ERROR_TEXT_MAX) || !memchr(e->remote_code, 0, sizeof(e->remote_code)))
        breach(l, "2.6", "its error text has no end", code_name(code));
    if (!e->text[0])
        breach(l, "2.6", "its error has no text", code_name(code));
    if (!is_utf8(e->text, strlen(e->text)) || strpbrk(e->text, "\r\n"))
        breach(l, "2.6", "its error text is not one line of UTF-8", code_name(code));
    if (e->scope > WESS_OF_HOST)
        breach(l, "2.6", "its error has an unknown scope", code_name(code));
    if (secret_in(p, e->text))
        breach(l, "2.7", "its error text tells the secret", secret_in(p, e->text));
}
