#include "content.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const texts[] = {"",
                                    "A",
                                    "a",
                                    "B",
                                    "C ",
                                    " \t",
                                    "A\r\nB",
                                    "\xc3\x84" /* as one letter and as two */,
                                    "A\xcc\x88",
                                    "\xef\xac\x81",
                                    "\xc2\xa0"
                                    "A",
                                    "A\x01"
                                    "\xcc\x88",
                                    "\xff",
                                    "+44 20",
                                    "0044-20",
                                    "4420",
                                    "ada@example.com",
                                    "ADA@example.com",
                                    "<p>A</p>",
                                    "2026-11-23",
                                    "--11-23",
                                    "https://example.com"};
static const char *const names[] = {"title", "note",       "bday",    "categories", "email",
                                    "phone", "address",    "fn",      "org",        "name.family",
                                    "url",   "x.ews.Tier", "unknown", "phone.work"};
static const char *const keys[] = {"work", "mobile", "home", "work2", "fax", "", "ada@example.com"};
static const char *const parts[] = {"value", "pref", "street", "locality"};
#define PICK(in, of) (of)[fuzz_pick(in, sizeof(of) / sizeof((of)[0]))]

static struct wess_slice slice_of(struct fuzz_in *in)
{
    const char *text = PICK(in, texts);
    return (struct wess_slice){text, strlen(text)};
}

static void *room(struct wess_arena *a, size_t n, size_t size)
{
    void *p = arena_alloc(a, (n + 1) * size);
    HOLDS(p);
    return p;
}

static void draw_set(struct fuzz_in *in, struct wess_arena *a, struct wess_field *f)
{
    size_t n = fuzz_pick(in, 5);
    const char **of = room(a, n, sizeof(*of));
    for (size_t i = 0; i < n; i++)
        of[i] = PICK(in, texts);
    f->set = (struct wess_list){of, n};
}

static void draw_records(struct fuzz_in *in, struct wess_arena *a, struct wess_field *f)
{
    size_t n = fuzz_pick(in, 5);
    struct wess_record *of = room(a, n, sizeof(*of));
    for (size_t i = 0; i < n; i++) {
        size_t m = 1 + fuzz_pick(in, 3);
        struct wess_field *part = room(a, m, sizeof(*part));
        for (size_t k = 0; k < m; k++) {
            part[k] = (struct wess_field){.name = PICK(in, parts), .type = WESS_TEXT};
            if (!strcmp(part[k].name, "pref")) {
                part[k].type = WESS_INT;
                part[k].num = (int64_t)fuzz_pick(in, 5) - 1;
            } else {
                part[k].str = slice_of(in);
            }
        }
        of[i] = (struct wess_record){PICK(in, keys), part, m};
    }
    f->records = (struct wess_records){of, n};
}

static void draw(struct fuzz_in *in, struct wess_arena *a, struct wess_field *f)
{
    const char *element;
    const struct field_def *def;
    *f = (struct wess_field){.name = PICK(in, names)};
    def = field_find(kind_find("contact"), f->name, &element);
    unsigned other = fuzz_pick(in, 16);
    f->type = other == 15 ? fuzz_pick(in, 4) : def && !element ? (uint32_t)def->type : WESS_TEXT;
    if (f->type == WESS_SET)
        draw_set(in, a, f);
    else if (f->type == WESS_RECORDS)
        draw_records(in, a, f);
    else if (f->type == WESS_BOOL || f->type == WESS_INT)
        f->num = fuzz_pick(in, 3);
    else
        f->str = slice_of(in);
}

size_t content_raw(struct fuzz_in *in, struct wess_arena *a, struct wess_field *of)
{
    size_t n = fuzz_pick(in, CONTENT_FIELDS_MAX + 1);
    for (size_t i = 0; i < n; i++)
        draw(in, a, &of[i]);
    return n;
}

struct content content_drawn(struct fuzz_in *in, struct wess_arena *a)
{
    struct wess_field raw[CONTENT_FIELDS_MAX];
    struct content out;
    size_t n = content_raw(in, a, raw);
    HOLDS(content_canonical(kind_find("contact"), a, raw, n, NULL, &out, NULL));
    return out;
}

void content_holds(const struct content *c)
{
    for (size_t i = 0; i < c->n; i++) {
        const struct wess_field *f = &c->fields[i];
        const char *element;
        const struct field_def *def = field_find(kind_find("contact"), f->name, &element);
        HOLDS(!i || strcmp(c->fields[i - 1].name, f->name) < 0);
        HOLDS(def && !element && f->type == (uint32_t)def->type);
        HOLDS(f->type != WESS_SET || f->set.n);
        HOLDS(f->type != WESS_RECORDS || f->records.n);
        for (size_t k = 1; f->type == WESS_RECORDS && k < f->records.n; k++)
            HOLDS(strcmp(f->records.of[k - 1].key, f->records.of[k].key) < 0);
        for (size_t k = 0; f->type == WESS_RECORDS && k < f->records.n; k++) {
            fuzz_fields_hold(f->records.of[k].fields, f->records.of[k].n);
            for (size_t m = 1; m < f->records.of[k].n; m++)
                HOLDS(strcmp(f->records.of[k].fields[m - 1].name, f->records.of[k].fields[m].name) <
                      0);
        }
        HOLDS(f->type != WESS_TEXT || f->str.len);
        for (size_t k = 0; f->type == WESS_SET && k < f->set.n; k++)
            HOLDS(*f->set.of[k] && fuzz_is_utf8(f->set.of[k], strlen(f->set.of[k])));
    }
}

static void show_fields(const struct wess_field *f, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        fprintf(stderr, " %s=", f[i].name);
        if (f[i].type == WESS_INT || f[i].type == WESS_BOOL)
            fprintf(stderr, "%lld", (long long)f[i].num);
        else if (f[i].type == WESS_TEXT || f[i].type == WESS_DATE)
            fprintf(stderr, "\"%.*s\"", (int)f[i].str.len, (const char *)f[i].str.data);
        for (size_t k = 0; f[i].type == WESS_SET && k < f[i].set.n; k++)
            fprintf(stderr, "\"%s\",", f[i].set.of[k]);
        for (size_t k = 0; f[i].type == WESS_RECORDS && k < f[i].records.n; k++) {
            fprintf(stderr, "{%s:", f[i].records.of[k].key);
            show_fields(f[i].records.of[k].fields, f[i].records.of[k].n);
            fprintf(stderr, "}");
        }
    }
}

void content_show(const char *what, const struct content *c)
{
    if (!getenv("FUZZ_SHOW"))
        return;
    fprintf(stderr, "%s:", what);
    show_fields(c ? c->fields : NULL, c ? c->n : 0);
    fprintf(stderr, "%s\n", c ? "" : " none");
}

void content_of_item_holds(const struct wess_item *item)
{
    const struct kind_def *kind = kind_find(item->kind ? item->kind : "contact");
    struct wess_arena *a = arena_new(ARENA_BUDGET);
    struct content c, again;
    size_t bad = 0;
    HOLDS(a && content_canonical(kind, a, item->fields, item->n_fields, NULL, &c, &bad));
    HOLDS(!bad && content_canonical(kind, a, c.fields, c.n, NULL, &again, &bad));
    HOLDS(content_same_bytes(a, &c, &again));
    arena_free(a);
}

bool content_same_bytes(struct wess_arena *a, const struct content *x, const struct content *y)
{
    struct wess_slice one, two;
    HOLDS(content_encode(a, x, &one) && content_encode(a, y, &two));
    return one.len == two.len && !memcmp(one.data, two.data, one.len);
}
