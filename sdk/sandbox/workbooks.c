/* The Workbooks side: who may ask, and what (B1, B2, B8). */
#include "workbooks.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool wb_expired;
struct wb_renamed wb_renamed;

void wb_put_json(struct sb_response *out, json_t *j, int status)
{
    char *text = json_dumps(j, JSON_COMPACT);
    out->status = status;
    out->type = "application/json; charset=utf-8";
    sb_buf_str(&out->body, text ? text : "{}");
    free(text);
    json_decref(j);
}

void wb_refuse(struct sb_response *out, int status, const char *reason)
{
    const char *member =
        !strcmp(sb_switch("failure", "reason"), "message") ? "failure_message" : "failure_reason";
    wb_put_json(out, json_pack("{s:b,s:s}", "success", 0, member, reason), status);
}

/* ---- what has a name and no more
 * ------------------------------------------------------------------------------------------ */

static json_t *queue_json(const struct wb_named *q, bool of_user)
{
    return json_pack("{s:I,s:s,s:s}", "id", (json_int_t)q->id, "name", q->name, "queue_type",
                     of_user ? "user" : "unassigned");
}

/* In the order of their ids. */
static json_t *one_activity_queue(size_t i, struct wb_named *out)
{
    *out = (struct wb_named){ACTIVITY_UNASSIGNED + (int)i, i > 1 ? sb_users[i - 2].name
                                                           : i   ? "WESS service"
                                                                 : "Unassigned"};
    return queue_json(out, i);
}

static json_t *one_queue(size_t i, struct wb_named *out)
{
    bool of_user = i && i <= sb_n_users; /* the last one is nobody's */
    *out =
        (struct wb_named){i ? FIRST_QUEUE + (int)i - 1 : UNASSIGNED, of_user ? sb_users[i - 1].name
                                                                     : i     ? "Nobody"
                                                                             : "Unassigned"};
    if (out->id == wb_renamed.id)
        out->name = wb_renamed.name;
    return queue_json(out, of_user);
}

static json_t *one_organisation_queue(size_t i, struct wb_named *out)
{
    *out = (struct wb_named){ORGANISATION_UNASSIGNED + (int)i,
                             i ? sb_users[i - 1].name : "Unassigned"};
    return queue_json(out, i);
}

/* ---- requests
 * -----------------------------------------------------------------------------------------------------------
 */

static void name_request(const struct sb_request *r, char *op, size_t cap)
{
    char *form = wb_is_multipart(r) ? wb_form_of(r, false) : NULL;
    char *method = sb_param(form ? form : r->body, "_method", 0);
    const char *slash = strrchr(r->path, '/');
    char what[32];
    snprintf(what, sizeof(what), "%s", slash ? slash + 1 : r->path);
    if (strchr(what, '.'))
        *strchr(what, '.') = 0;
    snprintf(op, cap, "workbooks:%s:%s", what, method ? method : r->method);
    free(method);
    free(form);
}

/* B2: each account of the database may have keys of its own: here the key, "-" and a digit. All see
 * the same. */
static bool is_key(const char *key)
{
    size_t len = strlen(sb_api_key);
    return !strncmp(key, sb_api_key, len) &&
           (!key[len] ||
            (key[len] == '-' && key[len + 1] >= '1' && key[len + 1] <= '9' && !key[len + 2]));
}

static bool signed_in(const struct sb_request *r, bool changes, struct sb_response *out)
{
    char *key = sb_param(r->body, "api_key", 0);
    const char *agent = sb_header(r, "User-Agent");
    bool wrong = sb_fault_at(r, "", NULL) == SB_FAULT_PASSWORD;
    bool ok = key && is_key(key) && !wb_expired && !wrong;
    if (!agent || !*agent) {
        wb_refuse(out, 403, "user_agent_required");
        ok = false;
    } else if (!key && sb_header(r, "Cookie")) {
        if (wrong) /* B2: they end when the service likes */
            wb_drop_sessions();
        ok = wb_in_session(r, changes, out);
    } else if (!ok) {
        wb_refuse(out, 401, key ? "unrecognised_name_or_password" : "no_session");
    }
    free(key);
    return ok;
}

static struct wb_set *set_at(const char *path)
{
    for (size_t i = 0; i < WB_SETS; i++)
        if (!strcmp(wb_sets[i].path, path))
            return &wb_sets[i];
    return NULL;
}

static void handle_form(const struct sb_request *r, struct sb_response *out)
{
    char *method = sb_param(r->body, "_method", 0);
    bool put = method && !strcmp(method, "PUT");
    struct wb_set *set = set_at(r->path);
    if (sb_fault_at(r, "", NULL) == SB_FAULT_BUSY) {
        /* B1: greedy clients are delayed by a redirect. */
        out->status = 302;
        sb_buf_fmt(&out->headers, "Location: %s\n", r->path);
        sb_buf_str(&out->body, "");
    } else if (!strcmp(r->path, "/login.api")) {
        wb_login(r, out);
    } else if (!strcmp(r->path, "/logout")) {
        wb_logout(r, out);
    } else if (!strcmp(r->path, "/login")) {
        out->type = "text/html";
        sb_buf_str(&out->body, "<html><body>Please sign in.</body></html>");
    } else if (!signed_in(r, put, out)) {
        /* answered */
    } else if (set && put) {
        wb_change(set, r, out);
    } else if (set) {
        wb_list(set, r->body, out);
    } else if (!strcmp(r->path, "/crm/person_queues.api") && !put) {
        wb_list_named(r->body, sb_n_users + 2, one_queue, out);
    } else if (!strcmp(r->path, "/crm/organisation_queues.api") && !put) {
        wb_list_named(r->body, sb_n_users + 1, one_organisation_queue, out);
    } else if (wb_is_download(r->path) && !put) {
        wb_download(r->path, out);
    } else if (wb_is_report(r->path) && !put) {
        wb_report(r, out);
    } else if (!strcmp(r->path, "/metadata/types.api") && !put) {
        wb_metadata(r->body, out);
    } else if (!strcmp(r->path, "/picklist_data/Private_PicklistEntry/id/value.api") && !put) {
        wb_picklist(r->body, out);
    } else if (!strcmp(r->path, "/activity/activity_queues.api") && !put) {
        wb_list_named(r->body, sb_n_users + 2, one_activity_queue, out);
    } else {
        out->status = 404;
        out->type = "text/html";
        sb_buf_str(&out->body,
                   "<html><body>The page you were looking for doesn't exist.</body></html>");
    }
    free(method);
}

/* B1: a change that brings files is a multipart form, and all else a url-encoded one. */
static void handle(const struct sb_request *r, struct sb_response *out)
{
    struct sb_request form = *r;
    wb_files_begin();
    char *body = wb_is_multipart(r) ? wb_form_of(r, true) : NULL;
    if (wb_is_multipart(r) && !body) {
        wb_refuse(out, 406, "malformed form");
        return;
    }
    if (body) {
        form.body = body;
        form.body_len = strlen(body);
    }
    handle_form(&form, out);
    wb_asker = 0;
    free(body);
}

static void stop(void)
{
    wb_tables_free();
    wb_reports_free();
    wb_drop_sessions();
    wb_expired = wb_no_my_queues = false;
    wb_renamed.id = 0;
}

const struct sb_server sb_workbooks = {"workbooks",  wb_start,   handle,
                                       name_request, wb_control, stop};
