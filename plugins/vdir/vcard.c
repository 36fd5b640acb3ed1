/* The frame of a card (vCard 2.1, RFC 2426, RFC 6350), and cards as a kind of file. */
#include "vdir.h"

static bool wrong(struct lines_fault *fault, size_t line, const char *why)
{
    *fault = (struct lines_fault){line, why};
    return false;
}

static bool check_version(struct lines *v, struct lines_fault *fault)
{
    static const struct {
        const char *text;
        enum vcard_version version;
    } known[] = {{"2.1", VCARD_21}, {"3.0", VCARD_30}, {"4.0", VCARD_40}};
    size_t at = lines_find(v, "VERSION", 0);
    v->version = VCARD_30;
    if (at == LINES_NONE)
        return true;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (lines_is_mark(&v->lines[at], "VERSION", known[i].text)) {
            v->version = known[i].version;
            return true;
        }
    return wrong(fault, v->lines[at].row, "a version of vCard that is not known");
}

/* One card, and nothing round it. */
static bool check_frame(struct lines *v, struct lines_fault *fault)
{
    size_t first = 0, begins = 0;
    while (first < v->n && lines_is_blank(&v->lines[first]))
        first++;
    if (first == v->n || !lines_is_mark(&v->lines[first], "BEGIN", "VCARD"))
        return wrong(fault, first < v->n ? v->lines[first].row : 1, "no BEGIN:VCARD");
    v->end = LINES_NONE;
    for (size_t i = first; i < v->n; i++) {
        const struct line *l = &v->lines[i];
        begins += lines_is_mark(l, "BEGIN", "VCARD");
        if (begins > 1)
            return wrong(fault, l->row, "a second card in one file");
        if (v->end != LINES_NONE && !lines_is_blank(l))
            return wrong(fault, l->row, "something behind END:VCARD");
        if (lines_is_mark(l, "END", "VCARD"))
            v->end = i;
    }
    if (v->end == LINES_NONE)
        return wrong(fault, v->lines[v->n - 1].row, "no END:VCARD: the file was cut off");
    return check_version(v, fault);
}

bool vcard_read(struct lines *v, const char *bytes, size_t len, struct lines_fault *fault)
{
    return lines_read(v, bytes, len, fault) && check_frame(v, fault);
}

static const char *read_only(const struct lines *v)
{
    return v->version == VCARD_21 ? "a card of version 2.1 is read, not written" : NULL;
}

static void blank(struct wess_call *call, const struct wess_op *op, const char *uid,
                  struct lines_buf *out)
{
    (void)op;
    vdir_blank(out, call->conn->new_is_v4, uid);
}

const struct vdir_kind vdir_contacts = {
    .kind = "contact",
    .collection = "contacts",
    .title = "Contacts",
    .suffix = ".vcf",
    .format = "vdir, vCard 3.0 and 4.0",
    .schema = vdir_schema,
    .n_schema = &vdir_n_schema,
    .read = vcard_read,
    .frame = check_frame,
    .is_ours = vdir_is_contact,
    .item = vdir_item,
    .blank = blank,
    .edit = vdir_edit,
    .read_only = read_only,
};
