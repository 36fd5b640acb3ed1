/* Queues: a record's assigned_to is the number of one, and people know it by its name. The first of
 * them are read with the connection; what else is named by a row is asked for by its number, so
 * that the cost does not grow with the queues there are. */
#include <stdlib.h>
#include <string.h>

#include "wb.h"

#define FIRST_ROWS 200
#define QUEUES_MOST 20000u /* of one family */

static const char *const paths[WB_FAMILIES] = {
    [WB_OF_PEOPLE] = "crm/person_queues.api",
    [WB_OF_ACTIVITIES] = "activity/activity_queues.api",
    [WB_OF_ORGANISATIONS] = "crm/organisation_queues.api",
};
/* B8: what a login calls them in my_queues. */
static const char *const classes[WB_FAMILIES] = {
    [WB_OF_PEOPLE] = "Private::Crm::PersonQueue",
    [WB_OF_ACTIVITIES] = "Private::Activity::ActivityQueue",
    [WB_OF_ORGANISATIONS] = "Private::Crm::OrganisationQueue",
};
static const char *const columns[] = {"id", "name", NULL};

/* `name` NULL: there is none, or none that we may see. */
static bool keep(struct wb_queues *c, const char *id, const char *name)
{
    struct wb_queue *more = realloc(c->of, (c->n + 1) * sizeof(*more));
    if (!more)
        return false;
    c->of = more;
    struct wb_queue *q = &more[c->n++];
    *q = (struct wb_queue){strdup(id), name ? strdup(name) : NULL};
    return q->id && (q->name || !name);
}

static enum wess_code keep_rows(struct wb_queues *c, const json_t *rows)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        char number[24];
        const json_t *row = json_array_get(rows, i);
        const char *id = wb_text(row, "id", number);
        const char *name = json_string_value(json_object_get(row, "name"));
        if (id && name && !keep(c, id, name))
            return WESS_TOO_BIG;
    }
    return WESS_OK;
}

/* FIRST_ROWS of them, behind the last that is known; *n came. */
static enum wess_code read_some(struct wess_call *call, enum wb_family family, size_t *n)
{
    struct wb_queues *c = &call->conn->queues[family];
    struct form f = {0};
    json_t *answer = NULL;
    enum wess_code rc = wb_begin(call, "GET", &f);
    if (rc == WESS_OK) {
        form_add(&f, "_start", "0");
        form_number(&f, "_limit", FIRST_ROWS);
        form_add(&f, "_sort[]", "id"); /* the first stands for the database, see identity() */
        form_add(&f, "_dir[]", "ASC");
        form_add(&f, "_select_columns[]", "id");
        form_add(&f, "_select_columns[]", "name");
        if (c->n) {
            form_add(&f, "_ff[]", "id");
            form_add(&f, "_ft[]", "gt");
            form_add(&f, "_fc[]", c->of[c->n - 1].id);
        }
        rc = wb_post(call, paths[family], &f, false, &answer);
    }
    form_fini(&f);
    json_t *rows = json_object_get(answer, "data");
    *n = json_array_size(rows);
    if (rc == WESS_OK && !json_is_array(rows))
        rc = wess_fail(&call->error, WESS_BROKEN, WESS_OF_HOST, NULL,
                       "Workbooks does not tell its queues");
    if (rc == WESS_OK)
        rc = keep_rows(c, rows);
    c->whole = *n < FIRST_ROWS && *n != WB_PAGE;
    json_decref(answer);
    return rc;
}

bool wb_queues_own(struct wess_conn *c, const json_t *my_queues)
{
    for (size_t f = 0; f < WB_FAMILIES; f++) {
        char number[24];
        const char *id = wb_text(my_queues, classes[f], number);
        size_t len = id ? strlen(id) : 0;
        if (!len || len > 18 || strspn(id, "0123456789") < len || *id == '0')
            continue;
        char *own = strdup(id);
        if (!own)
            return false;
        free(c->queues[f].own);
        c->queues[f].own = own;
    }
    return true;
}

bool wb_is_mine(struct wess_call *call, const char *name)
{
    const char *folded = call->conn->host->fold(call->arena, name);
    return folded && !strcmp(folded, WB_MINE);
}

enum wess_code wb_queues(struct wess_call *call, enum wb_family family)
{
    struct wb_queues *c = family < WB_FAMILIES ? &call->conn->queues[family] : NULL;
    size_t n;
    if (!c || c->read)
        return WESS_OK;
    enum wess_code rc = read_some(call, family, &n);
    c->read = rc == WESS_OK;
    return rc;
}

/* All that there are: for who checks a configuration. */
static enum wess_code read_all(struct wess_call *call, enum wb_family family)
{
    struct wb_queues *c = &call->conn->queues[family];
    enum wess_code rc = wb_queues(call, family);
    size_t n = 1;
    while (rc == WESS_OK && !c->whole && n && c->n < QUEUES_MOST)
        rc = read_some(call, family, &n);
    return rc;
}

/* Told whether or not all queues are known: a queue of that name does not go by it. */
static void tell_no_own(struct wess_call *call)
{
    snprintf(call->error.remote_code, sizeof(call->error.remote_code), "%s", WB_MINE);
    snprintf(call->error.text, sizeof(call->error.text), "%s",
             call->conn->username
                 ? "the login of this user tells no queue of its own; write its name or number"
                 : "it needs a login of the user's own: username and password of each user in "
                   "place of api_key; or write the queue's name or number");
}

enum wess_code wb_values(struct wess_call *call, const char *fact, struct wess_list *out, bool *all)
{
    enum wb_family family = wb_kind_of(call)->family;
    if (family >= WB_FAMILIES || strcmp(fact, "queue") != 0)
        return WESS_OK;
    const struct wb_queues *c = &call->conn->queues[family];
    /* Reading asks for the first of them anyway. */
    enum wess_code rc =
        call->flags & WESS_CALL_PROBE ? read_all(call, family) : wb_queues(call, family);
    if (rc == WESS_OK && !c->own && (!call->conn->username || call->conn->token))
        tell_no_own(call);
    if (rc != WESS_OK || !c->read || !c->whole)
        return wb_told(call, rc);
    const struct wess_host *h = call->conn->host;
    const char **of = h->alloc(call->arena, (2 * c->n + 2) * sizeof(*of));
    bool whole = of != NULL;
    for (size_t i = 0; whole && i < c->n; i++) {
        if (c->of[i].name && !wb_is_mine(call, c->of[i].name))
            whole = (of[out->n++] = wess_arena_text(h, call->arena, c->of[i].name)) != NULL;
        whole = whole && (of[out->n++] = wess_arena_text(h, call->arena, c->of[i].id)) != NULL;
    }
    if (whole && c->own)
        of[out->n++] = WB_MINE;
    out->of = of;
    *all = whole;
    return whole ? WESS_OK : wb_told(call, WESS_TOO_BIG);
}

static bool is_known(const struct wb_queues *c, const char *id)
{
    for (size_t i = 0; i < c->n; i++)
        if (!strcmp(c->of[i].id, id))
            return true;
    return false;
}

/* Each number once that the rows name and nobody has asked for. false: out of memory. */
static bool unknown_ids(struct wess_call *call, const struct wb_queues *c, const json_t *rows,
                        const char **of, size_t *n)
{
    const struct wess_host *h = call->conn->host;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        char number[24];
        const char *id = wb_text(json_array_get(rows, i), "assigned_to", number);
        bool known = !id || !*id || is_known(c, id);
        for (size_t k = 0; k < *n && !known; k++)
            known = !strcmp(of[k], id);
        if (known)
            continue;
        of[*n] = wess_arena_text(h, call->arena, id);
        if (!of[(*n)++])
            return false;
    }
    return true;
}

enum wess_code wb_queues_of(struct wess_call *call, const json_t *rows)
{
    enum wb_family family = wb_kind_of(call)->family;
    struct wb_queues *c = family < WB_FAMILIES ? &call->conn->queues[family] : NULL;
    const struct wess_host *h = call->conn->host;
    size_t n = 0;
    if (!c || c->whole || !json_array_size(rows))
        return WESS_OK;
    const char **ids = h->alloc(call->arena, json_array_size(rows) * sizeof(*ids));
    enum wess_code rc = ids && unknown_ids(call, c, rows, ids, &n) ? WESS_OK : WESS_TOO_BIG;
    for (size_t at = 0; rc == WESS_OK && at < n; at += WB_PAGE / 2) {
        size_t some = n - at < WB_PAGE / 2 ? n - at : WB_PAGE / 2;
        json_t *found = NULL;
        rc = wb_rows_of(call, paths[family], "id", ids + at, some, columns, &found);
        if (rc == WESS_OK)
            rc = keep_rows(c, found);
        json_decref(found);
    }
    for (size_t i = 0; rc == WESS_OK && i < n; i++)
        if (!is_known(c, ids[i]) && !keep(c, ids[i], NULL))
            rc = WESS_TOO_BIG;
    return rc;
}

const char *wb_queue_id(const struct wb_queues *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->of[i].name && !strcmp(c->of[i].name, name))
            return c->of[i].id;
    for (size_t i = 0; i < c->n; i++)
        if (!strcmp(c->of[i].id, name))
            return c->of[i].id;
    return NULL;
}

enum wess_code wb_queue_named(struct wess_call *call, enum wb_family family, const char *name)
{
    struct wb_queues *c = &call->conn->queues[family];
    json_t *rows = NULL;
    if (c->whole || wb_queue_id(c, name))
        return WESS_OK;
    enum wess_code rc = wb_rows_of(call, paths[family], "name", &name, 1, columns, &rows);
    if (rc == WESS_OK)
        rc = keep_rows(c, rows);
    json_decref(rows);
    return rc;
}
