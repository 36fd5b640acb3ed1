#include "wb_box.h"

#include <curl/curl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loading.h"

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

json_t *box_control(const struct box *b, const char *fmt, ...)
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

int64_t box_new_person(const struct box *b, const char *name)
{
    json_t *p = box_control(b, "workbooks/create?name=%s", name);
    int64_t id = box_number(p, "id");
    json_decref(p);
    assert_true(id > 0);
    return id;
}

void box_touch(const struct box *b, const char *what, int64_t id, const char *more)
{
    json_t *p = box_control(b, "workbooks/%s?id=%lld%s", what, (long long)id, more);
    assert_int_equal(box_number(p, "id"), id);
    json_decref(p);
}

size_t box_count(const struct box *b, const char *name)
{
    json_t *answer = box_control(b, "workbooks/list?name=%s", name);
    size_t n = json_array_size(json_object_get(answer, "people"));
    json_decref(answer);
    return n;
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

void box_open(struct box *b, const char *key, uint32_t timeout_ms, const char *page_size)
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
    n = load_fallbacks(b->c, b->settings, n, BOX_SETTINGS_MAX);
    testhost_init(&b->th, b->settings, n);
    if (timeout_ms)
        b->th.http.timeout_ms = timeout_ms;
    assert_int_equal(b->c->open(&b->th.host, &b->conn, &e), WESS_OK);
    b->call = testhost_call(&b->th, b->conn, "people");
}

int box_set_up(void **state, const char *sw)
{
    struct box *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    *state = b;
    b->c = load_connector("workbooks");
    assert_non_null(b->c);
    start(b, sw);
    box_open(b, NULL, 0, NULL);
    return 0;
}

int box_tear_down(void **state)
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
