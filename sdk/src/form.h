/* Form-encoded bodies, growing in plain memory: application/x-www-form-urlencoded, or with a
 * boundary multipart/form-data (RFC 7578). */
#ifndef WESS_SDK_FORM_H
#define WESS_SDK_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct form {
    char *data; /* zero-terminated behind len; malloc'ed */
    size_t len, cap;
    bool spent;           /* out of memory: everything added since is missing */
    const char *boundary; /* NULL: url-encoded; occurs in no value, outlives the form */
};
void form_add(struct form *, const char *name, const char *value);
void form_addn(struct form *, const char *name, const char *value, size_t len);
void form_number(struct form *, const char *name, int64_t value);
/* Of a form with a boundary. A file's content goes behind what is here then, by whoever sends it.
 * false: the names hold what cannot be said in a header. */
bool form_file(struct form *, const char *name, const char *file_name, const char *type);
void form_end(struct form *);
void form_fini(struct form *); /* wipes: the body may hold a key */

#endif
