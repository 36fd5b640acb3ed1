/* Meetings with other people: a write that changes when or where one is, who is asked, or deletes
 * it. The people would hear of it by Outlook; here nobody is told, so a person decides, unless the
 * pair says which it is (with_attendees). */
#include "engine/run.h"

#include <stdio.h>
#include <string.h>

static bool has_people(const struct run *r, const struct content *c)
{
    const struct wess_field *f =
        c && r->pair->kind->people ? content_get(c, r->pair->kind->people) : NULL;
    return f && f->type == WESS_RECORDS && f->records.n;
}

static bool is_told(const struct run *r, enum side s, const char *field)
{
    const struct wess_collection *c = r->side[s].collection;
    for (size_t i = 0; i < c->n_fields; i++)
        if (!strcmp(c->fields[i].name, field))
            return c->fields[i].flags & WESS_FIELD_TELLS;
    return false;
}

bool meeting_tells(const struct run *r, enum side s, const struct content *patch,
                   const struct content *before)
{
    if (!has_people(r, before)) /* asking somebody for the first time is a change of theirs alone */
        return false;
    for (size_t i = 0; patch && i < patch->n; i++)
        if (is_told(r, s, patch->fields[i].name))
            return true;
    return !patch && is_told(r, s, r->pair->kind->people);
}

bool meetings_wait(const struct run *r)
{
    return r->pair->with_attendees == ATTENDEES_HOLD;
}

bool meetings_hold(struct run *r)
{
    static const struct {
        enum op_what what;
        const char *text;
    } kinds[] = {{OP_UPDATE, "meetings whose time, place or people would change"},
                 {OP_DELETE, "meetings that would be deleted"}};
    bool ok = true;
    for (size_t k = 0; ok && k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        char reason[200];
        int64_t n = 0;
        if (ops_meetings(r->db, r->pu.id, kinds[k].what, WHY_MEETING, &n) != STORE_OK)
            return run_store_failed(r);
        if (!n)
            continue;
        snprintf(reason, sizeof(reason),
                 "%lld %s, and the people who are asked would not hear of it (with_attendees)",
                 (long long)n, kinds[k].text);
        struct hold_row row = {.pu = r->pu.id,
                               .n = n,
                               .made_ms = clock_now_ms(),
                               .what = kinds[k].what,
                               .side = RIGHT,
                               .reason = reason};
        if (db_begin(r->db) != STORE_OK)
            return run_store_failed(r);
        hold_make(r->db, &row);
        hold_meetings(r->db, row.id, r->pu.id, kinds[k].what, WHY_MEETING);
        ok = db_commit(r->db) == STORE_OK || run_store_failed(r);
        r->report.held += n;
        r->report.status = status_worse(r->report.status, EXIT_HELD);
    }
    return ok;
}
