/* The three-way merge: a pure function. No I/O, no clock, no allocation but in the arena; the same
 * input gives the same plan.
 *
 * What each side showed when both were last in step is its shadow; each side is compared with its
 * own shadow only, so what a remote rewrites or cannot hold is no change. A first merge of two
 * items that were just linked has no shadows. */
#ifndef CORE_ENGINE_RECONCILE_H
#define CORE_ENGINE_RECONCILE_H

#include "model/model.h"

enum side { LEFT, RIGHT };
enum rule { RULE_ASK, RULE_LEFT, RULE_RIGHT, RULE_NEWEST };        /* of a conflict */
enum direction { DIR_BOTH, DIR_TO_LEFT, DIR_TO_RIGHT, DIR_NEVER }; /* of a field */
enum first_empty { EMPTY_FILL, EMPTY_LEAVE };

/* How one field (or one element of a RECORDS field: "phone.mobile") of the pair is treated. Where
 * names differ on both sides (x.ews.Tier, x.workbooks.cf_...) left and right name them. */
struct field_rule {
    const char *left, *right; /* equal in most cases */
    enum direction direction;
    enum rule conflict;
};
/* What a person decided of a conflict. */
struct decision {
    const char *field; /* left name */
    enum { TAKE_LEFT, TAKE_RIGHT, TAKE_BOTH, TAKE_VALUE } take;
    struct wess_field value;           /* TAKE_VALUE */
    const struct wess_field *asked[2]; /* what the sides showed when that was asked; NULL: empty */
};
struct side_in {
    const struct content *now;    /* what it shows; NULL: same as the shadow (it was not read) */
    const struct content *shadow; /* NULL: never in step (first merge) */
    struct wess_list unseen;      /* fields we wrote and this side has not shown since: whatever it
                                     shows now is taken into its shadow and is no change */
    int64_t changed_ms; /* when this side was first seen with a foreign change, on our clock;
                           0: unknown */
    const struct wess_field_schema
        *schema; /* what it can hold; fields not listed cannot be written */
    size_t n_schema;
    struct wess_list parked; /* fields it refused: left alone unless the value to write changed
                                since (the caller passes only those that still rest) */
    bool locked;             /* may not be written at all (observe, read only, direction) */
};
struct reconcile_in {
    const struct kind_def *kind;
    const struct field_rule *rules;
    size_t n_rules; /* fields without a rule: DIR_BOTH, default_rule */
    enum rule default_rule;
    enum rule first_differs; /* first merge: left, right, ask; never newest */
    enum first_empty first_empty;
    struct side_in side[2];
    const struct decision *decisions;
    size_t n_decisions;
    struct wess_list unanswered; /* left names of what the first merge asked about and is still
                                    open: asked again, whatever the rule of later conflicts */
};
struct conflict {
    const char *field;                   /* left name; of an element: "phone.mobile" */
    struct wess_field base, left, right; /* WESS_NULL: empty */
};
struct too_long { /* a value that a side cannot hold: parked, told, the rest goes on */
    enum side side;
    const char *field, *why;
};
struct reconcile_out {
    struct content patch[2];   /* fields to write to each side; WESS_NULL clears; n = 0: no write */
    struct content old[2];     /* the values on that side now of the fields in the patch */
    struct content shadow[2];  /* each side's shadow once the patches are applied and answered */
    struct content settled[2]; /* each side's shadow if nothing of this plan is carried out */
    bool moved;                /* settled[] differs from the shadows given: worth storing */
    struct wess_list unseen[2]; /* fields unseen after the patches (written now, or still) */
    const struct conflict *conflicts;
    size_t n_conflicts;
    const struct too_long *too_long;
    size_t n_too_long;
};
/* false: arena spent. */
bool reconcile(struct wess_arena *, const struct reconcile_in *, struct reconcile_out *);

/* The content of a new twin: the fields of `from` that may travel to side `to` and that it can
 * hold. */
bool reconcile_create(struct wess_arena *, const struct reconcile_in *, enum side to,
                      const struct content *from, struct reconcile_out *);

#endif
