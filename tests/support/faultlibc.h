/* Calls of the C library that fail on demand, for code that writes files itself. A program that
 * links wess_faultlibc has these calls wrapped in all that is linked statically into it. */
#ifndef TEST_SUPPORT_FAULTLIBC_H
#define TEST_SUPPORT_FAULTLIBC_H

#include <stdbool.h>

enum libc_call {
    LIBC_OPEN = 1,     /* open, mkostemp */
    LIBC_WRITE = 2,    /* write, pwrite */
    LIBC_TRUNCATE = 4, /* ftruncate */
    LIBC_SYNC = 8,     /* fsync */
    LIBC_RENAME = 16,
    LIBC_FOLDER = 32, /* mkdir */
    LIBC_READ = 64,
    LIBC_ANY = 127
};
enum { LIBC_SHORT = -1 }; /* instead of an error: a write that takes half and says so */

/* The Nth of these calls (from 1) fails with that errno; 0: none. Counts from 0 again. */
void faultlibc_plan(unsigned calls, unsigned at, int error);
bool faultlibc_met(void); /* the Nth call was made */

#endif
