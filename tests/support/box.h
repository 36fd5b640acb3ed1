/* A connector before a rehearsal server of its own, run as a program. */
#ifndef TEST_SUPPORT_BOX_H
#define TEST_SUPPORT_BOX_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <sys/types.h>

#include "testhost.h"

enum { BOX_SETTINGS_MAX = 16 };
struct box {
    pid_t pid;
    FILE *out;
    json_t *info; /* what it said when it started */
    struct testhost th;
    const struct wess_connector *c;
    struct wess_conn *conn;
    struct wess_call call;
    struct testhost_setting settings[BOX_SETTINGS_MAX];
};

/* `sw`: a switch, NAME=VALUE, or NULL; `data`: what it holds at first, or NULL;
 * "load:N": N mailboxes. */
struct box *box_new(const char *connector, const char *sw, const char *data);
int box_tear_down(void **state); /* it must have ended well */
/* Opens the connector, again too, with the `n` first settings. 0: the usual time-out. */
void box_open(struct box *, const char *collection, size_t n, uint32_t timeout_ms);
const char *box_info(const struct box *, const char *server, const char *name);

/* A control request; the answer is freed by the caller. */
json_t *box_control(const struct box *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int64_t box_number(const json_t *of, const char *name);
void box_fault(const struct box *, const char *plan);
void box_move_clock(const struct box *, int64_t seconds);
int64_t box_requests(const struct box *, const char *op);

/* ---- calls */
enum wess_code box_apply(struct box *, const struct wess_op *, size_t n, struct wess_result *out);
enum wess_code box_create(struct box *, const char *name, const char *stamp, uint32_t flags,
                          struct wess_result *out);
struct wess_item box_fetch(struct box *, const char *id); /* it must be there */

#endif
