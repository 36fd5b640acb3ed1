/* One run: a pair, for one user, through all its stages. Private to core/engine.
 *
 *     pull (feed/) -> [ load -> weigh -> match -> [ read -> plan ] per part ] per batch -> guard ->
 * claim
 *          -> apply (journal, send, settle) -> report;   recover before all that
 *
 * Functions answer true to go on. false: the run stops, and its report tells why. */
#ifndef CORE_ENGINE_RUN_H
#define CORE_ENGINE_RUN_H

#include "engine/engine.h"
#include "feed/pull.h"
#include "host/conn.h"
#include "model/rules.h"

/* Reason codes: what `why`, plans and reports speak in. One table with their sentences: reason.c.
 */
#define WHY_IN_STEP "in-step"
#define WHY_LINKED "linked"
#define WHY_RESUMED "resumed"
#define WHY_CREATED "created"
#define WHY_UPDATED "updated"
#define WHY_DELETED "deleted"
#define WHY_RESTORED "restored"
#define WHY_NOT_CHOSEN "not-chosen"
#define WHY_PRIVATE "private"
#define WHY_UNTAG_LEFT "untag-left"
#define WHY_UNTAG_RIGHT "untag-right"
#define WHY_DELETED_LEFT "deleted-left"
#define WHY_DELETED_RIGHT "deleted-right"
#define WHY_BOTH_GONE "both-gone"
#define WHY_OUT_OF_SCOPE "out-of-scope"
#define WHY_MOVED "moved-away"
#define WHY_COPY "copy-left"
#define WHY_HIDDEN "out-of-reach"
#define WHY_BY_HAND "by-hand"
#define WHY_DECLINED "declined"
#define WHY_SHARED "shared"
#define WHY_CONFLICT "conflict"
#define WHY_PARKED "parked"
#define WHY_HELD "held"
#define WHY_MEETING "meeting"
#define WHY_DEFERRED "deferred"
#define WHY_NOT_ALLOWED "not-allowed"
#define WHY_ENDED "ended"
#define WHY_IN_DOUBT "in-doubt"
#define WHY_UNCLEAR "unclear"
#define WHY_FILED "filed"
#define WHY_REFILE "refile"
/* Reasons of questions. */
#define ASK_SEVERAL "several"
#define ASK_DUPLICATE "duplicate-of"
#define ASK_UNTAGGED "untagged-twin"
#define ASK_ALIKE "alike"
#define ASK_ENDED "ended-twin"
#define ASK_TWICE "made-twice"
#define ASK_RULE "by-rule"
#define ASK_DIFFERS "differs"

struct round;
struct shared_feed;

struct run_side {
    const struct cfg_endpoint *endpoint;
    struct conn *conn;
    const struct wess_schema *schema;
    const struct wess_collection *collection;
    struct feed_row feed;
    struct selector selector;
    struct series_view view;    /* where the other side holds nothing that recurs */
    struct shared_feed *shared; /* NULL: this user's own feed */
    bool common;                /* other pairs or users read and write that shared feed, too */
    int64_t keep_claims_ms;     /* claim.c: others may write by feeds of their own; 0: none */
    bool writable;              /* the wave and the pair's direction allow it */
    bool missed;                /* what was made last is not: to be made sure of */
    bool newest_seen;           /* newest.c: what was made last is there */
};
struct run_source { /* who says what of a side bears which tags; see source.c */
    struct run_side of;
    bool failed; /* it could not be opened */
};
struct run {
    struct round *round;
    const struct config *cfg;
    const struct cfg_pair *pair;
    const struct cfg_user *user;
    struct store *store;
    struct db *db;
    struct wess_arena *arena; /* lives as long as the run */
    struct pu_row pu;
    struct run_side side[2];
    struct run_source source[2];
    struct run_report report;
    size_t slot;            /* of its worker */
    int64_t id;             /* of the run row */
    int64_t retry_at_ms;    /* something may be settled then; 0: nothing waits */
    bool dry;               /* plans only: opts.dry, or a user who observes */
    bool cut_off;           /* the last run was: what is read is kept, until one comes to its end */
    int64_t taken_up;       /* operations planned in the passes before */
    size_t progress;        /* operations settled and merges repeated in this pass */
    struct ahead *ahead[2]; /* what is read of a side while it is listed; NULL: nothing */
    struct todo_row
        *met; /* of a dry run: to-dos that another run would have left to its next pass */
    size_t n_met;
    struct blob_dir *spool; /* of a pair that files: emptied with the run; NULL */
};
/* Content that was read of that side stays for the next run. */
static inline bool run_keeps(const struct run *r, enum side s)
{
    return r->side[s].common || (r->cut_off && !r->pair->files);
}
static inline enum side other_side(enum side s)
{
    return s == LEFT ? RIGHT : LEFT;
}

/* ---- trouble.c: whose fault, how long it rests, what the report says ----------------------------
 */

/* Notes a failed call: the scope rests, the report gets status and text. Answers false. */
bool run_trouble(struct run *, enum side, enum wess_code, const struct wess_error *,
                 const char *stage);
/* The same of whoever is no side of the pair. */
bool run_trouble_with(struct run *, const struct run_side *, enum wess_code,
                      const struct wess_error *, const char *stage);
bool run_resting_with(struct run *, const struct run_side *);
void run_welcome_with(struct run *, const struct run_side *);
bool run_store_failed(struct run *); /* notes db_error(); answers false */
bool run_memory(struct run *);       /* out of arena; answers false */
/* Whether what was read or made so far lacks nothing: neither the store nor the arena nor a
 * comparison failed in a place that could not say so. Asked before anything of it is stored. */
bool run_sound(struct run *, const struct wess_arena *);
bool run_cancelled(struct run *);
/* Rests that forbid calling that side now; noted in the report. */
bool run_resting(struct run *, enum side);
void run_welcome(struct run *, enum side); /* a call went well: its rests end */

/* ---- a batch of to-dos
 * --------------------------------------------------------------------------- */

enum act {
    ACT_WAIT,    /* leave the to-do */
    ACT_DROP,    /* nothing to do; `reason` says why */
    ACT_LOOK,    /* read, to say why it cannot be judged; nothing is done with it */
    ACT_MERGE,   /* linked: three-way merge */
    ACT_CREATE,  /* a twin on the other side */
    ACT_ASK,     /* a question with `reason` and candidates */
    ACT_END,     /* the link ends with `reason` */
    ACT_DELETE,  /* the twin on `target` is deleted, the link ends */
    ACT_RESTORE, /* the deleted item of `target` is created again */
    ACT_FILE     /* it lies on the right already: remembered, and nothing moves it again */
};
#define CANDIDATES_MAX 8u
#define SAID_MOST 199u /* bytes of what a remote said of an item: the rest is in the log */
struct entry {
    struct todo_row todo;
    enum act act;
    const char *reason;
    enum side target;
    bool linked, fresh; /* has an active link; it was made in this batch */
    struct link_row link;
    struct item_row row[2]; /* id 0: no such item */
    bool has_todo[2];       /* a to-do of that side is answered by this entry */
    enum chosen chosen[2];  /* NOT_CHOSEN: nothing new is known */
    bool end_held;          /* whether its link ends waits for a person */
    bool gone_held;         /* so does what follows from its other end's being gone */
    bool change_held;       /* so does what changed at its other end */
    bool suspect[2];        /* gone or absent: to be weighed */
    bool gone[2];           /* proved */
    bool alive[2];          /* reported gone, and found where it was */
    bool unheard[2];        /* the link goes on with an item of which no to-do speaks */
    bool need[2];           /* its content is to be read */
    const struct content *now[2];
    const char *now_rev[2];
    bool read[2];          /* from the remote, in this batch: news to the cache of a shared feed */
    enum wess_code got[2]; /* of the reading; WESS_NOT_TRIED: not read */
    const char *got_text[2], *got_code[2];
    int64_t candidates[CANDIDATES_MAX];
    size_t n_candidates;
    enum side copy_of; /* WHY_COPY: the side where the first candidate was copied */
    bool no_claim;     /* has no key to claim a create with */
    bool unfit;        /* a person's answer cannot be carried out any more: it is asked anew */
};
/* The keys of items whose twin is being created, it is not known whether. */
struct doubts {
    struct hash *of;
    size_t n;
};
struct batch {
    struct wess_arena *arena; /* dropped whole after the batch */
    struct entry *of;
    size_t n, taken;         /* entries, and the to-dos that they stand for */
    struct doubts doubts[2]; /* doubt.c: of that side's items */
    /* match_keys.c: which spaces of keys a side bears at all; most first syncs find them empty. */
    unsigned char borne[2][256];
};
enum { BORNE = 1, NOT_BORNE };

bool batch_load(struct run *, struct batch *, const struct todo_row *, size_t n); /* load.c */
/* load.c: whether a link of an entry has that item at that end, which need not be stored yet. */
bool batch_links(const struct batch *, enum side, int64_t item);
/* load.c: private there, where private items take no part. */
bool item_private(const struct run *, enum side, const struct item_row *);
/* The flag of an item that a reading did not find: told as deleted, or absent where nothing but the
 * remote's word proves a deletion. */
uint32_t item_not_found(const struct run_side *);
bool batch_weigh(struct run *, struct batch *); /* weigh.c: deletions proved by looking */
bool batch_match(struct run *, struct batch *); /* match.c: the unlinked */
/* read.c: what need not come with a content of that side, WESS_CALL_*. */
uint32_t read_flags(const struct run *, enum side);
/* read.c: the contents of one batch after the other. What is needed is read from reader_begin() on,
 * `part` entries at a time; nobody else calls a side until reader_plan(), which plans each part
 * once it was read. reader_free() waits for what is under way. */
#define BATCH_MOST 1000u /* entries; more than one part only of small ones: memory is shared */
#define PARTS_MOST 4u
struct reader;
struct reader *reader_new(struct run *); /* NULL: out of memory */
bool reader_begin(struct reader *, struct batch *, size_t part);
bool reader_plan(struct reader *, struct batch *);
void reader_free(struct reader *); /* NULL: nothing */
/* plan.c: ops, asks, shadows; within a transaction, which is rolled back where it fails. */
bool plan_entries(struct run *, struct wess_arena *, struct entry *of, size_t n);

/* The to-do of the item is answered, unless the item has changed since it showed `seen`: a shared
 * feed is read by other threads meanwhile. */
void todo_answered(struct run *, enum side, int64_t item, const char *seen);

/* match_keys.c: does anything of the other side bear a key of this item now? */
bool match_exists(struct run *, struct wess_arena *, enum side from, int64_t item);
/* The same of what no link of this pair and user knows. */
bool match_free(struct run *, struct wess_arena *, enum side from, int64_t item);
/* What is left of two that were merged: the one item of that side that bears what links by itself
 * with the one that is gone, and that no link of this pair and user knows. *out without id: none,
 * or several. */
bool match_survivor(struct run *, struct batch *, enum side, int64_t gone, struct item_row *out);
bool match_by_name(const struct hash *keys, size_t n);
/* Two that bear that key may be one item. */
bool match_ties(const struct run *, const struct hash *key, bool by_name);

/* past.c: asks about an entry without a twin which may be what an ended link knew; ACT_WAIT: what
 * that link comes to is not judged yet. false: the store failed. */
bool past_meets(struct run *, struct batch *, struct entry *, const struct hash *keys, size_t n);

/* Where no key is sure: something that takes part has the name of an item that is gone, and is
 * linked with nothing yet: a mailbox that was imported anew shows both. false: the store failed. */
bool past_is_back(struct run *, struct wess_arena *, enum side, int64_t gone, bool *back);

/* doubt.c: who meets a create in doubt waits until it is settled, and matches again. The first, for
 * a batch: false: the store failed. */
bool doubts_load(struct run *, struct batch *);
bool doubt_meets(const struct batch *, struct entry *, const struct hash *keys, size_t n);
/* What would be restored may be there already, typed anew: then the link lets the living end go,
 * and that one meets the other side for the first time. true: *met says so; false: the store failed
 * (told). In the plan's transaction. */
bool restore_meets(struct run *, struct wess_arena *, struct entry *, bool *met);

/* The pure merge's input and output, in terms of rows. */
struct merge {
    struct reconcile_in in;
    struct reconcile_out out;
    struct content shadow[2];
    struct ask_row *asks;
    size_t n_asks;
};
/* merge_prepare.c */
bool merge_prepare(struct run *, struct wess_arena *, struct entry *, struct merge *);
/* The fields that we wrote and have not seen since: what they show is what the remote made of them,
 * as long as nobody else wrote after us. Behind a foreign revision only what is alike still counts
 * as ours; anything else is somebody's edit and must not be swallowed. */
struct wess_list still_unseen(struct wess_arena *, const struct entry *, enum side,
                              const struct content *shadow);
/* merge.c: ACT_MERGE; and what a side has no room for, parked. */
bool merge_plan(struct run *, struct wess_arena *, struct entry *);
void merge_too_long(struct run *, struct wess_arena *, const struct entry *,
                    const struct reconcile_out *);
/* merge_create.c: ACT_CREATE, ACT_RESTORE */
bool merge_create(struct run *, struct wess_arena *, struct entry *);

/* file.c: what is filed is remembered by an ended link, with its natural key and digest alone. */
struct wess_slice file_shadow(struct wess_arena *, const struct run *, const struct content *);
bool file_keep(struct run *, struct entry *);    /* ACT_FILE, in the plan's transaction */
bool file_made(struct run *, struct link_row *); /* the link is put as one that ended, filed */
bool file_begin(struct run *);                   /* a spool folder of the run's own */
void file_end(struct run *);                     /* and away with it */

/* source.c: reads what the tag sources of the pair say. One that cannot be reached leaves who takes
 * part as it was, and is told; false: our own state failed. */
bool sources_read(struct run *);

/* relate.c: what an item that was written speaks of and nobody is yet; within the transaction of
 * its answer. And, when all is done, of what was written before those who are there by now. */
bool relate_keep(struct run *, struct wess_arena *, const struct op_row *, int64_t item,
                 const struct wess_result *);
/* Of an item whose twin comes later, where it is not made from here. */
bool relate_await(struct run *, struct wess_arena *, int64_t item, enum side with);
/* Whether what is written there is related to people, by its connector. */
bool relate_can(const struct run *, enum side to);
/* What became of its last write was found by reading: nobody said whom it was related to. */
bool relate_recovered(struct run *, struct wess_arena *, const struct entry *);
bool relate_meet(struct run *); /* those whose twin is there now; before anything is planned */
bool relate_run(struct run *);
bool asked_run(struct run *, struct wess_arena *, enum side); /* asked.c: a part of it */

bool guard_run(struct run *); /* guard.c */
/* The planned ops of that kind wait for a person; n of them. */
bool guard_hold(struct run *, enum op_what, int64_t n, const char *reason);
bool guard_rename(struct run *); /* rename.c: untags that are one renamed category */
/* narrow.c: the rules by which an item is merged that is not wholly ours to tell or to write: a
 * private event of a pair with private = "mask", and the name that its twin is made with; a copy of
 * somebody else's meeting. */
struct reconcile_in;
bool is_masked(const struct run *, const struct entry *);
bool narrow_rules(struct run *, struct wess_arena *, const struct entry *, struct reconcile_in *);
bool mask_title(struct wess_arena *, struct content *);
/* meeting.c: whether a write on that side would change what people were asked to (patch NULL: it is
 * deleted). */
bool meeting_tells(const struct run *, enum side, const struct content *patch,
                   const struct content *before);
bool meetings_wait(const struct run *); /* such a write waits for a person */
bool meetings_hold(struct run *);       /* those that are planned become a list */
bool claim_run(struct run *);
bool apply_run(struct run *); /* apply.c */
/* recover.c: before anything is read, and, of creates, when all is: what a person made meanwhile
 * must be known. */
bool recover_writes(struct run *);
bool recover_creates(struct run *);
/* settle.c: within a transaction, what one op's answer means. */
bool settle_op(struct run *, struct wess_arena *, const struct op_row *,
               const struct wess_result *);
/* The item of a write that did not go was changed by somebody, or put back to an earlier time,
 * which shows by the revision that was known: it is read again. */
void settle_stale(struct run *, struct wess_arena *, const struct op_row *);
/* The value by which what is parked is known again; without memory it is any, and not stored. */
/* park.c: a field of an operation, or ("") all of it. `why` NULL: the remote refuses it. */
void park_op(struct run *, struct wess_arena *, const struct op_row *, const char *field,
             const char *why, const char *code);
struct hash parked_value(struct run *, struct wess_arena *, const struct wess_field *);
/* report.c */
bool report_plan(struct run *); /* dry: the planned ops and questions, to the callbacks */
void report_write(struct run *, int64_t began_ms);

/* run.c */
void run_pair(struct run *);
/* What reading the changes of a side needs, whoever else shares them; and what came of it, for the
 * report. false: the side cannot be worked on. */
struct pull run_pull_of(struct run *, enum side);
bool run_pulled(struct run *, enum side, const struct pull *);
/* That side was put back to an earlier time: the run ends. Answers false. */
bool run_back(struct run *, enum side);
/* newest.c: false: what was made last there is gone, and nobody told, which ends the run. Nothing
 * is being planned: the side is read on before that is believed. */
bool newest_there(struct run *, enum side);
/* Whether it seems so, and newest_there() is to be asked. false: it cannot be told. */
bool newest_missed(struct run *, enum side, bool *missed);
/* One run of the round at a time: what all users share is asked, or tied, once. */
void round_alone(struct run *, bool on);
/* The feed of a tag source, beside that of the same collection as a side. */
#define SOURCE_FEED "tags by "
/* round.c, round_feeds.c */
bool round_live(void *round, int64_t run_id);
/* A shared feed is read once a round, and again for every look-up. What is to be read is locked
 * until the end is told; `*reads` also says so when the beginning fails. */
bool round_shared_begin(struct run *, enum side, bool look_up, struct pull *, bool *reads);
bool round_shared_end(struct run *, enum side, const struct pull *, bool read);
/* run.c: a look-up. */
bool run_look_up(struct run *, enum side, int64_t *changed);
void round_enter(struct run *); /* its row has an id now: its operations are live */
void round_progress(struct run *, const char *stage, int64_t done, int64_t of);
/* The callbacks of a plan, one at a time over all threads of the round. */
void round_plan_line(struct run *, const struct plan_line *);
void round_ask(struct run *, const struct ask_row *);
const struct round_opts *round_options(const struct run *);
size_t round_subscribers(struct run *, enum side, const struct subscriber **out);
size_t round_active(const struct run *); /* runs under way now */

/* Encoded content, or an empty slice for none. false: arena spent. */
bool encode_content(struct wess_arena *, const struct content *, struct wess_slice *);
bool decode_content(struct wess_arena *, struct wess_slice, struct content *);
struct wess_list split_names(struct wess_arena *, const char *joined); /* by '\n' */
const char *join_names(struct wess_arena *, struct wess_list);         /* NULL: arena spent */

#endif
