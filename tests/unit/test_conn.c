/* The seam round every call: what a connector says is believed only as far as it can be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host/conn.h"
#include "host/plugin.h"

#define N 3u
#define DAY_MS ((int64_t)86400000)

/* ---- a connector that does as each test says
 * ------------------------------------------------------------------------------------------ */

static struct {
    enum wess_code says;    /* of the call */
    enum wess_code of_last; /* of the last item; the others are well */
    size_t takes;           /* memory that it asks for, and does not mind not to get */
    int64_t retry_after_ms;
    const char *second; /* id on a page */
    uint32_t page;      /* its flags */
    size_t calls;
} remote;
static const struct wess_host *host_of;

static enum wess_code open_remote(const struct wess_host *h, struct wess_conn **out,
                                  struct wess_error *e)
{
    (void)e;
    host_of = h;
    *out = (struct wess_conn *)&remote;
    return WESS_OK;
}

static void close_remote(struct wess_conn *c)
{
    (void)c;
}

static enum wess_code answer(struct wess_call *call, size_t n, struct wess_result *out)
{
    remote.calls++;
    (void)host_of->alloc(call->arena, remote.takes);
    for (size_t i = 0; i < n; i++)
        out[i] = (struct wess_result){.code = i + 1 < n ? WESS_OK : remote.of_last};
    call->error.retry_after_ms = remote.retry_after_ms;
    return remote.says;
}

static enum wess_code apply(struct wess_call *call, const struct wess_op *ops, size_t n,
                            struct wess_result *out)
{
    (void)ops;
    return answer(call, n, out);
}

static enum wess_code relate(struct wess_call *call, const struct wess_relation *of, size_t n,
                             struct wess_result *out)
{
    (void)of;
    return answer(call, n, out);
}

static enum wess_code fetch(struct wess_call *call, struct wess_list ids, struct wess_result *out)
{
    return answer(call, ids.n, out);
}

/* A page of "b" and `second`. */
static enum wess_code changes(struct wess_call *call, struct wess_slice cursor, uint32_t limit,
                              struct wess_page *out)
{
    struct wess_change *of = host_of->alloc(call->arena, 2 * sizeof(*of));
    (void)cursor;
    (void)limit;
    if (!of)
        return WESS_TOO_BIG;
    of[0] = (struct wess_change){.what = WESS_UPSERT, .item = {.id = "b"}};
    of[1] = (struct wess_change){.what = WESS_UPSERT, .item = {.id = remote.second}};
    *out = (struct wess_page){.changes = of, .n = 2, .flags = remote.page};
    return remote.says;
}

static const struct wess_connector connector = {.abi = WESS_ABI,
                                                .size = sizeof(struct wess_connector),
                                                .name = "test",
                                                .open = open_remote,
                                                .close = close_remote,
                                                .changes = changes,
                                                .fetch = fetch,
                                                .apply = apply,
                                                .relate = relate};
static const struct plugin plugin = {.connector = &connector};
static const struct cfg_endpoint endpoint = {
    .name = "remote", .connector = "test", .plugin = &plugin};
static const struct config config = {.site = "site", .state_dir = "/nowhere"};

/* ---- ours
 * ------------------------------------------------------------------------------------------ */

static struct conn *conn;
static struct wess_arena *arena;
static struct wess_result results[N];
static struct wess_error error;

static enum wess_code write_by_apply(void)
{
    static const struct wess_op ops[N] = {
        {.what = WESS_UPDATE}, {.what = WESS_UPDATE}, {.what = WESS_UPDATE}};
    return conn_apply(conn, "c", arena, ops, N, results, &error);
}

static enum wess_code write_by_relate(void)
{
    static const struct wess_relation of[N];
    return conn_relate(conn, "c", arena, of, N, results, &error);
}

static enum wess_code (*const writes[])(void) = {write_by_apply, write_by_relate};
#define WRITES (sizeof(writes) / sizeof(writes[0]))

static void assert_all(enum wess_code code)
{
    for (size_t i = 0; i < N; i++)
        assert_int_equal(results[i].code, code);
}

static void test_conn__answers_count_as_they_are(void **state)
{
    (void)state;
    for (size_t i = 0; i < WRITES; i++) {
        remote.of_last = WESS_GONE;
        assert_int_equal(writes[i](), WESS_OK);
        assert_int_equal(results[0].code, WESS_OK);
        assert_int_equal(results[N - 1].code, WESS_GONE);
    }
}

static void test_conn__without_memory_nothing_is_known_of_a_write(void **state)
{
    (void)state;
    for (size_t i = 0; i < WRITES; i++) {
        remote.takes = ARENA_BUDGET + 1;
        assert_int_equal(writes[i](), WESS_TOO_BIG);
        assert_all(WESS_UNKNOWN);
    }
}

static void test_conn__nor_of_one_whose_answer_is_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < WRITES; i++) {
        remote.of_last = (enum wess_code)4711;
        assert_int_equal(writes[i](), WESS_BROKEN);
        assert_all(WESS_UNKNOWN);
    }
}

static void test_conn__who_may_not_write_writes_nothing(void **state)
{
    (void)state;
    conn_allow_writes(conn, false);
    for (size_t i = 0; i < WRITES; i++) {
        assert_int_equal(writes[i](), WESS_BROKEN);
        assert_all(WESS_NOT_TRIED);
    }
    assert_int_equal(remote.calls, 0);
}

static void test_conn__a_pause_has_an_end(void **state)
{
    static const struct {
        int64_t asked, kept;
    } table[] = {{5000, 5000}, {DAY_MS, DAY_MS}, {INT64_MAX, DAY_MS}, {-1, 0}, {INT64_MIN, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        remote.says = WESS_THROTTLED;
        remote.retry_after_ms = table[i].asked;
        assert_int_equal(write_by_apply(), WESS_THROTTLED);
        assert_int_equal(error.retry_after_ms, table[i].kept);
    }
}

static void test_conn__no_item_is_asked_for_by_no_call(void **state)
{
    (void)state;
    error.scope = 4711;
    assert_int_equal(conn_fetch(conn, "c", arena, 0, (struct wess_list){NULL, 0}, results, &error),
                     WESS_OK);
    assert_int_equal(remote.calls, 0);
    assert_int_equal(error.scope, 0);
}

static void test_conn__a_page_that_says_so_is_sorted(void **state)
{
    static const struct {
        const char *second;
        uint32_t page;
        enum wess_code code;
    } table[] = {{"c", WESS_PAGE_SNAPSHOT | WESS_PAGE_SORTED, WESS_OK},
                 {"b", WESS_PAGE_SNAPSHOT | WESS_PAGE_SORTED, WESS_OK},
                 {"a", WESS_PAGE_SNAPSHOT | WESS_PAGE_SORTED, WESS_BROKEN},
                 {"a", WESS_PAGE_SNAPSHOT, WESS_OK},
                 {"a", 0, WESS_OK}};
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct wess_page page;
        remote.second = table[i].second;
        remote.page = table[i].page;
        assert_int_equal(
            conn_changes(conn, "c", arena, NULL, (struct wess_slice){NULL, 0}, 10, &page, &error),
            table[i].code);
    }
}

static int begin(void **state)
{
    (void)state;
    memset(&remote, 0, sizeof(remote));
    arena = arena_new(ARENA_BUDGET);
    if (!arena || conn_open(&config, &endpoint, NULL, NULL, &conn, &error) != WESS_OK)
        return -1;
    conn_allow_writes(conn, true);
    return 0;
}

static int end(void **state)
{
    (void)state;
    conn_close(conn);
    arena_free(arena);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_conn__##name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_count_as_they_are),
        TEST(without_memory_nothing_is_known_of_a_write),
        TEST(nor_of_one_whose_answer_is_none),
        TEST(who_may_not_write_writes_nothing),
        TEST(a_pause_has_an_end),
        TEST(no_item_is_asked_for_by_no_call),
        TEST(a_page_that_says_so_is_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
