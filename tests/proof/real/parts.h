/* What hangs on an item of a mailbox: a contact's picture, an attached file. A script says them in
 * base64, as a card and a calendar file do. */
#ifndef PROOF_REAL_PARTS_H
#define PROOF_REAL_PARTS_H

#include "exchange.h"
#include "workbooks.h"

#define PART_PHOTO "Photo"
#define PART_FILE "File" /* the one of that name */
#define PART_FILE_NAME "a.txt"

bool part_is(const char *field); /* one of these two */
/* As a person does: in the place of what was there; empty: taken off. */
bool part_set(struct ex_mailbox *, struct ex_item *, const char *field, const char *base64);
/* In base64, malloc'ed; with a "+" behind it for each more of them than one. NULL: none. */
char *part_shown(const struct ex_item *, const char *field);
/* The same of a file on the notes of a record in the CRM. */
char *part_on_notes(const struct wb_record *);
bool part_on_note(const struct wb_record *, const char *base64);
/* All of them: names and lengths. */
void part_list(const struct ex_item *, struct sb_buf *);

#endif
