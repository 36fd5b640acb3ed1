/* The IMAP server of the proofs: one mailbox, in memory that a fork keeps. */
#ifndef PROOF_REAL_IMAP_H
#define PROOF_REAL_IMAP_H

#include <stdbool.h>

#include "sandbox.h"

/* What people do. false: it is not possible. */
bool real_imap_mail(const char *name, const char *id);
bool real_imap_tag(const char *name, bool on);

void real_imap_greet(struct sb_buf *);
void real_imap_op(const char *line, char op[64]); /* as faults name it */
/* A command, without its line end. refuse: it is not carried out. */
void real_imap_answer(const char *line, bool refuse, struct sb_buf *);

#endif
