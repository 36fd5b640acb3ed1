/* Credentials and lanes over all users of the process. Private to core/host. */
#ifndef CORE_HOST_CREDENTIAL_H
#define CORE_HOST_CREDENTIAL_H

#include "wess/connector.h"

/* Before a call: WESS_OK to go on. A credential not yet proved is tried by one call alone while
 * others wait, until `cancelled` says that they may not: WESS_CANCELLED. One that was refused is
 * not tried at all: WESS_AUTH, and *e is what the remote said to the one that tried. */
enum wess_code credential_enter(const char *fingerprint, bool (*cancelled)(void *ctx), void *ctx,
                                struct wess_error *e);
enum credential_word { CREDENTIAL_TAKEN, CREDENTIAL_REFUSED, CREDENTIAL_UNCLEAR };
/* `e` is kept when it is refused. */
void credential_leave(const char *fingerprint, enum credential_word, const struct wess_error *e);

/* How many requests a call of that endpoint may have open: grows while welcome, halves when told.
 */
uint32_t lanes_of(const char *endpoint);
void lanes_word(const char *endpoint, bool welcome);

/* A secret stretched, so that a weak one is not guessed from what is stored. Done once for each: an
 * endpoint is opened for every user of a round. false: out of memory. */
enum { STRETCHED = 32 };
bool credential_stretch(const char *salt, const char *secret, unsigned char out[STRETCHED]);

#endif
