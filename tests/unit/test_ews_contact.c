/* A contact as Exchange takes it: where addresses go, what an update touches, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ews.h"
#include "testhost.h"

/* ---- making values
 * ------------------------------------------------------------------------------------------ */

static struct wess_slice slice(const char *text)
{
    return (struct wess_slice){text, strlen(text)};
}

static struct wess_field text(const char *name, const char *value)
{
    return (struct wess_field){.name = name, .type = WESS_TEXT, .str = slice(value)};
}

/* Mail addresses in this order; a number behind '#' is the pref. */
struct mails {
    struct wess_field field, parts[6][2];
    struct wess_record records[6];
};
static const struct wess_field *mails(struct mails *m, size_t n, const char *const *of)
{
    for (size_t i = 0; i < n; i++) {
        const char *pref = strchr(of[i], '#');
        size_t len = pref ? (size_t)(pref - of[i]) : strlen(of[i]);
        m->parts[i][0] =
            (struct wess_field){.name = "value", .type = WESS_TEXT, .str = {of[i], len}};
        m->parts[i][1] = (struct wess_field){
            .name = "pref", .type = WESS_INT, .num = pref ? strtol(pref + 1, NULL, 10) : 0};
        m->records[i] = (struct wess_record){of[i], m->parts[i], pref ? 2 : 1};
    }
    m->field =
        (struct wess_field){.name = "email", .type = WESS_RECORDS, .records = {m->records, n}};
    return &m->field;
}

/* ---- mail slots
 * ------------------------------------------------------------------------------------------ */

static void expect_places(const char *const now[3], unsigned held, size_t n,
                          const char *const *want, const char *const after[3])
{
    struct mails m;
    struct ews_slots slots = {0};
    struct wess_slice out[EWS_MAILS];
    for (size_t i = 0; i < 3; i++) {
        slots.mail[i] = slice(now[i]);
        slots.held[i] = held >> i & 1u;
    }
    bool fits = ews_place_mails(mails(&m, n, want), &slots, out);
    assert_int_equal(fits, after != NULL);
    for (size_t i = 0; after && i < 3; i++) {
        assert_int_equal(out[i].len, strlen(after[i]));
        assert_memory_equal(out[i].data, after[i], out[i].len);
    }
}
#define LIST(...) ((const char *const[]){__VA_ARGS__})

static void test_ews_contact__addresses_stay_where_they_are(void **state)
{
    (void)state;
    expect_places(LIST("a", "", "b"), 0, 2, LIST("a#1", "b#2"), LIST("a", "", "b"));
    expect_places(LIST("a", "b", "c"), 0, 2, LIST("a#1", "c#2"), LIST("a", "", "c"));
    expect_places(LIST("a", "b", ""), 0, 3, LIST("a#1", "b#2", "c#3"), LIST("a", "b", "c"));
    expect_places(LIST("a", "b", ""), 0, 2, LIST("b#1", "a#2"), LIST("b", "a", ""));
    expect_places(LIST("", "", ""), 0, 2, LIST("y#2", "x#1"), LIST("x", "y", ""));
    expect_places(LIST("", "", ""), 0, 2, LIST("x", "y"), LIST("x", "y", ""));
    expect_places(LIST("a", "b", "c"), 0, 0, LIST(""), LIST("", "", ""));
    expect_places(LIST("A@x", "", ""), 0, 1, LIST("a@X#1"), LIST("A@x", "", ""));
    expect_places(LIST("", "b", ""), 0, 1, LIST("c#1"), LIST("", "c", ""));
}

static void test_ews_contact__an_address_that_is_not_shown_is_kept(void **state)
{
    (void)state;
    expect_places(LIST("/o=x", "b", ""), 1, 1, LIST("c#1"), LIST("/o=x", "c", ""));
    expect_places(LIST("/o=x", "b", ""), 1, 0, LIST(""), LIST("/o=x", "", ""));
    expect_places(LIST("/o=x", "b", ""), 1, 2, LIST("c#1", "b#2"), LIST("/o=x", "c", "b"));
    expect_places(LIST("/o=x", "b", ""), 1, 3, LIST("c#1", "b#2", "d#3"), NULL);
    expect_places(LIST("", "", ""), 0, 4, LIST("a", "b", "c", "d"), NULL);
}

/* ---- updates
 * ------------------------------------------------------------------------------------------ */

static void test_ews_contact__an_update_touches_what_changed(void **state)
{
    struct mails m;
    struct wess_field work[] = {text("value", "1")}, mobile[] = {text("value", "2")},
                      other[] = {text("value", "3")};
    struct wess_record had[] = {{"mobile", mobile, 1}, {"work", work, 1}},
                       gets[] = {{"mobile", other, 1}};
    struct wess_field before[] = {{.name = "phone", .type = WESS_RECORDS, .records = {had, 2}}};
    struct wess_field fields[] = {
        text("title", "Boss"),
        {.name = "org", .type = WESS_NULL},
        {.name = "phone", .type = WESS_RECORDS, .records = {gets, 1}},
        *mails(&m, 2, LIST("a#1", "b#2")),
    };
    struct wess_item old = {.id = "i", .revision = "r", .fields = before, .n_fields = 1};
    struct wess_op op = {.what = WESS_UPDATE,
                         .before = &old,
                         .stamp = "s1",
                         .item = {.id = "i", .fields = fields, .n_fields = 4}};
    struct ews_slots slots = {.mail = {slice("a"), slice(""), slice("")}};
    struct ews_update of[100];
    size_t n, seen = 0;
    struct testhost th;
    struct wess_conn conn = {.host = &th.host};
    (void)state;
    testhost_init(&th, NULL, 0);
    struct wess_call call = testhost_call(&th, &conn, "contacts");
    assert_true(ews_contact_kind.n_fields < 100);
    assert_true(ews_updates(&call, &op, &slots, of, &n));
    assert_int_equal(n, 6);
    for (size_t i = 0; i < n; i++) {
        const char *index = of[i].at && of[i].at->index ? of[i].at->index : "";
        const char *element = of[i].at && of[i].at->element ? of[i].at->element : "";
        seen |= !of[i].at && of[i].set ? 1u : 0u;
        seen |= !strcmp(index, "EmailAddress2") && of[i].set ? 2u : 0u;
        seen |= !strcmp(index, "MobilePhone") && of[i].set ? 4u : 0u;
        seen |= !strcmp(index, "BusinessPhone") && !of[i].set ? 8u : 0u;
        seen |= !strcmp(element, "JobTitle") && of[i].set ? 16u : 0u;
        seen |= !strcmp(element, "CompanyName") && !of[i].set ? 32u : 0u;
    }
    assert_int_equal(seen, 63);
    /* A stamp is never written over another. */
    slots.stamped = true;
    assert_true(ews_updates(&call, &op, &slots, of, &n));
    assert_int_equal(n, 5);
    /* Nothing to say is nothing sent. */
    op.item.fields = before;
    op.item.n_fields = 1;
    assert_true(ews_updates(&call, &op, &slots, of, &n));
    assert_int_equal(n, 0);
    testhost_fini(&th);
}

/* ---- refusals
 * ------------------------------------------------------------------------------------------ */

static struct wess_result refuses(struct testhost *th, struct wess_field field)
{
    struct wess_conn conn = {.host = &th->host};
    struct wess_call call = testhost_call(th, &conn, "contacts");
    struct wess_op op = {.what = WESS_CREATE, .item = {.fields = &field, .n_fields = 1}};
    struct wess_result r = {.code = WESS_NOT_TRIED};
    bool refused = ews_refuses(&call, &op, &r);
    assert_int_equal(refused, r.n_refused > 0);
    assert_int_equal(r.code, refused ? WESS_REJECTED : WESS_NOT_TRIED);
    return r;
}

static void test_ews_contact__what_would_spoil_the_batch_is_refused_alone(void **state)
{
    static const char *const good[] = {"http://example.com", "https://ex.com:8080/a?b#c",
                                       "www.example.com",    "mailto:a@b",
                                       "http://[::1]:80/",   "http://m\xc3\xbcnz.de"};
    static const char *const bad[] = {
        "http://exa mple", "http://", "http://host:port", "a<b", "http://:80", "x\\y", ":x"};
    struct testhost th;
    struct mails m;
    char wide[600] = "";
    (void)state;
    testhost_init(&th, NULL, 0);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(refuses(&th, text("url", good[i])).n_refused, 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(refuses(&th, text("url", bad[i])).n_refused, 1);
    /* 128 characters of two units each, 127 of them. */
    for (size_t i = 0; i < 128; i++)
        strcat(wide, "\xf0\x9f\x93\x9e");
    assert_int_equal(refuses(&th, text("fn", wide)).n_refused, 1);
    wide[127 * 4] = 0;
    assert_int_equal(refuses(&th, text("fn", wide)).n_refused, 0);
    struct wess_field date = {.name = "bday", .type = WESS_DATE, .str = slice("--11-23")};
    assert_int_equal(refuses(&th, date).n_refused, 1);
    date.str = slice("1402-11-23");
    assert_int_equal(refuses(&th, date).n_refused, 1);
    date.str = slice("1958-04-01");
    assert_int_equal(refuses(&th, date).n_refused, 0);
    struct wess_result r = refuses(&th, *mails(&m, 4, LIST("a", "b", "c", "d")));
    assert_string_equal(r.refused[0].field, "email");
    struct wess_field value = text("value", "1");
    struct wess_record strange = {"cell", &value, 1};
    struct wess_field phone = {.name = "phone", .type = WESS_RECORDS, .records = {&strange, 1}};
    r = refuses(&th, phone);
    assert_string_equal(r.refused[0].field, "phone.cell");
    testhost_fini(&th);
}

static const struct wess_field_schema *described(const struct ews_kind *kind, const char *name)
{
    const struct wess_field_schema *found = NULL;
    for (size_t k = 0; k < kind->n_schema; k++)
        if (!strcmp(kind->schema[k].name, name)) {
            assert_null(found);
            found = &kind->schema[k];
        }
    return found;
}

static bool allows(const struct wess_field_schema *s, const char *word)
{
    for (size_t i = 0; i < s->allowed.n; i++)
        if (!strcmp(s->allowed.of[i], word))
            return true;
    return false;
}

static void test_ews_contact__the_tables_and_the_schemas_agree(void **state)
{
    (void)state;
    for (size_t k = 0; k < EWS_KINDS; k++) {
        const struct ews_kind *kind = ews_kinds[k];
        for (size_t i = 0; i < kind->n_fields; i++) {
            const struct ews_field *f = &kind->fields[i];
            const struct wess_field_schema *s = described(kind, f->name);
            if (!s)
                fail_msg("%s is not described", f->name);
            assert_int_equal(s->type, f->type);
            assert_true(!f->slot || ews_is_mail(f) || allows(s, f->slot));
            assert_true(!f->set || (f->index && f->slot && f->part));
            assert_int_equal(f->read_only, (s->flags & WESS_FIELD_READ_ONLY) != 0);
            for (const struct ews_word *w = f->words; w && w->ours && f->type == WESS_TEXT; w++)
                assert_true(allows(s, w->ours));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ews_contact__addresses_stay_where_they_are),
        cmocka_unit_test(test_ews_contact__an_address_that_is_not_shown_is_kept),
        cmocka_unit_test(test_ews_contact__an_update_touches_what_changed),
        cmocka_unit_test(test_ews_contact__what_would_spoil_the_batch_is_refused_alone),
        cmocka_unit_test(test_ews_contact__the_tables_and_the_schemas_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
