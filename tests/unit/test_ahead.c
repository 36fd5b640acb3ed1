/* Contents that are read ahead of their planning, of a remote that does as each test says. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "error.h"
#include "feed/ahead.h"
#include "host/plugin.h"

#define AT_ONCE 4u
#define EACH 2u

/* ---- the remote: item N of revision "rN" has the name "Item N"
 * ------------------------------------------------------------------------------------------ */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    const char *identity;
    size_t asked; /* ids, of answered calls */
    size_t most;  /* ids that an answer has room for */
    int64_t gone; /* this one is */
    bool silent;  /* answers only who gives up, or when it no longer is */
    size_t calls;
    char first[40]; /* id that was asked for first */
    enum wess_code says;
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

static enum wess_code describe(struct wess_call *call, struct wess_schema *out)
{
    (void)call;
    *out = (struct wess_schema){.identity = remote.identity};
    return WESS_OK;
}

static bool show(struct wess_call *call, const char *id, struct wess_result *out)
{
    struct wess_item *item = host_of->alloc(call->arena, sizeof(*item));
    struct wess_field *fn = host_of->alloc(call->arena, sizeof(*fn));
    char *name = wess_arena_fmt(host_of, call->arena, "Item %s", id);
    char *revision = wess_arena_fmt(host_of, call->arena, "r%s", id);
    if (!item || !fn || !name || !revision)
        return false;
    *fn = (struct wess_field){.name = "fn", .type = WESS_TEXT, .str = {name, strlen(name)}};
    *item = (struct wess_item){
        .id = id, .revision = revision, .kind = "contact", .fields = fn, .n_fields = 1};
    *out = strtoll(id, NULL, 10) == remote.gone
               ? (struct wess_result){.code = WESS_GONE}
               : (struct wess_result){.code = WESS_OK, .current = item};
    return true;
}

static enum wess_code fetch(struct wess_call *call, struct wess_list ids, struct wess_result *out)
{
    enum wess_code rc = ids.n > remote.most ? WESS_TOO_BIG : remote.says;
    pthread_mutex_lock(&remote.lock);
    remote.calls++;
    pthread_cond_broadcast(&remote.changed);
    pthread_mutex_unlock(&remote.lock);
    while (__atomic_load_n(&remote.silent, __ATOMIC_SEQ_CST) && !host_of->cancelled(host_of->ctx))
        usleep(1000);
    for (size_t i = 0; rc == WESS_OK && i < ids.n; i++)
        if (!show(call, ids.of[i], &out[i]))
            rc = WESS_TOO_BIG;
    call->error.retry_after_ms = rc == WESS_THROTTLED ? 5000 : 0;
    pthread_mutex_lock(&remote.lock);
    if (!remote.asked && ids.n)
        snprintf(remote.first, sizeof(remote.first), "%s", ids.of[0]);
    remote.asked += rc == WESS_TOO_BIG ? 0 : ids.n;
    pthread_cond_broadcast(&remote.changed);
    pthread_mutex_unlock(&remote.lock);
    return rc;
}

static const struct wess_connector connector = {.abi = WESS_ABI,
                                                .size = sizeof(struct wess_connector),
                                                .name = "test",
                                                .open = open_remote,
                                                .close = close_remote,
                                                .describe = describe,
                                                .fetch = fetch};
static const struct plugin plugin = {.connector = &connector};
static const struct cfg_endpoint endpoint = {
    .name = "remote", .connector = "test", .plugin = &plugin};
static char dir[] = "/tmp/wess-ahead-XXXXXX";
static bool cancelled;
static struct config config = {.site = "site", .state_dir = dir};

/* ---- ours
 * ------------------------------------------------------------------------------------------ */

static struct ahead *begin_with(const struct series_view *view)
{
    struct ahead *a = ahead_new(&(struct ahead_of){.cfg = &config,
                                                   .endpoint = &endpoint,
                                                   .cancelled = &cancelled,
                                                   .identity = "mailbox",
                                                   .collection = "contacts",
                                                   .view = view,
                                                   .kind = kind_find("contact"),
                                                   .at_once = AT_ONCE,
                                                   .each = EACH});
    assert_non_null(a);
    remote.identity = "mailbox";
    remote.asked = remote.calls = 0;
    remote.most = AT_ONCE;
    remote.gone = 0;
    remote.silent = false;
    remote.says = WESS_OK;
    return a;
}

static struct ahead *begin(void)
{
    return begin_with(NULL);
}

static void want(struct ahead *a, int64_t from, int64_t to)
{
    char id[24];
    for (int64_t i = from; i <= to; i++) {
        snprintf(id, sizeof(id), "%lld", (long long)i);
        ahead_want(a, i, id);
    }
    ahead_go(a);
}

static void await(const size_t *counter, size_t n)
{
    pthread_mutex_lock(&remote.lock);
    while (*counter < n)
        pthread_cond_wait(&remote.changed, &remote.lock);
    pthread_mutex_unlock(&remote.lock);
}

static void end(struct ahead *a)
{
    ahead_all(a);
    ahead_await(a);
}

static bool took(struct ahead *a, int64_t item, const char *revision)
{
    char name[40];
    struct content c;
    struct wess_arena *arena = arena_new(ARENA_BUDGET);
    bool any = ahead_take(a, arena, item, revision, &c);
    snprintf(name, sizeof(name), "Item %lld", (long long)item);
    if (any) {
        const struct wess_field *fn = content_get(&c, "fn");
        assert_true(fn && fn->str.len == strlen(name) && !memcmp(fn->str.data, name, fn->str.len));
    }
    arena_free(arena);
    return any;
}

static void test_ahead__what_was_read_is_there_at_its_revision(void **state)
{
    struct ahead *a = begin();
    (void)state;
    remote.gone = 13;
    want(a, 11, 18);
    end(a);
    assert_int_equal(remote.asked, 8);
    assert_true(took(a, 11, "r11"));
    assert_true(took(a, 18, "r18"));
    assert_true(took(a, 14, "r14"));
    assert_false(took(a, 11, "r1"));
    assert_false(took(a, 11, "r111"));
    assert_false(took(a, 11, ""));
    assert_false(took(a, 11, NULL));
    assert_false(took(a, 13, "r13"));
    assert_false(took(a, 10, "r10"));
    assert_false(took(a, 19, "r19"));
    ahead_free(a);
}

static void test_ahead__begins_with_as_many_as_go_in_one_request(void **state)
{
    struct ahead *a = begin();
    (void)state;
    want(a, 1, EACH - 1);
    end(a);
    assert_int_equal(remote.asked, 0);
    assert_false(took(a, 1, "r1"));
    ahead_free(a);
}

static void test_ahead__requests_are_whole_but_for_the_last(void **state)
{
    struct ahead *a = begin();
    (void)state;
    want(a, 1, EACH + 1);
    await(&remote.asked, EACH);
    assert_int_equal(remote.asked, EACH);
    want(a, EACH + 2, 3 * EACH + 1);
    await(&remote.asked, 3 * EACH);
    assert_int_equal(remote.asked, 3 * EACH);
    end(a);
    assert_int_equal(remote.asked, 3 * EACH + 1);
    assert_true(took(a, 3 * EACH + 1, "r7"));
    ahead_free(a);
}

static void *plan(void *ctx)
{
    return took(ctx, 2, "r2") ? ctx : NULL;
}

/* Of what nobody asks for it does not. */
static void test_ahead__who_plans_waits_for_what_is_under_way(void **state)
{
    struct ahead *a = begin();
    pthread_t planner;
    void *got = NULL;
    (void)state;
    remote.silent = true;
    want(a, 1, 4);
    ahead_all(a);
    await(&remote.calls, 1);
    assert_false(took(a, 0, "r0"));
    assert_false(took(a, 5, "r5"));
    assert_int_equal(pthread_create(&planner, NULL, plan, a), 0);
    assert_int_equal(pthread_tryjoin_np(planner, &got), EBUSY);
    __atomic_store_n(&remote.silent, false, __ATOMIC_SEQ_CST);
    pthread_join(planner, &got);
    assert_ptr_equal(got, a);
    ahead_free(a);
}

static void test_ahead__a_cancelled_run_does_not_wait(void **state)
{
    struct ahead *a = begin();
    (void)state;
    remote.silent = true;
    want(a, 1, 4);
    ahead_all(a);
    await(&remote.calls, 1);
    __atomic_store_n(&cancelled, true, __ATOMIC_SEQ_CST);
    assert_true(took(a, 2, "r2")); /* this remote answers whoever gives up */
    ahead_await(a);
    __atomic_store_n(&cancelled, false, __ATOMIC_SEQ_CST);
    ahead_free(a);
}

static void test_ahead__an_answer_that_is_too_big_comes_in_halves(void **state)
{
    struct ahead *a = begin();
    (void)state;
    remote.most = 1;
    want(a, 1, 4);
    end(a);
    for (int64_t i = 1; i <= 4; i++) {
        char revision[24];
        snprintf(revision, sizeof(revision), "r%lld", (long long)i);
        assert_true(took(a, i, revision));
    }
    ahead_free(a);
}

static void test_ahead__a_pause_is_for_everybody_other_trouble_is_not(void **state)
{
    static const enum wess_code says[] = {WESS_THROTTLED, WESS_TRANSIENT, WESS_AUTH};
    (void)state;
    for (size_t i = 0; i < sizeof(says) / sizeof(says[0]); i++) {
        struct wess_error e = {0};
        struct ahead *a = begin();
        remote.says = says[i];
        want(a, 1, 8);
        end(a);
        assert_int_equal(ahead_pause(a, &e), says[i] == WESS_THROTTLED ? WESS_THROTTLED : WESS_OK);
        assert_int_equal(e.retry_after_ms, says[i] == WESS_THROTTLED ? 5000 : 0);
        assert_int_equal(remote.asked, 4);
        assert_false(took(a, 1, "r1"));
        ahead_free(a);
    }
}

static void test_ahead__another_mailbox_is_not_read(void **state)
{
    struct ahead *a = begin();
    (void)state;
    remote.identity = "of somebody else";
    want(a, 1, 4);
    end(a);
    assert_int_equal(remote.asked, 0);
    ahead_free(a);
}

static void test_ahead__who_stops_is_not_kept(void **state)
{
    struct ahead *a = begin();
    (void)state;
    remote.silent = true;
    want(a, 1, 4);
    await(&remote.calls, 1);
    ahead_stop(a);
    ahead_free(a);
}

/* The remote knows the series alone. */
static void test_ahead__of_an_occurrence_its_series_is_asked_for(void **state)
{
    static const struct series_view view = {.window = {.until_ms = 1, .most = 10}};
    struct ahead *a = begin_with(&view);
    char id[40];
    (void)state;
    for (int64_t i = 1; i <= (int64_t)AT_ONCE; i++) {
        snprintf(id, sizeof(id), "%lld#2030-09-02", (long long)i);
        ahead_want(a, i, id);
    }
    ahead_go(a);
    end(a);
    assert_string_equal(remote.first, "1");
    ahead_free(a);
}

static int make_dir(void **state)
{
    (void)state;
    pthread_mutex_init(&remote.lock, NULL);
    pthread_cond_init(&remote.changed, NULL);
    return mkdtemp(dir) ? 0 : -1;
}

/* Nothing lies in it: rmdir() says so. */
static int drop_dir(void **state)
{
    (void)state;
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ahead__what_was_read_is_there_at_its_revision),
        cmocka_unit_test(test_ahead__begins_with_as_many_as_go_in_one_request),
        cmocka_unit_test(test_ahead__requests_are_whole_but_for_the_last),
        cmocka_unit_test(test_ahead__who_plans_waits_for_what_is_under_way),
        cmocka_unit_test(test_ahead__a_cancelled_run_does_not_wait),
        cmocka_unit_test(test_ahead__an_answer_that_is_too_big_comes_in_halves),
        cmocka_unit_test(test_ahead__a_pause_is_for_everybody_other_trouble_is_not),
        cmocka_unit_test(test_ahead__another_mailbox_is_not_read),
        cmocka_unit_test(test_ahead__who_stops_is_not_kept),
        cmocka_unit_test(test_ahead__of_an_occurrence_its_series_is_asked_for),
    };
    return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
