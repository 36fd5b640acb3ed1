/* What an open connector is made of. Private to the files of this folder that make up conn.h:
 * conn.c opens and closes it, services.c is what the connector is given, fingerprint.c tells its
 * credential by, call.c is the seam round every call, watch.c many of them at once. */
#ifndef CORE_HOST_CONN_PRIVATE_H
#define CORE_HOST_CONN_PRIVATE_H

#include "host/blob.h"
#include "host/conn.h"

struct conn {
    const struct config *cfg;
    const struct cfg_endpoint *endpoint;
    const struct cfg_user *user;
    const bool *cancelled;
    struct wess_arena *arena;         /* settings and schema */
    struct blob_dir spool, *spool_in; /* of all; the folder to use instead */
    const char *fingerprint;
    const char **values; /* of the endpoint's settings, as they are for this user */
    struct wess_host host;
    struct wess_http http;
    struct wess_conn *theirs;
    struct conn_stats stats;
    struct wess_schema schema;
    uint64_t lacks;     /* see conn_lacks() */
    const char *series; /* the collection that shows them as occurrences, or NULL */
    const struct series_view *view;
    struct wess_collection shown; /* so described; without id: not yet */
    bool described, may_write;
    int held; /* a secret's lock; -1: none */
    char no_secret[sizeof(
        ((struct wess_error *)0)->text)]; /* why a secret could not be read in this call */
};

/* All but the connector's own part. NULL: the error tells why. */
struct conn *conn_prepare(const struct config *, const struct cfg_endpoint *,
                          const struct cfg_user *, const bool *cancelled, struct wess_error *);
void conn_services(struct conn *); /* fills host and http */
bool conn_cancelled(void *conn);
/* In its arena; NULL: out of memory. */
const char *conn_fingerprint(struct conn *);

#endif
