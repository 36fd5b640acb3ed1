#include "scenarios.h"

#include <string.h>

/* Ann and Bob are in the mailbox of the first user and in the database. */
#define LINKED "new 1 Ann; tag 1 Ann; new 1 Bob; tag 1 Bob; quiet; "
/* Ann is in both mailboxes, and one record. */
#define SHARED "new 1 Ann; tag 1 Ann; quiet; new 2 Ann; tag 2 Ann; quiet; "
#define DELETE(b, c) "on_delete = { $box = \"" b "\"; $crm = \"" c "\"; };"

const struct scenario scenarios[] = {
    /* First meetings. */
    {"create-there", "", "new 1 Ann; tag 1 Ann", ""},
    {"create-here", "", "new 0 Ann; queue 0 Ann 1", ""},
    {"create-many", "",
     "new 1 A1; tag 1 A1; new 1 A2; tag 1 A2; new 1 A3; tag 1 A3; new 1 A4; tag 1 A4; new 1 A5;"
     " tag 1 A5; new 1 A6; tag 1 A6; new 0 B1; queue 0 B1 1; new 0 B2; queue 0 B2 1; new 0 B3;"
     " queue 0 B3 2",
     ""},
    {"create-bare", "", "new 1 Ann; tag 1 Ann; set 1 Ann mail -", ""},
    {"link-equal", "", "new 1 Ann; tag 1 Ann; new 0 Ann", ""},
    {"link-fill", "", "new 1 Ann; tag 1 Ann; set 1 Ann org Acme; new 0 Ann; set 0 Ann title Boss",
     ""},
    {"link-differs-ask", "",
     "new 1 Ann; tag 1 Ann; set 1 Ann org Acme; new 0 Ann; set 0 Ann org Other", ""},
    {"link-differs-taken", "first = { create = \"yes\"; differs = \"$crm\"; };",
     "new 1 Ann; tag 1 Ann; set 1 Ann org Acme; new 0 Ann; set 0 Ann org Other", ""},
    {"several", "", "new 1 Ann; tag 1 Ann; new 0 Ann; copy 0 Ann", ""},
    {"several-answered", "", "new 1 Ann; tag 1 Ann; new 0 Ann; copy 0 Ann; run; answer left create",
     ""},
    {"untagged-twin", "", "new 1 Ann; new 0 Ann; queue 0 Ann 1", ""},
    {"untagged-twin-linked", "", "new 1 Ann; new 0 Ann; queue 0 Ann 1; run; answer left link", ""},
    {"declined", "", "new 1 Ann; new 0 Ann; queue 0 Ann 1; run; answer left leave", ""},
    {"first-held", "first = { create = \"ask\"; };", "new 1 Ann; tag 1 Ann; new 1 Bob; tag 1 Bob",
     "release"},
    /* Edits. */
    {"edit-box", "", LINKED "set 1 Ann org Acme; set 1 Bob title Boss", ""},
    {"edit-crm", "", LINKED "set 0 Ann org Acme; set 0 Bob title Boss", ""},
    {"edit-both-other-fields", "", LINKED "set 1 Ann org Acme; set 0 Ann title Boss", ""},
    {"edit-both-alike", "", LINKED "set 1 Ann org Acme; set 0 Ann org Acme", ""},
    {"clear", "", LINKED "set 1 Ann org Acme; quiet; set 1 Ann org -", ""},
    {"clear-there", "", LINKED "set 1 Ann org Acme; quiet; set 0 Ann org -", ""},
    {"conflict-ask", "", LINKED "set 1 Ann org Acme; set 0 Ann org Other; set 0 Ann title Boss",
     ""},
    {"conflict-box", "conflict = \"$box\";", LINKED "set 1 Ann org Acme; set 0 Ann org Other", ""},
    {"conflict-crm", "conflict = \"$crm\";", LINKED "set 1 Ann org Acme; set 0 Ann org Other", ""},
    {"conflict-answered", "",
     LINKED "set 1 Ann org Acme; set 0 Ann org Other; run; answer left create", ""},
    {"conflict-both-gone", "", LINKED "set 1 Ann org Acme; set 0 Ann org -", ""},
    {"mail-added", "", LINKED "set 1 Ann mail Ann@x.example,ann@home.example", ""},
    {"mail-added-both", "",
     LINKED
     "set 1 Ann mail Ann@x.example,ann@home.example; set 0 Ann mail Ann@x.example,a@y.example",
     ""},
    {"mail-replaced", "", LINKED "set 1 Ann mail new@x.example", ""},
    {"mail-removed", "", LINKED "set 0 Ann mail -", ""},
    {"phones-both", "", LINKED "set 1 Ann mobile +44 1; set 0 Ann work +44 2", ""},
    {"renamed", "", LINKED "set 1 Ann family Smith", ""},
    {"rewritten", "", "rewrites; " LINKED "set 1 Ann note hello; set 0 Bob note there", ""},
    {"rewritten-twice", "",
     "rewrites; " LINKED "set 1 Ann note hello; quiet; set 1 Ann note again; set 0 Ann org Acme",
     ""},
    /* Deletions. */
    {"delete-box", "", LINKED "delete 1 Ann", ""},
    {"delete-crm", "", LINKED "delete 0 Ann", ""},
    {"delete-box-too", DELETE("delete", "delete"), LINKED "delete 1 Ann", ""},
    {"delete-crm-too", DELETE("delete", "delete"), LINKED "delete 0 Ann", ""},
    {"restore-box", DELETE("restore", "restore"), LINKED "delete 1 Ann", ""},
    {"restore-crm", DELETE("restore", "restore"), LINKED "delete 0 Ann", ""},
    {"edit-beats-delete-box", DELETE("delete", "delete"), LINKED "delete 1 Ann; set 0 Ann org Acme",
     ""},
    {"edit-beats-delete-crm", DELETE("delete", "delete"), LINKED "delete 0 Ann; set 1 Ann org Acme",
     ""},
    {"delete-both", DELETE("delete", "delete"), LINKED "delete 0 Ann; delete 1 Ann", ""},
    {"delete-held", DELETE("delete", "delete") " guard = { max_delete = 0; max_first = 1000; };",
     LINKED "delete 1 Ann; set 1 Bob org Acme", "release"},
    {"recreated", "", LINKED "delete 1 Ann; quiet; new 1 Ann; tag 1 Ann", ""},
    {"purged", "", LINKED "purge 1 Ann", ""},
    /* Tags and scope. */
    {"untag", "", LINKED "untag 1 Ann", ""},
    {"untag-freeze", "on_untag = \"freeze\";", LINKED "untag 1 Ann; set 0 Ann org Acme", ""},
    {"untag-delete", "on_untag = \"delete\";", LINKED "untag 1 Ann", ""},
    {"untag-delete-edited", "on_untag = \"delete\";", LINKED "untag 1 Ann; set 0 Ann org Acme", ""},
    {"untag-sticks", "", LINKED "queue 0 Ann 1; quiet; untag 1 Ann; set 0 Ann org Acme", ""},
    {"retag", "", LINKED "untag 1 Ann; quiet; set 1 Ann org Acme; tag 1 Ann", ""},
    {"retag-both-edited", "",
     LINKED "untag 1 Ann; quiet; set 1 Ann org Acme; set 0 Ann title Boss; tag 1 Ann", ""},
    {"out-of-queue", "", "new 0 Ann; queue 0 Ann 1; quiet; queue 0 Ann 0; set 0 Ann org Acme", ""},
    {"turned-private", "", LINKED "private 1 Ann; set 1 Ann org Secret", ""},
    {"private-from-start", "", "new 1 Ann; tag 1 Ann; private 1 Ann", ""},
    /* Several users. */
    {"two-tag-one", "", "new 1 Ann; tag 1 Ann; new 2 Ann; tag 2 Ann", ""},
    {"two-tag-many", "",
     "new 1 A1; tag 1 A1; new 1 A2; tag 1 A2; new 1 A3; tag 1 A3; new 2 A3; tag 2 A3; new 2 A2;"
     " tag 2 A2; new 2 A1; tag 2 A1",
     ""},
    {"shared-edit", "", SHARED "set 1 Ann org Acme", ""},
    {"shared-edit-crm", "", SHARED "set 0 Ann org Acme", ""},
    {"shared-delete", DELETE("delete", "delete"), SHARED "delete 1 Ann", ""},
    {"shared-untag", "on_untag = \"delete\";", SHARED "untag 2 Ann", ""},
    {"shared-edit-both", "conflict = \"$box\";", SHARED "set 1 Ann org Acme; set 2 Ann title Boss",
     ""},
    /* Moves, copies, merges. */
    {"move", "", LINKED "move 1 Ann", ""},
    {"move-edited", "", LINKED "set 1 Ann org Acme; move 1 Ann; set 0 Ann title Boss", ""},
    {"copy", "", LINKED "copy 1 Ann", ""},
    {"copy-made", "", "new 0 Ann; queue 0 Ann 1; quiet; copy 1 Ann", ""},
    {"copy-crm", "", LINKED "copy 0 Ann", ""},
    {"merge-crm", "", LINKED "set 0 Bob org Acme; merge 0 Ann Bob", ""},
    {"merge-box", "", LINKED "merge 1 Ann Bob", ""},
    /* Trouble. */
    {"lost-create", "",
     "new 1 Ann; tag 1 Ann; new 0 Bob; queue 0 Bob 1; fault lost 0 1; fault lost 1 1", ""},
    {"late-create", "",
     "new 1 Ann; tag 1 Ann; new 0 Bob; queue 0 Bob 1; fault late 0 1; fault late 1 1", ""},
    {"cut-create", "", "new 1 Ann; tag 1 Ann; fault cut 0 1", ""},
    {"lost-update", "",
     LINKED "set 1 Ann org Acme; set 0 Bob org Acme; fault lost 0 1; fault lost 1 1", ""},
    {"late-update", "", LINKED "set 1 Ann org Acme; fault late 0 1", ""},
    {"lost-then-edited", "", LINKED "set 1 Ann org Acme; fault lost 0 1; run; set 0 Ann org Other",
     ""},
    {"lost-delete", DELETE("delete", "delete"), LINKED "delete 1 Ann; fault lost 0 1", ""},
    {"rejected-one", "",
     "new 1 A1; tag 1 A1; new 1 A2; tag 1 A2; new 1 A3; tag 1 A3; new 1 A4; tag 1 A4; refuse 0 A2",
     ""},
    {"recover-create", "",
     "new 1 Ann; tag 1 Ann; new 0 Bob; queue 0 Bob 1; fault lost 0 1; fault cut 1 1; run; clock 90",
     ""},
    {"recover-update", "",
     LINKED "set 1 Ann org Acme; set 0 Bob org Acme; fault lost 0 1; fault cut 1 1; run; clock 90;"
            " set 1 Ann title Boss",
     ""},
    {"throttled", "", LINKED "set 1 Ann org Acme; fault throttle 0 3", ""},
    {"busy", "", LINKED "set 0 Ann org Acme; fault busy 1 2", ""},
    {"cursor-forgotten", "", LINKED "set 0 Ann org Acme; fault reset 0 1; fault reset 1 1", ""},
    {"pages-repeated", "", LINKED "set 0 Ann org Acme; fault repeat 0 1; fault repeat 1 1", ""},
    {"edit-during", "", LINKED "set 1 Ann org Acme; during 9 set 0 Ann title Boss", ""},
    {"edit-during-other", "", LINKED "set 1 Ann org Acme; during 7 set 1 Ann title Boss", ""},
    {"state-lost", "", LINKED "lose", ""},
    {"state-lost-edited", "", LINKED "set 1 Ann org Acme; lose", ""},
    {"state-old", "", LINKED "save; set 1 Ann org Acme; new 1 Cid; tag 1 Cid; quiet; restore", ""},
    {"state-old-edited", "",
     LINKED "save; set 1 Ann org Acme; quiet; set 0 Ann title Boss; restore", ""},
};
const size_t n_scenarios = sizeof(scenarios) / sizeof(scenarios[0]);

static const char *const core[] = {"create-many",
                                   "link-fill",
                                   "several-answered",
                                   "untagged-twin-linked",
                                   "first-held",
                                   "conflict-ask",
                                   "mail-added-both",
                                   "delete-box-too",
                                   "restore-crm",
                                   "delete-held",
                                   "untag",
                                   "two-tag-one",
                                   "recover-create",
                                   "recover-update",
                                   "rejected-one",
                                   "cursor-forgotten",
                                   "edit-beats-delete-box",
                                   "state-lost-edited"};

bool scenario_is_core(const struct scenario *s)
{
    for (size_t i = 0; i < sizeof(core) / sizeof(core[0]); i++)
        if (!strcmp(core[i], s->name))
            return true;
    return false;
}
