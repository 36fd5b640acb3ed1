/* wess/connector.h - the contract between the WESS core and a connector.
 *
 * A connector is one shared object that exports one function, wess_connector_v1(). It returns a
 * static struct wess_connector: a table of functions and of declarations. The core hands the
 * connector a struct wess_host and nothing else; a connector links to nothing of the core.
 *
 * A connector loads if its WESS_ABI is equal to the core's. Under one number the structures that
 * stand in arrays (items, fields, ops, results) stay as they are, and members are only ever
 * appended to the table, to struct wess_host and to struct wess_call, which tell their size: a
 * connector of an older header runs without the slots that it does not know.
 *
 * Rules that hold for every slot (numbers as in docs/connector-author.md):
 *
 *  1. Memory. Whatever a connector returns (pages, results, schema, texts) it takes from
 * call->arena by host->alloc(); the core drops the arena whole once it has stored the answer.
 * Inputs live until the call returns. Values over WESS_INLINE_MAX bytes travel as blobs, in pieces.
 *  2. Plain calls. A connection (struct wess_conn) serves one thread at a time; two connections may
 *     be used by two threads at once. A connector blocks, but starts no thread that outlives the
 *     call, keeps no file, never sleeps and never retries, but for one repeat on a fresh connection
 *     after a 401 on a credential already accepted by this connection, and one token refresh. Up to
 *     call->lanes transfers at once inside one call are its own affair. Redirects are followed to
 *     the same scheme, host and port only, at most five, for reads only; a redirected write is
 *     WESS_UNKNOWN.
 *  3. Reading. changes() takes any cursor it ever returned, and an empty one to start a snapshot.
 *     It brings facts; content comes by fetch(), for what was selected. A snapshot misses nothing:
 *     what changes after its first page is in its pages or after its last cursor. Within a run an
 *     id's deletion wins over its upserts where WESS_CAP_TOMBSTONE_PROVES; elsewhere fetch() of
 * that id decides. With limit 1 it must get past: an item over the arena's budget comes as
 *     WESS_REF_ONLY, and fetch() answers WESS_TOO_BIG for it alone. Where facts cost more than a
 *     listing, a change is WESS_BRIEF.
 *  4. Finding. find() looks for live items bearing any of the keys in the whole mailbox or
 * database.
 *  5. Writing. The core has stored every op before apply() is called. A result is preset to
 *     WESS_UNKNOWN; WESS_NOT_TRIED only when it is sure that nothing was applied. Ops of a batch
 * are independent. An op that needs several requests sends the stamped one first.
 *  6. Again. A create with WESS_OP_AGAIN first looks for a live item bearing op->stamp; found, it
 *     answers WESS_OK with its id and `current` and no revision. Items show their stamp as the key
 *     {"wess", stamp}. An update in doubt whose item shows WESS_ITEM_HALF comes with WESS_OP_AGAIN,
 *     and before->revision is the item's of now: what that op had begun is finished, nothing else
 * of it is written. What shows then counts, whatever is answered.
 *  7. No blind writes. Claim WESS_CAP_CAS_* only where the remote itself compares revisions.
 *  8. Facets. A WESS_CAP_FACET collection speaks of the fields it lists only.
 *  9. One seam. Tracing, dry run, waves and contract checks live in one wrapper of the core.
 * 10. Declarations. The table, the options and the schema are whole and the same each time; a
 *     collection claims no more than its kind.
 * 11. Values. Texts are UTF-8 with LF, sets are sorted, records have keys, and what the schema can
 *     hold comes back as it was written.
 *
 * This header needs the C standard library only and compiles as C11 and as C++11. */
#ifndef WESS_CONNECTOR_H
#define WESS_CONNECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WESS_ABI 1u /* raised only when an older plugin would misread a struct */
#define WESS_ENTRY "wess_connector_v1"
#define WESS_EXPORT __attribute__((visibility("default")))

/* Bounds of the contract. */
#define WESS_INLINE_MAX 65536u /* bytes of a value; longer ones are blobs */
#define WESS_STAMP_MAX 64u     /* ASCII letters and digits of a stamp */
#define WESS_ID_MAX 1024u      /* bytes of an item's id */

/* The answer to an op or to a whole call. The comment is what the core does about it. */
enum wess_code {
    WESS_OK,
    WESS_UNKNOWN,   /* sent, no answer: settled by stamp, then sent with WESS_OP_AGAIN */
    WESS_NOT_TRIED, /* surely not applied: sent again as it is */
    WESS_TRANSIENT, /* network, 5xx: the scope rests, pauses grow */
    WESS_THROTTLED, /* the scope rests for retry_after_ms */
    WESS_AUTH,      /* the credential rests until it changes; with scope mailbox or collection only
                       that is closed to us */
    WESS_CONFLICT,  /* stale base revision: read and merge again */
    WESS_GONE,      /* no such item; for a delete that is success. With scope mailbox or collection:
                       out of reach, and nothing in it counts as deleted */
    WESS_REJECTED,  /* never acceptable: the op, or the fields named, are parked */
    WESS_TOO_BIG,   /* ask for less: the core halves its limit */
    WESS_RESET,     /* cursor no longer valid: the core starts a snapshot */
    WESS_CANCELLED,
    WESS_BROKEN, /* bad settings, answer not understood, bug: the endpoint stops */
};

/* What exactly is in trouble; exactly that rests, for all its users. */
enum wess_scope {
    WESS_OF_ITEM,
    WESS_OF_COLLECTION,
    WESS_OF_MAILBOX,
    WESS_OF_CREDENTIAL,
    WESS_OF_HOST
};

/* Filled by the connector when a call answers anything but WESS_OK. Fixed in size, so that
 * reporting never fails. Texts are zero-terminated UTF-8, one line, without secrets or item
 * content. */
struct wess_error {
    int64_t retry_after_ms; /* 0: the core chooses */
    int32_t remote_status;  /* HTTP status, or 0 */
    uint32_t scope;         /* enum wess_scope */
    char remote_code[48];   /* the remote's own word, "ErrorServerBusy" */
    char text[208];
};

/* ---- Values ------------------------------------------------------------------------------------
 */

struct wess_slice {
    const void *data;
    size_t len;
};
struct wess_list { /* zero-terminated UTF-8 strings; as a WESS_SET: sorted by bytes, each once */
    const char *const *of;
    size_t n;
};
struct wess_time {
    const char *local; /* "2026-11-23T09:00:00", wall clock in `zone` */
    const char *zone;  /* IANA name; NULL: floating */
    int64_t ms; /* the instant, UTC, milliseconds since 1970; 0 in what recurs or floats: its local
                   text and zone are all there is, and so it is compared */
};
struct wess_blob { /* a value kept in the host's spool; see blob_* of struct wess_host */
    const char *digest;
    uint64_t size; /* bytes */
};
struct wess_ref { /* another item; the core translates it through its links */
    const char *collection, *id;
};
struct wess_record;
struct wess_records {
    const struct wess_record *of;
    size_t n;
};
enum wess_type {
    WESS_NULL,    /* the field is empty */
    WESS_BOOL,    /* num */
    WESS_INT,     /* num */
    WESS_DECIMAL, /* str, "12.50" */
    WESS_TEXT,    /* str, UTF-8, line ends LF */
    WESS_DATE,    /* str, "2026-11-23"; "--11-23" without a year (RFC 6350 4.3.1) */
    WESS_TIME,    /* time; what lasts whole days has a WESS_DATE in its place, the end being the day
                     after the last (RFC 5545 3.6.1) */
    WESS_LINK,    /* ref */
    WESS_BLOB,    /* blob */
    WESS_SET,     /* set: merged element by element */
    WESS_RECORDS, /* records: merged by key, then field by field */
};
/* A named value. A field that an item does not list is not spoken of; WESS_NULL says it is empty.
 */
struct wess_field {
    const char *name;
    uint32_t type; /* enum wess_type */
    union {
        int64_t num;
        struct wess_slice str;
        struct wess_time time;
        struct wess_ref ref;
        struct wess_blob blob;
        struct wess_list set;
        struct wess_records records;
    };
};
/* One element of a RECORDS field: an address, phone, attendee, override.
 * key: mail and attendee: the folded address; phone and postal address: the slot ("work", "work2",
 * "mobile", "home", "other"); override: the original local date. Fields in any order; a mail
 * address has "value" (TEXT, as written) and "pref" (INT, 1 = first). A phone has "value". A postal
 * address has "street", "locality", "region", "code", "country" (RFC 6350 6.3.1). */
struct wess_record {
    const char *key;
    const struct wess_field *fields;
    size_t n;
};

/* ---- Items -------------------------------------------------------------------------------------
 */

/* A value that ties items across connectors, in folded form: {"email", "a@b"},
 * {"email+name.family", "a@b|jones"}, {"message-id", "<a@b>"}, {"wess", STAMP}. A composite key
 * joins the names of its parts by '+' and their values by '|', and stands beside a key of its first
 * part, through which it is found; an item with several addresses gives several keys. Folded: NFKC,
 * full case folding, white space at the ends cut and inside made one space. */
struct wess_key {
    const char *space, *id;
};
/* What a selector may ask beside tags and dates, {"queue", "12"}. The same name may come several
 * times (a queue's id and its name); a selector is satisfied by any of them. */
struct wess_fact {
    const char *name, *value;
};
enum {                        /* wess_item.flags */
       WESS_ITEM_PRIVATE = 1, /* marked private by its owner */
       WESS_ITEM_WHOLE =
           2, /* every field asked for and not listed is empty (always so from fetch) */
       WESS_ITEM_TRASHED = 4, /* in the remote's bin */
       WESS_ITEM_OUTSIDE = 8, /* found, but not in this collection */
       WESS_ITEM_TELLS =
           16, /* deleting it, or writing a field that TELLS, makes the remote tell somebody */
       WESS_ITEM_LOCKED = 32, /* we may read it, not write it */
       WESS_ITEM_FOREIGN =
           64, /* a copy of what is somebody else's: a meeting that one was asked to. Its alarm,
                  tags and show-as are the owner's, all else is not */
       WESS_ITEM_HALF = 128 /* of fetch(): it looks as an update of several requests leaves it that
                               was cut off between two of them */
};
struct wess_item {
    const char *id;          /* the remote's own, unique within its collection, compared bytewise */
    const char *revision;    /* ChangeKey, lock_version, MODSEQ; NULL: the remote has none */
    const char *kind;        /* "contact", "event", "task", "message" */
    const char *collection;  /* where it is now; NULL: the one asked */
    const char *folder;      /* path for people; NULL: none */
    const char *modified_by; /* the remote's word for who changed it last, or NULL */
    int64_t modified_ms;     /* last change, UTC; 0: unknown */
    int64_t when_ms;         /* start, due or received; 0: none, or a series, which has many */
    uint32_t flags;
    struct wess_list tags; /* a fact; written as the SET field "categories" */
    const struct wess_fact *facts;
    size_t n_facts;
    const struct wess_key *keys;
    size_t n_keys;
    const struct wess_field *fields;
    size_t n_fields;
};

enum wess_what { WESS_UPSERT = 1, WESS_CREATE, WESS_UPDATE, WESS_DELETE };
enum {
    WESS_REF_ONLY = 1, /* wess_change.flags: only id and revision are given: its facts were over the
                          budget, or cannot be read. It is there, and not to be judged. */
    WESS_BRIEF = 2,    /* wess_change.flags: only id and revision are given, since facts cost more
                          than a listing: the core asks for those of what it does not know at that
                          revision, by fetch() with WESS_CALL_FACTS. */
    WESS_AS_NEW = 4,   /* wess_change.flags: of a page that is no snapshot: the remote tells of it
                          as new. If it is known and the same, the remote has started over without
                          saying so, and may have forgotten deletions: the core lists everything. */

    WESS_PAGE_LAST = 1,     /* wess_page.flags: nothing more for now */
    WESS_PAGE_SNAPSHOT = 2, /* this page belongs to a listing of everything */
    WESS_PAGE_SORTED = 4,   /* ids of the snapshot ascend bytewise over all its pages */

    WESS_OP_AGAIN = 1,   /* wess_op.flags: an earlier attempt may have been applied; look first */
    WESS_OP_MAY_TELL = 2 /* the pair allows that the remote tells somebody */
};
struct wess_change {
    uint32_t what; /* WESS_UPSERT or WESS_DELETE */
    uint32_t flags;
    /* Facts; of a deletion the id only. Fields are what the listing tells without another request:
     * of what is filed they do until it goes. None: it is asked for by fetch(). */
    struct wess_item item;
};
struct wess_page {
    const struct wess_change *changes;
    size_t n;
    struct wess_slice next; /* cursor after this page; opaque to the core */
    uint32_t flags;
};

struct wess_op {
    const char *stamp; /* of a create: the same on every attempt; of an update, where the stamp can
                          be written later (WESS_CAP_STAMP_LATER): into an empty slot, or "": what
                          the item bears is another one's, copied with it, and comes off; NULL: it
                          stays as it is */
    uint32_t what;     /* WESS_CREATE, WESS_UPDATE, WESS_DELETE */
    uint32_t flags;
    const struct wess_item *before; /* of an update or delete: what this op was computed from,
                                       whole (WESS_ITEM_WHOLE), with id and revision */
    struct wess_item
        item; /* id for update and delete; fields to write (an update lists only those
                 that change, WESS_NULL clears). A RECORDS or SET field is listed whole. */
};
struct wess_refused { /* a field that the remote will not take */
    const char *field, *text, *remote_code;
};
/* An item of another collection that this one speaks of, and that is not there: {"people",
 * {"email", "a@b"}}. The core tells by relate() when it is, for a month. */
enum { WESS_UNMET_UNSURE = 1 }; /* it could not be looked for: the core does, by find() */
struct wess_unmet {
    const char *collection;
    struct wess_key key;
    uint32_t flags;
};
struct wess_relation {
    const char *id;     /* an item of the call's collection */
    struct wess_ref to; /* what it speaks of */
};
struct wess_result {
    enum wess_code code;  /* preset to WESS_UNKNOWN */
    const char *id;       /* after a create, or when the write changed it */
    const char *revision; /* only if the write itself returned it; never read back separately */
    const char *text, *remote_code; /* why not; without item content */
    const struct wess_refused *refused;
    size_t n_refused;
    const struct wess_item *current; /* the remote's item now: fetch() always; apply() when the
                                        answer carried it. With WESS_ITEM_WHOLE it is complete. */
    const struct wess_unmet *unmet;  /* of an op that went well */
    size_t n_unmet;
    const char *request; /* apply(): by what the remote's own logs know the request that carried the
                            op, whatever came of it; for people; NULL: nothing */
};

/* ---- Calls -------------------------------------------------------------------------------------
 */

struct wess_want { /* hints that a connector may use to ask for less; the core filters again */
    struct wess_list fields, tags;
    int64_t from_ms, until_ms;
};
struct wess_conn;  /* the connector's own */
struct wess_arena; /* the host's */
struct wess_spool; /* the host's */
struct wess_watch; /* the connector's own */
struct wess_call { /* what every call carries; may grow at its end */
    struct wess_conn *conn;
    const char *collection;       /* id, as describe() names it */
    const struct wess_want *want; /* NULL: everything */
    uint32_t lanes;               /* requests it may have open now, at least 1 */
    struct wess_arena *arena;
    struct wess_error error;
    uint64_t requests, bytes_out, bytes_in; /* what this call cost; filled by the connector */
    int64_t remote_ms; /* the remote's own clock as it answered last; 0: unknown */
    uint32_t flags;    /* WESS_CALL_* */
    /* Of check(), for people: what it found there, {"folders", "Contacts and 3 below"}. */
    const struct wess_fact *notes;
    size_t n_notes;
    /* Of check() with WESS_CALL_PROBE: WESS_CAP_* that the remote was seen not to keep, and to
     * keep.
     */
    uint64_t lacks, keeps;
};
enum {
    WESS_CALL_FACTS = 1, /* of fetch(): facts alone are asked for; content may be left out, and none
                            of it is spooled: the items may be of those that nobody shared */
    WESS_CALL_NO_MIME = 2, /* of fetch(): the field "mime" may be left out, and nothing be made of
                              it: it is asked for once more when it is to go somewhere */
    WESS_CALL_PROBE = 8, /* of check(): it may write an item of its own to see how that is taken; it
                            removes it, and what an earlier one that was killed left there. Of
                            values(): it may ask for more */
    WESS_CALL_COMPARE = 16, /* of apply(): CAS_UPDATE was found to be lacking (see lacks): revisions
                               are compared just before each write */
    WESS_CALL_MIME = 32, /* of fetch(): of the fields "mime", "categories" and the natural key are
                            all that is asked for; others may be left out */
    WESS_CALL_NO_PHOTO = 4, /* of fetch(): the field "photo" may be left out, since nobody beside
                               has a place for it */
};
/* Of fetch(): blobs of so many bytes are enough for one call. WESS_NOT_TRIED then says of an item
 * that it was not asked for: it is in the next call. */
#define WESS_FETCH_BYTES ((uint64_t)32 << 20)
struct wess_http { /* settings of the installation for whoever speaks HTTP */
    const char *proxy, *ca_file, *user_agent; /* NULL: the library's default */
    uint32_t connect_timeout_ms, timeout_ms;
    uint64_t body_max; /* bytes of an answer; more is WESS_TOO_BIG */
    /* NULL: nobody asked. Takes what went over the wire, a whole exchange at a time, in which
     * passwords, tokens and cookies are masked; from any thread. */
    void (*trace)(const char *text, size_t len);
};
enum { WESS_LOG_ERROR = 1, WESS_LOG_WARN, WESS_LOG_INFO, WESS_LOG_DEBUG };

/* All that a connector gets. `ctx` goes first into the functions that take one. */
struct wess_host {
    uint32_t abi, size; /* sizeof(struct wess_host): look before using a newer member */
    void *ctx;
    /* Ids and codes only, never content or secrets. */
    void (*log)(void *ctx, int level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
    int64_t (*now_ms)(void *ctx);
    bool (*cancelled)(void *ctx); /* thread-safe; ask at least once a second */
    /* A declared option, checked, defaults filled in; NULL: not set and no default. Lists come as
     * their elements joined by '\n'; of a secret only whether it is set can be told. Lives as long
     * as the connection. */
    const char *(*setting)(void *ctx, const char *name);
    /* An option flagged WESS_OPTION_SECRET. WESS_OK, or WESS_AUTH if it cannot be read. */
    enum wess_code (*secret)(void *ctx, const char *name, char *buf, size_t cap);
    /* In place of the old value, whole or not at all; of an option that ROTATES. */
    enum wess_code (*secret_put)(void *ctx, const char *name, const char *value);
    /* One bearer token per credential, shared by all its users. */
    enum wess_code (*token)(void *ctx, const char *name, bool renew, char *buf, size_t cap);
    /* Zeroed memory aligned for any type; NULL: budget spent, answer WESS_TOO_BIG. */
    void *(*alloc)(struct wess_arena *, size_t);
    enum wess_code (*blob_new)(void *ctx, struct wess_spool **out);
    enum wess_code (*blob_put)(struct wess_spool *, const void *, size_t);
    enum wess_code (*blob_done)(struct wess_spool *, struct wess_arena *, struct wess_blob *out);
    enum wess_code (*blob_open)(void *ctx, const char *digest, struct wess_spool **out);
    int64_t (*blob_get)(struct wess_spool *, void *buf, size_t cap); /* bytes, 0 at the end, < 0 */
    void (*blob_close)(struct wess_spool *); /* without blob_done: thrown away */
    const struct wess_http *http;
    /* "email" -> folded form for keys (see struct wess_key), in the arena; NULL: budget spent. */
    const char *(*fold)(struct wess_arena *, const char *text);
    /* Between reading a secret and putting its successor nobody else does, in this process or
     * another: on waits for it. WESS_OK, or it cannot be. */
    enum wess_code (*secret_hold)(void *ctx, const char *name, bool on);
    /* What costs a remote much to tell and changes seldom, from run to run: no secrets and no item
     * content. It may be gone at any time: NULL. `kept` answers in the arena, with a zero behind.
     */
    bool (*keep)(void *ctx, struct wess_arena *, const char *name, const void *data, size_t len);
    const char *(*kept)(void *ctx, struct wess_arena *, const char *name, size_t *len);
};

/* ---- Declarations ------------------------------------------------------------------------------
 */

enum { /* wess_collection.caps */
       WESS_CAP_DELTA = 1 << 0,
       WESS_CAP_CREATE = 1 << 1,
       WESS_CAP_UPDATE = 1 << 2,
       WESS_CAP_DELETE = 1 << 3,
       WESS_CAP_CAS_UPDATE = 1 << 4, /* the remote itself compares revisions */
       WESS_CAP_CAS_DELETE = 1 << 5,
       WESS_CAP_STAMP =
           1 << 6, /* items carry our stamp from their creation, readable and findable */
       WESS_CAP_FACET = 1 << 7, /* speaks of some fields only: never creates or deletes a record */
       WESS_CAP_TOMBSTONE_PROVES =
           1 << 8, /* a reported deletion is one (not a move, not lost rights), and, without
                      ABSENCE_PROVES, nothing else is: find() flags what is in the bin TRASHED */
       WESS_CAP_ABSENCE_PROVES = 1 << 9, /* not in a snapshot: deleted, or untagged */
       WESS_CAP_SILENT = 1 << 10,      /* no write makes the remote tell anybody, but one that bears
                                          WESS_OP_MAY_TELL */
       WESS_CAP_REWRITES = 1 << 11,    /* shows other text than was written */
       WESS_CAP_STAMP_LATER = 1 << 12, /* an update can fill an empty stamp slot, and empty it */
       WESS_CAP_IDS_MOVE = 1 << 13,    /* an id stays with its item when it moves */
       WESS_CAP_SINGLES = 1 << 14,     /* holds nothing that recurs: of a series it gets the
                                          occurrences, as single items */
       WESS_CAP_REVISIONS_RISE = 1 << 15, /* a revision is a decimal number; each change of its
                                             item raises it, and an id is never given twice */
};
enum {
    WESS_FIELD_READ_ONLY = 1,
    WESS_FIELD_ON_CREATE = 2,
    WESS_FIELD_TELLS = 4,
    WESS_FIELD_UNSHOWN = 8, /* is written and never shown: it goes there, and nothing comes of it */
    WESS_FIELD_WITH_START = 16, /* what can be held of it depends on when the item starts: it comes
                                   again, unchanged, with a new start */
    WESS_FIELD_HIDES = 32 /* an item that shows nothing at all of it may have it out of our sight:
                             that is no deletion */
};
/* One field that a collection can hold. For RECORDS: `name` is the field, `allowed` the keys of its
 * elements (empty: any) and max_n their number; "address.street" and the like bound one part. */
struct wess_field_schema {
    const char *name;
    uint32_t type;    /* enum wess_type */
    uint32_t flags;   /* WESS_FIELD_* */
    uint32_t max_len; /* in Unicode code points, of a BLOB in bytes; 0: no bound known */
    uint32_t max_n;   /* elements; 0: no bound known */
    struct wess_list allowed;
};
struct wess_collection {
    const char *id, *kind, *title;
    const char *generation; /* UIDVALIDITY, a rebuilt folder; another one voids cursors and ids */
    uint64_t caps;
    uint32_t page_max, fetch_max, write_max; /* of one call; 0: 100 */
    uint32_t settle_after_ms;
    struct wess_list facts; /* names that a selector may use; check refuses others */
    const struct wess_field_schema *fields;
    size_t n_fields;
};
struct wess_schema {
    const char *identity; /* which mailbox or database this really is, by its own word */
    const char *version;  /* of the remote, for people; NULL: unknown */
    const char *account;  /* its word for us, as wess_item.modified_by shows it; NULL: unknown */
    uint32_t calls_max;   /* calls at once; 0: any */
    const struct wess_collection *of;
    size_t n;
};

enum {
    WESS_OPTION_REQUIRED = 1,
    WESS_OPTION_SECRET = 2,
    WESS_OPTION_ROTATES = 4, /* a secret that login() makes and secret_put() replaces: in a file */
    /* Part of a credential, as its secrets are: once it changes, or the file that it names, what
     * was refused is tried again. */
    WESS_OPTION_CREDENTIAL = 8
};
/* type: "string", "int", "bool", "duration", "size", "choice", "list", "url"; unit: "s", "bytes",
 * ... or NULL; fallback: default as text, NULL: none; range: "1..512", or "basic|ntlm" for a
 * choice. */
struct wess_option {
    const char *name, *type, *unit, *fallback, *range, *help;
    uint32_t flags;
};
struct wess_kind_caps { /* the most it may claim, known without signing in */
    const char *kind;
    uint64_t caps;
};

/* The connector. NULL in a slot marked optional means: cannot. */
struct wess_connector {
    uint32_t abi, size; /* WESS_ABI, sizeof(struct wess_connector) */
    const char *name, *version;
    const struct wess_option *options;
    size_t n_options;
    const struct wess_kind_caps *kinds;
    size_t n_kinds;
    /* No traffic. `host` lives until close(). */
    enum wess_code (*open)(const struct wess_host *host, struct wess_conn **out,
                           struct wess_error *);
    void (*close)(struct wess_conn *);           /* NULL: nothing */
    enum wess_code (*check)(struct wess_call *); /* one cheap signed-in round trip */
    /* All collections that the settings speak of, with what they can hold. */
    enum wess_code (*describe)(struct wess_call *, struct wess_schema *out);
    enum wess_code (*changes)(struct wess_call *, struct wess_slice cursor, uint32_t limit,
                              struct wess_page *out);
    /* out[i] answers ids.of[i]: WESS_OK with `current`, WESS_GONE, WESS_TOO_BIG, ... */
    enum wess_code (*fetch)(struct wess_call *, struct wess_list ids, struct wess_result *out);
    /* Facts of live items bearing any of the keys, TRASHED and OUTSIDE flagged; without
     * WESS_PAGE_LAST there were too many and the core halves the keys. */
    enum wess_code (*find)(struct wess_call *, const struct wess_key *keys, size_t n,
                           struct wess_page *out);
    /* out[i] answers ops[i]. The call's own code is WESS_OK when the results speak for themselves.
     */
    enum wess_code (*apply)(struct wess_call *, const struct wess_op *ops, size_t n,
                            struct wess_result *out);
    enum wess_code (*ack)(struct wess_call *, struct wess_slice stored); /* optional */
    /* Optional, all four: wakes users early. One descriptor to poll for many users. */
    enum wess_code (*watch_open)(const struct wess_host *const *users, size_t n,
                                 struct wess_watch **out, struct wess_error *);
    int (*watch_fd)(struct wess_watch *);
    enum wess_code (*watch_ready)(struct wess_watch *, bool *woken, int64_t *next_ms,
                                  struct wess_error *);
    void (*watch_close)(struct wess_watch *);
    /* Optional: a person signs in. Tells by say() what they have to do, a line at a time, waits for
     * it (the one slot that may sleep), and puts the secret that comes of it. */
    enum wess_code (*login)(struct wess_call *, void (*say)(void *ctx, const char *text),
                            void *ctx);
    /* Optional: ties items to what was not there when they were written (wess_result.unmet). What
     * is tied already is left as it is: the same may be asked for several times. out[i] answers
     * of[i]; what answers neither WESS_OK, WESS_GONE nor WESS_REJECTED is asked for again. */
    enum wess_code (*relate)(struct wess_call *, const struct wess_relation *of, size_t n,
                             struct wess_result *out);
    /* Optional: the tags that the mailbox offers, {"Workbooks", ID}, each by an id that stays when
     * it is renamed. Asked for when one is tagged first, and when tags were taken off. */
    enum wess_code (*tags)(struct wess_call *, const struct wess_fact **out, size_t *n);
    /* Optional: the values that a fact of call->collection can have, as far as they are known
     * without asking for more than reading does; with WESS_CALL_PROBE all. *all: there are no
     * others. One that means something, but not for who is signed in here, is named by
     * error.remote_code beside WESS_OK, and error.text says what it needs. */
    enum wess_code (*values)(struct wess_call *, const char *fact, struct wess_list *out,
                             bool *all);
};
/* The one symbol that a connector exports. */
WESS_EXPORT const struct wess_connector *wess_connector_v1(void);

#ifdef __cplusplus
}
#endif
#endif
