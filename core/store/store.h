/* All that WESS remembers, in one SQLite database per installation. Nothing outside core/store/
 * knows SQL.
 *
 * `struct store` is the process's hold on the state folder (kernel lock); `struct db` is one
 * thread's connection. Writers take turns: db_begin() waits for the store's writer lock, so a
 * transaction never meets SQLITE_BUSY. A dry db (plan, observe) keeps ops, claims and questions in
 * temporary tables of the same names, so that planning is the same code and leaves nothing behind.
 *
 * Functions that answer enum store_code leave a one-line text in db_error(). Rows returned live in
 * the arena given. Ids of rows are positive; 0 is none. Times are milliseconds, UTC. */
#ifndef CORE_STORE_STORE_H
#define CORE_STORE_STORE_H

#include "engine/reconcile.h"
#include "model/model.h"

enum store_code { STORE_OK, STORE_NONE /* no such row */, STORE_FAIL };

/* ---- Opening ----------------------------------------------------------------------------------
 */

struct store;
struct db;
enum store_open { STORE_READ, STORE_OWN };
/* Opens or (STORE_OWN) creates state_dir/wess.db. NULL: *why (malloc'ed) tells, and *status is the
 * exit status that fits: 6 another process owns it (its pid is named), 7 our own state or disk. */
struct store *store_open(const char *state_dir, const char *site, enum store_open, char **why,
                         int *status);
void store_close(struct store *);
struct db *db_open(struct store *, bool dry); /* NULL: out of memory or file trouble */
/* What went wrong: db_error(), or with db NULL why db_open() last answered NULL. */
void store_say(struct store *, const struct db *, char *buf, size_t cap);
void db_close(struct db *);
const char *db_error(const struct db *);
bool db_failed(const struct db *); /* some call failed since db_open() or the last rollback */
bool db_dry(const struct db *);
enum store_code db_begin(struct db *);
/* The same, but a power cut may take the transaction back whole (never a part, and never an earlier
 * one): for what is simply read or settled again. What is about to be sent is journaled by
 * db_begin(). */
enum store_code db_begin_soft(struct db *);
/* Many readings at one state of the store, without a lock for each. Nothing is written until its
 * end, and nobody waited for: the journal of the database is not emptied while somebody reads. */
enum store_code db_begin_read(struct db *);
void db_end_read(struct db *);
enum store_code db_commit(struct db *); /* rolls back when any call in between failed */
void db_rollback(struct db *);
/* A keyed hash of a key or tag, so that what nobody shared is not readable in the state. The first
 * byte tells the space: see key_hash(). */
enum { HASH_SIZE = 9 };
struct hash {
    unsigned char of[HASH_SIZE];
};
/* A key of the space A+B is looked for among those who share the key of A only. */
enum { HASH_WITHIN = 0x80 }; /* in the first byte */
static inline bool hash_is_within(const struct hash *h)
{
    return (h->of[0] & HASH_WITHIN) != 0;
}
struct hash store_hash(const struct store *, const char *space, const char *id);
const char *store_installation(const struct store *);

/* ---- Feeds and items --------------------------------------------------------------------------
 */

struct feed_row {
    int64_t id;
    int64_t remote; /* the collection that it is of, by its identity; 0: not known yet */
    const char *endpoint, *user, *collection; /* user "" = shared */
    const char *identity, *generation;
    struct wess_slice cursor;
    int64_t snapshot; /* number of the snapshot under way, 0: none */
    bool complete;    /* reached its last page at least once */
    int64_t read_ms;  /* when it last reached its end */
    int64_t whole_ms; /* when a listing of everything last did */
};
enum store_code feed_get(struct db *, struct wess_arena *, const char *endpoint, const char *user,
                         const char *collection, struct feed_row *); /* makes the row if needed */
/* What it is of: another feed of that identity and collection is of the same remote. */
enum store_code feed_identity(struct db *, int64_t feed, const char *identity, const char *gen);
/* STORE_NONE: no such feed yet; 0: it is not known yet what it is of. */
enum store_code feed_remote(struct db *, const char *endpoint, const char *user,
                            const char *collection, int64_t *remote);
/* One that is read of this collection, whichever endpoint it is of. STORE_NONE: none is. */
enum store_code feed_of_remote(struct db *, const char *identity, const char *collection,
                               int64_t *feed);
/* Whether other feeds are of the remote of this one. */
enum store_code feed_has_siblings(struct db *, int64_t feed, bool *any);
enum store_code feed_start_snapshot(struct db *, int64_t feed, int64_t *number);
enum store_code feed_cursor(struct db *, int64_t feed, struct wess_slice cursor, bool last,
                            int64_t now_ms); /* last also ends the snapshot */

enum {                          /* item_row.flags, beside the low bits that are WESS_ITEM_* */
       ITEM_GONE = 1 << 8,      /* reported deleted */
       ITEM_ABSENT = 1 << 9,    /* not in the last snapshot */
       ITEM_CHOSEN = 1 << 10,   /* some subscriber's select chose it */
       ITEM_OURS = 1 << 11,     /* we created it */
       ITEM_UNSEEN = 1 << 12,   /* some link waits to see what became of fields we wrote */
       ITEM_UNJUDGED = 1 << 13, /* its facts are not known: it is there, and no more is known */
       ITEM_FOUND = 1 << 14, /* we created it without learning what it took, and have not looked */
       ITEM_COPY = 1 << 15,  /* seen beside the one whose stamp it bears */
};
struct item_row {
    int64_t id, feed;
    const char *rid, *revision; /* revision NULL: unknown, read again */
    uint32_t flags;
    int64_t modified_ms, seen_ms; /* seen_ms: when we first saw this revision */
    int64_t content;              /* the value kept by item_content() at `content_rev`, or 0 */
    const char *content_rev;
};
enum store_code item_get(struct db *, struct wess_arena *, int64_t id, struct item_row *);
enum store_code item_by_rid(struct db *, struct wess_arena *, int64_t feed, const char *rid,
                            struct item_row *);
/* Inserts or updates by (feed, rid); sets row->id. `mark` is the snapshot's number or 0. */
enum store_code item_put(struct db *, struct item_row *row, int64_t mark);
/* Inserts it with its keys. STORE_NONE: it is there already, and is left as it is. */
enum store_code item_add(struct db *, struct item_row *row, int64_t mark, const struct hash *keys,
                         size_t n);
enum store_code item_mark(struct db *, int64_t item,
                          int64_t mark); /* seen in this snapshot, unchanged */
enum store_code item_flags(struct db *, int64_t item, uint32_t set, uint32_t clear);
enum store_code item_wrote(struct db *, int64_t item, const char *revision, int64_t now_ms);
enum store_code item_revision(struct db *, int64_t item,
                              const char *revision); /* NULL: read again */
enum store_code item_rename(struct db *, int64_t item, const char *rid, const char *revision);
enum store_code item_content(struct db *, int64_t item, const char *rev, struct wess_slice body);
enum store_code items_drop_content(struct db *, int64_t feed); /* of all of them */
/* The content kept by item_content(), encoded; STORE_NONE: none. */
enum store_code item_body(struct db *, struct wess_arena *, int64_t item, struct wess_slice *);
enum store_code item_drop(struct db *,
                          int64_t item); /* with its keys; refused while linked or in doubt */
enum store_code item_forget(struct db *, int64_t item); /* with the questions about it, too */
struct index_row {                                      /* what a sorted listing is compared with */
    int64_t id, seen_ms;
    const char *rid, *revision;
    uint32_t flags;
};
/* The feed's items behind `rid` ("": from the first), in the order of their ids; at most `cap`. */
enum store_code items_behind(struct db *, struct wess_arena *, int64_t feed, const char *rid,
                             struct index_row *out, size_t cap, size_t *n);
enum store_code item_keys(struct db *, int64_t feed, int64_t item, const struct hash *, size_t n);
enum store_code item_copy_keys(struct db *, struct wess_arena *, int64_t from_item, int64_t feed,
                               int64_t to_item);
/* Live items of the feed that bear the key, and `also` where it is given; at most `cap` ids, *n
 * counts all. */
enum store_code items_by_key(struct db *, int64_t feed, const struct hash *,
                             const struct hash *also, int64_t *ids, size_t cap, size_t *n);
/* The index of keys takes up what is new. Look-ups find that anyhow, but one by one: called before
 * many of them. Within a transaction or not. Nothing is done for as few as `enough`: KEYS_FEW items
 * are as well looked through; more than KEYS_MANY are worth an idle moment. */
enum { KEYS_FEW = 32, KEYS_MANY = 4096 };
enum store_code keys_follow(struct db *, int64_t enough);
/* Whether any item of the feed bears a key of that space; true also when the db fails. */
bool keys_any(struct db *, int64_t feed, unsigned char label);
enum store_code item_key_hashes(struct db *, struct wess_arena *, int64_t item, struct hash **,
                                size_t *n);
/* The item as every feed of its remote knows it, itself too. */
enum store_code item_twins(struct db *, struct wess_arena *, int64_t item, int64_t **ids,
                           size_t *n);
/* Items of the feed with that id, or bearing any of the keys; live or not. */
enum store_code items_find(struct db *, struct wess_arena *, int64_t feed, const char *rid,
                           const struct hash *keys, size_t n_keys, struct item_row **, size_t *n);
struct newest_row {
    const char *rid;
    int64_t changed_ms;
};
/* Of a feed whose ids are numbers that rise: what has the highest ones, of what was there before
 * `seen_ms` and is not known to be gone, here or by another feed of the same remote; and when any
 * of those here was changed last. */
enum store_code items_newest(struct db *, struct wess_arena *, int64_t feed, int64_t seen_ms,
                             struct newest_row *out, size_t cap, size_t *n, int64_t *changed_ms);
/* After a snapshot's last page: what was not seen. Linked items are flagged ITEM_ABSENT and become
 * to-dos of their links; the rest is dropped. */
enum store_code items_sweep(struct db *, int64_t feed, int64_t mark, int64_t *absent);

/* ---- Tag sources ------------------------------------------------------------------------------
 */

/* An item of a tag source. One that is gone says what it said, until another one that bears its key
 * is there: a message that was moved, or a folder that cannot be read, is no untag. */
struct tagged_row {
    int64_t id, feed;
    const char *rid, *revision;
    struct hash key;
    bool has_key, gone;
    struct wess_slice tags; /* hashes, one behind the other */
};
struct index_row;
enum store_code tagged_get(struct db *, struct wess_arena *, int64_t feed, const char *rid,
                           struct tagged_row *);
/* Seen now: a change, which those who select by it are to hear of. */
enum store_code tagged_put(struct db *, const struct tagged_row *);
enum store_code tagged_revision(struct db *, int64_t id, const char *); /* nothing else changed */
enum store_code tagged_gone(struct db *, int64_t feed, int64_t id);
/* The same, and it says nothing any more: where not being listed proves that. */
enum store_code tagged_none(struct db *, int64_t feed, int64_t id);
/* As items_behind(). */
enum store_code tagged_behind(struct db *, struct wess_arena *, int64_t feed, const char *rid,
                              struct index_row *, size_t cap, size_t *n);
enum store_code tagged_known(struct db *, int64_t feed, const struct hash *key, bool *known);
enum store_code tagged_bears(struct db *, int64_t feed, const struct hash *key,
                             const struct hash *tag, bool *);
/* The number of the last change; the changes behind a number. */
struct turned {
    int64_t turn;
    const char *rid; /* the source's own */
    struct hash key;
    bool has_key;
};
enum store_code tagged_turn(struct db *, int64_t feed, int64_t *turn);
enum store_code tagged_turned(struct db *, struct wess_arena *, int64_t feed, int64_t after,
                              struct turned *, size_t cap, size_t *n);
/* Up to which change of the source a feed's items were judged. STORE_NONE: never. */
enum store_code joined_get(struct db *, int64_t feed, int64_t source, int64_t *turn);
enum store_code joined_put(struct db *, int64_t feed, int64_t source, int64_t turn);
/* All items of the feed that bear the key, live or not. */
enum store_code keys_bearers(struct db *, struct wess_arena *, int64_t feed, const struct hash *,
                             int64_t **ids, size_t *n);

/* ---- Pairs of users, and what is to be done ----------------------------------------------------
 */

struct pu_row {
    int64_t id, feed[2];
    const char *pair, *user;
    bool met; /* the first meeting is over */
    struct wess_slice select_digest;
    int64_t last_run_ms, last_ok_ms;
};
enum store_code pu_get(struct db *, struct wess_arena *, const char *pair, const char *user,
                       struct pu_row *); /* makes the row if needed */
enum store_code pu_save(struct db *, const struct pu_row *);
enum store_code pus_list(struct db *, struct wess_arena *, struct pu_row **, size_t *n);

enum op_what { OP_LINK = 1, OP_CREATE, OP_UPDATE, OP_DELETE, OP_END };
enum chosen {
    NOT_CHOSEN,
    CHOSEN,
    UNTAGGED /* lacks the tags asked */,
    OUT_OF_SCOPE /* facts, folder */,
    KEPT_PRIVATE,
    UNJUDGED /* its facts are not known: it is read to say why, and not planned */
};
/* What a person let go: guards do not count it. Who lets go changes lets no deletion go that the
 * item comes to before they are made. */
enum { RELEASED = 1, RELEASED_END = 2, RELEASED_DELETE = 4 };
bool is_released(unsigned released, enum op_what);
struct todo_row {
    int64_t pu, item, hold; /* hold: waiting on this list, 0: free */
    enum side side;
    enum chosen chosen;
    unsigned released;   /* RELEASED_*; 0: by nobody */
    int64_t modified_ms; /* of its item; todo_newest() alone says it */
};
/* A new state of the item replaces an older to-do of it (and leaves any hold). */
enum store_code todo_put(struct db *, int64_t pu, enum side, int64_t item, enum chosen);
enum store_code todo_drop(struct db *, int64_t pu, enum side, int64_t item);
/* The same, unless the item's revision is another one than `seen` by now. */
enum store_code todo_done(struct db *, int64_t pu, enum side, int64_t item, const char *seen);
/* The next free ones (hold = 0) behind `last` (item 0: from the start), the left side's first, in
 * the order in which their items came. Those whose item an op in doubt is about, as its source or
 * as either end of its link, are left out. */
enum store_code todo_next(struct db *, int64_t pu, const struct todo_row *last, struct todo_row *,
                          size_t cap, size_t *n);
/* The same, the last modified first. */
enum store_code todo_newest(struct db *, int64_t pu, const struct todo_row *last, struct todo_row *,
                            size_t cap, size_t *n);
enum store_code todo_get(struct db *, int64_t pu, enum side, int64_t item, struct todo_row *);
enum store_code todo_count(struct db *, int64_t pu, int64_t *free, int64_t *held);

/* Capabilities that a remote claims and was seen not to keep (WESS_CAP_*); STORE_NONE: nobody saw
 * any. 0 forgets them. */
enum store_code lacks_get(struct db *, const char *endpoint, const char *identity, uint64_t *caps);
/* The id that a tag had in a mailbox; NULL forgets it. STORE_NONE: none is known. */
enum store_code tag_id_get(struct db *, struct wess_arena *, const char *endpoint,
                           const char *identity, const char *tag, const char **id);
enum store_code tag_id_put(struct db *, const char *endpoint, const char *identity, const char *tag,
                           const char *id);
enum store_code lacks_put(struct db *, const char *endpoint, const char *identity, uint64_t caps);

/* ---- Links and values -------------------------------------------------------------------------
 */

struct link_row {
    int64_t id, pu, item[2];
    const char *rev[2];          /* the revision its shadow was taken at; NULL: read again */
    struct wess_slice shadow[2]; /* encoded content; len 0: none yet */
    const char *unseen[2];       /* field names joined by '\n'; "" none */
    int64_t changed_ms[2];       /* when a foreign change was first seen */
    bool chosen[2], made[2];     /* chosen when last decided; created by us */
    const char *stamp;
    bool ended;
    const char *reason, *who; /* of an ended link: "untag-left", "deleted-right", ... */
    int64_t ended_ms;
};
enum store_code link_get(struct db *, struct wess_arena *, int64_t id, struct link_row *);
/* The active link of the item in this pu, or else the newest ended one. */
enum store_code link_of(struct db *, struct wess_arena *, int64_t pu, enum side, int64_t item,
                        struct link_row *);
enum store_code link_put(struct db *, struct link_row *); /* id 0: inserts and sets it */
enum store_code link_end(struct db *, int64_t id, const char *reason, const char *who, int64_t now);
/* All active links of an item, whatever the pu: calls each(ctx, link, pu, side). */
enum store_code
links_of_item(struct db *, int64_t item,
              void (*each)(void *ctx, int64_t link, int64_t pu, enum side, bool ended), void *ctx);
/* What items of other feeds of that collection that bear the key are linked
 * to, from that side. */
enum store_code links_by_key(struct db *, const struct feed_row *, enum side, const struct hash *,
                             int64_t *out, size_t cap, size_t *n);
enum store_code link_count(struct db *, int64_t pu, int64_t *active);
/* Who else holds `item`, by whatever feed, on the other side of `s`: links that stand, whoever's,
 * but for this one (0: none yet). */
struct link_holders {
    bool owner;     /* one whose item on `s` is no copy of somebody else's (WESS_ITEM_FOREIGN) */
    bool copy;      /* one whose item is such a copy */
    bool older_one; /* and one of those is older than this link */
};
enum store_code link_holders(struct db *, int64_t link, enum side s, int64_t item,
                             struct link_holders *);
/* Those that stand, and whose item that side's select chose when it was last decided. */
enum store_code links_chosen(struct db *, int64_t pu, enum side, int64_t *n);

/* ---- The journal ------------------------------------------------------------------------------
 */

enum op_state { OP_PLANNED, OP_SENT };
enum { OP_BODY, OP_OLD, OP_BEFORE, OP_SHADOW_L, OP_SHADOW_R, OP_VALUES };
struct op_row {
    int64_t id, run, pu, link;
    enum side side; /* the side that is written */
    enum op_what what;
    enum op_state state;
    int64_t item[2]; /* left and right item, 0: to be created */
    int64_t todo_item;
    enum side todo_side; /* the to-do it answers */
    const char *stamp;
    const char *revision;        /* of the target, what it was computed from */
    const char *seen;            /* revision of the source, what it was computed from */
    struct wess_slice body;      /* encoded patch, or content of a create */
    struct wess_slice old;       /* encoded old values of the fields in the patch */
    struct wess_slice before;    /* encoded content of the target, whole: the before-image */
    struct wess_slice shadow[2]; /* encoded shadows once it is settled */
    const char *unseen[2];
    const char *reason; /* reason code; of OP_END the link's */
    int64_t sent_ms;
    int attempt;
    bool released;
    const char *request;      /* that carried it, as the remote calls it; NULL: not told */
    int64_t value[OP_VALUES]; /* the store's own: where body, old, before, shadows are kept */
};
/* The operations of a batch are settled one after the other, within one transaction: what the one
 * at hand holds is known to be stored, and those that are over leave the journal together when none
 * is at hand any more (NULL), which is before the transaction ends. */
enum store_code op_at_hand(struct db *, const struct op_row *);
enum store_code op_put(struct db *, struct op_row *); /* inserts, sets id and value */
/* The next planned ops of this kind and side behind `after`. */
enum store_code op_next(struct db *, struct wess_arena *, int64_t pu, enum op_what, enum side,
                        int64_t after, struct op_row *, size_t cap, size_t *n);
enum store_code op_get(struct db *, struct wess_arena *, int64_t id, struct op_row *);
bool op_stands(struct db *, int64_t id); /* it is not over */
/* Planned op that touches the item on that side in this pu (a link or create within one plan). */
enum store_code op_touching(struct db *, int64_t pu, enum side, int64_t item, int64_t *op);
enum store_code op_sent(struct db *, int64_t id,
                        int64_t now_ms); /* journaled: may be on the wire */
/* The same of all from `from` to `to`. */
enum store_code ops_sent(struct db *, int64_t from, int64_t to, int64_t now_ms);
enum store_code op_unsend(struct db *, int64_t id); /* surely not applied */
/* What is in doubt waits as if it had been sent then. */
enum store_code op_waits_from(struct db *, int64_t id, int64_t now_ms);
/* It stays in doubt, and this is the request that may have applied it. */
enum store_code op_doubted(struct db *, int64_t id, const char *request);
/* The op, as it was read from here, is over: goes to the history with its before-image, its claims
 * end. code: "ok", "rejected".. */
enum store_code op_done(struct db *, const struct op_row *, const char *code, int64_t now_ms);
/* A create, "ok": what it made, and the link, which bears the stamp from now on. */
enum store_code op_made(struct db *, const struct op_row *, int64_t item, int64_t link,
                        int64_t now_ms);
enum store_code op_drop(struct db *, int64_t id); /* never sent: forgotten, claims end */
enum store_code ops_drop_planned(struct db *, int64_t pu);
enum store_code ops_in_doubt(struct db *, struct wess_arena *, int64_t pu, struct op_row **,
                             size_t *n);
/* The items of that side whose twin is being created, by creates in doubt. */
enum store_code ops_create_sources(struct db *, struct wess_arena *, int64_t pu, enum side from,
                                   int64_t **out, size_t *n);
/* An op in doubt by its stamp. */
enum store_code op_by_stamp(struct db *, struct wess_arena *, const char *stamp, struct op_row *);
/* The planned op of this link on that side. */
enum store_code op_of_link(struct db *, int64_t link, enum side, int64_t *op);
/* Whether an op that is over made something of this item with that stamp. */
bool stamp_used(struct db *, int64_t source, const char *stamp);
/* The claim of one key of the op's item on a remote. STORE_NONE: somebody else holds it: *holder is
 * their op, or else *made the item that it made: such a claim is kept for keep_ms behind its op. */
enum store_code claim_take(struct db *, int64_t remote, const struct hash *, int64_t op,
                           int64_t keep_ms, int64_t *holder, int64_t *made);
/* Takes it from what was made. */
enum store_code claim_over(struct db *, int64_t remote, const struct hash *, int64_t op,
                           int64_t keep_ms);
enum store_code claims_expire(struct db *, int64_t now_ms);
enum store_code claims_count(struct db *, int64_t *n);
/* Counts for guards: planned ops; history since. `pu` 0: over all. */
enum store_code ops_planned(struct db *, int64_t pu, enum op_what, int side /* -1 both */,
                            bool released, int64_t *n);
enum store_code ops_since(struct db *, int64_t pu, enum op_what, int64_t since_ms, int64_t *n);
/* Of both those that are of a series of which one counts already; since_ms 0: of the planned. */
enum store_code ops_of_series(struct db *, int64_t pu, enum op_what, int64_t since_ms, int64_t *n);

/* ---- What is not there yet
 * ---------------------------------------------------------------------------------------
 */

/* The item speaks of who bears that key in that feed, and nobody did. */
enum store_code unmet_put(struct db *, int64_t item, int64_t feed, const struct hash *key,
                          int64_t until_ms);
/* The same, where nobody could look: the key is kept itself, to look by it later. */
enum store_code unmet_ask(struct db *, int64_t item, int64_t feed, const struct hash *key,
                          const struct wess_key *, int64_t until_ms);
struct asked_row {
    int64_t item, feed;
    const char *rid, *collection; /* the item by its remote's id; of the feed that it speaks of */
    struct wess_key key;
    struct hash hash;
};
/* Of the items of that feed, one feed behind the other; at most `cap`. */
enum store_code unmet_asked(struct db *, struct wess_arena *, int64_t feed, struct asked_row *,
                            size_t cap, size_t *n);
enum store_code unmet_looked(struct db *, int64_t item, const struct hash *key); /* nobody is */
struct met_row {             /* now somebody does */
    int64_t item, feed;      /* and of which feed that is */
    const char *rid, *other; /* the item, and who it is, by the remote's ids */
    struct hash key;
};
/* Of the items of that feed; at most `cap`. */
enum store_code unmet_met(struct db *, struct wess_arena *, int64_t feed, struct met_row *,
                          size_t cap, size_t *n);
enum store_code unmet_drop(struct db *, int64_t item, const struct hash *key);
enum store_code unmet_expire(struct db *, int64_t now_ms);
bool unmet_expired(struct db *, int64_t now_ms); /* whether that would drop any */
bool unmet_any(struct db *);

/* ---- What waits for a person -------------------------------------------------------------------
 */

enum ask_kind { ASK_CONFLICT = 1, ASK_QUESTION };
struct ask_row {
    int64_t id, pu, link, item; /* item: a question's own item */
    enum ask_kind kind;
    enum side side;           /* of `item` */
    const char *field;        /* conflict: left name */
    const char *reason;       /* "several", "duplicate-of", "alike", "untagged-twin", "differs" */
    struct wess_slice values; /* conflict: encoded content with fields "base", "left", "right" */
    const char *candidates;   /* question: ids of items of the other side, joined by ',' */
    const char *title;        /* for people */
    const char *answer;       /* NULL: open; "left", "right", "both", "value:TEXT", "link:ID",
                                 "create", "leave" */
    int64_t asked_ms;
};
/* One per (pu, item) for a question, per (link, field) for a conflict: asked again it keeps its
 * number and an answer that is not yet carried out. */
enum store_code ask_put(struct db *, struct ask_row *);
enum store_code ask_get(struct db *, struct wess_arena *, int64_t id, struct ask_row *);
enum store_code ask_of_item(struct db *, struct wess_arena *, int64_t pu, enum side, int64_t item,
                            struct ask_row *);
enum store_code asks_of_link(struct db *, struct wess_arena *, int64_t link, struct ask_row **,
                             size_t *n);
enum store_code ask_answer(struct db *, int64_t id, const char *answer); /* makes its to-do */
enum store_code ask_close(struct db *, int64_t id);
/* pu 0: all. */
enum store_code asks_list(struct db *, struct wess_arena *, int64_t pu, bool open_only,
                          struct ask_row **, size_t *n);

struct hold_row {
    int64_t id, pu, n, made_ms; /* n: still on its list */
    enum op_what what;
    enum side side;
    const char *reason; /* a sentence */
    bool released;
};
enum store_code hold_make(struct db *, struct hold_row *); /* sets id */
/* Takes the planned ops of the kind off the plan and puts their to-dos on the list. */
enum store_code hold_ops(struct db *, int64_t hold, int64_t pu, enum op_what, int side);
/* Planned operations of that sort and reason that no person let go; and the same onto a list, with
 * what the other side of their links would get. */
enum store_code ops_meetings(struct db *, int64_t pu, enum op_what, const char *reason, int64_t *n);
enum store_code hold_meetings(struct db *, int64_t hold, int64_t pu, enum op_what,
                              const char *reason);
enum store_code holds_list(struct db *, struct wess_arena *, int64_t pu, struct hold_row **,
                           size_t *n);
enum store_code hold_items(struct db *, struct wess_arena *, int64_t hold, struct todo_row **,
                           size_t *n);
enum store_code hold_release(struct db *, int64_t hold); /* its to-dos are free and released */

struct parked_row {
    int64_t id, pu, link, item, when_ms;
    enum side side;    /* which side would not take it */
    const char *field; /* "" = the whole item */
    const char *why, *code;
    struct hash value; /* of what was refused: another value is tried again */
};
enum store_code parked_put(struct db *, const struct parked_row *);
enum store_code parked_of(struct db *, struct wess_arena *, int64_t pu, int64_t link, int64_t item,
                          struct parked_row **, size_t *n);
enum store_code parked_clear(struct db *, int64_t pu, int64_t link, int64_t item,
                             const char *field);
/* What was parked of an item without a link is its link's from now on. */
enum store_code parked_link(struct db *, int64_t pu, int64_t item, int64_t link);
enum store_code parked_count(struct db *, int64_t pu, int64_t *n);
enum store_code parked_list(struct db *, struct wess_arena *, int64_t pu, struct parked_row **,
                            size_t *n);

/* The last reason code of an item in a pu, for `wess why`: what was put, or that of the last write
 * that went well, whichever is newer. */
enum store_code why_put(struct db *, int64_t pu, enum side, int64_t item, const char *reason,
                        int64_t now_ms);
enum store_code why_get(struct db *, struct wess_arena *, int64_t pu, enum side, int64_t item,
                        const char **reason, int64_t *when_ms);
/* The newest before-image or shadow known of an item, for titles; STORE_NONE: nothing of it is
 * kept. */
enum store_code item_known(struct db *, struct wess_arena *, int64_t item, struct wess_slice *);

/* ---- Rests, runs -------------------------------------------------------------------------------
 */

struct rest_row {
    const char
        *scope; /* "host:crm", "credential:ENDPOINT:USER:FINGERPRINT", "mailbox:exchange:u1" */
    int64_t until_ms;
    int fails;
    const char *text;
};
enum store_code rest_get(struct db *, struct wess_arena *, const char *scope, struct rest_row *);
enum store_code rest_put(struct db *, const struct rest_row *);
enum store_code rest_clear(struct db *, const char *scope);
enum store_code rests_list(struct db *, struct wess_arena *, struct rest_row **, size_t *n);

struct run_row {
    int64_t id, pu, began_ms, ended_ms;
    int status;         /* exit status of this run */
    const char *report; /* JSON, as `sync --json` prints it per pair and user */
};
enum store_code run_begin(struct db *, int64_t pu, int64_t now_ms, int64_t *id);
enum store_code run_end(struct db *, const struct run_row *);
enum store_code run_last(struct db *, struct wess_arena *, int64_t pu, struct run_row *);
struct history_row {
    int64_t id, run, pu, link, item[2], when_ms;
    enum side side;
    enum op_what what;
    const char *reason, *code, *request; /* request NULL: not told */
    struct wess_slice body, before;
};
enum store_code history_of_item(struct db *, struct wess_arena *, int64_t item,
                                struct history_row **, size_t *n);
/* Old before-images, ended links and values that nothing refers to. */
enum store_code store_tidy(struct db *, int64_t now_ms, int64_t keep_images_ms,
                           int64_t keep_ended_ms);

#endif
