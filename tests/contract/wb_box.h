/* The connector "workbooks" before a rehearsal Workbooks of its own, which holds nobody yet. */
#ifndef TEST_CONTRACT_WB_BOX_H
#define TEST_CONTRACT_WB_BOX_H

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

enum { BOX_SETTINGS_MAX = 16, BOX_PEOPLE_MAX = 400 };
struct box {
    pid_t pid;
    FILE *out;
    json_t *info;
    struct testhost th;
    const struct wess_connector *c;
    struct wess_conn *conn;
    struct wess_call call;
    struct testhost_setting settings[BOX_SETTINGS_MAX];
    /* What the pages said so far, by id; a mirror as the core keeps one. */
    struct seen {
        int64_t id, lock;
        size_t times;
        bool deleted;
    } seen[BOX_PEOPLE_MAX];
    size_t n_seen, told;
    char *cursor;
};

int box_set_up(void **state, const char *sw); /* `sw`: a switch, NAME=VALUE, or NULL */
int box_tear_down(void **state);
/* Opens the connector again. NULL, 0, NULL: the right key, the usual time-out, the fallback. */
void box_open(struct box *, const char *key, uint32_t timeout_ms, const char *page_size);

/* A control request; the answer is freed by the caller. */
json_t *box_control(const struct box *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int64_t box_number(const json_t *of, const char *name);
void box_fault(const struct box *, const char *plan);
void box_move_clock(const struct box *, int64_t seconds);
/* What a person does there by hand. */
int64_t box_new_person(const struct box *, const char *name);
void box_touch(const struct box *, const char *what, int64_t id, const char *more);
size_t box_count(const struct box *, const char *name); /* people of that name */
int64_t box_requests(const struct box *, const char *op);

#endif
