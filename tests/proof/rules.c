#include "rules.h"

#include <stdio.h>
#include <string.h>

#ifdef WESS_RULES
#include "model/rules.h"

enum sync_rule sync_off = SYNC_NONE;

static const struct {
    const char *name, *says;
} rules[] = {{"none", ""},
#define RULE_ROW(name, says) {#name, says},
             RULES(RULE_ROW)
#undef RULE_ROW
};

bool rules_without(const char *name)
{
    for (int i = SYNC_NONE; i < SYNC_COUNT; i++)
        if (!strcmp(rules[i].name, name)) {
            sync_off = (enum sync_rule)i;
            return true;
        }
    fprintf(stderr, "no rule is called %s; see --rules\n", name);
    return false;
}

void rules_list(void)
{
    for (int i = SYNC_NONE + 1; i < SYNC_COUNT; i++)
        printf("%-18s %s\n", rules[i].name, rules[i].says);
}

#else

bool rules_without(const char *name)
{
    fprintf(stderr, "this program cannot do without %s: that takes another build of the core\n",
            name);
    return false;
}

void rules_list(void)
{
}

#endif
