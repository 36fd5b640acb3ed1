/* Changes (B5, B6): a square array, each record by its lock_version. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workbooks.h"

#define RECORDS_MAX 400u
struct column_in { /* one repeated key of the square array */
    char *name;
    char **values;
    size_t n;
};
struct change {
    const struct wb_set *of;
    struct column_in columns[96];
    size_t n;
    bool per_object, strict, filtered, epoch;
    char application[64]; /* B2: what created_through shows */
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
    if (!strcmp(name, "_application_name"))
        snprintf(c->application, sizeof(c->application), "%s", value);
    if (!strcmp(name, "_ff[]"))
        c->filtered = true;
    if (len < 3 || strcmp(name + len - 2, "[]") || (*name == '_' && strncmp(name, "__method", 8)))
        return;
    /* B12: in one example of the guide the key has no underscores. */
    if (!strcmp(name, "method[]") && !strcmp(sb_switch("method_key", "underscores"), "bare")) {
        name = "__method[]";
        len = strlen(name);
    }
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

static const char *given(const struct change *c, const char *name, size_t i)
{
    const char *value = value_at(c, name, i);
    return value && strcmp(value, ":no_value:") ? value : NULL;
}

/* B7: of a time, its _date and its _datetime only one may be set. */
static bool is_set_twice(const struct change *c, size_t i, const char *base)
{
    static const char *const tails[] = {"", "_date", "_datetime"};
    size_t set = 0;
    for (size_t t = 0; t < sizeof(tails) / sizeof(tails[0]); t++) {
        char name[64];
        snprintf(name, sizeof(name), "%s%s", base, tails[t]);
        set += given(c, name, i) != NULL;
    }
    return set > 1;
}

static json_t *wrong_value(const struct change *c, size_t i, const char *name)
{
    const char *value = given(c, name, i), *words;
    char base[32];
    if (is_no_column(name) || !value)
        return NULL;
    if (wb_column(c->of, name) < 0)
        return c->strict ? info_bad(name, "unknown attribute") : NULL;
    if (wb_activity_twin(name, base) && is_set_twice(c, i, base))
        return info_bad(name, "set only one of the three");
    if (!*value || !strcmp(value, ":null_value:"))
        return NULL;
    words = c->of->refuses(name, value);
    return words ? info_bad(name, words) : NULL;
}

struct new_record {
    const struct change *of;
    size_t i;
};
static const char *given_to(const void *ctx, const char *name)
{
    const struct new_record *r = ctx;
    const char *value = given(r->of, name, r->i);
    return value && *value && strcmp(value, ":null_value:") ? value : NULL;
}

/* B6: what is wrong with one record; NULL: nothing. Nothing is changed yet. */
static json_t *wrong_with(const struct change *c, size_t i, struct wb_record *p, const char *method,
                          bool stale)
{
    const char *lock = value_at(c, "lock_version", i);
    bool create = !strcmp(method, "POST");
    if (!create && (!p || wb_is_gone(p) || p->hidden))
        return json_pack("{s:b,s:{},s:b,s:[{s:s,s:s}]}", "success", 0, "errors", "inaccessible", 1,
                         "message", "title", "inaccessible", "body", "It is not there any more");
    /* What hangs on another record may be refused for that one's lock_version. */
    if (create && stale && (c->of == &wb_sets[WB_NOTES] || c->of == &wb_sets[WB_RESOURCES]))
        return json_pack("{s:b,s:{},s:[s]}", "success", 0, "errors", "failures",
                         "This record has already been updated elsewhere");
    if (!create && (stale || !lock || strtoll(lock, NULL, 10) != p->lock))
        return json_pack("{s:b,s:{},s:[s]}", "success", 0, "errors", "failures",
                         "This record has already been updated elsewhere");
    if (!create && p->locked)
        return info_bad("[]", "you may not modify this record");
    for (size_t k = 0; k < c->n; k++) {
        json_t *bad = wrong_value(c, i, c->columns[k].name);
        if (bad)
            return bad;
    }
    const char *lacks = create ? wb_files_lack(c->of, given_to, &(struct new_record){c, i}) : NULL;
    if (lacks)
        return info_bad("resource_id", lacks);
    if (!c->of->named)
        return NULL;
    const char *person = value_at(c, "name", i);
    bool cleared = person && (!*person || !strcmp(person, ":null_value:"));
    if ((create && (!person || cleared || !strcmp(person, ":no_value:"))) || (!create && cleared))
        if (strcmp(method, "DELETE"))
            return info_bad("name", "must be given");
    return NULL;
}

static json_t *carry_out(struct wb_set *set, const struct change *c, size_t i, struct wb_record *p,
                         const char *method)
{
    bool create = !strcmp(method, "POST"), changed = false;
    json_t *row = json_object();
    if (!strcmp(method, "DELETE")) {
        p->deleted = true;
        wb_touch(p);
        wb_touch_above(p);
        json_object_set_new(row, "id", json_integer(p->id));
        json_object_set_new(row, "lock_version", json_integer(p->lock++));
        return row;
    }
    if (create)
        p = wb_new(set);
    for (size_t k = 0; k < c->n; k++) {
        const char *name = c->columns[k].name, *value = given(c, name, i);
        int col = wb_column(set, name);
        if (is_no_column(name) || !value || col < 0)
            continue;
        bool this = wb_set_value(p, col, strcmp(value, ":null_value:") ? value : "");
        if (this && !create)
            json_object_set_new(row, name, json_null());
        changed |= this;
    }
    set->settle(p);
    if (create || changed)
        wb_touch_above(p);
    if (create) {
        json_decref(row);
        wb_set_named_value(p, "created_through", c->application);
        return wb_row_json(p, NULL, 0, c->epoch);
    }
    if (changed) { /* B5: an update that changes nothing does not raise lock_version */
        const char *name;
        json_t *was;
        p->lock++;
        wb_touch(p);
        json_object_foreach(row, name, was)
            json_object_set_new(row, name, wb_column_json(p, name, c->epoch));
        json_object_set_new(row, "updated_at", wb_time_json(p->updated_s, c->epoch));
    }
    json_object_set_new(row, "id", json_integer(p->id));
    json_object_set_new(row, "lock_version", json_integer(p->lock));
    return row;
}

void wb_change(struct wb_set *set, const struct sb_request *r, struct sb_response *out)
{
    static struct change c;
    int64_t arg = 0;
    char place[48];
    snprintf(place, sizeof(place), "workbooks:%s:PUT", set->name);
    enum sb_fault fault = sb_fault_at(r, place, &arg);
    json_t *rows = json_array(), *infos = json_array();
    bool any_bad = false;
    memset(&c, 0, sizeof(c));
    c.of = set;
    sb_params(r->body, take_change, &c);
    const struct column_in *methods = column_named(&c, "__method");
    size_t n = methods ? methods->n : 0;
    bool square = n > 0;
    bool free_creates = !strcmp(sb_switch("create_filter", "needed"), "free"); /* B12 */
    for (size_t i = 0; i < c.n; i++)
        square &= c.columns[i].n == n;
    for (size_t i = 0; i < n && free_creates; i++)
        c.filtered |= !strcmp(methods->values[i], "POST");
    if (!square || !c.filtered || n > (size_t)atol(sb_switch("batch_cap", "100"))) {
        wb_put_json(out,
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
        struct wb_record *p = wb_by_id(set, id ? strtoll(id, NULL, 10) : 0);
        bad[i] = fault == SB_FAULT_REFUSE_ITEM && (size_t)arg == i
                     ? info_bad(set == wb_sets ? "website" : "description", "is not acceptable")
                     : wrong_with(&c, i, p, methods->values[i], fault == SB_FAULT_STALE);
        any_bad |= bad[i] != NULL;
    }
    bool all_or_nothing = !c.per_object;
    for (size_t i = 0; i < n; i++) {
        const char *id = value_at(&c, "id", i);
        struct wb_record *p = wb_by_id(set, id ? strtoll(id, NULL, 10) : 0);
        if (bad[i] || (all_or_nothing && any_bad)) {
            json_array_append_new(rows, json_object());
            json_array_append_new(infos, bad[i] ? bad[i] : info_ok());
        } else {
            json_array_append_new(rows, carry_out(set, &c, i, p, methods->values[i]));
            json_array_append_new(infos, info_ok());
        }
    }
    bool success = !(all_or_nothing && any_bad);
    wb_put_json(out,
                json_pack("{s:b,s:s,s:{},s:o,s:o,s:o}", "success", (int)success, "flash",
                          success ? "Updated successfully" : "", "updates", "affected_objects",
                          rows, "affected_object_information", infos, "errors", no_errors()),
                200);
    change_free(&c);
}
