/* What the tests of calendar files share: reading one, writing to it, comparing. */
#ifndef TEST_VDIR_ICS_H
#define TEST_VDIR_ICS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ics.h"
#include "testhost.h"

#define CAL(inside) "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" inside "END:VCALENDAR\r\n"
#define EVENT(inside)                                                                              \
    CAL("BEGIN:VEVENT\r\nUID:u1\r\nDTSTAMP:20260101T000000Z\r\n" inside "END:VEVENT\r\n")
#define TASK(inside) CAL("BEGIN:VTODO\r\nUID:u1\r\n" inside "END:VTODO\r\n")
#define FOREIGN                                                                                    \
    "X-ODD;A=\"b:c\";D=e:f\\,g\r\nATTACH:http://x.example/a\r\n  b\r\n"                            \
    "BEGIN:VALARM\r\nACTION:EMAIL\r\nTRIGGER:-P1D\r\nX-IN:1\r\nEND:VALARM\r\n"

struct fixture {
    struct testhost th;
    struct wess_conn conn;
    struct wess_call call;
    struct wess_result result;
    struct wess_item item;
    char *out;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    testhost_init(&f->th, NULL, 0);
    f->conn =
        (struct wess_conn){.host = &f->th.host, .kind = &vdir_events, .zone = "Europe/Berlin"};
    f->call = testhost_call(&f->th, &f->conn, "calendar");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    free(f->out);
    testhost_fini(&f->th);
    free(f);
    return 0;
}

/* ---- reading and writing
 * ------------------------------------------------------------------------------------------ */

static void look(struct fixture *f, const char *text)
{
    struct lines v;
    struct lines_fault fault;
    struct wess_item facts;
    if (!f->conn.kind->read(&v, text, strlen(text), &fault))
        fail_msg("line %zu: %s\n%s", fault.line, fault.why, text);
    assert_true(f->conn.kind->is_ours(&v));
    assert_int_equal(f->conn.kind->item(&f->call, &v, "a.ics", true, &f->item), WESS_OK);
    assert_int_equal(f->conn.kind->item(&f->call, &v, "a.ics", false, &facts), WESS_OK);
    assert_int_equal(facts.n_keys, f->item.n_keys);
    lines_fini(&v);
}

static const char *apply(struct fixture *f, const char *text, const struct wess_op *op)
{
    struct lines v;
    struct lines_fault fault;
    struct lines_buf out = {0};
    f->result = (struct wess_result){.code = WESS_UNKNOWN};
    assert_true(f->conn.kind->read(&v, text, strlen(text), &fault));
    assert_int_equal(f->conn.kind->edit(&f->call, &v, op, &f->result), WESS_OK);
    lines_write(&v, &out);
    assert_false(out.spent);
    lines_fini(&v);
    free(f->out);
    f->out = out.data;
    look(f, f->out);
    return f->out;
}

static const char *write_one(struct fixture *f, const char *text, struct wess_field w)
{
    struct wess_op op = {.what = WESS_UPDATE, .item = {.fields = &w, .n_fields = 1}};
    char *copy = strdup(text);
    const char *out = apply(f, copy, &op);
    free(copy);
    return out;
}

/* It says so already: nothing is touched. */
static void same_again(struct fixture *f, const char *text)
{
    char *copy = strdup(text);
    look(f, copy);
    struct wess_item item = f->item;
    struct wess_op op = {.what = WESS_UPDATE, .item = item};
    assert_string_equal(apply(f, copy, &op), copy);
    assert_int_equal(f->result.n_refused, 0);
    free(copy);
}

static bool same_fields(const struct wess_field *a, size_t n, const struct wess_field *b, size_t m);

static bool same_time(const struct wess_time *a, const struct wess_time *b)
{
    return !strcmp(a->local, b->local) && wess_zone_same(a->zone, b->zone);
}

static bool same_records(const struct wess_records *a, const struct wess_records *b)
{
    for (size_t i = 0; a->n == b->n && i < a->n; i++)
        if (strcmp(a->of[i].key, b->of[i].key) != 0 ||
            !same_fields(a->of[i].fields, a->of[i].n, b->of[i].fields, b->of[i].n))
            return false;
    return a->n == b->n;
}

static bool same_value(const struct wess_field *a, const struct wess_field *b)
{
    if (a->type != b->type)
        return false;
    switch ((enum wess_type)a->type) {
    case WESS_INT:
        return a->num == b->num;
    case WESS_TIME:
        return same_time(&a->time, &b->time);
    case WESS_BLOB:
        return !strcmp(a->blob.digest, b->blob.digest);
    case WESS_SET:
        for (size_t i = 0; i < a->set.n && a->set.n == b->set.n; i++)
            if (strcmp(a->set.of[i], b->set.of[i]) != 0)
                return false;
        return a->set.n == b->set.n;
    case WESS_RECORDS:
        return same_records(&a->records, &b->records);
    default:
        return a->str.len == b->str.len && !memcmp(a->str.data, b->str.data, a->str.len);
    }
}

static bool same_fields(const struct wess_field *a, size_t n, const struct wess_field *b, size_t m)
{
    for (size_t i = 0; n == m && i < n; i++) {
        bool found = false;
        for (size_t k = 0; k < m; k++)
            found |= !strcmp(a[i].name, b[k].name) && same_value(&a[i], &b[k]);
        if (!found)
            return false;
    }
    return n == m;
}

/* ---- values
 * ------------------------------------------------------------------------------------------ */

static struct wess_field text(const char *name, const char *value)
{
    return (struct wess_field){.name = name, .type = WESS_TEXT, .str = {value, strlen(value)}};
}

static struct wess_field timed(const char *name, const char *local, const char *zone)
{
    return (struct wess_field){.name = name, .type = WESS_TIME, .time = {local, zone, 0}};
}

static struct wess_field none(const char *name)
{
    return (struct wess_field){.name = name, .type = WESS_NULL};
}

#endif
