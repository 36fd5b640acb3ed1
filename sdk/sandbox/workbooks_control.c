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
    json_t *file = p->of == &wb_sets[WB_UPLOADS] ? wb_file_told(p) : NULL;
    if (file)
        json_object_set_new(fields, "file", file);
    return json_pack("{s:I,s:I,s:b,s:I,s:I,s:o,s:o}", "id", (json_int_t)p->id, "lock_version",
                     (json_int_t)p->lock, "is_deleted", (int)wb_is_gone(p), "updated_at",
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

/* ---- what can be asked for
 * ------------------------------------------------------------------------------------------ */

struct asked {
    const char *query;
    struct wb_set *set;
    struct wb_record *p; /* the one that "id" names; NULL: none */
};

static bool is_on(const char *query)
{
    char *on = sb_param(query, "on", 0);
    bool is = !on || strcmp(on, "0") != 0;
    free(on);
    return is;
}

static json_t *list(const struct asked *q)
{
    json_t *of = json_array();
    for (size_t i = 0; i < q->set->n; i++)
        if (is_listed(&q->set->rows[i], q->query))
            json_array_append_new(of, whole(&q->set->rows[i]));
    return json_pack("{s:o}", q->set->name, of);
}

static json_t *organisations(const struct asked *q)
{
    json_t *of = json_array();
    (void)q;
    const struct wb_set *s = &wb_sets[WB_ORGANISATIONS];
    for (size_t i = 0; i < s->n; i++)
        if (!s->rows[i].deleted)
            json_array_append_new(of, json_pack("{s:I,s:s}", "id", (json_int_t)s->rows[i].id,
                                                "name", wb_value(&s->rows[i], "name")));
    return json_pack("{s:o}", "organisations", of);
}

static json_t *organisation(const struct asked *q)
{
    char *name = sb_param(q->query, "name", 0);
    json_t *out = json_pack("{s:I}", "id", (json_int_t)wb_org_named(name, true));
    free(name);
    return out;
}

static json_t *create(const struct asked *q)
{
    struct wb_record *p = wb_new(q->set);
    sb_params(q->query, set_param, p);
    q->set->settle(p);
    return whole(p);
}

static json_t *report(const struct asked *q)
{
    return wb_report_told(q->query);
}

static json_t *backup(const struct asked *q)
{
    (void)q;
    wb_backup();
    return json_object();
}

static json_t *restore(const struct asked *q)
{
    (void)q;
    return wb_restore() ? json_object() : NULL;
}

static json_t *sent(const struct asked *q)
{
    (void)q;
    return json_pack("{s:i}", "sent", (int)wb_sent);
}

static json_t *sessions(const struct asked *q)
{
    (void)q;
    return json_pack("{s:i,s:i,s:i}", "sessions", (int)wb_sessions(), "logins", (int)wb_logins,
                     "logouts", (int)wb_logouts);
}

static json_t *drop_sessions(const struct asked *q)
{
    (void)q;
    wb_drop_sessions();
    return json_object();
}

static json_t *expire_key(const struct asked *q)
{
    wb_expired = is_on(q->query);
    return json_object();
}

static json_t *touched(struct wb_record *p)
{
    p->lock++;
    wb_touch(p);
    wb_touch_above(p);
    return whole(p);
}

static json_t *edit(const struct asked *q)
{
    sb_params(q->query, set_param, q->p);
    q->set->settle(q->p);
    return touched(q->p);
}

static json_t *delete_(const struct asked *q)
{
    q->p->deleted = true;
    return touched(q->p);
}

/* K8: at once, and nothing tells of it. */
static json_t *purge(const struct asked *q)
{
    struct wb_set *s = q->set;
    size_t at = (size_t)(q->p - s->rows);
    for (size_t c = 0; c < WB_COLUMNS; c++)
        free(q->p->value[c]);
    memmove(q->p, q->p + 1, (s->n - at - 1) * sizeof(*q->p));
    s->n--;
    return json_object();
}

static json_t *undelete(const struct asked *q)
{
    q->p->deleted = false;
    return touched(q->p);
}

static json_t *lock(const struct asked *q)
{
    q->p->locked = is_on(q->query);
    return touched(q->p);
}

/* B4: rights are taken away or given back, which is no change of the record. */
static json_t *hide(const struct asked *q)
{
    q->p->hidden = is_on(q->query);
    return whole(q->p);
}

static json_t *attach(const struct asked *q)
{
    return wb_attach(q->p, q->query) ? whole(q->p) : NULL;
}

static json_t *my_queues(const struct asked *q)
{
    wb_no_my_queues = !is_on(q->query);
    return json_object();
}

static json_t *name_queue(const struct asked *q)
{
    char *id = sb_param(q->query, "id", 0), *name = sb_param(q->query, "name", 0);
    wb_renamed.id = id && name ? strtoll(id, NULL, 10) : 0;
    snprintf(wb_renamed.name, sizeof(wb_renamed.name), "%s", name ? name : "");
    free(id);
    free(name);
    return json_object();
}

static const struct {
    const char *name;
    bool of_one; /* of the one that "id" names */
    json_t *(*act)(const struct asked *);
} actions[] = {
    {"list", false, list},
    {"organisations", false, organisations},
    {"create", false, create},
    {"organisation", false, organisation},
    {"backup", false, backup},
    {"restore", false, restore},
    {"sent", false, sent},
    {"sessions", false, sessions},
    {"edit", true, edit},
    {"drop_sessions", false, drop_sessions},
    {"queue", true, edit},
    {"expire_key", false, expire_key},
    {"delete", true, delete_},
    {"undelete", true, undelete},
    {"lock", true, lock},
    {"purge", true, purge},
    {"hide", true, hide},
    {"report", false, report},
    {"attach", true, attach},
    {"my_queues", false, my_queues},
    {"name_queue", false, name_queue},
};

static json_t *answer_to(const char *action, const struct asked *q)
{
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
        if (!strcmp(actions[i].name, action))
            return actions[i].of_one && !q->p ? NULL : actions[i].act(q);
    return NULL;
}

bool wb_control(const char *action, const char *query, struct sb_buf *out)
{
    char *id = sb_param(query, "id", 0), *of = sb_param(query, "of", 0);
    struct asked q = {.query = query, .set = wb_set_named(of ? of : "people")};
    q.p = q.set ? wb_by_id(q.set, id ? strtoll(id, NULL, 10) : 0) : NULL;
    free(id);
    free(of);
    json_t *answer = q.set ? answer_to(action, &q) : NULL;
    if (!answer)
        return false;
    char *text = json_dumps(answer, JSON_COMPACT);
    sb_buf_str(out, text ? text : "{}");
    free(text);
    json_decref(answer);
    return true;
}
