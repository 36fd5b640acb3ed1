/* A host for tests of connectors: settings from a table, an arena that counts and can be made to
 * fail, blobs in memory, a clock that stands still. Nothing of the core.
 *
 *     struct testhost th;
 *     testhost_init(&th, settings, n);           settings also serve as secrets and tokens
 *     connector->open(&th.host, &conn, &error);
 *     struct wess_call call = testhost_call(&th, conn, "people");
 *     ... testhost_drop(&th);                    what the core does once a page is stored
 *     testhost_fini(&th);
 */
#ifndef TEST_SUPPORT_TESTHOST_H
#define TEST_SUPPORT_TESTHOST_H

#include <stdio.h>

#include "testarena.h"
#include "wess/connector.h"

#define TESTHOST_BUDGET ((size_t)48 << 20)

struct testhost_setting {
    const char *name, *value;
};
struct testhost_blob;
struct testhost {
    struct wess_host host; /* hand out &th.host; its ctx is the testhost */
    struct wess_http http; /* what host.http points to; change it before open() */
    struct wess_arena arena;
    const struct testhost_setting *settings;
    size_t n_settings;
    struct testhost_blob *blobs;
    int64_t now_ms;
    bool cancel;       /* what cancelled() answers */
    unsigned renewals; /* calls of token() with renew */
    char put[256];     /* the last secret_put() value */
    char log[16384];   /* all lines logged, cut at the end */
    FILE *echo;        /* lines go here too; NULL: nowhere */
};

void testhost_init(struct testhost *, const struct testhost_setting *, size_t n);
void testhost_fini(struct testhost *);
void testhost_drop(struct testhost *); /* empties the arena */
struct wess_call testhost_call(struct testhost *, struct wess_conn *, const char *collection);
/* The bytes of a blob; NULL: none of that digest. */
const char *testhost_blob(const struct testhost *, const char *digest, size_t *len);

/* Looking into items. */
const struct wess_field *test_field(const struct wess_item *, const char *name);
const char *test_text(const struct wess_item *, const char *name); /* TEXT, DATE; NULL otherwise */
const struct wess_record *test_record(const struct wess_item *, const char *field, const char *key);
const char *test_record_text(const struct wess_record *, const char *field);
bool test_has_key(const struct wess_item *, const char *space, const char *id);
bool test_has_tag(const struct wess_item *, const char *tag);

#endif
