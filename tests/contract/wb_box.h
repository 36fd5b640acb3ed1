/* The connector "workbooks" before a rehearsal Workbooks of its own, which holds nobody yet. */
#ifndef TEST_CONTRACT_WB_BOX_H
#define TEST_CONTRACT_WB_BOX_H

#include "box.h"

int wb_box_set_up(void **state, const char *sw); /* `sw`: a switch, NAME=VALUE, or NULL */
/* Opens the connector again. NULL, 0, NULL: the right key, the usual time-out, the fallback. */
void wb_box_open(struct box *, const char *key, uint32_t timeout_ms, const char *page_size);

/* What a person does there by hand. */
int64_t wb_box_new_person(const struct box *, const char *name);
void wb_box_touch(const struct box *, const char *what, int64_t id, const char *more);
size_t wb_box_count(const struct box *, const char *name); /* people of that name */

#endif
