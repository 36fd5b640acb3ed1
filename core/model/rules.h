/* The rules that keep two sides in step, by name. Every one of them is there because without it an
 * item is lost, doubled or overwritten; a proof that does not notice when one is gone proves
 * nothing. So the engine marks the place where each is kept, and a build for the proofs alone
 * (WESS_RULES) can leave out one at a time: see tests/proof. In any other build RULE() is the
 * constant true, and nothing of this is in the program. */
#ifndef CORE_MODEL_RULES_H
#define CORE_MODEL_RULES_H

#include <stdbool.h>

/* Name, and what holds while the rule does. */
#define RULES(X)                                                                                   \
    X(unknown_preset, "a result is UNKNOWN until the connector says otherwise")                    \
    X(journal_first, "an operation is journalled before it is sent")                               \
    X(cursor_with_page, "a page and its cursor are stored in one transaction")                     \
    X(before_compared, "a write says what it was computed from")                                   \
    X(settle_first, "a create in doubt is not looked up before it is settled")                     \
    X(again_flagged, "a create in doubt is looked up before it is sent again")                     \
    X(again_merges, "a create found again does not count as complete")                             \
    X(own_write, "an item that shows what we sent shows our own write")                            \
    X(culprits_found, "a batch refused whole is halved down to whoever is to blame")               \
    X(bad_field_parked, "a refused field is parked, and the rest of the item goes on")             \
    X(whole_snapshot, "absence counts when the last page was read, not before")                    \
    X(deletion_proved, "a deletion is believed when it is proved")                                 \
    X(back_held, "what a database shows that was put back to an earlier time is nobody's edit")    \
    X(survivor_followed, "of two records that were merged the link goes on with the one left")     \
    X(copies_known, "a copy takes a link over only while it is what the link knew")                \
    X(copies_cleared, "a copy that is written no longer bears the stamp of another one")           \
    X(edit_beats_delete, "an edit outranks the deletion of its twin")                              \
    X(shared_kept, "a record that another user's link holds is not deleted")                       \
    X(doubt_waits, "who meets a create in doubt waits until it is settled")                        \
    X(doubt_looks, "a create in doubt is not sent again beside what a person made meanwhile")      \
    X(restore_looks, "what was typed anew is met rather than doubled by a restore")                \
    X(claims_first, "a create into a shared collection takes its claims first")                    \
    X(untag_outranks, "taking the tag off outranks the other side")                                \
    X(ended_stays, "an ended link rests until its reason is reversed")                             \
    X(private_ends, "an item turned private leaves its link")                                      \
    X(unseen_kept, "what a remote makes of our write is no change of its own")                     \
    X(foreign_seen, "behind a foreign revision an unseen field is somebody's edit")                \
    X(todo_stays, "a to-do stays when its item has changed since")

#define RULE_NAME(name, says) SYNC_##name,
enum sync_rule { SYNC_NONE, RULES(RULE_NAME) SYNC_COUNT };
#undef RULE_NAME

#ifdef WESS_RULES
extern enum sync_rule sync_off; /* the one left out; of the proof's program */
#else
#define sync_off SYNC_NONE
#endif
#define RULE(name) (SYNC_##name != sync_off)

#endif
