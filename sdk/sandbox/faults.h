/* The fault plan and the request log of the frame. */
#ifndef SANDBOX_FAULTS_H
#define SANDBOX_FAULTS_H

#include "sandbox.h"

/* What the frame itself does round a handler. */
struct sb_round {
    int64_t delay_ms, late_ms; /* late: closed at once, carried out later */
    int status;                /* answered instead of being handled; 0: handled */
    int64_t retry_after;
    bool lost;   /* handled, no answer */
    int twice;   /* handled two times, and the answer to which of them goes out; 0: once */
    bool again;  /* its answer comes once more, in front of the next one of that connection */
    int64_t cut; /* bytes of the answer that go out; -1: all */
    bool html, bad_utf8;
    int64_t huge; /* bytes of rubbish behind the answer */
    char redirect[256];
    enum sb_fault inner; /* for the handler */
    int64_t inner_arg;
    char inner_word[64];
};
bool sb_fault_plan(const char *plan); /* false: not understood */
void sb_fault_clear(void);
void sb_fault_due(const char *op, struct sb_round *); /* counts this call of op */

#endif
