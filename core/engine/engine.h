/* The engine: rounds over pairs and users. One file a stage; this header is what the command line
 * and the daemon see of it. */
#ifndef CORE_ENGINE_ENGINE_H
#define CORE_ENGINE_ENGINE_H

#include "config/config.h"
#include "store/store.h"

enum { /* exit statuses, as in wess(1) */
       EXIT_IN_STEP = 0,
       EXIT_WAITS = 1,
       EXIT_USAGE = 2,
       EXIT_UNREACHABLE = 3,
       EXIT_HELD = 4,
       EXIT_CREDENTIAL = 5,
       EXIT_OWNED = 6,
       EXIT_STATE = 7,
       EXIT_TODO = 8
};
/* The worse of two statuses, in the order 7, 5, 3, 4, 1, 0. */
int status_worse(int a, int b);

struct side_counts {
    int64_t read, created, updated, deleted, ended;
};
/* What one run of a pair for a user did or (dry) would do. */
struct run_report {
    const char *pair, *user;
    struct side_counts side[2];
    int64_t linked, questions, conflicts, parked, held, deferred, resumed, fetched;
    int64_t later;      /* left for the next runs, which take up so much and no more */
    int64_t reconciled; /* items that were merged or made into a twin: what did not change is not */
    int64_t open_questions, open_held, open_parked; /* waiting for a person now */
    uint64_t requests, bytes, ms;
    bool first_meeting, skipped;
    bool observed;    /* nothing was written: what it counts is planned */
    int status;       /* exit status of this run */
    char text[320];   /* when status is not 0 or 1: what happened and what to do next */
    char log_ref[64]; /* which log line has the remote's own words */
};
/* One planned act, for `plan` and for plans that are read by people and programs. */
struct plan_line {
    const char *pair, *user;
    enum op_what what;
    enum side side;
    const char *title;  /* "Jane Doe", of the item */
    const char *detail; /* "mobile phone, job title" or the twin's title or the reason's sentence */
    const char *reason; /* code */
    bool held;          /* a guard would hold it */
};
struct round_opts {
    const char *pair, *user; /* NULL: all */
    bool dry;                /* plan: nothing is written anywhere, store keeps facts only */
    bool no_wait;            /* do not wait for settle times or throttles */
    unsigned workers;        /* 0: as configured */
    const bool *cancelled;   /* asked from all threads */
    /* Called under a lock, from worker threads; any may be NULL. */
    void (*on_report)(void *ctx, const struct run_report *);
    void (*on_plan)(void *ctx, const struct plan_line *); /* dry runs */
    void (*on_ask)(void *ctx, const char *pair, const char *user, const struct ask_row *,
                   struct db *); /* dry: questions that would come */
    void (*on_progress)(void *ctx, const char *pair, const char *user, const char *stage,
                        int64_t done, int64_t of);
    void *ctx;
};
/* One round: all runs chosen by opts, side by side. Answers the exit status. */
int round_run(const struct config *, struct store *, const struct round_opts *);

/* ---- Reasons, for `why`, plans and reports: code → sentence ------------------------------------
 */
const char *reason_sentence(const char *code); /* the code itself if unknown */

/* ---- What a person may do to a link (commands link, unlink, refile)
 * ------------------------------------
 */
/* Ends the link of the item in the pu ("user" as the reason's who). STORE_NONE: it has none. */
enum store_code link_by_hand_end(struct db *, int64_t pu, enum side, int64_t item, const char *who,
                                 int64_t now_ms);
/* Links two items by hand (resumes an ended link of the two, with its shadows); a to-do follows. */
enum store_code link_by_hand(struct db *, int64_t pu, int64_t left_item, int64_t right_item,
                             const char *who, int64_t now_ms, const char **why);
/* What was filed is filed once more by the next sync, unless the right side has it then.
 * STORE_NONE: it is not filed. *why: it cannot be (a sentence), else NULL. */
enum store_code file_by_hand_again(struct db *, int64_t pu, int64_t left_item, const char *who,
                                   int64_t now_ms, const char **why);

#endif
