/* Files of a record: on a note of ours, one for each record, made with the first of them. What is
 * on other notes is not looked at. files.c reads them, files_write.c writes. */
#ifndef WORKBOOKS_FILES_H
#define WORKBOOKS_FILES_H

#include "attached.h"
#include "write.h"

#define WB_NOTE_PATH "notes.api"
#define WB_ATTACH_PATH "resource_upload_files.api"
#define WB_FILE_PATH "upload_files.api"
#define WB_NOTE_CLASS "Private::Note"
#define WB_NOTE_MARK "wess-files" /* created_through_reference of our notes */
#define WB_FILES_MOST 100u        /* of one record: what is attached beyond is not told */
#define WB_NO_TYPE "application/octet-stream" /* of a file of which none is known */

struct wb_file {
    const char *id, *key, *name, *type; /* type NULL: not known */
    uint64_t size;
};
struct wb_noted {          /* a record, and what is on its note */
    const char *id, *type; /* its number and class */
    const char *note;      /* NULL: there is none */
    struct wess_vec of;    /* struct wb_file, in the order of their numbers */
    size_t beyond;         /* so many are there besides */
};

/* Whether files of this collection travel. */
bool wb_has_files(const struct wess_conn *, const struct wb_kind *);
/* Fills in note and files; `id` and `type` are given. */
enum wess_code wb_files_list(struct wess_call *, struct wb_noted *, size_t n);
/* One file, spooled. *told: WESS_GONE or WESS_TOO_BIG of that file alone. */
enum wess_code wb_file_fetch(struct wess_call *, const struct wb_file *, struct wess_blob *,
                             enum wess_code *told);
/* Of what was fetched, the field: types[i] is the class of out[i]. */
enum wess_code wb_files_read(struct wess_call *, const char *const *types, struct wess_result *out,
                             size_t n);

/* Before a batch is sent: what is not in the spool was read by an earlier run; it is merged again.
 */
void wb_files_leave_missing(struct wb_table *);
/* After it was, and came to that code: the files of what was written. An operation that did not get
 * all of its files is in doubt. */
enum wess_code wb_files_write(struct wb_table *, enum wess_code);

#endif
