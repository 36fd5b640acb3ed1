/* Reason codes and their sentences: what `wess why` says. */
#include "engine/run.h"

#include <string.h>

static const struct {
    const char *code, *sentence;
} table[] = {
    {WHY_IN_STEP, "both sides show the same"},
    {WHY_LINKED,
     "linked: the same address and family name, only once on both sides, or by an answer"},
    {WHY_RESUMED, "linked again: what had ended the link was taken back"},
    {WHY_CREATED, "created: it takes part, and the other side did not have it"},
    {WHY_UPDATED, "changed fields went across"},
    {WHY_DELETED, "deleted with its twin"},
    {WHY_RESTORED, "created again: its twin was edited after it had been deleted"},
    {WHY_NOT_CHOSEN, "it is known, but not selected"},
    {WHY_PRIVATE, "private items take no part"},
    {WHY_UNTAG_LEFT,
     "the tag was taken off on the left side; it stays off until it is tagged again"},
    {WHY_UNTAG_RIGHT,
     "the tag was taken off on the right side; it stays off until it is tagged again"},
    {WHY_DELETED_LEFT, "deleted on the left side; the link ended"},
    {WHY_DELETED_RIGHT, "deleted on the right side; the link ended"},
    {WHY_BOTH_GONE, "both sides deleted it"},
    {WHY_OUT_OF_SCOPE, "neither side selects it any more; nothing was deleted"},
    {WHY_MOVED, "moved out of the folder; nothing was deleted"},
    {WHY_COPY, "gone, and its copy reads otherwise: nothing was deleted, and a person decides what "
               "the copy is (wess conflicts list)"},
    {WHY_HIDDEN,
     "one side is not shown to us any more, and nothing says that it was deleted: it is "
     "taken up again once it shows"},
    {WHY_BY_HAND, "a person ended the link"},
    {WHY_DECLINED, "a person decided to leave it alone"},
    {WHY_SHARED, "its record is shared with another user, so it was not deleted; the link ended"},
    {WHY_CONFLICT, "both sides changed the same field: a person decides (wess conflicts list)"},
    {WHY_PARKED, "the remote will not take it (wess parked list)"},
    {WHY_MEETING, "a meeting with other people would change: a person decides (wess held list)"},
    {WHY_HELD, "held by a guard (wess held list)"},
    {WHY_DEFERRED, "another user is creating the same: matched again in the next round"},
    {WHY_NOT_ALLOWED, "the direction, the wave or the remote does not allow it to be created"},
    {WHY_ENDED, "its link has ended and stays so until the reason is taken back, or `wess link`"},
    {WHY_IN_DOUBT, "sent, but the answer was lost: looked up before anything is sent again"},
    {WHY_FILED, "filed: nothing that happens to either copy moves the other"},
    {WHY_REFILE, "a person asked to have it filed once more: the next sync does"},
    {WHY_UNCLEAR,
     "it is no longer where it was, and looking for it finds more than one answer holds: "
     "it stays as it was and is looked for again in the next round"},
    {ASK_SEVERAL, "several items could be its twin"},
    {ASK_DUPLICATE, "duplicate of: its only possible twin is already linked"},
    {ASK_TWICE, "made twice, or copied: delete one of the two, the other stays linked"},
    {ASK_UNTAGGED, "an untagged contact has the same address"},
    {ASK_ALIKE, "no address, but the same name, or alike but for accents"},
    {ASK_ENDED, "its possible twin was linked before, and that link has ended"},
    {ASK_RULE, "the match rule asks"},
    {ASK_DIFFERS, "the two were linked just now and differ: a person decides"},
};

const char *reason_sentence(const char *code)
{
    for (size_t i = 0; code && i < sizeof(table) / sizeof(table[0]); i++)
        if (!strcmp(code, table[i].code))
            return table[i].sentence;
    return code ? code : "";
}
