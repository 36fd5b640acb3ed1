/* Writing: batches with an answer per item. Every write is silent, but those of meetings whose
 * people the pair wants told; an update names the revision that it was computed from, and the
 * server refuses a stale one. */
#include <stdlib.h>
#include <string.h>

#include "ews.h"

#define REFUSED_MOST 4u /* single ops refused for their form, none taken: it is not theirs */

/* What one op comes to, once its item was looked at. */
struct task {
    const struct wess_op *op;
    struct wess_result *out;
    struct ews_slots slots;
    struct ews_update *updates;
    size_t n_updates;
    bool *rewrites; /* its changed occurrences are all to be written */
};
/* Ops of one kind that are still to be sent. */
struct writing {
    struct wess_call *call;
    enum wess_what what;
    struct task *of;
    size_t n;
    size_t accepted, refused; /* items taken; ops refused for the form of their request */
};

static const char *id_of(const struct wess_op *op)
{
    return op->item.id ? op->item.id : op->before && op->before->id ? op->before->id : "";
}

static const char *revision_of(const struct wess_op *op)
{
    return op->before && op->before->revision ? op->before->revision : op->item.revision;
}

/* Leaves in the list what is still to be sent. */
static void sieve(struct writing *w)
{
    size_t kept = 0;
    for (size_t k = 0; k < w->n; k++)
        if (w->of[k].out->code == WESS_NOT_TRIED)
            w->of[kept++] = w->of[k];
    w->n = kept;
}

static void told(struct wess_call *call, struct wess_result *r, const struct wess_error *e)
{
    const struct wess_host *h = call->conn->host;
    r->remote_code = wess_arena_text(h, call->arena, e->remote_code);
    r->text = wess_arena_text(h, call->arena, e->text);
}

/* ---- looking before writing
 * ------------------------------------------------------------------------------------------ */

struct looking {
    struct wess_call *call;
    struct task **of;
    size_t n; /* all of them; request i asks for EWS_FETCH from at + i * EWS_FETCH on */
    size_t at;
    bool slots, bodies, people; /* what is asked of them beside the revision */
    struct ews_tally tally[EWS_LANES];
};

static size_t asked_by(const struct looking *l, size_t i)
{
    size_t left = l->n - l->at - i * EWS_FETCH;
    return left < EWS_FETCH ? left : EWS_FETCH;
}

static enum wess_code take_before(void *ctx, size_t i, size_t at, const xmlNode *m,
                                  struct wess_error *e)
{
    struct looking *l = ctx;
    const xmlNode *contact = xml_first(xml_child(m, "Items"));
    const char *now = xml_attr(xml_child(contact, "ItemId"), "ChangeKey");
    if (at >= asked_by(l, i))
        return WESS_OK;
    struct task *t = l->of[l->at + i * EWS_FETCH + at];
    const char *before = revision_of(t->op);
    enum wess_code code = ews_message_item(m, false, e);
    ews_count(&l->tally[i], code, e);
    if (code != WESS_OK) {
        /* An item that cannot be looked at now is not written now. */
        t->out->code = code == WESS_NOT_TRIED ? WESS_TRANSIENT : code;
        told(l->call, t->out, e);
    } else if (!now || !before || strcmp(now, before)) {
        t->out->code = WESS_CONFLICT;
    } else if (l->slots && !ews_slots(l->call, contact, &t->slots)) {
        return wess_fail(e, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "out of memory");
    }
    return WESS_OK;
}

static void end_before(void *ctx, size_t i, struct ews_answer *a)
{
    struct looking *l = ctx;
    ews_judge(&l->tally[i], a);
    ews_each_answered(a, asked_by(l, i));
}

/* The field that is the text of the item, where the op writes it; NULL: it does not. */
static const char *body_written(const struct wess_call *call, const struct wess_op *op)
{
    const struct ews_kind *kind = ews_kind_of(call);
    for (size_t i = 0; op->what == WESS_UPDATE && i < kind->n_fields; i++)
        if (kind->fields[i].form == EWS_BODY && ews_field_of(&op->item, kind->fields[i].name))
            return kind->fields[i].name;
    return NULL;
}

static bool needs_look(const struct writing *w, const struct task *t)
{
    return w->what == WESS_DELETE || (w->call->flags & WESS_CALL_COMPARE) || t->op->stamp ||
           ews_field_of(&t->op->item, "email") || ews_field_of(&t->op->item, "photo") ||
           body_written(w->call, t->op) || ews_kind_of(w->call) == &ews_event_kind;
}

static void ask_before(const struct looking *l, struct xml_out *x, size_t i)
{
    struct wess_call *call = l->call;
    struct task *const *of = l->of + l->at + i * EWS_FETCH;
    ews_begin(call->conn, x, call->conn->impersonate);
    xml_open(x, "m:GetItem");
    if (l->slots) {
        ews_shape_slots(x, ews_kind_of(call), l->bodies, l->people);
    } else {
        xml_open(x, "m:ItemShape");
        xml_element(x, "t:BaseShape", "IdOnly");
        xml_close(x);
    }
    xml_open(x, "m:ItemIds");
    for (size_t k = 0; k < asked_by(l, i); k++)
        ews_item_id(x, id_of(of[k]->op), NULL);
    xml_close(x);
    xml_close(x);
}

/* Requests side by side, from l->at on. */
static enum wess_code look_at_some(struct looking *l)
{
    const struct ews_taker taker = {.ctx = l, .message = take_before, .done = end_before};
    struct xml_out x[EWS_LANES];
    size_t n = (l->n - l->at + EWS_FETCH - 1) / EWS_FETCH;
    if (n > EWS_LANES)
        n = EWS_LANES;
    for (size_t i = 0; i < n; i++) {
        l->tally[i] = (struct ews_tally){0};
        ask_before(l, &x[i], i);
    }
    enum wess_code rc = ews_send(l->call, x, n, false, 0, &taker);
    for (size_t i = 0; i < n; i++)
        xml_fini(&x[i]);
    return rc;
}

/* Deletions: DeleteItem does not look at the ChangeKey, so it is compared just before. Updates of
 * mail addresses: which slot holds what, some of it never shown to anybody, is only known there.
 * Updates of events: whose meeting it is. Of pictures: they are not of the item's own revision. Of
 * texts: what lies within them. */
static enum wess_code look(struct writing *w)
{
    struct wess_call *call = w->call;
    struct looking l = {.call = call, .slots = w->what == WESS_UPDATE};
    enum wess_code rc = WESS_OK;
    l.of = call->conn->host->alloc(call->arena, (w->n + 1) * sizeof(struct task *));
    if (!l.of)
        return WESS_TOO_BIG;
    for (size_t k = 0; k < w->n; k++)
        if (needs_look(w, &w->of[k])) {
            l.bodies |= body_written(call, w->of[k].op) != NULL;
            l.people |= ews_field_of(&w->of[k].op->item, "attendees") != NULL;
            l.of[l.n++] = &w->of[k];
        }
    for (; rc == WESS_OK && l.at < l.n; l.at += EWS_LANES * EWS_FETCH)
        rc = look_at_some(&l);
    sieve(w);
    return rc;
}

/* The live item that bears the op's stamp; one in the folder that is read before any other. */
static const struct wess_item *bearer(const struct wess_page *page, const char *stamp)
{
    const struct wess_item *best = NULL;
    for (size_t i = 0; i < page->n; i++) {
        const struct wess_item *item = &page->changes[i].item;
        for (size_t q = 0; q < item->n_keys && !(item->flags & WESS_ITEM_TRASHED); q++)
            if (!strcmp(item->keys[q].space, "wess") && !strcmp(item->keys[q].id, stamp) &&
                (!best || (best->flags & WESS_ITEM_OUTSIDE)))
                best = item;
    }
    return best;
}

static bool is_again(const struct task *t)
{
    return (t->op->flags & WESS_OP_AGAIN) && t->op->stamp;
}

/* One search: tasks [at, at + n). */
static enum wess_code look_up_some(struct writing *w, struct wess_key *keys, size_t at, size_t n)
{
    struct wess_call *call = w->call;
    struct wess_page page = {0};
    size_t n_keys = 0;
    for (size_t k = at; k < at + n; k++)
        if (is_again(&w->of[k]))
            keys[n_keys++] = (struct wess_key){"wess", w->of[k].op->stamp};
    if (!n_keys)
        return WESS_OK;
    enum wess_code rc = ews_find(call, keys, n_keys, &page);
    if (rc == WESS_OK && !(page.flags & WESS_PAGE_LAST))
        rc = wess_fail(&call->error, WESS_TRANSIENT, WESS_OF_COLLECTION, NULL,
                       "what was created before could not be looked up");
    for (size_t k = at; rc == WESS_OK && k < at + n; k++) {
        struct task *t = &w->of[k];
        const struct wess_item *found = is_again(t) ? bearer(&page, t->op->stamp) : NULL;
        if (found)
            *t->out = (struct wess_result){.code = WESS_OK, .id = found->id, .current = found};
    }
    return rc;
}

/* Creates that may have been carried out are looked up by their stamps first. */
static enum wess_code look_up(struct writing *w)
{
    const struct wess_host *h = w->call->conn->host;
    struct wess_key *keys = h->alloc(w->call->arena, EWS_WRITE * sizeof(*keys));
    enum wess_code rc = keys ? WESS_OK : WESS_TOO_BIG;
    for (size_t at = 0; rc == WESS_OK && at < w->n; at += EWS_WRITE)
        rc = look_up_some(w, keys, at, w->n - at < EWS_WRITE ? w->n - at : EWS_WRITE);
    sieve(w);
    return rc;
}

/* Where it is one whose changed occurrences would be forgotten. */
static enum wess_code rewrite(struct wess_call *call, struct task *t)
{
    if (ews_kind_of(call) != &ews_event_kind || !ews_must_rewrite(t->op, &t->slots))
        return WESS_OK;
    struct wess_op *with_rule = call->conn->host->alloc(call->arena, sizeof(*with_rule));
    if (!with_rule)
        return WESS_TOO_BIG;
    enum wess_code rc = ews_prepare_rewrite(call, t->op, t->out, &t->slots, with_rule);
    if (rc == WESS_OK && t->out->code == WESS_NOT_TRIED) {
        t->op = with_rule;
        *t->rewrites = true;
    }
    return rc;
}

/* Of one that was cut off between two requests no field is written by itself: it was, or somebody
 * has changed it since. */
static bool narrow(struct wess_call *call, struct task *t)
{
    struct wess_op *op = call->conn->host->alloc(call->arena, sizeof(*op));
    if (!op)
        return false;
    *op = *t->op;
    op->item.n_fields = 0;
    t->op = op;
    *t->rewrites = t->slots.kept;
    return true;
}

/* A text is written as plain text: what lies within the one that is there would be shown no more.
 */
static bool keeps_pictures(struct wess_call *call, struct task *t)
{
    const char *field = t->slots.pictures ? body_written(call, t->op) : NULL;
    if (field)
        ews_refuse(call, t->out, field,
                   "there are pictures in its text, which would be lost: change it in Exchange",
                   "pictures");
    return field != NULL;
}

/* A list of people is written whole: who is not shown would be asked no more. */
static bool keeps_people(struct wess_call *call, struct task *t)
{
    bool lost = t->slots.nameless && ews_field_of(&t->op->item, "attendees");
    if (lost)
        ews_refuse(call, t->out, "attendees",
                   "there is somebody in it without a mail address, who would be lost: change it "
                   "in Exchange",
                   "attendees");
    return lost;
}

/* Ops that come to nothing are done; those without room are refused. */
static enum wess_code work_out(struct writing *w)
{
    struct wess_call *call = w->call;
    for (size_t k = 0; k < w->n; k++) {
        struct task *t = &w->of[k];
        if (ews_finishes(t->op) && !narrow(call, t))
            return WESS_TOO_BIG;
        t->updates = call->conn->host->alloc(call->arena, (ews_kind_of(call)->n_fields + 2) *
                                                              sizeof(*t->updates));
        if (!t->updates)
            return WESS_TOO_BIG;
        if (t->slots.foreign && ews_refuses_foreign(call, t->op, t->out))
            continue;
        if (keeps_pictures(call, t) || keeps_people(call, t))
            continue;
        enum wess_code rc = ews_finishes(t->op) ? WESS_OK : rewrite(call, t);
        if (rc != WESS_OK)
            return rc;
        if (t->out->code != WESS_NOT_TRIED)
            continue;
        if (!ews_updates(call, t->op, &t->slots, t->updates, &t->n_updates)) {
            ews_refuse(call, t->out, "email", "Exchange holds three mail addresses", "room");
        } else if (!t->n_updates) {
            t->out->code = WESS_OK;
            t->out->revision = wess_arena_text(call->conn->host, call->arena, revision_of(t->op));
        }
    }
    sieve(w);
    return WESS_OK;
}

/* ---- answers
 * ------------------------------------------------------------------------------------------ */

/* Tasks [at, at + n) of one request. */
struct sent {
    struct writing *w;
    size_t at, n;
    uint64_t bytes; /* roughly */
    bool untried;
    bool tells; /* the people of these meetings, which is said of a whole request */
    enum wess_code code;
    struct wess_error error;
    struct ews_tally tally;
};

/* A field named by the server is refused alone, so that the rest can be sent again. */
static void name_field(struct sent *s, struct task *t, const xmlNode *message,
                       const struct wess_error *e)
{
    struct wess_call *call = s->w->call;
    const char *field = ews_code(e->remote_code)->field;
    const char *at = ews_field_named(call, xml_first(xml_child(message, "MessageXml")));
    if (field && !ews_field_of(&t->op->item, field))
        field = NULL;
    if (at || field)
        ews_refuse(call, t->out, at ? at : field,
                   t->out->text ? t->out->text : "Exchange refuses this value",
                   t->out->remote_code);
}

static enum wess_code take_written(void *ctx, size_t i, size_t at, const xmlNode *m,
                                   struct wess_error *e)
{
    struct sent *s = (struct sent *)ctx + i;
    struct wess_call *call = s->w->call;
    const struct wess_host *h = call->conn->host;
    const xmlNode *id = xml_child(xml_first(xml_child(m, "Items")), "ItemId");
    if (at >= s->n)
        return WESS_OK;
    struct task *t = &s->w->of[s->at + at];
    struct wess_result *r = t->out;
    r->code = ews_message_item(m, true, e);
    ews_count(&s->tally, r->code, e);
    s->w->accepted++; /* whatever it answers, it understood */
    if (r->code != WESS_OK) {
        told(call, r, e);
        if (r->code == WESS_REJECTED)
            name_field(s, t, m, e);
        return WESS_OK;
    }
    const char *name = xml_attr(id, "Id"), *key = xml_attr(id, "ChangeKey");
    if (name && *name && strlen(name) <= WESS_ID_MAX)
        r->id = wess_arena_text(h, call->arena, name);
    if (key && *key && strlen(key) <= WESS_ID_MAX)
        r->revision = wess_arena_text(h, call->arena, key);
    /* Created, and not told what: found by its stamp. */
    if (t->op->what == WESS_CREATE && !r->id)
        *r = (struct wess_result){.code = WESS_UNKNOWN};
    return WESS_OK;
}

static void end_written(void *ctx, size_t i, struct ews_answer *a)
{
    struct sent *s = (struct sent *)ctx + i;
    const char *request = wess_arena_text(s->w->call->conn->host, s->w->call->arena, a->request);
    s->untried = a->untried;
    for (size_t k = s->at; k < s->at + s->n; k++) {
        s->w->of[k].out->request = request;
        if (a->untried)
            s->w->of[k].out->code = WESS_NOT_TRIED;
    }
    ews_judge(&s->tally, a);
    s->code = a->code;
    s->error = a->error;
}

/* ---- requests
 * ------------------------------------------------------------------------------------------ */

static void put_creates(struct sent *s, struct xml_out *x)
{
    struct wess_call *call = s->w->call;
    xml_open(x, "m:CreateItem");
    xml_put_attr(x, "MessageDisposition", "SaveOnly");
    if (ews_kind_of(call) == &ews_event_kind)
        xml_put_attr(x, "SendMeetingInvitations", EWS_HOW(s->tells));
    xml_open(x, "m:SavedItemFolderId");
    xml_open(x, "t:FolderId");
    xml_put_attr(x, "Id", ews_tree_of(call)->top);
    xml_close(x);
    xml_close(x);
    xml_open(x, "m:Items");
    for (size_t k = s->at; k < s->at + s->n; k++)
        ews_put_item(call, x, s->w->of[k].op);
    xml_close(x);
    xml_close(x);
}

static void put_updates(struct sent *s, struct xml_out *x)
{
    struct wess_call *call = s->w->call;
    xml_open(x, "m:UpdateItem");
    xml_put_attr(x, "ConflictResolution", "NeverOverwrite");
    xml_put_attr(x, "MessageDisposition", "SaveOnly");
    xml_put_attr(x, "SendMeetingInvitationsOrCancellations", EWS_HOW(s->tells));
    xml_open(x, "m:ItemChanges");
    for (size_t k = s->at; k < s->at + s->n; k++) {
        const struct task *t = &s->w->of[k];
        xml_open(x, "t:ItemChange");
        ews_item_id(x, id_of(t->op), revision_of(t->op));
        xml_open(x, "t:Updates");
        for (size_t u = 0; u < t->n_updates; u++)
            ews_put_update(call, x, t->op, &t->updates[u]);
        xml_close(x);
        xml_close(x);
    }
    xml_close(x);
    xml_close(x);
}

static void put_deletes(struct sent *s, struct xml_out *x)
{
    xml_open(x, "m:DeleteItem");
    xml_put_attr(x, "DeleteType", "MoveToDeletedItems");
    xml_put_attr(x, "SendMeetingCancellations", EWS_HOW(s->tells));
    xml_put_attr(x, "AffectedTaskOccurrences", "AllOccurrences");
    xml_open(x, "m:ItemIds");
    for (size_t k = s->at; k < s->at + s->n; k++)
        ews_item_id(x, id_of(s->w->of[k].op), revision_of(s->w->of[k].op));
    xml_close(x);
    xml_close(x);
}

static void put_request(struct sent *s, struct xml_out *x)
{
    struct wess_call *call = s->w->call;
    ews_begin(call->conn, x, call->conn->impersonate);
    if (s->w->what == WESS_CREATE)
        put_creates(s, x);
    else if (s->w->what == WESS_UPDATE)
        put_updates(s, x);
    else
        put_deletes(s, x);
}

/* Sends some requests side by side. Each op of one that went out, and was not surely left alone, is
 * UNKNOWN until its answer came. */
static enum wess_code send_wave(struct wess_call *call, struct sent *of, size_t n)
{
    const struct ews_taker taker = {.ctx = of, .message = take_written, .done = end_written};
    struct xml_out x[EWS_LANES];
    for (size_t i = 0; i < n; i++) {
        struct sent *s = &of[i];
        put_request(s, &x[i]);
        s->untried = true; /* until it is on the wire */
        for (size_t k = s->at; k < s->at + s->n; k++)
            s->w->of[k].out->code = WESS_UNKNOWN;
    }
    enum wess_code rc = ews_send(call, x, n, true, 0, &taker);
    for (size_t i = 0; i < n; i++) {
        struct sent *s = &of[i];
        for (size_t k = s->at; s->untried && k < s->at + s->n; k++)
            s->w->of[k].out->code = WESS_NOT_TRIED;
        if (rc != WESS_OK && s->code == WESS_OK && s->untried) { /* it never came to the wire */
            s->code = rc;
            s->error = call->error;
        }
        xml_fini(&x[i]);
    }
    return rc;
}

/* One op alone is refused for its form, or its size. If nothing at all is understood, it is no op's
 * fault, and none is parked for it. */
static enum wess_code refuse_one(struct writing *w, size_t at, enum wess_code rc)
{
    struct wess_call *call = w->call;
    w->of[at].out->code = WESS_REJECTED;
    told(call, w->of[at].out, &call->error);
    if (++w->refused < REFUSED_MOST || w->accepted) {
        call->error = (struct wess_error){0};
        return WESS_OK;
    }
    for (size_t k = 0; k <= at; k++)
        *w->of[k].out = (struct wess_result){.code = WESS_NOT_TRIED};
    return rc;
}

/* Was not taken at all, for its form or its size, and not carried out. */
static bool is_refused(const struct sent *s)
{
    const struct ews_code *c = ews_code(s->error.remote_code);
    bool form = c->code == WESS_BROKEN && c->item == WESS_BROKEN && !c->text;
    return s->code != WESS_OK && s->untried && (s->code == WESS_TOO_BIG || form);
}

/* Such a request is halved down to the op that it is about. */
static enum wess_code send_some(struct writing *w, size_t at, size_t n);
static enum wess_code take_apart(struct writing *w, const struct sent *s)
{
    size_t half = s->n / 2;
    w->call->error = s->error;
    if (s->n == 1)
        return refuse_one(w, s->at, s->code);
    w->call->error = (struct wess_error){0};
    enum wess_code rc = send_some(w, s->at, half);
    return rc == WESS_OK ? send_some(w, s->at + half, s->n - half) : rc;
}

/* What a wave came to: trouble that halves do not cure comes first. `rc`: of all of it. */
static enum wess_code end_wave(struct writing *w, const struct sent *of, size_t n,
                               enum wess_code rc)
{
    const struct sent *first = NULL, *bad = NULL;
    for (size_t i = 0; i < n; i++) {
        if (is_refused(&of[i]) && !first)
            first = &of[i];
        else if (of[i].code != WESS_OK && !is_refused(&of[i]) && !bad)
            bad = &of[i];
    }
    if (!first) /* as ews_send() says it */
        return rc;
    if (bad) {
        w->call->error = bad->error;
        return bad->code;
    }
    rc = WESS_OK;
    for (size_t i = 0; rc == WESS_OK && i < n; i++)
        if (is_refused(&of[i]))
            rc = take_apart(w, &of[i]);
    return rc;
}

static enum wess_code send_some(struct writing *w, size_t at, size_t n)
{
    struct sent s = {.w = w, .at = at, .n = n, .tells = ews_tells(w->call, w->of[at].op)};
    enum wess_code rc = send_wave(w->call, &s, 1);
    return end_wave(w, &s, 1, rc);
}

/* Roughly what an op adds to a request. */
static uint64_t weight(const struct wess_op *op)
{
    uint64_t bytes = 2048;
    for (size_t i = 0; i < op->item.n_fields; i++) {
        const struct wess_field *f = &op->item.fields[i];
        bytes += f->type == WESS_BLOB                           ? f->blob.size / 3 * 4
                 : f->type == WESS_TEXT || f->type == WESS_DATE ? f->str.len
                                                                : 0;
    }
    return bytes;
}

/* The next request, from `at` on. */
static struct sent next_request(struct writing *w, size_t at)
{
    struct sent s = {.w = w, .at = at, .n = 1, .tells = ews_tells(w->call, w->of[at].op)};
    s.bytes = weight(w->of[at].op);
    for (size_t k = at + 1; k < w->n && s.n < EWS_WRITE; k++) {
        uint64_t more = weight(w->of[k].op);
        if (ews_tells(w->call, w->of[k].op) != s.tells || s.bytes + more > EWS_REQUEST_BYTES)
            break;
        s.bytes += more;
        s.n++;
    }
    return s;
}

/* Several requests are on the wire at once, together no larger than one may be. */
static enum wess_code send_all(struct writing *w)
{
    enum wess_code rc = WESS_OK;
    size_t lanes = w->call->lanes && w->call->lanes < EWS_LANES ? w->call->lanes : EWS_LANES;
    for (size_t at = 0; rc == WESS_OK && at < w->n;) {
        struct sent wave[EWS_LANES];
        uint64_t bytes = 0;
        size_t n = 0, first = at;
        while (n < lanes && at < w->n) {
            struct sent s = next_request(w, at);
            if (n && bytes + s.bytes > EWS_REQUEST_BYTES)
                break;
            bytes += s.bytes;
            at += s.n;
            wave[n++] = s;
        }
        if (n == 1) {
            rc = send_some(w, first, wave[0].n);
            continue;
        }
        rc = send_wave(w->call, wave, n);
        rc = end_wave(w, wave, n, rc);
    }
    return rc;
}

/* ---- the slot
 * ------------------------------------------------------------------------------------------ */

/* What is not in the spool was read by an earlier run: the op is merged again. */
static void leave_missing(struct writing *w)
{
    for (size_t k = 0; k < w->n; k++)
        if (!ews_finishes(w->of[k].op) && ews_attachments_missing(w->call, w->of[k].op))
            w->of[k].out->code = WESS_CONFLICT;
    sieve(w);
}

static enum wess_code apply_kind(struct wess_call *call, const struct wess_op *ops, size_t n,
                                 enum wess_what what, bool *rewrites, struct wess_result *out)
{
    struct writing w = {.call = call, .what = what};
    enum wess_code rc = WESS_OK;
    w.of = call->conn->host->alloc(call->arena, (n + 1) * sizeof(*w.of));
    if (!w.of)
        return WESS_TOO_BIG;
    for (size_t i = 0; i < n; i++)
        if (ops[i].what == (uint32_t)what && !ews_refuses(call, &ops[i], &out[i]))
            w.of[w.n++] = (struct task){.op = &ops[i], .out = &out[i], .rewrites = &rewrites[i]};
    if (!w.n)
        return WESS_OK;
    rc = what == WESS_CREATE ? look_up(&w) : look(&w);
    if (rc == WESS_OK && call->conn->attachments && what != WESS_DELETE)
        leave_missing(&w);
    if (rc == WESS_OK && what == WESS_UPDATE)
        rc = work_out(&w);
    return rc == WESS_OK ? send_all(&w) : rc;
}

/* What has requests of its own, once the item is there; one that was there already is completed. An
 * item that did not get all of it is in doubt: taken for written, what is missing there would be a
 * deletion. A series that is to be written anew and was there already is merged again first. */
static enum wess_code write_parts(struct wess_call *call, const struct wess_op *op, bool rewrite,
                                  struct wess_result *out, enum wess_code rc)
{
    bool said = !ews_finishes(op) && ews_field_of(&op->item, "overrides");
    bool overrides = ews_kind_of(call) == &ews_event_kind && (rewrite ? !out->current : said);
    bool files = call->conn->attachments && ews_field_of(&op->item, "attach");
    bool photo = ews_kind_of(call) == &ews_contact_kind && op->what == WESS_UPDATE &&
                 ews_field_of(&op->item, "photo");
    if (!overrides && !files && !photo)
        return rc;
    if (rc == WESS_OK && overrides)
        rc = ews_finishes(op) ? ews_finish_rewrite(call, op, out)
                              : ews_write_occurrences(call, op, rewrite, out);
    if (rc == WESS_OK && files && out->code == WESS_OK)
        rc = ews_write_attachments(call, op, out);
    if (rc == WESS_OK && photo && out->code == WESS_OK)
        rc = ews_write_photo(call, op, out);
    if (rc != WESS_OK)
        out->code = WESS_UNKNOWN;
    return rc;
}

enum wess_code ews_apply(struct wess_call *call, const struct wess_op *ops, size_t n,
                         struct wess_result *out)
{
    static const enum wess_what order[] = {WESS_CREATE, WESS_UPDATE, WESS_DELETE};
    for (size_t i = 0; i < n; i++)
        out[i] = (struct wess_result){.code = WESS_NOT_TRIED}; /* until it is on the wire */
    if (n && ews_kind_of(call)->read_only)
        return wess_fail(&call->error, WESS_BROKEN, WESS_OF_COLLECTION, NULL,
                         "%s are read, and never written", ews_kind_of(call)->title);
    bool *rewrites = call->conn->host->alloc(call->arena, (n + 1) * sizeof(*rewrites));
    if (!rewrites)
        return wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "out of memory");
    memset(rewrites, 0, (n + 1) * sizeof(*rewrites));
    enum wess_code rc = ews_folders(call, false);
    for (size_t k = 0; rc == WESS_OK && k < 3; k++)
        rc = apply_kind(call, ops, n, order[k], rewrites, out);
    for (size_t i = 0; i < n; i++)
        if (ops[i].what != WESS_DELETE && out[i].code == WESS_OK)
            rc = write_parts(call, &ops[i], rewrites[i], &out[i], rc);
    if (rc == WESS_OK)
        ews_list_categories(call, ops, n, out);
    if (rc == WESS_TOO_BIG && !call->error.text[0])
        wess_fail(&call->error, WESS_TOO_BIG, WESS_OF_COLLECTION, NULL, "out of memory");
    return rc;
}
