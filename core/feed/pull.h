/* The stage "pull": a feed's pages into the store, facts only. Page and cursor are one transaction;
 * what takes part is judged in memory first, and becomes a to-do in the same transaction. */
#ifndef CORE_FEED_PULL_H
#define CORE_FEED_PULL_H

#include "feed/ahead.h"
#include "feed/select.h"
#include "host/conn.h"

struct subscriber { /* a pair of a user whose `side` this feed is */
    int64_t pu;
    enum side side;
    const struct selector *selector;
};
struct pull {
    struct store *store;
    struct db *db;
    struct conn *conn;
    const struct wess_collection *collection;
    const struct feed_row *feed;
    const char *site, *identity;
    bool by_name; /* some pair of the configuration matches by name: see facts_hashes() */
    const struct subscriber *subs;
    size_t n_subs;
    struct ahead *ahead; /* reads what is new and takes part, while it is listed; NULL: nobody */
    const struct kind_def *filed; /* of a pair that files: what is told of the fields is kept */
    const struct wess_want *want; /* NULL: everything */
    const char *join; /* of a tag source: the key of its items that counts; NULL: it is none */
    bool from_start;  /* begin a snapshot whatever the cursor, and judge all anew */
    int64_t whole_after_ms; /* after that time all is listed again, where a listing tells more than
                               the changes do; 0: never */
    const bool *cancelled;
    /* Is the run of an op still under way in this process? Its own thread settles it then. */
    bool (*live)(void *ctx, int64_t run);
    void *ctx;
    /* out */
    enum wess_code code;   /* WESS_OK, or what stopped it: everything stored so far stands */
    int64_t read, changed; /* items seen; items that were new or other than known */
    bool back;             /* it was put back to an earlier time: see back.h */
    bool store_failed;     /* db_error() tells */
    bool spent;            /* no memory: of the page at hand nothing is stored */
    struct wess_error error;
};
/* Reads to the feeds' ends, side by side; their connections are not the same. */
enum { PULLS_MOST = 2 };
void feed_pull(struct pull *const *, size_t n);

/* ---- tag sources: source.c
 * ------------------------------------------------------------------------------------------ */

/* Of a pull whose items are selected by what sources say: those whose tags have changed there since
 * they were judged are judged again. Facts are asked for; as feed_pull() it leaves what came of it
 * in the pull. */
void feed_judge_again(struct pull *);

/* What an item can be found by: hashes of its keys, of its name without accents, and of the stamp
 * that it bears or that its twin would bear. Names are for items without an address, unless some
 * pair matches by them (`by_name`). false: arena spent. */
struct key_maker {
    struct store *store;
    const struct feed_row *feed;
    const char *site, *identity;
    bool by_name;
};
bool facts_hashes(const struct key_maker *, struct wess_arena *, const struct wess_item *facts,
                  struct hash **out, size_t *n);

/* A key as it is stored: its first byte tells the space, the rest is keyed, so that nobody reads
 * it. */
struct hash key_hash(const struct store *, const char *space, const char *id);
unsigned char key_label(const char *space);
/* The label of A, of a space A+B; false: it is no such space. */
bool key_base(const char *space, unsigned char *label);
/* The join of a source that names the records of the same connector by their own ids. */
#define KEY_ID "id"
/* Under this an item is found by the stamp that it bears, or that its twin would bear. */
#define KEY_DERIVED "stamp-of"
/* Keys without accents, for "alike". */
#define KEY_PLAIN_NAME "fn-plain"

#endif
