/* How many changed items a second the pure merge takes on one core.
 *
 *     bench_reconcile [SECONDS]
 *
 * Contacts of 20 fields, three of them a set or records. Each content is decoded on its own, as the
 * engine reads it from the store, so that no two share a text. The plan is dropped at once: what
 * the system asks for memory is no part of this. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/reconcile.h"

#define BATCH 200u /* as many as the engine plans at once */
#define ARENA_BYTES ((size_t)64 << 20)
#define TEXT_BYTES 160u

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "bench_reconcile: %s\n", what);
    exit(1);
}

static void *room(struct wess_arena *a, size_t n, size_t size)
{
    void *p = arena_alloc(a, n * size);
    if (!p)
        fail("memory");
    return p;
}

/* ---- the items
 * -------------------------------------------------------------------------------------- */

#define LINE(field)                                                                                \
    {                                                                                              \
        .name = field, .type = WESS_TEXT, .max_len = 255                                           \
    }
static const char *const slots[] = {"fax", "home", "mobile", "work"};
static const struct wess_field_schema schema[] = {
    {.name = "note", .type = WESS_TEXT},
    LINE("fn"),
    LINE("name.given"),
    LINE("name.additional"),
    LINE("name.family"),
    LINE("name.prefix"),
    LINE("name.suffix"),
    LINE("nickname"),
    LINE("org"),
    LINE("org.unit"),
    LINE("title"),
    LINE("role"),
    LINE("url"),
    LINE("manager"),
    LINE("assistant"),
    LINE("spouse"),
    {.name = "bday", .type = WESS_DATE},
    {.name = "categories", .type = WESS_SET, .max_len = 255},
    {.name = "email", .type = WESS_RECORDS, .max_len = 255, .max_n = 3},
    {.name = "phone", .type = WESS_RECORDS, .max_len = 255, .allowed = {slots, 4}},
};
#define FIELDS (sizeof(schema) / sizeof(schema[0]))
/* As in the configuration that the documentation shows. */
static const struct field_rule rules[] = {
    {"note", "note", DIR_TO_RIGHT, RULE_ASK},
    {"phone.mobile", "phone.mobile", DIR_BOTH, RULE_LEFT},
};

struct item {
    struct content now[2], shadow[2];
    struct reconcile_in in;
};

/* `what` with the item's number in place of '#'. */
static struct wess_slice text(struct wess_arena *a, const char *what, size_t i)
{
    const char *at = strchr(what, '#');
    char *out = room(a, TEXT_BYTES, 1);
    int head = at ? (int)(at - what) : (int)strlen(what);
    int len = at ? snprintf(out, TEXT_BYTES, "%.*s%06zu%s", head, what, i, at + 1)
                 : snprintf(out, TEXT_BYTES, "%s", what);
    return (struct wess_slice){out, (size_t)len};
}

static struct wess_field line(const char *name, struct wess_slice value)
{
    return (struct wess_field){.name = name, .type = WESS_TEXT, .str = value};
}

static struct wess_field tags(struct wess_arena *a, size_t i, const char *more)
{
    const char **of = room(a, 4, sizeof(*of));
    of[0] = "Customers";
    of[1] = i % 2 ? "Suppliers" : "Key account";
    of[2] = "Workbooks";
    of[3] = more;
    return (struct wess_field){.name = "categories", .type = WESS_SET, .set = {of, more ? 4u : 3u}};
}

static struct wess_record element(struct wess_arena *a, const char *key, struct wess_slice value,
                                  int64_t pref)
{
    struct wess_field *parts = room(a, 2, sizeof(*parts));
    parts[0] = line("value", value);
    parts[1] = (struct wess_field){.name = "pref", .type = WESS_INT, .num = pref};
    return (struct wess_record){key, parts, pref ? 2 : 1};
}

static struct wess_field mails(struct wess_arena *a, size_t i, const char *third)
{
    struct wess_record *of = room(a, 3, sizeof(*of));
    struct wess_slice work = text(a, "given#.family@example.com", i),
                      home = text(a, "family#@home.example", i);
    of[0] = element(a, work.data, work, 1);
    of[1] = element(a, home.data, home, 2);
    if (third)
        of[2] = element(a, third, (struct wess_slice){third, strlen(third)}, 3);
    return (struct wess_field){
        .name = "email", .type = WESS_RECORDS, .records = {of, third ? 3u : 2u}};
}

static struct wess_field phones(struct wess_arena *a, size_t i, const char *mobile)
{
    struct wess_record *of = room(a, 3, sizeof(*of));
    of[0] = element(a, "home", text(a, "+44 113 4#", i), 0);
    of[1] = element(a, "mobile", text(a, mobile, i), 0);
    of[2] = element(a, "work", text(a, "+44 20 7#", i), 0);
    return (struct wess_field){.name = "phone", .type = WESS_RECORDS, .records = {of, 3}};
}

/* All 20 fields, in the order of the schema. */
static void contact(struct wess_arena *a, size_t i, struct wess_field out[FIELDS])
{
    static const char *const values[] = {
        "Met at the fair in Leeds, asks for samples of # before Easter and calls back",
        "Given# Family",
        "Given#",
        "Ann",
        "Family#",
        "Dr",
        "PhD",
        "Gif#",
        "Company # Ltd",
        "Sales",
        "Engineer",
        "Buyer",
        "https://www.company#.example/",
        "Manager #",
        "Assistant #",
        "Spouse #",
        "1970-11-23"};
    for (size_t f = 0; f < sizeof(values) / sizeof(values[0]); f++)
        out[f] = line(schema[f].name, text(a, values[f], i));
    out[16].type = WESS_DATE;
    out[17] = tags(a, i, NULL);
    out[18] = mails(a, i, NULL);
    out[19] = phones(a, i, "+44 7700 #");
}

static void set_line(struct wess_field f[FIELDS], const char *name, const char *value)
{
    for (size_t i = 0; i < FIELDS; i++)
        if (!strcmp(f[i].name, name))
            f[i].str = (struct wess_slice){value, strlen(value)};
}

/* ---- what changed in them
 * --------------------------------------------------------------------------- */

enum { CASES = 12 };

/* true: that side changed. A side that did not is not read by the engine. */
static bool changed(struct wess_arena *a, size_t i, int side, struct wess_field f[FIELDS])
{
    bool left = side == LEFT;
    switch (i % CASES) {
    case 0: /* one field, on the left or on the right */
    case 1:
        set_line(f, "title", "Director");
        return left == (i % CASES == 0);
    case 2: /* several fields of one side */
        set_line(f, "org", "Another Company Ltd");
        set_line(f, "org.unit", "Purchasing");
        set_line(f, "role", "Head of purchasing");
        return left;
    case 3: /* other fields on the two sides */
        set_line(f, left ? "title" : "spouse", left ? "Director" : "Alex");
        return true;
    case 4: /* the same field, unlike */
        set_line(f, "title", left ? "Director" : "Chair");
        return true;
    case 5: /* the same field, alike */
        set_line(f, "title", "Director");
        return true;
    case 6: /* a field emptied */
        f[7].type = WESS_NULL;
        return left;
    case 7: /* one more in the set; it bears a letter that is not ASCII */
        f[17] = tags(a, i,
                     "\xc3\x9c"
                     "ber 40");
        return left;
    case 8: /* both sides change the set */
        f[17] = tags(a, i, left ? "Newsletter" : NULL);
        f[17].set.n = left ? 4 : 2;
        return true;
    case 9: /* one more address */
        f[18] = mails(a, i, "third@example.org");
        return !left;
    case 10: /* a number changed, and another field on the other side */
        f[19] = left ? phones(a, i, "+44 7800 #") : f[19];
        set_line(f, left ? "note" : "url", "https://www.example.org/");
        return true;
    default: /* both changed a number: its rule decides */
        f[19] = phones(a, i, left ? "+44 7800 #" : "+44 7900 #");
        return true;
    }
}

/* Brought into canonical form, stored and read back. */
static struct content stored(struct wess_arena *a, const struct wess_field *f)
{
    struct content made, out;
    struct wess_slice bytes;
    if (!content_canonical(kind_find("contact"), a, f, FIELDS, NULL, &made, NULL) ||
        !content_encode(a, &made, &bytes) || !content_decode(a, bytes, &out))
        fail("an item could not be made");
    return out;
}

static void make_item(struct wess_arena *a, size_t i, struct item *it)
{
    it->in = (struct reconcile_in){
        .kind = kind_find("contact"), .rules = rules, .n_rules = sizeof(rules) / sizeof(rules[0])};
    for (int s = LEFT; s <= RIGHT; s++) {
        struct wess_field f[FIELDS];
        contact(a, i, f);
        it->shadow[s] = stored(a, f);
        bool read = changed(a, i, s, f);
        it->now[s] = stored(a, f);
        it->in.side[s] = (struct side_in){.now = read ? &it->now[s] : NULL,
                                          .shadow = &it->shadow[s],
                                          .changed_ms = 1000,
                                          .schema = schema,
                                          .n_schema = FIELDS};
    }
}

/* ---- the measuring
 * --------------------------------------------------------------------------------- */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Every case must come to something, or this measures nothing. */
static void merge_batch(struct wess_arena *a, const struct item *items)
{
    for (size_t i = 0; i < BATCH; i++) {
        struct reconcile_out out;
        arena_reset(a);
        if (!reconcile(a, &items[i].in, &out))
            fail("the arena is spent");
        if (!out.patch[LEFT].n && !out.patch[RIGHT].n && !out.n_conflicts && !out.moved)
            fail("an item did not count as changed");
    }
}

int main(int argc, char **argv)
{
    double least = argc > 1 ? strtod(argv[1], NULL) : 2;
    struct wess_arena *kept = arena_new(ARENA_BYTES), *a = arena_new(ARENA_BYTES);
    if (!kept || !a)
        fail("memory");
    struct item *items = room(kept, BATCH, sizeof(*items));
    for (size_t i = 0; i < BATCH; i++)
        make_item(kept, i, &items[i]);
    for (size_t warm = 0; warm < 50; warm++)
        merge_batch(a, items);
    size_t n = 0;
    double began = seconds(), spent = 0;
    while (spent < least) {
        merge_batch(a, items);
        n += BATCH;
        spent = seconds() - began;
    }
    printf("%.0f items/s\n", (double)n / spent);
    arena_free(a);
    arena_free(kept);
    return 0;
}
