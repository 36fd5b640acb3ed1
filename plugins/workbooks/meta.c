#include "meta.h"

#include <string.h>
#include <strings.h>

#include "files.h"

#define TYPES "metadata/types.api"
#define ENTRIES "picklist_data/Private_PicklistEntry/id/value.api"
#define NAME_MOST 64u /* letters of a name that others are compared with */

static size_t place_of(const struct wb_kind *k)
{
    size_t i = 0;
    while (i < WB_KINDS - 1 && wb_kinds[i] != k)
        i++;
    return i;
}

const json_t *wb_meta_field(const struct wess_conn *c, const struct wb_kind *k, const char *column)
{
    return json_object_get(c->meta[place_of(k)], column);
}

/* Bracketed names are of related records, which are other types. */
bool wb_meta_has(const struct wess_conn *c, const struct wb_kind *k, const char *column)
{
    return strchr(column, '[') || !c->meta_whole[place_of(k)] || wb_meta_field(c, k, column);
}

/* Whether what it lists is all there is: a list that lacks most of what we ask for is of another
 * sort, and taking it at its word would keep whole records at home. */
static bool is_whole(const struct wess_conn *c, const struct wb_kind *k)
{
    size_t asked = 0, there = 0;
    for (size_t i = 0; i < k->n_fields; i++) {
        const char *column = k->fields[i].column;
        bool plain = !strchr(column, '[');
        asked += plain;
        there += plain && wb_meta_field(c, k, column);
    }
    return 2 * there >= asked;
}

uint32_t wb_meta_flags(const struct wess_conn *c, const struct wb_kind *k, const char *column)
{
    const json_t *f = wb_meta_field(c, k, column);
    bool create = !json_is_false(json_object_get(f, "is_createable"));
    bool update = !json_is_false(json_object_get(f, "is_updateable"));
    if (update)
        return 0;
    return create ? WESS_FIELD_ON_CREATE : WESS_FIELD_READ_ONLY;
}

/* Letters to change, add or leave out. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_MOST + 1], n = strlen(a), m = strlen(b);
    if (n > NAME_MOST || m > NAME_MOST)
        return NAME_MOST;
    for (size_t k = 0; k <= m; k++)
        row[k] = k;
    for (size_t i = 1; i <= n; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t k = 1; k <= m; k++) {
            size_t best = corner + (a[i - 1] != b[k - 1]);
            corner = row[k];
            best = row[k] + 1 < best ? row[k] + 1 : best;
            row[k] = row[k - 1] + 1 < best ? row[k - 1] + 1 : best;
        }
    }
    return row[m];
}

const char *wb_meta_nearest(const struct wess_conn *c, const struct wb_kind *k, const char *column)
{
    return wb_nearest_member(c->meta[place_of(k)], column);
}

const char *wb_nearest_member(const json_t *of, const char *wanted)
{
    json_t *all = (json_t *)(uintptr_t)of, *field;
    size_t best = strlen(wanted) / 3 + 1;
    const char *found = NULL, *name;
    json_object_foreach(all, name, field)
    {
        size_t d = distance(name, wanted);
        if (d < best) {
            best = d;
            found = name;
        }
    }
    return found;
}

/* ---- asking
 * ------------------------------------------------------------------------------------------ */

/* What a connection can go on without: this one answer. */
static bool is_bearable(struct wess_call *call, enum wess_code rc)
{
    if (rc == WESS_AUTH || rc == WESS_CANCELLED || rc == WESS_THROTTLED)
        return false;
    call->conn->host->log(call->conn->host->ctx, WESS_LOG_INFO,
                          "workbooks: the database does not describe itself");
    call->error = (struct wess_error){0};
    return true;
}

static enum wess_code ask_types(struct wess_call *call, const char *const *classes, size_t n,
                                const char *const *columns, json_t **answer)
{
    struct form f = {0};
    enum wess_code rc = wb_begin(call, "GET", &f);
    for (size_t i = 0; i < n; i++)
        form_add(&f, "class_names[]", classes[i]);
    for (size_t i = 0; columns[i]; i++)
        form_add(&f, "_select_columns[]", columns[i]);
    if (rc == WESS_OK)
        rc = wb_post(call, TYPES, &f, false, answer);
    form_fini(&f);
    return rc;
}

/* "crm/people" of "crm/people.api"; a slash before it is nothing. */
static bool is_path(const char *of, const char *path)
{
    size_t len = strlen(of) - strlen(".api");
    path += path && *path == '/';
    return strlen(path) == len && !strncmp(path, of, len);
}

static const char *class_of(const json_t *types, const char *of)
{
    for (size_t i = 0; i < json_array_size(types); i++) {
        const json_t *t = json_array_get(types, i);
        const char *path = json_string_value(json_object_get(t, "controller_path"));
        if (path && is_path(of, path))
            return json_string_value(json_object_get(t, "class_name"));
    }
    return NULL;
}

/* By their names; NULL: out of memory, or not what metadata looks like. */
static json_t *by_name(const json_t *fields)
{
    json_t *of = json_object();
    for (size_t i = 0; of && i < json_array_size(fields); i++) {
        json_t *f = json_array_get(fields, i);
        const char *name = json_string_value(json_object_get(f, "name"));
        if (name)
            json_object_set(of, name, f);
    }
    /* Every type has this one (B9): without it the answer is of another shape than we know. */
    if (json_object_get(of, "id") || json_object_get(of, "name"))
        return of;
    json_decref(of);
    return NULL;
}

static void take_fields(struct wess_conn *c, size_t k, const json_t *fields)
{
    c->meta[k] = by_name(fields);
    c->meta_whole[k] = c->meta[k] && is_whole(c, wb_kinds[k]);
}

/* Which names actions have nobody shows; these mean these. */
static const struct {
    const char *name;
    uint64_t permits;
} actions_known[] = {
    {"index", 0},
    {"list", 0},
    {"show", 0},
    {"read", 0},
    {"get", 0},
    {"new", 0},
    {"edit", 0},
    {"create", WESS_CAP_CREATE | WESS_CAP_STAMP},
    {"post", WESS_CAP_CREATE | WESS_CAP_STAMP},
    {"update", WESS_CAP_UPDATE | WESS_CAP_CAS_UPDATE},
    {"put", WESS_CAP_UPDATE | WESS_CAP_CAS_UPDATE},
    {"destroy", WESS_CAP_DELETE | WESS_CAP_CAS_DELETE},
    {"delete", WESS_CAP_DELETE | WESS_CAP_CAS_DELETE},
};
#define ACTIONS_KNOWN (sizeof(actions_known) / sizeof(actions_known[0]))
#define ANY_WRITE                                                                                  \
    (uint64_t)(WESS_CAP_CREATE | WESS_CAP_STAMP | WESS_CAP_UPDATE | WESS_CAP_CAS_UPDATE |          \
               WESS_CAP_DELETE | WESS_CAP_CAS_DELETE)

/* "create", or a thing whose name that is; NULL: neither. */
static const char *action_of(const json_t *one)
{
    return json_string_value(json_is_object(one) ? json_object_get(one, "name") : one);
}

static bool is_action(const char *name, uint64_t *permits)
{
    for (size_t i = 0; name && i < ACTIONS_KNOWN; i++)
        if (!strcasecmp(actions_known[i].name, name)) {
            *permits |= actions_known[i].permits;
            return true;
        }
    return false;
}

/* A list with a name that we do not know may permit by that what we would take for denied: it is
 * tried, and the service has the last word. */
static uint64_t denied_by(const json_t *actions)
{
    uint64_t permits = 0;
    size_t n = json_array_size(actions);
    for (size_t i = 0; i < n; i++)
        if (!is_action(action_of(json_array_get(actions, i)), &permits))
            return 0;
    return n ? ANY_WRITE & ~permits : 0;
}

/* What our notes rest on. A list that lacks the first is of another sort. */
static const char *notes_lack(const json_t *type)
{
    static const char *const columns[] = {"resource_id", "resource_type", "subject", "text",
                                          "created_through_reference"};
    json_t *fields = by_name(json_object_get(type, "fields"));
    const char *lack = NULL;
    const size_t n = json_object_get(fields, columns[0]) ? sizeof(columns) / sizeof(columns[0]) : 0;
    for (size_t i = 1; i < n; i++)
        if (!lack && !json_object_get(fields, columns[i]))
            lack = columns[i];
    json_decref(fields);
    if (!lack && denied_by(json_object_get(type, "actions")) & WESS_CAP_CREATE)
        lack = "right of ours to create them";
    return lack;
}

static void keep_fields(struct wess_conn *c, const json_t *types)
{
    for (size_t i = 0; i < json_array_size(types); i++) {
        const json_t *t = json_array_get(types, i);
        const char *path = json_string_value(json_object_get(t, "controller_path"));
        json_t *fields = json_object_get(t, "fields");
        if (path && is_path(WB_NOTE_PATH, path))
            c->notes_lack = notes_lack(t);
        for (size_t k = 0; path && json_array_size(fields) && k < WB_KINDS; k++)
            if (!c->meta[k] && is_path(wb_kinds[k]->path, path)) {
                take_fields(c, k, fields);
                c->denied[k] = denied_by(json_object_get(t, "actions"));
            }
    }
}

/* ---- all of it
 * ------------------------------------------------------------------------------------------ */

static enum wess_code ask_all(struct wess_call *call, json_t **types)
{
    static const char *const names[] = {"class_name", "controller_path", NULL};
    static const char *const whole[] = {"class_name", "controller_path", "fields", "actions", NULL};
    const char *classes[WB_KINDS + 1];
    json_t *list = NULL;
    size_t n = 0;
    enum wess_code rc = ask_types(call, NULL, 0, names, &list);
    for (size_t k = 0; rc == WESS_OK && k <= WB_KINDS; k++) {
        const char *path = k < WB_KINDS ? wb_kinds[k]->path : WB_NOTE_PATH;
        const char *class = class_of(json_object_get(list, "data"), path);
        if (class)
            classes[n++] = class;
    }
    if (rc == WESS_OK && n)
        rc = ask_types(call, classes, n, whole, types);
    json_decref(list);
    return rc;
}

enum wess_code wb_meta(struct wess_call *call, const char *identity)
{
    struct wess_conn *c = call->conn;
    json_t *answer = NULL, *known = NULL;
    enum wess_code rc = WESS_OK;
    if (c->meta_read)
        return WESS_OK;
    known = wb_meta_recall(call, identity);
    if (!known)
        rc = ask_all(call, &answer);
    const json_t *types = known ? known : json_object_get(answer, "data");
    if (rc == WESS_OK)
        keep_fields(c, types);
    if (rc == WESS_OK && !known && json_array_size(types))
        wb_meta_keep(call, identity, types);
    json_decref(answer);
    json_decref(known);
    c->meta_failed = rc == WESS_TRANSIENT;
    c->meta_read = rc == WESS_OK || is_bearable(call, rc);
    return c->meta_read ? WESS_OK : rc;
}

/* B7: a string has 255 characters, a text at least 64 KB, nobody says which. */
uint32_t wb_meta_length(const struct wess_conn *c, const struct wb_kind *k, const char *column,
                        uint32_t usual)
{
    const char *type = json_string_value(json_object_get(wb_meta_field(c, k, column), "datatype"));
    if (type && !strcmp(type, "string"))
        return WB_TEXT_MAX;
    return type && !strcmp(type, "text") ? 0 : usual;
}

static enum wess_code take_entries(const json_t *rows, json_t **out)
{
    json_t *of = json_array();
    for (size_t i = 0; of && i < json_array_size(rows); i++) {
        json_t *value = json_object_get(json_array_get(rows, i), "value");
        if (json_is_string(value) && json_array_append(of, value) != 0) {
            json_decref(of);
            of = NULL;
        }
    }
    if (of && !json_array_size(of)) { /* an answer of another shape says nothing */
        json_decref(of);
        return WESS_OK;
    }
    *out = of;
    return of ? WESS_OK : WESS_TOO_BIG;
}

enum wess_code wb_meta_entries(struct wess_call *call, const struct wb_kind *k, const char *column,
                               json_t **out)
{
    const json_t *field = wb_meta_field(call->conn, k, column);
    char number[24];
    const char *id = wb_text(json_object_get(field, "picklist"), "picklist_id", number);
    struct form f = {0};
    json_t *answer = NULL;
    *out = NULL;
    if (!id)
        return WESS_OK;
    enum wess_code rc = wb_begin(call, "GET", &f);
    if (rc == WESS_OK) {
        form_add(&f, "picklist_id", id);
        rc = wb_post(call, ENTRIES, &f, false, &answer);
    }
    form_fini(&f);
    if (rc == WESS_OK)
        rc = take_entries(json_object_get(answer, "data"), out);
    json_decref(answer);
    if (rc == WESS_TRANSIENT)
        return rc;
    return rc == WESS_OK || is_bearable(call, rc) ? WESS_OK : rc;
}
