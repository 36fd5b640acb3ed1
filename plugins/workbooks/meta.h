/* What this database says of its own record types. It is asked once per connection, and what it
 * does not say stays unknown: no answer is no error. */
#ifndef WORKBOOKS_META_H
#define WORKBOOKS_META_H

#include "wb.h"

/* Only what ends the call anyhow is told. `identity` of the database: what was kept of another one
 * counts for nothing; NULL: nothing that was kept does. */
enum wess_code wb_meta(struct wess_call *, const char *identity);
/* meta_kept.c: the answer for the connections of the next hours. NULL: none that counts; else the
 * caller decrefs. */
void wb_meta_keep(struct wess_call *, const char *identity, const json_t *types);
json_t *wb_meta_recall(struct wess_call *, const char *identity);
/* The settings were found to fit it, which is kept with it. */
void wb_meta_fits(struct wess_call *);
/* It is asked anew by the next connection: what it said did not hold. */
void wb_meta_doubt(struct wess_call *);
/* Characters of a text in that column; 0: no bound known. */
uint32_t wb_meta_length(const struct wess_conn *, const struct wb_kind *, const char *column,
                        uint32_t usual);
/* What is said of a column; NULL: there is none, or nothing is known. */
const json_t *wb_meta_field(const struct wess_conn *, const struct wb_kind *, const char *column);
/* Of a column that can be asked of the metadata: false where the database is known to lack it. */
bool wb_meta_has(const struct wess_conn *, const struct wb_kind *, const char *column);
/* The entries of a column's picklist as an array of texts; NULL: the database does not say. The
 * caller decrefs. WESS_TRANSIENT: another time it may. */
enum wess_code wb_meta_entries(struct wess_call *, const struct wb_kind *, const char *column,
                               json_t **out);
/* What the settings name has to be there, and what the database demands is told. */
enum wess_code wb_meta_check(struct wess_call *);
/* How the schema has a field of that column. */
uint32_t wb_meta_flags(const struct wess_conn *, const struct wb_kind *, const char *column);
/* The column of that kind whose name is nearest; NULL: none is near. */
const char *wb_meta_nearest(const struct wess_conn *, const struct wb_kind *, const char *column);

/* Of an object's members, the same. */
const char *wb_nearest_member(const json_t *, const char *name);

#endif
