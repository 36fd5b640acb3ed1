/* A contact as Exchange takes it: the whole of a new one, the changes of an old one. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ews.h"

#define UNITS_MAX 255u               /* UTF-16 units of a line; of a street four times that */
#define NOTE_MAX ((uint64_t)4 << 20) /* what can be read back in one piece */
#define DATE_TIME "T11:59:00Z"       /* near noon, so that no zone moves the date */
#define OLDEST_YEAR "1601"           /* the store's calendar begins there */
#define NAME_SIZE 48u                /* "t:" and an element of the table */

const struct wess_field *ews_field_of(const struct wess_item *item, const char *name)
{
    for (size_t i = 0; item && i < item->n_fields; i++)
        if (!strcmp(item->fields[i].name, name))
            return &item->fields[i];
    return NULL;
}

static const struct wess_slice none = {"", 0};

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

/* ---- mail addresses: three slots, of which some may hold what we do not see
 * ------------------------------------------------------------------------------------------ */

static int64_t pref_of(const struct wess_record *r)
{
    for (size_t k = 0; k < r->n; k++)
        if (!strcmp(r->fields[k].name, "pref") && r->fields[k].type == WESS_INT)
            return r->fields[k].num;
    return INT64_MAX;
}

/* The wanted addresses by their order; false: more than there are slots. */
static bool in_order(const struct wess_field *want, struct wess_slice out[EWS_MAILS], size_t *n)
{
    int64_t at[EWS_MAILS];
    *n = 0;
    for (size_t i = 0; want && want->type == WESS_RECORDS && i < want->records.n; i++) {
        const struct wess_record *r = &want->records.of[i];
        struct wess_slice value = part_of(r, "value");
        size_t k = *n;
        if (!value.len)
            continue;
        if (k == EWS_MAILS)
            return false;
        for (; k && at[k - 1] > pref_of(r); k--) {
            at[k] = at[k - 1];
            out[k] = out[k - 1];
        }
        at[k] = pref_of(r);
        out[k] = value;
        ++*n;
    }
    return true;
}

/* An address is the same however it is written: what stands there is left as it stands. */
static bool same_mail(struct wess_slice a, struct wess_slice b)
{
    return a.len == b.len && (!a.len || !strncasecmp(a.data, b.data, a.len));
}

bool ews_place_mails(const struct wess_field *want, const struct ews_slots *now,
                     struct wess_slice out[EWS_MAILS])
{
    struct wess_slice order[EWS_MAILS] = {none, none, none};
    unsigned best = 0, least = EWS_MAILS + 1;
    size_t n;
    if (!in_order(want, order, &n))
        return false;
    for (unsigned mask = 0; mask < 1u << EWS_MAILS; mask++) {
        unsigned changes = 0;
        size_t next = 0;
        bool fits = true;
        for (size_t s = 0; s < EWS_MAILS; s++) {
            bool used = mask >> s & 1u;
            struct wess_slice v = used && next < n ? order[next] : none;
            fits &= !used || (next < n && !now->held[s]);
            next += used;
            changes += !now->held[s] && !same_mail(v, now->mail[s]);
        }
        if (fits && next == n && changes < least) {
            least = changes;
            best = mask;
        }
    }
    for (size_t s = 0, next = 0; s < EWS_MAILS; s++) {
        out[s] = now->held[s] ? now->mail[s] : best >> s & 1u ? order[next++] : none;
        if (same_mail(out[s], now->mail[s]) && now->mail[s].len)
            out[s] = now->mail[s];
    }
    return least <= EWS_MAILS;
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

static void open_named(struct xml_out *x, const char *name)
{
    char full[NAME_SIZE];
    snprintf(full, sizeof(full), "t:%s", name);
    xml_open(x, full);
}

static void put_scalar(struct wess_call *call, struct xml_out *x, const struct ews_field *e,
                       const struct wess_field *f)
{
    open_named(x, e->element);
    if (!strcmp(e->element, "Body"))
        xml_put_attr(x, "BodyType", "Text");
    if (f->type == WESS_SET)
        for (size_t i = 0; i < f->set.n; i++)
            xml_element(x, "t:String", f->set.of[i]);
    else if (f->type == WESS_BLOB)
        put_blob(call, x, &f->blob);
    else
        put_crlf(x, f->str.data, f->str.len);
    if (f->type == WESS_DATE)
        xml_put(x, DATE_TIME, strlen(DATE_TIME));
    xml_close(x);
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
        open_named(x, e->element);
        put_crlf(x, v.data, v.len);
        xml_close(x);
    } else {
        xml_put(x, v.data, v.len);
    }
}

static bool is_empty(const struct wess_field *f)
{
    return !f || f->type == WESS_NULL || (f->type == WESS_SET && !f->set.n) ||
           ((f->type == WESS_TEXT || f->type == WESS_DATE) && !f->str.len);
}

static struct wess_slice stamp_text(const struct wess_op *op)
{
    return op->stamp ? (struct wess_slice){op->stamp, strlen(op->stamp)} : none;
}

/* ---- a new contact
 * ------------------------------------------------------------------------------------------ */

/* A whole set of a new contact; returns behind it in the table. */
static size_t create_set(struct xml_out *x, const struct wess_op *op, size_t i,
                         const struct wess_slice mails[EWS_MAILS])
{
    const struct ews_field *first = &ews_fields[i];
    const struct wess_field *f = ews_field_of(&op->item, first->name);
    const char *open = NULL;
    bool any = false;
    for (; i < ews_n_fields && ews_fields[i].set && !strcmp(ews_fields[i].set, first->set); i++) {
        const struct ews_field *e = &ews_fields[i];
        struct wess_slice v = ews_is_mail(e) ? mails[*e->slot - '1'] : entry_value(f, e);
        if (!v.len)
            continue;
        if (!any)
            open_named(x, first->set);
        any = true;
        if (!open || strcmp(open, e->index)) {
            if (open)
                xml_close(x);
            open_entry(x, e);
            open = e->index;
        }
        put_entry_value(x, e, v);
    }
    if (open)
        xml_close(x);
    if (any)
        xml_close(x);
    return i;
}

/* What Outlook lists it by. With a rule the server keeps it in step with the names. */
static void put_file_as(struct xml_out *x, const struct wess_op *op)
{
    const struct wess_field *fn = ews_field_of(&op->item, "fn");
    if (!is_empty(ews_field_of(&op->item, "name.given")) ||
        !is_empty(ews_field_of(&op->item, "name.family"))) {
        xml_element(x, "t:FileAsMapping", "LastCommaFirst");
    } else if (!is_empty(fn)) {
        xml_open(x, "t:FileAs");
        xml_put(x, fn->str.data, fn->str.len);
        xml_close(x);
    } else if (!is_empty(ews_field_of(&op->item, "org"))) {
        xml_element(x, "t:FileAsMapping", "Company");
    }
}

void ews_put_contact(struct wess_call *call, struct xml_out *x, const struct wess_op *op)
{
    const struct ews_slots empty = {0};
    const struct wess_field *title = ews_field_of(&op->item, "name.prefix");
    struct wess_slice mails[EWS_MAILS] = {none, none, none};
    /* More than fit were refused before. */
    ews_place_mails(ews_field_of(&op->item, "email"), &empty, mails);
    xml_open(x, "t:Contact");
    for (size_t i = 0; i < ews_n_fields;) {
        const struct ews_field *e = &ews_fields[i];
        if (!e->uri) { /* where the extended properties stand */
            if (op->stamp)
                put_extended(x, ews_path_stamp, stamp_text(op));
            if (!is_empty(title))
                put_extended(x, ews_path_title, title->str);
            put_file_as(x, op);
        } else if (e->set) {
            i = create_set(x, op, i, mails);
            continue;
        } else {
            const struct wess_field *f = ews_field_of(&op->item, e->name);
            if (!is_empty(f))
                put_scalar(call, x, e, f);
        }
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

bool ews_updates(const struct wess_op *op, const struct ews_slots *slots, struct ews_update *out,
                 size_t *n)
{
    struct wess_slice mails[EWS_MAILS] = {none, none, none};
    const struct wess_field *mail = ews_field_of(&op->item, "email");
    *n = 0;
    if (mail && !ews_place_mails(mail, slots, mails))
        return false;
    for (size_t i = 0; i < ews_n_fields; i++) {
        const struct ews_field *e = &ews_fields[i];
        const struct wess_field *f = ews_field_of(&op->item, e->name);
        if (!f)
            continue;
        struct ews_update u = {.at = e, .field = f, .text = f->str, .set = !is_empty(f)};
        if (e->set) {
            size_t slot = ews_is_mail(e) ? (size_t)(*e->slot - '1') : 0;
            u.text = ews_is_mail(e) ? mails[slot] : entry_value(f, e);
            u.set = u.text.len > 0;
            if (equal(u.text, ews_is_mail(e) ? slots->mail[slot]
                                             : entry_value(ews_field_of(op->before, e->name), e)))
                continue;
        }
        out[(*n)++] = u;
    }
    /* Only into an empty slot, never over a foreign value. */
    if (op->stamp && !slots->stamped)
        out[(*n)++] = (struct ews_update){.text = stamp_text(op), .set = true};
    return true;
}

static void put_value(struct wess_call *call, struct xml_out *x, const struct ews_update *u)
{
    xml_open(x, "t:Contact");
    if (!u->at) {
        put_extended(x, ews_path_stamp, u->text);
    } else if (!u->at->uri) {
        put_extended(x, ews_path_title, u->text);
    } else if (u->at->set) {
        open_named(x, u->at->set);
        open_entry(x, u->at);
        put_entry_value(x, u->at, u->text);
        xml_close(x);
        xml_close(x);
    } else {
        put_scalar(call, x, u->at, u->field);
    }
    xml_close(x);
}

void ews_put_update(struct wess_call *call, struct xml_out *x, const struct ews_update *u)
{
    xml_open(x, u->set ? "t:SetItemField" : "t:DeleteItemField");
    if (u->at)
        ews_path(x, u->at);
    else
        ews_path_stamp(x);
    if (u->set)
        put_value(call, x, u);
    xml_close(x);
}

/* ---- what cannot be written
 * ------------------------------------------------------------------------------------------ */

void ews_refuse(struct wess_call *call, struct wess_result *out, const char *field,
                const char *text, const char *code)
{
    const struct wess_host *h = call->conn->host;
    struct wess_refused *of = h->alloc(call->arena, (out->n_refused + 1) * sizeof(*of));
    field = field ? wess_arena_text(h, call->arena, field) : NULL; /* it may be the op's */
    out->code = WESS_REJECTED;
    if (!of || !field)
        return;
    if (out->n_refused)
        memcpy(of, out->refused, out->n_refused * sizeof(*of));
    of[out->n_refused++] = (struct wess_refused){field, text, code};
    out->refused = of;
}

/* The store counts in UTF-16. */
static size_t units(struct wess_slice s)
{
    const unsigned char *p = s.data;
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += (p[i] & 0xc0) == 0x80 ? 0u : p[i] >= 0xf0 ? 2u : 1u;
    return n;
}

/* The schema says anyURI, and one bad address fails the whole request: what may not stand in one
 * is not sent. */
static bool is_uri(struct wess_slice s)
{
    const char *p = s.data, *end = p + s.len, *colon = memmem(p, s.len, "://", 3);
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)p[i] <= ' ' || p[i] == 0x7f || strchr("<>\"{}|\\^`", p[i]))
            return false;
    if (!colon)
        return memchr(p, ':', s.len) != p;
    const char *host = colon + 3, *stop = host;
    while (stop < end && !strchr("/?#", *stop))
        stop++;
    const char *port = memrchr(host, ':', (size_t)(stop - host));
    if (host == stop || port == host)
        return false;
    if (port && !memchr(port, ']', (size_t)(stop - port)))
        for (port++; port < stop; port++)
            if (!isdigit((unsigned char)*port))
                return false;
    return true;
}

static const char *bad_date(struct wess_slice s)
{
    if (s.len != 10)
        return "Exchange holds no date without a year";
    return memcmp(s.data, OLDEST_YEAR, 4) < 0 ? "Exchange holds no date before 1601" : NULL;
}

/* NULL: it can be written. */
static const char *bad_scalar(const struct wess_field *f, const char **code)
{
    *code = "length";
    if (f->type == WESS_BLOB)
        return strcmp(f->name, "note")   ? "Exchange holds 255 characters"
               : f->blob.size > NOTE_MAX ? "it is larger than a note may be"
                                         : NULL;
    if (f->type == WESS_TEXT && strcmp(f->name, "note") && units(f->str) > UNITS_MAX)
        return "Exchange holds 255 characters";
    *code = "value";
    if (f->type == WESS_DATE && f->str.len)
        return bad_date(f->str);
    if (f->type == WESS_TEXT && !strcmp(f->name, "url") && f->str.len && !is_uri(f->str))
        return "Exchange takes no such web address";
    return NULL;
}

static bool is_known(const struct wess_field *f, const char *key)
{
    for (size_t i = 0; i < ews_n_fields; i++)
        if (ews_fields[i].slot && !strcmp(ews_fields[i].name, f->name) &&
            !strcmp(ews_fields[i].slot, key))
            return true;
    return false;
}

static void refuse_records(struct wess_call *call, const struct wess_field *f,
                           struct wess_result *out)
{
    bool mail = !strcmp(f->name, "email");
    for (size_t i = 0; i < f->records.n; i++) {
        const struct wess_record *r = &f->records.of[i];
        const char *name = wess_arena_fmt(call->conn->host, call->arena, "%s.%s", f->name, r->key);
        if (!mail && !is_known(f, r->key)) {
            ews_refuse(call, out, name, "Exchange has no place of that name", "slot");
            continue;
        }
        for (size_t k = 0; k < r->n; k++) {
            size_t most = strcmp(r->fields[k].name, "street") ? UNITS_MAX : 4 * UNITS_MAX;
            if (r->fields[k].type == WESS_TEXT && units(r->fields[k].str) > most) {
                ews_refuse(call, out, mail ? f->name : name, "it is longer than Exchange holds",
                           "length");
                break;
            }
        }
    }
}

bool ews_refuses(struct wess_call *call, const struct wess_op *op, struct wess_result *out)
{
    const struct ews_slots empty = {0};
    struct wess_slice mails[EWS_MAILS];
    for (size_t i = 0; i < op->item.n_fields; i++) {
        const struct wess_field *f = &op->item.fields[i];
        const char *code, *why = bad_scalar(f, &code);
        if (why)
            ews_refuse(call, out, f->name, why, code);
        if (f->type == WESS_RECORDS)
            refuse_records(call, f, out);
    }
    if (op->what == WESS_CREATE &&
        !ews_place_mails(ews_field_of(&op->item, "email"), &empty, mails))
        ews_refuse(call, out, "email", "Exchange holds three mail addresses", "room");
    return out->n_refused > 0;
}
