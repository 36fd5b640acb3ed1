/* Credentials and lanes over all users of the process. Private to core/host. */
#ifndef CORE_HOST_CREDENTIAL_H
#define CORE_HOST_CREDENTIAL_H

#include <stdbool.h>
#include <stdint.h>

/* Before a call: true to go on. A credential not yet proved is tried by one call alone while others
 * wait; one that was refused is not tried at all. */
bool credential_enter(const char *fingerprint);
enum credential_word { CREDENTIAL_TAKEN, CREDENTIAL_REFUSED, CREDENTIAL_UNCLEAR };
void credential_leave(const char *fingerprint, enum credential_word);

/* How many requests a call of that endpoint may have open: grows while welcome, halves when told.
 */
uint32_t lanes_of(const char *endpoint);
void lanes_word(const char *endpoint, bool welcome);

#endif
