/* What the head of a message says that others know it by (RFC 5322 2.2, 3.6.4). */
#ifndef VDIR_EML_HEAD_H
#define VDIR_EML_HEAD_H

#include <stddef.h>

#define EML_HEAD_MAX ((size_t)64 << 10) /* bytes of a message that are looked at */
#define EML_ID_MAX ((size_t)998)        /* bytes of a Message-ID: a line's (RFC 5322 2.1.1) */

/* The value of Message-ID, unfolded and without the blanks around it; of several the first. How
 * many bytes, without a zero behind them; 0: it has none, or one that is too long or no ASCII. */
size_t eml_message_id(const char *head, size_t len, char out[EML_ID_MAX]);

#endif
