/* A program's output: argument list, no shell, bounded in time and size. */
#ifndef CORE_HOST_EXEC_H
#define CORE_HOST_EXEC_H

#include <stdbool.h>
#include <stddef.h>

/* Runs argv with no input. *out is malloc'ed, zero-terminated, the caller wipes and frees it.
 * false: *why is a short text (static). */
bool exec_read(const char *const *argv, size_t max, int timeout_ms, char **out, size_t *len,
               const char **why);
/* A file that only its owner may read. The same answers. `secret`: refuses what others can read. */
bool file_read(const char *path, size_t max, bool secret, char **out, size_t *len,
               const char **why);

#endif
