/* The Workbooks side: people, organisations, queues (B1 to B9). */
#include "workbooks.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FIRST_PERSON 5001
#define FIRST_ORG 301
#define TEXT_MAX 255

/* B9, Person: what is seen on a person, and can be asked for. */
const char *const wb_column_names[WB_COLUMNS] = {"name",
                                                 "person_first_name",
                                                 "person_middle_name",
                                                 "person_last_name",
                                                 "person_personal_title",
                                                 "person_suffix",
                                                 "person_salutation",
                                                 "person_job_title",
                                                 "person_job_role",
                                                 "website",
                                                 "biography",
                                                 "party_notes",
                                                 "assistant_name",
                                                 "assistant_phone",
                                                 "spouse_name",
                                                 "alternate_names",
                                                 "created_through",
                                                 "created_through_reference",
                                                 "main_location[email]",
                                                 "main_location[alternate_email]",
                                                 "main_location[telephone]",
                                                 "main_location[alternate_telephone]",
                                                 "main_location[mobile]",
                                                 "main_location[fax]",
                                                 "main_location[street_address]",
                                                 "main_location[town]",
                                                 "main_location[county_province_state]",
                                                 "main_location[postcode]",
                                                 "main_location[country]",
                                                 "home_location[email]",
                                                 "home_location[alternate_email]",
                                                 "home_location[telephone]",
                                                 "home_location[alternate_telephone]",
                                                 "home_location[mobile]",
                                                 "home_location[fax]",
                                                 "home_location[street_address]",
                                                 "home_location[town]",
                                                 "home_location[county_province_state]",
                                                 "home_location[postcode]",
                                                 "home_location[country]"};
static const char *const other_columns[] = {"id",
                                            "lock_version",
                                            "object_ref",
                                            "type",
                                            "created_at",
                                            "created_by",
                                            "updated_at",
                                            "updated_by",
                                            "is_deleted",
                                            "_can_read",
                                            "_can_modify",
                                            "_can_delete",
                                            "assigned_to",
                                            "queue_entry[queue_id]",
                                            "employer_link",
                                            "employer_name"};

struct wb_person *wb_people;
size_t wb_n_people;
static size_t cap_people;
struct wb_org *wb_orgs;
size_t wb_n_orgs;
static int64_t next_id = FIRST_PERSON;
bool wb_expired;

int wb_column(const char *name)
{
    for (int i = 0; i < (int)WB_COLUMNS && wb_column_names[i]; i++)
        if (!strcmp(wb_column_names[i], name))
            return i;
    return -1;
}

static bool is_known(const char *name)
{
    for (size_t i = 0; i < sizeof(other_columns) / sizeof(other_columns[0]); i++)
        if (!strcmp(other_columns[i], name))
            return true;
    return wb_column(name) >= 0;
}

/* ---- records
 * --------------------------------------------------------------------------------------------------
 */

struct wb_person *wb_person_by_id(int64_t id)
{
    /* Ids ascend with the place. */
    size_t low = 0, high = wb_n_people;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (wb_people[mid].id == id)
            return &wb_people[mid];
        if (wb_people[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

/* B4: one second of resolution. */
void wb_touch(struct wb_person *p)
{
    p->updated_s = sb_now_ms() / 1000;
}

struct wb_person *wb_new_person(void)
{
    if (wb_n_people == cap_people) {
        cap_people = cap_people ? cap_people * 2 : 256;
        wb_people = realloc(wb_people, cap_people * sizeof(*wb_people));
        if (!wb_people)
            abort();
    }
    struct wb_person *p = &wb_people[wb_n_people++];
    *p = (struct wb_person){.id = next_id++, .queue = UNASSIGNED};
    wb_touch(p);
    p->created_s = p->updated_s;
    return p;
}

static bool same(const char *a, const char *b)
{
    return !strcmp(a ? a : "", b ? b : "");
}

/* Notes are HTML there: plain text given is wrapped, line ends are the service's own. */
static char *rewritten(int column, const char *value)
{
    struct sb_buf b = {0};
    if (strcmp(wb_column_names[column], "party_notes") ||
        strcmp(sb_switch("notes_html", "on"), "on") || !*value)
        return strdup(value);
    if (*value != '<')
        sb_buf_str(&b, "<p>");
    for (const char *s = value; *s; s++) {
        if (*s == '\n')
            sb_buf_str(&b, *value == '<' ? "\r\n" : "<br />\r\n");
        else if (!strncmp(s, "<br>", 4)) {
            sb_buf_str(&b, "<br />\r\n");
            s += 3;
        } else if (*s != '\r')
            sb_buf_add(&b, s, 1);
    }
    if (*value != '<')
        sb_buf_str(&b, "</p>");
    return b.data;
}

bool wb_set_value(struct wb_person *p, int column, const char *value)
{
    char *new = value &&*value ? rewritten(column, value) : NULL;
    bool changed = !same(p->value[column], new);
    free(p->value[column]);
    p->value[column] = new;
    return changed;
}

void wb_set_named(struct wb_person *p, const char *name, const char *value)
{
    int c = wb_column(name);
    if (c >= 0 && value)
        wb_set_value(p, c, value);
}

static struct wb_org *org_by_id(int64_t id)
{
    for (size_t i = 0; i < wb_n_orgs; i++)
        if (wb_orgs[i].id == id)
            return &wb_orgs[i];
    return NULL;
}

int64_t wb_org_named(const char *name, bool make)
{
    for (size_t i = 0; name && i < wb_n_orgs; i++)
        if (!strcmp(wb_orgs[i].name, name))
            return wb_orgs[i].id;
    if (!name || !make)
        return 0;
    wb_orgs = realloc(wb_orgs, (wb_n_orgs + 1) * sizeof(*wb_orgs));
    if (!wb_orgs)
        abort();
    wb_orgs[wb_n_orgs] = (struct wb_org){FIRST_ORG + (int64_t)wb_n_orgs, strdup(name)};
    return wb_orgs[wb_n_orgs++].id;
}

static void stop(void)
{
    for (size_t i = 0; i < wb_n_people; i++)
        for (size_t c = 0; c < WB_COLUMNS; c++)
            free(wb_people[i].value[c]);
    for (size_t i = 0; i < wb_n_orgs; i++)
        free(wb_orgs[i].name);
    free(wb_people);
    free(wb_orgs);
    /* So that it can be started again. */
    wb_people = NULL;
    wb_orgs = NULL;
    wb_n_people = cap_people = wb_n_orgs = 0;
    next_id = FIRST_PERSON;
    wb_expired = false;
}

/* ---- answers in JSON
 * -------------------------------------------------------------------------------------------- */

static json_t *time_json(int64_t seconds, bool epoch)
{
    char text[64];
    time_t t = (time_t)seconds;
    struct tm tm;
    if (epoch) /* B7: _json_output_datetime_format=%s */
        return json_sprintf("%lld", (long long)seconds);
    gmtime_r(&t, &tm);
    strftime(text, sizeof(text), "%a %b %d %H:%M:%S UTC %Y", &tm);
    return json_string(text);
}

json_t *wb_column_json(const struct wb_person *p, const char *name, bool epoch)
{
    int c = wb_column(name);
    const struct wb_org *org = org_by_id(p->employer);
    if (c >= 0)
        return p->value[c] ? json_string(p->value[c]) : json_null();
    if (!strcmp(name, "id"))
        return json_integer(p->id);
    if (!strcmp(name, "lock_version"))
        return json_integer(p->lock);
    if (!strcmp(name, "object_ref"))
        return json_sprintf("PERS-%lld", (long long)p->id);
    if (!strcmp(name, "type"))
        return json_string("Private::Crm::Person");
    if (!strcmp(name, "updated_at"))
        return time_json(p->updated_s, epoch);
    if (!strcmp(name, "created_at"))
        return time_json(p->created_s, epoch);
    if (!strcmp(name, "created_by") || !strcmp(name, "updated_by"))
        return json_integer(41);
    if (!strcmp(name, "is_deleted"))
        return json_boolean(p->deleted);
    if (!strcmp(name, "_can_read"))
        return json_true();
    if (!strcmp(name, "_can_modify") || !strcmp(name, "_can_delete"))
        return json_boolean(!p->locked);
    if (!strcmp(name, "assigned_to") || !strcmp(name, "queue_entry[queue_id]"))
        return json_integer(p->queue);
    if (!strcmp(name, "employer_link"))
        return org ? json_integer(org->id) : json_null();
    return org ? json_string(org->name) : json_null(); /* employer_name */
}

static const char *person_get(const void *record, const char *field, char buf[32])
{
    const struct wb_person *p = record;
    int c = wb_column(field);
    const struct wb_org *org;
    if (c >= 0)
        return p->value[c];
    if (!strcmp(field, "updated_at"))
        snprintf(buf, 32, "%lld", (long long)p->updated_s);
    else if (!strcmp(field, "id"))
        snprintf(buf, 32, "%lld", (long long)p->id);
    else if (!strcmp(field, "is_deleted"))
        snprintf(buf, 32, "%s", p->deleted ? "true" : "false");
    else if (!strcmp(field, "assigned_to") || !strcmp(field, "queue_entry[queue_id]"))
        snprintf(buf, 32, "%lld", (long long)p->queue);
    else if (!strcmp(field, "employer_name"))
        return (org = org_by_id(p->employer)) ? org->name : NULL;
    else if (!strcmp(field, "lock_version"))
        snprintf(buf, 32, "%lld", (long long)p->lock);
    else
        return (const char *)-1;
    return buf;
}

static void put_json(struct sb_response *out, json_t *j, int status)
{
    char *text = json_dumps(j, JSON_COMPACT);
    out->status = status;
    out->type = "application/json; charset=utf-8";
    sb_buf_str(&out->body, text ? text : "{}");
    free(text);
    json_decref(j);
}

static void refuse(struct sb_response *out, int status, const char *reason)
{
    const char *member =
        !strcmp(sb_switch("failure", "reason"), "message") ? "failure_message" : "failure_reason";
    put_json(out, json_pack("{s:b,s:s}", "success", 0, member, reason), status);
}

/* ---- lists
 * --------------------------------------------------------------------------------------------------------
 */

struct listing {
    const char *columns[128];
    size_t n;
    bool epoch, strict, unknown;
    char bad[96];
    char *copies[128];
};
static void want_column(void *ctx, const char *name, const char *value)
{
    struct listing *l = ctx;
    if (!strcmp(name, "_json_output_datetime_format"))
        l->epoch = !strcmp(value, "%s");
    if (!strcmp(name, "_strict_attribute_checking"))
        l->strict = !strcmp(value, "true") || !strcmp(value, "1");
    if (strcmp(name, "_select_columns[]") || l->n == 128)
        return;
    if (!is_known(value)) {
        l->unknown = true;
        snprintf(l->bad, sizeof(l->bad), "%s", value);
        return;
    }
    l->copies[l->n] = strdup(value);
    l->columns[l->n] = l->copies[l->n];
    l->n++;
}

static void listing_free(struct listing *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->copies[i]);
}

static int64_t number_param(const char *body, const char *name, int64_t fallback)
{
    char *text = sb_param(body, name, 0);
    int64_t n = text && *text ? strtoll(text, NULL, 10) : fallback;
    free(text);
    return n;
}

struct sort {
    char *by[4];
    bool down[4];
    size_t n;
};
static struct sort sorting;
static int in_order(const void *a, const void *b)
{
    const struct wb_person *x = *(struct wb_person *const *)a, *y = *(struct wb_person *const *)b;
    for (size_t i = 0; i < sorting.n; i++) {
        char bx[32], by[32];
        const char *s = person_get(x, sorting.by[i], bx), *t = person_get(y, sorting.by[i], by);
        if (s == (const char *)-1 || t == (const char *)-1)
            continue;
        bool number = !strcmp(sorting.by[i], "id") || !strcmp(sorting.by[i], "updated_at");
        int64_t m = number ? strtoll(s, NULL, 10) : 0, n = number ? strtoll(t, NULL, 10) : 0;
        int d = number ? (m < n ? -1 : m > n) : strcmp(s ? s : "", t ? t : "");
        if (d)
            return sorting.down[i] ? -d : d;
    }
    return x->id < y->id ? -1 : x->id > y->id;
}

static void read_sort(const char *body)
{
    for (sorting.n = 0; sorting.n < 4; sorting.n++) {
        sorting.by[sorting.n] = sb_param(body, "_sort[]", sorting.n);
        if (!sorting.by[sorting.n] && !sorting.n)
            sorting.by[0] = sb_param(body, "_sort", 0);
        if (!sorting.by[sorting.n])
            break;
        char *dir = sb_param(body, "_dir[]", sorting.n);
        if (!dir && !sorting.n)
            dir = sb_param(body, "_dir", 0);
        sorting.down[sorting.n] = dir && !strcmp(dir, "DESC");
        free(dir);
    }
}

/* B4: a list hides deleted records unless the filters speak of is_deleted. */
static bool speaks_of_deleted(const struct wb_query *q)
{
    for (size_t i = 0; i < q->n; i++)
        if (q->filters[i].field && !strcmp(q->filters[i].field, "is_deleted"))
            return true;
    return false;
}

static json_t *row_json(const struct wb_person *p, const struct listing *l)
{
    json_t *row = json_object();
    for (size_t i = 0; i < l->n; i++)
        json_object_set_new(row, l->columns[i], wb_column_json(p, l->columns[i], l->epoch));
    if (l->n)
        return row;
    for (size_t i = 0; i < WB_COLUMNS && wb_column_names[i]; i++)
        json_object_set_new(row, wb_column_names[i],
                            wb_column_json(p, wb_column_names[i], l->epoch));
    for (size_t i = 0; i < sizeof(other_columns) / sizeof(other_columns[0]); i++)
        json_object_set_new(row, other_columns[i], wb_column_json(p, other_columns[i], l->epoch));
    return row;
}

static void list_people(const char *body, struct sb_response *out)
{
    static struct wb_query q;
    struct listing l = {.n = 0};
    struct wb_person **hits = calloc(wb_n_people + 1, sizeof(struct wb_person *));
    size_t n = 0;
    int bad = 0;
    char *start_text = sb_param(body, "_start", 0);
    int64_t from = number_param(body, "_start", 0);
    int64_t limit = start_text ? number_param(body, "_limit", 100) : 100; /* B3 */
    int64_t cap = atol(sb_switch("page_cap", "200"));
    free(start_text);
    wb_query_read(&q, body);
    sb_params(body, want_column, &l);
    read_sort(body);
    bool all = speaks_of_deleted(&q);
    for (size_t i = 0; hits && i < wb_n_people && bad >= 0; i++) {
        if (wb_people[i].deleted && !all)
            continue;
        bad = wb_query_match(&q, person_get, &wb_people[i]);
        if (bad > 0)
            hits[n++] = &wb_people[i];
    }
    if (bad < 0 || (l.unknown && l.strict)) {
        put_json(
            out,
            json_pack("{s:b,s:{s:s}}", "success", 0, "errors", "[]", l.unknown ? l.bad : "filter"),
            200);
    } else {
        json_t *rows = json_array();
        if (sorting.n)
            qsort(hits, n, sizeof(*hits), in_order);
        if (limit > cap)
            limit = cap;
        for (size_t i = (size_t)from; i < n && (int64_t)json_array_size(rows) < limit; i++)
            json_array_append_new(rows, row_json(hits[i], &l));
        put_json(out,
                 json_pack("{s:b,s:I,s:o,s:s,s:{}}", "success", 1, "total", (json_int_t)n, "data",
                           rows, "flash", "", "updates"),
                 200);
    }
    for (size_t i = 0; i < sorting.n; i++)
        free(sorting.by[i]);
    wb_query_free(&q);
    listing_free(&l);
    free(hits);
}

static const char *org_get(const void *record, const char *field, char buf[32])
{
    const struct wb_org *o = record;
    if (!strcmp(field, "name"))
        return o->name;
    if (strcmp(field, "id") && strcmp(field, "is_deleted"))
        return (const char *)-1;
    snprintf(buf, 32, "%lld", (long long)(*field == 'i' && field[1] == 'd' ? o->id : 0));
    return buf;
}

/* A list of things that have an id and a name; `one` answers the i-th with its JSON. */
static void list_named(const char *body, size_t n, json_t *(*one)(size_t i, struct wb_org *),
                       struct sb_response *out)
{
    static struct wb_query q;
    json_t *rows = json_array();
    int64_t limit = number_param(body, "_limit", 100), cap = atol(sb_switch("page_cap", "200"));
    wb_query_read(&q, body);
    for (size_t i = 0; i < n; i++) {
        struct wb_org named;
        json_t *row = one(i, &named);
        if (wb_query_match(&q, org_get, &named) > 0 &&
            (int64_t)json_array_size(rows) < (limit < cap ? limit : cap))
            json_array_append(rows, row);
        json_decref(row);
    }
    wb_query_free(&q);
    put_json(
        out,
        json_pack("{s:b,s:i,s:o}", "success", 1, "total", (int)json_array_size(rows), "data", rows),
        200);
}

static json_t *one_org(size_t i, struct wb_org *out)
{
    *out = wb_orgs[i];
    return json_pack("{s:I,s:s}", "id", (json_int_t)out->id, "name", out->name);
}

/* In the order of their ids. */
static json_t *one_queue(size_t i, struct wb_org *out)
{
    *out = (struct wb_org){.id = i ? FIRST_QUEUE + (int)i - 1 : UNASSIGNED};
    out->name = i ? sb_users[i - 1].name : "Unassigned";
    return json_pack("{s:I,s:s,s:s}", "id", (json_int_t)out->id, "name", out->name, "queue_type",
                     i ? "user" : "unassigned");
}

/* ---- changes (B5)
 * ----------------------------------------------------------------------------------------------------
 */

#define RECORDS_MAX 400u
struct column_in { /* one repeated key of the square array */
    char *name;
    char **values;
    size_t n;
};
struct change {
    struct column_in columns[96];
    size_t n;
    bool per_object, strict, filtered, epoch;
};

static void take_change(void *ctx, const char *name, const char *value)
{
    struct change *c = ctx;
    size_t len = strlen(name), i = 0;
    if (!strcmp(name, "_per_object_transactions"))
        c->per_object = !strcmp(value, "true") && !strcmp(sb_switch("per_object", "on"), "on");
    if (!strcmp(name, "_strict_attribute_checking"))
        c->strict = !strcmp(value, "true");
    if (!strcmp(name, "_json_output_datetime_format"))
        c->epoch = !strcmp(value, "%s");
    if (!strcmp(name, "_ff[]"))
        c->filtered = true;
    if (len < 3 || strcmp(name + len - 2, "[]") || (*name == '_' && strncmp(name, "__method", 8)))
        return;
    while (i < c->n &&
           (strlen(c->columns[i].name) != len - 2 || strncmp(c->columns[i].name, name, len - 2)))
        i++;
    if (i == c->n) {
        if (c->n == 96)
            return;
        c->columns[c->n++] =
            (struct column_in){strndup(name, len - 2), calloc(RECORDS_MAX + 1, sizeof(char *)), 0};
    }
    if (c->columns[i].n < RECORDS_MAX)
        c->columns[i].values[c->columns[i].n++] = strdup(value);
}

static void change_free(struct change *c)
{
    for (size_t i = 0; i < c->n; i++) {
        for (size_t k = 0; k < c->columns[i].n; k++)
            free(c->columns[i].values[k]);
        free(c->columns[i].values);
        free(c->columns[i].name);
    }
}

static const struct column_in *column_named(const struct change *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (!strcmp(c->columns[i].name, name))
            return &c->columns[i];
    return NULL;
}

static const char *value_at(const struct change *c, const char *name, size_t i)
{
    const struct column_in *col = column_named(c, name);
    return col && i < col->n ? col->values[i] : NULL;
}

static bool is_no_column(const char *name)
{
    return !strcmp(name, "__method") || !strcmp(name, "id") || !strcmp(name, "lock_version");
}

static json_t *no_errors(void)
{
    return !strcmp(sb_switch("errors", "object"), "array") ? json_array() : json_object();
}

static json_t *info_ok(void)
{
    return json_pack("{s:b,s:o,s:{}}", "success", 1, "errors", no_errors(), "warnings");
}

static json_t *info_bad(const char *field, const char *words)
{
    return json_pack("{s:b,s:{s:s},s:{}}", "success", 0, "errors", field, words, "warnings");
}

/* B6: what is wrong with one record; NULL: nothing. Nothing is changed yet. */
static json_t *wrong_with(const struct change *c, size_t i, struct wb_person *p, const char *method,
                          bool stale)
{
    const char *lock = value_at(c, "lock_version", i);
    bool create = !strcmp(method, "POST");
    if (!create && (!p || p->deleted))
        return json_pack("{s:b,s:{},s:b,s:[{s:s,s:s}]}", "success", 0, "errors", "inaccessible", 1,
                         "message", "title", "inaccessible", "body", "It is not there any more");
    if (!create && (stale || !lock || strtoll(lock, NULL, 10) != p->lock))
        return json_pack("{s:b,s:{},s:[s]}", "success", 0, "errors", "failures",
                         "This record has already been updated elsewhere");
    if (!create && p->locked)
        return info_bad("[]", "you may not modify this record");
    for (size_t k = 0; k < c->n; k++) {
        const char *name = c->columns[k].name, *value = value_at(c, name, i);
        if (is_no_column(name) || !value || !strcmp(value, ":no_value:"))
            continue;
        int col = wb_column(name);
        bool other = !strcmp(name, "employer_link") || !strcmp(name, "assigned_to");
        if (col < 0 && !other && c->strict)
            return info_bad(name, "unknown attribute");
        if (col >= 0 && strcmp(name, "party_notes") && strlen(value) > TEXT_MAX * 4)
            return info_bad(name, "is too long");
        if (!strcmp(name, "employer_link") && *value != ':' && !org_by_id(strtoll(value, NULL, 10)))
            return info_bad(name, "does not exist");
    }
    const char *person = value_at(c, "name", i);
    bool cleared = person && (!*person || !strcmp(person, ":null_value:"));
    if ((create && (!person || cleared || !strcmp(person, ":no_value:"))) || (!create && cleared))
        if (strcmp(method, "DELETE"))
            return info_bad("name", "must be given");
    return NULL;
}

static json_t *carry_out(const struct change *c, size_t i, struct wb_person *p, const char *method)
{
    bool create = !strcmp(method, "POST"), changed = false;
    json_t *row = json_object();
    if (!strcmp(method, "DELETE")) {
        p->deleted = true;
        wb_touch(p);
        json_object_set_new(row, "id", json_integer(p->id));
        json_object_set_new(row, "lock_version", json_integer(p->lock++));
        return row;
    }
    if (create)
        p = wb_new_person();
    for (size_t k = 0; k < c->n; k++) {
        const char *name = c->columns[k].name, *value = value_at(c, name, i);
        int col = wb_column(name);
        if (is_no_column(name) || !value || !strcmp(value, ":no_value:"))
            continue;
        if (!strcmp(value, ":null_value:"))
            value = "";
        bool this = col >= 0 && wb_set_value(p, col, value);
        if (!strcmp(name, "employer_link")) {
            this = p->employer != strtoll(value, NULL, 10);
            p->employer = strtoll(value, NULL, 10);
        } else if (!strcmp(name, "assigned_to")) {
            this = p->queue != strtoll(value, NULL, 10);
            p->queue = strtoll(value, NULL, 10);
        }
        if (this && !create)
            json_object_set_new(row, name, wb_column_json(p, name, c->epoch));
        changed |= this;
    }
    if (create) {
        const struct listing all = {.n = 0, .epoch = c->epoch};
        json_decref(row);
        return row_json(p, &all);
    }
    if (changed) { /* B5: an update that changes nothing does not raise lock_version */
        p->lock++;
        wb_touch(p);
        json_object_set_new(row, "updated_at", time_json(p->updated_s, c->epoch));
    }
    json_object_set_new(row, "id", json_integer(p->id));
    json_object_set_new(row, "lock_version", json_integer(p->lock));
    return row;
}

static void change_people(const struct sb_request *r, struct sb_response *out)
{
    static struct change c;
    int64_t arg = 0;
    enum sb_fault fault = sb_fault_at(r, "workbooks:people:PUT", &arg);
    json_t *rows = json_array(), *infos = json_array();
    bool any_bad = false;
    memset(&c, 0, sizeof(c));
    sb_params(r->body, take_change, &c);
    const struct column_in *methods = column_named(&c, "__method");
    size_t n = methods ? methods->n : 0;
    bool square = n > 0;
    for (size_t i = 0; i < c.n; i++)
        square &= c.columns[i].n == n;
    if (!square || !c.filtered || n > (size_t)atol(sb_switch("batch_cap", "100"))) {
        put_json(out,
                 json_pack("{s:b,s:[s]}", "success", 0, "failures",
                           !square       ? "parameters are not a square array"
                           : !c.filtered ? "a filter is mandatory"
                                         : "too many records in one request"),
                 200);
        json_decref(rows);
        json_decref(infos);
        change_free(&c);
        return;
    }
    json_t *bad[RECORDS_MAX] = {NULL};
    for (size_t i = 0; i < n; i++) {
        const char *id = value_at(&c, "id", i);
        struct wb_person *p = wb_person_by_id(id ? strtoll(id, NULL, 10) : 0);
        bad[i] = fault == SB_FAULT_REFUSE_ITEM && (size_t)arg == i
                     ? info_bad("website", "is not acceptable")
                     : wrong_with(&c, i, p, methods->values[i], fault == SB_FAULT_STALE);
        any_bad |= bad[i] != NULL;
    }
    bool all_or_nothing = !c.per_object;
    for (size_t i = 0; i < n; i++) {
        const char *id = value_at(&c, "id", i);
        struct wb_person *p = wb_person_by_id(id ? strtoll(id, NULL, 10) : 0);
        if (bad[i] || (all_or_nothing && any_bad)) {
            json_array_append_new(rows, json_object());
            json_array_append_new(infos, bad[i] ? bad[i] : info_ok());
        } else {
            json_array_append_new(rows, carry_out(&c, i, p, methods->values[i]));
            json_array_append_new(infos, info_ok());
        }
    }
    bool success = !(all_or_nothing && any_bad);
    put_json(out,
             json_pack("{s:b,s:s,s:{},s:o,s:o,s:o}", "success", (int)success, "flash",
                       success ? "Updated successfully" : "", "updates", "affected_objects", rows,
                       "affected_object_information", infos, "errors", no_errors()),
             200);
    change_free(&c);
}

/* ---- requests
 * -----------------------------------------------------------------------------------------------------------
 */

static void name_request(const struct sb_request *r, char *op, size_t cap)
{
    char *method = sb_param(r->body, "_method", 0);
    const char *slash = strrchr(r->path, '/');
    char what[32];
    snprintf(what, sizeof(what), "%s", slash ? slash + 1 : r->path);
    if (strchr(what, '.'))
        *strchr(what, '.') = 0;
    snprintf(op, cap, "workbooks:%s:%s", what, method ? method : r->method);
    free(method);
}

static bool signed_in(const struct sb_request *r, struct sb_response *out)
{
    char *key = sb_param(r->body, "api_key", 0);
    const char *agent = sb_header(r, "User-Agent");
    bool wrong = sb_fault_at(r, "", NULL) == SB_FAULT_PASSWORD;
    bool ok = key && !strcmp(key, sb_api_key) && !wb_expired && !wrong;
    if (!agent || !*agent) {
        refuse(out, 403, "user_agent_required");
        ok = false;
    } else if (!ok) {
        refuse(out, 401, key ? "unrecognised_name_or_password" : "no_session");
    }
    free(key);
    return ok;
}

static void handle(const struct sb_request *r, struct sb_response *out)
{
    char *method = sb_param(r->body, "_method", 0);
    bool put = method && !strcmp(method, "PUT");
    if (sb_fault_at(r, "", NULL) == SB_FAULT_BUSY) {
        /* B1: greedy clients are delayed by a redirect. */
        out->status = 302;
        sb_buf_fmt(&out->headers, "Location: %s\n", r->path);
        sb_buf_str(&out->body, "");
    } else if (!signed_in(r, out)) {
        /* answered */
    } else if (!strcmp(r->path, "/crm/people.api")) {
        if (put)
            change_people(r, out);
        else
            list_people(r->body, out);
    } else if (!strcmp(r->path, "/crm/organisations.api") && !put) {
        list_named(r->body, wb_n_orgs, one_org, out);
    } else if (!strcmp(r->path, "/crm/person_queues.api") && !put) {
        list_named(r->body, sb_n_users + 1, one_queue, out);
    } else {
        out->status = 404;
        out->type = "text/html";
        sb_buf_str(&out->body,
                   "<html><body>The page you were looking for doesn't exist.</body></html>");
    }
    free(method);
}

const struct sb_server sb_workbooks = {"workbooks",  wb_start,   handle,
                                       name_request, wb_control, stop};
