#include "stage.h"

#include "loading.h"

/* ---- the server
 * ------------------------------------------------------------------------------------------ */

static void on_request(void *ctx, const char *request, struct replay_reply *r)
{
    struct stage *t = ctx;
    struct stage_line *use = NULL;
    char what[STAGE_WORD_CAP];
    t->manner->what(request, what);
    if (t->manner->type)
        r->type = t->manner->type;
    if (t->hook && t->hook(t, what, request, r))
        return;
    for (size_t i = 0; i < t->n_script; i++) {
        struct stage_line *s = &t->script[i];
        if (strcmp(s->what, what) != 0)
            continue;
        use = s;
        if (!s->used)
            break;
    }
    if (!use) {
        r->status = 500;
        r->body = strdup("");
        return;
    }
    use->used = true;
    r->status = use->status;
    r->location = use->location;
    if (use->type)
        r->type = use->type;
    if (t->manner->wrap && use->status == 200)
        r->body = t->manner->wrap(what, use->body);
    else
        r->body = use->cut ? strndup(use->body, use->cut) : strdup(use->body);
}

/* ---- the script
 * ------------------------------------------------------------------------------------------ */

struct stage_line *stage_says_status(struct stage *t, const char *what, unsigned status,
                                     const char *body)
{
    assert_true(t->n_script < STAGE_SCRIPT_MAX);
    struct stage_line *s = &t->script[t->n_script++];
    *s = (struct stage_line){.what = what, .body = body, .status = status};
    return s;
}

void stage_says(struct stage *t, const char *what, const char *body)
{
    stage_says_status(t, what, 200, body);
}

static bool is_of(const struct stage *t, size_t i, const char *what)
{
    char have[STAGE_WORD_CAP];
    t->manner->what(replay_request(t->server, i), have);
    return !strcmp(have, what);
}

size_t stage_asked(const struct stage *t, const char *what)
{
    size_t n = 0;
    for (size_t i = 0; i < replay_count(t->server); i++)
        n += is_of(t, i, what);
    return n;
}

const char *stage_request(const struct stage *t, const char *what, size_t n)
{
    for (size_t i = 0; i < replay_count(t->server); i++)
        if (is_of(t, i, what) && !n--)
            return replay_request(t->server, i);
    fail_msg("%s was asked %zu times only", what, stage_asked(t, what));
    return "";
}

static void demand_all(const struct stage *t)
{
    for (size_t i = 0; i < replay_count(t->server); i++)
        if (*replay_request(t->server, i))
            t->manner->demand(replay_request(t->server, i));
}

void stage_forget(struct stage *t)
{
    demand_all(t);
    replay_forget(t->server);
    t->n_script = 0;
}

/* ---- a test
 * ------------------------------------------------------------------------------------------ */

static void close_it(struct stage *t)
{
    if (!t->conn)
        return;
    t->c->close(t->conn);
    t->conn = NULL;
    assert_null(strstr(t->th.log, "canary"));
    assert_null(strstr(t->call.error.text, "canary"));
    testhost_fini(&t->th);
}

void stage_open(struct stage *t, size_t n, va_list more)
{
    struct wess_error e = {0};
    struct wess_http http = t->th.http;
    bool again = t->conn;
    close_it(t);
    for (const char *name; (name = va_arg(more, const char *));) {
        assert_true(n < STAGE_SETTINGS_MAX);
        t->settings[n++] = (struct testhost_setting){name, va_arg(more, const char *)};
    }
    n = load_fallbacks(t->c, t->settings, n, STAGE_SETTINGS_MAX);
    testhost_init(&t->th, t->settings, n);
    if (again)
        t->th.http = http;
    assert_int_equal(t->c->open(&t->th.host, &t->conn, &e), WESS_OK);
    t->call = testhost_call(&t->th, t->conn, t->manner->collection);
}

struct stage *stage_set_up(const struct stage_manner *manner)
{
    struct stage *t = calloc(1, sizeof(*t));
    assert_non_null(t);
    t->manner = manner;
    t->c = load_connector(manner->connector);
    assert_non_null(t->c);
    t->server = replay_start(on_request, t);
    assert_non_null(t->server);
    snprintf(t->url, sizeof(t->url), "%s", replay_url(t->server, manner->path));
    return t;
}

int stage_tear_down(void **state)
{
    struct stage *t = *state;
    close_it(t);
    demand_all(t);
    replay_stop(t->server);
    free(t);
    return 0;
}
