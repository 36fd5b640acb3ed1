/* An item as Exchange takes it: the whole of a new one, the changes of an old one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ews.h"
#include "zone.h"

#define DAY_TIME "T11:59:00Z" /* near noon, so that no zone moves the date */
#define NAME_SIZE 48u         /* "t:" and an element of a table */

static const struct wess_slice none = {"", 0};

const struct wess_field *ews_field_of(const struct wess_item *item, const char *name)
{
    for (size_t i = 0; item && i < item->n_fields; i++)
        if (!strcmp(item->fields[i].name, name))
            return &item->fields[i];
    return NULL;
}

bool ews_is_empty(const struct wess_field *f)
{
    return !f || f->type == WESS_NULL || (f->type == WESS_SET && !f->set.n) ||
           (f->type == WESS_RECORDS && !f->records.n) || (f->type == WESS_BLOB && !f->blob.size) ||
           ((f->type == WESS_TEXT || f->type == WESS_DATE) && !f->str.len);
}

bool ews_finishes(const struct wess_op *op)
{
    return op->what == WESS_UPDATE && (op->flags & WESS_OP_AGAIN);
}

const struct wess_field *ews_will_be(const struct wess_op *op, const char *name)
{
    const struct wess_field *f = ews_field_of(&op->item, name);
    if (!f)
        f = ews_field_of(op->before, name);
    return ews_is_empty(f) ? NULL : f;
}

static struct wess_slice part_of(const struct wess_record *r, const char *part)
{
    for (size_t k = 0; k < r->n; k++)
        if (!strcmp(r->fields[k].name, part) && r->fields[k].type == WESS_TEXT)
            return r->fields[k].str.len ? r->fields[k].str : none;
    return none;
}

/* The text of an entry that is known by its slot; "" when there is none. */
static struct wess_slice entry_value(const struct wess_field *f, const struct ews_field *e)
{
    for (size_t i = 0; f && f->type == WESS_RECORDS && i < f->records.n; i++)
        if (!strcmp(f->records.of[i].key, e->slot))
            return part_of(&f->records.of[i], e->part);
    return none;
}

/* ---- values
 * ------------------------------------------------------------------------------------------ */

static void put_crlf(struct xml_out *x, const char *text, size_t len)
{
    const char *end = text + len;
    while (text < end) {
        const char *lf = memchr(text, '\n', (size_t)(end - text));
        xml_put(x, text, (size_t)((lf ? lf : end) - text));
        if (lf)
            xml_put(x, "\r\n", 2);
        text = lf ? lf + 1 : end;
    }
}

static void put_blob(struct wess_call *call, struct xml_out *x, const struct wess_blob *b)
{
    const struct wess_host *h = call->conn->host;
    struct wess_spool *s = NULL;
    char *text = malloc((size_t)b->size + 1);
    size_t at = 0;
    int64_t n = 0;
    if (!text || h->blob_open(h->ctx, b->digest, &s) != WESS_OK) {
        x->bad = true;
        free(text);
        return;
    }
    while (at < b->size && (n = h->blob_get(s, text + at, (size_t)b->size - at)) > 0)
        at += (size_t)n;
    h->blob_close(s);
    x->bad |= at != b->size;
    put_crlf(x, text, at);
    explicit_bzero(text, at);
    free(text);
}

void ews_open(struct xml_out *x, const char *name)
{
    char full[NAME_SIZE];
    snprintf(full, sizeof(full), "t:%s", name);
    xml_open(x, full);
}

void ews_put_instant(struct xml_out *x, const char *name, int64_t ms)
{
    char text[32] = "";
    time_t s = (time_t)(ms / 1000 - (ms % 1000 < 0));
    struct tm tm;
    if (!gmtime_r(&s, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
        x->bad = true;
    ews_open(x, name);
    xml_put(x, text, strlen(text));
    xml_close(x);
}

/* The midnight with which the date begins where the mailbox's owner lives. */
static void put_date(struct ews_put *p, const struct ews_field *e, const struct wess_field *f)
{
    char local[WESS_LOCAL_SIZE];
    snprintf(local, sizeof(local), "%.10sT00:00:00", (const char *)f->str.data);
    ews_put_instant(p->x, e->element, wess_zone_instant(local, p->call->conn->zone, 0));
}

/* As Exchange names it; what an empty field is there is the first. NULL: it has no such word. */
static const char *their_word(const struct ews_field *e, const struct wess_field *f)
{
    if (ews_is_empty(f))
        return e->words->theirs;
    for (const struct ews_word *w = e->words; w->ours; w++)
        if (f->type == WESS_TEXT && strlen(w->ours) == f->str.len &&
            !memcmp(w->ours, f->str.data, f->str.len))
            return w->theirs;
    return NULL;
}

static void put_text(struct ews_put *p, const struct ews_field *e, const struct wess_field *f)
{
    ews_open(p->x, e->element);
    if (e->form == EWS_BODY)
        xml_put_attr(p->x, "BodyType", "Text");
    if (f->type == WESS_BLOB)
        put_blob(p->call, p->x, &f->blob);
    else
        put_crlf(p->x, f->str.data, f->str.len);
    if (e->form == EWS_DAY)
        xml_put(p->x, DAY_TIME, strlen(DAY_TIME));
    xml_close(p->x);
}

static void put_set(struct ews_put *p, const struct ews_field *e, const struct wess_field *f)
{
    ews_open(p->x, e->element);
    for (size_t i = 0; i < f->set.n; i++)
        xml_element(p->x, "t:String", f->set.of[i]);
    xml_close(p->x);
}

static void put_plain(struct ews_put *p, const struct ews_field *e, const char *text)
{
    ews_open(p->x, e->element);
    xml_put(p->x, text, strlen(text));
    xml_close(p->x);
}

/* false: there is nothing to write. A property with words is never cleared: it has a first word. */
static bool put_value(struct ews_put *p, const struct ews_field *e)
{
    const struct wess_field *f = ews_will_be(p->op, e->name);
    char number[24];
    if (e->put)
        return e->put(p, e);
    if (!f && e->form != EWS_WORD)
        return false;
    switch (e->form) {
    case EWS_LINE:
    case EWS_BODY:
    case EWS_DAY:
        put_text(p, e, f);
        return true;
    case EWS_DATE:
        put_date(p, e, f);
        return true;
    case EWS_SET:
        put_set(p, e, f);
        return true;
    case EWS_WORD:
        put_plain(p, e, their_word(e, f) ? their_word(e, f) : e->words->theirs);
        return true;
    case EWS_NUMBER:
        snprintf(number, sizeof(number), "%lld", (long long)f->num);
        put_plain(p, e, number);
        return true;
    case EWS_MADE:
    case EWS_ENTRY:
    case EWS_TITLE:
        break;
    }
    return false;
}

static void put_extended(struct xml_out *x, void (*path)(struct xml_out *), struct wess_slice text)
{
    xml_open(x, "t:ExtendedProperty");
    path(x);
    xml_open(x, "t:Value");
    xml_put(x, text.data, text.len);
    xml_close(x);
    xml_close(x);
}

static void open_entry(struct xml_out *x, const struct ews_field *e)
{
    xml_open(x, "t:Entry");
    xml_put_attr(x, "Key", e->index);
}

static void put_entry_value(struct xml_out *x, const struct ews_field *e, struct wess_slice v)
{
    if (e->element) {
        ews_open(x, e->element);
        put_crlf(x, v.data, v.len);
        xml_close(x);
    } else {
        xml_put(x, v.data, v.len);
    }
}

static struct wess_slice stamp_text(const struct wess_op *op)
{
    return op->stamp ? (struct wess_slice){op->stamp, strlen(op->stamp)} : none;
}

/* ---- a new item
 * ------------------------------------------------------------------------------------------ */

/* A whole set of a new contact; returns behind it in the table. */
static size_t create_set(struct ews_put *p, size_t i, const struct wess_slice mails[EWS_MAILS])
{
    const struct ews_field *of = p->kind->fields, *first = &of[i];
    const struct wess_field *f = ews_field_of(&p->op->item, first->name);
    const char *open = NULL;
    bool any = false;
    for (; i < p->kind->n_fields && of[i].set && !strcmp(of[i].set, first->set); i++) {
        const struct ews_field *e = &of[i];
        struct wess_slice v = ews_is_mail(e) ? mails[*e->slot - '1'] : entry_value(f, e);
        if (!v.len)
            continue;
        if (!any)
            ews_open(p->x, first->set);
        any = true;
        if (!open || strcmp(open, e->index)) {
            if (open)
                xml_close(p->x);
            open_entry(p->x, e);
            open = e->index;
        }
        put_entry_value(p->x, e, v);
    }
    if (open)
        xml_close(p->x);
    if (any)
        xml_close(p->x);
    return i;
}

/* What follows the properties that every item has. */
static void create_extended(struct ews_put *p)
{
    const struct wess_field *title = ews_will_be(p->op, "name.prefix");
    if (p->op->stamp)
        put_extended(p->x, ews_path_stamp, stamp_text(p->op));
    if (title)
        put_extended(p->x, ews_path_title, title->str);
    if (p->kind->create)
        p->kind->create(p);
}

static bool is_common(const struct ews_field *e)
{
    return e->uri && !strncmp(e->uri, "item:", 5);
}

void ews_put_item(struct wess_call *call, struct xml_out *x, const struct wess_op *op)
{
    const struct ews_slots empty = {0};
    struct ews_put p = {call, x, ews_kind_of(call), op};
    struct wess_slice mails[EWS_MAILS] = {none, none, none};
    bool extended = false;
    /* More than fit were refused before. */
    ews_place_mails(ews_field_of(&op->item, "email"), &empty, mails);
    ews_open(x, p.kind->element);
    for (size_t i = 0; i < p.kind->n_fields;) {
        const struct ews_field *e = &p.kind->fields[i];
        if (!extended && !is_common(e)) {
            create_extended(&p);
            extended = true;
        }
        if (e->set) {
            i = create_set(&p, i, mails);
            continue;
        }
        bool preset = e->form == EWS_WORD && !ews_will_be(op, e->name);
        if (!e->read_only && !preset)
            put_value(&p, e);
        i++;
    }
    xml_close(x);
}

/* ---- changes of an old one
 * ------------------------------------------------------------------------------------------ */

static bool equal(struct wess_slice a, struct wess_slice b)
{
    return a.len == b.len && (!a.len || !memcmp(a.data, b.data, a.len));
}

/* One entry of a set; false: it is as it was. */
static bool update_entry(const struct wess_op *op, const struct ews_slots *slots,
                         const struct wess_slice mails[EWS_MAILS], struct ews_update *u)
{
    const struct ews_field *e = u->at;
    size_t slot = ews_is_mail(e) ? (size_t)(*e->slot - '1') : 0;
    struct wess_slice old =
        ews_is_mail(e) ? slots->mail[slot] : entry_value(ews_field_of(op->before, e->name), e);
    u->text = ews_is_mail(e) ? mails[slot] : entry_value(ews_field_of(&op->item, e->name), e);
    u->set = u->text.len > 0;
    return !equal(u->text, old);
}

static bool is_said(const struct wess_op *op, const struct ews_field *e)
{
    return !e->read_only && !e->on_create &&
           (ews_field_of(&op->item, e->name) || (e->with && ews_field_of(&op->item, e->with)));
}

/* Whether a made property has a value is asked of who makes it. */
static bool has_value(struct wess_call *call, const struct wess_op *op, const struct ews_field *e)
{
    struct xml_out scratch;
    struct ews_put p = {call, &scratch, ews_kind_of(call), op};
    if (!e->put)
        return e->form == EWS_WORD || ews_will_be(op, e->name);
    xml_begin(&scratch);
    bool any = e->put(&p, e);
    xml_fini(&scratch);
    return any;
}

bool ews_updates(struct wess_call *call, const struct wess_op *op, const struct ews_slots *slots,
                 struct ews_update *out, size_t *n)
{
    const struct ews_kind *kind = ews_kind_of(call);
    struct wess_slice mails[EWS_MAILS] = {none, none, none};
    const struct wess_field *mail = ews_field_of(&op->item, "email");
    *n = 0;
    if (mail && !ews_place_mails(mail, slots, mails))
        return false;
    for (size_t k = 0; k < 2 * kind->n_fields; k++) {
        const struct ews_field *e = &kind->fields[k % kind->n_fields];
        struct ews_update u = {.at = e};
        if (!is_said(op, e) || e->early != (k < kind->n_fields))
            continue;
        if (e->set && !update_entry(op, slots, mails, &u))
            continue;
        if (!e->set)
            u.set = has_value(call, op, e);
        /* What is only made of another field that changed is not cleared: a recurrence that no rule
         * can say is no field of the op. */
        if (!u.set && (e->kept || !ews_field_of(&op->item, e->name)))
            continue;
        if (e->form == EWS_TITLE && u.set)
            u.text = ews_will_be(op, e->name)->str;
        out[(*n)++] = u;
    }
    /* Only into an empty slot, never over a foreign value; an empty one takes off what is there. */
    if (op->stamp && slots->stamped != (*op->stamp != 0))
        out[(*n)++] = (struct ews_update){.text = stamp_text(op), .set = *op->stamp != 0};
    /* Of one that is finished it stays until all is there. */
    if (slots->keeps || (slots->kept && !ews_finishes(op)))
        out[(*n)++] =
            (struct ews_update){.text = {slots->keeps, slots->keeps ? strlen(slots->keeps) : 0},
                                .set = slots->keeps != NULL,
                                .kept = true};
    return true;
}

static void put_change(struct ews_put *p, const struct ews_update *u)
{
    struct xml_out *x = p->x;
    ews_open(x, p->kind->element);
    if (!u->at) {
        put_extended(x, u->kept ? ews_path_kept : ews_path_stamp, u->text);
    } else if (u->at->form == EWS_TITLE) {
        put_extended(x, ews_path_title, u->text);
    } else if (u->at->set) {
        ews_open(x, u->at->set);
        open_entry(x, u->at);
        put_entry_value(x, u->at, u->text);
        xml_close(x);
        xml_close(x);
    } else {
        put_value(p, u->at);
    }
    xml_close(x);
}

void ews_put_update(struct wess_call *call, struct xml_out *x, const struct wess_op *op,
                    const struct ews_update *u)
{
    struct ews_put p = {call, x, ews_kind_of(call), op};
    xml_open(x, u->set ? "t:SetItemField" : "t:DeleteItemField");
    if (u->at)
        ews_path(x, u->at);
    else if (u->kept)
        ews_path_kept(x);
    else
        ews_path_stamp(x);
    if (u->set)
        put_change(&p, u);
    xml_close(x);
}
