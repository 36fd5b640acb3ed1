/* The settings against what the database says of itself. */
#include <stdlib.h>
#include <string.h>

#include "meta.h"

static enum wess_code no_column(struct wess_call *call, const struct wb_kind *k,
                                const char *setting, const char *column)
{
    const char *near = wb_meta_nearest(call->conn, k, column);
    return wess_fail(&call->error, WESS_BROKEN, WESS_OF_HOST, NULL,
                     "%s: %s in Workbooks have no field \"%s\"%s%s%s", setting, k->collection,
                     column, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static enum wess_code check_custom(struct wess_call *call, const struct wb_kind *k)
{
    size_t n;
    const struct wb_field *rows = wb_rows(call->conn, k, &n);
    for (size_t i = k->n_fields; i < n; i++)
        if (!wb_meta_has(call->conn, k, rows[i].column))
            return no_column(call, k, "custom_fields", rows[i].column);
    return WESS_OK;
}

static enum wess_code check_asked(struct wess_call *call, size_t kind)
{
    const struct wess_conn *c = call->conn;
    for (size_t i = 0; i < c->n_asked[kind]; i++)
        if (!wb_meta_has(c, wb_kinds[kind], c->asked[kind][i]))
            return no_column(call, wb_kinds[kind], "select_columns", c->asked[kind][i]);
    return WESS_OK;
}

static bool is_written(const struct wess_conn *c, const struct wb_kind *k, const char *column)
{
    size_t n;
    const struct wb_field *rows = wb_rows(c, k, &n);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(rows[i].column, column))
            return true;
    return false;
}

/* Fields that are mandatory there and unknown here: creates will be refused for them. */
static void tell_required(struct wess_conn *c, const struct wb_kind *k, json_t *fields)
{
    const char *name;
    json_t *f;
    json_object_foreach(fields, name, f)
    {
        const json_t *fallback = json_object_get(f, "default_value");
        bool asked = json_is_true(json_object_get(f, "required")) &&
                     json_is_true(json_object_get(f, "is_createable"));
        if (asked && (!fallback || json_is_null(fallback)) && !is_written(c, k, name))
            c->host->log(c->host->ctx, WESS_LOG_WARN,
                         "workbooks: %s need the field %.80s, which nothing here fills",
                         k->collection, name);
    }
}

static void tell_missing(struct wess_conn *c, const struct wb_kind *k)
{
    for (size_t i = 0; i < k->n_fields; i++)
        if (!k->fields[i].shown && !wb_meta_has(c, k, k->fields[i].column))
            c->host->log(c->host->ctx, WESS_LOG_WARN,
                         "workbooks: %s of this database have no %s: %s stays here", k->collection,
                         k->fields[i].column, k->fields[i].name);
}

/* A word that the settings give has to be in the list, where there is one. */
static enum wess_code check_word(struct wess_call *call, const json_t *entries, const char *word,
                                 const char *setting)
{
    bool there = !entries;
    for (size_t e = 0; e < json_array_size(entries); e++)
        there |= !strcmp(json_string_value(json_array_get(entries, e)), word);
    return there ? WESS_OK
                 : wess_fail(&call->error, WESS_BROKEN, WESS_OF_HOST, NULL,
                             "%s: the list in Workbooks has no \"%s\"", setting, word);
}

static enum wess_code check_words(struct wess_call *call, const struct wb_kind *k,
                                  const struct wb_words *w, const char *column, const char *setting)
{
    json_t *entries = NULL;
    enum wess_code rc = wb_meta_entries(call, k, column, &entries);
    for (size_t i = 0; rc == WESS_OK && i < w->n; i++)
        rc = check_word(call, entries, w->of[i].theirs, setting);
    json_decref(entries);
    return rc;
}

static enum wess_code check_mail_status(struct wess_call *call)
{
    json_t *entries = NULL;
    enum wess_code rc = wb_meta_entries(call, &wb_email_kind, "status", &entries);
    if (rc == WESS_OK)
        rc = check_word(call, entries, call->conn->mail_status, "mail_status");
    json_decref(entries);
    return rc;
}

static enum wess_code check_values(struct wess_call *call, const struct wb_kind *k)
{
    size_t n;
    const struct wb_field *rows = wb_rows(call->conn, k, &n);
    enum wess_code rc = WESS_OK;
    for (size_t i = k->n_fields; rc == WESS_OK && i < n; i++)
        if (rows[i].words)
            rc = check_words(call, k, rows[i].words, rows[i].column, "picklist_values");
    return rc;
}

enum wess_code wb_meta_check(struct wess_call *call)
{
    struct wess_conn *c = call->conn;
    const struct wess_host *h = c->host;
    enum wess_code rc = WESS_OK;
    if (c->meta_fits)
        return WESS_OK;
    for (size_t k = 0; rc == WESS_OK && k < WB_KINDS; k++) {
        if (!c->meta[k])
            continue;
        rc = check_custom(call, wb_kinds[k]);
        if (rc == WESS_OK)
            rc = check_asked(call, k);
        if (rc == WESS_OK)
            rc = check_values(call, wb_kinds[k]);
        if (c->denied[k])
            c->host->log(c->host->ctx, WESS_LOG_WARN,
                         "workbooks: the database does not permit us to%s%s%s %s",
                         c->denied[k] & WESS_CAP_CREATE ? " create" : "",
                         c->denied[k] & WESS_CAP_UPDATE ? " update" : "",
                         c->denied[k] & WESS_CAP_DELETE ? " delete" : "", wb_kinds[k]->collection);
        tell_missing(c, wb_kinds[k]);
        tell_required(c, wb_kinds[k], c->meta[k]);
    }
    if (c->attachments && c->notes_lack)
        h->log(
            h->ctx, WESS_LOG_WARN,
            "workbooks: notes of this database have no %s, so files stay here: have it given, or "
            "set attachments = false",
            c->notes_lack);
    if (rc == WESS_OK && h->setting(h->ctx, "task_status"))
        rc = check_words(call, &wb_task_kind, &c->statuses, "activity_status", "task_status");
    if (rc == WESS_OK && h->setting(h->ctx, "task_priority"))
        rc = check_words(call, &wb_task_kind, &c->priorities, "activity_priority", "task_priority");
    if (rc == WESS_OK && c->mail_status)
        rc = check_mail_status(call);
    if (rc == WESS_OK)
        wb_meta_fits(call);
    return rc;
}
