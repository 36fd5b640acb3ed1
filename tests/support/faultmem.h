/* Memory that is refused on demand: of the code that is linked statically into the program, of its
 * arenas, and of SQLite. Each request is counted by kind, and the Nth of one kind can be made to
 * fail, once. What is handed out is remembered until it is freed, with the place that asked. A
 * program that links wess_faultmem has these calls wrapped; nothing is counted before
 * faultmem_install(). */
#ifndef TEST_SUPPORT_FAULTMEM_H
#define TEST_SUPPORT_FAULTMEM_H

#include <stddef.h>
#include <stdint.h>

enum mem_kind {
    MEM_OURS,   /* malloc() and what uses it, and pthread_create(), which takes a stack */
    MEM_ARENA,  /* what is asked of arenas, whether or not that takes another block */
    MEM_SQLITE, /* with no lookaside: so small pieces are asked for too */
    MEM_KINDS
};
struct mem_left {
    uintptr_t by; /* offset in the program, as for addr2line */
    unsigned n;
};

void faultmem_install(void); /* before SQLite is first used */
/* The Nth of that kind fails; 0: none. Counts from 0 again; what was handed out is still known. */
void faultmem_plan(enum mem_kind, unsigned at);
unsigned faultmem_count(enum mem_kind);
/* What is not freed by now, by place; the number of places written. */
size_t faultmem_left(struct mem_left *out, size_t cap);
size_t faultmem_left_sqlite(void); /* bytes */

#endif
