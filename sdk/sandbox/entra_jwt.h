/* Client assertions, verified by GnuTLS. */
#ifndef SANDBOX_ENTRA_JWT_H
#define SANDBOX_ENTRA_JWT_H

#include <stdbool.h>
#include <stdint.h>

struct jwt_wanted {
    const char *client_id, *tenant, *domain;
    int64_t now_s;
};
enum jwt_verdict { JWT_GOOD, JWT_OUT_OF_TIME, JWT_AUDIENCE, JWT_STRANGER, JWT_BROKEN };
bool jwt_certificate(const char *pem);
enum jwt_verdict jwt_judge(const char *text, const struct jwt_wanted *);
void jwt_stop(void);

#endif
