#include "host/answer.h"

#include <string.h>

#include "model/text.h"

#define TEXT_MAX ((size_t)1 << 20) /* of a fact, key or tag */

static bool good(const char *s, size_t max)
{
    size_t len = s ? strnlen(s, max + 1) : 0;
    return s && len <= max && text_is_utf8(s, len);
}

static bool good_list(const struct wess_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (!l->of || !good(l->of[i], TEXT_MAX))
            return false;
    return true;
}

static const char *check_fields(const struct wess_field *f, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!f || !good(f[i].name, WESS_ID_MAX))
            return "a field without a name";
        switch (f[i].type) {
        case WESS_DECIMAL:
        case WESS_TEXT:
        case WESS_DATE:
            if (f[i].str.len && (!f[i].str.data || !text_is_utf8(f[i].str.data, f[i].str.len)))
                return "a text that is not UTF-8";
            break;
        case WESS_SET:
            if (!good_list(&f[i].set))
                return "a set that is not UTF-8";
            break;
        case WESS_RECORDS:
            for (size_t k = 0; k < f[i].records.n; k++) {
                const struct wess_record *r = &f[i].records.of[k];
                if (!good(r->key, WESS_ID_MAX))
                    return "a record without a key";
                const char *why = check_fields(r->fields, r->n);
                if (why)
                    return why;
            }
            break;
        default:
            if (f[i].type > WESS_RECORDS)
                return "a field of an unknown type";
        }
    }
    return NULL;
}

static const char *check_item(const struct wess_item *i, bool deletion)
{
    if (!good(i->id, WESS_ID_MAX) || !*i->id)
        return "an item without an id, or one too long";
    if (i->revision && !good(i->revision, WESS_ID_MAX))
        return "a revision that is not text";
    if (deletion)
        return NULL;
    if (!good_list(&i->tags))
        return "tags that are not UTF-8";
    for (size_t k = 0; k < i->n_facts; k++)
        if (!i->facts || !good(i->facts[k].name, WESS_ID_MAX) || !good(i->facts[k].value, TEXT_MAX))
            return "a fact that is not text";
    for (size_t k = 0; k < i->n_keys; k++)
        if (!i->keys || !good(i->keys[k].space, WESS_ID_MAX) || !good(i->keys[k].id, TEXT_MAX))
            return "a key that is not text";
    return check_fields(i->fields, i->n_fields);
}

const char *answer_page(const struct wess_page *p)
{
    if (p->n && !p->changes)
        return "a page without its changes";
    if (p->next.len && !p->next.data)
        return "a cursor without its bytes";
    for (size_t i = 0; i < p->n; i++) {
        const struct wess_change *c = &p->changes[i];
        if (c->what != WESS_UPSERT && c->what != WESS_DELETE)
            return "a change that is neither";
        if ((c->flags & WESS_BRIEF) && !(p->flags & WESS_PAGE_SORTED))
            return "a change without facts on a page that is not sorted";
        const char *why = check_item(&c->item, c->what == WESS_DELETE ||
                                                   (c->flags & (WESS_REF_ONLY | WESS_BRIEF)));
        if (why)
            return why;
        /* What is passed over in a sorted listing counts as deleted. */
        if (i && (p->flags & WESS_PAGE_SORTED) && strcmp(p->changes[i - 1].item.id, c->item.id) > 0)
            return "a sorted page that is not";
    }
    return NULL;
}

const char *answer_notes(const struct wess_fact *notes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!notes || !good(notes[i].name, WESS_ID_MAX) || !good(notes[i].value, TEXT_MAX))
            return "a note that is not text";
    return NULL;
}

bool answer_code(enum wess_code code)
{
    return (unsigned)code <= WESS_BROKEN;
}

const char *answer_results(const struct wess_result *r, size_t n, bool fetched,
                           const struct wess_op *ops)
{
    for (size_t i = 0; i < n; i++) {
        if (!answer_code(r[i].code))
            return "an unknown code";
        if (r[i].id && (!good(r[i].id, WESS_ID_MAX) || !*r[i].id))
            return "an id that is empty or too long";
        if (r[i].request && !good(r[i].request, WESS_ID_MAX))
            return "a request by a name that is not text";
        if (r[i].code != WESS_OK)
            continue;
        if (fetched && !r[i].current)
            return "an item said to be there and not given";
        if (ops && ops[i].what == WESS_CREATE && !r[i].id)
            return "a created item without an id";
        const char *why = r[i].current ? check_item(r[i].current, false) : NULL;
        if (why)
            return why;
        for (size_t k = 0; k < r[i].n_unmet; k++)
            if (!r[i].unmet || !good(r[i].unmet[k].collection, WESS_ID_MAX) ||
                !good(r[i].unmet[k].key.space, WESS_ID_MAX) ||
                !good(r[i].unmet[k].key.id, TEXT_MAX))
                return "something missing that is not named";
        for (size_t k = 0; k < r[i].n_refused; k++)
            if (!r[i].refused || !good(r[i].refused[k].field, WESS_ID_MAX))
                return "a refused field without a name";
    }
    return NULL;
}

const char *answer_schema(const struct wess_schema *s)
{
    if (!good(s->identity, TEXT_MAX) || !*s->identity)
        return "no identity";
    for (size_t i = 0; i < s->n; i++) {
        const struct wess_collection *c = &s->of[i];
        if (!good(c->id, WESS_ID_MAX) || !*c->id || !good(c->kind, WESS_ID_MAX))
            return "a collection without id or kind";
        for (size_t k = 0; k < c->n_fields; k++)
            if (!good(c->fields[k].name, WESS_ID_MAX) || c->fields[k].type > WESS_RECORDS ||
                !good_list(&c->fields[k].allowed))
                return "a field that is not described";
    }
    return NULL;
}
