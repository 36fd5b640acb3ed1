/* A remote that answers what the input says, in place of sdk/src/http.c: whole connectors run over
 * it. Answers are separated by zero bytes, the last one is given again and again; a connector that
 * would ask for ever is broken. */
#ifndef TEST_FUZZ_NET_H
#define TEST_FUZZ_NET_H

#include "fuzz.h"

#define NET_REQUESTS_MOST 400u /* of one call */

/* An answer begins with "!NNN TYPE\n" where it is not HTTP 200 of the type given here. "!0": the
 * connection breaks. */
void net_start(const uint8_t *data, size_t size, const char *type);
void net_rewind(void);     /* from the first answer again */
size_t net_requests(void); /* since then */
bool net_was_silent(void); /* some request since then got no answer */

#endif
