/* Cards that nobody wrote: pieces of real ones, mixed by a generator that starts the same each
 * time. Whatever can be read is written back as it was; what an op writes is read again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "testhost.h"
#include "vdir.h"
#include "vdir_cards.h"
#include "vdir_reread.h"

#define ROUNDS 6000u
#define CARD_CAP 8192u

static const char *const cards[] = {card_apple, card_google, card_outlook, card_evolution, card_v4};
static const char *const pieces[] = {
    "\r\n",
    "\n",
    ":",
    ";",
    ",",
    "\\",
    "\\n",
    "\"",
    "=\r\n",
    "=0A",
    "\r\n ",
    "EMAIL:a@x",
    "item1.",
    "PREF=1",
    "ORG:a",
    "N:b;c",
    "TEL:1",
    "\xc3\xa9",
    ";ENCODING=QUOTED-PRINTABLE:",
    "X-ABLabel:_$!<Spouse>!$_",
    "X-ABRELATEDNAMES:x",
    "END:VCARD\r\n",
    "CATEGORIES:a,b\r\n",
    "ORG:a\\\r\n",
    "N;ENCODING=QUOTED-PRINTABLE:a=0Ab;=0DX-C:1;c\r\n",
    "CATEGORIES;ENCODING=QUOTED-PRINTABLE:Workbooks,a=0Ab\r\n",
    "EMAIL;ENCODING=QUOTED-PRINTABLE:a@x=0Ab\r\n",
    "NOTE:\\",
    "BDAY:x",
    ";CHARSET=ISO-8859-1",
    "VERSION:4.0\r\n",
};

static uint64_t draw(uint64_t *seed, size_t below)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed % below;
}

/* Cuts something out, and puts a piece of something else there. */
static size_t mix(uint64_t *seed, char *text, size_t len)
{
    const char *from = cards[draw(seed, sizeof(cards) / sizeof(cards[0]))];
    size_t at = draw(seed, len + 1), cut = draw(seed, 30), n = 0;
    if (draw(seed, 2)) {
        from = pieces[draw(seed, sizeof(pieces) / sizeof(pieces[0]))];
        n = strlen(from);
    } else {
        size_t start = draw(seed, strlen(from));
        n = draw(seed, 120);
        from += start;
        n = n < strlen(from) ? n : strlen(from);
    }
    /* As a line of its own, half of the times. */
    while (draw(seed, 16) > 1 && at && text[at - 1] != '\n')
        at--;
    cut = draw(seed, 3) ? 0 : cut < len - at ? cut : len - at;
    if (len - cut + n > CARD_CAP)
        return len;
    memmove(text + at + n, text + at + cut, len - at - cut);
    memcpy(text + at, from, n);
    return len - cut + n;
}

static struct wess_field text(const char *name, const char *value)
{
    return (struct wess_field){
        .name = name, .type = WESS_TEXT, .str = {.data = value, .len = strlen(value)}};
}

struct round {
    struct wess_call *call;
    size_t *sure; /* how often what was written was known without reading it */
    const char *card;
    size_t len;
};

static void tell(const struct round *r, const char *why, const struct lines_buf *out)
{
    fail_msg("%s\n%.*s\n---- became\n%s", why, (int)r->len, r->card, out->data ? out->data : "");
}

static bool is_same(const struct round *r, const struct lines *v)
{
    struct lines_buf out = {0};
    lines_write(v, &out);
    bool same = out.len == r->len && !memcmp(out.data, r->card, r->len);
    if (!same)
        tell(r, "it changed", &out);
    lines_buf_fini(&out);
    return same;
}

/* Writing what a card says already leaves every byte. */
static void write_the_same(const struct round *r, struct lines *v)
{
    struct wess_item item;
    struct wess_result result = {.code = WESS_UNKNOWN};
    assert_int_equal(vdir_item(r->call, v, "a.vcf", true, &item), WESS_OK);
    struct wess_op op = {.what = WESS_UPDATE, .item = item};
    assert_int_equal(vdir_edit(r->call, v, &op, &result), WESS_OK);
    assert_true(is_same(r, v));
}

static bool is_refused(const struct wess_result *r, const char *field)
{
    for (size_t i = 0; i < r->n_refused; i++)
        if (!strcmp(r->refused[i].field, field))
            return true;
    return false;
}

static void expect_written(const struct round *r, const struct lines_buf *out,
                           const struct wess_op *op, const struct wess_result *result)
{
    struct lines v;
    struct lines_fault fault;
    struct wess_item item;
    if (!vcard_read(&v, out->data, out->len, &fault))
        tell(r, fault.why, out);
    assert_int_equal(vdir_item(r->call, &v, "a.vcf", true, &item), WESS_OK);
    for (size_t i = 0; i < op->item.n_fields; i++) {
        const struct wess_field *want = &op->item.fields[i], *got = test_field(&item, want->name);
        if (is_refused(result, want->name))
            continue;
        if (!got || got->type != want->type)
            tell(r, want->name, out);
        if ((want->type == WESS_TEXT || want->type == WESS_DATE) &&
            (got->str.len != want->str.len || memcmp(got->str.data, want->str.data, got->str.len)))
            tell(r, want->name, out);
        if ((want->type == WESS_SET && got->set.n != want->set.n) ||
            (want->type == WESS_RECORDS && got->records.n != want->records.n))
            tell(r, want->name, out);
    }
    lines_fini(&v);
}

static void write_another(const struct round *r, struct lines *v)
{
    static const char *const tags[] = {"A, b", "Workbooks"};
    struct wess_field value = text("value", "12"), mail[2][2];
    struct wess_record phones[] = {{"mobile", &value, 1},
                                   {"work", &value, 1},
                                   {"work2", &value, 1}},
                       mails[] = {{"a@x", mail[0], 2}, {"n@x", mail[1], 2}};
    const struct wess_field of[] = {
        text("fn", "x, y"),
        text("name.given", "G;\\"),
        text("org.unit", "U"),
        text("note", "l1\nEND:VCARD"),
        text("spouse", "S"),
        text("url", "u:x"),
        {.name = "bday", .type = WESS_DATE, .str = {.data = "1970-01-02", .len = 10}},
        {.name = "anniversary", .type = WESS_DATE, .str = {.data = "--01-02", .len = 7}},
        {.name = "categories", .type = WESS_SET, .set = {tags, 2}},
        {.name = "email", .type = WESS_RECORDS, .records = {mails, 2}},
        {.name = "phone", .type = WESS_RECORDS, .records = {phones, 3}}};
    struct wess_op op = {.what = WESS_UPDATE,
                         .stamp = "s1",
                         .item = {.fields = of, .n_fields = sizeof(of) / sizeof(of[0])}};
    struct wess_result result = {.code = WESS_UNKNOWN};
    struct lines_buf out = {0};
    bool sure;
    for (int64_t i = 0; i < 2; i++) {
        mail[i][0] = text("value", mails[i].key);
        mail[i][1] = (struct wess_field){.name = "pref", .type = WESS_INT, .num = 2 - i};
    }
    assert_int_equal(vdir_edit(r->call, v, &op, &result), WESS_OK);
    lines_write(v, &out);
    assert_false(out.spent);
    expect_written(r, &out, &op, &result);
    if (!rereads(v, out.data, out.len, &sure))
        tell(r, "it is read as something else", &out);
    *r->sure += sure;
    lines_buf_fini(&out);
}

static void one_round(struct testhost *th, struct round *r, size_t *read)
{
    struct lines v;
    struct lines_fault fault;
    bool ok = vcard_read(&v, r->card, r->len, &fault);
    if (ok && is_same(r, &v) && v.version != VCARD_21) {
        ++*read;
        write_the_same(r, &v);
        lines_fini(&v);
        assert_true(vcard_read(&v, r->card, r->len, &fault));
        write_another(r, &v);
    }
    assert_true(ok || fault.why);
    lines_fini(&v);
    testhost_drop(th);
}

static void test_vdir_chance__mixed_cards(void **state)
{
    struct testhost th;
    struct wess_conn conn = {0};
    uint64_t seed = 20261123;
    size_t read = 0, sure = 0;
    (void)state;
    testhost_init(&th, NULL, 0);
    conn.host = &th.host;
    struct wess_call call = testhost_call(&th, &conn, "contacts");
    for (unsigned i = 0; i < ROUNDS; i++) {
        char text_of[CARD_CAP];
        const char *start = cards[draw(&seed, sizeof(cards) / sizeof(cards[0]))];
        size_t len = strlen(start);
        memcpy(text_of, start, len);
        for (size_t n = 1 + draw(&seed, 8); n; n--)
            len = mix(&seed, text_of, len);
        /* Exactly as long as it is, so that reading behind it is found. */
        char *card = malloc(len + !len);
        assert_non_null(card);
        memcpy(card, text_of, len);
        one_round(&th, &(struct round){&call, &sure, card, len}, &read);
        free(card);
    }
    assert_true(read > ROUNDS / 10 && sure > ROUNDS / 20); /* else it tries little */
    testhost_fini(&th);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_vdir_chance__mixed_cards)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
