/* The connector "workbooks" against the rehearsal Workbooks: its clock, its seconds with many
 * records, and the faults that a real one has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loading.h"
#include "testhost.h"

enum { SETTINGS_MAX = 16, PEOPLE_MAX = 400 };
struct box {
    pid_t pid;
    FILE *out;
    json_t *info;
    struct testhost th;
    const struct wess_connector *c;
    struct wess_conn *conn;
    struct wess_call call;
    struct testhost_setting settings[SETTINGS_MAX];
    /* What the pages said so far, by id; a mirror as the core keeps one. */
    struct seen {
        int64_t id, lock;
        size_t times;
        bool deleted;
    } seen[PEOPLE_MAX];
    size_t n_seen, told;
    char *cursor;
};

/* ---- the sandbox
 * ------------------------------------------------------------------------------------------ */

static void start(struct box *b, const char *sw)
{
    int fd[2];
    const char *program = program_path("wess-sandbox");
    assert_int_equal(pipe(fd), 0);
    b->pid = fork();
    if (b->pid == 0) {
        dup2(fd[1], 1);
        close(fd[0]);
        close(fd[1]);
        execl(program, program, "--json", "--data", "empty", sw ? "--switch" : NULL, sw,
              (char *)NULL);
        _exit(127);
    }
    close(fd[1]);
    assert_true(b->pid > 0);
    b->out = fdopen(fd[0], "r");
    char *line = NULL;
    size_t cap = 0;
    assert_true(getline(&line, &cap, b->out) > 0);
    b->info = json_loads(line, 0, NULL);
    free(line);
    assert_non_null(b->info);
}

static size_t on_answer(char *data, size_t size, size_t n, void *ctx)
{
    char **text = ctx;
    size_t old = *text ? strlen(*text) : 0;
    char *more = realloc(*text, old + size * n + 1);
    if (!more)
        return 0;
    memcpy(more + old, data, size * n);
    more[old + size * n] = 0;
    *text = more;
    return size * n;
}

/* A control request; the answer is freed by the caller. */
static json_t *control(const struct box *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static json_t *control(const struct box *b, const char *fmt, ...)
{
    char path[1024], url[1400], *text = NULL;

    va_list ap;
    va_start(ap, fmt);
    vsnprintf(path, sizeof(path), fmt, ap);
    va_end(ap);
    snprintf(url, sizeof(url), "%s/%s", json_string_value(json_object_get(b->info, "control")),
             path);
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &text);
    assert_int_equal(curl_easy_perform(curl), CURLE_OK);
    curl_easy_cleanup(curl);
    json_t *out = json_loads(text ? text : "", 0, NULL);
    free(text);
    assert_non_null(out);
    return out;
}

static int64_t number(const json_t *of, const char *name)
{
    return json_integer_value(json_object_get(of, name));
}

static void fault(const struct box *b, const char *plan)
{
    json_t *answer = control(b, "fault?plan=%s", plan);
    assert_true(json_is_true(json_object_get(answer, "ok")));
    json_decref(answer);
}

static void move_clock(const struct box *b, int64_t seconds)
{
    json_decref(control(b, "clock?move_ms=%lld", (long long)seconds * 1000));
}

static int64_t new_person(const struct box *b, const char *name)
{
    json_t *p = control(b, "workbooks/create?name=%s", name);
    int64_t id = number(p, "id");
    json_decref(p);
    assert_true(id > 0);
    return id;
}

static void touch(const struct box *b, const char *what, int64_t id, const char *more)
{
    json_t *p = control(b, "workbooks/%s?id=%lld%s", what, (long long)id, more);
    assert_int_equal(number(p, "id"), id);
    json_decref(p);
}

static size_t count(const struct box *b, const char *name)
{
    json_t *answer = control(b, "workbooks/list?name=%s", name);
    size_t n = json_array_size(json_object_get(answer, "people"));
    json_decref(answer);
    return n;
}

static int64_t requests(const struct box *b, const char *op)
{
    json_t *answer = control(b, "requests");
    int64_t n = number(json_object_get(answer, "by_op"), op);
    json_decref(answer);
    return n;
}

/* ---- a connection
 * ------------------------------------------------------------------------------------------ */

static void open_with(struct box *b, const char *key, uint32_t timeout_ms, const char *page_size)
{
    struct wess_error e = {0};
    const json_t *of = json_object_get(b->info, "workbooks");
    size_t n = 0;
    if (b->conn) {
        b->c->close(b->conn);
        testhost_fini(&b->th);
    }
    b->settings[n++] =
        (struct testhost_setting){"url", json_string_value(json_object_get(of, "url"))};
    b->settings[n++] = (struct testhost_setting){
        "api_key", key ? key : json_string_value(json_object_get(of, "api_key"))};
    if (page_size)
        b->settings[n++] = (struct testhost_setting){"page_size", page_size};
    n = load_fallbacks(b->c, b->settings, n, SETTINGS_MAX);
    testhost_init(&b->th, b->settings, n);
    if (timeout_ms)
        b->th.http.timeout_ms = timeout_ms;
    assert_int_equal(b->c->open(&b->th.host, &b->conn, &e), WESS_OK);
    b->call = testhost_call(&b->th, b->conn, "people");
}

static int set_up_with(void **state, const char *sw)
{
    struct box *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    *state = b;
    b->c = load_connector("workbooks");
    assert_non_null(b->c);
    start(b, sw);
    open_with(b, NULL, 0, NULL);
    return 0;
}

static int set_up(void **state)
{
    return set_up_with(state, NULL);
}

static int set_up_capped(void **state)
{
    return set_up_with(state, "page_cap=100");
}

static int set_up_whole_batches(void **state)
{
    return set_up_with(state, "per_object=off");
}

static int set_up_arrays(void **state)
{
    return set_up_with(state, "errors=array");
}

static int set_up_message(void **state)
{
    return set_up_with(state, "failure=message");
}

static int tear_down(void **state)
{
    struct box *b = *state;
    int status = -1;
    b->c->close(b->conn);
    testhost_fini(&b->th);
    kill(b->pid, SIGTERM);
    waitpid(b->pid, &status, 0);
    fclose(b->out);
    json_decref(b->info);
    free(b->cursor);
    free(b);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return 0;
}

/* ---- reading
 * ------------------------------------------------------------------------------------------ */

static struct seen *seen_of(struct box *b, int64_t id)
{
    for (size_t i = 0; i < b->n_seen; i++)
        if (b->seen[i].id == id)
            return &b->seen[i];
    assert_true(b->n_seen < PEOPLE_MAX);
    b->seen[b->n_seen] = (struct seen){.id = id};
    return &b->seen[b->n_seen++];
}

static void take(struct box *b, const struct wess_change *c)
{
    struct seen *s = seen_of(b, strtoll(c->item.id, NULL, 10));
    s->times++;
    s->deleted = c->what == WESS_DELETE;
    if (!s->deleted)
        s->lock = strtoll(c->item.revision, NULL, 10);
    b->told++;
}

/* One page; true: it was the last. */
static bool pull_page(struct box *b, uint32_t limit)
{
    struct wess_page page = {0};
    struct wess_slice at = {b->cursor, b->cursor ? strlen(b->cursor) : 0};
    assert_int_equal(b->c->changes(&b->call, at, limit, &page), WESS_OK);
    assert_true(page.n <= limit);
    for (size_t i = 0; i < page.n; i++)
        take(b, &page.changes[i]);
    char *next = strndup(page.next.data, page.next.len);
    bool last = page.flags & WESS_PAGE_LAST;
    assert_true(last || !b->cursor || strcmp(next, b->cursor) != 0); /* it gets on */
    free(b->cursor);
    b->cursor = next;
    testhost_drop(&b->th);
    return last;
}

/* All pages; how many changes they told. */
static size_t pull(struct box *b, uint32_t limit)
{
    size_t before = b->told, pages = 1;
    while (!pull_page(b, limit))
        assert_true(++pages < 2 * PEOPLE_MAX);
    return b->told - before;
}

static void forget(struct box *b)
{
    free(b->cursor);
    b->cursor = NULL;
    b->n_seen = b->told = 0;
}

/* The mirror and Workbooks hold the same. */
static void is_mirror(struct box *b)
{
    json_t *answer = control(b, "workbooks/list"), *p;
    size_t i;
    json_array_foreach(json_object_get(answer, "people"), i, p)
    {
        struct seen *s = seen_of(b, number(p, "id"));
        bool deleted = json_is_true(json_object_get(p, "is_deleted"));
        if (deleted ? s->times && !s->deleted
                    : !s->times || s->deleted || s->lock != number(p, "lock_version"))
            fail_msg("person %lld: %zu times, lock %lld of %lld, deleted %d of %d",
                     (long long)s->id, s->times, (long long)s->lock,
                     (long long)number(p, "lock_version"), s->deleted, deleted);
    }
    json_decref(answer);
}

/* Forty records in a second or two, in pages that cut it anywhere. */
static void test_workbooks_sandbox__many_records_of_one_second(void **state)
{
    static const uint32_t limits[] = {1, 2, 3, 7, 39, 40, 41, 100};
    struct box *b = *state;
    for (int i = 0; i < 40; i++)
        new_person(b, "One%20Second");
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        forget(b);
        assert_int_equal(pull(b, limits[i]), 40);
        assert_int_equal(b->n_seen, 40);
        for (size_t k = 0; k < 40; k++)
            assert_int_equal(b->seen[k].times, 1);
    }
    /* A second that was still running is read again; once it has settled, never more. */
    move_clock(b, 10);
    assert_true(pull(b, 7) <= 40);
    for (int hour = 0; hour < 4; hour++) {
        assert_int_equal(pull(b, 7), 0);
        move_clock(b, 3600);
    }
    is_mirror(b);
}

static void test_workbooks_sandbox__a_change_is_told(void **state)
{
    struct box *b = *state;
    int64_t ids[6];
    for (int i = 0; i < 6; i++)
        ids[i] = new_person(b, "Somebody");
    move_clock(b, 3600);
    pull(b, 100);
    assert_int_equal(pull(b, 100), 0);
    touch(b, "edit", ids[1], "&person_job_title=x");
    touch(b, "delete", ids[2], "");
    touch(b, "lock", ids[3], "");
    touch(b, "queue", ids[4], "&queue_id=11");
    assert_int_equal(pull(b, 2), 4);
    is_mirror(b);
    assert_true(seen_of(b, ids[2])->deleted);
    touch(b, "undelete", ids[2], "");
    move_clock(b, 10);
    pull(b, 2);
    is_mirror(b);
    assert_false(seen_of(b, ids[2])->deleted);
    assert_int_equal(seen_of(b, ids[0])->times, 1);
    assert_int_equal(seen_of(b, ids[5])->times, 1);
}

/* What changes after its page has gone is in a later one. */
static void test_workbooks_sandbox__changes_during_a_snapshot(void **state)
{
    struct box *b = *state;
    int64_t ids[10];
    for (int i = 0; i < 10; i++)
        ids[i] = new_person(b, "Somebody");
    move_clock(b, 100);
    assert_false(pull_page(b, 4));
    touch(b, "edit", ids[0], "&person_job_title=x");
    touch(b, "delete", ids[9], "");
    touch(b, "delete", ids[1], "");
    int64_t late = new_person(b, "Late");
    assert_false(pull_page(b, 4));
    pull(b, 4);
    move_clock(b, 10);
    pull(b, 4);
    is_mirror(b);
    assert_int_equal(seen_of(b, ids[0])->times >= 2, 1);
    assert_true(seen_of(b, ids[1])->deleted);
    assert_true(seen_of(b, late)->times >= 1);
}

/* A commit that becomes visible with an earlier time than what was read already. */
static void test_workbooks_sandbox__late_commits_within_the_overlap(void **state)
{
    struct box *b = *state;
    int64_t first = new_person(b, "First"), other = new_person(b, "Other");
    move_clock(b, 100);
    touch(b, "edit", first, "&person_job_title=x");
    move_clock(b, 10);
    pull(b, 100);
    pull(b, 100);
    for (int back = 5; back <= 45; back += 10) {
        size_t times = seen_of(b, other)->times, quiet = seen_of(b, first)->times;
        move_clock(b, -back);
        touch(b, "edit", other, "&person_job_title=late");
        move_clock(b, back);
        pull(b, 1);
        is_mirror(b);
        assert_true(seen_of(b, other)->times > times);
        assert_int_equal(seen_of(b, first)->times, quiet); /* and nothing besides */
        move_clock(b, 60);
        pull(b, 1);
        touch(b, "edit", first, "&person_job_title=y");
        move_clock(b, 10);
        pull(b, 1);
        assert_int_equal(pull(b, 1), 0);
    }
}

/* Any order of changes, pauses and page sizes: in the end the mirror is right, and then quiet. */
static void test_workbooks_sandbox__any_history(void **state)
{
    struct box *b = *state;
    unsigned random = 20261123;
    int64_t ids[60];
    size_t n = 0;
    for (int step = 0; step < 400; step++) {
        random = random * 1103515245u + 12345u;
        unsigned what = (random >> 16) % 10, who = (random >> 20) % 60;
        if (n < 60 && (what < 3 || !n))
            ids[n++] = new_person(b, "Any");
        else if (what < 6)
            touch(b, "edit", ids[who % n], step % 2 ? "&person_job_title=a" : "&website=b");
        else if (what == 6)
            touch(b, step % 3 ? "delete" : "undelete", ids[who % n], "");
        else if (what == 7)
            move_clock(b, (random >> 18) % 4);
        else
            pull_page(b, 1 + (random >> 18) % 5);
    }
    pull(b, 3);
    move_clock(b, 10);
    pull(b, 3);
    is_mirror(b);
    assert_int_equal(pull(b, 3), 0);
}

static void test_workbooks_sandbox__a_capped_page_is_not_the_last(void **state)
{
    struct box *b = *state;
    open_with(b, NULL, 0, "200");
    for (int i = 0; i < 230; i++)
        new_person(b, "Many");
    assert_int_equal(pull(b, 200), 230);
    is_mirror(b);
    /* Nor is a look-up whole. */
    struct wess_page page;
    static const struct wess_key key = {"fn", "many"};
    assert_int_equal(b->c->find(&b->call, &key, 1, &page), WESS_OK);
    assert_false(page.flags & WESS_PAGE_LAST);
}

/* ---- writing
 * ------------------------------------------------------------------------------------------ */

static enum wess_code apply(struct box *b, const struct wess_op *ops, size_t n,
                            struct wess_result *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (struct wess_result){.code = WESS_UNKNOWN};
    b->call.error = (struct wess_error){0};
    return b->c->apply(&b->call, ops, n, out);
}

static enum wess_code create(struct box *b, const char *name, const char *stamp, uint32_t flags,
                             struct wess_result *out)
{
    struct wess_field fn = {.name = "fn", .type = WESS_TEXT, .str = {name, strlen(name)}};
    struct wess_op op = {.what = WESS_CREATE,
                         .stamp = stamp,
                         .flags = flags,
                         .item = {.fields = &fn, .n_fields = 1}};
    return apply(b, &op, 1, out);
}

static struct wess_item fetch_one(struct box *b, const char *id)
{
    const char *const ids[] = {id};
    struct wess_result out = {.code = WESS_UNKNOWN};
    assert_int_equal(b->c->fetch(&b->call, (struct wess_list){ids, 1}, &out), WESS_OK);
    assert_int_equal(out.code, WESS_OK);
    return *out.current;
}

static void test_workbooks_sandbox__the_whole_way(void **state)
{
    struct box *b = *state;
    struct wess_schema schema;
    struct wess_result out;
    assert_int_equal(b->c->check(&b->call), WESS_OK);
    assert_int_equal(b->c->describe(&b->call, &schema), WESS_OK);
    assert_int_equal(create(b, "Zoe Zebra", "zz1", 0, &out), WESS_OK);
    assert_int_equal(out.code, WESS_OK);
    const char *id = out.id;
    struct wess_item item = fetch_one(b, id);
    assert_string_equal(test_text(&item, "fn"), "Zoe Zebra");
    assert_string_equal(item.revision, out.revision);
    assert_true(test_has_key(&item, "wess", "zz1"));
    struct wess_field fields[] = {{.name = "title", .type = WESS_TEXT, .str = {"K\xc3\xa9", 3}},
                                  {.name = "note", .type = WESS_TEXT, .str = {"a\n<b> & c", 9}}};
    struct wess_op update = {
        .what = WESS_UPDATE, .before = &item, .item = {.id = id, .fields = fields, .n_fields = 2}};
    assert_int_equal(apply(b, &update, 1, &out), WESS_OK);
    assert_int_equal(out.code, WESS_OK);
    struct wess_item now = fetch_one(b, id);
    assert_string_equal(now.revision, out.revision);
    assert_string_equal(test_text(&now, "title"), "K\xc3\xa9");
    assert_string_equal(test_text(&now, "note"), "a\n<b> & c");
    /* A stale revision is no write, of either kind. */
    struct wess_op remove = {.what = WESS_DELETE, .before = &item, .item = {.id = id}};
    assert_int_equal(apply(b, &update, 1, &out), WESS_OK);
    assert_int_equal(out.code, WESS_CONFLICT);
    assert_int_equal(apply(b, &remove, 1, &out), WESS_OK);
    assert_int_equal(out.code, WESS_CONFLICT);
    remove.before = update.before = &now;
    assert_int_equal(apply(b, &remove, 1, &out), WESS_OK);
    assert_int_equal(out.code, WESS_OK);
    assert_int_equal(apply(b, &remove, 1, &out), WESS_OK);
    assert_int_equal(out.code, WESS_GONE);
    assert_int_equal(apply(b, &update, 1, &out), WESS_OK);
    assert_int_equal(out.code, WESS_GONE);
    struct wess_page page;
    static const struct wess_key key = {"wess", "zz1"};
    assert_int_equal(b->c->find(&b->call, &key, 1, &page), WESS_OK);
    assert_int_equal(page.n, 1);
    assert_true(page.changes[0].item.flags & WESS_ITEM_TRASHED);
    const char *const ids[] = {id};
    assert_int_equal(b->c->fetch(&b->call, (struct wess_list){ids, 1}, &out), WESS_OK);
    assert_int_equal(out.code, WESS_GONE);
}

/* Three updates, the second from an old revision. */
static void write_three(struct box *b, struct wess_result out[3])
{
    static const struct wess_field title = {.name = "title", .type = WESS_TEXT, .str = {"New", 3}};
    static char ids[3][24];
    static struct wess_item before[3];
    struct wess_op ops[3];
    for (size_t i = 0; i < 3; i++) {
        snprintf(ids[i], sizeof(ids[i]), "%lld", (long long)new_person(b, "Three"));
        before[i] = (struct wess_item){.id = ids[i], .revision = "0"};
        ops[i] = (struct wess_op){.what = WESS_UPDATE,
                                  .before = &before[i],
                                  .item = {.id = ids[i], .fields = &title, .n_fields = 1}};
    }
    touch(b, "edit", strtoll(ids[1], NULL, 10), "&website=x");
    assert_int_equal(apply(b, ops, 3, out), WESS_OK);
}

static void test_workbooks_sandbox__one_stale_record(void **state)
{
    struct wess_result out[3];
    write_three(*state, out);
    assert_int_equal(out[0].code, WESS_OK);
    assert_int_equal(out[1].code, WESS_CONFLICT);
    assert_int_equal(out[2].code, WESS_OK);
}

static void test_workbooks_sandbox__one_stale_record_of_a_whole_batch(void **state)
{
    struct wess_result out[3];
    struct box *b = *state;
    write_three(b, out);
    assert_int_equal(out[0].code, WESS_NOT_TRIED);
    assert_int_equal(out[1].code, WESS_CONFLICT);
    assert_int_equal(out[2].code, WESS_NOT_TRIED);
    json_t *answer = control(b, "workbooks/list?name=Three"), *p;
    size_t i;
    json_array_foreach(json_object_get(answer, "people"), i, p)
        assert_null(json_object_get(json_object_get(p, "fields"), "person_job_title"));
    json_decref(answer);
}

static void test_workbooks_sandbox__a_refused_field_is_named(void **state)
{
    struct box *b = *state;
    struct wess_result out;
    fault(b, "workbooks:people:PUT:1:refuse=0");
    assert_int_equal(create(b, "Refused", "rf1", 0, &out), WESS_OK);
    assert_int_equal(out.code, WESS_REJECTED);
    assert_int_equal(out.n_refused, 1);
    assert_string_equal(out.refused[0].field, "url");
    assert_int_equal(count(b, "Refused"), 0);
    int64_t locked = new_person(b, "Locked");
    char id[24];
    touch(b, "lock", locked, "");
    snprintf(id, sizeof(id), "%lld", (long long)locked);
    struct wess_item item = fetch_one(b, id);
    assert_true(item.flags & WESS_ITEM_LOCKED);
    struct wess_field f = {.name = "title", .type = WESS_TEXT, .str = {"x", 1}};
    struct wess_op op = {
        .what = WESS_UPDATE, .before = &item, .item = {.id = id, .fields = &f, .n_fields = 1}};
    assert_int_equal(apply(b, &op, 1, &out), WESS_OK);
    assert_int_equal(out.code, WESS_REJECTED);
    assert_int_equal(out.n_refused, 0);
    assert_non_null(out.text);
}

static void test_workbooks_sandbox__batches_of_a_hundred(void **state)
{
    static char names[250][16], stamps[250][16];
    static struct wess_field f[250];
    static struct wess_op ops[250];
    static struct wess_result out[250];
    struct box *b = *state;
    for (size_t i = 0; i < 250; i++) {
        snprintf(names[i], sizeof(names[i]), "Batch %zu", i);
        snprintf(stamps[i], sizeof(stamps[i]), "ba%zu", i);
        f[i] = (struct wess_field){
            .name = "fn", .type = WESS_TEXT, .str = {names[i], strlen(names[i])}};
        ops[i] = (struct wess_op){
            .what = WESS_CREATE, .stamp = stamps[i], .item = {.fields = &f[i], .n_fields = 1}};
    }
    assert_int_equal(apply(b, ops, 250, out), WESS_OK);
    assert_int_equal(requests(b, "workbooks:people:PUT"), 3);
    for (size_t i = 0; i < 250; i++) {
        assert_int_equal(out[i].code, WESS_OK);
        assert_string_equal(test_text(out[i].current, "fn"), names[i]);
    }
    /* All of them again: found, a page at a time, and none is doubled. */
    testhost_drop(&b->th);
    for (size_t i = 0; i < 250; i++)
        ops[i].flags = WESS_OP_AGAIN;
    assert_int_equal(apply(b, ops, 250, out), WESS_OK);
    assert_int_equal(requests(b, "workbooks:people:PUT"), 3);
    for (size_t i = 0; i < 250; i++) {
        assert_int_equal(out[i].code, WESS_OK);
        assert_null(out[i].revision);
    }
}

static void test_workbooks_sandbox__an_employer_is_never_created(void **state)
{
    static const char *const names[] = {"acme ltd", "Nowhere Known Ltd", "A,B \\ & Co"};
    struct box *b = *state;
    struct wess_result out[3];
    struct wess_field f[3][2];
    struct wess_op ops[3];
    json_decref(control(b, "workbooks/organisation?name=ACME%%20Ltd"));
    json_decref(control(b, "workbooks/organisation?name=A%%2CB%%20%%5C%%20%%26%%20Co"));
    json_t *before = control(b, "workbooks/organisations");
    for (size_t i = 0; i < 3; i++) {
        f[i][0] = (struct wess_field){.name = "fn", .type = WESS_TEXT, .str = {"Emp", 3}};
        f[i][1] = (struct wess_field){
            .name = "org", .type = WESS_TEXT, .str = {names[i], strlen(names[i])}};
        ops[i] = (struct wess_op){
            .what = WESS_CREATE, .stamp = names[i], .item = {.fields = f[i], .n_fields = 2}};
    }
    assert_int_equal(apply(b, ops, 3, out), WESS_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(out[i].code, WESS_OK);
        assert_int_equal(out[i].n_refused, i == 1);
    }
    assert_string_equal(test_text(out[0].current, "org"), "ACME Ltd");
    assert_null(test_text(out[1].current, "org"));
    json_t *after = control(b, "workbooks/organisations");
    assert_true(json_equal(before, after));
    json_decref(before);
    json_decref(after);
}

/* ---- faults
 * ------------------------------------------------------------------------------------------ */

static void test_workbooks_sandbox__no_answer_makes_no_double(void **state)
{
    static const char *const plans[] = {"lost",    "cut=0",        "cut=1",   "cut=20",
                                        "cut=200", "cut=600",      "cut=900", "truncate",
                                        "garbage", "huge=70000000"};
    struct box *b = *state;
    struct wess_result out;
    char plan[64], name[16];
    for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
        snprintf(plan, sizeof(plan), "workbooks:people:PUT:1:%s", plans[i]);
        snprintf(name, sizeof(name), "Lost%zu", i);
        fault(b, plan);
        enum wess_code rc = create(b, name, name, 0, &out);
        if (rc != WESS_UNKNOWN || out.code != WESS_UNKNOWN)
            fail_msg("%s is %d, %d", plans[i], (int)rc, (int)out.code);
        assert_int_equal(count(b, name), 1);
        json_decref(control(b, "fault?clear=1"));
        testhost_drop(&b->th);
        assert_int_equal(create(b, name, name, WESS_OP_AGAIN, &out), WESS_OK);
        assert_int_equal(out.code, WESS_OK);
        assert_null(out.revision);
        assert_int_equal(count(b, name), 1);
    }
    /* What never arrived is sent. */
    static const char *const never[] = {"http=500", "http=502", "html",
                                        "redirect=http://127.0.0.1:1/x"};
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        snprintf(plan, sizeof(plan), "workbooks:people:PUT:1:%s", never[i]);
        snprintf(name, sizeof(name), "Never%zu", i);
        fault(b, plan);
        assert_int_equal(create(b, name, name, 0, &out), WESS_UNKNOWN);
        assert_int_equal(out.code, WESS_UNKNOWN);
        assert_int_equal(count(b, name), 0);
        assert_int_equal(create(b, name, name, WESS_OP_AGAIN, &out), WESS_OK);
        assert_non_null(out.revision);
        assert_int_equal(count(b, name), 1);
    }
}

/* Carried out after the client has gone: in doubt, and found once it is there. */
static void test_workbooks_sandbox__late_answers(void **state)
{
    struct box *b = *state;
    struct wess_result out;
    struct wess_page page;
    fault(b, "workbooks:people:PUT:1:late=100");
    assert_int_equal(create(b, "Late", "la1", 0, &out), WESS_UNKNOWN);
    while (!count(b, "Late"))
        poll(NULL, 0, 10);
    assert_int_equal(create(b, "Late", "la1", WESS_OP_AGAIN, &out), WESS_OK);
    assert_null(out.revision);
    open_with(b, NULL, 300, NULL);
    assert_int_equal(create(b, "Warm", "wa1", 0, &out), WESS_OK);
    fault(b, "workbooks:people:PUT:1:delay=1500");
    assert_int_equal(create(b, "Slow", "sl1", 0, &out), WESS_UNKNOWN);
    assert_int_equal(out.code, WESS_UNKNOWN);
    fault(b, "workbooks:people:GET:1:delay=1500");
    assert_int_equal(b->c->changes(&b->call, (struct wess_slice){0}, 10, &page), WESS_TRANSIENT);
    while (!count(b, "Slow"))
        poll(NULL, 0, 10);
    open_with(b, NULL, 0, NULL);
    assert_int_equal(create(b, "Slow", "sl1", WESS_OP_AGAIN, &out), WESS_OK);
    assert_null(out.revision);
    assert_int_equal(count(b, "Slow"), 1);
}

static void test_workbooks_sandbox__faults_have_their_codes(void **state)
{
    static const struct {
        const char *plan;
        enum wess_code code;
    } of[] = {{"workbooks:people:GET:1:http=503/30", WESS_THROTTLED},
              {"workbooks:people:GET:1:http=429/30", WESS_THROTTLED},
              {"workbooks:people:GET:*:busy=1", WESS_THROTTLED},
              {"workbooks:people:GET:1-3:busy=1", WESS_OK}, /* delayed, and followed */
              {"workbooks:people:GET:1:http=500", WESS_TRANSIENT},
              {"workbooks:people:GET:1:http=404", WESS_BROKEN},
              {"workbooks:people:GET:1:password", WESS_AUTH},
              {"workbooks:people:GET:1:truncate", WESS_TRANSIENT},
              {"workbooks:people:GET:1:garbage", WESS_TRANSIENT},
              {"workbooks:people:GET:1:html", WESS_TRANSIENT},
              {"workbooks:people:GET:1:bad_utf8", WESS_TRANSIENT},
              {"workbooks:people:GET:1:cut=0", WESS_TRANSIENT},
              {"workbooks:people:GET:1:cut=30", WESS_TRANSIENT},
              {"workbooks:people:GET:1:huge=70000000", WESS_TOO_BIG},
              {"workbooks:people:GET:1:redirect=http://127.0.0.1:1/x", WESS_THROTTLED},
              {"workbooks:person_queues:GET:1:html", WESS_TRANSIENT},
              {"workbooks:person_queues:GET:1:http=503", WESS_THROTTLED}};
    struct box *b = *state;
    new_person(b, "Anybody");
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
        struct wess_page page = {0};
        open_with(b, NULL, 0, NULL);
        fault(b, of[i].plan);
        enum wess_code rc = b->c->changes(&b->call, (struct wess_slice){0}, 100, &page);
        json_decref(control(b, "fault?clear=1"));
        if (rc != of[i].code)
            fail_msg("%s: %d %s", of[i].plan, (int)rc, b->call.error.text);
        assert_true(rc == WESS_OK || b->call.error.text[0]);
        assert_true(rc != WESS_OK || page.n == 1);
        if (strstr(of[i].plan, "/30"))
            assert_int_equal(b->call.error.retry_after_ms, 30000);
    }
}

static void test_workbooks_sandbox__a_wrong_key(void **state)
{
    struct box *b = *state;
    open_with(b, "00000-wrong", 0, NULL);
    assert_int_equal(b->c->check(&b->call), WESS_AUTH);
    assert_int_equal(b->call.error.scope, WESS_OF_CREDENTIAL);
    assert_string_equal(b->call.error.remote_code, "unrecognised_name_or_password");
    assert_null(strstr(b->call.error.text, "wrong"));
    assert_int_equal(b->call.requests, 1);
    open_with(b, NULL, 0, NULL);
    json_decref(control(b, "workbooks/expire_key"));
    assert_int_equal(b->c->check(&b->call), WESS_AUTH);
    json_decref(control(b, "workbooks/expire_key?on=0"));
    assert_int_equal(b->c->check(&b->call), WESS_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_workbooks_sandbox__many_records_of_one_second),
        TEST(test_workbooks_sandbox__a_change_is_told),
        TEST(test_workbooks_sandbox__changes_during_a_snapshot),
        TEST(test_workbooks_sandbox__late_commits_within_the_overlap),
        TEST(test_workbooks_sandbox__any_history),
        cmocka_unit_test_setup_teardown(test_workbooks_sandbox__a_capped_page_is_not_the_last,
                                        set_up_capped, tear_down),
        TEST(test_workbooks_sandbox__the_whole_way),
        cmocka_unit_test_setup_teardown(test_workbooks_sandbox__the_whole_way, set_up_arrays,
                                        tear_down),
        TEST(test_workbooks_sandbox__one_stale_record),
        cmocka_unit_test_setup_teardown(test_workbooks_sandbox__one_stale_record_of_a_whole_batch,
                                        set_up_whole_batches, tear_down),
        TEST(test_workbooks_sandbox__a_refused_field_is_named),
        cmocka_unit_test_setup_teardown(test_workbooks_sandbox__a_refused_field_is_named,
                                        set_up_whole_batches, tear_down),
        TEST(test_workbooks_sandbox__batches_of_a_hundred),
        TEST(test_workbooks_sandbox__an_employer_is_never_created),
        TEST(test_workbooks_sandbox__no_answer_makes_no_double),
        TEST(test_workbooks_sandbox__late_answers),
        TEST(test_workbooks_sandbox__faults_have_their_codes),
        TEST(test_workbooks_sandbox__a_wrong_key),
        cmocka_unit_test_setup_teardown(test_workbooks_sandbox__a_wrong_key, set_up_message,
                                        tear_down),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
