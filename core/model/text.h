/* Text helpers of the model, beside those that model.h offers to all. */
#ifndef CORE_MODEL_TEXT_H
#define CORE_MODEL_TEXT_H

#include "model/model.h"

/* Canonical text in the arena: NFC, LF, no control characters, no white space at the ends of lines
 * (one line: runs of white space become one space). NULL: arena spent, or *bad: not UTF-8. */
const char *text_canonical(struct wess_arena *, const char *text, size_t len, bool one_line,
                           bool *bad);
size_t text_length(const char *); /* in code points */
bool text_is_utf8(const char *text, size_t len);
/* How many of its bytes, `most` at most, are whole characters. */
size_t text_head(const char *text, size_t len, size_t most);
/* Only what matters when a remote may have rewritten it: letters and digits, folded; HTML tags and
 * entities gone. In the arena; NULL: spent. */
const char *text_bare(struct wess_arena *, const char *);
/* Digits of a phone number, "00" in front as "+". In the arena; NULL: spent. */
const char *text_digits(struct wess_arena *, const char *);

/* A recurrence rule in one spelling, in the arena. NULL: arena spent, or *bad: it is none. */
const char *rrule_canonical(struct wess_arena *, const char *text, bool *bad);

#endif
