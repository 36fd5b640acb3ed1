/* One open connector: the endpoint of a user (or shared), its host services, and the one seam round
 * it. Everything the engine asks of a remote goes through here: counting, tracing, waves (a write
 * of a user in `observe` is refused here whatever the planner thought), contract checks, pace. */
#ifndef CORE_HOST_CONN_H
#define CORE_HOST_CONN_H

#include "config/config.h"

struct conn_stats {
    uint64_t calls, requests, bytes_out, bytes_in;
    uint64_t created, updated, deleted, read;
    bool clock_known;
    int64_t ahead_ms; /* the remote's clock against ours, at its last answer */
};
struct conn; /* one thread at a time */

/* ---- a series as its occurrences: series.h
 * ------------------------------------------------------------------------------------------ */

struct series_window {
    int64_t from_ms, until_ms;
    size_t most; /* occurrences of one series */
};
struct series_view {
    struct series_window window;
    /* Whether a series takes part, by its facts; of another one no content is read. NULL: all do.
     * From any thread; memory in the arena. */
    bool (*wanted)(void *ctx, struct wess_arena *, const struct wess_item *facts);
    void *ctx;
};
/* On a page of such a collection, before the occurrences of a series that follow it: what
 * wess_change.what says then, and its flags. item.id is the series'. */
enum { SERIES_OF = 16 };
enum {
    SERIES_LISTED = 1 << 8,  /* item.tags: the ids that there are between the days in its facts */
    SERIES_SINGLE = 1 << 10, /* it is no series; nor may it ever have been one */
    SERIES_GONE = 1 << 9,    /* it is deleted. With neither it takes no part: item has its facts */
};
#define SERIES_FIRST "first" /* a fact: the day of its own beginning, or of what is single now */
#define SERIES_FROM "from"   /* facts: the first and the last day of what is listed */
#define SERIES_UNTIL "until"
/* From now on that collection shows series as occurrences; NULL: as they are. `view` lives as long.
 */
void conn_series(struct conn *, const char *collection, const struct series_view *view);
/* NULL: it shows them as they are. */
const struct series_view *conn_view(const struct conn *, const char *collection);

/* What a check found, for people. */
struct conn_notes {
    const struct wess_fact *of;
    size_t n;
    uint64_t lacks, keeps; /* see struct wess_call */
};

/* Opens without traffic. user is NULL for a shared endpoint. cancelled is asked from any thread. */
enum wess_code conn_open(const struct config *, const struct cfg_endpoint *,
                         const struct cfg_user *, const bool *cancelled, struct conn **out,
                         struct wess_error *);
void conn_close(struct conn *);
/* What may be written through it: set by the engine from the pair's direction and the user's wave.
 * false at first. */
void conn_allow_writes(struct conn *, bool);
/* Capabilities that its remote was seen not to keep: heeded from now on, and claimed no more. */
void conn_lacks(struct conn *, uint64_t caps);
/* describe() once, kept; NULL with *e filled on trouble. Lives as long as the conn. */
const struct wess_schema *conn_schema(struct conn *, struct wess_error *, enum wess_code *);
const struct wess_collection *conn_collection(struct conn *, const char *id, struct wess_error *,
                                              enum wess_code *);
/* A deletion is told there, and nothing but its word proves one. */
static inline bool collection_only_word_proves(const struct wess_collection *c)
{
    return (c->caps & (WESS_CAP_TOMBSTONE_PROVES | WESS_CAP_ABSENCE_PROVES)) ==
           WESS_CAP_TOMBSTONE_PROVES;
}
/* The calls of the contract. Results live in `arena`. Answers are checked against the contract
 * (ids present and bounded, texts UTF-8, one result per op, codes known): a breach is WESS_BROKEN.
 */
enum wess_code conn_check(struct conn *, struct wess_arena *, struct conn_notes *,
                          struct wess_error *);
/* Has a person sign in, who is told what to do by say(); also when the credential was refused: this
 * is the way out of that. */
enum wess_code conn_login(struct conn *, struct wess_arena *,
                          void (*say)(void *ctx, const char *text), void *ctx, struct wess_error *);
enum wess_code conn_changes(struct conn *, const char *collection, struct wess_arena *,
                            const struct wess_want *, struct wess_slice cursor, uint32_t limit,
                            struct wess_page *, struct wess_error *);
enum wess_code conn_fetch(struct conn *, const char *collection, struct wess_arena *,
                          uint32_t flags, struct wess_list ids, struct wess_result *,
                          struct wess_error *); /* flags: WESS_CALL_* */
enum wess_code conn_find(struct conn *, const char *collection, struct wess_arena *,
                         const struct wess_key *, size_t n, struct wess_page *,
                         struct wess_error *);
/* The tags that the mailbox offers, by ids that stay; none where its connector cannot say. */
enum wess_code conn_tags(struct conn *, const char *collection, struct wess_arena *,
                         const struct wess_fact **, size_t *n, struct wess_error *);
/* Which values a fact can have; *all: no others, so that it is false where its connector cannot
 * say. `ask`: the remote may be asked. */
enum wess_code conn_values(struct conn *, const char *collection, struct wess_arena *,
                           const char *fact, bool ask, struct wess_list *, bool *all,
                           struct wess_error *);
/* NULL, or what of a pair cannot be there, in the arena: a fact that the collection does not offer,
 * or a value that it cannot have, so that a select chooses nothing; a custom field that the
 * collection lacks. */
const char *conn_pair_wrong(struct conn *, const struct cfg_pair *, int side,
                            const struct cfg_user *, struct wess_arena *, bool ask);
enum wess_code conn_apply(struct conn *, const char *collection, struct wess_arena *,
                          const struct wess_op *, size_t n, struct wess_result *,
                          struct wess_error *);
/* Whether its connector ties items to what came later, and that. */
bool conn_relates(const struct conn *);
enum wess_code conn_relate(struct conn *, const char *collection, struct wess_arena *,
                           const struct wess_relation *, size_t n, struct wess_result *,
                           struct wess_error *);
const struct conn_stats *conn_stats(const struct conn *);
const char *conn_endpoint(const struct conn *);
/* A fingerprint of the credential in use (keyed digest, hex), for resting it until it changes. */
const char *conn_credential(const struct conn *);
/* Whether an option, which is no secret, is part of the credential. */
bool conn_of_credential(const struct cfg_endpoint *, const char *name);

/* Sets item->keys from its fields, exactly as connectors make them (sdk/src/keys.c); false: arena
 * spent. */
bool conn_keys(struct wess_arena *, struct wess_item *item, const char *stamp);

/* Blobs: spooled to 0600 files below state_dir/spool; services.c gives them to the connector. */
enum wess_code blob_root(const char *state_dir); /* makes the folder 0700, empties left-overs */

/* Blobs that only pass through: small ones stay in memory, up to a bound, others go to files in a
 * folder of 0700 below the spool. They are gone at blob_dir_end(), and so is every folder in it;
 * what a killed process leaves goes with the next start. NULL: errno. */
struct blob_dir;
struct blob_dir *blob_dir_new(const char *state_dir);
struct blob_dir *blob_dir_in(struct blob_dir *outer);
void blob_dir_end(struct blob_dir *);
/* Where the connector's blobs are made and looked for until told otherwise; NULL: in the spool. Not
 * while a call is under way; the folder lives until then. */
void conn_spool_in(struct conn *, struct blob_dir *);

/* Marks a credential as refused before this process has tried it: no call uses it until it changes.
 */
void conn_credential_refused(const char *fingerprint);
/* The secret's value, for whoever must know it; buf is to be wiped. The text says why not. */
bool secret_read(const struct cfg_secret *, const struct cfg_user *, char *buf, size_t cap,
                 const char **why);
/* Puts another in its place, whole or not at all, mode 0600; of a secret in a file. */
bool secret_write(const struct cfg_secret *, const struct cfg_user *, const char *value,
                  const char **why);
/* Waits until nobody else holds it, in this process or another. A descriptor that is closed to let
 * go; -1: *why. */
int secret_lock(const struct cfg_secret *, const struct cfg_user *, bool (*cancelled)(void *ctx),
                void *ctx, const char **why);
/* At the start of a program: no core dumps, files for the owner only, little memory held back. */
void host_harden(void);

/* Watching many users of an endpoint at once; see watch_open in the contract. `users` are n in a
 * row, and live until the close. */
struct conn_watch;
bool conn_can_watch(const struct cfg_endpoint *);
enum wess_code conn_watch_open(const struct config *, const struct cfg_endpoint *,
                               const struct cfg_user *users, size_t n, const bool *cancelled,
                               struct conn_watch **out, struct wess_error *);
int conn_watch_fd(struct conn_watch *);
/* Sets woken[i] of those whose remote has news. *next_ms: to be asked again then at the latest. */
enum wess_code conn_watch_ready(struct conn_watch *, bool *woken, int64_t *next_ms,
                                struct wess_error *);
void conn_watch_close(struct conn_watch *);

/* The log: ids and codes only. Thread-safe; stderr or a file 0600. NULL, or why it is stderr now.
 */
const char *log_open(const char *file, int level);
/* Everything that goes over the wire into a file of 0600, without secrets. NULL, or why not. */
const char *trace_open(const char *path);
void (*trace_sink(void))(const char *text, size_t len); /* NULL: nobody asked for it */
void log_line(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Wall clock, milliseconds; WESS_CLOCK_FILE in the environment of a test or the demo names a file
 * holding an offset in milliseconds, so that time can be moved. */
int64_t clock_now_ms(void);

#endif
