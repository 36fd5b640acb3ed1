/* What a case works with: a connection, calls that hold every answer against the contract, items to
 * write. A case ends by returning, or where failed(), broke() or skipped() is called.
 *
 * Every call is given copies of its inputs that are unreadable once it returned, and every answer
 * is looked at, copied and sealed: what a case holds is its own, and a connector that keeps either
 * is stopped where it uses it. */
#ifndef CONFORM_PROBE_H
#define CONFORM_PROBE_H

#include "conform.h"

#define LIMIT_LARGE 100u
#define PAGES_MOST 2000u /* a reading that takes more has no end */

struct probe {
    struct testhost th; /* first: the ctx of the host's functions */
    const struct wess_connector *c;
    const struct setup *setup;
    const struct case_def *now;
    struct wess_conn *conn;
    struct wess_arena keep, in;
    struct wess_schema schema;
    const struct wess_collection *col;
    struct wess_error error; /* of the last call */
    uint64_t requests;       /* of the last call */
    size_t used, allocs;     /* of the arena, by the last call */
    const char **made;       /* ids to delete at the end */
    size_t n_made, cap_made;
    unsigned cancel_at, asked; /* the n-th time that it asks cancelled() is answered true */
    unsigned serial;
    uint32_t call_flags; /* of the next calls */
    char run[24];
    int out; /* where the verdict goes */
    bool deny_secrets, ending;
};

/* ---- probe.c
 * ------------------------------------------------------------------------------------------ */

_Noreturn void failed(struct probe *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void skipped(struct probe *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Another clause than the case's own. */
_Noreturn void broke(struct probe *, const char *clause, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The credential was: nothing else is tried. */
_Noreturn void refused(struct probe *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* In the child; does not return. */
_Noreturn void probe_run(struct probe *, const struct case_def *);
void probe_open(struct probe *);
void probe_close(struct probe *);
void *kept(struct probe *, size_t size); /* zeroed; lives until the case ends */
const char *kept_fmt(struct probe *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *code_name(enum wess_code);
/* Pauses a little; false: what was waited for had the time that the collection asks for. */
bool wait_more(struct probe *, int64_t *since_ms);
const char *secret_in(const struct probe *, const char *text); /* the setting's name; NULL: none */

/* ---- calls.c: as the core makes them. try_: any code that the contract has; without: must be OK.
 * ------------------------------------------------------------------------------------------ */

enum wess_code try_check(struct probe *);
enum wess_code try_describe(struct probe *, struct wess_schema *out);
enum wess_code try_changes(struct probe *, struct wess_slice cursor, uint32_t limit,
                           struct wess_page *out);
enum wess_code try_fetch(struct probe *, const char *const *ids, size_t n, struct wess_result *out);
enum wess_code try_find(struct probe *, const struct wess_key *, size_t n, struct wess_page *out);
enum wess_code try_apply(struct probe *, const struct wess_op *, size_t n, struct wess_result *out);
/* Those whose slot is filled. */
enum wess_code try_tags(struct probe *, const struct wess_fact **out, size_t *n);
enum wess_code try_values(struct probe *, const char *fact, struct wess_list *out, bool *all);
enum wess_code try_relate(struct probe *, const struct wess_relation *, size_t n,
                          struct wess_result *out);
void must(struct probe *, enum wess_code, const char *what); /* WESS_OK, or the case fails */

/* ---- steps.c: what several cases do
 * ------------------------------------------------------------------------------------------ */

struct seen { /* ids by their last news */
    struct seen_item {
        const char *id, *revision;
        uint32_t what;
        const struct wess_item *item;
    } * of;
    size_t n, cap;
};
const struct seen_item *seen_find(const struct seen *, const char *id);
/* Reads from *cursor to the last page; *cursor moves. Returns the number of pages. */
size_t pull(struct probe *, struct wess_slice *cursor, uint32_t limit, struct seen *);
void take_page(struct probe *, const struct wess_page *, struct seen *);
/* Reads on until the id was told of as `what`; NULL: it never was. */
const struct seen_item *pull_until(struct probe *, struct wess_slice *cursor, const char *id,
                                   uint32_t what, struct seen *);
const char *new_stamp(struct probe *);
/* An item that nobody has yet: a name of its own, an address where the collection has them. */
struct wess_item *draft(struct probe *);
void set_field(struct probe *, struct wess_item *, struct wess_field);
void set_text(struct probe *, struct wess_item *, const char *name, const char *text);
const struct wess_field *field_of(const struct wess_item *, const char *name);
const char *text_of(struct probe *, const struct wess_item *, const char *name); /* "": empty */
bool can_write(const struct probe *, const char *field, uint32_t type);
const struct wess_field_schema *schema_of(const struct probe *, const char *field);
/* Plain text fields that can be updated, but those that draft() writes. */
size_t spare_texts(struct probe *, const char **names, size_t most);
/* Creates it, must succeed; the id is deleted when the case ends. */
const char *create(struct probe *, const struct wess_item *, const char *stamp,
                   struct wess_result *out);
const struct wess_item *fetch_one(struct probe *, const char *id);
/* One op on an item as it is now. */
struct wess_op update_of(struct probe *, const struct wess_item *before);
struct wess_op delete_of(const struct wess_item *before);
enum wess_code apply_one(struct probe *, const struct wess_op *, struct wess_result *out);
void to_delete(struct probe *, const char *id);
size_t live_with(struct probe *, struct wess_key, const char **id); /* live items that bear it */
bool bears(const struct wess_item *, const char *space, const char *id);
bool same_text(struct probe *, const char *wrote, const char *shows);
bool field_refused(const struct wess_result *, const char *field);

/* ---- copy.c: deep copies
 * ------------------------------------------------------------------------------------------ */

struct copier {
    struct probe *p;
    struct wess_arena *to;
};
const char *copy_text(struct copier, const char *);
struct wess_slice copy_slice(struct copier, struct wess_slice);
struct wess_list copy_list(struct copier, struct wess_list);
const struct wess_field *copy_fields(struct copier, const struct wess_field *, size_t n);
struct wess_item copy_item(struct copier, const struct wess_item *);
const struct wess_item *copy_item_at(struct copier, const struct wess_item *); /* NULL: NULL */
const struct wess_fact *copy_facts(struct copier, const struct wess_fact *, size_t n);
const struct wess_key *copy_keys(struct copier, const struct wess_key *, size_t n);
struct wess_page copy_page(struct copier, const struct wess_page *);
void copy_result(struct copier, struct wess_result *);
struct wess_op copy_op(struct copier, const struct wess_op *);
struct wess_schema copy_schema(struct copier, const struct wess_schema *);

/* ---- inspect.c: an answer by itself; a breach ends the case
 * ------------------------------------------------------------------------------------------ */

void inspect_code(struct probe *, enum wess_code, const struct wess_error *, const char *call);
void inspect_schema(struct probe *, const struct wess_schema *);
void inspect_page(struct probe *, const struct wess_page *, bool changes);
void inspect_facts(struct probe *, const struct wess_fact *, size_t n, const char *call);
void inspect_list(struct probe *, struct wess_list, const char *call);
void inspect_results(struct probe *, const struct wess_result *, size_t n, bool fetched);

#endif
