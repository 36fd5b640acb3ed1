/* The collections, and what of them these settings let travel. */
#include <string.h>

#include "wb.h"

#define CAPS                                                                                       \
    (WESS_CAP_DELTA | WESS_CAP_CREATE | WESS_CAP_UPDATE | WESS_CAP_DELETE | WESS_CAP_CAS_UPDATE |  \
     WESS_CAP_CAS_DELETE | WESS_CAP_STAMP | WESS_CAP_TOMBSTONE_PROVES | WESS_CAP_SILENT |          \
     WESS_CAP_REWRITES)

const struct wb_kind *const wb_kinds[WB_KINDS] = {
    [WB_PEOPLE] = &wb_person_kind,
    [WB_TASKS] = &wb_task_kind,
    [WB_MEETINGS] = &wb_meeting_kind,
    [WB_EMAILS] = &wb_email_kind,
};
/* Mail is filed: created, and left alone. */
#define FILED                                                                                      \
    (WESS_CAP_DELTA | WESS_CAP_CREATE | WESS_CAP_STAMP | WESS_CAP_TOMBSTONE_PROVES |               \
     WESS_CAP_SILENT | WESS_CAP_REWRITES)
#define MAILS_AT_ONCE 20u

const struct wess_kind_caps wb_caps[WB_KINDS] = {[WB_PEOPLE] = {"contact", CAPS},
                                                 [WB_TASKS] = {"task", CAPS},
                                                 [WB_MEETINGS] = {"event", CAPS},
                                                 [WB_EMAILS] = {"message", FILED}};
static const char *const fact_names[] = {"queue"};

const struct wb_kind *wb_kind_of(const struct wess_call *call)
{
    for (size_t i = 0; call->collection && i < WB_KINDS; i++)
        if (!strcmp(wb_kinds[i]->collection, call->collection))
            return wb_kinds[i];
    return &wb_person_kind;
}

bool wb_holds(const struct wess_conn *c, const struct wb_kind *k, const char *field)
{
    return !k->holds || k->holds(c, field);
}

static bool fill_schema(struct wess_call *call, const struct wb_kind *k,
                        struct wess_collection *out)
{
    struct wess_field_schema *of = call->conn->host->alloc(call->arena, k->n_schema * sizeof(*of));
    if (!of)
        return false;
    for (size_t i = 0; i < k->n_schema; i++) {
        if (!wb_holds(call->conn, k, k->schema[i].name))
            continue;
        of[out->n_fields] = k->schema[i];
        if (k->adapt && !k->adapt(call, &of[out->n_fields]))
            return false;
        out->n_fields++;
    }
    out->fields = of;
    return true;
}

enum wess_code wb_collections(struct wess_call *call, struct wess_schema *out)
{
    struct wess_collection *of = call->conn->host->alloc(call->arena, WB_KINDS * sizeof(*of));
    if (!of)
        return WESS_TOO_BIG;
    for (size_t i = 0; i < WB_KINDS; i++) {
        bool queues = wb_kinds[i]->family != WB_NO_FAMILY;
        of[i] = (struct wess_collection){.id = wb_kinds[i]->collection,
                                         .kind = wb_kinds[i]->kind,
                                         .title = wb_kinds[i]->title,
                                         .caps = wb_caps[i].caps,
                                         .page_max = (uint32_t)call->conn->page,
                                         .fetch_max = WB_PAGE,
                                         .write_max = i == WB_EMAILS ? MAILS_AT_ONCE : WB_BATCH,
                                         .settle_after_ms = WB_SETTLE_MS,
                                         .facts = {queues ? fact_names : NULL, queues}};
        if (!fill_schema(call, wb_kinds[i], &of[i]))
            return WESS_TOO_BIG;
    }
    out->of = of;
    out->n = WB_KINDS;
    return WESS_OK;
}
