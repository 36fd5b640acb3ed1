/* A contact as Exchange shows it, and what is made of it. */
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

struct fixture {
    struct testhost th;
    struct wess_conn conn;
    struct wess_call call;
    char *text;
    struct xml_in *in;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    testhost_init(&f->th, NULL, 0);
    f->conn.host = &f->th.host;
    f->call = testhost_call(&f->th, &f->conn, "contacts");
    *state = f;
    return 0;
}

static void drop(struct fixture *f)
{
    xml_in_free(f->in);
    free(f->text);
    f->in = NULL;
    f->text = NULL;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    drop(f);
    testhost_fini(&f->th);
    free(f);
    return 0;
}

static const xmlNode *parse(struct fixture *f, const char *inner)
{
    const char *why;
    drop(f);
    assert_true(asprintf(&f->text, "<t:Contact xmlns:t=\"t\">%s</t:Contact>", inner) > 0);
    f->in = xml_in_new(f->text, strlen(f->text), &why);
    assert_non_null(f->in);
    assert_non_null(xml_in_next(f->in, 0));
    const xmlNode *n = xml_in_take(f->in);
    assert_non_null(n);
    return n;
}

static struct wess_item read_item(struct fixture *f, const char *inner, bool whole)
{
    struct wess_item item;
    assert_int_equal(ews_item(&f->call, parse(f, inner), whole, &item), WESS_OK);
    return item;
}

#define ID "<t:ItemId Id=\"AAMk+/==\" ChangeKey=\"EQAAABYAAAA=\"/>"
#define STAMP(set, value)                                                                          \
    "<t:ExtendedProperty><t:ExtendedFieldURI PropertySetId=\"" set                                 \
    "\" PropertyName=\"wess-stamp\" PropertyType=\"String\"/><t:Value>" value                      \
    "</t:Value></t:ExtendedProperty>"

static const char whole_contact[] =
    ID "<t:ParentFolderId Id=\"f\"/><t:Sensitivity>Normal</t:Sensitivity><t:Body "
       "BodyType=\"Text\">one&#xD;\ntwo</t:Body><t:Categories><t:String>Workbooks</t:String>"
       "<t:String>Friends</t:String><t:String>Friends</t:String></t:Categories>" STAMP(
           EWS_STAMP_SET,
           "abc123") "<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag=\"0x3a45\" "
                     "PropertyType=\"String\"/>"
                     "<t:Value>Dr</t:Value></t:ExtendedProperty>"
                     "<t:LastModifiedTime>2026-11-23T14:45:41.960701500Z</t:LastModifiedTime>"
                     "<t:DisplayName>Ada "
                     "Lovell</t:DisplayName><t:GivenName>Ada</t:GivenName><t:MiddleName>M"
                     "</t:MiddleName><t:Nickname>Ad</t:Nickname><t:CompanyName>Acme &amp; "
                     "Söhne</t:CompanyName>"
                     "<t:EmailAddresses><t:Entry Key=\"EmailAddress1\" "
                     "RoutingType=\"EX\">/o=x/cn=ada</t:Entry>"
                     "<t:Entry Key=\"EmailAddress2\" RoutingType=\"SMTP\" "
                     "Name=\"Ada\">Ada@Example.com</t:Entry>"
                     "<t:Entry Key=\"EmailAddress3\">ada@example.com</t:Entry></t:EmailAddresses>"
                     "<t:PhysicalAddresses><t:Entry Key=\"Business\"><t:Street>1 High "
                     "St&#xD;&#xA;Floor 2</t:Street>"
                     "<t:City>Leeds</t:City><t:CountryOrRegion>UK</t:CountryOrRegion></"
                     "t:Entry><t:Entry "
                     "Key=\"Home\"/></t:PhysicalAddresses>"
                     "<t:PhoneNumbers><t:Entry Key=\"BusinessPhone\">+44 1</t:Entry><t:Entry "
                     "Key=\"MobilePhone\">"
                     "+44 7</t:Entry><t:Entry Key=\"BusinessMobile\">9</t:Entry><t:Entry "
                     "Key=\"Pager\"></t:Entry>"
                     "</t:PhoneNumbers><t:Birthday>1958-04-01T11:59:00Z</t:Birthday><t:JobTitle/>"
                     "<t:Surname>Lovell</t:Surname>";

static void test_ews_item__content_by_vcards_names(void **state)
{
    struct wess_item i = read_item(*state, whole_contact, true);
    assert_string_equal(i.id, "AAMk+/==");
    assert_string_equal(i.revision, "EQAAABYAAAA=");
    assert_true(i.flags & WESS_ITEM_WHOLE);
    assert_false(i.flags & WESS_ITEM_PRIVATE);
    assert_true(i.modified_ms == 1795445141000);
    assert_string_equal(test_text(&i, "note"), "one\ntwo");
    assert_string_equal(test_text(&i, "name.prefix"), "Dr");
    assert_string_equal(test_text(&i, "name.given"), "Ada");
    assert_string_equal(test_text(&i, "name.additional"), "M");
    assert_string_equal(test_text(&i, "name.family"), "Lovell");
    assert_string_equal(test_text(&i, "org"), "Acme & S\xc3\xb6hne");
    assert_string_equal(test_text(&i, "bday"), "1958-04-01");
    assert_null(test_field(&i, "title")); /* an empty element is an empty field */
    assert_int_equal(i.tags.n, 2);
    assert_string_equal(i.tags.of[0], "Friends");
    assert_string_equal(i.tags.of[1], "Workbooks");
    const struct wess_record *work = test_record(&i, "address", "work");
    assert_string_equal(test_record_text(work, "street"), "1 High St\nFloor 2");
    assert_string_equal(test_record_text(work, "country"), "UK");
    assert_null(test_record(&i, "address", "home"));
    assert_string_equal(test_record_text(test_record(&i, "phone", "work"), "value"), "+44 1");
    assert_int_equal(test_field(&i, "phone")->records.n, 2);
}

static void test_ews_item__addresses_of_the_directory_are_none(void **state)
{
    struct fixture *f = *state;
    struct wess_item i = read_item(f, whole_contact, true);
    const struct wess_field *mail = test_field(&i, "email");
    struct ews_slots slots;
    assert_int_equal(mail->records.n, 1); /* the same twice is one */
    assert_string_equal(mail->records.of[0].key, "ada@example.com");
    assert_string_equal(test_record_text(&mail->records.of[0], "value"), "Ada@Example.com");
    assert_true(ews_slots(&f->call, parse(f, whole_contact), &slots));
    assert_true(slots.held[0]);
    assert_false(slots.held[1]);
    assert_int_equal(slots.mail[1].len, strlen("Ada@Example.com"));
    assert_true(slots.stamped);
}

static void test_ews_item__facts_carry_keys_and_no_content(void **state)
{
    struct wess_item i = read_item(*state, whole_contact, false);
    assert_int_equal(i.n_fields, 0);
    assert_false(i.flags & WESS_ITEM_WHOLE);
    assert_true(test_has_tag(&i, "Workbooks"));
    assert_true(test_has_key(&i, "email", "ada@example.com"));
    assert_true(test_has_key(&i, "email+name.family", "ada@example.com|lovell"));
    assert_true(test_has_key(&i, "fn", "ada lovell"));
    assert_true(test_has_key(&i, "wess", "abc123"));
}

static void test_ews_item__nothing_unselected_is_spooled(void **state)
{
    struct fixture *f = *state;
    char *inner = NULL, *name = malloc(200001);
    assert_non_null(name);
    memset(name, 'n', 200000);
    name[200000] = 0;
    assert_true(asprintf(&inner, ID "<t:DisplayName>%s</t:DisplayName>", name) > 0);
    struct wess_item i = read_item(f, inner, false);
    assert_null(f->th.blobs);
    assert_int_equal(i.n_keys, 0);
    free(inner);
    free(name);
}

static void test_ews_item__a_long_note_is_a_blob(void **state)
{
    struct fixture *f = *state;
    enum { LINES = 30000 };
    char *body = malloc(LINES * 10 + 1), *inner = NULL;
    size_t len;
    assert_non_null(body);
    for (size_t k = 0; k < LINES; k++)
        memcpy(body + k * 10, "abcd&#xD;\n", 10);
    body[LINES * 10] = 0;
    assert_true(asprintf(&inner, ID "<t:Body>%s</t:Body>", body) > 0);
    struct wess_item i = read_item(f, inner, true);
    const struct wess_field *note = test_field(&i, "note");
    assert_int_equal(note->type, WESS_BLOB);
    assert_int_equal(note->blob.size, LINES * 5);
    const char *data = testhost_blob(&f->th, note->blob.digest, &len);
    assert_int_equal(len, LINES * 5);
    assert_memory_equal(data, "abcd\nabcd\n", 10);
    assert_true(f->th.arena.used < 100000); /* it has not passed through the arena */
    free(inner);
    free(body);
}

static void test_ews_item__dates(void **state)
{
    static const char *const dates[][2] = {
        {"1958-04-01T11:59:00Z", "1958-04-01"}, {"1958-04-01T00:00:00Z", "1958-04-01"},
        {"1958-04-01T12:00:00Z", "1958-04-01"}, {"1958-03-31T23:00:00Z", "1958-04-01"},
        {"1958-03-31T22:00:00Z", "1958-04-01"}, {"1958-04-01T05:00:00Z", "1958-04-01"},
        {"1999-12-31T18:30:00Z", "2000-01-01"}, {"1958-04-01T00:00:00+02:00", "1958-04-01"},
        {"2000-02-29", "2000-02-29"},           {"1880-02-28T23:00:00.5Z", "1880-02-29"},
    };
    char out[11];
    (void)state;
    for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
        assert_true(ews_date(dates[i][0], out));
        assert_string_equal(out, dates[i][1]);
    }
    assert_false(ews_date("soon", out));
    assert_false(ews_date("", out));
    assert_false(ews_date(NULL, out));
    assert_true(ews_time_ms("2026-11-23T10:00:00Z") == ews_time_ms("2026-11-23T12:00:00+02:00"));
    assert_true(ews_time_ms("2026-11-23T10:00:00.123456789Z") == 1795428000000);
    assert_true(ews_time_ms("x") == 0);
}

static void test_ews_item__private_and_confidential(void **state)
{
    static const char *const words[] = {"Private", "Confidential", "Personal", "Normal"};
    for (size_t i = 0; i < 4; i++) {
        char inner[200];
        snprintf(inner, sizeof(inner), ID "<t:Sensitivity>%s</t:Sensitivity>", words[i]);
        struct wess_item item = read_item(*state, inner, false);
        assert_int_equal((item.flags & WESS_ITEM_PRIVATE) != 0, i < 2);
    }
}

static void test_ews_item__foreign_stamps_are_none(void **state)
{
    struct fixture *f = *state;
    struct wess_item i =
        read_item(f, ID STAMP("00020329-0000-0000-c000-000000000046", "abc"), false);
    assert_int_equal(i.n_keys, 0);
    i = read_item(f,
                  ID STAMP(EWS_STAMP_SET,
                           "0123456789012345678901234567890123456789012345678901234567"
                           "890123456789"),
                  false);
    assert_int_equal(i.n_keys, 0);
    struct ews_slots slots; /* but the slot is not empty */
    assert_true(ews_slots(&f->call, parse(f, ID STAMP(EWS_STAMP_SET, "x")), &slots));
    assert_true(slots.stamped);
}

static void test_ews_item__what_cannot_be_named_is_left_out(void **state)
{
    struct fixture *f = *state;
    struct wess_item item;
    char id[WESS_ID_MAX + 2], inner[WESS_ID_MAX + 200];
    assert_int_equal(ews_item(&f->call, parse(f, "<t:DisplayName>x</t:DisplayName>"), false, &item),
                     WESS_REJECTED);
    memset(id, 'i', sizeof(id));
    id[WESS_ID_MAX + 1] = 0;
    snprintf(inner, sizeof(inner), "<t:ItemId Id=\"%s\"/>", id);
    assert_int_equal(ews_item(&f->call, parse(f, inner), false, &item), WESS_REJECTED);
    id[512] = 0;
    snprintf(inner, sizeof(inner), "<t:ItemId Id=\"%s\"/>", id);
    assert_int_equal(ews_item(&f->call, parse(f, inner), false, &item), WESS_OK);
    assert_int_equal(strlen(item.id), 512);
    assert_null(item.revision);
}

static void test_ews_item__hostile_values_break_no_rule(void **state)
{
    struct fixture *f = *state;
    char *big = malloc(70001), *inner = NULL;
    assert_non_null(big);
    memset(big, 'x', 70000);
    big[70000] = 0;
    assert_true(asprintf(&inner,
                         ID "<t:Categories><t:String>%s</t:String><t:String/></t:Categories>"
                            "<t:EmailAddresses><t:Entry Key=\"EmailAddress1\">%.2000s</t:Entry>"
                            "<t:Entry Key=\"EmailAddress9\">a@b</t:Entry><t:Entry>c@d</t:Entry>"
                            "</t:EmailAddresses><t:PhoneNumbers><t:Entry Key=\"HomePhone\">%s"
                            "</t:Entry></t:PhoneNumbers><t:Birthday>x</t:Birthday>",
                         big, big, big) > 0);
    struct wess_item i = read_item(f, inner, true);
    assert_int_equal(i.tags.n, 0);
    assert_null(test_field(&i, "email"));
    assert_null(test_field(&i, "phone"));
    assert_null(test_field(&i, "bday"));
    free(inner);
    free(big);
}

static void test_ews_item__every_allocation_may_fail(void **state)
{
    struct fixture *f = *state;
    struct wess_item item;
    const xmlNode *n = parse(f, whole_contact);
    enum wess_code rc = WESS_TOO_BIG;
    for (size_t at = 1; rc == WESS_TOO_BIG; at++) {
        testhost_drop(&f->th);
        f->th.arena.fail_at = at;
        rc = ews_item(&f->call, n, true, &item);
        assert_true(at < 500);
    }
    assert_int_equal(rc, WESS_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ews_item__content_by_vcards_names),
        TEST(test_ews_item__addresses_of_the_directory_are_none),
        TEST(test_ews_item__facts_carry_keys_and_no_content),
        TEST(test_ews_item__nothing_unselected_is_spooled),
        TEST(test_ews_item__a_long_note_is_a_blob),
        TEST(test_ews_item__dates),
        TEST(test_ews_item__private_and_confidential),
        TEST(test_ews_item__foreign_stamps_are_none),
        TEST(test_ews_item__what_cannot_be_named_is_left_out),
        TEST(test_ews_item__hostile_values_break_no_rule),
        TEST(test_ews_item__every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
