/* What the two halves of editing share. */
#ifndef VDIR_EDIT_H
#define VDIR_EDIT_H

#include "vdir.h"

struct edit {
    struct wess_call *call;
    const struct wess_host *host;
    struct lines *v;
    const struct wess_op *op;
    struct wess_result *out;
    struct lines_buf text; /* the line under way, or its value */
    bool spent;
};
bool edit_equal(struct wess_slice, struct wess_slice);
void edit_fresh(struct edit *);            /* begins a text */
void edit_add(struct edit *);              /* it becomes a line */
void edit_set(struct edit *, size_t line); /* it becomes the value of that line */
/* A long text, read back whole. NULL: too long, or gone. */
char *edit_blob_text(struct edit *, const struct wess_blob *);
void edit_tags(struct edit *, const struct wess_field *); /* every CATEGORIES */
void edit_stamp(struct edit *); /* only into an empty slot, never over a foreign value; "": off */
void edit_photo(struct edit *, const struct wess_field *); /* photo.c */
void edit_records(struct edit *, enum vdir_records, const struct wess_field *);

#endif
