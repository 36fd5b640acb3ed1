/* Sets and records: elements are added, changed and taken away, and the others stay. */
#include "probe.h"

#include <string.h>

struct element {
    const char *key, *part, *text;
};

static struct wess_field records_of(struct probe *p, const char *name, const struct element *of,
                                    size_t n)
{
    struct wess_record *r = kept(p, (n + 1) * sizeof(*r));
    for (size_t i = 0; i < n; i++) {
        struct wess_field *f = kept(p, 2 * sizeof(*f));
        f[0] = (struct wess_field){
            .name = of[i].part, .type = WESS_TEXT, .str = {of[i].text, strlen(of[i].text)}};
        f[1] = (struct wess_field){.name = "pref", .type = WESS_INT, .num = (int64_t)i + 1};
        r[i] = (struct wess_record){of[i].key, f, strcmp(name, "email") ? 1 : 2};
    }
    return (struct wess_field){.name = name, .type = WESS_RECORDS, .records = {r, n}};
}

static const char *part_of(const struct wess_field *f, const struct element *e)
{
    for (size_t i = 0; f && f->type == WESS_RECORDS && i < f->records.n; i++)
        for (size_t k = 0; !strcmp(f->records.of[i].key, e->key) && k < f->records.of[i].n; k++) {
            const struct wess_field *part = &f->records.of[i].fields[k];
            if (!strcmp(part->name, e->part) && part->type == WESS_TEXT && part->str.len)
                return part->str.data;
        }
    return "";
}

/* Exactly these elements are shown. */
static void shows(struct probe *p, const struct wess_item *item, const char *name,
                  const struct element *of, size_t n, const char *after)
{
    const struct wess_field *f = field_of(item, name);
    size_t there = f && f->type == WESS_RECORDS ? f->records.n : 0;
    for (size_t i = 0; i < n; i++)
        if (!same_text(p, of[i].text, part_of(f, &of[i])))
            failed(p, "%s: the element %s was written as \"%s\" and shows \"%s\" (%s)", name,
                   of[i].key, of[i].text, part_of(f, &of[i]), after);
    if (there != n)
        failed(p, "%s has %zu elements, not %zu (%s)", name, there, n, after);
}

static const struct wess_item *written(struct probe *p, const struct wess_item *was,
                                       struct wess_field field, const char *what)
{
    struct wess_op op = update_of(p, was);
    struct wess_result r;
    set_field(p, &op.item, field);
    enum wess_code code = apply_one(p, &op, &r);
    if (code != WESS_OK)
        failed(p, "%s: %s answered %s: %s", field.name, what, code_name(code),
               r.text ? r.text : "");
    return fetch_one(p, r.id ? r.id : was->id);
}

/* Two elements; one changed and one added; the first taken away; none. */
static void go_round(struct probe *p, const char *name, const struct element before[2],
                     const struct element after[3])
{
    struct wess_item *item = draft(p);
    const struct wess_item *now;
    set_field(p, item, records_of(p, name, before, 2));
    now = fetch_one(p, create(p, item, new_stamp(p), NULL));
    shows(p, now, name, before, 2, "created");
    const char *names[2];
    size_t n = spare_texts(p, names, 1);
    if (n) {
        struct wess_field other = {.name = names[0], .type = WESS_TEXT, .str = {"Unrelated", 9}};
        now = written(p, now, other, "an update of another field");
        shows(p, now, name, before, 2, "after an update of another field");
    }
    if (!(p->col->caps & WESS_CAP_UPDATE))
        return;
    now = written(p, now, records_of(p, name, after, 3), "a change and an addition");
    shows(p, now, name, after, 3, "one changed, one added");
    now = written(p, now, records_of(p, name, after + 1, 2), "taking one away");
    shows(p, now, name, after + 1, 2, "one taken away");
    now = written(p, now, (struct wess_field){.name = name, .type = WESS_NULL}, "clearing");
    shows(p, now, name, after, 0, "cleared");
}

static void need_records(struct probe *p, const char *name, size_t n, const char *const *keys)
{
    const struct wess_field_schema *s = schema_of(p, name);
    if (!can_write(p, name, WESS_RECORDS))
        skipped(p, "the schema has no %s that can be written", name);
    if (s->max_n && s->max_n < n)
        skipped(p, "%s holds %u elements", name, s->max_n);
    for (size_t i = 0; i < n && s->allowed.n && keys; i++) {
        bool allowed = false;
        for (size_t k = 0; k < s->allowed.n; k++)
            allowed |= !strcmp(s->allowed.of[k], keys[i]);
        if (!allowed)
            skipped(p, "%s has no slot %s", name, keys[i]);
    }
}

static void records_mail(struct probe *p)
{
    const char *a = kept_fmt(p, "a.%s@example.com", p->run),
               *b = kept_fmt(p, "b.%s@example.com", p->run),
               *c = kept_fmt(p, "c.%s@example.com", p->run),
               *d = kept_fmt(p, "d.%s@example.com", p->run);
    const struct element before[] = {{a, "value", a}, {b, "value", b}};
    const struct element after[] = {{a, "value", a}, {c, "value", c}, {d, "value", d}};
    need_records(p, "email", 3, NULL);
    go_round(p, "email", before, after);
}

static void records_phone(struct probe *p)
{
    static const char *const slots[] = {"work", "mobile", "home"};
    static const struct element before[] = {{"work", "value", "+44 20 7946 0001"},
                                            {"mobile", "value", "+44 7700 900001"}};
    static const struct element after[] = {{"work", "value", "+44 20 7946 0002"},
                                           {"mobile", "value", "+44 7700 900001"},
                                           {"home", "value", "+44 1632 960003"}};
    need_records(p, "phone", 3, slots);
    go_round(p, "phone", before, after);
}

static void records_address(struct probe *p)
{
    static const char *const slots[] = {"work", "home"};
    static const struct element work = {"work", "street", "1 High Street"},
                                home = {"home", "locality", "Reading"},
                                moved = {"home", "locality", "Bath"};
    const struct element both[] = {work, home}, other[] = {work, moved};
    struct wess_item *item = draft(p);
    need_records(p, "address", 2, slots);
    set_field(p, item, records_of(p, "address", both, 2));
    const struct wess_item *now = fetch_one(p, create(p, item, new_stamp(p), NULL));
    shows(p, now, "address", both, 2, "created");
    if (!(p->col->caps & WESS_CAP_UPDATE))
        return;
    now = written(p, now, records_of(p, "address", other, 2), "a change");
    shows(p, now, "address", other, 2, "one changed");
    now = written(p, now, records_of(p, "address", &moved, 1), "taking one away");
    shows(p, now, "address", &moved, 1, "one taken away");
}

/* ---- sets
 * ------------------------------------------------------------------------------------------ */

static bool in_list(struct wess_list l, const char *text)
{
    for (size_t i = 0; i < l.n; i++)
        if (!strcmp(l.of[i], text))
            return true;
    return false;
}

static void set_shows(struct probe *p, const struct wess_item *item, const char *const *of,
                      size_t n, const char *after)
{
    const struct wess_field *f = field_of(item, "categories");
    struct wess_list none = {NULL, 0}, now = f && f->type == WESS_SET ? f->set : none;
    for (size_t i = 0; i < n; i++) {
        if (!in_list(item->tags, of[i]))
            failed(p, "the tag %s is not there (%s)", of[i], after);
        if (f && !in_list(now, of[i]))
            failed(p, "categories lack %s (%s)", of[i], after);
    }
    if (item->tags.n != n || (f && now.n != n))
        failed(p, "there are %zu tags, not %zu (%s)", item->tags.n, n, after);
}

static struct wess_field set_of(const char *const *of, size_t n)
{
    return (struct wess_field){.name = "categories", .type = WESS_SET, .set = {of, n}};
}

static void records_set(struct probe *p)
{
    static const char *const two[] = {"Alpha", "Beta & \u00dc"},
                             *const three[] = {"Alpha", "Beta & \u00dc", "Gamma"},
                             *const other[] = {"Gamma"};
    struct wess_item *item = draft(p);
    if (!can_write(p, "categories", WESS_SET))
        skipped(p, "the schema has no categories that can be written");
    set_field(p, item, set_of(two, 2));
    const struct wess_item *now = fetch_one(p, create(p, item, new_stamp(p), NULL));
    set_shows(p, now, two, 2, "created");
    if (!(p->col->caps & WESS_CAP_UPDATE))
        return;
    now = written(p, now, set_of(three, 3), "an addition");
    set_shows(p, now, three, 3, "one added");
    now = written(p, now, set_of(other, 1), "taking two away");
    set_shows(p, now, other, 1, "two taken away");
    now = written(p, now, (struct wess_field){.name = "categories", .type = WESS_NULL}, "clearing");
    set_shows(p, now, other, 0, "cleared");
}

#define CREATES WESS_CAP_CREATE
static const struct case_def cases[] = {
    {"records.mail", "8.2", CREATES, NEEDS_SCRATCH, records_mail},
    {"records.phone", "8.2", CREATES, NEEDS_SCRATCH, records_phone},
    {"records.address", "8.2", CREATES, NEEDS_SCRATCH, records_address},
    {"records.set", "8.2", CREATES, NEEDS_SCRATCH, records_set},
};
const struct suite suite_records = {cases, sizeof(cases) / sizeof(cases[0])};
