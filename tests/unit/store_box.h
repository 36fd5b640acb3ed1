/* A state folder of a test's own, and what the tests of the store say often. */
#ifndef TEST_STORE_BOX_H
#define TEST_STORE_BOX_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/store.h"

struct box {
    char *root;  /* a temporary folder */
    char *state; /* root/state: what store_open() is given; not made yet */
    struct wess_arena *arena;
    struct store *store;
    struct db *db;
};
void box_new(struct box *);
void box_free(struct box *); /* closes, and removes the folder */
void box_open(struct box *); /* the store as owner, and a connection to it */
void box_close(struct box *);
/* In the arena. */
char *box_path(const struct box *, const char *name);

/* store_open() must refuse: with that status, and a text that names the state and has each of the
 * words (ended by NULL). */
void box_refuses(const struct box *, enum store_open, const char *site, int status, ...);

struct bytes {
    unsigned char *data;
    size_t len;
};
struct bytes file_bytes(const char *path); /* of the heap */
void file_put(const char *path, const void *, size_t);
/* Runs SQL on the file itself, as an administrator could. */
void file_sql(const char *path, const char *sql);
/* The first column of the first row, in the heap; NULL: no row or an error. */
char *file_ask(const char *path, const char *sql);

/* The call must answer STORE_OK; what the db says of it is shown otherwise. */
#define OK(box, call) must_be((box)->db, STORE_OK, (call), #call, __FILE__, __LINE__)
#define NONE(box, call) must_be((box)->db, STORE_NONE, (call), #call, __FILE__, __LINE__)
void must_be(const struct db *, enum store_code want, enum store_code got, const char *call,
             const char *file, int line);

struct wess_slice slice_of(const char *text);
bool slice_is(struct wess_slice, const char *text);
struct hash hash_of(int n); /* the same in every run: store_hash() has a key of its own */

#endif
