/* The Workbooks side. Section numbers are those of docs/workbooks.md. */
#ifndef SANDBOX_WORKBOOKS_H
#define SANDBOX_WORKBOOKS_H

#include "sandbox.h"

#define WB_COLUMNS 48u

struct wb_person {
    int64_t id, lock, updated_s, created_s;
    char *value[WB_COLUMNS]; /* NULL: null */
    int64_t queue, employer;
    bool deleted, locked;
};
struct wb_org {
    int64_t id;
    char *name;
};
/* One filter: _ff, _ft, _fc of the same place. */
struct wb_filter {
    char *field, *type, *value;
    int64_t *numbers; /* the value as a sorted list of numbers, for eq and ne */
    size_t n_numbers;
};
struct wb_query {
    struct wb_filter filters[512];
    size_t n;
    char *formula; /* NULL: and */
};

extern const char *const wb_column_names[WB_COLUMNS]; /* NULL behind the last */
int wb_column(const char *name);                      /* -1: unknown */

/* workbooks_query.c */
void wb_query_read(struct wb_query *, const char *body);
void wb_query_free(struct wb_query *);
/* The text of a field of some record, for filters; buf serves numbers. NULL: empty. */
typedef const char *wb_get(const void *record, const char *field, char buf[32]);
/* -1: a field or type that is not known, or a formula that does not parse. */
int wb_query_match(const struct wb_query *, wb_get *get, const void *record);

#endif
