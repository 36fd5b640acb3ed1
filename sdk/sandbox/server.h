#ifndef SANDBOX_SERVER_H
#define SANDBOX_SERVER_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "sandbox.h"

struct MHD_Daemon;
/* Loopback; port 0: a free one. cert and key: PEM texts, or NULL for plain HTTP. */
struct MHD_Daemon *server_start(const struct sb_server *, uint16_t port, const char *cert,
                                const char *key);
void server_end_streams(void); /* before it is stopped */
uint16_t server_port(struct MHD_Daemon *);
void server_delay(int64_t ms); /* of every request */
/* Where the offset of the clock is written, for a wess that is to move along (WESS_CLOCK_FILE). */
void server_clock_file(const char *path);
/* A copy of what a connection carries (NTLM), for a request that outlives it. */
void *server_slot_copy(const void *slot);

#endif
