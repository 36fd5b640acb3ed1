/* What only contacts have: mail addresses in three slots, what they are listed by. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ews.h"

static const struct wess_slice none = {"", 0};

static struct wess_slice part_of(const struct wess_record *r, const char *part)
{
    for (size_t k = 0; k < r->n; k++)
        if (!strcmp(r->fields[k].name, part) && r->fields[k].type == WESS_TEXT)
            return r->fields[k].str.len ? r->fields[k].str : none;
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

/* ---- the rest
 * ------------------------------------------------------------------------------------------ */

/* What Outlook lists it by. With a rule the server keeps it in step with the names. */
void ews_put_file_as(struct ews_put *p)
{
    struct xml_out *x = p->x;
    const struct wess_op *op = p->op;
    const struct wess_field *fn = ews_field_of(&op->item, "fn");
    if (!ews_is_empty(ews_field_of(&op->item, "name.given")) ||
        !ews_is_empty(ews_field_of(&op->item, "name.family"))) {
        xml_element(x, "t:FileAsMapping", "LastCommaFirst");
    } else if (!ews_is_empty(fn)) {
        xml_open(x, "t:FileAs");
        xml_put(x, fn->str.data, fn->str.len);
        xml_close(x);
    } else if (!ews_is_empty(ews_field_of(&op->item, "org"))) {
        xml_element(x, "t:FileAsMapping", "Company");
    }
}

bool ews_refuses_contact(struct wess_call *call, const struct wess_op *op, struct wess_result *out)
{
    const struct ews_slots empty = {0};
    struct wess_slice mails[EWS_MAILS];
    if (op->what == WESS_CREATE &&
        !ews_place_mails(ews_field_of(&op->item, "email"), &empty, mails))
        ews_refuse(call, out, "email", "Exchange holds three mail addresses", "room");
    return out->n_refused > 0;
}
