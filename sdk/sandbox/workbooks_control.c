/* What a person would do in Workbooks by hand, asked for by /control/workbooks/ACTION. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "workbooks.h"

static json_t *whole(const struct wb_record *p)
{
    json_t *fields = json_object();
    for (size_t i = 0; p->of->columns[i]; i++)
        if (p->value[i])
            json_object_set_new(fields, p->of->columns[i], json_string(p->value[i]));
    if (wb_value(p, "rfc822"))
        json_object_set_new(fields, "rfc822_sha256", wb_digest(wb_value(p, "rfc822")));
    if (p->of == &wb_sets[WB_PEOPLE])
        json_object_set_new(fields, "employer_name", wb_column_json(p, "employer_name", true));
    return json_pack("{s:I,s:I,s:b,s:I,s:I,s:o,s:o}", "id", (json_int_t)p->id, "lock_version",
                     (json_int_t)p->lock, "is_deleted", (int)p->deleted, "updated_at",
                     (json_int_t)p->updated_s, "queue", (json_int_t)p->queue,
                     "created_through_reference",
                     wb_column_json(p, "created_through_reference", true), "fields", fields);
}

static void set_param(void *ctx, const char *name, const char *value)
{
    struct wb_record *p = ctx;
    int c = wb_column(p->of, name);
    if (c >= 0)
        wb_set_value(p, c, value);
    if (!strcmp(name, "queue_id"))
        p->queue = strtoll(value, NULL, 10);
    if (!strcmp(name, "employer"))
        p->employer = wb_org_named(value, true);
}

static bool is_listed(const struct wb_record *p, const char *query)
{
    char *email = sb_param(query, "email", 0), *name = sb_param(query, "name", 0);
    char *id = sb_param(query, "id", 0);
    const char *mail = wb_value(p, "main_location[email]"), *n = wb_value(p, "name");
    bool ok = (!email || (mail && !strcasecmp(mail, email))) &&
              (!name || (n && !strcmp(n, name))) && (!id || strtoll(id, NULL, 10) == p->id);
    free(email);
    free(name);
    free(id);
    return ok;
}

bool wb_control(const char *action, const char *query, struct sb_buf *out)
{
    char *id = sb_param(query, "id", 0), *of = sb_param(query, "of", 0);
    struct wb_set *set = wb_set_named(of ? of : "people");
    struct wb_record *p = set ? wb_by_id(set, id ? strtoll(id, NULL, 10) : 0) : NULL;
    json_t *answer = NULL;
    free(id);
    free(of);
    if (!set)
        return false;
    if (!strcmp(action, "list")) {
        json_t *list = json_array();
        for (size_t i = 0; i < set->n; i++)
            if (is_listed(&set->rows[i], query))
                json_array_append_new(list, whole(&set->rows[i]));
        answer = json_pack("{s:o}", set->name, list);
    } else if (!strcmp(action, "organisations")) {
        json_t *list = json_array();
        for (size_t i = 0; i < wb_n_orgs; i++)
            json_array_append_new(list, json_pack("{s:I,s:s}", "id", (json_int_t)wb_orgs[i].id,
                                                  "name", wb_orgs[i].name));
        answer = json_pack("{s:o}", "organisations", list);
    } else if (!strcmp(action, "create")) {
        p = wb_new(set);
        sb_params(query, set_param, p);
        set->settle(p);
        answer = whole(p);
    } else if (!strcmp(action, "organisation")) {
        char *name = sb_param(query, "name", 0);
        answer = json_pack("{s:I}", "id", (json_int_t)wb_org_named(name, true));
        free(name);
    } else if (!strcmp(action, "backup")) {
        wb_backup();
        answer = json_object();
    } else if (!strcmp(action, "restore")) {
        answer = wb_restore() ? json_object() : NULL;
    } else if (!strcmp(action, "sent")) {
        answer = json_pack("{s:i}", "sent", (int)wb_sent);
    } else if (!strcmp(action, "sessions")) {
        answer = json_pack("{s:i,s:i,s:i}", "sessions", (int)wb_sessions(), "logins",
                           (int)wb_logins, "logouts", (int)wb_logouts);
    } else if (!strcmp(action, "drop_sessions")) {
        wb_drop_sessions();
        answer = json_object();
    } else if (!strcmp(action, "expire_key")) {
        char *on = sb_param(query, "on", 0);
        wb_expired = !on || strcmp(on, "0") != 0;
        free(on);
        answer = json_object();
    } else if (p && !strcmp(action, "edit")) {
        sb_params(query, set_param, p);
        set->settle(p);
        p->lock++;
        wb_touch(p);
        answer = whole(p);
    } else if (p && !strcmp(action, "queue")) {
        sb_params(query, set_param, p);
        set->settle(p);
        p->lock++;
        wb_touch(p);
        answer = whole(p);
    } else if (p && (!strcmp(action, "delete") || !strcmp(action, "undelete"))) {
        p->deleted = *action == 'd';
        p->lock++;
        wb_touch(p);
        answer = whole(p);
    } else if (p && !strcmp(action, "lock")) {
        char *on = sb_param(query, "on", 0);
        p->locked = !on || strcmp(on, "0") != 0;
        wb_touch(p);
        p->lock++;
        free(on);
        answer = whole(p);
    }
    if (!answer)
        return false;
    char *text = json_dumps(answer, JSON_COMPACT);
    sb_buf_str(out, text ? text : "{}");
    free(text);
    json_decref(answer);
    return true;
}
