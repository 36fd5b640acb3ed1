/* Files attached to an item, within the connector: attach.c reads them, attach_write.c writes. */
#ifndef EWS_ATTACH_H
#define EWS_ATTACH_H

#include "ews.h"

#define EWS_ATTACH "attach" /* the field */

/* One file as the item lists it. */
struct ews_listed {
    const char *id, *key, *name, *type;
    uint64_t size; /* as Exchange counts, somewhat more than its bytes */
};
struct ews_files {
    const struct wess_host *host;
    struct wess_vec of; /* struct ews_listed */
    const char *revision;
    enum wess_code code;
    bool spent;
};

/* What each item bears; its code says when it cannot be told. */
enum wess_code ews_attach_lists(struct wess_call *, const char *const *ids, struct ews_files *of,
                                size_t n);
/* Of a file: one that was taken away meanwhile is gone. */
enum wess_code ews_attach_code(enum wess_code, const struct wess_error *);
void ews_attach_put_id(struct xml_out *, const char *op, const char *id);

#endif
