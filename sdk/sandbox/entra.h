/* The token endpoint: apps, persons, codes and tokens, as Entra has them. */
#ifndef SANDBOX_ENTRA_H
#define SANDBOX_ENTRA_H

#include "sandbox.h"

#define ENTRA_TENANT "7d3c9e52-4f0a-4b61-9f1e-2a6d8b5c0e11"
#define ENTRA_DOMAIN "example.com"
#define ENTRA_AUDIENCE "https://outlook.office365.com"
/* The app that may open all mailboxes, and one that nobody granted anything. */
#define ENTRA_APP "c0ffee00-1111-4222-8333-444455556666"
#define ENTRA_APP_SECRET "Rehearsal~App-Secret.1"
#define ENTRA_POOR_APP "deadbeef-1111-4222-8333-444455556666"
#define ENTRA_POOR_SECRET "Rehearsal~Poor-Secret.2"

bool entra_is_mine(const char *path);
void entra_handle(const struct sb_request *, struct sb_response *);
void entra_name(const char *path, char *op, size_t cap);
/* Who bears a token; the 401's x-ms-diagnostics in *why when nobody may. */
enum entra_bearer { ENTRA_NOBODY, ENTRA_IS_APP, ENTRA_IS_PERSON };
enum entra_bearer entra_bearer(const char *token, const char **login, const char **why);
/* The certificate of the app, PEM; false: it is none. */
bool entra_certificate(const char *pem);
/* device_list, device (user_code, mailbox, deny), expire_tokens, revoke; false: not known. */
bool entra_control(const char *action, const char *query, struct sb_buf *json_out);
void entra_stop(void);

#endif
