/* A calendar file, and an op on it. Whatever can be read is written back byte for byte; writing
 * what it says changes nothing; writing something else is what is read afterwards, or is refused by
 * name. The input is a byte for the kind, the file, a zero byte, and the op as decisions. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "content.h"
#include "ics.h"
#include "testhost.h"

#define FIELDS_MAX 5u
#define LINES_SPARE 400u /* more than an op adds */

struct round {
    struct wess_call *call;
    const struct vdir_kind *kind;
    struct fuzz_in in;
    struct wess_arena *arena;
};

static void *room(struct round *r, size_t size)
{
    void *p = r->call->conn->host->alloc(r->arena, size);
    HOLDS(p);
    return p;
}

/* ---- what an op may say
 * ------------------------------------------------------------------------------------------ */

/* In the form the core has texts in. */
static char *drawn_text(struct round *r)
{
    char *raw = fuzz_text(&r->in), *out = room(r, strlen(raw) + 2);
    size_t n = 0;
    for (const char *s = raw; *s && fuzz_is_utf8(raw, strlen(raw)); s++)
        if ((n || !isspace((unsigned char)*s)) && (unsigned char)*s >= 0x20 && *s != 0x7f)
            out[n++] = *s;
    while (n && isspace((unsigned char)out[n - 1]))
        n--;
    if (!n)
        out[n++] = 'x';
    out[n] = 0;
    free(raw);
    return out;
}

static const char *drawn_local(struct round *r, bool day)
{
    char *out = room(r, WESS_LOCAL_SIZE);
    snprintf(out, WESS_LOCAL_SIZE, "2030-%02u-%02uT%02u:30:00", 1 + fuzz_pick(&r->in, 12),
             1 + fuzz_pick(&r->in, 28), fuzz_pick(&r->in, 24));
    out[day ? 10 : 19] = 0;
    return out;
}

static void draw_time(struct round *r, struct wess_field *f)
{
    static const char *const zones[] = {NULL, "Etc/UTC", "Europe/Berlin", "America/New_York"};
    if (f->type == WESS_DATE || fuzz_pick(&r->in, 4) == 3) {
        f->type = WESS_DATE;
        f->str = (struct wess_slice){drawn_local(r, true), 10};
    } else {
        f->time = (struct wess_time){drawn_local(r, false), zones[fuzz_pick(&r->in, 4)], 0};
    }
}

static struct wess_field text(const char *name, const char *value)
{
    return (struct wess_field){.name = name, .type = WESS_TEXT, .str = {value, strlen(value)}};
}

static void draw_records(struct round *r, struct wess_field *f)
{
    struct wess_record *of = room(r, sizeof(*of));
    struct wess_field *parts = room(r, 2 * sizeof(*parts));
    if (!strcmp(f->name, "attendees")) {
        parts[0] = text("value", drawn_text(r));
        parts[1] = text("role", "OPT-PARTICIPANT");
        of[0] =
            (struct wess_record){r->call->conn->host->fold(r->arena, parts[0].str.data), parts, 2};
    } else {
        parts[0] = fuzz_pick(&r->in, 2) ? text("status", "CANCELLED")
                                        : (struct wess_field){.name = "start", .type = WESS_TIME};
        if (parts[0].type == WESS_TIME)
            draw_time(r, &parts[0]);
        of[0] = (struct wess_record){drawn_local(r, true), parts, 1};
    }
    f->records = (struct wess_records){of, of[0].key && *of[0].key};
}

static void draw_text(struct round *r, const struct wess_field_schema *s, struct wess_field *f)
{
    static const char *const rules[] = {"FREQ=DAILY", "FREQ=WEEKLY;UNTIL=20301231;BYDAY=MO,TU",
                                        "FREQ=YEARLY;COUNT=3"};
    const char *value;
    if (s->allowed.n)
        value = s->allowed.of[fuzz_pick(&r->in, (unsigned)s->allowed.n)];
    else if (!strcmp(s->name, "rrule") && fuzz_pick(&r->in, 4))
        value = rules[fuzz_pick(&r->in, 3)];
    else
        value = drawn_text(r);
    f->str = (struct wess_slice){value, strlen(value)};
}

static void draw_field(struct round *r, struct wess_field *f)
{
    const struct wess_field_schema *s =
        &r->kind->schema[fuzz_pick(&r->in, (unsigned)*r->kind->n_schema)];
    *f = (struct wess_field){.name = s->name};
    if (fuzz_pick(&r->in, 8) == 7)
        return;
    f->type = s->type;
    if (s->type == WESS_SET) {
        const char **of = room(r, sizeof(*of));
        of[0] = drawn_text(r);
        f->set = (struct wess_list){of, 1};
    } else if (s->type == WESS_RECORDS) {
        draw_records(r, f);
    } else if (s->type == WESS_INT) {
        f->num = fuzz_pick(&r->in, 12);
    } else if (s->type == WESS_TEXT) {
        draw_text(r, s, f);
    } else {
        draw_time(r, f);
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

static void read_holds(struct round *r, const struct lines *v, struct wess_item *item)
{
    struct wess_item facts;
    HOLDS(r->kind->item(r->call, v, "a.ics", false, &facts) == WESS_OK);
    HOLDS(r->kind->item(r->call, v, "a.ics", true, item) == WESS_OK);
    fuzz_item_holds(&facts);
    fuzz_item_holds(item);
    HOLDS(facts.n_keys <= item->n_keys && facts.tags.n == item->tags.n);
}

static void same_bytes(const struct lines *v, const char *bytes, size_t len)
{
    struct lines_buf out = {0};
    lines_write(v, &out);
    HOLDS(!out.spent && out.len == len && !memcmp(out.data, bytes, len));
    lines_buf_fini(&out);
}

static void write_the_same(struct round *r, const char *bytes, size_t len)
{
    struct lines v;
    struct lines_fault fault;
    struct wess_item item;
    struct wess_result result = {.code = WESS_UNKNOWN};
    HOLDS(r->kind->read(&v, bytes, len, &fault));
    read_holds(r, &v, &item);
    struct wess_op op = {.what = WESS_UPDATE, .item = item};
    HOLDS(r->kind->edit(r->call, &v, &op, &result) == WESS_OK);
    same_bytes(&v, bytes, len);
    lines_fini(&v);
}

static bool is_refused(const struct wess_result *r, const char *field)
{
    for (size_t i = 0; i < r->n_refused; i++)
        if (!strcmp(r->refused[i].field, field))
            return true;
    return false;
}

/* Texts and numbers are what was written; the rest depends on each other. */
static void shows(const struct wess_item *item, const struct wess_op *op,
                  const struct wess_result *result)
{
    for (size_t i = 0; i < op->item.n_fields; i++) {
        const struct wess_field *want = &op->item.fields[i], *got = test_field(item, want->name);
        if (is_refused(result, want->name) || (want->type != WESS_TEXT && want->type != WESS_INT))
            continue;
        HOLDS(got && got->type == want->type);
        if (want->type == WESS_INT)
            HOLDS(got->num == want->num);
        else if (strcmp(want->name, "rrule"))
            HOLDS(got->str.len == want->str.len &&
                  !memcmp(got->str.data, want->str.data, got->str.len));
    }
}

static void write_another(struct round *r, const char *bytes, size_t len)
{
    struct lines v, after;
    struct lines_fault fault;
    struct lines_buf out = {0};
    struct wess_op op;
    struct wess_item item;
    struct wess_result result = {.code = WESS_UNKNOWN};
    HOLDS(r->kind->read(&v, bytes, len, &fault));
    draw_op(r, &op);
    HOLDS(r->kind->edit(r->call, &v, &op, &result) == WESS_OK);
    lines_write(&v, &out);
    HOLDS(!out.spent && r->kind->read(&after, out.data, out.len, &fault));
    HOLDS(r->kind->is_ours(&after));
    read_holds(r, &after, &item);
    shows(&item, &op, &result);
    write_the_same(r, out.data, out.len);
    lines_fini(&after);
    lines_buf_fini(&out);
    lines_fini(&v);
}

static void file_holds(struct round *r, const char *bytes, size_t len)
{
    struct lines v;
    struct lines_fault fault;
    bool ok = r->kind->read(&v, bytes, len, &fault);
    HOLDS(ok || (fault.why && fault.line <= len + 1));
    if (ok)
        same_bytes(&v, bytes, len);
    if (ok && r->kind->is_ours(&v)) {
        write_the_same(r, bytes, len);
        if (v.n + LINES_SPARE < LINES_MAX)
            write_another(r, bytes, len);
    }
    lines_fini(&v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct vdir_kind *const kinds[] = {&vdir_events, &vdir_tasks};
    struct testhost th;
    struct fuzz_in in = {data, size};
    const struct vdir_kind *kind = kinds[fuzz_pick(&in, 2)];
    testhost_init(&th, NULL, 0);
    struct wess_conn conn = {
        .host = &th.host, .kind = kind, .zone = "Europe/Berlin", .attachments = true};
    struct wess_call call = testhost_call(&th, &conn, kind->collection);
    char *file = fuzz_text(&in);
    struct round r = {&call, kind, in, &th.arena};
    file_holds(&r, file, strlen(file));
    free(file);
    testhost_fini(&th);
    return 0;
}
