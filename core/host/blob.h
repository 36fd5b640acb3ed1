/* The spool of large values. Private to core/host. */
#ifndef CORE_HOST_BLOB_H
#define CORE_HOST_BLOB_H

#include <pthread.h>

#include "wess/connector.h"

#define BLOB_DIGEST 64u /* of SHA-256, in hexadecimal */
#define BLOB_SMALL ((size_t)64 << 10)
#define BLOB_MEMORY                                                                                \
    ((size_t)3 << 20) /* of one folder; what is small on top of it goes to files                   \
                       */

struct blob_small { /* what passes through and needs no file */
    struct blob_small *next;
    char digest[BLOB_DIGEST + 1];
    size_t len;
    unsigned char bytes[];
};
struct blob_dir {
    char *path;
    bool passes; /* it does not outlive the run: nothing is made durable */
    struct blob_dir *outer, *within, *next; /* what it is in; the folders in it, in a row */
    pthread_mutex_t lock;                   /* what follows */
    struct blob_small *small[256];          /* by the first byte of the digest */
    size_t bytes;                           /* of all of them */
};

enum wess_code blob_spool_new(struct blob_dir *, struct wess_spool **out);
enum wess_code blob_spool_put(struct wess_spool *, const void *, size_t);
enum wess_code blob_spool_done(struct wess_spool *, struct wess_arena *, struct wess_blob *out);
enum wess_code blob_spool_open(struct blob_dir *, const char *digest, struct wess_spool **out);
int64_t blob_spool_get(struct wess_spool *, void *buf, size_t cap);
void blob_spool_close(struct wess_spool *);

#endif
