/* Files attached to an item, within the connector: attach.c reads them, attach_write.c writes. */
#ifndef EWS_ATTACH_H
#define EWS_ATTACH_H

#include "attached.h"
#include "ews.h"

/* One file as the item lists it. */
struct ews_listed {
    const char *id, *key, *name, *type;
    uint64_t size; /* as Exchange counts, somewhat more than its bytes */
    bool item;     /* a mail or the like: its name is that of its MIME, until that was read */
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
/* As ews_fetch_file(). What it is read as is named by `l->key` and `l->name` from then on; *told is
 * WESS_REJECTED of an item that has no MIME. */
enum wess_code ews_fetch_listed(struct wess_call *, struct ews_listed *l, struct wess_blob *out,
                                enum wess_code *told);
/* Whether it is that file, or the item that is read as it. */
bool ews_is_listed_as(const struct ews_listed *, const char *key);

#endif
