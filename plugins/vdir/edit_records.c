/* Addresses and phones of an op, matched with the lines that hold them now. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "edit.h"

/* ---- records
 * ------------------------------------------------------------------------------------------ */

static struct wess_slice part_of(const struct wess_record *r, const char *name)
{
    for (size_t i = 0; name && i < r->n; i++)
        if (!strcmp(r->fields[i].name, name) && r->fields[i].type == WESS_TEXT)
            return r->fields[i].str;
    return (struct wess_slice){"", 0};
}

static const struct wess_record *wanted(const struct wess_records *want, const char *key)
{
    for (size_t i = 0; i < want->n; i++)
        if (!strcmp(want->of[i].key, key))
            return &want->of[i];
    return NULL;
}

static const struct vdir_entry *entry_of(const struct vdir_entries *now, const char *key)
{
    for (size_t i = 0; i < now->n; i++)
        if (!strcmp(now->of[i].key, key))
            return &now->of[i];
    return NULL;
}

/* What the op was computed from: the file as it is now, as the core reads it. There a line end, or
 * two spaces, is one. NULL: nothing. */
static const struct wess_record *was(const struct edit *e, enum vdir_records what, const char *key)
{
    const struct wess_item *before = e->op->before;
    for (size_t i = 0; before && i < before->n_fields; i++)
        if (before->fields[i].type == WESS_RECORDS &&
            !strcmp(before->fields[i].name, vdir_record_field[what]))
            return wanted(&before->fields[i].records, key);
    return NULL;
}

/* Nobody changed it, however the file spells it. */
static bool is_kept(const struct wess_record *before, const struct wess_record *r, const char *name)
{
    return before && edit_equal(part_of(before, name), part_of(r, name));
}

static void put_place(struct edit *e, struct wess_slice old, const struct wess_record *r)
{
    const struct wess_record *before = old.len ? was(e, VDIR_PLACE, r->key) : NULL;
    struct wess_slice one, text;
    for (size_t i = 0; lines_component(old, i, &one) || i < VDIR_PARTS; i++) {
        const char *name = i < VDIR_PARTS ? vdir_place_part[i] : NULL;
        struct wess_slice value = part_of(r, name);
        if (i)
            lines_puts(&e->text, ";");
        e->spent |= !vdir_unescape(e->call, one, &text);
        if (!name || edit_equal(text, value) || is_kept(before, r, name))
            lines_put_part(&e->text, one);
        else
            lines_put_escaped(&e->text, value);
    }
}

static bool same_place(struct edit *e, struct wess_slice old, const struct wess_record *r)
{
    const struct wess_record *before = was(e, VDIR_PLACE, r->key);
    bool same = true;
    for (size_t i = 0; i < VDIR_PARTS; i++) {
        struct wess_slice one, text;
        lines_component(old, i, &one);
        e->spent |= !vdir_unescape(e->call, one, &text);
        same &= !vdir_place_part[i] || edit_equal(text, part_of(r, vdir_place_part[i])) ||
                is_kept(before, r, vdir_place_part[i]);
    }
    return same;
}

static void write_entry(struct edit *e, enum vdir_records what, const struct vdir_entry *now,
                        const struct wess_record *r)
{
    struct wess_slice value = part_of(r, "value");
    if (what == VDIR_PLACE
            ? same_place(e, now->text, r)
            : edit_equal(now->text, value) || is_kept(was(e, what, r->key), r, "value"))
        return;
    edit_fresh(e);
    if (what == VDIR_PLACE)
        put_place(e, now->text, r);
    else
        lines_put_escaped(&e->text, value);
    edit_set(e, now->line);
}

/* How a slot is spelt as types; NULL: it has none of its own. */
static const char *types_of(const char *slot)
{
    static const struct {
        const char *slot, *types;
    } table[] = {{"work", "work"},
                 {"home", "home"},
                 {"mobile", "cell"},
                 {"fax", "work,fax"},
                 {"pager", "pager"},
                 {"homefax", "home,fax"},
                 {"assistant", "x-assistant"}};
    size_t len = strcspn(slot, "0123456789");
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strlen(table[i].slot) == len && !strncmp(table[i].slot, slot, len))
            return table[i].types;
    return NULL;
}

static bool is_other(const char *slot)
{
    size_t len = strcspn(slot, "0123456789");
    return len == 5 && !strncmp(slot, "other", 5);
}

static void add_entry(struct edit *e, enum vdir_records what, const struct wess_record *r)
{
    const char *types = what == VDIR_MAIL ? NULL : types_of(r->key);
    struct wess_slice value = part_of(r, "value");
    if (what != VDIR_PLACE && !value.len)
        return;
    if (what != VDIR_MAIL && !types && !is_other(r->key)) {
        vdir_refuse(e->call, e->out, vdir_record_field[what], "a card knows no such kind of it");
        return;
    }
    edit_fresh(e);
    lines_puts(&e->text, vdir_record_property[what]);
    if (types) {
        lines_puts(&e->text, ";TYPE=");
        lines_puts(&e->text, types);
    } else if (e->v->version == VCARD_30 && what != VDIR_PLACE) {
        lines_puts(&e->text, what == VDIR_MAIL ? ";TYPE=internet" : ";TYPE=voice");
    }
    lines_puts(&e->text, ":");
    if (what == VDIR_PLACE)
        put_place(e, (struct wess_slice){"", 0}, r);
    else
        lines_put_escaped(&e->text, value);
    edit_add(e);
}

/* An address that takes the place of another one, in the order, is that one changed: it has its
 * line, with the types and the label that belong to it. */
static void take_places(struct edit *e, const struct wess_records *want,
                        const struct wess_record **of, struct vdir_entries *now)
{
    for (size_t i = 0; i < want->n && i < now->n; i++) {
        struct vdir_entry *place = &now->of[i];
        struct wess_slice value = part_of(of[i], "value");
        if (!value.len || entry_of(now, of[i]->key) || wanted(want, place->key))
            continue;
        edit_fresh(e);
        lines_put_escaped(&e->text, value);
        edit_set(e, place->line);
        place->key = of[i]->key;
        place->text = value;
    }
}

/* Every line that shows what is not wanted, the same address a second time included. */
static bool drop_entries(struct edit *e, enum vdir_records what, const struct wess_records *want)
{
    struct vdir_entries now;
    for (bool more = true; more;) {
        more = false;
        if (!vdir_entries(e->call, e->v, what, &now))
            return false;
        /* Slots are numbered by place: the last goes first, so that the others keep theirs. */
        for (size_t i = now.n; i-- > 0;)
            if (!wanted(want, now.of[i].key)) {
                lines_drop(e->v, now.of[i].line);
                more = what == VDIR_MAIL;
            }
    }
    return true;
}

static int64_t pref_of(const struct wess_record *r)
{
    for (size_t k = 0; k < r->n; k++)
        if (!strcmp(r->fields[k].name, "pref") && r->fields[k].type == WESS_INT)
            return r->fields[k].num;
    return INT64_MAX;
}

static int by_pref(const void *a, const void *b)
{
    const struct wess_record *x = *(const struct wess_record *const *)a,
                             *y = *(const struct wess_record *const *)b;
    int64_t p = pref_of(x), q = pref_of(y);
    return p < q ? -1 : p > q ? 1 : strcmp(x->key, y->key);
}

static const struct wess_record **in_order(struct edit *e, const struct wess_records *want)
{
    const struct wess_record **of = e->host->alloc(e->call->arena, (want->n + 1) * sizeof(*of));
    e->spent |= !of;
    for (size_t i = 0; of && i < want->n; i++)
        of[i] = &want->of[i];
    if (of && want->n)
        qsort(of, want->n, sizeof(*of), by_pref);
    return of;
}

/* ---- the order of addresses
 * ------------------------------------------------------------------------------------------ */

static bool is_in_order(const struct vdir_entries *now, const struct wess_record **of, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++)
        if (entry_of(now, of[i]->key) && strcmp(now->of[at++].key, of[i]->key))
            return false;
    return true;
}

static int by_line(const void *a, const void *b)
{
    const size_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* The addresses change places; which line comes first says it, and a mark where there was one. */
static void order_mails(struct edit *e, const struct wess_record **of, size_t n)
{
    struct vdir_entries now;
    e->spent |= !vdir_entries(e->call, e->v, VDIR_MAIL, &now);
    if (e->spent || is_in_order(&now, of, n))
        return;
    const char *mark = e->v->version == VCARD_40 ? ";PREF=1" : ";TYPE=pref";
    size_t *places = e->host->alloc(e->call->arena, now.n * sizeof(*places)), at = 0;
    struct lines_buf *texts = e->host->alloc(e->call->arena, now.n * sizeof(*texts));
    bool marked = false;
    e->spent |= !places || !texts;
    for (size_t i = 0; !e->spent && i < now.n; i++) {
        places[i] = now.of[i].line;
        marked |= now.of[i].rank < VDIR_UNRANKED;
    }
    for (size_t i = 0; !e->spent && i < n; i++) {
        const struct vdir_entry *entry = entry_of(&now, of[i]->key);
        struct wess_slice raw;
        if (!entry || !vdir_decode(e->call, &e->v->lines[entry->line], &raw, &e->spent))
            continue;
        lines_plain(&e->v->lines[entry->line], raw, marked && !at ? mark : "", &texts[at]);
        at++;
    }
    if (!e->spent)
        qsort(places, now.n, sizeof(*places), by_line);
    for (size_t i = 0; !e->spent && i < at; i++)
        lines_replace(e->v, places[i], texts[i].spent ? NULL : texts[i].data);
    for (size_t i = 0; texts && i < at; i++)
        lines_buf_fini(&texts[i]);
}

/* ---- the numbers of slots
 * ------------------------------------------------------------------------------------------ */

static bool is_slot_param(struct wess_slice name)
{
    return name.len == strlen(VDIR_SLOT) && !strncasecmp(name.data, VDIR_SLOT, name.len);
}

static void say_slot(struct edit *e, size_t line, const char *slot)
{
    const struct line *l = &e->v->lines[line];
    struct wess_slice rest = l->params, name, value;
    const char *text = l->text.data, *named = (const char *)l->name.data + l->name.len;
    edit_fresh(e);
    lines_put(&e->text, text, (size_t)(named - text));
    lines_puts(&e->text, ";" VDIR_SLOT "=");
    lines_puts(&e->text, slot);
    while (lines_next_param(&rest, &name, &value)) {
        const char *end = (const char *)value.data + value.len;
        if (is_slot_param(name))
            continue;
        lines_puts(&e->text, ";");
        lines_put(&e->text, name.data, (size_t)(end - (const char *)name.data));
    }
    lines_puts(&e->text, ":");
    lines_put(&e->text, l->value.data, l->value.len);
    lines_replace(e->v, line, e->text.spent ? NULL : e->text.data);
}

/* A second one without a first would be read as the first, and a new first written over it. */
static void keep_slots(struct edit *e, enum vdir_records what, const struct vdir_entry *as,
                       size_t n)
{
    struct vdir_entries now;
    bool other = false;
    if (e->spent || !vdir_entries(e->call, e->v, what, &now)) {
        e->spent = true;
        return;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < now.n; k++)
            other |= now.of[k].line == as[i].line && strcmp(now.of[k].key, as[i].key) != 0;
    for (size_t i = 0; other && i < n; i++)
        if (strpbrk(as[i].key, "0123456789"))
            say_slot(e, as[i].line, as[i].key);
}

static void write_entries(struct edit *e, enum vdir_records what, const struct wess_record **of,
                          size_t n, const struct vdir_entries *now)
{
    struct vdir_entry *as = e->host->alloc(e->call->arena, (n + 1) * sizeof(*as));
    size_t n_as = 0;
    e->spent |= !as;
    for (size_t i = 0; as && i < n; i++) {
        const struct vdir_entry *entry = entry_of(now, of[i]->key);
        size_t line = entry ? entry->line : e->v->n;
        if (entry)
            write_entry(e, what, entry, of[i]);
        else
            add_entry(e, what, of[i]);
        if (line < e->v->n)
            as[n_as++] = (struct vdir_entry){.line = line, .key = of[i]->key};
    }
    if (as && what != VDIR_MAIL)
        keep_slots(e, what, as, n_as);
}

void edit_records(struct edit *e, enum vdir_records what, const struct wess_field *w)
{
    const struct wess_records none = {NULL, 0},
                              *want = w->type == WESS_RECORDS ? &w->records : &none;
    struct vdir_entries now = {0};
    const struct wess_record **of = in_order(e, want);
    /* What is kept is named by the slots it has now: they are listed before anything goes. */
    bool ok = of && vdir_entries(e->call, e->v, what, &now);
    if (ok && what == VDIR_MAIL)
        take_places(e, want, of, &now);
    if (!ok || (now.n && !drop_entries(e, what, want))) {
        e->spent = true;
        return;
    }
    write_entries(e, what, of, want->n, &now);
    if (what == VDIR_MAIL && want->n > 1)
        order_mails(e, of, want->n);
}
