/* The spool of large values. Private to core/host. */
#ifndef CORE_HOST_BLOB_H
#define CORE_HOST_BLOB_H

#include "wess/connector.h"

enum wess_code blob_spool_new(const char *dir, struct wess_spool **out);
enum wess_code blob_spool_put(struct wess_spool *, const void *, size_t);
enum wess_code blob_spool_done(struct wess_spool *, struct wess_arena *, struct wess_blob *out);
enum wess_code blob_spool_open(const char *dir, const char *digest, struct wess_spool **out);
int64_t blob_spool_get(struct wess_spool *, void *buf, size_t cap);
void blob_spool_close(struct wess_spool *);

#endif
