/* The merge at work. Private to reconcile*.c. */
#ifndef CORE_ENGINE_RECONCILE_WORK_H
#define CORE_ENGINE_RECONCILE_WORK_H

#include "engine/reconcile.h"

#define NEWEST_LEAST_MS 60000 /* clocks closer than this decide nothing */

struct fields { /* a content being put together, in any order */
    struct wess_field *of;
    size_t n, cap;
};
struct work {
    struct wess_arena *a;
    const struct reconcile_in *in;
    struct fields patch[2], old[2], shadow[2], settled[2];
    struct conflict *conflicts;
    size_t n_conflicts, cap_conflicts;
    struct too_long *too_long;
    size_t n_too_long, cap_too_long;
    bool first;     /* the two were never in step */
    bool two_names; /* a field may have another name on the other side */
    bool unsorted;  /* fields were added out of the order of their names */
    bool moved;     /* a field that is settled differs from the shadow given */
    bool spent;
};
/* One field of the pair, with all that is known of it. */
struct pairing {
    const char *name[2];
    const struct field_def *def;
    const struct field_rule *rule;               /* NULL: none of its own */
    const struct wess_field_schema *schema[2];   /* NULL: that side does not hold it */
    const struct wess_field *now[2], *shadow[2]; /* NULL: empty */
};

static inline enum side opposite(enum side s)
{
    return s == LEFT ? RIGHT : LEFT;
}

/* Adds a field under the name given; NULL and WESS_NULL are left out unless `null` keeps them. */
void fields_add(struct work *, struct fields *, const char *name, const struct wess_field *,
                bool null);
void work_patch(struct work *, const struct pairing *, enum side to,
                const struct wess_field *value);
void work_conflict(struct work *, const char *field, const struct wess_field *base,
                   const struct wess_field *left, const struct wess_field *right);
void work_too_long(struct work *, enum side, const char *field, const char *fmt, uint32_t n);

/* ---- rules
 * ------------------------------------------------------------------------------------------- */

const struct field_rule *rule_of(const struct reconcile_in *, const char *left_name);
const struct decision *decision_of(const struct reconcile_in *, const char *field);
/* Nothing would be written over by it that the person who decided has not seen; `value`: that of
 * TAKE_VALUE, which may be there already. */
bool decision_stands(const struct decision *, const struct wess_field *const now[2],
                     const struct wess_field *value);
/* May the field (or the element `key` of it) be written on that side at all? */
bool may_go(const struct work *, const struct pairing *, const char *key, enum side to);
bool is_parked(const struct work *, const struct pairing *, const char *key, enum side to);
/* Who wins a field (an element) that both changed: LEFT, RIGHT or nobody (-1). `fresh`: neither
 * side had it when last in step. */
int winner(const struct work *, const struct pairing *, const char *key);
/* false and told: the value is longer than that side holds. */
/* What the field's shadow is if nothing of the plan is carried out, and once all of it is. */
void settle(struct work *, const struct pairing *, enum side, const struct wess_field *settled,
            const struct wess_field *after);
bool fits(struct work *, const struct pairing *, enum side to, const struct wess_field *);
const struct wess_field_schema *schema_of(const struct side_in *, const char *name);

/* ---- kinds of fields (reconcile_set.c, reconcile_records.c)
 * --------------------------------------------- */

/* Behind all of them. */
void go_along(struct work *);

void merge_set(struct work *, const struct pairing *);
void merge_records(struct work *, const struct pairing *);
/* What of `value` a new twin on that side can hold; *kept: what the source's shadow may say. */
const struct wess_field *create_records(struct work *, const struct pairing *, enum side to,
                                        const struct wess_field *value,
                                        const struct wess_field **kept);

#endif
