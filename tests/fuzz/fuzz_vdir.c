/* A vCard, and an op on it. Whatever can be read is written back byte for byte; writing what it
 * says changes nothing; writing something else changes the lines of those fields alone, and is what
 * is read afterwards. The input is the card, a zero byte, and the op as decisions. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../unit/vdir_reread.h"
#include "content.h"
#include "testhost.h"
#include "vdir.h"

#define FIELDS_MAX 6u
#define ELEMENTS_MAX 3u
#define LINES_SPARE 64u /* more than an op adds: a card with too many lines is refused later */

struct round {
    struct wess_call *call;
    struct fuzz_in in;
    struct wess_arena *arena;
};

/* ---- what an op may say
 * ------------------------------------------------------------------------------------------ */

static void *room(struct round *r, size_t size)
{
    void *p = r->call->conn->host->alloc(r->arena, size);
    HOLDS(p);
    return p;
}

/* In the form the core has texts in: no control characters, nothing blank at the ends. */
static char *drawn_text(struct round *r, bool lines)
{
    char *raw = fuzz_text(&r->in), *out = room(r, strlen(raw) + 2);
    size_t n = 0;
    for (const char *s = raw; *s && fuzz_is_utf8(raw, strlen(raw)); s++)
        if ((n || !isspace((unsigned char)*s)) &&
            (((unsigned char)*s >= 0x20 && *s != 0x7f) || (lines && *s == '\n')))
            out[n++] = *s;
    while (n && isspace((unsigned char)out[n - 1]))
        n--;
    if (!n)
        out[n++] = 'x';
    out[n] = 0;
    free(raw);
    return out;
}

static struct wess_field text(const char *name, const char *value)
{
    return (struct wess_field){
        .name = name, .type = WESS_TEXT, .str = {.data = value, .len = strlen(value)}};
}

static void draw_set(struct round *r, struct wess_field *f)
{
    const char **of = room(r, 2 * sizeof(*of)), *a = drawn_text(r, false);
    const char *b = fuzz_pick(&r->in, 2) ? drawn_text(r, false) : a;
    of[0] = strcmp(a, b) <= 0 ? a : b;
    of[1] = of[0] == a ? b : a;
    f->set = (struct wess_list){of, strcmp(a, b) ? 2 : 1};
}

static void draw_record(struct round *r, const char *field, struct wess_record *out)
{
    static const char *const phones[] = {"work", "home",    "mobile", "other",
                                         "fax",  "homefax", "pager",  "work2"};
    static const char *const places[] = {"work", "home", "other"};
    static const char *const parts[] = {"street", "locality", "region", "code", "country"};
    struct wess_field *of = room(r, 2 * sizeof(*of));
    *out = (struct wess_record){.fields = of, .n = 1};
    if (!strcmp(field, "email")) {
        of[0] = text("value", drawn_text(r, false));
        of[1] = (struct wess_field){.name = "pref", .type = WESS_INT, .num = 1};
        out->key = r->call->conn->host->fold(r->arena, of[0].str.data);
        if (out->key && !*out->key) { /* of marks that are nothing: the core has no such record */
            of[0] = text("value", "x");
            out->key = "x";
        }
        out->n = 2;
    } else if (!strcmp(field, "phone")) {
        out->key = phones[fuzz_pick(&r->in, 8)];
        of[0] = text("value", drawn_text(r, false));
    } else {
        out->key = places[fuzz_pick(&r->in, 3)];
        of[0] = text(parts[fuzz_pick(&r->in, 5)], drawn_text(r, true));
    }
    HOLDS(out->key);
}

static void draw_records(struct round *r, struct wess_field *f)
{
    struct wess_record *of = room(r, ELEMENTS_MAX * sizeof(*of));
    size_t n = 0;
    for (unsigned left = 1 + fuzz_pick(&r->in, ELEMENTS_MAX); left; left--) {
        bool twice = false;
        draw_record(r, f->name, &of[n]);
        for (size_t i = 0; i < n; i++)
            twice |= !strcmp(of[i].key, of[n].key);
        n += !twice;
    }
    for (size_t i = 0; i < n && !strcmp(f->name, "email"); i++)
        ((struct wess_field *)of[i].fields)[1].num = (int64_t)(i + 1);
    f->records = (struct wess_records){of, n};
}

static void draw_field(struct round *r, struct wess_field *f)
{
    const struct wess_field_schema *s = &vdir_schema[fuzz_pick(&r->in, (unsigned)vdir_n_schema)];
    *f = (struct wess_field){.name = s->name};
    if (fuzz_pick(&r->in, 8) == 7)
        return;
    f->type = s->type;
    if (s->type == WESS_SET) {
        draw_set(r, f);
    } else if (s->type == WESS_RECORDS) {
        draw_records(r, f);
    } else if (s->type == WESS_DATE) {
        char *date = room(r, 16);
        snprintf(date, 16, "%s-%02u-%02u", fuzz_pick(&r->in, 2) ? "-" : "1970",
                 1 + fuzz_pick(&r->in, 12), 1 + fuzz_pick(&r->in, 28));
        f->str = (struct wess_slice){date, strlen(date)};
    } else {
        const char *value = drawn_text(r, strcmp(s->name, "url") != 0);
        f->str = (struct wess_slice){value, strlen(value)};
    }
}

static void draw_op(struct round *r, struct wess_op *op)
{
    struct wess_field *of = room(r, FIELDS_MAX * sizeof(*of));
    size_t n = 0;
    for (unsigned left = 1 + fuzz_pick(&r->in, FIELDS_MAX); left; left--) {
        bool twice = false;
        draw_field(r, &of[n]);
        for (size_t i = 0; i < n; i++)
            twice |= !strcmp(of[i].name, of[n].name);
        n += !twice;
    }
    *op = (struct wess_op){.what = WESS_UPDATE, .item = {.fields = of, .n_fields = n}};
    op->stamp = fuzz_pick(&r->in, 2) ? "s1" : NULL;
}

/* ---- what must hold
 * ------------------------------------------------------------------------------------------ */

static void written(const struct lines *v, struct lines_buf *out)
{
    *out = (struct lines_buf){0};
    lines_write(v, out);
    HOLDS(!out->spent);
}

static void same_bytes(const struct lines *v, const char *bytes, size_t len)
{
    struct lines_buf out;
    written(v, &out);
    HOLDS(out.len == len && !memcmp(out.data, bytes, len));
    lines_buf_fini(&out);
}

/* The lines lie side by side, and none of them begins as the continuation of another. */
static void lines_hold(const struct lines *v, size_t len)
{
    size_t at = 0;
    for (size_t i = 0; i < v->n_read; i++) {
        HOLDS(v->lines[i].at == at && v->lines[i].len);
        at += v->lines[i].len;
        HOLDS(at == len || v->bytes[at - 1] == '\n');
    }
    HOLDS(at == len);
}

/* May that line hold the field? */
static bool is_of(const struct line *l, const char *name)
{
    for (int what = VDIR_MAIL; what <= VDIR_PLACE; what++)
        if (!strcmp(name, vdir_record_field[what]) && lines_is(l, vdir_record_property[what]))
            return true;
    for (size_t k = 0; k < vdir_n_fields; k++) {
        const struct vdir_field *f = &vdir_fields[k];
        if (strcmp(f->name, name) != 0)
            continue;
        for (size_t p = 0; p < VDIR_NAMES && f->names[p]; p++)
            if (lines_is(l, f->names[p]))
                return true;
        if (f->label && (lines_is(l, "X-ABDATE") || lines_is(l, "X-ABRELATEDNAMES")))
            return true;
    }
    return !strcmp(name, "categories") && lines_is(l, "CATEGORIES");
}

static bool may_touch(const struct wess_op *op, const struct line *l)
{
    /* The label of a group goes with the last line of it. */
    bool may = lines_is(l, "X-ABLABEL") || (op->stamp && lines_is(l, VDIR_STAMP));
    for (size_t i = 0; i < op->item.n_fields; i++)
        may |= is_of(l, op->item.fields[i].name);
    return may;
}

static size_t lines_of(const struct lines *v, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n_read; i++)
        n += is_of(&v->lines[i], name);
    return n;
}

static const struct line *next_kept(const struct lines *v, const struct wess_op *op, size_t *at)
{
    while (*at < v->n_read && may_touch(op, &v->lines[*at]))
        ++*at;
    return *at < v->n_read ? &v->lines[(*at)++] : NULL;
}

static void rest_is_kept(const struct lines *before, const struct lines *after,
                         const struct wess_op *op)
{
    size_t i = 0, k = 0;
    const struct line *a, *b;
    do {
        a = next_kept(before, op, &i);
        b = next_kept(after, op, &k);
        HOLDS(!a == !b);
        HOLDS(!a ||
              (a->len == b->len && !memcmp(before->bytes + a->at, after->bytes + b->at, a->len)));
    } while (a);
}

static bool is_refused(const struct wess_result *r, const char *field)
{
    for (size_t i = 0; i < r->n_refused; i++)
        if (!strcmp(r->refused[i].field, field))
            return true;
    return false;
}

static void shows(const struct lines *before, const struct wess_item *item,
                  const struct wess_op *op, const struct wess_result *result)
{
    for (size_t i = 0; i < op->item.n_fields; i++) {
        const struct wess_field *want = &op->item.fields[i], *got = test_field(item, want->name);
        if (is_refused(result, want->name))
            continue;
        /* Behind what goes another of that name may stand; FN is made of what there is. */
        if (want->type == WESS_NULL)
            HOLDS(!got || lines_of(before, want->name) > 1 || !strcmp(want->name, "fn"));
        else
            HOLDS(got && got->type == want->type);
        if (want->type == WESS_TEXT || want->type == WESS_DATE)
            HOLDS(got->str.len == want->str.len &&
                  !memcmp(got->str.data, want->str.data, got->str.len));
        if (want->type == WESS_SET) {
            HOLDS(got->set.n == want->set.n);
            for (size_t k = 0; k < want->set.n; k++)
                HOLDS(!strcmp(got->set.of[k], want->set.of[k]));
        }
        if (want->type == WESS_RECORDS)
            HOLDS(got->records.n == want->records.n);
    }
}

/* ---- one card
 * ------------------------------------------------------------------------------------------ */

static void read_holds(struct round *r, const struct lines *v, struct wess_item *item)
{
    struct wess_item facts;
    HOLDS(vdir_item(r->call, v, "a.vcf", false, &facts) == WESS_OK);
    HOLDS(vdir_item(r->call, v, "a.vcf", true, item) == WESS_OK);
    fuzz_item_holds(&facts);
    fuzz_item_holds(item);
    HOLDS(facts.n_keys <= item->n_keys && facts.tags.n == item->tags.n);
    content_of_item_holds(item);
}

/* The card says already what is written. */
static void write_the_same(struct round *r, const char *bytes, size_t len)
{
    struct lines v;
    struct lines_fault fault;
    struct wess_item item;
    struct wess_result result = {.code = WESS_UNKNOWN};
    HOLDS(vcard_read(&v, bytes, len, &fault));
    read_holds(r, &v, &item);
    struct wess_op op = {.what = WESS_UPDATE, .item = item};
    HOLDS(vdir_edit(r->call, &v, &op, &result) == WESS_OK);
    same_bytes(&v, bytes, len);
    lines_fini(&v);
}

static void write_another(struct round *r, const char *bytes, size_t len)
{
    struct lines before, v, after;
    struct lines_fault fault;
    struct lines_buf out;
    struct wess_op op;
    struct wess_item item;
    struct wess_result result = {.code = WESS_UNKNOWN};
    bool sure;
    HOLDS(vcard_read(&before, bytes, len, &fault) && vcard_read(&v, bytes, len, &fault));
    draw_op(r, &op);
    HOLDS(vdir_edit(r->call, &v, &op, &result) == WESS_OK);
    written(&v, &out);
    HOLDS(vcard_read(&after, out.data, out.len, &fault));
    rest_is_kept(&before, &after, &op);
    read_holds(r, &after, &item);
    shows(&before, &item, &op, &result);
    write_the_same(r, out.data, out.len);
    HOLDS(rereads(&v, out.data, out.len, &sure));
    lines_fini(&after);
    lines_buf_fini(&out);
    lines_fini(&v);
    lines_fini(&before);
}

static void card_holds(struct round *r, const char *bytes, size_t len)
{
    struct lines v;
    struct lines_fault fault;
    bool ok = vcard_read(&v, bytes, len, &fault);
    HOLDS(ok || (fault.why && fault.line <= len + 1));
    if (ok) {
        struct wess_item item;
        lines_hold(&v, len);
        same_bytes(&v, bytes, len);
        vdir_is_contact(&v);
        read_holds(r, &v, &item);
    }
    /* Version 2.1 is read only. */
    if (ok && v.version != VCARD_21 && v.n + LINES_SPARE < LINES_MAX) {
        write_the_same(r, bytes, len);
        write_another(r, bytes, len);
    }
    lines_fini(&v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct testhost th;
    struct wess_conn conn = {0};
    struct fuzz_in in = {data, size};
    testhost_init(&th, NULL, 0);
    conn.host = &th.host;
    struct wess_call call = testhost_call(&th, &conn, "contacts");
    char *all = fuzz_copy(data, size), *card = fuzz_text(&in);
    struct round r = {&call, in, &th.arena};
    card_holds(&r, card, strlen(card));
    if (strlen(all) < size) { /* a zero byte in the card: it is told, with its line */
        struct lines v;
        struct lines_fault fault;
        HOLDS(!vcard_read(&v, all, size, &fault) && fault.why);
        lines_fini(&v);
    }
    free(card);
    free(all);
    testhost_fini(&th);
    return 0;
}
