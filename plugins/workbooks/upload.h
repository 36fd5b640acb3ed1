/* A form into which spooled values are put while it is sent: no value is in memory whole. */
#ifndef WORKBOOKS_UPLOAD_H
#define WORKBOOKS_UPLOAD_H

#include "form.h"
#include "wess/connector.h"

#define WB_PIECE 16384u /* bytes of a value that are held at once */

struct wb_insert {
    size_t at; /* in the form's data: behind the '=' that the value belongs to */
    const struct wess_blob *blob;
    size_t len; /* encoded */
};
struct wb_upload {
    const struct wess_host *host;
    struct form *form;    /* outlives this */
    struct wb_insert *of; /* in the order of the form */
    size_t n;
    size_t len; /* of the whole body */
    /* Where the sending is. */
    size_t pos, insert, sent; /* of the body, the inserts, the form */
    struct wess_spool *spool;
    char raw[WB_PIECE];
    size_t raw_at, raw_n;
    char held[3]; /* of one encoded byte that had no room */
    size_t held_at, held_n;
};
/* Measures the values. WESS_REJECTED: one cannot be read, or more than a form can hold. */
enum wess_code wb_upload_start(struct wb_upload *);
/* struct http_request's source; ctx is the upload. */
size_t wb_upload_read(void *ctx, size_t at, char *buf, size_t cap);
void wb_upload_end(struct wb_upload *); /* idempotent; frees nothing of the form */

#endif
