#include "wb_replay.h"

#define CANARY "12345-canary-key"
#define KEPT 32u

/* ---- requests
 * ------------------------------------------------------------------------------------------ */

static char *ring[KEPT];
static size_t ring_at;

static char *kept(char *text)
{
    assert_non_null(text);
    free(ring[ring_at % KEPT]);
    return ring[ring_at++ % KEPT] = text;
}

static char *decoded(const char *s, size_t len)
{
    char *out = malloc(len + 1), *at = out;
    assert_non_null(out);
    for (size_t i = 0; i < len; i++) {
        char hex[3] = {0};
        if (s[i] == '%') {
            memcpy(hex, s + i + 1, 2);
            *at++ = (char)strtol(hex, NULL, 16);
            i += 2;
        } else {
            *at++ = s[i] == '+' ? ' ' : s[i];
        }
    }
    *at = 0;
    return out;
}

/* Calls each(ctx, name, value) for every parameter, in order. */
static void each_param(const char *request, void (*each)(void *, const char *, const char *),
                       void *ctx)
{
    for (const char *at = request; *at;) {
        size_t len = strcspn(at, "&"), eq = strcspn(at, "=");
        assert_true(eq < len);
        char *name = decoded(at, eq), *value = decoded(at + eq + 1, len - eq - 1);
        each(ctx, name, value);
        free(name);
        free(value);
        at += len + (at[len] == '&');
    }
}

struct seek {
    const char *name;
    size_t n, seen;
    char *found;
};
static void seek_one(void *ctx, const char *name, const char *value)
{
    struct seek *s = ctx;
    if (strcmp(name, s->name))
        return;
    if (s->seen++ == s->n)
        s->found = strdup(value);
}

const char *wb_param(const char *request, const char *name, size_t n)
{
    struct seek s = {name, n, 0, NULL};
    each_param(request, seek_one, &s);
    return s.found ? kept(s.found) : NULL;
}

size_t wb_params(const char *request, const char *name)
{
    struct seek s = {name, SIZE_MAX, 0, NULL};
    each_param(request, seek_one, &s);
    return s.seen;
}

static const char *kind_of(const char *request)
{
    const char *method = wb_param(request, "_method", 0);
    if (method && !strcmp(method, "PUT"))
        return WB_PUT;
    const char *last = wb_param(request, "_select_columns[]", 1);
    if (last && !strcmp(last, "controller_path"))
        return wb_params(request, "class_names[]") ? WB_FIELDS : WB_TYPES;
    if (wb_params(request, "picklist_id"))
        return WB_ENTRIES;
    if (wb_params(request, "_select_columns[]") != 2)
        return WB_LIST;
    return wb_params(request, "_ff[]") ? WB_ORGS : WB_QUEUES;
}

static void what_of(const char *request, char out[STAGE_WORD_CAP])
{
    snprintf(out, STAGE_WORD_CAP, "%s", *request ? kind_of(request) : WB_LIST);
}

/* ---- what is demanded of a request (B1, B2, B3, B5 of the API's facts)
 * ------------------------------------------------------------------------------------------ */

static void has(const char *request, const char *name, const char *value)
{
    const char *is = wb_param(request, name, 0);
    if (!is || strcmp(is, value) || wb_params(request, name) != 1)
        fail_msg("%s is %s in %s", name, is, request);
}

/* The columns of a change, in their order: each record repeats all of them. */
struct square {
    char *columns[64];
    size_t n, at, records;
};
static void take_column(void *ctx, const char *name, const char *value)
{
    struct square *s = ctx;
    size_t len = strlen(name);
    (void)value;
    if (len < 3 || strcmp(name + len - 2, "[]") || !strncmp(name, "_f", 2))
        return;
    if (!strcmp(name, "__method[]")) {
        assert_true(!s->records || s->at == s->n);
        s->records++;
        s->at = 0;
    }
    assert_true(s->records > 0);
    if (s->records == 1) {
        assert_true(s->n < 64);
        s->columns[s->n++] = strdup(name);
    }
    assert_true(s->at < s->n);
    assert_string_equal(s->columns[s->at++], name);
}

static void check_square(const char *request)
{
    struct square s = {.n = 0};
    each_param(request, take_column, &s);
    assert_true(s.records > 0 && s.records <= 100);
    assert_int_equal(s.at, s.n);
    assert_string_equal(s.columns[1], "id[]");
    assert_string_equal(s.columns[2], "lock_version[]");
    assert_int_equal(wb_params(request, "_ff[]"), s.records);
    for (size_t i = 0; i < s.records; i++) {
        const char *id = wb_param(request, "id[]", i);
        assert_string_equal(wb_param(request, "_ff[]", i), "id");
        assert_string_equal(wb_param(request, "_ft[]", i), "eq");
        assert_string_equal(wb_param(request, "_fc[]", i), id);
    }
    has(request, "_fm", "or");
    has(request, "_per_object_transactions", "true");
    for (size_t i = 0; i < s.n; i++)
        free(s.columns[i]);
}

/* B10: what is asked of the database itself is no list with pages. */
static bool is_of_metadata(const char *request)
{
    const char *kind = kind_of(request);
    return !strcmp(kind, WB_TYPES) || !strcmp(kind, WB_FIELDS) || !strcmp(kind, WB_ENTRIES);
}

static void check_request(const char *request)
{
    has(request, "api_key", CANARY);
    has(request, "client", "api");
    has(request, "api_version", "1");
    has(request, "_api_version", "1");
    has(request, "_strict_attribute_checking", "true");
    has(request, "_json_output_datetime_format", "%s");
    has(request, "_application_name", "WESS");
    assert_int_equal(wb_params(request, "_ff[]"), wb_params(request, "_ft[]"));
    assert_int_equal(wb_params(request, "_ff[]"), wb_params(request, "_fc[]"));
    if (!strcmp(kind_of(request), WB_PUT)) {
        check_square(request);
        return;
    }
    has(request, "_method", "GET");
    if (is_of_metadata(request))
        return;
    has(request, "_start", "0"); /* without it _limit is ignored */
    assert_int_equal(wb_params(request, "_limit"), 1);
    assert_int_equal(wb_params(request, "_sort[]"), wb_params(request, "_dir[]"));
}

/* ---- a test
 * ------------------------------------------------------------------------------------------ */

static void queues(struct stage *t)
{
    stage_says(t, WB_QUEUES,
               ROWS("{\"id\":10,\"name\":\"Unassigned\"},{\"id\":11,\"name\":\"Ann\"}"));
}

void wb_forget(struct stage *t)
{
    stage_forget(t);
    queues(t);
}

void wb_open(struct stage *t, ...)
{
    va_list ap;
    t->settings[0] = (struct testhost_setting){"url", t->url};
    t->settings[1] = (struct testhost_setting){"api_key", CANARY};
    va_start(ap, t);
    stage_open(t, 2, ap);
    va_end(ap);
}

int wb_set_up(void **state)
{
    static const struct stage_manner workbooks = {
        "workbooks", "people",      "/", "application/json; charset=utf-8",
        what_of,     check_request, NULL};
    struct stage *t = stage_set_up(&workbooks);
    queues(t);
    wb_open(t, NULL);
    *state = t;
    return 0;
}

int wb_tear_down(void **state)
{
    for (size_t i = 0; i < KEPT; i++) {
        free(ring[i]);
        ring[i] = NULL;
    }
    return stage_tear_down(state);
}

/* ---- calls
 * ------------------------------------------------------------------------------------------ */

enum wess_code wb_page(struct stage *t, const char *cursor, uint32_t limit, struct wess_page *page)
{
    *page = (struct wess_page){0};
    t->call.error = (struct wess_error){0};
    return t->c->changes(&t->call, (struct wess_slice){cursor, cursor ? strlen(cursor) : 0}, limit,
                         page);
}

const char *wb_cursor(const struct wess_page *page)
{
    return kept(strndup(page->next.data, page->next.len));
}

struct wess_result *wb_apply(struct stage *t, const struct wess_op *ops, size_t n,
                             enum wess_code expected)
{
    static struct wess_result out[400];
    assert_true(n <= 400);
    for (size_t i = 0; i < n; i++)
        out[i] = (struct wess_result){.code = WESS_UNKNOWN};
    t->call.error = (struct wess_error){0};
    enum wess_code rc = t->c->apply(&t->call, ops, n, out);
    if (rc != expected)
        fail_msg("apply() answers %d, not %d: %s", (int)rc, (int)expected, t->call.error.text);
    assert_true(rc == WESS_OK || rc == WESS_TOO_BIG || rc == WESS_CANCELLED ||
                t->call.error.text[0]);
    return out;
}
