/* Form-encoded bodies (application/x-www-form-urlencoded), growing in plain memory. */
#ifndef WESS_SDK_FORM_H
#define WESS_SDK_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct form {
    char *data; /* zero-terminated behind len; malloc'ed */
    size_t len, cap;
    bool spent; /* out of memory: everything added since is missing */
};
void form_add(struct form *, const char *name, const char *value);
void form_addn(struct form *, const char *name, const char *value, size_t len);
void form_number(struct form *, const char *name, int64_t value);
void form_fini(struct form *); /* wipes: the body may hold a key */

#endif
