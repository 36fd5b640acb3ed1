#include "memory.h"

#include <jansson.h>
#include <stdlib.h>

void memory_begin(const struct memory *m)
{
    faultmem_install();
    /* So that what it hands out is ours to count, and to free. */
    json_set_alloc_funcs(malloc, free);
    faultmem_plan(m->kind, m->at);
}

void memory_end(struct memory *m)
{
    for (int k = 0; k < MEM_KINDS; k++)
        m->asked[k] = faultmem_count((enum mem_kind)k);
    m->n_left = faultmem_left(m->left, MEMORY_PLACES);
    m->left_sqlite = faultmem_left_sqlite();
}
