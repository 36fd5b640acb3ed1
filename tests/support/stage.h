/* A connector before a server that answers as each test says: a script, or a hook. */
#ifndef TEST_SUPPORT_STAGE_H
#define TEST_SUPPORT_STAGE_H

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

enum { STAGE_SCRIPT_MAX = 64, STAGE_SETTINGS_MAX = 16, STAGE_WORD_CAP = 40 };
struct stage_line { /* what the next request of that kind gets; the last of them stays */
    const char *what, *body, *type, *location;
    unsigned status;
    size_t cut; /* bytes of the body, as if the whole had been meant so */
    bool used;
};
struct stage_manner { /* of one connector's remote */
    const char *connector, *collection, *path;
    const char *type; /* of an answer; NULL: as the server has it */
    /* What a request asks for, in a word. */
    void (*what)(const char *request, char out[STAGE_WORD_CAP]);
    void (*demand)(const char *request); /* fails where the remote would refuse it */
    char *(*wrap)(const char *what,
                  const char *body); /* of status 200, malloc'ed; NULL: as it is */
};
struct stage {
    const struct stage_manner *manner;
    struct replay *server;
    struct testhost th;
    const struct wess_connector *c;
    struct wess_conn *conn;
    struct wess_call call;
    struct testhost_setting settings[STAGE_SETTINGS_MAX];
    char url[200];
    struct stage_line script[STAGE_SCRIPT_MAX];
    size_t n_script;
    /* Asked first; false: the script answers. */
    bool (*hook)(struct stage *, const char *what, const char *request, struct replay_reply *);
    size_t at; /* the hook's own */
};

struct stage *stage_set_up(const struct stage_manner *);
int stage_tear_down(void **state); /* demands of all requests */
/* Opens, again too: the `n` first settings are there, more follow as name, value, ..., NULL. */
void stage_open(struct stage *, size_t n, va_list more);
void stage_says(struct stage *, const char *what, const char *body);
struct stage_line *stage_says_status(struct stage *, const char *what, unsigned status,
                                     const char *body);
void stage_forget(struct stage *); /* script and requests, which are demanded of before */
/* Requests of a kind so far; the n-th of them. */
size_t stage_asked(const struct stage *, const char *what);
const char *stage_request(const struct stage *, const char *what, size_t n);

#endif
