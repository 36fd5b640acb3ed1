/* OP:N:KIND[=ARG], see --help. */
#include "faults.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLANS_MAX 256u

struct plan {
    char op[64], kind[32], arg[256];
    long from, to; /* calls, 1 is the next; to < 0: every one from there on */
    long seen;
};
static struct plan plans[PLANS_MAX];
static size_t n_plans;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool parse(char *text, struct plan *p)
{
    /* The operation may hold colons itself: the last two parts are number and kind. */
    char *eq = strchr(text, '='), *kind, *number;
    if (eq)
        *eq = 0;
    if (!(kind = strrchr(text, ':')))
        return false;
    *kind++ = 0;
    if (!(number = strrchr(text, ':')))
        return false;
    *number++ = 0;
    *p = (struct plan){.from = 1, .to = -1};
    if (strlen(text) >= sizeof(p->op) || strlen(kind) >= sizeof(p->kind) ||
        (eq && strlen(eq + 1) >= sizeof(p->arg)))
        return false;
    strcpy(p->op, text);
    strcpy(p->kind, kind);
    strcpy(p->arg, eq ? eq + 1 : "");
    if (!strcmp(number, "*"))
        return true;
    char *end;
    p->from = p->to = strtol(number, &end, 10);
    if (*end == '-')
        p->to = end[1] ? strtol(end + 1, &end, 10) : -1;
    return p->from > 0;
}

bool sb_fault_plan(const char *text)
{
    char *copy = strdup(text), *rest = copy, *one;
    bool ok = copy != NULL;
    pthread_mutex_lock(&lock);
    while (ok && (one = strsep(&rest, ",")))
        ok = n_plans < PLANS_MAX && parse(one, &plans[n_plans]) && ++n_plans;
    pthread_mutex_unlock(&lock);
    free(copy);
    return ok;
}

void sb_fault_clear(void)
{
    pthread_mutex_lock(&lock);
    n_plans = 0;
    pthread_mutex_unlock(&lock);
}

static void take(const struct plan *p, struct sb_round *r)
{
    static const struct {
        const char *kind;
        enum sb_fault inner;
    } inner[] = {{"busy", SB_FAULT_BUSY},
                 {"stale", SB_FAULT_STALE},
                 {"bad_state", SB_FAULT_BAD_STATE},
                 {"refuse", SB_FAULT_REFUSE_ITEM},
                 {"password", SB_FAULT_PASSWORD},
                 {"truncate", SB_FAULT_TRUNCATE},
                 {"garbage", SB_FAULT_GARBAGE},
                 {"forbidden_char", SB_FAULT_FORBIDDEN_CHAR},
                 {"fault", SB_FAULT_CODE},
                 {"fault200", SB_FAULT_CODE_200},
                 {"message", SB_FAULT_MESSAGE},
                 {"limit", SB_FAULT_LIMIT},
                 {"stop", SB_FAULT_STOP},
                 {"slow", SB_FAULT_SLOW},
                 {"start_over", SB_FAULT_START_OVER}};
    int64_t n = strtoll(p->arg, NULL, 10);
    const char *slash = strchr(p->arg, '/');
    if (!strcmp(p->kind, "delay"))
        r->delay_ms = n;
    else if (!strcmp(p->kind, "late"))
        r->late_ms = n;
    else if (!strcmp(p->kind, "lost"))
        r->lost = true;
    else if (!strcmp(p->kind, "twice"))
        r->twice = n == 2 ? 2 : 1;
    else if (!strcmp(p->kind, "again"))
        r->again = true;
    else if (!strcmp(p->kind, "cut"))
        r->cut = n;
    else if (!strcmp(p->kind, "html"))
        r->html = true;
    else if (!strcmp(p->kind, "bad_utf8"))
        r->bad_utf8 = true;
    else if (!strcmp(p->kind, "huge"))
        r->huge = n;
    else if (!strcmp(p->kind, "redirect"))
        snprintf(r->redirect, sizeof(r->redirect), "%s", p->arg);
    else if (!strcmp(p->kind, "http")) {
        r->status = (int)n;
        r->retry_after = slash ? strtoll(slash + 1, NULL, 10) : 0;
    }
    for (size_t i = 0; i < sizeof(inner) / sizeof(inner[0]); i++)
        if (!strcmp(p->kind, inner[i].kind)) {
            r->inner = inner[i].inner;
            r->inner_arg = n;
            snprintf(r->inner_word, sizeof(r->inner_word), "%.63s", slash ? slash + 1 : p->arg);
        }
}

void sb_fault_due(const char *op, struct sb_round *r)
{
    *r = (struct sb_round){.cut = -1};
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < n_plans; i++) {
        struct plan *p = &plans[i];
        size_t len = strlen(p->op);
        bool prefix = len && p->op[len - 1] == '*' && !strncmp(op, p->op, len - 1);
        if (strcmp(p->op, op) && !prefix)
            continue;
        p->seen++;
        if (p->seen >= p->from && (p->to < 0 || p->seen <= p->to))
            take(p, r);
    }
    pthread_mutex_unlock(&lock);
}
