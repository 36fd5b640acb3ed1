#include "conform.h"

#include <string.h>

const struct clause clauses[] = {
    {"1.1", "what a connector returns is from host->alloc() or constant"},
    {"1.2", "inputs live until the call returns, answers until the arena is dropped; neither is "
            "kept or used later"},
    {"1.3", "when host->alloc() answers NULL the call answers WESS_TOO_BIG, and no answer is "
            "shorter for it"},
    {"1.4", "values over WESS_INLINE_MAX bytes are blobs of the host"},
    {"1.5", "nothing is written outside of the memory that was given"},
    {"2.1", "open() makes no traffic; open and close any number of times; close(NULL) is nothing"},
    {"2.2", "a connector starts no thread that outlives a call, and keeps no file"},
    {"2.3", "two connections may be used at once"},
    {"2.4", "a call comes back: it does not crash, hang, or retry for ever"},
    {"2.5", "cancelled() is heeded: WESS_CANCELLED, and each result still tells the truth"},
    {"2.6", "any answer but WESS_OK has its text: one line of UTF-8, with a known scope"},
    {"2.7", "no secret in a text or a log line"},
    {"2.8", "a secret that cannot be read is WESS_AUTH with the scope of the credential"},
    {"2.9", "a call counts its requests"},
    {"3.1", "changes() starts a snapshot at an empty cursor, and says so on each of its pages"},
    {"3.2", "changes() takes any cursor it ever gave, on any connection"},
    {"3.3", "changes() comes to WESS_PAGE_LAST, and never brings more than the limit"},
    {"3.4", "a snapshot misses nothing: what changes after its first page is in its pages or after "
            "its last cursor"},
    {"3.5", "WESS_PAGE_SORTED: ids ascend bytewise over all pages of the snapshot; a page"
            " out of order is refused"},
    {"3.6", "the pages hold the same whatever the limit; with limit 1 reading gets past"},
    {"3.7", "what was created, updated or deleted is told of by a later page"},
    {"3.8", "a cursor that is not valid is WESS_RESET"},
    {"3.9", "an item's facts are well formed: an id of 1 to WESS_ID_MAX bytes, its kind, UTF-8"},
    {"3.10", "keys are folded: NFKC, case folding, single spaces"},
    {"3.11", "fetch() answers each id in its place, by itself"},
    {"3.12", "fetch() brings the whole item: WESS_ITEM_WHOLE, its id, its revision"},
    {"3.13", "fetch() of what is not there is WESS_GONE"},
    {"3.14", "WESS_BRIEF: on sorted pages; fetch() with WESS_CALL_FACTS brings the facts, at the "
             "same revision"},
    {"4.1", "find() brings the live items that bear any of the keys"},
    {"4.2", "find() flags what is in the bin as WESS_ITEM_TRASHED"},
    {"4.3", "find() says WESS_PAGE_LAST when it brought all"},
    {"5.1", "each op has its result in its place; a result is WESS_NOT_TRIED only when nothing was "
            "applied"},
    {"5.2", "ops of a batch are independent"},
    {"5.3", "a create answers with the id of the new item"},
    {"5.4", "an update writes the fields that it lists, and leaves the rest alone"},
    {"5.5", "WESS_NULL, or an empty value, clears a field"},
    {"5.6", "an op on what is not there is WESS_GONE; for a delete WESS_OK will do"},
    {"5.7", "a field that is not taken is named, with its op WESS_REJECTED or WESS_OK"},
    {"5.8", "a revision in a result is that of the item after the write"},
    {"5.9", "WESS_CAP_REVISIONS_RISE: a revision is a decimal number, and an update raises it"},
    {"6.1", "a create with WESS_OP_AGAIN finds the live item with its stamp: its id and `current`, "
            "no revision, and no second item"},
    {"6.2", "a create with WESS_OP_AGAIN that was never applied creates"},
    {"6.3", "items show their stamp as the key {\"wess\", stamp}"},
    {"6.4",
     "WESS_CAP_STAMP_LATER: an update fills an empty stamp slot, never replaces a stamp, and takes "
     "it off when it says so (\"\")"},
    {"7.1", "WESS_CAP_CAS_*: an op computed from a stale revision is WESS_CONFLICT, and writes "
            "nothing"},
    {"8.1", "a WESS_CAP_FACET collection creates and deletes nothing"},
    {"8.2", "sets and records are written element by element: what was not meant stays"},
    {"10.1", "the table has the header's ABI number and size, a name and a version"},
    {"10.2", "every slot that is not optional is filled; of watch all four or none"},
    {"10.3", "options are declared once, with a known type, a fallback within their range, a help; "
             "a secret has no fallback"},
    {"10.4", "kinds and capabilities are known ones; a collection claims what its kind may"},
    {"10.5", "describe() names an identity, and says the same each time"},
    {"10.6", "collections have ids of their own, and each has its kind and fields"},
    {"10.7", "capabilities fit together"},
    {"11.1", "texts are UTF-8 with LF line ends, and come back as they were written"},
    {"11.2", "sets are sorted bytewise, each element once"},
    {"11.3", "records have keys, each once; a mail address is keyed by its folded form, a phone "
             "and a postal address by a slot that the schema allows"},
    {"11.4", "dates, times and decimals have the form that connector.h gives"},
    {"11.5", "what the schema can hold is held whole"},
    {"12.1", "tags(): each name and each id once, and the same when they are asked for again"},
    {"12.2",
     "values(): WESS_CALL_PROBE leaves none of them out; a fact that there is not has none"},
    {"12.3", "relate(): each relation is answered in its place; an item that is not there is tied "
             "to nothing"},
};
const size_t n_clauses = sizeof(clauses) / sizeof(clauses[0]);

const char *clause_text(const char *number)
{
    for (size_t i = 0; i < n_clauses; i++)
        if (!strcmp(clauses[i].number, number))
            return clauses[i].text;
    return "";
}
