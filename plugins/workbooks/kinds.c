/* The collections, and what of them these settings let travel. */
#include <string.h>

#include "files.h"
#include "meta.h"

/* Of a report alone: what it does not list is not in it. */
#define REPORTED WESS_CAP_ABSENCE_PROVES
#define CAPS                                                                                       \
    (WESS_CAP_DELTA | WESS_CAP_CREATE | WESS_CAP_UPDATE | WESS_CAP_DELETE | WESS_CAP_CAS_UPDATE |  \
     WESS_CAP_CAS_DELETE | WESS_CAP_STAMP | WESS_CAP_TOMBSTONE_PROVES | WESS_CAP_SILENT |          \
     WESS_CAP_REWRITES | WESS_CAP_REVISIONS_RISE | REPORTED)

const struct wb_kind *const wb_kinds[WB_KINDS] = {
    [WB_PEOPLE] = &wb_person_kind,
    [WB_TASKS] = &wb_task_kind,
    [WB_MEETINGS] = &wb_meeting_kind,
    [WB_EMAILS] = &wb_email_kind,
    [WB_ORGANISATIONS] = &wb_organisation_kind,
};
/* Mail and organisations: created, and left alone. */
#define FILED                                                                                      \
    (WESS_CAP_DELTA | WESS_CAP_CREATE | WESS_CAP_STAMP | WESS_CAP_TOMBSTONE_PROVES |               \
     WESS_CAP_SILENT | WESS_CAP_REWRITES | WESS_CAP_REVISIONS_RISE)
#define MAILS_AT_ONCE 20u

const struct wess_kind_caps wb_caps[WB_KINDS] = {
    [WB_PEOPLE] = {"contact", CAPS},
    [WB_TASKS] = {"task", CAPS},
    [WB_MEETINGS] = {"event", CAPS | WESS_CAP_SINGLES},
    [WB_EMAILS] = {"message", FILED},
    [WB_ORGANISATIONS] = {"contact", FILED | REPORTED}};

const struct wb_kind *wb_kind_of(const struct wess_call *call)
{
    for (size_t i = 0; call->collection && i < WB_KINDS; i++)
        if (!strcmp(wb_kinds[i]->collection, call->collection))
            return wb_kinds[i];
    return &wb_person_kind;
}

uint64_t wb_permitted(const struct wess_conn *c, size_t kind)
{
    bool made = kind != WB_ORGANISATIONS || c->create_organisations;
    return wb_caps[kind].caps & ~c->denied[kind] & ~(uint64_t)REPORTED &
           ~(made ? 0 : (uint64_t)(WESS_CAP_CREATE | WESS_CAP_STAMP));
}

bool wb_holds(const struct wess_conn *c, const struct wb_kind *k, const char *field)
{
    return !k->holds || k->holds(c, field);
}

bool wb_holds_column(const struct wess_conn *c, const struct wb_kind *k, const struct wb_field *w)
{
    return wb_holds(c, k, w->name) && wb_meta_has(c, k, w->column);
}

/* Whether it can be in the schema, and how the database lets it be written. */
static bool is_there(const struct wess_conn *c, const struct wb_kind *k, const char *field,
                     uint32_t *flags)
{
    bool any = false, on_create = false, later = false;
    for (size_t i = 0; i < k->n_fields; i++) {
        const struct wb_field *w = &k->fields[i];
        if (strcmp(w->name, field) || !wb_holds_column(c, k, w))
            continue;
        uint32_t its = w->put ? 0 : wb_meta_flags(c, k, w->column);
        any = true;
        later |= !its;
        on_create |= its == WESS_FIELD_ON_CREATE;
    }
    *flags = !any || later ? 0 : on_create ? WESS_FIELD_ON_CREATE : WESS_FIELD_READ_ONLY;
    return any;
}

/* As the database has it: of a text in one column, which is no HTML. */
static uint32_t length_of(const struct wess_conn *c, const struct wb_kind *k,
                          const struct wess_field_schema *f)
{
    for (size_t i = 0; f->type == WESS_TEXT && i < k->n_fields; i++)
        if (!strcmp(k->fields[i].name, f->name) && !k->fields[i].put && !k->fields[i].html)
            return wb_meta_length(c, k, k->fields[i].column, f->max_len);
    return f->max_len;
}

static bool add_custom(struct wess_call *call, const struct wb_kind *k,
                       struct wess_field_schema *of, size_t *n)
{
    size_t rows;
    const struct wb_field *all = wb_rows(call->conn, k, &rows);
    for (size_t i = k->n_fields; i < rows; i++) {
        char *name = wess_arena_text(call->conn->host, call->arena, all[i].name);
        if (!name)
            return false;
        of[(*n)++] = (struct wess_field_schema){
            .name = name,
            .type = WESS_TEXT,
            .flags = wb_meta_flags(call->conn, k, all[i].column),
            .max_len = wb_meta_length(call->conn, k, all[i].column, WB_TEXT_MAX)};
    }
    return true;
}

static bool fill_schema(struct wess_call *call, const struct wb_kind *k,
                        struct wess_collection *out)
{
    size_t rows;
    uint32_t flags;
    wb_rows(call->conn, k, &rows);
    struct wess_field_schema *of =
        call->conn->host->alloc(call->arena, (k->n_schema + rows + 1) * sizeof(*of));
    if (!of)
        return false;
    for (size_t i = 0; i < k->n_schema; i++) {
        if (!is_there(call->conn, k, k->schema[i].name, &flags))
            continue;
        of[out->n_fields] = k->schema[i];
        of[out->n_fields].flags |= flags;
        of[out->n_fields].max_len = length_of(call->conn, k, &k->schema[i]);
        if (k->adapt && !k->adapt(call, &of[out->n_fields]))
            return false;
        out->n_fields++;
    }
    if (wb_has_files(call->conn, k))
        of[out->n_fields++] = (struct wess_field_schema){.name = WESS_ATTACHED,
                                                         .type = WESS_RECORDS,
                                                         .flags = WESS_FIELD_HIDES,
                                                         .max_n = WB_FILES_MOST};
    out->fields = of;
    return add_custom(call, k, of, &out->n_fields);
}

static const struct wess_field_schema tags[] = {
    {.name = "categories", .type = WESS_SET, .flags = WESS_FIELD_READ_ONLY, .max_n = 1}};

/* Of an endpoint with reports: which records they list, and nothing of these. */
static void reported(const struct wess_conn *c, struct wess_collection *of, size_t *n)
{
    for (size_t i = 0; i < WB_KINDS; i++)
        if (c->reports[i].name)
            of[(*n)++] = (struct wess_collection){.id = wb_kinds[i]->collection,
                                                  .kind = wb_kinds[i]->kind,
                                                  .title = wb_kinds[i]->title,
                                                  .caps = REPORTED,
                                                  .page_max = (uint32_t)c->page,
                                                  .fetch_max = WB_PAGE,
                                                  .write_max = 1,
                                                  .settle_after_ms = WB_SETTLE_MS,
                                                  .fields = tags,
                                                  .n_fields = 1};
}

enum wess_code wb_collections(struct wess_call *call, struct wess_schema *out)
{
    struct wess_collection *of = call->conn->host->alloc(call->arena, WB_KINDS * sizeof(*of));
    if (!of)
        return WESS_TOO_BIG;
    out->of = of;
    if (call->conn->by_reports) {
        reported(call->conn, of, &out->n);
        return WESS_OK;
    }
    for (size_t i = 0; i < WB_KINDS; i++) {
        of[i] = (struct wess_collection){.id = wb_kinds[i]->collection,
                                         .kind = wb_kinds[i]->kind,
                                         .title = wb_kinds[i]->title,
                                         .caps = wb_permitted(call->conn, i),
                                         .page_max = (uint32_t)call->conn->page,
                                         .fetch_max = WB_PAGE,
                                         .write_max = i == WB_EMAILS ? MAILS_AT_ONCE : WB_BATCH,
                                         .settle_after_ms = WB_SETTLE_MS};
        if (!wb_fact_names(call, i, &of[i].facts) || !fill_schema(call, wb_kinds[i], &of[i]))
            return WESS_TOO_BIG;
    }
    out->n = WB_KINDS;
    return WESS_OK;
}
