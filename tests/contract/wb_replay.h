/* The connector "workbooks" before a server that answers as each test says. Every request that a
 * test made is checked against what the guide demands of one. */
#ifndef TEST_CONTRACT_WB_REPLAY_H
#define TEST_CONTRACT_WB_REPLAY_H

#include "stage.h"

/* What a request asks; told by its body. */
#define WB_QUEUES "queues"
#define WB_ORGS "organisations"
#define WB_LIST "list"
#define WB_PUT "put"
#define WB_TYPES "types"     /* which there are */
#define WB_FIELDS "fields"   /* of some of them */
#define WB_ENTRIES "entries" /* of a picklist */

int wb_set_up(void **state); /* opens, with the queues 10 and 11 */
int wb_tear_down(void **state);
/* Opens again with more settings: name, value, ..., NULL. */
void wb_open(struct stage *, ...) __attribute__((sentinel));
void wb_forget(struct stage *); /* script and requests, but for the queues */
/* The n-th value of a parameter, decoded; NULL: none. Lives for the next 32 calls. */
const char *wb_param(const char *request, const char *name, size_t n);
size_t wb_params(const char *request, const char *name); /* how many */

enum wess_code wb_page(struct stage *, const char *cursor, uint32_t limit, struct wess_page *);
const char *wb_cursor(const struct wess_page *); /* lives for the next 32 calls */
struct wess_result *wb_apply(struct stage *, const struct wess_op *, size_t n,
                             enum wess_code expected);

/* A type of metadata, and a field of one. */
#define TYPE(name, path, fields)                                                                   \
    "{\"class_name\":\"Private::" name "\",\"controller_path\":\"" path                            \
    "\",\"fields\":[{\"name\":\"id\"}" fields "]}"
#define FIELD(name, more) ",{\"name\":\"" name "\"" more "}"
#define ROWS(rows)                                                                                 \
    "{\"success\":true,\"total\":9,\"data\":[" rows "],\"flash\":\"\",\"updates\":{}}"
#define ROW(id, second, more)                                                                      \
    "{\"id\":" id ",\"lock_version\":1,\"updated_at\":\"" second                                   \
    "\",\"updated_by\":41,\"is_deleted\":false,\"assigned_to\":11" more "}"
#define TEXT_FIELD(field, text)                                                                    \
    {                                                                                              \
        .name = field, .type = WESS_TEXT, .str = { text, sizeof(text) - 1 }                        \
    }

#endif
