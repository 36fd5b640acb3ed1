/* The stage "report": what a run did or would do; written when it failed as well. */
#include "engine/run.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT_ONCE 200u

int status_worse(int a, int b)
{
    static const int order[] = {EXIT_STATE, EXIT_CREDENTIAL, EXIT_USAGE,  EXIT_UNREACHABLE,
                                EXIT_HELD,  EXIT_WAITS,      EXIT_IN_STEP};
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        if (a == order[i] || b == order[i])
            return order[i];
    return a;
}

/* ---- plans
 * ----------------------------------------------------------------------------------------- */

static const char *labels(struct run *r, struct wess_arena *a, const struct content *c)
{
    const char *out = "";
    for (size_t i = 0; out && i < c->n; i++) {
        const char *element;
        const struct field_def *def = field_find(r->pair->kind, c->fields[i].name, &element);
        out = arena_fmt(a, "%s%s%s", out, *out ? ", " : "", def ? def->label : c->fields[i].name);
    }
    return out;
}

static bool tell(struct run *r, struct wess_arena *a, const struct op_row *op, bool held)
{
    struct content body, before;
    if (!decode_content(a, op->body, &body) || !decode_content(a, op->before, &before))
        return false;
    const struct content *named = op->what == OP_CREATE && !before.n ? &body : &before;
    struct plan_line line = {.pair = r->pair->name,
                             .user = r->user->id,
                             .what = op->what,
                             .side = op->side,
                             .title = content_title(a, named),
                             .detail = op->what == OP_UPDATE ? labels(r, a, &body)
                                                             : reason_sentence(op->reason),
                             .reason = op->reason,
                             .held = held};
    round_plan_line(r, &line);
    return line.title && line.detail;
}

static bool tell_side(struct run *r, enum op_what what, enum side side)
{
    struct wess_arena *a = arena_new(ARENA_BUDGET);
    size_t n = AT_ONCE;
    int64_t after = 0;
    bool ok = a != NULL;
    while (ok && n == AT_ONCE) {
        arena_reset(a);
        struct op_row *ops = arena_alloc(a, AT_ONCE * sizeof(*ops));
        ok = ops && op_next(r->db, a, r->pu.id, what, side, after, ops, AT_ONCE, &n) != STORE_FAIL;
        for (size_t i = 0; ok && i < n; i++) {
            after = ops[i].id;
            ok = tell(r, a, &ops[i], false);
        }
    }
    arena_free(a);
    return ok || run_store_failed(r);
}

static bool tell_asks(struct run *r)
{
    struct ask_row *asks = NULL;
    size_t n = 0;
    if (!round_options(r)->on_ask)
        return true;
    if (asks_list(r->db, r->arena, r->pu.id, true, &asks, &n) == STORE_FAIL)
        return run_store_failed(r);
    for (size_t i = 0; i < n; i++)
        round_ask(r, &asks[i]);
    return true;
}

bool report_plan(struct run *r)
{
    static const enum op_what order[] = {OP_LINK, OP_CREATE, OP_UPDATE, OP_DELETE, OP_END};
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        for (int s = LEFT; s <= RIGHT; s++) {
            int64_t n = 0, released = 0;
            ops_planned(r->db, r->pu.id, order[i], s, false, &n);
            ops_planned(r->db, r->pu.id, order[i], s, true, &released);
            n += released;
            if (order[i] == OP_LINK)
                r->report.linked += n;
            else if (order[i] == OP_CREATE)
                r->report.side[s].created += n;
            else if (order[i] == OP_UPDATE)
                r->report.side[s].updated += n;
            else if (order[i] == OP_DELETE)
                r->report.side[s].deleted += n;
            else
                r->report.side[s].ended += n;
            if (round_options(r)->on_plan && !tell_side(r, order[i], (enum side)s))
                return false;
        }
    return tell_asks(r);
}

/* ---- the row
 * ---------------------------------------------------------------------------------------- */

static json_t *side_json(const struct side_counts *c)
{
    return json_pack("{s:I,s:I,s:I,s:I,s:I}", "read", (json_int_t)c->read, "created",
                     (json_int_t)c->created, "updated", (json_int_t)c->updated, "deleted",
                     (json_int_t)c->deleted, "ended", (json_int_t)c->ended);
}

static char *report_json(const struct run_report *p)
{
    json_t *j = json_pack(
        "{s:s,s:s,s:i,s:s,s:o,s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "pair", p->pair,
        "user", p->user, "status", p->status, "text", p->text, "left", side_json(&p->side[LEFT]),
        "right", side_json(&p->side[RIGHT]), "reconciled", (json_int_t)p->reconciled, "linked",
        (json_int_t)p->linked, "questions", (json_int_t)p->questions, "conflicts",
        (json_int_t)p->conflicts, "parked", (json_int_t)p->parked, "held", (json_int_t)p->held,
        "deferred", (json_int_t)p->deferred, "later", (json_int_t)p->later, "requests",
        (json_int_t)p->requests, "bytes", (json_int_t)p->bytes, "ms", (json_int_t)p->ms);
    char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    json_decref(j);
    return text;
}

static void count_open(struct run *r)
{
    struct ask_row *asks = NULL;
    struct hold_row *holds = NULL;
    size_t n = 0;
    if (asks_list(r->db, r->arena, r->pu.id, true, &asks, &n) == STORE_OK)
        r->report.open_questions = (int64_t)n;
    if (holds_list(r->db, r->arena, r->pu.id, &holds, &n) == STORE_OK)
        for (size_t i = 0; i < n; i++)
            r->report.open_held += !holds[i].released && holds[i].n > 0;
    if (r->pu.id)
        parked_count(r->db, r->pu.id, &r->report.open_parked);
    if (r->report.status != EXIT_STATE)
        run_sound(r, r->arena);
    if (r->report.open_questions || r->report.open_parked)
        r->report.status = status_worse(r->report.status, EXIT_WAITS);
    if (r->report.open_held)
        r->report.status = status_worse(r->report.status, EXIT_HELD);
}

void report_write(struct run *r, int64_t began_ms)
{
    bool failed = r->report.status != EXIT_IN_STEP;
    count_open(r);
    r->report.ms = (uint64_t)(clock_now_ms() - began_ms);
    bool wanted = !r->dry && r->pu.id && (r->id || failed);
    if (wanted && db_begin(r->db) != STORE_OK) {
        run_store_failed(r);
    } else if (wanted) {
        char *text = report_json(&r->report);
        /* It failed before it could begin: `status` must show that all the same. */
        if (!r->id)
            run_begin(r->db, r->pu.id, began_ms, &r->id);
        struct run_row row = {.id = r->id,
                              .pu = r->pu.id,
                              .began_ms = began_ms,
                              .ended_ms = clock_now_ms(),
                              .status = r->report.status,
                              .report = text ? text : "{}"};
        run_end(r->db, &row);
        if (db_commit(r->db) != STORE_OK)
            run_store_failed(r);
        free(text);
    }
    log_line(WESS_LOG_INFO, "pair %s user %s: status %d, %lld created, %lld updated, %lld ended",
             r->pair->name, r->user->id, r->report.status,
             (long long)(r->report.side[LEFT].created + r->report.side[RIGHT].created),
             (long long)(r->report.side[LEFT].updated + r->report.side[RIGHT].updated),
             (long long)(r->report.side[LEFT].ended + r->report.side[RIGHT].ended));
}
