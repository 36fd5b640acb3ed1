#include "box.h"

#include <curl/curl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loading.h"

/* ---- the sandbox
 * ------------------------------------------------------------------------------------------ */

static void start(struct box *b, const char *sw, const char *data)
{
    int fd[2];
    const char *program = program_path("wess-sandbox"), *words[12] = {program, "--json"};
    const char *users = data && !strncmp(data, "load:", 5) ? data + 5 : NULL;
    size_t n = 2;
    if (data) {
        words[n++] = "--data";
        words[n++] = users ? "load" : data;
    }
    if (users) {
        words[n++] = "--users";
        words[n++] = users;
        words[n++] = "--contacts";
        words[n++] = "1";
    }
    if (sw) {
        words[n++] = "--switch";
        words[n++] = sw;
    }
    assert_int_equal(pipe(fd), 0);
    b->pid = fork();
    if (b->pid == 0) {
        dup2(fd[1], 1);
        close(fd[0]);
        close(fd[1]);
        execv(program, (char *const *)(uintptr_t)words);
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

const char *box_info(const struct box *b, const char *server, const char *name)
{
    return json_string_value(json_object_get(json_object_get(b->info, server), name));
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

json_t *box_control(const struct box *b, const char *fmt, ...)
{
    char path[2048], url[2400], *text = NULL;
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

int64_t box_number(const json_t *of, const char *name)
{
    return json_integer_value(json_object_get(of, name));
}

void box_fault(const struct box *b, const char *plan)
{
    json_t *answer = box_control(b, "fault?plan=%s", plan);
    assert_true(json_is_true(json_object_get(answer, "ok")));
    json_decref(answer);
}

void box_move_clock(const struct box *b, int64_t seconds)
{
    json_decref(box_control(b, "clock?move_ms=%lld", (long long)seconds * 1000));
}

int64_t box_requests(const struct box *b, const char *op)
{
    json_t *answer = box_control(b, "requests");
    int64_t n = box_number(json_object_get(answer, "by_op"), op);
    json_decref(answer);
    return n;
}

/* ---- a connection
 * ------------------------------------------------------------------------------------------ */

static void close_it(struct box *b)
{
    if (!b->conn)
        return;
    b->c->close(b->conn);
    b->conn = NULL;
    testhost_fini(&b->th);
}

void box_open(struct box *b, const char *collection, size_t n, uint32_t timeout_ms)
{
    struct wess_error e = {0};
    close_it(b);
    n = load_fallbacks(b->c, b->settings, n, BOX_SETTINGS_MAX);
    testhost_init(&b->th, b->settings, n);
    if (timeout_ms)
        b->th.http.timeout_ms = timeout_ms;
    assert_int_equal(b->c->open(&b->th.host, &b->conn, &e), WESS_OK);
    b->call = testhost_call(&b->th, b->conn, collection);
}

struct box *box_new(const char *connector, const char *sw, const char *data)
{
    struct box *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    b->c = load_connector(connector);
    assert_non_null(b->c);
    start(b, sw, data);
    return b;
}

int box_tear_down(void **state)
{
    struct box *b = *state;
    int status = -1;
    close_it(b);
    kill(b->pid, SIGTERM);
    waitpid(b->pid, &status, 0);
    fclose(b->out);
    json_decref(b->info);
    free(b);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return 0;
}

/* ---- calls
 * ------------------------------------------------------------------------------------------ */

enum wess_code box_apply(struct box *b, const struct wess_op *ops, size_t n,
                         struct wess_result *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (struct wess_result){.code = WESS_UNKNOWN};
    b->call.error = (struct wess_error){0};
    return b->c->apply(&b->call, ops, n, out);
}

enum wess_code box_create(struct box *b, const char *name, const char *stamp, uint32_t flags,
                          struct wess_result *out)
{
    struct wess_field fn = {.name = "fn", .type = WESS_TEXT, .str = {name, strlen(name)}};
    struct wess_op op = {.what = WESS_CREATE,
                         .stamp = stamp,
                         .flags = flags,
                         .item = {.fields = &fn, .n_fields = 1}};
    return box_apply(b, &op, 1, out);
}

struct wess_item box_fetch(struct box *b, const char *id)
{
    const char *const ids[] = {id};
    struct wess_result out = {.code = WESS_UNKNOWN};
    assert_int_equal(b->c->fetch(&b->call, (struct wess_list){ids, 1}, &out), WESS_OK);
    assert_int_equal(out.code, WESS_OK);
    return *out.current;
}
