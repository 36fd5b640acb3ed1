/* B3: saved reports, as their data is read: data_view/<id>/data.api, data_view/<name>.api. What is
 * in one is told by a control request; that the parameters of lists hold here is inferred. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workbooks.h"

#define REPORTS 8u
#define PREFIX "/data_view/"

struct report {
    int64_t id;
    char *name, *column; /* the column that holds the records' numbers */
    char *then;          /* what is in it after the next answer; NULL: the same */
    int64_t *ids;
    size_t n;
};
static struct report reports[REPORTS];
static size_t n_reports;

static void forget(struct report *r)
{
    free(r->name);
    free(r->column);
    free(r->then);
    free(r->ids);
    *r = (struct report){0};
}

void wb_reports_free(void)
{
    while (n_reports)
        forget(&reports[--n_reports]);
}

/* ---- told by a person
 * ------------------------------------------------------------------------------------------ */

static void read_ids(struct report *r, const char *text)
{
    free(r->ids);
    r->ids = calloc(strlen(text) / 2 + 1, sizeof(*r->ids));
    r->n = 0;
    for (char *end; r->ids && *text; text = *end ? end + 1 : end) {
        int64_t id = strtoll(text, &end, 10);
        if (end == text)
            return;
        r->ids[r->n++] = id;
    }
}

static struct report *named(const char *name)
{
    for (size_t i = 0; i < n_reports; i++)
        if (!strcmp(reports[i].name, name))
            return &reports[i];
    return NULL;
}

static struct report *made(const char *name)
{
    struct report *r = named(name);
    if (r || n_reports == REPORTS)
        return r;
    r = &reports[n_reports];
    *r = (struct report){.id = 900 + (int64_t)n_reports, .name = strdup(name)};
    n_reports += r->name != NULL;
    return r->name ? r : NULL;
}

/* report?name=N&ids=1,2&column=C: that it is there, with these records; without ids it goes.
 * `then`: what is in it after the next answer. */
json_t *wb_report_told(const char *query)
{
    char *name = sb_param(query, "name", 0), *ids = sb_param(query, "ids", 0);
    char *column = sb_param(query, "column", 0);
    struct report *r = name ? ids ? made(name) : named(name) : NULL;
    json_t *out = r ? json_pack("{s:I}", "id", (json_int_t)r->id) : NULL;
    if (r && ids) {
        read_ids(r, ids);
        free(r->column);
        r->column = strdup(column ? column : "id");
        free(r->then);
        r->then = sb_param(query, "then", 0);
    } else if (r) {
        forget(r);
        *r = reports[--n_reports];
        reports[n_reports] = (struct report){0};
    }
    free(name);
    free(ids);
    free(column);
    return out;
}

/* ---- read
 * ------------------------------------------------------------------------------------------ */

static struct report *at_path(const char *path)
{
    const char *rest = path + strlen(PREFIX), *end = strstr(rest, ".api");
    char *stop, name[300];
    int64_t id = strtoll(rest, &stop, 10);
    for (size_t i = 0; i < n_reports && !strcmp(stop, "/data.api"); i++)
        if (reports[i].id == id)
            return &reports[i];
    snprintf(name, sizeof(name), "%.*s", end && !end[4] ? (int)(end - rest) : 0, rest);
    return named(name);
}

bool wb_is_report(const char *path)
{
    return !strncmp(path, PREFIX, strlen(PREFIX));
}

static bool number_at(const char *body, const char *name, size_t *out)
{
    char *text = sb_param(body, name, 0), *end = text;
    if (text)
        *out = (size_t)strtoull(text, &end, 10);
    bool ok = text && isdigit((unsigned char)*text) && !*end;
    free(text);
    return ok;
}

struct asked {
    const struct report *of;
    bool bad, sorted;
};

/* Columns are its own; of the rest what any list takes. */
static void look_at(void *ctx, const char *name, const char *value)
{
    static const char *const plain[] = {"_method",
                                        "client",
                                        "api_version",
                                        "_api_version",
                                        "api_key",
                                        "_application_name",
                                        "_strict_attribute_checking",
                                        "_json_output_datetime_format",
                                        "_start",
                                        "_limit",
                                        "_dir[]",
                                        "_authenticity_token"};
    struct asked *a = ctx;
    bool known = false;
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        known |= !strcmp(plain[i], name);
    bool column = !strcmp(value, a->of->column) || !strcmp(value, "name");
    if (!strcmp(name, "_sort[]"))
        a->sorted = known = column;
    if (!strcmp(name, "_select_columns[]"))
        known = column;
    a->bad |= !known;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static json_t *row_of(const struct report *r, int64_t id)
{
    return json_pack("{s:I,s:s}", r->column, (json_int_t)id, "name", "A record");
}

void wb_report(const struct sb_request *req, struct sb_response *out)
{
    struct report *r = at_path(req->path);
    size_t start = 0, limit = 100, cap = (size_t)atol(sb_switch("page_cap", "200"));
    if (!r) {
        out->status = 404;
        out->type = "text/html";
        sb_buf_str(&out->body, "<html><body>There is no such view.</body></html>");
        return;
    }
    struct asked a = {.of = r};
    sb_params(req->body, look_at, &a);
    bool paged = number_at(req->body, "_start", &start) && number_at(req->body, "_limit", &limit);
    if (a.bad || !paged) {
        wb_put_json(out, json_pack("{s:b,s:{s:s}}", "success", 0, "errors", "[]", "parameters"),
                    200);
        return;
    }
    if (a.sorted && r->n)
        qsort(r->ids, r->n, sizeof(*r->ids), by_number);
    json_t *rows = json_array();
    limit = limit < cap ? limit : cap;
    for (size_t i = start; i < r->n && json_array_size(rows) < limit; i++)
        json_array_append_new(rows, row_of(r, r->ids[i]));
    wb_put_json(out,
                json_pack("{s:b,s:I,s:o,s:s,s:{}}", "success", 1, "total", (json_int_t)r->n, "data",
                          rows, "flash", "", "updates"),
                200);
    if (r->then)
        read_ids(r, r->then);
    free(r->then);
    r->then = NULL;
}
