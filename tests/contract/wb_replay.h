/* The connector "workbooks" before a server that answers as each test says. Every request that a
 * test made is checked against what the guide demands of one. */
#ifndef TEST_CONTRACT_WB_REPLAY_H
#define TEST_CONTRACT_WB_REPLAY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "replay.h"
#include "testhost.h"

/* What a request asks; told by its body. */
enum wb_kind { WB_QUEUES, WB_ORGS, WB_LIST, WB_PUT, WB_KINDS };
enum { WB_SCRIPT_MAX = 64, WB_SETTINGS_MAX = 16 };
struct wb_script { /* what the next request of a kind gets; the last of them stays */
    enum wb_kind kind;
    const char *body, *type, *location;
    unsigned status;
    size_t cut; /* bytes of the body, as if the whole had been meant so */
    bool used;
};
struct wb_test {
    struct replay *server;
    struct testhost th;
    const struct wess_connector *c;
    struct wess_conn *conn;
    struct wess_call call;
    struct testhost_setting settings[WB_SETTINGS_MAX];
    char url[200];
    struct wb_script script[WB_SCRIPT_MAX];
    size_t n_script;
    /* Asked first; false: the script answers. */
    bool (*hook)(struct wb_test *, enum wb_kind, const char *request, struct replay_reply *);
    size_t at; /* the hook's own */
};

int wb_set_up(void **state); /* opens, with the queues 10 and 11 */
int wb_tear_down(void **state);
/* Opens again with more settings: name, value, ..., NULL. */
void wb_open(struct wb_test *, ...) __attribute__((sentinel));
void wb_says(struct wb_test *, enum wb_kind, const char *body);
struct wb_script *wb_says_status(struct wb_test *, enum wb_kind, unsigned status, const char *body);
void wb_forget(struct wb_test *); /* script and requests, but for the queues */
size_t wb_asked(const struct wb_test *, enum wb_kind);
const char *wb_request(const struct wb_test *, enum wb_kind, size_t n);
/* The n-th value of a parameter, decoded; NULL: none. Lives for the next 32 calls. */
const char *wb_param(const char *request, const char *name, size_t n);
size_t wb_params(const char *request, const char *name); /* how many */

enum wess_code wb_page(struct wb_test *, const char *cursor, uint32_t limit, struct wess_page *);
const char *wb_cursor(const struct wess_page *); /* lives for the next 32 calls */
struct wess_result *wb_apply(struct wb_test *, const struct wess_op *, size_t n,
                             enum wess_code expected);

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
