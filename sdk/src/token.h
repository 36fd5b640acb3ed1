/* What a token endpoint answers (RFC 6749, RFC 8628), and what its refusals mean. Pure. */
#ifndef WESS_SDK_TOKEN_H
#define WESS_SDK_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wess/connector.h"

#define TOKEN_ANSWER_BYTES 65536u /* of an answer; a token has a few thousand */
#define TOKEN_MAX 16384u          /* bytes of a token */

/* Texts are malloc'ed, NULL when not told. Tokens are of visible ASCII, fit for a header. */
struct token_answer {
    char *access, *refresh;
    char *device_code, *user_code, *verification_uri;
    int64_t expires_in_s, interval_s; /* 0: not told */
    char error[48];                   /* "invalid_client"; "": none */
    long number;                      /* of the AADSTS codes of Entra; 0: none */
};
/* false: no such document; *why is a short static text. Ended by token_fini() either way. */
bool token_read(const char *text, size_t len, struct token_answer *, const char **why);
void token_fini(struct token_answer *); /* wipes */

/* What a refusal means: of the credential, of the settings, or passing. The text names the way out;
 * `endpoint` may be NULL. */
enum wess_code token_judge(const struct token_answer *, int status, struct wess_error *);

#endif
