/* A signed assertion by which an app proves that it holds its certificate (RFC 7523, RFC 7515). */
#ifndef WESS_SDK_JWT_H
#define WESS_SDK_JWT_H

#include <stdint.h>

#include "wess/connector.h"

struct jwt_client {
    const char *client_id, *audience; /* audience: the token endpoint itself */
    const char *certificate;          /* PEM file; its private key may be in it */
    const char *key;                  /* PEM file, for its owner only; NULL: the certificate's */
    const char *alg;                  /* "PS256" or "RS256" */
};
/* *out is malloc'ed; whoever holds it wipes it. WESS_BROKEN, with the file named: it cannot be
 * read, others can read it, it does not belong to the certificate, or that has expired. */
enum wess_code jwt_assertion(const struct jwt_client *, int64_t now_ms, char **out,
                             struct wess_error *);

#endif
