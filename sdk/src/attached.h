/* Attached files of an item, told and written the same way by every connector: records of "data" (a
 * blob), "filename" and "fmttype" (a media type, RFC 6838 §4.2), as ATTACH of RFC 5545 §3.8.1.1 and
 * RFC 8607 §4.1 have them. What is answered lives as long as what it was found in. */
#ifndef WESS_SDK_ATTACHED_H
#define WESS_SDK_ATTACHED_H

#include "error.h"

#define WESS_ATTACHED "attach" /* the field */

/* One more at the end of `records` (of struct wess_record); texts are not copied, `type` NULL: not
 * known. false: budget spent. */
bool wess_attached_push(const struct wess_host *, struct wess_arena *, struct wess_vec *records,
                        const char *key, const char *name, const char *type,
                        const struct wess_blob *);
/* The item once more, with that field. NULL: budget spent. */
struct wess_item *wess_attached_to(const struct wess_host *, struct wess_arena *,
                                   const struct wess_item *, struct wess_records);

/* Of a field, which may be NULL or another kind of value: none. */
struct wess_records wess_attached_of(const struct wess_field *);
const struct wess_record *wess_attached_find(const struct wess_field *, const char *key);
/* Of a file, which may be NULL. NULL: it does not say. */
const struct wess_blob *wess_attached_bytes(const struct wess_record *);
const char *wess_attached_name(const struct wess_record *);
const char *wess_attached_type(const struct wess_record *);
bool wess_blob_same(const struct wess_blob *,
                    const struct wess_blob *); /* NULL: none is the same */

/* Whether the bytes of a file that `had` has not are not in the spool: an earlier run read them,
 * and the op has to be merged again (WESS_CONFLICT). */
bool wess_attached_missing(const struct wess_host *, const struct wess_field *want,
                           const struct wess_field *had);

#endif
