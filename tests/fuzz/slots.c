#include "slots.h"

#include <stdlib.h>
#include <string.h>

struct asking {
    const struct slots_of *of;
    const struct wess_connector *connector;
    struct wess_conn *conn;
    struct testhost th;
};

/* A connection of its own for each slot, so that each gets the first answer. */
static struct wess_call begin(struct asking *a)
{
    struct wess_error e = {0};
    testhost_init(&a->th, a->of->settings, a->of->n_settings);
    net_rewind();
    HOLDS(a->connector->open(&a->th.host, &a->conn, &e) == WESS_OK && a->conn);
    return testhost_call(&a->th, a->conn, a->of->collection);
}

static void end(struct asking *a, struct wess_call *call, enum wess_code rc)
{
    HOLDS(rc <= WESS_BROKEN);
    fuzz_error_holds(&call->error);
    HOLDS(call->requests == net_requests());
    a->connector->close(a->conn);
    testhost_fini(&a->th);
}

static void describing(struct asking *a)
{
    struct wess_call call = begin(a);
    struct wess_schema s = {0};
    enum wess_code rc = a->connector->describe(&call, &s);
    HOLDS(rc != WESS_OK || (s.identity && *s.identity && s.n && s.of));
    end(a, &call, rc);
    call = begin(a);
    end(a, &call, a->connector->check(&call));
}

static void page_holds(const struct wess_page *p)
{
    for (size_t i = 0; i < p->n; i++) {
        HOLDS(p->changes[i].what == WESS_UPSERT || p->changes[i].what == WESS_DELETE);
        if (p->changes[i].what == WESS_UPSERT && !(p->changes[i].flags & WESS_REF_ONLY))
            fuzz_item_holds(&p->changes[i].item);
        else
            HOLDS(p->changes[i].item.id && *p->changes[i].item.id);
    }
}

/* A cursor that was given out is taken back. */
static void reading(struct asking *a)
{
    struct wess_call call = begin(a);
    static const uint32_t limits[] = {1, 2, 50};
    struct wess_slice at = {"", 0};
    enum wess_code rc = WESS_OK;
    for (int turn = 0; turn < 3 && rc == WESS_OK; turn++) {
        struct wess_page page = {0};
        rc = a->connector->changes(&call, at, limits[turn], &page);
        HOLDS(rc != WESS_RESET || net_requests() || !turn);
        HOLDS(!turn || strcmp(call.error.text, "unknown cursor") != 0);
        if (rc == WESS_OK) {
            page_holds(&page);
            HOLDS(page.next.len);
        }
        at = page.next;
    }
    end(a, &call, rc);
}

static void fetching(struct asking *a)
{
    struct wess_call call = begin(a);
    const char *const ids[] = {a->of->id, "2", "3"};
    struct wess_result out[3] = {
        {.code = WESS_UNKNOWN}, {.code = WESS_UNKNOWN}, {.code = WESS_UNKNOWN}};
    enum wess_code rc = a->connector->fetch(&call, (struct wess_list){ids, 3}, out);
    for (size_t i = 0; i < 3; i++) {
        HOLDS(out[i].code <= WESS_BROKEN);
        HOLDS(rc != WESS_OK || out[i].code != WESS_OK || out[i].current);
        if (rc == WESS_OK && out[i].code == WESS_OK)
            fuzz_item_holds(out[i].current);
    }
    end(a, &call, rc);
}

static void finding(struct asking *a)
{
    static const struct wess_key keys[] = {{"email", "ada@example.com"},
                                           {"email+name.family", "ada@example.com|lovelace"},
                                           {"fn", "ada lovelace"},
                                           {"wess", "abc123"}};
    struct wess_call call = begin(a);
    struct wess_page page = {0};
    enum wess_code rc = a->connector->find(&call, keys, 4, &page);
    if (rc == WESS_OK)
        page_holds(&page);
    end(a, &call, rc);
}

static void writing(struct asking *a)
{
    static const struct wess_field fields[] = {
        {.name = "name.family", .type = WESS_TEXT, .str = {"Lovelace", 8}},
        {.name = "org", .type = WESS_TEXT, .str = {"Acme <&>", 8}},
        {.name = "title", .type = WESS_NULL}};
    const struct wess_item was = {.id = a->of->id, .revision = "EQ", .kind = "contact"};
    const struct wess_item gets = {.id = a->of->id, .fields = fields, .n_fields = 3};
    const struct wess_item new = {.fields = fields, .n_fields = 2};
    const struct wess_op ops[] = {
        {.stamp = "abc123", .what = WESS_CREATE, .item = new},
        {.stamp = "abc124", .what = WESS_CREATE, .flags = WESS_OP_AGAIN, .item = new},
        {.stamp = "abc125", .what = WESS_UPDATE, .before = &was, .item = gets},
        {.what = WESS_DELETE, .before = &was, .item = {.id = a->of->id}}};
    struct wess_result out[4] = {{.code = WESS_UNKNOWN},
                                 {.code = WESS_UNKNOWN},
                                 {.code = WESS_UNKNOWN},
                                 {.code = WESS_UNKNOWN}};
    struct wess_call call = begin(a);
    enum wess_code rc = a->connector->apply(&call, ops, 4, out);
    for (size_t i = 0; i < 4; i++) {
        HOLDS(out[i].code <= WESS_BROKEN);
        HOLDS(out[i].code != WESS_OK || ops[i].what != WESS_CREATE || (out[i].id && *out[i].id));
        for (size_t k = 0; k < out[i].n_refused; k++)
            HOLDS(out[i].refused[k].field && out[i].refused[k].text);
        if (out[i].code == WESS_OK && out[i].current)
            fuzz_item_holds(out[i].current);
    }
    end(a, &call, rc);
}

void slots_hold(const struct slots_of *of)
{
    struct asking a = {.of = of, .connector = wess_connector_v1()};
    describing(&a);
    reading(&a);
    fetching(&a);
    finding(&a);
    writing(&a);
}
