/* What Exchange would not take: found before it is sent, so that one field is refused alone instead
 * of a whole request. */
#include <ctype.h>
#include <string.h>

#include "ews.h"

#define UNITS_MAX 255u               /* UTF-16 units of a line; of a street four times that */
#define NOTE_MAX ((uint64_t)4 << 20) /* what can be read back in one piece */
#define OLDEST_YEAR "1601"           /* the store's calendar begins there */

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

static const struct ews_field *row_of(const struct ews_kind *kind, const char *name)
{
    for (size_t i = 0; i < kind->n_fields; i++)
        if (!strcmp(kind->fields[i].name, name))
            return &kind->fields[i];
    return NULL;
}

static bool has_word(const struct ews_field *e, struct wess_slice s)
{
    for (const struct ews_word *w = e->words; w->ours; w++)
        if (strlen(w->ours) == s.len && !memcmp(w->ours, s.data, s.len))
            return true;
    return false;
}

static const char *bad_text(const struct ews_field *e, const struct wess_field *f)
{
    bool body = e && e->form == EWS_BODY;
    if (f->type == WESS_BLOB && e && e->type == WESS_BLOB)
        return f->blob.size > EWS_PHOTO_MAX ? "it is larger than a picture may be" : NULL;
    if (f->type == WESS_BLOB)
        return !body                     ? "Exchange holds 255 characters"
               : f->blob.size > NOTE_MAX ? "it is larger than a note may be"
                                         : NULL;
    return f->type == WESS_TEXT && !body && units(f->str) > UNITS_MAX
               ? "Exchange holds 255 characters"
               : NULL;
}

/* NULL: it can be written. */
static const char *bad_scalar(const struct ews_kind *kind, const struct wess_field *f,
                              const char **code)
{
    const struct ews_field *e = row_of(kind, f->name);
    const char *why = bad_text(e, f);
    *code = "length";
    if (why)
        return why;
    *code = "value";
    if (f->type == WESS_DATE && f->str.len)
        return bad_date(f->str);
    if (f->type != WESS_TEXT || !f->str.len || !e)
        return NULL;
    if (e->form == EWS_WORD && !has_word(e, f->str))
        return "Exchange has no such word for it";
    return !strcmp(f->name, "url") && !is_uri(f->str) ? "Exchange takes no such web address" : NULL;
}

static bool is_known(const struct ews_kind *kind, const struct wess_field *f, const char *key)
{
    bool slots = false;
    for (size_t i = 0; i < kind->n_fields; i++) {
        const struct ews_field *e = &kind->fields[i];
        if (!e->slot || strcmp(e->name, f->name))
            continue;
        slots = true;
        if (!strcmp(e->slot, key))
            return true;
    }
    return !slots; /* whose keys are not places */
}

static void refuse_records(struct wess_call *call, const struct wess_field *f,
                           struct wess_result *out)
{
    const struct ews_kind *kind = ews_kind_of(call);
    bool mail = !strcmp(f->name, "email");
    for (size_t i = 0; i < f->records.n; i++) {
        const struct wess_record *r = &f->records.of[i];
        const char *name = wess_arena_fmt(call->conn->host, call->arena, "%s.%s", f->name, r->key);
        if (!mail && !is_known(kind, f, r->key)) {
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
    const struct ews_kind *kind = ews_kind_of(call);
    for (size_t i = 0; i < op->item.n_fields; i++) {
        const struct wess_field *f = &op->item.fields[i];
        const char *code, *why = bad_scalar(kind, f, &code);
        if (why)
            ews_refuse(call, out, f->name, why, code);
        if (f->type == WESS_RECORDS)
            refuse_records(call, f, out);
    }
    if (kind->refuses)
        kind->refuses(call, op, out);
    return out->n_refused > 0;
}
