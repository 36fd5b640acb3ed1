/* The watch of "ews" for two hundred mailboxes of one account: one descriptor, one connection, and
 * whatever is lost wakes its users, who are then run: never later than they would have been. */
#include <curl/curl.h>
#include <dirent.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "box.h"
#include "loading.h"

enum { MAILBOXES = 200, PATIENCE_MS = 10000, RESTS_MS = 5000 };

struct watched {
    struct box *box;
    struct testhost th[MAILBOXES];
    struct testhost_setting settings[MAILBOXES][BOX_SETTINGS_MAX];
    char password[MAILBOXES][40];
    const struct wess_host *hosts[MAILBOXES];
    struct wess_watch *watch;
    bool woken[MAILBOXES];
    int64_t next_ms;
    struct wess_error error;
};

static const json_t *mailbox(const struct box *b, size_t i)
{
    const json_t *of = json_object_get(json_object_get(b->info, "exchange"), "mailboxes");
    return json_array_get(of, i);
}

static const char *told(const json_t *of, const char *name)
{
    return json_string_value(json_object_get(of, name));
}

/* `alone`: each signs in as himself, and opens no other mailbox. */
static void open_watch(struct watched *w, const char *sw, size_t n, bool alone)
{
    w->box = box_new("ews", sw, "load:200");
    for (size_t i = 0; i < n; i++) {
        struct testhost_setting *s = w->settings[i];
        const json_t *m = mailbox(w->box, i);
        size_t k = 0;
        s[k++] = (struct testhost_setting){"url", box_info(w->box, "exchange", "url")};
        s[k++] = (struct testhost_setting){
            "username", alone ? told(m, "username") : box_info(w->box, "exchange", "username")};
        s[k++] = (struct testhost_setting){
            "password", alone ? told(m, "password") : box_info(w->box, "exchange", "password")};
        s[k++] = (struct testhost_setting){"auth", "basic"};
        if (!alone)
            s[k++] = (struct testhost_setting){"impersonate", told(m, "address")};
        k = load_fallbacks(w->box->c, s, k, BOX_SETTINGS_MAX);
        testhost_init(&w->th[i], s, k);
        w->hosts[i] = &w->th[i].host;
    }
    assert_int_equal(w->box->c->watch_open(w->hosts, n, &w->watch, &w->error), WESS_OK);
}

static void close_watch(struct watched *w, size_t n)
{
    void *box = w->box;
    w->box->c->watch_close(w->watch);
    for (size_t i = 0; i < n; i++)
        testhost_fini(&w->th[i]);
    box_tear_down(&box);
    free(w);
}

static struct watched *fresh(void)
{
    struct watched *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    return w;
}

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static enum wess_code ready(struct watched *w)
{
    return w->box->c->watch_ready(w->watch, w->woken, &w->next_ms, &w->error);
}

/* Waits at the one descriptor until somebody is woken; how many, 0: nobody in that time. */
static size_t wait_for_woken(struct watched *w, size_t n, int64_t most_ms)
{
    struct pollfd fd = {.fd = w->box->c->watch_fd(w->watch), .events = POLLIN};
    int64_t until = now() + most_ms;
    size_t woken = 0;
    while (!woken && now() < until)
        if (poll(&fd, 1, (int)(until - now())) > 0) {
            assert_int_equal(ready(w), WESS_OK);
            for (size_t i = 0; i < n; i++)
                woken += w->woken[i];
        }
    return woken;
}

/* Until the answer stands; what comes meanwhile is of the beginning. */
static void stand(struct watched *w, size_t n, int64_t streams)
{
    int64_t until = now() + PATIENCE_MS;
    while (box_requests(w->box, "ews:GetStreamingEvents") < streams) {
        wait_for_woken(w, n, 50);
        assert_true(now() < until);
    }
    wait_for_woken(w, n, 300);
}

static void edit(const struct watched *w, size_t i, const char *title)
{
    const char *address = told(mailbox(w->box, i), "address");
    json_t *all = box_control(w->box, "exchange/list?mailbox=%s&folder=contacts", address);
    const json_t *one = json_array_get(json_object_get(all, "items"), 0);
    char *id = curl_easy_escape(NULL, told(one, "id"), 0);
    json_t *now_is =
        box_control(w->box, "exchange/edit?mailbox=%s&id=%s&JobTitle=%s", address, id, title);
    assert_null(json_object_get(now_is, "error"));
    json_decref(now_is);
    curl_free(id);
    json_decref(all);
}

static void pass(struct watched *w, int64_t ms)
{
    w->th[0].now_ms += ms; /* the watch goes by its first user's host */
}

static int connections(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    for (const struct dirent *e; dir && (e = readdir(dir));) {
        char path[300], to[64] = "";
        snprintf(path, sizeof(path), "/proc/self/fd/%s", e->d_name);
        n += readlink(path, to, sizeof(to) - 1) > 0 && !strncmp(to, "socket:", 7);
    }
    if (dir)
        closedir(dir);
    return n;
}

/* ---- the tests ---------------------------------------------------------------------------------
 */

static void test_ews_watch__two_hundred_share_one_descriptor(void **state)
{
    struct watched *w = fresh();
    int before = connections(), fd;
    (void)state;
    open_watch(w, "heartbeat_ms=200", MAILBOXES, false);
    fd = w->box->c->watch_fd(w->watch);
    assert_true(fd >= 0);
    assert_int_equal(ready(w), WESS_OK);
    for (size_t i = 0; i < MAILBOXES; i++)
        assert_true(w->woken[i]); /* what was before is not told */
    stand(w, MAILBOXES, 1);
    assert_int_equal(box_requests(w->box, "ews:Subscribe"), MAILBOXES);
    assert_int_equal(box_requests(w->box, "ews:GetStreamingEvents"), 1);
    assert_true(w->next_ms == INT64_MAX);
    assert_true(connections() - before <= 8);
    assert_int_equal(w->box->c->watch_fd(w->watch), fd);
    /* Heartbeats come, and wake nobody. */
    assert_int_equal(wait_for_woken(w, MAILBOXES, 1000), 0);
    for (size_t i = 0; i < MAILBOXES; i += 37) {
        edit(w, i, "Chair");
        assert_int_equal(wait_for_woken(w, MAILBOXES, PATIENCE_MS), 1);
        assert_true(w->woken[i]);
    }
    assert_int_equal(box_requests(w->box, "ews:Subscribe"), MAILBOXES);
    assert_int_equal(box_requests(w->box, "ews:GetStreamingEvents"), 1);
    close_watch(w, MAILBOXES);
}

static void test_ews_watch__a_lost_stream_wakes_all_and_comes_again(void **state)
{
    struct watched *w = fresh();
    (void)state;
    open_watch(w, "heartbeat_ms=200", MAILBOXES, false);
    assert_int_equal(ready(w), WESS_OK);
    stand(w, MAILBOXES, 1);
    json_decref(box_control(w->box, "exchange/drop_streams"));
    assert_int_equal(wait_for_woken(w, MAILBOXES, PATIENCE_MS), MAILBOXES);
    assert_true(w->next_ms == w->th[0].now_ms + RESTS_MS);
    edit(w, 7, "Chair"); /* while nobody listens: those who were woken are read anyhow */
    pass(w, RESTS_MS - 1);
    assert_int_equal(ready(w), WESS_OK);
    assert_int_equal(box_requests(w->box, "ews:GetStreamingEvents"), 1);
    pass(w, 1);
    assert_int_equal(ready(w), WESS_OK);
    stand(w, MAILBOXES, 2);
    assert_int_equal(box_requests(w->box, "ews:Subscribe"), MAILBOXES);
    edit(w, 8, "Chair");
    assert_int_equal(wait_for_woken(w, MAILBOXES, PATIENCE_MS), 1);
    assert_true(w->woken[8]);
    /* A silent loss of one's place: subscribed to anew. */
    json_decref(box_control(w->box, "exchange/forget_subscriptions"));
    assert_int_equal(wait_for_woken(w, MAILBOXES, PATIENCE_MS), MAILBOXES);
    pass(w, 2 * RESTS_MS);
    assert_int_equal(ready(w), WESS_OK);
    stand(w, MAILBOXES, 3);
    assert_int_equal(box_requests(w->box, "ews:Subscribe"), 2 * MAILBOXES);
    edit(w, 9, "Chair");
    assert_int_equal(wait_for_woken(w, MAILBOXES, PATIENCE_MS), 1);
    close_watch(w, MAILBOXES);
}

static void test_ews_watch__who_is_refused_is_polled_and_the_rest_watched(void **state)
{
    struct watched *w = fresh();
    size_t woken = 0;
    (void)state;
    open_watch(w, "heartbeat_ms=200", 20, false);
    box_fault(w->box, "ews:Subscribe:4:fault=ErrorImpersonateUserDenied");
    assert_int_equal(ready(w), WESS_OK);
    for (size_t i = 0; i < 20; i++)
        woken += w->woken[i];
    assert_int_equal(woken, 19);
    assert_false(w->woken[3]);
    stand(w, 20, 1);
    edit(w, 3, "Chair");
    edit(w, 4, "Chair");
    assert_int_equal(wait_for_woken(w, 20, PATIENCE_MS), 1);
    assert_true(w->woken[4]);
    close_watch(w, 20);
}

/* One that begins anew whenever it is told so would ask, and wake all, without a pause. */
static void test_ews_watch__streams_that_are_closed_at_once_come_ever_later(void **state)
{
    struct watched *w = fresh();
    (void)state;
    open_watch(w, "stream_ms=0", 20, false);
    assert_int_equal(ready(w), WESS_OK);
    for (int64_t i = 1; i < 4; i++) {
        int64_t rests = RESTS_MS << (i - 1);
        assert_int_equal(wait_for_woken(w, 20, PATIENCE_MS), 20);
        assert_true(w->next_ms == w->th[0].now_ms + rests);
        pass(w, rests - 1);
        assert_int_equal(ready(w), WESS_OK);
        assert_int_equal(box_requests(w->box, "ews:GetStreamingEvents"), i);
        pass(w, 1);
        assert_int_equal(ready(w), WESS_OK);
    }
    close_watch(w, 20);
}

static void test_ews_watch__busy_rests_as_long_as_told(void **state)
{
    struct watched *w = fresh();
    (void)state;
    open_watch(w, "heartbeat_ms=200", 20, false);
    box_fault(w->box, "ews:Subscribe:11:busy=300000");
    assert_int_equal(ready(w), WESS_OK);
    assert_int_equal(box_requests(w->box, "ews:Subscribe"), 11);
    int64_t rests = w->next_ms - w->th[0].now_ms;
    assert_true(rests >= 300000 && rests <= 330000);
    pass(w, rests - 1);
    assert_int_equal(ready(w), WESS_OK);
    assert_int_equal(box_requests(w->box, "ews:Subscribe"), 11);
    pass(w, 1);
    assert_int_equal(ready(w), WESS_OK);
    assert_int_equal(box_requests(w->box, "ews:Subscribe"), 21); /* who had one keeps it */
    stand(w, 20, 1);
    close_watch(w, 20);
}

static void test_ews_watch__who_signs_in_alone_has_few_connections(void **state)
{
    struct watched *w = fresh();
    int before = connections();
    size_t woken = 0;
    (void)state;
    open_watch(w, "heartbeat_ms=200", 20, true);
    assert_int_equal(ready(w), WESS_OK);
    for (size_t i = 0; i < 20; i++)
        woken += w->woken[i];
    assert_int_equal(woken, 8); /* the others are polled */
    stand(w, 20, 8);
    assert_true(connections() - before <= 40);
    edit(w, 2, "Chair");
    edit(w, 12, "Chair");
    assert_int_equal(wait_for_woken(w, 20, PATIENCE_MS), 1);
    assert_true(w->woken[2]);
    close_watch(w, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ews_watch__two_hundred_share_one_descriptor),
        cmocka_unit_test(test_ews_watch__a_lost_stream_wakes_all_and_comes_again),
        cmocka_unit_test(test_ews_watch__who_is_refused_is_polled_and_the_rest_watched),
        cmocka_unit_test(test_ews_watch__streams_that_are_closed_at_once_come_ever_later),
        cmocka_unit_test(test_ews_watch__busy_rests_as_long_as_told),
        cmocka_unit_test(test_ews_watch__who_signs_in_alone_has_few_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
