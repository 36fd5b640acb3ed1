/* Values: what is written is what is shown. */
#include "probe.h"

#include <string.h>

#define LONG_FALLBACK 200u
#define LARGE ((size_t)100 << 10) /* over WESS_INLINE_MAX */

/* A field that holds several lines, if there is one; else any. */
static const char *roomy(struct probe *p, bool lines)
{
    static const char *const notes[] = {"note", "description", "body"};
    const char *name;
    for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++)
        if (can_write(p, notes[i], WESS_TEXT))
            return notes[i];
    if (lines)
        skipped(p, "the schema has no field for several lines");
    if (!spare_texts(p, &name, 1))
        skipped(p, "the schema has no second text field that can be written");
    return name;
}

static const char *line_field(struct probe *p)
{
    const char *names[8];
    size_t n = spare_texts(p, names, 8);
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], "note") && strcmp(names[i], "description") && strcmp(names[i], "url"))
            return names[i];
    return roomy(p, false);
}

static void round_trip(struct probe *p, const char *name, const char *text)
{
    struct wess_item *item = draft(p);
    struct wess_result r;
    set_text(p, item, name, text);
    const char *id = create(p, item, new_stamp(p), &r);
    if (field_refused(&r, name))
        failed(p, "%s refuses \"%s\"", name, text);
    const char *shows = text_of(p, fetch_one(p, id), name);
    if (!same_text(p, text, shows))
        failed(p, "%s was written as \"%s\" and shows \"%s\"", name, text, shows);
}

static void values_unicode(struct probe *p)
{
    static const char *const texts[] = {
        "Zo\u00eb Stra\u00dfe \u0141\u00f3d\u017a",                /* Latin */
        "e\u0301 combined, \u1e69 and s\u0323\u0307",              /* combining marks */
        "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627", /* right to left */
        "\u65e5\u672c\u8a9e \ud55c\uad6d\uc5b4",
        "\U0001f4d3 \U0001f469\u200d\U0001f680 \U00020000", /* beyond the first plane */
    };
    const char *name = line_field(p);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        round_trip(p, name, texts[i]);
}

static void values_markup(struct probe *p)
{
    static const char *const texts[] = {
        "5 < 6 & 7 > 2",
        "\"double\" and 'single' quotes",
        "a&amp;b &lt;c&gt; %41+%2B \\n \\u0041",
        "key=value&key2=[x]; a,b,c",
        "100% {\"json\": [1]} ]]>",
        "-1 or '1'='1'; --",
    };
    const char *names[2] = {line_field(p), roomy(p, false)};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        for (size_t k = 0; k < 2; k++)
            round_trip(p, names[k], texts[i]);
}

static void values_lines(struct probe *p)
{
    const char *name = roomy(p, true);
    round_trip(p, name, "First line\nSecond line\n\nFourth line");
    round_trip(p, name, "  indented\n\ttabbed\n- list");
}

/* n code points, some of several bytes. */
static char *long_text(struct probe *p, size_t n)
{
    char *text = kept(p, 2 * n + 1), *at = text;
    for (size_t i = 0; i < n; i++) {
        if (i % 10 == 9 && i + 1 < n) {
            *at++ = '\xc3';
            *at++ = '\xa9';
        } else {
            *at++ = (char)('a' + i % 26);
        }
    }
    return text;
}

static size_t points(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

static void values_longest(struct probe *p)
{
    const char *name = line_field(p);
    const struct wess_field_schema *s = schema_of(p, name);
    size_t most = s->max_len && s->max_len < WESS_INLINE_MAX / 2 ? s->max_len : LONG_FALLBACK;
    round_trip(p, name, long_text(p, most));
}

/* What the schema cannot hold: refused by name, or shown shorter; its neighbours unharmed. */
static void values_too_long(struct probe *p)
{
    const char *name = line_field(p);
    const struct wess_field_schema *s = schema_of(p, name);
    if (!s->max_len || s->max_len >= WESS_INLINE_MAX / 2)
        skipped(p, "%s has no bound", name);
    struct wess_item *item = draft(p);
    const char *text = long_text(p, s->max_len + 10), *shows;
    set_text(p, item, name, text);
    struct wess_op ops[2] = {{.stamp = new_stamp(p), .what = WESS_CREATE, .item = *item},
                             {.stamp = new_stamp(p), .what = WESS_CREATE, .item = *draft(p)}};
    struct wess_result r[2];
    must(p, try_apply(p, ops, 2, r), "apply() with a value that is too long");
    if (r[1].code != WESS_OK)
        broke(p, "5.2", "beside a value that is too long a good op answered %s",
              code_name(r[1].code));
    if (r[0].code != WESS_OK && (r[0].code != WESS_REJECTED || !field_refused(&r[0], name)))
        failed(p, "a value that is too long answered %s, its field is %snamed",
               code_name(r[0].code), field_refused(&r[0], name) ? "" : "not ");
    if (r[0].code != WESS_OK)
        return;
    shows = text_of(p, fetch_one(p, r[0].id), name);
    if (!field_refused(&r[0], name) && strncmp(shows, text, strlen(shows)) != 0)
        failed(p, "a value of %zu characters shows other ones", points(text));
}

static void values_large(struct probe *p)
{
    const char *name = roomy(p, true), *shows, *id;
    const struct wess_field_schema *s = schema_of(p, name);
    struct wess_item *item = draft(p);
    struct wess_spool *spool = NULL;
    struct wess_blob blob;
    struct wess_result r;
    if (s->max_len && s->max_len < LARGE)
        skipped(p, "%s holds %u characters", name, s->max_len);
    char *text = kept(p, LARGE + 1);
    for (size_t i = 0; i < LARGE; i++)
        text[i] = i % 61 == 60 ? '\n' : (char)('a' + i * 7 % 26);
    text[LARGE - 1] = '.';
    struct wess_arena *to = &p->keep;
    const struct wess_host *h = &p->th.host;
    if (h->blob_new(h->ctx, &spool) != WESS_OK || h->blob_put(spool, text, LARGE) != WESS_OK ||
        h->blob_done(spool, to, &blob) != WESS_OK)
        failed(p, "the suite itself is out of memory");
    set_field(p, item, (struct wess_field){.name = name, .type = WESS_BLOB, .blob = blob});
    id = create(p, item, new_stamp(p), &r);
    if (field_refused(&r, name))
        broke(p, "11.5", "%s refuses %zu bytes, and names no bound", name, LARGE);
    const struct wess_item *now = fetch_one(p, id);
    shows = text_of(p, now, name);
    if (!same_text(p, text, shows))
        failed(p, "%s was written with %zu bytes and shows %zu", name, LARGE, strlen(shows));
    if (field_of(now, name)->type != WESS_BLOB)
        failed(p, "%s of %zu bytes came as no blob", name, strlen(shows));
}

/* Bytes of every value, that begin as a picture does. */
static struct wess_field blob_field(struct probe *p, const char *name, size_t len, unsigned seed)
{
    struct wess_field f = {.name = name, .type = WESS_BLOB};
    const struct wess_host *h = &p->th.host;
    struct wess_spool *spool = NULL;
    char *bytes = kept(p, len + 1);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(i * 37 + (i >> 8) + seed);
    if (len > 3)
        memcpy(bytes, "\xff\xd8\xff", 3);
    if (h->blob_new(h->ctx, &spool) != WESS_OK || h->blob_put(spool, bytes, len) != WESS_OK ||
        h->blob_done(spool, &p->keep, &f.blob) != WESS_OK)
        failed(p, "the suite itself is out of memory");
    return f;
}

/* `want` NULL: none. */
static void shows_blob(struct probe *p, const struct wess_item *now, const char *name,
                       const struct wess_field *want)
{
    const struct wess_field *f = field_of(now, name);
    if (!want && f && f->type != WESS_NULL)
        failed(p, "%s was never written, or cleared, and shows something", name);
    if (want && (!f || f->type != WESS_BLOB || strcmp(f->blob.digest, want->blob.digest)))
        failed(p, "%s was written with %zu bytes and shows other ones", name,
               (size_t)want->blob.size);
}

static void change_blob(struct probe *p, const char *id, const char *name,
                        const struct wess_field *to)
{
    const struct wess_field none = {.name = name, .type = WESS_NULL};
    struct wess_op op = update_of(p, fetch_one(p, id));
    struct wess_result r;
    set_field(p, &op.item, to ? *to : none);
    must(p, try_apply(p, &op, 1, &r), "apply() of a blob");
    if (r.code != WESS_OK)
        failed(p, "%s answered %s when it was %s", name, code_name(r.code),
               to ? "written" : "cleared");
    const struct wess_item *now = fetch_one(p, id);
    shows_blob(p, now, name, to);
    if (r.revision && now->revision && strcmp(r.revision, now->revision) != 0)
        failed(p, "the update of %s answered another revision than the item has", name);
}

/* Absent, written, replaced, cleared, written again; and with a new item. */
static void values_blob(struct probe *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->col->n_fields; i++) {
        const struct wess_field_schema *s = &p->col->fields[i];
        if (s->type != WESS_BLOB || !can_write(p, s->name, WESS_BLOB))
            continue;
        size_t most = s->max_len && s->max_len < LARGE ? s->max_len : LARGE;
        struct wess_field small = blob_field(p, s->name, 301, 1),
                          large = blob_field(p, s->name, most, 2);
        const char *id = create(p, draft(p), new_stamp(p), NULL);
        n++;
        shows_blob(p, fetch_one(p, id), s->name, NULL);
        change_blob(p, id, s->name, &small);
        change_blob(p, id, s->name, &large);
        change_blob(p, id, s->name, NULL);
        change_blob(p, id, s->name, &small);
        struct wess_item *item = draft(p);
        set_field(p, item, large);
        shows_blob(p, fetch_one(p, create(p, item, new_stamp(p), NULL)), s->name, &large);
    }
    if (!n)
        skipped(p, "the schema has no blob that can be written and changed");
}

static void values_date(struct probe *p)
{
    static const char *const dates[] = {"1972-02-29", "2001-12-31", "1969-07-20"};
    struct wess_result r;
    size_t n = 0;
    for (size_t i = 0; i < p->col->n_fields; i++) {
        const char *name = p->col->fields[i].name;
        struct wess_item *item = draft(p);
        if (!can_write(p, name, WESS_DATE))
            continue;
        const char *date = dates[n++ % 3];
        set_field(
            p, item,
            (struct wess_field){.name = name, .type = WESS_DATE, .str = {date, strlen(date)}});
        const struct wess_item *now = fetch_one(p, create(p, item, new_stamp(p), &r));
        if (!field_refused(&r, name) && strcmp(text_of(p, now, name), date) != 0)
            failed(p, "%s was written as %s and shows %s", name, date, text_of(p, now, name));
    }
    if (!n)
        skipped(p, "the schema has no date that can be written");
}

static void values_time(struct probe *p)
{
    const struct wess_item *item = draft(p), *now = NULL;
    size_t n = 0;
    for (size_t i = 0; i < item->n_fields; i++) {
        const struct wess_field *f = &item->fields[i], *shows;
        if (f->type != WESS_TIME)
            continue;
        n++;
        now = now ? now : fetch_one(p, create(p, item, new_stamp(p), NULL));
        shows = field_of(now, f->name);
        if (!shows || shows->type != WESS_TIME || shows->time.ms != f->time.ms)
            failed(p, "%s is another instant than was written", f->name);
    }
    if (!n)
        skipped(p, "the schema has no time that can be written");
}

#define CREATES WESS_CAP_CREATE
static const struct case_def cases[] = {
    {"values.unicode", "11.1", CREATES, NEEDS_SCRATCH, values_unicode},
    {"values.markup", "11.1", CREATES, NEEDS_SCRATCH, values_markup},
    {"values.lines", "11.1", CREATES, NEEDS_SCRATCH, values_lines},
    {"values.longest", "11.5", CREATES, NEEDS_SCRATCH, values_longest},
    {"values.too_long", "5.7", CREATES, NEEDS_SCRATCH, values_too_long},
    {"values.large", "1.4", CREATES, NEEDS_SCRATCH, values_large},
    {"values.blob", "1.4", CREATES | WESS_CAP_UPDATE, NEEDS_SCRATCH, values_blob},
    {"values.date", "11.4", CREATES, NEEDS_SCRATCH, values_date},
    {"values.time", "11.4", CREATES, NEEDS_SCRATCH, values_time},
};
const struct suite suite_values = {cases, sizeof(cases) / sizeof(cases[0])};
