/* The generic item: fields of one kind in canonical form.
 *
 * A `struct content` is what a side shows of one item: its fields sorted by name, each at most
 * once, values in canonical form (below). Contents are compared, merged, encoded and stored; the
 * facts of an item (tags, keys, dates) are not part of it, but for "categories", which is a field
 * as well.
 *
 * Canonical form: text is NFC, line ends LF, control characters gone but tab and LF, white space
 * cut at both ends (multi-line: also at the end of each line); an empty text is no value; SET
 * elements sorted, each once (compared without case where the field table says so); RECORDS sorted
 * by key, elements without a value gone, "pref" renumbered 1..n; fields without a value are left
 * out. */
#ifndef CORE_MODEL_MODEL_H
#define CORE_MODEL_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "model/arena.h"
#include "wess/connector.h"

/* ---- The field table --------------------------------------------------------------------------
 */

enum field_merge { MERGE_SCALAR, MERGE_SET, MERGE_RECORDS };
enum field_form {
    FORM_LINE,
    FORM_TEXT,
    FORM_DATE,
    FORM_SET,
    FORM_MAIL,
    FORM_PHONE,
    FORM_POSTAL,
    FORM_URL,
    FORM_WORD, /* one of a few: upper case */
    FORM_RULE  /* a recurrence rule: see rrule_canonical() */
};
/* Some hundred times an item a name is looked for among others, and mostly not so by the first
 * letter. */
static inline bool name_is(const char *a, const char *b)
{
    return *a == *b && !strcmp(a, b);
}

struct field_def {
    const char *name;
    enum wess_type type;
    enum field_merge merge;
    enum field_form form; /* how it is made canonical */
    uint32_t max_len;     /* code points we accept; longer is parked */
    bool sensitive;       /* never shown but on the terminal of who asks for this item */
    const char *label;    /* for people: "mobile phone" */
    const char *source;   /* "RFC 6350 6.2.1" */
    const char *preset;   /* what a field without a value means: the same as no value; NULL: none */
};
struct kind_def {
    const char *name; /* "contact" */
    const struct field_def *fields;
    size_t n_fields;
    const char *const *keys; /* spaces a match rule may name: "email", "email+name.family", ...;
                                the strongest first, by which a lost item is looked for */
    size_t n_keys, n_sure;   /* the first n_sure of them are of one item in most cases; what bears
                                another of them only, elsewhere, may as well be another item */
    const char *link,
        *ask;     /* by which items are linked, and asked about, unless a pair says; NULL */
    bool by_name; /* its items are people: without an address one of the same name is asked about */
    const char *natural; /* the key that an item bears wherever it lies: its stamp derives from it;
                            NULL */
    bool filed;          /* (mode = "file") rather than kept in step; it has a natural key */
    const char *people;  /* the field with those whom a remote may tell of a change; NULL: none */
};
const struct kind_def *kind_find(const char *name); /* NULL: no such kind */
const char *kind_names(size_t i);                   /* NULL behind the last */
/* `name` may be a field, or FIELD.ELEMENT of a RECORDS field ("phone.mobile"): then the def of
 * FIELD, and *element points at "mobile". "x.CONNECTOR.NAME" has a def of its own (scalar text). */
const struct field_def *field_find(const struct kind_def *, const char *name, const char **element);

/* ---- Content ----------------------------------------------------------------------------------
 */

struct content {
    const struct wess_field *fields;
    size_t n;
};
/* Brings what a connector showed into canonical form, in `a`. Fields that the table does not know
 * are dropped, a type that does not fit is dropped and counted in *bad (may be NULL). `want` is
 * NULL, or the names to keep. false: arena spent. */
bool content_canonical(const struct kind_def *, struct wess_arena *a, const struct wess_field *f,
                       size_t n, const struct wess_list *want, struct content *out, size_t *bad);
const struct wess_field *content_get(const struct content *, const char *name); /* NULL: empty */
/* Equal in canonical form; NULL is the empty field. Two times are equal at the same instant, or
 * with the same local text in zones that are one to remotes. The times of a series have no instant.
 */
bool field_equal(const struct wess_field *, const struct wess_field *);
/* Equal but for what remotes are known to rewrite: white space, line ends, HTML tags and entities,
 * punctuation in phone numbers, case of addresses. */
bool field_alike(const struct wess_field *, const struct wess_field *);
bool content_equal(const struct content *, const struct content *);
/* true: some comparison of this thread since last asked could not be made for want of memory, and
 * said unlike. Asking forgets it. */
bool content_unsure(void);
/* A text of the value for people, in the arena: "a@b, c@d", "+44 20 ...". "" when empty. */
const char *field_show(struct wess_arena *, const struct wess_field *);
/* What people call this item: fn, or given and family name, or the company, or the first address;
 * of others the summary. */
const char *content_title(struct wess_arena *, const struct content *);
/* What the connector calls it in x.CONNECTOR.NAME: "ref", the remote's word for it among people
 * ("PERS-123"), and "url", where it is looked at. NULL: it is not told. */
const char *content_named(const struct content *, const char *name);
/* `base` with the fields of `patch` put over it (WESS_NULL takes out). Shares memory with both. */
bool content_patch(struct wess_arena *, const struct content *base, const struct content *patch,
                   struct content *out);

/* ---- Encoding ---------------------------------------------------------------------------------
 * A deterministic binary form, versioned by its first byte; equal contents give equal bytes. */
bool content_encode(struct wess_arena *, const struct content *, struct wess_slice *out);
/* false: damaged or arena spent. Texts point into `in` or the arena. */
bool content_decode(struct wess_arena *, struct wess_slice in, struct content *out);
enum { DIGEST_SIZE = 32 };
void digest_of(struct wess_slice, unsigned char out[DIGEST_SIZE]); /* SHA-256 */

/* ---- Text -------------------------------------------------------------------------------------
 */

/* Folded for keys: NFKC, full case folding, outer white space cut, inner runs one space. In the
 * arena; NULL: arena spent. */
const char *text_fold(struct wess_arena *, const char *);
/* The same without accents, for "alike but for accents". */
const char *text_fold_plain(struct wess_arena *, const char *);
/* The nearest name of a list by edit distance, or NULL if none is near. */
const char *text_nearest(const char *name, const char *const *of, size_t n);

#endif
