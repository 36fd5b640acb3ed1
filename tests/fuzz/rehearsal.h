/* The rehearsal servers without a network: requests of a stranger's client go straight to their
 * handlers. The frame (server.c) is taken in whole, for its private parts. */
#ifndef TEST_FUZZ_REHEARSAL_H
#define TEST_FUZZ_REHEARSAL_H

#include "fuzz.h"
#include "sandbox.h"

/* A server with its data as at the start. */
void rehearsal_start(const struct sb_server *);
void rehearsal_stop(const struct sb_server *);
/* POSTs the body to it; `auth` may be NULL. The answer is ended by rehearsal_end(). */
void rehearsal_ask(const struct sb_server *, const char *path, const char *auth, const char *type,
                   const char *body, struct sb_response *out);
void rehearsal_end(struct sb_response *);
/* /control/PATH?QUERY; false: there is no such request. */
bool rehearsal_control(const char *path, const char *query, struct sb_buf *out);

#endif
